"""Webhook bodies that nobody here wrote, through our parsers: GitHub's published examples, and the corpora, whose goldens say what
somebody else's parser made of them."""

import glob
import json
import os
import subprocess
import tempfile

import judge
import sluice

EXAMPLES = os.path.join(judge.PACKAGES, "@octokit", "webhooks-examples", "api.github.com", "index.json")
EXAMPLES_KNOWN = 329
CORPORA = os.path.normpath(os.path.join(sluice.ROOT, "..", "shared", "corpora"))
READ_EVENT = os.path.join(sluice.ROOT, "build", os.environ.get("MODE", "debug"), "tests", "read-event")

# What an event means, said a second time and in another way than in vcs/github/github_dialect.c
KINDS = {
    ("pull_request", "opened"): "opened", ("pull_request", "synchronize"): "pushed", ("pull_request", "reopened"): "reopened",
    ("pull_request", "ready_for_review"): "ready", ("ping", None): "ping", ("check_suite", "rerequested"): "asked again",
    ("check_run", "rerequested"): "asked again", ("pull_request_review", "dismissed"): "review dismissed"}
REVIEWS = {"approved": "approved", "changes_requested": "changes requested"}
# Kinds which another part of the server may come to want; for now any of them may also be ignored.
MAY_BE_MORE = ("push", "merge_group", "installation", "installation_repositories", "team", "membership", "status", "check_run",
               "check_suite", "repository", "workflow_run", "organization", "member")


def kind_of(topic, body):
    action = body.get("action")
    if topic == "pull_request" and action == "closed":
        return "merged" if body["pull_request"]["merged"] else "closed"
    if topic == "pull_request" and action == "edited":
        return "retargeted" if "base" in body.get("changes", {}) else "ignored"
    if topic == "pull_request_review" and action == "submitted":
        return REVIEWS.get(body["review"]["state"].lower(), "ignored")
    if topic == "issue_comment" and action == "created":
        return "comment" if "pull_request" in body["issue"] else "ignored"
    if topic in ("check_run", "check_suite") and action == "rerequested":
        return "asked again" if body[topic]["pull_requests"] else "ignored"
    return KINDS.get((topic, action)) or KINDS.get((topic, None), "ignored")


def wanted_of(topic, body):
    """What must come out of a body; only what is certain."""
    wanted = {"kind": kind_of(topic, body)}
    if wanted["kind"] in ("ignored", "ping"):
        return wanted
    pull = body.get("pull_request")
    wanted["repo"] = body["repository"]["full_name"]
    wanted["clone_url"] = "https://github.com/%s.git" % wanted["repo"]
    if pull:
        wanted.update(number=pull["number"], head=pull["head"]["sha"], base_ref=pull["base"]["ref"], title=pull["title"],
                      head_ref="refs/pull/%d/head" % pull["number"], is_draft=pull.get("draft") is True)
        if "repo" in pull["head"]:
            wanted["from_fork"] = (pull["head"]["repo"] or {}).get("id") != pull["base"]["repo"]["id"]
    if topic == "issue_comment":
        wanted.update(number=body["issue"]["number"], body=body["comment"]["body"], comment_id=str(body["comment"]["id"]),
                      actor=body["comment"]["user"]["login"], is_partial=True)
    if topic == "pull_request_review":
        wanted.update(review_head=body["review"]["commit_id"], actor=body["review"]["user"]["login"])
    return wanted


