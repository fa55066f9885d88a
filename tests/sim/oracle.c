/* What must always hold, written again from the rules and not from the program: it reads only what
 * the world told and saw, and the lock rows. */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void oracle_wrong(struct world *world, const char *format, ...)
{
	va_list args;

	if (world->wrong != NULL)
		return;
	va_start(args, format);
	vsnprintf(world->wrong_text, sizeof(world->wrong_text), format, args);
	va_end(args);
	world->wrong = world->wrong_text;
	world_note(world, "WRONG: %s", world->wrong);
}

static const struct fake_job *planner_of(const struct world *world, const char *plan_blob)
{
	for (size_t i = 0; i < world->job_count; i++) {
		if (world->jobs[i].op == JOB_PLAN && world->jobs[i].told &&
			str_equal(world->jobs[i].plan_blob, plan_blob))
			return &world->jobs[i];
	}
	return NULL;
}

/* One more than else where nobody told who pushed. */
static int doubtful(const struct fake_pull *pull)
{
	return str_equal(pull->told_pusher, VCS_SOMEBODY) ? 1 : 0;
}

/* Somebody who neither wrote nor pushed nor is a bot or a reader, whose last word is an approval of
 * this head. */
static bool is_approved(const struct world *world, const struct fake_pull *pull, int64_t number)
{
	int count = 0;

	for (size_t i = 0; i < world->opinion_count; i++) {
		const struct fake_opinion *one = &world->opinions[i];
		bool is_last = true;

		for (size_t k = i + 1; k < world->opinion_count; k++)
			is_last = is_last &&
				  !(world->opinions[k].number == number &&
					  str_equal(world->opinions[k].person, one->person));
		if (one->number == number && is_last && one->kind == VCS_APPROVED &&
			str_equal(one->head, pull->told_head) &&
			!str_equal(one->person, pull->author) &&
			!str_equal(one->person, pull->told_pusher) &&
			!str_equal(one->person, "alice") && !str_equal(one->person, "bot") &&
			!str_equal(one->person, "reader"))
			count++;
	}
	return count > doubtful(pull);
}

static bool was_in_team(const struct world *world, const char *person)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct fake_member *one = &world->members[i];

		/* who left a moment ago may still be counted: the answer was true when it was given
		 */
		if (str_equal(one->name, person))
			return one->is_in ||
			       (one->left_ms > 0 &&
				       world->monotonic_ms - one->left_ms <= FACTS_GOOD_MS);
	}
	return false;
}

/* In a guarded folder: two people who count, one of them of the team, none of them who asked. */
static void check_guard(
	struct world *world, const struct job_spec *spec, const struct fake_pull *pull)
{
	static const char *const people[] = { "bob", "carol", "dave" };
	int count = 0, of_team = 0;

	if (!world->is_guarded || (!str_equal(spec->dir, "a") && !str_equal(spec->dir, "b")))
		return;
	for (size_t i = 0; i < countof(people); i++) {
		const struct fake_opinion *last = NULL;

		for (size_t k = 0; k < world->opinion_count; k++) {
			if (world->opinions[k].number == spec->number &&
				str_equal(world->opinions[k].person, people[i]))
				last = &world->opinions[k];
		}
		if (last == NULL || last->kind != VCS_APPROVED ||
			!str_equal(last->head, pull->told_head) ||
			str_equal(people[i], pull->author) ||
			str_equal(people[i], pull->told_pusher) ||
			str_equal(people[i], spec->actor))
			continue;
		count++;
		of_team += was_in_team(world, people[i]);
	}
	if (count < 2 + doubtful(pull))
		oracle_wrong(world, "a guarded apply starts with %d approvals that count", count);
	else if (of_team <= doubtful(pull))
		oracle_wrong(world, "a guarded apply starts without the team");
}

/* The last word of this person, if it is an approval of the newest head. */
static bool has_approved(const struct world *world, int64_t number, const char *person)
{
	const struct fake_opinion *last = NULL;

	for (size_t i = 0; i < world->opinion_count; i++) {
		if (world->opinions[i].number == number &&
			str_equal(world->opinions[i].person, person))
			last = &world->opinions[i];
	}
	return last != NULL && last->kind == VCS_APPROVED &&
	       str_equal(last->head, world->pulls[number].told_head);
}

static bool is_by_glass(struct world *world, const struct job_spec *spec)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job job;
	struct run run;
	struct err err;

	return store_job_load(world->store, &arena, spec->job, &job, &err) == 0 &&
	       store_run_load(world->store, &arena, job.run_id, &run, &err) == 0 &&
	       !str_empty(run.reason);
}

