/* links: model lib */
/* git's answer: written, read back, and refused with its path when it is not as agreed. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/prepared.h"

#include <string.h>

#define OIDS "\"head\":\"h\",\"base\":\"b\",\"merge_base\":\"m\""

static int read_text(const char *text, struct arena *arena, struct prepared *ret, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, strlen(text), 1 << 20, &json, err);

	return r < 0 ? r : prepared_read(json, arena, ret, err);
}

static const struct wrong {
	const char *name, *json, *says;
} wrongs[] = {
	{ "not an object", "[]", "prepared is not an object" },
	{ "no head", "{\"base\":\"b\",\"merge_base\":\"m\"}", "prepared: head must be given" },
	{ "no base", "{\"head\":\"b\",\"merge_base\":\"m\"}", "prepared: base must be given" },
	{ "no merge base", "{\"head\":\"b\",\"base\":\"m\"}",
		"prepared: merge_base must be given" },
	{ "head null", "{\"head\":null,\"base\":\"b\",\"merge_base\":\"m\"}",
		"head must be given" },
	{ "head number", "{\"head\":1,\"base\":\"b\",\"merge_base\":\"m\"}",
		"head must be a string" },
	{ "tree list", "{" OIDS ",\"tree\":[]}", "tree must be a string" },
	{ "conflicts object", "{" OIDS ",\"conflicts\":{}}", "conflicts must be a list" },
	{ "conflicts number", "{" OIDS ",\"conflicts\":[\"a\",1]}",
		"conflicts[1] must be a string" },
	{ "changed text", "{" OIDS ",\"changed\":\"a\"}", "changed must be a list" },
	{ "changed of texts", "{" OIDS ",\"changed\":[\"a\"]}", "changed[0] is not an object" },
	{ "changed without path", "{" OIDS ",\"changed\":[{\"status\":\"A\"}]}",
		"changed[0]: path must be given" },
	{ "changed without status", "{" OIDS ",\"changed\":[{\"path\":\"a\"}]}",
		"changed[0]: status must be given" },
	{ "status unknown", "{" OIDS ",\"changed\":[{\"path\":\"a\",\"status\":\"X\"}]}",
		"changed[0]: status must be one of" },
	{ "status empty", "{" OIDS ",\"changed\":[{\"path\":\"a\",\"status\":\"\"}]}",
		"changed[0]: status must be one of" },
	{ "status long", "{" OIDS ",\"changed\":[{\"path\":\"a\",\"status\":\"Added\"}]}",
		"changed[0]: status must be one of" },
	{ "old path number",
		"{" OIDS ",\"changed\":[{\"path\":\"a\",\"status\":\"R\",\"old_path\":2}]}",
		"changed[0]: old_path must be a string" },
	{ "use without module",
		"{" OIDS ",\"uses\":[{\"dir\":\"a\",\"module\":\"b\"},{\"dir\":\"a\"}]}",
		"uses[1]: module must be given" },
	{ "use of a list", "{" OIDS ",\"uses\":[[]]}", "uses[0] is not an object" },
	{ "person without e-mail", "{" OIDS ",\"people\":[{\"name\":\"a\"}]}",
		"people[0]: email must be given" },
	{ "people null entry", "{" OIDS ",\"people\":[null]}", "people[0] is not an object" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct prepared prepared;
	struct err err = { 0 };

	assert_err(read_text(row->json, &arena, &prepared, &err), &err, ERR_SYNTAX, row->says);
}

static void too_long_a_list(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = json_pack(
		"{s:s,s:s,s:s}", "head", "h", "base", "b", "merge_base", "m");
	json_t *dirs = json_array();
	struct prepared prepared;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i <= 200000; i++)
		json_array_append_new(dirs, json_string("d"));
	json_object_set_new(json, "dirs", dirs);
	assert_err(prepared_read(json, &arena, &prepared, &err), &err, ERR_LIMIT,
		"dirs has more than 200000 entries");
}

static void little_is_enough(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct prepared prepared;
	struct err err = { 0 };

	(void)state;
	assert_ok(read_text("{" OIDS ",\"tree\":null,\"later\":1}", &arena, &prepared, &err), &err);
	assert_string_equal(prepared.head, "h");
	assert_string_equal(prepared.tree, "");
	assert_int_equal(prepared.changed_count + prepared.dir_count + prepared.use_count +
				 prepared.people_count + prepared.conflict_count,
		0);
}

static void comes_back_as_it_was_written(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *conflicts[] = { "a/main.tf" }, *dirs[] = { ".", "a" };
	struct changed_file changed[] = { { "a/main.tf", NULL, 'M' },
		{ "b \"quoted\"\n.tf", "old/b.tf", 'R' }, { "gone.tf", NULL, 'D' } };
	struct module_use uses[] = { { "a", "modules/x" } };
	struct identity people[] = { { "Alice", "alice@example.org" }, { "", "" } };
	struct prepared prepared = { .head = "h",
		.base = "b",
		.merge_base = "m",
		.tree = "t",
		.conflicts = conflicts,
		.conflict_count = 1,
		.changed = changed,
		.changed_count = countof(changed),
		.dirs = dirs,
		.dir_count = 2,
		.uses = uses,
		.use_count = 1,
		.people = people,
		.people_count = 2 };
	_cleanup_json_ json_t *json = prepared_write(&prepared), *again = NULL;
	struct prepared got;
	struct err err = { 0 };

	(void)state;
	assert_ok(prepared_read(json, &arena, &got, &err), &err);
	again = prepared_write(&got);
	assert_true(json_equal(json, again));
	assert_string_equal(got.changed[1].old_path, "old/b.tf");
	assert_null(got.changed[0].old_path);
	assert_int_equal(got.changed[2].status, 'D');
	assert_string_equal(got.uses[0].module, "modules/x");
	assert_string_equal(got.people[0].email, "alice@example.org");
}

/* A path that is not UTF-8 stays a path: it must not vanish and shift what stands beside it. */
static void what_is_no_text_leaves_a_mark(void **state)
{
	const char *dirs[] = { "caf\xe9", "b" };
	struct prepared prepared = { .head = "h", .dirs = dirs, .dir_count = 2 };
	_cleanup_json_ json_t *json = prepared_write(&prepared);
	const json_t *list = json_object_get(json, "dirs");

	(void)state;
	assert_string_equal(json_string_value(json_array_get(list, 0)), "(not valid text)");
	assert_string_equal(json_string_value(json_array_get(list, 1)), "b");
	assert_string_equal(json_string_value(json_object_get(json, "base")), "");
}

int main(int argc, char **argv)
{
	CASES(wrongs, says_what_is_wrong);
	CASE(too_long_a_list);
	CASE(little_is_enough);
	CASE(comes_back_as_it_was_written);
	CASE(what_is_no_text_leaves_a_mark);
	return cases_run(argc, argv);
}
