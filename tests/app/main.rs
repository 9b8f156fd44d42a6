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

mod cli;
mod durability;
mod forms;
mod harness;
mod migrations;
mod openapi;
mod races;
mod rest;
mod scoping;
mod statements;
mod world;