/* Of carol and dave one asks, and the other has approved; in a guarded folder, and nowhere else. */
static void check_glass(struct world *world, const struct job_spec *spec)
{
	const char *other = str_equal(spec->actor, "carol") ? "dave" : "carol";

	if (!world->is_guarded || (!str_equal(spec->dir, "a") && !str_equal(spec->dir, "b")))
		oracle_wrong(world, "the glass of %s is broken, where nobody may", spec->dir);
	else if (!str_equal(spec->actor, "carol") && !str_equal(spec->actor, "dave"))
		oracle_wrong(world, "%s breaks the glass", spec->actor);
	else if (!has_approved(world, spec->number, other))
		oracle_wrong(world, "%s breaks the glass alone", spec->actor);
	world->glasses++;
}

static bool is_change(const struct fake_job *job)
{
	return job->op == JOB_IMPORT || job->op == JOB_STATE_RM;
}

/* Nothing else that is begun once may be at work on the same project. */
static void check_alone(struct world *world, const struct job_spec *spec)
{
	for (size_t i = 0; i < world->job_count; i++) {
		const struct fake_job *other = &world->jobs[i];

		if (job_repeat_class(other->op) != REPEAT_NEVER ||
			(other->id == spec->job.v && other->attempt == spec->attempt))
			continue;
		if (other->id == spec->job.v && !other->was_void)
			oracle_wrong(world, "%s is begun twice", job_op_name(spec->op));
		if (str_equal(other->dir, spec->dir) &&
			(other->state == FAKE_ASKED || other->state == FAKE_RUNNING))
			oracle_wrong(world, "two jobs change one project at the same time");
	}
}

void oracle_change_starts(struct world *world, const struct job_spec *spec)
{
	const struct fake_pull *pull = &world->pulls[spec->number];

	if (!str_equal(pull->told_head, spec->head))
		oracle_wrong(world, "an import starts of a head that is not the newest");
	if (!pull->told_open)
		oracle_wrong(world, "an import starts of a pull request that is closed");
	if (spec->target_count == 0)
		oracle_wrong(world, "an import starts of nothing");
	check_alone(world, spec);
}

/* What was planned before the state was changed by hand is void. */
static bool is_void(const struct world *world, const struct fake_job *planner)
{
	for (size_t i = (size_t)(planner - world->jobs) + 1; i < world->job_count; i++) {
		if (is_change(&world->jobs[i]) && world->jobs[i].number == planner->number &&
			!world->jobs[i].was_void)
			return true;
	}
	return false;
}

/* Whatever the mode of its lock: nobody else has changed the project since it was planned. */
static void check_unchanged(
	struct world *world, const struct job_spec *spec, const struct fake_job *planner)
{
	for (size_t i = (size_t)(planner - world->jobs) + 1; i < world->job_count; i++) {
		const struct fake_job *other = &world->jobs[i];

		if (job_repeat_class(other->op) == REPEAT_NEVER && !other->was_void &&
			other->number != spec->number && str_equal(other->dir, spec->dir))
			oracle_wrong(world, "an apply starts with a plan from before pull %lld's",
				(long long)other->number);
	}
}

/* A run keeps the settings that it began with, unless a restart came between. */
void oracle_generation(struct world *world, const struct job_spec *spec)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	size_t i = world->reload_count - 1;
	struct job job;
	struct err err;

	if (store_job_load(world->store, &arena, spec->job, &job, &err) < 0)
		return; /* a disk that fails for a moment */
	while (i > 0 && world->reloads[i].after_run >= job.run_id.v)
		i--;
	if (spec->step_timeout_ms != world->reloads[i].generation)
		oracle_wrong(world, "a job of run %lld gets the settings of another generation",
			(long long)job.run_id.v);
}

void oracle_apply_starts(struct world *world, const struct job_spec *spec)
{
	const struct fake_pull *pull = &world->pulls[spec->number];
	const struct fake_job *planner = planner_of(world, spec->plan_blob);

	if (planner == NULL || planner->outcome != OUTCOME_OK)
		oracle_wrong(world, "an apply starts with a plan that nobody made");
	else if (planner->is_swept)
		oracle_wrong(world, "an apply starts with a plan that was thrown away");
	else if (!str_equal(planner->head, spec->head) || planner->number != spec->number ||
		 !str_equal(planner->dir, spec->dir))
		oracle_wrong(world, "an apply starts with the plan of something else");
	if (planner != NULL && is_void(world, planner))
		oracle_wrong(world, "an apply starts with a plan from before an import");
	if (planner != NULL)
		check_unchanged(world, spec, planner);
	if (!str_equal(pull->told_head, spec->head))
		oracle_wrong(world, "an apply starts of a head that is not the newest");
	if (!pull->told_open)
		oracle_wrong(world, "an apply starts of a pull request that is closed");
	if (is_by_glass(world, spec)) {
		check_glass(world, spec);
	} else {
		if (!is_approved(world, pull, spec->number))
			oracle_wrong(world, "an apply starts without an approval that counts");
		check_guard(world, spec, pull);
	}
	oracle_base(world, spec, planner);
	for (size_t i = 0; i < world->job_count; i++) {
		const struct fake_job *other = &world->jobs[i];

		if (other->op != JOB_APPLY ||
			(other->id == spec->job.v && other->attempt == spec->attempt))
			continue;
		if (str_equal(other->plan_blob, spec->plan_blob) && !other->was_void)
			oracle_wrong(world, "a plan is applied twice");
	}
	check_alone(world, spec);
}

