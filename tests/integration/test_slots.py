#!/usr/bin/env python3
"""Slots: tools run in them, jobs that are ready wait for one.

    tests/integration/test_slots.py [CASE ...]

Results: build/report/results/slots.tsv; on stdout only what did not pass. VERBOSE=1 shows where a case broke."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]
from sluice import expect, run_cases  # noqa: E402  (the path is set just above)
from runner_lab import PLAN, Cases, alive, eventually, supervisor_of  # noqa: E402

CASES = Cases()
stub = CASES.stub


def steps_of(lab, job, attempt=1):
    """{step: when its tool was started}"""
    path = os.path.join(lab.job_dir(job, attempt), "events.ndjson")
    lines = []
    if os.path.exists(path):
        with open(path) as stream:
            lines = [json.loads(line) for line in stream]
    return {line["step"]: line["at_ms"] for line in lines if "step" in line}


def is_staged(lab, job):
    """It is ready for its tool; a moment later it asks."""
    return os.path.isdir(os.path.join(lab.job_dir(job), "work", "work"))


@stub
def slots_are_for_tools(lab):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=600\n"})
    lab.run(PLAN, tree)  # init is kept
    for slots in (1, 2):
        lab.driver.send("slots %d" % slots)
        jobs = [lab.ask(PLAN, tree) for _ in range(slots + 1)]
        for job in jobs:
            expect(lab.driver.ended(job).outcome, "ok")
        began = sorted(steps_of(lab, job)["plan"] for job in jobs)
        assert began[slots - 1] < began[0] + 500, "the slots were not used: %s" % began
        assert began[slots] >= began[0] + 600, "%d tools in %d slots: %s" % (slots + 1, slots, began)


def working_and_staged(lab):
    """The only slot is taken by the first job; the second is ready and waits for it. And the tree of both."""
    tree = lab.tree("a", {"main.tf": "# stub: sleep=1500\n"})
    lab.run(PLAN, tree)
    lab.driver.send("slots 1")
    first = lab.ask(PLAN, tree)
    eventually(lambda: "plan" in steps_of(lab, first))
    staged = lab.ask(PLAN, tree)
    eventually(lambda: is_staged(lab, staged))
    return first, staged, tree


@stub
def staged_job_goes_with_its_server(lab):
    first, staged, tree = working_and_staged(lab)
    pid = supervisor_of(lab, staged)
    lab.driver.kill()
    eventually(lambda: not alive(pid), 5)
    lab.start()
    lab.driver.send("recover %d 1" % first)
    lab.driver.send("recover %d 1" % staged)
    lab.driver.wait("evidence %d 1 alive" % first)
    lab.driver.wait("evidence %d 1 never" % staged)
    expect(lab.driver.ended(first).outcome, "ok")
    expect(steps_of(lab, staged), {})
    expect(lab.run(PLAN, tree, job=staged, attempt=2).outcome, "ok")


@stub
def staged_job_is_cancelled(lab):
    first, staged, _ = working_and_staged(lab)
    lab.driver.send("cancel %d 1" % staged)
    expect(lab.driver.ended(staged, timeout=5).outcome, "cancelled")
    expect(steps_of(lab, staged), {})
    expect(lab.driver.ended(first).outcome, "ok")


if __name__ == "__main__":
    run_cases("slots", CASES)
