/* The memory. Owns: the database and its one transaction. Must not: decide anything.
 *
 * All calls are synchronous on the loop's thread. The first write of a turn opens the transaction,
 * store_commit() ends it: everything that happened in one turn of the loop shares one commit.
 * store_mark()/store_undo() bracket one event, so that a failing event takes only its own writes
 * with it. Records are loaded into the caller's arena.
 *
 * A failing database (disk full, I/O error) makes the call fail with ERR_STORE; the caller undoes
 * the event and tries it again later. Nothing outside happens before store_commit() returned 0. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/drift.h"
#include "orchestrator/model/ids.h"
#include "orchestrator/model/job.h"
#include "orchestrator/model/pull.h"
#include "orchestrator/model/run.h"
#include "orchestrator/model/vcs_event.h"
#include "orchestrator/store/records.h"

struct store;

/* path: "<data>/sluice.db", or ":memory:". Runs the migrations. ERR_BUSY when another server has
 * the data folder. */
_must_check_ int store_open(
	const char *path, const struct clock *clock, struct store **ret, struct err *err);
void store_close(struct store *store); /* an open transaction is rolled back; NULL is fine */
/* Empties every table (simulation only; refuses a file). */
_must_check_ int store_wipe(struct store *store, struct err *err);

/* One moment of a database, as a new file; a server may work with it meanwhile. */
_must_check_ int store_copy(const char *from, const char *to, struct err *err);
/* Of a copy that comes to life: nothing that changes anything is done by itself. `made`: when. */
_must_check_ int store_after_restore(struct store *store, const char *made, struct err *err);

_must_check_ int store_commit(
	struct store *store, struct err *err); /* nothing open: nothing to do */
void store_rollback(struct store *store);
bool store_is_dirty(const struct store *store); /* a transaction is open */
/* Questions in between share one look at the database, until something is written. */
void store_look(struct store *store);
void store_look_away(struct store *store);
/* Another number than before: something was written since, or taken back. */
uint64_t store_version(const struct store *store);
_must_check_ int store_mark(struct store *store, struct err *err);
_must_check_ int store_keep(struct store *store, struct err *err); /* the mark's writes stay */
void store_undo(struct store *store);				   /* the mark's writes go */

/* ---- inbox: what came in, once
 * ------------------------------------------------------------------------------------ */
/* ERR_EXISTS when this delivery id or this very body of the same host was seen before. */
_must_check_ int store_inbox_put(struct store *store, const struct inbox_row *row,
	struct inbox_id *ret, struct err *err); /* of the row: host, topic, delivery, body */
/* The oldest unhandled row that is due, ERR_MISSING when there is none. */
_must_check_ int store_inbox_next(
	struct store *store, struct arena *arena, struct inbox_row *ret, struct err *err);
/* The body is dropped, the delivery id and hash stay to recognise repeats. outcome: a short word
 * for people. */
_must_check_ int store_inbox_done(
	struct store *store, struct inbox_id id, const char *outcome, struct err *err);
/* A failing event is tried again later; attempts are counted. */
_must_check_ int store_inbox_defer(
	struct store *store, struct inbox_id id, int64_t due_ms, struct err *err);
/* The row waits for something else than a second chance. */
_must_check_ int store_inbox_due(
	struct store *store, struct inbox_id id, int64_t due_ms, struct err *err);
/* When the first of the rows that are not handled is due; ERR_MISSING without one. */
_must_check_ int store_inbox_next_due(struct store *store, int64_t *ret_ms, struct err *err);
/* After a start nothing of what rows waited for is known any more: all are due. */
_must_check_ int store_inbox_reopen(struct store *store, struct err *err);

/* ---- repositories and pulls
 * --------------------------------------------------------------------------------------- */
_must_check_ int store_repo_upsert(struct store *store, const char *host, const char *name,
	const char *clone_url, struct repo_id *ret, struct err *err);
_must_check_ int store_repo_load(struct store *store, struct arena *arena, struct repo_id id,
	struct repo *ret, struct err *err);
