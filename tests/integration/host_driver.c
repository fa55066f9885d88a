/* What the engine asks of a host, asked without an engine: requests in, answers out.
 *
 *   argv:   KIND URL API_URL TOKEN_FILE SECRET_FILE
 *   stdin:  one request a line: {"call": "label" | "issue", "repo", "number", "label", "marker",
 *           "title", "body", "wanted"}; the next is sent when the one before is answered
 *   stdout: one answer a line: {"issue": N} or {"error": TEXT} */
#include "orchestrator/lib/jsonx.h"
#include "vcs/hosts.h"
#include <stdio.h>
#include <string.h>

struct driver {
	struct loop *loop;
	struct vcs_host *host;
	char line[128 << 10];
	json_t *asked; /* what is on its way */
};

static const char *text_of(const struct driver *driver, const char *key)
{
	return json_string_value(json_object_get(driver->asked, key));
}

static void ask_next(struct driver *driver);

static void on_answer(void *owner, const struct host_answer *answer, const struct err *err)
{
	_cleanup_json_ json_t *json = err != NULL ? json_pack("{s:s}", "error", err->text)
						  : json_pack("{s:I}", "issue",
							    (json_int_t)answer->issue);
	_cleanup_free_ char *text = jsonx_text(json);

	(void)puts(text);
	ask_next(owner);
}

static void ask_next(struct driver *driver)
{
	struct host_request request = { 0 };

	json_decref(driver->asked);
	driver->asked = NULL;
	if (fgets(driver->line, sizeof(driver->line), stdin) == NULL) {
		loop_stop(driver->loop);
		return;
	}
	driver->asked = json_loads(driver->line, 0, NULL);
	request.call = str_equal(text_of(driver, "call"), "label") ? HOST_LABEL : HOST_ISSUE;
	request.repo = text_of(driver, "repo");
	request.number = json_integer_value(json_object_get(driver->asked, "number"));
	request.label = text_of(driver, "label");
	request.marker = text_of(driver, "marker");
	request.title = text_of(driver, "title");
	request.body = text_of(driver, "body");
	request.is_wanted = json_is_true(json_object_get(driver->asked, "wanted"));
	driver->host->send(driver->host, &request, on_answer, driver);
}

int main(int argc, char **argv)
{
	struct driver driver = { .loop = loop_new() };
	const char *secrets[] = { argc == 6 ? argv[5] : "" };
	const struct host_settings settings = { .name = "host",
		.kind = argc == 6 ? argv[1] : "",
		.url = argv[2],
		.api_url = argv[3],
		.user = "",
		.token_file = argv[4],
		.app_key_file = "",
		.webhook_secret_files = { .list = secrets, .count = 1 },
		.ca_bundle = "",
		.proxy = "" };
	const struct hosts_options options = { .loop = driver.loop, .clock = &clock_system };
	struct err err;

	if (hosts_open(&settings, &options, &driver.host, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	ask_next(&driver);
	loop_run(driver.loop);
	driver.host->free(driver.host);
	loop_free(driver.loop);
	return 0;
}
