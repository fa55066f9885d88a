"""A data directory, work trees and a driven executor: what the runner suites stand on. `sluice.py` of tests/lib must be importable."""

import contextlib
import functools
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time

from lab import processes
from sluice import SLOWER, Skip

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODE = os.environ.get("MODE", "debug")
BUILD = os.path.join(ROOT, "build", MODE)
PREPARE, PLAN, APPLY, IMPORT, STATE_RM, HOOKS = range(1, 7)
# enum step_kind
INIT, PLAN_STEP, SHOW, POLICY, APPLY_STEP, IMPORT_STEP, STATE_RM_STEP, RUN, ENV, MULTIENV = range(1, 11)
OUTCOMES = ["none", "ok", "tool_failed", "signalled", "timed_out", "output_cap", "cancelled", "setup_failed",
            "conflict", "bad_result", "plan_lost", "unknown", "never_began", "memory_cap", "disk_cap"]


def tool(name):
    """A real tool: what a setup brought, else what PATH has, else None."""
    own = os.path.join(ROOT, ".tools", "bin", name)
    return own if os.access(own, os.X_OK) else shutil.which(name)


def cli_config():
    own = os.path.join(ROOT, ".tools", "terraformrc")
    return own if os.path.exists(own) else None


class Ended:
    def __init__(self, millis, result):
        self.millis = millis
        self.result = result
        self.outcome = result["outcome"] if isinstance(result["outcome"], str) else OUTCOMES[result["outcome"]]

    def __getattr__(self, name):
        return self.result.get(name, "")

    def __repr__(self):
        return "%s in %r: %s\n%s" % (self.outcome, self.step, self.failure, self.output[-2000:])


class Driver:
    """One life of the process that owns the executor."""

    def __init__(self, lab, **options):
        given = {"data": lab.data, "program": os.path.join(BUILD, "sluice-job")}
        given.update(lab.options)
        given.update({k: v for k, v in options.items() if v})
        self.process = subprocess.Popen([os.path.join(BUILD, "tests", "runner-driver")] +
                                        ["%s=%s" % item for item in given.items() if item[1]],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("ready")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, start, timeout=60):
        """The first line, seen or to come, that starts so; it is taken away."""
        until = time.monotonic() + timeout * SLOWER
        while True:
            for i, line in enumerate(self.seen):
                if line.startswith(start):
                    return self.seen.pop(i)
            try:
                line = self.lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError("no line %r in %d s; seen %r" % (start, timeout, self.seen))
            if line is None:
                raise AssertionError("the driver ended before %r; seen %r" % (start, self.seen))
            self.seen.append(line)

    def ended(self, job, attempt=1, timeout=60):
        line = self.wait("ended %d %d " % (job, attempt), timeout)
        parts = line.split(" ", 4)
        return Ended(float(parts[3]), json.loads(parts[4]))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def quit(self):
        if self.process.poll() is None:
            self.send("quit")
            assert self.process.wait(20) == 0

    def children(self):
        return children(self.process.pid)


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        return []


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def eventually(check, timeout=20):
    until = time.monotonic() + timeout * SLOWER
    while not check():
        assert time.monotonic() < until, "did not come true in %d s" % timeout
        time.sleep(0.02)


