/* links: runner model lib */
/* Plan JSON -> what drifted, what is pending, what wakes nobody. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "runners/tf_drift.h"
#include <string.h>

static int find(const char *text, struct arena *arena, struct drift_items *ret, struct err *err)
{
	_cleanup_json_ json_t *plan = NULL;
	int r = jsonx_parse(text, strlen(text), 1 << 20, &plan, err);

	assert_ok(r, err);
	return tf_drift_find(plan, arena, ret, err);
}

/* "changed a.b update x,y; unapplied ..." */
static char *found_in(const char *text)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf out = STRBUF(8192);
	struct drift_items items;
	struct err err = { 0 };

	assert_ok(find(text, &arena, &items, &err), &err);
	for (size_t i = 0; i < items.count; i++) {
		const struct drift_item *item = &items.list[i];

		strbuf_printf(&out, "%s%s %s %s", i == 0 ? "" : "; ", drift_class_name(item->class),
			item->address, drift_action_name(item->action));
		for (size_t k = 0; k < item->path_count; k++)
			strbuf_printf(&out, "%s%s", k == 0 ? " " : ",", item->paths[k]);
		assert_int_equal(item->hash_count, item->path_count + (item->paths_left_out > 0));
	}
	return mem_strdup(strbuf_text(&out));
}

#define PLAN(drift, changes, rest)                                                                 \
	"{\"format_version\":\"1.2\",\"resource_drift\":[" drift                                   \
	"],\"resource_changes\":[" changes "]" rest "}"
#define ENTRY(address, actions, before, after, rest)                                               \
	"{\"address\":\"" address                                                                  \
	"\",\"mode\":\"managed\",\"type\":\"t\",\"change\":{\"actions\":[" actions                 \
	"],\"before\":" before ",\"after\":" after rest "}}"
#define UPDATE "\"update\""
#define NO_OP  "\"no-op\""
#define DELETE "\"delete\""
#define CREATE "\"create\""
#define RELEVANT(address, attribute)                                                               \
	",\"relevant_attributes\":[{\"resource\":\"" address "\",\"attribute\":[\"" attribute      \
	"\"]}]"
#define USES(address, reference)                                                                   \
	",\"configuration\":{\"root_module\":{\"resources\":[{\"address\":\"" address              \
	"\",\"expressions\":{\"x\":{\"references\":[\"" reference "\"]}}}]}}"

