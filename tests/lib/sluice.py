"""A server of ours as tests and benches drive it: started, killed, asked over its unix socket. Standard library only."""

import concurrent.futures
import contextlib
import functools
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What may take so many seconds may take more under a sanitizer, or where others work, too
SLOWER = (5 if os.environ.get("MODE") in ("asan", "tsan") else 1) * max(1, os.getloadavg()[0] / os.cpu_count())
GIT_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z",
}


class Gone(Exception):
    """The server did not answer: it is dead, or died before it answered."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """One data folder and the server process on it, which may be started and killed many times."""

    def __init__(self, data, mode="debug", config="", environment=None):
        self.data = data
        self.build = os.path.join(ROOT, "build", mode)
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.under = []  # a command that runs the server, such as valgrind
        self.ready_ms = 0.0
        os.makedirs(data, mode=0o700, exist_ok=True)
        self.config = os.path.join(data, "server.yaml")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(config or "listen: 127.0.0.1:0\n")

    def start(self, environment=None, wait=True):
        self.log = open(os.path.join(self.data, "server.log"), "ab")
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [*self.under, os.path.join(self.build, "sluice"), "serve", "--config", self.config, "--data", self.data],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=dict(self.environment, **(environment or {})))
        if wait:
            self.wait_ready(begin)
        return self

    def wait_ready(self, begin):
        while True:
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    self.ready_ms = (time.monotonic() - begin) * 1e3
                    return
            except Gone:
                pass
            if self.process.poll() is not None:
                raise Gone("while it started" + self.last_words())
            if time.monotonic() - begin > 30 * SLOWER:
                raise Gone("the server was not ready after %d s" % (30 * SLOWER))
            time.sleep(0.001)

    def wait_idle(self, number, timeout=30, every=0.004):
        """Until nothing waits in the queue and the pull's runs have ended; the runs, newest first. In this order: whatever was told
        before has its run in the answer."""
        end = time.monotonic() + timeout * SLOWER
        while time.monotonic() < end:
            status, answer = self.ask("GET", "/api/runs") if not self.pending() else (0, [])
            runs = [run for run in answer if run["pull"] == number] if status == 200 else []
            if runs and all(run["ended_ms"] for run in runs):
                return runs
            time.sleep(every)
        raise AssertionError("pull %s is not idle after %s s:\n%s" % (number, timeout, self.log_text()[-3000:]))

    def pending(self):
        """Events, jobs and effects that are not done."""
        status, text = self.ask("GET", "/metrics")
        if status != 200:
            return 1
        total = 0
        for line in text.splitlines():
            if line.startswith(("sluice_inbox ", "sluice_outbox ", "sluice_runs_active ")):
                total += int(line.split()[1])
        return total

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.is_alive():
            self.process.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        self.log.close()

    def stop(self):
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10 * SLOWER)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()
        return self.process.returncode

    def ask(self, method, path, body=None, timeout=20):
        """(status, parsed answer); Gone when the connection breaks."""
        connection = UnixConnection(os.path.join(self.data, "sluice.sock"), timeout * SLOWER)
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise Gone("%s%s" % (problem, self.last_words())) from problem
        finally:
            connection.close()
        try:
            return answer.status, json.loads(content or b"null")
        except ValueError:
            return answer.status, content.decode("utf-8", "replace")

    def last_words(self):
        """Of a server that has ended without being asked to."""
        if self.process is None or self.process.poll() is None:
            return ""
        return "; the server ended with %s:\n%s" % (self.process.returncode, self.log_text()[-1500:])

    def must(self, method, path, body=None):
        status, answer = self.ask(method, path, body)
        if status >= 300:
            raise AssertionError("%s %s: %s %s" % (method, path, status, answer))
        return answer

    def metric(self, name):
        """A number of GET /metrics that has no labels."""
        return [int(line.split()[1]) for line in self.ask("GET", "/metrics")[1].splitlines() if line.startswith(name + " ")][0]

    def sweeps(self, count):
        """Until the broom has gone through everything that many times from now on."""
        wanted = self.metric("sluice_sweeps_total") + count
        end = time.monotonic() + (5 + 2 * count) * SLOWER
        while self.metric("sluice_sweeps_total") < wanted:
            assert time.monotonic() < end, "no %d rounds of the broom" % count
            time.sleep(0.05)

    def log_text(self):
        with open(os.path.join(self.data, "server.log"), encoding="utf-8", errors="replace") as text:
            return text.read()


def git(folder, *words, env=None):
    done = subprocess.run(
        ["git", "-c", "user.name=alice", "-c", "user.email=alice@example.org", "-c", "init.defaultBranch=main",
         "-c", "gc.auto=0", *words], cwd=folder, env=dict(GIT_ENV, **(env or {})), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise AssertionError("git %s: %s" % (" ".join(words), done.stdout))
    return done.stdout.strip()


def write_files(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)


def make_repository(folder, base, branches):
    """A bare repository `folder` with the files of `base` on main and each branch's files on top. {branch: head}"""
    work = folder + ".work"
    os.makedirs(work)
    git(work, "init", "-q")
    write_files(work, base)
    git(work, "add", "-A")
    git(work, "commit", "-qm", "base")
    heads = {"main": git(work, "rev-parse", "HEAD")}
    for branch, files in branches.items():
        git(work, "checkout", "-qb", branch, "main")
        write_files(work, files)
        git(work, "add", "-A")
        git(work, "commit", "-qm", "change on %s" % branch)
        heads[branch] = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "-q", "main")
    git(os.path.dirname(folder) or ".", "clone", "-q", "--bare", work, folder)
    shutil.rmtree(work)
    return heads


