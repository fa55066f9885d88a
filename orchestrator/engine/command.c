/* The grammar of comments. One table of verbs and one of flags drive the parser and the help. */
#include "orchestrator/engine/command.h"

#include "orchestrator/engine/characters.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/strbuf.h"

#include <ctype.h>
#include <string.h>

enum { WORDS_MAX = 64, VALUE_MAX = 512, SHOWN_MAX = 60, CODE_INDENT = 4 };

static const struct verb {
	const char *name;
	enum command_kind kind;
	bool takes_flags, takes_arguments;
	const char *help;
	const char *second;  /* the word after it */
	const char *targets; /* what else it is told, for the help */
	size_t least, most;  /* and how many of them */
	bool needs_name;     /* a word of every day, or what it does is no everyday thing */
	const char *title;   /* both words */
} verbs[] = {
	{ "plan", COMMAND_PLAN, true, true,
		"plan the newest push again, all projects or the chosen ones" },
	{ "apply", COMMAND_APPLY, true, true, "apply the approved plans, all or the chosen ones" },
	{ "unlock", COMMAND_UNLOCK, false, false, "discard the plan and give its locks free" },
	{ "cancel", COMMAND_CANCEL, false, false, "stop what is running for this pull request" },
	{ "import", COMMAND_IMPORT, true, false,
		"take what exists into the state of one project; the plan is void then", NULL,
		" ADDRESS ID", 2, 2, true },
	{ "state", COMMAND_STATE_RM, true, false,
		"take resources out of the state of one project; the plan is void then", "rm",
		" rm ADDRESS...", 1, COMMAND_TARGETS_MAX, true, "state rm" },
	{ "approve_policies", COMMAND_APPROVE_POLICIES, true, false,
		"as an owner of policies, let pass what they found", .needs_name = true },
	{ "reviewed", COMMAND_REVIEWED, true, false,
		"say what you found of what somebody else applied by break-glass", NULL,
		" \"WHAT YOU FOUND\"", 1, 1, true },
	{ "version", COMMAND_VERSION, true, false, "the versions of sluice and of the tools",
		.needs_name = true },
	{ "help", COMMAND_HELP, false, false, "this text" },
};

enum flag {
	FLAG_DIR,
	FLAG_WORKSPACE,
	FLAG_PROJECT,
	FLAG_VERBOSE,
	FLAG_NEW_COMMANDS,
	FLAG_POLICY_SET,
	FLAG_CLEAR_POLICIES,
	FLAG_BREAK_GLASS,
	FLAG_MAX
};

static const struct {
	const char *word, *long_word, *value, *help;
} flags[FLAG_MAX] = {
	[FLAG_DIR] = { "-d", "--dir", "DIR", "only the projects in this folder" },
	[FLAG_WORKSPACE] = { "-w", "--workspace", "NAME", "only this workspace" },
	[FLAG_PROJECT] = { "-p", "--project", "NAME",
		"only the project of this name; goes without `-d` and `-w`" },
	[FLAG_VERBOSE] = { "--verbose", "--verbose", NULL, "show more output" },
	[FLAG_NEW_COMMANDS] = { "--new-commands", "--new-commands", NULL,
		"`plan`: let the commands run that this pull request adds to its workflows" },
	[FLAG_POLICY_SET] = { "--policy-set", "--policy-set", "NAME",
		"`approve_policies`: only this policy set" },
	[FLAG_CLEAR_POLICIES] = { "--clear-policy-approval", "--clear-policy-approval", NULL,
		"`approve_policies`: take back what was said of them" },
	[FLAG_BREAK_GLASS] = { "--break-glass", "--break-glass", "\"REASON\"",
		"`apply`: in an emergency, for those whom the environment names" },
};

/* Flags of one command only. */
static const enum command_kind flag_owner[FLAG_MAX] = {
	[FLAG_NEW_COMMANDS] = COMMAND_PLAN,
	[FLAG_POLICY_SET] = COMMAND_APPROVE_POLICIES,
	[FLAG_CLEAR_POLICIES] = COMMAND_APPROVE_POLICIES,
	[FLAG_BREAK_GLASS] = COMMAND_APPLY,
};

