#!/usr/bin/env python3
"""sluice migrate-atlantis: from flags, environment and files to a server.yaml that `sluice validate` takes, with a word on
each flag and never a secret."""

import difflib
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
GOLDEN = os.path.join(sluice.ROOT, "tests", "golden", "migrate")
PAGE = os.path.join(sluice.ROOT, "config", "ATLANTIS.md")
CORPORA = os.path.join(sluice.ROOT, "..", "shared", "corpora", "atlantis-yaml", "server")
SECRET = "s3cr3t-0123456789-never-shown"
HOST = ["--gh-user=bot", "--gh-token=" + SECRET, "--gh-webhook-secret=" + SECRET, "--repo-allowlist=github.com/acme/*"]

# name: (flags, environment, files by flag)
RUNS = {
    "token": (HOST, {}, {}),
    "app": (["atlantis", "server", "--gh-app-id", "42", "--gh-app-key-file", "/run/key.pem", "--gh-app-slug", "plan-bot",
             "--gh-hostname", "ghe.acme.test", "--gh-webhook-secret", SECRET, "--repo-allowlist", "ghe.acme.test/*",
             "--allow-fork-prs", "--allow-draft-prs=true"], {}, {}),
    "environment": (["--port", "9000"], {
        "ATLANTIS_GITEA_BASE_URL": "https://code.acme.test", "ATLANTIS_GITEA_USER": "bot", "ATLANTIS_GITEA_TOKEN": SECRET,
        "ATLANTIS_REPO_ALLOWLIST": "*", "ATLANTIS_PORT": "tcp://10.1.2.3:80", "ATLANTIS_PORT_80_TCP": "tcp://10.1.2.3:80",
        "ATLANTIS_AUTOMERGE": "true", "ATLANTIS_PARALLEL_POOL_SIZE": "5", "ATLANTIS_SLACK_TOKEN": SECRET}, {}),
    "gitea": (["--gitea-base-url=http://git.acme.test:3000/code/", "--gitea-user=bot", "--gitea-token=" + SECRET,
               "--gitea-webhook-secret=" + SECRET, "--gitea-page-size=20",
               "--repo-allowlist=git.acme.test:3000/acme/*,!git.acme.test:3000/acme/x,git.acme.test/other/*,github.com/acme/*"], {}, {}),
    "files": (["--automerge=false"], {"ATLANTIS_ATLANTIS_URL": "https://plan.acme.test/"}, {
        "config": "gh-user: bot\ngh-token: %s\nrepo-allowlist: [github.com/acme/*, '!github.com/acme/x']\nautomerge: true\n"
                  "atlantis-url: https://lost.acme.test\nport: 8080\nwebhooks:\n- event: apply\n  kind: slack\n"
                  "  channel: infra\n  workspace-regex: prod.*\n- {event: drift, kind: http, url: 'https://hook.acme.test/x'}\n"
                  "nonsense: 1\n" % SECRET,
        "repo-config": "repos:\n- id: /.*/\n  apply_requirements: [approved]\n  pre_workflow_hooks:\n  - run: |\n"
                       "      set -e\n      make  atlantis.yaml\n  - {run: \"echo 'a: b' # c\"}\n"
                       "- &late {id: github.com/acme/infra, workflow: own, allow_custom_workflows: yes}\n"
                       "workflows:\n  own:\n    plan: {steps: [init, plan: {extra_args: [-lock, \"false\"]}]}\n"
                       "  grunt:\n    plan: {steps: [env: {name: A, value: b}, run: terragrunt plan -out $PLANFILE]}\n"
                       "policies:\n  policy_sets:\n  - {name: a, path: /p, source: local}\n"
                       "  - {name: b, path: p, source: github}\nexternal_stores: {plan_store: {type: s3}}\nteam_authz: {command: /bin/may}\n"}),
    "everything off": (["--disable-repo-locking", "--disable-apply-all", "--disable-autoplan", "--enable-policy-checks",
                        "--gh-team-allowlist=a:plan", "--allow-commands=all", "--gitlab-token=" + SECRET,
                        "--blocked-extra-args=-chdir", "--var-file-allowlist=/etc/vars,relative",
                        "--tf-distribution=opentofu", "--default-tf-version=v1.9.8", "--executable-name=sluice",
                        "--autoplan-file-list=**/*.tf,!docs/**", "--vcs-status-name=plans"] + HOST, {}, {}),
}

