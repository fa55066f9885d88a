/* The cache of statements and the binding of values; no driver's names. */
#include "orchestrator/store/db.h"

#include <stdarg.h>
#include <string.h>

enum { STATEMENTS = 256 }; /* twice as many as there are texts, a power of two */

struct db {
	const struct db_driver *driver;
	void *connection;
	struct err why_ended;
	struct {
		const char *sql;
		void *statement;
	} cache[STATEMENTS];
};

int db_open(const struct db_driver *driver, const char *path, struct db **ret, struct err *err)
{
	struct db *db = mem_alloc(sizeof(*db));
	int r = driver->open(path, &db->connection, err);

	if (r < 0) {
		free(db);
		return r;
	}
	db->driver = driver;
	*ret = db;
	return 0;
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < STATEMENTS; i++) {
		if (db->cache[i].statement != NULL)
			db->driver->finalize(db->cache[i].statement);
	}
	db->driver->close(db->connection);
	free(db);
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	return db->driver->exec(db->connection, sql, err);
}

bool db_is_open(const struct db *db)
{
	return db->driver->is_open(db->connection);
}

static int find(struct db *db, const char *sql, void **ret, struct err *err)
{
	size_t at = ((uintptr_t)sql >> 3) * 0x9e3779b1u % STATEMENTS;
	int r;

	for (size_t tries = 0; tries < STATEMENTS; tries++, at = (at + 1) % STATEMENTS) {
		if (db->cache[at].sql == sql) {
			*ret = db->cache[at].statement;
			return 0;
		}
		if (db->cache[at].sql == NULL) {
			r = db->driver->prepare(db->connection, sql, &db->cache[at].statement, err);
			if (r < 0)
				return r;
			db->cache[at].sql = sql;
			*ret = db->cache[at].statement;
			return 0;
		}
	}
	return err_set(err, ERR_BUG, "the cache of statements is too small");
}

static void bind(struct db *db, void *statement, const char *types, va_list args)
{
	for (int i = 1; *types != '\0'; types++, i++) {
		if (*types == 'i') {
			db->driver->bind_int(statement, i, va_arg(args, int64_t));
		} else {
			const char *bytes = va_arg(args, const char *);
			size_t length = *types == 'b'	? va_arg(args, size_t)
					: bytes == NULL ? 0
							: strlen(bytes);

			db->driver->bind_text(statement, i, bytes == NULL ? "" : bytes, length);
		}
	}
}

static int begin(struct db *db, struct db_rows *rows, struct err *err, const char *sql,
	const char *types, va_list args)
{
	int r;

	*rows = (struct db_rows){ .db = db, .err = err };
	r = find(db, sql, &rows->statement, err);
	if (r < 0)
		return r;
	bind(db, rows->statement, types, args);
	return 0;
}

int db_begin(struct db *db, struct db_rows *rows, struct err *err, const char *sql,
	const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = begin(db, rows, err, sql, types, args);
	va_end(args);
	return r;
}

const struct err *db_why_ended(const struct db *db)
{
	return &db->why_ended;
}

int db_next(struct db_rows *rows)
{
	struct db *db = rows->db;
	bool was_open = db->driver->is_open(db->connection);
	int r = db->driver->step(db->connection, rows->statement, rows->err);

	if (r < 0 && was_open && !db->driver->is_open(db->connection))
		db->why_ended = *rows->err;
	return r;
}

void db_end(struct db_rows *rows)
{
	if (rows->statement != NULL)
		rows->db->driver->reset(rows->statement);
	rows->statement = NULL;
}

int64_t db_int(struct db_rows *rows, int column)
{
	return rows->db->driver->column_int(rows->statement, column);
}

const char *db_bytes(struct db_rows *rows, int column, struct arena *arena, size_t *ret_length)
{
	const char *bytes = rows->db->driver->column_text(rows->statement, column, ret_length);

	return arena_strndup(arena, bytes == NULL ? "" : bytes, *ret_length);
}

const char *db_text(struct db_rows *rows, int column, struct arena *arena)
{
	size_t length;

	return db_bytes(rows, column, arena, &length);
}

int db_run(struct db *db, struct err *err, const char *sql, const char *types, ...)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	va_list args;
	int r;

	va_start(args, types);
	r = begin(db, &rows, err, sql, types, args);
	va_end(args);
	if (r == 0)
		r = db_next(&rows);
	return r < 0 ? r : (int)db->driver->changes(db->connection);
}

int db_insert(struct db *db, struct err *err, int64_t *ret, const char *sql, const char *types, ...)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	va_list args;
	int r;

	va_start(args, types);
	r = begin(db, &rows, err, sql, types, args);
	va_end(args);
	if (r == 0)
		r = db_next(&rows);
	if (r == 0)
		*ret = db->driver->inserted(db->connection);
	return r;
}

int db_number(struct db *db, struct err *err, int64_t *ret, const char *sql, const char *types, ...)
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	va_list args;
	int r;

	va_start(args, types);
	r = begin(db, &rows, err, sql, types, args);
	va_end(args);
	if (r == 0)
		r = db_next(&rows);
	if (r == 0)
		return err_set(err, ERR_MISSING, "no such row");
	if (r == 1)
		*ret = db_int(&rows, 0);
	while (r == 1)
		r = db_next(&rows);
	return r;
}
