#!/usr/bin/env python3
"""The record: what it answers, and that nothing of it can be changed unseen.

    tests/integration/test_record.py [CASE ...]

Real server, real git, stub tool, local host. Results: build/report/results/record.tsv; on stdout only what did not pass."""

import contextlib
import csv
import functools
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from lab import Lab, until  # noqa: E402

RULES = """version: 3
environments:
  live: {approvals: [{name: one, require: {count: 1}}]}
projects:
- {name: a, dir: a, environment: live}
- {name: b, dir: b}
"""
TRIGGERS = "DROP TRIGGER audit_kept; DROP TRIGGER audit_stays;"
# {what somebody does to the rows: the first bad record of 1..N}; K is a record in the middle
ATTACKS = (
    ("a word of a record", "UPDATE audit SET actor = 'eve' WHERE id = {k}", "{k}"),
    ("a byte of a detail", "UPDATE audit SET detail = replace(detail, 'a', 'b') WHERE id = {k}", "{k}"),
    ("an environment", "UPDATE audit SET environment = 'test' WHERE id = (SELECT max(id) FROM audit WHERE subject <> '')",
     "{subject}"),
    ("a project", "UPDATE audit SET subject = subject || 'x' WHERE id = (SELECT max(id) FROM audit WHERE subject <> '')",
     "{subject}"),
    ("what it is about taken away",
     "UPDATE audit SET subject = '', environment = '' WHERE id = (SELECT max(id) FROM audit WHERE subject <> '')", "{subject}"),
    ("a time", "UPDATE audit SET at_ms = at_ms - 1 WHERE id = {k}", "{k}"),
    ("a hash", "UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE id = {k}", "{k}"),
    ("a record taken out", "DELETE FROM audit WHERE id = {k}", "{k}"),
    ("the first taken out", "DELETE FROM audit WHERE id = 1", "1"),
    ("the last taken out", "DELETE FROM audit WHERE id = {n}", "{n}"),
    ("the end cut", "DELETE FROM audit WHERE id > {k}", "{k1}"),
    ("two swapped", "UPDATE audit SET id = 0 WHERE id = {k}; UPDATE audit SET id = {k} WHERE id = {k1};"
     "UPDATE audit SET id = {k1} WHERE id = 0", "{k}"),
    ("one put in at the end",
     "INSERT INTO audit SELECT id + 1, at_ms, kind, actor, pull, run, detail, hash, environment, subject FROM audit"
     " WHERE id = {n}", "{n1}"),
    ("one that moved to another number", "UPDATE audit SET id = {n} + 7 WHERE id = {n}", "{n}"),
    ("all of them", "DELETE FROM audit", "1"),
    ("the tip", "UPDATE audit_tip SET id = id - 1", "{n}"),
)


