/* The command line: one table of verbs drives the parser, the help and the completion. */
#include "orchestrator/cli.h"

#include "orchestrator/engine/engine.h"
#include "orchestrator/lib/http_client.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct cli_verb verbs[] = {
	{ "serve", "[--config server.yaml] [--data DIR]", "the server", cli_serve },
	{ "repo", "add NAME [--import PATH] | list", "repositories of the local host", cli_repo },
	{ "team", "add TEAM NAME | remove TEAM NAME | list",
		"who is in which team of the local host", cli_team },
	{ "pr",
		"open|list|show|diff|comment|approve|request-changes|dismiss|label|unlabel|merge|"
		"close|reopen "
		"...",
		"pull requests of the local host; --as NAME says who speaks", cli_pr,
		.actions = cli_pr_actions },
	{ "plan", "PULL [-d DIR] [-w WORKSPACE] [-p PROJECT]",
		"the same as the comment, for an operator", cli_plan },
	{ "apply", "PULL [-d DIR] [-w WORKSPACE] [-p PROJECT]",
		"the same as the comment; the gate holds here too", cli_apply },
	{ "unlock", "PULL", "discard a plan and give its locks free", cli_unlock },
	{ "cancel", "PULL", "stop what runs for a pull request", cli_cancel },
	{ "wait", "PULL [--until planned|applied|idle] [--timeout SECONDS]",
		"wait until nothing runs for it; exit 1 when something failed", cli_wait },
	{ "gates", "REPO#N | N [--host HOST] [--what-if approve=NAME,NAME]",
		"what stands between a pull request and its apply, rule by rule; exit 1 when "
		"something does",
		cli_gates },
	{ "runs", "", "runs, newest first", cli_runs },
	{ "log", "RUN", "what the tools of a run printed", cli_log },
	{ "locks", "", "who holds which project, and who waits", cli_locks },
	{ "queue", "", "jobs that run or wait", cli_queue },
	{ "audit",
		"[--environment E] [--at TIME | --from TIME --to TIME] | verify | export | report "
		"| follow-ups",
		"what was done, by whom, and who let them; TIME: \"last tuesday 15:00 "
		"Europe/Berlin\"",
		cli_audit, .actions = cli_audit_actions },
	{ "drift", "list | report [ID] | run | ack | snooze | unsnooze | baseline",
		"where the world is not what was applied; exit 1 when something is open", cli_drift,
		.actions = cli_drift_actions },
	{ "record-external-change", "--environment E --reason TEXT [--as NAME]",
		"something was changed by hand: put on record by whom and why", cli_record_change },
	{ "backup", "FOLDER",
		"the memory of a server, also while it works; without keys and secrets",
		cli_backup },
	{ "restore", "FOLDER --data NEW | --verify FOLDER",
		"a new data folder from a backup; nothing is applied by itself afterwards",
		cli_restore },
	{ "reload", "", "the server reads its configuration again, or says what is wrong with it",
		cli_reload },
	{ "rotate-key", "", "a new key vouches for jobs; the one before stays published for a week",
		cli_rotate_key },
	{ "doctor", "[--server FILE] [--repo OWNER/NAME]",
		"what this machine and the hosts of a configuration can do, with the remedy for "
		"what they cannot",
		cli_doctor },
	{ "github-app",
		"--url https://SLUICE [--org NAME] [--name NAME] [--host GHE] [--merge] [--out "
		"DIR] "
		"[--ca-bundle FILE] [--print | --code CODE]",
		"make a GitHub App with a browser: its key and secret as files, and the lines for "
		"server.yaml",
		cli_github_app },
	{ "validate",
		"[--repo DIR | --file FILE] [--server FILE] | --reference | --schema repo|server",
		"check the file of a repository, of the server, or both together; or list the keys",
		cli_validate },
	{ "projects",
		"[--repo DIR] --base REV [--head REV] [--server FILE] [-d DIR] [-w WORKSPACE] [-p "
		"PROJECT]",
		"which projects a change touches, and why; which it does not, and why",
		cli_projects },
	{ "migrate-atlantis", "[--json] [--env-file FILE] FLAGS... | --reference",
		"the flags, environment and files of an Atlantis as server.yaml", cli_migrate,
		true },
	{ "flow", "--dot", "the workflow as a graph", cli_flow },
	{ "completion", "bash", "a completion script for the shell", cli_completion },
	{ "version", "[--json]", "the version", cli_version },
	{ "download", "URL", NULL, cli_download },
	{ "local-hook", "--repo NAME", NULL, cli_local_hook },
};

