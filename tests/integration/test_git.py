#!/usr/bin/env python3
"""sluice-git on real and on hostile repositories. Standard library and git only.

    tests/integration/test_git.py [WORD ...]     only the cases whose name contains a word
"""

import base64
import concurrent.futures
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from git_lab import (IS_SLOW, PROGRAM, WRAPPER, Lab, SmartHttp, ThreadingServer, archive, disk_kib,  # noqa: E402
                     folders, hostile, put, put_commit, put_tree, snapshot, terraform, uses)
from sluice import GIT_ENV, git, lab_cases, run_cases, write_files  # noqa: E402


def case_answer(lab):
    repo = lab.repo({"main.tf": "# root\n", "app/main.tf": 'module "n" {\n  source = "../modules/net"\n}\n',
                     "modules/net/main.tf": "# net\n" * 5, "docs/a.md": "text\n" * 20, "run.sh": "x\n"},
                    {"feature": {"app/more.tf": "# more\n", "main.tf": "# changed\n"}})
    a = lab.prepare(repo, lab.heads["feature"]).need(0)
    assert a.head == lab.heads["feature"] and a.base == a.merge_base == lab.heads["main"]
    assert a.tree == git(repo, "rev-parse", "feature^{tree}")
    assert a.changed == [{"path": "app/more.tf", "status": "A"}, {"path": "main.tf", "status": "M"}] or \
        [(c["path"], c["status"]) for c in a.changed] == [("app/more.tf", "A"), ("main.tf", "M")], a.changed
    assert terraform(a) == [".", "app", "modules/net"]
    assert uses(a) == [("app", "modules/net")]
    assert [(p["name"], p["email"]) for p in a.people] == [("alice", "alice@example.org")]
    assert a.conflicts == [] and a.warnings == []
    assert snapshot(lab.tree(a.tree)) == archive(repo, a.tree)


def case_what_folders_hold(lab):
    repo = lab.repo({"main.tf": "#\n", "o/x.tofu": "#\n", "g/terragrunt.hcl": "#\n", "k/kustomization.yml": "#\n",
                     "h/Chart.yaml": "#\n", "h/templates/x.yaml": "#\n", "docs/caf\u00e9/a.md": "#\n",
                     "both/a.tf.json": "{}\n", "both/b.tofu.json": "{}\n"}, {"feature": {"a.tf": "#\n"}})
    a = lab.prepare(repo, lab.heads["feature"]).need(0)
    assert folders(a) == {".": 1, "o": 2, "g": 4, "k": 8 | 32, "h": 16 | 32, "h/templates": 32, "docs": 0,
                          "docs/caf\u00e9": 0, "both": 3}, folders(a)


def case_configuration_of_both_sides(lab):
    names = ["sluice.yaml", "conf/atlantis.yaml"]
    repo = lab.repo({"conf/atlantis.yaml": "version: 3\n", "main.tf": "#\n"},
                    {"feature": {"sluice.yaml": "version: 3\nprojects: []\n"},
                     "odd": {"sluice.yaml": "\x00\u00e9"}, "large": {"sluice.yaml": "#" * ((1 << 20) + 1)},
                     "most": {"sluice.yaml": "#" * (1 << 20)}, "folder": {"sluice.yaml/a": "x"}})
    a = lab.prepare(repo, lab.heads["feature"], config_files=names).need(0)
    assert a.config_base == {"name": "conf/atlantis.yaml", "text": "version: 3\n"}, a.config_base
    assert a.config_head == {"name": "sluice.yaml", "text": "version: 3\nprojects: []\n"}, a.config_head
    a = lab.prepare(repo, lab.heads["odd"], "odd", config_files=names).need(0)
    assert a.config_head == {"name": "sluice.yaml", "hex": "00c3a9"}, a.config_head
    a = lab.prepare(repo, lab.heads["large"], "large", config_files=names).need(0)
    assert a.config_head == {"name": "sluice.yaml", "problem": "is larger than 1 MiB", "text": ""}, a.config_head
    a = lab.prepare(repo, lab.heads["most"], "most", config_files=names).need(0)
    assert len(a.config_head["text"]) == 1 << 20
    a = lab.prepare(repo, lab.heads["folder"], "folder", config_files=names).need(0)
    assert a.config_head["problem"] == "is no regular file"
    a = lab.prepare(repo, lab.heads["feature"]).need(0)
    assert a.config_base is None and a.config_head is None
    assert "outside the repository" in lab.prepare(repo, lab.heads["feature"], config_files=["../x"]).need(1).error


def case_configuration_as_a_link(lab):
    repo = lab.repo({"real.yaml": "version: 3\n"}, {})
    git(repo, "rev-parse", "main")
    target = subprocess.run(["git", "-C", repo, "hash-object", "-w", "--stdin"], input="real.yaml", text=True,
                            stdout=subprocess.PIPE, check=True).stdout.strip()
    listing = git(repo, "ls-tree", "main") + "\n120000 blob %s\tsluice.yaml\n" % target
    tree = subprocess.run(["git", "-C", repo, "mktree"], input=listing, text=True, stdout=subprocess.PIPE,
                          check=True).stdout.strip()
    head = put_commit(repo, tree, [lab.heads["main"]])
    git(repo, "update-ref", "refs/heads/link", head)
    a = lab.prepare(repo, head, "link", config_files=["sluice.yaml"]).need(0)
    assert a.config_head["problem"] == "is no regular file", a.config_head


