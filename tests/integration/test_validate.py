#!/usr/bin/env python3
"""`sluice validate` as people type it, the published JSON Schema as a second judge of every file that
we have, and what hostile files cost."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import hostile_yaml  # noqa: E402  (the path is set just above)
import sluice  # noqa: E402

SLUICE = os.path.join(sluice.ROOT, "build", os.environ.get("MODE", "debug"), "sluice")
CORPORA = os.path.join(sluice.ROOT, "..", "shared", "corpora", "atlantis-yaml")
BROKEN = os.path.join(sluice.ROOT, "tests", "golden", "repo-broken.txt")
DONE, NO, USAGE = 0, 1, 2
MEMORY_KIB = 16 << 10

# What a schema sees as we do. The rest (names that meet, patterns, order, YAML itself) only code can tell.
SCHEMA_TELLS = ("unknown key", "the key \"", "expected true or false", "expected a whole number", "expected keys",
                "expected a list", "expected one value", "expected exactly one of", "expected names with")
NUMBER_LIMITS = re.compile(r"must lie between -?\d+ and -?\d+$")  # those of times have units
# ... except for these: the parser of the schema's judge reads them as something else.
SCHEMA_BLIND = ("is given twice",)


def validate(*arguments, cwd=sluice.ROOT):
    done = subprocess.run([SLUICE, "validate", *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def judge(path):
    status, text = validate("--json", "--file", path)
    answer = json.loads(text)
    assert answer["valid"] == (status == DONE), "exit code and answer differ"
    return answer


class Schema:
    """The schema's verdict on a file, as an editor would give it."""

    def __init__(self):
        with open(os.path.join(sluice.ROOT, "config", "sluice.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft7Validator.check_schema(schema)
        self.validator = jsonschema.Draft7Validator(schema)

    def judge(self, text):
        """None: this is no YAML for it."""
        try:
            tree = json.loads(json.dumps(yaml.safe_load(text), default=str))
        except (yaml.YAMLError, ValueError, TypeError):  # circles, keys that are lists
            return None
        return self.validator.is_valid(tree)


def compare(schema, text, errors):
    """Why the two judges differ where they should not; "" when they agree."""
    verdict = schema.judge(text)
    seen = [error for error in errors if error["message"].startswith(SCHEMA_TELLS) or NUMBER_LIMITS.match(error["message"])]
    if verdict is None or any(part in error["message"] for error in errors for part in SCHEMA_BLIND):
        return ""
    if verdict and seen:
        return "the schema takes what we refuse: %s" % seen[0]
    if not verdict and not errors:
        return "the schema refuses what we take"
    return ""


def check_corpora(results, schema):
    if not os.path.isdir(CORPORA):
        results.row("skipped", "corpora", "corpora absent")
        return
    with open(os.path.join(CORPORA, "VERDICTS.tsv"), encoding="utf-8") as verdicts:
        expected = {row.split("\t")[0]: row.split("\t")[2] == "ok" for row in verdicts if not row.startswith("file\t")}
    expected.update({os.path.join("generated", os.path.basename(path)): True
                     for path in glob.glob(os.path.join(CORPORA, "generated", "*.y*ml"))})
    for name, is_fine in sorted(expected.items()):
        path = os.path.join(CORPORA, name)
        answer = judge(path)
        with open(path, encoding="utf-8") as file:
            reason = compare(schema, file.read(), answer["errors"])
        if answer["valid"] != is_fine:
            reason = "valid: %s, errors: %s" % (answer["valid"], answer["errors"][:1])
        results.row("failed" if reason else "passed", name, reason)


def check_broken(results, schema, folder):
    """The files of the golden answers: the schema must refuse what it can see."""
    with open(BROKEN, encoding="utf-8") as golden:
        cases = golden.read().split("=== ")[1:]
    told = 0
    for case in cases:
        name, rest = case.split("\n", 1)
        text = rest.split("--- said\n")[0].replace("\\r", "\r").replace("\\0", "\0")
        path = os.path.join(folder, "sluice.yaml")
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        answer = judge(path)
        reason = compare(schema, text, answer["errors"])
        told += any(error["message"].startswith(SCHEMA_TELLS) for error in answer["errors"])
        if reason or answer["valid"]:
            results.row("failed", "broken: " + name, reason or "we take it")
    results.row("passed" if told > 40 else "failed", "broken: as the schema says, %d files" % told)


PROJECT = "version: 3\nprojects: [{dir: a, apply_requirements: [approved], workflow: own}]\nworkflows: {own: }\n"
CLOSED = "repos: [{id: /.*/, apply_requirements: [approved]}]\n"
OPEN = "repos: [{id: github.com/team/infra, allowed_overrides: [workflow], allow_custom_workflows: true}]\n"

# name, files, arguments, exit code, what is said
COMMANDS = [
    ("a folder without a file", {}, [], DONE, "there is no file: the defaults hold"),
    ("the usual name", {"atlantis.yaml": "version: 3\n"}, [], DONE, "./atlantis.yaml: valid, 0 projects"),
    ("our name first", {"atlantis.yaml": "version: 3\n", "sluice.yaml": "version: 3\nprojects: [{dir: a}]\n"}, [], DONE,
     "./atlantis.yaml: warning: is not read: ./sluice.yaml comes first\n./sluice.yaml: valid, 1 project"),
    ("a name that is read nowhere", {"atlantis.yml": "version: 3\n"}, [], NO,
     "./atlantis.yml: is not read; call it atlantis.yaml"),
    ("our keys under the other name", {"atlantis.yaml": "version: 3\nenvironments: {}\n"}, [], NO,
     "./atlantis.yaml:2:1: environments: only sluice.yaml may say this; rename the file"),
    ("two errors at once", {"x.yaml": "version: 3\nautomrge: true\nprojects: [{name: a}]\n"}, ["--file", "x.yaml"], NO,
     "x.yaml:2:1: automrge: unknown key; did you mean \"automerge\"?\nx.yaml:3:12: projects[0]: the key \"dir\" is missing"),
    ("another folder", {"r/sluice.yaml": "version: 3\n"}, ["--repo", "r"], DONE, "r/sluice.yaml: valid, 0 projects"),
    ("a file that is not there", {}, ["--file", "x.yaml"], NO, "x.yaml: cannot be read: No such file or directory"),
    ("a folder in place of a file", {"d/x": ""}, ["--file", "d"], NO, "d: cannot be read: Is a directory"),
    ("two places", {}, ["--file", "x", "--repo", "."], USAGE, "--repo and --file exclude each other"),
    ("a file without its flag", {}, ["x.yaml"], USAGE, "--file x.yaml"),
    ("a workflow of the server", {"sluice.yaml": "version: 3\nprojects: [{dir: a, workflow: w}]\n"}, [], DONE,
     "projects[0].workflow: warning: \"w\" is not in this file: the server must have it"),
    ("a server file by itself", {"server.yaml": "slots: 3\n"}, ["--server", "server.yaml"], DONE, "server.yaml: valid\n"),
    ("a broken server file", {"server.yaml": "slot: 3\n", "sluice.yaml": "version: 3\n"}, ["--server", "server.yaml", "--repo", "."],
     NO, "server.yaml:1:1: slot: unknown key; did you mean \"slots\"?"),
    ("what the server does not allow", {"server.yaml": CLOSED, "sluice.yaml": PROJECT}, ["--server", "server.yaml", "--repo", "."],
     NO, "./sluice.yaml:2:63: projects[0].workflow: the server does not let this repository say this; "
         "the server's entry of `repos` needs allowed_overrides: [workflow]"),
    ("what it allows this repository", {"server.yaml": OPEN, "sluice.yaml": PROJECT, "origin": "git@github.com:team/infra.git"},
     ["--server", "server.yaml", "--repo", "."], DONE, "./sluice.yaml: valid, 1 project"),
    ("and no other", {"server.yaml": OPEN, "sluice.yaml": PROJECT, "origin": "https://github.com/team/other"},
     ["--server", "server.yaml", "--repo", "."], NO, "allow_custom_workflows: true"),
    ("a schema", {}, ["--schema", "repo"], DONE, '"title": "sluice.yaml"'),
    ("a schema of nothing", {}, ["--schema", "x"], USAGE, "there are two schemas"),
    ("the reference", {}, ["--reference"], DONE, "| `projects[].dir` | text |"),
]


def check_commands(results):
    for name, files, arguments, status, said in COMMANDS:
        with tempfile.TemporaryDirectory(prefix="sluice-validate-") as folder:
            subprocess.run(["git", "init", "-q", folder], check=True)
            for path, text in files.items():
                if path == "origin":
                    subprocess.run(["git", "-C", folder, "remote", "add", "origin", text], check=True)
                    continue
                os.makedirs(os.path.dirname(os.path.join(folder, path)) or folder, exist_ok=True)
                with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                    file.write(text)
            found, text = validate(*arguments, cwd=folder)
        is_fine = found == status and said in text
        results.row("passed" if is_fine else "failed", name, "" if is_fine else "exit %d: %s" % (found, text))


def check_memory(results, folder):
    """Everything that the process writes to must fit: it aborts when it gets no more. Sanitizers need more by themselves."""
    if os.environ.get("MODE") in ("asan", "tsan"):
        results.row("skipped", "memory", "measured without sanitizers only")
        return
    path = os.path.join(folder, "sluice.yaml")
    for name, content in hostile_yaml.files().items():
        with open(path, "wb") as file:
            file.write(content)
        status = subprocess.run(["sh", "-c", "ulimit -d %d; exec \"$0\" validate --file \"$1\"" % MEMORY_KIB, SLUICE, path],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        results.row("passed" if status in (DONE, NO) else "failed", "memory: " + name, "" if status in (DONE, NO) else "ended with %d" % status)


def check_words(results):
    """What the command line itself says: once, whole, and in the form that was asked for."""
    def say(*arguments):
        done = subprocess.run([SLUICE, *arguments], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def of_json():
        return set(json.loads(say("version", "--json"))) == {"version"}

    def of_actions():
        wanted = {"open": "--repo NAME --head BRANCH", "comment": "N TEXT", "merge": "merges", "list": "--all"}
        return all(word in say("pr", action, "--help") for action, word in wanted.items()) and "reopen  " in say("pr", "--help")

    def without_blanks():
        verbs = re.findall(r"^  ([a-z-]+) ", say("--help"), re.M)
        return len(verbs) > 10 and not any(line.endswith(" ") for verb in verbs for line in say(verb, "--help").splitlines())

    def one_error():
        return say("serve", "--config", "/nope.yaml").count("No such file") == 1

    def one_refusal():
        with tempfile.TemporaryDirectory(prefix="sluice-validate-") as folder:
            for name, text in (("s.yaml", "repos: [{id: /.*/}]\n"), ("atlantis.yaml", "version: 3\nprojects: [{dir: a, repo_locks: {mode: disabled}}]\n")):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            return say("validate", "--server", folder + "/s.yaml", "--file", folder + "/atlantis.yaml").count("repo_locks:") == 1

    for call in (of_json, of_actions, without_blanks, one_error, one_refusal):
        results.row("passed" if call() else "failed", "words: " + call.__name__, "" if call() else "see the command")


def main():
    results = sluice.Results("validate")
    check_words(results)
    schema = Schema()
    check_corpora(results, schema)
    with tempfile.TemporaryDirectory(prefix="sluice-validate-") as folder:
        check_broken(results, schema, folder)
        check_memory(results, folder)
    check_commands(results)
    results.end()


if __name__ == "__main__":
    main()
