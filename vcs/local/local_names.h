/* Which names the local host takes. Pure. */
#pragma once
#include "orchestrator/lib/base.h"

enum {
	LOCAL_PERSON_MAX = 64,
	LOCAL_REPO_MAX = 160,
	LOCAL_REF_MAX = 240,
	LOCAL_TITLE_MAX = 256,
	LOCAL_COMMENT_MAX = 65536,
	LOCAL_DESCRIPTION_MAX = 140,
	LOCAL_LABEL_MAX = 50,
	LOCAL_CONTEXT_MAX = 200,
};

bool local_person_is_valid(const char *name); /* letters, digits, . _ - */
bool local_repo_is_valid(const char *name);   /* the same, with one slash at most */
bool local_branch_is_valid(const char *name); /* what git allows, without refs/heads/ */
bool local_key_is_valid(const char *text);    /* a status context or a marker: part of a key */
bool local_title_is_valid(const char *text);  /* one line */
bool local_oid_is_valid(const char *text);
