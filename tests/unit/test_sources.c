/* links: runner model lib */
/* Where providers and modules come from: addresses as the tools read them, the operator's patterns,
 * and files of Terraform that hide what they ask for. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/hcl.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/sources.h"
#include "runners/needs.h"
#include "runners/site.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct provider_case {
	const char *name, *want; /* NULL: it is none */
	bool is_tofu;
} provider_cases[] = {
	{ "aws", "registry.terraform.io/hashicorp/aws", false },
	{ "aws", "registry.opentofu.org/hashicorp/aws", true },
	{ "acme/thing", "registry.terraform.io/acme/thing", false },
	{ "HashiCorp/AWS", "registry.terraform.io/hashicorp/aws", false },
	{ "example.org:8443/acme/thing", "example.org:8443/acme/thing", true },
	{ "a/b/c/d", NULL, false },
	{ "", NULL, false },
	{ "a//b", NULL, false },
	{ "/a/b", NULL, false },
	{ "a/b/", NULL, false },
	{ "acme:1/thing", NULL, false },
	{ "a b/c", NULL, false },
	{ "../b/c", NULL, false },
	{ "a/../c", NULL, false },
};

static void provider(void **state)
{
	const struct provider_case *row = *state;
	char found[SOURCE_BYTES_MAX];
	bool is_one = source_of_provider(row->name, strlen(row->name), row->is_tofu, found);

	assert_int_equal(is_one, row->want != NULL);
	if (is_one)
		assert_string_equal(found, row->want);
}

#define REGISTRY "registry.terraform.io/"

static const struct module_case {
	const char *name;
	enum module_source kind;
	const char *want; /* of a place elsewhere; else a word of why not, or NULL */
} module_cases[] = {
	{ "./m", MODULE_LOCAL, NULL },
	{ "../../m", MODULE_LOCAL, NULL },
	{ "acme/vpc/aws", MODULE_REMOTE, REGISTRY "acme/vpc/aws" },
	{ "acme/vpc/aws//sub", MODULE_REMOTE, REGISTRY "acme/vpc/aws" },
	{ "mods.example.org/acme/vpc/aws", MODULE_REMOTE, "mods.example.org/acme/vpc/aws" },
	{ "mods.example.org:8443/acme/vpc/aws", MODULE_REMOTE,
		"mods.example.org:8443/acme/vpc/aws" },
	{ "github.com/acme/vpc", MODULE_REMOTE, "git::https://github.com/acme/vpc" },
	{ "git@github.com:acme/vpc.git", MODULE_REMOTE, "git::ssh://github.com/acme/vpc.git" },
	{ "git::git@github.com:acme/vpc.git", MODULE_REMOTE, "git::ssh://github.com/acme/vpc.git" },
	{ "git::https://git.example.org/vpc.git//a/b?ref=v1.2.0", MODULE_REMOTE,
		"git::https://git.example.org/vpc.git" },
	{ "git::https://git.example.org@evil.example/vpc", MODULE_REMOTE,
		"git::https://evil.example/vpc" },
	{ "git::https://a:b@Git.Example.Org/vpc", MODULE_REMOTE,
		"git::https://git.example.org/vpc" },
	{ "https://example.org/m.zip?archive=zip", MODULE_REMOTE, "https://example.org/m.zip" },
	{ "https://example.org/a?ref=feature%2Fx", MODULE_REMOTE, "https://example.org/a" },
	{ "s3::https://s3.amazonaws.com/b/m.zip", MODULE_REMOTE,
		"s3::https://s3.amazonaws.com/b/m.zip" },
	{ "file:///etc", MODULE_REFUSED, "neither" },
	{ "file::/etc", MODULE_REFUSED, "neither" },
	{ "git::file:///srv/git/x", MODULE_REFUSED, "neither" },
	{ "git::ext::sh -c touch% /tmp/x", MODULE_REFUSED, "space" },
	{ "git::ext::sh", MODULE_REFUSED, "neither" },
	{ "ext::sh", MODULE_REFUSED, "neither" },
	{ "/etc", MODULE_REFUSED, "neither" },
	{ "git::/srv/x", MODULE_REFUSED, "neither" },
	{ "..", MODULE_REFUSED, "neither" },
	{ "a/../c", MODULE_REFUSED, "neither" },
	{ "git::https://example.org/x?ref=--upload-pack=touch", MODULE_REFUSED, "ref" },
	{ "git::https://example.org/x?depth=1&ref=-x", MODULE_REFUSED, "ref" },
	{ "git::https://example.org/x?r%65f=-x", MODULE_REFUSED, "query" },
	{ "git::ssh://example.org/x?sshkey=AAAA", MODULE_REFUSED, "query" },
	{ "git::ssh://-oProxyCommand=x/y", MODULE_REFUSED, "host" },
	{ "git::https://example.org/a/../b", MODULE_REFUSED, "path" },
	{ "git::https://example.org/a/%2e%2e/b", MODULE_REFUSED, "path" },
	{ "https:///x", MODULE_REFUSED, "host" },
	{ "a\nb/c/d", MODULE_REFUSED, "control" },
};