static const struct found_case {
	const char *name, *plan, *found;
} founds[] = {
	{ "nothing", PLAN("", ENTRY("t.a", NO_OP, "{\"x\":1}", "{\"x\":1}", ""), ""), "" },
	{ "put back",
		PLAN(ENTRY("t.a", UPDATE, "{\"x\":1}", "{\"x\":2}", ""),
			ENTRY("t.a", UPDATE, "{\"x\":2}", "{\"x\":1}", ""), ""),
		"changed t.a update x" },
	{ "put back, and more is wanted",
		PLAN(ENTRY("t.a", UPDATE, "{\"x\":1,\"y\":1}", "{\"x\":2,\"y\":1}", ""),
			ENTRY("t.a", UPDATE, "{\"x\":2,\"y\":1}", "{\"x\":1,\"y\":5}", ""), ""),
		"changed t.a update x; unapplied t.a update y" },
	{ "another value than both is wanted",
		PLAN(ENTRY("t.a", UPDATE, "{\"x\":1}", "{\"x\":2}", ""),
			ENTRY("t.a", UPDATE, "{\"x\":2}", "{\"x\":3}", ""), ""),
		"changed t.a update x; unapplied t.a update x" },
	{ "computed beside it",
		PLAN(ENTRY("t.a", UPDATE, "{\"x\":1,\"etag\":\"a\"}", "{\"x\":2,\"etag\":\"b\"}",
			     ""),
			ENTRY("t.a", UPDATE, "{\"x\":2,\"etag\":\"b\"}", "{\"x\":1}",
				",\"after_unknown\":{\"etag\":true}"),
			""),
		"changed t.a update x,etag" },
	{ "nobody minds",
		PLAN(ENTRY("t.a", UPDATE, "{\"etag\":1}", "{\"etag\":2}", ""),
			ENTRY("t.a", NO_OP, "{\"etag\":2}", "{\"etag\":2}", ""), ""),
		"ignored t.a none etag" },
	{ "somebody uses it",
		PLAN(ENTRY("t.a", UPDATE, "{\"etag\":1}", "{\"etag\":2}", ""),
			ENTRY("t.a", NO_OP, "{\"etag\":2}", "{\"etag\":2}", ""),
			RELEVANT("t.a", "etag")),
		"changed t.a none etag" },
	{ "somebody uses another attribute",
		PLAN(ENTRY("t.a", UPDATE, "{\"etag\":1}", "{\"etag\":2}", ""),
			ENTRY("t.a", NO_OP, "{\"etag\":2}", "{\"etag\":2}", ""),
			RELEVANT("t.a", "eta")),
		"ignored t.a none etag" },
	{ "marks alone",
		PLAN(ENTRY("t.a", UPDATE, "{\"x\":1}", "{\"x\":1}",
			     ",\"before_sensitive\":{},\"after_sensitive\":{\"x\":true}"),
			ENTRY("t.a", NO_OP, "{\"x\":1}", "{\"x\":1}", ""), ""),
		"" },
	{ "gone",
		PLAN(ENTRY("t.a", DELETE, "{\"x\":1,\"id\":\"i\"}", "null", ""),
			ENTRY("t.a", CREATE, "null", "{\"x\":1}",
				",\"after_unknown\":{\"id\":true}"),
			""),
		"deleted t.a create" },
	{ "gone, and nobody wants it any more",
		PLAN(ENTRY("t.a", DELETE, "{\"x\":1}", "null", ""), "", ""), "deleted t.a none" },
	{ "gone, and wanted otherwise",
		PLAN(ENTRY("t.a", DELETE, "{\"x\":1}", "null", ""),
			ENTRY("t.a", CREATE, "null", "{\"x\":2}", ""), ""),
		"deleted t.a create; unapplied t.a create x" },
	{ "its user follows",
		PLAN(ENTRY("t.a", DELETE, "{\"id\":\"i\"}", "null", ""),
			ENTRY("t.a", CREATE, "null", "{}",
				",\"after_unknown\":{\"id\":true}") "," ENTRY("u.b",
				DELETE "," CREATE, "{\"x\":\"i\"}", "{}",
				",\"after_unknown\":{\"x\":true}"),
			USES("u.b", "t.a.id")),
		"deleted t.a create" },
	{ "its user follows by a known value",
		PLAN(ENTRY("t.a", UPDATE, "{\"e\":1}", "{\"e\":2}", ""),
			ENTRY("u.b", UPDATE, "{\"x\":1}", "{\"x\":2}", ""),
			RELEVANT("t.a", "e") USES("u.b", "t.a.e")),
		"changed t.a none e" },
	{ "its user follows through a local value",
		PLAN(ENTRY("t.a", UPDATE, "{\"e\":1}", "{\"e\":2}", ""),
			ENTRY("u.b", UPDATE, "{\"x\":1}", "{\"x\":2}", ""),
			RELEVANT("t.a", "e") USES("u.b", "local.e")),
		"changed t.a none e" },
	{ "somebody else is pending",
		PLAN(ENTRY("t.a", UPDATE, "{\"e\":1}", "{\"e\":2}", ""),
			ENTRY("t.a", UPDATE, "{\"e\":2}", "{\"e\":1}", "") "," ENTRY(
				"u.b", UPDATE, "{\"x\":1}", "{\"x\":2}", ""),
			USES("u.b", "t.another.e")),
		"changed t.a update e; unapplied u.b update x" },
	{ "a new user is a wish",
		PLAN(ENTRY("t.a", DELETE, "{}", "null", ""),
			ENTRY("t.a", CREATE, "null", "{}", "") "," ENTRY(
				"u.b", CREATE, "null", "{\"x\":2}", ""),
			USES("u.b", "t.a.id")),
		"deleted t.a create; unapplied u.b create" },
	{ "merged and never applied",
		PLAN("",
			ENTRY("t.a", CREATE, "null", "{\"x\":1}", "") "," ENTRY(
				"t.b", DELETE, "{\"x\":1}", "null", ""),
			""),
		"unapplied t.a create; unapplied t.b delete" },
	{ "data is read",
		PLAN("{\"address\":\"data.t.a\",\"mode\":\"data\",\"type\":\"t\","
		     "\"change\":{\"actions\":[\"update\"],\"before\":{\"x\":1},\"after\":{\"x\":2}"
		     "}}",
			"{\"address\":\"data.t.a\",\"mode\":\"data\",\"type\":\"t\",\"change\":"
			"{\"actions\":[\"read\"],\"before\":null,\"after\":{}}}",
			""),
		"" },
	{ "moved",
		PLAN("{\"address\":\"t.b\",\"mode\":\"managed\",\"previous_address\":\"t.a\","
		     "\"change\":{\"actions\":[\"no-op\"],\"before\":{},\"after\":{}}}",
			"{\"address\":\"t.b\",\"mode\":\"managed\",\"type\":\"t\",\"previous_"
			"address\":"
			"\"t.a\",\"change\":{\"actions\":[\"no-op\"],\"before\":{},\"after\":{}}}",
			""),
		"moved t.b none" },
	{ "imported",
		PLAN("", ENTRY("t.a", NO_OP, "{}", "{}", ",\"importing\":{\"id\":\"i\"}"), ""),
		"import t.a none" },
	{ "imported and changed",
		PLAN("",
			ENTRY("t.a", UPDATE, "{\"x\":1}", "{\"x\":2}",
				",\"importing\":{\"id\":\"i\"}"),
			""),
		"unapplied t.a update x" },
	{ "an output",
		PLAN("", "",
			",\"output_changes\":{\"o\":{\"actions\":[\"update\"]},"
			"\"p\":{\"actions\":[\"no-op\"]}}"),
		"output output.o update" },
	{ "a check that failed",
		PLAN("", "",
			",\"checks\":[{\"address\":{\"kind\":\"check\","
			"\"to_display\":\"check.c\"},\"status\":\"fail\"},{\"address\":{\"kind\":"
			"\"check\","
			"\"to_display\":\"check.d\"},\"status\":\"pass\"},{\"address\":{\"kind\":"
			"\"resource\","
			"\"to_display\":\"t.a\"},\"status\":\"fail\"}]"),
		"check check.c none" },
	{ "in a module",
		PLAN(ENTRY("module.m[0].t.a[\\\"x.y\\\"]", DELETE, "{\"id\":1}", "null", ""),
			ENTRY("module.m[0].u.b", UPDATE, "{\"x\":1}", "{\"x\":2}", ""),
			",\"configuration\":{\"root_module\":{\"module_calls\":{\"m\":{\"module\":"
			"{\"resources\":[{\"address\":\"u.b\",\"expressions\":{\"x\":{"
			"\"references\":"
			"[\"t.a\"]}}}]}}}}}"),
		"deleted module.m[0].t.a[\"x.y\"] none" },
	{ "of the same name in another module",
		PLAN(ENTRY("module.n.t.a", DELETE, "{\"id\":1}", "null", ""),
			ENTRY("u.b", UPDATE, "{\"x\":1}", "{\"x\":2}", ""), USES("u.b", "t.a")),
		"deleted module.n.t.a none; unapplied u.b update x" },
	{ "nonsense where lists should be",
		"{\"format_version\":\"1\",\"resource_drift\":{\"a\":1},"
		"\"resource_changes\":[1,null,{}],\"checks\":7,\"output_changes\":[]}",
		"" },
};

