-- Calendars of bookings at secret addresses, for programs that subscribe to them: a member's own bookings, those of an
-- event type, or all. `contacts`: with what invitees said of themselves.
CREATE TABLE feeds (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    scope TEXT NOT NULL CHECK (scope IN ('own', 'event_type', 'all')),
    event_type_id TEXT REFERENCES event_types (id) ON DELETE CASCADE,
    contacts INTEGER NOT NULL CHECK (contacts IN (0, 1)),
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    CHECK ((scope = 'event_type') = (event_type_id IS NOT NULL))
) STRICT;
CREATE INDEX feeds_by_member ON feeds (member_id);
CREATE INDEX feeds_by_workspace ON feeds (workspace_id, created_at);
