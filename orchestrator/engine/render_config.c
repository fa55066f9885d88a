/* What a comment says of the configuration. Everything here was written by the people of the
 * change: it is code or escaped, never Markdown of theirs. */
#include "orchestrator/engine/render_private.h"

enum { PIECE_BYTES_MAX = 16 << 10 };

/* A piece must fit into one comment of any host: what does not is counted. */
static size_t room(const struct view *view)
{
	size_t most = view->limit_bytes / 2;

	return most < PIECE_BYTES_MAX ? most : PIECE_BYTES_MAX;
}

static void put_rest(struct strbuf *out, size_t left)
{
	if (left > 0)
		strbuf_printf(out, "\nand %zu more\n", left);
}

void render_commands(struct strbuf *out, const struct view *view)
{
	const struct told *told = &view->told;
	size_t i;

	if (told->command_count == 0)
		return;
	if (told->is_released) {
		strbuf_puts(out, "**New commands**, released by ");
		render_inline(out, told->released_by);
		strbuf_puts(out, " for this push:\n\n");
	} else {
		strbuf_printf(out,
			"**New commands wait.** They run when somebody with write permission who "
			"wrote none of the commits has read them and comments `%s plan "
			"--new-commands`:\n\n",
			view->command_word);
	}
	for (i = 0; i < told->command_count && out->length < room(view); i++) {
		const struct told_command *one = &told->commands[i];

		strbuf_puts(out, "- ");
		render_inline(out, one->workflow);
		strbuf_puts(out, ", ");
		render_inline(out, one->stage);
		strbuf_puts(out, " (");
		render_inline(out, one->place);
		strbuf_puts(out, "): ");
		render_code(out, one->command);
		strbuf_putc(out, '\n');
	}
	put_rest(out, told->command_count - i + (size_t)told->commands_left_out);
	strbuf_putc(out, '\n');
}

static void put_value(struct strbuf *out, const char *value)
{
	if (str_empty(value))
		strbuf_puts(out, "–");
	else
		render_code_cell(out, value);
}

void render_config_changes(struct strbuf *out, const struct view *view)
{
	const struct told *told = &view->told;
	size_t i;

	if (str_empty(told->file))
		return;
	if (told->change_count == 0) {
		strbuf_puts(out, "This pull request edits ");
		render_code(out, told->file);
		strbuf_puts(out, "; what holds for its projects stays the same.\n\n");
		return;
	}
	if (view->has_folds) {
		strbuf_puts(out, "<details><summary>This pull request changes <b>");
		render_html(out, told->file);
		strbuf_printf(out, "</b>: %zu setting%s</summary>\n\n", told->change_count,
			told->change_count == 1 ? "" : "s");
	} else {
		strbuf_puts(out, "**This pull request changes ");
		render_inline(out, told->file);
		strbuf_puts(out, ":**\n\n");
	}
	strbuf_puts(out, "| project | setting | base branch | here |\n|---|---|---|---|\n");
	for (i = 0; i < told->change_count && out->length < room(view); i++) {
		const struct told_change *one = &told->changes[i];

		strbuf_puts(out, "| ");
		render_inline(out, str_empty(one->project) ? "(all)" : one->project);
		strbuf_puts(out, " | ");
		render_inline(out, one->key);
		strbuf_puts(out, " | ");
		put_value(out, one->before);
		strbuf_puts(out, " | ");
		put_value(out, one->after);
		strbuf_puts(out, " |\n");
	}
	put_rest(out, told->change_count - i + (size_t)told->left_out);
	strbuf_puts(out, view->has_folds ? "\n</details>\n\n" : "\n");
}

void render_notes(struct strbuf *out, const struct view *view)
{
	const struct told *told = &view->told;
	size_t i;

	for (i = 0; i < told->note_count && out->length < room(view); i++) {
		strbuf_puts(out, "- ");
		render_inline(out, told->notes[i]);
		strbuf_putc(out, '\n');
	}
	put_rest(out, told->note_count - i);
	if (told->note_count > 0)
		strbuf_putc(out, '\n');
}
