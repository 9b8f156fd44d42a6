//! `ZoneRules` out of chrono-tz, by looking for the instants at which the offset changes.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use meridian::domain::zone::{Transition, ZoneRules};

/// Seconds east of UTC.
pub fn offset(tz: Tz, second: i64) -> i32 {
    let utc = DateTime::from_timestamp(second, 0).unwrap().naive_utc();
    tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// The changes in `[from, until)`: no zone has ever changed twice within twelve hours.
pub fn rules(tz: Tz, from: i64, until: i64) -> ZoneRules {
    const STEP: i64 = 12 * 3600;
    let initial = offset(tz, from);
    let mut transitions = Vec::new();
    let (mut second, mut before) = (from, initial);
    while second < until {
        let after = offset(tz, second + STEP);
        if after != before {
            let (mut low, mut high) = (second, second + STEP);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if offset(tz, middle) == before {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            transitions.push(Transition { at: high, offset: after });
        }
        before = after;
        second += STEP;
    }
    ZoneRules::new(tz.name(), initial, transitions)
}

/// Midnight UTC of 1 January.
pub fn new_year(year: i32) -> i64 {
    chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp()
}
