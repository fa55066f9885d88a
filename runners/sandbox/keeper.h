/* pid 1 of a sandbox, as seen from both ends of its control socket. */
#pragma once
#include "runners/sandbox.h"

enum { KEEPER_PACKET_MAX = 128 << 10 };

enum keeper_word {
	KEEPER_READY = 1, /* keeper: the set-up is done */
	KEEPER_FAILED,	  /* keeper: stage and errno of the set-up */
	KEEPER_RUN,	  /* supervisor: run argv with env; two descriptors come along */
	KEEPER_SIGNAL,	  /* supervisor: to the tools; by_signal: and to all of their groups */
	KEEPER_EXITED,	  /* keeper */
};

struct keeper_head {
	int word;
	int slot;
	int value; /* errno, signal or exit status */
	int by_signal;
	unsigned argc, envc;
	char stage[96];
};

/* `listener` is handed to the supervisor, or -1. Serves until the control socket ends, then leaves;
 * never returns. */
_noreturn_ void keeper_serve(int control, int listener, bool outlives_us);
