/* A round visits folder after folder, some entries at a step. A folder that cannot be read is left
 * for the next round. */
#include "runners/executor_sweep.h"
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strvec.h"
#include "orchestrator/model/job_dir.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { STEP_ENTRIES = 64, ENTRIES_MAX = 20000, SHA_HEX = 64, NAME_ROOM = 64 };

/* One kind of folder, and who decides about an entry that is old enough. */
struct ground {
	const char *parent; /* relative to the data directory; NULL: `below` itself is the folder */
	const char *below;  /* of each entry of the parent; "": the entry itself */
	int levels;	    /* of folders in between */
	int64_t (*age)(const struct sweep *sweep);
	bool (*is_needed)(struct sweeper *sweeper, const struct sweep *sweep, const char *name);
};

struct place { /* one folder of the round */
	const struct ground *ground;
	struct repo_id repo;
	const char *path; /* relative to the data directory */
};

struct sweeper {
	char *data_dir;
	void (*remove)(void *owner, const char *trashed);
	void *owner;
	unsigned batches;

	/* the place in the round */
	struct arena arena;
	struct place *places;
	size_t place_count, next_place;
	const struct place *place; /* that is visited */
	int fd;			   /* of the folder that is visited, or -1 */
	struct strvec names;
	size_t name;
	const char *newest; /* of names, for work trees: the next tree will link to its files */
};

/* ---- what is needed ---- */

static bool ask(const struct sweep *sweep, const struct leftover *leftover)
{
	return sweep->is_needed(sweep->owner, leftover);
}

static bool is_hash(const char *name, size_t length)
{
	return strspn(name, "0123456789abcdef") == length;
}

