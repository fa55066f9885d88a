/* Mounts. Everything is mounted below the skeleton, made read-only in one call, opened again where
 * the profile may write, and becomes "/". Whatever was not mounted is then gone.
 *
 * Sources are looked up before the root changes; nothing of a pull request is a source: its tree is
 * named by its id, its folder is entered afterwards. */
#include "runners/sandbox/root.h"
#include "runners/site.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SKELETON     "root"	/* below <data>/box */
#define GIT_SKELETON "root-git" /* names repositories of this machine, which is not for others */

/* ---- the skeleton ---- */

static const char *const folders[] = { "", "dev", "etc", "etc/ssl", "etc/ssl/certs", "etc/pki",
	"etc/alternatives", "out", "proc", "tmp", "tree", "usr", "var", "run", "root", "home",
	"data", "providers" };

/* Where the machine has them as folders they are mounted, else they are links into /usr. */
static const char *const system_folders[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };

static const char *const devices[] = { "null", "zero", "full", "random", "urandom" };

/* Relative: while the skeleton is filled, "/" is still the machine's. */
static const struct {
	const char *name, *target;
} links[] = {
	{ "dev/fd", "../proc/self/fd" },
	{ "dev/stdin", "../proc/self/fd/0" },
	{ "dev/stdout", "../proc/self/fd/1" },
	{ "dev/stderr", "../proc/self/fd/2" },
	{ "dev/shm", "../tmp" },
	{ "var/tmp", "../tmp" },
};

static const char *const copied[] = { "etc/ld.so.cache", "etc/nsswitch.conf", "etc/localtime",
	"etc/services", "etc/protocols", "etc/mime.types", "etc/ssl/openssl.cnf" };

static const struct {
	const char *name, *text;
} written[] = {
	{ "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n" },
	{ "etc/hostname", "sandbox\n" },
	{ "etc/resolv.conf", "" },
	{ "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			"nobody:x:65534:65534:nobody:/tmp:/bin/sh\n" },
	{ "etc/group", "root:x:0:\nnogroup:x:65534:\n" },
	{ "job.json", "" },
};

static bool holds(int dir_fd, const char *name, const char *text, size_t length)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *found = mem_alloc(length + 1);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_mode & 07777) == 0644 && (size_t)st.st_size == length &&
	       read(fd, found, length + 1) == (ssize_t)length && memcmp(found, text, length) == 0;
}

/* Trap: what is replaced stops being a mount point, also in the sandboxes that live: a launcher
 * that starts again would take /dev/null away from an apply. */
static int write_file(int dir_fd, const char *name, const char *text, size_t length)
{
	char fresh[64];
	_cleanup_fd_ int fd = -1;

	if (holds(dir_fd, name, text, length))
		return 0;
	snprintf(fresh, sizeof(fresh), ".new-%d", (int)getpid());
	unlinkat(dir_fd, fresh, 0);
	fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || write(fd, text, length) != (ssize_t)length)
		return -1;
	return renameat(dir_fd, fresh, dir_fd, name);
}

/* Small files of the machine; what it has not is not needed. */
static int copy_file(int dir_fd, const char *name)
{
	_cleanup_free_ char *path = mem_printf("/%s", name), *text = NULL;
	_cleanup_fd_ int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > 4 << 20)
		return 0;
	text = mem_alloc((size_t)st.st_size + 1);
	if (read(from, text, (size_t)st.st_size) != st.st_size)
		return 0;
	return write_file(dir_fd, name, text, (size_t)st.st_size);
}

static int make_link(int dir_fd, const char *name, const char *target)
{
	return symlinkat(target, dir_fd, name) < 0 && errno != EEXIST ? -1 : 0;
}

static int make_folder(int dir_fd, const char *name)
{
	return mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

static int make_system(int dir_fd, const char *name)
{
	_cleanup_free_ char *path = mem_printf("/%s", name);
	char target[256];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length > 0) {
		target[length] = '\0';
		return make_link(dir_fd, name, target);
	}
	return access(path, F_OK) < 0 ? 0 : make_folder(dir_fd, name);
}

