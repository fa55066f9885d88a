/* Private to the engine. */
#pragma once
#include "orchestrator/engine/chosen.h"
#include "orchestrator/engine/command.h"
#include "orchestrator/engine/engine.h"
#include "orchestrator/engine/flow.h"
#include "orchestrator/engine/projects.h"
#include "orchestrator/engine/recipes.h"
#include "orchestrator/engine/render.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/list.h"
#include "orchestrator/model/told.h"
#include "orchestrator/store/store.h"

#include <string.h>

/* Something that was told to the engine and waits for its turn. It is kept until the commit that
 * holds its consequences: a failed commit puts it back. */
enum posted_kind {
	POSTED_JOB_STARTED,
	POSTED_JOB_STEP,
	POSTED_JOB_ENDED,
	POSTED_JOB_EVENT, /* `flow` for the job: void, lost, start failed */
	POSTED_RUN_EVENT, /* `flow` for the run */
	POSTED_SENT,	  /* an effect was answered */
	POSTED_PULL,	  /* what a host says of an open pull (catch-up) */
	POSTED_PULL_GONE, /* a pull that ended unseen; `event.kind` says how */
	POSTED_PLAN_AGAIN,
	POSTED_LOCK_CAME, /* to a pull that waited for it */
	POSTED_LOCKS_OLD, /* a pull may have kept them too long */
	POSTED_WORD,	  /* a comment or review that a host knows (catch-up) */
	POSTED_FACTS,	  /* a gate wants to know something of a host, or the host answered */
	POSTED_ANSWERED,  /* a host said what a row of the inbox waits for */
};

struct posted {
	struct list in_queue;
	enum posted_kind kind;
	enum flow_event flow;
	struct run_id run;
	struct job_id job;
	struct pull_id pull;
	struct inbox_id inbox;
	int attempt;
	int tries;
	int64_t not_before_ms; /* monotonic */
	uint64_t transaction;  /* whose consequence it is, and with which it goes; 0: news */
	struct arena arena;    /* owns the strings below */
	struct job_result result;
	struct vcs_event event;
	const char *step;
	/* POSTED_SENT */
	struct outbox_id outbox;
	enum effect_kind effect;
	int64_t version;
	bool failed, then_again;
	int64_t retry_ms;
	struct err err;
	const char *key, *thread; /* of a notice */
	bool is_answer;		  /* POSTED_FACTS */
};

/* An effect that was handed to a host and not yet answered. */
struct flight {
	struct list in_engine;
	struct engine *engine;
	struct outbox_id outbox;
	enum effect_kind effect;
	struct run_id run;
	int64_t version;
	int calls; /* answers still to come, and one for the sender itself */
	int tries;
	int64_t retry_ms;
	bool failed;
	bool then_again; /* the effect itself comes after the answer */
	/* of a notice: what is told, what it was answered with, whose settings say to whom */
	char *key, *thread;
	struct settings *settings;
	struct err err;
	struct pull_id pull;
	char *head, *pusher; /* of EFFECT_PUSHER: asked for, and told; or NULL */
};

struct accept {
	struct list in_queue;
	engine_accepted_cb cb;
	void *owner;
	bool is_repeat;
};

/* A delivery as it was parsed when it came in, for the turn that follows: parsing it twice would
 * cost as much as all the rest. Forgotten at the end of that turn, because a failed commit gives
 * its number to another row. */
struct parsed {
	struct list in_engine;
	struct inbox_id inbox;
	struct arena arena;
	struct vcs_event event;
};

/* When a comment was last sent, and what stood in it: only to send less; a restart forgets it. */
struct sent_comment {
	struct list in_engine;
	struct run_id run;
	int64_t at_ms; /* monotonic */
	size_t parts;
	int edits;
};

/* One reading of server.yaml, and the first run that can have begun with it. */
struct generation {
	struct settings *settings; /* a reference */
	const char **words;	   /* commands.words, NULL-ended */
	int64_t first_run;
};

