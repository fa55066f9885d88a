/* Each kind of block that we send, with its limits. What we do not send is refused: then somebody
 * added a kind, and its limits belong here. */
#include "tests/lib/slack_judge.h"

#include "orchestrator/lib/base.h"

#include <stdio.h>
#include <string.h>

enum { BLOCKS = 50, SECTION = 3000, HEADER = 150, ELEMENTS = 10, FALLBACK = 4000, MESSAGE = 13000 };

static char what[300];

__attribute__((format(printf, 1, 2))) static bool wrong(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return false;
}

/* Slack counts UTF-16 units, of which there are never more than bytes. */
static bool is_text(const json_t *text, const char *type, size_t most)
{
	const char *words = json_string_value(json_object_get(text, "text"));

	if (!str_equal(json_string_value(json_object_get(text, "type")), type))
		return wrong("a text is no %s", type);
	if (words == NULL || words[0] == '\0' || strlen(words) > most)
		return wrong("a text has %zu bytes, not 1 to %zu",
			words == NULL ? 0 : strlen(words), most);
	if (!str_equal(type, "mrkdwn"))
		return true;
	if (!json_is_true(json_object_get(text, "verbatim")))
		return wrong("a text is not verbatim");
	for (const char *at = words; (at = strchr(at, '&')) != NULL; at++)
		if (!str_starts(at, "&amp;") && !str_starts(at, "&lt;") && !str_starts(at, "&gt;"))
			return wrong("an entity is cut: %.20s", at);
	if (strpbrk(words, "<>") != NULL)
		return wrong("a sign that Slack reads stands bare: %.20s", strpbrk(words, "<>"));
	return true;
}

static bool is_block(const json_t *block)
{
	const char *type = json_string_value(json_object_get(block, "type"));
	const json_t *elements = json_object_get(block, "elements");

	if (str_equal(type, "header"))
		return is_text(json_object_get(block, "text"), "plain_text", HEADER);
	if (str_equal(type, "section"))
		return is_text(json_object_get(block, "text"), "mrkdwn", SECTION);
	if (!str_equal(type, "context"))
		return wrong("a block of the unknown type %s", type == NULL ? "(none)" : type);
	if (json_array_size(elements) < 1 || json_array_size(elements) > ELEMENTS)
		return wrong("a context of %zu elements", json_array_size(elements));
	for (size_t i = 0; i < json_array_size(elements); i++)
		if (!is_text(json_array_get(elements, i), "mrkdwn", SECTION))
			return false;
	return true;
}

static bool is_message(const json_t *message)
{
	const char *text = json_string_value(json_object_get(message, "text"));
	const json_t *blocks = json_object_get(message, "blocks");
	_cleanup_free_ char *whole = json_dumps(message, JSON_COMPACT);

	if (text == NULL || text[0] == '\0' || strlen(text) > FALLBACK)
		return wrong("a message without a text for those who see no blocks");
	if (json_array_size(blocks) < 1 || json_array_size(blocks) > BLOCKS)
		return wrong("a message of %zu blocks", json_array_size(blocks));
	if (strlen(whole) > MESSAGE + json_array_size(blocks) * 100)
		return wrong("a message of %zu bytes", strlen(whole));
	for (size_t i = 0; i < json_array_size(blocks); i++)
		if (!is_block(json_array_get(blocks, i)))
			return false;
	return true;
}

const char *slack_judge(const json_t *messages)
{
	if (json_array_size(messages) == 0)
		return "no message";
	for (size_t i = 0; i < json_array_size(messages); i++)
		if (!is_message(json_array_get(messages, i)))
			return what;
	return NULL;
}
