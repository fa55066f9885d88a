/* The network of one job: a process of its own that serves, one after the other, the doors of the
 * job's sandboxes. Owns: that process. It is forked before there are secrets, sees no file but the
 * machine's names of hosts, and lives as long as a sandbox needs it, also when we do not. */
#pragma once
#include "runners/egress/request.h"
#include "runners/sandbox.h"

struct site;

/* The only host of a door, whatever the site grants its profile. */
struct way_only {
	struct egress_target target;
	bool is_set;
};

struct way_out {
	int control;	      /* -1: there is none */
	struct way_only only; /* of the doors that are opened from now on */
};

/* `events_fd`: each verdict becomes a line of the job's events. */
_must_check_ int way_out_start(struct way_out *way, const struct site *site,
	const struct sandbox_support *support, int events_fd, struct err *err);
/* From now on the box's door leads out, as far as its profile may go. Takes the listener. */
_must_check_ int way_out_open(struct way_out *way, struct sandbox *box, struct err *err);
void way_out_release(struct way_out *way);
