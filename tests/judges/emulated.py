"""The whole loop on `emulate`, a GitHub that keeps state and that somebody else wrote: an App, webhooks, reviews, checks, comments and the
merge are its; git over HTTP, which it does not speak, is our fake's. It computes the names of git objects as git does, so a repository can
be copied into it object by object."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import fake_github
import judge
import sluice

SECRET = "the secret of a webhook"
REPO = "acme/infra"
STUB = os.path.join(sluice.ROOT, "build", os.environ.get("MODE", "debug"), "tests", "stub-terraform")
# What the loop asks for and emulate does not have: it must not matter. Anything else that is missing is a failure.
NOT_THERE = ("/reactions", "/graphql", "/activity")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Relay(http.server.BaseHTTPRequestHandler):
    """From emulate to us, byte for byte; but its comments do not say that they stand on a pull request, so that is added and signed anew."""

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length", "connection")}
        if self.headers.get("X-GitHub-Event") == "issue_comment":
            event = json.loads(body)
            event["issue"]["pull_request"] = {"url": "x"}
            body = json.dumps(event).encode()
            headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.to_port, timeout=20)
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        self.server.answers.append((self.headers.get("X-GitHub-Event"), answer.status))
        text = answer.read()
        connection.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def make_relay(to_port):
    relay = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    relay.daemon_threads, relay.to_port, relay.answers = True, to_port, []
    threading.Thread(target=relay.serve_forever, daemon=True).start()
    return relay


class AnyToken(dict):
    """Tokens are emulate's; our git only needs that there is one."""

    def __contains__(self, token):
        return token.startswith("ghs_")


