#!/usr/bin/env python3
"""SIGKILL at every durable boundary of one pull request's whole life, in server and supervisors, one by one; with
`pairs SEED COUNT` at two boundaries each, the second after the restart. Whatever dies, the end must be that of the life
in which nothing died: no event lost, no double apply, no double comment, no lock left; an apply of which nobody can
know ends as interrupted, and says so.

With `store COUNT` nothing dies, but the database fails once: COUNT times each a read, a write, a transaction that is not
begun, one that is not committed, and a disk so full that the whole transaction is given up."""

import concurrent.futures
import difflib
import os
import random
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
WORKERS = 2 * (os.cpu_count() or 2) + 1  # lives wait for disks and clocks more than they compute


class Life:
    """One data folder, and people who do not give up when the server dies under their hands."""

    def __init__(self, template, kills, fails=None):
        self.folder = tempfile.mkdtemp(prefix="sluice-crash-", dir=MEMORY)
        self.kills = list(kills)
        self.fails = fails  # NAME:N, for the store
        shutil.copytree(os.path.join(template, "repo.git"), os.path.join(self.folder, "repo.git"))
        self.applied = os.path.join(template, "applied")
        self.seen = os.path.join(self.folder, "seen")  # where jobs may write, to be counted
        os.mkdir(self.seen)
        os.chmod(self.seen, 0o777)
        config = "listen: 127.0.0.1:0\ntools: {terraform: %s}\nslots: 4\nsandbox: {write: [%s]}\n" % (STUB, self.seen)
        config += "repos: [{id: /.*/, pre_workflow_hooks: [{run: echo made >> a/made.txt, commands: plan}]}]\n"
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE, config)
        self.lives = 0

    def environment(self):
        log = os.path.join(self.folder, "faults-%d" % self.lives)
        if self.fails is not None:
            return {"SLUICE_FAULT": "fail:" + self.fails, "SLUICE_FAULT_LOG": log} if self.lives == 1 else {}
        spec = "kill:%d" % self.kills.pop(0) if self.kills else "count"
        return {"SLUICE_FAULT": spec, "SLUICE_FAULT_LOG": log, "SLUICE_JOB_FAULT": spec, "SLUICE_JOB_FAULT_LOG": log}

    def start(self):
        for _ in range(5):
            self.lives += 1
            try:
                self.server.start(self.environment())
                return
            except sluice.Gone:
                self.server.kill()
        raise AssertionError("the server does not start: %s" % self.server.log_text()[-2000:])

    def revive(self):
        """A broken connection comes a moment before the process is gone."""
        time.sleep(0.02)
        if not self.server.is_alive():
            self.server.kill()
            self.start()

    def do(self, what, is_done=None):
        """Until it is answered; after a death ask whether it happened before doing it again."""
        for _ in range(20):
            try:
                if is_done is not None and is_done():
                    return
                status, answer = what()
                if status < 300:
                    return
                if status < 500:
                    raise AssertionError("%s %s" % (status, answer))
                time.sleep(0.2)  # a store that failed rests for a second
            except sluice.Gone:
                self.revive()
        raise AssertionError("it could not be done")

    def read(self, path):
        """Reading, however often the server dies meanwhile."""
        for _ in range(20):
            try:
                status, answer = self.server.ask("GET", path)
                if status == 200:
                    return answer
                time.sleep(0.02)
            except sluice.Gone:
                self.revive()
        raise AssertionError("it cannot be read: %s %s" % (status, answer))

    def pull(self):
        return self.read("/local/pulls/1")

    def settle(self):
        for _ in range(20):
            try:
                return self.server.wait_idle(1, 60)
            except sluice.Gone:
                self.revive()
        raise AssertionError("no rest")

    def live(self):
        ask = self.server.ask
        self.start()
        repo = os.path.join(self.folder, "repo.git")
        self.do(lambda: ask("POST", "/local/repos", {"name": "r", "import": repo}),
                lambda: self.read("/local/repos"))
        self.do(lambda: ask("POST", "/local/pulls",
                            {"repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "alice"}),
                lambda: self.read("/local/pulls"))
        self.settle()
        self.do(lambda: ask("POST", "/local/pulls/1/approve", {"as": "bob"}), lambda: self.pull()["reviews"])
        self.settle()
        self.do(lambda: ask("POST", "/local/pulls/1/comments", {"as": "alice", "body": "sluice apply"}),
                lambda: [c for c in self.pull()["comments"] if c["body"] == "sluice apply"])
        runs = self.settle()
        interrupted = runs[0]["state"] == "interrupted"
        shown = self.pull()
        self.do(lambda: ask("POST", "/local/pulls/1/close", {"as": "alice"}), lambda: self.pull()["state"] == "closed")
        for _ in range(500):
            try:
                if not self.server.pending():
                    break
            except sluice.Gone:
                self.revive()
            time.sleep(0.004)
        return self.outcome(runs, shown, interrupted)

    def outcome(self, runs, shown, interrupted):
        comments = {}
        for comment in shown["comments"]:
            mark = re.match(r"<!-- (\S+) -->", comment["body"])
            key = re.sub(r":[0-9a-f]{12}", "", mark.group(1)) if mark else comment["body"]
            if key in comments:
                raise AssertionError("two comments of one mark: %s" % key)
            body = re.sub(r"\d+ (ms|s|min)\b", "TIME", comment["body"])
            body = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", body)
            body = re.sub(r"sluice-crash-\w+", "FOLDER", body)
            comments[key] = re.sub(r"\b[0-9a-f]{7,40}\b", "OID", body)
        applied = {}
        for project in ("a", "b"):
            path = os.path.join(self.seen, "applied-" + project)
            applied[project] = open(path, encoding="utf-8").read().count("\n") if os.path.exists(path) else 0
        verdict = self.read("/api/audit/verify")
        if not verdict["valid"]:
            raise AssertionError("audit: %s" % verdict)
        locks = self.read("/api/locks")
        if locks and not interrupted:
            raise AssertionError("a lock is left: %s" % locks)
        if any(count > 1 for count in applied.values()):
            raise AssertionError("applied twice: %s" % applied)
        if interrupted:
            text = "".join(comments.values())
            if "interrupted" not in text or "sluice unlock" not in text:
                raise AssertionError("interrupted, but nobody is told")
            return "interrupted"
        if runs[0]["kind"] != "apply" or runs[0]["state"] != "done":
            raise AssertionError("the apply ended as %s: %s" % (runs[0]["state"], comments))
        return {"comments": comments, "applied": applied, "state": self.pull()["state"],
                "statuses": sorted((s["context"], s["state"]) for s in shown["statuses"])}

    def points(self):
        path = os.path.join(self.folder, "faults-1")
        return open(path, encoding="utf-8").read().splitlines() if os.path.exists(path) else []

    def end(self):
        self.server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def make_template():
    folder = tempfile.mkdtemp(prefix="sluice-crash-template-", dir=MEMORY)
    old = {"a/main.tf": "# stub: create=1\n", "b/main.tf": "# stub: create=1\n"}
    sluice.make_repository(os.path.join(folder, "repo.git"), old,
                           {"feature": {"a/main.tf": "# stub: create=2\n",
                                        "b/main.tf": "# stub: create=3\n"}})
    return folder


def live_once(template, kills, fails=None):
    life = Life(template, kills, fails)
    try:
        rewrite_logs(life)
        result = life.live()
        return result, life.points(), life.lives
    finally:
        life.end()


def rewrite_logs(life):
    """The applies of each life are counted in its own folder: the branch names absolute paths, so make them."""
    work = os.path.join(life.folder, "work")
    sluice.git(life.folder, "clone", "-q", "-b", "feature", "repo.git", "work")
    for project in ("a", "b"):
        sluice.write_files(work, {project + "/main.tf": "# stub: create=2 apply-log=%s/applied-%s\n" % (life.seen, project)})
    sluice.git(work, "commit", "-qam", "paths")
    sluice.git(work, "push", "-q", "origin", "HEAD:feature")
    shutil.rmtree(work)


def one_case(template, kills, wanted):
    try:
        result, _, lives = live_once(template, kills)
        if result != "interrupted" and result != wanted:
            return "differs from the life in which nothing died: %s, not %s" % (result, wanted), lives
        return ("interrupted" if result == "interrupted" else ""), lives
    except Exception as problem:  # every way to fail is a finding, with the kills that show it
        return "%s: %s" % (type(problem).__name__, problem), 0


STORE_FAULTS = ("store.read", "store.write", "store.full", "store.busy", "store.commit")


def one_failure(template, spec, wanted):
    try:
        life = Life(template, [], spec)
        try:
            rewrite_logs(life)
            result, lives, at_start = life.live(), life.lives, "the server cannot start" in life.server.log_text()
        finally:
            life.end()
        if result != wanted:
            return "differs from the life in which nothing failed: %s" % "\n".join(
                difflib.unified_diff(str(wanted).split("\\n"), str(result).split("\\n"), lineterm="", n=0))
        return "" if lives == 1 or at_start else "the server died"
    except Exception as problem:  # every way to fail is a finding
        return "%s: %s" % (type(problem).__name__, problem)


def sweep_store(count):
    """Evenly over all the times that each of them is passed in one life."""
    results, report, template = sluice.Results("store"), sluice.Report("store"), make_template()
    wanted = live_once(template, [])[0]
    specs = []
    for name in STORE_FAULTS:
        passed = live_once(template, [], name + ":0")[1].count(name)
        specs += ["%s:%d" % (name, n) for n in sorted({1 + i * passed // count for i in range(count)})]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        problems = list(pool.map(lambda spec: one_failure(template, spec, wanted), specs))
    for spec, problem in zip(specs, problems):
        results.row("failed" if problem else "passed", "fail:" + spec, problem)
    report.add("lives with a failure of the database", len(specs), "lives", "", True, ", ".join(STORE_FAULTS))
    report.add("wrong endings (event lost, done twice, server gone)", sum(map(bool, problems)), "lives", "0", not any(problems))
    report.write()
    shutil.rmtree(template, ignore_errors=True)
    results.end()


def main():
    if sys.argv[1:2] == ["store"]:
        sweep_store(int(sys.argv[2]))
    pairs = sys.argv[1:2] == ["pairs"]
    results, report = sluice.Results("pairs" if pairs else "crash"), sluice.Report("pairs" if pairs else "crash")
    template = make_template()
    begin = time.monotonic()
    wanted, points, _ = live_once(template, [])
    count = len(points)
    if pairs:
        seed, wanted_cases = int(sys.argv[2]), int(sys.argv[3])
        dice = random.Random(seed)
        cases = [(dice.randint(1, count), dice.randint(1, count)) for _ in range(wanted_cases)]
    else:
        cases = [(n,) for n in range(1, count + 1)]
    interrupted = failed = deaths = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for case, (problem, lives) in zip(cases, pool.map(lambda kills: one_case(template, kills, wanted), cases)):
            name = "kill at " + " then ".join("%d (%s)" % (n, points[n - 1]) for n in case)
            deaths += lives > 1
            interrupted += problem == "interrupted"
            failed += problem not in ("", "interrupted")
            results.row("passed" if problem in ("", "interrupted") else "failed", name, problem)
    report.add("boundaries swept" if not pairs else "seeded pairs of kills", len(cases), "lives",
               "all" if not pairs else ">= 200", len(cases) >= (200 if pairs else count))
    report.add("wrong endings (lost event, double apply, double comment, lock left)", failed, "lives", "0", failed == 0)
    report.add("ended as interrupted, and said so", interrupted, "lives", "any", True,
               "%d of the lives needed a restart, %.0f s" % (deaths, time.monotonic() - begin))
    report.write()
    shutil.rmtree(template, ignore_errors=True)
    results.end()


main()
