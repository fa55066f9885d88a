"""One server, one repository on its local host, one pull request: what a test needs to hurt it and to see what it says.

Projects are folders with a main.tf for the stub tool (tests/stub/tool.c)."""

import contextlib
import os
import re
import shutil
import signal
import time

import sluice
from sluice import SLOWER

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")


class Lab:
    def __init__(self, folder, projects=None, config="", seen=None):
        self.folder = folder
        self.tool = os.path.join(folder, "terraform")
        shutil.copy2(STUB, self.tool)
        seen = seen or os.path.join(folder, "seen")  # where jobs may write, to tell us
        os.makedirs(seen, exist_ok=True)
        os.chmod(seen, 0o777)
        os.chmod(folder, 0o711)  # the way of jobs, which have users of their own
        self.applied = os.path.join(seen, "applied")
        projects = projects or {"a": "# stub: create=2 apply-log=%s\n" % self.applied}
        self.server = sluice.Server(
            os.path.join(folder, "data"), MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\nslots: 4\n"
            "sandbox: {write: [%s]}\n%s" % (self.tool, seen, config))
        self.repo = os.path.join(folder, "repo.git")
        sluice.make_repository(self.repo, {name + "/main.tf": "# nothing\n" for name in projects},
                               {"feature": {name + "/main.tf": text for name, text in projects.items()}})

    def start(self, **options):
        self.server.start(**options)
        return self

    def open(self):
        self.server.must("POST", "/local/repos", {"name": "r", "import": self.repo})
        self.server.must("POST", "/local/pulls",
                         {"repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "ann"})

    def say(self, text, who="ann"):
        self.server.must("POST", "/local/pulls/1/comments", {"as": who, "body": text})

    def approve(self):
        self.server.must("POST", "/local/pulls/1/approve", {"as": "bob"})

    def rest(self, seconds=30):
        """The runs, newest first, when nothing is left to do."""
        return self.server.wait_idle(1, seconds)

    def plan(self):
        self.open()
        return self.rest()

    def pull(self):
        return self.server.must("GET", "/local/pulls/1")

    def last_comment(self):
        return [c for c in self.pull()["comments"] if c["author"] == "sluice"][-1]["body"]

    def applies(self):
        with contextlib.suppress(FileNotFoundError), open(self.applied, encoding="utf-8") as lines:
            return len(lines.readlines())
        return 0

    def data(self, *names):
        return os.path.join(self.server.data, *names)

    def job_folder(self, wait=10):
        """The folder of the newest job that a tool works for."""
        def newest():
            names = [name for name in os.listdir(self.data("jobs")) if re.fullmatch(r"\d+-\d+", name)]
            return self.data("jobs", max(names, key=lambda name: [int(n) for n in name.split("-")])) if names else None
        return until(newest, wait * SLOWER, "no job folder")

    def tools_alive(self):
        """Processes that run our copy of the tool."""
        return processes(lambda program, _: program == self.tool)

    def wait_tool(self, wait=10):
        return until(self.tools_alive, wait * SLOWER, "no tool runs")[0]

    def supervisor(self):
        """The pid in the newest job's lock."""
        with open(os.path.join(self.job_folder(), "lock"), encoding="utf-8") as lock:
            return int(lock.read())

    def launcher(self):
        return processes(lambda program, parent: parent == self.server.process.pid)[0]

    def end(self):
        self.server.kill()
        for pid in self.tools_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes(wanted):
    """Pids of the processes for which wanted(program, parent) is true."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as text:
                parent = int(text.read().rsplit(")", 1)[1].split()[1])
            program = os.readlink("/proc/%s/exe" % name).removesuffix(" (deleted)")
            if wanted(program, parent):
                found.append(int(name))
    return found


def until(ask, seconds, what):
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.01)
    raise AssertionError("%s after %s s" % (what, seconds))
