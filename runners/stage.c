/* Init and its layers, before the steps of a stage and between a plan and its apply. */
#include "runners/stage.h"

#include "orchestrator/lib/jsonx.h"
#include "runners/confined.h"
#include "runners/credentials.h"
#include "runners/init_cache.h"
#include "runners/needs.h"
#include "runners/place.h"
#include "runners/providers.h"
#include "runners/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { FAILURE_MAX = 8 << 10, FACTS_MAX = 1 << 20, BACKEND_MAX = 64 << 10 };

static const struct backend unknown_backend = { .is_local = true, .path = "", .workspace_dir = "" };

static int end_with(struct walk *walk, const char *step, const struct err *err)
{
	return worker_end_err(walk->worker, OUTCOME_SETUP_FAILED, step, err);
}

void ground_release(struct ground *ground)
{
	free(ground->entry);
	free(ground->layer);
	*ground = (struct ground){ 0 };
}

/* A command of an apply may be the apply; half of it helps nobody. */
static const struct profile *profile_on(
	struct worker *worker, const struct ground *ground, enum profile_id id)
{
	const struct profile *apply = site_profile(worker->site, PROFILE_APPLY);
	struct profile *own;

	if (id != PROFILE_RUN || !ground->has_state)
		return site_profile(worker->site, id);
	own = arena_alloc(&worker->arena, sizeof(*own));
	*own = *site_profile(worker->site, id);
	own->outlives_supervisor = true;
	own->wall_ms = apply->wall_ms;
	return own;
}

static int enter(struct walk *walk, struct ground *ground, enum profile_id id)
{
	struct worker *worker = walk->worker;
	struct kept_state state;
	struct place place = { .profile = profile_on(worker, ground, id),
		.layer = ground->layer,
		.state = &state,
		.is_again = ground->is_begun,
		.owns_state = ground->has_state };
	struct err err;

	if (kept_state_find(worker->site->data_dir, &worker->spec, &ground->backend, &worker->arena,
		    &state, &err) < 0)
		return end_with(walk, "state", &err);
	ground->is_begun = true;
	return place_enter(worker, &place);
}

/* Each command in a sandbox of its own: what it left running is dead before the next one begins. */
static int stand(struct walk *walk, enum profile_id id)
{
	worker_leave(walk->worker);
	return enter(walk, walk->ground, id);
}

static int begin(struct walk *walk, struct ground *ground, enum profile_id id)
{
	walk->ground = ground;
	walk->stand = stand;
	walk->tool_profile = id;
	walk->stands_in = 0; /* also when it is begun again: the sandbox before was left */
	return walk_stand(walk, ground->next);
}

/* ---- what init says of the state ---- */

/* Where the state is, says a file that init wrote from what the pull request says. */
static int read_backend(struct worker *worker, json_t **ret, struct err *err)
{
	_cleanup_free_ char *name = mem_printf(
		"upper/%s/.terraform/terraform.tfstate", worker->spec.dir);
	_cleanup_fd_ int fd = openat(
		worker->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct confined reader;
	int r;

	if (fd < 0) {
		*ret = json_pack("{s:b}", "local", 1);
		return 0;
	}
	r = confined_start(&reader, worker->support, kept_state_scan, fd, err);
	if (r == 0) {
		confined_go(&reader);
		r = confined_answer(&reader, BACKEND_MAX, ret, err);
	}
	confined_release(&reader);
	return r < 0 ? err_wrap(err, "the backend of the project") : 0;
}

static int learn_backend(struct walk *walk, struct ground *ground)
{
	_cleanup_json_ json_t *json = NULL;
	struct err err;

	if (read_backend(walk->worker, &json, &err) < 0 ||
		kept_state_backend(json, &walk->worker->arena, &ground->backend, &err) < 0)
		return end_with(walk, "init", &err);
	return 0;
}

/* ---- two halves of init ---- */

/* Modules and providers come from elsewhere, the state's backend wants credentials, and what a pull
 * request says to init may be a function's result (OpenTofu): so no sandbox has both. The second
 * half finds everything in place and needs nobody but the backend. */
static bool has_halves(const struct worker *worker)
{
	return credentials_have(worker, SECRET_OF_TOOLS);
}

static enum profile_id second_half(struct walk *walk)
{
	worker_leave(walk->worker);
	walk->worker->context.without_backend = false;
	return job_op_plans(walk->worker->spec.op) ? PROFILE_PLAN : PROFILE_APPLY;
}

/* ---- what init may bring ---- */

static int ask_before(struct walk *walk)
{
	struct worker *worker = walk->worker;
	_cleanup_free_ char *tree = mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);
	struct err err;

	return needs_check_tree(worker->site, &worker->spec, tree, &err) < 0 ||
			       providers_begin(worker, &err) < 0
		       ? end_with(walk, "init", &err)
		       : 0;
}

