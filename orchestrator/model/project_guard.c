/* The guard of a project as JSON, both ways. */
#include "orchestrator/model/project_guard.h"

#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { GUARD_BYTES_MAX = 4 << 20, LIST_MAX = 10000, COUNT_MAX = 1000000 };

/* ---- reading ---- */

struct source { /* the first failure stays */
	struct arena *arena;
	struct err *err;
	int r;
};

static void names_from(
	struct source *source, struct jsonx *reader, const char *key, struct name_list *ret)
{
	const json_t *list = jsonx_array_or(reader, key);
	size_t count = json_array_size(list);

	*ret = (struct name_list){ 0 };
	if (count > LIST_MAX) {
		source->r = err_set(
			source->err, ERR_LIMIT, "%s: too many entries in %s", reader->what, key);
		return;
	}
	ret->list = arena_alloc(source->arena, (count + 1) * sizeof(*ret->list));
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL) {
			source->r = err_set(source->err, ERR_SYNTAX, "%s: %s[%zu] must be text",
				reader->what, key, i);
			return;
		}
		ret->list[ret->count++] = arena_strdup(source->arena, text);
	}
}

static int64_t number_from(
	struct source *source, struct jsonx *reader, const char *key, int64_t least, int64_t most)
{
	int64_t number = jsonx_int(reader, key);

	if (reader->failed == 0 && (number < least || number > most))
		source->r = err_set(
			source->err, ERR_SYNTAX, "%s: %s is out of range", reader->what, key);
	return number;
}

static const char *text_from(struct source *source, struct jsonx *reader, const char *key)
{
	return arena_strdup(source->arena, jsonx_string(reader, key));
}

static void people_from(struct source *source, const json_t *json, struct people_rule *ret)
{
	struct jsonx reader = jsonx_reader(json, "people", source->err);

	ret->count = (int)number_from(source, &reader, "count", 1, COUNT_MAX);
	names_from(source, &reader, "teams", &ret->teams);
	names_from(source, &reader, "users", &ret->users);
	ret->source = arena_strdup(source->arena, jsonx_string_or(&reader, "source", NULL));
	source->r = source->r < 0 ? source->r : reader.failed;
}

static void rule_from(struct source *source, const json_t *json, struct approval_rule *ret)
{
	struct jsonx reader = jsonx_reader(json, "rule", source->err);
	const json_t *including;

	*ret = (struct approval_rule){ .name = text_from(source, &reader, "name"),
		.if_more_than = (int)number_from(source, &reader, "more_than", -1, COUNT_MAX),
		.exclude = (unsigned)number_from(source, &reader, "exclude", 0, 255),
		.binds_to_plan = jsonx_bool_or(&reader, "binds_to_plan", true),
		.if_runs_code = jsonx_bool_or(&reader, "runs_code", false),
		.from_head = jsonx_bool_or(&reader, "from_head", false),
		.problem = arena_strdup(source->arena, jsonx_string_or(&reader, "problem", NULL)) };
	names_from(source, &reader, "paths", &ret->if_paths);
	names_from(source, &reader, "labels", &ret->if_labels);
	names_from(source, &reader, "authors", &ret->if_authors);
	names_from(source, &reader, "actions", &ret->if_plan_actions);
	names_from(source, &reader, "types", &ret->if_resource_types);
	names_from(source, &reader, "has", &ret->if_plan_has);
	people_from(source, jsonx_object(&reader, "require"), &ret->require);
	including = jsonx_array_or(&reader, "including");
	source->r = source->r < 0 ? source->r : reader.failed;
	ret->including = arena_alloc(
		source->arena, (json_array_size(including) + 1) * sizeof(*ret->including));
	for (size_t i = 0; source->r == 0 && i < json_array_size(including); i++)
		people_from(source, json_array_get(including, i),
			&ret->including[ret->including_count++]);
}

static void freeze_from(struct source *source, const json_t *json, struct freeze *ret)
{
	struct jsonx reader = jsonx_reader(json, "freeze", source->err);

	*ret = (struct freeze){ .cron = text_from(source, &reader, "cron"),
		.timezone = text_from(source, &reader, "timezone"),
		.reason = text_from(source, &reader, "reason"),
		.for_ms = number_from(source, &reader, "for_ms", 1, INT64_C(86400000) * 400) };
	source->r = source->r < 0 ? source->r : reader.failed;
}

/* Plans of older versions have none: nobody may. */
static void break_glass_from(struct source *source, const json_t *json, struct break_glass *ret)
{
	struct jsonx reader = jsonx_reader(json, "break_glass", source->err);

	if (json == NULL || source->r < 0)
		return;
	people_from(source, jsonx_object(&reader, "people"), &ret->people);
	ret->needs_second = jsonx_bool_or(&reader, "second", true);
	source->r = source->r < 0 ? source->r : reader.failed;
}

static void checks_from(struct source *source, const json_t *list, struct project_guard *ret)
{
	size_t count = json_array_size(list);

	ret->checks = arena_alloc(source->arena, (count + 1) * sizeof(*ret->checks));
	for (size_t i = 0; source->r == 0 && i < count; i++) {
		struct jsonx reader = jsonx_reader(json_array_get(list, i), "check", source->err);
		struct guard_check *check = &ret->checks[ret->check_count++];
		const json_t *needs = json_object_get(json_array_get(list, i), "skip_needs");

		*check = (struct guard_check){ .name = text_from(source, &reader, "name") };
		source->r = source->r < 0 ? source->r : reader.failed;
		if (source->r == 0 && needs != NULL)
			people_from(source, needs, &check->skip_needs);
	}
}

