"""When the instances of a recurring event begin, as RFC 5545 has it.

Times are worked out on the wall clock of the event's zone. One that a rule makes in a gap is skipped and not counted
(section 3.3.10); one that is there twice is its first.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

DAY = 86_400
# Nobody looks further ahead than this in an endless series.
FAR = 5 * 366 * DAY


class BadRecurrence(ValueError):
    pass


def instant(when, zone):
    """Seconds since 1970 of an event's start or end; the midnight of a date is the one in `zone`."""
    if "date" in when:
        return int(datetime.combine(date.fromisoformat(when["date"]), time(), ZoneInfo(zone)).timestamp())
    parsed = datetime.fromisoformat(when["dateTime"])
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=ZoneInfo(when["timeZone"]))
    return int(parsed.timestamp())


def exists(wall, zone):
    """Is this wall-clock time outside of every gap?"""
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall


def wall_start(start, calendar_zone):
    """The wall-clock start of a series, its zone, and whether it lasts whole days."""
    if "date" in start:
        return datetime.combine(date.fromisoformat(start["date"]), time()), ZoneInfo(calendar_zone), True
    zone = ZoneInfo(start.get("timeZone", calendar_zone))
    seconds = instant(start, calendar_zone)
    return datetime.fromtimestamp(seconds, zone).replace(tzinfo=None), zone, False


def walls(value, parameters, zone):
    """The wall-clock times of an EXDATE or RDATE line."""
    for part in value.split(","):
        part = part.split("/")[0]
        if re.fullmatch(r"\d{8}", part):
            yield datetime.strptime(part, "%Y%m%d")
            continue
        if not re.fullmatch(r"\d{8}T\d{6}Z?", part):
            raise BadRecurrence(part)
        wall = datetime.strptime(part[:15], "%Y%m%dT%H%M%S")
        named = dict(pair.split("=", 1) for pair in parameters if "=" in pair).get("TZID")
        if part.endswith("Z"):
            wall = wall.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
        elif named:
            wall = wall.replace(tzinfo=ZoneInfo(named)).astimezone(zone).replace(tzinfo=None)
        yield wall


def rule_starts(rule, begin, zone, all_day):
    """The wall-clock times of one RRULE, without end if it has none."""
    parts = dict(pair.split("=", 1) for pair in rule.upper().split(";"))
    left = int(parts.pop("COUNT")) if "COUNT" in parts else None
    if until := parts.pop("UNTIL", None):
        if "Z" in until:
            end = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            end = end.replace(tzinfo=None) if all_day else end.astimezone(zone).replace(tzinfo=None)
        elif "T" in until:
            end = datetime.strptime(until, "%Y%m%dT%H%M%S")
        else:
            end = datetime.strptime(until, "%Y%m%d") + timedelta(days=1, seconds=-1)
    text = ";".join(f"{key}={value}" for key, value in parts.items())
    for wall in rrulestr(f"RRULE:{text}", dtstart=begin):
        if until and wall > end or left == 0:
            return
        if not all_day and not exists(wall, zone):
            continue
        if left is not None:
            left -= 1
        yield wall


class Series:
    """The instances of a master event."""

    def __init__(self, master, calendar_zone):
        self.begin, self.zone, self.all_day = wall_start(master["start"], calendar_zone)
        self.rules, self.excluded, self.added = [], set(), set()
        try:
            for line in master["recurrence"]:
                head, _, value = line.partition(":")
                name, *parameters = head.split(";")
                if name == "RRULE":
                    self.rules.append(value)
                    # Reads it, so that a bad rule is found now.
                    next(iter(rule_starts(value, self.begin, self.zone, self.all_day)), None)
                elif name == "EXDATE":
                    self.excluded.update(walls(value, parameters, self.zone))
                elif name == "RDATE":
                    self.added.update(walls(value, parameters, self.zone))
                else:
                    raise BadRecurrence(line)
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise BadRecurrence(str(fault)) from fault
        begin, end = instant(master["start"], calendar_zone), instant(master["end"], calendar_zone)
        if self.all_day:
            first, last = (date.fromisoformat(master[key]["date"]) for key in ("start", "end"))
            self.length = last - first
        else:
            self.length = timedelta(seconds=end - begin)

    @property
    def endless(self):
        return any("COUNT" not in rule.upper() and "UNTIL" not in rule.upper() for rule in self.rules)

    def seconds(self, wall):
        return int(wall.replace(tzinfo=self.zone).timestamp())

    def until(self, latest):
        """All wall-clock starts that are at or before `latest` (seconds)."""
        starts = {self.begin} | self.added
        for rule in self.rules:
            for wall in rule_starts(rule, self.begin, self.zone, self.all_day):
                if self.seconds(wall) > latest:
                    break
                starts.add(wall)
        return sorted(wall for wall in starts - self.excluded if self.seconds(wall) <= latest)

    def between(self, low, high, now):
        """Starts of the instances that end after `low` and start before `high` (seconds, None: unbounded)."""
        latest = max(now, self.seconds(self.begin)) + FAR
        if high is not None:
            latest = min(latest, high - 1) if self.endless else high - 1
        return [wall for wall in self.until(latest) if low is None or self.ends(wall) > low]

    def ends(self, wall):
        if self.all_day:
            return self.seconds(wall + self.length)
        return self.seconds(wall) + int(self.length.total_seconds())

    def has(self, wall):
        return wall in self.until(self.seconds(wall))

    def key(self, wall):
        """What follows the master's id and `_` in the id of an instance."""
        if self.all_day:
            return wall.strftime("%Y%m%d")
        return datetime.fromtimestamp(self.seconds(wall), UTC).strftime("%Y%m%dT%H%M%SZ")

    def wall(self, key):
        """The reverse of `key`; None if it can't be one."""
        try:
            if self.all_day:
                return datetime.strptime(key, "%Y%m%d")
            seconds = datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
            return datetime.fromtimestamp(seconds, self.zone).replace(tzinfo=None)
        except ValueError:
            return None

    def times(self, wall, calendar_zone):
        """`start` and `end` of an instance."""
        if self.all_day:
            return {"date": wall.date().isoformat()}, {"date": (wall + self.length).date().isoformat()}
        name = self.zone.key
        return tuple(shown(seconds, name, calendar_zone) for seconds in (self.seconds(wall), self.ends(wall)))


def shown(seconds, zone, calendar_zone):
    """A time as answers have it: with the offset of the calendar, naming the event's own zone."""
    text = datetime.fromtimestamp(seconds, ZoneInfo(calendar_zone)).isoformat(timespec="seconds")
    return {"dateTime": text.replace("+00:00", "Z"), "timeZone": zone}
