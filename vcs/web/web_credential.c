/* Tokens: a person's never changes; an App's are asked for owner by owner, live an hour, and are
 * renewed before they end. */
#include "orchestrator/lib/strbuf.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_private.h"
#include "vcs/web/web_token.h"
#include <inttypes.h>
#include <string.h>

static int64_t now_s(const struct web_client *client)
{
	return clock_wall_ms(client->clock) / 1000;
}

struct web_credential *web_credential_new(struct web_client *client, const char *owner)
{
	struct web_credential *credential = mem_alloc(sizeof(*credential));

	credential->client = client;
	credential->owner = mem_strdup(owner);
	list_init(&credential->waiting);
	for (size_t i = 0; i < WEB_RESOURCES; i++)
		web_budget_init(&credential->budgets[i], clock_monotonic_ms(client->clock));
	return credential;
}

void web_credential_drop(struct web_credential *credential)
{
	if (credential->token != NULL)
		explicit_bzero(credential->token, strlen(credential->token));
	free(credential->token);
	credential->token = NULL;
	credential->serial++;
}

void web_credential_free(struct web_credential *credential)
{
	if (credential == NULL)
		return;
	web_credential_drop(credential);
	free(credential->owner);
	free(credential);
}

struct web_credential *web_credential_of(struct web_client *client, const char *repo)
{
	_cleanup_free_ char *owner = NULL;
	struct web_credential *credential;

	if (repo == NULL || client->app_key == NULL)
		return client->self;
	owner = mem_strndup(repo, strcspn(repo, "/"));
	list_for_each (item, &client->credentials) {
		credential = container_of(item, struct web_credential, in_client);
		if (strcasecmp(credential->owner, owner) == 0)
			return credential;
	}
	credential = web_credential_new(client, owner);
	list_append(&client->credentials, &credential->in_client);
	return credential;
}

static bool lives(const struct web_credential *credential, int64_t for_s)
{
	return credential->token != NULL &&
	       (credential->is_fixed || credential->until_s - now_s(credential->client) > for_s);
}

bool web_credential_is_valid(const struct web_credential *credential)
{
	return lives(credential, 0);
}

/* ---- renewing ---- */

static void let_go(struct web_credential *credential)
{
	struct list waiting;
	struct list *item;

	list_init(&waiting);
	while ((item = list_pop(&credential->waiting)) != NULL)
		list_append(&waiting, item);
	while ((item = list_pop(&waiting)) != NULL)
		web_call_go(container_of(item, struct web_call, in_list));
}

static void give_up(
	struct web_credential *credential, const struct web_result *result, const struct err *err)
{
	struct list *item;

	credential->is_renewing = false;
	if (web_credential_is_valid(credential)) { /* renewed early: there is time */
		let_go(credential);
		return;
	}
	while ((item = list_pop(&credential->waiting)) != NULL)
		web_call_fail(container_of(item, struct web_call, in_list), result, err);
}

static void on_token(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_credential *credential = owner;
	const char *token = web_text(result->json, "token");
	struct err odd;

	if (err == NULL && token[0] == '\0') {
		err_class_set(&odd, ERR_NET, ERR_CLASS_TEMP, "GitHub gave no token");
		err = &odd;
	}
	if (err != NULL) {
		credential->installation = 0; /* it may have been removed and made again */
		give_up(credential, result, err);
		return;
	}
	web_credential_drop(credential);
	credential->token = mem_strdup(token);
	credential->until_s = web_time(web_text(result->json, "expires_at"));
	if (credential->until_s == 0)
		credential->until_s = now_s(credential->client) + 3600;
	credential->is_renewing = false;
	let_go(credential);
}

static void ask_token(struct web_credential *credential)
{
	_cleanup_free_ char *path = mem_printf(
		"/app/installations/%" PRId64 "/access_tokens", credential->installation);

	web_client_ask(credential->client,
		&(struct web_ask){ .method = "POST", .path = path, .body = "{}" }, on_token,
		credential);
}

static void on_installation(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_credential *credential = owner;
	struct err missing;

	if (result->status == 404) {
		err_class_set(&missing, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the App is not installed for %s: install it there, or take the "
			"repositories of %s out of the allow list",
			credential->owner, credential->owner);
		err = &missing;
	}
	credential->installation = web_number(result->json, "id");
	if (err != NULL || credential->installation <= 0)
		give_up(credential, result, err);
	else
		ask_token(credential);
}

static void ask_installation(struct web_credential *credential, const char *repo)
{
	_cleanup_free_ char *path = mem_printf("/repos/%s/installation", repo);

	web_client_ask(credential->client, &(struct web_ask){ .method = "GET", .path = path },
		on_installation, credential);
}

static void make_jwt(struct web_credential *self)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);
	struct web_client *client = self->client;
	struct web_result none = { 0 };
	struct err err;

	if (web_jwt(client->app_key, client->app_id, now_s(client), &text, &err) < 0) {
		give_up(self, &none, &err);
		return;
	}
	web_credential_drop(self);
	self->token = strbuf_steal(&text);
	self->until_s = now_s(client) + WEB_JWT_LIFE_S - WEB_JWT_BACK_S;
	let_go(self);
}

void web_credential_renew(struct web_credential *credential, const char *repo)
{
	bool is_self = credential == credential->client->self;

	if (credential->is_renewing ||
		lives(credential, is_self ? WEB_JWT_BACK_S : WEB_TOKEN_EARLY_S))
		return;
	if (is_self) {
		make_jwt(credential);
		return;
	}
	credential->is_renewing = true;
	if (credential->installation > 0)
		ask_token(credential);
	else
		ask_installation(credential, repo);
}
