/* CODEOWNERS: who must look at which files. Pure. The rules are GitHub's, which Gitea follows: the
 * last line that fits wins; a line without owners takes them away; a line that cannot be read is as
 * if it were not there. Patterns are those of .gitignore without "!", "[ ]" and an escaped "#", and
 * "docs/" followed by a star means the files of that folder alone. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

enum {
	CODEOWNERS_BYTES_MAX = 3 << 20, /* a larger one is not read by GitHub either */
	CODEOWNERS_RULES_MAX = 20000,
	CODEOWNERS_OWNERS_MAX = 200, /* of one line */
};

struct codeowners_rule {
	const char **segments; /* of the pattern; "**" stands for any folders */
	size_t segment_count;
	bool only_folders;   /* it ended in a slash: what lies inside */
	bool only_files;     /* it ended in a lone star: nothing deeper */
	const char **owners; /* "@user", "@org/team", "mail@example.org"; none: nobody */
	size_t owner_count;
	int line;
};

struct codeowners {
	struct codeowners_rule *rules;
	size_t rule_count;
};

/* Where the file may stand; the first that is there counts. NULL-ended. */
extern const char *const codeowners_places[];

/* ERR_LIMIT: it is larger than can be taken. */
_must_check_ int codeowners_read(const char *text, size_t length, struct arena *arena,
	struct codeowners *ret, struct err *err);
/* The rule for a path; NULL when none fits. */
const struct codeowners_rule *codeowners_find(const struct codeowners *owners, const char *path);
