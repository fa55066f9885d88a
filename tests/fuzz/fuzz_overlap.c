/* links: config model lib_regex lib_yaml lib */
/* Two patterns and a folder, a line each: patterns that both take the folder must be said to
 * overlap, and each overlaps itself. */
#include "config/overlap.h"
#include "config/words.h"
#include "orchestrator/lib/glob.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool takes(const char *pattern, const char *folder, struct arena *arena)
{
	struct glob glob;
	struct err err = { 0 };

	return word_is_folder(pattern) &&
	       glob_compile(GLOB_PATH, "", pattern, arena, &glob, &err) == 0 &&
	       glob_matches(&glob, folder);
}

/* As the file of a repository has them by then. */
static bool is_clean(const char *folder)
{
	return word_is_folder(folder) && folder[0] != '/' && !str_starts(folder, "./") &&
	       !str_ends(folder, "/") && !str_ends(folder, "/.") && strstr(folder, "//") == NULL &&
	       strstr(folder, "/./") == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	char *a = arena_strndup(&arena, (const char *)bytes, length), *b = strchr(a, '\n'), *text;
	long steps = OVERLAP_STEPS;

	if (b == NULL)
		return 0;
	*b++ = '\0';
	text = strchr(b, '\n');
	if (text == NULL)
		return 0;
	*text++ = '\0';
	if (!is_clean(a) || !is_clean(b) || !is_clean(text))
		return 0;
	if (takes(a, text, &arena) && takes(b, text, &arena) && !overlap_of(a, b, &steps))
		abort();
	steps = OVERLAP_STEPS;
	if (takes(a, text, &arena) && !overlap_of(a, a, &steps))
		abort();
	return 0;
}
