/* What the record keeps: each decision as a sentence for people, and of an apply the evidence as
 * well: who asked, whose word counted under which rule, what the plan was, which resources it
 * changed and how, and how it ended. Never a value of an attribute: those who read the record need
 * not be those who may see what is in production. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/plan_summary.h"
#include "orchestrator/model/project_guard.h"

#include <stdarg.h>
#include <stdio.h>

enum { ADDRESS_MAX = 300 };

static int record(struct engine *engine, struct audit_row *row, const char *text, json_t *evidence,
	struct err *err)
{
	_cleanup_json_ json_t *json = json_pack("{s:o}", "text", jsonx_any(text));
	_cleanup_free_ char *detail = NULL;

	if (evidence != NULL)
		json_object_set_new(json, "evidence", evidence);
	row->detail = detail = jsonx_text(json);
	return store_audit_append(engine->store, row, err);
}

int engine_audit(struct engine *engine, struct arena *arena, const char *kind, const char *actor,
	struct pull_id pull, struct run_id run, struct err *err, const char *format, ...)
{
	struct audit_row row = { .kind = kind, .actor = actor, .pull = pull, .run = run };
	char text[2000];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text[codec_utf8_prefix(text, strlen(text))] = '\0';
	row.kind = arena_strdup(arena, kind);
	return record(engine, &row, text, NULL, err);
}

/* ---- an apply of one project ---- */

/* The key under which all applies of a project are found. */
static const char *subject_of(const struct pull *pull, const struct job *job, struct arena *arena)
{
	return arena_printf(arena, "%s/%s:%s:%s", pull->host, pull->repo, job->dir, job->workspace);
}

static json_t *about(const struct facts *facts)
{
	const struct pull *pull = facts->pull;
	const struct job *job = facts->job;
	const struct {
		const char *key, *value;
	} texts[] = { { "host", pull->host }, { "repository", pull->repo },
		{ "title", pull->title }, { "author", pull->author }, { "base", pull->base_ref },
		{ "head", facts->run->head }, { "asked_by", facts->run->actor },
		{ "project", job->project }, { "folder", job->dir },
		{ "workspace", job->workspace }, { "tool", job->tool },
		{ "plan", job->plan_blob } };
	json_t *json = json_pack("{s:I}", "number", (json_int_t)pull->number);

	for (size_t i = 0; i < countof(texts); i++)
		json_object_set_new(json, texts[i].key, jsonx_any(texts[i].value));
	return json;
}

/* What the row of the plan says of it; an unreadable part is left out, never the record. */
static void add_plan(
	const struct job *plan, struct arena *arena, json_t *json, const char **ret_environment)
{
	_cleanup_json_ json_t *text = json_loads(plan->summary, 0, NULL);
	json_t *resources = json_array(), *counts = json_object();
	struct project_guard guard = { .environment = "" };
	struct plan_summary summary = { 0 };
	struct err unreadable;

	if (project_guard_read(plan->guard, arena, &guard, &unreadable) < 0)
		guard.environment = "(unreadable)";
	*ret_environment = str_empty(guard.environment) ? "" : guard.environment;
	if (text != NULL && plan_summary_read(text, arena, &summary, &unreadable) < 0)
		summary = (struct plan_summary){ 0 };
	for (size_t i = 0; i < summary.resource_count; i++) {
		const struct plan_resource *one = &summary.resources[i];
		const char *name = plan_action_name(one->action);
		json_int_t seen = json_integer_value(json_object_get(counts, name));

		json_object_set_new(counts, name, json_integer(seen + 1));
		json_array_append_new(
			resources, json_pack("[o, s]",
					   jsonx_any(arena_strndup(arena, one->address,
						   codec_utf8_prefix(one->address,
							   strnlen(one->address, ADDRESS_MAX)))),
					   name));
	}
	json_object_set_new(json, "environment", jsonx_any(guard.environment));
	json_object_set_new(json, "tool_version", jsonx_any(summary.tool_version));
	json_object_set_new(json, "actions", counts);
	json_object_set_new(json, "resources", resources);
	json_object_set_new(json, "resources_left_out", json_integer(summary.resources_left_out));
	json_object_set_new(json, "outputs", json_integer(summary.output_changes));
}

