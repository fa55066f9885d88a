# store: the memory. db_sqlite.c alone names SQLite; SQL text stands in the store_*.c files, once.
ARCHIVES += store
store_SRCS := $(addprefix orchestrator/store/,db.c db_sqlite.c schema.c store.c store_inbox.c store_pulls.c store_runs.c \
	store_jobs.c store_locks.c store_outbox.c store_deadlines.c store_record.c store_audit.c store_restore.c store_shelf.c \
	store_upkeep.c store_drift.c store_plan_sets.c store_follow_ups.c store_notices.c)
store_PKGS := sqlite3