_must_check_ int store_repo_list(struct store *store, struct arena *arena, struct repo **ret,
	size_t *ret_count, struct err *err);
_must_check_ int store_pull_insert(
	struct store *store, const struct pull *pull, struct pull_id *ret, struct err *err);
_must_check_ int store_pull_find(struct store *store, struct arena *arena, struct repo_id repo,
	int64_t number, struct pull *ret, struct err *err);
_must_check_ int store_pull_load(struct store *store, struct arena *arena, struct pull_id id,
	struct pull *ret, struct err *err);
_must_check_ int store_pull_list(struct store *store, struct arena *arena, enum pull_state state,
	int limit, struct pull **ret, size_t *ret_count,
	struct err *err); /* state 0: all, newest first */
_must_check_ int store_pull_set_head(struct store *store, struct pull_id id, const char *head,
	const char *pusher, int64_t head_ledger, struct err *err);
/* Of the head that stands there. */
_must_check_ int store_pull_set_pusher(
	struct store *store, struct pull_id id, const char *pusher, struct err *err);
_must_check_ int store_pull_set_base(
	struct store *store, struct pull_id id, const char *base_ref, struct err *err);
_must_check_ int store_pull_set_state(struct store *store, struct pull_id id, enum pull_state from,
	enum pull_state to, struct err *err); /* ERR_STALE */
_must_check_ int store_pull_set_plan_run(
	struct store *store, struct pull_id id, struct run_id run, struct err *err);

/* The standing row of a base branch (PULL_STANDING), made when there is none. */
_must_check_ int store_pull_standing(struct store *store, struct arena *arena, struct repo_id repo,
	const char *base_ref, struct pull *ret, struct err *err);
/* ERR_MISSING: nobody ever asked for a look at it. */
_must_check_ int store_pull_find_standing(struct store *store, struct repo_id repo,
	const char *base_ref, struct pull_id *ret, struct err *err);

/* ---- drift: when it is looked for, what was found ---- */
/* A rule that is new or changed begins at next_ms; one that stays as it was keeps its time. */
_must_check_ int store_drift_schedule_put(
	struct store *store, const struct drift_schedule_row *row, struct err *err);
_must_check_ int store_drift_schedule_move(
	struct store *store, int64_t id, int64_t next_ms, struct err *err);
_must_check_ int store_drift_schedule_drop(struct store *store, int64_t id, struct err *err);
_must_check_ int store_drift_schedule_list(struct store *store, struct arena *arena,
	struct drift_schedule_row **ret, size_t *ret_count, struct err *err);
/* ERR_EXISTS: this slot of this schedule was there before. */
_must_check_ int store_drift_slot_insert(
	struct store *store, const struct drift_slot_row *row, int64_t *ret, struct err *err);
_must_check_ int store_drift_slot_set_run(
	struct store *store, int64_t id, struct run_id run, struct err *err);
_must_check_ int store_drift_slot_set_rules(
	struct store *store, int64_t id, const char *rules, struct err *err);
/* Does somebody still look in a slot of this schedule that is younger than that? */
_must_check_ int store_drift_slot_is_open(struct store *store,
	const struct drift_schedule_row *schedule, int64_t since_ms, bool *ret, struct err *err);
/* The pull request that applied the project last, since it was looked at; ERR_MISSING. */
_must_check_ int store_drift_applied(struct store *store, const struct drift_subject_row *subject,
	int64_t *ret_number, struct err *err);
_must_check_ int store_drift_slot_set_partial(
	struct store *store, struct run_id run, struct err *err);
/* Its report, once. */
_must_check_ int store_drift_slot_end(
	struct store *store, int64_t id, const char *report, struct err *err);
_must_check_ int store_drift_slot_load(struct store *store, struct arena *arena, int64_t id,
	struct drift_slot_row *ret, struct err *err);
_must_check_ int store_drift_slot_of_run(struct store *store, struct arena *arena,
	struct run_id run, struct drift_slot_row *ret, struct err *err); /* ERR_MISSING */
/* Those that ended, newest first. */
_must_check_ int store_drift_slot_list(struct store *store, struct arena *arena, int limit,
	struct drift_slot_row **ret, size_t *ret_count, struct err *err);
