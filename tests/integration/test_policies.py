#!/usr/bin/env python3
"""Policies: conftest over real plans, what it may see, and what is made of its answers.

    tests/integration/test_policies.py [CASE ...]

The cases of the step drive the runner; those of the pull request a whole server. A conftest that misbehaves is a shell
script. Results: build/report/results/policies.tsv; on stdout only what did not pass."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import Skip, expect, run_cases, write_files  # noqa: E402
from runner_lab import INIT, MULTIENV, PLAN, PLAN_STEP, POLICY, SHOW, Cases, Lab, cli_config, run, step, tool  # noqa: E402
from served import THING, Served  # noqa: E402

CASES = Cases()
case = CASES.plain
RULES = """package %s
import rego.v1
deny contains msg if { some r in input.resource_changes; r.change.after.input == "bad"; msg := sprintf("%%s is bad", [r.address]) }
warn contains msg if { some r in input.resource_changes; r.change.after.input == "odd"; msg := sprintf("%%s is odd", [r.address]) }
"""


class Place:
    """A runner with Terraform and conftest, and folders of policies."""

    def __init__(self, conftest=None, **options):
        terraform, real = tool("terraform") or tool("tofu"), tool("conftest")
        if terraform is None or real is None:
            raise Skip("terraform or conftest is neither in .tools nor in PATH")
        self.lab = Lab(terraform=terraform, conftest=os.path.realpath(conftest or real), **options)
        if cli_config():
            self.lab.options["cli_config"] = cli_config()
        self.rules = os.path.join(self.lab.root, "policies")
        self.trees = 0

    def __enter__(self):
        self.lab.start()
        return self

    def __exit__(self, *_):
        self.lab.close()

    def set(self, name, text=RULES % "main"):
        folder = os.path.join(self.rules, name)
        os.makedirs(folder)
        for path in (self.rules, folder):
            os.chmod(path, 0o755)
        with open(os.path.join(folder, "rules.rego"), "w") as stream:
            stream.write(text)
        return {"name": name, "path": folder}

    def plan(self, sets, value="good", steps=None, files=None, **more):
        self.trees += 1
        tree = self.lab.tree("t%d" % self.trees, dict({"main.tf": THING % value}, **(files or {})))
        return self.lab.run(PLAN, tree, checks_policies=True, policy_sets=sets, policy_steps=steps, **more)

    def script(self, text):
        """A conftest of our own, below what jobs may read."""
        path = os.path.join(self.lab.seen, "conftest")
        with open(path, "w") as stream:
            stream.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path


def told(plan):
    return [(one["name"], one["passed"], one["failed"], one["warned"]) for one in plan.summary["policies"]]


# ---- the step -------------------------------------------------------------------------------------------------------


@case
def sets_are_asked_one_after_the_other():
    with Place() as place:
        sets = [place.set("tags"), place.set("cost")]
        plan = place.plan(sets, "good")
        expect((plan.outcome, told(plan)), ("ok", [("tags", 2, 0, 0), ("cost", 2, 0, 0)]), plan)
        plan = place.plan(sets, "bad")
        expect((plan.outcome, plan.has_changes), ("ok", True), "the plan itself is made")
        expect(told(plan), [("tags", 1, 1, 0), ("cost", 1, 1, 0)])
        expect(plan.summary["policies"][0]["failures"], ["terraform_data.x is bad"])
        plan = place.plan(sets[:1], "odd")
        expect((told(plan), plan.summary["policies"][0]["warnings"]),
               ([("tags", 1, 0, 1)], ["terraform_data.x is odd"]))


@case
def warnings_that_fail():
    with Place() as place:
        plan = place.plan([place.set("a")], "odd", [step(POLICY, "--fail-on-warn")])
        expect((plan.outcome, told(plan)), ("ok", [("a", 1, 1, 0)]), plan)


@case
def nothing_is_checked_in_silence():
    """No set, no rule of that package, no folder, rules that cannot be read: never a pass."""
    with Place() as place:
        plan = place.plan([])
        expect((plan.outcome, plan.step), ("setup_failed", "policy_check"), plan)
        assert "policies.policy_sets" in plan.failure, plan.failure
        other = place.set("other", RULES % "elsewhere")
        plan = place.plan([other])
        expect((plan.outcome, plan.step), ("tool_failed", "policy_check"), plan)
        assert "no rule that was asked" in plan.failure, plan.failure
        expect(told(place.plan([other], steps=[step(POLICY, "--namespace", "elsewhere")])), [("other", 2, 0, 0)])
        plan = place.plan([{"name": "gone", "path": place.rules + "/gone"}])
        expect((plan.outcome, plan.step), ("setup_failed", "policy_check"), plan)
        plan = place.plan([place.set("broken", "package main\ndeny contains { no")])
        expect((plan.outcome, plan.step), ("tool_failed", "policy_check"), plan)
        assert "broken was not checked" in plan.failure and "rules.rego" in plan.failure, plan.failure


@case
def refused_arguments():
    with Place() as place:
        one = place.set("a")
        for arg in ("--no-fail", "--output=table", "-otable", "-o", "--quiet", "--update=http://x", "-u"):
            plan = place.plan([one], "bad", [step(POLICY, arg)])
            expect((plan.outcome, plan.step), ("setup_failed", "policy_check"), arg)


@case
def answers_that_are_none():
    with Place() as place:
        one = place.set("a")
        place.lab.options["conftest"] = place.script("")
        place.lab.driver.quit()
        place.lab.start()
        fine = '[{"filename":"p","namespace":"main","successes":3}]'
        broken = {"no output": "exit 0", "no JSON": "echo PASS", "another JSON": "echo '{}'", "null": "echo null",
                  "no element": "echo '[]'", "text for a list": "echo '[{\"successes\":1,\"failures\":\"\"}]'",
                  "less than nothing": "echo '[{\"successes\":-1}]'", "a crash": "echo '%s'; exit 3" % fine,
                  "a signal": "kill -9 $$", "a flood": "yes | head -c 20000000", "half": "printf '[{\"succ'",
                  "deep": "head -c 100000 /dev/zero | tr '\\0' '['"}
        for name, text in broken.items():
            place.script(text)
            plan = place.plan([one], "good")
            assert plan.outcome in ("tool_failed", "signalled", "output_cap"), (name, plan)
            expect((plan.step, plan.plan_blob), ("policy_check", ""), name)
        place.script("echo '%s'" % fine)
        expect(told(place.plan([one])), [("a", 3, 0, 0)], "and one that is")
        place.script("echo '[{\"successes\":1,\"failures\":[{\"msg\":\"no\"}]}]'; exit 0")
        expect(told(place.plan([one])), [("a", 1, 1, 0)], "failures count whatever the exit code is")


@case
def what_conftest_sees():
    """Neither the tree of the pull request with its conftest.toml, nor a secret, nor a network, nor what it may write."""
    with Place() as place:
        one = place.set("a")
        place.lab.options["conftest"] = place.script("")
        place.lab.driver.quit()
        place.lab.start()
        place.script('{ env; ls -A . /tree /out; } >&2\n'
                     'touch x %s/y /out/z 2>/dev/null && echo written >&2\n'
                     "echo '[{\"successes\":1}]'" % one["path"])
        files = {"conftest.toml": "no-fail = true\n", "policy/rules.rego": "package main\n"}
        plan = place.plan([one], files=files, steps=[step(MULTIENV, command="echo CONFTEST_NO_FAIL=true"), step(POLICY)],
                          project="live")
        expect(plan.outcome, "ok", plan)
        with open(place.lab.job_dir(place.lab.next - 1) + "/output.log") as stream:
            log = stream.read()
        assert "CONFTEST_" not in log and "conftest.toml" not in log and "written" not in log, log
        assert "_PROXY" not in log.upper(), log
        assert "plan.json" in log and "PROJECT_NAME=live" in log, log


@case
def a_plan_cannot_forge_what_is_checked():
    """What a command of the plan left in $SHOWFILE is not what conftest reads."""
    with Place() as place:
        steps = [step(INIT), step(PLAN_STEP), run("echo '{\"resource_changes\":[]}' > $SHOWFILE")]
        tree = place.lab.tree("forged", {"main.tf": THING % "bad"})
        plan = place.lab.run(PLAN, tree, checks_policies=True, steps=steps, policy_sets=[place.set("a")],
                             policy_steps=[step(POLICY)])
        expect((plan.outcome, told(plan)), ("ok", [("a", 1, 1, 0)]), plan)


@case
def commands_after_it():
    """They find the results, and stand in the project as before; a command that fails is a set of its own."""
    with Place() as place:
        one = place.set("a")
        steps = [step(SHOW), step(POLICY), run("grep -q 'is bad' $POLICYCHECKFILE && test -e main.tf -a -d .terraform"
                                               " -o -e main.tf && grep -q terraform_data $SHOWFILE")]
        plan = place.plan([one], "bad", steps)
        expect((plan.outcome, told(plan)), ("ok", [("a", 1, 1, 0), ("custom", 1, 0, 0)]), plan)
        plan = place.plan([], "bad", [step(SHOW), run("echo too dear; exit 3")])
        expect((plan.outcome, plan.has_changes), ("ok", True), plan)
        expect((plan.summary["policies"][0]["name"], plan.summary["policies"][0]["failed"]), ("custom", 1))
        assert "too dear" in plan.summary["policies"][0]["failures"][0], plan.summary


@case
def secrets_do_not_leave_in_a_message():
    rules = """package main
