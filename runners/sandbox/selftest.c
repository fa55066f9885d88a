/* Victims, one sandbox for each profile, and what the probe says. */
#include "runners/sandbox/selftest.h"
#include "orchestrator/lib/clock.h"
#include "runners/sandbox/probe.h"
#include "runners/site.h"
#include "runners/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Below <data>/box: a job directory with nothing in it. Each launcher has its own, because the one
 * before may still be at work in its, after a restart. */
#define STAGE "selftest-"
enum { PROBE_MS = 10000, OUTPUT_MAX = 64 << 10 };

struct range {
	const struct site *site;
	const struct sandbox_support *support;
	char *dir;
	int box_fd, dir_fd, wake_fd;
	int port_fd, abstract_fd, path_fd, stray_fd, shm_id;
	char port[16], abstract[64], path[108], shm[16], pid[16];
	char program[4096];
};

bool selftest_is_residual(enum sandbox_tier tier, const char *attack)
{
	/* Landlock before its ninth interface does not know sockets in the file system. */
	return tier == SANDBOX_LANDLOCK &&
	       (str_equal(attack, "socket file of the server") ||
		       str_equal(attack, "memory file of another process"));
}

/* ---- victims ---- */

static int listen_on(int family, const void *address, socklen_t length)
{
	_cleanup_fd_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && bind(fd, address, length) == 0 && listen(fd, 8) == 0 ? steal_fd(&fd) : -1;
}

static int open_port(struct range *range)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	range->port_fd = listen_on(AF_INET, &address, length);
	if (range->port_fd < 0 ||
		getsockname(range->port_fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	snprintf(range->port, sizeof(range->port), "%d", ntohs(address.sin_port));
	return 0;
}

static int open_sockets(struct range *range)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t begin = offsetof(struct sockaddr_un, sun_path);

	snprintf(range->abstract, sizeof(range->abstract), "sluice-selftest-%d", (int)getpid());
	memcpy(address.sun_path + 1, range->abstract, strlen(range->abstract));
	range->abstract_fd = listen_on(
		AF_UNIX, &address, (socklen_t)(begin + 1 + strlen(range->abstract)));
	/* Where it goes with the data; a socket's path is short, so not everywhere. */
	if (snprintf(range->path, sizeof(range->path), "%s/socket", range->dir) >=
		(int)sizeof(range->path))
		snprintf(range->path, sizeof(range->path), "/tmp/.sluice-selftest-%d",
			(int)getpid());
	unlink(range->path);
	memcpy(address.sun_path, range->path, strlen(range->path) + 1);
	range->path_fd = listen_on(AF_UNIX, &address, sizeof(address));
	if (range->path_fd >= 0)
		chmod(range->path, 0777);
	return range->abstract_fd < 0 || range->path_fd < 0 ? -1 : 0;
}

static int make_victims(struct range *range)
{
	key_t key = (key_t)(0x51000000 | getpid());

	if (open_port(range) < 0 || open_sockets(range) < 0)
		return -1;
	range->shm_id = shmget(key, 4096, IPC_CREAT | 0666);
	snprintf(range->shm, sizeof(range->shm), "%d", (int)key);
	snprintf(range->pid, sizeof(range->pid), "%d", (int)getpid());
	/* On purpose without close-on-exec: what a careless server would leave open. */
	range->stray_fd = open("/", O_RDONLY | O_DIRECTORY);
	return range->stray_fd < 0 ? -1 : 0;
}

static void drop_victims(struct range *range)
{
	int *const fds[] = { &range->port_fd, &range->abstract_fd, &range->path_fd,
		&range->stray_fd };

	for (size_t i = 0; i < countof(fds); i++)
		fd_closep(fds[i]);
	if (range->path[0] != '\0')
		unlink(range->path);
	if (range->shm_id >= 0)
		shmctl(range->shm_id, IPC_RMID, NULL);
}

/* ---- the place ---- */