/* The subject of a project, made when there is none; its name and environment are kept up. */
_must_check_ int store_drift_subject_get(struct store *store, struct arena *arena,
	const struct drift_subject_row *key, struct drift_subject_row *ret, struct err *err);
_must_check_ int store_drift_subject_set(
	struct store *store, const struct drift_subject_row *row, struct err *err);
_must_check_ int store_drift_subject_list(struct store *store, struct arena *arena,
	struct drift_subject_row **ret, size_t *ret_count, struct err *err);
/* What is open of a subject; resolved items are history. */
_must_check_ int store_drift_item_list(struct store *store, struct arena *arena, int64_t subject,
	struct drift_items *ret, struct err *err);
/* An id of 0 is a new row, which gets one. */
_must_check_ int store_drift_item_put(
	struct store *store, int64_t subject, struct drift_item *item, struct err *err);
_must_check_ int store_drift_item_load(struct store *store, struct arena *arena, int64_t id,
	int64_t *ret_subject, struct drift_item *ret, struct err *err);

/* ---- runs and jobs
 * ------------------------------------------------------------------------------------------------
 */
_must_check_ int store_run_insert(
	struct store *store, const struct run *run, struct run_id *ret, struct err *err);
_must_check_ int store_run_load(struct store *store, struct arena *arena, struct run_id id,
	struct run *ret, struct err *err);
/* Moves a run on and writes history. ERR_STALE when it is no longer in `from`. Final states set
 * ended_ms. */
_must_check_ int store_run_move(struct store *store, struct run_id id, enum run_state from,
	enum run_state to, const char *why, struct err *err);
_must_check_ int store_run_set_prepared(struct store *store, struct run_id id, const char *base,
	const char *tree, const char *prepared, struct err *err);
_must_check_ int store_run_set_told(
	struct store *store, struct run_id id, const char *told, struct err *err);
/* A person let these new commands run, for this head only. */
_must_check_ int store_release_put(struct store *store, struct pull_id pull, const char *head,
	const char *commands_hash, const char *actor, struct err *err);
_must_check_ int store_release_find(struct store *store, struct arena *arena, struct pull_id pull,
	const char *head, const char *commands_hash, const char **ret_actor,
	struct err *err); /* ERR_MISSING */
_must_check_ int store_run_set_failure(
	struct store *store, struct run_id id, const char *failure, struct err *err);
_must_check_ int store_run_list_pull(struct store *store, struct arena *arena, struct pull_id pull,
	bool only_active, struct run **ret, size_t *ret_count, struct err *err); /* oldest first */
/* Has the pull a run of this head with a number in between? */
_must_check_ int store_run_has_head(struct store *store, struct pull_id pull, const char *head,
	bool only_plans, int64_t above, int64_t below, bool *ret, struct err *err);
_must_check_ int store_run_list_recent(struct store *store, struct arena *arena, int limit,
	struct run **ret, size_t *ret_count, struct err *err);
_must_check_ int store_run_list_active(struct store *store, struct arena *arena, struct run **ret,
	size_t *ret_count, struct err *err);

_must_check_ int store_job_insert(
	struct store *store, const struct job *job, struct job_id *ret, struct err *err);
_must_check_ int store_job_load(struct store *store, struct arena *arena, struct job_id id,
	struct job *ret, struct err *err);
_must_check_ int store_job_move(struct store *store, const struct job *job, enum job_state to,
	const char *why, struct err *err);
_must_check_ int store_job_set_step(
	struct store *store, struct job_id id, const char *step, struct err *err);
_must_check_ int store_job_set_attempt(
	struct store *store, struct job_id id, int attempt, struct err *err);
/* outcome, failure, output, summary, plan_blob, log_blob, has_changes in one write. */
_must_check_ int store_job_set_result(struct store *store, const struct job *job, struct err *err);
_must_check_ int store_job_set_applied(struct store *store, struct job_id plan_job,
	struct err *err); /* ERR_STALE when used before */
