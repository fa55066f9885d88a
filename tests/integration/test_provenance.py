#!/usr/bin/env python3
"""What is applied was planned, and what was planned is the commit: real tools whose saved plan somebody changes while
the plan runs, as code of a pull request can.

    tests/integration/test_provenance.py [CASE ...]

Results: build/report/results/provenance.tsv."""

import functools
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import Skip, expect, run_cases  # noqa: E402
from runner_lab import APPLY, INIT, PLAN, PLAN_STEP, RUN, Lab, cli_config, tool  # noqa: E402

FILES = {
    "p/main.tf": 'module "m" {\n  source = "../mod"\n}\nresource "terraform_data" "x" {\n  input = "one"\n}\n',
    "p/.terraform.lock.hcl": "# of no provider\n",
    "p/link.tf": None,  # a link to ../common.tf
    "common.tf": 'output "o" {\n  value = "o"\n}\n',
    "mod/m.tf": 'resource "terraform_data" "y" {}\n',
}

# Rewrites the plan file: takes a function from (name, bytes) to (name, bytes) or nothing.
EDIT = """
import sys, zipfile
old = zipfile.ZipFile(sys.argv[1])
entries = [(i.filename, old.read(i)) for i in old.infolist()]
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as new:
    for name, data in entries:
        %s
"""
EVIL = "b'resource \\\"terraform_data\\\" \\\"evil\\\" {}'"

# What happens to the plan right after the tool wrote it, and what people are told.
CHANGES = [
    ("edited", EDIT % ("new.writestr(name, %s if name.endswith('m-/main.tf') else data)" % EVIL), "./main.tf is not as"),
    ("module_edited", EDIT % ("new.writestr(name, %s if name.endswith('m-m/m.tf') else data)" % EVIL), "../mod/m.tf is not"),
    ("file_added", EDIT % ("new.writestr(name, data)\n        name.endswith('modules.json') and "
                           "new.writestr('tfconfig/m-/evil.tf', %s)" % EVIL), "./evil.tf is not as"),
    ("file_left_out", EDIT % "name.endswith('m-/link.tf') or new.writestr(name, data)", "./link.tf was left out"),
    ("name_twice", EDIT % ("new.writestr(name, data)\n        name.endswith('m-/main.tf') and "
                           "new.writestr(name, %s)" % EVIL), "a name twice"),
    ("module_elsewhere", EDIT % "new.writestr(name, data.replace(b'../mod', b'../../../../../mod'))", "not a folder"),
    ("garbage", "import sys; open(sys.argv[1], 'w').write('not a plan')", "cannot be shown"),
    ("a_link", "import os, sys; os.rename(sys.argv[1], sys.argv[1] + '2'); os.symlink('tfplan2', sys.argv[1])", "ordinary"),
    ("a_second_name", "import os, sys; os.link(sys.argv[1], sys.argv[1] + '2')", "ordinary"),
]


def make_lab(name, program):
    found = tool(program)
    if found is None:
        raise Skip("%s is neither in .tools nor in PATH" % program)
    found = os.path.realpath(found)
    lab = Lab(**{"terraform": "", name: found, "read": os.path.dirname(found)})
    if cli_config():
        lab.options["cli_config"] = cli_config()
    return lab, found


def make_tree(lab):
    tree = lab.tree("a", {path: text for path, text in FILES.items() if text is not None})
    os.symlink("../common.tf", os.path.join(lab.data, "repos", "1", "trees", tree, "p/link.tf"))
    return tree


def disguised(lab, found, script):
    """A tool that does what the real one does, and then something to the plan."""
    path = os.path.join(lab.root, "tool")
    with open(path, "w") as stream:
        stream.write("#!/bin/bash\n%s \"$@\"\ncode=$?\n[ \"$1\" = plan ] || exit $code\n"
                     "for arg; do case $arg in -out=*) out=${arg#-out=};; esac; done\n"
                     "/usr/bin/python3 -W ignore - \"$out\" <<'END' || exit 99\n%s\nEND\nexit $code\n" % (found, script))
    os.chmod(path, 0o755)
    return path


def plan_of_the_commit(name, program):
    """Modules, links and what they lead to: nothing of an honest plan is in the way."""
    lab, _ = make_lab(name, program)
    try:
        lab.start()
        tree = make_tree(lab)
        for _ in range(2):  # also with what was kept of init
            plan = lab.run(PLAN, tree, tool=name, dir="p")
            expect((plan.outcome, plan.summary and plan.summary["create"]), ("ok", 2), plan)
        checks = plan.summary["checks"]
        expect((checks["configuration"], checks["tier"], checks["program"]), ("commit", "full", ""), checks)
        with open(os.path.join(lab.data, "repos", "1", "trees", tree, "p/.terraform.lock.hcl"), "rb") as stream:
            lock = hashlib.sha256(stream.read()).hexdigest()
        expect([lock, 64, 64], [checks["lock"], len(checks["files"]), len(checks["rendered"])])
        words = {"tool": name, "dir": "p", "plan_blob": plan.plan_blob, "plan_job": lab.next - 1}
        for what, said in (("plan_lock", "the lock file of providers is not"), ("plan_program", "now another program")):
            refused = lab.run(APPLY, tree, **words, **{what: "0" * 64})
            expect(refused.outcome, "plan_lost", refused)
            assert said in refused.failure, refused.failure
        expect(lab.run(APPLY, tree, **words, plan_lock=lock).outcome, "ok")
    finally:
        lab.close()


def changed_plan(name, program, script, said):
    lab, found = make_lab(name, program)
    try:
        lab.options[name] = disguised(lab, found, script)
        lab.start()
        plan = lab.run(PLAN, make_tree(lab), tool=name, dir="p")
        expect(plan.outcome, "bad_result", plan)
        assert said in plan.failure, plan.failure
        expect(plan.plan_blob, "", "a plan that cannot be applied is not handed out")
    finally:
        lab.close()


def commands_may_write_configuration(name, program):
    """The operator allowed the commands; people are told what they changed."""
    lab, _ = make_lab(name, program)
    more = "echo 'output \"p\" { value = \"p\" }' > more.tf"
    steps = [{"kind": RUN, "command": more}, {"kind": INIT}, {"kind": PLAN_STEP}]
    try:
        lab.start()
        plan = lab.run(PLAN, make_tree(lab), tool=name, dir="p", steps=steps)
        expect(plan.outcome, "ok", plan)
        assert "./more.tf is not as in this commit" in plan.output, plan.output
    finally:
        lab.close()


def cases():
    for name, program in (("terraform", "terraform"), ("opentofu", "tofu")):
        yield "%s_plan_of_the_commit" % name, plan_of_the_commit, (name, program)
        yield "%s_commands_may_write_configuration" % name, commands_may_write_configuration, (name, program)
        for what, script, said in CHANGES:
            yield "%s_%s" % (name, what), changed_plan, (name, program, script, said)


def main():
    run_cases("provenance", ((label, functools.partial(call, *words)) for label, call, words in cases()))


if __name__ == "__main__":
    main()
