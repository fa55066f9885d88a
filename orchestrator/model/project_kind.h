/* The kinds of projects: what stands in a folder, and what becomes of a plan of it. */
#pragma once
#include "orchestrator/model/job.h"

unsigned kind_holds(const char *kind); /* enum folder_holds of a folder of this kind */
bool kind_is_stack(const char *kind);  /* Terraform's and OpenTofu's */
/* Built of base and head and compared; there is no apply: the merge is it. */
bool kind_is_built(const char *kind);
bool job_is_merge(const struct job *job); /* a plan that the merge will apply */
