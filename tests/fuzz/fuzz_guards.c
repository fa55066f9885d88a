/* links: config model lib_regex lib_yaml lib */
/* The bytes choose two files out of few words, so that folders, patterns and names meet all the
 * time. Whatever the head's file is, a folder that the base puts into an environment stays there.
 */
#include "config/effective.h"
#include "orchestrator/lib/glob.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const char *const folders[] = { "a", "b", "a/b", "a/c", "b/c", "i/x", "i/y" };

/* ---- two files ---- */

struct source {
	const uint8_t *at, *end;
};

static unsigned choose(struct source *source, unsigned count)
{
	return source->at < source->end ? *source->at++ % count : 0;
}

static void put_project(struct source *source, unsigned number, struct strbuf *out)
{
	static const char *const dirs[] = { "a", "b", "a/b", "a/c", "i/x", "'a/*'", "'*'", "'?/c'",
		"'**'", "'{a,b}/c'", "./a/", "'i/[x-z]'" };
	static const char *const environments[] = { "", "", ", environment: p",
		", environment: q" };
	static const char *const rest[] = { "", ", apply_requirements: [approved]",
		", workspace: w", ", workflow: v", ", repo_locks: {mode: disabled}",
		", checks: [secrets]", ", policy_check: true", ", branch: /x/" };
	unsigned dir = choose(source, countof(dirs));

	strbuf_printf(out, "  - {dir: %s%s%s", dirs[dir],
		environments[choose(source, countof(environments))],
		rest[choose(source, countof(rest))]);
	if (dirs[dir][0] != '\'' && choose(source, 2) == 1)
		strbuf_printf(out, ", name: n%u", choose(source, 2) * 10 + number);
	strbuf_puts(out, "}\n");
}

static void put_file(struct source *source, struct strbuf *out)
{
	static const char *const dirs[] = { "'i/*'", "'a/*'", "'**/c'", "b" };
	static const char *const environments[] = { "", ", environment: p", ", environment: q" };
	unsigned projects = choose(source, 4), rules = choose(source, 3);

	strbuf_puts(out, "version: 3\nenvironments: {p: {credentials: c}, q: {}}\n"
			 "workflows: {v: {plan: {steps: [plan]}}}\n");
	if (projects > 0)
		strbuf_puts(out, "projects:\n");
	for (unsigned i = 0; i < projects; i++)
		put_project(source, i, out);
	if (rules > 0)
		strbuf_puts(out, "discover:\n");
	for (unsigned i = 0; i < rules; i++)
		strbuf_printf(out, "  - {dirs: %s%s}\n", dirs[choose(source, countof(dirs))],
			environments[choose(source, countof(environments))]);
}

/* ---- whose a folder is ---- */

static bool matches(const char *pattern, const char *folder)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct glob glob;
	struct err err = { 0 };

	return glob_compile(GLOB_PATH, "", pattern, &arena, &glob, &err) == 0 &&
	       glob_matches(&glob, folder);
}

static bool allows(const struct repo_config *config, const char *folder, const char *environment)
{
	for (size_t i = 0; i < config->project_count; i++) {
		const struct project_config *project = &config->projects[i];

		if (str_equal(project->dir, folder) && str_equal(project->environment, environment))
			return true;
	}
	return false;
}

/* What a plan of this folder may be under: its own entry first, then patterns, then discovery. */
static const char *environment_of(const struct repo_config *config, const char *folder)
{
	for (size_t i = 0; i < config->project_count; i++) {
		if (str_equal(config->projects[i].dir, folder))
			return config->projects[i].environment;
	}
	for (size_t i = 0; i < config->project_count; i++) {
		if (glob_is_pattern(config->projects[i].dir) &&
			matches(config->projects[i].dir, folder))
			return config->projects[i].environment;
	}
	for (size_t i = 0; i < config->discover_rule_count; i++) {
		const struct discover_rule *rule = &config->discover_rules[i];
		bool is_out = false;

		for (size_t k = 0; k < rule->exclude.count; k++)
			is_out = is_out || matches(rule->exclude.list[k], folder);
		if (!is_out && matches(rule->dirs.list[0], folder))
			return rule->environment;
	}
	return "";
}

static void compare(const struct repo_config *before, const struct repo_config *after)
{
	for (size_t i = 0; i < countof(folders); i++) {
		const char *was = environment_of(before, folders[i]);
		const char *is = environment_of(after, folders[i]);

		/* one folder in two environments, by workspaces: either */
		if (was[0] != '\0' && !str_equal(was, is) && !allows(before, folders[i], is))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct repo_rule rule = { .id = "/.*/",
		.given = REPO_ALLOWED_OVERRIDES | REPO_CUSTOM_WORKFLOWS,
		.allowed_overrides = (1 << 10) - 1,
		.allow_custom_workflows = true };
	static const struct settings settings = {
		.tool = "terraform", .repo_rules = &rule, .repo_rule_count = 1
	};
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf base = STRBUF(8192), head = STRBUF(8192);
	struct config_request request = { .host = "h", .repo = "r", .base_ref = "main" };
	struct source source = { bytes, bytes + length };
	struct repo_config before = { 0 }, after = { 0 };
	struct config_problems problems = { 0 };
	struct err err = { 0 };

	put_file(&source, &base);
	put_file(&source, &head);
	request.base = (struct config_blob){ "sluice.yaml", strbuf_text(&base), base.length };
	request.head = request.base;
	if (config_file_reader.read(
		    &config_file_reader, &settings, &request, &arena, &before, &problems, &err) < 0)
		return 0;
	request.head = (struct config_blob){ "sluice.yaml", strbuf_text(&head), head.length };
	if (config_file_reader.read(
		    &config_file_reader, &settings, &request, &arena, &after, &problems, &err) < 0)
		return 0;
	if (getenv("FUZZ_SHOW") != NULL)
		(void)fprintf(stderr, "%s====\n%s", strbuf_text(&base), strbuf_text(&head));
	compare(&before, &after);
	return 0;
}
