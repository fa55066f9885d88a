/* Words of the language that C lacks: attributes, cleanup, moving a pointer. Owns nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _must_check_	     __attribute__((warn_unused_result))
#define _unused_	     __attribute__((unused))
#define _noreturn_	     __attribute__((noreturn))
#define _cleanup_(f)	     __attribute__((cleanup(f)))

#define countof(array)			(sizeof(array) / sizeof((array)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Moves a pointer or descriptor out of the variable whose cleanup would release it. */
#define steal_ptr(ptr)                                                                             \
	({                                                                                         \
		__typeof__(ptr) *steal_from_ = &(ptr);                                             \
		__typeof__(ptr) steal_value_ = *steal_from_;                                       \
		*steal_from_ = NULL;                                                               \
		steal_value_;                                                                      \
	})

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void freep(void *ptr)
{
	free(*(void **)ptr);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_fd_   _cleanup_(fd_closep)

/* Memory: running out of it ends the process with a message. State is on disk and a restart is the
 * recovery; in exchange everything that grows has a cap, and passing the cap is an ordinary error.
 */
void *mem_alloc(size_t size);		/* zeroed */
void *mem_grow(void *ptr, size_t size); /* not zeroed */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t length);
_printf_(1, 2) char *mem_printf(const char *format, ...);

static inline bool str_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && __builtin_strcmp(a, b) == 0);
}

static inline bool str_empty(const char *text)
{
	return text == NULL || text[0] == '\0';
}

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
