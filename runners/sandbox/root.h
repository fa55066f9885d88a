/* The private root of tier full: what is seen inside, and nothing else. Owns the skeleton, a folder
 * of mount points and small files below the data directory that all jobs have in common. */
#pragma once
#include "runners/sandbox/setup.h"

/* Makes the skeleton; called once, by the launcher. */
_must_check_ int root_prepare(const struct site *site, struct err *err);
bool root_path_of(const struct sandbox_spec *spec, char *out, size_t size);

/* Steps of the set-up, in this order; 0, or -1 with errno and perhaps setup->detail. */
int root_mounts(struct setup *setup);
int root_seal(struct setup *setup); /* read-only but for what the profile may write to */
int root_devices(struct setup *setup);
int root_proc(struct setup *setup);
int root_enter(struct setup *setup);
