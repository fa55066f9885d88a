#!/usr/bin/env python3
"""What a GitHub of our own tells: who is listened to, in whatever order and however often it is told."""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import fake_github  # noqa: E402  (the path is set just above)
import sluice  # noqa: E402
from host_lab import PROJECT, WORKERS, calls, check, lab  # noqa: E402


def case_bad_deliveries_change_nothing():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = fake.open_pull(repo, "alice", "feature", tell=False)
        body = {"action": "opened", "number": number, "repository": repo.describe(), "sender": fake_github.user_json("alice"),
                "pull_request": repo.pull_json(number)}
        check(fake.deliver("pull_request", body, signature="sha256=" + "0" * 64) == 401, "forged")
        check(fake.deliver("pull_request", body, signature="") == 401, "unsigned")
        check(fake.deliver("pull_request", body, kind="text/plain") == 415, "of another type")
        check(fake.deliver("pull_request", dict(body, more="x" * (2 << 20))) in (0, 413), "too large")
        secret, fake.secret = fake.secret, "a third secret"
        check(fake.deliver("pull_request", body) == 401, "of another secret")
        fake.secret = secret
        for name in ("acme/secrets", "other/infra", "ACME/secret2"):
            there = dict(body["repository"], full_name=name)
            check(fake.deliver("pull_request", dict(body, repository=there)) == 202, "of a repository that is not served")
        check(fake.deliver("pull_request", dict(body, pull_request={"number": 1})) == 400, "without what is needed")
        check(fake.deliver("hologram", {"action": "x"}) == 202, "of tomorrow")
        made.settle()
        check(made.server.must("GET", "/api/pulls") == [] and not made.writes(), "somebody was listened to", made.writes())
        fake.secret = "an older secret"
        check(fake.deliver("pull_request", body, delivery="d-1") == 202, "signed with the older secret")
        fake.secret = secret
        check(fake.deliver("pull_request", body, delivery="d-1") in (200, 202), "told twice")
        check(fake.deliver("pull_request", body, delivery="d-2") in (200, 202), "told again under another name")
        form = dict(body, action="synchronize", again=1)
        check(fake.deliver("pull_request", form, kind="application/x-www-form-urlencoded") == 202, "as a form")
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 1, "runs:", made.server.must("GET", "/api/runs"))


def case_only_some_are_listened_to():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        before = len(made.ours(number))
        for author in ("rita", "stranger", "renovate[bot]", "planner", "ghost"):
            fake.comment(repo, number, author, "plan")
        before += 1  # the one that somebody wrote with our token
        fake.comment(repo, number, "alice", "> plan")
        fake.comment(repo, number, "alice", "I plan to look at this")
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 1, "runs:", made.server.must("GET", "/api/runs"))
        check(len(made.ours(number)) == before, "somebody was answered")
        check(fake.count("GET", "permission") == 3, "asked about:", calls(fake.calls))
        for author in ("rita", "alice", "stranger"):
            fake.review(repo, number, author)
        fake.comment(repo, number, "bob", "apply")
        made.wait(lambda: len(made.ours(number)) > before)
        check("one approval of this plan is needed" in made.ours(number)[-1]["json"]["body"], made.ours(number)[-1])


def case_a_dismissed_request_for_changes_is_over():
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        fake.review(repo, number, "carol", state="changes_requested")
        fake.review(repo, number, "bob")
        fake.comment(repo, number, "alice", "apply")
        made.says(number, "carol asked for changes")
        check(not made.applies(), "changes were asked for")
        review = dict(repo.reviews[number][0], state="dismissed")
        fake.tell("pull_request_review", repo, "carol", action="dismissed", review=review, pull_request=repo.pull_json(number))
        fake.comment(repo, number, "alice", "sluice apply")
        made.wait(made.applies)
        check(made.idle(number)[0]["state"] == "done", made.server.must("GET", "/api/runs"))


