/* Opening, the one transaction, and the lock that keeps a second server out. */
#include "orchestrator/store/private.h"

#include "orchestrator/lib/fault.h"
#include "orchestrator/store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

static int lock_folder(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *name = mem_printf("%s.lock", path);
	_cleanup_fd_ int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char pid[16] = "";

	if (fd < 0)
		return err_sys(err, ERR_STORE, errno, "cannot open %s", name);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (read(fd, pid, sizeof(pid) - 1) <= 0)
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
	return 0;
}

int store_open(const char *path, const struct clock *clock, struct store **ret, struct err *err)
{
	struct store *store = mem_alloc(sizeof(*store));
	int r = 0;

	store->clock = clock;
	store->lock_fd = -1;
	store->is_memory = str_equal(path, ":memory:");
	if (!store->is_memory)
		r = lock_folder(path, &store->lock_fd, err);
	if (r == 0)
		r = db_open(&db_sqlite, path, &store->db, err);
	if (r == 0)
		r = schema_migrate(store->db, err);
	if (r < 0) {
		store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_rollback(store);
	db_close(store->db);
	fd_closep(&store->lock_fd);
	free(store);
}

int store_wipe(struct store *store, struct err *err)
{
	char sql[64];
	int r = 0;

	if (!store->is_memory)
		return err_set(err, ERR_REFUSED, "only a store in memory can be wiped");
	store_rollback(store);
	for (size_t i = 0; r == 0 && schema_tables[i] != NULL; i++) {
		(void)snprintf(sql, sizeof(sql), "DELETE FROM %s", schema_tables[i]);
		r = db_exec(store->db, sql, err);
	}
	return r < 0 ? r : db_exec(store->db, "UPDATE audit_tip SET id = 0, hash = ''", err);
}

int store_begin(struct store *store, struct err *err)
{
	int r;

	if (store->is_open)
		return 0;
	r = db_exec(store->db, "BEGIN IMMEDIATE", err);
	store->is_open = r == 0;
	return r;
}

int store_commit(struct store *store, struct err *err)
{
	int r;

	if (!store->is_open)
		return 0;
	fault_point("store.commit.before");
	r = db_exec(store->db, "COMMIT", err);
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

	if (store->is_open) /* fails when a failed commit has rolled back by itself: the same end */
		(void)!db_exec(store->db, "ROLLBACK", &ignored);
	store->is_open = false;
}

bool store_is_dirty(const struct store *store)
{
	return store->is_open;
}

int store_mark(struct store *store, struct err *err)
{
	int r = store_begin(store, err);

	return r < 0 ? r : db_exec(store->db, "SAVEPOINT event", err);
}

int store_keep(struct store *store, struct err *err)
{
	return db_exec(store->db, "RELEASE event", err);
}

void store_undo(struct store *store)
{
	struct err ignored;

	/* When the database rolled everything back by itself (disk full), there is no savepoint
	 * left to go to. */
	if (db_exec(store->db, "ROLLBACK TO event; RELEASE event", &ignored) < 0)
		store_rollback(store);
}

int store_found(int rows, struct err *err, const char *what, int64_t id)
{
	if (rows != 0)
		return rows < 0 ? rows : 0;
	return err_set(err, ERR_MISSING, "there is no %s %lld", what, (long long)id);
}
