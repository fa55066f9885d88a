#!/usr/bin/env python3
"""Hostile HTTP against a running server. Each case must be answered with the right status and a text that says what is
wrong, or be cut in time; meanwhile an ordinary client is served all the time, and at the end nothing it brought is lost,
no descriptor is left open and memory has stayed bounded."""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from sluice import SLOWER  # noqa: E402
from wire import Broken, Deliveries, Wire, request  # noqa: E402

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
DEADLINE_S = 2
CUT_S = DEADLINE_S + 2 * SLOWER  # the server looks once a second
BODY = 1 << 20
PEER = 64
MEMORY_MIB = 128
FRIEND = "127.0.0.99"  # the ordinary client has an address of its own, like everybody
CONFIG = """listen: 127.0.0.1:0
tools: {terraform: %s}
limits: {request_deadline: %ds, body: %d, connections_per_peer: %d}
""" % (STUB, DEADLINE_S, BODY, PEER)


class Field:
    """The server under attack and what the cases need to know of it."""

    def __init__(self, folder):
        self.server = sluice.Server(os.path.join(folder, "data"), MODE, CONFIG)
        sluice.make_repository(os.path.join(folder, "repo.git"), {"a/main.tf": "# stub: create=1\n"},
                               {"feature": {"a/main.tf": "# stub: create=2\n"}})
        self.server.start()
        self.port = int(re.search(r'"port":(\d+)', self.server.log_text())[1])
        repo = self.server.must("POST", "/local/repos", {"name": "r", "import": os.path.join(folder, "repo.git")})
        self.server.must("POST", "/local/pulls",
                         {"repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "ann"})
        self.server.wait_idle(1)
        self.deliveries = Deliveries(self.server.data, self.server.must("GET", "/local/pulls/1"), repo)

    def wire(self, source="127.0.0.1", **options):
        return Wire(self.port, source, **options)

    def once(self, data, source="127.0.0.1", has_body=True):
        with self.wire(source) as wire:
            wire.send(data)
            return wire.answer(has_body)

    def memory_mib(self, field):
        with open("/proc/%d/status" % self.server.process.pid, encoding="utf-8") as status:
            return int(re.search(r"^%s:\s+(\d+)" % field, status.read(), re.M)[1]) / 1024

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.server.process.pid))


# ---- one request, one answer ----------------------------------------------------------------------------------------

