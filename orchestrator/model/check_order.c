/* Orders of checks as JSON, both ways. */
#include "orchestrator/model/check_order.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/check_results.h"

#include <string.h>

enum { TEXTS_MAX = 100 };

static int read_texts(
	struct jsonx *reader, const char *key, struct arena *arena, struct name_list *ret)
{
	const json_t *list = jsonx_array_or(reader, key);

	if (json_array_size(list) > TEXTS_MAX)
		return err_set(
			reader->err, ERR_LIMIT, "checks: more than %d in %s", TEXTS_MAX, key);
	ret->list = arena_alloc(arena, (json_array_size(list) + 1) * sizeof(*ret->list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		if (!json_is_string(item) ||
			strlen(json_string_value(item)) != json_string_length(item))
			return err_set(reader->err, ERR_SYNTAX,
				"checks: %s[%zu] must be a string without NUL", key, i);
		ret->list[ret->count++] = arena_strdup(arena, json_string_value(item));
	}
	return reader->failed;
}

int check_orders_read(
	const json_t *json, struct arena *arena, struct check_orders *ret, struct err *err)
{
	int r = 0;

	*ret = (struct check_orders){ 0 };
	if (json == NULL || json_is_null(json))
		return 0;
	if (!json_is_array(json) || json_array_size(json) > CHECKS_MAX)
		return err_set(err, ERR_SYNTAX, "checks must be a list of at most %d", CHECKS_MAX);
	ret->list = arena_alloc(arena, (json_array_size(json) + 1) * sizeof(*ret->list));
	for (size_t i = 0; r == 0 && i < json_array_size(json); i++) {
		struct jsonx reader = jsonx_reader(json_array_get(json, i), "checks", err);
		struct check_order *one = &ret->list[ret->count++];

		*one = (struct check_order){
			.name = arena_strdup(arena, jsonx_string(&reader, "name")),
			.threshold = arena_strdup(arena, jsonx_string_or(&reader, "threshold", "")),
			.kind = arena_strdup(arena, jsonx_string_or(&reader, "kind", "")),
		};
		r = read_texts(&reader, "command", arena, &one->command);
		if (r == 0)
			r = read_texts(&reader, "read", arena, &one->read);
	}
	return r;
}

static json_t *texts_json(const struct name_list *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(list, jsonx_any(texts->list[i]));
	return list;
}

json_t *check_orders_write(const struct check_orders *orders)
{
	json_t *list = json_array();

	for (size_t i = 0; i < orders->count; i++) {
		const struct check_order *one = &orders->list[i];

		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", jsonx_any(one->name),
				      "threshold", jsonx_any(one->threshold), "kind",
				      jsonx_any(one->kind), "command", texts_json(&one->command),
				      "read", texts_json(&one->read)));
	}
	return list;
}
