/* links: model lib */
/* Any bytes as CODEOWNERS, the first line as a path: what is found is one of the rules, and no
 * later one fits. */
#include "orchestrator/model/codeowners.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
	size_t length = end == NULL ? size : (size_t)(end - data);
	const struct codeowners_rule *rule;
	struct codeowners owners;
	struct err err = { 0 };
	const char *path;

	path = arena_strndup(&arena, (const char *)data, length);
	if (codeowners_read((const char *)data + length, size - length, &arena, &owners, &err) < 0)
		return err.text[0] == '\0' ? (abort(), 0) : 0;
	rule = codeowners_find(&owners, path);
	if (rule == NULL)
		return 0;
	if (rule < owners.rules || rule >= owners.rules + owners.rule_count ||
		rule->segment_count == 0)
		abort();
	/* alone it fits as well */
	if (codeowners_find(&(struct codeowners){ (struct codeowners_rule *)(uintptr_t)rule, 1 },
		    path) != rule)
		abort();
	return 0;
}
