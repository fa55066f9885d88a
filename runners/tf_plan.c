/* What a plan would do, and nothing of what it must not tell.
 *
 * A value is hidden when the plan marks it or anything in it as sensitive, when its name says so,
 * or when it holds the value of a sensitive variable. */
#include "runners/tf_plan.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/mask.h"
#include "orchestrator/lib/strbuf.h"
#include "runners/output.h"
#include "runners/tf_diff.h"
#include "runners/tf_drift.h"
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 4096 };

static const char hidden[] = "(sensitive)", unknown[] = "(known after apply)";

struct reading {
	struct arena *arena;
	struct plan_summary *summary;
	const json_t *changes;
	const json_t *configuration;
	struct mask mask; /* sensitive values, where they are part of a text */
	json_t *hide;	  /* the same, as they are */
	size_t resource_room;
};

static const char *at_most(struct arena *arena, const char *text, size_t most)
{
	return arena_strndup(arena, text, codec_utf8_prefix(text, strnlen(text, most)));
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- values ---- */

/* Names whose values are secrets whether or not the provider says so, and places where people put
 * them. */
static bool name_is_secret(const char *name, size_t length)
{
	static const char *const marks[] = { "password", "passwd", "passphrase", "secret", "token",
		"private_key", "privatekey", "access_key", "accesskey", "api_key", "apikey",
		"connection_string", "connectionstring", "credential", "user_data", "userdata",
		"custom_data", "startup_script", "environment", "container_definitions", "env_var",
		"auth_key", "shared_key", "account_key" };
	char lower[TF_PATH_MAX];

	if (length >= sizeof(lower))
		return true;
	for (size_t i = 0; i < length; i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	lower[length] = '\0';
	for (size_t i = 0; i < countof(marks); i++)
		if (strstr(lower, marks[i]) != NULL)
			return true;
	return strcmp(lower, "env") == 0 || strncmp(lower, "env.", 4) == 0 ||
	       strncmp(lower, "env[", 4) == 0 || strstr(lower, ".env.") != NULL ||
	       strstr(lower, ".env[") != NULL;
}

static const char *printable(struct reading *reading, const char *text, size_t skip)
{
	_cleanup_strbuf_ struct strbuf masked = STRBUF(TEXT_MAX), out = STRBUF(TEXT_MAX);
	struct mask_flow flow = { 0 };
	size_t length = strlen(text), fits;

	if (skip > 0)
		strbuf_puts(&out, "...");
	mask_append(&reading->mask, &flow, text + skip,
		length - skip > TEXT_MAX / 2 ? TEXT_MAX / 2 : length - skip, true, &masked, NULL);
	for (const char *at = strbuf_text(&masked); *at != '\0' && out.length < PLAN_VALUE_MAX + 8;
		at++) {
		if (*at == '\n')
			strbuf_puts(&out, "\\n");
		else if ((unsigned char)*at >= ' ' && *at != 127)
			strbuf_putc(&out, *at);
	}
	fits = out.length;
	if (fits > PLAN_VALUE_MAX - 3) {
		fits = codec_utf8_prefix(strbuf_text(&out), PLAN_VALUE_MAX - 4);
		strbuf_truncate(&out, fits);
		strbuf_puts(&out, "...");
	} else {
		strbuf_truncate(&out, codec_utf8_prefix(strbuf_text(&out), fits));
	}
	return arena_strdup(reading->arena, strbuf_text(&out));
}

static char *whole_text(const json_t *value)
{
	if (json_is_string(value))
		return mem_strdup(json_string_value(value));
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Where two long texts begin to differ, so that the difference is what is seen. */
static size_t common_begin(const char *a, const char *b)
{
	size_t same = 0;

	if (a == NULL || b == NULL)
		return 0;
	while (a[same] != '\0' && a[same] == b[same])
		same++;
	if (same < PLAN_VALUE_MAX / 2 || (strlen(a) < PLAN_VALUE_MAX && strlen(b) < PLAN_VALUE_MAX))
		return 0;
	same -= 24;
	while (same > 0 && ((unsigned char)a[same] & 0xc0) == 0x80)
		same--;
	return same;
}

/* ---- attributes ---- */

struct attributes { /* of one resource, as they are found */
	struct tf_diff walk;
	struct reading *reading;
	struct plan_resource *resource;
	const json_t *replace_paths;
};

static bool is_hidden_text(const struct reading *reading, const json_t *value);

static bool path_starts(const char *path, const json_t *steps)
{
	char text[TF_PATH_MAX];
	size_t length = 0, i;
	json_t *step;

	text[0] = '\0';
	json_array_foreach (steps, i, step) {
		if (json_is_string(step))
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
				length == 0 ? "" : ".", json_string_value(step));
		else
			length += (size_t)snprintf(text + length, sizeof(text) - length, "[%lld]",
				(long long)json_integer_value(step));
		if (length >= sizeof(text))
			return false;
	}
	return strncmp(path, text, length) == 0 &&
	       (path[length] == '\0' || path[length] == '.' || path[length] == '[');
}

static bool forces_replace(const struct attributes *diff)
{
	json_t *steps;
	size_t i;

	json_array_foreach (diff->replace_paths, i, steps)
		if (path_starts(diff->walk.path, steps))
			return true;
	return false;
}

static void add_attribute(struct tf_diff *walk, const struct tf_sides *sides)
{
	struct attributes *diff = container_of(walk, struct attributes, walk);
	struct plan_resource *resource = diff->resource;
	_cleanup_free_ char *before = NULL, *after = NULL;
	bool has_before = sides->before != NULL && !json_is_null(sides->before);
	bool has_after = sides->after != NULL && !json_is_null(sides->after);
	bool is_secret = name_is_secret(walk->path, strlen(walk->path));
	struct plan_attribute found = { .forces_replace = forces_replace(diff) };
	size_t skip = 0, at;

	if (resource->attribute_count == PLAN_ATTRIBUTES_MAX && !found.forces_replace) {
		resource->attributes_left_out++;
		return;
	}
	if (has_before && (is_secret || tf_is_marked(sides->before_marks, 0) ||
				  is_hidden_text(diff->reading, sides->before)))
		found.before = hidden;
	else if (has_before)
		before = whole_text(sides->before);
	if (tf_is_marked(sides->unknown, 0))
		found.after = unknown;
	else if (has_after && (is_secret || tf_is_marked(sides->after_marks, 0) ||
				      is_hidden_text(diff->reading, sides->after)))
		found.after = hidden;
	else if (has_after)
		after = whole_text(sides->after);
	skip = common_begin(before, after);
	if (before != NULL)
		found.before = printable(diff->reading, before, skip);
	if (after != NULL)
		found.after = printable(diff->reading, after, skip);
	found.path = arena_strdup(diff->reading->arena, walk->path);
	/* What forces the replacement is what people look for: it comes first, and is never left
	 * out. */
	at = resource->attribute_count;
	if (resource->attribute_count == PLAN_ATTRIBUTES_MAX) {
		resource->attributes_left_out++;
		at--;
	} else {
		resource->attribute_count++;
	}
	if (found.forces_replace)
		for (; at > 0 && !resource->attributes[at - 1].forces_replace; at--)
			resource->attributes[at] = resource->attributes[at - 1];
	resource->attributes[at] = found;
}

static void read_attributes(
	struct reading *reading, struct plan_resource *resource, const json_t *change)
{
	struct attributes diff = { .walk = { .found = add_attribute },
		.reading = reading,
		.resource = resource,
		.replace_paths = json_object_get(change, "replace_paths") };
	struct tf_sides sides = tf_sides_of(change);

	resource->attributes = arena_alloc(
		reading->arena, PLAN_ATTRIBUTES_MAX * sizeof(*resource->attributes));
	if (json_is_object(sides.before) && json_is_object(sides.after))
		tf_diff_walk(&diff.walk, &sides);
	resource->attributes_left_out += diff.walk.left_out;
}

/* ---- resources ---- */

static enum plan_action action_of(const json_t *change, bool is_moved)
{
	const json_t *actions = json_object_get(change, "actions");
	bool creates = false, deletes = false, forgets = false;
	const char *name;
	json_t *item;
	size_t i;

	json_array_foreach (actions, i, item) {
		name = json_string_value(item);
		if (str_equal(name, "update"))
			return PLAN_UPDATE;
		if (str_equal(name, "read"))
			return PLAN_READ;
		creates = creates || str_equal(name, "create");
		deletes = deletes || str_equal(name, "delete");
		forgets = forgets || str_equal(name, "forget");
	}
	if (creates && deletes)
		return PLAN_REPLACE;
	if (deletes)
		return PLAN_DELETE;
	if (forgets)
		return PLAN_FORGET;
	if (creates)
		return PLAN_CREATE;
	if (json_is_object(json_object_get(change, "importing")))
		return PLAN_IMPORT;
	return is_moved ? PLAN_MOVE : PLAN_NO_OP;
}

static void count_action(struct plan_summary *summary, enum plan_action action)
{
	switch (action) {
	case PLAN_NO_OP:
		return;
	case PLAN_CREATE:
		summary->create++;
		return;
	case PLAN_UPDATE:
		summary->update++;
		return;
	case PLAN_DELETE:
		summary->delete ++;
		return;
	case PLAN_REPLACE:
		summary->replace++;
		return;
	case PLAN_READ:
		summary->read++;
		return;
	case PLAN_FORGET:
		summary->forget++;
		return;
	case PLAN_IMPORT:
		summary->import++;
		return;
	case PLAN_MOVE:
		summary->move++;
		return;
	}
}

static int danger(enum plan_action action)
{
	static const unsigned char place[] = {
		[PLAN_DELETE] = 9,
		[PLAN_REPLACE] = 8,
		[PLAN_FORGET] = 7,
		[PLAN_UPDATE] = 6,
		[PLAN_CREATE] = 5,
		[PLAN_IMPORT] = 4,
		[PLAN_MOVE] = 3,
		[PLAN_READ] = 2,
		[PLAN_NO_OP] = 0,
	};

	return place[action];
}

static int read_changes(struct reading *reading, struct err *err)
{
	struct plan_summary *summary = reading->summary;
	json_t *item;
	size_t i;

	for (int level = 9; level >= 0; level--) {
		json_array_foreach (reading->changes, i, item) {
			const json_t *change = json_object_get(item, "change");
			const char *address = text_of(item, "address"),
				   *moved = text_of(item, "previous_address");
			enum plan_action action = action_of(change, moved != NULL);
			struct plan_resource *resource;

			if (danger(action) != level)
				continue;
			if (address == NULL || !json_is_object(change))
				return err_set(err, ERR_SYNTAX,
					"resource change %zu has no address or no change", i);
			count_action(summary, action);
			if (action != PLAN_IMPORT &&
				json_is_object(json_object_get(change, "importing")))
				summary->import++;
			if (level == 0)
				continue;
			if (summary->resource_count == PLAN_RESOURCES_MAX) {
				summary->resources_left_out++;
				continue;
			}
			resource = &summary->resources[summary->resource_count++];
			resource->address = at_most(reading->arena, address, 400);
			resource->moved_from = moved == NULL ? NULL
							     : at_most(reading->arena, moved, 400);
			resource->action = action;
			if (action == PLAN_UPDATE || action == PLAN_REPLACE)
				read_attributes(reading, resource, change);
		}
	}
	return 0;
}

/* ---- what runs code ---- */

static void add_construct(struct reading *reading, enum plan_construct_kind kind,
	const char *address, const char *detail)
{
	plan_constructs_add(&reading->summary->constructs, reading->arena, kind, address, detail);
}

/* Providers whose resources and data are programs and addresses. */
static const struct {
	const char *type;
	enum plan_construct_kind kind;
} executing_types[] = {
	{ "external", CONSTRUCT_PROGRAM },
	{ "shell_script", CONSTRUCT_PROGRAM },
	{ "shell_sensitive_script", CONSTRUCT_PROGRAM },
	{ "http", CONSTRUCT_HTTP },
	{ "terracurl_request", CONSTRUCT_HTTP },
};

/* Addresses in the configuration have no indexes: a[0].b["x"] is a.b there. */
static bool is_instance_of(const char *instance, const char *address)
{
	while (*instance != '\0' || *address != '\0') {
		if (*instance == '[') {
			const char *end = instance[1] == '"' ? strstr(instance, "\"]")
							     : strchr(instance, ']');

			if (end == NULL)
				return false;
			instance = end + (*end == '"' ? 2 : 1);
			continue;
		}
		if (*instance++ != *address++)
			return false;
	}
	return true;
}

static bool will_change(const struct reading *reading, const char *address)
{
	json_t *item;
	size_t i;

	json_array_foreach (reading->changes, i, item) {
		const char *instance = text_of(item, "address");

		if (instance != NULL &&
			action_of(json_object_get(item, "change"), false) != PLAN_NO_OP &&
			is_instance_of(instance, address))
			return true;
	}
	return false;
}

/* Data and what is ephemeral is read with each plan, the rest only where it changes. */
static void find_in_resource(struct reading *reading, const json_t *item, const char *prefix)
{
	const char *type = text_of(item, "type"), *plain = text_of(item, "address"), *address;
	bool is_done;
	json_t *provisioner;
	size_t k;

	if (type == NULL || plain == NULL)
		return;
	address = arena_printf(reading->arena, "%s%.300s", prefix, plain);
	is_done = !str_equal(text_of(item, "mode"), "managed") || will_change(reading, address);
	for (k = 0; is_done && k < countof(executing_types); k++)
		if (str_equal(executing_types[k].type, type))
			add_construct(reading, executing_types[k].kind, address, "");
	json_array_foreach (json_object_get(item, "provisioners"), k, provisioner) {
		const char *kind = text_of(provisioner, "type");

		if (is_done && kind != NULL)
			add_construct(reading, CONSTRUCT_PROVISIONER, address, kind);
	}
}

static void find_code(struct reading *reading, const json_t *module, const char *prefix, int depth)
{
	const json_t *calls = json_object_get(module, "module_calls");
	const char *name, *source, *address;
	json_t *item;
	size_t i;

	if (depth > TF_DEPTH_MAX)
		return;
	json_array_foreach (json_object_get(module, "resources"), i, item)
		find_in_resource(reading, item, prefix);
	json_object_foreach ((json_t *)calls, name, item) {
		address = arena_printf(reading->arena, "%smodule.%.100s", prefix, name);
		source = text_of(item, "source");
		if (plan_source_is_remote(source))
			add_construct(reading, CONSTRUCT_MODULE, address, source);
		find_code(reading, json_object_get(item, "module"),
			arena_printf(reading->arena, "%s.", address), depth + 1);
	}
}

/* Terraform 1.14: what a change, or the command line, sets off. */
static void find_actions(struct reading *reading, const json_t *plan)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(plan, "action_invocations"), i, item) {
		const char *address = text_of(item, "address");

		add_construct(
			reading, CONSTRUCT_ACTION, address == NULL ? "(no address)" : address, "");
	}
}

