/* Processes as the tree below the keeper, to whom all orphans fall; files as a walk with an end. */
#include "runners/sandbox/usage.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PROCESSES_MAX = 8192, DEPTH_MAX = 512, TEXT_MAX = 16 << 10 };

/* Files of /proc are made when they are read, in one piece. */
static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[96];
	_cleanup_fd_ int fd = -1;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, size - 1);
	text[length < 0 ? 0 : length] = '\0';
	return length;
}

/* All that is there for it, also what it only shares: quick, and never too little. */
static int64_t resident_bytes(pid_t pid)
{
	long long size, resident;
	char text[256];

	if (read_proc(pid, "statm", text, sizeof(text)) <= 0 ||
		sscanf(text, "%lld %lld", &size, &resident) != 2)
		return 0;
	return resident * sysconf(_SC_PAGESIZE);
}

static int64_t field_bytes(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at == NULL ? 0 : strtoll(at + strlen(name), NULL, 10) * 1024;
}

/* Its part of what is no file's: memory that many share counts once for all of them together. */
static int64_t own_bytes(pid_t pid)
{
	char text[4096];

	if (read_proc(pid, "smaps_rollup", text, sizeof(text)) <= 0)
		return resident_bytes(pid);
	return field_bytes(text, "Pss_Anon:") + field_bytes(text, "Pss_Shmem:");
}

/* Each thread has children of its own. */
static size_t add_children(pid_t pid, pid_t *list, size_t count)
{
	char path[64], name[300], text[TEXT_MAX];
	const struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char *at = text, *end;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "task/%s/children", entry->d_name);
		read_proc(pid, name, text, sizeof(text));
		for (long child; count < PROCESSES_MAX && (child = strtol(at, &end, 10)) > 0;
			at = end)
			list[count++] = (pid_t)child;
	}
	if (folder != NULL)
		closedir(folder);
	return count;
}

void usage_of_processes(const struct sandbox *box, struct usage *ret)
{
	static pid_t list[PROCESSES_MAX];
	size_t count = 1;

	ret->memory_bytes = 0;
	list[0] = box->keeper;
	for (size_t i = 0; i < count; i++) {
		ret->memory_bytes += resident_bytes(list[i]);
		count = add_children(list[i], list, count);
	}
	ret->processes = (int)count - 1;
	if (ret->memory_bytes <= box->profile->memory_bytes)
		return;
	ret->memory_bytes = 0;
	for (size_t i = 0; i < count; i++)
		ret->memory_bytes += own_bytes(list[i]);
}

static bool is_enough(const struct profile *profile, const struct usage *usage)
{
	return usage->disk_files > profile->disk_files || usage->disk_bytes > profile->disk_bytes;
}

/* Takes the descriptor. */
static void add_folder(int fd, const struct profile *profile, int depth, struct usage *usage)
{
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat st;

	while (folder != NULL && !is_enough(profile, usage) && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		usage->disk_files++;
		usage->disk_bytes += (int64_t)st.st_blocks * 512;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			add_folder(openat(fd, entry->d_name,
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
				profile, depth + 1, usage);
	}
	if (folder != NULL)
		closedir(folder);
	else if (fd >= 0)
		close(fd);
}

void usage_of_disk(int job_fd, const struct profile *profile, struct usage *ret)
{
	static const char *const folders[] = { "upper", "out", "tmp" };

	ret->disk_bytes = ret->disk_files = 0;
	/* What lies above a tree that is only read is of steps before. */
	for (size_t i = profile->tree == PROFILE_TREE_READ; i < countof(folders); i++)
		add_folder(
			openat(job_fd, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
			profile, 0, ret);
}
