#!/usr/bin/env python3
"""The whole loop on a GitHub of our own: webhooks in, comments and statuses out, git over smart HTTP, with real Terraform and with the stub."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fake_github  # noqa: E402  (the path is set just above)
import sluice  # noqa: E402

MODE = os.environ.get("MODE", "debug")
TERRAFORM = os.path.join(sluice.ROOT, ".tools", "bin", "terraform")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
TOKEN = "github_pat_11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz"
PEOPLE = {"alice": "write", "bob": "write", "carol": "admin", "rita": "read", "planner": "write"}
PROJECT = 'resource "terraform_data" "x" {\n  input = "%s"\n}\n'
CASES = []


def case(function):
    CASES.append(function)
    return function


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


class Lab:
    """A fake GitHub with one repository, and a server of ours that listens to it."""

    def __init__(self, projects=1, tool=STUB, app=False, latency=0.0, settings="", limits=""):
        self.folder = tempfile.mkdtemp(prefix="sluice-github-")
        self.fake = fake_github.FakeGitHub(latency=latency)
        self.fake.add_token(TOKEN, "planner")
        base = {"p%d/main.tf" % i: "# nothing yet\n" for i in range(projects)}
        change = {"p%d/main.tf" % i: PROJECT % i for i in range(projects)}
        self.git_dir = os.path.join(self.folder, "infra.git")
        sluice.make_repository(self.git_dir, base, {"feature": change, "other": {"p0/main.tf": PROJECT % "other"}})
        self.repo = self.fake.add_repo("acme/infra", self.git_dir, PEOPLE)
        credential = "token_file: %s" % self.write("token", TOKEN + "\n")
        if app:
            credential = self.make_app()
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE, """listen: 127.0.0.1:0
local: false
tools: {terraform: %s}
limits: {comment_interval: 1s%s}
hosts:
  github.com:
    kind: github
    url: %s
    api_url: %s
    %s
    webhook_secret_files: [%s, %s]
    repos: ["github.com/acme/*", "!github.com/acme/secret*"]
%s""" % (tool, limits, self.fake.url, self.fake.url, credential, self.write("old-secret", "an older secret\n"),
         self.write("secret", self.fake.secret + "\n"), settings))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o600)
        return path

    def make_app(self):
        key, public = os.path.join(self.folder, "app.pem"), os.path.join(self.folder, "app.pub")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        self.fake.add_app(12345, "planner", public, ["acme"])
        return "app_id: 12345\n    app_key_file: %s" % key

    def start(self):
        self.server.start()
        port = int(re.findall(r'"port":(\d+)', self.server.log_text())[-1])
        self.fake.hook = ("127.0.0.1", port, "/events/github.com")
        return self

    def end(self):
        self.server.kill()
        self.fake.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self, what, timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            time.sleep(0.005)
        raise AssertionError("nothing came of it in %s s\n%s\n%s" % (timeout, [
            (one["method"], one["path"], one.get("status")) for one in self.fake.calls[-30:]], self.server.log_text()[-3000:]))

    def idle(self, number, timeout=30):
        return self.server.wait_idle(number, timeout)

    def ours(self, number):
        login = "planner[bot]" if self.fake.app else "planner"
        return self.fake.comments_of(self.repo, number, login)

    def plan(self, author="alice", branch="feature", **more):
        """A pull request that was opened and planned."""
        number = self.fake.open_pull(self.repo, author, branch, **more)
        self.idle(number)
        return number

    def head(self, number):
        return self.repo.pulls[number]["head"]

    def writes(self, since=0):
        return [one for one in self.fake.calls[since:] if one["method"] in ("POST", "PATCH", "PUT", "DELETE")]

    def reads(self, since=0):
        return [one for one in self.fake.calls[since:] if one["method"] == "GET"]

    def push(self, branch, files, by):
        work = tempfile.mkdtemp(dir=self.folder)
        sluice.git(self.folder, "clone", "-q", "-b", branch, self.git_dir, work)
        sluice.write_files(work, files)
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", "more by " + by)
        sluice.git(work, "push", "-q", "origin", "HEAD:" + branch)
        shutil.rmtree(work)


@contextlib.contextmanager
def lab(**named):
    made = Lab(**named)
    try:
        yield made.start()
    finally:
        made.end()


# ---- the loop ----

def loop(made):
    fake, repo = made.fake, made.repo
    number = made.plan()
    head = made.head(number)
    texts = [one["json"]["body"] for one in made.ours(number)]
    check(len(texts) == 1 and "1 create" in texts[0], "the plan's comment:", texts)
    check("one approval of this plan is needed" in texts[0], "what is next:", texts)
    fake.comment(repo, number, "alice", "apply")
    made.wait(lambda: [one for one in made.ours(number) if "not applied" in one["json"]["body"].lower() or
                       "approval" in one["json"]["body"] and one["json"]["body"] != texts[0]])
    check(not [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply"], "applied without an approval")
    fake.review(repo, number, "bob")
    made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
    command = fake.comment(repo, number, "alice", "sluice apply")
    made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply"])
    runs = made.idle(number)
    check(runs[0]["kind"] == "apply" and runs[0]["state"] == "done", "the apply:", runs[0])
    check(("planner[bot]" if fake.app else "planner", "eyes") in repo.comments[command]["reactions"], "the reaction is missing")
    applied = made.ours(number)[-1]["json"]["body"]
    check("applied 1 of 1" in applied and "bob" in applied, "the apply's comment:", applied)
    fake.merge(repo, number, "alice")
    made.wait(lambda: made.server.must("GET", "/api/pulls")[0]["state"] == "merged")
    return number, head


@case
def loop_with_token():
    if not os.path.exists(TERRAFORM):
        return "skipped: no terraform in .tools; run scripts/setup test"
    with lab(tool=TERRAFORM) as made:
        number, head = loop(made)
        for context in ("sluice/plan", "sluice/apply"):
            check(made.fake.status_of(made.repo, head, context) == "success", context, made.repo.statuses)
        check(made.fake.count("GIT") > 0, "git did not come over HTTP")
        check(len(made.ours(number)) <= 3, "comments:", len(made.ours(number)))
    return None


def main():
    results = sluice.Results("github")
    for one in CASES:
        if len(sys.argv) > 1 and sys.argv[1] not in one.__name__:
            continue
        try:
            reason = one()
            results.row("skipped" if reason else "passed", one.__name__, reason or "")
        except Exception as problem:  # pylint: disable=broad-except
            results.row("failed", one.__name__, "%s: %s" % (type(problem).__name__, problem))
    results.end()


if __name__ == "__main__":
    main()
