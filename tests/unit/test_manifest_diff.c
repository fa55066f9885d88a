/* links: runner model lib_yaml lib_regex lib */
/* What two streams of manifests differ in, as people are told. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/strbuf.h"
#include "runners/manifests.h"

#include <string.h>

#define META(kind, name)   "apiVersion: v1\nkind: " kind "\nmetadata: {name: " name "}\n"
#define CONFIG(name, data) META("ConfigMap", name) "data: {" data "}\n"
#define SECRET(name, more) META("Secret", name) more "\n"
#define POD(spec)	   META("Pod", "p") "spec: {" spec "}\n"
#define CONTAINERS(list)   POD("containers: [" list "]")
#define ANNOTATED(pairs)                                                                           \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {" pairs "}}\n"
#define NEXT   "---\n"
#define HASH_A "-k7ht2gf4m9"
#define HASH_B "-2c7mdfb68t"

static const struct diff_case {
	const char *name, *before, *after;
	const char *told; /* a line for each resource, one for each attribute */
} diff_cases[] = {
	/* identity */
	{ "nothing at all", "", "", "" },
	{ "new", "", CONFIG("a", "x: y"), "create ConfigMap.a\n" },
	{ "removed is pruned", CONFIG("a", ""), "", "delete ConfigMap.a [pruned]\n" },
	{ "only the order of documents", CONFIG("a", "") NEXT CONFIG("b", ""),
		CONFIG("b", "") NEXT CONFIG("a", ""), "" },
	{ "another namespace is another resource",
		"apiVersion: v1\nkind: Role\nmetadata: {name: r, namespace: x}\n",
		"apiVersion: v1\nkind: Role\nmetadata: {name: r, namespace: y}\n",
		"delete Role.x/r [pruned]\ncreate Role.y/r\n" },
	{ "another version of a group is the same resource",
		"apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: d}\n",
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
		"update Deployment.d\n  apiVersion: apps/v1beta1 -> apps/v1\n" },
	{ "another group is another resource",
		"apiVersion: a.example/v1\nkind: X\nmetadata: {name: d}\n",
		"apiVersion: b.example/v1\nkind: X\nmetadata: {name: d}\n",
		"delete X.d (a.example) [pruned]\ncreate X.d (b.example)\n" },
	{ "a list holds resources", "",
		"apiVersion: v1\nkind: ConfigMapList\nitems:\n- "
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
		"create ConfigMap.a\n" },
	/* what is destroyed */
	{ "stateful set", META("StatefulSet", "s"), "",
		"delete StatefulSet.s [pruned, DESTRUCTIVE: what it holds goes with it]\n" },
	{ "claim", META("PersistentVolumeClaim", "s"), "",
		"delete PersistentVolumeClaim.s [pruned, DESTRUCTIVE: what it holds goes with "
		"it]\n" },
	{ "namespace", META("Namespace", "s"), "",
		"delete Namespace.s [pruned, DESTRUCTIVE: what it holds goes with it]\n" },
	{ "definition", META("CustomResourceDefinition", "s"), "",
		"delete CustomResourceDefinition.s [pruned, DESTRUCTIVE: what it holds goes with "
		"it]\n" },
	{ "the worst comes first",
		CONFIG("a", "") NEXT META("Namespace", "z") NEXT CONFIG("c", "x: 1"),
		CONFIG("b", "") NEXT CONFIG("c", "x: 2"),
		"delete Namespace.z [pruned, DESTRUCTIVE: what it holds goes with it]\n"
		"delete ConfigMap.a [pruned]\nupdate ConfigMap.c\n  data.x: 1 -> 2\ncreate "
		"ConfigMap.b\n" },
	{ "what is kept says so",
		"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: s, annotations: "
		"{argocd.argoproj.io/sync-options: Prune=false}}\n",
		"",
		"delete PersistentVolumeClaim.s [stays in the cluster: an annotation of it says "
		"so]\n" },
	/* scalars and how they are written */
	{ "format",
		"{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": "
		"\"a\"}, \"data\": {\"x\": \"y\"}}\n",
		"kind: ConfigMap\napiVersion: v1\ndata:\n  x: 'y'\nmetadata:\n    name: a\n", "" },
	{ "block and flow", CONFIG("a", "x: \"one\\ntwo\\n\""),
		META("ConfigMap", "a") "data:\n  x: |\n    one\n    two\n", "" },
	{ "a number is no text", CONFIG("a", "x: 1"), CONFIG("a", "x: \"1\""),
		"update ConfigMap.a\n  data.x: 1 -> \"1\"\n" },
	{ "numbers by value", POD("x: 1.0"), POD("x: 1"), "" },
	{ "octal is none", POD("mode: 0644"), POD("mode: 644"),
		"update Pod.p\n  spec.mode: 0644 -> 644\n" },
	{ "null is absent", POD("x: null"), POD(""), "" },
	{ "an empty map is not", POD("emptyDir: {}"), POD(""),
		"update Pod.p\n  spec.emptyDir: {} -> (none)\n" },
	{ "alias and merge", "x: &m {a: 1}\napiVersion: v1\nkind: X\nmetadata: {name: x}\ny: *m\n",
		"x: {a: 1}\napiVersion: v1\nkind: X\nmetadata: {name: x}\ny: {a: 1}\n", "" },
	{ "the line of a text",
		META("ConfigMap", "a") "data:\n  f: |\n    one\n    two\n    three\n",
		META("ConfigMap", "a") "data:\n  f: |\n    one\n    TWO\n    three\n",
		"update ConfigMap.a\n  data.f line 2: two -> TWO\n" },
	{ "only the last break", META("ConfigMap", "a") "data:\n  f: |\n    one\n",
		META("ConfigMap", "a") "data:\n  f: |-\n    one\n",
		"update ConfigMap.a\n  data.f: one\\n -> one\n" },
	{ "keys with dots", ANNOTATED("a.b/c: x"), ANNOTATED("a.b/c: y"),
		"update Pod.p\n  metadata.annotations[\"a.b/c\"]: x -> y\n" },
	{ "a flat map that is new", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n",
		ANNOTATED("a: x, b: y"),
		"update Pod.p\n  metadata.annotations.a: (none) -> x\n  metadata.annotations.b: "
		"(none) -> y\n" },
	/* lists */
	{ "containers by name", CONTAINERS("{name: a, image: x}, {name: b, image: y}"),
		CONTAINERS("{name: b, image: z}, {name: a, image: x}"),
		"image y -> z\nupdate Pod.p\n  spec.containers[b].image: y -> z\n" },
	{ "a container that is new", CONTAINERS("{name: a, image: x}"),
		CONTAINERS("{name: s, image: y}, {name: a, image: x}"),
		"update Pod.p\n  spec.containers[s]: (none) -> {name: s, image: y}\n" },
	{ "init containers have an order", POD("initContainers: [{name: a}, {name: b}]"),
		POD("initContainers: [{name: b}, {name: a}]"),
		"update Pod.p\n  spec.initContainers: [{name: a}, {name: b}] -> [{name: b}, {name: "
		"a}]\n" },
	{ "environment by name",
		CONTAINERS("{name: a, env: [{name: X, value: \"1\"}, {name: Y, value: b}]}"),
		CONTAINERS("{name: a, env: [{name: Y, value: c}, {name: X, value: \"1\"}]}"),
		"update Pod.p\n  spec.containers[a].env[Y].value: b -> c\n" },
	{ "volumes by name", POD("volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {}}]"),
		POD("volumes: [{name: b, emptyDir: {}}]"),
		"update Pod.p\n  spec.volumes[a]: {name: a, emptyDir: {}} -> (none)\n" },
	{ "mounts by where",
		CONTAINERS("{name: a, volumeMounts: [{name: v, mountPath: /a}, {name: v, "
			   "mountPath: /b}]}"),
		CONTAINERS("{name: a, volumeMounts: [{name: v, mountPath: /b}, {name: w, "
			   "mountPath: /a}]}"),
		"update Pod.p\n  spec.containers[a].volumeMounts[/a].name: v -> w\n" },
	{ "ports of a container",
		CONTAINERS("{name: a, ports: [{containerPort: 53}, {containerPort: 53, protocol: "
			   "UDP}]}"),
		CONTAINERS("{name: a, ports: [{containerPort: 53, protocol: UDP}, {containerPort: "
			   "53, name: dns}]}"),
		"update Pod.p\n  spec.containers[a].ports[53].name: (none) -> dns\n" },
	{ "ports of a service",
		POD("ports: [{port: 80, targetPort: 1}, {port: 443, targetPort: 2}]"),
		POD("ports: [{port: 443, targetPort: 3}, {port: 80, targetPort: 1}]"),
		"update Pod.p\n  spec.ports[443].targetPort: 2 -> 3\n" },
	{ "hosts and paths of an ingress",
		POD("rules: [{host: a, http: {paths: [{path: /, pathType: Prefix, n: 1}]}}]"),
		POD("rules: [{host: b, http: {}}, {host: a, http: {paths: [{path: /, pathType: "
		    "Prefix, n: 2}]}}]"),
		"update Pod.p\n  spec.rules[a].http.paths[//Prefix].n: 1 -> 2\n  spec.rules[b]: "
		"(none) -> {host: b, http: {}}\n" },
	{ "claim templates",
		POD("volumeClaimTemplates: [{metadata: {name: d}, s: 1}, {metadata: {name: e}, s: "
		    "1}]"),
		POD("volumeClaimTemplates: [{metadata: {name: e}, s: 1}, {metadata: {name: d}, s: "
		    "2}]"),
		"update Pod.p\n  spec.volumeClaimTemplates[d].s: 1 -> 2\n" },
	{ "names that are not one each", POD("x: [{name: a, v: 1}, {name: a, v: 2}]"),
		POD("x: [{name: a, v: 1}, {name: a, v: 3}]"),
		"update Pod.p\n  spec.x[1].v: 2 -> 3\n" },
	{ "arguments are one text", CONTAINERS("{name: a, args: [x, y]}"),
		CONTAINERS("{name: a, args: [y, x]}"),
		"update Pod.p\n  spec.containers[a].args: [x, y] -> [y, x]\n" },
	{ "rules by their place",
		META("Role", "r") "rules: [{verbs: [get]}, {verbs: [list]}, {verbs: [watch]}]\n",
		META("Role", "r") "rules: [{verbs: [get]}, {verbs: [watch]}]\n",
		"update Role.r\n  rules[1]: {verbs: [list]} -> (none)\n" },
	{ "another kind of value", POD("x: [1]"), POD("x: {a: 1}"),
		"update Pod.p\n  spec.x: [1] -> {a: 1}\n" },
	/* images */
	{ "an image is told once", CONTAINERS("{name: a, image: x}, {name: b, image: x}"),
		CONTAINERS("{name: a, image: y}, {name: b, image: y}"),
		"image x -> y\nupdate Pod.p\n  spec.containers[a].image: x -> y\n  "
		"spec.containers[b].image: x -> y\n" },
	{ "of what is no container it is none", POD("image: x"), POD("image: y"),
		"update Pod.p\n  spec.image: x -> y\n" },
	/* generated names */
	{ "a hash is followed",
		CONFIG("c" HASH_A, "x: 1")
			NEXT POD("volumes: [{name: v, configMap: {name: c" HASH_A "}}]"),
		CONFIG("c" HASH_B, "x: 2")
			NEXT POD("volumes: [{name: v, configMap: {name: c" HASH_B "}}]"),
		"update ConfigMap.c" HASH_B " [the hash in its name was that of c" HASH_A
		"]\n  data.x: 1 -> 2\n" },
	{ "what refers to another is a change",
		CONFIG("c" HASH_A, "x: 1") NEXT POD("ref: c" HASH_A),
		CONFIG("c" HASH_B, "x: 2") NEXT POD("ref: other"),
		"update ConfigMap.c" HASH_B " [the hash in its name was that of c" HASH_A
		"]\n  data.x: 1 -> 2\n"
		"update Pod.p\n  spec.ref: c" HASH_A " -> other\n" },
	{ "another stem is another", CONFIG("c" HASH_A, ""), CONFIG("d" HASH_B, ""),
		"delete ConfigMap.c" HASH_A " [pruned]\ncreate ConfigMap.d" HASH_B "\n" },
	{ "a word is no hash", CONFIG("c-production", ""), CONFIG("c-developers", ""),
		"delete ConfigMap.c-production [pruned]\ncreate ConfigMap.c-developers\n" },
	{ "only of generated kinds", META("Service", "c" HASH_A), META("Service", "c" HASH_B),
		"delete Service.c" HASH_A " [pruned]\ncreate Service.c" HASH_B "\n" },
	{ "a secret with a hash", SECRET("c" HASH_A, "data: {x: c2VjcmV0}"),
		SECRET("c" HASH_B, "data: {x: b3RoZXI=}"),
		"update Secret.c" HASH_B " [the hash in its name was that of c" HASH_A
		"]\n  data.x: (hidden) -> (hidden)\n" },
	/* secrets */
	{ "data", SECRET("s", "data: {x: QQ==, y: QQ==}"), SECRET("s", "data: {x: Qg==, y: QQ==}"),
		"update Secret.s\n  data.x: (hidden) -> (hidden)\n" },
	{ "stringData", SECRET("s", "stringData: {x: aaa}"),
		SECRET("s", "stringData: {x: bbb, z: ccc}"),
		"update Secret.s\n  stringData.x: (hidden) -> (hidden)\n  stringData.z: (none) -> "
		"(hidden)\n" },
	{ "data that is new", SECRET("s", ""), SECRET("s", "data: {x: QQ==}"),
		"update Secret.s\n  data.x: (none) -> (hidden)\n" },
	{ "data that is no map", SECRET("s", "data: {x: QQ==}"), SECRET("s", "data: QQ=="),
		"update Secret.s\n  data: (hidden) -> (hidden)\n" },
	{ "an annotation of a secret",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {last: aaa}}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {last: bbb}}\n",
		"update Secret.s\n  metadata.annotations.last: (hidden) -> (hidden)\n" },
	{ "its type is none", SECRET("s", "type: a"), SECRET("s", "type: b"),
		"update Secret.s\n  type: a -> b\n" },
	{ "in the environment", CONTAINERS("{name: a, env: [{name: DB_PASSWORD, value: aaa}]}"),
		CONTAINERS("{name: a, env: [{name: DB_PASSWORD, value: bbb}, {name: API-TOKEN, "
			   "value: ccc}]}"),
		"update Pod.p\n  spec.containers[a].env[API-TOKEN]: (none) -> {name: API-TOKEN, "
		"value: (hidden)}\n"
		"  spec.containers[a].env[DB_PASSWORD].value: (hidden) -> (hidden)\n" },
	{ "in a config map", CONFIG("a", "password: aaa"), CONFIG("a", "password: bbb"),
		"update ConfigMap.a\n  data.password: (hidden) -> (hidden)\n" },
	{ "the name of a secret is none", POD("secretName: a"), POD("secretName: b"),
		"update Pod.p\n  spec.secretName: a -> b\n" },
	/* noise */
	{ "generated fields are counted", ANNOTATED("checksum/config: a, x: \"1\""),
		ANNOTATED("checksum/config: b, x: \"1\""), "update Pod.p (1 hidden)\n" },
	{ "beside others", ANNOTATED("checksum/config: a, x: y"),
		ANNOTATED("checksum/config: b, x: z"),
		"update Pod.p (1 hidden)\n  metadata.annotations.x: y -> z\n" },
	{ "bundles", META("W", "w") "webhooks: [{name: a, clientConfig: {caBundle: x, url: u}}]\n",
		META("W", "w") "webhooks: [{name: a, clientConfig: {caBundle: y, url: v}}]\n",
		"update W.w (1 hidden)\n  webhooks[a].clientConfig.url: u -> v\n" },
	{ "what only begins so is shown", ANNOTATED("checksums: a"), ANNOTATED("checksums: b"),
		"update Pod.p\n  metadata.annotations.checksums: a -> b\n" },
	/* hostile */
	{ "a name with Markdown and breaks", "",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\n- b `c` <!-- x\"}\n",
		"create Pod.a - b `c` <!-- x\n" },
};

