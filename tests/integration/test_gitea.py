#!/usr/bin/env python3
"""The whole loop on a Gitea and a Forgejo of our own; what holds for every host is in alike.py, and every call of ours is held
against the description that Forgejo publishes."""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import alike  # noqa: E402  (the path is set just above)
import host_lab  # noqa: E402
import sluice  # noqa: E402
import swagger  # noqa: E402
from host_lab import MERGES, ON_THE_WAY_S, TERRAFORM, TOKEN, WORKERS, applied, calls, check, has_branch, loop  # noqa: E402

DESCRIPTION = os.path.join(sluice.ROOT, "..", "shared", "corpora", "openapi", "forgejo-12.json")
JUDGED = []  # calls that were held against the description, and what it says of them


class JudgedLab(host_lab.GiteaLab):
    def end(self):
        if os.path.exists(DESCRIPTION):
            JUDGED.extend(swagger.judge(DESCRIPTION, [one for one in self.fake.calls if one["method"] != "GIT"]))
        super().end()


class ForgejoLab(JudgedLab):
    kind = "forgejo"


def lab(**named):
    return host_lab.lab(JudgedLab, **named)


def case_loop_of_both():
    if not os.path.exists(TERRAFORM):
        raise sluice.Skip("no terraform in .tools; run scripts/setup test")
    for kind in (JudgedLab, ForgejoLab):
        made = kind(tool=TERRAFORM)
        try:
            number, head = loop(made.start())
            for context in ("sluice/plan", "sluice/apply"):
                check(made.fake.status_of(made.repo, head, context) == "success", context, made.repo.statuses)
            check(made.fake.count("GIT") > 0 and len(made.ours(number)) <= 3, "git over HTTP, and few comments")
        finally:
            made.end()
    return None


def case_calls_are_few():
    with lab() as made:
        fake = made.fake
        made.wait(lambda: fake.count("GET", "/user$"))
        begin = made.mark()
        number = made.plan()
        made.check_few(begin, 3, 3, "a plan:")
        fake.review(made.repo, number, "bob")
        made.says(number, "Ready")
        begin = made.mark()
        fake.comment(made.repo, number, "alice", "apply")
        made.wait(made.applies)
        check(made.idle(number)[0]["kind"] == "apply", "nothing was applied")
        made.check_few(begin, 4, 3, "an apply:")


def case_many_projects_cost_few_calls():
    with lab(projects=50) as made:
        begin = made.mark()
        made.plan()
        made.check_few(begin, 10, 6, "a plan:")


# ---- reviews: which one it was is looked up ----

def case_a_dismissed_approval_does_not_count():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        review = fake.review(repo, number, "bob")
        made.says(number, "Ready")
        fake.dismiss(repo, number, review)
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: "withdrawn" in made.ours(number)[-1]["json"]["body"] or
                  "approval of this plan is needed" in made.ours(number)[-1]["json"]["body"])
        made.idle(number)
        check(not made.applies(), "a dismissed approval counted")
        fake.review(repo, number, "bob")  # and again: an older dismissal does not stand in its way
        made.idle(number)
        fake.comment(repo, number, "alice", "sluice apply")
        made.wait(made.applies)
        check(made.idle(number)[0]["state"] == "done", "the apply")


def case_what_is_told_is_looked_up():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        begin = len(fake.calls)
        body = {"action": "reviewed", "number": number, "repository": repo.describe(), "sender": {"login": "bob"},
                "pull_request": repo.pull_json(number), "review": {"type": "pull_request_review_approved", "content": ""}}
        fake.deliver(("pull_request_approved", "pull_request_review_approved"), body)  # no such review stands there
        made.idle(number)
        check(len(made.reads(begin)) == 2 and not made.writes(begin), "asked:", calls(fake.calls[begin:]))
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: made.writes(begin))
        made.idle(number)
        check(not made.applies(), "an approval counted that nobody gave")


# ---- who is listened to ----

