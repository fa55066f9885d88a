/* Both lists of a plan are read: `resource_drift` tells what changed since the state was written,
 * `resource_changes` what the tool would do. A change that only puts back what drifted, or follows
 * from it, is drift; any other was merged and never applied.
 *
 *     deleted     gone from the world
 *     changed     others attributes, and somebody uses them: a plan would do something
 *     ignored     other attributes, and a plan would leave it so
 *     unapplied   changes without drift, or beyond it
 */
#include "runners/tf_drift.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "runners/tf_diff.h"
#include <stdio.h>
#include <string.h>

enum { ADDRESS_MAX = 400, SEEN_MAX = 64 };

struct search {
	struct arena *arena;
	const json_t *drift, *changes, *relevant, *configuration;
	struct drift_item *list;
	size_t count;
	bool is_felt; /* something that drifted is used by what would change */
};

struct seen { /* paths that one walk found, for the next one */
	const char *paths[SEEN_MAX];
	size_t count;
};

struct finding { /* one item while a walk goes over its values */
	struct tf_diff walk;
	struct search *search;
	struct drift_item *item;
	struct seen *notes;	 /* NULL, or keeps what is found */
	const struct seen *only; /* NULL, or takes nothing else */
	bool known_only;	 /* not what is known after the apply */
	bool all_unknown;	 /* nothing found so far has a value */
	char rest[SHA256_HEX];
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static const char *at_most(struct arena *arena, const char *text, size_t most)
{
	return arena_strndup(arena, text, codec_utf8_prefix(text, strnlen(text, most)));
}

static bool has_action(const json_t *change, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(change, "actions"), i, item)
		if (str_equal(json_string_value(item), name))
			return true;
	return false;
}

static enum drift_action action_of(const json_t *change)
{
	bool creates = has_action(change, "create");

	if (has_action(change, "delete"))
		return creates ? DRIFT_REPLACE : DRIFT_DELETE;
	return creates			      ? DRIFT_CREATE
	       : has_action(change, "update") ? DRIFT_UPDATE
	       : has_action(change, "forget") ? DRIFT_DELETE
					      : DRIFT_NONE;
}

static bool is_data(const json_t *entry)
{
	return !str_equal(text_of(entry, "mode"), "managed");
}

static const json_t *entry_at(const json_t *list, const char *address)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (str_equal(text_of(item, "address"), address))
			return item;
	return NULL;
}

static struct drift_item *add(struct search *search, const char *address, const char *type,
	enum drift_class class, enum drift_action action)
{
	struct drift_item *item;

	search->list = arena_push(
		search->arena, search->list, search->count, sizeof(*search->list));
	item = &search->list[search->count++];
	*item = (struct drift_item){ .address = at_most(search->arena, address, ADDRESS_MAX),
		.type = at_most(search->arena, type, ADDRESS_MAX),
		.class = class,
		.action = action };
	item->paths = arena_alloc(search->arena, DRIFT_PATHS_MAX * sizeof(*item->paths));
	item->hashes = arena_alloc(search->arena, (DRIFT_PATHS_MAX + 1) * sizeof(*item->hashes));
	return item;
}

/* ---- attributes ---- */

static bool was_seen(const struct seen *seen, const char *path)
{
	for (size_t i = 0; i < seen->count; i++)
		if (str_equal(seen->paths[i], path))
			return true;
	return seen->count == SEEN_MAX; /* perhaps among those that were not kept */
}

/* The same values in another order of keys are the same. */
static void put_value(struct strbuf *out, const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(
		value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	strbuf_putc(out, 0);
	strbuf_puts(out, text == NULL ? "" : text);
}

static void hash_of(const char *path, const struct tf_sides *sides, char ret[SHA256_HEX])
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(SIZE_MAX / 2);

	strbuf_puts(&text, path);
	put_value(&text, sides->before);
	if (tf_is_marked(sides->unknown, 0))
		strbuf_puts(&text, "?");
	else
		put_value(&text, sides->after);
	codec_sha256_hex(text.data, text.length, ret);
}

static void fold(char rest[SHA256_HEX], const char *hash)
{
	char both[2 * SHA256_HEX];

	(void)snprintf(both, sizeof(both), "%s%s", rest, hash);
	codec_sha256_hex(both, strlen(both), rest);
}

