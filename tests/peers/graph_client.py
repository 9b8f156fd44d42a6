"""Drives the official client (`msgraph-sdk`) through the whole surface of the stand-in, and fails on any difference.

Usage: graph_client.py URL        (such as http://127.0.0.1:41234, a running graph.py)
"""

import asyncio
import base64
import datetime
import hashlib
import http.server
import json
import secrets
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid

from kiota_abstractions.api_error import APIError
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.calendar import Calendar
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.day_of_week import DayOfWeek
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.event_type import EventType
from msgraph.generated.models.free_busy_status import FreeBusyStatus
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.location import Location
from msgraph.generated.models.online_meeting_provider_type import OnlineMeetingProviderType
from msgraph.generated.models.patterned_recurrence import PatternedRecurrence
from msgraph.generated.models.recurrence_pattern import RecurrencePattern
from msgraph.generated.models.recurrence_pattern_type import RecurrencePatternType
from msgraph.generated.models.recurrence_range import RecurrenceRange
from msgraph.generated.models.recurrence_range_type import RecurrenceRangeType
from msgraph.generated.models.response_type import ResponseType
from msgraph.generated.models.single_value_legacy_extended_property import SingleValueLegacyExtendedProperty
from msgraph.generated.models.subscription import Subscription
from msgraph.generated.users.item.calendar.get_schedule.get_schedule_post_request_body import GetSchedulePostRequestBody
from msgraph.generated.users.item.calendars.item.calendar_view.calendar_view_request_builder import CalendarViewRequestBuilder
from msgraph.generated.users.item.calendars.item.calendar_view.delta.delta_request_builder import DeltaRequestBuilder
from msgraph.generated.users.item.events.item.accept.accept_post_request_body import AcceptPostRequestBody
from msgraph.generated.users.item.events.item.cancel.cancel_post_request_body import CancelPostRequestBody
from msgraph.generated.users.item.events.item.decline.decline_post_request_body import DeclinePostRequestBody
from msgraph.generated.users.item.events.item.event_item_request_builder import EventItemRequestBuilder
from msgraph.generated.users.item.events.item.instances.instances_request_builder import InstancesRequestBuilder
from msgraph.graph_request_adapter import GraphRequestAdapter

MARK = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name meridian"
BERLIN = "W. Europe Standard Time"
BASE = sys.argv[1].rstrip("/")


