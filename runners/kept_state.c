/* Finds, seeds and places kept state files. */
#include "runners/kept_state.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/output.h"
#include "runners/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BACKEND_FILE_MAX = 4 << 20, PATH_ROOM = 4096, RELATIVE_ROOM = 1024 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL || strlen(text) > 255 ? "" : text;
}

int kept_state_scan(int in_fd, int out_fd)
{
	_cleanup_free_ char *bytes = NULL, *text = NULL;
	_cleanup_json_ json_t *json = NULL, *answer = NULL;
	const json_t *backend, *config;
	size_t length;
	struct err err;
	bool is_local;

	if (output_read_fd(in_fd, BACKEND_FILE_MAX, &bytes, &length, &err) < 0 ||
		jsonx_parse(bytes, length, BACKEND_FILE_MAX, &json, &err) < 0)
		return dprintf(out_fd, "%s", err.text) < 0 ? 2 : 1;
	backend = json_object_get(json, "backend");
	config = json_object_get(backend, "config");
	is_local = !json_is_object(backend) || str_equal(text_of(backend, "type"), "local");
	answer = json_pack("{s:b, s:s, s:s}", "local", is_local, "path",
		is_local ? text_of(config, "path") : "", "workspace_dir",
		is_local ? text_of(config, "workspace_dir") : "");
	text = answer == NULL ? NULL : jsonx_text(answer);
	return text != NULL && dprintf(out_fd, "%s", text) > 0 ? 0 : 2;
}

int kept_state_backend(
	const json_t *json, struct arena *arena, struct backend *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "the backend", err);

	ret->is_local = jsonx_bool_or(&reader, "local", true);
	ret->path = arena_strdup(arena, jsonx_string_or(&reader, "path", ""));
	ret->workspace_dir = arena_strdup(arena, jsonx_string_or(&reader, "workspace_dir", ""));
	return reader.failed;
}

int kept_state_find(const char *data_dir, const struct job_spec *spec,
	const struct backend *backend, struct arena *arena, struct kept_state *ret, struct err *err)
{
	bool is_default = str_empty(spec->workspace) || str_equal(spec->workspace, "default");
	const char *workspace = is_default ? "default" : spec->workspace;
	char relative[RELATIVE_ROOM], target[RELATIVE_ROOM], key[SHA256_HEX];

	*ret = (struct kept_state){ 0 };
	if (!backend->is_local)
		return 0;
	if (!tree_path_is_safe(workspace) || strchr(workspace, '/') != NULL ||
		strlen(workspace) > 90)
		return err_user(
			err, ERR_USAGE, "\"%.100s\" is not the name of a workspace", workspace);
	if (is_default)
		snprintf(relative, sizeof(relative), "%s",
			str_empty(backend->path) ? "terraform.tfstate" : backend->path);
	else
		snprintf(relative, sizeof(relative), "%s/%s/terraform.tfstate",
			str_empty(backend->workspace_dir) ? "terraform.tfstate.d"
							  : backend->workspace_dir,
			workspace);
	if (!tree_join(spec->dir, relative, target, sizeof(target)) || str_equal(target, "."))
		return 0; /* an absolute path, or one outside of the tree: the operator's business
			   */
	codec_sha256_hex(target, strlen(target), key);
	if (is_default && str_empty(backend->path))
		codec_sha256_hex(spec->dir, strlen(spec->dir), key);
	ret->file = arena_printf(arena, "%s/repos/%lld/state/%s/%s/terraform.tfstate", data_dir,
		(long long)spec->repo.v, key, workspace);
	ret->target = arena_strdup(arena, target);
	return 0;
}

static int make_folders(const char *file, struct err *err)
{
	char path[PATH_ROOM];

	if (snprintf(path, sizeof(path), "%s", file) >= (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "the path of the data directory is too long");
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(
				err, ERR_SYSTEM, errno, "cannot make the folder of the kept state");
		*slash = '/';
	}
	return 0;
}

static int copy_to(int from, int dir_fd, const char *name, struct err *err)
{
	_cleanup_fd_ int to = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char buffer[32 << 10];
	ssize_t got;

	if (to < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make a copy of the state");
	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)got) != got)
			return err_sys(err, ERR_SYSTEM, errno, "cannot copy the state");
	return got < 0 ? err_sys(err, ERR_SYSTEM, errno, "cannot read the state") : 0;
}

/* The kept file, made at the first apply: empty, or what the repository carries. */
static int make_kept(const struct kept_state *state, const char *tree, struct err *err)
{
	_cleanup_free_ char *fresh = mem_printf("%s.new", state->file);
	_cleanup_fd_ int folder = -1, from = -1;
	const char *slash = strrchr(state->target, '/');
	_cleanup_free_ char *parent = slash == NULL ? mem_strdup(".")
						    : mem_strndup(state->target,
							      (size_t)(slash - state->target));
	struct err missing;
	int r;

	if (access(state->file, F_OK) == 0)
		return 0;
	r = make_folders(state->file, err);
	if (r < 0)
		return r;
	folder = tree_open_dir(tree, parent, &missing);
	if (folder >= 0)
		from = openat(folder, slash == NULL ? state->target : slash + 1,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	unlink(fresh);
	if (from >= 0) {
		r = copy_to(from, AT_FDCWD, fresh, err);
		if (r < 0)
			return r;
	} else {
		from = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (from < 0)
			return err_sys(err, ERR_SYSTEM, errno, "cannot make the kept state");
	}
	return rename(fresh, state->file) < 0
		       ? err_sys(err, ERR_SYSTEM, errno, "cannot make the kept state")
		       : 0;
}

/* The state is written in place by the tool; the one before this apply stays beside it. */
static void keep_previous(const struct kept_state *state)
{
	_cleanup_free_ char *previous = mem_printf("%s.previous", state->file);
	_cleanup_fd_ int from = open(state->file, O_RDONLY | O_CLOEXEC);
	struct err err;

	unlink(previous);
	if (from >= 0 && copy_to(from, AT_FDCWD, previous, &err) < 0)
		unlink(previous);
}

int kept_state_place(const struct kept_state *state, const char *tree, int upper_fd, bool for_apply,
	bool link, struct err *err)
{
	_cleanup_fd_ int folder = -1, from = -1;
	const char *slash = strrchr(state->target, '/');
	const char *name = slash == NULL ? state->target : slash + 1;
	_cleanup_free_ char *parent = slash == NULL ? mem_strdup(".")
						    : mem_strndup(state->target,
							      (size_t)(slash - state->target));
	int r;

	if (!for_apply && access(state->file, F_OK) < 0)
		return 0;
	if (for_apply) {
		r = make_kept(state, tree, err);
		if (r < 0)
			return r;
		keep_previous(state);
	}
	r = tree_make_dirs(upper_fd, parent, err);
	if (r < 0)
		return r;
	folder = openat(upper_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the folder of the state");
	unlinkat(folder, name, 0);
	if (for_apply && link)
		return symlinkat(state->file, folder, name) < 0
			       ? err_sys(err, ERR_SYSTEM, errno, "cannot link the state")
			       : 0;
	from = open(for_apply ? "/dev/null" : state->file, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the kept state");
	return copy_to(from, folder, name, err);
}