class Lab:
    def __init__(self, **options):
        self.root = tempfile.mkdtemp(prefix="sluice-runners-")
        os.chmod(self.root, 0o711)  # the way of jobs that have users of their own
        self.data = os.path.join(self.root, "data")
        self.seen = os.path.join(self.root, "seen")  # where jobs may write, to tell us
        os.mkdir(self.seen)
        os.chmod(self.seen, 0o777)
        stub = os.path.join(BUILD, "tests", "stub-terraform")
        self.options = {"terraform": stub, "read": os.path.dirname(stub), "write": self.seen}
        self.options.update(options)
        self.next = 1
        self.driver = None

    def start(self, **options):
        self.driver = Driver(self, **options)
        return self.driver

    def own_tool(self):
        """From the next start on: a copy of the stub that nobody else on this machine runs."""
        folder = os.path.join(self.root, "tool")
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        self.options.update(terraform=shutil.copy(self.options["terraform"], folder), read=folder)

    def tools_alive(self):
        return processes(lambda program, _: program == self.options["terraform"])

    def tree(self, name, files):
        """A work tree; its name stands for the object id."""
        oid = (name.encode().hex() + "0" * 40)[:40]
        base = os.path.join(self.data, "repos", "1", "trees", oid)
        for path, text in files.items():
            full = os.path.join(base, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w") as stream:
                stream.write(text)
        return oid

    def spec(self, op, tree, **more):
        spec = {"job": self.next, "attempt": 1, "op": op, "tool": "terraform", "repo": 1, "repo_name": "o/r",
                "clone_url": "", "number": 1, "head": "", "head_ref": "", "base_ref": "", "near_tree": "",
                "tree": tree, "dir": ".", "workspace": "default", "project": "p", "plan_blob": "",
                "extra_args": [], "step_timeout_ms": 60000, "stop_grace_ms": 1000,
                "output_cap_bytes": 64 << 20}
        spec.update(more)
        self.next = max(self.next, spec["job"]) + 1
        return spec

    def ask(self, op, tree, **more):
        spec = self.spec(op, tree, **more)
        self.driver.send("start " + json.dumps(spec))
        return spec["job"]

    def run(self, op, tree, **more):
        timeout = more.pop("wait", 120)
        return self.driver.ended(self.ask(op, tree, **more), more.get("attempt", 1), timeout)

    def job_dir(self, job, attempt=1):
        return os.path.join(self.data, "jobs", "%d-%d" % (job, attempt))

    def lines(self, name):
        path = os.path.join(self.seen, name)
        if not os.path.exists(path):
            return []
        with open(path) as stream:
            return stream.read().splitlines()

    def blob(self, sha):
        return os.path.join(self.data, "blobs", sha[:2], sha)

    def close(self):
        if self.driver is not None and self.driver.process.poll() is None:
            self.driver.quit()
        subprocess.run(["chmod", "-R", "u+rwX", self.root], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.root, ignore_errors=True)


def supervisor_of(lab, job, attempt=1):
    path = os.path.join(lab.job_dir(job, attempt), "lock")
    eventually(lambda: os.path.exists(path) and os.path.getsize(path) > 0)
    with open(path) as stream:
        return int(stream.read())


@contextlib.contextmanager
def real(name, program):
    """A started lab with a real tool."""
    lab = Lab(**{"terraform": "", name: tool(program)})
    if cli_config():
        lab.options["cli_config"] = cli_config()
    with contextlib.closing(lab):
        lab.start()
        yield lab


class Cases(list):
    """The cases of a suite for run_cases(), and the ways to mark a function as one."""

    def plain(self, function):
        self.append((function.__name__, function))
        return function

    def stub(self, function):
        """function(lab), with the stub tool."""
        def run_it():
            with contextlib.closing(Lab()) as lab:
                lab.start()
                function(lab)
        self.append((function.__name__, run_it))
        return function

    def both(self, function):
        """function(name, program), for Terraform and for OpenTofu as far as they are there."""
        def run_it(name, program):
            if tool(program) is None:
                raise Skip("%s is neither in .tools nor in PATH" % program)
            function(name, program)
        for name, program in (("terraform", "terraform"), ("opentofu", "tofu")):
            self.append(("%s_%s" % (name, function.__name__), functools.partial(run_it, name, program)))
        return function


def step(kind, *args, **more):
    return dict({"kind": kind, "extra_args": list(args)}, **more)


def run(command, **more):
    return step(RUN, command=command, **more)


def env(name, value=None, command=""):
    return step(ENV, name=name, value=value, command=command)
