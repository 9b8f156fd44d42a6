//! Texts that people enter: what is accepted, and the sentence for what is not.
//!
//! Every type here can only be made through `parse`, which trims, refuses control characters (they end up in
//! mail headers and calendar files), and bounds the length.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text was refused, as a sentence that can stand beside its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub String);

fn refuse<T>(sentence: impl Into<String>) -> Result<T, TextError> {
    Err(TextError(sentence.into()))
}

/// Is this a character that must never reach a header, a log line or a calendar file as it is?
///
/// Control characters, and the marks that reorder the text around them (Unicode "bidi" controls).
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

macro_rules! text_types {
    ($($(#[$doc:meta])* $name:ident => $parse:expr),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Trims and checks.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                let check: fn(&str) -> Result<String, TextError> = $parse;
                check(text.trim()).map(Self)
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;
            fn try_from(text: String) -> Result<Self, TextError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_types! {
    /// A part of a public address: 1 to 64 of `a–z`, `0–9` and `-`, not starting or ending with `-`.
    Slug => parse_slug,
    /// A person's or a thing's name: one line of 1 to 120 characters.
    Name => |text| one_line(text, 120, "Please enter a name.", "name"),
    /// An e-mail address that can be written into a mail header as it is (RFC 5321 §4.1.2, no quoted local
    /// part, at most 254 octets); kept as typed, compared by [`EmailAddress::key`].
    EmailAddress => parse_email,
    /// A telephone number as a person writes it: digits, spaces, `+ - ( ) . /`; 5 to 20 digits.
    PhoneNumber => parse_phone,
}

impl EmailAddress {
    /// The form that addresses are compared in: lower case. (Local parts are case-sensitive on paper only.)
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl Slug {
    /// Makes a slug out of a name: "Köln: first visit" → `koln-first-visit`-like, never failing.
    pub fn from_name(name: &str) -> Self {
        let mut slug = String::new();
        for c in name.chars() {
            let plain = match c {
                'ä' | 'à' | 'á' | 'â' | 'ã' | 'å' | 'Ä' | 'Å' => 'a',
                'é' | 'è' | 'ê' | 'ë' | 'É' => 'e',
                'í' | 'ì' | 'î' | 'ï' => 'i',
                'ö' | 'ó' | 'ò' | 'ô' | 'ø' | 'Ö' => 'o',
                'ü' | 'ú' | 'ù' | 'û' | 'Ü' => 'u',
                'ç' => 'c',
                'ñ' => 'n',
                'ß' => 's',
                other => other,
            };
            if plain.is_ascii_alphanumeric() {
                slug.push(plain.to_ascii_lowercase());
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
            if slug.len() >= 60 {
                break;
            }
        }
        let slug = slug.trim_matches('-');
        Self(if slug.is_empty() { "calendar".to_owned() } else { slug.to_owned() })
    }
}

/// One line of at most `most` characters.
pub fn one_line(text: &str, most: usize, empty: &str, what: &str) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return refuse(empty);
    }
    if text.chars().any(is_forbidden) {
        return refuse(format!("The {what} can't contain line breaks or control characters."));
    }
    if text.chars().count() > most {
        return refuse(format!("The {what} is too long: {most} characters at most."));
    }
    Ok(text.to_owned())
}

/// Several lines of at most `most` characters; line endings become `\n`. May be empty.
pub fn many_lines(text: &str, most: usize) -> Result<String, TextError> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim();
    if text.chars().any(|c| c != '\n' && c != '\t' && is_forbidden(c)) {
        return refuse("Control characters can't be kept. Please remove them.");
    }
    if text.chars().count() > most {
        return refuse(format!("This is too long: {most} characters at most."));
    }
    Ok(text.to_owned())
}

fn parse_slug(text: &str) -> Result<String, TextError> {
    let fits = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        Ok(text.to_owned())
    } else {
        refuse("Use 1 to 64 small letters, digits and hyphens, such as “first-visit”.")
    }
}

fn parse_email(text: &str) -> Result<String, TextError> {
    const HELP: &str = "Please enter an e-mail address, such as name@example.com.";
    if text.len() > 254 {
        return refuse("The e-mail address is too long: 254 characters at most.");
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return refuse(HELP);
    };
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
    let domain_fits = domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    if local_fits && domain_fits { Ok(text.to_owned()) } else { refuse(HELP) }
}

fn parse_phone(text: &str) -> Result<String, TextError> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let fits = (5..=20).contains(&digits)
        && text.len() <= 40
        && text.chars().all(|c| c.is_ascii_digit() || "+-(). /".contains(c));
    if fits {
        Ok(text.to_owned())
    } else {
        refuse("Please enter a telephone number, such as +49 30 1234567.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_forge_a_header_are_refused() {
        for wrong in [
            "a@b",
            "a b@c.de",
            "a@c.de\r\nBcc: x@y.z",
            "<a@b.de>",
            "a@@b.de",
            ".a@b.de",
            "a@-b.de",
            "\"x y\"@b.de",
            "",
        ] {
            assert!(EmailAddress::parse(wrong).is_err(), "{wrong:?}");
        }
        for right in
            ["a@b.de", " Ada.Lovelace+cal@example.co.uk ", "müller@bücher.example", "o'neil@example.com"]
        {
            assert!(EmailAddress::parse(right).is_ok(), "{right:?}");
        }
    }

    #[test]
    fn names_keep_their_script_but_no_control_characters() {
        assert_eq!(Name::parse("  李小龙 ").unwrap().as_str(), "李小龙");
        assert!(Name::parse("a\nb").is_err());
        assert!(Name::parse("safe\u{202E}gpj").is_err());
        assert!(Name::parse(&"x".repeat(10_000)).is_err());
    }

    #[test]
    fn any_name_makes_a_valid_slug() {
        for (name, slug) in [("Köln: first visit", "koln-first-visit"), ("李", "calendar"), ("--A--", "a")]
        {
            assert_eq!(Slug::from_name(name).as_str(), slug);
        }
        assert!(Slug::parse(Slug::from_name(&"word ".repeat(50)).as_str()).is_ok());
    }
}
