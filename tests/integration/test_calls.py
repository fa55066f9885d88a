#!/usr/bin/env python3
"""Every call of the loop goes wrong in every way: whatever a host does to one of them, what stands there in the end is what stands there
when nothing goes wrong, once. The calls are those that an undisturbed loop makes, so that a new one is in it by itself.

check-calls disturbs each call in two ways; under the sanitizers (make soak), or with SOAK=1, it is all of them."""

import concurrent.futures
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fake_github  # noqa: E402  (the path is set just above)
import sluice  # noqa: E402
from host_lab import MERGES, MODE, GiteaLab, Lab, check, different, outcome  # noqa: E402

SETTINGS = MERGES % ("merge", "true")
PATIENCE_S = 60
# Who is on the other side: a word for it, its laboratory, and which calls are disturbed when there is little time
SIDES = (("", Lab, {}, "."),
         ("an App: ", Lab, {"app": True}, "check-runs|/app|installation"),  # what it does in its own way
         ("Gitea: ", GiteaLab, {}, "^(POST|DELETE) "))
# What a host does to a call: (name, is it quick, the fault)
WAYS = (("fails once", True, {"status": 502}),
        ("fails twice", False, {"status": 503, "times": 2}),
        ("fails until somebody mends it", False, {"status": 500, "times": None}),
        ("is refused a connection", False, {"status": 0, "times": 2}),
        ("answers late", False, {"status": None, "delay": 2.0}),
        ("answers twice", False, {"status": None, "times": None, "again": True}),
        ("acts, and the answer is lost", True, {"status": 0, "acts": True}))


def kind_of(call):
    """(method, pattern) of a call, the same for all calls of one kind."""
    path = call["path"].partition("?")[0]
    path = re.sub(r"/collaborators/[^/]+/", "/collaborators/[^/]+/", path)
    path = re.sub(r"/heads/.+", "/heads/.+", re.sub(r"[0-9a-f]{40}", "[0-9a-f]{40}", path))
    return call["method"], "^%s$" % re.sub(r"/\d+(?=/|$)", r"/\\d+", path)


def steps(made):
    """The loop as people see it; each step ends when they see its end."""
    fake, repo = made.fake, made.repo
    number = fake.open_pull(repo, "alice", "feature")
    yield made.says(number, "1 create", PATIENCE_S)
    fake.review(repo, number, "bob")
    yield made.says(number, "Ready", PATIENCE_S)
    fake.comment(repo, number, "alice", "sluice apply")
    yield made.wait(lambda: repo.pulls[number]["state"] == "merged", PATIENCE_S)
    made.idle(number, PATIENCE_S)
    # the merge is told by a webhook of the host, here once more, and the branch goes after it
    fake.tell("pull_request", repo, "planner", action="closed", number=number, pull_request=repo.pull_json(number))
    yield made.wait(lambda: made.server.must("GET", "/api/pulls")[0]["state"] == "merged", PATIENCE_S)
    made.idle(number, PATIENCE_S)


def loop(side, fault=None):
    """Runs it all. (outcome, calls, how often the fault hit)"""
    made = side[1](settings=SETTINGS, **side[2])
    try:
        if fault:
            made.fake.faults.append(fault)
        made.start()
        if fault and fault.times is None and fault.status is not None:
            mend_when_told(made, fault)
        else:
            for _ in steps(made):
                pass
        return outcome(made), list(made.fake.calls), fault.hits if fault else 0
    finally:
        made.end()


def mend_when_told(made, fault):
    """The call fails for ever, until it has failed for a while and somebody mends the host."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        people = pool.submit(lambda: list(steps(made)))
        end = time.monotonic() + PATIENCE_S
        while fault.hits < 4 and not people.done() and time.monotonic() < end:
            time.sleep(0.05)
        with made.fake.lock:
            if fault in made.fake.faults:
                made.fake.faults.remove(fault)
        people.result()


def try_one(side, wanted, call, way):
    name, _, values = way
    fault = fake_github.Fault(call[0], call[1], **values)
    try:
        found, _, hits = loop(side, fault)
        check(hits > 0, "the call was not made")
        check(found == wanted, different(wanted, found))
        return "passed", ""
    except Exception as problem:  # pylint: disable=broad-except
        return "failed", "%s: %s" % (type(problem).__name__, problem)


def main():
    results = sluice.Results("calls")
    everything = bool(os.environ.get("SOAK")) or MODE == "asan"
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:  # nearly all of the time is spent waiting
        waiting = []
        for side, (wanted, calls, _) in zip(SIDES, pool.map(loop, SIDES)):
            for kind in sorted({kind_of(call) for call in calls if call["method"] != "GIT"}):
                if not everything and not re.search(side[3], "%s %s" % kind):
                    continue
                for way in WAYS:
                    name = "%s%s %s %s" % (side[0], *kind, way[0])
                    if (way[1] or everything) and chosen in name:
                        waiting.append((name, pool.submit(try_one, side, wanted, kind, way)))
        for name, one in waiting:
            verdict, reason = one.result()
            results.row(verdict, name, reason)
    check(waiting, "no call was disturbed")
    results.end()


if __name__ == "__main__":
    main()
