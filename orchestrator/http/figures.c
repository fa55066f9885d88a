/* Gauges: what is there now, read when it is asked for. */
#include "orchestrator/http/private.h"

#include "orchestrator/lib/metrics.h"

#include <string.h>

static const struct {
	const char *name, *help;
	size_t offset;
} rows[] = {
#define COUNT(field) offsetof(struct store_counts, field)
	{ "sluice_inbox", "events not yet handled", COUNT(inbox_open) },
	{ "sluice_outbox", "effects not yet done", COUNT(outbox_open) },
	{ "sluice_runs_active", "runs not yet ended", COUNT(runs_active) },
	{ "sluice_jobs_waiting", "jobs that wait for a slot", COUNT(jobs_waiting) },
	{ "sluice_jobs_blocked", "jobs that wait for a lock", COUNT(jobs_blocked) },
	{ "sluice_jobs_running", "jobs in a slot", COUNT(jobs_running) },
	{ "sluice_pulls_open", "open pull requests", COUNT(pulls_open) },
	{ "sluice_locks_held", "projects locked", COUNT(locks_held) },
#undef COUNT
};

_Static_assert(countof(rows) < GAUGES_MAX, "one more is added below");

size_t http_gauges(const struct http *http, struct gauge ret[GAUGES_MAX])
{
	const struct http_options *options = http_options(http);
	struct store_counts counts = { 0 };
	struct err ignored; /* there are none, and who asks says so */
	size_t count = 0;

	if (store_counts(options->store, &counts, &ignored) < 0)
		return 0;
	for (; count < countof(rows); count++) {
		ret[count] = (struct gauge){ rows[count].name, rows[count].help, 0 };
		memcpy(&ret[count].value, (const char *)&counts + rows[count].offset,
			sizeof(ret[count].value));
	}
	ret[count++] = (struct gauge){ "sluice_sandbox_tier",
		"what keeps jobs apart: 0 nothing, 1 landlock, 2 full",
		options->sandbox_tier(options->owner) };
	return count;
}
