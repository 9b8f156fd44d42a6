"""A stand-in for the calendars of Microsoft Graph v1.0, with the Microsoft identity platform v2.0 beside it.

Usage: graph.py [--port N] [--validate N] [--client-id ID] [--client-secret SECRET]

The first line of output is the port. It ends with its standard input, so that it never outlives the test. Every request, and every
N-th answer (each, by default), is checked against Graph's own schema: the file that MERIDIAN_TEST_GRAPH_CSDL names.

  /v1.0/…                        the API; `/me` is the account of the bearer token
  /{tenant}/oauth2/v2.0/…        authorize (consents at once) and token
  /_/…                           what only a test may ask, JSON:

  POST accounts {email, name?, kind?: work|consumer, zone?, calendars: [{id?, name, zone, primary?, access?: owner|reader}], token?}
       → {account, email, calendars, token}    the token never ends and belongs to another app than ours
  POST token {account, scopes?, seconds?, app?}
  POST faults {method?, path?, times?, skip?, status?, body?, headers?, delay_ms?, cut?: before|after}; DELETE faults
       `path` is searched in path and query. `delay_ms` without a status: the request is done, the answer waits.
  POST chaos {rate, seed}
  POST push {mode: on|off|twice|late, delay_ms?}; GET, DELETE pushes; POST notify {url, value}: entries as they are
  POST lifecycle {event: reauthorizationRequired|subscriptionRemoved|missed, subscription?, account?}; GET subscriptions
  POST expire {cursors?, tokens?, refresh_tokens?, channels?, account?}
  POST bulk {account, calendar?, events, loud?} → {ids}; zones may be those that Outlook makes up. `loud`: with pushes
  POST move {account, event, calendar}; POST respond {account, event, attendee, response}; GET mails
  GET, DELETE log; GET, DELETE violations; GET dump?account=&start=&end=
  POST options, any of:
    max_page_size, default_page_size   of delta
    empty_pages           a page in the middle without items
    repeat_items          each page begins with the last group of the one before
    masters               delta lists the master of a series before its occurrences (true)
    removed_occurrences   delta tells of a cancelled occurrence (false: it is only missing from what is left of its series)
    removed_outside       delta tells of events made outside its window, as removed (true)
    expired_cursor        "410" (SyncStateNotFound), "resync" (410 resyncRequired), or a 40x status (syncStateNotFound)
    online_meeting        "now", "later" (after online_meeting_reads GETs of the event) or "never"
    deliver_invites       attendees with an account here get the event into their calendar (true)
    transaction_after_delete   a POST with the transactionId of a deleted event: "new" makes one, "stale" answers with the deleted
    max_subscription_minutes; subscription_over_max: "cap" or "refuse"
    notification_batch_ms how long notifications wait for others to the same address
    max_concurrent        requests at once for each app and mailbox, else 429 (4)
    require_immutable     a request about events without Prefer: IdType="ImmutableId" is a violation (false)
    conflicts             so many of the next changes meet 409 ErrorConcurrentItemSave
    expires_in            seconds, of access tokens; granted_scopes: only these; consent: "grant" or "deny"; account: who consents
    rotate_refresh_tokens (true); old_refresh_tokens: "valid" or "gone"; invalid_grant: the AADSTS number of a dead refresh token
    redirect_uris         the registered ones (null: any)
"""

import argparse
import collections
import json
import os
import pathlib
import sys
import threading
import traceback
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from graph.control import Control, Refused
from graph.delta import Delta
from graph.errors import GraphError
from graph.events import Events
from graph.faults import Faults
from graph.oauth import OAuth
from graph.schema import Schema
from graph.service import Request, Service
from graph.store import Store, now
from graph.subscriptions import Subscriptions

# Beside the checkout.
SCHEMA = pathlib.Path(__file__).resolve().parents[3] / "shared/data/graph/v1.0.csdl.gz"
LOGGED = 200_000
PHRASES = {412: "Precondition Failed", 429: "Too Many Requests"}


