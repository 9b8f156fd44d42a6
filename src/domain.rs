//! What is true about appointments.
//!
//! Pure: no I/O, no clock, no randomness, no async. Everything here compiles for the server and for the
//! browser, takes `now` as an argument, and imports nothing of ours from outside this module.

pub mod appointment;
pub mod assignment;
pub mod calendar_event;
pub mod event_type;
pub mod ids;
pub mod interval;
pub mod month;
pub mod questions;
pub mod rate;
pub mod schedule;
pub mod slots;
pub mod text;
pub mod zone;
