//! The harmless part of an address: of a mailbox, a telephone, a machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::privacy::pseudonym::{Pseudonymizer, is_pseudonym};

/// `@` and the pseudonym of the domain.
pub(super) fn email_domain(field: &str, value: &str, pseudonyms: &Pseudonymizer) -> Option<String> {
    // `Alice <alice@example.com>`, `mailto:alice@example.com?subject=..`
    let value = match value.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((_, inner)) => inner,
        None => value,
    };
    let value = value.strip_prefix("mailto:").map_or(value, |rest| rest.split('?').next().unwrap_or(rest));
    let at = value.replace("%40", "@");
    let (local, domain) = at.rsplit_once('@')?;
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let is_local =
        quoted || !local.is_empty() && !local.contains(|c: char| c.is_whitespace() || matches!(c, '@' | ','));
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    (is_local && is_domain(domain)).then(|| format!("@{}", pseudonyms.pseudonym(field, &domain.to_lowercase())))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

pub(super) fn is_email_domain(text: &str) -> bool {
    text.strip_prefix('@').is_some_and(is_pseudonym)
}

/// The `+` and country calling code of an international number (ITU-T E.164).
pub(in crate::privacy) fn country_code(value: &str) -> Option<String> {
    let value = value.strip_prefix("tel:").unwrap_or(value);
    let plain = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    let number = value.strip_prefix('+').or_else(|| value.strip_prefix("00"))?;
    if !number.chars().all(plain) {
        return None;
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (7..=15).contains(&digits.len()).then(|| code_of(&digits))?
}

pub(in crate::privacy) fn is_country_code(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        digits.bytes().all(|b| b.is_ascii_digit()) && code_of(digits).is_some_and(|code| code == text)
    })
}

fn code_of(digits: &str) -> Option<String> {
    let number = |length: usize| digits.get(..length)?.parse::<u16>().ok();
    let length = match digits.as_bytes().first()? {
        b'1' | b'7' => 1,
        _ if number(2).is_some_and(|code| TWO_DIGIT_CODES.contains(&code)) => 2,
        _ if number(3).is_some_and(|code| THREE_DIGIT_CODES.iter().any(|range| range.contains(&code))) => 3,
        _ => return None,
    };
    Some(format!("+{}", digits.get(..length)?))
}

/// ITU-T E.164, list of assigned country codes.
const TWO_DIGIT_CODES: &[u16] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62,
    63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

/// The same list.
const THREE_DIGIT_CODES: &[std::ops::RangeInclusive<u16>] = &[
    211..=213,
    216..=216,
    218..=218,
    220..=258,
    260..=269,
    290..=291,
    297..=299,
    350..=359,
    370..=383,
    385..=387,
    389..=389,
    420..=421,
    423..=423,
    500..=509,
    590..=599,
    670..=670,
    672..=683,
    685..=692,
    800..=800,
    808..=808,
    850..=850,
    852..=853,
    855..=856,
    870..=870,
    878..=878,
    880..=883,
    886..=886,
    888..=888,
    960..=968,
    970..=977,
    979..=979,
    992..=996,
    998..=998,
];

/// The network of an address: /24 or /48.
pub(super) fn ip_prefix(value: &str) -> Option<String> {
    let address = match value.parse::<SocketAddr>() {
        Ok(socket) => socket.ip(),
        Err(_) => {
            let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
            // A zone names an interface of one machine: `fe80::1%eth0`, in URLs `%25eth0`.
            let (address, zone) = bare.split_once('%').unwrap_or((bare, "0"));
            let is_zone = (1..=24).contains(&zone.len())
                && zone.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
            address.parse::<IpAddr>().ok().filter(|_| is_zone)?
        }
    };
    Some(match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    })
}

