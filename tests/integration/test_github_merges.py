#!/usr/bin/env python3
"""What becomes of a pull request on a GitHub of our own when its plans are applied: merges, branches, statuses, merge queues."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import sluice  # noqa: E402  (the path is set just above)
from host_lab import MERGES, PROJECT, WORKERS, applied, check, has_branch, lab  # noqa: E402


def case_merges_when_all_is_applied():
    for app in (False, True):
        with lab(app=app, projects=2, settings=MERGES % ("squash", "true")) as made:
            made.repo.rules = {"checks": ["sluice/apply"]}
            number = applied(made, wait=False)
            made.wait(lambda: made.repo.pulls[number]["state"] == "merged")
            made.wait(lambda: not has_branch(made, "feature"))
            made.idle(number)
            check(made.server.must("GET", "/api/pulls")[0]["state"] == "merged", made.server.must("GET", "/api/pulls"))
            parents = made.repo.git("rev-list", "--parents", "-1", "refs/heads/main").split()
            check(len(parents) == 2, "it was not squashed:", parents)
            asked = [json.loads(one["body"]) for one in made.fake.calls if one["method"] == "PUT"]
            check(len(asked) == 1 and asked[0]["sha"] == made.head(number), "merged once, and only that head:", asked)


def case_the_status_of_the_apply_speaks_of_all_plans():
    with lab(projects=2) as made:
        fake, repo = made.fake, made.repo

        def says(state):
            return made.wait(lambda: fake.status_of(repo, head, "sluice/apply") == state)
        number = made.plan()
        head = made.head(number)
        check(fake.status_of(repo, head, "sluice/apply") is None, "nothing was said of an apply yet")
        fake.review(repo, number, "bob")
        made.says(number, "Ready")
        for command, state in (("apply -p p0", "pending"), ("apply", "success"), ("plan", "pending")):
            fake.comment(repo, number, "alice", command)
            says(state)
            made.idle(number)
            check(fake.status_of(repo, head, "sluice/apply") == state, command, repo.statuses[-3:])


def case_with_nothing_to_apply_the_apply_is_green():
    with lab() as made:
        made.push("apart", {"apart/main.tf": "# stub: no-changes\n"}, "alice")
        number = made.plan(branch="apart")
        head = made.head(number)
        check(made.wait(lambda: made.fake.status_of(made.repo, head, "sluice/apply")) == "success", made.repo.statuses)


def queue(made, number, tree_of="feature"):
    """A merge queue makes a commit and waits for its checks."""
    sha = made.repo.git("commit-tree", "refs/heads/%s^{tree}" % tree_of, "-p", "refs/heads/main", "-m", "queued")
    made.fake.tell("merge_group", made.repo, "alice", action="checks_requested", merge_group={
        "head_sha": sha, "head_ref": "refs/heads/gh-readonly-queue/main/pr-%d-%s" % (number, sha), "base_ref": "refs/heads/main"})
    return sha


def case_a_merge_queue_is_answered():
    for app in (False, True):
        with lab(app=app) as made:
            fake, repo = made.fake, made.repo

            def says(sha, context, state):
                return made.wait(lambda: fake.status_of(repo, sha, context) == state or any(
                    one["name"] == context and one["head_sha"] == sha and one.get("conclusion") == state for one in repo.checks.values()))
            number = made.plan()
            sha = queue(made, number)
            says(sha, "sluice/plan", "success")
            says(sha, "sluice/apply", "failure")  # nothing is applied yet
            fake.review(repo, number, "bob")
            made.says(number, "Ready")
            fake.comment(repo, number, "alice", "apply")
            made.wait(lambda: made.applies("done"))
            sha = queue(made, number, "main")
            says(sha, "sluice/apply", "success")
            queue(made, 77)
            made.idle(number)
            check(len(made.server.must("GET", "/api/pulls")) == 1, "a pull request came of a queue")


def case_merges_by_the_way_that_is_allowed():
    with lab(settings="defaults: {automerge: true}\n") as made:
        made.repo.methods = ["rebase"]
        number = applied(made)
        made.wait(lambda: made.repo.pulls[number]["state"] == "merged")
        asked = [json.loads(one["body"])["merge_method"] for one in made.fake.calls if one["method"] == "PUT"]
        check(asked == ["rebase"], asked)


def case_a_merge_whose_reply_was_lost_is_done():
    for status in (0, 502):
        with lab(settings=MERGES % ("merge", "true")) as made:
            made.fake.fail("PUT", "/merge$", status, acts=True)
            number = applied(made)
            made.wait(lambda: not has_branch(made, "feature"))
            made.idle(number)
            check(len(made.repo.git("rev-list", "refs/heads/main").split()) == 3, "merged twice")
            check(not [one for one in made.ours(number) if "Not merged" in one["json"]["body"]], "it was called a failure")


def case_a_merge_that_is_refused_says_why():
    with lab(settings=MERGES % ("squash", "true")) as made:
        made.repo.methods = ["merge"]
        number = applied(made)
        said = made.says(number, "Not merged", 60)
        text = said[0]["json"]["body"]
        check("Squash merges are not allowed" in text and "merge it by hand" in text, text)
        check(has_branch(made, "feature") and made.repo.pulls[number]["state"] == "open", "something was done")


def case_only_what_was_applied_is_merged():
    with lab(settings=MERGES % ("merge", "true")) as made:
        made.fake.fail("PUT", "/merge$", 502, times=None)  # until there is a newer push
        number = applied(made)
        made.wait(lambda: made.fake.count("PUT", "/merge$") >= 1)
        made.push("feature", {"p0/main.tf": PROJECT % "newer"}, "alice")
        made.fake.lose_hooks = True
        made.fake.moved(made.repo, number, "alice")
        with made.fake.lock:
            made.fake.faults.clear()
        made.wait(lambda: [one for one in made.ours(number) if "Not merged" in one["json"]["body"] and "newer push" in one["json"]["body"]])
        check(made.repo.pulls[number]["state"] == "open" and has_branch(made, "feature"), "a push that nobody planned was merged")


def case_branches_that_must_stay_stay():
    with lab(settings=MERGES % ("merge", "true")) as made:
        made.repo.protected = ["feature"]
        number = applied(made)
        made.wait(lambda: made.repo.pulls[number]["state"] == "merged")
        made.wait(lambda: made.fake.count("GET", "/branches/feature$") == 1)
        made.idle(number)
        check(has_branch(made, "feature") and made.fake.count("DELETE") == 0, "a protected branch was to be deleted")


if __name__ == "__main__":
    sluice.run_cases("github-merges", sluice.named_cases(globals()), WORKERS)
