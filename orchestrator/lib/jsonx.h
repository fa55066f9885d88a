/* jansson with caps, and accessors that say which path was wrong. json_t is borrowed unless a name
 * says otherwise.
 *
 * A reader (struct jsonx) walks one object; the first failure is kept and later reads return the
 * default, so a decoder reads all its members and checks once. */
#pragma once
#include "orchestrator/lib/err.h"
#include <jansson.h>

/* json_decrefp() is jansson's own. */
#define _cleanup_json_ _cleanup_(json_decrefp)

/* Refuses duplicate keys, bytes after the end, nesting over 64 and anything larger than cap. */
_must_check_ int jsonx_parse(
	const char *bytes, size_t length, size_t cap, json_t **ret, struct err *err);
/* Whole file, O_NOFOLLOW, regular, at most cap bytes. */
_must_check_ int jsonx_read_at(
	int dir_fd, const char *name, size_t cap, json_t **ret, struct err *err);
/* Compact text, keys in insertion order; owned by the caller. */
char *jsonx_text(const json_t *json);
/* Names from a repository, or what a tool printed, may be anything, and JSON holds nothing but
 * UTF-8. Left out it would read as "not given", so it becomes a mark that shows. NULL is "". */
json_t *jsonx_any(const char *text);
/* Written to NAME.tmp, renamed. With durable: fsync of file and folder. */
_must_check_ int jsonx_write_at(
	int dir_fd, const char *name, const json_t *json, bool durable, struct err *err);

struct jsonx {
	const json_t *object;
	const char *what; /* "the event", for texts */
	struct err *err;
	int failed; /* 0 or the negative code of the first failure, which is in *err */
};

struct jsonx jsonx_reader(const json_t *object, const char *what, struct err *err);
const char *jsonx_string(struct jsonx *reader, const char *key); /* required */
const char *jsonx_string_or(
	struct jsonx *reader, const char *key, const char *fallback); /* absent or null */
int64_t jsonx_int(struct jsonx *reader, const char *key);
int64_t jsonx_int_or(struct jsonx *reader, const char *key, int64_t fallback);
bool jsonx_bool_or(struct jsonx *reader, const char *key, bool fallback);
const json_t *jsonx_object(struct jsonx *reader, const char *key);   /* required */
const json_t *jsonx_array_or(struct jsonx *reader, const char *key); /* NULL when absent */
