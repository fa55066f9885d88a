/* The marks of the tools that we know. */
#include "orchestrator/model/inline_skips.h"

#include <string.h>
#include <strings.h>

static const char *const marks[] = { "checkov:skip", "bridgecrew:skip", "cortex:skip",
	"checkov.io/skip", "tfsec:ignore", "trivy:ignore", "tflint-ignore", "kics-scan ignore",
	"terrascan:skip", "nosemgrep", "kube-linter.io/ignore" };

static size_t mark_at(const char *at, const char *end)
{
	for (size_t i = 0; i < countof(marks); i++) {
		size_t length = strlen(marks[i]);

		if ((size_t)(end - at) >= length && strncasecmp(at, marks[i], length) == 0)
			return length;
	}
	return 0;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* "=CKV_1:because", ":AVD-1", ": name", "1: CKV_K8S_20=because", "-line" */
static void read_id(const char *mark, size_t length, const char *end, struct inline_skip *ret)
{
	const char *from = mark + length, *to;

	while (from < end && *from >= '0' && *from <= '9') /* skip1, skip2 of an annotation */
		from++;
	while (from < end && strchr("=: \"'", *from) != NULL && *from != '\0')
		from++;
	for (to = from; to < end && is_word(*to) && to - from < INLINE_SKIP_ID_MAX; to++)
		;
	if (to == from) {
		from = mark;
		to = mark + length;
	}
	memcpy(ret->id, from, (size_t)(to - from));
	ret->id[to - from] = '\0';
}

void inline_skips_find(const char *bytes, size_t length, struct inline_skips *ret)
{
	const char *end = bytes + length;
	int line = 1;

	ret->count = 0;
	for (const char *at = bytes; at < end && ret->count < INLINE_SKIPS_MAX; at++) {
		size_t size = strchr("cCbBtTnNkK", *at) == NULL ? 0 : mark_at(at, end);

		if (size > 0) {
			const char *stop = memchr(at, '\n', (size_t)(end - at));

			ret->list[ret->count].line = line;
			read_id(at, size, stop == NULL ? end : stop, &ret->list[ret->count++]);
		}
		line += *at == '\n';
	}
}

void inline_skips_drop(struct inline_skips *now, struct inline_skips *before)
{
	size_t kept = 0;

	for (size_t i = 0; i < now->count; i++) {
		size_t k = 0;

		while (k < before->count && strcmp(before->list[k].id, now->list[i].id) != 0)
			k++;
		if (k < before->count)
			before->list[k] = before->list[--before->count];
		else
			now->list[kept++] = now->list[i];
	}
	now->count = kept;
}
