-- A calendar that a list of its account did not show: since when. It is gone (`present`) only once another list and the
-- calendar itself say so, too. `received`: bookings were written to it until then, and are again if it comes back.
ALTER TABLE calendars ADD COLUMN missing_since BIGINT;
ALTER TABLE calendars ADD COLUMN received BOOLEAN NOT NULL DEFAULT FALSE;
