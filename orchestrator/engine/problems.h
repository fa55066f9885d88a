/* What is wrong with a configuration, gathered and told: all at once, each with its place and what
 * to do. Pure. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/ports/config_reader.h"

void problem_add(struct config_problems *problems, struct arena *arena, struct config_place at,
	const char *path, const char *message, const char *hint);
/* A line for each: "sluice.yaml:3:5: projects.a.depends_on: there is no ...; did you mean ...".
 * Without any, the text of the error. */
const char *problems_text(
	const struct config_problems *problems, const struct err *err, struct arena *arena);