/* Everything that ran in its sandbox is dead. */
static int look_after(struct walk *walk)
{
	struct worker *worker = walk->worker;
	_cleanup_free_ char *name = mem_printf("upper/%s", worker->spec.dir);
	_cleanup_fd_ int folder = tree_open_beneath(worker->dir->fd, name, O_RDONLY | O_DIRECTORY);
	struct err err;

	if (folder < 0) /* init left nothing at all */
		return 0;
	return needs_check_made(worker->site, &worker->spec, folder, &err) < 0
		       ? end_with(walk, "init", &err)
		       : providers_settle(worker);
}

/* ---- an init that is kept for all ---- */

/* In a sandbox of its own, so that nothing but init has written what is kept of it. */
static int make_entry(struct walk *walk, struct ground *ground, const struct strvec *extra)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	_cleanup_json_ json_t *backend = NULL;
	struct worker *worker = walk->worker;
	const char *workspace = worker->spec.workspace;
	struct ground bare = { .backend = unknown_backend };
	struct tool_verdict verdict;
	struct err err;
	int r = ask_before(walk);

	if (r == 0)
		r = enter(walk, &bare, PROFILE_INIT);
	worker->context.extra = extra;
	worker->context.without_backend = has_halves(worker);
	if (r == 0)
		r = worker_take_slot(worker, "init", SLOT_ASK_INIT);
	if (r == 0)
		r = worker_step(worker, STEP_INIT, &verdict, &failure);
	if (r == 0 && has_halves(worker))
		r = enter(walk, &bare, second_half(walk));
	if (r == 0 && has_halves(worker))
		r = worker_step(worker, STEP_INIT, &verdict, &failure);
	worker->context.extra = NULL;
	if (r == 0 && !str_empty(workspace) && !str_equal(workspace, "default"))
		r = worker_step(worker, STEP_WORKSPACE, &verdict, &failure);
	worker_leave(worker);
	if (r == 0)
		r = look_after(walk);
	worker->may_run = worker->may_run && !worker->is_in_lane;
	if (r < 0)
		return r;
	if (read_backend(worker, &backend, &err) < 0 ||
		init_cache_save(ground->entry, worker->dir->fd, &worker->spec, backend,
			worker->support, &err) < 0)
		return end_with(walk, "init", &err);
	return 0;
}

static int open_entry(struct walk *walk, struct ground *ground)
{
	_cleanup_json_ json_t *backend = NULL;
	_cleanup_fd_ int entry = -1;
	struct err err;

	entry = open(ground->entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (entry < 0)
		return worker_end(walk->worker, OUTCOME_SETUP_FAILED, "init",
			"what init made is gone: %s", strerror(errno));
	if (jsonx_read_at(entry, "backend.json", BACKEND_MAX, &backend, &err) < 0 ||
		kept_state_backend(backend, &walk->worker->arena, &ground->backend, &err) < 0)
		return end_with(walk, "init", &err);
	free(ground->layer);
	ground->layer = mem_printf("%s/layer", ground->entry);
	return 0;
}

/* What the workflow says to init: its arguments, and the values before it. */
static void write_facts(const struct walk *walk, const struct steps *steps,
	const struct strvec *extra, struct strbuf *facts)
{
	for (size_t i = 0; i < extra->count; i++)
		strbuf_printf(facts, "argument %zu %s\n", strlen(extra->items[i]), extra->items[i]);
	for (size_t i = 0; i < steps->count && steps->list[i].kind == STEP_KIND_ENV; i++)
		strbuf_printf(facts, "%s %zu %s\n", steps->list[i].name,
			strlen(steps->list[i].value), steps->list[i].value);
	if (facts->length > 0) /* an argument may name any file */
		strbuf_printf(facts, "tree %s\n", walk->worker->spec.tree);
	needs_facts(walk->worker->site, facts);
	strbuf_printf(
		facts, "tier %d\n", (int)walk->worker->support->tier); /* links are absolute */
	/* what came with a credential is not for jobs that have none */
	if (credentials_have(walk->worker, SECRET_OF_INIT))
		strbuf_puts(facts, "of registries with credentials\n");
	if (has_halves(walk->worker))
		strbuf_puts(facts, "of a backend with credentials\n");
}

/* `steps` are those of the plan, also for its apply: both must find the same. */
static int find_entry(struct walk *walk, const struct steps *steps, struct ground *ground)
{
	_cleanup_strbuf_ struct strbuf facts = STRBUF(FACTS_MAX);
	_cleanup_strvec_ struct strvec extra = { 0 };
	struct worker *worker = walk->worker;
	_cleanup_free_ char *tree = mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);
	char fingerprint[SHA256_HEX];
	struct err err;
	int r = walk_ready_init(walk, steps, &extra), folder;

	if (r < 0)
		return r;
	folder = tree_open_dir(tree, worker->spec.dir, &err);
	if (folder < 0)
		return end_with(walk, "work tree", &err);
	close(folder);
	write_facts(walk, steps, &extra, &facts);
	r = init_cache_fingerprint(worker->site, worker->program, &worker->spec, tree,
		strbuf_text(&facts), fingerprint, &err);
	if (r < 0)
		return end_with(walk, "work tree", &err);
	free(ground->entry);
	ground->entry = init_cache_path(worker->site, &worker->spec, fingerprint);
	ground->was_cached = init_cache_has(ground->entry);
	r = ground->was_cached ? 0 : make_entry(walk, ground, &extra);
	return r < 0 ? r : open_entry(walk, ground);
}

