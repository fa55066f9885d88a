/* sluice-job: runs jobs, and nothing else. Parses its command line, no more. */
#include "orchestrator/lib/jsonx.h"
#include "runners/launcher.h"
#include "runners/sandbox.h"
#include "runners/sandbox/probe.h"
#include "runners/sandbox/selftest.h"
#include "runners/supervise.h"
#include "runners/tf_plan.h"
#include "runners/tree.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int run_launcher(_unused_ int argc, _unused_ char **argv)
{
	return launcher_serve(3);
}

/* sluice-job supervise SETTINGS.json JOB: by hand, to look at one job. */
static int run_supervise(int argc, char **argv)
{
	_cleanup_json_ json_t *json = NULL;
	struct sandbox_support support;
	struct site site;
	struct err err;
	int code;

	if (argc != 2) {
		fprintf(stderr, "usage: sluice-job supervise SETTINGS.json ID-ATTEMPT\n");
		return 2;
	}
	json = json_load_file(argv[0], JSON_REJECT_DUPLICATES, NULL);
	if (json == NULL) {
		fprintf(stderr, "%s: cannot be read as JSON\n", argv[0]);
		return 1;
	}
	if (site_read(json, &site, &err) < 0 || sandbox_probe(&site, &support, &err) < 0 ||
		sandbox_prepare(&site, &support, &err) < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
		return 1;
	}
	code = supervise(&site, &support, argv[1], -1);
	sandbox_support_release(&support);
	site_release(&site);
	return code;
}

static int run_interpret(_unused_ int argc, _unused_ char **argv)
{
	return tf_plan_interpret(STDIN_FILENO, STDOUT_FILENO);
}

static int run_probe_inside(int argc, char **argv)
{
	return probe_main(argc, argv);
}

/* sluice-job probe TIER: one line of what that tier is worth on this machine; for `sluice doctor`.
 */
static int probe_tier(const char *tier)
{
	_cleanup_strbuf_ struct strbuf report = STRBUF(1 << 20);
	char folder[] = "/tmp/sluice-probe-XXXXXX";
	_cleanup_json_ json_t *json = NULL;
	struct sandbox_support support = { 0 };
	struct site site = { 0 };
	size_t open = 0, lines = 0;
	char groups[CGROUP_TEXT];
	struct err err;
	int r;

	if (mkdtemp(folder) == NULL)
		return 1;
	(void)!chmod(folder, 0711);
	json = json_pack("{s:s, s:s, s:s}", "data", folder, "tier", tier, "require", tier);
	r = site_read(json, &site, &err);
	if (r == 0)
		r = sandbox_probe(&site, &support, &err);
	if (r == 0)
		r = sandbox_prepare(&site, &support, &err);
	if (r == 0)
		r = selftest_run(&site, &support, &report, &open, &err);
	cgroup_describe(&support.cgroups, groups, sizeof(groups));
	for (const char *at = strbuf_text(&report); (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	if (r < 0)
		printf("no: %s\n", err.text);
	else if (open > 0)
		printf("no: %zu of %zu attacks succeed\n", open, lines);
	else
		printf("holds: %zu attacks in %d profiles, Landlock interface %d, control groups: "
		       "%s\n",
			lines / PROFILE_COUNT, PROFILE_COUNT, support.landlock_abi, groups);
	sandbox_support_release(&support);
	site_release(&site);
	tree_remove(AT_FDCWD, folder);
	return r < 0 || open > 0;
}

/* sluice-job probe SETTINGS.json: the attacks, profile by profile, as the launcher tries them. */
static int run_probe(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf report = STRBUF(1 << 20);
	_cleanup_json_ json_t *json = NULL;
	struct sandbox_support support;
	struct site site;
	struct err err;
	size_t open = 0;
	char groups[CGROUP_TEXT];
	int r;

	if (argc == 1 && (strcmp(argv[0], "full") == 0 || strcmp(argv[0], "landlock") == 0))
		return probe_tier(argv[0]);
	json = argc == 1 ? json_load_file(argv[0], JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (json == NULL) {
		fprintf(stderr, "usage: sluice-job probe SETTINGS.json | full | landlock\n");
		return 2;
	}
	if (site_read(json, &site, &err) < 0 || sandbox_probe(&site, &support, &err) < 0 ||
		sandbox_prepare(&site, &support, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 78;
	}
	r = selftest_run(&site, &support, &report, &open, &err);
	fputs(strbuf_text(&report), stdout);
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	cgroup_describe(&support.cgroups, groups, sizeof(groups));
	printf("groups: %s\n", groups);
	printf("tier %s: %zu open\n", sandbox_tier_name(support.tier), open);
	sandbox_support_release(&support);
	site_release(&site);
	return r < 0 ? 78 : open > 0;
}

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "launcher", run_launcher, "serve the socket on descriptor 3 (started by sluice)" },
	{ "supervise", run_supervise, "SETTINGS.json ID-ATTEMPT: run one job directory by hand" },
	{ "probe", run_probe, "SETTINGS.json | TIER: attacks on the sandbox, profile by profile" },
	{ "probe-inside", run_probe_inside, "the attacks themselves (started by probe)" },
	{ "interpret", run_interpret, "plan JSON on standard input -> summary (a regular file)" },
};

#ifdef __SANITIZE_ADDRESS__
/* In a sandbox nothing can look around for leaks; ASAN_OPTIONS asks for it where that works. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < countof(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("sluice-job %s\n", SLUICE_VERSION);
		return 0;
	}
	fprintf(stderr, "usage: sluice-job VERB ...\n");
	for (size_t i = 0; i < countof(verbs); i++)
		fprintf(stderr, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	return 2;
}
