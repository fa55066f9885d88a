"""Receivers of notices that go wrong on purpose: Slack's API and incoming webhooks, a program behind a signed webhook, a ping,
and a mail server. Each keeps what it took; what it does to the next calls stands in `faults`.

A fault is (what, ...): ("status", 429, {"Retry-After": "1"}), ("error", "ratelimited"), ("reset",) before anything is taken,
("lost",) after it was taken but before the answer, ("hold", event) takes it and answers when the event is set."""

import base64
import email
import email.policy
import http.server
import json
import socket
import socketserver
import struct
import threading
import urllib.parse

CHANNEL = "C024BE91L"


def slam(connection):
    """Ends a connection as a crash does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        data = json.dumps(body).encode() if not isinstance(body, str) else body.encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.handle_call("")

    def do_POST(self):
        self.handle_call(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def handle_call(self, body):
        fake = self.server.fake
        url = urllib.parse.urlsplit(self.path)
        fault = fake.next_fault(url.path)
        if fault[0] == "status":
            return self.answer(fault[1], "no", fault[2] if len(fault) > 2 else {})
        if fault[0] == "error":
            return self.answer(200, {"ok": False, "error": fault[1]})
        if fault[0] == "reset":
            self.close_connection = True
            return slam(self.connection)
        reply = fake.take(url.path, dict(urllib.parse.parse_qsl(url.query)), dict(self.headers), body)
        if fault[0] == "hold":
            fault[1].wait(60)
        if fault[0] == "lost":
            self.close_connection = True
            return slam(self.connection)
        try:
            return self.answer(200, reply)
        except OSError:  # nobody waits for it any more
            self.close_connection = True
            return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class FakeSlack:
    """posts: what chat.postMessage took; hooks, jsons: bodies with headers; pings: a count."""

    def __init__(self):
        self.lock = threading.Lock()
        self.faults, self.posts, self.hooks, self.jsons, self.pings, self.looks = [], [], [], [], 0, 0
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.fake = self
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def next_fault(self, path):
        with self.lock:
            for i, (where, *fault) in enumerate(self.faults):
                if where in path:
                    del self.faults[i]
                    return tuple(fault)
        return ("none",)

    def take(self, path, query, headers, body):
        with self.lock:
            if path == "/hook":
                self.hooks.append(json.loads(body))
                return "ok"
            if path == "/json":
                self.jsons.append((headers, body))
                return {}
            if path == "/ping":
                self.pings += 1
                return ""
            if headers.get("Authorization") != "Bearer xoxb-token-of-the-bot":
                return {"ok": False, "error": "invalid_auth"}
            if path == "/api/chat.postMessage":
                message = json.loads(body)
                message["ts"] = "1763971200.%06d" % (len(self.posts) + 1)
                self.posts.append(message)
                return {"ok": True, "channel": CHANNEL, "ts": message["ts"], "message": {}}
            if path in ("/api/conversations.history", "/api/conversations.replies"):
                self.looks += 1
                return {"ok": True, "messages": [
                    post if query.get("include_all_metadata") == "true" else {"ts": post["ts"]} for post in self.posts]}
            return {"ok": False, "error": "unknown_method"}


class MailHandler(socketserver.StreamRequestHandler):
    """So much of SMTP as a client needs who logs in and sends one message."""

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        fake = self.server.fake
        sender, receivers = None, []
        self.say("220 here")
        while line := self.rfile.readline():
            word, _, rest = line.decode().strip().partition(" ")
            word = word.upper()
            fault = fake.next_fault(word)
            if fault:
                self.say(fault)
            elif word == "EHLO":
                self.say("250-here")
                self.say("250 AUTH PLAIN")
            elif word == "AUTH":
                fake.logins.append(base64.b64decode(rest.split()[-1]).decode().split("\0")[1:])
                self.say("235 fine")
            elif word == "MAIL":
                sender = rest
                self.say("250 fine")
            elif word == "RCPT":
                receivers.append(rest)
                self.say("250 fine")
            elif word == "DATA":
                self.say("354 go on")
                lines = []
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(text)
                fake.mails.append((sender, receivers, email.message_from_bytes(
                    b"".join(lines), policy=email.policy.default)))
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("502 what")


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class FakeMail:
    """mails: (sender, receivers, message); faults: (word, answer) for the next such word."""

    def __init__(self):
        self.mails, self.logins, self.faults = [], [], []
        self.server = MailServer(("127.0.0.1", 0), MailHandler)
        self.server.fake = self
        self.url = "smtp://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next_fault(self, word):
        for i, (where, answer) in enumerate(self.faults):
            if where == word:
                del self.faults[i]
                return answer
        return None

    def close(self):
        self.server.shutdown()
        self.server.server_close()
