/* What git said of a head on a base stays true, as long as it would be asked for the same files
 * (the generation of the settings): asked again, it is not asked. A `plan` after the first then
 * needs no job of git's, which is most of its time. Only to be quick: a restart forgets it, and so
 * does a run that failed. */
#include "orchestrator/engine/private.h"

enum { KNOWN_MAX = 32, KNOWN_BYTES_MAX = 64 << 10 };

struct known {
	struct list in_engine; /* the oldest first */
	struct repo_id repo;
	int64_t generation;
	char head[OID_HEX + 1], base[OID_HEX + 1];
	char *answer; /* JSON of struct prepared */
};

static struct known *find(struct engine *engine, struct repo_id repo, const char *head)
{
	list_for_each (item, &engine->known) {
		struct known *known = container_of(item, struct known, in_engine);

		if (known->repo.v == repo.v && str_equal(known->head, head))
			return known;
	}
	return NULL;
}

static void release(struct engine *engine, struct known *known)
{
	list_remove(&known->in_engine);
	engine->known_count--;
	free(known->answer);
	free(known);
}

bool known_tip(const struct engine *engine, const struct pull *pull, char ret[OID_HEX + 1])
{
	const struct vcs_host *host = engine_host(engine, pull->host);
	struct err ignored;

	return host != NULL && host->tip != NULL &&
	       host->tip(host, pull->repo, pull->base_ref, ret, &ignored) == 0;
}

void known_forget(struct engine *engine, struct repo_id repo, const char *head)
{
	struct known *known = find(engine, repo, head);

	if (known != NULL)
		release(engine, known);
}

void known_forget_all(struct engine *engine)
{
	while (!list_empty(&engine->known))
		release(engine, container_of(engine->known.next, struct known, in_engine));
}

void known_put(struct engine *engine, const struct pull *pull, const struct run *run,
	const struct prepared *prepared, const json_t *answer)
{
	struct repo_id repo = pull->repo_id;
	struct known *known;

	known_forget(engine, repo, prepared->head);
	if (!codec_is_hex(prepared->head, OID_HEX) || !codec_is_hex(prepared->base, OID_HEX) ||
		json_dumpb(answer, NULL, 0, JSON_COMPACT) > KNOWN_BYTES_MAX)
		return;
	if (engine->known_count == KNOWN_MAX)
		release(engine, container_of(engine->known.next, struct known, in_engine));
	known = mem_alloc(sizeof(*known));
	known->repo = repo;
	known->generation = engine_settings(engine, run->id)->generation;
	memcpy(known->head, prepared->head, sizeof(known->head));
	memcpy(known->base, prepared->base, sizeof(known->base));
	known->answer = jsonx_text(answer);
	list_append(&engine->known, &known->in_engine);
	engine->known_count++;
}

/* The base may have moved and the work tree may be gone: then git is asked. */
static bool still_holds(struct engine *engine, const struct known *known, const struct pull *pull,
	const struct prepared *prepared)
{
	struct executor *executor = engine->world.executor;
	char tip[OID_HEX + 1];

	return known_tip(engine, pull, tip) && str_equal(tip, known->base) &&
	       executor->has_tree(executor, pull->repo_id, prepared->tree) &&
	       (str_empty(prepared->base_tree) ||
		       executor->has_tree(executor, pull->repo_id, prepared->base_tree));
}

json_t *known_answer(
	struct engine *engine, struct arena *arena, const struct pull *pull, const struct run *run)
{
	struct known *known = find(engine, pull->repo_id, run->head);
	_cleanup_json_ json_t *answer = NULL;
	struct prepared prepared;
	struct err ignored;

	if (known == NULL || known->generation != engine_settings(engine, run->id)->generation ||
		jsonx_parse(known->answer, strlen(known->answer), KNOWN_BYTES_MAX, &answer,
			&ignored) < 0 ||
		prepared_read(answer, arena, &prepared, &ignored) < 0 ||
		!still_holds(engine, known, pull, &prepared))
		return NULL;
	return steal_ptr(answer);
}
