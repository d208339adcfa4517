"""A Flask application that imports at its requests what it could have imported at its start.

With EAGER set it does import it at its start, all but what one page needs.
"""

import os
import time

from flask import Flask

app = Flask(__name__)

# Long enough for the second worker to be asked while the first one answers.
HOLD_SECONDS = 0.05


@app.before_request
def hold():
    time.sleep(HOLD_SECONDS)


@app.route("/")
def index():
    return "well"


@app.route("/json")
def json_page():
    import decimal
    import json
    import uuid

    return json.dumps({"sum": str(decimal.Decimal("1.1") + 2), "id": str(uuid.uuid4())})


@app.route("/xml")
def xml_page():
    import xml.dom.minidom
    import xml.etree.ElementTree as tree

    document = tree.fromstring("<a><b>1</b></a>")
    return xml.dom.minidom.parseString(tree.tostring(document)).toprettyxml()


@app.route("/sql")
def sql_page():
    import csv
    import io
    import sqlite3

    rows = sqlite3.connect(":memory:").execute("select 1, 2").fetchall()
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


@app.route("/native")
def native_page():
    import bz2
    import ctypes
    import lzma
    import ssl

    return f"{ssl.OPENSSL_VERSION} {ctypes.sizeof(ctypes.c_long)} {len(bz2.compress(lzma.compress(b'x')))}"


@app.route("/threads")
def threads_page():
    import asyncio
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        names = pool.map(load_in_a_thread, ["wave", "mailbox"])
        return " ".join([*names, str(asyncio.iscoroutinefunction(hold))])


def load_in_a_thread(name):
    import importlib

    return importlib.import_module(name).__name__


@app.route("/process")
def process_page():
    import subprocess

    return subprocess.run(["/bin/echo", "executed"], capture_output=True, check=True).stdout


@app.route("/late")
def late_page():
    import colorsys

    return str(colorsys.rgb_to_hsv(0.2, 0.4, 0.4))


@app.route("/optional")
def optional_page():
    try:
        import acme_not_installed  # noqa: F401
    except ImportError:
        return "without it"
    return "with it"


if os.environ.get("EAGER"):
    for view in (json_page, xml_page, sql_page, native_page, threads_page, process_page):
        with app.test_request_context():
            view()
