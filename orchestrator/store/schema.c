/* Migrations: an array that only grows. One that was released never changes. */
#include "orchestrator/store/schema.h"

static const char *const migrations[] = {
	/* 1 */
	"CREATE TABLE repo(id INTEGER PRIMARY KEY, host TEXT NOT NULL, name TEXT NOT NULL, "
	"clone_url TEXT NOT NULL,"
	" UNIQUE(host, name)) STRICT;"
	"CREATE TABLE pull(id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES repo(id), "
	"number INTEGER NOT NULL,"
	" state INTEGER NOT NULL, author TEXT NOT NULL, title TEXT NOT NULL, head TEXT NOT NULL, "
	"head_ref TEXT NOT NULL,"
	" base_ref TEXT NOT NULL, pusher TEXT NOT NULL, head_ledger INTEGER NOT NULL, head_seen_ms "
	"INTEGER NOT NULL,"
	" from_fork INTEGER NOT NULL, plan_run INTEGER NOT NULL, UNIQUE(repo, number)) STRICT;"
	"CREATE INDEX pull_state ON pull(state, id);"
	"CREATE TABLE run(id INTEGER PRIMARY KEY, pull INTEGER NOT NULL REFERENCES pull(id), kind "
	"INTEGER NOT NULL,"
	" state INTEGER NOT NULL, head TEXT NOT NULL, base TEXT NOT NULL, tree TEXT NOT NULL, "
	"actor TEXT NOT NULL,"
	" comment_id TEXT NOT NULL, only_dir TEXT NOT NULL, only_workspace TEXT NOT NULL, "
	"only_project TEXT NOT NULL,"
	" extra_args TEXT NOT NULL, prepared TEXT NOT NULL, failure TEXT NOT NULL, plan_run "
	"INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
	" created_ledger INTEGER NOT NULL, ended_ledger INTEGER NOT NULL) STRICT;"
	"CREATE INDEX run_pull ON run(pull, id);"
	"CREATE INDEX run_active ON run(id) WHERE state < 10;"
	"CREATE TABLE job(id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run(id), pull "
	"INTEGER NOT NULL,"
	" op INTEGER NOT NULL, state INTEGER NOT NULL, attempt INTEGER NOT NULL, project TEXT NOT "
	"NULL, dir TEXT NOT NULL,"
	" workspace TEXT NOT NULL, tool TEXT NOT NULL, position INTEGER NOT NULL, step TEXT NOT "
	"NULL,"
	" outcome INTEGER NOT NULL, failure TEXT NOT NULL, output TEXT NOT NULL, summary TEXT NOT "
	"NULL,"
	" plan_blob TEXT NOT NULL, log_blob TEXT NOT NULL, plan_job INTEGER NOT NULL, has_changes "
	"INTEGER NOT NULL,"
	" is_applied INTEGER NOT NULL, created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
	" ended_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX job_run ON job(run, position, id);"
	"CREATE INDEX job_pull ON job(pull, dir);"
	"CREATE INDEX job_open ON job(state, id) WHERE state < 10;"
	"CREATE TABLE history(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, run INTEGER NOT "
	"NULL, subject TEXT NOT NULL,"
	" from_state TEXT NOT NULL, to_state TEXT NOT NULL, why TEXT NOT NULL) STRICT;"
	"CREATE INDEX history_run ON history(run, id);"
	"CREATE TABLE inbox(id INTEGER PRIMARY KEY, host TEXT NOT NULL, delivery TEXT NOT NULL, "
	"hash TEXT NOT NULL,"
	" body TEXT NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL, received_ms "
	"INTEGER NOT NULL,"
	" due_ms INTEGER NOT NULL, outcome TEXT NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX inbox_delivery ON inbox(host, delivery) WHERE delivery <> '';"
	"CREATE UNIQUE INDEX inbox_hash ON inbox(host, hash);"
	"CREATE INDEX inbox_open ON inbox(id) WHERE state = 0;"
	"CREATE TABLE outbox(id INTEGER PRIMARY KEY, version INTEGER NOT NULL, kind INTEGER NOT "
	"NULL,"
	" class INTEGER NOT NULL, key TEXT NOT NULL, pull INTEGER NOT NULL, run INTEGER NOT NULL, "
	"job INTEGER NOT NULL,"
	" payload TEXT NOT NULL, is_urgent INTEGER NOT NULL, due_ms INTEGER NOT NULL, attempts "
	"INTEGER NOT NULL,"
	" state INTEGER NOT NULL, why TEXT NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX outbox_key ON outbox(kind, key) WHERE state = 0;"
	"CREATE INDEX outbox_due ON outbox(is_urgent DESC, due_ms, id) WHERE state = 0;"
	"CREATE TABLE lock(id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES repo(id), dir "
	"TEXT NOT NULL,"
	" workspace TEXT NOT NULL, pull INTEGER NOT NULL REFERENCES pull(id), is_held INTEGER NOT "
	"NULL,"
	" since_ms INTEGER NOT NULL, UNIQUE(repo, dir, workspace, pull)) STRICT;"
	"CREATE UNIQUE INDEX lock_holder ON lock(repo, dir, workspace) WHERE is_held = 1;"
	"CREATE INDEX lock_pull ON lock(pull);"
	"CREATE TABLE deadline(kind TEXT NOT NULL, subject INTEGER NOT NULL, due_ms INTEGER NOT "
	"NULL,"
	" PRIMARY KEY(kind, subject)) STRICT;"
	"CREATE INDEX deadline_due ON deadline(due_ms);"
	"CREATE TABLE ledger(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind INTEGER NOT "
	"NULL, pull INTEGER NOT NULL,"
	" actor TEXT NOT NULL, is_bot INTEGER NOT NULL, may_write INTEGER NOT NULL, head TEXT NOT "
	"NULL,"
	" detail TEXT NOT NULL) STRICT;"
	"CREATE INDEX ledger_pull ON ledger(pull, id);"
	"CREATE TABLE audit(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, "
	"actor TEXT NOT NULL,"
	" pull INTEGER NOT NULL, run INTEGER NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL) "
	"STRICT;"
	"CREATE INDEX audit_at ON audit(at_ms);"
	"CREATE TABLE audit_tip(one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL, hash "
	"TEXT NOT NULL) STRICT;"
	"INSERT INTO audit_tip VALUES(1, 0, '');"
	"CREATE TABLE shelf(key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER ledger_kept BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger "
	"never changes'); END;"
	"CREATE TRIGGER audit_kept BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit "
	"never changes'); END;",
	/* 2: nor does anything leave the ledger or the audit */
	"CREATE TRIGGER ledger_stays BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger "
	"never changes'); END;"
	"CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit "
	"never changes'); END;",
	/* 3: what a delivery said beside its body */
	"ALTER TABLE inbox ADD COLUMN topic TEXT NOT NULL DEFAULT '';",
	/* 4: how the project of a job is done */
	"ALTER TABLE job ADD COLUMN recipe TEXT NOT NULL DEFAULT '';",
	/* 5: the order of projects, and what is told of the configuration of a run */
	"ALTER TABLE job ADD COLUMN order_group INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN depends_on TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE job ADD COLUMN aborts_with_group INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE run ADD COLUMN told TEXT NOT NULL DEFAULT '';",
	/* 6: is this blob or work tree still needed? */
	"CREATE INDEX job_plan_blob ON job(plan_blob) WHERE plan_blob <> '';"
	"CREATE INDEX job_log_blob ON job(log_blob) WHERE log_blob <> '';"
	"CREATE INDEX run_tree ON run(tree) WHERE tree <> '';",
	/* 7: who let new commands of a head run */
	"CREATE TABLE released(id INTEGER PRIMARY KEY, pull INTEGER NOT NULL REFERENCES pull(id), "
	"head TEXT NOT NULL,"
	" commands_hash TEXT NOT NULL, actor TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX released_pull ON released(pull, head);",
	/* 8: what guards a project, and what is approved and applied as one */
	"ALTER TABLE job ADD COLUMN guard TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE plan_set(id INTEGER PRIMARY KEY, pull INTEGER NOT NULL REFERENCES pull(id), "
	"run INTEGER NOT NULL UNIQUE REFERENCES run(id), head TEXT NOT NULL, body TEXT NOT NULL, "
	"digest TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX plan_set_pull ON plan_set(pull, id);"
	"CREATE TRIGGER plan_set_kept BEFORE UPDATE ON plan_set BEGIN SELECT RAISE(ABORT, 'a plan "
	"set never changes'); END;",
	/* 9: the index over hashes is what most of an event's pages are of */
	"UPDATE inbox SET hash = substr(hash, 1, 32);",
	/* 10: a plan set carries the mark of its server; without one it must be planned again */
	"ALTER TABLE plan_set ADD COLUMN seal TEXT NOT NULL DEFAULT '';",
	/* 11: who let findings of a policy set pass, for which plans */
	"CREATE TABLE policy_word(id INTEGER PRIMARY KEY, pull INTEGER NOT NULL REFERENCES "
	"pull(id), run INTEGER NOT NULL REFERENCES run(id), dir TEXT NOT NULL, workspace TEXT NOT "
	"NULL, project TEXT NOT NULL, policy_set TEXT NOT NULL, person TEXT NOT NULL, items TEXT "
	"NOT NULL, is_clear INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX policy_word_pull ON policy_word(pull, id);"
	"CREATE TRIGGER policy_word_kept BEFORE UPDATE ON policy_word BEGIN SELECT RAISE(ABORT, "
	"'what somebody said never changes'); END;",
	/* 12: of which environment, and of which project in it, a record tells */
	"ALTER TABLE audit ADD COLUMN environment TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE audit ADD COLUMN subject TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX audit_environment ON audit(environment, at_ms) WHERE subject <> '';"
	"CREATE INDEX audit_run ON audit(run) WHERE subject <> '';"
	"CREATE INDEX audit_subject ON audit(environment, subject, kind, at_ms) WHERE subject <> "
	"'';",
	/* 13: a lock came to a pull that waited, and it was not planned again yet */
	"ALTER TABLE lock ADD COLUMN is_come INTEGER NOT NULL DEFAULT 0;",
	/* 14: an apply by break-glass has a reason, and somebody else looks at it afterwards */
	"ALTER TABLE run ADD COLUMN reason TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE follow_up(run INTEGER PRIMARY KEY REFERENCES run(id), pull INTEGER NOT NULL "
	"REFERENCES pull(id), person TEXT NOT NULL, reason TEXT NOT NULL, opened_ms INTEGER NOT "
	"NULL, reviewer TEXT NOT NULL DEFAULT '', said TEXT NOT NULL DEFAULT '', reviewed_ms "
	"INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE INDEX follow_up_open ON follow_up(opened_ms) WHERE reviewed_ms = 0;"
	"CREATE INDEX follow_up_pull ON follow_up(pull);"
	"CREATE TRIGGER follow_up_kept BEFORE DELETE ON follow_up BEGIN SELECT RAISE(ABORT, "
	"'a follow-up stays'); END;",
	/* 15: what channels are told, and how far that is */
	"CREATE TABLE notice(key TEXT PRIMARY KEY, target TEXT NOT NULL, event TEXT NOT NULL, "
	"subject TEXT NOT NULL, parts TEXT NOT NULL, part INTEGER NOT NULL, thread TEXT NOT NULL, "
	"created_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX notice_created ON notice(created_ms);",
	/* 16: a word on a policy set carries the mark of its server; one without must be said again
	 */
	"ALTER TABLE policy_word ADD COLUMN seal TEXT NOT NULL DEFAULT '';",
	/* 17: how long a lock is kept, and projects of one group that go one after the other */
	"ALTER TABLE lock ADD COLUMN mode INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN goes_alone INTEGER NOT NULL DEFAULT 0;",
	/* 18: when drift is looked for, what was found, and how it lives on */
	"CREATE TABLE drift_schedule(id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES "
	"repo(id), base_ref TEXT NOT NULL, environment TEXT NOT NULL, rule TEXT NOT NULL, next_ms "
	"INTEGER NOT NULL, UNIQUE(repo, base_ref, environment)) STRICT;"
	"CREATE INDEX drift_schedule_next ON drift_schedule(next_ms);"
	"CREATE TABLE drift_slot(id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES "
	"repo(id), "
	"base_ref TEXT NOT NULL, environment TEXT NOT NULL, slot_ms INTEGER NOT NULL, schedule "
	"TEXT NOT NULL, asked_by TEXT NOT NULL, project TEXT NOT NULL, missed INTEGER NOT NULL, "
	"run INTEGER NOT NULL, rules TEXT NOT NULL, is_partial INTEGER NOT NULL, report TEXT NOT "
	"NULL, ended_ms INTEGER "
	"NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX drift_slot_once ON drift_slot(repo, base_ref, environment, slot_ms) "
	"WHERE schedule <> '';"
	"CREATE INDEX drift_slot_run ON drift_slot(run);"
	"CREATE TABLE drift_subject(id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES "
	"repo(id), base_ref TEXT NOT NULL, dir TEXT NOT NULL, workspace TEXT NOT NULL, project "
	"TEXT NOT NULL, environment TEXT NOT NULL, outcome INTEGER NOT NULL, word TEXT NOT NULL, "
	"text TEXT NOT NULL, failures INTEGER NOT NULL, last_ms INTEGER NOT NULL, last_clean_ms "
	"INTEGER NOT NULL, UNIQUE(repo, base_ref, dir, workspace)) STRICT;"
	"CREATE TABLE drift_item(id INTEGER PRIMARY KEY, subject INTEGER NOT NULL REFERENCES "
	"drift_subject(id), life INTEGER NOT NULL, body TEXT NOT NULL) STRICT;"
	"CREATE INDEX drift_item_open ON drift_item(subject) WHERE life <> 3;"
	"ALTER TABLE job ADD COLUMN not_before_ms INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX job_waiting ON job(op, id) WHERE state = 2;",
};

