/* links: runner model lib */
/* Packages of providers: the hash h1, what a store keeps, what a lock file says of it. Expected
 * hashes were made with sha256sum and base64. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "runners/provider_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define H1    "h1:h7v4jI33jlDp+WbSseOjAkXVCf6N+UCk7nxXqex82a4="
#define EMPTY "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define ZH    "zh:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct installed package = { .source = "example.org/acme/x",
	.version = "1.0.0",
	.platform = "linux_amd64",
	.path = "example.org/acme/x/1.0.0/linux_amd64" };

static void put(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);
	FILE *file;

	for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL;
		slash++) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A folder in which init has left the package. */
static char *make_staging(const char *license)
{
	static int number;
	char *folder = mem_printf("%s/staging%d", cases_folder(), number++);

	assert_int_equal(mkdir(folder, 0700), 0);
	put(folder, "example.org/acme/x/1.0.0/linux_amd64/terraform-provider-x_v1.0.0",
		"program\n");
	put(folder, "example.org/acme/x/1.0.0/linux_amd64/LICENSE", license);
	put(folder, "example.org/acme/x/1.0.0/linux_amd64/docs/a", "");
	return folder;
}

static void no_files(_unused_ void **state)
{
	char found[DIRHASH_TEXT];

	dirhash_of(NULL, 0, found);
	assert_string_equal(found, EMPTY);
}

static void of_a_folder(_unused_ void **state)
{
	_cleanup_free_ char *folder = make_staging("text\n");
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, package.path);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char found[DIRHASH_TEXT];
	struct err err;

	assert_ok(dirhash_read(fd, false, found, &err), &err);
	assert_string_equal(found, H1);
	assert_int_equal(symlinkat("/etc/passwd", fd, "link"), 0);
	assert_err(dirhash_read(fd, false, found, &err), &err, ERR_REFUSED, "neither a file");
}

static int keep(const char *store, const char *license, struct err *err)
{
	_cleanup_free_ char *folder = make_staging(license);
	_cleanup_fd_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_json_ json_t *zh = json_pack("[s]", ZH);

	return provider_store_keep(store, &package, fd, zh, ".new-1", err);
}

static void first_come(_unused_ void **state)
{
	cases_need_openat2(); /* first: it may skip the case */
	_cleanup_free_ char *store = mem_printf("%s/store", cases_folder());
	_cleanup_free_ char *license = mem_printf("%s/%s/LICENSE", store, package.path);
	_cleanup_json_ json_t *known = NULL;
	struct stat st;
	struct err err;

	assert_ok(provider_store_prepare(store, "/providers", &err), &err);
	assert_ok(provider_store_prepare(store, "/providers", &err), &err);
	assert_int_equal(provider_store_find(store, &package, &known, &err), 0);
	assert_ok(keep(store, "text\n", &err), &err);
	assert_ok(keep(store, "text\n", &err), &err); /* who comes second has brought nothing */
	assert_err(keep(store, "changed\n", &err), &err, ERR_REFUSED, "A version does not change");
	assert_int_equal(provider_store_find(store, &package, &known, &err), 1);
	assert_string_equal(json_string_value(json_object_get(known, "h1")), H1);
	assert_int_equal(stat(license, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	assert_int_equal(st.st_size, 5);
}

#define LOCK(version, ...)                                                                         \
	"provider \"example.org/acme/x\" {\n  version = \"" version "\"\n  hashes = [" __VA_ARGS__ \
	"]\n}\n"

static const struct lock_case {
	const char *name, *text;
	bool is_fine;
} lock_cases[] = {
	{ "both", LOCK("1.0.0", "\"" H1 "\", \"" ZH "\""), true },
	{ "one of many", LOCK("1.0.0", "\"h1:other\", \"" H1 "\", \"zh:other\", \"" ZH "\""),
		true },
	{ "h1 alone", LOCK("1.0.0", "\"" H1 "\""), true },
	{ "zh alone", LOCK("1.0.0", "\"" ZH "\""), true },
	{ "no hash", LOCK("1.0.0", ""), true },
	{ "another version", LOCK("1.0.1", "\"h1:other\""), true },
	{ "another provider",
		"provider \"a/b/c\" {\n version = \"1.0.0\"\n hashes = [\"h1:x\"]\n}\n", true },
	{ "another h1", LOCK("1.0.0", "\"h1:other\", \"" ZH "\""), false },
	{ "another zh", LOCK("1.0.0", "\"" H1 "\", \"zh:other\""), false },
	{ "another zh alone", LOCK("1.0.0", "\"zh:other\""), false },
	{ "a hash in a comment", LOCK("1.0.0", "\"h1:other\" # \"" H1 "\"\n"), false },
};

static void lock(void **state)
{
	const struct lock_case *row = *state;
	_cleanup_json_ json_t *known = json_pack("{s:s, s:[s]}", "h1", H1, "zh", ZH);
	_cleanup_json_ json_t *sums = provider_store_sums(row->text, strlen(row->text));
	struct err err;
	int r = provider_store_locked(
		&package, known, row->text, strlen(row->text), "p/.terraform.lock.hcl", &err);

	assert_true(json_is_object(sums));
	if (row->is_fine)
		assert_ok(r, &err);
	else
		assert_err(r, &err, ERR_REFUSED, "p/.terraform.lock.hcl");
}

int main(int argc, char **argv)
{
	CASE(no_files);
	CASE(of_a_folder);
	CASE(first_come);
	CASES(lock_cases, lock);
	return cases_run(argc, argv);
}
