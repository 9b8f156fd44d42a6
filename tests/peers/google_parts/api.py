"""The methods of Calendar v3 that are served here, each from a checked request to an answer."""

import json
import time
from urllib.parse import unquote

from .lists import zone_of
from .store import Refused, not_found

# Of the whole interface, what is served. The rest is answered with 501, and noted as a violation.
SERVED = set(
    "calendarList.list calendarList.get calendarList.insert calendarList.patch calendarList.delete calendarList.watch"
    " calendars.get calendars.insert calendars.patch calendars.delete channels.stop events.list events.get"
    " events.insert events.import events.update events.patch events.delete events.move events.instances events.watch"
    " freebusy.query".split()
)
BASE = "/calendar/v3/"


class Api:
    def __init__(self, store, events, lists, push):
        self.store, self.events, self.lists, self.push = store, events, lists, push

    def handle(self, verb, path, pairs, headers, body, note):
        """Returns status, headers and body. `note` is this request's line in the log."""
        method, parts = self.store.interface.find(verb, path.removeprefix(BASE))
        if method is None:
            self.store.violation("request", verb, path, "there is no such method")
            raise Refused(404, "notFound", "Not Found")
        note["rpc"] = method.name
        token = self.store.token_account(headers.get("Authorization"))
        account = self.store.accounts[token.account]
        note["account"] = account.email
        self.quota(account)
        if not token.scopes & method.scopes:
            message = "Request had insufficient authentication scopes."
            raise Refused(403, "insufficientPermissions", message)
        parameters, wrong = method.parameters(pairs)
        for _, message in wrong:
            self.store.violation("request", verb, path, message)
        if wrong:
            raise Refused(400, "invalidParameter", wrong[0][1], wrong[0][0])
        given = self.body(method, verb, path, headers, body)
        missing = next((name for name in ("fields", "oauth_token") if name in parameters), None)
        if method.name not in SERVED or missing:
            self.store.violation("request", verb, path, f"{missing or method.name} is not served here")
            raise Refused(501, "notImplemented", "Not Implemented")
        parts = {key: unquote(value) for key, value in parts.items()}
        served = getattr(self, method.name.replace(".", "_"))
        status, answer, extra = served(account, parts, parameters, given, headers)
        if method.response and isinstance(answer, dict):
            self.store.check_answer(method.response, answer, (verb, path))
        if isinstance(answer, dict):
            extra.setdefault("ETag", answer.get("etag"))
            if verb == "GET" and extra["ETag"] and self.unchanged(headers, extra["ETag"]):
                return 304, {"ETag": extra["ETag"]}, b""
            answer = json.dumps(answer, ensure_ascii=False).encode()
        extra = {key: value for key, value in extra.items() if value}
        return status, {"Content-Type": "application/json; charset=UTF-8"} | extra, answer or b""

    def body(self, method, verb, path, headers, body):
        """The request's body, checked."""
        if method.request is None:
            if body and body != b"{}":
                self.store.violation("request", verb, path, "a body where none belongs")
            return {}
        fault = value = None
        kind = headers.get("Content-Type", "").split(";")[0].strip()
        if kind != "application/json":
            fault = f"the content type is {kind!r}"
        else:
            try:
                value = json.loads(body)
            except ValueError:
                fault = "the body is not JSON"
        if fault is None:
            way = "patch" if verb == "PATCH" else "request"
            fault = self.store.interface.wrong(method.request, way, value)
        if fault:
            self.store.violation("request", verb, path, fault)
            raise Refused(400, "parseError" if value is None else "badRequest", fault)
        return value

    def quota(self, account):
        most, now = self.store.options["per_minute"], time.monotonic()
        if most is None:
            return
        asked = account.requests
        while asked and asked[0] < now - 60:
            asked.popleft()
        if len(asked) >= most:
            raise Refused(403, self.store.options["quota_reason"], "Rate Limit Exceeded", domain="usageLimits")
        asked.append(now)

    @staticmethod
    def unchanged(headers, etag):
        return etag in [part.strip() for part in headers.get("If-None-Match", "").split(",")]

    def must_match(self, headers, resource):
        wanted = headers.get("If-Match")
        if wanted is None:
            return
        listed = [part.strip() for part in wanted.split(",")]
        if "*" not in listed and resource.get("etag") not in listed:
            raise Refused(412, "conditionNotMet", "Precondition Failed", "If-Match", "header")

    # Calendars

    def calendarList_list(self, account, parts, parameters, body, headers):
        return 200, self.lists.calendars(account, parameters), {}

    def listed(self, account, id):
        id = self.store.primary(account) if id == "primary" else id
        if id not in account.entries or account.entries[id].deleted:
            raise not_found()
        return id

    def calendarList_get(self, account, parts, parameters, body, headers):
        return 200, self.store.entry(account, self.listed(account, parts["calendarId"])), {}

    def calendarList_insert(self, account, parts, parameters, body, headers):
        id = body.get("id")
        if id not in account.entries or id not in self.store.calendars:
            raise not_found()
        account.entries[id].deleted = False
        return self.calendarList_patch(account, {"calendarId": id}, parameters, body, headers)

    def calendarList_patch(self, account, parts, parameters, body, headers):
        id = self.listed(account, parts["calendarId"])
        entry = account.entries[id]
        own = {"summaryOverride", "hidden", "selected", "colorId", "defaultReminders"}
        entry.own |= {key: value for key, value in body.items() if key in own}
        entry.own = {
            key: value for key, value in entry.own.items() if value is not None and (key, value) != ("hidden", False)
        }
        self.list_changed(account, entry)
        return 200, self.store.entry(account, id), {}

    def calendarList_delete(self, account, parts, parameters, body, headers):
        entry = account.entries[self.listed(account, parts["calendarId"])]
        if entry.primary:
            raise Refused(400, "invalid", "The primary calendar can't be removed.")
        entry.deleted = True
        self.list_changed(account, entry)
        return 204, b"", {}

    def list_changed(self, account, entry):
        entry.change = self.store.next_change()
        self.push.changed(f"calendarList/{account.email}")

    def calendarList_watch(self, account, parts, parameters, body, headers):
        uri = self.uri(headers, "users/me/calendarList?alt=json")
        return 200, self.push.watch(account, body, f"calendarList/{account.email}", uri), {}

    def about(self, calendar):
        shown = {"kind": "calendar#calendar", "etag": f'"c{calendar.change}"', "id": calendar.id, **calendar.about}
        return shown | {"conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}}

    def calendars_get(self, account, parts, parameters, body, headers):
        return 200, self.about(self.store.calendar(account, parts["calendarId"])), {}

    def calendars_insert(self, account, parts, parameters, body, headers):
        if not body.get("summary"):
            raise Refused(400, "required", "Missing summary.")
        zone = body.get("timeZone", "UTC")
        zone_of(zone)
        id = self.store.add_calendar(account, body["summary"], zone)
        about = self.store.calendars[id].about
        about |= {key: body[key] for key in ("description", "location") if body.get(key)}
        self.list_changed(account, account.entries[id])
        return 200, self.about(self.store.calendars[id]), {}

    def calendars_patch(self, account, parts, parameters, body, headers):
        calendar = self.store.calendar(account, parts["calendarId"], "owner")
        for key in ("summary", "timeZone", "description", "location"):
            if body.get(key):
                calendar.about[key] = body[key]
        calendar.change = self.store.next_change()
        self.list_changed(account, account.entries[calendar.id])
        return 200, self.about(calendar), {}

    def calendars_delete(self, account, parts, parameters, body, headers):
        calendar = self.store.calendar(account, parts["calendarId"], "owner")
        if calendar.id in self.store.accounts:
            raise Refused(403, "cannotDeletePrimaryCalendar", "A primary calendar can't be deleted.", domain="calendar")
        del self.store.calendars[calendar.id]
        for other in self.store.accounts.values():
            if entry := other.entries.get(calendar.id):
                entry.deleted = True
                self.list_changed(other, entry)
        return 204, b"", {}

    # Events

    def events_list(self, account, parts, parameters, body, headers):
        calendar = self.store.calendar(account, parts["calendarId"])
        answer, etag = self.lists.list(account, calendar, parameters)
        if self.unchanged(headers, etag) and "syncToken" not in parameters:
            return 304, b"", {"ETag": etag}
        return 200, answer, {"ETag": etag}

    def events_get(self, account, parts, parameters, body, headers):
        calendar = self.store.calendar(account, parts["calendarId"])
        resource = self.events.asked(calendar, parts["eventId"])
        return 200, self.seen(account, calendar, resource, parameters), {}

    def seen(self, account, calendar, resource, parameters):
        resource = self.lists.dressed(calendar, resource, parameters)
        if account.entries[calendar.id].role in ("freeBusyReader", "reader"):
            resource = json.loads(self.lists.veiled(calendar, resource, account.entries[calendar.id].role))
        return resource

    def events_instances(self, account, parts, parameters, body, headers):
        calendar = self.store.calendar(account, parts["calendarId"])
        answer, etag = self.lists.instances(account, calendar, parts["eventId"], parameters)
        return 200, answer, {"ETag": etag}

    def writable(self, account, parts, headers, condition=True):
        calendar = self.store.calendar(account, parts["calendarId"], "writer")
        if condition:
            self.must_match(headers, self.events.find(calendar, parts["eventId"]))
        return calendar

    def events_insert(self, account, parts, parameters, body, headers):
        calendar = self.writable(account, parts, headers, condition=False)
        resource = self.events.insert(account, calendar, body, parameters)
        return 200, self.lists.dressed(calendar, dict(resource), parameters), {}

    def events_import(self, account, parts, parameters, body, headers):
        calendar = self.writable(account, parts, headers, condition=False)
        return 200, self.events.imported(account, calendar, body, parameters), {}

    def events_update(self, account, parts, parameters, body, headers, whole=True):
        calendar = self.writable(account, parts, headers)
        resource = self.events.change(account, calendar, parts["eventId"], body, parameters, whole)
        return 200, self.lists.dressed(calendar, dict(resource), parameters), {}

    def events_patch(self, account, parts, parameters, body, headers):
        return self.events_update(account, parts, parameters, body, headers, whole=False)

    def events_delete(self, account, parts, parameters, body, headers):
        calendar = self.writable(account, parts, headers)
        self.events.delete(account, calendar, parts["eventId"], parameters)
        return 204, b"", {}

    def events_move(self, account, parts, parameters, body, headers):
        calendar = self.writable(account, parts, headers)
        return 200, self.events.move(account, calendar, parts["eventId"], parameters), {}

    def events_watch(self, account, parts, parameters, body, headers):
        calendar = self.store.calendar(account, parts["calendarId"])
        uri = self.uri(headers, f"calendars/{calendar.id}/events?alt=json")
        return 200, self.push.watch(account, body, f"calendars/{calendar.id}/events", uri), {}

    def channels_stop(self, account, parts, parameters, body, headers):
        self.push.stop(account, body)
        return 204, b"", {}

    def freebusy_query(self, account, parts, parameters, body, headers):
        return 200, self.lists.freebusy(account, body), {}

    @staticmethod
    def uri(headers, path):
        return f"http://{headers.get('Host', 'localhost')}{BASE}{path}"
