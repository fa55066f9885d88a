/* A golden file of many small cases, each a text and all that is said about it:
 *
 *   === name
 *   text
 *   --- said
 *   answer
 *
 * "\0" and "\r" in a text stand for the bytes that a golden file had better not hold. With
 * UPDATE_GOLDEN=1 the answers are written anew and nothing is tested. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include "tests/lib/cases.h"

/* Appends what is said about the bytes, with a line end. */
typedef void (*golden_judge)(const char *bytes, size_t length, struct strbuf *said);

/* Runs every case of the file; what main() returns. */
int golden_cases_run(const char *path, golden_judge judge, int argc, char **argv);
