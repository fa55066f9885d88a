/* Finds the local modules that one Terraform file uses, and the workspace that it names.
 *
 * Terraform's language is read as tokens: comments, strings with templates in them, and heredocs
 * are stepped over, so that a brace or a "module" inside one of them means nothing. Wanted are
 *
 *     module "name" { ... source = "./path" ... }
 *     terraform { cloud { workspaces { name = "workspace" } } }
 *
 * at the top level of the file, and the attribute at the top level of its block. */
#include "vcs/git/module_scan.h"
#include "vcs/git/limits.h"
#include <ctype.h>
#include <jansson.h>
#include <string.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_EQUALS,
	TOKEN_LINE,
	TOKEN_OTHER
};

struct token {
	enum token_kind kind;
	const char *text; /* of a word, or what stands between the quotes */
	size_t length;
	bool is_plain; /* a string without a template */
};

struct scanner {
	const char *p, *end;
};

enum { TEMPLATE_DEPTH_MAX = 32 };

static bool is_at(const struct scanner *scanner, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(scanner->end - scanner->p) >= length &&
	       memcmp(scanner->p, text, length) == 0;
}

static void line_skip(struct scanner *scanner)
{
	const char *line_end = memchr(scanner->p, '\n', (size_t)(scanner->end - scanner->p));

	scanner->p = line_end != NULL ? line_end : scanner->end;
}

static void block_comment_skip(struct scanner *scanner)
{
	const char *close = memmem(
		scanner->p + 2, (size_t)(scanner->end - scanner->p) - 2, "*/", 2);

	scanner->p = close != NULL ? close + 2 : scanner->end;
}

static bool comment_skip(struct scanner *scanner)
{
	if (is_at(scanner, "#") || is_at(scanner, "//"))
		line_skip(scanner);
	else if (is_at(scanner, "/*"))
		block_comment_skip(scanner);
	else
		return false;
	return true;
}

static void string_skip(struct scanner *scanner, int depth, bool *ret_plain);

/* Behind "${" or "%{": up to the brace that closes it. Strings in there may have templates again.
 */
static void template_skip(struct scanner *scanner, int depth)
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
static void string_skip(struct scanner *scanner, int depth, bool *ret_plain)
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
static bool heredoc_skip(struct scanner *scanner)
{
	struct scanner ahead = *scanner;
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

static struct token token_next(struct scanner *scanner)
{
	struct token token = { .kind = TOKEN_OTHER };

	while (scanner->p < scanner->end) {
		if (strchr(" \t\r", *scanner->p) != NULL && *scanner->p != '\0')
			scanner->p++;
		else if (!comment_skip(scanner))
			break;
	}
	token.text = scanner->p;
	if (scanner->p >= scanner->end) {
		token.kind = TOKEN_END;
	} else if (*scanner->p == '"') {
		token.kind = TOKEN_STRING;
		token.text++;
		string_skip(scanner, 0, &token.is_plain);
		token.length = (size_t)(scanner->p - token.text);
		token.is_plain &= scanner->p[-1] == '"' && scanner->p - 1 >= token.text;
		token.length -= token.is_plain;
	} else if (is_at(scanner, "<<") && heredoc_skip(scanner)) {
		token.kind = TOKEN_OTHER;
	} else if (is_word(*scanner->p)) {
		token.kind = TOKEN_WORD;
		while (scanner->p < scanner->end && is_word(*scanner->p))
			scanner->p++;
		token.length = (size_t)(scanner->p - token.text);
	} else {
		char c = *scanner->p++;

		token.kind = c == '{'	 ? TOKEN_OPEN
			     : c == '}'	 ? TOKEN_CLOSE
			     : c == '='	 ? TOKEN_EQUALS
			     : c == '\n' ? TOKEN_LINE
					 : TOKEN_OTHER;
	}
	return token;
}

static bool token_is(struct token token, const char *word)
{
	return token.kind == TOKEN_WORD && token.length == strlen(word) &&
	       memcmp(token.text, word, token.length) == 0;
}

static void source_add(const char *text, size_t length, struct strbuf *out)
{
	if (length > LIMIT_PATH_BYTES || memchr(text, '\0', length) != NULL)
		return;
	if (length < 2 || text[0] != '.' ||
		!(text[1] == '/' || (length > 2 && text[1] == '.' && text[2] == '/')))
		return;
	strbuf_append(out, text, length);
	strbuf_putc(out, '\0');
}

static void workspace_add(const char *text, size_t length, struct strbuf *out)
{
	if (length == 0 || length > LIMIT_NAME_BYTES)
		return;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && strchr("-_.", text[i]) == NULL)
			return;
	}
	if (strchr("-.", text[0]) != NULL)
		return;
	strbuf_putc(out, MODULE_SCAN_WORKSPACE);
	strbuf_append(out, text, length);
	strbuf_putc(out, '\0');
}

/* Where a reader of tokens stands: which of the blocks that matter it is in, and what the last
 * tokens were. */
enum block { BLOCK_FILE, BLOCK_MODULE, BLOCK_TERRAFORM, BLOCK_CLOUD, BLOCK_WORKSPACES };

struct reader {
	int depth;	  /* of braces */
	enum block block; /* the innermost block that matters ... */
	int block_depth;  /* ... and the depth of what stands in it; deeper means nothing */
	enum { AT_START, SAW_WORD, SAW_LABEL, SAW_EQUALS, AT_REST } at;
	struct token word;
};

