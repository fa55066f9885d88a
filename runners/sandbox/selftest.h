/* The list of attacks (probe.c), tried in each profile. Owns the victims while it runs. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include "runners/sandbox.h"

/* Lines "PROFILE<TAB>open|closed<TAB>ATTACK" into `report`; *ret_open counts those that are open
 * and should not be. Fails when a sandbox cannot even be made, with the step that failed. */
_must_check_ int selftest_run(const struct site *site, const struct sandbox_support *support,
	struct strbuf *report, size_t *ret_open, struct err *err);
/* What a tier does not promise, by its words in probe.c. */
bool selftest_is_residual(enum sandbox_tier tier, const char *attack);