static void module(void **state)
{
	const struct module_case *row = *state;
	char found[SOURCE_BYTES_MAX];

	assert_int_equal(source_of_module(row->name, strlen(row->name), false, found), row->kind);
	if (row->kind == MODULE_REMOTE)
		assert_string_equal(found, row->want);
	else if (row->kind == MODULE_REFUSED)
		assert_contains(found, row->want);
}

static const struct pattern_case {
	const char *name, *source;
	bool is_allowed;
} pattern_cases[] = {
	{ REGISTRY "hashicorp/*", REGISTRY "hashicorp/aws", true },
	{ REGISTRY "hashicorp/*", REGISTRY "evil/aws", false },
	{ REGISTRY "hashicorp/*", "registry.terraform.io.evil.example/hashicorp/aws", false },
	{ "*/hashicorp/*", REGISTRY "hashicorp/aws", true },
	{ "git::https://*.example.org/*", "git::https://git.example.org/a/b", true },
	{ "git::https://*.example.org/*", "git::https://evil.example/x.example.org/y", false },
	{ "git::https://git.example.org/*", "git::ssh://git.example.org/a", false },
	{ "git::https://git.example.org/acme/*", "git::https://git.example.org/evil/a", false },
};

static void pattern(void **state)
{
	const struct pattern_case *row = *state;
	char *list[] = { (char *)(uintptr_t)row->name, NULL };

	assert_true(source_is_pattern(row->name));
	assert_int_equal(source_is_allowed(list, 1, row->source), row->is_allowed);
	assert_true(source_is_allowed(NULL, 0, row->source));
}

static void no_pattern(_unused_ void **state)
{
	static const char *const texts[] = { "", "aws", "host/", "!host/a/b", "./x", "a b/c",
		"git::https://user@host/x" };

	for (size_t i = 0; i < countof(texts); i++)
		assert_false(source_is_pattern(texts[i]));
}

/* ---- whole trees ---- */

#define EVIL "evil.example/x/y"

static const struct tree_case {
	const char *name, *file, *text, *said; /* NULL: nothing is wrong with it */
} tree_cases[] = {
	{ "plain", "main.tf",
		"terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  "
		"}\n}\n",
		NULL },
	{ "evil", "main.tf",
		"terraform {\n required_providers {\n  y = {\n   version = \"1\"\n   source = "
		"\"" EVIL "\"\n  }\n }\n}\n",
		"main.tf asks for the provider " EVIL },
	{ "on one line", "main.tf",
		"terraform {\n required_providers {\n  y = { version = \"1\", source = \"" EVIL
		"\" }\n }\n}\n",
		EVIL },
	{ "a quoted key and a colon", "main.tf",
		"terraform {\n required_providers {\n  y = { \"source\" : \"" EVIL "\" }\n }\n}\n",
		EVIL },
	{ "behind a heredoc with a brace", "main.tf",
		"locals {\n a = <<EOT\n}}}\nEOT\n}\nterraform {\n required_providers {\n  y = { "
		"source = \"" EVIL "\" }\n }\n}\n",
		EVIL },
	{ "behind a list of objects", "main.tf",
		"locals {\n a = [{ b = \"}\" }, \"${x({a = 1})}\"]\n}\nterraform { "
		"required_providers "
		"{\n y = { source = \"" EVIL "\" }\n}\n}\n",
		EVIL },
	{ "a comment is nothing", "main.tf",
		"# terraform { required_providers { y = { source = \"" EVIL "\" } } }\n", NULL },
	{ "an escape", "main.tf",
		"terraform {\n required_providers {\n  y = { source = \"evil\\u002eexample/x/y\" "
		"}\n }\n}\n",
		"between quotes" },
	{ "an expression", "main.tf", "module \"m\" {\n  source = (\"" EVIL "/z\")\n}\n",
		"between quotes" },
	{ "two texts", "main.tf", "module \"m\" {\n  source = \"./m\" == 1 ? \"a\" : \"b\"\n}\n",
		"between quotes" },
	{ "a module of a registry", "main.tf", "module \"m\" {\n  source = \"acme/vpc/aws\"\n}\n",
		NULL },
	{ "a module of elsewhere", "main.tf", "module \"m\" {\n  source = \"evil/vpc/aws\"\n}\n",
		"sandbox.modules.allow" },
	{ "a module outside of the tree", "main.tf", "module \"m\" {\n  source = \"../../m\"\n}\n",
		"outside of the repository" },
	{ "a source of something else", "main.tf",
		"resource \"a\" \"b\" {\n  source = \"../../m\"\n}\n", NULL },
	{ "in a module of the tree", "sub/x.tf", "module \"m\" {\n  source = \"evil/vpc/aws\"\n}\n",
		"sub/x.tf asks for the module" },
	{ "JSON", "main.tf.json",
		"{\"terraform\": [{\"required_providers\": [{\"y\": {\"source\": \"" EVIL
		"\"}}]}]}",
		EVIL },
	{ "a module in JSON", "main.tf.json",
		"{\"module\": {\"m\": [{\"source\": \"evil/vpc/aws\"}]}}", "evil/vpc/aws" },
	{ "a key twice in JSON", "main.tf.json",
		"{\"module\": {\"m\": {\"source\": \"./sub\", \"source\": \"evil/vpc/aws\"}}}",
		"main.tf.json" },
	{ "a file of OpenTofu", "main.tofu", "module \"m\" {\n  source = \"evil/vpc/aws\"\n}\n",
		NULL },
	{ "the lock file", ".terraform.lock.hcl",
		"provider \"" EVIL "\" {\n  version = \"1.0.0\"\n  hashes = [\"h1:x\"]\n}\n",
		".terraform.lock.hcl asks for the provider " EVIL },
};

