/* What Slack takes: the limits of Block Kit, by its own reference, and what ours must hold besides.
 */
#pragma once
#include <jansson.h>

/* NULL, or what is wrong with this list of messages; borrowed until the next call. */
const char *slack_judge(const json_t *messages);
