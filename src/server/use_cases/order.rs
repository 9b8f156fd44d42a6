//! What an invitee entered, checked field by field.

use crate::{
    api::{AppError, public::BookInput},
    domain::{
        event_type::{EventTypeRules, Location},
        questions::{Answer, FieldError, check_answers},
        text::{EmailAddress, Name, PhoneNumber, many_lines},
    },
    server::zones,
};
use chrono::{DateTime, Utc};

/// An order that can be booked if its time is free.
#[derive(Debug, Clone)]
pub struct Order {
    /// When.
    pub start: DateTime<Utc>,
    /// How long, in minutes; one of those on offer.
    pub length: u32,
    /// The invitee's zone; known to the server.
    pub zone: String,
    /// Name.
    pub name: Name,
    /// Address.
    pub email: EmailAddress,
    /// Telephone number, or empty.
    pub phone: String,
    /// Anything else, or empty.
    pub notes: String,
    /// Further addresses, each once and not the invitee's own.
    pub guests: Vec<String>,
    /// Answers.
    pub answers: Vec<Answer>,
}

/// Splits what was entered as guests.
pub(super) fn guests(text: &str, most: u32, own: Option<&EmailAddress>) -> Result<Vec<String>, String> {
    let mut guests: Vec<EmailAddress> = Vec::new();
    for part in text.split([',', ';', '\n', '\r']).map(str::trim).filter(|part| !part.is_empty()) {
        let shown: String = part.chars().take(60).collect();
        let guest = EmailAddress::parse(part)
            .map_err(|_| format!("“{shown}” is not an e-mail address, such as name@example.com."))?;
        let known = |other: &EmailAddress| other.key() == guest.key();
        if !guests.iter().any(known) && !own.is_some_and(known) {
            guests.push(guest);
        }
        if guests.len() > usize::try_from(most).unwrap_or(0) {
            return Err(match most {
                0 => "This service takes no guests.".to_owned(),
                1 => "You can bring one guest.".to_owned(),
                most => format!("You can bring {most} guests at most."),
            });
        }
    }
    Ok(guests.into_iter().map(String::from).collect())
}

impl Order {
    /// Checks every field and names all that need mending at once.
    pub fn check(rules: &EventTypeRules, input: &BookInput) -> Result<Self, AppError> {
        fn take<T, E: std::fmt::Display>(
            errors: &mut Vec<FieldError>,
            field: &str,
            result: Result<T, E>,
        ) -> Option<T> {
            result.map_err(|error| errors.push(FieldError::new(field, error.to_string()))).ok()
        }
        let mut errors = Vec::new();
        let start =
            DateTime::from_timestamp(input.start.saturating_mul(60), 0).ok_or("Please choose a time.");
        let start = take(&mut errors, "start", start);
        let length = rules
            .offers_length(input.length)
            .then_some(input.length)
            .ok_or("This length is not on offer. Please choose one of those shown.");
        let length = take(&mut errors, "length", length);
        let zone = zones::rules(&input.zone).map(|_| input.zone.clone()).ok_or("Please choose a time zone.");
        let zone = take(&mut errors, "zone", zone);
        let name = if input.name.trim().is_empty() {
            Err("Please enter your name.".into())
        } else {
            Name::parse(&input.name).map_err(|error| error.0).and_then(|name| {
                // It stands in mails to guests and hosts: a booking page must not carry advertisements to strangers.
                let text = name.as_str().to_lowercase();
                if text.contains("://") || text.contains("www.") {
                    return Err("Please enter your name without a link.".to_owned());
                }
                Ok(name)
            })
        };
        let name = take(&mut errors, "name", name);
        let email = take(&mut errors, "email", EmailAddress::parse(&input.email));
        let phone = match (input.phone.trim(), &rules.location) {
            ("", Location::Phone) => Err("Please enter the telephone number that we should call.".to_owned()),
            ("", _) => Ok(String::new()),
            (entered, _) => PhoneNumber::parse(entered).map(String::from).map_err(|error| error.0),
        };
        let phone = take(&mut errors, "phone", phone);
        let notes = take(&mut errors, "notes", many_lines(&input.notes, 5_000));
        let guests = take(&mut errors, "guests", guests(&input.guests, rules.guests, email.as_ref()));
        let answers =
            check_answers(&rules.questions, &input.answers).map_err(|mut more| errors.append(&mut more)).ok();
        match (start, length, zone, name, email, phone, notes, guests, answers) {
            (
                Some(start),
                Some(length),
                Some(zone),
                Some(name),
                Some(email),
                Some(phone),
                Some(notes),
                Some(guests),
                Some(answers),
            ) => Ok(Self { start, length, zone, name, email, phone, notes, guests, answers }),
            _ => Err(AppError::Invalid { fields: errors }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_split_checked_and_counted_once() {
        let own = EmailAddress::parse("me@example.com").unwrap();
        let split = |text: &str| guests(text, 2, Some(&own));
        assert_eq!(split(" a@b.de; B@b.de,\n a@B.de, ME@example.com ").unwrap(), ["a@b.de", "B@b.de"]);
        assert!(split("a@b.de, b@b.de, c@b.de").unwrap_err().contains("2 guests"));
        assert!(split("a@b.de nonsense").unwrap_err().contains("nonsense"));
        assert!(guests("a@b.de", 0, None).is_err());
    }
}
