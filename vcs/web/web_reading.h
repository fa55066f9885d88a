/* Private to the translations of webhooks, ours and ../gitea's: one body while it is read. */
#pragma once
#include "orchestrator/lib/err.h"
#include "vcs/web/web_event.h"

struct web_reading {
	const struct web_site *site;
	const json_t *body;
	struct arena *arena;
	struct vcs_event *event;
	struct err *err;
};

struct web_topic {		   /* one that matters, or why it does not */
	const char *name, *action; /* action NULL: any; name NULL: the end */
	enum vcs_event_kind kind;
	_must_check_ int (*read)(struct web_reading *reading); /* or NULL */
	const char *ignored_why;			       /* when there is nothing to read */
};

int web_malformed(struct err *err, const char *what);
int web_ignore(struct web_reading *reading, const char *why);
/* Parts of an event, from the place in the body that is named. */
_must_check_ int web_read_person(struct web_reading *reading, const char *path);
_must_check_ int web_read_repo(struct web_reading *reading);
_must_check_ int web_read_id(struct web_reading *reading, const char *path);
/* The pull request, its repository and the sender. */
_must_check_ int web_read_pull_event(struct web_reading *reading);
_must_check_ int web_read_closed(struct web_reading *reading);
_must_check_ int web_read_comment(struct web_reading *reading);
_must_check_ int web_read_nothing(struct web_reading *reading);
bool web_is_from_fork(const json_t *pull);
