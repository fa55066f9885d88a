/* What the launcher is told first; site.c reads it. */
#pragma once
#include "runners/executor_local.h"

char *executor_settings_text(
	const struct executor_local_options *options); /* owned by the caller */