def case_configuration_after_the_merge(lab):
    """What counts is the file as it will be: a project that the base branch got meanwhile is not taken away."""
    lines = ["# %d\n" % i for i in range(20)]
    repo = lab.repo({"sluice.yaml": "".join(lines), "main.tf": "#\n"}, {"feature": {"sluice.yaml": "first\n" + "".join(lines)}})
    work = lab.path("later")
    git(lab.root, "clone", "-q", repo, work)
    with open(os.path.join(work, "sluice.yaml"), "a", encoding="utf-8") as out:
        out.write("last\n")
    git(work, "commit", "-qam", "later")
    git(work, "push", "-q", "origin", "HEAD:main")
    a = lab.prepare(repo, lab.heads["feature"], config_files=["sluice.yaml"]).need(0)
    assert a.config_base["text"] == "".join(lines) + "last\n"
    assert a.config_head["text"] == "first\n" + "".join(lines) + "last\n"


def case_workspaces_by_cloud(lab):
    hcl = 'terraform {\n  cloud {\n    workspaces {\n      name = "%s"\n    }\n  }\n}\n'
    text = json.dumps({"terraform": {"cloud": {"workspaces": {"name": "%s"}}}})
    repo = lab.repo({"a/z.tf": hcl % "hcl", "a/a.tf.json": text % "json", "b/main.tf.json": text % "tf-json",
                     "b/main.tofu.json": text % "tofu-json", "c/main.tofu.json": text % "tofu-json",
                     "d/main.tf.json": "{not valid json\n", "e/main.tf": "#\n"}, {"feature": {"x.md": "x\n"}})
    for _ in range(2):  # found, and out of the cache
        a = lab.prepare(repo, lab.heads["feature"]).need(0)
        assert a.workspaces == [{"dir": "a", "workspace": "hcl"}, {"dir": "b", "workspace": "tf-json"},
                                {"dir": "c", "workspace": "tofu-json"}], a.workspaces


def case_what_is_built(lab):
    """The base becomes a work tree too, and a kustomization uses what it is made of, at any place and through files."""
    repo = lab.repo({"base/d.yaml": "a: b\n", "base/kustomization.yaml": "resources: [d.yaml]\n", "more/p.yaml": "a: b\n",
                     "eu/kustomization.yml": "resources: [../base]\ncomponents: [../gone]\npatches: [{path: ../more/p.yaml}]\n",
                     "us/Kustomization": "resources: [../eu, '../../outside', 'https://example.org/x']\n"},
                    {"feature": {"base/d.yaml": "a: c\n"}})
    for _ in range(2):  # found, and out of the cache
        a = lab.prepare(repo, lab.heads["feature"]).need(0)
        assert sorted(uses(a)) == [("eu", "base"), ("eu", "gone"), ("eu", "more"), ("us", "eu")], uses(a)
        for tree, text in ((a.tree, "a: c\n"), (a.base_tree, "a: b\n")):
            with open(os.path.join(lab.tree(tree), "base", "d.yaml"), encoding="utf-8") as stream:
                assert stream.read() == text
    repo = lab.repo({"main.tf": "#\n"}, {"feature": {"x.md": "x\n"}}, "other.git")
    assert lab.prepare(repo, lab.heads["feature"], repo=2).need(0).base_tree == "", "nothing is built of it"


def case_files_can_be_run_or_not(lab):
    repo = lab.repo({"main.tf": "#\n"}, {"feature": {"a.tf": "#\n", "tool.sh": "#\n"}})
    os.makedirs(lab.path("w"))
    git(lab.root, "clone", "-q", repo, "w/c")
    git(lab.path("w/c"), "checkout", "-q", "feature")
    git(lab.path("w/c"), "update-index", "--chmod=+x", "tool.sh")
    git(lab.path("w/c"), "commit", "-qm", "x")
    git(lab.path("w/c"), "push", "-q", "origin", "feature")
    a = lab.prepare(repo, git(repo, "rev-parse", "feature")).need(0)
    assert stat.S_IMODE(os.stat(os.path.join(lab.tree(a.tree), "main.tf")).st_mode) == 0o644
    assert stat.S_IMODE(os.stat(os.path.join(lab.tree(a.tree), "tool.sh")).st_mode) == 0o755


def hooked(lab, before):
    """A copy of the work tree, as hooks have it where nothing can be mounted."""
    view = lab.path("view")
    shutil.rmtree(view, ignore_errors=True)
    shutil.copytree(lab.tree(before.tree), view, symlinks=True)
    return view


