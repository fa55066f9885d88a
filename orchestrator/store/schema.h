/* Private to the store: the shape of the database. */
#pragma once
#include "orchestrator/store/db.h"

/* Brings an empty or older database to this program's shape. ERR_CONFIG when it is newer than the
 * program. */
_must_check_ int schema_migrate(struct db *db, struct err *err);
/* A database in memory is a simulation's: its ledger and audit may be emptied. */
_must_check_ int schema_allow_wipe(struct db *db, struct err *err);
extern const char *const schema_wipe[]; /* statements that empty it, NULL-ended */
