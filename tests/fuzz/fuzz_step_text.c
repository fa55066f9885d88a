/* links: runner model lib_regex lib */
/* What a command of a workflow printed, as variables; an argument with variables in it; any text
 * behind any filter. */
#include "runners/step_env.h"
#include "runners/step_output.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void filter(const char *text)
{
	size_t length = strcspn(text, "\n");
	char *pattern = mem_strndup(text, length);
	const char *patterns[] = { pattern };
	const struct step step = { .filters = patterns, .filter_count = 1 };
	struct strbuf out = STRBUF(64 << 10);
	struct err err;

	if (step_output_check(&step, &err) == 0)
		(void)!step_output_redact(&step, text + length, strlen(text + length), &out, &err);
	if (strlen(step_output_after_refresh(text)) > strlen(text))
		abort();
	strbuf_release(&out);
	free(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);
	struct strbuf out = STRBUF(64 << 10);
	struct strvec env = { 0 };
	struct err err;

	step_env_put(&env, "KEPT=1");
	if (step_env_read_many(&env, text, &err) < 0 && env.count != 1)
		abort();
	for (size_t i = 0; i < env.count; i++)
		if (strchr(env.items[i], '=') == NULL)
			abort();
	(void)!step_env_expand(&env, text, &out, &err);
	filter(text);
	strbuf_release(&out);
	strvec_release(&env);
	free(text);
	return 0;
}
