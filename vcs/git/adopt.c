/* A folder and a tree of git's -> a tree of git's.
 *
 * Only what stands in the layer is read; what does not is as git has it, or gone when the view has
 * not got it either. So nothing here has to know how a layer says that something is gone. */
#include "vcs/git/adopt.h"
#include "orchestrator/lib/arena.h"
#include "vcs/git/limits.h"
#include "vcs/git/names.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct adoption {
	git_repository *repo;
	git_odb *odb;
	struct arena texts; /* paths, for people */
	size_t entries;	    /* that were looked at */
	size_t count;
	int64_t bytes;
	struct err *err;
};

struct place {		  /* one folder, on all sides */
	int view, layer;  /* borrowed */
	const char *path; /* "." for the root */
	int depth;
	const git_tree *old; /* NULL: git has none there */
	git_treebuilder *result;
};

static const char *shown(struct adoption *work, const struct place *at, const char *name)
{
	bool is_root = str_equal(at->path, ".");
	char *path = arena_printf(
		&work->texts, "%s%s%s", is_root ? "" : at->path, is_root ? "" : "/", name);

	return name_shown(&work->texts, path, strlen(path), 200);
}

static int refuse(struct adoption *work, const struct place *at, const char *name, const char *what)
{
	return err_user(work->err, ERR_REFUSED, "the hooks of the server left %s, %s",
		shown(work, at, name), what);
}

/* What is never written out is not taken either: a repository inside, Terraform's own folders,
 * names that cannot be printed. */
static bool is_taken(const char *name)
{
	return name_check(name) == NAME_FINE && !name_is_for_tools(name);
}

static int add_count(struct adoption *work, size_t bytes)
{
	work->bytes += (int64_t)bytes;
	if (++work->count > LIMIT_ADOPT_FILES)
		return err_user(work->err, ERR_LIMIT,
			"the hooks of the server wrote more than %d files", LIMIT_ADOPT_FILES);
	if (work->bytes > LIMIT_ADOPT_BYTES)
		return err_user(work->err, ERR_LIMIT,
			"the hooks of the server wrote more than %d MiB", LIMIT_ADOPT_BYTES >> 20);
	return 0;
}

static int insert(struct adoption *work, const struct place *at, const char *name,
	const git_oid *oid, git_filemode_t mode)
{
	int code = git_treebuilder_insert(NULL, at->result, name, oid, mode);

	return code < 0 ? libgit_fail(work->err, code, "cannot keep what the hooks wrote") : 0;
}

static int take_away(struct adoption *work, const struct place *at, const char *name)
{
	int code = git_treebuilder_get(at->result, name) == NULL
			   ? 0
			   : git_treebuilder_remove(at->result, name);

	return code < 0 ? libgit_fail(work->err, code, "cannot keep what the hooks removed") : 0;
}

/* Without layers everything is looked at: what is as git has it is not written again. */
static int take_bytes(struct adoption *work, const struct place *at, const char *name,
	const void *bytes, size_t length, git_filemode_t mode)
{
	const git_tree_entry *old = at->old == NULL ? NULL : git_tree_entry_byname(at->old, name);
	git_oid oid;
	int code = git_odb_hash(&oid, bytes, length, GIT_OBJECT_BLOB), r;

	if (code == 0 && old != NULL && git_tree_entry_filemode(old) == mode &&
		git_oid_equal(git_tree_entry_id(old), &oid))
		return 0;
	r = code < 0 ? 0 : add_count(work, length);
	if (code == 0 && r == 0)
		code = git_odb_write(&oid, work->odb, bytes, length, GIT_OBJECT_BLOB);
	if (code < 0)
		return libgit_fail(work->err, code, "cannot keep what the hooks wrote");
	return r < 0 ? r : insert(work, at, name, &oid, mode);
}

