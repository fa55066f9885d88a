/* Names of GitHub: rather refused than escaped. */
#include "vcs/web/web_names.h"
#include "orchestrator/lib/codec.h"
#include <string.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

bool web_login_is_valid(const char *login)
{
	size_t length = strlen(login), plain = strspn(login, WORD);

	return length <= WEB_LOGIN_MAX && plain > 0 && login[0] != '-' &&
	       (plain == length || strcmp(login + plain, "[bot]") == 0);
}

bool web_repo_is_valid(const char *name)
{
	size_t owner = strspn(name, WORD), rest;
	const char *repo = name + owner + 1;

	if (owner == 0 || owner > WEB_OWNER_MAX || name[0] == '-' || name[owner] != '/')
		return false;
	rest = strspn(repo, WORD ".");
	return rest > 0 && repo[rest] == '\0' && owner + rest < WEB_REPO_MAX &&
	       strcmp(repo, ".") != 0 && strcmp(repo, "..") != 0 && !str_ends(repo, ".git");
}

/* What git allows, and what cannot be taken for an option. */
bool web_ref_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > WEB_REF_MAX || name[0] == '-' || name[0] == '/' ||
		name[length - 1] == '/' || name[length - 1] == '.' ||
		codec_utf8_prefix(name, length) != length)
		return false;
	if (strstr(name, "..") != NULL || strstr(name, "@{") != NULL ||
		strstr(name, "//") != NULL || strstr(name, "/.") != NULL || name[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f ||
			strchr("~^:?*[\\", name[i]) != NULL)
			return false;
	}
	return true;
}

/* "sluicegate" is somebody else's. */
bool web_context_is_ours(const char *prefix, const char *name)
{
	size_t length = prefix == NULL ? 0 : strlen(prefix);

	return length > 0 && str_starts(name, prefix) &&
	       (prefix[length - 1] == '/' || name[length] == '/' || name[length] == '\0');
}

bool web_line_is_valid(const char *text, size_t bytes_max)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	}
	return length > 0 && length <= bytes_max && text[0] != ' ' && text[length - 1] != ' ' &&
	       codec_utf8_prefix(text, length) == length;
}

bool web_id_is_valid(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length < 20 && strspn(text, "0123456789") == length;
}
