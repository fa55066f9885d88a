/* Addresses of providers and modules, as the tools read them. */
#include "orchestrator/model/sources.h"

#include "orchestrator/lib/glob.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIGNS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define REF_SIGNS  NAME_SIGNS "/+~^%"

static const char *default_host(bool is_tofu)
{
	return is_tofu ? "registry.opentofu.org" : "registry.terraform.io";
}

/* ---- registries ---- */

/* Names between slashes; a port may stand behind the first of `most`. */
static size_t count_names(const char *text, size_t length, size_t most)
{
	size_t count = 1, at = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i < length && text[i] != '/')
			continue;
		if (i == at || text[at] == '.') /* no registry's, and dots alone lead elsewhere */
			return 0;
		count += i < length;
		at = i + 1;
	}
	for (size_t i = 0, part = 1; i < length; i++) {
		part += text[i] == '/';
		if (text[i] != '/' && (text[i] == '\0' || strchr(NAME_SIGNS, text[i]) == NULL) &&
			!(text[i] == ':' && part == 1 && count == most) &&
			(unsigned char)text[i] < 0x80)
			return 0;
	}
	return count <= most ? count : 0;
}

/* `begin` and `middle` before it. */
static bool put(char ret[SOURCE_BYTES_MAX], const char *begin, const char *middle, const char *text,
	size_t length)
{
	return snprintf(ret, SOURCE_BYTES_MAX, "%s%s%.*s", begin, middle, (int)length, text) <
	       SOURCE_BYTES_MAX;
}

