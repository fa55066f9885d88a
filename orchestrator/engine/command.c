/* The grammar of comments. One table of verbs and one of flags drive the parser and the help. */
#include "orchestrator/engine/command.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum { WORDS_MAX = 64, NAME_MAX_BYTES = 512 };

static const struct verb {
	const char *name;
	enum command_kind kind;
	bool takes_flags, takes_arguments;
	const char *help;
} verbs[] = {
	{ "plan", COMMAND_PLAN, true, true,
		"plan the newest push again, all projects or the chosen ones" },
	{ "apply", COMMAND_APPLY, true, true, "apply the approved plans, all or the chosen ones" },
	{ "unlock", COMMAND_UNLOCK, false, false, "discard the plan and give its locks free" },
	{ "cancel", COMMAND_CANCEL, false, false, "stop what is running for this pull request" },
	{ "help", COMMAND_HELP, false, false, "this text" },
};

enum flag { FLAG_DIR, FLAG_WORKSPACE, FLAG_PROJECT, FLAG_VERBOSE, FLAG_MAX };

static const struct {
	const char *word, *long_word, *value, *help;
} flags[FLAG_MAX] = {
	[FLAG_DIR] = { "-d", "--dir", "DIR", "only the project in this folder" },
	[FLAG_WORKSPACE] = { "-w", "--workspace", "NAME", "only this workspace" },
	[FLAG_PROJECT] = { "-p", "--project", "NAME", "only the project of this name" },
	[FLAG_VERBOSE] = { "--verbose", "--verbose", NULL, "show more output" },
};

const char *command_kind_name(enum command_kind kind)
{
	for (size_t i = 0; i < countof(verbs); i++) {
		if (verbs[i].kind == kind)
			return verbs[i].name;
	}
	return "";
}

static void invalid(struct command *command, const char *problem, const char *hint)
{
	command->kind = COMMAND_INVALID;
	command->problem = problem;
	command->hint = hint;
	command->dir = command->workspace = command->project = ""; /* nothing of it is used */
	command->extra_arg_count = 0;
}

/* ---- which line is it? ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The one line of the comment that is not blank, or false. Indented lines are code, `>` quotes:
 * they fail later, as their first word is no name of ours. */
static bool only_line(const char *comment, size_t length, const char **ret, size_t *ret_length)
{
	size_t begin = 0, end;

	while (begin < length && (comment[begin] == '\r' || comment[begin] == '\n'))
		begin++;
	for (end = begin; end < length && comment[end] != '\n'; end++)
		;
	for (size_t i = end; i < length; i++) {
		if (!is_blank(comment[i]))
			return false;
	}
	while (end > begin && is_blank(comment[end - 1]))
		end--;
	*ret = comment + begin;
	*ret_length = end - begin;
	return end > begin && !is_blank(comment[begin]);
}

/* Only plain characters can be a command: no controls, nothing that looks like something else or
 * like nothing. */
static bool is_plain(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c >= 0x7f)
			return false;
	}
	return true;
}

/* ---- words: quotes and backslashes group, nothing else has a meaning ---- */

struct words {
	const char *items[WORDS_MAX];
	size_t count;
	const char *problem;
};

static void split(const char *line, size_t length, struct arena *arena, struct words *ret)
{
	_cleanup_strbuf_ struct strbuf word = STRBUF(COMMAND_TEXT_MAX);
	bool in_word = false;
	char quote = 0;

	for (size_t i = 0; i <= length; i++) {
		char c = i == length ? ' ' : line[i];

		if (quote != 0 && i < length) {
			if (c == quote)
				quote = 0;
			else
				strbuf_putc(&word, c);
		} else if (c == '"' || c == '\'') {
			quote = c;
			in_word = true;
		} else if (c == '\\' && i + 1 < length) {
			strbuf_putc(&word, line[++i]);
			in_word = true;
		} else if (!is_blank(c)) {
			strbuf_putc(&word, c);
			in_word = true;
		} else if (in_word) {
			if (ret->count == WORDS_MAX) {
				ret->problem = "the command has too many words";
				return;
			}
			ret->items[ret->count++] = arena_strdup(arena, strbuf_text(&word));
			strbuf_clear(&word);
			in_word = false;
		}
	}
	if (quote != 0)
		ret->problem = "a quote is not closed";
}

