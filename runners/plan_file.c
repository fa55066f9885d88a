/* The configuration inside a saved plan, and the one in the work tree. */
#include "runners/plan_file.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/tree.h"
#include "runners/zip.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { PLAN_FILE_MAX = 512 << 20, DIFFERENCES_MAX = 50 };

static const char config_prefix[] = "tfconfig/m-", modules_name[] = "tfconfig/modules.json";

/* ---- the confined half: foreign bytes into our words ---- */

/* {"": {"dir": ".", "files": {}}, ...} out of Terraform's list of modules. */
static int list_modules(const struct zip *zip, json_t **ret, struct err *err)
{
	const struct zip_entry *entry = zip_find(zip, modules_name);
	_cleanup_json_ json_t *manifest = NULL, *modules = json_object();
	_cleanup_free_ char *text = NULL;
	const json_t *item;
	size_t i;
	int r = entry == NULL ? err_set(err, ERR_SYNTAX, "the plan file has no list of modules")
			      : zip_read(entry, &text, err);

	if (r == 0)
		r = jsonx_parse(text, entry->size, PLAN_FILE_LIST_MAX, &manifest, err);
	if (r < 0)
		return r;
	json_array_foreach (manifest, i, item) {
		const char *key = json_string_value(json_object_get(item, "Key"));
		const char *dir = json_string_value(json_object_get(item, "Dir"));

		if (key == NULL || dir == NULL || json_object_get(modules, key) != NULL)
			return err_set(err, ERR_SYNTAX, "the plan file's list of modules is wrong");
		json_object_set_new(modules, key, json_pack("{s:s, s:{}}", "dir", dir, "files"));
	}
	if (json_object_get(modules, "") == NULL)
		return err_set(err, ERR_SYNTAX, "the plan file has no root module");
	*ret = steal_ptr(modules);
	return 0;
}

/* "tfconfig/m-a.b/x.tf": x.tf of the module a.b. */
static int list_file(const struct zip_entry *entry, json_t *modules, struct err *err)
{
	const char *key = entry->name + strlen(config_prefix), *slash = strchr(key, '/');
	_cleanup_free_ char *module = NULL, *bytes = NULL;
	char sha[SHA256_HEX];
	json_t *files;
	int r;

	if (slash == NULL || slash[1] == '\0' || strchr(slash + 1, '/') != NULL)
		return err_set(err, ERR_SYNTAX, "the plan file holds a strange configuration file");
	module = mem_strndup(key, (size_t)(slash - key));
	files = json_object_get(json_object_get(modules, module), "files");
	if (files == NULL)
		return err_set(err, ERR_SYNTAX,
			"the plan file holds configuration of a module that it does not list");
	r = zip_read(entry, &bytes, err);
	if (r < 0)
		return r;
	codec_sha256_hex(bytes, entry->size, sha);
	if (json_object_set_new(files, slash + 1, json_string(sha)) < 0)
		return err_set(err, ERR_SYNTAX, "the plan file holds a name that is no text");
	return 0;
}

static int list(const char *bytes, size_t length, json_t **ret, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *modules = NULL;
	struct zip zip;
	int r = zip_open((const uint8_t *)bytes, length, &arena, &zip, err);

	if (r == 0)
		r = list_modules(&zip, &modules, err);
	for (size_t i = 0; r == 0 && i < zip.count; i++) {
		if (str_starts(zip.entries[i].name, config_prefix))
			r = list_file(&zip.entries[i], modules, err);
		else if (str_starts(zip.entries[i].name, "tfconfig/") &&
			 !str_equal(zip.entries[i].name, modules_name))
			r = err_set(err, ERR_SYNTAX,
				"the plan file holds a strange configuration file");
	}
	if (r == 0)
		*ret = steal_ptr(modules);
	return r;
}

int plan_file_list(int in_fd, int out_fd)
{
	_cleanup_json_ json_t *modules = NULL;
	_cleanup_free_ char *text = NULL;
	struct stat stat;
	struct err err;
	char *bytes;
	int r;

	if (fstat(in_fd, &stat) < 0 || stat.st_size == 0 || stat.st_size > PLAN_FILE_MAX)
		return dprintf(out_fd, "the plan file is empty or too large") < 0 ? 2 : 1;
	bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, in_fd, 0);
	if (bytes == MAP_FAILED)
		return 2;
	r = list(bytes, (size_t)stat.st_size, &modules, &err);
	munmap(bytes, (size_t)stat.st_size);
	if (r < 0)
		return dprintf(out_fd, "%s", err.text) < 0 ? 2 : 1;
	text = jsonx_text(modules);
	return text != NULL && dprintf(out_fd, "%s", text) > 0 ? 0 : 2;
}

