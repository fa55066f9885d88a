/* What the tools of one job print: a file, never a pipe, so that nobody waits for a grandchild.
 * Owns the file and its masked copy.
 *
 * With secrets the tools write into a file that has no name, and only masked bytes reach
 * output.log; without any they write there directly. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/mask.h"

struct output {
	int raw_fd; /* the tools' stdout and stderr */
	int log_fd; /* output.log */
	const struct mask *mask;
	struct mask_flow flow;
	int64_t pumped;	    /* bytes of raw that are in the log */
	int64_t step_begin; /* in raw */
	int64_t log_begin;  /* in the log */
};

_must_check_ int output_open(
	struct output *output, int dir_fd, const struct mask *mask, struct err *err);
void output_release(struct output *output);
void output_begin_step(struct output *output);
int64_t output_step_bytes(const struct output *output);
/* Moves what is new into the log; with `is_last` also what could be the begin of a secret. */
void output_pump(struct output *output, bool is_last);
/* The last bytes of the step, masked, without NULs; owned by the caller. Call after output_pump().
 */
char *output_tail(const struct output *output, size_t most);
/* Keeps only `most` bytes of the step and says so in the log. */
void output_cut(struct output *output, int64_t most);
/* Writes the log again through a mask that was not known when it was written. */
_must_check_ int output_mask_again(
	struct output *output, int dir_fd, const struct mask *mask, struct err *err);
/* A whole file as text, NULs replaced; owned by the caller. ERR_LIMIT when larger than cap. */
_must_check_ int output_read_fd(
	int fd, size_t cap, char **ret, size_t *ret_length, struct err *err);