class State:
    """Everything that one stand-in consists of."""

    def __init__(self, given):
        self.store = Store()
        self.schema = Schema(os.environ.get("MERIDIAN_TEST_GRAPH_CSDL") or SCHEMA)
        self.faults = Faults()
        self.events, self.delta = Events(self.store), Delta(self.store)
        self.subs = Subscriptions(self.store)
        self.oauth = OAuth(self.store, given.client_id, given.client_secret)
        self.violations = []
        self.log = collections.deque(maxlen=LOGGED)
        self.service = Service(self.store, self.schema, self.events, self.delta, self.subs, self.violation)
        self.control = Control(self)
        self.validate, self.answered = given.validate, 0
        self.flying = collections.Counter()

    def violation(self, direction, method, path, message):
        with self.store.lock:
            self.violations.append({"direction": direction, "method": method, "path": path, "message": message})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state = None

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def answer(self, status, headers, body):
        if isinstance(body, (dict, list)):
            kind = "application/json; odata.metadata=minimal; odata.streaming=true; IEEE754Compatible=false; charset=utf-8"
            headers = {"Content-Type": kind, **headers}
            body = json.dumps(body).encode()
        body = body.encode() if isinstance(body, str) else body or b""
        lines = [f"HTTP/1.1 {status} {PHRASES.get(status) or self.responses.get(status, ('',))[0]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.wfile.write("\r\n".join(lines).encode() + body)
        return status

    def one(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        path, _, query = self.path.partition("?")
        if path.startswith("/_/"):
            self.controlled(path, query, raw)
            return
        entry = {"at": now().isoformat(), "method": self.command, "path": path, "query": query, "status": None, "account": None}
        entry["prefer"] = self.headers.get("Prefer")
        state = self.state
        with state.store.lock:
            state.log.append(entry)
            fault = state.faults.meet(self.command, self.path)
        if fault and fault.cut == "before":
            entry["status"] = "cut before"
            self.close_connection = True
            return
        if fault and fault.status:
            self.wait(fault)
            entry["status"] = self.answer(fault.status, fault.headers, fault.body if fault.body is not None else b"")
            return
        status, headers, body = self.served(raw, entry)
        if fault:
            self.wait(fault)
            if fault.cut == "after":
                entry["status"] = f"{status}, cut after"
                self.close_connection = True
                return
        entry["status"] = status
        self.answer(status, {"request-id": str(uuid.uuid4()), **headers}, body)

    @staticmethod
    def wait(fault):
        if fault.delay:
            threading.Event().wait(fault.delay)

    def served(self, raw, entry):
        state = self.state
        try:
            if "/oauth2/v2.0/" in entry["path"]:
                return self.identified(raw, entry)
            return self.api(raw, entry)
        except GraphError as fault:
            if fault.violation:
                state.violation("request", self.command, self.path, fault.message)
            return fault.status, fault.headers, self.refusal(fault.code, fault.message)
        except Exception:
            state.violation("response", self.command, self.path, traceback.format_exc())
            return 500, {}, self.refusal("InternalServerError", "The stand-in is broken; see /_/violations.")

    @staticmethod
    def refusal(code, message):
        inner = {
            "date": now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": str(uuid.uuid4()),
            "client-request-id": str(uuid.uuid4()),
        }
        return {"error": {"code": code, "message": message, "innerError": inner}}

    def identified(self, raw, entry):
        state = self.state
        violation = lambda message: state.violation("request", self.command, entry["path"], message)
        with state.store.lock:
            if self.command == "GET" and entry["path"].endswith("/oauth2/v2.0/authorize"):
                return state.oauth.authorize(entry["query"], violation)
            if self.command == "POST" and entry["path"].endswith("/oauth2/v2.0/token"):
                return state.oauth.token(raw, self.headers.get("Authorization", ""), violation)
        violation("no such endpoint")
        return 404, {}, b""

    def api(self, raw, entry):
        state = self.state
        body = None
        if raw:
            if not self.headers.get("Content-Type", "").startswith("application/json"):
                raise GraphError(415, "UnsupportedMediaType", "The body is JSON.", violation=True)
            try:
                body = json.loads(raw)
            except ValueError:
                raise GraphError(400, "BadRequest", "Unable to read JSON request payload.", violation=True) from None
        request = Request(self.command, self.path, self.headers, body, f"http://{self.headers.get('Host')}")
        request.token = self.authorized()
        account = request.token.account
        entry["account"] = account.email
        if not entry["path"].startswith("/v1.0/"):
            raise GraphError(400, "BadRequest", "Invalid version.", violation=True)
        options = state.store.options
        ours = (
            options["require_immutable"]
            and request.token.app != "outside"
            and "event" in entry["path"].lower() + entry["query"].lower()
        )
        if ours and request.prefers().get("idtype") != "ImmutableId":
            state.violation("request", self.command, entry["path"], 'no Prefer: IdType="ImmutableId"')
        box = (request.token.app, account.id)
        with state.store.lock:
            state.flying[box] += 1
            busy = state.flying[box] > options["max_concurrent"]
            state.answered += 1
            validate = state.answered % state.validate == 0
        try:
            if busy:
                message = "Application is over its MailboxConcurrency limit."
                raise GraphError(429, "ApplicationThrottled", message, {"Retry-After": "1"})
            return state.service.handle(request, validate)
        finally:
            with state.store.lock:
                state.flying[box] -= 1

    def authorized(self):
        given = self.headers.get("Authorization", "")
        held = self.state.store.tokens.get(given.removeprefix("Bearer "))
        if held is None or (held.expires is not None and held.expires <= now()):
            raise GraphError(
                401,
                "InvalidAuthenticationToken",
                "Lifetime validation failed, the token is expired." if held else "Access token is empty or invalid.",
                {
                    "WWW-Authenticate": 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
                },
            )
        return held

    def controlled(self, path, query, raw):
        try:
            self.answer(200, {}, self.state.control.handle(self.command, path, query, json.loads(raw) if raw else None))
        except (Refused, GraphError, KeyError, ValueError) as fault:
            self.answer(400, {}, {"error": f"{type(fault).__name__}: {fault}"})

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = one


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    # The name of the machine is of no use, and looking it up takes seconds where there is no DNS.
    server_bind = TCPServer.server_bind


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--validate", type=int, default=1)
    arguments.add_argument("--client-id", default="meridian")
    arguments.add_argument("--client-secret", default="secret")
    given = arguments.parse_args()
    Handler.state = State(given)
    server = Server(("127.0.0.1", given.port), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
