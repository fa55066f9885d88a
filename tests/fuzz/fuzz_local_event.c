/* links: vcs_local lib */
/* Any bytes as a delivery of the local host: an event whose texts have the promised form, or an
 * error with a text. */
#include "vcs/local/local_event.h"
#include "vcs/local/local_names.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct arena arena = { 0 };
	struct vcs_event event;
	struct err err = { 0 };
	int r = local_event_read((const char *)bytes, length, &arena, &event, &err);

	if (r < 0 && err.text[0] == '\0')
		abort();
	if (r == 0 && event.kind != VCS_IGNORED && event.kind != VCS_PING &&
		(!local_repo_is_valid(event.repo) || !local_person_is_valid(event.actor) ||
			!local_oid_is_valid(event.head) || !local_branch_is_valid(event.base_ref) ||
			event.number <= 0))
		abort();
	arena_release(&arena);
	return 0;
}
