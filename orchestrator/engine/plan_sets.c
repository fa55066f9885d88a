/* What is approved and applied as one: the plans of one run, written down when the last of them has
 * ended, with a digest of all that they are, what was checked of them included, and under the
 * server's seal. A set never changes; a newer run makes a newer one, with a higher number, and the
 * older is void. Each plan in it is applied once at most. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/seal.h"

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

/* What the seal is over: its number and whose it is, what it is made of, and how long it lasts. */
static const char *sealed_text(
	const struct plan_set_row *row, const char *digest, struct arena *arena)
{
	return arena_printf(arena, "plan set %lld of run %lld of pull %lld\n%s\n%s\n%lld to %lld",
		(long long)row->id, (long long)row->run.v, (long long)row->pull.v, row->head,
		digest, (long long)row->created_ms, (long long)row->expires_ms);
}

int plan_set_record(struct engine *engine, struct arena *arena, const struct pull *pull,
	struct run_id id, struct err *err)
{
	int64_t lasts_ms = engine_settings(engine, id)->plan_expires_ms;
	struct plan_set_row row = { .pull = pull->id, .run = id };
	char mark[SEAL_MARK_MAX];
	struct job *jobs = NULL;
	struct run run;
	size_t count = 0;
	int r = store_run_load(engine->store, arena, id, &run, err);

	if (r == 0)
		r = store_job_list_run(engine->store, arena, id, &jobs, &count, err);
	if (r == 0)
		r = store_plan_set_next(engine->store, &row.id, err);
	if (r < 0)
		return r;
	row.head = run.head;
	row.body = body_of(pull, &run, jobs, count, arena);
	row.digest = digest_of(row.body, arena);
	row.created_ms = engine_now(engine);
	row.expires_ms = lasts_ms == 0 ? INT64_MAX : row.created_ms + lasts_ms;
	seal_mark(engine->world.seal, sealed_text(&row, row.digest, arena), mark);
	row.seal = mark;
	r = store_plan_set_insert(engine->store, &row, err);
	return r < 0 ? r
		     : engine_audit(engine, arena, "plan set", run.actor, pull->id, id, err,
			       "%lld, %s at %s", (long long)row.id, row.digest, run.head);
}

/* Text that begins with a brace or a quote stands in no string of a body, where quotes have a
 * backslash before them: so it can be looked for without reading the body, which may be long. */
static bool has_member(const char *body, const struct job *job, struct arena *arena)
{
	_cleanup_json_ json_t *wanted = member_of(job, arena);
	_cleanup_free_ char *text = wanted == NULL ? NULL : jsonx_text(wanted);

	return text != NULL && strstr(body, text) != NULL;
}

/* NULL: it is what this server wrote down. */
static const char *problem_of_seal(const struct engine *engine, struct arena *arena,
	const struct plan_set_row *row, const char *digest)
{
	switch (seal_check(engine->world.seal, sealed_text(row, digest, arena), row->seal)) {
	case SEAL_HOLDS:
		return NULL;
	case SEAL_MISSING:
		return "what was written down of the plan has no seal: plan again";
	case SEAL_OF_ANOTHER:
		return "what was written down of the plan has the seal of another server, or of a "
		       "key that is gone: plan again";
	case SEAL_BROKEN:
		break;
	}
	return "what was written down of the plan was changed afterwards, its seal is broken: plan "
	       "again, and tell who runs this server";
}

/* The run itself is a row that something may have changed. Side by side, as body_of() writes them.
 */
static bool is_of_run(const char *body, const struct run *run)
{
	_cleanup_json_ json_t *wanted = json_pack("{s:s, s:s, s:s, s:s}", "head", run->head, "base",
		run->base, "tree", run->tree, "arguments", run->extra_args);
	_cleanup_free_ char *text = wanted == NULL ? NULL : jsonx_text(wanted);

	if (text == NULL)
		return false;
	text[strlen(text) - 1] = '\0'; /* without its braces */
	return strstr(body, text + 1) != NULL;
}

int plan_set_check(struct engine *engine, struct arena *arena, const struct run *plan_run,
	const struct job *jobs, size_t count, const char **ret_digest, const char **ret_problem,
	struct err *err)
{
	const char *digest;
	struct plan_set_row row;
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
	digest = digest_of(row.body, arena);
	*ret_digest = row.digest;
	*ret_problem = problem_of_seal(engine, arena, &row, digest);
	if (*ret_problem == NULL && engine_now(engine) >= row.expires_ms)
		*ret_problem = "the plan is too old: plan again";
	else if (*ret_problem == NULL &&
		 (!str_equal(row.digest, digest) || !is_of_run(row.body, plan_run)))
		*ret_problem = "the plan is not what was written down of it: plan again";
	for (size_t i = 0; *ret_problem == NULL && i < count; i++) {
		if (jobs[i].op == JOB_PLAN && !has_member(row.body, &jobs[i], arena))
			*ret_problem = "a plan is not what was written down of it: plan again";
	}
	return 0;
}
