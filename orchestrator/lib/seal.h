/* Marks that only this server can put under a text: an HMAC with a key that lies in its data
 * folder, 0600, and is given to nobody. Owns that file and the form of a mark.
 *
 * A mark names its key, so that a text of another server is told apart from one that was changed.
 * To have a new key, remove the file and start again: what was marked before is refused then. */
#pragma once
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/err.h"

enum { SEAL_ID_HEX = 17, SEAL_MARK_MAX = SEAL_ID_HEX + SHA256_HEX };

struct seal {
	uint8_t key[SHA256_BYTES];
	char id[SEAL_ID_HEX]; /* says nothing of the key */
};

enum seal_verdict {
	SEAL_HOLDS = 1,
	SEAL_MISSING,	 /* there is no mark at all */
	SEAL_OF_ANOTHER, /* made with another key */
	SEAL_BROKEN,	 /* ours, under another text */
};

/* Reads the key, makes it when there is none. */
_must_check_ int seal_open(const char *path, struct seal *ret, struct err *err);
void seal_of_key(const uint8_t key[SHA256_BYTES], struct seal *ret);
void seal_release(struct seal *seal); /* wipes it */
/* "ID:HMAC" */
void seal_mark(const struct seal *seal, const char *text, char ret[SEAL_MARK_MAX]);
enum seal_verdict seal_check(const struct seal *seal, const char *text, const char *mark);
