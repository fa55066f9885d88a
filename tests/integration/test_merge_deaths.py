#!/usr/bin/env python3
"""The server is killed between the end of an apply and its last word: at every fault point from there on, and when the host has done what it was
asked to and nobody has heard of it. Whatever dies, it is merged once, said once, and the branch is gone.

check-merge-deaths kills at every fifth point and at those calls that change something; under the sanitizers (make soak), or with SOAK=1,
at each."""

import concurrent.futures
import functools
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fake_host  # noqa: E402  (the path is set just above)
import sluice  # noqa: E402
from host_lab import MERGES, MODE, GiteaLab, Lab, check, different, has_branch, outcome  # noqa: E402

SIDES = (("GitHub", Lab, {}), ("an App", Lab, {"app": True}), ("Gitea", GiteaLab, {}))
EVERYTHING = bool(os.environ.get("SOAK")) or MODE == "asan"
PATIENCE_S = 60
WORKERS = 8  # lives mostly wait


class Life:
    """From a plan that is ready and approved to the branch that is gone, with one death on the way."""

    def __init__(self, side):
        self.made = side[1](settings=MERGES % ("merge", "true"), **side[2])
        self.log = os.path.join(self.made.folder, "faults")
        self.calls = []  # (points that were passed by then, method, path)
        self.deaths = 0
        asked = self.made.fake.check_call

        def ask(headers, method, path):
            self.calls.append((self.points(), method, path))
            return asked(headers, method, path)
        self.made.fake.check_call = ask

    def points(self):
        if not os.path.exists(self.log):
            return 0
        with open(self.log, encoding="utf-8") as log:
            return log.read().count("\n")

    def ready(self):
        made = self.made.start()
        number = made.plan()
        made.fake.review(made.repo, number, "bob")
        made.says(number, "Ready")
        made.idle(number)
        made.server.kill()
        self.calls.clear()
        return number

    def survive(self, what):
        """Until it is so, however often the server dies meanwhile."""
        def look():
            if not self.made.server.is_alive():
                self.deaths += 1
                self.made.server.kill()
                self.made.start()
            try:
                return what(self.made)
            except sluice.Gone:
                return None
        return self.made.wait(look, PATIENCE_S)

    def run(self, fault, at_call=None):
        """What stands at the host in the end."""
        made = self.made
        try:
            number = self.ready()
            made.start({"SLUICE_FAULT": fault, "SLUICE_FAULT_LOG": self.log})
            made.idle(number)
            if at_call:
                pid = made.server.process.pid
                made.fake.faults.append(fake_host.Fault(*at_call, None, then=lambda: os.kill(pid, signal.SIGKILL)))
            made.fake.comment(made.repo, number, "alice", "sluice apply")
            self.survive(lambda made: made.repo.pulls[number]["state"] == "merged" and not has_branch(made, "feature"))
            self.survive(lambda made: made.server.must("GET", "/api/pulls")[0]["state"] == "merged" and made.server.pending() == 0)
            return outcome(made)
        finally:
            made.end()


def kind_of(method, path):
    return method, "^%s$" % re.sub(r"\d+(?=/|$)", r"\\d+", re.sub(r"[0-9a-f]{40}", "[0-9a-f]{40}", path))


def undisturbed(side):
    """What stands there in the end, the points from the first word about a finished apply on, and the calls from there on."""
    life = Life(side)
    stands = life.run("count")
    merge = next(i for i, call in enumerate(life.calls) if call[2].endswith("/merge"))
    first = next(i for i, call in enumerate(life.calls) if call[1] == "POST" and not re.search("reactions|access_tokens", call[2]))
    check(first < merge, "it was merged before anybody was told:", life.calls)
    return stands, range(life.calls[first][0] - 2, life.calls[-1][0] + 4), {kind_of(*call[1:]) for call in life.calls[first:]}


def die(side, wanted, fault, at_call=None):
    life = Life(side)
    stands = life.run(fault, at_call)
    check(stands == wanted, different(wanted, stands))
    check(life.deaths == 1 or at_call is None, "nobody died")
    return "" if life.deaths else "there was no such point this time"


def cases():
    with concurrent.futures.ThreadPoolExecutor(len(SIDES)) as pool:
        for side, (wanted, points, calls) in zip(SIDES, pool.map(undisturbed, SIDES)):
            for call in sorted(calls):
                if EVERYTHING or call[0] != "GET" and not side[2]:
                    yield "%s: when %s %s is done" % (side[0], *call), functools.partial(die, side, wanted, "count", call)
            for point in points[:: 1 if EVERYTHING else 5]:
                if EVERYTHING or not side[2]:
                    yield "%s: at point %d" % (side[0], point), functools.partial(die, side, wanted, "kill:%d" % point)


if __name__ == "__main__":
    sluice.run_cases("merge-deaths", list(cases()), WORKERS)
