"""A WSGI application that imports at its requests; account.py writes down who asked."""

import threading

import account  # noqa: F401


def documents():
    import xml.dom.minidom
    import xmlrpc.client  # noqa: F401

    return xml.dom.minidom.parseString("<a/>").toxml()


def numbers():
    import decimal
    import fractions
    import statistics

    return str(statistics.mean([decimal.Decimal(1), fractions.Fraction(2).numerator]))


def database():
    import csv  # noqa: F401
    import sqlite3

    return str(sqlite3.connect(":memory:").execute("select 1").fetchall())


def in_threads():
    names = ["wave", "colorsys", "mailbox", "cProfile"]
    threads = [threading.Thread(target=__import__, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return " ".join(names)


def in_a_task():
    import asyncio

    async def load():
        await asyncio.sleep(0)
        import zoneinfo

        return zoneinfo.__name__

    return asyncio.run(load())


def in_text():
    exec("import shelve, plistlib\n", {})
    return "well"


PAGES = {
    "/documents": documents,
    "/numbers": numbers,
    "/database": database,
    "/threads": in_threads,
    "/task": in_a_task,
    "/text": in_text,
}


def application(environment, start_response):
    text = PAGES[environment["PATH_INFO"]]().encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]
