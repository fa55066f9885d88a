/* GitHub, and who speaks its API, as the engine sees it. */
#include "vcs/web/web_host.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/rsa.h"
#include "orchestrator/lib/secret_file.h"
#include "orchestrator/lib/secrets.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include "vcs/web/web_proxy.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE_MS = 5000 };

static struct web_host *host_of(const struct vcs_host *port)
{
	return container_of(port, struct web_host, port);
}

/* ---- deliveries ---- */

static int check_type(
	const struct web_dialect *dialect, const struct delivery *delivery, struct err *err)
{
	const char *type = delivery->header(delivery, "Content-Type");

	if (type != NULL && (str_starts(type, "application/json") ||
				    (dialect->takes_forms &&
					    str_starts(type, "application/x-www-form-urlencoded"))))
		return 0;
	return err_set(err, ERR_SYNTAX, "the delivery is %s",
		dialect->takes_forms
			? "neither JSON nor a form"
			: "no JSON: choose application/json where the webhook is set up");
}

/* The first of these headers that is there, or NULL. */
static const char *one_of(const struct delivery *delivery, const char *const *names)
{
	const char *value = NULL;

	for (; value == NULL && *names != NULL; names++)
		value = delivery->header(delivery, *names);
	return value;
}

static int host_verify(
	const struct vcs_host *port, const struct delivery *delivery, struct err *err)
{
	const struct web_host *host = host_of(port);
	const struct web_signature_header *header = host->site.dialect->signature_headers;
	const char *signature = delivery->header(delivery, header->name);
	int r = check_type(host->site.dialect, delivery, err);

	while (signature == NULL && header[1].name != NULL)
		signature = delivery->header(delivery, (++header)->name);
	return r < 0 ? r
		     : web_event_verify((const char *const *)strvec_argv(&host->secrets), header,
			       signature, delivery->body, delivery->length, err);
}

static const char *host_topic(const struct vcs_host *port, const struct delivery *delivery)
{
	const char *topic = one_of(delivery, host_of(port)->site.dialect->topic_headers);

	return topic != NULL && strlen(topic) < 64 ? topic : "";
}

static int host_parse(const struct vcs_host *port, const struct delivery *delivery,
	struct arena *arena, struct vcs_event *ret, struct err *err)
{
	const char *topic = delivery->topic != NULL ? delivery->topic : host_topic(port, delivery);

	return web_event_read(
		&host_of(port)->site, topic, delivery->body, delivery->length, arena, ret, err);
}

static const char *host_delivery_id(const struct vcs_host *port, const struct delivery *delivery)
{
	const char *id = one_of(delivery, host_of(port)->site.dialect->delivery_headers);

	return id != NULL && strlen(id) <= 100 ? id : "";
}

/* ---- orders ---- */

static void order_free(struct web_order *order)
{
	if (order->thread != NULL)
		order->thread->users--;
	json_decref(order->kept);
	arena_release(&order->arena);
	free(order);
}

void order_done(struct web_order *order)
{
	struct host_answer answer = { .pulls = order->events,
		.pull_count = order->event_count,
		.facts = order->request.call == HOST_FACTS ? &order->facts : NULL,
		.issue = order->issue };

	order->done(order->owner, &answer, NULL);
	order_free(order);
}

void order_failed(struct web_order *order, const struct web_result *result, const struct err *err)
{
	struct host_answer answer = { .retry_ms = result->retry_ms };

	order->done(order->owner, &answer, err);
	order_free(order);
}

/* Somebody waits for whatever is final; edits while it runs can wait for the next one. */
enum web_priority order_priority(const struct web_order *order)
{
	return order->request.is_passing ? WEB_LOW : WEB_HIGH;
}

char *order_path(struct web_order *order, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return arena_strdup(&order->arena, text);
}

