/* links: vcs_github model lib */
/* An App from a manifest: what is asked for, who may come back, what is taken from the answer. */
#include "orchestrator/lib/jsonx.h"
#include "tests/lib/cases.h"
#include "vcs/github/github_manifest.h"
#include "vcs/web/web_event.h"
#include <string.h>

static const struct github_manifest plain = { .name = "sluice",
	.web_url = "https://github.com",
	.organisation = "",
	.server_url = "https://sluice.example.org",
	.host = "github.com",
	.redirect_url = "http://127.0.0.1:4141/created",
	.state = "0123456789abcdef" };

static const struct value_case {
	const char *name, *app, *organisation, *web, *server;
	const char *wrong; /* NULL: nothing */
} value_cases[] = {
	{ "plain", "sluice", "", "https://github.com", "https://s.example", NULL },
	{ "of an organisation", "sluice", "acme", "https://ghe.example", "https://s.example:8443/x",
		NULL },
	{ "no name", "", "", "https://github.com", "https://s.example", "--name" },
	{ "a name that is too long", "123456789012345678901234567890abcde", "",
		"https://github.com", "https://s.example", "--name" },
	{ "a name with a tag", "<b>", "", "https://github.com", "https://s.example", "--name" },
	{ "an organisation that is a path", "x", "a/../b", "https://github.com",
		"https://s.example", "--org" },
	{ "a host that is none", "x", "", "javascript:alert(1)", "https://s.example", "--host" },
	{ "no address", "x", "", "https://github.com", "", "--url" },
	{ "an address with a quote", "x", "", "https://github.com", "https://s.example/\"x",
		"--url" },
};

static void values_are_checked(void **state)
{
	const struct value_case *row = *state;
	struct github_manifest manifest = plain;
	struct err err = { 0 };
	int r;

	manifest.name = row->app;
	manifest.organisation = row->organisation;
	manifest.web_url = row->web;
	manifest.server_url = row->server;
	r = github_manifest_check(&manifest, &err);
	assert_int_equal(r < 0, row->wrong != NULL);
	if (row->wrong != NULL)
		assert_non_null(strstr(err.text, row->wrong));
}

static void manifest_asks_for_little(_unused_ void **state)
{
	struct github_manifest manifest = plain;
	_cleanup_json_ json_t *json = github_manifest_json(&manifest);
	_cleanup_json_ json_t *merging = NULL;
	size_t writes = 0;
	const char *what;
	json_t *level;

	assert_string_equal(web_text(json, "hook_attributes.url"),
		"https://sluice.example.org/events/github.com");
	assert_true(json_is_false(json_object_get(json, "public")));
	json_object_foreach (json_object_get(json, "default_permissions"), what, level)
		writes += strcmp(json_string_value(level), "write") == 0;
	assert_int_equal(writes, 2); /* checks, pull requests */
	assert_string_equal(web_text(json, "default_permissions.contents"), "read");
	manifest.may_merge = true;
	merging = github_manifest_json(&manifest);
	assert_string_equal(web_text(merging, "default_permissions.contents"), "write");
}

static void page_holds_what_it_shows(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf page = STRBUF(64 << 10);
	struct github_manifest manifest = plain;

	manifest.organisation = "acme";
	manifest.server_url = "https://s.example/&amp";
	github_manifest_page(&manifest, &page);
	assert_non_null(strstr(strbuf_text(&page),
		"action=\"https://github.com/organizations/acme/settings/apps/new?"
		"state=0123456789abcdef\""));
	assert_non_null(strstr(strbuf_text(&page), "https://s.example/&amp;amp/events"));
	assert_null(strstr(strbuf_text(&page), "{\""));
	assert_null(strstr(strbuf_text(&page), "<script"));
}

#define HOST "\r\nHost: 127.0.0.1:4141\r\n\r\n"
#define CODE "/created?code=c0de&state=0123456789abcdef HTTP/1.1"

