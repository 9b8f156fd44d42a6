"""Google Calendar v3 for tests: stateful, strict, and faulty when asked. Nothing of it is Google's but the schema.

Usage: google.py [--port N] [--seed N] [--validate N]

The first line of output is the port (127.0.0.1). It ends with its standard input, so that it never outlives the test.
Every request, and every answer (or each N-th with --validate N), is held against the discovery document in the wheel of
`google-api-python-client`. What does not fit is answered 400 and listed by GET /_/violations.

  /calendar/v3/...           the interface; `google_parts/api.py` lists what is served
  /o/oauth2/v2/auth          consents at once (`login_hint` chooses the account) and sends back with `code` and `state`
  /token, /revoke            as at oauth2.googleapis.com
  /oauth2/v3/userinfo        `sub` and `email` of a token's account

Behind Google's back, JSON in and out:

  POST /_/accounts {email, calendars?: [{id?, name, zone, primary?, access?}], token?}
       -> {account, calendars, token}. One calendar at least is primary: its id is the address. The `id` of somebody
       else's calendar shares it. `token` works without end.
  POST /_/faults {method?, path?, times?, skip?, status?, body?, headers?, delay_ms?, cut?, reason?}
       `reason` writes status and body in Google's form; `google_parts/faults.py` lists them. DELETE forgets all.
  POST /_/chaos {rate, seed, retry_after?}
  POST /_/push {mode: on|off|twice|late, delay_ms?}    GET /_/pushes    GET /_/channels (open ones)
  POST /_/notify {calendar}                            calls the channels although nothing changed
  POST /_/expire {cursors?, tokens?, refresh_tokens?, channels?, deleted?, account?}
       `deleted`: deleted events are forgotten, and cursors from before are too old
  POST /_/options {...}                                `google_parts/store.py` lists and explains them
  POST /_/bulk {account, calendar?, events}            many events at once -> {ids}; one push
  POST /_/respond {account, calendar?, event, email, responseStatus, comment?}    a guest from elsewhere answers
  POST /_/conference {account, calendar?, event, status: success|failure}         ends a pending conference
  GET /_/mails, DELETE /_/mails                        whom Google would have written to: {method, to, event, ...}
  GET /_/log, DELETE /_/log      GET /_/violations, DELETE /_/violations      GET /_/dump?account=

Said nowhere by Google, and chosen here: a guest's answer that a PUT or PATCH leaves out becomes `needsAction` again; an
instance in a gap of summer time is skipped; exceptions of a deleted series are told of only with `cascade_deletes`.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

# This folder comes first on the path, and has a `google.py`: nothing may look for Google's own package from here.
from google_parts.api import BASE, Api
from google_parts.control import Control
from google_parts.events import Events
from google_parts.faults import Faults
from google_parts.lists import Lists
from google_parts.oauth import Denied, OAuth
from google_parts.push import Push
from google_parts.schema import Interface
from google_parts.store import Refused, Store


class Cut(Exception):
    """The connection ends without an answer."""


class World:
    """The parts, put together."""

    def __init__(self, seed, sample):
        self.store = Store(Interface(), seed, sample)
        self.events = Events(self.store)
        self.lists = Lists(self.store, self.events)
        self.push = Push(self.store)
        self.oauth = OAuth(self.store)
        self.faults = Faults()
        self.api = Api(self.store, self.events, self.lists, self.push)
        self.control = Control(self.store, self.events, self.push, self.oauth, self.faults)

    def answer(self, verb, target, headers, body):
        """Status, headers and body for a request."""
        parts = urlsplit(target)
        if parts.path.startswith("/_/"):
            return self.behind(verb, parts, body)
        note = {
            "method": verb,
            "path": parts.path,
            "query": dict(parse_qsl(parts.query)),
            "status": None,
            "account": None,
        }
        with self.store.lock:
            self.store.log.append(note)
            fault = self.faults.meet(verb, target)
        if fault:
            time.sleep(fault.get("delay_ms", 0) / 1000)
            if fault.get("cut") == "before":
                note["status"] = "cut before"
                raise Cut
            if "status" in fault:
                note["status"] = fault["status"]
                content, kind = self.faults.body(fault)
                return fault["status"], {"Content-Type": kind} | fault["headers"], content
        with self.store.lock:
            status, sent, content = self.served(verb, parts, headers, body, note)
        note["status"] = status
        if fault and fault.get("cut") == "after":
            note["status"] = f"{status}, cut after"
            raise Cut
        return status, sent, content

    def served(self, verb, parts, headers, body, note):
        json_kind = {"Content-Type": "application/json; charset=UTF-8"}
        try:
            if parts.path.startswith(BASE):
                pairs = parse_qsl(parts.query, keep_blank_values=True)
                return self.api.handle(verb, parts.path, pairs, headers, body, note)
            if (verb, parts.path) == ("GET", "/o/oauth2/v2/auth"):
                return self.oauth.authorize(parts.query)
            if (verb, parts.path) == ("GET", "/oauth2/v3/userinfo"):
                email = self.store.token_account(headers.get("Authorization")).account
                return 200, json_kind, json.dumps({"sub": email, "email": email, "email_verified": True}).encode()
            kind = headers.get("Content-Type", "")
            if (verb, parts.path) == ("POST", "/token"):
                answer = self.oauth.token(body, kind, headers.get("Authorization"))
            elif (verb, parts.path) == ("POST", "/revoke"):
                answer = self.oauth.revoke(body, kind, parts.query)
            else:
                self.store.violation("request", verb, parts.path, "there is nothing here")
                raise Refused(404, "notFound", "Not Found")
            return 200, json_kind | {"Cache-Control": "no-store"}, json.dumps(answer).encode()
        except (Refused, Denied) as refused:
            more = getattr(refused, "headers", {})
            return refused.status, json_kind | more, json.dumps(refused.body).encode()
        except Exception as fault:  # noqa: BLE001 - a fault of the stand-in must not look like one of Google's
            self.store.violation("response", verb, parts.path, f"the stand-in failed: {fault!r}")
            raise

    def behind(self, verb, parts, body):
        try:
            with self.store.lock:
                given = json.loads(body) if body else {}
                answer = self.control.handle(verb, parts.path.removeprefix("/_/"), parse_qs(parts.query), given)
                content = json.dumps(answer).encode()
            status = 200
        except (KeyError, ValueError, TypeError, Refused) as fault:
            status, content = 400, json.dumps({"error": f"{type(fault).__name__}: {fault}"}).encode()
        return status, {"Content-Type": "application/json"}, content


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for head and body, sent at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        try:
            status, headers, content = self.server.world.answer(self.command, self.path, self.headers, body)
        except Cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, address)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--validate", type=int, default=1, metavar="N")
    given = arguments.parse_args()
    server = Server(("127.0.0.1", given.port), Handler)
    server.world = World(given.seed, given.validate)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    # Calls that hang would hold up a tidy end.
    os._exit(0)


if __name__ == "__main__":
    main()
