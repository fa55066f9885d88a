/* What channels are told: which of them, once, and until it has arrived. */
#pragma once
#include "orchestrator/engine/private.h"
#include "orchestrator/engine/render_notice.h"

/* The name of an entry of `notifications` in rows: it stays when entries before it come and go. */
const char *notice_target(const struct notification *to, struct arena *arena);

/* A slot has ended: each channel that it concerns is told what is news, in the transaction that is
 * open; a second call for the same report tells nothing. */
_must_check_ int notices_drift(struct engine *engine, struct arena *arena,
	const struct drift_report *report, struct err *err);
/* A plan or an apply has ended. */
_must_check_ int notices_run(struct engine *engine, struct arena *arena, const struct facts *facts,
	enum run_state state, struct err *err);

/* notice_effect.c: rows of the outbox */
_must_check_ int notice_put(struct engine *engine, struct arena *arena,
	const struct notification *to, const char *event, const char *key,
	const struct notice *notice, const json_t *data, struct err *err);
_must_check_ int notice_send(
	struct engine *engine, struct arena *arena, const struct outbox_row *row, struct err *err);
_must_check_ int notice_answered(
	struct engine *engine, const struct posted *posted, struct err *err);

/* notice_routes.c: pure. Which projects of a report this entry is for; NULL: it is not asked. */
const struct drift_report *notice_route(const struct notification *to,
	const struct drift_report *report, struct arena *arena, bool *ret_is_named);
