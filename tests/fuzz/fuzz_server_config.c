/* links: config model lib_regex lib_yaml lib */
/* Any bytes as server.yaml: settings within their bounds, or errors that name a place and a reason,
 * and then nothing of a wrong value came through. */
#include "config/server_config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_hold(const struct settings *settings)
{
	if (settings->slots < 1 || settings->slots > 1000 || settings->listen_port < 0 ||
		settings->listen_port > 65535 || settings->body_cap_bytes < 1024 ||
		settings->request_deadline_ms < 1000 || settings->connections_per_peer < 1 ||
		settings->stop_grace_ms < 100 || settings->output_cap_bytes < 4096)
		abort();
	if (str_empty(settings->listen_host) || str_empty(settings->status_prefix) ||
		(settings->data_dir != NULL && settings->data_dir[0] != '/'))
		abort();
	if (!str_equal(settings->tool, "terraform") && !str_equal(settings->tool, "opentofu"))
		abort();
}

/* Of a file that is taken: nobody who reads the settings needs to look twice. */
static void must_hold_of_lists(const struct settings *settings)
{
	for (size_t i = 0; i < settings->host_count; i++) {
		const struct host_settings *host = &settings->hosts[i];

		if (host->webhook_secret_files.count == 0 || host->repos.count == 0 ||
			str_empty(host->name) || str_empty(host->kind) || str_empty(host->url) ||
			str_empty(host->api_url) || (host->token_file == NULL && host->app_id == 0))
			abort();
	}
	for (size_t i = 0; i < settings->repo_rule_count; i++) {
		if (str_empty(settings->repo_rules[i].id))
			abort();
	}
	for (size_t i = 0; i < settings->policies.set_count; i++) {
		if (settings->policies.sets[i].approve_count < 1)
			abort();
	}
	if (settings->commands.words.count == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20);
	struct config_errors errors = { 0 };
	struct settings settings;
	struct err err = { 0 };
	int r;

	server_config_defaults(&settings);
	r = server_config_parse((const char *)bytes, length, &settings, &errors, &err);
	config_errors_text(&errors, "server.yaml", &text);
	must_hold(&settings);
	if (r == 0)
		must_hold_of_lists(&settings);
	if ((r == 0) != (errors.found == 0) || (r == 0) != (text.length == 0) ||
		errors.count > CONFIG_ERRORS_MAX || text.overflowed)
		abort();
	config_errors_release(&errors);
	arena_release(&settings.arena);
	return 0;
}
