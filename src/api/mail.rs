//! What the pages about mail and the queue show. They are rendered on the server only, so nothing here travels.

use super::{public::Echo, staff::Me};
use crate::domain::{event_type::RemindWhom, zone::ZoneRules};
use chrono::{DateTime, Utc};

/// How a workspace's mail leaves, if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Through the server that the workspace's admin set.
    Own(MailServer),
    /// Through the server that the operator set for everyone.
    Operator(MailServer),
    /// Not at all: it is kept in the mailbox.
    Mailbox,
}

/// A mail server, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `starttls`, `tls` or `none`.
    pub security: &'static str,
    /// Who signs in; empty: nobody.
    pub username: String,
}

/// The form of the mail settings, as it was sent or as it starts. A password is only ever sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MailForm {
    /// Host.
    pub host: String,
    /// Port.
    pub port: String,
    /// `starttls`, `tls` or `none`.
    pub security: String,
    /// User.
    pub username: String,
    /// Password; empty: the one that is kept.
    pub password: String,
    /// Forget the password that is kept?
    pub remove_password: bool,
    /// The sender's name.
    pub from_name: String,
    /// The sender's address.
    pub from_address: String,
}

impl std::fmt::Debug for MailForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailForm").field("host", &self.host).finish_non_exhaustive()
    }
}

/// What goes wrong between a workspace and its mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What the server said, or what happened to the connection.
    pub error: String,
    /// Since when nothing got through.
    pub since: DateTime<Utc>,
    /// How many mails wait.
    pub waiting: i64,
}

/// What a test came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// The server took it.
    Sent,
    /// There is no server: it is in the mailbox.
    Kept,
    /// It did not get through, and this is why.
    Failed(String),
}

/// `/booking/mail`.
#[derive(Debug, Clone)]
pub struct MailPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in.
    pub zone: ZoneRules,
    /// How mail leaves now.
    pub way: Way,
    /// Whom it comes from now, as in a mail's header.
    pub from: String,
    /// What the form starts with.
    pub form: MailForm,
    /// Is a password kept?
    pub has_password: bool,
    /// Is one kept that this server's secret does not open?
    pub password_lost: bool,
    /// What goes wrong at the moment.
    pub trouble: Option<Trouble>,
    /// Where a test goes.
    pub my_address: String,
    /// What one came to just now.
    pub tested: Option<Tested>,
    /// What was done just now.
    pub done: Option<&'static str>,
    /// What was refused just now.
    pub echo: Option<Echo>,
}

/// A mail in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLine {
    /// Its id.
    pub id: String,
    /// A word for what it says.
    pub kind: String,
    /// Whom it goes to.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// `waiting`, `sent`, `kept`, `refused` or `failed`.
    pub status: String,
    /// What the server said, or empty.
    pub error: String,
    /// When it was caused.
    pub at: DateTime<Utc>,
}

/// `/booking/mailbox`.
#[derive(Debug, Clone)]
pub struct MailboxPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in.
    pub zone: ZoneRules,
    /// Does mail leave this machine?
    pub leaves: bool,
    /// The address that the list is narrowed to, as entered; empty: all.
    pub address: String,
    /// Newest first.
    pub messages: Vec<MessageLine>,
    /// Is this a later part of the list?
    pub later: bool,
    /// Continue the list here (an opaque cursor), if there is more.
    pub next: Option<String>,
}

/// A mail as it is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Whom it comes from.
    pub from: String,
    /// Its headers as they are sent.
    pub headers: String,
    /// The version in plain text.
    pub text: String,
    /// The version in HTML: a whole document.
    pub html: String,
    /// The calendar entry, if it carries one.
    pub calendar: Option<String>,
}

