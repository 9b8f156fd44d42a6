//! Calendars of files: how series are expanded, held against a program that nobody here wrote, and feeds.

mod expansion;
mod feed;
