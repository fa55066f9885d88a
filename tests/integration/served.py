"""A whole server with a real tool on one pull request, as people see it on the local host."""

import os
import shutil
import subprocess
import tempfile

import sluice
from runner_lab import MODE, cli_config, tool
from sluice import expect

THING = 'resource "terraform_data" "x" {\n  input = "%s"\n}\n'


class Served:
    """A server on a repository with one open pull request by alice, number 1, whose plan is done. `folder` goes with it."""

    def __init__(self, name, program, config="", base=None, change=None, folder=None, tools=""):
        self.folder = folder or tempfile.mkdtemp(prefix="sluice-served-")
        repo = os.path.join(self.folder, "repo.git")
        sluice.make_repository(repo, base or {"p/main.tf": "# nothing yet\n"}, {"feature": change or {"p/main.tf": THING % "v1"}})
        self.head = "listen: 127.0.0.1:0\ntool: %s\ntools: {%s: %s%s%s}\n" % (
            name, program, tool(program), ", cli_config: %s" % cli_config() if cli_config() else "", tools)
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE, self.head + config)
        self.server.start()
        self.server.must("POST", "/local/repos", {"name": "r", "import": repo})
        self.server.must("POST", "/local/pulls", {"repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main",
                                                  "as": "alice"})
        self.run = self.server.wait_idle(1)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def say(self, text, who="alice"):
        """The newest run after everything is done, and the newest comment."""
        self.server.must("POST", "/local/pulls/1/comments", {"as": who, "body": text})
        self.run = self.server.wait_idle(1)[0]
        return self.run, self.comments()[-1]

    def approve(self, who="bob"):
        self.server.must("POST", "/local/pulls/1/approve", {"as": who})
        self.server.wait_idle(1)

    def comments(self):
        return [comment["body"] for comment in self.server.must("GET", "/local/pulls/1")["comments"]]

    def status(self, name):
        """The newest of that name."""
        found = [one for one in self.server.must("GET", "/local/pulls/1")["statuses"] if one["context"] == "sluice/" + name]
        return found[-1]["state"] if found else None

    def push(self, files):
        work, repo = os.path.join(self.folder, "work"), os.path.join(self.folder, "repo.git")
        sluice.git(self.folder, "clone", "-q", "-b", "feature", repo, work)
        old = sluice.git(work, "rev-parse", "HEAD")
        sluice.write_files(work, files)
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", "more")
        head = sluice.git(work, "rev-parse", "HEAD")
        sluice.git(work, "push", "-q", "origin", "HEAD:refs/heads/feature")
        self.server.must("POST", "/local/push", {"repo": "r", "pusher": "alice", "refs": [
            {"ref": "refs/heads/feature", "old": old, "new": head}]})
        self.run = self.server.wait_idle(1)[0]

    def jobs(self):
        return self.server.must("GET", "/api/runs/%d" % self.run["id"])["jobs"]

    def reload(self, config):
        with open(self.server.config, "w", encoding="utf-8") as out:
            out.write(self.head + config)
        done = subprocess.run([os.path.join(self.server.build, "sluice"), "reload", "--data", self.server.data],
                              capture_output=True, text=True, check=False)
        expect(done.returncode, 0, done.stdout + done.stderr)
