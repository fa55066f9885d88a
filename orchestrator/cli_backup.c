/* `sluice backup` and `sluice restore`: the memory of a server as a folder that can be checked. The
 * database is copied as one moment of it, also while a server works with it; then what rows refer
 * to, which never changes under its name. Keys and secrets stay where they are: what was approved
 * before is planned again after a restore, and so nothing is applied by itself. */
#include "orchestrator/cli.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/serve_anchors.h"
#include "orchestrator/store/store.h"
#include "runners/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MANIFEST "manifest.json"

enum { MANIFEST_MAX = 256 << 20, PATH_ROOM = 4096, TRIES = 3 };

struct copied {
	json_t *files; /* path: {bytes, sha256} */
	int64_t bytes;
};

static int fail(const struct err *err)
{
	(void)fprintf(stderr, "sluice: %s\n", err->text);
	return CLI_NO;
}

/* ---- folders ---- */

static int open_folder(const char *path, bool must_be_empty, int *ret, struct err *err)
{
	const struct dirent *entry;
	DIR *folder;
	int r = 0;

	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret < 0)
		return err_sys(err, ERR_MISSING, errno, "cannot open %s", path);
	folder = must_be_empty ? opendir(path) : NULL;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			r = err_user(err, ERR_USAGE,
				"%s is not empty: name a folder that is, or that is not there",
				path);
	}
	if (folder != NULL)
		closedir(folder);
	return r;
}

static int make_empty(const char *path, int *ret, struct err *err)
{
	*ret = -1;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(err, ERR_USAGE, errno, "cannot make %s", path);
	return open_folder(path, true, ret, err);
}

/* A folder of the data folder, if it is there. What upkeep takes away meanwhile is not needed; the
 * copy is begun again without it. */
