"""An event as Graph answers it."""

import datetime
import hashlib
import html
import re

from graph import zones

NOTHING = "0001-01-01T00:00:00Z"
SCALARS = {
    "subject": "",
    "importance": "normal",
    "sensitivity": "normal",
    "showAs": "busy",
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "isOnlineMeeting": False,
    "onlineMeetingProvider": "unknown",
    "onlineMeeting": None,
    "isCancelled": False,
    "transactionId": None,
}
EXPANDABLE = {"singleValueExtendedProperties"}


class Wish:
    """What a caller asked for in `Prefer`, `$select` and `$expand`."""

    def __init__(self, immutable=False, zone=None, text=False, select=None, properties=()):
        self.immutable, self.zone, self.text, self.select, self.properties = immutable, zone, text, select, properties


def person(address, name):
    return {"emailAddress": {"name": name, "address": address}}


def occurrence_uid(uid, date):
    """Differs for each occurrence of a series."""
    return uid[:32] + f"{date.year:04X}{date.month:02X}{date.day:02X}" + uid[40:]


def moment(local_or_instant, all_day, wish):
    zone = wish.zone or "UTC"
    local = local_or_instant.replace(tzinfo=None) if all_day else zones.from_utc(local_or_instant, zone)
    return {"dateTime": zones.written(local), "timeZone": zone}


def written(text):
    return text.replace("\n", "\r\n")


def plain(markup):
    """As Exchange puts HTML into words: a line for each paragraph, and one that is empty at the end."""
    lines = re.sub(r"<br\s*/?>|</(p|div|li|h\d)>", "\n", re.sub(r"\s+", " ", markup))
    return written(html.unescape(re.sub(r"<[^>]*>", "", lines)).strip() + "\n")


def body(props, wish):
    given = props.get("body") or {"contentType": "text", "content": ""}
    content = given.get("content") or ""
    if wish.text:
        return {"contentType": "text", "content": plain(content) if given.get("contentType") == "html" else written(content)}
    if content and given.get("contentType") != "html":
        escaped = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>\r\n")
        content = (
            '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n<body>\r\n'
            f'<div class="PlainText">{escaped}</div>\r\n</body>\r\n</html>\r\n'
        )
    return {"contentType": "html", "content": content}


def event(account, key, version, wish, date=None, exception=None):
    """`date`: an occurrence of the series `version`, changed if there is an `exception`."""
    shown = exception or version
    props = shown.props
    instance = date is not None
    if version.recurrence is None:
        kind = "singleInstance"
    else:
        kind = "exception" if exception else "occurrence" if instance else "seriesMaster"
    if instance and not exception:
        start, end = occurrence_times(version, date)
    else:
        start, end = shown.start_at, shown.end_at
    organizer = props.get("organizer") or person(account.email, account.name)
    ours = organizer["emailAddress"]["address"].lower() == account.email.lower()
    mine = props.get("responseStatus") or {
        "response": "organizer" if ours and props.get("attendees") else "none",
        "time": NOTHING,
    }
    id_ = account.event_id(key, wish.immutable, date)
    text = (props.get("body") or {}).get("content") or ""
    places = props.get("locations") or ([props["location"]] if (props.get("location") or {}).get("displayName") else [])
    found = {
        "@odata.etag": shown.etag,
        "id": id_,
        "createdDateTime": zones.stamp(version.created),
        "lastModifiedDateTime": zones.stamp(shown.changed),
        "changeKey": shown.change_key,
        "categories": props.get("categories") or [],
        "originalStartTimeZone": shown.start_zone,
        "originalEndTimeZone": shown.end_zone,
        "iCalUId": occurrence_uid(version.uid, date) if instance else version.uid,
        "hasAttachments": False,
        "bodyPreview": text.replace("\n", "\r\n")[:255],
        "isAllDay": bool(shown.all_day),
        "isOrganizer": ours,
        "isDraft": False,
        "seriesMasterId": account.event_id(key, wish.immutable) if instance else None,
        "type": kind,
        "webLink": f"https://outlook.office365.com/owa/?itemid={hashlib.sha256(id_.encode()).hexdigest()}&exvsurl=1&path=/calendar/item",
        "onlineMeetingUrl": None,
        "body": body(props, wish),
        "start": moment(start, shown.all_day, wish),
        "end": moment(end, shown.all_day, wish),
        "location": places[0] if places else {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"},
        "locations": places,
        "recurrence": None if instance else version.recurrence,
        "attendees": props.get("attendees") or [],
        "organizer": organizer,
        "responseStatus": mine,
    }
    for name, default in SCALARS.items():
        found[name] = props.get(name, default)
    if instance:
        found["originalStart"] = zones.stamp(occurrence_times(version, date)[0])
    if wish.properties:
        marks = props.get("marks") or {}
        values = [{"id": name, "value": marks[name]} for name in wish.properties if name in marks]
        if values:
            found["singleValueExtendedProperties"] = values
    if wish.select is not None:
        if "cancelledOccurrences" in wish.select:
            cancelled = sorted(version.cancelled) if kind == "seriesMaster" else []
            found["cancelledOccurrences"] = [f"OID.{id_}.{day.isoformat()}" for day in cancelled]
        kept = wish.select | EXPANDABLE | {"id", "@odata.etag"}
        found = {name: value for name, value in found.items() if name in kept}
    return found


def occurrence_times(version, date):

    local = datetime.datetime.combine(date, version.start.time())
    start = local.replace(tzinfo=zones.UTC) if version.all_day else zones.to_utc(local, version.start_zone)
    return start, start + (version.end_at - version.start_at)


def bare_occurrence(account, key, version, date, start, end, wish):
    """An unchanged occurrence in an answer of delta: the rest is in its master."""
    return {
        "@odata.type": "#microsoft.graph.event",
        "@odata.etag": version.etag,
        "seriesMasterId": account.event_id(key, wish.immutable),
        "type": "occurrence",
        "id": account.event_id(key, wish.immutable, date),
        "start": moment(start, version.all_day, wish),
        "end": moment(end, version.all_day, wish),
    }
