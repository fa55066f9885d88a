/* The launcher's settings packet as a structure. */
#include "runners/site.h"
#include "orchestrator/lib/jsonx.h"

int site_read(const json_t *json, struct site *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "the launcher's settings", err);
	struct site site = { 0 };

	site.data_dir = jsonx_string(&reader, "data");
	site.git = jsonx_string_or(&reader, "git", "");
	site.terraform = jsonx_string_or(&reader, "terraform", "");
	site.opentofu = jsonx_string_or(&reader, "opentofu", "");
	site.cli_config = jsonx_string_or(&reader, "cli_config", "");
	site.path = jsonx_string_or(&reader, "path", "/usr/local/bin:/usr/bin:/bin");
	site.may_run_bare = jsonx_bool_or(&reader, "bare", false);
	site.without = jsonx_string_or(&reader, "without", "");
	site.fault_spec = jsonx_string_or(&reader, "fault", NULL);
	site.fault_log = jsonx_string_or(&reader, "fault_log", NULL);
	if (reader.failed < 0)
		return reader.failed;
	if (site.data_dir[0] != '/')
		return err_set(err, ERR_CONFIG, "the data directory \"%s\" is not absolute",
			site.data_dir);
	*ret = site;
	ret->data_dir = arena_strdup(&ret->arena, site.data_dir);
	ret->git = arena_strdup(&ret->arena, site.git);
	ret->terraform = arena_strdup(&ret->arena, site.terraform);
	ret->opentofu = arena_strdup(&ret->arena, site.opentofu);
	ret->cli_config = arena_strdup(&ret->arena, site.cli_config);
	ret->path = arena_strdup(&ret->arena, site.path);
	ret->without = arena_strdup(&ret->arena, site.without);
	ret->fault_spec = arena_strdup(&ret->arena, site.fault_spec);
	ret->fault_log = arena_strdup(&ret->arena, site.fault_log);
	return 0;
}

void site_release(struct site *site)
{
	arena_release(&site->arena);
	*site = (struct site){ 0 };
}
