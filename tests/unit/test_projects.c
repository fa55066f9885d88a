/* links: engine model lib_regex lib */
/* Which projects a change touches, as tables of small trees: found by their files, configured, by
 * rules, asked for; in which order; and what is wrong with a configuration. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/projects.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum { LIST_MAX = 32 };

#define NAMES(...)                                                                                 \
	{                                                                                          \
		(const char *[]){ __VA_ARGS__ },                                                   \
			sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)                   \
	}

static const struct project_case {
	const char *name;
	const char *tree;     /* folders with Terraform files: ". a b/c"; a:k holds a
				 kustomization, a:h a chart, a:o only *.tofu, a:g terragrunt.hcl, a:-
				 nothing; folders above are there as well */
	const char *uses;     /* "a>modules/x" */
	const char *changed;  /* "M:a/main.tf D:b.tf R:old.tf>new.tf" */
	const char *selected; /* "a: a/main.tf changed; ..." */
	const char *gone;     /* NULL: none */
	const struct repo_config *config;
	const char *skipped; /* NULL: not looked at */
} found_cases[] = {
	/* files */
	{ "nothing changed", "a b", "", "", "" },
	{ "one file", "a b", "", "M:a/main.tf", "a: a/main.tf changed" },
	{ "two projects", "a b", "", "M:b/x.tf M:a/y.tf", "a: a/y.tf changed; b: b/x.tf changed" },
	{ "the first file is the reason", "a", "", "M:a/z.tf M:a/b.tf", "a: a/z.tf changed" },
	{ "a new project", "a", "", "A:a/main.tf", "a: a/main.tf changed" },
	{ "values", "a", "", "M:a/x.tfvars", "a: a/x.tfvars changed" },
	{ "values in JSON", "a", "", "M:a/x.tfvars.json", "a: a/x.tfvars.json changed" },
	{ "files in JSON", "a", "", "M:a/x.tf.json", "a: a/x.tf.json changed" },
	{ "a lock file", "a", "", "M:a/.terraform.lock.hcl", "a: a/.terraform.lock.hcl changed" },
	{ "files of OpenTofu", "a:o", "", "M:a/x.tofu", "a: a/x.tofu changed" },
	{ "files of OpenTofu in JSON", "a:o", "", "M:a/x.tofu.json", "a: a/x.tofu.json changed" },
	{ "terragrunt", "a:g", "", "M:a/terragrunt.hcl", "a: a/terragrunt.hcl changed" },
	{ "another hcl file", "a:g", "", "M:a/other.hcl", "" },
	{ "a deleted file", "a", "", "D:a/old.tf", "a: a/old.tf changed" },
	{ "a file that names no project", "a", "", "M:a/values.yaml", "" },
	{ "an ending that only begins right", "a", "", "M:a/x.tfx M:a/y.tf.suffix M:a/tf", "" },
	{ "a state file", "a", "", "M:a/terraform.tfstate M:a/terraform.tfstate.backup", "" },
	{ "a state file that ends like one of ours", "a", "", "M:a/terraform.tfstate.tf", "" },
	{ "settings of a linter", "a", "", "M:a/.tflint.hcl M:a/tflint.hcl", "" },
	{ "the nearest folder has it", "a a/b", "", "M:a/b/c/x.tfvars",
		"a/b: a/b/c/x.tfvars changed" },
	{ "the folder above has its own", "a a/b", "", "M:a/x.tf", "a: a/x.tf changed" },
	{ "values below", "a", "", "M:a/vars/x.tfvars", "a: a/vars/x.tfvars changed" },
	{ "values far below", "a", "", "M:a/b/c/d/x.tfvars", "a: a/b/c/d/x.tfvars changed" },
	{ "deep folder", "a/b/c", "", "M:a/b/c/main.tf", "a/b/c: a/b/c/main.tf changed" },
	{ "many in one folder", "a", "", "M:a/a.tf M:a/b.tf M:a/c.tfvars", "a: a/a.tf changed" },
	/* files outside */
	{ "nobody's file", "a", "", "M:README.md", "" },
	{ "nobody's values", "a", "", "M:docs/x.tfvars", "" },
	{ "beside, with the same beginning", "a", "", "M:ab/main.tfvars", "" },
	{ "no Terraform at all", "", "", "M:a/x M:y", "" },
	/* the root */
	{ "the root", ".", "", "M:main.tf", "root: main.tf changed" },
	{ "another file of the root", ".", "", "M:README.md", "" },
	{ "values for the root", ".", "", "M:vars/x.tfvars", "root: vars/x.tfvars changed" },
	{ "the root and a project", ". a", "", "M:a/x.tf", "a: a/x.tf changed" },
	{ "both", ". a", "", "M:a/x.tf M:x.tf", "root: x.tf changed; a: a/x.tf changed" },
	{ "a folder called root", ". root", "", "M:x.tf M:root/x.tf",
		".: x.tf changed; root: root/x.tf changed" },
	{ "only a folder called root", "root", "", "M:root/x.tf", "root: root/x.tf changed" },
	/* env */
	{ "env: the folder above", ".", "", "M:env/staging.tfvars",
		"root: env/staging.tfvars changed" },
	{ "env: deeper", "a a/b", "", "M:a/b/env/x.tfvars", "a/b: a/b/env/x.tfvars changed" },
	{ "env: also its own Terraform files", "a a/env", "", "M:a/env/x.tf",
		"a: a/env/x.tf changed" },
	{ "env: with nothing above", "a/env", "", "M:a/env/x.tf", "a/env: a/env/x.tf changed" },
	{ "env: not any name that ends so", "a a/myenv", "", "M:a/myenv/x.tf",
		"a/myenv: a/myenv/x.tf changed" },
	/* modules */
	{ "modules: the folder above", "p p/modules", "", "M:p/modules/main.tf",
		"p: p/modules/main.tf changed" },
	{ "modules: from far below", "p p/modules/a/b", "", "M:p/modules/a/b/x.tf",
		"p: p/modules/a/b/x.tf changed" },
	{ "modules: the first of them", "p p/modules/q p/modules/q/modules/r", "",
		"M:p/modules/q/modules/r/x.tf", "p: p/modules/q/modules/r/x.tf changed" },
	{ "modules: of the root", ". modules/a", "", "M:modules/a/x.tf",
		"root: modules/a/x.tf changed" },
	{ "modules: nothing above", "a modules/b", "", "M:modules/b/x.tf", "" },
	{ "modules: nothing above, deeper", "a x/modules/b", "", "M:x/modules/b/main.tf", "" },
	{ "modules: only that name", "a/mymodules/b", "", "M:a/mymodules/b/x.tf",
		"a/mymodules/b: a/mymodules/b/x.tf changed" },
	{ "modules: values", "p p/modules", "", "M:p/modules/x.tfvars",
		"p: p/modules/x.tfvars changed" },
	/* renames: both sides */
	{ "renamed inside", "a", "", "R:a/x.tf>a/y.tf", "a: a/y.tf changed" },
	{ "moved to another", "a b", "", "R:a/x.tf>b/x.tf",
		"a: a/x.tf changed; b: b/x.tf changed" },
	{ "moved in from outside", "a", "", "R:docs/x>a/x.tf", "a: a/x.tf changed" },
	{ "moved out", "a", "", "R:a/x.tf>docs/x", "a: a/x.tf changed" },
	{ "moved to the root", ". a", "", "R:a/x.tf>x.tf",
		"root: x.tf changed; a: a/x.tf changed" },
	/* folders that are gone */
	{ "deleted", "a", "", "D:b/main.tf D:b/x.tf", "", "b" },
	{ "deleted, nothing else is there", "", "", "D:b/main.tf", "", "b" },
	{ "its last .tf file", "a b:-", "", "D:b/main.tf M:b/README.md", "", "b" },
	{ "deleted below a project", "a", "", "D:a/b/main.tf", "", "a/b" },
	{ "renamed folder", "new", "", "R:old/main.tf>new/main.tf", "new: new/main.tf changed",
		"old" },
	{ "the root is gone", "a", "", "D:main.tf", "", "." },
	{ "several are gone", "", "", "D:c/m.tf D:b/m.tf.json D:c/n.tofu", "", "b c" },
	{ "a folder without Terraform is gone", "a", "", "D:docs/x.md", "" },
	{ "not gone while a file stays", "b", "", "D:b/main.tf", "b: b/main.tf changed" },
	/* local modules */
	{ "a module is no project", "a m", "a>m", "M:m/x.tf", "a: uses m, where m/x.tf changed" },
	{ "its user and itself", "a m", "a>m", "M:m/x.tf M:a/y.tf", "a: a/y.tf changed" },
	{ "a module that nobody touched", "a m", "a>m", "M:a/y.tf", "a: a/y.tf changed" },
	{ "two users", "a b m", "a>m b>m", "M:m/x.tf",
		"a: uses m, where m/x.tf changed; b: uses m, where m/x.tf changed" },
	{ "only its users", "a b m", "a>m", "M:m/x.tf", "a: uses m, where m/x.tf changed" },
	{ "below modules/, with users", "a b modules/m", "a>modules/m", "M:modules/m/x.tf",
		"a: uses modules/m, where modules/m/x.tf changed" },
	{ "through two", "a m n", "a>m m>n", "M:n/x.tf", "a: uses m, where n/x.tf changed" },
	{ "through five", "a m n o p q", "p>q o>p n>o m>n a>m", "M:q/x.tf",
		"a: uses m, where q/x.tf changed" },
	{ "by two ways", "a m n o", "a>m a>n m>o n>o", "M:o/x.tf",
		"a: uses m, where o/x.tf changed" },
	{ "values below a module", "a m", "a>m", "M:m/files/x.tfvars",
		"a: uses m, where m/files/x.tfvars changed" },
	{ "words about a module", "a m", "a>m", "M:m/README.md", "" },
	{ "the root uses a module", ". m", ".>m", "M:m/x.tf",
		"root: uses m, where m/x.tf changed" },
	{ "a project inside that is used from outside", "a a/m b", "a>a/m b>a/m", "M:a/m/x.tf",
		"a: uses a/m, where a/m/x.tf changed; b: uses a/m, where a/m/x.tf changed" },
	{ "used, and nobody left to use it", "m", "", "M:m/x.tf", "m: m/x.tf changed" },
	{ "a deleted module that is still used", "a", "a>m", "D:m/x.tf",
		"a: uses m, where m/x.tf changed", "m" },
	{ "a module moved away", "a n", "a>m", "R:m/x.tf>n/x.tf",
		"a: uses m, where m/x.tf changed; n: n/x.tf changed", "m" },
	{ "a use by a folder that is not there", "a m", "z>m", "M:m/x.tf", "m: m/x.tf changed" },
	/* circles */
	{ "uses itself", "a", "a>a", "M:a/x.tf", "a: a/x.tf changed" },
	{ "two use each other", "a b", "a>b b>a", "M:b/x.tf", "a: uses b, where b/x.tf changed" },
	{ "three in a circle", "a b c", "a>b b>c c>a", "M:c/x.tf",
		"a: uses b, where c/x.tf changed" },
	{ "a circle with a user", "p a b", "p>a a>b b>a", "M:b/x.tf",
		"p: uses a, where b/x.tf changed" },
	{ "a circle that nobody touched", "a b c", "a>b b>a", "M:c/x.tf", "c: c/x.tf changed" },
	{ "two circles", "a b c d", "a>b b>a c>d d>c", "M:b/x.tf M:d/x.tf",
		"a: uses b, where b/x.tf changed; c: uses d, where d/x.tf changed" },
};

