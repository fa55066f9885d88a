/* From what a tool printed of base and head to our summary. Pure; runs only in a confined child. */
#pragma once
#include "orchestrator/model/plan_summary.h"

enum { MANIFESTS_BYTES_MAX = 32 << 20 };

struct manifests_input {
	const char *before, *after; /* streams of YAML documents */
	size_t before_length, after_length;
	bool skips_others; /* plain files: what is no resource among them is none of ours */
};

_must_check_ int manifests_summarise(const struct manifests_input *input, struct arena *arena,
	struct plan_summary *ret, struct err *err);
/* Work for a confined child: MANIFESTS_HEADER bytes (manifests_header), then base, then head; out
 * comes {"summary": ...}. */
enum { MANIFESTS_HEADER = 32 };
void manifests_header(char ret[MANIFESTS_HEADER], size_t before_length, bool skips_others);
int manifests_interpret(int in_fd, int out_fd);
