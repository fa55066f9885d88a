/* How long a generation of the settings lives, and what is looked up in it. */
#include "orchestrator/model/settings.h"

#include "orchestrator/lib/glob.h"

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

bool settings_serve_repo(const struct name_list *repos, const char *host, const char *repo)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob_list list;
	struct err err;

	/* the reader of the configuration has refused patterns that are none */
	return glob_list_compile(GLOB_NAME, "", repos->list, repos->count, &arena, &list, &err) ==
		       0 &&
	       glob_list_find(&list, arena_printf(&arena, "%s/%s", host, repo)) != NULL;
}

bool settings_use_identities(const struct settings *settings)
{
	for (size_t i = 0; i < settings->credential_count; i++) {
		if (settings->credentials[i].plan.identity.kind != NULL ||
			settings->credentials[i].apply.identity.kind != NULL)
			return true;
	}
	return false;
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

struct wider {
	struct arena *arena;
	const char **list;
	size_t count, most;
};

static void widen(struct wider *wider, const char *key, const struct name_list *values)
{
	for (size_t i = 0; i < values->count && wider->count < wider->most; i++)
		wider->list[wider->count++] = arena_printf(
			wider->arena, "%s: %s", key, values->list[i]);
}

/* A plan needs hosts; what only looks, or runs commands, has none unless somebody wrote them down.
 */
static bool has_network(const char *profile)
{
	return str_equal(profile, "fetch") || str_equal(profile, "init") ||
	       str_equal(profile, "plan") || str_equal(profile, "apply");
}

size_t settings_wider(
	const struct sandbox_settings *sandbox, struct arena *arena, const char **ret, size_t most)
{
	const char *const less[] = { "landlock" };
	const struct name_list landlock = { .list = (const char **)less, .count = 1 };
	struct wider wider = { .arena = arena, .list = ret, .most = most };

	if (str_equal(sandbox->mode, "landlock"))
		widen(&wider, "mode", &landlock);
	else if (str_equal(sandbox->require, "landlock"))
		widen(&wider, "require", &landlock);
	widen(&wider, "read", &sandbox->read);
	widen(&wider, "write", &sandbox->write);
	for (size_t i = 0; i < sandbox->override_count; i++) {
		const struct sandbox_override *one = &sandbox->overrides[i];
		const struct {
			const char *key;
			const struct name_list *values;
			bool is_usual;
		} rows[] = {
			{ "hosts", &one->hosts, has_network(one->profile) },
			{ "inside", &one->inside, false },
			{ "read", &one->read, false },
			{ "environment", &one->environment, !str_equal(one->profile, "run") },
		};

		for (size_t k = 0; k < countof(rows); k++)
			if (!rows[k].is_usual)
				widen(&wider,
					arena_printf(arena, "%s.%s", one->profile, rows[k].key),
					rows[k].values);
	}
	return wider.count;
}
