#!/usr/bin/env python3
"""Branches, titles and folders with every character that a shell or Markdown makes something of, through a real server. The
comments that come of it are read by an independent reader, cmark-gfm: one heading, no link, no tag that is not ours,
nobody mentioned; and no shell has run anything."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from lab import STUB, MODE  # noqa: E402

MARK = "touched"  # what a shell would make
BRANCHES = [
    "a`touch${IFS}%s`" % MARK, "a$(touch${IFS}%s)" % MARK, "a;touch${IFS}%s" % MARK, "a|touch${IFS}%s" % MARK,
    "a&&touch${IFS}%s" % MARK, "a'b\"c", "a<b>c</details>", "<!--x-->", "a@team", "@everyone", "a#12", "#1",
    "(x)](https://evil.example)", "https-//www.evil.example", "!x", "%s%n%d", "{a,b}", "$HOME", "_a_b_", "__x__", "a=b",
    "ünï", "日本", "``x", "a```b", "</summary>", "&lt;&amp;", "3f2a91c0aaaabbbb", "a\u202eb", "a,b", "+x", "--/x", "a..b", "x.lock"]
TAGS = re.compile(r"</?(details|summary|b|code)( open)?>|<!-- sluice:\S+ -->")


def read(markdown):
    """What an independent reader makes of it; AssertionError when it is more than we wanted to say."""
    done = subprocess.run(["cmark-gfm", "-e", "table", "-e", "autolink", "-e", "strikethrough", "--unsafe", "-t", "xml"],
                          input=markdown, text=True, stdout=subprocess.PIPE, check=True)
    headings, text = [], []
    for node in tree.fromstring(done.stdout).iter():
        kind = node.tag.split("}")[1]
        if kind == "heading":
            headings.append("".join(part.text or "" for part in node.iter()).strip())
        elif kind in ("link", "image", "block_quote", "list", "thematic_break", "strikethrough"):
            raise AssertionError("a %s in %s" % (kind, markdown))
        elif kind in ("html_block", "html_inline"):
            rest = TAGS.sub("", node.text or "")
            if "<" in rest:
                raise AssertionError("a tag that is not ours in %s" % node.text)
        elif kind == "text":
            text.append(node.text or "")
    if len(headings) != 1 or not headings[0].startswith("sluice · "):
        raise AssertionError("the headings are %s in %s" % (headings, markdown))
    for piece in text:
        if re.search(r"(^|[^\w`])[@#]\w", piece):
            raise AssertionError("somebody is mentioned in %r" % piece)


def git_makes(repo, name, commit):
    return subprocess.run(["git", "-C", repo, "branch", "-f", "--", name, commit], check=False, stderr=subprocess.DEVNULL,
                          env=sluice.GIT_ENV).returncode == 0


def one(server, results, repo, name, folder):
    case = "base branch %s" % name.encode("unicode_escape").decode()
    try:
        if not git_makes(repo, name, "main"):
            results.row("passed", case, "git itself refuses it")
            return
        status, answer = server.ask("POST", "/local/pulls", {"repo": "r", "title": name, "head_ref": "feature",
                                                             "base_ref": name, "as": "ann"})
        if status >= 300:
            if status != 400 or not answer.get("error"):
                raise AssertionError("%s %s" % (status, answer))
            results.row("passed", case, answer["error"])
            return
        runs = server.wait_idle(answer["number"], 15)
        if runs[0]["state"] != "failed":  # one project is planned, the other is told to fail
            raise AssertionError("the plan ended as %s" % runs[0]["state"])
        comments = server.must("GET", "/local/pulls/%d" % answer["number"])["comments"]
        server.must("POST", "/local/pulls/%d/close" % answer["number"], {"as": "ann"})
        for comment in comments:
            read(comment["body"])
        for where in (folder, "/", sluice.ROOT, server.data):
            if os.path.exists(os.path.join(where, MARK)):
                raise AssertionError("a shell has read the name of a branch")
        results.row("passed", case)
    except (AssertionError, OSError, ValueError, KeyError, sluice.Gone, subprocess.SubprocessError) as problem:
        results.row("failed", case, "%s: %s" % (type(problem).__name__, problem))


def main():
    results = sluice.Results("words")
    if shutil.which("cmark-gfm") is None:
        results.row("skipped", "all", "cmark-gfm is missing; run: apt-get install cmark-gfm")
        results.end()
    folder = tempfile.mkdtemp(prefix="sluice-words-")
    server = sluice.Server(os.path.join(folder, "data"), MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\n" % STUB)
    try:
        repo = os.path.join(folder, "repo.git")
        sluice.make_repository(repo, {"a;b`c`/main.tf": "# 1\n", "x/main.tf": "# 1\n"},
                               {"feature": {"a;b`c`/main.tf": "# stub: create=1\n", "x/main.tf": "# stub: fail=plan\n"}})
        server.start()
        server.must("POST", "/local/repos", {"name": "r", "import": repo})
        repo = server.must("GET", "/local/repos")[0]["path"]
        for name in BRANCHES:
            one(server, results, repo, name, folder)
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    results.end()


main()
