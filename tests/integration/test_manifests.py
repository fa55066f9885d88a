#!/usr/bin/env python3
"""Kustomize, Helm and plain manifests: built of base and head with the real tools, compared, and applied by the merge.

    tests/integration/test_manifests.py [CASE ...]

Results: build/report/results/manifests.tsv; on stdout only what did not pass."""

import contextlib
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from one_pull import OnePull  # noqa: E402
from sluice import Skip, expect, run_cases, write_files  # noqa: E402
from runner_lab import MODE, PLAN, PLAN_STEP, Cases, Lab, run, step, tool  # noqa: E402

CASES = Cases()
case = CASES.plain
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: %d
  template:
    spec:
      containers:
        - {name: web, image: "registry.example.org/shop:%s"}
"""
CHART = {"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n", "values.yaml": "replicas: 1\n",
         "templates/one.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-one}\n"
                               "data: {replicas: {{ .Values.replicas | quote }}}\n"}


def kustomization(*resources, more=""):
    return "resources: %s\n%s" % (json.dumps(resources), more)


@contextlib.contextmanager
def builder(**more):
    """A started runner that has the real tools."""
    found = {name: tool(name) for name in ("kustomize", "helm")}
    for name, path in found.items():
        if path is None:
            raise Skip("%s is neither in .tools nor in PATH" % name)
    lab = Lab(**{name: os.path.realpath(path) for name, path in {**found, **more}.items() if path})
    with contextlib.closing(lab):
        lab.start()
        yield lab


def build(lab, kind, base, head, folder="app", **more):
    number = lab.next
    base, head = lab.tree("b%d" % number, base), lab.tree("h%d" % number, head)
    return lab.run(PLAN, head, base_tree=base, tool=kind, dir=folder, **more)


def rendered(lab, ended, side):
    with open(os.path.join(lab.job_dir(lab.next - 1), "rendered-%s.yaml" % side)) as stream:
        return stream.read()


# ---- what is built --------------------------------------------------------------------------------------------------


@case
def base_and_head_are_left_side_by_side():
    with builder() as lab:
        base = {"base/d.yaml": DEPLOYMENT % (1, "1.4.2"), "base/kustomization.yaml": kustomization("d.yaml"),
                "app/kustomization.yaml": kustomization("../base", more="namePrefix: eu-\n")}
        plan = build(lab, "kustomize", base, dict(base, **{"base/d.yaml": DEPLOYMENT % (2, "1.5.0")}))
        expect((plan.outcome, plan.has_changes), ("ok", True), plan)
        for side, replicas in (("base", 1), ("head", 2)):
            text = rendered(lab, plan, side)
            assert "name: eu-shop" in text and "replicas: %d" % replicas in text, text
        expect(build(lab, "kustomize", base, base).has_changes, False)
        chart = {"app/" + name: text for name, text in CHART.items()}
        plan = build(lab, "helm", chart, dict(chart, **{"app/values.yaml": "replicas: 3\n"}), project="Shop/EU")
        expect((plan.outcome, plan.has_changes), ("ok", True), plan)
        assert 'name: shop-eu-one' in rendered(lab, plan, "head") and 'replicas: "3"' in rendered(lab, plan, "head")
        plain = {"app/a.yml": DEPLOYMENT % (1, "1"), "app/sub/b.yaml": DEPLOYMENT % (2, "2"), "app/readme.md": "kind: None\n"}
        plain["app/sub/b.yaml"] = plain["app/sub/b.yaml"].replace("name: shop", "name: other")
        plan = build(lab, "manifests", plain, dict(plain, **{"app/sub/c.json": json.dumps(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})}))
        expect((plan.outcome, plan.has_changes), ("ok", True), plan)
        expect([one["address"] for one in plan.summary["resources"]], ["ConfigMap.c"])
        assert "None" not in rendered(lab, plan, "head") and rendered(lab, plan, "base").count("kind: Deployment") == 2


@case
def a_folder_that_is_new_or_gone():
    with builder() as lab:
        there = {"app/d.yaml": DEPLOYMENT % (1, "1"), "app/kustomization.yaml": kustomization("d.yaml")}
        for base, head in ((there, {"x": "x"}), ({"x": "x"}, there)):
            plan = build(lab, "kustomize", base, head)
            expect((plan.outcome, plan.has_changes), ("ok", True), plan)
            expect([bool(rendered(lab, plan, side)) for side in ("base", "head")], [base is there, head is there])


@case
def a_base_that_does_not_build_holds_up_nobody():
    with builder() as lab:
        good = {"app/d.yaml": DEPLOYMENT % (1, "1"), "app/kustomization.yaml": kustomization("d.yaml")}
        bad = dict(good, **{"app/kustomization.yaml": kustomization("gone.yaml")})
        plan = build(lab, "kustomize", bad, good)
        expect((plan.outcome, plan.has_changes), ("ok", True), plan)
        assert "does not build" in plan.output and rendered(lab, plan, "base") == "", plan
        plan = build(lab, "kustomize", good, bad)
        expect((plan.outcome, plan.step), ("tool_failed", "build"), plan)
        assert "gone.yaml" in plan.failure and "/tree" not in plan.failure, plan.failure


@case
def policies_read_what_was_built():
    rules = "package main\nimport rego.v1\ndeny contains msg if { input.kind == \"Deployment\"; input.spec.replicas > 1; msg := \"too many\" }\n"
    with builder(conftest=tool("conftest")) as lab:
        folder = os.path.join(lab.root, "policies")
        write_files(folder, {"rules.rego": rules})
        files = {"app/d.yaml": DEPLOYMENT % (1, "1"), "app/kustomization.yaml": kustomization("d.yaml")}
        more = dict(checks_policies=True, policy_sets=[{"name": "a", "path": folder}])
        for replicas, failed in ((1, 0), (2, 1)):
            plan = build(lab, "kustomize", files, dict(files, **{"app/d.yaml": DEPLOYMENT % (replicas, "2")}), **more)
            expect((plan.outcome, [one["failed"] for one in plan.summary["policies"]]), ("ok", [failed]), plan)
        plan = build(lab, "kustomize", files, files, policy_sets=[], checks_policies=True)
        expect((plan.outcome, plan.step), ("setup_failed", "policy_check"), plan)
        plan = build(lab, "kustomize", files, files, steps=[step(PLAN_STEP), run("true")])
        expect((plan.outcome, plan.step), ("setup_failed", "run"), plan)
        assert "no commands" in plan.failure, plan.failure


# ---- a second judge -------------------------------------------------------------------------------------------------

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80, name: http}, {port: 443, name: https}]}\n"
WEB = {"base/d.yaml": DEPLOYMENT % (1, "1.4.2"), "base/s.yaml": SERVICE, "base/db.yaml":
       "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: db, replicas: 1}\n",
       "base/kustomization.yaml": kustomization("d.yaml", "s.yaml", "db.yaml")}
COMPONENT = ("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n  - target: {kind: Deployment}\n"
             "    patch: |\n      - {op: add, path: /spec/template/spec/containers/-, value: {name: proxy, image: \"proxy:%s\"}}\n")
OVERLAY = kustomization("../base", more="namespace: shop\nnamePrefix: eu-\nlabels: [{pairs: {team: %s}, includeSelectors: true}]\n"
                                        "images: [{name: registry.example.org/shop, newTag: %s}]\n")
PATCHED = kustomization("../base", more="patches:\n  - path: p.yaml\n  - target: {kind: Service}\n    patch: |\n"
                                        "      - {op: replace, path: /spec/ports/0/port, value: %s}\n")
PATCH = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {template: {spec: {containers: [{name: web, env: [{name: MODE, value: %s}]}]}}}\n"
GENERATED = kustomization("../base", more="generatorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator: [{name: c, literals: [a=%s]}]\n"
                                          "secretGenerator: [{name: s, literals: [b=%s]}]\n")
REPLACED = kustomization("../base", more="replacements:\n  - source: {kind: Service, name: web, fieldPath: \"spec.ports.[name=%s].port\"}\n"
                                         "    targets: [{select: {kind: StatefulSet}, fieldPaths: [spec.replicas]}]\n")
UMBRELLA = dict({"app/charts/one/" + name: text.replace("name: shop", "name: one") for name, text in CHART.items()}, **{
    "app/Chart.yaml": CHART["Chart.yaml"] + "dependencies: [{name: one, version: 1.0.0, condition: one.enabled}]\n",
    "app/templates/s.yaml": "{{ if .Values.web }}%s{{ end }}" % SERVICE, "app/values.yaml": "web: true\none: {enabled: true}\n"})


def as_dyff_has_it(program, base, head):
    """{added, changed, removed: {Kind.namespace/name}}"""
    text = subprocess.run([program, "between", "--omit-header", "--color", "off", "--ignore-order-changes", base, head], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    found = {"added": set(), "changed": set(), "removed": set()}
    for place, what in re.findall(r"^\S.*  \((\S+)\)\n(.*)$", text, re.M):
        words = place.split("/")
        kind = next(i for i, word in enumerate(words) if word[:1].isupper())
        how = "added" if what.startswith("+ one document") else "removed" if what.startswith("- one document") else "changed"
        found[how].add("%s.%s" % (words[kind], "/".join(words[kind + 1:])))
    return found


@case
def the_same_resources_as_dyff():
    """Trees of the shapes that public repositories have: patches, components, transformers, generators, replacements, a chart of charts."""
    judge = tool("dyff")
    if judge is None:
        raise Skip("dyff is not in .tools")
    with_overlay = [dict(WEB, **{"app/kustomization.yaml": text}) for text in (OVERLAY % ("a", "1.4.2"), OVERLAY % ("b", "1.5.0"))]
    with_component = [dict(WEB, **{"app/kustomization.yaml": kustomization("../base", more="components: [../c]\n"),
                                   "c/kustomization.yaml": COMPONENT % tag}) for tag in ("1", "2")]
    patched = [dict(WEB, **{"app/kustomization.yaml": PATCHED % port, "app/p.yaml": PATCH % mode}) for port, mode in (("80", "x"), ("81", "y"))]
    shapes = [
        ("kustomize", *with_overlay),
        ("kustomize", *with_component),
        ("kustomize", *patched),
        ("kustomize", *[dict(WEB, **{"app/kustomization.yaml": GENERATED % pair}) for pair in (("1", "1"), ("2", "2"))]),
        ("kustomize", *[dict(WEB, **{"app/kustomization.yaml": REPLACED % name}) for name in ("http", "https")]),
        ("kustomize", with_overlay[0], dict(with_overlay[0], **{"base/kustomization.yaml": kustomization("s.yaml", "d.yaml")})),
        ("helm", UMBRELLA, dict(UMBRELLA, **{"app/values.yaml": "web: false\none: {enabled: true, replicas: 4}\n"})),
        ("helm", UMBRELLA, dict(UMBRELLA, **{"app/values.yaml": "web: true\none: {enabled: false}\n"})),
    ]
    actions = {"create": "added", "update": "changed", "delete": "removed"}
    with builder() as lab:
        for kind, base, head in shapes:
            plan = build(lab, kind, base, head)
            expect((plan.outcome, plan.has_changes), ("ok", True), plan)
            ours = {"added": set(), "changed": set(), "removed": set()}
            for one in plan.summary["resources"]:
                ours[actions[one["action"]]].add(one["address"])
            folder = lab.job_dir(lab.next - 1)
            expect(ours, as_dyff_has_it(judge, folder + "/rendered-base.yaml", folder + "/rendered-head.yaml"))


# ---- what a pull request may try ------------------------------------------------------------------------------------


@case
def what_is_refused_says_what_to_do():
    attempts = [
        ("kustomize", {"kustomization.yaml": kustomization("../../../etc/passwd")}, ""),
        ("kustomize", {"kustomization.yaml": kustomization("../secret.yaml")}, "put it into a base"),
        ("kustomize", {"kustomization.yaml": kustomization("https://example.org/x//base?ref=v1")}, "keep a copy"),
        ("kustomize", {"kustomization.yaml": "generators: [g.yaml]\n", "g.yaml":
                       "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n"
                       "      exec: {path: ./run.sh}\n", "run.sh": "#!/bin/sh\ntouch /out/ran\n"}, "plugins are programs"),
        ("kustomize", {"kustomization.yaml": "helmCharts: [{name: x, repo: https://example.org}]\n"}, "project of its own"),
        ("helm", dict(CHART, **{"Chart.yaml": CHART["Chart.yaml"] + "dependencies:\n  - {name: x, version: 1.0.0, "
                                "repository: https://example.org}\n"}), "commit the folder charts"),
    ]
    with builder() as lab:
        for kind, files, hint in attempts:
            head = {"app/" + name: text for name, text in files.items()}
            plan = build(lab, kind, {"x": "x"}, dict(head, **{"secret.yaml": DEPLOYMENT % (1, "1")}))
            expect((plan.outcome, plan.step), ("tool_failed", "build"), plan)
            assert hint in plan.failure, plan.failure
            assert plan.millis < 5000, plan.millis


@case
def what_prints_without_end_or_is_no_yaml():
    with builder() as lab:
        flood = {"a.yaml": "# %s\n" % ("x" * (33 << 20))}
        twice = dict(CHART, **{"templates/two.yaml": CHART["templates/one.yaml"]})
        laughs = "apiVersion: v1\nkind: X\nmetadata: {name: x}\na: &a [x,x,x,x,x,x,x,x]\n"
        for before, name in zip("abcdefg", "bcdefgh"):
            laughs += "%s: &%s [%s]\n" % (name, name, ",".join(["*" + before] * 9))
        for kind, files, outcome, words in (("manifests", flood, "tool_failed", "more bytes"), ("helm", twice, "tool_failed", "is there twice"),
                                            ("manifests", {"a.yaml": laughs}, "tool_failed", "too many entries")):
            plan = build(lab, kind, {"x": "x"}, {"app/" + name: text for name, text in files.items()})
            expect(plan.outcome, outcome, plan)
            assert words in plan.failure, plan.failure


# ---- a pull request -------------------------------------------------------------------------------------------------

SLUICE_YAML = """version: 3
discover:
  - {kind: kustomize, dirs: "shop/overlays/*", name: "shop-{1}"}
  - {kind: helm, dirs: charts/shop, name: chart}
