//! The owner's pages: set-up, sign-in, and bookings. Lazy routes: whoever books never loads their code.
//!
//! Every form here is a plain one. It is posted to `server::http::forms`, which answers with a redirect, or with
//! the same page and what was refused in its `echo`; so all of it works with JavaScript on or off.

mod bookings;
mod clipboard;
pub(crate) mod form;
mod menu;
mod set_up;
mod sign_in;

pub(crate) use menu::menu;

use leptos::prelude::*;
use leptos_router::{LazyRoute, lazy_route};

// The pages load their data in the view, not in `data()`: what is in `data()` is part of the first bundle, with all
// the types it reads, and would be paid for on the booking page.

/// `/setup`: from an empty server to a live booking page.
#[derive(Debug)]
pub struct SetUp;

#[lazy_route]
impl LazyRoute for SetUp {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        set_up::page().into_any()
    }
}

/// `/sign-in`.
#[derive(Debug)]
pub struct SignIn;

#[lazy_route]
impl LazyRoute for SignIn {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        sign_in::page().into_any()
    }
}

/// `/booking`: upcoming bookings, and the event types with their links.
#[derive(Debug)]
pub struct Bookings;

#[lazy_route]
impl LazyRoute for Bookings {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        bookings::page().into_any()
    }
}
