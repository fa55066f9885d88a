#!/usr/bin/env python3
"""Workflows: the steps of a stage with real tools, and what each of them may and may not do.

    tests/integration/test_workflows.py [CASE ...]

Each case runs with Terraform and with OpenTofu, as far as they are there. Results: build/report/results/workflows.tsv;
on stdout only what did not pass. VERBOSE=1 shows where a case broke."""

import hashlib
import json
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import expect, run_cases  # noqa: E402
from runner_lab import (APPLY, APPLY_STEP, HOOKS, IMPORT, IMPORT_STEP, INIT, MULTIENV, PLAN, PLAN_STEP, SHOW, STATE_RM, STATE_RM_STEP,  # noqa: E402
                        Cases, alive, children, env, real, run, step, tool)

HIDE, STRIP, FILTER = 1, 2, 4
CASES = Cases()
THING = 'resource "terraform_data" "x" {\n  input = "%s"\n}\n'
ONE = {"main.tf": THING % "v1"}


def both(function):
    """function(place) with each real tool."""
    def go(name, program):
        with real(name, program) as lab:
            function(Place(lab, name, program))
    go.__name__ = function.__name__
    CASES.both(go)
    return function


class Place:
    """A project, planned and applied with one tool."""

    def __init__(self, lab, name, program):
        self.lab, self.name, self.program = lab, name, program
        self.root = lab.root

    def plan(self, files, steps=None, **more):
        self.tree = self.lab.tree(more.pop("called", "a"), files)
        self.plan_steps = steps
        plan = self.lab.run(PLAN, self.tree, tool=self.name, steps=steps, **more)
        plan.job = self.last()
        return plan

    def ask(self, op, steps=None, **more):
        return self.lab.ask(op, self.tree, tool=self.name, steps=steps, **more)

    def again(self, op, steps=None, **more):
        return self.lab.run(op, self.tree, tool=self.name, steps=steps, **more)

    def apply(self, plan, steps=None, **more):
        return self.again(APPLY, steps, plan_blob=plan.plan_blob, plan_job=plan.job, plan_steps=self.plan_steps,
                          **more)

    def last(self):
        return self.lab.next - 1

    def log(self, job=None):
        with open(os.path.join(self.lab.job_dir(job or self.last()), "output.log"), errors="replace") as stream:
            return stream.read()

    def events(self, job=None):
        with open(os.path.join(self.lab.job_dir(job or self.last()), "events.ndjson")) as stream:
            return [line.split('"')[3] for line in stream]


# ---- stages -----------------------------------------------------------------------------------------------------


@both
def default_stages(place):
    """No workflow at all, and a workflow that says the same."""
    plan = place.plan(ONE)
    expect((plan.outcome, plan.has_changes, plan.summary["create"]), ("ok", True, 1), plan)
    same = place.plan(ONE, [step(INIT), step(PLAN_STEP)])
    expect((same.outcome, same.has_changes), ("ok", True), same)
    expect(place.events(), ["plan", "show"], "one init for both")
    done = place.apply(same, [step(APPLY_STEP)])
    expect(done.outcome, "ok", done)
    expect(place.plan(ONE).has_changes, False)


@both
def arguments_of_steps(place):
    files = {"main.tf": 'variable "a" {}\nvariable "b" {}\n' + THING % "${var.a} ${var.b}",
             "blue.tfvars": 'a = "from a file"\n', "env/default.tfvars": 'b = "of the workspace"\n'}
    plan = place.plan(files, [env("COLOR", "blue"), step(INIT, "-upgrade"),
                              step(PLAN_STEP, "-var-file", "${COLOR}.tfvars", "-lock=false")])
    expect(plan.outcome, "ok", plan)
    assert "from a file of the workspace" in plan.output, plan.output
    expect(place.apply(plan).outcome, "ok")


@both
def variable_that_is_not_set(place):
    plan = place.plan(ONE, [step(INIT), step(PLAN_STEP, "-var-file=$COLOUR.tfvars")])
    expect((plan.outcome, plan.step), ("setup_failed", "plan"), plan)
    assert "$COLOUR is not set" in plan.failure, plan.failure


