"""Subscribes to a feed with programs that nobody here wrote, and says what they make of it.

Usage: subscribe.py URL FOLDER FROM UNTIL ZONE

`vdirsyncer` pulls the feed into FOLDER, as its `http` storage does; `khal` lists what is there between two days (such as
2026-03-01), in a zone; `icalendar` reads the feed itself. Prints {"files", "khal": [[start, end, title, location]],
"events": [{"uid", "start", "end", "summary", "description", …}], "name", "refresh", "errors"}. To be run again with the same
folder: changes are pulled then.
"""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import icalendar

url, folder, begin, end, zone = sys.argv[1:6]
home = pathlib.Path(folder)
calendar = home / "calendar"
calendar.mkdir(parents=True, exist_ok=True)
(home / "vdirsyncer.conf").write_text(f"""
[general]
status_path = "{home}/status/"

[pair feed]
a = "remote"
b = "local"
collections = null
conflict_resolution = "a wins"

[storage remote]
type = "http"
url = "{url}"

[storage local]
type = "filesystem"
path = "{calendar}"
fileext = ".ics"
""")
(home / "khal.conf").write_text(f"""
[calendars]
[[feed]]
path = {calendar}
readonly = True

[locale]
local_timezone = {zone}
default_timezone = {zone}
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M

[sqlite]
path = {home}/khal.db
""")


def run(*command):
    # Neither reads what the person who runs the tests has configured.
    environment = dict(os.environ, HOME=str(home), XDG_CONFIG_HOME=str(home), LC_ALL="C.UTF-8", TZ="UTC")
    done = subprocess.run([sys.executable, "-m", *command], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


run("vdirsyncer", "-c", str(home / "vdirsyncer.conf"), "discover", "--no-list")
run("vdirsyncer", "-c", str(home / "vdirsyncer.conf"), "sync")
form = "{start}|{end}|{title}|{location}"
listed = run("khal", "-c", str(home / "khal.conf"), "list", "--day-format", "", "--format", form, begin, end)

with urllib.request.urlopen(url) as answer:
    text = answer.read()
feed = icalendar.Calendar.from_ical(text)
events = []
for event in feed.walk("VEVENT"):
    found = {name.lower(): str(event[name]) for name in event if name not in ("DTSTART", "DTEND", "DTSTAMP")}
    found["start"] = event.decoded("DTSTART").isoformat()
    found["end"] = event.decoded("DTEND").isoformat()
    events.append(found)
json.dump({
    "files": len(list(calendar.glob("*.ics"))),
    "khal": [line.split("|") for line in listed.splitlines() if "|" in line],
    "events": events,
    "name": str(feed.get("X-WR-CALNAME", "")),
    "refresh": str(feed["REFRESH-INTERVAL"].to_ical().decode()) if "REFRESH-INTERVAL" in feed else "",
    "errors": [str(error) for part in feed.walk() for error in getattr(part, "errors", [])],
}, sys.stdout)
