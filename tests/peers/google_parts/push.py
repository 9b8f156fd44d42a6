"""Channels, and the calls they make when what they watch changes."""

import base64
import concurrent.futures
import hashlib
import http.client
import re
import threading
import time
from email.utils import formatdate
from urllib.parse import urlsplit

from .store import Refused

AGAIN = {500, 502, 503, 504}  # A receiver that says so is called again.
ATTEMPTS = 4


class Channel:
    def __init__(self, given, account, resource, uri, expires):
        self.id = given["id"]
        self.token = given.get("token")
        self.address = given["address"]
        self.account = account
        self.resource = resource
        self.resource_id = (
            base64.urlsafe_b64encode(hashlib.sha256(resource.encode()).digest()[:20]).decode().rstrip("=")
        )
        self.uri = uri
        self.expires = expires
        self.number = 0
        self.ended = False

    def shown(self):
        about = {"kind": "api#channel", "id": self.id, "resourceId": self.resource_id, "resourceUri": self.uri}
        about |= {"token": self.token} if self.token is not None else {}
        return about | {"expiration": str(int(self.expires * 1000))}


class Push:
    def __init__(self, store):
        self.store = store
        self.channels = {}
        self.mode, self.delay = "on", 0
        self.sent = []
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        store.pushed = self.changed

    def watch(self, account, body, resource, uri):
        options = self.store.options
        if not options["watch"]:
            message = "Push notifications are not supported by this resource."
            raise Refused(400, "pushNotSupportedForRequestedResource", message)
        id, address = body.get("id"), body.get("address")
        if not id:
            raise Refused(400, "required", "Channel id is missing.", "id")
        if not re.fullmatch(r"[A-Za-z0-9\-_+/=]{1,64}", id):
            raise Refused(400, "channelIdInvalid", "Invalid channel id.", "id")
        if id in self.channels and not self.channels[id].ended:
            raise Refused(400, "channelIdNotUnique", f"Channel id {id} not unique")
        if body.get("type") not in ("web_hook", "webhook"):
            raise Refused(400, "unknownChannelType", "Unknown channel type.", "type")
        if len(body.get("token", "")) > 256:
            raise Refused(400, "invalid", "Channel token is too long.", "token")
        parts = urlsplit(address or "")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname == "127.0.0.1"):
            message = f"WebHook callback must be HTTPS: {address}"
            raise Refused(400, "push.webhookUrlNotHttps", message)
        now = time.time()
        expires = now + options["channel_seconds"]
        if "expiration" in body:
            expires = min(expires, int(body["expiration"]) / 1000)
        if ttl := body.get("params", {}).get("ttl"):
            expires = min(expires, now + int(ttl))
        if expires <= now:
            raise Refused(400, "invalid", "The expiration is in the past.", "expiration")
        channel = self.channels[id] = Channel(body, account.email, resource, uri, expires)
        channel.number = 1
        self.send(channel, "sync", 1)
        return channel.shown()

    def stop(self, account, body):
        channel = self.channels.get(body.get("id"))
        found = channel and channel.resource_id == body.get("resourceId") and channel.account == account.email
        if not found or channel.ended or time.time() >= channel.expires:
            raise Refused(404, "notFound", f"Channel '{body.get('id')}' not found for project '0'")
        channel.ended = True

    def expire(self, email=None):
        for channel in self.channels.values():
            if email in (None, channel.account):
                channel.expires = 0

    def changed(self, resource):
        """Called under the lock, after a change: the call itself is made elsewhere, a little later."""
        now = time.time()
        for channel in list(self.channels.values()):
            if channel.resource == resource and not channel.ended and now < channel.expires:
                # It grows, but not by one.
                channel.number += self.store.random.randint(1, 4)
                self.send(channel, "exists", channel.number)

    def send(self, channel, state, number):
        record = {"channel": channel.id, "state": state, "number": number, "address": channel.address, "status": None}
        self.sent.append(record)
        if self.mode == "off":
            record["withheld"] = True
            return
        for _ in range(2 if self.mode == "twice" else 1):
            if self.mode == "late":
                timer = threading.Timer(self.delay, lambda: self.pool.submit(self.call, channel, record))
                timer.daemon = True
                timer.start()
            else:
                self.pool.submit(self.call, channel, record)

    def call(self, channel, record):
        headers = {
            "Accept": "*/*",
            "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
            "Content-Type": "application/json; utf-8",
            "Content-Length": "0",
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Expiration": formatdate(channel.expires, usegmt=True),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-URI": channel.uri,
            "X-Goog-Resource-State": record["state"],
            "X-Goog-Message-Number": str(record["number"]),
        }
        if channel.token is not None:
            headers["X-Goog-Channel-Token"] = channel.token
        parts = urlsplit(channel.address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        for attempt in range(ATTEMPTS):
            connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=10)
            try:
                connection.request("POST", path, headers=headers)
                record["status"] = connection.getresponse().status
            except OSError as fault:
                record["status"] = f"failed: {type(fault).__name__}"
            finally:
                connection.close()
            if record["status"] not in AGAIN and isinstance(record["status"], int):
                return
            time.sleep(0.05 * 4**attempt)
