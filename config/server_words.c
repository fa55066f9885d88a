/* What the texts of server.yaml must look like. */
#include "config/server_keys.h"

#include "config/words.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/regex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"

static bool is_of(const char *text, const char *characters, size_t most)
{
	return text[0] != '\0' && strlen(text) <= most && strspn(text, characters) == strlen(text);
}

/* Without a name or password in it: those belong into files. */
bool server_is_url(const char *text)
{
	size_t scheme = str_starts(text, "https://") ? 8 : str_starts(text, "http://") ? 7 : 0;

	return scheme > 0 && is_of(text + scheme, LETTERS DIGITS ".-_~:/%[]", 2000) &&
	       text[scheme] != '/' && text[scheme] != ':' && !str_ends(text, "/");
}

/* smtp://HOST[:PORT], smtps://HOST[:PORT] or what server_is_url() takes. */
bool server_is_notify_url(const char *text)
{
	size_t scheme = str_starts(text, "smtps://") ? 8 : str_starts(text, "smtp://") ? 7 : 0;

	return server_is_url(text) ||
	       (scheme > 0 && server_is_host(text + scheme) && strchr(text, '*') == NULL);
}

bool server_is_channel(const char *text)
{
	if (text[0] == '#')
		return is_of(text + 1, LETTERS DIGITS "-_.", 80);
	return strlen(text) >= 9 && strchr("CGD", text[0]) != NULL &&
	       is_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS, 30);
}

/* Neither a line end nor anything else that would end a header or begin another address. */
bool server_is_address(const char *text)
{
	const char *at = strchr(text, '@');

	return at != NULL && at != text && is_of(text, LETTERS DIGITS "@._+-/=~", 200) &&
	       strchr(at + 1, '@') == NULL && is_of(at + 1, LETTERS DIGITS ".-", 200);
}

bool server_is_visible(const char *text)
{
	for (const char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return false;
	}
	return text[0] != '\0' && strlen(text) <= 200;
}

bool server_is_glob(const char *text)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob glob;
	struct err err;

	return server_is_visible(text) &&
	       glob_compile(GLOB_NAME, "", text, &arena, &glob, &err) == 0;
}

bool server_is_mirror(const char *text)
{
	return server_is_url(text) || (text[0] == '/' && text[1] != '\0' && !str_ends(text, "/"));
}

bool server_is_archive(const char *text)
{
	return is_of(text, LETTERS DIGITS "._-+/", 400) && text[0] != '/' &&
	       strstr(text, "..") == NULL && str_ends(text, ".zip");
}

bool server_is_port(const char *text)
{
	return is_of(text, DIGITS, 5) && strtol(text, NULL, 10) > 0 &&
	       strtol(text, NULL, 10) <= 65535;
}

bool server_is_tag(const char *text)
{
	size_t name = strcspn(text, ":");

	return name > 0 && text[name] == ':' &&
	       is_of(text + name + 1, LETTERS DIGITS "._-/", 100) &&
	       strspn(text, LETTERS DIGITS "._-/") == name;
}

/* A path of the HTTP server that no other door has. */
bool server_is_endpoint(const char *text)
{
	static const char *const taken[] = { "/events", "/api", "/healthz", "/readyz",
		"/.well-known" };

	for (size_t i = 0; i < countof(taken); i++) {
		size_t length = strlen(taken[i]);

		if (str_starts(text, taken[i]) && (text[length] == '\0' || text[length] == '/'))
			return false;
	}
	return text[0] == '/' && is_of(text, LETTERS DIGITS "._-/", 200);
}

bool server_is_absolute(const char *text)
{
	return text[0] == '/';
}

bool server_is_secret_place(const char *text)
{
	return text[0] == '/' || (is_of(text, LETTERS DIGITS "._-", 255) && text[0] != '.');
}

bool server_is_regex(const char *text)
{
	struct regex *regex = NULL;
	struct err err;
	bool is_good = regex_compile(text, strlen(text), &regex, &err) == 0;

	regex_free(regex);
	return is_good;
}

bool server_is_repo_id(const char *text)
{
	if (text[0] == '/')
		return word_is_regex_between_slashes(text);
	return strchr(text, '/') != NULL && !str_ends(text, "/") && strchr(text, '*') == NULL &&
	       strstr(text, "://") == NULL;
}

bool server_is_repo_rule(const char *text)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob glob;
	struct err err;

	return text[0] != '\0' && glob_compile(GLOB_NAME, "", text, &arena, &glob, &err) == 0;
}

bool server_is_name(const char *text)
{
	return is_of(text, LETTERS DIGITS "._-", 100);
}

bool server_is_variable(const char *text)
{
	return is_of(text, LETTERS DIGITS "_", 200) && strchr(DIGITS, text[0]) == NULL;
}

bool server_is_sha256(const char *text)
{
	return codec_is_hex(text, SHA256_HEX - 1);
}

bool server_is_path_below(const char *text)
{
	return text[0] != '/' && !str_equal(text, "..") && !str_starts(text, "../") &&
	       strstr(text, "/../") == NULL && !str_ends(text, "/..");
}

void server_refuse_secret(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, _unused_ void *base)
{
	config_complain(decoder->errors, value->at, config_path_text(decoder->errors, path),
		arena_printf(&decoder->errors->arena,
			"put it into a file that only the server can read, and write %s: with the "
			"path of that file or the name of a systemd credential",
			key->expected),
		"a secret does not stand in this file");
}

void server_refuse_team_authz(const struct config_decoder *decoder,
	_unused_ const struct config_key *key, const struct yaml_node *value,
	const struct config_path *path, _unused_ void *base)
{
	config_complain(decoder->errors, value->at, config_path_text(decoder->errors, path),
		"leave it out, and name teams in the approvals of environments: who may write may "
		"command, and who is in a team is asked right before an apply",
		"no program is asked who may command, so this would guard nothing");
}

void server_complain(struct config_errors *errors, const struct config_place *at, const char *path,
	const char *hint, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	config_complain(
		errors, (struct yaml_place){ at->line, at->column }, path, hint, "%s", text);
}

/* "registry.example", "*.example:8443", "10.0.0.5:443", "[fd00::5]:443" */
bool server_is_host(const char *text)
{
	size_t length = strlen(text), brackets = strcspn(text, "]");
	const char *rest = text[0] == '[' && brackets < length ? text + brackets + 1
							       : text + strcspn(text, ":");
	const char *name = str_starts(text, "*.") ? text + 2 : text;
	char *end = NULL;

	if (length > 260 || name == rest || (*rest != '\0' && *rest != ':'))
		return false;
	if (text[0] != '[' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") !=
			(size_t)(rest - name))
		return false;
	if (*rest == '\0')
		return true;
	return rest[1] >= '1' && rest[1] <= '9' && strtol(rest + 1, &end, 10) <= 65535 &&
	       *end == '\0';
}
