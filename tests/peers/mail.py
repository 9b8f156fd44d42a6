"""Reads mails with Python's `email` and the `icalendar` library, and says what it found.

Usage: mail.py FILE…   Prints a JSON array with an object for each file.

Anything that a strict reader would stumble over is listed in `defects`: the array must be empty. Times of calendar
entries are computed from the VTIMEZONE in the file itself, never from a database that happens to know the zone.
"""

import email
import email.errors
import email.policy
import json
import pathlib
import re
import sys
from datetime import datetime, timezone

import icalendar


def offset_at(zone, local):
    """The offset that a VTIMEZONE gives a local time: that of the last observance which began before it (RFC 5545
    §3.6.5). Observances here have a start and no rules; one with rules is a defect, found elsewhere."""
    best = None
    for part in zone.subcomponents:
        # An onset is given in the local time before the change.
        start = part.decoded("DTSTART").replace(tzinfo=None)
        if start <= local and (best is None or start > best[0]):
            best = (start, part)
    if best is None:
        raise ValueError(f"no observance covers {local}")
    return best[1].decoded("TZOFFSETTO")


def instant(event, name, zones, defects):
    """The instant of a property as UTC; what `icalendar` makes of the file's own VTIMEZONE, checked by hand."""
    value = event[name]
    tzid = value.params.get("TZID")
    text = value.to_ical().decode()
    local = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")
    if text.endswith("Z"):
        if tzid:
            defects.append(f"{name}: TZID on a UTC time")
        return local.isoformat() + "Z", None
    if tzid is None:
        defects.append(f"{name}: a time without a zone")
        return local.isoformat(), None
    if tzid not in zones:
        defects.append(f"{name}: no VTIMEZONE for {tzid}")
        return local.isoformat(), tzid
    by_hand = local - offset_at(zones[tzid], local)
    made = zones[tzid].to_tz(lookup_tzid=False)
    by_library = local.replace(tzinfo=made).astimezone(timezone.utc).replace(tzinfo=None)
    if by_hand != by_library:
        defects.append(f"{name}: {by_hand} by hand, {by_library} by the library")
    return by_hand.isoformat() + "Z", tzid


def person(value):
    params = value.params
    return {
        "uri": str(value),
        "name": params.get("CN"),
        "partstat": params.get("PARTSTAT"),
        "role": params.get("ROLE"),
        "rsvp": params.get("RSVP"),
    }


def several(event, name):
    found = event.get(name, [])
    return found if isinstance(found, list) else [found]


def calendar(raw, defects):
    for line in raw.split(b"\r\n"):
        if b"\n" in line or b"\r" in line:
            defects.append(f"calendar: a bare line break in {line[:40]!r}")
        if len(line) > 75:
            defects.append(f"calendar: a line of {len(line)} octets")
        try:
            line.decode()
        except UnicodeDecodeError:
            defects.append(f"calendar: folded inside a character: {line!r}")
    if not raw.endswith(b"END:VCALENDAR\r\n"):
        defects.append("calendar: it does not end with its end")
    found = icalendar.Calendar.from_ical(raw)
    for component in found.walk():
        defects.extend(f"calendar: {component.name} {error}" for error in component.errors)
    zones = {str(zone["TZID"]): zone for zone in found.walk("VTIMEZONE")}
    for name, zone in zones.items():
        if not zone.subcomponents:
            defects.append(f"calendar: {name} has no observances")
        for part in zone.subcomponents:
            for needed in ("DTSTART", "TZOFFSETFROM", "TZOFFSETTO"):
                if needed not in part:
                    defects.append(f"calendar: {name} lacks {needed}")
            if "RRULE" in part or "RDATE" in part:
                defects.append(f"calendar: {name} has rules that this reader does not follow")
    entries = []
    for event in found.walk("VEVENT"):
        for needed in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "SUMMARY", "STATUS"):
            if needed not in event:
                defects.append(f"calendar: no {needed}")
        start, tzid = instant(event, "DTSTART", zones, defects)
        end, _ = instant(event, "DTEND", zones, defects)
        organizer = event.get("ORGANIZER")
        entries.append(
            {
                "uid": str(event["UID"]),
                "sequence": int(event["SEQUENCE"]),
                "stamp": event.decoded("DTSTAMP").isoformat(),
                "start": start,
                "end": end,
                "tzid": tzid,
                "summary": str(event["SUMMARY"]),
                "description": str(event.get("DESCRIPTION", "")),
                "location": str(event.get("LOCATION", "")),
                "url": str(event.get("URL", "")),
                "status": str(event["STATUS"]),
                "busy": str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")),
                "organizer": person(organizer) if organizer is not None else None,
                "attendees": [person(attendee) for attendee in several(event, "ATTENDEE")],
            }
        )
    unused = set(zones) - {entry["tzid"] for entry in entries}
    if unused:
        defects.append(f"calendar: zones that nothing uses: {unused}")
    first = entries[0] if entries else {}
    return {
        "method": str(found["METHOD"]) if "METHOD" in found else None,
        "has_vtimezone": bool(zones),
        "entries": entries,
        **first,
    }


