/* Calls to the API. */
#include "vcs/web/web_client.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/rsa.h"
#include "orchestrator/lib/strvec.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_private.h"
#include <stdio.h>
#include <string.h>

enum {
	TIMEOUT_MS = 30000,
	ANSWER_MAX = 16 << 20,
	PAGES_MAX = 100,
	LAG_TRIES = 3,
	LAG_FIRST_MS = 500,
	IN_FLIGHT_MAX = 60, /* GitHub closes the door at 100 */
	CROWDED_MS = 200,
	REFUSED_MAX = 3,
};

/* ---- ends ---- */

static void call_free(struct web_call *call)
{
	list_remove(&call->in_list);
	loop_timer_free(call->timer);
	json_decref(call->pages);
	arena_release(&call->arena);
	free(call);
}

void web_call_fail(struct web_call *call, const struct web_result *result, const struct err *err)
{
	list_remove(&call->in_list); /* the answer may bring new calls, or the end of all */
	call->cb(call->owner, result, err);
	call_free(call);
}

static void call_end(struct web_call *call, int status, const json_t *json)
{
	list_remove(&call->in_list);
	call->cb(call->owner, &(struct web_result){ .status = status, .json = json }, NULL);
	call_free(call);
}

static struct web_budget *budget_of(const struct web_call *call)
{
	return &call->credential->budgets[call->ask.path == NULL ? WEB_GRAPHQL : WEB_REST];
}

static bool makes_something(const struct web_call *call)
{
	return call->ask.path != NULL && strcmp(call->ask.method, "GET") != 0 &&
	       call->credential != call->client->self;
}

static bool is_read(const struct web_call *call)
{
	return strcmp(call->ask.method, "GET") == 0;
}

static void fail_with_wait(struct web_call *call, int64_t wait_ms)
{
	struct web_result result = { .retry_ms = wait_ms };
	struct err err;

	err_class_set(&err, ERR_NET, ERR_CLASS_TEMP,
		"the limits of %s allow no more now; asked again in %lld s",
		call->client->dialect->title, (long long)(wait_ms + 999) / 1000);
	web_call_fail(call, &result, &err);
}

/* ---- sending ---- */

static void on_http(void *owner, const struct http_answer *answer, const struct err *err);

static const char *call_key(const struct web_call *call)
{
	return arena_printf((struct arena *)(uintptr_t)&call->arena, "%s %s",
		call->credential->owner, call->path);
}

static void call_send(struct web_call *call)
{
	struct web_client *client = call->client;
	const struct web_remembered *known = NULL;
	_cleanup_strvec_ struct strvec headers = { 0 };
	_cleanup_free_ char *url = call->ask.path == NULL
					   ? mem_strdup(client->graphql_url)
					   : mem_printf("%s%s", client->api_url, call->path);
	struct http_request request = { .method = call->ask.method,
		.url = url,
		.body = call->ask.body,
		.length = call->ask.body == NULL ? 0 : strlen(call->ask.body),
		.ca_bundle = client->ca_bundle,
		.proxy = client->proxy,
		.timeout_ms = TIMEOUT_MS,
		.cap_bytes = ANSWER_MAX };
	struct err err;

	if (is_read(call))
		known = web_memory_find(&client->memory, call_key(call));
	call->may_be_same = known != NULL;
	call->token = call->credential->serial;
	strvec_pushf(&headers, "Authorization: %s %s", client->dialect->authorization,
		call->credential->token);
	for (const char *const *header = client->dialect->headers; *header != NULL; header++)
		strvec_push(&headers, *header);
	strvec_push(&headers, "User-Agent: sluice/" SLUICE_VERSION);
	if (call->ask.body != NULL)
		strvec_push(&headers, "Content-Type: application/json");
	if (known != NULL)
		strvec_pushf(&headers, "If-None-Match: %s", known->etag);
	request.headers = (const char *const *)strvec_argv(&headers);
	web_budget_sent(budget_of(call), makes_something(call), clock_monotonic_ms(client->clock));
	call->credential->in_flight++;
	list_append(&client->calls, &call->in_list);
	if (http_client_send(client->http, &request, on_http, call, &call->http, &err) < 0)
		on_http(call, NULL, &err);
}

