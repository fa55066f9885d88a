/* Most pairs differ in their first letters; only the others are compiled. */
#include "config/overlap.h"

#include "orchestrator/lib/glob.h"

#include <string.h>

enum { COMPILE_STEPS = 200 }; /* what compiling costs, more or less */

static bool begin_apart(const char *a, const char *b)
{
	size_t plain = strcspn(a, "*?[{\\"), other = strcspn(b, "*?[{\\");

	return strncmp(a, b, plain < other ? plain : other) != 0;
}

bool overlap_of(const char *a, const char *b, long *steps)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob one, other;
	struct err err = { 0 };

	if (--*steps >= 0 && begin_apart(a, b))
		return false;
	*steps -= COMPILE_STEPS;
	if (*steps < 0 || glob_compile(GLOB_PATH, "", a, &arena, &one, &err) < 0 ||
		glob_compile(GLOB_PATH, "", b, &arena, &other, &err) < 0)
		return true;
	return glob_overlaps(&one, &other, steps);
}
