/* What this machine and its configuration can really do. */
#include "config/server_config.h"
#include "orchestrator/cli.h"

#include "orchestrator/lib/strbuf.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

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
		find_server(cli) };
	bool has_tool = findings[2].is_fine || findings[3].is_fine;
	json_t *list = json_array();
	bool is_fit = has_tool;

	for (size_t i = 0; i < countof(findings); i++) {
		const struct finding *finding = &findings[i];
		bool is_needed = i != 2 && i != 3 && i != SANDBOX_LESS;

		is_fit = is_fit && (finding->is_fine || !is_needed);
		json_array_append_new(
			list, json_pack("{s:s, s:b, s:s, s:s}", "what", finding->what, "ok",
				      finding->is_fine, "detail", finding->detail, "remedy",
				      finding->is_fine ? "" : finding->remedy));
		if (!cli->json)
			(void)printf("%-4s %-16s %s%s%s\n", finding->is_fine ? "ok" : "no",
				finding->what, finding->detail,
				finding->is_fine ? "" : "\n                      -> ",
				finding->is_fine ? "" : finding->remedy);
	}
	if (cli->json)
		cli_print_json(list);
	json_decref(list);
	return is_fit ? CLI_DONE : CLI_NO;
}
