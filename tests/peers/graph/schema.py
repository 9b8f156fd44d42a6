"""Checks values against Graph's own schema (CSDL): property names, types, enumerations, real dates; unknown is wrong.

Each type is compiled once into a function `check(value, path, out, request)` that appends sentences to `out`.
"""

import datetime
import gzip
import re
from xml.etree import ElementTree

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
# What OData itself adds to an object, in requests and answers.
ANNOTATIONS = re.compile(
    r"^([A-Za-z]+)?@(odata\.(type|id|etag|context|nextLink|deltaLink|count|navigationLink|associationLink|editLink|readLink))$"
)
LOCAL = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?$")
ANSWERED = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}$")
OFFSET = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?)(\.\d{1,12})?(Z|[+-]\d\d:\d\d)$")
DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
TIME = re.compile(r"^\d\d:\d\d:\d\d(\.\d{1,12})?$")


def real(text):
    """Is this a date and time that exists? Year 1 stands for none at Graph."""
    try:
        datetime.datetime.fromisoformat(text[:19])
        return True
    except ValueError:
        return False


def scalar(name, accepts):
    def check(value, path, out, request):
        if not accepts(value):
            out.append(f"{path}: {str(value)[:60]!r} is no {name}")

    return check


def whole(low, high):
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) or value in ("NaN", "INF", "-INF")


def matching(pattern):
    return lambda value: isinstance(value, str) and bool(pattern.match(value))


EDM_TYPES = {
    "Edm.String": lambda value: isinstance(value, str),
    "Edm.Boolean": lambda value: isinstance(value, bool),
    "Edm.Int16": whole(-(2**15), 2**15 - 1),
    "Edm.Int32": whole(-(2**31), 2**31 - 1),
    "Edm.Int64": whole(-(2**63), 2**63 - 1),
    "Edm.Double": is_number,
    "Edm.Single": is_number,
    "Edm.Decimal": is_number,
    "Edm.Guid": matching(GUID),
    "Edm.Date": lambda value: isinstance(value, str) and bool(DATE.match(value)) and real(value),
    "Edm.TimeOfDay": matching(TIME),
    "Edm.DateTimeOffset": lambda value: isinstance(value, str) and bool(OFFSET.match(value)) and real(value),
    "Edm.Duration": lambda value: isinstance(value, str) and value.startswith(("P", "-P")),
    "Edm.Binary": lambda value: isinstance(value, str),
}


class Schema:
    def __init__(self, path):
        opener = gzip.open if str(path).endswith(".gz") else open
        with opener(path, "rb") as file:
            root = ElementTree.parse(file).getroot()
        self.types, self.enums, self.compiled = {}, {}, {}
        for schema in root.iter(EDM + "Schema"):
            if schema.get("Namespace") != "microsoft.graph":
                continue
            for node in schema:
                if node.tag in (EDM + "EntityType", EDM + "ComplexType"):
                    self.types[node.get("Name")] = node
                elif node.tag == EDM + "EnumType":
                    members = {member.get("Name") for member in node.iter(EDM + "Member")}
                    self.enums[node.get("Name")] = (members, node.get("IsFlags") == "true")

    @staticmethod
    def bare(name):
        return name.removeprefix("#").removeprefix("microsoft.").removeprefix("graph.")

    def lineage(self, name):
        """The type and all that it derives from."""
        while name in self.types:
            yield name
            base = self.types[name].get("BaseType")
            name = self.bare(base) if base else None

    def properties(self, name):
        """Property name → (type, nullable)."""
        found = {}
        for each in self.lineage(name):
            for node in self.types[each]:
                if node.tag in (EDM + "Property", EDM + "NavigationProperty"):
                    found[node.get("Name")] = (node.get("Type"), node.get("Nullable") != "false")
        return found

    def checker(self, declared):
        if declared not in self.compiled:
            self.compiled[declared] = self.compile(declared)
        return self.compiled[declared]

    def compile(self, declared):
        if declared.startswith("Collection("):
            item = self.checker(declared[len("Collection(") : -1])

            def check(value, path, out, request):
                if not isinstance(value, list):
                    out.append(f"{path}: no list")
                    return
                for number, each in enumerate(value):
                    item(each, f"{path}[{number}]", out, request)

            return check
        if declared in EDM_TYPES:
            return scalar(declared, EDM_TYPES[declared])
        name = self.bare(declared)
        if name in self.enums:
            members, flags = self.enums[name]
            if flags:
                return scalar(name, lambda value: isinstance(value, str) and set(value.split(",")) <= members)
            return scalar(name, lambda value: isinstance(value, str) and value in members)
        if name not in self.types:
            raise KeyError(f"the schema has no type {declared}")
        return self.compile_object(name)

    def compile_object(self, name):
        properties = self.properties(name)
        zoned = name == "dateTimeTimeZone"

        def check(value, path, out, request):
            if not isinstance(value, dict):
                out.append(f"{path}: no {name}")
                return
            given = value.get("@odata.type")
            if given is not None:
                actual = self.bare(str(given))
                if name not in self.lineage(actual):
                    out.append(f"{path}: {given!r} is no {name}")
                elif actual != name:
                    self.checker("graph." + actual)({**value, "@odata.type": None}, path, out, request)
                    return
            for key, each in value.items():
                found = properties.get(key)
                if found is None:
                    note = ANNOTATIONS.match(key)
                    if not note or (note[1] and note[1] not in properties):
                        out.append(f"{path}.{key}: {name} has no such property")
                    continue
                kind, nullable = found
                if each is None:
                    if not nullable:
                        out.append(f"{path}.{key}: null")
                else:
                    # Compiled when it is first met: everything at Graph is connected to everything.
                    self.checker(kind)(each, f"{path}.{key}", out, request)
            if zoned:
                form = LOCAL if request else ANSWERED
                text = value.get("dateTime")
                if not isinstance(text, str) or not form.match(text) or not real(text.ljust(19, "0") if len(text) > 16 else text):
                    out.append(f"{path}.dateTime: {text!r} is no local date and time")

        return check

    def faults(self, declared, value, request=False):
        out = []
        self.checker(declared)(value, self.bare(declared), out, request)
        return out