static void found(struct tf_diff *walk, const struct tf_sides *sides)
{
	struct finding *finding = container_of(walk, struct finding, walk);
	struct drift_item *item = finding->item;
	struct arena *arena = finding->search->arena;
	bool is_unknown = tf_is_marked(sides->unknown, 0);
	char hash[SHA256_HEX];

	if ((finding->known_only && is_unknown) ||
		(finding->only != NULL && !was_seen(finding->only, walk->path)))
		return;
	finding->all_unknown = finding->all_unknown && is_unknown;
	if (finding->notes != NULL && finding->notes->count < SEEN_MAX)
		finding->notes->paths[finding->notes->count++] = arena_strdup(arena, walk->path);
	if (item == NULL)
		return;
	hash_of(walk->path, sides, hash);
	if (item->path_count == DRIFT_PATHS_MAX) {
		item->paths_left_out++;
		fold(finding->rest, hash);
		return;
	}
	item->paths[item->path_count] = arena_strdup(arena, walk->path);
	item->hashes[item->path_count++] = arena_strdup(arena, hash);
}

static void walk_sides(struct finding *finding, const struct tf_sides *sides)
{
	struct drift_item *item = finding->item;

	finding->walk.found = found;
	finding->all_unknown = true;
	if (json_is_object(sides->before) && json_is_object(sides->after))
		tf_diff_walk(&finding->walk, sides);
	if (item == NULL)
		return;
	item->paths_left_out += finding->walk.left_out;
	item->hash_count = item->path_count;
	if (finding->rest[0] != '\0')
		item->hashes[item->hash_count++] = arena_strdup(
			finding->search->arena, finding->rest);
}

/* ---- what drifted ---- */

static bool path_begins(const char *path, const json_t *steps)
{
	const char *first = json_string_value(json_array_get(steps, 0));
	size_t length = first == NULL ? 0 : strlen(first);

	return first == NULL ||
	       (strncmp(path, first, length) == 0 &&
		       (path[length] == '\0' || path[length] == '.' || path[length] == '['));
}

/* Does anything that would change use what drifted here? */
static bool is_relevant(const struct search *search, const struct drift_item *item)
{
	json_t *used;
	size_t i;

	json_array_foreach (search->relevant, i, used) {
		if (!str_equal(text_of(used, "resource"), item->address))
			continue;
		if (item->path_count == 0 || item->paths_left_out > 0)
			return true;
		for (size_t k = 0; k < item->path_count; k++)
			if (path_begins(item->paths[k], json_object_get(used, "attribute")))
				return true;
	}
	return false;
}

/* What the configuration wants other than it was left, where the tool would change it anyhow. */
static void find_beyond(struct search *search, const json_t *entry, const json_t *planned)
{
	struct seen changing = { .count = 0 };
	struct finding first = { .search = search, .notes = &changing };
	struct finding second = { .search = search, .known_only = true };
	struct tf_sides sides = tf_sides_of(planned);
	bool has_before = json_is_object(sides.before);
	struct drift_item item;

	if (has_before)
		walk_sides(&first, &sides);
	sides.before = json_object_get(json_object_get(entry, "change"), "before");
	second.only = has_before ? &changing : NULL;
	second.item = add(search, text_of(entry, "address"), text_of(entry, "type"),
		DRIFT_UNAPPLIED, action_of(planned));
	walk_sides(&second, &sides);
	item = *second.item;
	if (item.path_count == 0)
		search->count--; /* it only puts back what was */
}

static void find_drifted(struct search *search, const json_t *entry)
{
	const json_t *change = json_object_get(entry, "change");
	const json_t *planned = json_object_get(
		entry_at(search->changes, text_of(entry, "address")), "change");
	bool will_act = planned != NULL && action_of(planned) != DRIFT_NONE;
	bool is_gone = has_action(change, "delete");
	struct tf_sides sides = tf_sides_of(change);
	struct finding finding = { .search = search };
	size_t place = search->count;

	if (is_data(entry) || (!is_gone && !has_action(change, "update")))
		return; /* moved: its change says so */
	finding.item = add(search, text_of(entry, "address"), text_of(entry, "type"),
		is_gone ? DRIFT_DELETED : DRIFT_CHANGED, action_of(planned));
	if (!is_gone)
		walk_sides(&finding, &sides);
	if (!is_gone && finding.item->path_count + (size_t)finding.item->paths_left_out == 0) {
		search->count--; /* only marks: which values are secrets */
		return;
	}
	if (is_relevant(search, finding.item))
		search->is_felt = true;
	else if (!is_gone && !will_act)
		search->list[place].class = DRIFT_IGNORED;
	if (will_act)
		find_beyond(search, entry, planned);
}

