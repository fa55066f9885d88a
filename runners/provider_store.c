/* The store of providers in the file system. */
#include "runners/provider_store.h"

#include "orchestrator/lib/hcl.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_dir.h"
#include "runners/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORD_MAX = 64 << 10, SUMS_MAX = 256, HASH_MAX = 200 };

static int open_store(const char *store, struct err *err)
{
	int fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 ? fd : err_sys(err, ERR_SYSTEM, errno, "cannot open %s", store);
}

static char *version_path(const struct installed *package)
{
	return mem_printf("%s/%s", package->source, package->version);
}

int provider_store_prepare(const char *store, const char *shown, struct err *err)
{
	_cleanup_free_ char *text = mem_printf(
		"provider_installation {\n  filesystem_mirror {\n    path = \"%s\"\n  }\n  direct "
		"{\n  }\n}\n",
		shown);
	_cleanup_free_ char *fresh = mem_printf(".cli-%d", (int)getpid());
	_cleanup_fd_ int folder = -1, fd = -1;
	struct stat st;

	if (mkdir(store, 0755) < 0 && errno != EEXIST)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make %s", store);
	folder = open_store(store, err);
	if (folder < 0)
		return folder;
	if (fstatat(folder, PROVIDER_STORE_CLI, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		(size_t)st.st_size == strlen(text))
		return 0;
	fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || fchmod(folder, 0755) < 0 ||
		write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
		renameat(folder, fresh, folder, PROVIDER_STORE_CLI) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot write to %s", store);
	return 0;
}

int provider_store_find(
	const char *store, const struct installed *package, json_t **ret, struct err *err)
{
	_cleanup_free_ char *path = version_path(package);
	_cleanup_fd_ int folder = open_store(store, err), version = -1;
	int r;

	*ret = NULL;
	if (folder < 0)
		return folder;
	version = tree_open_beneath(folder, path, O_RDONLY | O_DIRECTORY);
	if (version < 0)
		return errno == ENOENT
			       ? 0
			       : err_sys(err, ERR_SYSTEM, errno, "cannot open %s/%s", store, path);
	if (faccessat(version, package->platform, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = jsonx_read_at(version, PROVIDER_RECORD, RECORD_MAX, ret, err);
	return r < 0 ? err_wrap(err, "%s/%s", store, path) : 1;
}

static int refuse(
	const struct installed *package, const char *found, const json_t *known, struct err *err)
{
	return err_class_set(err, ERR_REFUSED, ERR_CLASS_PERM,
		"the package of the provider %.120s %.40s has the hash %s, and when this server "
		"first had that version, it was %s. A version does not change: either its registry "
		"was tampered with, or what this job fetched was",
		package->source, package->version, found,
		json_string_value(json_object_get(known, "h1")));
}

int provider_store_compare(
	const struct installed *package, const json_t *known, int package_fd, struct err *err)
{
	const char *h1 = json_string_value(json_object_get(known, "h1"));
	char found[DIRHASH_TEXT];
	int r = dirhash_read(package_fd, false, found, err);

	return r < 0 || str_equal(found, h1) ? r : refuse(package, found, known, err);
}

/* fresh/PLATFORM and fresh/hashes.json. */
static int fill(int folder, const struct installed *package, int from_fd, const json_t *zh,
	json_t **ret_known, struct err *err)
{
	_cleanup_fd_ int there = -1;
	char h1[DIRHASH_TEXT];
	int r;

	if (renameat(from_fd, package->path, folder, package->platform) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot take the package %s", package->path);
	there = openat(folder, package->platform, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (there < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the package %s", package->path);
	r = dirhash_read(there, true, h1, err);
	if (r < 0)
		return r;
	*ret_known = json_pack("{s:s, s:O}", "h1", h1, "zh", zh);
	return jsonx_write_at(folder, PROVIDER_RECORD, *ret_known, true, err);
}

/* Somebody was faster. */
static int meet(
	const char *store, const struct installed *package, const json_t *known, struct err *err)
{
	_cleanup_json_ json_t *first = NULL;
	int r = provider_store_find(store, package, &first, err);
	const char *h1 = json_string_value(json_object_get(known, "h1"));

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_REFUSED,
			"the store has %.120s %.40s for another platform than %.40s only",
			package->source, package->version, package->platform);
	return str_equal(h1, json_string_value(json_object_get(first, "h1")))
		       ? 0
		       : refuse(package, h1, first, err);
}

/* Jobs are other users. */
static int make_folder(int folder, const char *name)
{
	return (mkdirat(folder, name, 0755) < 0 && errno != EEXIST) ||
			       fchmodat(folder, name, 0755, 0) < 0
		       ? -1
		       : 0;
}

/* source: HOST/NAMESPACE/TYPE, and each of these may be there. */
static int make_parents(int folder, const char *source)
{
	_cleanup_free_ char *path = mem_strdup(source);
	int r = 0;

	for (char *slash = path; r == 0 && (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		r = make_folder(folder, path);
		*slash = '/';
	}
	return r < 0 ? r : make_folder(folder, path);
}

int provider_store_keep(const char *store, const struct installed *package, int from_fd,
	const json_t *zh, const char *fresh, struct err *err)
{
	_cleanup_free_ char *path = version_path(package);
	_cleanup_fd_ int folder = open_store(store, err), new = -1;
	_cleanup_json_ json_t *known = NULL;
	int r;

	if (folder < 0)
		return folder;
	tree_remove(folder, fresh);
	if (make_parents(folder, package->source) < 0 || make_folder(folder, fresh) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make a folder in %s", store);
	new = openat(folder, fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (new < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open a folder in %s", store);
	r = fill(new, package, from_fd, zh, &known, err);
	if (r == 0 && renameat(folder, fresh, folder, path) < 0)
		r = errno == EEXIST || errno == ENOTEMPTY
			    ? meet(store, package, known, err)
			    : err_sys(err, ERR_SYSTEM, errno, "cannot keep %s", path);
	tree_remove(folder, fresh);
	return r;
}

int provider_store_hold(const char *store, const struct installed *package, int folder_fd,
	const char *name, struct err *err)
{
	_cleanup_free_ char *path = version_path(package);
	_cleanup_free_ char *record = mem_printf("%s/" PROVIDER_RECORD, path);
	_cleanup_fd_ int folder = open_store(store, err);

	if (folder < 0)
		return folder;
	if (linkat(folder, record, folder_fd, name, 0) < 0 ||
		utimensat(folder, path, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot hold %s/%s", store, path);
	return 0;
}

/* ---- lock files ---- */

struct lock_reading {
	const char *source, *version; /* the one that is wanted; NULL: the sums of all */
	bool is_it, has_h1, has_zh, is_h1, is_zh;
	const json_t *known;
	json_t *sums;
};

static bool is_text(struct hcl_token token, const char *text)
{
	return token.length == strlen(text) && memcmp(token.text, text, token.length) == 0;
}

static bool knows(const json_t *sums, struct hcl_token sum)
{
	const json_t *item;
	size_t i;

	json_array_foreach (sums, i, item)
		if (is_text(sum, json_string_value(item)))
			return true;
	return false;
}

static void on_wanted(struct lock_reading *reading, const struct hcl_value *value)
{
	const char *h1 = json_string_value(json_object_get(reading->known, "h1"));

	if (!is_text(value->frames[0].label, reading->source))
		return;
	if (is_text(value->key, "version") && !value->is_item) {
		reading->is_it = is_text(value->text, reading->version);
	} else if (is_text(value->key, "hashes") && value->is_item && value->text.length > 3) {
		bool is_h1 = memcmp(value->text.text, "h1:", 3) == 0;
		bool is_zh = memcmp(value->text.text, "zh:", 3) == 0;

		reading->has_h1 = reading->has_h1 || is_h1;
		reading->has_zh = reading->has_zh || is_zh;
		reading->is_h1 = reading->is_h1 || is_text(value->text, h1);
		reading->is_zh = reading->is_zh ||
				 knows(json_object_get(reading->known, "zh"), value->text);
	}
}

static void on_any(struct lock_reading *reading, const struct hcl_value *value)
{
	struct hcl_token label = value->frames[0].label, text = value->text;
	_cleanup_free_ char *source = mem_strndup(label.text, label.length);
	json_t *list = json_object_get(reading->sums, source);

	if (!value->is_item || !is_text(value->key, "hashes") || text.length > HASH_MAX ||
		text.length < 3 || memcmp(text.text, "zh:", 3) != 0)
		return;
	if (list == NULL) {
		list = json_array();
		json_object_set_new(reading->sums, source, list);
	}
	if (json_array_size(list) < SUMS_MAX)
		json_array_append_new(list, json_stringn(text.text, text.length));
}

static void on_lock(void *owner, const struct hcl_value *value)
{
	struct lock_reading *reading = owner;

	if (value->depth != 1 || !hcl_is(value->frames[0].word, "provider") ||
		value->frames[0].label.kind != HCL_STRING)
		return;
	if (reading->sums != NULL)
		on_any(reading, value);
	else
		on_wanted(reading, value);
}

json_t *provider_store_sums(const char *lock, size_t length)
{
	struct lock_reading reading = { .sums = json_object() };

	hcl_walk(lock, length, on_lock, &reading);
	return reading.sums;
}

int provider_store_locked(const struct installed *package, const json_t *known, const char *lock,
	size_t length, const char *lock_name, struct err *err)
{
	struct lock_reading reading = {
		.source = package->source, .version = package->version, .known = known
	};
	bool has_signed = json_array_size(json_object_get(known, "zh")) > 0;

	hcl_walk(lock, length, on_lock, &reading);
	if (!reading.is_it || (!reading.has_h1 && !reading.has_zh))
		return 0;
	if (reading.has_h1 ? reading.is_h1 : reading.is_zh || !has_signed)
		if (!reading.has_zh || !has_signed || reading.is_zh)
			return 0;
	return err_user(err, ERR_REFUSED,
		"the hashes in %.100s are not those of the provider %.120s %.40s, as its registry "
		"gives it for %.40s (%s). Look at who changed them; `terraform providers lock "
		"-platform=%.40s` writes the right ones",
		lock_name, package->source, package->version, package->platform,
		json_string_value(json_object_get(known, "h1")), package->platform);
}
