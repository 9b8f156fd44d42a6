//! In step with the outside, two ways: a real server against a provider that is stateful and strict, and faulty when asked.
//! Each test is a case in which two-way sync is known to go wrong; after each, nothing is lost or doubled.

mod access;
mod back;
mod crowded;
mod cursors;
mod faults;
mod holds;
mod leaving;
mod missing;
pub mod outside;
mod own;
mod pushes;
mod reading;
mod soak;
mod writing;
