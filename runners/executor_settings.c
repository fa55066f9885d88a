/* The options of the executor as the launcher's first packet. */
#include "runners/executor_settings.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/settings.h"

static json_t *texts_json(const struct name_list *texts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(array, json_string(texts->list[i]));
	return array;
}

/* 0: as the profile has it; a profile without hosts keeps its default. */
static json_t *overrides_json(const struct executor_local_options *options)
{
	json_t *object = json_object();

	for (size_t i = 0; i < options->sandbox.override_count; i++) {
		const struct sandbox_override *one = &options->sandbox.overrides[i];

		json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:i}", "memory",
			(json_int_t)one->memory_bytes, "disk", (json_int_t)one->disk_bytes,
			"output", (json_int_t)one->output_bytes, "timeout_ms",
			(json_int_t)one->wall_ms, "processes", one->processes);

		if (one->hosts.count > 0 || one->inside.count > 0) {
			json_object_set_new(json, "hosts", texts_json(&one->hosts));
			json_object_set_new(json, "inside", texts_json(&one->inside));
		}
		json_object_set_new(json, "read", texts_json(&one->read));
		json_object_set_new(json, "environment", texts_json(&one->environment));
		json_object_set_new(object, one->profile, json);
	}
	return object;
}

char *executor_settings_text(const struct executor_local_options *options)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "data", options->data_dir },
		{ "git", options->git },
		{ "terraform", options->terraform },
		{ "opentofu", options->opentofu },
		{ "conftest", options->conftest },
		{ "kustomize", options->kustomize },
		{ "helm", options->helm },
		{ "cli_config", options->cli_config },
		{ "tools", options->tools },
		{ "tier", options->sandbox.tier },
		{ "require", options->sandbox.require },
		{ "fault", options->fault },
		{ "fault_log", options->fault_log },
	};
	_cleanup_json_ json_t *json = json_object();

	for (size_t i = 0; i < countof(texts); i++)
		if (texts[i].value != NULL)
			json_object_set_new(json, texts[i].key, json_string(texts[i].value));
	json_object_set_new(json, "overlay", json_boolean(!options->sandbox.without_overlay));
	json_object_set_new(json, "groups", json_boolean(!options->sandbox.without_groups));
	json_object_set_new(json, "read", texts_json(&options->sandbox.read));
	json_object_set_new(json, "write", texts_json(&options->sandbox.write));
	json_object_set_new(json, "providers", texts_json(&options->sandbox.providers));
	json_object_set_new(json, "modules", texts_json(&options->sandbox.modules));
	if (options->sandbox.uid_count > 0) {
		json_object_set_new(json, "first_uid", json_integer(options->sandbox.first_uid));
		json_object_set_new(json, "uids", json_integer(options->sandbox.uid_count));
	}
	json_object_set_new(json, "profiles", overrides_json(options));
	return jsonx_text(json);
}
