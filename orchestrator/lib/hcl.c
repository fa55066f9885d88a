/* Terraform's language as tokens: comments, strings with templates in them, and heredocs are
 * stepped over, so that a brace or a word inside one of them means nothing. */
#include "orchestrator/lib/hcl.h"

#include <ctype.h>
#include <string.h>

enum { TEMPLATE_DEPTH_MAX = 32 };

static bool is_at(const struct hcl_scanner *scanner, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(scanner->end - scanner->p) >= length &&
	       memcmp(scanner->p, text, length) == 0;
}

static void line_skip(struct hcl_scanner *scanner)
{
	const char *line_end = memchr(scanner->p, '\n', (size_t)(scanner->end - scanner->p));

	scanner->p = line_end != NULL ? line_end : scanner->end;
}

static void block_comment_skip(struct hcl_scanner *scanner)
{
	const char *close = memmem(
		scanner->p + 2, (size_t)(scanner->end - scanner->p) - 2, "*/", 2);

	scanner->p = close != NULL ? close + 2 : scanner->end;
}

static bool comment_skip(struct hcl_scanner *scanner)
{
	if (is_at(scanner, "#") || is_at(scanner, "//"))
		line_skip(scanner);
	else if (is_at(scanner, "/*"))
		block_comment_skip(scanner);
	else
		return false;
	return true;
}

static void string_skip(struct hcl_scanner *scanner, int depth, bool *ret_plain);

/* Behind "${" or "%{": up to the brace that closes it. Strings in there may have templates again.
 */
static void template_skip(struct hcl_scanner *scanner, int depth)
{
	int braces = 1;

	while (scanner->p < scanner->end && braces > 0) {
		bool is_plain;

		if (comment_skip(scanner))
			continue;
		if (*scanner->p == '"') {
			string_skip(scanner, depth + 1, &is_plain);
			continue;
		}
		braces += (*scanner->p == '{') - (*scanner->p == '}');
		scanner->p++;
	}
}

/* At the opening quote; behind the closing one afterwards. A quoted string ends with its line. */
static void string_skip(struct hcl_scanner *scanner, int depth, bool *ret_plain)
{
	*ret_plain = true;
	if (depth > TEMPLATE_DEPTH_MAX) {
		scanner->p = scanner->end;
		return;
	}
	scanner->p++;
	while (scanner->p < scanner->end) {
		char c = *scanner->p;

		if (c == '"' || c == '\n') {
			scanner->p += c == '"';
			return;
		}
		if (c == '\\' && scanner->p + 1 < scanner->end) {
			*ret_plain = false;
			scanner->p += 2;
		} else if (is_at(scanner, "$${") || is_at(scanner, "%%{")) {
			*ret_plain = false;
			scanner->p += 3;
		} else if (is_at(scanner, "${") || is_at(scanner, "%{")) {
			*ret_plain = false;
			scanner->p += 2;
			template_skip(scanner, depth);
		} else {
			scanner->p++;
		}
	}
}

