/* Steps and recipes, both ways. */
#include "orchestrator/model/steps.h"

#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { TIMEOUT_MAX_MS = 24 * 3600 * 1000, RECIPE_BYTES_MAX = 1 << 20 };

const char *step_kind_name(enum step_kind kind)
{
	static const char *const names[] = { NULL, "init", "plan", "show", "policy_check", "apply",
		"import", "state_rm", "run", "env", "multienv" };

	return (size_t)kind < countof(names) && names[kind] != NULL ? names[kind] : "unknown";
}

const char *stage_name(enum stage stage)
{
	static const char *const names[STAGE_COUNT] = { "plan", "apply", "policy_check", "import",
		"state_rm" };

	return (size_t)stage < countof(names) ? names[stage] : "unknown";
}

bool step_runs_command(const struct step *step)
{
	return step->kind == STEP_KIND_RUN || step->kind == STEP_KIND_MULTIENV ||
	       (step->kind == STEP_KIND_ENV && step->value == NULL);
}

/* ---- reading ---- */

static bool is_text(const json_t *item, size_t most)
{
	return json_is_string(item) && json_string_length(item) <= most &&
	       strlen(json_string_value(item)) == json_string_length(item);
}

static int read_texts(struct jsonx *reader, const char *key, struct arena *arena, const char ***ret,
	size_t *ret_count)
{
	const json_t *list = jsonx_array_or(reader, key);
	size_t count = json_array_size(list);

	*ret_count = 0;
	if (count > STEP_ARGS_MAX)
		return err_set(reader->err, ERR_LIMIT, "%s: more than %d entries in %s",
			reader->what, STEP_ARGS_MAX, key);
	*ret = arena_alloc(arena, (count + 1) * sizeof(**ret));
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!is_text(item, STEP_ARG_BYTES_MAX))
			return err_set(reader->err, ERR_SYNTAX,
				"%s: %s[%zu] must be a string of at most %d bytes without NUL",
				reader->what, key, i, STEP_ARG_BYTES_MAX);
		(*ret)[(*ret_count)++] = arena_strdup(arena, json_string_value(item));
	}
	return 0;
}

static const char *read_text(
	struct jsonx *reader, const char *key, size_t most, struct arena *arena)
{
	const char *text = jsonx_string_or(reader, key, "");

	if (reader->failed == 0 && strlen(text) > most)
		reader->failed = err_set(reader->err, ERR_LIMIT, "%s: %s is longer than %zu bytes",
			reader->what, key, most);
	return arena_strdup(arena, text);
}

/* What makes a step one that can be done. */
static int check_step(const struct step *step, const char *what, struct err *err)
{
	bool has_command = !str_empty(step->command);

	if (step_runs_command(step) && !has_command)
		return err_set(err, ERR_SYNTAX, "%s: a step %s needs a command", what,
			step_kind_name(step->kind));
	if (!step_runs_command(step) && has_command)
		return err_set(err, ERR_SYNTAX, "%s: a step %s takes no command", what,
			step_kind_name(step->kind));
	if (step->kind == STEP_KIND_ENV && str_empty(step->name))
		return err_set(err, ERR_SYNTAX, "%s: a step env needs a name", what);
	return 0;
}

static int read_step(const json_t *json, const char *what, struct arena *arena, struct step *ret,
	struct err *err)
{
	struct jsonx reader = jsonx_reader(json, what, err);
	int64_t kind = jsonx_int(&reader, "kind"), output = jsonx_int_or(&reader, "output", 0);
	int64_t timeout = jsonx_int_or(&reader, "timeout_ms", 0);
	const json_t *value = json_object_get(json, "value");
	int r;

	*ret = (struct step){ .kind = (enum step_kind)kind,
		.name = read_text(&reader, "name", STEP_ARG_BYTES_MAX, arena),
		.command = read_text(&reader, "command", STEP_COMMAND_MAX, arena),
		.shell = read_text(&reader, "shell", STEP_ARG_BYTES_MAX, arena),
		.output = (unsigned)output,
		.timeout_ms = timeout };
	if (value != NULL && !json_is_null(value))
		ret->value = read_text(&reader, "value", STEP_COMMAND_MAX, arena);
	r = read_texts(&reader, "extra_args", arena, &ret->extra_args, &ret->extra_arg_count);
	if (r == 0)
		r = read_texts(
			&reader, "shell_args", arena, &ret->shell_args, &ret->shell_arg_count);
	if (r == 0)
		r = read_texts(&reader, "filters", arena, &ret->filters, &ret->filter_count);
	if (r < 0 || reader.failed < 0)
		return r < 0 ? r : reader.failed;
	if (kind < STEP_KIND_INIT || kind > STEP_KIND_MULTIENV)
		return err_set(err, ERR_SYNTAX, "%s: kind is none that we know", what);
	if (output < 0 || output >= OUTPUT_FILTER_REGEX << 1)
		return err_set(err, ERR_SYNTAX, "%s: output is none that we know", what);
	if (timeout < 0 || timeout > TIMEOUT_MAX_MS)
		return err_set(err, ERR_SYNTAX, "%s: timeout_ms must be between 0 and a day", what);
	return check_step(ret, what, err);
}

int steps_read(const json_t *json, const char *what, struct arena *arena, struct steps *ret,
	struct err *err)
{
	size_t count = json_array_size(json);
	int r = 0;