def case_adopted_is_what_is_there(lab):
    repo = lab.repo({"a/main.tf": "#\n", "b/main.tf": "#\n", "c/d/e.tf": "#\n", "atlantis.yaml": "version: 3\n"},
                    {"feature": {"a/x.tf": "#\n"}})
    files = {"config_files": ["atlantis.yaml"]}
    before = lab.prepare(repo, lab.heads["feature"], **files).need(0)
    view = hooked(lab, before)
    same = lab.adopt(repo, before, view, **files).need(0)
    assert same.tree == before.tree and same.prepared.get("hooks_wrote", 0) == 0, same.prepared
    shutil.rmtree(os.path.join(view, "c"))
    os.remove(os.path.join(view, "b", "main.tf"))
    write_files(view, {"b/main.tf/is/a/folder.tf": "#\n", "atlantis.yaml": "version: 3\n# made\n", "a/run.sh": "#\n", "\x01odd": "x",
                       "a/.terraform/x": "x", ".git/config": "x"})
    os.chmod(os.path.join(view, "a", "run.sh"), 0o755)
    os.symlink("a/main.tf", os.path.join(view, "near"))
    os.mkdir(os.path.join(view, "empty"))
    made = lab.adopt(repo, before, view, **files).need(0)
    assert made.prepared["hooks_wrote"] == 5 and made.prepared["config_by_hooks"], made.prepared
    assert made.changed == before.changed and made.head == before.head, "what the pull request changes is the same"
    assert terraform(made) == ["a", "b/main.tf/is/a"], made.folders
    left_out = ("\x01odd", "a/.terraform/x", ".git/config")
    assert snapshot(lab.tree(made.tree)) == {path: entry for path, entry in snapshot(view).items() if path not in left_out}
    assert lab.adopt(repo, before, view, tree=made.tree).need(1).error.startswith("head and base no longer")


def case_adopted_over_layers(lab):
    """What stands in the layer is read; what is in neither is gone; the rest is git's."""
    repo = lab.repo({"a/main.tf": "#\n", "a/b.tf": "#\n", "c.tf": "#\n", "d/e.tf": "#\n"}, {"feature": {"a/x.tf": "#\n"}})
    before = lab.prepare(repo, lab.heads["feature"]).need(0)
    view, layer = hooked(lab, before), lab.path("layer")
    write_files(layer, {"a/main.tf": "# new\n"})
    write_files(view, {"a/main.tf": "# new\n", "c.tf": "not looked at\n"})
    os.remove(os.path.join(view, "a", "b.tf"))
    os.remove(os.path.join(view, "d", "e.tf"))  # without a word of it in the layer
    made = lab.adopt(repo, before, view, layer).need(0)
    tree = snapshot(lab.tree(made.tree))
    assert {path: entry[2] for path, entry in tree.items()} == {
        "a/main.tf": b"# new\n", "a/x.tf": b"#\n", "c.tf": b"#\n", "d/e.tf": b"#\n"}, tree


def case_adopted_is_bounded(lab):
    repo = lab.repo({"a.tf": "#\n"}, {"feature": {"b.tf": "#\n"}})
    before = lab.prepare(repo, lab.heads["feature"]).need(0)

    def refused(fill, why):
        view = hooked(lab, before)
        fill(view)
        answer = lab.adopt(repo, before, view).need(1)
        assert why in answer.error and lab.root not in answer.error, answer.error

    def many(view):
        for i in range(20001):
            os.symlink("a.tf", os.path.join(view, "x%d" % i))

    def sparse(size):
        def fill(view):
            with open(os.path.join(view, "x"), "wb") as out:
                out.truncate(size)
        return fill

    refused(many, "more than 20000 files")
    refused(sparse(65 << 20), "more than 64 MiB")
    refused(sparse(1 << 40), "x, which is larger than 100 MiB")
    refused(lambda view: os.makedirs(os.path.join(view, *["d"] * 66)), "more than 64 deep")
    refused(lambda view: os.mkfifo(os.path.join(view, "p")), "p, which is neither file, folder nor link")
    for target in ("/etc/passwd", "..", "d/../../x", "x" * 2000):
        refused(lambda view, target=target: os.symlink(target, os.path.join(view, "out")), "out, a symbolic link that may leave")


def case_rename_and_type_change(lab):
    text = "".join("resource %d\n" % i for i in range(60))
    repo = lab.repo({"old/a.tf": text, "same.tf": "# same content, moved\n" * 3, "b.tf": "x\n", "gone.tf": "y\n"}, {})
    work = lab.path("w")
    git(lab.root, "clone", "-q", repo, work)
    git(work, "checkout", "-qb", "feature")
    os.makedirs(os.path.join(work, "new"))
    git(work, "mv", "old/a.tf", "new/a.tf")
    git(work, "mv", "same.tf", "moved.tf")
    with open(os.path.join(work, "new/a.tf"), "a", encoding="utf-8") as out:
        out.write("one more\n")
    os.unlink(os.path.join(work, "b.tf"))
    os.symlink("moved.tf", os.path.join(work, "b.tf"))
    os.unlink(os.path.join(work, "gone.tf"))
    git(work, "add", "-A")
    git(work, "commit", "-qm", "x")
    git(work, "push", "-q", "origin", "feature")
    a = lab.prepare(repo, git(work, "rev-parse", "HEAD")).need(0)
    found = {(c["status"], c.get("old_path") or "", c["path"]) for c in a.changed}
    assert found == {("R", "old/a.tf", "new/a.tf"), ("R", "same.tf", "moved.tf"), ("T", "", "b.tf"), ("D", "", "gone.tf")}, found


