/* JSON lines on stderr with typed fields. Libraries never log; serve.c, main.c, http/ and
 * engine/effects.c do.
 *
 *   log_info("plan finished", log_str("run", id), log_int("ms", took));
 *
 * What secrets.h knows never appears in a line, whatever field carries it. On a
 * terminal the lines are short text instead of JSON. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key;
	enum { LOG_END, LOG_STR, LOG_INT, LOG_ERR } kind;
	union {
		const char *text;
		int64_t number;
		const struct err *err;
	};
};

#define log_str(k, v) ((struct log_field){ .key = (k), .kind = LOG_STR, .text = (v) })
#define log_int(k, v) ((struct log_field){ .key = (k), .kind = LOG_INT, .number = (v) })
#define log_err(e)    ((struct log_field){ .key = "error", .kind = LOG_ERR, .err = (e) })

void log_write(enum log_level level, const char *message, const struct log_field *fields);
#define log_at(level, message, ...)                                                                \
	log_write(level, message,                                                                  \
		(const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ .kind = LOG_END } })
#define log_debug(message, ...) log_at(LOG_DEBUG, message __VA_OPT__(, ) __VA_ARGS__)
#define log_info(message, ...)	log_at(LOG_INFO, message __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(message, ...)	log_at(LOG_WARN, message __VA_OPT__(, ) __VA_ARGS__)
#define log_error(message, ...) log_at(LOG_ERROR, message __VA_OPT__(, ) __VA_ARGS__)

void log_open(enum log_level least, bool text);
