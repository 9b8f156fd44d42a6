"""$select, $filter, $orderby and $expand, as far as they are known here; anything else is refused, never ignored."""

import datetime
import re

from graph import zones
from graph.errors import invalid

EXPAND = re.compile(r"^singleValueExtendedProperties\(\s*\$filter\s*=\s*(.+)\)$", re.S)
NAMED = re.compile(r"^\s*id eq '([^']+)'\s*$")
EQUAL = re.compile(r"^(subject|iCalUId|transactionId|type|showAs) eq '((?:[^']|'')*)'$")
TIME = re.compile(r"^(start|end)/dateTime (ge|gt|le|lt|eq) '([^']+)'$")
MARKED = re.compile(
    r"^singleValueExtendedProperties/[aA]ny\((\w+):\s*\1/id eq '([^']+)' and \1/value (eq|ne) (null|'(?:[^']|'')*')\)$"
)
OPERATORS = {
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
    "eq": lambda a, b: a == b,
}


def expanded(text):
    """The extended properties that are asked for, by id."""
    if text is None:
        return ()
    whole = EXPAND.match(text.strip())
    names = [NAMED.match(part) for part in re.split(r"\bor\b", whole[1])] if whole else [None]
    if not all(names):
        raise invalid(f"The expression {text!r} isn't understood.", "BadRequest")
    return tuple(name[1] for name in names)


def selected(items, request):
    wanted = request.query.get("$select")
    if not wanted:
        return items
    names = set(wanted.replace(" ", "").split(",")) | {"id"}
    return [{name: value for name, value in item.items() if name in names} for item in items]


def condition(text):
    text = text.strip()
    if found := EQUAL.match(text):
        name, value = found[1], found[2].replace("''", "'")
        if name == "iCalUId":
            return lambda each: each[4].uid == value
        return lambda each: (each[5] or each[4]).props.get(name) == value
    if found := TIME.match(text):
        index, compare, edge = 2 if found[1] == "start" else 3, OPERATORS[found[2]], zones.instant(found[3])
        return lambda each: compare(each[index], edge)
    if found := MARKED.match(text):
        id_, equal, value = found[2], found[3] == "eq", None if found[4] == "null" else found[4][1:-1].replace("''", "'")
        return lambda each: (((each[5] or each[4]).props.get("marks") or {}).get(id_) == value) == equal
    raise invalid(f"The filter {text!r} isn't understood.", "ErrorInvalidUrlQueryFilter")


def filtered(items, text):
    if text is None:
        return items
    # `and` inside any(…) belongs to it.
    parts = re.split(r"\s+and\s+(?![^()]*\))", text)
    tests = [condition(part) for part in parts]
    return [each for each in items if all(test(each) for test in tests)]


def ordered(items, text):
    if text is None:
        return items
    found = re.match(r"^(start/dateTime|end/dateTime|subject|createdDateTime|lastModifiedDateTime)( asc| desc)?$", text.strip())
    if not found:
        raise invalid(f"The order {text!r} isn't understood.", "ErrorInvalidUrlQuery")
    keys = {
        "start/dateTime": lambda each: each[2],
        "end/dateTime": lambda each: each[3],
        "subject": lambda each: (each[5] or each[4]).props.get("subject") or "",
        "createdDateTime": lambda each: each[4].created,
        "lastModifiedDateTime": lambda each: each[4].changed,
    }
    return sorted(items, key=keys[found[1]], reverse=found[2] == " desc")


LETTERS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4"}


def schedule(store, address, begin, end, minutes, wish):
    """One person's free and busy time; an unknown person is an error, not free."""
    account = store.accounts.get(address.lower())
    if account is None:
        error = {
            "message": "Unable to resolve e-mail address to an Active Directory object.",
            "responseCode": "ErrorMailRecipientNotFound",
        }
        return {"scheduleId": address, "availabilityView": "", "error": error, "scheduleItems": []}
    items = []
    for _, version in account.default.live():
        found = version.occurrences(begin, end) if version.recurrence else []
        if not version.recurrence and version.meets(begin, end):
            found = [(None, version.start_at, version.end_at, None)]
        items += [
            (start, finish, (exception or version).props.get("showAs", "busy"), version.all_day)
            for _, start, finish, exception in found
        ]
    items.sort(key=lambda item: item[0])
    view, at, step = "", begin, datetime.timedelta(minutes=minutes)
    while at < end:
        states = [LETTERS.get(show, "0") for start, finish, show, _ in items if start < at + step and finish > at]
        view += max(states, default="0")
        at += step
    shown = []
    for start, finish, show, _ in items:
        edges = {
            name: {"dateTime": zones.written(zones.from_utc(at, wish.zone or "UTC")), "timeZone": wish.zone or "UTC"}
            for name, at in (("start", start), ("end", finish))
        }
        shown.append({"isPrivate": False, "status": show, **edges})
    days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    hours = {
        "daysOfWeek": days,
        "startTime": "08:00:00.0000000",
        "endTime": "17:00:00.0000000",
        "timeZone": {"name": account.zone},
    }
    return {"scheduleId": address, "availabilityView": view, "scheduleItems": shown, "workingHours": hours}
