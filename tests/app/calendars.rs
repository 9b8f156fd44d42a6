//! External calendars.

pub mod caldav;
pub mod connect;
mod google;
mod ical;
mod microsoft;
pub mod standin;