/* How the newest apply of this plan stands; ERR_MISSING when there is none. */
_must_check_ int store_job_apply_state(
	struct store *store, const struct job *plan, enum job_state *ret, struct err *err);
_must_check_ int store_job_list_run(struct store *store, struct arena *arena, struct run_id run,
	struct job **ret, size_t *ret_count, struct err *err); /* by position */
/* The same with their states only: id, op, state, attempt, project, dir, workspace. */
_must_check_ int store_job_list_states(struct store *store, struct arena *arena, struct run_id run,
	struct job **ret, size_t *ret_count, struct err *err);
/* Of one state that is not final, of all pulls, oldest first: as much of them. */
_must_check_ int store_job_list_open(struct store *store, struct arena *arena, enum job_state state,
	int limit, struct job **ret, size_t *ret_count, struct err *err);
/* The same whole. */
_must_check_ int store_job_list_state(struct store *store, struct arena *arena,
	enum job_state state, int limit, struct job **ret, size_t *ret_count, struct err *err);
/* Waiting ones, oldest first: those that look for drift and whose time has come, or all others. */
_must_check_ int store_job_list_waiting(struct store *store, struct arena *arena, bool is_drift,
	int limit, struct job **ret, size_t *ret_count, struct err *err);
/* When the next of those that look for drift may begin; ERR_MISSING without one. */
_must_check_ int store_job_next_waiting(
	struct store *store, int64_t after_ms, int64_t *ret_ms, struct err *err);

/* ---- plan sets: rows that never change ---- */
/* The number of the next one. */
_must_check_ int store_plan_set_next(struct store *store, int64_t *ret, struct err *err);
_must_check_ int store_plan_set_insert(
	struct store *store, const struct plan_set_row *row, struct err *err);
_must_check_ int store_plan_set_of_run(struct store *store, struct arena *arena, struct run_id run,
	struct plan_set_row *ret, struct err *err); /* ERR_MISSING */
_must_check_ int store_policy_word_next(struct store *store, int64_t *ret, struct err *err);
_must_check_ int store_policy_word_put(
	struct store *store, const struct policy_word_row *row, struct err *err);
_must_check_ int store_policy_word_list(struct store *store, struct arena *arena,
	struct pull_id pull, struct policy_word_row **ret, size_t *ret_count,
	struct err *err); /* oldest first */

/* ---- locks: one row per project held, and the queue behind it
 * -------------------------------------------------------- */
/* Takes the lock or a place in its queue; *ret_place is 0 when it is held by this pull, else 1, 2,
 * ... Idempotent. */
_must_check_ int store_lock_take(struct store *store, struct repo_id repo, const char *dir,
	const char *workspace, struct pull_id pull, enum lock_mode mode, int *ret_place,
	struct err *err);
/* Releases the lock or the place in the queue; the first in the queue holds it then: *ret_next is
 * that pull or 0. */
_must_check_ int store_lock_release(struct store *store, struct repo_id repo, const char *dir,
	const char *workspace, struct pull_id pull, struct pull_id *ret_next, struct err *err);
/* Does anything of this pull still need the lock? An open job, a plan that is being selected; and,
 * unless its mode is LOCK_DISABLED, a plan with changes that may yet be applied and was made after
 * that time, or an apply that failed or of which nobody knows the end. Of the row it reads pull,
 * folder and workspace. */
_must_check_ int store_lock_is_needed(struct store *store, const struct lock_row *lock,
	int64_t planned_since_ms, bool *ret, struct err *err);
/* The number of another pull request that changed the project after this plan began, or 0. */
_must_check_ int store_project_changed(struct store *store, struct repo_id repo,
	const struct job *plan, int64_t *ret_number, struct err *err);
/* Something is at work under it that changes the world. */
_must_check_ int store_lock_is_in_use(struct store *store, struct pull_id pull, const char *dir,
	const char *workspace, bool *ret, struct err *err);
/* Does the pull wait for one that waits for it, over however many others? */
_must_check_ int store_lock_in_circle(
	struct store *store, struct pull_id pull, bool *ret, struct err *err);
