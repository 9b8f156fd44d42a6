-- For the exclusion constraint on claims; a trusted extension, so the database's owner may create it.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Times are epoch microseconds (UTC). Ids are UUIDs in text. JSON documents are text: only the program reads them.

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    intro TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE members (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('staff', 'manager', 'admin')),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, user_id)
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    hours TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE event_types (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('listed', 'hidden', 'private')),
    active BOOLEAN NOT NULL,
    position BIGINT NOT NULL,
    rules TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, slug)
);

-- `booked` and `last_booked_at` are the rotation's memory: counting a million old bookings would not be.
CREATE TABLE hosts (
    event_type_id TEXT NOT NULL REFERENCES event_types (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    schedule_id TEXT NOT NULL REFERENCES schedules (id),
    position BIGINT NOT NULL,
    required BOOLEAN NOT NULL,
    weight BIGINT NOT NULL CHECK (weight >= 0),
    priority BIGINT NOT NULL CHECK (priority >= 0),
    booked BIGINT NOT NULL,
    last_booked_at BIGINT,
    PRIMARY KEY (event_type_id, member_id)
);
CREATE INDEX hosts_by_member ON hosts (member_id);

CREATE TABLE bookings (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    event_type_id TEXT NOT NULL REFERENCES event_types (id),
    status TEXT NOT NULL CHECK (status IN ('confirmed', 'pending', 'cancelled', 'declined')),
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    seats BIGINT NOT NULL CHECK (seats >= 1),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (start_at < end_at)
);
CREATE INDEX bookings_by_end ON bookings (workspace_id, end_at);
CREATE INDEX bookings_by_event_type ON bookings (event_type_id, start_at);

CREATE TABLE attendees (
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    rsvp TEXT NOT NULL CHECK (rsvp IN ('pending', 'confirmed', 'declined')),
    PRIMARY KEY (booking_id, member_id)
);
CREATE INDEX attendees_by_member ON attendees (member_id);

-- One row for each person who booked: one in an ordinary booking, up to `bookings.seats` in a shared one.
CREATE TABLE invitees (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    active BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    phone TEXT NOT NULL,
    zone TEXT NOT NULL,
    notes TEXT NOT NULL,
    answers TEXT NOT NULL,
    guests TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    moved_from BIGINT,
    cancel_reason TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX invitees_by_booking ON invitees (booking_id);
CREATE INDEX invitees_by_email ON invitees (workspace_id, email_key);

-- The time that a booking takes from one host, buffers included. The database itself refuses an overlap.
CREATE TABLE claims (
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    busy_from BIGINT NOT NULL,
    busy_until BIGINT NOT NULL,
    PRIMARY KEY (booking_id, member_id),
    CHECK (busy_from < busy_until),
    CONSTRAINT claims_never_overlap EXCLUDE USING gist (member_id WITH =, int8range(busy_from, busy_until) WITH &&)
);
-- The end first: "what is still ahead" is a range of it, however long the past is.
CREATE INDEX claims_by_member ON claims (member_id, busy_until, busy_from);

-- Time that an external calendar takes from one host.
CREATE TABLE busy_intervals (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    source_ref TEXT NOT NULL,
    busy_from BIGINT NOT NULL,
    busy_until BIGINT NOT NULL,
    CHECK (busy_from < busy_until)
);
CREATE INDEX busy_intervals_by_member ON busy_intervals (member_id, busy_until, busy_from);

CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    key_hash BYTEA NOT NULL,
    request_hash BYTEA NOT NULL,
    invitee_id TEXT NOT NULL REFERENCES invitees (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, key_hash)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE rate_limits (
    key TEXT PRIMARY KEY,
    arrival BIGINT NOT NULL
);

CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (workspace_id, at);