def case_conflict(lab):
    repo = lab.repo({"a.tf": "1\n", "b.tf": "1\n", "d/c.tf": "1\n"}, {"feature": {"a.tf": "2\n", "d/c.tf": "2\n"},
                                                                      "other": {"a.tf": "3\n", "d/c.tf": "3\n"}})
    a = lab.prepare(repo, lab.heads["feature"], base_ref="other").need(3)
    assert a.tree == "" and sorted(a.conflicts) == ["a.tf", "d/c.tf"], a.conflicts
    assert a.people and a.changed and not os.path.exists(os.path.join(lab.data, "repos/1/trees"))


def case_merge_of_one_file_on_both_sides(lab):
    lines = ["line %d\n" % i for i in range(40)]
    repo = lab.repo({"a.tf": "".join(lines)}, {"feature": {"a.tf": "".join(["top\n"] + lines)},
                                               "other": {"a.tf": "".join(lines + ["bottom\n"])}})
    a = lab.prepare(repo, lab.heads["feature"], base_ref="other").need(0)
    with open(os.path.join(lab.tree(a.tree), "a.tf"), encoding="utf-8") as text:
        assert text.read() == "".join(["top\n"] + lines + ["bottom\n"])


def random_change(rnd, work, count):
    files = [f for f in git(work, "ls-files").splitlines() if f]
    for _ in range(count):
        what = rnd.choice(["edit", "add", "add", "delete", "move", "append"])
        name = rnd.choice(files) if files else "x.tf"
        path = os.path.join(work, name)
        if what == "add" or not os.path.isfile(path):
            fresh = "d%d/e%d/n%d.tf" % (rnd.randrange(4), rnd.randrange(3), rnd.randrange(40))
            try:
                write_files(work, {fresh: "new %d\n" % rnd.randrange(10 ** 6) * 8})
            except OSError:
                pass
        elif what == "delete":
            os.unlink(path)
        elif what == "move":
            target = os.path.join(work, "m%d" % rnd.randrange(3), "k%d.tf" % rnd.randrange(1000))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(path, target)
        else:
            with open(path, "r+" if what == "edit" else "a", encoding="utf-8") as out:
                out.write("changed %d\n" % rnd.randrange(10 ** 6))


def case_merges_like_git(lab):
    """Random changes on both sides: the same tree as git's own merge, or both refuse; the same touched paths."""
    rnd = random.Random(20261121)
    clean = 0
    for turn in range(6 if IS_SLOW else 40):
        name = "m%d.git" % turn
        repo = lab.repo({"d%d/e%d/f%d.tf" % (i % 4, i % 3, i): "".join("row %d %d\n" % (i, k) for k in range(12))
                         for i in range(30)}, {}, name)
        work = lab.path("w%d" % turn)
        git(lab.root, "clone", "-q", repo, work)
        for branch in ("ours", "theirs"):
            git(work, "checkout", "-qb", branch, "origin/main")
            random_change(rnd, work, rnd.randrange(1, 7))
            git(work, "add", "-A")
            git(work, "commit", "-qm", branch, "--allow-empty")
        git(work, "push", "-q", "origin", "ours", "theirs")
        head = git(work, "rev-parse", "theirs")
        a = lab.prepare(repo, head, "theirs", "ours", repo=turn + 1)
        oracle = subprocess.run(["git", "-c", "merge.directoryRenames=false", "-C", repo, "merge-tree", "--write-tree",
                                 "ours", "theirs"], stdout=subprocess.PIPE, text=True, env=GIT_ENV, check=False)
        conflicts = [line for line in oracle.stdout.splitlines() if line.startswith("CONFLICT")]
        if conflicts and all(line.startswith("CONFLICT (rename/delete)") for line in conflicts):
            continue  # libgit2 keeps the renamed file; such a pull request cannot be merged on a host before it is changed
        assert a.code == (0 if oracle.returncode == 0 else 3), "turn %d: %s, git %d %s" % (turn, a.document, oracle.returncode, oracle.stdout[-600:])
        if a.code == 0:
            clean += 1
            assert a.tree == oracle.stdout.split()[0], "turn %d: %s, git %s" % (turn, a.tree, oracle.stdout)
            assert snapshot(lab.tree(a.tree, turn + 1)) == archive_of(lab, repo, a.tree, turn + 1)
        touched = set(git(repo, "diff", "--name-only", "--no-renames", "ours...theirs").split())
        ours = {c["path"] for c in a.changed} | {c["old_path"] for c in a.changed if c.get("old_path")}
        assert ours == touched, "turn %d: %s, git %s" % (turn, ours, touched)
    assert clean > 2, clean


def archive_of(lab, repo, tree, number):
    """The merged tree's objects are in the mirror, which borrows the rest."""
    return archive(os.path.join(lab.data, "repos", str(number), "mirror.git"), tree)


