"""Google's own client against the stand-in, through all that is served: `google_client.py http://127.0.0.1:PORT`.

Exits with 1 and says each difference if the client meets anything that it, or Google's documentation, does not expect.
"""

import base64
import hashlib
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta

# The `google.py` beside this file would hide Google's package.
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if pathlib.Path(entry or ".").resolve() != HERE]

import google.auth.exceptions  # noqa: E402
import google.oauth2.credentials  # noqa: E402
import google_auth_httplib2  # noqa: E402
import httplib2  # noqa: E402
from googleapiclient.discovery import build  # noqa: E402
from googleapiclient.errors import HttpError  # noqa: E402

EVENTS = "https://www.googleapis.com/auth/calendar.events"
READ = "https://www.googleapis.com/auth/calendar.readonly"
REDIRECT = "http://127.0.0.1:9/back"


class Run:
    def __init__(self, url):
        self.url = url.rstrip("/")
        self.checks = 0
        self.differences = []

    def expect(self, what, got, wanted=True):
        self.checks += 1
        if got != wanted:
            self.differences.append(f"{what}: {got!r}, not {wanted!r}")

    def control(self, verb, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/_/{path}", data, {"Content-Type": "application/json"}, method=verb
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def refused(self, what, request, status, reason=None):
        """The request is refused with this status and reason."""
        try:
            answer = request.execute() if hasattr(request, "execute") else request()
        except HttpError as fault:
            self.expect(what, fault.status_code, status)
            if reason:
                self.expect(what, json.loads(fault.content)["error"]["errors"][0]["reason"], reason)
            return fault
        self.expect(what, answer, f"a refusal with {status}")
        return None

    def client(self, credentials):
        http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http())
        options = {"api_endpoint": f"{self.url}/calendar/v3/"}
        return build("calendar", "v3", http=http, static_discovery=True, client_options=options)

    def outside(self, email):
        token = self.control(
            "POST",
            "accounts",
            {"email": email, "calendars": [{"name": email, "zone": "Europe/Berlin", "primary": True}]},
        )["token"]
        return self.client(google.oauth2.credentials.Credentials(token))

    def post(self, path, form):
        request = urllib.request.Request(f"{self.url}/{path}", urllib.parse.urlencode(form).encode())
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as fault:
            return fault.code, json.load(fault)


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.append(dict(self.headers.items()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def until(found, seconds=10):
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def timed(day, hour, hours=1, zone="Europe/Berlin"):
    return {
        "start": {"dateTime": f"2027-{day}T{hour:02}:00:00", "timeZone": zone},
        "end": {"dateTime": f"2027-{day}T{hour + hours:02}:00:00", "timeZone": zone},
    }


def all_pages(make, **parameters):
    items, pages, token = [], 0, None
    while True:
        answer = make(**parameters, **({"pageToken": token} if token else {})).execute()
        items += answer["items"]
        pages += 1
        token = answer.get("nextPageToken")
        if not token:
            return items, pages, answer.get("nextSyncToken")
        assert "nextSyncToken" not in answer


# OAuth


def authorize(run, **changes):
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {
        "response_type": "code",
        "client_id": "client",
        "redirect_uri": REDIRECT,
        "scope": f"{READ} {EVENTS}",
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "state": "s-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": "ada@example.com",
    } | changes
    try:
        urllib.request.build_opener(Stay).open(f"{run.url}/o/oauth2/v2/auth?{urllib.parse.urlencode(query)}")
    except urllib.error.HTTPError as answer:
        there = answer.headers.get("Location", "")
        return answer.code, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(there).query)), verifier
    raise AssertionError("no redirect")


