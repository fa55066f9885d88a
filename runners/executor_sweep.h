/* Throws away what lies in the data directory and nobody needs: plans and logs, work trees, job
 * directories, what was kept of init, what a crash left. Owns nothing but its place in the round.
 * Must not decide by itself what is needed: rows do (ports/executor.h).
 *
 * What goes is renamed into the trash first, so that nothing is ever seen half removed, and a crash
 * leaves it there for the next round. Never touched: state, mirrors, the database, repositories. */
#pragma once
#include "orchestrator/ports/executor.h"

struct sweeper;

/* `remove`: a folder of the trash, relative to the data directory, shall be removed for good. */
struct sweeper *sweeper_new(
	const char *data_dir, void (*remove)(void *owner, const char *trashed), void *owner);
void sweeper_free(struct sweeper *sweeper); /* NULL is fine */
/* One bounded step; false: the round is over, and the next call begins another. */
bool sweeper_step(struct sweeper *sweeper, struct sweep *sweep);
