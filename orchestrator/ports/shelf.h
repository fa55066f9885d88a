/* Where the local host keeps its pull requests: JSON documents by key, in our store, inside the
 * transaction that is open at this turn. Implemented by the store, plugged in by serve.c. */
#pragma once
#include "orchestrator/lib/err.h"
#include <jansson.h>

struct shelf {
	void *owner;
	/* What is put, counted and delivered between the two stays as a whole, or not at all. */
	int (*begin)(void *owner, struct err *err);
	int (*end)(void *owner, bool keep, struct err *err);
	int (*get)(void *owner, const char *key, json_t **ret, struct err *err); /* ERR_MISSING */
	int (*put)(void *owner, const char *key, const json_t *document, struct err *err);
	int (*list)(void *owner, const char *prefix, json_t **ret_array,
		struct err *err); /* documents in order of key */
	int (*next)(
		void *owner, const char *counter, int64_t *ret, struct err *err); /* 1, 2, 3, ... */
	/* A webhook of ours to ourselves: lands in the inbox in the same transaction. */
	int (*deliver)(void *owner, const char *delivery_id, const char *body, size_t length,
		struct err *err);
};
