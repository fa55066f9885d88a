#!/usr/bin/env python3
"""What a server does besides the work: what it remembers, what it shows of running jobs, what it throws away.

    tests/integration/test_upkeep.py [CASE ...]

Real server, real git, stub tool. Results: build/report/results/upkeep.tsv; on stdout only what did not pass."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
CASES = []


def case(function):
    CASES.append((function.__name__, function))
    return function


def expect(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


def eventually(check, what, timeout=10):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("not within %d s: %s" % (timeout, what))


class Place:
    """A server on a repository with one open pull request, number 1, whose plan is done."""

    def __init__(self, config="", orders="create=1", base="/tmp"):
        self.folder = tempfile.mkdtemp(prefix="sluice-upkeep-", dir=base)
        self.repo = os.path.join(self.folder, "repo.git")
        sluice.make_repository(self.repo, {"p/main.tf": "# stub: create=1\n"},
                               {"feature": {"p/main.tf": "# stub: %s\n# changed\n" % orders}})
        self.data = os.path.join(self.folder, "data")
        self.server = sluice.Server(self.data, MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\n%s" % (STUB, config))

    def __enter__(self):
        self.server.start()
        self.server.must("POST", "/local/repos", {"name": "r", "import": self.repo})
        self.server.must("POST", "/local/pulls", {
            "repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "alice"})
        return self

    def __exit__(self, *_):
        self.server.stop()
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def say(self, text, who="alice"):
        """The pull's newest run after everything is done."""
        self.server.must("POST", "/local/pulls/1/comments", {"as": who, "body": text})
        return self.server.wait_idle(1)[0]

    def jobs(self, run):
        return [job["op"] for job in self.server.must("GET", "/api/runs/%d" % run["id"])["jobs"]]

    def trees(self):
        """The work trees there are, oldest first."""
        folder = os.path.join(self.data, "repos", "1", "trees")
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if not name.startswith(".")]
        return sorted(paths, key=lambda path: os.stat(path).st_mtime_ns)

    def push(self, branch, files):
        """A commit that nobody tells the server of."""
        work = os.path.join(self.folder, "work")
        sluice.git(self.folder, "clone", "-q", "-b", branch, self.repo, work)
        sluice.write_files(work, files)
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", "more")
        sluice.git(work, "push", "-q", "--no-verify", "origin", branch)
        shutil.rmtree(work)


# ---- what is remembered ------------------------------------------------------------------------------------------


@case
def second_plan_of_the_same_commits_asks_git_no_more():
    with Place() as place:
        first = place.server.wait_idle(1)[0]
        second = place.say("plan")
        expect(place.jobs(first), ["prepare", "plan"], "the first plan")
        expect(place.jobs(second), ["plan"], "the second plan")
        expect(second["state"], "done")
        expect(len(place.trees()), 1, "work trees")


@case
def base_that_moved_is_merged_again():
    with Place() as place:
        place.server.wait_idle(1)
        os.rename(os.path.join(place.repo, "hooks"), os.path.join(place.repo, "no-hooks"))
        place.push("main", {"q/main.tf": "# stub: create=1\n"})
        second = place.say("plan")
        expect(place.jobs(second), ["prepare", "plan"], "after the base moved")
        expect(len(place.trees()), 2, "work trees")
        expect(place.jobs(place.say("plan")), ["plan"], "with a base that stands still again")


@case
def work_tree_that_is_gone_is_made_again():
    with Place() as place:
        place.server.wait_idle(1)
        tree = place.trees()[0]
        subprocess.run(["chmod", "-R", "u+w", tree], check=True)
        shutil.rmtree(tree)
        second = place.say("plan")
        expect((place.jobs(second), second["state"]), (["prepare", "plan"], "done"))


@case
def git_is_asked_again_after_a_failure_and_after_a_restart():
    with Place() as place:
        place.server.wait_idle(1)
        tree = place.trees()[0]
        subprocess.run(["chmod", "-R", "u+w", tree], check=True)
        shutil.rmtree(os.path.join(tree, "p"))
        os.utime(tree, (1000, 1000))  # older than the machine's start: git will look at it
        expect(place.say("plan")["state"], "failed", "a plan in a damaged work tree")
        healed = place.say("plan")
        expect((place.jobs(healed), healed["state"]), (["prepare", "plan"], "done"), "the plan after it")
        place.server.stop()
        place.server.start()
        expect(place.jobs(place.say("plan")), ["prepare", "plan"], "after a restart")


# ---- what is shown of running jobs -------------------------------------------------------------------------------


def seen_after_ms(place):
    """From the moment the tool's plan began, as the job wrote it down, until the server shows it."""
    place.server.must("POST", "/local/pulls/1/comments", {"as": "alice", "body": "plan"})

    def running():
        run = place.server.must("GET", "/api/runs")[0]
        jobs = place.server.must("GET", "/api/runs/%d" % run["id"])["jobs"]
        return [job for job in jobs if job["op"] == "plan" and job["step"] == "plan" and job["state"] == "running"]

    job = eventually(running, "the running step is shown")[0]
    now_ms = time.time() * 1e3
    with open(os.path.join(place.data, "jobs", "%d-1" % job["id"], "events.ndjson"), encoding="utf-8") as lines:
        began = [json.loads(line)["at_ms"] for line in lines if '"plan"' in line][0]
    place.server.wait_idle(1)
    return now_ms - began


@case
def running_step_is_shown_at_once():
    """A timer of a second alone would need nearly all of it: jobs are asked for and begin at the same moment."""
    with Place(orders="create=1 sleep=1500") as place:
        place.server.wait_idle(1)
        took = [seen_after_ms(place) for _ in range(2)]
        assert min(took) < 500, "seen %s ms after it began" % took


def main():
    results = sluice.Results("upkeep")
    for name, run in CASES:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        try:
            run()
            results.row("passed", name)
        except Exception as error:  # a case that breaks is a case that fails
            results.row("failed", name, "%s: %s" % (type(error).__name__, error))
    results.end()


main()
