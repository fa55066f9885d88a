#!/usr/bin/env python3
"""Jobs whose server, supervisor or launcher dies, whose folder goes, or which were never begun.

    tests/integration/test_deaths.py [CASE ...]

Results: build/report/results/deaths.tsv; on stdout only what did not pass. VERBOSE=1 shows where a case broke."""

import glob
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]
from sluice import Skip, expect, run_cases  # noqa: E402  (the path is set just above)
from runner_lab import APPLY, BUILD, PLAN, Cases, Lab, alive, children, eventually, supervisor_of  # noqa: E402

CASES = Cases()
case, stub = CASES.plain, CASES.stub


@stub
def server_killed_during_an_apply(lab):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=1500 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    launcher = lab.driver.children()
    supervisor = supervisor_of(lab, job)
    lab.driver.kill()
    eventually(lambda: not any(alive(pid) for pid in launcher))
    assert alive(supervisor)
    driver = lab.start()
    driver.send("recover %d 1" % job)
    driver.wait("evidence %d 1 alive" % job)
    ended = driver.ended(job)
    expect(ended.outcome, "ok", ended)
    expect(lab.lines("log"), ["applied 1"])


@stub
def server_killed_and_the_apply_ends_alone(lab):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=300 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    lab.driver.kill()
    eventually(lambda: os.path.exists(os.path.join(lab.job_dir(job), "result.json")))
    driver = lab.start()
    time.sleep(0.1)
    driver.send("recover %d 1" % job)
    line = driver.wait("evidence %d 1 " % job)
    assert line.endswith(("ended", "alive")), line
    expect(driver.ended(job).outcome, "ok")


