/* What a compiled pattern is made of. Private to glob*.c. */
#pragma once
#include "orchestrator/lib/glob.h"

enum glob_kind {
	GLOB_LITERAL,
	GLOB_ONE,   /* one character, not '/' */
	GLOB_CLASS, /* one character of a set, not '/' */
	GLOB_STAR,  /* any characters but '/' */
	GLOB_ANY,   /* any characters */
	GLOB_DIRS,  /* nothing, or anything that ends in '/' */
	GLOB_REST,  /* nothing, or '/' and anything */
};

struct glob_token {
	enum glob_kind kind;
	const char *text; /* of a literal; of a class what stands between the brackets */
	size_t length;
	size_t star; /* number of the star, of those that have one */
};
