#!/usr/bin/env python3
"""A running server and the world around it breaking: tools, processes, folders, disk, database, clock. Each time people
are told what happened, where and what to do next; nothing is lost or done twice; the server stays up; and when the fault
is gone, work goes on."""

import concurrent.futures
import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from lab import MODE, SLOWER, STUB, Lab, until  # noqa: E402

DISK_MIB = 24


def require(condition, what):
    if not condition:
        raise AssertionError(what)


def says(text, *words):
    for word in words:
        require(word in text, "it does not say %r: %s" % (word, text))


def says_why_there_was_no_room(comment):
    """The reason and what to do: what follows any failed tool where the tool says it, else `sluice plan`."""
    was_tool = "Error: Failed to" in comment
    says(comment, "No space left on device", "fix and push" if was_tool else "sluice plan")


def goes_on(lab, applied=1):
    """The fault is gone: what people ask for is done, once, and the record is whole."""
    require(lab.server.is_alive(), "the server is gone: %s" % lab.server.log_text()[-1500:])
    lab.say("plan")
    runs = lab.rest()
    require(runs[0]["kind"] == "plan" and runs[0]["state"] == "done",
            "plan again: %s\n%s" % (runs[0]["state"], lab.last_comment()))
    lab.approve()
    lab.say("apply")
    runs = lab.rest()
    require(runs[0]["kind"] == "apply" and runs[0]["state"] == "done",
            "apply: %s %s\n%s" % (runs[0]["kind"], runs[0]["state"], lab.last_comment()))
    require(lab.applies() == applied, "applied %d times, not %d" % (lab.applies(), applied))
    verdict = lab.server.must("GET", "/api/audit/verify")
    require(verdict["valid"], "audit: %s" % verdict)
    require(not lab.server.must("GET", "/api/locks"), "a lock is left")


def comment_of(lab, kind, state, *words):
    runs = lab.rest()
    require((runs[0]["kind"], runs[0]["state"]) == (kind, state),
            "%s %s, not %s %s\n%s" % (runs[0]["kind"], runs[0]["state"], kind, state, lab.last_comment()))
    says(lab.last_comment(), *words)


def begin_apply(lab):
    lab.plan()
    lab.approve()
    lab.say("apply")


def slow(lab_folder, what, ms=1500):
    """A project whose plan or apply lasts, so that there is time to hurt it."""
    return {"a": "# stub: create=2 apply-log=%s/seen/applied %s=%d\n" % (lab_folder, what, ms)}


# ---- the tool -------------------------------------------------------------------------------------------------------

def spoiled_tool(spoil, *words):
    def check(folder):
        lab = Lab(folder).start()
        try:
            lab.plan()  # the server tries its sandboxes before the first job, and wants the tools for it
            os.unlink(lab.tool)
            spoil(lab.tool)
            lab.say("plan")
            comment_of(lab, "plan", "failed", lab.tool, "sluice plan", *words)
            if os.path.isdir(lab.tool):
                os.rmdir(lab.tool)
            shutil.copy2(STUB, lab.tool)
            goes_on(lab)
        finally:
            lab.end()
    return check


def write_program(text, mode):
    def spoil(path):
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
    return spoil


def tool_gone_before_apply(folder):
    lab = Lab(folder).start()
    try:
        lab.plan()
        lab.approve()
        os.unlink(lab.tool)
        lab.say("apply")
        comment_of(lab, "apply", "failed", lab.tool)
        require(lab.applies() == 0, "applied")
        shutil.copy2(STUB, lab.tool)
        goes_on(lab)
    finally:
        lab.end()


