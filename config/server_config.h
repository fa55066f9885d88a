/* server.yaml -> struct settings. */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/settings.h"
#include "orchestrator/ports/config_reader.h"

/* The defaults of every value. The strings are literals or live in the settings' arena. */
void server_config_defaults(struct settings *settings);
/* Reads a file over the defaults. On failure `errors` has every problem, one a line. */
_must_check_ int server_config_parse(const char *file, const char *bytes, size_t length,
	struct settings *settings, struct strbuf *errors, struct err *err);
_must_check_ int server_config_read(
	const char *path, struct settings *settings, struct strbuf *errors, struct err *err);
void server_config_reference(struct strbuf *out);

/* What holds for every repository as long as nothing else is said. */
extern const struct config_reader config_default_reader;
