/* Constructs as JSON, in words, and as facts for rules. */
#include "orchestrator/model/plan_constructs.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { ADDRESS_MAX = 300, DETAIL_MAX = 200, COUNT_MAX = 1000000 };

const char *const plan_construct_words[] = { "provisioner", "program", "http", "action", "module",
	NULL };

static const char *at_most(struct arena *arena, const char *text, size_t most)
{
	return arena_strndup(arena, text, codec_utf8_prefix(text, strnlen(text, most)));
}

void plan_constructs_add(struct plan_constructs *constructs, struct arena *arena,
	enum plan_construct_kind kind, const char *address, const char *detail)
{
	if (constructs->count == CONSTRUCTS_MAX) {
		constructs->left_out++;
		return;
	}
	constructs->list = arena_push(
		arena, constructs->list, constructs->count, sizeof(*constructs->list));
	constructs->list[constructs->count++] = (struct plan_construct){ .kind = kind,
		.address = at_most(arena, address, ADDRESS_MAX),
		.detail = at_most(arena, detail, DETAIL_MAX) };
}

static int kind_of(const char *word)
{
	for (int i = 0; plan_construct_words[i] != NULL; i++)
		if (str_equal(plan_construct_words[i], word))
			return i + 1;
	return 0;
}

static int read_one(
	const json_t *json, struct arena *arena, struct plan_constructs *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "constructs", err);
	const char *kind = jsonx_string(&reader, "kind");
	const char *address = jsonx_string(&reader, "address");
	const char *detail = jsonx_string_or(&reader, "detail", "");

	if (reader.failed != 0)
		return reader.failed;
	if (kind_of(kind) == 0)
		return err_set(err, ERR_SYNTAX, "constructs: kind is none that we know");
	plan_constructs_add(ret, arena, (enum plan_construct_kind)kind_of(kind), address, detail);
	return 0;
}

int plan_constructs_read(
	const json_t *json, struct arena *arena, struct plan_constructs *ret, struct err *err)
{
	struct jsonx reader = { 0 };
	const json_t *list;
	int64_t left_out;
	int r = 0;

	*ret = (struct plan_constructs){ 0 };
	if (json == NULL || json_is_null(json))
		return 0;
	reader = jsonx_reader(json, "constructs", err);
	list = jsonx_array_or(&reader, "list");
	left_out = jsonx_int_or(&reader, "left_out", 0);
	for (size_t i = 0; r == 0 && reader.failed == 0 && i < json_array_size(list); i++)
		r = read_one(json_array_get(list, i), arena, ret, err);
	if (reader.failed == 0 && (left_out < 0 || left_out > COUNT_MAX))
		return err_set(err, ERR_SYNTAX, "constructs: left_out must be between 0 and %d",
			COUNT_MAX);
	ret->left_out += (int)left_out;
	return r < 0 ? r : reader.failed;
}

json_t *plan_constructs_write(const struct plan_constructs *constructs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < constructs->count; i++) {
		const struct plan_construct *one = &constructs->list[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o}", "kind",
				      plan_construct_words[one->kind - 1], "address",
				      jsonx_any(one->address), "detail", jsonx_any(one->detail)));
	}
	return json_pack("{s:o, s:i}", "list", list, "left_out", constructs->left_out);
}

static size_t count_kind(const struct plan_constructs *constructs, int kind)
{
	size_t count = 0;

	for (size_t i = 0; i < constructs->count; i++)
		count += (int)constructs->list[i].kind == kind;
	return count;
}

bool plan_constructs_have(const struct plan_constructs *constructs, const char *word)
{
	return kind_of(word) == 0 || constructs->left_out > 0 ||
	       count_kind(constructs, kind_of(word)) > 0;
}

bool plan_constructs_run_code(const struct plan_constructs *constructs)
{
	return constructs->left_out > 0 ||
	       constructs->count > count_kind(constructs, CONSTRUCT_MODULE);
}

const char *plan_construct_text(const struct plan_construct *construct, struct arena *arena)
{
	switch (construct->kind) {
	case CONSTRUCT_PROVISIONER:
		return arena_printf(arena, "has a %s provisioner", construct->detail);
	case CONSTRUCT_PROGRAM:
		return "runs a program";
	case CONSTRUCT_HTTP:
		return "calls an address";
	case CONSTRUCT_ACTION:
		return "is an action: it runs with the apply";
	case CONSTRUCT_MODULE:
		return arena_printf(arena, "is from elsewhere: %s", construct->detail);
	}
	return "";
}

void plan_constructs_count(const struct plan_constructs *constructs, struct strbuf *out)
{
	static const char *const words[CONSTRUCT_KINDS] = { "provisioner", "program",
		"call of an address", "action", "module from elsewhere" };
	static const char *const more[CONSTRUCT_KINDS] = { "provisioners", "programs",
		"calls of addresses", "actions", "modules from elsewhere" };
	const char *before = "";

	for (int i = 0; i < CONSTRUCT_KINDS; i++) {
		size_t count = count_kind(constructs, i + 1);

		if (count > 0)
			strbuf_printf(
				out, "%s%zu %s", before, count, count == 1 ? words[i] : more[i]);
		before = count > 0 ? ", " : before;
	}
	if (constructs->left_out > 0)
		strbuf_printf(out, "%s%d more", before, constructs->left_out);
}

/* "./x" and "../x" lie beside it, "/x" is a path of the machine; everything else is fetched. */
bool plan_source_is_remote(const char *source)
{
	return !str_empty(source) && !str_starts(source, "./") && !str_starts(source, "../") &&
	       !str_equal(source, ".") && !str_equal(source, "..") && source[0] != '/';
}