static void what_is_found(void **state)
{
	const struct found_case *row = *state;
	_cleanup_free_ char *got = found_in(row->plan);

	assert_string_equal(got, row->found);
}

static void is_no_plan(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct drift_items items;
	struct err err = { 0 };

	assert_err(find("{}", &arena, &items, &err), &err, ERR_SYNTAX, "not a plan");
}

static const char *hash_in(const char *before, const char *after, struct arena *arena)
{
	_cleanup_free_ char *text = mem_printf(
		PLAN("{\"address\":\"t.a\",\"mode\":\"managed\",\"type\":\"t\",\"change\":{"
		     "\"actions\":[\"update\"],\"before\":{\"x\":%s},\"after\":{\"x\":%s}}}",
			"", ""),
		before, after);
	struct drift_items items;
	struct err err = { 0 };

	assert_ok(find(text, arena, &items, &err), &err);
	assert_int_equal(items.list[0].path_count, 1);
	return items.list[0].hashes[0];
}

static void hashes_tell_values_apart(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *one = hash_in("1", "2", &arena);

	assert_string_equal(one, hash_in("1", "2", &arena));
	assert_string_not_equal(one, hash_in("2", "1", &arena));
	assert_string_not_equal(one, hash_in("1", "\"2\"", &arena));
	assert_string_equal(hash_in("[{\"a\":1,\"b\":2}]", "[1]", &arena),
		hash_in("[{\"b\":2,\"a\":1}]", "[1]", &arena));
}

int main(int argc, char **argv)
{
	CASES(founds, what_is_found);
	CASE(is_no_plan);
	CASE(hashes_tell_values_apart);
	return cases_run(argc, argv);
}
