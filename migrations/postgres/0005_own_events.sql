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
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    first_day TEXT,
    until_day TEXT,
    busy BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    trouble TEXT NOT NULL,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (start_at < end_at),
    CHECK ((first_day IS NULL) = (until_day IS NULL))
);
CREATE INDEX calendar_events_by_member ON calendar_events (member_id, end_at);
CREATE INDEX calendar_events_by_calendar ON calendar_events (calendar_id);
CREATE INDEX calendar_events_deleted ON calendar_events (deleted_at) WHERE deleted_at IS NOT NULL;

-- What stands in a calendar outside is a booking or such an event. `shared`: what both sides said of an event when they last
-- agreed, as JSON.
ALTER TABLE mirrors ALTER COLUMN booking_id DROP NOT NULL;
ALTER TABLE mirrors ADD COLUMN event_id TEXT REFERENCES calendar_events (id) ON DELETE CASCADE;
ALTER TABLE mirrors ADD COLUMN shared TEXT NOT NULL DEFAULT '';
ALTER TABLE mirrors ADD UNIQUE (calendar_id, event_id);
ALTER TABLE mirrors ADD CHECK ((booking_id IS NULL) <> (event_id IS NULL));
CREATE INDEX mirrors_by_event ON mirrors (event_id);
