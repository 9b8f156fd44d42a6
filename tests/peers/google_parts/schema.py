"""Google's own description of the interface (the discovery document in its client's wheel), made into checks.

What the document says in words only is checked too where it can be read: closed lists of values ("The possible values
are: ..."), and times, which must exist and carry an offset.
"""

import importlib.util
import json
import pathlib
import re
from datetime import date, datetime

import fastjsonschema


def discovery():
    # Found without importing it: its package wants `google.auth`, which google.py beside us would hide.
    found = importlib.util.find_spec("googleapiclient")
    path = pathlib.Path(found.submodule_search_locations[0]) / "discovery_cache/documents/calendar.v3.json"
    return json.loads(path.read_text())


RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def is_local_or_instant(text):
    """RFC 3339, where the offset may be missing: a request may name a zone instead."""
    match = RFC3339.fullmatch(text)
    if not match:
        return False
    try:
        datetime(*(int(part) for part in match.groups()[:6]))
    except ValueError:
        return False
    offset = match[7]
    return offset in (None, "Z") or (int(offset[1:3]) < 24 and int(offset[4:]) < 60)


def is_instant(text):
    return is_local_or_instant(text) and RFC3339.fullmatch(text)[7] is not None


def is_date(text):
    try:
        return re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


FORMATS = {"date": is_date, "date-time": is_instant, "local-or-instant": is_local_or_instant}

# A value of these names is said to be one of a list, but more may be added to it, or it may be anything.
OPEN = {"Error.reason"}

# What an event in an answer always has, unless it is cancelled.
WHOLE_EVENT = (
    "kind etag id status htmlLink created updated creator organizer start end iCalUID sequence eventType reminders"
).split()


def closed_list(name, description):
    """The values that a description lists, if it says that these are all."""
    if name in OPEN or not re.search(r"(The p|P|p)ossible values are:", description):
        return None
    listed = re.findall(r'^\s*- "(\w+)"', description.split("ossible values are:", 1)[1], re.MULTILINE)
    return listed or None


class Schemas:
    """JSON Schemas of what we may be sent (`request`; in a `patch`, null takes away) and may say (`response`)."""

    def __init__(self, document):
        self.document = document

    def definitions(self, way):
        return {name: self.convert(name, found, way) for name, found in self.document["schemas"].items()}

    def convert(self, name, found, way):
        if "$ref" in found:
            converted = {"$ref": f"#/definitions/{found['$ref']}"}
            return {"anyOf": [converted, {"type": "null"}]} if way == "patch" else converted
        kind = found.get("type")
        if kind == "any":
            return {}
        converted = {"type": kind}
        if kind == "object":
            inside = found.get("properties", {})
            converted["properties"] = {key: self.convert(f"{name}.{key}", value, way) for key, value in inside.items()}
            more = found.get("additionalProperties")
            converted["additionalProperties"] = self.convert(f"{name}.*", more, way) if more else False
        elif kind == "array":
            converted["items"] = self.convert(f"{name}[]", found["items"], "request" if way == "patch" else way)
        elif kind == "string":
            converted |= self.text(name, found, way)
        elif kind == "integer":
            converted |= {"minimum": -(2**31), "maximum": 2**31 - 1}
        if way == "response" and name == "Event":
            converted |= {
                "required": ["id", "status"],
                "if": {"properties": {"status": {"enum": ["confirmed", "tentative"]}}},
                "then": {"required": WHOLE_EVENT},
            }
        # A whole body is never null, a part of a change may be.
        if way == "patch" and "." in name:
            converted["type"] = [kind, "null"]
            if "enum" in converted:
                converted["enum"] = [*converted["enum"], None]
        return converted

    def text(self, name, found, way):
        form = found.get("format")
        values = closed_list(name, found.get("description", ""))
        if form == "int64":
            return {"pattern": r"^-?\d{1,19}$"}
        if name == "EventDateTime.dateTime" and way != "response":
            return {"format": "local-or-instant"}
        if form in ("date", "date-time"):
            return {"format": form}
        if name.endswith(".kind") and found.get("default"):
            return {"enum": [found["default"]]}
        if values:
            return {"enum": values}
        return {}

    def compiled(self, name, way):
        whole = {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": f"#/definitions/{name}",
            "definitions": self.definitions(way),
        }
        return fastjsonschema.compile(whole, formats=FORMATS, use_default=False)