def case_bad_deliveries_change_nothing():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = fake.open_pull(repo, "alice", "feature", tell=False)
        body = {"action": "opened", "number": number, "repository": repo.describe(), "sender": {"login": "alice"},
                "pull_request": repo.pull_json(number)}
        check(fake.deliver("pull_request", body, signature="0" * 64) == 401, "forged")
        check(fake.deliver("pull_request", body, signature="") == 401, "unsigned")
        check(fake.deliver("pull_request", body, kind="application/x-www-form-urlencoded") == 400, "as a form")
        check(fake.deliver("pull_request", dict(body, more="x" * (2 << 20))) in (0, 413), "too large")
        secret, fake.secret = fake.secret, "a third secret"
        check(fake.deliver("pull_request", body) == 401, "of another secret")
        fake.secret = secret
        for name in ("acme/secrets", "other/infra", "ACME/secret2"):
            there = dict(body["repository"], full_name=name)
            check(fake.deliver("pull_request", dict(body, repository=there)) == 202, "of a repository that is not served")
        check(fake.deliver("pull_request", dict(body, pull_request={"number": 1})) == 400, "without what is needed")
        check(fake.deliver(("issues", "issue_label"), {"action": "label_updated"}) == 202, "of something else")
        check(fake.deliver("push", {"ref": "refs/heads/main", "commits": []}) == 202, "how a webhook is tried")
        made.settle()
        check(made.server.must("GET", "/api/pulls") == [] and not made.writes(), "somebody was listened to", made.writes())
        fake.secret = "an older secret"
        check(fake.deliver("pull_request", body, delivery="d-1") == 202, "signed with the older secret")
        fake.secret = secret
        for delivery in ("d-1", "d-2"):
            check(fake.deliver("pull_request", body, delivery=delivery) in (200, 202), "told again as", delivery)
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 1, "runs:", made.server.must("GET", "/api/runs"))


def case_only_some_are_listened_to():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        for author in ("rita", "stranger", "planner"):
            fake.comment(repo, number, author, "plan")
            fake.review(repo, number, author)
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 1, "runs:", made.server.must("GET", "/api/runs"))
        fake.comment(repo, number, "bob", "apply")
        made.wait(lambda: "one approval of this plan is needed" in made.ours(number)[-1]["json"]["body"])
        check(not made.applies(), "somebody's word counted")


def case_forks_drafts_and_other_bases():
    with lab(settings="    drafts: false\n    forks: plan_on_command\n") as made:
        fake, repo = made.fake, made.repo
        for more in ({"fork": True}, {"agit": True}):  # whoever may read may push to refs/for/main
            foreign = fake.open_pull(repo, "stranger", "other", **more)
            made.wait(lambda: made.ours(foreign))  # pylint: disable=cell-var-from-loop
            check("fork" in made.ours(foreign)[0]["json"]["body"] and made.server.must("GET", "/api/runs") == [], more, made.ours(foreign))
            fake.change_pull(repo, foreign, "stranger", "closed", state="closed")
        draft = fake.open_pull(repo, "alice", "feature", draft=True)
        made.settle()
        check(made.server.must("GET", "/api/runs") == [], "a draft was planned")
        fake.change_pull(repo, draft, "alice", "edited", changes={"title": {"from": "WIP: a change"}}, draft=False, title="A change")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 1)
        made.idle(draft)
        fake.change_pull(repo, draft, "alice", "edited", changes={"title": {"from": "A change"}}, title="Another title")
        made.settle()
        check(len(made.server.must("GET", "/api/runs")) == 1, "a new title was planned")
        repo.git("branch", "release", "main")
        fake.change_pull(repo, draft, "alice", "edited", changes={"ref": {"from": "main"}}, base="release")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(draft)
        check("into `release`" in made.ours(draft)[-1]["json"]["body"], made.ours(draft)[-1]["json"]["body"][:200])


# ---- lists and faults ----

def case_lists_have_pages():
    with lab() as made:
        fake, repo = made.fake, made.repo
        fake.page_size_most = 7
        number = made.plan()
        for i in range(20):
            fake.review(repo, number, ("rita", "carol")[i % 2], state="commented", tell=False)
        for i in range(15):
            fake.open_pull(repo, "alice", "third", fork=True, tell=False)
        review = fake.review(repo, number, "bob")
        made.says(number, "Ready")
        check(fake.count("GET", r"/reviews\?limit=50&page=3$") == 1 and fake.count("GET", r"reviews.*page=4") == 0, calls(fake.calls))
        fake.dismiss(repo, number, review)
        made.server.kill()
        made.start()
        made.wait(lambda: "needed" in made.ours(number)[-1]["json"]["body"] or "withdrawn" in made.ours(number)[-1]["json"]["body"])
        made.wait(lambda: len(made.server.must("GET", "/api/pulls")) == 16)
        check(fake.count("GET", r"/pulls\?state=open&limit=50&page=3$") >= 1, calls(fake.calls))


