/* Where the flags come from, and where they go. */
#include "config/migrate.h"

#include "config/server_config.h"
#include "config/yaml_write.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *migrate_verdict_name(enum migrate_verdict verdict)
{
	return verdict == MIGRATE_KEPT	    ? "kept"
	       : verdict == MIGRATE_CHANGED ? "changed"
					    : "ignored";
}

const char *migrate_source_name(enum migrate_source source)
{
	static const char *const names[] = { [FROM_NOWHERE] = "default",
		[FROM_FLAG] = "flag",
		[FROM_ENVIRONMENT] = "environment",
		[FROM_CONFIG] = "config file",
		[FROM_REPOS] = "repos file" };

	return names[source];
}

/* ---- what was given ---- */

static const struct migrate_flag *find_flag(const char *name, size_t length, size_t *ret_at)
{
	for (size_t i = 0; i < migrate_flag_count; i++) {
		if (strlen(migrate_flags[i].name) == length &&
			memcmp(migrate_flags[i].name, name, length) == 0) {
			*ret_at = i;
			return &migrate_flags[i];
		}
	}
	return NULL;
}

const char *migrate_value(const struct migration *migration, const char *flag)
{
	size_t at = 0;

	if (find_flag(flag, strlen(flag), &at) == NULL)
		abort(); /* our own table */
	return migration->given[at].value;
}

void migrate_say(struct migration *migration, const char *name, enum migrate_source source,
	enum migrate_verdict verdict, const char *key, const char *why)
{
	migration->lines = arena_push(&migration->arena, migration->lines, migration->line_count,
		sizeof(*migration->lines));
	migration->lines[migration->line_count++] = (struct migrate_line){ .name = name,
		.source = source,
		.verdict = verdict,
		.key = key,
		.why = why,
		.acts = verdict != MIGRATE_IGNORED && server_config_acts_on(key) };
}

static bool is_number(const char *value)
{
	return value[0] != '\0' && strspn(value, "0123456789") == strlen(value) &&
	       strlen(value) < 10;
}

static bool is_bool(const char *value)
{
	return migrate_is_true(value) || strcasecmp(value, "false") == 0 || str_equal(value, "0") ||
	       strcasecmp(value, "f") == 0;
}

bool migrate_is_true(const char *value)
{
	return value != NULL && (strcasecmp(value, "true") == 0 || str_equal(value, "1") ||
					strcasecmp(value, "t") == 0);
}

static bool fits(const struct migrate_flag *flag, const char *value)
{
	if (flag->kind == FLAG_BOOL || flag->kind == FLAG_NOT)
		return is_bool(value);
	return flag->kind != FLAG_INT || is_number(value);
}

/* The first to say it wins; "" is the same as nothing. */
static void give(
	struct migration *migration, size_t at, const char *value, enum migrate_source source)
{
	const struct migrate_flag *flag = &migrate_flags[at];

	if (migration->given[at].source != FROM_NOWHERE || value[0] == '\0')
		return;
	if (!fits(flag, value)) {
		migrate_say(migration, flag->name, source, MIGRATE_IGNORED, "",
			flag->kind == FLAG_INT ? "the value is no number"
					       : "the value is neither true nor false");
		return;
	}
	migration->given[at].value = arena_strdup(&migration->arena, value);
	migration->given[at].source = source;
}

static int unknown_flag(const char *name, size_t length, struct err *err)
{
	_cleanup_free_ char *word = mem_strndup(name, length < 60 ? length : 60);
	struct config_nearest nearest = config_nearest(word);

	for (size_t i = 0; i < migrate_flag_count; i++)
		config_nearest_offer(&nearest, migrate_flags[i].name);
	return err_user(err, ERR_USAGE, "Atlantis has no flag --%s%s%s%s", word,
		nearest.best == NULL ? "" : "; did you mean --",
		nearest.best == NULL ? "" : nearest.best, nearest.best == NULL ? "" : "?");
}

