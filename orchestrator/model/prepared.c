/* git's answer, both ways. */
#include "orchestrator/model/prepared.h"

#include "orchestrator/lib/jsonx.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 200000, WHERE_MAX = 48 };

static int read_list(struct jsonx *reader, const char *key, const json_t **ret, size_t *ret_count,
	struct err *err)
{
	*ret = jsonx_array_or(reader, key);
	*ret_count = json_array_size(*ret);
	if (reader->failed != 0)
		return reader->failed;
	if (*ret_count > LIST_MAX)
		return err_set(
			err, ERR_LIMIT, "prepared: %s has more than %d entries", key, LIST_MAX);
	return 0;
}

static int read_strings(struct jsonx *reader, const char *key, struct arena *arena,
	const char ***ret, size_t *ret_count, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, key, &list, ret_count, err);

	if (r < 0)
		return r;
	*ret = arena_alloc(arena, (*ret_count + 1) * sizeof(**ret));
	for (size_t i = 0; i < *ret_count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!json_is_string(item) ||
			strlen(json_string_value(item)) != json_string_length(item))
			return err_set(err, ERR_SYNTAX,
				"prepared: %s[%zu] must be a string without NUL", key, i);
		(*ret)[i] = arena_strdup(arena, json_string_value(item));
	}
	return 0;
}

/* Reads one entry of a list; `where` must live as long as the reader. */
static struct jsonx entry(
	const json_t *list, const char *key, size_t i, char where[WHERE_MAX], struct err *err)
{
	(void)snprintf(where, WHERE_MAX, "prepared: %s[%zu]", key, i);
	return jsonx_reader(json_array_get(list, i), where, err);
}

static int read_status(struct jsonx *file, char *ret, struct err *err)
{
	const char *status = jsonx_string(file, "status");

	if (file->failed != 0)
		return file->failed;
	if (status[0] == '\0' || status[1] != '\0' || strchr("AMDRT", status[0]) == NULL)
		return err_set(
			err, ERR_SYNTAX, "%s: status must be one of A, M, D, R, T", file->what);
	*ret = status[0];
	return 0;
}

static int read_changed(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "changed", &list, &ret->changed_count, err);

	if (r < 0)
		return r;
	ret->changed = arena_alloc(arena, (ret->changed_count + 1) * sizeof(*ret->changed));
	for (size_t i = 0; i < ret->changed_count; i++) {
		char where[WHERE_MAX];
		struct jsonx file = entry(list, "changed", i, where, err);

		ret->changed[i].path = arena_strdup(arena, jsonx_string(&file, "path"));
		ret->changed[i].old_path = arena_strdup(
			arena, jsonx_string_or(&file, "old_path", NULL));
		r = read_status(&file, &ret->changed[i].status, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_uses(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "uses", &list, &ret->use_count, err);

	if (r < 0)
		return r;
	ret->uses = arena_alloc(arena, (ret->use_count + 1) * sizeof(*ret->uses));
	for (size_t i = 0; i < ret->use_count; i++) {
		char where[WHERE_MAX];
		struct jsonx use = entry(list, "uses", i, where, err);

		ret->uses[i].dir = arena_strdup(arena, jsonx_string(&use, "dir"));
		ret->uses[i].module = arena_strdup(arena, jsonx_string(&use, "module"));
		if (use.failed != 0)
			return use.failed;
	}
	return 0;
}

static int read_people(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "people", &list, &ret->people_count, err);

	if (r < 0)
		return r;
	ret->people = arena_alloc(arena, (ret->people_count + 1) * sizeof(*ret->people));
	for (size_t i = 0; i < ret->people_count; i++) {
		char where[WHERE_MAX];
		struct jsonx person = entry(list, "people", i, where, err);

		ret->people[i].name = arena_strdup(arena, jsonx_string(&person, "name"));
		ret->people[i].email = arena_strdup(arena, jsonx_string(&person, "email"));
		if (person.failed != 0)
			return person.failed;
	}
	return 0;
}

int prepared_read(const json_t *json, struct arena *arena, struct prepared *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "prepared", err);
	int r;

	*ret = (struct prepared){ 0 };
	ret->head = arena_strdup(arena, jsonx_string(&reader, "head"));
	ret->base = arena_strdup(arena, jsonx_string(&reader, "base"));
	ret->merge_base = arena_strdup(arena, jsonx_string(&reader, "merge_base"));
	ret->tree = arena_strdup(arena, jsonx_string_or(&reader, "tree", ""));
	if (reader.failed != 0)
		return reader.failed;
	r = read_strings(&reader, "conflicts", arena, &ret->conflicts, &ret->conflict_count, err);
	if (r == 0)
		r = read_changed(&reader, arena, ret, err);
	if (r == 0)
		r = read_strings(&reader, "dirs", arena, &ret->dirs, &ret->dir_count, err);
	if (r == 0)
		r = read_uses(&reader, arena, ret, err);
	if (r == 0)
		r = read_people(&reader, arena, ret, err);
	return r;
}

/* Names from a repository may be anything; what is not UTF-8 cannot stand in JSON and becomes a
 * mark. */
static json_t *text(const char *value)
{
	json_t *string = json_string(value == NULL ? "" : value);

	return string != NULL ? string : json_string("(not valid text)");
}

static json_t *write_strings(const char **list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, text(list[i]));
	return array;
}

json_t *prepared_write(const struct prepared *prepared)
{
	json_t *json = json_object(), *changed = json_array(), *uses = json_array(),
	       *people = json_array();

	for (size_t i = 0; i < prepared->changed_count; i++) {
		const struct changed_file *file = &prepared->changed[i];
		json_t *row = json_object();
		char status[2] = { file->status, '\0' };

		json_object_set_new(row, "path", text(file->path));
		if (file->old_path != NULL)
			json_object_set_new(row, "old_path", text(file->old_path));
		json_object_set_new(row, "status", json_string(status));
		json_array_append_new(changed, row);
	}
	for (size_t i = 0; i < prepared->use_count; i++)
		json_array_append_new(
			uses, json_pack("{s:o, s:o}", "dir", text(prepared->uses[i].dir), "module",
				      text(prepared->uses[i].module)));
	for (size_t i = 0; i < prepared->people_count; i++)
		json_array_append_new(
			people, json_pack("{s:o, s:o}", "name", text(prepared->people[i].name),
					"email", text(prepared->people[i].email)));
	json_object_set_new(json, "head", text(prepared->head));
	json_object_set_new(json, "base", text(prepared->base));
	json_object_set_new(json, "merge_base", text(prepared->merge_base));
	json_object_set_new(json, "tree", text(prepared->tree));
	json_object_set_new(
		json, "conflicts", write_strings(prepared->conflicts, prepared->conflict_count));
	json_object_set_new(json, "changed", changed);
	json_object_set_new(json, "dirs", write_strings(prepared->dirs, prepared->dir_count));
	json_object_set_new(json, "uses", uses);
	json_object_set_new(json, "people", people);
	return json;
}
