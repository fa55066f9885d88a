"""Calls of ours, and what a fake answered, before judges that nobody here wrote: Prism with the host's own published description, and
GraphQL with the host's schema. A call is what a fake keeps of it: method, path, headers, body (bytes), answer (status, value, headers)."""

import json
import os
import re
import subprocess
import tempfile
import urllib.parse

import sluice

TOOLS = os.path.join(sluice.ROOT, ".tools")
NODE = os.path.join(TOOLS, "bin", "node")
PACKAGES = os.path.join(TOOLS, "node_modules")
GITHUB = os.path.join(PACKAGES, "@octokit", "openapi", "generated", "api.github.com.json")
GITHUB_SCHEMA = os.path.join(PACKAGES, "@octokit", "graphql-schema", "schema.graphql")
PASSED_ON = ("accept", "authorization", "content-type", "if-none-match", "user-agent", "x-github-api-version")
# A fake may say less than the host: what is missing is no lie. That also breaks each choice of which the whole is a part.
TERSE = ("required", "oneOf", "anyOf")
# The last word of these may hold slashes, which the language of the descriptions cannot say; Prism gets them encoded.
SLASHED = re.compile(r"(/repos/[^/]+/[^/]+/git/refs?/|/repos/[^/]+/[^/]+/contents/)(.+)")


def why_not_here():
    """Why there are no judges on this machine, or None."""
    if os.access(NODE, os.X_OK) and os.path.isdir(PACKAGES):
        return None
    return "no node and its packages in .tools; run scripts/setup test"


def path_of(call):
    path, mark, query = call["path"].partition("?")
    found = SLASHED.fullmatch(path)
    if found:
        path = found[1] + found[2].replace("/", "%2F")
    return path + mark + query


class Description:
    """An OpenAPI description: which operation is meant by a call, and a cut with only some of them, since Prism needs ten seconds for all."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as text:
            self.whole = json.load(text)
        self.paths = []
        for template in self.whole["paths"]:
            pattern = re.sub(r"\\\{(\w|\\-)+\\\}", "[^/]+", re.escape(template))
            self.paths.append((template, re.compile("^%s$" % pattern), template.count("{")))
        self.paths.sort(key=lambda one: one[2])

    def operation(self, call):
        """(template, method), or None: the host has no such call."""
        path = path_of(call).partition("?")[0]
        for template, pattern, _ in self.paths:
            if pattern.match(path) and call["method"].lower() in self.whole["paths"][template]:
                return template, call["method"].lower()
        return None

    def cut(self, operations):
        out = {key: value for key, value in self.whole.items() if key not in ("paths", "components", "webhooks", "x-webhooks")}
        out["paths"], parts, waiting = {}, {}, []
        for template, method in sorted(operations):
            entry = self.whole["paths"][template]
            kept = out["paths"].setdefault(template, {key: entry[key] for key in entry if key == "parameters"})
            kept[method] = entry[method]
            waiting.append(entry)
        while waiting:
            for kind, name in re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(waiting.pop())):
                if name not in parts.setdefault(kind, {}):
                    parts[kind][name] = self.whole["components"][kind][name]
                    waiting.append(parts[kind][name])
        out["components"] = parts
        return out


def run_script(name, given):
    """What tests/judges/NAME prints for a value."""
    script = os.path.join(sluice.ROOT, "tests", "judges", name)
    done = subprocess.run([NODE, script], input=json.dumps(given), text=True, capture_output=True, check=False,
                          env=dict(os.environ, NODE_PATH=PACKAGES))
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (name, done.stderr[-500:]))
    return json.loads(done.stdout)


def shape_of(value):
    """What a value looks like without its texts and numbers: calls of one shape are judged once."""
    if isinstance(value, dict):
        return tuple(sorted((key, shape_of(one)) for key, one in value.items()))
    if isinstance(value, list):
        return tuple(sorted({shape_of(one) for one in value}, key=repr))
    return value if isinstance(value, str) and len(value) < 16 else type(value).__name__


def distinct(description, calls):
    """One call of each shape."""
    seen, out = set(), []
    for call in calls:
        try:
            body = shape_of(json.loads(call["body"] or b"null"))
        except ValueError:
            body = "no JSON"
        operation = description.operation(call)
        query = tuple(sorted(urllib.parse.parse_qs(call["path"].partition("?")[2])))
        key = (operation or call["path"], query, body, call["answer"][0], shape_of(call["answer"][1]))
        if key not in seen:
            seen.add(key)
            out.append(call)
    return out


def as_prism_sees(call):
    status, value, _ = call["answer"]
    headers = {name.lower(): text for name, text in call["headers"].items() if name.lower() in PASSED_ON}
    return {"method": call["method"], "path": path_of(call), "headers": headers, "body": json.loads(call["body"] or b"null"),
            "answer": {"statusCode": status, "headers": {"content-type": "application/json"}, "body": value}}


def say(call, violation):
    return "%s %s: %s: %s" % (call["method"], call["path"], violation["where"], violation["message"])


def judge_each(description, calls):
    """For each call what is wrong with the request, and what is wrong with the fake's answer. [(wrong, lies)]"""
    operations = [description.operation(call) for call in calls]
    known = [call for call, operation in zip(calls, operations) if operation is not None]
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as cut:
        json.dump(description.cut({operation for operation in operations if operation is not None}), cut)
        cut.flush()
        said = iter(run_script("prism.cjs", {"description": cut.name, "calls": [as_prism_sees(call) for call in known]}))
    out = []
    for call, operation in zip(calls, operations):
        if operation is None:
            out.append((["%s %s: the host has no such call" % (call["method"], call["path"])], []))
            continue
        one = next(said)
        out.append(([say(call, violation) for violation in one["wrong"]],
                    [say(call, violation) for violation in one["lies"] if call["answer"][0] < 300 and violation["code"] not in TERSE]))
    return out


def judge_calls(description, calls):
    """(number of different calls, what is wrong with requests, what is wrong with the fake's answers)"""
    some = distinct(description, [call for call in calls if "answer" in call])
    said = judge_each(description, some)
    return len(some), [text for wrong, _ in said for text in wrong], [text for _, lies in said for text in lies]


def judge_graphql(schema, documents):
    """What graphql-js finds wrong with {query, variables} documents, each as one line."""
    return run_script("graphql.cjs", {"schema": schema, "documents": documents})
