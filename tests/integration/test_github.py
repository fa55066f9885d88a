#!/usr/bin/env python3
"""The whole loop on a GitHub of our own: webhooks in, comments and statuses out, git over smart HTTP, with real Terraform and with the stub."""

import concurrent.futures
import contextlib
import json
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
        key, public = os.path.join(self.folder, "app.pem"), os.path.join(self.folder, "app.pub")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        self.fake.add_app(12345, "planner", public, ["acme"])
        return "app_id: 12345\n    app_key_file: %s" % key

    def start(self):
        self.server.start()
        port = int(re.findall(r'"port":(\d+)', self.server.log_text())[-1])
        self.fake.hook = ("127.0.0.1", port, "/events/" + self.host)
        return self

    def end(self):
        if self.server.process is not None:
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


@case
def loop_as_app():
    if not os.path.exists(TERRAFORM):
        return "skipped: no terraform in .tools; run scripts/setup test"
    with lab(tool=TERRAFORM, app=True) as made:
        _, head = loop(made)
        checks = {one["name"]: one for one in made.repo.checks.values() if one["head_sha"] == head}
        for name in ("sluice/plan", "sluice/apply"):
            check(checks.get(name, {}).get("conclusion") == "success", name, checks)
        check(len(made.repo.checks) == 2, "check runs:", made.repo.checks)
        check(not made.repo.statuses, "an App needs no statuses")
        check(checks["sluice/plan"]["actions"][0]["identifier"] == "plan", "the button:", checks)
        check(made.fake.count("POST", "access_tokens") == 1, "tokens:", made.fake.count("POST", "access_tokens"))
    return None


@case
def button_of_a_check_plans_again():
    with lab(app=True) as made:
        number = made.plan()
        one = next(iter(made.repo.checks.values()))
        for by, runs in (("rita", 1), ("bob", 2)):
            made.fake.tell("check_run", made.repo, by, action="requested_action", requested_action={"identifier": "plan"}, check_run=dict(
                one, pull_requests=[]))
            time.sleep(0.3)
            made.idle(number)
            check(len(made.server.must("GET", "/api/runs")) == runs, by, made.server.must("GET", "/api/runs"))


@case
def errors_stand_beside_their_lines():
    if not os.path.exists(TERRAFORM):
        return "skipped: no terraform in .tools; run scripts/setup test"
    with lab(tool=TERRAFORM, app=True, projects=3) as made:
        bad = "".join('output "o%d" {\n  value = local.missing%d\n}\n' % (i, i) for i in range(40))
        made.push("feature", {"p%d/main.tf" % i: bad for i in range(3)}, "alice")
        made.plan()
        one = next(one for one in made.repo.checks.values() if one["name"] == "sluice/plan")
        notes = one["output"].get("annotations", [])
        check(one["conclusion"] == "failure" and len(notes) > 50, "annotations:", len(notes), one["output"]["title"])
        check(notes[0]["path"] == "p0/main.tf" and "Reference to undeclared local value" in notes[0]["title"], notes[0])
        check(len({(note["path"], note["start_line"]) for note in notes}) == len(notes), "said twice")
    return None