static void fail_stopping(struct web_call *call)
{
	struct err err;

	err_class_set(&err, ERR_NET, ERR_CLASS_TEMP, "the server stops");
	web_call_fail(call, &(struct web_result){ 0 }, &err);
}

void web_call_go(struct web_call *call)
{
	_cleanup_free_ char *repo = call->repo == NULL ? NULL : mem_strdup(call->repo);
	struct web_client *client = call->client;
	struct web_credential *credential = call->credential;
	int64_t wait = web_budget_wait(budget_of(call), call->ask.priority, makes_something(call),
		clock_monotonic_ms(client->clock));

	bool may_speak = web_credential_is_valid(credential);

	if (wait == 0 && credential->in_flight >= IN_FLIGHT_MAX)
		wait = CROWDED_MS;
	if (client->is_closing) {
		fail_stopping(call);
		return;
	}
	if (may_speak && call->only_token)
		call_end(call, 200, NULL);
	else if (wait > 0)
		fail_with_wait(call, wait);
	else if (may_speak)
		call_send(call);
	else
		list_append(&credential->waiting, &call->in_list);
	if (!credential->is_fixed) /* also before it ends */
		web_credential_renew(credential, repo);
}

/* ---- answers ---- */

/* What a host says is text of somebody else: one line, and not long. */
static void said_by(const json_t *json, const char *path, char *ret, size_t room)
{
	const char *text = web_text(json, path);

	(void)snprintf(
		ret, room, "%.*s", (int)codec_utf8_prefix(text, strnlen(text, room - 1)), text);
	for (char *c = ret; *c != '\0'; c++)
		*c = (unsigned char)*c < ' ' ? ' ' : *c;
}

/* GraphQL says 200 to everything. Half an answer is none: what is missing in it might be just what
 * speaks against. */
static bool has_errors(const struct web_call *call, const json_t *json, struct err *err)
{
	static const struct {
		const char *type;
		enum err_code code;
		enum err_class class;
	} types[] = {
		{ "NOT_FOUND", ERR_MISSING, ERR_CLASS_PERM },
		{ "FORBIDDEN", ERR_NET, ERR_CLASS_CONFIG },
		{ "INSUFFICIENT_SCOPES", ERR_NET, ERR_CLASS_CONFIG },
		{ "RATE_LIMITED", ERR_NET, ERR_CLASS_TEMP },
		{ "SERVICE_UNAVAILABLE", ERR_NET, ERR_CLASS_TEMP },
		{ "INTERNAL", ERR_NET, ERR_CLASS_TEMP },
	};
	const json_t *errors = call->ask.path == NULL ? web_at(json, "errors") : NULL;
	const json_t *first = json_array_get(errors, 0);
	const char *type = web_text(first, "type");
	/* without a type: it broke over there, unless it says what is wrong with the question */
	bool is_ours = web_at(first, "extensions.code") != NULL || type[0] != '\0';
	enum err_class class = is_ours ? ERR_CLASS_PERM : ERR_CLASS_TEMP;
	enum err_code code = ERR_NET;
	char said[160];

	if (errors == NULL || json_is_null(errors) ||
		(json_is_array(errors) && json_array_size(errors) == 0))
		return false;
	for (size_t i = 0; i < countof(types); i++) {
		if (strcmp(type, types[i].type) == 0) {
			class = types[i].class;
			code = types[i].code;
		}
	}
	said_by(first, "message", said, sizeof(said));
	err_class_set(err, code, class, "GitHub answered an error to a query: %s", said);
	return true;
}

/* The path of rel="next" of a Link header; NULL: this was the last page. A page elsewhere is an
 * error: the credential stays with the host. */
