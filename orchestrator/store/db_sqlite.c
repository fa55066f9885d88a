/* The embedded database: write-ahead log, every commit on disk before it is believed. The only file
 * that names SQLite. */
#include "orchestrator/store/db.h"

#include "orchestrator/lib/fault.h"

#include <limits.h>
#include <sqlite3.h>
#include <string.h>

/* What the operator should do, by what the database said. */
static int fail(sqlite3 *db, struct err *err, const char *doing)
{
	int code = db == NULL ? SQLITE_NOMEM : sqlite3_errcode(db) & 0xff;
	const char *advice = "";
	enum err_class class = ERR_CLASS_PERM;

	switch (code) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		class = ERR_CLASS_TEMP;
		break;
	case SQLITE_FULL:
		class = ERR_CLASS_TEMP;
		advice = "; free space in the data folder, the server goes on by itself";
		break;
	case SQLITE_IOERR:
		class = ERR_CLASS_TEMP;
		advice = "; look at the disk of the data folder";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		advice = "; the database is damaged, restore the last backup";
		break;
	default:
		break;
	}
	return err_class_set(err, ERR_STORE, class, "database: %s: %s%s", doing,
		db == NULL ? "out of memory" : sqlite3_errmsg(db), advice);
}

static int simulated(struct err *err, const char *doing)
{
	return err_class_set(
		err, ERR_STORE, ERR_CLASS_TEMP, "database: %s: disk is full (simulated)", doing);
}

static int sqlite_exec(void *connection, const char *sql, struct err *err)
{
	bool is_commit = strcmp(sql, "COMMIT") == 0;

	if (is_commit && fault_fails("store.commit"))
		return simulated(err, sql);
	if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(connection, err, sql);
	return 0;
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
	sqlite3_busy_timeout(db, 200);
	sqlite3_extended_result_codes(db, 1);
	r = sqlite_exec(db,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
		"PRAGMA trusted_schema=OFF; PRAGMA cache_size=-1024; PRAGMA "
		"wal_autocheckpoint=1000;"
		"PRAGMA journal_size_limit=8388608; PRAGMA temp_store=MEMORY",
		err);
	if (r < 0) {
		sqlite3_close(db);
		return r;
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
	sqlite3_bind_text64(statement, index, bytes, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int sqlite_step(void *connection, void *statement, struct err *err)
{
	if (!sqlite3_stmt_readonly(statement) && fault_fails("store.write"))
		return simulated(err, "write");
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		if ((sqlite3_errcode(connection) & 0xff) == SQLITE_CONSTRAINT)
			return err_set(err, ERR_EXISTS, "database: %s", sqlite3_errmsg(connection));
		return fail(connection, err, "write");
	}
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

const struct db_driver db_sqlite = {
	.open = sqlite_open,
	.close = sqlite_close,
	.exec = sqlite_exec,
	.prepare = sqlite_prepare,
	.finalize = sqlite_finalize,
	.bind_int = sqlite_bind_int,
	.bind_text = sqlite_bind_text,
	.step = sqlite_step,
	.reset = sqlite_reset,
	.column_int = sqlite_column_int,
	.column_text = sqlite_column_text,
	.changes = sqlite_changes,
};