class Method:
    """One method of the interface."""

    def __init__(self, document, name, found):
        self.name = name
        self.verb = found["httpMethod"]
        self.scopes = set(found.get("scopes", ()))
        self.request = found.get("request", {}).get("$ref")
        self.response = found.get("response", {}).get("$ref")
        parameters = found.get("parameters", {})
        self.query = {key: value for key, value in parameters.items() if value["location"] == "query"}
        self.query |= document["parameters"]
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(found["path"]))
        self.path = re.compile(pattern)
        # A fixed path goes before one with a name in its place (`events/import` before `events/{eventId}`).
        self.rank = found["path"].count("{"), -len(found["path"])

    def parameters(self, given):
        """The query as values of the right type, and what is wrong with it. `given`: pairs of texts."""
        values, wrong = {}, []
        for key, text in given:
            about = self.query.get(key)
            if about is None:
                wrong.append((key, f"no such parameter: {key}"))
                continue
            try:
                value = parameter(about, text)
            except ValueError as fault:
                wrong.append((key, f"{key}: {fault}"))
                continue
            if about.get("repeated"):
                values.setdefault(key, []).append(value)
            elif key in values:
                wrong.append((key, f"{key} is given twice"))
            else:
                values[key] = value
        for key, about in self.query.items():
            if about.get("required") and key not in values:
                wrong.append((key, f"{key} is missing"))
        return values, wrong


def parameter(about, text):
    kind = about["type"]
    if kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError(f"{text!r} is not true or false")
        return text == "true"
    if kind == "integer":
        if not re.fullmatch(r"-?\d{1,10}", text, re.ASCII):
            raise ValueError(f"{text!r} is not an integer")
        value = int(text)
        if value < int(about.get("minimum", value)) or value > int(about.get("maximum", value)):
            raise ValueError(f"{text} is out of range")
        return value
    if about.get("format") == "date-time" and not is_instant(text):
        raise ValueError(f"{text!r} is not a time with an offset")
    if "enum" in about and text not in about["enum"]:
        raise ValueError(f"{text!r} is not one of {about['enum']}")
    return text


class Interface:
    """All methods, and the checks of what goes in and out."""

    def __init__(self):
        document = discovery()
        self.methods = [
            Method(document, f"{group}.{name}", found)
            for group, inside in document["resources"].items()
            for name, found in inside["methods"].items()
        ]
        self.methods.sort(key=lambda method: method.rank)
        self.scopes = set(document["auth"]["oauth2"]["scopes"])
        schemas = Schemas(document)
        asked = {(method.request, "patch" if method.verb == "PATCH" else "request") for method in self.methods}
        said = {(method.response, "response") for method in self.methods}
        wanted = {pair for pair in asked | said if pair[0]} | {("Event", "response"), ("CalendarListEntry", "response")}
        # Resources that nobody serves here need no checks.
        wanted = {pair for pair in wanted if not pair[0].startswith(("Acl", "Setting", "Color"))}
        self.checks = {pair: schemas.compiled(*pair) for pair in wanted}

    def find(self, verb, path):
        """The method for a path (below `/calendar/v3/`, still percent-encoded) and its parts."""
        for method in self.methods:
            if method.verb == verb and (match := method.path.fullmatch(path)):
                return method, match.groupdict()
        return None, {}

    def wrong(self, name, way, value):
        """What is wrong with a resource, or None."""
        try:
            self.checks[name, way](value)
        except fastjsonschema.JsonSchemaValueException as fault:
            return f"{name}: {fault.message} (it is {str(fault.value)[:200]!r})"
        return None
