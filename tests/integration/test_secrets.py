#!/usr/bin/env python3
"""Secrets in plain text: which commits bring them, what is said of them, and where their values must never be found.

    tests/integration/test_secrets.py [WORD ...]     only the cases whose name contains a word

Values are made here, at random. Results: build/report/results/secrets.tsv; on stdout only what did not pass."""

import os
import random
import string
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from git_lab import Lab  # noqa: E402
from runner_lab import tool  # noqa: E402
from served import THING, Served  # noqa: E402
from sluice import Skip, expect, git, lab_cases, run_cases, write_files  # noqa: E402

LUCK = random.Random()


def token():
    return "ghp_" + "".join(LUCK.choices(string.ascii_letters + string.digits, k=36))


class Branch:
    """A clone of a repository in which commits are made on the branch feature."""

    def __init__(self, lab, base):
        self.lab, self.work = lab, lab.path("work")
        self.repo = lab.repo(base, {"feature": {"first.txt": "x\n"}})
        git(lab.root, "clone", "-q", "-b", "feature", self.repo, self.work)

    def commit(self, files=None, remove=()):
        write_files(self.work, files or {})
        for path in remove:
            os.unlink(os.path.join(self.work, path))
        git(self.work, "add", "-A")
        git(self.work, "commit", "-qm", "c")
        return git(self.work, "rev-parse", "HEAD")

    def prepare(self):
        git(self.work, "push", "-q", "-f", "origin", "HEAD:feature")
        answer = self.lab.prepare(self.repo, git(self.work, "rev-parse", "HEAD")).need(0)
        return [(s["path"], s["line"], s["rule"], s["commit"], s["is_gone"]) for s in answer.secrets], answer


def case_in_any_commit(lab):
    """Brought by one commit and removed by the next: it can still be read."""
    branch = Branch(lab, {"main.tf": "#\n"})
    value = token()
    one = branch.commit({"conf/a.tf": '# a\nlocals { t = "%s" }\n' % value})
    branch.commit(remove=["conf/a.tf"])
    two = branch.commit({"b.env": "TOKEN=%s\n" % token()})
    found, answer = branch.prepare()
    expect(found, [("conf/a.tf", 2, "github-token", one, True), ("b.env", 1, "github-token", two, False)])
    assert value not in str(answer.__dict__), "the value leaves git"


def case_what_was_there_is_not_new(lab):
    """Moved, edited around, or brought by a merge of the base."""
    old = token()
    branch = Branch(lab, {"a.tf": '# %s\n' % old, "b.tf": "#\n"})
    branch.commit({"moved/a.tf": "# more\n# %s\n" % old}, remove=["a.tf"])
    branch.commit({"moved/a.tf": "# again\n# more\n# %s\n" % old})
    git(branch.work, "checkout", "-q", "main")
    branch.commit({"of-base.tf": "# %s\n" % token()})
    git(branch.work, "push", "-q", "origin", "main")
    git(branch.work, "checkout", "-q", "feature")
    git(branch.work, "merge", "-q", "--no-edit", "main")
    expect(branch.prepare()[0], [])
    new = token()
    last = branch.commit({"moved/a.tf": "# %s\n# %s\n" % (old, new)})
    expect(branch.prepare()[0], [("moved/a.tf", 2, "github-token", last, False)])


def case_in_a_merge_itself(lab):
    """What only the merge commit holds, as when somebody edits while merging."""
    branch = Branch(lab, {"a.tf": "#\n"})
    git(branch.work, "checkout", "-q", "main")
    branch.commit({"x.tf": "#\n"})
    git(branch.work, "push", "-q", "origin", "main")
    git(branch.work, "checkout", "-q", "feature")
    git(branch.work, "merge", "-q", "--no-commit", "--no-ff", "main")
    merge = branch.commit({"evil.tf": "# %s\n" % token()})
    expect(branch.prepare()[0], [("evil.tf", 1, "github-token", merge, False)])


def case_many_are_counted(lab):
    branch = Branch(lab, {"a.tf": "#\n"})
    branch.commit({"f%d.txt" % i: "".join("%s\n" % token() for _ in range(40)) for i in range(4)})
    found, answer = branch.prepare()
    expect((len(found), answer.prepared["secrets_left_out"]), (100, 60))


def case_new_notes(lab):
    """Those that the base has not, wherever they moved."""
    branch = Branch(lab, {"a.tf": "# checkov:skip=CKV_1:old\n"})
    branch.commit({"a.tf": "#\n#\n# checkov:skip=CKV_1:old\n# checkov:skip=CKV_2:new\n", "b.tf": "#tfsec:ignore:x\n"})
    _, answer = branch.prepare()
    expect([(s["path"], s["line"], s["id"]) for s in answer.skips], [("a.tf", 4, "CKV_2"), ("b.tf", 1, "x")])


class Place(Served):
    """A server with a pull request of alice's that brings secrets beside a change of a project."""

    def __init__(self, values):
        name, program = ("terraform", "terraform") if tool("terraform") else ("opentofu", "tofu")
        if tool(program) is None:
            raise Skip("terraform is neither in .tools nor in PATH")
        secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  pin: %s\n" % values[1]
        super().__init__(name, program, "teams: {security: {members: [erin]}}\n",
                         {"p/main.tf": "#\n", "sluice.yaml": self.config},
                         {"p/main.tf": THING % "v1", "conf/app.env": "A=1\nAPI_TOKEN=%s\n" % values[0], "k/x.yml": secret})

    config = "version: 3\nprojects: [{dir: p}]\n"

    def everything(self):
        """All bytes that this server wrote: database, logs, events, results; without git's objects and trees."""
        for here, folders, files in os.walk(self.server.data):
            folders[:] = [f for f in folders if f not in ("trees", "mirror.git", "objects") and not f.endswith(".git")]
            for name in filter(lambda name, here=here: os.path.isfile(os.path.join(here, name)), files):
                with open(os.path.join(here, name), "rb") as stream:
                    yield os.path.join(here, name), stream.read()


def case_on_a_server(_lab):
    """The comment says where, the gate stays shut, and the values stand nowhere."""
    values = [token(), "".join(LUCK.choices(string.ascii_letters, k=24))]
    with Place(values) as place:
        comment = place.comments()[0]
        for part in ("2 secrets in plain text", "`conf/app.env:2` github-token", "`k/x.yml:5` kubernetes-secret"):
            assert part in comment, (part, comment)
        place.approve()
        run, comment = place.say("sluice apply")
        expect(run["kind"], "plan", comment)
        assert "**Not applied**" in comment and "plaintext secrets" in comment, comment
        told = " ".join(place.comments())
        seen = 0
        for path, data in place.everything():
            seen += 1
            for value in values:
                assert value not in told and value.encode() not in data, path
        assert seen > 5, "nothing was searched"


class LetPass(Place):
    config = """version: 3
projects: [{dir: p, checks: [secrets]}]
checks: {secrets: {skip_needs: {team: security}}}
"""


def case_what_is_none_is_let_pass(_lab):
    """By the people whom the base branch names, and by nobody else."""
    with LetPass([token(), "aaBBccDDeeFF"]) as place:
        place.approve("bob")
        run, comment = place.say("sluice apply")
        assert "plaintext secrets \\(0 of 1 of security" in comment, comment
        expect(run["kind"], "plan", comment)
        place.approve("erin")
        run, comment = place.say("sluice apply")
        expect((run["kind"], run["state"]), ("apply", "done"), comment)


def main():
    run_cases("secrets", lab_cases(globals(), Lab))


if __name__ == "__main__":
    main()
