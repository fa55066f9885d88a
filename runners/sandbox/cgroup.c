/* Where groups can be made is read from what the kernel says of us; each limit is one file. */
#include "runners/sandbox/cgroup.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { TEXT_MAX = 64 << 10, END_TURNS = 10000, TURN_MS = 1 };

#define PREFIX	  "sluice-"
#define OWN_GROUP PREFIX "server" /* where version 2 wants us to be */

static const char *const controllers[CGROUP_USES] = { "memory", "pids", "" };

static ssize_t read_text(const char *folder, const char *name, char *text, size_t size)
{
	char path[2 * CGROUP_PATH];
	_cleanup_fd_ int fd = -1;
	size_t length = 0;
	ssize_t got = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && length + 1 < size &&
		(got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	return fd < 0 || got < 0 ? -1 : (ssize_t)length;
}

static int write_text(const char *folder, const char *name, const char *text)
{
	char path[2 * CGROUP_PATH];
	_cleanup_fd_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

static int write_number(const char *folder, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	return write_text(folder, name, text);
}

/* Is `word` one of a list? */
static bool lists(const char *text, const char *word, const char *separators)
{
	size_t length = strlen(word);

	for (const char *at = text; *at != '\0'; at += strspn(at, separators)) {
		size_t size = strcspn(at, separators);

		if (size == length && strncmp(at, word, length) == 0)
			return true;
		at += size;
	}
	return false;
}

/* ---- what there is ---- */

/* Our group of a controller, or of version 2 for ""; as /proc/self/cgroup has it: "ID:LIST:PATH".
 */
static bool find_own(char *text, const char *controller, char own[CGROUP_PATH])
{
	char *rest = text, *line;
	bool is_found = false;

	while (!is_found && (line = strsep(&rest, "\n")) != NULL) {
		char *list = strchr(line, ':'), *path = list == NULL ? NULL : strchr(list + 1, ':');

		if (path == NULL)
			continue;
		*path = '\0';
		is_found = controller[0] == '\0' ? list[1] == '\0'
						 : lists(list + 1, controller, ",");
		if (is_found)
			snprintf(own, CGROUP_PATH, "%s", path + 1);
	}
	return is_found;
}

/* A line of mountinfo: "... ROOT MOUNT-POINT ... - TYPE SOURCE OPTIONS". */
static bool find_mount(
	char *text, const char *controller, char root[CGROUP_PATH], char point[CGROUP_PATH])
{
	char *rest = text, *line, type[16], options[CGROUP_PATH];

	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *tail = strstr(line, " - ");

		if (tail == NULL || sscanf(tail, " - %15s %*s %255s", type, options) != 2 ||
			sscanf(line, "%*s %*s %*s %255s %255s", root, point) != 2)
			continue;
		if (controller[0] == '\0'
				? strcmp(type, "cgroup2") == 0
				: strcmp(type, "cgroup") == 0 && lists(options, controller, ","))
			return true;
	}
	return false;
}

/* The folder of our own group, where a group below it can be made. */
static bool find_folder(const char *controller, char folder[CGROUP_PATH])
{
	_cleanup_free_ char *text = mem_alloc(TEXT_MAX);
	char own[CGROUP_PATH], root[CGROUP_PATH], point[CGROUP_PATH];
	size_t skip;

	if (read_text("/proc/self", "cgroup", text, TEXT_MAX) <= 0 ||
		!find_own(text, controller, own) ||
		read_text("/proc/self", "mountinfo", text, TEXT_MAX) <= 0 ||
		!find_mount(text, controller, root, point))
		return false;
	/* A container sees a part of the tree: what lies above its root has no path here. */
	skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(own, root, skip) != 0 ||
		snprintf(folder, CGROUP_PATH, "%s%s", point,
			strcmp(own + skip, "/") == 0 ? "" : own + skip) >= CGROUP_PATH - 64)
		return false;
	return access(folder, W_OK) == 0;
}

/* Can a group really be made here, and has it the file that is its use? */
static bool serves(const char *folder, const char *file)
{
	char path[2 * CGROUP_PATH];
	bool is_there;

	snprintf(path, sizeof(path), "%s/" PREFIX "%d-try", folder, (int)getpid());
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return false;
	is_there = faccessat(AT_FDCWD, path, W_OK, 0) == 0;
	if (is_there) {
		char full[3 * CGROUP_PATH];

		snprintf(full, sizeof(full), "%s/%s", path, file);
		is_there = access(full, W_OK) == 0;
	}
	rmdir(path);
	return is_there;
}

/* Only we and our parent are in it: then it is ours to arrange. */
static bool is_ours(char *pids)
{
	char *rest = pids, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		long pid = strtol(line, NULL, 10);

		if (line[0] != '\0' && pid != getpid() && pid != getppid())
			return false;
	}
	return true;
}

