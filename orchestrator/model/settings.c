/* How long a generation of the settings lives. */
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