@both
def refused_arguments(place):
    for arg in ("-out=/tmp/x", "-state=x.tfstate", "-chdir=..", "--json", "main.tf"):
        plan = place.plan(ONE, [step(INIT), step(PLAN_STEP, arg)])
        expect((plan.outcome, plan.step), ("setup_failed", "plan"), arg)
    plan = place.plan(ONE, [step(INIT, "-migrate-state"), step(PLAN_STEP)])
    expect((plan.outcome, plan.step), ("setup_failed", "init"), plan)


@both
def arguments_never_meet_a_shell(place):
    plan = place.plan({"main.tf": 'variable "a" {}\n' + THING % "${var.a}"},
                      [env("A", "$(touch %s/owned); `id` > x" % place.root), step(INIT),
                       step(PLAN_STEP, "-var", "a=${A}")])
    expect(plan.outcome, "ok", plan)
    assert "$(touch" in plan.output and not os.path.exists(place.root + "/owned")


@both
def plan_made_by_a_command(place):
    """As in many a workflow: init, plan and apply are commands, and the plan file is what they share."""
    steps = [run("%s init -input=false -no-color" % place.program, output=HIDE),
             run("%s plan -input=false -no-color -out $PLANFILE" % place.program, output=STRIP)]
    plan = place.plan(ONE, steps)
    expect((plan.outcome, plan.has_changes, plan.summary["create"]), ("ok", True, 1), plan)
    done = place.apply(plan, [run("%s apply -input=false -no-color $PLANFILE" % place.program)])
    expect(done.outcome, "ok", done)
    assert "Apply complete" in done.output, done.output
    again = place.plan(ONE, steps)
    expect((again.outcome, again.has_changes), ("ok", False), "the state was kept")
    expect(place.apply(plan, [run("true")]).outcome, "plan_lost")


@both
def command_that_leaves_no_plan(place):
    plan = place.plan(ONE, [step(INIT), run("echo planned")])
    expect((plan.outcome, plan.step), ("bad_result", "plan"), plan)
    assert "$PLANFILE" in plan.failure, plan.failure


@both
def plan_file_that_is_none(place):
    plan = place.plan(ONE, [step(INIT), run("echo nonsense > $PLANFILE")])
    expect((plan.outcome, plan.step), ("bad_result", "show"), plan)
    plan = place.plan(ONE, [step(INIT), run("ln -s /etc/passwd $PLANFILE")])
    expect(plan.outcome, "bad_result", plan)


@both
def commands_before_init(place):
    """What they make is there for init and plan, and for the apply of this plan; a committed file is as it was."""
    steps = [run("echo 'a = \"made\"' > made.auto.tfvars"), step(INIT), step(PLAN_STEP)]
    plan = place.plan({"main.tf": 'variable "a" {}\n' + THING % "${var.a}"}, steps)
    expect(plan.outcome, "ok", plan)
    assert '"made"' in plan.output, plan.output
    expect(place.events(), ["version", "run", "init", "plan", "show"])
    done = place.apply(plan)
    expect(done.outcome, "ok", done)
    again = place.plan({"main.tf": 'variable "a" {}\n' + THING % "${var.a}"}, steps)
    expect((again.outcome, again.has_changes), ("ok", False), again)


@both
def a_step_in_the_wrong_stage(place):
    for steps in ([step(INIT), step(PLAN_STEP), step(APPLY_STEP)], [step(IMPORT_STEP)], [step(STATE_RM_STEP)]):
        plan = place.plan(ONE, steps)
        expect(plan.outcome, "setup_failed", plan)
        assert "cannot be done in the stage plan" in plan.failure, plan.failure
        expect(place.events() if os.path.exists(place.lab.job_dir(place.last()) + "/events.ndjson") else [], [])


