#!/usr/bin/env python3
"""The whole loop on a GitHub of our own: webhooks in, comments and statuses out, git over smart HTTP, with real Terraform and with the stub."""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import alike  # noqa: E402  (the path is set just above)
import sluice  # noqa: E402
from host_lab import ON_THE_WAY_S, TERRAFORM, WORKERS, Lab, calls, check, lab, loop  # noqa: E402


# ---- the loop ----

def case_loop_with_token():
    if not os.path.exists(TERRAFORM):
        raise sluice.Skip("no terraform in .tools; run scripts/setup test")
    with lab(tool=TERRAFORM) as made:
        number, head = loop(made)
        for context in ("sluice/plan", "sluice/apply"):
            check(made.fake.status_of(made.repo, head, context) == "success", context, made.repo.statuses)
        check(made.fake.count("GIT") > 0, "git did not come over HTTP")
        check(len(made.ours(number)) <= 3, "comments:", len(made.ours(number)))
    return None


def case_loop_as_app():
    if not os.path.exists(TERRAFORM):
        raise sluice.Skip("no terraform in .tools; run scripts/setup test")
    with lab(tool=TERRAFORM, app=True) as made:
        _, head = loop(made)
        checks = {one["name"]: one for one in made.repo.checks.values() if one["head_sha"] == head}
        for name in ("sluice/plan", "sluice/apply"):
            check(checks.get(name, {}).get("conclusion") == "success", name, checks)
        check(len(made.repo.checks) == 2, "check runs:", made.repo.checks)
        check(not made.repo.statuses, "an App needs no statuses")
        check(checks["sluice/plan"]["actions"][0]["identifier"] == "plan", "the button:", checks)
        check(made.fake.count("POST", "access_tokens") == 1, "tokens:", made.fake.count("POST", "access_tokens"))
    return None


def case_button_of_a_check_plans_again():
    with lab(app=True) as made:
        number = made.plan()
        one = next(iter(made.repo.checks.values()))
        for by, runs in (("rita", 1), ("bob", 2)):
            made.fake.tell("check_run", made.repo, by, action="requested_action", requested_action={"identifier": "plan"}, check_run=dict(
                one, pull_requests=[]))
            made.idle(number)
            check(len(made.server.must("GET", "/api/runs")) == runs, by, made.server.must("GET", "/api/runs"))


def case_errors_stand_beside_their_lines():
    if not os.path.exists(TERRAFORM):
        raise sluice.Skip("no terraform in .tools; run scripts/setup test")
    with lab(tool=TERRAFORM, app=True, projects=3) as made:
        bad = "".join('output "o%d" {\n  value = local.missing%d\n}\n' % (i, i) for i in range(40))
        made.push("feature", {"p%d/main.tf" % i: bad for i in range(3)}, "alice")
        made.plan()
        one = next(one for one in made.repo.checks.values() if one["name"] == "sluice/plan")
        notes = one["output"].get("annotations", [])
        check(one["conclusion"] == "failure" and len(notes) > 50, "annotations:", len(notes), one["output"]["title"])
        check(notes[0]["path"] == "p0/main.tf" and "Reference to undeclared local value" in notes[0]["title"], notes[0])
        check(len({(note["path"], note["start_line"]) for note in notes}) == len(notes), "said twice")
    return None


