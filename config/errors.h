/* What is wrong with a file, all of it in one go. Owns: the texts of the problems. Must not: know
 * what a file is about. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/yaml.h"

struct config_error {
	struct yaml_place at;
	const char *path, *message, *hint; /* never NULL; path and hint may be "" */
};

struct config_errors { /* zeroed is empty; freed by config_errors_release() */
	struct arena arena;
	struct config_error *list; /* by place after config_errors_sort() */
	size_t count;		   /* of the list, which has an end: CONFIG_ERRORS_MAX */
	size_t found;
};

enum { CONFIG_ERRORS_MAX = 50 };

_printf_(5, 6) void config_complain(struct config_errors *errors, struct yaml_place at,
	const char *path, const char *hint, const char *format, ...);
void config_errors_release(struct config_errors *errors);
void config_errors_sort(struct config_errors *errors);
/* "file:line:col: path: message; hint", one a line, no line end after the last. */
void config_errors_text(const struct config_errors *errors, const char *file, struct strbuf *out);

/* How many letters must be changed from one word to the other; 99 when one is long. */
size_t config_distance(const char *a, const char *b);

/* The nearest of the words offered so far to one that nobody knows. */
struct config_nearest {
	const char *wanted, *best;
	size_t distance;
};
struct config_nearest config_nearest(const char *wanted);
void config_nearest_offer(struct config_nearest *nearest, const char *word);
/* "did you mean "x"?", or "" when nothing is near. In the arena of the errors. */
const char *config_did_you_mean(struct config_errors *errors, const char *word);
