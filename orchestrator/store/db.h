/* Private to the store: a database behind a table of functions, so that a second driver can serve
 * several servers later. SQL is written once, with $1, $2, ... in order of appearance; statements
 * are prepared once and found again by the address of their text, which must be a literal. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

struct db_driver {
	int (*open)(const char *path, void **ret, struct err *err);
	void (*close)(void *connection);
	int (*exec)(void *connection, const char *sql, struct err *err);
	int (*prepare)(void *connection, const char *sql, void **ret, struct err *err);
	void (*finalize)(void *statement);
	void (*bind_int)(void *statement, int index, int64_t value);
	/* borrowed until reset */
	void (*bind_text)(void *statement, int index, const char *bytes, size_t length);
	int (*step)(void *connection, void *statement, struct err *err); /* 1: a row, 0: the end */
	bool (*is_open)(void *connection); /* a transaction; a failing write may have ended it */
	void (*reset)(void *statement);
	int64_t (*column_int)(void *statement, int column);
	const char *(*column_text)(void *statement, int column, size_t *ret_length);
	int64_t (*changes)(void *connection);
	int64_t (*inserted)(void *connection); /* the number of the newest row */
};

extern const struct db_driver db_sqlite;
_must_check_ int db_sqlite_copy(const char *from, const char *to, struct err *err);

struct db;
struct db_rows { /* one running query; db_end() always follows */
	struct db *db;
	void *statement;
	struct err *err;
};

_must_check_ int db_open(
	const struct db_driver *driver, const char *path, struct db **ret, struct err *err);
void db_close(struct db *db);
_must_check_ int db_exec(struct db *db, const char *sql, struct err *err); /* a script; slow */
bool db_is_open(const struct db *db);
/* The failure that ended the last transaction that we did not end. */
const struct err *db_why_ended(const struct db *db);

/* types: 'i' int64_t, 's' const char * (NULL is ""), 'b' const char *, size_t. The number of rows
 * changed, or -code. ERR_EXISTS when a row like it is there, ERR_MISSING when it refers to one that
 * is not, ERR_REFUSED when the table does not allow it. */
_must_check_ int db_run(struct db *db, struct err *err, const char *sql, const char *types, ...);
/* INSERT of one row into a table whose rows have numbers: its number. Cheaper than RETURNING, for
 * which SQLite makes a table on the way. */
_must_check_ int db_insert(
	struct db *db, struct err *err, int64_t *ret, const char *sql, const char *types, ...);
/* The first column of the first row as a number; ERR_MISSING without a row. The statement is run to
 * its end: only there a database says that what it returned could not stay. */
_must_check_ int db_number(
	struct db *db, struct err *err, int64_t *ret, const char *sql, const char *types, ...);
_must_check_ int db_begin(struct db *db, struct db_rows *rows, struct err *err, const char *sql,
	const char *types, ...);
_must_check_ int db_next(struct db_rows *rows);
int64_t db_int(struct db_rows *rows, int column);
const char *db_text(
	struct db_rows *rows, int column, struct arena *arena); /* owned by the arena, never NULL */
const char *db_bytes(struct db_rows *rows, int column, struct arena *arena, size_t *ret_length);
void db_end(struct db_rows *rows);

static inline void db_rows_endp(struct db_rows *rows)
{
	db_end(rows);
}
#define _cleanup_rows_ _cleanup_(db_rows_endp)
