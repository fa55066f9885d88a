/* People on the local host, and operators on this machine. */
#include "orchestrator/cli.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/local/local_host.h"

#include <string.h>
#include <time.h>

static int show_or_json(struct cli *cli, json_t *json, int exit_code,
	void (*show)(const struct cli *, const json_t *))
{
	if (json == NULL)
		return exit_code;
	if (cli->json)
		cli_print_json(json);
	else
		show(cli, json);
	json_decref(json);
	return exit_code;
}

/* ---- repo ---- */

static void show_repo(_unused_ const struct cli *cli, const json_t *repo)
{
	(void)printf("%s\t%s\n", cli_text(repo, "name"), cli_text(repo, "path"));
}

static void show_repos(const struct cli *cli, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		show_repo(cli, json_array_get(list, i));
}

int cli_repo(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *body;

	if (cli->argc == 1 && str_equal(cli->argv[0], "list"))
		return show_or_json(
			cli, cli_ask(cli, "GET", "/local/repos", NULL, &r), r, show_repos);
	if (cli->argc != 2 || !str_equal(cli->argv[0], "add"))
		return cli_usage(
			"usage: sluice repo add NAME [--import PATH], or sluice repo list");
	body = json_pack("{s:s}", "name", cli->argv[1]);
	if (cli->import != NULL)
		json_object_set_new(body, "import", json_string(cli->import));
	body = cli_ask(cli, "POST", "/local/repos", body, &r);
	return show_or_json(cli, body, r, show_repo);
}

/* ---- team ---- */

static void show_teams(_unused_ const struct cli *cli, const json_t *teams)
{
	const char *name;
	json_t *members;

	json_object_foreach ((json_t *)(uintptr_t)teams, name, members) {
		(void)printf("%s\t", name);
		for (size_t i = 0; i < json_array_size(members); i++)
			(void)printf("%s%s", i == 0 ? "" : ", ",
				json_string_value(json_array_get(members, i)));
		(void)putchar('\n');
	}
}

int cli_team(struct cli *cli)
{
	bool is_removed = cli->argc == 3 && str_equal(cli->argv[0], "remove");
	int r = CLI_DONE;
	json_t *body;

	if (cli->argc == 1 && str_equal(cli->argv[0], "list"))
		return show_or_json(
			cli, cli_ask(cli, "GET", "/local/teams", NULL, &r), r, show_teams);
	if (cli->argc != 3 || (!is_removed && !str_equal(cli->argv[0], "add")))
		return cli_usage("usage: sluice team add|remove TEAM NAME, or sluice team list");
	body = json_pack("{s:s, s:s, s:b}", "team", cli->argv[1], "person", cli->argv[2], "remove",
		is_removed);
	return show_or_json(cli, cli_ask(cli, "POST", "/local/teams", body, &r), r, show_teams);
}

/* ---- pr ---- */

static void show_opened(_unused_ const struct cli *cli, const json_t *pull)
{
	(void)printf("pull request %lld opened: %s\n", (long long)cli_number(pull, "number"),
		cli_text(pull, "title"));
}

static int pr_open(struct cli *cli)
{
	const char *base = cli->base == NULL ? "main" : cli->base;
	const char *title = cli->title == NULL ? cli->head : cli->title;
	int r = CLI_DONE;
	json_t *body;

	if (cli->repo == NULL || cli->head == NULL)
		return cli_usage("usage: sluice pr open --repo NAME --head BRANCH [--base main] "
				 "[--title TEXT] [--as NAME]");
	body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "repo", cli->repo, "title", title, "head_ref",
		cli->head, "base_ref", base, "as", cli->as);
	body = cli_ask(cli, "POST", "/local/pulls", body, &r);
	return show_or_json(cli, body, r, show_opened);
}

static void show_pulls(_unused_ const struct cli *cli, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *pull = json_array_get(list, i);

		(void)printf("%4lld  %-7s %-20s %-10s %s\n", (long long)cli_number(pull, "number"),
			cli_text(pull, "state"), cli_text(pull, "repo"), cli_text(pull, "author"),
			cli_text(pull, "title"));
	}
}

static void show_comment(const json_t *comment)
{
	const char *body = cli_text(comment, "body");

	if (json_is_true(json_object_get(comment, "hidden"))) {
		(void)printf("\n-- a comment by %s is folded as outdated --\n",
			cli_text(comment, "author"));
		return;
	}
	if (str_starts(body, "<!--")) { /* the mark is for programs */
		const char *end = strchr(body, '\n');

		body = end == NULL ? body : end + 1;
	}
	(void)printf("\n-- %s wrote --\n%s%s", cli_text(comment, "author"), body,
		str_ends(body, "\n") ? "" : "\n");
}

