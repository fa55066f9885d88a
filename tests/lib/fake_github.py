"""A GitHub of our own that keeps state and is strict: the part of its API that sluice uses, webhooks, and git over smart HTTP.

It refuses what the real one would refuse (tokens, lengths, enumerations, unknown members), pages its lists, answers If-None-Match, tells
its limits, and can be told to fail. Everything that was asked is in `calls`. Standard library, git and openssl only.
"""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid

from fake_host import Fault, Handler, Refusal, Server, check_members, need, now_text

COMMENT_MAX = 65536
DESCRIPTION_MAX = 140


class Repo:
    def __init__(self, fake, name, git_dir, number):
        self.fake, self.name, self.git_dir, self.id = fake, name, git_dir, number
        self.pulls, self.comments, self.reviews, self.statuses, self.checks = {}, {}, {}, [], {}
        self.labels, self.issues = [], {}  # names that the repository knows; number: title, body, state, author
        self.pushes = []  # (branch, head, by), of which the host knows
        self.contexts, self.hooks = [], []  # statuses that branch protection requires; webhooks
        self.people = {}  # login: "admin", "write", "read"
        self.methods = ["merge", "squash", "rebase"]  # that are allowed
        self.protected = []  # branches
        self.rules = {}  # of the main branch: "checks": contexts that must be green, "reviews": how many

    def git(self, *words):
        done = subprocess.run(["git", "-C", self.git_dir, *words], text=True, capture_output=True, check=False, env={
            "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_AUTHOR_NAME": "web", "GIT_AUTHOR_EMAIL": "web@example.org",
            "GIT_COMMITTER_NAME": "web", "GIT_COMMITTER_EMAIL": "web@example.org"})
        if done.returncode != 0:
            raise AssertionError("git %s: %s" % (words, done.stderr))
        return done.stdout.strip()

    def has_commit(self, sha):
        return subprocess.run(["git", "-C", self.git_dir, "cat-file", "-e", sha + "^{commit}"], check=False,
                              capture_output=True).returncode == 0

    def latest_statuses(self, sha):
        return list({one["context"]: one for one in self.statuses if one["sha"] == sha}.values())

    def status_is_green(self, sha, context):
        return any(one["context"] == context and one["state"] == "success" for one in self.latest_statuses(sha)) or any(
            one["name"] == context and one["head_sha"] == sha and one.get("conclusion") == "success" for one in self.checks.values())

    def describe(self):
        owner = self.name.split("/")[0]
        return {"id": self.id, "full_name": self.name, "name": self.name.split("/")[1], "owner": user_json(owner),
                "clone_url": "https://elsewhere.example/%s.git" % self.name, "default_branch": "main"}

    def label_id(self, name):
        if name not in self.labels:
            self.labels.append(name)
        return self.labels.index(name) + 1

    def labels_json(self, number):
        return [{"id": self.label_id(name), "name": name} for name in self.pulls[number].get("labels", [])]

    def issue_json(self, number):
        return dict(self.issues[number], number=number, user=user_json(self.issues[number]["user"]))

    def pull_json(self, number):
        pull = self.pulls[number]
        head_repo = {"id": self.id + 1000, "full_name": "stranger/fork"} if pull["fork"] else self.describe()
        return {"number": number, "state": "open" if pull["state"] == "open" else "closed", "title": pull["title"],
                "draft": pull["draft"], "merged": pull["state"] == "merged", "user": user_json(pull["author"]),
                "head": {"ref": pull["branch"], "sha": pull["head"], "repo": head_repo},
                "base": {"ref": pull["base"], "sha": self.git("rev-parse", "refs/heads/" + pull["base"]), "repo": self.describe()},
                "labels": self.labels_json(number),
                "mergeable": pull.get("mergeable", True), "mergeable_state": pull.get("mergeable_state", "clean")}


def user_json(login):
    return {"login": login, "id": int(hashlib.sha256(login.encode()).hexdigest()[:6], 16), "type": "Bot" if login.endswith("[bot]") else "User"}


