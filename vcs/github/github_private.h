/* Private to the client: credentials, and calls on their way. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/http_client.h"
#include "orchestrator/lib/list.h"
#include "vcs/github/github_client.h"
#include "vcs/github/github_remember.h"

enum github_resource { GITHUB_REST = 0, GITHUB_GRAPHQL, GITHUB_RESOURCES };

/* One who speaks: the person of the token, the App itself, or the App installed at one owner. */
struct github_credential {
	struct list in_client;
	struct github_client *client;
	char *owner;	 /* "" for the person and for the App itself */
	bool is_fixed;	 /* a person's token never changes */
	char *token;	 /* or NULL */
	int64_t until_s; /* wall seconds since 1970 */
	int64_t installation;
	bool is_renewing;
	struct list waiting; /* calls, until there is a token */
	struct github_budget budgets[GITHUB_RESOURCES];
	size_t in_flight;
};

struct github_call {
	struct list in_list; /* the client's, or its credential's waiting ones */
	struct github_client *client;
	struct github_credential *credential;
	struct arena arena;
	struct github_ask ask;
	const char *path; /* of the page that is asked for */
	const char *repo;
	github_answer_cb cb;
	void *owner;
	struct http_call *http;
	struct loop_timer *timer;
	json_t *pages; /* all_pages: the array so far */
	int64_t total; /* what the host says it will be; -1: it does not say */
	int page_count;
	int lag_count;
	bool was_renewed; /* the token was refused once */
	bool may_be_same; /* an ETag was sent along */
	bool only_token;  /* nothing is asked for but to be able to speak */
};

struct github_client {
	const struct github_dialect *dialect;
	struct loop *loop;
	struct http_client *http;
	const struct clock *clock;
	char *api_url, *graphql_url;
	char *ca_bundle, *proxy;
	int64_t app_id;
	struct rsa_key *app_key;
	struct github_credential *self; /* the person, or the App itself */
	struct list credentials;	/* installations */
	struct list calls;
	struct github_memory memory;
	char *scopes; /* of a classic token, as it was told last; NULL: it is none */
	bool is_closing;
};

/* github_credential.c */
struct github_credential *github_credential_new(struct github_client *client, const char *owner);
void github_credential_free(struct github_credential *credential);
/* Who speaks for this repository; NULL: the App itself or the person. */
struct github_credential *github_credential_of(struct github_client *client, const char *repo);
bool github_credential_is_valid(const struct github_credential *credential);
/* Makes it valid and lets those go that wait; `repo` is one that the installation must have. */
void github_credential_renew(struct github_credential *credential, const char *repo);
void github_credential_drop(struct github_credential *credential);

/* github_client.c: a call that waited for its credential goes on, or ends */
void github_call_go(struct github_call *call);
void github_call_fail(
	struct github_call *call, const struct github_result *result, const struct err *err);
