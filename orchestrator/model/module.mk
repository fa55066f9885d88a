# model: the words of the whole program as plain records and enums with their names; no I/O.
ARCHIVES += model
model_SRCS := $(addprefix orchestrator/model/,codeowners.c drift.c names.c prepared.c repo_config.c told.c plan_summary.c plan_checks.c plan_constructs.c check_results.c policy_results.c project_guard.c project_kind.c job_spec.c job_secrets.c credential_output.c steps.c settings.c sources.c)
model_PKGS := jansson
