/* links: engine store model lib_regex lib */
/* Any text as what a tool said: places that stay in their folder, and few enough. */
#include "orchestrator/engine/annotations.h"
#include "orchestrator/lib/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct annotations found = { 0 };

	annotations_add(&found, arena_strndup(&arena, (const char *)data, size), "d", &arena);
	if (found.count > ANNOTATIONS_MAX)
		abort();
	for (size_t i = 0; i < found.count; i++) {
		const struct host_annotation *one = &found.list[i];

		if (!str_starts(one->path, "d/") || strstr(one->path, "..") != NULL ||
			strchr(one->path, '\n') != NULL || one->line < 1 ||
			codec_utf8_prefix(one->title, strlen(one->title)) != strlen(one->title) ||
			codec_utf8_prefix(one->text, strlen(one->text)) != strlen(one->text))
			abort();
	}
	return 0;
}
