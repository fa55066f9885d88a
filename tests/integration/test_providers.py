#!/usr/bin/env python3
"""Where providers and modules come from: a registry of our own over TLS, a real server, real Terraform and OpenTofu.

    tests/integration/test_providers.py [CASE ...]

Results: build/report/results/providers.tsv."""

import base64
import functools
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
import registry  # noqa: E402
import sluice  # noqa: E402
import tls_place  # noqa: E402
from runner_lab import tool  # noqa: E402
from sluice import expect  # noqa: E402

MODE = os.environ.get("MODE", "debug")
KINDS = (("terraform", "terraform"), ("tofu", "opentofu"))
NULL = os.path.join(sluice.ROOT, ".tools", "provider-null", "2.1.2", "provider-null")
CASES = []


def case(function):
    CASES.extend(("%s_%s" % (kind[1], function.__name__), functools.partial(function, kind)) for kind in KINDS)
    return function


def wanting(source, version="2.1.2"):
    return ('terraform {\n  required_providers {\n    null = { source = "%s", version = "%s" }\n  }\n}\n'
            'resource "null_resource" "x" {}\n' % (source, version))


class Place:
    """A registry with one provider, and a server whose init may ask it."""

    def __init__(self, kind, is_open=True):
        self.name, self.kind = kind
        program = tool(self.name)
        if program is None or not os.path.exists(NULL):
            raise sluice.Skip("%s or the provider null is neither in .tools nor in PATH" % self.name)
        self.folder = tempfile.mkdtemp(prefix="sluice-providers-")
        os.chmod(self.folder, 0o711)
        self.registry = registry.Registry(self.folder, is_open)
        with open(NULL, "rb") as content:
            self.program = content.read()
        self.registry.offer("acme/null", "2.1.2", registry.package({"terraform-provider-null_v2.1.2": self.program}))
        self.tool = os.path.realpath(program)
        self.server, self.repos, self.pulls = None, 0, 0

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def start(self, sandbox="", about="", config=None, more=""):
        """`sandbox`: keys of it, `about`: what is known of the registry, `config`: a CLI configuration of the operator."""
        host = self.registry.host
        self.server = self.server or sluice.Server(os.path.join(self.folder, "data"), MODE)
        with open(self.server.config, "w", encoding="utf-8") as out:
            out.write("listen: 127.0.0.1:0\ntools: {%s: %s%s}\n"
                      "registries: {'%s': {repos: 'local/*', ca_bundle: %s%s}}\n"
                      "sandbox:\n  profiles: {init: {inside: ['%s']}}\n%s%s" %
                      (self.name, self.tool, ", cli_config: " + config if config else "", host, self.registry.ca, about, host,
                       sandbox, more))
        self.server.start()
        return self

    def again(self, sandbox="", about=""):
        self.server.stop()
        return self.start(sandbox, about)

    def plan(self, files, base=None):
        """A repository of its own with one pull request, each main.tf a project; the state of its run, and what is said."""
        self.repos += 1
        repo = os.path.join(self.folder, "r%d.git" % self.repos)
        projects = "".join("- {dir: %s, kind: %s}\n" % (name.split("/")[0], self.kind) for name in files if name.endswith("main.tf"))
        sluice.make_repository(repo, {"sluice.yaml": "version: 3\nprojects:\n" + projects, **(base or {})}, {"feature": files})
        self.server.must("POST", "/local/repos", {"name": "r%d" % self.repos, "import": repo})
        self.server.must("POST", "/local/pulls", {"repo": "r%d" % self.repos, "title": "t", "head_ref": "feature",
                                                  "base_ref": "main", "as": "ann"})
        self.pulls += 1
        return self.ended()

    def ended(self):
        run = self.server.wait_idle(self.pulls, 120)[0]
        said = self.server.must("GET", "/local/pulls/%d" % self.pulls)["comments"]
        return run["state"], "\n".join(comment["body"] for comment in said if comment["author"] == "sluice")

    def kept(self, store):
        """Versions of the provider that a store has."""
        return [os.path.basename(path) for path in glob.glob(os.path.join(
            self.server.data, store, self.registry.host, "*", "*", "*")) if os.path.exists(path + "/hashes.json")]

    def close(self):
        if self.server is not None:
            self.server.stop()
        self.registry.close()
        subprocess.run(["chmod", "-R", "u+rwX", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


@case
def a_token_for_a_registry_with_a_port(kind):
    place = Place(kind, is_open=False)
    files = {"p/main.tf": wanting(place.registry.source("acme/null"))}
    try:
        state, said = place.start().plan(files)
        expect(state, "failed", "the registry is not open to all: %s" % said)
        assert place.registry.asked("terraform.json") and "401" in said, said
        token = place.write("token", place.registry.token + "\n")
        state, said = place.again(about=", token_file: " + token).plan(files)
        expect(state, "done", said)
        assert ("/v1/providers/acme/null/versions", "Bearer " + place.registry.token) in place.registry.asked("versions")
        assert place.registry.token not in said, said
        expect((place.kept("providers"), place.kept("repos/*/providers")), ([], ["2.1.2"]), "what came with a token is not for others")
    finally:
        place.close()


@case
def only_what_is_listed(kind):
    """Before init reaches out by what is written, afterwards by what is there; unlisted, each of them goes through."""
    place = Place(kind)
    host, evil, null = place.registry.host, place.registry.source("evil/null"), place.registry.source("acme/null")
    for name, content in (("nested", 'module "x" {\n  source = "https://%s/files/other.zip"\n}\n' % host),
                          ("hidden", wanting(evil)), ("other", wanting(null))):
        place.registry.files["/files/%s.zip" % name] = tls_place.archive({"m.tf": content})
    place.registry.offer("evil/null", "2.1.2", registry.package({"terraform-provider-null_v2.1.2": place.program}))

    def using(source):
        return 'module "m" {\n  source = "%s"\n}\n' % source
    later = {"hidden/main.tf": using("https://%s/files/hidden.zip" % host),
             "nested/main.tf": using("https://%s/files/nested.zip" % host)}
    before = {"p/main.tf": wanting(evil), "q/main.tf": using("../n"), "n/x.tf": wanting(evil),
              "r/main.tf": using("https://%s/files/other.zip" % host), "s/main.tf": using("git::file:///"),
              "t/main.tf": using("git::https://%s/x?ref=--upload-pack=touch" % host), "u/main.tf": using("../../..")}
    said_before = ("p/main.tf asks for the provider %s: " % evil, "n/x.tf asks for the provider", "sandbox.providers.allow",
                   "r/main.tf asks for the module https://%s/files/other.zip" % host, "sandbox.modules.allow",
                   "neither a folder of the tree", "its query is not plain", "outside of the repository")
    said_later = (".terraform/providers asks for the provider %s" % evil,
                  "modules.json asks for the module https://%s/files/other.zip" % host)
    try:
        state, said = place.start().plan({**later, "p/main.tf": wanting(evil)})
        expect(state, "done", "nothing is listed, so all is let in: %s" % said)
        place.again("  providers: {allow: ['%s']}\n  modules: {allow: ['https://%s/files/*d*']}\n" % (null, host))
        place.registry.seen.clear()
        state, said = place.plan(before)
        expect(state, "failed", said)
        expect([words for words in said_before if words not in said], [], said)
        expect(place.registry.seen, [], "nobody was asked")
        state, said = place.plan({**later, "p/main.tf": wanting(null)})
        expect([words for words in said_later if words not in said], [], said)
        assert "module.m" not in said and "null_resource.x" in said, said
    finally:
        place.close()


@case
def versions_that_nobody_needs_go(kind):
    """Not while an init is kept that links to it, however old it is."""
    place = Place(kind)
    try:
        files = {"p/main.tf": wanting(place.registry.source("acme/null"))}
        state, said = place.start(more="retention: {every: 1s, init: 2d}\n").plan(files)
        expect(state, "done", said)
        (version,) = glob.glob(os.path.join(place.server.data, "providers", place.registry.host, "*", "*", "*"))
        (init,) = glob.glob(os.path.join(place.server.data, "repos", "*", "init", "*"))
        os.utime(version, (1000, 1000))
        place.server.sweeps(2)
        expect(place.kept("providers"), ["2.1.2"], "an init is kept that needs it")
        os.utime(init, (1000, 1000))
        place.server.sweeps(3)
        expect((os.path.exists(init), place.kept("providers")), (False, []))
        expect(place.plan(files)[0], "done", "it is fetched again")
    finally:
        place.close()


def h1_of(files):
    lines = "".join("%s  %s\n" % (hashlib.sha256(files[name]).hexdigest(), name) for name in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


@case
def one_copy_for_all(kind):
    """Two projects at once, then another repository, then a lock file that somebody edited."""
    place = Place(kind)
    files = {"terraform-provider-null_v2.1.2": place.program}
    source = place.registry.source("acme/null")
    lock = 'provider "%s" {\n  version = "2.1.2"\n  hashes = [\n    "%s",\n    "zh:%s",\n  ]\n}\n'
    try:
        state, said = place.start().plan({"p/main.tf": wanting(source), "q/main.tf": wanting(source)})
        expect(state, "done", said)
        store = os.path.join(place.server.data, "providers", source, "2.1.2")
        with open(os.path.join(store, "hashes.json"), encoding="utf-8") as record:
            known = json.load(record)
        zip_sum = hashlib.sha256(registry.package(files)).hexdigest()
        expect(known, {"h1": h1_of(files), "zh": ["zh:" + zip_sum]})
        copies = [os.path.join(folder, name) for folder, _, names in os.walk(place.server.data) for name in names
                  if name.startswith("terraform-provider-") and not folder.startswith(os.path.join(place.server.data, "trash"))]
        expect(copies, [os.path.join(store, "linux_amd64", *files)], "one copy")
        place.registry.seen.clear()
        state, said = place.plan({"p/main.tf": wanting(source), "p/.terraform.lock.hcl": lock % (source, known["h1"], zip_sum),
                                  "q/main.tf": wanting(source),
                                  "q/.terraform.lock.hcl": lock % (source, known["h1"], "0" * 64),
                                  "r/main.tf": wanting(source), "r/.terraform.lock.hcl": lock % (source, "h1:" + "A" * 43 + "=", zip_sum)})
        assert place.registry.asked("versions") and not place.registry.asked("zip"), place.registry.seen
        assert "the hashes in q/.terraform.lock.hcl are not those of the provider" in said, said
        assert "null_resource.x" in said and said.count("not those of the provider") == 1, said
        assert "checksum" in said, "of r the tool says it itself: %s" % said
    finally:
        place.close()


@case
def a_version_that_changes_is_refused(kind):
    """The operator's own CLI configuration asks the registry each time; what it gives is held against what it gave first."""
    place = Place(kind)
    config = place.write("tfrc", "provider_installation {\n  direct {\n  }\n}\n")
    try:
        place.start(config=config)
        state, said = place.plan({"p/main.tf": wanting(place.registry.source("acme/null"))})
        expect(state, "done", said)
        place.registry.offer("acme/null", "2.1.2", registry.package(
            {"terraform-provider-null_v2.1.2": place.program, "README": b"it was changed"}))
        state, said = place.plan({"p/main.tf": wanting(place.registry.source("acme/null"))})
        expect(state, "failed", said)
        assert "A version does not change" in said and h1_of({"terraform-provider-null_v2.1.2": place.program}) in said, said
    finally:
        place.close()


@case
def nobody_writes_to_the_store(kind):
    """A command of the workflow tries; without a sandbox it can."""
    write = "f=$(echo .terraform/providers/*/*/*/*/*/terraform-provider-*); chmod u+w $f; echo trojan >> $f"
    workflow = "workflows:\n  default:\n    plan:\n      steps: [init, {run: '%s'}, plan]\n" % write
    none = "  mode: none\n  i_accept_unsandboxed: %s\n" % socket.gethostname()
    for mode in ("  mode: full\n", none):
        place = Place(kind)
        try:
            state, said = place.start(mode, more=workflow).plan({"p/main.tf": wanting(place.registry.source("acme/null"))})
            (path,) = glob.glob(os.path.join(place.server.data, "providers", "*", "*", "*", "*", "*", "terraform-provider-*"))
            with open(path, "rb") as content:
                expect(content.read().endswith(b"trojan\n"), mode == none, said)
            expect(state, "failed", said)
            assert mode == none or "Read-only file system" in said, said
        finally:
            place.close()


if __name__ == "__main__":
    sluice.run_cases("providers", CASES)
