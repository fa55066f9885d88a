/* links: model lib_yaml lib */
/* Any bytes as a changed file: findings in order, on lines that there are, and the same each time.
 */
#include "orchestrator/model/plaintext.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.yaml", "a.json", "a.tf", ".env", "a" };
	const char *bytes = (const char *)data + 1;
	struct plaintext found, again;
	int lines = 1;

	if (size == 0)
		return 0;
	for (size_t i = 1; i < size; i++)
		lines += data[i] == '\n';
	plaintext_scan(names[data[0] % countof(names)], bytes, size - 1, &found);
	plaintext_scan(names[data[0] % countof(names)], bytes, size - 1, &again);
	if (found.count != again.count || found.count > PLAINTEXT_MAX)
		abort();
	for (size_t i = 0; i < found.count; i++) {
		const struct plaintext_finding *one = &found.list[i];

		/* YAML knows line breaks that we do not count */
		if (one->line < 1 || one->line > (int)size + 1 || one->mark != again.list[i].mark ||
			strlen(one->rule) == 0 ||
			(data[0] % countof(names) > 1 && one->line > lines))
			abort();
		if (i > 0 && one->line <= found.list[i - 1].line)
			abort();
	}
	return 0;
}