int migrate_take_flags(struct migration *migration, int argc, char *const *argv, struct err *err)
{
	int i = argc > 0 && str_equal(argv[0], "atlantis");

	i += i < argc && str_equal(argv[i], "server");
	for (; i < argc; i++) {
		const char *name = argv[i] + 2, *value;
		const struct migrate_flag *flag;
		size_t length, at = 0;

		if (!str_starts(argv[i], "--"))
			return err_user(err, ERR_USAGE,
				"%.60s is no flag; give the flags of `atlantis server` as they are",
				argv[i]);
		length = strcspn(name, "=");
		flag = find_flag(name, length, &at);
		if (flag == NULL)
			return unknown_flag(name, length, err);
		if (name[length] == '=')
			value = name + length + 1;
		else if (flag->kind == FLAG_BOOL || flag->kind == FLAG_NOT)
			value = "true";
		else if (i + 1 < argc)
			value = argv[++i];
		else
			return err_user(err, ERR_USAGE, "--%s needs a value", flag->name);
		give(migration, at, value, FROM_FLAG);
	}
	return 0;
}

void migrate_take_environment(struct migration *migration, const char *name, const char *value)
{
	static const char prefix[] = "ATLANTIS_";
	char flag[80];
	size_t at = 0, length = strlen(name);

	if (!str_starts(name, prefix) || length - strlen(prefix) >= sizeof(flag))
		return;
	length -= strlen(prefix);
	for (size_t i = 0; i <= length; i++) {
		char c = name[strlen(prefix) + i];

		flag[i] = c == '_' ? '-' : (char)tolower((unsigned char)c);
	}
	if (find_flag(flag, length, &at) == NULL)
		migrate_say(migration, arena_strdup(&migration->arena, name), FROM_ENVIRONMENT,
			MIGRATE_IGNORED, "", "Atlantis has no flag of that name");
	else if (str_starts(value, "tcp://") && migrate_flags[at].kind == FLAG_INT)
		migrate_say(migration, arena_strdup(&migration->arena, name), FROM_ENVIRONMENT,
			MIGRATE_IGNORED, "", "Kubernetes put it there for a service of that name");
	else
		give(migration, at, value, FROM_ENVIRONMENT);
}

/* ---- the two files ---- */

static int parse(struct migration *migration, const char *bytes, size_t length,
	const struct yaml_node **ret, struct config_errors *errors, struct err *err)
{
	struct yaml_node *root = NULL;
	struct yaml_place place;
	int r = yaml_parse(bytes, length, &migration->arena, &root, &place, err);

	if (r < 0) {
		config_complain(errors, place, "", "", "%s", err->text);
		return r;
	}
	if (root->kind != YAML_MAP) {
		config_complain(errors, root->at, "", "", "expected keys");
		return err_user(err, ERR_CONFIG, "expected keys");
	}
	*ret = root;
	return 0;
}

/* A list is joined as Atlantis does it. */
static const char *joined(struct migration *migration, const struct yaml_node *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->count && list->items[i]->kind == YAML_SCALAR; i++)
		text = arena_printf(
			&migration->arena, "%s%s%s", text, i == 0 ? "" : ",", list->items[i]->text);
	return text;
}

int migrate_take_config(struct migration *migration, const char *bytes, size_t length,
	struct config_errors *errors, struct err *err)
{
	const struct yaml_node *root = NULL;
	int r = parse(migration, bytes, length, &root, errors, err);

	for (size_t i = 0; r == 0 && i + 1 < root->count; i += 2) {
		const char *name = root->items[i]->text;
		const struct yaml_node *value = root->items[i + 1];
		size_t at = 0;

		if (str_equal(name, "webhooks"))
			migration->webhooks = value;
		else if (find_flag(name, strlen(name), &at) == NULL)
			migrate_say(migration, name, FROM_CONFIG, MIGRATE_IGNORED, "",
				"Atlantis has no flag of that name");
		else if (value->kind == YAML_MAP)
			migrate_say(migration, name, FROM_CONFIG, MIGRATE_IGNORED, "",
				"the value is a map");
		else
			give(migration, at,
				value->kind == YAML_LIST ? joined(migration, value) : value->text,
				FROM_CONFIG);
	}
	return r;
}

int migrate_take_repos(struct migration *migration, const char *bytes, size_t length,
	struct config_errors *errors, struct err *err)
{
	return parse(migration, bytes, length, &migration->repos, errors, err);
}

