#!/usr/bin/env python3
"""`sluice projects` on real repositories: what is selected, in which order, because of what; and what is not.

    tests/integration/test_projects.py [CASE ...]

Results: build/report/results/projects.tsv; on stdout only what did not pass."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
SLUICE = os.path.join(sluice.ROOT, "build", MODE, "sluice")
CORPORA = os.path.join(sluice.ROOT, "..", "shared", "corpora", "atlantis-yaml")
DONE, NO, USAGE = 0, 1, 2
TF = "# terraform\n"


class Lab:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="sluice-projects-")
        self.env = dict(os.environ, XDG_CACHE_HOME=os.path.join(self.root, "cache"))

    def repo(self, base, change=None, gone=()):
        """A repository with one commit on main, and a branch `feature` with the change on top."""
        folder = os.path.join(self.root, "repo")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        sluice.git(folder, "init", "-q", "-b", "main")
        sluice.write_files(folder, base)
        sluice.git(folder, "add", "-A")
        sluice.git(folder, "commit", "-qm", "base")
        sluice.git(folder, "checkout", "-qb", "feature")
        sluice.write_files(folder, change or {})
        for path in gone:
            sluice.git(folder, "rm", "-q", path)
        sluice.git(folder, "add", "-A")
        sluice.git(folder, "commit", "-qm", "change", "--allow-empty")
        return folder

    def run(self, *arguments, code=DONE):
        done = subprocess.run([SLUICE, "projects", "--repo", os.path.join(self.root, "repo"), *arguments], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == code, "exit %d, %s%s" % (done.returncode, done.stdout, done.stderr)
        return done.stdout if code == DONE else done.stderr

    def ask(self, *arguments):
        return json.loads(self.run("--base", "main", "--json", *arguments))

    def selected(self, *arguments):
        return ["%s: %s" % (p["name"], p["because"]) for p in self.ask(*arguments)["selected"]]

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)


def expect(got, want):
    assert got == want, "got %r, want %r" % (got, want)


# ---- cases ----

def case_found_by_their_files(lab):
    lab.repo({"main.tf": TF, "a/main.tf": TF, "b/main.tf": TF, "docs/x.md": "x\n"},
             {"a/vars/x.tfvars": "x = 1\n", "docs/x.md": "y\n"})
    answer = lab.ask()
    expect([(p["name"], p["because"], p["rule"]) for p in answer["selected"]],
           [("a", "a/vars/x.tfvars changed", "autodiscover")])
    expect([(s["name"], s["why"]) for s in answer["skipped"]],
           [("root", "no file of it changed"), ("b", "no file of it changed")])
    expect(answer["file"], "")


def case_modules_of_any_depth_and_form(lab):
    module = 'module "m" {\n  source = "%s"\n}\n'
    text = json.dumps({"module": {"m": {"source": "../modules/one"}}})
    lab.repo({"a/main.tf": module % "../modules/one", "b/main.tf.json": text, "c/main.tofu": module % "../modules/one/deep",
              "d/main.tf": TF, "modules/one/main.tf": module % "./deep", "modules/one/deep/main.tf": TF},
             {"modules/one/deep/x.tf": TF})
    expect(lab.selected(), ["a: uses modules/one, where modules/one/deep/x.tf changed",
                            "b: uses modules/one, where modules/one/deep/x.tf changed",
                            "c: uses modules/one/deep, where modules/one/deep/x.tf changed"])


def case_renamed_and_deleted(lab):
    lab.repo({"old/main.tf": TF * 20, "b/main.tf": TF, "b/moved.tf": "# moved\n" * 20},
             {"new/main.tf": TF * 20, "c/moved.tf": "# moved\n" * 20}, gone=["old/main.tf", "b/moved.tf"])
    answer = lab.ask()
    expect([p["name"] for p in answer["selected"]], ["b", "c", "new"])
    expect(answer["gone"], ["old"])


ORDERED = """version: 3
projects:
- name: app
  dir: app
  depends_on: [network]
  execution_order_group: 1
- name: network
  dir: network
- name: dns
  dir: dns
  execution_order_group: 2
  autoplan:
    when_modified: ["*.tf", "!ignored.tf", "../shared/**"]
- name: off
  dir: off
  autoplan: {enabled: false}
- name: release
  dir: dns
  branch: /^release-/
