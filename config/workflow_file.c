/* Steps in all the ways they can be written. */
#include "config/workflow_file.h"

#include "orchestrator/lib/regex.h"
#include "orchestrator/model/steps.h"

#include <string.h>

#define IN(field) offsetof(struct step, field)

/* ---- output ---- */

enum { OUTPUT_WORDS = 3 };

static const char *const output_words[] = { "show", "hide", "strip_refreshing", NULL };
static const unsigned output_bits[OUTPUT_WORDS] = { OUTPUT_SHOW, OUTPUT_HIDE,
	OUTPUT_STRIP_REFRESHING };

#define OUTPUT_EXPECTED                                                                            \
	"`show`, `hide`, `strip_refreshing` or `{filter_regex: PATTERN}`, or a list of them"
#define OUTPUT_ITEM                                                                                \
	"{\"enum\": [\"show\", \"hide\", \"strip_refreshing\"]}, {\"type\": \"object\", "          \
	"\"additionalProperties\": false, \"required\": [\"filter_regex\"], \"properties\": "      \
	"{\"filter_regex\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"array\", "           \
	"\"items\": {\"type\": \"string\"}}]}}}"
#define OUTPUT_SCHEMA                                                                              \
	"{\"anyOf\": [" OUTPUT_ITEM ", {\"type\": \"array\", \"items\": {\"anyOf\": [" OUTPUT_ITEM \
	"]}}]}"

static const struct config_key filter_keys[] = {
	{ "filter_regex", CONFIG_TEXTS, IN(filters), .count = IN(filter_count),
		.is_one_or_list = true, .is_required = true, .is_guard = true },
	{ 0 },
};

static bool is_filter_good(const struct config_decoder *decoder, const struct yaml_node *value,
	const struct config_path *path, const char *filter)
{
	_cleanup_regex_ struct regex *regex = NULL;
	struct err err = { 0 };

	if (regex_compile(filter, strlen(filter), &regex, &err) == 0)
		return true;
	config_complain(decoder->errors, value->at, config_path_text(decoder->errors, path), "",
		"not a regular expression: %s", err.text);
	return false;
}

static void take_one_output(const struct config_decoder *decoder, const struct yaml_node *value,
	const struct config_path *path, struct step *step)
{
	struct name_list filters = { step->filters, step->filter_count };

	if (value->kind == YAML_SCALAR) {
		int word = config_take_word(decoder, output_words, value, path);

		step->output |= word < 0 ? 0 : output_bits[word];
		return;
	}
	config_decode(decoder, filter_keys, value, path, step);
	step->output |= OUTPUT_FILTER_REGEX;
	for (size_t i = 0; i < step->filter_count; i++) {
		if (!is_filter_good(decoder, value, path, step->filters[i]))
			break;
		filters.list = arena_push(
			decoder->arena, filters.list, filters.count, sizeof(*filters.list));
		filters.list[filters.count++] = step->filters[i];
	}
	step->filters = filters.list;
	step->filter_count = filters.count;
}

static void take_output(const struct config_decoder *decoder, _unused_ const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *base)
{
	if (value->kind != YAML_LIST) {
		take_one_output(decoder, value, path, base);
		return;
	}
	for (size_t i = 0; i < value->count; i++) {
		struct config_path item = { path, NULL, i };

		take_one_output(decoder, value->items[i], &item, base);
	}
}

/* ---- steps ---- */

enum { SECOND = 1000, DAY = 24 * 3600 * SECOND };

#define TIMEOUT                                                                                    \
	{                                                                                          \
		"timeout", CONFIG_DURATION, IN(timeout_ms), SECOND, DAY,                           \
			.is_native = true, .help = "stop this step after so long"                  \
	}
#define SHELL                                                                                      \
	{ "shell", CONFIG_TEXT, IN(shell), .fallback = "sh", .help = "who reads the command" },    \
	{                                                                                          \
		"shellArgs", CONFIG_TEXTS, IN(shell_args),                                         \
			.count = IN(shell_arg_count), .is_one_or_list = true, .fallback = "-c",    \
			.help = "its arguments before the command; needs `shell`"                  \
	}
#define OUTPUT(text)                                                                               \
	{                                                                                          \
		"output", CONFIG_OWN, .take = take_output, .expected = OUTPUT_EXPECTED,            \
				      .schema = OUTPUT_SCHEMA, .fallback = "show", .help = text    \
	}

static const struct config_key built_in_keys[] = {
	{ "extra_args", CONFIG_TEXTS, IN(extra_args), .count = IN(extra_arg_count),
		.help = "put behind those of the step; variables in them are expanded" },
	TIMEOUT,
	{ 0 },
};

static const struct config_key run_keys[] = {
	{ "command", CONFIG_TEXT, IN(command), .is_required = true, .help = "what is run" },
	SHELL,
	OUTPUT("what of its output is shown; what a `filter_regex` matches becomes `<redacted>`"),
	TIMEOUT,
	{ 0 },
};

