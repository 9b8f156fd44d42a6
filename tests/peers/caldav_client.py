"""Another program that works in somebody's calendars: the `caldav` library.

Usage: caldav_client.py URL USER PASSWORD

Reads commands, one JSON list on each line, and answers each with a JSON value on a line:
  ["make", NAME, [COMPONENT, ...]]     makes a calendar for these kinds; answers its address
  ["put", CALENDAR, ICS, ...]          stores objects
  ["read", CALENDAR, UID]              answers the object with this UID, or null
  ["replace", CALENDAR, UID, FROM, TO, ...]
                                       replaces text in that object
  ["insert", CALENDAR, UID, ICS]       adds a component (an exception of a series) to it
  ["delete", CALENDAR, UID, ...]       deletes the objects with these UIDs
  ["count", CALENDAR]                  answers how many events there are
"""

import json
import sys
import warnings

import caldav


def store(client, url, text):
    answer = client.put(url, text, {"Content-Type": "text/calendar; charset=utf-8"})
    assert answer.status in (200, 201, 204), answer.status


def answer(client, command, *given):
    if command == "make":
        name, kinds = given
        home = client.principal()
        return str(home.make_calendar(name=name, supported_calendar_component_set=kinds).url)
    calendar = client.calendar(url=given[0])
    if command == "put":
        for text in given[1:]:
            # The library's own way to store an event asks for it before and after.
            uid = next(line[4:] for line in text.splitlines() if line.startswith("UID:"))
            store(client, f"{calendar.url}{uid}.ics", text)
        return None
    if command == "count":
        return len(calendar.events())
    if command == "delete":
        for uid in given[1:]:
            calendar.event_by_uid(uid).delete()
        return None
    try:
        event = calendar.event_by_uid(given[1])
    except caldav.error.NotFoundError:
        return None
    text = event.data.replace("\r\n", "\n")
    if command == "read":
        return text
    if command == "replace":
        for before, after in zip(given[2::2], given[3::2]):
            assert before in text, f"{before} is not in {text}"
            text = text.replace(before, after)
    elif command == "insert":
        text = text.replace("END:VCALENDAR", given[2].strip() + "\nEND:VCALENDAR")
    else:
        raise ValueError(command)
    # As it is: the library must not touch other properties.
    store(client, str(event.url), text)
    return None


def main():
    warnings.simplefilter("ignore")
    url, user, password = sys.argv[1:]
    client = caldav.DAVClient(url=url, username=user, password=password)
    for line in sys.stdin:
        print(json.dumps(answer(client, *json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
