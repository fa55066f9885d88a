/* Credentials as programs print them. */
#include "orchestrator/model/credential_output.h"

#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { OUTPUT_MAX = 64 << 10 };

static int add(struct job_secrets *ret, const char *name, const char *value, struct err *err)
{
	struct job_secret secret = { .use = SECRET_OF_TOOLS };

	secret.name = (char *)(uintptr_t)name; /* copied, never written */
	secret.value = (char *)(uintptr_t)value;
	return job_secrets_add(ret, &secret, err);
}

/* {"Version": 1, "AccessKeyId": ...}: the other words are those of the variables. */
static int read_aws(const json_t *object, struct job_secrets *ret, struct err *err)
{
	static const struct {
		const char *key, *name;
		bool is_optional;
	} words[] = {
		{ "AccessKeyId", "AWS_ACCESS_KEY_ID", false },
		{ "SecretAccessKey", "AWS_SECRET_ACCESS_KEY", false },
		{ "SessionToken", "AWS_SESSION_TOKEN", true },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < countof(words); i++) {
		const char *value = json_string_value(json_object_get(object, words[i].key));

		if (value != NULL)
			r = add(ret, words[i].name, value, err);
		else if (!words[i].is_optional)
			r = err_set(err, ERR_SYNTAX, "%s is missing", words[i].key);
	}
	return r;
}

static int read_object(const char *text, size_t length, struct job_secrets *ret, struct err *err)
{
	_cleanup_json_ json_t *object = NULL;
	const char *name;
	json_t *value;
	int r;

	/* the parser's own words would show what it was given */
	if (jsonx_parse(text, length, OUTPUT_MAX, &object, err) < 0 || !json_is_object(object))
		return err_set(err, ERR_SYNTAX, "what begins like JSON is no JSON object");
	if (json_object_get(object, "Version") != NULL)
		return read_aws(object, ret, err);
	json_object_foreach (object, name, value) {
		if (!json_is_string(value))
			return err_set(err, ERR_SYNTAX, "%.60s is no text", name);
		r = add(ret, name, json_string_value(value), err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_line(char *line, size_t number, struct job_secrets *ret, struct err *err)
{
	size_t length = strlen(line);
	char *equals = strchr(line, '=');

	if (length > 0 && line[length - 1] == '\r')
		line[--length] = '\0';
	if (length == 0 || line[0] == '#')
		return 0;
	if (equals == NULL || equals == line)
		return err_set(err, ERR_SYNTAX, "line %zu is not NAME=VALUE", number);
	*equals = '\0';
	if (add(ret, line, equals + 1, err) < 0)
		return err_set(err, ERR_SYNTAX,
			"line %zu: the name must be of letters, digits and _, and the value not "
			"larger than %d KiB",
			number, SECRET_VALUE_MAX >> 10);
	return 0;
}

int credential_output_read(
	const char *text, size_t length, struct job_secrets *ret, struct err *err)
{
	size_t space = strspn(text, " \t\r\n"), number = 0;
	char *copy, *rest;
	int r = 0;

	if (length > OUTPUT_MAX || strlen(text) != length)
		return err_set(
			err, ERR_SYNTAX, "it is no text of at most %d KiB", OUTPUT_MAX >> 10);
	if (text[space] == '{')
		return read_object(text, length, ret, err);
	copy = rest = mem_strdup(text);
	for (char *line; r == 0 && (line = strsep(&rest, "\n")) != NULL;)
		r = read_line(line, ++number, ret, err);
	explicit_bzero(copy, length);
	free(copy);
	return r;
}
