/* links: executor model lib_loop lib */
/* What a job gets of the operator's secrets: what programs print, what travels, who vouches. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/issuer.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/secrets.h"
#include "orchestrator/model/credential_output.h"
#include "orchestrator/model/settings.h"
#include "runners/executor_credentials.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what programs print ---- */

static const struct printed {
	const char *name, *text;
	const char *expected; /* "NAME=value;" of each, or what is wrong */
} printed[] = {
	{ "nothing", "", "" },
	{ "lines", "A=1\nB=two words \n", "A=1;B=two words ;" },
	{ "comments and empty lines", "# said\n\nA=x=y\r\nB=\n", "A=x=y;B=;" },
	{ "no line end", "A=1", "A=1;" },
	{ "JSON", "{\"A\": \"1\", \"B\": \"a\\nb\"}", "A=1;B=a\nb;" },
	{ "JSON after spaces", " \n{\"A\": \"1\"}\n", "A=1;" },
	{ "credential_process",
		"{\"Version\": 1, \"AccessKeyId\": \"AK\", \"SecretAccessKey\": \"SK\", "
		"\"SessionToken\": "
		"\"ST\", \"Expiration\": \"2026-01-01T00:00:00Z\"}",
		"AWS_ACCESS_KEY_ID=AK;AWS_SECRET_ACCESS_KEY=SK;AWS_SESSION_TOKEN=ST;" },
	{ "credential_process without a session",
		"{\"Version\": 1, \"AccessKeyId\": \"AK\", \"SecretAccessKey\": \"SK\"}",
		"AWS_ACCESS_KEY_ID=AK;AWS_SECRET_ACCESS_KEY=SK;" },
	{ "credential_process without its secret", "{\"Version\": 1, \"AccessKeyId\": \"AK\"}",
		"SecretAccessKey is missing" },
	{ "a number", "{\"A\": 1}", "A is no text" },
	{ "half of JSON", "{\"A\": \"sesame-open\"", "what begins like JSON is no JSON object" },
	{ "a name with a space", "{\"A B\": \"x\"}", "\"A B\" cannot be the name" },
	{ "no name", "sesame-open\n", "line 1 is not NAME=VALUE" },
	{ "an empty name", "A=1\n=2\n", "line 2 is not NAME=VALUE" },
	{ "a name with a dash", "A=1\nB-C=sesame-open\n", "line 2: the name must be" },
	{ "a name with a digit first", "1A=x", "line 1: the name must be" },
};

static void test_printed(void **state)
{
	const struct printed *row = *state;
	_cleanup_strbuf_ struct strbuf got = STRBUF(4096);
	struct job_secrets secrets = { 0 };
	struct err err = { 0 };

	if (credential_output_read(row->text, strlen(row->text), &secrets, &err) < 0) {
		assert_memory_equal(err.text, row->expected, strlen(row->expected));
		assert_null(strstr(err.text, "sesame")); /* never a value */
	} else {
		for (size_t i = 0; i < secrets.count; i++)
			strbuf_printf(&got, "%s=%s;", secrets.list[i].name, secrets.list[i].value);
		assert_string_equal(strbuf_text(&got), row->expected);
	}
	job_secrets_release(&secrets);
}

static void test_no_text(_unused_ void **state)
{
	struct job_secrets secrets = { 0 };
	struct err err;

	assert_err(
		credential_output_read("A=1\0B=2", 7, &secrets, &err), &err, ERR_SYNTAX, "no text");
	job_secrets_release(&secrets);
}

/* ---- what travels ---- */

static struct job_secret secret(
	enum secret_use use, const char *name, const char *value, bool is_file)
{
	return (struct job_secret){ .use = use,
		.name = (char *)(uintptr_t)name,
		.value = (char *)(uintptr_t)value,
		.is_file = is_file };
}

