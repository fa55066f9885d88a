/* A bounded tree of a YAML file, with the place of each node. Owns: its arena's nodes. Must not:
 * know what a key means.
 *
 * Made from events only: the library's document loader is quadratic in nesting, which hostile files
 * use. An alias shares the node of its anchor, but counts as if it were written out: whoever walks
 * the tree meets at most YAML_NODES_MAX nodes. "<<" is written out: nobody meets it. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

enum yaml_kind { YAML_SCALAR = 1, YAML_LIST, YAML_MAP };

struct yaml_place {
	int line, column; /* from 1; 0: the file as a whole */
};

struct yaml_node {
	enum yaml_kind kind;
	struct yaml_place at;
	const char *text;	  /* scalar: UTF-8 without NUL */
	bool is_plain;		  /* a scalar without quotes: may be a number, true, null */
	struct yaml_node **items; /* list: items; map: key, value, key, value ... */
	size_t count;		  /* of items; a map has count / 2 pairs, no key twice */
};

enum {
	YAML_BYTES_MAX = 1 << 20,
	YAML_DEPTH_MAX = 32,
	YAML_NODES_MAX = 50000,
	YAML_SCALAR_MAX = 64 << 10,
	YAML_ANCHORS_MAX = 200,
	YAML_DIRECTIVES_MAX = 8,
	YAML_MERGE_MAX = 200, /* keys of each map that << joins */
	/* of a stream, which a program writes: for each of its documents */
	YAML_STREAM_DEPTH_MAX = 100,
	YAML_STREAM_NODES_MAX = 500000,
	YAML_STREAM_SCALAR_MAX = 4 << 20,
	YAML_DOCUMENTS_MAX = 20000
};

/* An empty file is a map without pairs. On failure *ret_place says where. */
_must_check_ int yaml_parse(const char *bytes, size_t length, struct arena *arena,
	struct yaml_node **ret, struct yaml_place *ret_place, struct err *err);
/* A file of many documents: each is given to `take` as soon as it is read, so what stands before an
 * error is seen. A negative answer of `take`, which sets its own err, ends it. */
typedef int (*yaml_document_cb)(void *owner, struct yaml_node *root);
_must_check_ int yaml_parse_stream(const char *bytes, size_t length, size_t cap,
	struct arena *arena, yaml_document_cb take, void *owner, struct yaml_place *ret_place,
	struct err *err);
const struct yaml_node *yaml_get(
	const struct yaml_node *map, const char *key); /* NULL when absent */