static int next_page(struct web_call *call, const char *link, const char **ret, struct err *err)
{
	size_t prefix = strlen(call->client->api_url);

	*ret = NULL;
	for (const char *at = link; at != NULL && (at = strchr(at, '<')) != NULL; at++) {
		const char *end = strchr(at, '>');
		const char *comma = end == NULL ? NULL : strchr(end, ',');
		const char *rel = end == NULL ? NULL : strstr(end, "rel=\"next\"");

		if (rel == NULL || (comma != NULL && rel > comma))
			continue;
		if (strncmp(at + 1, call->client->api_url, prefix) != 0 || at[1 + prefix] != '/')
			return err_set(err, ERR_NET, "the next page lies on another host");
		*ret = arena_strndup(
			&call->arena, at + 1 + prefix, (size_t)(end - at) - 1 - prefix);
		return 0;
	}
	return 0;
}

/* Of a host that tells only how many there are; NULL: that were all. */
static const char *page_after(struct web_call *call)
{
	if (call->total <= (int64_t)json_array_size(call->pages))
		return NULL;
	return arena_printf(&call->arena, "%s%cpage=%d", call->ask.path,
		strchr(call->ask.path, '?') == NULL ? '?' : '&', call->page_count + 2);
}

static void page_end(struct web_call *call, int status, json_t *json, const char *next)
{
	struct err err;

	if (!call->ask.all_pages) {
		call_end(call, status, json);
		return;
	}
	if (!json_is_array(json)) {
		err_class_set(&err, ERR_NET, ERR_CLASS_TEMP, "the answer of %s is no list",
			call->client->dialect->title);
	} else {
		if (call->pages == NULL)
			call->pages = json_array();
		json_array_extend(call->pages, json);
		if (next == NULL && json_array_size(json) > 0)
			next = page_after(call);
		if (next == NULL) {
			call_end(call, status, call->pages);
			return;
		}
		if (++call->page_count < PAGES_MAX) {
			call->path = next;
			web_call_go(call);
			return;
		}
		err_set(&err, ERR_LIMIT, "a list of %s has more than %d pages",
			call->client->dialect->title, PAGES_MAX);
	}
	web_call_fail(call, &(struct web_result){ .status = status }, &err);
}

static void on_good(
	struct web_call *call, const char *body, const char *etag, const char *link, int status)
{
	_cleanup_json_ json_t *json = NULL;
	const char *next = NULL;
	struct err err;
	int r = 0;

	if (body[0] != '\0')
		r = jsonx_parse(body, strlen(body), ANSWER_MAX, &json, &err);
	if (r == 0 && has_errors(call, json, &err)) {
		web_call_fail(call, &(struct web_result){ .status = status, .json = json }, &err);
		return;
	}
	if (r == 0)
		r = next_page(call, link, &next, &err);
	if (r < 0) { /* half an answer: what was asked for may have been done */
		err.class = ERR_CLASS_TEMP;
		web_call_fail(call, &(struct web_result){ .status = status }, &err);
		return;
	}
	if (is_read(call) && etag != NULL && strlen(etag) < 200)
		web_memory_put(&call->client->memory, call_key(call), etag, body,
			link == NULL ? "" : link);
	page_end(call, status, json, next);
}

/* The same as before; it may have been forgotten meanwhile. */
static void on_same(struct web_call *call)
{
	const struct web_remembered *known = web_memory_find(&call->client->memory, call_key(call));

	if (known == NULL)
		call_send(call);
	else
		on_good(call, arena_strdup(&call->arena, known->body), NULL,
			arena_strdup(&call->arena, known->link), 200);
}

static void on_lag(void *owner)
{
	struct web_call *call = owner;

	list_remove(&call->in_list);
	web_call_go(call);
}

static bool asks_again(struct web_call *call, int status)
{
	/* The one that was being made meanwhile may be refused as well. */
	if (status == 401 && !call->credential->is_fixed && call->refused < REFUSED_MAX) {
		call->refused++;
		if (call->token == call->credential->serial)
			web_credential_drop(call->credential);
		web_call_go(call);
		return true;
	}
	if (status == 404 && call->ask.may_lag && call->lag_count < LAG_TRIES) {
		if (call->timer == NULL)
			call->timer = loop_timer_new(call->client->loop, on_lag, call);
		list_append(&call->client->calls, &call->in_list);
		loop_timer_arm(call->timer, LAG_FIRST_MS << call->lag_count++);
		return true;
	}
	return false;
}