/* ---- configured ---- */

#define PROJECT(...)                                                                               \
	{                                                                                          \
		.autoplan = true, .at = { "sluice.yaml", 3, 5 }, __VA_ARGS__                       \
	}
#define CONFIG(...)                                                                                \
	(&(const struct repo_config){ .file = "sluice.yaml",                                       \
		.default_kind = "terraform",                                                       \
		.default_workspace = "default",                                                    \
		.fallback = { .autoplan = true, .kind = "" },                                      \
		__VA_ARGS__ })
#define PROJECTS(...)                                                                              \
	.projects = (struct project_config[]){ __VA_ARGS__ },                                      \
	.project_count = sizeof((struct project_config[]){ __VA_ARGS__ }) /                        \
			 sizeof(struct project_config)
#define RULES(...)                                                                                 \
	.discover_rules = (struct discover_rule[]){ __VA_ARGS__ },                                 \
	.discover_rule_count = sizeof((struct discover_rule[]){ __VA_ARGS__ }) /                   \
			       sizeof(struct discover_rule)
#define WATCH(...) .has_when_modified = true, .when_modified = NAMES(__VA_ARGS__)

static const struct project_case configured_cases[] = {
	{ "what is watched by default", "a b", "", "M:a/x.tf M:b/x.tf", "a: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a"))), "" },
	{ "below it as well", "a", "", "M:a/c/d/x.tfvars", "a: a/c/d/x.tfvars changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a"))) },
	{ "anything that begins with tf", "a", "", "M:a/x.tfanything", "a: a/x.tfanything changed",
		NULL, CONFIG(PROJECTS(PROJECT(.dir = "a"))) },
	{ "not what is not watched", "a", "", "M:a/README.md M:b/x.tf", "", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a"))),
		"a: no changed file matches its when_modified" },
	{ "the root watches everything below", ". a", "", "M:a/x.tf", "root: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "."))) },
	{ "a pattern beside", "a modules/m", "", "M:modules/m/x.tf", "a: modules/m/x.tf changed",
		NULL, CONFIG(PROJECTS(PROJECT(.dir = "a", WATCH("*.tf", "../modules/**/*.tf")))) },
	{ "only what is listed", "a", "", "M:a/x.tfvars", "", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", WATCH("*.tf")))) },
	{ "taken out", "a", "", "M:a/docs/x.tf", "", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", WATCH("**/*.tf", "!docs/**")))) },
	{ "taken out, and another changed", "a", "", "M:a/docs/x.tf M:a/y.tf", "a: a/y.tf changed",
		NULL, CONFIG(PROJECTS(PROJECT(.dir = "a", WATCH("**/*.tf", "!docs/**")))) },
	{ "an empty list watches nothing", "a", "", "M:a/x.tf", "", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .has_when_modified = true))) },
	{ "the old side of a rename", "a b", "", "R:a/x.tf>b/x.tf", "a: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a"))) },
	{ "a state file counts where a pattern says so", "a", "", "M:a/terraform.tfstate",
		"a: a/terraform.tfstate changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", WATCH("*.tfstate")))) },
	{ "a folder that is gone", "b", "", "D:a/x.tf", "", "a",
		CONFIG(PROJECTS(PROJECT(.dir = "a"))),
		"a: there is no such folder after the merge" },
	{ "a folder without Terraform", "a:-", "", "M:a/x.sh", "a: a/x.sh changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", WATCH("*.sh")))) },
	{ "in the order of the file", "a b c", "", "M:a/x.tf M:b/x.tf M:c/x.tf",
		"c: c/x.tf changed; a: a/x.tf changed; b: b/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "c"), PROJECT(.dir = "a"), PROJECT(.dir = "b"))) },
	{ "by its name", "a", "", "M:a/x.tf", "net: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "net"))) },
	{ "two workspaces", "a", "", "M:a/x.tf",
		"s@staging: a/x.tf changed; p@prod: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "s", .workspace = "staging"),
			PROJECT(.dir = "a", .name = "p", .workspace = "prod"))) },
	{ "two of one folder and workspace", "a", "", "M:a/x.tf M:a/y.sh",
		"one: a/x.tf changed; two: a/y.sh changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "one"),
			PROJECT(.dir = "a", .name = "two", WATCH("*.sh")))) },
	{ "autoplan is off", "a b", "", "M:a/x.tf M:b/x.tf", "b: b/x.tf changed", NULL,
		CONFIG(PROJECTS({ .dir = "a" }, PROJECT(.dir = "b"))), "a: autoplan is off" },
	/* modules of configured ones */
	{ "a module it uses", "a b m", "a>m", "M:m/x.tf", "a: uses m, where m/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a"), PROJECT(.dir = "b")), .follow_modules = true),
		"b: no changed file matches its when_modified" },
	{ "modules are not followed", "a m", "a>m", "M:m/x.tf", "", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a"))) },
	{ "a module that is itself configured", "a m", "a>m", "M:m/x.tf",
		"m: m/x.tf changed; a: uses m, where m/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "m"), PROJECT(.dir = "a")),
			.follow_modules = true) },
	{ "found ones, modules not followed", "a m", "a>m", "M:m/x.tf", "m: m/x.tf changed", NULL,
		CONFIG() },
	/* branches */
	{ "its branch", "a", "", "M:a/x.tf", "a: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .branch = "/^ma.n$/"))) },
	{ "another branch", "a b", "", "M:a/x.tf M:b/x.tf", "b: b/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .branch = "/release/"),
			PROJECT(.dir = "b", .branch = "main"))),
		"a: its branch is /release/, and this goes into main" },
	/* patterns of folders */
	{ "a pattern of folders", "env/a env/b env/b/c env", "", "M:env/a/x.tf M:env/b/y.tf",
		"env/a: env/a/x.tf changed; env/b: env/b/y.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "env/*"))), "" },
	{ "a pattern takes folders with Terraform", "e/a e/b:- e/c:g e/d:o e/f:k", "",
		"M:e/a/x.tf M:e/b/x.tf M:e/c/terragrunt.hcl M:e/d/x.tofu M:e/f/x.tf",
		"e/a: e/a/x.tf changed; e/c: e/c/terragrunt.hcl changed; e/d: e/d/x.tofu changed",
		NULL, CONFIG(PROJECTS(PROJECT(.dir = "e/*"))) },
	{ "a pattern and a folder of it", "e/a e/b", "", "M:e/a/x.tf M:e/b/x.tf",
		"e/b: e/b/x.tf changed; special: e/a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "e/*"), PROJECT(.dir = "e/a", .name = "special"))) },
	{ "two patterns, the first is meant", "e/a", "", "M:e/a/x.tf", "", NULL,
		CONFIG(PROJECTS({ .dir = "e/*" }, PROJECT(.dir = "**"))), "e/a: autoplan is off" },
	/* autodiscovery */
	{ "auto: off when something is configured", "a b", "", "M:a/x.tf M:b/x.tf",
		"a: a/x.tf changed", NULL, CONFIG(PROJECTS(PROJECT(.dir = "a"))), "" },
	{ "auto: on when nothing is", "a b", "", "M:a/x.tf M:b/x.tf",
		"a: a/x.tf changed; b: b/x.tf changed", NULL, CONFIG(.discover = DISCOVER_AUTO) },
	{ "enabled: both", "a b c", "", "M:a/x.tf M:b/x.tf", "b: b/x.tf changed; a: a/x.tf changed",
		NULL, CONFIG(PROJECTS(PROJECT(.dir = "b")), .discover = DISCOVER_ENABLED),
		"c: no file of it changed" },
	{ "enabled: configured ones win", "a", "", "M:a/x.tf", "", NULL,
		CONFIG(PROJECTS({ .dir = "a" }), .discover = DISCOVER_ENABLED),
		"a: autoplan is off" },
	{ "enabled: in any workspace", "a", "", "M:a/x.tf", "", NULL,
		CONFIG(PROJECTS({ .dir = "a", .workspace = "zoo" }), .discover = DISCOVER_ENABLED),
		"a: autoplan is off" },
	{ "disabled", "a", "", "M:a/x.tf", "", NULL, CONFIG(.discover = DISCOVER_DISABLED), "" },
	{ "ignored paths", "a docs/b docs", "", "M:a/x.tf M:docs/b/x.tf M:docs/x.tf",
		"a: a/x.tf changed", NULL, CONFIG(.discover_ignore = NAMES("docs/**")),
		"docs: ignore_paths has it: docs/**; docs/b: ignore_paths has it: docs/**" },
	{ "ignored paths do not touch configured ones", "a", "", "M:a/x.tf", "a: a/x.tf changed",
		NULL, CONFIG(PROJECTS(PROJECT(.dir = "a")), .discover_ignore = NAMES("*")) },
	{ "another list of files", "a b", "", "M:a/x.yaml M:b/x.tf", "a: a/x.yaml changed", NULL,
		CONFIG(.autoplan_files = NAMES("**/*.yaml")) },
	{ "a list with something taken out", "a b", "", "M:a/x.tf M:b/x.tf", "a: a/x.tf changed",
		NULL, CONFIG(.autoplan_files = NAMES("**/*.tf", "!b/**")) },
	/* rules */
	{ "a rule", "s/shop/o/prod:k s/shop/o/dev:k s/shop/base:k", "",
		"M:s/shop/o/prod/patch.yaml", "shop-prod: s/shop/o/prod/patch.yaml changed", NULL,
		CONFIG(RULES({ .kind = "kustomize",
			.dirs = NAMES("s/*/o/*"),
			.name = "{1}-{2}",
			.environment = "{2}" })),
		"shop-dev: no changed file matches its when_modified" },
	{ "a rule leaves some out", "i/a i/modules/m", "", "M:i/a/x.tf M:i/modules/m/x.tf",
		"i/a: i/a/x.tf changed", NULL,
		CONFIG(RULES({ .kind = "terraform",
			.dirs = NAMES("i/**"),
			.exclude = NAMES("i/modules/**") })) },
	{ "a rule and a configured project", "i/a i/b", "", "M:i/a/x.tf M:i/b/x.tf",
		"special: i/a/x.tf changed; i/b: i/b/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "i/a", .name = "special")),
			RULES({ .kind = "terraform", .dirs = NAMES("i/*") })) },
	{ "two rules, the first is meant", "i/a", "", "M:i/a/x.tf", "one-a: i/a/x.tf changed", NULL,
		CONFIG(RULES({ .kind = "terraform", .dirs = NAMES("i/*"), .name = "one-{1}" },
			{ .kind = "terraform", .dirs = NAMES("*/a"), .name = "two-{1}" })) },
	{ "charts", "c/x:h c/y", "", "M:c/x/values.yaml M:c/y/values.yaml",
		"c/x: c/x/values.yaml changed", NULL,
		CONFIG(RULES({ .kind = "helm", .dirs = NAMES("c/*") })) },
	/* order */
	{ "groups", "a b c", "", "M:a/x.tf M:b/x.tf M:c/x.tf",
		"c: c/x.tf changed; a(1): a/x.tf changed; b(1): b/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .order_group = 1),
			PROJECT(.dir = "b", .order_group = 1), PROJECT(.dir = "c"))) },
	{ "a dependency", "a b", "", "M:a/x.tf M:b/x.tf", "b: b/x.tf changed; a<b: a/x.tf changed",
		NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b")),
			PROJECT(.dir = "b", .name = "b"))) },
	{ "a chain", "a b c", "", "M:a/x.tf M:b/x.tf M:c/x.tf",
		"c: c/x.tf changed; b<c: b/x.tf changed; a<b: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b")),
			PROJECT(.dir = "b", .name = "b", .depends_on = NAMES("c")),
			PROJECT(.dir = "c", .name = "c"))) },
	{ "a diamond", "a b c d", "", "M:a/x.tf M:b/x.tf M:c/x.tf M:d/x.tf",
		"d: d/x.tf changed; b<d: b/x.tf changed; c<d: c/x.tf changed; a<b,c: a/x.tf "
		"changed",
		NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b", "c")),
			PROJECT(.dir = "b", .name = "b", .depends_on = NAMES("d")),
			PROJECT(.dir = "c", .name = "c", .depends_on = NAMES("d")),
			PROJECT(.dir = "d", .name = "d"))) },
	{ "a dependency that is not touched", "a b", "", "M:a/x.tf", "a: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b")),
			PROJECT(.dir = "b", .name = "b"))) },
	{ "a dependency in a later group", "a b", "", "M:a/x.tf M:b/x.tf",
		"b(2): b/x.tf changed; a(2)<b: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b")),
			PROJECT(.dir = "b", .name = "b", .order_group = 2))) },
	{ "through one that is not touched", "a b c", "", "M:a/x.tf M:c/x.tf",
		"c: c/x.tf changed; a<c: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b")),
			PROJECT(.dir = "b", .name = "b", .depends_on = NAMES("c")),
			PROJECT(.dir = "c", .name = "c"))) },
	{ "a later group through one that is not touched", "a b c", "", "M:a/x.tf M:c/x.tf",
		"c(2): c/x.tf changed; a(2)<c: a/x.tf changed", NULL,
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b")),
			PROJECT(.dir = "b", .name = "b", .depends_on = NAMES("c")),
			PROJECT(.dir = "c", .name = "c", .order_group = 2))) },
};