/* Children before parents. */
const char *const schema_wipe[] = { "DELETE FROM deadline", "DELETE FROM lock",
	"DELETE FROM outbox", "DELETE FROM notice", "DELETE FROM inbox", "DELETE FROM history",
	"DELETE FROM job", "DELETE FROM plan_set", "DELETE FROM policy_word",
	"DELETE FROM follow_up", "DELETE FROM drift_item", "DELETE FROM drift_subject",
	"DELETE FROM drift_slot", "DELETE FROM drift_schedule", "DELETE FROM run",
	"DELETE FROM ledger", "DELETE FROM audit", "DELETE FROM released", "DELETE FROM pull",
	"DELETE FROM repo", "DELETE FROM shelf", "DELETE FROM counter",
	"UPDATE audit_tip SET id = 0, hash = ''", NULL };

int schema_allow_wipe(struct db *db, struct err *err)
{
	return db_exec(db,
		"DROP TRIGGER ledger_stays; DROP TRIGGER audit_stays; DROP TRIGGER follow_up_kept",
		err);
}

const size_t schema_version = countof(migrations);

const char *schema_migration(size_t version)
{
	return migrations[version - 1];
}

int schema_migrate_to(struct db *db, size_t version, struct err *err)
{
	int64_t found = 0;
	int r = db_exec(
		db, "CREATE TABLE IF NOT EXISTS meta(version INTEGER NOT NULL) STRICT", err);

	if (r < 0)
		return r;
	r = db_number(db, err, &found, "SELECT coalesce(max(version), 0) FROM meta", "");
	if (r < 0)
		return r;
	if (found > (int64_t)schema_version)
		return err_set(err, ERR_CONFIG,
			"the database was written by a newer sluice (version %lld, this one knows "
			"%zu); start that one",
			(long long)found, schema_version);
	for (size_t i = (size_t)found; i < version; i++) {
		r = db_exec(db, "BEGIN IMMEDIATE", err);
		if (r == 0)
			r = db_exec(db, migrations[i], err);
		if (r == 0)
			r = db_run(db, err, "INSERT INTO meta VALUES($1)", "i", (int64_t)i + 1);
		if (r >= 0)
			r = db_exec(db, "COMMIT", err);
		if (r < 0)
			return err_wrap(err, "migration %zu", i + 1);
	}
	return 0;
}

int schema_migrate(struct db *db, struct err *err)
{
	return schema_migrate_to(db, schema_version, err);
}
