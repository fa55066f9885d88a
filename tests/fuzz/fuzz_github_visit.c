/* links: vcs_github model lib */
/* Any bytes as a browser's visit to the page of `sluice github-app`: a code only with our state,
 * and only one that may stand in an address. */
#include "vcs/github/github_manifest.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char state[] = "0123456789abcdef";
	struct arena arena = { 0 };
	struct github_visit visit;
	struct err err = { 0 };
	int r = github_visit_read(
		(const char *)bytes, length, "127.0.0.1:4141", state, &arena, &visit, &err);

	if (r < 0 && err.text[0] == '\0')
		abort();
	if (r == 0 && visit.kind == GITHUB_VISIT_CODE &&
		(!github_code_is_valid(visit.code) || memmem(bytes, length, state, 16) == NULL))
		abort();
	arena_release(&arena);
	return 0;
}