struct engine {
	struct store *store;
	struct engine_world world;	/* its settings: the newest generation */
	struct generation *generations; /* oldest first, at least one */
	size_t generation_count;
	struct list posted;  /* struct posted, to be handled */
	struct list handled; /* struct posted, handled but not yet committed */
	struct list accepts; /* struct accept */
	struct list flights;
	struct list sent_comments;
	struct list parsed;
	struct list known;
	struct list partials, listings, facts;
	struct shown_run *shown; /* only while things are sent */
	struct authors *authors;
	int64_t catchup_at_ms;			     /* monotonic */
	int64_t words_since_ms, next_words_since_ms; /* wall */
	size_t flight_count, sent_count, known_count, facts_count;
	int64_t old_effects; /* version of the newest row of the outbox that is of another process
			      */
	/* Jobs handed to the executor whose rows are not yet committed as sent. A failed commit
	 * brings the rows back, and they must not start the job a second time. */
	struct handed {
		struct outbox_id outbox;
		bool is_written; /* the row's end stands in the open transaction */
	} * handed;
	size_t handed_count, handed_room;
	/* Counts commits and roll-backs. What the engine posts while it works follows from writes
	 * that are not yet stored: when those are undone, it must not be handled, and what it
	 * follows from brings it again. */
	uint64_t transaction;
	bool is_working;
	bool inbox_may_have_rows;
	bool inbox_has_deferred; /* rows that are due later */
	bool slots_may_be_free;
	bool commit_is_urgent;	     /* somebody waits for it, or something must be sent */
	int64_t dirty_since_ms;	     /* monotonic: writes wait for a commit since then; 0: none */
	int64_t sweep_at_ms;	     /* monotonic: the broom goes on */
	int64_t schedules_at_ms;     /* monotonic: the next time of one comes, or may have */
	int64_t schedules_seen_ms;   /* wall: they were looked at; 0: not yet */
	int64_t spread_at_ms;	     /* wall: the rows are asked again who waits for a time... */
	bool has_spread;	     /* ...or one of them may begin */
	int64_t inbox_retry_ms;	     /* monotonic: a deferred event is due again; 0: none */
	int64_t store_sick_until_ms; /* monotonic: after a failed commit the engine rests */
	struct err sick;	     /* why it does */
	struct command_words words;
	struct executor_events events;
};

/* ---- engine.c ---- */
struct posted *engine_post(struct engine *engine, enum posted_kind kind);
void engine_post_job(struct engine *engine, struct job_id job, int attempt, enum flow_event event);
void engine_post_start_failed(struct engine *engine, const struct job *job, const struct err *err);
void engine_post_run(struct engine *engine, struct run_id run, enum flow_event event);
void engine_tell(struct engine *engine, bool is_problem, const char *what, const struct err *err);
static inline int64_t engine_now(const struct engine *engine)
{
	return clock_wall_ms(engine->world.clock);
}
static inline int64_t engine_monotonic(const struct engine *engine)
{
	return clock_monotonic_ms(engine->world.clock);
}
struct vcs_host *engine_host(const struct engine *engine, const char *name);

/* ---- record.c ---- */
_must_check_ int engine_audit(struct engine *engine, struct arena *arena, const char *kind,
	const char *actor, struct pull_id pull, struct run_id run, struct err *err,
	const char *format, ...) __attribute__((format(printf, 8, 9)));
/* Of one project: what it is begun with, and how it ended. */
_must_check_ int record_apply_started(
	struct engine *engine, struct arena *arena, const struct facts *facts, struct err *err);
_must_check_ int record_apply_ended(struct engine *engine, struct arena *arena,
	const struct facts *facts, enum job_state state, struct err *err);

/* ---- generations.c ---- */
/* What holds for a run: the settings it began with. */
const struct settings *engine_settings(const struct engine *engine, struct run_id run);
/* Do jobs of this server run without a sandbox? */
bool engine_is_unguarded(const struct engine *engine);
void generations_start(struct engine *engine, struct settings *settings);
void generations_free(struct engine *engine);

/* The event of a row that came in since the last turn, or NULL. */
const struct vcs_event *engine_parsed(const struct engine *engine, struct inbox_id id);

/* The inbox is looked at again after this time at the latest. */
void engine_look_again(struct engine *engine, int64_t delay_ms);
/* What the operator decided for this host; NULL for the embedded one. */
const struct host_settings *engine_host_settings(const struct engine *engine, const char *name);

/* ---- partials.c ---- */
/* Completes the event, or *ret_waits: its row must stay. */
_must_check_ int partial_pass(struct engine *engine, struct arena *arena, struct inbox_id id,
	struct vcs_event *event, bool *ret_waits, struct err *err);
_must_check_ int partial_answered(struct engine *engine, struct inbox_id id, struct err *err);
void partials_drop(struct engine *engine);
/* The row is looked at again after that time. */
_must_check_ int inbox_hold(struct engine *engine, struct inbox_id id, int64_t ms, struct err *err);