static int make_folder(const struct range *range, const char *name, struct err *err)
{
	_cleanup_fd_ int fd = -1;

	tree_remove(range->dir_fd, name);
	if (mkdirat(range->dir_fd, name, 0755) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "selftest: %s", name);
	fd = openat(range->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, ERR_SYSTEM, errno, "selftest: %s", name)
		      : sandbox_give(range->support, 1, fd, err);
}

/* Of launchers that were killed at it. */
static void sweep_folders(const char *box)
{
	DIR *list = opendir(box);
	const struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		long pid = str_starts(entry->d_name, STAGE)
				   ? strtol(entry->d_name + strlen(STAGE), NULL, 10)
				   : 0;

		if (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			tree_remove(dirfd(list), entry->d_name);
	}
	if (list != NULL)
		closedir(list);
}

static int open_range(struct range *range, struct err *err)
{
	_cleanup_free_ char *box = mem_printf("%s/box", range->site->data_dir);

	range->dir = mem_printf("%s/" STAGE "%d", box, (int)getpid());
	if (mkdir(box, 0755) < 0 && errno != EEXIST)
		return err_sys(err, ERR_SYSTEM, errno, "selftest: %s", box);
	range->box_fd = open(box, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	sweep_folders(box);
	if (range->box_fd < 0 || (mkdir(range->dir, 0711) < 0 && errno != EEXIST))
		return err_sys(err, ERR_SYSTEM, errno, "selftest: %s", range->dir);
	range->dir_fd = open(range->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return 0;
}

static void leave_range(struct range *range)
{
	fd_closep(&range->dir_fd);
	if (range->box_fd >= 0)
		tree_remove(range->box_fd, strrchr(range->dir, '/') + 1);
	fd_closep(&range->box_fd);
	free(range->dir);
}

static int make_folders(struct range *range, struct err *err)
{
	static const char *const folders[] = { "tree", "layer", "upper", "work", "tmp", "out" };
	ssize_t length = readlink("/proc/self/exe", range->program, sizeof(range->program) - 1);
	int r = 0;

	if (length <= 0)
		return err_sys(err, ERR_SYSTEM, errno, "selftest: own program");
	range->program[length] = '\0';
	r = open_range(range, err);
	for (size_t i = 0; i < countof(folders) && r == 0; i++)
		r = make_folder(range, folders[i], err);
	return r;
}

/* Without mounts the user of the job must come through the folders above. */
static void open_way(const struct range *range)
{
	_cleanup_free_ char *box = mem_printf("%s/box", range->site->data_dir);

	if (range->support->tier != SANDBOX_LANDLOCK || !range->support->is_root)
		return;
	chmod(range->site->data_dir, 0711);
	chmod(box, 0711);
	chmod(range->dir, 0711);
}

static const char *may_write(const struct profile *profile)
{
	switch (profile->tree) {
	case PROFILE_TREE_OVERLAY:
		return "tree,out";
	case PROFILE_TREE_REPO: /* it stands in /out */
		return "tree,out";
	case PROFILE_TREE_READ:
		return "out";
	case PROFILE_TREE_NONE:
		break;
	}
	return "none";
}

static void describe(const struct range *range, const struct profile *profile, char **tree,
	char **layer, struct sandbox_spec *ret)
{
	bool is_full = range->support->tier == SANDBOX_FULL;
	bool has_tree = profile->tree == PROFILE_TREE_OVERLAY || profile->tree == PROFILE_TREE_READ;

	*tree = mem_printf("%s/tree", range->dir);
	*layer = mem_printf("%s/layer", range->dir);
	*ret = (struct sandbox_spec){ .support = range->support,
		.profile = profile,
		.site = range->site,
		.job = 1,
		.job_dir = range->dir,
		.tree = has_tree ? *tree : NULL,
		.layer = profile->has_layer ? *layer : NULL,
		.cwd = ".",
		.lock_fd = -1 };
	ret->binds[ret->bind_count++] = (struct sandbox_bind){ .source = range->program,
		.target = is_full ? "/run/sluice-job" : range->program };
}

/* ---- one profile ---- */

static int read_lines(enum sandbox_tier tier, const char *profile, char *text,
	struct strbuf *report, size_t *open)
{
	bool is_done = false;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		char *name = strchr(line, ' ');

		is_done = is_done || strcmp(line, "done") == 0;
		if (name == NULL)
			continue;
		*name++ = '\0';
		strbuf_printf(report, "%s\t%s\t%s\n", profile, line, name);
		*open += strcmp(line, "open") == 0 && !selftest_is_residual(tier, name);
	}
	return is_done ? 0 : -1;
}

static int run_probe(struct range *range, struct sandbox *box, const struct profile *profile,
	int output, struct err *err)
{
	_cleanup_free_ char *job_tmp = mem_printf("%s/tmp", range->dir);
	bool is_full = range->support->tier == SANDBOX_FULL;
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	const char *words[] = { is_full ? "/run/sluice-job" : range->program, "probe-inside",
		range->pid, range->port, range->abstract, range->path, range->site->data_dir,
		range->shm, may_write(profile), is_full ? SANDBOX_TMP : job_tmp };
	struct sandbox_command command = {
		.argv = &argv, .env = &env, .output = output, .errors = output
	};
	int64_t until = clock_monotonic_ms(&clock_system) + PROBE_MS;
	struct sandbox_exit end = { 0 };
	int r;

	for (size_t i = 0; i < countof(words); i++)
		strvec_push(&argv, words[i]);
	r = sandbox_run(box, 0, &command, err);
	while (r == 0 && clock_monotonic_ms(&clock_system) < until) {
		r = sandbox_wait(box, -1, 100, &end, err);
		if (r > 0)
			return end.exec_errno == 0 ? 0
						   : err_sys(err, ERR_CONFIG, end.exec_errno,
							     "sandbox of profile %s: nothing runs",
							     profile->name);
	}
	return r < 0 ? r
		     : err_set(err, ERR_CONFIG, "sandbox of profile %s: the probe does not end",
			       profile->name);
}

static int try_profile(struct range *range, const struct profile *profile, struct strbuf *report,
	size_t *open, struct err *err)
{
	_cleanup_fd_ int output = memfd_create("probe", MFD_CLOEXEC);
	_cleanup_free_ char *tree = NULL, *layer = NULL, *text = mem_alloc(OUTPUT_MAX + 1);
	struct sandbox_spec spec;
	struct sandbox box;
	int r;

	describe(range, profile, &tree, &layer, &spec);
	/* An overlay's folders serve once. */
	r = make_folder(range, "upper", err);
	if (r == 0)
		r = make_folder(range, "work", err);
	if (r < 0)
		return r;
	r = sandbox_enter(&spec, &box, err);
	if (r < 0)
		return err_wrap(err, "profile %s", profile->name);
	r = run_probe(range, &box, profile, output, err);
	sandbox_leave(&box);
	if (r < 0)
		return r;
	if (pread(output, text, OUTPUT_MAX, 0) < 0 ||
		read_lines(range->support->tier, profile->name, text, report, open) < 0)
		return err_set(
			err, ERR_CONFIG, "sandbox of profile %s: the probe died", profile->name);
	return 0;
}

int selftest_run(const struct site *site, const struct sandbox_support *support,
	struct strbuf *report, size_t *ret_open, struct err *err)
{
	struct range range = { .site = site,
		.support = support,
		.box_fd = -1,
		.dir_fd = -1,
		.port_fd = -1,
		.abstract_fd = -1,
		.path_fd = -1,
		.stray_fd = -1,
		.shm_id = -1 };
	int r = make_folders(&range, err);

	*ret_open = 0;
	if (r == 0 && make_victims(&range) < 0)
		r = err_sys(err, ERR_SYSTEM, errno, "selftest: something to attack");
	if (r == 0)
		open_way(&range);
	for (size_t i = 0; i < PROFILE_COUNT && r == 0; i++)
		r = try_profile(&range, &site->profiles[i], report, ret_open, err);
	drop_victims(&range);
	leave_range(&range);
	return r;
}
