#!/usr/bin/env python3
"""Real Terraform (or OpenTofu) with a local state file: the server is killed at 50 instants of an apply that prints a line
every 100 ms. Each time the apply ends, once, and the state is whole and right."""

import concurrent.futures
import json
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
INSTANTS = 50
LINES = 10
TOOLS = {"terraform": "terraform", "opentofu": "tofu"}
PROJECT = """
resource "terraform_data" "slow" {
  input = "%s"
  provisioner "local-exec" {
    command = "echo begun >> %s; for i in $(seq %d); do echo line $i; sleep 0.1; done"
  }
}
resource "terraform_data" "after" {
  input = terraform_data.slow.id
}
"""


def states(data):
    for folder, _, names in os.walk(os.path.join(data, "repos")):
        if "terraform.tfstate" in names and os.sep + "state" + os.sep in folder + os.sep:
            yield os.path.join(folder, "terraform.tfstate")


def one(kind, instant):
    folder = tempfile.mkdtemp(prefix="sluice-state-")
    seen = os.path.join(folder, "seen")  # where jobs may write
    os.mkdir(seen)
    os.chmod(seen, 0o777)
    begun = os.path.join(seen, "begun")
    tool = os.path.join(sluice.ROOT, ".tools", "bin", TOOLS[kind])
    server = sluice.Server(os.path.join(folder, "data"), MODE, "listen: 127.0.0.1:0\ntool: %s\ntools: {%s: %s}\n"
                           "sandbox: {write: [%s]}\n" % (kind, TOOLS[kind], tool, seen))
    try:
        sluice.make_repository(os.path.join(folder, "repo.git"), {"p/main.tf": "# nothing yet\n"},
                               {"feature": {"p/main.tf": PROJECT % (instant, begun, LINES)}})
        server.start()
        server.must("POST", "/local/repos", {"name": "r", "import": os.path.join(folder, "repo.git")})
        server.must("POST", "/local/pulls",
                    {"repo": "r", "title": "t", "head_ref": "feature", "base_ref": "main", "as": "ann"})
        server.wait_idle(1, 60)
        server.must("POST", "/local/pulls/1/approve", {"as": "bob"})
        server.must("POST", "/local/pulls/1/comments", {"as": "ann", "body": "apply"})
        end = time.monotonic() + 30
        while not os.path.exists(begun) and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(instant * (LINES * 0.1 + 0.3) / INSTANTS)
        server.kill()
        server.start()
        run = server.wait_idle(1, 60)[0]
        if run["kind"] != "apply" or run["state"] != "done":
            return "the %s ended as %s" % (run["kind"], run["state"])
        with open(begun, encoding="utf-8") as text:
            if text.read() != "begun\n":
                return "it was applied more than once"
        found = list(states(server.data))
        if len(found) != 1:
            return "there are %d state files" % len(found)
        with open(found[0], encoding="utf-8") as text:
            state = json.load(text)
        names = sorted(resource["name"] for resource in state["resources"])
        if names != ["after", "slow"]:
            return "the state has %s" % names
        return ""
    except (AssertionError, OSError, ValueError, sluice.Gone) as problem:
        return "%s: %s" % (type(problem).__name__, problem)
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    results = sluice.Results("state")
    report = sluice.Report("state")
    for kind, program in TOOLS.items():
        if not os.path.exists(os.path.join(sluice.ROOT, ".tools", "bin", program)):
            results.row("skipped", kind, "%s is not installed; run scripts/setup test" % program)
            continue
        count = INSTANTS if kind == "terraform" else INSTANTS // 5
        wrong = 0
        with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 2)) as pool:
            instants = [i * INSTANTS // count for i in range(count)]
            for instant, problem in zip(instants, pool.map(lambda i: one(kind, i), instants)):
                wrong += bool(problem)
                results.row("failed" if problem else "passed", "%s: killed at instant %d of %d" % (kind, instant, INSTANTS),
                            problem)
        report.add("%s: applies that did not end whole and once" % kind, wrong, "", "0 of %d" % count, wrong == 0)
    report.write()
    results.end()


os.environ.pop("TF_CLI_CONFIG_FILE", None)
main()
