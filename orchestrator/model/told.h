/* What people are told of the configuration of a run, beside its projects: what the pull request
 * changes in it, what of that was not taken, and which commands wait for a person. It stands in the
 * row of the run; a part is bounded, and what is left out is counted. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/repo_config.h"

enum { TOLD_CHANGES_MAX = 100, TOLD_COMMANDS_MAX = 50, TOLD_NOTES_MAX = 50, TOLD_TEXT_MAX = 400 };

struct told_change { /* of one project, base branch and here; "" where there is none */
	const char *project, *key, *before, *after;
};

struct told_command {
	const char *workflow, *stage, *command, *place; /* "sluice.yaml:7:5" */
};

struct told {
	const char *file; /* that the pull request changes, or "" */
	struct told_change *changes;
	size_t change_count;
	struct told_command *commands;
	size_t command_count;
	const char *commands_hash; /* of all new commands, or "": what a release is for */
	bool is_released;
	const char *released_by;
	const char **notes;
	size_t note_count;
	int64_t left_out, commands_left_out; /* changes and notes; commands */
};

/* "" is nothing to tell. */
_must_check_ int told_read(
	const char *text, struct arena *arena, struct told *ret, struct err *err);
const char *told_write(const struct told *told, struct arena *arena);

/* Each does nothing but count when the list is full; long texts are cut. */
void told_add_change(struct told *told, struct arena *arena, const char *project, const char *key,
	const char *before, const char *after);
void told_add_command(struct told *told, struct arena *arena, const struct new_command *command);
_printf_(3, 4) void told_add_note(struct told *told, struct arena *arena, const char *format, ...);
