//! Values made coarser: ranges, rounded times, the harmless part of an address.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::policy::{self, Action, Salt, TimeUnit};
use super::pseudonym::Pseudonymizer;
use super::scan::{Kind, Scanner};
use super::sql;
use crate::app::{Date, Timestamp};

/// The coarser form of a value; `None` when it has none, and the field goes.
pub(super) fn apply(action: Action, field: &str, value: &str, pseudonyms: &Pseudonymizer) -> Option<String> {
    match action {
        Action::Bucket => bucket(value),
        Action::Round(unit) => round(value, unit),
        Action::Generalize => generalize(field, value, pseudonyms),
        Action::Parameterize => sql::parameterize(value),
        Action::Automagik => policy::replace(field, value, Salt::Key(pseudonyms)).map(Cow::into_owned),
        Action::Keep
        | Action::Drop
        | Action::Hash
        | Action::ReversibleSha256
        | Action::Redact
        | Action::Truncate(_) => None,
    }
}

/// The power-of-ten range that a number lies in.
fn bucket(value: &str) -> Option<String> {
    let number: f64 = value.parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let size = number.abs().trunc();
    if size < 1.0 {
        return Some("0".to_owned());
    }
    if size >= 1e15 {
        return Some(format!("{sign}1000000000000000 or more"));
    }
    let mut low = 1_u64;
    while size >= (low * 10) as f64 {
        low *= 10;
    }
    Some(format!("{sign}{low}-{sign}{high}", high = low * 10 - 1))
}

/// A time rounded down: RFC 3339, or a UNIX time whose unit its size tells.
fn round(value: &str, unit: TimeUnit) -> Option<String> {
    const DAY: i64 = 86_400_000_000_000;
    const HOUR: i64 = 3_600_000_000_000;
    let at = match value.parse::<Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let number: i64 = value.parse().ok()?;
            // Seconds until the year 5138, then the next finer unit.
            let scale = match number.unsigned_abs() {
                0..100_000_000_000 => 1_000_000_000,
                100_000_000_000..100_000_000_000_000 => 1_000_000,
                100_000_000_000_000..100_000_000_000_000_000 => 1_000,
                _ => 1,
            };
            Timestamp::from_nanos(number.checked_mul(scale)?)
        }
    };
    let start = match unit {
        TimeUnit::Hour => at.nanos() - at.nanos().rem_euclid(HOUR),
        TimeUnit::Day => i64::from(at.date().days()) * DAY,
        TimeUnit::Week => i64::from(monday(at.date())) * DAY,
    };
    let text = Timestamp::from_nanos(start).to_string();
    Some(text.replace(".000000000", ""))
}

/// Days since 1970 of the week's Monday; 1970-01-01 was a Thursday.
fn monday(date: Date) -> i32 {
    date.days() - (date.days() + 3).rem_euclid(7)
}

fn generalize(field: &str, value: &str, pseudonyms: &Pseudonymizer) -> Option<String> {
    if value.contains("://") {
        return route(value);
    }
    let mut findings = Vec::new();
    Scanner::standard().scan(value.as_bytes(), &mut findings);
    match findings.first().map(|finding| (finding.kind(), finding.span())) {
        Some((Kind::Email, span)) if span == (0..value.len()) => {
            let (_, domain) = value.rsplit_once('@')?;
            Some(format!("@{}", pseudonyms.pseudonym(field, &domain.to_ascii_lowercase())))
        }
        Some((Kind::Phone, span)) if span == (0..value.len()) => country_code(value),
        Some((Kind::Ipv4, span)) if span == (0..value.len()) => {
            let [a, b, c, _] = value.parse::<Ipv4Addr>().ok()?.octets();
            Some(format!("{}/24", Ipv4Addr::new(a, b, c, 0)))
        }
        Some((Kind::Ipv6, span)) if span == (0..value.len()) => {
            let [a, b, c, ..] = value.parse::<Ipv6Addr>().ok()?.segments();
            Some(format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
        }
        _ => extension(value),
    }
}

/// Scheme, host and route of a URL: numbers and long codes in the path become `{id}`, the query goes.
fn route(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once("://")?;
    if !matches!(scheme, "http" | "https" | "ws" | "wss") {
        return None;
    }
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = authority.rsplit('@').next()?;
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, format!(":{port}")),
        _ => (address, String::new()),
    };
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    if !is_name || host.parse::<Ipv4Addr>().is_ok() {
        // An address names a machine, and anything else is no host.
        return None;
    }
    let mut url = format!("{scheme}://{host}{port}");
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let is_word =
            segment.len() <= 24 && segment.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_' | b'.'));
        let is_version = segment.len() <= 3 && segment.starts_with('v');
        url.push('/');
        url.push_str(if is_word || is_version { segment } else { "{id}" });
    }
    Some(url)
}

