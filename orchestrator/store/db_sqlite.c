/* The embedded database: write-ahead log, every commit on disk before it is believed. The only file
 * that names SQLite. */
#include "orchestrator/store/db.h"

#include "orchestrator/lib/fault.h"

#include <limits.h>
#include <sqlite3.h>
#include <string.h>

/* What the operator should do, by what the database said. What may pass by itself is tried again.
 */
static const struct saying {
	int code;
	enum err_class class;
	const char *advice;
} sayings[] = {
	{ SQLITE_BUSY, ERR_CLASS_TEMP, "; another program holds the database, close it" },
	{ SQLITE_LOCKED, ERR_CLASS_TEMP, "; another program holds the database, close it" },
	{ SQLITE_PROTOCOL, ERR_CLASS_TEMP, "; another program holds the database, close it" },
	{ SQLITE_FULL, ERR_CLASS_TEMP,
		"; free space in the data folder, the server goes on by itself" },
	{ SQLITE_IOERR, ERR_CLASS_TEMP, "; look at the disk of the data folder" },
	{ SQLITE_NOMEM, ERR_CLASS_TEMP, "; free memory, the server goes on by itself" },
	{ SQLITE_CANTOPEN, ERR_CLASS_PERM,
		"; the data folder must exist and belong to the user of the server" },
	{ SQLITE_READONLY, ERR_CLASS_PERM,
		"; let the user of the server write to the data folder and all that is in it" },
	{ SQLITE_CORRUPT, ERR_CLASS_PERM,
		"; the database or its disk is damaged, look at the disk or restore the last "
		"backup" },
	{ SQLITE_NOTADB, ERR_CLASS_PERM, "; the database is damaged, restore the last backup" },
};

static int fail(sqlite3 *db, struct err *err, const char *doing)
{
	int code = db == NULL ? SQLITE_NOMEM : sqlite3_errcode(db) & 0xff;
	const struct saying *saying = &(struct saying){ code, ERR_CLASS_PERM, "" };

	for (size_t i = 0; i < countof(sayings); i++) {
		if (sayings[i].code == code)
			saying = &sayings[i];
	}
	return err_class_set(err, ERR_STORE, saying->class, "database: %.80s: %s%s", doing,
		db == NULL ? "out of memory" : sqlite3_errmsg(db), saying->advice);
}

static int constraint(sqlite3 *db, struct err *err)
{
	switch (sqlite3_extended_errcode(db)) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return err_set(err, ERR_EXISTS, "database: %s", sqlite3_errmsg(db));
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return err_set(err, ERR_MISSING, "database: it refers to a row that is not there");
	case SQLITE_CONSTRAINT_TRIGGER:
		return err_set(err, ERR_REFUSED, "database: %s", sqlite3_errmsg(db));
	default:
		return err_set(err, ERR_BUG, "database: %s", sqlite3_errmsg(db));
	}
}

static int sqlite_exec(void *connection, const char *sql, struct err *err)
{
	if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(connection, err, sql);
	return 0;
}

/* Asked for and not given happens on file systems without shared memory: then nothing that is
 * promised here would hold. */
static int use_log(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	const char *mode = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		r = fail(db, err, "the write-ahead log");
	else
		mode = (const char *)sqlite3_column_text(statement, 0);
	if (r == 0 && !str_equal(mode, "wal"))
		r = err_class_set(err, ERR_STORE, ERR_CLASS_CONFIG,
			"database: the file system of the data folder cannot hold a write-ahead "
			"log (mode %s); use a local disk",
			mode);
	sqlite3_finalize(statement);
	return r;
}

static int set_up(sqlite3 *db, bool is_memory, struct err *err)
{
	int r;

	sqlite3_busy_timeout(db, 200);
	sqlite3_extended_result_codes(db, 1);
	/* Without it a statement is planned anew whenever a value is bound that a partial index
	 * might care for. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	/* In memory each page that an event touches is copied twice. */
	if (is_memory)
		r = sqlite_exec(db, "PRAGMA page_size=1024", err);
	else
		r = use_log(db, err);
	if (r < 0)
		return r;
	/* recursive_triggers: a REPLACE is a DELETE, too */
	return sqlite_exec(db,
		"PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
		"PRAGMA recursive_triggers=ON; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY;"
		"PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=8388608",
		err);
}