/* ---- nearest word ---- */

static size_t distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);

	if (n >= countof(row) || strlen(a) >= countof(row))
		return 99;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t above = row[k], best = diagonal + (a[i - 1] != b[k - 1]);

			best = above + 1 < best ? above + 1 : best;
			row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
			diagonal = above;
		}
	}
	return row[n];
}

static const char *nearest_verb(const char *word)
{
	const char *best = "";
	size_t best_distance = 3;

	for (size_t i = 0; i < countof(verbs); i++) {
		size_t far = distance(word, verbs[i].name);

		if (far < best_distance) {
			best_distance = far;
			best = verbs[i].name;
		}
	}
	return best;
}

/* ---- flags ---- */

static bool is_safe_dir(const char *dir)
{
	if (dir[0] == '/' || dir[0] == '\0')
		return false;
	for (const char *part = dir; part != NULL; part = strchr(part, '/')) {
		if (part[0] == '/')
			part++;
		if (str_equal(part, "..") || str_starts(part, "../"))
			return false;
	}
	return true;
}

static const char *normal_dir(const char *dir, struct arena *arena)
{
	size_t length;

	while (str_starts(dir, "./"))
		dir += 2;
	length = strlen(dir);
	while (length > 1 && dir[length - 1] == '/')
		length--;
	return length == 0 ? "." : arena_strndup(arena, dir, length);
}

static bool take_value(
	struct command *command, enum flag flag, const char *value, struct arena *arena)
{
	const char **to[FLAG_MAX] = { &command->dir, &command->workspace, &command->project, NULL };

	if (!str_empty(*to[flag])) {
		invalid(command, arena_printf(arena, "%s is given twice", flags[flag].word), "");
		return false;
	}
	if (str_empty(value) || strlen(value) > NAME_MAX_BYTES || value[0] == '-') {
		invalid(command, arena_printf(arena, "%s needs a value", flags[flag].word), "");
		return false;
	}
	if (flag == FLAG_DIR && !is_safe_dir(value)) {
		invalid(command, "the folder after -d must be inside the repository", "");
		return false;
	}
	if (flag == FLAG_WORKSPACE && (strchr(value, '/') != NULL || strstr(value, "..") != NULL)) {
		invalid(command, "the workspace after -w must be a plain name", "");
		return false;
	}
	*to[flag] = flag == FLAG_DIR ? normal_dir(value, arena) : value;
	return true;
}

static enum flag find_flag(const char *word, const char **ret_value)
{
	*ret_value = NULL;
	for (int i = 0; i < FLAG_MAX; i++) {
		size_t length = strlen(flags[i].long_word);

		if (str_equal(word, flags[i].word) || str_equal(word, flags[i].long_word))
			return (enum flag)i;
		if (flags[i].value != NULL && strncmp(word, flags[i].long_word, length) == 0 &&
			word[length] == '=') {
			*ret_value = word + length + 1;
			return (enum flag)i;
		}
	}
	return FLAG_MAX;
}

static void take_arguments(
	struct command *command, const struct words *words, size_t from, struct arena *arena)
{
	if (words->count - from > COMMAND_ARGS_MAX) {
		invalid(command, "there are too many arguments after --", "");
		return;
	}
	command->extra_args = arena_alloc(
		arena, (COMMAND_ARGS_MAX + 1) * sizeof(*command->extra_args));
	for (size_t i = from; i < words->count; i++)
		command->extra_args[command->extra_arg_count++] = words->items[i];
}

