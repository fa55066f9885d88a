"""HTTP byte by byte, for clients that no library would agree to be; and deliveries, signed or not."""

import hashlib
import hmac
import json
import os
import socket
import time


class Broken(Exception):
    """What came back is no whole HTTP answer."""


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError as problem:
            raise AssertionError("the answer is not JSON: %r" % self.body[:200]) from problem


class Wire:
    """One TCP connection from `source`, an address of the loopback network: each one is a peer of its own."""

    def __init__(self, port, source="127.0.0.1", timeout=15):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """False when the other side is gone: what it said before can still be read."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return data

    def answer(self, has_body=True):
        """The next answer; Broken when the connection ends before it is whole."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                raise Broken("closed after %r" % self.buffer[:100])
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if status == 100:
            return Answer(status, headers, b"")
        length = int(headers.get("content-length", 0)) if has_body else 0
        while len(self.buffer) < length:
            if not self.more():
                raise Broken("the body ends early")
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, headers, body)

    def seconds_until_closed(self, most):
        """How long the server keeps this connection, with nothing more from us; AssertionError after `most`."""
        begin = time.monotonic()
        self.socket.settimeout(most)
        try:
            while self.more():
                if time.monotonic() - begin > most:
                    raise TimeoutError
        except TimeoutError as late:
            raise AssertionError("still open after %s s" % most) from late
        return time.monotonic() - begin


def request(method, path, body=b"", headers=None, length=None):
    """The bytes of one request. `headers` is a list of pairs; `length` None counts the body, False leaves it out."""
    lines = [b"%s %s HTTP/1.1" % (method.encode(), path if isinstance(path, bytes) else path.encode()), b"Host: sluice"]
    for name, value in headers or []:
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    if length is not False and (body or length is not None):
        lines.append(b"Content-Length: %d" % (len(body) if length is None else length))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Deliveries:
    """Events of the local host as its own hook would send them, for one pull request that exists."""

    def __init__(self, data, pull, repo):
        with open(os.path.join(data, "local.secret"), "rb") as secret:
            self.secret = secret.read()
        self.pull = pull
        self.repo = repo

    def sign(self, body, secret=None):
        return "sha256=" + hmac.new(secret or self.secret, body, hashlib.sha256).hexdigest()

    def comment(self, delivery, text="looks good to me", actor="ann"):
        pull = self.pull
        return json.dumps({
            "event": "comment", "delivery": delivery, "at_ms": 1, "repo": self.repo["name"], "clone_url": self.repo["path"],
            "number": pull["number"], "actor": actor, "actor_is_bot": False, "actor_may_write": True,
            "pull": {key: pull[key] for key in ("author", "title", "head", "head_ref", "base_ref")},
            "comment": {"id": "c" + delivery, "body": text}}).encode()

    def headers(self, body, delivery="", signature=None):
        return [("Content-Type", "application/json"), ("X-Sluice-Delivery", delivery),
                ("X-Sluice-Signature", self.sign(body) if signature is None else signature)]

    def post(self, body, delivery="", signature=None, headers=None):
        """The whole request for a delivery with that body, signed with the right secret unless told otherwise."""
        return request("POST", "/events", body, self.headers(body, delivery, signature) if headers is None else headers)
