/* links: store model lib */
/* Databases of every earlier version, with a row in each table, brought to the version of this
 * program; and migrations that were released, which never change. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/store/schema.h"
#include "orchestrator/store/store.h"
#include "tests/lib/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct db *open_at(const char *path, size_t version)
{
	struct db *db = NULL;
	struct err err;

	assert_ok(db_open(&db_sqlite, path, &db, &err), &err);
	assert_ok(schema_migrate_to(db, version, &err), &err);
	return db;
}

static int64_t number(struct db *db, const char *literal)
{
	struct err err;
	int64_t value = -1;

	assert_ok(db_number(db, &err, &value, literal, ""), &err);
	return value;
}

/* Parents before children: a number is 1 everywhere, so what refers to a row refers to this one. */
static void fill_table(struct db *db, const char *table, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF(16 << 10);
	_cleanup_rows_ struct db_rows rows = { 0 };
	struct err err;
	int r;

	strbuf_printf(&sql, "INSERT OR REPLACE INTO %s VALUES(", table);
	assert_ok(db_begin(db, &rows, &err, "SELECT type FROM pragma_table_info($1)", "s", table),
		&err);
	for (const char *comma = ""; (r = db_next(&rows)) > 0; comma = ",")
		strbuf_printf(&sql, "%s%s", comma,
			str_equal(db_text(&rows, 0, arena), "TEXT") ? "'text'" : "1");
	assert_ok(r, &err);
	strbuf_puts(&sql, ")");
	assert_ok(db_exec(db, strbuf_text(&sql), &err), &err);
}

static void count_into(struct db *db, const char *table, const char *into)
{
	char sql[200];
	struct err err;

	(void)snprintf(sql, sizeof(sql), "INSERT INTO temp.%s SELECT '%s', count(*) FROM main.%s",
		into, table, table);
	assert_ok(db_exec(db, sql, &err), &err);
}

static void for_each_table(struct db *db, struct arena *arena,
	void (*visit)(struct db *db, const char *table, struct arena *arena))
{
	_cleanup_rows_ struct db_rows rows = { 0 };
	const char *tables[100];
	size_t count = 0;
	struct err err;

	assert_ok(db_begin(db, &rows, &err,
			  "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta'"
			  " AND name NOT LIKE 'sqlite%' ORDER BY rowid",
			  ""),
		&err);
	while (db_next(&rows) > 0 && count < countof(tables))
		tables[count++] = db_text(&rows, 0, arena);
	db_end(&rows);
	rows = (struct db_rows){ 0 };
	for (size_t i = 0; i < count; i++)
		visit(db, tables[i], arena);
}

static void count_before(struct db *db, const char *table, _unused_ struct arena *arena)
{
	count_into(db, table, "before");
}

static void count_after(struct db *db, const char *table, _unused_ struct arena *arena)
{
	count_into(db, table, "after");
}

static void upgrade_from(size_t version)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *path = mem_printf("%s/from-%zu.db", cases_folder(), version);
	struct db *db = open_at(path, version);
	struct err err;

	for_each_table(db, &arena, fill_table);
	assert_ok(db_exec(db, "CREATE TEMP TABLE before(name, n); CREATE TEMP TABLE after(name, n)",
			  &err),
		&err);
	for_each_table(db, &arena, count_before);
	assert_int_equal(number(db, "SELECT count(*) FROM temp.before WHERE n <> 1"), 0);
	assert_true(number(db, "SELECT count(*) FROM temp.before") >= 10);
	assert_ok(schema_migrate(db, &err), &err);
	for_each_table(db, &arena, count_after);
	assert_int_equal(
		number(db, "SELECT count(*) FROM temp.before LEFT JOIN temp.after USING(name)"
			   " WHERE before.n IS NOT after.n"),
		0);
	assert_int_equal(number(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(
		number(db,
			"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
		1);
	assert_int_equal(number(db, "SELECT max(version) FROM meta"), (int64_t)schema_version);
	db_close(db);
}

static void every_version_upgrades(_unused_ void **state)
{
	for (size_t version = 1; version < schema_version; version++)
		upgrade_from(version);
}

/* Version 8 kept the whole hash of a body. */
static void old_deliveries_are_still_known(_unused_ void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/hashes.db", cases_folder());
	struct inbox_row row = { .host = "h", .topic = "", .delivery = "two", .body = "{}" };
	_cleanup_free_ char *sql = NULL;
	struct db *db = open_at(path, 8);
	struct store *store = NULL;
	char digest[SHA256_HEX];
	struct inbox_id id;
	struct err err;

	codec_sha256_hex("{}", 2, digest);
	sql = mem_printf("INSERT INTO inbox(host, delivery, hash, body, state, attempts, "
			 "received_ms, due_ms, outcome) VALUES('h', 'one', '%s', '', 1, 0, 1, 1, "
			 "'')",
		digest);
	assert_ok(db_exec(db, sql, &err), &err);
	db_close(db);
	assert_ok(store_open(path, &clock_system, &store, &err), &err);
	row.length = 2;
	assert_err(store_inbox_put(store, &row, &id, &err), &err, ERR_EXISTS, "");
	row.body = "{ }";
	row.length = 3;
	assert_ok(store_inbox_put(store, &row, &id, &err), &err);
	store_close(store);
}

static void a_newer_one_is_refused(_unused_ void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/newer.db", cases_folder());
	struct db *db = open_at(path, schema_version);
	struct store *store = NULL;
	struct err err;

	assert_ok(db_exec(db, "INSERT INTO meta VALUES(9999)", &err), &err);
	db_close(db);
	assert_err(store_open(path, &clock_system, &store, &err), &err, ERR_CONFIG, "version 9999");
}

/* Others have databases that were made by it. */
static void released_ones_stay(_unused_ void **state)
{
	static const char path[] = "tests/golden/migrations.txt";
	_cleanup_strbuf_ struct strbuf found = STRBUF(64 << 10);
	bool updates = getenv("UPDATE_GOLDEN") != NULL;
	char kept[64 << 10] = "", digest[SHA256_HEX];
	FILE *file;

	for (size_t version = 1; version <= schema_version; version++) {
		const char *text = schema_migration(version);

		codec_sha256_hex(text, strlen(text), digest);
		strbuf_printf(&found, "%zu %s\n", version, digest);
	}
	file = fopen(path, updates ? "w" : "r");
	assert_non_null(file);
	if (updates)
		(void)fputs(strbuf_text(&found), file);
	else
		kept[fread(kept, 1, sizeof(kept) - 1, file)] = '\0';
	(void)fclose(file);
	if (!updates)
		assert_string_equal(strbuf_text(&found), kept);
}

int main(int argc, char **argv)
{
	CASE(every_version_upgrades);
	CASE(old_deliveries_are_still_known);
	CASE(a_newer_one_is_refused);
	CASE(released_ones_stay);
	return cases_run(argc, argv);
}
