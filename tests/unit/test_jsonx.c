/* links: lib */
/* JSON behind caps: what is refused, what the texts say, what a file must be. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct parse_case {
	const char *name, *text;
	enum err_code code;
	const char *part;
};

static const struct parse_case parse_cases[] = {
	{ "an object", "{\"a\":1}", ERR_NONE, NULL },
	{ "a list", "[1,2]", ERR_NONE, NULL },
	{ "space around", " \n{}\n ", ERR_NONE, NULL },
	{ "brackets in a string are no nesting",
		"[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]",
		ERR_NONE, NULL },
	{ "an escaped quote does not end a string",
		"[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]",
		ERR_NONE, NULL },
	{ "nothing", "", ERR_SYNTAX, "not JSON" },
	{ "a bare word", "nonsense", ERR_SYNTAX, "not JSON" },
	{ "bytes after the end", "{} {}", ERR_SYNTAX, "not JSON" },
	{ "a key twice", "{\"a\":1,\"a\":2}", ERR_SYNTAX, "duplicate" },
	{ "a key twice by escapes", "{\"a\":1,\"\\u0061\":2}", ERR_SYNTAX, "duplicate" },
	{ "a string that never ends", "[\"abc", ERR_SYNTAX, "not JSON" },
	{ "an escape at the end", "[\"abc\\", ERR_SYNTAX, "not JSON" },
	{ "invalid UTF-8", "[\"\xff\"]", ERR_SYNTAX, "not JSON" },
	{ "NUL by an escape", "[\"a\\u0000b\"]", ERR_SYNTAX, "not JSON" },
	{ "a lone surrogate", "[\"\\ud800\"]", ERR_SYNTAX, "not JSON" },
	{ "a number too large", "[1e999]", ERR_SYNTAX, "not JSON" },
	{ "an integer too large", "[99999999999999999999]", ERR_SYNTAX, "not JSON" },
	{ "more ends than begins", "]]]]", ERR_SYNTAX, "not JSON" },
	{ "where it went wrong", "{\n  \"a\": nope\n}", ERR_SYNTAX, "line 2" },
};

static void parses(void **state)
{
	const struct parse_case *row = *state;
	_cleanup_json_ json_t *json = NULL;
	struct err err;
	int r = jsonx_parse(row->text, strlen(row->text), 1000, &json, &err);

	if (row->code == ERR_NONE) {
		assert_ok(r, &err);
		assert_non_null(json);
	} else {
		assert_err(r, &err, row->code, row->part);
		assert_null(json);
	}
}

static int parse_nested(size_t depth, char open, char close, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	char text[300];

	memset(text, open, depth);
	memset(text + depth, close, depth);
	return jsonx_parse(text, 2 * depth, sizeof(text), &json, err);
}

static void nests_to_64(_unused_ void **state)
{
	struct err err;

	assert_ok(parse_nested(64, '[', ']', &err), &err);
	assert_err(parse_nested(65, '[', ']', &err), &err, ERR_SYNTAX, "nested deeper than 64");
	assert_err(parse_nested(65, '{', '}', &err), &err, ERR_SYNTAX, "nested deeper than 64");
}

static void is_capped(_unused_ void **state)
{
	_cleanup_json_ json_t *json = NULL;
	struct err err;

	assert_err(jsonx_parse("[1,2]", 5, 4, &json, &err), &err, ERR_LIMIT, "cap of 4");
	assert_null(json);
	assert_ok(jsonx_parse("[1,2]", 5, 5, &json, &err), &err);
}

static void a_nul_byte_is_no_json(_unused_ void **state)
{
	_cleanup_json_ json_t *json = NULL;
	struct err err;

	assert_err(jsonx_parse("[1]\0", 4, 10, &json, &err), &err, ERR_SYNTAX, "not JSON");
}

static void keeps_the_order_of_keys(_unused_ void **state)
{
	static const char spaced[] = "{ \"z\": 1, \"a\": [ true ] }";
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *text = NULL, *scalar = NULL;
	struct err err;

	assert_ok(jsonx_parse(spaced, strlen(spaced), 100, &json, &err), &err);
	text = jsonx_text(json);
	assert_string_equal(text, "{\"z\":1,\"a\":[true]}");
	scalar = jsonx_text(json_object_get(json, "z"));
	assert_string_equal(scalar, "1");
}

/* ---- files ---- */

