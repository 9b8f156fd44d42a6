"""Lists: pages, sync tokens, windows, expansion of series, and free/busy."""

import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .events import is_busy
from .recurrence import instant
from .store import ROLES, Refused, invalid

# What can't stand beside a sync token.
NOT_WITH_SYNC = ["iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMax", "timeMin"]
NOT_WITH_SYNC += ["updatedMin"]
# With one of these, a list is no beginning of a synchronization.
NO_SYNC_TOKEN = {"iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "updatedMin"}
# These say how an answer is written, not what is in it.
FORM = {"alt", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"}


def sealed(value):
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def opened(text, location):
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return value if isinstance(value, dict) else {}["no"]
    except (ValueError, KeyError):
        raise invalid(f"Invalid {location} value.", location) from None


def print_of(parameters):
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:16]


def too_old(location="syncToken"):
    message = "Sync token is no longer valid, a full sync is required."
    return Refused(410, "fullSyncRequired", message, location, domain="calendar")


def seconds(text):
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


class Lists:
    def __init__(self, store, events):
        self.store = store
        self.events = events

    # Events

    def list(self, account, calendar, parameters):
        parameters = {key: value for key, value in parameters.items() if key not in FORM}
        page = opened(parameters.pop("pageToken"), "pageToken") if "pageToken" in parameters else None
        token = parameters.get("syncToken")
        self.check(parameters)
        same = print_of(parameters)
        limit = min(parameters.pop("maxResults", 250), 2500, self.store.options["max_page"])
        if token is None:
            cursor = None
        else:
            cursor = opened(token, "syncToken")
            self.check_cursor(account, calendar, parameters, cursor)
        if page is None:
            page = {"print": same, "from": self.store.change, "after": None}
        elif page.get("print") != same:
            raise invalid("Invalid page token value.", "pageToken")
        elif page["from"] < calendar.purged and cursor is None:
            raise invalid("Invalid page token value.", "pageToken")
        if page.get("empty"):
            return self.answer(account, calendar, [], page | {"empty": False}, None)
        found = self.chosen(calendar, parameters, cursor, page)
        items, more = found[:limit], len(found) > limit
        shown = [shown for _, shown in items]
        if page.get("again") and self.store.options["repeat_items"]:
            shown.insert(0, self.rendered(calendar, page["again"]))
        if more:
            following = page | {
                "after": items[-1][0],
                "empty": self.store.options["empty_page"] and page["after"] is None,
            }
            if self.store.options["repeat_items"]:
                following["again"] = json.loads(shown[-1])["id"]
            return self.answer(account, calendar, shown, following, None)
        sync = None
        if not NO_SYNC_TOKEN & parameters.keys():
            sync = {
                "calendar": calendar.id,
                "account": account.email,
                "generation": account.cursors,
                "change": page["from"],
                "parameters": cursor["parameters"] if cursor else self.lasting(parameters),
                "window": cursor["window"] if cursor else [parameters.get("timeMin"), parameters.get("timeMax")],
            }
        return self.answer(account, calendar, shown, None, sync)

    def rendered(self, calendar, id):
        """An event by its id, for an item that comes again."""
        event = calendar.events.get(id)
        return event.body if event and not event.cancelled else json.dumps({"id": id, "status": "cancelled"}).encode()

    @staticmethod
    def lasting(parameters):
        """What must be the same in later rounds."""
        return print_of({key: value for key, value in parameters.items() if key not in ("syncToken", *NOT_WITH_SYNC)})

    def check(self, parameters):
        if "syncToken" in parameters:
            for key in NOT_WITH_SYNC:
                if key in parameters:
                    message = f"Sync token cannot be used with {key} filter."
                    raise Refused(400, "invalidParameter", message, key, domain="calendar")
            if parameters.get("showDeleted") is False:
                raise Refused(
                    400, "invalidParameter", "Sync token cannot be used with showDeleted=false.", "showDeleted"
                )
        if parameters.get("orderBy") == "startTime" and not parameters.get("singleEvents"):
            message = "The requested ordering is not available for the particular query."
            raise Refused(400, "invalid", message, "orderBy")
        low, high = seconds(parameters.get("timeMin")), seconds(parameters.get("timeMax"))
        if low is not None and high is not None and high <= low:
            raise Refused(400, "timeRangeEmpty", "The specified time range is empty.", "timeMax", domain="calendar")
        if "timeZone" in parameters:
            zone_of(parameters["timeZone"])
        if "updatedMin" in parameters:
            oldest = datetime.now(UTC) - timedelta(days=self.store.options["updated_min_days"])
            if datetime.fromisoformat(parameters["updatedMin"]) < oldest:
                message = "The requested minimum modification time lies too far in the past."
                raise Refused(410, "updatedMinTooLongAgo", message, "updatedMin", domain="calendar")

    def check_cursor(self, account, calendar, parameters, cursor):
        if cursor.get("calendar") != calendar.id or cursor.get("account") != account.email:
            raise invalid("Invalid sync token value.", "syncToken")
        if cursor["generation"] < account.cursors or cursor["change"] < calendar.purged:
            raise too_old()
        if cursor["parameters"] != self.lasting(parameters):
            message = "The parameters are not those of the first synchronization."
            raise Refused(400, "invalidParameter", message, "syncToken")

    def chosen(self, calendar, parameters, cursor, page):
        """What is in the list after the last page, as (key, bytes), in the order of its keys."""
        since = "updatedMin" in parameters
        if cursor:
            events = self.store.since(calendar, max(cursor["change"], page["after"][0] if page["after"] else 0))
            # What changed while pages were read comes with the next round.
            events = [event for event in events if event.change <= page["from"]]
            events += [] if page["after"] is None else [e for e in self.same_change(calendar, page) if e not in events]
        elif parameters.get("orderBy") or parameters.get("singleEvents"):
            events = calendar.order
        else:
            events = self.store.after(calendar, page["after"][0] if page["after"] else 0)
        low, high = seconds(parameters.get("timeMin")), seconds(parameters.get("timeMax"))
        if cursor and self.store.options["remember_window"]:
            low, high = (seconds(text) for text in cursor["window"])
        deleted = parameters.get("showDeleted", False)
        found = []
        for event in events:
            for body, resource in self.versions(calendar, event, parameters, low, high, bool(cursor) or since, deleted):
                if not self.matches(body, resource, parameters):
                    continue
                if "timeZone" in parameters or "maxAttendees" in parameters:
                    resource = self.dressed(calendar, resource or json.loads(body), parameters)
                    body = json.dumps(resource, ensure_ascii=False).encode()
                found.append((self.key(event, body, resource, parameters, cursor), body))
        if cursor or parameters.get("orderBy") or parameters.get("singleEvents"):
            found.sort(key=lambda pair: pair[0])
        if page["after"] is not None:
            after = page["after"]
            found = [pair for pair in found if pair[0] > after]
        return found

    def same_change(self, calendar, page):
        """A page can end amid the instances of one series."""
        number = page["after"][0]
        event = next((e for e in reversed(calendar.changed.values()) if e.change <= number), None)
        return [event] if event and event.change == number else []

    @staticmethod
    def key(event, body, resource, parameters, cursor):
        order = parameters.get("orderBy")
        if not order and not parameters.get("singleEvents"):
            return [event.change if cursor else event.number]
        resource = resource or json.loads(body)
        if order == "updated":
            return [resource["updated"], event.number, resource["id"]]
        when = resource.get("start", resource.get("originalStartTime", {}))
        begins = instant(when, "UTC") if when else 0
        if order == "startTime":
            return [begins, event.number, resource["id"]]
        return [event.change if cursor else event.number, begins, resource["id"]]

    def versions(self, calendar, event, parameters, low, high, incremental, deleted):
        """How an event shows in a list: not at all, as it is, as a tombstone, or as its instances."""
        single = parameters.get("singleEvents", False)
        if event.recurring and single:
            yield from self.expanded(calendar, event, low, high, incremental)
            return
        parent = calendar.events.get(event.master) if event.master else None
        if event.cancelled:
            if (
                event.master
                and parent
                and not parent.cancelled
                and not single
                or (incremental or deleted)
                and event.master
            ):
                if within(event, low, high) or incremental:
                    yield self.cancelled_instance(event)
            elif incremental or deleted:
                if incremental and not deleted:
                    resource = event.read()
                    bare = {"id": event.id, "status": "cancelled"}
                    if not self.store.options["bare_deletes"]:
                        bare |= {"kind": "calendar#event", "etag": resource["etag"]}
                    yield json.dumps(bare).encode(), bare
                elif within(event, low, high):
                    yield event.body, None
            return
        if event.recurring and event.begins is not None and (low is not None or high is not None):
            resource = event.read()
            if (low is None or event.ends is None or event.ends > low) and (high is None or event.begins < high):
                if self.store.series(resource, calendar).between(low, high, time.time()):
                    yield event.body, resource
            return
        if within(event, low, high):
            yield event.body, None

    @staticmethod
    def cancelled_instance(event):
        resource = event.read()
        keys = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
        shown = {key: resource[key] for key in keys}
        return json.dumps(shown).encode(), shown

    def expanded(self, calendar, event, low, high, incremental):
        """The instances of a series that are not exceptions: those are events of their own."""
        master = event.read()
        if event.cancelled and not incremental:
            return
        series = self.store.series(master, calendar)
        for wall in series.between(low, high, time.time()):
            instance = self.events.instance(calendar, master, series, wall)
            if instance["id"] in calendar.events:
                continue
            if event.cancelled:
                keys = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
                instance = {key: instance[key] for key in keys}
            self.store.check_answer("Event", instance, ("GET", "an instance"))
            yield json.dumps(instance, ensure_ascii=False).encode(), instance

    @staticmethod
    def matches(body, resource, parameters):
        wanted = {"iCalUID", "q", "privateExtendedProperty", "sharedExtendedProperty", "eventTypes", "updatedMin"}
        if not wanted & parameters.keys():
            return True
        resource = resource or json.loads(body)
        if "iCalUID" in parameters and resource.get("iCalUID") != parameters["iCalUID"]:
            return False
        if "eventTypes" in parameters and resource.get("eventType", "default") not in parameters["eventTypes"]:
            return False
        if "updatedMin" in parameters and "updated" in resource:
            if datetime.fromisoformat(resource["updated"]) < datetime.fromisoformat(parameters["updatedMin"]):
                return False
        for key, part in (("privateExtendedProperty", "private"), ("sharedExtendedProperty", "shared")):
            for wish in parameters.get(key, ()):
                name, _, value = wish.partition("=")
                if resource.get("extendedProperties", {}).get(part, {}).get(name) != value:
                    return False
        if "q" in parameters:
            people = [resource.get("organizer", {}), *resource.get("attendees", ())]
            texts = [resource.get(key, "") for key in ("summary", "description", "location")]
            texts += [person.get(key, "") for person in people for key in ("displayName", "email")]
            text = " ".join(texts).lower()
            return all(word in text for word in parameters["q"].lower().split())
        return True

    @staticmethod
    def dressed(calendar, resource, parameters):
        """An event in another zone, or with fewer guests."""
        zone = parameters.get("timeZone")
        for key in ("start", "end", "originalStartTime"):
            when = resource.get(key)
            if zone and when and "dateTime" in when:
                text = datetime.fromisoformat(when["dateTime"]).astimezone(zone_of(zone)).isoformat(timespec="seconds")
                when["dateTime"] = text.replace("+00:00", "Z")
        most = parameters.get("maxAttendees")
        if most is not None and len(resource.get("attendees", ())) > most:
            resource["attendees"] = [guest for guest in resource["attendees"] if guest.get("self")]
            resource["attendeesOmitted"] = True
        return resource

    def answer(self, account, calendar, bodies, page, sync):
        entry = account.entries[calendar.id]
        rest = {
            "kind": "calendar#events",
            "etag": f'"p{calendar.change}"',
            **calendar.about,
            "updated": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "accessRole": entry.role,
            "defaultReminders": self.store.entry(account, calendar.id)["defaultReminders"],
        }
        rest.pop("location", None)
        if page:
            rest["nextPageToken"] = sealed(page)
        elif sync:
            rest["nextSyncToken"] = sealed(sync)
        self.store.check_answer("Events", rest, ("GET", f"calendars/{calendar.id}/events"))
        if ROLES.index(entry.role) < ROLES.index("writer"):
            bodies = [self.veiled(calendar, json.loads(body), entry.role) for body in bodies]
        head = json.dumps(rest, ensure_ascii=False).encode()
        return b'%s,"items":[%s]}' % (head[:-1], b",".join(bodies)), rest["etag"]

    def veiled(self, calendar, resource, role):
        """What somebody sees who may see only when, or not what is private."""
        private = resource.get("visibility") in ("private", "confidential")
        if resource["status"] != "cancelled" and (role == "freeBusyReader" or private):
            keys = "kind etag id status htmlLink created updated creator organizer start end iCalUID sequence eventType"
            keys = [*keys.split(), "reminders", "recurrence", "recurringEventId", "originalStartTime", "transparency"]
            resource = {key: resource[key] for key in keys if key in resource} | {"visibility": "private"}
            resource |= {"creator": {}, "organizer": {}}
        return json.dumps(resource, ensure_ascii=False).encode()

    def instances(self, account, calendar, id, parameters):
        event = calendar.events.get(id)
        master = self.events.find(calendar, id)
        if event is None or not event.recurring:
            raise Refused(400, "invalid", "The event is not recurring.", "eventId")
        series = self.store.series(master, calendar)
        low, high = seconds(parameters.get("timeMin")), seconds(parameters.get("timeMax"))
        items = []
        for wall in series.between(None, None, time.time()):
            instance = self.events.instance(calendar, master, series, wall)
            changed = calendar.events.get(instance["id"])
            if changed:
                if changed.cancelled and not parameters.get("showDeleted"):
                    continue
                instance = self.cancelled_instance(changed)[1] if changed.cancelled else changed.read()
            when = changed if changed and not changed.cancelled else None
            begins = when.begins if when else series.seconds(wall)
            ends = when.ends if when else series.ends(wall)
            if (low is not None and ends < low) or (high is not None and begins >= high):
                continue
            if "originalStart" in parameters and instance["originalStartTime"].get("dateTime") is not None:
                wished = datetime.fromisoformat(parameters["originalStart"])
                if datetime.fromisoformat(instance["originalStartTime"]["dateTime"]) != wished:
                    continue
            items.append(self.dressed(calendar, instance, parameters))
        begin = opened(parameters["pageToken"], "pageToken")["at"] if "pageToken" in parameters else 0
        limit = min(parameters.get("maxResults", 250), 2500, self.store.options["max_page"])
        for item in items[begin : begin + limit]:
            self.store.check_answer("Event", item, ("GET", "instances"))
        bodies = [json.dumps(item, ensure_ascii=False).encode() for item in items[begin : begin + limit]]
        following = {"at": begin + limit} if begin + limit < len(items) else None
        return self.answer(account, calendar, bodies, following, None)

    # The calendar list

    def calendars(self, account, parameters):
        parameters = {key: value for key, value in parameters.items() if key not in FORM}
        begin = opened(parameters["pageToken"], "pageToken")["at"] if "pageToken" in parameters else 0
        since = None
        if "syncToken" in parameters:
            for key in ("minAccessRole", "showOwnOrganizationOnly"):
                if key in parameters:
                    raise Refused(400, "invalidParameter", f"Sync token cannot be used with {key}.", key)
            cursor = opened(parameters["syncToken"], "syncToken")
            if cursor.get("list") != account.email:
                raise invalid("Invalid sync token value.", "syncToken")
            if cursor["generation"] < account.cursors:
                raise too_old()
            since = cursor["change"]
        found = []
        for id, entry in account.entries.items():
            if since is not None and entry.change <= since:
                continue
            if since is None and entry.deleted and not parameters.get("showDeleted"):
                continue
            if since is None and entry.own.get("hidden") and not parameters.get("showHidden"):
                continue
            if ROLES.index(entry.role) < ROLES.index(parameters.get("minAccessRole", "none")):
                continue
            found.append(self.store.entry(account, id))
        limit = min(parameters.get("maxResults", 100), 250, self.store.options["max_page"])
        newest = max((entry.change for entry in account.entries.values()), default=0)
        answer = {"kind": "calendar#calendarList", "etag": f'"p{newest}"', "items": found[begin : begin + limit]}
        if begin + limit < len(found):
            answer["nextPageToken"] = sealed({"at": begin + limit})
        else:
            sync = {"list": account.email, "generation": account.cursors, "change": newest}
            answer["nextSyncToken"] = sealed(sync)
        return answer

    # Free and busy

    def freebusy(self, account, body):
        for key in ("timeMin", "timeMax"):
            if key not in body:
                raise Refused(400, "required", f"Missing {key} parameter.")
        low, high = seconds(body["timeMin"]), seconds(body["timeMax"])
        if high <= low:
            raise Refused(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
        most = min(body.get("calendarExpansionMax", 50), 50)
        zone = zone_of(body.get("timeZone", "UTC"))
        calendars = {}
        for number, item in enumerate(body.get("items", ())):
            id = self.store.primary(account) if item["id"] == "primary" else item["id"]
            reason = None
            if number >= most:
                reason = "tooManyCalendarsRequested"
            elif id in self.store.options["freebusy_errors"]:
                reason = "internalError"
            elif id not in account.entries or id not in self.store.calendars:
                reason = "notFound"
            if reason:
                calendars[item["id"]] = {"errors": [{"domain": "global", "reason": reason}], "busy": []}
                continue
            times = [
                {
                    key: datetime.fromtimestamp(at, zone).isoformat(timespec="seconds").replace("+00:00", "Z")
                    for key, at in pair
                }
                for pair in self.busy(self.store.calendars[id], low, high)
            ]
            calendars[item["id"]] = {"busy": times}
        text = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z") for at in (low, high)]
        return {"kind": "calendar#freeBusy", "timeMin": text[0], "timeMax": text[1], "calendars": calendars}

    def busy(self, calendar, low, high):
        """The busy times of a calendar, joined, within the range."""
        found = []
        for event in calendar.order:
            for body, resource in self.versions(calendar, event, {"singleEvents": True}, low, high, False, False):
                resource = resource or json.loads(body)
                if is_busy(resource, calendar.id):
                    found.append(tuple(instant(resource[key], calendar.zone) for key in ("start", "end")))
        joined = []
        for begin, end in sorted(found):
            if joined and begin <= joined[-1][1]:
                joined[-1][1] = max(joined[-1][1], end)
            elif end > begin:
                joined.append([begin, end])
        return [(("start", max(begin, low)), ("end", min(end, high))) for begin, end in joined]


def within(event, low, high):
    """Exclusive at both ends: an event that ends at `timeMin` or begins at `timeMax` is not in the list."""
    if event.begins is None:
        return True
    ends = event.ends
    return (low is None or ends is None or ends > low) and (high is None or event.begins < high)


def zone_of(name):
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("Invalid time zone.", "timeZone") from None
