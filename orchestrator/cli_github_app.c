/* `sluice github-app`: from nothing to an App, its key and its secret in files, and the lines of
 * server.yaml. Owns the socket of one page on the loopback address. Must not: show or log a secret.
 */
#include "orchestrator/cli.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/http_client.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/github/github_manifest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	STATE_LENGTH = 32,
	VISIT_PATIENCE_S = 3,
	PAGE_MAX = 64 << 10,
	ANSWER_MAX = 1 << 20,
	EXCHANGE_MS = 30000,
};

static const char key_name[] = "github-app.pem", secret_name[] = "webhook-secret";

struct making {
	struct cli *cli;
	struct github_manifest manifest;
	const char *api_url;
	const char *authority; /* "127.0.0.1:PORT", once the page is open */
	char state[STATE_LENGTH + 1];
	const char *out; /* the folder, absolute */
};

static int fail(const struct err *err)
{
	(void)fprintf(stderr, "sluice: %s\n", err->text);
	return CLI_NO;
}

/* ---- the files ---- */

/* Tried before the code is used up: it is good for one exchange. */
static int check_place(struct making *making, struct err *err)
{
	static const char *const names[] = { key_name, secret_name };
	char place[PATH_MAX];

	if (realpath(str_empty(making->cli->out) ? "." : making->cli->out, place) == NULL ||
		access(place, W_OK) < 0)
		return err_sys(err, ERR_USAGE, errno,
			"cannot write into %s, which is where the key would go (--out)",
			str_empty(making->cli->out) ? "this folder" : making->cli->out);
	making->out = arena_strdup(&making->cli->arena, place);
	for (size_t i = 0; i < countof(names); i++) {
		const char *path = arena_printf(&making->cli->arena, "%s/%s", place, names[i]);

		if (access(path, F_OK) == 0)
			return err_set(err, ERR_USAGE,
				"%s is there already and is not overwritten; move it away, or "
				"name another folder with --out",
				path);
	}
	return 0;
}

static int write_secret(struct making *making, const char *name, const char *text, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", making->out, name);
	_cleanup_fd_ int fd = open(
		path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t length = strlen(text);

	if (fd < 0 || write(fd, text, length) != (ssize_t)length || fsync(fd) < 0)
		return err_sys(err, ERR_USAGE, errno, "cannot write %s", path);
	return 0;
}

/* ---- the exchange ---- */

static int exchange(struct making *making, const char *code, json_t **ret, struct err *err)
{
	_cleanup_free_ char *url = mem_printf(
		"%s/app-manifests/%s/conversions", making->api_url, code);
	static const char *const headers[] = { "Accept: application/vnd.github+json",
		"X-GitHub-Api-Version: 2022-11-28", "User-Agent: sluice/" SLUICE_VERSION,
		"Content-Type:", NULL }; /* there is no body */
	struct http_request request = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = "",
		.ca_bundle = making->cli->ca_bundle,
		.timeout_ms = EXCHANGE_MS,
		.cap_bytes = ANSWER_MAX };
	char *body = NULL;
	int status = 0, r = http_client_call(&request, &status, &body, err);

	if (r == 0 && status == 404)
		r = err_set(err, ERR_USAGE,
			"%s does not know the code: it is good once and for an hour; begin again",
			making->api_url);
	else if (r == 0 && status != 201)
		r = err_set(err, ERR_NET, "%s answered %d to the code", making->api_url, status);
	if (r == 0)
		r = jsonx_parse(body, strlen(body), ANSWER_MAX, ret, err);
	if (body != NULL)
		explicit_bzero(body, strlen(body));
	free(body);
	return r;
}

