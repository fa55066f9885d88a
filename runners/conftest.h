/* What conftest prints with --output json. Pure: one document in, one out; runs confined, because a
 * plan shapes the messages. */
#pragma once

/* A confined_cb. Answers with an object of model/policy_results.h without its name. */
int conftest_interpret(int in_fd, int out_fd);