static enum err_class class_of(int status)
{
	if (status >= 500 || status == 408 || status == 409)
		return ERR_CLASS_TEMP;
	return status == 401 || status == 403 ? ERR_CLASS_CONFIG : ERR_CLASS_PERM;
}

static void fail_with_status(struct web_call *call, const struct http_answer *answer)
{
	_cleanup_json_ json_t *json = NULL;
	struct web_result result = { .status = answer->status };
	char said[160];
	struct err err, ignored;

	if (jsonx_parse(answer->body, answer->length, ANSWER_MAX, &json, &ignored) == 0)
		result.json = json;
	said_by(json, "message", said, sizeof(said));
	err_class_set(&err, answer->status == 404 ? ERR_MISSING : ERR_NET, class_of(answer->status),
		"%s answered %d to %s %s%s%s", call->client->dialect->title, answer->status,
		call->ask.method, call->ask.path == NULL ? "/graphql" : call->path,
		said[0] == '\0' ? "" : ": ", said);
	if (answer->status == 401)
		(void)err_wrap(&err, "the credential is not accepted");
	web_call_fail(call, &result, &err);
}

static int64_t number_header(const struct http_answer *answer, const char *name)
{
	const char *text = http_answer_header(answer, name);
	char *end;
	long long value;

	if (text == NULL)
		return -1;
	value = strtoll(text, &end, 10);
	return end != text && *end == '\0' && value >= 0 ? value : -1;
}

static void keep_scopes(struct web_client *client, const struct http_answer *answer)
{
	const char *scopes = http_answer_header(answer, "X-OAuth-Scopes");

	if (scopes == NULL || client->scopes != NULL)
		return;
	/* libcurl leaves the end of the line in an empty one */
	client->scopes = mem_strndup(scopes, strcspn(scopes, "\r\n"));
}

static void on_http(void *owner, const struct http_answer *answer, const struct err *err)
{
	struct web_call *call = owner;
	struct web_client *client = call->client;
	int64_t now = clock_monotonic_ms(client->clock);
	struct web_reply reply;

	call->credential->in_flight--;
	call->http = NULL;
	call->total = -1;
	list_remove(&call->in_list);
	if (err != NULL) {
		web_budget_failed(budget_of(call), now);
		web_call_fail(call, &(struct web_result){ 0 }, err);
		return;
	}
	keep_scopes(client, answer);
	reply = (struct web_reply){ .status = answer->status,
		.limit = number_header(answer, "X-RateLimit-Limit"),
		.remaining = number_header(answer, "X-RateLimit-Remaining"),
		.reset_s = number_header(answer, "X-RateLimit-Reset"),
		.retry_after_s = http_answer_header(answer, "Retry-After") == NULL
					 ? -1
					 : answer->retry_after_s,
		.says_secondary = strcasestr(answer->body, "secondary rate limit") != NULL ||
				  strcasestr(answer->body, "abuse") != NULL };
	call->total = number_header(answer, "X-Total-Count");
	if (web_budget_answered(budget_of(call), &reply, now, clock_wall_ms(client->clock)))
		fail_with_wait(call, web_budget_wait(budget_of(call), WEB_HIGH, false, now));
	else if (answer->status == 304 && call->may_be_same)
		on_same(call);
	else if (answer->status >= 200 && answer->status < 300)
		on_good(call, answer->body, http_answer_header(answer, "ETag"),
			http_answer_header(answer, "Link"), answer->status);
	else if (!asks_again(call, answer->status))
		fail_with_status(call, answer);
}

/* ---- asking ---- */

static struct web_call *call_new(
	struct web_client *client, const struct web_ask *ask, web_answer_cb cb, void *owner)
{
	struct web_call *call = mem_alloc(sizeof(*call));

