#!/usr/bin/env python3
"""Drift with real Terraform and OpenTofu: every way in which the world can differ from what was applied is a project of one
repository, all looked at in one run; then what becomes of findings from one look to the next.

    tests/integration/test_drift.py [CASE ...]

Results: build/report/results/drift.tsv."""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
import sluice  # noqa: E402
from runner_lab import cli_config, tool  # noqa: E402
from sluice import expect  # noqa: E402

MODE = os.environ.get("MODE", "debug")
TOOLS = (("terraform", "terraform", "registry.terraform.io"), ("opentofu", "tofu", "registry.opentofu.org"))
HEAD = """
terraform {
  required_providers {
    local  = { source = "hashicorp/local" }
    null   = { source = "hashicorp/null" }
    random = { source = "hashicorp/random" }
  }
  backend "local" {
    path = "%s"
  }
}
"""
NIGHTLY = "  nightly: {drift: {schedule: '0 %s'}}\n"
FILE = 'resource "local_file" "%s" {\n  filename = "%s"\n  content  = "%s"\n%s}\n'


class World:
    """Files that projects made, and the states that tell of them."""

    def __init__(self, folder, registry):
        self.folder, self.registry, self.files = folder, registry, 0
        os.makedirs(folder)
        os.chmod(folder, 0o777)

    def path(self, content=None):
        self.files += 1
        path = os.path.join(self.folder, "file%d" % self.files)
        if content is not None:
            with open(path, "w", encoding="utf-8") as out:
                out.write(content)
            os.chmod(path, 0o777)
        return path

    def made(self, name, path, content, **more):
        """A local_file as its state has it."""
        data = content.encode()
        digest = {kind: hashlib.new(kind, data).hexdigest() for kind in ("md5", "sha1", "sha256", "sha512")}
        attributes = {
            "content": content, "content_base64": None, "directory_permission": "0777", "file_permission": "0777",
            "filename": path, "id": digest["sha1"], "sensitive_content": None, "source": None,
            "content_md5": digest["md5"], "content_sha1": digest["sha1"], "content_sha256": digest["sha256"],
            "content_sha512": digest["sha512"],
            "content_base64sha256": base64.b64encode(hashlib.sha256(data).digest()).decode(),
            "content_base64sha512": base64.b64encode(hashlib.sha512(data).digest()).decode()}
        return self.resource("local", "local_file", name, {**attributes, **more})

    def null(self, name, triggers=None):
        return self.resource("null", "null_resource", name, {"id": "4711", "triggers": triggers})

    def resource(self, provider, kind, name, attributes):
        return {"mode": "managed", "type": kind, "name": name,
                "provider": 'provider["%s/hashicorp/%s"]' % (self.registry, provider),
                "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}]}


def gone(world):
    path = world.path()
    return (FILE % ("a", path, "x", ""), [world.made("a", path, "x")])


def rewritten(world):
    """The provider takes a file with another content for one that is gone."""
    path = world.path("y")
    return (FILE % ("a", path, "x", ""), [world.made("a", path, "x")])


def follows(world):
    """What uses a thing that is gone is made anew with it: that is no change of its own."""
    path = world.path()
    return (FILE % ("a", path, "x", "") + 'resource "null_resource" "b" {\n  triggers = { id = local_file.a.id }\n}\n',
            [world.made("a", path, "x"), world.null("b", {"id": hashlib.sha1(b"x").hexdigest()})])


def ignored(world):
    path = world.path("x")
    return (FILE % ("a", path, "other", "  lifecycle {\n    ignore_changes = [content]\n  }\n"), [world.made("a", path, "x")])


def clean(world):
    path = world.path("x")
    return (FILE % ("a", path, "x", ""), [world.made("a", path, "x")])


def data(world):
    return ('data "local_file" "d" {\n  filename = "%s"\n}\n' % world.path("x"), [])


def output(world):
    path = world.path("x")
    return (FILE % ("a", path, "x", "") + 'output "o" {\n  value = local_file.a.content\n}\n', [world.made("a", path, "x")])


def moved(world):
    return ('resource "null_resource" "new" {}\nmoved {\n  from = null_resource.old\n  to   = null_resource.new\n}\n',
            [world.null("old")])


def imported(_):
    return ('import {\n  to = random_integer.r\n  id = "3,1,9"\n}\nresource "random_integer" "r" {\n  min = 1\n  max = 9\n}\n', [])


def pending(_):
    return ('resource "null_resource" "a" {}\n', [])


def both(world):
    text, state = gone(world)
    return (text + 'resource "null_resource" "wanted" {}\n', state)


def checked(world):
    return ('check "there" {\n  assert {\n    condition     = null_resource.a.id == "0815"\n'
            '    error_message = "it is another"\n  }\n}\nresource "null_resource" "a" {}\n', [world.null("a")])


def broken(_):
    return ('resource "local_file" "a" {\n  filename = "/nowhere/a"\n}\nprovider "local" {\n  nonsense = true\n}\n', [])


def held(world):
    return clean(world)


# What is found: outcome, and each finding as "class address".
WAYS = (
    (gone, "drift", ["deleted local_file.a"]),
    (rewritten, "drift", ["deleted local_file.a"]),
    (follows, "drift", ["deleted local_file.a"]),
    (ignored, "clean", []),
    (clean, "clean", []),
    (data, "clean", []),
    (output, "clean", ["output output.o"]),
    (moved, "clean", ["moved null_resource.new"]),
    (imported, "clean", ["import random_integer.r"]),
    (pending, "pending", ["unapplied null_resource.a"]),
    (both, "drift+pending", ["deleted local_file.a", "unapplied null_resource.wanted"]),
    (checked, "drift", ["check check.there"]),
    (broken, "error", []),
    (held, "clean", []),
)


class Place:
    """One server, and a repository with a project for each way and tool."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-drift-")
        os.chmod(self.folder, 0o711)
        self.worlds, self.kinds, files = {}, [], {"README": "x\n"}
        config, programs, projects = cli_config(), [], []
        for kind, program, registry in TOOLS:
            if tool(program) is None or config is None:
                continue
            self.kinds.append(kind)
            programs.append("%s: %s" % (program, os.path.realpath(tool(program))))
            self.worlds[kind] = World(os.path.join(self.folder, kind), registry)
            for make, _, _ in WAYS:
                name = "%s-%s" % (kind, make.__name__)
                self.add(files, projects, name, kind, *make(self.worlds[kind]))
        if not self.kinds:
            self.close()
            raise sluice.Skip("neither Terraform nor OpenTofu with a mirror of providers is in .tools; run scripts/setup test")
        self.hour = (time.gmtime().tm_hour + 12) % 24  # far from now: it does not come while we look
        files["sluice.yaml"] = "version: 3\nenvironments:\n" + NIGHTLY % ("%d * * *" % self.hour) + "projects:\n" + "".join(projects)
        sly = {"sluice.yaml": "version: 3\nenvironments:\n" + NIGHTLY % "* * * *" + NIGHTLY.replace("nightly", "mine") % "* * * *"
                              + "projects:\n" + "".join(projects)}
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE, (
            "listen: 127.0.0.1:0\nslots: 8\ntools: {%s, cli_config: %s}\nsandbox: {write: [%s]}\n"
            % (", ".join(programs), config, ", ".join(world.folder for world in self.worlds.values()))))
        self.repo = os.path.join(self.folder, "repo.git")
        sluice.make_repository(self.repo, files, {"feature": {"README": "y\n"}, "sly": sly})
        self.server.start()
        self.server.must("POST", "/local/repos", {"name": "r", "import": self.repo})
        self.server.must("POST", "/local/pulls", {
            "repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "alice"})
        self.server.wait_idle(1, 60)

    def add(self, files, projects, name, kind, text, resources):
        world = self.worlds[kind]
        state = os.path.join(world.folder, name + ".tfstate")
        with open(state, "w", encoding="utf-8") as out:
            json.dump({"version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": "l", "outputs": {},
                       "resources": resources}, out)
        os.chmod(state, 0o666)
        files["%s/main.tf" % name] = HEAD % state + text
        projects.append("- {name: %s, dir: %s, kind: %s%s}\n" % (
            name, name, kind, ", environment: nightly" if name == self.kinds[0] + "-data" else ""))

    def close(self):
        if hasattr(self, "server"):
            self.server.stop()
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def look(self, **asked):
        """One look, to its end: its report."""
        run = self.server.must("POST", "/api/drift/run", {"actor": "olga", **asked})["run"]
        end = time.monotonic() + 120 * sluice.SLOWER
        while time.monotonic() < end:
            for report in self.server.must("GET", "/api/drift")["reports"]:
                if report["run"] == run:
                    return self.server.must("GET", "/api/drift/reports/%d" % report["id"])
            time.sleep(0.02)
        raise AssertionError("run %d has no report:\n%s" % (run, self.server.log_text()[-3000:]))


    def schedules(self):
        with contextlib.closing(sqlite3.connect(os.path.join(self.server.data, "sluice.db"), timeout=20)) as base:
            return base.execute("SELECT environment, rule, next_ms FROM drift_schedule").fetchall()

    def set_schedules(self, next_ms):
        with contextlib.closing(sqlite3.connect(os.path.join(self.server.data, "sluice.db"), timeout=20)) as base:
            base.execute("UPDATE drift_schedule SET next_ms = ?", (next_ms,))
            base.commit()

    def by_itself(self):
        return [report for report in self.server.must("GET", "/api/drift")["reports"] if report["schedule"]]

    def wait_for(self, is_so, what):
        end = time.monotonic() + 60 * sluice.SLOWER
        while not is_so():
            if time.monotonic() > end:
                raise AssertionError("%s does not come:\n%s" % (what, self.server.log_text()[-3000:]))
            time.sleep(0.02)


def findings(project):
    return ["%s %s" % (item["class"], item["address"]) for item in project.get("items", {}).get("list", [])]


PLACE = []


def place():
    if not PLACE:
        PLACE.append(Place())
    return PLACE[0]


def case_each_way_is_told_apart():
    here = place()
    locks = []
    for kind, world in here.worlds.items():  # somebody else holds this state, and is not held up by us
        lock = open(os.path.join(world.folder, "%s-held.tfstate" % kind), "r+b")
        fcntl.lockf(lock, fcntl.LOCK_EX)
        locks.append(lock)
    report = here.look()
    for lock in locks:
        lock.close()
    found = {project["name"]: project for project in report["projects"]}
    expect(len(found), len(WAYS) * len(here.kinds), "projects")
    wrong = []
    for kind in here.kinds:
        for make, outcome, items in WAYS:
            project = found["%s-%s" % (kind, make.__name__)]
            if (project["outcome"], findings(project)) != (outcome, items):
                wrong.append("%s: %s %s, not %s %s; %s" % (project["name"], project["outcome"], findings(project), outcome, items,
                                                         project.get("text", "")))
    expect(wrong, [], "told wrong")
    expect([p["outcome"] for p in report["projects"]][:len(here.kinds)], ["error"] * len(here.kinds), "failures come first")
    left = [name for name in os.listdir(os.path.join(here.server.data, "blobs")) if plan_is(here, name)]
    expect(left, [], "saved plans")


def plan_is(here, name):
    path = os.path.join(here.server.data, "blobs", name)
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as blob:
        return blob.read(2) == b"PK"


def case_findings_live_on():
    here = place()
    name = here.kinds[0] + "-gone"
    first = one(here.look(project=name))
    again = one(here.look(project=name))
    expect((again["items"]["list"][0]["life"], again["before"]), ("known", "drift"), "the second look")
    number = first["items"]["list"][0]["id"]
    here.server.must("POST", "/api/drift/say", {"id": number, "word": "ack", "actor": "bob", "reason": "ticket 7"})
    item = one(here.look(project=name))["items"]["list"][0]
    expect((item["life"], item["by"], item["reason"], item["id"]), ("acknowledged", "bob", "ticket 7", number), "after the word")
    with open(os.path.join(here.worlds[here.kinds[0]].folder, "file1"), "w", encoding="utf-8") as out:
        out.write("x")
    os.chmod(out.name, 0o777)
    over = one(here.look(project=name))
    expect((over["outcome"], over["items"]["list"][0]["life"], over["items"]["list"][0]["by"]),
           ("clean", "resolved", "something outside"), "after it was put back")
    expect(one(here.look(project=name)).get("items"), None, "what is over is told once")
    shown = subprocess.run([os.path.join(here.server.build, "sluice"), "drift", "report", "--data", here.server.data],
                           text=True, stdout=subprocess.PIPE, check=True).stdout
    assert "\n%s (): clean" % name not in shown and shown.startswith("r main"), shown  # clean projects fill no screen
    here.look(project=here.kinds[0] + "-pending")
    shown = subprocess.run([os.path.join(here.server.build, "sluice"), "drift", "report", "--data", here.server.data],
                           text=True, stdout=subprocess.PIPE, check=True).stdout
    assert "\n%s-pending (): pending\n" % here.kinds[0] in shown, shown


def case_a_schedule_looks_by_itself():
    """It begins with a look that somebody asked for; a pull request changes none; of what came while the server was away the
    newest is looked at, once."""
    here = place()
    here.look(project=here.kinds[0] + "-data")
    here.server.must("POST", "/local/pulls", {"repo": "r", "title": "t", "head_ref": "sly", "base_ref": "main", "as": "alice"})
    expect(here.server.wait_idle(2, 60)[0]["state"], "done", "the plan of the pull request")
    (environment, rule, first), = here.schedules()
    expect((environment, json.loads(rule)["schedule"]), ("nightly", "0 %d * * *" % here.hour), "what is learned")
    assert first > time.time() * 1000 and first % 3600000 == 0, first
    expect(here.by_itself(), [], "before its time")
    for missed in (2, 3):  # the second time clocks alone say that nobody was there
        here.server.stop()
        here.set_schedules(first - (missed + 1) * 86400000)
        here.server.start()
        here.wait_for(lambda: here.schedules()[0][2] == first, "the next time")
        here.wait_for(lambda: len(here.by_itself()) == 1, "a report")
    report = here.server.must("GET", "/api/drift/reports/%d" % here.by_itself()[0]["id"])
    expect((report["environment"], report["slot_ms"], report["missed"], report.get("asked_by", "")),
           ("nightly", first - 86400000, 2, ""), "the slot")
    expect([project["name"] for project in report["projects"]], [here.kinds[0] + "-data"], "what was looked at")
    expect(here.server.log_text().count("times to look for drift were missed"), 1, "what the log says")


def one(report):
    expect(len(report["projects"]), 1, "projects")
    return report["projects"][0]


try:
    os.environ.pop("TF_CLI_CONFIG_FILE", None)
    sluice.run_cases("drift", sluice.named_cases(globals()))
finally:
    for built in PLACE:
        built.close()
