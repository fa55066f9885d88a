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
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fake_github  # noqa: E402  (the path is set just above)
import fake_github_setup  # noqa: E402
import host_lab  # noqa: E402
import sluice  # noqa: E402
import tls  # noqa: E402
from host_lab import check  # noqa: E402

MODE = os.environ.get("MODE", "debug")
PROGRAM = os.path.join(sluice.ROOT, "build", MODE, "sluice")
PUBLIC = "https://sluice.example.org"


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


# ---- what doctor finds ----

class Clinic:
    """A fake with a repository, a configuration for it, and what doctor says of it."""

    def __init__(self, folder, app=False):
        self.fake, self.folder = fake_github.FakeGitHub(), folder
        git_dir = os.path.join(folder, "infra.git")
        sluice.make_repository(git_dir, {"a": "b"}, {})
        self.repo = self.fake.add_repo("acme/infra", git_dir, {"planner": "write"})
        self.fake.add_token("ghp_0123456789", "planner")
        self.write("secret", "a secret of the webhook")
        credential = "token_file: %s" % self.write("token", "ghp_0123456789")
        if app:
            key, public = (self.write(name, text) for name, text in zip(("key", "public"), host_lab.app_key()))
            self.fake.add_app(12345, "planner", public, ["acme"])
            self.fake.app.update(permissions=dict(fake_github_setup.RIGHTS), events=list(fake_github_setup.EVENTS),
                                 hook_url=PUBLIC + "/events/github.com")
            credential = "app_id: 12345, app_key_file: %s" % key
        self.config = self.write("server.yaml", """listen: 127.0.0.1:0
hosts:
  github.com: {kind: github, url: "%s", api_url: "%s", %s, webhook_secret_files: [%s/secret], repos: ["github.com/acme/infra"]}
""" % (self.fake.url, self.fake.url, credential, folder))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def rows(self, *words):
        done = subprocess.run([PROGRAM, "doctor", "--json", "--server", self.config, *words], text=True, capture_output=True, check=False,
                              timeout=60 * sluice.SLOWER)
        return {one["what"]: one for one in json.loads(done.stdout)}

    def check(self, what, is_fine, words):
        rows = self.rows()
        row = rows.get("github.com, " + what)
        check(row, "no row for", what, "but", sorted(rows))
        check(row["ok"] == is_fine and words in row["detail"], what, "wanted:", is_fine, words, "found:", row)
        check(is_fine or len(row["remedy"]) > 20, "no remedy:", row)


@contextlib.contextmanager
def clinic(**named):
    with tempfile.TemporaryDirectory(prefix="sluice-doctor-") as folder:
        made = Clinic(folder, **named)
        try:
            yield made
        finally:
            made.fake.close()


def case_doctor_looks_at_an_app():
    with clinic(app=True) as made:
        app = made.fake.app
        made.check("App", True, "the rights it needs")
        made.check("installations", True, "acme")
        made.check("webhook", True, "nothing was delivered yet")
        app["permissions"]["checks"] = "read"
        made.check("App", False, "missing rights: checks: write; missing events: none")
        app["permissions"]["checks"] = "write"
        app["events"].remove("issue_comment")
        made.check("App", False, "missing events: issue_comment")
        app["accepted"] = {"contents": "read"}
        made.check("installations", False, "acme has not accepted pull_requests: write, checks: write")
        app["suspended"] = "2026-01-05T09:00:00Z"
        made.check("installations", False, "acme is suspended")
        app["deliveries"] = [fake_github_setup.delivery("Bad Gateway", 502)]
        made.check("webhook", False, "issue_comment at 2026-01-05T09:00:00Z: Bad Gateway (502)")
        app["deliveries"] = [fake_github_setup.delivery("OK", 202)]
        made.check("webhook", True, "OK (202)")
        app["hook_url"] = "https://smee.example/x"
        made.check("webhook", False, "goes to \"https://smee.example/x\"")


def case_doctor_looks_at_tokens():
    with clinic() as made:
        fake = made.fake
        made.check("rights in acme/infra", True, "statuses written")
        check(not made.repo.statuses, "doctor left something behind")
        fake.forbidden = ["POST .*/statuses/"]
        made.check("rights in acme/infra", False, "missing: Commit statuses: write")
        fake.forbidden = ["GET .*/pulls"]
        made.check("rights in acme/infra", False, "missing: Pull requests: read")
        fake.forbidden = ["GET /repos/acme/infra$"]
        made.check("acme/infra", False, "403")
        fake.forbidden = []
        fake.scopes = "repo, read:org"
        made.check("token", True, "scopes: repo, read:org")
        fake.scopes = "repo"
        made.check("token", True, "cannot see teams")
        for scopes in ("public_repo, read:org", "", "repo:status"):
            fake.scopes = scopes
            made.check("token", False, "scopes: " + (scopes or "none"))