class Results:
    """Rows of one suite in the common format: build/report/results/NAME.tsv."""

    def __init__(self, suite):
        mode = os.environ.get("MODE", "debug")
        self.suite = suite if mode == "debug" else suite + "-" + mode
        self.failures = 0
        folder = os.path.join(ROOT, "build", "report", "results")
        os.makedirs(folder, exist_ok=True)
        self.out = open(os.path.join(folder, self.suite + ".tsv"), "w", encoding="utf-8")

    def row(self, verdict, case, reason=""):
        self.failures += verdict == "failed"
        line = "\t".join([verdict, self.suite, case, " ".join(str(reason).split())[:2000]])
        self.out.write(line + "\n")
        self.out.flush()
        if verdict != "passed":
            print(line, flush=True)

    def end(self):
        self.out.close()
        sys.exit(1 if self.failures else 0)


class Skip(Exception):
    """A case that cannot be tried here; its text says why."""


def expect(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


def verdict_of(call):
    """(verdict, remark) of a case, which may return one."""
    try:
        return "passed", call() or ""
    except Skip as why:
        return "skipped", why
    except Exception as problem:  # a case that breaks is a case that fails, and hides no other
        if os.environ.get("VERBOSE"):
            traceback.print_exc()
        return "failed", "%s: %s" % (type(problem).__name__, problem)


def verdicts_of(cases, workers=1):
    """(name, verdict, remark) of each, in their order; `workers` at a time, for those that mostly wait."""
    if workers == 1:
        yield from ((name, *verdict_of(call)) for name, call in cases)
        return
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for (name, _), verdict in zip(cases, pool.map(verdict_of, [call for _, call in cases])):
            yield (name, *verdict)


def run_cases(suite, cases, workers=1, last=()):
    """The loop of a suite. `cases` are pairs of a name and what is called for it; those of `last` come when all others have
    ended. Words on the command line choose the cases whose names hold one of them."""
    results = Results(suite)
    words = sys.argv[1:]
    for some, at_once in ((cases, workers), (last, 1)):
        chosen = [case for case in some if not words or any(word in case[0] for word in words)]
        for name, verdict, remark in verdicts_of(chosen, at_once):
            results.row(verdict, name, remark)
    results.end()


def named_cases(names, prefix="case_"):
    """The functions of a module whose names begin with `prefix`, as pairs of the rest of the name and the function."""
    return [(name[len(prefix):], call) for name, call in names.items() if name.startswith(prefix)]


def lab_cases(names, lab):
    """The same for cases that each want a laboratory of their own, made by `lab` and closed after them."""
    def run(case):
        with contextlib.closing(lab()) as one:
            return case(one)
    return [(name, functools.partial(run, case)) for name, case in named_cases(names)]


class Report:
    """Figures of one suite: build/report/NAME.json."""

    def __init__(self, name):
        self.path = os.path.join(ROOT, "build", "report", name + ".json")
        self.rows = []

    def add(self, name, value, unit, goal, is_ok, detail=""):
        self.rows.append({"name": name, "value": value, "unit": unit, "goal": goal, "ok": bool(is_ok), "detail": detail})
        print("  %-58s %10s %-6s %s %s" % (name, value, unit, "ok" if is_ok else "MISSED", goal), flush=True)

    def write(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "w", encoding="utf-8") as out:
            json.dump(self.rows, out, indent=1)