static void show_pull(_unused_ const struct cli *cli, const json_t *pull)
{
	const json_t *list = json_object_get(pull, "statuses");

	(void)printf("%lld  %s  (%s, by %s, %s into %s, head %.7s)\n",
		(long long)cli_number(pull, "number"), cli_text(pull, "title"),
		cli_text(pull, "state"), cli_text(pull, "author"), cli_text(pull, "head_ref"),
		cli_text(pull, "base_ref"), cli_text(pull, "head"));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *status = json_array_get(list, i);

		(void)printf("status  %.7s %-14s %-8s %s\n", cli_text(status, "head"),
			cli_text(status, "context"), cli_text(status, "state"),
			cli_text(status, "description"));
	}
	list = json_object_get(pull, "labels");
	for (size_t i = 0; i < json_array_size(list); i++)
		(void)printf("label   %s\n", json_string_value(json_array_get(list, i)));
	list = json_object_get(pull, "reviews");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *review = json_array_get(list, i);

		(void)printf("review  %.7s %s: %s\n", cli_text(review, "head"),
			cli_text(review, "author"), cli_text(review, "state"));
	}
	list = json_object_get(pull, "comments");
	for (size_t i = 0; i < json_array_size(list); i++)
		show_comment(json_array_get(list, i));
}

json_t *cli_pull(struct cli *cli, const char *number, int *ret_exit)
{
	if (!cli_is_number(number)) {
		*ret_exit = cli_usage("a pull request is named by its number, not \"%s\"", number);
		return NULL;
	}
	return cli_ask(
		cli, "GET", arena_printf(&cli->arena, "/local/pulls/%s", number), NULL, ret_exit);
}

/* The bare repository of a pull, as the server knows it; owned by the arena. */
static const char *repo_path(struct cli *cli, const json_t *pull)
{
	const char *path = "";
	int r = CLI_DONE;
	json_t *repos = cli_ask(cli, "GET", "/local/repos", NULL, &r);

	for (size_t i = 0; i < json_array_size(repos); i++) {
		const json_t *repo = json_array_get(repos, i);

		if (str_equal(cli_text(repo, "name"), cli_text(pull, "repo")))
			path = arena_strdup(&cli->arena, cli_text(repo, "path"));
	}
	json_decref(repos);
	return path;
}

static void show_done(_unused_ const struct cli *cli, _unused_ const json_t *json)
{
	(void)puts("done");
}

static int pr_merge(struct cli *cli, const char *number)
{
	const char *program = cli_beside(&cli->arena, "sluice-git");
	int r = CLI_DONE;
	json_t *pull = cli_pull(cli, number, &r), *merged, *body;
	char commit[256] = "";
	FILE *answer;

	if (pull == NULL)
		return r;
	if (program == NULL) {
		json_decref(pull);
		return cli_usage("sluice-git is not beside sluice");
	}
	/* the merge is the person's own act in the bare repository, with the person's rights */
	answer = cli_run((const char *[]){ program, "merge", "--repo", repo_path(cli, pull),
		"--base", cli_text(pull, "base_ref"), "--head", cli_text(pull, "head"), "--author",
		cli->as, NULL });
	if (answer == NULL || fgets(commit, sizeof(commit), answer) == NULL)
		commit[0] = '\0';
	r = cli_run_end(answer);
	json_decref(pull);
	merged = json_loads(commit, 0, NULL);
	if (r != 0 || merged == NULL) {
		(void)fprintf(stderr, "sluice: not merged: %s\n", commit);
		return CLI_NO;
	}
	body = json_pack("{s:s, s:s}", "as", cli->as, "commit", cli_text(merged, "merged"));
	json_decref(merged);
	body = cli_ask(
		cli, "POST", arena_printf(&cli->arena, "/local/pulls/%s/merge", number), body, &r);
	return show_or_json(cli, body, r, show_done);
}

static int pr_act(struct cli *cli, const char *action, const char *number)
{
	bool is_comment = str_equal(action, "comment");
	const char *text = cli->body != NULL ? cli->body : cli->argc > 2 ? cli->argv[2] : "";
	int r = CLI_DONE;
	json_t *body;

	if (!cli_is_number(number))
		return cli_usage("a pull request is named by its number, not \"%s\"", number);
	if (is_comment && text[0] == '\0')
		return cli_usage("usage: sluice pr comment N TEXT [--as NAME]");
	body = json_pack("{s:s}", "as", cli->as);
	if (text[0] != '\0')
		json_object_set_new(body, "body", json_string(text));
	body = cli_ask(cli, "POST",
		arena_printf(&cli->arena, "/local/pulls/%s/%s", number,
			is_comment ? "comments" : action),
		body, &r);
	return show_or_json(cli, body, r, show_done);
}

