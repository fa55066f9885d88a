/* Raising errors into the caller's memory. */
#include "orchestrator/lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum err_class class;
} codes[ERR_CODE_MAX] = {
	[ERR_NONE] = { "none", ERR_CLASS_BUG },
	[ERR_SYSTEM] = { "system", ERR_CLASS_PERM },
	[ERR_MISSING] = { "missing", ERR_CLASS_PERM },
	[ERR_EXISTS] = { "exists", ERR_CLASS_PERM },
	[ERR_STALE] = { "stale", ERR_CLASS_TEMP },
	[ERR_BUSY] = { "busy", ERR_CLASS_TEMP },
	[ERR_LIMIT] = { "limit", ERR_CLASS_PERM },
	[ERR_SYNTAX] = { "syntax", ERR_CLASS_PERM },
	[ERR_USAGE] = { "usage", ERR_CLASS_USER },
	[ERR_CONFIG] = { "config", ERR_CLASS_CONFIG },
	[ERR_STORE] = { "store", ERR_CLASS_TEMP },
	[ERR_JOB] = { "job", ERR_CLASS_PERM },
	[ERR_NET] = { "net", ERR_CLASS_TEMP },
	[ERR_REFUSED] = { "refused", ERR_CLASS_PERM },
	[ERR_CONFLICT] = { "conflict", ERR_CLASS_USER },
	[ERR_BUG] = { "bug", ERR_CLASS_BUG },
};

static _printf_(5, 0) int err_raise(struct err *err, enum err_code code, enum err_class class,
	int sys, const char *format, va_list args)
{
	struct err raised = { .code = code, .class = class, .sys = sys };
	int length = vsnprintf(raised.text, sizeof(raised.text), format, args);
	size_t used = length < 0 ? 0 : (size_t)length;

	if (sys != 0 && used < sizeof(raised.text) - 1) {
		char text[128];

		(void)snprintf(raised.text + used, sizeof(raised.text) - used, ": %s",
			strerror_r(sys, text, sizeof(text)));
	}
	*err = raised; /* last: the arguments may point into the old text */
	return -(int)code;
}

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	err_raise(err, code, codes[code].class, 0, format, args);
	va_end(args);
	return -(int)code;
}

int err_user(struct err *err, enum err_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	err_raise(err, code, ERR_CLASS_USER, 0, format, args);
	va_end(args);
	return -(int)code;
}

int err_class_set(
	struct err *err, enum err_code code, enum err_class class, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	err_raise(err, code, class, 0, format, args);
	va_end(args);
	return -(int)code;
}

static bool sys_is_temporary(int sys)
{
	static const int temporary[] = { EAGAIN, EINTR, EBUSY, ENOMEM, ENOSPC, EDQUOT, EMFILE,
		ENFILE, ENOBUFS, EIO, ETIMEDOUT, ECONNREFUSED, ECONNRESET, EPIPE, ENETUNREACH,
		EHOSTUNREACH };

	for (size_t i = 0; i < countof(temporary); i++) {
		if (temporary[i] == sys)
			return true;
	}
	return false;
}

int err_sys(struct err *err, enum err_code code, int sys, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	err_raise(err, code, sys_is_temporary(sys) ? ERR_CLASS_TEMP : codes[code].class, sys,
		format, args);
	va_end(args);
	return -(int)code;
}

int err_wrap(struct err *err, const char *format, ...)
{
	char old[sizeof(err->text)];
	size_t used;
	va_list args;

	memcpy(old, err->text, sizeof(old));
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	used = strlen(err->text);
	if (used + 3 < sizeof(err->text))
		(void)snprintf(err->text + used, sizeof(err->text) - used, ": %.*s",
			(int)(sizeof(err->text) - used - 3), old);
	return -(int)err->code;
}

void err_clear(struct err *err)
{
	*err = (struct err){ .code = ERR_NONE };
}

const char *err_code_name(enum err_code code)
{
	return (unsigned)code < ERR_CODE_MAX ? codes[code].name : "unknown";
}

const char *err_class_name(enum err_class class)
{
	static const char *const names[] = { [ERR_CLASS_TEMP] = "temporary",
		[ERR_CLASS_PERM] = "permanent",
		[ERR_CLASS_USER] = "user",
		[ERR_CLASS_CONFIG] = "configuration",
		[ERR_CLASS_UNKNOWN] = "unknown",
		[ERR_CLASS_BUG] = "bug" };

	return (unsigned)class < countof(names) && names[class] != NULL ? names[class] : "none";
}