static void tell_resource(const struct plan_resource *one, struct strbuf *out)
{
	strbuf_printf(out, "%s %s", plan_action_name(one->action), one->address);
	if (one->note != NULL)
		strbuf_printf(out, " [%s]", one->note);
	if (one->hidden > 0)
		strbuf_printf(out, " (%d hidden)", one->hidden);
	strbuf_putc(out, '\n');
	for (size_t i = 0; i < one->attribute_count; i++)
		strbuf_printf(out, "  %s: %s -> %s\n", one->attributes[i].path,
			one->attributes[i].before == NULL ? "(none)" : one->attributes[i].before,
			one->attributes[i].after == NULL ? "(none)" : one->attributes[i].after);
}

static int summarise(const char *before, const char *after, bool skips_others, struct arena *arena,
	struct plan_summary *ret, struct err *err)
{
	const struct manifests_input input = { before, after, strlen(before), strlen(after),
		skips_others };

	return manifests_summarise(&input, arena, ret, err);
}

static void differs(void **state)
{
	const struct diff_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf told = STRBUF(64 << 10);
	struct plan_summary summary;
	struct err err = { 0 };

	assert_ok(summarise(row->before, row->after, false, &arena, &summary, &err), &err);
	for (size_t i = 0; i < summary.image_count; i++)
		strbuf_printf(&told, "image %s -> %s\n", summary.images[i].before,
			summary.images[i].after);
	for (size_t i = 0; i < summary.resource_count; i++)
		tell_resource(&summary.resources[i], &told);
	assert_string_equal(strbuf_text(&told), row->told);
}

