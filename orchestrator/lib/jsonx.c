/* jansson behind caps. */
#include "orchestrator/lib/jsonx.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { JSON_DEPTH = 64 };

/* jansson allows 2048 levels; hostile bodies are turned away before it sees them. */
static bool is_too_deep(const char *bytes, size_t length)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_DEPTH)
				return true;
		} else if (c == ']' || c == '}') {
			depth--;
		}
	}
	return false;
}

int jsonx_parse(const char *bytes, size_t length, size_t cap, json_t **ret, struct err *err)
{
	json_error_t problem;
	json_t *json;

	if (length > cap)
		return err_set(err, ERR_LIMIT, "JSON of %zu bytes is larger than the cap of %zu",
			length, cap);
	if (is_too_deep(bytes, length))
		return err_set(err, ERR_SYNTAX, "JSON is nested deeper than %d", JSON_DEPTH);
	json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &problem);
	if (json == NULL)
		return err_set(err, ERR_SYNTAX, "not JSON: %s (line %d, column %d)", problem.text,
			problem.line, problem.column);
	*ret = json;
	return 0;
}

static int read_whole(int fd, size_t size, char *out, const char *name, struct err *err)
{
	size_t got = 0;

	while (got < size) {
		ssize_t part = read(fd, out + got, size - got);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return err_sys(err, ERR_SYSTEM, errno, "cannot read %s", name);
		if (part == 0)
			return err_set(
				err, ERR_SYNTAX, "%s became shorter while it was read", name);
		got += (size_t)part;
	}
	return 0;
}

int jsonx_read_at(int dir_fd, const char *name, size_t cap, json_t **ret, struct err *err)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *bytes = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return err_sys(err, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, errno,
			"cannot open %s", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot read %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_SYNTAX, "%s is not a regular file", name);
	if ((size_t)st.st_size > cap)
		return err_set(err, ERR_LIMIT, "%s has %lld bytes, more than the cap of %zu", name,
			(long long)st.st_size, cap);
	bytes = mem_grow(NULL, (size_t)st.st_size + 1);
	r = read_whole(fd, (size_t)st.st_size, bytes, name, err);
	if (r < 0)
		return r;
	r = jsonx_parse(bytes, (size_t)st.st_size, cap, ret, err);
	return r < 0 ? err_wrap(err, "%s", name) : 0;
}

json_t *jsonx_any(const char *text)
{
	json_t *string = json_string(text == NULL ? "" : text);

	return string != NULL ? string : json_string("(not valid text)");
}

char *jsonx_text(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL)
		abort(); /* only without memory: every string in a json_t is valid UTF-8 */
	return text;
}

static int write_file(int dir_fd, const char *name, const char *text, bool durable, struct err *err)
{
	_cleanup_fd_ int fd = openat(
		dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t length = strlen(text), done = 0;

	if (fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make %s", name);
	while (done < length) {
		ssize_t part = write(fd, text + done, length - done);

		if (part < 0 && errno != EINTR)
			return err_sys(err, ERR_SYSTEM, errno, "cannot write %s", name);
		done += part < 0 ? 0 : (size_t)part;
	}
	if (durable && fsync(fd) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot make %s durable", name);
	return 0;
}

int jsonx_write_at(int dir_fd, const char *name, const json_t *json, bool durable, struct err *err)
{
	_cleanup_free_ char *text = jsonx_text(json);
	_cleanup_free_ char *temporary = mem_printf("%s.tmp", name);
	int r = write_file(dir_fd, temporary, text, durable, err);

	if (r < 0)
		return r;
	if (renameat(dir_fd, temporary, dir_fd, name) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot put %s in place", name);
	if (durable && fsync(dir_fd) < 0)
		return err_sys(
			err, ERR_SYSTEM, errno, "cannot make the folder of %s durable", name);
	return 0;
}

struct jsonx jsonx_reader(const json_t *object, const char *what, struct err *err)
{
	struct jsonx reader = { .object = object, .what = what, .err = err };

	if (!json_is_object(object))
		reader.failed = err_set(err, ERR_SYNTAX, "%s is not an object", what);
	return reader;
}

static const json_t *member(struct jsonx *reader, const char *key)
{
	const json_t *value = reader->failed != 0 ? NULL : json_object_get(reader->object, key);

	return json_is_null(value) ? NULL : value;
}

static void wrong(struct jsonx *reader, const char *key, const char *expected)
{
	if (reader->failed == 0)
		reader->failed = err_set(
			reader->err, ERR_SYNTAX, "%s: %s must be %s", reader->what, key, expected);
}

const char *jsonx_string_or(struct jsonx *reader, const char *key, const char *fallback)
{
	const json_t *value = member(reader, key);

	if (value == NULL)
		return fallback;
	if (!json_is_string(value) ||
		strlen(json_string_value(value)) != json_string_length(value)) {
		wrong(reader, key, "a string without NUL");
		return fallback;
	}
	return json_string_value(value);
}

const char *jsonx_string(struct jsonx *reader, const char *key)
{
	if (member(reader, key) == NULL)
		wrong(reader, key, "given: a string");
	return jsonx_string_or(reader, key, "");
}

int64_t jsonx_int_or(struct jsonx *reader, const char *key, int64_t fallback)
{
	const json_t *value = member(reader, key);

	if (value == NULL)
		return fallback;
	if (!json_is_integer(value)) {
		wrong(reader, key, "a whole number");
		return fallback;
	}
	return json_integer_value(value);
}

int64_t jsonx_int(struct jsonx *reader, const char *key)
{
	if (member(reader, key) == NULL)
		wrong(reader, key, "given: a whole number");
	return jsonx_int_or(reader, key, 0);
}

bool jsonx_bool_or(struct jsonx *reader, const char *key, bool fallback)
{
	const json_t *value = member(reader, key);

	if (value == NULL)
		return fallback;
	if (!json_is_boolean(value)) {
		wrong(reader, key, "true or false");
		return fallback;
	}
	return json_is_true(value);
}

const json_t *jsonx_object(struct jsonx *reader, const char *key)
{
	const json_t *value = member(reader, key);

	if (!json_is_object(value)) {
		wrong(reader, key, "an object");
		return NULL;
	}
	return value;
}

const json_t *jsonx_array_or(struct jsonx *reader, const char *key)
{
	const json_t *value = member(reader, key);

	if (value != NULL && !json_is_array(value)) {
		wrong(reader, key, "a list");
		return NULL;
	}
	return value;
}