def case_doctor_looks_at_webhooks_and_rules():
    with clinic() as made:
        repo, ours = made.repo, PUBLIC + "/events/github.com"
        made.check("webhook of acme/infra", True, "only shown to administrators")
        repo.people["planner"] = "admin"
        made.check("webhook of acme/infra", False, "no webhook of it comes to us")
        repo.hooks = [fake_github_setup.hook("https://elsewhere.example/x", 200, "OK"), fake_github_setup.hook(ours, 401, "Invalid HTTP Response: 401")]
        made.check("webhook of acme/infra", False, "401")
        repo.hooks[1] = fake_github_setup.hook(ours, 202, "OK")
        made.check("webhook of acme/infra", True, "OK (202)")
        made.check("rules of acme/infra", True, "can be merged without an apply")
        repo.contexts = ["ci/build", "sluice/apply"]
        made.check("rules of acme/infra", True, "main is merged after the apply")
        repo.contexts.append("atlantis/plan")
        made.check("rules of acme/infra", False, "waits for atlantis/plan")
        repo.contexts, repo.rules = [], {"checks": ["sluice/plan: network", "ci/sluices", "sluice/plan"]}
        made.check("rules of acme/infra", False, "waits for sluice/plan: network, which nobody sends")
        rows = made.rows("--repo", "acme/none")
        check(not rows["github.com, acme/none"]["ok"], rows)


# ---- the way to the host ----

class FarLab(host_lab.Lab):
    """A GitHub behind TLS, by a name that only its certificate and a proxy know."""

    def __init__(self, name, settings="", environment=None):
        self.name, self.proxy = name, tls.Proxy()
        self.certificates = tempfile.TemporaryDirectory(prefix="sluice-tls-")
        os.chmod(self.certificates.name, 0o755)
        self.authority, self.certificate, self.key = tls.make_authority(self.certificates.name, name)
        super().__init__(settings=settings % {"ca": self.authority, "proxy": self.proxy.url})
        self.server.environment.update({key: value % {"proxy": self.proxy.url} for key, value in (environment or {}).items()})

    def make_fake(self, latency):
        fake = super().make_fake(latency)
        tls.cover(fake, self.name, self.certificate, self.key)
        return fake

    def end(self):
        super().end()
        self.proxy.close()
        self.certificates.cleanup()


@contextlib.contextmanager
def far(*words, **named):
    made = FarLab(*words, **named)
    try:
        yield made.start()
    finally:
        made.end()


def planned(made):
    number = made.plan()
    check("1 create" in made.ours(number)[0]["json"]["body"], made.ours(number))
    check(made.fake.count("GIT") > 0, "git did not come")


def case_an_authority_of_ones_own():
    with far("localhost", settings="    ca_bundle: %(ca)s\n") as made:
        planned(made)
        check(not made.proxy.asked, "a proxy was asked:", made.proxy.asked)


def case_an_authority_that_nobody_named():
    with far("localhost") as made:
        made.fake.open_pull(made.repo, "alice", "feature")
        made.wait(lambda: "certificate" in made.server.log_text().lower(), 20)
        check(made.fake.calls == [], "something was sent:", made.fake.calls)
        done = subprocess.run([PROGRAM, "doctor", "--json", "--server", made.server.config], text=True, capture_output=True, check=False)
        row = [one for one in json.loads(done.stdout) if one["what"] == "github.com"][0]
        check(not row["ok"] and "ca_bundle" in row["remedy"], row)


def case_a_proxy_of_the_configuration():
    with far("github.acme.test", settings="    ca_bundle: %(ca)s\n    proxy: %(proxy)s\n") as made:
        planned(made)
        check(len(made.proxy.asked) >= 2 and all(one.startswith("CONNECT github.acme.test:") for one in made.proxy.asked), made.proxy.asked)


def case_a_proxy_of_the_environment():
    with far("github.acme.test", settings="    ca_bundle: %(ca)s\n", environment={"https_proxy": "%(proxy)s", "no_proxy": ""}) as made:
        planned(made)
        check(all(one.startswith("CONNECT github.acme.test:") for one in made.proxy.asked), made.proxy.asked)


def case_a_credential_stays_with_its_host():
    other = fake_github.FakeGitHub()
    other.add_token(host_lab.TOKEN, "planner")
    made = host_lab.Lab()
    try:
        for method, pattern in (("GET", "/permission$"), ("POST", "/statuses/"), ("POST", "/comments$")):
            made.fake.fail(method, pattern, 302, headers={"Location": other.url.replace("127.0.0.1", "localhost") + "/x"})
        made.start()
        number = made.plan()
        made.fake.comment(made.repo, number, "alice", "sluice plan")
        made.wait(lambda: "302" in made.server.log_text())
        check(other.calls == [], "it went there, with", other.calls)
    finally:
        made.end()
        other.close()


if __name__ == "__main__":
    sluice.run_cases("hosts", sluice.named_cases(globals()))