static const char **names_copy(struct arena *arena, const char **names, size_t count)
{
	const char **copy = arena_alloc(arena, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strdup(arena, names[i]);
	return copy;
}

static const struct host_annotation *annotations_copy(
	struct arena *arena, const struct host_annotation *list, size_t count)
{
	struct host_annotation *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = (struct host_annotation){ .path = arena_strdup(arena, list[i].path),
			.line = list[i].line,
			.title = arena_strdup(arena, list[i].title),
			.text = arena_strdup(arena, list[i].text) };
	return copy;
}

static struct web_order *order_new(
	struct web_host *host, const struct host_request *request, host_done_cb done, void *owner)
{
	struct web_order *order = mem_alloc(sizeof(*order));
	struct host_request *kept = &order->request;
	const char **texts[] = { &kept->repo, &kept->marker, &kept->body, &kept->comment_id,
		&kept->head, &kept->context, &kept->description, &kept->actor, &kept->base_ref,
		&kept->method, &kept->branch, &kept->label, &kept->title };

	order->host = host;
	order->request = *request;
	for (size_t i = 0; i < countof(texts); i++)
		*texts[i] = arena_strdup(&order->arena, *texts[i]);
	kept->annotations = annotations_copy(
		&order->arena, request->annotations, request->annotation_count);
	kept->people = names_copy(&order->arena, request->people, request->person_count);
	kept->teams = names_copy(&order->arena, request->teams, request->team_count);
	order->done = done;
	order->owner = owner;
	return order;
}

static void on_ready(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err != NULL)
		order_failed(order, result, err);
	else
		order_done(order);
}

static void order_go(struct web_order *order)
{
	switch (order->request.call) {
	case HOST_COMMENT_UPSERT:
		comment_upsert(order);
		return;
	case HOST_COMMENT_HIDE:
		comment_hide(order);
		return;
	case HOST_STATUS_SET:
		status_set(order);
		return;
	case HOST_REACT:
		comment_react(order);
		return;
	case HOST_LIST_OPEN:
		pulls_list(order);
		return;
	case HOST_LIST_WORDS:
		words_list(order);
		return;
	case HOST_GIT_READY:
		web_client_ready(order->host->client, order->request.repo, on_ready, order);
		return;
	case HOST_COMPLETE:
		event_complete(order);
		return;
	case HOST_FACTS:
		facts_read(order);
		return;
	case HOST_PUSHER:
		pusher_find(order);
		return;
	case HOST_LABEL:
		label_set(order);
		return;
	case HOST_ISSUE:
		issue_set(order);
		return;
	case HOST_MERGE:
		pull_merge(order);
		return;
	case HOST_BRANCH_DELETE:
		branch_delete(order);
		return;
	}
}

/* ---- who we are ---- */

static void set_login(struct web_host *host, const char *login)
{
	free(host->login);
	host->login = mem_strdup(login);
	host->site.login = host->login;
}

static void on_login(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_host *host = owner;
	bool is_app = web_client_is_app(host->client);
	const char *name = web_text(result->json, is_app ? "slug" : "login");
	_cleanup_free_ char *login = mem_printf("%s%s", name, is_app ? "[bot]" : "");
	struct list waiting;
	struct list *item;

	host->is_asking_login = false;
	if (err == NULL && host->site.dialect->login_is_valid(login)) {
		set_login(host, login);
		if (host->known != NULL)
			host->known(host->owner, login);
	} else if (err != NULL && host->tell != NULL)
		host->tell(host->owner, true, "a host does not say who we are", err);
	list_init(&waiting);
	while ((item = list_pop(&host->waiting)) != NULL)
		list_append(&waiting, item);
	while ((item = list_pop(&waiting)) != NULL) {
		struct web_order *order = container_of(item, struct web_order, in_list);
		struct err unknown;

		if (host->login != NULL) {
			order_go(order);
			continue;
		}
		err_class_set(&unknown, ERR_NET, err != NULL ? err->class : ERR_CLASS_TEMP,
			"%s does not say who we are", host->site.dialect->title);
		order_failed(order, result, err != NULL ? err : &unknown);
	}
}

static void ask_login(struct web_host *host)
{
	if (host->is_asking_login || host->login != NULL)
		return;
	host->is_asking_login = true;
	web_client_ask(host->client,
		&(struct web_ask){ .method = "GET",
			.path = web_client_is_app(host->client) ? "/app" : "/user" },
		on_login, host);
}