def control(method, path, body=None):
    request = urllib.request.Request(f"{BASE}/_/{path}", json.dumps(body).encode() if body is not None else None, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Bearer(AuthenticationProvider):
    def __init__(self, token):
        self.token = token

    async def authenticate_request(self, request, additional_authentication_context=None):
        request.headers.try_add("Authorization", f"Bearer {self.token}")


def client(token):
    adapter = GraphRequestAdapter(Bearer(token))
    adapter.base_url = BASE + "/v1.0"
    return GraphServiceClient(request_adapter=adapter)


def same(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


async def refused(what, status, code, coroutine):
    try:
        await coroutine
    except APIError as fault:
        same(what, (fault.response_status_code, fault.error.code), (status, code))
    else:
        raise AssertionError(f"{what}: was not refused")


def at(text, zone=BERLIN):
    return DateTimeTimeZone(date_time=text, time_zone=zone)


def asking(builder=None, parameters=None, **headers):
    made = RequestConfiguration()
    if parameters is not None:
        made.query_parameters = parameters
    for name, values in headers.items():
        for value in values:
            made.headers.add(name.replace("_", "-"), value)
    return made


IMMUTABLE = 'IdType="ImmutableId"'


class Listener(http.server.BaseHTTPRequestHandler):
    heard, lifecycle, refuse = [], [], False

    def log_message(self, *_):
        pass

    def do_POST(self):
        parts = urllib.parse.urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = urllib.parse.parse_qs(parts.query).get("validationToken")
        answer, kind, status = b"", "text/plain", 202
        if token:
            answer, status = token[0].encode(), 400 if Listener.refuse else 200
        else:
            (Listener.lifecycle if parts.path == "/lifecycle" else Listener.heard).extend(json.loads(raw)["value"])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


async def until(what, condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}")


async def rounds(builder, link=None):
    """All items of a delta round and its last link, followed as they are given."""
    items, pages = [], 0
    while link:
        page = await builder.with_url(link).get(asking(Prefer=["odata.maxpagesize=1", IMMUTABLE]))
        items, pages = items + page.value, pages + 1
        link = page.odata_next_link
        if page.odata_delta_link:
            return items, page.odata_delta_link, pages
    raise AssertionError("a round without an end")


async def first_round(builder, begin, end):
    parameters = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(start_date_time=begin, end_date_time=end)
    page = await builder.get(asking(parameters=parameters, Prefer=["odata.maxpagesize=1", IMMUTABLE]))
    if page.odata_delta_link:
        return page.value, page.odata_delta_link, 1
    items, link, pages = await rounds(builder, page.odata_next_link)
    return page.value + items, link, pages + 1


def removed(items):
    return sorted(item.id for item in items if "@removed" in item.additional_data)


async def who(graph, anna):
    me = await graph.me.get()
    same("me", (me.mail, me.display_name, me.id), ("anna@example.com", "Anna", anna["account"]))
    found = await graph.me.calendars.get()
    same("calendars", [each.name for each in found.value], ["Calendar", "Other"])
    same("flags", [(each.is_default_calendar, each.can_edit) for each in found.value], [(True, True), (False, True)])
    same("owner", found.value[0].owner.address, "anna@example.com")
    one = await graph.me.calendars.by_calendar_id(found.value[1].id).get()
    same("calendar", one.name, "Other")
    same("default", (await graph.me.calendar.get()).id, found.value[0].id)
    added = await graph.me.calendars.post(Calendar(name="Third"))
    await graph.me.calendars.by_calendar_id(added.id).delete()
    same("calendars", len((await graph.me.calendars.get()).value), 2)
    return [each.id for each in found.value]


async def singles(graph, calendar):
    events = graph.me.calendars.by_calendar_id(calendar).events
    transaction = str(uuid.uuid4())
    wanted = Event(
        subject="Haircut – Ä",
        body=ItemBody(content_type=BodyType.Text, content="Line one\nline two"),
        start=at("2026-07-01T10:00:00"),
        end=at("2026-07-01T11:30:00"),
        show_as=FreeBusyStatus.Busy,
        location=Location(display_name="Studio"),
        attendees=[Attendee(email_address=EmailAddress(address="kim@example.org", name="Kim"))],
        transaction_id=transaction,
        is_online_meeting=True,
        online_meeting_provider=OnlineMeetingProviderType.TeamsForBusiness,
        single_value_extended_properties=[SingleValueLegacyExtendedProperty(id=MARK, value="booking-1")],
    )
    made = await events.post(wanted, asking(Prefer=[IMMUTABLE]))
    same("start", (made.start.date_time, made.start.time_zone), ("2026-07-01T08:00:00.0000000", "UTC"))
    same("zone", made.original_start_time_zone, BERLIN)
    same("type", (made.type, made.show_as, made.is_organizer), (EventType.SingleInstance, FreeBusyStatus.Busy, True))
    same("meeting", made.online_meeting.join_url.startswith("https://teams.microsoft.com/"), True)
    again = await events.post(wanted, asking(Prefer=[IMMUTABLE]))
    same("the same transaction", (again.id, again.i_cal_u_id), (made.id, made.i_cal_u_id))
    regular = (await graph.me.events.by_event_id(made.id).get()).id
    same("ids differ", regular != made.id, True)
    expand = EventItemRequestBuilder.EventItemRequestBuilderGetQueryParameters(
        expand=[f"singleValueExtendedProperties($filter=id eq '{MARK}')"], select=["subject", "start"]
    )
    found = await graph.me.events.by_event_id(made.id).get(
        asking(parameters=expand, Prefer=[IMMUTABLE, 'outlook.timezone="America/New_York"'])
    )
    same("in New York", (found.start.date_time, found.start.time_zone), ("2026-07-01T04:00:00.0000000", "America/New_York"))
    same("mark", [(each.id, each.value) for each in found.single_value_extended_properties], [(MARK, "booking-1")])
    same("only what was selected", (found.end, found.body), (None, None))
    # The middle letter alone is another id.
    other = made.id[:-5] + made.id[-5].swapcase() + made.id[-4:]
    await refused("an id in another case", 404, "ErrorItemNotFound", graph.me.events.by_event_id(other).get())

    one = graph.me.events.by_event_id(made.id)
    etag = made.additional_data["@odata.etag"]
    moved = await one.patch(
        Event(start=at("2026-07-02T10:00:00"), end=at("2026-07-02T11:00:00")), asking(If_Match=[etag], Prefer=[IMMUTABLE])
    )
    same(
        "moved",
        (moved.start.date_time, moved.id, moved.change_key != made.change_key),
        ("2026-07-02T08:00:00.0000000", made.id, True),
    )
    stale = one.patch(Event(subject="Late"), asking(If_Match=[etag]))
    await refused("a stale change", 412, "ErrorIrresolvableConflict", stale)
    control("POST", "options", {"conflicts": 1})
    await refused("two at once", 409, "ErrorConcurrentItemSave", one.patch(Event(subject="Twice")))
    same("and then", (await one.patch(Event(subject="Twice"))).subject, "Twice")
    await refused("an unknown zone", 400, "TimeZoneNotSupportedException", events.post(
        Event(subject="x", start=at("2026-07-01T10:00:00", "Middle/Earth"), end=at("2026-07-01T11:00:00", "Middle/Earth"))
    ))  # fmt: skip
    half = Event(subject="x", is_all_day=True, start=at("2026-07-01T10:00:00"), end=at("2026-07-02T10:00:00"))
    await refused("half a day all day", 400, "ErrorPropertyValidationFailure", events.post(half))
    days = await events.post(
        Event(subject="Trip", is_all_day=True, start=at("2026-07-04T00:00:00"), end=at("2026-07-06T00:00:00"))
    )
    same("days", (days.start.date_time, days.end.date_time), ("2026-07-04T00:00:00.0000000", "2026-07-06T00:00:00.0000000"))
    await graph.me.events.by_event_id(days.id).delete()
    await refused("gone", 404, "ErrorItemNotFound", graph.me.events.by_event_id(days.id).get())
    return made.id


async def series(graph, calendar):
    events = graph.me.calendars.by_calendar_id(calendar).events
    weekly = Event(
        subject="Stand-up",
        start=at("2026-10-19T09:00:00"),
        end=at("2026-10-19T09:15:00"),
        recurrence=PatternedRecurrence(
            pattern=RecurrencePattern(
                type=RecurrencePatternType.Weekly, interval=1, days_of_week=[DayOfWeek.Monday, DayOfWeek.Wednesday]
            ),
            range=RecurrenceRange(
                type=RecurrenceRangeType.Numbered, start_date=datetime.date(2026, 10, 19), number_of_occurrences=4
            ),
        ),
    )
    master = await events.post(weekly, asking(Prefer=[IMMUTABLE]))
    same("master", (master.type, master.recurrence.range.number_of_occurrences), (EventType.SeriesMaster, 4))
    parameters = InstancesRequestBuilder.InstancesRequestBuilderGetQueryParameters(
        start_date_time="2026-10-01T00:00:00Z", end_date_time="2026-12-01T00:00:00Z"
    )
    one = graph.me.events.by_event_id(master.id)
    found = (await one.instances.get(asking(parameters=parameters, Prefer=[IMMUTABLE]))).value
    # Summer time ends on the 25th.
    starts = ["2026-10-19T07:00", "2026-10-21T07:00", "2026-10-26T08:00", "2026-10-28T08:00"]
    same("instances", [each.start.date_time[:16] for each in found], starts)
    same("kinds", {each.type for each in found}, {EventType.Occurrence})
    same("one uid each", len({each.i_cal_u_id for each in found}), 4)
    same("of one series", {each.series_master_id for each in found}, {master.id})
    changed = await graph.me.events.by_event_id(found[1].id).patch(
        Event(start=at("2026-10-22T15:00:00"), end=at("2026-10-22T15:15:00")), asking(Prefer=[IMMUTABLE])
    )
    same("exception", (changed.type, changed.original_start.date().isoformat()), (EventType.Exception, "2026-10-21"))
    await graph.me.events.by_event_id(found[2].id).delete()
    view = CalendarViewRequestBuilder.CalendarViewRequestBuilderGetQueryParameters(
        start_date_time="2026-10-01T00:00:00Z", end_date_time="2026-12-01T00:00:00Z", top=2, orderby=["start/dateTime"]
    )
    builder = graph.me.calendars.by_calendar_id(calendar).calendar_view
    page = await builder.get(asking(parameters=view, Prefer=[IMMUTABLE]))
    more = await builder.with_url(page.odata_next_link).get(asking(Prefer=[IMMUTABLE]))
    same(
        "view",
        [each.start.date_time[:16] for each in page.value + more.value],
        ["2026-10-19T07:00", "2026-10-22T13:00", "2026-10-28T08:00"],
    )
    only = await one.get(
        asking(parameters=EventItemRequestBuilder.EventItemRequestBuilderGetQueryParameters(select=["cancelledOccurrences"]))
    )
    same("cancelled", [each.endswith(".2026-10-26") for each in only.cancelled_occurrences], [True])
    return master.id, found


async def delta(graph, calendar, single, master, occurrences):
    builder = graph.me.calendars.by_calendar_id(calendar).calendar_view.delta
    items, link, pages = await first_round(builder, "2026-06-01T00:00:00Z", "2026-12-01T00:00:00Z")
    same("pages", pages > 1, True)
    same(
        "kinds",
        sorted(item.type.value for item in items),
        ["exception", "occurrence", "occurrence", "seriesMaster", "singleInstance"],
    )
    bare = [item for item in items if item.type is EventType.Occurrence]
    same("occurrences are bare", {(item.subject, item.series_master_id) for item in bare}, {(None, master)})
    items, link, _ = await rounds(builder, link)
    same("nothing new", items, [])
    await graph.me.events.by_event_id(occurrences[3].id).delete()
    items, link, _ = await rounds(builder, link)
    same("what is left of the series", sorted(item.type.value for item in items), ["exception", "occurrence", "seriesMaster"])
    one = graph.me.events.by_event_id(single)
    await one.patch(Event(start=at("2027-07-02T10:00:00"), end=at("2027-07-02T11:00:00")))
    items, link, _ = await rounds(builder, link)
    same("moved out of the window", removed(items), [single])
    same("but alive", (await one.get()).start.date_time, "2027-07-02T08:00:00.0000000")
    await graph.me.events.by_event_id(master).delete()
    items, link, _ = await rounds(builder, link)
    same("a series removed", removed(items), [master])
    top = urllib.parse.urlsplit(link)
    await refused("a select", 400, "ErrorInvalidUrlQuery", builder.get(asking(
        parameters=DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(
            start_date_time="2026-06-01T00:00:00Z", end_date_time="2026-12-01T00:00:00Z", select=["subject"]
        )
    )))  # fmt: skip
    control("POST", "expire", {"cursors": True})
    await refused("an old link", 410, "SyncStateNotFound", rounds(builder, link))
    control("POST", "options", {"expired_cursor": "400"})
    await refused("an old link", 400, "syncStateNotFound", rounds(builder, link))
    control("POST", "options", {"expired_cursor": "410"})
    same("a link has no more than a token", top.query.count("="), 1)


async def people(graph, ben, calendar):
    made = await graph.me.calendars.by_calendar_id(calendar).events.post(Event(
        subject="Together", start=at("2026-08-01T10:00:00"), end=at("2026-08-01T11:00:00"),
        attendees=[Attendee(email_address=EmailAddress(address="ben@example.com"))],
    ))  # fmt: skip
    (copy,) = (await ben.me.events.get()).value
    same("invited", (copy.subject, copy.is_organizer, copy.show_as), ("Together", False, FreeBusyStatus.Tentative))
    same("one meeting", copy.i_cal_u_id, made.i_cal_u_id)
    await ben.me.events.by_event_id(copy.id).accept.post(AcceptPostRequestBody(comment="Yes", send_response=True))
    found = await graph.me.events.by_event_id(made.id).get()
    same("accepted", found.attendees[0].status.response, ResponseType.Accepted)
    mine = graph.me.events.by_event_id(made.id).accept.post(AcceptPostRequestBody(send_response=True))
    await refused("the organizer accepts", 400, "ErrorInvalidRequest", mine)
    theirs = ben.me.events.by_event_id(copy.id).cancel.post(CancelPostRequestBody(comment="No"))
    await refused("an attendee cancels", 400, "ErrorInvalidRequest", theirs)
    body = GetSchedulePostRequestBody(
        schedules=["ben@example.com", "nobody@example.com"], start_time=at("2026-08-01T08:00:00"), end_time=at("2026-08-01T12:00:00"),
        availability_view_interval=60,
    )  # fmt: skip
    found = (await graph.me.calendar.get_schedule.post(body)).value
    same("schedule", (found[0].availability_view, found[1].error is not None), ("0020", True))
    await graph.me.events.by_event_id(made.id).cancel.post(CancelPostRequestBody(comment="Ill"))
    (copy,) = (await ben.me.events.get()).value
    same("cancelled", (copy.is_cancelled, copy.show_as, copy.subject), (True, FreeBusyStatus.Free, "Canceled: Together"))
    await ben.me.events.by_event_id(copy.id).delete()
    second = await graph.me.events.post(Event(
        subject="Again", start=at("2026-08-02T10:00:00"), end=at("2026-08-02T11:00:00"),
        attendees=[Attendee(email_address=EmailAddress(address="ben@example.com"))],
    ))  # fmt: skip
    (copy,) = (await ben.me.events.get()).value
    await ben.me.events.by_event_id(copy.id).decline.post(DeclinePostRequestBody(send_response=True))
    found = await graph.me.events.by_event_id(second.id).get()
    same("declined", found.attendees[0].status.response, ResponseType.Declined)
    same("and out of the calendar", (await ben.me.events.get()).value, [])


async def told(graph, calendar):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_address[1]}"
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)
    wanted = Subscription(
        change_type="created,updated,deleted", notification_url=here + "/hook", lifecycle_notification_url=here + "/lifecycle",
        resource=f"/me/calendars/{calendar}/events", expiration_date_time=soon, client_state="secret-state",
    )  # fmt: skip
    Listener.refuse = True
    await refused("no handshake", 400, "ValidationError", graph.subscriptions.post(wanted))
    Listener.refuse = False
    held = await graph.subscriptions.post(wanted, asking(Prefer=[IMMUTABLE]))
    same("capped", held.expiration_date_time < soon - datetime.timedelta(days=20), True)
    twice = await graph.subscriptions.post(wanted, asking(Prefer=[IMMUTABLE]))
    same("a second one", twice.id != held.id, True)
    same("both listed", {each.id for each in (await graph.subscriptions.get()).value}, {held.id, twice.id})
    await graph.subscriptions.by_subscription_id(twice.id).delete()
    near = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    renewed = await graph.subscriptions.by_subscription_id(held.id).patch(Subscription(expiration_date_time=near))
    same("renewed", abs(renewed.expiration_date_time - near) < datetime.timedelta(seconds=1), True)
    made = await graph.me.calendars.by_calendar_id(calendar).events.post(
        Event(subject="Told", start=at("2026-09-01T10:00:00"), end=at("2026-09-01T11:00:00")), asking(Prefer=[IMMUTABLE])
    )
    await until("a notification", lambda: Listener.heard)
    first = Listener.heard[0]
    same("notified", (first["changeType"], first["resourceData"]["id"]), ("created", made.id))
    same("of us", (first["subscriptionId"], first["clientState"]), (held.id, "secret-state"))
    control("POST", "lifecycle", {"event": "reauthorizationRequired"})
    await until("a lifecycle notification", lambda: Listener.lifecycle)
    same("lifecycle", Listener.lifecycle[0]["lifecycleEvent"], "reauthorizationRequired")
    await graph.subscriptions.by_subscription_id(held.id).reauthorize.post()
    await graph.subscriptions.by_subscription_id(held.id).delete()
    await graph.me.events.by_event_id(made.id).delete()
    server.shutdown()


