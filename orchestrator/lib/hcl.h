/* Terraform's language, as far as it can be read without its meaning. Pure and lenient: what is not
 * understood is skipped, because Terraform itself says it better. Every text is a piece of the
 * caller's bytes. */
#pragma once
#include "orchestrator/lib/base.h"

enum hcl_kind {
	HCL_END = 0,
	HCL_WORD,
	HCL_STRING,
	HCL_OPEN,
	HCL_CLOSE,
	HCL_EQUALS,
	HCL_LINE,
	HCL_OTHER
};

struct hcl_token {
	enum hcl_kind kind;
	const char *text; /* of a word, or what stands between the quotes */
	size_t length;
	bool is_plain; /* a string without a template and without an escape */
};

struct hcl_scanner {
	const char *p, *end;
};

struct hcl_scanner hcl_open(const char *bytes, size_t length);
struct hcl_token hcl_next(struct hcl_scanner *scanner);
bool hcl_is(struct hcl_token token, const char *word); /* that word, not in quotes */

/* ---- values ---- */

enum { HCL_DEPTH_MAX = 8 };

struct hcl_frame { /* a block or an object: module "label" { */
	struct hcl_token word, label;
};

/* KEY = "text". */
struct hcl_value {
	const struct hcl_frame *frames; /* what it stands in, the outermost first */
	size_t depth;
	struct hcl_token key, text;
	bool is_text; /* one plain string and nothing else; else it would have to be evaluated */
	bool is_item; /* one of the strings of a list */
};

typedef void (*hcl_value_cb)(void *owner, const struct hcl_value *value);
/* Every value of the file, down to HCL_DEPTH_MAX. */
void hcl_walk(const char *bytes, size_t length, hcl_value_cb cb, void *owner);
