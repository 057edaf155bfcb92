//! The country that the time zone setting speaks of, and nothing finer.

mod zones;

use std::path::Path;

use super::environment::{Environment, Reading, Var};
use zones::ZONES;

/// Where systems keep their setting: as a link into the zone database (Linux, macOS, the BSDs), or as text (Debian and
/// others, where the first is a copy).
const LOCALTIME: &str = "/etc/localtime";
const TIMEZONE: &str = "/etc/timezone";

/// The ISO 3166-1 alpha-2 code of the country whose time zone is set; `None` where the setting tells none: UTC, a rule such
/// as `CET-1CEST`, a name that several countries share, no setting at all.
///
/// The first of these that is there decides: the variable `TZ`, the target of the link `/etc/localtime`, the text of
/// `/etc/timezone`.
pub(crate) fn country(environment: &Environment) -> Option<&'static str> {
    let setting = match environment.var("TZ") {
        Var::Text(setting) => setting,
        Var::NotUnicode => return None,
        Var::Unset => match environment.link_target(Path::new(LOCALTIME)) {
            Some(target) => target.to_str()?.to_owned(),
            None => match environment.read(Path::new(TIMEZONE)) {
                Reading::Contents(text) => text,
                Reading::Missing | Reading::Unreadable(_) => return None,
            },
        },
    };
    let name = name(setting.trim());
    ZONES.iter().find(|(_, names)| names.contains(&name)).map(|(country, _)| *country)
}

/// The zone's name, of a name or of a path into the zone database: `:Europe/Oslo`, `/usr/share/zoneinfo/Europe/Oslo`,
/// `/var/db/timezone/zoneinfo/Europe/Oslo`.
fn name(setting: &str) -> &str {
    let setting = setting.strip_prefix(':').unwrap_or(setting);
    let name = setting.rsplit_once("zoneinfo/").map_or(setting, |(_, name)| name);
    // The same zones, without and with leap seconds.
    ["posix/", "right/"].iter().find_map(|tree| name.strip_prefix(tree)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_first_setting_that_is_there_decides() {
        let nothing = Environment::fixed([("A", "1")]);
        assert_eq!(country(&nothing), None);
        let debian = nothing.file(TIMEZONE, "Asia/Tokyo\n");
        assert_eq!(country(&debian), Some("JP"));
        let linked = debian.clone().link(LOCALTIME, "/usr/share/zoneinfo/Europe/Oslo");
        assert_eq!(country(&linked), Some("NO"));
        let copied = debian.clone().file(LOCALTIME, "TZif2").unreadable_file("/etc/other");
        assert_eq!(country(&copied), Some("JP"));
        assert_eq!(country(&debian.unreadable_file(TIMEZONE)), None);
        for (zone, of) in [("America/Lima", Some("PE")), ("UTC", None), ("", None), ("EST5EDT,M3.2.0,M11.1.0", None)] {
            let set = Environment::fixed([("TZ", zone)]).link(LOCALTIME, "/usr/share/zoneinfo/Europe/Oslo");
            assert_eq!(country(&set), of, "{zone}");
        }
    }

    #[test]
    fn a_zone_is_known_by_its_name_and_by_its_file() {
        for (setting, of) in [
            ("Europe/Berlin", Some("DE")),
            (":Europe/Berlin", Some("DE")),
            (" Europe/Berlin\n", Some("DE")),
            ("/usr/share/zoneinfo/Europe/Berlin", Some("DE")),
            ("../usr/share/zoneinfo/posix/Europe/Berlin", Some("DE")),
            ("/usr/share/zoneinfo/right/America/Argentina/Ushuaia", Some("AR")),
            ("/var/db/timezone/zoneinfo/Asia/Seoul", Some("KR")),
            // Names of old settings.
            ("Asia/Calcutta", Some("IN")),
            ("US/Pacific", Some("US")),
            ("Europe/Kiev", Some("UA")),
            // Zones of no country, of several, and what only looks like one of them.
            ("Etc/UTC", None),
            ("Etc/GMT+1", None),
            ("GMT", None),
            ("EET", None),
            ("EST5EDT", None),
            ("CET-1CEST", None),
            ("Europe/Simferopol", None),
            ("Africa/Timbuktu", None),
            ("europe/berlin", None),
            ("Europe/Berlin/Mitte", None),
            ("Europe/", None),
            ("/home/ann/zones/home", None),
        ] {
            assert_eq!(country(&Environment::fixed([("TZ", setting)])), of, "{setting}");
        }
    }

    #[test]
    fn every_zone_has_one_country_and_every_country_two_letters() {
        assert!(ZONES.is_sorted_by(|(one, _), (other, _)| one < other));
        let mut seen = HashSet::new();
        for (country, names) in ZONES {
            assert!(country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()), "{country}");
            for name in names {
                assert!(name.contains('/') && seen.insert(name), "{name}");
            }
        }
        // As many as zone.tab names, and the links.
        assert!(seen.len() > 418, "{}", seen.len());
    }
}
