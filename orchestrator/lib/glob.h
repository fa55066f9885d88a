/* Patterns over paths and names, in the three dialects that people who come to us already write.
 * Pure. A pattern is compiled once; matching takes at most stars x length steps, whatever the
 * pattern: patterns come out of pull requests. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

enum glob_dialect {
	/* when_modified and lists of files, as .dockerignore reads them: '*' and '?' stay inside a
	 * folder, "**" is any number of folders wherever it stands, [a-z] and [^a-z] are one
	 * character, '\' takes the meaning from the next one. A pattern that names a folder means
	 * all that is in it. In a list the order counts: '!' takes out what was taken in before. */
	GLOB_IGNORE,
	/* Folders (`dir`, `ignore_paths`, `discover`): as above, but "**" only where it is a whole
	 * part of the path, "a/" followed by "**" is "a" as well, and {x,y} is either. '!' means
	 * itself. */
	GLOB_PATH,
	/* Names of repositories: '*' is anything, also a '/'; capitals do not matter. In a list
	 * whatever a '!' pattern names is out, in any order. */
	GLOB_NAME,
};

enum { GLOB_BYTES_MAX = 1024, GLOB_STARS_MAX = 32, GLOB_BRACES_MAX = 64 };

struct glob {
	const char *text; /* as it was written */
	bool takes_out;	  /* began with '!' */
	bool ignores_case;
	struct glob_form { /* one, or one for each choice of braces */
		struct glob_token *tokens;
		size_t count;
	} * forms;
	size_t form_count;
};

struct glob_list {
	enum glob_dialect dialect;
	struct glob *globs;
	size_t count;
};

/* May this be a pattern at all? Only looks at the characters. */
bool glob_is_pattern(const char *text);

/* base: folder that the pattern is relative to, taken by its letters; "" or "." for the root.
 * ".." in the pattern goes up. ERR_SYNTAX says what is wrong with it. */
_must_check_ int glob_compile(enum glob_dialect dialect, const char *base, const char *text,
	struct arena *arena, struct glob *ret, struct err *err);
bool glob_matches(const struct glob *glob, const char *text);
/* What the stars took, in their order; each star takes as little as it can. `ret` has room for
 * GLOB_STARS_MAX. */
bool glob_captures(const struct glob *glob, const char *text, struct arena *arena, const char **ret,
	size_t *ret_count);

_must_check_ int glob_list_compile(enum glob_dialect dialect, const char *base, const char **texts,
	size_t count, struct arena *arena, struct glob_list *ret, struct err *err);
/* The pattern that takes this text in, or NULL when none does or another takes it out again. */
const struct glob *glob_list_find(const struct glob_list *list, const char *text);

/* glob_overlap.c: can both mean the same text? Exact, but that a class counts as any character;
 * also yes when it takes more than *steps to tell, which count down over many calls. */
bool glob_overlaps(const struct glob *a, const struct glob *b, long *steps);
