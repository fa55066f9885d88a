/* links: model lib */
/* Any bytes as git's answer. What was read is written again and read as the same. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/prepared.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct prepared *prepared, struct arena *arena)
{
	_cleanup_json_ json_t *json = prepared_write(prepared), *second = NULL;
	struct prepared again;
	struct err err;

	if (prepared_read(json, arena, &again, &err) < 0)
		abort();
	second = prepared_write(&again);
	if (!json_equal(json, second))
		abort();
	for (size_t i = 0; i < prepared->folder_count; i++) {
		const char *path = prepared->folders[i].path;

		if (prepared_folder(prepared, path, strlen(path)) != &prepared->folders[i])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = NULL;
	struct prepared prepared;
	struct err err;

	if (jsonx_parse((const char *)data, size, 1 << 20, &json, &err) == 0 &&
		prepared_read(json, &arena, &prepared, &err) == 0)
		check(&prepared, &arena);
	return 0;
}