/* What must have ended, and well, before this one: read from the rows of its run. */
static void check_earlier(struct world *world, const struct job_spec *spec, const struct job *other)
{
	bool is_later = (world->order == ORDER_GROUPS && strcmp(spec->dir, other->dir) > 0) ||
			(world->order == ORDER_ABORTS && !str_equal(spec->dir, "a") &&
				str_equal(other->dir, "a"));
	bool depends = (world->order == ORDER_DEPENDS || world->order == ORDER_ABORTS) &&
		       str_equal(spec->dir, "c") && str_equal(other->dir, "a");

	if (other->op == JOB_HOOKS && spec->op != JOB_HOOKS && other->state != JOB_DONE)
		oracle_wrong(world, "%s begins though the hooks did not end well", spec->dir);
	if (other->op != spec->op || other->id.v == spec->job.v)
		return;
	if ((is_later || depends) && !job_state_is_final(other->state))
		oracle_wrong(world, "%s begins before %s has ended", spec->dir, other->dir);
	if ((depends || (is_later && world->order == ORDER_ABORTS)) && other->state != JOB_DONE)
		oracle_wrong(world, "%s begins though %s did not end well", spec->dir, other->dir);
}

/* Where they do not go together, whoever stands before it in its group has ended, or waits for
 * another pull request. */
static void check_one_by_one(struct world *world, const struct job *job, const struct job *other)
{
	if (world->goes_together || other->op != job->op || job->op == JOB_HOOKS ||
		other->order_group != job->order_group || other->position >= job->position)
		return;
	if (!job_state_is_final(other->state) && other->state != JOB_BLOCKED)
		oracle_wrong(world, "%s begins beside %s", job->dir, other->dir);
}

/* c is applied only when a's plan has no changes or was applied, in this run or before. */
static void check_applied(struct world *world, const struct job_spec *spec, const struct run *run)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job *plans = NULL;
	size_t count = 0;
	struct err err;

	if (world->order != ORDER_DEPENDS && world->order != ORDER_ABORTS)
		return;
	if (!str_equal(spec->dir, "c") ||
		store_job_list_run(world->store, &arena, run->plan_run, &plans, &count, &err) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		bool is_applied = false;

		if (plans[i].op != JOB_PLAN || !str_equal(plans[i].dir, "a") ||
			!plans[i].has_changes)
			continue;
		for (size_t k = 0; k < world->job_count; k++)
			is_applied = is_applied ||
				     (world->jobs[k].op == JOB_APPLY && world->jobs[k].told &&
					     world->jobs[k].outcome == OUTCOME_OK &&
					     str_equal(
						     world->jobs[k].plan_blob, plans[i].plan_blob));
		if (!is_applied)
			oracle_wrong(world, "c is applied, and a, which it depends on, was not");
	}
}

/* What is planned is what the hooks have left, and not what they were given. */
static void check_hooked(struct world *world, const struct job_spec *spec)
{
	if (spec->op == JOB_PLAN && (spec->tree[0] == HOOKED) != world->has_hooks)
		oracle_wrong(world, "%s is planned in a tree that hooks %s seen", spec->dir,
			world->has_hooks ? "have not" : "have");
	if (spec->is_before && (str_empty(spec->base) || !base_is_tree(spec->tree, spec->head)))
		oracle_wrong(world, "hooks begin on something else than what git made");
}

void oracle_order(struct world *world, const struct job_spec *spec)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct job *jobs = NULL, job;
	size_t count = 0;
	struct run run;
	struct err err;

	if (store_job_load(world->store, &arena, spec->job, &job, &err) < 0 ||
		store_run_load(world->store, &arena, job.run_id, &run, &err) < 0 ||
		store_job_list_run(world->store, &arena, job.run_id, &jobs, &count, &err) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		check_earlier(world, spec, &jobs[i]);
		check_one_by_one(world, &job, &jobs[i]);
	}
	check_hooked(world, spec);
	if (spec->op == JOB_APPLY)
		check_applied(world, spec, &run);
}

/* The rows as they were read last: what nobody wrote since then is as it was. */
static struct {
	struct arena arena;
	struct lock_row *locks;
	size_t count;
	uint64_t version;
} seen;

