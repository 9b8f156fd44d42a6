"""Change notifications: subscriptions with their handshake, and a thread that sends what happened."""

import datetime
import heapq
import http.client
import itertools
import json
import threading
import time
import urllib.parse
import uuid

from graph import zones
from graph.errors import GraphError, invalid, not_found
from graph.store import now

TYPES = {"created", "updated", "deleted"}
LIFECYCLE = ("reauthorizationRequired", "subscriptionRemoved", "missed")
TENANT = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
# What one notification may carry.
BATCH = 100


def post(url, body, kind):
    """→ (status, content type, text); (None, None, why) when nobody answers."""
    parts = urllib.parse.urlsplit(url)
    try:
        link = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=10)
        target = parts.path or "/"
        link.request("POST", target + ("?" + parts.query if parts.query else ""), body, {"Content-Type": kind})
        answer = link.getresponse()
        text = answer.read(65536).decode("utf-8", "replace")
        link.close()
        return answer.status, answer.headers.get("Content-Type", ""), text
    except (OSError, http.client.HTTPException) as fault:
        return None, None, str(fault)


def validate(url):
    """The handshake: the endpoint answers the token, decoded, as text, at once."""
    token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid.uuid4()} +%/&"
    joint = "&" if "?" in url else "?"
    status, kind, text = post(
        url + joint + "validationToken=" + urllib.parse.quote(token, safe=""), b"", "text/plain; charset=utf-8"
    )
    if status != 200 or text != token or not (kind or "").startswith("text/plain"):
        raise GraphError(
            400,
            "ValidationError",
            "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request. "
            f"It answered {status} {kind} {text[:80]!r}.",
        )


class Subscription:
    def __init__(self, **given):
        self.__dict__.update(given)
        self.id = str(uuid.uuid4())
        self.number = 0

    def json(self):
        return {
            "id": self.id,
            "resource": self.resource,
            "applicationId": "24d3b144-21ae-4080-943f-7067b395b913",
            "changeType": ",".join(self.types),
            # Never told again.
            "clientState": None,
            "notificationUrl": self.url,
            "notificationQueryOptions": None,
            "lifecycleNotificationUrl": self.lifecycle,
            "expirationDateTime": zones.stamp(self.expires),
            "creatorId": self.account.id,
            "includeResourceData": False,
            "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationUrlAppId": None,
        }