/* ---- the whole ---- */

static void hide_text(struct reading *reading, const char *text)
{
	if (strlen(text) < MASK_SHORTEST || json_array_size(reading->hide) == MASK_VALUES_MAX)
		return;
	mask_add_quoted(&reading->mask, text);
	json_array_append_new(reading->hide, json_string(text));
}

/* All text in `value` that `marks` say is sensitive. */
static void hide_marked(
	struct reading *reading, const json_t *value, const json_t *marks, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > TF_DEPTH_MAX || marks == NULL || json_is_false(marks))
		return;
	if (json_is_string(value) && json_is_true(marks))
		hide_text(reading, json_string_value(value));
	if (json_is_object(value)) {
		json_object_foreach ((json_t *)value, key, item)
			hide_marked(reading, item, tf_marks_below(marks, key, 0), depth + 1);
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, item)
			hide_marked(reading, item, tf_marks_below(marks, NULL, i), depth + 1);
	}
}

static void find_hidden(struct reading *reading, const json_t *plan)
{
	const json_t *declared = json_object_get(
		json_object_get(reading->configuration, "root_module"), "variables");
	const json_t *variables = json_object_get(plan, "variables");
	const char *name;
	json_t *item;
	size_t i;

	json_object_foreach ((json_t *)variables, name, item)
		hide_marked(reading, json_object_get(item, "value"),
			json_object_get(json_object_get(declared, name), "sensitive"), 0);
	json_array_foreach (reading->changes, i, item) {
		const json_t *change = json_object_get(item, "change");

		hide_marked(reading, json_object_get(change, "before"),
			json_object_get(change, "before_sensitive"), 0);
		hide_marked(reading, json_object_get(change, "after"),
			json_object_get(change, "after_sensitive"), 0);
	}
}

