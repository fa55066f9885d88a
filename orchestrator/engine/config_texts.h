/* Parts of the effective configuration as one line each, for people to compare. Pure; what is the
 * same reads the same. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/repo_config.h"

const char *text_of_names(const struct name_list *names, struct arena *arena);
const char *text_of_requirements(unsigned bits, struct arena *arena); /* enum requirement */
/* "init, plan -lock=false, run make (hidden)"; `workflow` may be NULL: every stage as by default */
const char *text_of_stage(const struct workflow *workflow, enum stage stage, struct arena *arena);
const char *text_of_approvals(const struct environment *environment, struct arena *arena);
const char *text_of_freezes(const struct environment *environment, struct arena *arena);
const char *text_of_drift(const struct environment *environment, struct arena *arena);
const char *text_of_people(const struct people_rule *rule, struct arena *arena);