/* ---- an init among commands ---- */

static int run_to_init(struct walk *walk, struct ground *ground, size_t end)
{
	int r = ask_before(walk);

	if (r == 0)
		r = begin(walk, ground, PROFILE_INIT);
	walk->worker->context.without_backend = has_halves(walk->worker);
	if (r == 0)
		r = walk_steps(walk, 0, end);
	if (r == 0 && has_halves(walk->worker)) {
		ground->next = end - 1;
		r = begin(walk, ground, second_half(walk));
		if (r == 0)
			r = walk_steps(walk, end - 1, end);
	}
	worker_leave(walk->worker);
	walk->stands_in = 0;
	if (r == 0)
		r = look_after(walk);
	if (r == 0)
		r = learn_backend(walk, ground);
	ground->has_upper = true;
	ground->next = end;
	return r;
}

int ground_prepare(struct walk *walk, struct ground *ground)
{
	bool is_plain;
	size_t end = walk_init_end(&walk->steps, &is_plain);

	ground->next = 0;
	ground->is_begun = ground->has_upper = false;
	ground->is_own = !is_plain;
	ground->backend = unknown_backend;
	if (end > 0 && !is_plain)
		return run_to_init(walk, ground, end);
	ground->next = end;
	return end > 0 ? find_entry(walk, &walk->steps, ground) : 0;
}

int ground_enter(struct walk *walk, struct ground *ground, bool for_apply)
{
	int r;

	ground->has_state = for_apply;
	r = begin(walk, ground, for_apply ? PROFILE_APPLY : PROFILE_PLAN);
	if (r == 0 && !for_apply)
		r = place_prepare_render(walk->worker, ground->layer);
	worker_tell_ready(walk->worker);
	return r;
}

int ground_renew(struct walk *walk, struct ground *ground)
{
	struct worker *worker = walk->worker;

	init_cache_drop(ground->entry, &worker->spec);
	worker->result.outcome = OUTCOME_NONE;
	worker->result.failure = worker->result.output = "";
	return ground_prepare(walk, ground);
}

/* ---- between a plan and its apply ---- */

static char *plan_entry(const struct worker *worker, struct job_id plan)
{
	return mem_printf("%s/repos/%lld/plans/%s/%lld", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree, (long long)plan.v);
}

/* A state in a file of the project's own must be in its place before the first step. */
static int check_state(struct walk *walk, const struct ground *ground)
{
	struct worker *worker = walk->worker;
	struct kept_state had, has;
	struct err err;

	if (ground->has_upper)
		return 0;
	if (kept_state_find(worker->site->data_dir, &worker->spec, &unknown_backend, &worker->arena,
		    &had, &err) < 0 ||
		kept_state_find(worker->site->data_dir, &worker->spec, &ground->backend,
			&worker->arena, &has, &err) < 0)
		return end_with(walk, "state", &err);
	if (has.file == NULL || str_equal(has.target, had.target))
		return 0;
	return worker_end(worker, OUTCOME_SETUP_FAILED, "state",
		"the state of this project is the file %s, and the workflow has no step init after "
		"which sluice could put it there; use the step init, or a remote backend",
		has.target);
}

int ground_keep(struct walk *walk, struct ground *ground)
{
	struct worker *worker = walk->worker;
	_cleanup_free_ char *entry = plan_entry(worker, worker->spec.job);
	_cleanup_json_ json_t *backend = NULL;
	struct err err;
	int r = learn_backend(walk, ground);

	if (r == 0)
		r = check_state(walk, ground);
	if (r < 0)
		return r;
	init_cache_drop(entry, &worker->spec); /* of an attempt before */
	if (read_backend(worker, &backend, &err) < 0 ||
		init_cache_save(
			entry, worker->dir->fd, &worker->spec, backend, worker->support, &err) < 0)
		return end_with(walk, "init", &err);
	return 0;
}

int ground_of_plan(struct walk *walk, struct ground *ground)
{
	struct worker *worker = walk->worker;
	struct steps plan = worker->spec.plan_steps;
	bool is_plain;

	if (!plan.is_given)
		walk_default(STAGE_PLAN, &plan);
	walk_init_end(&plan, &is_plain);
	if (is_plain) {
		int r = find_entry(walk, &plan, ground);

		walk_forget_values(walk); /* those of the plan's steps are the plan's */
		return r;
	}
	ground->is_own = true;
	ground->entry = plan_entry(worker, worker->spec.plan_job);
	if (!init_cache_has(ground->entry))
		return worker_end(worker, OUTCOME_PLAN_LOST, "init",
			"what the steps of the plan had made ready is gone; nothing was run");
	return open_entry(walk, ground);
}
