/* links: vcs_git model lib_yaml lib */
/* What a kustomization is made of, as far as it lies in the repository. */
#include "tests/lib/cases.h"

#include "vcs/git/base_scan.h"

#include <string.h>

static const struct scan_case {
	const char *name, *text;
	const char *found; /* separated by commas */
} scan_cases[] = {
	{ "resources", "resources: [../base, d.yaml]\n", "../base,d.yaml" },
	{ "every list of paths",
		"bases: [a]\ncomponents: [b]\ncrds: [c]\nconfigurations: [d]\ngenerators: [e]\n"
		"transformers: [f]\nvalidators: [g]\npatchesStrategicMerge: [h]\n",
		"a,b,c,d,e,f,g,h" },
	{ "paths of patches",
		"patches:\n- path: p.yaml\n- patch: 'x'\npatchesJson6902: [{path: q}]\n",
		"p.yaml,q" },
	{ "replacements and values",
		"replacements: [{path: r}]\nhelmCharts: [{name: x, valuesFile: ../v.yaml}]\n",
		"r,../v.yaml" },
	{ "files of generators",
		"configMapGenerator:\n- {name: a, files: [x.conf, name=sub/y.conf], envs: [.env], "
		"env: f}\n"
		"secretGenerator: [{name: b, files: [z]}]\n",
		"x.conf,sub/y.conf,.env,f,z" },
	{ "other machines",
		"resources: ['https://example.org/x', 'github.com/a/b?ref=v1', "
		"'git@example.org:a/b', "
		"'ssh://x', '../a?ref=v1', '/etc', ok]\n",
		"ok" },
	{ "inline patches are no paths", "patchesStrategicMerge:\n- |\n  a: b\n  c: d\n", "" },
	{ "another shape", "resources: {a: b}\npatches: [x]\nconfigMapGenerator: x\n", "" },
	{ "no YAML", "resources: [", "" },
	{ "no map", "- a\n", "" },
	{ "nothing", "", "" },
};

static void finds(void **state)
{
	const struct scan_case *row = *state;
	_cleanup_strbuf_ struct strbuf found = STRBUF(1 << 16), told = STRBUF(1 << 16);

	base_scan(row->text, strlen(row->text), &found);
	for (size_t i = 0; i < found.length; i += strlen(strbuf_text(&found) + i) + 1) {
		assert_int_equal(strbuf_text(&found)[i], BASE_SCAN_PATH);
		strbuf_printf(&told, "%s%s", i == 0 ? "" : ",", strbuf_text(&found) + i + 1);
	}
	assert_string_equal(strbuf_text(&told), row->found);
}

int main(int argc, char **argv)
{
	CASES(scan_cases, finds);
	return cases_run(argc, argv);
}
