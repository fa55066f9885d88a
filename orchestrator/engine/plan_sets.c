/* What is approved and applied as one: the plans of one run, written down when the last of them has
 * ended, with a digest of all that they are. A set never changes; a newer run makes a newer one,
 * with a higher number, and the older is void. Each plan in it is applied once at most. */
#include "orchestrator/engine/private.h"

static const char *digest_of(const char *text, struct arena *arena)
{
	char hex[SHA256_HEX];

	codec_sha256_hex(text == NULL ? "" : text, text == NULL ? 0 : strlen(text), hex);
	return arena_strdup(arena, hex);
}

/* Whatever of a plan an approver relies on: its bytes, what it would do, how it is done, and what
 * guards it. */
static json_t *member_of(const struct job *job, struct arena *arena)
{
	json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:b}", "job",
		(json_int_t)job->id.v, "tool", job->tool, "plan", job->plan_blob, "does",
		digest_of(job->summary, arena), "recipe", digest_of(job->recipe, arena), "guard",
		digest_of(job->guard, arena), "changes", job->has_changes);
	const struct {
		const char *key, *value;
	} texts[] = { { "project", job->project }, { "dir", job->dir },
		{ "workspace", job->workspace }, { "state", job_state_name(job->state) } };

	for (size_t i = 0; i < countof(texts); i++) {
		json_t *text = json_string(texts[i].value);

		json_object_set_new(json, texts[i].key,
			text != NULL ? text : json_string(digest_of(texts[i].value, arena)));
	}
	return json;
}

static const char *body_of(const struct pull *pull, const struct run *run, const struct job *jobs,
	size_t count, struct arena *arena)
{
	json_t *members = json_array();
	_cleanup_json_ json_t *json = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "host",
		pull->host, "repository", pull->repo, "number", (json_int_t)pull->number, "head",
		run->head, "base", run->base, "tree", run->tree, "arguments", run->extra_args);
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < count; i++) {
		if (jobs[i].op == JOB_PLAN)
			json_array_append_new(members, member_of(&jobs[i], arena));
	}
	if (json == NULL) /* a name that is no text */
		json = json_object();
	json_object_set_new(json, "plans", members);
	text = jsonx_text(json);
	return arena_strdup(arena, text);
}

int plan_set_record(struct engine *engine, struct arena *arena, const struct pull *pull,
	struct run_id id, struct err *err)
{
	int64_t lasts_ms = engine_settings(engine, id)->plan_expires_ms;
	struct plan_set_row row = { .pull = pull->id, .run = id };
	struct job *jobs = NULL;
	struct run run;
	size_t count = 0;
	int r = store_run_load(engine->store, arena, id, &run, err);

	if (r == 0)
		r = store_job_list_run(engine->store, arena, id, &jobs, &count, err);
	if (r < 0)
		return r;
	row.head = run.head;
	row.body = body_of(pull, &run, jobs, count, arena);
	row.digest = digest_of(row.body, arena);
	row.expires_ms = lasts_ms == 0 ? INT64_MAX : engine_now(engine) + lasts_ms;
	r = store_plan_set_insert(engine->store, &row, &row.id, err);
	return r < 0 ? r
		     : engine_audit(engine, arena, "plan set", run.actor, pull->id, id, err,
			       "%lld, %s at %s", (long long)row.id, row.digest, run.head);
}

static bool has_member(const json_t *body, const struct job *job, struct arena *arena)
{
	const json_t *members = json_object_get(body, "plans");
	_cleanup_json_ json_t *wanted = member_of(job, arena);

	for (size_t i = 0; i < json_array_size(members); i++) {
		if (json_equal(json_array_get(members, i), wanted))
			return true;
	}
	return false;
}

int plan_set_check(struct engine *engine, struct arena *arena, const struct run *plan_run,
	const struct job *jobs, size_t count, const char **ret_digest, const char **ret_problem,
	struct err *err)
{
	_cleanup_json_ json_t *body = NULL;
	struct plan_set_row row;
	struct err unreadable;
	int r = store_plan_set_of_run(engine->store, arena, plan_run->id, &row, err);

	*ret_problem = NULL;
	*ret_digest = "";
	if (r == -ERR_MISSING) {
		*ret_problem = "nothing was written down of this plan that could be approved: plan "
			       "again";
		return 0;
	}
	if (r < 0)
		return r;
	*ret_digest = row.digest;
	if (engine_now(engine) >= row.expires_ms)
		*ret_problem = "the plan is too old: plan again";
	else if (!str_equal(row.digest, digest_of(row.body, arena)) ||
		 !str_equal(row.head, plan_run->head) ||
		 jsonx_parse(row.body, strlen(row.body), 64 << 20, &body, &unreadable) < 0)
		*ret_problem = "the plan is not what was written down of it: plan again";
	for (size_t i = 0; *ret_problem == NULL && i < count; i++) {
		if (jobs[i].op == JOB_PLAN && !has_member(body, &jobs[i], arena))
			*ret_problem = "a plan is not what was written down of it: plan again";
	}
	return 0;
}
