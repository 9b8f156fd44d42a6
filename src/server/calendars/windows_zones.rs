//! Windows time zone names and the zones of the IANA database, each by way of the other.
//!
//! Outlook, Exchange and Graph name zones as Windows does. The table is CLDR's (`windows_zones.txt` names its source):
//! one IANA zone stands for each Windows name wherever it is used, and each of the further zones has one Windows name.

use std::{collections::HashMap, sync::OnceLock};

#[derive(Debug, Default)]
struct Table {
    /// By the Windows name in lower case.
    iana: HashMap<String, &'static str>,
    windows: HashMap<&'static str, &'static str>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Table::default();
        for line in include_str!("windows_zones.txt").lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let (Some(windows), Some(iana)) = (fields.next(), fields.next()) else { continue };
            table.iana.insert(windows.to_lowercase(), iana);
            for zone in std::iter::once(iana).chain(fields.flat_map(|more| more.split(' '))) {
                table.windows.insert(zone, windows);
            }
        }
        table
    })
}

/// The IANA zone that stands for a Windows one (`W. Europe Standard Time` → `Europe/Berlin`), in whatever case; `None`
/// when Windows has no such zone.
pub fn iana(windows: &str) -> Option<&'static str> {
    match windows.to_lowercase().as_str() {
        // Older names for the same thing, which Graph and Exchange still write.
        "tzone://microsoft/utc" | "coordinated universal time" => Some("Etc/UTC"),
        name => table().iana.get(name).copied(),
    }
}

/// The Windows name of an IANA zone (`Europe/Vienna` → `W. Europe Standard Time`); `None` when it has none.
pub fn windows(iana: &str) -> Option<&'static str> {
    match iana {
        "UTC" | "Etc/UCT" | "Etc/Zulu" => Some("UTC"),
        name => table().windows.get(name).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::zones;

    #[test]
    fn every_windows_zone_is_one_that_the_server_knows_and_comes_back() {
        assert_eq!(table().iana.len(), 139);
        for zone in table().iana.values() {
            assert!(zones::rules(zone).is_some(), "{zone}");
        }
        for (iana, windows) in &table().windows {
            assert!(super::iana(windows).is_some(), "{iana} {windows}");
        }
    }

    #[test]
    fn names_are_found_both_ways() {
        assert_eq!(iana("W. Europe Standard Time"), Some("Europe/Berlin"));
        assert_eq!(iana("eastern standard time"), Some("America/New_York"));
        assert_eq!(iana("India Standard Time"), Some("Asia/Kolkata"));
        assert_eq!(iana("Customized Time Zone"), None);
        assert_eq!(windows("Europe/Vienna"), Some("W. Europe Standard Time"));
        assert_eq!(windows("Asia/Kolkata"), windows("Asia/Calcutta"));
        assert_eq!(windows("UTC"), Some("UTC"));
        assert_eq!(windows("Europe/Atlantis"), None);
    }

    /// Zones that people can choose but that have no Windows name would have to be sent to Outlook in UTC.
    #[test]
    fn nearly_every_zone_that_can_be_chosen_has_a_windows_name() {
        let without: Vec<_> = zones::names().iter().filter(|name| windows(name).is_none()).collect();
        assert!(without.len() < 5, "{without:?}");
    }
}
