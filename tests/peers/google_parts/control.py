"""What tests say behind Google's back: accounts, faults, answers of guests; see google.py."""

import time

from .events import is_busy
from .recurrence import instant
from .store import Account, Token

ALL_SCOPES = {"https://www.googleapis.com/auth/calendar"}


class Control:
    def __init__(self, store, events, push, oauth, faults):
        self.store, self.events, self.push, self.oauth, self.faults = store, events, push, oauth, faults

    def handle(self, verb, name, query, body):
        """The answer to a control call. Anything that does not fit is a KeyError, ValueError or Refused."""
        served = getattr(self, f"{verb.lower()}_{name}", None)
        if served is None:
            raise ValueError(f"there is no {verb} /_/{name}")
        return served(query) if verb == "GET" else served(body)

    def post_accounts(self, body):
        email = body["email"].lower()
        account = self.store.accounts.setdefault(email, Account(email))
        given = body.get("calendars") or [{"name": email, "zone": "UTC", "primary": True}]
        primary = any(calendar.get("primary") for calendar in given) or self.store.primary(account) is not None
        for number, calendar in enumerate(given):
            own = calendar.get("primary", not primary and number == 0)
            access = calendar.get("access", "owner")
            zone = calendar.get("zone", "UTC")
            shared = calendar.get("id") in self.store.calendars
            id = self.store.add_calendar(account, calendar.get("name", email), zone, calendar.get("id"), own, access)
            if shared and calendar.get("name"):
                # Somebody else's calendar goes by the name that this person gave it.
                account.entries[id].own["summaryOverride"] = calendar["name"]
        token = body.get("token") or f"outside-{self.store.word(24)}"
        self.store.tokens[token] = Token(email, ALL_SCOPES, float("inf"))
        calendars = [self.store.entry(account, id) for id in account.entries]
        for entry in calendars:
            entry["name"] = entry.get("summaryOverride", entry.get("summary"))
        return {"account": email, "calendars": calendars, "token": token}

    def post_faults(self, body):
        self.faults.plan(body)
        return {}

    def delete_faults(self, body):
        self.faults.planned.clear()
        return {}

    def post_chaos(self, body):
        self.faults.chaos(body["rate"], body.get("seed", 0), body.get("retry_after", 1))
        return {}

    def post_push(self, body):
        if body["mode"] not in ("on", "off", "twice", "late"):
            raise ValueError(body["mode"])
        self.push.mode, self.push.delay = body["mode"], body.get("delay_ms", 500) / 1000
        return {}

    def get_pushes(self, query):
        return self.push.sent

    def get_channels(self, query):
        now = time.time()
        every = self.push.channels.values()
        return [
            channel.shown() | {"address": channel.address, "account": channel.account}
            for channel in every
            if not channel.ended and now < channel.expires
        ]

    def post_notify(self, body):
        """Calls all channels of a calendar although nothing changed."""
        self.push.changed(f"calendars/{body['calendar']}/events")
        return {}

    def post_expire(self, body):
        email = body.get("account")
        accounts = [self.store.account(email)] if email else list(self.store.accounts.values())
        if body.get("cursors"):
            for account in accounts:
                account.cursors += 1
        self.oauth.expire(body.get("tokens"), body.get("refresh_tokens"), email)
        if body.get("channels"):
            self.push.expire(email)
        if body.get("deleted"):
            for calendar in self.store.calendars.values():
                self.store.forget_deleted(calendar)
        return {}

    def post_options(self, body):
        if unknown := body.keys() - self.store.options.keys():
            raise ValueError(f"unknown: {sorted(unknown)}")
        self.store.options |= body
        return self.store.options

    def get_options(self, query):
        return self.store.options

    def named(self, body):
        account = self.store.account(body["account"])
        return account, self.store.calendar(account, body.get("calendar", "primary"))

    def post_bulk(self, body):
        account, calendar = self.named(body)
        notify, self.store.pushed = self.store.pushed, None
        try:
            ids = []
            for event in body["events"]:
                if fault := self.store.interface.wrong("Event", "request", event):
                    raise ValueError(fault)
                parameters = {"conferenceDataVersion": 1}
                ids.append(self.events.insert(account, calendar, event, parameters, tell=False)["id"])
        finally:
            self.store.pushed = notify
        if ids:
            notify(f"calendars/{calendar.id}/events")
        return {"ids": ids}

    def post_respond(self, body):
        """Somebody without a Google account answers an invitation."""
        _, calendar = self.named(body)
        resource = self.events.find(calendar, body["event"])
        if body["email"] not in [guest["email"] for guest in resource.get("attendees", ())]:
            raise ValueError(f"{body['email']} is not invited")
        self.events.answer(
            resource, body["email"], {key: body[key] for key in ("responseStatus", "comment") if key in body}
        )
        self.events.keep(calendar, resource)
        return resource

    def post_conference(self, body):
        """Ends a pending conference: `status` success or failure."""
        _, calendar = self.named(body)
        self.events.settle(calendar, body["event"], body["status"])
        return self.events.find(calendar, body["event"])

    def get_mails(self, query):
        return self.store.mails

    def delete_mails(self, body):
        self.store.mails.clear()
        return {}

    def get_log(self, query):
        return list(self.store.log)

    def delete_log(self, body):
        self.store.log.clear()
        return {}

    def get_violations(self, query):
        return self.store.violations

    def delete_violations(self, body):
        self.store.violations.clear()
        return {}

    def get_dump(self, query):
        account = self.store.account(query["account"][0])
        calendars = {id: self.store.calendars[id] for id in account.entries if id in self.store.calendars}
        return {
            id: [self.compact(calendar, event) for event in calendar.order if not event.cancelled]
            for id, calendar in calendars.items()
        }

    @staticmethod
    def compact(calendar, event):
        resource = event.read()
        all_day = "date" in resource["start"]

        def when(key):
            if all_day:
                return resource[key]["date"]
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(instant(resource[key], calendar.zone)))

        shown = {
            "id": event.id,
            "uid": resource["iCalUID"],
            "title": resource.get("summary"),
            "start": when("start"),
            "end": when("end"),
            "all_day": all_day,
            "status": resource["status"],
            "busy": is_busy(resource, calendar.id),
            "private": resource.get("extendedProperties", {}).get("private"),
        }
        names = {"recurrence": "recurrence", "recurringEventId": "master", "etag": "etag", "attendees": "attendees"}
        return shown | {to: resource[key] for key, to in names.items() if key in resource}
