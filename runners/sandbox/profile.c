/* The table of profiles, and the words for what stands in it. */
#include "runners/sandbox/profile.h"
#include <string.h>

#define KIB	1024LL
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)
#define MINUTES (60 * 1000LL)

/* Sizes are what a large provider was measured to need, doubled and rounded up. */
const struct profile profiles[PROFILE_COUNT] = {
	{ .id = PROFILE_FETCH,
		.name = "fetch",
		.tree = PROFILE_TREE_REPO,
		.network = PROFILE_NETWORK_PROXY,
		.secrets = PROFILE_SECRETS_HOST,
		.memory_bytes = 1 * GIB,
		.processes = 128,
		.wall_ms = 5 * MINUTES,
		.tmp_bytes = 64 * MIB,
		.disk_bytes = 64 * GIB,
		.disk_files = 4000000,
		.output_bytes = 1 * MIB },
	{ .id = PROFILE_INIT,
		.name = "init",
		.tree = PROFILE_TREE_OVERLAY,
		.network = PROFILE_NETWORK_PROXY,
		.secrets = PROFILE_SECRETS_REGISTRY,
		.memory_bytes = 2 * GIB,
		.processes = 256,
		.wall_ms = 10 * MINUTES,
		.tmp_bytes = 512 * MIB,
		.disk_bytes = 8 * GIB,
		.disk_files = 200000,
		.output_bytes = 8 * MIB },
	{ .id = PROFILE_PLAN,
		.name = "plan",
		.tree = PROFILE_TREE_OVERLAY,
		.network = PROFILE_NETWORK_PROXY,
		.secrets = PROFILE_SECRETS_PLAN,
		.has_layer = true,
		.memory_bytes = 4 * GIB,
		.processes = 512,
		.wall_ms = 20 * MINUTES,
		.tmp_bytes = 512 * MIB,
		.disk_bytes = 4 * GIB,
		.disk_files = 200000,
		.output_bytes = 32 * MIB },
	{ .id = PROFILE_RENDER,
		.name = "render",
		.tree = PROFILE_TREE_NONE,
		.network = PROFILE_NETWORK_NONE,
		.secrets = PROFILE_SECRETS_NONE,
		.has_layer = true,
		.memory_bytes = 2 * GIB,
		.processes = 128,
		.wall_ms = 2 * MINUTES,
		.tmp_bytes = 64 * MIB,
		.disk_bytes = 256 * MIB,
		.disk_files = 1000,
		.output_bytes = 32 * MIB },
	{ .id = PROFILE_POLICY,
		.name = "policy",
		.tree = PROFILE_TREE_READ,
		.network = PROFILE_NETWORK_NONE,
		.secrets = PROFILE_SECRETS_NONE,
		.memory_bytes = 2 * GIB,
		.processes = 256,
		.wall_ms = 10 * MINUTES,
		.tmp_bytes = 256 * MIB,
		.disk_bytes = 256 * MIB,
		.disk_files = 10000,
		.output_bytes = 16 * MIB },
	{ .id = PROFILE_BUILD,
		.name = "build",
		.tree = PROFILE_TREE_READ,
		.network = PROFILE_NETWORK_NONE,
		.secrets = PROFILE_SECRETS_NONE,
		.memory_bytes = 1 * GIB,
		.processes = 128,
		.wall_ms = 2 * MINUTES,
		.tmp_bytes = 256 * MIB,
		.disk_bytes = 256 * MIB,
		.disk_files = 10000,
		.output_bytes = 64 * MIB },
	{ .id = PROFILE_RUN,
		.name = "run",
		.tree = PROFILE_TREE_OVERLAY,
		.network = PROFILE_NETWORK_NONE,
		.secrets = PROFILE_SECRETS_LISTED,
		.has_layer = true,
		.memory_bytes = 2 * GIB,
		.processes = 256,
		.wall_ms = 10 * MINUTES,
		.tmp_bytes = 512 * MIB,
		.disk_bytes = 4 * GIB,
		.disk_files = 200000,
		.output_bytes = 8 * MIB },
	{ .id = PROFILE_APPLY,
		.name = "apply",
		.tree = PROFILE_TREE_OVERLAY,
		.network = PROFILE_NETWORK_PROXY,
		.secrets = PROFILE_SECRETS_APPLY,
		.has_layer = true,
		.memory_bytes = 4 * GIB,
		.processes = 512,
		.wall_ms = 60 * MINUTES,
		.tmp_bytes = 512 * MIB,
		.disk_bytes = 4 * GIB,
		.disk_files = 200000,
		.output_bytes = 64 * MIB, /* an apply that is stopped leaves work half done */
		.outlives_supervisor = true },
};

const struct profile *profile_of(enum profile_id id)
{
	return &profiles[id - 1];
}

const struct profile *profile_of_step(enum tool_step step)
{
	switch (step) {
	case STEP_PREPARE:
		return profile_of(PROFILE_FETCH);
	case STEP_INIT:
	case STEP_WORKSPACE:
		return profile_of(PROFILE_INIT);
	case STEP_PLAN:
		return profile_of(PROFILE_PLAN);
	case STEP_SHOW_JSON:
	case STEP_SHOW_TEXT:
	case STEP_VERSION:
		return profile_of(PROFILE_RENDER);
	case STEP_APPLY:
	case STEP_IMPORT:
	case STEP_STATE_RM:
		return profile_of(PROFILE_APPLY);
	case STEP_BUILD:
		return profile_of(PROFILE_BUILD);
	case STEP_COMMAND:
		return profile_of(PROFILE_RUN);
	}
	return profile_of(PROFILE_RENDER);
}

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < countof(profiles); i++)
		if (str_equal(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

const char *profile_tree_name(enum profile_tree tree)
{
	static const char *const names[] = { "", "none", "read", "overlay", "repository" };

	return names[tree];
}

const char *profile_network_name(enum profile_network network)
{
	static const char *const names[] = { "", "none", "proxy", "host" };

	return names[network];
}

const char *profile_secrets_name(enum profile_secrets secrets)
{
	static const char *const names[] = { "", "none", "host", "registry", "plan", "listed",
		"apply" };

	return names[secrets];
}