def structure(part):
    kind = part.get_content_type()
    if part.is_multipart():
        return {"type": kind, "parts": [structure(child) for child in part.iter_parts()]}
    return {"type": kind, "file": part.get_filename()}


def read(raw):
    if raw.lstrip().startswith(b"BEGIN:VCALENDAR"):
        defects = []
        return {"calendar": calendar(raw, defects), "defects": defects}
    defects = []
    # Headers with addresses of other scripts are UTF-8 (RFC 6532), which the parser of bytes does not know.
    message = email.message_from_string(raw.decode(), policy=email.policy.default)
    if re.search(rb"(?<!\r)\n|\r(?!\n)", raw):
        defects.append("a bare line break")
    if any(len(line) > 998 for line in raw.split(b"\r\n")):
        defects.append("a line of more than 998 octets")
    headers = {}
    for name, value in message.items():
        for defect in value.defects:
            # That is what RFC 6532 is about.
            if not isinstance(defect, email.errors.NonASCIILocalPartDefect):
                defects.append(f"{name}: {defect!r}")
        if name.lower() in headers:
            defects.append(f"{name} appears twice")
        headers[name.lower()] = str(value)
    for needed in ("from", "to", "date", "subject", "message-id", "mime-version"):
        if needed not in headers:
            defects.append(f"no {needed}")
    text = html = found = None
    for part in message.walk():
        defects.extend(f"{part.get_content_type()}: {defect!r}" for defect in part.defects)
        kind = part.get_content_type()
        if kind == "text/plain" and text is None:
            text = part.get_content().replace("\r\n", "\n")
        elif kind == "text/html":
            html = part.get_content().replace("\r\n", "\n")
        elif kind == "text/calendar":
            raw_calendar = part.get_payload(decode=True)
            found = calendar(raw_calendar, defects)
            if part["content-type"].params.get("method") != found["method"]:
                defects.append("the METHOD of the part is not that of the calendar")
            attached = [child.get_payload(decode=True) for child in message.iter_attachments()]
            if attached != [raw_calendar]:
                defects.append("the attachment is not the calendar")
    address = lambda name: [
        {"name": one.display_name, "email": one.addr_spec} for one in message[name].addresses
    ]
    return {
        "headers": headers,
        "from": address("from"),
        "to": address("to"),
        "reply_to": address("reply-to") if "reply-to" in headers else [],
        "date": message["date"].datetime.astimezone(timezone.utc).isoformat(),
        "subject": headers["subject"],
        "structure": structure(message),
        "text": text,
        "html": html,
        "calendar": found,
        "defects": defects,
    }


if __name__ == "__main__":
    print(json.dumps([read(pathlib.Path(name).read_bytes()) for name in sys.argv[1:]]))
