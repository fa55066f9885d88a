/* The list of cases of one test program, and what cmocka lacks: reasons, errors, a folder. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAME_BYTES = 120, OUTPUT_BYTES = 4 << 20 };

static struct {
	struct CMUnitTest *tests;
	size_t count;
	char *folder;
} cases;

/* A name is one line of what a person can read, whatever bytes the table holds. */
static char *case_name(const char *group, const char *name)
{
	struct strbuf out = STRBUF(NAME_BYTES);

	strbuf_puts(&out, group);
	if (name != NULL)
		strbuf_puts(&out, ": ");
	for (const char *at = name; at != NULL && *at != '\0'; at++) {
		if (*at == '\n')
			strbuf_puts(&out, "\\n");
		else
			strbuf_putc(&out, *at < 0x20 || *at == 0x7f ? '?' : *at);
	}
	return strbuf_steal(&out);
}

void cases_add(const char *group, const char *name, CMUnitTestFunction run, const void *row)
{
	cases.tests = mem_grow(cases.tests, (cases.count + 1) * sizeof(*cases.tests));
	cases.tests[cases.count++] = (struct CMUnitTest){ .name = case_name(group, name),
		.test_func = run,
		.initial_state = (void *)(uintptr_t)row };
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int kind,
	_unused_ struct FTW *walk)
{
	return remove(path);
}

int cases_run(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	int failed;

	(void)setvbuf(
		stdout, NULL, _IOLBF, 0); /* a crash must not take the lines before it along */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	failed = _cmocka_run_group_tests(
		slash == NULL ? argv[0] : slash + 1, cases.tests, cases.count, NULL, NULL);
	for (size_t i = 0; i < cases.count; i++)
		free((void *)(uintptr_t)cases.tests[i].name);
	free(cases.tests);
	if (cases.folder != NULL)
		(void)nftw(cases.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(cases.folder);
	return failed == 0 ? 0 : 1;
}

void cases_skip(const char *format, ...)
{
	va_list args;

	(void)printf("# skip: ");
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)printf("\n");
	_skip(__FILE__, __LINE__);
	abort(); /* _skip() does not come back, but does not say so */
}

bool cases_are_slow(void)
{
	return str_equal(getenv("SLUICE_TEST_UNDER"), "valgrind");
}

void cases_need_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		cases_skip("openat2 is not known here (an old valgrind)");
	close(fd);
}

void cases_need_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0 && errno == ENOSYS)
		cases_skip("pidfd_open is not known here (an old valgrind)");
	close(fd);
}

void cases_assert_ok(int r, const struct err *err, const char *file, int line)
{
	if (r == 0)
		return;
	print_error("returned %d: %s\n", r, err->text);
	_fail(file, line);
}

void cases_assert_err(int r, const struct err *err, enum err_code code, const char *part,
	const char *file, int line)
{
	if (r == -(int)code && err->code == code && err->class >= ERR_CLASS_TEMP &&
		strstr(err->text, part) != NULL)
		return;
	print_error("returned %d, expected -%s; error %s, %s: \"%s\", expected \"...%s...\"\n", r,
		err_code_name(code), err_code_name(err->code), err_class_name(err->class),
		err->text, part);
	_fail(file, line);
}

void cases_assert_contains(const char *text, const char *part, const char *file, int line)
{
	if (text != NULL && strstr(text, part) != NULL)
		return;
	print_error("\"%s\" is not in \"%s\"\n", part, text == NULL ? "(null)" : text);
	_fail(file, line);
}

const char *cases_folder(void)
{
	const char *base = getenv("TMPDIR");

	if (cases.folder == NULL) {
		cases.folder = mem_printf("%s/sluice-test-XXXXXX", str_empty(base) ? "/tmp" : base);
		if (mkdtemp(cases.folder) == NULL)
			abort();
	}
	return cases.folder;
}

char *cases_stderr_of(void (*run)(void *owner), void *owner)
{
	struct strbuf out = STRBUF(OUTPUT_BYTES);
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	char chunk[4096];
	size_t got;

	if (file == NULL || kept < 0 || dup2(fileno(file), STDERR_FILENO) < 0)
		abort();
	run(owner);
	(void)fflush(stderr);
	(void)dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		strbuf_append(&out, chunk, got);
	(void)fclose(file);
	return strbuf_steal(&out);
}
