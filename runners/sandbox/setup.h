/* The child's side of sandbox_enter(): from the clone to the keeper. Owns the order of the steps.
 */
#pragma once
#include "runners/sandbox.h"
#include "runners/sandbox/limits.h"

enum { SETUP_PATH = 4096 };

struct setup {
	const struct sandbox_spec *spec;
	const struct cgroup *group; /* to join */
	struct identity identity;   /* to become */
	bool has_users;		    /* in a user namespace of our own */
	int control;
	int listener;
	int proxy_port;	       /* tier landlock: the machine's, and this job's alone */
	char root[SETUP_PATH]; /* tier full: the skeleton, later "/" */
	const char *detail;    /* what of a step failed, or NULL */
};

/* Namespaces of the profile, as flags of clone. */
uint64_t setup_namespaces(const struct sandbox_support *support, const struct profile *profile);
/* NULL when everything stands, else the name of the step that failed; errno says why. Uses no
 * memory of its own: it runs between fork and exec. */
const char *setup_run(struct setup *setup);
