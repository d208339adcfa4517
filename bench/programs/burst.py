"""A WSGI application that imports at its first request what it could have imported at its start.

It answers with the number of modules that this brought in.
"""

import sys


def load():
    import asyncio
    import concurrent.futures
    import csv
    import ctypes
    import decimal
    import difflib
    import doctest
    import email.mime.multipart
    import ftplib
    import html.parser
    import imaplib
    import json
    import logging.handlers
    import lzma
    import multiprocessing.pool
    import pdb
    import plistlib
    import smtplib
    import sqlite3
    import ssl
    import tarfile
    import unittest.mock
    import urllib.request
    import uuid
    import xml.dom.minidom
    import xml.etree.ElementTree
    import xmlrpc.client
    import zipfile


def application(environment, start):
    before = len(sys.modules)
    if environment["PATH_INFO"] == "/burst":
        load()
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(len(sys.modules) - before).encode()]
