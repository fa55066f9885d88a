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
	{ "moved without status", "{" OIDS ",\"moved\":[{\"path\":\"a\"}]}",
		"moved[0]: status must be given" },
	{ "old path number",
		"{" OIDS ",\"changed\":[{\"path\":\"a\",\"status\":\"R\",\"old_path\":2}]}",
		"changed[0]: old_path must be a string" },
	{ "folders as a list", "{" OIDS ",\"folders\":[]}", "folders must be a string" },
	{ "folders without an end", "{" OIDS ",\"folders\":\"0 1 a\"}", "folders, line 1" },
	{ "folders without a path", "{" OIDS ",\"folders\":\"0 1 \\n\"}", "folders, line 1" },
	{ "folders without a number", "{" OIDS ",\"folders\":\"0 1 a\\n1 b\\n\"}",
		"folders, line 2" },
	{ "folders that share too much", "{" OIDS ",\"folders\":\"0 1 a\\n2 1 b\\n\"}",
		"folders, line 2" },
	{ "folders twice", "{" OIDS ",\"folders\":\"0 1 a\\n0 1 a\\n\"}", "folders, line 2" },
	{ "folders out of order", "{" OIDS ",\"folders\":\"0 1 b\\n0 1 a\\n\"}",
		"folders, line 2" },
	{ "folders that hold what we do not know", "{" OIDS ",\"folders\":\"0 64 a\\n\"}",
		"folders, line 1" },
	{ "folders with a number too large",
		"{" OIDS ",\"folders\":\"99999999999999999999999999 1 a\\n\"}", "folders, line 1" },
	{ "workspace without a name", "{" OIDS ",\"workspaces\":[{\"dir\":\"a\"}]}",
		"workspaces[0]: workspace must be given" },
	{ "configuration without a name", "{" OIDS ",\"config_base\":{\"text\":\"a\"}}",
		"config_base: name must be given" },
	{ "configuration that is no object", "{" OIDS ",\"config_head\":\"a\"}",
		"config_head is not an object" },
	{ "configuration in bad hex", "{" OIDS ",\"config_head\":{\"name\":\"a\",\"hex\":\"0\"}}",
		"config_head: hex is none" },
	{ "uses as a list", "{" OIDS ",\"uses\":[]}", "uses must be a string" },
	{ "a use by no folder", "{" OIDS ",\"uses\":\"0 =m\\n\"}", "uses, line 1" },
	{ "a use of no folder", "{" OIDS ",\"folders\":\"0 1 a\\n\",\"uses\":\"0 1\\n\"}",
		"uses, line 1" },
	{ "a use of nothing", "{" OIDS ",\"folders\":\"0 1 a\\n\",\"uses\":\"0 =m\\n0 =\\n\"}",
		"uses, line 2" },
	{ "a use without an end", "{" OIDS ",\"folders\":\"0 1 a\\n\",\"uses\":\"0 =m\"}",
		"uses, line 1" },
	{ "a use of a word", "{" OIDS ",\"folders\":\"0 1 a\\n\",\"uses\":\"0 m\\n\"}",
		"uses, line 1" },
	{ "a use of a number too large",
		"{" OIDS ",\"folders\":\"0 1 a\\n\",\"uses\":\"0 99999999999999999999999\\n\"}",
		"uses, line 1" },
	{ "owners without a line", "{" OIDS ",\"owners\":[{\"path\":\"a\"}]}",
		"owners[0]: line must be given" },
	{ "owners of line nought",
		"{" OIDS ",\"owners\":[{\"path\":\"a\",\"line\":0,\"names\":[]}]}",
		"owners[0]: line is none" },
	{ "an owner that is no text",
		"{" OIDS ",\"owners\":[{\"path\":\"a\",\"line\":1,\"names\":[1]}]}",
		"names[0] must be a string" },
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
	json_t *conflicts = json_array();
	struct prepared prepared;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i <= 200000; i++)
		json_array_append_new(conflicts, json_string("d"));
	json_object_set_new(json, "conflicts", conflicts);
	assert_err(prepared_read(json, &arena, &prepared, &err), &err, ERR_LIMIT,
		"conflicts has more than 200000 entries");
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
	assert_int_equal(prepared.changed_count + prepared.folder_count + prepared.use_count +
				 prepared.people_count + prepared.conflict_count,
		0);
}

