"""Time zones as Graph speaks of them: Windows names (CLDR, as `tzlocal` carries it) and IANA names, in and out."""

import datetime
import functools
import zoneinfo

from tzlocal.windows_tz import win_tz

from graph.errors import GraphError

UTC = datetime.timezone.utc
# Names that Outlook itself writes for zones that have none; events made there carry them, callers can't.
CUSTOM = ("tzone://Microsoft/Custom", "tzone://Microsoft/Utc", "Customized Time Zone")


@functools.cache
def zone(name):
    """The rules of a zone by Windows or IANA name, or None."""
    if name in ("UTC", "tzone://Microsoft/Utc", "Etc/UTC", "Etc/GMT"):
        return UTC
    try:
        return zoneinfo.ZoneInfo(win_tz.get(name, name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def required(name):
    if not name or zone(name) is None:
        raise GraphError(
            400,
            "TimeZoneNotSupportedException",
            f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'.",
        )
    return zone(name)


@functools.lru_cache(maxsize=65536)
def to_utc(local, name):
    """A naive local time as an instant: after a gap, the first of an overlap."""
    return local.replace(tzinfo=zone(name) or UTC, fold=0).astimezone(UTC)


def from_utc(instant, name):
    return instant.astimezone(zone(name) or UTC).replace(tzinfo=None)


def written(local):
    """Seven digits, no offset."""
    return local.strftime("%Y-%m-%dT%H:%M:%S.") + f"{local.microsecond:06}0"


def read(text):
    """A local time as a caller writes it (checked by the schema before)."""
    head, _, fraction = text.partition(".")
    return datetime.datetime.fromisoformat(head).replace(microsecond=int((fraction + "000000")[:6]) if fraction else 0)


def instant(text):
    """A window's edge: with an offset, or UTC without one."""
    head, _, rest = text.replace(" ", "+").partition(".")
    if rest:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        head += rest[digits:]
    moment = datetime.datetime.fromisoformat(head)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stamp(moment):
    """An Edm.DateTimeOffset."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06}0Z"