static bool read_locks(struct world *world)
{
	struct err err;

	if (seen.version == store_version(world->store))
		return true;
	arena_release(&seen.arena);
	seen.version = 0;
	if (store_lock_list(world->store, &seen.arena, &seen.locks, &seen.count, &err) < 0)
		return false; /* a store that fails now and then is part of the world */
	seen.version = store_version(world->store);
	oracle_queues(world, seen.locks, seen.count);
	return true;
}

void oracle_step(struct world *world)
{
	if (!read_locks(world))
		return;
	for (size_t i = 0; i < world->job_count; i++) { /* a living change holds its lock */
		const struct fake_job *job = &world->jobs[i];
		bool is_held = false;

		if (job_repeat_class(job->op) != REPEAT_NEVER || job->state != FAKE_RUNNING)
			continue;
		for (size_t k = 0; k < seen.count; k++)
			is_held = is_held || (seen.locks[k].place == 0 &&
						     seen.locks[k].pull_number == job->number &&
						     str_equal(seen.locks[k].dir, job->dir));
		if (!is_held)
			oracle_wrong(world, "a change of %s runs without its lock", job->dir);
	}
}

static bool is_in_queue(struct world *world, struct pull_id pull)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct lock_row *locks = NULL;
	bool is_waiting = false;
	size_t count = 0;
	struct err err;

	if (store_lock_list_pull(world->store, &arena, pull, &locks, &count, &err) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		is_waiting = is_waiting || locks[i].place > 0;
	return is_waiting;
}

/* People have gone, nothing fails any more, and time has passed. */
void oracle_end(struct world *world)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct run *runs = NULL;
	struct pull *pulls = NULL;
	size_t run_count = 0, pull_count = 0;
	struct audit_walk walk;
	struct err err;

	if (store_run_list_active(world->store, &arena, &runs, &run_count, &err) < 0 ||
		store_pull_list(world->store, &arena, 0, 100, &pulls, &pull_count, &err) < 0) {
		oracle_wrong(world, "the store cannot be read at the end: %s", err.text);
		return;
	}
	for (size_t i = 0; i < run_count; i++) {
		struct job *jobs = NULL;
		size_t count = 0;
		bool is_blocked = false;

		if (store_job_list_run(world->store, &arena, runs[i].id, &jobs, &count, &err) < 0)
			continue;
		for (size_t k = 0; k < count; k++)
			is_blocked = is_blocked || jobs[k].state == JOB_BLOCKED;
		/* a queue may wait for ever for people; nothing else may */
		if (!is_blocked || !is_in_queue(world, runs[i].pull_id))
			oracle_wrong(world, "run %lld never ends (%s)", (long long)runs[i].id.v,
				run_state_name(runs[i].state));
	}
	for (size_t i = 0; i < pull_count; i++) {
		const struct fake_pull *real = &world->pulls[pulls[i].number];
		struct run *of_pull = NULL;
		size_t count = 0;
		bool is_planned = false;

		if (pulls[i].state != PULL_OPEN || !real->open)
			continue;
		if (store_run_list_pull(
			    world->store, &arena, pulls[i].id, false, &of_pull, &count, &err) < 0)
			continue;
		for (size_t k = 0; k < count; k++)
			world_note(world, "pull %lld run %lld: %s %s %.7s (real %.7s)",
				(long long)pulls[i].number, (long long)of_pull[k].id.v,
				run_kind_name(of_pull[k].kind), run_state_name(of_pull[k].state),
				of_pull[k].head, real->head);
		for (size_t k = 0; k < count; k++)
			is_planned = is_planned || (of_pull[k].kind == RUN_PLAN &&
							   str_equal(of_pull[k].head, real->head));
		if (!is_planned)
			oracle_wrong(world, "the newest head of pull %lld was never planned",
				(long long)pulls[i].number);
	}
	if (store_audit_verify(world->store, 0, INT64_MAX, &walk, &err) < 0)
		oracle_wrong(world, "%s", err.text);
}

void oracle_said(struct world *world)
{
	if (!engine_is_idle(world->engine))
		oracle_wrong(world, "something is still to be said");
	for (int64_t i = 1; i <= world->pull_count; i++) {
		const struct fake_pull *pull = &world->pulls[i];
		bool is_said = !pull->exists || !pull->open;
		char key[32], head[13];

		snprintf(key, sizeof(key), "%lld ", (long long)i);
		snprintf(head, sizeof(head), "%.12s", pull->head);
		for (size_t k = 0; k < world->marker_count && !is_said; k++)
			is_said = str_starts(world->markers[k], key) &&
				  strstr(world->markers[k], head) != NULL;
		if (!is_said)
			oracle_wrong(world, "nothing was said of the newest head of pull %lld",
				(long long)i);
	}
}
