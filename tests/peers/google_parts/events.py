"""Making, changing and deleting events."""

import json
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .recurrence import instant, shown
from .store import Refused, invalid, not_found

# What a client may say of an event. All else in its body is for reading only and passed over.
WRITABLE = set(
    "anyoneCanAddSelf attachments attendees attendeesOmitted colorId conferenceData description end eventLabelId"
    " extendedProperties focusTimeProperties guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests location"
    " outOfOfficeProperties recurrence reminders sequence source start status summary transparency visibility"
    " workingLocationProperties birthdayProperties".split()
)
# What belongs to one copy of an event; the rest is the same at organizer and guests.
OWN = {"colorId", "eventLabelId", "reminders", "transparency", "visibility"}
# What is left out of answers because it is so by default.
DEFAULTS = {
    "transparency": "opaque",
    "visibility": "default",
    "anyoneCanAddSelf": False,
    "attendeesOmitted": False,
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
}
ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+\.[^@\s<>,]+")
MAKEABLE = {"default", "focusTime", "outOfOffice", "workingLocation", "birthday"}


def merged(old, change):
    """`change` laid over `old` as PATCH does it: objects are merged, null takes away, lists are replaced."""
    result = dict(old)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key) or {}, value)
        else:
            result[key] = value
    return result


def by_email(resource):
    return {attendee["email"]: attendee for attendee in resource.get("attendees", ())}