class Subscriptions:
    def __init__(self, store):
        self.store = store
        self.held = {}
        self.mode, self.delay = "on", 0
        self.pushes = []
        self.queue, self.order = [], itertools.count()
        self.ready = threading.Condition()
        store.changed = self.changed
        threading.Thread(target=self.send_for_ever, daemon=True).start()

    # What callers do.

    def check(self, given, base):
        """Before the handshake: what can be refused without it."""
        for name in ("changeType", "notificationUrl", "resource", "expirationDateTime"):
            if not given.get(name):
                raise invalid(f"Subscription: '{name}' is required.", "InvalidRequest")
        if not set(given["changeType"].split(",")) <= TYPES:
            raise invalid("changeType is made of created, updated and deleted.", "InvalidRequest")
        if len(given.get("clientState") or "") > 128:
            raise invalid("clientState is longer than 128 characters.", "InvalidRequest")
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            self.check_url(given.get(name), name)
        if given.get("includeResourceData") or given.get("encryptionCertificate"):
            raise invalid("Rich notifications are not part of this stand-in.", "InvalidRequest")
        self.expiry(given["expirationDateTime"])

    @staticmethod
    def check_url(url, name):
        parts = urllib.parse.urlsplit(url or "")
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        if url is not None and not (local or parts.scheme == "https" and parts.hostname):
            raise invalid(f"{name} must be an https address.", "InvalidRequest")

    def expiry(self, text):
        wanted = zones.instant(text)
        most = now() + datetime.timedelta(minutes=self.store.options["max_subscription_minutes"])
        if wanted <= now():
            raise invalid("Subscription expiration must be in the future.", "InvalidRequest")
        if wanted > most and self.store.options["subscription_over_max"] == "refuse":
            minutes = self.store.options["max_subscription_minutes"]
            raise GraphError(400, "ExtensionError", f"Subscription expiration can only be {minutes} minutes in the future.")
        return min(wanted, most)

    def resource(self, account, text):
        """The calendar that it is about."""
        parts = [urllib.parse.unquote(part) for part in text.strip("/").split("/")]
        if parts[0].lower() == "users" and len(parts) > 1:
            if parts[1] not in (account.id, account.email):
                raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
            parts = ["me"] + parts[2:]
        lower = [part.lower() for part in parts]
        if lower in (["me", "events"], ["me", "calendar", "events"]):
            return account.default
        if lower[:2] == ["me", "calendars"] and lower[3:] == ["events"]:
            if parts[2] not in account.calendars:
                raise not_found()
            return account.calendars[parts[2]]
        raise invalid(f"There is nothing to subscribe to at {text!r}.", "InvalidRequest")

    def create(self, token, given, immutable):
        calendar = self.resource(token.account, given["resource"])
        made = Subscription(
            account=token.account, app=token.app, calendar=calendar, types=given["changeType"].split(","), url=given["notificationUrl"],
            lifecycle=given.get("lifecycleNotificationUrl"), resource=given["resource"], client_state=given.get("clientState"),
            expires=self.expiry(given["expirationDateTime"]), immutable=immutable,
        )  # fmt: skip
        self.held[made.id] = made
        return made

    def of(self, token):
        self.forget_old()
        return [each for each in self.held.values() if each.account is token.account and each.app == token.app]

    def find(self, token, id_):
        for each in self.of(token):
            if each.id == id_:
                return each
        raise GraphError(404, "ResourceNotFound", "The object was not found.")

    def forget_old(self):
        for id_ in [id_ for id_, each in self.held.items() if each.expires <= now()]:
            del self.held[id_]

    # What they are told.

    def changed(self, account, calendar, key, kind):
        self.forget_old()
        for each in self.held.values():
            if each.calendar is calendar and kind in each.types:
                id_ = account.event_id(key, each.immutable, None, calendar.times.get(key, 0))
                resource = f"Users/{account.id}/Events/{id_}"
                data = {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": resource, "id": id_}
                version = calendar.history[key][-1][1]
                data["@odata.etag"] = version.etag if version else 'W/"gone"'
                self.tell(each, each.url, {"changeType": kind, "resource": resource, "resourceData": data})

    def lifecycle(self, subscription, event):
        if event == "subscriptionRemoved":
            self.held.pop(subscription.id, None)
        if subscription.lifecycle:
            self.tell(subscription, subscription.lifecycle, {"lifecycleEvent": event, "resource": subscription.resource}, True)

    def tell(self, subscription, url, about, always=False):
        entry = {
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": zones.stamp(subscription.expires),
            "clientState": subscription.client_state,
            "tenantId": TENANT,
            **about,
        }
        self.raw(url, entry, always)

    def raw(self, url, entry, always=False):
        """`always`: even when pushing is off."""
        if self.mode == "off" and not always:
            return
        wait = self.delay if self.mode == "late" else self.store.options["notification_batch_ms"]
        with self.ready:
            # What waits for the same address goes along with it.
            waiting = [due for due, _, to, _ in self.queue if to == url]
            due = min([time.monotonic() + wait / 1000, *waiting])
            for _ in range(2 if self.mode == "twice" else 1):
                heapq.heappush(self.queue, (due, next(self.order), url, entry))
            self.ready.notify()

    def send_for_ever(self):
        while True:
            with self.ready:
                while not self.queue or self.queue[0][0] > time.monotonic():
                    self.ready.wait(self.queue[0][0] - time.monotonic() if self.queue else None)
                due = {}
                while self.queue and self.queue[0][0] <= time.monotonic():
                    _, _, url, entry = heapq.heappop(self.queue)
                    batches = due.setdefault(url, [[]])
                    # A repetition comes in a request of its own.
                    if len(batches[-1]) >= BATCH or entry in batches[-1]:
                        batches.append([])
                    batches[-1].append(entry)
            for url, batches in due.items():
                for batch in batches:
                    body = {"value": batch}
                    status, _, text = post(url, json.dumps(body).encode(), "application/json; charset=utf-8")
                    with self.store.lock:
                        self.pushes.append(
                            {"url": url, "body": body, "status": status, "error": text if status is None else None}
                        )
