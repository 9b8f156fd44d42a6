"""What the stand-in remembers: accounts, calendars, events with the history that delta needs, and who may do what.

One lock guards all of it. A `Version` never changes: a change is a new one, and the old stay in the event's history, so that a
delta token needs to hold no more than a number.
"""

import base64
import bisect
import datetime
import hashlib
import itertools
import struct
import threading
import uuid

from graph import recurrence, zones
from graph.errors import not_found

UTC = datetime.timezone.utc


def now():
    return datetime.datetime.now(UTC)


class Version:
    """One state of an event, or of one changed occurrence of a series (then `original` is its date)."""

    __slots__ = (
        "seq created changed start start_zone end end_zone all_day props recurrence exceptions cancelled original start_at end_at uid"
    ).split()

    def __init__(self, **given):
        for name in self.__slots__:
            setattr(self, name, given.get(name))
        self.exceptions = self.exceptions or {}
        self.cancelled = self.cancelled or frozenset()
        # An all-day event is days without a zone; Graph places them at UTC midnight.
        self.start_at = self.start.replace(tzinfo=UTC) if self.all_day else zones.to_utc(self.start, self.start_zone)
        self.end_at = self.end.replace(tzinfo=UTC) if self.all_day else zones.to_utc(self.end, self.end_zone)

    def but(self, **changes):
        given = {name: getattr(self, name) for name in self.__slots__}
        return Version(**{**given, **changes})

    @property
    def change_key(self):
        return "DwAAABYAAAC" + base64.b64encode(struct.pack(">QB", self.seq, len(self.exceptions) % 256)).decode()

    @property
    def etag(self):
        return f'W/"{self.change_key}"'

    def meets(self, begin, end):
        return meets(self.start_at, self.end_at, begin, end)

    def occurrences(self, begin, end):
        """Those of a series within a window: (date, start, end, the exception or None), starts in order."""
        length = self.end_at - self.start_at
        found = []
        for date in recurrence.dates(self.recurrence, (end + datetime.timedelta(days=2)).date()):
            if date in self.cancelled or date in self.exceptions:
                continue
            local = datetime.datetime.combine(date, self.start.time())
            start = local.replace(tzinfo=UTC) if self.all_day else zones.to_utc(local, self.start_zone)
            if meets(start, start + length, begin, end):
                found.append((date, start, start + length, None))
        for date, changed in self.exceptions.items():
            if changed.meets(begin, end):
                found.append((date, changed.start_at, changed.end_at, changed))
        return sorted(found, key=lambda each: (each[1], each[0]))


def meets(start, finish, begin, end):
    return start < end and (finish > begin or start == finish == begin)


class Calendar:
    def __init__(self, account, id_, name, zone, default, can_edit):
        self.account, self.id, self.name, self.zone = account, id_, name, zone
        self.default, self.can_edit = default, can_edit
        # key → [(seq, Version or None)], oldest first.
        self.history = {}
        # (seq, key) of each change, in order.
        self.log = []
        # key → how often the event had moved when it was here, which its regular id depends on.
        self.times = {}

    def live(self):
        for key, states in self.history.items():
            if states[-1][1] is not None:
                yield key, states[-1][1]

    def at(self, key, seq):
        """The event as it was when `seq` was the latest change."""
        states = self.history.get(key, [])
        index = bisect.bisect_right(states, seq, key=lambda state: state[0])
        return states[index - 1][1] if index else None

    def since(self, seq):
        """Keys changed after `seq`, each once, in the order of their last change."""
        changed = self.log[bisect.bisect_right(self.log, seq, key=lambda entry: entry[0]) :]
        return list(dict.fromkeys(key for _, key in reversed(changed)))[::-1]


