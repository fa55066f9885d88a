/* Chance as a thing that is passed in; the simulation seeds it. */
#pragma once
#include "orchestrator/lib/base.h"

struct entropy {
	void (*fill)(const struct entropy *entropy, void *out, size_t length);
};
