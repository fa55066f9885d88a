#!/usr/bin/env python3
"""sluice-git on repositories that mean harm, and killed at any instant. Standard library and git only.

    tests/integration/test_git_hostile.py [WORD ...]     only the cases whose name contains a word
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from git_lab import (IS_SLOW, PROGRAM, WRAPPER, Lab, archive, hostile, put, put_commit, put_tree, snapshot,  # noqa: E402
                     terraform, uses)
from sluice import git, lab_cases, run_cases, write_files  # noqa: E402


def case_killed_in_the_middle(lab):
    """Whatever instant the process dies at: the next call gives the right answer and leaves no rest."""
    repo = lab.repo({"d%d/f%d.tf" % (i % 20, i): "x %d\n" % i for i in range(400)}, {"one": {"a.tf": "#\n"}})
    want = archive(repo, git(repo, "rev-parse", "one^{tree}"))
    order = lab.prepare(repo, lab.heads["one"], "one", repo=99).need(0)
    rnd = random.Random(5)
    for turn in range(5 if IS_SLOW else 25):
        stem = lab.path("killed")
        with open(lab.path("job1.json"), encoding="utf-8") as text:
            job = json.load(text)
        job["repo"] = 1 + turn // 3
        with open(stem, "w", encoding="utf-8") as out:
            json.dump(job, out)
        child = subprocess.Popen(WRAPPER + [PROGRAM, "prepare", "--job", stem, "--data", lab.data, "--answer", stem + ".a"],
                                 stderr=subprocess.DEVNULL)
        time.sleep(rnd.random() * 0.03)
        child.kill()
        child.wait()
        if turn % 3 == 2:
            lab.prepare(repo, lab.heads["one"], "one", repo=job["repo"]).need(0)
            assert lab.trees(job["repo"]) == [order.tree], lab.trees(job["repo"])
            assert snapshot(lab.tree(order.tree, job["repo"])) == want


def case_trees_after_a_loss_of_power(lab):
    """A tree older than the machine's start is compared with git once: cut files are written again, never linked."""
    repo = lab.repo({"a.tf": "# whole\n", "d/b.tf": "# whole\n"}, {"one": {"c.tf": "#\n"}, "two": {"e.tf": "#\n"}})
    one = lab.prepare(repo, lab.heads["one"], "one").need(0)
    for damage in (lambda path: open(path, "w", encoding="utf-8").close(), os.unlink, None):
        path = os.path.join(lab.tree(one.tree), "d/b.tf")
        if damage is not None:
            os.chmod(path, 0o644)
            damage(path)
        os.utime(lab.tree(one.tree), (1000, 1000))
        for branch in ("two", "one"):
            a = lab.prepare(repo, lab.heads[branch], branch).need(0)
            assert snapshot(lab.tree(a.tree)) == archive(repo, a.tree), (damage, branch)
        assert lab.trees() == sorted([one.tree, lab.prepare(repo, lab.heads["two"], "two").need(0).tree])
        shutil.rmtree(lab.tree(lab.prepare(repo, lab.heads["two"], "two").tree))


def case_leftovers_are_removed(lab):
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "#\n"}})
    os.makedirs(os.path.join(lab.data, "repos/1/trees/.new-0123456789abcdef/deep/er"))
    a = lab.prepare(repo, lab.heads["one"], "one").need(0)
    assert lab.trees() == [a.tree], lab.trees()


def case_surroundings_do_not_matter(lab):
    """A home full of configuration, a folder that is gone, another owner: the same answer."""
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "#\n"}})
    home = lab.path("home")
    write_files(home, {".gitconfig": "[core]\n\tattributesFile = /etc/passwd\n\tbare = maybe\n[broken\n"})
    gone = lab.path("gone")
    os.makedirs(gone)
    a = lab.prepare(repo, lab.heads["one"], "one", env={"HOME": home, "XDG_CONFIG_HOME": home, "GIT_DIR": "/nonexistent",
                                                        "GIT_OBJECT_DIRECTORY": "/nonexistent"}).need(0)
    if os.getuid() == 0:
        for here, inside, files in os.walk(repo):
            for name in inside + files:
                os.chown(os.path.join(here, name), 12345, 12345)
        os.chown(repo, 12345, 12345)
    assert lab.prepare(repo, lab.heads["one"], "one", repo=2).need(0).tree == a.tree


