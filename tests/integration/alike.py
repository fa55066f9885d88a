"""Cases that hold for every host. Each gets lab(**options), which makes a laboratory of that host and starts it."""

import functools
import time

import fake_github
import sluice
from host_lab import MERGES, PEOPLE, PROJECT, TOKEN, calls, check, has_branch


def case_git_is_tried_again(lab):
    with lab() as made:
        made.fake.git_status = 503
        number = made.fake.open_pull(made.repo, "alice", "feature")
        made.wait(lambda: "tried again by itself" in (made.ours(number) or [{"json": {"body": ""}}])[-1]["json"]["body"])
        made.fake.git_status = None
        made.wait(lambda: "1 create" in made.ours(number)[-1]["json"]["body"], 40)
        check(len(made.ours(number)) == 1, "comments:", made.ours(number))


def case_a_deleted_comment_comes_again(lab):
    with lab() as made:
        number = made.plan()
        del made.repo.comments[made.ours(number)[0]["json"]["id"]]
        made.fake.review(made.repo, number, "bob")
        made.says(number, "Ready")


def case_git_follows_nobody(lab):
    with lab() as made:
        other = fake_github.FakeGitHub()
        other.add_token(TOKEN, "planner")
        other.add_repo("acme/infra", made.git_dir, PEOPLE)
        made.fake.redirect_git = other.url.replace("127.0.0.1", "localhost")
        number = made.plan()
        check(other.count() == 0, "it went there, with", other.calls)
        check("cannot be planned" in made.ours(number)[0]["json"]["body"], made.ours(number))
        other.close()


def case_what_was_missed_is_found(lab):
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        other = made.plan(branch="apart")
        fake.lose_hooks = True
        made.push("apart", {"apart/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, other, "alice")
        fake.comment(repo, number, "rita", "sluice apply")
        time.sleep(1.1)  # the host's times are whole seconds
        fake.review(repo, number, "bob")
        fake.comment(repo, number, "alice", "sluice apply")
        new = fake.open_pull(repo, "carol", "third")
        made.server.kill()
        fake.lose_hooks = False
        begin = len(fake.calls)
        made.start()
        made.wait(made.applies)
        made.wait(lambda: len([run for run in made.server.must("GET", "/api/runs") if run["kind"] == "plan"]) >= 4)
        for one in (number, other, new):
            made.idle(one)
        kinds = sorted((run["pull"], run["kind"], run["state"]) for run in made.server.must("GET", "/api/runs"))
        check(kinds == [(1, "apply", "done"), (1, "plan", "done"), (2, "plan", "done"), (2, "plan", "done"), (3, "plan", "done")], kinds)
        check(fake.count("GET", "/pulls.state=open") >= 1, calls(fake.calls[begin:]))
        made.server.kill()
        made.start()
        time.sleep(0.7)
        made.idle(number)
        check(len(made.server.must("GET", "/api/runs")) == 5, "what was seen was done again")


def case_merges_only_what_is_whole(lab):
    with lab(projects=2, settings=MERGES % ("merge", "false")) as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        fake.review(repo, number, "bob")
        made.says(number, "Ready")
        fake.comment(repo, number, "alice", "apply -p p0")
        made.wait(lambda: made.applies("done"))
        made.idle(number)
        check(fake.count("PUT") == 0, "half of it was merged")
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: repo.pulls[number]["state"] == "merged")
        made.idle(number)
        check(has_branch(made, "feature"), "a branch was deleted that nobody wanted to lose")
        check(len(repo.git("rev-list", "--parents", "-1", "refs/heads/main").split()) == 3, "it was no merge")


def case_approvals_belong_to_a_head(lab):
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        old = made.head(number)
        fake.review(repo, number, "bob")
        made.says(number, "Ready")
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "alice")
        made.wait(lambda: len(made.server.must("GET", "/api/runs")) == 2)
        made.idle(number)
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: "approval" in made.ours(number)[-1]["json"]["body"])
        fake.review(repo, number, "carol", commit=old)  # told late
        fake.comment(repo, number, "alice", "apply")
        made.idle(number)
        check(not made.applies(), "an old approval counted")
        fake.review(repo, number, "carol", state="changes_requested")
        fake.review(repo, number, "bob")
        fake.comment(repo, number, "alice", "apply")
        made.wait(lambda: "carol asked for changes" in made.ours(number)[-1]["json"]["body"])
        check(not made.applies(), "changes were asked for")
        fake.review(repo, number, "carol", state="commented")
        fake.review(repo, number, "carol")
        made.idle(number)
        fake.comment(repo, number, "alice", "sluice apply")
        made.wait(made.applies)
        made.idle(number)
        older = [one for one in made.ours(number) if "plan of `%s`" % old[:7] in one["json"]["body"]]
        check(len(older) == 1, older)
        made.check_folded(older[0])


def case_a_push_that_nobody_told_needs_one_more(lab):
    """Its pusher approves it: without the webhook nobody knows that they are the same."""
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = made.plan()
        fake.lose_hooks = True
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "bob")
        fake.lose_hooks = False
        fake.fail("GET", "/activit", 403, times=None)  # nor does the host say it
        fake.comment(repo, number, "alice", "sluice plan")
        made.says(number, "plan of `%s`" % made.head(number)[:7])
        made.idle(number)
        fake.comment(repo, number, "carol", "sluice plan --new-commands")
        made.says(number, "nobody told who pushed this")
        for who, answer in (("bob", "two approvals of this plan are needed"), ("carol", "applied 1 of 1")):
            fake.review(repo, number, who)
            fake.comment(repo, number, "alice", "sluice apply")
            made.says(number, answer)
            made.idle(number)
        check(len(made.applies()) == 1, "applies:", made.applies())