/* ---- the supervisor's half ---- */

struct check {
	int tree_fd, layer_fd;
	const char *dir; /* of the project in the tree */
	struct strvec *differences;
};

static bool is_config(const char *name)
{
	return name[0] != '.' && (str_ends(name, ".tf") || str_ends(name, ".tf.json") ||
					 str_ends(name, ".tofu") || str_ends(name, ".tofu.json"));
}

static void differ(struct check *check, const char *dir, const char *name, const char *how)
{
	if (check->differences->count < DIFFERENCES_MAX)
		strvec_pushf(check->differences, "%.200s/%.200s %s", dir, name, how);
}

/* Where a module's folder really is: modules that init brought lie in what init left. Returns what
 * `path`, relative, is to be opened from, or -1. */
static int place_of(const struct check *check, const char *dir, char *path, size_t size)
{
	if (str_starts(dir, ".terraform/"))
		return tree_join("", dir, path, size) ? check->layer_fd : -1;
	return tree_join(check->dir, dir, path, size) ? check->tree_fd : -1;
}

static bool is_same(int base_fd, const char *dir, const char *name, const char *wanted)
{
	char path[PATH_MAX], sha[SHA256_HEX];
	_cleanup_fd_ int fd = -1;
	struct stat stat;
	struct err err;

	if (strchr(name, '/') == NULL && tree_join(dir, name, path, sizeof(path)))
		fd = tree_open_inside(base_fd, path, O_RDONLY | O_NONBLOCK);
	return fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) &&
	       codec_sha256_fd(fd, sha, &err) == 0 && str_equal(sha, wanted);
}

/* OpenTofu reads x.tofu instead of x.tf. */
static bool is_shadowed(const char *name, const json_t *files)
{
	const char *dot = strstr(name, ".tf");
	_cleanup_free_ char *other = dot == NULL || str_ends(name, ".tofu")
					     ? NULL
					     : mem_printf("%.*s.tofu%s", (int)(dot - name), name,
						       str_ends(name, ".json") ? ".json" : "");

	return other != NULL && json_object_get(files, other) != NULL;
}

/* Every file of the plan is the file of the folder, and no file of the folder was left out. Links
 * are followed as Terraform follows them, but never out of the tree. */
static void check_module(struct check *check, const char *dir, const json_t *files)
{
	char path[PATH_MAX];
	int base_fd = place_of(check, dir, path, sizeof(path));
	int fd = base_fd < 0 ? -1 : tree_open_inside(base_fd, path, O_RDONLY | O_DIRECTORY);
	const struct dirent *item;
	const char *name;
	json_t *sha;
	DIR *folder;

	if (fd < 0) {
		differ(check, dir, "", "is not a folder of this commit");
		return;
	}
	json_object_foreach ((json_t *)files, name, sha) {
		if (!is_same(base_fd, path, name, json_string_value(sha)))
			differ(check, dir, name, "is not as in this commit");
	}
	folder = fdopendir(fd);
	while (folder != NULL && (item = readdir(folder)) != NULL) {
		if (is_config(item->d_name) && json_object_get(files, item->d_name) == NULL &&
			!is_shadowed(item->d_name, files))
			differ(check, dir, item->d_name, "was left out");
	}
	if (folder != NULL)
		closedir(folder);
	else
		close(fd);
}

int plan_file_check(const json_t *list, int tree_fd, const char *dir, int layer_fd,
	struct strvec *ret, struct err *err)
{
	struct check check = {
		.tree_fd = tree_fd, .layer_fd = layer_fd, .dir = dir, .differences = ret
	};
	const char *root = json_string_value(json_object_get(json_object_get(list, ""), "dir"));
	const char *key;
	json_t *module;

	if (root == NULL || !str_equal(root, "."))
		return err_set(err, ERR_SYNTAX, "the plan file was made in another folder");
	json_object_foreach ((json_t *)list, key, module) {
		const char *module_dir = json_string_value(json_object_get(module, "dir"));

		check_module(&check, module_dir == NULL ? "" : module_dir,
			json_object_get(module, "files"));
	}
	return 0;
}