def oauth(run):
    status, back, verifier = authorize(run)
    run.expect("authorize", (status, back.get("state")), (302, "s-1"))
    run.expect("the scopes granted", set(back["scope"].split()), {READ, EVENTS})
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT}
    form |= {"client_id": "client", "client_secret": "secret", "code_verifier": verifier}
    run.expect("a wrong verifier", run.post("token", form | {"code_verifier": "w" * 64})[1]["error"], "invalid_grant")
    wrong = form | {"redirect_uri": REDIRECT + "/"}
    run.expect("a wrong redirect", run.post("token", wrong)[1]["error"], "redirect_uri_mismatch")
    status, tokens = run.post("token", form)
    run.expect("a token", (status, tokens["token_type"]), (200, "Bearer"))
    credentials = google.oauth2.credentials.Credentials(
        tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        token_uri=f"{run.url}/token",
        client_id="client",
        client_secret="secret",
    )
    client = run.client(credentials)
    run.expect("a call", client.calendarList().list().execute()["items"][0]["id"], "ada@example.com")
    # Google's client refreshes by itself when it is answered 401.
    run.control("POST", "expire", {"tokens": True})
    before = credentials.token
    run.expect(
        "a call after the token ended", client.calendars().get(calendarId="primary").execute()["id"], "ada@example.com"
    )
    run.expect("the token is a new one", credentials.token != before)
    run.expect("the refresh token is the old one", credentials.refresh_token, tokens["refresh_token"])
    run.refused(
        "freebusy is readable",
        lambda: client.acl().list(calendarId="primary").execute(),
        403,
        "insufficientPermissions",
    )
    run.expect("a code works once", run.post("token", form)[1]["error"], "invalid_grant")
    _, back, verifier = authorize(run, prompt="")
    form |= {"code": back["code"]}
    _, tokens = run.post("token", form)
    run.expect("no refresh token on a later consent", "refresh_token" in tokens, False)
    run.control("POST", "options", {"granted_scopes": [READ]})
    _, back, _ = authorize(run)
    _, tokens = run.post("token", form | {"code": back["code"]})
    run.expect("fewer scopes", tokens["scope"], READ)
    fewer = run.client(google.oauth2.credentials.Credentials(tokens["access_token"]))
    fewer.events().list(calendarId="primary").execute()
    insert = fewer.events().insert(calendarId="primary", body=timed("03-01", 9))
    run.refused("writing without the scope", insert, 403, "insufficientPermissions")
    run.expect("revoke", run.post("revoke", {"token": tokens["refresh_token"]})[0], 200)
    try:
        fewer.events().list(calendarId="primary").execute()
        run.expect("revoked", "answered", "refused")
    except google.auth.exceptions.RefreshError:
        # Google's client wanted a new token, as it does on 401, and had nothing to get it with.
        pass
    again = form | {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    run.expect("a revoked refresh", run.post("token", again)[1]["error"], "invalid_grant")
    run.expect("revoked twice", run.post("revoke", {"token": tokens["refresh_token"]})[1]["error"], "invalid_token")
    run.control("POST", "options", {"granted_scopes": None, "consent": "deny"})
    run.expect("denied", authorize(run)[1].get("error"), "access_denied")
    run.control("POST", "options", {"consent": "grant", "redirect_uris": ["https://elsewhere.example/"]})
    run.expect("redirect_uri_mismatch", authorize(run)[0], 400)
    run.control("POST", "options", {"redirect_uris": None})
    run.control("DELETE", "violations")
    run.refused(
        "no token",
        lambda: (
            build(
                "calendar",
                "v3",
                http=httplib2.Http(),
                static_discovery=True,
                client_options={"api_endpoint": f"{run.url}/calendar/v3/"},
            )
            .calendarList()
            .list()
            .execute()
        ),
        401,
        "required",
    )


# Calendars


def calendars(run):
    ada = run.outside("ada@example.com")
    made = ada.calendars().insert(body={"summary": "Private", "timeZone": "America/New_York"}).execute()
    run.expect("calendars.get", ada.calendars().get(calendarId=made["id"]).execute()["timeZone"], "America/New_York")
    listed, pages, sync = all_pages(ada.calendarList().list, maxResults=1)
    run.expect("the list", [entry["accessRole"] for entry in listed], ["owner", "owner"])
    run.expect("its pages", pages, 2)
    run.expect("one is primary", [entry.get("primary", False) for entry in listed], [True, False])
    renamed = ada.calendarList().patch(calendarId=made["id"], body={"summaryOverride": "Mine"}).execute()
    run.expect("renamed", renamed["summaryOverride"], "Mine")
    changed, _, sync = all_pages(ada.calendarList().list, syncToken=sync)
    run.expect("what changed in the list", [entry["id"] for entry in changed], [made["id"]])
    run.control(
        "POST",
        "accounts",
        {
            "email": "bob@example.com",
            "calendars": [
                {"name": "Bob", "zone": "UTC", "primary": True},
                {"name": "", "id": made["id"], "access": "reader"},
            ],
        },
    )
    bob = run.outside("bob@example.com")
    run.refused(
        "a reader writes",
        bob.events().insert(calendarId=made["id"], body=timed("03-01", 9)),
        403,
        "requiredAccessLevel",
    )
    ada.events().insert(
        calendarId=made["id"], body=timed("03-01", 9) | {"summary": "Doctor", "visibility": "private"}
    ).execute()
    seen = bob.events().list(calendarId=made["id"]).execute()["items"][0]
    run.expect("what a reader sees of a private event", ("summary" in seen, seen["visibility"]), (False, "private"))
    ada.calendars().delete(calendarId=made["id"]).execute()
    run.refused("a calendar that is gone", ada.events().list(calendarId=made["id"]), 404, "notFound")
    changed, _, sync = all_pages(ada.calendarList().list, syncToken=sync)
    run.expect("gone from the list", [entry.get("deleted") for entry in changed], [True])
    run.control("POST", "expire", {"cursors": True})
    run.refused("an old list token", ada.calendarList().list(syncToken=sync), 410, "fullSyncRequired")


# Events


def writing(run):
    eva = run.outside("eva@example.com").events()
    body = timed("03-01", 9) | {"id": "abcde0123", "summary": "One", "extendedProperties": {"private": {"m": "1"}}}
    one = eva.insert(calendarId="primary", body=body).execute()
    run.expect("insert", (one["id"], one["status"], one["sequence"]), ("abcde0123", "confirmed", 0))
    run.expect("its start", one["start"], {"dateTime": "2027-03-01T09:00:00+01:00", "timeZone": "Europe/Berlin"})
    run.expect("its organizer", one["organizer"], {"email": "eva@example.com", "self": True})
    run.expect("its uid", one["iCalUID"], "abcde0123@google.com")
    run.refused("insert again", eva.insert(calendarId="primary", body=body), 409, "duplicate")
    run.refused("a bad id", eva.insert(calendarId="primary", body=timed("03-01", 9) | {"id": "UPPER"}), 400, "invalid")
    run.refused("no end", eva.insert(calendarId="primary", body={"start": one["start"]}), 400, "required")
    mixed = {"start": {"date": "2027-03-01"}, "end": one["end"]}
    run.refused("a date and a time", eva.insert(calendarId="primary", body=mixed), 400, "invalid")
    turned = {"start": one["end"], "end": one["start"]}
    run.refused("end before start", eva.insert(calendarId="primary", body=turned), 400, "timeRangeEmpty")
    series = {"start": {"dateTime": "2027-03-01T09:00:00Z"}, "end": {"dateTime": "2027-03-01T10:00:00Z"}}
    run.refused(
        "a series without zone",
        eva.insert(calendarId="primary", body=series | {"recurrence": ["RRULE:FREQ=DAILY"]}),
        400,
        "required",
    )
    run.refused(
        "a bad rule",
        eva.insert(calendarId="primary", body=timed("03-01", 9) | {"recurrence": ["RRULE:FREQ=SOON"]}),
        400,
        "invalid",
    )

    got = eva.get(calendarId="primary", eventId="abcde0123").execute()
    run.expect("get", got["etag"], one["etag"])
    fresh = eva.get(calendarId="primary", eventId="abcde0123")
    fresh.headers["If-None-Match"] = one["etag"]
    run.refused("get what did not change", fresh, 304)
    zoned = eva.get(calendarId="primary", eventId="abcde0123", timeZone="Asia/Tokyo").execute()
    run.expect("in another zone", zoned["start"]["dateTime"], "2027-03-01T17:00:00+09:00")

    patch = eva.patch(
        calendarId="primary",
        eventId="abcde0123",
        body={"location": "Here", "extendedProperties": {"private": {"n": "2"}}},
    )
    patch.headers["If-Match"] = one["etag"]
    two = patch.execute()
    run.expect("patch merges", two["extendedProperties"], {"private": {"m": "1", "n": "2"}})
    run.expect("text does not count the sequence", two["sequence"], 0)
    stale = eva.update(calendarId="primary", eventId="abcde0123", body=one)
    stale.headers["If-Match"] = one["etag"]
    run.refused("a stale If-Match", stale, 412, "conditionNotMet")
    moved = eva.patch(calendarId="primary", eventId="abcde0123", body=timed("03-02", 9)).execute()
    run.expect("a new time counts it", moved["sequence"], 1)
    run.refused(
        "a sequence that goes back", eva.update(calendarId="primary", eventId="abcde0123", body=one), 400, "invalid"
    )
    half = {"start": {"date": "2027-03-02"}, "end": {"date": "2027-03-03"}}
    run.refused(
        "a date without taking the time away",
        eva.patch(calendarId="primary", eventId="abcde0123", body=half),
        400,
        "invalid",
    )
    whole = {key: value | {"dateTime": None, "timeZone": None} for key, value in half.items()}
    day = eva.patch(calendarId="primary", eventId="abcde0123", body=whole).execute()
    run.expect("all day", (day["start"], day["end"]), ({"date": "2027-03-02"}, {"date": "2027-03-03"}))
    put = eva.update(calendarId="primary", eventId="abcde0123", body=timed("03-02", 9)).execute()
    run.expect("update replaces", ("summary" in put, "extendedProperties" in put), (False, False))

    eva.delete(calendarId="primary", eventId="abcde0123").execute()
    gone = eva.get(calendarId="primary", eventId="abcde0123").execute()
    run.expect("get always returns deleted ones", gone["status"], "cancelled")
    run.refused("delete again", eva.delete(calendarId="primary", eventId="abcde0123"), 410, "deleted")
    run.refused("delete what never was", eva.delete(calendarId="primary", eventId="nothing"), 404, "notFound")
    run.refused("insert a deleted id", eva.insert(calendarId="primary", body=body), 409, "duplicate")
    back = eva.update(calendarId="primary", eventId="abcde0123", body=body | {"status": "confirmed"}).execute()
    run.expect("brought back", (back["status"], back["summary"]), ("confirmed", "One"))

    for kind, more in (
        ("outOfOffice", {"outOfOfficeProperties": {"autoDeclineMode": "declineNone"}}),
        ("focusTime", {}),
    ):
        made = eva.insert(calendarId="primary", body=timed("03-05", 9) | more | {"eventType": kind}).execute()
        run.expect(kind, made["eventType"], kind)
    work = {
        "start": {"date": "2027-03-05"},
        "end": {"date": "2027-03-06"},
        "eventType": "workingLocation",
        "transparency": "transparent",
        "visibility": "public",
    }
    work["workingLocationProperties"] = {"type": "homeOffice", "homeOffice": {}}
    run.expect("workingLocation", eva.insert(calendarId="primary", body=work).execute()["transparency"], "transparent")
    foreign = timed("03-06", 9) | {"iCalUID": "x@elsewhere", "organizer": {"email": "them@elsewhere.example"}}
    imported = eva.import_(calendarId="primary", body=foreign).execute()
    run.expect(
        "import", (imported["iCalUID"], imported["organizer"]), ("x@elsewhere", {"email": "them@elsewhere.example"})
    )
    theirs = eva.patch(calendarId="primary", eventId=imported["id"], body={"summary": "Mine now"})
    run.refused("changing what others organize", theirs, 403, "forbiddenForNonOrganizer")

    other = (
        run.outside("eva@example.com").calendars().insert(body={"summary": "Other", "timeZone": "UTC"}).execute()["id"]
    )
    there = eva.move(calendarId="primary", eventId="abcde0123", destination=other).execute()
    run.expect("move", (there["id"], there["organizer"]["email"]), ("abcde0123", other))
    run.expect("what it leaves", eva.get(calendarId="primary", eventId="abcde0123").execute()["status"], "cancelled")


def guests(run):
    eva, guy = run.outside("eva2@example.com").events(), run.outside("guy@example.com").events()
    run.control("DELETE", "mails")
    body = timed("04-01", 9) | {
        "id": "meeting00",
        "summary": "Us",
        "extendedProperties": {"private": {"m": "1"}, "shared": {"s": "1"}},
    }
    body["attendees"] = [{"email": "guy@example.com"}, {"email": "ext@elsewhere.example", "displayName": "Ext"}]
    made = eva.insert(calendarId="primary", body=body, sendUpdates="externalOnly").execute()
    run.expect("nobody answered yet", [guest["responseStatus"] for guest in made["attendees"]], ["needsAction"] * 2)
    mails = run.control("GET", "mails")
    run.expect(
        "who is written to", [(mail["method"], mail["to"]) for mail in mails], [("REQUEST", "ext@elsewhere.example")]
    )
    copy = guy.get(calendarId="primary", eventId="meeting00").execute()
    run.expect(
        "the guest's copy",
        (copy["organizer"], copy["extendedProperties"]),
        ({"email": "eva2@example.com"}, {"shared": {"s": "1"}}),
    )
    run.refused(
        "a guest moves it",
        guy.patch(calendarId="primary", eventId="meeting00", body=timed("04-01", 11)),
        403,
        "forbiddenForNonOrganizer",
    )
    answer = [guest | ({"responseStatus": "declined"} if guest.get("self") else {}) for guest in copy["attendees"]]
    guy.patch(calendarId="primary", eventId="meeting00", body={"attendees": answer}).execute()
    run.control(
        "POST",
        "respond",
        {
            "account": "eva2@example.com",
            "event": "meeting00",
            "email": "ext@elsewhere.example",
            "responseStatus": "accepted",
        },
    )
    got = eva.get(calendarId="primary", eventId="meeting00").execute()
    run.expect(
        "their answers",
        {guest["email"]: guest["responseStatus"] for guest in got["attendees"]},
        {"guy@example.com": "declined", "ext@elsewhere.example": "accepted"},
    )
    few = eva.get(calendarId="primary", eventId="meeting00", maxAttendees=1).execute()
    run.expect("fewer guests", few["attendeesOmitted"])
    run.control("DELETE", "mails")
    eva.patch(
        calendarId="primary",
        eventId="meeting00",
        body={"attendees": [{"email": "ext@elsewhere.example"}]},
        sendUpdates="all",
    ).execute()
    mails = run.control("GET", "mails")
    run.expect(
        "uninvited",
        [(mail["method"], mail["to"]) for mail in mails],
        [("CANCEL", "guy@example.com"), ("REQUEST", "ext@elsewhere.example")],
    )
    run.expect("the copy is gone", guy.get(calendarId="primary", eventId="meeting00").execute()["status"], "cancelled")
    run.control("DELETE", "mails")
    eva.delete(calendarId="primary", eventId="meeting00", sendUpdates="none").execute()
    run.expect("nobody is told", run.control("GET", "mails"), [])
    wrong = timed("04-01", 9) | {"attendees": [{"email": "nobody"}]}
    run.refused("a bad address", eva.insert(calendarId="primary", body=wrong), 400, "invalid")


def conferences(run):
    eva = run.outside("meet@example.com").events()

    def body(id):
        request = {"requestId": id, "conferenceSolutionKey": {"type": "hangoutsMeet"}}
        return timed("05-01", 9) | {"id": id, "conferenceData": {"createRequest": request}}

    none = eva.insert(calendarId="primary", body=body("conf0")).execute()
    run.expect("version 0 asks for nothing", "conferenceData" in none, False)
    made = eva.insert(calendarId="primary", body=body("conf1"), conferenceDataVersion=1).execute()

    def status(event):
        return event["conferenceData"]["createRequest"]["status"]["statusCode"]

    run.expect(
        "at once", (status(made), made["hangoutLink"]), ("success", made["conferenceData"]["entryPoints"][0]["uri"])
    )
    kept = eva.patch(calendarId="primary", eventId="conf1", body={"summary": "x"}).execute()
    run.expect("a patch keeps it", kept["hangoutLink"], made["hangoutLink"])
    same = eva.update(calendarId="primary", eventId="conf1", body=body("conf1"), conferenceDataVersion=1).execute()
    run.expect("the same request is no new one", same["hangoutLink"], made["hangoutLink"])
    lost = eva.update(calendarId="primary", eventId="conf1", body=timed("05-01", 9), conferenceDataVersion=1).execute()
    run.expect("an update without it takes it away", "hangoutLink" in lost, False)
    run.control("POST", "options", {"conference": "pending"})
    made = eva.insert(calendarId="primary", body=body("conf2"), conferenceDataVersion=1).execute()
    seen = [status(made)] + [status(eva.get(calendarId="primary", eventId="conf2").execute()) for _ in range(2)]
    run.expect("pending, then there", seen, ["pending", "pending", "success"])
    run.control("POST", "options", {"conference": "pending_failure", "conference_polls": 1})
    eva.insert(calendarId="primary", body=body("conf3"), conferenceDataVersion=1).execute()
    run.expect("pending, then not", status(eva.get(calendarId="primary", eventId="conf3").execute()), "failure")
    run.control("POST", "options", {"conference": "success", "conference_polls": 2})


def series(run):
    rec = run.outside("rec@example.com").events()
    body = timed("03-20", 9) | {"id": "series0", "summary": "Weekly", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}
    rec.insert(calendarId="primary", body=body).execute()
    found = rec.instances(calendarId="primary", eventId="series0").execute()["items"]
    starts = [item["start"]["dateTime"] for item in found]
    days = ["03-20T09:00:00+01:00", "03-27T09:00:00+01:00", "04-03T09:00:00+02:00", "04-10T09:00:00+02:00"]
    run.expect("instances across summer time", starts, [f"2027-{day}" for day in days])
    run.expect(
        "their ids", [item["id"] for item in found[1:3]], ["series0_20270327T080000Z", "series0_20270403T070000Z"]
    )
    run.expect("their uid", {item["iCalUID"] for item in found}, {"series0@google.com"})
    _, _, sync = all_pages(rec.list, calendarId="primary")
    one, two = found[1]["id"], found[2]["id"]
    rec.patch(calendarId="primary", eventId=one, body=timed("03-28", 12)).execute()
    rec.delete(calendarId="primary", eventId=two).execute()
    changed, _, later = all_pages(rec.list, calendarId="primary", syncToken=sync)
    run.expect(
        "what changed", [(item["id"], item["status"]) for item in changed], [(one, "confirmed"), (two, "cancelled")]
    )
    run.expect("its first start", changed[0]["originalStartTime"]["dateTime"], "2027-03-27T09:00:00+01:00")
    run.expect("a cancelled instance", set(changed[1]) >= {"id", "recurringEventId", "originalStartTime"})
    plain, _, _ = all_pages(rec.list, calendarId="primary")
    run.expect("masters and exceptions", [item["id"] for item in plain], ["series0", one, two])
    single, pages, _ = all_pages(rec.list, calendarId="primary", singleEvents=True, orderBy="startTime", maxResults=2)
    run.expect(
        "as single events",
        [item["start"]["dateTime"][5:16] for item in single],
        ["03-20T09:00", "03-28T12:00", "04-10T09:00"],
    )
    run.expect("in pages", pages, 2)
    single, _, _ = all_pages(rec.list, calendarId="primary", singleEvents=True, showDeleted=True)
    run.expect("deleted ones too", sum(item["status"] == "cancelled" for item in single), 1)
    window = {"timeMin": "2027-04-10T08:00:00Z", "timeMax": "2027-05-01T00:00:00Z"}
    run.expect("timeMin is exclusive at the end", rec.list(calendarId="primary", **window).execute()["items"], [])
    window["timeMin"] = "2027-04-10T07:59:59Z"
    run.expect(
        "a series in the window",
        [item["id"] for item in rec.list(calendarId="primary", **window).execute()["items"]],
        ["series0"],
    )
    rec.patch(calendarId="primary", eventId="series0", body={"summary": "Renamed"}).execute()
    run.expect(
        "an exception follows the text", rec.get(calendarId="primary", eventId=one).execute()["summary"], "Renamed"
    )
    rec.patch(
        calendarId="primary", eventId="series0", body={"recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20270326T225959Z"]}
    ).execute()
    run.expect("cut short", len(rec.instances(calendarId="primary", eventId="series0").execute()["items"]), 1)
    rec.delete(calendarId="primary", eventId="series0").execute()
    changed, _, _ = all_pages(rec.list, calendarId="primary", syncToken=later)
    run.expect("a deleted series", {"id": "series0", "status": "cancelled"} in changed)
    run.expect("nothing is left", rec.list(calendarId="primary").execute()["items"], [])
    days = {
        "start": {"date": "2027-03-27"},
        "end": {"date": "2027-03-28"},
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20270328"],
    }
    made = rec.insert(calendarId="primary", body=days | {"id": "dates0"}).execute()
    found = rec.instances(calendarId="primary", eventId=made["id"]).execute()["items"]
    run.expect("whole days", [item["id"] for item in found], ["dates0_20270327", "dates0_20270329"])


