#!/usr/bin/env python3
"""What a server does besides the work: what it remembers, what it shows of running jobs, what it throws away.

    tests/integration/test_upkeep.py [CASE ...]

Real server, real git, stub tool. Results: build/report/results/upkeep.tsv; on stdout only what did not pass."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from one_pull import OnePull  # noqa: E402
from sluice import expect  # noqa: E402

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
CASES = []


def case(function):
    CASES.append((function.__name__, function))
    return function


def eventually(check, what, timeout=10):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("not within %d s: %s" % (timeout, what))


class Place(OnePull):
    def __init__(self, config="", orders="create=1", base="/tmp"):
        super().__init__("sluice-upkeep-", {"p/main.tf": "# stub: create=1\n"},
                         {"p/main.tf": "# stub: %s\n# changed\n" % orders}, within=base)
        self.serve(MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\n%s" % (STUB, config))
        self.data = self.server.data

    def jobs(self, run):
        return [job["op"] for job in run["jobs"]]

    def trees(self):
        """The work trees there are, oldest first."""
        folder = os.path.join(self.data, "repos", "1", "trees")
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if not name.startswith(".")]
        return sorted(paths, key=lambda path: os.stat(path).st_mtime_ns)


# ---- what is remembered ------------------------------------------------------------------------------------------


@case
def second_plan_of_the_same_commits_asks_git_no_more():
    with Place() as place:
        first = place.newest()
        second = place.say("plan")
        expect(place.jobs(first), ["prepare", "plan"], "the first plan")
        expect(place.jobs(second), ["plan"], "the second plan")
        expect(second["state"], "done")
        expect(len(place.trees()), 1, "work trees")


@case
def base_that_moved_is_merged_again():
    with Place() as place:
        place.server.wait_idle(1)
        place.pushed({"q/main.tf": "# stub: create=1\n"}, "main")
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


# ---- what is thrown away -----------------------------------------------------------------------------------------

QUICK = "retention: {every: 1s, leftovers: 1s, logs: 1s}\n"


def files(place, *folders):
    """What lies at that depth below the data folder, without the folders that only hold others."""
    return sorted(glob.glob(os.path.join(place.data, *folders)))


def plant(place, *path, age=3600):
    """Something old that no row knows."""
    name = os.path.join(place.data, *path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w", encoding="utf-8") as out:
        out.write("old\n")
    os.utime(name, (time.time() - age, time.time() - age))
    return name


def apply(place):
    place.server.must("POST", "/local/pulls/1/approve", {"as": "bob"})
    run = place.say("sluice apply")
    expect((run["kind"], run["state"]), ("apply", "done"), "the apply")


@case
def what_an_open_pull_request_needs_stays():
    with Place(QUICK) as place:
        place.server.wait_idle(1)
        trees = place.trees()
        time.sleep(1.1)
        place.server.sweeps(2)
        expect(place.trees(), trees, "work trees")
        apply(place)


@case
def what_nobody_needs_any_more_goes():
    with Place(QUICK) as place:
        place.server.wait_idle(1)
        place.push({"p/main.tf": "# stub: create=2\n"})
        expect(len(place.trees()), 2, "the new head is planned")
        apply(place)
        assert files(place, "blobs", "*", "*.used-*"), "no mark of a used plan"
        kept = place.trees()[-1]
        place.server.must("POST", "/local/pulls/1/close", {"as": "alice"})
        eventually(lambda: not files(place, "blobs", "*", "*"), "blobs and marks are gone")
        place.server.sweeps(1)
        made = files(place, "repos", "1", "init", "*")
        assert made, "what init made is gone while it is young"
        for path in made:
            os.utime(path, (1000, 1000))
        eventually(lambda: not files(place, "repos", "1", "init", "*"), "what init made is gone")
        assert place.trees() in ([], [kept]), "work trees: %s" % place.trees()
        expect(files(place, "jobs", "*"), [], "job directories")
        eventually(lambda: not files(place, "trash", "*"), "the trash is empty")


@case
def leftovers_of_a_crash_go_and_what_is_not_ours_stays():
    with Place("retention: {every: 1s, leftovers: 60s}\n") as place:
        place.server.wait_idle(1)
        sha = "ab" + "0" * 62
        old = [plant(place, "blobs", "ab", sha), plant(place, "blobs", "ab", sha + ".used-7"),
               plant(place, "trash", "x", age=0), plant(place, "repos", "1", "trees", ".new-0123456789abcdef"),
               plant(place, "repos", "1", "plans", "c" * 40), plant(place, "jobs", "999-1")]
        ours = [plant(place, "blobs", "cd", "cd" + "0" * 62, age=0), plant(place, "blobs", "ab", "README"),
                plant(place, "jobs", "notes"), plant(place, "repos", "1", "trees", "notes"),
                plant(place, "repos", "1", "state", "p", "default.tfstate")]
        eventually(lambda: not any(map(os.path.lexists, old)), "all of %s is gone" % old)
        place.server.sweeps(1)
        expect([path for path in ours if not os.path.lexists(path)], [], "what should have stayed")


@case
def directory_of_a_job_that_lives_stays():
    with Place(QUICK, orders="create=1 sleep=4000") as place:
        folder = eventually(lambda: files(place, "jobs", "2-*"), "the plan's job directory")[0]
        time.sleep(1.2)
        place.server.sweeps(1)
        assert os.path.isdir(folder), "the job's directory was thrown away under its feet"
        expect(place.server.wait_idle(1)[0]["state"], "done")


@case
def killed_in_the_middle_of_a_round():
    """Two thousand things to throw away and a server that dies again and again: they go, and what is needed stays."""
    with Place("retention: {every: 1s, leftovers: 60s}\n") as place:
        place.server.wait_idle(1)
        for number in range(2000):
            plant(place, "blobs", "%02x" % (number % 50), "%02x%062x" % (number % 50, number))
        planted = set(files(place, "blobs", "*", "*0000*"))
        swept = len(planted)
        for _ in range(4):
            eventually(lambda: len(set(files(place, "blobs", "*", "*0000*"))) < swept, "some went")
            place.server.kill()
            swept = len(set(files(place, "blobs", "*", "*0000*")))
            place.server.start()
        eventually(lambda: not files(place, "blobs", "*", "*0000*"), "all went")
        eventually(lambda: not files(place, "trash", "*"), "the trash is empty")
        apply(place)


# ---- where the data folder may lie -------------------------------------------------------------------------------


def whole_loop_in(base, words, copies):
    with Place(base=base, orders="create=1 sleep=700") as place:
        eventually(lambda: files(place, "jobs", "2-*", "upper"), "the folders of the plan")
        time.sleep(0.4)  # of the 0.7 s that it takes
        copied = files(place, "jobs", "2-*", "upper", "p", "main.tf")
        expect(bool(copied), copies, "the work tree is copied")
        expect(place.server.wait_idle(1)[0]["state"], "done", "the plan")
        apply(place)
        said = subprocess.run([os.path.join(sluice.ROOT, "build", MODE, "sluice"), "doctor", "--data", place.data],
                              check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        line = [line for line in said.splitlines() if line.startswith(("ok   data folder", "no   data folder"))][0]
        assert words in line, line
        assert "rounds since the server started" in said, said


@case
def data_folder_in_memory_below_dev():
    if not os.access("/dev/shm", os.W_OK):
        raise sluice.Skip("there is no /dev/shm to write to")
    whole_loop_in("/dev/shm", "tmpfs: in memory", False)


@case
def data_folder_on_an_overlay_as_in_a_container():
    folder = tempfile.mkdtemp(prefix="sluice-upkeep-overlay-")
    for name in ("lower", "upper", "work", "merged"):
        os.mkdir(os.path.join(folder, name))
    merged = os.path.join(folder, "merged")
    try:
        if subprocess.run(["mount", "-t", "overlay", "sluice-test", "-o", "lowerdir=lower,upperdir=upper,workdir=work",
                           merged], cwd=folder, check=False, stderr=subprocess.DEVNULL).returncode != 0:
            raise sluice.Skip("no overlay can be mounted here")
        try:
            whole_loop_in(merged, "overlay: work trees are copied", True)
        finally:
            subprocess.run(["umount", "-l", merged], check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    sluice.run_cases("upkeep", CASES)


main()
