#!/usr/bin/env python3
"""The scripts that check and count, each against a small tree in which we know what they must find."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sluice  # noqa: E402  (the path is set just above)

C = "/* Owns nothing. */\n"
HEADER = C + "#pragma once\n"
LIB, ENGINE, STORE = "orchestrator/lib/", "orchestrator/engine/", "orchestrator/store/"


def function(lines):
    return C + "int f(void)\n{\n" + "\tg();\n" * (lines - 2) + "}\n"


def body(text):
    return C + "int f(void)\n{\n\t%s\n}\n" % text


# Each row is a file of the tree: its path, its text, and the rules that it breaks with the lines at which it does.
SOURCES = [
    # who may include whom
    (LIB + "a.h", HEADER, []),
    (STORE + "a.h", HEADER, []),
    (ENGINE + "a.h", HEADER, []),
    ("vcs/git/a.h", HEADER, []),
    ("runners/a.h", HEADER, []),
    ("runners/executor_local.h", HEADER, []),
    (LIB + "down.c", C + '#include "orchestrator/lib/a.h"\n', []),
    (LIB + "up.c", C + '#include "orchestrator/store/a.h"\n', [("layer", 2)]),
    (ENGINE + "down.c", C + '#include "orchestrator/store/a.h"\n', []),
    (STORE + "up.c", C + '#include "orchestrator/engine/a.h"\n', [("layer", 2)]),
    ("vcs/up.c", C + '#include "orchestrator/engine/a.h"\n', [("layer", 2)]),
    ("vcs/aside.c", C + '#include "vcs/git/a.h"\n', [("layer", 2)]),
    ("runners/aside.c", C + '#include "runners/executor_local.h"\n', [("layer", 2)]),
    ("runners/executor_local.c", C + '#include "runners/a.h"\n', [("layer", 2)]),
    ("runners/executor_launch.c", C + '#include "runners/executor_local.h"\n', []),
    ("orchestrator/serve.c", C + '#include "runners/executor_local.h"\n#include "vcs/git/a.h"\n', []),
    ("orchestrator/other.c", C, [("layer", 1)]),
    ("elsewhere/a.c", C, [("layer", 1)]),
    (LIB + "relative.c", C + '#include "a.h"\n', [("layer", 2)]),
    (LIB + "absent.c", C + '#include "orchestrator/lib/absent.h"\n', [("layer", 2)]),
    ("tests/unit/test_all.c", "/* links: lib */\n" + '#include "orchestrator/engine/a.h"\n#include <cmocka.h>\n', []),
    # a library has one wrapper
    (LIB + "loop.c", C + "#include <uv.h>\n", []),
    (ENGINE + "loop.c", C + "#include <uv.h>\n", [("library", 2)]),
    (LIB + "curl.c", C + "#include <curl/curl.h>\n", [("library", 2)]),
    (STORE + "db_sqlite.c", C + "#include <sqlite3.h>\n", []),
    (STORE + "db.c", C + "#include <sqlite3.h>\n", [("library", 2)]),
    ("vcs/git/lib.c", C + "#include <git2.h>\n#include <git2/sys/x.h>\n", []),
    ("config/git.c", C + "#include <git2/sys/x.h>\n", [("library", 2)]),
    ("config/cases.c", C + "#include <cmocka.h>\n", [("library", 2)]),
    # banned functions
    (LIB + "memory.c", body("p = malloc(3);"), []),
    (ENGINE + "memory.c", body("p = malloc(3);"), [("banned", 4)]),
    (ENGINE + "copy.c", body("strcpy(a, b), sprintf(a, b);"), [("banned", 4), ("banned", 4)]),
    (ENGINE + "words.c", body('say("strcpy(a)"); /* system(x) */'), []),
    (ENGINE + "names.c", body("my_system(x), a.gets(y), b->gets(y), gmtime_r(t, u);"), []),
    (ENGINE + "asserts.c", body("assert(x);"), [("banned", 4)]),
    ("tests/asserts.c", body("assert(x);"), []),
    (ENGINE + "long_comment.c", "/* One.\n * strcpy(a, b)\n */\n", []),
    # shape
    (LIB + "guard.h", C, [("guard", 1)]),
    (LIB + "opening.c", "int x;\n", [("opening", 1)]),
    (LIB + "function.c", function(100), []),
    (LIB + "function_long.c", function(101), [("function-size", 3)]),
    (LIB + "file.c", C + "int x;\n" * 799, []),
    (LIB + "file_long.c", C + "int x;\n" * 800, [("file-size", 801)]),
    ("tests/unit/test_links.c", C, [("links", 1)]),
    ("tests/fuzz/fuzz_links.c", "/* links: lib */ /* and more */\n", [("links", 1)]),
    (LIB + "format.c", C + "int  x ;\n", [("format", 2)]),
    ("orchestrator/ARCHITECTURE.md", "1. First: `%stour.c`\n2. Gone: `%stour.c`\n" % (LIB, LIB), [("tour", 1)]),
    (LIB + "tour.c", C + "/*~ 1. The first stop. */\n\n/*~ 3. A stop that no page lists. */\n", [("tour", 4)]),
    # words
    ("README.md", "Nothing to " + "DO.\n", []),
    ("marks.md", "one\n" + "TO" + "DO: more\n", [("mark", 2)]),
    ("names.md", "mkdtemp of XXXXXX\n", []),
    ("paths.md", "see /" + "root/x and then\n/" + "home/alice/x\n", [("path", 1), ("path", 2)]),
    ("own_path.md", "in @ROOT@/README.md\n", [("path", 1)]),
    ("spelling.md", "one\n\nrec" + "ieve it\n", [("spelling", 3)]),
    ("tests/fuzz/corpora/x/one", "rec" + "ieve\nTO" + "DO\n", []),
    ("run", "#!/usr/bin/env bash\necho $1\n", [("shell", 2)]),
    ("run.py", "def f(:\n", [("python", 1)]),
    ("names.py", "def f():\n    return g\n", [("python", 2)]),
    ("long.py", "x = 1\n" * 801, [("file-size", 801)]),
    ("data.bin", "TO" + "DO\0\n", []),
    # exceptions
    (ENGINE + "allowed.c", body("system(x); /* check: allow " + "banned: it is a test */"), []),
    (ENGINE + "allowed_other.c", body("system(x); /* check: allow " + "mark: it is a test */"),
     [("banned", 4), ("exception", 4)]),
    (ENGINE + "allowed_nothing.c", body("f(x); /* check: allow " + "banned: it is a test */"), [("exception", 4)]),
    (ENGINE + "allowed_unknown.c", body("f(x); /* check: allow " + "all: it is a test */"), [("exception", 4)]),
    (ENGINE + "allowed_why.c", body("system(x); /* check: allow " + "banned: */"), [("banned", 4)]),
]

# What a program prints and how it ends; what run-cases makes of it
PROGRAMS = [
    ("passes", "echo 1..2; echo 'ok 1 - a'; echo 'ok 2 - b'", ["passed a", "passed b"]),
    ("fails", "echo 1..2; echo 'not ok 1 - a'; echo '# 1 != 2'; echo 'ok 2 - b'; exit 1", ["failed a", "passed b"]),
    ("skips", "echo 1..1; echo '# skip: no clock'; echo 'not ok 1 # SKIP a'", ["skipped a"]),
    ("dies", "echo 1..2; echo 'ok 1 - a'; kill -ABRT $$", ["passed a", "failed the program"]),
    ("stops early", "echo 1..2; echo 'ok 1 - a'; exit 0", ["passed a", "failed the program"]),
    ("says nothing", "exit 0", ["failed the program"]),
    ("ends badly", "echo 1..1; echo 'ok 1 - a'; exit 3", ["passed a", "failed the program"]),
    ("leaves a child", "echo 1..1; echo 'ok 1 - a'; sleep 300 & exit 0", ["passed a"]),
]

# A suite, its command, the rows it leaves, its exit status
SUITES = [
    ("silent", "true", ["passed silent"], 0),
    ("loud", "echo oh; exit 3", ["failed loud"], 1),
    ("own", "printf 'passed\\town\\tx\\t\\nskipped\\town\\ty\\twhy\\n' >build/report/results/own.tsv", ["passed x", "skipped y"], 0),
    ("unsaid", "printf 'passed\\tunsaid\\tx\\t\\n' >build/report/results/unsaid.tsv; exit 1", ["passed x", "failed unsaid"], 1),
    ("said", "printf 'failed\\tsaid\\tx\\tno\\n' >build/report/results/said.tsv; exit 0", ["failed x"], 1),
]


class Tree:
    """A project of its own, with our scripts in it."""

    def __init__(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="sluice-scripts-"))
        shutil.copytree(os.path.join(sluice.ROOT, "scripts"), os.path.join(self.root, "scripts"),
                        ignore=shutil.ignore_patterns("setup*"))
        shutil.copy(os.path.join(sluice.ROOT, ".clang-format"), self.root)
        self.results = os.path.join(self.root, "build", "report", "results")
        os.makedirs(self.results)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text.replace("@ROOT@", self.root))
        return path

    def run(self, *command):
        done = subprocess.run(command, cwd=self.root, text=True, check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout

    def rows(self, suite):
        path = os.path.join(self.results, suite + ".tsv")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as lines:
            return [line.rstrip("\n").split("\t") for line in lines]

    def verdicts(self, suite):
        """["passed name", ...] without the name of the program"""
        return ["%s %s" % (row[0], row[2].split(": ", 1)[-1]) for row in self.rows(suite)]


def expect(results, case, found, wanted):
    results.row("passed" if found == wanted else "failed", case, "" if found == wanted else "%r, expected %r" % (found, wanted))


def check_sources(tree, results):
    for path, text, _ in SOURCES:
        tree.write(path, text)
    tree.run("git", "init", "-q", ".")
    status, output = tree.run("scripts/check-source")
    found = {}
    for line in output.splitlines():
        located = re.match(r"([^:]+):(\d+): .+ \(([a-z-]+)\)$", line)
        if located is None:
            results.row("failed", "source: every line is a finding", line)
        else:
            found.setdefault(located[1], []).append((located[3], int(located[2])))
    for path, _, wanted in SOURCES:
        # The files are as small as they can be, not as well formed as they should be
        ours = [finding for finding in found.pop(path, []) if finding[0] != "format" or finding in wanted]
        expect(results, "source: %s" % path, sorted(ours), sorted(wanted))
    expect(results, "source: nothing else", found, {})
    expect(results, "source: findings are a failure", status, 1)
    expect(results, "source: each rule was broken but that tools are there",
           [row[2] for row in tree.rows("source") if row[0] == "passed"], ["tool"])


def check_missing_tool(tree, results):
    """With only what the script itself needs in PATH, the other tools are findings."""
    bare = os.path.join(tree.root, "bare")
    os.makedirs(bare)
    for name in ("git", "python3"):
        os.symlink(shutil.which(name), os.path.join(bare, name))
    _, output = tree.run("env", "PATH=" + bare, "python3", "scripts/check-source")
    for name in ("clang-format", "codespell", "shellcheck", "pyflakes3"):
        expect(results, "source: without %s" % name, "%s is missing; run scripts/setup test (tool)" % name in output, True)


def check_cases(tree, results):
    for name, text, wanted in PROGRAMS:
        path = tree.write("programs/" + name.replace(" ", "_"), "#!/bin/sh\n%s\n" % text)
        os.chmod(path, 0o755)
        status, output = tree.run("scripts/run-cases", "unit", path)
        expect(results, "run-cases: %s" % name, tree.verdicts("unit"), wanted)
        bad = any(verdict.startswith("failed") for verdict in wanted)
        expect(results, "run-cases: %s: the end" % name, (status, "----" in output), (int(bad), bad))
    tree.run("scripts/run-cases", "unit", os.path.join(tree.root, "programs", "skips"))
    expect(results, "run-cases: why it was skipped", tree.rows("unit")[0][3], "no clock")
    tree.run("scripts/run-cases", "unit", os.path.join(tree.root, "programs", "fails"))
    expect(results, "run-cases: why it failed", tree.rows("unit")[0][3], "1 != 2")
    expect(results, "run-cases: nothing ran", tree.run("scripts/run-cases", "unit")[0], 1)


def check_suites(tree, results):
    for name, text, wanted, ends in SUITES:
        status, output = tree.run("scripts/run-suite", name, "sh", "-c", text)
        expect(results, "run-suite: %s" % name, (tree.verdicts(name), status), (wanted, ends))
        expect(results, "run-suite: %s: the last line" % name, output.splitlines()[-1].startswith(name + ": "), True)


# Each suite says when it begins and ends; a and heavy only end when the other one has begun
LANES = """check-%:
	@echo 'begin $* $(MODE)'; touch $*.here; case $* in a) other=heavy;; heavy) other=a;; *) other=$*;; esac; \\
	n=0; until [ -e $$other.here ] || [ $$n = 100 ]; do sleep 0.1; n=$$((n+1)); done; echo "end $* $$n"; [ $* != bad ]
