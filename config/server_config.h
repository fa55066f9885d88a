/* server.yaml -> struct settings. Owns: the table of its keys. Must not: open anything but that
 * file. */
#pragma once
#include "config/decode.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/settings.h"

/* The defaults of every value. The strings are literals or live in the settings' arena. */
void server_config_defaults(struct settings *settings);
/* Reads a file over the defaults. On failure `errors` has every problem of the file; the settings
 * must be released all the same and not be used. */
_must_check_ int server_config_parse(const char *bytes, size_t length, struct settings *settings,
	struct config_errors *errors, struct err *err);
_must_check_ int server_config_read(
	const char *path, struct settings *settings, struct config_errors *errors, struct err *err);
/* ERR_CONFIG and an error for each value that a running server cannot change. */
_must_check_ int server_config_must_stay(const struct settings *now, const struct settings *next,
	struct config_errors *errors, struct err *err);
/* Does this version act on the key, "hosts.NAME.repos" or "repos[].branch", or only carry it? */
bool server_config_acts_on(const char *path);
/* Is it a key at the top of server.yaml? */
bool server_config_knows(const char *key);
void server_config_reference(struct strbuf *out);
char *server_config_schema(void); /* JSON Schema; owned by the caller */
