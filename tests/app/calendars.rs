//! External calendars.

mod caldav;
mod google;
mod ical;
mod microsoft;
mod standin;
