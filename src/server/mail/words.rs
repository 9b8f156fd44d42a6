//! The words of a letter, before they are laid out.

use super::{
    clean,
    letter::{About, By, Content, Letter, Reader, What},
    template,
};
use crate::{
    domain::{appointment::BookingStatus, zone::ZoneRules},
    server::{links::Links, zones},
    ui::format,
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

mod booking;

/// How a mail looks at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Something is over.
    Bad,
    /// News.
    Plain,
}

/// A fact with its name.
#[derive(Debug)]
pub(super) struct Fact {
    pub label: String,
    pub lines: Vec<String>,
    /// Where the value leads.
    pub url: Option<String>,
    /// It held before.
    pub former: bool,
}

/// Words that lead somewhere.
#[derive(Debug)]
pub(super) struct Link {
    pub text: String,
    pub url: String,
}

/// All that a mail says.
#[derive(Debug)]
pub(super) struct Said {
    /// A line that a list of mails shows beside the subject.
    pub preview: String,
    pub tone: Tone,
    pub heading: String,
    pub greeting: String,
    pub sentences: Vec<String>,
    /// Digits to type.
    pub code: Option<String>,
    pub facts: Vec<Fact>,
    /// The owner's own paragraph.
    pub own: String,
    /// What to do.
    pub link: Option<Link>,
    pub remarks: Vec<String>,
    pub more: Option<Link>,
    pub footer: String,
    pub unsubscribe: Option<Link>,
}

/// The rules of the reader's zone.
pub(super) fn zone(letter: &Letter) -> Arc<ZoneRules> {
    zones::rules(&letter.zone).unwrap_or_else(|| Arc::new(ZoneRules::utc()))
}

/// "Anna, Ben and Clara".
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The names of the hosts.
pub(super) fn hosts(about: &About) -> String {
    list(&about.hosts.iter().map(|host| clean::line(&host.name, 120)).collect::<Vec<_>>())
}

/// "Tue 3 March, 14:30".
fn short(zone: &ZoneRules, at: DateTime<Utc>) -> String {
    let local = zone.local(at);
    format!("{}, {}", format::day_short(local.date()), format::clock(local, false))
}

