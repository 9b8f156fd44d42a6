"""What the stand-in remembers: accounts, calendars, events, channels, and what went wrong."""

import bisect
import collections
import json
import random
import re
import string
import threading
import time
from datetime import UTC, datetime

from .recurrence import BadRecurrence, Series, instant

ROLES = ["none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner"]

OPTIONS = {
    # OAuth
    "client_id": None,  # None: any
    "client_secret": None,
    "redirect_uris": None,  # None: any, but the same one twice
    "access_token_seconds": 3599,
    "consent": "grant",  # or "deny"
    "consent_account": None,  # None: the one of login_hint, else the first
    "granted_scopes": None,  # None: those asked for
    "rotate_refresh_tokens": False,
    # Lists
    "max_page": 2500,
    "empty_page": False,  # an empty page after each first one
    "repeat_items": False,  # the last event of a page comes again on the next
    "bare_deletes": True,  # deleted events in incremental lists are `id` and `status` only
    "remember_window": False,  # later changes outside of timeMin and timeMax of the first sync are not told
    "cascade_deletes": False,  # exceptions are told of when their series is deleted
    "updated_min_days": 28,
    # Events
    "conference": "success",  # "failure", "pending", "pending_failure"; "refused": the account may have none
    "conference_polls": 2,  # a pending conference is there at this many events.get; 0: never
    "freebusy_errors": [],  # calendars that can't be asked
    # Watching
    "channel_seconds": 604_800,
    "watch": True,  # False: push is not supported for the resource
    # Limits
    "per_minute": None,  # requests of an account in a minute; beyond: `quota_reason`
    "quota_reason": "rateLimitExceeded",
}


class Refused(Exception):
    """An answer that is an error, in Google's form."""

    def __init__(self, status, reason, message, location=None, kind="parameter", domain="global", headers=None):
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        error = {"domain": domain, "reason": reason, "message": message}
        if location:
            error |= {"locationType": kind, "location": location}
        self.body = {"error": {"errors": [error], "code": status, "message": message}}


def not_found():
    return Refused(404, "notFound", "Not Found")


def invalid(message, location=None):
    return Refused(400, "invalid", message, location)


class Account:
    def __init__(self, email):
        self.email = email
        self.entries = {}  # calendar id → Entry
        self.cursors = 0  # sync tokens of older generations are too old
        self.requests = collections.deque()


class Entry:
    """A calendar in somebody's list."""

    def __init__(self, role, primary):
        self.role = role
        self.primary = primary
        self.change = 0
        self.deleted = False
        self.own = {}  # summaryOverride, hidden, selected, colours


class Calendar:
    def __init__(self, id, name, zone, owner):
        self.id = id
        self.about = {"summary": name, "timeZone": zone}
        self.owner = owner
        self.change = 0
        self.events = {}
        self.order = []  # in the order of their making
        self.changed = collections.OrderedDict()  # in the order of their last change
        self.purged = 0  # deleted events up to this change were forgotten

    @property
    def zone(self):
        return self.about["timeZone"]


class Event:
    """An event as it is shown, in bytes, with what lists are made by: there can be a million."""

    __slots__ = ("begins", "body", "cancelled", "change", "ends", "id", "master", "number", "recurring")

    def read(self):
        return json.loads(self.body)


class Token:
    def __init__(self, account, scopes, expires, refresh=None):
        self.account = account
        self.scopes = scopes
        self.expires = expires
        self.refresh = refresh
        self.revoked = False


