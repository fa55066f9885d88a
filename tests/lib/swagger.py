"""Calls held against a description in Swagger 2.0: path, parameters, body, and the status of the answer. Standard library only."""

import functools
import json
import re
import urllib.parse

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


@functools.lru_cache
def load(path):
    with open(path, encoding="utf-8") as text:
        description = json.load(text)
    routes = []
    for template, item in description["paths"].items():
        pattern = re.compile("^%s$" % re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)))
        routes.append((template.count("{"), pattern, item))
    routes.sort(key=lambda one: one[0])  # the one with fewer holes is the one that is meant
    return description, routes


def schema_of(description, schema):
    while "$ref" in schema:
        schema = description["definitions"][schema["$ref"].split("/")[-1]]
    return schema


def value_problems(description, schema, value, where):
    """Members that are not described are problems too: a server may pass over them, and we would not know."""
    schema = schema_of(description, schema)
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))):
        return ["%s is no %s" % (where, kind)]
    if "enum" in schema and value not in schema["enum"]:
        return ["%s is %r" % (where, value)]
    found = []
    if kind == "object" and "properties" in schema:
        found += ["%s lacks %s" % (where, name) for name in schema.get("required", []) if name not in value]
        for name, one in value.items():
            if name in schema["properties"]:
                found += value_problems(description, schema["properties"][name], one, "%s.%s" % (where, name))
            else:
                found.append("%s has %s" % (where, name))
    if kind == "array":
        for one in value:
            found += value_problems(description, schema.get("items", {}), one, where + "[]")
    return found


def query_problems(described, query):
    found = []
    for name, value in query.items():
        one = described.get(name)
        if one is None:
            found.append("the parameter %s" % name)
        elif one["type"] == "integer" and not value.isdigit():
            found.append("%s is no integer" % name)
        elif value not in one.get("enum", [value]):
            found.append("%s is %r" % (name, value))
    return found


def call_problems(description, routes, call):
    path, _, query = call["path"].partition("?")
    if not path.startswith(description["basePath"]):
        return ["the path"]
    for _, pattern, item in routes:
        operation = item.get(call["method"].lower())
        if operation is None or not pattern.match(path[len(description["basePath"]):]):
            continue
        parameters = item.get("parameters", []) + operation.get("parameters", [])
        found = query_problems({one["name"]: one for one in parameters if one["in"] == "query"}, dict(urllib.parse.parse_qsl(query)))
        body = [one for one in parameters if one["in"] == "body"]
        if call["body"] and not body:
            found.append("a body")
        elif call["body"]:
            found += value_problems(description, body[0]["schema"], json.loads(call["body"]), "the body")
        return found
    return ["no such operation"]


def judge(path, calls):
    """(what was asked, its problems) of each call."""
    description, routes = load(path)
    return [("%s %s" % (call["method"], call["path"]), call_problems(description, routes, call)) for call in calls]
