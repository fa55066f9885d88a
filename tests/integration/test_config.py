#!/usr/bin/env python3
"""server.yaml while the server lives: SIGHUP and `sluice reload`, good and bad files, what cannot change, and runs that
keep what they began with."""

import hashlib
import hmac
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
UNFIT = 78
GOOD = "listen: 127.0.0.1:0\ntools: {terraform: %s}\n" % STUB


HOST = """hosts:
  github.com:
    kind: github
    api_url: http://127.0.0.1:1
    token_file: %s/token
    webhook_secret_files: %s/webhook
    repos: github.com/acme/*
"""


class Life:
    """A server on a folder of its own, with one repository whose plan of the branch `slow` takes its time."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-config-")
        self.server = sluice.Server(os.path.join(self.folder, "data"), MODE, GOOD)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, text):
        with open(self.server.config, "w", encoding="utf-8") as out:
            out.write(text)

    def reload(self):
        """(exit code, what was said) of `sluice reload`."""
        done = subprocess.run([os.path.join(self.server.build, "sluice"), "reload", "--data", self.server.data],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def hang_up(self, until):
        """SIGHUP, and the answer of /readyz once it fits."""
        self.server.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            status, text = self.server.ask("GET", "/readyz")
            if until(text):
                return status, text
            time.sleep(0.01)
        raise AssertionError("/readyz still says %r" % text)

    def open_pull(self, branch):
        if not os.path.exists(os.path.join(self.folder, "repo.git")):
            sluice.make_repository(os.path.join(self.folder, "repo.git"), {"p/main.tf": "# stub: create=1\n", "q/main.tf": "# stub: create=1\n"},
                                   {"slow": {"p/main.tf": "# stub: create=2 sleep=2500\n"},
                                    "quick": {"q/main.tf": "# stub: create=3\n"}})
            self.server.must("POST", "/local/repos", {"name": "r", "import": os.path.join(self.folder, "repo.git")})
        return self.server.must("POST", "/local/pulls", {
            "repo": "r", "title": branch, "head_ref": branch, "base_ref": "main", "as": "ann"})["number"]

    def contexts(self, number):
        pull = self.server.must("GET", "/local/pulls/%d" % number)
        return {status["context"]: status["state"] for status in pull["statuses"]}


def good_file(life):
    life.write(GOOD + "status_prefix: two\n")
    code, said = life.reload()
    assert code == 0 and "generation 2" in said, (code, said)
    life.write(GOOD + "status_prefix: three\n")
    code, said = life.reload()
    assert code == 0 and "generation 3" in said, (code, said)
    assert life.server.ask("GET", "/readyz") == (200, "ready\n")
    number = life.open_pull("quick")
    life.server.wait_idle(number)
    assert "three/plan" in life.contexts(number), life.contexts(number)
    rows = [row for row in life.server.must("GET", "/api/audit") if row["kind"] == "configuration"]
    assert [row["detail"]["text"].split(",")[0] for row in rows] == ["generation 2", "generation 3"], rows


def status_of(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def figures_go_to_a_statsd(life):
    """Taken by a reload, by name, with tags; and a place where nobody listens keeps nothing up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        life.write(GOOD + "metrics: {statsd: {host: localhost, port: %d, tags: ['env:test'], every: 100ms}}\n" % listener.getsockname()[1])
        code, said = life.reload()
        assert code == 0, said
        life.server.wait_idle(life.open_pull("quick"))
        gauges = {line.split()[0] for line in life.server.ask("GET", "/metrics")[1].splitlines() if " " in line and "_total" not in line and "_seconds" not in line and line[0] != "#"}
        assert {"sluice_inbox", "sluice_locks_held", "sluice_sandbox_tier"} <= gauges, gauges
        wanted = {"sluice_commits_total", "sluice_jobs_started_total", "sluice_jobs_ended_total", "sluice_turn_seconds"} | gauges
        while wanted:
            packet = listener.recv(65536).decode()
            assert len(packet) <= 1400, len(packet)
            for line in packet.split("\n"):
                name, value, kind, *rest = line.replace(":", "|", 1).split("|")
                expected = "ms" if name == "sluice_turn_seconds" else "g" if name in gauges else "c"
                assert int(value) >= 0 and kind == expected and rest[-1] == "#env:test", line
                wanted.discard(name)
        assert "sluice_commits_total" in life.server.ask("GET", "/metrics")[1]
    life.write(GOOD + "metrics: {statsd: {host: no-such-name.invalid, port: 9, every: 100ms}}\n")
    assert life.reload()[0] == 0
    life.write(GOOD + "metrics: {statsd: {host: localhost, port: 9, tags: ['a|b:c']}}\n")
    code, said = life.reload()
    assert code == 1 and "metrics.statsd.tags[0]" in said, said
    life.write(GOOD + "metrics: {prometheus: {endpoint: /figures}}\n")
    assert life.reload()[0] == 0
    port = int(re.findall(r'"port":(\d+)', life.server.log_text())[-1])
    answers = {path: status_of(port, path) for path in ("/figures", "/metrics")}
    assert answers == {"/figures": 200, "/metrics": 404}, answers
    assert "sluice_inbox" in life.server.ask("GET", "/metrics")[1]  # our own commands know the door
    for endpoint in ("/events/x", "/api", "/readyz", "/a*", "/a b"):
        life.write(GOOD + "metrics: {prometheus: {endpoint: '%s'}}\n" % endpoint)
        code, said = life.reload()
        assert code == 1 and "metrics.prometheus.endpoint" in said, (endpoint, said)


