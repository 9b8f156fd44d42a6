//! What is said about a booking, to each who reads of it.

use super::{
    About, BookingStatus, By, Fact, Letter, Link, Links, Reader, Said, Tone, What, called, clean, fact,
    format, hosts, short, template, until, when, zone, zones,
};
use crate::domain::zone::ZoneRules;

/// Does it still take place for this reader?
fn lives(about: &About) -> bool {
    !matches!(about.what, What::Declined | What::Expired | What::Cancelled | What::Released)
}

fn is_host(about: &About) -> bool {
    matches!(about.reader, Reader::Host(_))
}

fn invitee(about: &About) -> String {
    called(&about.who.name, &about.who.email)
}

/// The subject; the owner's own where there is one.
pub(super) fn subject(letter: &Letter, about: &About) -> String {
    if matches!(about.what, What::Confirmed | What::Approved) && !is_host(about) {
        let own = template::fill_subject(&about.own_subject, letter, about);
        if !own.is_empty() {
            return own;
        }
    }
    let word = match (about.what, &about.reader) {
        (What::Confirmed, Reader::Host(_)) => "New booking",
        (What::Pending, Reader::Host(_)) => "Please approve",
        (What::Approved, Reader::Host(_)) => "Approved",
        (What::Confirmed, Reader::Guest) => "Invitation",
        (What::Confirmed | What::Approved, _) => "Confirmed",
        (What::Pending, _) => "Not confirmed yet",
        (What::Declined, _) => "Declined",
        (What::Expired, _) => "Not confirmed in time",
        (What::Moved, _) => "New time",
        (What::Cancelled, _) => "Cancelled",
        (What::Guests, Reader::Host(_)) if about.seats > 1 => "Seats changed",
        (What::Guests, _) => "Guests changed",
        (What::Link, _) => "The link for your call",
        (What::Reminder, _) => "Reminder",
        (What::Released, Reader::Host(_)) => "No longer yours",
        (What::Released, _) => "No longer invited",
    };
    let mut what = clean::line(&about.service, 80);
    if is_host(about) && about.seats <= 1 {
        what = format!("{what} with {}", clean::line(&invitee(about), 60));
    }
    clean::line(&format!("{word}: {what}, {}", short(&zone(letter), about.start)), 200)
}

/// "Anna moved it." and the like: `verb` is a past tense, `participle` what was done to it.
fn by(about: &About, verb: &str, participle: &str) -> String {
    let service = clean::line(&about.service, 120);
    match (&about.by, &about.reader) {
        (By::Invitee, Reader::Invitee) => format!("You {verb} “{service}”."),
        (By::Invitee, _) => format!("{} {verb} “{service}”.", invitee(about)),
        (By::Member(name), _) => format!("{} {verb} “{service}”.", clean::line(name, 120)),
        (By::System, _) => format!("“{service}” was {participle}."),
    }
}

fn with_hosts(about: &About) -> String {
    let (service, hosts) = (clean::line(&about.service, 120), hosts(about));
    if hosts.is_empty() { format!("“{service}”") } else { format!("“{service}” with {hosts}") }
}

/// Until when a pending booking holds its time, as the end of a sentence.
fn held(about: &About, zone: &ZoneRules) -> String {
    about.expires.map_or_else(String::new, |at| format!(" until {}", until(zone, at)))
}

/// Heading and sentences for the person who booked.
fn for_invitee(about: &About, zone: &ZoneRules) -> (&'static str, Vec<String>) {
    let what = with_hosts(about);
    match about.what {
        What::Confirmed => ("Your appointment is confirmed", vec![format!("You booked {what}.")]),
        What::Approved => {
            ("Your appointment is confirmed", vec![format!("Your request for {what} was approved.")])
        }
        What::Pending => (
            "Your request has arrived",
            vec![
                format!("You asked for {what}. It is not confirmed yet."),
                format!(
                    "The time is held for you{}. You get a mail as soon as it is decided.",
                    held(about, zone)
                ),
            ],
        ),
        What::Declined => {
            ("Your request was declined", vec![format!("We are sorry: {what} is not possible at this time.")])
        }
        What::Expired => (
            "Your request was not confirmed in time",
            vec![format!(
                "We are sorry: nobody decided on {what} in time. The time is no longer held for you."
            )],
        ),
        What::Moved => ("Your appointment has a new time", vec![by(about, "moved", "moved")]),
        What::Cancelled => ("Your appointment is cancelled", vec![by(about, "cancelled", "cancelled")]),
        What::Guests => {
            ("The guests of your appointment changed", vec![by(about, "changed the guests of", "changed")])
        }
        What::Link => ("Here is the link for your call", vec![format!("This is where {what} takes place.")]),
        What::Reminder => ("Your appointment is coming up", vec![format!("Don't forget {what}.")]),
        What::Released => ("You no longer take part", vec![format!("{what} takes place without you.")]),
    }
}