PLAIN = [  # name, bytes, status, what the text must say
    ("unknown path", request("GET", "/nope"), 404, "nothing here"),
    ("path that climbs", request("POST", "/events/../../etc/passwd"), 404, "there is no host"),
    ("NUL in the path", request("GET", "/%00"), 404, "nothing here"),
    ("invalid UTF-8 in the path", request("GET", b"/\xff\xfe"), 404, "nothing here"),
    ("invalid UTF-8 in the method", b"G\xff\xfeT /healthz HTTP/1.1\r\nHost: sluice\r\n\r\n", 405, "does not take"),
    ("wrong method", request("DELETE", "/healthz"), 405, "does not take DELETE"),
    ("deliveries are not read", request("GET", "/events"), 405, "does not take GET"),
    ("long method", request("A" * 2000, "/events"), 405, "does not take"),
    ("unknown host", request("POST", "/events/nobody", b"{}"), 404, "nobody"),
    ("host in invalid UTF-8", request("POST", b"/events/%ff%fe", b"{}"), 404, "there is no host"),
    ("the record is not on TCP", request("GET", "/api/runs"), 404, "nothing here"),
    ("commands are not on TCP", request("POST", "/api/commands", b"{}"), 404, "nothing here"),
    ("nor is what was done by hand", request("POST", "/api/audit/external", b"{}"), 404, "nothing here"),
    ("people's actions are not on TCP", request("POST", "/local/pulls/1/approve", b'{"as":"bob"}'), 404, "nothing here"),
    ("10 MiB announced", request("POST", "/events", length=10 << 20), 413, "larger than 1048576 bytes"),
    ("more announced than fits a number", request("POST", "/events", length=1 << 62), 413, "larger than"),
    ("10 MiB announced politely", request("POST", "/events", headers=[("Expect", "100-continue")], length=10 << 20), 413,
     "larger than"),
]
BODIES = [  # name, body, what the text must say; each is signed rightly and answered with 400
    ("empty body", b"", "not JSON"),
    ("truncated JSON", b'{"event":"comment","number":1', "line 1"),
    ("JSON nested 100,000 deep", b"[" * 100000 + b"]" * 100000, "nested deeper"),
    ("objects nested deep", b'{"a":' * 500 + b"1" + b"}" * 500, "nested deeper"),
    ("a key twice", b'{"event":"comment","event":"merged"}', "duplicate"),
    ("invalid UTF-8", b'{"event":"\xff\xfe"}', "decode byte 0xff"),
    ("overlong UTF-8", b'{"event":"\xc0\xaf"}', "decode byte 0xc0"),
    ("half a surrogate", b'{"event":"\\ud800"}', "not JSON"),
    ("NUL byte in the JSON", b'{"event":"com\0ment"}', "not JSON"),
    ("NUL after the JSON", b'{"event":"comment"}\0{}', "not JSON"),
    ("escaped NUL", b'{"event":"com\\u0000ment"}', "not JSON"),
    ("NaN", b'{"event":"comment","number":NaN}', "not JSON"),
    ("no object", b'["event"]', "not an object"),
    ("wrong type", b'{"event":7}', "event"),
    ("number too large", b'{"event":"comment","number":99999999999999999999999}', "too big integer"),
    ("fraction for a number", b'{"event":"comment","repo":"r","clone_url":"/r","number":1.5}', "number"),
    ("a megabyte of blanks", b" " * (BODY - 2) + b"{", "line 1"),
]
CUTS = [  # name, bytes: no request at all, or one that nobody can make sense of: 4xx, 5xx or cut, never taken
    ("TLS on the plain port", bytes.fromhex("16030100c8010000c40303") + b"\x55" * 190),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("binary", bytes(range(256)) * 40),
    ("blank lines for ever", b"\r\n" * 50000),
    ("request line of 1 MiB", b"GET /" + b"a" * BODY + b" HTTP/1.1\r\nHost: s\r\n\r\n"),
    ("request line without an end", b"GET /" + b"a" * 100000),
    ("header of 1 MiB", request("GET", "/healthz", headers=[("X-Long", "a" * BODY)])),
    ("20,000 headers", request("GET", "/healthz", headers=[("X-%d" % i, "v") for i in range(20000)])),
    ("signature of 64 KiB", request("POST", "/events", b"{}", [("X-Sluice-Signature", "sha256=" + "a" * 65536)])),
    ("HTTP/9.9", b"GET /healthz HTTP/9.9\r\nHost: s\r\n\r\n"),
    ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n"),
    ("length that is negative", b"POST /events HTTP/1.1\r\nHost: s\r\nContent-Length: -1\r\n\r\n{}"),
    ("length that is no number", b"POST /events HTTP/1.1\r\nHost: s\r\nContent-Length: 2x\r\n\r\n{}"),
    ("length beyond 64 bits", b"POST /events HTTP/1.1\r\nHost: s\r\nContent-Length: 99999999999999999999999\r\n\r\n{}"),
    ("gzip and no chunks", b"POST /events HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: gzip\r\n\r\n{}"),
    ("two lengths", b"POST /events HTTP/1.1\r\nHost: s\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}"),
    ("chunk size that is no number",
     b"POST /events HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    ("chunk size beyond 64 bits",
     b"POST /events HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n{}\r\n0\r\n\r\n" % (b"f" * 40)),
]


def expect(answer, status, words):
    text = answer.json().get("error", "")
    if answer.status != status or words not in text:
        raise AssertionError("%s with %r, not %s with %r" % (answer.status, text, status, words))
    if "\0" in text or len(text) > 1000:
        raise AssertionError("the text repeats too much: %r" % text[:2000])


def plain(data, status, words):
    return lambda field: expect(field.once(data), status, words)


def body(data, words):
    def check(field):
        expect(field.once(field.deliveries.post(data, "body-%d" % (hash(data) & 0xffffffff))), 400, words)
    return check


def cut(data):
    def check(field):
        with field.wire() as wire:
            wire.send(data)
            try:
                answer = wire.answer()
            except Broken:
                return
            if answer.status not in (400, 404, 405, 413, 414, 431, 501, 505):
                raise AssertionError("answered with %s" % answer.status)
    return check


# ---- who says so ----------------------------------------------------------------------------------------------------

