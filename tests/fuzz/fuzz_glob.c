/* links: lib */
/* A pattern and a text, in each dialect: two lines. What matches as a whole has captures, and a
 * list of one pattern agrees with the pattern. */
#include "orchestrator/lib/glob.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	char *input = arena_strndup(&arena, (const char *)data, size), *text = strchr(input, '\n');

	if (text == NULL)
		return 0;
	*text++ = '\0';
	for (enum glob_dialect dialect = GLOB_IGNORE; dialect <= GLOB_NAME; dialect++) {
		const char *captures[GLOB_STARS_MAX], *one = input;
		struct glob_list list;
		struct err err;
		size_t count;
		bool matches;

		if (glob_list_compile(dialect, "base", &one, 1, &arena, &list, &err) < 0)
			continue;
		matches = glob_matches(&list.globs[0], text);
		if (matches != glob_captures(&list.globs[0], text, &arena, captures, &count))
			abort();
		if (matches && !list.globs[0].takes_out && glob_list_find(&list, text) == NULL)
			abort();
		for (size_t i = 0; i < count; i++) {
			if (strlen(captures[i]) > strlen(text))
				abort();
		}
	}
	return 0;
}
