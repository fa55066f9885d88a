"""A server of the local host with one open pull request: what suites that talk about one build on."""

import os
import shutil
import subprocess
import tempfile

import sluice


class OnePull:
    """Repository `r` and pull request 1, from `feature` to `main`; `more` are further branches. The folder goes with it."""

    def __init__(self, prefix, base, change, folder=None, within="/tmp", more=None):
        self.folder = folder or tempfile.mkdtemp(prefix=prefix, dir=within)
        self.repo = os.path.join(self.folder, "repo.git")
        self.base, self.branches = base, {"feature": change, **(more or {})}
        self.server = None

    def serve(self, mode, config):
        """Makes the server; it is not started."""
        self.server = sluice.Server(os.path.join(self.folder, "data"), mode, config)

    def start(self):
        sluice.make_repository(self.repo, self.base, self.branches)
        self.server.start()
        self.server.must("POST", "/local/repos", {"name": "r", "import": self.repo})

    def open(self, who="alice"):
        """Its plan begins."""
        self.server.must("POST", "/local/pulls", {
            "repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": who})

    def __enter__(self):
        self.start()
        self.open()
        return self

    def __exit__(self, *_):
        self.server.stop()
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def newest(self, timeout=60):
        """The newest run after everything is done, with its jobs."""
        run = self.server.wait_idle(1, timeout)[0]
        return self.server.must("GET", "/api/runs/%d" % run["id"])

    def act(self, what, who, **more):
        """Somebody does something to the pull request."""
        return self.server.must("POST", "/local/pulls/1/" + what, {"as": who, **more})

    def say(self, text, who="alice"):
        self.act("comments", who, body=text)
        return self.newest()

    def comments(self):
        return [comment["body"] for comment in self.server.must("GET", "/local/pulls/1")["comments"]]

    def pushed(self, files, branch="feature"):
        """The head before and after a commit of which the server is not told."""
        work = os.path.join(self.folder, "work")
        sluice.git(self.folder, "clone", "-q", "-b", branch, self.repo, work)
        old = sluice.git(work, "rev-parse", "HEAD")
        sluice.write_files(work, files)
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", "more")
        head = sluice.git(work, "rev-parse", "HEAD")
        sluice.git(work, "push", "-q", "origin", "HEAD:refs/tmp/" + head)  # its hook tells of branches only
        sluice.git(self.repo, "update-ref", "refs/heads/" + branch, head)
        shutil.rmtree(work)
        return old, head

    def tell(self, old, head, who="alice"):
        self.server.must("POST", "/local/push", {"repo": "r", "pusher": who, "refs": [
            {"ref": "refs/heads/feature", "old": old, "new": head}]})

    def push(self, files):
        self.tell(*self.pushed(files))
        return self.newest()
