/* links: engine config model lib_regex lib_yaml lib */
/* How long the server's own part of a selection takes: git's answer read, the configuration made
 * effective, the projects chosen. select ANSWER.JSON ROUNDS prints the processor time of each round
 * in microseconds. */
#include "config/effective.h"
#include "config/server_config.h"
#include "orchestrator/engine/projects.h"
#include "orchestrator/lib/jsonx.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int select_once(
	const char *path, const struct settings *settings, size_t *ret_count, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const struct selection_asked asked = { "", "", "", "main" };
	_cleanup_json_ json_t *answer = NULL;
	struct config_problems problems = { 0 };
	struct config_request request = { "local", "r", "main", { 0 }, { 0 } };
	struct prepared prepared;
	struct repo_config config;
	struct selection selection = { 0 };
	int r = jsonx_read_at(AT_FDCWD, path, 16 << 20, &answer, err);

	if (r == 0)
		r = prepared_read(json_object_get(answer, "prepared"), &arena, &prepared, err);
	if (r < 0)
		return r;
	request.base = (struct config_blob){ prepared.config_base.name, prepared.config_base.bytes,
		prepared.config_base.length };
	request.head = (struct config_blob){ prepared.config_head.name, prepared.config_head.bytes,
		prepared.config_head.length };
	r = config_file_reader.read(
		&config_file_reader, settings, &request, &arena, &config, &problems, err);
	if (r == 0)
		r = projects_select(&prepared, &config, &asked, &arena, &selection, &problems, err);
	*ret_count = selection.project_count;
	return r;
}

int main(int argc, char **argv)
{
	struct settings settings = { 0 };
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
	size_t count = 0;
	struct err err = { 0 };

	server_config_defaults(&settings);
	for (long i = 0; argc > 1 && i < rounds; i++) {
		int64_t begin = now_us();

		if (select_once(argv[1], &settings, &count, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		printf("%lld\n", (long long)(now_us() - begin));
	}
	fprintf(stderr, "%zu projects\n", count);
	arena_release(&settings.arena);
	return argc > 1 ? 0 : 2;
}
