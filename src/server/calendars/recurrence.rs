//! When the events of a series take place.