def case_filters_and_hooks_never_run(lab):
    trap = lab.path("trap")
    script = "touch %s\n" % trap
    repo = lab.repo({".gitattributes": "* filter=evil text eol=crlf ident merge=evil export-ignore\n",
                     ".gitmodules": '[submodule "x"]\n\tpath = -u./x\n\turl = -u./evil\n\tupdate = !%s' % script,
                     "a.tf": "$Id$\nline\n"}, {"one": {"b.tf": "#\n", "a.tf": "$Id$\nline\nmore\n"},
                                               "two": {"a.tf": "top\n$Id$\nline\n"}})
    git(repo, "config", "filter.evil.smudge", "touch %s" % trap)
    git(repo, "config", "merge.evil.driver", "touch %s" % trap)
    git(repo, "config", "core.fsmonitor", "touch %s" % trap)
    git(repo, "config", "uploadpack.packObjectsHook", "touch %s" % trap)
    for hook in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        write_files(repo, {"hooks/" + hook: "#!/bin/sh\n" + script})
        os.chmod(os.path.join(repo, "hooks", hook), 0o755)
    a = lab.prepare(repo, lab.heads["one"], "one").need(0)
    with open(os.path.join(lab.tree(a.tree), "a.tf"), "rb") as content:
        assert content.read() == b"$Id$\nline\nmore\n"
    assert os.path.exists(os.path.join(lab.tree(a.tree), ".gitattributes")) and not os.path.exists(trap)
    lab.prepare(repo, lab.heads["one"], "one", "two")
    assert not os.path.exists(trap)


BAD_NAMES = [b".git", b".GIT", b".Git", b"git~1", b"GIT~1", b".git ", b".git.", b".git...", b".g\xe2\x80\x8cit", b".git::$INDEX_ALLOCATION",
             b"..", b".", b"a/b", b"../x", b"/abs", b"x" * 256]
ODD_NAMES = [b"a\nb.tf", b"\x1b[2J", b"tab\there.tf", b"caf\xe9.tf", b"rtl\xe2\x80\xaexcod.tf", b"\xed\xa0\x80.tf", b"\x7f"]


def case_names_that_are_refused(lab):
    lab.repo({"main.tf": "# base\n"}, {})
    blob = put(lab.path("r.git"), "blob", b"evil\n")
    folder = put_tree(lab.path("r.git"), [("100644", b"config", blob)])
    for name in BAD_NAMES + ODD_NAMES:
        for mode, oid in (("100644", blob), ("120000", blob), ("40000", folder)):
            a = hostile(lab, [(mode, name, oid)])
            assert a.code == 1 and a.kind in ("user", "perm"), "%r as %s: %s" % (name, mode, a.document)
            assert all(" " <= c and c != "\x7f" for c in a.error), a.error
    assert not os.path.exists(os.path.join(lab.data, "repos/1/trees")), lab.trees()
    assert not os.path.exists(os.path.join(lab.data, "repos/1/x")) and not os.path.exists("/abs")


def case_odd_names_that_were_there_before(lab):
    repo = lab.repo({"main.tf": "# base\n"}, {})
    blob = put(repo, "blob", b"x\n")
    new = put(repo, "blob", b"something else\n")
    folder = put_tree(repo, [("100644", b"inside.tf", blob)])
    base = put_commit(repo, put_tree(repo, [("100644", b"a\nb.tf", blob), ("100644", b"Icon\r", blob), ("40000", b"\x01d", folder),
                                            ("100644", b"ok.tf", blob)]), [])
    head = put_commit(repo, put_tree(repo, [("100644", b"Icon\r", blob), ("40000", b"\x01d", folder), ("100644", b"ok.tf", blob),
                                            ("100644", b"new.tf", new)]), [base])
    git(repo, "update-ref", "refs/heads/main", base)
    a = lab.prepare(repo, head).need(0)
    assert sorted(os.listdir(lab.tree(a.tree))) == ["new.tf", "ok.tf"] and len(a.warnings) == 2, a.warnings
    assert [c["path"] for c in a.changed] == ["a\\x0ab.tf", "new.tf"], a.changed
    assert terraform(a) == ["."]