static int folder(void)
{
	int fd = open(cases_folder(), O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void writes_and_reads(_unused_ void **state)
{
	_cleanup_json_ json_t *json = json_pack("{s:i}", "job", 7), *again = NULL, *third = NULL;
	_cleanup_fd_ int dir = folder();
	struct stat st;
	struct err err;

	assert_ok(jsonx_write_at(dir, "job.json", json, false, &err), &err);
	assert_ok(jsonx_read_at(dir, "job.json", 100, &again, &err), &err);
	assert_true(json_equal(json, again));
	assert_int_equal(fstatat(dir, "job.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(faccessat(dir, "job.json.tmp", F_OK, 0), -1);
	json_object_set_new(json, "job", json_integer(8));
	assert_ok(jsonx_write_at(dir, "job.json", json, true, &err), &err);
	assert_ok(jsonx_read_at(dir, "job.json", 100, &third, &err), &err);
	assert_true(json_equal(json, third));
}

static void reads_only_what_it_should(_unused_ void **state)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_fd_ int dir = folder(), fd = -1;
	struct err err;

	assert_err(jsonx_read_at(dir, "absent.json", 9, &json, &err), &err, ERR_MISSING,
		"absent.json");
	assert_int_equal(symlinkat("/etc/passwd", dir, "link.json"), 0);
	assert_err(jsonx_read_at(dir, "link.json", 9, &json, &err), &err, ERR_SYSTEM, "link.json");
	assert_int_equal(mkdirat(dir, "folder.json", 0700), 0);
	assert_err(jsonx_read_at(dir, "folder.json", 9, &json, &err), &err, ERR_SYNTAX,
		"not a regular");
	assert_int_equal(mkfifoat(dir, "pipe.json", 0600), 0); /* opening it must not wait */
	assert_err(
		jsonx_read_at(dir, "pipe.json", 9, &json, &err), &err, ERR_SYNTAX, "not a regular");
	fd = openat(dir, "large.json", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_err(jsonx_read_at(dir, "large.json", 99, &json, &err), &err, ERR_LIMIT, "cap of 99");
	assert_err(jsonx_read_at(dir, "large.json", 1 << 20, &json, &err), &err, ERR_SYNTAX,
		"large.json: not JSON");
	assert_null(json);
}

static void does_not_write_through_a_link(_unused_ void **state)
{
	_cleanup_json_ json_t *json = json_object();
	_cleanup_fd_ int dir = folder();
	struct err err;

	assert_int_equal(symlinkat("elsewhere", dir, "trap.json.tmp"), 0);
	assert_err(
		jsonx_write_at(dir, "trap.json", json, false, &err), &err, ERR_SYSTEM, "trap.json");
	assert_int_equal(faccessat(dir, "elsewhere", F_OK, 0), -1);
	assert_err(jsonx_write_at(dir, "no/where.json", json, false, &err), &err, ERR_SYSTEM,
		"no/where");
}

/* ---- the reader ---- */

static void reads_members(_unused_ void **state)
{
	_cleanup_json_ json_t *json = json_pack("{s:s,s:I,s:b,s:{},s:[],s:n}", "text", "plan",
		"number", (json_int_t)1 << 40, "yes", 1, "object", "list", "nothing");
	struct err err;
	struct jsonx reader = jsonx_reader(json, "the event", &err);

	assert_string_equal(jsonx_string(&reader, "text"), "plan");
	assert_string_equal(jsonx_string_or(&reader, "absent", "fallback"), "fallback");
	assert_null(jsonx_string_or(&reader, "nothing", NULL));
	assert_int_equal(jsonx_int(&reader, "number"), (int64_t)1 << 40);
	assert_int_equal(jsonx_int_or(&reader, "absent", -3), -3);
	assert_true(jsonx_bool_or(&reader, "yes", false));
	assert_true(jsonx_bool_or(&reader, "nothing", true));
	assert_non_null(jsonx_object(&reader, "object"));
	assert_non_null(jsonx_array_or(&reader, "list"));
	assert_null(jsonx_array_or(&reader, "absent"));
	assert_int_equal(reader.failed, 0);
}

enum read_as { STRING, STRING_OR, INT, INT_OR, BOOL_OR, OBJECT, ARRAY_OR };

struct wrong_case {
	const char *name, *text;
	enum read_as as;
	const char *part;
};

static const struct wrong_case wrong_cases[] = {
	{ "a string is missing", "{}", STRING, "the event: key must be given: a string" },
	{ "a string is null", "{\"key\":null}", STRING, "key must be given" },
	{ "a number is no string", "{\"key\":1}", STRING, "key must be a string" },
	{ "a list is no string", "{\"key\":[]}", STRING_OR, "key must be a string" },
	{ "a number is missing", "{}", INT, "key must be given: a whole number" },
	{ "a fraction", "{\"key\":1.5}", INT, "key must be a whole number" },
	{ "digits in a string", "{\"key\":\"1\"}", INT_OR, "key must be a whole number" },
	{ "true in a string", "{\"key\":\"true\"}", BOOL_OR, "key must be true or false" },
	{ "a number is no truth", "{\"key\":1}", BOOL_OR, "key must be true or false" },
	{ "an object is missing", "{}", OBJECT, "key must be an object" },
	{ "a list is no object", "{\"key\":[]}", OBJECT, "key must be an object" },
	{ "an object is no list", "{\"key\":{}}", ARRAY_OR, "key must be a list" },
};

static void read_one(struct jsonx *reader, enum read_as as)
{
	switch (as) {
	case STRING:
		assert_non_null(jsonx_string(reader, "key"));
		break;
	case STRING_OR:
		assert_string_equal(jsonx_string_or(reader, "key", "fallback"), "fallback");
		break;
	case INT:
		assert_int_equal(jsonx_int(reader, "key"), 0);
		break;
	case INT_OR:
		assert_int_equal(jsonx_int_or(reader, "key", 5), 5);
		break;
	case BOOL_OR:
		assert_true(jsonx_bool_or(reader, "key", true));
		break;
	case OBJECT:
		assert_null(jsonx_object(reader, "key"));
		break;
	case ARRAY_OR:
		assert_null(jsonx_array_or(reader, "key"));
		break;
	}
}

static void says_what_is_wrong(void **state)
{
	const struct wrong_case *row = *state;
	_cleanup_json_ json_t *json = NULL;
	struct jsonx reader;
	struct err err;

	assert_ok(jsonx_parse(row->text, strlen(row->text), 100, &json, &err), &err);
	reader = jsonx_reader(json, "the event", &err);
	read_one(&reader, row->as);
	assert_err(reader.failed, &err, ERR_SYNTAX, row->part);
}

static void keeps_the_first_failure(_unused_ void **state)
{
	_cleanup_json_ json_t *json = json_pack("{s:i,s:s}", "a", 1, "b", "there");
	struct err err;
	struct jsonx reader = jsonx_reader(json, "the job", &err);

	assert_string_equal(jsonx_string(&reader, "a"), "");
	assert_string_equal(jsonx_string(&reader, "b"), ""); /* nothing is read any more */
	assert_int_equal(jsonx_int(&reader, "c"), 0);
	assert_err(reader.failed, &err, ERR_SYNTAX, "the job: a must be a string");
}

static void only_an_object_has_members(_unused_ void **state)
{
	_cleanup_json_ json_t *list = json_array();
	struct err err;
	struct jsonx reader = jsonx_reader(list, "the body", &err);

	assert_err(reader.failed, &err, ERR_SYNTAX, "the body is not an object");
	assert_string_equal(jsonx_string(&reader, "a"), "");
	reader = jsonx_reader(NULL, "nobody", &err);
	assert_err(reader.failed, &err, ERR_SYNTAX, "nobody is not an object");
	assert_null(jsonx_object(&reader, "a"));
}

int main(int argc, char **argv)
{
	CASES(parse_cases, parses);
	CASE(nests_to_64);
	CASE(is_capped);
	CASE(a_nul_byte_is_no_json);
	CASE(keeps_the_order_of_keys);
	CASE(writes_and_reads);
	CASE(reads_only_what_it_should);
	CASE(does_not_write_through_a_link);
	CASE(reads_members);
	CASES(wrong_cases, says_what_is_wrong);
	CASE(keeps_the_first_failure);
	CASE(only_an_object_has_members);
	return cases_run(argc, argv);
}
