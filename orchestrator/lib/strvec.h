/* A NULL-ended vector of owned strings: argv, environment. Capped at STRVEC_MAX elements (abort: it
 * is a bug). */
#pragma once
#include "orchestrator/lib/base.h"

enum { STRVEC_MAX = 65536 };

struct strvec {
	char **items; /* NULL-ended once something was pushed */
	size_t count;
	size_t room;
};

void strvec_push(struct strvec *vec, const char *text);
_printf_(2, 3) void strvec_pushf(struct strvec *vec, const char *format, ...);
char *const *strvec_argv(const struct strvec *vec); /* borrowed, never NULL, NULL-ended */
void strvec_release(struct strvec *vec);

static inline void strvec_releasep(struct strvec *vec)
{
	strvec_release(vec);
}
#define _cleanup_strvec_ _cleanup_(strvec_releasep)
