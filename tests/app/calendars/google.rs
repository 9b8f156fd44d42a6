//! The adapter for google.
