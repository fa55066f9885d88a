/* Rows -> the order for one job, in the words of the workflow. */
#include "orchestrator/engine/private.h"

#include "orchestrator/model/plan_checks.h"

static const char *near_tree(struct engine *engine, struct arena *arena, const struct pull *pull)
{
	struct run *runs = NULL;
	size_t count = 0;
	struct err err;

	if (store_run_list_pull(engine->store, arena, pull->id, false, &runs, &count, &err) < 0)
		return "";
	for (size_t i = count; i > 0; i--) {
		if (!str_empty(runs[i - 1].tree))
			return runs[i - 1].tree;
	}
	return "";
}

/* Where people read the pull request; "" for a host that has no pages. */
static const char *pull_url(
	const struct settings *settings, const struct pull *pull, struct arena *arena)
{
	for (size_t i = 0; i < settings->host_count; i++) {
		const struct host_settings *host = &settings->hosts[i];

		if (str_equal(host->name, pull->host) && !str_empty(host->url))
			return arena_printf(arena, "%s/%s/%s/%lld", host->url, pull->repo,
				str_equal(host->kind, "github") ? "pull" : "pulls",
				(long long)pull->number);
	}
	return "";
}

/* What stands behind the two dashes of a plan, or is imported or removed. */
static int arguments(
	struct arena *arena, const struct run *run, struct job_spec *spec, struct err *err)
{
	_cleanup_json_ json_t *list = NULL;
	const char **texts;
	size_t count;
	int r;

	if (str_empty(run->extra_args) || spec->op == JOB_PREPARE || spec->op == JOB_HOOKS)
		return 0;
	r = jsonx_parse(run->extra_args, strlen(run->extra_args), 1 << 20, &list, err);
	if (r < 0)
		return r;
	count = json_array_size(list);
	texts = arena_alloc(arena, (count + 1) * sizeof(*texts));
	for (size_t i = 0; i < count; i++)
		texts[i] = arena_strdup(arena, json_string_value(json_array_get(list, i)));
	if (spec->op == JOB_PLAN) {
		spec->extra_args = texts;
		spec->extra_arg_count = count;
	} else {
		spec->targets = texts;
		spec->target_count = count;
	}
	return 0;
}

static void config_files(struct engine *engine, struct arena *arena, const struct run *run,
	const struct pull *pull, struct job_spec *spec)
{
	const struct config_reader *reader = engine->world.config;
	struct name_list names = { 0 };

	if (spec->op != JOB_PREPARE && !spec->is_before)
		return;
	reader->files(
		reader, engine_settings(engine, run->id), pull->host, pull->repo, arena, &names);
	spec->config_files = names.list;
	spec->config_file_count = names.count;
}

static void pinned(const struct settings *settings, const char *kind, const char *version,
	const char **ret_sha256, const char **ret_archive)
{
	const struct pinned_tool *tool = str_empty(version)
						 ? NULL
						 : settings_tool(settings, kind, version);

	*ret_sha256 = tool == NULL ? "" : tool->sha256;
	*ret_archive = tool == NULL ? "" : tool->archive;
}

/* What the operator's sets are called, and where they lie, in the generation of the run. */
static void policies(const struct settings *settings, struct arena *arena, struct job_spec *spec)
{
	const struct policies *policies = &settings->policies;

	if (!spec->checks_policies)
		return;
	spec->conftest_version = policies->conftest_version;
	pinned(settings, "conftest", spec->conftest_version, &spec->conftest_sha256,
		&spec->conftest_archive);
	spec->policy_set_count = policies->set_count;
	spec->policy_sets = arena_alloc(
		arena, (policies->set_count + 1) * sizeof(*spec->policy_sets));
	for (size_t i = 0; i < policies->set_count; i++)
		spec->policy_sets[i] = (struct policy_source){ policies->sets[i].name,
			policies->sets[i].path };
}

/* How the checks of the recipe are called, in the generation of the run. */
static void checks(const struct settings *settings, struct job_spec *spec)
{
	for (size_t i = 0; i < spec->checks.count; i++) {
		struct check_order *order = &spec->checks.list[i];

		for (size_t k = 0; k < settings->check_count; k++) {
			const struct check_program *program = &settings->checks[k];

			if (!str_equal(program->name, order->name))
				continue;
			order->kind = program->kind;
			order->command = program->command;
			order->read = program->read;
		}
	}
}

