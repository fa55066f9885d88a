/* What one file can be told beyond its keys: names that meet, names that are missing, circles. */
#include "config/overlap.h"
#include "config/repo_file.h"
#include "config/words.h"
#include "config/workflow_file.h"
#include "orchestrator/lib/glob.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct check {
	const struct config_decoder *decoder;
	struct repo_file *file;
	struct project_file **by_name; /* those that have one, sorted */
	size_t named_count;
};

struct yaml_place repo_file_place(const struct yaml_node *node, const char *key)
{
	const struct yaml_node *value = node == NULL ? NULL : yaml_get(node, key);

	return value != NULL ? value->at : node != NULL ? node->at : (struct yaml_place){ 0 };
}

static struct yaml_place item_place(const struct yaml_node *node, const char *key, size_t item)
{
	const struct yaml_node *value = yaml_get(node, key);

	if (value != NULL && value->kind == YAML_LIST && item < value->count)
		return value->items[item]->at;
	return repo_file_place(node, key);
}

static const char *project_path(
	struct check *check, const struct project_file *project, const char *key)
{
	return arena_printf(&check->decoder->errors->arena, "projects[%zu].%s",
		(size_t)(project - check->file->projects), key);
}

#define complain_project(check, project, key, hint, ...)                                           \
	config_complain((check)->decoder->errors, repo_file_place((project)->node, key),           \
		project_path(check, project, key), hint, __VA_ARGS__)

_printf_(4, 5) static void warn(
	struct check *check, struct yaml_place at, const char *path, const char *format, ...)
{
	struct repo_file *file = check->file;
	struct arena *arena = check->decoder->arena;
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	file->warnings = arena_push(
		arena, file->warnings, file->warning_count, sizeof(*file->warnings));
	file->warnings[file->warning_count++] = (struct config_note){ .at = config_place(
									      check->decoder, at),
		.path = arena_strdup(arena, path),
		.text = arena_strdup(arena, text) };
}

/* ---- each project by itself ---- */

/* "./a//b/" is "a/b", "" and "/" are ".". */
static const char *clean_folder(struct arena *arena, const char *dir)
{
	char *out = arena_alloc(arena, strlen(dir) + 2), *end = out;

	while (*dir != '\0') {
		size_t length;

		dir += strspn(dir, "/");
		length = strcspn(dir, "/");
		if (length == 0 || (length == 1 && dir[0] == '.')) {
			dir += length;
			continue;
		}
		if (end != out)
			*end++ = '/';
		memcpy(end, dir, length);
		end += length;
		dir += length;
	}
	return end == out ? "." : out;
}

/* One version as the tool prints it: 1.5 is 1.5.0. */
static const char *clean_version(struct arena *arena, const char *version)
{
	size_t digits;
	int dots = 0;

	if (!word_is_version(version))
		return version;
	version += *version == 'v';
	digits = strspn(version, "0123456789.");
	for (size_t i = 0; i < digits; i++)
		dots += version[i] == '.';
	return arena_printf(arena, "%.*s%s%s", (int)digits, version,
		dots == 0   ? ".0.0"
		: dots == 1 ? ".0"
			    : "",
		version + digits);
}

static void finish_project(struct check *check, struct project_file *project)
{
	struct project_config *config = &project->config;
	struct arena *arena = check->decoder->arena;

	config->dir = clean_folder(arena, config->dir);
	if (config->tool_version[0] != '\0' && !word_is_version(config->tool_version))
		warn(check, repo_file_place(project->node, "terraform_version"),
			project_path(check, project, "terraform_version"),
			"\"%.60s\" is no version: no tool will be found for it",
			config->tool_version);
	config->tool_version = clean_version(arena, config->tool_version);
	if (config->workspace[0] == '\0')
		config->workspace = "default";
	if (project->distribution != NULL && config->kind[0] != '\0' &&
		!str_equal(project->distribution, config->kind))
		complain_project(check, project, "terraform_distribution", "leave it out",
			"it says something else than `kind`");
	if (config->kind[0] == '\0' && project->distribution != NULL)
		config->kind = project->distribution;
	if ((project->given & (REPO_LOCKING | REPO_LOCKS)) == REPO_LOCKING)
		config->lock = project->repo_locking ? LOCK_ON_PLAN : LOCK_DISABLED;
	config->silence_plan = (project->silence & SILENCE_PLAN) != 0;
	config->silence_apply = (project->silence & SILENCE_APPLY) != 0;
	config->has_when_modified = config->when_modified.count > 0;
	if (config->name[0] != '\0' && glob_is_pattern(config->dir))
		complain_project(check, project, "name", "leave it out",
			"the folders of the pattern \"%.100s\" cannot all have one name",
			config->dir);
}