pub(super) fn is_ip_prefix(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, _)| ip_prefix(address).is_some_and(|prefix| prefix == text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pseudonyms() -> Pseudonymizer {
        Pseudonymizer::with_key(&[7; 32])
    }

    #[test]
    fn a_mailbox_becomes_its_hashed_domain() {
        let domain = format!("@{}", pseudonyms().pseudonym("field", "example.com"));
        for value in [
            "alice@example.com",
            "Bob.Jones+tag@EXAMPLE.com",
            "alice%40example.com",
            "Alice Smith <alice@example.com>",
            "mailto:alice@example.com?subject=hi",
            "\"a b\"@example.com",
            "алиса@example.com",
            "alice@example.com.",
        ] {
            assert_eq!(email_domain("field", value, &pseudonyms()).as_ref(), Some(&domain), "{value}");
        }
        assert!(is_email_domain(&domain));
        for value in [
            "alice",
            "@alice",
            "alice@",
            "alice@localhost",
            "mail alice@example.com now",
            "a@b..c",
            "a@-b.c",
            "a@b c.d",
        ] {
            assert_eq!(email_domain("field", value, &pseudonyms()), None, "{value}");
        }
    }

    #[test]
    fn a_number_becomes_its_country_code() {
        for (value, code) in [
            ("+49 170 1234567", "+49"),
            ("+1 (415) 555-2671", "+1"),
            ("tel:+1-415-555-2671", "+1"),
            ("0049 170 1234567", "+49"),
            ("+7 495 123-45-67", "+7"),
            ("+353 1 234 5678", "+353"),
            ("+971501234567", "+971"),
        ] {
            assert_eq!(country_code(value).as_deref(), Some(code), "{value}");
            assert!(is_country_code(code));
        }
        for value in [
            "030 1234567",
            "+49",
            "+999 1234567",
            "+49 170 12345678901234",
            "call +49 170 1234567",
            "+49x1701234567",
            "é",
            "+",
        ] {
            assert_eq!(country_code(value), None, "{value}");
        }
        assert!(!is_country_code("+491") && !is_country_code("+999") && !is_country_code("49"));
    }

    #[test]
    fn an_address_becomes_its_network() {
        for (value, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("203.0.113.77:8080", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("[2001:DB8:1:2::3]:443", "2001:db8:1::/48"),
            ("[2001:db8:1:2::3]", "2001:db8:1::/48"),
            ("fe80::1c2d:3e4f%eth0", "fe80::/48"),
            ("fe80::1%25en0", "fe80::/48"),
        ] {
            assert_eq!(ip_prefix(value).as_deref(), Some(network), "{value}");
            assert!(is_ip_prefix(network), "{network}");
        }
        for value in
            ["", "203.0.113", "203.0.113.077", "1.2.3.4.5", "host", "fe80::1%", "fe80::1%a b", "203.0.113.77/24"]
        {
            assert_eq!(ip_prefix(value), None, "{value}");
        }
        assert!(!is_ip_prefix("203.0.113.77/24") && !is_ip_prefix("203.0.113.0/16"));
    }

    proptest! {
        #[test]
        fn nothing_of_the_local_part_survives(local in "[a-zA-Z0-9._+-]{1,20}", domain in "[a-z]{2,9}\\.(com|example)") {
            let value = format!("{local}@{domain}");
            if let Some(coarse) = email_domain("f", &value, &pseudonyms()) {
                prop_assert!(is_email_domain(&coarse));
                prop_assert_eq!(email_domain("f", &format!("x@{domain}"), &pseudonyms()), Some(coarse));
            }
        }

        #[test]
        fn nothing_of_the_subscriber_survives(code in prop::sample::select(vec!["1", "49", "353"]), rest in "[0-9 ]{8,11}") {
            let coarse = country_code(&format!("+{code} {rest}"));
            prop_assert!(coarse.is_none() || coarse == Some(format!("+{code}")), "{:?}", coarse);
        }

        #[test]
        fn hosts_of_a_network_are_one(host in any::<u8>(), low in any::<u64>()) {
            let v4 = IpAddr::from([203, 0, 113, host]).to_string();
            prop_assert_eq!(ip_prefix(&v4), Some("203.0.113.0/24".to_owned()));
            let v6 = Ipv6Addr::from((0x2001_0db8_0001_u128 << 80) | u128::from(low)).to_string();
            prop_assert_eq!(ip_prefix(&v6), Some("2001:db8:1::/48".to_owned()));
        }

        #[test]
        fn anything_gives_a_coarse_form_or_nothing(value in "\\PC{0,60}|[0-9+.:@a-f%/ -]{0,30}") {
            let all = [email_domain("f", &value, &pseudonyms()), country_code(&value), ip_prefix(&value)];
            let is: [fn(&str) -> bool; 3] = [is_email_domain, is_country_code, is_ip_prefix];
            for (coarse, is) in all.into_iter().zip(is) {
                prop_assert!(coarse.is_none_or(|coarse| is(&coarse)));
            }
        }
    }
}
