#!/usr/bin/env python3
"""Hooks of the server that run before a plan chooses its projects: what they write is what is chosen from and planned,
and it is as hostile as the pull request that they read.

    tests/integration/test_hooks.py [CASE ...]

Real server, real git, stub tool; one server for all cases, in which the name of a repository says which hooks it has.
Results: build/report/results/hooks.tsv; on stdout only what did not pass."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
STUB = os.path.join(sluice.ROOT, "build", MODE, "tests", "stub-terraform")
TF = "# stub: create=1\n"
GUARDED = """version: 3
environments:
  prod: {approvals: [{name: two, require: {count: 2}}]}
projects:
- {dir: p, name: p, environment: prod}
"""

HOOKS = {
    "made": ["printf 'version: 3\\nprojects:\\n- {dir: p, name: made}\\n' > atlantis.yaml",
             "test -f atlantis.yaml && sed -i s/create=1/create=3/ p/main.tf && echo x >> {seen}/made"],
    "gone": ["rm -rf q && mkdir q && echo '# stub: create=2' > q/main.tf", "rm p/x.tf && rm -r only"],
    "quiet": ["test -f p/main.tf && test ! -e .git"],
    "link": ["ln -s ../../x p/out"],
    "pipe": ["mkfifo p/pipe"],
    "large": ["head -c 70000000 /dev/zero > p/large"],
    "git": ["mkdir -p sub/.git p/.terraform && echo x > sub/.git/config && echo x > p/.terraform/x && ln -s main.tf p/near.tf"],
    "fails": ["echo no luck; exit 5", "touch {seen}/never"],
    "loosens": ["printf 'version: 3\\nprojects:\\n- {dir: p, name: p}\\n' > sluice.yaml"],
    "runs": ["printf 'version: 3\\nprojects:\\n- {dir: p, name: p, workflow: w}\\nworkflows:\\n  w: {plan: {steps: "
             "[{run: touch {seen}/ran}, init, plan]}}\\n' > atlantis.yaml"],
    "broken": ["echo 'version: [' > atlantis.yaml"],
    "slow": ["touch {seen}/begun; test ! -e slow || sleep 300"],
    "waits": ["echo x >> {seen}/waits; until test -e {seen}/go; do sleep 0.02; done"],
}


def expect(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


class Place:
    def __init__(self, more=""):
        self.folder = tempfile.mkdtemp(prefix="sluice-hooks-")
        os.chmod(self.folder, 0o711)
        self.seen = os.path.join(self.folder, "seen")
        os.mkdir(self.seen)
        os.chmod(self.seen, 0o777)
        rules = "".join("- id: /%s$/\n  pre_workflow_hooks:\n%s" % (
            name, "".join("  - run: |\n      %s\n" % line.replace("{seen}", self.seen) for line in lines))
            for name, lines in HOOKS.items())
        self.server = sluice.Server(
            os.path.join(self.folder, "data"), MODE, "listen: 127.0.0.1:0\ntools: {terraform: %s}\nsandbox: {write: [%s]%s}\n"
            "repos:\n- id: /.*/\n  allow_custom_workflows: true\n  allowed_overrides: [workflow]\n%s" % (
                STUB, self.seen, more, rules))
        self.server.start()

    def close(self):
        self.server.stop()
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def has_seen(self, name):
        return os.path.exists(os.path.join(self.seen, name))

    def lines(self, name):
        with open(os.path.join(self.seen, name), encoding="utf-8") as file:
            return len(file.readlines())


class Pull:
    """Of a repository with the hooks of its name."""

    def __init__(self, place, name, base=None, change=None):
        self.place, self.server, self.name = place, place.server, name
        self.repo = os.path.join(place.folder, name + ".git")
        sluice.make_repository(self.repo, dict({"p/main.tf": "#\n"}, **(base or {})), {"feature": change or {"p/main.tf": TF}})
        self.server.must("POST", "/local/repos", {"name": name, "import": self.repo})
        self.number = self.server.must("POST", "/local/pulls", {
            "repo": name, "title": "t", "head_ref": "feature", "base_ref": "main", "as": "alice"})["number"]

    def newest(self):
        return self.server.must("GET", "/api/runs/%d" % self.server.wait_idle(self.number)[0]["id"])

    def say(self, text, who="alice"):
        self.server.must("POST", "/local/pulls/%d/comments" % self.number, {"as": who, "body": text})
        return self.newest()

    def comments(self):
        return "\n".join(c["body"] for c in self.server.must("GET", "/local/pulls/%d" % self.number)["comments"])

    def push(self, files, gone=()):
        work = os.path.join(self.place.folder, "work")
        sluice.git(self.place.folder, "clone", "-q", "-b", "feature", self.repo, work)
        sluice.write_files(work, files)
        for path in gone:
            sluice.git(work, "rm", "-q", path)
        sluice.git(work, "add", "-A")
        sluice.git(work, "commit", "-qm", "more")
        sluice.git(work, "push", "-q", "--no-verify", "origin", "feature")
        head, old = sluice.git(work, "rev-parse", "HEAD"), sluice.git(work, "rev-parse", "HEAD~1")
        shutil.rmtree(work)
        self.server.must("POST", "/local/push", {"repo": self.name, "pusher": "alice", "refs": [
            {"ref": "refs/heads/feature", "old": old, "new": head}]})

    def until(self, what):
        end = time.monotonic() + 30
        while not what():
            assert time.monotonic() < end, self.server.log_text()[-2000:]
            time.sleep(0.01)


def jobs(run, op="plan"):
    return {job["project"]: job["state"] for job in run["jobs"] if job["op"] == op}


def made(place):
    pull = Pull(place, "made")
    run = pull.newest()
    expect((run["state"], jobs(run)), ("done", {"made": "done"}), pull.comments())
    text = pull.comments()
    assert "3 create" in text and "wrote or removed 2 files" in text and "atlantis.yaml is theirs" in text, text
    assert "This pull request changes" not in text, text
    return pull


# ---- cases ----

def case_what_they_write_is_chosen_and_planned(place):
    pull = made(place)
    pull.server.must("POST", "/local/pulls/%d/approve" % pull.number, {"as": "bob"})
    expect(pull.say("sluice apply")["state"], "done", pull.comments())
    assert "applied 1 of 1" in pull.comments(), pull.comments()
    before = place.lines("made")
    expect(jobs(pull.say("sluice plan")), {"made": "done"}, "git's answer is known, the hooks run again")
    expect(place.lines("made"), before + 1)


def case_what_they_remove_is_gone(place):
    pull = Pull(place, "gone", {"q/main.tf": "#\n", "q/old.tf": "#\n", "only/main.tf": "#\n"},
                {"p/main.tf": TF, "p/x.tf": TF, "q/main.tf": TF, "only/main.tf": TF})
    expect(jobs(pull.newest()), {"p": "done", "q": "done"}, pull.comments())
    assert "2 create" in pull.comments() and "wrote or removed 4 files" in pull.comments(), pull.comments()


def case_nothing_written_is_nothing_said(place):
    pull = Pull(place, "quiet", {"away": "x\n"})
    expect(jobs(pull.newest()), {"p": "done"})
    assert "hooks of the server" not in pull.comments(), pull.comments()


def case_what_is_no_file_of_the_tree_is_refused(place):
    for name, why in (("link", "p/out, a symbolic link that may leave the work tree"), ("pipe", "p/pipe, which is neither file"),
                      ("large", "wrote more than 64 MiB"), ("fails", "no luck")):
        pull = Pull(place, name)
        run = pull.newest()
        expect((run["state"], jobs(run), list(jobs(run, "hooks").values())), ("failed", {}, ["failed"]), name)
        assert "hooks of the server" in pull.comments() and why in pull.comments(), pull.comments()
    assert "nothing was planned" in pull.comments() and "exit 5" in pull.comments(), pull.comments()
    assert not place.has_seen("never")


def case_folders_of_tools_are_left_out(place):
    pull = Pull(place, "git")
    expect(jobs(pull.newest()), {"p": "done"}, pull.comments())
    assert "wrote or removed 1 file before" in pull.comments(), pull.comments()


def case_guards_are_those_of_the_base_branch(place):
    pull = Pull(place, "loosens", {"sluice.yaml": GUARDED})
    expect(jobs(pull.newest()), {"p": "done"}, pull.comments())
    pull.server.must("POST", "/local/pulls/%d/approve" % pull.number, {"as": "bob"})
    expect(pull.say("sluice apply")["kind"], "plan", "one approval is not two")
    pull.server.must("POST", "/local/pulls/%d/approve" % pull.number, {"as": "carol"})
    run = pull.say("sluice apply")
    expect((run["kind"], run["state"]), ("apply", "done"), pull.comments())


def case_commands_of_a_file_they_made_wait(place):
    pull = Pull(place, "runs")
    expect(jobs(pull.newest()), {"p": "skipped"})
    assert "New commands wait" in pull.comments() and not place.has_seen("ran"), pull.comments()
    expect(jobs(pull.say("sluice plan --new-commands", "bob")), {"p": "done"}, pull.comments())
    assert place.has_seen("ran")


def case_a_broken_file_is_named_with_its_line(place):
    pull = Pull(place, "broken")
    run = pull.newest()
    expect((run["state"], jobs(run, "hooks")), ("failed", {"hooks of the server": "done"}))
    assert "atlantis.yaml:1:" in pull.comments() or "atlantis.yaml:2:" in pull.comments(), pull.comments()


def case_a_push_ends_them(place):
    pull = Pull(place, "slow", change={"p/main.tf": TF, "slow": "x\n"})
    pull.until(lambda: place.has_seen("begun"))
    first = pull.server.must("GET", "/api/runs")[0]
    expect(first["state"], "hooks")
    pull.until(lambda: "hooks of the server run" in pull.comments())
    pull.push({}, ["slow"])
    expect(jobs(pull.newest()), {"p": "done"}, pull.comments())
    first = pull.server.must("GET", "/api/runs/%d" % first["id"])
    expect((first["state"], list(jobs(first, "hooks").values())), ("superseded", ["cancelled"]))


def case_a_restart_goes_on_with_them(place):
    pull = Pull(place, "waits")
    pull.until(lambda: place.has_seen("waits"))
    place.server.kill()
    with open(os.path.join(place.seen, "go"), "w", encoding="utf-8"):
        pass
    place.server.start()
    expect(jobs(pull.newest()), {"p": "done"}, pull.comments())


def alone():
    """Where nothing can be mounted, the hooks write to a copy."""
    place = Place(", mode: none, i_accept_unsandboxed: %s" % socket.gethostname())
    try:
        made(place)
        case_what_they_remove_is_gone(place)
        case_nothing_written_is_nothing_said(place)
    finally:
        place.close()


def main():
    place = Place()
    try:
        cases = [(name, lambda call=call: call(place)) for name, call in sluice.named_cases(globals())]
        sluice.run_cases("hooks", cases + [("without_a_sandbox", alone)])
    finally:
        place.close()


if __name__ == "__main__":
    main()