/* The mark of a used plan goes when the plan is gone. */
static bool blob_is_needed(struct sweeper *sweeper, const struct sweep *sweep, const char *name)
{
	char blob[SHA_HEX + 1];

	if (!is_hash(name, SHA_HEX))
		return true; /* not ours */
	if (name[SHA_HEX] == '\0')
		return ask(sweep, &(struct leftover){ .kind = LEFTOVER_BLOB, .name = name });
	snprintf(blob, sizeof(blob), "%.*s", SHA_HEX, name);
	return faccessat(sweeper->fd, blob, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What is being made is locked. */
static bool is_locked(int folder, const char *name)
{
	_cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* What the steps of plans had made ready, by their work tree. */
static bool plans_are_needed(struct sweeper *sweeper, const struct sweep *sweep, const char *name)
{
	return !is_hash(name, OID_HEX) || ask(sweep, &(struct leftover){ .kind = LEFTOVER_TREE,
							     .repo = sweeper->place->repo,
							     .name = name });
}

static bool tree_is_needed(struct sweeper *sweeper, const struct sweep *sweep, const char *name)
{
	if (name[0] == '.')
		return is_locked(sweeper->fd, name);
	return str_equal(name, sweeper->newest) || plans_are_needed(sweeper, sweep, name);
}

static bool job_is_needed(struct sweeper *sweeper, const struct sweep *sweep, const char *name)
{
	struct leftover leftover = { .kind = LEFTOVER_JOB, .name = name };
	char lock[2 * NAME_ROOM];
	long long job;
	char end;

	if (sscanf(name, "%lld-%d%c", &job, &leftover.attempt, &end) != 2)
		return true; /* not ours */
	leftover.job.v = job;
	snprintf(lock, sizeof(lock), "%.*s/" JOB_FILE_LOCK, NAME_ROOM, name);
	return is_locked(sweeper->fd, lock) || ask(sweep, &leftover);
}

/* HOST/NAMESPACE/TYPE/VERSION: while some init that is kept has a second name of its record. */
static bool provider_is_needed(
	struct sweeper *sweeper, _unused_ const struct sweep *sweep, const char *name)
{
	_cleanup_free_ char *record = mem_printf("%s/" PROVIDER_RECORD, name);
	struct stat st;

	return fstatat(sweeper->fd, record, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_nlink > 1;
}

/* A provider that was being kept when the machine died. */
static bool is_kept(
	_unused_ struct sweeper *sweeper, _unused_ const struct sweep *sweep, const char *name)
{
	return !str_starts(name, ".new-");
}

static bool nobody_needs(_unused_ struct sweeper *sweeper, _unused_ const struct sweep *sweep,
	_unused_ const char *name)
{
	return false;
}

static int64_t leftover_age(const struct sweep *sweep)
{
	return sweep->leftover_age_ms;
}

static int64_t init_age(const struct sweep *sweep)
{
	return sweep->init_age_ms;
}

static int64_t no_age(_unused_ const struct sweep *sweep)
{
	return 0;
}

static const struct ground grounds[] = {
	{ NULL, "trash", 0, no_age, nobody_needs }, /* what a crash left there */
	{ NULL, "jobs", 0, leftover_age, job_is_needed },
	{ "blobs", "", 0, leftover_age, blob_is_needed },
	{ "repos", "/trees", 0, leftover_age, tree_is_needed },
	{ "repos", "/plans", 0, leftover_age, plans_are_needed },
	{ "repos", "/init", 0, init_age, nobody_needs }, /* what is used becomes young again */
	{ NULL, "providers", 0, leftover_age, is_kept },
	{ NULL, "providers", 3, init_age, provider_is_needed },
	{ "repos", "/providers", 0, leftover_age, is_kept },
	{ "repos", "/providers", 3, init_age, provider_is_needed },
};

/* ---- the round ---- */

struct sweeper *sweeper_new(
	const char *data_dir, void (*remove)(void *owner, const char *trashed), void *owner)
{
	struct sweeper *sweeper = mem_alloc(sizeof(*sweeper));

	sweeper->data_dir = mem_strdup(data_dir);
	sweeper->remove = remove;
	sweeper->owner = owner;
	sweeper->fd = -1;
	return sweeper;
}

static void leave_place(struct sweeper *sweeper)
{
	fd_closep(&sweeper->fd);
	strvec_release(&sweeper->names);
	sweeper->name = 0;
	sweeper->newest = NULL;
}

static void end_round(struct sweeper *sweeper)
{
	leave_place(sweeper);
	arena_release(&sweeper->arena);
	sweeper->places = NULL;
	sweeper->place = NULL;
	sweeper->place_count = sweeper->next_place = 0;
}

void sweeper_free(struct sweeper *sweeper)
{
	if (sweeper == NULL)
		return;
	end_round(sweeper);
	free(sweeper->data_dir);
	free(sweeper);
}

/* The folder's descriptor, or -1; what is in it, without "." and "..". */
static int list_folder(const struct sweeper *sweeper, const char *folder, struct strvec *ret)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", sweeper->data_dir, folder);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int again = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	while (stream != NULL && ret->count < ENTRIES_MAX && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strvec_push(ret, entry->d_name);
	if (stream != NULL)
		closedir(stream);
	return fd;
}

static void add_place(
	struct sweeper *sweeper, const struct ground *ground, const char *path, int64_t repo)
{
	sweeper->places = arena_push(
		&sweeper->arena, sweeper->places, sweeper->place_count, sizeof(*sweeper->places));
	sweeper->places[sweeper->place_count++] =
		(struct place){ .ground = ground, .repo.v = repo, .path = path };
}

static void add_places(struct sweeper *sweeper, const struct ground *ground, const char *path,
	int levels, int64_t repo)
{
	_cleanup_strvec_ struct strvec entries = { 0 };
	_cleanup_fd_ int fd = -1;

	if (levels == 0) {
		add_place(sweeper, ground, path, repo);
		return;
	}
	fd = list_folder(sweeper, path, &entries);
	for (size_t i = 0; i < entries.count; i++)
		if (entries.items[i][0] != '.')
			add_places(sweeper, ground,
				arena_printf(&sweeper->arena, "%s/%s", path, entries.items[i]),
				levels - 1, repo);
}

static void begin_round(struct sweeper *sweeper)
{
	for (size_t i = 0; i < countof(grounds); i++) {
		const struct ground *ground = &grounds[i];
		_cleanup_strvec_ struct strvec entries = { 0 };
		_cleanup_fd_ int fd = -1;

		if (ground->parent == NULL) {
			add_places(sweeper, ground, ground->below, ground->levels, 0);
			continue;
		}
		fd = list_folder(sweeper, ground->parent, &entries);
		for (size_t k = 0; k < entries.count; k++)
			add_places(sweeper, ground,
				arena_printf(&sweeper->arena, "%s/%s%s", ground->parent,
					entries.items[k], ground->below),
				ground->levels, strtoll(entries.items[k], NULL, 10));
	}
}

static void find_newest(struct sweeper *sweeper)
{
	struct timespec newest = { 0 };
	struct stat st;

	for (size_t i = 0; i < sweeper->names.count; i++) {
		const char *name = sweeper->names.items[i];

		if (name[0] == '.' || fstatat(sweeper->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			st.st_mtim.tv_sec < newest.tv_sec ||
			(st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec < newest.tv_nsec))
			continue;
		newest = st.st_mtim;
		sweeper->newest = name;
	}
}

/* False: the round is over. */
static bool enter_next(struct sweeper *sweeper)
{
	leave_place(sweeper);
	if (sweeper->next_place == sweeper->place_count)
		return false;
	sweeper->place = &sweeper->places[sweeper->next_place++];
	sweeper->fd = list_folder(sweeper, sweeper->place->path, &sweeper->names);
	find_newest(sweeper);
	return true;
}

/* ---- what goes ---- */

struct batch {		      /* of one step: one folder in the trash, removed at once */
	char name[NAME_ROOM]; /* relative to the data directory; "": there is none yet */
	unsigned count;
};

static bool batch_open(struct sweeper *sweeper, struct batch *batch)
{
	_cleanup_free_ char *path = NULL;

	if (batch->name[0] != '\0')
		return true;
	snprintf(batch->name, sizeof(batch->name), "trash/sweep-%d-%u", (int)getpid(),
		sweeper->batches++);
	path = mem_printf("%s/%s", sweeper->data_dir, batch->name);
	if (mkdir(path, 0700) == 0)
		return true;
	batch->name[0] = '\0';
	return false;
}

static bool throw_away(struct sweeper *sweeper, struct batch *batch, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (str_equal(sweeper->place->path, "trash")) { /* it lies there already */
		path = mem_printf("trash/%s", name);
		sweeper->remove(sweeper->owner, path);
		return true;
	}
	if (!batch_open(sweeper, batch))
		return false;
	path = mem_printf("%s/%s/%u", sweeper->data_dir, batch->name, batch->count++);
	return renameat(sweeper->fd, name, AT_FDCWD, path) == 0;
}

static void consider(
	struct sweeper *sweeper, struct sweep *sweep, struct batch *batch, const char *name)
{
	const struct ground *ground = sweeper->place->ground;
	struct stat st;

	if (sweeper->fd < 0 || fstatat(sweeper->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		st.st_mtim.tv_sec > (clock_wall_ms(&clock_system) - ground->age(sweep)) / 1000 ||
		ground->is_needed(sweeper, sweep, name))
		return;
	sweep->removed += throw_away(sweeper, batch, name);
}

bool sweeper_step(struct sweeper *sweeper, struct sweep *sweep)
{
	struct batch batch = { 0 };
	bool goes_on = true;

	if (sweeper->place_count == 0)
		begin_round(sweeper);
	for (int i = 0; goes_on && i < STEP_ENTRIES; i++) {
		if (sweeper->name < sweeper->names.count)
			consider(sweeper, sweep, &batch, sweeper->names.items[sweeper->name++]);
		else
			goes_on = enter_next(sweeper);
	}
	if (batch.name[0] != '\0')
		sweeper->remove(sweeper->owner, batch.name);
	if (!goes_on)
		end_round(sweeper);
	return goes_on;
}
