/* New commands of a pull request: they wait for a person who may write and wrote none of its
 * commits. The word holds for one head and these very commands. */
#include "orchestrator/engine/private.h"

#include "orchestrator/lib/strbuf.h"

static const char *hash_of(const struct repo_config *config, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(16 << 20);
	char hex[SHA256_HEX];

	/* lengths first: no command can pose as two */
	for (size_t i = 0; i < config->new_command_count; i++) {
		const struct new_command *one = &config->new_commands[i];

		strbuf_printf(&text, "%zu %zu %zu\n%s%s%s\n", strlen(one->workflow),
			strlen(one->stage), strlen(one->command), one->workflow, one->stage,
			one->command);
	}
	codec_sha256_hex(strbuf_text(&text), text.length, hex);
	return arena_strdup(arena, hex);
}

static bool is_new(const struct repo_config *config, const char *workflow)
{
	for (size_t i = 0; i < config->new_command_count; i++) {
		if (str_equal(config->new_commands[i].workflow, workflow))
			return true;
	}
	return false;
}

int releases_read(struct engine *engine, struct arena *arena, const struct pull *pull,
	const struct run *run, struct planned *planned, struct err *err)
{
	const struct repo_config *config = &planned->config;
	struct told *told = &planned->told;
	const char *actor = "";
	int r;

	if (config->new_command_count == 0)
		return 0;
	for (size_t i = 0; i < config->new_command_count; i++)
		told_add_command(told, arena, &config->new_commands[i]);
	told->commands_hash = hash_of(config, arena);
	r = store_release_find(
		engine->store, arena, pull->id, run->head, told->commands_hash, &actor, err);
	if (r < 0 && r != -ERR_MISSING)
		return r;
	told->is_released = r == 0;
	told->released_by = actor;
	for (size_t i = 0; r != 0 && i < planned->selection.project_count; i++) {
		struct project *project = &planned->selection.projects[i];

		if (is_new(config, project->config->workflow))
			project->held = arena_printf(arena,
				"its workflow \"%s\" runs commands that are new in this pull "
				"request; they wait for a person",
				project->config->workflow);
	}
	return 0;
}

/* Who wrote the change does not let it run. */
static int wrote_it(struct arena *arena, const struct pull *pull, const struct run *plan_run,
	const char *person, bool *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct prepared prepared = { 0 };
	int r;

	*ret = strcasecmp(person, pull->author) == 0 || strcasecmp(person, pull->pusher) == 0;
	if (*ret)
		return 0;
	r = jsonx_parse(plan_run->prepared, strlen(plan_run->prepared), 8 << 20, &json, err);
	if (r == 0)
		r = prepared_read(json, arena, &prepared, err);
	for (size_t i = 0; r == 0 && i < prepared.people_count; i++)
		*ret = *ret || gates_person_is(person, &prepared.people[i]);
	return r;
}

int release_commands(struct engine *engine, struct arena *arena, const struct pull *pull,
	const char *actor, const char **ret_why, const char **ret_next, struct err *err)
{
	struct job *jobs = NULL;
	struct told told;
	struct run plan_run;
	size_t count = 0;
	bool is_author = true;
	int r = plan_set_load(engine, arena, pull, &plan_run, &jobs, &count, err);

	*ret_why = NULL;
	if (r == 0 && str_equal(pull->pusher, VCS_SOMEBODY)) {
		*ret_why = "nobody told who pushed this, and who wrote it cannot let it run";
		*ret_next = "Push once more: the host tells who did.";
		return 0;
	}
	if (r == -ERR_MISSING || (r == 0 && !run_state_is_final(plan_run.state))) {
		*ret_why = "the newest push is not planned yet, so nobody has seen its commands";
		*ret_next = "Wait for the plan, read the commands in its comment, then say it "
			    "again.";
		return 0;
	}
	if (r == 0)
		r = told_read(plan_run.told, arena, &told, err);
	if (r == 0 && str_empty(told.commands_hash)) {
		*ret_why = "the plan of the newest push has no new commands";
		*ret_next = "Comment `sluice plan`.";
		return 0;
	}
	if (r == 0)
		r = wrote_it(arena, pull, &plan_run, actor, &is_author, err);
	if (r == 0 && is_author) {
		*ret_why = "who wrote the change cannot let its commands run";
		*ret_next = "Ask somebody with write permission who wrote none of its commits.";
		return 0;
	}
	if (r == 0)
		r = store_release_put(
			engine->store, pull->id, pull->head, told.commands_hash, actor, err);
	return r < 0 ? r
		     : engine_audit(engine, arena, "new commands released", actor, pull->id,
			       plan_run.id, err, "at %s: %zu commands, %s", pull->head,
			       told.command_count, told.commands_hash);
}
