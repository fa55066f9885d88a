/* From a folder to who guards it. */
#include "config/guard.h"

#include "config/overlap.h"
#include "orchestrator/lib/glob.h"

#include <string.h>

static int by_folder(const void *a, const void *b)
{
	const struct project_config *x = *(const struct project_config *const *)a;
	const struct project_config *y = *(const struct project_config *const *)b;
	int order = strcmp(x->dir, y->dir);

	if (order == 0)
		order = strcmp(x->workspace, y->workspace);
	return order != 0 ? order : (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
	const struct project_config *x = *(const struct project_config *const *)a;
	const struct project_config *y = *(const struct project_config *const *)b;

	return strcmp(x->name, y->name);
}

/* Whatever cannot be compiled, although the table of the keys looked at it, means every folder: a
 * guard too many is safe. */
static struct glob_list compile(struct arena *arena, const struct name_list *texts)
{
	static const char *every[] = { "**" };
	struct glob_list list = { 0 };
	struct err err = { 0 };

	if (glob_list_compile(GLOB_PATH, "", texts->list, texts->count, arena, &list, &err) < 0 &&
		glob_list_compile(GLOB_PATH, "", every, 1, arena, &list, &err) < 0)
		abort();
	return list;
}

static void compile_rules(struct guards *guards, const struct repo_file *base)
{
	guards->rules = arena_alloc(
		guards->arena, (base->discover_rule_count + 1) * sizeof(*guards->rules));
	for (size_t i = 0; i < base->discover_rule_count; i++) {
		const struct discover_rule *rule = &base->discover_rules[i].rule;
		struct guard_rule *compiled = &guards->rules[i];
		struct err err = { 0 };

		compiled->dirs = compile(guards->arena, &rule->dirs);
		if (glob_list_compile(GLOB_PATH, "", rule->exclude.list, rule->exclude.count,
			    guards->arena, &compiled->exclude, &err) < 0)
			compiled->exclude = (struct glob_list){ 0 };
	}
}

void guards_init(struct guards *guards, const struct repo_file *base,
	const struct project_config *projects, struct arena *arena)
{
	size_t count = base == NULL ? 0 : base->project_count;
	size_t room = (count + 1) * sizeof(struct project_config *);

	*guards = (struct guards){ .base = base,
		.projects = projects,
		.by_folder = arena_alloc(arena, room),
		.by_name = arena_alloc(arena, room),
		.patterns = arena_alloc(arena, room),
		.steps = OVERLAP_STEPS,
		.arena = arena };
	for (size_t i = 0; i < count; i++) {
		guards->by_folder[i] = &projects[i];
		if (projects[i].name[0] != '\0')
			guards->by_name[guards->named_count++] = &projects[i];
		if (glob_is_pattern(projects[i].dir))
			guards->patterns[guards->pattern_count++] = &projects[i];
	}
	if (base != NULL)
		compile_rules(guards, base);
	qsort(guards->by_folder, count, sizeof(*guards->by_folder), by_folder);
	qsort(guards->by_name, guards->named_count, sizeof(*guards->by_name), by_name);
}

/* The first entry of that folder in the sorted list, or the place where it would be. */
static size_t first_of_folder(const struct guards *guards, const char *dir)
{
	size_t low = 0, high = guards->base->project_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(guards->by_folder[middle]->dir, dir) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Same folder and workspace; of several the one of the same name. */
static const struct project_config *find_same(
	const struct guards *guards, const struct project_config *head)
{
	const struct project_config *found = NULL;
	size_t i = first_of_folder(guards, head->dir);

	for (; i < guards->base->project_count && str_equal(guards->by_folder[i]->dir, head->dir);
		i++) {
		const struct project_config *entry = guards->by_folder[i];

		if (str_equal(entry->workspace, head->workspace) &&
			(found == NULL || str_equal(entry->name, head->name)))
			found = entry;
	}
	return found;
}

static const struct project_config *find_named(
	const struct guards *guards, const struct project_config *head)
{
	const struct project_config **found;

	if (head->name[0] == '\0')
		return NULL;
	found = bsearch(&head, guards->by_name, guards->named_count, sizeof(*found), by_name);
	return found == NULL ? NULL : *found;
}

static void add_requirements(struct guard *guard, const struct project_config *entry)
{
	guard->plan_requires |= entry->plan_requires;
	guard->apply_requires |= entry->apply_requires;
	guard->import_requires |= entry->import_requires;
}

/* The same folder in other workspaces: all that they require, and one of their environments, the
 * head's own choice first. */
static void guard_by_folder(
	const struct guards *guards, const struct project_config *head, struct guard *guard)
{
	size_t i = first_of_folder(guards, head->dir);
	const char *first = "";

	for (; i < guards->base->project_count && str_equal(guards->by_folder[i]->dir, head->dir);
		i++) {
		const char *environment = guards->by_folder[i]->environment;

		add_requirements(guard, guards->by_folder[i]);
		if (first[0] == '\0' ||
			(environment[0] != '\0' && str_equal(environment, head->environment)))
			first = environment;
	}
	guard->environment = first;
}

static void claim(struct guard *guard, const char *environment)
{
	if (environment[0] == '\0' || str_equal(guard->environment, environment))
		return;
	if (guard->environment[0] != '\0')
		guard->is_disputed = true;
	else
		guard->environment = environment;
}

/* Entries whose patterns can mean a folder of this one, when one of both is a pattern. */
static void guard_by_pattern(
	struct guards *guards, const struct project_config *head, struct guard *guard)
{
	bool is_pattern = glob_is_pattern(head->dir);
	size_t count = is_pattern ? guards->base->project_count : guards->pattern_count;

	for (size_t i = 0; i < count; i++) {
		const struct project_config *entry = is_pattern ? &guards->projects[i]
								: guards->patterns[i];

		if (str_equal(entry->dir, head->dir) ||
			!overlap_of(entry->dir, head->dir, &guards->steps))
			continue;
		if (guard->project == NULL && !is_pattern)
			guard->project = entry;
		add_requirements(guard, entry);
		claim(guard, entry->environment);
	}
}

/* {1} is what the first star matched. */
static const char *fill(struct arena *arena, const char *text, const char **captures, size_t count)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(4096);

	while (*text != '\0') {
		char *end = NULL;
		unsigned long number = *text == '{' ? strtoul(text + 1, &end, 10) : 0;

		if (number >= 1 && number <= count && end != NULL && *end == '}') {
			strbuf_puts(&out, captures[number - 1]);
			text = end + 1;
		} else {
			strbuf_putc(&out, *text++);
		}
	}
	return arena_strdup(arena, strbuf_text(&out));
}

/* A pattern of the head over folders of a rule. */
static void claim_pattern(struct guards *guards, const struct discover_rule *rule,
	const struct project_config *head, struct guard *guard)
{
	for (size_t i = 0; i < rule->dirs.count; i++) {
		if (!overlap_of(rule->dirs.list[i], head->dir, &guards->steps))
			continue;
		if (strchr(rule->environment, '{') != NULL)
			guard->is_disputed = true;
		else
			claim(guard, rule->environment);
	}
}

static void claim_folder(struct guards *guards, const struct discover_rule *rule,
	const struct glob_list *dirs, const struct project_config *head, struct guard *guard)
{
	const char *captures[GLOB_STARS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < dirs->count; i++) {
		if (glob_captures(&dirs->globs[i], head->dir, guards->arena, captures, &count))
			claim(guard, fill(guards->arena, rule->environment, captures, count));
	}
}

static void guard_by_discovery(
	struct guards *guards, const struct project_config *head, struct guard *guard)
{
	for (size_t i = 0; i < guards->base->discover_rule_count; i++) {
		const struct discover_rule *rule = &guards->base->discover_rules[i].rule;

		if (rule->environment[0] == '\0' ||
			glob_list_find(&guards->rules[i].exclude, head->dir) != NULL)
			continue;
		if (glob_is_pattern(head->dir))
			claim_pattern(guards, rule, head, guard);
		else
			claim_folder(guards, rule, &guards->rules[i].dirs, head, guard);
	}
}

void guards_find(struct guards *guards, const struct project_config *head, struct guard *ret)
{
	const struct project_config *named;

	*ret = (struct guard){ .environment = "" };
	if (guards->base == NULL)
		return;
	named = find_named(guards, head);
	ret->project = find_same(guards, head);
	if (ret->project != NULL) {
		ret->environment = ret->project->environment;
		add_requirements(ret, ret->project);
	} else {
		guard_by_folder(guards, head, ret);
	}
	if (ret->project == NULL) {
		guard_by_pattern(guards, head, ret);
		guard_by_discovery(guards, head, ret);
	}
	if (named != NULL && ret->project == NULL) {
		ret->project = named;
		add_requirements(ret, named);
		if (ret->environment[0] == '\0')
			ret->environment = named->environment;
	}
}