static const struct block_rule {
	enum block in;
	const char *word;
	bool has_label;
	enum block opens;
} block_rules[] = {
	{ BLOCK_FILE, "module", true, BLOCK_MODULE },
	{ BLOCK_FILE, "terraform", false, BLOCK_TERRAFORM },
	{ BLOCK_TERRAFORM, "cloud", false, BLOCK_CLOUD },
	{ BLOCK_CLOUD, "workspaces", false, BLOCK_WORKSPACES },
};

static enum block outer(enum block block)
{
	return block == BLOCK_CLOUD || block == BLOCK_WORKSPACES ? block - 1 : BLOCK_FILE;
}

static void block_open(struct reader *reader)
{
	for (size_t i = 0; reader->depth == reader->block_depth && i < countof(block_rules); i++) {
		const struct block_rule *rule = &block_rules[i];

		if (rule->in != reader->block || !token_is(reader->word, rule->word) ||
			reader->at != (rule->has_label ? SAW_LABEL : SAW_WORD))
			continue;
		reader->block = rule->opens;
		reader->block_depth++;
		break;
	}
	reader->depth++;
}

static void block_close(struct reader *reader)
{
	if (reader->depth > 0)
		reader->depth--;
	if (reader->depth < reader->block_depth) {
		reader->block = outer(reader->block);
		reader->block_depth = reader->depth;
	}
}

static void value_take(const struct reader *reader, struct token token, struct strbuf *out)
{
	if (reader->depth != reader->block_depth || token.kind != TOKEN_STRING || !token.is_plain)
		return;
	if (reader->block == BLOCK_MODULE && token_is(reader->word, "source"))
		source_add(token.text, token.length, out);
	else if (reader->block == BLOCK_WORKSPACES && token_is(reader->word, "name"))
		workspace_add(token.text, token.length, out);
}

static void reader_take(struct reader *reader, struct token token, struct strbuf *out)
{
	bool is_name = token.kind == TOKEN_STRING || token.kind == TOKEN_WORD;

	if (token.kind == TOKEN_OPEN || token.kind == TOKEN_CLOSE || token.kind == TOKEN_LINE) {
		if (token.kind == TOKEN_OPEN)
			block_open(reader);
		else if (token.kind == TOKEN_CLOSE)
			block_close(reader);
		reader->at = AT_START;
	} else if (reader->at == AT_START && token.kind == TOKEN_WORD) {
		reader->word = token;
		reader->at = SAW_WORD;
	} else if (reader->at == SAW_WORD && token.kind == TOKEN_EQUALS) {
		reader->at = SAW_EQUALS;
	} else if (reader->at == SAW_WORD && is_name) {
		reader->at = SAW_LABEL;
	} else {
		if (reader->at == SAW_EQUALS)
			value_take(reader, token, out);
		reader->at = AT_REST;
	}
}

void module_scan(const char *bytes, size_t length, struct strbuf *out)
{
	struct scanner scanner = { bytes, bytes + length };
	struct reader reader = { .at = AT_START };
	struct token token;

	/* Most files have neither. */
	if (memmem(bytes, length, "module", 6) == NULL && memmem(bytes, length, "cloud", 5) == NULL)
		return;
	if (is_at(&scanner, "\xef\xbb\xbf")) /* the mark that some editors put first */
		scanner.p += 3;
	while ((token = token_next(&scanner)).kind != TOKEN_END)
		reader_take(&reader, token, out);
}

/* ---- the JSON form: {"module": {"name": {"source": "./x"}}}, each object possibly in an array;
 * likewise {"terraform": {"cloud": {"workspaces": {"name": "x"}}}} ---- */

static const json_t *json_first(const json_t *value, const char *key)
{
	value = json_object_get(value, key);
	return json_is_array(value) ? json_array_get(value, 0) : value;
}

static void json_workspace(const json_t *file, struct strbuf *out)
{
	const json_t *name = json_object_get(
		json_first(json_first(json_first(file, "terraform"), "cloud"), "workspaces"),
		"name");

	if (json_is_string(name))
		workspace_add(json_string_value(name), json_string_length(name), out);
}

static void json_module(const json_t *module, struct strbuf *out)
{
	const json_t *source = json_object_get(module, "source");

	if (json_is_string(source))
		source_add(json_string_value(source), json_string_length(source), out);
}

static void json_modules(json_t *modules, struct strbuf *out)
{
	const char *name;
	json_t *value;

	json_object_foreach (modules, name, value) {
		size_t count = json_is_array(value) ? json_array_size(value) : 1;

		for (size_t i = 0; i < count; i++)
			json_module(json_is_array(value) ? json_array_get(value, i) : value, out);
	}
}

static void json_file(const json_t *file, struct strbuf *out)
{
	json_t *modules = json_object_get(file, "module");
	size_t count = json_is_array(modules) ? json_array_size(modules) : 1;

	for (size_t i = 0; i < count; i++)
		json_modules(json_is_array(modules) ? json_array_get(modules, i) : modules, out);
	json_workspace(file, out);
}

void module_scan_json(const char *bytes, size_t length, struct strbuf *out)
{
	json_t *root = json_loadb(bytes, length, 0, NULL);
	size_t count = json_is_array(root) ? json_array_size(root) : 1;

	for (size_t i = 0; root != NULL && i < count; i++)
		json_file(json_is_array(root) ? json_array_get(root, i) : root, out);
	json_decref(root);
}