def bad_file(life):
    life.write(GOOD + "status_prefix: two\nslot: 3\nlimits: {body: 1}\n")
    status, text = life.hang_up(lambda text: "refused" in text or "slot" in text)
    assert status == 200, status
    for place in (":4:1: slot: unknown key", ":5:16: limits.body: must lie between"):
        assert place in text and place in life.server.log_text(), (place, text)
    code, said = life.reload()
    assert code == 1 and ":4:1: slot: unknown key" in said and "stays in use" in said, (code, said)
    number = life.open_pull("quick")
    life.server.wait_idle(number)
    assert list(life.contexts(number)) == ["sluice/plan"], life.contexts(number)
    life.write(GOOD)
    status, text = life.hang_up(lambda text: text == "ready\n")
    assert status == 200


def file_gone(life):
    os.unlink(life.server.config)
    code, said = life.reload()
    assert code == 1 and "cannot be read" in said, (code, said)
    assert life.server.ask("GET", "/healthz")[0] == 200


def fixed_keys(life):
    life.write("listen: 127.0.0.1:1\nlocal: false\nlimits: {connections_per_peer: 3}\n")
    code, said = life.reload()
    assert code == 1, said
    for text in ("listen: cannot change while the server runs; it is 127.0.0.1:0", "local: cannot change while the server runs; it is true",
                 "tools.terraform: cannot change", "limits.connections_per_peer: cannot change", "restart the server"):
        assert text in said, (text, said)


def run_keeps_its_generation(life):
    slow = life.open_pull("slow")
    end = time.monotonic() + 20
    while not any(job["state"] == "running" for run in life.server.must("GET", "/api/runs")
                  for job in life.server.must("GET", "/api/runs/%d" % run["id"])["jobs"] if job["op"] == "plan"):
        assert time.monotonic() < end, "the plan does not begin"
        time.sleep(0.01)
    life.write(GOOD + "status_prefix: later\n")
    code, said = life.reload()
    assert code == 0, said
    quick = life.open_pull("quick")
    life.server.wait_idle(slow)
    life.server.wait_idle(quick)
    assert life.contexts(slow) == {"sluice/plan": "success"}, life.contexts(slow)
    assert list(life.contexts(quick)) == ["later/plan"], life.contexts(quick)


GROUPS = """listen: 127.0.0.1:0
tools: {terraform: %(stub)s, conftest: %(folder)s/conftest}
sandbox: {write: [%(folder)s/seen]}
status_prefix: %(word)s
commands: {words: [%(word)s]}
workflows:
  own: {plan: {steps: [{run: echo %(word)s >> %(folder)s/seen/workflows}, init, plan]}}
policies:
  policy_sets: [{name: one, path: %(folder)s/rules-%(word)s}]
credentials:
  c: {repos: "*", plan: {command: [%(folder)s/mint, %(word)s]}}
repos:
- id: /.*/
  workflow: own
  policy_check: true
  pre_workflow_hooks: [{run: "echo %(word)s >> %(folder)s/seen/pre; until test -e %(folder)s/seen/go; do sleep 0.02; done"}]
  post_workflow_hooks: [{run: echo %(word)s >> %(folder)s/seen/post}]
"""


