/* `sluice audit`: what is on record, as people, spreadsheets and auditors want it. */
#include "orchestrator/cli_audit.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/when.h"
#include "orchestrator/serve_anchors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { RESOURCES_SHOWN = 20, NUMBER_ROOM = 24 };

const struct cli_action cli_audit_actions[] = {
	{ "verify", "[--anchors FILE]",
		"walk over the whole chain and hold it against what was anchored each day; exit 1 "
		"names the first bad record" },
	{ "export", "--csv | --jsonl [--from TIME] [--to TIME] [--environment E]",
		"every record of a time, for a spreadsheet or a program" },
	{ "report", "--from TIME --to TIME [--environment E]",
		"evidence of a time for an auditor, as Markdown" },
	{ "follow-ups", "",
		"what was applied by break-glass and nobody else has looked at; exit 1 when there "
		"is some" },
	{ NULL, NULL, NULL },
};

/* ---- asking ---- */

static int read_when(struct cli *cli, const char *text, int64_t fallback, int64_t *ret)
{
	struct err err;

	*ret = fallback;
	if (text == NULL ||
		when_parse(text, clock_wall_ms(&clock_system), &cli->arena, ret, &err) == 0)
		return CLI_DONE;
	return cli_usage("%s", err.text);
}

static const char *path_of(struct cli *cli, const char *door, const char *rest)
{
	_cleanup_free_ char *environment = codec_url_word(
		cli->environment == NULL ? "" : cli->environment);

	return arena_printf(&cli->arena, "%s?environment=%s&%s", door, environment, rest);
}

int audit_each(struct cli *cli, int64_t from_ms, int64_t to_ms, audit_row_fn *each, void *owner)
{
	int64_t after = 0;
	int r = CLI_DONE;

	for (;;) {
		json_t *rows = cli_ask(cli, "GET",
			path_of(cli, "/api/audit",
				arena_printf(&cli->arena, "from_ms=%lld&after=%lld&to_ms=%lld",
					(long long)from_ms, (long long)after, (long long)to_ms)),
			NULL, &r);
		size_t count = json_array_size(rows);

		for (size_t i = 0; i < count; i++)
			each(owner, json_array_get(rows, i));
		if (count > 0) {
			from_ms = cli_number(json_array_get(rows, count - 1), "at_ms");
			after = cli_number(json_array_get(rows, count - 1), "id");
		}
		json_decref(rows);
		if (count == 0)
			return r;
	}
}

/* ---- showing ---- */

/* What stands in a record came from anywhere: nothing of it shall move the cursor. */
const char *audit_plain(struct cli *cli, const char *text)
{
	char *plain = arena_strdup(&cli->arena, text);

	for (char *at = plain; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	}
	return plain;
}

static void show_row(void *owner, const json_t *row)
{
	struct cli *cli = owner;
	char buf[CLOCK_TEXT_MAX];

	(void)printf("%4lld  %s  %-18s %-8s %s\n", (long long)cli_number(row, "id"),
		clock_text(cli_number(row, "at_ms"), buf), cli_text(row, "kind"),
		audit_plain(cli, cli_text(row, "actor")),
		audit_plain(cli, cli_text(json_object_get(row, "detail"), "text")));
}

static void collect_row(void *owner, const json_t *row)
{
	json_array_append(owner, (json_t *)(uintptr_t)row);
}

static int list(struct cli *cli)
{
	int64_t from, to;
	json_t *rows;
	int r = read_when(cli, cli->from, 0, &from);

	if (r == CLI_DONE)
		r = read_when(cli, cli->to, INT64_MAX, &to);
	if (r != CLI_DONE)
		return r;
	if (!cli->json)
		return audit_each(cli, from, to, show_row, cli);
	rows = json_array();
	r = audit_each(cli, from, to, collect_row, rows);
	if (r == CLI_DONE)
		cli_print_json(rows);
	json_decref(rows);
	return r;
}

const char *audit_people(struct cli *cli, const json_t *list)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);

	for (size_t i = 0; i < json_array_size(list); i++)
		strbuf_printf(&text, "%s%s", i == 0 ? "" : ", ",
			cli_text(json_array_get(list, i), "person"));
	return audit_plain(cli, text.length == 0 ? "nobody" : strbuf_text(&text));
}

