//! The mail server that the operator sets for all workspaces.

use super::Settings;
use crate::{
    domain::text::EmailAddress,
    server::mail::{
        letter::Person,
        smtp::{Security, SmtpServer},
    },
};

/// Checks the settings that belong together: no server at all, or one with a sender.
pub(super) fn check(settings: &Settings, faults: &mut Vec<String>) -> (Option<SmtpServer>, Option<Person>) {
    let from = settings.mail_from.as_deref().and_then(|text| {
        let person = person(text);
        if person.is_none() {
            faults.push(format!(
                "MERIDIAN_MAIL_FROM is “{text}”; it takes an address, such as Studio <mail@example.com>."
            ));
        }
        person
    });
    let Some(host) = settings.smtp_host.clone().filter(|host| !host.trim().is_empty()) else {
        return (None, from);
    };
    let security = match settings.smtp_security.as_deref().unwrap_or("starttls") {
        "starttls" => Security::StartTls,
        "tls" => Security::Tls,
        "none" => Security::None,
        other => {
            faults.push(format!("MERIDIAN_SMTP_SECURITY is “{other}”; it can be starttls, tls or none."));
            Security::StartTls
        }
    };
    let usual = match security {
        Security::StartTls => "587",
        Security::Tls => "465",
        Security::None => "25",
    };
    let port = settings.smtp_port.as_deref().unwrap_or(usual);
    let port = port.parse().ok().filter(|port| *port > 0).unwrap_or_else(|| {
        faults.push(format!("MERIDIAN_SMTP_PORT is “{port}”; it takes a number from 1 to 65535."));
        587
    });
    let username = settings.smtp_username.clone().unwrap_or_default();
    let password = settings.smtp_password.clone().unwrap_or_default();
    if username.is_empty() != password.is_empty() {
        faults.push("MERIDIAN_SMTP_USERNAME and MERIDIAN_SMTP_PASSWORD go together.".into());
    }
    if settings.mail_from.is_none() {
        faults.push("MERIDIAN_SMTP_HOST needs MERIDIAN_MAIL_FROM: whom mails are from.".into());
    }
    (Some(SmtpServer { host, port, security, username, password }), from)
}

/// `Name <address>`, or an address alone.
fn person(text: &str) -> Option<Person> {
    let (name, address) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"'), address),
        None => ("", text),
    };
    let email = EmailAddress::parse(address).ok()?;
    let sound = !name.chars().any(char::is_control);
    sound.then(|| Person { name: name.to_owned(), email: email.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let named = person("Studio \"Nord\" <mail@example.com>").unwrap();
        assert_eq!((named.name.as_str(), named.email.as_str()), ("Studio \"Nord", "mail@example.com"));
        assert_eq!(person("mail@example.com").unwrap().name, "");
        assert!(person("nobody").is_none());
        assert!(person("A\r\nBcc: x@y.z <mail@example.com>").is_none());
    }

    #[test]
    fn each_fault_of_the_mail_server_has_its_sentence() {
        let settings = Settings {
            smtp_host: Some("mail.example.com".into()),
            smtp_port: Some("0".into()),
            smtp_security: Some("ssl".into()),
            smtp_username: Some("me".into()),
            ..Settings::default()
        };
        let mut faults = Vec::new();
        check(&settings, &mut faults);
        assert_eq!(faults.len(), 4, "{faults:?}");
    }
}
