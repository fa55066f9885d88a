/* The kinds of projects, in one table. */
#include "orchestrator/model/project_kind.h"

#include "orchestrator/model/prepared.h"

static const struct {
	const char *name;
	unsigned holds;
	bool is_built;
} kinds[] = {
	{ "terraform", HOLDS_STACK | HOLDS_TERRAGRUNT, false },
	{ "opentofu", HOLDS_STACK | HOLDS_TERRAGRUNT, false },
	{ "kustomize", HOLDS_KUSTOMIZE, true },
	{ "helm", HOLDS_HELM, true },
	{ "manifests", HOLDS_MANIFESTS, true },
};

unsigned kind_holds(const char *kind)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (str_equal(kinds[i].name, kind))
			return kinds[i].holds;
	return HOLDS_ALL;
}

bool kind_is_stack(const char *kind)
{
	return str_equal(kind, "terraform") || str_equal(kind, "opentofu");
}

bool kind_is_built(const char *kind)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (str_equal(kinds[i].name, kind))
			return kinds[i].is_built;
	return false;
}

bool job_is_merge(const struct job *job)
{
	return job->op == JOB_PLAN && job->state == JOB_DONE && job->has_changes &&
	       kind_is_built(job->tool);
}