@case
def tokens_of_an_app_are_renewed():
    with lab(app=True) as made:
        made.fake.app["token_life"] = 300  # shorter than what is kept in reserve
        number = made.plan()
        made.fake.comment(made.repo, number, "alice", "plan")
        time.sleep(0.3)
        made.idle(number)
        check(made.fake.count("POST", "access_tokens") >= 2, "it was not renewed before its end")
        for token in [token for token in made.fake.tokens if token.startswith("ghs_")]:
            del made.fake.tokens[token]  # revoked
        made.fake.comment(made.repo, number, "bob", "plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 3)
        check(made.idle(number)[0]["state"] == "done", "a revoked token was not replaced")


# ---- merging ----

MERGES = "defaults: {automerge: true, merge_method: %s}\nrepos: [{id: /.*/, delete_source_branch_on_merge: %s}]\n"


def applied(made, branch="feature", wait=True):
    """A pull request that was planned, approved and applied."""
    number = made.plan(branch=branch)
    made.fake.review(made.repo, number, "bob")
    made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
    made.fake.comment(made.repo, number, "alice", "apply")
    if wait:
        made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply" and run["state"] == "done"])
    return number


def has_branch(made, name):
    return bool(made.repo.git("for-each-ref", "refs/heads/" + name))


@case
def merges_when_all_is_applied():
    for app in (False, True):
        with lab(app=app, projects=2, settings=MERGES % ("squash", "true")) as made:
            made.repo.rules = {"checks": ["sluice/apply"]}
            number = applied(made, wait=False)
            made.wait(lambda: made.repo.pulls[number]["state"] == "merged")
            made.wait(lambda: not has_branch(made, "feature"))
            made.idle(number)
            check(made.server.must("GET", "/api/pulls")[0]["state"] == "merged", made.server.must("GET", "/api/pulls"))
            parents = made.repo.git("rev-list", "--parents", "-1", "refs/heads/main").split()
            check(len(parents) == 2, "it was not squashed:", parents)
            asked = [json.loads(one["body"]) for one in made.fake.calls if one["method"] == "PUT"]
            check(len(asked) == 1 and asked[0]["sha"] == made.head(number), "merged once, and only that head:", asked)


@case
def merges_only_what_is_whole():
    with lab(projects=2, settings=MERGES % ("merge", "false")) as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        fake.review(repo, number, "bob")
        made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
        fake.comment(repo, number, "alice", "apply -p p0")
        made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply" and run["state"] == "done"])
        made.idle(number)
        check(fake.count("PUT") == 0, "half of it was merged")
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: repo.pulls[number]["state"] == "merged")
        made.idle(number)
        check(has_branch(made, "feature"), "a branch was deleted that nobody wanted to lose")
        check(len(repo.git("rev-list", "--parents", "-1", "refs/heads/main").split()) == 3, "it was no merge")


@case
def the_status_of_the_apply_speaks_of_all_plans():
    with lab(projects=2) as made:
        fake, repo = made.fake, made.repo

        def says(state):
            return made.wait(lambda: fake.status_of(repo, head, "sluice/apply") == state)
        number = made.plan()
        head = made.head(number)
        check(fake.status_of(repo, head, "sluice/apply") is None, "nothing was said of an apply yet")
        fake.review(repo, number, "bob")
        made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
        for command, state in (("apply -p p0", "pending"), ("apply", "success"), ("plan", "pending")):
            fake.comment(repo, number, "alice", command)
            says(state)
            made.idle(number)
            check(fake.status_of(repo, head, "sluice/apply") == state, command, repo.statuses[-3:])


@case
def with_nothing_to_apply_the_apply_is_green():
    with lab() as made:
        made.push("apart", {"apart/main.tf": "# stub: no-changes\n"}, "alice")
        number = made.plan(branch="apart")
        head = made.head(number)
        check(made.wait(lambda: made.fake.status_of(made.repo, head, "sluice/apply")) == "success", made.repo.statuses)


def queue(made, number, tree_of="feature"):
    """A merge queue makes a commit and waits for its checks."""
    sha = made.repo.git("commit-tree", "refs/heads/%s^{tree}" % tree_of, "-p", "refs/heads/main", "-m", "queued")
    made.fake.tell("merge_group", made.repo, "alice", action="checks_requested", merge_group={
        "head_sha": sha, "head_ref": "refs/heads/gh-readonly-queue/main/pr-%d-%s" % (number, sha), "base_ref": "refs/heads/main"})
    return sha


@case
def a_merge_queue_is_answered():
    for app in (False, True):
        with lab(app=app) as made:
            fake, repo = made.fake, made.repo

            def says(sha, context, state):
                return made.wait(lambda: fake.status_of(repo, sha, context) == state or any(
                    one["name"] == context and one["head_sha"] == sha and one.get("conclusion") == state for one in repo.checks.values()))
            number = made.plan()
            sha = queue(made, number)
            says(sha, "sluice/plan", "success")
            says(sha, "sluice/apply", "failure")  # nothing is applied yet
            fake.review(repo, number, "bob")
            made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
            fake.comment(repo, number, "alice", "apply")
            made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply" and run["state"] == "done"])
            sha = queue(made, number, "main")
            says(sha, "sluice/apply", "success")
            queue(made, 77)
            made.idle(number)
            check(len(made.server.must("GET", "/api/pulls")) == 1, "a pull request came of a queue")


