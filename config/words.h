/* What a single text may be. Pure: each answers for one kind of text. */
#pragma once
#include "orchestrator/lib/err.h"

bool word_is_project(const char *text);	     /* name of a project: fit for a URL and a file */
bool word_is_folder(const char *text);	     /* inside the repository, or a pattern over such */
bool word_is_file_pattern(const char *text); /* an item of when_modified */
bool word_is_workspace(const char *text);
bool word_is_version(const char *text);	    /* one exact version */
bool word_may_be_version(const char *text); /* no more than fit for the name of a file */
bool word_is_regex_between_slashes(const char *text);
int word_check_cron(const char *text, struct err *err); /* says what is wrong with it */
bool word_is_zone(const char *text);
bool word_is_person(const char *text); /* a user, or @team */
