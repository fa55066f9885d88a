#!/usr/bin/env python3
"""The configuration of a repository in a running server: its errors, what a change of it shows, new commands that wait
for a person, and the order of projects.

    tests/integration/test_trust.py [CASE ...]

Real server, real git, stub tool. Results: build/report/results/trust.tsv; on stdout only what did not pass."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from one_pull import OnePull  # noqa: E402
from sluice import expect  # noqa: E402

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
ALLOW = "repos:\n- id: /.*/\n  allow_custom_workflows: true\n  allowed_overrides: [workflow]\n"
TF = "# stub: create=1\n"


class Place(OnePull):
    def __init__(self, base, change, config=ALLOW):
        super().__init__("sluice-trust-", base, change)
        self.serve(MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\n%s" % (STUB, config))

    def approve(self, who):
        self.act("approve", who)

    def comment(self, mark):
        found = [body for body in self.comments() if mark in body]
        assert found, "no comment has %r: %r" % (mark, self.comments())
        return found[-1]


def plans(run):
    return {job["project"]: job["state"] for job in run["jobs"] if job["op"] == "plan"}


# ---- cases ----

def case_every_error_with_its_place():
    bad = "version: 3\nprojecs: []\nautomerge: perhaps\n"
    with Place({"p/main.tf": TF}, {"sluice.yaml": bad, "p/x.tf": TF}) as place:
        expect(place.newest()["state"], "failed")
        text = place.comment("cannot be planned")
        assert "sluice.yaml:2:1: " in text and 'did you mean "projects"' in text and "sluice.yaml:3:12: " in text, text
        run = place.push({"sluice.yaml": "version: 3\nprojects:\n- dir: p\n"})
        expect((run["state"], plans(run)), ("done", {"p": "done"}))


def case_a_change_is_shown_project_by_project():
    base = "version: 3\nprojects:\n- name: p\n  dir: p\n- name: q\n  dir: q\n"
    head = base.replace("name: q\n  dir: q", "name: q\n  dir: q\n  depends_on: [p]") + "- name: z\n  dir: z\n"
    with Place({"sluice.yaml": base, "p/main.tf": TF, "q/main.tf": TF}, {"sluice.yaml": head, "z/main.tf": TF}) as place:
        expect(plans(place.newest()), {"z": "done"})
        text = place.comment("This pull request changes")
        assert "| q | depends\\_on | – | `p` |" in text and "| z | added | – | `z, workspace default` |" in text, text


def case_new_commands_wait_for_a_person():
    head = ("version: 3\nprojects:\n- name: p\n  dir: p\n  workflow: deploy\n- name: q\n  dir: q\n"
            "workflows:\n  deploy:\n    plan:\n      steps:\n      - run: echo released > ../note\n      - init\n      - plan\n")
    with Place({"p/main.tf": TF, "q/main.tf": TF}, {"sluice.yaml": head, "p/x.tf": TF, "q/x.tf": TF}) as place:
        run = place.newest()
        expect((run["state"], plans(run)), ("failed", {"p": "skipped", "q": "done"}))
        text = place.comment("New commands wait")
        assert "`echo released > ../note`" in text and "plan --new-commands" in text, text
        run = place.say("sluice plan --new-commands", "alice")
        place.comment("who wrote the change cannot let its commands run")
        expect(plans(run)["p"], "skipped", "said by the author")
        run = place.say("sluice plan", "bob")
        expect(plans(run)["p"], "skipped", "a plan without the word")
        run = place.say("sluice plan --new-commands", "bob")
        expect((run["state"], plans(run)), ("done", {"p": "done", "q": "done"}))
        place.comment("released by bob")
        expect(plans(place.say("sluice plan", "alice"))["p"], "done", "later plans of the same head")
        audit = place.server.must("GET", "/api/audit")
        assert any(row["kind"] == "new commands released" and row["actor"] == "bob" for row in audit), audit
        run = place.push({"p/y.tf": TF})
        expect(plans(run)["p"], "skipped", "a new push")
        run = place.say("sluice plan --new-commands", "carol")
        expect(plans(run)["p"], "done", "released again")


def case_a_word_without_new_commands():
    with Place({"p/main.tf": TF}, {"p/x.tf": TF}) as place:
        place.newest()
        place.say("sluice plan --new-commands", "bob")
        place.comment("has no new commands")


ORDER = ("version: 3\nabort_on_execution_order_fail: true\nprojects:\n- name: network\n  dir: network\n- name: app\n  dir: app\n"
         "  depends_on: [network]\n- name: dns\n  dir: dns\n  execution_order_group: 1\n")


def moved(run, project, to):
    """Where in the run's history the project's job came to a state."""
    job = [job["id"] for job in run["jobs"] if job["project"] == project and job["op"] != "prepare"][0]
    return [i for i, row in enumerate(run["history"]) if row["subject"] == "job %d" % job and row["to"] == to][0]


def case_projects_in_their_order():
    base = {"sluice.yaml": ORDER, "network/main.tf": TF, "app/main.tf": TF, "dns/main.tf": TF}
    with Place(base, {"%s/x.tf" % d: TF for d in ("network", "app", "dns")}) as place:
        run = place.newest()
        expect((run["state"], set(plans(run).values())), ("done", {"done"}))
        assert moved(run, "network", "done") < moved(run, "app", "starting"), run["history"]
        assert moved(run, "app", "done") < moved(run, "dns", "starting"), run["history"]
        place.approve("bob")
        place.say("sluice apply -p app", "bob")
        place.comment("app depends on network, which is not applied")
        run = place.say("sluice apply -p network", "bob")
        expect([(job["project"], job["state"]) for job in run["jobs"]], [("network", "done")])
        run = place.say("sluice apply", "bob")
        expect([(job["project"], job["state"]) for job in run["jobs"]], [("app", "done"), ("dns", "done")])


def case_what_fails_stops_what_follows():
    base = {"sluice.yaml": ORDER, "network/main.tf": TF, "app/main.tf": TF, "dns/main.tf": TF}
    change = {"%s/x.tf" % d: TF for d in ("app", "dns")}
    with Place(base, dict(change, **{"network/main.tf": "# stub: fail=plan\n"})) as place:
        run = place.newest()
        expect((run["state"], plans(run)), ("failed", {"network": "failed", "app": "skipped", "dns": "skipped"}))
        text = place.comment("skipped")
        assert "network did not succeed, and this project depends on it" in text, text
        assert "and its group comes before this one" in text, text


def case_what_was_asked_for():
    base = {"sluice.yaml": "version: 3\nprojects:\n- {name: net-a, dir: a}\n- {name: net-b, dir: b}\n- {name: off, dir: c}\n",
            "a/main.tf": TF, "b/main.tf": TF, "c/main.tf": TF}
    with Place(base, {"a/x.tf": TF}) as place:
        expect(plans(place.newest()), {"net-a": "done"})
        expect(plans(place.say("sluice plan -p off")), {"off": "done", "net-a": "done"}, "one that was not touched")
        expect(sorted(plans(place.say("sluice plan -p net-*"))), ["net-a", "net-b", "off"])
        run = place.say("sluice plan -d {a,b}")
        expect(sorted(plans(run)), ["net-a", "net-b", "off"])
        place.say("sluice plan -p nobody")
        place.comment("no project is called nobody")


def case_another_name_of_the_file_after_a_reload():
    """What git said before was said of other files: it is asked again."""
    base = {"p/main.tf": TF, "ci/infra.yaml": "version: 3\nprojects:\n- {name: renamed, dir: p}\n"}
    with Place(base, {"p/x.tf": TF}) as place:
        expect(plans(place.newest()), {"p": "done"})
        with open(place.server.config, encoding="utf-8") as text:
            config = text.read().replace("- id: /.*/\n", "- id: /.*/\n  repo_config_file: ci/infra.yaml\n")
        with open(place.server.config, "w", encoding="utf-8") as out:
            out.write(config)
        subprocess.run([os.path.join(place.server.build, "sluice"), "reload", "--data", place.server.data], check=True,
                       stdout=subprocess.DEVNULL)
        expect(plans(place.say("sluice plan")), {"renamed": "done"})


def main():
    sluice.run_cases("trust", sluice.named_cases(globals()))


if __name__ == "__main__":
    main()