@case
def merges_by_the_way_that_is_allowed():
    with lab(settings="defaults: {automerge: true}\n") as made:
        made.repo.methods = ["rebase"]
        number = applied(made)
        made.wait(lambda: made.repo.pulls[number]["state"] == "merged")
        asked = [json.loads(one["body"])["merge_method"] for one in made.fake.calls if one["method"] == "PUT"]
        check(asked == ["rebase"], asked)


@case
def a_merge_whose_reply_was_lost_is_done():
    for status in (0, 502):
        with lab(settings=MERGES % ("merge", "true")) as made:
            made.fake.fail("PUT", "/merge$", status, acts=True)
            number = applied(made)
            made.wait(lambda: not has_branch(made, "feature"))
            made.idle(number)
            check(len(made.repo.git("rev-list", "refs/heads/main").split()) == 3, "merged twice")
            check(not [one for one in made.ours(number) if "Not merged" in one["json"]["body"]], "it was called a failure")


@case
def a_merge_that_is_refused_says_why():
    with lab(settings=MERGES % ("squash", "true")) as made:
        made.repo.methods = ["merge"]
        number = applied(made)
        said = made.wait(lambda: [one for one in made.ours(number) if "Not merged" in one["json"]["body"]], 60)
        text = said[0]["json"]["body"]
        check("Squash merges are not allowed" in text and "merge it by hand" in text, text)
        check(has_branch(made, "feature") and made.repo.pulls[number]["state"] == "open", "something was done")


@case
def only_what_was_applied_is_merged():
    with lab(settings=MERGES % ("merge", "true")) as made:
        made.fake.fail("PUT", "/merge$", 502, times=1)
        made.fake.lose_hooks = False
        number = applied(made)
        made.wait(lambda: made.fake.count("PUT", "/merge$") == 1)
        made.push("feature", {"p0/main.tf": PROJECT % "newer"}, "alice")
        made.fake.lose_hooks = True
        made.fake.moved(made.repo, number, "alice")
        made.wait(lambda: made.fake.count("PUT", "/merge$") >= 2)
        made.wait(lambda: [one for one in made.ours(number) if "Not merged" in one["json"]["body"] and "newer push" in one["json"]["body"]])
        check(made.repo.pulls[number]["state"] == "open" and has_branch(made, "feature"), "a push that nobody planned was merged")


@case
def branches_that_must_stay_stay():
    with lab(settings=MERGES % ("merge", "true")) as made:
        made.repo.protected = ["feature"]
        number = applied(made)
        made.wait(lambda: made.repo.pulls[number]["state"] == "merged")
        made.wait(lambda: made.fake.count("GET", "/branches/feature$") == 1)
        made.idle(number)
        check(has_branch(made, "feature") and made.fake.count("DELETE") == 0, "a protected branch was to be deleted")


# ---- few calls ----

@case
def one_project_costs_few_calls():
    with lab() as made:
        fake = made.fake
        time.sleep(0.2)
        begin = len(fake.calls)
        number = made.plan()
        check(len(made.writes(begin)) <= 3 and len(made.reads(begin)) <= 3, "a plan:", calls(fake.calls[begin:]))
        begin = len(fake.calls)
        fake.comment(made.repo, number, "alice", "plan")
        time.sleep(0.5)
        made.idle(number)
        check(1 <= len(made.writes(begin)) <= 3 and len(made.reads(begin)) <= 3, "a plan by command:", calls(fake.calls[begin:]))
        fake.review(made.repo, number, "bob")
        made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
        begin = len(fake.calls)
        fake.comment(made.repo, number, "alice", "apply")
        time.sleep(0.5)
        check(made.idle(number)[0]["kind"] == "apply", "nothing was applied")
        check(1 <= len(made.writes(begin)) <= 4 and len(made.reads(begin)) <= 3, "an apply:", calls(fake.calls[begin:]))


@case
def a_hundred_projects_cost_few_calls():
    with lab(projects=100) as made:
        begin = len(made.fake.calls)
        number = made.plan()
        check(len(made.writes(begin)) <= 10 and len(made.reads(begin)) <= 6, "a plan:", calls(made.fake.calls[begin:]))
        made.fake.review(made.repo, number, "bob")
        time.sleep(0.3)
        made.idle(number)
        begin = len(made.fake.calls)
        made.fake.comment(made.repo, number, "alice", "apply")
        made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply"])
        check(made.idle(number, 60)[0]["state"] == "done", "the apply")
        check(len(made.writes(begin)) <= 10 and len(made.reads(begin)) <= 6, "an apply:", calls(made.fake.calls[begin:]))