def case_tokens_of_an_app_are_renewed():
    with lab(app=True) as made:
        made.fake.app["token_life"] = 300  # shorter than what is kept in reserve
        number = made.plan()
        made.fake.comment(made.repo, number, "alice", "plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(number)
        check(made.fake.count("POST", "access_tokens") >= 2, "it was not renewed before its end")
        for token in [token for token in made.fake.tokens if token.startswith("ghs_")]:
            del made.fake.tokens[token]  # revoked
        made.fake.comment(made.repo, number, "bob", "plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 3)
        check(made.idle(number)[0]["state"] == "done", "a revoked token was not replaced")


def case_a_token_that_is_not_known_yet():
    """One is revoked, and GitHub refuses the next ones for a moment, too: nothing that people say is lost by it."""
    with lab(app=True) as made:
        number = made.plan()
        for token in [token for token in made.fake.tokens if token.startswith("ghs_")]:
            del made.fake.tokens[token]
        made.fake.app["not_yet"] = 2
        made.fake.comment(made.repo, number, "bob", "plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        check(made.idle(number)[0]["state"] == "done", "it was not planned")
        check(made.fake.app["not_yet"] == 0, "no token was refused")


# ---- few calls ----

def case_one_project_costs_few_calls():
    with lab() as made:
        fake = made.fake
        made.wait(lambda: fake.count("GET", "/user$"))
        begin = made.mark()
        number = made.plan()
        made.check_few(begin, 3, 3, "a plan:")
        begin = made.mark()
        fake.comment(made.repo, number, "alice", "plan")
        made.idle(number)
        made.check_few(begin, 3, 3, "a plan by command:")
        fake.review(made.repo, number, "bob")
        made.says(number, "Ready")
        begin = made.mark()
        fake.comment(made.repo, number, "alice", "apply")
        check(made.idle(number)[0]["kind"] == "apply", "nothing was applied")
        made.check_few(begin, 4, 3, "an apply:")


def case_a_hundred_projects_cost_few_calls():
    with lab(projects=100) as made:
        begin = made.mark()
        number = made.plan()
        made.check_few(begin, 10, 6, "a plan:")
        made.fake.review(made.repo, number, "bob")
        made.idle(number)
        begin = made.mark()
        made.fake.comment(made.repo, number, "alice", "apply")
        made.wait(made.applies)
        check(made.idle(number, 60)[0]["state"] == "done", "the apply")
        made.check_few(begin, 10, 6, "an apply:")


# ---- limits and failures ----

def case_nothing_is_sent_while_barred():
    for status, headers in ((403, {"Retry-After": 3}), (429, {"Retry-After": 3}), (429, {"X-RateLimit-Remaining": 0, "X-RateLimit-Reset": 0})):
        with lab() as made:
            made.wait(lambda: made.fake.count("GET", "/user$"))  # pylint: disable=cell-var-from-loop
            made.settle()
            made_headers = dict(headers)
            if "X-RateLimit-Reset" in headers:
                made_headers["X-RateLimit-Reset"] = int(time.time()) + 5
            made.fake.fail(None, ".", status, headers=made_headers, body={"message": "You have exceeded a secondary rate limit."})
            number = made.plan()
            refused = next(one for one in made.fake.calls if one.get("status") == status)
            until = made_headers["X-RateLimit-Reset"] if "X-RateLimit-Reset" in headers else refused["at"] + 2.9
            early = [one for one in made.fake.calls if refused["at"] + ON_THE_WAY_S < one["at"] < until and one["method"] != "GIT"]
            check(not early, status, headers, "sent while barred:", calls(early))
            check(len(made.ours(number)) == 1 and made.fake.status_of(made.repo, made.head(number), "sluice/plan") == "success",
                  "something was dropped")


def case_whatever_fails_is_done_in_the_end():
    for method, pattern, status, acts in (("POST", "comments$", 502, False), ("POST", "comments$", 0, True), ("GET", "comments", 500, False),
                                          ("POST", "statuses", 0, True), ("POST", "statuses", 503, False), ("PATCH", "comments", 0, True),
                                          ("GET", "permission", 502, False), ("GET", "pulls/1$", 404, False), ("GET", "/user$", 500, False),
                                          ("POST", "reactions", 0, True), ("POST", "comments$", 201, False)):
        with lab() as made:
            made.fake.fail(method, pattern, status, times=2, acts=acts, body=b"{" if status == 201 else None)
            number = made.plan()
            made.fake.comment(made.repo, number, "alice", "sluice plan")
            made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)  # pylint: disable=cell-var-from-loop
            made.idle(number)
            check(len(made.ours(number)) == 1, method, pattern, status, "comments:", len(made.ours(number)))
            check(made.fake.status_of(made.repo, made.head(number), "sluice/plan") == "success", method, pattern, status)


def case_lists_have_pages():
    with lab() as made:
        made.fake.page_size_most = 7
        number = made.fake.open_pull(made.repo, "alice", "feature", tell=False)
        for i in range(40):
            made.fake.make_comment(made.repo, number, "carol", "talk %d" % i)
        fakes = made.fake.make_comment(made.repo, number, "carol", "<!-- sluice:plan:1:%s -->\nnot ours" % made.head(number)[:12])
        made.fake.change_pull(made.repo, number, "alice", "opened")
        made.idle(number)
        made.server.kill()
        made.start()
        made.fake.comment(made.repo, number, "alice", "plan")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(number)
        check(len(made.ours(number)) == 1, "comments:", len(made.ours(number)))
        check(made.repo.comments[fakes["id"]]["edits"] == 0, "a comment of somebody else was edited")


def case_starts_only_with_what_it_needs():
    for break_it, words in ((lambda made: os.unlink(os.path.join(made.folder, "secret")), "webhook secret"),
                            (lambda made: made.write("secret", "short"), "shorter than"),
                            (lambda made: made.write("secret", ""), "empty"),
                            (lambda made: os.unlink(os.path.join(made.folder, "token")), "token"),
                            (lambda made: made.write("token", "two words"), "more than one word")):
        made = Lab()
        try:
            break_it(made)
            made.server.start(wait=False)
            check(made.server.process.wait(timeout=20) == 78, "the exit code for", words)
            check(words in made.server.log_text(), words, made.server.log_text())
        finally:
            made.end()


def case_doctor_says_what_is_wrong():
    made = Lab(app=True)
    try:
        def row(words, exit_of_row):
            done = subprocess.run([os.path.join(made.server.build, "sluice"), "doctor", "--json", "--server", made.server.config], text=True,
                                  capture_output=True, check=False)
            found = [one for one in json.loads(done.stdout) if one["what"] == "github.com"][0]
            check(found["ok"] == exit_of_row and words in found["detail"] + found["remedy"], words, found)
        row("takes us for planner[bot]", True)
        made.fake.app["id"] = 99
        row("the credential is not accepted", False)
        made.write("secret", "")
        row("empty", False)
        made.write("secret", made.fake.secret)
        made.fake.server.shutdown()
        made.fake.server.server_close()
        row("reached from here?", False)
    finally:
        made.end()




CASES = sluice.named_cases(globals()) + alike.cases(lab)


if __name__ == "__main__":
    sluice.run_cases("github", CASES, WORKERS)
