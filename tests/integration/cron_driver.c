/* Answers lines "ZONE <TAB> LINE OF CRON <TAB> MOMENT <TAB> COUNT", moments in seconds, with the
 * last time up to the moment and the next COUNT after it, or with "refused".
 * tests/integration/test_cron.py asks. */
#include "orchestrator/lib/cron.h"

#include <stdio.h>
#include <string.h>

enum { ZONES_MAX = 700 };

static struct arena arena;

static const struct zone *zone_named(const char *name)
{
	static struct known {
		const char *name;
		struct zone zone;
	} known[ZONES_MAX];
	static size_t count;
	struct err err;

	for (size_t i = 0; i < count; i++) {
		if (str_equal(known[i].name, name))
			return &known[i].zone;
	}
	if (count == ZONES_MAX || zone_load(name, &arena, &known[count].zone, &err) < 0)
		return NULL;
	known[count].name = arena_strdup(&arena, name);
	return &known[count++].zone;
}

static void answer(const char *name, const char *line, int64_t moment_s, int count)
{
	const struct zone *zone = zone_named(name);
	struct cron cron;
	struct err err;
	int64_t at = moment_s * 1000;

	if (zone == NULL || cron_parse(line, &cron, &err) < 0) {
		puts("refused");
		return;
	}
	printf("%lld", (long long)cron_last(&cron, zone, at) / 1000);
	for (int i = 0; i < count; i++) {
		at = cron_next(&cron, zone, at);
		printf(" %lld", (long long)at / 1000);
	}
	putchar('\n');
}

int main(void)
{
	char text[512];

	while (fgets(text, sizeof(text), stdin) != NULL) {
		char *rest = text;
		const char *parts[4];

		for (size_t i = 0; i < countof(parts); i++) {
			parts[i] = strsep(&rest, "\t\n");
			if (parts[i] == NULL)
				return 1;
		}
		answer(parts[0], parts[1], strtoll(parts[2], NULL, 10),
			(int)strtol(parts[3], NULL, 10));
	}
	arena_release(&arena);
	return 0;
}
