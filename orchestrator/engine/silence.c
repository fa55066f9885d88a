/* Runs of which nobody is told in a comment, because server.yaml or the base branch says so, and
 * because there is nothing to be told: statuses say that it goes well. What once spoke goes on
 * speaking: a comment never stays behind. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/steps.h"

static bool went_wrong(const struct view *view)
{
	switch (view->run->state) {
	case RUN_FAILED:
	case RUN_REFUSED:
	case RUN_CANCELLED:
	case RUN_INTERRUPTED:
		return true;
	case RUN_QUEUED:
	case RUN_PREPARING:
	case RUN_HOOKS:
	case RUN_WORKING:
	case RUN_DONE:
	case RUN_SUPERSEDED:
		break;
	}
	return false;
}

/* Something of the configuration that people must see. */
static bool has_words(const struct view *view)
{
	const struct told *told = &view->told;

	return told->command_count + told->note_count + told->change_count + view->note_count > 0 ||
	       !str_empty(view->run->reason);
}

static bool is_quiet(const struct view_job *shown, enum run_kind kind, struct arena *arena)
{
	const struct job *job = shown->job;
	struct recipe recipe;
	struct err ignored; /* then it is told */

	if (job->op != (kind == RUN_PLAN ? JOB_PLAN : JOB_APPLY) ||
		recipe_read(job->recipe, arena, &recipe, &ignored) < 0 ||
		(shown->policies != NULL && shown->policies->rule_count > 0) ||
		(job_state_is_final(job->state) && job->state != JOB_DONE))
		return false;
	return kind == RUN_PLAN ? recipe.silences_plan : recipe.silences_apply;
}

/* Before there are projects only the server's word is known. */
static int ask_server(struct engine *engine, struct arena *arena, const struct view *view,
	bool *ret, struct err *err)
{
	const struct config_request request = {
		.host = view->pull->host, .repo = view->pull->repo, .base_ref = view->pull->base_ref
	};
	struct config_problems problems = { 0 };
	struct repo_config config = { 0 };
	int r = engine->world.config->read(engine->world.config,
		engine_settings(engine, view->run->id), &request, arena, &config, &problems, err);

	*ret = r == 0 && view->run->kind == RUN_PLAN && config.fallback.silence_plan;
	return r < 0 ? err_wrap(err, "what the server says of %s", view->pull->repo) : 0;
}

/* Plans of one head share a comment, and an earlier one may have spoken in it. */
static int is_first(struct engine *engine, const struct view *view, bool *ret, struct err *err)
{
	bool has_earlier = false;
	int r = store_run_has_head(engine->store, view->pull->id, view->run->head, true, 0,
		view->run->id.v, &has_earlier, err);

	*ret = !has_earlier;
	return r;
}

int silence_read(struct engine *engine, struct arena *arena, const struct view *view, bool *ret,
	struct err *err)
{
	enum run_kind kind = view->run->kind;
	int r = 0;

	*ret = (kind == RUN_PLAN || kind == RUN_APPLY) && !went_wrong(view) && !has_words(view);
	for (size_t i = 0; *ret && i < view->job_count; i++)
		*ret = is_quiet(&view->jobs[i], kind, arena);
	if (*ret && view->job_count == 0)
		*ret = !run_state_is_final(view->run->state);
	if (*ret && view->job_count == 0)
		r = ask_server(engine, arena, view, ret, err);
	if (r == 0 && *ret && kind == RUN_PLAN)
		r = is_first(engine, view, ret, err);
	return r;
}