/* At "<<NAME" or "<<-NAME": up to the line that is only NAME. */
static bool heredoc_skip(struct hcl_scanner *scanner)
{
	struct hcl_scanner ahead = *scanner;
	const char *name;
	size_t length;

	ahead.p += 2;
	if (ahead.p < ahead.end && *ahead.p == '-')
		ahead.p++;
	name = ahead.p;
	while (ahead.p < ahead.end &&
		(isalnum((unsigned char)*ahead.p) || strchr("_-", *ahead.p) != NULL))
		ahead.p++;
	length = (size_t)(ahead.p - name);
	if (length == 0)
		return false;
	line_skip(&ahead);
	while (ahead.p < ahead.end) {
		const char *line = ahead.p + 1, *line_end;

		ahead.p = line;
		line_skip(&ahead);
		line_end = ahead.p;
		while (line < line_end && isspace((unsigned char)*line))
			line++;
		while (line_end > line && isspace((unsigned char)line_end[-1]))
			line_end--;
		if ((size_t)(line_end - line) == length && memcmp(line, name, length) == 0)
			break;
	}
	*scanner = ahead;
	return true;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

struct hcl_token hcl_next(struct hcl_scanner *scanner)
{
	struct hcl_token token = { .kind = HCL_OTHER };

	while (scanner->p < scanner->end) {
		if (strchr(" \t\r", *scanner->p) != NULL && *scanner->p != '\0')
			scanner->p++;
		else if (!comment_skip(scanner))
			break;
	}
	token.text = scanner->p;
	if (scanner->p >= scanner->end) {
		token.kind = HCL_END;
	} else if (*scanner->p == '"') {
		token.kind = HCL_STRING;
		token.text++;
		string_skip(scanner, 0, &token.is_plain);
		token.length = (size_t)(scanner->p - token.text);
		token.is_plain &= scanner->p[-1] == '"' && scanner->p - 1 >= token.text;
		token.length -= token.is_plain;
	} else if (is_at(scanner, "<<") && heredoc_skip(scanner)) {
		token.kind = HCL_OTHER;
	} else if (is_word(*scanner->p)) {
		token.kind = HCL_WORD;
		while (scanner->p < scanner->end && is_word(*scanner->p))
			scanner->p++;
		token.length = (size_t)(scanner->p - token.text);
	} else {
		char c = *scanner->p++;

		token.kind = c == '{'	 ? HCL_OPEN
			     : c == '}'	 ? HCL_CLOSE
			     : c == '='	 ? HCL_EQUALS
			     : c == '\n' ? HCL_LINE
					 : HCL_OTHER;
	}
	return token;
}

bool hcl_is(struct hcl_token token, const char *word)
{
	return token.kind == HCL_WORD && token.length == strlen(word) &&
	       memcmp(token.text, word, token.length) == 0;
}

struct hcl_scanner hcl_open(const char *bytes, size_t length)
{
	struct hcl_scanner scanner = { bytes, bytes + length };

	if (is_at(&scanner, "\xef\xbb\xbf")) /* the mark that some editors put first */
		scanner.p += 3;
	return scanner;
}

/* ---- values ---- */

struct walk {
	hcl_value_cb cb;
	void *owner;
	struct hcl_frame frames[HCL_DEPTH_MAX];
	size_t depth; /* may be more than there is room for */
	enum { AT_START, AT_KEY, AT_VALUE, AT_TEXT, IN_LIST, IN_EXPRESSION } at;
	struct hcl_frame frame; /* the key, or the header of a block, that is being read */
	struct hcl_token text;
	int nested; /* brackets and braces of an expression */
};

static void tell(struct walk *walk, struct hcl_token text, bool is_text, bool is_item)
{
	const struct hcl_value value = { .frames = walk->frames,
		.depth = walk->depth,
		.key = walk->frame.word,
		.text = text,
		.is_text = is_text,
		.is_item = is_item };

	if (walk->depth <= HCL_DEPTH_MAX)
		walk->cb(walk->owner, &value);
}

static void push(struct walk *walk)
{
	if (walk->depth < HCL_DEPTH_MAX)
		walk->frames[walk->depth] = walk->frame;
	walk->depth++;
	walk->frame = (struct hcl_frame){ 0 };
	walk->at = AT_START;
}

static bool is_char(struct hcl_token token, char c)
{
	return token.kind == HCL_OTHER && token.text[0] == c;
}

static bool ends_value(struct hcl_token token)
{
	return token.kind == HCL_LINE || token.kind == HCL_CLOSE || token.kind == HCL_END ||
	       is_char(token, ',');
}

static void end_value(struct walk *walk, struct hcl_token token)
{
	if (token.kind == HCL_CLOSE && walk->depth > 0)
		walk->depth--;
	walk->at = AT_START;
}

static void take_in_expression(struct walk *walk, struct hcl_token token)
{
	if (walk->nested == 0 && ends_value(token)) {
		end_value(walk, token);
		return;
	}
	if (walk->at == IN_LIST && walk->nested == 1 && token.kind == HCL_STRING)
		tell(walk, token, token.is_plain, true);
	if (token.kind == HCL_OPEN || is_char(token, '(') || is_char(token, '['))
		walk->nested++;
	else if ((token.kind == HCL_CLOSE || is_char(token, ')') || is_char(token, ']')) &&
		 walk->nested > 0)
		walk->nested--;
}

static void take_value(struct walk *walk, struct hcl_token token)
{
	walk->nested = 0;
	if (token.kind == HCL_STRING && token.is_plain) {
		walk->text = token;
		walk->at = AT_TEXT;
	} else if (token.kind == HCL_OPEN) {
		push(walk);
	} else if (is_char(token, '[')) {
		walk->at = IN_LIST;
		walk->nested = 1;
	} else {
		tell(walk, token, false, false);
		walk->at = IN_EXPRESSION;
		take_in_expression(walk, token);
	}
}

static void take(struct walk *walk, struct hcl_token token)
{
	bool is_name = token.kind == HCL_WORD || token.kind == HCL_STRING;

	switch (walk->at) {
	case AT_START:
		walk->frame = (struct hcl_frame){ .word = token };
		if (is_name)
			walk->at = AT_KEY;
		else if (token.kind == HCL_OPEN)
			push(walk);
		else if (ends_value(token))
			end_value(walk, token);
		break;
	case AT_KEY:
		if (token.kind == HCL_EQUALS || is_char(token, ':'))
			walk->at = AT_VALUE;
		else if (token.kind == HCL_OPEN)
			push(walk);
		else if (is_name && walk->frame.label.kind == HCL_END)
			walk->frame.label = token;
		else if (!is_name)
			end_value(walk, token);
		break;
	case AT_VALUE:
		take_value(walk, token);
		break;
	case AT_TEXT:
		tell(walk, walk->text, ends_value(token), false);
		walk->at = IN_EXPRESSION;
		take_in_expression(walk, token);
		break;
	case IN_LIST:
	case IN_EXPRESSION:
		take_in_expression(walk, token);
		break;
	}
}

void hcl_walk(const char *bytes, size_t length, hcl_value_cb cb, void *owner)
{
	struct hcl_scanner scanner = hcl_open(bytes, length);
	struct walk walk = { .cb = cb, .owner = owner };
	struct hcl_token token;

	do {
		token = hcl_next(&scanner);
		take(&walk, token);
	} while (token.kind != HCL_END);
}