static void tell(const struct making *making, const struct github_app *app)
{
	const struct cli *cli = making->cli;
	const char *owner = str_empty(app->owner) ? "OWNER" : app->owner;
	const char *host = making->manifest.host;

	if (cli->json) {
		_cleanup_json_ json_t *json = json_pack("{s:I, s:s, s:s, s:s++, s:s++}", "app_id",
			(json_int_t)app->id, "slug", app->slug, "html_url", app->html_url,
			"app_key_file", making->out, "/", key_name, "webhook_secret_file",
			making->out, "/", secret_name);

		cli_print_json(json);
		return;
	}
	(void)printf("# the App %s is made; these lines belong into server.yaml\n"
		     "hosts:\n  %s:\n    kind: github\n",
		app->slug, host);
	if (!str_equal(host, "github.com"))
		(void)printf("    url: %s\n    api_url: %s\n", making->manifest.web_url,
			making->api_url);
	(void)printf("    app_id: %" PRId64 "\n    app_key_file: %s/%s\n"
		     "    webhook_secret_files: [%s/%s]\n    repos: [\"%s/%s/*\"]\n",
		app->id, making->out, key_name, making->out, secret_name, host, owner);
	(void)fprintf(stderr,
		"sluice: next, choose the repositories: %s/installations/new\n"
		"sluice: then: sluice doctor --server server.yaml\n",
		app->html_url);
}

static int take_code(struct making *making, const char *code)
{
	_cleanup_json_ json_t *json = NULL;
	struct github_app app;
	struct err err;

	if (exchange(making, code, &json, &err) < 0 || github_app_read(json, &app, &err) < 0)
		return fail(&err);
	if (write_secret(making, key_name, app.pem, &err) < 0) {
		(void)fail(&err);
		(void)fprintf(stderr, "sluice: make a new key at %s\n", app.html_url);
		return CLI_NO;
	}
	if (str_empty(app.webhook_secret)) {
		(void)fprintf(stderr,
			"sluice: GitHub made no webhook secret: set one at %s and write it to "
			"%s/%s\n",
			app.html_url, making->out, secret_name);
	} else if (write_secret(making, secret_name, app.webhook_secret, &err) < 0) {
		(void)fail(&err);
		(void)fprintf(stderr, "sluice: set a new secret at %s\n", app.html_url);
		return CLI_NO;
	}
	tell(making, &app);
	return CLI_DONE;
}

/* ---- the page ---- */

static int open_socket(struct making *making, struct err *err)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 8) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return err_sys(err, ERR_CONFIG, errno, "cannot open a page on 127.0.0.1");
	making->authority = arena_printf(
		&making->cli->arena, "127.0.0.1:%d", (int)ntohs(address.sin_port));
	return steal_fd(&fd);
}

static void answer_visit(int fd, int status, const char *body)
{
	_cleanup_free_ char *head = mem_printf(
		"HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: "
		"%zu\r\n"
		"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
		"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Frame-Options: "
		"DENY\r\n"
		"Connection: close\r\n\r\n%s",
		status, status == 200 ? "OK" : "No", strlen(body), body);

	(void)send(fd, head, strlen(head), MSG_NOSIGNAL);
}

/* The head of one request, as far as it came in time. */
static size_t receive(int fd, char *into, size_t room)
{
	struct timeval patience = { .tv_sec = VISIT_PATIENCE_S };
	size_t length = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (length < room) {
		ssize_t got = recv(fd, into + length, room - length, 0);

		if (got <= 0)
			break;
		length += (size_t)got;
		if (memmem(into, length, "\r\n\r\n", 4) != NULL)
			break;
	}
	return length;
}

/* One visit; >= 0: the exit code, for the code came. */
static int serve_visit(struct making *making, int fd)
{
	_cleanup_strbuf_ struct strbuf page = STRBUF(PAGE_MAX);
	struct arena arena = { 0 };
	struct github_visit visit;
	char head[GITHUB_VISIT_MAX];
	size_t length = receive(fd, head, sizeof(head));
	struct err err;
	int result = -1;

	if (length == 0)
		return result;
	if (github_visit_read(
		    head, length, making->authority, making->state, &arena, &visit, &err) < 0) {
		github_manifest_words("That does not fit", err.text, &page);
		answer_visit(fd, 403, strbuf_text(&page));
	} else if (visit.kind == GITHUB_VISIT_PAGE) {
		github_manifest_page(&making->manifest, &page);
		answer_visit(fd, 200, strbuf_text(&page));
	} else if (visit.kind == GITHUB_VISIT_CODE) {
		result = take_code(making, visit.code);
		github_manifest_words(result == CLI_DONE ? "The App is made" : "That did not work",
			"The terminal in which sluice runs says what is next. You may close this "
			"page.",
			&page);
		answer_visit(fd, 200, strbuf_text(&page));
	} else {
		github_manifest_words(
			"Nothing is here", "The page is at the address without a path.", &page);
		answer_visit(fd, 404, strbuf_text(&page));
	}
	arena_release(&arena);
	return result;
}