/* Version 2 gives controllers only to groups below one that has no process of its own. */
static void move_down(const char *folder)
{
	char pids[1024], path[2 * CGROUP_PATH];

	if (read_text(folder, "cgroup.procs", pids, sizeof(pids)) <= 0 || !is_ours(pids))
		return;
	snprintf(path, sizeof(path), "%s/" OWN_GROUP, folder);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return;
	if (write_number(path, "cgroup.procs", getppid()) == 0 &&
		write_number(path, "cgroup.procs", getpid()) == 0 &&
		write_text(folder, "cgroup.subtree_control", "+memory +pids") == 0)
		return;
	/* It stays as it was, without the limits. */
	(void)(write_number(folder, "cgroup.procs", getppid()) +
		write_number(folder, "cgroup.procs", getpid()));
	rmdir(path);
}

static void find_v2(struct cgroup_support *ret, bool can_move)
{
	static const char *const files[CGROUP_USES] = { "memory.max", "pids.max", "cgroup.kill" };
	char folder[CGROUP_PATH], has[1024], given[1024], *leaf;

	if (!find_folder("", folder))
		return;
	/* A launcher after the first one begins where the first one moved its server to. */
	leaf = strrchr(folder, '/');
	if (leaf != NULL && strcmp(leaf, "/" OWN_GROUP) == 0)
		*leaf = '\0';
	else if (can_move && read_text(folder, "cgroup.controllers", has, sizeof(has)) > 0 &&
		 lists(has, "memory", " \n") &&
		 read_text(folder, "cgroup.subtree_control", given, sizeof(given)) >= 0 &&
		 !lists(given, "memory", " \n") &&
		 write_text(folder, "cgroup.subtree_control", "+memory +pids") < 0)
		move_down(folder);
	for (int use = 0; use < CGROUP_USES; use++) {
		if (!serves(folder, files[use]))
			continue;
		snprintf(ret->places[use].folder, CGROUP_PATH, "%s", folder);
		ret->places[use].is_v2 = true;
	}
}

static void find_v1(struct cgroup_support *ret)
{
	static const char *const files[] = { "memory.limit_in_bytes", "pids.max" };
	char folder[CGROUP_PATH];

	for (size_t use = 0; use < countof(files); use++)
		if (ret->places[use].folder[0] == '\0' && find_folder(controllers[use], folder) &&
			serves(folder, files[use]))
			snprintf(ret->places[use].folder, CGROUP_PATH, "%s", folder);
}

/* Numbers of processes mean nothing outside of their namespace: a container beside us, or around
 * us, may see the same groups. */
static unsigned number_space(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (unsigned)st.st_ino : 0;
}

