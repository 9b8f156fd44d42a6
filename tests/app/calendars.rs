//! External calendars.

mod caldav;
mod connect;
mod google;
mod ical;
mod microsoft;
pub mod standin;