def case_labels_come_and_go(lab):
    label = "break glass: used / now"
    with lab() as made:
        fake, repo = made.fake, made.repo
        number = fake.open_pull(repo, "alice", "feature", tell=False)
        repo.pulls[number]["labels"] = ["kept"]
        ask = {"call": "label", "number": number, "label": label}
        made.ask(dict(ask, wanted=False))
        check(repo.pulls[number]["labels"] == ["kept"], repo.pulls[number])
        fake.fail("POST", "/labels$", 0, acts=True)  # its answer is lost, so it is asked again
        check("error" in made.ask(dict(ask, wanted=True))[0], "an answer that nobody gave")
        for _ in range(2):
            check(made.ask(dict(ask, wanted=True)) == [{"issue": 0}] and repo.pulls[number]["labels"] == ["kept", label], repo.pulls[number])
        check(repo.labels.count(label) in (0, 1), repo.labels)
        made.ask(dict(ask, wanted=False), dict(ask, wanted=False))
        check(repo.pulls[number]["labels"] == ["kept"], repo.pulls[number])
        found = made.ask(dict(ask, number=99, wanted=True), dict(ask, label="two\nlines", wanted=True), dict(ask, label="x" * 51, wanted=True))
        check([one for one in found if "error" in one] == found, found)


def case_an_issue_is_kept_by_its_marker(lab):
    with lab() as made:
        fake, repo = made.fake, made.repo
        fake.open_pull(repo, "planner", "feature", tell=False)
        mark = "<!-- drift:p0 -->\n"
        repo.issues.update({100 + i: {"title": "other", "body": mark.replace("p0", "p%d" % (i + 1)), "state": "open", "user": "planner"}
                            for i in range(120)})
        repo.issues[99] = {"title": "copied", "body": mark + "mine", "state": "open", "user": "rita"}
        ask = {"call": "issue", "marker": "drift:p0", "title": "p0 has drifted", "body": "one thing", "wanted": True}
        check(made.ask(dict(ask, wanted=False, title="", body="")) == [{"issue": 0}] and not made.writes(), "closed what is not there")
        fake.fail("POST", "/issues$", 0, acts=True)
        check("error" in made.ask(ask)[0], "an answer that nobody gave")
        number = made.ask(ask)[0]["issue"]
        check(len(made.writes()) == 1, "the issue that was made is not known again:", calls(made.writes()))
        want = {"title": "p0 has drifted", "body": mark + "one thing", "state": "open", "user": "planner"}
        check(repo.issues[number] == want, repo.issues[number])
        made.ask(dict(ask, body="two things"))
        check(repo.issues[number] == dict(want, body=mark + "two things"), repo.issues[number])
        made.ask(dict(ask, wanted=False, title="", body=""))
        check(repo.issues[number] == dict(want, body=mark + "two things", state="closed"), repo.issues[number])
        check(made.ask(ask, ask) == [{"issue": number}] * 2 and repo.issues[number] == want, "open again:", repo.issues[number])
        check(len(made.writes()) == 4 and repo.issues[99]["body"] == mark + "mine", calls(made.writes()))
        found = made.ask(dict(ask, marker="a-->b"), dict(ask, title=""), dict(ask, title="two\nlines"), dict(ask, body="x" * (300 << 10)))
        check([one for one in found if "error" in one] == found, [str(one)[:200] for one in found])


def case_who_opens_is_not_who_pushed(lab):
    """Bob pushed, alice opened: he approves nothing of it. A push that was not told is looked up in the same way."""
    with lab() as made:
        fake, repo = made.fake, made.repo
        repo.pushes.append(("feature", made.repo.git("rev-parse", "refs/heads/feature"), "rita"))  # it was here before
        number = made.plan(pusher="bob")
        fake.review(repo, number, "bob")
        made.says(number, "pushed `%s`" % made.head(number)[:7])
        fake.comment(repo, number, "alice", "sluice apply")
        made.says(number, "one approval of this plan is needed")
        made.idle(number)
        fake.lose_hooks = True
        made.push("feature", {"p0/more.tf": PROJECT.replace('"x"', '"y"') % "more"}, "alice")
        fake.moved(repo, number, "carol")
        fake.lose_hooks = False
        fake.comment(repo, number, "alice", "sluice plan")
        made.says(number, "plan of `%s`" % made.head(number)[:7])
        made.idle(number)
        fake.review(repo, number, "carol")
        made.says(number, "pushed `%s`" % made.head(number)[:7])
        check(not made.applies(), "who pushed approved")
        fake.review(repo, number, "bob")
        made.says(number, "Ready")
        fake.comment(repo, number, "alice", "sluice apply")
        made.wait(made.applies)
        made.idle(number)


def case_who_pushed_is_asked_again(lab):
    """The host writes it down later than it tells of the pull request, and is away once."""
    with lab() as made:
        fake, repo = made.fake, made.repo
        fake.fail("GET", "/activit", 502)
        number = fake.open_pull(repo, "alice", "feature", pusher="")
        made.says(number, "two approvals of this plan are needed")
        repo.pushes.append(("feature", made.head(number), "carol"))
        made.says(number, "one approval of this plan is needed")


def cases(lab):
    return [(name, functools.partial(call, lab)) for name, call in sluice.named_cases(globals())]