static int make_all(int fd)
{
	char name[64];
	int r = 0;

	for (size_t i = 1; i < countof(folders) && r == 0; i++)
		r = make_folder(fd, folders[i]);
	for (size_t i = 0; i < countof(system_folders) && r == 0; i++)
		r = make_system(fd, system_folders[i]);
	for (size_t i = 0; i < countof(links) && r == 0; i++)
		r = make_link(fd, links[i].name, links[i].target);
	for (size_t i = 0; i < countof(copied) && r == 0; i++)
		r = copy_file(fd, copied[i]);
	for (size_t i = 0; i < countof(written) && r == 0; i++)
		r = write_file(fd, written[i].name, written[i].text, strlen(written[i].text));
	for (size_t i = 0; i < countof(devices) && r == 0; i++) {
		snprintf(name, sizeof(name), "dev/%s", devices[i]);
		r = write_file(fd, name, "", 0);
	}
	return r;
}

static int prepare_one(const char *data_dir, const char *name, struct err *err)
{
	_cleanup_free_ char *box = mem_printf("%s/box", data_dir);
	_cleanup_free_ char *path = mem_printf("%s/%s", box, name);
	_cleanup_fd_ int fd = -1;
	mode_t before = umask(022);
	int failed = 0;

	if ((mkdir(box, 0755) < 0 && errno != EEXIST) || (mkdir(path, 0755) < 0 && errno != EEXIST))
		failed = errno;
	fd = failed != 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (failed == 0 && (fd < 0 || make_all(fd) < 0))
		failed = errno;
	umask(before);
	return failed == 0 ? 0
			   : err_sys(err, ERR_SYSTEM, failed,
				     "cannot make the root of the sandbox, %s", path);
}

int root_prepare(const struct site *site, struct err *err)
{
	int r = prepare_one(site->data_dir, SKELETON, err);

	return r < 0 ? r : prepare_one(site->data_dir, GIT_SKELETON, err);
}

bool root_path_of(const struct sandbox_spec *spec, char *out, size_t size)
{
	return snprintf(out, size, "%s/box/%s", spec->site->data_dir,
		       spec->profile->id == PROFILE_FETCH ? GIT_SKELETON : SKELETON) < (int)size;
}

/* ---- one mount ---- */

