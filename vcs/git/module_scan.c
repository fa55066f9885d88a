/* Finds the local modules that one Terraform file uses, and the workspace that it names. Wanted are
 *
 *     module "name" { ... source = "./path" ... }
 *     terraform { cloud { workspaces { name = "workspace" } } }
 *
 * at the top level of the file, and the attribute at the top level of its block. */
#include "vcs/git/module_scan.h"
#include "orchestrator/lib/hcl.h"
#include "vcs/git/limits.h"
#include <ctype.h>
#include <jansson.h>
#include <string.h>

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
	struct hcl_token word;
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

		if (rule->in != reader->block || !hcl_is(reader->word, rule->word) ||
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

static void value_take(const struct reader *reader, struct hcl_token token, struct strbuf *out)
{
	if (reader->depth != reader->block_depth || token.kind != HCL_STRING || !token.is_plain)
		return;
	if (reader->block == BLOCK_MODULE && hcl_is(reader->word, "source"))
		source_add(token.text, token.length, out);
	else if (reader->block == BLOCK_WORKSPACES && hcl_is(reader->word, "name"))
		workspace_add(token.text, token.length, out);
}

static void reader_take(struct reader *reader, struct hcl_token token, struct strbuf *out)
{
	bool is_name = token.kind == HCL_STRING || token.kind == HCL_WORD;

	if (token.kind == HCL_OPEN || token.kind == HCL_CLOSE || token.kind == HCL_LINE) {
		if (token.kind == HCL_OPEN)
			block_open(reader);
		else if (token.kind == HCL_CLOSE)
			block_close(reader);
		reader->at = AT_START;
	} else if (reader->at == AT_START && token.kind == HCL_WORD) {
		reader->word = token;
		reader->at = SAW_WORD;
	} else if (reader->at == SAW_WORD && token.kind == HCL_EQUALS) {
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
	struct hcl_scanner scanner = hcl_open(bytes, length);
	struct reader reader = { .at = AT_START };
	struct hcl_token token;

	/* Most files have neither. */
	if (memmem(bytes, length, "module", 6) == NULL && memmem(bytes, length, "cloud", 5) == NULL)
		return;
	while ((token = hcl_next(&scanner)).kind != HCL_END)
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
