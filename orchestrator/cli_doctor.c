/* What this machine and its configuration can really do. */
#include "config/server_config.h"
#include "orchestrator/cli.h"
#include "vcs/hosts.h"

#include "orchestrator/lib/http_client.h"
#include "orchestrator/lib/strbuf.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

struct finding {
	const char *what;
	bool is_fine;
	const char *detail, *remedy;
};

/* The first line that it prints, whatever it ends with. */
static const char *first_of(struct cli *cli, const char *const *argv)
{
	FILE *output = cli_run(argv);
	char line[600] = "";

	if (output == NULL || fgets(line, sizeof(line), output) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	(void)cli_run_end(output);
	return line[0] == '\0' ? NULL : arena_strdup(&cli->arena, line);
}

static const char *first_line(struct cli *cli, const char *program, const char *argument)
{
	FILE *output = cli_run((const char *[]){ program, argument, NULL });
	char line[200] = "";

	if (output == NULL || fgets(line, sizeof(line), output) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return cli_run_end(output) == 0 ? arena_strdup(&cli->arena, line) : NULL;
}

static struct finding find_tool(struct cli *cli, const char *name)
{
	const char *path = cli_in_path(&cli->arena, name);
	const char *version = path == NULL ? NULL : first_line(cli, path, "version");

	return (struct finding){ .what = name,
		.is_fine = version != NULL,
		.detail = path == NULL	    ? "not in PATH"
			  : version == NULL ? arena_printf(&cli->arena, "%s does not run", path)
					    : arena_printf(&cli->arena, "%s, %s", version, path),
		.remedy = "name it in server.yaml below tools:, or put it into PATH" };
}

static struct finding find_program(struct cli *cli, const char *name)
{
	const char *path = cli_beside(&cli->arena, name);

	return (struct finding){ .what = name,
		.is_fine = path != NULL,
		.detail = path == NULL ? "not beside sluice" : path,
		.remedy = "install sluice, sluice-git and sluice-job into one folder" };
}

/* What `sluice-job probe` says of one tier: "full<TAB>holds: ..." or "full<TAB>no: why". */
static struct finding find_sandbox(struct cli *cli, const char *tier, const char *remedy)
{
	const char *program = cli_beside(&cli->arena, "sluice-job");
	const char *said = program == NULL ? NULL
					   : first_of(cli, (const char *[]){
								   program, "probe", tier, NULL });

	return (struct finding){ .what = arena_printf(&cli->arena, "sandbox %s", tier),
		.is_fine = said != NULL && str_starts(said, "holds"),
		.detail = said == NULL ? "cannot be tried" : said,
		.remedy = remedy };
}

static struct finding find_kernel(struct cli *cli)
{
	struct utsname name;

	(void)uname(&name);
	return (struct finding){ .what = "kernel",
		.is_fine = access("/proc/self/ns/user", F_OK) == 0 &&
			   access("/proc/self/ns/pid", F_OK) == 0,
		.detail = arena_printf(&cli->arena, "%s %s", name.sysname, name.release),
		.remedy = "user and pid namespaces are needed to keep jobs apart" };
}

static struct finding find_server(struct cli *cli)
{
	const char *socket = arena_printf(&cli->arena, "%s/sluice.sock", cli->data_dir);
	struct stat st;
	bool is_there = stat(socket, &st) == 0 && S_ISSOCK(st.st_mode);

	return (struct finding){ .what = "server",
		.is_fine = is_there,
		.detail = is_there ? socket : arena_printf(&cli->arena, "nothing at %s", socket),
		.remedy = arena_printf(&cli->arena, "sluice serve --data %s", cli->data_dir) };
}

enum { SANDBOX_LESS = 6 }; /* the row of the tier that is not needed where the other holds */

static const struct {
	unsigned long magic;
	const char *name;
	bool is_fine;
} file_systems[] = {
	{ EXT4_SUPER_MAGIC, "ext4", true },
	{ XFS_SUPER_MAGIC, "xfs", true },
	{ BTRFS_SUPER_MAGIC, "btrfs", true },
	{ TMPFS_MAGIC, "tmpfs: in memory, gone when the machine stops", true },
	{ OVERLAYFS_SUPER_MAGIC,
		"overlay: work trees are copied for each job, and gone with the "
		"container",
		true },
	{ NFS_SUPER_MAGIC, "nfs", false },
	{ SMB_SUPER_MAGIC, "smb", false },
	{ CIFS_SUPER_MAGIC, "cifs", false },
	{ SMB2_SUPER_MAGIC, "smb", false },
	{ FUSE_SUPER_MAGIC, "fuse", false },
};

/* Where the data folder lies, or will: the nearest folder above that is there. */
static struct finding find_data(struct cli *cli)
{
	enum { ROOM_MIB = 1024 };
	_cleanup_free_ char *path = mem_strdup(cli->data_dir);
	const char *name = "another file system";
	long long free_mib;
	struct statfs st;
	bool is_fine = true;

	while (statfs(path, &st) < 0 && strrchr(path, '/') != NULL && path[1] != '\0')
		*(strrchr(path, '/') == path ? path + 1 : strrchr(path, '/')) = '\0';
	for (size_t i = 0; i < countof(file_systems); i++) {
		if (file_systems[i].magic == (unsigned long)st.f_type) {
			name = file_systems[i].name;
			is_fine = file_systems[i].is_fine;
		}
	}
	free_mib = (long long)st.f_bavail * st.f_bsize >> 20;
	return (struct finding){
		.what = "data folder",
		.is_fine = is_fine && free_mib >= ROOM_MIB,
		.detail = arena_printf(
			&cli->arena, "%s, %lld MiB free, %s", cli->data_dir, free_mib, name),
		.remedy = is_fine ? "free space: a full disk stops jobs, though it loses nothing"
				  : "use a local disk: the database and the locks of jobs need it"
	};
}

static long long metric_of(const char *text, const char *name)
{
	const char *at = text;
	size_t length = strlen(name);

	while ((at = strstr(at, name)) != NULL && at[length] != ' ')
		at += length;
	return at == NULL ? 0 : strtoll(at + length, NULL, 10);
}

/* What the broom of the running server has done. */
static struct finding find_broom(struct cli *cli)
{
	struct http_request request = { .method = "GET",
		.url = "http://localhost/metrics",
		.unix_socket = arena_printf(&cli->arena, "%s/sluice.sock", cli->data_dir),
		.timeout_ms = 10000,
		.cap_bytes = 1 << 20 };
	struct finding finding = {
		.what = "clean-up", .is_fine = true, .detail = "no server runs"
	};
	_cleanup_free_ char *text = NULL;
	struct err err;
	int status = 0;

	if (http_client_call(&request, &status, &text, &err) == 0 && status == 200)
		finding.detail = arena_printf(&cli->arena,
			"%lld rounds since the server started, %lld things thrown away",
			metric_of(text, "\nsluice_sweeps_total"),
			metric_of(text, "\nsluice_swept_total"));
	return finding;
}

static void put(struct cli *cli, json_t *list, const struct finding *finding)
{
	json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "what", finding->what, "ok",
					    finding->is_fine, "detail", finding->detail, "remedy",
					    finding->is_fine ? "" : finding->remedy));
	if (!cli->json)
		(void)printf("%-4s %-16s %s%s%s\n", finding->is_fine ? "ok" : "no", finding->what,
			finding->detail, finding->is_fine ? "" : "\n                      -> ",
			finding->is_fine ? "" : finding->remedy);
}

