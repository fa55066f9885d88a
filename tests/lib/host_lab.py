"""A host of our own with one repository, a server of ours that listens to it, and what suites do with the two: GitHub, unless a suite says
otherwise (class Lab)."""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import fake_gitea
import fake_github
import sluice

MODE = os.environ.get("MODE", "debug")
TERRAFORM = os.path.join(sluice.ROOT, ".tools", "bin", "terraform")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
TOKEN = "github_pat_11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz"
PEOPLE = {"alice": "write", "bob": "write", "carol": "admin", "rita": "read", "planner": "write"}
PROJECT = 'resource "terraform_data" "x" {\n  input = "%s"\n}\n'
MERGES = "defaults: {automerge: true, merge_method: %s}\nrepos: [{id: /.*/, delete_source_branch_on_merge: %s}]\n"
WORKERS = 4  # cases at a time: they mostly wait
ON_THE_WAY_S = min(0.1 * sluice.SLOWER, 0.9)  # what was sent before a refusal came still arrives


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


@functools.lru_cache(maxsize=1)
def app_key():
    """(private, public), in PEM: a key takes a processor a tenth of a second, and any will do."""
    private = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout
    return private, subprocess.run(["openssl", "rsa", "-pubout"], input=private, check=True, capture_output=True, text=True).stdout