class Account:
    def __init__(self, email, name, kind, zone):
        self.id = str(uuid.uuid5(uuid.NAMESPACE_URL, email))
        self.email, self.name, self.kind, self.zone = email, name, kind, zone
        self.calendars = {}
        # key → (calendar, how often it was moved); only live events.
        self.place = {}
        self.transactions = {}
        self.mark = hashlib.sha256(email.encode()).digest()

    @property
    def default(self):
        return next(calendar for calendar in self.calendars.values() if calendar.default)

    # Ids: long, opaque, case-sensitive (each second differs from its neighbour in case alone). Regular ones change when the event
    # moves to another calendar, immutable ones do not.
    def event_id(self, key, immutable, date=None, times=None):
        if times is None:
            times = self.place[key][1] if key in self.place else 0
        moved = 0xFFFF if immutable else times
        body = self.mark[:6] + struct.pack(">IIH", key // 2, date.toordinal() if date else 0, moved)
        filler = base64.urlsafe_b64encode(self.mark).decode()[:40]
        return (
            ("AAkALgAA" if immutable else "AAMkADQ3")
            + filler
            + base64.urlsafe_b64encode(body).decode()[:-2]
            + "qQ"[key % 2]
            + "AAA="
        )

    def find(self, id_):
        """→ (calendar, key, date of the occurrence or None, Version)"""
        try:
            assert id_[:8] in ("AAkALgAA", "AAMkADQ3") and id_.endswith("AAA=") and id_[-5] in "qQ"
            body = base64.urlsafe_b64decode(id_[48:-5] + "==")
            half, day, moved = struct.unpack(">IIH", body[6:])
            key = half * 2 + "qQ".index(id_[-5])
            date = datetime.date.fromordinal(day) if day else None
            calendar, times = self.place[key]
            assert id_ == self.event_id(key, id_.startswith("AAkALgAA"), date)
        except (AssertionError, ValueError, struct.error, KeyError, IndexError):
            raise not_found() from None
        return calendar, key, date, calendar.history[key][-1][1]


class Token:
    def __init__(self, account, scopes, app, expires):
        self.account, self.scopes, self.app, self.expires = account, scopes, app, expires


class Store:
    def __init__(self):
        self.lock = threading.RLock()
        self.accounts = {}
        self.tokens = {}
        self.keys = itertools.count(2)
        self.seq = 0
        self.changed = lambda account, calendar, key, kind: None
        self.mails = []
        self.options = {
            "max_page_size": 1000,
            "default_page_size": 50,
            "empty_pages": False,
            "repeat_items": False,
            "masters": True,
            "removed_occurrences": False,
            "removed_outside": True,
            "expired_cursor": "410",
            "online_meeting": "now",
            "online_meeting_reads": 2,
            "deliver_invites": True,
            "max_subscription_minutes": 4230,
            "subscription_over_max": "cap",
            "max_concurrent": 4,
            "transaction_after_delete": "new",
            "require_immutable": False,
            "conflicts": 0,
            "expires_in": 3599,
            "rotate_refresh_tokens": True,
            "old_refresh_tokens": "valid",
            "invalid_grant": 700082,
            "granted_scopes": None,
            "consent": "grant",
            "account": None,
            "redirect_uris": None,
            "notification_batch_ms": 0,
        }

    def account(self, email, name=None, kind="work", zone="UTC"):
        account = Account(email, name or email.partition("@")[0].title(), kind, zone)
        self.accounts[email] = account
        return account

    def calendar(self, account, name, zone, default=False, can_edit=True, id_=None):
        if id_ is None:
            mark = hashlib.sha256(f"{account.id}/{len(account.calendars)}/{name}".encode()).digest()
            id_ = "AAMkADQ3" + base64.urlsafe_b64encode(mark + account.mark).decode().rstrip("=") + "AAA="
        account.calendars[id_] = Calendar(account, id_, name, zone, default, can_edit)
        return account.calendars[id_]

    def token(self, account, scopes, app, seconds=None):
        text = "EwB" + base64.urlsafe_b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).decode().rstrip("=")
        self.tokens[text] = Token(account, scopes, app, None if seconds is None else now() + datetime.timedelta(seconds=seconds))
        return text

    def put(self, calendar, key, version, kind=None):
        """Commits a state (`None`: gone). Says which change it was to those who subscribed."""
        self.seq += 1
        if version is not None:
            version.seq, version.changed = self.seq, now()
        calendar.history.setdefault(key, []).append((self.seq, version))
        calendar.log.append((self.seq, key))
        account = calendar.account
        if version is None:
            times = account.place.pop(key, (None, 0))[1] if account.place.get(key, (None,))[0] is calendar else 0
        else:
            times = account.place.get(key, (None, 0))[1]
            account.place[key] = (calendar, times)
            calendar.times[key] = times
        if kind:
            self.changed(account, calendar, key, kind)

    def move(self, account, key, target):
        """To another calendar of the same account, as a person does by dragging."""
        source, times = account.place[key]
        version = source.history[key][-1][1]
        self.put(source, key, None, "deleted")
        account.place[key] = (target, times + 1)
        self.put(target, key, version.but(), "created")