static const struct command nothing = {
	.dir = "", .workspace = "", .project = "", .policy_set = "", .break_glass = "", .hint = ""
};

const char *command_verb(enum command_kind kind)
{
	for (size_t i = 0; i < countof(verbs); i++) {
		if (verbs[i].kind == kind)
			return verbs[i].name;
	}
	return "";
}

const char *command_kind_name(enum command_kind kind)
{
	for (size_t i = 0; i < countof(verbs); i++) {
		if (verbs[i].kind == kind && verbs[i].title != NULL)
			return verbs[i].title;
	}
	return command_verb(kind);
}

static void invalid(struct command *command, const char *problem, const char *hint)
{
	command->kind = COMMAND_INVALID;
	command->problem = problem;
	command->hint = hint;
}

/* A word of theirs for our sentence: short, and whole characters. */
static const char *shown(const char *word, struct arena *arena)
{
	size_t length = strlen(word);

	if (length <= SHOWN_MAX)
		return arena_printf(arena, "\"%s\"", word);
	length = codec_utf8_prefix(word, SHOWN_MAX);
	return arena_printf(arena, "\"%.*s...\"", (int)length, word);
}

/* ---- which line is it? ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

struct line {
	const char *text;
	size_t length;
	bool is_alone; /* the rest of the comment is blank */
};

/* The first line that is not blank; false when there is none, or when it is indented so far that it
 * is code. */
static bool first_line(const char *comment, size_t length, struct line *ret)
{
	size_t begin = 0, end = 0;

	for (size_t i = 0; i < length && is_blank(comment[i]); i++)
		begin = is_line_end(comment[i]) ? i + 1 : begin;
	for (size_t indent = 0; begin < length && comment[begin] == ' '; begin++) {
		if (++indent == CODE_INDENT)
			return false;
	}
	for (end = begin; end < length && !is_line_end(comment[end]); end++)
		;
	*ret = (struct line){ .text = comment + begin, .is_alone = true };
	for (size_t i = end; i < length; i++)
		ret->is_alone = ret->is_alone && is_blank(comment[i]);
	while (end > begin && is_blank(comment[end - 1]))
		end--;
	ret->length = end - begin;
	return ret->length > 0 && !is_blank(ret->text[0]);
}

/* Of the first word, as far as it is ASCII. */
static size_t word_length(const struct line *line)
{
	size_t length = 0;

	while (length < line->length && line->text[length] > ' ' && line->text[length] < 0x7f)
		length++;
	return length;
}

static bool is_name(const struct command_words *words, const char *word, size_t length)
{
	if (word[0] == '@')
		return !str_empty(words->bot) && strlen(words->bot) == length - 1 &&
		       strncasecmp(word + 1, words->bot, length - 1) == 0;
	for (size_t i = 0; words->names[i] != NULL; i++) {
		if (strlen(words->names[i]) == length &&
			strncasecmp(words->names[i], word, length) == 0)
			return true;
	}
	return false;
}

/* ---- words: quotes and backslashes group, nothing else has a meaning ---- */

struct words {
	const char *items[WORDS_MAX];
	size_t count;
	const char *problem;
};

static void split(const char *text, size_t length, struct arena *arena, struct words *ret)
{
	_cleanup_strbuf_ struct strbuf word = STRBUF(COMMAND_TEXT_MAX);
	bool in_word = false;
	char quote = 0;

	*ret = (struct words){ 0 };
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '\\' && quote != '\'' && i + 1 < length) {
			strbuf_putc(&word, text[++i]);
			in_word = true;
		} else if (quote != 0) {
			if (c == quote)
				quote = 0;
			else
				strbuf_putc(&word, c);
		} else if (c == '"' || c == '\'') {
			quote = c;
			in_word = true;
		} else if (!is_blank(c)) {
			strbuf_putc(&word, c);
			in_word = true;
		}
		if (!in_word || (i + 1 < length && (quote != 0 || !is_blank(text[i + 1]))))
			continue;
		if (ret->count == WORDS_MAX) {
			ret->problem = "the command has too many words";
			return;
		}
		ret->items[ret->count++] = arena_strdup(arena, strbuf_text(&word));
		strbuf_clear(&word);
		in_word = false;
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
			size_t above = row[k],
			       best = diagonal + (tolower((unsigned char)a[i - 1]) != b[k - 1]);

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