/* ---- what would change ---- */

/* "module.a[0].b.c[\"x\"]" -> where the name in its own module begins, and how long it is there. */
static const char *name_in_module(const char *address, size_t *ret_length)
{
	while (str_starts(address, "module.")) {
		const char *dot = strchr(address + strlen("module."), '.');
		const char *bracket = strchr(address, '[');

		if (bracket != NULL && dot != NULL && bracket < dot) {
			const char *end = bracket[1] == '"' ? strstr(bracket, "\"]")
							    : strchr(bracket, ']');

			dot = end == NULL ? NULL : strchr(end, '.');
		}
		if (dot == NULL)
			break;
		address = dot + 1;
	}
	*ret_length = strcspn(address, "[");
	return address;
}

static bool is_same_module(const char *a, const char *b)
{
	size_t ignored;
	size_t a_length = (size_t)(name_in_module(a, &ignored) - a);
	size_t b_length = (size_t)(name_in_module(b, &ignored) - b);

	return a_length == b_length && strncmp(a, b, a_length) == 0;
}

static bool begins_with_name(const char *reference, const char *name, size_t length)
{
	return strncmp(reference, name, length) == 0 &&
	       (reference[length] == '\0' || reference[length] == '.' || reference[length] == '[');
}

/* Through a local value, a variable or a module nobody here can look. */
static bool is_opaque(const char *reference)
{
	return str_starts(reference, "local.") || str_starts(reference, "var.") ||
	       str_starts(reference, "module.") || str_starts(reference, "each.") ||
	       str_starts(reference, "data.");
}

static bool names_drifted(const struct search *search, const char *reference, const char *address)
{
	if (is_opaque(reference))
		return search->is_felt;
	for (size_t i = 0; i < search->count; i++) {
		const struct drift_item *item = &search->list[i];
		size_t length;
		const char *name = name_in_module(item->address, &length);

		if ((item->class == DRIFT_DELETED || item->class == DRIFT_CHANGED) &&
			is_same_module(item->address, address) &&
			begins_with_name(reference, name, length))
			return true;
	}
	return false;
}

/* Any `references` below the expressions of a resource. */
static bool refers_to_drifted(
	const struct search *search, const json_t *value, const char *address, int depth)
{
	const char *key;
	json_t *item, *reference;
	size_t i;

	if (depth > TF_DEPTH_MAX)
		return false;
	if (json_is_array(value)) {
		json_array_foreach (value, i, item)
			if (refers_to_drifted(search, item, address, depth + 1))
				return true;
		return false;
	}
	json_object_foreach ((json_t *)value, key, item) {
		if (str_equal(key, "references")) {
			json_array_foreach (item, i, reference)
				if (json_is_string(reference) &&
					names_drifted(
						search, json_string_value(reference), address))
					return true;
		} else if (refers_to_drifted(search, item, address, depth + 1)) {
			return true;
		}
	}
	return false;
}

static const json_t *module_of(const struct search *search, const char *address)
{
	const json_t *module = json_object_get(search->configuration, "root_module");
	size_t ignored;
	const char *end = name_in_module(address, &ignored);

	while (address < end) {
		char name[ADDRESS_MAX];
		size_t length = strcspn(address + strlen("module."), ".[");
		const char *next;

		if (length >= sizeof(name))
			return NULL;
		memcpy(name, address + strlen("module."), length);
		name[length] = '\0';
		module = json_object_get(
			json_object_get(json_object_get(module, "module_calls"), name), "module");
		next = strstr(address + strlen("module.") + length, ".module.");
		address = next == NULL || next >= end ? end : next + 1;
	}
	return module;
}

static bool uses_drifted(const struct search *search, const char *address)
{
	size_t length;
	const char *name = name_in_module(address, &length);
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(module_of(search, address), "resources"), i, item) {
		const char *plain = text_of(item, "address");

		if (strlen(plain) == length && strncmp(plain, name, length) == 0)
			return refers_to_drifted(search, item, address, 0);
	}
	return false;
}

