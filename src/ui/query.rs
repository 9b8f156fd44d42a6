//! The booking page's state as its address carries it. Every link of the page is made here, and with JavaScript
//! the same links are read here again instead of being sent to the server: one meaning for both.

use crate::domain::month::Month;
use chrono::NaiveDate;
use std::borrow::Cow;

/// Prefilled values travel along in every link of the page, so what they may weigh is bounded.
const REST_LIMIT: usize = 2_000;

/// What the address says. Anything in it that makes no sense counts as not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The month shown.
    pub month: Option<Month>,
    /// The day whose times are shown.
    pub day: Option<NaiveDate>,
    /// The zone that was chosen (IANA name); empty when none was.
    pub zone: String,
    /// The length that was chosen, in minutes.
    pub length: Option<u32>,
    /// The time that was chosen, in epoch minutes.
    pub start: Option<i64>,
    /// Is a zone being picked?
    pub pick: bool,
    /// What zones are searched for.
    pub find: String,
    /// 1:30 pm instead of 13:30?
    pub hour12: Option<bool>,
    /// Everything else, as it came: the key of a private service, prefilled fields, marks of campaigns.
    pub rest: Vec<(String, String)>,
}

impl Query {
    /// Reads the part of an address after the `?`.
    pub fn parse(search: &str) -> Self {
        let mut query = Self::default();
        let mut weight = 0;
        for (name, value) in pairs(search) {
            match name.as_str() {
                "month" => query.month = value.parse().ok(),
                "day" => query.day = super::format::parse_day(&value),
                "zone" => query.zone = value,
                "length" => query.length = value.parse().ok(),
                "start" => query.start = value.parse().ok(),
                "pick" => query.pick = value == "zone",
                "find" => query.find = value,
                "clock" => {
                    query.hour12 = match value.as_str() {
                        "12" => Some(true),
                        "24" => Some(false),
                        _ => None,
                    };
                }
                "" => {}
                _ => {
                    weight += name.len() + value.len();
                    if weight <= REST_LIMIT {
                        query.rest.push((name, value));
                    }
                }
            }
        }
        query
    }

    /// Writes what [`Self::parse`] reads, with the `?` in front.
    pub fn href(&self) -> String {
        let mut text = String::from("?");
        for (name, value) in self.entries() {
            if text.len() > 1 {
                text.push('&');
            }
            encode_into(&mut text, name);
            text.push('=');
            encode_into(&mut text, &value);
        }
        text
    }

    /// The fields of a form by GET that leads to the same place.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let month = self.month.filter(|month| self.day.is_none_or(|day| Month::of(day) != *month));
        let zone = Some(self.zone.as_str()).filter(|zone| !zone.is_empty());
        let clock = self.hour12.map(|hour12| if hour12 { "12" } else { "24" });
        let own = [
            ("month", month.map(|month| month.to_string().into())),
            ("day", self.day.map(|day| day.to_string().into())),
            ("zone", zone.map(Cow::from)),
            ("length", self.length.map(|length| length.to_string().into())),
            ("start", self.start.map(|start| start.to_string().into())),
            ("pick", self.pick.then(|| "zone".into())),
            ("clock", clock.map(Cow::from)),
        ];
        let own = own.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        own.chain(self.rest.iter().map(|(name, value)| (name.as_str(), value.into())))
    }

    /// The month that the address asks for, straight or through a day or a time.
    pub fn month_asked(&self) -> Option<Month> {
        let of_start = || self.start.map(|start| super::format::at(start).date_naive());
        self.month.or_else(|| self.day.or_else(of_start).map(Month::of))
    }

    /// A prefilled value.
    pub fn prefilled<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.rest.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    // The links of the page: each says what it changes, and keeps what the person chose before.

    /// Another month.
    pub fn to_month(&self, month: Month) -> Self {
        Self { month: Some(month), day: None, ..self.bare() }
    }

    /// A day and its times.
    pub fn to_day(&self, day: NaiveDate) -> Self {
        Self { month: None, day: Some(day), ..self.bare() }
    }

    /// A time, and the form for it.
    pub fn to_start(&self, start: i64) -> Self {
        Self { start: Some(start), month: None, day: None, ..self.bare() }
    }

    /// Another length.
    pub fn to_length(&self, length: u32) -> Self {
        Self { length: Some(length), ..self.bare() }
    }

    /// The list of zones.
    pub fn to_zones(&self) -> Self {
        Self { pick: true, ..self.clone() }
    }

    /// A zone.
    pub fn to_zone(&self, zone: &str) -> Self {
        Self { zone: zone.to_owned(), pick: false, find: String::new(), ..self.clone() }
    }

    /// Another clock.
    pub fn to_clock(&self, hour12: bool) -> Self {
        Self { hour12: Some(hour12), ..self.clone() }
    }

    /// Back to the month and its times.
    pub fn bare(&self) -> Self {
        Self { start: None, pick: false, find: String::new(), ..self.clone() }
    }
}

