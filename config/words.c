/* Kinds of texts. */
#include "config/words.h"

#include "orchestrator/lib/cron.h"
#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/regex.h"

#include <ctype.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"

static bool has_only(const char *text, const char *letters, size_t most)
{
	size_t length = strlen(text);

	return length > 0 && length <= most && strspn(text, letters) == length;
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	}
	return false;
}

bool word_is_project(const char *text)
{
	return has_only(text, LETTERS DIGITS "-_.~/", 200);
}

/* Does a part of the path go up? */
static bool goes_up(const char *text)
{
	for (const char *part = text; part != NULL; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return true;
	}
	return false;
}

static bool is_pattern(enum glob_dialect dialect, const char *text)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob glob;
	struct err err = { 0 };

	return glob_compile(dialect, "", text, &arena, &glob, &err) == 0;
}

bool word_is_folder(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > GLOB_BYTES_MAX || has_control(text) || goes_up(text) ||
		text[0] == ' ' || text[length - 1] == ' ')
		return false; /* blanks around a pattern mean nothing, which nobody sees */
	return is_pattern(GLOB_PATH, text);
}

bool word_is_file_pattern(const char *text)
{
	return !has_control(text) && is_pattern(GLOB_IGNORE, text);
}

bool word_is_workspace(const char *text)
{
	if (strlen(text) > 90 || text[0] == '-' || text[0] == '~' || has_control(text))
		return false;
	return strpbrk(text, "/\\$ ") == NULL && strstr(text, "..") == NULL;
}

/* v1, 1.5, 1.5.7, 1.6.0-beta1+ci */
bool word_is_version(const char *text)
{
	int parts = 0;

	text += *text == 'v';
	do {
		size_t digits = strspn(text, DIGITS);

		if (digits == 0 || digits > 9 || ++parts > 3)
			return false;
		text += digits;
	} while (*text == '.' && text++ != NULL);
	if (*text == '\0')
		return true;
	return (*text == '-' || *text == '+') && has_only(text + 1, LETTERS DIGITS ".-+", 60);
}

bool word_may_be_version(const char *text)
{
	return has_only(text, LETTERS DIGITS ".-+_<>{}$@:=~^*", 60) && text[0] != '.' &&
	       strstr(text, "..") == NULL;
}

bool word_is_regex_between_slashes(const char *text)
{
	_cleanup_regex_ struct regex *regex = NULL;
	size_t length = strlen(text);
	struct err err = { 0 };

	return length >= 2 && text[0] == '/' && text[length - 1] == '/' &&
	       regex_compile(text + 1, length - 2, &regex, &err) == 0;
}

int word_check_cron(const char *text, struct err *err)
{
	struct cron cron;

	return cron_parse(text, &cron, err);
}

bool word_is_zone(const char *text)
{
	return has_only(text, LETTERS DIGITS "/_+-", 60) && isalpha((unsigned char)text[0]) &&
	       strstr(text, "//") == NULL;
}

bool word_is_person(const char *text)
{
	text += *text == '@';
	return has_only(text, LETTERS DIGITS "-_./[]", 100);
}