def tool_gone_while_it_runs(folder):
    """A running job keeps the program that it began with; the next one has none."""
    lab = Lab(folder, slow(folder, "sleep", 800)).start()
    try:
        lab.open()
        lab.wait_tool()
        os.unlink(lab.tool)
        if lab.rest()[0]["state"] != "done":  # it was init that ran: its plan is the next one
            says(lab.last_comment(), lab.tool)
        lab.say("plan")
        comment_of(lab, "plan", "failed", lab.tool)
        shutil.copy2(STUB, lab.tool)
        goes_on(lab)
    finally:
        lab.end()


def signals_of(pid):
    """What a process ignores and holds back; None: it has ended meanwhile."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open("/proc/%d/status" % pid, encoding="utf-8") as status:
            return dict(re.findall(r"^(Sig\w+):\s+(\w+)$", status.read(), re.M))
    return None


def tool_with_ordinary_signals(folder):
    """What the server ignores is nothing that a tool, and what it starts, should ignore."""
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        lab.open()
        masks = until(lambda: signals_of(lab.wait_tool()), 10 * SLOWER, "no tool can be looked at")
        ordinary = (1 << 31) - 1  # those above are what the C library and our caller make of them
        require(int(masks["SigIgn"], 16) & ordinary == 0 and int(masks["SigBlk"], 16) & ordinary == 0, "%s" % masks)
        goes_on(lab)
    finally:
        lab.end()


def tool_killed_in_plan(folder):
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        lab.open()
        os.kill(lab.wait_tool(), signal.SIGKILL)
        comment_of(lab, "plan", "failed", "killed", "signal 9", "sluice plan")
        goes_on(lab)
    finally:
        lab.end()


def tool_killed_in_apply(folder):
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        begin_apply(lab)
        until(lab.applies, 10 * SLOWER, "no apply")
        os.kill(lab.wait_tool(), signal.SIGKILL)
        comment_of(lab, "apply", "failed", "killed", "signal 9", "as the tool left it", "sluice plan")
        require(lab.server.must("GET", "/api/locks"), "the lock is gone")
        goes_on(lab, 2)
    finally:
        lab.end()


# ---- processes ------------------------------------------------------------------------------------------------------

def supervisor_killed_in_plan(folder):
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        lab.open()
        lab.wait_tool()
        os.kill(lab.supervisor(), signal.SIGKILL)
        runs = lab.rest()
        require(runs[0]["state"] == "done", "a plan can be made again: %s" % lab.last_comment())
        goes_on(lab)
    finally:
        lab.end()


def supervisor_killed_in_apply(folder):
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        begin_apply(lab)
        until(lab.applies, 10 * SLOWER, "no apply")
        os.kill(lab.supervisor(), signal.SIGKILL)
        comment_of(lab, "apply", "interrupted", "nobody can know", "sluice plan -d a", "sluice unlock")
        require(lab.applies() == 1, "applied twice")
        require(lab.server.must("GET", "/api/locks"), "the lock is gone")
        goes_on(lab, 2)
    finally:
        lab.end()


def launcher_killed(folder):
    lab = Lab(folder, slow(folder, "sleep", 500)).start()
    try:
        for _ in range(3):
            os.kill(lab.launcher(), signal.SIGKILL)
            until(lambda: lab.server.log_text().count("starting it again"), 5, "nobody is told")
            time.sleep(0.3)
        lab.open()
        lab.wait_tool()
        os.kill(lab.launcher(), signal.SIGKILL)
        runs = lab.rest()
        require(runs[0]["state"] == "done", "a job that runs needs no launcher: %s" % lab.last_comment())
        goes_on(lab)
    finally:
        lab.end()


def machine_died_in_apply(folder):
    """Server, launcher, supervisor and tool at once, as when the power goes."""
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        begin_apply(lab)
        until(lab.applies, 10 * SLOWER, "no apply")
        victims = [lab.server.process.pid, lab.launcher(), lab.supervisor(), *lab.tools_alive()]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        lab.server.kill()
        lab.start()
        comment_of(lab, "apply", "interrupted", "nobody can know", "sluice unlock")
        goes_on(lab, 2)
    finally:
        lab.end()


# ---- folders, by hand -----------------------------------------------------------------------------------------------

def job_folder_removed_in_plan(folder):
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        lab.open()
        lab.wait_tool()
        shutil.rmtree(lab.job_folder(), ignore_errors=True)
        lab.rest()
        goes_on(lab)
    finally:
        lab.end()


def job_folder_removed_in_apply(folder):
    lab = Lab(folder, slow(folder, "sleep")).start()
    try:
        begin_apply(lab)
        until(lab.applies, 10 * SLOWER, "no apply")
        shutil.rmtree(lab.job_folder(), ignore_errors=True)
        comment_of(lab, "apply", "interrupted", "nobody can know", "sluice unlock")
        require(lab.applies() == 1, "applied twice")
        goes_on(lab, 2)
    finally:
        lab.end()


def remove(folder):
    """At once, whoever works in it: it is another folder that is then emptied."""
    gone = folder + ".gone"
    os.rename(folder, gone)
    subprocess.run(["chmod", "-R", "u+w", gone], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(gone, ignore_errors=True)


def removed(name, kind="apply", state="failed", words=(), applied=1):
    """Folders of the data folder that vanish between plan and apply; the apply says so, a new plan is all it takes."""
    def check(folder):
        lab = Lab(folder).start()
        try:
            lab.plan()
            lab.approve()
            remove(lab.data(name))
            lab.say("apply")
            comment_of(lab, kind, state, *words)
            goes_on(lab, applied)
            require(os.path.isdir(lab.data(name)), "it was not made again")
        finally:
            lab.end()
    return check


def jobs_folder_removed(folder):
    """All of it, while nothing runs: it is missed and made again."""
    lab = Lab(folder).start()
    try:
        lab.plan()
        remove(lab.data("jobs"))
        goes_on(lab)
    finally:
        lab.end()


def plan_changed_by_hand(folder):
    lab = Lab(folder).start()
    try:
        lab.plan()
        lab.approve()
        for path, _, names in os.walk(lab.data("blobs")):
            for name in names:
                os.chmod(os.path.join(path, name), 0o600)
                with open(os.path.join(path, name), "r+b") as blob:
                    blob.write(b"stub plan 9")
        lab.say("apply")
        comment_of(lab, "apply", "failed", "not the one that was shown", "nothing was run")
        require(lab.applies() == 0, "applied")
        goes_on(lab)
    finally:
        lab.end()


def repository_gone(folder):
    lab = Lab(folder).start()
    try:
        lab.plan()
        path = lab.server.must("GET", "/local/repos")[0]["path"]
        os.rename(path, path + ".away")
        lab.say("plan")
        comment_of(lab, "plan", "failed", "cannot open the repository", "sluice plan")
        os.rename(path + ".away", path)
        goes_on(lab)
    finally:
        lab.end()


# ---- the disk -------------------------------------------------------------------------------------------------------

class Disk:
    """A small disk below `folder`, in the mount namespace of this test."""

    def __init__(self, folder, options="size=%dm" % DISK_MIB):
        if not os.environ.get("SLUICE_TEST_MOUNTS"):
            raise sluice.Skip("this machine gives no mount namespace")
        self.path = os.path.join(folder, "disk")
        os.mkdir(self.path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options + ",mode=0700", "none", self.path], check=True)
        self.filler = os.path.join(self.path, "filler")

    def fill(self):
        """Until not one byte is left."""
        with open(self.filler, "wb", buffering=0) as out:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while out.write(b"x" * size) == size:
                        pass

    def free(self):
        os.unlink(self.filler)

    def end(self):
        subprocess.run(["umount", "-l", self.path], check=False)


@contextlib.contextmanager
def on_disk(folder, projects=None, seen=None, **options):
    disk = Disk(folder, **options)
    lab = None
    try:
        lab = Lab(disk.path, projects, seen=seen)
        yield disk, lab
    finally:
        if lab is not None:
            lab.end()
        disk.end()


def disk_full(folder):
    with on_disk(folder) as (disk, lab):
        lab.start()
        lab.plan()
        disk.fill()
        refused = 0
        for i in range(400):  # what still fits in the log is taken; then no more
            status, answer = lab.server.ask("POST", "/local/pulls/1/comments", {"as": "ann", "body": "word %d " % i + "x" * 4000})
            require(status in (200, 201, 503), "%s %s" % (status, answer))
            if status == 503:
                refused += 1
                says(answer["error"], "full", "free space in the data folder")
                if refused == 3:
                    break
        require(refused, "the disk did not get full")
        require(lab.server.ask("GET", "/healthz")[0] == 200, "not healthy")
        kept = len([c for c in lab.pull()["comments"] if c["body"].startswith("word")])
        disk.free()
        time.sleep(1.2)
        require(len([c for c in lab.pull()["comments"] if c["body"].startswith("word")]) == kept, "comments are lost")
        goes_on(lab)


def disk_full_in_plan(folder):
    with on_disk(folder, {"a": "# stub: create=2 sleep=700\n"}) as (disk, lab):
        lab.start()
        lab.open()
        lab.wait_tool()
        disk.fill()
        time.sleep(2)
        require(lab.server.ask("GET", "/healthz")[0] == 200, "not healthy")
        disk.free()
        runs = lab.rest()
        if runs[0]["state"] != "done":  # what had no room was the tool, or the server itself
            says_why_there_was_no_room(lab.last_comment())
        goes_on(lab, 0)


def disk_full_in_apply(folder):
    """What an apply did is not forgotten because there is no room to write it down: it waits for room."""
    seen = os.path.join(folder, "seen")  # on another disk
    with on_disk(folder, {"a": "# stub: create=2 sleep=700 apply-log=%s/applied\n" % seen}, seen) as (disk, lab):
        lab.start()
        begin_apply(lab)
        until(lab.applies, 10 * SLOWER, "no apply")
        disk.fill()
        time.sleep(2)
        require(lab.server.ask("GET", "/healthz")[0] == 200, "not healthy")
        disk.free()
        comment_of(lab, "apply", "done", "applied 1 of 1")
        require(lab.applies() == 1, "applied %d times" % lab.applies())


def take_inodes(folder, left):
    """Until a disk can hold only so many files more."""
    os.mkdir(folder)
    with contextlib.suppress(OSError):
        for i in range(1000):
            open(os.path.join(folder, str(i)), "wb").close()
    for name in sorted(os.listdir(folder))[:left]:
        os.unlink(os.path.join(folder, name))


def disk_without_inodes(folder):
    """Whichever file had no room: the server stays up, the log says why, and with room again the plan ends."""
    with on_disk(folder, options="size=%dm,nr_inodes=400" % DISK_MIB) as (disk, lab):
        lab.start()
        lab.plan()
        for left in range(9):
            take_inodes(disk.filler, left)
            told = len(lab.server.log_text())
            lab.say("plan")
            until(lambda: "No space left on device" in lab.server.log_text()[told:] or not lab.server.pending(),
                  20 * SLOWER, "nothing in the log")
            require(lab.server.ask("GET", "/healthz")[0] == 200, "not healthy")
            shutil.rmtree(disk.filler)
            if lab.rest()[0]["state"] != "done":
                says_why_there_was_no_room(lab.last_comment())
        goes_on(lab)


# ---- the database ---------------------------------------------------------------------------------------------------

def database_busy(folder):
    """Another program writes to our database for a while: we wait, answer what we can, and nothing is lost."""
    lab = Lab(folder).start()
    try:
        lab.plan()
        lab.approve()
        with contextlib.closing(sqlite3.connect(lab.data("sluice.db"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            longest, refused = 0, 0
            end = time.monotonic() + 2.5
            while time.monotonic() < end:
                begin = time.monotonic()
                require(lab.server.ask("GET", "/healthz")[0] == 200, "not healthy")
                longest = max(longest, time.monotonic() - begin)
                status, answer = lab.server.ask("POST", "/local/pulls/1/comments", {"as": "ann", "body": "apply"})
                require(status == 503, "%s %s" % (status, answer))
                says(answer["error"], "another program holds the database")
                refused += 1
            other.execute("ROLLBACK")
        require(longest < 1.5 * SLOWER, "an answer took %.1f s" % longest)
        lab.say("apply")
        comment_of(lab, "apply", "done", "applied 1 of 1")
        require(lab.applies() == 1, "applied %d times" % lab.applies())
    finally:
        lab.end()


def database_busy_in_the_work(folder):
    """Held while a job ends and nobody asks anything: the end is not lost, and comes soon after."""
    lab = Lab(folder, slow(folder, "sleep", 400)).start()
    try:
        lab.open()
        lab.wait_tool()
        with contextlib.closing(sqlite3.connect(lab.data("sluice.db"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(2)
            other.execute("ROLLBACK")
        begin = time.monotonic()
        comment_of(lab, "plan", "done", "1 ready")
        require(time.monotonic() - begin < 4 * SLOWER, "it took %.0f s to go on" % (time.monotonic() - begin))
        goes_on(lab)
    finally:
        lab.end()


def io_errors(*injections):
    """Real errors of the system calls, for two seconds of work."""
    def check(folder):
        if shutil.which("strace") is None:
            raise sluice.Skip("strace is missing; run: apt-get install strace")
        lab = Lab(folder).start()
        try:
            lab.plan()
            command = ["strace", "-qq", "-o", "/dev/null", "-p", str(lab.server.process.pid)]
            for injection in injections:
                command += ["-e", "inject=" + injection]
            tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            try:
                time.sleep(0.3)
                if tracer.poll() is not None:
                    raise sluice.Skip("processes cannot be traced here: %s" % tracer.stderr.read().strip())
                end = time.monotonic() + 2
                answers = []
                while time.monotonic() < end:
                    answers.append(lab.server.ask("POST", "/local/pulls/1/comments", {"as": "ann", "body": "a word"}))
                    require(lab.server.ask("GET", "/healthz")[0] == 200, "not healthy")
                    time.sleep(0.02)
            finally:
                tracer.terminate()
                tracer.communicate()
            statuses = {status for status, _ in answers}
            require(503 in statuses and statuses <= {200, 201, 503}, "answered with %s %s" % (statuses, answers[-1]))
            time.sleep(1.2)
            goes_on(lab)
        finally:
            lab.end()
    return check


# ---- limits ---------------------------------------------------------------------------------------------------------

def no_descriptors(folder):
    """With so many left and no more, while a plan is asked for and made; and with a crowd at the door."""
    lab = Lab(folder, slow(folder, "sleep", 300)).start()
    try:
        lab.plan()
        pid = lab.server.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for left in range(5):
            asking = sluice.UnixConnection(lab.data("sluice.sock"), 10)
            asking.request("GET", "/healthz")
            asking.getresponse().read()
            used = {int(name) for name in os.listdir("/proc/%d/fd" % pid)}
            free = [number for number in range(1024) if number not in used]
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[left], before[1]))
            asking.request("POST", "/local/pulls/1/comments", '{"as":"ann","body":"plan"}')
            asking.getresponse().read()
            crowd = [socket.create_connection(("127.0.0.1", port_of(lab))) for _ in range(4)]
            time.sleep(1)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            for connection in [asking, *crowd]:
                connection.close()
            runs = lab.rest()
            require(runs[0]["state"] in ("done", "failed"), "with %d left: %s" % (left, runs[0]["state"]))
        goes_on(lab)
    finally:
        lab.end()


def files_too_large(folder):
    """A limit on the size of files, such as `ulimit -f`: an error like a full disk, and no reason to die."""
    lab = Lab(folder).start()
    try:
        lab.plan()
        pid = lab.server.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
        status, answer = lab.server.ask("POST", "/local/pulls/1/comments", {"as": "ann", "body": "a word"})
        require(status == 503, "%s %s" % (status, answer))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        time.sleep(1.2)
        goes_on(lab)
    finally:
        lab.end()


def port_of(lab):
    return int(re.search(r'"port":(\d+)', lab.server.log_text())[1])


# ---- the clock ------------------------------------------------------------------------------------------------------

def faketime():
    found = subprocess.run(["dpkg", "-L", "libfaketime"], check=False, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout.split()
    found = [path for path in found if path.endswith("libfaketime.so.1")]
    if not found:
        raise sluice.Skip("libfaketime is missing; run: apt-get install faketime")
    return found[0]


def clock_jumps(offset):
    """The wall clock of the server jumps while a plan is running, and back while an apply is."""
    def check(folder):
        if MODE == "asan":
            raise sluice.Skip("a sanitizer must come first in LD_PRELOAD")
        clock = os.path.join(folder, "clock")

        def jump(to):
            with open(clock + ".new", "w", encoding="utf-8") as out:
                out.write(to + "\n")
            os.rename(clock + ".new", clock)

        jump("+0")
        lab = Lab(folder, slow(folder, "sleep", 1200))
        lab.start(environment={"LD_PRELOAD": faketime(), "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
                               "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        try:
            lab.open()
            lab.wait_tool()
            jump(offset)
            begin = time.monotonic()
            comment_of(lab, "plan", "done", "1 ready")
            require(time.monotonic() - begin < 8 * SLOWER, "the plan took %.0f s" % (time.monotonic() - begin))
            lab.approve()
            lab.say("apply")
            until(lab.applies, 10 * SLOWER, "no apply")
            jump("+0")
            begin = time.monotonic()
            comment_of(lab, "apply", "done", "applied 1 of 1")
            require(time.monotonic() - begin < 8 * SLOWER, "the apply took %.0f s" % (time.monotonic() - begin))
            require(lab.server.must("GET", "/api/audit/verify")["valid"], "audit")
        finally:
            lab.end()
    return check


# ---- the end of a server --------------------------------------------------------------------------------------------

def stopped_while_it_works(folder):
    """SIGTERM with a plan running and clients asking: it ends with 0, soon, and the next one goes on."""
    lab = Lab(folder, slow(folder, "sleep")).start()
    over = threading.Event()

    def ask():
        while not over.is_set():
            with contextlib.suppress(sluice.Gone):
                lab.server.ask("POST", "/local/pulls/1/comments", {"as": "ann", "body": "a word"}, timeout=5)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    try:
        lab.open()
        lab.wait_tool()
        for client in clients:
            client.start()
        time.sleep(0.2)
        begin = time.monotonic()
        status = lab.server.stop()
        require(status == 0, "it ended with %s: %s" % (status, lab.server.log_text()[-2000:]))
        require(time.monotonic() - begin < 2 * SLOWER, "it took %.0f s" % (time.monotonic() - begin))
        over.set()
        lab.start()
        comment_of(lab, "plan", "done", "1 ready")
        goes_on(lab)
    finally:
        over.set()
        lab.end()


def stopped_with_a_full_disk(folder):
    with on_disk(folder) as (disk, lab):
        lab.start()
        lab.plan()
        disk.fill()
        over = threading.Event()

        def ask():
            while not over.is_set():
                with contextlib.suppress(sluice.Gone):
                    lab.server.ask("POST", "/local/pulls/1/comments", {"as": "ann", "body": "x" * 4000}, timeout=5)

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(0.5)
        status = lab.server.stop()
        over.set()
        require(status == 0, "it ended with %s: %s" % (status, lab.server.log_text()[-2000:]))
        disk.free()
        lab.start()
        goes_on(lab)


CASES = [
    ("tool: missing", spoiled_tool(lambda path: None, "No such file")),
    ("tool: not executable", spoiled_tool(write_program("#!/bin/sh\n", 0o644), "ermission denied")),
    ("tool: a folder", spoiled_tool(os.mkdir, "not a program")),
    ("tool: garbage", spoiled_tool(write_program("\x7fELF nonsense", 0o755), "xec format error")),
    ("tool: a script without its interpreter", spoiled_tool(write_program("#!/no/such/program\n", 0o755), "cannot start")),
    ("tool: gone between plan and apply", tool_gone_before_apply),
    ("tool: gone while it runs", tool_gone_while_it_runs),
    ("tool: starts with ordinary signals", tool_with_ordinary_signals),
    ("tool: killed in a plan", tool_killed_in_plan),
    ("tool: killed in an apply", tool_killed_in_apply),
    ("supervisor: killed in a plan", supervisor_killed_in_plan),
    ("supervisor: killed in an apply", supervisor_killed_in_apply),
    ("launcher: killed", launcher_killed),
    ("the machine dies in an apply", machine_died_in_apply),
    ("job folder: removed in a plan", job_folder_removed_in_plan),
    ("job folder: removed in an apply", job_folder_removed_in_apply),
    ("jobs folder: removed", jobs_folder_removed),
    ("blobs: removed", removed("blobs", words=("saved plan is gone", "nothing was run", "sluice plan"))),
    ("mirrors and work trees: removed", removed("repos", words=("work tree", "sluice plan"))),
    ("trash: removed", removed("trash", state="done", applied=2)),
    ("saved plan: changed by hand", plan_changed_by_hand),
    ("repository: gone", repository_gone),
    ("disk: full", disk_full),
    ("disk: full in a plan", disk_full_in_plan),
    ("disk: full in an apply", disk_full_in_apply),
    ("disk: no more files", disk_without_inodes),
    ("database: another program writes", database_busy),
    ("database: another program writes while a job ends", database_busy_in_the_work),
    ("database: fsync fails", io_errors("fsync,fdatasync:error=EIO")),
    ("database: write fails", io_errors("pwrite64:error=EIO")),
    ("database: the disk became read-only", io_errors("pwrite64,ftruncate,fsync,fdatasync:error=EROFS")),
    ("database: read fails", io_errors("pread64:error=EIO", "fdatasync:error=EIO:when=1+3")),
    ("limits: no descriptor left", no_descriptors),
    ("limits: files too large", files_too_large),
    ("clock: an hour ahead", clock_jumps("+3600")),
    ("clock: an hour back", clock_jumps("-3600")),
    ("stopped while it works", stopped_while_it_works),
    ("stopped with a full disk", stopped_with_a_full_disk),
]


def one(name, check):
    folder = tempfile.mkdtemp(prefix="sluice-faults-")
    try:
        check(folder)
        return "passed", name, ""
    except sluice.Skip as why:
        return "skipped", name, str(why)
    except (AssertionError, OSError, ValueError, IndexError, sluice.Gone, subprocess.SubprocessError) as problem:
        return "failed", name, "%s: %s" % (type(problem).__name__, problem)
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    results = sluice.Results("faults")
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for row in pool.map(lambda case: one(*case), [case for case in CASES if only in case[0]]):
            results.row(*row)
    results.end()


def in_own_mounts():
    """Once more, in a mount namespace of its own, if the machine gives one."""
    for words in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        if subprocess.run([*words, "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            os.environ["SLUICE_TEST_MOUNTS"] = "1"
            os.execvp(words[0], [*words, "--propagation", "private", sys.executable, *sys.argv])


if __name__ == "__main__":
    if "SLUICE_TEST_MOUNTS" not in os.environ:
        in_own_mounts()
    main()