static bool needs_login(const struct web_order *order)
{
	return order->request.call == HOST_COMMENT_UPSERT ||
	       order->request.call == HOST_COMMENT_HIDE || order->request.call == HOST_ISSUE;
}

static void host_send(
	struct vcs_host *port, const struct host_request *request, host_done_cb done, void *owner)
{
	struct web_host *host = host_of(port);
	struct web_order *order = order_new(host, request, done, owner);
	struct web_result none = { 0 };
	struct err err;

	if (str_empty(request->repo) || !host->site.dialect->repo_is_valid(request->repo)) {
		err_set(&err, ERR_BUG, "that is no name of a repository");
		order_failed(order, &none, &err);
	} else if (needs_login(order) && host->login == NULL) {
		list_append(&host->waiting, &order->in_list);
		ask_login(host);
	} else {
		order_go(order);
	}
}

static void host_expect(struct vcs_host *port, const char *repo, int64_t number)
{
	if (host_of(port)->site.dialect->repo_is_valid(repo))
		thread_expect(host_of(port), repo, number);
}

static bool host_git_access(struct vcs_host *port, const char *repo, struct git_access *ret)
{
	struct web_host *host = host_of(port);
	const char *token = web_client_token(host->client, repo);

	*ret = (struct git_access){ .user = "x-access-token",
		.token = token,
		.proxy = host->proxy,
		.ca_bundle = host->ca_bundle };
	return token[0] != '\0';
}

/* ---- secrets, from files ---- */

struct web_secrets {
	struct strvec webhook;
	char *token;		 /* of a person, or NULL */
	struct rsa_key *app_key; /* of an App, or NULL */
};

static void secrets_free(struct web_secrets *secrets)
{
	if (secrets == NULL)
		return;
	secret_file_free(secrets->token);
	rsa_key_free(secrets->app_key);
	strvec_release(&secrets->webhook);
	free(secrets);
}

static int read_webhook_secrets(
	const struct host_settings *settings, struct web_secrets *secrets, struct err *err)
{
	if (settings->webhook_secret_files.count == 0)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the host %s has no webhook secret, and without one anybody could tell us "
			"anything: name a file of yours in webhook_secret_files, and its content "
			"as the secret of the webhook there",
			settings->name);
	for (size_t i = 0; i < settings->webhook_secret_files.count; i++) {
		char *text = NULL;
		size_t length = 0;
		int r = secret_file_read(settings->webhook_secret_files.list[i],
			"the webhook secret", &text, &length, err);

		if (r < 0)
			return r;
		secrets_add(text);
		strvec_push(&secrets->webhook, text);
		secret_file_free(text);
		if (length < WEB_SECRET_MIN)
			return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
				"the webhook secret in %s is shorter than %d characters",
				settings->webhook_secret_files.list[i], WEB_SECRET_MIN);
	}
	return 0;
}

static int read_credential(
	const struct host_settings *settings, struct web_secrets *secrets, struct err *err)
{
	char *pem = NULL;
	size_t length = 0;
	int r;

	if (str_empty(settings->token_file) == str_empty(settings->app_key_file))
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the host %s needs either token_file or app_id with app_key_file",
			settings->name);
	if (!str_empty(settings->token_file)) {
		r = secret_file_read(
			settings->token_file, "the token", &secrets->token, &length, err);
		if (r == 0)
			secrets_add(secrets->token);
		if (r == 0 && strpbrk(secrets->token, " \r\n\t") != NULL)
			r = err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
				"%s holds more than one word", settings->token_file);
		return r;
	}
	if (settings->app_id <= 0)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the host %s has app_key_file, and needs app_id", settings->name);
	r = secret_file_read(settings->app_key_file, "the key of the App", &pem, &length, err);
	if (r == 0)
		r = rsa_key_read(pem, length, &secrets->app_key, err);
	if (r < 0 && pem != NULL)
		(void)err_wrap(err, "%s", settings->app_key_file);
	secret_file_free(pem);
	return r;
}

static int secrets_read(
	const struct host_settings *settings, struct web_secrets **ret, struct err *err)
{
	struct web_secrets *secrets = mem_alloc(sizeof(*secrets));
	int r = read_webhook_secrets(settings, secrets, err);

	if (r == 0)
		r = read_credential(settings, secrets, err);
	if (r < 0)
		secrets_free(secrets);
	else
		*ret = secrets;
	return r;
}

