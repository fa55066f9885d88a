/* Private to the store. */
#pragma once
#include "orchestrator/store/db.h"
#include "orchestrator/store/store.h"

/* When the next row of a table is due: asked for twice in each turn, and it rarely changes. */
struct next_due {
	bool is_known; /* forgotten with each write to the table, and when writes are undone */
	int64_t ms;    /* INT64_MAX: no row */
};

struct store {
	struct db *db;
	const struct clock *clock;
	int lock_fd;
	bool is_open; /* a transaction, or one that the database gave up and nobody has heard of */
	bool is_looking; /* a transaction that only reads */
	bool is_memory;
	uint64_t version;	/* counts what was begun and taken back */
	int64_t outbox_version; /* the newest that was given */
	struct next_due outbox_next, deadline_next;
};

/* store_open() with a driver of the caller's choice. */
_must_check_ int store_open_on(const struct db_driver *driver, const char *path,
	const struct clock *clock, struct store **ret, struct err *err);

/* Called first by everything that writes: the transaction opens lazily. */
_must_check_ int store_begin(struct store *store, struct err *err);
/* The same for a write that may change what is due next. */
_must_check_ int store_begin_due(struct store *store, struct next_due *due, struct err *err);
static inline int64_t store_now(const struct store *store)
{
	return clock_wall_ms(store->clock);
}
/* 0 -> ERR_MISSING "there is no WHAT ID" */
_must_check_ int store_found(int rows, struct err *err, const char *what, int64_t id);
_must_check_ int store_history(struct store *store, int64_t run, const char *subject,
	const char *from, const char *to, const char *why, struct err *err);