/* ---- the making of a case ---- */

struct scene {
	struct arena arena;
	struct tree_folder folders[LIST_MAX];
	struct module_use uses[LIST_MAX];
	struct changed_file changed[LIST_MAX];
	struct prepared prepared;
};

/* Splits "x y z" into the arena. */
static size_t split(const char *text, struct arena *arena, const char **ret)
{
	size_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		assert_true(count < LIST_MAX);
		ret[count++] = arena_strndup(arena, text, length);
		text += length;
		text += *text == ' ';
	}
	return count;
}

static const char *cut_at(const char *text, char mark, struct arena *arena, const char **ret_rest)
{
	const char *cut = strchr(text, mark);

	*ret_rest = cut == NULL ? NULL : cut + 1;
	return cut == NULL ? text : arena_strndup(arena, text, (size_t)(cut - text));
}

static unsigned holds(const char *letter)
{
	switch (letter == NULL ? 't' : letter[0]) {
	case 't':
		return HOLDS_TERRAFORM;
	case 'o':
		return HOLDS_TOFU;
	case 'g':
		return HOLDS_TERRAGRUNT;
	case 'k':
		return HOLDS_KUSTOMIZE | HOLDS_MANIFESTS;
	case 'h':
		return HOLDS_HELM | HOLDS_MANIFESTS;
	default:
		return 0;
	}
}

