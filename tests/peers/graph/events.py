"""What can be done to an event, and what follows from it: the organizer's copy, the attendees' copies, mails."""

import datetime
import re
import secrets

from graph import recurrence, render, zones
from graph.errors import GraphError, invalid, not_found
from graph.store import Version, now

READ_ONLY = {
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "bodyPreview", "iCalUId", "isCancelled", "isOrganizer", "isDraft",
    "webLink", "onlineMeeting", "onlineMeetingUrl", "seriesMasterId", "type", "responseStatus", "originalStart", "hasAttachments",
    "cancelledOccurrences", "organizer", "originalStartTimeZone", "originalEndTimeZone", "calendar", "instances",
    "exceptionOccurrences", "attachments", "extensions", "multiValueExtendedProperties",
}  # fmt: skip
MARK = re.compile(
    r"^(String|Integer|Boolean|SystemTime|Double) "
    r"(\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\} (Name \S.*|Id 0x[0-9a-fA-F]+)|0x[0-9a-fA-F]{4})$"
)
PLAIN = set(render.SCALARS) - {"onlineMeeting", "isCancelled"} | {"categories", "body"}
# A change of these is a new invitation for those who answered.
INVITING = {"start", "end", "isAllDay", "recurrence", "location", "locations"}


def failed(message):
    return invalid(message, "ErrorPropertyValidationFailure")


def location(given):
    name = given.get("displayName") or ""
    return {"locationType": "default", "uniqueId": name, "uniqueIdType": "private", **given, "displayName": name}


def attendees(given, before):
    """Those who were there keep their answers."""
    known = {each["emailAddress"]["address"].lower(): each for each in before or []}
    found = []
    for each in given or []:
        address = (each.get("emailAddress") or {}).get("address")
        if not address or "@" not in address:
            raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.", violation=True)
        status = known.get(address.lower(), {}).get("status") or {"response": "none", "time": render.NOTHING}
        found.append({
            "type": each.get("type") or "required",
            "status": status,
            "emailAddress": {"name": (each["emailAddress"].get("name") or address), "address": address},
        })  # fmt: skip
    return found


def marks(given, before):
    found = dict(before or {})
    for each in given or []:
        if not MARK.match(each.get("id") or "") or not isinstance(each.get("value"), str):
            raise invalid(f"The extended property {each.get('id')!r} isn't well formed.", "ErrorInvalidProperty")
        found[each["id"]] = each["value"]
    return found


def times(given, before):
    """start, start_zone, end, end_zone, all_day as they will be."""
    result = {}
    for name in ("start", "end"):
        value = given.get(name)
        if value is not None:
            if not value.get("timeZone"):
                raise failed(f"The {name} needs a timeZone.")
            zones.required(value["timeZone"])
            result[name], result[f"{name}_zone"] = zones.read(value["dateTime"]), value["timeZone"]
        elif before is None or name in given:
            raise failed(f"Required property '{name}' is missing.")
        else:
            result[name], result[f"{name}_zone"] = getattr(before, name), getattr(before, f"{name}_zone")
    all_day = given.get("isAllDay", before.all_day if before else False) or False
    result["all_day"] = all_day
    if all_day:
        midnight = datetime.time(0)
        if result["start"].time() != midnight or result["end"].time() != midnight:
            raise failed("The Event.Start property for an all-day event needs to be set to midnight.")
        if result["start_zone"] != result["end_zone"]:
            raise failed("An all-day event starts and ends in one time zone.")
        if result["end"] - result["start"] < datetime.timedelta(days=1):
            raise failed("The duration of an event marked as All day must be at least 24 hours.")
    elif zones.to_utc(result["end"], result["end_zone"]) < zones.to_utc(result["start"], result["start_zone"]):
        raise failed("The end of an event can't be before its start.")
    return result


