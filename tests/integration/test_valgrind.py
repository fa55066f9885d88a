#!/usr/bin/env python3
"""One whole life of a server and one call of sluice-git under valgrind: every byte that is read was written, and at the end
nothing is left. The unit tests under valgrind are a suite of their own."""

import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import lab as labs  # noqa: E402  (the path is set just above)
import sluice  # noqa: E402
from wire import Wire, request  # noqa: E402

FOUND = 99
VALGRIND = ["valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible", "--track-fds=no",
            "--child-silent-after-fork=yes", "--error-exitcode=%d" % FOUND]
SLOW_S = 120


def server_life(folder):
    """A plan, an apply, a new head while it plans, a failure, strange requests, a restart, a polite end."""
    lab = labs.Lab(folder, {"a": "# stub: create=2 apply-log=%s\n" % os.path.join(folder, "seen", "applied"), "b": "# stub: fail=plan\n"},
                   "limits: {request_deadline: 60s}\n")
    lab.server.under = VALGRIND
    try:
        lab.start()
        lab.open()
        lab.rest(SLOW_S)
        lab.approve()
        for text in ("apply -d a", "sluice aply", "help", "unlock", "plan -d a", "apply -d a"):
            lab.say(text)
            lab.rest(SLOW_S)
        port = int(re.search(r'"port":(\d+)', lab.server.log_text())[1])
        for data in (request("GET", "/%ff"), request("POST", "/events", b"{"), request("POST", "/events", b"a" * 300000),
                     b"nonsense\r\n\r\n", request("GET", "/metrics")):
            with Wire(port) as wire:
                wire.send(data)
                wire.socket.settimeout(2)
                try:
                    wire.answer()
                except Exception:  # what it says is another suite's
                    pass
        for path in ("/api/pulls", "/api/runs", "/api/runs/1", "/api/locks", "/api/queue", "/api/audit", "/api/audit/verify"):
            lab.server.must("GET", path)
        for _ in range(2):
            status = lab.server.stop()
            if status != 0:
                return "it ended with %s: %s" % (status, lab.server.log_text()[-3000:])
            lab.start()
        lab.server.must("POST", "/local/pulls/1/close", {"as": "ann"})
        status = lab.server.stop()
        return "" if status == 0 else "it ended with %s: %s" % (status, lab.server.log_text()[-3000:])
    finally:
        lab.end()


def git_call(_):
    os.environ["WRAPPER"] = " ".join(VALGRIND)
    from test_git import Lab  # reads the environment when it is loaded
    lab = Lab()
    try:
        url = lab.repo({"a/main.tf": "# 1\n", "b/x": "x\n"}, {"feature": {"a/main.tf": "# 2\n", "c/main.tf": "# 3\n"}})
        lab.prepare(url, lab.heads["feature"]).need(0)
        lab.prepare(url, "0" * 40)
        return ""
    except AssertionError as problem:
        return str(problem)
    finally:
        lab.close()


def main():
    results = sluice.Results("life")
    for name, check in (("a server's life", server_life), ("two calls of sluice-git", git_call)):
        if shutil.which("valgrind") is None:
            results.row("skipped", name, "valgrind is missing; run: apt-get install valgrind libc6-dbg")
            continue
        folder = tempfile.mkdtemp(prefix="sluice-valgrind-")
        try:
            problem = check(folder)
        except (AssertionError, OSError, sluice.Gone) as error:
            problem = "%s: %s" % (type(error).__name__, error)
        shutil.rmtree(folder, ignore_errors=True)
        results.row("failed" if problem else "passed", name, problem)
    results.end()


main()
