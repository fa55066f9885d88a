"""A TLS server of somebody else for tests: certificates of its own authority, basic authentication, module archives, a
dumb git repository, Terraform state, and a cloud that believes web identities. It remembers every request."""

import base64
import hashlib
import http.server
import io
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
import zipfile


def own_name():
    """(name, address) of this machine: tools in Go reach what is called 127.0.0.1 or localhost without any proxy."""
    name = socket.gethostname()
    return name, socket.gethostbyname(name)


def make_certificate(folder, name):
    """(certificate of the authority, chain file of that name)"""
    def run(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, "san"), "w", encoding="utf-8") as out:
        out.write("subjectAltName=IP:127.0.0.1,DNS:%s\n" % name)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
        "-subj", "/CN=an authority of a test")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=test")
    run("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "own.pem",
        "-days", "30", "-extfile", "san")
    with open(os.path.join(folder, "chain.pem"), "wb") as chain:
        for name in ("own.key", "own.pem"):
            with open(os.path.join(folder, name), "rb") as part:
                chain.write(part.read())
    return os.path.join(folder, "ca.pem"), os.path.join(folder, "chain.pem")


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zip_file:
        for name, text in files.items():
            zip_file.writestr(name, text)
    return out.getvalue()


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify_rs256(token, keys):
    """The claims, when one of the keys (JWKS) signed it: RFC 8017 by hand, so that no code of ours judges itself."""
    header, payload, signature = token.split(".")
    header_json = json.loads(unbase64(header))
    key = [key for key in keys["keys"] if key["kid"] == header_json["kid"]][0]
    assert header_json["alg"] == "RS256" and key["kty"] == "RSA" and key["use"] == "sig", (header_json, key)
    n, e = (int.from_bytes(unbase64(key[part]), "big") for part in "ne")
    size = (n.bit_length() + 7) // 8
    opened = pow(int.from_bytes(unbase64(signature), "big"), e, n).to_bytes(size, "big")
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(
        ("%s.%s" % (header, payload)).encode()).digest()
    assert opened == b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest, "the signature does not fit"
    return json.loads(unbase64(payload))


def answer_of(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        place = self.server.place
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.urlsplit(self.path).path
        place.seen.append((self.command, self.path, dict(self.headers), body))
        if path == "/sts":
            self.believe(place, body)
        elif not place.lets_in(self.headers.get("Authorization"), path):
            self.reply(401, b"who are you?", WWW_Authenticate='Basic realm="test"')
        elif path.startswith("/state"):
            self.keep_state(place, path, body)
        elif path in place.files:
            self.reply(200, place.files[path], **({"Content_Type": "application/json"} if path.endswith(".json") else {}))
        elif place.git and path.startswith("/mod.git/"):
            name = os.path.join(place.git, path[len("/mod.git/"):])
            if os.path.isfile(name) and ".." not in path:
                with open(name, "rb") as content:
                    self.reply(200, content.read())
            else:
                self.reply(404)
        else:
            self.reply(404)

    do_GET = do_POST = do_PUT = do_DELETE = do_LOCK = do_UNLOCK = do_HEAD = handle_any

    def keep_state(self, place, path, body):
        if self.command == "POST":
            place.states[path] = body
        elif self.command == "GET" and path not in place.states:
            self.reply(404)
            return
        self.reply(200, place.states.get(path, b"") if self.command == "GET" else b"")

    def believe(self, place, body):
        """What a cloud does: who issued it, what keys has that one, does the signature fit, is it for us and not over."""
        try:
            asked = json.loads(body)
            issuer = json.loads(unbase64(asked["token"].split(".")[1]))["iss"]
            assert issuer == place.issuer, "an issuer that nobody trusts: %s" % issuer
            about = answer_of(place.issuer_at + "/.well-known/openid-configuration")
            assert about["issuer"] == issuer, about
            keys = answer_of(about["jwks_uri"].replace(place.issuer, place.issuer_at))
            claims = verify_rs256(asked["token"], keys)
            assert claims["aud"] == place.audience and claims["nbf"] - 60 <= time.time() < claims["exp"], claims
            place.believed.append(claims)
            self.reply(200, b"believed")
        except (AssertionError, KeyError, ValueError, IndexError, OSError) as problem:
            place.doubts.append(repr(problem))
            self.reply(403, b"not believed")


class TlsPlace:
    def __init__(self, folder, user="robot", token="sesame-open-4711-registry"):
        self.user, self.token = user, token
        self.name, address = own_name()
        self.ca, chain = make_certificate(folder, self.name)
        self.seen, self.files, self.states, self.git = [], {}, {}, None
        self.believed, self.doubts = [], []
        self.issuer, self.issuer_at, self.audience = "", "", ""
        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.place = self
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.host = "%s:%d" % (self.name, self.port)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lets_in(self, given, _path):
        wanted = base64.b64encode(("%s:%s" % (self.user, self.token)).encode()).decode()
        return given == "Basic " + wanted

    def close(self):
        self.server.shutdown()
        self.server.server_close()
