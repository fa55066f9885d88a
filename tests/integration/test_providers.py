#!/usr/bin/env python3
"""Where providers and modules come from: a registry of our own over TLS, a real server, real Terraform and OpenTofu.

    tests/integration/test_providers.py [CASE ...]

Results: build/report/results/providers.tsv."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
import registry  # noqa: E402
import sluice  # noqa: E402
from runner_lab import tool  # noqa: E402

MODE = os.environ.get("MODE", "debug")
KINDS = (("terraform", "terraform"), ("tofu", "opentofu"))
NULL = os.path.join(sluice.ROOT, ".tools", "provider-null", "2.1.2", "provider-null")
CASES = []


class Skip(Exception):
    pass


def case(function):
    CASES.append(function)
    return function


def expect(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


def wanting(source, version="2.1.2"):
    return ('terraform {\n  required_providers {\n    null = { source = "%s", version = "%s" }\n  }\n}\n'
            'resource "null_resource" "x" {}\n' % (source, version))


class Place:
    """A registry with one provider, and a server whose init may ask it."""

    def __init__(self, kind, is_open=True):
        self.name, self.kind = kind
        program = tool(self.name)
        if program is None or not os.path.exists(NULL):
            raise Skip("%s or the provider null is neither in .tools nor in PATH" % self.name)
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

    def start(self, sandbox="", about=""):
        """`sandbox`: keys of it, `about`: what is known of the registry."""
        host = self.registry.host
        self.server = self.server or sluice.Server(os.path.join(self.folder, "data"), MODE)
        with open(self.server.config, "w", encoding="utf-8") as out:
            out.write("listen: 127.0.0.1:0\ntools: {%s: %s}\n"
                      "registries: {'%s': {repos: 'local/*', ca_bundle: %s%s}}\n"
                      "sandbox:\n  profiles: {init: {inside: ['%s']}}\n%s" %
                      (self.name, self.tool, host, self.registry.ca, about, host, sandbox))
        self.server.start()
        return self

    def again(self, sandbox="", about=""):
        self.server.stop()
        return self.start(sandbox, about)

    def plan(self, files, base=None):
        """A repository of its own with one pull request; the state of its run, and what is said."""
        self.repos += 1
        repo = os.path.join(self.folder, "r%d.git" % self.repos)
        project = "version: 3\nprojects:\n- {dir: p, kind: %s}\n" % self.kind
        sluice.make_repository(repo, {"sluice.yaml": project, "p/empty.tf": "", **(base or {})}, {"feature": files})
        self.server.must("POST", "/local/repos", {"name": "r%d" % self.repos, "import": repo})
        self.server.must("POST", "/local/pulls", {"repo": "r%d" % self.repos, "title": "t", "head_ref": "feature",
                                                  "base_ref": "main", "as": "ann"})
        self.pulls += 1
        return self.ended()

    def ended(self):
        run = self.server.wait_idle(self.pulls, 120)[0]
        said = self.server.must("GET", "/local/pulls/%d" % self.pulls)["comments"]
        return run["state"], "\n".join(comment["body"] for comment in said if comment["author"] == "sluice")

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
    finally:
        place.close()


def main():
    results = sluice.Results("providers")
    for function in CASES:
        for kind in KINDS:
            label = "%s_%s" % (kind[1], function.__name__)
            if sys.argv[1:] and not any(word in label for word in sys.argv[1:]):
                continue
            try:
                function(kind)
                results.row("passed", label)
            except Skip as skip:
                results.row("skipped", label, skip)
            except Exception as error:  # a case that breaks is a case that fails
                results.row("failed", label, "%s: %s" % (type(error).__name__, error))
    results.end()


if __name__ == "__main__":
    main()