static void test_both_ways(_unused_ void **state)
{
	const struct job_secret a = secret(SECRET_OF_INIT, "git-credentials", "x\ny", true);
	const struct job_secret b = secret(SECRET_OF_TOOLS, "TF_TOKEN_h:1", "", false);
	struct job_secrets secrets = { 0 }, again;
	_cleanup_json_ json_t *json = NULL;
	struct err err;

	assert_ok(job_secrets_add(&secrets, &a, &err), &err);
	assert_ok(job_secrets_add(&secrets, &b, &err), &err);
	json = job_secrets_write(&secrets);
	assert_ok(job_secrets_read(json, &again, &err), &err);
	assert_int_equal(again.count, 2);
	assert_string_equal(again.list[0].value, "x\ny");
	assert_true(again.list[0].is_file && again.list[0].use == SECRET_OF_INIT);
	assert_true(!again.list[1].is_file && again.list[1].use == SECRET_OF_TOOLS);
	job_secrets_release(&secrets);
	job_secrets_release(&again);
}

static const struct bad_name {
	const char *name;
	bool is_file;
} bad_names[] = { { "", false }, { "1A", false }, { "A-B", false }, { "A=B", false },
	{ "A:1", false }, { "", true }, { "..", true }, { ".x", true }, { "a/b", true },
	{ "-x", true }, { "a b", true } };

static void test_bad_name(void **state)
{
	const struct bad_name *row = *state;
	const struct job_secret one = secret(SECRET_OF_TOOLS, row->name, "v", row->is_file);
	struct job_secrets secrets = { 0 };
	struct err err;

	assert_err(job_secrets_add(&secrets, &one, &err), &err, ERR_SYNTAX, "cannot be the name");
	assert_int_equal(secrets.count, 0);
}

static void test_caps(_unused_ void **state)
{
	char *large = mem_alloc(SECRET_VALUE_MAX + 2);
	struct job_secrets secrets = { 0 };
	struct job_secret one = secret(SECRET_OF_TOOLS, "A", large, false);
	struct err err;

	memset(large, 'x', SECRET_VALUE_MAX + 1);
	assert_err(job_secrets_add(&secrets, &one, &err), &err, ERR_LIMIT, "at most");
	large[SECRET_VALUE_MAX] = '\0';
	assert_ok(job_secrets_add(&secrets, &one, &err), &err);
	assert_ok(job_secrets_add(&secrets, &one, &err), &err);
	assert_err(job_secrets_add(&secrets, &one, &err), &err, ERR_LIMIT, "together");
	job_secrets_release(&secrets);
	free(large);
}

static void test_lent(_unused_ void **state)
{
	_cleanup_free_ char *with = NULL, *without = NULL;

	secrets_lend(7, "minted-for-seven");
	secrets_lend(8, "minted-for-eight");
	with = secrets_hide("minted-for-seven minted-for-eight", NULL);
	assert_string_equal(with, "*** ***");
	secrets_return(7);
	without = secrets_hide("minted-for-seven minted-for-eight", NULL);
	assert_string_equal(without, "minted-for-seven ***");
	secrets_return(8);
	assert_false(secrets_are_known());
}

/* ---- who vouches ---- */

static int64_t frozen_ms = 1700000000000;

static int64_t wall(_unused_ const struct clock *clock)
{
	return frozen_ms;
}

static const struct clock frozen = { .wall_ms = wall, .monotonic_ms = wall };

static char folder[512];

static struct issuer *new_issuer(const char *name)
{
	frozen_ms = 1700000000000;
	(void)snprintf(folder, sizeof(folder), "%s/%s", cases_folder(), name);
	return issuer_new(folder, &frozen);
}

static size_t count_keys(const struct issuer *issuer)
{
	_cleanup_json_ json_t *keys = issuer_keys(issuer);

	return json_array_size(json_object_get(keys, "keys"));
}

static char *newest_id(const struct issuer *issuer)
{
	_cleanup_json_ json_t *keys = issuer_keys(issuer);

	return mem_strdup(json_string_value(
		json_object_get(json_array_get(json_object_get(keys, "keys"), 0), "kid")));
}

