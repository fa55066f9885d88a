# runners: the executable sluice-job, and executor_local, the part of it that lives inside sluice.
ARCHIVES += runner executor
runner_SRCS := $(addprefix runners/,blob.c build.c check.c check_answers.c confined.c conftest.c credentials.c diagnostic.c dirhash.c git_work.c hooks.c init_cache.c installed.c job_dir.c kept_state.c kubernetes.c launcher.c manifests.c needs.c \
	output.c place.c plain.c plan_config.c plan_file.c policy.c provider_store.c providers.c site.c stage.c step_env.c step_output.c steps.c supervise.c terraform.c tf_diff.c tf_drift.c tf_plan.c \
	tool_mirror.c toolbox.c tools.c tree.c way_out.c worker.c zip.c \
	$(addprefix egress/,address.c proxy.c request.c resolve.c) \
	$(addprefix sandbox/,cgroup.c clone.c enter.c filter.c keeper.c landlock.c limits.c probe.c profile.c root.c selftest.c setup.c support.c usage.c))
runner_PKGS := jansson libcares libseccomp zlib
executor_SRCS := $(addprefix runners/executor_,local.c launcher.c credentials.c evidence.c folders.c secrets.c settings.c slots.c steps.c sweep.c) runners/tree.c
executor_PKGS := jansson

PROGRAMS += sluice-job
sluice-job_MAIN := runners/main.c
sluice-job_USES := runner model lib_yaml lib_regex lib
