/* The operator's folder of pinned tools: programs called KIND-VERSION, each held to the checksum
 * that the operator wrote down. Owns the notes of what was checked. Must not: take another version
 * than the one that was asked for. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "runners/tool_mirror.h"

struct site;

/* *ret is the program's path, in the arena. The error names what is there. */
_must_check_ int toolbox_find(const struct site *site, const struct tool_wish *wish,
	struct arena *arena, const char **ret, struct err *err);