/// The `+` and country calling code of an international number (ITU-T E.164 zones).
pub(super) fn country_code(value: &str) -> Option<String> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let digits = match value.trim_start().starts_with('+') {
        true => digits.as_str(),
        false => digits.strip_prefix("00")?,
    };
    let two = digits.get(..2)?;
    let length = match digits.as_bytes()[0] {
        b'1' | b'7' => 1,
        _ if TWO_DIGIT_CODES.contains(&two) => 2,
        _ => 3,
    };
    Some(format!("+{}", digits.get(..length)?))
}

/// Country calling codes of two digits; all others but 1 and 7 have three (ITU-T E.164 list of assigned codes).
const TWO_DIGIT_CODES: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98",
];

/// The extension of a path, as in `*.pdf`.
fn extension(value: &str) -> Option<String> {
    let name = value.rsplit(['/', '\\']).next()?;
    let (stem, extension) = name.rsplit_once('.')?;
    let plausible = !stem.is_empty()
        && (1..=8).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric())
        && extension.bytes().any(|b| b.is_ascii_alphabetic());
    (plausible && value.len() > name.len()).then(|| format!("*.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coarse(action: Action, value: &str) -> Option<String> {
        apply(action, "field", value, &Pseudonymizer::with_key(&[7; 32]))
    }

    #[test]
    fn numbers_fall_into_ranges() {
        for (value, range) in [
            ("0", "0"),
            ("0.9", "0"),
            ("7", "1-9"),
            ("10", "10-99"),
            ("99.9", "10-99"),
            ("-250", "-100--999"),
            ("1e20", "1000000000000000 or more"),
        ] {
            assert_eq!(coarse(Action::Bucket, value).as_deref(), Some(range), "{value}");
        }
        assert_eq!(coarse(Action::Bucket, "NaN"), None);
        assert_eq!(coarse(Action::Bucket, "alice"), None);
    }

    #[test]
    fn times_are_rounded_down() {
        for value in
            ["2026-03-04T05:06:07.89Z", "1772600767", "1772600767890", "1772600767890000", "1772600767890000000"]
        {
            assert_eq!(
                coarse(Action::Round(TimeUnit::Hour), value).as_deref(),
                Some("2026-03-04T05:00:00Z"),
                "{value}"
            );
            assert_eq!(coarse(Action::Round(TimeUnit::Day), value).as_deref(), Some("2026-03-04T00:00:00Z"));
            assert_eq!(coarse(Action::Round(TimeUnit::Week), value).as_deref(), Some("2026-03-02T00:00:00Z"));
        }
    }

    #[test]
    fn addresses_keep_their_harmless_part() {
        for (value, kept) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("+49 170 1234567", "+49"),
            ("+1 415 555 2671", "+1"),
            ("https://bob:pw@shop.example/v1/users/8812/cart?token=x#y", "https://shop.example/v1/users/{id}/cart"),
            ("/home/alice/thesis.pdf", "*.pdf"),
        ] {
            assert_eq!(coarse(Action::Generalize, value).as_deref(), Some(kept), "{value}");
        }
        let mail = coarse(Action::Generalize, "alice@Example.com").expect("an e-mail has a domain");
        assert_eq!(Some(mail), coarse(Action::Generalize, "bob@example.com"));
        for lost in
            ["Alice Smith", "http://203.0.113.77:8080/x", "https://a b@x.com ssn 123-45-6789", "https://shop card 4"]
        {
            assert_eq!(coarse(Action::Generalize, lost), None, "{lost}");
        }
    }
}