/// Heading and sentences for someone who is brought along.
fn for_guest(about: &About, zone: &ZoneRules) -> (&'static str, Vec<String>) {
    let (what, who) = (with_hosts(about), invitee(about));
    match about.what {
        What::Confirmed => ("You are invited", vec![format!("{who} booked {what} and brings you along.")]),
        What::Guests => (
            "The guests of the appointment changed",
            vec![by(about, "changed the guests of", "changed"), "You are still invited.".to_owned()],
        ),
        What::Approved => (
            "The appointment is confirmed",
            vec![format!("{what} takes place, and you are invited by {who}.")],
        ),
        What::Pending => (
            "You are invited, but it is not confirmed yet",
            vec![
                format!("{who} asked for {what} and would bring you along."),
                format!("The time is held{}. You get a mail as soon as it is decided.", held(about, zone)),
            ],
        ),
        What::Declined => ("The appointment was declined", vec![format!("{what} does not take place.")]),
        What::Expired => (
            "The appointment was not confirmed in time",
            vec![format!("{what} does not take place: nobody decided on it in time.")],
        ),
        What::Moved => ("The appointment has a new time", vec![by(about, "moved", "moved")]),
        What::Cancelled => ("The appointment is cancelled", vec![by(about, "cancelled", "cancelled")]),
        What::Link => ("Here is the link for the call", vec![format!("This is where {what} takes place.")]),
        What::Reminder => ("An appointment is coming up", vec![format!("{who} brings you along to {what}.")]),
        What::Released => (
            "You are no longer invited",
            vec![format!("The guests of {what} changed. It takes place without you.")],
        ),
    }
}

/// Heading and sentences for a host.
fn for_host(about: &About, zone: &ZoneRules) -> (&'static str, Vec<String>) {
    let (service, who) = (clean::line(&about.service, 120), invitee(about));
    match about.what {
        What::Confirmed => ("You have a new booking", vec![format!("{who} booked “{service}”.")]),
        What::Pending => {
            let after = if about.expires.is_some() { " After that it is free again." } else { "" };
            (
                "Please approve or decline",
                vec![
                    format!("{who} asks for “{service}”."),
                    format!("The time is held{}.{after}", held(about, zone)),
                ],
            )
        }
        What::Approved => ("The booking is approved", vec![by(about, "approved", "approved")]),
        What::Declined => ("The booking was declined", vec![by(about, "declined", "declined")]),
        What::Expired => (
            "Nobody decided in time",
            vec![format!("The request of {who} for “{service}” has expired, and the time is free again.")],
        ),
        What::Moved => ("A booking has a new time", vec![by(about, "moved", "moved")]),
        What::Cancelled => (
            "A booking was cancelled",
            vec![by(about, "cancelled", "cancelled"), "The time is free again.".to_owned()],
        ),
        // Someone took a seat or left one, or brings other guests.
        What::Guests if about.seats > 1 => {
            ("Who takes part has changed", vec![format!("“{service}” takes place as planned.")])
        }
        What::Guests => {
            ("The guests of a booking changed", vec![by(about, "changed the guests of", "changed")])
        }
        What::Link => {
            ("A booking has its link", vec![format!("This is where “{service}” with {who} takes place.")])
        }
        What::Reminder => ("A booking is coming up", vec![format!("“{service}” begins soon.")]),
        What::Released => ("You no longer take part", vec![format!("“{service}” takes place without you.")]),
    }
}

/// When, before and after; and for hosts what the invitee's clock shows.
fn times(about: &About, zone: &ZoneRules) -> Vec<Fact> {
    let length = about.end - about.start;
    let fact = |label: &str, lines, former| Fact { label: label.to_owned(), lines, url: None, former };
    let mut facts = vec![fact("When", when(zone, about.start, about.end), false)];
    if let Some(was) = about.was {
        facts.push(fact("Before", when(zone, was, was + length), true));
    }
    if is_host(about)
        && let Some(theirs) = zones::rules(&about.who_zone)
        && theirs.offset_at(about.start) != zone.offset_at(about.start)
    {
        facts.push(fact("Their time", when(&theirs, about.start, about.end), false));
    }
    facts
}

fn place(about: &About) -> Option<Fact> {
    let detail = clean::line(&about.place_detail, 2_000);
    let place = clean::line(&about.place, 120);
    let url = detail.starts_with("https://").then(|| detail.clone());
    let lines: Vec<String> = [place, detail].into_iter().filter(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| Fact { label: "Where".to_owned(), lines, url, former: false })
}

