-- What is not fully known of a calendar: an object that can't be read (`unreadable`), or a series of which not every time can
-- be told (`series`). `about` is its id at the provider; `told`: its owner read of it in the log.
CREATE TABLE calendar_gaps (
    calendar_id TEXT NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('unreadable', 'series')),
    about TEXT NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    sentence TEXT NOT NULL,
    told INTEGER NOT NULL CHECK (told IN (0, 1)),
    at INTEGER NOT NULL,
    PRIMARY KEY (calendar_id, kind, about)
) STRICT;

-- Editions of the time-zone database that were in use, in the order in which they came, and by which of them a calendar was
-- read: what is kept in local time means other instants by other rules.
CREATE TABLE zone_editions (
    number INTEGER PRIMARY KEY,
    edition TEXT NOT NULL UNIQUE
) STRICT;
ALTER TABLE calendars ADD COLUMN zone_edition INTEGER NOT NULL DEFAULT 0;
