/* The secrets of a job, both ways. */
#include "orchestrator/model/job_secrets.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"

#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

enum { NAME_MAX_BYTES = 200 };

static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

void job_secrets_release(struct job_secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++) {
		free(secrets->list[i].name);
		wipe(secrets->list[i].value);
	}
	free(secrets->list);
	*secrets = (struct job_secrets){ 0 };
}

static bool is_name(const struct job_secret *secret)
{
	const char *name = secret->name, *first = name == NULL ? "" : name;
	size_t length = strlen(first);

	if (length == 0 || length > NAME_MAX_BYTES)
		return false;
	if (secret->is_file)
		return strchr("._-", first[0]) == NULL &&
		       strspn(first, LETTERS DIGITS "._-") == length;
	/* TF_TOKEN_host:8443 is how the tools want it; no shell ever sets it */
	return strchr(DIGITS, first[0]) == NULL &&
	       strspn(first, str_starts(first, "TF_TOKEN_") ? LETTERS DIGITS "_:"
							    : LETTERS DIGITS "_") == length;
}

int job_secrets_add(struct job_secrets *secrets, const struct job_secret *secret, struct err *err)
{
	size_t length = strlen(secret->value);

	if (!is_name(secret))
		return err_set(err, ERR_SYNTAX,
			"\"%.60s\" cannot be the name of a variable: letters, digits and _ only",
			secret->name == NULL ? "" : secret->name);
	if (codec_utf8_prefix(secret->value, length) != length)
		return err_set(err, ERR_SYNTAX, "%.60s is no text in UTF-8", secret->name);
	if (length > SECRET_VALUE_MAX || secrets->bytes + length > SECRETS_BYTES_MAX ||
		secrets->count == SECRETS_COUNT_MAX)
		return err_set(err, ERR_LIMIT,
			"%.60s: a job gets at most %d secrets, each of %d KiB, together %d KiB",
			secret->name, SECRETS_COUNT_MAX, SECRET_VALUE_MAX >> 10,
			SECRETS_BYTES_MAX >> 10);
	secrets->list = mem_grow(secrets->list, (secrets->count + 1) * sizeof(*secrets->list));
	secrets->list[secrets->count] = *secret;
	secrets->list[secrets->count].name = mem_strdup(secret->name);
	secrets->list[secrets->count++].value = mem_strdup(secret->value);
	secrets->bytes += length;
	return 0;
}

static int read_one(const json_t *json, struct job_secrets *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "a secret of the job", err);
	int64_t use = jsonx_int(&reader, "use");
	const char *name = jsonx_string(&reader, "name");
	const char *value = jsonx_string(&reader, "value");
	struct job_secret secret = { .use = (enum secret_use)use,
		.is_file = jsonx_bool_or(&reader, "file", false),
		.is_public = jsonx_bool_or(&reader, "public", false) };

	if (reader.failed < 0)
		return reader.failed;
	if (use < SECRET_OF_GIT || use > SECRET_OF_TOOLS)
		return err_set(err, ERR_SYNTAX, "a secret of the job is for nobody that we know");
	secret.name = (char *)(uintptr_t)name; /* copied, never written */
	secret.value = (char *)(uintptr_t)value;
	return job_secrets_add(ret, &secret, err);
}

int job_secrets_read(const json_t *json, struct job_secrets *ret, struct err *err)
{
	const json_t *item;
	size_t i;
	int r = 0;

	*ret = (struct job_secrets){ 0 };
	if (!json_is_array(json))
		return err_set(err, ERR_SYNTAX, "the secrets of a job are no list");
	json_array_foreach ((json_t *)(uintptr_t)json, i, item) {
		r = read_one(item, ret, err);
		if (r < 0)
			break;
	}
	if (r < 0)
		job_secrets_release(ret);
	return r;
}

json_t *job_secrets_write(const struct job_secrets *secrets)
{
	json_t *list = json_array();

	for (size_t i = 0; i < secrets->count; i++) {
		const struct job_secret *one = &secrets->list[i];

		json_array_append_new(
			list, json_pack("{s:i, s:s, s:s, s:b, s:b}", "use", (int)one->use, "name",
				      one->name, "value", one->value, "file", (int)one->is_file,
				      "public", (int)one->is_public));
	}
	return list;
}
