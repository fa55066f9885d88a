/* links: engine lib_regex lib */
/* Any bytes as a comment: nothing is a command that is not one plain line that begins with our name
 * or a verb, and what comes out of it is within its bounds. */
#include "orchestrator/engine/characters.h"
#include "orchestrator/engine/command.h"
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/glob.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool has_part(const char *path, const char *wanted)
{
	for (const char *part = path; *part != '\0';) {
		size_t length = strcspn(part, "/");

		if (length == strlen(wanted) && strncmp(part, wanted, length) == 0)
			return true;
		part += length;
		part += *part == '/';
	}
	return false;
}

/* What is kept can be matched later. */
static bool is_glob(const char *dir)
{
	struct arena arena = { 0 };
	struct glob glob;
	struct err err;
	int r = glob_compile(GLOB_PATH, "", dir, &arena, &glob, &err);

	arena_release(&arena);
	return r == 0;
}

/* The comment without blanks around it is one line of plain characters with a verb in it. */
static void must_stand_alone(const char *text, size_t length)
{
	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL &&
		text[length - 1] != '\0')
		length--;
	while (length > 0 && strchr(" \t\r\n", text[0]) != NULL && text[0] != '\0') {
		text++;
		length--;
	}
	must(length > 0 && characters_are_plain(text, length));
	must(memchr(text, '\n', length) == NULL && memchr(text, '\r', length) == NULL);
	must(strchr(">`<*#|[", text[0]) == NULL);
}

static void check(const struct command *command, const char *text, size_t length)
{
	if (command->kind == COMMAND_INVALID)
		must(!str_empty(command->problem) && command->hint != NULL &&
			strlen(command->problem) < 300);
	if (command->kind == COMMAND_NONE || command->kind == COMMAND_INVALID)
		return;
	must(length <= COMMAND_TEXT_MAX);
	must_stand_alone(text, length);
	must(command->dir[0] != '/' && !has_part(command->dir, ".."));
	must(str_empty(command->dir) || is_glob(command->dir));
	must(strlen(command->dir) <= 512 && strlen(command->project) <= 512);
	must(strchr(command->workspace, '/') == NULL && strstr(command->workspace, "..") == NULL);
	must(command->project[0] == '\0' ||
		(command->dir[0] == '\0' && command->workspace[0] == '\0'));
	must(command->extra_arg_count <= COMMAND_ARGS_MAX);
	for (size_t i = 0; i < command->extra_arg_count; i++)
		must(command->extra_args[i] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *names[] = { "sluice", "atlantis", NULL };
	const char *text = (const char *)bytes;

	for (int bare = 0; bare < 2; bare++) {
		struct command_words words = { names, "bot", bare == 1 };
		struct arena arena = { 0 };
		struct command command;

		command_parse(&words, text, length, &arena, &command);
		check(&command, text, length);
		arena_release(&arena);
	}
	return 0;
}