static bool is_hidden_text(const struct reading *reading, const json_t *value)
{
	json_t *item;
	size_t i;

	if (json_is_string(value))
		json_array_foreach (reading->hide, i, item)
			if (json_equal(item, (json_t *)value))
				return true;
	return false;
}

int tf_plan_summarise(const json_t *plan, struct arena *arena, struct plan_summary *ret,
	json_t *hide, struct err *err)
{
	_cleanup_json_ json_t *own = hide == NULL ? json_array() : json_incref(hide);
	struct reading reading = { .arena = arena, .summary = ret, .hide = own };
	const char *name, *version = text_of(plan, "terraform_version");
	json_t *item;
	int r;

	if (!json_is_object(plan) || text_of(plan, "format_version") == NULL)
		return err_set(err, ERR_SYNTAX, "this is not a plan");
	*ret = (struct plan_summary){ 0 };
	ret->resources = arena_alloc(arena, PLAN_RESOURCES_MAX * sizeof(*ret->resources));
	ret->tool_version = at_most(arena, version == NULL ? "" : version, 40);
	reading.changes = json_object_get(plan, "resource_changes");
	reading.configuration = json_object_get(plan, "configuration");
	find_hidden(&reading, plan);
	r = read_changes(&reading, err);
	json_object_foreach (json_object_get(plan, "output_changes"), name, item)
		if (action_of(item, false) != PLAN_NO_OP)
			ret->output_changes++;
	find_code(&reading, json_object_get(reading.configuration, "root_module"), "", 0);
	find_actions(&reading, plan);
	mask_release(&reading.mask);
	return r;
}

