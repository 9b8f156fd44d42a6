//! Writing letters out: as text, as HTML, as news for calendars, and as the bytes that a mail server takes.
//!
//! Pure: the same letter and [`Wire`] always give the same bytes, so that a mail that is sent again is the same mail.

use super::{
    address::{address, domain},
    calendar, clean,
    letter::{About, Content, Letter, Person, Reader, What},
    page, plain, words,
};
use crate::{domain::ids::MessageId, server::links::Links};
use chrono::{DateTime, Utc};
use lettre::{
    Message,
    address::Envelope,
    message::{
        Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};

/// What a mail needs besides what it says.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'a> {
    /// Makes its links.
    pub links: Links<'a>,
    /// Who sends it.
    pub from: &'a Person,
    /// Names it; a second copy has the same name.
    pub message: &'a MessageId,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// A letter, written out.
#[derive(Debug)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// What it says, as text.
    pub text: String,
    /// What it says, as a document of its own without remote content.
    pub html: String,
    /// What it tells the reader's calendar.
    pub calendar: Option<String>,
    /// All of it (RFC 5322), with lines that end in CRLF.
    pub mime: Vec<u8>,
}

/// Why a letter can't be written out.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Of the sender or the reader.
    #[error("“{0}” is not an address that mail can be sent to")]
    Address(String),
    /// A header was refused.
    #[error("{0}")]
    Mime(String),
}

/// A letter's subject: one line of at most 200 characters, without anything secret.
pub fn subject(letter: &Letter) -> String {
    words::subject(letter)
}

/// Writes a letter out.
pub fn render(letter: &Letter, wire: &Wire<'_>) -> Result<Rendered, RenderError> {
    let subject = subject(letter);
    let said = words::say(letter, wire.links);
    let (text, html) = (plain::text(&said), page::html(&said, &subject));
    let about = match &letter.content {
        Content::Booking(about) => Some(about.as_ref()),
        _ => None,
    };
    let invitation = about.and_then(|about| calendar::invitation(letter, about, wire.links, wire.at));
    let both = MultiPart::alternative()
        .boundary(format!("alternative-{}", wire.message))
        .singlepart(SinglePart::plain(text.clone()))
        .singlepart(SinglePart::html(html.clone()));
    let head = head(letter, about, wire, &subject)?;
    let message = match &invitation {
        None => head.multipart(both),
        Some(invitation) => {
            let kind = content_type(&format!("text/calendar; method={}; charset=UTF-8", invitation.method))?;
            let inline = SinglePart::builder().header(kind).body(invitation.text.clone());
            let file = SinglePart::builder()
                .header(content_type("application/ics; name=\"invite.ics\"")?)
                .header(ContentDisposition::attachment("invite.ics"))
                .header(ContentTransferEncoding::Base64)
                .body(invitation.text.clone());
            // Outlook reads only the first part of a multipart/mixed, so what matters comes first.
            let mixed = MultiPart::mixed()
                .boundary(format!("mixed-{}", wire.message))
                .multipart(both.singlepart(inline))
                .singlepart(file);
            head.multipart(mixed)
        }
    };
    let mime = message.map_err(|error| RenderError::Mime(error.to_string()))?.formatted();
    Ok(Rendered { subject, text, html, calendar: invitation.map(|invitation| invitation.text), mime })
}

fn content_type(text: &str) -> Result<ContentType, RenderError> {
    ContentType::parse(text).map_err(|error| RenderError::Mime(error.to_string()))
}

fn mailbox(person: &Person, name: &str) -> Result<Mailbox, RenderError> {
    let email =
        address(&person.email).ok_or_else(|| RenderError::Address(clean::line(&person.email, 254)))?;
    let name = clean::line(name, 120);
    Ok(Mailbox::new((!name.is_empty()).then_some(name), email))
}

/// A header that lettre has no type for. `value` has no line breaks.
fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

fn head(
    letter: &Letter,
    about: Option<&About>,
    wire: &Wire<'_>,
    subject: &str,
) -> Result<MessageBuilder, RenderError> {
    let name = if wire.from.name.trim().is_empty() { &letter.workspace } else { &wire.from.name };
    let from = mailbox(wire.from, name)?;
    let to = mailbox(&letter.to, &letter.to.name)?;
    let id = format!("<{}@{}>", wire.message, domain(&wire.from.email));
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()])
        .map_err(|error| RenderError::Mime(error.to_string()))?;
    let mut head = Message::builder()
        .envelope(envelope)
        .date(wire.at.into())
        .from(from)
        .to(to)
        // A name that looks like an encoded word (RFC 2047) would be decoded by readers.
        .subject(subject.replace("=?", "= ?"))
        .message_id(Some(id))
        .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
    let Some(about) = about else { return Ok(head) };
    // All mails about one appointment refer to the same mail, which never was, and so belong together.
    head = head.references(format!("<thread.{}@{}>", about.uid, domain(&about.organizer)));
    match &about.reader {
        // Hosts answer the person who booked. Their own addresses are nobody's business.
        Reader::Host(_) => {
            // Where seats changed, they may be the one who left.
            if about.what == What::Guests && about.seats > 1 {
                return Ok(head);
            }
            if let Ok(who) = mailbox(&about.who, &about.who.name) {
                head = head.reply_to(who);
            }
        }
        Reader::Invitee if about.what == What::Reminder => {
            // RFC 8058.
            let url = wire.links.unsubscribe(&about.invitee);
            head = head
                .raw_header(raw("List-Unsubscribe", format!("<{url}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        Reader::Invitee | Reader::Guest => {}
    }
    Ok(head)
}

#[cfg(test)]
mod tests;