static int sqlite_open(const char *path, void **ret, struct err *err)
{
	static bool is_configured;
	sqlite3 *db = NULL;
	int r;

	if (!is_configured) {
		sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
		sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
		sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 512, 160);
		is_configured = true;
	}
	if (sqlite3_open_v2(path, &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK) {
		r = fail(db, err, path);
		sqlite3_close(db);
		return r;
	}
	r = set_up(db, str_equal(path, ":memory:"), err);
	if (r < 0) {
		sqlite3_close(db);
		return err_wrap(err, "%s", path);
	}
	*ret = db;
	return 0;
}

static void sqlite_close(void *connection)
{
	sqlite3_close(connection);
}

static int sqlite_prepare(void *connection, const char *sql, void **ret, struct err *err)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v3(connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
		SQLITE_OK)
		return fail(connection, err, sql);
	*ret = statement;
	return 0;
}

static void sqlite_finalize(void *statement)
{
	sqlite3_finalize(statement);
}

static void sqlite_bind_int(void *statement, int index, int64_t value)
{
	sqlite3_bind_int64(statement, index, value);
}

static void sqlite_bind_text(void *statement, int index, const char *bytes, size_t length)
{
	sqlite3_bind_text64(statement, index, bytes, length, SQLITE_STATIC, SQLITE_UTF8);
}

/* store.read, store.write: one statement fails. store.full: the disk is full, and the database
 * gives up the whole transaction, as it may. */
static int simulated(sqlite3 *db, sqlite3_stmt *statement, struct err *err)
{
	bool is_full;

	if (sqlite3_stmt_busy(statement))
		return 0;
	if (sqlite3_stmt_readonly(statement))
		return sqlite3_column_count(statement) > 0 && fault_fails("store.read")
			       ? err_class_set(err, ERR_STORE, ERR_CLASS_TEMP,
					 "database: read: disk I/O error (simulated)")
			       : 0;
	is_full = fault_fails("store.full");
	if (!is_full && !fault_fails("store.write"))
		return 0;
	if (is_full && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err_class_set(
		err, ERR_STORE, ERR_CLASS_TEMP, "database: write: disk is full (simulated)");
}

static int sqlite_step(void *connection, void *statement, struct err *err)
{
	int r = simulated(connection, statement, err);

	if (r < 0)
		return r;
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		if ((sqlite3_errcode(connection) & 0xff) == SQLITE_CONSTRAINT)
			return constraint(connection, err);
		return fail(connection, err, sqlite3_stmt_readonly(statement) ? "read" : "write");
	}
}

static bool sqlite_is_open(void *connection)
{
	return !sqlite3_get_autocommit(connection);
}

static void sqlite_reset(void *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

static int64_t sqlite_column_int(void *statement, int column)
{
	return sqlite3_column_int64(statement, column);
}

static const char *sqlite_column_text(void *statement, int column, size_t *ret_length)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	*ret_length = (size_t)sqlite3_column_bytes(statement, column);
	return (const char *)text;
}

static int64_t sqlite_changes(void *connection)
{
	return sqlite3_changes(connection);
}

static int64_t sqlite_inserted(void *connection)
{
	return sqlite3_last_insert_rowid(connection);
}

const struct db_driver db_sqlite = {
	.open = sqlite_open,
	.close = sqlite_close,
	.exec = sqlite_exec,
	.prepare = sqlite_prepare,
	.finalize = sqlite_finalize,
	.bind_int = sqlite_bind_int,
	.bind_text = sqlite_bind_text,
	.step = sqlite_step,
	.is_open = sqlite_is_open,
	.reset = sqlite_reset,
	.column_int = sqlite_column_int,
	.column_text = sqlite_column_text,
	.changes = sqlite_changes,
	.inserted = sqlite_inserted,
};

static int copy_all(sqlite3 *from, sqlite3 *to, struct err *err)
{
	sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
	int code = copy == NULL ? SQLITE_ERROR : sqlite3_backup_step(copy, -1);

	sqlite3_backup_finish(copy);
	if (code == SQLITE_DONE)
		return 0;
	return fail(code == SQLITE_BUSY || code == SQLITE_LOCKED ? from : to, err, "copy");
}

int db_sqlite_copy(const char *from, const char *to, struct err *err)
{
	sqlite3 *source = NULL, *target = NULL;
	int r = 0;

	if (sqlite3_open_v2(from, &source, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		r = fail(source, err, from);
	sqlite3_busy_timeout(source, 10000);
	if (r == 0 && sqlite3_open_v2(to, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			      NULL) != SQLITE_OK)
		r = fail(target, err, to);
	if (r == 0)
		r = copy_all(source, target, err);
	/* one file, and nothing beside it */
	if (r == 0 &&
		sqlite3_exec(target, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
		r = fail(target, err, to);
	sqlite3_close(target);
	sqlite3_close(source);
	return r;
}
