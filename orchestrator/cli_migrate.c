/* sluice migrate-atlantis: the flags, the environment and the files of an Atlantis, as server.yaml.
 */
#include "config/migrate.h"
#include "orchestrator/cli.h"

#include "orchestrator/lib/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

extern char **environ;

typedef int (*take_file)(struct migration *migration, const char *bytes, size_t length,
	struct config_errors *errors, struct err *err);

/* A file with a place in an error of its own. */
static int read_file(struct migration *migration, const char *path, take_file take,
	struct strbuf *said, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *bytes = mem_alloc(YAML_BYTES_MAX + 2);
	struct config_errors errors = { 0 };
	size_t length = 0;
	ssize_t got = 0;
	int r;

	while (fd >= 0 && length <= YAML_BYTES_MAX &&
		(got = read(fd, bytes + length, YAML_BYTES_MAX + 1 - length)) > 0)
		length += (size_t)got;
	if (fd < 0 || got < 0)
		return err_sys(err, ERR_CONFIG, errno, "%s cannot be read", path);
	r = take(migration, bytes, length, &errors, err);
	config_errors_text(&errors, path, said);
	config_errors_release(&errors);
	return r;
}

/* Lines NAME=VALUE, as systemd and docker take them. */
static int read_environment_file(struct migration *migration, const char *path, struct err *err)
{
	FILE *file = fopen(path, "re");
	char line[64 << 10];

	if (file == NULL)
		return err_sys(err, ERR_CONFIG, errno, "%s cannot be read", path);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *name = line + strspn(line, " \t"), *equals;
		size_t length;

		if (str_starts(name, "export "))
			name += strlen("export ");
		equals = strchr(name, '=');
		if (name[0] == '#' || equals == NULL)
			continue;
		*equals++ = '\0';
		length = strcspn(equals, "\r\n");
		equals[length] = '\0';
		if (length >= 2 && (equals[0] == '"' || equals[0] == '\'') &&
			equals[length - 1] == equals[0]) {
			equals[length - 1] = '\0';
			equals++;
		}
		migrate_take_environment(migration, name, equals);
	}
	(void)fclose(file);
	return 0;
}

static void read_environment(struct migration *migration)
{
	for (char **entry = environ; *entry != NULL; entry++) {
		_cleanup_free_ char *name = mem_strndup(*entry, strcspn(*entry, "="));
		const char *equals = strchr(*entry, '=');

		if (equals != NULL)
			migrate_take_environment(migration, name, equals + 1);
	}
}

static int take_all(
	struct migration *migration, struct cli *cli, struct strbuf *said, struct err *err)
{
	const char *path, *text;
	int r = migrate_take_flags(migration, cli->argc, cli->argv, err);

	if (r == 0 && cli->env_file != NULL)
		r = read_environment_file(migration, cli->env_file, err);
	if (r == 0)
		read_environment(migration);
	path = migrate_value(migration, "config");
	if (r == 0 && path != NULL)
		r = read_file(migration, path, migrate_take_config, said, err);
	path = migrate_value(migration, "repo-config");
	text = migrate_value(migration, "repo-config-json");
	if (r == 0 && path != NULL) {
		r = read_file(migration, path, migrate_take_repos, said, err);
	} else if (r == 0 && text != NULL) {
		struct config_errors errors = { 0 };

		r = migrate_take_repos(migration, text, strlen(text), &errors, err);
		config_errors_text(&errors, "--repo-config-json", said);
		config_errors_release(&errors);
	}
	return r;
}

/* ---- telling ---- */

static void print_line(const struct migrate_line *line)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(8192);

	strbuf_printf(&text, "%-8s %s%s", migrate_verdict_name(line->verdict), line->name,
		line->source == FROM_NOWHERE ? " (default)" : "");
	if (line->key[0] != '\0')
		strbuf_printf(&text, " -> %s", line->key);
	if (line->why[0] != '\0')
		strbuf_printf(&text, ": %s", line->why);
	if (line->is_guard)
		strbuf_puts(&text, " [THIS WAS A GUARD]");
	if (line->verdict != MIGRATE_IGNORED && !line->acts)
		strbuf_puts(&text, " [not acted on yet]");
	(void)fprintf(stderr, "%s\n", strbuf_text(&text));
}

static void print_report(const struct migration *migration)
{
	for (int verdict = MIGRATE_KEPT; verdict <= MIGRATE_IGNORED; verdict++) {
		for (size_t i = 0; i < migration->line_count; i++) {
			if ((int)migration->lines[i].verdict == verdict)
				print_line(&migration->lines[i]);
		}
	}
}

static json_t *report_json(const struct migration *migration)
{
	json_t *list = json_array();

	for (size_t i = 0; i < migration->line_count; i++) {
		const struct migrate_line *line = &migration->lines[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "name", line->name,
				      "from", migrate_source_name(line->source), "verdict",
				      migrate_verdict_name(line->verdict), "key", line->key, "why",
				      line->why, "guard", line->is_guard, "acts", line->acts));
	}
	return list;
}

static int refuse(const struct err *err, const struct strbuf *said)
{
	if (said->length > 0)
		(void)fprintf(stderr, "%s\n", strbuf_text(said));
	else
		(void)fprintf(stderr, "sluice: %s\n", err->text);
	return err->code == ERR_USAGE ? CLI_USAGE : CLI_NO;
}

/* The result is shown also when it lacks something: a person mends it quicker than the flags. */
int cli_migrate(struct cli *cli)
{
	_cleanup_strbuf_ struct strbuf said = STRBUF(64 << 10), result = STRBUF(YAML_BYTES_MAX);
	struct migration migration = { 0 };
	struct config_errors errors = { 0 };
	struct err err = { 0 };
	int r;

	if (cli->reference) {
		migrate_reference(&result);
		(void)fputs(strbuf_text(&result), stdout);
		return CLI_DONE;
	}
	r = take_all(&migration, cli, &said, &err);
	if (r < 0) {
		migrate_release(&migration);
		return refuse(&err, &said);
	}
	r = migrate_finish(&migration, &result, &errors, &err);
	config_errors_text(&errors, "server.yaml", &said);
	config_errors_release(&errors);
	if (cli->json) {
		json_t *json = json_pack("{s:b, s:s, s:s, s:o}", "valid", r == 0, "server_yaml",
			strbuf_text(&result), "errors", strbuf_text(&said), "flags",
			report_json(&migration));

		cli_print_json(json);
		json_decref(json);
	} else {
		(void)fputs(strbuf_text(&result), stdout);
		print_report(&migration);
		if (r < 0)
			(void)fprintf(stderr, "what is printed is not fit to start with:\n%s\n",
				said.length > 0 ? strbuf_text(&said) : err.text);
	}
	migrate_release(&migration);
	return r < 0 ? CLI_NO : CLI_DONE;
}