def read(host, bodies):
    """What our parser makes of (topic, path) pairs."""
    done = subprocess.run([READ_EVENT, host], input="".join("%s\t%s\n" % one for one in bodies), text=True, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(name, topic, body, found):
    wanted = wanted_of(topic, body)
    if topic in MAY_BE_MORE and wanted["kind"] == "ignored" and "error" not in found:
        return []
    return ["%s: %s is %r, wanted %r" % (name, key, found.get(key, found.get("error")), value) for key, value in wanted.items()
            if found.get(key) != value]


def examples():
    with open(EXAMPLES, encoding="utf-8") as text:
        for event in json.load(text):
            for number, body in enumerate(event["examples"]):
                yield "%s %s %d" % (event["name"], body.get("action", ""), number), event["name"], body


def judge_examples(results):
    with tempfile.TemporaryDirectory(prefix="sluice-examples-") as folder:
        some, files = list(examples()), []
        for number, (_, topic, body) in enumerate(some):
            files.append((topic, os.path.join(folder, str(number))))
            with open(files[-1][1], "w", encoding="utf-8") as out:
                json.dump(body, out)
        found = read("github", files)
    wrong = [text for (name, topic, body), one in zip(some, found) for text in compare(name, topic, body, one)]
    if len(some) < EXAMPLES_KNOWN:
        wrong.append("there are only %d examples" % len(some))
    kinds = {one.get("kind") for one in found}
    missing = {"opened", "pushed", "closed", "reopened", "ready", "review dismissed", "asked again", "ping"} - kinds
    wrong += ["no example is %s" % kind for kind in sorted(missing)]
    results.row("failed" if wrong else "passed", "%d published examples of webhooks" % len(some), "; ".join(wrong))


def topic_of(body):
    """The corpora keep no headers."""
    for key, topic in (("review", "pull_request_review"), ("check_run", "check_run"), ("check_suite", "check_suite"),
                       ("release", "release"), ("merge_group", "merge_group"), ("deployment", "deployment"), ("pull_request", "pull_request")):
        if key in body:
            return topic
    return "issue_comment" if "comment" in body and "issue" in body else "push"


def golden_says(golden, found):
    """What somebody else's parser made of the same body."""
    pull = golden.get("PullRequest") or {}
    who = (golden.get("Sender") or {}).get("Login")
    wanted = {"number": pull.get("Number"), "head": pull.get("Sha"), "base_ref": pull.get("Target"), "title": pull.get("Title")}
    if golden.get("Issue"):
        wanted = {"number": golden["Issue"]["Number"], "body": golden["Comment"]["Body"], "title": golden["Issue"]["Title"]}
    wanted["repo"] = "%s/%s" % (golden["Repo"]["Namespace"], golden["Repo"]["Name"])
    if "Review" not in golden:
        wanted["actor"] = who
    return ["%s is %r, the golden says %r" % (key, found.get(key), value) for key, value in wanted.items()
            if value is not None and found.get(key) != value]


def judge_corpora(results):
    if not os.path.isdir(CORPORA):
        results.row("skipped", "the corpora", "corpora absent")
        return
    paths = sorted(glob.glob(CORPORA + "/go-scm/scm/driver/github/testdata/webhooks/*.json") +
                   glob.glob(CORPORA + "/woodpecker/server/forge/github/fixtures/Hook*.json") +
                   glob.glob(CORPORA + "/atlantis/server/controllers/events/testdata/github*Event*.json"))
    bodies = []
    for path in paths:
        with open(path, encoding="utf-8") as text:
            bodies.append(json.load(text))
    topics = [topic_of(body) for body in bodies]
    wrong, goldens = [], 0
    for path, topic, body, found in zip(paths, topics, bodies, read("github", zip(topics, paths))):
        name = os.path.basename(path)
        if "error" in found:
            wrong.append("%s: %s" % (name, found["error"]))
            continue
        wrong += compare(name, topic, body, found)
        if os.path.exists(path + ".golden") and found["kind"] not in ("ignored", "ping"):
            goldens += 1
            with open(path + ".golden", encoding="utf-8") as text:
                wrong += ["%s: %s" % (name, one) for one in golden_says(json.load(text), found)]
    name = "%d bodies of the corpora, %d with a golden of another parser" % (len(paths), goldens)
    results.row("failed" if wrong or not paths or not goldens else "passed", name, "; ".join(wrong))