static const struct config_key env_keys[] = {
	{ "name", CONFIG_TEXT, IN(name), .is_required = true,
		.help = "the variable, for all later steps" },
	{ "value", CONFIG_TEXT, IN(value), .is_empty_fine = true,
		.help = "its value; or else `command`" },
	{ "command", CONFIG_TEXT, IN(command), .help = "its value is what this prints" },
	SHELL,
	TIMEOUT,
	{ 0 },
};

#define COMMAND_FORMS                                                                              \
	(const struct config_key[])                                                                \
	{                                                                                          \
		{ "a command", CONFIG_TEXT, IN(command), .is_guard = true },                       \
			{ "keys below it", CONFIG_MAP, .keys = run_keys },                         \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
/* the page has their keys once, below init */
#define BUILT_IN(name, number, text)                                                               \
	{                                                                                          \
		name, CONFIG_MAP, .keys = built_in_keys, .mark = (number), .mark_at = IN(kind),    \
				  .is_value_optional = true,                                       \
				  .is_shown_elsewhere = (number) != STEP_KIND_INIT, .help = text   \
	}

static const struct config_key step_keys[] = {
	BUILT_IN("init", STEP_KIND_INIT, "`terraform init`"),
	BUILT_IN("plan", STEP_KIND_PLAN, "`terraform plan`, kept as the plan that is approved"),
	BUILT_IN("show", STEP_KIND_SHOW, "the plan as JSON"),
	BUILT_IN("policy_check", STEP_KIND_POLICY_CHECK, "conftest over that JSON"),
	BUILT_IN("apply", STEP_KIND_APPLY, "the plan that was approved, and no other"),
	BUILT_IN("import", STEP_KIND_IMPORT, "`terraform import` of the comment's arguments"),
	BUILT_IN("state_rm", STEP_KIND_STATE_RM, "`terraform state rm` of the same"),
	{ "run", CONFIG_UNION, .keys = COMMAND_FORMS, .mark = STEP_KIND_RUN, .mark_at = IN(kind),
		.is_guard = true, .help = "a command" },
	{ "env", CONFIG_MAP, .keys = env_keys, .mark = STEP_KIND_ENV, .mark_at = IN(kind),
		.is_guard = true, .help = "one variable for the later steps" },
	{ "multienv", CONFIG_UNION, .keys = COMMAND_FORMS, .mark = STEP_KIND_MULTIENV,
		.mark_at = IN(kind), .is_guard = true, .is_shown_elsewhere = true,
		.help = "a command that prints variables: `A=1,B=2`" },
	{ 0 },
};

static const char *const step_words[] = { "init", "plan", "show", "policy_check", "apply", "import",
	"state_rm", NULL };

static const struct config_key step_forms[] = {
	{ "the name of a step", CONFIG_ENUM, IN(kind), STEP_KIND_INIT, .words = step_words,
		.is_guard = true },
	{ "a step with keys below it", CONFIG_CHOICE, .keys = step_keys },
	{ 0 },
};

static const struct step plain_step = { .name = "", .command = "", .shell = "" };
static const struct config_element step_element = { .size = sizeof(struct step),
	.at = offsetof(struct step, at),
	.initial = &plain_step,
	.is_scalar_too = true };

/* ---- workflows ---- */

#define STAGE_KEYS(number)                                                                         \
	(const struct config_key[])                                                                \
	{                                                                                          \
		{ "steps", CONFIG_LIST, offsetof(struct workflow, stages[number].list),            \
			.element = &step_element, .keys = step_forms,                              \
			.count = offsetof(struct workflow, stages[number].count),                  \
			.is_shown_elsewhere = (number) != STAGE_PLAN,                              \
			.help = (number) == STAGE_PLAN                                             \
					? "in this order; an empty list does nothing"              \
					: "likewise" },                                            \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

const struct config_key workflow_keys[] = {
	{ "plan", CONFIG_MAP, .keys = STAGE_KEYS(STAGE_PLAN), .fallback = "init, plan" },
	{ "apply", CONFIG_MAP, .keys = STAGE_KEYS(STAGE_APPLY), .fallback = "apply" },
	{ "policy_check", CONFIG_MAP, .keys = STAGE_KEYS(STAGE_POLICY_CHECK),
		.fallback = "show, policy_check" },
	{ "import", CONFIG_MAP, .keys = STAGE_KEYS(STAGE_IMPORT), .fallback = "init, import" },
	{ "state_rm", CONFIG_MAP, .keys = STAGE_KEYS(STAGE_STATE_RM),
		.fallback = "init, state_rm" },
	{ 0 },
};

const struct config_element workflow_element = { .size = sizeof(struct workflow),
	.name = offsetof(struct workflow, name),
	.at = offsetof(struct workflow, at) };

/* Version 2 reads a command as the words a shell would see, and joins them again. */
static const char *join_words(struct arena *arena, const char *text)
{
	char *out = arena_alloc(arena, strlen(text) + 1), *end = out;
	bool is_in_word = false;
	char quote = '\0';

	for (; *text != '\0'; text++) {
		if (quote == '\0' && strchr(" \t\r\n", *text) != NULL) {
			is_in_word = false;
			continue;
		}
		if (!is_in_word && end != out)
			*end++ = ' ';
		is_in_word = true;
		if (quote == '\0' && (*text == '\'' || *text == '"')) {
			quote = *text;
		} else if (quote != '\0' && *text == quote) {
			quote = '\0';
		} else {
			if (*text == '\\' && quote != '\'' && text[1] != '\0')
				text++;
			*end++ = *text;
		}
	}
	return quote == '\0' ? out : NULL;
}

struct finishing {
	const struct config_decoder *decoder;
	const char *path; /* of the list of steps */
	bool splits_commands;
};

static void finish_step(const struct finishing *finishing, struct step *step, size_t number)
{
	static const char *minus_c[] = { "-c" };
	struct config_errors *errors = finishing->decoder->errors;
	struct yaml_place at = { step->at.line, step->at.column };
	const char *path = arena_printf(&errors->arena, "%s[%zu]", finishing->path, number);

	if (step->shell_arg_count > 0 && step->shell[0] == '\0')
		config_complain(errors, at, path, "", "\"shellArgs\" needs a \"shell\"");
	if (step->kind == STEP_KIND_ENV && step->name[0] != '\0' &&
		(step->value == NULL) == (step->command[0] == '\0'))
		config_complain(
			errors, at, path, "", "env needs either a \"value\" or a \"command\"");
	if (step->shell[0] == '\0')
		step->shell = "sh";
	if (step->shell_arg_count == 0) {
		step->shell_args = minus_c;
		step->shell_arg_count = countof(minus_c);
	}
	if (step->kind == STEP_KIND_RUN && finishing->splits_commands) {
		step->command = join_words(finishing->decoder->arena, step->command);
		if (step->command == NULL)
			config_complain(errors, at, path, "", "the command has an open quote");
	}
}

void workflow_finish(
	const struct config_decoder *decoder, struct workflow *workflow, bool splits_commands)
{
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		struct steps *steps = &workflow->stages[i];
		struct finishing finishing = { decoder,
			arena_printf(&decoder->errors->arena, "workflows.%.60s.%s.steps",
				workflow->name, stage_name((enum stage)i)),
			splits_commands };

		steps->is_given = steps->list != NULL;
		for (size_t k = 0; k < steps->count; k++)
			finish_step(&finishing, &steps->list[k], k);
	}
}

/* ---- hooks ---- */

#define OF_HOOK(field) offsetof(struct hook, field)

const struct config_key hook_keys[] = {
	{ "run", CONFIG_TEXT, OF_HOOK(command), .is_required = true, .help = "what is run" },
	{ "description", CONFIG_TEXT, OF_HOOK(description), .is_empty_fine = true,
		.help = "its name in the commit status" },
	{ "shell", CONFIG_TEXT, OF_HOOK(shell), .fallback = "sh", .help = "who reads the command" },
	{ "shellArgs", CONFIG_TEXTS, OF_HOOK(shell_args), .count = OF_HOOK(shell_arg_count),
		.is_one_or_list = true, .fallback = "-c",
		.help = "its arguments before the command" },
	{ "commands", CONFIG_TEXTS, OF_HOOK(commands), .count = OF_HOOK(command_count),
		.is_one_or_list = true,
		.help = "only for these commands, whole words; also as one text with commas" },
	{ 0 },
};

static const struct hook plain_hook = { .command = "", .description = "", .shell = "sh" };

const struct config_element hook_element = {
	.size = sizeof(struct hook), .at = OF_HOOK(at), .initial = &plain_hook
};

static bool is_command(const char *word)
{
	static const char *const commands[] = { "plan", "apply", "policy_check", "approve_policies",
		"import", "state", "unlock", "version", "cancel" };

	for (size_t i = 0; i < countof(commands); i++) {
		if (str_equal(word, commands[i]))
			return true;
	}
	return false;
}

void hook_finish(const struct config_decoder *decoder, struct hook *hook, const char *path)
{
	static const char *minus_c[] = { "-c" };
	struct yaml_place at = { hook->at.line, hook->at.column };
	struct name_list words = { 0 };

	if (hook->shell_arg_count == 0) {
		hook->shell_args = minus_c;
		hook->shell_arg_count = countof(minus_c);
	}
	for (size_t i = 0; i < hook->command_count; i++) {
		const char *rest = hook->commands[i];

		while (rest[strspn(rest, ", ")] != '\0') {
			const char *word;

			rest += strspn(rest, ", ");
			word = arena_strndup(decoder->arena, rest, strcspn(rest, ", "));
			rest += strcspn(rest, ", ");
			if (!is_command(word))
				config_complain(decoder->errors, at, path, "",
					"there is no command \"%.40s\"", word);
			words.list = arena_push(
				decoder->arena, words.list, words.count, sizeof(*words.list));
			words.list[words.count++] = word;
		}
	}
	hook->commands = words.list;
	hook->command_count = words.count;
}