static int compare_folders(const void *a, const void *b)
{
	return strcmp(((const struct tree_folder *)a)->path, ((const struct tree_folder *)b)->path);
}

/* A folder is there once, and so are those above it. */
static void add_folder(struct scene *scene, const char *path, unsigned what)
{
	struct prepared *prepared = &scene->prepared;
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < prepared->folder_count; i++) {
		if (str_equal(scene->folders[i].path, path)) {
			scene->folders[i].holds |= what;
			return;
		}
	}
	assert_true(prepared->folder_count < LIST_MAX);
	scene->folders[prepared->folder_count++] = (struct tree_folder){ path, what };
	if (slash != NULL)
		add_folder(scene, arena_strndup(&scene->arena, path, (size_t)(slash - path)), 0);
}

static void scene_make(struct scene *scene, const char *tree, const char *uses, const char *changed)
{
	struct prepared *prepared = &scene->prepared;
	struct arena *arena = &scene->arena;
	const char *words[LIST_MAX], *rest;
	size_t count;

	*scene = (struct scene){ 0 };
	*prepared = (struct prepared){
		.folders = scene->folders, .uses = scene->uses, .changed = scene->changed
	};
	add_folder(scene, ".", 0);
	count = split(tree, arena, words);
	for (size_t i = 0; i < count; i++) {
		const char *path = cut_at(words[i], ':', arena, &rest);

		add_folder(scene, path, holds(rest));
	}
	qsort(scene->folders, prepared->folder_count, sizeof(scene->folders[0]), compare_folders);
	prepared->use_count = split(uses, arena, words);
	for (size_t i = 0; i < prepared->use_count; i++)
		scene->uses[i].dir = cut_at(words[i], '>', arena, &scene->uses[i].module);
	prepared->changed_count = split(changed, arena, words);
	for (size_t i = 0; i < prepared->changed_count; i++) {
		const char *first = cut_at(words[i] + 2, '>', arena, &rest);

		scene->changed[i] = (struct changed_file){ .path = rest == NULL ? first : rest,
			.old_path = rest == NULL ? NULL : first,
			.status = words[i][0] };
	}
}

