/* An App from a manifest. */
#include "vcs/github/github_manifest.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_names.h"
#include <string.h>

/* ---- what is asked of GitHub ---- */

static bool is_address(const char *url)
{
	return (str_starts(url, "https://") || str_starts(url, "http://")) && strlen(url) < 500 &&
	       strpbrk(url, " \"'<>\r\n\t?#") == NULL;
}

int github_manifest_check(const struct github_manifest *manifest, struct err *err)
{
	if (str_empty(manifest->name) || strlen(manifest->name) > GITHUB_MANIFEST_NAME_MAX ||
		strpbrk(manifest->name, "<>\"'&\r\n\t") != NULL)
		return err_set(err, ERR_USAGE,
			"--name is the name of the App at GitHub, at most %d characters",
			GITHUB_MANIFEST_NAME_MAX);
	if (!str_empty(manifest->organisation) && !web_login_is_valid(manifest->organisation))
		return err_set(err, ERR_USAGE, "--org: no organisation has that name");
	if (!is_address(manifest->web_url))
		return err_set(
			err, ERR_USAGE, "--host is a name such as ghe.example.org, or its address");
	if (!is_address(manifest->server_url))
		return err_set(err, ERR_USAGE,
			"--url is the address at which GitHub reaches this server, such as "
			"https://sluice.example.org");
	return 0;
}

json_t *github_manifest_json(const struct github_manifest *manifest)
{
	_cleanup_free_ char *hook = mem_printf(
		"%s/events/%s", manifest->server_url, manifest->host);

	return json_pack("{s:s, s:s, s:{s:s, s:b}, s:s, s:b, s:{s:s, s:s, s:s, s:s, s:s, s:s},"
			 " s:[s, s, s, s, s]}",
		"name", manifest->name, "url", manifest->server_url, "hook_attributes", "url", hook,
		"active", true, "redirect_url", manifest->redirect_url, "public", false,
		"default_permissions", "checks", "write", "contents",
		manifest->may_merge ? "write" : "read", "members", "read", "metadata", "read",
		"pull_requests", "write", "statuses", "read", "default_events", "pull_request",
		"pull_request_review", "issue_comment", "check_run", "check_suite");
}

const char *github_manifest_action(const struct github_manifest *manifest, struct arena *arena)
{
	if (str_empty(manifest->organisation))
		return arena_printf(
			arena, "%s/settings/apps/new?state=%s", manifest->web_url, manifest->state);
	return arena_printf(arena, "%s/organizations/%s/settings/apps/new?state=%s",
		manifest->web_url, manifest->organisation, manifest->state);
}

static void put_escaped(struct strbuf *out, const char *text)
{
	static const struct {
		char c;
		const char *name;
	} names[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" },
		{ '\'', "&#39;" } };

	for (; *text != '\0'; text++) {
		size_t i = 0;

		while (i < countof(names) && names[i].c != *text)
			i++;
		if (i < countof(names))
			strbuf_puts(out, names[i].name);
		else
			strbuf_putc(out, *text);
	}
}

static void put_row(struct strbuf *out, const char *what, const char *value)
{
	strbuf_printf(out, "<tr><th>%s</th><td>", what);
	put_escaped(out, value);
	strbuf_puts(out, "</td></tr>\n");
}