import rego.v1
deny contains msg if { some r in input.resource_changes; msg := sprintf("value %s", [r.change.after.input]) }
"""
    with Place() as place:
        files = {"main.tf": 'variable "v" {\n  default = "s3cr3t-value-of-it"\n  sensitive = true\n}\n'
                            'resource "terraform_data" "x" {\n  input = var.v\n}\n'}
        plan = place.plan([place.set("a", rules)], files=files)
        expect(plan.outcome, "ok", plan)
        assert "s3cr3t" not in json.dumps(plan.result), plan.summary["policies"]
        with open(place.lab.job_dir(place.lab.next - 1) + "/output.log") as stream:
            assert "s3cr3t" not in stream.read()


@case
def hostile_messages_stay_small():
    rules = """package main
import rego.v1
deny contains msg if { some i in numbers.range(1, 500); msg := sprintf("%d\\n```\\n<!-- x -->@all %s", [i, concat("", [x | some j in numbers.range(1, 2000); x := "y"])]) }
"""
    with Place() as place:
        plan = place.plan([place.set("a", rules)])
        one = plan.summary["policies"][0]
        expect((plan.outcome, one["failed"], len(one["failures"])), ("ok", 500, 20))
        assert all(len(text) <= 500 and "\n" not in text for text in one["failures"])


@case
def pinned_conftest():
    with Place() as place:
        folder = os.path.join(place.lab.root, "tools")
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        shutil.copy(os.path.realpath(tool("conftest")), folder + "/conftest-0.70.0")
        place.lab.options["tools"] = folder
        place.lab.driver.quit()
        place.lab.start()
        with open(folder + "/conftest-0.70.0", "rb") as stream:
            sha = hashlib.sha256(stream.read()).hexdigest()
        one = place.set("a")
        plan = place.plan([one], conftest_version="0.70.0", conftest_sha256=sha)
        expect((plan.outcome, told(plan)), ("ok", [("a", 2, 0, 0)]), plan)
        plan = place.plan([one], conftest_version="0.70.0", conftest_sha256="0" * 64)
        expect((plan.outcome, plan.step), ("setup_failed", "policy_check"), plan)
        plan = place.plan([one], conftest_version="0.1.0", conftest_sha256=sha)
        assert "conftest 0.1.0 is not in the folder" in plan.failure, plan


# ---- through a real server --------------------------------------------------------------------------------------


def served(p, q, config="", rule="", tags="source: local", cost="source: local"):
    """A server with two policy sets on a repository with two projects, and alice's pull request over both."""
    name, program = ("terraform", "terraform") if tool("terraform") else ("opentofu", "tofu")
    if tool(program) is None or tool("conftest") is None:
        raise Skip("terraform or conftest is neither in .tools nor in PATH")
    folder = tempfile.mkdtemp(prefix="sluice-policies-")
    os.chmod(folder, 0o711)
    write_files(folder, {"policies/%s/rules.rego" % one: RULES % "main" for one in ("tags", "cost")})
    text = """repos: [{id: /.*/, policy_check: true%s}]
policies:
  policy_sets:
  - {name: tags, path: %s/policies/tags, %s}
  - {name: cost, path: %s/policies/cost, %s}
""" % (rule, folder, tags, folder, cost)
    return Served(name, program, text + config, {"p/main.tf": "#\n", "q/main.tf": "#\n"}, {"p/main.tf": THING % p, "q/main.tf": THING % q},
                  folder, ", conftest: %s" % os.path.realpath(tool("conftest")))


