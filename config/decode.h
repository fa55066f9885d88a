/* A tree into a structure, by a table of keys. Owns: the list of what is wrong with a file. Must
 * not: know any key itself.
 *
 * The same table prints the reference page. All errors of a file come in one go, each with its
 * place, what was expected, and the nearest known key. */
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
	int64_t least, most;		   /* numbers, durations in ms, sizes in bytes */
	const char *const *words;	   /* CONFIG_WORD: NULL-ended */
	const struct config_key *keys;	   /* CONFIG_MAP: of the same structure */
	bool (*is_good)(const char *text); /* CONFIG_TEXT: more rules; or NULL */
	const char *expected;		   /* what is_good wants, for people */
	const char *fallback;		   /* as a person would write it */
	const char *help;
};

struct config_error {
	struct yaml_place at;
	const char *path, *message, *hint; /* never NULL; path and hint may be "" */
};

struct config_errors { /* zeroed is empty; freed by config_errors_release() */
	struct arena arena;
	struct config_error *list; /* by place */
	size_t count;		   /* of the list, which has an end: CONFIG_ERRORS_MAX */
	size_t found;
};

enum { CONFIG_ERRORS_MAX = 50 };

_printf_(5, 6) void config_complain(struct config_errors *errors, struct yaml_place at,
	const char *path, const char *hint, const char *format, ...);
void config_errors_release(struct config_errors *errors);
/* "file:line:col: path: message; hint", one a line, no line end after the last. */
void config_errors_text(const struct config_errors *errors, const char *file, struct strbuf *out);

/* keys end with a NULL name. Values that are not given, or are wrong, are left alone. */
void config_decode(const struct config_key *keys, const struct yaml_node *node, const char *path,
	void *into, struct arena *arena, struct config_errors *errors);
/* Markdown rows: key, type, default, meaning. */
void config_reference(const struct config_key *keys, const char *prefix, struct strbuf *out);