def case_people(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    tree = git(repo, "rev-parse", "main^{tree}")
    one = put_commit(repo, tree, [lab.heads["main"]], b"x\n\nco-AUTHORED-by: Bob <bob@example.org>\nmore text\n"
                     b"  Co-authored-by:Carol<carol@example.org>\nCo-authored-by:\nCo-authored-by: Nobody\n")
    two = put_commit(repo, tree, [one], b"y\n", b"d\xffave \x1b[31m <d@example.org>")
    a = lab.prepare(repo, two).need(0)
    found = [(p["name"], p["email"]) for p in a.people]
    assert ("Bob", "bob@example.org") in found and ("Carol", "carol@example.org") in found and ("Nobody", "") in found
    assert ("mallory", "m@example.org") in found and any("\\xff" in n and "\\x1b" in n for n, _ in found), found
    assert "alice" not in [n for n, _ in found]


def case_owners(lab):
    rules = "* @all\n/net/ @acme/net bob@example.org\n*.md\n"
    repo = lab.repo({".github/CODEOWNERS": rules, "CODEOWNERS": "* @other\n", "net/a.tf": "#\n" * 30, "b.tf": "#\n"},
                    {"feature": {"net/b.tf": "#\n", "net/c.tf": "#\n", "x.md": "#\n", ".github/CODEOWNERS": "* @mallory\n"},
                     "docs": {"x.md": "#\n"}})
    a = lab.prepare(repo, lab.heads["feature"]).need(0)
    assert a.owners_file == ".github/CODEOWNERS" and "owners_problem" not in a.prepared
    assert a.owners == [{"path": ".github/CODEOWNERS", "line": 1, "names": ["@all"]},
                        {"path": "net/b.tf", "line": 2, "names": ["@acme/net", "bob@example.org"]}], a.owners
    assert lab.prepare(repo, lab.heads["docs"], "docs").need(0).owners == [], "what has no owner has none"
    plain = lab.repo({"a.tf": "#\n" * 30}, {"feature": {"b.tf": "#\n"}}, "plain.git")
    a = lab.prepare(plain, lab.heads["feature"], repo=2).need(0)
    assert a.owners == [] and "owners_file" not in a.prepared, a.prepared


def case_owners_by_both_names(lab):
    repo = lab.repo({"CODEOWNERS": "/net/ @net\n/app/ @app\n", "net/a.tf": "# some text\n" * 30}, {"feature": {"x": "x"}})
    work = lab.path("renaming")
    git(lab.root, "clone", "-q", "-b", "main", repo, work)
    os.makedirs(os.path.join(work, "app"))
    git(work, "mv", "net/a.tf", "app/a.tf")
    git(work, "commit", "-qm", "moved")
    a = lab.prepare(repo, push_of(work, "moved"), "moved").need(0)
    assert sorted(one["names"][0] for one in a.owners) == ["@app", "@net"], a.owners


def case_owners_that_cannot_be_read(lab):
    repo = lab.repo({"CODEOWNERS": "# " + "x" * (3 << 20) + "\n", "a.tf": "#\n"}, {"feature": {"a.tf": "##\n"}})
    a = lab.prepare(repo, lab.heads["feature"]).need(0)
    assert "larger than" in a.owners_problem and a.owners == [], a.owners_problem
    repo = lab.repo({"CODEOWNERS": "".join("/f%d @x\n" % i for i in range(600)), "a.tf": "#\n"},
                    {"feature": {"f%d" % i: "#\n" for i in range(600)}}, "many.git")
    a = lab.prepare(repo, lab.heads["feature"], repo=2).need(0)
    assert "more than 500 groups" in a.owners_problem, a.prepared.get("owners_problem")


def push_of(work, branch):
    git(work, "push", "-q", "origin", "HEAD:refs/heads/" + branch)
    return git(work, "rev-parse", "HEAD")


def case_too_many_commits(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    stream = b"".join(b"commit refs/heads/feature\ncommitter A <a@x> 1700000000 +0000\ndata 2\nx\n%s\n" %
                      (b"from refs/heads/main\n" if i == 0 else b"") for i in range(5001))
    subprocess.run(["git", "-C", repo, "fast-import", "--quiet"], input=stream, check=True, env=GIT_ENV)
    a = lab.prepare(repo, git(repo, "rev-parse", "feature")).need(1)
    assert "5000 commits" in a.error and a.kind == "user", a.error
    git(repo, "update-ref", "refs/heads/feature", "feature~1")
    lab.prepare(repo, git(repo, "rev-parse", "feature")).need(0)


def case_links_between_trees(lab):
    files = {"d%d/f%d.tf" % (i % 7, i): "file %d\n" % i for i in range(70)}
    repo = lab.repo(files, {"one": {"d0/f0.tf": "one\n"}, "two": {"d1/f1.tf": "two\n"}})
    one = lab.prepare(repo, lab.heads["one"], "one").need(0)
    two = lab.prepare(repo, lab.heads["two"], "two", near=one.tree).need(0)
    assert os.stat(os.path.join(lab.tree(one.tree), "d2/f2.tf")).st_ino == os.stat(os.path.join(lab.tree(two.tree), "d2/f2.tf")).st_ino
    assert snapshot(lab.tree(two.tree)) == archive(repo, two.tree)
    assert snapshot(lab.tree(one.tree)) == archive(repo, one.tree)


def case_near_tree_is_gone_or_nonsense(lab):
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "1\n"}, "two": {"c.tf": "2\n"}})
    for i, near in enumerate(["0" * 40, "../../..", "f" * 40, "x", "/"]):
        a = lab.prepare(repo, lab.heads["one"], "one", repo=i + 1, near=near).need(0)
        assert snapshot(lab.tree(a.tree, i + 1)) == archive(repo, a.tree)
    os.rename(lab.tree(a.tree, 5), lab.tree("1" * 40, 5))
    b = lab.prepare(repo, lab.heads["two"], "two", repo=5).need(0)
    assert snapshot(lab.tree(b.tree, 5)) == archive(repo, b.tree)


