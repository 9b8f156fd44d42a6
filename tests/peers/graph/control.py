"""What only a test may ask, under /_/ (see graph.py)."""

import datetime
import urllib.parse

from graph import render, subscriptions, zones
from graph.faults import Fault
from graph.store import now


class Refused(Exception):
    pass


class Control:
    def __init__(self, state):
        self.state = state

    def handle(self, method, path, query, body):
        name = path.removeprefix("/_/").strip("/")
        function = getattr(self, f"{method.lower()}_{name}", None)
        if function is None:
            raise Refused(f"no control call {method} {path}")
        given = dict(urllib.parse.parse_qsl(query))
        with self.state.store.lock:
            return function(given if method in ("GET", "DELETE") else body or {})

    def account(self, name):
        accounts = self.state.store.accounts
        found = accounts.get(name.lower()) or next((each for each in accounts.values() if each.id == name), None)
        if found is None:
            raise Refused(f"no account {name!r}")
        return found

    def place(self, given):
        account = self.account(given["account"])
        wanted = given.get("calendar")
        if wanted is None:
            return account.default
        for calendar in account.calendars.values():
            if wanted in (calendar.id, calendar.name):
                return calendar
        raise Refused(f"no calendar {wanted!r}")

    def post_accounts(self, given):
        store = self.state.store
        account = store.account(given["email"].lower(), given.get("name"), given.get("kind", "work"), given.get("zone", "UTC"))
        wanted = given.get("calendars") or [{"name": "Calendar"}]
        primary = next((each for each in wanted if each.get("primary")), wanted[0])
        made = []
        for each in wanted:
            access = each.get("access", "owner") in ("owner", "writer", "write")
            zone = each.get("zone", account.zone)
            calendar = store.calendar(account, each.get("name", "Calendar"), zone, each is primary, access, each.get("id"))
            made.append({"id": calendar.id, "name": calendar.name, "zone": zone, "primary": calendar.default})
        token = store.token(account, {"*"}, given.get("app", "outside"))
        if given.get("token"):
            store.tokens[given["token"]] = store.tokens.pop(token)
            token = given["token"]
        return {"account": account.id, "email": account.email, "calendars": made, "token": token}

    def post_token(self, given):
        """A token with these scopes, for `app`; `seconds` until it ends."""
        scopes = {scope.lower() for scope in given.get("scopes", ["*"])}
        token = self.state.store.token(self.account(given["account"]), scopes, given.get("app", "outside"), given.get("seconds"))
        return {"token": token}

    def post_faults(self, given):
        self.state.faults.ordered.append(Fault(given))
        return {}

    def delete_faults(self, given):
        self.state.faults.ordered.clear()
        return {}

    def post_chaos(self, given):
        self.state.faults.chaos(given.get("rate", 0), given.get("seed", 0))
        return {}

    def post_push(self, given):
        subs = self.state.subs
        subs.mode, subs.delay = given.get("mode", "on"), given.get("delay_ms", 200)
        return {}

    def get_pushes(self, given):
        return self.state.subs.pushes

    def delete_pushes(self, given):
        self.state.subs.pushes.clear()
        return {}

    def post_notify(self, given):
        """Sends this body's entries to a subscription's address as they are: {url, value: […]}."""
        for entry in given["value"]:
            self.state.subs.raw(given["url"], entry, always=True)
        return {}

    def chosen(self, given):
        subs = self.state.subs
        subs.forget_old()
        account = self.account(given["account"]) if given.get("account") else None
        return [
            held
            for held in subs.held.values()
            if given.get("subscription") in (None, held.id) and (account is None or held.account is account)
        ]

    def post_lifecycle(self, given):
        if given["event"] not in subscriptions.LIFECYCLE:
            raise Refused("no such lifecycle event")
        found = self.chosen(given)
        for held in found:
            self.state.subs.lifecycle(held, given["event"])
        return {"sent": len(found)}

    def get_subscriptions(self, given):
        return [
            {**held.json(), "clientState": held.client_state, "account": held.account.email, "calendar": held.calendar.id}
            for held in self.chosen(given)
        ]

    def post_expire(self, given):
        state = self.state
        account = self.account(given["account"]) if given.get("account") else None
        if given.get("cursors"):
            state.delta.expire(account)
        if given.get("tokens"):
            for token in state.store.tokens.values():
                if (account is None or token.account is account) and token.app != "outside":
                    token.expires = now() - datetime.timedelta(seconds=1)
        if given.get("refresh_tokens"):
            refresh = state.oauth.refresh
            for text in [text for text, held in refresh.items() if account is None or held[0] is account]:
                del refresh[text]
        if given.get("channels"):
            for held in self.chosen(given):
                del state.subs.held[held.id]
        return {}

    def post_options(self, given):
        options = self.state.store.options
        for name in given:
            if name not in options:
                raise Refused(f"no option {name!r}; there are {sorted(options)}")
        options.update(given)
        return options

    def post_bulk(self, given):
        """Events in Graph's own form, past validation of zones and ownership, without mails and pushes; → ids."""
        calendar = self.place(given)
        faults = []
        for number, event in enumerate(given["events"]):
            if number % 50 == 0 and event.get("start", {}).get("timeZone") not in zones.CUSTOM:
                faults += self.state.schema.faults("graph.event", event, True)
        if faults:
            raise Refused("; ".join(faults))
        immutable = given.get("immutable", True)
        keys = [self.state.events.create(calendar, event, trusted=True, quiet=not given.get("loud")) for event in given["events"]]
        return {"ids": [calendar.account.event_id(key, immutable) for key in keys]}

    def post_move(self, given):
        """{account, event, calendar}: a person drags the event to another calendar."""
        account = self.account(given["account"])
        _, key, _, _ = account.find(given["event"])
        self.state.store.move(account, key, self.place(given))
        return {"id": account.event_id(key, True), "regular_id": account.event_id(key, False)}

    def post_respond(self, given):
        """{account, event, attendee, response}: the answer of somebody who has no account here."""
        account = self.account(given["account"])
        calendar, key, _, _ = account.find(given["event"])
        self.state.events.answered(calendar, key, given["attendee"], {"response": given["response"], "time": zones.stamp(now())})
        return {}

    def get_mails(self, given):
        return self.state.store.mails

    def get_log(self, given):
        return list(self.state.log)

    def delete_log(self, given):
        self.state.log.clear()
        return {}

    def get_violations(self, given):
        return self.state.violations

    def delete_violations(self, given):
        self.state.violations.clear()
        return {}

    def get_dump(self, given):
        """With `start` and `end` series are expanded, as in a calendarView."""
        accounts = [self.account(given["account"])] if given.get("account") else self.state.store.accounts.values()
        window = (zones.instant(given["start"]), zones.instant(given["end"])) if given.get("start") else None
        wish = render.Wish(immutable=given.get("ids") != "regular")
        found = {}
        for account in accounts:
            for calendar in account.calendars.values():
                items = []
                for key, version in calendar.live():
                    if window is None:
                        items.append(self.brief(account, key, version, wish))
                    elif version.recurrence:
                        items += [
                            self.brief(account, key, version, wish, date, changed)
                            for date, _, _, changed in version.occurrences(*window)
                        ]
                    elif version.meets(*window):
                        items.append(self.brief(account, key, version, wish))
                found[calendar.id] = sorted(items, key=lambda item: (item["start"], item["id"]))
        return found

    @staticmethod
    def brief(account, key, version, wish, date=None, exception=None):
        whole = render.event(account, key, version, wish, date, exception)
        # Days are days, instants are in UTC.
        when = lambda name: whole[name]["dateTime"][:10] if whole["isAllDay"] else whole[name]["dateTime"][:19] + "Z"
        marks = (exception or version).props.get("marks") or {}
        shown = {
            "id": whole["id"],
            "uid": whole["iCalUId"],
            "title": whole["subject"],
            "start": when("start"),
            "end": when("end"),
            "all_day": whole["isAllDay"],
            "status": "cancelled" if whole["isCancelled"] else "confirmed",
            "busy": whole["showAs"] not in ("free", "workingElsewhere") and whole["responseStatus"]["response"] != "declined",
            "shows": whole["showAs"],
            "private": {name.rpartition("Name ")[2]: value for name, value in marks.items()},
            "etag": whole["@odata.etag"],
            "type": whole["type"],
        }
        return shown | ({"master": whole["seriesMasterId"]} if whole["seriesMasterId"] else {})