class Lab:
    """A fake GitHub with one repository, and a server of ours that listens to it."""

    host, kind = "github.com", "github"
    people = PEOPLE

    def make_fake(self, latency):
        return fake_github.FakeGitHub(latency=latency)

    def __init__(self, projects=1, tool=STUB, app=False, latency=0.0, settings="", limits="", files=None):
        self.folder = tempfile.mkdtemp(prefix="sluice-github-")
        self.fake = self.make_fake(latency)
        self.fake.add_token(TOKEN, "planner")
        base = {"p%d/main.tf" % i: "# nothing yet\n" for i in range(projects)}
        base.update(files or {})
        change = {"p%d/main.tf" % i: PROJECT % i for i in range(projects)}
        self.git_dir = os.path.join(self.folder, "infra.git")
        sluice.make_repository(self.git_dir, base, {"feature": change, "other": {"p0/main.tf": PROJECT % "other"},
                                                    "apart": {"apart/main.tf": PROJECT % "apart"}, "third": {"third/main.tf": PROJECT % 3}})
        self.repo = self.fake.add_repo("acme/infra", self.git_dir, self.people)
        credential = "token_file: %s" % self.write("token", TOKEN + "\n")
        if app:
            credential = self.make_app()
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE, """listen: 127.0.0.1:0
local: false
tools: {terraform: %s}
limits: {comment_interval: 1s%s}
hosts:
  %s:
    kind: %s
    url: %s
    api_url: %s
    %s
    webhook_secret_files: [%s, %s]
    repos: ["%s/acme/*", "!%s/acme/secret*"]
%s""" % (tool, limits, self.host, self.kind, self.fake.url, self.fake.url + self.fake.prefix, credential,
         self.write("old-secret", "an older secret\n"), self.write("secret", self.fake.secret + "\n"), self.host, self.host, settings))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o600)
        return path

    def make_app(self):
        key, public = (self.write(name, text) for name, text in zip(("app.pem", "app.pub"), app_key()))
        self.fake.add_app(12345, "planner", public, ["acme"])
        return "app_id: 12345\n    app_key_file: %s" % key

    def start(self, environment=None):
        self.server.start(environment)
        port = int(re.findall(r'"port":(\d+)', self.server.log_text())[-1])
        self.fake.hook = ("127.0.0.1", port, "/events/" + self.host)
        return self

    def end(self):
        if self.server.process is not None:
            self.server.kill()
        self.fake.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self, what, timeout=20):
        end = time.monotonic() + timeout * sluice.SLOWER
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            time.sleep(0.005)
        raise AssertionError("nothing came of it in %s s\n%s\n%s" % (timeout, [
            (one["method"], one["path"], one.get("status")) for one in self.fake.calls[-30:]], self.server.log_text()[-3000:]))

    def idle(self, number, timeout=30):
        return self.server.wait_idle(number, timeout)

    def settle(self):
        """Until all that was told is handled."""
        self.wait(lambda: not self.server.pending(), 30)

    def mark(self):
        """From where calls are counted."""
        return len(self.fake.calls), time.monotonic()

    def check_few(self, mark, writes, reads, what):
        """While a run goes on its comment may be edited once a second."""
        begin, since = mark
        edits = int(time.monotonic() - since)
        few = len(self.writes(begin)) <= writes + edits and len(self.reads(begin)) <= reads
        check(few and self.writes(begin), what, calls(self.fake.calls[begin:]))

    def ours(self, number):
        login = "planner[bot]" if self.fake.app else "planner"
        return self.fake.comments_of(self.repo, number, login)

    def says(self, number, text, timeout=20):
        """Our comments that say so, when there is one."""
        return self.wait(lambda: [one for one in self.ours(number) if text in one["json"]["body"]], timeout)

    def applies(self, state=None):
        return [run for run in self.server.must("GET", "/api/runs") if run["kind"] == "apply" and state in (None, run["state"])]

    def check_folded(self, comment):
        """An older plan's comment is not in the way."""
        check(comment["hidden"], "it is not folded:", comment)

    def plan(self, author="alice", branch="feature", **more):
        """A pull request that was opened and planned."""
        number = self.fake.open_pull(self.repo, author, branch, **more)
        self.idle(number)
        return number

    def ask(self, *requests):
        """Of the host, without a server of ours: what the engine can ask. Their answers."""
        words = [self.kind, self.fake.url, self.fake.url + self.fake.prefix, *(os.path.join(self.folder, name) for name in ("token", "secret"))]
        done = subprocess.run([os.path.join(self.server.build, "tests", "host-driver"), *words], text=True, capture_output=True, check=False,
                              input="".join(json.dumps(dict({"repo": self.repo.name}, **one)) + "\n" for one in requests))
        check(done.returncode == 0, "the driver:", done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

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


class GiteaLab(Lab):
    host, kind = "code.acme.test", "gitea"
    people = dict(PEOPLE, planner="admin")

    def make_fake(self, latency):
        return fake_gitea.FakeGitea(latency=latency, forgejo=self.kind == "forgejo")

    def check_folded(self, comment):
        super().check_folded(comment)
        text = comment["json"]["body"]  # Gitea hides nothing: it is folded by its own text
        check(text.startswith("<!-- ") and text.count("Outdated</summary>") == 1 and text.rstrip().endswith("</details>"), "how it is folded:", text)


@contextlib.contextmanager
def lab(kind=Lab, **named):
    made = kind(**named)
    try:
        yield made.start()
    finally:
        made.end()


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
    check(not made.applies(), "applied without an approval")
    fake.review(repo, number, "bob")
    made.says(number, "Ready")
    command = fake.comment(repo, number, "alice", "sluice apply")
    made.wait(made.applies)
    runs = made.idle(number)
    check(runs[0]["kind"] == "apply" and runs[0]["state"] == "done", "the apply:", runs[0])
    check(("planner[bot]" if fake.app else "planner", "eyes") in repo.comments[command]["reactions"], "the reaction is missing")
    applied = made.ours(number)[-1]["json"]["body"]
    check("applied 1 of 1" in applied and "bob" in applied, "the apply's comment:", applied)
    fake.merge(repo, number, "alice")
    made.wait(lambda: made.server.must("GET", "/api/pulls")[0]["state"] == "merged")
    return number, head


def applied(made, branch="feature", wait=True):
    """A pull request that was planned, approved and applied."""
    number = made.plan(branch=branch)
    made.fake.review(made.repo, number, "bob")
    made.says(number, "Ready")
    made.fake.comment(made.repo, number, "alice", "apply")
    if wait:
        made.wait(lambda: made.applies("done"))
    return number


def has_branch(made, name):
    return bool(made.repo.git("for-each-ref", "refs/heads/" + name))


def calls(some):
    return [(one["method"], one["path"], one.get("status")) for one in some]


def plain(text):
    return re.sub(r"\d+ (ms|s)\b", "N s", text)


def outcome(made):
    """What stands at the host in the end."""
    repo = made.repo
    # not their words: a late one speaks of what has happened since
    statuses = {(one["sha"], one["context"]): one["state"] for one in repo.statuses}
    checks = sorted((one["name"], one["head_sha"], one.get("conclusion")) for one in repo.checks.values())
    runs = sorted((run["kind"], run["state"]) for run in made.server.must("GET", "/api/runs"))
    return {"comments": [(plain(one["json"]["body"]), one["hidden"]) for one in made.ours(1)], "statuses": statuses, "checks": checks,
            "reactions": sorted(str(one["reactions"]) for one in repo.comments.values()), "runs": runs,
            "merges": len(repo.git("rev-list", "--merges", "refs/heads/main").split()),
            "branch": [ref for ref in repo.git("for-each-ref", "--format=%(refname)").split() if ref.endswith("feature")]}


def different(wanted, found):
    return "; ".join("%s: %s, undisturbed: %s" % (key, found[key], wanted[key]) for key in wanted if wanted[key] != found[key])