async def refusals(graph, anna):
    stranger = client("nobody")
    await refused("no token", 401, "InvalidAuthenticationToken", stranger.me.get())
    reader = client(control("POST", "token", {"account": "anna@example.com", "scopes": ["Calendars.Read"]})["token"])
    same("may read", len((await reader.me.calendars.get()).value), 2)
    writes = reader.me.events.post(Event(subject="x", start=at("2026-07-01T10:00:00"), end=at("2026-07-01T11:00:00")))
    await refused("may not write", 403, "ErrorAccessDenied", writes)
    # The client waits as it is told, and asks again.
    control("POST", "faults", {"path": "/me/calendars$", "status": 429, "headers": {"Retry-After": "1"}, "body": {
        "error": {"code": "ApplicationThrottled", "message": "Slow down."}}})  # fmt: skip
    same("after a pause", len((await graph.me.calendars.get()).value), 2)


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def consent(**more):
    """Where the browser is sent back to, as parameters."""
    asked = {"client_id": "meridian", "response_type": "code", "redirect_uri": "http://127.0.0.1/back", "state": "s", **more}
    try:
        urllib.request.build_opener(Stay).open(f"{BASE}/common/oauth2/v2.0/authorize?{urllib.parse.urlencode(asked)}")
    except urllib.error.HTTPError as answer:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["Location"]).query))
    raise AssertionError("no redirect")


