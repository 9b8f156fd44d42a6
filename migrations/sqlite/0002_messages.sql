-- The durable queue and what it sends: mail, reminders, webhooks; and what waits for a person: approvals, orders that
-- are to be verified, links into the portal.

-- Facts about the installation itself, such as the fingerprint of its secret.
CREATE TABLE installation (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Who does the periodic work: whoever holds the lease, until it ends.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- `run_at` of a job that runs is the end of its lease: whoever died leaves it to be found again then.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    lane TEXT NOT NULL CHECK (lane IN ('event', 'mail', 'webhook')),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    dedupe_key TEXT UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('queued', 'done', 'dead')),
    run_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lease TEXT,
    last_error TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_due ON jobs (lane, run_at) WHERE status = 'queued';
CREATE INDEX jobs_by_status ON jobs (status, updated_at);
CREATE INDEX jobs_by_subject ON jobs (subject);
CREATE INDEX jobs_by_workspace ON jobs (workspace_id, status, updated_at);

-- When a pending booking's hold ends, and whom calendars know as its organizer.
ALTER TABLE bookings ADD COLUMN expires_at INTEGER;
ALTER TABLE bookings ADD COLUMN organizer TEXT NOT NULL DEFAULT '';

-- Does this invitee want reminders, and did they come?
ALTER TABLE invitees ADD COLUMN reminders INTEGER NOT NULL DEFAULT 1 CHECK (reminders IN (0, 1));
ALTER TABLE invitees ADD COLUMN no_show INTEGER NOT NULL DEFAULT 0 CHECK (no_show IN (0, 1));
-- Do their guests know of it?
ALTER TABLE invitees ADD COLUMN guests_told INTEGER NOT NULL DEFAULT 0 CHECK (guests_told IN (0, 1));

-- Minutes before the start, as JSON; null: as the event type says.
ALTER TABLE members ADD COLUMN reminders TEXT;

-- How a workspace sends mail, where its admin set that up. The password is sealed.
CREATE TABLE mail_settings (
    workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    security TEXT NOT NULL CHECK (security IN ('starttls', 'tls', 'none')),
    username TEXT NOT NULL,
    password BLOB NOT NULL,
    from_name TEXT NOT NULL,
    from_address TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- What went wrong last between a workspace and its mail server; gone when something gets through again.
CREATE TABLE mail_troubles (
    workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    error TEXT NOT NULL,
    since INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;

-- A mail to one person. `letter` holds what it says as JSON, without the tokens of its links, which are derived when
-- it is written out.
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    booking_id TEXT REFERENCES bookings (id) ON DELETE CASCADE,
    invitee_id TEXT REFERENCES invitees (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    recipient_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    letter TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'sent', 'kept', 'refused', 'failed', 'lapsed')),
    error TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT;
CREATE INDEX messages_by_time ON messages (workspace_id, created_at);
CREATE INDEX messages_by_booking ON messages (booking_id);
CREATE INDEX messages_by_recipient ON messages (workspace_id, recipient_key);
CREATE INDEX messages_by_invitee ON messages (invitee_id, recipient_key);
CREATE INDEX messages_waiting ON messages (workspace_id) WHERE status = 'waiting';
CREATE INDEX messages_by_age ON messages (created_at);

-- An order whose address is to be verified before it is booked.
CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    event_type_id TEXT NOT NULL REFERENCES event_types (id) ON DELETE CASCADE,
    email_key TEXT NOT NULL,
    input TEXT NOT NULL,
    input_hash BLOB NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    code_hash BLOB NOT NULL,
    tries INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    invitee_id TEXT REFERENCES invitees (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_by_age ON orders (expires_at);
CREATE INDEX orders_by_email ON orders (workspace_id, email_key);
CREATE INDEX orders_by_invitee ON orders (invitee_id);

-- The portal: a link that was mailed, a browser that followed one, a feed of all appointments of an address.
CREATE TABLE portal_links (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    email_key TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    used_at INTEGER,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX portal_links_by_age ON portal_links (expires_at);

CREATE TABLE portal_sessions (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    email_key TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX portal_sessions_by_email ON portal_sessions (workspace_id, email_key);

CREATE TABLE portal_feeds (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    email_key TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, email_key)
) STRICT;

-- Where to tell other programs what happened. Secrets are sealed; an old one stays valid for a while.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret BLOB NOT NULL,
    old_secret BLOB,
    old_secret_until INTEGER,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    disabled_reason TEXT NOT NULL,
    succeeded_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_by_workspace ON webhooks (workspace_id);

-- What is told to one of them, word for word.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'delivered', 'failed')),
    created_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, created_at);
CREATE INDEX deliveries_by_subject ON deliveries (subject);
CREATE INDEX deliveries_by_age ON deliveries (created_at);

CREATE TABLE delivery_attempts (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    status INTEGER,
    response TEXT NOT NULL,
    error TEXT NOT NULL
) STRICT;
CREATE INDEX delivery_attempts_by_delivery ON delivery_attempts (delivery_id, at);

-- All that a search for free times reads of claims is in the index.
DROP INDEX claims_by_member;
CREATE INDEX claims_by_member ON claims (member_id, busy_until, busy_from, booking_id);