/// "Tuesday, 3 March 2026" and "14:30 – 15:00, Europe/Berlin (UTC+1)".
fn when(zone: &ZoneRules, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<String> {
    let times = format!("{}, {}", format::times(zone, start, end), format::zone(zone, start));
    vec![format::day(zone.date(start)), times]
}

/// "Tuesday 3 March, 14:30, Europe/Berlin (UTC+1)".
fn until(zone: &ZoneRules, at: DateTime<Utc>) -> String {
    let local = zone.local(at);
    let (day, clock) = (format::day_spoken(local.date()), format::clock(local, false));
    format!("{day}, {clock}, {}", format::zone(zone, at))
}

fn fact(label: &str, value: &str) -> Option<Fact> {
    let lines: Vec<String> = clean::lines(value).lines().map(str::to_owned).collect();
    (!lines.is_empty()).then(|| Fact { label: label.to_owned(), lines, url: None, former: false })
}

/// The name that a reader knows someone by.
fn called(name: &str, email: &str) -> String {
    let name = clean::line(name, 120);
    if name.is_empty() { clean::line(email, 254) } else { name }
}

/// The subject of a letter: one line, without anything secret.
pub(super) fn subject(letter: &Letter) -> String {
    let workspace = clean::line(&letter.workspace, 80);
    let subject = match &letter.content {
        Content::Booking(about) => return booking::subject(letter, about),
        Content::PortalLink { .. } => format!("Your appointments at {workspace}"),
        Content::Verify { service, start, .. } => format!(
            "Please confirm your e-mail address: {}, {}",
            clean::line(service, 80),
            short(&zone(letter), *start)
        ),
        Content::WebhookDisabled { .. } => format!("A webhook of {workspace} was switched off"),
        Content::Account { provider, .. } => format!("Please connect {provider} again"),
        Content::Test => format!("A test mail of {workspace}"),
    };
    clean::line(&subject, 200)
}

/// The words of a letter.
pub(super) fn say(letter: &Letter, links: Links<'_>) -> Said {
    let workspace = clean::line(&letter.workspace, 120);
    let name = clean::line(&letter.to.name, 120);
    let greeting = if name.is_empty() { "Hello,".to_owned() } else { format!("Hello {name},") };
    let said = Said {
        preview: String::new(),
        tone: Tone::Plain,
        heading: String::new(),
        greeting,
        sentences: Vec::new(),
        code: None,
        facts: Vec::new(),
        own: String::new(),
        link: None,
        remarks: Vec::new(),
        more: None,
        footer: format!("{workspace} sent this mail with Meridian."),
        unsubscribe: None,
    };
    match &letter.content {
        Content::Booking(about) => booking::say(said, letter, about, links),
        Content::PortalLink { link } => Said {
            preview: "The link that signs you in".to_owned(),
            heading: format!("Your appointments at {workspace}"),
            sentences: vec!["Here is the link that you asked for. It signs you in, without a password.".to_owned()],
            link: Some(Link {
                text: "Show my appointments".to_owned(),
                url: links.portal(&letter.workspace_slug, link),
            }),
            remarks: vec![
                "The link works once, for 30 minutes. Whoever has it sees your appointments: please don't pass it on."
                    .to_owned(),
                "If you did not ask for it, you need not do anything.".to_owned(),
            ],
            ..said
        },
        Content::Verify { order, service, start, end } => {
            let zone = zone(letter);
            let when =
                Fact { label: "When".to_owned(), lines: when(&zone, *start, *end), url: None, former: false };
            Said {
                preview: "Then your appointment is booked.".to_owned(),
                heading: "Please confirm your address".to_owned(),
                sentences: vec![
                    "Your appointment is booked as soon as we know that this address is yours.".to_owned(),
                    "Type this code into the page that you left open:".to_owned(),
                ],
                code: Some(links.secret.order_code(order)),
                facts: fact("What", &clean::line(service, 200)).into_iter().chain([when]).collect(),
                link: Some(Link { text: "Confirm with this link".to_owned(), url: links.verify(order) }),
                remarks: vec![
                    "Code and link are valid for 30 minutes, and both do the same.".to_owned(),
                    "If you did not ask for an appointment, you need not do anything: nothing is booked.".to_owned(),
                ],
                ..said
            }
        }
        Content::WebhookDisabled { webhook, url, reason } => Said {
            preview: "Nothing got through for a day.".to_owned(),
            tone: Tone::Bad,
            heading: "A webhook was switched off".to_owned(),
            sentences: vec![
                "Nothing got through to this address for a day, so nothing more is sent to it.".to_owned(),
            ],
            facts: [
                fact("Webhook", &clean::line(url, 500)),
                fact("What happened last", &clean::line(reason, 300)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            link: Some(Link { text: "Show what happened".to_owned(), url: links.webhook(webhook) }),
            remarks: vec![
                "When it is mended, switch it on there and send again what was missed.".to_owned(),
            ],
            ..said
        },
        Content::Account { provider, account, reason } => Said {
            preview: "Until then your calendar is not in step.".to_owned(),
            tone: Tone::Bad,
            heading: format!("Please connect {} again", clean::line(provider, 80)),
            sentences: vec![
                "This account can't be reached any more. Until you connect it again, bookings are not written to it, and what \
                 is entered there takes none of your time here."
                    .to_owned(),
            ],
            facts: [fact("Account", &clean::line(account, 200)), fact("What happened", &clean::line(reason, 300))]
                .into_iter()
                .flatten()
                .collect(),
            link: Some(Link { text: "Show my calendars".to_owned(), url: links.calendars() }),
            ..said
        },
        Content::Test => Said {
            preview: "It arrives.".to_owned(),
            tone: Tone::Good,
            heading: "Mail arrives".to_owned(),
            sentences: vec![format!(
                "This is the test mail that you asked for. What {workspace} sends arrives like this one."
            )],
            ..said
        },
    }
}