static int take_file(struct adoption *work, const struct place *at, const char *name)
{
	_cleanup_fd_ int fd = openat(
		at->layer, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *bytes = NULL;
	size_t length = 0;
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(
			work->err, ERR_SYSTEM, errno, "cannot read %s", shown(work, at, name));
	if (!S_ISREG(st.st_mode))
		return refuse(work, at, name, "which is neither file, folder nor link");
	if (st.st_size > LIMIT_FILE_BYTES)
		return err_user(work->err, ERR_LIMIT,
			"the hooks of the server left %s, which is larger than %d MiB",
			shown(work, at, name), LIMIT_FILE_BYTES >> 20);
	bytes = mem_alloc((size_t)st.st_size + 1);
	while (length < (size_t)st.st_size &&
		(got = read(fd, bytes + length, (size_t)st.st_size - length)) > 0)
		length += (size_t)got;
	if (length != (size_t)st.st_size)
		return err_sys(
			work->err, ERR_SYSTEM, errno, "cannot read %s", shown(work, at, name));
	return take_bytes(work, at, name, bytes, length,
		st.st_mode & 0100 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB);
}

static int take_link(struct adoption *work, const struct place *at, const char *name)
{
	char target[LIMIT_LINK_BYTES + 1];
	ssize_t length = readlinkat(at->layer, name, target, sizeof(target));

	if (length < 0)
		return err_sys(work->err, ERR_SYSTEM, errno, "cannot read the link %s",
			shown(work, at, name));
	if (length > LIMIT_LINK_BYTES || !name_link_stays(target, (size_t)length, at->depth))
		return refuse(work, at, name, "a symbolic link that may leave the work tree");
	return take_bytes(work, at, name, target, (size_t)length, GIT_FILEMODE_LINK);
}

static int take_folder(struct adoption *work, const struct place *at, git_oid *ret);

static int take_subfolder(struct adoption *work, const struct place *at, const char *name)
{
	_cleanup_(git_treebuilder_freep) git_treebuilder *result = NULL;
	_cleanup_(git_tree_freep) git_tree *old = NULL;
	_cleanup_fd_ int view = -1, layer = -1;
	const git_tree_entry *entry = at->old == NULL ? NULL : git_tree_entry_byname(at->old, name);
	bool is_root = str_equal(at->path, ".");
	struct place below = { .path = arena_printf(&work->texts, "%s%s%s", is_root ? "" : at->path,
				       is_root ? "" : "/", name),
		.depth = at->depth + 1 };
	git_oid oid;
	int code = 0, r;

	if (below.depth > LIMIT_DEPTH)
		return err_user(work->err, ERR_LIMIT,
			"the hooks of the server left folders more than %d deep", LIMIT_DEPTH);
	view = openat(at->view, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	layer = openat(at->layer, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (view < 0 || layer < 0)
		return err_sys(
			work->err, ERR_SYSTEM, errno, "cannot open %s", shown(work, at, name));
	if (entry != NULL && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE)
		code = git_tree_lookup(&old, work->repo, git_tree_entry_id(entry));
	if (code == 0)
		code = git_treebuilder_new(&result, work->repo, old);
	if (code < 0)
		return libgit_fail(work->err, code, "cannot read a folder of the repository");
	below.view = view;
	below.layer = layer;
	below.old = old;
	below.result = result;
	r = take_folder(work, &below, &oid);
	if (r < 0)
		return r;
	return git_treebuilder_entrycount(result) == 0
		       ? take_away(work, at, name)
		       : insert(work, at, name, &oid, GIT_FILEMODE_TREE);
}

static int take_entry(struct adoption *work, const struct place *at, const char *name)
{
	struct stat st;

	if (++work->entries > LIMIT_ENTRIES)
		return err_user(work->err, ERR_LIMIT,
			"the hooks of the server left more than %d files and folders",
			LIMIT_ENTRIES);
	if (!is_taken(name))
		return 0;
	if (fstatat(at->layer, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : err_sys(work->err, ERR_SYSTEM, errno, "cannot look at %s",
						 shown(work, at, name));
	if (S_ISDIR(st.st_mode))
		return take_subfolder(work, at, name);
	return S_ISLNK(st.st_mode) ? take_link(work, at, name) : take_file(work, at, name);
}

/* A link that may leave the tree, a submodule: these were never there to be removed. */
static bool was_written(struct adoption *work, const struct place *at, const git_tree_entry *entry)
{
	_cleanup_(git_odb_object_freep) git_odb_object *blob = NULL;
	git_filemode_t mode = git_tree_entry_filemode(entry);
	struct err ignored;

	if (!is_taken(git_tree_entry_name(entry)) || mode == GIT_FILEMODE_COMMIT)
		return false;
	return mode != GIT_FILEMODE_LINK || (libgit_blob(work->odb, git_tree_entry_id(entry),
						     LIMIT_LINK_BYTES, &blob, &ignored) == 0 &&
						    name_link_stays(git_odb_object_data(blob),
							    git_odb_object_size(blob), at->depth));
}

static int take_removed(struct adoption *work, const struct place *at)
{
	size_t count = at->old == NULL ? 0 : git_tree_entrycount(at->old);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(at->old, i);
		const char *name = git_tree_entry_name(entry);
		struct stat st;

		if (fstatat(at->view, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT ||
			!was_written(work, at, entry))
			continue;
		r = add_count(work, 0);
		if (r == 0)
			r = take_away(work, at, name);
	}
	return r;
}

static int take_folder(struct adoption *work, const struct place *at, git_oid *ret)
{
	int fd = openat(at->view, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int code, r = 0;

	if (folder == NULL) {
		fd_closep(&fd);
		return err_sys(
			work->err, ERR_SYSTEM, errno, "cannot read %s", shown(work, at, "."));
	}
	while (r == 0 && (entry = readdir(folder)) != NULL)
		if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			r = take_entry(work, at, entry->d_name);
	closedir(folder);
	if (r == 0)
		r = take_removed(work, at);
	if (r < 0)
		return r;
	code = git_treebuilder_write(ret, at->result);
	return code < 0 ? libgit_fail(work->err, code, "cannot keep what the hooks wrote") : 0;
}

int adopt_tree(git_repository *repo, git_odb *odb, const git_oid *merged, const char *view,
	const char *layer, struct adopted *ret, struct err *err)
{
	_cleanup_fd_ int view_fd = open(view, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int layer_fd = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(git_treebuilder_freep) git_treebuilder *result = NULL;
	_cleanup_(git_tree_freep) git_tree *old = NULL;
	struct adoption work = { .repo = repo, .odb = odb, .err = err };
	struct place root = { .view = view_fd, .layer = layer_fd, .path = "." };
	int code, r;

	if (view_fd < 0 || layer_fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open what the hooks left");
	code = git_tree_lookup(&old, repo, merged);
	if (code == 0)
		code = git_treebuilder_new(&result, repo, old);
	if (code < 0)
		return libgit_fail(err, code, "cannot read a folder of the repository");
	root.old = old;
	root.result = result;
	r = take_folder(&work, &root, &ret->tree);
	ret->count = work.count;
	arena_release(&work.texts);
	return r;
}