def syncing(run):
    account = "sync@example.com"
    events = run.outside(account).events()
    bulk = [timed("06-01", 1 + number % 20) | {"summary": f"{number}"} for number in range(25)]
    ids = run.control("POST", "bulk", {"account": account, "events": bulk})["ids"]
    full, pages, sync = all_pages(events.list, calendarId="primary", maxResults=10)
    run.expect("a first synchronization", ([item["id"] for item in full], pages), (ids, 3))
    none, _, sync = all_pages(events.list, calendarId="primary", maxResults=10, syncToken=sync)
    run.expect("nothing new", none, [])
    events.patch(calendarId="primary", eventId=ids[3], body={"summary": "changed"}).execute()
    events.delete(calendarId="primary", eventId=ids[4]).execute()
    changed, _, next_sync = all_pages(events.list, calendarId="primary", maxResults=10, syncToken=sync)
    run.expect(
        "what is new",
        [(item["id"], item["status"]) for item in changed],
        [(ids[3], "confirmed"), (ids[4], "cancelled")],
    )
    run.expect("of a deleted one only the id", changed[1], {"id": ids[4], "status": "cancelled"})
    shown, _, _ = all_pages(events.list, calendarId="primary", showDeleted=True)
    run.expect("deleted ones when asked for", len(shown), 25)
    for key, value in (("timeMin", "2027-01-01T00:00:00Z"), ("q", "x"), ("orderBy", "updated"), ("iCalUID", "x")):
        run.refused(
            f"{key} beside a sync token",
            events.list(calendarId="primary", syncToken=sync, maxResults=10, **{key: value}),
            400,
        )
    run.refused(
        "showDeleted=false beside it",
        events.list(calendarId="primary", syncToken=sync, maxResults=10, showDeleted=False),
        400,
    )
    run.refused(
        "other parameters than at first",
        events.list(calendarId="primary", syncToken=sync, maxResults=10, singleEvents=True),
        400,
    )
    run.refused("no sync token", events.list(calendarId="primary", syncToken="nonsense"), 400)
    run.expect("no token with q", all_pages(events.list, calendarId="primary", q="changed")[2], None)
    first = events.list(calendarId="primary", maxResults=10).execute()
    run.refused(
        "a page of something else",
        events.list(calendarId="primary", maxResults=9, pageToken=first["nextPageToken"]),
        400,
    )
    run.control("POST", "options", {"empty_page": True, "repeat_items": True, "max_page": 7})
    full, pages, _ = all_pages(events.list, calendarId="primary", maxResults=10)
    run.expect(
        "short, empty and repeating pages", (len({item["id"] for item in full}), len(full) > 24, pages), (24, True, 5)
    )
    run.control("POST", "options", {"empty_page": False, "repeat_items": False, "max_page": 2500})
    run.control("POST", "expire", {"cursors": True, "account": account})
    run.refused(
        "an old token", events.list(calendarId="primary", maxResults=10, syncToken=next_sync), 410, "fullSyncRequired"
    )
    old = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    run.refused("updatedMin long ago", events.list(calendarId="primary", updatedMin=old), 410, "updatedMinTooLongAgo")
    day = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    run.expect(
        "updatedMin tells of deleted ones",
        len(events.list(calendarId="primary", updatedMin=day).execute()["items"]),
        25,
    )
    windowed = events.list(
        calendarId="primary",
        timeMin="2027-06-01T12:00:00Z",
        timeMax="2027-06-01T14:00:00Z",
        singleEvents=True,
        orderBy="startTime",
    ).execute()
    run.expect("a window", sorted({item["start"]["dateTime"][11:13] for item in windowed["items"]}), ["14", "15"])
    props = events.insert(
        calendarId="primary", body=timed("06-02", 9) | {"extendedProperties": {"private": {"k": "v"}}}
    ).execute()
    found = events.list(calendarId="primary", privateExtendedProperty="k=v").execute()["items"]
    run.expect("by a property", [item["id"] for item in found], [props["id"]])
    run.expect(
        "by its uid",
        events.list(calendarId="primary", iCalUID=props["iCalUID"]).execute()["items"][0]["id"],
        props["id"],
    )