static bool has_environment(const struct repo_file *file, const char *name)
{
	for (size_t i = 0; i < file->environment_count; i++) {
		if (str_equal(file->environments[i].environment.name, name))
			return true;
	}
	return name[0] == '\0';
}

static void complain_environment(
	struct check *check, struct yaml_place at, const char *path, const char *name)
{
	struct config_nearest nearest = config_nearest(name);
	const struct repo_file *file = check->file;

	for (size_t i = 0; i < file->environment_count; i++)
		config_nearest_offer(&nearest, file->environments[i].environment.name);
	config_complain(check->decoder->errors, at, path,
		config_did_you_mean(check->decoder->errors, nearest.best),
		"there is no environment \"%.60s\"", name);
}

static const char *const own_checks[] = { "checkov", "conftest", "kubeconform", "secrets" };

static bool has_check(const struct repo_file *file, const char *name)
{
	for (size_t i = 0; i < countof(own_checks); i++) {
		if (str_equal(own_checks[i], name))
			return true;
	}
	for (size_t i = 0; i < file->check_count; i++) {
		if (str_equal(file->checks[i].name, name))
			return true;
	}
	return false;
}

static void complain_check(struct check *check, const struct project_file *project, size_t item)
{
	const char *name = project->config.checks.list[item];
	struct config_nearest nearest = config_nearest(name);
	const struct repo_file *file = check->file;

	for (size_t i = 0; i < countof(own_checks); i++)
		config_nearest_offer(&nearest, own_checks[i]);
	for (size_t i = 0; i < file->check_count; i++)
		config_nearest_offer(&nearest, file->checks[i].name);
	config_complain(check->decoder->errors, item_place(project->node, "checks", item),
		project_path(check, project, "checks"),
		config_did_you_mean(check->decoder->errors, nearest.best),
		"there is no check \"%.60s\"", name);
}

static bool is_full(const struct check *check)
{
	return check->decoder->errors->found >= CONFIG_ERRORS_MAX;
}

static void check_names_used(struct check *check, const struct project_file *project)
{
	const struct project_config *config = &project->config;

	if (!has_environment(check->file, config->environment) && !is_full(check))
		complain_environment(check, repo_file_place(project->node, "environment"),
			project_path(check, project, "environment"), config->environment);
	for (size_t i = 0; i < config->checks.count && !is_full(check); i++) {
		if (!has_check(check->file, config->checks.list[i]))
			complain_check(check, project, i);
	}
}

/* ---- projects beside each other ---- */

static int by_name(const void *a, const void *b)
{
	const struct project_file *x = *(struct project_file *const *)a;
	const struct project_file *y = *(struct project_file *const *)b;
	int order = strcmp(x->config.name, y->config.name);

	return order != 0 ? order : (x > y) - (x < y);
}

static int by_folder(const void *a, const void *b)
{
	const struct project_file *x = *(struct project_file *const *)a;
	const struct project_file *y = *(struct project_file *const *)b;
	int order = strcmp(x->config.dir, y->config.dir);

	if (order == 0)
		order = strcmp(x->config.workspace, y->config.workspace);
	return order != 0 ? order : (x > y) - (x < y);
}

static void check_repeated_names(struct check *check)
{
	for (size_t i = 1; i < check->named_count; i++) {
		const struct project_file *one = check->by_name[i - 1], *other = check->by_name[i];

		if (str_equal(one->config.name, other->config.name))
			complain_project(check, other, "name", "",
				"the project of line %d has this name too", one->config.at.line);
	}
}

static void check_repeated_folders(struct check *check, struct project_file **projects)
{
	size_t count = check->file->project_count;

	qsort(projects, count, sizeof(*projects), by_folder);
	for (size_t i = 1; i < count; i++) {
		const struct project_file *one = projects[i - 1], *other = projects[i];

		if (str_equal(one->config.dir, other->config.dir) &&
			str_equal(one->config.workspace, other->config.workspace) &&
			(one->config.name[0] == '\0' || other->config.name[0] == '\0'))
			complain_project(check, other, "dir", "give both a name",
				"the project of line %d has this folder and workspace too",
				one->config.at.line);
	}
}

static struct project_file *find_project(const struct check *check, const char *name)
{
	size_t low = 0, high = check->named_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(check->by_name[middle]->config.name, name);