static struct finding find_host(struct cli *cli, const struct host_settings *host)
{
	struct finding finding = { .what = host->name, .remedy = "" };
	char *login = NULL;
	struct err err = { 0 };

	finding.is_fine = hosts_check(host, &login, &err) == 0;
	finding.detail = finding.is_fine ? arena_printf(&cli->arena, "%s takes us for %s",
						   host->api_url, login)
					 : arena_strdup(&cli->arena, err.text);
	finding.remedy =
		err.class == ERR_CLASS_CONFIG
			? arena_printf(&cli->arena,
				  "look at hosts.%s in server.yaml, and at vcs/README.md for "
				  "what the credential must allow",
				  host->name)
			: arena_printf(&cli->arena,
				  "is %s reached from here? see proxy and ca_bundle of hosts.%s",
				  host->api_url, host->name);
	free(login);
	return finding;
}

struct examining {
	struct cli *cli;
	json_t *list;
	const char *host;
	bool is_fit;
};

static void on_finding(void *owner, const struct host_finding *found)
{
	struct examining *examining = owner;
	struct finding finding = { .what = arena_printf(&examining->cli->arena, "%s, %s",
					   examining->host, found->what),
		.is_fine = found->is_fine,
		.detail = found->detail,
		.remedy = found->remedy };

	put(examining->cli, examining->list, &finding);
	examining->is_fit = examining->is_fit && found->is_fine;
}

