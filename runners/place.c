/* Layers and sandboxes of one job. */
#include "runners/place.h"
#include "orchestrator/model/job_dir.h"
#include "orchestrator/model/steps.h"
#include "runners/check_answers.h"
#include "runners/credentials.h"
#include "runners/kept_state.h"
#include "runners/provider_store.h"
#include "runners/providers.h"
#include "runners/tree.h"
#include "runners/way_out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { GIT_USER = 0 }; /* the job number whose user owns mirrors and work trees */

static bool is_full(const struct worker *worker)
{
	return worker->support->tier == SANDBOX_FULL;
}

void place_name_folders(struct worker *worker)
{
	struct arena *arena = &worker->arena;
	const char *dir = worker->dir->path;

	worker->context = (struct tool_context){ .site = worker->site, .spec = &worker->spec };
	if (is_full(worker)) {
		worker->context.order = "/" JOB_FILE_SPEC;
		worker->context.data = SANDBOX_DATA;
		worker->context.tree = SANDBOX_TREE;
		worker->context.tmp = SANDBOX_TMP;
		worker->context.out = SANDBOX_OUT;
		worker->context.bin = SANDBOX_BIN;
	} else {
		worker->context.order = arena_printf(arena, "%s/%s", dir, JOB_FILE_SPEC);
		worker->context.data = worker->site->data_dir;
		worker->context.tree = arena_printf(arena, "%s/upper", dir);
		worker->context.tmp = arena_printf(arena, "%s/tmp", dir);
		worker->context.out = arena_printf(arena, "%s/out", dir);
		worker->context.bin = arena_printf(arena, "%s/" JOB_BIN, dir);
	}
}

static int64_t user_of(const struct worker *worker)
{
	return worker->tool == &tool_git ? GIT_USER : worker->spec.job.v;
}

