/* The bare copy of one repository. A repository on this machine is not copied at all: its objects
 * are named as alternates, and its references are read where they stand. */
#include "vcs/git/mirror.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/git/door.h"
#include "vcs/git/folder.h"
#include "vcs/git/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* No hook, filter, attribute or clean-up of its own: nothing in here may ever run anything. */
static const char mirror_config[] = "[core]\n"
				    "\trepositoryformatversion = 0\n"
				    "\tbare = true\n"
				    "\tlogAllRefUpdates = false\n"
				    "\thooksPath = /dev/null\n"
				    "\tattributesFile = /dev/null\n"
				    "[gc]\n\tauto = 0\n";

/* ---- the folder ---- */

/* A mirror is whole or not there: made under another name, then renamed. */
static int mirror_create(int dir_fd, struct err *err)
{
	static const char *const folders[] = { "objects", "objects/info", "objects/pack", "refs",
		"refs/heads" };
	static const char temporary[] = "mirror.new";
	_cleanup_fd_ int fd = -1;
	int r = folder_remove(dir_fd, temporary, err);

	if (r == 0)
		r = folder_make(dir_fd, temporary, &fd, err);
	for (size_t i = 0; i < countof(folders) && r == 0; i++) {
		if (mkdirat(fd, folders[i], 0755) < 0)
			r = err_sys(
				err, ERR_SYSTEM, errno, "cannot make %s of the mirror", folders[i]);
	}
	if (r == 0)
		r = folder_write(fd, "config", mirror_config, strlen(mirror_config), err);
	if (r == 0)
		r = folder_write(fd, "HEAD", "ref: refs/heads/none\n", 21, err);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, "mirror.git") < 0)
		r = err_sys(err, ERR_SYSTEM, errno, "cannot name the mirror");
	return r;
}

