/* links: model lib */
/* Any bytes as what a program prints of credentials, and as the secrets of a job: what is taken can
 * travel and comes back the same. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/credential_output.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_travel(const struct job_secrets *secrets)
{
	_cleanup_json_ json_t *json = job_secrets_write(secrets);
	struct job_secrets again;
	struct err err;

	if (json_array_size(json) != secrets->count) /* a value that is no text cannot travel */
		abort();
	if (job_secrets_read(json, &again, &err) < 0 || again.count != secrets->count)
		abort();
	for (size_t i = 0; i < again.count; i++) {
		if (!str_equal(again.list[i].name, secrets->list[i].name) ||
			!str_equal(again.list[i].value, secrets->list[i].value))
			abort();
	}
	job_secrets_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);
	struct job_secrets secrets = { 0 };
	_cleanup_json_ json_t *json = NULL;
	struct err err;

	if (credential_output_read(text, strlen(text), &secrets, &err) == 0)
		must_travel(&secrets);
	job_secrets_release(&secrets);
	if (jsonx_parse(text, strlen(text), size + 1, &json, &err) == 0 &&
		job_secrets_read(json, &secrets, &err) == 0) {
		must_travel(&secrets);
		job_secrets_release(&secrets);
	}
	free(text);
	return 0;
}