/* What came to this pull is known: it is planned now. */
_must_check_ int store_lock_came(struct store *store, struct pull_id pull, struct err *err);
_must_check_ int store_lock_list_pull(struct store *store, struct arena *arena, struct pull_id pull,
	struct lock_row **ret, size_t *ret_count, struct err *err); /* held and queued */
_must_check_ int store_lock_list_project(struct store *store, struct arena *arena,
	struct repo_id repo, const char *dir, const char *workspace, struct lock_row **ret,
	size_t *ret_count, struct err *err); /* the holder, then the queue */
_must_check_ int store_lock_list(struct store *store, struct arena *arena, struct lock_row **ret,
	size_t *ret_count, struct err *err); /* all, queue order */

/* ---- outbox: what must happen outside
 * ------------------------------------------------------------------------------ */
/* A row of the same kind and key that is still open is replaced (newer state wins) instead of a
 * second one. */
_must_check_ int store_outbox_put(
	struct store *store, const struct outbox_row *row, struct err *err);
_must_check_ int store_outbox_due(struct store *store, struct arena *arena, int64_t now_ms,
	int limit, struct outbox_row **ret, size_t *ret_count, struct err *err);
_must_check_ int store_outbox_next_due(
	struct store *store, int64_t *ret_ms, struct err *err); /* ERR_MISSING */
_must_check_ int store_outbox_done(struct store *store, struct outbox_id id, int64_t version,
	struct err *err); /* version: stays open when replaced meanwhile */
_must_check_ int store_outbox_retry(
	struct store *store, struct outbox_id id, int64_t due_ms, const char *why, struct err *err);
/* No open row is due later than this: a clock may have jumped back since it was put off. */
_must_check_ int store_outbox_not_after(struct store *store, int64_t due_ms, struct err *err);
_must_check_ int store_outbox_fail(struct store *store, struct outbox_id id, const char *why,
	struct err *err); /* never tried again; kept */
/* After a restart: rows that were handed out and not answered are open again (the caller treats
 * REPEAT_NEVER first). */
_must_check_ int store_outbox_list_open(struct store *store, struct arena *arena,
	struct outbox_row **ret, size_t *ret_count, struct err *err);

/* ---- notices: what channels are told, behind rows of the outbox
 * --------------------------------------------------------------------- */
/* *ret_is_new: false when a row of this key was there before; then nothing is written. */
_must_check_ int store_notice_put(
	struct store *store, const struct notice_row *row, bool *ret_is_new, struct err *err);
_must_check_ int store_notice_load(struct store *store, struct arena *arena, const char *key,
	struct notice_row *ret, struct err *err);
_must_check_ int store_notice_move(
	struct store *store, const char *key, int part, const char *thread, struct err *err);
/* The newest version that any row of the outbox was given. */
int64_t store_outbox_version(const struct store *store);

/* ---- deadlines: timers that survive
 * ---------------------------------------------------------------------------------- */
_must_check_ int store_deadline_set(struct store *store, const char *kind, int64_t subject,
	int64_t due_ms, struct err *err); /* replaces */
_must_check_ int store_deadline_clear(
	struct store *store, const char *kind, int64_t subject, struct err *err);
_must_check_ int store_deadline_due(struct store *store, struct arena *arena, int64_t now_ms,
	struct deadline_row **ret, size_t *ret_count, struct err *err);
_must_check_ int store_deadline_next(
	struct store *store, int64_t *ret_ms, struct err *err); /* ERR_MISSING */

/* ---- follow-ups
 * ------------------------------------------------------------------------------------------------
 */
/* Of a run that has one already: nothing. */
_must_check_ int store_follow_up_open(
	struct store *store, const struct follow_up_row *row, struct err *err);
/* Those of a pull (0: of all) that are open, or reviewed since then too; oldest first. */
_must_check_ int store_follow_up_list(struct store *store, struct arena *arena, struct pull_id pull,
	int64_t reviewed_since_ms, struct follow_up_row **ret, size_t *ret_count, struct err *err);
