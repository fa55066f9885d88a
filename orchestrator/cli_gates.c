/* `sluice gates`: what stands between a pull request and its apply. */
#include "orchestrator/cli.h"

#include "orchestrator/lib/strbuf.h"

#include <string.h>
#include <time.h>

enum { TRIES = 100 };

/* "team/infra#12", or "12" where only one host has it. */
static int find_pull(struct cli *cli, const char *text, int64_t *ret)
{
	const char *sign = strrchr(text, '#'), *number = sign == NULL ? text : sign + 1;
	const char *repo = sign == NULL ? ""
					: arena_strndup(&cli->arena, text, (size_t)(sign - text));
	json_t *pulls;
	int r = CLI_DONE, found = 0;

	if (!cli_is_number(number))
		return cli_usage("a pull request is REPO#NUMBER, not \"%s\"", text);
	pulls = cli_ask(cli, "GET", "/api/pulls", NULL, &r);
	for (size_t i = 0; i < json_array_size(pulls); i++) {
		const json_t *pull = json_array_get(pulls, i);

		if (cli_number(pull, "number") != strtoll(number, NULL, 10) ||
			(repo[0] != '\0' && !str_equal(cli_text(pull, "repo"), repo)) ||
			(cli->host != NULL && !str_equal(cli_text(pull, "host"), cli->host)))
			continue;
		*ret = cli_number(pull, "id");
		found++;
	}
	json_decref(pulls);
	if (r != CLI_DONE)
		return r;
	if (found != 1) {
		(void)fprintf(stderr,
			found == 0 ? "sluice: there is no pull request %s\n"
				   : "sluice: several pull requests are %s: say REPO#NUMBER, and "
				     "--host HOST\n",
			text);
		return CLI_NO;
	}
	return CLI_DONE;
}

static bool is_plain(const char *names)
{
	return names[strspn(names, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "-_.,[]")] == '\0';
}

static void show_votes(const json_t *votes)
{
	for (size_t i = 0; i < json_array_size(votes); i++) {
		const json_t *vote = json_array_get(votes, i);

		(void)printf("%12s  %s: %s\n", "", cli_text(vote, "person"), cli_text(vote, "why"));
	}
}

static void show_gate(const json_t *gate)
{
	const json_t *rules = json_object_get(gate, "rules");
	const char *not_by = cli_text(gate, "not_by");

	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);
		const char *environment = cli_text(rule, "environment");

		(void)printf("%-12s%s%s%s (%s): %s\n", cli_text(rule, "answer"), environment,
			environment[0] == '\0' ? "" : ": ", cli_text(rule, "name"),
			cli_text(rule, "projects"), cli_text(rule, "text"));
		show_votes(json_object_get(rule, "votes"));
	}
	if (!json_is_true(json_object_get(gate, "open")))
		(void)printf("\nNot to be applied: %s.\n", cli_text(gate, "missing"));
	else if (not_by[0] != '\0')
		(void)printf("\nReady, when somebody else than %s asks for it.\n", not_by);
	else
		(void)puts("\nReady.");
}

static json_t *ask(struct cli *cli, int64_t pull, const char *approve, int *ret)
{
	const char *path = arena_printf(&cli->arena, "/api/gates/%lld%s%s", (long long)pull,
		approve[0] == '\0' ? "" : "?approve=", approve);

	/* the host may have to be asked first */
	for (int tries = 0;; tries++) {
		json_t *gate = cli_ask(cli, "GET", path, NULL, ret);

		if (gate == NULL || !json_is_true(json_object_get(gate, "waits")))
			return gate;
		json_decref(gate);
		if (tries == TRIES) {
			(void)fputs("sluice: the host does not answer\n", stderr);
			*ret = CLI_UNREACHABLE;
			return NULL;
		}
		(void)nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
}

int cli_gates(struct cli *cli)
{
	const char *approve = "";
	int64_t pull = 0;
	int r = CLI_DONE;
	json_t *gate;

	if (cli->argc != 1)
		return cli_usage("usage: sluice gates REPO#N [--what-if approve=NAME,NAME]");
	if (cli->what_if != NULL) {
		approve = str_starts(cli->what_if, "approve=") ? cli->what_if + 8 : "";
		if (approve[0] == '\0' || !is_plain(approve))
			return cli_usage("--what-if takes approve=NAME,NAME");
	}
	r = find_pull(cli, cli->argv[0], &pull);
	gate = r != CLI_DONE ? NULL : ask(cli, pull, approve, &r);
	if (gate == NULL)
		return r;
	if (cli->json)
		cli_print_json(gate);
	else
		show_gate(gate);
	r = json_is_true(json_object_get(gate, "open")) ? CLI_DONE : CLI_NO;
	json_decref(gate);
	return r;
}