static const struct repo_config unconfigured = { .file = "",
	.default_kind = "terraform",
	.default_workspace = "default",
	.follow_modules = true };
static const struct selection_asked nothing_asked = { "", "", "", "main" };

/* "name@workspace(group)<before,before: because; ..." */
static const char *selection_text(const struct selection *selection, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);

	for (size_t i = 0; i < selection->project_count; i++) {
		const struct project *project = &selection->projects[i];

		strbuf_printf(&text, "%s%s", i == 0 ? "" : "; ", project->name);
		if (!str_equal(project->workspace, "default"))
			strbuf_printf(&text, "@%s", project->workspace);
		if (project->group != 0)
			strbuf_printf(&text, "(%d)", project->group);
		for (size_t k = 0; k < project->before_count; k++)
			strbuf_printf(&text, "%s%s", k == 0 ? "<" : ",",
				selection->projects[project->before[k]].name);
		strbuf_printf(&text, ": %s", project->because);
		assert_non_null(project->config);
		assert_false(str_empty(project->rule) &&
			     !str_equal(project->because, "asked for by name"));
	}
	return arena_strdup(arena, strbuf_text(&text));
}

static const char *skipped_text(const struct selection *selection, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);

	for (size_t i = 0; i < selection->skipped_count; i++)
		strbuf_printf(&text, "%s%s: %s", i == 0 ? "" : "; ", selection->skipped[i].name,
			selection->skipped[i].why);
	return arena_strdup(arena, strbuf_text(&text));
}

