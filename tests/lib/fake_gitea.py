"""A Gitea, or a Forgejo, of our own: what people do there is done as in our GitHub, what it says and asks for is its own.

Deliveries say neither which review they are about nor that one was dismissed; lists have pages of its own size and tell only how many there
are, comments come all at once; times have an offset; only administrators of a repository may ask who may write. Unknown members and
parameters are refused, though the real one passes over them.
"""

import calendar
import json
import re
import threading
import time
import urllib.parse

import fake_github
from fake_github import COMMENT_MAX, REPO
from fake_host import Refusal, check_members, need, now_text

ROUTES = []
PAGE_DEFAULT = 30
PARAMETERS = {"limit", "page", "state", "since", "q", "type", "created_by"}


class Whole(list):
    """A list without pages."""


def here(text):
    """A moment as a server to the east says it."""
    seconds = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    return time.strftime("%Y-%m-%dT%H:%M:%S+02:00", time.gmtime(seconds + 7200))


def as_gitea(value, key=""):
    """The words of Gitea for what stands in our GitHub."""
    if isinstance(value, list):
        return type(value)(as_gitea(one) for one in value)
    if isinstance(value, str) and key.endswith("_at"):
        return here(value)
    if not isinstance(value, dict):
        return value
    kept = {name: as_gitea(one, name) for name, one in value.items() if name not in ("node_id", "author_association")}
    if "login" in kept:
        kept.pop("type", None)
        kept["username"] = kept["login"]
    return kept


class Repo(fake_github.Repo):
    def describe(self):
        return dict(super().describe(), default_merge_style=self.methods[0], allow_merge_commits="merge" in self.methods,
                    allow_squash_merge="squash" in self.methods, allow_rebase="rebase" in self.methods)

    def pull_json(self, number):
        pull = self.pulls[number]
        told = super().pull_json(number)
        told.pop("mergeable_state")
        told["mergeable"] = bool(told["mergeable"]) and not pull["draft"]
        told["updated_at"] = pull.get("updated", now_text())
        told["merge_base"] = self.git("merge-base", told["base"]["sha"], pull["head"])
        told["base"].update(label=pull["base"], repo_id=self.id)
        told["head"].update(label=pull["branch"], repo_id=told["head"]["repo"]["id"])
        if pull.get("agit"):
            told["head"].update(label="", ref="refs/pull/%d/head" % number)
        return told