# ---- who is listened to ----

@case
def bad_deliveries_change_nothing():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = fake.open_pull(repo, "alice", "feature", tell=False)
        body = {"action": "opened", "number": number, "repository": repo.describe(), "sender": fake_github.user_json("alice"),
                "pull_request": repo.pull_json(number)}
        check(fake.deliver("pull_request", body, signature="sha256=" + "0" * 64) == 401, "forged")
        check(fake.deliver("pull_request", body, signature="") == 401, "unsigned")
        check(fake.deliver("pull_request", body, kind="text/plain") == 415, "of another type")
        check(fake.deliver("pull_request", dict(body, more="x" * (2 << 20))) in (0, 413), "too large")
        secret, fake.secret = fake.secret, "a third secret"
        check(fake.deliver("pull_request", body) == 401, "of another secret")
        fake.secret = secret
        for name in ("acme/secrets", "other/infra", "ACME/secret2"):
            there = dict(body["repository"], full_name=name)
            check(fake.deliver("pull_request", dict(body, repository=there)) == 202, "of a repository that is not served")
        check(fake.deliver("pull_request", dict(body, pull_request={"number": 1})) == 400, "without what is needed")
        check(fake.deliver("hologram", {"action": "x"}) == 202, "of tomorrow")
        time.sleep(0.3)
        check(made.server.must("GET", "/api/pulls") == [] and not made.writes(), "somebody was listened to", made.writes())
        fake.secret = "an older secret"
        check(fake.deliver("pull_request", body, delivery="d-1") == 202, "signed with the older secret")
        fake.secret = secret
        check(fake.deliver("pull_request", body, delivery="d-1") in (200, 202), "told twice")
        check(fake.deliver("pull_request", body, delivery="d-2") in (200, 202), "told again under another name")
        form = dict(body, action="synchronize", again=1)
        check(fake.deliver("pull_request", form, kind="application/x-www-form-urlencoded") == 202, "as a form")
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 1, "runs:", made.server.must("GET", "/api/runs"))


@case
def only_some_are_listened_to():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        before = len(made.ours(number))
        for author in ("rita", "stranger", "renovate[bot]", "planner", "ghost"):
            fake.comment(repo, number, author, "plan")
        before += 1  # the one that somebody wrote with our token
        fake.comment(repo, number, "alice", "> plan")
        fake.comment(repo, number, "alice", "I plan to look at this")
        time.sleep(0.5)
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 1, "runs:", made.server.must("GET", "/api/runs"))
        check(len(made.ours(number)) == before, "somebody was answered")
        check(fake.count("GET", "permission") == 3, "asked about:", calls(fake.calls))
        for author in ("rita", "alice", "stranger"):
            fake.review(repo, number, author)
        fake.comment(repo, number, "bob", "apply")
        made.wait(lambda: len(made.ours(number)) > before)
        check("one approval of this plan is needed" in made.ours(number)[-1]["json"]["body"], made.ours(number)[-1])


