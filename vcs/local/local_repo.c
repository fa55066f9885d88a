/* Bare repositories of the local host as folders. */
#include "vcs/local/local_repo.h"
#include "orchestrator/lib/codec.h"
#include "vcs/local/local_names.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char hook_name[] = "hooks/post-receive";
static const char repo_config[] = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";

static int file_write(
	int dir, const char *name, const char *text, size_t length, mode_t mode, struct err *err)
{
	_cleanup_fd_ int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_EXISTS, "%s exists already", name);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		return err_sys(err, ERR_SYSTEM, errno, "cannot write %s of the repository", name);
	return 0;
}

static void append_quoted(struct strbuf *out, const char *word)
{
	strbuf_putc(out, '\'');
	for (const char *p = word; *p != '\0'; p++) {
		if (*p == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *p);
	}
	strbuf_putc(out, '\'');
}

void local_repo_hook(
	const char *program, const char *data_dir, const char *name, struct strbuf *ret)
{
	strbuf_puts(ret, "#!/bin/sh\nexec ");
	append_quoted(ret, program != NULL ? program : "sluice");
	strbuf_puts(ret, " local-hook --data ");
	append_quoted(ret, data_dir);
	strbuf_puts(ret, " --repo ");
	append_quoted(ret, name);
	strbuf_putc(ret, '\n');
}

/* ---- making ---- */

static int repo_fill(int fd, const char *hook, struct err *err)
{
	static const char *const folders[] = { "objects", "objects/info", "objects/pack", "refs",
		"refs/heads", "refs/tags", "hooks" };
	int r = 0;

	for (size_t i = 0; i < countof(folders) && r == 0; i++) {
		if (mkdirat(fd, folders[i], 0755) < 0)
			r = err_sys(err, ERR_SYSTEM, errno, "cannot make %s of the repository",
				folders[i]);
	}
	if (r == 0)
		r = file_write(fd, "config", repo_config, strlen(repo_config), 0644, err);
	if (r == 0)
		r = file_write(fd, "HEAD", "ref: refs/heads/main\n", 21, 0644, err);
	if (r == 0)
		r = file_write(fd, hook_name, hook, strlen(hook), 0755, err);
	return r;
}