static int mirror_lock(int dir_fd, int *ret_fd, struct err *err)
{
	_cleanup_fd_ int fd = openat(
		dir_fd, "mirror.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the lock of the mirror");
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return err_sys(err, ERR_SYSTEM, errno, "cannot lock the mirror");
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

static bool mirror_exists(int dir_fd)
{
	return faccessat(dir_fd, "mirror.git/HEAD", F_OK, 0) == 0;
}

/* ---- a repository on this machine ---- */

static const char *local_path(const char *url)
{
	if (str_starts(url, "file://"))
		url += strlen("file://");
	return url[0] == '/' ? url : NULL;
}

static int source_open(struct mirror *mirror, const char *path, struct err *err)
{
	unsigned flags = GIT_REPOSITORY_OPEN_NO_SEARCH;
	int code = git_repository_open_ext(&mirror->source, path, flags, NULL);

	return code < 0 ? libgit_fail(err, code, "cannot open the repository") : 0;
}

static int alternates_write(struct mirror *mirror, const char *line, size_t length, struct err *err)
{
	_cleanup_fd_ int lock = -1;
	_cleanup_fd_ int info = openat(mirror->dir_fd, "mirror.git/objects/info",
		O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (info < 0)
		return err_sys(err, ERR_SYSTEM, errno, "the mirror is damaged");
	r = mirror_lock(mirror->dir_fd, &lock, err);
	if (r == 0)
		r = folder_replace(info, "alternates", line, length, err);
	return r;
}

/* The mirror borrows the objects of the repository: nothing is copied, whatever its size. */
static int alternates_point(struct mirror *mirror, struct err *err)
{
	_cleanup_strbuf_ struct strbuf wanted = STRBUF(8192);
	char present[8192];
	ssize_t length;
	_cleanup_fd_ int fd = openat(mirror->dir_fd, "mirror.git/objects/info/alternates",
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	strbuf_printf(&wanted, "%sobjects\n", git_repository_commondir(mirror->source));
	if (wanted.overflowed || strchr(wanted.data, '\n') != wanted.data + wanted.length - 1)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the repository's path is too long or has a line break");
	length = fd >= 0 ? read(fd, present, sizeof(present)) : 0;
	if (length == (ssize_t)wanted.length && memcmp(present, wanted.data, wanted.length) == 0)
		return 0;
	return alternates_write(mirror, wanted.data, wanted.length, err);
}

/* ---- opening ---- */

static int repository_dir_open(
	const char *data_dir, struct repo_id repo, int *ret_fd, struct err *err)
{
	_cleanup_fd_ int data = open(data_dir, O_DIRECTORY | O_PATH | O_CLOEXEC);
	_cleanup_fd_ int repos = -1;
	char id[24], path[40];
	int r;

	if (data < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the data folder");
	snprintf(id, sizeof(id), "%" PRId64, repo.v);
	snprintf(path, sizeof(path), "repos/%s", id);
	/* Where it is there, what lies above it may be closed to us. */
	*ret_fd = openat(data, path, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd >= 0)
		return 0;
	r = folder_open_or_make(data, "repos", &repos, err);
	return r < 0 ? r : folder_open_or_make(repos, id, ret_fd, err);
}

int mirror_open(struct mirror *mirror, const char *data_dir, struct repo_id repo,
	const char *clone_url, struct err *err)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF(4096);
	_cleanup_fd_ int lock = -1;
	const char *local = local_path(clone_url);
	int r, code;

	mirror->dir_fd = -1;
	r = repository_dir_open(data_dir, repo, &mirror->dir_fd, err);
	if (r == 0 && !mirror_exists(mirror->dir_fd)) {
		r = mirror_lock(mirror->dir_fd, &lock, err);
		if (r == 0 && !mirror_exists(mirror->dir_fd))
			r = mirror_create(mirror->dir_fd, err);
		fd_closep(&lock);
	}
	if (r == 0 && local != NULL)
		r = source_open(mirror, local, err);
	if (r == 0 && local != NULL)
		r = alternates_point(mirror, err);
	if (r < 0)
		return r;
	strbuf_printf(&path, "%s/repos/%" PRId64 "/mirror.git", data_dir, repo.v);
	if (path.overflowed)
		return err_set(err, ERR_LIMIT, "the path of the data folder is too long");
	code = git_repository_open_bare(&mirror->repo, path.data);
	if (code == 0)
		code = git_repository_odb(&mirror->odb, mirror->repo);
	return code < 0 ? libgit_fail(err, code, "cannot open the mirror") : 0;
}

void mirror_close(struct mirror *mirror)
{
	git_odb_free(mirror->odb);
	git_repository_free(mirror->source);
	git_repository_free(mirror->repo);
	fd_closep(&mirror->dir_fd);
}

/* ---- fetching ---- */

int mirror_ref_name(const char *ref, char *buf, size_t size, struct err *err)
{
	int valid = 0;
	int length = snprintf(
		buf, size, "%s%s", str_starts(ref, "refs/") ? "" : "refs/heads/", ref);

	if (length < 0 || (size_t)length >= size || git_reference_name_is_valid(&valid, buf) < 0 ||
		!valid)
		return err_user(err, ERR_USAGE, "a branch name is not one that git allows");
	return 0;
}

static int fetch_progress(const git_indexer_progress *progress, _unused_ void *payload)
{
	if ((int64_t)progress->received_bytes <= LIMIT_FETCH_BYTES &&
		progress->total_objects <= LIMIT_FETCH_OBJECTS)
		return 0;
	git_error_set_str(GIT_ERROR_INDEXER, "the repository is larger than one fetch may bring");
	return GIT_EUSER;
}

/* What the environment says of the way to the host. */
struct way {
	const char *proxy, *ca_bundle;
	char *header; /* "Authorization: Basic ...", or NULL */
};

/* Sent along at once: to be asked for it first would cost a round trip in each fetch. */
static struct way way_read(void)
{
	const char *user = getenv("SLUICE_GIT_USER"), *token = getenv("SLUICE_GIT_TOKEN");
	struct way way = { .proxy = getenv("SLUICE_GIT_PROXY"),
		.ca_bundle = getenv("SLUICE_GIT_CA_BUNDLE") };
	_cleanup_free_ char *pair = NULL, *encoded = NULL;

	if (str_empty(token))
		return way;
	pair = mem_printf("%s:%s", str_empty(user) ? "x-access-token" : user, token);
	encoded = mem_alloc((strlen(pair) + 2) / 3 * 4 + 1);
	codec_base64((const uint8_t *)pair, strlen(pair), encoded);
	way.header = mem_printf("Authorization: Basic %s", encoded);
	explicit_bzero(pair, strlen(pair));
	explicit_bzero(encoded, strlen(encoded));
	return way;
}

static void way_release(struct way *way)
{
	if (way->header != NULL)
		explicit_bzero(way->header, strlen(way->header));
	free(way->header);
}

/* Only called when what was sent along was not enough. */
static int no_credential(_unused_ git_credential **ret, _unused_ const char *url,
	_unused_ const char *user_from_url, _unused_ unsigned types, void *payload)
{
	const struct way *way = payload;

	git_error_set_str(GIT_ERROR_HTTP,
		way->header != NULL ? "the host does not accept our credential"
				    : "the host wants a credential, and we have none for it");
	return GIT_EAUTH;
}

static int remote_fetch(
	struct mirror *mirror, const char *url, char **specs, size_t count, struct err *err)
{
	_cleanup_(git_remote_freep) git_remote *remote = NULL;
	_cleanup_fd_ int lock = -1;
	_cleanup_(way_release) struct way way = way_read();
	git_fetch_options options;
	int r, code;

	if (!str_starts(url, "https://") && !str_starts(url, "http://"))
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the repository's address is neither https nor a path on this machine");
	r = str_starts(url, "https://") ? libgit_trust(way.ca_bundle, err) : 0;
	if (r == 0)
		r = door_use(getenv("https_proxy"), err);
	if (r == 0)
		r = mirror_lock(mirror->dir_fd, &lock, err);
	if (r < 0)
		return r;
	code = git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.prune = GIT_FETCH_NO_PRUNE;
	options.update_fetchhead = 0;
	options.proxy_opts.type = str_empty(way.proxy) ? GIT_PROXY_NONE : GIT_PROXY_SPECIFIED;
	options.proxy_opts.url = str_empty(way.proxy) ? NULL : way.proxy;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE; /* to no other host */
	options.callbacks.credentials = no_credential;
	options.callbacks.payload = &way;
	if (way.header != NULL)
		options.custom_headers = (git_strarray){ &way.header, 1 };
	options.callbacks.transfer_progress = fetch_progress;
	if (code == 0)
		code = git_remote_create_anonymous(&remote, mirror->repo, url);
	if (code == 0)
		code = git_remote_fetch(remote, &(git_strarray){ specs, count }, &options, NULL);
	return code < 0 ? libgit_fail(err, code, "cannot fetch") : 0;
}

static int fetch_missing(struct mirror *mirror, const char *url, bool has_head,
	const char *head_name, const char *base_name, git_oid *ret_base, struct err *err)
{
	static const char kept_head[] = "refs/sluice/head";
	static const char kept_base[] = "refs/sluice/base";
	_cleanup_free_ char *base_spec = mem_printf(
		"+%s:%s/%s", base_name, kept_base, base_name + strlen("refs/"));
	_cleanup_free_ char *head_spec = mem_printf(
		"+%s:%s/%s", head_name, kept_head, head_name + strlen("refs/"));
	_cleanup_free_ char *base_here = mem_strdup(strchr(base_spec, ':') + 1);
	char *specs[] = { base_spec, head_spec };
	int r = remote_fetch(mirror, url, specs, has_head ? 1 : 2, err);
	int code;

	if (r < 0)
		return r;
	code = git_reference_name_to_id(ret_base, mirror->repo, base_here);
	return code < 0 ? libgit_fail(err, code, "the base branch is not in the repository") : 0;
}

int mirror_update(struct mirror *mirror, const char *clone_url, const git_oid *head,
	const char *head_ref, const char *base_ref, git_oid *ret_base, struct err *err)
{
	char head_name[LIMIT_PATH_BYTES], base_name[LIMIT_PATH_BYTES], hex[GIT_OID_HEXSZ + 1];
	bool has_head = head == NULL || git_odb_exists(mirror->odb, head);
	int r, code;

	r = mirror_ref_name(head_ref, head_name, sizeof(head_name), err);
	if (r == 0)
		r = mirror_ref_name(base_ref, base_name, sizeof(base_name), err);
	if (r < 0)
		return r;
	if (mirror->source != NULL) {
		code = git_reference_name_to_id(ret_base, mirror->source, base_name);
		if (code < 0)
			return libgit_fail(err, code, "the base branch is not in the repository");
	} else {
		r = fetch_missing(mirror, clone_url, has_head, head_name, base_name, ret_base, err);
		if (r < 0)
			return r;
	}
	if (!has_head && !git_odb_exists(mirror->odb, head))
		return err_class_set(err, ERR_MISSING, ERR_CLASS_PERM,
			"commit %s is not in the repository: the branch was moved or deleted "
			"meanwhile",
			git_oid_tostr(hex, sizeof(hex), head));
	return 0;
}