@both
def policy_check_never_passes_in_silence(place):
    plan = place.plan(ONE, checks_policies=True)
    expect((plan.outcome, plan.step), ("setup_failed", "policy_check"), plan)
    assert "nothing was checked" in plan.failure
    own = [step(SHOW), run("grep -q terraform_data.x $SHOWFILE"), run("echo too many >&2; exit 3")]
    plan = place.plan(ONE, checks_policies=True, policy_steps=own)
    expect((plan.outcome, plan.has_changes), ("ok", True), plan)
    expect([(one["name"], one["failed"]) for one in plan.summary["policies"]], [("custom", 1)])
    assert "too many" in plan.summary["policies"][0]["failures"][0], plan.summary
    plan = place.plan(ONE, checks_policies=True, policy_steps=own[:2])
    expect((plan.outcome, plan.has_changes), ("ok", True), plan)
    expect([(one["name"], one["passed"]) for one in plan.summary["policies"]], [("custom", 1)])


# ---- what commands are told -------------------------------------------------------------------------------------


@both
def a_command_finds_nothing_alive_of_the_one_before(place):
    daemon = run("(setsid sh -c 'sleep 1; echo changed > /tmp/note; echo changed > note' >/dev/null 2>&1 &); echo first > note")
    plan = place.plan(ONE, [daemon, run("sleep 1.5; cat note; ls /tmp; set -- /proc/[0-9]*; echo $# alive"), step(INIT),
                            step(PLAN_STEP)])
    expect(plan.outcome, "ok", plan)
    lines = plan.output.splitlines()
    # The keeper and the shell: nobody else, and nothing that was changed.
    assert "first" in lines and "2 alive" in lines and "changed" not in lines and "note" not in lines, plan.output


@both
def a_command_cannot_stand_in_for_a_program_of_the_next(place):
    """Not in the folder that PATH begins with, not anywhere before the machine's own."""
    plant = run("for d in $(echo $PATH | tr : ' '); do echo 'echo trojan' > $d/git 2>/dev/null && chmod +x $d/git; done; true")
    plan = place.plan(ONE, [plant, run("command -v git; git --version; command -v %s" % place.program), step(INIT),
                            step(PLAN_STEP)])
    expect(plan.outcome, "ok", plan)
    assert "trojan" not in plan.output and "git version" in plan.output, plan.output
    assert "/run/bin/%s" % place.program in plan.output, plan.output


@both
def a_check_only_reads(place):
    """What a check changes of the tree is refused; what it changes of the plan ends the plan."""
    look = [step(SHOW), run("touch x 2>&1; test -s $SHOWFILE && echo shown; cat main.tf | head -1")]
    plan = place.plan(ONE, checks_policies=True, policy_steps=look)
    expect(plan.outcome, "ok", plan)
    assert "Read-only file system" in plan.output and "shown\nresource" in plan.output, plan.output
    for what in ("rm -f $SHOWFILE; echo '{}' > $SHOWFILE", "cp $PLANFILE /tmp/p && echo x >> /tmp/p && cp /tmp/p $PLANFILE", "rm $PLANFILE"):
        plan = place.plan(ONE, checks_policies=True, policy_steps=[step(SHOW), run(what)])
        expect((plan.outcome, plan.plan_blob), ("bad_result", ""), plan)
        assert "was changed while it was checked" in plan.failure, plan.failure


