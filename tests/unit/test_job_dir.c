/* Who may have a job directory, and what it proves. */
#include "orchestrator/model/job_dir.h"
#include "runners/blob.h"
#include "runners/job_dir.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static char root[] = "/tmp/sluice-job-dir-XXXXXX";
static char path[128];

static int set_up(void **state)
{
	(void)state;
	memcpy(strstr(root, "job-dir-") + 8, "XXXXXX", 6);
	if (mkdtemp(root) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/1-1", root);
	return mkdir(path, 0700);
}

static int tear_down(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void touch(const char *name)
{
	char file[256];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	close(open(file, O_WRONLY | O_CREAT, 0600));
}

static void test_one_owner(void **state)
{
	struct job_dir first, second;
	struct err err;

	(void)state;
	assert_int_equal(job_dir_claim(&first, path, &err), 0);
	assert_int_equal(job_dir_claim(&second, path, &err), -ERR_BUSY);
	job_dir_release(&second);
	job_dir_release(&first);
	assert_int_equal(job_dir_claim(&first, path, &err), 0);
	job_dir_release(&first);
}

static void test_what_refuses(void **state)
{
	static const char *const names[] = { JOB_FILE_VOID, JOB_FILE_RESULT, JOB_FILE_STARTED };
	struct job_dir dir;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		touch(names[i]);
		assert_int_equal(job_dir_claim(&dir, path, &err), -ERR_REFUSED);
		assert_int_equal(unlinkat(dir.fd, names[i], 0), 0);
		job_dir_release(&dir);
	}
}

static void test_secrets_are_read_once(void **state)
{
	struct job_dir dir;
	struct err err;
	char *text;
	int fd;

	(void)state;
	assert_int_equal(job_dir_claim(&dir, path, &err), 0);
	fd = openat(dir.fd, JOB_FILE_SECRETS, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "A=b\n", 4), 4);
	close(fd);
	assert_int_equal(job_dir_secrets(&dir, &text, &err), 0);
	assert_string_equal(text, "A=b\n");
	free(text);
	assert_int_equal(job_dir_secrets(&dir, &text, &err), 0);
	assert_null(text);
	job_dir_release(&dir);
}

static void test_started_once(void **state)
{
	struct job_dir dir;
	struct err err;

	(void)state;
	assert_int_equal(job_dir_claim(&dir, path, &err), 0);
	assert_int_equal(job_dir_mark_started(&dir, &err), 0);
	assert_true(job_dir_mark_started(&dir, &err) < 0);
	job_dir_release(&dir);
}

static void write_file(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_blob(void **state)
{
	char sha[SHA256_HEX];
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	struct err err;

	(void)state;
	write_file(fd, "plan", "the plan");
	assert_int_equal(blob_put(root, fd, "plan", 100, BLOB_MOVE, true, sha, &err), 0);
	assert_int_equal(blob_put(root, fd, "plan", 100, BLOB_MOVE, true, sha, &err), -ERR_MISSING);
	assert_int_equal(blob_copy(root, sha, fd, "copy", &err), 0);
	write_file(fd, "large", "more than ten bytes");
	assert_int_equal(blob_put(root, fd, "large", 10, BLOB_MOVE, false, sha, &err), -ERR_LIMIT);
	assert_int_equal(symlinkat("copy", fd, "link"), 0);
	assert_true(blob_put(root, fd, "link", 100, BLOB_MOVE, false, sha, &err) < 0);
	assert_int_equal(linkat(fd, "copy", fd, "twice", 0), 0);
	assert_int_equal(blob_put(root, fd, "twice", 100, BLOB_MOVE, false, sha, &err), -ERR_JOB);
	assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
	assert_int_equal(blob_put(root, fd, "fifo", 100, BLOB_MOVE, false, sha, &err), -ERR_JOB);
	close(fd);
}

static void test_blob_is_used_once(void **state)
{
	char sha[SHA256_HEX];
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	struct err err;

	(void)state;
	write_file(fd, "plan", "the plan");
	write_file(fd, "witness", "");
	assert_int_equal(blob_put(root, fd, "plan", 100, BLOB_MOVE, true, sha, &err), 0);
	assert_false(blob_is_used(root, sha, 7));
	assert_int_equal(blob_use_once(root, sha, 7, fd, "witness", &err), 0);
	assert_true(blob_is_used(root, sha, 7));
	assert_int_equal(blob_use_once(root, sha, 7, fd, "witness", &err), -ERR_EXISTS);
	assert_int_equal(blob_use_once(root, sha, 8, fd, "witness", &err),
		0); /* another plan of the same bytes */
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_secrets_are_read_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_started_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_blob, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_blob_is_used_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
