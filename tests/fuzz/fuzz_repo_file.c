/* links: config model lib_regex lib_yaml lib */
/* Any bytes as the file of a repository: refused with places and reasons, or a structure in which
 * every name leads somewhere. */
#include "config/repo_file.h"
#include "orchestrator/model/steps.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_hold(bool holds)
{
	if (!holds)
		abort();
}

static bool has_name(const struct repo_file *file, const char *name)
{
	for (size_t i = 0; i < file->project_count; i++) {
		if (str_equal(file->projects[i].config.name, name))
			return true;
	}
	return false;
}

static bool has_environment(const struct repo_file *file, const char *name)
{
	for (size_t i = 0; i < file->environment_count; i++) {
		if (str_equal(file->environments[i].environment.name, name))
			return true;
	}
	return str_empty(name);
}

static void check_project(const struct repo_file *file, const struct project_config *project)
{
	must_hold(!str_empty(project->dir) && project->dir[0] != '/' &&
		  !str_starts(project->dir, "../"));
	must_hold(!str_empty(project->workspace) && strchr(project->workspace, '/') == NULL);
	must_hold(strchr(project->tool_version, '/') == NULL);
	must_hold(has_environment(file, project->environment));
	must_hold(project->at.line > 0);
	for (size_t i = 0; i < project->depends_on.count; i++)
		must_hold(has_name(file, project->depends_on.list[i]));
}

static void check_workflow(const struct workflow *workflow)
{
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		for (size_t k = 0; k < workflow->stages[i].count; k++) {
			const struct step *step = &workflow->stages[i].list[k];

			must_hold(step->kind >= STEP_KIND_INIT && step->kind <= STEP_KIND_MULTIENV);
			must_hold(!str_empty(step->shell) && step->shell_arg_count > 0);
			must_hold(!step_runs_command(step) || step->command != NULL);
			must_hold((step->output & OUTPUT_FILTER_REGEX) == 0 ||
				  step->filters != NULL || step->filter_count == 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf said = STRBUF(1 << 20);
	struct config_errors errors = { 0 };
	struct repo_file file;
	struct err err = { 0 };
	int r = repo_file_parse(
		"sluice.yaml", (const char *)bytes, length, &arena, &file, &errors, &err);

	config_errors_text(&errors, "sluice.yaml", &said);
	must_hold((r == 0) == (errors.found == 0) && (r == 0) == (said.length == 0));
	must_hold(errors.count <= CONFIG_ERRORS_MAX && !said.overflowed);
	for (size_t i = 0; i < errors.count; i++)
		must_hold(errors.list[i].message[0] != '\0' && errors.list[i].path != NULL);
	for (size_t i = 0; r == 0 && i < file.project_count; i++)
		check_project(&file, &file.projects[i].config);
	for (size_t i = 0; r == 0 && i < file.workflow_count; i++)
		check_workflow(&file.workflows[i]);
	config_errors_release(&errors);
	return 0;
}