/* ---- deliveries.c: an inbox row -> ledger row and what follows ---- */
/* *ret_outcome is NULL when the row must stay: a host was asked first. */
_must_check_ int delivery_handle(struct engine *engine, struct arena *arena,
	const struct inbox_row *row, const char **ret_outcome, struct err *err);
/* Somebody who may write here can ask for a plan of a fork's pull request. */
bool forks_by_command(const struct engine *engine, const struct pull *pull);
/* The host's settings let this repository in. */
bool host_allows(const struct engine *engine, const struct vcs_event *event);
_must_check_ int pull_event_handle(struct engine *engine, struct arena *arena,
	const struct vcs_event *event, const char **ret_outcome, struct err *err);
_must_check_ int pull_close(struct engine *engine, struct arena *arena, struct pull *pull,
	enum pull_state to, const char *actor, struct err *err);

/* ---- commands.c ---- */
_must_check_ int command_handle(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct vcs_event *event, int64_t ledger, const char **ret_outcome, struct err *err);
_must_check_ int plan_request(struct engine *engine, struct arena *arena, struct pull *pull,
	const char *actor, const char *comment_id, const struct command *command, struct err *err);
/* The same plan once more, of the base as it is now. */
_must_check_ int plan_repeat(struct engine *engine, struct arena *arena, struct pull *pull,
	const struct run *old, struct err *err);
/* The plan failed for a reason that will pass. */
#define DEADLINE_PLAN  "plan-again"
#define DEADLINE_LOCKS "locks-expire"
_must_check_ int plan_later(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, int64_t *ret_wait, struct err *err);
_must_check_ int plan_again(
	struct engine *engine, struct arena *arena, struct pull_id id, struct err *err);
/* Every active plan run of the pull gets the event: superseded or cancel. */
_must_check_ int plans_end(struct engine *engine, struct arena *arena, struct pull_id pull,
	enum flow_event event, struct err *err);
_must_check_ int reply_put(struct engine *engine, struct arena *arena, const struct pull *pull,
	int64_t ledger, const struct reply *reply, struct err *err);

/* ---- apply_command.c ---- */
/* A command that a gate will answer waits until the host was asked what the gate must know. */
_must_check_ int gate_pass(struct engine *engine, struct arena *arena, struct inbox_id row,
	const struct vcs_event *event, bool *ret_waits, struct err *err);

/* ---- progress.c: one event to one run or job, through the table ---- */
_must_check_ int run_event(struct engine *engine, struct arena *arena, struct run_id id,
	enum flow_event event, const struct job_result *result, struct err *err);
_must_check_ int job_event(struct engine *engine, struct arena *arena, struct job_id id,
	int attempt, enum flow_event event, const struct job_result *result, struct err *err);
_must_check_ int run_say(struct engine *engine, const struct pull *pull, const struct run *run,
	bool is_urgent, struct err *err);

/* ---- begin.c: everything that must hold for what is begun once, and for some plans ---- */
/* Must something hold before this job begins? */
_must_check_ int begin_asks(const struct job *job, struct arena *arena, bool *ret, struct err *err);
/* Fills `gate`, is_usable and is_fresh; *ret_why says what is missing. */
_must_check_ int begin_read(struct engine *engine, struct arena *arena, struct facts *facts,
	struct gate_verdict *gate, const char **ret_why, struct err *err);
/* The same once more: between the commit that lets a job start and the moment it is handed over, a
 * host may have been slow. *ret_waits: a host is asked first. */
_must_check_ int begin_allowed(struct engine *engine, struct arena *arena, const struct job *job,
	bool *ret, bool *ret_waits, struct err *err);
/* The plan is used up, and the audit knows by whom. */
_must_check_ int begin_note(
	struct engine *engine, struct arena *arena, const struct facts *facts, struct err *err);
/* May the state of the project with this plan be changed by hand? */
_must_check_ int change_gate(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *plan, const char *actor, bool *ret_fresh,
	struct gate_verdict *ret, struct err *err);