"""


def case_configured(lab):
    lab.repo({"atlantis.yaml": ORDERED, "app/main.tf": TF, "network/main.tf": TF, "dns/main.tf": TF, "off/main.tf": TF,
              "other/main.tf": TF},
             {"app/x.tf": TF, "network/x.tf": TF, "dns/ignored.tf": TF, "shared/deep/zone.txt": "x\n", "off/x.tf": TF,
              "other/x.tf": TF})
    answer = lab.ask()
    expect([(p["name"], p["group"], p["after"]) for p in answer["selected"]],
           [("network", 0, []), ("app", 1, ["network"]), ("dns", 2, [])])
    expect(answer["selected"][2]["because"], "shared/deep/zone.txt changed")
    expect(answer["selected"][2]["rule"], "when_modified ../shared/**")
    expect((answer["selected"][2]["file"], answer["selected"][2]["line"]), ("atlantis.yaml", 9))
    expect([(s["name"], s["why"]) for s in answer["skipped"]],
           [("off", "autoplan is off"), ("release", "its branch is /^release-/, and this goes into main")])


def case_words_for_people(lab):
    lab.repo({"atlantis.yaml": ORDERED, "app/main.tf": TF, "network/main.tf": TF, "dns/main.tf": TF, "off/main.tf": TF},
             {"app/x.tf": TF, "network/x.tf": TF, "off/x.tf": TF})
    text = lab.run("--base", "main")
    assert text.startswith("2 projects selected, in this order:\n  1. network: network/x.tf changed; "
                           "when_modified **/*.tf* (atlantis.yaml:7:3)\n  2. app: "), text
    assert "; group 1; after network\n" in text, text
    assert "3 skipped:\n" in text and "off: autoplan is off (atlantis.yaml:14:3)" in text, text


def case_asked_by_name(lab):
    lab.repo({"atlantis.yaml": ORDERED, "app/main.tf": TF, "network/main.tf": TF, "dns/main.tf": TF, "off/main.tf": TF})
    expect(lab.selected("-p", "off"), ["off: asked for by name"])
    expect(lab.selected("-p", "n*"), ["network: asked for by name"])
    expect(lab.selected("-d", "{app,network}"), ["network: asked for by name", "app: asked for by name"])
    expect(lab.selected("-p", "nobody"), [])


def case_globs_of_folders_and_discovery(lab):
    lab.repo({"atlantis.yaml": "version: 3\nautodiscover:\n  mode: enabled\n  ignore_paths: ['legacy/**']\nprojects:\n"
                               "- dir: env/*\n  workspace: prod\n",
              "env/a/main.tf": TF, "env/b/main.tf": TF, "x/main.tf": TF, "legacy/y/main.tf": TF},
             {"env/a/x.tf": TF, "x/x.tf": TF, "legacy/y/x.tf": TF})
    answer = lab.ask()
    expect([(p["name"], p["workspace"]) for p in answer["selected"]], [("env/a", "prod"), ("x", "default")])
    assert {"legacy/y": "ignore_paths has it: legacy/**"}.items() <= \
        {s["name"]: s["why"] for s in answer["skipped"]}.items(), answer["skipped"]


def case_discover_rules(lab):
    lab.repo({"sluice.yaml": "version: 3\ndiscover:\n- kind: kustomize\n  dirs: services/*/overlays/*\n"
                             "  name: '{1}-{2}'\n",
              "services/shop/overlays/prod/kustomization.yaml": "x\n", "services/shop/overlays/dev/kustomization.yaml": "x\n"},
             {"services/shop/overlays/prod/patch.yaml": "x\n"})
    answer = lab.ask()
    expect([(p["name"], p["kind"]) for p in answer["selected"]], [("shop-prod", "kustomize")])
    expect([s["name"] for s in answer["skipped"]], ["shop-dev"])


def case_workspace_by_cloud(lab):
    hcl = 'terraform {\n  cloud {\n    workspaces {\n      name = "%s"\n    }\n  }\n}\n'
    lab.repo({"a/main.tf": hcl % "prod", "b/main.tf": TF}, {"a/x.tf": TF, "b/x.tf": TF})
    expect([(p["name"], p["workspace"]) for p in lab.ask()["selected"]], [("a", "prod"), ("b", "default")])


def case_every_error_with_its_place(lab):
    lab.repo({"atlantis.yaml": "version: 3\nprojects:\n- name: a\n  dir: a\n  depends_on: [b]\n- name: b\n  dir: b\n"
                               "  depends_on: [a]\n", "a/main.tf": TF, "b/main.tf": TF}, {"a/x.tf": TF})
    text = lab.run("--base", "main", code=NO)
    assert re.search(r"atlantis.yaml:\d+:\d+: .*circle", text), text
    lab.repo({"main.tf": TF}, {"atlantis.yaml": "version: 3\nprojecs: []\n"})
    text = lab.run("--base", "main", code=NO)
    assert "atlantis.yaml:2:1: " in text and 'did you mean "projects"' in text, text


def case_what_cannot_be_answered(lab):
    lab.repo({"main.tf": "a\n"}, {"main.tf": "b\n"})
    expect(lab.run(code=USAGE).count("--base"), 2)
    assert "there is no commit nowhere" in lab.run("--base", "nowhere", code=NO)
    folder = os.path.join(lab.root, "repo")
    sluice.git(folder, "checkout", "-q", "main")
    sluice.write_files(folder, {"main.tf": "c\n"})
    sluice.git(folder, "commit", "-qam", "other")
    assert "cannot be merged" in lab.run("--base", "main", "--head", "feature", code=NO)


def case_nothing_is_written_to_the_repository(lab):
    folder = lab.repo({"a/main.tf": TF}, {"a/x.tf": TF})
    sluice.git(folder, "checkout", "-q", "main")
    sluice.write_files(folder, {"b/main.tf": TF})
    sluice.git(folder, "add", "-A")
    sluice.git(folder, "commit", "-qm", "later")
    before = sorted(glob.glob(folder + "/.git/**", recursive=True))
    expect(lab.selected("--head", "feature"), ["a: a/x.tf changed"])  # a real merge, kept in memory
    expect(sorted(glob.glob(folder + "/.git/**", recursive=True)), before)


def case_what_is_remembered_is_of_that_tree(lab):
    """The same answer out of the cache, another for another tree, and a damaged cache is none."""
    folder = lab.repo({"a/main.tf": TF, "b/main.tf": TF}, {"a/x.tf": TF})
    expect(lab.selected(), ["a: a/x.tf changed"])
    cache = os.path.join(lab.env["XDG_CACHE_HOME"], "sluice")
    facts = glob.glob(os.path.join(cache, "facts2-*.json"))
    expect(len(facts), 1)
    expect(lab.selected(), ["a: a/x.tf changed"])
    sluice.write_files(folder, {"c/main.tf": TF})
    sluice.git(folder, "add", "-A")
    sluice.git(folder, "commit", "-qm", "more")
    expect(lab.selected(), ["a: a/x.tf changed", "c: c/main.tf changed"])
    with open(facts[0], encoding="utf-8") as text:
        old = text.read()
    for place in range(16):  # facts of another tree in every place
        with open(os.path.join(cache, "facts2-%d.json" % place), "w", encoding="utf-8") as out:
            out.write(old)
    expect(lab.selected(), ["a: a/x.tf changed", "c: c/main.tf changed"])
    for path in glob.glob(os.path.join(cache, "facts2-*.json")):
        with open(path, "w", encoding="utf-8") as out:
            out.write('{"head":"","base":"","merge_base":"","tree":')
    expect(lab.selected(), ["a: a/x.tf changed", "c: c/main.tf changed"])


def case_real_files(lab):
    """Each real atlantis.yaml that is valid selects its own projects, and nothing else, when their folders change."""
    if not os.path.isdir(CORPORA):
        raise sluice.Skip("corpora absent")
    asked = 0
    for path in sorted(glob.glob(os.path.join(CORPORA, "*.yaml"))):
        done = subprocess.run([SLUICE, "validate", "--json", "--file", path], stdout=subprocess.PIPE, text=True, check=False)
        answer = json.loads(done.stdout)
        if not answer["valid"] or not answer["projects"]:
            continue
        dirs = [p["dir"].strip("/") or "." for p in answer["projects"]]
        if any(re.search(r"[*?\[{]|^\.\.", d) for d in dirs):
            continue
        with open(path, encoding="utf-8") as file:
            config = file.read()
        folders = {os.path.normpath(d) for d in dirs}
        lab.repo(dict({os.path.join(d, "main.tf"): TF for d in folders}, **{"atlantis.yaml": config}),
                 {os.path.join(d, "main.tf"): TF * 2 for d in folders})
        done = subprocess.run([SLUICE, "projects", "--repo", os.path.join(lab.root, "repo"), "--base", "main", "--json"],
                              env=lab.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != DONE and "there is no workflow" in done.stderr:
            continue  # it is the server's, and none was given
        assert done.returncode == DONE, "%s: %s" % (path, done.stderr)
        got = json.loads(done.stdout)
        for one in got["selected"] + got["skipped"]:
            assert one.get("because") or one.get("why"), "%s: %r has no reason" % (path, one)
        known = {(p["name"] or os.path.normpath(p["dir"])) for p in answer["projects"]}
        assert {p["name"] for p in got["selected"] if p["line"]} <= known | {"root"}, (path, got["selected"])
        asked += 1
    assert asked >= 15, "only %d files could be asked about" % asked
    return "%d files" % asked


def main():
    sluice.run_cases("projects", sluice.lab_cases(globals(), Lab))


if __name__ == "__main__":
    main()
