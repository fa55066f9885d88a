/* What people are shown of what a command printed. Pure text work. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/workflow.h"

/* Patterns that can be read; the error names the one that cannot. */
_must_check_ int step_output_check(const struct step *step, struct err *err);
/* Every match of the step's filters replaced. On an error nothing of the text may be shown. */
_must_check_ int step_output_redact(const struct step *step, const char *text, size_t length,
	struct strbuf *out, struct err *err);
/* The text after the last line that tells of refreshing; borrowed from `text`. */
const char *step_output_after_refresh(const char *text);