static int copy_folder(int from, int to, const char *name, struct err *err)
{
	int r = -1;

	if (faccessat(from, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	for (int tries = 0; r < 0 && tries < TRIES; tries++) {
		_cleanup_fd_ int into = -1, of = -1;

		tree_remove(to, name);
		r = tree_make_dirs(to, name, err);
		of = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		into = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (r == 0 && (of < 0 || into < 0))
			r = err_sys(err, ERR_SYSTEM, errno, "cannot copy %s", name);
		if (r == 0)
			r = tree_copy(of, into, err);
	}
	return r;
}

/* Of each repository only the states that projects keep here: the rest is fetched and made again.
 */
static int copy_states(int from, int to, struct err *err)
{
	_cleanup_fd_ int repos = openat(from, "repos", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = repos < 0 ? NULL : fdopendir(dup(repos));
	const struct dirent *entry;
	int r = 0;

	while (folder != NULL && r == 0 && (entry = readdir(folder)) != NULL) {
		char name[PATH_ROOM];

		(void)snprintf(name, sizeof(name), "repos/%s/state", entry->d_name);
		if (entry->d_name[0] != '.')
			r = copy_folder(from, to, name, err);
	}
	if (folder != NULL)
		closedir(folder);
	return r;
}

static int copy_file(int from, int to, const char *name, struct err *err)
{
	_cleanup_fd_ int in = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1;
	char bytes[1 << 16];
	ssize_t got = 1;

	if (in < 0)
		return errno == ENOENT ? 0
				       : err_sys(err, ERR_SYSTEM, errno, "cannot read %s", name);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (out >= 0 && got > 0) {
		got = read(in, bytes, sizeof(bytes));
		if (got > 0 && write(out, bytes, (size_t)got) != got)
			got = -1;
	}
	if (out < 0 || got < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot copy %s", name);
	return 0;
}

static int copy_files(int from, int to, struct err *err)
{
	static const char *const folders[] = { "blobs", "local" };
	int r = copy_file(from, to, ANCHORS_FILE, err);

	for (size_t i = 0; r == 0 && i < countof(folders); i++)
		r = copy_folder(from, to, folders[i], err);
	return r < 0 ? r : copy_states(from, to, err);
}

/* ---- the manifest ---- */

static int list_file(
	int dir, const char *name, const char *path, struct copied *ret, struct err *err)
{
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char sha[SHA256_HEX];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || fsync(fd) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot read %s", path);
	if (codec_sha256_fd(fd, sha, err) < 0)
		return -(int)err->code;
	ret->bytes += st.st_size;
	json_object_set_new(ret->files, path,
		json_pack("{s:I, s:s}", "bytes", (json_int_t)st.st_size, "sha256", sha));
	return 0;
}

static int list_folder(int dir, const char *path, struct copied *ret, struct err *err);

static int list_entry(
	int dir, const char *name, const char *path, struct copied *ret, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot read %s", path);
	if (S_ISREG(st.st_mode))
		return list_file(dir, name, path, ret, err);
	if (S_ISDIR(st.st_mode)) {
		_cleanup_fd_ int below = openat(
			dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		return below < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot open %s", path)
				 : list_folder(below, path, ret, err);
	}
	return err_set(err, ERR_SYNTAX, "%s is neither a file nor a folder", path);
}

static int list_folder(int dir, const char *path, struct copied *ret, struct err *err)
{
	DIR *folder = fdopendir(dup(dir));
	const struct dirent *entry;
	int r = 0;

	while (folder != NULL && r == 0 && (entry = readdir(folder)) != NULL) {
		char below[PATH_ROOM];

		if (str_equal(entry->d_name, ".") || str_equal(entry->d_name, ".."))
			continue;
		if (snprintf(below, sizeof(below), "%s%s%s", path, path[0] == '\0' ? "" : "/",
			    entry->d_name) >= PATH_ROOM)
			r = err_set(err, ERR_LIMIT, "a path is too long: %.200s", path);
		else
			r = list_entry(dir, entry->d_name, below, ret, err);
	}
	if (folder != NULL)
		closedir(folder);
	return r;
}

static int write_manifest(int dir, struct copied *copied, struct err *err)
{
	char now[CLOCK_TEXT_MAX];
	_cleanup_json_ json_t *manifest = json_pack("{s:s, s:s, s:O}", "version", SLUICE_VERSION,
		"made", clock_text(clock_wall_ms(&clock_system), now), "files", copied->files);

	return manifest == NULL ? err_set(err, ERR_SYNTAX, "a file has a name that is no text")
				: jsonx_write_at(dir, MANIFEST, manifest, true, err);
}

/* ---- backup ---- */

static int back_up(struct cli *cli, const char *path, struct copied *copied, struct err *err)
{
	_cleanup_free_ char *database = mem_printf("%s/sluice.db", cli->data_dir);
	_cleanup_free_ char *copy = mem_printf("%s/data/sluice.db", path);
	_cleanup_fd_ int from = -1, to = -1, data = -1;
	int r = open_folder(cli->data_dir, false, &from, err);

	if (r == 0)
		r = make_empty(path, &to, err);
	if (r == 0)
		r = tree_make_dirs(to, "data", err);
	if (r < 0)
		return r;
	r = store_copy(database, copy, err);
	data = openat(to, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r == 0)
		r = copy_files(from, data, err);
	if (r == 0)
		r = list_folder(data, "", copied, err);
	return r < 0 ? r : write_manifest(to, copied, err);
}

int cli_backup(struct cli *cli)
{
	struct copied copied = { .files = json_object() };
	struct err err;
	int r;

	if (cli->argc != 1) {
		json_decref(copied.files);
		return cli_usage("usage: sluice backup FOLDER   (one that is not there yet)");
	}
	r = back_up(cli, cli->argv[0], &copied, &err);
	if (r == 0)
		(void)printf("%zu files, %lld bytes in %s; not in it: keys, secrets, what is "
			     "fetched again\ncheck it with: sluice restore --verify %s\n",
			json_object_size(copied.files), (long long)copied.bytes, cli->argv[0],
			cli->argv[0]);
	json_decref(copied.files);
	return r < 0 ? fail(&err) : CLI_DONE;
}

/* ---- restore ---- */

/* Both ways: what the manifest has is there as it was, and nothing else is. */
static int compare(const json_t *wanted, const json_t *found, struct err *err)
{
	const char *path;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)wanted, path, value) {
		const json_t *other = json_object_get(found, path);

		if (other == NULL)
			return err_set(err, ERR_MISSING, "%s is not there", path);
		if (!json_equal(value, other))
			return err_set(err, ERR_STALE,
				"%s is not as it was when the backup was made", path);
	}
	json_object_foreach ((json_t *)(uintptr_t)found, path, value) {
		if (json_object_get(wanted, path) == NULL)
			return err_set(err, ERR_EXISTS, "%s does not belong to the backup", path);
	}
	return 0;
}

static int check_backup(const char *path, int *ret_data, json_t **ret, struct err *err)
{
	struct copied found = { .files = json_object() };
	_cleanup_fd_ int dir = -1;
	int r = open_folder(path, false, &dir, err);

	if (r == 0)
		r = jsonx_read_at(dir, MANIFEST, MANIFEST_MAX, ret, err);
	if (r < 0)
		err_wrap(err, "%s is no backup", path);
	*ret_data = r < 0 ? -1
			  : openat(dir, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r == 0 && *ret_data < 0)
		r = err_sys(err, ERR_MISSING, errno, "%s/data", path);
	if (r == 0)
		r = list_folder(*ret_data, "", &found, err);
	if (r == 0)
		r = compare(json_object_get(*ret, "files"), found.files, err);
	json_decref(found.files);
	return r;
}

static int restore_into(struct cli *cli, int data, const char *made, struct err *err)
{
	_cleanup_free_ char *database = mem_printf("%s/sluice.db", cli->data_dir);
	_cleanup_fd_ int to = -1;
	struct store *store = NULL;
	int r = make_empty(cli->data_dir, &to, err);

	if (r == 0)
		r = tree_copy(data, to, err);
	if (r == 0)
		r = store_open(database, &clock_system, &store, err);
	if (r == 0)
		r = store_after_restore(store, made, err);
	if (r == 0)
		r = store_commit(store, err);
	store_close(store);
	return r;
}

int cli_restore(struct cli *cli)
{
	_cleanup_json_ json_t *manifest = NULL;
	_cleanup_fd_ int data = -1;
	const char *made;
	struct err err;
	int r;

	if (cli->argc != 1)
		return cli_usage("usage: sluice restore FOLDER --data NEW, or sluice restore "
				 "--verify FOLDER");
	r = check_backup(cli->argv[0], &data, &manifest, &err);
	made = cli_text(manifest, "made");
	if (r == 0 && !cli->verify)
		r = restore_into(cli, data, made, &err);
	if (r < 0)
		return fail(&err);
	(void)printf("%zu files as they were at %s%s%s\n",
		json_object_size(json_object_get(manifest, "files")), made,
		cli->verify ? "" : ", now in ", cli->verify ? "" : cli->data_dir);
	if (!cli->verify)
		(void)puts("what was planned must be planned again: keys are in no backup\n"
			   "start it with: sluice serve --config server.yaml --data ...");
	return CLI_DONE;
}
