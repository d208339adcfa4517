"""Tells a collector that code is alive.

    import alive_tap
    alive_tap.tap("checkout.legacy")
    alive_tap.tap("checkout.legacy", order=17)

tap() sends one datagram, the first time in each process and at each place; tap_each() sends one every
time. Neither waits, raises or writes anything. ALIVE_ADDR is the collector's address (127.0.0.1:25483),
ALIVE_NAME the name of the service, ALIVE_OFF=1 turns it off; all are read when the module is imported.
"""

import os
import socket
import sys

_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/,+<>()[]-")
_AS_IT_STANDS = [chr(b) if b in _KEPT else "%%%02X" % b for b in range(256)]
_seen = set()
_pid = None


def _address():
    """The family and the address, or None where nothing is to be sent."""
    if os.environ.get("ALIVE_OFF", "") not in ("", "0"):
        return None
    host, colon, port = (os.environ.get("ALIVE_ADDR") or "127.0.0.1:25483").rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        return None
    # Numbers only: to look a name up could take seconds.
    family, host = (socket.AF_INET6, host[1:-1]) if host[:1] == "[" and host[-1:] == "]" else (socket.AF_INET, host)
    socket.inet_pton(family, host)
    return family, (host, int(port))


try:
    _to = _address()
    _service = os.environ.get("ALIVE_NAME") or os.path.basename((getattr(sys, "argv", None) or [""])[0])
    _host = os.uname().nodename
except Exception:
    _to = None


# Nothing is refused: neither a name that is missing nor a key of the context that is called "name".
def tap(*name, **context):
    """tap(name, **context) says once for each process and place that the code with this call is alive."""
    if _to is None:
        return
    global _pid
    try:
        name = _text(name[0] if name else context.pop("name", None))
        if not name:
            return
        frame = sys._getframe(1)
        if _pid != os.getpid() or len(_seen) > 10000:
            _pid = os.getpid()
            _seen.clear()
        site = (name, frame.f_code.co_filename, frame.f_lineno)
        if site not in _seen:
            _seen.add(site)
            # Without a descriptor for a socket nothing was told: the next one tries again.
            _send(name, frame, context) or _seen.discard(site)
    except Exception:
        pass


def tap_each(*name, **context):
    """tap_each(name, **context) says so every time."""
    if _to is None:
        return
    try:
        name = _text(name[0] if name else context.pop("name", None))
        if name:
            _send(name, sys._getframe(1), context)
    except Exception:
        pass


def _send(name, frame, context):
    """False where there is no descriptor for a socket."""
    columns = [("name", name), ("file", frame.f_code.co_filename), ("line", frame.f_lineno), ("pid", os.getpid())]
    columns.append(("function", _function(frame)))
    above = frame.f_back
    if above is not None:
        columns.append(("caller", "%s:%d %s" % (above.f_code.co_filename, above.f_lineno, _function(above))))
    columns += [("service", _service), ("host", _host)]
    columns += context.items()
    line = "alive1\tping"
    for key, value in columns:
        value = _escaped(value, 255 if key == "name" else 300)
        column = "\t" + _escaped(key, 64) + "=" + value
        if value and len(line) + len(column) < 1400:
            line += column
    # A socket for this one call: a daemon closes the descriptors that it does not know.
    try:
        sender = socket.socket(_to[0], socket.SOCK_DGRAM)
    except OSError:
        return False
    try:
        sender.setblocking(False)
        sender.sendto(line.encode("ascii") + b"\n", _to[1])
    finally:
        sender.close()
    return True


def _function(frame):
    return getattr(frame.f_code, "co_qualname", frame.f_code.co_name)


def _text(value):
    """What something is as a text, in bytes; none where it does not want to be one."""
    if isinstance(value, bytes):
        return value
    if value is None:
        return b""
    try:
        text = str(value)
    except Exception:
        return b""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _escaped(value, longest):
    value = _text(value)
    return "".join([_AS_IT_STANDS[byte] for byte in value[:longest]])
