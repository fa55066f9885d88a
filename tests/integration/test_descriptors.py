#!/usr/bin/env python3
"""No descriptor left at the moment in which a job starts or ends: nothing is taken for gone that could not be looked at,
and nothing waits for ever."""

import concurrent.futures
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import Results  # noqa: E402
from runner_lab import APPLY, PLAN, Lab, eventually  # noqa: E402

def outcome(lab, job, wanted):
    ended = lab.driver.ended(job, timeout=20)
    assert ended.outcome in wanted, "%s, not %s: %r" % (ended.outcome, wanted, ended)


def when_it_starts(lab, left):
    """The launcher's answer carries a descriptor; there may be no number for it."""
    tree = lab.tree("a", {"main.tf": "# stub: sleep=300\n"})
    spec = lab.spec(PLAN, tree)
    lab.driver.send("start %s\ndescriptors %d" % (json.dumps(spec), left))
    time.sleep(0.2)
    lab.driver.send("descriptors -1")
    outcome(lab, spec["job"], ("ok",))


def when_it_ends(lab, left):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=300 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    lab.driver.send("descriptors %d" % left)
    time.sleep(0.8)
    lab.driver.send("descriptors -1")
    outcome(lab, job, ("ok",))


def when_its_supervisor_dies(lab, left):
    """Its tool goes on: who cannot look must not say that nobody knows, before it is over."""
    tree = lab.tree("a", {"main.tf": "# stub: sleep=2500 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    with open(os.path.join(lab.job_dir(job), "lock"), encoding="utf-8") as lock:
        supervisor = int(lock.read())
    lab.driver.send("descriptors %d" % left)
    lab.driver.wait("descriptors")
    begin = time.monotonic()
    os.kill(supervisor, signal.SIGKILL)
    time.sleep(1.5)
    lab.driver.send("descriptors -1")
    outcome(lab, job, ("unknown",))
    assert time.monotonic() - begin > 2, "told while it was alive"


def run(case):
    check, left = case
    name = "%d left %s" % (left, check.__name__.replace("_", " "))
    lab = Lab()
    try:
        lab.start()
        check(lab, left)
        return "passed", name
    except (AssertionError, OSError, ValueError) as problem:
        lab.driver.kill()
        return "failed", name, "%s: %s" % (type(problem).__name__, problem)
    finally:
        lab.close()


def main():
    results = Results("descriptors")
    cases = [(check, left) for check in (when_it_starts, when_it_ends, when_its_supervisor_dies) for left in range(3)]
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        for row in pool.map(run, cases):
            results.row(*row)
    results.end()


main()
