"""The v1.0 surface: which request is which, what it may carry, and what it answers."""

import re
import urllib.parse

from graph import query, render, subscriptions, zones
from graph.errors import GraphError, invalid, not_found


ROUTES = []
PAGING = {"$top", "$skip", "$select", "$expand", "$filter", "$orderby", "$count"}
WINDOW = {"startdatetime", "enddatetime"}
# A calendar, however it is addressed.
IN = r"me(?:/calendar|/calendars/(?P<calendar>[^/]+))?"
KEYED = re.compile(r"^(\w+)\('(.*)'\)$")


def route(method, pattern, takes=(), body=None, answers=None, scope="calendars.read", unlocked=False, each=False):
    """`takes`: query parameters; `body`: type of the request's; `answers`: type of the answer's, `each`: of its items."""

    def keep(function):
        found = re.compile("^" + pattern + "$")
        ROUTES.append((method, found, {name.lower() for name in takes}, body, answers, scope, unlocked, each, function))
        return function

    return keep


class Request:
    def __init__(self, method, target, headers, body, base):
        self.method, self.target, self.headers, self.body, self.base = method, target, headers, body, base
        self.path, _, self.raw_query = target.partition("?")
        self.token = None
        pairs = urllib.parse.parse_qsl(self.raw_query, keep_blank_values=True)
        self.query = {name if name.startswith("$") else name.lower(): value for name, value in pairs}

    def prefers(self):
        # Values hold commas and semicolons only between quotes.
        return dict(
            (name.lower(), value.strip('"'))
            for name, value in re.findall(r'([\w.\-]+)=("[^"]*"|[^,;\s]*)', self.headers.get("Prefer", ""))
        )

    def wish(self, select=True):
        prefers = self.prefers()
        zone = prefers.get("outlook.timezone")
        if zone is not None:
            zones.required(zone)
        wanted = self.query.get("$select") if select else None
        return render.Wish(
            immutable=prefers.get("idtype") == "ImmutableId",
            zone=zone,
            text=prefers.get("outlook.body-content-type") == "text",
            select=set(wanted.replace(" ", "").split(",")) if wanted else None,
            properties=query.expanded(self.query.get("$expand")),
        )


def segments(path):
    """/v1.0/me/calendars('x')/events → me/calendars/x/events: names in the case of the routes, ids as they are."""
    found, ids = [], False
    for raw in path.removeprefix("/v1.0/").strip("/").split("/"):
        part = urllib.parse.unquote(raw)
        keyed = KEYED.match(part)
        pair = [keyed[1], keyed[2]] if keyed else [part.removesuffix("()")]
        for one in pair:
            found.append(urllib.parse.quote(one, safe="") if ids else NAMES.get(one.lower(), one))
            ids = not ids and found[-1] in ("calendars", "events", "subscriptions", "users")
    return found


NAMES = {
    name.lower(): name
    for name in "me users calendar calendars calendarView events instances cancel accept decline tentativelyAccept delta "
    "subscriptions reauthorize getSchedule".split()
}


