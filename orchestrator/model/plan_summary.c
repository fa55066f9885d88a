/* Our own small format of what a plan would do. */
#include "orchestrator/model/plan_summary.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <string.h>

enum { WHERE_MAX = 64 };

static const struct {
	const char *key;
	size_t offset;
} counts[] = {
	{ "create", offsetof(struct plan_summary, create) },
	{ "update", offsetof(struct plan_summary, update) },
	{ "delete", offsetof(struct plan_summary, delete) },
	{ "replace", offsetof(struct plan_summary, replace) },
	{ "read", offsetof(struct plan_summary, read) },
	{ "forget", offsetof(struct plan_summary, forget) },
	{ "import", offsetof(struct plan_summary, import) },
	{ "move", offsetof(struct plan_summary, move) },
	{ "output_changes", offsetof(struct plan_summary, output_changes) },
	{ "resources_left_out", offsetof(struct plan_summary, resources_left_out) },
	{ "images_left_out", offsetof(struct plan_summary, images_left_out) },
};

static int *count_at(const struct plan_summary *summary, size_t i)
{
	return (int *)(void *)((char *)(uintptr_t)summary + counts[i].offset);
}

static int capped(int64_t value)
{
	return value < 0 ? 0 : value > 1000000 ? 1000000 : (int)value;
}

static int read_action(struct jsonx *resource, enum plan_action *ret, struct err *err)
{
	const char *name = jsonx_string(resource, "action");

	if (resource->failed != 0)
		return resource->failed;
	for (int i = PLAN_NO_OP; i <= PLAN_MOVE; i++) {
		if (str_equal(plan_action_name((enum plan_action)i), name)) {
			*ret = (enum plan_action)i;
			return 0;
		}
	}
	return err_set(err, ERR_SYNTAX, "%s: action is none that we know", resource->what);
}

static int read_attributes(
	struct jsonx *resource, struct arena *arena, struct plan_resource *ret, struct err *err)
{
	const json_t *list = jsonx_array_or(resource, "attributes");

	ret->attribute_count = json_array_size(list);
	if (resource->failed != 0)
		return resource->failed;
	if (ret->attribute_count > PLAN_ATTRIBUTES_MAX)
		return err_set(err, ERR_LIMIT, "%s has more than %d attributes", resource->what,
			PLAN_ATTRIBUTES_MAX);
	ret->attributes = arena_alloc(arena, (ret->attribute_count + 1) * sizeof(*ret->attributes));
	for (size_t i = 0; i < ret->attribute_count; i++) {
		char where[2 * WHERE_MAX];
		struct plan_attribute *to = &ret->attributes[i];
		struct jsonx attribute;

		(void)snprintf(where, sizeof(where), "%s.attributes[%zu]", resource->what, i);
		attribute = jsonx_reader(json_array_get(list, i), where, err);
		to->path = arena_strdup(arena, jsonx_string(&attribute, "path"));
		to->before = arena_strdup(arena, jsonx_string_or(&attribute, "before", NULL));
		to->after = arena_strdup(arena, jsonx_string_or(&attribute, "after", NULL));
		to->forces_replace = jsonx_bool_or(&attribute, "forces_replace", false);
		if (attribute.failed != 0)
			return attribute.failed;
	}
	return 0;
}

static int read_resources(
	struct jsonx *reader, struct arena *arena, struct plan_summary *ret, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, "resources");
	int r = reader->failed;

	ret->resource_count = json_array_size(list);
	if (r == 0 && ret->resource_count > PLAN_RESOURCES_MAX)
		return err_set(
			err, ERR_LIMIT, "summary: more than %d resources", PLAN_RESOURCES_MAX);
	ret->resources = arena_alloc(arena, (ret->resource_count + 1) * sizeof(*ret->resources));
	for (size_t i = 0; r == 0 && i < ret->resource_count; i++) {
		char where[WHERE_MAX];
		struct plan_resource *to = &ret->resources[i];
		struct jsonx resource;

		(void)snprintf(where, sizeof(where), "summary: resources[%zu]", i);
		resource = jsonx_reader(json_array_get(list, i), where, err);
		to->address = arena_strdup(arena, jsonx_string(&resource, "address"));
		to->moved_from = arena_strdup(
			arena, jsonx_string_or(&resource, "moved_from", NULL));
		to->attributes_left_out = capped(jsonx_int_or(&resource, "attributes_left_out", 0));
		to->hidden = capped(jsonx_int_or(&resource, "hidden", 0));
		to->note = arena_strdup(arena, jsonx_string_or(&resource, "note", NULL));
		r = read_action(&resource, &to->action, err);
		if (r == 0)
			r = read_attributes(&resource, arena, to, err);
	}
	return r;
}

