/* Gitea and Forgejo: how they differ from GitHub, whose API and webhooks theirs were made after.
 * Whatever is not here is done in ../web. */
#pragma once
#include "vcs/web/web_dialect.h"

struct web_verbs;
extern const struct web_dialect gitea_dialect;
extern const struct web_verbs gitea_verbs; /* gitea_facts.c */

/* "first.last"; "owner/name". They become paths of the API, folders and text. Pure. */
bool gitea_login_is_valid(const char *login);
bool gitea_repo_is_valid(const char *name);
