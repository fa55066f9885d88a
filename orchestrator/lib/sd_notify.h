/* Tells the service manager how we are, when there is one (NOTIFY_SOCKET). Nothing to tell it to is
 * success. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/err.h"

/* state: "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=...", "STATUS=3 runs", "WATCHDOG=1".
 */
_must_check_ int sd_notify(const char *state, struct err *err);
int64_t sd_watchdog_ms(void); /* half the time after which we count as dead; 0 = never */
