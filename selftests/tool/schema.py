# SPDX-License-Identifier: GPL-2.0-only
"""Compare a JSON file with a schema: schema.py SCHEMA FILE

Knows the part of JSON Schema that the project's schemas use, so that no test
depends on a package for it; a keyword that it does not know is an error.
"""
import json
import re
import sys

QUIET = {"$comment", "$schema", "title", "description", "definitions"}
TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool,
    "integer": int, "number": (int, float), "null": type(None),
}

# What a keyword is about; it says nothing of other values.
ABOUT = {
    "items": list, "minItems": list, "maxItems": list, "required": dict,
    "properties": dict, "additionalProperties": dict, "pattern": str,
}


def is_type(value, name):
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def check(schema, value, root, path):
    def need(right, what):
        if not right:
            sys.exit(f"{path}: {what}: {str(value)[:80]}")

    for word, want in schema.items():
        if word in QUIET or not isinstance(value, ABOUT.get(word, object)):
            continue
        if word == "$ref":
            check(root["definitions"][want.rsplit("/", 1)[1]], value, root, path)
        elif word == "type":
            names = want if isinstance(want, list) else [want]
            need(any(is_type(value, name) for name in names), f"not {want}")
        elif word == "const":
            need(value == want, f"not {want}")
        elif word == "enum":
            need(value in want, f"not in {want}")
        elif word == "minimum":
            need(not is_type(value, "number") or value >= want, f"below {want}")
        elif word == "maximum":
            need(not is_type(value, "number") or value <= want, f"above {want}")
        elif word == "pattern":
            need(re.search(want, value), f"not like {want}")
        elif word == "minItems":
            need(len(value) >= want, f"fewer than {want}")
        elif word == "maxItems":
            need(len(value) <= want, f"more than {want}")
        elif word == "items":
            for i, item in enumerate(value):
                check(want, item, root, f"{path}[{i}]")
        elif word == "required":
            for name in want:
                need(name in value, f"lacks {name}")
        elif word == "properties":
            for name in want.keys() & value.keys():
                check(want[name], value[name], root, f"{path}.{name}")
        elif word == "additionalProperties":
            for name in value.keys() - schema.get("properties", {}).keys():
                check(want, value[name], root, f"{path}.{name}")
        else:
            sys.exit(f"{path}: the schema says {word}, which is not known here")


with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
with open(sys.argv[2], encoding="utf-8") as f:
    check(schema, json.load(f), schema, "$")