class Service:
    def __init__(self, store, schema, events, delta, subs, violation):
        self.store, self.schema, self.events, self.delta, self.subs = store, schema, events, delta, subs
        self.violation = violation

    def handle(self, request, validate):
        """→ (status, headers, body)"""
        parts = segments(request.path)
        token = request.token
        if parts[:1] == ["users"] and len(parts) > 1:
            if urllib.parse.unquote(parts[1]).lower() not in (token.account.id, token.account.email.lower()):
                raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
            parts = ["me"] + parts[2:]
        path, other = "/".join(parts), False
        for method, pattern, takes, body, answers, scope, unlocked, each, function in ROUTES:
            found = pattern.match(path)
            if not found:
                continue
            if method != request.method:
                other = True
                continue
            self.allow(token, scope)
            for name in request.query:
                if name not in takes:
                    raise self.refused_query(name, path)
            if body:
                self.check_body(request, body)
            elif request.body not in (None, {}):
                raise invalid("This request takes no body.", "BadRequest")
            given = {name: urllib.parse.unquote(value) for name, value in found.groupdict().items() if value is not None}
            if unlocked:
                answer = function(self, request, **given)
            else:
                with self.store.lock:
                    answer = function(self, request, **given)
            status, headers, content = (list(answer) + [{}, None])[:3] if isinstance(answer, tuple) else (200, {}, answer)
            if validate and answers and content is not None:
                for fault in self.answer_faults(answers, each, content, request):
                    self.violation("response", request.method, request.path, fault)
            return status, headers, content
        if other:
            raise invalid("The HTTP method isn't allowed here.", "Request_BadRequest")
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{parts[-1]}'.", violation=True)

    @staticmethod
    def allow(token, scope):
        have = token.scopes
        enough = (
            scope is None
            or "*" in have
            or scope in have
            or scope + "write" in have
            or (scope == "user.read" and have & {"user.read", "profile"})
        )
        if not enough:
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")

    @staticmethod
    def refused_query(name, path):
        if path.endswith("calendarView/delta"):
            if name == "$top":
                return invalid(
                    "The '$top' parameter is not supported with change tracking over the 'CalendarView' resource as page size cannot "
                    "be guaranteed. Express page size preferences using the Prefer: odata.maxpagesize= header instead.",
                    "ErrorInvalidUrlQuery",
                )
            return invalid(
                "The following parameters are not supported with change tracking over the 'CalendarView' resource: "
                "'$orderby, $filter, $select, $expand, $search'.",
                "ErrorInvalidUrlQuery",
            )
        return invalid(f"Query option '{name}' is not allowed.", "BadRequest")

    def check_body(self, request, kind):
        if isinstance(kind, dict) and request.body is None:
            request.body = {}
        if not isinstance(request.body, dict):
            raise invalid("Unable to read JSON request payload.", "BadRequest")
        if isinstance(kind, dict):
            # An action: its parameters are matched whatever their case.
            kinds = {name.lower(): each for name, each in kind.items()}
            for name, value in request.body.items():
                if name.lower() not in kinds:
                    raise invalid(f"The parameter '{name}' in the request payload is not a valid parameter.", "RequestBodyRead")
                faults = [] if value is None else self.schema.faults(kinds[name.lower()], value, True)
                if faults:
                    raise invalid("; ".join(faults), "RequestBodyRead")
            return
        faults = self.schema.faults(kind, request.body, True)
        if faults:
            raise invalid("; ".join(faults), "RequestBodyRead")

    def answer_faults(self, kind, each, content, request):
        if not each:
            return self.schema.faults(kind, {name: value for name, value in content.items() if name != "@odata.context"})
        allowed = {"@odata.context", "@odata.nextLink", "@odata.deltaLink", "@odata.count", "value"}
        faults = [f"answer.{name}: no such member" for name in content if name not in allowed]
        for item in content["value"]:
            if "@removed" in item:
                if set(item) - {"@odata.type", "@removed", "id"} or item["@removed"] != {"reason": "deleted"}:
                    faults.append(f"answer: {item} is no removal")
            else:
                faults += self.schema.faults(kind, item)
        return faults

    # Helpers of the routes.

    @staticmethod
    def context(request, what):
        return f"{request.base}/v1.0/$metadata#{what}"

    def where(self, request, calendar):
        account = request.token.account
        if calendar is None:
            return account.default
        if calendar not in account.calendars:
            raise not_found()
        return account.calendars[calendar]

    def one(self, request, id_, calendar=None):
        """→ (calendar, key, date, the series or event, the exception or None)"""
        place, key, date, version = request.token.account.find(id_)
        if calendar is not None and place is not self.where(request, calendar):
            raise not_found()
        shown = self.events.shown(version, date)
        return place, key, date, version, shown if shown is not version else None

    def shown(self, request, place, key, date, version=None):
        version = place.history[key][-1][1]
        exception = version.exceptions.get(date) if date else None
        found = render.event(request.token.account, key, version, request.wish(), date, exception)
        return {"@odata.context": self.context(request, f"users('{place.account.id}')/events/$entity"), **found}

    @staticmethod
    def window(request):
        begin, end = request.query.get("startdatetime"), request.query.get("enddatetime")
        if not begin or not end:
            raise invalid(
                "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
                "ErrorInvalidParameter",
            )
        try:
            begin, end = zones.instant(begin), zones.instant(end)
        except ValueError:
            raise invalid("The window isn't made of dates and times.", "ErrorInvalidParameter") from None
        if end < begin or (end - begin).days > 1825:
            raise invalid("The requested duration is too long, or negative.", "ErrorCalendarViewRangeTooBig")
        return begin, end

    def listed(self, request, items, what, default=10):
        """A plain collection, page by page."""
        try:
            top, skip = int(request.query.get("$top", 0)), int(request.query.get("$skip", 0))
        except ValueError:
            raise invalid("$top and $skip are numbers.", "BadRequest") from None
        top = top or int(request.prefers().get("odata.maxpagesize", default))
        if not 1 <= top <= 1000 or skip < 0:
            raise invalid("Invalid value for $top or $skip.", "BadRequest")
        found = {"@odata.context": self.context(request, what), "value": items[skip : skip + top]}
        if request.query.get("$count") == "true":
            found["@odata.count"] = len(items)
        if skip + top < len(items):
            kept = [pair for pair in urllib.parse.parse_qsl(request.raw_query) if pair[0].lower() not in ("$skip", "$top")]
            more = urllib.parse.urlencode([*kept, ("$top", top), ("$skip", skip + top)], safe="$,/'")
            found["@odata.nextLink"] = f"{request.base}{request.path}?{more}"
        return found


