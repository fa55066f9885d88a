#!/usr/bin/env python3
"""Who may let what be applied: the rules of environments in a running server, and the ways around them.

    tests/integration/test_gates.py [CASE ...]

Real server, real git, stub tool, local host. Each case that is called way_NN is one of the ways around that are listed in
tests/README.md, with the guard that stops it. Results: build/report/results/gates.tsv; on stdout only what did not pass."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from one_pull import OnePull  # noqa: E402

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


class Place(OnePull):
    """The pull request is opened by `opener`; its plan is done."""

    def __init__(self, base=RULES, change=None, config="", files=None, opener="alice", more=None):
        self.opener = opener
        super().__init__("sluice-gates-", {"sluice.yaml": base, "p/main.tf": TF, "q/main.tf": TF, **(files or {})},
                         change or {"p/x.tf": TF}, more=more)
        self.serve(MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\n%s" % (STUB, config))

    def __enter__(self):
        self.start()
        for person in ("carol", "dave"):
            self.team("platform", person)
        self.open(self.opener)
        self.idle()
        return self

    def team(self, team, person, remove=False):
        self.server.must("POST", "/local/teams", {"team": team, "person": person, "remove": remove})

    def idle(self):
        return self.server.wait_idle(1)

    @staticmethod
    def until(look):
        """What it looks at, when there is something to see."""
        end = time.monotonic() + 30 * sluice.SLOWER
        while time.monotonic() < end:
            seen = look()
            if seen:
                return seen
            time.sleep(0.01)
        raise AssertionError("nothing came")

    def act(self, what, who, **more):
        super().act(what, who, **more)
        self.idle()

    def approve(self, *people):
        for who in people:
            self.act("approve", who)

    def say(self, text, who="alice"):
        self.act("comments", who, body=text)
        return self.comments()[-1]

    def comments(self):
        """As people read them: without what keeps Markdown from seeing signs."""
        return [body.replace("\\", "") for body in super().comments()]

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

    def on_main(self, files):
        """Somebody else's change is merged, and nobody tells."""
        self.push(files, branch="main", tell=False)

    def push(self, files, who="alice", force=False, author="alice", tell=True, message="more", branch="feature"):
        work = os.path.join(self.folder, "work")
        sluice.git(self.folder, "clone", "-q", "-b", branch, self.repo, work)
        old = sluice.git(work, "rev-parse", "HEAD")
        sluice.write_files(work, files)
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", message, *(["--amend"] if force else []),
                   "--author", "%s <%s@example.org>" % (author, author))
        head = sluice.git(work, "rev-parse", "HEAD")
        sluice.git(work, "push", "-q", "origin", "HEAD:refs/tmp/" + head)  # its hook tells of branches only
        sluice.git(self.repo, "update-ref", "refs/heads/" + branch, head)
        shutil.rmtree(work)
        if tell:
            self.told(old, head, who)
        return head

    def told(self, old, head, who="alice"):
        self.tell(old, head, who)
        self.idle()

    def run(self, *words):
        done = subprocess.run([os.path.join(self.server.build, "sluice"), *words, "--data", self.server.data],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        assert done.stdout or done.returncode == 0, (done.returncode, done.stderr)
        return done.returncode, done.stdout

    def gates(self, *words):
        """`sluice gates`: exit code and answer."""
        code, text = self.run("gates", "r#1", "--json", *words)
        return code, json.loads(text)


# ---- before a plan ----

def case_plan_requirements():
    """What the base asks for before a plan is made holds, whatever the pull request makes of it; others are planned."""
    base = "version: 3\nprojects:\n- {name: p, dir: p%s}\n- {name: q, dir: q}\n"
    change = {"p/x.tf": TF, "q/x.tf": TF, "sluice.yaml": base % ""}
    with Place(base % ", plan_requirements: [approved, undiverged]", change) as place:
        plan = place.plan_comment()
        assert "before it is planned must hold: approved (0 of 1)" in plan and "1 ready, 1 not planned" in plan, plan
        assert "`sluice plan` when it holds" in plan, plan
        place.refused("alice", "the plan of p did not succeed")
        place.approve("alice")
        place.say("sluice plan")
        assert "must hold: approved (0 of 1)" in place.plan_comment(), "who wrote it asks for its plan"
        place.approve("bob")
        place.say("sluice plan")
        assert "2 ready" in place.plan_comment(), place.plan_comment()
        place.refused("alice", "one approval of this plan is needed")
        place.approve("bob")
        place.applies(text="sluice apply -p p")
        place.push({"p/y.tf": TF})
        assert "must hold: approved (0 of 1)" in place.plan_comment(), "an approval of another head"


def case_approved_as_atlantis_reads_it():
    """The host's word binds to no plan; ours is later than the plan."""
    for compat, why in (("", "one approval of this plan is needed"), (", compat: atlantis", None)):
        with Place("version: 3\nprojects: [{name: p, dir: p}]\n", config="repos: [{id: /.*/, apply_requirements: [approved]%s}]\n" % compat) as place:
            place.refused("alice", why or "the host does not count it as approved")
            place.approve("bob")
            place.say("sluice plan")
            if why:
                place.refused("alice", why)
            else:
                place.applies()


def case_silence():
    """Nothing is said while it goes well; what fails, and what somebody asks for, is told."""
    config = "repos: [{id: /.*/, silence_pr_comments: [plan, apply]}]\n"
    with Place("version: 3\nprojects: [{name: p, dir: p}]\n", config=config) as place:
        spoken = lambda: [body.split(":")[1] for body in place.comments() if body.startswith("<!-- sluice:")]  # noqa: E731
        assert place.runs("plan")[0]["state"] == "done" and spoken() == [], place.comments()
        assert "sluice/plan" in [one["context"] for one in place.server.must("GET", "/local/pulls/1")["statuses"]]
        place.refused("alice", "one approval of this plan is needed")
        place.approve("bob")
        before = spoken()
        place.server.must("POST", "/local/pulls/1/comments", {"as": "alice", "body": "sluice apply"})
        assert [run["state"] for run in place.runs("apply")] == ["done"] and place.applied() == 1 and spoken() == before, place.comments()
        place.say("sluice plan")
        assert spoken()[-1] == "plan", "it was asked for"
        place.push({"p/main.tf": "# stub: fail=plan\n"})
        assert "1 failed" in place.plan_comment(), place.plan_comment()


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


OWNED = ONE.replace("{count: 1}", "{count: 1, from: {codeowners: true}}")
OWNERS = "* @zoe\n/p/ @acme/platform\n/p/x.tf @bob @erin\n/q/ @frank\n"


def case_owners_by_the_base_branch():
    files = {"CODEOWNERS": OWNERS}
    change = {"p/x.tf": TF, "p/y.tf": TF, "CODEOWNERS": "* @alice @dave\n"}  # the head names its own, which nobody reads
    with Place(OWNED, change, files=files) as place:
        place.approve("frank")
        place.refused("alice", "two-eyes (0 of 1 of acme/platform or zoe or bob or erin; 1 more of zoe (line 1 of CODEOWNERS); "
                               "1 more of bob or erin (line 3 of CODEOWNERS); 1 more of acme/platform (line 2 of CODEOWNERS))")
        place.approve("erin", "carol")
        place.refused("alice", "two-eyes (2 of 1 of acme/platform or zoe or bob or erin: erin, carol; 1 more of zoe (line 1 of CODEOWNERS))")
        place.approve("zoe")
        place.applies()


def case_owners_that_nobody_named():
    with Place(OWNED) as place:
        place.approve("bob", "carol")
        place.refused("alice", "the base branch has no CODEOWNERS")
    with Place(OWNED, files={"CODEOWNERS": "/q/ @zoe\n"}) as place:  # of other files: one approval, of anybody
        place.refused("alice", "two-eyes (0 of 1)")
        place.approve("bob")
        place.applies()


def case_undiverged():
    config = "repos:\n- id: /.*/\n  apply_requirements: [undiverged, mergeable]\n"
    with Place(ONE, config=config) as place:
        place.approve("bob")
        place.on_main({"README": "x\n"})
        place.refused("alice", "undiverged (the base branch has moved since the plan; plan again)")
        place.say("sluice plan")
        place.approve("bob")
        place.applies()


def case_gates_are_explained_and_foretold():
    with Place() as place:
        code, gate = place.gates()
        assert code == 1 and not gate["open"] and gate["rules"][0]["text"] == "0 of 2; 1 more of platform", gate
        place.approve("bob", "alice")
        code, gate = place.gates()
        votes = {vote["person"]: vote["why"] for vote in gate["votes"]}
        assert votes == {"bob": "counted", "alice": "author"}, votes
        assert place.gates("--what-if", "approve=erin")[1]["missing"].endswith("1 more of platform)")
        code, foretold = place.gates("--what-if", "approve=carol")
        assert code == 0 and foretold["open"] and foretold["not_by"] == "bob, carol", foretold
        assert place.gates()[0] == 1, "what if changed something"
        place.refused("alice", "two-eyes (1 of 2: bob; 1 more of platform)")
        place.approve("carol")
        assert place.gates() == (0, foretold), (place.gates(), foretold)
        place.applies()


# ---- break-glass ----

def case_break_glass():
    """By whom the base names, with another of them, of this plan alone; loud, and open until somebody else looked at it."""
    glass = "    break_glass: {user: [zoe, %s]%s}\nprojects:"
    base = RULES.replace("projects:", glass % ("yan", "") + "\n- {name: q, dir: q}")
    mine = RULES.replace("projects:", glass % ("alice", ", second: false") + "\n- {name: q, dir: q}")
    burns = "sluice apply -p p --break-glass 'the shop <b>burns</b>'"
    with Place(base, {"p/x.tf": TF, "q/x.tf": TF, "sluice.yaml": mine}) as place:
        place.refused("alice", "alice: is not one of zoe or yan", burns)
        assert "--break-glass needs a value" in place.say("sluice apply --break-glass ' '", "zoe")
        place.refused("zoe", "second person for p does not hold: 0 of 1 of zoe or yan", burns)
        place.approve("zoe", "bob")
        place.refused("zoe", "0 of 1 of zoe or yan", burns)
        place.refused("zoe", "its environment names nobody for it", "sluice apply -p q --break-glass x")
        place.approve("yan")
        place.push({"p/y.tf": TF})
        place.refused("zoe", "0 of 1 of zoe or yan", burns)
        place.approve("yan")
        assert place.run("audit", "follow-ups") == (0, "")
        place.applies("zoe", burns)
        said = [text for text in place.comments() if "sluice:apply:" in text][-1]
        assert "**Break-glass** by zoe, whatever the rules say: the shop &lt;b&gt;burns" in said, said
        assert "reviewed \"WHAT YOU FOUND\"" in said and "by break-glass: applied 1 of 1" in said, said
        pull = place.server.must("GET", "/local/pulls/1")
        assert "break-glass" in pull["labels"], pull
        assert any("break-glass" in one["description"] for one in pull["statuses"]), pull["statuses"]
        code, text = place.run("audit", "follow-ups")
        assert code == 1 and "r#1  zoe: the shop <b>burns</b>" in text, text
        assert "who broke the glass does not review it" in place.say("sluice reviewed 'all good'", "zoe")
        place.act("merge", "alice")
        place.say("sluice reviewed 'the disk was full'", "bob")
        assert place.run("audit", "follow-ups") == (0, "")
        rows = {row["kind"]: row for row in place.server.must("GET", "/api/audit")}
        assert rows["break-glass reviewed"]["actor"] == "bob" and "disk was full" in str(rows["break-glass reviewed"]["detail"])
        evidence = rows["apply ended"]["detail"]["evidence"]
        assert evidence["break_glass"] == "the shop <b>burns</b>" and evidence["result"] == "done", evidence
        answers = {one["name"]: one["answer"] for one in rows["apply started"]["detail"]["evidence"]["gate"]["rules"]}
        assert answers["two-eyes"] == "fails" and answers["break-glass"] == "holds", answers
        report = place.run("audit", "report", "--from", "yesterday", "--to", "2100-01-01 00:00 UTC")[1]
        assert "## Break-glass" in report and "because: the shop" in report and "## Not looked at yet" in report, report


# ---- merging, on the embedded host ----

MERGES = "defaults: {automerge: true, merge_method: %s}\nrepos: [{id: /.*/, delete_source_branch_on_merge: %s}]\n"


def case_merged_by_itself():
    for method, parents, subject in (("merge", 2, "%s (#1)"), ("squash", 1, "%s (#1)"), ("rebase", 1, "two")):
        with Place(ONE, config=MERGES % (method, "true")) as place:
            place.push({"p/y.tf": TF}, message="one")
            place.push({"p/z.tf": TF}, message="two")
            head = sluice.git(place.repo, "rev-parse", "feature")
            place.on_main({"README": "x\n"})
            place.approve("bob")
            place.say("sluice apply")
            deadline = time.monotonic() + 20 * sluice.SLOWER
            while sluice.git(place.repo, "for-each-ref", "refs/heads/feature") and time.monotonic() < deadline:
                time.sleep(0.02)
            place.idle()
            pull = place.server.must("GET", "/local/pulls/1")
            top = sluice.git(place.repo, "rev-list", "--parents", "-1", "main").split()
            assert (pull["state"], pull["merged_by"], pull["merge_commit"]) == ("merged", "sluice", top[0]), (method, pull, place.comments()[-1])
            assert len(top) - 1 == parents and sluice.git(place.repo, "log", "-1", "--format=%s", "main") == subject.replace("%s", pull["title"]), (method, top)
            assert sluice.git(place.repo, "diff", "--name-only", head, "main") == "README", method
            assert place.server.must("GET", "/api/pulls")[0]["state"] == "merged", method
            assert not sluice.git(place.repo, "for-each-ref", "refs/heads/feature"), method


def case_only_what_was_applied_is_merged():
    with Place(ONE, config=MERGES % ("squash", "true")) as place:
        place.approve("bob")
        place.push({"p/y.tf": TF}, tell=False)  # after the plan, and its hook was not heard
        before = sluice.git(place.repo, "rev-parse", "main")
        assert "Not merged" in place.say("sluice apply") and "newer push" in place.comments()[-1], place.comments()[-1]
        assert sluice.git(place.repo, "rev-parse", "main") == before and place.applied() == 1
        assert sluice.git(place.repo, "for-each-ref", "refs/heads/feature"), "what was pushed is gone"


# ---- ways around: approvals and their freshness ----

def way_01_an_approval_survives_a_push():
    with Place(ONE) as place:
        place.approve("bob")
        place.push({"p/y.tf": TF})
        place.refused("alice", "two-eyes (0 of 1)")
        assert "before this plan" in place.plan_comment(), place.plan_comment()


def way_02_an_approval_is_anchored_anew_by_a_force_push():
    with Place(ONE) as place:
        place.approve("bob")
        place.push({"p/x.tf": TF + "# other\n"}, force=True)
        place.refused("alice", "two-eyes (0 of 1)")
        # and back to the very head that was approved: a newer plan, which nobody has approved
        old = sluice.git(place.repo, "rev-parse", "feature")
        first = [run["head"] for run in place.runs("plan")][-1]
        sluice.git(place.repo, "update-ref", "refs/heads/feature", first)
        place.told(old, first)
        place.refused("alice", "two-eyes (0 of 1)")


def way_03_an_approval_that_was_withdrawn_or_overtaken():
    with Place(ONE) as place:
        place.approve("bob")
        place.act("request-changes", "bob")
        place.refused("alice", "bob asked for changes")
        place.act("dismiss", "bob", reviewer="bob")
        place.refused("alice", "two-eyes (0 of 1)")


def way_04_many_words_hide_the_last():
    with Place(ONE) as place:
        for i in range(120):
            place.server.must("POST", "/local/pulls/1/approve", {"as": "p%d" % i})
        place.act("request-changes", "zed")
        place.refused("alice", "zed asked for changes")


def way_05_the_author_approves():
    with Place(ONE) as place:
        place.approve("alice")
        place.refused("alice", "two-eyes (0 of 1)")
        place.refused("bob", "two-eyes (0 of 1)")
    with Place(ONE, opener="olga") as place:  # who neither wrote nor pushed what stands there now
        place.push({"p/y.tf": TF})
        place.approve("olga")
        place.refused("alice", "two-eyes (0 of 1)")


def way_06_a_committer_approves():
    with Place(ONE) as place:
        place.push({"p/y.tf": TF}, who="alice", author="walter", message="x\n\nCo-authored-by: Cora <7+cora@users.example>")
        place.approve("walter", "cora")
        place.refused("alice", "two-eyes (0 of 1)")
        place.push({"p/z.tf": TF}, who="paula")
        place.approve("paula")
        place.refused("alice", "two-eyes (0 of 1)")


def way_07_who_started_it_approves():
    with Place(ONE) as place:
        place.approve("bob")
        place.refused("bob", "two-eyes (0 of 1)")
        place.applies("alice")


def way_08_a_bot_approves():
    with Place(ONE) as place:
        place.server.must("POST", "/local/people", {"name": "robot", "is_bot": True})
        place.approve("robot")
        place.refused("alice", "two-eyes (0 of 1)")


def way_09_a_reader_approves_or_commands():
    with Place(ONE) as place:
        place.server.must("POST", "/local/people", {"name": "eve", "may_write": False})
        place.approve("eve")
        place.refused("alice", "two-eyes (0 of 1)")
        place.approve("bob")
        count = len(place.comments())
        place.say("sluice apply", "eve")
        assert place.applied() == 0 and len(place.comments()) == count + 1, place.comments()
        # who may no longer write when it is applied
        place.server.must("POST", "/local/people", {"name": "bob", "may_write": False})
        time.sleep(3.2)  # longer than what the host said is good for
        place.refused("alice", "two-eyes (0 of 1)")


def way_10_a_command_in_a_quote_or_an_edit():
    with Place(ONE) as place:
        place.approve("bob")
        for text in ("> sluice apply", "```\nsluice apply\n```", "please\nsluice apply", "\u00a0\u200bsluice apply",
                     "<!-- -->\nsluice apply", "    sluice apply"):
            place.say(text)
            assert place.applied() == 0, text


def way_11_another_folder_after_the_approval():
    with Place(ONE) as place:
        place.approve("bob")
        answer = place.say("sluice apply -- -var=x=1")
        assert "takes no extra arguments" in answer and place.applied() == 0, answer
        place.say("sluice plan -d q")
        place.refused("alice", "two-eyes (0 of 1)")


def way_12_a_plan_of_a_project_that_was_dropped():
    with Place(ONE, {"p/x.tf": TF, "q/x.tf": TF}) as place:
        place.push({"p/x.tf": "", "q/x.tf": TF})
        place.approve("bob")
        place.push({"p/main.tf": TF, "q/y.tf": TF})
        place.refused("alice", "does not hold")


def way_13_part_of_it_is_green():
    """The status that guards a branch is green when nothing is left, whatever ended well meanwhile."""
    with Place(ONE + "- {name: q, dir: q}\n", {"p/x.tf": TF, "q/main.tf": "# stub: fail=plan\n"}) as place:
        def status():
            return {one["context"]: one["state"] for one in place.server.must("GET", "/local/pulls/1")["statuses"]
                    if one.get("head", "") in ("", place.runs("plan")[0]["head"])}.get("sluice/apply")

        place.approve("bob")
        place.applies(text="sluice apply -p p")
        assert status() == "pending", status()
        place.push({"q/main.tf": "# stub: create=2\n"})
        assert status() != "success", status()
        place.approve("bob")
        place.applies(text="sluice apply -p q")
        assert status() == "pending", status()
        place.applies(text="sluice apply -p p")
        assert status() == "success", status()


def way_14_a_late_plan_replaces_the_newer():
    """The tool of an older head ends after that of the newer one has: nothing of it is shown as the plan, or applied."""
    slow = {"p/main.tf": "# stub: sleep=2500 ignore-sigint ignore-sigterm create=7\n"}
    with Place(ONE, {"q/x.tf": TF}) as place:
        place.push(slow, tell=False)
        old = sluice.git(place.repo, "rev-parse", "feature~1")
        slow_head = sluice.git(place.repo, "rev-parse", "feature")
        place.server.must("POST", "/local/push", {"repo": "r", "pusher": "alice", "refs": [
            {"ref": "refs/heads/feature", "old": old, "new": slow_head}]})
        place.until(lambda: any(run["state"] == "working" for run in place.server.must("GET", "/api/runs")))
        place.push({"p/main.tf": "# stub: create=2\n"})
        place.approve("bob")
        assert "| 2 create |" in place.plan_comment() and "7 create" not in place.plan_comment(), place.plan_comment()
        place.applies()
        states = {run["head"]: run["state"] for run in place.runs("plan")}
        assert states[slow_head] == "superseded", states


def way_15_a_plan_is_applied_twice():
    with Place(ONE) as place:
        place.approve("bob")
        place.applies()
        answer = place.say("sluice apply")
        assert "nothing is left to apply" in answer and place.applied() == 1, answer


def way_16_the_head_moves_between_the_word_and_the_apply():
    """What was approved and asked for, and has not begun when a push comes, does not begin."""
    base = ONE.replace("projects:", "projects:\n- {name: q, dir: q, execution_order_group: 1}")
    slow = "# stub: create=1 sleep=2000\n"
    with Place(base, {"p/main.tf": slow, "q/x.tf": TF}) as place:
        place.approve("bob")
        place.server.must("POST", "/local/pulls/1/comments", {"as": "alice", "body": "sluice apply"})

        def jobs():
            return {job["project"]: job["state"] for run in place.server.must("GET", "/api/runs") if run["kind"] == "apply"
                    for job in place.server.must("GET", "/api/runs/%d" % run["id"])["jobs"]}

        place.until(lambda: jobs().get("p") == "running" and jobs()["q"] == "held")
        place.push({"README": "x\n"})
        assert jobs() == {"p": "done", "q": "refused"}, jobs()
        assert any("a newer push or plan came" in text for text in place.comments()), place.comments()[-1]


def way_17_a_plan_from_before_a_merge():
    """Who waited for a lock is planned again, of the base with what the one before merged."""
    with Place(ONE, change={"p/main.tf": "# stub: create=3\n"}, more={"second": {"p/y.tf": TF}}) as place:
        place.server.must("POST", "/local/pulls", {
            "repo": "r", "title": "t", "head_ref": "second", "base_ref": "main", "as": "erin"})

        def of_second(is_done):
            def look():
                said = [c["body"].replace("\\", "") for c in place.server.must("GET", "/local/pulls/2")["comments"]]
                return said and is_done(said[-1])
            place.until(look)

        of_second(lambda text: "waits for #1 by alice, 1st in the queue" in text)
        assert [(one["pull"], one["place"]) for one in place.server.must("GET", "/api/locks")] == [(1, 0), (2, 1)]
        sluice.git(place.repo, "update-ref", "refs/heads/main", "refs/heads/feature")
        place.server.must("POST", "/local/pulls/1/merge", {"as": "alice"})
        of_second(lambda text: "| 3 create |" in text)  # what main says now
        assert [one["pull"] for one in place.server.must("GET", "/api/locks")] == [2]


def way_17_the_base_changes_what_was_planned():
    """A plan is of the files it was made of: what else moves on the base branch is no matter, and other projects go on."""
    base = "version: 3\nprojects:\n- {name: p, dir: p, autoplan: {when_modified: ['*.tf'], enabled: false}}\n" \
           "- {name: q, dir: q}\n"
    uses = TF + 'module "m" {\n  source = "../m"\n}\n'
    with Place(base, {"p/x.tf": uses, "q/x.tf": uses}, files={"m/main.tf": TF}) as place:
        def planned():
            place.say("sluice plan -p p")
            place.say("sluice plan -p q")
            place.approve("bob")

        planned()
        place.on_main({"README": "x\n", "p/notes.txt": "x\n", "other/main.tf": TF})
        place.applies(text="sluice apply -p p")
        for files, why in (({"m/main.tf": TF + "# newer\n"}, "uses m, where m/main.tf changed"),
                           ({"sluice.yaml": base + "# newer\n"}, "sluice.yaml changed"),
                           ({"p/main.tf": TF + "# newer\n"}, "p/main.tf changed")):
            planned()
            place.on_main(files)
            before = place.applied()
            answer = place.say("sluice apply")
            others = 1 if "p/main.tf" in files else 0
            assert place.applied() == before + others and "refused" in answer, answer
            assert "since its plan (%s): plan again." % why in answer, answer
        planned()
        place.applies(text="sluice apply -p p")
        assert any("the base branch moved: p/main.tf changed" in str(row["detail"])
                   for row in place.server.must("GET", "/api/audit") if row["kind"] == "apply refused")


def way_18_a_rule_of_the_pull_request_replaces_one_of_the_base():
    loose = RULES.replace("count: 2, including: [{team: platform, count: 1}]", "count: 1").replace(
        "      require", "      exclude: []\n      require")
    with Place(RULES, {"p/x.tf": TF, "sluice.yaml": loose}) as place:
        place.approve("bob", "alice")
        place.refused("alice", "two-eyes (1 of 2: bob; 1 more of platform)")


def way_19_the_pull_request_names_another_environment():
    other = RULES.replace("environment: live}", "environment: free}").replace(
        "environments:", "environments:\n  free: {approvals: [{name: mine, exclude: [], require: {count: 1}}]}")
    with Place(RULES, {"p/x.tf": TF, "sluice.yaml": other}) as place:
        place.approve("alice")
        place.refused("alice", "does not hold")
    bare = "version: 3\nprojects:\n- {name: p, dir: p}\n"
    loose = "version: 3\nenvironments: {e: {approvals: [{name: mine, exclude: [], require: {count: 1}}]}}\n" \
            "projects:\n- {name: p, dir: p, environment: e}\n"
    with Place(bare, {"p/x.tf": TF, "sluice.yaml": loose}) as place:
        place.approve("alice")
        place.refused("alice", "one approval of this plan is needed")


def way_28_an_import_goes_past_the_rules():
    config = "commands: {allowed: [plan, apply, import, state]}\n"
    with Place(ONE + "- {name: q, dir: q, owners: [bob]}\n", {"p/x.tf": TF, "q/x.tf": TF}, config) as place:
        answer = place.say("sluice state rm -p p x.y")
        assert "Not removed" in answer and "two-eyes (0 of 1)" in answer, answer
        answer = place.say("sluice state rm -p q x.y")
        assert "Not removed" in answer and "owners (0 of 1 of bob)" in answer, answer


def way_30_a_member_who_left_still_counts():
    with Place() as place:
        place.approve("bob", "carol")
        assert place.gates()[1]["open"]
        place.team("platform", "carol", remove=True)
        time.sleep(3.2)
        place.refused("alice", "2 of 2: bob, carol; 1 more of platform")
    unknown = RULES.replace("team: platform", "team: nobody-named-it")
    with Place(unknown) as place:
        place.approve("bob", "carol")
        place.refused("alice", "1 more of nobody-named-it, of which nobody can say who is in it")


def way_32_nobody_learns_why_an_approval_does_not_count():
    with Place(ONE) as place:
        place.server.must("POST", "/local/people", {"name": "eve", "may_write": False})
        place.server.must("POST", "/local/people", {"name": "robot", "is_bot": True})
        place.approve("alice", "eve", "robot")
        text = place.plan_comment()
        assert "Not counted: alice (author), eve (cannot write here), robot (bot)." in text, text


class Records:
    """The rows of a running server, changed behind its back as somebody with its file could."""

    def __init__(self, place):
        self.base = sqlite3.connect(os.path.join(place.server.data, "sluice.db"), timeout=20, isolation_level=None)
        self.base.execute("DROP TRIGGER IF EXISTS plan_set_kept")

    WHERE = {"plan_set": "run = ?", "run": "id = ?", "job": "run = ? AND op = 2"}

    def row(self, table, run):
        cursor = self.base.execute("SELECT * FROM %s WHERE %s" % (table, self.WHERE[table]), (run,))
        return dict(zip((column[0] for column in cursor.description), cursor.fetchone()))

    def put(self, table, run, values):
        names = ", ".join("%s = ?" % name for name in values)
        self.base.execute("UPDATE %s SET %s WHERE %s" % (table, names, self.WHERE[table]), (*values.values(), run))


def other_plan(row):
    """The plan set as it would be with other bytes of the plan, its digest made anew."""
    body = row["body"].replace('"plan":"', '"plan":"0')
    assert body != row["body"], body
    return {"body": body, "digest": hashlib.sha256(body.encode()).hexdigest()}


# table, what of its row is changed, what people are told
CHANGED = [
    ("plan_set", other_plan, "its seal is broken"),
    ("plan_set", lambda row: {"expires_ms": row["expires_ms"] + 1}, "its seal is broken"),
    ("plan_set", lambda row: {"head": "0" * 40}, "its seal is broken"),
    ("plan_set", lambda row: {"seal": row["seal"][:-1] + ("1" if row["seal"][-1] == "0" else "0")}, "its seal is broken"),
    ("plan_set", lambda row: {"seal": ""}, "has no seal"),
    ("plan_set", lambda row: {"seal": "0" * 16 + row["seal"][16:]}, "seal of another server"),
    ("run", lambda row: {"tree": "0" * 40}, "not what was written down"),
    ("run", lambda row: {"base": "0" * 40}, "not what was written down"),
    ("job", lambda row: {"summary": row["summary"].replace('"create":', '"create":1')}, "not what was written down"),
    ("job", lambda row: {"summary": row["summary"].replace('"commit"', '"commands"')}, "not what was written down"),
    ("job", lambda row: {"plan_blob": "0" * 64}, "not what was written down"),
    ("job", lambda row: {"guard": ""}, "not what was written down"),
]


def way_33_what_was_written_down_is_changed():
    with Place(ONE) as place:
        first = place.runs("plan")[0]["id"]
        records = Records(place)
        old = records.row("plan_set", first)
        place.say("sluice plan")
        run = place.runs("plan")[0]["id"]
        assert run != first, "planned again"
        place.approve("bob")
        swapped = {name: old[name] for name in ("head", "body", "digest", "created_ms", "expires_ms", "seal")}
        for table, change, why in [("plan_set", lambda row: swapped, "its seal is broken")] + CHANGED:
            kept = records.row(table, run)
            changed = change(kept)
            assert any(kept[name] != value for name, value in changed.items()), (table, changed)
            records.put(table, run, changed)
            place.refused("alice", why)
            records.put(table, run, {name: kept[name] for name in changed})
        place.applies()


def way_34_the_record_is_of_another_server():
    with Place(ONE) as place:
        key = os.path.join(place.server.data, "plans.key")
        assert os.stat(key).st_mode & 0o7777 == 0o600
        place.approve("bob")
        place.server.stop()
        os.rename(key, key + ".kept")
        place.server.start()
        place.refused("alice", "seal of another server, or of a key that is gone: plan again")
        place.server.stop()
        os.chmod(key, 0o640)
        place.server.start(wait=False)
        assert place.server.process.wait(20) != 0
        assert "others may read the key" in place.server.log_text(), place.server.log_text()[-500:]
        os.rename(key + ".kept", key)
        place.server.start()
        place.applies()


def main():
    sluice.run_cases("gates", sluice.named_cases(globals()) + sluice.named_cases(globals(), "way_"))


if __name__ == "__main__":
    main()
