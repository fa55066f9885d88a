/* Where a pinned tool comes from that is not in the folder yet. Owns the download, from its lock to
 * the program in its place. Must not: run anything it got, or put there what the operator did not
 * pin; be called for a sandbox. */
#pragma once
#include "orchestrator/lib/err.h"

struct site;

struct tool_wish {
	const char *kind, *version;
	const char *sha256;  /* of the program; "" when server.yaml does not pin it */
	const char *mirror;  /* the URL or the folder of the operator's mirror; "" without one */
	const char *archive; /* a zip below the mirror that holds the program; "": KIND-VERSION */
};

/* `path` is where the program belongs: in site->tools. Others that want the same wait for it. */
_must_check_ int tool_mirror_fetch(
	const struct site *site, const struct tool_wish *wish, const char *path, struct err *err);