def old_approval_after_a_push(points_at_new):
    """GitHub keeps the commit of a review over a force-push, or points it at the new head; it is told so by webhook, found at a start, and
    asked for: an approval that was given before the plan is of no use in any case."""
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        fake.review(repo, number, "bob")
        made.says(number, "Ready")
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "alice")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(number)
        review = repo.reviews[number][0]
        if points_at_new:
            review["commit_id"] = made.head(number)
        told = dict(review, state="approved")
        fake.tell("pull_request_review", repo, "bob", action="edited", review=told, pull_request=repo.pull_json(number))
        made.server.kill()
        made.start()
        made.wait(lambda: fake.count("GET", "/reviews") > 0)
        made.idle(number)
        before = len(made.ours(number))
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: len(made.ours(number)) > before)
        check("approval of this plan is needed" in made.ours(number)[-1]["json"]["body"], made.ours(number)[-1])
        check(not made.applies(), "an old approval counted")


def case_an_approval_that_stays_at_the_old_commit():
    old_approval_after_a_push(False)


def case_an_approval_that_is_pointed_at_the_new_commit():
    old_approval_after_a_push(True)


def case_deliveries_in_any_order():
    """What is told late, twice, or before what came before it: the newest head is planned, once, and what is closed stays closed."""
    with lab() as made:
        fake, repo = made.fake, made.repo
        fake.lose_hooks = True
        number = fake.open_pull(repo, "alice", "feature")
        opened = repo.pull_json(number)
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "alice")
        moved = repo.pull_json(number)
        fake.lose_hooks = False
        for one, action in ((moved, "synchronize"), (opened, "opened"), (moved, "synchronize")):
            fake.tell("pull_request", repo, "alice", action=action, number=number, pull_request=one)
        fake.comment(repo, number, "alice", "sluice plan")
        made.idle(number)
        last = made.server.must("GET", "/api/runs")[0]
        check(last["head"] == made.head(number) and last["state"] == "done", "the last run:", made.server.must("GET", "/api/runs"))
        time.sleep(1.2)  # an older word, if there were one, would come after the newest
        made.idle(number)
        seen = [one["json"]["body"] for one in made.ours(number) if not one["hidden"]]
        check(len(seen) == 1 and "plan of `%s` into `main` · 1 ready" % made.head(number)[:7] in seen[0], seen)
        closed = dict(repo.pull_json(number), state="closed")
        repo.pulls[number]["state"] = "closed"
        fake.tell("pull_request", repo, "alice", action="closed", number=number, pull_request=closed)
        made.wait(lambda: made.server.must("GET", "/api/pulls")[0]["state"] == "closed")
        runs = len(made.server.must("GET", "/api/runs"))
        fake.comment(repo, number, "bob", "sluice plan")
        fake.comment(repo, number, "bob", "sluice apply")
        made.settle()
        check(len(made.server.must("GET", "/api/runs")) == runs, "a closed pull request was worked on")


def case_forks_drafts_and_other_bases():
    with lab(settings="    drafts: false\n    forks: plan_on_command\n") as made:
        fake, repo = made.fake, made.repo
        fork = fake.open_pull(repo, "stranger", "other", fork=True)
        made.wait(lambda: made.ours(fork))
        check("fork" in made.ours(fork)[0]["json"]["body"], made.ours(fork))
        check(made.server.must("GET", "/api/runs") == [], "a fork was planned")
        fake.comment(repo, fork, "bob", "sluice plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 1)
        made.idle(fork)
        for person in ("bob", "carol", "dave"):  # nothing but where it comes from stands in the way
            fake.review(repo, fork, person)
        fake.comment(repo, fork, "bob", "apply")
        made.wait(lambda: "forks are not applied" in made.ours(fork)[-1]["json"]["body"])
        fake.change_pull(repo, fork, "stranger", "closed", state="closed")
        draft = fake.open_pull(repo, "alice", "feature", draft=True)
        made.settle()
        check(len(made.server.must("GET", "/api/runs")) == 1, "a draft was planned")
        fake.change_pull(repo, draft, "alice", "ready_for_review", draft=False)
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(draft)
        fake.review(repo, draft, "bob")
        repo.git("branch", "release", "main")
        fake.change_pull(repo, draft, "alice", "edited", changes={"base": {"ref": {"from": "main"}}}, base="release")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 3)
        made.idle(draft)
        check("into `release`" in made.ours(draft)[-1]["json"]["body"], made.ours(draft)[-1]["json"]["body"][:200])
        fake.comment(repo, draft, "alice", "apply")
        made.wait(lambda: "approval" in made.ours(draft)[-1]["json"]["body"])


if __name__ == "__main__":
    sluice.run_cases("github-events", sluice.named_cases(globals()), WORKERS)