/* ---- the result ---- */

struct yaml_node *migrate_list(struct migration *migration, const char *commas)
{
	struct yaml_node *list = yaml_new_list(&migration->arena);

	while (*commas != '\0') {
		size_t length = strcspn(commas, ","), blanks = strspn(commas, " \t\n");
		const char *end = commas + length;
		const char *begin = commas + (blanks < length ? blanks : length);

		while (end > begin && isspace((unsigned char)end[-1]))
			end--;
		if (end > begin)
			yaml_add(&migration->arena, list,
				yaml_new_text(
					&migration->arena, arena_strndup(&migration->arena, begin,
								   (size_t)(end - begin))));
		commas += length + (commas[length] == ',');
	}
	return list;
}

static struct yaml_node *plain_value(
	struct migration *migration, const struct migrate_flag *flag, const char *value)
{
	bool is_true = migrate_is_true(value);

	switch (flag->kind) {
	case FLAG_BOOL:
		return yaml_new_plain(&migration->arena, is_true ? "true" : "false");
	case FLAG_NOT:
		return yaml_new_plain(&migration->arena, is_true ? "false" : "true");
	case FLAG_INT:
		return yaml_new_plain(&migration->arena, value);
	case FLAG_LIST:
		return migrate_list(migration, value);
	case FLAG_TEXT:
	case FLAG_SECRET:
		break;
	}
	return yaml_new_text(&migration->arena, value);
}

static bool is_set(const struct yaml_node *map, const char *path)
{
	const char *dot = strchr(path, '.');
	_cleanup_free_ char *key = mem_strndup(
		path, dot == NULL ? strlen(path) : (size_t)(dot - path));
	const struct yaml_node *value = yaml_get(map, key);

	return value != NULL && (dot == NULL || is_set(value, dot + 1));
}

static void take_flag(struct migration *migration, const struct migrate_flag *flag,
	const char *value, enum migrate_source source)
{
	if (flag->verdict == MIGRATE_IGNORED) {
		migrate_say(migration, flag->name, source, MIGRATE_IGNORED, "", flag->why);
		migration->lines[migration->line_count - 1].is_guard = flag->is_guard;
		return;
	}
	migrate_say(migration, flag->name, source, flag->verdict, flag->key, flag->why);
	if (flag->take != NULL)
		flag->take(migration, flag, value);
	else if (!is_set(migration->root, flag->key)) /* two flags may say the same */
		yaml_set(&migration->arena, migration->root, flag->key,
			plain_value(migration, flag, value));
}

/* What Atlantis does when it is told nothing, and sluice does not. */
static void take_defaults(struct migration *migration)
{
	static const struct {
		const char *flag, *value;
	} defaults[] = { { "port", "4141" }, { "data-dir", "~/.atlantis" },
		{ "vcs-status-name", "atlantis" }, { "executable-name", "atlantis" },
		{ "allow-commands", "version,plan,apply,unlock,approve_policies,cancel" } };

	for (size_t i = 0; i < countof(defaults); i++) {
		size_t at = 0;

		if (find_flag(defaults[i].flag, strlen(defaults[i].flag), &at) != NULL &&
			migration->given[at].source == FROM_NOWHERE)
			take_flag(migration, &migrate_flags[at], defaults[i].value, FROM_NOWHERE);
	}
}

/* Atlantis looks for it from where it was started; the server has no such place. */
static void tell_policy_path(struct migration *migration, const struct yaml_node *set)
{
	const struct yaml_node *path = set->kind == YAML_MAP ? yaml_get(set, "path") : NULL;

	if (path == NULL || path->kind != YAML_SCALAR || path->text[0] == '/')
		return;
	migrate_say(migration, "policies.policy_sets[].path", FROM_REPOS, MIGRATE_CHANGED,
		"policies.policy_sets[].path",
		arena_printf(&migration->arena,
			"\"%.100s\" is refused: write the whole path of the folder, from / on",
			path->text));
	migration->lines[migration->line_count - 1].is_guard = true;
}

