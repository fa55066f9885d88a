/* The checks of a plan as JSON: each a short word or a hash. */
#include "orchestrator/model/plan_checks.h"

#include "orchestrator/lib/jsonx.h"

#include <string.h>

enum { WORD_MAX = 64 };

static const struct {
	const char *key;
	size_t offset;
} words[] = {
	{ "configuration", offsetof(struct plan_checks, configuration) },
	{ "files", offsetof(struct plan_checks, files) },
	{ "rendered", offsetof(struct plan_checks, rendered) },
	{ "lock", offsetof(struct plan_checks, lock) },
	{ "program", offsetof(struct plan_checks, program) },
	{ "tier", offsetof(struct plan_checks, tier) },
};

static const char **word_at(const struct plan_checks *checks, size_t i)
{
	return (const char **)(void *)((char *)(uintptr_t)checks + words[i].offset);
}

int plan_checks_read(
	const json_t *json, struct arena *arena, struct plan_checks *ret, struct err *err)
{
	_cleanup_json_ json_t *none = json_object();
	bool is_absent = json == NULL || json_is_null(json);
	struct jsonx reader = jsonx_reader(is_absent ? none : json, "checks", err);

	for (size_t i = 0; i < countof(words); i++) {
		const char *word = jsonx_string_or(&reader, words[i].key, "");

		if (reader.failed == 0 && strlen(word) > WORD_MAX)
			return err_set(err, ERR_SYNTAX, "checks: %s is too long", words[i].key);
		*word_at(ret, i) = arena_strdup(arena, word);
	}
	return reader.failed;
}

json_t *plan_checks_write(const struct plan_checks *checks)
{
	json_t *json = json_object();

	for (size_t i = 0; i < countof(words); i++) {
		const char *word = *word_at(checks, i);

		json_object_set_new(json, words[i].key, json_string(word == NULL ? "" : word));
	}
	return json;
}