static void parse_flags(struct command *command, const struct verb *verb, const struct words *words,
	size_t at, struct arena *arena)
{
	for (; at < words->count; at++) {
		const char *word = words->items[at], *value;
		enum flag flag = find_flag(word, &value);

		if (str_equal(word, "--") && verb->takes_arguments) {
			take_arguments(command, words, at + 1, arena);
			break;
		}
		if (flag == FLAG_MAX || !verb->takes_flags) {
			invalid(command,
				arena_printf(arena, "`%s` does not take this word", verb->name),
				"");
			return;
		}
		if (flag == FLAG_VERBOSE) {
			command->is_verbose = true;
			continue;
		}
		if (value == NULL)
			value = at + 1 < words->count ? words->items[++at] : "";
		if (!take_value(command, flag, value, arena))
			return;
	}
	if (!str_empty(command->project) &&
		(!str_empty(command->dir) || !str_empty(command->workspace)))
		invalid(command, "-p names a project by itself and goes without -d and -w", "");
}

static bool is_name(const struct command_words *words, const char *word)
{
	if (word[0] == '@')
		return !str_empty(words->bot) && strcasecmp(word + 1, words->bot) == 0;
	for (size_t i = 0; words->names[i] != NULL; i++) {
		if (strcasecmp(words->names[i], word) == 0)
			return true;
	}
	return false;
}

static const struct verb *find_verb(const char *word)
{
	for (size_t i = 0; i < countof(verbs); i++) {
		if (strcasecmp(verbs[i].name, word) == 0)
			return &verbs[i];
	}
	return NULL;
}

void command_parse(const struct command_words *names, const char *comment, size_t length,
	struct arena *arena, struct command *ret)
{
	struct words words = { .count = 0 };
	const struct verb *verb;
	const char *line;
	size_t line_length, at = 0;
	bool is_named;

	*ret = (struct command){ .dir = "", .workspace = "", .project = "", .hint = "" };
	if (length > COMMAND_TEXT_MAX || !only_line(comment, length, &line, &line_length) ||
		!is_plain(line, line_length))
		return;
	split(line, line_length, arena, &words);
	if (words.count == 0)
		return;
	is_named = is_name(names, words.items[0]);
	at = is_named ? 1 : 0;
	if (!is_named && !names->bare)
		return;
	verb = at < words.count ? find_verb(words.items[at]) : NULL;
	if (verb == NULL) {
		if (is_named)
			invalid(ret,
				words.count == 1 ? "there is no verb" : "there is no such verb",
				words.count == 1 ? "help" : nearest_verb(words.items[at]));
		return;
	}
	ret->kind = verb->kind;
	if (words.problem != NULL)
		invalid(ret, words.problem, "");
	else
		parse_flags(ret, verb, &words, at + 1, arena);
	/* "apply now please" is a sentence, not a command gone wrong */
	if (!is_named && ret->kind == COMMAND_INVALID &&
		(at + 1 >= words.count || words.items[at + 1][0] != '-'))
		*ret = (struct command){ .dir = "", .workspace = "", .project = "", .hint = "" };
}

void command_help(struct strbuf *out)
{
	strbuf_puts(out, "### sluice · commands\n\nAlone in a comment, with or without `sluice` in "
			 "front:\n\n| command | does |\n|---|---|\n");
	for (size_t i = 0; i < countof(verbs); i++)
		strbuf_printf(out, "| `sluice %s%s` | %s |\n", verbs[i].name,
			verbs[i].takes_flags ? " [flags]" : "", verbs[i].help);
	strbuf_puts(out, "\n| flag | means |\n|---|---|\n");
	for (size_t i = 0; i < FLAG_MAX; i++)
		strbuf_printf(out, "| `%s%s%s` | %s |\n", flags[i].word,
			flags[i].value == NULL ? "" : " ",
			flags[i].value == NULL ? "" : flags[i].value, flags[i].help);
	strbuf_puts(out, "\nWhat stands after `--` of a plan goes to the tool, for example `sluice "
			 "plan -- -destroy`.\n");
}