static void put_file(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void tree(void **state)
{
	cases_need_openat2(); /* first: it may skip the case */
	const struct tree_case *row = *state;
	static int number;
	_cleanup_free_ char *folder = mem_printf("%s/%d", cases_folder(), number++);
	_cleanup_free_ char *project = mem_printf("%s/p", folder);
	_cleanup_free_ char *sub = mem_printf("%s/p/sub", folder);
	struct site site = { 0 };
	struct job_spec spec = { .dir = "p", .tool = "terraform" };
	struct err err;
	int r;

	assert_int_equal(mkdir(folder, 0700) + mkdir(project, 0700) + mkdir(sub, 0700), 0);
	put_file(project, "sub.tf", "module \"sub\" {\n  source = \"./sub\"\n}\n");
	put_file(project, row->file, row->text);
	strvec_push(&site.providers, REGISTRY "hashicorp/*");
	strvec_push(&site.modules, REGISTRY "acme/*");
	r = needs_check_tree(&site, &spec, folder, &err);
	if (row->said == NULL)
		assert_ok(r, &err);
	else if (!str_equal(row->name, "a key twice in JSON"))
		assert_err(r, &err, ERR_REFUSED, row->said);
	else
		assert_err(r, &err, ERR_SYNTAX, row->said);
	strvec_release(&site.providers);
	strvec_release(&site.modules);
}

/* ---- values ---- */

static void on_value(void *owner, const struct hcl_value *value)
{
	struct strbuf *out = owner;

	for (size_t i = 0; i < value->depth; i++)
		strbuf_printf(out, "%.*s%s%.*s/", (int)value->frames[i].word.length,
			value->frames[i].word.text, value->frames[i].label.length > 0 ? " " : "",
			(int)value->frames[i].label.length,
			value->frames[i].label.length > 0 ? value->frames[i].label.text : "");
	strbuf_printf(
		out, "%.*s%s", (int)value->key.length, value->key.text, value->is_item ? "+" : "=");
	strbuf_printf(out, "%.*s;", value->is_text || value->is_item ? (int)value->text.length : 1,
		value->is_text || value->is_item ? value->text.text : "?");
}

static const struct walk_case {
	const char *name, *want;
} walk_cases[] = {
	{ "a = \"b\"", "a=b;" },
	{ "a = \"b\" # c\n", "a=b;" },
	{ "a \"b\" \"c\" {\n d = \"e\"\n}\nf = \"g\"", "a b/d=e;f=g;" },
	{ "a {\n}\nb = 1\nc = \"d\"", "b=?;c=d;" },
	{ "a = [\"b\", \"c\",\n\"d\"]\ne = \"f\"", "a+b;a+c;a+d;e=f;" },
	{ "a = f({ b = \"c\" })\nd = \"e\"", "a=?;d=e;" },
	{ "a = {\n b = { c = \"d\", e : \"f\" }\n}\n", "a/b/c=d;a/b/e=f;" },
	{ "a = \"b${c}\"", "a=?;" },
	{ "}}}\na = \"b\"", "a=b;" },
	{ "a = \"b\"}\nc = \"d\"", "a=b;c=d;" },
};

static void walk(void **state)
{
	const struct walk_case *row = *state;
	_cleanup_strbuf_ struct strbuf out = STRBUF(4096);

	hcl_walk(row->name, strlen(row->name), on_value, &out);
	assert_string_equal(strbuf_text(&out), row->want);
}

int main(int argc, char **argv)
{
	CASES(provider_cases, provider);
	CASES(module_cases, module);
	CASES(pattern_cases, pattern);
	CASE(no_pattern);
	CASES(tree_cases, tree);
	CASES(walk_cases, walk);
	return cases_run(argc, argv);
}
