/* Rows that only the store and the engine know: inbox, outbox, locks, deadlines, ledger, audit,
 * history. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/model/drift.h"
#include "orchestrator/model/ids.h"
#include "orchestrator/model/job.h"
#include "orchestrator/model/repo_config.h"
#include "orchestrator/model/vcs_event.h"

struct inbox_row {
	struct inbox_id id;
	const char *host;
	const char *topic; /* what the delivery said beside its body, or "" */
	const char *delivery;
	const char *body;
	size_t length;
	int attempts;
	int64_t received_ms;
};

/* Numbers are on disk. */
enum effect_kind {
	EFFECT_JOB_START = 1, /* repeat class of the job's operation */
	EFFECT_JOB_CANCEL = 2,
	EFFECT_COMMENT =
		3, /* what stands in it is rendered when it is sent: the newest state wins */
	EFFECT_COMMENT_HIDE = 4,
	EFFECT_STATUS = 5,
	EFFECT_REACT = 6,
	EFFECT_REPLY = 7, /* a comment whose text is in `payload` (refusals, help) */
	EFFECT_TREE_DROP = 8,
	EFFECT_JOB_FORGET = 9,
	EFFECT_MERGE = 10,	   /* of the head that the run applied */
	EFFECT_BRANCH_DELETE = 11, /* of a pull that was merged */
	EFFECT_PUSHER = 12,	   /* a question: who brought the head? `payload` is its branch */
	EFFECT_LABEL = 13,	   /* `payload` on the pull */
	EFFECT_NOTICE = 14,	   /* to people who look at no pull request; `key` is of its row */
};

struct outbox_row {
	struct outbox_id id;
	int64_t version; /* grows when the row is replaced */
	enum effect_kind kind;
	enum repeat_class class;
	const char *key; /* "job:12", "comment:run:7", "status:<sha>:sluice/plan": one open row per
			    kind and key */
	struct pull_id pull;
	struct run_id run;
	struct job_id job;
	const char *payload; /* JSON or text, or "" */
	bool is_urgent; /* final states and refusals go first and are not held back by the edit rate
			 */
	int64_t due_ms;
	int attempts;
};

/* What one channel is told, in one message or several. */
struct notice_row {
	const char *key;    /* of what is told, and to whom: told once, whoever asks for it again */
	const char *target; /* notice_target(): which entry of the settings */
	const char *event, *subject;
	const char *parts;  /* JSON: a list of texts */
	int part;	    /* the next one */
	const char *thread; /* what the first was answered with, or "" */
	int64_t created_ms;
};

struct lock_row {
	int64_t id; /* of who came first is smaller */
	struct repo_id repo;
	const char *dir;
	const char *workspace;
	struct pull_id pull;
	int64_t pull_number;
	const char *repo_name;
	const char *author;
	int place; /* 0 holds it; 1 is next */
	int64_t since_ms;
	bool is_come; /* after a wait, and nothing was planned since */
	enum lock_mode mode;
};

/* Somebody let what a policy set found in one plan pass, or takes back what all others said of it.
 */
struct follow_up_row { /* an apply by break-glass, until somebody else has looked at it */
	struct run_id run;
	struct pull_id pull;
	const char *person, *reason;
	int64_t opened_ms;
	const char *reviewer, *said; /* "" while it is open */
	int64_t reviewed_ms;	     /* 0 while it is open */
	const char *repo;	     /* of the pull; these two are only read */
	int64_t number;
};

struct policy_word_row {
	int64_t id;
	struct pull_id pull;
	struct run_id run; /* of the plans */
	const char *dir, *workspace, *project, *policy_set;
	const char *person;
	const char *items; /* what was found, to compare with what is found later; "" */
	bool is_clear;
	const char *seal;
};

struct plan_set_row {
	int64_t id; /* the fencing number: only rises */
	struct pull_id pull;
	struct run_id run; /* that planned it */
	const char *head;
	const char *body, *digest; /* what it is made of, as JSON, and its SHA-256 */
	int64_t created_ms, expires_ms;
	const char *seal; /* over all of it (lib/seal.h) */
};

struct drift_schedule_row {
	int64_t id;
	struct repo_id repo;
	const char *base_ref, *environment;
	const char *rule; /* drift_rule as JSON (model/drift_rule.h) */
	int64_t next_ms;
};

struct drift_slot_row {
	int64_t id;
	struct repo_id repo;
	const char *base_ref, *environment; /* environment "": all that are looked at */
	int64_t slot_ms;
	const char *schedule; /* "" when somebody asked */
	const char *asked_by, *project;
	int missed; /* slots before it */
	struct run_id run;
	const char *rules; /* {"ENVIRONMENT": drift_rule} as the look found them */
	bool is_partial;
	const char *report; /* drift_report as JSON, or "" while it goes on */
	int64_t ended_ms;
};

struct drift_subject_row { /* one project of a base branch */
	int64_t id;
	struct repo_id repo;
	const char *base_ref, *dir, *workspace, *project, *environment;
	enum drift_outcome outcome; /* of the last look that was one; 0: there was none */
	const char *word, *text;
	int failures;
	int64_t last_ms, last_clean_ms;
};

struct deadline_row {
	const char *kind;
	int64_t subject;
	int64_t due_ms;
};

struct ledger_row {
	int64_t id;
	int64_t at_ms;
	enum vcs_event_kind kind;
	struct pull_id pull;
	const char *actor;
	bool actor_is_bot;
	bool actor_may_write;
	const char *head;   /* our newest head of this pull when we saw it: what the approval counts
			       for */
	const char *detail; /* comment id; of a review the head named by the host, a space, its id
			     */
};

enum { AUDIT_ROW_MAX = 1 << 20 };

/* What a project was begun with, and how it ended: rows with an environment and a subject. */
#define AUDIT_APPLY_STARTED "apply started"
#define AUDIT_APPLY_ENDED   "apply ended"
#define AUDIT_EXTERNAL	    "external change" /* done by hand, and told */

struct audit_row {
	int64_t id;
	int64_t at_ms;
	const char *kind;
	const char *actor;
	struct pull_id pull;
	struct run_id run;
	const char *detail; /* JSON text */
	const char *hash;
	const char *environment; /* of the project that it is about, or "" */
	const char *subject;	 /* that project: host, repository, folder, workspace; or "" */
};

struct audit_query {
	int64_t from_ms, after, to_ms; /* later than record `after` of `from_ms`; before `to_ms` */
	const char *environment, *subject; /* "": all */
	int limit;
};

/* How everything stood at one moment: of each project what ended last, and what had begun and not
 * ended. */
struct audit_moment {
	struct audit_row *ended, *running;
	size_t ended_count, running_count;
};

struct audit_tip {
	int64_t id; /* 0: nothing is on record */
	char hash[SHA256_HEX];
};

struct audit_walk {
	char before[SHA256_HEX]; /* of the record after which it goes on */
	int64_t count, last;	 /* records walked over, and the last of them */
	int64_t bad;		 /* the first that is not as it was written, or 0 */
	bool is_end;
};

struct history_row {
	int64_t at_ms;
	const char *subject; /* "run 7", "job 12" */
	const char *from, *to;
	const char *why;
};

struct store_counts {
	int64_t inbox_open, outbox_open, runs_active, jobs_waiting, jobs_blocked, jobs_running,
		pulls_open, locks_held;
};