static void test_keys(_unused_ void **state)
{
	struct issuer *issuer;
	_cleanup_free_ char *first = NULL, *second = NULL, *again = NULL;
	char path[600];
	struct stat st;
	struct err err;

	if (cases_are_slow())
		cases_skip("each key takes half a minute under valgrind; another case makes one");
	issuer = new_issuer("keys");
	assert_null(issuer_keys(issuer)); /* nothing is made before it is asked for */
	assert_ok(issuer_ready(issuer, &err), &err);
	first = newest_id(issuer);
	(void)snprintf(path, sizeof(path), "%s/1700000000.pem", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(issuer_rotate(issuer, &err), &err); /* in the same second */
	second = newest_id(issuer);
	assert_string_not_equal(first, second);
	assert_int_equal(count_keys(issuer), 2);
	issuer_free(issuer);
	issuer = issuer_new(folder, &frozen); /* another life of the server */
	assert_ok(issuer_ready(issuer, &err), &err);
	again = newest_id(issuer);
	assert_string_equal(again, second);
	assert_int_equal(count_keys(issuer), 2);
	frozen_ms += (int64_t)(ISSUER_OLD_DAYS + 1) * 24 * 3600 * 1000;
	assert_ok(issuer_rotate(issuer, &err), &err); /* the first is over, the second is not */
	assert_int_equal(count_keys(issuer), 2);
	assert_int_equal(stat(path, &st), -1);
	frozen_ms += (int64_t)(ISSUER_KEY_DAYS + 1) * 24 * 3600 * 1000;
	assert_ok(issuer_ready(issuer, &err), &err); /* by itself, when a key is old */
	free(again);
	again = newest_id(issuer);
	assert_string_not_equal(again, second);
	issuer_free(issuer);
}

static void test_a_key_that_others_read(_unused_ void **state)
{
	struct issuer *issuer = new_issuer("read");
	char path[600];
	struct err err;
	FILE *file;

	/* it is refused before it is read, so it need not be a real one, which takes long to make
	 */
	(void)snprintf(path, sizeof(path), "%s/1700000000.pem", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_err(issuer_ready(issuer, &err), &err, ERR_CONFIG, "others may read the key");
	assert_null(issuer_keys(issuer));
	issuer_free(issuer);
}

/* ---- what a job is told ---- */

static const char *value_of(const struct job_secrets *secrets, const char *name)
{
	for (size_t i = 0; i < secrets->count; i++) {
		if (str_equal(secrets->list[i].name, name))
			return secrets->list[i].value;
	}
	return NULL;
}

static json_t *payload_of(const char *token)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456"
				      "789-_";
	const char *at = strchr(token, '.') + 1;
	char bytes[4096];
	size_t length = 0;
	unsigned bits = 0;
	json_t *json = NULL;
	struct err err;

	for (int have = 0; *at != '.'; at++) {
		bits = (bits << 6 | (unsigned)(strchr(letters, *at) - letters)) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			bytes[length++] = (char)(bits >> have & 0xff);
		}
	}
	assert_ok(jsonx_parse(bytes, length, sizeof(bytes), &json, &err), &err);
	return json;
}

static const struct told {
	const char *name, *kind, *role, *provider;
	enum job_op op;
	const char *project, *audience, *subject, *variable, *value;
} told[] = {
	{ "AWS", "aws", "arn:aws:iam::1:role/r", "", JOB_PLAN, "vpc", "sts.amazonaws.com",
		"repository:github.com/acme/infra:environment:prod:operation:plan:project:vpc",
		"AWS_WEB_IDENTITY_TOKEN_FILE", SECRET_FOLDER "/identity" },
	{ "a project that would be an apply", "aws", "arn:aws:iam::1:role/r", "", JOB_APPLY,
		"x:operation:apply*", "sts.amazonaws.com",
		"repository:github.com/acme/infra:environment:prod:operation:apply:project:x%3A"
		"operation%3Aapply%2A",
		"AWS_ROLE_SESSION_NAME", "sluice-job-5" },
	{ "GCP", "gcp", "sa@p.iam", "projects/1/x", JOB_STATE_RM, "a b",
		"https://iam.googleapis.com/projects/1/x",
		"repository:github.com/acme/infra:environment:prod:operation:apply:project:a%20b",
		"GOOGLE_APPLICATION_CREDENTIALS", SECRET_FOLDER "/gcp.json" },
	{ "Azure", "azure", "", "", JOB_PLAN, "vpc", "api://AzureADTokenExchange",
		"repository:github.com/acme/infra:environment:prod:operation:plan:project:vpc",
		"ARM_CLIENT_ID", "client" },
};