		if (order == 0)
			return check->by_name[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void check_dependency(struct check *check, const struct project_file *project, size_t item)
{
	struct config_errors *errors = check->decoder->errors;
	const char *name = project->config.depends_on.list[item];
	struct config_nearest nearest = config_nearest(name);

	if (find_project(check, name) != NULL || is_full(check))
		return;
	for (size_t i = 0; i < check->named_count; i++)
		config_nearest_offer(&nearest, check->by_name[i]->config.name);
	config_complain(errors, item_place(project->node, "depends_on", item),
		project_path(check, project, "depends_on"),
		config_did_you_mean(errors, nearest.best), "there is no project \"%.60s\"", name);
}

/* Who waits for a project, as lists through `edges`; 0 ends a list. */
struct waiting {
	size_t *first; /* of each project: its newest edge */
	size_t *open;  /* of each project: how many it still waits for */
	size_t *ready; /* projects that wait for nothing any more */
	size_t ready_count;
	struct waiting_edge {
		size_t user, next;
	} * edges;
};

static void add_edges(struct check *check, struct waiting *waiting)
{
	const struct repo_file *file = check->file;
	size_t count = 0;

	for (size_t i = 0; i < file->project_count; i++) {
		const struct name_list *names = &file->projects[i].config.depends_on;

		for (size_t k = 0; k < names->count; k++) {
			const struct project_file *other = find_project(check, names->list[k]);

			if (other == NULL)
				continue;
			waiting->edges[++count] = (struct waiting_edge){ i,
				waiting->first[other - file->projects] };
			waiting->first[other - file->projects] = count;
			waiting->open[i]++;
		}
		if (waiting->open[i] == 0)
			waiting->ready[waiting->ready_count++] = i;
	}
}

/* Takes away what waits for nothing, again and again; what is left waits for itself. */
static void check_circles(struct check *check)
{
	const struct repo_file *file = check->file;
	_cleanup_(arena_release) struct arena arena = { 0 };
	size_t count = file->project_count, edge_count = 1;
	struct waiting waiting = { arena_alloc(&arena, (count + 1) * sizeof(size_t)),
		arena_alloc(&arena, (count + 1) * sizeof(size_t)),
		arena_alloc(&arena, (count + 1) * sizeof(size_t)), 0, NULL };

	for (size_t i = 0; i < count; i++)
		edge_count += file->projects[i].config.depends_on.count;
	waiting.edges = arena_alloc(&arena, edge_count * sizeof(*waiting.edges));
	add_edges(check, &waiting);
	while (waiting.ready_count > 0) {
		size_t done = waiting.ready[--waiting.ready_count];

		for (size_t e = waiting.first[done]; e != 0; e = waiting.edges[e].next) {
			if (--waiting.open[waiting.edges[e].user] == 0)
				waiting.ready[waiting.ready_count++] = waiting.edges[e].user;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (waiting.open[i] == 0)
			continue;
		complain_project(check, &file->projects[i], "depends_on", "",
			"the projects wait for each other in a circle");
		return; /* the first is enough to find it */
	}
}

static void check_projects(struct check *check)
{
	struct repo_file *file = check->file;
	size_t room = (file->project_count + 1) * sizeof(struct project_file *);
	_cleanup_free_ struct project_file **all = mem_alloc(room), **named = mem_alloc(room);

	for (size_t i = 0; i < file->project_count; i++) {
		finish_project(check, &file->projects[i]);
		check_names_used(check, &file->projects[i]);
		all[i] = &file->projects[i];
		if (file->projects[i].config.name[0] != '\0')
			named[check->named_count++] = &file->projects[i];
	}
	check->by_name = named;
	qsort(named, check->named_count, sizeof(*named), by_name);
	check_repeated_names(check);
	check_repeated_folders(check, all);
	for (size_t i = 0; i < file->project_count; i++) {
		for (size_t k = 0; k < file->projects[i].config.depends_on.count; k++)
			check_dependency(check, &file->projects[i], k);
	}
	check_circles(check);
}

/* ---- environments ---- */

static void check_rule(struct check *check, const struct environment *environment, size_t number)
{
	const struct approval_rule *rule = &environment->approvals[number];
	struct config_errors *errors = check->decoder->errors;
	const char *path = arena_printf(
		&errors->arena, "environments.%.60s.approvals[%zu]", environment->name, number);
	struct yaml_place at = { rule->at.line, rule->at.column };

	for (size_t i = 0; i < number; i++) {
		if (str_equal(environment->approvals[i].name, rule->name))
			config_complain(errors, at, path, "",
				"the rule of line %d has this name too",
				environment->approvals[i].at.line);
	}
	for (size_t i = 0; i < rule->including_count; i++) {
		if (rule->including[i].count > rule->require.count)
			config_complain(errors, at, path, "raise `require.count`",
				"%d of %d approvals cannot come from one group",
				rule->including[i].count, rule->require.count);
	}
}

/* ---- discovery ---- */

static size_t count_stars(const char *pattern)
{
	size_t stars = 0;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern != '*')
			continue;
		stars++;
		pattern += strspn(pattern, "*") - 1;
	}
	return stars;
}

/* {1} must be the number of a star in every pattern of `dirs`. */
static const char *wrong_capture(const struct discover_rule *rule, const char *text)
{
	for (const char *at = strchr(text, '{'); at != NULL; at = strchr(at + 1, '{')) {
		char *end = NULL;
		unsigned long number = strtoul(at + 1, &end, 10);

		if (end == at + 1 || *end != '}' || number == 0)
			return at;
		for (size_t i = 0; i < rule->dirs.count; i++) {
			if (count_stars(rule->dirs.list[i]) < number)
				return at;
		}
	}
	return NULL;
}

static void check_captures(struct check *check, const struct discover_file *discover, size_t number)
{
	const struct discover_rule *rule = &discover->rule;
	const struct {
		const char *key, *text;
	} templates[] = { { "name", rule->name }, { "environment", rule->environment } };
	struct config_errors *errors = check->decoder->errors;

	for (size_t i = 0; i < countof(templates); i++) {
		const char *path = arena_printf(
			&errors->arena, "discover[%zu].%s", number, templates[i].key);
		const char *wrong = wrong_capture(rule, templates[i].text);

		if (wrong != NULL)
			config_complain(errors, repo_file_place(discover->node, templates[i].key),
				path, "", "\"%.20s\" names no star of `dirs`", wrong);
	}
	for (size_t i = 0; rule->name[0] != '\0' && i < rule->dirs.count; i++) {
		if (glob_is_pattern(rule->dirs.list[i]) && strchr(rule->name, '{') == NULL) {
			config_complain(errors, repo_file_place(discover->node, "name"),
				arena_printf(&errors->arena, "discover[%zu].name", number),
				"use {1}, or leave it out",
				"all folders of the pattern would have one name");
			return;
		}
	}
}

static void check_discover_environment(
	struct check *check, const struct discover_file *discover, size_t number)
{
	const char *wanted = discover->rule.environment;

