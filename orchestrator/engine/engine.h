/* The engine: one event, one transaction. Owns the turn; must not know libuv, SQL, HTTP, YAML or
 * any host.
 *
 * Call-backs only post; engine_turn() works. In a turn: events that wait are decided one by one (a
 * pure decide() per aggregate, facts loaded before), new rows are written, one commit, then and
 * only then the outbox is sent. */
#pragma once
#include "orchestrator/engine/drift_life.h"
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/settings.h"
#include "orchestrator/ports/config_reader.h"
#include "orchestrator/ports/entropy.h"
#include "orchestrator/ports/executor.h"
#include "orchestrator/ports/notifier.h"
#include "orchestrator/ports/vcs_host.h"
#include <jansson.h>

struct engine;
struct seal;
struct store;

struct engine_world {
	const struct clock *clock;
	const struct entropy *entropy;
	const struct seal *seal;   /* of this server, under what may be applied */
	struct settings *settings; /* referred to, not taken */
	const struct config_reader *config;
	struct executor *executor;
	struct vcs_host **hosts;   /* NULL-ended */
	struct notifier *notifier; /* NULL: nobody is told of anything */
	/* Asks for a turn: now (delay 0) or after that time. Called with the shortest wish; a later
	 * call replaces. */
	void (*wake)(void *owner, int64_t delay_ms);
	/* One line for the operator; the engine itself writes to no log. NULL is fine. */
	void (*tell)(void *owner, bool is_problem, const char *what, const struct err *err);
	void *owner;
};

_must_check_ int engine_new(struct store *store, const struct engine_world *world,
	struct engine **ret, struct err *err);
void engine_free(struct engine *engine);

/* coldplug: load what is unfinished, check it, arm deadlines, start nothing; then catchup:
 * re-attach living jobs, take results found, reopen the outbox by class, ask hosts for heads moved
 * while we were down. */
_must_check_ int engine_start(struct engine *engine, struct err *err);

/* The settings of runs that are made from now on; those that began keep theirs. The engine refers
 * to a generation as long as one of its runs is unfinished. */
_must_check_ int engine_reload(struct engine *engine, struct settings *settings, struct err *err);

/* One delivery: verified, parsed for form, put into the inbox. `accepted` is called after the
 * commit that holds the row (err NULL; is_repeat when it was seen before), or with the error of
 * that commit. An error returned here means that `accepted` will not be called. */
typedef void (*engine_accepted_cb)(void *owner, bool is_repeat, const struct err *err);
_must_check_ int engine_intake(struct engine *engine, const char *host,
	const struct delivery *delivery, engine_accepted_cb accepted, void *owner, struct err *err);
/* The same for something that changed the store directly (the local host's doors): called after the
 * commit. */
void engine_after_commit(struct engine *engine, engine_accepted_cb accepted, void *owner);

/* A command by an operator on this machine; goes through the same inbox. actor is the system's user
 * name. */
_must_check_ int engine_operator_command(struct engine *engine, const char *host, const char *repo,
	int64_t number, const char *actor, const char *text, engine_accepted_cb accepted,
	void *owner, struct err *err);

/* Looks for drift now: in one project, an environment, or everything of a base branch. "" is not
 * said: the only repository, main, all. ERR_USAGE: it must be said. *ret is the run. */
struct drift_asked {
	const char *host, *repo, *base_ref, *environment, *project, *actor;
};
_must_check_ int engine_drift_run(struct engine *engine, const struct drift_asked *asked,
	engine_accepted_cb accepted, void *owner, struct run_id *ret, struct err *err);
/* Somebody's word on an open finding. ERR_MISSING: there is none with that number. */
_must_check_ int engine_drift_say(struct engine *engine, int64_t item,
	const struct drift_said *said, engine_accepted_cb accepted, void *owner, struct err *err);

/* Works until nothing is due or the budget of the turn is used, and wishes for its next turn by
 * world.wake. */
void engine_turn(struct engine *engine);
bool engine_is_idle(struct engine *engine); /* nothing posted, nothing due, nothing in flight */

/* How the gate of a pull request stands now, and as if the people in `approve` ("bob,carol", or
 * NULL) had approved. ERR_MISSING: there is no plan; ERR_BUSY: its host is asked first, come again.
 * *ret is owned by the caller. */
_must_check_ int engine_gates(struct engine *engine, struct pull_id pull, const char *approve,
	json_t **ret, struct err *err);

/* Prints the workflow tables as a graph. */
struct strbuf;
void engine_flow_dot(struct strbuf *out);
