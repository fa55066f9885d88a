#!/usr/bin/env python3
"""Workflows, import, state rm and hooks on a whole server with real tools, as people ask for them in comments.

    tests/integration/test_served.py [CASE ...]

Results: build/report/results/served.tsv; on stdout only what did not pass. VERBOSE=1 shows where a case broke."""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]
from sluice import Skip, expect, run_cases  # noqa: E402  (the path is set just above)
from runner_lab import Cases, cli_config  # noqa: E402
from served import THING, Served  # noqa: E402

CASES = Cases()
both = CASES.both
OWN = """workflows:
  own:
    plan: {steps: [{env: {name: WHO, command: 'echo "$PULL_AUTHOR"'}}, init, plan]}
    apply: {steps: [{run: 'echo "%s for $USER_NAME"'}, apply]}
repos: [{id: /.*/, workflow: own}]
"""


@both
def an_apply_keeps_the_workflow_of_its_plan(name, program):
    """Whatever happens to the configuration and to the server in between."""
    with Served(name, program, OWN % "as-planned") as place:
        expect(place.run["state"], "done", place.comments())
        place.approve()
        place.reload(OWN % "changed-since")
        place.server.kill()
        place.server.start()
        run_, comment = place.say("sluice apply")
        expect((run_["kind"], run_["state"]), ("apply", "done"), comment)
        assert "as-planned for alice" in comment and "changed-since" not in comment, comment


@both
def import_is_off_until_it_is_allowed(name, program):
    with Served(name, program) as place:
        for words in ("import terraform_data.x an-id", "state rm terraform_data.x"):
            run_, comment = place.say("sluice " + words)
            expect(run_["kind"], "plan")
            assert "this server does not take this command" in comment, comment


@both
def import_and_state_rm_in_a_comment(name, program):
    text = "".join('resource "terraform_data" "%s" {}\n' % one for one in "xy")
    with Served(name, program, "commands: {allowed: [plan, apply, import, state]}\n", change={"p/main.tf": text}) as place:
        place.approve()
        before = len(place.comments())
        run_, comment = place.say("import terraform_data.x an-id")
        expect((run_["kind"], len(place.comments())), ("plan", before + 1), "without our name it is a sentence")
        run_, comment = place.say("sluice import terraform_data.x an-id", who="bob")
        expect((run_["kind"], run_["state"]), ("import", "done"), comment)
        assert "imported 1 of 1" in comment and "are void" in comment, comment
        run_, comment = place.say("sluice apply")
        assert "the plan is void" in comment, comment
        run_, comment = place.say("sluice plan")
        expect(run_["kind"], "plan")
        assert "1 create" in place.comments()[0] + comment, comment
        run_, comment = place.say("sluice state rm terraform_data.x terraform_data.nope")
        run_, comment = place.say("sluice plan")
        assert "2 create" in "".join(place.comments()), place.comments()


@both
def import_names_one_project(name, program):
    with Served(name, program, "commands: {allowed: [plan, apply, import]}\n", base={"p/main.tf": "#\n", "q/main.tf": "#\n"},
                change={"p/main.tf": THING % "a", "q/main.tf": THING % "b"}) as place:
        comment = place.say("sluice import terraform_data.x an-id")[1]
        assert "2 projects match" in comment, comment
        comment = place.say("sluice import -d nope terraform_data.x an-id")[1]
        assert "no project of the plan matches" in comment, comment
        run_, comment = place.say("sluice import -d q terraform_data.x an-id")
        expect((run_["kind"], run_["state"]), ("import", "done"), comment)
        expect([job["dir"] for job in place.jobs()], ["q"])


@both
def requirements_of_an_import(name, program):
    config = "commands: {allowed: [plan, apply, import]}\nrepos: [{id: /.*/, import_requirements: [%s]}]\n"
    with Served(name, program, config % "approved") as place:
        run_, comment = place.say("sluice import terraform_data.x an-id")
        expect(run_["kind"], "plan", comment)
        assert "**Not imported**" in comment and "approv" in comment, comment
        place.approve("alice")
        expect(place.say("sluice import terraform_data.x an-id")[0]["kind"], "plan", "the author's own does not count")
        place.approve()
        run_, comment = place.say("sluice import terraform_data.x an-id")
        expect((run_["kind"], run_["state"]), ("import", "done"), comment)
    with Served(name, program, config % "mergeable") as place:
        run_, comment = place.say("sluice import terraform_data.x an-id")
        assert run_["kind"] == "plan" and "one approval of this plan is needed" in comment, comment
        place.approve()
        run_, comment = place.say("sluice import terraform_data.x an-id")
        expect((run_["kind"], run_["state"]), ("import", "done"), comment)


