#!/usr/bin/env python3
"""A backup of a server that works, a new server from it, and what that one must not do by itself.

    tests/integration/test_backup.py [CASE ...]

Real server, real git, stub tool, local host. Results: build/report/results/backup.tsv; on stdout only what did not pass."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from lab import MODE, STUB, Lab, until  # noqa: E402

SLUICE = os.path.join(sluice.ROOT, "build", MODE, "sluice")


def run(*words):
    return subprocess.run([SLUICE, *words], text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def good(*words):
    done = run(*words)
    assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Place:
    """A server whose apply takes as long as it is told to."""

    def __init__(self, sleep=0):
        self.folder = tempfile.mkdtemp(prefix="sluice-backup-")
        seen = os.path.join(self.folder, "seen")
        self.lab = Lab(self.folder, {"a": "# stub: create=2 sleep=%d apply-log=%s/applied\n" % (sleep, seen)}, seen=seen)
        self.lab.start()
        self.lab.plan()
        self.lab.approve()
        self.copy = os.path.join(self.folder, "copy")
        self.new = os.path.join(self.folder, "new")

    def close(self):
        self.lab.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def backup(self):
        return good("backup", self.copy, "--data", self.lab.server.data)

    def restored(self):
        """A server on what was restored; the one before is gone."""
        self.lab.server.stop()
        good("restore", self.copy, "--data", self.new)
        server = sluice.Server(self.new, MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\nsandbox: {write: [%s]}\n" % (
            STUB, os.path.join(self.folder, "seen")))
        server.start()
        return server


def answers(server):
    """What people and programs are told of the pull request; what eve says of it meanwhile stands apart."""
    pull = server.must("GET", "/local/pulls/1")
    words = [one["body"] for one in pull["comments"] if one["author"] == "eve"]
    rest = [one for one in pull["comments"] if one["author"] != "eve"]
    return words, [server.must("GET", path) for path in ("/api/pulls", "/api/runs", "/api/runs/1", "/api/locks", "/api/queue")] + [
        rest, pull["head"], pull["approvals"] if "approvals" in pull else None]


def case_equal_answers(place):
    """Made while comments come in: what the new server says is what the old one had said at that moment."""
    place.lab.say("apply")
    place.lab.rest()
    before, stop = answers(place.lab.server)[1], threading.Event()

    def talk():
        number = 0
        while not stop.is_set():
            number += 1
            place.lab.say("word %d" % number, "eve")

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        until(lambda: len(answers(place.lab.server)[0]) > 20, 20, "nobody talks")
        said = place.backup()
        at_end = len(answers(place.lab.server)[0])
        until(lambda: len(answers(place.lab.server)[0]) > at_end, 20, "nobody talks any more")
    finally:
        stop.set()
        talker.join()
    assert "files" in said and "--verify" in said, said
    assert "files as they were" in good("restore", "--verify", place.copy)
    server = place.restored()
    try:
        words, after = answers(server)
        assert after == before, (after, before)
        assert 20 < len(words) <= at_end and words == ["word %d" % (i + 1) for i in range(len(words))], words
        verdict = good("audit", "verify", "--data", place.new)
        assert "is whole" in verdict, verdict
        assert "restored" in good("audit", "--data", place.new)
        for path in ("plans.key", "local.secret"):
            assert not os.path.exists(os.path.join(place.copy, "data", path)), path
    finally:
        server.stop()


def case_nothing_is_applied(place):
    """Neither what was planned and approved, nor what runs: it is planned again first."""
    place.backup()
    server = place.restored()
    try:
        server.must("POST", "/local/pulls/1/comments", {"as": "ann", "body": "apply"})
        server.wait_idle(1)
        last = server.must("GET", "/local/pulls/1")["comments"][-1]["body"]
        assert "Not applied" in last and "plan again" in last, last
        assert place.lab.applies() == 0
        server.must("POST", "/local/pulls/1/comments", {"as": "ann", "body": "plan"})
        server.wait_idle(1)
        server.must("POST", "/local/pulls/1/approve", {"as": "bob"})
        server.must("POST", "/local/pulls/1/comments", {"as": "ann", "body": "apply"})
        runs = server.wait_idle(1)
        assert (runs[0]["kind"], runs[0]["state"]) == ("apply", "done"), runs
        assert place.lab.applies() == 1
    finally:
        server.stop()


def case_an_apply_at_work(_):
    """It ends as interrupted where the copy comes to life, and says so on its pull request; it is not begun again."""
    place = Place(sleep=3000)
    try:
        place.lab.say("apply")
        until(lambda: place.lab.applies() == 1, 20, "no apply")
        place.backup()
        place.lab.rest()
        server = place.restored()
        try:
            runs = server.wait_idle(1)
            assert (runs[0]["kind"], runs[0]["state"]) == ("apply", "interrupted"), runs
            bodies = [one["body"] for one in server.must("GET", "/local/pulls/1")["comments"] if one["author"] == "sluice"]
            assert any("restored from a backup" in body for body in bodies), bodies[-1]
            assert place.lab.applies() == 1
        finally:
            server.stop()
    finally:
        place.close()


def case_a_copy_that_was_changed(place):
    """One byte, one file less, one more: named, and nothing is restored."""
    place.backup()
    data = os.path.join(place.copy, "data")
    database, extra = os.path.join(data, "sluice.db"), os.path.join(data, "more")

    def refused(words):
        for call in (("restore", "--verify", place.copy), ("restore", place.copy, "--data", place.new)):
            done = run(*call)
            assert done.returncode == 1 and words in done.stderr, (words, done)
        assert not os.path.exists(place.new)

    with open(database, "r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))
    refused("sluice.db is not as it was")
    with open(database, "r+b") as file:
        file.seek(5000)
        file.write(byte)
    good("restore", "--verify", place.copy)
    with open(extra, "w", encoding="utf-8"):
        pass
    refused("more does not belong")
    os.unlink(extra)
    os.rename(database, extra + ".db")
    refused("not there")
    os.rename(extra + ".db", database)
    os.unlink(os.path.join(place.copy, "manifest.json"))
    refused("is no backup")


def case_folders(place):
    """Never over something that is there."""
    os.mkdir(place.copy)
    with open(os.path.join(place.copy, "mine"), "w", encoding="utf-8"):
        pass
    done = run("backup", place.copy, "--data", place.lab.server.data)
    assert done.returncode == 1 and "is not empty" in done.stderr, done
    shutil.rmtree(place.copy)
    place.backup()
    done = run("restore", place.copy, "--data", place.lab.server.data)
    assert done.returncode == 1 and "is not empty" in done.stderr, done
    done = run("backup", place.copy + "2", "--data", "/nowhere")
    assert done.returncode == 1 and "/nowhere" in done.stderr and not os.path.exists(place.copy + "2"), done
    assert run("backup").returncode == 2 and run("restore").returncode == 2


if __name__ == "__main__":
    sluice.run_cases("backup", sluice.lab_cases(globals(), Place))