# Who, and which calendars.


@route("GET", "me", {"$select"}, answers="graph.user", scope="user.read")
def me(service, request):
    account = request.token.account
    first, _, last = account.name.partition(" ")
    found = {
        "businessPhones": [],
        "displayName": account.name,
        "givenName": first,
        "jobTitle": None,
        # A personal account has none here.
        "mail": account.email if account.kind == "work" else None,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": last or None,
        "userPrincipalName": account.email,
        "id": account.id,
    }
    wanted = request.query.get("$select")
    if wanted:
        found = {name: found.get(name) for name in wanted.replace(" ", "").split(",")}
    return {"@odata.context": service.context(request, "users/$entity"), **found}


def calendar_json(calendar):
    account = calendar.account
    meetings = ["teamsForBusiness"] if account.kind == "work" else []
    return {
        "id": calendar.id,
        "name": calendar.name,
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": calendar.default,
        "changeKey": "DwAAABYAAAC" + calendar.id[8:24],
        "canShare": calendar.can_edit,
        "canViewPrivateItems": True,
        "canEdit": calendar.can_edit,
        "allowedOnlineMeetingProviders": meetings,
        "defaultOnlineMeetingProvider": meetings[0] if meetings else "unknown",
        "isTallyingResponses": calendar.default,
        "isRemovable": not calendar.default,
        "owner": {"name": account.name, "address": account.email},
    }


@route("GET", "me/calendars", PAGING, answers="graph.calendar", each=True)
def calendars(service, request):
    found = [calendar_json(calendar) for calendar in request.token.account.calendars.values()]
    return service.listed(request, query.selected(found, request), "calendars")


@route("POST", "me/calendars", body="graph.calendar", answers="graph.calendar", scope="calendars.readwrite")
def add_calendar(service, request):
    if set(request.body) - {"name", "color", "hexColor", "@odata.type"} or not request.body.get("name"):
        raise invalid("A new calendar has a name.", "ErrorInvalidPropertySet")
    made = service.store.calendar(request.token.account, request.body["name"], request.token.account.zone)
    return 201, {}, {"@odata.context": service.context(request, "calendars/$entity"), **calendar_json(made)}


@route("GET", IN.replace(")?", ")"), {"$select"}, answers="graph.calendar")
def calendar(service, request, calendar=None):
    found = query.selected([calendar_json(service.where(request, calendar))], request)[0]
    return {"@odata.context": service.context(request, "calendars/$entity"), **found}


@route("DELETE", "me/calendars/(?P<calendar>[^/]+)", scope="calendars.readwrite")
def remove_calendar(service, request, calendar):
    account = request.token.account
    place = service.where(request, calendar)
    if place.default:
        raise GraphError(400, "ErrorCannotDeleteObject", "The default calendar can't be deleted.")
    for key, _ in list(place.live()):
        service.store.put(place, key, None, "deleted")
    del account.calendars[calendar]
    return 204, {}, None


# Events.


def event_items(service, request, found):
    """(key, date, start, version, exception) filtered, in order, as answered."""
    account, wish = request.token.account, request.wish()
    found = query.filtered(found, request.query.get("$filter"))
    found = query.ordered(found, request.query.get("$orderby"))
    return [render.event(account, key, version, wish, date, exception) for key, date, _, _, version, exception in found]


@route("GET", IN + "/events", PAGING, answers="graph.event", each=True)
def list_events(service, request, calendar=None):
    place = service.where(request, calendar)
    found = [(key, None, version.start_at, version.end_at, version, None) for key, version in place.live()]
    return service.listed(request, event_items(service, request, found), "events")


