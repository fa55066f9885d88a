/* The keys of workflows and hooks, which server.yaml and the file of a repository share. Owns:
 * their tables. Must not: know where they stand. */
#pragma once
#include "config/decode.h"

extern const struct config_key workflow_keys[]; /* into struct workflow */
extern const struct config_element workflow_element;
extern const struct config_key hook_keys[]; /* into struct hook */
extern const struct config_element hook_element;

/* What the tables cannot say: a shell for shellArgs, a value or a command, patterns that can be
 * read; and the defaults. splits_commands: as version 2 of Atlantis, whose run commands are words.
 */
void workflow_finish(
	const struct config_decoder *decoder, struct workflow *workflow, bool splits_commands);
void hook_finish(const struct config_decoder *decoder, struct hook *hook, const char *path);