static void test_told(void **state)
{
	const struct told *row = *state;
	const struct credential_use use = { .identity = { .kind = row->kind,
						    .audience = "",
						    .role = row->role,
						    .provider = row->provider,
						    .client = "client",
						    .tenant = "tenant",
						    .lifetime_ms = 60000 } };
	const struct job_spec spec = { .job = { 5 },
		.op = row->op,
		.host = "github.com",
		.repo_name = "acme/infra",
		.environment = "prod",
		.workspace = "default",
		.project = row->project,
		.issuer = "https://sluice.test",
		.credentials = &use };
	struct issuer *issuer = new_issuer("told");
	_cleanup_json_ json_t *claims = NULL;
	struct job_secrets secrets;
	struct err err;

	assert_ok(credentials_collect(&spec, issuer, &frozen, &secrets, &err), &err);
	claims = payload_of(value_of(&secrets, "identity"));
	assert_string_equal(json_string_value(json_object_get(claims, "aud")), row->audience);
	assert_string_equal(json_string_value(json_object_get(claims, "sub")), row->subject);
	assert_string_equal(
		json_string_value(json_object_get(claims, "iss")), "https://sluice.test");
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 1700000060);
	assert_string_equal(value_of(&secrets, row->variable), row->value);
	job_secrets_release(&secrets);
	issuer_free(issuer);
}

static void test_gcp_names_its_file(_unused_ void **state)
{
	const struct credential_use use = { .identity = { .kind = "gcp",
						    .audience = "",
						    .role = "sa@p.iam",
						    .provider = "projects/1/x",
						    .lifetime_ms = 60000 } };
	const struct job_spec spec = { .op = JOB_PLAN,
		.host = "h",
		.repo_name = "r",
		.environment = "",
		.workspace = "",
		.project = "",
		.issuer = "https://s.test",
		.credentials = &use };
	struct issuer *issuer = new_issuer("told");
	struct job_secrets secrets;
	struct err err;

	assert_ok(credentials_collect(&spec, issuer, &frozen, &secrets, &err), &err);
	assert_non_null(strstr(value_of(&secrets, "gcp.json"), "\"" SECRET_FOLDER "/identity\""));
	assert_non_null(strstr(value_of(&secrets, "gcp.json"), "/sa@p.iam:generateAccessToken"));
	job_secrets_release(&secrets);
	issuer_free(issuer);
}

static void test_a_file_that_is_gone(_unused_ void **state)
{
	struct credential_variable variable = { .name = "AWS_X", .file = "/nonexistent/secret" };
	const struct credential_use use = { .variables = &variable, .variable_count = 1 };
	const struct job_spec spec = { .op = JOB_PLAN, .credentials = &use };
	struct job_secrets secrets;
	struct err err;

	assert_err(credentials_collect(&spec, NULL, &frozen, &secrets, &err), &err, ERR_CONFIG,
		"AWS_X cannot be read from /nonexistent/secret");
	assert_int_equal(secrets.count, 0);
}

int main(int argc, char **argv)
{
	CASES(printed, test_printed);
	CASE(test_no_text);
	CASE(test_both_ways);
	CASES(bad_names, test_bad_name);
	CASE(test_caps);
	CASE(test_lent);
	CASE(test_keys);
	CASE(test_a_key_that_others_read);
	CASES(told, test_told);
	CASE(test_gcp_names_its_file);
	CASE(test_a_file_that_is_gone);
	return cases_run(argc, argv);
}