/* What was checked of the plan when it was made: its apply finds the same, or does nothing. */
static int checks_of_plan(
	struct engine *engine, struct arena *arena, struct job_spec *spec, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct plan_checks checks;
	struct job plan;
	int r;

	if (spec->op != JOB_APPLY)
		return 0;
	r = store_job_load(engine->store, arena, spec->plan_job, &plan, err);
	if (r == 0 && !str_empty(plan.summary))
		r = jsonx_parse(plan.summary, strlen(plan.summary), 16 << 20, &json, err);
	if (r == 0)
		r = plan_checks_read(json_object_get(json, "checks"), arena, &checks, err);
	if (r < 0)
		return r;
	spec->plan_lock = checks.lock;
	spec->plan_program = checks.program;
	return 0;
}

/* What the operator lets jobs of this repository use. Code that nobody here wrote gets nothing. */
static int find_credentials(const struct settings *settings, const struct pull *pull,
	struct arena *arena, struct job_spec *spec, struct err *err)
{
	const struct credential_profile *profile;
	const struct registry **registries = NULL;

	if (spec->op == JOB_PREPARE || spec->op == JOB_HOOKS || pull->from_fork)
		return 0;
	for (size_t i = 0; i < settings->registry_count; i++) {
		if (!settings_serve_repo(&settings->registries[i].repos, pull->host, pull->repo))
			continue;
		registries = arena_push(
			arena, registries, spec->registry_count, sizeof(*registries));
		registries[spec->registry_count++] = &settings->registries[i];
	}
	spec->registries = registries;
	if (str_empty(spec->profile))
		return 0;
	profile = settings_credentials(settings, spec->profile);
	if (profile == NULL)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the environment %.60s names the credentials %.60s, which the server does "
			"not have; its operator must add them, or the base branch name others",
			spec->environment, spec->profile);
	if (!settings_serve_repo(&profile->repos, pull->host, pull->repo))
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the credentials %.60s of the environment %.60s are not for this "
			"repository; the operator of the server says for which they are",
			spec->profile, spec->environment);
	spec->credentials = job_op_plans(spec->op) ? &profile->plan : &profile->apply;
	return 0;
}

int spec_make(struct engine *engine, struct arena *arena, const struct job *job,
	struct job_spec *ret, struct err *err)
{
	const struct settings *settings = engine_settings(engine, job->run_id);
	struct repo repo;
	struct pull pull;
	struct run run;
	int r = store_run_load(engine->store, arena, job->run_id, &run, err);

	if (r == 0)
		r = store_pull_load(engine->store, arena, job->pull_id, &pull, err);
	if (r == 0)
		r = store_repo_load(engine->store, arena, pull.repo_id, &repo, err);
	if (r < 0)
		return r;
	*ret = (struct job_spec){ .job = job->id,
		.attempt = job->attempt,
		.op = job->op,
		.host = pull.host,
		.issuer = settings->url,
		.tool = job->tool,
		.repo = pull.repo_id,
		.repo_name = repo.name,
		.clone_url = repo.clone_url,
		.number = pull.number,
		.head = run.head,
		.head_ref = pull.head_ref,
		.base_ref = pull.base_ref,
		.near_tree = job->op == JOB_PREPARE ? near_tree(engine, arena, &pull) : "",
		.tree = run.tree,
		.dir = job->op == JOB_HOOKS ? "." : job->dir,
		.workspace = job->workspace,
		.project = job->project,
		.plan_blob = job->plan_blob,
		.plan_job = job->plan_job,
		.command = run_kind_name(run.kind),
		.base = job->op == JOB_HOOKS || (job->op == JOB_PREPARE && run.kind == RUN_APPLY)
				? run.base
				: "",
		.is_before = job->op == JOB_HOOKS && run.state == RUN_HOOKS,
		.is_after = run_state_is_final(run.state),
		.has_errors = run_state_is_final(run.state) && run.state != RUN_DONE,
		.author = pull.author,
		.actor = run.actor,
		.pull_url = pull_url(settings, &pull, arena),
		.tool_mirror = settings->tool_mirror,
		.is_approved = job->op == JOB_APPLY, /* the gate was read right before */
		.step_timeout_ms = settings->step_timeout_ms,
		.stop_grace_ms = settings->stop_grace_ms,
		.output_cap_bytes = settings->output_cap_bytes };
	config_files(engine, arena, &run, &pull, ret);
	r = arguments(arena, &run, ret, err);
	if (r == 0)
		r = recipe_spec(job, arena, ret, err);
	if (r == 0)
		pinned(settings, ret->tool, ret->tool_version, &ret->tool_sha256,
			&ret->tool_archive);
	if (r == 0)
		r = checks_of_plan(engine, arena, ret, err);
	if (r == 0)
		policies(settings, arena, ret);
	if (r == 0)
		checks(settings, ret);
	if (r == 0)
		r = find_credentials(settings, &pull, arena, ret, err);
	return r;
}