class Events:
    def __init__(self, store):
        self.store = store

    # Reading

    def find(self, calendar, id):
        """An event's resource, also of an instance that nobody has touched yet."""
        event = calendar.events.get(id)
        if event:
            return event.read()
        master, _, key = id.rpartition("_")
        event = calendar.events.get(master)
        if event is None or event.cancelled or not event.recurring:
            raise not_found()
        resource = event.read()
        series = self.store.series(resource, calendar)
        wall = series.wall(key)
        if wall is None or not series.has(wall):
            raise not_found()
        return self.instance(calendar, resource, series, wall)

    def instance(self, calendar, master, series, wall):
        start, end = series.times(wall, calendar.zone)
        resource = {key: value for key, value in master.items() if key != "recurrence"}
        id = f"{master['id']}_{series.key(wall)}"
        link = f"https://www.google.com/calendar/event?eid={id}"
        return resource | {
            "id": id,
            "htmlLink": link,
            "start": start,
            "end": end,
            "recurringEventId": master["id"],
            "originalStartTime": dict(start),
        }

    def asked(self, calendar, id):
        """`events.get`: a conference that is pending comes into being while it is asked for."""
        left = self.store.pending.get((calendar.id, id))
        if left:
            self.store.pending[calendar.id, id] = left - 1
            if left == 1:
                self.settle(calendar, id)
        return self.find(calendar, id)

    def settle(self, calendar, id, outcome=None):
        """Ends a pending conference."""
        self.store.pending.pop((calendar.id, id), None)
        resource = self.find(calendar, id)
        failed = self.store.options["conference"] == "pending_failure" if outcome is None else outcome == "failure"
        self.conference(resource, resource["conferenceData"]["createRequest"], "failure" if failed else "success")
        self.keep(calendar, resource)

    def conference(self, resource, request, outcome):
        key = request.get("conferenceSolutionKey") or {"type": "hangoutsMeet"}
        asked = {"requestId": request["requestId"], "conferenceSolutionKey": key, "status": {"statusCode": outcome}}
        made = resource["conferenceData"] = {"createRequest": asked}
        if outcome == "success":
            letters = self.store.word(10, "abcdefghijkmnopqrstuvwxyz")
            code = f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
            link = f"https://meet.google.com/{code}"
            entry = {"entryPointType": "video", "uri": link, "label": link.removeprefix("https://")}
            made |= {
                "entryPoints": [entry],
                "conferenceSolution": {"key": key, "name": "Google Meet", "iconUri": "https://fonts.gstatic.com/meet"},
                "conferenceId": code,
                "signature": self.store.word(28),
            }
            resource["hangoutLink"] = link

    # What a client says, made into what is kept

    def prepared(self, calendar, resource):
        """Checks the meaning of a resource that is to be kept, and brings it into the form of answers."""
        for key in ("start", "end"):
            if not resource.get(key):
                raise Refused(400, "required", f"Missing {key} time.")
        for key in ("start", "end"):
            resource[key] = self.when(calendar, resource[key], key)
        if ("date" in resource["start"]) != ("date" in resource["end"]):
            raise invalid("Invalid start time.")
        begins, ends = (instant(resource[key], calendar.zone) for key in ("start", "end"))
        if ends < begins or ("date" in resource["start"] and ends == begins):
            raise Refused(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
        if resource.get("recurrence"):
            self.store.series(resource, calendar)
        else:
            resource.pop("recurrence", None)
        resource["attendees"] = self.attendees(calendar, resource)
        if not resource["attendees"]:
            del resource["attendees"]
        self.properties(resource)
        reminders = resource.get("reminders") or {"useDefault": True}
        if reminders.get("useDefault") and reminders.get("overrides"):
            message = "Cannot specify both default reminders and overrides at the same time."
            raise Refused(400, "cannotUseDefaultRemindersAndSpecifyOverride", message, domain="calendar")
        resource["reminders"] = {"useDefault": False} | reminders
        for key, value in DEFAULTS.items():
            if resource.get(key) == value:
                del resource[key]
        for key in [key for key, value in resource.items() if value in ({}, "")]:
            del resource[key]
        if "attachments" in resource and len(resource["attachments"]) > 25:
            raise invalid("Too many attachments.")
        return resource

    @staticmethod
    def need_zone(body):
        """A whole series says in which zone it recurs."""
        start = body.get("start", {})
        if body.get("recurrence") and "dateTime" in start and not start.get("timeZone"):
            raise Refused(400, "required", "Missing time zone definition for start time.")

    def when(self, calendar, given, key):
        if ("date" in given) == ("dateTime" in given):
            raise invalid(f"Invalid {key} time.")
        if "date" in given:
            return {"date": given["date"]}
        zone = given.get("timeZone")
        try:
            ZoneInfo(zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise invalid(f"Invalid time zone definition for {key} time.") from None
        if zone is None and not re.search(r"(Z|[+-]\d\d:\d\d)$", given["dateTime"]):
            raise Refused(400, "required", f"Missing time zone definition for {key} time.")
        return shown(instant(given, calendar.zone), zone or calendar.zone, calendar.zone)

    def attendees(self, calendar, resource):
        kept, seen = [], set()
        for given in resource.get("attendees") or ():
            email = (given.get("email") or "").lower()
            if not ADDRESS.fullmatch(email):
                raise invalid("Invalid attendee email.")
            if email in seen:
                continue
            seen.add(email)
            attendee = {
                key: value for key, value in given.items() if key not in ("organizer", "self", "asyncOperation")
            }
            attendee |= {"email": email, "responseStatus": given.get("responseStatus", "needsAction")}
            if email == resource["organizer"]["email"]:
                attendee["organizer"] = True
            if email == calendar.id:
                attendee["self"] = True
            kept.append({key: value for key, value in attendee.items() if value not in (False, 0, "")})
        if len(kept) > 200:
            raise Refused(403, "calendarUsageLimitsExceeded", "Calendar usage limits exceeded.", domain="usageLimits")
        return kept

    @staticmethod
    def properties(resource):
        given = resource.get("extendedProperties") or {}
        every = [pair for part in given.values() for pair in (part or {}).items()]
        if len(every) > 300 or sum(len(key) + len(value) for key, value in every) > 32_768:
            raise invalid("Too many extended properties.")
        if any(len(key) > 44 or len(value) > 1024 for key, value in every):
            raise invalid("An extended property is too long.")
        if given:
            resource["extendedProperties"] = {key: value for key, value in given.items() if value}

    def conferences(self, calendar, resource, old, parameters):
        """What becomes of `conferenceData`: nothing in version 0; a request makes a conference, once for each id."""
        had = (old or {}).get("conferenceData")
        if parameters.get("conferenceDataVersion", 0) == 0:
            resource.pop("conferenceData", None)
            if had:
                resource["conferenceData"] = had
            return
        given = resource.get("conferenceData")
        if not given:
            resource.pop("conferenceData", None)
            resource.pop("hangoutLink", None)
            self.store.pending.pop((calendar.id, resource["id"]), None)
            return
        request = given.get("createRequest")
        if request and had and had.get("createRequest", {}).get("requestId") == request.get("requestId"):
            resource["conferenceData"] = had
        elif request:
            if not request.get("requestId"):
                raise Refused(400, "required", "Missing conference request id.")
            if request.get("conferenceSolutionKey", {}).get("type", "hangoutsMeet") != "hangoutsMeet":
                raise invalid("Invalid conference type value.")
            resource.pop("hangoutLink", None)
            wanted = self.store.options["conference"]
            if wanted == "refused":
                raise invalid("Invalid conference type value.")
            self.conference(resource, request, wanted.split("_")[0])
            if wanted.startswith("pending"):
                self.store.pending[calendar.id, resource["id"]] = self.store.options["conference_polls"]

    def sending(self, parameters):
        told = parameters.get("sendUpdates")
        return told or ("all" if parameters.get("sendNotifications") else "none")

    # Writing

    def insert(self, account, calendar, body, parameters, tell=True):
        id = body.get("id")
        if id is not None:
            if not re.fullmatch(r"[a-v0-9]{5,1024}", id, re.ASCII):
                raise invalid("Invalid resource id value.")
            if id in calendar.events:
                raise Refused(409, "duplicate", "The requested identifier already exists.")
            if "iCalUID" in body and body["iCalUID"] != f"{id}@google.com":
                raise invalid("Only one of id and iCalUID may be given.")
        kind = body.get("eventType", "default")
        if kind not in MAKEABLE:
            raise invalid("Invalid event type.")
        if kind != "default" and calendar.id not in self.store.accounts:
            raise Refused(400, "eventTypeRestriction", "This event type is for primary calendars only.")
        id = id or self.store.word(26, "abcdefghijklmnopqrstuv0123456789")
        resource = {key: body[key] for key in WRITABLE & body.keys()}
        if resource.get("status") == "cancelled":
            raise invalid("A new event can't be cancelled.")
        resource |= self.identity(account, calendar, id, body.get("iCalUID", f"{id}@google.com"), kind)
        resource.setdefault("status", "confirmed")
        resource.setdefault("sequence", 0)
        self.need_zone(body)
        resource = self.prepared(calendar, resource)
        self.conferences(calendar, resource, None, parameters)
        self.keep(calendar, resource)
        if tell:
            self.store.mail(calendar, resource, "REQUEST", self.guests(calendar, resource), self.sending(parameters))
        return resource

    def identity(self, account, calendar, id, uid, kind):
        organizer = {"email": calendar.id, "self": True}
        if calendar.id not in self.store.accounts:
            organizer["displayName"] = calendar.about["summary"]
        creator = {"email": account.email} | ({"self": True} if account.email == calendar.id else {})
        return {
            "kind": "calendar#event",
            "id": id,
            "iCalUID": uid,
            "eventType": kind,
            "organizer": organizer,
            "creator": creator,
            "htmlLink": f"https://www.google.com/calendar/event?eid={id}",
        }

    def imported(self, account, calendar, body, parameters):
        """`events.import`: a private copy of an event that somebody else organizes."""
        if not body.get("iCalUID"):
            raise Refused(400, "required", "Missing iCal UID.")
        for event in calendar.order:
            if not event.cancelled and not event.master and event.read()["iCalUID"] == body["iCalUID"]:
                return self.change(account, calendar, event.id, body, parameters, whole=True, own=True)
        id = "_" + self.store.word(30, "abcdefghijklmnopqrstuv0123456789")
        resource = {key: body[key] for key in WRITABLE & body.keys()}
        resource |= self.identity(account, calendar, id, body["iCalUID"], body.get("eventType", "default"))
        if body.get("organizer", {}).get("email"):
            resource["organizer"] = {"email": body["organizer"]["email"].lower()}
        resource.setdefault("status", "confirmed")
        resource.setdefault("sequence", 0)
        resource = self.prepared(calendar, resource)
        self.conferences(calendar, resource, None, parameters)
        self.store.put(calendar, resource)
        return resource

    def change(self, account, calendar, id, body, parameters, whole, own=False):
        """PUT (`whole`) and PATCH. `own`: an import again, which may do what only the organizer may."""
        old = self.find(calendar, id)
        if "organizer" not in old:
            # It was moved to another calendar. Who brings it back here organizes another event of the same id.
            old |= self.identity(account, calendar, id, f"{id}@google.com", "default") | {"sequence": 0}
        if body.get("status") == "cancelled" and old["status"] != "cancelled":
            self.delete(account, calendar, id, parameters)
            return self.find(calendar, id)
        said = {key: body[key] for key in WRITABLE & body.keys()}
        if body.get("attendeesOmitted"):
            said["attendees"] = list((by_email(old) | by_email(body)).values())
        if whole:
            self.need_zone(body)
            resource = {key: value for key, value in old.items() if key not in WRITABLE - {"sequence"}} | said
            resource.setdefault("status", "confirmed")
        else:
            resource = merged(old, said)
            resource.setdefault("status", "confirmed")
        if body.get("eventType", old.get("eventType")) != old.get("eventType"):
            raise Refused(400, "eventTypeRestriction", "The event type can't be changed.")
        if resource["status"] == "cancelled":
            if "start" not in resource:
                raise not_found()
            self.store.put(calendar, resource)
            return resource
        if resource.get("sequence", 0) < old.get("sequence", 0):
            message = "Invalid sequence value. The specified sequence number is below the current sequence number of"
            raise invalid(
                f"{message} the resource. Re-fetch the resource and use its sequence number on the following request."
            )
        resource = self.prepared(calendar, resource)
        self.conferences(calendar, resource, old, parameters)
        moved = any(resource.get(key) != old.get(key) for key in ("start", "end", "recurrence", "status"))
        if moved and resource.get("sequence", 0) == old.get("sequence", 0):
            resource["sequence"] = old.get("sequence", 0) + 1
        resource.setdefault("sequence", old.get("sequence", 0))
        if not (own or self.organizes(calendar, old)):
            return self.guest_change(account, calendar, old, resource, parameters)
        self.keep(calendar, resource, old)
        before, after = self.guests(calendar, old), self.guests(calendar, resource)
        send = self.sending(parameters)
        self.store.mail(calendar, resource, "CANCEL", [email for email in before if email not in after], send)
        self.store.mail(calendar, resource, "REQUEST", after, send)
        return resource

    def organizes(self, calendar, resource):
        return resource["organizer"]["email"] == calendar.id

    def guests(self, calendar, resource):
        emails = [guest["email"] for guest in resource.get("attendees", ()) if not guest.get("resource")]
        return [email for email in emails if email != calendar.id]

    def guest_change(self, account, calendar, old, resource, parameters):
        """A guest may answer, and change what is their own; the rest only if the organizer lets guests."""

        def others(event):
            listed = [guest for email, guest in by_email(event).items() if email != calendar.id]
            shared = {key: value for key, value in event.items() if key not in OWN | {"attendees", "sequence"}}
            shared["extendedProperties"] = (event.get("extendedProperties") or {}).get("shared")
            return shared, listed

        if others(old) != others(resource) and not old.get("guestsCanModify"):
            message = "Shared properties can only be changed by the organizer of the event."
            raise Refused(403, "forbiddenForNonOrganizer", message, domain="calendar")
        self.store.put(calendar, resource)
        home = self.store.calendars.get(old["organizer"]["email"])
        if home is None:
            return resource
        try:
            there = self.find(home, old["id"])
        except Refused:
            return resource
        before = dict(there)
        if old.get("guestsCanModify"):
            there |= {
                key: resource[key] for key in ("summary", "description", "location", "start", "end") if key in resource
            }
            there["sequence"] = max(there["sequence"], resource["sequence"])
        answer = by_email(resource).get(calendar.id)
        self.answer(there, calendar.id, answer)
        self.keep(home, there, before)
        return json.loads(calendar.events[old["id"]].body)

    @staticmethod
    def answer(resource, email, answer):
        for guest in resource.get("attendees", ()):
            if guest["email"] == email and answer:
                guest |= {key: answer[key] for key in ("responseStatus", "comment") if key in answer}

    def keep(self, calendar, resource, old=None):
        """Keeps the organizer's event, its copies at guests who have a calendar here, and its exceptions."""
        self.store.put(calendar, resource)
        self.copies(calendar, resource, old)
        if old and "recurrence" in old:
            self.follow(calendar, old, resource)

    def copies(self, calendar, resource, old):
        if not self.organizes(calendar, resource):
            return
        wanted = set(self.guests(calendar, resource))
        for email in sorted(wanted | set(self.guests(calendar, old or {}))):
            account = self.store.accounts.get(email)
            there = self.store.calendars.get(self.store.primary(account)) if account else None
            if there is None:
                continue
            had = there.events.get(resource["id"])
            if email not in wanted or resource["status"] == "cancelled":
                if had and not had.cancelled:
                    self.store.put(there, self.tombstone(had.read()))
                continue
            if had and had.cancelled and by_email(resource)[email]["responseStatus"] == "declined":
                continue  # They removed it, and keep it removed.
            copy = {key: value for key, value in resource.items() if key not in OWN | {"extendedProperties", "updated"}}
            before = had.read() if had else {"reminders": {"useDefault": True}}
            copy |= {key: before[key] for key in OWN if key in before}
            properties = {
                "shared": resource.get("extendedProperties", {}).get("shared"),
                "private": before.get("extendedProperties", {}).get("private"),
            }
            if any(properties.values()):
                copy["extendedProperties"] = {key: value for key, value in properties.items() if value}
            copy["organizer"] = {key: value for key, value in resource["organizer"].items() if key != "self"}
            copy["creator"] = {key: value for key, value in resource["creator"].items() if key != "self"}
            guests = [{key: value for key, value in guest.items() if key != "self"} for guest in resource["attendees"]]
            copy["attendees"] = [guest | ({"self": True} if guest["email"] == there.id else {}) for guest in guests]
            for key in ("start", "end", "originalStartTime"):
                if "dateTime" in copy.get(key, {}):
                    copy[key] = self.when(there, copy[key], key)
            self.store.put(there, copy)

    def follow(self, calendar, old, master):
        """What a change of a series means for its exceptions."""
        series = self.store.series(master, calendar) if "recurrence" in master else None
        for event in self.store.exceptions(calendar, master["id"]):
            exception = event.read()
            wall = series and series.wall(event.id.rpartition("_")[2])
            if wall is None or not series.has(wall):
                if not event.cancelled:
                    self.store.put(calendar, self.tombstone(exception))
                continue
            inherited = WRITABLE - {"start", "end", "recurrence", "sequence", "status"}
            followed = {
                key for key in inherited if exception.get(key) == old.get(key) and old.get(key) != master.get(key)
            }
            if followed and not event.cancelled:
                exception = {key: value for key, value in exception.items() if key not in followed}
                self.store.put(calendar, exception | {key: master[key] for key in followed if key in master})

    @staticmethod
    def tombstone(resource):
        return resource | {"status": "cancelled"}

    def delete(self, account, calendar, id, parameters):
        old = self.find(calendar, id)
        if old["status"] == "cancelled":
            raise Refused(410, "deleted", "Resource has been deleted")
        self.store.pending.pop((calendar.id, id), None)
        gone = self.tombstone(old) | {"sequence": old["sequence"] + 1}
        self.store.put(calendar, gone)
        if "recurrence" in old:
            for event in self.store.exceptions(calendar, id):
                quiet = not self.store.options["cascade_deletes"]
                self.store.put(calendar, self.tombstone(event.read()), quiet=quiet)
        if self.organizes(calendar, old):
            self.copies(calendar, gone, old)
            self.store.mail(calendar, gone, "CANCEL", self.guests(calendar, old), self.sending(parameters))
        elif home := self.store.calendars.get(old["organizer"]["email"]):
            try:
                there = self.find(home, id)
            except Refused:
                return
            before = dict(there)
            self.answer(there, calendar.id, {"responseStatus": "declined"})
            if there["status"] != "cancelled":
                self.store.put(home, there)
                self.copies(home, there, before)

    def move(self, account, calendar, id, parameters):
        there = self.store.calendar(account, parameters["destination"], "writer")
        resource = self.find(calendar, id)
        if resource["status"] == "cancelled":
            raise not_found()
        if resource.get("recurringEventId"):
            raise Refused(400, "cannotChangeOrganizerOfInstance", "An instance can't be moved.", domain="calendar")
        if resource["eventType"] != "default":
            raise Refused(400, "eventTypeRestriction", "Only default events can be moved.")
        if not self.organizes(calendar, resource):
            raise Refused(403, "cannotChangeOrganizer", "Only the organizer can move an event.", domain="calendar")
        had = there.events.get(id)
        if had and not had.cancelled:
            raise Refused(409, "duplicate", "The requested identifier already exists.")
        bare = {"kind": "calendar#event", "id": id, "status": "cancelled"}
        self.store.put(calendar, bare)
        identity = self.identity(account, there, id, resource["iCalUID"], "default")
        resource |= {"organizer": identity["organizer"], "sequence": resource["sequence"] + 1}
        resource["creator"] = {"email": resource["creator"]["email"]}
        resource = self.prepared(there, resource)
        self.keep(there, resource)
        self.store.mail(there, resource, "REQUEST", self.guests(there, resource), self.sending(parameters))
        return resource


def is_busy(resource, calendar_id):
    """Does this event take time from the owner of the calendar?"""
    declined = any(
        guest.get("self") and guest["responseStatus"] == "declined" for guest in resource.get("attendees", ())
    )
    kind = resource.get("eventType", "default")
    return (
        resource["status"] != "cancelled"
        and resource.get("transparency") != "transparent"
        and kind in ("default", "outOfOffice", "focusTime")
        and not declined
    )