fn pairs(search: &str) -> impl Iterator<Item = (String, String)> {
    search.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        let ahead = rest.as_slice();
        match (byte, ahead.first().copied().and_then(hex), ahead.get(1).copied().and_then(hex)) {
            (b'+', ..) => bytes.push(b' '),
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Percent-encodes everything but what is plain in a query (and `/`, which is, and keeps zones readable).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode_into(&mut encoded, text);
    encoded
}

fn encode_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/' | b'@' | b':' | b',')
        {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "?month=2026-12&zone=Europe/Berlin&length=30&pick=zone&clock=12&key=k1&name=Ann%20%26%20Bob&q-a=%C3%B6";
        let query = Query::parse(text);
        assert_eq!(query.prefilled("name").collect::<Vec<_>>(), ["Ann & Bob"]);
        assert_eq!(query.prefilled("q-a").collect::<Vec<_>>(), ["ö"]);
        assert_eq!(query.href(), text);
        assert_eq!(Query::parse(&query.href()), query);
        assert_eq!(Query::parse("").href(), "?");
    }

    #[test]
    fn a_day_says_its_month_and_links_drop_what_they_leave() {
        let query = Query::parse("day=2026-12-03&month=2026-12&start=29700000&zone=UTC&find=x");
        assert_eq!(query.href(), "?day=2026-12-03&zone=UTC&start=29700000");
        assert_eq!(query.bare().href(), "?day=2026-12-03&zone=UTC");
        assert_eq!(query.to_start(5).href(), "?zone=UTC&start=5");
        assert_eq!(query.to_month("2027-01".parse().unwrap()).href(), "?month=2027-01&zone=UTC");
        assert_eq!(query.to_zone("Asia/Tokyo").href(), "?day=2026-12-03&zone=Asia/Tokyo&start=29700000");
        assert_eq!(Query::parse("start=29700000").month_asked().unwrap().to_string(), "2026-06");
    }

    #[test]
    fn nonsense_counts_as_not_said() {
        let query = Query::parse("month=2026-99&day=tomorrow&length=-5&start=1e9&clock=13&pick=all&&=&%zz=%");
        assert_eq!(Query { rest: Vec::new(), ..query.clone() }, Query::default());
        assert_eq!(query.rest.last().unwrap(), &("%zz".to_owned(), "%".to_owned()));
    }

    #[test]
    fn no_value_can_leave_its_place() {
        let query = Query::parse("name=%22%3E%3Cscript%3E%26day=2026-01-01%23x");
        assert_eq!(query.href(), "?name=%22%3E%3Cscript%3E%26day%3D2026-01-01%23x");
    }

    #[test]
    fn prefilled_values_are_bounded() {
        let long = format!("name=Ann&notes={}", "x".repeat(5_000));
        assert_eq!(Query::parse(&long).rest.len(), 1);
    }
}