/* ---- planned.c: git's answer -> what is planned ---- */
struct planned {
	bool is_early; /* hooks come first: only `prepared` is read */
	struct prepared prepared;
	struct repo_config config;
	struct selection selection;
	struct told told;	  /* what people are told beside the projects */
	const char *failure;	  /* why nothing can be planned: every error with its place */
	const char *moved_config; /* of moves: why they concern every project, or NULL */
};
/* ERR_CONFIG, ERR_LIMIT, ERR_SYNTAX: the people who wrote the change can mend it; `failure` says
 * how. */
_must_check_ int planned_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const json_t *answer, struct planned *ret, struct err *err);
/* The same of what the base branch became since the plan: whichever projects that concerns. */
_must_check_ int planned_read_moves(struct engine *engine, struct arena *arena,
	const struct pull *pull, const struct run *run, const json_t *answer, struct planned *ret,
	struct err *err);
/* Why the plan of this job is of files that the base branch has no more; NULL: it is not. */
const char *planned_moved(
	const struct planned *planned, const struct job *job, struct arena *arena);

/* ---- releases.c: new commands, and who lets them run ---- */
/* Projects that would run new commands which nobody has released are held. */
_must_check_ int releases_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct planned *planned, struct err *err);
/* Records the word of a person; *ret_why is set when it does not count. */
_must_check_ int release_commands(struct engine *engine, struct arena *arena,
	const struct pull *pull, const char *actor, const char **ret_why, const char **ret_next,
	struct err *err);

/* ---- drift.c: looks at projects that nobody changes ---- */
#define DEADLINE_DRIFT "drift" /* of a run */
/* Begins to look; a slot that was there before is looked at once. *ret is its run, or 0. */
_must_check_ int drift_request(struct engine *engine, struct arena *arena,
	const struct drift_slot_row *slot, int64_t within_ms, struct run_id *ret, struct err *err);
/* Of all projects those of the slot. */
_must_check_ int drift_choose(struct engine *engine, struct arena *arena, const struct run *run,
	struct planned *planned, struct err *err);
_must_check_ int drift_make_jobs(struct engine *engine, struct arena *arena,
	const struct pull *pull, const struct run *run, const struct planned *planned,
	struct err *err);
_must_check_ int drift_finish(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct err *err);
void drift_overdue(struct engine *engine, struct run_id run);

/* ---- drift_schedule.c: looks that come by themselves ---- */
/* Whoever planned or looked knows what the base branch says of its environments. */
_must_check_ int drift_learn(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct repo_config *config, struct err *err);
void drift_tick(struct engine *engine); /* every turn */

/* ---- locks.c ---- */
struct held { /* what one pull holds, or waits for */
	struct lock_row *locks;
	size_t count;
};
_must_check_ int held_read(struct engine *engine, struct arena *arena, struct pull_id pull,
	struct held *ret, struct err *err);
bool lock_is_held(const struct held *held, const struct job *job); /* of its project */
/* Those of all projects that are planned, or places in their queues, together. */
_must_check_ int locks_take(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct selection *selection, struct held *ret, struct err *err);
/* Those of plans that are to be applied: all, or none and *ret_why. Nobody queues. */
_must_check_ int locks_take_now(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct job *plans, size_t count, const char **ret_why, struct err *err);
enum lock_mode lock_mode_of(const struct job *plan, struct arena *arena);
/* A plan has ended: from now on its locks get older. */
_must_check_ int locks_will_expire(struct engine *engine, struct pull_id pull, struct err *err);
_must_check_ int locks_expire(
	struct engine *engine, struct arena *arena, struct pull_id id, struct err *err);
/* Gives way where others and this pull wait for each other. Of a selection, what is not in it is
 * given up. */
_must_check_ int locks_untangle(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct selection *selection, struct err *err);
_must_check_ int locks_tidy(
	struct engine *engine, struct arena *arena, struct pull_id pull, struct err *err);
/* The same for the project of a job that ended: it changes nothing for the others. */
_must_check_ int lock_tidy(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct job *job, struct err *err);
/* A pull that waits for nothing any more is planned again. */
_must_check_ int locks_came(
	struct engine *engine, struct arena *arena, struct pull_id id, struct err *err);

/* ---- jobs.c: the jobs of a run ---- */
_must_check_ int jobs_make_prepare(
	struct engine *engine, const struct pull *pull, const struct run *run, struct err *err);
_must_check_ int jobs_make_plans(struct engine *engine, struct arena *arena,
	const struct pull *pull, const struct run *run, const struct planned *planned,
	struct err *err);
