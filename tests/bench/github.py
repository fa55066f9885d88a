#!/usr/bin/env python3
"""How long a person waits at GitHub: from a webhook to the comment's request, with the stub tool, at 0 and 100 ms for each call of the API.

    make bench PART=github
"""

import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from host_lab import lab  # noqa: E402

TIMES = 7
GOALS = {(0.1, "opened"): 250, (0.1, "plan"): 150, (0.1, "apply"): 300, (0, "opened"): 45, (0, "plan"): 16, (0, "apply"): 12}


def measure(made, begin, act):
    """From the moment before `act` to the first write of a comment after it, in ms."""
    start = time.monotonic()
    act()

    def comment():
        return [one for one in made.fake.calls[begin:] if one["method"] in ("POST", "PATCH") and one["path"].endswith("comments")
                or one["method"] == "PATCH" and "/issues/comments/" in one["path"]]
    made.wait(comment)
    return (comment()[0]["began"] - start) * 1e3


def one_round(made, took):
    fake, repo = made.fake, made.repo
    begin = len(fake.calls)
    numbers = []
    took["opened"].append(measure(made, begin, lambda: numbers.append(fake.open_pull(repo, "alice", "feature"))))
    number = numbers[0]
    made.idle(number)
    begin = len(fake.calls)
    start = time.time()  # the same result again is not written again: the end of the run is what counts
    fake.comment(repo, number, "alice", "plan")
    took["plan"].append(made.idle(number)[0]["ended_ms"] - start * 1e3)
    fake.review(repo, number, "bob")
    made.says(number, "Ready")
    made.idle(number)
    begin = len(fake.calls)
    took["apply"].append(measure(made, begin, lambda: fake.comment(repo, number, "alice", "apply")))
    made.idle(number)
    fake.change_pull(repo, number, "alice", "closed", state="closed")
    time.sleep(0.1)


def many(made, report, goal=1.0):
    """How long after the end of the last tool the last word of a run of 100 projects is asked for."""
    fake, repo = made.fake, made.repo
    number = fake.open_pull(repo, "alice", "feature")
    made.idle(number, 120)
    last(made, report, "plan", goal)
    fake.review(repo, number, "bob")
    made.says(number, "Ready")
    fake.comment(repo, number, "alice", "apply")
    made.wait(made.applies)
    made.idle(number, 120)
    last(made, report, "apply", goal)


def last(made, report, kind, goal):
    run = next(run for run in made.server.must("GET", "/api/runs") if run["kind"] == kind)
    took = round(max(one["at"] for one in made.writes()) - run["ended_ms"] / 1e3, 3)
    report.add("github: 100 projects, %s: last write after the tools' end, 100 ms a call" % kind, took, "s", "<= %.1f" % goal, took <= goal)


def main():
    report = sluice.Report("github")
    for latency in (0, 0.1):
        took = {"opened": [], "plan": [], "apply": []}
        with lab(latency=latency) as made:
            for _ in range(TIMES + 1):
                one_round(made, took)
        for name, times in took.items():
            times = times[1:]  # the first one warms up
            value = round(statistics.median(times), 1)
            goal = GOALS[latency, name]
            report.add("github: %s -> request of the comment, %d ms a call" % (name, latency * 1e3), value, "ms", "<= %d" % goal, value <= goal,
                       "min %.1f max %.1f of %d" % (min(times), max(times), len(times)))
    with lab(projects=100, latency=0.1) as made:
        many(made, report)
    report.write()


if __name__ == "__main__":
    main()
