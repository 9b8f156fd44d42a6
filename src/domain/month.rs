//! A month of the Gregorian calendar, as pages and links name it: `2026-11`.

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A calendar month between 1970-01 and 2999-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(NaiveDate);

/// A text that is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month; a month is written like 2026-11")]
pub struct NotAMonth;

impl Month {
    /// The month that a date lies in; dates out of range are brought to the nearest month in it.
    pub fn of(date: NaiveDate) -> Self {
        let year = date.year().clamp(1970, 2999);
        Self(NaiveDate::from_ymd_opt(year, date.month(), 1).unwrap_or_default())
    }

    /// Its first day.
    pub fn first(self) -> NaiveDate {
        self.0
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        self.0
            .checked_add_months(Months::new(1))
            .and_then(|next| next.checked_sub_days(Days::new(1)))
            .unwrap_or(self.0)
    }

    /// The month after it.
    pub fn next(self) -> Self {
        self.0.checked_add_months(Months::new(1)).map_or(self, Self::of)
    }

    /// The month before it.
    pub fn previous(self) -> Self {
        self.0.checked_sub_months(Months::new(1)).map_or(self, Self::of)
    }

    /// Its days in order.
    pub fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.0.iter_days().take_while(move |day| day.month() == self.0.month())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = NotAMonth;
    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        if year.len() != 4 || month.len() != 2 {
            return Err(NotAMonth);
        }
        let year: i32 = year.parse().map_err(|_| NotAMonth)?;
        let month: u32 = month.parse().map_err(|_| NotAMonth)?;
        if !(1970..=2999).contains(&year) {
            return Err(NotAMonth);
        }
        NaiveDate::from_ymd_opt(year, month, 1).map(Self).ok_or(NotAMonth)
    }
}

impl TryFrom<String> for Month {
    type Error = NotAMonth;
    fn try_from(text: String) -> Result<Self, NotAMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_read_write_and_roll_over_the_year() {
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(december.last().to_string(), "2026-12-31");
        assert_eq!(december.days().count(), 31);
        for wrong in ["", "2026", "2026-13", "2026-1", "99999-01", "2026-00", "0001-01", "+026-01"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
