//! The one error that leaves the server, for pages and for programs.

use crate::domain::{
    appointment::{CantChange, Change},
    questions::FieldError,
};
use leptos::server_fn::{codec::JsonEncoding, error::FromServerFnError, error::ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// Everything that can be refused, as a closed set: each has a stable code, a sentence for a person, and an
/// HTTP status. What went wrong inside (SQL, I/O) is logged where it happened and never carried here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppError {
    /// No workspace has this address.
    UnknownWorkspace,
    /// No service has this address, or it is private and the key is missing.
    UnknownService,
    /// The link of an appointment is unknown, or was replaced.
    UnknownAppointment,
    /// Nothing is at this address.
    UnknownPage,
    /// The service takes no bookings at the moment.
    ServiceClosed,
    /// The time was taken meanwhile, or is not on offer.
    SlotTaken {
        /// The nearest free times, at most three, in order; epoch minutes.
        nearest: Vec<i64>,
    },
    /// The time lies in the past, or is too close to now.
    PastTime {
        /// As in [`AppError::SlotTaken`].
        nearest: Vec<i64>,
    },
    /// Some fields need mending.
    Invalid {
        /// One sentence for each field.
        fields: Vec<FieldError>,
    },
    /// The appointment can't be changed like this.
    CantChange {
        /// What was asked for.
        change: Change,
        /// Why it is refused.
        reason: CantChange,
    },
    /// What was asked for is no longer possible as things are, for a reason of its own.
    NotPossible {
        /// Why, for a person.
        sentence: String,
    },
    /// The same `Idempotency-Key` came with other content.
    KeyReused,
    /// Wrong e-mail address or password; which of them is not said.
    SignInFailed,
    /// The page needs a signed-in member.
    SignInRequired,
    /// The member's role does not allow this.
    Forbidden,
    /// The server has been set up already.
    AlreadySetUp,
    /// A calendar provider is not set up here.
    ProviderNotSetUp {
        /// The provider's name.
        provider: String,
    },
    /// Too many requests.
    TooMany {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// The request could not be read at all.
    BadRequest {
        /// What is expected.
        hint: String,
    },
    /// The request's body is larger than anything we ask for.
    TooLarge,
    /// The address exists, but not for this method.
    WrongMethod,
    /// The browser could not reach the server. Made in the browser only.
    Offline,
    /// The server has more to do than it can; nothing was changed.
    Busy,
    /// A host's own calendar did not answer, and they don't want to be booked then; nothing was changed.
    CalendarSilent,
    /// A fault of ours. Logged where it happened.
    Internal,
}

impl AppError {
    /// The stable code: the variant's name as it is serialised, and the end of a problem document's `type`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownWorkspace => "unknown_workspace",
            Self::UnknownService => "unknown_service",
            Self::UnknownAppointment => "unknown_appointment",
            Self::UnknownPage => "unknown_page",
            Self::ServiceClosed => "service_closed",
            Self::SlotTaken { .. } => "slot_taken",
            Self::PastTime { .. } => "past_time",
            Self::Invalid { .. } => "invalid",
            Self::CantChange { .. } => "cant_change",
            Self::NotPossible { .. } => "not_possible",
            Self::KeyReused => "key_reused",
            Self::SignInFailed => "sign_in_failed",
            Self::SignInRequired => "sign_in_required",
            Self::Forbidden => "forbidden",
            Self::AlreadySetUp => "already_set_up",
            Self::ProviderNotSetUp { .. } => "provider_not_set_up",
            Self::TooMany { .. } => "too_many",
            Self::BadRequest { .. } => "bad_request",
            Self::TooLarge => "too_large",
            Self::WrongMethod => "wrong_method",
            Self::Offline => "offline",
            Self::Busy => "busy",
            Self::CalendarSilent => "calendar_silent",
            Self::Internal => "internal",
        }
    }

    /// A heading of a few words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::UnknownWorkspace | Self::UnknownService | Self::UnknownPage => "Nothing here",
            Self::UnknownAppointment => "This link doesn't work",
            Self::ServiceClosed => "Not taking bookings",
            Self::SlotTaken { .. } => "That time has just gone",
            Self::PastTime { .. } => "That time has passed",
            Self::Invalid { .. } => "Please check what you entered",
            Self::CantChange { .. } => "This can't be changed",
            Self::NotPossible { .. } => "That was not done",
            Self::KeyReused => "Sent before",
            Self::SignInFailed => "That didn't match",
            Self::SignInRequired => "Please sign in",
            Self::Forbidden => "Not allowed",
            Self::AlreadySetUp => "Already set up",
            Self::ProviderNotSetUp { .. } => "Not set up yet",
            Self::TooMany { .. } => "Too many requests",
            Self::BadRequest { .. } => "That request can't be read",
            Self::TooLarge => "That was too much at once",
            Self::WrongMethod => "Not like this",
            Self::Offline => "No connection",
            Self::Busy => "Very busy just now",
            Self::CalendarSilent => "Not certain just now",
            Self::Internal => "Something went wrong",
        }
    }

    /// The sentence for a person: what happened and what to do.
    pub fn sentence(&self) -> String {
        match self {
            Self::UnknownWorkspace => {
                "There is no booking page at this address. Please check the link with the person who sent it.".into()
            }
            Self::UnknownService => {
                "This service doesn't exist or is no longer offered. Please check the link, or choose another service."
                    .into()
            }
            Self::UnknownAppointment => {
                "The link is not complete, or has been replaced. Please use the newest link that you were given.".into()
            }
            Self::UnknownPage => "There is no page at this address.".into(),
            Self::ServiceClosed => "This service takes no bookings at the moment. Please choose another one.".into(),
            Self::SlotTaken { nearest } if nearest.is_empty() => {
                "Someone else took this time a moment ago. Please choose another one. What you entered is kept.".into()
            }
            Self::SlotTaken { .. } => {
                "Someone else took this time a moment ago. These are the nearest free times. What you entered is kept."
                    .into()
            }
            Self::PastTime { .. } => "This time can no longer be booked. Please choose a later one.".into(),
            Self::Invalid { fields } => match fields.as_slice() {
                [one] => one.message.clone(),
                many => format!("{} fields need your attention.", many.len()),
            },
            Self::CantChange { change, reason } => {
                let (doing, done) = match change {
                    Change::Cancel => ("cancelling", "cancelled"),
                    Change::Move => ("moving", "moved"),
                };
                match reason {
                    CantChange::Ended => "This appointment has already been cancelled.".into(),
                    CantChange::Past => format!("This appointment has begun, so it can't be {done} any more."),
                    CantChange::TooLate => format!("It is too late for {doing} this appointment here. Please contact us."),
                    CantChange::NotOffered => format!("This appointment can't be {done} here. Please contact us."),
                }
            }
            Self::KeyReused => "This was sent before with other details, and that booking stands. To book once more, start afresh (programs: with a new Idempotency-Key).".into(),
            Self::SignInFailed => "The e-mail address or the password is wrong. Please try again.".into(),
            Self::SignInRequired => "Please sign in to see this page.".into(),
            Self::Forbidden => "Your role in this workspace doesn't allow this.".into(),
            Self::AlreadySetUp => "This server has been set up already. Please sign in.".into(),
            Self::ProviderNotSetUp { provider } => format!(
                "{provider} is not set up on this server. An admin of the workspace can do that under Calendars, Providers."
            ),
            Self::TooMany { retry_after } => {
                format!("That was a lot at once. Please try again in {} seconds.", (*retry_after).max(1))
            }
            Self::BadRequest { hint } => hint.clone(),
            Self::NotPossible { sentence } => sentence.clone(),
            Self::TooLarge => "What was sent is too large. Please shorten it.".into(),
            Self::WrongMethod => "This address can't be used with this method.".into(),
            Self::Offline => "The server can't be reached. Please check your connection and try again.".into(),
            Self::Busy => {
                "There is more to do than can be done at once. Nothing was changed. Please try again in a moment."
                    .into()
            }
            Self::CalendarSilent => {
                "We can't be certain just now that this time is still free. Nothing was booked. Please try again in a minute, or choose another time."
                    .into()
            }
            Self::Internal => {
                "This is our fault, and it has been noted. Nothing was changed. Please try again in a moment.".into()
            }
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownWorkspace | Self::UnknownService | Self::UnknownAppointment | Self::UnknownPage => {
                404
            }
            Self::ServiceClosed => 410,
            Self::SlotTaken { .. }
            | Self::PastTime { .. }
            | Self::CantChange { .. }
            | Self::NotPossible { .. }
            | Self::AlreadySetUp => 409,
            Self::Invalid { .. } | Self::KeyReused => 422,
            Self::SignInFailed | Self::SignInRequired => 401,
            Self::Forbidden => 403,
            Self::TooMany { .. } => 429,
            Self::BadRequest { .. } => 400,
            Self::TooLarge => 413,
            Self::WrongMethod => 405,
            Self::Offline | Self::Busy | Self::CalendarSilent | Self::ProviderNotSetUp { .. } => 503,
            Self::Internal => 500,
        }
    }

    /// One field that needs mending.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { fields: vec![FieldError::new(field, message)] }
    }

    /// The sentences for fields, if there are any.
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid { fields } => fields,
            _ => &[],
        }
    }

    /// The nearest free times (epoch minutes) that come with a lost race.
    pub fn nearest(&self) -> &[i64] {
        match self {
            Self::SlotTaken { nearest } | Self::PastTime { nearest } => nearest,
            _ => &[],
        }
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl std::error::Error for AppError {}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::Offline,
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => {
                Self::BadRequest { hint: "The request could not be read. Please reload the page.".into() }
            }
            _ => Self::Internal,
        }
    }
}
