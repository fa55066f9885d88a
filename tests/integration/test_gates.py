#!/usr/bin/env python3
"""Who may let what be applied: the rules of environments in a running server, and the ways around them.

    tests/integration/test_gates.py [CASE ...]

Real server, real git, stub tool, local host. Each case that is called way_NN is one of the ways around that are listed in
tests/README.md, with the guard that stops it. Results: build/report/results/gates.tsv; on stdout only what did not pass."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
TF = "# stub: create=1\n"
RULES = """version: 3
environments:
  live:
    approvals:
    - name: two-eyes
      require: {count: 2, including: [{team: platform, count: 1}]}
projects:
- {name: p, dir: p, environment: live}
"""
ONE = RULES.replace("count: 2, including: [{team: platform, count: 1}]", "count: 1")


class Place:
    """A server on a repository with one open pull request, number 1, by alice."""

    def __init__(self, base=RULES, change=None, config="", files=None):
        self.folder = tempfile.mkdtemp(prefix="sluice-gates-")
        self.repo = os.path.join(self.folder, "repo.git")
        sluice.make_repository(self.repo, {"sluice.yaml": base, "p/main.tf": TF, "q/main.tf": TF, **(files or {})},
                               {"feature": change or {"p/x.tf": TF}})
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE,
                                    "listen: 127.0.0.1:0\ntools: {terraform: %s}\n%s" % (STUB, config))

    def __enter__(self):
        self.server.start()
        self.server.must("POST", "/local/repos", {"name": "r", "import": self.repo})
        for person in ("carol", "dave"):
            self.team("platform", person)
        self.server.must("POST", "/local/pulls", {
            "repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "alice"})
        self.idle()
        return self

    def __exit__(self, *_):
        self.server.stop()
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def team(self, team, person, remove=False):
        self.server.must("POST", "/local/teams", {"team": team, "person": person, "remove": remove})

    def idle(self):
        return self.server.wait_idle(1)

    def act(self, what, who, **more):
        self.server.must("POST", "/local/pulls/1/" + what, {"as": who, **more})
        self.idle()

    def approve(self, *people):
        for who in people:
            self.act("approve", who)

    def say(self, text, who="alice"):
        self.act("comments", who, body=text)
        return self.comments()[-1]

    def comments(self):
        """As people read them: without what keeps Markdown from seeing signs."""
        return [c["body"].replace("\\", "") for c in self.server.must("GET", "/local/pulls/1")["comments"]]

    def plan_comment(self):
        return [body for body in self.comments() if "sluice:plan:" in body][-1]

    def runs(self, kind):
        return [run for run in self.idle() if run["kind"] == kind]

    def applied(self):
        """How often something was applied."""
        jobs = [job for run in self.runs("apply") for job in self.server.must("GET", "/api/runs/%d" % run["id"])["jobs"]]
        return len([job for job in jobs if job["op"] == "apply" and job["state"] == "done"])

    def refused(self, who, why, text="sluice apply"):
        answer = self.say(text, who)
        assert "Not applied" in answer and why in answer, answer
        assert self.applied() == 0, "it was applied"
        return answer

    def applies(self, who="alice", text="sluice apply"):
        before = self.applied()
        self.say(text, who)
        assert self.applied() > before, self.comments()[-1]

    def push(self, files, who="alice", force=False, author="alice", tell=True, message="more"):
        work = os.path.join(self.folder, "work")
        sluice.git(self.folder, "clone", "-q", "-b", "feature", self.repo, work)
        old = sluice.git(work, "rev-parse", "HEAD")
        sluice.write_files(work, files)
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", message, *(["--amend"] if force else []),
                   "--author", "%s <%s@example.org>" % (author, author))
        sluice.git(work, "push", "-q", "--no-verify", *(["-f"] if force else []), "origin", "feature")
        head = sluice.git(work, "rev-parse", "HEAD")
        shutil.rmtree(work)
        if tell:
            self.told(old, head, who)
        return head

    def told(self, old, head, who="alice"):
        self.server.must("POST", "/local/push", {"repo": "r", "pusher": who, "refs": [
            {"ref": "refs/heads/feature", "old": old, "new": head}]})
        self.idle()


# ---- rules ----

def case_two_of_which_one_of_a_team():
    with Place() as place:
        text = place.plan_comment()
        assert "two-eyes" in text and "0 of 2; 1 more of platform" in text and "apply`" not in text, text
        place.refused("alice", "two-eyes (0 of 2; 1 more of platform)")
        place.approve("bob", "erin")
        place.refused("alice", "2 of 2: bob, erin; 1 more of platform")
        place.approve("carol")
        text = place.plan_comment()
        assert "**Ready.** Comment `sluice apply`" in text and "| yes | 3 of 2: bob, erin, carol |" in text, text
        place.applies()
        audit = [row for row in place.server.must("GET", "/api/audit") if row["kind"] == "apply started"]
        assert len(audit) == 1 and "approved by bob, erin, carol" in str(audit[0]["detail"]), audit


def case_no_rule_matches():
    base = RULES.replace("      require", "      if: {paths: [q/**]}\n      require")
    with Place(base) as place:
        place.approve("bob", "carol", "dave")
        place.refused("alice", "no rule of the environment is meant for this change")


def case_production_without_rules():
    base = "version: 3\nprojects:\n- {name: p, dir: p, environment: production}\nenvironments: {production: {}}\n"
    with Place(base) as place:
        place.approve("bob")
        place.refused("alice", "1 of 2: bob; 1 more of platform")
        place.approve("carol")
        place.refused("bob", "1 of 2: carol")
        assert "somebody else than bob, carol" in place.plan_comment(), place.plan_comment()
        place.applies("alice")


def case_what_the_plan_does():
    base = RULES.replace("      require: {count: 2", "      require: {count: 1").replace(
        "projects:", "    - name: many\n      if: {plan: {any_action: [create], more_than: 1}}\n"
                     "      require: {count: 2}\nprojects:")
    with Place(base) as place:
        place.approve("carol")
        assert "| live: many | p | not asked |" in place.plan_comment(), place.plan_comment()
        place.push({"p/main.tf": "# stub: create=3\n", "p/x.tf": ""})
        place.approve("carol")
        place.refused("alice", "many (1 of 2: carol)")
        place.approve("bob")
        place.applies()


def case_a_freeze():
    base = ONE.replace("projects:", "    freeze: [{cron: '* * * * *', for: 2h, reason: always}]\nprojects:")
    with Place(base) as place:
        place.approve("bob")
        place.refused("alice", "freeze always (nothing is applied until ")


def case_owners_of_a_project():
    base = ONE.replace("environment: live}", "environment: live, owners: ['@platform', zoe]}")
    with Place(base) as place:
        place.approve("bob")
        place.refused("alice", "owners (0 of 1 of platform or zoe)")
        place.approve("zoe")
        place.applies()


def case_undiverged():
    config = "repos:\n- id: /.*/\n  apply_requirements: [undiverged, mergeable]\n"
    with Place(ONE, config=config) as place:
        place.approve("bob")
        work = os.path.join(place.folder, "main")
        sluice.git(place.folder, "clone", "-q", "-b", "main", place.repo, work)
        sluice.write_files(work, {"README": "x\n"})
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", "on main")
        sluice.git(work, "push", "-q", "--no-verify", "origin", "main")
        place.refused("alice", "undiverged (the base branch has moved since the plan; plan again)")
        place.say("sluice plan")
        place.approve("bob")
        place.applies()


def main():
    sluice.run_cases("gates", sluice.named_cases(globals()) + sluice.named_cases(globals(), "way_"))


if __name__ == "__main__":
    main()