int place_make_folder(const struct worker *worker, const char *name, struct err *err)
{
	const struct sandbox_support *support = worker->support;

	if (mkdirat(worker->dir->fd, name, 0700) < 0 && errno != EEXIST)
		return err_sys(err, ERR_JOB, errno, "cannot make a folder of the job");
	if (support->is_root && support->tier != SANDBOX_NONE &&
		fchownat(worker->dir->fd, name, sandbox_uid(support, user_of(worker)),
			sandbox_gid(support), AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot give a folder to the job's user");
	return 0;
}

int place_fresh_folder(const struct worker *worker, const char *name, struct err *err)
{
	tree_remove(worker->dir->fd, name);
	return place_make_folder(worker, name, err);
}

/* ---- layers ---- */

/* Without an overlay the job gets a copy of everything that would have been a layer. */
static int copy_layers(struct worker *worker, const char *tree, const char *layer, struct err *err)
{
	const char *const sources[] = { tree, layer };
	_cleanup_fd_ int upper = openat(
		worker->dir->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	for (size_t i = 0; r == 0 && i < countof(sources); i++) {
		_cleanup_fd_ int from = -1;

		if (sources[i] == NULL)
			continue;
		from = open(sources[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (from < 0 || upper < 0)
			return err_sys(err, ERR_JOB, errno, "cannot open the work tree");
		r = tree_copy(from, upper, err);
	}
	return r;
}

static int place_state(struct worker *worker, const char *tree, const struct kept_state *state,
	bool for_apply, int upper, struct err *err)
{
	if (state == NULL || state->file == NULL)
		return 0;
	return kept_state_place(state, tree, upper, for_apply, !is_full(worker), err);
}

static int prepare_layers(
	struct worker *worker, const char *tree, const struct place *place, struct err *err)
{
	bool has_overlay = worker->support->has_overlay;
	_cleanup_fd_ int upper = -1;
	int r;

	/* Who only reads the tree sees it as the commit has it. */
	if (place->profile->tree == PROFILE_TREE_READ && has_overlay)
		return 0;
	r = place->is_again ? 0 : place_fresh_folder(worker, "upper", err);
	if (r == 0 && has_overlay)
		r = place_fresh_folder(worker, "work", err);
	if (r == 0 && !has_overlay && !place->is_again)
		r = copy_layers(worker, tree, place->layer, err);
	if (r < 0)
		return r;
	upper = openat(worker->dir->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (upper < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the job's layer");
	r = place_state(worker, tree, place->state, place->owns_state, upper, err);
	return r < 0 ? r : sandbox_give(worker->support, worker->spec.job.v, upper, err);
}

/* ---- sandboxes ---- */

/* Without mounts the job's user has to come through the folders above what it may see. They stay
 * unreadable, and Landlock closes what lies beside the way. */
static int open_way(const struct worker *worker, const char *path, struct err *err)
{
	size_t length = strlen(worker->site->data_dir);
	_cleanup_free_ char *way = mem_strdup(path);
	struct stat st;

	if (!worker->support->is_root || worker->support->tier != SANDBOX_LANDLOCK)
		return 0;
	for (char *slash = way + length; slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (stat(way, &st) < 0 || chmod(way, (st.st_mode & 07777) | 0011) < 0)
			return err_sys(err, ERR_JOB, errno, "cannot open the way to %s", path);
		*slash = '/';
	}
	if (stat(way, &st) < 0 ||
		(S_ISDIR(st.st_mode) && chmod(way, (st.st_mode & 07777) | 0011) < 0))
		return err_sys(err, ERR_JOB, errno, "cannot open the way to %s", path);
	return 0;
}

/* Jobs that are users of their own, in a folder that the operator gave to all of them. */
static int share_written(const struct worker *worker, struct err *err)
{
	const struct strvec *paths = &worker->site->write;
	int r = 0;

	for (size_t i = 0; r == 0 && i < paths->count && worker->support->is_root; i++) {
		_cleanup_fd_ int fd = open(paths->items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			r = tree_share(fd, sandbox_gid(worker->support), err);
	}
	return r;
}

/*~ 14. What the step may see and reach is made true here, by its profile; what cannot be made
 * true is an error, never a lesser sandbox. */
static int enter(struct worker *worker, struct sandbox_spec *spec, struct sandbox *box)
{
	struct err err;
	int r;

	spec->support = worker->support;
	spec->site = worker->site;
	spec->job = user_of(worker);
	spec->job_dir = worker->dir->path;
	spec->lock_fd = worker->dir->lock_fd;
	r = open_way(worker, spec->job_dir, &err);
	if (r == 0 && spec->layer != NULL)
		r = open_way(worker, spec->layer, &err);
	if (r == 0)
		r = share_written(worker, &err);
	if (r == 0)
		r = sandbox_enter(spec, box, &err);
	if (r == 0 && worker->way_out != NULL) {
		r = way_out_open(worker->way_out, box, &err);
		if (r < 0)
			sandbox_leave(box);
	}
	return r < 0 ? worker_end_err(worker, OUTCOME_SETUP_FAILED, "sandbox", &err) : 0;
}

static int enter_now(struct worker *worker, struct sandbox_spec *spec)
{
	int r = enter(worker, spec, &worker->box);

	worker->is_inside = r == 0;
	return r;
}

static bool has_commands(const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++)
		if (step_runs_command(&steps->list[i]))
			return true;
	return false;
}

/* Commands may not put a program of theirs before the next command's. */
static int bind_bin(struct worker *worker, struct sandbox_spec *spec, struct err *err)
{
	const char *path = arena_printf(&worker->arena, "%s/" JOB_BIN, worker->dir->path);

	if (!has_commands(&worker->spec.steps) && !has_commands(&worker->spec.policy_steps))
		return 0;
	if (mkdirat(worker->dir->fd, JOB_BIN, 0755) < 0 && errno != EEXIST)
		return err_sys(err, ERR_JOB, errno, "cannot make a folder of the job");
	spec->binds[spec->bind_count++] = (struct sandbox_bind){ .source = path,
		.target = worker->context.bin };
	return open_way(worker, path, err);
}

/* An apply works on the kept file itself, so for its time it is the job's. */
static int bind_state(struct worker *worker, struct sandbox_spec *spec,
	const struct kept_state *state, struct err *err)
{
	const struct sandbox_support *support = worker->support;

	if (state == NULL || state->file == NULL)
		return 0;
	if (support->is_root && support->tier != SANDBOX_NONE &&
		chown(state->file, sandbox_uid(support, worker->spec.job.v), sandbox_gid(support)) <
			0)
		return err_sys(err, ERR_JOB, errno, "cannot give the state to the job's user");
	spec->binds[spec->bind_count++] = (struct sandbox_bind){ .source = state->file,
		.target = arena_printf(&worker->arena, SANDBOX_TREE "/%s", state->target),
		.may_write = true };
	return open_way(worker, state->file, err);
}

/* A folder of git's user, in which the group of all jobs may write: what they write goes to layers
 * of their own, but an overlay asks the folder below. */
static int take_folder(const struct worker *worker, const char *path, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open %s", path);
	return st.st_gid == sandbox_gid(worker->support) && (st.st_mode & S_IWGRP)
		       ? 0
		       : sandbox_give(worker->support, GIT_USER, fd, err);
}

/* What init linked to. */
static int bind_providers(struct worker *worker, struct sandbox_spec *spec, struct err *err)
{
	_cleanup_free_ char *store = providers_store(worker);
	const char *path;

	if (access(store, F_OK) < 0)
		return 0; /* no init has been done here yet */
	path = arena_strdup(&worker->arena, store);
	spec->binds[spec->bind_count++] = (struct sandbox_bind){ .source = path,
		.target = PROVIDER_STORE };
	return open_way(worker, path, err);
}

static bool has_lock(const struct worker *worker, const char *tree)
{
	_cleanup_free_ char *path = mem_printf("%s/%s/.terraform.lock.hcl", tree, worker->spec.dir);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int place_enter(struct worker *worker, const struct place *place)
{
	_cleanup_free_ char *tree = mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);
	struct sandbox_spec spec = { .profile = place->profile,
		.tree = tree,
		.layer = place->layer,
		.cwd = worker->spec.dir };
	struct err err;
	int r;

	worker->context.has_lock = has_lock(worker, tree);
	r = take_folder(worker, tree, &err);
	if (r == 0)
		r = prepare_layers(worker, tree, place, &err);
	if (r == 0)
		r = bind_bin(worker, &spec, &err);
	if (r == 0)
		r = bind_providers(worker, &spec, &err);
	if (r == 0 && place->owns_state)
		r = bind_state(worker, &spec, place->state, &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "work tree", &err);
	r = enter_now(worker, &spec);
	/* before anything of the pull request runs there; those of init come with init */
	return r < 0 ? r : credentials_place(worker, SECRET_OF_TOOLS);
}

int place_enter_clean(struct worker *worker, const char *folder)
{
	const char *tree = arena_printf(&worker->arena, "%s/%s", worker->dir->path, folder);
	const struct place place = { .profile = site_profile(worker->site, PROFILE_INIT) };
	struct sandbox_spec spec = { .profile = place.profile, .tree = tree, .cwd = "." };
	struct err err;
	int r = prepare_layers(worker, tree, &place, &err);

	if (r == 0)
		r = bind_bin(worker, &spec, &err);
	return r < 0 ? worker_end_err(worker, OUTCOME_SETUP_FAILED, "init", &err)
		     : enter_now(worker, &spec);
}

static int make_repository(const struct worker *worker, char *path, struct err *err)
{
	for (char *at = path + strlen(worker->site->data_dir); at != NULL;) {
		char *slash = strchr(at + 1, '/');

		if (slash != NULL)
			*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(err, ERR_JOB, errno, "cannot make %s", path);
		if (slash != NULL)
			*slash = '/';
		at = slash;
	}
	return take_folder(worker, path, err);
}

/* What the host gave as an address of the repository, when it is a path of this machine. */
static const char *local_source(const struct worker *worker)
{
	const char *url = worker->spec.clone_url;

	if (str_starts(url, "file://"))
		url += strlen("file://");
	return url[0] == '/' && access(url, F_OK) == 0 ? url : NULL;
}

/* What is neither here nor there is git's to complain of; it needs no network for that. */
bool place_is_near(const struct job_spec *spec)
{
	return spec->op == JOB_PREPARE && !str_starts(spec->clone_url, "https://") &&
	       !str_starts(spec->clone_url, "http://");
}

static const char *secret_of(const struct worker *worker, const char *name)
{
	for (size_t i = 0; i < worker->secrets.count; i++) {
		if (str_equal(worker->secrets.list[i].name, name))
			return worker->secrets.list[i].value;
	}
	return NULL;
}

/* Git reaches its host and nobody else, or nobody but the proxy that the operator put before it. */
static int aim_way_out(struct worker *worker, struct err *err)
{
	const char *proxy = secret_of(worker, "SLUICE_GIT_PROXY");
	struct way_only *only = &worker->way_out->only;

	only->is_set = egress_target_of_url(
		str_empty(proxy) ? worker->spec.clone_url : proxy, &only->target);
	return only->is_set ? 0
			    : err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
				      "the %s is no address of http or https with a host",
				      str_empty(proxy) ? "address of the repository"
						       : "proxy of its host");
}

/* The file of the operator's own authority, when the configuration names one: the sandbox has only
 * those of the machine. */
static int show_authority(struct worker *worker, struct sandbox_spec *spec, struct err *err)
{
	const char *path = secret_of(worker, "SLUICE_GIT_CA_BUNDLE");

	if (path == NULL)
		return 0;
	if (site_may_show(worker->site, path, err) < 0)
		return -(int)err->code;
	if (access(path, R_OK) < 0)
		return err_sys(err, ERR_CONFIG, errno, "cannot read the ca_bundle %s", path);
	spec->binds[spec->bind_count++] = (struct sandbox_bind){ .source = path, .target = path };
	return 0;
}

/* The mirror and the work trees, the order, and the repository itself where it is on this machine.
 */
static int bind_repository(struct worker *worker, struct sandbox_spec *spec, struct err *err)
{
	struct arena *arena = &worker->arena;
	char *repo = arena_printf(
		arena, "%s/repos/%lld", worker->site->data_dir, (long long)worker->spec.repo.v);
	const char *source = local_source(worker);
	int r;

	spec->binds[0] = (struct sandbox_bind){ .source = repo,
		.target = arena_printf(
			arena, SANDBOX_DATA "/repos/%lld", (long long)worker->spec.repo.v),
		.may_write = true };
	spec->binds[1] = (struct sandbox_bind){ .source = arena_printf(arena, "%s/%s",
							worker->dir->path, JOB_FILE_SPEC),
		.target = "/" JOB_FILE_SPEC };
	spec->bind_count = 2;
	if (source != NULL) {
		spec->binds[spec->bind_count++] = (struct sandbox_bind){ .source = source,
			.target = source };
		spec->reads_all = true;
	}
	r = make_repository(worker, repo, err);
	if (r == 0)
		r = open_way(worker, repo, err);
	if (r == 0)
		r = open_way(worker, spec->binds[1].source, err);
	return r == 0 && fchmodat(worker->dir->fd, JOB_FILE_SPEC, 0644, 0) < 0
		       ? err_sys(err, ERR_JOB, errno, "cannot show the order to git")
		       : r;
}

int place_enter_git(struct worker *worker)
{
	static struct profile profile;
	struct sandbox_spec spec = { .profile = &profile, .cwd = "." };
	struct err err;
	int r;

	profile = *site_profile(worker->site, PROFILE_FETCH);
	profile.network = place_is_near(&worker->spec) ? PROFILE_NETWORK_NONE
						       : PROFILE_NETWORK_PROXY;
	r = bind_repository(worker, &spec, &err);
	if (r == 0 && profile.network == PROFILE_NETWORK_PROXY)
		r = aim_way_out(worker, &err);
	if (r == 0)
		r = show_authority(worker, &spec, &err);
	return r < 0 ? worker_end_err(worker, OUTCOME_SETUP_FAILED, "sandbox", &err)
		     : enter_now(worker, &spec);
}

/* The tree twice: as the hooks saw it at last, and only what they wrote. */
int place_enter_adopt(struct worker *worker)
{
	static struct profile profile;
	const struct place place = { .profile = &profile, .is_again = true };
	char *tree = arena_printf(&worker->arena, "%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);
	struct sandbox_spec spec = { .profile = &profile, .tree = tree, .cwd = "." };
	struct err err;
	int r;

	profile = *site_profile(worker->site, PROFILE_FETCH);
	profile.network = PROFILE_NETWORK_NONE;
	profile.tree = PROFILE_TREE_OVERLAY;
	worker->context.layer = worker->context.tree;
	r = prepare_layers(worker, tree, &place, &err);
	if (r == 0)
		r = bind_repository(worker, &spec, &err);
	if (r == 0 && worker->support->has_overlay) {
		worker->context.layer = "/layer";
		spec.binds[spec.bind_count++] = (struct sandbox_bind){
			.source = arena_printf(&worker->arena, "%s/upper", worker->dir->path),
			.target = worker->context.layer
		};
	}
	return r < 0 ? worker_end_err(worker, OUTCOME_SETUP_FAILED, "sandbox", &err)
		     : enter_now(worker, &spec);
}

int place_enter_build(struct worker *worker, const char *name)
{
	const char *tree = arena_printf(&worker->arena, "%s/repos/%lld/trees/%s",
		worker->site->data_dir, (long long)worker->spec.repo.v, name);
	const struct place place = { .profile = site_profile(worker->site, PROFILE_BUILD) };
	struct sandbox_spec spec = {
		.profile = place.profile, .tree = tree, .cwd = worker->spec.dir
	};
	struct err err;
	int r = take_folder(worker, tree, &err);

	if (r == 0)
		r = prepare_layers(worker, tree, &place, &err);
	return r < 0 ? worker_end_err(worker, OUTCOME_SETUP_FAILED, "work tree", &err)
		     : enter_now(worker, &spec);
}

/* ---- policies ---- */

/* A folder that the operator named: never one that shows what is not for jobs. */
int place_enter_policy(struct worker *worker, const char *folder, const char *policies)
{
	static struct profile profile;
	struct sandbox_spec spec = { .profile = &profile,
		.layer = arena_printf(&worker->arena, "%s/%s", worker->dir->path, folder),
		.cwd = ".",
		.bind_count = 1 };
	struct stat st;
	struct err err;

	if (site_may_show(worker->site, policies, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "policy_check", &err);
	if (stat(policies, &st) < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "policy_check",
			"the policies in %s cannot be found: %s; the operator of the server must "
			"put them there",
			policies, strerror(errno));
	profile = *site_profile(worker->site, PROFILE_POLICY);
	profile.tree = PROFILE_TREE_NONE; /* what a pull request says is in the plan already */
	spec.binds[0] = (struct sandbox_bind){ .source = policies, .target = policies };
	return enter_now(worker, &spec);
}

const char *place_source(struct worker *worker)
{
	return is_full(worker) ? CHECK_SOURCE
			       : arena_printf(&worker->arena, "%s/repos/%lld/trees/%s",
					 worker->site->data_dir, (long long)worker->spec.repo.v,
					 worker->spec.tree);
}

int place_enter_check(struct worker *worker, const char *folder, const struct name_list *read)
{
	static struct profile profile;
	const char *tree = arena_printf(&worker->arena, "%s/repos/%lld/trees/%s",
		worker->site->data_dir, (long long)worker->spec.repo.v, worker->spec.tree);
	struct sandbox_spec spec = { .profile = &profile,
		.layer = arena_printf(&worker->arena, "%s/%s", worker->dir->path, folder),
		.cwd = ".",
		.bind_count = 1 };
	struct err err;
	int r = take_folder(worker, tree, &err);

	spec.binds[0] = (struct sandbox_bind){ .source = tree, .target = place_source(worker) };
	if (r == 0)
		r = open_way(worker, tree, &err);
	for (size_t i = 0; r == 0 && i < read->count; i++) {
		if (spec.bind_count == SANDBOX_BINDS_MAX)
			r = err_set(&err, ERR_LIMIT, "a check may read at most %d paths",
				SANDBOX_BINDS_MAX - 1);
		else
			r = site_may_show(worker->site, read->list[i], &err);
		if (r == 0 && access(read->list[i], F_OK) < 0)
			r = err_sys(&err, ERR_CONFIG, errno,
				"what a check may read is not there: %s", read->list[i]);
		if (r == 0)
			spec.binds[spec.bind_count++] = (struct sandbox_bind){
				.source = read->list[i], .target = read->list[i]
			};
	}
	if (r < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "checks", &err);
	profile = *site_profile(worker->site, PROFILE_POLICY);
	profile.tree = PROFILE_TREE_NONE; /* it stands beside the tree, never in it */
	return enter_now(worker, &spec);
}

/* ---- the renderings ---- */

static int make_render(struct worker *worker)
{
	struct sandbox_spec spec = { .profile = site_profile(worker->site, PROFILE_RENDER),
		.layer = worker->render_layer,
		.cwd = worker->spec.dir };
	struct err err;
	int r;

	if (bind_providers(worker, &spec, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "sandbox", &err);
	r = enter(worker, &spec, &worker->render);
	worker->has_render = r == 0;
	return r;
}

/* The folder of the project is there even when nothing was written to it. */
static int own_layer(struct worker *worker, const char **ret)
{
	_cleanup_fd_ int upper = openat(
		worker->dir->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err;

	if (upper < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "sandbox",
			"the job's layer is gone: %s", strerror(errno));
	if (tree_make_dirs(upper, worker->spec.dir, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, "sandbox", &err);
	*ret = arena_printf(&worker->arena, "%s/upper", worker->dir->path);
	return 0;
}

int place_prepare_render(struct worker *worker, const char *layer)
{
	place_forget_render(worker);
	if (layer == NULL)
		return own_layer(worker, &worker->render_layer);
	worker->render_layer = arena_strdup(&worker->arena, layer);
	/* Without a namespace of processes, what lives is ended with the sandbox before. */
	return is_full(worker) ? make_render(worker) : 0;
}

int place_enter_render(struct worker *worker)
{
	int r = 0;

	worker_leave(worker);
	if (!worker->has_render)
		r = make_render(worker);
	if (r < 0)
		return r;
	worker->box = worker->render;
	worker->is_inside = true;
	worker->has_render = false;
	return 0;
}

void place_forget_render(struct worker *worker)
{
	if (worker->has_render)
		sandbox_leave(&worker->render);
	worker->has_render = false;
}