static int host_reread(struct vcs_host *port, const struct host_settings *settings, struct err *err)
{
	struct web_host *host = host_of(port);

	secrets_free(host->fresh);
	host->fresh = NULL;
	return secrets_read(settings, &host->fresh, err);
}

static void host_take(struct vcs_host *port, bool is_taken)
{
	struct web_host *host = host_of(port);
	struct web_secrets *fresh = steal_ptr(host->fresh);
	struct strvec old = host->secrets;

	if (fresh != NULL && is_taken) {
		host->secrets = fresh->webhook;
		fresh->webhook = old;
		web_client_change(host->client, fresh->token, steal_ptr(fresh->app_key));
	}
	secrets_free(fresh);
}

/* ---- life ---- */

static char *without_slash(const char *url)
{
	size_t length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return mem_strndup(url, length);
}

static int start_client(struct web_host *host, const struct web_host_options *options,
	struct web_secrets *secrets, struct err *err)
{
	const struct host_settings *settings = options->settings;
	_cleanup_free_ char *api_url = without_slash(settings->api_url);
	struct web_client_options client = { .dialect = options->dialect,
		.loop = options->loop,
		.clock = options->clock,
		.api_url = api_url,
		.ca_bundle = settings->ca_bundle,
		.proxy = settings->proxy,
		.token = secrets->token,
		.app_id = settings->app_id,
		.app_key = secrets->app_key };
	int r = web_client_new(&client, &host->client, err);

	if (r == 0)
		secrets->app_key = NULL; /* the client's now */
	return r;
}

static void host_free(struct vcs_host *port)
{
	struct web_host *host = host_of(port);

	web_client_free(host->client);
	threads_release(host);
	statuses_release(host);
	strvec_release(&host->secrets);
	secrets_free(host->fresh);
	free(host->login);
	free(host->tip.key);
	free(host->proxy);
	free(host->ca_bundle);
	free(host->web_url);
	free(host->name);
	free(host);
}

int web_host_new(const struct web_host_options *options, struct web_host **ret, struct err *err)
{
	const struct host_settings *settings = options->settings;
	struct web_host *host = mem_alloc(sizeof(*host));
	struct web_secrets *secrets = NULL;
	int r;

	host->verbs = options->verbs;
	host->name = mem_strdup(settings->name);
	host->web_url = without_slash(settings->url);
	host->port = (struct vcs_host){ .name = host->name,
		.comment_bytes_max = WEB_COMMENT_CHARACTERS,
		.description_bytes_max = options->dialect->description_bytes_max,
		.has_folds = true,
		.knows_pushers = true,
		.patience_ms = PATIENCE_MS,
		.verify = host_verify,
		.parse = host_parse,
		.delivery_id = host_delivery_id,
		.topic = host_topic,
		.expect = host_expect,
		.git_access = host_git_access,
		.tip = tip_read,
		.reread = host_reread,
		.take = host_take,
		.free = host_free,
		.send = host_send };
	host->proxy = web_proxy(settings->proxy, host->web_url);
	host->ca_bundle = mem_strdup(settings->ca_bundle);
	host->clock = options->clock;
	host->known = options->known;
	host->tell = options->tell;
	host->owner = options->owner;
	host->site = (struct web_site){ .dialect = options->dialect,
		.host = host->name,
		.web_url = host->web_url,
		.login = "" };
	list_init(&host->threads);
	list_init(&host->statuses);
	list_init(&host->waiting);
	r = secrets_read(settings, &secrets, err);
	if (r == 0)
		r = start_client(host, options, secrets, err);
	if (r == 0) {
		host->secrets = secrets->webhook;
		secrets->webhook = (struct strvec){ 0 };
	}
	secrets_free(secrets);
	if (r < 0) {
		host_free(&host->port);
		return r;
	}
	if (!str_empty(settings->user))
		set_login(host, settings->user);
	ask_login(host);
	*ret = host;
	return 0;
}

struct vcs_host *web_host_port(struct web_host *host)
{
	return &host->port;
}
