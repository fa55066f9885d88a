/* What people should know though nothing failed; capped. */
#pragma once
#include "orchestrator/lib/arena.h"
#include <jansson.h>

struct warnings {
	struct arena arena;
	const char **items;
	size_t count;
	size_t left_out;
};

_printf_(2, 3) void warnings_add(struct warnings *warnings, const char *format, ...);
json_t *warnings_write(const struct warnings *warnings); /* owned by the caller */
void warnings_release(struct warnings *warnings);