static const char page_begin[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>sluice: a GitHub App</title>\n"
	"<style>\n"
	"body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto;"
	" padding: 0 1rem; color: #1f2328; background: #fff }\n"
	"th { text-align: left; font-weight: 600; padding-right: 1.5rem; vertical-align: top;"
	" white-space: nowrap }\n"
	"td { overflow-wrap: anywhere }\n"
	"button { font: inherit; font-weight: 600; padding: .6rem 1.2rem; border: 0;"
	" border-radius: 6px; background: #1f6f43; color: #fff; cursor: pointer }\n"
	"button:focus-visible { outline: 3px solid #0969da; outline-offset: 2px }\n"
	"@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } }\n"
	"</style></head><body>\n<h1>";
static const char page_asks[] =
	"A GitHub App for sluice</h1>\n"
	"<p>GitHub shows what the App may do and asks you once more. Nothing is created before "
	"that.</p>\n<table>\n";

void github_manifest_words(const char *title, const char *text, struct strbuf *out)
{
	strbuf_puts(out, page_begin);
	put_escaped(out, title);
	strbuf_puts(out, "</h1>\n<p>");
	put_escaped(out, text);
	strbuf_puts(out, "</p>\n</body></html>\n");
}

void github_manifest_page(const struct github_manifest *manifest, struct strbuf *out)
{
	_cleanup_json_ json_t *json = github_manifest_json(manifest);
	_cleanup_free_ char *text = jsonx_text(json);
	struct arena arena = { 0 };

	strbuf_puts(out, page_begin);
	strbuf_puts(out, page_asks);
	put_row(out, "Name", manifest->name);
	put_row(out, "At", manifest->web_url);
	put_row(out, "Owner", str_empty(manifest->organisation) ? "you" : manifest->organisation);
	put_row(out, "Webhook", web_text(json, "hook_attributes.url"));
	put_row(out, "May",
		manifest->may_merge
			? "write checks, comments and code (to merge); read members and statuses"
			: "write checks and comments; read code, members and statuses");
	strbuf_puts(out, "</table>\n<form method=\"post\" action=\"");
	put_escaped(out, github_manifest_action(manifest, &arena));
	strbuf_puts(out, "\">\n<input type=\"hidden\" name=\"manifest\" value=\"");
	put_escaped(out, text);
	strbuf_puts(out, "\">\n<p><button type=\"submit\">Create the App at GitHub</button></p>\n"
			 "</form>\n</body></html>\n");
	arena_release(&arena);
}

/* ---- who comes back ---- */

bool github_code_is_valid(const char *code)
{
	size_t length = strlen(code);

	return length > 0 && length <= 100 &&
	       strspn(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		       length;
}

/* The value of one name in "a=1&b=2", or NULL. */
static const char *query_value(struct arena *arena, const char *query, const char *name)
{
	size_t length = strlen(name);

	while (query != NULL && *query != '\0') {
		if (strncmp(query, name, length) == 0 && query[length] == '=') {
			query += length + 1;
			return arena_strndup(arena, query, strcspn(query, "&"));
		}
		query = strchr(query, '&');
		query = query == NULL ? NULL : query + 1;
	}
	return NULL;
}

static const char *header_value(struct arena *arena, const char *head, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		return arena_strndup(arena, line, strcspn(line, "\r\n \t"));
	}
	return NULL;
}

static bool is_us(const char *given, const char *authority)
{
	const char *port = strrchr(authority, ':');

	return given != NULL && (strcmp(given, authority) == 0 ||
					(str_starts(given, "localhost") &&
						strcmp(given + strlen("localhost"), port) == 0));
}

int github_visit_read(const char *bytes, size_t length, const char *authority, const char *state,
	struct arena *arena, struct github_visit *ret, struct err *err)
{
	static const char back[] = "/created?";
	const char *head, *path, *code, *given;

	*ret = (struct github_visit){ .kind = GITHUB_VISIT_OTHER };
	if (length > GITHUB_VISIT_MAX || memchr(bytes, '\0', length) != NULL)
		return err_set(err, ERR_SYNTAX, "that is no request of a browser");
	head = arena_strndup(arena, bytes, length);
	if (!str_starts(head, "GET /"))
		return err_set(err, ERR_SYNTAX, "only GET is answered here");
	path = arena_strndup(arena, head + 4, strcspn(head + 4, " \r\n"));
	if (!is_us(header_value(arena, head, "Host"), authority))
		return err_set(err, ERR_REFUSED, "this page is only at http://%s/", authority);
	if (strcmp(path, "/") == 0)
		ret->kind = GITHUB_VISIT_PAGE;
	if (!str_starts(path, back))
		return 0;
	code = query_value(arena, path + strlen(back), "code");
	given = query_value(arena, path + strlen(back), "state");
	if (given == NULL || strlen(given) != strlen(state) ||
		!codec_equal(given, state, strlen(state)))
		return err_set(err, ERR_REFUSED,
			"this answer does not belong to the page that is open now; begin again at "
			"http://%s/",
			authority);
	if (code == NULL || !github_code_is_valid(code))
		return err_set(err, ERR_REFUSED, "GitHub came back without a code");
	ret->kind = GITHUB_VISIT_CODE;
	ret->code = code;
	return 0;
}

int github_app_read(const json_t *json, struct github_app *ret, struct err *err)
{
	*ret = (struct github_app){ .id = web_number(json, "id"),
		.slug = web_text(json, "slug"),
		.owner = web_text(json, "owner.login"),
		.html_url = web_text(json, "html_url"),
		.pem = web_text(json, "pem"),
		.webhook_secret = web_text(json, "webhook_secret") };
	if (ret->id <= 0 || !web_login_is_valid(ret->slug) || !is_address(ret->html_url))
		return err_set(err, ERR_SYNTAX, "GitHub's answer describes no App");
	if (!str_starts(ret->pem, "-----BEGIN "))
		return err_set(err, ERR_SYNTAX, "GitHub's answer has no key");
	return 0;
}