@route("POST", IN + "/events", body="graph.event", answers="graph.event", scope="calendars.readwrite")
def create_event(service, request, calendar=None):
    given = {name: value for name, value in request.body.items() if not name.startswith("@")}
    stale = service.events.stale(request.token.account, given)
    if stale:
        key, version = stale
        return 201, {}, render.event(request.token.account, key, version, request.wish())
    key = service.events.create(service.where(request, calendar), given)
    place = request.token.account.place[key][0]
    found = service.shown(request, place, key, None)
    return 201, {"Location": f"{request.base}/v1.0/me/events/{urllib.parse.quote(found['id'])}"}, found


@route("GET", IN + "/events/(?P<event>[^/]+)", {"$select", "$expand"}, answers="graph.event")
def get_event(service, request, event, calendar=None):
    place, key, date, version, _ = service.one(request, event, calendar)
    if date is None:
        version = service.events.was_read(place, key, version)
    return service.shown(request, place, key, date)


@route("PATCH", IN + "/events/(?P<event>[^/]+)", body="graph.event", answers="graph.event", scope="calendars.readwrite")
def patch_event(service, request, event, calendar=None):
    service.one(request, event, calendar)
    given = {name: value for name, value in request.body.items() if not name.startswith("@")}
    place, key, date = service.events.patch(request.token.account, event, given, request.headers.get("If-Match"))
    return service.shown(request, place, key, date)


@route("DELETE", IN + "/events/(?P<event>[^/]+)", scope="calendars.readwrite")
def delete_event(service, request, event, calendar=None):
    service.one(request, event, calendar)
    service.events.delete(request.token.account, event, request.headers.get("If-Match"))
    return 204, {}, None


@route("POST", IN + "/events/(?P<event>[^/]+)/cancel", body={"Comment": "Edm.String"}, scope="calendars.readwrite")
def cancel_event(service, request, event, calendar=None):
    service.one(request, event, calendar)
    given = {name.lower(): value for name, value in request.body.items()}
    service.events.cancel(request.token.account, event, given.get("comment"))
    return 202, {}, None


def responding(name, answer, more):
    body = {"Comment": "Edm.String", "SendResponse": "Edm.Boolean", **more}

    @route("POST", IN + f"/events/(?P<event>[^/]+)/{name}", body=body, scope="calendars.readwrite")
    def respond(service, request, event, calendar=None):
        service.one(request, event, calendar)
        given = {key.lower(): value for key, value in request.body.items()}
        send = given.get("sendresponse")
        service.events.respond(request.token.account, event, answer, given.get("comment"), send is not False)
        return 202, {}, None


responding("accept", "accepted", {})
responding("decline", "declined", {"ProposedNewTime": "graph.timeSlot"})
responding("tentativelyAccept", "tentativelyAccepted", {"ProposedNewTime": "graph.timeSlot"})


@route("GET", IN + "/events/(?P<event>[^/]+)/instances", PAGING | WINDOW, answers="graph.event", each=True)
def instances(service, request, event, calendar=None):
    _, key, _, version, _ = service.one(request, event, calendar)
    if not version.recurrence:
        raise invalid("The event isn't a series.")
    found = [
        (key, date, start, end, version, exception)
        for date, start, end, exception in version.occurrences(*service.window(request))
    ]
    return service.listed(request, event_items(service, request, found), "events")


@route("GET", IN + "/calendarView", PAGING | WINDOW, answers="graph.event", each=True)
def calendar_view(service, request, calendar=None):
    begin, end = service.window(request)
    found = []
    for key, version in service.where(request, calendar).live():
        if version.recurrence:
            for date, start, finish, exception in version.occurrences(begin, end):
                found.append((key, date, start, finish, version, exception))
        elif version.meets(begin, end):
            found.append((key, None, version.start_at, version.end_at, version, None))
    found.sort(key=lambda each: (each[2], each[0]))
    return service.listed(request, event_items(service, request, found), "calendarView")


