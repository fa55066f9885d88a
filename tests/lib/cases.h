/* Test cases with names, over cmocka: functions, and rows of tables. Owns the list of one program.
 *
 *   static void reads(void **state) { const struct read_case *row = *state; ... }
 *
 *   int main(int argc, char **argv)
 *   {
 *           CASE(refuses_nothing);
 *           CASES(read_cases, reads);
 *           return cases_run(argc, argv);
 *   }
 *
 * A row of a table has a member `name`. The program takes one argument: a pattern of the cases to
 * run ("reads*"). scripts/run-cases turns what the program prints into results. */
#pragma once
/* cmocka.h needs these before it, in this order */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "orchestrator/lib/base.h"
#include "orchestrator/lib/err.h"

void cases_add(const char *group, const char *name, CMUnitTestFunction run, const void *row);
int cases_run(int argc, char **argv);

#define CASE(function) cases_add(#function, NULL, function, NULL)
#define CASES(table, function)                                                                     \
	for (size_t row_ = 0; row_ < countof(table); row_++)                                       \
	cases_add(#function, (table)[row_].name, function, &(table)[row_])

/* Ends the running case as skipped; the reason is shown by `make test`. */
_noreturn_ _printf_(1, 2) void cases_skip(const char *format, ...);
/* Everything takes fifty times as long: loops that only repeat may be shorter. */
bool cases_are_slow(void);
/* Skips the case where openat2() is not known: under an old valgrind. */
void cases_need_openat2(void);
void cases_need_pidfd(void); /* likewise */

/* Fails the running case with the text of the error when r is not 0. */
#define assert_ok(r, err) cases_assert_ok((r), (err), __FILE__, __LINE__)
void cases_assert_ok(int r, const struct err *err, const char *file, int line);
/* Holds when r is the negative code and err has that code, a class and a text with `part` in it. */
#define assert_err(r, err, code, part)                                                             \
	cases_assert_err((r), (err), (code), (part), __FILE__, __LINE__)
void cases_assert_err(int r, const struct err *err, enum err_code code, const char *part,
	const char *file, int line);
#define assert_contains(text, part) cases_assert_contains((text), (part), __FILE__, __LINE__)
void cases_assert_contains(const char *text, const char *part, const char *file, int line);

/* An empty folder of this program, removed when it ends. Borrowed. */
const char *cases_folder(void);
/* What `run` writes to stderr; owned by the caller. */
char *cases_stderr_of(void (*run)(void *owner), void *owner);