static bool inside(const struct setup *setup, const char *path, char out[SETUP_PATH])
{
	if (snprintf(out, SETUP_PATH, "%s%s", setup->root, path) < SETUP_PATH)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/* A mount point that is not there: its folders, and itself, a folder or a file as its source. */
static int make_point(const char *source, char *target, size_t skip)
{
	struct stat st;
	int fd;

	if (stat(source, &st) < 0)
		return -1;
	for (char *slash = strchr(target + skip + 1, '/'); slash != NULL;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(target, 0755) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	if (S_ISDIR(st.st_mode))
		return mkdir(target, 0755) < 0 && errno != EEXIST ? -1 : 0;
	fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int bind_at(struct setup *setup, const char *source, const char *path, unsigned long more)
{
	char target[SETUP_PATH];

	if (!inside(setup, path, target))
		return -1;
	if (mount(source, target, NULL, MS_BIND | more, NULL) == 0)
		return 0;
	if ((errno != ENOENT && errno != ENOTDIR) || access(source, F_OK) < 0 ||
		make_point(source, target, strlen(setup->root)) < 0)
		return -1;
	return mount(source, target, NULL, MS_BIND | more, NULL);
}

/* The same path outside and inside; below /usr it is there anyway. What the machine has not is not
 * there inside either: the step that wants it says so in better words. */
static int show(struct setup *setup, const char *path)
{
	if (str_empty(path) || str_starts(path, "/usr/") || access(path, F_OK) < 0)
		return 0;
	return bind_at(setup, path, path, MS_REC);
}

/* Overlay options are separated by commas and layers by colons; both, and the backslash itself, are
 * escaped. */
static void append_escaped(char *out, size_t size, const char *path)
{
	size_t length = strlen(out);

	for (; *path != '\0' && length + 2 < size; path++) {
		if (strchr(",:\\", *path) != NULL)
			out[length++] = '\\';
		out[length++] = *path;
	}
	out[length] = '\0';
}

static int mount_overlay(const struct setup *setup, const char *target)
{
	const struct sandbox_spec *spec = setup->spec;
	char options[SETUP_PATH] = "lowerdir=";
	size_t size = sizeof(options);

	if (spec->layer != NULL) {
		append_escaped(options, size, spec->layer);
		strncat(options, ":", size - strlen(options) - 1);
	}
	append_escaped(options, size, spec->tree);
	strncat(options, ",upperdir=", size - strlen(options) - 1);
	append_escaped(options, size, spec->job_dir);
	strncat(options, "/upper,workdir=", size - strlen(options) - 1);
	append_escaped(options, size, spec->job_dir);
	strncat(options, "/work,volatile", size - strlen(options) - 1);
	strncat(options, setup->has_users ? ",userxattr" : "", size - strlen(options) - 1);
	if (strlen(options) + 2 >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mount("sluice", target, "overlay", MS_NODEV | MS_NOSUID, options);
}

static int mount_tree(struct setup *setup)
{
	const struct sandbox_spec *spec = setup->spec;
	char target[SETUP_PATH], copy[SETUP_PATH];

	if (!inside(setup, SANDBOX_TREE, target))
		return -1;
	switch (spec->profile->tree) {
	case PROFILE_TREE_NONE:
		return spec->layer == NULL ? 0 : mount(spec->layer, target, NULL, MS_BIND, NULL);
	case PROFILE_TREE_READ:
		return mount(spec->tree, target, NULL, MS_BIND, NULL);
	case PROFILE_TREE_OVERLAY:
		if (spec->support->has_overlay)
			return mount_overlay(setup, target);
		snprintf(copy, sizeof(copy), "%s/upper", spec->job_dir);
		return mount(copy, target, NULL, MS_BIND, NULL);
	case PROFILE_TREE_REPO:
		return 0;
	}
	return 0;
}

static int mount_tmp(struct setup *setup)
{
	const struct profile *profile = setup->spec->profile;
	char target[SETUP_PATH], options[160];

	snprintf(options, sizeof(options), "size=%lld,nr_inodes=%lld,mode=700,uid=%u,gid=%u",
		(long long)profile->tmp_bytes, (long long)profile->disk_files,
		(unsigned)setup->identity.uid, (unsigned)setup->identity.gid);
	return !inside(setup, SANDBOX_TMP, target)
		       ? -1
		       : mount("sluice", target, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

static int mount_system(struct setup *setup)
{
	static const char *const optional[] = { "/etc/ssl/certs", "/etc/pki", "/etc/alternatives" };
	char path[16];
	struct stat st;

	if (bind_at(setup, "/usr", "/usr", MS_REC) < 0)
		return -1;
	for (size_t i = 0; i < countof(system_folders); i++) {
		snprintf(path, sizeof(path), "/%s", system_folders[i]);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
			bind_at(setup, path, path, MS_REC) < 0)
			return -1;
	}
	for (size_t i = 0; i < countof(optional); i++)
		if (bind_at(setup, optional[i], optional[i], MS_REC) < 0 && errno != ENOENT)
			return -1;
	if (setup->spec->profile->network != PROFILE_NETWORK_HOST)
		return 0;
	return bind_at(setup, "/etc/resolv.conf", "/etc/resolv.conf", 0) < 0
		       ? -1
		       : bind_at(setup, "/etc/hosts", "/etc/hosts", 0);
}

static int fail(struct setup *setup, const char *what)
{
	setup->detail = what;
	return -1;
}

static int show_all(struct setup *setup, const struct strvec *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		if (show(setup, paths->items[i]) < 0)
			return fail(setup, paths->items[i]);
	return 0;
}

int root_mounts(struct setup *setup)
{
	const struct sandbox_spec *spec = setup->spec;
	const struct site *site = spec->site;
	char out[SETUP_PATH];

	if (mount(setup->root, setup->root, NULL, MS_BIND, NULL) < 0)
		return fail(setup, "root");
	if (mount_system(setup) < 0)
		return fail(setup, "system folders");
	if (mount_tmp(setup) < 0)
		return fail(setup, "tmp");
	if (show_all(setup, &site->read) < 0 ||
		show_all(setup, &site_grant(site, (int)spec->profile->id)->read) < 0 ||
		show_all(setup, &site->write) < 0)
		return -1;
	snprintf(out, sizeof(out), "%s/out", spec->job_dir);
	if (bind_at(setup, out, SANDBOX_OUT, 0) < 0)
		return fail(setup, "out");
	if (mount_tree(setup) < 0)
		return fail(setup, "work tree");
	for (size_t i = 0; i < spec->bind_count; i++)
		if (bind_at(setup, spec->binds[i].source, spec->binds[i].target, 0) < 0)
			return fail(setup, spec->binds[i].target);
	return 0;
}

/* ---- the root as a whole ---- */

static int set_attributes(const char *path, bool may_write)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

	if (may_write)
		attributes.attr_clr = MOUNT_ATTR_RDONLY;
	else
		attributes.attr_set |= MOUNT_ATTR_RDONLY;
	/* What is shown read-only inside of a folder that may be written to stays so. */
	return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, may_write ? 0 : AT_RECURSIVE,
		&attributes, sizeof(attributes));
}

static int open_for_writing(struct setup *setup, const char *path)
{
	char target[SETUP_PATH];

	return inside(setup, path, target) && set_attributes(target, true) == 0 ? 0
										: fail(setup, path);
}

int root_seal(struct setup *setup)
{
	const struct sandbox_spec *spec = setup->spec;
	enum profile_tree tree = spec->profile->tree;

	if (set_attributes(setup->root, false) < 0 || open_for_writing(setup, SANDBOX_TMP) < 0)
		return -1;
	if (tree != PROFILE_TREE_NONE && open_for_writing(setup, SANDBOX_OUT) < 0)
		return -1;
	if (tree == PROFILE_TREE_OVERLAY && open_for_writing(setup, SANDBOX_TREE) < 0)
		return -1;
	for (size_t i = 0; i < spec->site->write.count; i++)
		if (open_for_writing(setup, spec->site->write.items[i]) < 0)
			return -1;
	for (size_t i = 0; i < spec->bind_count; i++)
		if (spec->binds[i].may_write && open_for_writing(setup, spec->binds[i].target) < 0)
			return -1;
	return 0;
}

/* After the root was sealed: these must stay devices. */
int root_devices(struct setup *setup)
{
	char source[32], target[SETUP_PATH];

	for (size_t i = 0; i < countof(devices); i++) {
		snprintf(source, sizeof(source), "/dev/%s", devices[i]);
		if (!inside(setup, source, target) ||
			mount(source, target, NULL, MS_BIND, NULL) < 0)
			return fail(setup, devices[i]);
	}
	return 0;
}

static int write_text(const struct setup *setup, const char *path, const char *text)
{
	char target[SETUP_PATH];
	_cleanup_fd_ int fd = -1;

	if (!inside(setup, path, target))
		return -1;
	fd = open(target, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* Whole for a moment, for what must be written there; then only the processes, read-only. */
int root_proc(struct setup *setup)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	char target[SETUP_PATH];

	if (!inside(setup, "/proc", target) || mount("proc", target, "proc", flags, NULL) < 0)
		return -1;
	if (write_text(setup, "/proc/self/oom_score_adj", "1000") < 0)
		return fail(setup, "memory score");
	if (setup->has_users && write_text(setup, "/proc/sys/user/max_user_namespaces", "0") < 0)
		return fail(setup, "nested users");
	if (mount(NULL, target, NULL, flags | MS_REMOUNT | MS_RDONLY, "subset=pid") < 0)
		return fail(setup, "only processes");
	return 0;
}

/* The new root over the old one, then the old one goes: no folder for it is needed. */
int root_enter(struct setup *setup)
{
	if (chdir(setup->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -1;
	setup->root[0] = '\0';
	return 0;
}