def each_group_keeps_its_generation(life):
    """A run that hooks hold up, while everything that they and the rest of it are made of changes twice."""
    seen = os.path.join(life.folder, "seen")
    os.chmod(life.folder, 0o711)
    os.mkdir(seen)
    os.chmod(seen, 0o777)
    for word in ("alpha", "beta", "gamma"):
        os.mkdir(os.path.join(life.folder, "rules-" + word))
    for name, text in (("conftest", 'echo "$*" | grep -o "rules-[a-z]*" >> %s/policies\necho \'[{"filename": "plan", "namespace": "main", '
                        '"successes": 1}]\'\n' % seen), ("mint", "echo $1 >> %s/credentials\necho A=b\n" % seen)):
        with open(os.path.join(life.folder, name), "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\n" + text)
        os.chmod(os.path.join(life.folder, name), 0o755)
    for name in ("workflows", "pre", "post", "policies", "credentials"):
        put(life, os.path.join("seen", name), "")
        os.chmod(os.path.join(seen, name), 0o666)

    def change_to(word):
        life.write(GROUPS % {"word": word, "stub": STUB, "folder": life.folder})
        code, said = life.reload()
        assert code == 0, said

    def last(name):
        with open(os.path.join(seen, name), encoding="utf-8") as file:
            return ([""] + file.read().split())[-1].replace("rules-", "")

    def until(what):
        end = time.monotonic() + 30
        while not what():
            assert time.monotonic() < end, life.server.log_text()[-2000:]
            time.sleep(0.01)

    def check(word, number):
        runs = life.server.wait_idle(number)
        until(lambda: last("post") == word)
        comment = life.server.must("GET", "/local/pulls/%d" % number)["comments"][-1]["body"]
        assert runs[0]["state"] == "done", comment
        found = {name: last(name) for name in ("workflows", "pre", "policies", "credentials")}
        assert set(found.values()) == {word}, found
        assert "%s/plan" % word in life.contexts(number), life.contexts(number)
        return comment

    life.server.kill()
    life.write(GROUPS % {"word": "alpha", "stub": STUB, "folder": life.folder})
    life.server.start()
    repo = os.path.join(life.folder, "groups.git")
    sluice.make_repository(repo, {
        "sluice.yaml": "version: 3\nenvironments: {e: {credentials: c}}\nprojects: [{dir: p, environment: e}]\n",
        "p/main.tf": "#\n"}, {"feature": {"p/main.tf": "# stub: create=1\n"}})
    life.server.must("POST", "/local/repos", {"name": "groups", "import": repo})
    number = life.server.must("POST", "/local/pulls", {
        "repo": "groups", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "ann"})["number"]
    until(lambda: last("pre") == "alpha")
    change_to("beta")
    change_to("gamma")
    put(life, "seen/go", "")
    check("alpha", number)
    life.server.must("POST", "/local/pulls/%d/comments" % number, {"as": "ann", "body": "gamma plan"})
    check("gamma", number)


