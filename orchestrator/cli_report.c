/* `sluice audit report`: one time of the record, in the order in which an auditor asks. */
#include "orchestrator/cli_audit.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <string.h>

/* The sections below the table of changes: which records stand in them. */
static const struct section {
	const char *title, *lead;
	const char *kinds[4]; /* ends with NULL */
} sections[] = {
	{ "Refused", "Commands and merges that a rule or a missing right stopped.",
		{ "command refused", "apply refused", "merge refused" } },
	{ "Break-glass",
		"Applied in an emergency by whom the environment names for it, and looked at by "
		"somebody else afterwards.",
		{ "break-glass", "break-glass reviewed" } },
	{ "Changes by hand",
		"Told by an operator, with the reason; nothing here planned or approved them.",
		{ "external change" } },
	{ "Configuration of the server", "A generation is what the server read at one time.",
		{ "configuration" } },
	{ "Commands that a pull request brought", "Released by a person before they ran.",
		{ "new commands released" } },
	{ "Kept from the log", "A secret that was found in what a tool printed, and masked.",
		{ "secret hidden" } },
};

struct collected {
	struct cli *cli;
	json_t *applies, *others[countof(sections)];
	int64_t rows;
};

static void collect(void *owner, const json_t *row)
{
	struct collected *collected = owner;
	const char *kind = cli_text(row, "kind");
	json_t *kept = (json_t *)(uintptr_t)row;

	collected->rows++;
	if (str_equal(kind, "apply ended"))
		json_array_append(collected->applies, kept);
	for (size_t i = 0; i < countof(sections); i++) {
		for (const char *const *one = sections[i].kinds; *one != NULL; one++) {
			if (str_equal(kind, *one))
				json_array_append(collected->others[i], kept);
		}
	}
}

/* In a cell of a table: nothing of it is Markdown, and the table goes on after it. */
static const char *cell(struct cli *cli, const char *text)
{
	_cleanup_strbuf_ struct strbuf safe = STRBUF(16384);

	for (text = audit_plain(cli, text); *text != '\0'; text++) {
		if (strchr("\\`*_{}[]<>()#+!|~@&", *text) != NULL)
			strbuf_putc(&safe, '\\');
		strbuf_putc(&safe, *text);
	}
	return arena_strdup(&cli->arena, strbuf_text(&safe));
}

static void print_apply(struct cli *cli, const json_t *row)
{
	const json_t *about = json_object_get(json_object_get(row, "detail"), "evidence");
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];

	(void)printf(
		"| %lld | %s | %s | %s %s (%s) | #%lld %s | %s | %s | %s | %s | %s | %.12s |\n",
		(long long)cli_number(row, "id"), clock_text(cli_number(about, "started_ms"), from),
		clock_text(cli_number(about, "ended_ms"), to),
		cell(cli, cli_text(about, "repository")), cell(cli, cli_text(about, "project")),
		cell(cli, cli_text(about, "workspace")), (long long)cli_number(about, "number"),
		cell(cli, cli_text(about, "title")), cell(cli, cli_text(about, "author")),
		cell(cli, cli_text(about, "asked_by")),
		cell(cli, audit_people(cli, json_object_get(about, "approved_by"))),
		cell(cli, audit_actions(cli, about)), cell(cli, cli_text(about, "result")),
		cli_text(about, "plan"));
}

