/* Reading CODEOWNERS, and matching paths. */
#include "orchestrator/model/codeowners.h"

#include <ctype.h>
#include <string.h>

enum { SEGMENTS_MAX = 64, LINE_MAX_BYTES = 8192 };

const char *const codeowners_places[] = { ".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS",
	NULL };

/* ---- matching ---- */

/* "*" and "?" inside one name. The last star alone is tried again, so it is never slow. */
static bool name_fits(const char *pattern, const char *name, size_t length)
{
	const char *star = NULL, *end = name + length, *again = NULL;

	while (name < end) {
		if (*pattern == '*') {
			star = ++pattern;
			again = name;
		} else if (*pattern != '\0' && (*pattern == '?' || *pattern == *name)) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star;
			name = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

struct name {
	const char *text;
	size_t length;
};

static size_t path_split(const char *path, struct name names[SEGMENTS_MAX])
{
	size_t count = 0;

	while (*path != '\0' && count < SEGMENTS_MAX) {
		size_t length = strcspn(path, "/");

		if (length > 0)
			names[count++] = (struct name){ path, length };
		path += length;
		path += *path == '/';
	}
	return *path == '\0' ? count : 0;
}

/* What a pattern names is a file, or a folder with everything below it. */
static bool ends_well(const struct codeowners_rule *rule, size_t taken, size_t count)
{
	if (rule->only_folders)
		return taken < count;
	return !rule->only_files || taken == count;
}

static bool rule_fits(const struct codeowners_rule *rule, const struct name *names, size_t count)
{
	size_t at = 0, name = 0, star = SIZE_MAX, again = 0;

	for (;;) {
		if (at == rule->segment_count && ends_well(rule, name, count))
			return true;
		if (at < rule->segment_count && strcmp(rule->segments[at], "**") == 0) {
			star = ++at;
			again = name;
		} else if (at < rule->segment_count && name < count &&
			   name_fits(rule->segments[at], names[name].text, names[name].length)) {
			at++;
			name++;
		} else if (star != SIZE_MAX && again < count) {
			at = star;
			name = ++again;
		} else {
			return false;
		}
	}
}

const struct codeowners_rule *codeowners_find(const struct codeowners *owners, const char *path)
{
	struct name names[SEGMENTS_MAX];
	size_t count = path_split(path, names);

	for (size_t i = owners->rule_count; count > 0 && i-- > 0;) {
		if (rule_fits(&owners->rules[i], names, count))
			return &owners->rules[i];
	}
	return NULL;
}

/* ---- reading ---- */

static bool is_word(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && strchr("-_.", text[i]) == NULL)
			return false;
	}
	return length > 0;
}

static bool owner_is_valid(const char *owner)
{
	const char *at = strchr(owner, '@'), *slash = strchr(owner, '/');

	if (at == NULL || strlen(owner) > 255)
		return false;
	if (at > owner) { /* an address */
		for (const char *c = owner; *c != '\0'; c++) {
			if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
				strchr("<>\"'`\\", *c) != NULL)
				return false;
		}
		return strchr(at + 1, '@') == NULL && is_word(at + 1, strlen(at + 1));
	}
	if (slash == NULL)
		return is_word(owner + 1, strlen(owner + 1));
	return is_word(owner + 1, (size_t)(slash - owner) - 1) &&
	       is_word(slash + 1, strlen(slash + 1));
}

/* The next word of a line; a backslash keeps a space inside it. NULL at the end, or at a comment.
 */
static char *next_word(char **line)
{
	char *in = *line + strspn(*line, " \t\r"), *out = in, *word = in;

	if (*in == '\0' || *in == '#')
		return NULL;
	while (*in != '\0' && strchr(" \t\r", *in) == NULL) {
		if (*in == '\\' && in[1] == ' ')
			in++;
		*out++ = *in++;
	}
	*line = in + (*in != '\0');
	*out = '\0';
	return word;
}

static void add_segment(struct codeowners_rule *rule, struct arena *arena, const char *segment)
{
	/* two of them say no more than one */
	if (strcmp(segment, "**") == 0 && rule->segment_count > 0 &&
		strcmp(rule->segments[rule->segment_count - 1], "**") == 0)
		return;
	rule->segments = arena_push(
		arena, rule->segments, rule->segment_count, sizeof(*rule->segments));
	rule->segments[rule->segment_count++] = segment;
}

/* A pattern with a slash at its beginning or inside begins at the root; any other may begin
 * anywhere. */
static bool read_pattern(struct codeowners_rule *rule, const char *pattern, struct arena *arena)
{
	size_t length = strlen(pattern);
	const char *slash = strchr(pattern, '/');
	struct name names[SEGMENTS_MAX];
	size_t count = path_split(pattern, names);

	if (pattern[0] == '!' || strchr(pattern, '[') != NULL || strchr(pattern, '\\') != NULL ||
		(count == 0 && strcmp(pattern, "/") != 0))
		return false;
	if (slash == NULL || slash == pattern + length - 1)
		add_segment(rule, arena, "**");
	for (size_t i = 0; i < count; i++)
		add_segment(rule, arena, arena_strndup(arena, names[i].text, names[i].length));
	rule->only_folders = pattern[length - 1] == '/';
	rule->only_files = count > 1 && strcmp(rule->segments[rule->segment_count - 1], "*") == 0;
	/* "a/" and two stars is what lies inside, not "a" itself */
	if (count > 0 && strcmp(rule->segments[rule->segment_count - 1], "**") == 0 && count > 1)
		rule->segments[rule->segment_count - 1] = "*";
	return true;
}

static bool read_line(char *line, struct arena *arena, struct codeowners_rule *rule)
{
	char *pattern = next_word(&line), *owner;

	if (pattern == NULL || !read_pattern(rule, pattern, arena))
		return false;
	while ((owner = next_word(&line)) != NULL) {
		if (!owner_is_valid(owner) || rule->owner_count == CODEOWNERS_OWNERS_MAX)
			return false;
		rule->owners = arena_push(
			arena, rule->owners, rule->owner_count, sizeof(*rule->owners));
		rule->owners[rule->owner_count++] = arena_strdup(arena, owner);
	}
	return true;
}

int codeowners_read(const char *text, size_t length, struct arena *arena, struct codeowners *ret,
	struct err *err)
{
	const char *end = text + length;
	int line = 0;

	*ret = (struct codeowners){ 0 };
	if (length > CODEOWNERS_BYTES_MAX)
		return err_user(err, ERR_LIMIT, "CODEOWNERS is larger than %d MiB",
			CODEOWNERS_BYTES_MAX >> 20);
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t bytes = (size_t)((stop == NULL ? end : stop) - text);
		struct codeowners_rule rule = { .line = ++line };
		char copy[LINE_MAX_BYTES];

		if (bytes < sizeof(copy) && memchr(text, '\0', bytes) == NULL) {
			memcpy(copy, text, bytes);
			copy[bytes] = '\0';
			if (read_line(copy, arena, &rule)) {
				if (ret->rule_count == CODEOWNERS_RULES_MAX)
					return err_user(err, ERR_LIMIT,
						"CODEOWNERS has more than %d lines with patterns",
						CODEOWNERS_RULES_MAX);
				ret->rules = arena_push(
					arena, ret->rules, ret->rule_count, sizeof(*ret->rules));
				ret->rules[ret->rule_count++] = rule;
			}
		}
		text += bytes + 1;
	}
	return 0;
}
