/* Does a saved plan hold the configuration of the commit it was made for? A plan file carries a
 * copy of it, and an apply believes that copy: who edits it changes what is applied, and not what
 * is shown. Owns nothing.
 *
 * Two halves: a confined reader lists what the file holds (plan_file_list), and the supervisor, who
 * never reads the file, holds the list against the work tree (plan_file_check). */
#pragma once
#include "orchestrator/lib/err.h"
#include "orchestrator/lib/strvec.h"
#include <jansson.h>

enum { PLAN_FILE_LIST_MAX = 4 << 20 };

/* A confined_cb: {"modules": [{"key", "dir"}], "files": [{"module", "name", "sha256"}]}. */
int plan_file_list(int in_fd, int out_fd);

/* Puts a line into `ret` for each file that is not as in the folder of the project (`project_fd`,
 * or, for modules that init brought, in `layer_fd`, the project's folder in what init left; -1:
 * there is none). An error when the list itself cannot be believed. */
_must_check_ int plan_file_check(const json_t *list, int tree_fd, const char *dir, int layer_fd,
	struct strvec *ret, struct err *err);