class FakeGitea(fake_github.FakeGitHub):
    prefix, longer_prefix = "/api/v1", " "
    repo_class = Repo

    def __init__(self, forgejo=False, **named):
        super().__init__(**named)
        self.routes, self.forgejo, self.page_size_most = ROUTES, forgejo, 50
        self.team_ids, self.hook_urls, self.moment = {}, [], int(time.time())

    # ---- what every call is looked at for ----

    def check_call(self, headers, method, path):
        need(not [name for name in headers if name.lower().startswith("x-github")], 400, "that is a header of somebody else")
        need(headers.get("If-None-Match") is None, 400, "nobody gave an ETag")

    def who(self, headers, jwt):
        kind, _, token = (headers.get("Authorization") or "").partition(" ")
        need(kind == "token" and token in self.tokens, 401, "invalid username, password or token")
        return self.tokens[token]

    def shape(self, handler, status, answer, path, query):
        headers = {}
        need(set(query) <= PARAMETERS, 400, "no such parameter: %s" % query)
        if isinstance(answer, list):
            headers["X-Total-Count"] = len(answer)
        if isinstance(answer, list) and not isinstance(answer, Whole):
            size = min(int(query.get("limit", PAGE_DEFAULT)), self.page_size_most)
            page = int(query.get("page", 1))
            answer = answer[(page - 1) * size:page * size]
        return status, as_gitea(answer), headers

    def always(self):
        return {"Content-Type": "application/json;charset=utf-8"}

    # ---- webhooks ----

    def hook_headers(self, event, text, delivery, signature):
        name, kind = event if isinstance(event, tuple) else (event, event)
        digest = self.sign(text) if signature is None else signature
        headers = {"X-GitHub-Event": name, "X-GitHub-Event-Type": kind, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": "sha256=" + digest}
        for maker in ("Gogs", "Gitea", "Forgejo") if self.forgejo else ("Gogs", "Gitea"):
            headers.update({"X-%s-Event" % maker: name, "X-%s-Event-Type" % maker: kind, "X-%s-Delivery" % maker: delivery,
                            "X-%s-Signature" % maker: digest})
        return headers

    def deliver(self, event, body, **named):  # pylint: disable=arguments-differ
        return super().deliver(event, as_gitea(body), **named)

    def tell(self, event, repo, sender, **more):
        if "pull_request" in more:  # whatever is done to it, it is newer than before
            self.moment += 1
            repo.pulls[more["number"]]["updated"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.moment))
            more["pull_request"] = repo.pull_json(more["number"])
        if more.get("action") == "synchronize":
            for review in repo.reviews[more["number"]]:
                review["stale"] = True
            event, more["action"] = ("pull_request", "pull_request_sync"), "synchronized"
            del more["before"], more["after"]
        return super().tell(event, repo, sender, **more)

    def tell_comment(self, repo, number, comment):
        self.tell(("issue_comment", "pull_request_comment"), repo, comment["user"]["login"], action="created", comment=comment, is_pull=True,
                  issue={"number": number, "title": repo.pulls[number]["title"], "pull_request": {"merged": False}})

    # ---- what people do ----

    def open_pull(self, repo, author, branch, draft=False, agit=False, tell=True, **more):  # pylint: disable=arguments-differ
        title = "WIP: a change" if draft else "A change"
        number = super().open_pull(repo, author, branch, title=title, draft=draft, tell=False, **more)
        repo.pulls[number]["agit"] = agit
        if tell:
            self.tell("pull_request", repo, author, action="opened", number=number, pull_request=repo.pull_json(number))
        return number

    def review(self, repo, number, author, state="approved", commit=None, tell=True):
        state = {"approved": "APPROVED", "changes_requested": "REQUEST_CHANGES", "commented": "COMMENT"}[state]
        kind = {"APPROVED": "approved", "REQUEST_CHANGES": "rejected", "COMMENT": "comment"}[state]
        with self.lock:
            review = {"id": next(self.ids), "user": fake_github.user_json(author), "state": state, "submitted_at": now_text(), "body": "",
                      "updated_at": now_text(), "commit_id": commit or repo.pulls[number]["head"], "stale": False, "dismissed": False,
                      "official": repo.people.get(author) in ("write", "admin")}
            repo.reviews[number].append(review)
        if tell:
            event = ("pull_request_comment" if kind == "comment" else "pull_request_" + kind, "pull_request_review_" + kind)
            self.tell(event, repo, author, action="reviewed", number=number, pull_request=repo.pull_json(number),
                      review={"type": event[1], "content": ""})
        return review["id"]

    def dismiss(self, repo, number, review):
        """Nobody is told."""
        with self.lock:
            next(one for one in repo.reviews[number] if one["id"] == review)["dismissed"] = True


def route(method, pattern):
    def keep(function):
        ROUTES.append((method, re.compile("^%s$" % pattern), function, False))
        return function
    return keep


# ---- as in GitHub ----

for found in (("GET", "/user", fake_github.get_user), ("GET", REPO + "/pulls", fake_github.get_pulls),
              ("GET", REPO + r"/pulls/(?P<number>\d+)", fake_github.get_pull),
              ("GET", REPO + r"/pulls/(?P<number>\d+)/reviews", fake_github.get_reviews),
              ("POST", REPO + "/issues", fake_github.post_issue), ("PATCH", REPO + r"/issues/(?P<number>\d+)", fake_github.patch_issue),
              ("POST", REPO + r"/issues/comments/(?P<id>\d+)/reactions", fake_github.post_reaction)):
    route(found[0], found[1])(found[2])


# ---- its own ----

@route("GET", REPO)
def get_repo(fake, who, repo, **_):
    return 200, dict(repo.describe(), permissions={"admin": repo.people.get(who) == "admin", "push": True, "pull": True})


@route("GET", REPO + "/activities/feeds")
def get_feed(fake, who, repo, **_):
    made = [{"id": 900, "op_type": "create_pull_request", "ref_name": "", "content": "1|A change", "act_user": fake_github.user_json("alice")}]
    return 200, made + [{"id": i + 1, "op_type": "commit_repo", "ref_name": "refs/heads/" + branch, "act_user": fake_github.user_json(by),
                         "content": json.dumps({"Commits": [{"Sha1": head}], "HeadCommit": {"Sha1": head}, "CompareURL": "", "Len": 1})}
                        for i, (branch, head, by) in reversed(list(enumerate(repo.pushes)))]


@route("GET", REPO + "/hooks")
def get_hooks(fake, who, repo, **_):
    need(repo.people.get(who) == "admin", 403, "user should be an owner or a collaborator with admin write of a repository")
    return 200, [{"id": 1, "type": "gitea", "active": True, "config": {"url": url, "content_type": "json"}} for url in fake.hook_urls]


