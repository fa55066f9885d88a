#!/usr/bin/env python3
"""When a project belongs to one pull request, by the mode of its lock; when that ends; and whether projects go one by one. One
server for all, which reads another server.yaml for each case.

    tests/integration/test_locks.py [CASE ...]"""

import functools
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
CONFIG = "listen: 127.0.0.1:0\nslots: 4\ntools: {terraform: %s}\n" % STUB
ORDERS = "# stub: create=1 %s\n"
# by the name of the branch: what it writes into which folders
BRANCHES = {
    "first": {"a": "hang=apply"}, "second": {"a": ""},
    "third": {"b": "hang=apply"}, "fourth": {"b": ""},
    "fifth": {"c": "fail=apply"}, "sixth": {"c": ""},
    "old": {"d": ""}, "patient": {"d": ""},
    "pair": {"e": "", "f": ""},
    "hanging": {"g": "hang=plan", "h": "hang=plan"},
}


class Place:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-locks-")
        folders = sorted({folder for files in BRANCHES.values() for folder in files})
        sluice.make_repository(os.path.join(self.folder, "repo.git"), {"%s/main.tf" % one: ORDERS % "" for one in folders},
                               {branch: {"%s/main.tf" % one: ORDERS % orders + "# %s\n" % branch for one, orders in files.items()}
                                for branch, files in BRANCHES.items()})
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE, CONFIG)
        self.server.start()
        self.server.must("POST", "/local/repos", {"name": "r", "import": os.path.join(self.folder, "repo.git")})

    def close(self):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self, text):
        with open(self.server.config, "w", encoding="utf-8") as out:
            out.write(CONFIG + text)
        done = subprocess.run([os.path.join(self.server.build, "sluice"), "reload", "--data", self.server.data],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def open(self, branch):
        return self.server.must("POST", "/local/pulls", {
            "repo": "r", "title": branch, "head_ref": branch, "base_ref": "main", "as": "ann"})["number"]

    def planned(self, branch):
        number = self.open(branch)
        self.ended(number, "plan")
        return number

    def say(self, number, text):
        self.server.must("POST", "/local/pulls/%d/comments" % number, {"as": "ann", "body": text})

    def approve(self, number):
        self.server.must("POST", "/local/pulls/%d/approve" % number, {"as": "bob"})

    def runs(self, number, kind):
        return [self.server.must("GET", "/api/runs/%d" % run["id"]) for run in self.server.must("GET", "/api/runs")
                if run["pull"] == number and run["kind"] == kind]

    def until(self, what, call):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = call()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError("%s never came: %s" % (what, call()))

    def ended(self, number, kind, count=1):
        """The newest of `count` runs of that kind, when it has ended."""
        def newest():
            runs = self.runs(number, kind)
            return max(runs, key=lambda run: run["id"]) if len(runs) >= count and all(run["ended_ms"] for run in runs) else None
        return self.until("%s %d of #%d" % (kind, count, number), newest)

    def running(self, number, kind, count=1):
        return self.until("%d jobs at once" % count, lambda: any(
            len([job for job in run["jobs"] if job["op"] == kind and job["state"] == "running"]) >= count
            for run in self.runs(number, kind)))

    def answer(self, number, text, why):
        """The comment must be answered so."""
        before = len(self.comments(number))
        self.say(number, text)
        return self.until("%r as the answer to %s" % (why, text), lambda: [
            body for body in self.comments(number)[before:] if why in body])

    def comments(self, number):
        return [c["body"].replace("\\", "").replace("\u200b", "") for c in self.server.must("GET", "/local/pulls/%d" % number)["comments"]]

    def holder(self, folder):
        return [lock["pull"] for lock in self.server.must("GET", "/api/locks") if lock["dir"] == folder and lock["place"] == 0]

    def applies(self, number, count=1):
        self.approve(number)
        self.say(number, "sluice apply")
        return self.ended(number, "apply", count)["state"]

    def plans_again(self, number):
        self.say(number, "sluice plan")
        self.ended(number, "plan", 2)


def case_on_apply_belongs_to_who_applies(place):
    place.configure("repos: [{id: /.*/, repo_locks: {mode: on_apply}}]\n")
    one, two = place.planned("first"), place.planned("second")
    sluice.expect(place.holder("a"), [], "nobody applies")
    place.approve(one)
    place.approve(two)
    place.say(one, "sluice apply")
    place.running(one, "apply")
    place.answer(two, "sluice apply", "#%d changed a after it was planned here" % one)
    place.plans_again(two)  # it does not wait for the lock
    place.approve(two)
    place.answer(two, "sluice apply", "a belongs to #%d, which holds its lock" % one)
    place.say(one, "sluice cancel")
    place.ended(one, "apply")
    sluice.expect(place.holder("a"), [one], "its plan is begun and not done")
    place.answer(two, "sluice apply", "changed a after it was planned here")
    place.say(two, "sluice plan")
    place.ended(two, "plan", 3)
    place.approve(two)
    place.answer(two, "sluice apply", "a belongs to #%d, which holds its lock" % one)
    place.say(one, "sluice unlock")
    place.until("the lock", lambda: not place.holder("a"))
    sluice.expect(place.applies(two), "done")
    sluice.expect(place.holder("a"), [], "everything is applied")


def case_disabled_is_for_the_apply_alone(place):
    place.configure("repos: [{id: /.*/, repo_locks: {mode: disabled}}]\n")
    one, two = place.planned("third"), place.planned("fourth")
    sluice.expect(place.holder("b"), [], "nobody applies")
    place.approve(one)
    place.say(one, "sluice apply")
    place.running(one, "apply")
    sluice.expect(place.holder("b"), [one], "never two at the same time")
    place.say(one, "sluice cancel")
    place.ended(one, "apply")
    sluice.expect(place.holder("b"), [], "it has ended")
    place.plans_again(two)
    sluice.expect(place.applies(two), "done")
    one, two = place.planned("fifth"), place.planned("sixth")
    sluice.expect(place.applies(one), "failed")
    sluice.expect(place.holder("c"), [], "what failed holds nothing")
    place.answer(two, "sluice apply", "approv")
    place.plans_again(two)
    sluice.expect(place.applies(two), "done")


def case_a_lock_gets_too_old(place):
    place.configure("")
    one = place.planned("old")
    two = place.open("patient")
    place.until("a queue", lambda: len([lock for lock in place.server.must("GET", "/api/locks") if lock["dir"] == "d"]) == 2)
    sluice.expect(place.holder("d"), [one])
    place.approve(one)
    place.configure("limits: {lock_expires: 100ms}\n")
    place.plans_again(one)  # from now on it gets older
    place.ended(two, "plan", 2)
    kinds = [row["kind"] for row in place.server.must("GET", "/api/audit") if row["kind"] == "locks expired"]
    assert kinds, "nothing in the record"
    place.configure("")
    place.approve(one)
    place.answer(one, "sluice apply", "the lock of d is not held by this pull request")
    place.plans_again(two)
    sluice.expect(place.applies(two), "done")


def history(run):
    """Which job begins and which ends, in order."""
    names = {job["id"]: job["project"] for job in run["jobs"]}
    steps = {"starting": "+", "done": "-"}
    return [steps[row["to"]] + names[int(row["subject"].split()[1])] for row in run["history"]
            if row["subject"].startswith("job ") and row["to"] in steps and names[int(row["subject"].split()[1])]]


def case_one_by_one_and_together(place):
    place.configure("defaults: {parallel_plan: false}\n")
    number = place.planned("pair")
    sluice.expect(history(place.ended(number, "plan")), ["+e", "-e", "+f", "-f"], "plans one by one")
    sluice.expect(place.applies(number), "done")
    sluice.expect(history(place.ended(number, "apply")), ["+e", "-e", "+f", "-f"], "applies, as nobody said otherwise")
    place.configure("")
    number = place.open("hanging")
    place.running(number, "plan", 2)
    place.say(number, "sluice cancel")
    place.ended(number, "plan")


def main():
    place = Place()
    try:
        sluice.run_cases("locks", [(name, functools.partial(case, place)) for name, case in sluice.named_cases(globals())])
    finally:
        place.close()


if __name__ == "__main__":
    main()
