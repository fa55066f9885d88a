#!/usr/bin/env python3
"""Checks of plans: checkov, tools with SARIF, what they see, what becomes of tools that lie, and what people read.

    tests/integration/test_checks.py [CASE ...]

The cases of the runner share one launcher; a check that misbehaves is a shell script. Results:
build/report/results/checks.tsv; on stdout only what did not pass."""

import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from runner_lab import PLAN, Cases, Lab, cli_config, tool  # noqa: E402
from served import THING, Served  # noqa: E402
from sluice import Skip, expect, run_cases  # noqa: E402

CASES = Cases()
case = CASES.plain

EMPTY = '{"runs":[{"tool":{"driver":{"name":"stub"}},"results":[]}]}'
HIGH = '{"runs":[{"tool":{"driver":{"name":"stub"}},"results":[{"ruleId":"S1","level":"error","message":{"text":"open"},' \
       '"locations":[{"physicalLocation":{"artifactLocation":{"uri":"p/main.tf"},"region":{"startLine":2}}}]}]}]}'
# A rule of the operator's own, as checkov loads them from a folder.
RULE = """from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck


class NothingBad(BaseResourceCheck):
    def __init__(self):
        super().__init__(name="nothing bad", id="CKV_OWN_1", categories=[CheckCategories.GENERAL_SECURITY],
                         supported_resources=["terraform_data"])

    def scan_resource_conf(self, conf):
        return CheckResult.FAILED if conf.get("input") == ["bad"] else CheckResult.PASSED


check = NothingBad()
"""
# One of a pull request, which must never run.
HOSTILE = "import os\nopen('/tmp/hostile-check', 'w').write('ran')\nprint('hostile check ran')\n"


class Place:
    """A runner with Terraform, and a folder for checks."""

    def __init__(self, **options):
        terraform = tool("terraform") or tool("tofu")
        if terraform is None:
            raise Skip("terraform is neither in .tools nor in PATH")
        self.lab, self.trees = Lab(terraform=terraform, **options), 0
        if cli_config():
            self.lab.options["cli_config"] = cli_config()

    def __enter__(self):
        self.lab.start()
        return self

    def __exit__(self, *_):
        self.lab.close()

    def script(self, text):
        path = os.path.join(self.lab.seen, "check")
        with open(path, "w") as stream:
            stream.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return {"name": "stub", "kind": "sarif", "command": [path], "read": []}

    def plan(self, checks, value="good", files=None, **more):
        self.trees += 1
        tree = self.lab.tree("t%d" % self.trees, dict({"main.tf": THING % value}, **(files or {})))
        plan = self.lab.run(PLAN, tree, checks=checks, **more)
        return plan, (plan.summary or {}).get("checked", [])


@case
def answers_that_are_none():
    """Whatever a tool does, its plan is made, and the check says what was wrong with it."""
    with Place(profiles={"policy": {"timeout_ms": 6000}}) as place:
        broken = {
            "exit 0 with garbage": ("echo all is well", "no JSON"),
            "no output": ("exit 0", "no JSON"),
            "exit 1 with nothing": ("exit 1", "exit code 1"),
            "a crash half way": ("printf '%s'; kill -11 $$" % EMPTY[:40], "signal 11"),
            "an error after an answer": ("echo '%s'; exit 3" % EMPTY, "exit code 3"),
            "1 and no finding": ("echo '%s'; exit 1" % EMPTY, "names no finding"),
            "a gibibyte": ("exec head -c 1073741824 /dev/zero", "printed more than"),
            "a hang": ("exec sleep 1000", "took longer than"),
        }
        for name, (text, said) in broken.items():
            plan, results = place.plan([place.script(text)])
            expect((plan.outcome, [one["verdict"] for one in results]), ("ok", ["error"]), (name, plan.failure))
            one = results[0]
            assert said in one["message"], (name, one["message"])
            assert plan.plan_blob != "", name
        for text in ("echo '%s'", "echo '%s'; exit 1"):
            plan, (one,) = place.plan([place.script(text % HIGH)])
            expect((one["verdict"], one["findings"][0]["id"], one["findings"][0]["file"]), ("failed", "S1", "p/main.tf"))
        one = place.plan([dict(place.script("echo '%s'" % HIGH), threshold="critical")])[1][0]
        expect(one["verdict"], "soft failed")
        plan, results = place.plan([{"name": "unknown"}, place.script("echo '%s'" % EMPTY)])
        expect([one["verdict"] for one in results], ["error", "passed"])
        assert "has no check of this name" in results[0]["message"], results
        cost = dict(place.script("echo '{\"summary\": \"3 EUR a month\"}'"), name="cost", kind="cost")
        expect([(one["verdict"], one["message"]) for one in place.plan([cost])[1]], [("passed", "3 EUR a month")])
        expect(place.plan([dict(place.script("exit 9"), kind="cost")])[1][0]["verdict"], "soft failed")