@route("GET", REPO + "/collaborators/(?P<login>[^/]+)/permission")
def get_permission(fake, who, repo, login, **_):
    need(repo.people.get(who) == "admin" or login == who, 403, "Only admins can query all permissions")
    need(login in repo.people or login in ("stranger", "ghost"), 404, "user does not exist [uid: 0, name: %s]" % login)
    word = repo.people.get(login, "read")
    return 200, {"permission": word, "role_name": word, "user": fake_github.user_json(login)}


@route("GET", REPO + r"/issues/(?P<number>\d+)/comments")
def get_comments(fake, who, repo, query, **words):
    return 200, Whole(fake_github.get_comments(fake, who, repo, words["number"], query)[1])


def label_of(repo, number, label_id):
    need(int(number) in repo.pulls and 0 < int(label_id) <= len(repo.labels), 404, "label does not exist [label_id: %s]" % label_id)
    return repo.labels[int(label_id) - 1]


@route("GET", REPO + r"/issues/(?P<number>\d+)/labels")
def get_labels(fake, who, repo, number, **_):
    need(int(number) in repo.pulls, 404, "not found")
    return 200, Whole(repo.labels_json(int(number)))


@route("GET", REPO + "/labels")
def get_all_labels(fake, who, repo, **_):
    return 200, [{"id": i + 1, "name": name} for i, name in enumerate(repo.labels)]


@route("GET", "/orgs/(?P<org>[^/]+)/labels")
def get_org_labels(fake, who, **_):
    raise Refusal(404, "The target couldn't be found.")


@route("POST", REPO + "/labels")
def post_label(fake, who, repo, body, **_):
    check_members(body, ("name", "color"), ("description", "exclusive"))
    need(re.fullmatch("#[0-9a-f]{6}", body["color"]) and 0 < len(body["name"]) <= 50, 422, "name or color")
    return 201, {"id": repo.label_id(body["name"]), "name": body["name"], "color": body["color"][1:]}


@route("POST", REPO + r"/issues/(?P<number>\d+)/labels")
def post_labels(fake, who, repo, number, body, **_):
    check_members(body, ("labels",))
    need(all(isinstance(one, int) for one in body["labels"]), 422, "labels")
    there = repo.pulls[int(number)].setdefault("labels", [])
    there += [name for name in (label_of(repo, number, one) for one in body["labels"]) if name not in there]
    return 200, Whole(repo.labels_json(int(number)))


@route("DELETE", REPO + r"/issues/(?P<number>\d+)/labels/(?P<id>\d+)")
def delete_label(fake, who, repo, number, **words):
    there, name = repo.pulls[int(number)].get("labels", []), label_of(repo, number, words["id"])
    if name in there:
        there.remove(name)
    return 204, None


@route("GET", REPO + "/issues")
def get_issues(fake, who, repo, query, **_):
    need(query.get("type") == "issues", 400, "pull requests are in this list")
    return 200, fake_github.found_issues(repo, query, "created_by")


def check_text(body):
    check_members(body, ("body",))
    need(isinstance(body["body"], str) and 0 < len(body["body"]) <= 4 * COMMENT_MAX, 422, "[Body]: Required")


@route("GET", REPO + r"/issues/comments/(?P<id>\d+)")
def get_comment(fake, who, repo, **words):
    need(int(words["id"]) in repo.comments, 404, "not found")
    return 200, repo.comments[int(words["id"])]["json"]


@route("POST", REPO + r"/issues/(?P<number>\d+)/comments")
def post_comment(fake, who, repo, number, body, **_):
    need(int(number) in repo.pulls, 404, "not found")
    check_text(body)
    return 201, fake.make_comment(repo, int(number), who, body["body"])


@route("PATCH", REPO + r"/issues/comments/(?P<id>\d+)")
def patch_comment(fake, who, repo, body, **words):
    one = repo.comments.get(int(words["id"]))
    need(one is not None, 404, "not found")
    need(one["json"]["user"]["login"] == who or repo.people.get(who) == "admin", 403, "only the author may edit")
    check_text(body)
    one["json"].update(body=body["body"], updated_at=now_text())
    one["hidden"] = "<summary>Outdated</summary>" in body["body"]
    one["edits"] += 1
    return 200, one["json"]


