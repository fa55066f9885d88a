/* The words of a job and its server about slots, one byte each, over the job's line. When the line
 * breaks before a first "go", the job goes away without having begun. */
#pragma once

enum slot_word { /* what the job says */
	SLOT_ASK = 'a',
	SLOT_ASK_INIT = 'i',
	SLOT_READY = 'r',    /* it had its slot for init, and uses it for the tool from now on */
	SLOT_ASK_SHOW = 's', /* its slot is free from now on */
	SLOT_BACK = 'b',     /* its tools have ended, it reads what they left */
	/* and what it hears */
	SLOT_GO = 'g',
	SLOT_GO_IN_LANE = 'l',
};