def case_symbolic_links(lab):
    repo = lab.repo({"d/e/real.tf": "# x\n"}, {})

    def link(target):
        return put(repo, "blob", target)
    sub = put_tree(repo, [("120000", b"up1", link(b"..")), ("120000", b"up2", link(b"../..")), ("120000", b"up3", link(b"../../..")),
                          ("120000", b"via", link(b"up1/../../../x")), ("120000", b"file.tf", link(b"../../d/e/real.tf"))])
    a = hostile(lab, [("120000", b"abs", link(b"/etc/passwd")), ("120000", b"out", link(b"../x")), ("120000", b"in", link(b"d/e")),
                      ("120000", b"loop", link(b"loop")), ("120000", b"l1", link(b"l2")), ("120000", b"l2", link(b"l1")),
                      ("120000", b"nul", link(b"d\0/../../../etc")), ("120000", b"empty", link(b"")), ("120000", b"long", link(b"a/" * 3000)),
                      ("120000", b"hop", link(b"in/../../../etc")), ("120000", b"dot", link(b"./d/./e")),
                      ("40000", b"q", put_tree(repo, [("40000", b"r", sub)]))]).need(0)
    tree = lab.tree(a.tree)
    present = {os.path.relpath(os.path.join(h, n), tree) for h, d, f in os.walk(tree) for n in d + f if os.path.islink(os.path.join(h, n))}
    assert present == {"in", "loop", "l1", "l2", "dot", "q/r/up1", "q/r/up2", "q/r/file.tf"}, present
    assert len([w for w in a.warnings if "symbolic link" in w]) == 8, a.warnings
    real = os.path.realpath(tree)
    for path in present - {"loop", "l1", "l2"}:
        assert os.path.realpath(os.path.join(tree, path)).startswith(real), path
    assert ("q/r", "d/e") in uses(a), uses(a)


def case_submodules(lab):
    a = hostile(lab, [("160000", b"sub", "1234567890" * 4)]).need(0)
    assert a.warnings == ["sub is not in the work tree: submodules are not fetched"], a.warnings
    assert [c["path"] for c in a.changed] == ["sub"] and sorted(os.listdir(lab.tree(a.tree))) == ["main.tf"]


def case_names_that_differ_in_case(lab):
    repo = lab.repo({"main.tf": "#\n"}, {})
    blob = put(repo, "blob", b"x\n")
    a = hostile(lab, [("100644", b"Main.tf", blob)]).need(0)
    assert len(a.warnings) == 1 and "differ only in case" in a.warnings[0], a.warnings
    assert sorted(os.listdir(lab.tree(a.tree))) == ["Main.tf", "main.tf"]


