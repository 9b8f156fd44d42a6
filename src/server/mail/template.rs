//! The owner's own words, with variables: `Hello {{first_name}}`.
//!
//! A value is data: it is never read as a template again, and whoever shows the result escapes it.

use super::{
    clean,
    letter::{About, Letter},
    words,
};
use crate::ui::format;

/// What can stand between `{{` and `}}`, and what it becomes.
pub const VARIABLES: [(&str, &str); 9] = [
    ("service", "The service: “First visit”"),
    ("name", "Who booked: “Ada Lovelace”"),
    ("first_name", "Their first name: “Ada”"),
    ("date", "The day: “Tuesday, 3 March 2026”"),
    ("time", "From when until when: “14:30 – 15:00”"),
    ("zone", "The reader’s time zone: “Europe/Berlin (UTC+1)”"),
    ("hosts", "With whom: “Grace Hopper and Alan Turing”"),
    ("place", "Where: the address, the link, or the number"),
    ("workspace", "The workspace’s name"),
];

/// Characters that a subject may have.
const SUBJECT: usize = 200;

/// A part of a template.
enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
    /// Braces without their counterparts.
    Unbalanced(&'a str),
}

fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (text, from) = rest.split_once("{{").map_or((rest, None), |(text, after)| (text, Some(after)));
        parts.push(if text.contains("}}") { Part::Unbalanced(text) } else { Part::Text(text) });
        let Some(from) = from else { break };
        match from.split_once("}}") {
            Some((name, after)) if !name.contains("{{") => {
                parts.push(Part::Variable(name.trim()));
                rest = after;
            }
            _ => {
                parts.push(Part::Unbalanced(from));
                break;
            }
        }
    }
    parts
}

/// Can this be used? Otherwise a sentence that says what is wrong.
pub fn check(template: &str) -> Result<(), String> {
    for part in parts(template) {
        match part {
            Part::Variable(name) if !VARIABLES.iter().any(|(known, _)| *known == name) => {
                let known: Vec<_> = VARIABLES.iter().map(|(known, _)| format!("{{{{{known}}}}}")).collect();
                let name = clean::line(name, 40);
                return Err(format!(
                    "There is no variable {{{{{name}}}}}. These can be used: {}.",
                    known.join(", ")
                ));
            }
            Part::Unbalanced(_) => {
                return Err("Each {{ needs its }}, as in {{name}}.".to_owned());
            }
            Part::Variable(_) | Part::Text(_) => {}
        }
    }
    if template.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("Control characters can't be sent. Please remove them.".to_owned());
    }
    Ok(())
}

/// Can this be a subject?
pub fn check_subject(template: &str) -> Result<(), String> {
    check(template)?;
    if template.chars().any(char::is_control) {
        return Err("The subject can't contain line breaks.".to_owned());
    }
    if template.chars().count() > SUBJECT {
        return Err(format!("The subject is too long: {SUBJECT} characters at most."));
    }
    Ok(())
}

/// What a variable becomes for the reader of a letter; nothing for an unknown one.
fn value(name: &str, letter: &Letter, about: &About) -> String {
    let zone = words::zone(letter);
    match name {
        "service" => about.service.clone(),
        "name" => about.who.name.clone(),
        "first_name" => about.who.name.split_whitespace().next().unwrap_or_default().to_owned(),
        "date" => format::day(zone.date(about.start)),
        "time" => format::times(&zone, about.start, about.end),
        "zone" => format::zone(&zone, about.start),
        "hosts" => words::hosts(about),
        "place" if about.place_detail.is_empty() => about.place.clone(),
        "place" => about.place_detail.clone(),
        "workspace" => letter.workspace.clone(),
        _ => String::new(),
    }
}

/// Puts the values in. What can't be understood (it was stored before it was checked) is left out.
pub fn fill(template: &str, letter: &Letter, about: &About) -> String {
    parts(template)
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Variable(name) => value(name, letter, about),
            Part::Unbalanced(text) => text.replace("}}", ""),
        })
        .collect()
}

/// [`fill`] for a header: one line, not too long.
pub fn fill_subject(template: &str, letter: &Letter, about: &About) -> String {
    clean::line(&fill(template, letter, about), SUBJECT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::mail::{
        letter::{Reader, What},
        samples,
    };

    #[test]
    fn a_template_is_refused_with_a_sentence_that_helps() {
        assert_eq!(check("Dear {{first_name}}, {{ service }} {at} {{time}}"), Ok(()));
        assert_eq!(check(""), Ok(()));
        let unknown = check("Dear {{nmae}}").unwrap_err();
        assert!(unknown.contains("{{nmae}}") && unknown.contains("{{name}}, "), "{unknown}");
        for unbalanced in ["{{name", "name}}", "{{name}} }}", "{{ {{name}} }}", "{{"] {
            assert!(check(unbalanced).unwrap_err().contains("{{name}}"), "{unbalanced}");
        }
        assert!(check("a\u{0}b").is_err());
        assert!(check("two\nlines").is_ok());
        assert!(check_subject("two\nlines").is_err());
        assert!(check_subject(&"x".repeat(201)).is_err());
        assert!(check_subject("See you, {{name}}").is_ok());
    }

    #[test]
    fn every_variable_has_a_value() {
        let (letter, about) = samples::booking(What::Confirmed, Reader::Invitee);
        for (name, _) in VARIABLES {
            assert!(!value(name, &letter, &about).is_empty(), "{name}");
        }
        let filled = fill("{{date}} {{time}} {{zone}} {{first_name}} {{hosts}}", &letter, &about);
        assert_eq!(
            filled,
            "Tuesday, 3 March 2026 14:30 – 15:00 Europe/Berlin (UTC+1) Ada Grace Hopper and Alan Turing"
        );
    }

    #[test]
    fn values_are_not_templates() {
        let (letter, mut about) = samples::booking(What::Confirmed, Reader::Invitee);
        about.who.name = "{{workspace}}".to_owned();
        assert_eq!(fill("<{{name}}>", &letter, &about), "<{{workspace}}>");
    }

    #[test]
    fn what_was_stored_unchecked_does_no_harm() {
        let (letter, about) = samples::booking(What::Confirmed, Reader::Invitee);
        assert_eq!(fill("a {{unknown}} b {{service", &letter, &about), "a  b service");
        let subject = fill_subject(&format!("a\r\nBcc: b {}", "é".repeat(300)), &letter, &about);
        assert!(!subject.contains(['\r', '\n']) && subject.chars().count() == 200, "{subject}");
    }
}
