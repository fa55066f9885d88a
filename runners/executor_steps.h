/* What a job writes down of its steps while it runs. */
#pragma once
#include "orchestrator/lib/base.h"

/* The whole lines of dir_fd/events.ndjson after the byte `from`, as far as one read goes; returns
 * where the next read begins. Lines that say nothing of a step are passed over. */
int64_t executor_steps_read(
	int dir_fd, int64_t from, void (*tell)(void *owner, const char *step), void *owner);
