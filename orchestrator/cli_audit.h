/* What the parts of `sluice audit` share. */
#pragma once
#include "orchestrator/cli.h"

typedef void audit_row_fn(void *owner, const json_t *row);

/* Every record from one moment until before another, oldest first; an exit code. */
int audit_each(struct cli *cli, int64_t from_ms, int64_t to_ms, audit_row_fn *each, void *owner);
/* Walks over the whole chain. CLI_NO: *ret says where it is broken. Owned by the caller; NULL: no
 * answer. */
int audit_verify(struct cli *cli, json_t **ret);
int audit_report(struct cli *cli, int64_t from_ms, int64_t to_ms);

/* Texts for people, out of the evidence of an apply. */
const char *audit_plain(struct cli *cli, const char *text);
const char *audit_people(struct cli *cli, const json_t *list);	    /* "bob, carol" */
const char *audit_actions(struct cli *cli, const json_t *evidence); /* "2 create, 1 delete" */