static void comes_back_as_it_was_written(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *conflicts[] = { "a/main.tf" };
	struct tree_folder folders[] = { { ".", 0 }, { "a", HOLDS_TERRAFORM },
		{ "a/b", HOLDS_KUSTOMIZE | HOLDS_MANIFESTS }, { "a/b-c", 0 }, { "ab", 0 },
		{ "a\xc3\xa4", HOLDS_TOFU }, { "a\xc3\xb6", HOLDS_HELM } };
	struct folder_workspace workspaces[] = { { "a", "prod" } };
	struct changed_file changed[] = { { "a/main.tf", NULL, 'M' },
		{ "b \"quoted\"\n.tf", "old/b.tf", 'R' }, { "gone.tf", NULL, 'D' } };
	struct module_use uses[] = { { "a", "modules/x" }, { "a", "a/b" } };
	struct identity people[] = { { "Alice", "alice@example.org" }, { "", "" } };
	const char *names[] = { "@acme/net", "bob@example.org" };
	struct code_owners owners[] = { { "net/a.tf", 7, names, 2 } };
	struct plain_secret secrets[] = { { "a.tf", "github-token", 7, "c1", true },
		{ "b", PLAIN_SECRET_UNSEEN, 0, "c2", false } };
	struct new_skip skips[] = { { "a.tf", 3, "CKV_AWS_1" } };
	struct prepared prepared = { .head = "h",
		.secrets = secrets,
		.secret_count = 2,
		.secrets_left_out = 4,
		.skips = skips,
		.skip_count = 1,
		.skips_left_out = 5,
		.owners_file = "CODEOWNERS",
		.owners_problem = "is too large",
		.owners = owners,
		.owner_count = 1,
		.base = "b",
		.merge_base = "m",
		.tree = "t",
		.conflicts = conflicts,
		.conflict_count = 1,
		.changed = changed,
		.changed_count = countof(changed),
		.moved = changed + 1,
		.moved_count = 1,
		.config_base = { "sluice.yaml", "version: 3\n", 11, NULL },
		.config_head = { "atlantis.yaml", "a\0\xff", 3, NULL },
		.folders = folders,
		.folder_count = countof(folders),
		.workspaces = workspaces,
		.workspace_count = 1,
		.uses = uses,
		.use_count = countof(uses),
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
	assert_int_equal(got.moved_count, 1);
	assert_string_equal(got.moved[0].old_path, "old/b.tf");
	assert_int_equal(got.use_count, countof(uses));
	assert_string_equal(got.uses[0].dir, "a");
	assert_string_equal(got.uses[0].module, "modules/x");
	assert_string_equal(got.uses[1].module, "a/b");
	assert_int_equal(got.folder_count, countof(folders));
	for (size_t i = 0; i < countof(folders); i++) {
		assert_string_equal(got.folders[i].path, folders[i].path);
		assert_int_equal(got.folders[i].holds, folders[i].holds);
		assert_ptr_equal(prepared_folder(&got, folders[i].path, strlen(folders[i].path)),
			&got.folders[i]);
	}
	assert_null(prepared_folder(&got, "a/b/c", 5));
	assert_string_equal(prepared_folder(&got, "a/b/c", 3)->path, "a/b");
	assert_string_equal(got.workspaces[0].workspace, "prod");
	assert_string_equal(got.config_base.name, "sluice.yaml");
	assert_string_equal(got.config_base.bytes, "version: 3\n");
	assert_int_equal(got.config_head.length, 3);
	assert_memory_equal(got.config_head.bytes, "a\0\xff", 3);
	assert_string_equal(got.people[0].email, "alice@example.org");
	assert_int_equal(got.owners[0].line, 7);
	assert_string_equal(got.owners[0].names[1], "bob@example.org");
	assert_true(got.secrets[0].is_gone);
	assert_string_equal(got.secrets[1].rule, PLAIN_SECRET_UNSEEN);
	assert_int_equal(got.skips[0].line, 3);
	assert_int_equal(got.secrets_left_out + got.skips_left_out, 9);
}

/* A path that is not UTF-8 stays a path: it must not vanish and shift what stands beside it. */
static void what_is_no_text_leaves_a_mark(void **state)
{
	const char *conflicts[] = { "caf\xe9", "b" };
	struct prepared prepared = { .head = "h", .conflicts = conflicts, .conflict_count = 2 };
	_cleanup_json_ json_t *json = prepared_write(&prepared);
	const json_t *list = json_object_get(json, "conflicts");

	(void)state;
	assert_string_equal(json_string_value(json_array_get(list, 0)), "(not valid text)");
	assert_string_equal(json_string_value(json_array_get(list, 1)), "b");
	assert_string_equal(json_string_value(json_object_get(json, "base")), "");
}

/* A file that was not brought is told of, and one that is missing is no empty one. */
static void configuration_that_is_not_there(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct prepared prepared = { .head = "h",
		.base = "b",
		.merge_base = "m",
		.tree = "t",
		.config_head = { "sluice.yaml", "", 0, "is larger than 1 MiB" } };
	_cleanup_json_ json_t *json = prepared_write(&prepared);
	struct prepared got;
	struct err err = { 0 };

	(void)state;
	assert_ok(prepared_read(json, &arena, &got, &err), &err);
	assert_null(got.config_base.name);
	assert_string_equal(got.config_head.problem, "is larger than 1 MiB");
	assert_int_equal(got.config_head.length, 0);
}

/* Folders that cannot be told must not be read as none. */
static void folders_that_are_no_text_are_an_error(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct tree_folder folders[] = { { "caf\xe9", HOLDS_TERRAFORM } };
	struct prepared prepared = { .head = "h",
		.base = "b",
		.merge_base = "m",
		.tree = "t",
		.folders = folders,
		.folder_count = 1 };
	_cleanup_json_ json_t *json = prepared_write(&prepared);
	struct prepared got;
	struct err err = { 0 };

	(void)state;
	assert_err(prepared_read(json, &arena, &got, &err), &err, ERR_SYNTAX, "folders, line 1");
}

int main(int argc, char **argv)
{
	CASES(wrongs, says_what_is_wrong);
	CASE(too_long_a_list);
	CASE(little_is_enough);
	CASE(comes_back_as_it_was_written);
	CASE(what_is_no_text_leaves_a_mark);
	CASE(configuration_that_is_not_there);
	CASE(folders_that_are_no_text_are_an_error);
	return cases_run(argc, argv);
}
