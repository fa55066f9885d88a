/* Private to the translations of webhooks, ours and ../gitea's: one body while it is read. */
#pragma once
#include "orchestrator/lib/err.h"
#include "vcs/github/github_event.h"

struct github_reading {
	const struct github_site *site;
	const json_t *body;
	struct arena *arena;
	struct vcs_event *event;
	struct err *err;
};

struct github_topic {		   /* one that matters, or why it does not */
	const char *name, *action; /* action NULL: any; name NULL: the end */
	enum vcs_event_kind kind;
	_must_check_ int (*read)(struct github_reading *reading); /* or NULL */
	const char *ignored_why; /* when there is nothing to read */
};

int github_malformed(struct err *err, const char *what);
int github_ignore(struct github_reading *reading, const char *why);
/* Parts of an event, from the place in the body that is named. */
_must_check_ int github_read_person(struct github_reading *reading, const char *path);
_must_check_ int github_read_repo(struct github_reading *reading);
_must_check_ int github_read_id(struct github_reading *reading, const char *path);
/* The pull request, its repository and the sender. */
_must_check_ int github_read_pull_event(struct github_reading *reading);
_must_check_ int github_read_closed(struct github_reading *reading);
_must_check_ int github_read_comment(struct github_reading *reading);
_must_check_ int github_read_nothing(struct github_reading *reading);
bool github_is_from_fork(const json_t *pull);
