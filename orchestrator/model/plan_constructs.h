/* What a plan or its configuration holds that does more than the plan says: programs that run,
 * addresses that are called, modules that others wrote. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include <jansson.h>

enum plan_construct_kind {
	CONSTRUCT_PROVISIONER = 1, /* detail: its type */
	CONSTRUCT_PROGRAM,	   /* a provider that runs one */
	CONSTRUCT_HTTP,		   /* a provider that calls what the pull request names */
	CONSTRUCT_ACTION,	   /* of Terraform 1.14 */
	CONSTRUCT_MODULE,	   /* from elsewhere; detail: from where */
};
enum { CONSTRUCT_KINDS = CONSTRUCT_MODULE, CONSTRUCTS_MAX = 50 };

struct plan_construct {
	enum plan_construct_kind kind;
	const char *address;
	const char *detail; /* or "" */
};

struct plan_constructs {
	struct plan_construct *list;
	size_t count;
	int left_out;
};

/* NULL-ended; "provisioner", "program", ...: in rules and in JSON, in the order of the kinds. */
extern const char *const plan_construct_words[];

void plan_constructs_add(struct plan_constructs *constructs, struct arena *arena,
	enum plan_construct_kind kind, const char *address, const char *detail);
/* NULL: there are none. */
_must_check_ int plan_constructs_read(
	const json_t *json, struct arena *arena, struct plan_constructs *ret, struct err *err);
json_t *plan_constructs_write(const struct plan_constructs *constructs); /* owned by the caller */
/* A word that nobody knows, and a list that was cut, are taken to match. */
bool plan_constructs_have(const struct plan_constructs *constructs, const char *word);
bool plan_constructs_run_code(const struct plan_constructs *constructs);
/* "has a local-exec provisioner" */
const char *plan_construct_text(const struct plan_construct *construct, struct arena *arena);
/* "2 provisioners, 1 program" */
void plan_constructs_count(const struct plan_constructs *constructs, struct strbuf *out);
/* A source of a module that is neither in this repository nor a path. */
bool plan_source_is_remote(const char *source);