/* Those whose files the base branch changed since are refused. */
_must_check_ int jobs_make_applies(struct engine *engine, struct arena *arena,
	const struct pull *pull, const struct run *run, const struct planned *moves,
	struct err *err);
/* ---- hooks.c ---- */
/* Do hooks go before everything that a plan reads? */
_must_check_ int hooks_go_first(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, bool *ret, struct err *err);
/* A job for the server's hooks before or after what the run does, if it has any. */
_must_check_ int hooks_add(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, bool is_after, bool *ret_added, struct err *err);

/* Of an import or a removal: the one project that its run names. */
_must_check_ int jobs_make_change(struct engine *engine, struct arena *arena,
	const struct pull *pull, const struct run *run, struct err *err);
/* Keeps of `jobs` those that -d, -w and -p choose. ERR_SYNTAX: a pattern is none. */
_must_check_ int jobs_choose(struct job *jobs, size_t *count, const char *dir,
	const char *workspace, const char *project, struct arena *arena, struct err *err);
/* The plan set of the newest head: its run, or ERR_MISSING; ERR_STALE: the state was changed by
 * hand since. */
_must_check_ int plan_set_load(struct engine *engine, struct arena *arena, const struct pull *pull,
	struct run *ret, struct job **ret_jobs, size_t *ret_count, struct err *err);

/* ---- deadlines.c ---- */
void deadlines_handle(struct engine *engine);

/* ---- upkeep.c ---- */
void upkeep_start(struct engine *engine);
void upkeep_turn(struct engine *engine);

/* ---- known.c: answers of git that need not be asked for again ---- */
void known_put(struct engine *engine, const struct pull *pull, const struct run *run,
	const struct prepared *prepared, const json_t *answer);
void known_forget(struct engine *engine, struct repo_id repo, const char *head);
void known_forget_all(struct engine *engine);
/* Where the base branch stands now, if the host can tell without asking anybody. */
bool known_tip(const struct engine *engine, const struct pull *pull, char ret[OID_HEX + 1]);
/* JSON of struct prepared, owned by the caller; NULL: git must be asked. */
json_t *known_answer(
	struct engine *engine, struct arena *arena, const struct pull *pull, const struct run *run);

/* ---- guards.c ---- */
enum {
	GUARD_OWNERS_MAX = 100
}; /* lines of CODEOWNERS: the host is asked about each of their teams */
/* enum requirement, with how the server wants them read. */
unsigned guard_requires(const struct repo_config *config, unsigned requires);
/* For the row of a plan's job; "" where nothing guards it but what guards all. */
const char *guard_of(const struct repo_config *config, const struct prepared *prepared,
	const struct project_config *project, struct arena *arena);

/* ---- plan_sets.c ---- */
_must_check_ int plan_set_record(struct engine *engine, struct arena *arena,
	const struct pull *pull, struct run_id id, struct err *err);
/* Are these plans of the run still what was written down, and young enough? *ret_problem is NULL
 * when they are. */
_must_check_ int plan_set_check(struct engine *engine, struct arena *arena,
	const struct run *plan_run, const struct job *jobs, size_t count, const char **ret_digest,
	const char **ret_problem, struct err *err);

/* ---- gathering.c ---- */
void authors_forget(struct engine *engine);

/* ---- facts.c ---- */
struct gate_needs { /* whom and which teams a gate asks about */
	struct name_list people, teams;
};
/* true: there is an answer to these very questions that is young enough; *ret is NULL when the host
 * said nothing, and *ret_problem why. false: an older answer or none, and the host is asked. */
bool facts_get(struct engine *engine, struct pull_id pull, const struct gate_needs *needs,
	int64_t max_age_ms, const struct host_facts **ret, const char **ret_problem);
/* The row of the inbox stays until there is an answer. */
_must_check_ int facts_hold(
	struct engine *engine, struct pull_id pull, struct inbox_id row, struct err *err);
void facts_send(struct engine *engine); /* after a commit */
_must_check_ int facts_answered(
	struct engine *engine, struct arena *arena, const struct posted *posted, struct err *err);
void facts_drop(struct engine *engine);

