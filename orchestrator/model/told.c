/* What people are told of the configuration of a run, both ways. */
#include "orchestrator/model/told.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TOLD_BYTES_MAX = 1 << 20 };

static const char *cut(struct arena *arena, const char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);

	if (length <= TOLD_TEXT_MAX)
		return arena_strdup(arena, text == NULL ? "" : text);
	length = codec_utf8_prefix(text, TOLD_TEXT_MAX);
	return arena_printf(arena, "%.*s...", (int)length, text);
}

void told_add_change(struct told *told, struct arena *arena, const char *project, const char *key,
	const char *before, const char *after)
{
	if (told->change_count == TOLD_CHANGES_MAX) {
		told->left_out++;
		return;
	}
	told->changes = arena_push(
		arena, told->changes, told->change_count, sizeof(*told->changes));
	told->changes[told->change_count++] = (struct told_change){ cut(arena, project), key,
		cut(arena, before), cut(arena, after) };
}

/* Who lets a command run must know that there is more of it than stands here. */
static const char *shown(struct arena *arena, const char *command)
{
	const char *text = cut(arena, command);
	size_t length = strlen(command);

	return length <= TOLD_TEXT_MAX
		       ? text
		       : arena_printf(
				 arena, "%s [cut: %zu bytes in all, read the file]", text, length);
}

void told_add_command(struct told *told, struct arena *arena, const struct new_command *command)
{
	if (told->command_count == TOLD_COMMANDS_MAX) {
		told->commands_left_out++;
		return;
	}
	told->commands = arena_push(
		arena, told->commands, told->command_count, sizeof(*told->commands));
	told->commands[told->command_count++] = (struct told_command){
		cut(arena, command->workflow), command->stage, shown(arena, command->command),
		arena_printf(
			arena, "%s:%d:%d", command->at.file, command->at.line, command->at.column)
	};
}

void told_add_note(struct told *told, struct arena *arena, const char *format, ...)
{
	char text[TOLD_TEXT_MAX + 200];
	va_list args;

	if (told->note_count == TOLD_NOTES_MAX) {
		told->left_out++;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text[codec_utf8_prefix(text, strlen(text))] = '\0';
	told->notes = arena_push(
		arena, (void *)told->notes, told->note_count, sizeof(*told->notes));
	told->notes[told->note_count++] = cut(arena, text);
}

/* ---- writing ---- */

static json_t *row_json(const char *const *keys, const char *const *values, size_t count)
{
	json_t *row = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(row, keys[i], jsonx_any(values[i]));
	return row;
}

static const char *const change_keys[] = { "project", "key", "before", "after" };
static const char *const command_keys[] = { "workflow", "stage", "command", "place" };

const char *told_write(const struct told *told, struct arena *arena)
{
	json_t *changes = json_array(), *commands = json_array(), *notes = json_array();
	_cleanup_json_ json_t *json = json_object();
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < told->change_count; i++) {
		const struct told_change *one = &told->changes[i];

		json_array_append_new(changes, row_json(change_keys,
						       (const char *const[]){ one->project,
							       one->key, one->before, one->after },
						       countof(change_keys)));
	}
	for (size_t i = 0; i < told->command_count; i++) {
		const struct told_command *one = &told->commands[i];

		json_array_append_new(
			commands, row_json(command_keys,
					  (const char *const[]){ one->workflow, one->stage,
						  one->command, one->place },
					  countof(command_keys)));
	}
	for (size_t i = 0; i < told->note_count; i++)
		json_array_append_new(notes, jsonx_any(told->notes[i]));
	json_object_set_new(json, "file", jsonx_any(told->file));
	json_object_set_new(json, "changes", changes);
	json_object_set_new(json, "commands", commands);
	json_object_set_new(json, "commands_hash", jsonx_any(told->commands_hash));
	json_object_set_new(json, "is_released", json_boolean(told->is_released));
	json_object_set_new(json, "released_by", jsonx_any(told->released_by));
	json_object_set_new(json, "notes", notes);
	json_object_set_new(json, "left_out", json_integer(told->left_out));
	json_object_set_new(json, "commands_left_out", json_integer(told->commands_left_out));
	text = jsonx_text(json);
	return arena_strdup(arena, text);
}

