/* What the tools of checks print, in our words. Pure: one document in, one out; each runs in a
 * confined child, because a pull request shapes what is printed. */
#pragma once

#define CHECK_AFTER  "after.json"  /* the plan, in the folder that a check stands in */
#define CHECK_BEFORE "before.json" /* the same as if nothing of it were done */
#define CHECK_SOURCE "/source"	   /* the work tree, as a check sees it */

/* confined_cb's. They answer with a list of one result (model/check_results.h) without a name. */
int checkov_interpret(int in_fd, int out_fd);
int sarif_interpret(int in_fd, int out_fd);
int cost_interpret(int in_fd, int out_fd);
/* Answers with the plan as it is before: what is found in it is not new. Empty: nothing was there.
 */
int checkov_before(int in_fd, int out_fd);
