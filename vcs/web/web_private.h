/* Private to the client: credentials, and calls on their way. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/http_client.h"
#include "orchestrator/lib/list.h"
#include "vcs/web/web_client.h"
#include "vcs/web/web_remember.h"

enum web_resource { WEB_REST = 0, WEB_GRAPHQL, WEB_RESOURCES };

/* One who speaks: the person of the token, the App itself, or the App installed at one owner. */
struct web_credential {
	struct list in_client;
	struct web_client *client;
	char *owner;	 /* "" for the person and for the App itself */
	bool is_fixed;	 /* a person's token never changes */
	char *token;	 /* or NULL */
	unsigned serial; /* of the token: another one, another number */
	int64_t until_s; /* wall seconds since 1970 */
	int64_t installation;
	bool is_renewing;
	struct list waiting; /* calls, until there is a token */
	struct web_budget budgets[WEB_RESOURCES];
	size_t in_flight;
};

struct web_call {
	struct list in_list; /* the client's, or its credential's waiting ones */
	struct web_client *client;
	struct web_credential *credential;
	struct arena arena;
	struct web_ask ask;
	const char *path; /* of the page that is asked for */
	const char *repo;
	web_answer_cb cb;
	void *owner;
	struct http_call *http;
	struct loop_timer *timer;
	json_t *pages; /* all_pages: the array so far */
	int64_t total; /* what the host says it will be; -1: it does not say */
	int page_count;
	int lag_count;
	int refused;	  /* so many tokens were */
	unsigned token;	  /* which one it was sent with */
	bool may_be_same; /* an ETag was sent along */
	bool only_token;  /* nothing is asked for but to be able to speak */
};

struct web_client {
	const struct web_dialect *dialect;
	struct loop *loop;
	struct http_client *http;
	const struct clock *clock;
	char *api_url, *graphql_url;
	char *ca_bundle, *proxy;
	int64_t app_id;
	struct rsa_key *app_key;
	struct web_credential *self; /* the person, or the App itself */
	struct list credentials;     /* installations */
	struct list calls;
	struct web_memory memory;
	char *scopes; /* of a classic token, as it was told last; NULL: it is none */
	bool is_closing;
};

/* web_credential.c */
struct web_credential *web_credential_new(struct web_client *client, const char *owner);
void web_credential_free(struct web_credential *credential);
/* Who speaks for this repository; NULL: the App itself or the person. */
struct web_credential *web_credential_of(struct web_client *client, const char *repo);
bool web_credential_is_valid(const struct web_credential *credential);
/* Makes it valid and lets those go that wait; `repo` is one that the installation must have. */
void web_credential_renew(struct web_credential *credential, const char *repo);
void web_credential_drop(struct web_credential *credential);

/* web_client.c: a call that waited for its credential goes on, or ends */
void web_call_go(struct web_call *call);
void web_call_fail(struct web_call *call, const struct web_result *result, const struct err *err);