static const struct visit_case {
	const char *name, *request;
	int kind;	   /* -1: refused */
	const char *words; /* the code, or what the refusal says */
} visit_cases[] = {
	{ "the page", "GET / HTTP/1.1" HOST, GITHUB_VISIT_PAGE, NULL },
	{ "by its other name", "GET / HTTP/1.1\r\nhost:localhost:4141\r\n\r\n", GITHUB_VISIT_PAGE,
		NULL },
	{ "an icon", "GET /favicon.ico HTTP/1.1" HOST, GITHUB_VISIT_OTHER, NULL },
	{ "the code", "GET " CODE HOST, GITHUB_VISIT_CODE, "c0de" },
	{ "in another order", "GET /created?state=0123456789abcdef&code=c0de HTTP/1.1" HOST,
		GITHUB_VISIT_CODE, "c0de" },
	{ "another state", "GET /created?code=c0de&state=0123456789abcdeg HTTP/1.1" HOST, -1,
		"begin again" },
	{ "no state", "GET /created?code=c0de HTTP/1.1" HOST, -1, "begin again" },
	{ "a state that goes on", "GET /created?code=c0de&state=0123456789abcdef0 HTTP/1.1" HOST,
		-1, "begin again" },
	{ "no code", "GET /created?state=0123456789abcdef HTTP/1.1" HOST, -1, "without a code" },
	{ "a code that is a path",
		"GET /created?code=../../user&state=0123456789abcdef HTTP/1.1" HOST, -1,
		"without a code" },
	{ "of another name", "GET " CODE "\r\nHost: evil.example:4141\r\n\r\n", -1, "is only at" },
	{ "of a name that begins like ours", "GET " CODE "\r\nHost: 127.0.0.1:41410\r\n\r\n", -1,
		"is only at" },
	{ "of nobody", "GET " CODE "\r\n\r\n", -1, "is only at" },
	{ "posted", "POST " CODE HOST, -1, "only GET" },
	{ "nonsense", "\r\n\r\n", -1, "only GET" },
};

static void visits_are_told_apart(void **state)
{
	const struct visit_case *row = *state;
	struct arena arena = { 0 };
	struct github_visit visit;
	struct err err = { 0 };
	int r = github_visit_read(row->request, strlen(row->request), "127.0.0.1:4141", plain.state,
		&arena, &visit, &err);

	assert_int_equal(r < 0 ? -1 : (int)visit.kind, row->kind);
	if (r < 0)
		assert_non_null(strstr(err.text, row->words));
	else if (row->words != NULL)
		assert_string_equal(visit.code, row->words);
	arena_release(&arena);
}

static const struct answer_case {
	const char *name, *text;
	bool is_good;
} answer_cases[] = {
	{ "an App",
		"{\"id\": 7, \"slug\": \"sluice-acme\", \"html_url\": "
		"\"https://github.com/apps/x\","
		" \"pem\": \"-----BEGIN RSA PRIVATE KEY-----\", \"webhook_secret\": \"s\"}",
		true },
	{ "without a secret",
		"{\"id\": 7, \"slug\": \"s\", \"html_url\": \"https://github.com/apps/x\","
		" \"pem\": \"-----BEGIN RSA PRIVATE KEY-----\", \"webhook_secret\": null}",
		true },
	{ "no number",
		"{\"slug\": \"s\", \"html_url\": \"https://github.com/apps/x\", \"pem\": "
		"\"-----BEGIN \"}",
		false },
	{ "no key", "{\"id\": 7, \"slug\": \"s\", \"html_url\": \"https://github.com/apps/x\"}",
		false },
	{ "a list", "[]", false },
	{ "a page that is none",
		"{\"id\": 7, \"slug\": \"s\", \"html_url\": \"x\\nhosts: {}\", \"pem\": "
		"\"-----BEGIN \"}",
		false },
};

static void answers_are_read(void **state)
{
	const struct answer_case *row = *state;
	_cleanup_json_ json_t *json = NULL;
	struct github_app app;
	struct err err = { 0 };

	assert_int_equal(jsonx_parse(row->text, strlen(row->text), 4096, &json, &err), 0);
	assert_int_equal(github_app_read(json, &app, &err) == 0, row->is_good);
}

int main(int argc, char **argv)
{
	CASES(value_cases, values_are_checked);
	CASE(manifest_asks_for_little);
	CASE(page_holds_what_it_shows);
	CASES(visit_cases, visits_are_told_apart);
	CASES(answer_cases, answers_are_read);
	return cases_run(argc, argv);
}