/* Adds what drifted to a summary. */
static int add_drift(const json_t *plan, struct arena *arena, json_t *summary, struct err *err)
{
	struct drift_items items;
	int r = tf_drift_find(plan, arena, &items, err);

	if (r == 0)
		json_object_set_new(summary, "drift", drift_items_write(&items));
	return r;
}

static int interpret(int in_fd, int out_fd, bool with_drift)
{
	_cleanup_free_ char *bytes = NULL, *text = NULL;
	_cleanup_json_ json_t *plan = NULL, *answer = NULL, *hide = json_array(), *found = NULL;
	struct plan_summary summary;
	struct arena arena = { 0 };
	size_t length = 0, done = 0;
	struct err err;
	ssize_t put;

	if (output_read_fd(in_fd, TF_PLAN_MAX, &bytes, &length, &err) < 0 ||
		jsonx_parse(bytes, length, TF_PLAN_MAX, &plan, &err) < 0 ||
		tf_plan_summarise(plan, &arena, &summary, hide, &err) < 0)
		return dprintf(out_fd, "%s", err.text) < 0 ? 2 : 1;
	found = plan_summary_write(&summary);
	if (with_drift && add_drift(plan, &arena, found, &err) < 0)
		return dprintf(out_fd, "%s", err.text) < 0 ? 2 : 1;
	answer = json_pack("{s:O, s:O}", "summary", found, "hide", hide);
	text = answer == NULL ? NULL : jsonx_text(answer);
	for (length = text == NULL ? 0 : strlen(text); done < length; done += (size_t)put) {
		put = write(out_fd, text + done, length - done);
		if (put <= 0)
			return 2;
	}
	arena_release(&arena);
	return text == NULL ? 2 : 0;
}

int tf_plan_interpret(int in_fd, int out_fd)
{
	return interpret(in_fd, out_fd, false);
}

int tf_plan_interpret_drift(int in_fd, int out_fd)
{
	return interpret(in_fd, out_fd, true);
}