@case
def approvals_belong_to_a_head():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        old = made.head(number)
        fake.review(repo, number, "bob")
        made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "alice")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(number)
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: "approval" in made.ours(number)[-1]["json"]["body"])
        # a review of the old head that is told late, and one that GitHub has pointed at the new head but was seen before
        fake.review(repo, number, "carol", commit=old)
        fake.comment(repo, number, "alice", "apply")
        time.sleep(0.5)
        made.idle(number)
        check(not [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply"], "an old approval counted")
        fake.review(repo, number, "carol", state="changes_requested")
        fake.review(repo, number, "bob")
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: "carol asked for changes" in made.ours(number)[-1]["json"]["body"])
        review = dict(repo.reviews[number][-2], state="dismissed")
        fake.tell("pull_request_review", repo, "carol", action="dismissed", review=review, pull_request=repo.pull_json(number))
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply"])
        made.idle(number)
        hidden = [one["hidden"] for one in made.ours(number) if "plan of `%s`" % old[:7] in one["json"]["body"]]
        check(hidden == [True], "the older plan's comment is not folded:", hidden)


def old_approval_after_a_push(points_at_new):
    """GitHub keeps the commit of a review over a force-push, or points it at the new head; it is told so by webhook, found at a start, and
    asked for: an approval that was given before the plan is of no use in any case."""
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        fake.review(repo, number, "bob")
        made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "alice")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(number)
        review = repo.reviews[number][0]
        if points_at_new:
            review["commit_id"] = made.head(number)
        told = dict(review, state="approved")
        fake.tell("pull_request_review", repo, "bob", action="edited", review=told, pull_request=repo.pull_json(number))
        made.server.kill()
        made.start()
        made.wait(lambda: fake.count("GET", "/reviews") > 0)
        time.sleep(0.3)
        made.idle(number)
        before = len(made.ours(number))
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: len(made.ours(number)) > before)
        check("approval of this plan is needed" in made.ours(number)[-1]["json"]["body"], made.ours(number)[-1])
        check(not [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply"], "an old approval counted")


@case
def an_approval_that_stays_at_the_old_commit():
    old_approval_after_a_push(False)


@case
def an_approval_that_is_pointed_at_the_new_commit():
    old_approval_after_a_push(True)


@case
def deliveries_in_any_order():
    """What is told late, twice, or before what came before it: the newest head is planned, once, and what is closed stays closed."""
    with lab() as made:
        fake, repo = made.fake, made.repo
        fake.lose_hooks = True
        number = fake.open_pull(repo, "alice", "feature")
        opened = repo.pull_json(number)
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "alice")
        moved = repo.pull_json(number)
        fake.lose_hooks = False
        for one, action in ((moved, "synchronize"), (opened, "opened"), (moved, "synchronize")):
            fake.tell("pull_request", repo, "alice", action=action, number=number, pull_request=one)
        fake.comment(repo, number, "alice", "sluice plan")
        time.sleep(0.5)
        made.idle(number)
        last = made.server.must("GET", "/api/runs")[0]
        check(last["head"] == made.head(number) and last["state"] == "done", "the last run:", made.server.must("GET", "/api/runs"))
        time.sleep(1.2)  # an older word, if there were one, would come after the newest
        made.idle(number)
        seen = [one["json"]["body"] for one in made.ours(number) if not one["hidden"]]
        check(len(seen) == 1 and "plan of `%s` into `main` · 1 ready" % made.head(number)[:7] in seen[0], seen)
        closed = dict(repo.pull_json(number), state="closed")
        repo.pulls[number]["state"] = "closed"
        fake.tell("pull_request", repo, "alice", action="closed", number=number, pull_request=closed)
        made.wait(lambda: made.server.must("GET", "/api/pulls")[0]["state"] == "closed")
        runs = len(made.server.must("GET", "/api/runs"))
        fake.comment(repo, number, "bob", "sluice plan")
        fake.comment(repo, number, "bob", "sluice apply")
        time.sleep(0.5)
        check(len(made.server.must("GET", "/api/runs")) == runs, "a closed pull request was worked on")


@case
def forks_drafts_and_other_bases():
    with lab(settings="    drafts: false\n    forks: plan_on_command\n") as made:
        fake, repo = made.fake, made.repo
        fork = fake.open_pull(repo, "stranger", "other", fork=True)
        made.wait(lambda: made.ours(fork))
        check("fork" in made.ours(fork)[0]["json"]["body"], made.ours(fork))
        check(made.server.must("GET", "/api/runs") == [], "a fork was planned")
        fake.comment(repo, fork, "bob", "sluice plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 1)
        made.idle(fork)
        fake.review(repo, fork, "bob")
        fake.comment(repo, fork, "bob", "apply")
        made.wait(lambda: "forks are not applied" in made.ours(fork)[-1]["json"]["body"])
        fake.change_pull(repo, fork, "stranger", "closed", state="closed")
        draft = fake.open_pull(repo, "alice", "feature", draft=True)
        time.sleep(0.4)
        check(len(made.server.must("GET", "/api/runs")) == 1, "a draft was planned")
        fake.change_pull(repo, draft, "alice", "ready_for_review", draft=False)
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(draft)
        fake.review(repo, draft, "bob")
        repo.git("branch", "release", "main")
        fake.change_pull(repo, draft, "alice", "edited", changes={"base": {"ref": {"from": "main"}}}, base="release")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 3)
        made.idle(draft)
        check("into `release`" in made.ours(draft)[-1]["json"]["body"], made.ours(draft)[-1]["json"]["body"][:200])
        fake.comment(repo, draft, "alice", "apply")
        made.wait(lambda: "approval" in made.ours(draft)[-1]["json"]["body"])


# ---- limits and failures ----

@case
def nothing_is_sent_while_barred():
    for status, headers in ((403, {"Retry-After": 3}), (429, {"Retry-After": 3}), (429, {"X-RateLimit-Remaining": 0, "X-RateLimit-Reset": 0})):
        with lab() as made:
            made.wait(lambda: made.fake.count("GET", "/user$"))  # pylint: disable=cell-var-from-loop
            time.sleep(0.2)
            made_headers = dict(headers)
            if "X-RateLimit-Reset" in headers:
                made_headers["X-RateLimit-Reset"] = int(time.time()) + 5
            made.fake.fail(None, ".", status, headers=made_headers, body={"message": "You have exceeded a secondary rate limit."})
            number = made.plan()
            refused = next(one for one in made.fake.calls if one.get("status") == status)
            until = made_headers["X-RateLimit-Reset"] if "X-RateLimit-Reset" in headers else refused["at"] + 2.9
            early = [one for one in made.fake.calls if refused["at"] + 0.1 < one["at"] < until and one["method"] != "GIT"]
            check(not early, status, headers, "sent while barred:", calls(early))
            check(len(made.ours(number)) == 1 and made.fake.status_of(made.repo, made.head(number), "sluice/plan") == "success",
                  "something was dropped")


@case
def whatever_fails_is_done_in_the_end():
    for method, pattern, status, acts in (("POST", "comments$", 502, False), ("POST", "comments$", 0, True), ("GET", "comments", 500, False),
                                          ("POST", "statuses", 0, True), ("POST", "statuses", 503, False), ("PATCH", "comments", 0, True),
                                          ("GET", "permission", 502, False), ("GET", "pulls/1$", 404, False), ("GET", "/user$", 500, False),
                                          ("POST", "reactions", 0, True), ("POST", "comments$", 201, False)):
        with lab() as made:
            made.fake.fail(method, pattern, status, times=2, acts=acts, body=b"{" if status == 201 else None)
            number = made.plan()
            made.fake.comment(made.repo, number, "alice", "sluice plan")
            made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)  # pylint: disable=cell-var-from-loop
            made.idle(number)
            check(len(made.ours(number)) == 1, method, pattern, status, "comments:", len(made.ours(number)))
            check(made.fake.status_of(made.repo, made.head(number), "sluice/plan") == "success", method, pattern, status)