def watching(run):
    account = "watch@example.com"
    client = run.outside(account)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/hook"
    expires = int((time.time() + 3600) * 1000)
    body = {"id": "channel-1", "type": "web_hook", "address": address, "token": "t/1", "expiration": str(expires)}
    channel = client.events().watch(calendarId="primary", body=body).execute()
    run.expect("a channel", (channel["id"], channel["expiration"]), ("channel-1", str(expires)))
    run.expect("it says hello", until(lambda: len(server.got) == 1))
    hello = server.got[0]
    run.expect("hello", (hello["X-Goog-Resource-State"], hello["X-Goog-Message-Number"]), ("sync", "1"))
    run.expect("whose", (hello["X-Goog-Channel-ID"], hello["X-Goog-Channel-Token"]), ("channel-1", "t/1"))
    run.expect("of what", hello["X-Goog-Resource-ID"], channel["resourceId"])
    run.expect("the rest", {"X-Goog-Resource-URI", "X-Goog-Channel-Expiration"} <= set(hello))
    run.refused("the same id again", client.events().watch(calendarId="primary", body=body), 400, "channelIdNotUnique")
    run.refused(
        "an address without TLS",
        client.events().watch(calendarId="primary", body=body | {"id": "c2", "address": "http://example.com/"}),
        400,
        "push.webhookUrlNotHttps",
    )
    made = client.events().insert(calendarId="primary", body=timed("07-01", 9)).execute()
    run.expect("it calls", until(lambda: len(server.got) == 2))
    run.expect(
        "it calls",
        (server.got[1]["X-Goog-Resource-State"], int(server.got[1]["X-Goog-Message-Number"]) > 1),
        ("exists", True),
    )
    run.control("POST", "push", {"mode": "twice"})
    client.events().patch(calendarId="primary", eventId=made["id"], body={"summary": "x"}).execute()
    run.expect("twice", until(lambda: len(server.got) == 4))
    run.control("POST", "push", {"mode": "off"})
    client.events().patch(calendarId="primary", eventId=made["id"], body={"summary": "y"}).execute()
    run.control("POST", "push", {"mode": "on"})
    run.refused(
        "stopped by whom it is not", client.channels().stop(body={"id": "channel-1", "resourceId": "other"}), 404
    )
    client.channels().stop(body={"id": "channel-1", "resourceId": channel["resourceId"]}).execute()
    client.events().delete(calendarId="primary", eventId=made["id"]).execute()
    other = client.events().watch(calendarId="primary", body=body | {"id": "channel-3"}).execute()
    run.expect("only the new one is open", [each["id"] for each in run.control("GET", "channels")], [other["id"]])
    run.expect("its hello", until(lambda: server.got[-1]["X-Goog-Channel-ID"] == "channel-3"))
    run.expect("nothing more came of the old one", len(server.got), 5)
    run.control("POST", "expire", {"channels": True})
    run.refused(
        "stopping what has ended",
        client.channels().stop(body={"id": "channel-3", "resourceId": other["resourceId"]}),
        404,
    )
    pushes = run.control("GET", "pushes")
    run.expect("what was sent", [push["status"] for push in pushes], [200, 200, 200, None, 200])