def case_twice_the_same_name(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    blob, link = put(repo, "blob", b"x\n"), put(repo, "blob", b"/tmp")
    folder = put_tree(repo, [("100644", b"evil", blob)])
    for entries in ([("100644", b"z.tf", blob), ("100644", b"z.tf", link)], [("120000", b"z", link), ("40000", b"z", folder)],
                    [("120000", b"z", put(repo, "blob", b"a.tf")), ("40000", b"z", folder)], [("40000", b"z", folder), ("40000", b"z", folder)]):
        a = hostile(lab, entries, is_sorted=False)
        assert a.code == 1 and a.kind == "user" or not os.path.lexists(os.path.join(lab.tree(a.tree), "z", "evil")) or \
            not os.path.islink(os.path.join(lab.tree(a.tree), "z")), a.document
    assert not os.path.exists("/tmp/evil")
    assert not [t for t in (lab.trees() if os.path.isdir(os.path.join(lab.data, "repos/1/trees")) else []) if t.startswith(".")]


def case_deep_folders(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    tree = put_tree(repo, [("100644", b"x.tf", put(repo, "blob", b"x\n"))])
    for depth in range(1, 80):
        tree = put_tree(repo, [("40000", b"d", tree)])
        if depth == 50:
            lab.data = lab.path("data")
            hostile(lab, [("40000", b"deep", tree)]).need(0)
    a = hostile(lab, [("40000", b"deeper", tree)]).need(1)
    assert "nested more than 64" in a.error and a.kind == "user", a.error


def case_long_path(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    tree = put_tree(repo, [("100644", b"x.tf", put(repo, "blob", b"x\n"))])
    for _ in range(6):
        tree = put_tree(repo, [("40000", b"n" * 200, tree)])
    a = hostile(lab, [("40000", b"long", tree)]).need(1)
    assert "longer than" in a.error and a.kind == "user", a.error


def case_tree_bomb(lab):
    """Ten levels of a hundred times the same folder: 10^20 files in a few kilobytes."""
    repo = lab.repo({"a.tf": "#\n"}, {"other": {"b.tf": "#\n"}})
    tree = put_tree(repo, [("100644", b"x.tf", put(repo, "blob", b"x\n"))])
    for _ in range(10):
        tree = put_tree(repo, [("40000", b"d%02d" % i, tree) for i in range(100)])
    head = put_commit(repo, tree, [lab.heads["main"]])
    a = lab.prepare(repo, head).need(1)
    assert a.kind == "user" and a.seconds < (60 if IS_SLOW else 5), (a.error, a.seconds)
    git(repo, "update-ref", "refs/heads/bomb", head)
    for base, tip in (("bomb", lab.heads["other"]), ("other", head)):
        a = lab.prepare(repo, tip, base_ref=base).need(1)
        assert a.kind == "user" and a.seconds < (60 if IS_SLOW else 5), (a.error, a.seconds)


def case_million_entries(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    blob = put(repo, "blob", b"x\n")
    wide = put_tree(repo, [("100644", b"f%07d.tf" % i, blob) for i in range(1000000)], is_sorted=False)
    for old in (lab.heads["main"], put_commit(repo, wide, [])):
        git(repo, "update-ref", "refs/heads/main", old)
        entries = [("40000", b"w", wide), ("100644", b"n.tf", blob)]
        a = lab.prepare(repo, put_commit(repo, put_tree(repo, entries), [old])).need(1)
        assert a.kind == "user" and ("10000" in a.error or "200000" in a.error) and a.seconds < (120 if IS_SLOW else 10), (a.error, a.seconds)


def case_large_files(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    blob = put(repo, "blob", b"\0" * (101 << 20))
    a = hostile(lab, [("100644", b"large.bin", blob)]).need(1)
    assert a.kind == "user" and "large.bin" in a.error, a.error
    assert not lab.trees(), lab.trees()
    a = hostile(lab, [("100644", b"wide.tf", put(repo, "blob", b"#" * (2 << 20)))]).need(0)
    assert "too large to be searched" in a.warnings[0], a.warnings


def case_objects_of_another_kind(lab):
    repo = lab.repo({"a.tf": "#\n"}, {})
    tree, blob = git(repo, "rev-parse", "main^{tree}"), git(repo, "rev-parse", "main:a.tf")
    for head in (tree, blob, "0" * 40, "f" * 40, "HEAD", "", "main", "-" * 40, lab.heads["main"][:39]):
        a = lab.prepare(repo, head)
        assert a.code == 1 and a.error and lab.root not in a.error, a.document
    for mode, oid in (("100644", tree), ("40000", blob), ("100644", "f" * 40), ("40000", "f" * 40), ("777777", blob), ("0", blob)):
        a = hostile(lab, [(mode, b"x.tf", oid)])
        assert a.code in (0, 1) and lab.root not in json.dumps(a.document), a.document
    a = lab.prepare(repo, put_commit(repo, blob, [lab.heads["main"]])).need(1)
    a = lab.prepare(repo, put(repo, "commit", b"nonsense")).need(1)


def case_jobs_that_are_wrong(lab):
    repo = lab.repo({"a.tf": "#\n"}, {"one": {"b.tf": "#\n"}})
    for change in ({"op": 2}, {"op": "x"}, {"repo": -1}, {"repo": 0}, {"head": 5}, {"clone_url": None}, {"repo": 2 ** 70}):
        a = lab.prepare(repo, lab.heads["one"], "one", **change) if "clone_url" not in change and "head" not in change and "repo" not in change \
            else wrong(lab, repo, change)
        assert a.code == 1 and a.error, (change, a.document)
    for words in ([], ["prepare"], ["prepare", "--job"], ["prepare", "--job", "x", "--data", "y", "--answer", "z", "--more", "w"], ["what"],
                  ["prepare", "--job", "x", "--job", "x", "--data", "y"]):
        assert subprocess.run(WRAPPER + [PROGRAM] + words, stderr=subprocess.DEVNULL, check=False, cwd=lab.root).returncode == 2, words


def wrong(lab, repo, change):
    order = {"url": repo, "head": lab.heads["one"], "repo": 1}
    order.update({("url" if k == "clone_url" else k): v for k, v in change.items()})
    return lab.prepare(order["url"], order["head"], "one", repo=order["repo"])


def main():
    assert os.access(PROGRAM, os.X_OK), "sluice-git is not built"
    run_cases("git-hostile", lab_cases(globals(), Lab))


if __name__ == "__main__":
    main()
