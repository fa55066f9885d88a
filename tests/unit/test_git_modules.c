/* links: vcs_git lib */
/* Local modules found in Terraform files, and the cache of what was found. */
#include "tests/lib/cases.h"

#include "vcs/git/module_cache.h"
#include "vcs/git/module_scan.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
	const char *text;
	const char *found; /* separated by commas */
} files[] = {
	{ "module \"a\" {\n  source = \"./x\"\n}\n", "./x" },
	{ "module \"a\" { source = \"../x\" }\nmodule b { source=\"./y\" }", "../x,./y" },
	{ "module \"a\"\n{\n source = \"./x\"\n}\n", "" }, /* the brace belongs on the line */
	{ "module \"a\" {\n  source = \"hashicorp/x\"\n version = \"1\"}\n", "" },
	{ "module \"a\" {\n  source = \"git::file:///x\"\n}\n", "" },
	{ "module \"a\" {\n  source = \"./x/${var.y}\"\n}\n", "" },
	{ "module \"a\" {\n  source = \"./x\\\"y\"\n}\n", "" },
	{ "module \"a\" {\n  source = \".\"\n}\n", "" },
	{ "module \"a\" {\n  source = \".x\"\n}\n", "" },
	{ "# module \"a\" { source = \"./x\" }\n", "" },
	{ "// module \"a\" { source = \"./x\" }\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "/* module \"a\" {\n source = \"./x\"\n} */ module \"b\" { source = \"./y\" }", "./y" },
	{ "/* never closed module \"b\" { source = \"./y\" }", "" },
	{ "module \"a\" { # {\n  source = \"./x\" // }\n}\n", "./x" },
	{ "module \"a\" {\n  source = /* here */ \"./x\"\n}\n", "./x" },
	{ "locals { t = \"module \\\"a\\\" { source = ./x\" }\nmodule \"b\" { source = \"./y\" }",
		"./y" },
	{ "locals { t = \"${\"}\"}{\" }\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "locals { t = \"$${\" }\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "locals { t = \"%{ if x }{%{ endif }\" }\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "locals { t = \"${f({a = \"${b}\"})}\" }\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "locals {\n t = <<EOT\nmodule \"a\" {\n source = \"./x\"\n}\n\"{{{\nEOT\n}\nmodule \"b\" "
	  "{ source = \"./y\" }",
		"./y" },
	{ "locals {\n t = <<-EOT\n  \"{\n  EOT\n}\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "locals {\n t = <<EOT\n EOTX\nXEOT\n{", "" },
	{ "locals { x = 1 << 2 }\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "resource \"x\" \"module\" {\n source = \"./x\"\n}\n", "" },
	{ "resource \"x\" \"y\" {\n module \"z\" {\n source = \"./x\"\n}\n}\n", "" },
	{ "module \"a\" {\n providers = {\n source = \"./no\"\n}\n source = \"./x\"\n}\n", "./x" },
	{ "module \"a\" {\n nested {\n source = \"./no\"\n}\n}\n", "" },
	{ "module \"a\" {\n x = source\n y = \"./no\"\n}\n", "" },
	{ "module \"a\" {\n source.x = \"./no\"\n}\n", "" },
	{ "module \"a\" {\n source == \"./no\"\n}\n", "" },
	{ "module \"a\" {\r\n  source = \"./x\"\r\n}\r\n", "./x" },
	{ "\xef\xbb\xbfmodule \"a\" {\n  source = \"./x\"\n}\n", "./x" },
	{ "module \"a\" \"b\" {\n  source = \"./x\"\n}\n", "" },
	{ "}}}}module \"a\" {\n  source = \"./x\"\n}\n", "./x" },
	{ "module \"unclosed {\n source = \"./x\"\n}\n", "" },
	{ "module \"a\" {\n source = \"./unclosed\n}\nmodule \"b\" { source = \"./y\" }", "./y" },
	{ "terraform {\n cloud {\n  workspaces {\n   name = \"prod-1\"\n  }\n }\n}\n", "=prod-1" },
	{ "terraform {\n cloud {\n  organization = \"x\"\n  workspaces {\n   tags = [\"a\"]\n  }\n "
	  "}\n}\n",
		"" },
	{ "terraform {\n cloud {\n  workspaces {\n   name = \"a b\"\n  }\n }\n}\n", "" },
	{ "terraform {\n cloud {\n  workspaces {\n   name = \"../x\"\n  }\n }\n}\n", "" },
	{ "terraform {\n cloud {\n  workspaces {\n   name = \"${x}\"\n  }\n }\n}\n", "" },
	{ "terraform {\n backend \"remote\" {\n  workspaces {\n   name = \"cloud\"\n  }\n }\n}\n",
		"" },
	{ "cloud {\n workspaces {\n  name = \"x\"\n }\n}\n", "" },
	{ "terraform {\n cloud {\n  hostname = \"h\"\n }\n x {\n  workspaces {\n   name = "
	  "\"x\"\n  }\n }\n}\nmodule \"a\" {\n source = \"./x\"\n}\n",
		"./x" },
	{ "terraform {\n cloud {\n  workspaces {\n   name = \"w\"\n  }\n }\n}\nmodule \"a\" {\n "
	  "source = \"./x\"\n}\n",
		"=w,./x" },
	{ "module", "" },
	{ "module \"a\" { source = \"", "" },
	{ "module \"a\" { source = \"./x", "" },
	{ "module \"a\" { source = \"\\", "" },
	{ "module <<", "" },
	{ "module <<E", "" },
	{ "", "" },
};

static const struct {
	const char *text;
	const char *found;
} json_files[] = {
	{ "{\"module\":{\"a\":{\"source\":\"./x\"}}}", "./x" },
	{ "{\"module\":[{\"a\":[{\"source\":\"./x\"}]},{\"b\":{\"source\":\"../y\"}}]}",
		"./x,../y" },
	{ "[{\"module\":{\"a\":{\"source\":\"./x\"}}}]", "./x" },
	{ "{\"module\":{\"a\":{\"source\":{\"x\":1}}}}", "" },
	{ "{\"module\":{\"a\":{\"source\":\"registry/x\"}}}", "" },
	{ "{\"module\":[[[1]]]}", "" },
	{ "{\"terraform\":{\"cloud\":{\"workspaces\":{\"name\":\"prod\"}}}}", "=prod" },
	{ "{\"terraform\":[{\"cloud\":[{\"workspaces\":[{\"name\":\"prod\"}]}]}]}", "=prod" },
	{ "{\"terraform\":{\"cloud\":{\"workspaces\":{\"name\":\"-x\"}}}}", "" },
	{ "{\"terraform\":{\"cloud\":5}}", "" },
	{ "{\"module\":5}", "" },
	{ "5", "" },
	{ "{", "" },
	{ "", "" },
};

static void expect(const char *text, const struct strbuf *found, const char *wanted)
{
	_cleanup_strbuf_ struct strbuf joined = STRBUF(1000);

	for (size_t i = 0; i < found->length; i += strlen(found->data + i) + 1)
		strbuf_printf(&joined, "%s%s", i > 0 ? "," : "", found->data + i);
	if (strcmp(strbuf_text(&joined), wanted) != 0)
		fail_msg("%s\nfound: %s", text, strbuf_text(&joined));
}

static void finds_local_modules(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(files); i++) {
		_cleanup_strbuf_ struct strbuf found = STRBUF(1000);
		/* a copy of the exact size, so that a step too far is seen */
		_cleanup_free_ char *copy = mem_alloc(strlen(files[i].text) + 1);

		memcpy(copy, files[i].text, strlen(files[i].text));
		module_scan(copy, strlen(files[i].text), &found);
		expect(files[i].text, &found, files[i].found);
	}
}

static void finds_local_modules_in_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(json_files); i++) {
		_cleanup_strbuf_ struct strbuf found = STRBUF(1000);

		module_scan_json(json_files[i].text, strlen(json_files[i].text), &found);
		expect(json_files[i].text, &found, json_files[i].found);
	}
}

/* Every prefix of every file, and bytes changed: never past the end, never a loop. */
static void survives_broken_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(files); i++) {
		size_t length = strlen(files[i].text);

		for (size_t cut = 0; cut <= length; cut++) {
			_cleanup_strbuf_ struct strbuf found = STRBUF(1000);
			_cleanup_free_ char *copy = mem_alloc(cut);

			memcpy(copy, files[i].text, cut);
			module_scan(copy, cut, &found);
			for (size_t k = 0; k < cut; k++) {
				copy[k] = "\"{}$<\\/*\n\0"[(cut + k) % 10];
				module_scan(copy, cut, &found);
			}
		}
	}
}

static void survives_deep_templates(void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(1 << 20), found = STRBUF(1000);

	(void)state;
	strbuf_puts(&text, "module x { y = ");
	for (int i = 0; i < 100000; i++)
		strbuf_puts(&text, "\"${");
	module_scan(text.data, text.length, &found);
	assert_int_equal(found.length, 0);
}

static void remembers_what_was_found(void **state)
{
	char folder[] = "/tmp/sluice-test-XXXXXX", path[100];
	struct module_cache cache;
	const char *text;
	size_t length;
	git_oid oid;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_DIRECTORY | O_RDONLY);
	memset(&oid, 0, sizeof(oid));
	for (int round = 0; round < 3; round++) {
		module_cache_open(&cache, fd);
		for (int i = 0; i < 300; i++) {
			oid.id[0] = (unsigned char)(i * 7);
			oid.id[1] = (unsigned char)(i >> 3);
			if (module_cache_get(&cache, &oid, &text, &length)) {
				assert_int_equal(length, i % 3 == 0 ? 0 : 4);
				if (length > 0)
					assert_string_equal(text, "./x");
			} else {
				assert_true(round == 0 || i >= 100 * round);
				if (i < 100 * (round + 1))
					module_cache_put(&cache, &oid, "./x", i % 3 == 0 ? 0 : 4);
			}
		}
		module_cache_put(&cache, &oid, "./x", 4); /* twice the same is one */
		module_cache_close(&cache);
	}
	close(fd);
	snprintf(path, sizeof(path), "%s/modules.cache", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
}

int main(int argc, char **argv)
{
	CASE(finds_local_modules);
	CASE(finds_local_modules_in_json);
	CASE(survives_broken_files);
	CASE(survives_deep_templates);
	CASE(remembers_what_was_found);
	return cases_run(argc, argv);
}