/* Policies that Atlantis reads and then never uses. */
static struct yaml_node *local_policies(
	struct migration *migration, const struct yaml_node *policies)
{
	struct yaml_node *kept = yaml_new_map(&migration->arena);

	for (size_t i = 0; policies->kind == YAML_MAP && i + 1 < policies->count; i += 2) {
		const struct yaml_node *sets = policies->items[i + 1];
		struct yaml_node *list = yaml_new_list(&migration->arena);

		for (size_t k = 0; str_equal(policies->items[i]->text, "policy_sets") &&
				   sets->kind == YAML_LIST && k < sets->count;
			k++) {
			const struct yaml_node *source = yaml_get(sets->items[k], "source");

			if (source == NULL || !str_equal(source->text, "github")) {
				tell_policy_path(migration, sets->items[k]);
				yaml_add(&migration->arena, list, sets->items[k]);
				continue;
			}
			migrate_say(migration, "policies.policy_sets[].source", FROM_REPOS,
				MIGRATE_IGNORED, "",
				"Atlantis never uses a set from github; put its rules into a "
				"folder");
			migration->lines[migration->line_count - 1].is_guard = true;
		}
		yaml_add(&migration->arena, kept, policies->items[i]);
		yaml_add(&migration->arena, kept, list->count > 0 ? list : policies->items[i + 1]);
	}
	return policies->kind == YAML_MAP ? kept : (struct yaml_node *)(uintptr_t)policies;
}

/* People make atlantis.yaml with them. */
static void tell_hooks(struct migration *migration, const struct yaml_node *rules)
{
	for (size_t i = 0; rules != NULL && rules->kind == YAML_LIST && i < rules->count; i++) {
		if (yaml_get(rules->items[i], "pre_workflow_hooks") == NULL)
			continue;
		migrate_say(migration, "repos[].pre_workflow_hooks", FROM_REPOS, MIGRATE_CHANGED,
			"repos[].pre_workflow_hooks",
			"they run before the projects of a plan are chosen, in the sandbox: an "
			"atlantis.yaml that they make counts like the pull request's own, what it "
			"guards is that of the base branch, and one that fails stops the plan");
		return;
	}
}

/* A plan stage without the built-in step `plan`, and with commands: one of them makes the plan. */
static bool plans_by_command(const struct yaml_node *workflow)
{
	const struct yaml_node *plan = workflow->kind == YAML_MAP ? yaml_get(workflow, "plan")
								  : NULL;
	const struct yaml_node *steps = plan != NULL && plan->kind == YAML_MAP
						? yaml_get(plan, "steps")
						: NULL;
	bool runs = false;

	for (size_t i = 0; steps != NULL && steps->kind == YAML_LIST && i < steps->count; i++) {
		const struct yaml_node *step = steps->items[i];
		const char *name = step->kind == YAML_MAP && step->count > 0 ? step->items[0]->text
				   : step->kind == YAML_SCALAR		     ? step->text
									     : "";

		if (str_equal(name, "plan"))
			return false;
		runs = runs || str_equal(name, "run");
	}
	return runs;
}

/* Commands of a workflow reach nobody, but one that makes the plan brings providers and asks a
 * cloud. Which cloud is nowhere in the file. */
static void take_commands(struct migration *migration, const struct yaml_node *workflows)
{
	static const char key[] = "sandbox.profiles.run.hosts";
	bool runs = false;

	for (size_t i = 0;
		workflows != NULL && workflows->kind == YAML_MAP && i + 1 < workflows->count;
		i += 2)
		runs = runs || plans_by_command(workflows->items[i + 1]);
	if (!runs)
		return;
	yaml_set(&migration->arena, migration->root, key,
		migrate_list(migration,
			"registry.terraform.io,releases.hashicorp.com,registry.opentofu.org,"
			"get.opentofu.org,github.com,codeload.github.com,"
			"objects.githubusercontent.com,release-assets.githubusercontent.com"));
	migrate_say(migration, "workflows", FROM_REPOS, MIGRATE_CHANGED, key,
		"a command of a workflow makes the plan, and commands reach nobody else: add the "
		"hosts of your cloud, and name its credentials in "
		"sandbox.profiles.run.environment");
}