def case_damaged_cache(lab):
    repo = lab.repo({"app/a.tf": 'module "m" { source = "../m" }\n', "m/b.tf": "#\n"}, {"one": {"c.tf": "#\n"}})
    cache = os.path.join(lab.data, "repos/1/modules.cache")
    want = lab.prepare(repo, lab.heads["one"], "one").need(0).uses
    with open(cache, "rb") as content:
        whole = content.read()
    rnd = random.Random(3)
    for i in range(4 if IS_SLOW else 60):
        bad = bytearray(whole)
        for _ in range(rnd.randrange(1, 6)):
            bad[rnd.randrange(16)] = rnd.randrange(256)
        if i % 3 == 0:
            bad = bad[:rnd.randrange(len(bad))]
        with open(cache, "wb") as out:
            out.write(bad)
        assert lab.prepare(repo, lab.heads["one"], "one").need(0).uses == want


def case_concurrent_first_use(lab):
    repo = lab.repo({"d%d/f.tf" % i: "x %d\n" % i for i in range(50)}, {"one": {"a.tf": "#\n"}})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: lab.prepare(repo, lab.heads["one"], "one"), range(16)))
    assert {a.need(0).tree for a in answers} == {answers[0].tree}
    assert lab.trees() == [answers[0].tree], lab.trees()
    assert snapshot(lab.tree(answers[0].tree)) == archive(repo, answers[0].tree)


def case_no_common_commit(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    a = lab.prepare(repo, put_commit(repo, git(repo, "rev-parse", "main^{tree}"), [])).need(1)
    assert "no commit in common" in a.error and a.kind == "user", a.error


def case_two_merge_bases(lab):
    """A criss-cross: libgit2 merges the two bases first."""
    repo = lab.repo({"a.tf": "1\n"}, {"x": {"x.tf": "#\n"}, "y": {"y.tf": "#\n"}})
    both = git(repo, "merge-tree", "--write-tree", "x", "y").split()[0]
    left = put_commit(repo, both, [lab.heads["x"], lab.heads["y"]])
    right = put_commit(repo, both, [lab.heads["y"], lab.heads["x"]], b"other\n")
    git(repo, "update-ref", "refs/heads/main", left)
    assert lab.prepare(repo, right).need(0).tree == both


def case_what_the_base_became_since(lab):
    """Of a commit that was planned on: nothing is written, and a branch that was wound back has moved too."""
    repo = lab.repo({"a/main.tf": "1\n", "b/main.tf": "1\n"}, {"one": {"a/x.tf": "#\n"}, "later": {"b/main.tf": "2\n", "c.md": "#\n"}})
    planned, head, later = lab.heads["main"], lab.heads["one"], lab.heads["later"]

    def moved(since):
        return [(one["status"], one["path"]) for one in lab.prepare(repo, head, "one", base=since).need(0).document["prepared"].get("moved", [])]

    assert moved(planned) == []
    git(repo, "update-ref", "refs/heads/main", later)
    assert moved(planned) == [("M", "b/main.tf"), ("A", "c.md")] and moved(later) == []
    git(repo, "update-ref", "refs/heads/main", planned)
    assert moved(later) == [("M", "b/main.tf"), ("D", "c.md")]
    assert not os.path.exists(lab.path("data/repos/1/trees"))
    for nonsense in ("main", "0" * 40, "x" * 40, planned[:39]):
        lab.prepare(repo, head, "one", base=nonsense).need(1)


def case_branch_names(lab):
    trap = lab.path("trap")
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "#\n"}})
    for name in ("a;touch-trap", "$(id)", "`id`", "a&b|c", "quote'\"", "\u00e4\u00f6", "-oops/x", "@/x"):
        git(repo, "update-ref", "refs/heads/" + name, lab.heads["main"])
        git(repo, "update-ref", "refs/heads/head/" + name, lab.heads["one"])
        lab.prepare(repo, lab.heads["one"], "head/" + name, name).need(0)
    for name in ("", "..", "a..b", "../../etc", "refs/heads/*", "a b", "a\nb", "x.lock", "a:b", "^main", "refs/../x", "main~1", "x" * 2000, "@{u}"):
        for head_ref, base_ref in ((name, "main"), ("one", name)):
            a = lab.prepare(repo, lab.heads["one"], head_ref, base_ref)
            assert a.code == 1 and lab.root not in a.error, (name, a.document)
    a = lab.prepare(repo, lab.heads["one"], "one", "missing").need(1)
    assert "base branch" in a.error and not os.path.exists(trap)