static void selects(void **state)
{
	const struct project_case *row = *state;
	_cleanup_strbuf_ struct strbuf gone_text = STRBUF(4096);
	const struct repo_config *config = row->config == NULL ? &unconfigured : row->config;
	struct config_problems problems = { 0 };
	struct selection selection;
	const char **gone = NULL;
	struct scene scene;
	struct err err = { 0 };
	size_t gone_count = 99;

	scene_make(&scene, row->tree, row->uses, row->changed);
	assert_ok(projects_select(&scene.prepared, config, &nothing_asked, &scene.arena, &selection,
			  &problems, &err),
		&err);
	assert_string_equal(selection_text(&selection, &scene.arena), row->selected);
	if (row->skipped != NULL)
		assert_string_equal(skipped_text(&selection, &scene.arena), row->skipped);
	projects_gone(&scene.prepared, &scene.arena, &gone, &gone_count);
	for (size_t i = 0; i < gone_count; i++)
		strbuf_printf(&gone_text, "%s%s", i == 0 ? "" : " ", gone[i]);
	assert_string_equal(strbuf_text(&gone_text), row->gone == NULL ? "" : row->gone);
	arena_release(&scene.arena);
}

/* ---- asked for ---- */

static const struct asked_case {
	const char *name;
	struct selection_asked asked;
	const char *selected;
} asked_cases[] = {
	{ "a name", { "", "", "net", "main" }, "net: asked for by name" },
	{ "a name that is off", { "", "", "off", "main" }, "off: asked for by name" },
	{ "no such name", { "", "", "nat", "main" }, "" },
	{ "a pattern of names", { "", "", "app-*", "main" },
		"app-1: asked for by name; app-2: asked for by name" },
	{ "a regular expression", { "", "", "app-[12]", "main" },
		"app-1: asked for by name; app-2: asked for by name" },
	{ "for the whole name", { "", "", "pp-[12]", "main" }, "" },
	{ "a name before a pattern", { "", "", "x*y", "main" }, "x*y: asked for by name" },
	{ "a folder", { "net", "", "", "main" }, "net: asked for by name" },
	{ "a pattern of folders", { "apps/*", "", "", "main" },
		"app-1: asked for by name; app-2: asked for by name" },
	{ "no such folder", { "nowhere", "", "", "main" }, "" },
	{ "a folder that is gone", { "gone", "", "", "main" }, "" },
	{ "a folder and its workspace", { "two", "a", "", "main" }, "two-a@a: asked for by name" },
	{ "a folder and another workspace", { "net", "other", "", "main" },
		"net@other: asked for by name" },
	{ "only a workspace: what changed in it", { "", "a", "", "main" },
		"two-a@a: two/x.tf changed" },
	{ "only a workspace that nobody has", { "", "zoo", "", "main" },
		"two-a@zoo: two/x.tf changed; two-b@zoo: two/x.tf changed" },
	{ "a branch holds whoever asks", { "", "", "branch", "main" }, "" },
	{ "nothing, and its files alone decide", { "", "", "", "main", true },
		"off: off/x.tf changed; two-a@a: two/x.tf changed; two-b@b: two/x.tf changed" },
	{ "nothing: what changed", { "", "", "", "main" },
		"two-a@a: two/x.tf changed; two-b@b: two/x.tf changed" },
};