	call->client = client;
	call->ask = *ask;
	call->ask.method = arena_strdup(&call->arena, ask->method);
	call->ask.path = call->path = arena_strdup(&call->arena, ask->path);
	call->ask.body = arena_strdup(&call->arena, ask->body);
	call->repo = call->ask.repo = arena_strdup(&call->arena, ask->repo);
	call->cb = cb;
	call->owner = owner;
	call->credential = web_credential_of(client, ask->repo);
	return call;
}

void web_client_ask(
	struct web_client *client, const struct web_ask *ask, web_answer_cb cb, void *owner)
{
	web_call_go(call_new(client, ask, cb, owner));
}

void web_client_ready(struct web_client *client, const char *repo, web_answer_cb cb, void *owner)
{
	struct web_call *call = call_new(
		client, &(struct web_ask){ .method = "GET", .path = "/", .repo = repo }, cb, owner);

	call->only_token = true;
	web_call_go(call);
}

bool web_client_is_app(const struct web_client *client)
{
	return client->app_key != NULL;
}

const char *web_client_token(struct web_client *client, const char *repo)
{
	const struct web_credential *credential = web_credential_of(client, repo);

	return web_credential_is_valid(credential) ? credential->token : "";
}

/* ---- life ---- */

/* Enterprise: https://ghe.example/api/v3 and https://ghe.example/api/graphql */
static char *graphql_url(const char *api_url)
{
	static const char rest[] = "/api/v3";

	if (!str_ends(api_url, rest))
		return mem_printf("%s/graphql", api_url);
	return mem_printf("%.*s/api/graphql", (int)(strlen(api_url) - strlen(rest)), api_url);
}

int web_client_new(
	const struct web_client_options *options, struct web_client **ret, struct err *err)
{
	struct web_client *client = mem_alloc(sizeof(*client));
	int r = http_client_new(options->loop, &client->http, err);

	if (r < 0) {
		free(client);
		return r;
	}
	client->dialect = options->dialect;
	client->loop = options->loop;
	client->clock = options->clock;
	client->api_url = mem_strdup(options->api_url);
	client->graphql_url = graphql_url(options->api_url);
	client->ca_bundle = options->ca_bundle == NULL ? NULL : mem_strdup(options->ca_bundle);
	client->proxy = options->proxy == NULL ? NULL : mem_strdup(options->proxy);
	client->app_id = options->app_id;
	client->app_key = options->app_key;
	client->self = web_credential_new(client, "");
	client->self->is_fixed = options->token != NULL;
	if (options->token != NULL)
		client->self->token = mem_strdup(options->token);
	list_init(&client->credentials);
	list_init(&client->calls);
	web_memory_init(&client->memory);
	*ret = client;
	return 0;
}

static void fail_all(struct list *calls)
{
	struct list *item;

	while ((item = list_pop(calls)) != NULL) {
		struct web_call *call = container_of(item, struct web_call, in_list);

		if (call->http != NULL)
			http_call_cancel(call->http);
		fail_stopping(call);
	}
}

void web_client_change(struct web_client *client, const char *token, struct rsa_key *app_key)
{
	if (token != NULL && client->self->is_fixed) {
		web_credential_drop(client->self);
		client->self->token = mem_strdup(token);
	}
	if (app_key != NULL && client->app_key != NULL) {
		rsa_key_free(client->app_key);
		client->app_key = steal_ptr(app_key);
	}
	rsa_key_free(app_key);
}

void web_client_free(struct web_client *client)
{
	if (client == NULL)
		return;
	client->is_closing = true;
	fail_all(&client->self->waiting);
	fail_all(&client->calls);
	list_for_each (item, &client->credentials) {
		struct web_credential *credential = container_of(
			item, struct web_credential, in_client);

		fail_all(&credential->waiting);
		list_remove(item);
		web_credential_free(credential);
	}
	web_credential_free(client->self);
	web_memory_release(&client->memory);
	http_client_free(client->http);
	rsa_key_free(client->app_key);
	free(client->api_url);
	free(client->graphql_url);
	free(client->scopes);
	free(client->ca_bundle);
	free(client->proxy);
	free(client);
}
