/* Which names the local host takes. They become paths, keys and text in comments: rather few than
 * escaped. */
#include "vcs/local/local_names.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/model/ids.h"
#include <string.h>

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static bool is_plain(const char *text, size_t length)
{
	return length > 0 && text[0] != '.' && text[0] != '-' && strspn(text, plain) >= length;
}

bool local_person_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length <= LOCAL_PERSON_MAX && is_plain(name, length);
}

/* A folder of that name must not look like the repository inside it or like a file git makes. */
static bool is_folder_name(const char *text, size_t length)
{
	static const char *const taken[] = { ".git", ".lock", ".new" };

	for (size_t i = 0; i < countof(taken); i++) {
		size_t suffix = strlen(taken[i]);

		if (length >= suffix && memcmp(text + length - suffix, taken[i], suffix) == 0)
			return false;
	}
	return is_plain(text, length) && text[length - 1] != '.';
}

bool local_repo_is_valid(const char *name)
{
	size_t length = strlen(name), first = strcspn(name, "/");

	if (length > LOCAL_REPO_MAX || !is_folder_name(name, first))
		return false;
	return name[first] == '\0' || is_folder_name(name + first + 1, length - first - 1);
}

static bool is_branch_part(const char *part, size_t length)
{
	return length > 0 && part[0] != '.' &&
	       !(length >= 5 && memcmp(part + length - 5, ".lock", 5) == 0);
}

bool local_branch_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > LOCAL_REF_MAX || name[0] == '-' || name[length - 1] == '.' ||
		strcmp(name, "@") == 0)
		return false;
	if (strstr(name, "..") != NULL || strstr(name, "@{") != NULL ||
		codec_utf8_prefix(name, length) != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f ||
			strchr("~^:?*[\\", name[i]) != NULL)
			return false;
	}
	for (const char *part = name;; part += strcspn(part, "/") + 1) {
		size_t step = strcspn(part, "/");

		if (!is_branch_part(part, step))
			return false;
		if (part[step] == '\0')
			return true;
	}
}

bool local_key_is_valid(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		if (strchr(plain, text[i]) == NULL && strchr("/:=+@ ", text[i]) == NULL)
			return false;
	}
	return length > 0 && length <= LOCAL_CONTEXT_MAX;
}

bool local_title_is_valid(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	}
	return length > 0 && length <= LOCAL_TITLE_MAX && codec_utf8_prefix(text, length) == length;
}

bool local_oid_is_valid(const char *text)
{
	return codec_is_hex(text, OID_HEX);
}
