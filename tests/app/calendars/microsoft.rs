//! The adapter for microsoft.