/// `/booking/mailbox/{id}`.
#[derive(Debug, Clone)]
pub struct MessagePage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in.
    pub zone: ZoneRules,
    /// What the list says of it.
    pub line: MessageLine,
    /// When it was sent, kept or given up.
    pub settled: Option<DateTime<Utc>>,
    /// What it says; nothing if it can't be written out any more.
    pub written: Option<Written>,
    /// Can it be sent again?
    pub can_send: bool,
    /// Was it put in line again just now?
    pub sent_again: bool,
}

/// What an event type says about mails, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypeMails {
    /// Its part of the address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Does it take bookings?
    pub active: bool,
    /// Minutes before the start, and whom.
    pub reminders: Vec<(u32, RemindWhom)>,
    /// Minutes that a booking waits for approval, if it must.
    pub approval: Option<u32>,
    /// Are addresses verified?
    pub verify_email: bool,
    /// Is there an own subject, or an own paragraph?
    pub own_words: bool,
}

/// `/booking/messages`.
#[derive(Debug, Clone)]
pub struct MessagesPage {
    /// Who is signed in.
    pub me: Me,
    /// May they change event types?
    pub may_edit: bool,
    /// All event types; for staff those that they host.
    pub event_types: Vec<EventTypeMails>,
    /// Which reminders the member gets: `default`, `none` or `own`.
    pub mode: String,
    /// Their own ones as entered: amount and unit.
    pub own: Vec<(String, String)>,
    /// What was done just now.
    pub done: Option<&'static str>,
    /// What was refused just now.
    pub echo: Option<Echo>,
}

/// A reminder as entered. An empty amount: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReminderRow {
    /// How many.
    pub amount: String,
    /// Of which: `minutes`, `hours` or `days`.
    pub unit: String,
    /// Before the start, to `invitee`, `hosts` or `both`.
    pub to: String,
}

/// The form of an event type's messages, as it was sent or as it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessagesForm {
    /// Reminders, at most ten that are not empty.
    pub reminders: Vec<ReminderRow>,
    /// Do bookings wait for approval?
    pub approval: bool,
    /// How long: amount and unit.
    pub hold: (String, String),
    /// Are addresses verified?
    pub verify_email: bool,
    /// Own subject, a template.
    pub subject: String,
    /// Own paragraph, a template.
    pub paragraph: String,
}

/// `/booking/messages/{slug}`.
#[derive(Debug, Clone)]
pub struct EditorPage {
    /// Who is signed in.
    pub me: Me,
    /// The event type's part of the address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Do people share its seats? Then nothing can wait for approval.
    pub shared: bool,
    /// What stands in the form.
    pub form: MessagesForm,
    /// What templates may contain, each with what it becomes.
    pub variables: Vec<(String, String)>,
    /// An example as it would be sent: subject, text, HTML.
    pub preview: Option<(String, String, String)>,
    /// What was refused just now.
    pub echo: Option<Echo>,
}

/// Jobs of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLine {
    /// `event`, `mail` or `webhook`.
    pub lane: String,
    /// Due now.
    pub waiting: i64,
    /// Due later.
    pub planned: i64,
    /// With a worker.
    pub running: i64,
    /// Given up.
    pub dead: i64,
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// Its id.
    pub id: String,
    /// Its word.
    pub kind: String,
    /// What it is about, such as `message:ID`.
    pub subject: String,
    /// How often it was tried.
    pub attempts: i64,
    /// What happened last.
    pub error: String,
    /// When it was enqueued.
    pub created: DateTime<Utc>,
    /// When it was given up.
    pub since: DateTime<Utc>,
}

/// `/booking/queue`.
#[derive(Debug, Clone)]
pub struct QueuePage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in.
    pub zone: ZoneRules,
    /// Lanes that have jobs.
    pub lanes: Vec<LaneLine>,
    /// Those that were given up, newest first.
    pub dead: Vec<DeadJob>,
    /// Is this a later part of the list?
    pub later: bool,
    /// Continue the list here (an opaque cursor), if there is more.
    pub next: Option<String>,
    /// What was done just now.
    pub done: Option<&'static str>,
}
