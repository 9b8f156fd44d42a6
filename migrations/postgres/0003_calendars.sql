-- External calendars: accounts at providers, their calendars, what was read from them, what is to be written to them.

-- How an OAuth provider knows this installation, where an admin set that up here. The client secret is sealed.
CREATE TABLE provider_settings (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret BYTEA NOT NULL,
    tenant TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, provider)
);

-- A member who is at a provider's consent page. The verifier (PKCE) is sealed.
CREATE TABLE oauth_states (
    state_hash BYTEA PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    verifier BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_states_by_age ON oauth_states (expires_at);

-- A member's account at a provider. `credential` is sealed; `version` grows whenever it is replaced. `holder` works on the
-- account until `held_until`, nobody else does meanwhile; `next_at` is when there is something to do for it next, and
-- `hints` grows whenever something new asks for that.
CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    account_key TEXT NOT NULL,
    label TEXT NOT NULL,
    home TEXT NOT NULL,
    credential BYTEA NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ok', 'reconnect', 'permission')),
    trouble TEXT NOT NULL,
    trouble_since BIGINT,
    told_at BIGINT,
    limited_until BIGINT,
    failures BIGINT NOT NULL,
    listed_at BIGINT,
    holder TEXT,
    held_until BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    hints BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace_id, member_id, provider, account_key)
);
CREATE INDEX connections_by_member ON connections (member_id);
CREATE INDEX connections_due ON connections (next_at);

-- A calendar in an account. `present`: it is still there. `twin`: the same calendar is in use through another account of
-- this member. `receives`: bookings are written to it. What a person chose: `syncs`, `conflicts`, `tentative` (does such
-- an event take time?), `outside` (a booking's event was moved or deleted there), `silent` (it does not answer when
-- somebody books), `invites` (who writes to the invitee), `meetings` (ask for a link).
CREATE TABLE calendars (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    remote_id TEXT NOT NULL,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    writable BOOLEAN NOT NULL,
    main BOOLEAN NOT NULL,
    present BOOLEAN NOT NULL,
    twin BOOLEAN NOT NULL,
    syncs BOOLEAN NOT NULL,
    conflicts BOOLEAN NOT NULL,
    receives BOOLEAN NOT NULL,
    tentative BOOLEAN NOT NULL,
    meetings BOOLEAN NOT NULL,
    outside TEXT NOT NULL CHECK (outside IN ('adopt', 'flag')),
    silent TEXT NOT NULL CHECK (silent IN ('book', 'refuse')),
    invites TEXT NOT NULL CHECK (invites IN ('us', 'provider')),
    cursor TEXT,
    window_until BIGINT NOT NULL,
    synced_at BIGINT,
    failures BIGINT NOT NULL,
    trouble TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    channel_id TEXT UNIQUE,
    channel_resource TEXT NOT NULL,
    channel_secret BYTEA,
    channel_expires_at BIGINT,
    channel_renew_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (connection_id, remote_id)
);
CREATE INDEX calendars_by_member ON calendars (member_id);

-- What was read: the event as the provider has it, as JSON in neutral words. `root` is the series that it belongs to, or
-- itself; `resource` the object that it came in, where a provider has such.
CREATE TABLE remote_events (
    calendar_id TEXT NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    root TEXT NOT NULL,
    resource TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (calendar_id, id)
);
CREATE INDEX remote_events_by_root ON remote_events (calendar_id, root);
CREATE INDEX remote_events_by_resource ON remote_events (calendar_id, resource) WHERE resource <> '';
CREATE INDEX busy_intervals_by_source ON busy_intervals (source, source_ref);

-- A booking in a calendar outside. `wanted` grows with every change that is to be written, `written` is the one that was.
-- `start_at` and `end_at` are what the calendar is known to show. `tried`: it may be there although nobody heard so.
CREATE TABLE mirrors (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    calendar_id TEXT NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    remote_id TEXT,
    etag TEXT,
    state TEXT NOT NULL CHECK (state IN ('live', 'apart', 'gone')),
    tried BOOLEAN NOT NULL,
    wanted BIGINT NOT NULL,
    written BIGINT NOT NULL,
    start_at BIGINT,
    end_at BIGINT,
    meeting TEXT NOT NULL,
    meeting_until BIGINT,
    failures BIGINT NOT NULL,
    trouble TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (calendar_id, booking_id)
);
CREATE INDEX mirrors_by_booking ON mirrors (booking_id);
CREATE INDEX mirrors_by_remote ON mirrors (calendar_id, remote_id);
CREATE INDEX mirrors_waiting ON mirrors (calendar_id, next_at) WHERE written < wanted OR meeting_until IS NOT NULL;

-- What a person should look at: a booking and a calendar outside tell different things.
CREATE TABLE booking_flags (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    booking_id TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (booking_id, member_id, kind)
);

-- What was done for a connection, for its owner to read.
CREATE TABLE sync_log (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    calendar TEXT NOT NULL,
    sentence TEXT NOT NULL,
    went_well BOOLEAN NOT NULL
);
CREATE INDEX sync_log_by_connection ON sync_log (connection_id, at);
CREATE INDEX sync_log_by_age ON sync_log (at);

-- The link of an online meeting that a provider made for a booking.
ALTER TABLE bookings ADD COLUMN meeting TEXT NOT NULL DEFAULT '';

-- Instances hear at once that there is something to do for an account, as they do of jobs.
CREATE FUNCTION meridian_connection_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('meridian_jobs', 'calendar');
    RETURN NULL;
END
$$;
CREATE TRIGGER connections_wake AFTER UPDATE OF hints ON connections FOR EACH ROW
WHEN (NEW.hints > OLD.hints) EXECUTE FUNCTION meridian_connection_due();
CREATE TRIGGER connections_wake_new AFTER INSERT ON connections FOR EACH ROW EXECUTE FUNCTION meridian_connection_due();
