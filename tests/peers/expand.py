"""Expands calendars with `recurring-ical-events`, to hold our own expansion against.

Usage: expand.py            reads a JSON array of {"ics", "from", "until", "zone"} and prints an array of results.
       expand.py --fixtures FROM UNTIL ZONE
                            expands the calendars that come with the installed packages as test data, and prints an
                            array of {"name", "ics", "found"}; "found" is null for those that the library refuses.

A result is a sorted array of [start, end] in seconds since 1970. Days and times without a zone are those of "zone".
"""

import datetime
import json
import pathlib
import sys
import warnings
import zoneinfo

import icalendar
import recurring_ical_events


# What it guesses about zones, it says on its standard error.
warnings.simplefilter("ignore")


def seconds(at, zone):
    if not isinstance(at, datetime.datetime):
        at = datetime.datetime.combine(at, datetime.time())
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    return int(at.timestamp())


def expand(ics, begin, end, zone_name):
    zone = zoneinfo.ZoneInfo(zone_name)
    calendar = icalendar.Calendar.from_ical(ics)
    query = recurring_ical_events.of(calendar, components=["VEVENT"])
    # A day more on both sides, since the library compares days without a zone in its own way; cut to the window below.
    day = datetime.timedelta(days=1)
    begin, end = (datetime.datetime.fromisoformat(at.replace("Z", "+00:00")) for at in (begin, end))
    found = set()
    for event in query.between(begin - day, end + day):
        if event.get("STATUS", "").upper() == "CANCELLED":
            continue
        start = seconds(event.start, zone)
        stop = seconds(event.end, zone)
        if start < end.timestamp() and stop > begin.timestamp() and start < stop:
            found.add((start, stop))
    return sorted(found)


def fixtures(begin, end, zone):
    results = []
    for package in (icalendar, recurring_ical_events):
        home = pathlib.Path(package.__file__).parent
        for path in sorted(home.rglob("*.ics")):
            ics = path.read_bytes()
            try:
                found = expand(ics, begin, end, zone)
            except Exception:  # whatever it is, the library has no answer
                found = None
            text = ics.decode("utf-8", "replace")
            results.append({"name": f"{home.name}/{path.name}", "ics": text, "found": found})
    return results


if sys.argv[1:2] == ["--fixtures"]:
    results = fixtures(*sys.argv[2:5])
else:
    results = [expand(**{"ics": case["ics"], "begin": case["from"], "end": case["until"], "zone_name": case["zone"]})
               for case in json.load(sys.stdin)]
json.dump(results, sys.stdout)
