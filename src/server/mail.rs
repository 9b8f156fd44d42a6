//! Mail: what is said ([`letter`]), how it is written out ([`render`]), and how it leaves ([`smtp`]).
//!
//! A letter is kept in the database as what it says, without the secrets in its links; it is written out when it is
//! sent or read, which always gives the same bytes. Nothing here touches the database.
//!
//! [`words`] finds the words; [`page`] and [`plain`] lay the same words out as HTML and as text, so that the two can't
//! say different things.

mod address;
pub mod calendar;
mod clean;
pub mod letter;
mod page;
mod plain;
pub mod render;
#[cfg(test)]
mod samples;
pub mod smtp;
pub mod template;
mod vtimezone;
mod words;