const char *audit_actions(struct cli *cli, const json_t *evidence)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(512);
	int64_t outputs = cli_number(evidence, "outputs");
	const char *name;
	json_t *count;

	json_object_foreach (json_object_get(evidence, "actions"), name, count)
		strbuf_printf(&text, "%s%lld %s", text.length == 0 ? "" : ", ",
			(long long)json_integer_value(count), name);
	if (text.length == 0)
		strbuf_puts(&text, outputs > 0 ? "outputs only" : "no resource");
	return audit_plain(cli, strbuf_text(&text));
}

static void show_apply(struct cli *cli, const json_t *row)
{
	const json_t *about = json_object_get(json_object_get(row, "detail"), "evidence");
	const json_t *resources = json_object_get(about, "resources");
	bool has_ended = cli_number(about, "ended_ms") != 0;
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
	int64_t left = cli_number(about, "resources_left_out");
	size_t count = json_array_size(resources);

	(void)printf("\n%s %s (%s)\n", audit_plain(cli, cli_text(about, "repository")),
		audit_plain(cli, cli_text(about, "project")),
		audit_plain(cli, cli_text(about, "workspace")));
	(void)printf("  #%lld \"%s\" by %s, asked for by %s, approved by %s\n",
		(long long)cli_number(about, "number"), audit_plain(cli, cli_text(about, "title")),
		audit_plain(cli, cli_text(about, "author")),
		audit_plain(cli, cli_text(about, "asked_by")),
		audit_people(cli, json_object_get(about, "approved_by")));
	clock_text(has_ended ? cli_number(about, "started_ms") : cli_number(row, "at_ms"), from);
	if (has_ended)
		(void)printf("  %s to %s: %s\n", from,
			clock_text(cli_number(about, "ended_ms"), to), cli_text(about, "result"));
	else
		(void)printf("  since %s\n", from);
	(void)printf("  commit %.12s, plan %.12s, plan set %.12s\n", cli_text(about, "head"),
		cli_text(about, "plan"), cli_text(about, "plan_set"));
	(void)printf("  %s\n", audit_actions(cli, about));
	for (size_t i = 0; i < count && i < RESOURCES_SHOWN; i++) {
		const json_t *one = json_array_get(resources, i);

		(void)printf("    %-8s %s\n", json_string_value(json_array_get(one, 1)),
			audit_plain(cli, json_string_value(json_array_get(one, 0))));
	}
	if (count > RESOURCES_SHOWN)
		left += (int64_t)count - RESOURCES_SHOWN;
	if (left > 0)
		(void)printf("    and %lld more: see --json\n", (long long)left);
}

static void show_applies(struct cli *cli, const char *title, const json_t *rows)
{
	(void)printf("\n%s%s\n", title, json_array_size(rows) == 0 ? ": nothing" : ":");
	for (size_t i = 0; i < json_array_size(rows); i++)
		show_apply(cli, json_array_get(rows, i));
}

static int show_moment(struct cli *cli)
{
	char buf[CLOCK_TEXT_MAX];
	json_t *moment;
	int64_t at;
	int r = read_when(cli, cli->at, 0, &at);

	if (r != CLI_DONE)
		return r;
	moment = cli_ask(cli, "GET",
		path_of(cli, "/api/audit/at",
			arena_printf(&cli->arena, "at_ms=%lld", (long long)at)),
		NULL, &r);
	if (moment == NULL)
		return r;
	if (cli->json) {
		cli_print_json(moment);
	} else {
		(void)printf("At %s%s%s\n", clock_text(at, buf),
			cli->environment == NULL ? "" : ", environment ",
			cli->environment == NULL ? "" : cli->environment);
		show_applies(cli, "Running then", json_object_get(moment, "running"));
		show_applies(cli, "In effect, by what was applied last",
			json_object_get(moment, "in_effect"));
	}
	json_decref(moment);
	return CLI_DONE;
}

/* ---- the chain ---- */

static json_t *ask_walk(struct cli *cli, int64_t after, int rows, int *ret_exit)
{
	return cli_ask(cli, "GET",
		arena_printf(&cli->arena, "/api/audit/verify?after=%lld&rows=%d", (long long)after,
			rows),
		NULL, ret_exit);
}

