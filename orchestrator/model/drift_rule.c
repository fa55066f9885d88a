/* Rules of drift as JSON, and the sieve. */
#include "orchestrator/model/drift_rule.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"

#include <limits.h>
#include <string.h>

/* ---- as JSON ---- */

static const struct {
	const char *key;
	size_t offset;
} rule_texts[] = { { "schedule", offsetof(struct drift_rule, schedule) },
	{ "timezone", offsetof(struct drift_rule, timezone) } },
  ignore_texts[] = { { "address", offsetof(struct drift_ignore, address) },
	  { "type", offsetof(struct drift_ignore, type) },
	  { "reason", offsetof(struct drift_ignore, reason) },
	  { "owner", offsetof(struct drift_ignore, owner) },
	  { "expires", offsetof(struct drift_ignore, expires) } },
  rule_times[] = { { "spread_ms", offsetof(struct drift_rule, spread_ms) },
	  { "catch_up_ms", offsetof(struct drift_rule, catch_up_ms) },
	  { "within_ms", offsetof(struct drift_rule, within_ms) } },
  rule_names[] = { { "notify", offsetof(struct drift_rule, notify) },
	  { "holidays", offsetof(struct drift_rule, holidays) } };

#define FIELD(base, type, offset) (*(type *)(void *)((char *)(uintptr_t)(base) + (offset)))

static int read_names(struct jsonx *reader, const char *key, struct arena *arena,
	struct name_list *ret, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, key);

	ret->count = json_array_size(list);
	if (reader->failed == 0 && ret->count > DRIFT_NAMES_MAX)
		return err_set(
			err, ERR_LIMIT, "%s: more than %d %s", reader->what, DRIFT_NAMES_MAX, key);
	ret->list = arena_alloc(arena, (ret->count + 1) * sizeof(*ret->list));
	for (size_t i = 0; reader->failed == 0 && i < ret->count; i++) {
		if (!json_is_string(json_array_get(list, i)))
			return err_set(err, ERR_SYNTAX, "%s: %s[%zu] must be a string",
				reader->what, key, i);
		ret->list[i] = arena_strdup(arena, json_string_value(json_array_get(list, i)));
	}
	return reader->failed;
}

static int read_ignore(
	const json_t *json, struct arena *arena, struct drift_ignore *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "drift ignore", err);

	*ret = (struct drift_ignore){ .address = "" };
	for (size_t i = 0; i < countof(ignore_texts); i++)
		FIELD(ret, const char *, ignore_texts[i].offset) = arena_strdup(
			arena, jsonx_string_or(&reader, ignore_texts[i].key, ""));
	return reader.failed != 0 ? reader.failed
				  : read_names(&reader, "paths", arena, &ret->paths, err);
}

int drift_rule_read(
	const json_t *json, struct arena *arena, struct drift_rule *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "drift rule", err);
	const json_t *list = jsonx_array_or(&reader, "ignore");
	int64_t after = jsonx_int_or(&reader, "notify_after", 1);
	int r = reader.failed;

	*ret = (struct drift_rule){ .notify_after = after < 1 || after > 1000 ? 1 : (int)after,
		.ignore_count = json_array_size(list) };
	if (r == 0 && ret->ignore_count > DRIFT_IGNORES_MAX)
		return err_set(
			err, ERR_LIMIT, "drift rule: more than %d ignore rules", DRIFT_IGNORES_MAX);
	for (size_t i = 0; i < countof(rule_texts); i++)
		FIELD(ret, const char *, rule_texts[i].offset) = arena_strdup(
			arena, jsonx_string_or(&reader, rule_texts[i].key, ""));
	for (size_t i = 0; i < countof(rule_times); i++)
		FIELD(ret, int64_t, rule_times[i].offset) = jsonx_int_or(
			&reader, rule_times[i].key, 0);
	r = reader.failed;
	for (size_t i = 0; r == 0 && i < countof(rule_names); i++)
		r = read_names(&reader, rule_names[i].key, arena,
			&FIELD(ret, struct name_list, rule_names[i].offset), err);
	ret->ignores = arena_alloc(arena, (ret->ignore_count + 1) * sizeof(*ret->ignores));
	for (size_t i = 0; r == 0 && i < ret->ignore_count; i++)
		r = read_ignore(json_array_get(list, i), arena, &ret->ignores[i], err);
	return r;
}

static void put_names(json_t *json, const char *key, const struct name_list *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < names->count; i++)
		json_array_append_new(list, jsonx_any(names->list[i]));
	json_object_set_new(json, key, list);
}

json_t *drift_rule_write(const struct drift_rule *rule)
{
	json_t *json = json_object(), *list = json_array();

	for (size_t i = 0; i < countof(rule_texts); i++)
		json_object_set_new(json, rule_texts[i].key,
			jsonx_any(FIELD(rule, const char *, rule_texts[i].offset)));
	for (size_t i = 0; i < countof(rule_times); i++)
		json_object_set_new(json, rule_times[i].key,
			json_integer(FIELD(rule, int64_t, rule_times[i].offset)));
	for (size_t i = 0; i < countof(rule_names); i++)
		put_names(json, rule_names[i].key,
			&FIELD(rule, struct name_list, rule_names[i].offset));
	for (size_t i = 0; i < rule->ignore_count; i++) {
		json_t *one = json_object();

		for (size_t k = 0; k < countof(ignore_texts); k++)
			json_object_set_new(one, ignore_texts[k].key,
				jsonx_any(FIELD(
					&rule->ignores[i], const char *, ignore_texts[k].offset)));
		put_names(one, "paths", &rule->ignores[i].paths);
		json_array_append_new(list, one);
	}
	json_object_set_new(json, "ignore", list);
	json_object_set_new(json, "notify_after", json_integer(rule->notify_after));
	return json;
}