/* Keys at the top of the file that have no place here. */
static bool leaves_out(struct migration *migration, const char *key)
{
	static const struct {
		const char *key, *why;
		bool is_guard;
	} rows[] = {
		{ "external_stores", "plans are kept in the data folder", false },
		{ "team_authz",
			"no program is asked who may command: name teams in the approvals of an "
			"environment",
			true },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (!str_equal(key, rows[i].key))
			continue;
		migrate_say(migration, key, FROM_REPOS, MIGRATE_IGNORED, "", rows[i].why);
		migration->lines[migration->line_count - 1].is_guard = rows[i].is_guard;
		return true;
	}
	return false;
}

static void take_repos(struct migration *migration)
{
	struct yaml_node *root = migration->root;
	const struct yaml_node *file = migration->repos;
	const struct yaml_node *given = file == NULL ? NULL : yaml_get(file, "repos");

	tell_hooks(migration, given);
	take_commands(migration, file == NULL ? NULL : yaml_get(file, "workflows"));
	if (migration->first_rule != NULL && (given == NULL || given->kind == YAML_LIST)) {
		struct yaml_node *list = yaml_new_list(&migration->arena);

		yaml_add(&migration->arena, list, migration->first_rule);
		for (size_t i = 0; given != NULL && i < given->count; i++)
			yaml_add(&migration->arena, list, given->items[i]);
		yaml_set(&migration->arena, root, "repos", list);
	}
	for (size_t i = 0; file != NULL && i + 1 < file->count; i += 2) {
		const char *key = file->items[i]->text;

		if (leaves_out(migration, key) ||
			is_set(root, key)) /* repos, with the first entry */
			continue;
		if (given != NULL && !server_config_knows(key)) {
			migrate_say(migration, key, FROM_REPOS, MIGRATE_IGNORED, "",
				"nobody knows this key at the top of the file; what guards "
				"repositories stands in an entry of repos");
			continue;
		}
		migrate_say(migration, key, FROM_REPOS, MIGRATE_KEPT, key, "");
		yaml_set_key(&migration->arena, root, key,
			str_equal(key, "policies") ? local_policies(migration, file->items[i + 1])
						   : file->items[i + 1]);
	}
}

int migrate_finish(struct migration *migration, struct strbuf *out, struct config_errors *errors,
	struct err *err)
{
	struct settings settings;
	int r;

	migration->root = yaml_new_map(&migration->arena);
	take_defaults(migration);
	for (size_t i = 0; i < migrate_flag_count; i++) {
		if (migration->given[i].source != FROM_NOWHERE)
			take_flag(migration, &migrate_flags[i], migration->given[i].value,
				migration->given[i].source);
	}
	migrate_hosts(migration);
	take_repos(migration);
	migrate_notifications(migration);
	strbuf_puts(
		out, "# made by `sluice migrate-atlantis`, whose report says what to do next\n");
	yaml_write(migration->root, out);
	if (out->overflowed)
		return err_user(err, ERR_LIMIT, "the result is larger than %zu bytes", out->cap);
	server_config_defaults(&settings);
	r = server_config_parse(strbuf_text(out), out->length, &settings, errors, err);
	arena_release(&settings.arena);
	return r;
}

void migrate_release(struct migration *migration)
{
	arena_release(&migration->arena);
	*migration = (struct migration){ 0 };
}

void migrate_reference(struct strbuf *out)
{
	strbuf_puts(out, "| flag | | key of server.yaml | why |\n|---|---|---|---|\n");
	for (size_t i = 0; i < migrate_flag_count; i++) {
		const struct migrate_flag *flag = &migrate_flags[i];
		bool acts = flag->key[0] == '\0' || server_config_acts_on(flag->key);

		strbuf_printf(out, "| `%s` | %s%s | %s%s%s | %s%s |\n", flag->name,
			migrate_verdict_name(flag->verdict), flag->is_guard ? ", **a guard**" : "",
			flag->key[0] == '\0' ? "" : "`", flag->key, flag->key[0] == '\0' ? "" : "`",
			flag->why,
			acts		       ? ""
			: flag->why[0] == '\0' ? "not acted on yet"
					       : "; not acted on yet");
	}
}