/* A chain that was made anew from some record on is whole, but not the one of this line. */
static int check_anchor(struct cli *cli, const json_t *anchor, json_t **ret)
{
	const char *at = cli_text(anchor, "at");
	int64_t record = cli_number(anchor, "record");
	int r = CLI_DONE;
	json_t *walk;

	if (record <= 0 || str_empty(cli_text(anchor, "hash"))) {
		*ret = json_pack(
			"{s:b, s:s}", "valid", 0, "error", "a line of the anchors is none");
		return CLI_NO;
	}
	walk = ask_walk(cli, record, 1, &r);
	if (walk == NULL)
		return r;
	if (!str_equal(cli_text(walk, "before"), cli_text(anchor, "hash"))) {
		*ret = json_pack("{s:b, s:I, s:o}", "valid", 0, "first_bad", (json_int_t)record,
			"error",
			jsonx_any(arena_printf(&cli->arena,
				"record %lld is not the one that was anchored at %s: the chain was "
				"made anew",
				(long long)record, audit_plain(cli, at))));
		r = CLI_NO;
	}
	json_decref(walk);
	return r;
}

static int check_anchors(struct cli *cli, int64_t *ret_count, json_t **ret)
{
	_cleanup_free_ char *path = cli->anchors != NULL
					    ? mem_strdup(cli->anchors)
					    : mem_printf("%s/" ANCHORS_FILE, cli->data_dir);
	FILE *file = fopen(path, "re");
	int r = CLI_DONE;

	*ret_count = 0;
	if (file == NULL && cli->anchors == NULL && errno == ENOENT)
		return CLI_DONE; /* the first comes with the first record */
	if (file == NULL) {
		(void)fprintf(stderr, "sluice: cannot read %s: %s\n", path, strerror(errno));
		return CLI_USAGE;
	}
	while (r == CLI_DONE) {
		_cleanup_json_ json_t *anchor = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);

		if (anchor == NULL && feof(file))
			break;
		r = check_anchor(cli, anchor, ret);
		++*ret_count;
	}
	(void)fclose(file);
	return r;
}

int audit_verify(struct cli *cli, json_t **ret)
{
	int64_t after = 0, anchors = 0;
	int r = CLI_DONE;

	for (;;) {
		json_t *walk = ask_walk(cli, after, 0, &r);

		*ret = walk;
		if (walk == NULL)
			return r;
		if (!json_is_true(json_object_get(walk, "valid")))
			return CLI_NO;
		after = cli_number(walk, "last");
		if (json_is_true(json_object_get(walk, "is_end")))
			break;
		json_decref(walk);
	}
	json_decref(*ret);
	*ret = NULL;
	r = check_anchors(cli, &anchors, ret);
	if (r == CLI_DONE)
		*ret = json_pack("{s:b, s:I, s:I}", "valid", 1, "records", (json_int_t)after,
			"anchors", (json_int_t)anchors);
	return r;
}

static int show_verdict(struct cli *cli)
{
	json_t *verdict;
	int r = audit_verify(cli, &verdict);

	if (verdict == NULL)
		return r;
	if (cli->json)
		cli_print_json(verdict);
	else if (r == CLI_DONE)
		(void)printf("the chain of %lld records is whole; anchors that agree: %lld\n",
			(long long)cli_number(verdict, "records"),
			(long long)cli_number(verdict, "anchors"));
	else
		(void)printf("%s\n", cli_text(verdict, "error"));
	json_decref(verdict);
	return r;
}

/* ---- export ---- */

/* A spreadsheet takes what begins like a formula for one. */
static void print_cell(const char *text, bool is_last)
{
	bool is_formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	(void)putchar('"');
	if (is_formula)
		(void)putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)putchar('"');
		(void)putchar(*text);
	}
	(void)fputs(is_last ? "\"\r\n" : "\",", stdout);
}