# name: (flags, exit code, what must be said)
REFUSED = {
    "a flag that is none": (["--gh-usr=x"], 2, "did you mean --gh-user?"),
    "a word": (["serve"], 2, "serve is no flag"),
    "a flag without its value": (["--gh-user"], 2, "--gh-user needs a value"),
    "a file that is not there": (["--config=/nonexistent/x"], 1, "/nonexistent/x cannot be read"),
    "JSON that is none": (["--repo-config-json={"], 1, "--repo-config-json:2:1: this is not YAML"),
    "no repositories": (["--gh-user=x", "--gh-token=y"], 1, "nothing is served of this host"),
    "a workflow that is not there": (["--repo-config-json={\"repos\": [{\"id\": \"/.*/\", \"workflow\": \"x\"}]}"], 1,
                                     "there is no workflow \"x\""),
    "a key of nobody": (["--repo-config-json={\"repositories\": []}"], 1, "repositories: unknown key"),
}


def run(flags, environment=None, json_too=False):
    env = dict({"PATH": "/usr/bin:/bin"}, **(environment or {}))
    return subprocess.run([SLUICE, "migrate-atlantis"] + (["--json"] if json_too else []) + flags, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)


def validate(folder, text):
    path = os.path.join(folder, "server.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    done = subprocess.run([SLUICE, "validate", "--server", path], stdout=subprocess.PIPE, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout


def hides_secret(done):
    return SECRET not in done.stdout and SECRET not in done.stderr


def golden(name, text):
    path = os.path.join(GOLDEN, name)
    if os.environ.get("UPDATE_GOLDEN"):
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
    with open(path, encoding="utf-8") as old:
        diff = list(difflib.unified_diff(old.read().splitlines(), text.splitlines(), name, "now", lineterm=""))
    assert not diff, "\n".join(diff[:30])


def whole_run(folder, name):
    flags, environment, files = RUNS[name]
    for flag, text in files.items():
        path = os.path.join(folder, flag + ".yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        flags = flags + ["--%s=%s" % (flag, path)]
    done = run(flags, environment)
    assert done.returncode == 0, done.stderr
    assert hides_secret(done), "a secret got out"
    wrong = validate(folder, done.stdout)
    assert not wrong, wrong
    golden(name.replace(" ", "-") + ".txt", done.stdout + "\n" + done.stderr)
    told = json.loads(run(flags, environment, True).stdout)
    assert told["valid"] and told["server_yaml"] == done.stdout and not told["errors"]
    assert len(told["flags"]) == len(done.stderr.splitlines())


def env_file(folder):
    """As systemd and docker take it; what the flags say wins."""
    path = os.path.join(folder, "atlantis.env")
    with open(path, "w", encoding="utf-8") as out:
        out.write("# ours\nexport ATLANTIS_GH_USER='bot'\nATLANTIS_GH_TOKEN=\"%s\"\r\nATLANTIS_REPO_ALLOWLIST=github.com/a/*\n"
                  "ATLANTIS_PORT=1\nNOTHING\nPATH=/x\n" % SECRET)
    done = run(["--env-file", path, "--port=2"])
    assert done.returncode == 0 and hides_secret(done), done.stderr
    for text in ("user: bot", "github.com/a/*", "0.0.0.0:2"):
        assert text in done.stdout, done.stdout
    assert run(["--env-file=/nonexistent/x"]).returncode == 1


def relative_policies(folder):
    """Said when migrating, and not only by what refuses the result."""
    path = os.path.join(folder, "policies.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write("repos: [{id: /.*/}]\npolicies:\n  policy_sets:\n  - {name: a, path: policies/a}\n  - {name: b, path: /b}\n")
    done = run(HOST + ["--repo-config=" + path])
    said = [line for line in done.stderr.splitlines() if "policy_sets[].path" in line and line.startswith("changed")]
    assert len(said) == 1 and '"policies/a" is refused' in said[0] and "GUARD" in said[0], done.stderr
    assert done.returncode == 1, done.returncode


def flags_of_the_page():
    with open(PAGE, encoding="utf-8") as page:
        return re.findall(r"^\| `([a-z-]+)` \| (\w+)", page.read(), re.M)


def one_flag(folder, name, verdict):
    """Each flag by itself: a word on it, and a result that is taken."""
    values = {"port": "4000", "gh-app-id": "7", "redis-port": "1", "redis-db": "1", "checkout-depth": "1",
              "parallel-pool-size": "3", "gitea-page-size": "5", "gh-app-installation-id": "1",
              "max-comments-per-command": "3", "atlantis-url": "https://a.test", "tf-download-url": "https://a.test",
              "automerge-method": "squash", "autodiscover-mode": "enabled", "default-tf-distribution": "opentofu",
              "tf-distribution": "opentofu", "default-tf-version": "1.2.3", "gitea-base-url": "https://a.test",
              "gh-token-file": "/f", "gh-app-key-file": "/f", "repo-config-json": "{}", "allow-commands": "plan,apply"}
    if name in ("config", "repo-config"):
        values[name] = os.path.join(folder, "empty.yaml")
        with open(values[name], "w", encoding="utf-8") as out:
            out.write("# nothing\n")
    more = [] if name.startswith("gh-") else HOST
    if name.startswith("gh-"):
        more = [flag for flag in HOST if not flag.startswith(("--%s=" % name, "--gh-token="))]
        more += ["--gh-token-file=/t"] if name != "gh-token-file" and not name.startswith("gh-app") else []
        more += ["--gh-app-id=1"] if name.startswith("gh-app") and name != "gh-app-id" else []
        more += ["--gh-app-key-file=/k"] if name.startswith("gh-app") and not name.startswith("gh-app-key") else []
        more += ["--gh-app-key-file=/k"] if name == "gh-app-slug" else []
    if name == "gh-hostname":
        more.append("--repo-allowlist=*")
        more.remove("--repo-allowlist=github.com/acme/*")
    if name == "repo-allowlist":
        more = [flag for flag in HOST if "allowlist" not in flag]
        values[name] = "github.com/*"
    if name.startswith("gitea-"):
        more = ["--gitea-token=" + SECRET, "--repo-allowlist=*"]
    value = values.get(name)
    is_switch = run(["--%s=%s" % (name, "maybe")] + more, None, True).stdout.find("neither true nor false") > 0
    done = run((["--%s=true" % name] if is_switch and value is None else ["--%s=%s" % (name, value or SECRET)]) + more, None, True)
    told = json.loads(done.stdout)
    assert told["valid"], told["errors"]
    assert hides_secret(done) or verdict == "kept", "a value got out"
    lines = [line for line in told["flags"] if line["name"] == name and line["from"] == "flag"]
    assert [line["verdict"] for line in lines] == [verdict], lines
    assert verdict == "kept" or lines[0]["why"], "no reason"


def refused(name):
    flags, code, said = REFUSED[name]
    done = run(flags)
    assert done.returncode == code and said in done.stderr, (done.returncode, done.stderr)


def corpus(folder, name):
    """What a plain server.yaml may say, a file given by --repo-config may say too, and the other way round."""
    path = os.path.join(CORPORA, name)
    plain = subprocess.run([SLUICE, "validate", "--server", path], stdout=subprocess.PIPE, text=True, check=False)
    done = run(HOST + ["--repo-config=" + path])
    assert (done.returncode == 0) == (plain.returncode == 0), done.stderr
    if done.returncode == 0:
        wrong = validate(folder, done.stdout)
        assert not wrong, wrong


def page():
    made = run(["--reference"]).stdout
    with open(PAGE, encoding="utf-8") as text:
        text = text.read()
    if os.environ.get("UPDATE_GOLDEN"):
        text = text[:text.index("| flag |")] + made
        with open(PAGE, "w", encoding="utf-8") as out:
            out.write(text)
    assert made in text, "config/ATLANTIS.md differs from `sluice migrate-atlantis --reference`: UPDATE_GOLDEN=1 make check-migrate"


def main():
    results = sluice.Results("migrate")
    folder = tempfile.mkdtemp(prefix="sluice-migrate-")

    def case(name, call, *words):
        try:
            call(*words)
            results.row("passed", name)
        except (AssertionError, OSError, ValueError) as problem:
            results.row("failed", name, problem)

    for name in RUNS:
        case("whole: " + name, whole_run, folder, name)
    for name in REFUSED:
        case("refused: " + name, refused, name)
    case("environment file", env_file, folder)
    case("relative policies", relative_policies, folder)
    case("page", page)
    flags = flags_of_the_page()
    if len(flags) < 120:
        results.row("failed", "flags", "the page has only %d" % len(flags))
    for name, verdict in flags:
        case("flag: " + name, one_flag, folder, name, verdict)
    if os.path.isdir(CORPORA):
        for name in sorted(os.listdir(CORPORA)):
            case("corpus: " + name, corpus, folder, name)
    else:
        results.row("skipped", "corpus", "corpora absent")
    shutil.rmtree(folder, ignore_errors=True)
    results.end()


if __name__ == "__main__":
    main()