static int pr_label(struct cli *cli, bool is_removed)
{
	int r = CLI_DONE;
	json_t *body;

	if (cli->argc != 3 || !cli_is_number(cli->argv[1]))
		return cli_usage(
			"usage: sluice pr %s N NAME [--as NAME]", is_removed ? "unlabel" : "label");
	body = json_pack(
		"{s:s, s:s, s:b}", "as", cli->as, "label", cli->argv[2], "remove", is_removed);
	body = cli_ask(cli, "POST",
		arena_printf(&cli->arena, "/local/pulls/%s/labels", cli->argv[1]), body, &r);
	return show_or_json(cli, body, r, show_done);
}

static int pr_diff(struct cli *cli, const char *number)
{
	int r = CLI_DONE;
	json_t *pull = cli_pull(cli, number, &r);
	const char *range, *argv[] = { "git", "-C", NULL, "diff", NULL, NULL };
	FILE *answer;
	char line[4096];

	if (pull == NULL)
		return r;
	range = arena_printf(&cli->arena, "refs/heads/%s...%s", cli_text(pull, "base_ref"),
		cli_text(pull, "head"));
	argv[2] = repo_path(cli, pull);
	argv[4] = range;
	answer = cli_run(argv);
	while (answer != NULL && fgets(line, sizeof(line), answer) != NULL)
		(void)fputs(line, stdout);
	json_decref(pull);
	return cli_run_end(answer) == 0 ? CLI_DONE : CLI_NO;
}

#define AS " [--as NAME]"

const struct cli_action cli_pr_actions[] = {
	{ "open", "--repo NAME --head BRANCH [--base main] [--title TEXT]" AS,
		"asks for BRANCH to be merged; its projects are planned at once" },
	{ "list", "[--all] [--json]", "those that are open; with --all also the others" },
	{ "show", "N [--json]", "one of them, with its comments and statuses" },
	{ "diff", "N", "what it changes" },
	{ "comment", "N TEXT" AS, "writes a comment; `sluice apply` in one is a command" },
	{ "approve", "N [TEXT]" AS, "approves its newest head" },
	{ "request-changes", "N [TEXT]" AS, "holds it until you approve, or dismiss this" },
	{ "dismiss", "N" AS, "takes your approval or request back" },
	{ "label", "N NAME" AS, "gives it a label, for the rules that ask for one" },
	{ "unlabel", "N NAME" AS, "takes the label away" },
	{ "merge", "N" AS, "merges its head into its base" },
	{ "close", "N" AS, "gives it up; its locks and plans go" },
	{ "reopen", "N" AS, "takes it up again; its projects are planned anew" },
	{ NULL },
};

int cli_pr(struct cli *cli)
{
	static const char *const actions[] = { "comment", "approve", "request-changes", "dismiss",
		"close", "reopen" };
	const char *action = cli->argc > 0 ? cli->argv[0] : "";
	const char *number = cli->argc > 1 ? cli->argv[1] : "";
	int r = CLI_DONE;

	if (str_equal(action, "open"))
		return pr_open(cli);
	if (str_equal(action, "list"))
		return show_or_json(cli,
			cli_ask(cli, "GET", cli->all ? "/local/pulls" : "/local/pulls?state=open",
				NULL, &r),
			r, show_pulls);
	if (str_equal(action, "show")) {
		json_t *pull = cli_pull(cli, number, &r);

		return show_or_json(cli, pull, r, show_pull);
	}
	if (str_equal(action, "merge"))
		return pr_merge(cli, number);
	if (str_equal(action, "diff"))
		return pr_diff(cli, number);
	if (str_equal(action, "label") || str_equal(action, "unlabel"))
		return pr_label(cli, str_equal(action, "unlabel"));
	for (size_t i = 0; i < countof(actions); i++) {
		if (str_equal(action, actions[i]))
			return pr_act(cli, action, number);
	}
	return cli_usage("usage: sluice pr "
			 "open|list|show|diff|comment|approve|request-changes|dismiss|label|"
			 "unlabel|merge|close|reopen ...");
}

