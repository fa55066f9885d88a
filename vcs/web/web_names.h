/* Which names of GitHub are taken. They become paths of its API, folders and text. Pure. */
#pragma once
#include "orchestrator/lib/base.h"

enum {
	WEB_OWNER_MAX = 100,
	WEB_REPO_MAX = 200, /* "owner/name" */
	WEB_LOGIN_MAX = 100,
	WEB_REF_MAX = 255,
	WEB_TITLE_MAX = 256,
	WEB_LABEL_MAX = 50,
	WEB_COMMENT_CHARACTERS = 65536,
	WEB_DESCRIPTION_MAX = 140,
};

bool web_login_is_valid(const char *login);			/* "octocat", "planner[bot]" */
bool web_repo_is_valid(const char *name);			/* "owner/name" */
bool web_ref_is_valid(const char *name);			/* a branch, without refs/heads/ */
bool web_context_is_ours(const char *prefix, const char *name); /* "sluice", "sluice/plan" */
bool web_line_is_valid(const char *text, size_t bytes_max);	/* one line that says something */
bool web_id_is_valid(const char *text); /* digits: the number of a comment or review */
