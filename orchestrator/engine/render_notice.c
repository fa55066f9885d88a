/* A notice as messages of Slack, and as plain text. */
#include "orchestrator/engine/render_notice.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum {
	NAME_MOST = 200, /* bytes of each foreign text as it comes out */
	CODE_MOST = 400,
	TEXT_MOST = 500,
	CLOSING_BLOCKS = 2, /* kept free in the last message */
	ENVELOPE = 120,	    /* what a block costs besides its text */
	NOTICE_ENTRY_MAX = 512 << 10,
};

/* ---- Slack ---- */

struct slack {
	struct arena *arena;
	const struct notice *notice;
	json_t *messages, *blocks; /* blocks: borrowed from the newest message */
	size_t bytes;		   /* of the newest message */
	struct strbuf section;	   /* what is gathered for the next block */
	size_t lines_left_out, entries_left_out;
};

static void new_message(struct slack *slack)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(SLACK_TEXT_MAX);

	render_slack_words(&text, slack->notice->title, TEXT_MOST);
	slack->blocks = json_array();
	slack->bytes = text.length;
	json_array_append_new(slack->messages,
		json_pack("{s:s, s:o}", "text", strbuf_text(&text), "blocks", slack->blocks));
}

/* Room for one more block of that size, in this message or a new one? */
static bool make_room(struct slack *slack, size_t bytes, bool is_closing)
{
	size_t parts = json_array_size(slack->messages);
	size_t kept = parts == NOTICE_PARTS_MAX && !is_closing ? CLOSING_BLOCKS : 0;
	size_t kept_bytes = kept > 0 ? SLACK_TEXT_MAX : 0;

	if (json_array_size(slack->blocks) + kept < SLACK_BLOCKS_MAX &&
		slack->bytes + bytes + ENVELOPE + kept_bytes <= SLACK_MESSAGE_MAX)
		return true;
	if (parts == NOTICE_PARTS_MAX)
		return false;
	new_message(slack);
	return true;
}

static bool put_block(struct slack *slack, json_t *block, size_t bytes, bool is_closing)
{
	if (!make_room(slack, bytes, is_closing)) {
		json_decref(block);
		return false;
	}
	json_array_append_new(slack->blocks, block);
	slack->bytes += bytes + ENVELOPE;
	return true;
}

static json_t *words_of(const char *text)
{
	return json_pack("{s:s, s:s, s:b}", "type", "mrkdwn", "text", text, "verbatim", 1);
}

static bool put_section(struct slack *slack, const char *text)
{
	return put_block(slack, json_pack("{s:s, s:o}", "type", "section", "text", words_of(text)),
		strlen(text), false);
}

static void put_context(struct slack *slack, const char *text, bool is_closing)
{
	(void)put_block(slack,
		json_pack("{s:s, s:[o]}", "type", "context", "elements", words_of(text)),
		strlen(text), is_closing);
}

static void put_header(struct slack *slack)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(SLACK_HEADER_MAX + 1);

	render_plain_words(&text, slack->notice->title, SLACK_HEADER_MAX - 12);
	(void)put_block(slack,
		json_pack("{s:s, s:{s:s, s:s, s:b}}", "type", "header", "text", "type",
			"plain_text", "text", strbuf_text(&text), "emoji", 0),
		text.length, false);
	if (!str_empty(slack->notice->subtitle)) {
		_cleanup_strbuf_ struct strbuf line = STRBUF(SLACK_TEXT_MAX);

		render_slack_words(&line, slack->notice->subtitle, TEXT_MOST);
		put_context(slack, strbuf_text(&line), false);
	}
}

static void put_name(struct slack *slack, const struct notice_entry *entry, bool goes_on)
{
	render_slack_code(&slack->section, entry->name, NAME_MOST);
	if (!str_empty(entry->where)) {
		strbuf_puts(&slack->section, " in ");
		render_slack_code(&slack->section, entry->where, NAME_MOST);
	}
	if (goes_on)
		strbuf_puts(&slack->section, " (goes on)");
	else if (!str_empty(entry->text)) {
		strbuf_puts(&slack->section, ": ");
		render_slack_words(&slack->section, entry->text, TEXT_MOST);
	}
}

static void one_line(struct strbuf *out, const struct notice_line *line)
{
	strbuf_printf(out, "\n%s ", line->sign);
	render_slack_code(out, line->code, CODE_MOST);
	if (!str_empty(line->text)) {
		strbuf_putc(out, ' ');
		render_slack_words(out, line->text, TEXT_MOST);
	}
}

/* Ends the section; where there is no room for it, the lines from `first` on are left out. */
static bool end_section(struct slack *slack, const struct notice_entry *entry, size_t first)
{
	bool fits = put_section(slack, strbuf_text(&slack->section));

	strbuf_clear(&slack->section);
	if (!fits) {
		slack->entries_left_out++;
		slack->lines_left_out += entry->line_count - first;
	}
	return fits;
}