/* What is taken away on one side is brought on the other: as many differences both ways. */
static void differs_both_ways(void **state)
{
	const struct diff_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct plan_summary there, back;
	struct err err = { 0 };

	assert_ok(summarise(row->before, row->after, false, &arena, &there, &err), &err);
	assert_ok(summarise(row->after, row->before, false, &arena, &back, &err), &err);
	assert_int_equal(there.create, back.delete);
	assert_int_equal(there.delete, back.create);
	assert_int_equal(there.update, back.update);
	assert_ok(summarise(row->after, row->after, false, &arena, &back, &err), &err);
	assert_int_equal(back.resource_count, 0);
}

static const struct wrong_case {
	const char *name, *after, *says;
} wrong_cases[] = {
	{ "no YAML", "a: [", "what the change makes, line" },
	{ "no kind", "a: 1\n", "it has no apiVersion or no kind" },
	{ "no name", "apiVersion: v1\nkind: Pod\n", "it has no metadata.name" },
	{ "twice", CONFIG("a", "x: 1") NEXT CONFIG("a", "x: 2"), "ConfigMap.a is there twice" },
	{ "a key twice", META("Pod", "p") "a: 1\na: 2\n", "the key \"a\" is given twice" },
	{ "laughs",
		"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c "
		"[*b,*b,*b,*b,*b,*b,*b,*b]\n"
		"d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f "
		"[*e,*e,*e,*e,*e,*e,*e,*e]\n"
		"g: [*f,*f,*f,*f,*f,*f,*f,*f]\n",
		"too many entries" },
};