@stub
def supervisor_killed_during_an_apply(lab):
    """The tools run to their end, and until then the job is alive; then nobody knows."""
    tree = lab.tree("a", {"main.tf": "# stub: sleep=1500 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    os.kill(supervisor_of(lab, job), signal.SIGKILL)
    time.sleep(0.3)
    lab.driver.kill()
    driver = lab.start()
    driver.send("recover %d 1" % job)
    driver.wait("evidence %d 1 alive" % job)
    begin = time.monotonic()
    expect(driver.ended(job).outcome, "unknown")
    assert time.monotonic() - begin > 0.5
    kept = glob.glob(lab.data + "/repos/1/state/*/default/terraform.tfstate")
    with open(kept[0]) as stream:
        expect(stream.read(), "1 things\n", "the apply went on")
    driver.kill()
    driver = lab.start()
    driver.send("recover %d 1" % job)
    driver.wait("evidence %d 1 started" % job)
    expect(lab.run(APPLY, tree, plan_blob=plan.plan_blob).outcome, "plan_lost")


@stub
def supervisor_killed_during_a_plan(lab):
    tree = lab.tree("a", {"main.tf": "# stub: hang=plan ignore-sigint ignore-sigterm\n"})
    job = lab.ask(PLAN, tree)
    lab.driver.wait("step %d 1 plan" % job)
    supervisor = supervisor_of(lab, job)
    tools = [pid for keeper in children(supervisor) for pid in children(keeper)]
    os.kill(supervisor, signal.SIGKILL)
    expect(lab.driver.ended(job).outcome, "never_began")
    eventually(lambda: not any(alive(pid) for pid in tools))


@stub
def job_directory_removed_by_hand(lab):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=700 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    subprocess.run("chmod -R u+rwx '%s'; rm -rf '%s'" % (lab.job_dir(job), lab.job_dir(job)), shell=True, check=False)
    ended = lab.driver.ended(job)
    expect(ended.outcome, "unknown")
    lab.driver.wait("notice")
    expect(lab.run(APPLY, tree, plan_blob=plan.plan_blob).outcome, "plan_lost")
    expect(len(lab.lines("log")), 1)


@stub
def never_begun_is_void_for_ever(lab):
    tree = lab.tree("a", {"main.tf": "# stub: apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    spec = lab.spec(APPLY, tree, plan_blob=plan.plan_blob)
    os.mkdir(lab.job_dir(spec["job"]))
    with open(os.path.join(lab.job_dir(spec["job"]), "job.json"), "w") as stream:
        json.dump(spec, stream)
    lab.driver.send("recover %d 1" % spec["job"])
    lab.driver.wait("evidence %d 1 never" % spec["job"])
    settings = os.path.join(lab.root, "settings.json")
    with open(settings, "w") as stream:
        json.dump({"data": lab.data, "terraform": lab.options["terraform"]}, stream)
    late = subprocess.run([os.path.join(BUILD, "sluice-job"), "supervise",
                           settings, "%d-1" % spec["job"]])
    expect(late.returncode, 1)
    expect(lab.lines("log"), [])


@stub
def launcher_killed(lab):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=800 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    for pid in lab.driver.children():
        os.kill(pid, signal.SIGKILL)
    other = lab.ask(PLAN, tree)
    lab.driver.wait("notice the launcher")
    expect(lab.driver.ended(job).outcome, "ok")
    assert lab.driver.ended(other).outcome in ("ok", "never_began")
    expect(lab.run(PLAN, tree).outcome, "ok")


@stub
def launcher_that_starts_again_leaves_living_sandboxes_alone(lab):
    """A mount point that is replaced is none any more, in the sandboxes that are there too."""
    points = [os.path.join(lab.data, "box", root, name) for root in ("root", "root-git")
              for name in ("job.json", "dev/null", "dev/urandom", "etc/hosts")]
    tree = lab.tree("a", {"main.tf": "# stub: create=1\n"})
    expect(lab.run(PLAN, tree).outcome, "ok")
    before = [os.stat(point).st_ino for point in points]
    lab.driver.quit()
    lab.start()
    expect(lab.run(PLAN, tree).outcome, "ok")
    expect([os.stat(point).st_ino for point in points], before)


@stub
def terminal_signals_do_not_reach_jobs(lab):
    tree = lab.tree("a", {"main.tf": "# stub: sleep=500 apply-log=%s/log\n" % lab.seen})
    plan = lab.run(PLAN, tree)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    eventually(lambda: lab.lines("log") != [])
    for pid in lab.driver.children():
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
    expect(lab.driver.ended(job).outcome, "ok")


@stub
def forget_removes_the_directory(lab):
    job = lab.ask(PLAN, lab.tree("a", {"main.tf": "# stub: create=1\n"}))
    lab.driver.ended(job)
    lab.driver.send("forget %d 1" % job)
    eventually(lambda: not os.path.exists(lab.job_dir(job)) and os.listdir(lab.data + "/trash") == [])


@case
def killed_at_every_boundary():
    """The supervisor dies at its N-th durable boundary, for every N: the evidence never lets an apply begin twice."""
    lab = Lab()
    try:
        log = os.path.join(lab.seen, "faults")
        lab.start(fault="count", fault_log=log)
        tree = lab.tree("a", {"main.tf": "# stub: create=1 apply-log=%s/log\n" % lab.seen})
        first = lab.run(PLAN, tree)
        before = len(lab.lines("faults"))
        lab.run(APPLY, tree, plan_blob=first.plan_blob)
        points = lab.lines("faults")[before:]
        names = sorted(set(name for name in points if not name.startswith("launcher.")))
        if not names:
            raise Skip("this build has no fault points")
        lab.driver.quit()
        for name in names:
            for count in range(1, points.count(name) + 1):
                boundary(lab, tree, "kill:%s:%d" % (name, count))
    finally:
        lab.close()


def boundary(lab, tree, fault):
    lab.start()
    plan = lab.run(PLAN, tree)
    expect(plan.outcome, "ok", plan)
    lab.driver.quit()
    before = len(lab.lines("log"))
    lab.start(fault=fault)
    job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob)
    ended = lab.driver.ended(job)
    lab.driver.kill()
    lab.start()
    lab.driver.send("recover %d 1" % job)
    evidence = lab.driver.wait("evidence %d 1 " % job).split()[-1]
    applied = len(lab.lines("log")) - before
    if evidence == "never":
        expect(applied, 0, fault)
        again = lab.run(APPLY, tree, job=job, attempt=2, plan_blob=plan.plan_blob)
        expect(again.outcome, "ok", (fault, again))
    elif evidence == "ended":
        expect(lab.driver.ended(job).outcome, "ok", fault)
        expect(applied, 1, fault)
    else:
        expect((evidence, ended.outcome), ("started", "unknown"), fault)
        expect(lab.run(APPLY, tree, plan_blob=plan.plan_blob).outcome in ("plan_lost", "ok"), True, fault)
    assert len(lab.lines("log")) - before <= 1, fault
    lab.driver.quit()


if __name__ == "__main__":
    run_cases("deaths", CASES)
