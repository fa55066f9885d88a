/* A tree into a structure, by a table of keys. The same table prints the reference page. All errors
 * of a file come in one go, each with its place, what was expected, and the nearest known key. */
#pragma once
#include "config/yaml.h"
#include "orchestrator/lib/strbuf.h"

enum config_type {
	CONFIG_TEXT,
	CONFIG_BOOL,
	CONFIG_INT,
	CONFIG_DURATION,
	CONFIG_SIZE,
	CONFIG_PATH,
	CONFIG_WORD,
	CONFIG_MAP
};

struct config_key {
	const char *name;
	enum config_type type;
	size_t offset;
	int64_t least, most;	       /* numbers, durations in ms, sizes in bytes */
	const char *const *words;      /* CONFIG_WORD: NULL-ended */
	const struct config_key *keys; /* CONFIG_MAP: of the same structure */
	const char *fallback;	       /* as a person would write it */
	const char *help;
};

struct config_errors {
	const char *file;
	struct strbuf text; /* one error a line */
	int count;
};

/* keys end with a NULL name. Values that are not given are left alone. */
void config_decode(const struct config_key *keys, const struct yaml_node *node, const char *path,
	void *into, struct arena *arena, struct config_errors *errors);
/* Markdown rows: key, type, default, meaning. */
void config_reference(const struct config_key *keys, const char *prefix, struct strbuf *out);
_printf_(3, 4) void config_complain(
	struct config_errors *errors, const struct yaml_node *at, const char *format, ...);