static void refuses(void **state)
{
	const struct wrong_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct plan_summary summary;
	struct err err = { 0 };
	int r = summarise("", row->after, false, &arena, &summary, &err);

	assert_true(r < 0);
	assert_non_null(strstr(err.text, row->says));
}

/* Among plain files there are others. */
static void others_are_left_out(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct plan_summary summary;
	struct err err = { 0 };

	assert_ok(
		summarise("", "a: 1\n---\n[]\n---\n" CONFIG("a", ""), true, &arena, &summary, &err),
		&err);
	assert_int_equal(summary.create, 1);
}

static void put_many(struct strbuf *out, int count, int odd)
{
	for (int i = 0; i < count; i++)
		strbuf_printf(out,
			"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d%d}\nspec:\n"
			"  replicas: %d\n",
			i, i % 2 == 0 ? 1 : odd);
}

static void what_is_too_much_is_counted(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf before = STRBUF(8 << 20), after = STRBUF(8 << 20);
	struct plan_summary summary;
	struct err err = { 0 };

	put_many(&before, 2000, 1);
	put_many(&after, 2000, 2);
	assert_ok(
		summarise(strbuf_text(&before), strbuf_text(&after), false, &arena, &summary, &err),
		&err);
	assert_int_equal(summary.update, 1000);
	assert_int_equal(summary.resource_count, PLAN_RESOURCES_MAX);
	assert_int_equal(summary.resources_left_out, 500);
}

int main(int argc, char **argv)
{
	CASES(diff_cases, differs);
	CASES(diff_cases, differs_both_ways);
	CASES(wrong_cases, refuses);
	CASE(others_are_left_out);
	CASE(what_is_too_much_is_counted);
	return cases_run(argc, argv);
}