/* Of supervisors that were killed. A group that still holds a process cannot be removed. */
static void sweep(const char *folder)
{
	DIR *list = folder[0] == '\0' ? NULL : opendir(folder);
	const struct dirent *entry;
	unsigned space;
	int pid, number;

	while (list != NULL && (entry = readdir(list)) != NULL)
		if (sscanf(entry->d_name, PREFIX "ns%u-%d-%d", &space, &pid, &number) == 3 &&
			space == number_space() && kill(pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR);
	if (list != NULL)
		closedir(list);
}

void cgroup_find(struct cgroup_support *ret, bool can_move)
{
	*ret = (struct cgroup_support){ 0 };
	find_v2(ret, can_move);
	find_v1(ret);
	for (int use = 0; use < CGROUP_USES; use++)
		sweep(ret->places[use].folder);
}

void cgroup_describe(const struct cgroup_support *support, char *text, size_t size)
{
	static const char *const words[CGROUP_USES] = { "memory", "processes", "end" };
	size_t length = 0;

	snprintf(text, size, "none");
	for (int use = 0; use < CGROUP_USES; use++)
		if (support->places[use].folder[0] != '\0' && length < size)
			length += (size_t)snprintf(text + length, size - length,
				"%s%s by version %d", length > 0 ? ", " : "", words[use],
				support->places[use].is_v2 ? 2 : 1);
}

/* ---- the groups of one sandbox ---- */

static bool path_of(const struct cgroup *group, int use, char path[2 * CGROUP_PATH])
{
	const char *folder = group->support->places[use].folder;

	if (folder[0] == '\0')
		return false;
	snprintf(path, 2 * CGROUP_PATH, "%s/%s", folder, group->name);
	return true;
}

static void remove_all(const struct cgroup *group)
{
	char path[2 * CGROUP_PATH];

	for (int use = 0; use < CGROUP_USES; use++)
		if (path_of(group, use, path))
			rmdir(path);
}

static int set_limits(const struct cgroup *group, int64_t memory_bytes, int64_t processes)
{
	char path[2 * CGROUP_PATH];
	bool is_v2 = group->support->places[CGROUP_MEMORY].is_v2;

	if (path_of(group, CGROUP_MEMORY, path)) {
		if (write_number(
			    path, is_v2 ? "memory.max" : "memory.limit_in_bytes", memory_bytes) < 0)
			return -1;
		/* Not every kernel counts swap; where it does, memory cannot be had there. */
		if (is_v2)
			(void)(write_text(path, "memory.swap.max", "0") +
				write_text(path, "memory.oom.group", "1"));
		else
			(void)write_number(path, "memory.memsw.limit_in_bytes", memory_bytes);
	}
	/* One more: the first process, which is not the job's. */
	return path_of(group, CGROUP_PROCESSES, path)
		       ? write_number(path, "pids.max", processes + 1)
		       : 0;
}

int cgroup_make(const struct cgroup_support *support, int64_t memory_bytes, int64_t processes,
	struct cgroup *ret)
{
	static int number;
	char path[2 * CGROUP_PATH];
	int failed = 0;

	*ret = (struct cgroup){ .support = support, .v2_fd = -1 };
	snprintf(ret->name, sizeof(ret->name), PREFIX "ns%u-%d-%d", number_space(), (int)getpid(),
		++number);
	for (int use = 0; use < CGROUP_USES && failed == 0; use++)
		if (path_of(ret, use, path) && mkdir(path, 0755) < 0 && errno != EEXIST)
			failed = errno;
	if (failed == 0 && set_limits(ret, memory_bytes, processes) < 0)
		failed = errno;
	if (failed == 0 && path_of(ret, CGROUP_KILL, path))
		ret->v2_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (failed == 0)
		return 0;
	remove_all(ret);
	ret->name[0] = '\0';
	errno = failed;
	return -1;
}

int cgroup_join(const struct cgroup *group, pid_t pid, bool began_in_v2)
{
	char path[2 * CGROUP_PATH];

	for (int use = 0; use < CGROUP_USES && !began_in_v2; use++)
		if (group->support->places[use].is_v2 && path_of(group, use, path) &&
			write_number(path, "cgroup.procs", pid) < 0)
			return -1;
	return 0;
}

/* Trap: to move another process the kernel stops all forks of the machine for a while, which is
 * some milliseconds; a thread that moves itself stops nobody. */
int cgroup_join_self(const struct cgroup *group)
{
	char path[2 * CGROUP_PATH];

	for (int use = 0; use < CGROUP_USES; use++)
		if (!group->support->places[use].is_v2 && path_of(group, use, path) &&
			write_text(path, "tasks", "0") < 0)
			return -1;
	return 0;
}

bool cgroup_was_out_of_memory(const struct cgroup *group)
{
	char path[2 * CGROUP_PATH], text[512];
	const char *at;

	if (group->name[0] == '\0' || !path_of(group, CGROUP_MEMORY, path) ||
		read_text(path,
			group->support->places[CGROUP_MEMORY].is_v2 ? "memory.events"
								    : "memory.oom_control",
			text, sizeof(text)) < 0)
		return false;
	at = strstr(text, "oom_kill ");
	return at != NULL && strtol(at + strlen("oom_kill "), NULL, 10) > 0;
}

/* Whoever is in it gets SIGKILL; true when nobody is. */
static bool kill_all(const char *path, bool is_v2)
{
	char text[TEXT_MAX / 4], *rest = text, *line;
	bool is_empty = true;

	if (is_v2) {
		if (read_text(path, "cgroup.events", text, sizeof(text)) < 0 ||
			strstr(text, "populated 0") != NULL)
			return true;
		if (write_text(path, "cgroup.kill", "1") == 0)
			return false;
	}
	if (read_text(path, "cgroup.procs", text, sizeof(text)) < 0)
		return true;
	while ((line = strsep(&rest, "\n")) != NULL) {
		long pid = strtol(line, NULL, 10);

		if (pid <= 0)
			continue;
		is_empty = false;
		kill((pid_t)pid, SIGKILL);
	}
	return is_empty;
}

bool cgroup_end(struct cgroup *group)
{
	const struct timespec turn = { .tv_nsec = TURN_MS * 1000000L };
	char path[2 * CGROUP_PATH];
	bool is_empty = true;

	if (group->name[0] == '\0')
		return true;
	for (int turns = 0; turns < END_TURNS; turns++) {
		is_empty = true;
		for (int use = CGROUP_USES - 1; use >= 0; use--)
			if (path_of(group, use, path))
				is_empty = kill_all(path, group->support->places[use].is_v2) &&
					   is_empty;
		if (is_empty)
			break;
		nanosleep(&turn, NULL);
	}
	fd_closep(&group->v2_fd);
	remove_all(group);
	group->name[0] = '\0';
	return is_empty;
}
