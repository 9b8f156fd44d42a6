//! The server: everything that does I/O.
//!
//! Doors ([`http`], [`doors`]) take requests apart and call [`use_cases`], which decide and write through
//! [`store`]. Nothing below reaches up.

pub mod backup;
pub mod calendars;
pub mod cli;
pub mod clock;
pub mod config;
pub mod context;
pub mod crypto;
pub mod demo;
pub mod doors;
pub mod http;
pub mod ics;
pub mod ids;
pub mod jobs;
pub mod limits;
pub mod links;
pub mod mail;
pub mod outside;
pub mod passwords;
pub mod store;
pub mod use_cases;
pub mod webhooks;
pub mod zones;
