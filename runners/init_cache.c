/* Fingerprints of what init reads, and the folders of what it made. */
#include "runners/init_cache.h"
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/strvec.h"
#include "runners/output.h"
#include "runners/provider_store.h"
#include "runners/sandbox.h"
#include "runners/site.h"
#include "runners/tree.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MODULES_MAX = 512, FILE_MAX = 8 << 20, FACTS_MAX = 8 << 20, PATH_ROOM = 1024 };

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool floats(const char *value, size_t length)
{
	static const char *const marks[] = { "::", "?ref=", "git@", "github.com", "bitbucket.org",
		"http:", "https:" };

	for (size_t i = 0; i < countof(marks); i++)
		if (memmem(value, length, marks[i], strlen(marks[i])) != NULL)
			return true;
	return false;
}

bool init_cache_next_source(
	const char *text, size_t length, size_t *at, char *ret, size_t size, bool *ret_floats)
{
	static const char word[] = "source";

	while (*at < length) {
		const char *hit = memmem(text + *at, length - *at, word, sizeof(word) - 1);
		const char *end = text + length, *value;
		size_t bytes;

		if (hit == NULL)
			break;
		*at = (size_t)(hit - text) + sizeof(word) - 1;
		hit += sizeof(word) - 1;
		if (hit < end && *hit == '"')
			hit++;
		while (hit < end && is_space(*hit))
			hit++;
		if (hit >= end || (*hit != '=' && *hit != ':'))
			continue;
		for (hit++; hit < end && is_space(*hit);)
			hit++;
		if (hit >= end || *hit != '"')
			continue;
		value = hit + 1;
		hit = memchr(value, '"', (size_t)(end - value));
		if (hit == NULL)
			break;
		bytes = (size_t)(hit - value);
		*ret_floats = *ret_floats || floats(value, bytes);
		*at = (size_t)(hit - text);
		if (bytes < 2 || bytes >= size || value[0] != '.' ||
			(value[1] != '/' && !(value[1] == '.')))
			continue;
		memcpy(ret, value, bytes);
		ret[bytes] = '\0';
		return true;
	}
	*at = length;
	return false;
}

static bool is_relevant(const char *name)
{
	static const char *const ends[] = { ".tf", ".tf.json", ".tofu", ".tofu.json" };

	if (strcmp(name, ".terraform.lock.hcl") == 0)
		return true;
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(name, ends[i]))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct scan {
	const char *tree;
	struct strvec folders; /* found so far; the scan goes through them in order */
	struct strbuf facts;
	bool floats;
};

static void scan_found(struct scan *scan, const char *folder)
{
	for (size_t i = 0; i < scan->folders.count; i++)
		if (str_equal(scan->folders.items[i], folder))
			return;
	if (scan->folders.count < MODULES_MAX)
		strvec_push(&scan->folders, folder);
}

static int scan_file(
	struct scan *scan, int folder_fd, const char *folder, const char *name, struct err *err)
{
	_cleanup_fd_ int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	char sha[SHA256_HEX], source[PATH_ROOM], found[PATH_ROOM];
	size_t length = 0, at = 0;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0; /* what the tool makes of it is the tool's business */
	r = output_read_fd(fd, FILE_MAX, &text, &length, err);
	if (r < 0)
		return err_wrap(err, "%s/%s", folder, name);
	codec_sha256_hex(text, length, sha);
	strbuf_printf(&scan->facts, "%s/%s %s\n", folder, name, sha);
	while (init_cache_next_source(text, length, &at, source, sizeof(source), &scan->floats))
		if (tree_join(folder, source, found, sizeof(found)))
			scan_found(scan, found);
	return 0;
}

static int scan_folder(struct scan *scan, const char *folder, struct err *err)
{
	_cleanup_strvec_ struct strvec names = { 0 };
	struct err missing;
	int fd = tree_open_dir(scan->tree, folder, &missing), r = 0;
	const struct dirent *entry;
	DIR *stream;

	strbuf_printf(&scan->facts, "%s/\n", folder);
	if (fd < 0)
		return 0;
	stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return err_sys(err, ERR_SYSTEM, errno, "cannot read %s", folder);
	}
	while ((entry = readdir(stream)) != NULL)
		if (is_relevant(entry->d_name) && names.count < STRVEC_MAX - 1)
			strvec_push(&names, entry->d_name);
	if (names.count > 0)
		qsort(names.items, names.count, sizeof(names.items[0]), by_name);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = scan_file(scan, fd, folder, names.items[i], err);
	closedir(stream);
	return r;
}

