"""What our fakes of hosts have in common: an HTTP server that keeps every call, fails on demand, and serves git over smart HTTP.

A fake has `lock`, `calls`, `faults`, `latency`, `tokens`, `repos`, `used`, `git_status`, `redirect_git`, `prefix` (of its API) and `routes`;
`check_call` looks at the headers of a call, `who` at its credential, `shape` makes pages and headers of an answer, `always` names those that
every answer has. Standard library and git only.
"""

import base64
import http.server
import io
import json
import os
import re
import subprocess
import time
import urllib.parse

GIT_BACKEND = "/usr/lib/git-core/git-http-backend"


class Refusal(Exception):
    def __init__(self, status, message, headers=None):
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


def now_text():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def need(condition, status, message):
    if not condition:
        raise Refusal(status, message)


def check_members(body, required, optional=()):
    need(isinstance(body, dict), 422, "the body is no object")
    for name in required:
        need(name in body, 422, "%s is missing" % name)
    for name in body:
        need(name in required or name in optional, 422, "%s is not known here" % name)


class Fault:
    """The next `times` calls that fit (None: all of them) end with `status`; 0 breaks the connection, after acting when `acts`; None is
    what would have been answered, but `delay` seconds late, or sent twice when `again`. `then` is called when the host has acted."""

    def __init__(self, method, pattern, status, times=1, acts=False, headers=None, body=None, delay=0.0, again=False, then=None):
        self.method, self.pattern, self.status, self.times = method, re.compile(pattern), status, times
        self.acts, self.headers, self.body = acts or status is None, headers or {}, body
        self.delay, self.again, self.then, self.hits = delay, again, then, 0


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # servers of ours are killed in the middle of a request


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body would wait 40 ms for the word that its headers came

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def do_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    break
        else:
            data = self.rfile.read(length)
        if ".git/" in self.path:
            self.git(data)
        else:
            self.api(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_any

    # ---- the API ----

    def api(self, data):
        fake = self.server.fake
        begin = time.monotonic()
        self.path = self.path.removeprefix(fake.longer_prefix)
        path, _, text = self.path.partition("?")
        call = {"method": self.command, "path": self.path, "at": time.time(), "began": begin, "body": data,
                "headers": dict(self.headers)}
        with fake.lock:
            fake.calls.append(call)
        if fake.latency:
            time.sleep(fake.latency)
        fault = self.fault(path)
        answer = None
        try:
            if fault is None or fault.acts:
                answer = self.act(path, dict(urllib.parse.parse_qsl(text)), data)
        except Refusal as refusal:
            answer = refusal.status, {"message": refusal.message, "documentation_url": "https://docs.example"}, refusal.headers
        if fault is not None and fault.then is not None:
            fault.then()
        if fault is not None and fault.status is not None:
            call["status"] = fault.status
            if fault.status == 0:
                self.close_connection = True
                self.connection.close()
                return
            answer = fault.status, fault.body or {"message": "a fault"}, fault.headers
        call["status"] = answer[0]
        if fault is None:
            call["answer"] = answer
        elif fault.delay:
            time.sleep(fault.delay)
        if fault is not None and fault.again:
            self.answer_twice(*answer)
        else:
            self.answer(*answer)

    def answer_twice(self, *answer):
        """In one piece: the second one is there before anybody could ask the next question."""
        real, self.wfile = self.wfile, io.BytesIO()
        self.answer(*answer)
        self.answer(*answer)
        text, self.wfile = self.wfile.getvalue(), real
        self.wfile.write(text)

    def fault(self, path):
        fake = self.server.fake
        with fake.lock:
            for fault in fake.faults:
                if fault.method in (None, self.command) and fault.pattern.search(path):
                    fault.hits += 1
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            fake.faults.remove(fault)
                    return fault
        return None

    def act(self, path, query, data):
        fake = self.server.fake
        fake.check_call(self.headers, self.command, path)
        need(path.startswith(fake.prefix), 404, "Not Found")
        for method, pattern, function, jwt in fake.routes:
            match = pattern.match(path[len(fake.prefix):])
            if match is None or method != self.command:
                continue
            who = fake.who(self.headers, jwt) if jwt is not None else None
            words = match.groupdict()
            body = None
            if self.command != "GET" and (data or "Content-Type" in self.headers):
                need((self.headers.get("Content-Type") or "").startswith("application/json"), 415, "Unsupported 'Content-Type'")
                try:
                    body = json.loads(data)
                except ValueError as problem:
                    raise Refusal(400, "Problems parsing JSON") from problem
            if "repo" in words:
                need(words["repo"] in fake.repos, 404, "Not Found")
                words["repo"] = fake.repos[words["repo"]]
            with fake.lock:
                fake.used += 1
                status, answer = function(fake=fake, who=who, query=query, body=body, **words)
                answer = json.loads(json.dumps(answer))
            return fake.shape(self, status, answer, path, query)
        raise Refusal(404, "Not Found: %s %s" % (self.command, path))

    def answer(self, status, body, headers):
        fake = self.server.fake
        text = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        try:
            self.send_response(status)
            for name, value in dict(fake.always(), **headers).items():
                if value is not None:
                    self.send_header(name, str(value))
            if status != 304:
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if status != 304:
                self.wfile.write(text)
        except OSError:
            self.close_connection = True

    # ---- git ----

    def git(self, data):
        fake = self.server.fake
        path, _, query = self.path.partition("?")
        name = path.lstrip("/").split(".git/")[0]
        kind, _, credential = (self.headers.get("Authorization") or "").partition(" ")
        user, _, token = base64.b64decode(credential or "").decode("latin-1").partition(":")
        with fake.lock:
            fake.calls.append({"method": "GIT", "path": self.path, "at": time.time(), "began": time.monotonic(), "user": user, "status": 0})
        if fake.git_status:
            self.answer(fake.git_status, {"message": "a fault"}, {})
            return
        if fake.redirect_git:
            self.send_response(302)
            self.send_header("Location", fake.redirect_git + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if kind != "Basic" or token not in fake.tokens:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if name not in fake.repos:
            self.answer(404, {"message": "Not Found"}, {})
            return
        folder = fake.repos[name].git_dir
        done = subprocess.run([GIT_BACKEND], input=data, capture_output=True, check=False, env={
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": folder, "PATH_INFO": "/" + path.split(".git/", 1)[1], "GIT_HTTP_EXPORT_ALL": "1",
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "", "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*", "CONTENT_LENGTH": str(len(data))})
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        status = 200
        lines = [line.partition(b":") for line in head.split(b"\r\n") if line]
        for key, _, value in lines:
            if key.lower() == b"status":
                status = int(value.split()[0])
        self.send_response(status)
        for key, _, value in lines:
            if key.lower() not in (b"status", b"content-length"):
                self.send_header(key.decode(), value.strip().decode())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