/* Who let it be applied stands in the record of its begin: said again at its end, so that one
 * record answers. */
static int add_approval(struct engine *engine, struct arena *arena, const struct audit_row *about,
	json_t *json, struct err *err)
{
	static const char *const keys[] = { "plan_set", "approved_by", "break_glass" };
	struct audit_row like = *about, began = { 0 };
	int r;

	like.kind = AUDIT_APPLY_STARTED;
	r = store_audit_last(engine->store, arena, &like, &began, err);
	_cleanup_json_ json_t *detail = r < 0 ? NULL : json_loads(began.detail, 0, NULL);
	const json_t *evidence = json_object_get(detail, "evidence");

	for (size_t i = 0; i < countof(keys); i++)
		json_object_set(json, keys[i], json_object_get(evidence, keys[i]));
	return r == -ERR_MISSING ? 0 : r; /* begun before the record had it */
}

/* Whose word counted, and as what. */
static json_t *approvals_json(const struct gate_verdict *gate)
{
	json_t *list = json_array();

	for (size_t i = 0; i < gate->vote_count; i++) {
		const struct gate_vote *vote = &gate->votes[i];

		if (vote->counts)
			json_array_append_new(
				list, json_pack("{s:o, s:o}", "person", jsonx_any(vote->person),
					      "why", jsonx_any(vote->why)));
	}
	return list;
}

static int append_apply(struct engine *engine, struct arena *arena, const struct facts *facts,
	const char *kind, const char *text, json_t *evidence, struct err *err)
{
	const char *environment = "";
	struct audit_row row = { .kind = kind,
		.actor = facts->run->actor,
		.pull = facts->pull->id,
		.run = facts->run->id,
		.subject = subject_of(facts->pull, facts->job, arena) };
	struct job plan;
	int r = store_job_load(engine->store, arena, facts->job->plan_job, &plan, err);

	if (r < 0) {
		json_decref(evidence);
		return r;
	}
	add_plan(&plan, arena, evidence, &environment);
	row.environment = environment;
	if (str_equal(kind, AUDIT_APPLY_ENDED))
		r = add_approval(engine, arena, &row, evidence, err);
	if (r < 0) {
		json_decref(evidence);
		return r;
	}
	return record(engine, &row, text, evidence, err);
}

int record_apply_started(
	struct engine *engine, struct arena *arena, const struct facts *facts, struct err *err)
{
	const struct job *job = facts->job;
	json_t *evidence = about(facts);

	json_object_set_new(evidence, "plan_set", jsonx_any(facts->gate->set_digest));
	json_object_set_new(evidence, "approved_by", approvals_json(facts->gate));
	if (!str_empty(facts->run->reason))
		json_object_set_new(evidence, "break_glass", jsonx_any(facts->run->reason));
	json_object_set_new(evidence, "gate", gate_as_json(facts->pull, facts->gate));
	return append_apply(engine, arena, facts, AUDIT_APPLY_STARTED,
		arena_printf(arena, "%s (%s) plan %s of set %s at %s, approved by %s", job->project,
			job->workspace, job->plan_blob, facts->gate->set_digest, facts->run->head,
			gate_counted(facts->gate, arena)),
		evidence, err);
}

int record_apply_ended(struct engine *engine, struct arena *arena, const struct facts *facts,
	enum job_state state, struct err *err)
{
	const struct job *job = facts->job;
	json_t *evidence = about(facts);

	json_object_set_new(evidence, "result", json_string(job_state_name(state)));
	json_object_set_new(evidence, "outcome", json_string(job_outcome_name(facts->outcome)));
	json_object_set_new(evidence, "started_ms", json_integer(job->started_ms));
	json_object_set_new(evidence, "ended_ms", json_integer(engine_now(engine)));
	return append_apply(engine, arena, facts, AUDIT_APPLY_ENDED,
		arena_printf(arena, "%s (%s) %s: plan %s at %s", job->project, job->workspace,
			job_state_name(state), job->plan_blob, facts->run->head),
		evidence, err);
}
