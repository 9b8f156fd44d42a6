//! External calendars.

mod caldav;
mod google;
mod ical;
mod microsoft;
pub mod standin;
