/* Bodies of webhooks. */
#include "tests/lib/hook_cases.h"

#include "tests/lib/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *hook_file(const char *path, size_t *ret_length)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;

	if (fd < 0 && errno == ENOENT)
		cases_skip("corpora absent");
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	text = mem_alloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	*ret_length = (size_t)st.st_size;
	return text;
}

char *hook_quoted(const char *text)
{
	char *copy = mem_strdup(text);
	char *encoded = strstr(copy, "%27");

	for (char *p = copy; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	for (; encoded != NULL; encoded = strstr(encoded, "%27"))
		encoded[2] = '2';
	return copy;
}
