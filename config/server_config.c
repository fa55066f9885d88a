/* The keys of server.yaml. */
#include "config/server_config.h"

#include "config/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What the file says before it is made into settings. */
struct server_file {
	struct settings settings;
	const char *listen;
};

#define AT(field) offsetof(struct server_file, settings.field)
enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const char *const tool_words[] = { "terraform", "opentofu", NULL };

static const struct config_key tool_keys[] = {
	{ "terraform", CONFIG_PATH, AT(terraform_path), .fallback = "",
		.help = "the terraform to run; else found in PATH" },
	{ "tofu", CONFIG_PATH, AT(tofu_path), .fallback = "",
		.help = "the tofu to run; else found in PATH" },
	{ "cli_config", CONFIG_PATH, AT(tool_cli_config), .fallback = "",
		.help = "CLI configuration file of the tools, for example with a provider mirror" },
	{ 0 },
};

static const struct config_key limit_keys[] = {
	{ "step_timeout", CONFIG_DURATION, AT(step_timeout_ms), SECOND, 24 * HOUR, .fallback = "1h",
		.help = "a step of a job that takes longer is stopped" },
	{ "stop_grace", CONFIG_DURATION, AT(stop_grace_ms), 100, HOUR, .fallback = "60s",
		.help = "from the polite stop of a tool to the next harder one; an apply is only "
			"ever asked politely" },
	{ "output", CONFIG_SIZE, AT(output_cap_bytes), 4096, 1LL << 34, .fallback = "64MiB",
		.help = "a step that prints more is stopped" },
	{ "body", CONFIG_SIZE, AT(body_cap_bytes), 1024, 64 << 20, .fallback = "1MiB",
		.help = "the largest webhook" },
	{ "request_deadline", CONFIG_DURATION, AT(request_deadline_ms), SECOND, HOUR,
		.fallback = "10s", .help = "a connection must bring a whole request in this time" },
	{ "connections_per_peer", CONFIG_INT, AT(connections_per_peer), 1, 10000, .fallback = "64",
		.help = "HTTP connections of one address at the same time" },
	{ "comment_interval", CONFIG_DURATION, AT(comment_interval_ms), 0, HOUR, .fallback = "2s",
		.help = "edits of one comment are at least this far apart; final states go at "
			"once" },
	{ 0 },
};

static const struct config_key keys[] = {
	{ "listen", CONFIG_TEXT, offsetof(struct server_file, listen), .fallback = "127.0.0.1:4141",
		.help = "address and port of the HTTP server; port 0 takes any free one" },
	{ "data", CONFIG_PATH, AT(data_dir), .fallback = "",
		.help = "the data folder; else below the XDG state folder" },
	{ "slots", CONFIG_INT, AT(slots), 1, 1000, .fallback = "twice the cores",
		.help = "jobs at the same time" },
	{ "local", CONFIG_BOOL, AT(local_host), .fallback = "true",
		.help = "the embedded host is on" },
	{ "bare_commands", CONFIG_BOOL, AT(bare_commands), .fallback = "true",
		.help = "`apply` alone in a comment is a command, without `sluice` in front" },
	{ "status_prefix", CONFIG_TEXT, AT(status_prefix), .fallback = "sluice",
		.help = "commit statuses are called PREFIX/plan and PREFIX/apply" },
	{ "tool", CONFIG_WORD, AT(tool), .words = tool_words, .fallback = "terraform",
		.help = "terraform or opentofu, for projects that name none" },
	{ "tools", CONFIG_MAP, .keys = tool_keys },
	{ "limits", CONFIG_MAP, .keys = limit_keys },
	{ 0 },
};

void server_config_defaults(struct settings *settings)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	*settings = (struct settings){ .listen_host = "127.0.0.1",
		.listen_port = 4141,
		.slots = cores > 0 && cores < 500 ? (int)cores * 2 : 4,
		.local_host = true,
		.bare_commands = true,
		.status_prefix = "sluice",
		.tool = "terraform",
		.step_timeout_ms = HOUR,
		.stop_grace_ms = 60 * SECOND,
		.output_cap_bytes = 64 << 20,
		.comment_interval_ms = 2 * SECOND,
		.request_deadline_ms = 10 * SECOND,
		.body_cap_bytes = 1 << 20,
		.connections_per_peer = 64 };
}

static void take_listen(
	struct server_file *file, const struct yaml_node *root, struct config_errors *errors)
{
	const struct yaml_node *at = yaml_get(root, "listen");
	const char *colon = file->listen == NULL ? NULL : strrchr(file->listen, ':');
	char *end = NULL;
	long port = colon == NULL ? -1 : strtol(colon + 1, &end, 10);

	if (at == NULL || file->listen == NULL)
		return;
	if (colon == NULL || colon == file->listen || end == colon + 1 || *end != '\0' ||
		port < 0 || port > 65535) {
		config_complain(errors, at, "listen: expected ADDRESS:PORT, like 127.0.0.1:4141");
		return;
	}
	file->settings.listen_host = arena_strndup(
		&file->settings.arena, file->listen, (size_t)(colon - file->listen));
	file->settings.listen_port = (int)port;
}

int server_config_parse(const char *name, const char *bytes, size_t length,
	struct settings *settings, struct strbuf *errors, struct err *err)
{
	struct config_errors complaints = { .file = name, .text = STRBUF(64 << 10) };
	struct server_file file = { .settings = *settings };
	struct yaml_node *root = NULL;
	int r = yaml_parse(name, bytes, length, &file.settings.arena, &root, err);

	if (r < 0) {
		*settings = file.settings;
		strbuf_puts(errors, err->text);
		return r;
	}
	config_decode(keys, root, "", &file, &file.settings.arena, &complaints);
	take_listen(&file, root, &complaints);
	*settings = file.settings;
	strbuf_puts(errors, strbuf_text(&complaints.text));
	strbuf_release(&complaints.text);
	if (complaints.count > 0)
		return err_set(err, ERR_CONFIG, "%s has %d error%s", name, complaints.count,
			complaints.count == 1 ? "" : "s");
	return 0;
}

int server_config_read(
	const char *path, struct settings *settings, struct strbuf *errors, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *bytes = mem_alloc(YAML_BYTES_MAX + 2);
	size_t length = 0;
	ssize_t got = 0;

	while (fd >= 0 && length <= YAML_BYTES_MAX &&
		(got = read(fd, bytes + length, YAML_BYTES_MAX + 1 - length)) > 0)
		length += (size_t)got;
	if (fd < 0 || got < 0) {
		err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG, "cannot read %s: %s", path,
			strerror(errno));
		strbuf_puts(errors, err->text);
		return -(int)err->code;
	}
	return server_config_parse(path, bytes, length, settings, errors, err);
}

void server_config_reference(struct strbuf *out)
{
	strbuf_puts(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
	config_reference(keys, "", out);
}
