"""What our GitHub knows of setting things up: Apps from manifests, their webhook and its deliveries, hooks of repositories, scopes of
tokens, rules of branches. Importing it is enough."""

import os
import subprocess
import tempfile
import urllib.parse

from fake_github import REPO, need, route

NEEDED = ("name", "url", "hook_attributes", "redirect_url", "default_permissions", "default_events", "public")


def submit_manifest(fake, action, manifest):
    """Somebody pressed both buttons: what the page posted, and GitHub's own. Where the browser is sent."""
    path, _, query = action.removeprefix(fake.url).partition("?")
    need(path == "/settings/apps/new" or path.startswith("/organizations/"), 404, "Not Found: " + path)
    for name in NEEDED:
        need(name in manifest, 422, name + " is missing")
    owner = path.split("/")[2] if path.startswith("/organizations/") else "alice"
    code = os.urandom(20).hex()
    fake.manifests[code] = (owner, manifest)
    return "%s?%s" % (manifest["redirect_url"], urllib.parse.urlencode(
        {"code": code, "state": urllib.parse.parse_qs(query)["state"][0]}))


@route("POST", r"/app-manifests/(?P<code>[\w-]+)/conversions", jwt=None)
def post_conversion(fake, who, code, **_):
    need(code in fake.manifests, 404, "Not Found")
    owner, manifest = fake.manifests.pop(code)
    with tempfile.TemporaryDirectory() as folder:
        key, public = os.path.join(folder, "key"), os.path.join(folder, "public")
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        with open(key, encoding="utf-8") as text:
            pem = text.read()
        with open(public, encoding="utf-8") as text:
            fake.public_key = text.read()
    slug = manifest["name"].lower().replace(" ", "-")
    return 201, {"id": 4711, "slug": slug, "node_id": "A_1", "name": manifest["name"], "owner": {"login": owner, "id": 1},
                 "html_url": "%s/apps/%s" % (fake.url, slug), "external_url": manifest["url"], "client_id": "Iv1.1", "client_secret": "hush",
                 "webhook_secret": os.urandom(20).hex(), "pem": pem, "permissions": manifest["default_permissions"],
                 "events": manifest["default_events"], "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"}


# ---- what doctor asks ----

@route("GET", "/app/installations", jwt=True)
def get_installations(fake, who, **_):
    return 200, [{"id": number, "account": {"login": owner, "id": 1}, "permissions": fake.app.get("accepted", RIGHTS),
                  "suspended_at": fake.app.get("suspended")} for owner, number in fake.app["installations"].items()]


@route("GET", "/app/hook/config", jwt=True)
def get_hook_config(fake, who, **_):
    return 200, {"url": fake.app.get("hook_url", "https://elsewhere.example/x"), "content_type": "json", "insecure_ssl": "0", "secret": "********"}


@route("GET", "/app/hook/deliveries", jwt=True)
def get_deliveries(fake, who, **_):
    return 200, fake.app.get("deliveries", [])


@route("GET", REPO + "/hooks")
def get_hooks(fake, who, repo, **_):
    need(repo.people.get(who) == "admin", 404, "Not Found")
    return 200, repo.hooks


@route("GET", REPO + r"/rules/branches/(?P<branch>[^/]+)")
def get_rules(fake, who, repo, branch, **_):
    return 200, required(*repo.rules["checks"]) if repo.rules.get("checks") else []


RIGHTS = {"contents": "read", "pull_requests": "write", "checks": "write", "metadata": "read"}
EVENTS = ["pull_request", "pull_request_review", "issue_comment", "check_run"]


def delivery(status, code):
    return {"id": 1, "guid": "0b989ba4-242f-11e5-81e1-c7b6966d2516", "delivered_at": "2026-01-05T09:00:00Z", "redelivery": False,
            "duration": 0.27, "status": status, "status_code": code, "event": "issue_comment", "action": "created",
            "installation_id": 1, "repository_id": 1, "url": "x", "throttled_at": None}


def hook(url, code, message):
    return {"type": "Repository", "id": 1, "name": "web", "active": True, "events": EVENTS, "config": {"url": url, "content_type": "json"},
            "updated_at": "2026-01-05T09:00:00Z", "created_at": "2026-01-05T09:00:00Z", "url": "https://api.example/x",
            "test_url": "https://api.example/x", "ping_url": "https://api.example/x", "deliveries_url": "https://api.example/x",
            "last_response": {"code": code, "status": "x", "message": message}}


def required(*contexts):
    return [{"type": "required_status_checks", "ruleset_source_type": "Repository", "ruleset_source": "x", "ruleset_id": 1,
             "parameters": {"strict_required_status_checks_policy": False,
                            "required_status_checks": [{"context": context} for context in contexts]}}]