static int folder_at(int parent, const char *name, int *ret_fd, struct err *err)
{
	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make the folder %s", name);
	*ret_fd = openat(parent, name, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the folder %s", name);
	return 0;
}

/* The folder that will hold it: <data>/local or <data>/local/<team>. */
static int parent_open(const char *data_dir, const char *name, int *ret_fd, struct err *err)
{
	_cleanup_fd_ int data = open(data_dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int local = -1;
	size_t team = strcspn(name, "/");
	_cleanup_free_ char *team_name = mem_strndup(name, team);
	int r;

	if (data < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the data folder");
	r = folder_at(data, "local", &local, err);
	if (r < 0)
		return r;
	if (name[team] == '\0') {
		*ret_fd = steal_fd(&local);
		return 0;
	}
	return folder_at(local, team_name, ret_fd, err);
}

/* Under a name that no repository can have, then renamed; what a crash left is used again. */
int local_repo_make(
	const char *data_dir, const char *name, const char *hook, char **ret_path, struct err *err)
{
	const char *last = strchr(name, '/') != NULL ? strchr(name, '/') + 1 : name;
	_cleanup_free_ char *final = mem_printf("%s.git", last);
	_cleanup_free_ char *temporary = NULL;
	_cleanup_fd_ int parent = -1;
	_cleanup_fd_ int fd = -1;
	char unique[17];
	struct stat st;
	int r = parent_open(data_dir, name, &parent, err);

	if (r < 0)
		return r;
	if (fstatat(parent, final, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_user(err, ERR_EXISTS, "there is a repository %s already", name);
	codec_random_hex(unique, 16);
	temporary = mem_printf("%s.%s.new", last, unique);
	r = folder_at(parent, temporary, &fd, err);
	if (r == 0)
		r = repo_fill(fd, hook, err);
	if (r == 0 && renameat(parent, temporary, parent, final) < 0)
		r = err_sys(err, ERR_SYSTEM, errno, "cannot name the repository");
	if (r == 0)
		*ret_path = mem_printf("%s/local/%s.git", data_dir, name);
	return r;
}

/* ---- adding ---- */

int local_repo_adopt(const char *path, const char *hook, bool *ret_hook_set, struct err *err)
{
	static const char *const expected[] = { "HEAD", "objects", "refs" };
	_cleanup_fd_ int fd = -1;
	struct err hook_err;

	if (path[0] != '/' || strlen(path) >= PATH_MAX || strpbrk(path, "\r\n") != NULL)
		return err_user(err, ERR_USAGE, "the path of a repository must be absolute");
	fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_user(err, ERR_USAGE, "there is no folder at that path");
	for (size_t i = 0; i < countof(expected); i++) {
		if (faccessat(fd, expected[i], F_OK, 0) < 0)
			return err_user(
				err, ERR_USAGE, "the folder at that path is not a bare repository");
	}
	if (mkdirat(fd, "hooks", 0755) < 0 && errno != EEXIST) {
		*ret_hook_set = false;
		return 0;
	}
	*ret_hook_set = file_write(fd, hook_name, hook, strlen(hook), 0755, &hook_err) == 0;
	return 0;
}

/* ---- branches ---- */

/* The first line of a reference's own file. */
static int loose_read(int repo, const char *ref, char ret[OID_HEX + 1], struct err *err)
{
	_cleanup_fd_ int fd = openat(repo, ref, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[OID_HEX + 1];
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(err, ERR_MISSING, "no such branch");
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot read a branch of the repository");
	if (!S_ISREG(st.st_mode)) /* a folder of branches, or nothing of git's */
		return err_set(err, ERR_MISSING, "no such branch");
	if (read(fd, text, sizeof(text)) != sizeof(text) || text[OID_HEX] != '\n')
		return err_set(
			err, ERR_SYNTAX, "a branch of the repository does not name a commit");
	text[OID_HEX] = '\0';
	if (!local_oid_is_valid(text))
		return err_set(
			err, ERR_SYNTAX, "a branch of the repository does not name a commit");
	memcpy(ret, text, sizeof(text));
	return 0;
}

static bool packed_find(FILE *file, const char *ref, char ret[OID_HEX + 1])
{
	char line[OID_HEX + LOCAL_REF_MAX + 64];

	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) <= OID_HEX + 1 || line[OID_HEX] != ' ' ||
			strcmp(line + OID_HEX + 1, ref) != 0)
			continue;
		line[OID_HEX] = '\0';
		memcpy(ret, line, OID_HEX + 1);
		return local_oid_is_valid(ret);
	}
	return false;
}

static int packed_read(int repo, const char *ref, char ret[OID_HEX + 1], struct err *err)
{
	_cleanup_fd_ int fd = openat(repo, "packed-refs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd >= 0 ? fdopen(fd, "re") : NULL;
	bool found = false;

	if (file != NULL) {
		fd = -1; /* the file's from here */
		found = packed_find(file, ref, ret);
		(void)fclose(file);
	}
	return found ? 0 : err_set(err, ERR_MISSING, "no such branch");
}

/* git packs a branch by writing packed-refs first and removing the branch's file then: between two
 * looks it may have moved from one to the other, so the file is asked once more. */
int local_repo_branch(const char *path, const char *branch, char ret[OID_HEX + 1], struct err *err)
{
	_cleanup_fd_ int repo = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *ref = mem_printf("refs/heads/%s", branch);
	int r;

	if (repo < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the repository");
	if (!local_branch_is_valid(branch))
		return err_user(err, ERR_USAGE, "that is not the name of a branch");
	r = loose_read(repo, ref, ret, err);
	if (r == -ERR_MISSING)
		r = packed_read(repo, ref, ret, err);
	if (r == -ERR_MISSING)
		r = loose_read(repo, ref, ret, err);
	return r;
}
