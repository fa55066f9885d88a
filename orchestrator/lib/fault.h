/* Named points at which a test may kill or fail this process. Release builds compile them to
 * nothing.
 *
 * SLUICE_FAULT in the environment, read once by fault_init():
 *   kill:N        SIGKILL to ourselves at the N-th point passed (1 is the first)
 *   kill:NAME:N   at the N-th passing of the point NAME
 *   fail:NAME:N   fault_fails(NAME) is true at its N-th passing; N = 0: its passings are only
 * logged count         passes are appended, one name a line, to the file named by SLUICE_FAULT_LOG
 * SLUICE_FAULT_LOG is appended to in every mode; the crash sweep learns from it how many points
 * there are. */
#pragma once
#include "orchestrator/lib/base.h"

#ifdef SLUICE_FAULTS
void fault_init(const char *spec, const char *log_path);
void fault_point(const char *name);
bool fault_fails(const char *name);
#else
static inline void fault_init(_unused_ const char *spec, _unused_ const char *log_path)
{
}
static inline void fault_point(_unused_ const char *name)
{
}
static inline bool fault_fails(_unused_ const char *name)
{
	return false;
}
#endif