bool source_of_provider(const char *text, size_t length, bool is_tofu, char ret[SOURCE_BYTES_MAX])
{
	static const char *const middles[] = { NULL, "/hashicorp/", "/", "" };
	size_t names = length < SOURCE_BYTES_MAX ? count_names(text, length, 3) : 0;

	if (names == 0 ||
		!put(ret, names == 3 ? "" : default_host(is_tofu), middles[names], text, length))
		return false;
	for (char *at = ret; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return true;
}

/* ---- modules ---- */

static enum module_source refuse(char ret[SOURCE_BYTES_MAX], const char *why)
{
	(void)snprintf(ret, SOURCE_BYTES_MAX, "%s", why);
	return MODULE_REFUSED;
}

/* What the tools write out for people who leave the scheme away. */
static const struct {
	const char *begin, *instead;
} shorts[] = {
	{ "git@", "git::ssh://" }, /* and the colon behind the host is a slash */
	{ "github.com/", "git::https://github.com/" },
	{ "bitbucket.org/", "git::https://bitbucket.org/" },
	{ "gitlab.com/", "git::https://gitlab.com/" },
};

static const char *const schemes[] = { "git::https://", "git::ssh://", "git::http://", "https://",
	"http://", "hg::https://", "hg::http://", "hg::ssh://", "s3::https://", "gcs::https://",
	"oci://" };

static const char *scheme_of(const char *text)
{
	for (size_t i = 0; i < countof(schemes); i++)
		if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			return schemes[i];
	return NULL;
}

/* "git::git@host:path" is what git itself calls an address. */
static void spell_out(char text[SOURCE_BYTES_MAX])
{
	char copy[SOURCE_BYTES_MAX];
	const char *rest = copy;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	if (str_starts(rest, "git::git@"))
		rest += strlen("git::");
	for (size_t i = 0; i < countof(shorts); i++) {
		char *colon;

		if (!str_starts(rest, shorts[i].begin))
			continue;
		(void)snprintf(text, SOURCE_BYTES_MAX, "%s%.900s", shorts[i].instead,
			rest + strlen(shorts[i].begin));
		colon = i > 0 ? NULL : strchr(text + strlen(shorts[i].instead), ':');
		if (colon != NULL)
			*colon = '/';
		return;
	}
}

/* A reference goes to git as an argument; the tools have had holes there. */
static bool has_good_query(const char *query)
{
	const char *ref = query;

	while ((ref = strstr(ref, "ref=")) != NULL) {
		size_t length;

		ref += strlen("ref=");
		length = strcspn(ref, "&");
		if (length == 0 || ref[0] == '-' || strspn(ref, REF_SIGNS) < length)
			return false;
	}
	for (const char *at = query; (at = strchr(at, '%')) != NULL; at++)
		if (strncasecmp(at, "%2f", 3) != 0)
			return false;
	return strstr(query, "sshkey=") == NULL;
}

/* Without the folder inside ("//x"), and without who asks ("user@"). */
static enum module_source read_url(char text[SOURCE_BYTES_MAX], const char *scheme)
{
	char rest[SOURCE_BYTES_MAX], *host = rest, *path, *user;
	size_t length;

	(void)snprintf(rest, sizeof(rest), "%s", text + strlen(scheme));
	path = rest + strcspn(rest, "/");
	if (strstr(path, "//") != NULL)
		*strstr(path, "//") = '\0';
	user = memrchr(rest, '@', (size_t)(path - rest));
	if (user != NULL)
		host = user + 1;
	for (char *at = host; at < path; at++)
		*at = (char)tolower((unsigned char)*at);
	length = (size_t)(path - host);
	if (length == 0 || host[0] == '-' || host[0] == '.' ||
		strspn(host, NAME_SIGNS ":[]") < length)
		return refuse(text, "its host is no name");
	if (strstr(path, "/../") != NULL || str_ends(path, "/..") || strpbrk(path, "%\\") != NULL)
		return refuse(text, "its path leaves where it seems to be");
	(void)snprintf(text, SOURCE_BYTES_MAX, "%s%s", scheme, host);
	return MODULE_REMOTE;
}

enum module_source source_of_module(
	const char *text, size_t length, bool is_tofu, char ret[SOURCE_BYTES_MAX])
{
	const char *scheme;
	char *query;
	size_t names;

	if (length == 0 || length >= SOURCE_BYTES_MAX - 64 || memchr(text, '\0', length) != NULL)
		return refuse(ret, "it is too long, or no text");
	(void)snprintf(ret, SOURCE_BYTES_MAX, "%.*s", (int)length, text);
	for (const char *at = ret; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || *at == 127)
			return refuse(ret, "there is a space or a control character in it");
	if (str_starts(ret, "./") || str_starts(ret, "../"))
		return MODULE_LOCAL;
	query = strchr(ret, '?');
	if (query != NULL) {
		if (!has_good_query(query + 1))
			return refuse(ret, "its query is not plain: a ref is letters, digits and "
					   "._-/+~^, and does not begin with a dash");
		*query = '\0';
	}
	spell_out(ret);
	scheme = scheme_of(ret);
	if (scheme != NULL)
		return read_url(ret, scheme);
	if (strstr(ret, "//") != NULL)
		*strstr(ret, "//") = '\0';
	names = count_names(ret, strlen(ret), 4);
	if (names == 3) {
		char copy[SOURCE_BYTES_MAX];

		(void)snprintf(copy, sizeof(copy), "%s", ret);
		(void)put(ret, default_host(is_tofu), "/", copy, strlen(copy));
	}
	return names == 3 || names == 4
		       ? MODULE_REMOTE
		       : refuse(ret, "it is neither a folder of the tree nor one of the schemes "
				     "git, hg, https, s3, gcs, oci, nor of a registry");
}

/* ---- patterns ---- */

/* Where the host ends. */
static size_t head_length(const char *text)
{
	const char *scheme = strstr(text, "://");
	const char *host = scheme == NULL ? text : scheme + 3;

	return (size_t)(host - text) + strcspn(host, "/");
}

bool source_is_pattern(const char *text)
{
	size_t head = head_length(text);

	return strlen(text) < SOURCE_BYTES_MAX && text[0] != '!' && text[0] != '.' && head > 0 &&
	       text[head] == '/' && text[head + 1] != '\0' && strpbrk(text, " ?[]{}\\@") == NULL;
}

static bool matches(const char *pattern, size_t length, const char *text, size_t text_length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob glob;
	struct err err;

	return glob_compile(GLOB_NAME, "", arena_strndup(&arena, pattern, length), &arena, &glob,
		       &err) == 0 &&
	       glob_matches(&glob, arena_strndup(&arena, text, text_length));
}

bool source_is_allowed(char *const *patterns, size_t count, const char *source)
{
	size_t head = head_length(source);

	for (size_t i = 0; i < count; i++) {
		size_t length = head_length(patterns[i]);

		if (matches(patterns[i], length, source, head) &&
			matches(patterns[i] + length, strlen(patterns[i] + length), source + head,
				strlen(source + head)))
			return true;
	}
	return count == 0;
}
