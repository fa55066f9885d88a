/* What a sandbox uses, for where the kernel cannot be told a limit for all its processes together.
 * Owns nothing; looks from outside, at what a job cannot forge: the kernel's figures. */
#pragma once
#include "runners/sandbox.h"

struct usage {
	int64_t memory_bytes; /* of all processes; more than the profile allows only if it is exact
			       */
	int processes;
	int64_t disk_bytes, disk_files;
};

void usage_of_processes(const struct sandbox *box, struct usage *ret);
/* Of what was written below the job's directory; stops counting soon after it is more than the
 * profile allows. */
void usage_of_disk(int job_fd, const struct profile *profile, struct usage *ret);