int cli_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("sluice: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputs("\n", stderr);
	va_end(args);
	return CLI_USAGE;
}

static void print_help(FILE *out)
{
	(void)fputs("sluice: plans of infrastructure pull requests, applied when the right people "
		    "approved\n\nusage: sluice VERB "
		    "[--data DIR] [--as NAME] [--json] ...\n\n",
		out);
	for (size_t i = 0; i < countof(verbs); i++) {
		if (verbs[i].help != NULL)
			(void)fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].help);
	}
	(void)fputs("\n`sluice VERB --help` says more. Exit codes: 0 done, 1 the answer is no, 2 "
		    "wrong usage,\n"
		    "69 the server cannot be reached, 78 the configuration or the machine is not "
		    "fit.\n",
		out);
}

/* ---- places ---- */

const char *cli_data_dir(const char *wish, struct arena *arena)
{
	const char *base;

	if (wish == NULL)
		wish = getenv("SLUICE_DATA");
	if (!str_empty(wish))
		return wish;
	base = getenv("XDG_STATE_HOME");
	if (!str_empty(base))
		return arena_printf(arena, "%s/sluice", base);
	base = getenv("HOME");
	return arena_printf(arena, "%s/.local/state/sluice", str_empty(base) ? "" : base);
}

int cli_make_folders(const char *path, struct err *err)
{
	_cleanup_free_ char *copy = mem_strdup(path);

	for (char *at = copy + 1;; at++) {
		char kept = *at;

		if (kept != '/' && kept != '\0')
			continue;
		*at = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return err_sys(err, ERR_CONFIG, errno, "cannot make the folder %s", copy);
		*at = kept;
		if (kept == '\0')
			return 0;
	}
}

const char *cli_beside(struct arena *arena, const char *program)
{
	static const char *const places[] = { "%s/%s", "%s/../libexec/sluice/%s" };
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length < 0)
		return NULL;
	self[length] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	for (size_t i = 0; i < countof(places); i++) {
		const char *path = i == 0 ? arena_printf(arena, "%s/%s", self, program)
					  : arena_printf(arena, "%s/../libexec/sluice/%s", self,
						    program);

		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

const char *cli_in_path(struct arena *arena, const char *program)
{
	const char *path = getenv("PATH");

	while (!str_empty(path)) {
		size_t length = strcspn(path, ":");
		const char *file = arena_printf(arena, "%.*s/%s", (int)length, path, program);

		if (length > 0 && path[0] == '/' && access(file, X_OK) == 0)
			return file;
		path += length + (path[length] == ':');
	}
	return NULL;
}

/* ---- asking the server ---- */

json_t *cli_ask(struct cli *cli, const char *method, const char *path, json_t *body, int *ret_exit)
{
	_cleanup_free_ char *socket = mem_printf("%s/sluice.sock", cli->data_dir);
	_cleanup_free_ char *url = mem_printf("http://localhost%s", path);
	_cleanup_free_ char *text = body == NULL ? NULL : jsonx_text(body);
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct http_request request = { .method = method,
		.url = url,
		.unix_socket = socket,
		.headers = headers,
		.body = text,
		.length = text == NULL ? 0 : strlen(text),
		.timeout_ms = 60000,
		.cap_bytes = 64 << 20 };
	_cleanup_free_ char *answer = NULL;
	json_t *json = NULL;
	struct err err = { 0 };
	int status = 0;

	json_decref(body);
	if (http_client_call(&request, &status, &answer, &err) < 0) {
		(void)fprintf(stderr,
			"sluice: no server answers at %s (%s)\n  start one with: sluice serve "
			"--data %s\n",
			socket, err.text, cli->data_dir);
		*ret_exit = CLI_UNREACHABLE;
		return NULL;
	}
	json = json_loads(answer, JSON_DECODE_ANY, NULL);
	if (status < 300 && json != NULL) {
		*ret_exit = CLI_DONE;
		return json;
	}
	(void)fprintf(stderr, "sluice: %s\n", json == NULL ? answer : cli_text(json, "error"));
	if (!str_empty(cli_text(json, "hint")))
		(void)fprintf(stderr, "  %s\n", cli_text(json, "hint"));
	json_decref(json);
	*ret_exit = status >= 500 ? CLI_UNREACHABLE : CLI_NO;
	return NULL;
}

void cli_print_json(const json_t *json)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_INDENT(1));

	(void)puts(text == NULL ? "null" : text);
}

const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

