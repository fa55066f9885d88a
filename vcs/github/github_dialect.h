/* GitHub, github.com or an Enterprise server: what it says in its own way. Whatever is not here is
 * done in ../web. */
#pragma once
#include "vcs/web/web_dialect.h"

struct web_verbs;
extern const struct web_dialect github_dialect;
extern const struct web_verbs github_verbs; /* github_rules.c */
