"""Recurrence of Graph's kind: checked as Graph checks it, filled with its defaults, expanded to dates."""

import calendar
import datetime

from graph import zones
from graph.errors import invalid

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES = ("first", "second", "third", "fourth", "last")
NEEDS = {
    "daily": (),
    "weekly": ("daysOfWeek",),
    "absoluteMonthly": ("dayOfMonth",),
    "relativeMonthly": ("daysOfWeek",),
    "absoluteYearly": ("dayOfMonth", "month"),
    "relativeYearly": ("daysOfWeek", "month"),
}


def normal(given, start, zone):
    """A recurrence as Graph answers it, from one as it is asked for. Absent members come back as zeros."""
    pattern, range_ = given.get("pattern"), given.get("range")
    if not pattern or not range_:
        raise invalid("A recurrence needs a pattern and a range.", "ErrorPropertyValidationFailure")
    kind = pattern.get("type")
    if kind not in NEEDS:
        raise invalid("The pattern needs a type.", "ErrorPropertyValidationFailure")
    for name in NEEDS[kind]:
        if not pattern.get(name):
            raise invalid(f"A {kind} pattern needs {name}.", "ErrorPropertyValidationFailure")
    interval = pattern.get("interval") or 0
    if not 1 <= interval <= 99:
        raise invalid("The interval of a pattern is 1 to 99.", "ErrorPropertyValidationFailure")
    if not 0 <= pattern.get("dayOfMonth", 0) <= 31 or not 0 <= pattern.get("month", 0) <= 12:
        raise invalid("There is no such day or month.", "ErrorPropertyValidationFailure")
    ending = range_.get("type")
    if ending not in ("endDate", "noEnd", "numbered") or not range_.get("startDate"):
        raise invalid("The range needs a type and a startDate.", "ErrorPropertyValidationFailure")
    if ending == "endDate" and not range_.get("endDate"):
        raise invalid("The range needs an endDate.", "ErrorPropertyValidationFailure")
    if ending == "numbered" and not 1 <= (range_.get("numberOfOccurrences") or 0) <= 999:
        raise invalid("The range needs numberOfOccurrences.", "ErrorPropertyValidationFailure")
    if ending == "endDate" and range_["endDate"] < range_["startDate"]:
        raise invalid("The range ends before it starts.", "ErrorPropertyValidationFailure")
    if range_["startDate"] != start.date().isoformat():
        raise invalid("The range's startDate must be the date of the event's start.", "ErrorPropertyValidationFailure")
    if range_.get("recurrenceTimeZone"):
        zones.required(range_["recurrenceTimeZone"])
    return {
        "pattern": {
            "type": kind,
            "interval": interval,
            "month": pattern.get("month") or 0,
            "dayOfMonth": pattern.get("dayOfMonth") or 0,
            "daysOfWeek": list(pattern.get("daysOfWeek") or []),
            "firstDayOfWeek": pattern.get("firstDayOfWeek") or "sunday",
            "index": pattern.get("index") or "first",
        },
        "range": {
            "type": ending,
            "startDate": range_["startDate"],
            "endDate": range_["endDate"] if ending == "endDate" else "0001-01-01",
            "recurrenceTimeZone": range_.get("recurrenceTimeZone") or zone,
            "numberOfOccurrences": range_["numberOfOccurrences"] if ending == "numbered" else 0,
        },
    }


def candidates(pattern, start):
    """Every date of the pattern in order, without its end; some may lie before `start`."""
    step, kind = pattern["interval"], pattern["type"]
    days = {DAYS.index(day) for day in pattern["daysOfWeek"]}
    if kind == "daily":
        date = start
        while True:
            yield date
            date += datetime.timedelta(days=step)
    if kind == "weekly":
        first = DAYS.index(pattern["firstDayOfWeek"])
        week = start - datetime.timedelta(days=(start.weekday() - first) % 7)
        while True:
            for offset in range(7):
                date = week + datetime.timedelta(days=offset)
                if date.weekday() in days:
                    yield date
            week += datetime.timedelta(weeks=step)
    yearly = kind.endswith("Yearly")
    months = start.year * 12 + (pattern["month"] if yearly else start.month) - 1
    while months < 9999 * 12:
        year, month = months // 12, months % 12 + 1
        length = calendar.monthrange(year, month)[1]
        if kind.startswith("absolute"):
            # The 31st of a month with 30 days is its last day, in Outlook.
            yield datetime.date(year, month, min(pattern["dayOfMonth"], length))
        else:
            found = [day for day in range(1, length + 1) if datetime.date(year, month, day).weekday() in days]
            index = INDEXES.index(pattern["index"])
            if index == 4:
                yield datetime.date(year, month, found[-1])
            elif index < len(found):
                yield datetime.date(year, month, found[index])
        months += step * 12 if yearly else step


def dates(recurrence, until):
    """The dates of a series up to and including `until`."""
    range_ = recurrence["range"]
    start = datetime.date.fromisoformat(range_["startDate"])
    if range_["type"] == "endDate":
        until = min(until, datetime.date.fromisoformat(range_["endDate"]))
    left = range_["numberOfOccurrences"] if range_["type"] == "numbered" else None
    for date in candidates(recurrence["pattern"], start):
        if date > until or left == 0:
            return
        if date >= start:
            yield date
            left = None if left is None else left - 1
