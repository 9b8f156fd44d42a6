//! Content lines (RFC 5545 §3.1): unfolding, and what is in one.

use std::borrow::Cow;

/// The most that is kept of a line, in bytes: enough for thousands of dates; what is longer is a picture.
const LONGEST: usize = 64 * 1024;

/// A content line, unfolded.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    text: Cow<'a, str>,
    /// Is it longer than what is kept of it?
    cut: bool,
    /// Where the name ends.
    name: usize,
    /// Where the parameters end, at the colon before the value.
    colon: usize,
}

impl<'a> Line<'a> {
    /// `None` for a line that has no value.
    pub(super) fn new(text: Cow<'a, str>) -> Option<Self> {
        let name = text.find([';', ':'])?;
        let colon = match text.get(name..)?.starts_with(':') {
            true => name,
            false => colon(&text, name)?,
        };
        Some(Self { text, cut: false, name, colon })
    }

    /// Is it longer than what is kept of it?
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// The property's name.
    pub(super) fn name(&self) -> &str {
        self.text.get(..self.name).unwrap_or_default()
    }

    /// Is this the property's name?
    pub(super) fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    /// The value, as it is written.
    pub(super) fn value(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// What comes after the last colon: the value of a property whose values hold none (dates), even if a parameter before it
    /// holds one that ought to be quoted, such as `TZID=(UTC+01:00) Berlin`.
    pub(super) fn last_value(&self) -> &str {
        self.value().rsplit(':').next().unwrap_or_default().trim()
    }

    /// A parameter's value, without its quotes.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut rest = self.text.get(self.name..self.colon)?;
        while let Some(parameter) = rest.strip_prefix(';') {
            let mut quoted = false;
            let end = parameter
                .bytes()
                .position(|byte| {
                    quoted ^= byte == b'"';
                    byte == b';' && !quoted
                })
                .unwrap_or(parameter.len());
            let (this, after) = parameter.split_at_checked(end)?;
            if let Some((key, value)) = this.split_once('=')
                && key.trim().eq_ignore_ascii_case(name)
            {
                return Some(value.trim().trim_matches('"'));
            }
            rest = after;
        }
        None
    }

    /// The value as TEXT (§3.3.11), without its escapes.
    pub(super) fn text(&self) -> String {
        unescape(self.value())
    }
}

/// The first colon outside of quotes; if the quotes don't match, the first of all.
fn colon(text: &str, from: usize) -> Option<usize> {
    let mut quoted = false;
    let rest = text.get(from..)?;
    let found = rest.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b':' && !quoted
    });
    Some(from + found.or_else(|| rest.find(':'))?)
}

/// TEXT without its escapes (RFC 5545 §3.3.11).
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

/// Physical lines, whatever ends them.
fn physical(text: &str) -> impl Iterator<Item = &str> {
    // Files of very old programs end lines with a carriage return alone.
    let end = if text.contains('\n') { '\n' } else { '\r' };
    text.split(end).map(|line| line.strip_suffix('\r').unwrap_or(line))
}

/// The lines of a text as they are meant, and whether they are all of it: those that are longer than `most` are cut at one
/// of their folds.
fn whole_or_cut(text: &str, most: usize) -> impl Iterator<Item = (Cow<'_, str>, bool)> {
    let mut lines = physical(text.strip_prefix('\u{FEFF}').unwrap_or(text)).peekable();
    std::iter::from_fn(move || {
        let mut line = Cow::Borrowed(lines.next()?);
        let mut cut = false;
        while let Some(more) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
            cut |= line.len().saturating_add(more.len()) > most;
            if !cut {
                line.to_mut().push_str(more.get(1..).unwrap_or_default());
            }
        }
        Some((line, cut))
    })
}

/// The lines of a text as they are meant; those that are longer than `most` are cut at one of their folds.
pub(super) fn unfolded(text: &str, most: usize) -> impl Iterator<Item = Cow<'_, str>> {
    whole_or_cut(text, most).map(|(line, _)| line)
}

/// The content lines of a text. Those that are none are passed over, and so is the rest of those that are too long.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    whole_or_cut(text, LONGEST).filter_map(|(text, cut)| {
        let long = text.len() > LONGEST;
        let text =
            if long { Cow::Owned(text.get(..text.floor_char_boundary(LONGEST))?.to_owned()) } else { text };
        Some(Line { cut: cut || long, ..Line::new(text)? })
    })
}

/// Folds a line at 75 octets, never inside a character (§3.1), and ends it.
pub(super) fn fold(line: &str, out: &mut String) {
    let mut width = 0;
    for c in line.chars() {
        if width + c.len_utf8() > 75 {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(c);
        width += c.len_utf8();
    }
    out.push_str("\r\n");
}

/// Is this a page for people, as servers answer that want a sign-in first?
pub fn looks_like_html(text: &[u8]) -> bool {
    let start = text.get(..512).unwrap_or(text).trim_ascii_start().to_ascii_lowercase();
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start);
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body", b"<!--"].iter().any(|mark| start.starts_with(mark))
}