static const char *nearest_flag(const char *word)
{
	for (int i = 0; i < FLAG_MAX; i++) {
		if (distance(word, flags[i].long_word) < 3)
			return flags[i].long_word;
	}
	return "";
}

/* ---- values ---- */

/* "./a//b/" is "a/b", "./" is "."; NULL when it leaves the repository or is empty. */
static const char *normal_dir(const char *dir, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(VALUE_MAX);
	const char *part = dir;

	if (dir[0] == '/' || dir[0] == '\0')
		return NULL;
	while (*part != '\0') {
		size_t length = strcspn(part, "/");

		if (length == 2 && strncmp(part, "..", 2) == 0)
			return NULL;
		if (length > 0 && !(length == 1 && part[0] == '.')) {
			if (out.length > 0)
				strbuf_putc(&out, '/');
			strbuf_append(&out, part, length);
		}
		part += length;
		part += strspn(part, "/");
	}
	return out.length == 0 ? "." : arena_strdup(arena, strbuf_text(&out));
}

static const char *checked_dir(struct command *command, const char *value, struct arena *arena)
{
	const char *dir = normal_dir(value, arena);
	struct glob glob;
	struct err err;

	if (dir == NULL)
		invalid(command, "the folder after -d must be inside the repository", "");
	else if (glob_compile(GLOB_PATH, "", dir, arena, &glob, &err) < 0)
		invalid(command, arena_strdup(arena, err.text), "");
	return dir;
}

/* A workspace becomes part of file names: one plain part of a path. */
static const char *checked_workspace(struct command *command, const char *value)
{
	if (strpbrk(value, "/\\$ \t") != NULL || strstr(value, "..") != NULL ||
		str_equal(value, ".") || value[0] == '~')
		invalid(command, "the workspace after -w must be a plain name", "");
	return value;
}

static bool take_value(
	struct command *command, enum flag flag, const char *value, struct arena *arena)
{
	const char **to[FLAG_MAX] = { [FLAG_DIR] = &command->dir,
		[FLAG_WORKSPACE] = &command->workspace,
		[FLAG_PROJECT] = &command->project,
		[FLAG_POLICY_SET] = &command->policy_set,
		[FLAG_BREAK_GLASS] = &command->break_glass };

	if (!str_empty(*to[flag]))
		invalid(command, arena_printf(arena, "%s is given twice", flags[flag].word), "");
	else if (str_empty(value) || value[0] == '-' || value[strspn(value, " ")] == '\0')
		invalid(command, arena_printf(arena, "%s needs a value", flags[flag].word), "");
	else if (strlen(value) > VALUE_MAX)
		invalid(command,
			arena_printf(arena, "the value of %s is too long", flags[flag].word), "");
	else if (flag == FLAG_DIR)
		*to[flag] = checked_dir(command, value, arena);
	else
		*to[flag] = flag == FLAG_WORKSPACE ? checked_workspace(command, value) : value;
	return command->kind != COMMAND_INVALID;
}

/* ---- flags ---- */

/* "--dir=x" and "-d=x" bring their value along. */
static bool is_flag(const char *word, const char *flag, const char **ret_value)
{
	size_t length = strlen(flag);

	if (strncmp(word, flag, length) != 0 || (word[length] != '\0' && word[length] != '='))
		return false;
	*ret_value = word[length] == '=' ? word + length + 1 : NULL;
	return true;
}

