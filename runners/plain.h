/* A folder of plain manifests as one stream of documents. Must not: parse them. */
#pragma once
#include "orchestrator/lib/err.h"

/* Every *.yaml, *.yml and *.json below `folder`, in the order of their names, with a line between
 * them; links and what begins with a dot are left out. Bounded in bytes, files and depth. */
_must_check_ int plain_copy(int folder, int out, int64_t cap_bytes, struct err *err);
