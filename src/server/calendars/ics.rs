//! iCalendar objects.
