/* Every secret that this process knows, and texts without them: whatever leaves the process (log,
 * comment, status, page, answer) goes through here. Owns the one mask of the process. */
#pragma once
#include "orchestrator/lib/mask.h"

void secrets_add(const char *value); /* NULL and "" are passed over */
/* The same for what lives no longer than `owner`, such as a job: until secrets_return(owner). */
void secrets_lend(int64_t owner, const char *value);
void secrets_return(int64_t owner);
/* Owned by the caller. *ret_hits, if not NULL, grows by the number of places that were hidden. */
char *secrets_hide(const char *text, size_t *ret_hits);
bool secrets_are_known(void); /* false: nothing to hide yet */