/* The host itself, then what it lets us do. */
static bool check_host(struct cli *cli, json_t *list, const struct settings *settings,
	const struct host_settings *host)
{
	struct examining examining = {
		.cli = cli, .list = list, .host = host->name, .is_fit = true
	};
	struct finding finding = find_host(cli, host);
	struct err err;

	put(cli, list, &finding);
	return finding.is_fine &&
	       hosts_examine(host, settings->status_prefix, cli->repo, on_finding, &examining,
		       &err) == 0 &&
	       examining.is_fit;
}

/* Not a fault: what the operator wrote down, where it makes the sandbox wider than it would be. */
static void put_sandbox(struct cli *cli, json_t *list, const struct sandbox_settings *sandbox)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(8 << 10);
	const char *wider[WIDER_MAX];
	size_t count = settings_wider(sandbox, &cli->arena, wider, WIDER_MAX);

	for (size_t i = 0; i < count; i++)
		strbuf_printf(&text, "%s%s", i > 0 ? "; " : "", wider[i]);
	if (str_equal(sandbox->mode, "none"))
		put(cli, list,
			&(struct finding){ .what = "sandbox as configured",
				.detail = "none: pull requests run code as the user of the server",
				.remedy = "remove sandbox.mode: none" });
	else
		put(cli, list,
			&(struct finding){ .what = "sandbox as configured",
				.is_fine = true,
				.detail = count == 0 ? "as the program has it"
						     : arena_printf(&cli->arena, "wider by %s",
							       strbuf_text(&text)) });
}

/* Not a fault either: who does not know the list cannot write it down. */
static void put_sources(struct cli *cli, json_t *list, const struct sandbox_settings *sandbox)
{
	const struct {
		const char *what, *key;
		const struct name_list *allowed;
	} rows[] = {
		{ "providers", "sandbox.providers.allow", &sandbox->providers },
		{ "modules", "sandbox.modules.allow", &sandbox->modules },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		_cleanup_strbuf_ struct strbuf text = STRBUF(8 << 10);

		for (size_t k = 0; k < rows[i].allowed->count; k++)
			strbuf_printf(
				&text, "%s%s", k > 0 ? ", " : "only ", rows[i].allowed->list[k]);
		if (text.length == 0)
			strbuf_printf(
				&text, "any that init can reach; %s would narrow it", rows[i].key);
		put(cli, list,
			&(struct finding){ .what = rows[i].what,
				.is_fine = true,
				.detail = arena_strdup(&cli->arena, strbuf_text(&text)) });
	}
}

/* Only with a file: without one there is but the embedded host. */
static bool check_hosts(struct cli *cli, json_t *list)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(64 << 10);
	struct config_errors errors = { 0 };
	struct settings settings = { 0 };
	bool is_readable, is_fit;
	struct err err;

	if (cli->server == NULL)
		return true;
	server_config_defaults(&settings);
	is_fit = is_readable = server_config_read(cli->server, &settings, &errors, &err) == 0;
	if (!is_readable) {
		config_errors_text(&errors, cli->server, &text);
		put(cli, list,
			&(struct finding){ .what = "configuration",
				.detail = strbuf_text(&text),
				.remedy = "sluice validate says more" });
	}
	if (is_readable) {
		put_sandbox(cli, list, &settings.sandbox);
		put_sources(cli, list, &settings.sandbox);
	}
	for (size_t i = 0; is_readable && i < settings.host_count; i++) {
		is_fit = check_host(cli, list, &settings, &settings.hosts[i]) && is_fit;
	}
	config_errors_release(&errors);
	arena_release(&settings.arena);
	return is_fit;
}

int cli_doctor(struct cli *cli)
{
	struct finding findings[] = { find_program(cli, "sluice-job"),
		find_program(cli, "sluice-git"), find_tool(cli, "terraform"),
		find_tool(cli, "tofu"), find_kernel(cli),
		find_sandbox(cli, "full",
			"allow namespaces and use Linux 5.19 or newer, or accept less: "
			"sandbox: {require: landlock}"),
		find_sandbox(
			cli, "landlock", "only needed where namespaces are forbidden: Linux 6.12"),
		find_data(cli), find_server(cli), find_broom(cli) };
	bool has_tool = findings[2].is_fine || findings[3].is_fine;
	json_t *list = json_array();
	bool is_fit = has_tool;

	for (size_t i = 0; i < countof(findings); i++) {
		const struct finding *finding = &findings[i];
		bool is_needed = i != 2 && i != 3 && i != SANDBOX_LESS;

		is_fit = is_fit && (finding->is_fine || !is_needed);
		put(cli, list, finding);
	}
	is_fit = check_hosts(cli, list) && is_fit;
	if (cli->json)
		cli_print_json(list);
	json_decref(list);
	return is_fit ? CLI_DONE : CLI_NO;
}