def case_whatever_fails_is_done_in_the_end():
    faults = (("POST", "comments$", 502, False), ("GET", "reviews", 500, False), ("POST", "statuses", 0, True), ("PATCH", "comments", 0, True),
              ("GET", "permission", 502, False), ("POST", "reactions", 403, False))
    for some in (faults, (("POST", "comments$", 0, True), ("POST", "merge$", 0, True))):
        with lab(settings=MERGES % ("merge", "false")) as made:
            for method, pattern, status, acts in some:
                made.fake.fail(method, pattern, status, acts=acts)
            number = made.plan()
            made.fake.review(made.repo, number, "bob")
            made.fake.comment(made.repo, number, "alice", "sluice apply")
            made.wait(lambda: made.repo.pulls[number]["state"] == "merged", 60)  # pylint: disable=cell-var-from-loop
            made.idle(number)
            check(not made.fake.faults, "what was not asked for:", [one.pattern for one in made.fake.faults])
            check(len(made.ours(number)) == 2, some, "comments:", len(made.ours(number)))
            check(made.fake.status_of(made.repo, made.head(number), "sluice/apply") == "success", some)
            check(len(made.repo.git("rev-list", "refs/heads/main").split()) == 3, "merged twice")


def case_nothing_is_sent_while_barred():
    with lab() as made:
        made.wait(lambda: made.fake.count("GET", "/user$"))
        made.fake.fail(None, ".", 429, headers={"Retry-After": 3})
        number = made.plan()
        refused = next(one for one in made.fake.calls if one.get("status") == 429)
        early = [one for one in made.fake.calls if refused["at"] + ON_THE_WAY_S < one["at"] < refused["at"] + 2.9 and one["method"] != "GIT"]
        check(not early and len(made.ours(number)) == 1, "sent while barred:", calls(early))


# ---- gates ----

def case_the_rules_of_a_branch_are_looked_at():
    with lab(settings="repos: [{id: /.*/, apply_requirements: [mergeable]}]\n") as made:
        fake, repo = made.fake, made.repo
        repo.rules = {"checks": ["sluice/apply", "ci/*"], "reviews": 1}
        number = made.plan()
        fake.review(repo, number, "bob")
        made.wait(lambda: r"the required check ci/\* has not reported" in made.ours(number)[-1]["json"]["body"])
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: len(made.ours(number)) == 2 and "has not reported" in made.ours(number)[-1]["json"]["body"])
        made.idle(number)
        check(not made.applies(), "it was applied")
        repo.statuses.append({"sha": made.head(number), "context": "ci/build", "state": "success"})
        time.sleep(5)  # what was heard is good for seconds
        made.idle(number)
        fake.comment(repo, number, "alice", "sluice apply")
        made.wait(made.applies)
        check(made.idle(number)[0]["state"] == "done", "the apply")


RULES = """version: 3
environments:
  live:
    approvals: [{name: team, require: {from: {team: platform}}}]
projects: [{name: p, dir: p0, environment: live}]
"""


def case_members_of_a_team_are_looked_up():
    with lab() as made:
        fake, repo = made.fake, made.repo
        fake.teams = {"acme/platform": ["x%d" % i for i in range(60)] + ["carol"], "acme/platform-old": ["bob"]}
        made.push("main", {"sluice.yaml": RULES}, "carol")
        number = made.plan()
        fake.review(repo, number, "bob")
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: "platform" in made.ours(number)[-1]["json"]["body"] and len(made.ours(number)) > 1)
        made.idle(number)
        check(not made.applies(), "somebody who is not of the team counted")
        fake.review(repo, number, "carol")
        made.idle(number)
        fake.comment(repo, number, "alice", "sluice apply")
        made.wait(made.applies, 40)
        check(made.idle(number)[0]["state"] == "done" and fake.count("GET", r"/members\?limit=50&page=2") >= 1, calls(fake.calls[-20:]))


# ---- merging ----