int64_t cli_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool cli_is_number(const char *text)
{
	return !str_empty(text) && strspn(text, "0123456789") == strlen(text) && strlen(text) < 18;
}

/* ---- programs of the person ---- */

static pid_t running = -1;

FILE *cli_run(const char *const *argv)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	running = fork();
	if (running == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

int cli_run_end(FILE *output)
{
	int status = 0;

	if (output != NULL)
		(void)fclose(output);
	if (running < 0 || waitpid(running, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void cli_name_repo(struct cli *cli, const char *dir, const char **ret_host, const char **ret_repo)
{
	struct arena *arena = &cli->arena;
	const char *const argv[] = { "git", "-C", dir, "config", "--get", "remote.origin.url",
		NULL };
	char line[1000] = "", *begin, *slash;
	FILE *output = cli_run(argv);

	if (output != NULL && fgets(line, sizeof(line), output) == NULL)
		line[0] = '\0';
	if (cli_run_end(output) != 0)
		return;
	line[strcspn(line, "\n")] = '\0';
	if (str_ends(line, ".git"))
		line[strlen(line) - strlen(".git")] = '\0';
	begin = strstr(line, "://");
	begin = begin == NULL ? line : begin + strlen("://");
	begin = strchr(begin, '@') == NULL ? begin : strchr(begin, '@') + 1;
	slash = begin + strcspn(begin, ":/");
	if (*slash == '\0' || slash == begin)
		return;
	*ret_host = arena_strndup(arena, begin, (size_t)(slash - begin));
	*ret_repo = arena_strdup(arena, slash + 1);
}

/* ---- parsing ---- */

struct flag {
	const char *name;
	size_t offset;
	bool is_switch;
};

#define TEXT(name, field)                                                                          \
	{                                                                                          \
		name, offsetof(struct cli, field), false                                           \
	}
#define SWITCH(name, field)                                                                        \
	{                                                                                          \
		name, offsetof(struct cli, field), true                                            \
	}

static const struct flag flags[] = {
	TEXT("--data", data_dir),
	TEXT("--as", as),
	SWITCH("--json", json),
	TEXT("--repo", repo),
	TEXT("--head", head),
	TEXT("--base", base),
	TEXT("--title", title),
	TEXT("--body", body),
	TEXT("--import", import),
	TEXT("--config", config),
	TEXT("--server", server),
	TEXT("--file", file),
	TEXT("--schema", schema),
	TEXT("--env-file", env_file),
	TEXT("--until", until),
	TEXT("--what-if", what_if),
	TEXT("--from", from),
	TEXT("--to", to),
	TEXT("--at", at),
	TEXT("--environment", environment),
	TEXT("--anchors", anchors),
	TEXT("--reason", reason),
	SWITCH("--csv", csv),
	SWITCH("--verify", verify),
	SWITCH("--jsonl", jsonl),
	TEXT("-d", dir),
	TEXT("-w", workspace),
	TEXT("-p", project),
	SWITCH("--dot", dot),
	SWITCH("--all", all),
	SWITCH("--reference", reference),
	TEXT("--url", url),
	TEXT("--org", org),
	TEXT("--name", name),
	TEXT("--host", host),
	TEXT("--out", out),
	TEXT("--ca-bundle", ca_bundle),
	TEXT("--code", code),
	SWITCH("--print", print),
	SWITCH("--merge", merge),
};

static int take_flag(struct cli *cli, int argc, char **argv, int *at)
{
	const char *word = argv[*at], *value = NULL;

	if (str_equal(word, "--timeout") && *at + 1 < argc && cli_is_number(argv[*at + 1])) {
		cli->timeout_s = strtoll(argv[++*at], NULL, 10);
		return CLI_DONE;
	}
	for (size_t i = 0; i < countof(flags); i++) {
		size_t length = strlen(flags[i].name);
		void *into = (char *)cli + flags[i].offset;

		if (str_equal(word, flags[i].name) && flags[i].is_switch) {
			*(bool *)into = true;
			return CLI_DONE;
		}
		if (strncmp(word, flags[i].name, length) != 0 ||
			(word[length] != '\0' && word[length] != '='))
			continue;
		value = word[length] == '=' ? word + length + 1
			: *at + 1 < argc    ? argv[++*at]
					    : NULL;
		if (value == NULL)
			return cli_usage("%s needs a value", flags[i].name);
		*(const char **)into = value;
		return CLI_DONE;
	}
	return cli_usage("there is no flag %s here; see `sluice --help`", word);
}

/* The few flags of a verb that otherwise takes those of another program. */
static bool is_ours(const char *word)
{
	return str_equal(word, "--json") || str_equal(word, "--reference") ||
	       str_equal(word, "--env-file") || str_starts(word, "--env-file=");
}

static void print_usage(const struct cli_verb *verb, const char *word)
{
	const struct cli_action *action = verb->actions;
	const char *help = verb->help == NULL ? "" : verb->help;

	while (action != NULL && action->name != NULL && !str_equal(action->name, word))
		action++;
	if (action != NULL && action->name != NULL)
		(void)printf("usage: sluice %s %s %s\n\n  %s\n", verb->name, action->name,
			action->usage, action->help);
	else
		(void)printf("usage: sluice %s%s%s\n\n  %s\n", verb->name,
			verb->usage[0] == '\0' ? "" : " ", verb->usage, help);
	for (action = verb->actions; action != NULL && action->name != NULL && *word == '\0';
		action++)
		(void)printf("  %-16s %s\n", action->name, action->help);
}

static int parse(struct cli *cli, const struct cli_verb *verb, int argc, char **argv)
{
	cli->argv = arena_alloc(&cli->arena, ((size_t)argc + 1) * sizeof(*cli->argv));
	for (int i = 0; i < argc; i++) {
		int r;

		if (str_equal(argv[i], "--help") || str_equal(argv[i], "-h")) {
			print_usage(verb, cli->argc > 0 ? cli->argv[0] : "");
			return -1;
		}
		if (argv[i][0] != '-' || argv[i][1] == '\0' ||
			(verb->has_foreign_flags && !is_ours(argv[i]))) {
			cli->argv[cli->argc++] = argv[i];
			continue;
		}
		r = take_flag(cli, argc, argv, &i);
		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
}

int cli_main(int argc, char **argv)
{
	struct cli cli = { .timeout_s = 600 };
	const struct cli_verb *verb = NULL;
	int r;

	if (argc < 2 || str_equal(argv[1], "--help") || str_equal(argv[1], "-h") ||
		str_equal(argv[1], "help")) {
		print_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? CLI_USAGE : CLI_DONE;
	}
	for (size_t i = 0; i < countof(verbs); i++)
		verb = str_equal(argv[1], verbs[i].name) ? &verbs[i] : verb;
	if (str_equal(argv[1], "--version"))
		return cli_version(&cli);
	if (verb == NULL)
		return cli_usage("there is no verb %s; see `sluice --help`", argv[1]);
	r = parse(&cli, verb, argc - 2, argv + 2);
	if (r == CLI_DONE) {
		const char *user = getenv("USER");

		if (verb->run != cli_serve)
			cli.data_dir = cli_data_dir(cli.data_dir, &cli.arena);
		if (cli.as == NULL)
			cli.as = str_empty(user) ? "root" : user;
		cli.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
		r = verb->run(&cli);
	}
	arena_release(&cli.arena);
	return r < 0 ? CLI_DONE : r;
}

/* ---- the smallest verbs ---- */

int cli_serve(struct cli *cli)
{
	return serve(&(struct serve_options){ .config = cli->config, .data_dir = cli->data_dir });
}

int cli_version(struct cli *cli)
{
	if (cli->json) {
		json_t *json = json_pack("{s:s}", "version", SLUICE_VERSION);

		cli_print_json(json);
		json_decref(json);
		return CLI_DONE;
	}
	(void)printf("sluice %s\n", SLUICE_VERSION);
	return CLI_DONE;
}

int cli_flow(struct cli *cli)
{
	_cleanup_strbuf_ struct strbuf dot = STRBUF(1 << 20);

	if (!cli->dot)
		return cli_usage("flow needs --dot");
	engine_flow_dot(&dot);
	(void)fputs(strbuf_text(&dot), stdout);
	return CLI_DONE;
}

int cli_completion(struct cli *cli)
{
	if (cli->argc != 1 || !str_equal(cli->argv[0], "bash"))
		return cli_usage("completion knows bash");
	(void)fputs("_sluice() {\n  local words=\"", stdout);
	for (size_t i = 0; i < countof(verbs); i++)
		(void)printf("%s%s", i == 0 ? "" : " ", verbs[i].name);
	for (size_t i = 0; i < countof(flags); i++)
		(void)printf(" %s", flags[i].name);
	(void)fputs("\"\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
		    "\"${COMP_WORDS[COMP_CWORD]}\")\n}\n"
		    "complete -o default -F _sluice sluice\n",
		stdout);
	return CLI_DONE;
}
