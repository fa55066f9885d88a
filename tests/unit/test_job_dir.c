/* links: runner executor model lib_loop lib */
/* Who may have a job directory, and what it proves. */
#include "tests/lib/cases.h"

#include "orchestrator/model/job_dir.h"
#include "runners/blob.h"
#include "runners/executor_evidence.h"
#include "runners/job_dir.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *root;
static char path[4096];

/* A fresh job directory. */
static void set_up(void)
{
	static int count;

	root = cases_folder();
	snprintf(path, sizeof(path), "%s/%d-1", root, ++count);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void touch(const char *name)
{
	char file[sizeof(path) + 64];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	close(open(file, O_WRONLY | O_CREAT, 0600));
}

static void one_owner(_unused_ void **state)
{
	struct job_dir first, second;
	struct err err;

	set_up();
	assert_int_equal(job_dir_claim(&first, path, &err), 0);
	assert_int_equal(job_dir_claim(&second, path, &err), -ERR_BUSY);
	job_dir_release(&second);
	job_dir_release(&first);
	assert_int_equal(job_dir_claim(&first, path, &err), 0);
	job_dir_release(&first);
}

static void what_refuses(_unused_ void **state)
{
	static const char *const names[] = { JOB_FILE_VOID, JOB_FILE_RESULT, JOB_FILE_STARTED };
	struct job_dir dir;
	struct err err;

	set_up();
	for (size_t i = 0; i < countof(names); i++) {
		touch(names[i]);
		assert_int_equal(job_dir_claim(&dir, path, &err), -ERR_REFUSED);
		assert_int_equal(unlinkat(dir.fd, names[i], 0), 0);
		job_dir_release(&dir);
	}
}

static void secrets_are_read_once(_unused_ void **state)
{
	struct job_dir dir;
	struct err err;
	char *text;
	int fd;

	set_up();
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

static void started_once(_unused_ void **state)
{
	struct job_dir dir;
	struct err err;

	set_up();
	assert_int_equal(job_dir_claim(&dir, path, &err), 0);
	assert_int_equal(job_dir_mark_started(&dir, &err), 0);
	assert_true(job_dir_mark_started(&dir, &err) < 0);
	job_dir_release(&dir);
}

/* A disk without room for one file more: the reason stands where there was a file already. */
static void why_there_is_no_result(_unused_ void **state)
{
	struct arena arena = { 0 };
	struct job_result result = { 0 };
	struct job_dir dir;
	struct err err, why;

	set_up();
	assert_int_equal(job_dir_claim(&dir, path, &err), 0);
	assert_int_equal(job_dir_mark_started(&dir, &err), 0);
	assert_int_equal(evidence_end(dir.fd, &arena, &result, &why, &err), -ERR_BUSY);
	fd_closep(&dir.lock_fd);
	assert_int_equal(evidence_end(dir.fd, &arena, &result, &why, &err), 0);
	assert_string_equal(result.failure, "its supervisor ended without leaving a result");
	dir.lock_fd = openat(dir.fd, JOB_FILE_LOCK, O_RDWR);
	job_dir_say_last(&dir, "cannot write result.json: No space left on device");
	assert_int_equal(evidence_end(dir.fd, &arena, &result, &why, &err), 0);
	assert_string_equal(result.failure, "its supervisor ended without leaving a result: cannot "
					    "write result.json: No space left on device");
	assert_int_equal(result.outcome, OUTCOME_UNKNOWN);
	job_dir_release(&dir);
	arena_release(&arena);
}

static void write_file(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void blob(_unused_ void **state)
{
	char sha[SHA256_HEX];
	int fd;
	struct err err;

	set_up();
	fd = open(path, O_RDONLY | O_DIRECTORY);
	write_file(fd, "plan", "the plan");
	assert_int_equal(blob_put(root, fd, "plan", 100, BLOB_MOVE, sha, &err), 0);
	assert_int_equal(blob_put(root, fd, "plan", 100, BLOB_MOVE, sha, &err), -ERR_MISSING);
	assert_int_equal(blob_copy(root, sha, fd, "copy", &err), 0);
	write_file(fd, "large", "more than ten bytes");
	assert_int_equal(blob_put(root, fd, "large", 10, BLOB_MOVE, sha, &err), -ERR_LIMIT);
	assert_int_equal(symlinkat("copy", fd, "link"), 0);
	assert_true(blob_put(root, fd, "link", 100, BLOB_MOVE, sha, &err) < 0);
	assert_int_equal(linkat(fd, "copy", fd, "twice", 0), 0);
	assert_int_equal(blob_put(root, fd, "twice", 100, BLOB_MOVE, sha, &err), -ERR_JOB);
	assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
	assert_int_equal(blob_put(root, fd, "fifo", 100, BLOB_MOVE, sha, &err), -ERR_JOB);
	close(fd);
}

static void blob_is_used_once(_unused_ void **state)
{
	char sha[SHA256_HEX];
	int fd;
	struct err err;

	set_up();
	fd = open(path, O_RDONLY | O_DIRECTORY);
	write_file(fd, "plan", "the plan");
	write_file(fd, "witness", "");
	assert_int_equal(blob_put(root, fd, "plan", 100, BLOB_MOVE, sha, &err), 0);
	assert_false(blob_is_used(root, sha, 7));
	assert_int_equal(blob_use_once(root, sha, 7, fd, "witness", &err), 0);
	assert_true(blob_is_used(root, sha, 7));
	assert_int_equal(blob_use_once(root, sha, 7, fd, "witness", &err), -ERR_EXISTS);
	assert_int_equal(blob_use_once(root, sha, 8, fd, "witness", &err),
		0); /* another plan of the same bytes */
	close(fd);
}

int main(int argc, char **argv)
{
	CASE(one_owner);
	CASE(what_refuses);
	CASE(secrets_are_read_once);
	CASE(started_once);
	CASE(why_there_is_no_result);
	CASE(blob);
	CASE(blob_is_used_once);
	return cases_run(argc, argv);
}