@case
def git_is_tried_again():
    with lab() as made:
        made.fake.git_status = 503
        number = made.fake.open_pull(made.repo, "alice", "feature")
        made.wait(lambda: "tried again by itself" in (made.ours(number) or [{"json": {"body": ""}}])[-1]["json"]["body"])
        made.fake.git_status = None
        made.wait(lambda: "1 create" in made.ours(number)[-1]["json"]["body"], 40)
        check(len(made.ours(number)) == 1, "comments:", made.ours(number))


@case
def what_was_missed_is_found():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        other = made.plan(branch="apart")
        fake.lose_hooks = True
        made.push("apart", {"apart/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, other, "alice")
        fake.comment(repo, number, "rita", "sluice apply")
        time.sleep(1.1)  # the host's times are whole seconds
        fake.review(repo, number, "bob")
        fake.comment(repo, number, "alice", "sluice apply")
        new = fake.open_pull(repo, "carol", "third")
        made.server.kill()
        fake.lose_hooks = False
        begin = len(fake.calls)
        made.start()
        made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["kind"] == "apply"])
        made.wait(lambda: len([run for run in made.server.must("GET", "/api/runs") if run["kind"] == "plan"]) >= 4)
        for one in (number, other, new):
            made.idle(one)
        kinds = sorted((run["pull"], run["kind"], run["state"]) for run in made.server.must("GET", "/api/runs"))
        check(kinds == [(1, "apply", "done"), (1, "plan", "done"), (2, "plan", "done"), (2, "plan", "done"), (3, "plan", "done")], kinds)
        check(fake.count("GET", "/pulls.state=open") >= 1, calls(fake.calls[begin:]))
        made.server.kill()
        made.start()
        time.sleep(0.7)
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 5, "what was seen was done again")


