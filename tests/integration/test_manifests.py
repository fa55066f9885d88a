#!/usr/bin/env python3
"""Kustomize, Helm and plain manifests: built of base and head with the real tools, compared, and applied by the merge.

    tests/integration/test_manifests.py [CASE ...]

Results: build/report/results/manifests.tsv; on stdout only what did not pass."""

import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import Skip, expect, run_cases  # noqa: E402
from runner_lab import PLAN, Cases, Lab, tool  # noqa: E402

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
def builder():
    """A started runner that has the real tools."""
    found = {name: tool(name) for name in ("kustomize", "helm")}
    for name, path in found.items():
        if path is None:
            raise Skip("%s is neither in .tools nor in PATH" % name)
    lab = Lab(**{name: os.path.realpath(path) for name, path in found.items()})
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


if __name__ == "__main__":
    run_cases("manifests", CASES)