/* ---- gate.c ---- */
enum {
	FACTS_NOW_MS = 3000, /* right before something is begun */
	FACTS_SHOWN_MS = 600000,
};
struct gate_question {
	const struct job *plans; /* those that are to be applied; other jobs among them are none */
	size_t plan_count;
	const char *initiator;
	bool breaks_glass;	/* it cannot wait for the rules, says the initiator */
	unsigned also_requires; /* enum requirement: of an import, beside what applies require */
	int64_t max_age_ms;	/* of what the host said */
	bool *is_fresh;		/* NULL, or told: it is not older than that */
	const char *const *what_if; /* people who are taken to approve now */
	size_t what_if_count;
};
_must_check_ int gate_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, struct gate_verdict *ret,
	struct err *err);
/* The host is asked what the gate will want to know, where that is not fresh. */
_must_check_ int gate_ask(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, struct err *err);
/* What must hold before this job of a run makes its plan. */
_must_check_ int gate_read_plan(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, const struct job *job, bool *ret_fresh, struct gate_verdict *ret,
	struct err *err);
/* The same for people who look at it: also who must not be the one who asks. */
_must_check_ int gate_show(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct gate_question *question, struct gate_verdict *ret,
	struct err *err);
json_t *gate_as_json(
	const struct pull *pull, const struct gate_verdict *gate); /* owned by the caller */
const char *gate_counted(const struct gate_verdict *gate, struct arena *arena); /* "bob, carol" */

/* ---- break_glass.c ---- */
/* One project of such an apply begins. */
_must_check_ int break_glass_note(
	struct engine *engine, struct arena *arena, const struct facts *facts, struct err *err);

/* ---- policies.c ---- */
#define POLICIES_STATUS "policies" /* payload of a status */
struct policies_state {
	struct gate_verdict verdict; /* a row for each set that found something */
	struct gate_policy *sets;    /* the same sets, in the order of the rows */
	size_t set_count;
};
/* How the policies of one plan stand; as if `adding` let its findings pass now, unless that is
 * empty. Of the question only its age and freshness count. */
_must_check_ int policies_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *plan, const char *adding,
	const struct gate_question *question, struct policies_state *ret, struct err *err);
/* Writes an owner's word down, under the server's seal: only such words count. */
_must_check_ int policy_word_record(
	struct engine *engine, struct arena *arena, struct policy_word_row *row, struct err *err);
/* Says PREFIX/policy_check, where plans of the run are checked at all. */
_must_check_ int policies_status_put(struct engine *engine, struct arena *arena,
	const struct pull *pull, const struct run *run, struct err *err);
_must_check_ int policies_status_request(struct engine *engine, struct arena *arena,
	const struct outbox_row *row, struct host_request *request, struct err *err);

/* ---- slots.c ---- */
_must_check_ int slots_assign(
	struct engine *engine, struct arena *arena, int budget, struct err *err);
/* Has one that is begun once still the slot that it was handed over with? Where its start was tried
 * before, a staged one may have taken it. */
_must_check_ int slots_have_room(struct engine *engine, struct arena *arena, const struct job *job,
	bool *ret, struct err *err);

/* ---- spec.c ---- */
_must_check_ int spec_make(struct engine *engine, struct arena *arena, const struct job *job,
	struct job_spec *ret, struct err *err);

/* ---- effects.c ---- */
/* What a host did not take is tried again within minutes, whatever the clock did meanwhile. */
_must_check_ int effects_pull_in(struct engine *engine, struct err *err);
struct flight *flight_new(struct engine *engine, const struct outbox_row *row);
void flight_land(struct flight *flight); /* one call of it was answered */
int64_t effect_retry_wait(int attempts);
bool effects_send(struct engine *engine); /* true: there is more to send */
void effects_drop(struct engine *engine);
void effects_committed(struct engine *engine, bool is_committed);
_must_check_ int effect_answered(
	struct engine *engine, const struct posted *posted, struct err *err);
_must_check_ int effect_put(struct engine *engine, enum effect_kind kind, enum repeat_class class,
	const char *key, const struct pull *pull, struct run_id run, struct job_id job,
	const char *payload, int64_t delay_ms, struct err *err);

/* ---- apply_status.c ---- */
/* How many plans among these are neither without changes nor applied well; what the merge applies
 * is not among them (merges_read). */
_must_check_ int apply_left(
	struct engine *engine, const struct job *jobs, size_t count, size_t *ret, struct err *err);
/* An apply that left something is not the end. */
_must_check_ int apply_status_narrow(struct engine *engine, struct arena *arena,
	const struct run *run, struct host_request *request, struct err *err);
/* A plan ended: says what is to be applied, where nothing is or where another word stands. */
_must_check_ int apply_status_put(struct engine *engine, struct arena *arena,
	const struct pull *pull, const struct run *run, enum run_state state, struct err *err);
