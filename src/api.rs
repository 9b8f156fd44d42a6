//! What the pages ask of the server: server functions and the types they carry.
//!
//! A server function is a door, not a room: it takes the request apart, calls one use case, and maps the
//! error. The types are shared with the REST API where the shapes are the same.

pub mod calendar_events;
pub mod calendars;
pub mod error;
pub mod feeds;
pub mod mail;
pub mod portal;
pub mod public;
pub mod staff;
pub mod webhooks;

pub use error::AppError;