/* A project in one section, or in several that are cut between two resources. */
static void put_entry(struct slack *slack, const char *title, const struct notice_entry *entry)
{
	size_t first = 0; /* line of the section */

	if (title != NULL)
		strbuf_printf(&slack->section, "*%s*\n", title);
	put_name(slack, entry, false);
	for (size_t i = 0; i < entry->line_count; i++) {
		_cleanup_strbuf_ struct strbuf line = STRBUF(SLACK_TEXT_MAX);

		one_line(&line, &entry->lines[i]);
		if (slack->section.length + line.length > SLACK_TEXT_MAX) {
			if (!end_section(slack, entry, first))
				return;
			first = i;
			put_name(slack, entry, true);
		}
		strbuf_puts(&slack->section, strbuf_text(&line));
	}
	if (entry->left_out > 0 && slack->section.length + 60 < SLACK_TEXT_MAX)
		strbuf_printf(&slack->section, "\nand %d more", entry->left_out);
	(void)end_section(slack, entry, first);
}

static void put_closing(struct slack *slack)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(SLACK_TEXT_MAX);

	if (slack->entries_left_out > 0)
		strbuf_printf(&text,
			"*and %zu project%s with %zu resources*, for which there is no room here",
			slack->entries_left_out, slack->entries_left_out == 1 ? "" : "s",
			slack->lines_left_out);
	for (size_t i = 0; i < slack->notice->note_count; i++) {
		if (text.length + TEXT_MOST + NAME_MOST + 100 > SLACK_TEXT_MAX)
			break;
		strbuf_puts(&text, text.length > 0 ? "\n" : "");
		render_slack_words(&text, slack->notice->notes[i], TEXT_MOST);
	}
	if (!str_empty(slack->notice->more)) {
		strbuf_puts(&text, text.length > 0 ? "\nAll of it: " : "All of it: ");
		render_slack_code(&text, slack->notice->more, NAME_MOST);
	}
	if (text.length > 0)
		put_context(slack, strbuf_text(&text), true);
}

json_t *render_slack(const struct notice *notice, struct arena *arena)
{
	struct slack slack = { .arena = arena,
		.notice = notice,
		.messages = json_array(),
		.section = STRBUF(SLACK_TEXT_MAX) };

	new_message(&slack);
	put_header(&slack);
	for (size_t i = 0; i < notice->group_count; i++) {
		const struct notice_group *group = &notice->groups[i];

		for (size_t j = 0; j < group->entry_count; j++)
			put_entry(&slack, j == 0 ? group->title : NULL, &group->entries[j]);
	}
	put_closing(&slack);
	strbuf_release(&slack.section);
	return slack.messages;
}

/* ---- plain text ---- */

static void plain_entry(struct strbuf *out, const struct notice_entry *entry)
{
	strbuf_puts(out, "\n  ");
	render_plain_words(out, entry->name, NAME_MOST);
	if (!str_empty(entry->where)) {
		strbuf_puts(out, " in ");
		render_plain_words(out, entry->where, NAME_MOST);
	}
	if (!str_empty(entry->text)) {
		strbuf_puts(out, ": ");
		render_plain_words(out, entry->text, TEXT_MOST);
	}
	strbuf_putc(out, '\n');
	for (size_t i = 0; i < entry->line_count; i++) {
		strbuf_printf(out, "    %s ", entry->lines[i].sign);
		render_plain_words(out, entry->lines[i].code, CODE_MOST);
		if (!str_empty(entry->lines[i].text)) {
			strbuf_putc(out, ' ');
			render_plain_words(out, entry->lines[i].text, TEXT_MOST);
		}
		strbuf_putc(out, '\n');
	}
	if (entry->left_out > 0)
		strbuf_printf(out, "    and %d more\n", entry->left_out);
}

const char *render_plain(const struct notice *notice, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(NOTICE_PLAIN_MAX + NOTICE_ENTRY_MAX);
	size_t left_out = 0;

	render_plain_words(&out, notice->title, TEXT_MOST);
	strbuf_putc(&out, '\n');
	render_plain_words(&out, notice->subtitle, TEXT_MOST);
	strbuf_putc(&out, '\n');
	for (size_t i = 0; i < notice->group_count; i++) {
		const struct notice_group *group = &notice->groups[i];

		if (out.length < NOTICE_PLAIN_MAX)
			strbuf_printf(&out, "\n%s\n", group->title);
		for (size_t j = 0; j < group->entry_count; j++) {
			if (out.length < NOTICE_PLAIN_MAX)
				plain_entry(&out, &group->entries[j]);
			else
				left_out++;
		}
	}
	if (left_out > 0)
		strbuf_printf(&out, "\nand %zu more projects, for which there is no room here\n",
			left_out);
	strbuf_puts(&out, notice->note_count > 0 ? "\n" : "");
	for (size_t i = 0; i < notice->note_count; i++) {
		render_plain_words(&out, notice->notes[i], TEXT_MOST);
		strbuf_putc(&out, '\n');
	}
	if (!str_empty(notice->more))
		strbuf_printf(&out, "\nAll of it: %s\n", notice->more);
	return arena_strdup(arena, strbuf_text(&out));
}
