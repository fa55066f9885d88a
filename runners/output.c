/* The output file of a job, its masked copy, its end. */
#include "runners/output.h"
#include "orchestrator/model/job_dir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK = 64 << 10 };

int output_open(struct output *output, int dir_fd, const struct mask *mask, struct err *err)
{
	*output = (struct output){ .raw_fd = -1, .log_fd = -1, .mask = mask };
	output->log_fd = openat(dir_fd, JOB_FILE_OUTPUT,
		O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (output->log_fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the job's output");
	output->raw_fd = mask->count == 0
				 ? fcntl(output->log_fd, F_DUPFD_CLOEXEC, 3)
				 : openat(dir_fd, ".", O_RDWR | O_APPEND | O_TMPFILE | O_CLOEXEC,
					   0600);
	if (output->raw_fd < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the job's output");
	return 0;
}

void output_release(struct output *output)
{
	fd_closep(&output->raw_fd);
	fd_closep(&output->log_fd);
}

static int64_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_size;
}

void output_begin_step(struct output *output)
{
	output_pump(output, true);
	output->step_begin = size_of(output->raw_fd);
	output->log_begin = size_of(output->log_fd);
}

int64_t output_step_bytes(const struct output *output)
{
	return size_of(output->raw_fd) - output->step_begin;
}

void output_pump(struct output *output, bool is_last)
{
	int64_t end = size_of(output->raw_fd);

	if (output->mask->count == 0) {
		output->pumped = end;
		return;
	}
	_cleanup_free_ char *chunk = mem_alloc(CHUNK);

	while (output->pumped < end) {
		_cleanup_strbuf_ struct strbuf masked = STRBUF(8 * CHUNK);
		ssize_t got = pread(output->raw_fd, chunk, CHUNK, output->pumped);
		size_t used;

		if (got <= 0)
			return;
		used = mask_append(output->mask, &output->flow, chunk, (size_t)got,
			is_last && output->pumped + got >= end, &masked, NULL);
		if (used == 0)
			return;
		if (write(output->log_fd, strbuf_text(&masked), masked.length) < 0)
			return;
		output->pumped += (int64_t)used;
	}
}

static void replace_nuls(char *text, size_t length)
{
	for (char *at = text; (at = memchr(at, '\0', length - (size_t)(at - text))) != NULL;)
		*at = ' ';
}

char *output_tail(const struct output *output, size_t most)
{
	int64_t end = size_of(output->log_fd), begin = output->log_begin;
	char *text = mem_alloc(most + 1);
	ssize_t got;

	if (end - begin > (int64_t)most)
		begin = end - (int64_t)most;
	got = pread(output->log_fd, text, most, begin);
	if (got < 0)
		got = 0;
	text[got] = '\0';
	replace_nuls(text, (size_t)got);
	if (begin > output->log_begin) { /* from a whole line on */
		const char *line = strchr(text, '\n');

		if (line != NULL && line[1] != '\0')
			memmove(text, line + 1, strlen(line + 1) + 1);
	}
	return text;
}

void output_cut(struct output *output, int64_t most)
{
	char note[120];
	int length = snprintf(
		note, sizeof(note), "\n... cut here: more than %lld bytes ...\n", (long long)most);

	output_pump(output, true);
	if (size_of(output->log_fd) <= output->log_begin + most)
		return;
	if (ftruncate(output->log_fd, output->log_begin + most) < 0 ||
		write(output->log_fd, note, (size_t)length) < 0)
		return; /* the log is only larger than it should be */
	output->pumped = size_of(output->raw_fd);
}

int output_read_fd(int fd, size_t cap, char **ret, size_t *ret_length, struct err *err)
{
	int64_t size = size_of(fd);
	size_t length = 0;
	ssize_t got;

	if (size > (int64_t)cap)
		return err_set(
			err, ERR_LIMIT, "%lld bytes are more than %zu", (long long)size, cap);
	char *text = mem_alloc((size_t)size + 1);
	while (length < (size_t)size) {
		got = pread(fd, text + length, (size_t)size - length, (off_t)length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	replace_nuls(text, length);
	*ret = text;
	*ret_length = length;
	return 0;
}

static int copy_masked(int from, int to, const struct mask *mask, struct err *err)
{
	_cleanup_free_ char *chunk = mem_alloc(CHUNK);
	struct mask_flow flow = { 0 };
	int64_t at = 0, end = size_of(from);

	while (at < end) {
		_cleanup_strbuf_ struct strbuf masked = STRBUF(8 * CHUNK);
		ssize_t got = pread(from, chunk, CHUNK, at);
		size_t used;

		if (got <= 0)
			return err_sys(err, ERR_SYSTEM, errno, "cannot read the output");
		used = mask_append(mask, &flow, chunk, (size_t)got, at + got >= end, &masked, NULL);
		if (write(to, strbuf_text(&masked), masked.length) != (ssize_t)masked.length)
			return err_sys(err, ERR_SYSTEM, errno, "cannot write the output");
		at += (int64_t)used;
	}
	return 0;
}

int output_mask_again(struct output *output, int dir_fd, const struct mask *mask, struct err *err)
{
	static const char fresh[] = JOB_FILE_OUTPUT ".new";
	_cleanup_fd_ int to = -1;
	int r;

	if (mask->count == 0)
		return 0;
	to = openat(dir_fd, fresh, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (to < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot write the output again");
	r = copy_masked(output->log_fd, to, mask, err);
	if (r < 0)
		return r;
	if (renameat(dir_fd, fresh, dir_fd, JOB_FILE_OUTPUT) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot write the output again");
	close(output->log_fd);
	output->log_fd = steal_fd(&to);
	return 0;
}