@case
def what_a_check_sees():
    """The plan, the tree to read; no secret, no network, nothing that it may write to but its own /tmp."""
    with Place() as place:
        check = place.script('{ env; ls; cat "$1/main.tf"; } >&2\n'
                             'touch x "$1/y" /out/z 2>/dev/null && echo written >&2\n'
                             'grep -c terraform_data "$2" >&2; cat /sys/class/net/*/address >&2 2>/dev/null | wc -l >&2\n'
                             "echo '%s'" % EMPTY)
        check["command"] += ["{source}", "{plan}"]
        plan, (one,) = place.plan([check], "seen")
        expect(one["verdict"], "passed", plan)
        with open(place.lab.job_dir(place.lab.next - 1) + "/output.log") as stream:
            log = stream.read()
        assert "after.json" in log and 'input = "seen"' in log, log
        assert "written" not in log and "_PROXY" not in log.upper() and "TF_" not in log, log


def checkov(place):
    program = tool("checkov") and os.path.realpath(tool("checkov"))
    if not program:
        raise Skip("checkov is neither in .tools nor in PATH")
    rules = os.path.join(place.lab.root, "rules")
    os.makedirs(rules)
    with open(os.path.join(rules, "own.py"), "w") as stream:
        stream.write(RULE)
    with open(os.path.join(rules, "__init__.py"), "w") as stream:
        stream.write("from os.path import basename, dirname, isfile, join\nimport glob\n"
                     "__all__ = [basename(f)[:-3] for f in glob.glob(join(dirname(__file__), '*.py'))]\n")
    os.chmod(rules, 0o755)
    return {"name": "checkov", "kind": "checkov", "command": [program, "--external-checks-dir", rules],
            "read": [os.path.dirname(program), rules]}


@case
def checkov_with_rules_of_the_operator():
    """A pull request that brings a configuration, rules of its own and a baseline changes nothing; a note beside the
    code skips, and is told."""
    with Place() as place:
        check = checkov(place)
        files = {".checkov.yaml": "soft-fail: true\nskip-check: ['*', CKV_OWN_1]\nexternal-checks-dir: [evil]\n",
                 "evil/__init__.py": HOSTILE, "evil/rule.py": HOSTILE, "checkov.py": HOSTILE, "sitecustomize.py": HOSTILE}
        plan, (one,) = place.plan([check], "bad", files)
        expect((one["verdict"], [(f["id"], f["age"], f["file"]) for f in one["findings"]]),
               ("failed", [("CKV_OWN_1", "new", "main.tf")]), json.dumps(one))
        assert one["tool"].startswith("checkov "), one
        with open(place.lab.job_dir(place.lab.next - 1) + "/output.log") as stream:
            assert "hostile" not in stream.read()
        note = {"main.tf": 'resource "terraform_data" "x" {\n  # checkov:skip=CKV_OWN_1:because\n  input = "bad"\n}\n'}
        plan, (one,) = place.plan([check], files=note)
        expect((one["verdict"], [f["age"] for f in one["findings"]]), ("passed", ["skipped"]), json.dumps(one))


@case
def people_see_and_the_gate_holds():
    """On a server: the column, the finding, the refusal with what to do, and what `sluice gates` says."""
    name, program = ("terraform", "terraform") if tool("terraform") else ("opentofu", "tofu")
    if tool(program) is None:
        raise Skip("terraform is neither in .tools nor in PATH")
    folder = tempfile.mkdtemp(prefix="sluice-checks-")
    os.chmod(folder, 0o711)
    script = os.path.join(folder, "check")
    with open(script, "w") as stream:
        stream.write("#!/bin/sh\necho '%s'\n" % HIGH)
    os.chmod(script, 0o755)
    base = {"p/main.tf": "#\n", "sluice.yaml": "version: 3\nchecks: {stub: {threshold: high}}\nprojects: [{dir: p, checks: [stub]}]\n"}
    config = "checks: {stub: {kind: sarif, command: [%s], read: [%s]}}\n" % (script, script)
    try:
        with Served(name, program, config, base, {"p/main.tf": THING % "v1"}, folder) as place:
            comment = place.comments()[0]
            for part in ("| checks |", "| **1 high** |", "check stub fails", "**high** S1 open, `p/main.tf:2`"):
                assert part in comment, (part, comment)
            place.approve()
            run, comment = place.say("sluice apply")
            expect(run["kind"], "plan", comment)
            assert "check stub" in comment and "fix and push" in comment, comment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_cases("checks", CASES)