def forged(change, words):
    """`change` makes a signature header of the deliveries and a body."""
    def check(field):
        content = field.deliveries.comment("forged")
        headers = [("Content-Type", "application/json"), ("X-Sluice-Delivery", "forged")]
        headers += [("X-Sluice-Signature", value) for value in change(field.deliveries, content)]
        expect(field.once(request("POST", "/events", content, headers)), 401, words)
    return check


FORGED = [
    ("no signature", lambda d, b: [], "no signature"),
    ("empty signature", lambda d, b: [""], "signature"),
    ("signature of another secret", lambda d, b: [d.sign(b, b"0" * 64)], "wrong"),
    ("signature of another body", lambda d, b: [d.sign(b + b" ")], "wrong"),
    ("signature one digit short", lambda d, b: [d.sign(b)[:-1]], "wrong"),
    ("signature in capitals", lambda d, b: [d.sign(b).upper()], "wrong"),
    ("signature without its kind", lambda d, b: [d.sign(b)[7:]], "wrong"),
    ("signature with more behind", lambda d, b: [d.sign(b) + "00"], "wrong"),
    ("wrong signature before the right one", lambda d, b: [d.sign(b, b"0" * 64), d.sign(b)], "wrong"),
]


def replayed(field):
    content = field.deliveries.comment("replay")
    first = field.once(field.deliveries.post(content, "replay"))
    same = field.once(field.deliveries.post(content, "replay"))
    other_id = field.once(field.deliveries.post(content, "replay-2"))
    other_body = field.once(field.deliveries.post(field.deliveries.comment("replay-3"), "replay"))
    seen = [(a.status, a.json().get("repeated", False)) for a in (first, same, other_id, other_body)]
    if seen != [(202, False), (200, True), (200, True), (200, True)]:
        raise AssertionError("answered %s" % seen)


def strange_ids(field):
    """A delivery id is a word of the host's; a strange one is not believed, the body tells whether it is new."""
    for name, word in (("long", "d" * 5000), ("empty", ""), ("quote", "'; DROP TABLE inbox; --"), ("bytes", b"\xff\xfe")):
        content = field.deliveries.comment("strange-" + name)
        answer = field.once(field.deliveries.post(content, word))
        if answer.status != 202:
            raise AssertionError("%s: %s %s" % (name, answer.status, answer.body))


FORWARDED = [("X-Forwarded-For", "203.0.113.%d"), ("X-Real-IP", "203.0.113.%d"), ("Forwarded", "for=203.0.113.%d;host=evil.invalid"),
             ("X-Forwarded-Host", "evil%d.invalid"), ("X-Forwarded-Proto", "https%d")]


def forged_names(field):
    """What a delivery says of where it was sent is kept nowhere, and nothing is made of it."""
    content = field.deliveries.comment("forwarded", "plan")
    headers = [*field.deliveries.headers(content, "forwarded"), *((name, value % 7) for name, value in FORWARDED)]
    data = field.deliveries.post(content, headers=headers).replace(b"Host: sluice", b"Host: evil.invalid", 1)
    answer = field.once(data)
    if answer.status != 202 or b"evil" in answer.body:
        raise AssertionError("%s %s" % (answer.status, answer.body))
    field.server.wait_idle(1)
    for name in ("sluice.db", "sluice.db-wal", "server.log"):
        path = os.path.join(field.server.data, name)
        with open(path, "rb") as kept:
            text = kept.read()
        if b".invalid" in text or b"203.0.113." in text:
            raise AssertionError("%s has it" % name)


def form_instead_of_json(field):
    content = b"payload=%7B%22event%22%3A%22comment%22%7D"
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Sluice-Signature", field.deliveries.sign(content))]
    answer = field.once(request("POST", "/events", content, headers))
    expect(answer, 415, "application/json")


def json_with_charset(field):
    content = field.deliveries.comment("charset")
    headers = [("content-type", "Application/JSON; charset=utf-8"), ("x-sluice-signature", field.deliveries.sign(content))]
    answer = field.once(request("POST", "/events", content, headers))
    if answer.status != 202:
        raise AssertionError("%s %s" % (answer.status, answer.body))


# ---- bodies that never end, or come twice ---------------------------------------------------------------------------

def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


CHUNKED_POST = b"POST /events HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n"


