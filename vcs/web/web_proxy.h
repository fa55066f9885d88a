/* The proxy on the way to a host: what the configuration says, else what the environment says, as
 * libcurl reads it; git is told, since its job has no environment of ours. */
#pragma once
#include "orchestrator/lib/base.h"

/* "" for none; owned by the caller. `configured` "" or NULL: ask the environment. */
char *web_proxy(const char *configured, const char *url);