class Emulate:
    def __init__(self, folder, hook_port):
        self.port, self.log = free_port(), os.path.join(folder, "emulate.log")
        self.key = os.path.join(folder, "app.pem")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        with open(self.key, encoding="utf-8") as text:
            key = text.read()
        people = ("acme", "alice", "bob", "carol", "rita")
        seed = {"tokens": {"token-of-" + one: {"login": one, "scopes": ["repo"]} for one in people}, "github": {
            "users": [{"login": one, "name": one, "email": one + "@example.org"} for one in people],
            "repos": [{"owner": "acme", "name": "infra", "auto_init": True}],
            "apps": [{"app_id": 12345, "slug": "planner", "name": "planner", "private_key": key,
                      "permissions": {"contents": "read", "pull_requests": "write", "issues": "write", "checks": "write", "metadata": "read"},
                      "events": ["pull_request", "pull_request_review", "issue_comment", "check_run"],
                      "webhook_url": "http://127.0.0.1:%d/events/github.com" % hook_port, "webhook_secret": SECRET,
                      "installations": [{"installation_id": 100, "account": "acme", "repository_selection": "all"}]}]}}
        path = os.path.join(folder, "seed.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(seed, out)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [judge.NODE, os.path.join(judge.PACKAGES, "emulate", "dist", "index.js"), "start", "--service", "github", "--port",
                 str(self.port), "--seed", path], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.url = "http://127.0.0.1:%d" % self.port
        self.wait_ready()

    def wait_ready(self):
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.ask("acme", "GET", "/user")
                return
            time.sleep(0.02)
        with open(self.log, encoding="utf-8", errors="replace") as text:
            raise AssertionError("emulate did not start: " + text.read()[-800:])

    def ask(self, who, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {
                "Authorization": "Bearer token-of-" + who, "Content-Type": "application/json", "User-Agent": "judges"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise AssertionError("%s %s as %s: %d %s" % (method, path, who, answer.status, text[:300]))
        return json.loads(text or b"null")

    def close(self):
        self.process.kill()
        self.process.wait()


def object_of(git_dir, kind, name):
    return subprocess.run(["git", "-C", git_dir, "cat-file", kind, name], check=True, capture_output=True).stdout


def copy_tree(emulate, git_dir, tree):
    """Blobs first: emulate must arrive at the same name for the whole."""
    entries = []
    for line in sluice.git(git_dir, "ls-tree", "-r", tree).splitlines():
        mode, kind, name, path = re.match(r"(\d+) (\w+) (\w+)\t(.+)", line).groups()
        content = base64.b64encode(object_of(git_dir, "blob", name)).decode()
        emulate.ask("acme", "POST", "/repos/%s/git/blobs" % REPO, {"content": content, "encoding": "base64"})
        entries.append({"path": path, "mode": mode, "type": kind, "sha": name})
    return emulate.ask("acme", "POST", "/repos/%s/git/trees" % REPO, {"tree": entries})["sha"]


def copy_commit(emulate, git_dir, commit):
    lines, _, message = object_of(git_dir, "commit", commit).decode().partition("\n\n")
    head = [line.split(" ", 1) for line in lines.split("\n")]
    parents = [value for key, value in head if key == "parent"]
    for parent in parents:
        copy_commit(emulate, git_dir, parent)
    people = {}
    for key, value in head:
        if key in ("author", "committer"):
            name, mail, when = re.match(r"(.*) <(.*)> (\d+) \+0000", value).groups()
            people[key] = {"name": name, "email": mail, "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(when)))}
    made = emulate.ask("acme", "POST", "/repos/%s/git/commits" % REPO, dict(
        people, message=message, tree=copy_tree(emulate, git_dir, dict(head)["tree"]), parents=parents))
    if made["sha"] != commit:
        raise AssertionError("emulate names the commit %s, git %s" % (made["sha"], commit))
    return commit


def copy_branch(emulate, git_dir, branch, exists=False):
    commit = copy_commit(emulate, git_dir, sluice.git(git_dir, "rev-parse", "refs/heads/" + branch))
    if exists:
        emulate.ask("acme", "PATCH", "/repos/%s/git/refs/heads/%s" % (REPO, branch), {"sha": commit, "force": True})
    else:
        emulate.ask("acme", "POST", "/repos/%s/git/refs" % REPO, {"ref": "refs/heads/" + branch, "sha": commit})
    return commit


class Lab:
    def __init__(self, folder):
        self.port = free_port()
        self.relay = make_relay(self.port)
        self.emulate = Emulate(folder, self.relay.server_port)
        self.git_dir = os.path.join(folder, "infra.git")
        sluice.make_repository(self.git_dir, {"p0/main.tf": "# nothing yet\n"}, {"feature": {"p0/main.tf": "# stub: create=1\n"}})
        self.git = fake_github.FakeGitHub()
        self.git.tokens = AnyToken()
        self.git.add_repo(REPO, self.git_dir, {})
        copy_branch(self.emulate, self.git_dir, "main", exists=True)
        self.head = copy_branch(self.emulate, self.git_dir, "feature")
        for who, may in (("alice", "admin"), ("bob", "admin"), ("carol", "admin"), ("rita", "pull")):
            self.emulate.ask("acme", "PUT", "/repos/%s/collaborators/%s" % (REPO, who), {"permission": may})
        secret = os.path.join(folder, "secret")
        with open(secret, "w", encoding="utf-8") as out:
            out.write(SECRET)
        self.server = sluice.Server(os.path.join(folder, "data"), os.environ.get("MODE", "debug"), """listen: 127.0.0.1:%d
local: false
tools: {terraform: %s}
limits: {comment_interval: 1s}
hosts:
  github.com: {kind: github, url: "%s", api_url: "%s", app_id: 12345, app_key_file: %s, webhook_secret_files: [%s], repos: ["github.com/acme/*"]}
""" % (self.port, STUB, self.git.url, self.emulate.url, self.emulate.key, secret))
        self.server.start()

    def end(self):
        self.server.kill()
        self.git.close()
        self.relay.shutdown()
        self.relay.server_close()
        self.emulate.close()

    def ask(self, who, method, path, body=None):
        return self.emulate.ask(who, method, "/repos/%s%s" % (REPO, path), body)

    def comments(self, number):
        return [one["body"] for one in self.ask("acme", "GET", "/issues/%d/comments" % number) if one["user"]["login"] == "planner[bot]"]

    def wait(self, what, words):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError("never: %s\n%s\n%s" % (words, self.comments(1), self.server.log_text()[-1500:]))

    def applies(self):
        return [run for run in self.server.must("GET", "/api/runs") if run["kind"] == "apply"]


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


def loop(lab):
    number = lab.ask("alice", "POST", "/pulls", {"title": "A change", "head": "feature", "base": "main"})["number"]
    lab.git.repos[REPO].git("update-ref", "refs/pull/%d/head" % number, lab.head)
    lab.wait(lambda: [one for one in lab.comments(number) if "1 create" in one], "a plan")
    lab.server.wait_idle(number)
    lab.ask("alice", "POST", "/issues/%d/comments" % number, {"body": "sluice apply"})
    lab.wait(lambda: [one for one in lab.comments(number) if "not applied" in one.lower()], "a refusal")
    check(not lab.applies(), "applied without an approval")
    for who in ("rita", "bob", "carol"):  # two that count: nobody told who pushed
        lab.ask(who, "POST", "/pulls/%d/reviews" % number, {"event": "APPROVE", "commit_id": lab.head})
    lab.wait(lambda: [one for one in lab.comments(number) if "Ready" in one], "ready")
    lab.ask("alice", "POST", "/issues/%d/comments" % number, {"body": "sluice apply"})
    lab.wait(lambda: [run for run in lab.applies() if run["state"] == "done"], "an apply")
    lab.server.wait_idle(number)
    last = lab.comments(number)[-1]
    check("applied 1 of 1" in last and "bob" in last and "rita" not in last, "the apply's comment:", last)
    checks = {one["name"]: one for one in lab.ask("acme", "GET", "/commits/%s/check-runs" % lab.head)["check_runs"]}
    for name in ("sluice/plan", "sluice/apply"):
        check(checks.get(name, {}).get("conclusion") == "success", "the check run", name, checks)
    lab.ask("alice", "PUT", "/pulls/%d/merge" % number, {"merge_method": "squash", "sha": lab.head})
    lab.wait(lambda: lab.server.must("GET", "/api/pulls")[0]["state"] == "merged", "the merge is seen")


def judge_loop(results):
    folder = tempfile.mkdtemp(prefix="sluice-emulate-")
    os.chmod(folder, 0o711)
    lab = None
    try:
        lab = Lab(folder)
        loop(lab)
        refused = set(re.findall(r"GitHub answered \d+ to [A-Z]+ [^\s?]+", lab.server.log_text()))
        check(not [one for one in refused if not one.endswith(NOT_THERE)], "emulate refused", refused)
        events = {event for event, _ in lab.relay.answers}
        check({"pull_request", "issue_comment", "pull_request_review"} <= events, "events:", events)
        check(all(status in (200, 202) for _, status in lab.relay.answers), "a webhook was not taken", lab.relay.answers)
        results.row("passed", "the whole loop on emulate, a GitHub that somebody else wrote")
    except Exception as problem:  # pylint: disable=broad-except
        results.row("failed", "the whole loop on emulate, a GitHub that somebody else wrote", "%s: %s" % (type(problem).__name__, problem))
    finally:
        if lab:
            lab.end()
        shutil.rmtree(folder, ignore_errors=True)
