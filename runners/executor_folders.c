/* Folders of the data folder. */
#include "runners/executor_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { OID_LEAST = 40, OID_MOST = 64 };

int executor_folders_make(const char *data_dir, int *jobs_fd, struct err *err)
{
	static const char *const folders[] = { "jobs", "blobs", "repos", "trash" };
	_cleanup_fd_ int data = -1;

	if (mkdir(data_dir, 0700) < 0 && errno != EEXIST)
		return err_sys(
			err, ERR_CONFIG, errno, "cannot make the data directory %s", data_dir);
	data = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; data >= 0 && i < countof(folders); i++)
		if (mkdirat(data, folders[i], 0700) < 0 && errno != EEXIST)
			return err_sys(
				err, ERR_CONFIG, errno, "cannot make %s/%s", data_dir, folders[i]);
	fd_closep(jobs_fd);
	*jobs_fd = data < 0 ? -1 : openat(data, "jobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *jobs_fd < 0 ? err_sys(err, ERR_CONFIG, errno, "cannot open %s/jobs", data_dir) : 0;
}

bool executor_is_tree(const char *name)
{
	size_t length = name == NULL ? 0 : strspn(name, "0123456789abcdef");

	return length >= OID_LEAST && length <= OID_MOST && name[length] == '\0';
}
