/* Opening, the one transaction, and the lock that keeps a second server out. */
#include "orchestrator/store/private.h"

#include "orchestrator/lib/fault.h"
#include "orchestrator/store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

/* The file is ours alone from its first moment; the log beside it gets the same mode. */
static int make_private(const char *path, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(err, ERR_STORE, errno, "cannot open %s", path) : 0;
}

static int lock_folder(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *name = mem_printf("%s.lock", path);
	_cleanup_fd_ int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char pid[16] = "";

	if (fd < 0)
		return err_sys(err, ERR_STORE, errno, "cannot open %s", name);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, ERR_STORE, errno, "cannot lock %s", name);
		if (read(fd, pid, sizeof(pid) - 1) <= 0 || strspn(pid, "0123456789") != strlen(pid))
			(void)snprintf(pid, sizeof(pid), "unknown");
		return err_class_set(err, ERR_BUSY, ERR_CLASS_CONFIG,
			"another server (process %s) uses this data folder; stop it first, or give "
			"this one its own --data",
			pid);
	}
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return err_sys(err, ERR_STORE, errno, "cannot write %s", name);
	*ret_fd = steal_fd(&fd);
	return make_private(path, err);
}

int store_open_on(const struct db_driver *driver, const char *path, const struct clock *clock,
	struct store **ret, struct err *err)
{
	struct store *store = mem_alloc(sizeof(*store));
	int r = 0;

	store->clock = clock;
	store->lock_fd = -1;
	store->is_memory = str_equal(path, ":memory:");
	if (!store->is_memory)
		r = lock_folder(path, &store->lock_fd, err);
	if (r == 0)
		r = db_open(driver, path, &store->db, err);
	if (r == 0)
		r = schema_migrate(store->db, err);
	if (r == 0 && store->is_memory)
		r = schema_allow_wipe(store->db, err);
	if (r == 0)
		r = db_number(store->db, err, &store->outbox_version,
			"SELECT coalesce(max(version), 0) FROM outbox", "");
	if (r < 0) {
		store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

int store_open(const char *path, const struct clock *clock, struct store **ret, struct err *err)
{
	return store_open_on(&db_sqlite, path, clock, ret, err);
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_look_away(store);
	store_rollback(store);
	db_close(store->db);
	fd_closep(&store->lock_fd);
	free(store);
}

int store_wipe(struct store *store, struct err *err)
{
	int r;

	if (!store->is_memory)
		return err_set(err, ERR_REFUSED, "only a store in memory can be wiped");
	store_rollback(store);
	store->outbox_version = 0;
	r = store_begin(store, err);
	for (size_t i = 0; r >= 0 && schema_wipe[i] != NULL; i++)
		r = db_run(store->db, err, schema_wipe[i], "");
	if (r >= 0)
		r = db_run(store->db, err, "COMMIT", "");
	if (r < 0)
		store_rollback(store);
	store->is_open = false;
	return r < 0 ? r : 0;
}

/* A full or failing disk may make the database roll back not the one statement but the whole
 * transaction, and with it what earlier events of the turn wrote. From then on every write and the
 * commit must fail: a commit of the rest would tell those events that they are stored. */
static int whole(struct store *store, struct err *err)
{
	if (db_is_open(store->db))
		return 0;
	*err = *db_why_ended(store->db);
	err->class = ERR_CLASS_TEMP;
	return -ERR_STORE;
}

void store_look(struct store *store)
{
	struct err ignored; /* then each question looks for itself */

	if (!store->is_open && !store->is_looking)
		store->is_looking = db_run(store->db, &ignored, "BEGIN", "") >= 0;
}

void store_look_away(struct store *store)
{
	struct err ignored; /* nothing was written that could be lost */

	if (store->is_looking && db_is_open(store->db))
		(void)!db_run(store->db, &ignored, "COMMIT", "");
	store->is_looking = false;
}

int store_begin(struct store *store, struct err *err)
{
	int r;

	store->version++;
	if (store->is_open)
		return whole(store, err);
	if (fault_fails("store.busy"))
		return err_class_set(err, ERR_STORE, ERR_CLASS_TEMP,
			"database: begin: database is locked (simulated)");
	store_look_away(store);
	r = db_run(store->db, err, "BEGIN IMMEDIATE", "");
	store->is_open = r >= 0;
	return r < 0 ? r : 0;
}

int store_begin_due(struct store *store, struct next_due *due, struct err *err)
{
	due->is_known = false;
	return store_begin(store, err);
}

static void forget_read(struct store *store)
{
	store->version++;
	store->outbox_next.is_known = store->deadline_next.is_known = false;
}

int store_commit(struct store *store, struct err *err)
{
	int r;

	if (!store->is_open)
		return 0;
	fault_point("store.commit.before");
	r = whole(store, err);
	if (r == 0 && fault_fails("store.commit"))
		r = err_class_set(err, ERR_STORE, ERR_CLASS_TEMP,
			"database: commit: disk is full (simulated)");
	if (r == 0)
		r = db_run(store->db, err, "COMMIT", "");
	if (r < 0) {
		store_rollback(store);
		return r;
	}
	store->is_open = false;
	fault_point("store.commit.after");
	return 0;
}

void store_rollback(struct store *store)
{
	struct err ignored;

	forget_read(store);
	if (store->is_open && db_is_open(store->db))
		(void)!db_run(store->db, &ignored, "ROLLBACK", "");
	store->is_open = false;
}

bool store_is_dirty(const struct store *store)
{
	return store->is_open;
}

uint64_t store_version(const struct store *store)
{
	return store->version;
}

int store_mark(struct store *store, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = db_run(store->db, err, "SAVEPOINT event", "");
	return r < 0 ? r : 0;
}

int store_keep(struct store *store, struct err *err)
{
	int r = whole(store, err);

	if (r == 0)
		r = db_run(store->db, err, "RELEASE event", "");
	return r < 0 ? r : 0;
}

void store_undo(struct store *store)
{
	struct err ignored;

	forget_read(store);
	if (!store->is_open || whole(store, &ignored) < 0)
		return; /* all is undone; the commit will say so */
	if (db_run(store->db, &ignored, "ROLLBACK TO event", "") < 0 ||
		db_run(store->db, &ignored, "RELEASE event", "") < 0)
		(void)!db_run(store->db, &ignored, "ROLLBACK", "");
}

int store_found(int rows, struct err *err, const char *what, int64_t id)
{
	if (rows != 0)
		return rows < 0 ? rows : 0;
	return err_set(err, ERR_MISSING, "there is no %s %lld", what, (long long)id);
}