def freebusy(run):
    account = "free@example.com"
    client = run.outside(account)
    for body in (
        timed("08-02", 9),
        timed("08-02", 9, 2) | {"status": "tentative"},
        timed("08-02", 14) | {"transparency": "transparent"},
        timed("08-01", 16) | {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]},
    ):
        client.events().insert(calendarId="primary", body=body).execute()
    query = {
        "timeMin": "2027-08-02T00:00:00Z",
        "timeMax": "2027-08-03T00:00:00Z",
        "items": [{"id": account}, {"id": "nobody@example.com"}],
    }
    found = client.freebusy().query(body=query).execute()["calendars"]
    times = [
        {"start": "2027-08-02T07:00:00Z", "end": "2027-08-02T09:00:00Z"},
        {"start": "2027-08-02T14:00:00Z", "end": "2027-08-02T15:00:00Z"},
    ]
    run.expect("busy", found[account]["busy"], times)
    run.expect(
        "unknown is not free", found["nobody@example.com"]["errors"], [{"domain": "global", "reason": "notFound"}]
    )


def faults(run):
    client = run.outside("fault@example.com")
    for reason, status in (
        ("rateLimitExceeded", 403),
        ("userRateLimitExceeded", 403),
        ("quotaExceeded", 403),
        ("backendError", 503),
    ):
        run.control("POST", "faults", {"reason": reason, "path": "/events$"})
        run.refused(reason, client.events().list(calendarId="primary"), status, reason)
    run.control("POST", "faults", {"reason": "tooManyRequests", "headers": {"Retry-After": "7"}, "skip": 1})
    client.events().list(calendarId="primary").execute()
    fault = run.refused("429", client.events().list(calendarId="primary"), 429)
    run.expect("Retry-After", fault and fault.resp["retry-after"], "7")
    run.control("POST", "faults", {"cut": "after", "method": "POST"})
    try:
        client.events().insert(calendarId="primary", body=timed("09-01", 9) | {"id": "cut00"}).execute(num_retries=0)
        run.expect("cut", "answered", "cut")
    except HttpError as fault:
        # httplib2 itself sends it again when a connection ends, and so finds out that it had been done.
        run.expect("cut after it was done", fault.status_code, 409)
    except (OSError, httplib2.HttpLib2Error):
        pass
    run.expect(
        "cut after it was done",
        client.events().get(calendarId="primary", eventId="cut00").execute()["status"],
        "confirmed",
    )
    run.control("POST", "options", {"per_minute": 3})
    for _ in range(3):
        client.events().list(calendarId="primary").execute()
    run.refused("quota", client.events().list(calendarId="primary"), 403, "rateLimitExceeded")
    run.control("POST", "options", {"per_minute": None})
    run.control("POST", "chaos", {"rate": 0.5, "seed": 7})
    done = 0
    for _ in range(20):
        try:
            client.events().list(calendarId="primary").execute()
            done += 1
        except (HttpError, OSError, httplib2.HttpLib2Error):
            pass
    run.control("POST", "chaos", {"rate": 0, "seed": 7})
    run.expect("chaos", 0 < done < 20)