@case
def a_deleted_comment_comes_again():
    with lab() as made:
        number = made.plan()
        del made.repo.comments[made.ours(number)[0]["json"]["id"]]
        made.fake.review(made.repo, number, "bob")
        made.wait(lambda: [one for one in made.ours(number) if "Ready" in one["json"]["body"]])


@case
def lists_have_pages():
    with lab() as made:
        made.fake.page_size_most = 7
        number = made.fake.open_pull(made.repo, "alice", "feature", tell=False)
        for i in range(40):
            made.fake.make_comment(made.repo, number, "carol", "talk %d" % i)
        fakes = made.fake.make_comment(made.repo, number, "carol", "<!-- sluice:plan:1:%s -->\nnot ours" % made.head(number)[:12])
        made.fake.change_pull(made.repo, number, "alice", "opened")
        made.idle(number)
        made.server.kill()
        made.start()
        made.fake.comment(made.repo, number, "alice", "plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(number)
        check(len(made.ours(number)) == 1, "comments:", len(made.ours(number)))
        check(made.repo.comments[fakes["id"]]["edits"] == 0, "a comment of somebody else was edited")


@case
def git_follows_nobody():
    with lab() as made:
        other = fake_github.FakeGitHub()
        other.add_token(TOKEN, "planner")
        other.add_repo("acme/infra", made.git_dir, PEOPLE)
        made.fake.redirect_git = other.url.replace("127.0.0.1", "localhost")
        number = made.plan()
        check(other.count() == 0, "it went there, with", other.calls)
        check("cannot be planned" in made.ours(number)[0]["json"]["body"], made.ours(number))
        other.close()


@case
def starts_only_with_what_it_needs():
    for break_it, words in ((lambda made: os.unlink(os.path.join(made.folder, "secret")), "webhook secret"),
                            (lambda made: made.write("secret", "short"), "shorter than"),
                            (lambda made: made.write("secret", ""), "empty"),
                            (lambda made: os.unlink(os.path.join(made.folder, "token")), "token"),
                            (lambda made: made.write("token", "two words"), "more than one word")):
        made = Lab()
        try:
            break_it(made)
            made.server.start(wait=False)
            check(made.server.process.wait(timeout=20) == 78, "the exit code for", words)
            check(words in made.server.log_text(), words, made.server.log_text())
        finally:
            made.end()


@case
def doctor_says_what_is_wrong():
    made = Lab(app=True)
    try:
        def row(words, exit_of_row):
            done = subprocess.run([os.path.join(made.server.build, "sluice"), "doctor", "--json", "--server", made.server.config], text=True,
                                  capture_output=True, check=False)
            found = [one for one in json.loads(done.stdout) if one["what"] == "github.com"][0]
            check(found["ok"] == exit_of_row and words in found["detail"] + found["remedy"], words, found)
        row("takes us for planner[bot]", True)
        made.fake.app["id"] = 99
        row("the credential is not accepted", False)
        made.write("secret", "")
        row("empty", False)
        made.write("secret", made.fake.secret)
        made.fake.server.shutdown()
        made.fake.server.server_close()
        row("reached from here?", False)
    finally:
        made.end()


def calls(some):
    return [(one["method"], one["path"], one.get("status")) for one in some]


def verdict_of(one):
    try:
        reason = one()
        return ("skipped" if reason else "passed"), reason or ""
    except Exception as problem:  # pylint: disable=broad-except
        return "failed", "%s: %s" % (type(problem).__name__, problem)


def run(suite, cases, last=()):
    """A word on the command line chooses; those of `last` come when all others have ended."""
    chosen = [one for one in cases if len(sys.argv) < 2 or sys.argv[1] in one.__name__]
    results = sluice.Results(suite)
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:  # most of the time is spent waiting
        for one, verdict in zip(chosen, pool.map(verdict_of, chosen)):
            results.row(verdict[0], one.__name__, verdict[1])
    for one in last if len(sys.argv) < 2 else ():
        verdict = verdict_of(one)
        results.row(verdict[0], one.__name__, verdict[1])
    results.end()


if __name__ == "__main__":
    run("github", CASES)
