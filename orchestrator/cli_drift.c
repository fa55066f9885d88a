/* `sluice drift`: where the world is not what was applied, and what people say of it. */
#include "orchestrator/cli_audit.h"

#include "orchestrator/lib/clock.h"

#include <stdio.h>
#include <string.h>

const struct cli_action cli_drift_actions[] = {
	{ "list", "[--environment E] [--all]",
		"what is open, by project; --all also what is quiet" },
	{ "report", "[ID]", "what one look found: the newest, or the one with that number" },
	{ "run", "[--repo REPO] [--host HOST] [--base BRANCH] [--environment E] [-p PROJECT]",
		"look now" },
	{ "ack", "dN [7d] \"REASON\"", "somebody takes care of it; what changes in it wakes it" },
	{ "snooze", "dN 7d \"REASON\"", "quiet for that time, whatever it becomes" },
	{ "unsnooze", "dN", "as if nobody had said anything" },
	{ "baseline", "dN \"REASON\"", "known noise; what changes in it wakes it" },
	{ NULL, NULL, NULL },
};

static bool is_quiet(const json_t *item)
{
	static const char *const quiet[] = { "ignored", "output", "moved", "import" },
				 *const lives[] = { "acknowledged", "snoozed", "watched",
					 "baseline" };

	for (size_t i = 0; i < countof(quiet); i++)
		if (str_equal(cli_text(item, "class"), quiet[i]) ||
			str_equal(cli_text(item, "life"), lives[i]))
			return true;
	return false;
}

static void show_item(struct cli *cli, const json_t *item)
{
	const json_t *paths = json_object_get(item, "paths");
	const char *by = cli_text(item, "by"), *reason = cli_text(item, "reason");

	(void)printf("  d%-5lld %-9s %-12s %s", (long long)cli_number(item, "id"),
		cli_text(item, "class"), cli_text(item, "life"),
		audit_plain(cli, cli_text(item, "address")));
	for (size_t i = 0; i < json_array_size(paths); i++)
		(void)printf("%s%s", i == 0 ? ": " : ", ",
			audit_plain(cli, json_string_value(json_array_get(paths, i))));
	if (by[0] != '\0')
		(void)printf(" (%s%s%s)", audit_plain(cli, by), reason[0] == '\0' ? "" : ": ",
			audit_plain(cli, reason));
	(void)puts("");
}

/* How many lines there were. */
static size_t show_project(struct cli *cli, const json_t *project)
{
	const json_t *items = json_object_get(json_object_get(project, "items"), "list");
	/* in a report it is called by its name alone */
	const char *word = cli_text(project, "word"), *name = cli_text(project, "name");
	size_t shown = 0;

	for (size_t i = 0; i < json_array_size(items); i++)
		shown += cli->all || !is_quiet(json_array_get(items, i));
	if (!cli->all && shown == 0 && !str_equal(cli_text(project, "outcome"), "error"))
		return 0;
	(void)printf("%s (%s): %s%s%s%s\n",
		audit_plain(cli, name[0] == '\0' ? cli_text(project, "project") : name),
		audit_plain(cli, cli_text(project, "environment")), cli_text(project, "outcome"),
		word[0] == '\0' ? "" : " (", word, word[0] == '\0' ? "" : ")");
	if (cli_text(project, "text")[0] != '\0')
		(void)printf("  %s\n", audit_plain(cli, cli_text(project, "text")));
	for (size_t i = 0; i < json_array_size(items); i++)
		if (cli->all || !is_quiet(json_array_get(items, i)))
			show_item(cli, json_array_get(items, i));
	return shown + 1;
}

static size_t show_projects(struct cli *cli, const json_t *projects)
{
	size_t shown = 0;

	for (size_t i = 0; i < json_array_size(projects); i++) {
		const json_t *project = json_array_get(projects, i);

		if (cli->environment == NULL ||
			str_equal(cli->environment, cli_text(project, "environment")))
			shown += show_project(cli, project);
	}
	return shown;
}

static int list(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *json = cli_ask(cli, "GET", "/api/drift", NULL, &r);

	if (json != NULL && cli->json)
		cli_print_json(json);
	else if (json != NULL && show_projects(cli, json_object_get(json, "projects")) > 0)
		r = CLI_NO;
	else if (json != NULL)
		(void)puts("nothing is open");
	json_decref(json);
	return r;
}

static int newest(struct cli *cli, const char **ret)
{
	int r = CLI_DONE;
	json_t *json = cli_ask(cli, "GET", "/api/drift", NULL, &r);
	const json_t *first = json_array_get(json_object_get(json, "reports"), 0);

	if (r == CLI_DONE && first == NULL) {
		(void)fputs(
			"sluice: nobody has looked for drift yet (`sluice drift run`)\n", stderr);
		r = CLI_NO;
	}
	*ret = arena_printf(
		&cli->arena, "%lld", first == NULL ? 0LL : (long long)cli_number(first, "id"));
	json_decref(json);
	return r;
}