def ping(life, secret):
    """The status of a webhook that is signed with this secret."""
    body = b'{"zen": "%d"}' % time.monotonic_ns()
    connection = sluice.UnixConnection(os.path.join(life.server.data, "sluice.sock"), 10)
    connection.request("POST", "/events/github.com", body, {
        "Content-Type": "application/json", "X-GitHub-Event": "ping", "X-GitHub-Delivery": "d%d" % time.monotonic_ns(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()})
    status = connection.getresponse().status
    connection.close()
    return status


def put(life, name, text):
    with open(os.path.join(life.folder, name), "w", encoding="utf-8") as out:
        out.write(text)


def answers(life, number, comment):
    """The newest comment after one of ours was taken."""
    before = len(life.server.must("GET", "/local/pulls/%d" % number)["comments"])
    life.server.must("POST", "/local/pulls/%d/comments" % number, {"as": "ann", "body": comment})
    end = time.monotonic() + 10
    while time.monotonic() < end:
        comments = life.server.must("GET", "/local/pulls/%d" % number)["comments"]
        if len(comments) > before + 1:
            return comments[-1]["body"]
        time.sleep(0.01)
    return "(no answer)"


def commands(life):
    """Words, arguments and the bare apply, as the file says it now."""
    number = life.open_pull("quick")
    life.server.wait_idle(number)
    life.write(GOOD + "commands: {words: [infra], blocked_args: [-target], apply_all: false, allowed: [plan, apply]}\n"
               "bare_commands: false\n")
    code, said = life.reload()
    assert code == 0, said
    for comment, wanted in (("infra apply", "nothing that is not named"), ("infra apply -d q", "`infra apply`"),
                            ("infra plan -- -target=x.y", "does not take one of the arguments"),
                            ("infra unlock", "does not take this command"), ("infra plan -- -destory", "not allowed here")):
        answer = answers(life, number, comment)
        assert wanted in answer, (comment, answer)
    for comment in ("sluice plan", "plan", "atlantis unlock"):
        life.server.must("POST", "/local/pulls/%d/comments" % number, {"as": "ann", "body": comment})
    life.server.wait_idle(number)
    runs = [run for run in life.server.must("GET", "/api/runs") if run["pull"] == number]
    assert len(runs) == 1, runs


def secrets_change(life):
    """The files of a host are read again, all of them or none; another host needs a restart."""
    old, new = "an-older-secret-of-the-webhook", "a-newer-secret-of-the-webhook"
    host = HOST % (life.folder, life.folder)
    put(life, "token", "github_pat_0123456789\n")
    put(life, "webhook", old)
    life.server.stop()
    life.write(GOOD + host)
    life.server.start()
    assert (ping(life, old), ping(life, new)) == (202, 401), (ping(life, old), ping(life, new))
    put(life, "webhook", "")
    code, said = life.reload()
    assert code == 1 and "webhook secret" in said and "webhook" in life.server.ask("GET", "/readyz")[1], (code, said)
    put(life, "webhook", new)
    os.rename(os.path.join(life.folder, "token"), os.path.join(life.folder, "gone"))
    code, said = life.reload()
    assert code == 1 and "the token cannot be read" in said, (code, said)
    assert (ping(life, old), ping(life, new)) == (202, 401), "half of it was taken"
    os.rename(os.path.join(life.folder, "gone"), os.path.join(life.folder, "token"))
    code, said = life.reload()
    assert code == 0, said
    assert (ping(life, old), ping(life, new)) == (401, 202), "the newer secret is not taken"
    for text, wanted in ((GOOD, "hosts.github.com: a host cannot go"),
                         (GOOD + host + host.replace("hosts:\n", "").replace("github.com", "ghe.test"),
                          "hosts.ghe.test: a host cannot come"),
                         (GOOD + host.replace(":1\n", ":2\n"), "hosts.github.com.api_url: cannot change")):
        life.write(text)
        code, said = life.reload()
        assert code == 1 and wanted in said, (code, said)
    for secret in (old, new):
        assert secret not in life.server.log_text(), "a secret stands in the log"


def no_file(life):
    """Without a file there is nothing to read, and a hang-up is what it always was."""
    life.server.stop()
    data = os.path.join(life.folder, "other")
    process = subprocess.Popen([os.path.join(life.server.build, "sluice"), "serve", "--data", data],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, SLUICE_DATA=data))
    end = time.monotonic() + 20
    while not os.path.exists(os.path.join(data, "sluice.sock")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    if process.poll() is None:
        done = subprocess.run([os.path.join(life.server.build, "sluice"), "reload", "--data", data],
                              stderr=subprocess.PIPE, text=True, check=False)
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=10) == 0, process.returncode
        assert done.returncode == 1 and "without --config" in done.stderr, done.stderr
    else: # somebody has the usual port
        assert process.returncode == UNFIT, process.returncode


def many_reloads(life):
    """Generations that nobody needs are given back: a thousand files of one kind leave no trace."""
    def resident():
        with open("/proc/%d/statm" % life.server.process.pid, encoding="ascii") as text:
            return int(text.read().split()[1]) * 4

    for turn in range(1100):
        if turn == 100:
            before = resident()
        life.server.must("POST", "/api/reload")
    grown = resident() - before
    assert grown < 1024, "1000 reloads took %d KiB" % grown


def start_refused(text, wanted):
    folder = tempfile.mkdtemp(prefix="sluice-config-")
    server = sluice.Server(os.path.join(folder, "data"), MODE, text)
    try:
        server.start(wait=False)
        code = server.process.wait(timeout=20)
        said = server.log_text()
        return "" if code == UNFIT and wanted in said else "exit %s: %s" % (code, said[-600:])
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


REFUSED = {
    "unknown key": ("slot: 3\n", ":1:1: slot: unknown key; did you mean \"slots\"?"),
    "not YAML": ("slots: [\n", "this is not YAML"),
    "a host without a webhook secret": ("".join(line for line in HOST.splitlines(True) if "webhook" not in line) % "/x",
                                        "hosts.github.com: the key \"webhook_secret_files\" is missing"),
    "a host whose secret is not there": (HOST % ("/dev/shm", "/nonexistent"), "/nonexistent/webhook"),
    "a host with its token inline": (HOST.replace("token_file: %s/token", "token: ghp_0123456789%s") % ("x", "/x"),
                                     "a secret does not stand in this file"),
}


def main():
    results = sluice.Results("config")
    for case in (good_file, figures_go_to_a_statsd, bad_file, file_gone, fixed_keys, run_keeps_its_generation, each_group_keeps_its_generation, commands, secrets_change, no_file, many_reloads):
        try:
            with Life() as life:
                case(life)
            results.row("passed", case.__name__)
        except (AssertionError, sluice.Gone, KeyError) as problem:
            results.row("failed", case.__name__, repr(problem))
    for name, (text, wanted) in REFUSED.items():
        why = start_refused(text, wanted)
        results.row("failed" if why else "passed", "start: " + name, why)
    results.end()


if __name__ == "__main__":
    main()