/* The receive hook of a bare repository: what git says on standard input becomes one post. */
int cli_local_hook(struct cli *cli)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF(4 << 20), body = STRBUF(8 << 20);
	const char *pusher = getenv("SLUICE_AS");
	struct err err = { 0 };
	char chunk[4096];
	size_t got;
	int r = CLI_DONE;
	json_t *json;

	if (cli->argc != 0 || cli->repo == NULL)
		return cli_usage("local-hook is called by git");
	while ((got = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		strbuf_append(&lines, chunk, got);
	if (local_push_body(cli->repo, str_empty(pusher) ? cli->as : pusher, strbuf_text(&lines),
		    lines.length, &body, &err) < 0)
		return cli_usage("%s", err.text);
	json = json_loads(strbuf_text(&body), 0, NULL);
	json = cli_ask(cli, "POST", "/local/push", json, &r);
	json_decref(json);
	if (r == CLI_UNREACHABLE)
		(void)fputs(
			"  the push itself is done; the server finds it when it starts\n", stderr);
	return CLI_DONE;
}

/* ---- an operator's commands ---- */

static void add_flag(struct strbuf *text, const char *flag, const char *value)
{
	if (value == NULL)
		return;
	strbuf_printf(text, " %s \"", flag);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			strbuf_putc(text, '\\');
		strbuf_putc(text, *value);
	}
	strbuf_putc(text, '"');
}

static int operator_command(struct cli *cli, const char *verb)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);
	int r = CLI_DONE;
	json_t *pull, *body;

	if (cli->argc != 1)
		return cli_usage("usage: sluice %s PULL", verb);
	pull = cli_pull(cli, cli->argv[0], &r);
	if (pull == NULL)
		return r;
	strbuf_printf(&text, "sluice %s", verb);
	add_flag(&text, "-d", cli->dir);
	add_flag(&text, "-w", cli->workspace);
	add_flag(&text, "-p", cli->project);
	body = json_pack("{s:s, s:s, s:I, s:s, s:s}", "host", "local", "repo",
		cli_text(pull, "repo"), "number", (json_int_t)cli_number(pull, "number"), "actor",
		cli->as, "text", strbuf_text(&text));
	json_decref(pull);
	body = cli_ask(cli, "POST", "/api/commands", body, &r);
	if (body != NULL && cli->json)
		cli_print_json(body);
	else if (body != NULL)
		(void)printf(
			"asked; the answer comes as a comment: sluice pr show %s\n", cli->argv[0]);
	json_decref(body);
	return r;
}

int cli_plan(struct cli *cli)
{
	return operator_command(cli, "plan");
}

int cli_apply(struct cli *cli)
{
	return operator_command(cli, "apply");
}

int cli_unlock(struct cli *cli)
{
	return operator_command(cli, "unlock");
}

int cli_cancel(struct cli *cli)
{
	return operator_command(cli, "cancel");
}

/* ---- wait ---- */

/* The newest run of this pull and kind: its state, or "" */
static const char *newest_state(
	const json_t *runs, int64_t number, const char *kind, bool *ret_active)
{
	const char *state = "";

	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *run = json_array_get(runs, i);

		if (cli_number(run, "pull") != number ||
			(kind != NULL && !str_equal(cli_text(run, "kind"), kind)))
			continue;
		*ret_active = *ret_active || cli_number(run, "ended_ms") == 0;
		if (state[0] == '\0')
			state = cli_text(run, "state");
	}
	return state;
}

int cli_wait(struct cli *cli)
{
	const char *until = cli->until == NULL ? "idle" : cli->until;
	const char *kind = str_equal(until, "planned")	 ? "plan"
			   : str_equal(until, "applied") ? "apply"
							 : NULL;
	int64_t end = clock_monotonic_ms(&clock_system) + cli->timeout_s * 1000;
	int r = CLI_DONE;

	if (cli->argc != 1 || !cli_is_number(cli->argv[0]))
		return cli_usage("usage: sluice wait PULL [--until planned|applied|idle] "
				 "[--timeout SECONDS]");
	while (clock_monotonic_ms(&clock_system) < end) {
		json_t *runs = cli_ask(cli, "GET", "/api/runs", NULL, &r);
		bool is_active = false, is_done;
		const char *state;

		if (runs == NULL)
			return r;
		state = newest_state(runs, strtoll(cli->argv[0], NULL, 10), kind, &is_active);
		is_done = str_equal(state, "done");
		if (state[0] != '\0' && !is_active) {
			json_decref(runs);
			return is_done ? CLI_DONE : CLI_NO;
		}
		json_decref(runs);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	(void)fprintf(stderr, "sluice: pull request %s is not %s after %lld s\n", cli->argv[0],
		until, (long long)cli->timeout_s);
	return CLI_NO;
}