static int report(struct cli *cli)
{
	const char *id = cli->argc > 1 ? cli->argv[1] : NULL;
	char buf[CLOCK_TEXT_MAX];
	int r = CLI_DONE;
	json_t *json;

	if (id != NULL && !cli_is_number(id))
		return cli_usage("a report has a number, not \"%s\"", id);
	if (id == NULL)
		r = newest(cli, &id);
	if (r != CLI_DONE)
		return r;
	json = cli_ask(
		cli, "GET", arena_printf(&cli->arena, "/api/drift/reports/%s", id), NULL, &r);
	if (json != NULL && cli->json) {
		cli_print_json(json);
	} else if (json != NULL) {
		(void)printf("%s %s, %s%s\n", audit_plain(cli, cli_text(json, "repo")),
			audit_plain(cli, cli_text(json, "base_ref")),
			clock_text(cli_number(json, "slot_ms"), buf),
			json_is_true(json_object_get(json, "is_partial")) ? ", not all of it" : "");
		if (cli_text(json, "text")[0] != '\0')
			(void)printf("%s\n", audit_plain(cli, cli_text(json, "text")));
		show_projects(cli, json_object_get(json, "projects"));
	}
	json_decref(json);
	return r;
}

static int run(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *json = cli_ask(cli, "POST", "/api/drift/run",
		json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "actor", cli->as, "host",
			cli->host, "repo", cli->repo, "base_ref", cli->base, "environment",
			cli->environment, "project", cli->project),
		&r);

	if (json != NULL && cli->json)
		cli_print_json(json);
	else if (json != NULL)
		(void)printf("run %lld looks; `sluice drift list` says what it found\n",
			(long long)cli_number(json, "run"));
	json_decref(json);
	return r;
}

/* "7d", "12h", "30m"; 0: it is none. */
static int64_t duration_of(const char *text)
{
	char *end;
	long long number = strtoll(text, &end, 10);
	int64_t unit = str_equal(end, "d")   ? 86400000
		       : str_equal(end, "h") ? 3600000
		       : str_equal(end, "m") ? 60000
					     : 0;

	return number > 0 && number < 100000 ? number * unit : 0;
}

static int say(struct cli *cli)
{
	const char *word = cli->argv[0], *reason = "";
	bool is_wake = str_equal(word, "unsnooze");
	int64_t duration = 0;
	int r = CLI_DONE, at = 2;
	json_t *json;

	if (cli->argc < 2 || cli->argv[1][0] != 'd' || !cli_is_number(cli->argv[1] + 1))
		return cli_usage("which finding? its number stands in `sluice drift list`: d12");
	if (!is_wake && !str_equal(word, "baseline") && at < cli->argc)
		duration = duration_of(cli->argv[at]);
	at += duration > 0;
	if (at < cli->argc)
		reason = cli->argv[at++];
	if (at < cli->argc || (str_equal(word, "snooze") && duration == 0) ||
		(!is_wake && reason[0] == '\0'))
		return cli_usage("usage: sluice drift %s dN%s", word,
			is_wake			      ? ""
			: str_equal(word, "snooze")   ? " 7d \"REASON\""
			: str_equal(word, "baseline") ? " \"REASON\""
						      : " [7d] \"REASON\"");
	json = cli_ask(cli, "POST", "/api/drift/say",
		json_pack("{s:I, s:s, s:s, s:s, s:I}", "id",
			(json_int_t)strtoll(cli->argv[1] + 1, NULL, 10), "word", word, "actor",
			cli->as, "reason", reason, "until_ms",
			(json_int_t)(duration > 0 ? clock_wall_ms(&clock_system) + duration : 0)),
		&r);
	if (json != NULL)
		(void)puts("on record");
	json_decref(json);
	return r;
}

int cli_drift(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli);
		int argc; /* at most */
	} ways[] = { { "list", list, 1 }, { "report", report, 2 }, { "run", run, 1 },
		{ "ack", say, 4 }, { "snooze", say, 4 }, { "unsnooze", say, 2 },
		{ "baseline", say, 3 } };

	if (cli->argc == 0)
		return list(cli);
	for (size_t i = 0; i < countof(ways); i++)
		if (str_equal(cli->argv[0], ways[i].name) && cli->argc <= ways[i].argc)
			return ways[i].run(cli);
	return cli_usage("usage: sluice drift list|report|run|ack|snooze|unsnooze|baseline");
}