def run(lab, *words):
    return subprocess.run([os.path.join(lab.server.build, "sluice"), *words, "--data", lab.server.data], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def good(lab, *words):
    done = run(lab, *words)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout


@contextlib.contextmanager
def applied(title="Grow the pool"):
    """Two projects, one of them in an environment, applied after a refusal and an approval."""
    folder = tempfile.mkdtemp(prefix="sluice-record-")
    seen = os.path.join(folder, "seen")
    stub = "# stub: create=2 apply-log=%s/applied\n" % seen
    lab = Lab(folder, {"a": stub, "b": stub}, seen=seen)
    shutil.rmtree(lab.repo)
    sluice.make_repository(lab.repo, {"sluice.yaml": RULES, "a/main.tf": "# nothing\n", "b/main.tf": "# nothing\n"},
                           {"feature": {"a/main.tf": stub, "b/main.tf": stub}})
    try:
        lab.start()
        lab.server.must("POST", "/local/repos", {"name": "r", "import": lab.repo})
        lab.server.must("POST", "/local/pulls", {"repo": "r", "title": title, "head_ref": "feature", "base_ref": "main",
                                                 "as": "ann"})
        lab.rest()
        lab.say("apply")
        lab.rest()
        lab.approve()
        lab.say("apply")
        lab.rest()
        yield lab
    finally:
        lab.end()
        shutil.rmtree(folder, ignore_errors=True)


def case_what_was_in_effect(lab):
    """The question of the auditor, with everything that answers it."""
    moment = json.loads(good(lab, "audit", "--at", "now", "--environment", "live", "--json"))
    assert not moment["running"], moment
    (row,) = moment["in_effect"]
    about = row["detail"]["evidence"]
    plan_set = about["plan_set"]
    assert len(plan_set) == 64 and len(about["plan"]) == 64 and about["ended_ms"] >= about["started_ms"] > 0, about
    wanted = {"host": "local", "repository": "r", "number": 1, "title": "Grow the pool", "author": "ann", "asked_by": "ann",
              "project": "a", "folder": "a", "workspace": "default", "environment": "live", "result": "done", "outcome": "ok",
              "actions": {"create": 2}, "tool": "terraform"}
    assert {key: about[key] for key in wanted} == wanted, about
    assert [one["person"] for one in about["approved_by"]] == ["bob"], about
    assert len(about["resources"]) == 2 and all(len(one) == 2 for one in about["resources"]), about
    text = good(lab, "audit", "--at", "now", "--environment", "live")
    for words in ('#1 "Grow the pool" by ann, asked for by ann, approved by bob', "2 create", plan_set[:12], "done",
                  "Running then: nothing"):
        assert words in text, (words, text)
    both = json.loads(good(lab, "audit", "--at", "now", "--json"))
    assert [one["detail"]["evidence"]["project"] for one in both["in_effect"]] == ["b", "a"], both
    before = json.loads(good(lab, "audit", "--at", "yesterday", "--json"))
    assert before == {"running": [], "in_effect": []}, before


def case_why_it_was_allowed(lab):
    """Of the begin: every rule as it stood, with each word counted or not."""
    rows = [row for row in json.loads(good(lab, "audit", "--environment", "live", "--json")) if row["kind"] == "apply started"]
    (row,) = rows
    rules = row["detail"]["evidence"]["gate"]["rules"]
    assert any(rule["environment"] == "live" and rule["answer"] == "holds" and
               any(vote["person"] == "bob" and vote["counts"] for vote in rule["votes"]) for rule in rules), rules


def case_a_time(lab):
    everything = json.loads(good(lab, "audit", "--json"))
    assert [row["id"] for row in everything] == list(range(1, len(everything) + 1)), everything
    assert json.loads(good(lab, "audit", "--json", "--from", "1 minute ago", "--to", "now")) == everything
    assert json.loads(good(lab, "audit", "--json", "--to", "yesterday")) == []
    done = run(lab, "audit", "--from", "last wednesday of june")
    assert done.returncode == 2 and "is no time" in done.stderr, done


def case_by_hand(lab):
    """What somebody changed without us, and told: in the environment's record, and in the report."""
    good(lab, "record-external-change", "--environment", "live", "--reason", "disk was full, grew it | by hand", "--as", "olga")
    (row,) = [row for row in json.loads(good(lab, "audit", "--json", "--environment", "live")) if row["kind"] == "external change"]
    assert row["actor"] == "olga" and row["detail"] == {"text": "disk was full, grew it | by hand"}, row
    text = good(lab, "audit", "report", "--from", "yesterday", "--to", "2100-01-01", "--environment", "live")
    assert "external change: disk was full, grew it \\| by hand |" in text, text
    for words in ([], ["--environment", "live"], ["--reason", "x"], ["--environment", "live", "--reason", ""]):
        assert run(lab, "record-external-change", *words).returncode == 2, words


def case_spreadsheet(lab):
    """A CSV that any reader takes, and in which no cell is a formula."""
    text = good(lab, "audit", "export", "--csv")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    everything = json.loads(good(lab, "audit", "--json"))
    assert [row["hash"] for row in rows] == [row["hash"] for row in everything], text
    ended = [row for row in rows if row["kind"] == "apply ended"]
    assert sorted((row["project"], row["result"], row["environment"]) for row in ended) == [("a", "done", "live"), ("b", "done", "")]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")], text


def case_lines(lab):
    lines = good(lab, "audit", "export", "--jsonl").splitlines()
    assert [json.loads(line) for line in lines] == json.loads(good(lab, "audit", "--json"))
    assert run(lab, "audit", "export").returncode == 2


def case_report(lab):
    text = good(lab, "audit", "report", "--from", "yesterday", "--to", "now")
    for words in ("# Evidence of changes", "| bob | 2 create | done |", "command refused: ", "none changed, missing or put in",
                  "PCI DSS 6.5.1"):
        assert words in text, (words, text)
    assert len([line for line in text.splitlines() if "Grow the pool" in line]) == 2, text
    empty = good(lab, "audit", "report", "--from", "2020-01-01", "--to", "2020-02-01")
    assert "None." in empty and "Grow" not in empty, empty
    assert run(lab, "audit", "report").returncode == 2


def case_no_value(lab):
    """Values of attributes do not stand in the record."""
    text = json.dumps(json.loads(good(lab, "audit", "--json")))
    assert '"attributes"' not in text and "before" not in text and "after" not in text, text


def case_nobody_changes_it_unseen(lab):
    """Each way of changing the rows by hand, also with the triggers gone: the first bad record is named."""
    lab.server.stop()
    path = lab.data("sluice.db")
    kept = path + ".kept"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        n = db.execute("SELECT count(*) FROM audit").fetchone()[0]
        subject = db.execute("SELECT max(id) FROM audit WHERE subject <> ''").fetchone()[0]
    shutil.copy2(path, kept)
    assert n >= 8, n
    for name, sql, bad in ATTACKS:
        numbers = {"k": n // 2, "k1": n // 2 + 1, "n": n, "n1": n + 1, "subject": subject}
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.executescript(TRIGGERS + sql.format(**numbers))
        lab.server.start()
        verdict = lab.server.must("GET", "/api/audit/verify")
        done = run(lab, "audit", "verify")
        lab.server.stop()
        assert not verdict["valid"] and verdict["first_bad"] == int(bad.format(**numbers)), (name, verdict, numbers)
        assert done.returncode == 1 and "record %d" % verdict["first_bad"] in done.stdout, (name, done)
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path + end)
        shutil.copy2(kept, path)
    lab.server.start()
    assert lab.server.must("GET", "/api/audit/verify")["valid"]


def length(text):
    return b"%d:%s\n" % (len(text.encode()), text.encode())


def forge(path):
    """The whole chain once more, with another actor in the first record and every hash right."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(TRIGGERS + "UPDATE audit SET actor = 'eve' WHERE id = 1")
        previous = ""
        for row in db.execute("SELECT id, at_ms, pull, run, kind, actor, detail, environment, subject FROM audit ORDER BY id").fetchall():
            fields = [previous, *row[4:7], *(row[7:] if row[7] or row[8] else ())]
            head = b"sluice audit %d\n%d %d %d %d\n" % (2 if len(fields) == 6 else 1, *row[:4])
            previous = hashlib.sha256(head + b"".join(length(field) for field in fields)).hexdigest()
            db.execute("UPDATE audit SET hash = ? WHERE id = ?", (previous, row[0]))
        db.execute("UPDATE audit_tip SET hash = ?", (previous,))


def case_a_chain_made_anew(lab):
    """With every hash right it is whole, and not the one that was anchored."""
    lab.server.stop()
    lab.server.start()
    anchors = lab.data("anchors.ndjson")
    until(lambda: os.path.exists(anchors) and os.path.getsize(anchors) > 0, 10, "no anchor")
    with open(anchors, encoding="utf-8") as lines:
        (anchor,) = [json.loads(line) for line in lines]
    assert good(lab, "audit", "verify").endswith("anchors that agree: 1\n")
    lab.server.stop()
    path = lab.data("sluice.db")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy2(path, path + ".kept")
    forge(path)
    lab.server.start()
    assert lab.server.must("GET", "/api/audit/verify")["valid"]
    done = run(lab, "audit", "verify")
    assert done.returncode == 1 and "record %d is not the one that was anchored" % anchor["record"] in done.stdout, done
    done = run(lab, "audit", "verify", "--anchors", "/nowhere")
    assert done.returncode == 2 and "cannot read /nowhere" in done.stderr, done
    lab.server.stop()
    shutil.copy2(path + ".kept", path)
    lab.server.start()
    assert len(good(lab, "audit", "verify").splitlines()) == 1
    with open(anchors, encoding="utf-8") as lines:
        assert len(lines.readlines()) == 1  # one a day


def case_triggers(lab):
    """With the triggers in place not even a program with the database can."""
    lab.server.stop()
    with contextlib.closing(sqlite3.connect(lab.data("sluice.db"), isolation_level=None)) as db:
        for sql in ("UPDATE audit SET actor = 'eve'", "DELETE FROM audit"):
            try:
                db.execute(sql)
            except sqlite3.IntegrityError as problem:
                assert "never changes" in str(problem)
            else:
                raise AssertionError("it was taken: " + sql)
    lab.server.start()


def hostile_title():
    """A title is shown, and nothing in it ends a table."""
    with applied('=cmd|"/c calc"!A1 | x `y` <b>') as lab:
        for words in (["audit", "--at", "now"], ["audit", "report", "--from", "yesterday", "--to", "now"]):
            text = good(lab, *words)
            assert "calc" in text, text
        row = [line for line in text.splitlines() if "calc" in line][0]
        assert row.replace("\\|", "").count("|") == 12, row


def main():
    with applied() as lab:
        shared = [(name, functools.partial(case, lab)) for name, case in sluice.named_cases(globals())]
        sluice.run_cases("record", shared + [("hostile_title", hostile_title)])


if __name__ == "__main__":
    main()
