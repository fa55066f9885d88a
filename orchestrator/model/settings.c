/* How long a generation of the settings lives, and what is looked up in it. */
#include "orchestrator/model/settings.h"

struct settings *settings_ref(struct settings *settings)
{
	settings->refs++;
	return settings;
}

void settings_unref(struct settings *settings)
{
	if (settings == NULL || --settings->refs > 0)
		return;
	arena_release(&settings->arena);
	free(settings);
}

const struct pinned_tool *settings_tool(
	const struct settings *settings, const char *kind, const char *version)
{
	for (size_t i = 0; i < settings->pinned_tool_count; i++) {
		const struct pinned_tool *tool = &settings->pinned_tools[i];

		if (str_equal(tool->kind, kind) && str_equal(tool->version, version))
			return tool;
	}
	return NULL;
}

const struct credential_profile *settings_credentials(
	const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->credential_count; i++) {
		if (str_equal(settings->credentials[i].name, name))
			return &settings->credentials[i];
	}
	return NULL;
}

bool settings_allow(const struct settings *settings, const char *verb)
{
	const struct name_list *allowed = &settings->commands.allowed;

	for (size_t i = 0; i < allowed->count; i++) {
		if (str_equal(allowed->list[i], verb))
			return true;
	}
	return allowed->count == 0 && !str_equal(verb, "import") && !str_equal(verb, "state");
}
