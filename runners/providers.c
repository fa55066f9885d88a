/* Providers of a job: out of the folder that init wrote, into the store, and back as links. */
#include "runners/providers.h"

#include "orchestrator/lib/jsonx.h"
#include "runners/credentials.h"
#include "runners/installed.h"
#include "runners/output.h"
#include "runners/place.h"
#include "runners/provider_store.h"
#include "runners/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LOCK_FILE     ".terraform.lock.hcl"
#define PROVIDERS     ".terraform/providers"
#define CLEAN	      "clean"	   /* a work tree with nothing of the pull request in it */
#define SET_ASIDE     "upper.init" /* what the project's init wrote, meanwhile */
#define NAME_SIGNS    "abcdefghijklmnopqrstuvwxyz0123456789-_./:"
#define VERSION_SIGNS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+"

enum { LOCK_MAX = 4 << 20, FAILURE_MAX = 8 << 10, TEXT_MAX = 256 << 10 };

static int end_with(struct worker *worker, const struct err *err)
{
	return worker_end_err(worker, OUTCOME_SETUP_FAILED, "init", err);
}

char *providers_store(const struct worker *worker)
{
	for (size_t i = 0; i < worker->secrets.count; i++) {
		const struct job_secret *one = &worker->secrets.list[i];

		if (one->use == SECRET_OF_INIT && !one->is_public)
			return mem_printf("%s/repos/%lld/providers", worker->site->data_dir,
				(long long)worker->spec.repo.v);
	}
	return mem_printf("%s/providers", worker->site->data_dir);
}

/* The store as the job's tools see it. */
static const char *shown(const struct worker *worker, const char *store)
{
	return worker->support->tier == SANDBOX_FULL ? PROVIDER_STORE : store;
}

int providers_begin(struct worker *worker, struct err *err)
{
	_cleanup_free_ char *store = providers_store(worker);
	int r = provider_store_prepare(store, shown(worker, store), err);

	if (r < 0)
		return r;
	worker->context.providers = str_empty(worker->site->cli_config)
					    ? arena_printf(&worker->arena, "%s/" PROVIDER_STORE_CLI,
						      shown(worker, store))
					    : NULL;
	return 0;
}

/* ---- one package ---- */

struct settling {
	struct worker *worker;
	const char *store;
	int project; /* its folder, as init left it */
	int folder;  /* .terraform/providers of the project */
	char *lock;  /* of the tree; NULL: it has none */
	size_t lock_length;
	struct installed_list found;
};

/* A link that init made: into the store, or into a folder of packages that the operator shows. */
static bool leads_well(const struct settling *settling, const struct installed *one)
{
	const struct site *site = settling->worker->site;
	const struct strvec *const lists[] = { &site->read, &site_grant(site, PROFILE_INIT)->read };
	const char *store = shown(settling->worker, settling->store);
	size_t target = strlen(one->target), path = strlen(one->path);
	size_t head = target > path + 1 ? target - path - 1 : 0;

	if (head == 0 || one->target[head] != '/' ||
		!str_equal(one->target + head + 1, one->path) ||
		strstr(one->target, "/../") != NULL)
		return false;
	if (strlen(store) == head && strncmp(one->target, store, head) == 0)
		return true;
	for (size_t i = 0; i < countof(lists); i++)
		for (size_t k = 0; k < lists[i]->count; k++) {
			const char *folder = lists[i]->items[k];
			size_t length = strlen(folder);

			if (length <= head && strncmp(one->target, folder, length) == 0 &&
				one->target[length] == '/')
				return true;
		}
	return false;
}

static bool is_of_store(const struct settling *settling, const struct installed *one)
{
	const char *store = shown(settling->worker, settling->store);

	return one->target == NULL ||
	       (str_starts(one->target, store) && one->target[strlen(store)] == '/');
}

/* What stands in the clean configuration and in paths is letters and the like. */
static bool is_good_name(const struct installed *one)
{
	return strspn(one->source, NAME_SIGNS) == strlen(one->source) &&
	       strspn(one->version, VERSION_SIGNS) == strlen(one->version) &&
	       strspn(one->platform, NAME_SIGNS) == strlen(one->platform);
}

static int check_names(const struct settling *settling, struct err *err)
{
	for (size_t i = 0; i < settling->found.count; i++) {
		const struct installed *one = &settling->found.list[i];

		if (!is_good_name(one))
			return err_set(err, ERR_REFUSED,
				"what init left is no provider with a version: %.200s", one->path);
		if (one->target != NULL && !leads_well(settling, one))
			return err_set(err, ERR_REFUSED,
				"init took the provider %.120s from %.160s, which is neither the "
				"server's store nor a folder that its operator shows to jobs",
				one->source, one->target);
	}
	return 0;
}