static bool has_drift(const struct search *search)
{
	for (size_t i = 0; i < search->count; i++)
		if (search->list[i].class == DRIFT_DELETED ||
			search->list[i].class == DRIFT_CHANGED)
			return true;
	return false;
}

/* Only new and changed things follow from drift; to be made, or to go, is somebody's wish. */
static bool follows_from_drift(const struct search *search, const char *address,
	enum drift_action action, bool all_unknown)
{
	if (action != DRIFT_UPDATE && action != DRIFT_REPLACE)
		return false;
	return uses_drifted(search, address) || (all_unknown && has_drift(search));
}

static void find_planned(struct search *search, const json_t *entry)
{
	const json_t *change = json_object_get(entry, "change");
	const char *address = text_of(entry, "address"), *type = text_of(entry, "type");
	const json_t *drifted = entry_at(search->drift, address);
	const json_t *drift = json_object_get(drifted, "change");
	enum drift_action action = action_of(change);
	struct finding finding = { .search = search };
	struct tf_sides sides = tf_sides_of(change);

	if (is_data(entry))
		return;
	if (action == DRIFT_NONE && json_is_object(json_object_get(change, "importing")))
		add(search, address, type, DRIFT_IMPORT, DRIFT_NONE);
	else if (action == DRIFT_NONE && json_is_string(json_object_get(entry, "previous_address")))
		add(search, address, type, DRIFT_MOVED, DRIFT_NONE);
	if (action == DRIFT_NONE || has_action(drift, "delete") || has_action(drift, "update"))
		return;
	finding.item = add(search, address, type, DRIFT_UNAPPLIED, action);
	walk_sides(&finding, &sides);
	if (follows_from_drift(search, address, action, finding.all_unknown))
		search->count--;
}

/* ---- the rest ---- */

static void find_checks(struct search *search, const json_t *checks)
{
	json_t *item;
	size_t i;

	json_array_foreach (checks, i, item) {
		const json_t *address = json_object_get(item, "address");
		const char *status = text_of(item, "status");

		if (str_equal(text_of(address, "kind"), "check") &&
			(str_equal(status, "fail") || str_equal(status, "error")))
			add(search, text_of(address, "to_display"), "check", DRIFT_CHECK,
				DRIFT_NONE);
	}
}

static void find_outputs(struct search *search, const json_t *outputs)
{
	const char *name;
	json_t *item;

	json_object_foreach ((json_t *)outputs, name, item)
		if (action_of(item) != DRIFT_NONE)
			add(search, arena_printf(search->arena, "output.%.200s", name), "output",
				DRIFT_OUTPUT, action_of(item));
}

static int worst_first(const void *a, const void *b)
{
	const struct drift_item *left = a, *right = b;

	return left->class != right->class ? (left->class > right->class) -
						     (left->class < right->class)
					   : strcmp(left->address, right->address);
}

int tf_drift_find(const json_t *plan, struct arena *arena, struct drift_items *ret, struct err *err)
{
	struct search search = { .arena = arena,
		.drift = json_object_get(plan, "resource_drift"),
		.changes = json_object_get(plan, "resource_changes"),
		.relevant = json_object_get(plan, "relevant_attributes"),
		.configuration = json_object_get(plan, "configuration") };
	json_t *item;
	size_t i;

	if (!json_is_object(plan) || str_empty(text_of(plan, "format_version")))
		return err_set(err, ERR_SYNTAX, "this is not a plan");
	json_array_foreach (search.drift, i, item)
		find_drifted(&search, item);
	json_array_foreach (search.changes, i, item)
		find_planned(&search, item);
	find_checks(&search, json_object_get(plan, "checks"));
	find_outputs(&search, json_object_get(plan, "output_changes"));
	if (search.count > 1)
		qsort(search.list, search.count, sizeof(*search.list), worst_first);
	*ret = (struct drift_items){ .list = search.list, .count = search.count };
	if (ret->count > DRIFT_ITEMS_MAX) {
		ret->left_out = (int)(ret->count - DRIFT_ITEMS_MAX);
		ret->count = DRIFT_ITEMS_MAX;
	}
	return 0;
}