/* ---- the sieve ---- */

/* '*' is anything, also dots and brackets; "" fits all. At most stars x length steps. */
static bool fits(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	if (str_empty(pattern))
		return true;
	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool is_of(const struct drift_ignore *rule, const struct drift_item *item, const char *path)
{
	if (!fits(rule->address, item->address) || !fits(rule->type, item->type))
		return false;
	if (rule->paths.count == 0)
		return true;
	for (size_t i = 0; path != NULL && i < rule->paths.count; i++)
		if (fits(rule->paths.list[i], path))
			return true;
	return false;
}

/* Which rule hides this path of the item, or with NULL the whole of it; -1: none. */
static int hiding(const struct drift_sieve *sieve, const struct drift_item *item, const char *path,
	bool *seen, struct drift_hidden *hidden)
{
	size_t count = sieve->rule == NULL ? 0 : sieve->rule->ignore_count;

	for (size_t i = 0; i < count && i < DRIFT_IGNORES_MAX; i++) {
		const struct drift_ignore *rule = &sieve->rule->ignores[i];

		if (!is_of(rule, item, path))
			continue;
		if (str_empty(rule->expires) || strcmp(sieve->today, rule->expires) <= 0) {
			hidden->rules += !seen[i];
			seen[i] = true;
			return (int)i;
		}
		hidden->expired++;
	}
	return -1;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *fingerprint(
	const struct drift_key *key, const struct drift_item *item, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(64 << 10);
	struct sha256 mac;
	char hex[SHA256_HEX];

	if (item->hash_count > 1)
		qsort(item->hashes, item->hash_count, sizeof(*item->hashes), compare_texts);
	strbuf_printf(&text, "drift %s %s %s", drift_class_name(item->class),
		drift_action_name(item->action), item->address);
	for (size_t i = 0; i < item->hash_count; i++)
		strbuf_printf(&text, "\n%s", item->hashes[i]);
	codec_hmac_sha256(key->bytes, key->length, strbuf_text(&text), text.length, &mac);
	codec_hex(mac.bytes, sizeof(mac.bytes), hex);
	return arena_strndup(arena, hex, DRIFT_HASH_HEX - 1);
}

/* false: nothing is left of it. */
static bool sieve_item(const struct drift_sieve *sieve, struct drift_item *item, bool *seen,
	struct drift_hidden *hidden, struct arena *arena)
{
	const char **paths = arena_alloc(arena, (item->path_count + 1) * sizeof(*paths));
	const char **hashes = arena_alloc(arena, (item->hash_count + 1) * sizeof(*hashes));
	size_t had = item->path_count, kept = 0, kept_hashes = 0;

	if (hiding(sieve, item, NULL, seen, hidden) >= 0) {
		hidden->differences++;
		return false;
	}
	for (size_t i = 0; i < had; i++) {
		if (hiding(sieve, item, item->paths[i], seen, hidden) >= 0) {
			hidden->differences++;
			continue;
		}
		paths[kept++] = item->paths[i];
		if (i < item->hash_count)
			hashes[kept_hashes++] = item->hashes[i];
	}
	for (size_t i = had; i < item->hash_count; i++) /* of what was left out */
		hashes[kept_hashes++] = item->hashes[i];
	if (had > 0 && kept == 0 && item->paths_left_out == 0)
		return false;
	item->paths = paths;
	item->path_count = kept;
	item->hashes = hashes;
	item->hash_count = kept_hashes;
	item->fingerprint = fingerprint(&sieve->key, item, arena);
	item->hashes = NULL;
	item->hash_count = 0;
	return true;
}

void drift_sieve_items(const struct drift_sieve *sieve, const struct drift_items *found,
	struct arena *arena, struct drift_items *ret, struct drift_hidden *ret_hidden)
{
	bool seen[DRIFT_IGNORES_MAX] = { false };

	*ret_hidden = (struct drift_hidden){ 0 };
	*ret = (struct drift_items){ .list = arena_alloc(
					     arena, (found->count + 1) * sizeof(*ret->list)),
		.left_out = found->left_out };
	for (size_t i = 0; i < found->count; i++) {
		struct drift_item item = found->list[i];

		if (sieve_item(sieve, &item, seen, ret_hidden, arena))
			ret->list[ret->count++] = item;
	}
}

enum drift_outcome drift_outcome_of(const struct drift_items *items)
{
	bool has_drift = false, is_pending = false;

	for (size_t i = 0; i < items->count; i++) {
		enum drift_class class = items->list[i].class;

		has_drift = has_drift || class == DRIFT_DELETED || class == DRIFT_CHANGED ||
			    class == DRIFT_CHECK;
		is_pending = is_pending || class == DRIFT_UNAPPLIED;
	}
	return has_drift && is_pending ? DRIFT_BOTH
	       : has_drift	       ? DRIFT_FOUND
	       : is_pending	       ? DRIFT_PENDING
				       : DRIFT_CLEAN;
}