static void print_applies(struct cli *cli, const json_t *applies)
{
	(void)puts("\n## Changes (PCI DSS 6.5.1, 6.5.4)\n\n"
		   "Each was planned, approved as that very plan by the people named, and applied "
		   "once.\n");
	if (json_array_size(applies) == 0) {
		(void)puts("None.");
		return;
	}
	(void)puts("| record | begun | ended | project | pull request | author | asked for by | "
		   "approved by | resources | result | plan |\n"
		   "|---|---|---|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < json_array_size(applies); i++)
		print_apply(cli, json_array_get(applies, i));
}

static void print_section(struct cli *cli, const struct section *section, const json_t *rows)
{
	char at[CLOCK_TEXT_MAX];

	(void)printf("\n## %s\n\n%s\n\n", section->title, section->lead);
	if (json_array_size(rows) == 0) {
		(void)puts("None.");
		return;
	}
	(void)puts("| record | time | who | what |\n|---|---|---|---|");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		(void)printf("| %lld | %s | %s | %s: %s |\n", (long long)cli_number(row, "id"),
			clock_text(cli_number(row, "at_ms"), at), cell(cli, cli_text(row, "actor")),
			cli_text(row, "kind"),
			cell(cli, cli_text(json_object_get(row, "detail"), "text")));
	}
}

static void print_head(struct cli *cli, int64_t from_ms, int64_t to_ms, int64_t rows)
{
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX], now[CLOCK_TEXT_MAX];

	(void)printf(
		"# Evidence of changes\n\nFrom %s until before %s%s%s. %lld records; made %s.\n",
		clock_text(from_ms, from), clock_text(to_ms, to),
		cli->environment == NULL ? "" : ", environment ",
		cli->environment == NULL ? "" : cell(cli, cli->environment), (long long)rows,
		clock_text(clock_wall_ms(&clock_system), now));
}

/* Of any time: what waits is not over with the time of the report. */
static void print_open(struct cli *cli)
{
	int ignored = CLI_DONE;
	json_t *rows = cli_ask(cli, "GET", "/api/audit/follow-ups", NULL, &ignored);
	char buf[CLOCK_TEXT_MAX];

	(void)puts("\n## Not looked at yet\n\nBreak-glass that waits for somebody else's "
		   "review, whenever it was.\n");
	if (json_array_size(rows) == 0)
		(void)puts(rows == NULL ? "The server does not say." : "None.");
	else
		(void)puts("| since | who | pull request | why |\n|---|---|---|---|");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		(void)printf("| %s | %s ", clock_text(cli_number(row, "opened_ms"), buf),
			cell(cli, cli_text(row, "person")));
		(void)printf("| %s#%lld ", cell(cli, cli_text(row, "repository")),
			(long long)cli_number(row, "number"));
		(void)printf("| %s |\n", cell(cli, cli_text(row, "reason")));
	}
	json_decref(rows);
}

static void print_protection(const json_t *verdict, bool is_whole)
{
	(void)puts("\n## The record itself (PCI DSS 10.2.2, 10.3, 10.5.1)\n\n"
		   "Each record names who, what kind, when, on what, from where and with which "
		   "result, and holds a hash of itself\n"
		   "and of the record before. `sluice audit export --jsonl` gives all of it.\n");
	if (is_whole)
		(void)printf("The whole chain was walked over for this report: %lld records, none "
			     "changed, missing or put in; it\nagrees with %lld daily anchors.\n",
			(long long)cli_number(verdict, "records"),
			(long long)cli_number(verdict, "anchors"));
	else
		(void)printf("**The chain is broken**: %s.\n", cli_text(verdict, "error"));
}

int audit_report(struct cli *cli, int64_t from_ms, int64_t to_ms)
{
	struct collected collected = { .cli = cli, .applies = json_array() };
	json_t *verdict = NULL;
	int r, walk;

	for (size_t i = 0; i < countof(sections); i++)
		collected.others[i] = json_array();
	r = audit_each(cli, from_ms, to_ms, collect, &collected);
	walk = r == CLI_DONE ? audit_verify(cli, &verdict) : r;
	if (verdict != NULL) {
		print_head(cli, from_ms, to_ms, collected.rows);
		print_applies(cli, collected.applies);
		for (size_t i = 0; i < countof(sections); i++)
			print_section(cli, &sections[i], collected.others[i]);
		print_open(cli);
		print_protection(verdict, walk == CLI_DONE);
	}
	json_decref(verdict);
	json_decref(collected.applies);
	for (size_t i = 0; i < countof(sections); i++)
		json_decref(collected.others[i]);
	return walk;
}