/* The commit of a merge queue is told what holds for its pull request. */
_must_check_ int group_status_put(struct engine *engine, struct arena *arena,
	const struct pull *pull, const char *head, struct err *err);
/* Makes of a run's status the one that the payload of its row means. */
_must_check_ int apply_status_request(struct engine *engine, struct arena *arena,
	const struct outbox_row *row, struct host_request *request, struct err *err);

/* ---- merges.c: projects whose apply is the merge ---- */
struct merges {
	size_t count; /* with changes */
	bool is_open; /* nothing holds them up; true as well when there are none */
	const char *missing;
};
_must_check_ int merges_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *plan_run, const struct job *jobs, size_t count, struct merges *ret,
	struct err *err);
/* What people said, or what is known of them, may have opened or closed the gate of a plan. */
_must_check_ int merges_say(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct err *err);

/* ---- automerge.c ---- */
/* Asks for the merge when everything of the pull request is applied and its configuration wants it.
 */
_must_check_ int automerge_consider(
	struct engine *engine, struct arena *arena, struct run_id id, struct err *err);
_must_check_ int automerge_request(struct engine *engine, struct arena *arena,
	const struct outbox_row *row, const struct pull *pull, struct host_request *ret,
	struct err *err);
/* What follows from the end of an effect: a status that the host has, a merge, a refusal. */
_must_check_ int automerge_answered(
	struct engine *engine, const struct posted *posted, struct err *err);
/* The host refused, and may not yet have seen what it refuses for. */
bool automerge_tries_again(const struct posted *posted);

/* ---- pushers.c ---- */
/* Who brought the head, by this event; VCS_SOMEBODY: it does not say. */
const char *pusher_of(const struct vcs_event *event);
/* Nobody told: the host is asked, where it can be. */
_must_check_ int pusher_ask(struct engine *engine, struct arena *arena, const struct pull *pull,
	const char *branch, struct err *err);
bool pusher_request(
	const struct outbox_row *row, const struct pull *pull, struct host_request *ret);
/* The host does not know yet, and may know soon. */
bool pusher_tries_again(const struct posted *posted);
_must_check_ int pusher_answered(
	struct engine *engine, const struct posted *posted, struct err *err);
/* How long a last word about this pull may wait for the answer: it is likely there at once. */
int64_t pusher_patience_ms(const struct engine *engine, const struct pull *pull);

/* ---- silence.c ---- */
_must_check_ int silence_read(struct engine *engine, struct arena *arena, const struct view *view,
	bool *ret, struct err *err);

/* ---- view.c ---- */
/* A run as its rows are, for its comment and its status, which mostly go out together. It is kept
 * while things are sent, and read anew when something was written since. */
struct shown_run {
	struct arena arena;
	uint64_t version; /* of the store */
	struct pull pull;
	struct run run;
	bool is_over; /* a newer run speaks in its place */
	bool is_read, has_gate;
	struct view view;
};
_must_check_ int view_open(
	struct engine *engine, struct run_id id, struct shown_run **ret, struct err *err);
void view_close(struct engine *engine);
/* `has_spoken`: there is a comment of this run, which must be kept true. */
_must_check_ int view_comment(struct engine *engine, struct arena *arena, struct shown_run *shown,
	const struct vcs_host *host, bool has_spoken, struct rendered *ret, struct err *err);
_must_check_ int view_status(struct engine *engine, struct arena *arena, struct shown_run *shown,
	const struct vcs_host *host, struct host_request *ret, struct err *err);
const char *view_marker(const struct run *run, struct arena *arena);

/* ---- recover.c ---- */
_must_check_ int recover_coldplug(struct engine *engine, struct err *err);

/* ---- catchup.c ---- */
#define CATCHUP_TOPIC "missed"
_must_check_ int catchup_begin(struct engine *engine, struct err *err);
void catchup_tick(struct engine *engine); /* every turn */
_must_check_ int catchup_word(
	struct engine *engine, struct arena *arena, const struct vcs_event *event, struct err *err);
_must_check_ int catchup_read(const char *bytes, size_t length, struct arena *arena,
	struct vcs_event *ret, struct err *err);
void listings_drop(struct engine *engine);
/* What comments and reviews consist of; texts into the arena. */
void word_copy(struct vcs_event *to, const struct vcs_event *from, struct arena *arena);