static void selects_what_was_asked(void **state)
{
	const struct asked_case *row = *state;
	const struct repo_config *config = CONFIG(PROJECTS(PROJECT(.dir = "net", .name = "net"),
		{ .dir = "off", .name = "off" }, PROJECT(.dir = "apps/1", .name = "app-1"),
		PROJECT(.dir = "apps/2", .name = "app-2"), PROJECT(.dir = "x", .name = "x*y"),
		PROJECT(.dir = "x2", .name = "xzy"), PROJECT(.dir = "gone", .name = "gone"),
		PROJECT(.dir = "two", .name = "two-a", .workspace = "a"),
		PROJECT(.dir = "two", .name = "two-b", .workspace = "b"),
		PROJECT(.dir = "net", .name = "branch", .branch = "release")));
	struct config_problems problems = { 0 };
	struct selection selection;
	struct scene scene;
	struct err err = { 0 };

	scene_make(&scene, "net off apps/1 apps/2 x x2 two", "", "M:off/x.tf M:two/x.tf");
	assert_ok(projects_select(&scene.prepared, config, &row->asked, &scene.arena, &selection,
			  &problems, &err),
		&err);
	assert_string_equal(selection_text(&selection, &scene.arena), row->selected);
	arena_release(&scene.arena);
}

static void regular_expressions_need_their_beginning(void **state)
{
	struct repo_config config = *CONFIG(
		PROJECTS(PROJECT(.dir = "net", .name = "net")), .project_patterns = NAMES("app-"));
	const struct selection_asked asked = { "", "", "n.t", "main" };
	struct config_problems problems = { 0 };
	struct selection selection;
	struct scene scene;
	struct err err = { 0 };

	(void)state;
	scene_make(&scene, "net", "", "");
	assert_ok(projects_select(&scene.prepared, &config, &asked, &scene.arena, &selection,
			  &problems, &err),
		&err);
	assert_int_equal(selection.project_count, 0);
	config.project_patterns = (struct name_list)NAMES("n.");
	assert_ok(projects_select(&scene.prepared, &config, &asked, &scene.arena, &selection,
			  &problems, &err),
		&err);
	assert_int_equal(selection.project_count, 1);
	arena_release(&scene.arena);
}

/* ---- what is wrong ---- */

static const struct wrong_case {
	const char *name;
	const struct repo_config *config;
	const char *says; /* "path: message; hint" of each */
} wrong_cases[] = {
	{ "a dependency that nobody is",
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "app", .depends_on = NAMES("netw")),
			PROJECT(.dir = "b", .name = "network"))),
		"projects.app.depends_on: there is no project \"netw\"; did you mean "
		"\"network\"?" },
	{ "also of one that is not touched",
		CONFIG(PROJECTS(PROJECT(.dir = "z", .name = "app", .depends_on = NAMES("no")))),
		"projects.app.depends_on: there is no project \"no\"; name a project of this "
		"repository, or take it out" },
	{ "itself", CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("a")))),
		"projects.a.depends_on: goes in a circle: a -> a; take one of them out" },
	{ "a circle",
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("b")),
			PROJECT(.dir = "b", .name = "b", .depends_on = NAMES("c")),
			PROJECT(.dir = "c", .name = "c", .depends_on = NAMES("a")))),
		"projects.a.depends_on: goes in a circle: a -> b -> c -> a; take one of them out" },
	{ "several at once",
		CONFIG(PROJECTS(PROJECT(.dir = "a", .name = "a", .depends_on = NAMES("x", "y")))),
		"projects.a.depends_on: there is no project \"x\"; name a project of this "
		"repository, or take it out | projects.a.depends_on: there is no project \"y\"; "
		"name a project of this repository, or take it out" },
	{ "a pattern of files", CONFIG(PROJECTS(PROJECT(.dir = "a", WATCH("[")))),
		"autoplan.when_modified: the pattern \"[\" has a [ that is never closed; mend the "
		"pattern" },
	{ "a pattern of folders", CONFIG(PROJECTS(PROJECT(.dir = "a/{b"))),
		"dir: the pattern \"a/{b\" has a { that is never closed; mend the pattern" },
	{ "a pattern of a rule", CONFIG(RULES({ .dirs = NAMES("[") })),
		"discover.dirs: the pattern \"[\" has a [ that is never closed; mend the pattern" },
};

static void says_what_is_wrong(void **state)
{
	const struct wrong_case *row = *state;
	_cleanup_strbuf_ struct strbuf text = STRBUF(4096);
	struct config_problems problems = { 0 };
	struct selection selection;
	struct scene scene;
	struct err err = { 0 };

	scene_make(&scene, "a b", "", "M:a/x.tf");
	assert_err(projects_select(&scene.prepared, row->config, &nothing_asked, &scene.arena,
			   &selection, &problems, &err),
		&err, ERR_CONFIG, "the configuration is wrong");
	for (size_t i = 0; i < problems.count; i++)
		strbuf_printf(&text, "%s%s: %s; %s", i == 0 ? "" : " | ", problems.list[i].path,
			problems.list[i].message, problems.list[i].hint);
	assert_string_equal(strbuf_text(&text), row->says);
	arena_release(&scene.arena);
}