"""


def check_lanes(tree, results):
    tree.write("Makefile", LANES)
    status, output = tree.run("scripts/run-suites", "--alone", "flood last", "--behind", "heavy", "flood", "a", "bad", "heavy@asan", "last")
    said = [line.split(" ") for line in output.splitlines() if line.startswith(("begin ", "end "))]
    pairs = list(zip(said[::2], said[1::2]))
    expect(results, "run-suites: all are run, what fails stops nobody", (status, sorted(one[0][1] for one in pairs)),
           (0, ["a", "bad", "flood", "heavy", "last"]))
    expect(results, "run-suites: what each says stays together", [one[0][1] for one in pairs], [one[1][1] for one in pairs])
    expect(results, "run-suites: two at a time", [one[1] for one in pairs if one[1][2] == "100"], [])
    expect(results, "run-suites: some alone, after the others", [one[0][1] for one in pairs[-2:]], ["flood", "last"])
    expect(results, "run-suites: in its mode", ["heavy", "asan"] in [one[0][1:] for one in pairs], True)


def check_summary(tree, results):
    shutil.rmtree(tree.results)
    os.makedirs(tree.results)
    expect(results, "summary: nothing ran", tree.run("scripts/summary"), (1, "0 passed, 0 failed, 0 skipped\n"))
    tree.write("build/report/results/one.tsv", "passed\tone\ta\t\nskipped\tone\tb\tno clock\n")
    expect(results, "summary: all is well", tree.run("scripts/summary", "one"),
           (0, "skipped: one: b: no clock\n1 passed, 0 failed, 1 skipped\n"))
    expect(results, "summary: a suite is missing", tree.run("scripts/summary", "one", "two"),
           (1, "skipped: one: b: no clock\nfailed: two: two: left no results: it was not built, or it crashed\n"
               "1 passed, 1 failed, 1 skipped\n"))
    tree.write("build/report/results/two-asan.tsv", "failed\ttwo-asan\tc\tleak\n")
    expect(results, "summary: a case failed", tree.run("scripts/summary", "one", "two-asan"),
           (1, "skipped: one: b: no clock\nfailed: two-asan: c: leak\n1 passed, 1 failed, 1 skipped\n"))
    tree.write("build/report/results/bad.tsv", "fine\n")
    expect(results, "summary: a line that is no result", tree.run("scripts/summary")[1].splitlines()[-1],
           "1 passed, 2 failed, 1 skipped")


def check_report(tree, results):
    expect(results, "report: nothing was measured", tree.run("scripts/report")[0], 1)
    figure = {"name": "turn", "value": 0.23, "unit": "ms", "goal": "< 1", "ok": True, "detail": "p50"}
    tree.write("build/report/bench.json", json.dumps([figure]))
    status, output = tree.run("scripts/report")
    expect(results, "report: a figure", (status, "turn" in output, output.splitlines()[-1]), (0, True, "1 figures, 0 missed"))
    tree.write("build/report/load.json", json.dumps([dict(figure, ok=False)]))
    status, output = tree.run("scripts/report")
    expect(results, "report: a figure that missed", (status, "MISSED" in output), (1, True))
    tree.write("build/report/load.json", "{")
    expect(results, "report: a file that cannot be read", tree.run("scripts/report")[0], 1)


def main():
    results = sluice.Results("harness")
    tree = Tree()
    try:
        for check in (check_sources, check_missing_tool, check_cases, check_suites, check_lanes, check_summary, check_report):
            check(tree, results)
    finally:
        shutil.rmtree(tree.root)
    results.end()


if __name__ == "__main__":
    main()
