/* Would GitHub let a pull request be merged, once our own statuses are green? Pure: the answer to
 * one question of GraphQL in, a verdict out.
 *
 * `mergeable_state` cannot say it: it is "blocked" by the very status that an apply makes green. So
 * every rule is looked at by itself: review decision, required reviews, required checks of branch
 * protection and of rulesets, required workflows. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include <jansson.h>

/* The question; its variables are owner, name, number, and where a further page begins: rules,
 * checks. */
extern const char github_mergeable_query[];
/* Is there more? And the two cursors behind which it lies. */
bool github_mergeable_next(const json_t *answer, const char **ret_rules, const char **ret_checks);
void github_mergeable_join(json_t *answer, const json_t *page);

struct github_mergeable {
	bool is_yes;
	bool is_approved;	/* by its own rules; with none, by anybody who may write */
	bool is_unknown;	/* GitHub is still looking: ask again */
	const char *why;	/* for people, when it is no */
	const char *needs_repo; /* "owner/name" whose number must be known first; or NULL */
};

/* `answer`: {"data": {"repository": {...}}}. `own`: contexts that begin with it and a slash are
 * ours, and left out. `repo_ids`: {"owner/name": number} of repositories that hold required
 * workflows. ERR_SYNTAX: the answer is none. */
_must_check_ int github_mergeable_read(const json_t *answer, const char *own,
	const json_t *repo_ids, struct arena *arena, struct github_mergeable *ret, struct err *err);