static int link_one(const struct settling *settling, const struct installed *one,
	const json_t *known, struct err *err)
{
	_cleanup_free_ char *target = mem_printf(
		"%s/%s", shown(settling->worker, settling->store), one->path);
	_cleanup_fd_ int there = tree_open_beneath(
		settling->folder, one->path, O_RDONLY | O_DIRECTORY);
	int r;

	if (there < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the package %s", one->path);
	r = provider_store_compare(one, known, there, err);
	if (r < 0)
		return r;
	tree_remove(settling->folder, one->path);
	if (symlinkat(target, settling->folder, one->path) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot link the package %s", one->path);
	return 0;
}

static int settle_one(const struct settling *settling, const struct installed *one, struct err *err)
{
	_cleanup_free_ char *name = mem_printf("%s/" LOCK_FILE, settling->worker->spec.dir);
	_cleanup_json_ json_t *known = NULL;
	int r = provider_store_find(settling->store, one, &known, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_REFUSED,
			"the registry of the provider %.120s does not give its version %.40s to a "
			"job that asks for nothing else",
			one->source, one->version);
	r = one->target == NULL ? link_one(settling, one, known, err) : 0;
	if (r == 0 && settling->lock != NULL)
		r = provider_store_locked(
			one, known, settling->lock, settling->lock_length, name, err);
	return r;
}

/* ---- what the store does not have ---- */

static int list_missing(const struct settling *settling, struct strbuf *out, struct err *err)
{
	for (size_t i = 0; i < settling->found.count; i++) {
		const struct installed *one = &settling->found.list[i];
		_cleanup_json_ json_t *known = NULL;
		int r = one->target == NULL ? provider_store_find(settling->store, one, &known, err)
					    : 1;

		if (r < 0)
			return r;
		if (r == 0)
			strbuf_printf(out,
				"    p%zu = {\n      source  = \"%s\"\n      version = \"= %s\"\n"
				"    }\n",
				i, one->source, one->version);
	}
	return out->overflowed ? err_set(err, ERR_LIMIT, "init left too many providers") : 0;
}

static int write_clean(struct worker *worker, const struct strbuf *missing, struct err *err)
{
	_cleanup_fd_ int folder = -1, fd = -1;
	_cleanup_free_ char *text = mem_printf(
		"terraform {\n  required_providers {\n%s  }\n}\n", strbuf_text(missing));
	int r = place_fresh_folder(worker, CLEAN, err);

	if (r < 0)
		return r;
	folder = openat(worker->dir->fd, CLEAN, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder >= 0)
		fd = openat(folder, "main.tf", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return err_sys(err, ERR_SYSTEM, errno, "cannot write what is to be fetched");
	return sandbox_give(worker->support, worker->spec.job.v, folder, err);
}

/* With nothing that a workflow said. */
static int fetch(struct worker *worker)
{
	_cleanup_strbuf_ struct strbuf failure = STRBUF(FAILURE_MAX);
	struct tool_context context = worker->context;
	struct strvec env = worker->env;
	struct tool_verdict verdict;
	int r = place_enter_clean(worker, CLEAN);

	worker->env = (struct strvec){ 0 };
	worker->context.extra = NULL;
	worker->context.providers = NULL;
	worker->context.has_lock = worker->context.without_backend = false;
	if (r == 0)
		r = worker_take_slot(worker, "init", SLOT_ASK_INIT);
	if (r == 0)
		r = worker_step(worker, STEP_INIT, &verdict, &failure);
	worker->env = env;
	worker->context = context;
	worker_leave(worker);
	return r;
}

static int read_file(int dir_fd, const char *path, char **ret, size_t *ret_length, struct err *err)
{
	_cleanup_fd_ int fd = tree_open_inside(dir_fd, path, O_RDONLY | O_NONBLOCK);
	struct stat st;

	*ret = NULL;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return output_read_fd(fd, LOCK_MAX, ret, ret_length, err);
}

static int keep_all(const struct settling *settling, struct err *err)
{
	const struct worker *worker = settling->worker;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_fd_ int upper = openat(
		worker->dir->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *lock = NULL;
	_cleanup_free_ char *fresh = mem_printf(
		".new-%lld-%d", (long long)worker->spec.job.v, worker->spec.attempt);
	_cleanup_json_ json_t *sums = NULL, *none = json_array();
	_cleanup_fd_ int folder = -1;
	struct installed_list found;
	size_t length = 0;
	int r;

	if (upper < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open what was fetched");
	r = installed_read(upper, &arena, &found, err);
	if (r == 0)
		r = read_file(upper, LOCK_FILE, &lock, &length, err);
	if (r < 0 || found.count == 0)
		return r;
	sums = lock == NULL ? json_object() : provider_store_sums(lock, length);
	folder = tree_open_beneath(upper, PROVIDERS, O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open what was fetched");
	for (size_t i = 0; r == 0 && i < found.count; i++) {
		const json_t *zh = json_object_get(sums, found.list[i].source);

		if (found.list[i].target == NULL && is_good_name(&found.list[i]))
			r = provider_store_keep(settling->store, &found.list[i], folder,
				zh == NULL ? none : zh, fresh, err);
	}
	return r;
}

static int set_aside(const struct worker *worker, const char *from, const char *to, struct err *err)
{
	tree_remove(worker->dir->fd, to);
	return renameat(worker->dir->fd, from, worker->dir->fd, to) < 0
		       ? err_sys(err, ERR_SYSTEM, errno, "cannot set %s aside", from)
		       : 0;
}

static int bring(struct settling *settling, const struct strbuf *missing)
{
	struct worker *worker = settling->worker;
	struct err err;
	int r = set_aside(worker, "upper", SET_ASIDE, &err);

	if (r == 0)
		r = write_clean(worker, missing, &err);
	if (r < 0)
		return end_with(worker, &err);
	r = fetch(worker);
	if (r == 0 && keep_all(settling, &err) < 0)
		r = end_with(worker, &err);
	tree_remove(worker->dir->fd, CLEAN);
	if (set_aside(worker, SET_ASIDE, "upper", &err) < 0 && r == 0)
		r = end_with(worker, &err);
	return r;
}

/* ---- all of them ---- */

static int read_lock(struct settling *settling, struct err *err)
{
	const struct worker *worker = settling->worker;
	_cleanup_free_ char *tree = mem_printf("%s/repos/%lld/trees/%s", worker->site->data_dir,
		(long long)worker->spec.repo.v, worker->spec.tree);
	_cleanup_free_ char *name = mem_printf("%s/" LOCK_FILE, worker->spec.dir);
	_cleanup_fd_ int root = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(err, ERR_MISSING, errno, "the work tree is not there");
	return read_file(root, name, &settling->lock, &settling->lock_length, err);
}

/* An init that may not change the lock file leaves none in its layer, and the renderings, which see
 * nothing of the tree, would not find which providers the plan is of. */
static int show_lock(const struct settling *settling, struct err *err)
{
	_cleanup_fd_ int fd = -1;

	if (settling->lock == NULL)
		return 0;
	fd = openat(settling->project, LOCK_FILE,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0 || fchmod(fd, 0644) < 0 ||
		write(fd, settling->lock, settling->lock_length) != (ssize_t)settling->lock_length)
		return err_sys(err, ERR_SYSTEM, errno, "cannot keep the lock file");
	return 0;
}

static int look(struct settling *settling, struct strbuf *missing, struct err *err)
{
	int r = check_names(settling, err);

	if (r == 0)
		r = list_missing(settling, missing, err);
	if (r == 0)
		r = read_lock(settling, err);
	return r < 0 ? r : show_lock(settling, err);
}

/* What is settled is held, so that it is there for whom this init is kept. */
static int settle_all(struct settling *settling, struct err *err)
{
	const struct worker *worker = settling->worker;
	_cleanup_fd_ int held = -1;
	char name[24];
	int r = 0;

	tree_remove(worker->dir->fd, PROVIDER_HELD);
	if (mkdirat(worker->dir->fd, PROVIDER_HELD, 0700) < 0)
		return err_sys(err, ERR_JOB, errno, "cannot make a folder of the job");
	held = openat(worker->dir->fd, PROVIDER_HELD, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; r == 0 && i < settling->found.count; i++) {
		const struct installed *one = &settling->found.list[i];

		if (!is_of_store(settling, one))
			continue;
		snprintf(name, sizeof(name), "%zu", i);
		r = settle_one(settling, one, err);
		if (r == 0)
			r = provider_store_hold(settling->store, one, held, name, err);
	}
	return r;
}

static int settle(struct settling *settling)
{
	_cleanup_strbuf_ struct strbuf missing = STRBUF(TEXT_MAX);
	struct worker *worker = settling->worker;
	struct err err;
	int r = look(settling, &missing, &err) < 0 ? end_with(worker, &err) : 0;

	if (r == 0 && missing.length > 0)
		r = bring(settling, &missing);
	if (r == 0 && settle_all(settling, &err) < 0)
		r = end_with(worker, &err);
	free(settling->lock);
	return r;
}

int providers_settle(struct worker *worker)
{
	_cleanup_free_ char *store = providers_store(worker);
	_cleanup_free_ char *name = mem_printf("upper/%s", worker->spec.dir);
	_cleanup_fd_ int project = tree_open_beneath(worker->dir->fd, name, O_RDONLY | O_DIRECTORY);
	_cleanup_fd_ int folder = -1;
	struct settling settling = { .worker = worker, .store = store };
	struct err err;

	if (project < 0) /* init left nothing at all */
		return 0;
	if (installed_read(project, &worker->arena, &settling.found, &err) < 0)
		return end_with(worker, &err);
	if (settling.found.count == 0)
		return 0;
	folder = tree_open_beneath(project, PROVIDERS, O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, "init",
			"cannot open what init left: %s", strerror(errno));
	settling.project = project;
	settling.folder = folder;
	return settle(&settling);
}