def case_addresses(lab):
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "#\n"}})
    assert lab.prepare("file://" + repo, lab.heads["one"], "one", repo=2).need(0).tree
    for url in ("ssh://host/x", "git@host:x", "ext::sh -c touch% x", "-u./x", "git://127.0.0.1:1/x", "../r.git", "", "file://x", lab.path("no"),
                lab.path("r.git\nx"), "/dev/null", "/"):
        a = lab.prepare(url, lab.heads["one"], "one", repo=3).need(1)
        assert lab.root not in a.error, (url, a.document)
    a = lab.prepare("http://user:s3cret@127.0.0.1:1/x.git", lab.heads["one"], "one", repo=4).need(1)
    assert "s3cret" not in json.dumps(a.document) + a.stderr and a.kind == "temp", a.document


def case_the_repository_moved(lab):
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "#\n"}})
    a = lab.prepare(repo, lab.heads["one"], "one").need(0)
    os.rename(repo, lab.path("moved.git"))
    assert lab.prepare(repo, lab.heads["one"], "one").need(1).error
    assert lab.prepare(lab.path("moved.git"), lab.heads["one"], "one").need(0).tree == a.tree


def case_repository_with_alternates(lab):
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "#\n"}})
    git(lab.root, "clone", "-q", "--bare", "--shared", repo, "shared.git")
    assert snapshot(lab.tree(lab.prepare(lab.path("shared.git"), lab.heads["one"], "one").need(0).tree)) == archive(repo, lab.heads["one"])


def case_fetch_over_http(lab):
    repo = lab.repo({"d%d/f%d.tf" % (i % 9, i): base64.b64encode(os.urandom(600)).decode() for i in range(90)},
                    {"one": {"b.tf": "#\n"}, "two": {"c.tf": "#\n"}, "unrelated": {"z.bin": base64.b64encode(os.urandom(2 << 20)).decode()}})
    git(repo, "update-ref", "refs/pull/7/head", lab.heads["two"])
    git(repo, "update-ref", "-d", "refs/heads/two")
    server = ThreadingServer(("127.0.0.1", 0), SmartHttp)
    server.root, server.requests, server.sent = lab.root, 0, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d/r.git" % server.server_address[1]
    try:
        a = lab.prepare(url, lab.heads["one"], "one").need(0)
        assert snapshot(lab.tree(a.tree)) == archive(repo, a.tree)
        assert server.sent < 1 << 20, "fetched more than the branch: %d bytes" % server.sent
        before = server.sent
        b = lab.prepare(url, lab.heads["two"], "refs/pull/7/head").need(0)
        assert snapshot(lab.tree(b.tree)) == archive(repo, b.tree) and server.sent - before < 20000, server.sent - before
        requests = server.requests
        lab.prepare(url, lab.heads["two"], "refs/pull/7/head").need(0)
        assert server.requests == requests + 1, "nothing is missing, but something was fetched"
        c = lab.prepare(url, "e" * 40, "one").need(1)
        assert "moved or deleted" in c.error, c.error
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: lab.prepare(url, lab.heads["one"], "one", repo=8).need(0).tree, range(6)))
        assert set(found) == {a.tree}
    finally:
        server.shutdown()
        server.server_close()


def case_answer_is_capped(lab):
    """9,900 changed files with long names would not fit into a result."""
    repo = lab.repo({"a.tf": "#\n"}, {})
    blob = put(repo, "blob", b"x\n")
    leaf = put_tree(repo, [("100644", b"%05d%s.tf" % (i, b"n" * 200), blob) for i in range(9900)])
    for _ in range(3):
        leaf = put_tree(repo, [("40000", b"m" * 240, leaf)])
    a = hostile(lab, [("40000", b"long", leaf)]).need(1)
    assert "too many" in a.error and a.kind == "user", a.error