@case
def a_failed_policy_is_seen_and_holds_its_project():
    with served("bad", "good") as place:
        comment = place.comments()[0]
        expect(place.run["state"], "done", comment)
        for part in ("1 against policies", "policy set tags fails", "Policy set **cost**: **1 failed**, 1 passed",
                     "failed: terraform\\_data.x is bad", "Policy set **tags**: 2 passed"):
            assert part in comment, (part, comment)
        place.approve()
        run_, comment = place.say("sluice apply")
        expect(run_["kind"], "plan", comment)
        assert "**Not applied**" in comment and "the policy set tags fails for p" in comment, comment
        run_, comment = place.say("sluice apply -p p")
        expect(run_["kind"], "plan", comment)
        run_, comment = place.say("sluice apply -p q")
        expect((run_["kind"], run_["state"]), ("apply", "done"), comment)


@case
def policies_passed_is_judged_by_what_the_sets_said():
    config = "commands: {allowed: [plan, apply, import]}\n"
    with served("bad", "good", config, ", import_requirements: [policies_passed], apply_requirements: [policies_passed]") as place:
        run_, comment = place.say("sluice import -d p terraform_data.x an-id")
        expect(run_["kind"], "plan", comment)
        assert "policy checks have not passed" in comment, comment
        place.approve()
        run_, comment = place.say("sluice apply -p p")
        expect(run_["kind"], "plan", comment)
        run_, comment = place.say("sluice import -d q terraform_data.x an-id")
        expect((run_["kind"], run_["state"]), ("import", "done"), comment)


