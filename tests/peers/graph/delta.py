"""calendarView/delta: rounds of pages, the window frozen in their tokens.

As the service does it: unchanged occurrences are bare (the rest is in their master, which precedes them); a series is never split
over pages; when a series changed, all that is left of it in the window comes again, and an occurrence that was cancelled is simply
not among it (`removed_occurrences` makes it an `@removed` of its own); what is created outside the window is told as `@removed`.
"""

import collections
import secrets

from graph import render
from graph.errors import GraphError

KEPT_ROUNDS = 400


class Round:
    def __init__(self, calendar, window, groups, seq):
        self.calendar, self.window, self.groups, self.seq = calendar, window, groups, seq
        self.tokens = []
        # Where an empty page was answered already.
        self.emptied = set()


class Delta:
    def __init__(self, store):
        self.store = store
        # token → (calendar, Round, first group) or (calendar, window, seq)
        self.pages, self.ends = {}, {}
        self.rounds = collections.deque()

    def expire(self, account=None):
        for tokens in (self.pages, self.ends):
            for token in [token for token, held in tokens.items() if account is None or held[0].account is account]:
                del tokens[token]

    def gone(self):
        way = self.store.options["expired_cursor"]
        if way == "resync":
            return GraphError(410, "resyncRequired", "Resync required.", {"Location": "?$deltatoken="})
        message = "The sync state generation is not found; generation=149;[highest=157][157][155][156]."
        if way == "410":
            return GraphError(410, "SyncStateNotFound", message)
        return GraphError(int(way), "syncStateNotFound", message)

    def start(self, calendar, begin, end):
        groups = [
            key
            for key, version in calendar.live()
            if (version.occurrences(begin, end) if version.recurrence else version.meets(begin, end))
        ]
        return self.round(calendar, (begin, end), groups)

    def round(self, calendar, window, groups):
        made = Round(calendar, window, groups, self.store.seq)
        self.rounds.append(made)
        if len(self.rounds) > KEPT_ROUNDS:
            for token in self.rounds.popleft().tokens:
                self.pages.pop(token, None)
        return made

    def follow(self, kind, token, calendar):
        """→ (Round, first group)"""
        held = (self.pages if kind == "$skiptoken" else self.ends).get(token)
        if held is None or held[0] is not calendar:
            raise self.gone()
        if kind == "$skiptoken":
            return held[1], held[2]
        _, window, seq = held
        return self.round(calendar, window, list(self.changes(calendar, window, seq))), 0

    def changes(self, calendar, window, seq):
        """Keys to show, and (key, date or None) to tell as removed."""
        for key in calendar.since(seq):
            now, before = calendar.history[key][-1][1], calendar.at(key, seq)
            had, has = self.inside(before, window), self.inside(now, window)
            if has:
                yield key
            elif had or (before is None and now is not None and self.store.options["removed_outside"]):
                yield (key, None)
            if self.store.options["removed_occurrences"]:
                yield from ((key, date) for date in sorted(had - has - {None}))

    @staticmethod
    def inside(version, window):
        """The dates of a series, or {None}, in the window."""
        if version is None:
            return set()
        if version.recurrence:
            return {each[0] for each in version.occurrences(*window)}
        return {None} if version.meets(*window) else set()

    def items(self, calendar, window, group, wish):
        account = calendar.account
        if isinstance(group, tuple):
            key, date = group
            id_ = account.event_id(key, wish.immutable, date, calendar.times.get(key, 0))
            return [{"@odata.type": "#microsoft.graph.event", "@removed": {"reason": "deleted"}, "id": id_}]
        version = calendar.history[group][-1][1]
        if version is None:
            # Went away since the round began: the next one says so.
            return []
        if not version.recurrence:
            return [self.whole(account, group, version, wish)] if version.meets(*window) else []
        found = [self.whole(account, group, version, wish)] if self.store.options["masters"] else []
        for date, start, end, exception in version.occurrences(*window):
            if exception:
                found.append(self.whole(account, group, version, wish, date, exception))
            else:
                found.append(render.bare_occurrence(account, group, version, date, start, end, wish))
        return found

    @staticmethod
    def whole(account, key, version, wish, date=None, exception=None):
        return {"@odata.type": "#microsoft.graph.event"} | render.event(account, key, version, wish, date, exception)

    def page(self, round_, first, size, wish, link):
        """The answer's `value` and link. `link(name, token)` makes the URL."""
        options = self.store.options
        items, index = [], first
        if first and options["repeat_items"]:
            items += self.items(round_.calendar, round_.window, round_.groups[first - 1], wish)
        # A page in the middle that has nothing but a link.
        empty = options["empty_pages"] and first and first not in round_.emptied
        while not empty and index < len(round_.groups) and (len(items) < size or index == first):
            items += self.items(round_.calendar, round_.window, round_.groups[index], wish)
            index += 1
        if empty:
            round_.emptied.add(first)
            items = []
        token = secrets.token_urlsafe(32) + "." + secrets.token_urlsafe(12) + "%3d%3d"
        if empty:
            self.pages[token] = (round_.calendar, round_, first)
        elif index < len(round_.groups):
            self.pages[token] = (round_.calendar, round_, index)
        else:
            self.ends[token] = (round_.calendar, round_.window, round_.seq)
            return items, {"@odata.deltaLink": link("$deltatoken", token)}
        round_.tokens.append(token)
        return items, {"@odata.nextLink": link("$skiptoken", token)}