@route("GET", IN + "/calendarView/delta", WINDOW | {"$skiptoken", "$deltatoken"}, answers="graph.event", each=True)
def calendar_delta(service, request, calendar=None):
    place = service.where(request, calendar)
    given = {name.lower(): value for name, value in request.query.items()}
    kind = next((name for name in ("$skiptoken", "$deltatoken") if name in given), None)
    if kind:
        if len(given) > 1:
            raise invalid("A link is followed as it is, without more parameters.", "ErrorInvalidUrlQuery")
        token = request.raw_query.partition("=")[2]
        if not request.raw_query.startswith(kind) or not token.endswith("%3d%3d"):
            service.violation("request", "GET", request.target, "the link was not followed verbatim")
            token = urllib.parse.unquote(token).removesuffix("==") + "%3d%3d"
        round_, first = service.delta.follow(kind, token, place)
    else:
        round_, first = service.delta.start(place, *service.window(request)), 0
    wish = request.wish(select=False)
    options = service.store.options
    try:
        size = int(request.prefers().get("odata.maxpagesize", options["default_page_size"]))
    except ValueError:
        raise invalid("odata.maxpagesize is a number.", "ErrorInvalidParameter") from None
    size = max(1, min(size, options["max_page_size"]))
    id_ = urllib.parse.quote(place.id, safe="")
    at = (
        f"{request.base}/v1.0/me/calendars/{id_}/calendarview/delta" if calendar else f"{request.base}/v1.0/me/calendarview/delta"
    )
    items, link = service.delta.page(round_, first, size, wish, lambda name, token: f"{at}?{name}={token}")
    return (
        200,
        {"Preference-Applied": "odata.track-changes"},
        {"@odata.context": service.context(request, "Collection(event)"), **link, "value": items},
    )


SCHEDULE = {
    "Schedules": "Collection(Edm.String)", "StartTime": "graph.dateTimeTimeZone", "EndTime": "graph.dateTimeTimeZone",
    "AvailabilityViewInterval": "Edm.Int32",
}  # fmt: skip


@route("POST", IN + "/getSchedule", body=SCHEDULE, answers="graph.scheduleInformation", each=True)
def get_schedule(service, request, calendar=None):
    given = {name.lower(): value for name, value in request.body.items()}
    edges = [zones.to_utc(zones.read(given[name]["dateTime"]), given[name]["timeZone"]) for name in ("starttime", "endtime")]
    found = [
        query.schedule(service.store, address, *edges, given.get("availabilityviewinterval") or 30, request.wish())
        for address in given["schedules"]
    ]
    return {"@odata.context": service.context(request, "Collection(scheduleInformation)"), "value": found}


# Subscriptions.


def subscription_json(service, request, held):
    return {"@odata.context": service.context(request, "subscriptions/$entity"), **held.json()}


@route("POST", "subscriptions", body="graph.subscription", answers="graph.subscription", unlocked=True)
def subscribe(service, request):
    with service.store.lock:
        service.subs.check(request.body, request.base)
        service.subs.resource(request.token.account, request.body["resource"])
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        if request.body.get(name):
            subscriptions.validate(request.body[name])
    with service.store.lock:
        held = service.subs.create(request.token, request.body, request.wish().immutable)
        # The answer to its creation repeats it.
        return 201, {}, {**subscription_json(service, request, held), "clientState": held.client_state}


@route("GET", "subscriptions", answers="graph.subscription", each=True, scope=None)
def list_subscriptions(service, request):
    return {
        "@odata.context": service.context(request, "subscriptions"),
        "value": [held.json() for held in service.subs.of(request.token)],
    }


@route("GET", "subscriptions/(?P<id>[^/]+)", answers="graph.subscription", scope=None)
def get_subscription(service, request, id):
    return subscription_json(service, request, service.subs.find(request.token, id))


@route("PATCH", "subscriptions/(?P<id>[^/]+)", body="graph.subscription", answers="graph.subscription")
def renew(service, request, id):
    held = service.subs.find(request.token, id)
    given = {name: value for name, value in request.body.items() if not name.startswith("@")}
    if set(given) != {"expirationDateTime"} or not given["expirationDateTime"]:
        raise invalid("Only expirationDateTime can be changed here.", "InvalidRequest")
    held.expires = service.subs.expiry(given["expirationDateTime"])
    return subscription_json(service, request, held)


@route("POST", "subscriptions/(?P<id>[^/]+)/reauthorize", scope=None)
def reauthorize(service, request, id):
    service.subs.find(request.token, id)
    return 204, {}, None


@route("DELETE", "subscriptions/(?P<id>[^/]+)", scope=None)
def unsubscribe(service, request, id):
    del service.subs.held[service.subs.find(request.token, id).id]
    return 204, {}, None