static enum flag find_flag(const char *word, const char **ret_value)
{
	*ret_value = NULL;
	for (int i = 0; i < FLAG_MAX; i++) {
		if ((is_flag(word, flags[i].word, ret_value) ||
			    is_flag(word, flags[i].long_word, ret_value)) &&
			(flags[i].value != NULL || *ret_value == NULL))
			return (enum flag)i;
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

static void unknown_word(
	struct command *command, const struct verb *verb, const char *word, struct arena *arena)
{
	if (str_starts(word, "\xe2\x80\x93") || str_starts(word, "\xe2\x80\x94"))
		invalid(command,
			arena_printf(arena, "%s begins with one long dash; write two short ones",
				shown(word, arena)),
			"");
	else if (!verb->takes_flags)
		invalid(command,
			arena_printf(arena, "%s takes nothing more, and there is %s", verb->name,
				shown(word, arena)),
			"");
	else
		invalid(command,
			arena_printf(arena, "%s does not know %s", verb->name, shown(word, arena)),
			nearest_flag(word));
}

/* Addresses and ids stand among the flags; whether they make sense the tool says. */
static bool take_target(
	struct command *command, const struct verb *verb, const char *word, struct arena *arena)
{
	if (verb->most == 0 || word[0] == '-')
		return false;
	if (word[0] == '\0' || strlen(word) > VALUE_MAX) {
		invalid(command,
			arena_printf(arena, "%s cannot be an address or an id", shown(word, arena)),
			"");
	} else if (command->target_count == verb->most) {
		invalid(command,
			arena_printf(arena, "it is `%s%s`, and %s is too much", verb->name,
				verb->targets, shown(word, arena)),
			"");
	} else {
		if (command->targets == NULL)
			command->targets = arena_alloc(
				arena, COMMAND_TARGETS_MAX * sizeof(*command->targets));
		command->targets[command->target_count++] = word;
	}
	return true;
}

static bool take_switch(struct command *command, enum flag flag)
{
	bool *to[FLAG_MAX] = { [FLAG_VERBOSE] = &command->is_verbose,
		[FLAG_NEW_COMMANDS] = &command->releases_commands,
		[FLAG_CLEAR_POLICIES] = &command->clears_policies };

	if (to[flag] != NULL)
		*to[flag] = true;
	return to[flag] != NULL;
}

static void parse_flags(struct command *command, const struct verb *verb, const struct words *words,
	size_t at, struct arena *arena)
{
	for (; at < words->count; at++) {
		const char *word = words->items[at], *value;
		enum flag flag = find_flag(word, &value);

		if (str_equal(word, "-h") || str_equal(word, "--help")) {
			*command = nothing;
			command->kind = COMMAND_HELP;
			return;
		}
		if (str_equal(word, "--") && verb->takes_arguments) {
			take_arguments(command, words, at + 1, arena);
			break;
		}
		if (flag == FLAG_MAX && take_target(command, verb, word, arena)) {
			if (command->kind == COMMAND_INVALID)
				return;
			continue;
		}
		if (flag == FLAG_MAX || !verb->takes_flags) {
			unknown_word(command, verb, word, arena);
			return;
		}
		if (flag_owner[flag] != COMMAND_NONE && flag_owner[flag] != command->kind) {
			invalid(command,
				arena_printf(arena, "only %s takes %s",
					command_verb(flag_owner[flag]), flags[flag].word),
				"");
			return;
		}
		if (take_switch(command, flag))
			continue;
		if (value == NULL)
			value = at + 1 < words->count ? words->items[++at] : "";
		if (!take_value(command, flag, value, arena))
			return;
	}
	if (command->kind != COMMAND_INVALID && !str_empty(command->project) &&
		(!str_empty(command->dir) || !str_empty(command->workspace)))
		invalid(command, "-p names a project by itself and goes without -d and -w", "");
	if (command->kind != COMMAND_INVALID && command->target_count < verb->least)
		invalid(command,
			arena_printf(arena, "it is `%s%s`, and something is missing", verb->name,
				verb->targets),
			"");
}

/* ---- the whole ---- */

static const struct verb *find_verb(const char *word)
{
	if (str_equal(word, "-h") || str_equal(word, "--help"))
		word = "help";
	for (size_t i = 0; i < countof(verbs); i++) {
		if (strcasecmp(verbs[i].name, word) == 0)
			return &verbs[i];
	}
	return NULL;
}

static bool is_verb(const char *word, size_t length)
{
	for (size_t i = 0; i < countof(verbs); i++) {
		if (strlen(verbs[i].name) == length &&
			strncasecmp(verbs[i].name, word, length) == 0)
			return true;
	}
	return false;
}

static bool is_second(const struct words *words, size_t at, const struct verb *verb)
{
	return at < words->count && strcasecmp(words->items[at], verb->second) == 0;
}

static void parse_words(
	const struct words *words, size_t at, struct arena *arena, struct command *ret)
{
	const struct verb *verb = at < words->count ? find_verb(words->items[at]) : NULL;

	if (at >= words->count) {
		invalid(ret, "the word that says what to do is missing", "help");
	} else if (verb == NULL) {
		invalid(ret,
			arena_printf(
				arena, "there is no command %s", shown(words->items[at], arena)),
			nearest_verb(words->items[at]));
	} else if (words->problem != NULL) {
		invalid(ret, words->problem, "");
	} else if (verb->second != NULL && !is_second(words, at + 1, verb)) {
		invalid(ret,
			arena_printf(arena, "%s knows only `%s%s`", verb->name, verb->name,
				verb->targets),
			"");
	} else {
		ret->kind = verb->kind;
		parse_flags(ret, verb, words, at + (verb->second != NULL ? 2 : 1), arena);
	}
}

/* Without our name in front: "apply now please" and "plan - what do you think?" are sentences, not
 * commands gone wrong. */
static bool is_meant_for_us(const struct words *words)
{
	const char *next = words->count > 1 ? words->items[1] : "";
	const struct verb *verb = words->count > 0 ? find_verb(words->items[0]) : NULL;

	if (verb == NULL || words->items[0][0] == '-' || verb->needs_name)
		return false;
	return words->count == 1 ||
	       (next[0] == '-' && (next[1] == '-' || isalpha((unsigned char)next[1])));
}

void command_parse(const struct command_words *names, const char *comment, size_t length,
	struct arena *arena, struct command *ret)
{
	struct words words;
	struct line line;
	size_t first;
	bool is_named;

	*ret = nothing;
	if (length > COMMAND_TEXT_MAX || !first_line(comment, length, &line))
		return;
	first = word_length(&line);
	is_named = first > 0 && is_name(names, line.text, first);
	if (!is_named && (!names->bare || !line.is_alone || !is_verb(line.text, first)))
		return;
	if (!characters_are_plain(line.text, line.length)) {
		if (is_named && line.is_alone)
			invalid(ret,
				"there is a character that shows nothing, or a space that is none; "
				"type the command again",
				"");
		return;
	}
	if (first < line.length && !is_blank(line.text[first]))
		return; /* the word goes on with other letters */
	split(line.text, line.length, arena, &words);
	if (!is_named && (!is_meant_for_us(&words) || strlen(words.items[0]) != first))
		return; /* a verb in quotes is a quoted verb */
	parse_words(&words, is_named ? 1 : 0, arena, ret);
	if (line.is_alone)
		return;
	/* Text that only begins like a command is a text; a good command in company is told so. */
	if (ret->kind == COMMAND_INVALID) {
		*ret = nothing;
		return;
	}
	*ret = nothing;
	invalid(ret, "a command stands alone in its comment, one line and nothing else", "");
}

void command_help(struct strbuf *out)
{
	strbuf_puts(out, "### sluice · commands\n\n"
			 "One line, alone in its comment, with or without `sluice` in front:\n\n"
			 "| command | does |\n|---|---|\n");
	for (size_t i = 0; i < countof(verbs); i++)
		strbuf_printf(out, "| `sluice %s%s` | %s |\n", verbs[i].name,
			verbs[i].targets == NULL ? "" : verbs[i].targets, verbs[i].help);
	strbuf_puts(out, "\n");
	for (size_t i = 0, count = 0; i < countof(verbs); i++) {
		if (verbs[i].takes_flags)
			strbuf_printf(out, "%s`%s`", count++ == 0 ? "With " : ", ", verbs[i].name);
	}
	strbuf_puts(out, ":\n\n| flag | means |\n|---|---|\n");
	for (size_t i = 0; i < FLAG_MAX; i++)
		strbuf_printf(out, "| `%s%s%s` | %s |\n", flags[i].word,
			flags[i].value == NULL ? "" : " ",
			flags[i].value == NULL ? "" : flags[i].value, flags[i].help);
	strbuf_puts(out, "\nWhat stands after `--` of a plan goes to the tool, for example `sluice "
			 "plan -- -destroy`.\n");
}