	*ret = (struct steps){ 0 };
	if (json == NULL || json_is_null(json))
		return 0;
	if (!json_is_array(json))
		return err_set(err, ERR_SYNTAX, "%s must be a list", what);
	if (count > STEPS_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %d steps", what, STEPS_MAX);
	ret->is_given = true;
	ret->list = arena_alloc(arena, (count + 1) * sizeof(*ret->list));
	for (size_t i = 0; r == 0 && i < count; i++)
		r = read_step(json_array_get(json, i), arena_printf(arena, "%s[%zu]", what, i),
			arena, &ret->list[i], err);
	ret->count = r == 0 ? count : 0;
	return r;
}

int recipe_read(const char *text, struct arena *arena, struct recipe *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct jsonx reader;
	int64_t lock;
	int r;

	*ret = (struct recipe){
		.tool_version = "", .environment = "", .credentials = "", .base_tree = ""
	};
	if (str_empty(text))
		return 0;
	r = jsonx_parse(text, strlen(text), RECIPE_BYTES_MAX, &json, err);
	if (r < 0)
		return err_wrap(err, "the recipe of a job");
	reader = jsonx_reader(json, "recipe", err);
	ret->tool_version = read_text(&reader, "tool_version", STEP_ARG_BYTES_MAX, arena);
	ret->checks_policies = jsonx_bool_or(&reader, "checks_policies", false);
	ret->silences_plan = jsonx_bool_or(&reader, "silences_plan", false);
	ret->silences_apply = jsonx_bool_or(&reader, "silences_apply", false);
	ret->automerges = jsonx_bool_or(&reader, "automerges", false);
	ret->deletes_branch = jsonx_bool_or(&reader, "deletes_branch", false);
	ret->import_requires = (unsigned)jsonx_int_or(&reader, "import_requires", 0);
	lock = jsonx_int_or(&reader, "lock", LOCK_ON_PLAN);
	ret->applies_together = jsonx_bool_or(&reader, "applies_together", false);
	ret->environment = read_text(&reader, "environment", STEP_ARG_BYTES_MAX, arena);
	ret->credentials = read_text(&reader, "credentials", STEP_ARG_BYTES_MAX, arena);
	ret->base_tree = read_text(&reader, "base_tree", STEP_ARG_BYTES_MAX, arena);
	r = reader.failed;
	if (r == 0 && (lock < LOCK_ON_PLAN || lock > LOCK_DISABLED))
		r = err_set(err, ERR_SYNTAX, "recipe: lock is none that we know");
	if (r == 0)
		r = check_orders_read(json_object_get(json, "checks"), arena, &ret->checks, err);
	ret->lock = (enum lock_mode)lock;
	for (enum stage stage = 0; r == 0 && stage < STAGE_COUNT; stage++)
		r = steps_read(json_object_get(json, stage_name(stage)), stage_name(stage), arena,
			&ret->stages[stage], err);
	return r;
}

/* ---- writing ---- */

static json_t *texts(const char *const *list, size_t count)
{
	json_t *json = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(json, jsonx_any(list[i]));
	return json;
}

static json_t *write_step(const struct step *step)
{
	json_t *json = json_object();

	json_object_set_new(json, "kind", json_integer(step->kind));
	json_object_set_new(json, "extra_args", texts(step->extra_args, step->extra_arg_count));
	json_object_set_new(json, "name", jsonx_any(step->name));
	json_object_set_new(
		json, "value", step->value == NULL ? json_null() : jsonx_any(step->value));
	json_object_set_new(json, "command", jsonx_any(step->command));
	json_object_set_new(json, "shell", jsonx_any(step->shell));
	json_object_set_new(json, "shell_args", texts(step->shell_args, step->shell_arg_count));
	json_object_set_new(json, "output", json_integer(step->output));
	json_object_set_new(json, "filters", texts(step->filters, step->filter_count));
	json_object_set_new(json, "timeout_ms", json_integer(step->timeout_ms));
	return json;
}

json_t *steps_write(const struct steps *steps)
{
	json_t *json;

	if (!steps->is_given)
		return json_null();
	json = json_array();
	for (size_t i = 0; i < steps->count; i++)
		json_array_append_new(json, write_step(&steps->list[i]));
	return json;
}

const char *recipe_write(const struct recipe *recipe, struct arena *arena)
{
	_cleanup_json_ json_t *json = json_object();
	_cleanup_free_ char *bytes = NULL;

	json_object_set_new(json, "tool_version", jsonx_any(recipe->tool_version));
	json_object_set_new(json, "checks_policies", json_boolean(recipe->checks_policies));
	json_object_set_new(json, "import_requires", json_integer(recipe->import_requires));
	json_object_set_new(json, "silences_plan", json_boolean(recipe->silences_plan));
	json_object_set_new(json, "silences_apply", json_boolean(recipe->silences_apply));
	json_object_set_new(json, "automerges", json_boolean(recipe->automerges));
	json_object_set_new(json, "deletes_branch", json_boolean(recipe->deletes_branch));
	json_object_set_new(json, "lock", json_integer(recipe->lock));
	json_object_set_new(json, "applies_together", json_boolean(recipe->applies_together));
	json_object_set_new(json, "environment", jsonx_any(recipe->environment));
	json_object_set_new(json, "credentials", jsonx_any(recipe->credentials));
	json_object_set_new(json, "base_tree", jsonx_any(recipe->base_tree));
	if (recipe->checks.count > 0)
		json_object_set_new(json, "checks", check_orders_write(&recipe->checks));
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
		json_object_set_new(json, stage_name(stage), steps_write(&recipe->stages[stage]));
	bytes = jsonx_text(json);
	return arena_strdup(arena, bytes);
}
