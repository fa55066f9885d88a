"""What our GitHub knows of setting things up: Apps from manifests, their webhook and its deliveries, hooks of repositories, scopes of
tokens, rules of branches. Importing it is enough."""

import os
import subprocess
import tempfile
import urllib.parse

from fake_github import REPO, FakeGitHub, need, route

NEEDED = ("name", "url", "hook_attributes", "redirect_url", "default_permissions", "default_events", "public")


def submit_manifest(fake, action, manifest):
    """Somebody pressed both buttons: what the page posted, and GitHub's own. Where the browser is sent."""
    path, _, query = action.removeprefix(fake.url).partition("?")
    need(path == "/settings/apps/new" or path.startswith("/organizations/"), 404, "Not Found: " + path)
    for name in NEEDED:
        need(name in manifest, 422, name + " is missing")
    owner = path.split("/")[2] if path.startswith("/organizations/") else "alice"
    code = os.urandom(20).hex()
    fake.manifests = getattr(fake, "manifests", {})
    fake.manifests[code] = (owner, manifest)
    return "%s?%s" % (manifest["redirect_url"], urllib.parse.urlencode(
        {"code": code, "state": urllib.parse.parse_qs(query)["state"][0]}))


@route("POST", r"/app-manifests/(?P<code>[\w-]+)/conversions", jwt=None)
def post_conversion(fake, who, code, **_):
    need(code in getattr(fake, "manifests", {}), 404, "Not Found")
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