static int read_images(
	struct jsonx *reader, struct arena *arena, struct plan_summary *ret, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, "images");

	ret->image_count = json_array_size(list);
	if (reader->failed == 0 && ret->image_count > PLAN_IMAGES_MAX)
		return err_set(err, ERR_LIMIT, "summary: more than %d images", PLAN_IMAGES_MAX);
	ret->images = arena_alloc(arena, (ret->image_count + 1) * sizeof(*ret->images));
	for (size_t i = 0; reader->failed == 0 && i < ret->image_count; i++) {
		struct jsonx image = jsonx_reader(json_array_get(list, i), "summary: images", err);

		ret->images[i].before = arena_strdup(arena, jsonx_string(&image, "before"));
		ret->images[i].after = arena_strdup(arena, jsonx_string(&image, "after"));
		if (image.failed != 0)
			return image.failed;
	}
	return reader->failed;
}

int plan_summary_read(
	const json_t *json, struct arena *arena, struct plan_summary *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "summary", err);
	int r;

	*ret = (struct plan_summary){ 0 };
	for (size_t i = 0; i < countof(counts); i++)
		*count_at(ret, i) = capped(jsonx_int_or(&reader, counts[i].key, 0));
	ret->tool_version = arena_strdup(arena, jsonx_string_or(&reader, "tool_version", ""));
	r = read_resources(&reader, arena, ret, err);
	if (r == 0)
		r = read_images(&reader, arena, ret, err);
	if (r < 0)
		return r;
	r = plan_constructs_read(json_object_get(json, "constructs"), arena, &ret->constructs, err);
	if (r < 0)
		return r;
	r = policy_results_read(json_object_get(json, "policies"), arena, &ret->policies, err);
	if (r == 0)
		r = check_results_read(json_object_get(json, "checked"), arena, &ret->checked, err);
	return r < 0 ? r
		     : plan_checks_read(json_object_get(json, "checks"), arena, &ret->checks, err);
}

static json_t *text(const char *value)
{
	return value == NULL ? json_null() : jsonx_any(value);
}

static void write_images(const struct plan_summary *summary, json_t *json)
{
	json_t *images = json_array();

	for (size_t i = 0; i < summary->image_count; i++)
		json_array_append_new(
			images, json_pack("{s:o, s:o}", "before", text(summary->images[i].before),
					"after", text(summary->images[i].after)));
	json_object_set_new(json, "images", images);
}

json_t *plan_summary_write(const struct plan_summary *summary)
{
	json_t *json = json_object(), *resources = json_array();

	for (size_t i = 0; i < countof(counts); i++)
		json_object_set_new(json, counts[i].key, json_integer(*count_at(summary, i)));
	for (size_t i = 0; i < summary->resource_count; i++) {
		const struct plan_resource *from = &summary->resources[i];
		json_t *attributes = json_array();

		for (size_t k = 0; k < from->attribute_count; k++)
			json_array_append_new(attributes,
				json_pack("{s:o, s:o, s:o, s:b}", "path",
					text(from->attributes[k].path), "before",
					text(from->attributes[k].before), "after",
					text(from->attributes[k].after), "forces_replace",
					from->attributes[k].forces_replace));
		json_array_append_new(resources,
			json_pack("{s:o, s:o, s:s, s:o, s:i, s:i, s:o}", "address",
				text(from->address), "moved_from", text(from->moved_from), "action",
				plan_action_name(from->action), "attributes", attributes,
				"attributes_left_out", from->attributes_left_out, "hidden",
				from->hidden, "note", text(from->note)));
	}
	json_object_set_new(json, "resources", resources);
	if (summary->image_count > 0)
		write_images(summary, json);
	if (summary->constructs.count > 0)
		json_object_set_new(
			json, "constructs", plan_constructs_write(&summary->constructs));
	if (summary->policies.count > 0)
		json_object_set_new(json, "policies", policy_results_write(&summary->policies));
	if (summary->checked.count > 0)
		json_object_set_new(json, "checked", check_results_write(&summary->checked));
	if (!str_empty(summary->checks.configuration))
		json_object_set_new(json, "checks", plan_checks_write(&summary->checks));
	json_object_set_new(json, "tool_version",
		text(summary->tool_version == NULL ? "" : summary->tool_version));
	return json;
}

bool plan_summary_has_changes(const struct plan_summary *summary)
{
	return summary->create + summary->update + summary->delete + summary->replace +
		       summary->forget + summary->import + summary->move + summary->output_changes >
	       0;
}

const char *plan_summary_text(const struct plan_summary *summary, char *buf, size_t size)
{
	const struct {
		int count;
		const char *word;
	} words[] = { { summary->delete, "destroy" }, { summary->replace, "replace" },
		{ summary->create, "create" }, { summary->update, "update" },
		{ summary->import, "import" }, { summary->move, "move" },
		{ summary->forget, "forget" } };
	_cleanup_strbuf_ struct strbuf out = STRBUF(400);

	for (size_t i = 0; i < countof(words); i++) {
		if (words[i].count > 0)
			strbuf_printf(&out, "%s%d %s", out.length == 0 ? "" : ", ", words[i].count,
				words[i].word);
	}
	if (out.length == 0)
		strbuf_puts(&out, summary->output_changes > 0 ? "outputs only" : "no changes");
	(void)snprintf(buf, size, "%s", strbuf_text(&out));
	return buf;
}
