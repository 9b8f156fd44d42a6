//! The program as its users meet it: real processes, real databases, real HTTP.
//!
//! Both databases, always: `make test` provides PostgreSQL, and a run without it fails instead of passing quietly.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on fails there and then"
)]

mod approvals;
mod calendars;
mod cli;
mod durability;
mod events;
mod feeds;
mod forms;
mod harness;
mod life;
mod mail;
mod migrations;
mod openapi;
mod peers;
mod portal;
mod queue;
mod races;
mod reminders;
mod rest;
mod scoping;
mod smtp;
mod staff;
mod statements;
mod sync;
mod verify;
mod webhooks;
mod world;
