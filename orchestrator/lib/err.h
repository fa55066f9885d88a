/* What went wrong, in the caller's memory. Owns nothing, allocates nothing.
 *
 * Every function that can fail returns 0 or the negative code, takes `struct err *err` last (never
 * NULL) and writes it only on failure. The class, not the text, decides what happens next. */
#pragma once
#include "orchestrator/lib/base.h"

enum err_code {
	ERR_NONE = 0,
	ERR_SYSTEM,   /* a system call failed; sys has errno */
	ERR_MISSING,  /* what was asked for does not exist */
	ERR_EXISTS,   /* it exists already */
	ERR_STALE,    /* somebody decided on old facts */
	ERR_BUSY,     /* held by somebody else */
	ERR_LIMIT,    /* larger than its cap */
	ERR_SYNTAX,   /* bytes that cannot be read as what they claim to be */
	ERR_USAGE,    /* a person asked for something impossible */
	ERR_CONFIG,   /* a configuration is wrong */
	ERR_STORE,    /* the database said no */
	ERR_JOB,      /* a job directory or its process is not as it must be */
	ERR_NET,      /* the other side cannot be reached or answers nonsense */
	ERR_REFUSED,  /* not allowed */
	ERR_CONFLICT, /* head and base cannot be merged */
	ERR_BUG,      /* we were wrong */
	ERR_CODE_MAX
};

enum err_class {
	ERR_CLASS_TEMP = 1, /* try again later */
	ERR_CLASS_PERM,	    /* will not change by trying again */
	ERR_CLASS_USER,	    /* the person who asked can mend it */
	ERR_CLASS_CONFIG,   /* the operator can mend it */
	ERR_CLASS_UNKNOWN,  /* it may or may not have happened */
	ERR_CLASS_BUG,
};

struct err {
	enum err_code code;
	enum err_class class;
	int sys; /* errno, or 0 */
	char text[500];
};

/* Each returns -code, so that raising an error is one line: return err_set(err, ERR_JOB, "...",
 * ...); */
_printf_(3, 4) int err_set(struct err *err, enum err_code code, const char *format, ...);
_printf_(3, 4) int err_user(struct err *err, enum err_code code, const char *format, ...);
_printf_(4, 5) int err_class_set(
	struct err *err, enum err_code code, enum err_class class, const char *format, ...);
/* Appends ": strerror(sys)" and derives the class from errno (EAGAIN, ENOSPC, EMFILE ... are TEMP).
 */
_printf_(4, 5) int err_sys(struct err *err, enum err_code code, int sys, const char *format, ...);
/* Puts "context: " before the text of an error that is already set; returns its negative code. */
_printf_(2, 3) int err_wrap(struct err *err, const char *format, ...);

void err_clear(struct err *err);
const char *err_code_name(enum err_code code);
const char *err_class_name(enum err_class class);
