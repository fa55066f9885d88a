/* Secrets of the operator, from files. */
#include "orchestrator/lib/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { SECRET_FILE_MAX = 64 << 10 };

/* A name without a slash is one of systemd's credentials. */
static char *place_of(const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	return path[0] == '/' || folder == NULL ? mem_strdup(path)
						: mem_printf("%s/%s", folder, path);
}

int secret_file_read(
	const char *path, const char *what, char **ret, size_t *ret_length, struct err *err)
{
	_cleanup_free_ char *place = place_of(path);
	_cleanup_fd_ int fd = open(place, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = mem_alloc(SECRET_FILE_MAX + 1);
	ssize_t length = fd < 0 ? -1 : read(fd, text, SECRET_FILE_MAX);

	if (length < 0) {
		int problem = errno;

		free(text);
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%s cannot be read from %s: %s", what, place, strerror(problem));
	}
	while (length > 0 && strchr("\r\n \t", text[length - 1]) != NULL)
		text[--length] = '\0';
	if (length == 0 || strlen(text) != (size_t)length) {
		secret_file_free(text);
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%s is empty or has a NUL in it: %s", what, path);
	}
	*ret = text;
	*ret_length = (size_t)length;
	return 0;
}

void secret_file_free(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}