@route("POST", REPO + r"/statuses/(?P<sha>[0-9a-f]{40})")
def post_status(fake, who, repo, sha, body, **_):
    need(repo.has_commit(sha), 404, "object does not exist [id: %s, rel_path: ]" % sha)
    check_members(body, ("state",), ("context", "description", "target_url"))
    need(body["state"] in ("error", "failure", "pending", "success", "warning"), 422, "state is unknown")
    repo.statuses.append(dict(body, sha=sha, creator=who))
    return 201, {"id": next(fake.ids), "status": body["state"], "context": body.get("context", "default")}


@route("GET", REPO + r"/commits/(?P<sha>[0-9a-f]{40})/status")
def get_status(fake, who, repo, sha, query, **_):
    size, page = min(int(query.get("limit", PAGE_DEFAULT)), fake.page_size_most), int(query.get("page", 1))
    found = [{"context": one["context"], "status": one["state"]} for one in repo.latest_statuses(sha)][(page - 1) * size:page * size]
    return 200, {"sha": sha, "statuses": found, "total_count": len(found), "state": "pending"}


def branch_sha(repo, branch):
    try:
        return repo.git("rev-parse", "--verify", "refs/heads/" + urllib.parse.unquote(branch))
    except AssertionError as problem:
        raise Refusal(404, "The target couldn't be found.") from problem


@route("GET", REPO + r"/branches/(?P<branch>.+)")
def get_branch(fake, who, repo, branch, **_):
    name = urllib.parse.unquote(branch)
    has_rules = name == "main" and bool(repo.rules)
    return 200, {"name": name, "commit": {"id": branch_sha(repo, branch)}, "protected": has_rules or name in repo.protected,
                 "effective_branch_protection_name": name if has_rules else "", "required_approvals": repo.rules.get("reviews", 0),
                 "enable_status_check": "checks" in repo.rules, "status_check_contexts": repo.rules.get("checks", [])}


@route("GET", REPO + r"/branch_protections/(?P<name>[^/]+)")
def get_protection(fake, who, repo, name, **_):
    need(repo.people.get(who) == "admin" and name == "main" and repo.rules, 404, "not found")
    return 200, dict(repo.rules.get("more", {}), rule_name=name, required_approvals=repo.rules.get("reviews", 0),
                     enable_status_check="checks" in repo.rules, status_check_contexts=repo.rules.get("checks", []))


@route("DELETE", REPO + r"/branches/(?P<branch>.+)")
def delete_branch(fake, who, repo, branch, **_):
    branch_sha(repo, branch)
    need(urllib.parse.unquote(branch) not in repo.protected + ["main"], 403, "branch protected")
    repo.git("update-ref", "-d", "refs/heads/" + urllib.parse.unquote(branch))
    return 204, None


@route("GET", r"/orgs/(?P<org>[^/]+)/teams/search")
def search_teams(fake, who, org, query, **_):
    found = [name for name in fake.teams if name.startswith(org + "/") and query["q"].lower() in name.lower()]
    return 200, {"ok": True, "data": [{"id": fake.team_ids.setdefault(name, next(fake.ids)), "name": name.split("/")[1]} for name in found]}


@route("GET", r"/teams/(?P<id>\d+)/members")
def get_members(fake, who, **words):
    for name, number in fake.team_ids.items():
        if number == int(words["id"]):
            return 200, [fake_github.user_json(login) for login in fake.teams[name]]
    raise Refusal(404, "not found")


@route("POST", REPO + r"/pulls/(?P<number>\d+)/merge")
def post_merge(fake, who, repo, number, body, **_):
    pull = repo.pulls.get(int(number))
    need(pull is not None, 404, "not found")
    check_members(body, ("Do",), ("head_commit_id", "MergeTitleField", "MergeMessageField", "delete_branch_after_merge"))
    need(pull["state"] == "open", 405, "The PR is already merged")
    need(not pull["draft"], 405, "Work in progress PRs cannot be merged")
    need(pull.get("mergeable", True), 405, "Please try again later")
    need(body.get("head_commit_id", pull["head"]) == pull["head"], 409, "head out of date")
    need(body["Do"] in repo.methods, 405, "%s is not allowed an allowed merge style for this repository" % body["Do"])
    for context in repo.rules.get("checks", []):
        need(repo.status_is_green(pull["head"], context), 405, "Does not have enough approvals, or not all required status checks successful")
    fake.merge(repo, int(number), who, tell=False, method=body["Do"])
    threading.Thread(target=fake.tell, args=("pull_request", repo, who), kwargs={
        "action": "closed", "number": int(number), "pull_request": repo.pull_json(int(number))}).start()
    return 200, None
