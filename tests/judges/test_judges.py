#!/usr/bin/env python3
"""What nobody here wrote, about what we say and hear: GitHub's published description of its API through Prism, its GraphQL schema, its
published webhook examples and those of others, and `emulate`, a GitHub that somebody else wrote."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "integration")]
import emulated  # noqa: E402  (the path is set just above)
import fake_github  # noqa: E402
import judge  # noqa: E402
import sluice  # noqa: E402
import test_github  # noqa: E402
import test_github_events  # noqa: E402
import test_github_merges  # noqa: E402
import test_hosts  # noqa: E402
import webhooks  # noqa: E402
from host_lab import WORKERS  # noqa: E402

# Cases of the GitHub suite that make no call which the others do not make, and take long
LEFT_OUT = ("nothing_is_sent_while_barred", "whatever_fails_is_done_in_the_end", "a_hundred_projects_cost_few_calls",
            "git_is_tried_again", "starts_only_with_what_it_needs", "bad_deliveries_change_nothing", "only_some_are_listened_to")
FAKES = []


class Kept(fake_github.FakeGitHub):
    def __init__(self, *words, **named):
        super().__init__(*words, **named)
        FAKES.append(self)


def calls_of_suites():
    """Every call that the cases of the GitHub suites make; cases that come later are in it by themselves."""
    fake_github.FakeGitHub = Kept
    cases = test_github.CASES + [case for suite in (test_github_events, test_github_merges, test_hosts) for case in sluice.named_cases(vars(suite))]
    cases = [case for case in cases if case[0] not in LEFT_OUT]
    bad = ["%s: %s" % (name, remark) for name, verdict, remark in sluice.verdicts_of(cases, WORKERS) if verdict == "failed"]
    return [call for fake in FAKES for call in fake.calls if call["method"] != "GIT"], bad


def split(calls):
    graphql = [call for call in calls if call["path"] == "/graphql"]
    return [call for call in calls if call["path"] != "/graphql"], [json.loads(call["body"]) for call in graphql]


def judge_all(results, description, calls, bad):
    rest, documents = split(calls)
    count, wrong, lies = judge.judge_calls(description, rest)
    results.row("failed" if bad else "passed", "the cases whose calls are judged", "; ".join(bad))
    results.row("failed" if wrong else "passed", "requests, as GitHub describes them: %d different ones of %d" % (count, len(rest)),
                "; ".join(wrong))
    results.row("failed" if lies else "passed", "answers of our own fake, as GitHub describes them", "; ".join(lies))
    different = [dict(text) for text in {tuple(sorted((key, json.dumps(value)) for key, value in one.items())) for one in documents}]
    different = [{key: json.loads(value) for key, value in one.items()} for one in different]
    wrong = judge.judge_graphql(judge.GITHUB_SCHEMA, different)
    verdict = "failed" if wrong or not documents else "passed"
    results.row(verdict, "GraphQL, as GitHub's schema has it: %d documents" % len(different), "; ".join(wrong))


def good(**changes):
    """A call that nothing is wrong with, changed."""
    call = {"method": "POST", "path": "/repos/acme/infra/issues/1/comments", "body": b'{"body": "x"}', "answer": (201, {"id": 7}, {}),
            "headers": {"Authorization": "Bearer x", "Content-Type": "application/json", "Accept": "application/vnd.github+json"}}
    return dict(call, **changes)


# What the judges must object to: (a word of what they say, the call); nothing for the first one
LIES = [
    (None, good()),
    ("body", good(body=b'{"text": "x"}')),
    ("body", good(body=b'{"body": 7}')),
    ("issue_number", good(path="/repos/acme/infra/issues/one/comments")),
    ("no such call", good(path="/repos/acme/infra/issues/1/remarks")),
    ("no such call", good(method="PUT")),
    ("state", good(path="/repos/acme/infra/statuses/" + "a" * 40, body=b'{"state": "done"}')),
    ("title", good(path="/repos/acme/infra/check-runs", body=b'{"name": "x", "head_sha": "y", "output": {"summary": "z"}}')),
    ("merge_method", good(method="PUT", path="/repos/acme/infra/pulls/1/merge", body=b'{"merge_method": "fast"}', answer=(200, {}, {}))),
    ("id", good(answer=(201, {"id": "seven"}, {}))),
    ("status code", good(answer=(299, {}, {}))),
]


def judges_object(results, description):
    for (word, call), (wrong, lies) in zip(LIES, judge.judge_each(description, [call for _, call in LIES])):
        said = "; ".join(wrong + lies)
        name = "they object: %s %s %s" % (call["method"], call["path"], call["body"].decode())
        is_heard = word in said if word else not said
        results.row("passed" if is_heard else "failed", name, "" if is_heard else "%s, wanted: %s" % (said or "nothing", word))
    documents = [{"query": "mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:%s}){%s}}" % words, "variables": variables}
                 for words, variables in ((("OLD", "clientMutationId"), {"id": "x"}), (("OUTDATED", "text"), {"id": "x"}),
                                          (("OUTDATED", "clientMutationId"), {"id": None}))]
    said = judge.judge_graphql(judge.GITHUB_SCHEMA, documents)
    results.row("passed" if len(said) == 3 else "failed", "they object: three wrong documents", "" if len(said) == 3 else said)


def main():
    results = sluice.Results("judges")
    missing = judge.why_not_here()
    if missing:
        results.row("skipped", "all judges", missing)
        results.end()
    webhooks.judge_examples(results)
    webhooks.judge_corpora(results)
    emulated.judge_loop(results)
    calls, bad = calls_of_suites()
    description = judge.Description(judge.GITHUB)
    judge_all(results, description, calls, bad)
    judges_object(results, description)
    results.end()


if __name__ == "__main__":
    main()