static int serve_page(struct making *making)
{
	struct err err;
	_cleanup_fd_ int listener = open_socket(making, &err);
	int result = -1;

	if (listener < 0)
		return fail(&err);
	making->manifest.redirect_url = arena_printf(
		&making->cli->arena, "http://%s/created", making->authority);
	(void)fprintf(stderr,
		"sluice: open http://%s/ in a browser on this machine\n"
		"sluice: from another one: ssh -L %s:%s THIS-MACHINE, and the same address there\n",
		making->authority, strrchr(making->authority, ':') + 1, making->authority);
	while (result < 0) {
		_cleanup_fd_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			result = serve_visit(making, fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			return CLI_NO;
	}
	return result;
}

/* For a browser that cannot reach this machine: the page as a file; GitHub comes back to the
 * server's address, and the code is copied out of it. */
static int print_page(struct making *making)
{
	_cleanup_strbuf_ struct strbuf page = STRBUF(PAGE_MAX);

	making->manifest.redirect_url = making->manifest.server_url;
	if (making->cli->json) {
		_cleanup_json_ json_t *json = json_pack("{s:s, s:o}", "action",
			github_manifest_action(&making->manifest, &making->cli->arena), "manifest",
			github_manifest_json(&making->manifest));

		cli_print_json(json);
		return CLI_DONE;
	}
	github_manifest_page(&making->manifest, &page);
	(void)fputs(strbuf_text(&page), stdout);
	(void)fprintf(stderr,
		"sluice: keep this as app.html and open it in a browser; GitHub then goes to "
		"%s?code=CODE\nsluice: within an hour: sluice github-app --url %s --code CODE\n",
		making->manifest.server_url, making->manifest.server_url);
	return CLI_DONE;
}

/* ---- the verb ---- */

static const char *without_slash(struct arena *arena, const char *url)
{
	size_t length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return arena_strndup(arena, url, length);
}

/* "ghe.example.org", or its address where that is no https://NAME. */
static void set_host(struct making *making, const char *host)
{
	struct arena *arena = &making->cli->arena;
	const char *name = strstr(host, "://");

	if (str_equal(host, "github.com")) {
		making->manifest.web_url = "https://github.com";
		making->api_url = "https://api.github.com";
	} else {
		making->manifest.web_url = without_slash(
			arena, name != NULL ? host : arena_printf(arena, "https://%s", host));
		making->api_url = arena_printf(arena, "%s/api/v3", making->manifest.web_url);
	}
	name = name == NULL ? host : name + strlen("://");
	making->manifest.host = arena_strndup(arena, name, strcspn(name, ":/"));
}

int cli_github_app(struct cli *cli)
{
	struct making making = { .cli = cli,
		.manifest = { .name = str_empty(cli->name) ? "sluice" : cli->name,
			.organisation = str_empty(cli->org) ? "" : cli->org,
			.server_url = without_slash(
				&cli->arena, str_empty(cli->url) ? "" : cli->url),
			.may_merge = cli->merge } };
	struct err err;

	set_host(&making, str_empty(cli->host) ? "github.com" : cli->host);
	codec_random_hex(making.state, STATE_LENGTH);
	making.manifest.state = making.state;
	if (cli->argc > 0)
		return cli_usage("github-app takes flags only; see `sluice github-app --help`");
	if (github_manifest_check(&making.manifest, &err) < 0)
		return cli_usage("%s", err.text);
	if (cli->print)
		return print_page(&making);
	if (check_place(&making, &err) < 0)
		return fail(&err);
	if (cli->code == NULL)
		return serve_page(&making);
	if (!github_code_is_valid(cli->code))
		return cli_usage(
			"--code is what stands after code= in the address that GitHub went to");
	return take_code(&making, cli->code);
}