@both
def environment_of_commands(place):
    plan = place.plan({"live/main.tf": THING % "v1"}, [step(INIT), step(PLAN_STEP), run("env | sort")], dir="live",
                      workspace="default", project="live", repo_name="team/infra", number=41, head="abc",
                      head_ref="feature", base_ref="main", author="alice", actor="bob", pull_url="https://h/41",
                      is_approved=True, command="plan", extra_args=["-refresh=false"])
    expect(plan.outcome, "ok", plan)
    told = dict(line.split("=", 1) for line in place.log().splitlines() if "=" in line and line[0].isupper())
    version = plan.summary["tool_version"]
    want = {"ATLANTIS_TERRAFORM_DISTRIBUTION": place.name, "ATLANTIS_TERRAFORM_VERSION": version,
            "ATLANTIS_PR_APPROVED": "true", "ATLANTIS_PR_MERGEABLE": "false", "BASE_BRANCH_NAME": "main",
            "BASE_REPO_NAME": "infra", "BASE_REPO_OWNER": "team", "COMMENT_ARGS": "\\-\\r\\e\\f\\r\\e\\s\\h\\=\\f\\a\\l\\s\\e",
            "HEAD_BRANCH_NAME": "feature", "HEAD_COMMIT": "abc", "HEAD_REPO_NAME": "infra", "HEAD_REPO_OWNER": "team",
            "PROJECT_NAME": "live", "PULL_AUTHOR": "alice", "PULL_NUM": "41", "PULL_URL": "https://h/41",
            "REPO_REL_DIR": "live", "USER_NAME": "bob", "WORKSPACE": "default", "TF_IN_AUTOMATION": "1"}
    for name, value in want.items():
        expect(told.get(name), value, name)
    assert told["DIR"].endswith("/live") and told["PWD"] == told["DIR"], told
    for name in ("PLANFILE", "SHOWFILE", "POLICYCHECKFILE", "HOME", "PATH"):
        assert told[name].startswith("/"), name
    known = set(want) | {"DIR", "PLANFILE", "SHOWFILE", "POLICYCHECKFILE", "HOME", "PATH", "PWD", "TMPDIR", "LANG", "TZ",
                         "TF_INPUT", "CHECKPOINT_DISABLE", "TF_CLI_CONFIG_FILE", "SHLVL", "OLDPWD", "_",
                         "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}  # the job's own way out
    expect(set(told) - known, set(), "nothing of the server")


@both
def the_tool_by_its_names(place):
    plan = place.plan(ONE, [step(INIT), run("%s${ATLANTIS_TERRAFORM_VERSION} plan -no-color -out $PLANFILE" % place.program),
                            run("command -v %s" % place.program)])
    expect(plan.outcome, "ok", plan)


@both
def values_for_later_steps(place):
    files = {"main.tf": 'variable "a" {}\nvariable "b" {}\nvariable "c" {}\n' + THING % "${var.a}-${var.b}-${var.c}"}
    plan = place.plan(files, [env("TF_VAR_a", "one"), step(INIT), env("TF_VAR_b", command="echo t''wo"),
                              step(MULTIENV, command="echo 'TF_VAR_c=\"thr,ee\",UNUSED=1'"), step(PLAN_STEP)])
    expect(plan.outcome, "ok", plan)
    assert "one-two-thr,ee" in plan.output, plan.output


@both
def values_that_cannot_be_read(place):
    plan = place.plan(ONE, [step(INIT), step(MULTIENV, command="echo hello"), step(PLAN_STEP)])
    expect((plan.outcome, plan.step), ("tool_failed", "multienv"), plan)
    assert "NAME=value" in plan.failure
    plan = place.plan(ONE, [step(INIT), env("X", command="echo no >&2; exit 7"), step(PLAN_STEP)])
    expect((plan.outcome, plan.step, plan.exit_code), ("tool_failed", "env", 7), plan)
    assert "no" in plan.output
    plan = place.plan(ONE, [step(INIT), env("A-B", "x"), step(PLAN_STEP)])
    expect((plan.outcome, plan.step), ("setup_failed", "env"), plan)


@both
def values_that_would_lead_later_steps(place):
    """A script of the pull request prints names that decide what the next steps run; nobody's word sets the first three."""
    evil = 'provider_installation { dev_overrides { "evil/evil" = "/tree" } }'
    for name in ("LD_PRELOAD", "TF_CLI_CONFIG_FILE", "HTTPS_PROXY", "TF_CLI_ARGS_plan", "PATH", "BASH_ENV", "GIT_SSH_COMMAND",
                 "PYTHONPATH", "PLANFILE"):
        plan = place.plan(dict(ONE, **{"evil.rc": evil}), [step(INIT), step(MULTIENV, command="echo X=1,%s=/tree/evil.rc" % name),
                                                           step(PLAN_STEP)])
        expect((plan.outcome, plan.step), ("tool_failed", "multienv"), plan)
        assert "%s cannot be set" % name in plan.failure, plan.failure
    for name, outcome in (("LD_PRELOAD", "setup_failed"), ("TF_DATA_DIR", "setup_failed"), ("TF_CLI_ARGS_plan", "ok")):
        plan = place.plan(ONE, [step(INIT), env(name, "-lock=false"), step(PLAN_STEP)])
        expect((name, plan.outcome), (name, outcome), plan)


@both
def shells(place):
    plan = place.plan(ONE, [step(INIT), step(PLAN_STEP),
                            run("[[ a == a ]] && echo from-bash", shell="bash", shell_args=["-e", "-c"]),
                            run("import os; print('from-python', os.environ['WORKSPACE'])", shell="python3")])
    expect(plan.outcome, "ok", plan)
    assert "from-bash" in plan.output and "from-python default" in plan.output, plan.output
    plan = place.plan(ONE, [step(INIT), run("true", shell="nosuchshell")])
    expect(plan.outcome, "setup_failed")
    assert "no shell nosuchshell" in plan.failure


# ---- what is shown ----------------------------------------------------------------------------------------------


@both
def output_of_commands(place):
    plan = place.plan(ONE, [run("echo seen-first"), step(INIT), run("echo not-shown", output=HIDE), step(PLAN_STEP),
                            run("printf 'a: Refreshing state... [id=1]\\nafter\\n'", output=STRIP),
                            run("echo key=abc123 and 42", output=FILTER, filters=["key=\\S+", "[0-9]+"])])
    expect(plan.outcome, "ok", plan)
    for text, is_there in (("seen-first", True), ("not-shown", False), ("Refreshing", False), ("after", True),
                           ("abc123", False), ("<redacted> and <redacted>", True)):
        expect(text in plan.output, is_there, text)
    log = place.log()
    assert "abc123" not in log and "<redacted>" in log and "not-shown" in log, log
    with open(place.lab.blob(plan.log_blob)) as stream:
        assert "abc123" not in stream.read()


@both
def filtered_output_stays_hidden_in_failures(place):
    plan = place.plan(ONE, [step(INIT), run("X=abc; echo key=${X}123; echo key=${X}456 >&2; exit 1", output=FILTER,
                                            filters=["key=\\S+"])])
    expect((plan.outcome, plan.exit_code), ("tool_failed", 1), plan)
    assert "abc123" not in json.dumps(plan.result) + place.log() and "abc456" not in place.log(), plan
    plan = place.plan(ONE, [step(INIT), run("X=abc; echo ${X}123; exit 1", output=HIDE)])
    expect(plan.outcome, "tool_failed")
    assert "abc123" not in plan.failure + plan.output, plan
    plan = place.plan(ONE, [step(INIT), run("true", filters=["("])])
    expect(plan.outcome, "setup_failed", plan)
    assert 'the filter "("' in plan.failure


@both
def failing_command_stops_the_stage(place):
    plan = place.plan(ONE, [step(INIT), run("echo about to fail; exit 9"), step(PLAN_STEP)])
    expect((plan.outcome, plan.step, plan.exit_code), ("tool_failed", "run", 9), plan)
    assert "exit 9" in plan.failure and "about to fail" in plan.output
    expect(place.events(), ["init", "version", "run"])


@both
def flood_of_a_command(place):
    plan = place.plan(ONE, [step(INIT), run("yes"), step(PLAN_STEP)], output_cap_bytes=1 << 20)
    expect((plan.outcome, plan.step), ("output_cap", "run"), plan)
    plan = place.plan(ONE, [step(INIT), env("X", command="yes"), step(PLAN_STEP)])
    expect((plan.outcome, plan.step), ("output_cap", "env"), plan)


@both
def time_out_of_one_step(place):
    begin = time.monotonic()
    plan = place.plan(ONE, [step(INIT), run("sleep 60", timeout_ms=300), step(PLAN_STEP)], stop_grace_ms=200)
    expect((plan.outcome, plan.step), ("timed_out", "run"), plan)
    assert time.monotonic() - begin < 30


@both
def cancel_reaches_what_a_shell_runs(place):
    """A tool in a shell frees its lock before it ends; the shell, which dies at once, is not the end of the step."""
    polite = "python3 -c \"import signal, time, sys\nsignal.signal(signal.SIGINT, lambda *_: (time.sleep(0.5), " \
             "print('lock freed', flush=True), sys.exit(1)))\nprint('at work', flush=True)\ntime.sleep(60)\"; echo never"
    place.tree = place.lab.tree("a", ONE)
    for way in ("cancel", "timeout"):
        job = place.ask(PLAN, [step(INIT), run(polite, timeout_ms=2000 if way == "timeout" else 0)], stop_grace_ms=5000)
        place.lab.driver.wait("step %d 1 run" % job)
        until = time.monotonic() + 20
        while "at work" not in place.log(job) and time.monotonic() < until:
            time.sleep(0.05)
        if way == "cancel":
            place.lab.driver.send("cancel %d 1" % job)
        ended = place.lab.driver.ended(job)
        expect(ended.outcome, "cancelled" if way == "cancel" else "timed_out", ended)
        assert "lock freed" in place.log(job) and "never" not in place.log(job), place.log(job)


# ---- apply ------------------------------------------------------------------------------------------------------


@both
def commands_around_an_apply(place):
    plan = place.plan(ONE)
    done = place.apply(plan, [run("echo before"), step(APPLY_STEP, "-parallelism=2"), run("echo behind")])
    expect(done.outcome, "ok", done)
    assert done.output.index("before") < done.output.index("Apply complete") < done.output.index("behind")
    assert os.path.exists(os.path.join(place.lab.job_dir(place.last()), "started"))


@both
def failing_command_before_an_apply(place):
    plan = place.plan(ONE)
    done = place.apply(plan, [run("exit 4"), step(APPLY_STEP)])
    expect((done.outcome, done.step), ("tool_failed", "run"), done)
    again = place.plan(ONE)
    expect(again.has_changes, True, "nothing was applied")
    expect(place.apply(plan).outcome, "plan_lost", "and the plan is used up")


@both
def cancel_lets_a_command_of_an_apply_end(place):
    """A shell dies of a signal and takes what it runs along: it gets none, and what comes after it is not begun."""
    plan = place.plan(ONE)
    job = place.ask(APPLY, [run("sleep 1; echo whole"), step(APPLY_STEP)], plan_blob=plan.plan_blob,
                    plan_job=plan.job, step_timeout_ms=60000, stop_grace_ms=100)
    place.lab.driver.wait("step %d 1 run" % job)
    place.lab.driver.send("cancel %d 1" % job)
    done = place.lab.driver.ended(job)
    expect((done.outcome, done.step), ("cancelled", "apply"), done)
    assert "whole" in place.log(job), place.log(job)
    expect(place.plan(ONE).has_changes, True, "nothing was applied")


# ---- versions ---------------------------------------------------------------------------------------------------


def sha256(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(stream.read()).hexdigest()


@both
def a_pinned_version(place):
    """The program of the folder is the one that is run, under each of its names, and only with its checksum."""
    folder = os.path.join(place.root, "tools")
    pinned = os.path.join(folder, "%s-9.8.7" % place.name)
    os.makedirs(folder)
    shutil.copy(tool(place.program), pinned)
    os.chmod(folder, 0o755)
    os.chmod(place.root, 0o755)
    place.lab.driver.quit()
    place.lab.options["tools"] = folder
    place.lab.start()
    good = sha256(pinned)
    steps = [step(INIT), step(PLAN_STEP), run("echo $ATLANTIS_TERRAFORM_VERSION; readlink $(command -v %s9.8.7)" % place.program)]
    plan = place.plan(ONE, steps, tool_version="9.8.7", tool_sha256=good)
    expect(plan.outcome, "ok", plan)
    assert "9.8.7\n%s\n" % pinned in plan.output, plan.output
    expect(place.apply(plan, tool_version="9.8.7", tool_sha256=good).outcome, "ok")
    for version, checksum, says in (("9.8.8", good, "of this kind there is: 9.8.7"), ("9.8.7", "", "does not pin it"),
                                    ("9.8.7", "0" * 64, "is not the program"), ("../x", good, "is not in the folder")):
        plan = place.plan(ONE, tool_version=version, tool_sha256=checksum)
        expect((plan.outcome, plan.step), ("setup_failed", "tool"), version)
        assert says in plan.failure, plan.failure
    with open(pinned, "ab") as stream:
        stream.write(b"x")
    plan = place.plan(ONE, tool_version="9.8.7", tool_sha256=good)
    expect((plan.outcome, plan.step), ("setup_failed", "tool"), "it was changed after it was checked")


@both
def no_folder_of_tools(place):
    plan = place.plan(ONE, tool_version="1.5.7")
    expect((plan.outcome, plan.step), ("setup_failed", "tool"), plan)
    assert "no folder of tools" in plan.failure


# ---- import, state rm, hooks ------------------------------------------------------------------------------------


@both
def import_and_remove(place):
    files = {"main.tf": 'resource "terraform_data" "x" {}\nresource "terraform_data" "y" {}\n'}
    expect(place.plan(files).summary["create"], 2)
    done = place.again(IMPORT, targets=["terraform_data.x", "an-id"])
    expect(done.outcome, "ok", done)
    assert "Import successful" in done.output, done.output
    expect(place.plan(files).summary["create"], 1, "one is known now")
    done = place.again(STATE_RM, targets=["terraform_data.x"])
    expect(done.outcome, "ok", done)
    expect(place.plan(files).summary["create"], 2)
    done = place.again(STATE_RM, targets=["terraform_data.x"])
    expect((done.outcome, done.step), ("tool_failed", "state rm"), done)


@both
def import_with_own_steps(place):
    files = {"main.tf": 'variable "a" {}\nresource "terraform_data" "x" {}\n'}
    place.plan(files, [step(INIT), step(PLAN_STEP, "-var=a=1")])
    done = place.again(IMPORT, [run("echo prepared"), step(INIT), step(IMPORT_STEP, "-var", "a=1")],
                       targets=["terraform_data.x", "an-id"])
    expect(done.outcome, "ok", done)
    expect(place.plan(files, [step(INIT), step(PLAN_STEP, "-var=a=1")]).summary["create"], 0)
    done = place.again(IMPORT, targets=["-help", "x"])
    expect((done.outcome, done.step), ("setup_failed", "import"), done)


@both
def import_whose_supervisor_dies(place):
    """It had begun, and nobody knows how it ended: it is never begun again by itself."""
    place.plan(ONE)
    job = place.ask(IMPORT, [step(INIT), run("sleep 2"), step(IMPORT_STEP)], targets=["terraform_data.x", "an-id"])
    place.lab.driver.wait("step %d 1 run" % job)
    with open(os.path.join(place.lab.job_dir(job), "lock")) as stream:
        os.kill(int(stream.read().split()[0]), signal.SIGKILL)
    expect(place.lab.driver.ended(job).outcome, "unknown")
    place.lab.driver.kill()
    place.lab.start()
    place.lab.driver.send("recover %d 1" % job)
    place.lab.driver.wait("evidence %d 1 started" % job)


@both
def hooks(place):
    place.plan(ONE)
    done = place.again(HOOKS, [run("test -f main.tf && echo \"$COMMAND_NAME of $PULL_NUM\" > $OUTPUT_STATUS_FILE"),
                               run("echo changed > main.tf")], command="plan", number=41)
    expect(done.outcome, "ok", done)
    expect(done.output, "plan of 41\n")
    expect(place.plan(ONE).outcome, "ok", "what hooks write is thrown away")
    done = place.again(HOOKS, [run("echo bad; exit 1"), run("echo never")], command="plan")
    expect((done.outcome, done.exit_code), ("tool_failed", 1), done)
    assert "never" not in place.log()


@both
def no_process_is_left(place):
    plan = place.plan(ONE, [step(INIT), run("(sleep 300; echo late) & echo $! ; true"), step(PLAN_STEP)])
    expect(plan.outcome, "ok", plan)
    left = [pid for parent in children(place.lab.driver.process.pid) for pid in children(parent)]
    assert not any(alive(pid) for pid in left), left


def main():
    run_cases("workflows", CASES)


if __name__ == "__main__":
    main()
