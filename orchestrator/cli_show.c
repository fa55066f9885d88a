/* Verbs that read the server's memory. */
#include "orchestrator/cli.h"

#include "orchestrator/lib/clock.h"

#include <string.h>

static const char *time_text(const struct cli *cli, int64_t ms, char *buf)
{
	(void)cli;
	return ms == 0 ? "-" : clock_text(ms, buf);
}

static json_t *ask_and_maybe_print(struct cli *cli, const char *path, int *ret_exit)
{
	json_t *json = cli_ask(cli, "GET", path, NULL, ret_exit);

	if (json != NULL && cli->json) {
		cli_print_json(json);
		json_decref(json);
		return NULL;
	}
	return json;
}

int cli_runs(struct cli *cli)
{
	char buf[CLOCK_TEXT_MAX];
	int r = CLI_DONE;
	json_t *runs = ask_and_maybe_print(cli, "/api/runs", &r);

	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *run = json_array_get(runs, i);

		(void)printf("%5lld  %-6s pull %-4lld %-12s %.7s  by %-10s %s\n",
			(long long)cli_number(run, "id"), cli_text(run, "kind"),
			(long long)cli_number(run, "pull"), cli_text(run, "state"),
			cli_text(run, "head"), cli_text(run, "actor"),
			time_text(cli, cli_number(run, "created_ms"), buf));
	}
	json_decref(runs);
	return r;
}

int cli_log(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *run;

	if (cli->argc != 1 || !cli_is_number(cli->argv[0]))
		return cli_usage("usage: sluice log RUN (the numbers stand in `sluice runs`)");
	run = ask_and_maybe_print(cli, arena_printf(&cli->arena, "/api/runs/%s", cli->argv[0]), &r);
	for (size_t i = 0; i < json_array_size(json_object_get(run, "jobs")); i++) {
		const json_t *job = json_array_get(json_object_get(run, "jobs"), i);

		(void)printf("-- %s %s: %s --\n%s%s%s\n", cli_text(job, "op"),
			cli_text(job, "project"), cli_text(job, "state"), cli_text(job, "output"),
			cli_text(job, "failure")[0] == '\0' ? "" : "\n", cli_text(job, "failure"));
	}
	json_decref(run);
	return r;
}

int cli_locks(struct cli *cli)
{
	char buf[CLOCK_TEXT_MAX];
	int r = CLI_DONE;
	json_t *locks = ask_and_maybe_print(cli, "/api/locks", &r);

	for (size_t i = 0; i < json_array_size(locks); i++) {
		const json_t *lock = json_array_get(locks, i);
		int64_t place = cli_number(lock, "place");

		(void)printf("%-20s %-30s %-10s pull %-4lld by %-10s since %s%s\n",
			cli_text(lock, "repo"), cli_text(lock, "dir"), cli_text(lock, "workspace"),
			(long long)cli_number(lock, "pull"), cli_text(lock, "author"),
			time_text(cli, cli_number(lock, "since_ms"), buf),
			place == 0 ? ""
				   : arena_printf(
					     &cli->arena, "  waits, place %lld", (long long)place));
	}
	json_decref(locks);
	return r;
}

int cli_queue(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *jobs = ask_and_maybe_print(cli, "/api/queue", &r);

	for (size_t i = 0; i < json_array_size(jobs); i++) {
		const json_t *job = json_array_get(jobs, i);

		(void)printf("%5lld  %-8s %-9s %-30s %s\n", (long long)cli_number(job, "id"),
			cli_text(job, "op"), cli_text(job, "state"), cli_text(job, "project"),
			cli_text(job, "step"));
	}
	json_decref(jobs);
	return r;
}

int cli_reload(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *answer = cli_ask(cli, "POST", "/api/reload", NULL, &r);

	if (answer == NULL)
		return r;
	if (cli->json)
		cli_print_json(answer);
	else
		(void)printf("read again: generation %lld; runs that began keep theirs\n",
			(long long)cli_number(answer, "generation"));
	json_decref(answer);
	return CLI_DONE;
}

int cli_rotate_key(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *answer = cli_ask(cli, "POST", "/api/rotate-key", NULL, &r);
	const json_t *keys = json_object_get(answer, "keys");

	if (answer == NULL)
		return r;
	if (cli->json)
		cli_print_json(answer);
	else
		(void)printf("%s signs from now on; %zu published\n",
			cli_text(json_array_get(keys, 0), "kid"), json_array_size(keys));
	json_decref(answer);
	return CLI_DONE;
}