def exchange(**given):
    asked = {"client_id": "meridian", "client_secret": "secret", **given}
    try:
        with urllib.request.urlopen(f"{BASE}/common/oauth2/v2.0/token", urllib.parse.urlencode(asked).encode()) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as answer:
        return json.load(answer)


async def signing_in():
    """No official client speaks to an authority without TLS, so this follows RFC 6749 and RFC 7636 by hand."""
    scopes = "offline_access User.Read Calendars.ReadWrite"
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    proof = {"code_challenge": challenge, "code_challenge_method": "S256"}
    back = consent(scope=scopes, login_hint="ben@example.com", **proof)
    same("state", back["state"], "s")
    redeem = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": "http://127.0.0.1/back"}
    same("another verifier", exchange(**redeem, code_verifier="x" * 43)["error_codes"], [501481])
    same(
        "another address",
        exchange(**{**redeem, "redirect_uri": "http://127.0.0.1/"}, code_verifier=verifier)["error_codes"],
        [500112],
    )
    first = exchange(**redeem, code_verifier=verifier)
    same("scope", (first["scope"], first["token_type"]), ("User.Read Calendars.ReadWrite", "Bearer"))
    same("who", (await client(first["access_token"]).me.get()).mail, "ben@example.com")
    same("a code serves once", exchange(**redeem, code_verifier=verifier)["error_codes"], [54005])
    second = exchange(grant_type="refresh_token", refresh_token=first["refresh_token"])
    same("rotated", second["refresh_token"] != first["refresh_token"], True)
    same(
        "the old one is valid", "access_token" in exchange(grant_type="refresh_token", refresh_token=first["refresh_token"]), True
    )
    control("POST", "expire", {"tokens": True, "refresh_tokens": True})
    await refused("an old token", 401, "InvalidAuthenticationToken", client(second["access_token"]).me.get())
    dead = exchange(grant_type="refresh_token", refresh_token=second["refresh_token"])
    same("revoked", (dead["error"], dead["error_codes"]), ("invalid_grant", [700082]))
    control("POST", "options", {"consent": "deny"})
    same("denied", consent(scope=scopes, **proof)["error"], "access_denied")
    control("POST", "options", {"consent": "grant"})


async def main():
    anna = control("POST", "accounts", {"email": "anna@example.com", "calendars": [
        {"name": "Calendar", "zone": "Europe/Berlin", "primary": True}, {"name": "Other", "zone": "UTC"}]})  # fmt: skip
    ben = control("POST", "accounts", {"email": "ben@example.com"})
    graph, other = client(anna["token"]), client(ben["token"])
    default, second = await who(graph, anna)
    single = await singles(graph, second)
    master, occurrences = await series(graph, second)
    await delta(graph, second, single, master, occurrences)
    await people(graph, other, default)
    await told(graph, second)
    await refusals(graph, anna)
    await signing_in()
    expected = ("Middle/Earth", "midnight", "change tracking")
    unexpected = [each for each in control("GET", "violations") if not any(word in each["message"] for word in expected)]
    same("violations", unexpected, [])
    print("The official client and the stand-in agree.")


asyncio.run(main())