def case_merges_when_all_is_applied():
    with lab(settings=MERGES % ("squash", "true")) as made:
        made.repo.rules = {"checks": ["sluice/apply"]}
        made.fake.fail("POST", "/merge$", 405, body={"message": "Please try again later"})
        number = applied(made, wait=False)
        made.wait(lambda: made.repo.pulls[number]["state"] == "merged")
        made.wait(lambda: not has_branch(made, "feature"))
        made.idle(number)
        check(made.server.must("GET", "/api/pulls")[0]["state"] == "merged", made.server.must("GET", "/api/pulls"))
        asked = [json.loads(one["body"]) for one in made.fake.calls if one["path"].endswith("/merge")]
        check(len(asked) == 2 and asked[1] == {"head_commit_id": made.head(number), "Do": "squash"}, "how it was merged:", asked)


def case_a_merge_that_is_refused_says_why():
    with lab(settings=MERGES % ("squash", "true")) as made:
        made.repo.methods = ["merge"]
        number = applied(made)
        said = made.says(number, "Not merged", 60)
        check("merge style" in said[0]["json"]["body"] and has_branch(made, "feature"), said)


# ---- setting up ----

def case_doctor_says_what_is_wrong():
    made = JudgedLab()
    try:
        def rows():
            done = subprocess.run([os.path.join(made.server.build, "sluice"), "doctor", "--json", "--server", made.server.config, "--repo",
                                   "acme/infra"], text=True, capture_output=True, check=False)
            return {one["what"].removeprefix("code.acme.test, "): one for one in json.loads(done.stdout)}
        made.repo.rules = {"checks": ["sluice/apply", "atlantis/plan"]}
        found = rows()
        check("takes us for planner" in found["code.acme.test"]["detail"], found)
        check(found["rights in acme/infra"]["ok"], found)
        check("no webhook of it" in found["webhook of acme/infra"]["detail"] and "atlantis/plan" in found["rules of acme/infra"]["detail"], found)
        made.fake.hook_urls = ["https://plan.acme.test/events/code.acme.test"]
        made.repo.rules = {"checks": ["sluice/apply"]}
        made.repo.people["planner"] = "write"
        found = rows()
        check(not found["rights in acme/infra"]["ok"] and "administrator" in found["rights in acme/infra"]["remedy"], found)
        made.repo.people["planner"] = "admin"
        found = rows()
        check(all(found[what + "acme/infra"]["ok"] for what in ("rights in ", "webhook of ", "rules of ")), found)
        del made.fake.tokens[TOKEN]
        check("the credential is not accepted" in rows()["code.acme.test"]["detail"], rows())
    finally:
        made.end()


# ---- secrets ----

def case_secrets_change_while_it_runs():
    with lab() as made:
        fake = made.fake
        made.plan()
        fake.secret = "a secret of tomorrow"
        made.write("secret", fake.secret)
        check(fake.deliver("push", {}) == 401, "the new secret, too early")
        del fake.tokens[TOKEN]
        fake.add_token("tomorrow", "planner")
        made.write("token", "tomorrow")
        made.server.must("POST", "/api/reload")
        check(fake.deliver("push", {}) == 202, "the new secret")
        number = made.plan(branch="apart")
        check(made.server.must("GET", "/api/runs")[0]["state"] == "done" and made.ours(number), "the new token")
        made.write("secret", "short")
        check(made.server.ask("POST", "/api/reload")[0] >= 400, "a secret that is none was taken")
        check(fake.deliver("push", {"ref": "x"}) == 202, "the secret before it stays")


def calls_are_as_described():
    """Last: of all that the other cases asked."""
    if not os.path.exists(DESCRIPTION):
        raise sluice.Skip("corpora absent")
    problems = sorted({"%s: %s" % (asked, ", ".join(found)) for asked, found in JUDGED if found})
    check(not problems, len(problems), problems[:5])
    kinds = {asked.split()[0] for asked, _ in JUDGED}
    check(len(JUDGED) > 100 and kinds >= {"GET", "POST", "PATCH"}, "too little was asked to say so:", len(JUDGED), kinds)
    return None


if __name__ == "__main__":
    sluice.run_cases("gitea", sluice.named_cases(globals()) + alike.cases(lab), WORKERS, [("calls_are_as_described", calls_are_as_described)])
