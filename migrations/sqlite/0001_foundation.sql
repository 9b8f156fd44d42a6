-- Times are epoch microseconds (UTC). Ids are UUIDs in text. JSON documents are text: only the program reads them.

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    intro TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('staff', 'manager', 'admin')),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, user_id)
) STRICT;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    hours TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE event_types (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('listed', 'hidden', 'private')),
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    position INTEGER NOT NULL,
    rules TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, slug)
) STRICT;

-- `booked` and `last_booked_at` are the rotation's memory: counting a million old bookings would not be.
CREATE TABLE hosts (
    event_type_id TEXT NOT NULL REFERENCES event_types (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    schedule_id TEXT NOT NULL REFERENCES schedules (id),
    position INTEGER NOT NULL,
    required INTEGER NOT NULL CHECK (required IN (0, 1)),
    weight INTEGER NOT NULL CHECK (weight >= 0),
    priority INTEGER NOT NULL CHECK (priority >= 0),
    booked INTEGER NOT NULL,
    last_booked_at INTEGER,
    PRIMARY KEY (event_type_id, member_id)
) STRICT;
CREATE INDEX hosts_by_member ON hosts (member_id);

CREATE TABLE bookings (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    event_type_id TEXT NOT NULL REFERENCES event_types (id),
    status TEXT NOT NULL CHECK (status IN ('confirmed', 'pending', 'cancelled', 'declined')),
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    seats INTEGER NOT NULL CHECK (seats >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK (start_at < end_at)
) STRICT;
CREATE INDEX bookings_by_end ON bookings (workspace_id, end_at);
CREATE INDEX bookings_by_event_type ON bookings (event_type_id, start_at);

CREATE TABLE attendees (
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    rsvp TEXT NOT NULL CHECK (rsvp IN ('pending', 'confirmed', 'declined')),
    PRIMARY KEY (booking_id, member_id)
) STRICT;
CREATE INDEX attendees_by_member ON attendees (member_id);

-- One row for each person who booked: one in an ordinary booking, up to `bookings.seats` in a shared one.
CREATE TABLE invitees (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    phone TEXT NOT NULL,
    zone TEXT NOT NULL,
    notes TEXT NOT NULL,
    answers TEXT NOT NULL,
    guests TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    moved_from INTEGER,
    cancel_reason TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invitees_by_booking ON invitees (booking_id);
CREATE INDEX invitees_by_email ON invitees (workspace_id, email_key);

-- The time that a booking takes from one host, buffers included. The database itself refuses an overlap.
CREATE TABLE claims (
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    busy_from INTEGER NOT NULL,
    busy_until INTEGER NOT NULL,
    PRIMARY KEY (booking_id, member_id),
    CHECK (busy_from < busy_until)
) STRICT;
-- The end first: "what is still ahead" is a range of it, however long the past is.
CREATE INDEX claims_by_member ON claims (member_id, busy_until, busy_from);

-- Time that an external calendar takes from one host.
CREATE TABLE busy_intervals (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    source_ref TEXT NOT NULL,
    busy_from INTEGER NOT NULL,
    busy_until INTEGER NOT NULL,
    CHECK (busy_from < busy_until)
) STRICT;
CREATE INDEX busy_intervals_by_member ON busy_intervals (member_id, busy_until, busy_from);

CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    key_hash BLOB NOT NULL,
    request_hash BLOB NOT NULL,
    invitee_id TEXT NOT NULL REFERENCES invitees (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, key_hash)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE rate_limits (
    key TEXT PRIMARY KEY,
    arrival INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_by_time ON audit_log (workspace_id, at);

-- Claims of one host don't overlap, so only the first one that ends after the new one's start can be in its way: one
-- step in the index, however many there are.
CREATE TRIGGER claims_never_overlap_on_insert BEFORE INSERT ON claims
WHEN NEW.busy_until > (
    SELECT busy_from FROM claims
    WHERE member_id = NEW.member_id AND busy_until > NEW.busy_from
    ORDER BY busy_until LIMIT 1
)
BEGIN
    SELECT RAISE(ABORT, 'claims_never_overlap');
END;

CREATE TRIGGER claims_never_overlap_on_update BEFORE UPDATE ON claims
WHEN NEW.busy_until > (
    SELECT busy_from FROM claims
    WHERE member_id = NEW.member_id AND busy_until > NEW.busy_from AND rowid <> OLD.rowid
    ORDER BY busy_until LIMIT 1
)
BEGIN
    SELECT RAISE(ABORT, 'claims_never_overlap');
END;
