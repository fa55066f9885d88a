/* Drift: what a look at the world found of projects that nobody changes just now, how each finding
 * lives from one look to the next, and the report of one slot of a schedule. Numbers are on disk.
 *
 * No value of an attribute is in here, only the names of attributes: a report goes to chats, pages
 * and mail. Strings belong to the arena that the reader was given. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/ids.h"
#include <jansson.h>

enum {
	DRIFT_ITEMS_MAX = 200, /* of a project; what is more is counted */
	DRIFT_PATHS_MAX = 12,  /* of an item */
	DRIFT_WORDS_MAX = 100, /* owners of a project, channels of a report */
	DRIFT_PROJECTS_MAX = 5000,
	DRIFT_REPORT_MAX = 8 << 20, /* bytes of a report as JSON */
	DRIFT_HASH_HEX = 33,
};

enum drift_outcome { /* of a project: exactly one */
	DRIFT_CLEAN = 1,
	DRIFT_FOUND = 2,   /* the world is not what was applied */
	DRIFT_PENDING = 3, /* the base branch says more than was applied */
	DRIFT_BOTH = 4,
	DRIFT_ERROR = 5,   /* `word`: init, plan, timeout, lock, auth, prepare, result, ... */
	DRIFT_SKIPPED = 6, /* `word`: locked, applying, capacity, cancelled, kind */
};

enum drift_class {
	DRIFT_DELETED = 1,   /* outside: always high */
	DRIFT_CHANGED = 2,   /* outside: its attributes are others */
	DRIFT_UNAPPLIED = 3, /* the configuration wants it, and the world did not change: pending */
	DRIFT_CHECK = 4,     /* a check block failed */
	/* from here on informational: no reason to wake anybody */
	DRIFT_IGNORED = 5, /* ignore_changes or computed alone: a plan would leave it so */
	DRIFT_OUTPUT = 6,
	DRIFT_MOVED = 7,
	DRIFT_IMPORT = 8,
};

enum drift_action {
	DRIFT_UPDATE = 1,
	DRIFT_CREATE = 2,
	DRIFT_DELETE = 3,
	DRIFT_REPLACE = 4,
	DRIFT_NONE = 5,
};

/* What became of a finding in this look; also the state of its row. */
enum drift_life {
	DRIFT_NEW = 1,
	DRIFT_ALTERED = 2,	/* known before, with another fingerprint */
	DRIFT_RESOLVED = 3,	/* gone: `by` says what ended it */
	DRIFT_KNOWN = 4,	/* as it was told before */
	DRIFT_ACKNOWLEDGED = 5, /* somebody takes care of it; another fingerprint wakes it */
	DRIFT_SNOOZED = 6,	/* until `until_ms`, whatever it becomes */
	DRIFT_WATCHED = 7,	/* not seen often enough yet (notify_after_runs) */
	DRIFT_BASELINE = 8,	/* accepted as known noise; another fingerprint wakes it */
};

struct drift_item {
	int64_t id; /* of its row, "d12" for people; 0: it has none yet */
	const char *address, *type;
	enum drift_class class;
	enum drift_action action;
	const char **paths; /* "tags.owner"; at most DRIFT_PATHS_MAX */
	size_t path_count;
	int paths_left_out;
	const char **hashes; /* of each path, then of those left out; none in a report */
	size_t hash_count;
	const char *fingerprint; /* of attributes and values, under a key of the server */
	enum drift_life life;
	int64_t first_ms, last_ms; /* seen */
	int64_t ended_ms;	   /* DRIFT_RESOLVED */
	int64_t until_ms;	   /* acknowledged or snoozed; 0: for ever */
	int runs;		   /* in a row that saw it */
	const char *by, *reason;   /* who said so, and why; of a resolved one what ended it */
};

struct drift_items {
	struct drift_item *list;
	size_t count;
	int left_out;
};

/* One project in one slot. */
struct drift_project {
	const char *name, *dir, *workspace, *environment;
	enum drift_outcome outcome, before; /* before: of the last look, 0: there was none */
	const char *word, *text;	    /* of an error or a skip, for people; or "" */
	int failures;			    /* looks in a row that failed, this one with it */
	int64_t duration_ms;
	int64_t last_clean_ms; /* 0: never */
	int hidden;	       /* differences that ignore rules hid... */
	int hiding_rules;      /* ...so many rules */
	int informational;     /* items that wake nobody */
	const char **owners;   /* by CODEOWNERS of the base branch, "@acme/net" */
	size_t owner_count;
	struct drift_items items;
};

/* One slot of one schedule: an environment on a base branch of a repository. */
struct drift_report {
	int64_t id; /* of its row */
	const char *host, *repo, *base_ref, *base;
	const char *environment;
	const char *schedule; /* as the configuration says it, or "" when somebody asked */
	const char *asked_by;
	int64_t slot_ms, began_ms, ended_ms;
	int missed;	     /* slots before this one that nobody could look in */
	bool is_partial;     /* its time was over before all had been looked at */
	const char *text;    /* why nothing could be looked at, or "" */
	const char **notify; /* "slack:#platform": where the environment wants it told */
	size_t notify_count;
	struct drift_project *projects; /* errors first, then what was found, then the rest */
	size_t project_count;
};

const char *drift_outcome_name(enum drift_outcome outcome); /* "drift+pending" */
const char *drift_class_name(enum drift_class class);
const char *drift_action_name(enum drift_action action);
const char *drift_life_name(enum drift_life life);
static inline bool drift_is_informational(enum drift_class class)
{
	return class >= DRIFT_IGNORED;
}
/* Should a message about the slot name this item? */
static inline bool drift_is_news(const struct drift_item *item)
{
	return !drift_is_informational(item->class) &&
	       (item->life == DRIFT_NEW || item->life == DRIFT_ALTERED ||
		       item->life == DRIFT_RESOLVED);
}
/* Does the project belong into a message: an item that is news, or an error that was none before,
 * is over, or is there for the third time? */
bool drift_project_is_news(const struct drift_project *project);
bool drift_report_is_news(const struct drift_report *report);

_must_check_ int drift_items_read(
	const json_t *json, struct arena *arena, struct drift_items *ret, struct err *err);
json_t *drift_items_write(const struct drift_items *items); /* owned by the caller */
_must_check_ int drift_report_read(
	const json_t *json, struct arena *arena, struct drift_report *ret, struct err *err);
json_t *drift_report_write(const struct drift_report *report); /* owned by the caller */
