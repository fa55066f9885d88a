/* Once a day the tip of the record goes where the database is not: into the log, and into a file of
 * its own. Whoever rewrites the whole chain cannot rewrite those lines where they were shipped to.
 */
#pragma once
#include "orchestrator/lib/loop.h"
#include "orchestrator/store/store.h"

#define ANCHORS_FILE                                                                               \
	"anchors.ndjson" /* in the data folder: {"at", "record", "hash"} on each line */

struct anchors;
struct anchors *anchors_new(struct loop *loop, struct store *store, const char *data_dir);
void anchors_free(struct anchors *anchors); /* NULL is fine */
