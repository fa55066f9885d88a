/* Private to the store: the shape of the database. */
#pragma once
#include "orchestrator/store/db.h"

/* Brings an empty or older database to this program's shape. ERR_CONFIG when it is newer than the
 * program. */
_must_check_ int schema_migrate(struct db *db, struct err *err);
extern const size_t schema_version; /* of this program */
/* The same up to `version`: what a program of that time left behind. */
_must_check_ int schema_migrate_to(struct db *db, size_t version, struct err *err);
/* What brings a database from `version` - 1 to `version`; from 1 on. */
const char *schema_migration(size_t version);
/* A database in memory is a simulation's: its ledger and audit may be emptied. */
_must_check_ int schema_allow_wipe(struct db *db, struct err *err);
extern const char *const schema_wipe[]; /* statements that empty it, NULL-ended */