def merge(lab, repo, head, *words):
    done = subprocess.run(WRAPPER + [PROGRAM, "merge", "--repo", repo, "--base", "main", "--head", head, "--author", "bob", *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/", text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def case_merge_commit(lab):
    repo = lab.repo({"a.tf": "1\n"}, {"one": {"b.tf": "#\n"}, "two": {"a.tf": "2\n"}, "three": {"a.tf": "3\n"}})
    code, answer = merge(lab, repo, lab.heads["one"], "--message", "Merge pull request 3\n")
    assert code == 0 and answer["merged"] == git(repo, "rev-parse", "main"), answer
    assert git(repo, "log", "-1", "--format=%an|%P|%s", "main") == "bob|%s %s|Merge pull request 3" % (lab.heads["main"], lab.heads["one"])
    assert merge(lab, repo, lab.heads["one"]) == (0, {"merged": answer["merged"]}), "a second time changes nothing"
    assert merge(lab, repo, lab.heads["two"])[0] == 0
    tip = git(repo, "rev-parse", "main")
    code, answer = merge(lab, repo, lab.heads["three"])
    assert code == 3 and "a.tf" in answer["error"] and git(repo, "rev-parse", "main") == tip, answer
    git(repo, "fsck", "--strict")


def case_merge_in_other_ways(lab):
    repo = lab.repo({"a.tf": "1\n"}, {"one": {"b.tf": "#\n"}, "two": {"a.tf": "2\n"}, "three": {"a.tf": "3\n"}})
    for method, branch in (("squash", "one"), ("rebase", "two")):
        before = git(repo, "rev-parse", "main")
        code, answer = merge(lab, repo, lab.heads[branch], "--method", method)
        assert code == 0 and answer["merged"] == git(repo, "rev-parse", "main"), answer
        assert git(repo, "log", "-1", "--format=%P", "main") == before, method
        assert merge(lab, repo, lab.heads[branch], "--method", method) == (0, answer), "a second time changes nothing"
    for method in ("squash", "rebase"):
        code, answer = merge(lab, repo, lab.heads["three"], "--method", method)
        assert code == 3 and git(repo, "log", "-1", "--format=%P", "main") == before, (method, answer)
    git(repo, "fsck", "--strict")


def drop(repo, branch, head):
    done = subprocess.run(WRAPPER + [PROGRAM, "drop", "--repo", repo, "--branch", branch, "--head", head],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/", text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def case_a_branch_is_dropped_where_it_stands(lab):
    repo = lab.repo({"a.tf": "1\n"}, {"one": {"b.tf": "#\n"}})
    assert drop(repo, "one", lab.heads["main"]) == (0, {"gone": False}), "it went on"
    assert drop(repo, "main", lab.heads["main"]) == (0, {"gone": False}), "where HEAD points at"
    assert drop(repo, "one", lab.heads["one"]) == (0, {"gone": True}) and not git(repo, "for-each-ref", "refs/heads/one")
    assert drop(repo, "one", lab.heads["one"]) == (0, {"gone": False}), "again"
    assert drop(repo, "../../config", lab.heads["one"])[0] == 1, "no name of a branch"


def case_disk_of_a_hundred_small_pulls(lab):
    files = {"env%d/main.tf" % i: 'module "m" {\n  source = "../modules/m%d"\n}\n' % (i % 3) for i in range(10)}
    files.update({"modules/m%d/main.tf" % i: "# module\n" for i in range(3)})
    count = 10 if IS_SLOW else 100
    repo = lab.repo(files, {"b%d" % i: {"env%d/main.tf" % (i % 10): "# change %d\n" % i} for i in range(count)})
    git(repo, "update-ref", "refs/heads/main", put_commit(repo, git(repo, "rev-parse", "main^{tree}"), [lab.heads["main"]]))
    for i in range(count):
        lab.prepare(repo, lab.heads["b%d" % i], "b%d" % i).need(0)
    assert disk_kib(lab.data) <= 15 * 1024, "%d KiB" % disk_kib(lab.data)
    return "%d KiB for %d" % (disk_kib(lab.data), count)


def case_large_repository(lab):
    """20,000 files, 120 MB: the second pull request links what the first has written."""
    repo, rnd = lab.path("r.git"), random.Random(1)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repo], check=True, env=GIT_ENV)
    count = 2000 if IS_SLOW else 20000
    with subprocess.Popen(["git", "-C", repo, "fast-import", "--quiet"], stdin=subprocess.PIPE, env=GIT_ENV) as child:
        out = child.stdin
        out.write(b"commit refs/heads/main\ncommitter A <a@x> 1700000000 +0000\ndata 1\n1\n")
        for i in range(count):
            text = b"# " + rnd.randbytes(2000).hex().encode() + b"\n" if i % 4 else b'module "m" {\n  source = "../../../m%d"\n}\n' % (i % 7)
            text = text * 2 if i % 4 else text
            out.write(b"M 100644 inline t%d/env%d/dir%d/f%d.%s\ndata %d\n%s\n" % (i % 20, i // 20 % 10, i // 200 % 5, i, b"txt" if i % 4 else b"tf", len(text), text))
        for k in (1, 2):
            out.write(b"\ncommit refs/heads/b%d\ncommitter B <b@x> 1700000001 +0000\ndata 1\n2\nfrom refs/heads/main\nM 100644 inline t1/new%d.tf\ndata 2\n# \n" % (k, k))
        out.write(b"\ncommit refs/heads/main\ncommitter B <b@x> 1700000002 +0000\ndata 1\n3\nM 100644 inline top.tf\ndata 2\n# \n")
    one = lab.prepare(repo, git(repo, "rev-parse", "b1"), "b1").need(0)
    before = disk_kib(lab.data)
    two = lab.prepare(repo, git(repo, "rev-parse", "b2"), "b2", near=one.tree).need(0)
    more = disk_kib(lab.data) - before
    assert more <= 20 * 1024, "%d KiB more" % more
    assert two.seconds < (60 if IS_SLOW else 1.5), "%.2f s" % two.seconds
    return "%.2f s, %d KiB more" % (two.seconds, more)


def main():
    assert os.access(PROGRAM, os.X_OK), "sluice-git is not built"
    run_cases("git", lab_cases(globals(), Lab))


if __name__ == "__main__":
    main()