class Events:
    def __init__(self, store):
        self.store = store

    def fill(self, given, before, account):
        """The properties after a change."""
        for name in given:
            if name in READ_ONLY:
                raise invalid(f"The property '{name}' can't be written.", "ErrorInvalidPropertySet")
        props = dict(before or {})
        for name in PLAIN & set(given):
            props[name] = given[name]
        if len(props.get("subject") or "") > 255:
            raise failed("The subject is longer than 255 characters.")
        if len(props.get("transactionId") or "") > 36 * 8:
            raise failed("The transactionId is too long.")
        if "locations" in given:
            props["locations"] = [location(each) for each in given["locations"] or []]
            props["location"] = None
        elif "location" in given:
            props["locations"] = None
            props["location"] = location(given["location"] or {})
        if "attendees" in given:
            props["attendees"] = attendees(given["attendees"], props.get("attendees"))
        if "singleValueExtendedProperties" in given:
            props["marks"] = marks(given["singleValueExtendedProperties"], props.get("marks"))
        self.meeting(given, props, account)
        return props

    def meeting(self, given, props, account):
        if not given.get("isOnlineMeeting"):
            return
        if account.kind != "work":
            props["isOnlineMeeting"], props["onlineMeetingProvider"] = False, "unknown"
            return
        if props.get("onlineMeetingProvider", "unknown") == "unknown":
            props["onlineMeetingProvider"] = "teamsForBusiness"
        if not props.get("onlineMeeting"):
            mode = self.store.options["online_meeting"]
            if mode == "now":
                props["onlineMeeting"] = self.join()
            elif mode == "later":
                props["reads_left"] = self.store.options["online_meeting_reads"]

    @staticmethod
    def join():
        thread = secrets.token_urlsafe(24)
        return {"joinUrl": f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{thread}%40thread.v2/0?context=%7b%7d"}

    def was_read(self, calendar, key, version):
        """A meeting that was asked for comes to be after some reads, if so chosen."""
        left = version.props.get("reads_left")
        if left is None:
            return version
        props = {**version.props, "reads_left": left - 1}
        if left > 1:
            # Nothing that anybody sees: no new version.
            version.props = props
            return version
        del props["reads_left"]
        props["onlineMeeting"] = self.join()
        version = version.but(props=props)
        self.store.put(calendar, key, version, "updated")
        return version

    def create(self, calendar, given, trusted=False, quiet=False):
        """→ key. The same transactionId again: the same event."""
        account = calendar.account
        transaction = given.get("transactionId")
        if transaction is not None and account.transactions.get(transaction) in account.place:
            return account.transactions[transaction]
        if not calendar.can_edit and not trusted:
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        when = self.trusted_times(given) if trusted else times(given, None)
        props = self.fill(
            {name: value for name, value in given.items() if name not in READ_ONLY} if trusted else given, None, account
        )
        series = given.get("recurrence")
        if series:
            series = recurrence.normal(series, when["start"], when["start_zone"])
        key = next(self.store.keys)
        uid = given.get("iCalUId") if trusted else None
        uid = uid or "040000008200E00074C5B7101A82E008" + "00000000" + secrets.token_hex(32).upper()
        version = Version(created=now(), props=props, recurrence=series, uid=uid, **when)
        if trusted and given.get("organizer"):
            version.props["organizer"] = given["organizer"]
        if trusted and given.get("responseStatus"):
            version.props["responseStatus"] = given["responseStatus"]
        self.store.put(calendar, key, version, None if quiet else "created")
        if transaction is not None:
            account.transactions[transaction] = key
        if not quiet:
            self.invite(calendar, key, None)
        return key

    def stale(self, account, given):
        """(key, version) of a deleted event that a POST is answered with, if tests want that."""
        key = account.transactions.get(given.get("transactionId"))
        if key is None or key in account.place or self.store.options["transaction_after_delete"] == "new":
            return None
        versions = [state for calendar in account.calendars.values() for _, state in calendar.history.get(key, []) if state]
        return key, versions[-1]

    @staticmethod
    def trusted_times(given):
        """As `times`, but zones that Outlook makes up are let in: events from "Customized Time Zone" are at UTC."""
        changed = dict(given)
        names = {}
        for name in ("start", "end"):
            zone = given[name].get("timeZone")
            if zone in zones.CUSTOM:
                names[f"{name}_zone"] = zone
                changed[name] = {**given[name], "timeZone": "UTC"}
        return {**times(changed, None), **names}

    def guard(self, calendar, version, match):
        """If-Match, permission, and the conflicts that a test asked for."""
        if not calendar.can_edit:
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        if match is not None and match not in ("*", version.etag):
            raise GraphError(
                412,
                "ErrorIrresolvableConflict",
                "The send or update operation could not be performed because the change key passed in the request does not match "
                "the current change key for the item.",
            )
        if self.store.options["conflicts"] > 0:
            self.store.options["conflicts"] -= 1
            raise GraphError(
                409, "ErrorConcurrentItemSave", "The item was changed by another request at the same time, which failed this one."
            )

    def patch(self, account, id_, given, match=None):
        """→ (calendar, key, date)"""
        calendar, key, date, version = account.find(id_)
        shown = self.shown(version, date)
        self.guard(calendar, shown, match)
        if given.get("transactionId", version.props.get("transactionId")) != version.props.get("transactionId"):
            raise invalid("The transactionId of an event can't be changed.", "ErrorInvalidPropertySet")
        if date is not None:
            return self.patch_occurrence(calendar, key, date, version, given)
        when = times(given, version)
        props = self.fill(given, version.props, account)
        series = given.get("recurrence", version.recurrence)
        changes = dict(props=props, **when)
        if "recurrence" in given and series:
            series = recurrence.normal(series, when["start"], when["start_zone"])
        moved = series != version.recurrence or any(when[name] != getattr(version, name) for name in when)
        if moved and series and "recurrence" not in given and when["start"].date() != version.start.date():
            series = {**series, "range": {**series["range"], "startDate": when["start"].date().isoformat()}}
        if moved:
            # A new time or pattern forgets what was different about single occurrences.
            changes |= dict(exceptions={}, cancelled=frozenset())
        self.store.put(calendar, key, version.but(recurrence=series or None, **changes), "updated")
        self.invite(calendar, key, version, bool(INVITING & set(given)))
        return calendar, key, None

    def shown(self, version, date):
        if date is None:
            return version
        if version.recurrence is None or date in version.cancelled or date not in self.dates_until(version, date):
            raise not_found()
        return version.exceptions.get(date, version)

    @staticmethod
    def dates_until(version, date):
        return set(recurrence.dates(version.recurrence, date))

    def patch_occurrence(self, calendar, key, date, version, given):
        if "recurrence" in given and given["recurrence"] is not None:
            raise invalid("An occurrence can't have a recurrence of its own.", "ErrorInvalidPropertySet")
        before = version.exceptions.get(date) or self.as_exception(version, date)
        when = times(given, before)
        props = self.fill(given, before.props, calendar.account)
        changed = before.but(props=props, **when)
        changed.seq, changed.changed = self.store.seq + 1, now()
        self.store.put(calendar, key, version.but(exceptions={**version.exceptions, date: changed}), "updated")
        self.invite(calendar, key, version)
        return calendar, key, date

    @staticmethod
    def as_exception(version, date):
        length = version.end - version.start
        start = datetime.datetime.combine(date, version.start.time())
        return version.but(start=start, end=start + length, recurrence=None, exceptions={}, cancelled=frozenset(), original=date)

    def delete(self, account, id_, match=None, comment=None):
        calendar, key, date, version = account.find(id_)
        self.guard(calendar, self.shown(version, date), match)
        if date is not None:
            kept = {day: each for day, each in version.exceptions.items() if day != date}
            self.store.put(calendar, key, version.but(exceptions=kept, cancelled=version.cancelled | {date}), "updated")
            self.invite(calendar, key, version)
            return
        self.store.put(calendar, key, None, "deleted")
        self.uninvite(account, version, comment)

    def cancel(self, account, id_, comment):
        calendar, key, date, version = account.find(id_)
        if not self.organized(account, version):
            raise GraphError(
                400, "ErrorInvalidRequest", "Your request can't be completed. You need to be an organizer to cancel a meeting."
            )
        self.delete(account, id_, comment=comment)

    # Meetings between people.

    @staticmethod
    def organized(account, version):
        organizer = version.props.get("organizer")
        return organizer is None or organizer["emailAddress"]["address"].lower() == account.email.lower()

    def copies(self, version):
        """The attendees' copies in accounts that live here: (calendar, key, version)."""
        for each in version.props.get("attendees") or []:
            account = self.store.accounts.get(each["emailAddress"]["address"].lower())
            for key, (calendar, _) in list(account.place.items()) if account else ():
                copy = calendar.history[key][-1][1]
                if copy.uid == version.uid and not self.organized(account, copy):
                    yield calendar, key, copy

    def mail(self, kind, version, to, comment=None):
        if to:
            subject = version.props.get("subject", "")
            self.store.mails.append({"kind": kind, "uid": version.uid, "subject": subject, "to": to, "comment": comment})

    def invite(self, calendar, key, before, again=True):
        """Mails and copies after the organizer's change."""
        account = calendar.account
        version = calendar.history[key][-1][1]
        people = [each["emailAddress"]["address"].lower() for each in version.props.get("attendees") or []]
        earlier = [each["emailAddress"]["address"].lower() for each in (before.props.get("attendees") if before else None) or []]
        if not (people or earlier) or not self.organized(account, version):
            return
        self.mail("request", version, [each for each in people if again or each not in earlier])
        gone = [each for each in earlier if each not in people]
        if gone:
            self.mail("cancel", version, gone)
        if not self.store.options["deliver_invites"]:
            return
        organizer = render.person(account.email, account.name)
        there = {copy[0].account.email.lower(): copy for copy in self.copies(version)}
        for address in people:
            invited = self.store.accounts.get(address)
            if invited is None or invited is account:
                continue
            mine = {"responseStatus": {"response": "notResponded", "time": render.NOTHING}, "showAs": "tentative"}
            if address in there:
                target, copied, copy = there[address]
                mine = {name: copy.props[name] for name in mine} if not again else mine
                kind = "updated"
            else:
                target, copied, kind = invited.default, next(self.store.keys), "created"
            props = {name: value for name, value in version.props.items() if name not in ("marks", "transactionId", "reads_left")}
            self.store.put(target, copied, version.but(props={**props, **mine, "organizer": organizer}), kind)

    def uninvite(self, account, version, comment):
        if not self.organized(account, version):
            return
        self.mail(
            "cancel", version, [each["emailAddress"]["address"].lower() for each in version.props.get("attendees") or []], comment
        )
        for calendar, key, copy in list(self.copies(version)):
            props = {
                **copy.props,
                "isCancelled": True,
                "showAs": "free",
                "subject": "Canceled: " + (copy.props.get("subject") or ""),
            }
            self.store.put(calendar, key, copy.but(props=props), "updated")

    def respond(self, account, id_, answer, comment=None, send=True):
        """accepted, tentativelyAccepted or declined, by the person whose calendar it is."""
        calendar, key, date, version = account.find(id_)
        if self.organized(account, version):
            raise GraphError(
                400,
                "ErrorInvalidRequest",
                "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.",
            )
        status = {"response": answer, "time": zones.stamp(now())}
        if answer == "declined":
            self.store.put(calendar, key, None, "deleted")
        else:
            show = "busy" if answer == "accepted" else "tentative"
            self.store.put(
                calendar, key, version.but(props={**version.props, "responseStatus": status, "showAs": show}), "updated"
            )
        if not send:
            return
        organizer = self.store.accounts.get(version.props["organizer"]["emailAddress"]["address"].lower())
        self.mail("reply", version, [version.props["organizer"]["emailAddress"]["address"]], comment)
        for own, (place, _) in list(organizer.place.items()) if organizer else ():
            held = place.history[own][-1][1]
            if held.uid == version.uid:
                self.answered(place, own, account.email, status)

    def answered(self, calendar, key, address, status):
        """An attendee's answer reaches the organizer's copy."""
        version = calendar.history[key][-1][1]
        people = [
            {**each, "status": status} if each["emailAddress"]["address"].lower() == address.lower() else each
            for each in version.props.get("attendees") or []
        ]
        if people != version.props.get("attendees"):
            self.store.put(calendar, key, version.but(props={**version.props, "attendees": people}), "updated")
