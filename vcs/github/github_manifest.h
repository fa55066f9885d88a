/* Creating an App at GitHub from a manifest: a page of ours posts it there, GitHub comes back with
 * a code, the code is exchanged once for the App's number and secrets. Pure: no socket, file or
 * clock.
 *
 * What a browser asks of us is bytes of anybody on this machine: only a visit that brings our
 * `state` along is believed, and only one that names us as its host (another page could have been
 * pointed at us by its name server). */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include <jansson.h>

enum { GITHUB_VISIT_MAX = 8 << 10, GITHUB_MANIFEST_NAME_MAX = 34 };

struct github_manifest {
	const char *name;	  /* of the App, unique at GitHub */
	const char *web_url;	  /* "https://github.com" */
	const char *organisation; /* that owns the App; "" for the person */
	const char *server_url;	  /* of sluice, as GitHub reaches it */
	const char *host;	  /* our name for the host, in the webhook's address */
	const char *redirect_url; /* where GitHub comes back to with the code */
	const char *state;	  /* random; comes back as well */
	bool may_merge;
};

/* Says what is wrong with the values that a person gave. ERR_USAGE. */
_must_check_ int github_manifest_check(const struct github_manifest *manifest, struct err *err);
json_t *github_manifest_json(const struct github_manifest *manifest); /* owned by the caller */
/* Where the page posts it to. */
const char *github_manifest_action(const struct github_manifest *manifest, struct arena *arena);
/* A page with one button. */
void github_manifest_page(const struct github_manifest *manifest, struct strbuf *out);
/* One that looks the same and only says something. */
void github_manifest_words(const char *title, const char *text, struct strbuf *out);

enum github_visit_kind { GITHUB_VISIT_PAGE, GITHUB_VISIT_CODE, GITHUB_VISIT_OTHER };

struct github_visit {
	enum github_visit_kind kind;
	const char *code; /* of GITHUB_VISIT_CODE, in the arena */
};

/* The head of an HTTP request. `authority` is "127.0.0.1:PORT". ERR_SYNTAX, ERR_REFUSED. */
_must_check_ int github_visit_read(const char *bytes, size_t length, const char *authority,
	const char *state, struct arena *arena, struct github_visit *ret, struct err *err);
bool github_code_is_valid(const char *code);

struct github_app { /* texts belong to the json they were read from */
	int64_t id;
	const char *slug, *owner, *html_url, *pem, *webhook_secret;
};

/* What GitHub gives for the code. ERR_SYNTAX. */
_must_check_ int github_app_read(const json_t *json, struct github_app *ret, struct err *err);
