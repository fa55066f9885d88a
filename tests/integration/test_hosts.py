#!/usr/bin/env python3
"""Setting up a host: an App from a manifest, what doctor finds, and the ways to a host: a proxy, an authority of one's own."""

import contextlib
import html.parser
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fake_github  # noqa: E402  (the path is set just above)
import fake_github_setup  # noqa: E402
import sluice  # noqa: E402

MODE = os.environ.get("MODE", "debug")
PROGRAM = os.path.join(sluice.ROOT, "build", MODE, "sluice")
PUBLIC = "https://sluice.example.org"


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


# ---- an App from a manifest ----

class Page(html.parser.HTMLParser):
    """The form of a page: where it goes, and its hidden values."""

    def __init__(self, text):
        super().__init__()
        self.action, self.values, self.method = None, {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.action, self.method = given["action"], given["method"]
        if tag == "input":
            self.values[given["name"]] = given["value"]


class Making:
    """`sluice github-app` with its page open."""

    def __init__(self, fake, folder, *words):
        self.process = subprocess.Popen([PROGRAM, "github-app", "--host", fake.url, "--url", PUBLIC, "--out", folder, *words],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.said)
        check(found, "no address:", self.said)
        self.port = int(found[1])

    def visit(self, path, host=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Host": host} if host else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def end(self):
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, self.said + err


@contextlib.contextmanager
def making(*words):
    fake = fake_github.FakeGitHub()
    with tempfile.TemporaryDirectory(prefix="sluice-setup-") as folder:
        made = Making(fake, folder, *words)
        try:
            yield fake, folder, made
        finally:
            if made.process.poll() is None:
                made.process.kill()
                made.process.wait()
            fake.close()


def case_an_app_is_three_clicks():
    with making("--org", "acme", "--name", "Sluice of acme") as (fake, folder, made):
        status, text, headers = made.visit("/")
        page = Page(text)
        check(status == 200 and page.method == "post" and "default-src 'none'" in headers["Content-Security-Policy"], status, headers)
        manifest = json.loads(page.values["manifest"])
        check(manifest["hook_attributes"]["url"] == PUBLIC + "/events/127.0.0.1", manifest)
        check(manifest["public"] is False and manifest["default_permissions"]["contents"] == "read", manifest)
        back = urllib.parse.urlsplit(fake_github_setup.submit_manifest(fake, page.action, manifest))
        check(back.netloc == "127.0.0.1:%d" % made.port, "it comes back to", back)
        status, text, _ = made.visit(back.path + "?" + back.query)
        check(status == 200 and "The App is made" in text, status, text)
        code, out, err = made.end()
        check(code == 0, code, err)
        check("app_id: 4711" in out and 'repos: ["127.0.0.1/acme/*"]' in out, out)
        check("/apps/sluice-of-acme/installations/new" in err, err)
        for name, begin in (("github-app.pem", "-----BEGIN RSA PRIVATE KEY-----"), ("webhook-secret", "")):
            path = os.path.join(folder, name)
            check(os.stat(path).st_mode & 0o777 == 0o600, "the rights of", name)
            with open(path, encoding="utf-8") as content:
                content = content.read()
            check(content.startswith(begin) and content.strip() not in out + err + text, "the content of", name)
        config = os.path.join(folder, "server.yaml")
        with open(config, "w", encoding="utf-8") as lines:
            lines.write("listen: 127.0.0.1:0\n" + out)
        done = subprocess.run([PROGRAM, "validate", "--server", config], text=True, capture_output=True, check=False)
        check(done.returncode == 0, "the printed lines:", done.stdout, done.stderr)


def case_an_app_is_made_for_the_one_who_began():
    with making() as (fake, folder, made):
        page = Page(made.visit("/")[1])
        manifest = json.loads(page.values["manifest"])
        back = urllib.parse.urlsplit(fake_github_setup.submit_manifest(fake, page.action, manifest))
        path = back.path + "?" + back.query
        for status, asked, host in ((403, path, "evil.example:%d" % made.port), (403, re.sub("state=.", "state=x", path), None),
                                    (403, "/created?code=abc", None), (404, "/favicon.ico", None), (200, "/", None)):
            check(made.visit(asked, host)[0] == status, asked, host, "wanted", status)
        check(fake.count("POST") == 0 and os.listdir(folder) == [], "somebody else was believed")
        with open(os.path.join(folder, "webhook-secret"), "w", encoding="utf-8") as there:
            there.write("kept")
        made.visit(path)
        code, _, err = made.end()
        check(code == 1 and "set a new secret" in err, code, err)
        with open(os.path.join(folder, "webhook-secret"), encoding="utf-8") as there:
            check(there.read() == "kept", "a secret was overwritten")
        done = subprocess.run([PROGRAM, "github-app", "--host", fake.url, "--url", PUBLIC, "--out", folder], text=True, check=False,
                              capture_output=True, timeout=20)
        check(done.returncode == 1 and "not overwritten" in done.stderr, "files that are there:", done)


def case_an_app_without_a_browser_here():
    fake = fake_github.FakeGitHub()
    with tempfile.TemporaryDirectory(prefix="sluice-setup-") as folder:
        def run(*words):
            return subprocess.run([PROGRAM, "github-app", "--host", fake.url, "--url", PUBLIC, "--out", folder, *words], text=True,
                                  capture_output=True, check=False, timeout=20)
        page = Page(run("--print").stdout)
        printed = json.loads(run("--print", "--json", "--merge").stdout)
        check(printed["manifest"]["default_permissions"]["contents"] == "write", printed)
        manifest = json.loads(page.values["manifest"])
        check(manifest["redirect_url"] == PUBLIC, manifest)
        back = fake_github_setup.submit_manifest(fake, page.action, manifest)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
        check(run("--code", "../../user").returncode == 2, "a code that is a path")
        done = run("--json", "--code", code)
        check(done.returncode == 0 and json.loads(done.stdout)["app_id"] == 4711, done)
        os.unlink(os.path.join(folder, "github-app.pem"))
        os.unlink(os.path.join(folder, "webhook-secret"))
        done = run("--code", code)
        check(done.returncode == 1 and "begin again" in done.stderr and os.listdir(folder) == [], "a code used twice:", done)
    fake.close()
    done = subprocess.run([PROGRAM, "github-app"], text=True, capture_output=True, check=False, timeout=20)
    check(done.returncode == 2 and "--url" in done.stderr, "without --url:", done)


if __name__ == "__main__":
    sluice.run_cases("hosts", sluice.named_cases(globals()))