static void print_csv(_unused_ void *owner, const json_t *row)
{
	static const char *const evidence_keys[] = { "repository", "number", "project", "folder",
		"workspace", "author", "asked_by", "head", "plan", "plan_set", "result" };
	const json_t *detail = json_object_get(row, "detail");
	const json_t *about = json_object_get(detail, "evidence");
	char number[NUMBER_ROOM], at[CLOCK_TEXT_MAX];

	(void)snprintf(number, sizeof(number), "%lld", (long long)cli_number(row, "id"));
	print_cell(number, false);
	print_cell(clock_text(cli_number(row, "at_ms"), at), false);
	print_cell(cli_text(row, "kind"), false);
	print_cell(cli_text(row, "actor"), false);
	print_cell(cli_text(row, "environment"), false);
	for (size_t i = 0; i < countof(evidence_keys); i++) {
		const json_t *value = json_object_get(about, evidence_keys[i]);

		(void)snprintf(
			number, sizeof(number), "%lld", (long long)json_integer_value(value));
		print_cell(
			json_is_integer(value) ? number : cli_text(about, evidence_keys[i]), false);
	}
	print_cell(cli_text(detail, "text"), false);
	print_cell(cli_text(row, "hash"), true);
}

static void print_line(_unused_ void *owner, const json_t *row)
{
	(void)json_dumpf(row, stdout, JSON_COMPACT);
	(void)putchar('\n');
}

static int export_rows(struct cli *cli)
{
	int64_t from, to;
	int r = read_when(cli, cli->from, 0, &from);

	if (cli->csv == cli->jsonl)
		return cli_usage("say which: sluice audit export --csv, or --jsonl");
	if (r == CLI_DONE)
		r = read_when(cli, cli->to, INT64_MAX, &to);
	if (r != CLI_DONE)
		return r;
	if (cli->csv)
		(void)fputs("id,time,kind,actor,environment,repository,number,project,folder,"
			    "workspace,author,asked_by,head,plan,plan_set,result,text,hash\r\n",
			stdout);
	return audit_each(cli, from, to, cli->csv ? print_csv : print_line, NULL);
}

static int report(struct cli *cli)
{
	int64_t from, to;
	int r = read_when(cli, cli->from, 0, &from);

	if (cli->from == NULL || cli->to == NULL)
		return cli_usage("of which time? sluice audit report --from TIME --to TIME");
	if (r == CLI_DONE)
		r = read_when(cli, cli->to, 0, &to);
	return r != CLI_DONE ? r : audit_report(cli, from, to);
}

static int follow_ups(struct cli *cli)
{
	char buf[CLOCK_TEXT_MAX];
	int r = CLI_DONE;
	json_t *rows = cli_ask(cli, "GET", "/api/audit/follow-ups", NULL, &r);

	if (rows != NULL && cli->json)
		cli_print_json(rows);
	for (size_t i = 0; !cli->json && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		(void)printf("%s  %s#%lld  %s: %s\n", clock_text(cli_number(row, "opened_ms"), buf),
			audit_plain(cli, cli_text(row, "repository")),
			(long long)cli_number(row, "number"),
			audit_plain(cli, cli_text(row, "person")),
			audit_plain(cli, cli_text(row, "reason")));
	}
	if (rows != NULL && json_array_size(rows) > 0)
		r = CLI_NO;
	json_decref(rows);
	return r;
}

int cli_record_change(struct cli *cli)
{
	int r = CLI_DONE;
	json_t *answer;

	if (cli->argc != 0 || cli->environment == NULL || str_empty(cli->reason))
		return cli_usage(
			"usage: sluice record-external-change --environment E --reason TEXT "
			"[--as NAME]");
	answer = cli_ask(cli, "POST", "/api/audit/external",
		json_pack("{s:s, s:s, s:s}", "actor", cli->as, "environment", cli->environment,
			"reason", cli->reason),
		&r);
	if (answer != NULL && cli->json)
		cli_print_json(answer);
	else if (answer != NULL)
		(void)puts("on record");
	json_decref(answer);
	return r;
}

int cli_audit(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli);
	} ways[] = { { "verify", show_verdict }, { "export", export_rows }, { "report", report },
		{ "follow-ups", follow_ups } };

	if (cli->argc == 0)
		return cli->at != NULL ? show_moment(cli) : list(cli);
	for (size_t i = 0; cli->argc == 1 && i < countof(ways); i++) {
		if (str_equal(cli->argv[0], ways[i].name))
			return ways[i].run(cli);
	}
	return cli_usage("usage: sluice audit [--environment E] [--at TIME | --from TIME --to "
			 "TIME], sluice audit verify|export|report|follow-ups");
}
