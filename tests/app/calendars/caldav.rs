//! The adapter for caldav.