/// What only hosts read: who booked, and what they said.
fn about_invitee(about: &About) -> Vec<Fact> {
    let email = clean::line(&about.who.email, 254);
    let mail = Fact {
        label: "E-mail".to_owned(),
        url: Some(super::super::address::mailto(&email)),
        lines: vec![email],
        former: false,
    };
    let mut facts: Vec<Fact> =
        fact("Booked by", &clean::line(&about.who.name, 120)).into_iter().chain([mail]).collect();
    facts.extend(fact("Phone", &clean::line(&about.phone, 60)));
    facts.extend(fact("Notes", &about.notes));
    facts.extend(
        about.answers.iter().filter_map(|answer| fact(&clean::line(&answer.label, 200), &answer.value)),
    );
    facts
}

fn facts(about: &About, zone: &ZoneRules) -> Vec<Fact> {
    let one = |text: &str| clean::line(text, 254);
    let mut facts: Vec<Fact> = fact("What", &one(&about.service)).into_iter().collect();
    facts.extend(times(about, zone));
    facts.extend(fact("With", &hosts(about)));
    if lives(about) {
        facts.extend(place(about));
        facts.extend(about.price.as_ref().and_then(|price| fact("Price", &price.in_words())));
    }
    // Where seats changed, the person behind it may be one who left.
    let seats = about.what == What::Guests && about.seats > 1;
    if is_host(about) && !seats {
        facts.extend(about_invitee(about));
    }
    if about.reader != Reader::Guest && !(is_host(about) && seats) {
        let guests = about.guests.iter().map(|guest| one(guest)).collect::<Vec<_>>().join("\n");
        facts.extend(fact("Guests", &guests));
    }
    if is_host(about) && about.seats > 1 {
        let label = format!("Taking part ({} of {})", about.participants.len(), about.seats);
        let all = about.participants.iter().map(|name| one(name)).collect::<Vec<_>>().join("\n");
        facts.extend(fact(&label, &all));
    }
    facts.extend(fact("Reason", &about.reason));
    facts
}

/// What the reader can do.
fn ways(said: &mut Said, about: &About, zone: &ZoneRules, links: Links<'_>) {
    let lives = lives(about);
    let link = |text: &str, url| Some(Link { text: text.to_owned(), url });
    match &about.reader {
        Reader::Invitee => {
            let text = match (lives, about.can_move, about.can_cancel) {
                (true, true, true) => "Move or cancel",
                (true, true, false) => "Move",
                (true, false, true) => "Cancel",
                _ => "Show the appointment",
            };
            said.link = link(text, links.appointment(&about.invitee));
            if lives {
                said.remarks.extend(about.policy.iter().map(|sentence| clean::line(sentence, 300)));
            }
            if about.what == What::Reminder {
                said.unsubscribe =
                    link("No more reminders of this appointment", links.unsubscribe(&about.invitee));
            }
        }
        Reader::Guest => {
            if lives {
                let who = invitee(about);
                said.remarks
                    .push(format!("To change anything, please ask {who}, who booked the appointment."));
            }
        }
        Reader::Host(member) => {
            if lives && about.status == BookingStatus::Pending {
                said.link = link("Approve or decline", links.approval(&about.booking, member));
                if about.what != What::Pending {
                    said.remarks
                        .push(format!("It waits for approval. The time is held{}.", held(about, zone)));
                }
                said.more = link("All bookings", links.bookings());
            } else {
                said.link = link("Show all bookings", links.bookings());
            }
        }
    }
}

/// The words of a letter about a booking.
pub(super) fn say(mut said: Said, letter: &Letter, about: &About, links: Links<'_>) -> Said {
    let zone = zone(letter);
    let (heading, sentences) = match about.reader {
        Reader::Invitee => for_invitee(about, &zone),
        Reader::Guest => for_guest(about, &zone),
        Reader::Host(_) => for_host(about, &zone),
    };
    said.heading = heading.to_owned();
    said.sentences = sentences;
    if about.what == What::Moved && about.status == BookingStatus::Pending && !is_host(about) {
        said.sentences.push(format!("It waits for approval. The time is held{}.", held(about, &zone)));
    }
    said.preview = format!("{}, {}", short(&zone, about.start), format::zone(&zone, about.start));
    said.tone = match about.what {
        What::Confirmed | What::Approved => Tone::Good,
        What::Declined | What::Expired | What::Cancelled | What::Released => Tone::Bad,
        What::Pending | What::Moved | What::Guests | What::Link | What::Reminder => Tone::Plain,
    };
    said.facts = facts(about, &zone);
    // "Bring your passport" is nothing for a cancellation.
    if !is_host(about) && lives(about) {
        said.own = clean::lines(&template::fill(&about.own_paragraph, letter, about));
    }
    ways(&mut said, about, &zone, links);
    said.footer = match about.reader {
        Reader::Invitee => format!("{} You get it because you booked an appointment.", said.footer),
        Reader::Guest => format!("{} {} gave your address.", said.footer, invitee(about)),
        Reader::Host(_) => format!("{} You get it because you are a host.", said.footer),
    };
    said
}