int project_guard_read(
	const char *text, struct arena *arena, struct project_guard *ret, struct err *err)
{
	struct source source = { .arena = arena, .err = err };
	const json_t *rules, *freezes;
	_cleanup_json_ json_t *json = NULL;
	struct jsonx reader;
	int r;

	*ret = (struct project_guard){ .environment = "" };
	if (str_empty(text))
		return 0;
	r = jsonx_parse(text, strlen(text), GUARD_BYTES_MAX, &json, err);
	if (r < 0)
		return err_wrap(err, "the guard of a project");
	reader = jsonx_reader(json, "guard", err);
	ret->environment = text_from(&source, &reader, "environment");
	ret->apply_requires = (unsigned)number_from(&source, &reader, "apply_requires", 0, 255);
	/* plans of older versions have none, and are made already */
	ret->plan_requires = (unsigned)jsonx_int_or(&reader, "plan_requires", 0);
	names_from(&source, &reader, "owners", &ret->owners);
	rules = jsonx_array_or(&reader, "rules");
	freezes = jsonx_array_or(&reader, "freezes");
	checks_from(&source, jsonx_array_or(&reader, "checks"), ret);
	source.r = source.r < 0 ? source.r : reader.failed;
	ret->rules = arena_alloc(arena, (json_array_size(rules) + 1) * sizeof(*ret->rules));
	ret->freezes = arena_alloc(arena, (json_array_size(freezes) + 1) * sizeof(*ret->freezes));
	for (size_t i = 0; source.r == 0 && i < json_array_size(rules); i++)
		rule_from(&source, json_array_get(rules, i), &ret->rules[ret->rule_count++]);
	for (size_t i = 0; source.r == 0 && i < json_array_size(freezes); i++)
		freeze_from(
			&source, json_array_get(freezes, i), &ret->freezes[ret->freeze_count++]);
	break_glass_from(&source, json_object_get(json, "break_glass"), &ret->break_glass);
	return source.r;
}

/* ---- writing ---- */

static json_t *names_json(const struct name_list *names)
{
	json_t *json = json_array();

	for (size_t i = 0; i < names->count; i++)
		json_array_append_new(json, jsonx_any(names->list[i]));
	return json;
}

static json_t *people_json(const struct people_rule *people)
{
	json_t *json = json_pack("{s:i, s:o, s:o}", "count", people->count, "teams",
		names_json(&people->teams), "users", names_json(&people->users));

	if (people->source != NULL)
		json_object_set_new(json, "source", jsonx_any(people->source));
	return json;
}

static json_t *rule_json(const struct approval_rule *rule)
{
	json_t *including = json_array();
	json_t *json = json_pack("{s:o, s:i, s:i, s:b, s:b, s:o}", "name", jsonx_any(rule->name),
		"more_than", rule->if_more_than, "exclude", (int)rule->exclude, "binds_to_plan",
		rule->binds_to_plan, "runs_code", rule->if_runs_code, "require",
		people_json(&rule->require));

	json_object_set_new(json, "from_head", json_boolean(rule->from_head));
	json_object_set_new(json, "paths", names_json(&rule->if_paths));
	json_object_set_new(json, "labels", names_json(&rule->if_labels));
	json_object_set_new(json, "authors", names_json(&rule->if_authors));
	json_object_set_new(json, "actions", names_json(&rule->if_plan_actions));
	json_object_set_new(json, "types", names_json(&rule->if_resource_types));
	json_object_set_new(json, "has", names_json(&rule->if_plan_has));
	for (size_t i = 0; i < rule->including_count; i++)
		json_array_append_new(including, people_json(&rule->including[i]));
	json_object_set_new(json, "including", including);
	if (rule->problem != NULL)
		json_object_set_new(json, "problem", jsonx_any(rule->problem));
	return json;
}

static json_t *checks_json(const struct project_guard *guard)
{
	json_t *list = json_array();

	for (size_t i = 0; i < guard->check_count; i++) {
		const struct guard_check *check = &guard->checks[i];
		json_t *json = json_pack("{s:o}", "name", jsonx_any(check->name));

		if (check->skip_needs.count > 0)
			json_object_set_new(json, "skip_needs", people_json(&check->skip_needs));
		json_array_append_new(list, json);
	}
	return list;
}

const char *project_guard_write(const struct project_guard *guard, struct arena *arena)
{
	json_t *rules = json_array(), *freezes = json_array();
	_cleanup_json_ json_t *json = json_pack("{s:o, s:i, s:i, s:o}", "environment",
		jsonx_any(guard->environment), "plan_requires", (int)guard->plan_requires,
		"apply_requires", (int)guard->apply_requires, "owners", names_json(&guard->owners));
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < guard->rule_count; i++)
		json_array_append_new(rules, rule_json(&guard->rules[i]));
	for (size_t i = 0; i < guard->freeze_count; i++)
		json_array_append_new(freezes,
			json_pack("{s:o, s:o, s:o, s:I}", "cron", jsonx_any(guard->freezes[i].cron),
				"timezone", jsonx_any(guard->freezes[i].timezone), "reason",
				jsonx_any(guard->freezes[i].reason), "for_ms",
				(json_int_t)guard->freezes[i].for_ms));
	if (guard->break_glass.people.teams.count + guard->break_glass.people.users.count > 0)
		json_object_set_new(json, "break_glass",
			json_pack("{s:o, s:b}", "people", people_json(&guard->break_glass.people),
				"second", guard->break_glass.needs_second));
	json_object_set_new(json, "rules", rules);
	json_object_set_new(json, "freezes", freezes);
	if (guard->check_count > 0)
		json_object_set_new(json, "checks", checks_json(guard));
	text = jsonx_text(json);
	return arena_strdup(arena, text);
}