	if (strchr(wanted, '{') == NULL && !has_environment(check->file, wanted))
		complain_environment(check, repo_file_place(discover->node, "environment"),
			arena_printf(&check->decoder->errors->arena, "discover[%zu].environment",
				number),
			wanted);
}

static bool is_excluded(const struct discover_rule *rule, const char *folder)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob_list list;
	struct err err = { 0 };

	return glob_list_compile(GLOB_PATH, "", rule->exclude.list, rule->exclude.count, &arena,
		       &list, &err) == 0 &&
	       glob_list_find(&list, folder) != NULL;
}

/* The pair of patterns by which two rules claim one folder. A pattern that the other rule excludes
 * is none. */
static bool do_overlap(const struct discover_rule *a, const struct discover_rule *b,
	const char **ret_a, const char **ret_b, long *steps)
{
	for (size_t i = 0; i < a->dirs.count; i++) {
		for (size_t k = 0; k < b->dirs.count; k++) {
			*ret_a = a->dirs.list[i];
			*ret_b = b->dirs.list[k];
			if (overlap_of(*ret_a, *ret_b, steps) && !is_excluded(a, *ret_b) &&
				!is_excluded(b, *ret_a))
				return true;
		}
	}
	return false;
}

static void check_discovery(struct check *check)
{
	struct config_errors *errors = check->decoder->errors;
	struct repo_file *file = check->file;
	long steps = OVERLAP_STEPS;
	const char *one, *other;

	for (size_t i = 0; i < file->discover_rule_count; i++) {
		struct discover_rule *rule = &file->discover_rules[i].rule;

		for (size_t k = 0; k < rule->dirs.count; k++)
			rule->dirs.list[k] = clean_folder(
				check->decoder->arena, rule->dirs.list[k]);
		check_captures(check, &file->discover_rules[i], i);
		check_discover_environment(check, &file->discover_rules[i], i);
		for (size_t k = 0; k < i; k++) {
			const struct discover_file *before = &file->discover_rules[k];

			if (!do_overlap(&before->rule, rule, &one, &other, &steps))
				continue;
			config_complain(errors,
				repo_file_place(file->discover_rules[i].node, "dirs"),
				arena_printf(&errors->arena, "discover[%zu].dirs", i),
				"add to `exclude` what belongs to the other",
				"\"%.60s\" and \"%.60s\" of line %d can be the same folder", other,
				one, before->rule.at.line);
		}
	}
}

/* ---- all of it ---- */

void repo_file_check(const struct config_decoder *decoder, struct repo_file *file)
{
	struct check check = { .decoder = decoder, .file = file };

	for (size_t i = 0; i < file->workflow_count; i++)
		workflow_finish(decoder, &file->workflows[i], file->version == 2);
	for (size_t i = 0; i < file->environment_count; i++) {
		const struct environment *environment = &file->environments[i].environment;

		for (size_t k = 0; k < environment->approval_count; k++)
			check_rule(&check, environment, k);
	}
	if (file->given & FILE_POLICIES)
		warn(&check, repo_file_place(file->root, "policies"), "policies",
			"read and not used: the server's policies count");
	check_projects(&check);
	check_discovery(&check);
}
