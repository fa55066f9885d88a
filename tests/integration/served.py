"""A whole server with a real tool on one pull request, as people see it on the local host."""

import os
import subprocess

from one_pull import OnePull
from runner_lab import MODE, cli_config, tool
from sluice import expect

THING = 'resource "terraform_data" "x" {\n  input = "%s"\n}\n'


class Served(OnePull):
    """The plan of the pull request is done; `run` is the newest."""

    def __init__(self, name, program, config="", base=None, change=None, folder=None, tools=""):
        super().__init__("sluice-served-", base or {"p/main.tf": "# nothing yet\n"}, change or {"p/main.tf": THING % "v1"}, folder)
        self.head = "listen: 127.0.0.1:0\ntool: %s\ntools: {%s: %s%s%s}\n" % (
            name, program, tool(program), ", cli_config: %s" % cli_config() if cli_config() else "", tools)
        self.serve(MODE, self.head + config)
        self.start()
        self.open()
        self.run = self.newest()

    def __enter__(self):
        return self

    def say(self, text, who="alice"):
        """The newest run after everything is done, and the newest comment."""
        self.run = super().say(text, who)
        return self.run, self.comments()[-1]

    def approve(self, who="bob"):
        self.act("approve", who)
        self.newest()

    def status(self, name):
        """The newest of that name."""
        found = [one for one in self.server.must("GET", "/local/pulls/1")["statuses"] if one["context"] == "sluice/" + name]
        return found[-1]["state"] if found else None

    def push(self, files):
        self.run = super().push(files)

    def jobs(self):
        return self.run["jobs"]

    def reload(self, config):
        with open(self.server.config, "w", encoding="utf-8") as out:
            out.write(self.head + config)
        done = subprocess.run([os.path.join(self.server.build, "sluice"), "reload", "--data", self.server.data],
                              capture_output=True, text=True, check=False)
        expect(done.returncode, 0, done.stdout + done.stderr)
