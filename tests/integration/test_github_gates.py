#!/usr/bin/env python3
"""What gates ask GitHub: whether it would let a pull request be merged, and who is in a team."""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import sluice  # noqa: E402  (the path is set just above)
from host_lab import WORKERS, check, lab  # noqa: E402

TEAMS = """version: 3
environments:
  live:
    approvals:
    - name: platform
      require: {count: 1, from: {team: platform}}
projects:
- {name: p0, dir: p0, environment: live}
"""


def answers(made, number, text):
    """A new answer to `apply` that says so; the plan's comment may say the same before the command is judged."""
    def said():
        return [one for one in made.ours(number) if text in one["json"]["body"] and "sluice:plan:" not in one["json"]["body"]]
    before = len(said())
    made.fake.comment(made.repo, number, "alice", "apply")
    return made.wait(lambda: said()[before:])


def case_mergeable_but_for_our_own_status():
    with lab(settings="repos: [{id: /.*/, apply_requirements: [approved, mergeable]}]\n") as made:
        fake, repo = made.fake, made.repo
        repo.rules = {"checks": ["sluice/apply", "sluice-twin/apply", "ci"]}
        number = made.plan()
        fake.review(repo, number, "bob")
        for context in ("sluice-twin/apply", "ci"):
            answers(made, number, context + " has not reported")
            repo.statuses.append({"state": "success", "context": context, "sha": made.head(number)})
            time.sleep(6)  # answers are good for some seconds
        check(not made.applies(), "applied too early")
        answers(made, number, "applied 1 of 1")


def case_members_of_teams_are_asked_for():
    with lab(files={"sluice.yaml": TEAMS}) as made:
        fake, repo = made.fake, made.repo
        fake.teams["acme/platform"] = ["member-%d" % i for i in range(150)] + ["Carol"]
        number = made.plan()
        fake.review(repo, number, "bob")
        answers(made, number, "platform")
        check(not made.applies(), "bob is in no team")
        fake.review(repo, number, "carol")
        time.sleep(1)
        answers(made, number, "applied 1 of 1")
        check(fake.count("GET", "/orgs/acme/teams/platform/members.*page=2") > 0, "the second page was not read")


def case_a_team_that_is_not_shown_is_not_empty():
    with lab(files={"sluice.yaml": TEAMS}) as made:
        number = made.plan()
        made.fake.review(made.repo, number, "carol")
        made.fake.comment(made.repo, number, "alice", "apply")
        made.wait(lambda: "GitHub knows no team platform" in made.server.log_text())
        made.idle(number)
        check(not made.applies(), "what nobody knows let it through")


def case_half_an_answer_is_none():
    """GraphQL says 200 to everything, and leaves out what it may not show."""
    with lab(settings="repos: [{id: /.*/, apply_requirements: [approved, mergeable]}]\n") as made:
        number = made.plan()
        made.fake.fail("POST", "/graphql", 200, times=None, body={
            "data": {"repository": {"pullRequest": {"baseRef": {}, "commits": {"nodes": [{}]}}}},
            "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}]})
        made.fake.review(made.repo, number, "bob")
        made.fake.comment(made.repo, number, "alice", "apply")
        made.wait(lambda: "Resource not accessible by integration" in made.server.log_text())
        made.idle(number)
        check(not made.applies(), "what GitHub did not say let it through")


if __name__ == "__main__":
    sluice.run_cases("github-gates", sluice.named_cases(globals()), WORKERS)