@both
def import_that_fails(name, program):
    with Served(name, program, "commands: {allowed: [plan, apply, import, state]}\n") as place:
        run_, comment = place.say("sluice state rm terraform_data.nope")
        expect((run_["kind"], run_["state"]), ("state rm", "failed"), comment)
        assert "removal failed" in comment, comment
        place.approve()
        assert "the plan is void" in place.say("sluice apply")[1]
        expect(place.say("sluice plan")[0]["state"], "done")


@both
def what_steps_write_beside_the_files_of_git(name, program):
    """Folders of a work tree are git's; jobs are other users, and need .terraform and files of their own in them."""
    provider = 'terraform {\n  required_providers {\n    random = { source = "hashicorp/random" }\n  }\n}\n' \
               'resource "random_id" "x" {\n  byte_length = var.a\n}\nvariable "a" {}\n'
    if not cli_config():
        raise Skip("there is no mirror of providers in .tools")
    config = """workflows:
  own:
    plan: {steps: [{run: 'mkdir ../made && echo a = 4 > a.auto.tfvars'}, init, plan]}
repos: [{id: /.*/, workflow: own}]
"""
    with Served(name, program, config, change={"p/main.tf": provider}) as place:
        expect(place.run["state"], "done", place.comments())
        place.approve()
        run_, comment = place.say("sluice apply")
        expect(run_["state"], "done", comment)
    with Served(name, program, change={"p/main.tf": provider.replace("var.a", "4")}) as place:
        expect(place.run["state"], "failed", "the variable has no value")
        assert "No value for required variable" in place.comments()[0], place.comments()


@both
def hooks_around_a_run(name, program):
    config = """repos:
  - id: /.*/
    pre_workflow_hooks:
      - {run: 'test -f p/main.tf && echo "$COMMAND_NAME" > $OUTPUT_STATUS_FILE', description: look}
      - {run: 'test "$COMMAND_NAME" = apply', commands: apply}
    post_workflow_hooks:
      - {run: 'test "$COMMAND_HAS_ERRORS" = false'}
"""
    with Served(name, program, config) as place:
        expect(place.run["state"], "done", place.comments())
        place.approve()
        run_, comment = place.say("sluice apply")
        expect(run_["state"], "done", comment)
        until = time.monotonic() + 20
        while any(job["state"] != "done" for job in place.jobs()):
            assert time.monotonic() < until, place.jobs()
            time.sleep(0.05)
        expect([job["op"] for job in place.jobs()].count("hooks"), 2, "one before, one after")
        assert "hooks" not in comment, comment


@both
def hooks_that_fail_hold_up_an_apply(name, program):
    config = """repos:
  - id: /.*/
    pre_workflow_hooks: [{run: 'echo no luck; exit 5', commands: apply}]
"""
    with Served(name, program, config) as place:
        expect(place.run["state"], "done", place.comments())
        place.approve()
        run_, comment = place.say("sluice apply")
        expect(run_["state"], "failed", comment)
        expect([job["state"] for job in place.jobs() if job["op"] == "apply"], ["skipped"])
        expect(place.say("sluice plan")[0]["state"], "done")
        assert "1 create" in place.comments()[0] + place.comments()[-1], "nothing was applied"


@both
def version_and_approve_policies(name, program):
    with Served(name, program) as place:
        comment = place.say("sluice version")[1]
        assert "sluice 0." in comment and "| p | %s 1." % name in comment, comment
        comment = place.say("sluice approve_policies")[1]
        assert "**Not approved**" in comment and "no such policy set" in comment, comment


@both
def workflow_of_the_repository(name, program):
    file = """version: 3
projects: [{dir: p, workflow: mine}]
workflows:
  mine:
    plan: {steps: [init, {plan: {extra_args: [-var, 'a=${WORKSPACE}-1']}}, {run: {command: 'echo seen', output: show}}]}
"""
    files = {"p/main.tf": 'variable "a" {}\n' + THING % "${var.a}"}
    config = "repos: [{id: /.*/, allow_custom_workflows: true, allowed_overrides: [workflow]}]\n"
    with Served(name, program, config, base={"p/main.tf": "#\n", "atlantis.yaml": file}, change=files) as place:
        comment = place.comments()[0]
        expect(place.run["state"], "done", comment)
        assert "default-1" in comment and "seen" in comment, comment
        place.approve()
        expect(place.say("sluice apply")[0]["state"], "done")


if __name__ == "__main__":
    run_cases("served", CASES)