/* ---- reading ---- */

/* Four texts of each object of a list. */
static int read_rows(struct jsonx *reader, const char *key, const char *const keys[4], size_t most,
	struct arena *arena, const char *(**ret)[4], size_t *ret_count, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, key);

	*ret_count = json_array_size(list);
	if (*ret_count > most)
		return err_set(err, ERR_LIMIT, "told: more than %zu %s", most, key);
	*ret = arena_alloc(arena, (*ret_count + 1) * sizeof(**ret));
	for (size_t i = 0; i < *ret_count; i++) {
		struct jsonx row = jsonx_reader(json_array_get(list, i), key, err);

		for (size_t k = 0; k < 4; k++)
			(*ret)[i][k] = arena_strdup(arena, jsonx_string(&row, keys[k]));
		if (row.failed != 0)
			return row.failed;
	}
	return 0;
}

static int read_notes(struct jsonx *reader, struct arena *arena, struct told *ret, struct err *err)
{
	const json_t *list = jsonx_array_or(reader, "notes");

	ret->note_count = json_array_size(list);
	if (ret->note_count > TOLD_NOTES_MAX)
		return err_set(err, ERR_LIMIT, "told: more than %d notes", TOLD_NOTES_MAX);
	ret->notes = arena_alloc(arena, (ret->note_count + 1) * sizeof(*ret->notes));
	for (size_t i = 0; i < ret->note_count; i++) {
		const char *note = json_string_value(json_array_get(list, i));

		if (note == NULL)
			return err_set(err, ERR_SYNTAX, "told: notes[%zu] must be a string", i);
		ret->notes[i] = arena_strdup(arena, note);
	}
	return 0;
}

int told_read(const char *text, struct arena *arena, struct told *ret, struct err *err)
{
	const char *(*changes)[4] = NULL, *(*commands)[4] = NULL;
	_cleanup_json_ json_t *json = NULL;
	struct jsonx reader;
	int r;

	*ret = (struct told){ .file = "", .commands_hash = "", .released_by = "" };
	if (str_empty(text))
		return 0;
	r = jsonx_parse(text, strlen(text), TOLD_BYTES_MAX, &json, err);
	if (r < 0)
		return r;
	reader = jsonx_reader(json, "told", err);
	ret->file = arena_strdup(arena, jsonx_string_or(&reader, "file", ""));
	ret->commands_hash = arena_strdup(arena, jsonx_string_or(&reader, "commands_hash", ""));
	ret->released_by = arena_strdup(arena, jsonx_string_or(&reader, "released_by", ""));
	ret->is_released = jsonx_bool_or(&reader, "is_released", false);
	ret->left_out = jsonx_int_or(&reader, "left_out", 0);
	ret->commands_left_out = jsonx_int_or(&reader, "commands_left_out", 0);
	r = read_rows(&reader, "changes", change_keys, TOLD_CHANGES_MAX, arena, &changes,
		&ret->change_count, err);
	if (r == 0)
		r = read_rows(&reader, "commands", command_keys, TOLD_COMMANDS_MAX, arena,
			&commands, &ret->command_count, err);
	if (r == 0)
		r = read_notes(&reader, arena, ret, err);
	if (r < 0 || reader.failed != 0)
		return r < 0 ? r : reader.failed;
	ret->changes = arena_alloc(arena, (ret->change_count + 1) * sizeof(*ret->changes));
	for (size_t i = 0; i < ret->change_count; i++)
		ret->changes[i] = (struct told_change){ changes[i][0], changes[i][1], changes[i][2],
			changes[i][3] };
	ret->commands = arena_alloc(arena, (ret->command_count + 1) * sizeof(*ret->commands));
	for (size_t i = 0; i < ret->command_count; i++)
		ret->commands[i] = (struct told_command){ commands[i][0], commands[i][1],
			commands[i][2], commands[i][3] };
	return 0;
}
