/* Which names of GitHub are taken. They become paths of its API, folders and text. Pure. */
#pragma once
#include "orchestrator/lib/base.h"

enum {
	GITHUB_OWNER_MAX = 100,
	GITHUB_REPO_MAX = 200, /* "owner/name" */
	GITHUB_LOGIN_MAX = 100,
	GITHUB_REF_MAX = 255,
	GITHUB_TITLE_MAX = 256,
	GITHUB_COMMENT_CHARACTERS = 65536,
	GITHUB_DESCRIPTION_MAX = 140,
};

bool github_login_is_valid(const char *login); /* "octocat", "planner[bot]" */
bool github_repo_is_valid(const char *name);   /* "owner/name" */
bool github_ref_is_valid(const char *name);    /* a branch, without refs/heads/ */
bool github_context_is_ours(const char *prefix, const char *name); /* "sluice", "sluice/plan" */
bool github_id_is_valid(const char *text); /* digits: the number of a comment or review */