def plain(comment):
    return comment.replace("\\", "")


def gates_of(place):
    done = subprocess.run([os.path.join(place.server.build, "sluice"), "gates", "r#1", "--json", "--data", place.server.data],
                          capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    return {"open": answer["open"], "rows": [(row["name"], row["answer"], row["have"], row["need"]) for row in answer["rules"]]}


OWNED = """  owners: {users: [root]}
  policy_item_regex: '[a-z_.]+ is'
commands: {allowed: [plan, apply, approve_policies]}
teams: {sec: {members: [carol, dave, alice]}}
"""


@case
def owners_let_findings_pass():
    """Counted, bound to the plans, and nobody else's word; sticky where the items stay the same."""
    one, two = "owners: {teams: [sec]}, approve_count: 2, prevent_self_approve: true", "owners: {users: [erin]}, sticky_policy_approvals: true"
    with served("bad", "good", OWNED, tags=one, cost=two) as place:
        expect(place.status("policy_check"), "failure")
        place.approve("bob")
        for who, why in (("bob", "is not one of sec or root"), ("alice", "policy set tags: author")):
            comment = plain(place.say("sluice approve_policies", who)[1])
            assert "**Not approved**" in comment and why in comment, comment
        place.say("sluice approve_policies", "carol")
        assert "owners: 1 of 2 of sec or root: carol" in plain(place.comments()[0]), plain(place.comments()[0])
        place.say("sluice approve_policies -p p", "carol")
        assert "fails for p (1 of 2" in plain(place.say("sluice apply -p p", "bob")[1]), "twice the same"
        place.say("sluice approve_policies --policy-set cost", "dave")
        assert "1 of 2" in plain(place.comments()[0]), "another set was meant"
        place.say("sluice approve_policies --policy-set tags", "dave")
        assert "the policy set cost fails for p (0 of 1" in plain(place.say("sluice apply -p p", "bob")[1])
        gates = gates_of(place)
        assert not gates["open"] and ("policy set tags", "holds", 2, 2) in gates["rows"] and ("policy set cost", "fails", 0, 1) in gates["rows"], gates
        place.say("sluice approve_policies", "erin")
        expect(place.status("policy_check"), "success")
        assert "let pass: 2 of 2 of sec or root: carol, dave" in plain(place.comments()[0]), plain(place.comments()[0])
        # another plan: only what is sticky is still let pass
        place.say("sluice plan")
        expect(place.status("policy_check"), "failure")
        place.approve("bob")
        comment = plain(place.say("sluice apply -p p", "bob")[1])
        assert "the policy set tags fails for p (0 of 2" in comment, comment
        place.say("sluice approve_policies", "dave")
        place.say("sluice approve_policies --policy-set tags --clear-policy-approval", "bob")
        place.say("sluice approve_policies", "carol")
        assert "tags fails for p (1 of 2" in plain(place.say("sluice apply -p p", "bob")[1]), "taken back"
        with contextlib.closing(sqlite3.connect(os.path.join(place.server.data, "sluice.db"), timeout=20)) as rows, rows:
            put_into_his_mouth = "INSERT INTO policy_word(pull, run, dir, workspace, project, policy_set, person, items, is_clear, at_ms, seal) " \
                "SELECT pull, run, dir, workspace, project, policy_set, 'dave', items, is_clear, at_ms, %s FROM policy_word ORDER BY id DESC LIMIT 1"
            rows.execute(put_into_his_mouth % "seal")
            rows.execute(put_into_his_mouth % "''")
        assert "tags fails for p (1 of 2" in plain(place.say("sluice apply -p p", "bob")[1]), "a row that the server did not write"
        place.say("sluice approve_policies", "dave")
        run_, comment = place.say("sluice apply -p p", "bob")
        expect((run_["kind"], run_["state"]), ("apply", "done"), comment)


@case
def a_sticky_word_is_of_the_same_findings():
    with served("bad", "bad", OWNED, ", apply_requirements: [policies_passed]", tags="sticky_policy_approvals: true",
                cost="sticky_policy_approvals: true") as place:
        place.say("sluice approve_policies", "root")
        expect(place.status("policy_check"), "success")
        place.push({"q/more.tf": THING.replace('"x"', '"y"') % "bad"})
        expect(place.status("policy_check"), "failure")
        place.approve("bob")
        run_, comment = place.say("sluice apply -p q", "bob")
        assert run_["kind"] == "plan" and "fails for q (0 of 1" in plain(comment), comment
        run_, comment = place.say("sluice apply -p p", "bob")
        expect((run_["kind"], run_["state"]), ("apply", "done"), comment)


if __name__ == "__main__":
    run_cases("policies", CASES)