/* ---- much ---- */

static void too_many_projects(void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct tree_folder folders[PROJECTS_MAX + 1];
	struct changed_file files[PROJECTS_MAX + 1];
	struct prepared prepared = { .folders = folders, .changed = files };
	struct config_problems problems = { 0 };
	struct selection selection;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < countof(folders); i++) {
		folders[i] = (struct tree_folder){ arena_printf(&arena, "p%04zu", i),
			HOLDS_TERRAFORM };
		files[i] = (struct changed_file){ arena_printf(&arena, "p%04zu/x.tf", i), NULL,
			'M' };
	}
	prepared.folder_count = prepared.changed_count = PROJECTS_MAX;
	assert_ok(projects_select(&prepared, &unconfigured, &nothing_asked, &arena, &selection,
			  &problems, &err),
		&err);
	assert_int_equal(selection.project_count, PROJECTS_MAX);
	prepared.folder_count = prepared.changed_count = PROJECTS_MAX + 1;
	assert_err(projects_select(&prepared, &unconfigured, &nothing_asked, &arena, &selection,
			   &problems, &err),
		&err, ERR_LIMIT, "more than 1000 projects; split it");
	assert_int_equal(err.class, ERR_CLASS_USER);
}

/* A pull request can bring any graph. A chain in the worst order took a round over all edges for
 * each of its links. */
static void a_long_chain_is_quick(void **state)
{
	enum { LINKS = 50000 };
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct tree_folder *folders = arena_alloc(&arena, (LINKS + 1) * sizeof(*folders));
	struct module_use *uses = arena_alloc(&arena, LINKS * sizeof(*uses));
	struct changed_file file = { NULL, NULL, 'M' };
	struct prepared prepared = { .folders = folders,
		.folder_count = LINKS + 1,
		.uses = uses,
		.use_count = LINKS,
		.changed = &file,
		.changed_count = 1 };
	struct config_problems problems = { 0 };
	struct selection selection;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i <= LINKS; i++)
		folders[i] = (struct tree_folder){ arena_printf(&arena, "m%06zu", i),
			HOLDS_TERRAFORM };
	for (size_t i = 0; i < LINKS; i++)
		uses[i] = (struct module_use){ folders[i].path, folders[i + 1].path };
	file.path = arena_printf(&arena, "%s/x.tf", folders[LINKS].path);
	assert_ok(projects_select(&prepared, &unconfigured, &nothing_asked, &arena, &selection,
			  &problems, &err),
		&err);
	assert_int_equal(selection.project_count, 1);
	assert_string_equal(
		selection.projects[0].because, "uses m000001, where m050000/x.tf changed");
}

static void what_a_rule_makes(void **state)
{
	const struct repo_config *config = CONFIG(RULES({ .kind = "kustomize",
		.dirs = NAMES("s/*/o/*"),
		.name = "{1}-{2}-{3}",
		.environment = "{2}",
		.workflow = "apps",
		.at = { "sluice.yaml", 7, 3 } }));
	struct config_problems problems = { 0 };
	const struct project *project;
	struct selection selection;
	struct scene scene;
	struct err err = { 0 };

	(void)state;
	scene_make(&scene, "s/shop/o/prod:k", "", "M:s/shop/o/prod/x.yaml");
	assert_ok(projects_select(&scene.prepared, config, &nothing_asked, &scene.arena, &selection,
			  &problems, &err),
		&err);
	assert_int_equal(selection.project_count, 1);
	project = &selection.projects[0];
	assert_string_equal(project->name, "shop-prod-");
	assert_string_equal(project->config->environment, "prod");
	assert_string_equal(project->config->workflow, "apps");
	assert_string_equal(project->tool, "kustomize");
	assert_int_equal(project->at.line, 7);
	arena_release(&scene.arena);
}

static void workspaces_and_kinds_of_found_ones(void **state)
{
	struct folder_workspace cloud[] = { { "b", "prod" } };
	struct config_problems problems = { 0 };
	struct selection selection;
	struct scene scene;
	struct err err = { 0 };

	(void)state;
	scene_make(&scene, "a b c:o", "", "M:a/x.tf M:b/x.tf M:c/x.tofu");
	scene.prepared.workspaces = cloud;
	scene.prepared.workspace_count = 1;
	assert_ok(projects_select(&scene.prepared, &unconfigured, &nothing_asked, &scene.arena,
			  &selection, &problems, &err),
		&err);
	assert_string_equal(selection.projects[0].workspace, "default");
	assert_string_equal(selection.projects[1].workspace, "prod");
	assert_string_equal(selection.projects[1].tool, "terraform");
	assert_string_equal(selection.projects[2].tool, "opentofu");
	arena_release(&scene.arena);
}

int main(int argc, char **argv)
{
	CASES(found_cases, selects);
	CASES(configured_cases, selects);
	CASES(asked_cases, selects_what_was_asked);
	CASE(regular_expressions_need_their_beginning);
	CASES(wrong_cases, says_what_is_wrong);
	CASE(too_many_projects);
	CASE(a_long_chain_is_quick);
	CASE(what_a_rule_makes);
	CASE(workspaces_and_kinds_of_found_ones);
	return cases_run(argc, argv);
}