def strictness(run):
    """What the client lets through and Google would not take is noted."""
    run.expect("violations until here", run.control("GET", "violations"), [])
    events = run.outside("strict@example.com").events()
    run.refused(
        "an unknown field", events.insert(calendarId="primary", body=timed("10-01", 9) | {"colour": "red"}), 400
    )
    run.refused(
        "a day that is none",
        events.insert(calendarId="primary", body={"start": {"date": "2027-02-30"}, "end": {"date": "2027-03-01"}}),
        400,
    )
    run.refused(
        "an unknown status", events.insert(calendarId="primary", body=timed("10-01", 9) | {"status": "maybe"}), 400
    )
    run.expect("all three are noted", len(run.control("GET", "violations")), 3)
    run.control("DELETE", "violations")


def main():
    run = Run(sys.argv[1])
    run.outside("ada@example.com")
    for part in (
        oauth,
        calendars,
        writing,
        guests,
        conferences,
        series,
        syncing,
        watching,
        freebusy,
        faults,
        strictness,
    ):
        try:
            part(run)
        except Exception as fault:  # noqa: BLE001 - the other parts still have something to say
            run.differences.append(f"{part.__name__} stopped: {type(fault).__name__}: {fault}")
    for difference in run.differences:
        print(difference)
    print(f"{run.checks} checks, {len(run.differences)} differences")
    sys.exit(bool(run.differences))


if __name__ == "__main__":
    main()