class FakeGitHub:
    prefix, longer_prefix = "", "/api/v3"  # of the API; as Enterprise servers have it
    repo_class = Repo

    def __init__(self, secret="a secret of the webhook", latency=0.0):
        self.lock, self.routes = threading.RLock(), ROUTES
        self.secret, self.latency = secret, latency
        self.ids = itertools.count(1001)
        self.tokens = {}  # token: login
        self.repos, self.calls, self.deliveries, self.faults = {}, [], [], []
        self.teams = {}  # "acme/platform": logins
        self.hook = None  # (host, port, path)
        self.app = None
        self.limit, self.used, self.reset = 5000, 0, int(time.time()) + 3600
        self.page_size_most = 100
        self.scopes = None  # of a classic token
        self.forbidden = []  # patterns of "METHOD path" that the token has no right to
        self.lose_hooks = False
        self.manifests = {}  # code: (owner, manifest) of Apps in the making
        self.redirect_git = None  # address of another host
        self.git_status = None  # what git is answered instead
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.fake = self
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- what every call is looked at for ----

    def check_call(self, headers, method, path):
        need(not any(re.search(one, method + " " + path) for one in self.forbidden), 403, "Resource not accessible by personal access token")
        need(headers.get("User-Agent"), 403, "Request forbidden by administrative rules: no User-Agent")
        need(headers.get("X-GitHub-Api-Version") in ("2022-11-28",), 400, "the version of the API is not known")

    def who(self, headers, jwt):
        kind, _, token = (headers.get("Authorization") or "").partition(" ")
        need(kind == "Bearer" and token, 401, "Requires authentication")
        if jwt:
            self.check_jwt(token)
            return "app"
        need(token in self.tokens, 401, "Bad credentials")
        return self.tokens[token]

    def shape(self, handler, status, answer, path, query):
        headers = {}
        if isinstance(answer, list):
            need(int(query.get("per_page", 30)) <= 100, 422, "per_page")
            size = min(int(query.get("per_page", 30)), self.page_size_most)
            page = int(query.get("page", 1))
            if page * size < len(answer):
                after = urllib.parse.urlencode(dict(query, page=page + 1))
                headers["Link"] = '<%s%s?%s>; rel="next", <%s%s?page=99>; rel="last"' % (self.url, path, after, self.url, path)
            answer = answer[(page - 1) * size:page * size]
        if handler.command == "GET":
            headers["ETag"] = 'W/"%s"' % hashlib.sha256(json.dumps([answer, headers]).encode()).hexdigest()
            if handler.headers.get("If-None-Match") == headers["ETag"]:
                self.used -= 1
                return 304, None, headers
        return status, answer, headers

    def always(self):
        return {"X-RateLimit-Limit": self.limit, "X-RateLimit-Remaining": max(self.limit - self.used, 0), "X-RateLimit-Reset": self.reset,
                "X-RateLimit-Used": self.used, "X-RateLimit-Resource": "core", "X-OAuth-Scopes": self.scopes, "Content-Type": "application/json; charset=utf-8"}

    # ---- setting up ----

    def add_token(self, token, login):
        self.tokens[token] = login

    def add_app(self, app_id, slug, public_key, owners):
        """public_key: path of a PEM file; owners: where it is installed."""
        self.app = {"id": app_id, "slug": slug, "key": public_key, "installations": {owner: next(self.ids) for owner in owners},
                    "token_life": 3600, "jwts": 0}

    def add_repo(self, name, git_dir, people):
        repo = self.repo_class(self, name, git_dir, next(self.ids))
        repo.git("config", "http.receivepack", "true")
        repo.people = dict(people)
        self.repos[name] = repo
        return repo

    def fail(self, *words, **named):
        self.faults.append(Fault(*words, **named))

    # ---- webhooks ----

    def sign(self, text):
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()

    def hook_headers(self, event, text, delivery, signature):
        return {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "User-Agent": "GitHub-Hookshot/fake",
                "X-Hub-Signature-256": "sha256=" + self.sign(text) if signature is None else signature}

    def deliver(self, event, body, delivery=None, signature=None, kind="application/json"):
        """The status of the answer, or 0."""
        text = json.dumps(body).encode()
        if kind != "application/json":
            text = b"payload=" + urllib.parse.quote_plus(text.decode()).encode()
        headers = dict(self.hook_headers(event, text, delivery or str(uuid.uuid4()), signature), **{"Content-Type": kind})
        if self.hook is None or self.lose_hooks:
            return 0
        host, port, path = self.hook
        connection = http.client.HTTPConnection(host, port, timeout=20)
        try:
            connection.request("POST", path, text, headers)
            status = connection.getresponse().status
        except OSError:
            status = 0
        finally:
            connection.close()
        self.deliveries.append((event, body.get("action"), status))
        return status

    def tell(self, event, repo, sender, **more):
        body = dict({"repository": repo.describe(), "sender": user_json(sender)}, **more)
        if self.app:
            body["installation"] = {"id": self.app["installations"].get(repo.name.split("/")[0], 0)}
        return self.deliver(event, body)

    # ---- what people do ----

    def open_pull(self, repo, author, branch, base="main", title="A change", draft=False, fork=False, tell=True, pusher=None):
        with self.lock:
            number = len(repo.pulls) + len(repo.issues) + 1
            head = repo.git("rev-parse", "refs/heads/" + branch)
            repo.pulls[number] = {"author": author, "branch": branch, "base": base, "title": title, "state": "open", "head": head,
                                  "draft": draft, "fork": fork}
            repo.reviews[number] = []
            if pusher != "":  # of whom nobody knows yet
                repo.pushes.append((branch, head, pusher or author))
            repo.git("update-ref", "refs/pull/%d/head" % number, head)
        if tell:
            self.tell("pull_request", repo, author, action="opened", number=number, pull_request=repo.pull_json(number))
        return number

    def moved(self, repo, number, by):
        """Somebody pushed to the branch."""
        with self.lock:
            pull = repo.pulls[number]
            before, pull["head"] = pull["head"], repo.git("rev-parse", "refs/heads/" + pull["branch"])
            repo.pushes.append((pull["branch"], pull["head"], by))
            repo.git("update-ref", "refs/pull/%d/head" % number, pull["head"])
        self.tell("pull_request", repo, by, action="synchronize", number=number, before=before, after=pull["head"],
                  pull_request=repo.pull_json(number))

    def change_pull(self, repo, number, by, action, changes=None, **values):
        with self.lock:
            repo.pulls[number].update(values)
        more = {} if changes is None else {"changes": changes}
        self.tell("pull_request", repo, by, action=action, number=number, pull_request=repo.pull_json(number), **more)

    def comment(self, repo, number, author, text):
        with self.lock:
            comment = self.make_comment(repo, number, author, text)
        self.tell_comment(repo, number, comment)
        return comment["id"]

    def tell_comment(self, repo, number, comment):
        self.tell("issue_comment", repo, comment["user"]["login"], action="created", comment=comment, issue={
            "number": number, "title": repo.pulls[number]["title"], "pull_request": {"url": "x"}, "user": user_json("x")})

    def review(self, repo, number, author, state="approved", commit=None, tell=True):
        with self.lock:
            review = {"id": next(self.ids), "user": user_json(author), "state": state.upper(), "submitted_at": now_text(), "body": "",
                      "commit_id": commit or repo.pulls[number]["head"], "author_association": "MEMBER"}
            repo.reviews[number].append(review)
        if tell:
            self.tell("pull_request_review", repo, author, action="submitted", review=dict(review, state=state),
                      pull_request=repo.pull_json(number))
        return review["id"]

    def merge(self, repo, number, by, tell=True, method="merge"):
        with self.lock:
            pull = repo.pulls[number]
            base = repo.git("rev-parse", "refs/heads/" + pull["base"])
            tree = repo.git("merge-tree", "--write-tree", base, pull["head"]).splitlines()[0]
            parents = ["-p", base] if method != "merge" else ["-p", base, "-p", pull["head"]]
            commit = repo.git("commit-tree", tree, *parents, "-m", "%s #%d" % (method.capitalize(), number))
            repo.git("update-ref", "refs/heads/" + pull["base"], commit)
            pull["state"] = "merged"
        if tell:
            self.tell("pull_request", repo, by, action="closed", number=number, pull_request=repo.pull_json(number))
        return commit

    # ---- what stands there ----

    def make_comment(self, repo, number, author, text):
        comment = {"id": next(self.ids), "body": text, "user": user_json(author), "created_at": now_text(), "updated_at": now_text(),
                   "author_association": "NONE"}
        comment["node_id"] = "IC_%d" % comment["id"]
        repo.comments[comment["id"]] = {"number": number, "json": comment, "hidden": False, "reactions": [], "edits": 0}
        return comment

    def comments_of(self, repo, number, author=None):
        return [one for one in repo.comments.values() if one["number"] == number and (
            author is None or one["json"]["user"]["login"] == author)]

    def status_of(self, repo, sha, context):
        states = [one["state"] for one in repo.statuses if one["sha"] == sha and one["context"] == context]
        return states[-1] if states else None

    def count(self, method=None, pattern=""):
        return sum(1 for one in self.calls if (method is None or one["method"] in method) and re.search(pattern, one["path"]))

    # ---- the App ----

    def check_jwt(self, token):
        parts = token.split(".")
        need(self.app is not None and len(parts) == 3, 401, "A JSON web token could not be decoded")
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        claims = json.loads(claims)
        need(json.loads(header).get("alg") == "RS256", 401, "the algorithm is not RS256")
        need(str(claims.get("iss")) == str(self.app["id"]), 401, "'Issuer' claim ('iss') is unknown")
        need(claims["exp"] - time.time() <= 600, 401, "'Expiration time' claim ('exp') is too far in the future")
        need(claims["exp"] > time.time() and claims["iat"] <= time.time() + 60, 401, "the token is not of now")
        with tempfile.NamedTemporaryFile() as sign, tempfile.NamedTemporaryFile() as text:
            sign.write(signature)
            sign.flush()
            text.write(".".join(parts[:2]).encode())
            text.flush()
            done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.app["key"], "-signature", sign.name, text.name],
                                  capture_output=True, check=False)
        need(done.returncode == 0, 401, "the signature does not fit")
        self.app["jwts"] += 1

    def make_installation_token(self, owner):
        token = "ghs_%s_%s" % (self.app["id"], os.urandom(200).hex())
        if self.app.get("not_yet", 0) > 0:  # it is given, and refused
            self.app["not_yet"] -= 1
        else:
            self.tokens[token] = self.app["slug"] + "[bot]"
        return {"token": token, "permissions": {}, "repository_selection": "all",
                "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.app["token_life"]))}


ROUTES = []


def route(method, pattern, jwt=False):
    """jwt: the App itself speaks; None: anybody may."""
    def keep(function):
        ROUTES.append((method, re.compile("^%s$" % pattern), function, jwt))
        return function
    return keep


REPO = r"/repos/(?P<repo>[^/]+/[^/]+)"


@route("GET", "/user")
def get_user(fake, who, **_):
    need(not who.endswith("[bot]"), 403, "Resource not accessible by integration")
    return 200, user_json(who)


@route("GET", "/app", jwt=True)
def get_app(fake, who, **_):
    return 200, {"id": fake.app["id"], "slug": fake.app["slug"], "html_url": fake.url + "/apps/" + fake.app["slug"],
                 "permissions": fake.app.get("permissions", {}), "events": fake.app.get("events", [])}


@route("GET", REPO + "/installation", jwt=True)
def get_installation(fake, who, repo, **_):
    owner = repo.name.split("/")[0]
    need(owner in fake.app["installations"], 404, "Not Found")
    return 200, {"id": fake.app["installations"][owner], "account": user_json(owner)}


@route("POST", r"/app/installations/(?P<id>\d+)/access_tokens", jwt=True)
def post_token(fake, who, body, **words):
    check_members(body, (), ("repositories", "repository_ids", "permissions"))
    for owner, number in fake.app["installations"].items():
        if number == int(words["id"]):
            return 201, fake.make_installation_token(owner)
    raise Refusal(404, "Not Found")


@route("GET", REPO + "/collaborators/(?P<login>[^/]+)/permission")
def get_permission(fake, who, repo, login, **_):
    need(login in repo.people, 404, "%s is not a user" % login)
    return 200, {"permission": repo.people[login], "role_name": repo.people[login], "user": user_json(login)}


@route("GET", REPO + "/activity")
def get_activity(fake, who, repo, query, **_):
    kinds = ("push", "force_push", "branch_creation", "branch_deletion", "pr_merge", "merge_queue_merge")
    need(query.get("activity_type", "push") in kinds, 422, "activity_type")
    found = [(branch, head, by) for branch, head, by in repo.pushes if query.get("ref", branch) in (branch, "refs/heads/" + branch)]
    return 200, [{"id": i + 1, "node_id": "PSH_%d" % i, "ref": "refs/heads/" + branch, "before": "0" * 40, "after": head, "timestamp": now_text(),
                  "activity_type": "push", "actor": user_json(by)} for i, (branch, head, by) in reversed(list(enumerate(found)))]


@route("GET", REPO + "/pulls")
def get_pulls(fake, who, repo, query, **_):
    state = query.get("state", "open")
    return 200, [repo.pull_json(number) for number, pull in sorted(repo.pulls.items()) if state == "all" or pull["state"] == state]


@route("GET", REPO + r"/git/ref/heads/(?P<branch>.+)")
def get_ref(fake, who, repo, branch, **_):
    try:
        return 200, {"ref": "refs/heads/" + branch, "object": {"type": "commit", "sha": repo.git("rev-parse", "--verify", "refs/heads/" + branch)}}
    except AssertionError as problem:
        raise Refusal(404, "Not Found") from problem


@route("GET", REPO)
def get_repo(fake, who, repo, **_):
    return 200, dict(repo.describe(), allow_merge_commit="merge" in repo.methods, allow_squash_merge="squash" in repo.methods,
                     allow_rebase_merge="rebase" in repo.methods)


@route("GET", REPO + r"/branches/(?P<branch>.+)")
def get_branch(fake, who, repo, branch, **_):
    branch = urllib.parse.unquote(branch)
    try:
        sha = repo.git("rev-parse", "--verify", "refs/heads/" + branch)
    except AssertionError as problem:
        raise Refusal(404, "Branch not found") from problem
    return 200, {"name": branch, "commit": {"sha": sha, "url": "https://api.example/x"}, "protected": branch in repo.protected,
                 "protection": {"enabled": True, "required_status_checks": {"enforcement_level": "everyone", "contexts": repo.contexts}}}


@route("DELETE", REPO + r"/git/refs/heads/(?P<branch>.+)")
def delete_ref(fake, who, repo, branch, **_):
    branch = urllib.parse.unquote(branch)
    need(branch not in repo.protected and branch != "main", 422, "Cannot delete this protected branch")
    try:
        repo.git("rev-parse", "--verify", "refs/heads/" + branch)
    except AssertionError as problem:
        raise Refusal(422, "Reference does not exist") from problem
    repo.git("update-ref", "-d", "refs/heads/" + branch)
    return 204, None


@route("GET", r"/orgs/(?P<org>[^/]+)/teams/(?P<slug>[^/]+)/members")
def get_team(fake, who, org, slug, **_):
    need("%s/%s" % (org, slug) in fake.teams, 404, "Not Found")
    return 200, [user_json(login) for login in fake.teams["%s/%s" % (org, slug)]]


@route("GET", REPO + r"/pulls/(?P<number>\d+)")
def get_pull(fake, who, repo, number, **_):
    need(int(number) in repo.pulls, 404, "Not Found")
    return 200, repo.pull_json(int(number))


@route("GET", REPO + r"/pulls/(?P<number>\d+)/reviews")
def get_reviews(fake, who, repo, number, **_):
    need(int(number) in repo.pulls, 404, "Not Found")
    return 200, list(repo.reviews[int(number)])


@route("GET", REPO + r"/issues/(?P<number>\d+)/comments")
def get_comments(fake, who, repo, number, query, **_):
    need(int(number) in repo.pulls, 404, "Not Found")
    since = query.get("since", "")
    return 200, [one["json"] for one in fake.comments_of(repo, int(number)) if one["json"]["updated_at"] >= since]


@route("POST", REPO + r"/issues/(?P<number>\d+)/comments")
def post_comment(fake, who, repo, number, body, **_):
    need(int(number) in repo.pulls, 404, "Not Found")
    check_members(body, ("body",))
    need(isinstance(body["body"], str) and 0 < len(body["body"]) <= COMMENT_MAX, 422, "body is too long (maximum is 65536 characters)")
    return 201, fake.make_comment(repo, int(number), who, body["body"])


@route("POST", REPO + r"/issues/(?P<number>\d+)/labels")
def post_labels(fake, who, repo, number, body, **_):
    need(int(number) in repo.pulls, 404, "Not Found")
    check_members(body, ("labels",))
    need(all(isinstance(name, str) and 0 < len(name) <= 50 for name in body["labels"]), 422, "labels")
    there = repo.pulls[int(number)].setdefault("labels", [])
    there += [name for name in body["labels"] if name not in there]
    return 200, repo.labels_json(int(number))


@route("DELETE", REPO + r"/issues/(?P<number>\d+)/labels/(?P<name>[^/]+)")
def delete_label(fake, who, repo, number, name, **_):
    name = urllib.parse.unquote(name)
    need(int(number) in repo.pulls and name in repo.pulls[int(number)].get("labels", []), 404, "Label does not exist")
    repo.pulls[int(number)]["labels"].remove(name)
    return 200, repo.labels_json(int(number))


def found_issues(repo, query, author):
    need(query.get("state", "open") in ("open", "closed", "all"), 422, "state")
    return [repo.issue_json(number) for number, one in sorted(repo.issues.items(), reverse=True)
            if query.get("state", "open") in ("all", one["state"]) and query.get(author, one["user"]) == one["user"]]


@route("GET", REPO + "/issues")
def get_issues(fake, who, repo, query, **_):
    pulls = [{"number": number, "title": pull["title"], "body": None, "user": user_json(pull["author"]), "pull_request": {"url": "x"}}
             for number, pull in sorted(repo.pulls.items(), reverse=True) if query.get("creator", pull["author"]) == pull["author"]]
    return 200, pulls + found_issues(repo, query, "creator")


@route("POST", REPO + "/issues")
def post_issue(fake, who, repo, body, **_):
    check_members(body, ("title",), ("body", "labels", "assignees"))
    need(isinstance(body["title"], str) and 0 < len(body["title"]) <= 256 and len(body.get("body", "")) <= COMMENT_MAX, 422, "title or body")
    number = len(repo.pulls) + len(repo.issues) + 1
    repo.issues[number] = {"title": body["title"], "body": body.get("body", ""), "state": "open", "user": who}
    return 201, repo.issue_json(number)


@route("PATCH", REPO + r"/issues/(?P<number>\d+)")
def patch_issue(fake, who, repo, number, body, **_):
    need(int(number) in repo.issues, 404, "Not Found")
    check_members(body, (), ("title", "body", "state"))
    need(body.get("state", "open") in ("open", "closed") and body.get("title", "x"), 422, "state or title")
    repo.issues[int(number)].update(body)
    return 200, repo.issue_json(int(number))


@route("PATCH", REPO + r"/issues/comments/(?P<id>\d+)")
def patch_comment(fake, who, repo, body, **words):
    one = repo.comments.get(int(words["id"]))
    need(one is not None, 404, "Not Found")
    need(one["json"]["user"]["login"] == who, 403, "only the author may edit")
    check_members(body, ("body",))
    need(isinstance(body["body"], str) and 0 < len(body["body"]) <= COMMENT_MAX, 422, "body is too long (maximum is 65536 characters)")
    one["json"].update(body=body["body"], updated_at=now_text())
    one["edits"] += 1
    return 200, one["json"]


@route("POST", REPO + r"/issues/comments/(?P<id>\d+)/reactions")
def post_reaction(fake, who, repo, body, **words):
    one = repo.comments.get(int(words["id"]))
    need(one is not None, 404, "Not Found")
    check_members(body, ("content",))
    need(body["content"] in ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"), 422, "content is unknown")
    is_new = (who, body["content"]) not in one["reactions"]
    if is_new:
        one["reactions"].append((who, body["content"]))
    return 201 if is_new else 200, {"id": next(fake.ids), "content": body["content"], "user": user_json(who)}


@route("POST", REPO + r"/statuses/(?P<sha>[0-9a-f]{40})")
def post_status(fake, who, repo, sha, body, **_):
    need(repo.has_commit(sha), 422, "No commit found for SHA: %s" % sha)
    check_members(body, ("state",), ("context", "description", "target_url"))
    need(body["state"] in ("error", "failure", "pending", "success"), 422, "state is unknown")
    need(len(body.get("description") or "") <= DESCRIPTION_MAX, 422, "description is too long (maximum is 140 characters)")
    repo.statuses.append(dict(body, sha=sha, creator=who))
    return 201, {"id": next(fake.ids), "state": body["state"], "context": body.get("context", "default")}


def check_run(repo, body, is_new):
    required = ("name", "head_sha") if is_new else ()
    check_members(body, required, ("name", "status", "conclusion", "output", "actions", "external_id", "details_url", "started_at",
                                   "completed_at"))
    need(body.get("status", "queued") in ("queued", "in_progress", "completed"), 422, "status is unknown")
    need((body.get("status") == "completed") == ("conclusion" in body), 422, "a conclusion belongs to what is completed")
    if "conclusion" in body:
        need(body["conclusion"] in ("success", "failure", "neutral", "cancelled", "action_required", "skipped", "timed_out"), 422,
             "conclusion is unknown")
    output = body.get("output", {"title": "x", "summary": "x"})
    check_members(output, ("title", "summary"), ("text", "annotations", "images"))
    need(len(output["summary"]) <= 65535 and len(output.get("text", "")) <= 65535, 422, "the output is too long")
    need(len(output.get("annotations", [])) <= 50, 422, "more than 50 annotations")
    for one in output.get("annotations", []):
        check_members(one, ("path", "start_line", "end_line", "annotation_level", "message"), ("title", "raw_details", "start_column", "end_column"))
        need(one["annotation_level"] in ("notice", "warning", "failure"), 422, "annotation_level is unknown")
    need(len(body.get("actions", [])) <= 3, 422, "more than 3 actions")
    for action in body.get("actions", []):
        check_members(action, ("label", "description", "identifier"))
        need(len(action["label"]) <= 20 and len(action["description"]) <= 40 and len(action["identifier"]) <= 20, 422,
             "an action is too long")


@route("POST", REPO + "/check-runs")
def post_check(fake, who, repo, body, **_):
    need(who.endswith("[bot]"), 403, "You must authenticate via a GitHub App.")
    check_run(repo, body, True)
    need(repo.has_commit(body["head_sha"]), 422, "No commit found for SHA")
    number = next(fake.ids)
    repo.checks[number] = dict(body, id=number, edits=0)
    return 201, repo.checks[number]


@route("PATCH", REPO + r"/check-runs/(?P<id>\d+)")
def patch_check(fake, who, repo, body, **words):
    one = repo.checks.get(int(words["id"]))
    need(one is not None, 404, "Not Found")
    check_run(repo, body, False)
    told = one.get("output", {}).get("annotations", [])
    one.update(body)
    if "output" in body:
        one["output"] = dict(body["output"], annotations=told + body["output"].get("annotations", []))
    if body.get("status") != "completed":
        one.pop("conclusion", None)
    one["edits"] += 1
    return 200, one


@route("GET", REPO + r"/commits/(?P<sha>[0-9a-f]{40})/check-runs")
def get_checks(fake, who, repo, sha, query, **_):
    found = [one for one in repo.checks.values() if one["head_sha"] == sha and query.get("check_name", one["name"]) == one["name"]]
    return 200, {"total_count": len(found), "check_runs": found[::-1]}


@route("PUT", REPO + r"/pulls/(?P<number>\d+)/merge")
def put_merge(fake, who, repo, number, body, **_):
    pull = repo.pulls.get(int(number))
    need(pull is not None, 404, "Not Found")
    check_members(body, (), ("sha", "merge_method", "commit_title", "commit_message"))
    need(body.get("merge_method", "merge") in ("merge", "squash", "rebase"), 422, "merge_method is unknown")
    need(pull["state"] == "open" and pull.get("mergeable", True), 405, "Pull Request is not mergeable")
    method = body.get("merge_method", "merge")
    need(body.get("sha", pull["head"]) == pull["head"], 409, "Head branch was modified. Review and try the merge again.")
    need(method in repo.methods, 405, "%s merges are not allowed on this repository." % method.capitalize())
    for context in repo.rules.get("checks", []):
        need(repo.status_is_green(pull["head"], context), 405, 'Required status check "%s" is expected.' % context)
    sha = fake.merge(repo, int(number), who, tell=False, method=method)
    threading.Thread(target=fake.tell, args=("pull_request", repo, who), kwargs={
        "action": "closed", "number": int(number), "pull_request": repo.pull_json(int(number))}).start()
    return 200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


def mergeable_json(repo, number):
    pull = repo.pulls[number]
    checks = [{"__typename": "StatusContext", "context": one["context"], "state": one["state"].upper(),
               "isRequired": one["context"] in repo.rules.get("checks", [])} for one in repo.latest_statuses(pull["head"])]
    checks += [{"__typename": "CheckRun", "name": one["name"], "conclusion": (one.get("conclusion") or "").upper() or None,
                "isRequired": one["name"] in repo.rules.get("checks", []), "checkSuite": {"conclusion": None, "workflowRun": None}}
               for one in repo.checks.values() if one["head_sha"] == pull["head"]]
    opinions = {}
    for review in repo.reviews[number]:
        opinions[review["user"]["login"]] = review["state"]
    page = {"hasNextPage": False, "endCursor": None}
    rules = [{"type": "REQUIRED_STATUS_CHECKS", "repositoryRuleset": {"enforcement": "ACTIVE"}, "parameters": {
        "__typename": "RequiredStatusChecksParameters", "requiredStatusChecks": [{"context": one} for one in repo.rules.get("checks", [])]}}]
    return {"labels": {"nodes": [{"name": name} for name in pull.get("labels", [])]}, "state": "OPEN" if pull["state"] == "open" else "MERGED",
            "isDraft": pull["draft"], "mergeable": pull.get("graphql_mergeable", "MERGEABLE"), "mergeStateStatus": "CLEAN",
            "reviewDecision": None, "latestOpinionatedReviews": {"nodes": [{"state": state} for state in opinions.values()]},
            "baseRef": {"branchProtectionRule": None, "rules": {"pageInfo": page, "nodes": rules}},
            "commits": {"nodes": [{"commit": {"statusCheckRollup": {"contexts": {"pageInfo": page, "nodes": checks}} if checks else None}}]}}


@route("POST", "/graphql")
def graphql(fake, who, body, **_):
    check_members(body, ("query",), ("variables",))
    if "latestOpinionatedReviews" in body["query"]:
        repo = fake.repos.get("%s/%s" % (body["variables"]["owner"], body["variables"]["name"]))
        need(repo is not None and body["variables"]["number"] in repo.pulls, 404, "Not Found")
        return 200, {"data": {"repository": {"pullRequest": mergeable_json(repo, body["variables"]["number"])}}}
    for word, hidden in (("unminimizeComment", False), ("minimizeComment", True)):
        if word not in body["query"]:
            continue
        if hidden:
            need("classifier:OUTDATED" in body["query"], 400, "classifier is missing")
        for repo in fake.repos.values():
            for one in repo.comments.values():
                if one["json"]["node_id"] == body["variables"]["id"]:
                    one["hidden"] = hidden
                    return 200, {"data": {word: {}}}
        return 200, {"data": None, "errors": [{"type": "NOT_FOUND", "message": "Could not resolve to a node"}]}
    raise Refusal(400, "this fake knows no such query")