static void add_file_identity(struct strbuf *facts, const char *path)
{
	struct stat st;

	if (str_empty(path) || stat(path, &st) < 0)
		return;
	strbuf_printf(facts, "%s %lld %lld.%ld\n", path, (long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

int init_cache_fingerprint(const struct site *site, const char *program,
	const struct job_spec *spec, const char *tree, const char *more, char ret[SHA256_HEX],
	struct err *err)
{
	struct scan scan = { .tree = tree, .facts = STRBUF(FACTS_MAX) };
	int r = 0;

	strbuf_printf(&scan.facts, "1 %s\n%s\n%s\n", spec->tool, spec->dir,
		str_empty(spec->workspace) ? "default" : spec->workspace);
	strbuf_puts(&scan.facts, more);
	add_file_identity(&scan.facts, program);
	add_file_identity(&scan.facts, site->cli_config);
	strvec_push(&scan.folders, spec->dir);
	for (size_t i = 0; r == 0 && i < scan.folders.count; i++)
		r = scan_folder(&scan, scan.folders.items[i], err);
	/* A branch or an address can mean something else tomorrow: such a module is kept for a day.
	 */
	if (scan.floats)
		strbuf_printf(&scan.facts, "day %lld\n",
			(long long)(clock_wall_ms(&clock_system) / 86400000));
	if (r == 0 && (scan.facts.overflowed || scan.folders.count == MODULES_MAX))
		r = err_set(err, ERR_LIMIT, "the project has too many files or modules");
	if (r == 0)
		codec_sha256_hex(strbuf_text(&scan.facts), scan.facts.length, ret);
	strbuf_release(&scan.facts);
	strvec_release(&scan.folders);
	return r;
}

char *init_cache_path(const struct site *site, const struct job_spec *spec, const char *fingerprint)
{
	return mem_printf(
		"%s/repos/%lld/init/%s", site->data_dir, (long long)spec->repo.v, fingerprint);
}

bool init_cache_has(const char *entry)
{
	return utimensat(AT_FDCWD, entry, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

/* One thing init made; what it did not make is not missing. */
static int take(int from_fd, int to_fd, const char *name, mode_t type, struct err *err)
{
	struct stat st;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (st.st_mode & S_IFMT) != type)
		return 0;
	if (renameat(from_fd, name, to_fd, name) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot keep %s", name);
	return 0;
}

static int fill_entry(int entry_fd, int job_fd, const struct job_spec *spec, const json_t *backend,
	struct err *err)
{
	_cleanup_free_ char *from_path = mem_printf("upper/%s", spec->dir);
	_cleanup_free_ char *to_path = mem_printf("layer/%s", spec->dir);
	_cleanup_fd_ int from = -1, to = -1;
	int r;

	r = tree_make_dirs(entry_fd, to_path, err);
	if (r < 0)
		return r;
	r = jsonx_write_at(entry_fd, "backend.json", backend, false, err);
	if (r < 0)
		return r;
	from = openat(job_fd, from_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0)
		return errno == ENOENT
			       ? 0
			       : err_sys(err, ERR_SYSTEM, errno, "cannot open what init made");
	to = openat(entry_fd, to_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the init cache");
	r = take(from, to, ".terraform", S_IFDIR, err);
	return r < 0 ? r : take(from, to, ".terraform.lock.hcl", S_IFREG, err);
}

/* <data>/repos/ID is there, what is below may not be. */
static int make_parents(const char *folder)
{
	const char *repos = strstr(folder, "/repos/");
	_cleanup_free_ char *path = mem_strdup(folder);
	char *slash = path + (repos - folder) + strlen("/repos/");

	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

int init_cache_save(const char *entry, int job_fd, const struct job_spec *spec,
	const json_t *backend, const struct sandbox_support *support, struct err *err)
{
	_cleanup_free_ char *folder = mem_strndup(entry, (size_t)(strrchr(entry, '/') - entry));
	_cleanup_free_ char *fresh = mem_printf(
		".new-%lld-%d", (long long)spec->job.v, spec->attempt);
	_cleanup_fd_ int folder_fd = -1, entry_fd = -1;
	int r;

	if (make_parents(folder) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make the init cache");
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the init cache");
	tree_remove(folder_fd, fresh);
	if (mkdirat(folder_fd, fresh, 0700) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make an entry of the init cache");
	entry_fd = openat(folder_fd, fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (entry_fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open an entry of the init cache");
	r = fill_entry(entry_fd, job_fd, spec, backend, err);
	if (r == 0)
		r = sandbox_give(support, 0, entry_fd, err);
	if (r == 0) /* never given away: they are names of files of the store */
		r = take(job_fd, entry_fd, PROVIDER_HELD, S_IFDIR, err);
	if (r == 0 && renameat(folder_fd, fresh, folder_fd, strrchr(entry, '/') + 1) < 0 &&
		errno != EEXIST && errno != ENOTEMPTY)
		r = err_sys(err, ERR_SYSTEM, errno, "cannot name an entry of the init cache");
	tree_remove(folder_fd, fresh); /* somebody was faster, or it failed */
	return r;
}

void init_cache_drop(const char *entry, const struct job_spec *spec)
{
	_cleanup_free_ char *gone = mem_printf(
		"%s.gone-%lld-%d", entry, (long long)spec->job.v, spec->attempt);

	if (rename(entry, gone) == 0)
		tree_remove(AT_FDCWD, gone);
}
