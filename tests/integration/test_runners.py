#!/usr/bin/env python3
"""Jobs from request to result: the stub tool where behaviour must be forced, real tools where it must be true.

    tests/integration/test_runners.py [CASE ...]

Results: build/report/results/runners.tsv; on stdout only what did not pass. VERBOSE=1 shows where a case broke,
SLUICE_SLOW=1 runs the large outputs in full."""

import glob
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import Skip, expect, run_cases  # noqa: E402
from runner_lab import APPLY, PLAN, PREPARE, ROOT, Cases, Lab, cli_config, eventually, real  # noqa: E402

CASES = Cases()
case, stub = CASES.plain, CASES.stub
SLOW = bool(os.environ.get("SLUICE_SLOW"))  # 50 MiB take Terraform itself 45 s


def both(function):
    """function(lab, name) for real Terraform and for real OpenTofu."""
    def run(name, program):
        with real(name, program) as lab:
            function(lab, name)
    run.__name__ = function.__name__
    CASES.both(run)
    return function


# ---- the stub: what a tool can do to us ------------------------------------------------------------------------


@stub
def plan_then_apply_once(lab):
    tree = lab.tree("a", {"main.tf": "# stub: create=3 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    expect(plan.outcome, "ok", plan)
    expect(plan.has_changes, True)
    expect(plan.summary["create"], 3)
    assert "Plan: 3 to add" in plan.output
    expect(os.stat(lab.blob(plan.plan_blob)).st_nlink, 1)
    first = lab.run(APPLY, tree, plan_blob=plan.plan_blob)
    expect(first.outcome, "ok", first)
    second = lab.run(APPLY, tree, plan_blob=plan.plan_blob)
    expect(second.outcome, "plan_lost", second)
    expect(lab.lines("log"), ["applied 3"])


@stub
def second_plan_needs_no_init(lab):
    tree = lab.tree("a", {"main.tf": "# stub: create=1 needs-init\n"})
    for want in (["init", "plan", "show"], ["plan", "show"]):
        job = lab.ask(PLAN, tree)
        expect(lab.driver.ended(job).outcome, "ok")
        with open(os.path.join(lab.job_dir(job), "events.ndjson")) as stream:
            expect([line.split('"')[3] for line in stream], want)


@stub
def init_cache_that_does_not_serve_is_made_again(lab):
    tree = lab.tree("a", {"main.tf": "# stub: create=1 needs-init\n"})
    expect(lab.run(PLAN, tree).outcome, "ok")
    for mark in glob.glob(lab.data + "/repos/1/init/*/layer/.terraform/stub"):
        os.unlink(mark)
    expect(lab.run(PLAN, tree).outcome, "ok")


@stub
def no_changes(lab):
    plan = lab.run(PLAN, lab.tree("a", {"main.tf": "# stub: no-changes\n"}))
    expect((plan.outcome, plan.has_changes), ("ok", False))


@stub
def failing_steps_are_told_apart(lab):
    for step in ("init", "plan"):
        ended = lab.run(PLAN, lab.tree(step, {"main.tf": "# stub: fail=%s\n" % step}))
        expect((ended.outcome, ended.step, ended.exit_code), ("tool_failed", step, 1))
        assert ended.failure.startswith("Error: the stub was told to fail"), ended
    tree = lab.tree("apply", {"main.tf": "# stub: fail=apply\n"})
    ended = lab.run(APPLY, tree, plan_blob=lab.run(PLAN, tree).plan_blob)
    expect((ended.outcome, ended.step), ("tool_failed", "apply"))


@stub
def tool_killed_by_a_signal(lab):
    ended = lab.run(PLAN, lab.tree("a", {"main.tf": "# stub: kill=plan\n"}))
    expect((ended.outcome, ended.signal), ("signalled", 9))


@stub
def time_out_is_polite_first(lab):
    ended = lab.run(PLAN, lab.tree("a", {"main.tf": "# stub: hang=plan\n"}), step_timeout_ms=300)
    expect(ended.outcome, "timed_out", ended)
    assert "Interrupt received" in ended.output, ended


@stub
def time_out_of_a_tool_that_ignores_everything(lab):
    tree = lab.tree("a", {"main.tf": "# stub: hang=plan ignore-sigint ignore-sigterm\n"})
    begin = time.monotonic()
    ended = lab.run(PLAN, tree, step_timeout_ms=200, stop_grace_ms=200)
    expect(ended.outcome, "timed_out", ended)
    assert 0.5 < time.monotonic() - begin < 5


@stub
def flood_is_cut(lab):
    tree = lab.tree("a", {"main.tf": "# stub: flood=6291456\n"})
    job = lab.ask(PLAN, tree, output_cap_bytes=1 << 20)
    ended = lab.driver.ended(job)
    expect(ended.outcome, "output_cap", ended.failure)
    assert 1000 < len(ended.output) <= 48 << 10
    assert os.stat(os.path.join(lab.job_dir(job), "output.log")).st_size < 2 << 20
    ended = lab.run(PLAN, tree)
    expect(ended.outcome, "ok", ended.failure)
    assert os.stat(lab.blob(ended.log_blob)).st_size > 6 << 20
    ended = lab.run(PLAN, lab.tree("b", {"main.tf": "# stub: flood=52428800\n"}))
    expect((ended.outcome, ended.step), ("output_cap", "init"), "the limit of the profile, below the server's")


@stub
def daemon_dies_with_the_job(lab):
    lab.driver.quit()
    lab.own_tool()
    lab.start()
    job = lab.ask(PLAN, lab.tree("b", {"main.tf": "# stub: daemon hang=plan\n"}))
    eventually(lambda: len(lab.tools_alive()) > 1)
    lab.driver.send("cancel %d 1" % job)
    expect(lab.driver.ended(job).outcome, "cancelled")
    eventually(lambda: not lab.tools_alive())
    tree = lab.tree("a", {"main.tf": "# stub: daemon create=1\n"})
    plan = lab.run(PLAN, tree)
    expect(plan.outcome, "ok", plan)
    expect(lab.run(APPLY, tree, plan_blob=plan.plan_blob).outcome, "ok")
    eventually(lambda: not lab.tools_alive())


@stub
def cancel_a_plan(lab):
    job = lab.ask(PLAN, lab.tree("a", {"main.tf": "# stub: hang=plan\n"}))
    lab.driver.wait("step %d 1 plan" % job)
    lab.driver.send("cancel %d 1" % job)
    ended = lab.driver.ended(job)
    expect(ended.outcome, "cancelled", ended)
    assert "Interrupt received" in ended.output


@stub
def cancelled_apply_gets_one_interrupt_and_nothing_else(lab):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=2500 ignore-sigint apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob, stop_grace_ms=100)
    lab.driver.wait("step %d 1 apply" % job)
    lab.driver.send("cancel %d 1" % job)
    ended = lab.driver.ended(job)
    expect(ended.outcome, "ok", ended)  # it ended well before anybody could stop it


@stub
def plan_that_was_changed_or_lost_is_not_applied(lab):
    tree = lab.tree("a", {"main.tf": "# stub: create=1 apply-log=%s/log\n" % lab.seen})
    changed, lost = lab.run(PLAN, tree).plan_blob, lab.run(PLAN, lab.tree("b", {"main.tf": "# stub: create=2\n"})).plan_blob
    with open(lab.blob(changed), "a") as stream:
        stream.write("x")
    os.unlink(lab.blob(lost))
    for blob in (changed, lost, "0" * 64, "../../etc"):
        ended = lab.run(APPLY, tree, plan_blob=blob)
        expect(ended.outcome, "plan_lost", ended)
    expect(lab.lines("log"), [])


@stub
def secrets_are_masked_and_gone(lab):
    tree = lab.tree("a", {"main.tf": "# stub: create=1 sleep=300\n"})
    stub_tool = os.path.join(lab.root, "tool")
    with open(stub_tool, "w") as stream:
        stream.write("#!/bin/sh\n[ \"$1\" = plan ] && { echo \"key=$TOP_KEY\"; printf %s \"$TOP_KEY\" | head -c 5; sleep 0.2; "
                     "printf %s \"$TOP_KEY\" | tail -c +6; echo; env; }\nexec " + lab.options["terraform"] + ' "$@"\n')
    os.chmod(stub_tool, 0o755)
    lab.driver.quit()
    lab.start(terraform=stub_tool)
    # The server puts the file there before it asks; here the directory is made by hand and found.
    spec = lab.spec(PLAN, tree)
    settings = os.path.join(lab.root, "settings.json")
    with open(settings, "w") as stream:
        json.dump({"data": lab.data, "terraform": stub_tool, "read": [lab.options["read"]]}, stream)
    job = lab.job_dir(spec["job"])
    os.mkdir(job)
    with open(os.path.join(job, "job.json"), "w") as stream:
        json.dump(spec, stream)
    with open(os.path.join(job, "secrets"), "w") as stream:
        json.dump([{"use": 3, "name": "TOP_KEY", "value": "hush-hush-4711"}], stream)
    subprocess.run([os.path.join(os.path.dirname(lab.options["terraform"]), "..", "sluice-job"), "supervise", settings,
                    "%d-1" % spec["job"]], check=True)
    with open(os.path.join(job, "output.log")) as stream:
        log = stream.read()
    assert "hush" not in log and "key=***" in log and "TOP_KEY=***" in log, log
    assert not os.path.exists(os.path.join(job, "secrets"))
    for path in glob.glob(job + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as stream:
                assert b"hush-hush" not in stream.read(), path


@stub
def environment_is_ours_alone(lab):
    os.environ["SLUICE_TEST_LEAK"] = "leak"
    probe = os.path.join(lab.root, "tool")
    with open(probe, "w") as stream:
        stream.write("#!/bin/sh\n[ \"$1\" = plan ] && { env; ls /proc | grep -c '^[0-9]'; ls %s; ls -l /proc/self/fd; }\n"
                     "exec %s \"$@\"\n" % (lab.data, lab.options["terraform"]))
    os.chmod(probe, 0o755)
    lab.driver.quit()
    lab.start(terraform=probe)
    job = lab.ask(PLAN, lab.tree("a", {"main.tf": "# stub: create=1\n"}))
    expect(lab.driver.ended(job).outcome, "ok")
    with open(os.path.join(lab.job_dir(job), "output.log")) as stream:
        log = stream.read()
    assert "SLUICE_TEST_LEAK" not in log and "HOME=/tmp\n" in log, log
    lines = log.splitlines()
    assert "cannot access '%s'" % lab.data in log, log
    assert not [line for line in lines if " -> socket:" in line], log


@stub
def tree_is_never_changed(lab):
    probe = os.path.join(lab.root, "tool")
    with open(probe, "w") as stream:
        stream.write("#!/bin/sh\n[ \"$1\" = plan ] && { echo evil > main.tf; rm -f other; echo x > new; }\nexec %s \"$@\"\n" %
                     lab.options["terraform"])
    os.chmod(probe, 0o755)
    lab.driver.quit()
    lab.start(terraform=probe)
    tree = lab.tree("a", {"main.tf": "# stub: create=1\n", "other": "o"})
    plan = lab.run(PLAN, tree)  # its tool reads what it changed itself: that is no plan of this commit
    expect((plan.outcome, "main.tf is not as in this commit" in plan.failure), ("bad_result", True), plan)
    base = os.path.join(lab.data, "repos", "1", "trees", tree)
    expect(sorted(os.listdir(base)), ["main.tf", "other"])
    with open(os.path.join(base, "main.tf")) as stream:
        expect(stream.read(), "# stub: create=1\n")


@stub
def folder_that_is_a_link_or_leaves_the_tree(lab):
    tree = lab.tree("a", {"real/main.tf": "# stub: create=1\n"})
    os.symlink("real", os.path.join(lab.data, "repos", "1", "trees", tree, "link"))
    expect(lab.run(PLAN, tree, dir="real").outcome, "ok")
    for path in ("link", "../x", "missing", "/etc", "real/../real"):
        expect(lab.run(PLAN, tree, dir=path).outcome, "setup_failed", path)


@stub
def options_that_would_leave_the_job(lab):
    tree = lab.tree("a", {"main.tf": "# stub: create=1\n"})
    for arg in ("-out=/tmp/x", "-state=x", "--state=x", "-chdir=/", "plan", "-detailed-exitcode"):
        ended = lab.run(PLAN, tree, extra_args=[arg])
        expect(ended.outcome, "setup_failed", ended)
    expect(lab.run(PLAN, tree, extra_args=["-var=x=1", "-target=a.b"]).outcome, "ok")


@stub
def no_tool_and_no_tree_are_set_up_failures(lab):
    tree = lab.tree("a", {"main.tf": "# stub: create=1\n"})
    expect(lab.run(PLAN, tree, tool="opentofu").outcome, "setup_failed")
    expect(lab.run(PLAN, tree, tool="perl").outcome, "setup_failed")
    expect(lab.run(PLAN, "f" * 40).outcome, "setup_failed")


@stub
def state_is_kept_between_jobs_and_plans_cannot_change_it(lab):
    for workspace in ("default", "blue"):
        tree = lab.tree("a", {"p/main.tf": "# stub: create=1\n"})
        plan = lab.run(PLAN, tree, dir="p", workspace=workspace)
        if workspace != "default":
            continue  # the stub writes the state of the default workspace only
        expect(lab.run(APPLY, tree, dir="p", workspace=workspace, plan_blob=plan.plan_blob).outcome, "ok")
        kept = glob.glob(lab.data + "/repos/1/state/*/default/terraform.tfstate")
        expect(len(kept), 1)
        with open(kept[0]) as stream:
            expect(stream.read(), "1 things\n")


@stub
def prepare_makes_the_tree_that_is_planned(lab):
    git = os.path.join(ROOT, "build", os.environ.get("MODE", "debug"), "sluice-git")
    if not os.path.exists(git):
        raise Skip("sluice-git is not built")
    lab.driver.quit()
    lab.start(git=git)
    repo = os.path.join(lab.root, "repo")

    def run(*words):
        return subprocess.run(("git", "-C", repo, "-c", "user.name=a", "-c", "user.email=a@b.c") + words, check=True,
                              capture_output=True, text=True).stdout.strip()

    def write(name, text):
        with open(os.path.join(repo, name), "w") as stream:
            stream.write(text)
        run("add", ".")
        run("commit", "-qm", "change " + name)

    os.mkdir(repo)
    run("init", "-q", "-b", "main")
    write("main.tf", "# stub: create=2\n")
    run("checkout", "-qb", "topic")
    write("other.tf", "# stub: noise=1\n")
    ended = lab.run(PREPARE, "", tool="git", clone_url=repo, head=run("rev-parse", "HEAD"), head_ref="refs/heads/topic",
                    base_ref="refs/heads/main")
    expect(ended.outcome, "ok", ended)
    plan = lab.run(PLAN, ended.prepared["tree"])
    expect((plan.outcome, plan.summary["create"]), ("ok", 2), plan)
    write("main.tf", "# stub: create=3\n")
    head = run("rev-parse", "HEAD")
    run("checkout", "-q", "main")
    write("main.tf", "# stub: create=4\n")
    ended = lab.run(PREPARE, "", tool="git", clone_url=repo, head=head, head_ref="refs/heads/topic",
                    base_ref="refs/heads/main")
    expect((ended.outcome, ended.prepared["conflicts"]), ("conflict", ["main.tf"]), ended)
    ended = lab.run(PREPARE, "", tool="git", clone_url=repo + "-gone", head=head, head_ref="refs/heads/topic",
                    base_ref="refs/heads/main", repo=2)
    expect(ended.outcome, "tool_failed", ended)
    assert ended.failure, ended


# What must hold in every tier; without an overlay the layers are copies.
TIERS = {"full": {"tier": "full"}, "full_without_overlay": {"tier": "full", "overlay": "0"},
         "landlock": {"tier": "landlock", "require": "landlock"}, "none": {"tier": "none", "require": "none"}}


def in_tier(options):
    lab = Lab(**options)
    lab.own_tool()
    try:
        lab.start()
        tree = lab.tree("a", {"p/main.tf": "# stub: create=1 needs-init daemon apply-log=%s/log\n" % lab.seen, "other": "o"})
        for _ in range(2):
            job = lab.ask(PLAN, tree, dir="p")
            plan = lab.driver.ended(job)
            expect(plan.outcome, "ok", plan)
            with open(os.path.join(lab.job_dir(job), "result.json")) as stream:
                expect(json.load(stream)["isolation"]["tier"], options["tier"])
        expect(lab.run(APPLY, tree, dir="p", plan_blob=plan.plan_blob).outcome, "ok")
        expect(lab.lines("log"), ["applied 1"])
        kept = glob.glob(lab.data + "/repos/1/state/*/default/terraform.tfstate")
        with open(kept[0]) as stream:
            expect(stream.read(), "1 things\n")
        expect(os.listdir(os.path.join(lab.data, "repos", "1", "trees", tree, "p")), ["main.tf"])
        ended = lab.run(PLAN, lab.tree("b", {"main.tf": "# stub: hang=plan ignore-sigint ignore-sigterm daemon\n"}),
                        step_timeout_ms=200, stop_grace_ms=100)
        expect(ended.outcome, "timed_out", ended)
        eventually(lambda: not lab.tools_alive())
    finally:
        lab.close()


for _name, _options in TIERS.items():
    CASES.append(("in_tier_%s" % _name, lambda options=_options: in_tier(options)))


# ---- real tools --------------------------------------------------------------------------------------------------


DATA = 'resource "terraform_data" "x" {\n  count = var.n\n  input = "v${count.index}-${var.tag}"\n}\n' \
       'variable "n" {\n  default = 3\n}\nvariable "tag" {\n  default = "one"\n}\n'


def good(ended):
    expect(ended.outcome, "ok", ended)
    return ended


@both
def plan_apply_change_destroy(lab, name):
    tree = lab.tree("a", {"main.tf": DATA})
    plan = good(lab.run(PLAN, tree, tool=name))
    expect((plan.has_changes, plan.summary["create"]), (True, 3))
    assert "terraform_data.x[2] will be created" in plan.output, plan.output
    applied = good(lab.run(APPLY, tree, tool=name, plan_blob=plan.plan_blob))
    assert "Resources: 3 added" in applied.output
    again = good(lab.run(PLAN, tree, tool=name))
    expect((again.has_changes, again.summary["create"]), (False, 0))
    tree = lab.tree("b", {"main.tf": DATA.replace('"one"', '"two"')})
    change = good(lab.run(PLAN, tree, tool=name))
    expect(change.summary["update"], 3)
    attribute = change.summary["resources"][0]["attributes"][0]
    expect((attribute["path"], attribute["before"], attribute["after"]), ("input", "v0-one", "v0-two"))
    good(lab.run(APPLY, tree, tool=name, plan_blob=change.plan_blob))
    destroy = good(lab.run(PLAN, tree, tool=name, extra_args=["-destroy"]))
    expect(destroy.summary["delete"], 3)
    assert "3 destroyed" in good(lab.run(APPLY, tree, tool=name, plan_blob=destroy.plan_blob)).output
    expect(good(lab.run(PLAN, tree, tool=name, extra_args=["-destroy"])).has_changes, False)


@both
def workspaces_have_states_of_their_own(lab, name):
    tree = lab.tree("a", {"p/main.tf": DATA})
    for workspace in ("blue", "green"):
        plan = good(lab.run(PLAN, tree, tool=name, dir="p", workspace=workspace))
        expect(plan.summary["create"], 3, workspace)
        good(lab.run(APPLY, tree, tool=name, dir="p", workspace=workspace, plan_blob=plan.plan_blob))
        expect(good(lab.run(PLAN, tree, tool=name, dir="p", workspace=workspace)).has_changes, False)
    expect(good(lab.run(PLAN, tree, tool=name, dir="p")).summary["create"], 3)


@both
def local_backends_with_a_path(lab, name):
    for path in ("sub.tfstate", "../there/x.tfstate", os.path.join(lab.seen, "outside.tfstate")):
        text = 'terraform {\n  backend "local" {\n    path = "%s"\n  }\n}\n' % path
        tree = lab.tree(os.path.basename(path), {"p/main.tf": text + DATA, "there/keep": ""})
        plan = good(lab.run(PLAN, tree, tool=name, dir="p"))
        good(lab.run(APPLY, tree, tool=name, dir="p", plan_blob=plan.plan_blob))
        expect(good(lab.run(PLAN, tree, tool=name, dir="p")).has_changes, False, path)
    assert os.path.getsize(os.path.join(lab.seen, "outside.tfstate")) > 0


@both
def committed_state_is_used_until_one_is_kept(lab, name):
    tree = lab.tree("a", {"main.tf": DATA})
    plan = good(lab.run(PLAN, tree, tool=name))
    good(lab.run(APPLY, tree, tool=name, plan_blob=plan.plan_blob))
    with open(glob.glob(lab.data + "/repos/1/state/*/default/terraform.tfstate")[0]) as stream:
        state = stream.read()
    tree = lab.tree("b", {"q/main.tf": DATA.replace("default = 3", "default = 4"), "q/terraform.tfstate": state})
    plan = good(lab.run(PLAN, tree, tool=name, dir="q"))
    expect(plan.summary["create"], 1)
    good(lab.run(APPLY, tree, tool=name, dir="q", plan_blob=plan.plan_blob))
    expect(good(lab.run(PLAN, tree, tool=name, dir="q")).has_changes, False)


@both
def errors_are_for_people(lab, name):
    tree = lab.tree("a", {"main.tf": 'resource "terraform_data" "x" {\n  inptu = "v1"\n}\n'})
    ended = lab.run(PLAN, tree, tool=name)
    expect(ended.outcome, "tool_failed", ended)
    assert ended.failure.startswith("Error: Unsupported argument"), ended.failure
    assert "\u2502" not in ended.failure and lab.data not in ended.failure and "inptu" in ended.failure, ended.failure
    tree = lab.tree("b", {"main.tf": 'module "x" {\n  source = "./missing"\n}\n'})
    ended = lab.run(PLAN, tree, tool=name)
    expect((ended.outcome, ended.step), ("tool_failed", "init"), ended)
    assert ended.failure.startswith("Error: "), ended.failure
    assert lab.data not in ended.failure, ended.failure


@both
def local_modules_and_replacement(lab, name):
    main = 'module "m" {\n  source = "./m"\n}\n'
    module = 'resource "terraform_data" "y" {\n  triggers_replace = "%s"\n}\n'
    tree = lab.tree("a", {"main.tf": main, "m/main.tf": module % "a"})
    plan = good(lab.run(PLAN, tree, tool=name))
    good(lab.run(APPLY, tree, tool=name, plan_blob=plan.plan_blob))
    tree = lab.tree("b", {"main.tf": main, "m/main.tf": module % "b"})
    plan = good(lab.run(PLAN, tree, tool=name))
    expect(plan.summary["replace"], 1)
    resource = plan.summary["resources"][0]
    expect(resource["address"], "module.m.terraform_data.y")
    forcing = [a for a in resource["attributes"] if a["forces_replace"]]
    expect([a["path"] for a in forcing], ["triggers_replace"])


@both
def provisioner_output_that_is_large(lab, name):
    text = 'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n    command = "%s"\n  }\n}\n' % \
           ("seq -f %0999.0f " + ("52428" if SLOW else "3000"))
    tree = lab.tree("a", {"main.tf": text})
    plan = good(lab.run(PLAN, tree, tool=name))
    expect([(c["kind"], c["detail"]) for c in plan.summary["constructs"]["list"]], [("provisioner", "local-exec")])
    ended = lab.run(APPLY, tree, tool=name, plan_blob=plan.plan_blob, output_cap_bytes=1 << 30,
                    step_timeout_ms=180000 if SLOW else 60000)  # the size is what is tried
    good(ended)
    assert os.stat(lab.blob(ended.log_blob)).st_size > (50 << 20 if SLOW else 3000000)
    assert len(ended.output) <= 48 << 10


@both
def sensitive_values_stay_inside(lab, name):
    text = 'variable "p" {\n  sensitive = true\n  default = "%s"\n}\nresource "terraform_data" "x" {\n  input = {\n    a = var.p\n    b = "%s"\n  }\n}\n'
    tree = lab.tree("a", {"main.tf": text % ("correct-horse", "one")})
    good(lab.run(APPLY, tree, tool=name, plan_blob=good(lab.run(PLAN, tree, tool=name)).plan_blob))
    tree = lab.tree("b", {"main.tf": text % ("battery-staple", "two")})
    plan = good(lab.run(PLAN, tree, tool=name))
    expect(plan.summary["update"], 1)
    with open(lab.blob(plan.log_blob)) as stream:
        shown = str(plan.result) + stream.read()
    assert "horse" not in shown and "staple" not in shown and "(sensitive)" in shown, shown


@both
def interrupted_apply_keeps_its_state(lab, name):
    text = 'resource "terraform_data" "a" {}\nresource "terraform_data" "b" {\n  depends_on = [terraform_data.a]\n' \
           '  provisioner "local-exec" {\n    command = "sleep 30"\n  }\n}\n'
    tree = lab.tree("a", {"main.tf": text})
    plan = good(lab.run(PLAN, tree, tool=name))
    job = lab.ask(APPLY, tree, tool=name, plan_blob=plan.plan_blob)
    log = os.path.join(lab.job_dir(job), "output.log")
    eventually(lambda: os.path.exists(log) and "local-exec" in open(log).read())
    lab.driver.send("cancel %d 1" % job)
    ended = lab.driver.ended(job, timeout=60)
    expect(ended.outcome, "cancelled", ended)
    plan = good(lab.run(PLAN, tree, tool=name))
    expect(plan.summary["create"] + plan.summary["replace"], 1, plan.summary)


@both
def providers_come_from_the_mirror(lab, name):
    if cli_config() is None:
        raise Skip("no provider mirror in .tools")
    target = os.path.join(lab.seen, "made")
    text = 'terraform {\n  required_providers {\n    local = {\n      source = "hashicorp/local"\n    }\n  }\n}\n' \
           'resource "local_file" "x" {\n  filename = "%s"\n  content = "hello"\n}\n' % target
    tree = lab.tree("a", {"main.tf": text})
    plan = good(lab.run(PLAN, tree, tool=name))
    good(lab.run(APPLY, tree, tool=name, plan_blob=plan.plan_blob))
    with open(target) as stream:
        expect(stream.read(), "hello")
    os.unlink(target)
    expect(good(lab.run(PLAN, tree, tool=name)).summary["create"], 1)


def main():
    run_cases("runners", CASES)


if __name__ == "__main__":
    main()