class Store:
    def __init__(self, interface, seed, sample):
        self.lock = threading.RLock()
        self.interface = interface
        self.random = random.Random(seed)
        self.sample = sample
        self.answers = 0
        self.options = dict(OPTIONS)
        self.accounts = {}
        self.calendars = {}
        self.tokens = {}
        self.refresh_tokens = {}
        self.codes = {}
        self.consents = set()
        self.granted = {}
        self.change = 1
        self.number = 0
        self.pending = {}  # (calendar, event) → asks until its conference is there
        self.mails = []
        self.log = collections.deque(maxlen=200_000)
        self.violations = []
        self.pushed = None  # called with (calendar id) after a change

    def word(self, length, letters=string.ascii_lowercase + string.digits):
        return "".join(self.random.choices(letters, k=length))

    def next_change(self):
        self.change += 1
        return self.change

    def violation(self, direction, method, path, message):
        self.violations.append({"direction": direction, "method": method, "path": path, "message": message})

    def check_answer(self, name, value, where=("", "")):
        """Holds an answer (or a part of one) against the schema: each, or each n-th."""
        self.answers += 1
        if self.answers % self.sample == 0 and (fault := self.interface.wrong(name, "response", value)):
            self.violation("response", *where, fault)

    # Accounts and calendars

    def account(self, email):
        found = self.accounts.get((email or "").lower())
        if found is None:
            raise Refused(400, "invalid", f"no account {email}")
        return found

    def primary(self, account):
        return next((id for id, entry in account.entries.items() if entry.primary and not entry.deleted), None)

    def calendar(self, account, id, role="freeBusyReader"):
        """A calendar that this account may use so; `primary` is its own."""
        id = self.primary(account) if id == "primary" else id
        calendar, entry = self.calendars.get(id), account.entries.get(id)
        if calendar is None or entry is None:
            raise not_found()
        if ROLES.index(entry.role) < ROLES.index(role):
            message = f"You need to have {role} access to this calendar."
            raise Refused(403, "requiredAccessLevel", message, domain="calendar")
        return calendar

    def add_calendar(self, account, name, zone, id=None, primary=False, access="owner"):
        id = id or (account.email if primary else f"c_{self.word(40)}@group.calendar.google.com")
        if id not in self.calendars:
            self.calendars[id] = Calendar(id, name, zone, account.email)
        entry = account.entries[id] = Entry(access, primary)
        entry.change = self.next_change()
        return id

    def entry(self, account, id):
        """An entry of the calendar list, as it is shown."""
        found, calendar = account.entries[id], self.calendars.get(id)
        shown = {"kind": "calendar#calendarListEntry", "etag": f'"{found.change}"', "id": id}
        if found.deleted or calendar is None:
            return shown | {"deleted": True}
        shown |= calendar.about | {
            "colorId": "17",
            "backgroundColor": "#9a9cff",
            "foregroundColor": "#000000",
            "selected": True,
            "accessRole": found.role,
            "defaultReminders": [{"method": "popup", "minutes": 10}] if found.primary else [],
            "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        }
        if found.primary:
            shown["primary"] = True
        elif found.role == "owner":
            shown["dataOwner"] = calendar.owner
        return shown | found.own

    # Events

    def put(self, calendar, resource, quiet=False):
        """Keeps an event as it is now, under a new ETag. `quiet`: without telling anybody."""
        event = calendar.events.get(resource["id"])
        if event is None:
            event = calendar.events[resource["id"]] = Event()
            event.id = resource["id"]
            self.number += 1
            event.number = self.number
            event.change = 0
            calendar.order.append(event)
        if not (quiet and event.change):
            event.change = self.next_change()
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        resource.setdefault("created", now[:19] + ".000Z")
        resource |= {"updated": now, "etag": f'"{34_000_000_000 + event.change * 2}"'}
        event.cancelled = resource["status"] == "cancelled"
        event.recurring = "recurrence" in resource
        event.master = resource.get("recurringEventId")
        event.begins = event.ends = None
        if "start" in resource:
            event.begins = instant(resource["start"], calendar.zone)
            event.ends = instant(resource["end"], calendar.zone)
        if event.recurring and not event.cancelled:
            series = Series(resource, calendar.zone)
            event.ends = None if series.endless else max(map(series.ends, series.until(2**33)), default=event.ends)
        self.check_answer("Event", resource, ("event", resource["id"]))
        event.body = json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
        calendar.changed[event.id] = event
        if not quiet:
            calendar.changed.move_to_end(event.id)
        calendar.change = self.change
        if self.pushed and not quiet:
            self.pushed(f"calendars/{calendar.id}/events")
        return event

    def forget_deleted(self, calendar):
        """Deleted events disappear in the end, and with them the cursors from before."""
        gone = [event for event in calendar.events.values() if event.cancelled and not event.master]
        for event in gone:
            del calendar.events[event.id], calendar.changed[event.id]
        calendar.order = list(calendar.events.values())
        calendar.purged = self.next_change()

    def after(self, calendar, number):
        """Events made after the one with this number."""
        at = bisect.bisect_right(calendar.order, number, key=lambda event: event.number)
        return calendar.order[at:]

    def since(self, calendar, change):
        """Events that changed after this, the first change first."""
        found = []
        for event in reversed(calendar.changed.values()):
            if event.change <= change:
                break
            found.append(event)
        return found[::-1]

    def exceptions(self, calendar, master):
        begin = f"{master}_"
        return [event for event in calendar.order if event.master == master and event.id.startswith(begin)]

    def series(self, resource, calendar):
        try:
            return Series(resource, calendar.zone)
        except BadRecurrence:
            raise invalid("Invalid recurrence rule.") from None

    def mail(self, calendar, resource, method, recipients, send):
        """Notes who is written to. `send`: all, externalOnly, none."""
        outside = [email for email in recipients if email not in self.accounts]
        to = {"all": list(recipients), "externalOnly": outside, "none": []}[send]
        about = {"calendar": calendar.id, "event": resource["id"], "iCalUID": resource.get("iCalUID")}
        about |= {"summary": resource.get("summary"), "sequence": resource.get("sequence")}
        for email in sorted(to):
            self.mails.append(about | {"method": method, "to": email, "sendUpdates": send})

    def token_account(self, header):
        """Who asks, by the Authorization header, and with which scopes."""
        challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'}
        if not header:
            message = "Request is missing required authentication credential. Expected OAuth 2 access token."
            raise Refused(401, "required", message, "Authorization", "header", headers=challenge)
        token = re.fullmatch(r"Bearer (\S+)", header)
        found = self.tokens.get(token[1]) if token else None
        if found is None or found.revoked or time.time() >= found.expires:
            challenge["WWW-Authenticate"] += ', error="invalid_token"'
            message = "Invalid Credentials"
            raise Refused(401, "authError", message, "Authorization", "header", headers=challenge)
        return found
