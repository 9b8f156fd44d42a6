-- Events of a member's own: made here, and kept in a calendar outside if they chose one. `first_day` and `until_day` (the day after
-- the last) are of whole days, whose instants follow from the member's zone. `version` grows with every change; `deleted_at`:
-- deleted, and kept for a while, so that it can be brought back.
CREATE TABLE calendar_events (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    calendar_id TEXT REFERENCES calendars (id) ON DELETE SET NULL,
    title TEXT NOT NULL,
    place TEXT NOT NULL,
    notes TEXT NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    first_day TEXT,
    until_day TEXT,
    busy INTEGER NOT NULL CHECK (busy IN (0, 1)),
    version INTEGER NOT NULL,
    trouble TEXT NOT NULL,
    deleted_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK (start_at < end_at),
    CHECK ((first_day IS NULL) = (until_day IS NULL))
) STRICT;
CREATE INDEX calendar_events_by_member ON calendar_events (member_id, end_at);
CREATE INDEX calendar_events_by_calendar ON calendar_events (calendar_id);
CREATE INDEX calendar_events_deleted ON calendar_events (deleted_at) WHERE deleted_at IS NOT NULL;

-- What stands in a calendar outside is a booking or such an event. `shared`: what both sides said of an event when they last
-- agreed, as JSON. A column can't be made optional in SQLite, so the table is made anew.
CREATE TABLE mirrors_new (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    calendar_id TEXT NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    booking_id TEXT REFERENCES bookings (id) ON DELETE CASCADE,
    event_id TEXT REFERENCES calendar_events (id) ON DELETE CASCADE,
    remote_id TEXT,
    etag TEXT,
    state TEXT NOT NULL CHECK (state IN ('live', 'apart', 'gone')),
    tried INTEGER NOT NULL CHECK (tried IN (0, 1)),
    wanted INTEGER NOT NULL,
    written INTEGER NOT NULL,
    start_at INTEGER,
    end_at INTEGER,
    meeting TEXT NOT NULL,
    meeting_until INTEGER,
    shared TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL,
    trouble TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (calendar_id, booking_id),
    UNIQUE (calendar_id, event_id),
    CHECK ((booking_id IS NULL) <> (event_id IS NULL))
) STRICT;
INSERT INTO mirrors_new (id, workspace_id, member_id, calendar_id, booking_id, remote_id, etag, state, tried, wanted, written,
                         start_at, end_at, meeting, meeting_until, failures, trouble, next_at, updated_at)
SELECT id, workspace_id, member_id, calendar_id, booking_id, remote_id, etag, state, tried, wanted, written,
       start_at, end_at, meeting, meeting_until, failures, trouble, next_at, updated_at FROM mirrors;
DROP TABLE mirrors;
ALTER TABLE mirrors_new RENAME TO mirrors;
CREATE INDEX mirrors_by_booking ON mirrors (booking_id);
CREATE INDEX mirrors_by_event ON mirrors (event_id);
CREATE INDEX mirrors_by_remote ON mirrors (calendar_id, remote_id);
CREATE INDEX mirrors_waiting ON mirrors (calendar_id, next_at) WHERE written < wanted OR meeting_until IS NOT NULL;
