-- External calendars: accounts at providers, their calendars, what was read from them, what is to be written to them.

-- How an OAuth provider knows this installation, where an admin set that up here. The client secret is sealed.
CREATE TABLE provider_settings (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret BLOB NOT NULL,
    tenant TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, provider)
) STRICT;

-- A member who is at a provider's consent page. The verifier (PKCE) is sealed.
CREATE TABLE oauth_states (
    state_hash BLOB PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    verifier BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
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
    credential BLOB NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ok', 'reconnect', 'permission')),
    trouble TEXT NOT NULL,
    trouble_since INTEGER,
    told_at INTEGER,
    limited_until INTEGER,
    failures INTEGER NOT NULL,
    listed_at INTEGER,
    holder TEXT,
    held_until INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    hints INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, member_id, provider, account_key)
) STRICT;
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
    writable INTEGER NOT NULL CHECK (writable IN (0, 1)),
    main INTEGER NOT NULL CHECK (main IN (0, 1)),
    present INTEGER NOT NULL CHECK (present IN (0, 1)),
    twin INTEGER NOT NULL CHECK (twin IN (0, 1)),
    syncs INTEGER NOT NULL CHECK (syncs IN (0, 1)),
    conflicts INTEGER NOT NULL CHECK (conflicts IN (0, 1)),
    receives INTEGER NOT NULL CHECK (receives IN (0, 1)),
    tentative INTEGER NOT NULL CHECK (tentative IN (0, 1)),
    meetings INTEGER NOT NULL CHECK (meetings IN (0, 1)),
    outside TEXT NOT NULL CHECK (outside IN ('adopt', 'flag')),
    silent TEXT NOT NULL CHECK (silent IN ('book', 'refuse')),
    invites TEXT NOT NULL CHECK (invites IN ('us', 'provider')),
    cursor TEXT,
    window_until INTEGER NOT NULL,
    synced_at INTEGER,
    failures INTEGER NOT NULL,
    trouble TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    channel_id TEXT UNIQUE,
    channel_resource TEXT NOT NULL,
    channel_secret BLOB,
    channel_expires_at INTEGER,
    channel_renew_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (connection_id, remote_id)
) STRICT;
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
) STRICT;
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
    tried INTEGER NOT NULL CHECK (tried IN (0, 1)),
    wanted INTEGER NOT NULL,
    written INTEGER NOT NULL,
    start_at INTEGER,
    end_at INTEGER,
    meeting TEXT NOT NULL,
    meeting_until INTEGER,
    failures INTEGER NOT NULL,
    trouble TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (calendar_id, booking_id)
) STRICT;
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
    at INTEGER NOT NULL,
    UNIQUE (booking_id, member_id, kind)
) STRICT;

-- What was done for a connection, for its owner to read.
CREATE TABLE sync_log (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    calendar TEXT NOT NULL,
    sentence TEXT NOT NULL,
    went_well INTEGER NOT NULL CHECK (went_well IN (0, 1))
) STRICT;
CREATE INDEX sync_log_by_connection ON sync_log (connection_id, at);
CREATE INDEX sync_log_by_age ON sync_log (at);

-- The link of an online meeting that a provider made for a booking.
ALTER TABLE bookings ADD COLUMN meeting TEXT NOT NULL DEFAULT '';