def cap_to_the_byte(field):
    for length, status in ((BODY, 401), (BODY + 1, 413)):
        answer = field.once(request("POST", "/events", b"a" * length))
        if answer.status != status:
            raise AssertionError("%d bytes: %s" % (length, answer.status))


def ten_mebibytes_in_chunks(field):
    with field.wire() as wire:
        begin = time.monotonic()
        wire.send(CHUNKED_POST)
        for _ in range(160):
            if not wire.send(chunked(b"a" * 65536)):
                break
        wire.send(b"0\r\n\r\n")
        try:
            if wire.answer().status != 413:
                raise AssertionError("it was taken")
        except Broken:
            if time.monotonic() - begin > CUT_S:
                raise


def chunks_without_end(field):
    with field.wire() as wire:
        begin = time.monotonic()
        wire.send(CHUNKED_POST)
        sent = 0
        while wire.send(chunked(b"a" * 65536)):
            sent += 65536
            if time.monotonic() - begin > CUT_S + 1:
                raise AssertionError("still reading after %d bytes" % sent)
        if sent > 64 * BODY:
            raise AssertionError("it read %d bytes of a body that may have %d" % (sent, BODY))


def length_and_chunks(field):
    """Two ways to say where a body ends: whoever stands in front may believe the other one. Never both requests."""
    hidden = field.deliveries.post(field.deliveries.comment("smuggled"), "smuggled")
    data = (b"POST /healthz HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden)
    with field.wire() as wire:
        wire.send(data)
        statuses = []
        try:
            while len(statuses) < 2:
                statuses.append(wire.answer().status)
        except Broken:
            pass
    if 202 in statuses:
        raise AssertionError("the hidden delivery was taken: %s" % statuses)


def two_at_once(field):
    with field.wire() as wire:
        wire.send(b"".join(field.deliveries.post(field.deliveries.comment("pipe-%d" % i), "pipe-%d" % i) for i in range(2)))
        statuses = [wire.answer().status, wire.answer().status]
    if statuses != [202, 202]:
        raise AssertionError(statuses)


def said_and_gone(field):
    """A good delivery from a client that does not wait: taken or not, and the server goes on."""
    for i in range(50):
        with field.wire() as wire:
            wire.send(field.deliveries.post(field.deliveries.comment("gone-%d" % i), "gone-%d" % i))
            if i % 2:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_in_the_body(field):
    for _ in range(200):
        with field.wire() as wire:
            wire.send(request("POST", "/events", b"half of it", length=5000))
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half_closed(field):
    """The HTTP library hangs up on such a client; what it brought is kept all the same, and known when it comes again."""
    content = field.deliveries.comment("half")
    with field.wire() as wire:
        wire.send(field.deliveries.post(content, "half"))
        wire.socket.shutdown(socket.SHUT_WR)
        wire.seconds_until_closed(CUT_S)
    if field.once(field.deliveries.post(content, "half")).status != 200:
        raise AssertionError("it was not kept")


# ---- clients without haste ------------------------------------------------------------------------------------------

def drip(first, each):
    """Says `first`, then `each` every second; must be cut in time although it never rests for long."""
    def check(field):
        with field.wire() as wire:
            begin = time.monotonic()
            wire.send(first)
            wire.socket.settimeout(1)
            while time.monotonic() - begin < CUT_S:
                wire.send(each)
                try:
                    if not wire.more():
                        return
                except TimeoutError:
                    pass
            raise AssertionError("still served after %d s" % CUT_S)
    return check


def silent(field):
    with field.wire() as wire:
        wire.seconds_until_closed(CUT_S)


def never_reads(field):
    """Asks and asks and does not read the answers."""
    with field.wire() as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.socket.settimeout(0.5)
        end = time.monotonic() + CUT_S
        ask = request("GET", "/metrics") * 50
        while time.monotonic() < end:
            try:
                wire.socket.sendall(ask)
            except TimeoutError:
                continue
            except OSError:
                return
        raise AssertionError("still served after %d s" % CUT_S)


def keep_alive(field):
    """Longer than the deadline of one request: an active client is not cut, the same one idle is."""
    with field.wire() as wire:
        end, asked = time.monotonic() + DEADLINE_S + 1.5, 0
        while time.monotonic() < end:
            wire.send(request("GET", "/healthz"))
            if wire.answer().status != 200:
                raise AssertionError("not served")
            asked += 1
            time.sleep(0.01)
        wire.seconds_until_closed(CUT_S)


# ---- crowds ---------------------------------------------------------------------------------------------------------

def crowd_of_one_peer(field):
    source = "127.0.0.50"
    wires = [field.wire(source) for _ in range(PEER + 40)]
    served = 0
    for i, wire in enumerate(wires):
        wire.socket.settimeout(5)
        wire.send(request("GET", "/healthz", headers=[(name, value % (i % 250)) for name, value in FORWARDED]))
        try:
            served += wire.answer().status == 200
        except (Broken, TimeoutError):
            pass
    for wire in wires:
        wire.close()
    if not PEER - 2 <= served <= PEER:
        raise AssertionError("%d connections of one address were served, not %d" % (served, PEER))
    time.sleep(0.3)
    if field.once(request("GET", "/healthz"), source).status != 200:
        raise AssertionError("the address is shut out for good")


class Crowd:
    """Connections that say nothing, held by programs of their own: no single one needs more descriptors than it may have."""

    EACH = 275

    def __init__(self, field, count=4 * EACH):
        self.members = []
        for first in range(0, count, self.EACH):
            there, told = os.pipe()
            go, end = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(end)
                for member in self.members:
                    os.close(member[1])
                self.hold(field, first, told, go)
            os.close(told)
            os.close(go)
            self.members.append((pid, end))
            os.read(there, 1)  # it is in place
            os.close(there)

    def hold(self, field, first, told, go):
        wires = []
        with contextlib.suppress(OSError):  # the places behind the last one are taken by nobody
            for i in range(first, first + self.EACH):
                wires.append(field.wire("127.0.1.%d" % (1 + i % 20), timeout=2))
        os.write(told, b".")
        os.read(go, 1)
        os._exit(0)

    def end(self):
        for _, end in self.members:
            os.close(end)
        for pid, _ in self.members:
            os.waitpid(pid, 0)


def served_within(field, seconds):
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        with contextlib.suppress(Broken, OSError):
            with field.wire("127.0.2.1", timeout=2) as wire:
                wire.send(request("GET", "/healthz"))
                if wire.answer().status == 200:
                    return True
        time.sleep(0.05)
    return False


def crowd_of_all(field):
    """Every place is taken by connections that say nothing: within the deadline the ordinary client is served again."""
    crowd = Crowd(field)
    is_served = served_within(field, CUT_S + 2)
    crowd.end()
    if not is_served:
        raise AssertionError("nobody is served %d s after the crowd came" % (CUT_S + 2))


def crowd_that_goes_as_one(field):
    """Every place comes free at the same moment, while the server looks away: nothing is left that would wake it."""
    crowd = Crowd(field)
    os.kill(field.server.process.pid, signal.SIGSTOP)
    crowd.end()
    os.kill(field.server.process.pid, signal.SIGCONT)
    if not served_within(field, 4 * SLOWER):
        raise AssertionError("nobody is served after the crowd went")


def crowd_of_bodies(field):
    """Many addresses, each with as many almost whole bodies as it may have: memory has an end of its own."""
    wires = []
    for i in range(320):
        try:
            wire = field.wire("127.0.3.%d" % (1 + i % 10), timeout=2)
            wire.send(request("POST", "/events", b"a" * (BODY - 1), length=BODY))
            wires.append(wire)
        except OSError:
            pass
    seen = field.memory_mib("VmRSS")
    statuses = []
    for wire in wires:
        with contextlib.suppress(Broken, OSError):
            wire.send(b"a")
            statuses.append(wire.answer().status)
        wire.close()
    if set(statuses) != {401, 503}:
        raise AssertionError("answered with %s" % set(statuses))
    cap_to_the_byte(field)  # there is room again
    if MODE in ("debug", "release") and seen > MEMORY_MIB:
        raise AssertionError("the server took %d MiB" % seen)


# ---- the unix socket ------------------------------------------------------------------------------------------------

LOCAL = [  # method, path, body, status
    ("GET", "/api/runs/abc", None, 404),
    ("GET", "/api/runs/99999999999999999999999", None, 404),
    ("GET", "/api/runs/-1", None, 404),
    ("GET", "/api/audit?from_ms=x&to_ms=%ff", None, 200),
    ("POST", "/api/commands", "{", 400),
    ("POST", "/api/audit/external", "{", 400),
    ("POST", "/api/audit/external", '{"actor":"a","environment":"","reason":"r"}', 400),
    ("POST", "/api/audit/external", '{"actor":"a","environment":7,"reason":"r"}', 400),
    ("POST", "/api/audit/external", '{"actor":"a","environment":"e","reason":"%s"}' % ("x" * 65536), 400),
    ("GET", "/api/audit/at?at_ms=-1&environment=%00%ff", None, 200),
    ("GET", "/api/audit/verify?after=-5&rows=-5", None, 200),
    ("GET", "/api/audit/verify?after=999999999", None, 200),
    ("POST", "/api/commands", '{"repo":7}', 400),
    ("POST", "/api/commands", "[" * 5000, 400),
    ("POST", "/api/commands", '{"host":"local","repo":"r","number":1,"actor":"\\ud800","text":"plan"}', 400),
    ("GET", "/local/pulls/0", None, 404),
    ("GET", "/local/pulls/999999999999999999", None, 404),
    ("GET", "/local/pulls?repo=%ff%fe&state=%00", None, 200),
    ("POST", "/local/pulls", "null", 400),
    ("POST", "/local/pulls", '{"repo":"../..","title":"t","head_ref":"x","base_ref":"y","as":"ann"}', 400),
    ("POST", "/local/pulls/1/comments", '{"as":"sluice","body":"apply"}', 400),
    ("POST", "/local/pulls/1/comments", json.dumps({"as": "ann", "body": "a" * 900000}), 413),
    ("POST", "/local/pulls/1/comments", json.dumps({"as": "ann", "body": "a" * BODY}), 413),
    ("PATCH", "/local/pulls/1", None, 405),
    ("GET", "/local/%ff", None, 404),
]


def local(method, path, content, status):
    def check(field):
        connection = sluice.UnixConnection(os.path.join(field.server.data, "sluice.sock"), 10)
        try:
            connection.request(method, path, content)
        except BrokenPipeError:
            pass  # it was answered before all of it was sent
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != status or (status >= 400 and not json.loads(text).get("error")):
            raise AssertionError("%s %r" % (answer.status, text[:300]))
    return check


# ---- all of it ------------------------------------------------------------------------------------------------------

CASES = [(name, plain(*rest)) for name, *rest in PLAIN]
CASES += [("signed: " + name, body(*rest)) for name, *rest in BODIES]
CASES += [("cut: " + name, cut(data)) for name, data in CUTS]
CASES += [(name, forged(*rest)) for name, *rest in FORGED]
CASES += [("unix socket: %s %s %s" % (row[0], row[1], (row[2] or "")[:40]), local(*row)) for row in LOCAL]
CASES += [
    ("replayed body and delivery id", replayed),
    ("strange delivery ids", strange_ids),
    ("forged names of the host and of the sender", forged_names),
    ("a form instead of JSON", form_instead_of_json),
    ("JSON with a charset", json_with_charset),
    ("the cap of a body, to the byte", cap_to_the_byte),
    ("10 MiB in chunks", ten_mebibytes_in_chunks),
    ("chunks without end", chunks_without_end),
    ("a length and chunks", length_and_chunks),
    ("two deliveries at once on one connection", two_at_once),
    ("a client that does not wait for the answer", said_and_gone),
    ("200 connections reset in the body", reset_in_the_body),
    ("half-closed connection", half_closed),
    ("one byte of a header a second", drip(b"GET /healthz HTTP/1.1\r\nX-Drip: ", b"a")),
    ("one header a second", drip(b"GET /healthz HTTP/1.1\r\n", b"X-Drip: a\r\n")),
    ("one byte of a body a second", drip(request("POST", "/events", b"{", length=1000), b"a")),
    ("one chunk a second", drip(CHUNKED_POST, chunked(b"a"))),
    ("a connection that says nothing", silent),
    ("a client that never reads", never_reads),
    ("keep-alive for longer than the deadline", keep_alive),
]
CROWDS = [
    ("a crowd from one address", crowd_of_one_peer),
    ("a crowd from everywhere", crowd_of_all),
    ("a crowd that goes as one", crowd_that_goes_as_one),
    ("a crowd of bodies", crowd_of_bodies),
]


class Friend(threading.Thread):
    """The ordinary client: a delivery every 50 ms, all of which must be taken, and soon."""

    def __init__(self, field):
        super().__init__()
        self.field = field
        self.over = threading.Event()
        self.taken, self.times, self.refused = [], [], []

    def run(self):
        number = 0
        while not self.over.wait(0.05):
            number += 1
            name = "friend-%d" % number
            begin = time.monotonic()
            try:
                answer = self.field.once(self.field.deliveries.post(self.field.deliveries.comment(name), name), FRIEND)
                if answer.status != 202:
                    self.refused.append("%s: %s" % (name, answer.status))
                    continue
                self.taken.append(name)
                self.times.append((time.monotonic() - begin) * 1e3)
            except (Broken, OSError) as problem:
                self.refused.append("%s: %s" % (name, problem))

    def end(self):
        self.over.set()
        self.join()


def run_case(field, results, name, check):
    try:
        check(field)
        results.row("passed", name)
    except (AssertionError, Broken, OSError, ValueError, sluice.Gone) as problem:
        results.row("failed", name, "%s: %s" % (type(problem).__name__, problem))


def lost(field, taken):
    """Which of the deliveries that were taken are not in the inbox as handled, now that the server is gone."""
    with contextlib.closing(sqlite3.connect(os.path.join(field.server.data, "sluice.db"))) as database:
        rows = dict(database.execute("SELECT delivery, state FROM inbox"))
    return [name for name in taken if rows.get(name) != 1]


def check_end(field, results, report, friend, before):
    """What must hold when the storm is over."""
    results.row("failed" if friend.refused else "passed", "the ordinary client was served all the time",
                "%d not: %s" % (len(friend.refused), friend.refused[:3]))
    is_up = field.server.is_alive() and field.server.ask("GET", "/readyz")[0] == 200
    results.row("passed" if is_up else "failed", "the server stayed up", field.server.log_text()[-500:])
    if not is_up:
        return
    field.server.must("POST", "/local/pulls/1/comments", {"as": "ann", "body": "plan"})
    runs = field.server.wait_idle(1)
    results.row("passed" if runs[0]["state"] == "done" else "failed", "and still plans", runs[0]["state"])
    end = time.monotonic() + CUT_S
    while (after := field.descriptors()) > before + 2 and time.monotonic() < end:
        time.sleep(0.05)
    results.row("passed" if after <= before + 2 else "failed", "no descriptor is left", "%d, then %d" % (before, after))
    peak, now = field.memory_mib("VmHWM"), field.memory_mib("VmRSS")
    if MODE in ("debug", "release"):
        results.row("passed" if peak <= MEMORY_MIB else "failed", "memory stayed bounded", "%d MiB" % peak)
        report.add("memory at most while attacked", round(peak), "MiB", "<= %d" % MEMORY_MIB, peak <= MEMORY_MIB,
                   "%d MiB afterwards" % now)
    if MODE in ("debug", "release"):
        field.server.kill()
    else:  # a sanitizer tells of leaks when its program ends by itself
        results.row("passed" if field.server.stop() == 0 else "failed", "no leak", field.server.log_text()[-1500:])
    missing = lost(field, friend.taken)
    results.row("failed" if missing else "passed", "nothing that was taken is lost", missing[:5])
    report.add("good deliveries lost or refused while attacked", len(missing) + len(friend.refused), "",
               "0 of %d" % (len(friend.taken) + len(friend.refused)), not missing and not friend.refused)
    if friend.times:  # there are none when a crowd alone was asked for
        report.add("answer to a good delivery while attacked, median", round(statistics.median(friend.times), 1), "ms",
                   "", True, "longest %d ms" % max(friend.times))


def main():
    results, report = sluice.Results("http"), sluice.Report("http")
    folder = tempfile.mkdtemp(prefix="sluice-http-")
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    field = Field(folder)
    try:
        before = field.descriptors()
        friend = Friend(field)
        friend.start()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for name, check in CASES:
                if only in name:
                    pool.submit(run_case, field, results, name, check)
        friend.end()  # a crowd may take every place; then nobody is served for a moment, and that is a case of its own
        for name, check in CROWDS:
            if only in name:
                run_case(field, results, name, check)
        check_end(field, results, report, friend, before)
    finally:
        field.server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    report.write()
    results.end()


if __name__ == "__main__":
    main()