projects:
  - {name: crds, dir: plain, kind: manifests}
  - {name: data, dir: data}
"""
STATEFUL = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\n"
BASE = dict({"charts/shop/" + name: text for name, text in CHART.items()}, **{
    "sluice.yaml": SLUICE_YAML, "data/main.tf": "# nothing yet\n", "plain/ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
    "shop/base/d.yaml": DEPLOYMENT % (1, "1.4.2"), "shop/base/db.yaml": STATEFUL,
    "shop/base/kustomization.yaml": kustomization("d.yaml", "db.yaml"),
    "shop/overlays/eu/kustomization.yaml": kustomization("../../base", more="namePrefix: eu-\n"),
    "shop/overlays/us/kustomization.yaml": kustomization("../../base", more="namePrefix: us-\n")})


def pull(change):
    named = {name: tool(name) for name in ("kustomize", "helm", "terraform")}
    for name, path in named.items():
        if path is None:
            raise Skip("%s is neither in .tools nor in PATH" % name)
    one = OnePull("sluice-manifests-", BASE, change)
    one.serve(MODE, "listen: 127.0.0.1:0\ntools: {%s}\n" % ", ".join("%s: %s" % item for item in named.items()))
    return one


def status(one, name="apply"):
    found = [row for row in one.server.must("GET", "/local/pulls/1")["statuses"] if row["context"] == "sluice/" + name]
    return (found[-1]["state"], found[-1]["description"]) if found else (None, "")


@case
def one_pull_one_comment_one_gate():
    """Terraform beside overlays and a chart: the apply is of the one, the merge of the others, and both wait for the same people."""
    with pull({"data/main.tf": 'resource "terraform_data" "x" {}\n', "charts/shop/values.yaml": "replicas: 2\n",
               "shop/overlays/eu/kustomization.yaml": kustomization("../../base", more="namePrefix: eu-\nimages: "
                                                                    "[{name: registry.example.org/shop, newTag: 1.5.0}]\n")}) as one:
        newest = one.newest()
        expect((newest["state"], sorted(job["project"] for job in newest["jobs"] if job["project"])), ("done", ["chart", "data", "shop-eu"]))
        comment = one.comments()[0]
        for words in ("1 update, image shop `1.4.2` → `1.5.0`", "Deployment.eu-shop", "ConfigMap.chart-one", "data.replicas: \"1\" → \"2\""):
            assert words in comment, comment
        one.act("approve", "bob")
        newest = one.say("sluice apply", "carol")
        expect((newest["kind"], newest["state"], [job["project"] for job in newest["jobs"] if job["project"]]), ("apply", "done", ["data"]))
        expect(status(one)[0], "success", status(one))
        expect(one.say("sluice apply", "carol")["kind"], "apply")
        assert "applied by the merge" in one.comments()[-1], one.comments()[-1]


@case
def a_changed_base_builds_all_that_is_made_of_it():
    with pull({"shop/base/d.yaml": DEPLOYMENT % (2, "1.4.2")}) as one:
        newest = one.newest()
        expect(sorted((job["project"], job["state"]) for job in newest["jobs"] if job["project"]), [("shop-eu", "done"), ("shop-us", "done")])
        assert "Deployment.eu-shop" in one.comments()[0] and "spec.replicas: 1 → 2" in one.comments()[0], one.comments()[0]


@case
def the_merge_waits_for_the_gates():
    """What removes a StatefulSet is seen by the rules, and the required status goes there and back."""
    change = {"shop/overlays/us/kustomization.yaml": kustomization("../../base", more="namePrefix: us-\npatches:\n"
              "  - {patch: \"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, $patch: delete}\"}\n")}
    with pull(change) as one:
        newest = one.newest()
        expect([(job["project"], job["state"]) for job in newest["jobs"] if job["project"]], [("shop-us", "done")])
        comment = one.comments()[0]
        assert "StatefulSet.us-db  (pruned, DESTRUCTIVE" in comment and "**To merge:**" in comment, comment
        expect(status(one)[0], "pending", status(one))
        one.act("approve", "bob")
        one.newest()
        expect(status(one), ("success", "the gates hold: merge it"))
        assert "**Ready.** Merge it" in one.comments()[0], one.comments()[0]
        one.act("request-changes", "bob")
        one.newest()
        expect(status(one)[0], "pending", status(one))


if __name__ == "__main__":
    run_cases("manifests", CASES)
