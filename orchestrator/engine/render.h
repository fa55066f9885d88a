/* What people read on a pull request, as Markdown. Pure: a view in, parts under the host's limit
 * out. Everything that came from a plan, a branch or a person is escaped for the place it stands
 * in; no fence can be closed from inside, no mention pings, nothing imitates our own words. */
#pragma once
#include "orchestrator/engine/gates/gates.h"
#include "orchestrator/model/job.h"
#include "orchestrator/model/pull.h"
#include "orchestrator/model/run.h"
#include "orchestrator/model/told.h"
#include "orchestrator/store/records.h"

struct view_job {
	const struct job *job;
	int lock_place;	   /* 0: not waiting for a lock */
	int64_t lock_pull; /* number of the pull that holds it */
	const char *lock_author;
	int64_t lock_since_ms;
	int slot_place; /* place in the queue for a slot, 0: none */
	/* Of the policies that found something: who let it pass. NULL: nobody. */
	const struct gate_verdict *policies;
};

struct view {
	const struct pull *pull;
	const struct run *run;
	const struct view_job *jobs;
	size_t job_count;
	const struct gate_verdict *gate; /* plans; NULL while it is not yet known */
	const char *superseded_by;	 /* newer head, or NULL */
	const char *approvers;		 /* apply: "bob, carol" */
	struct told told;		 /* plans: of the configuration */
	const char **notes;		 /* what else must be said */
	size_t note_count;
	int64_t now_ms;
	size_t limit_bytes; /* of one comment of this host */
	bool has_folds;
	bool is_unguarded;  /* jobs of this server run without a sandbox */
	const char **wider; /* where its operator made the sandbox wider */
	size_t wider_count;
	const char *command_word; /* "sluice" */
	const char *marker;	  /* hidden first line: "<!-- MARKER -->"; part n > 1 has ":n" */
};

struct rendered {
	const char **parts; /* each below limit_bytes */
	size_t part_count;
};

void render_run(const struct view *view, struct arena *arena, struct rendered *ret);

/* One short comment: what was asked, why not, what to do. */
struct reply {
	const char *asked; /* "apply", as parsed; never the comment's raw text */
	const char *actor;
	const char *why;
	const char *next;
	const char *marker;
	bool is_unguarded;
};
const char *render_reply(const struct reply *reply, struct arena *arena);

/* The description of a commit status, below `limit` bytes. */
const char *render_status(const struct view *view, size_t limit, struct arena *arena);

/* Escapes for one place; appended to out. Exposed for their tests and fuzz target. */
struct strbuf;
void render_inline(struct strbuf *out, const char *text); /* running text and table cells */
void render_code(
	struct strbuf *out, const char *text); /* between backticks, longer than any inside */
void render_fence(struct strbuf *out, const char *info, const char *text, size_t length);