/* ERR_MISSING: it is not open. */
_must_check_ int store_follow_up_close(struct store *store, struct run_id run, const char *reviewer,
	const char *said, struct err *err);

/* ---- ledger and audit: rows that never change
 * ------------------------------------------------------------------------ */
_must_check_ int store_ledger_append(
	struct store *store, const struct ledger_row *row, int64_t *ret_id, struct err *err);
_must_check_ int store_ledger_list_pull(struct store *store, struct arena *arena,
	struct pull_id pull, struct ledger_row **ret, size_t *ret_count,
	struct err *err); /* oldest first */
/* Was this comment or review seen before? Its id stands at the end of the row's detail. */
_must_check_ int store_ledger_has(struct store *store, struct pull_id pull,
	enum vcs_event_kind kind, const char *id, bool *ret, struct err *err);
_must_check_ int store_ledger_newest_ms(
	struct store *store, int64_t *ret_ms, struct err *err); /* now when empty */
_must_check_ int store_ledger_newest(
	struct store *store, int64_t *ret_id, struct err *err); /* 0 when empty */
/* hash = SHA-256(previous hash, all fields). Of the row: all but id, time and hash. */
_must_check_ int store_audit_append(
	struct store *store, const struct audit_row *row, struct err *err);
_must_check_ int store_audit_list(struct store *store, struct arena *arena,
	const struct audit_query *query, struct audit_row **ret, size_t *ret_count,
	struct err *err); /* oldest first */
/* At the moment query->to_ms; both lists are ordered by environment and subject. */
_must_check_ int store_audit_at(struct store *store, struct arena *arena,
	const struct audit_query *query, struct audit_moment *ret, struct err *err);
/* The newest of a run, kind, environment and subject; ERR_MISSING without one. */
_must_check_ int store_audit_last(struct store *store, struct arena *arena,
	const struct audit_row *like, struct audit_row *ret, struct err *err);
_must_check_ int store_audit_tip(struct store *store, struct audit_tip *ret, struct err *err);
/* Walks the chain on from a record that was walked over (0: from its begin), so many records at
 * most. ERR_STORE of the class PERM with the first bad one in ret->bad. */
_must_check_ int store_audit_verify(
	struct store *store, int64_t after, int64_t limit, struct audit_walk *ret, struct err *err);
_must_check_ int store_history_list(struct store *store, struct arena *arena, struct run_id run,
	struct history_row **ret, size_t *ret_count, struct err *err);

/* ---- upkeep: what may go
 * ------------------------------------------------------------------------------------------- */
/* A plan that may yet be applied or carried over, or a log of a job that ended after `logs_ms`. */
_must_check_ int store_blob_is_needed(
	struct store *store, const char *sha, int64_t logs_ms, bool *ret, struct err *err);
/* By a run that goes on, a job that runs, or the plan set of an open pull. */
_must_check_ int store_tree_is_needed(
	struct store *store, struct repo_id repo, const char *tree, bool *ret, struct err *err);
/* The job goes on, or was interrupted after `logs_ms` in this attempt: that is evidence. */
_must_check_ int store_job_dir_is_needed(struct store *store, struct job_id job, int attempt,
	int64_t logs_ms, bool *ret, struct err *err);
/* Events that were handled, and effects that were given up, before that time; some at a call. */
_must_check_ int store_prune(
	struct store *store, int64_t before_ms, int *ret_count, struct err *err);

/* ---- shelf: documents of the local host (ports/shelf.h)
 * --------------------------------------------------------------- */
_must_check_ int store_shelf_get(struct store *store, struct arena *arena, const char *key,
	const char **ret_body, struct err *err);
_must_check_ int store_shelf_put(
	struct store *store, const char *key, const char *body, struct err *err);
_must_check_ int store_shelf_list(struct store *store, struct arena *arena, const char *prefix,
	const char ***ret_bodies, size_t *ret_count, struct err *err);
_must_check_ int store_counter_next(
	struct store *store, const char *name, int64_t *ret, struct err *err);

/* Figures for /metrics and /readyz. */
_must_check_ int store_counts(struct store *store, struct store_counts *ret, struct err *err);
