//! The adapter for ical.
