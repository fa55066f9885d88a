/* Regular expressions of strangers. Owns: the only use of PCRE2. Must not: run for long.
 *
 * Patterns are searched for, not anchored, over UTF-8 text. A pattern that needs too many steps
 * ends in an error, never in a busy process. */
#pragma once
#include "orchestrator/lib/err.h"

struct regex;

enum { REGEX_PATTERN_MAX = 1000 };

/* ERR_SYNTAX says what is wrong with the pattern and where. *ret is owned by the caller. */
_must_check_ int regex_compile(
	const char *pattern, size_t length, struct regex **ret, struct err *err);
void regex_free(struct regex *regex);
/* The first match at or after `start`. *ret_from == *ret_to: an empty one; *ret_found false: none.
 * ERR_LIMIT: the pattern is too costly for this text. */
_must_check_ int regex_find(const struct regex *regex, const char *text, size_t length,
	size_t start, bool *ret_found, size_t *ret_from, size_t *ret_to, struct err *err);
_must_check_ int regex_matches(
	const struct regex *regex, const char *text, bool *ret_found, struct err *err);

static inline void regex_freep(struct regex **regex)
{
	regex_free(*regex);
}
#define _cleanup_regex_ _cleanup_(regex_freep)
