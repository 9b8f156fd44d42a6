//! The program as its users meet it: real processes, real databases, real HTTP.
//!
//! Both databases, always: `make test` provides PostgreSQL, and a run without it fails instead of passing quietly.

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
