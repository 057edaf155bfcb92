//! One spelling for what can be spelled in several ways, so that the same person has the same pseudonym.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The value in its normal spelling:
///
/// | kind | spelling |
/// |---|---|
/// | anything | without white space around it |
/// | e-mail address | lower case |
/// | UUID, also as 32 digits, in braces, with `urn:uuid:` | `67e55044-10b1-426f-9247-bb680e5fe0c8` |
/// | phone number with `+` | `+` and digits |
/// | IPv6 address | as in RFC 5952; an IPv4 address in IPv6 form is the IPv4 address |
///
/// Anything else stays as it is: `Alice` and `alice` may be two people, `42` and `042` two orders.
#[inline]
pub(super) fn normal(value: &str) -> Cow<'_, str> {
    // Nearly every value is in its normal spelling already, and one look at each byte tells.
    let seen = value.bytes().fold(0, |seen, byte| seen | SIGNS[usize::from(byte)]);
    let length = value.len();
    let is_odd = seen & ODD != 0
        || seen & UPPER != 0 && (seen & AT != 0 || length == 36)
        || matches!(length, 2 | 32) && (length == 32 || value == "-0");
    if is_odd { odd(value) } else { Cow::Borrowed(value) }
}

const UPPER: u8 = 1;
const AT: u8 = 2;
/// White space, signs of UUIDs, telephone numbers and IPv6 addresses that have several spellings, and what is not ASCII.
const ODD: u8 = 4;

static SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        signs[byte] = match byte as u8 {
            b'A'..=b'Z' => UPPER,
            b'@' => AT,
            b'{' | b'+' | b':' | 0..=b' ' | 0x7f.. => ODD,
            _ => 0,
        };
        byte += 1;
    }
    signs
};

#[inline(never)]
fn odd(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    let bytes = value.as_bytes();
    let same = match bytes {
        b"-0" => Some(Cow::Borrowed("0")),
        [b'+', ..] => phone(bytes).map(Cow::Owned),
        _ if matches!(bytes.len(), 32 | 36 | 38 | 45) => uuid(value),
        _ => None,
    };
    same.or_else(|| email(value)).or_else(|| ipv6(value).map(Cow::Owned)).unwrap_or(Cow::Borrowed(value))
}

fn uuid(value: &str) -> Option<Cow<'_, str>> {
    let bytes = value.as_bytes();
    let bare = match bytes {
        [b'{', bare @ .., b'}'] => bare,
        _ if bytes.len() == 45 => {
            let (scheme, bare) = bytes.split_at(9);
            scheme.eq_ignore_ascii_case(b"urn:uuid:").then_some(bare)?
        }
        _ => bytes,
    };
    let mut digits = [0; 32];
    let mut count = 0;
    let mut is_normal = bytes.len() == 36;
    for (at, byte) in bare.iter().enumerate() {
        match byte {
            b'-' if bare.len() == 36 && matches!(at, 8 | 13 | 18 | 23) => continue,
            b'0'..=b'9' | b'a'..=b'f' => {}
            b'A'..=b'F' => is_normal = false,
            _ => return None,
        }
        *digits.get_mut(count)? = byte.to_ascii_lowercase();
        count += 1;
    }
    if count != 32 {
        return None;
    }
    if is_normal {
        return Some(Cow::Borrowed(value));
    }
    let mut text = String::with_capacity(36);
    for (at, digit) in digits.iter().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(char::from(*digit));
    }
    Some(Cow::Owned(text))
}

fn phone(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(16);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'+' if at == 0 => text.push('+'),
            b'0'..=b'9' => text.push(char::from(*byte)),
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' => {}
            _ => return None,
        }
    }
    // E.164: 15 digits at most; the shortest national numbers have about 7 with the country's code.
    (8..=16).contains(&text.len()).then_some(text)
}

fn email(value: &str) -> Option<Cow<'_, str>> {
    let bytes = value.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'@')?;
    let is_whole = at > 0 && at + 1 < bytes.len() && !bytes[at + 1..].contains(&b'@');
    if !is_whole || value.contains(char::is_whitespace) {
        return None;
    }
    let is_normal = bytes.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    Some(if is_normal { Cow::Borrowed(value) } else { Cow::Owned(value.to_lowercase()) })
}

fn ipv6(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let is_form = (2..=45).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        && bytes.iter().filter(|byte| **byte == b':').count() >= 2;
    if !is_form {
        return None;
    }
    Some(value.parse::<Ipv6Addr>().ok()?.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_the_same_are_one() {
        for (value, spelling) in [
            (" 42\n", "42"),
            ("-0", "0"),
            ("Alice.Smith@Example.COM", "alice.smith@example.com"),
            (" alice.smith@example.com ", "alice.smith@example.com"),
            ("JÜRGEN@Büro.example", "jürgen@büro.example"),
            ("67E55044-10B1-426F-9247-BB680E5FE0C8", "67e55044-10b1-426f-9247-bb680e5fe0c8"),
            ("{67E55044-10b1-426f-9247-BB680E5FE0C8}", "67e55044-10b1-426f-9247-bb680e5fe0c8"),
            ("urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8", "67e55044-10b1-426f-9247-bb680e5fe0c8"),
            ("67e5504410b1426f9247bb680e5fe0c8", "67e55044-10b1-426f-9247-bb680e5fe0c8"),
            ("+49 (170) 123-4567", "+491701234567"),
            ("+491701234567", "+491701234567"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(normal(value), spelling, "{value}");
        }
    }

    #[test]
    fn what_may_be_two_things_stays_two() {
        for value in [
            "Alice",
            "042",
            "+42",
            "1e3",
            "a@b@c",
            "@alice",
            "alice@",
            "Alice Smith <a@b.c>",
            "fe80::1%Eth0",
            "12:30:45",
            "67e55044-10b1-426f-9247-bb680e5fe0cX",
            "{67e5504410b1426f9247bb680e5fe0c8",
            "",
        ] {
            assert_eq!(normal(value), value);
        }
    }

    #[test]
    fn most_values_are_not_copied() {
        let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for value in ["42", "order-7", "203.0.113.7", "Alice", "cus_NffrFeUfNV2Hib", "alice@example.com", uuid] {
            assert!(matches!(normal(value), Cow::Borrowed(_)), "{value}");
        }
    }

    proptest! {
        #[test]
        fn the_quick_look_misses_nothing(value in "\\PC{0,40}|[0-9a-fA-F{}:.@+ -]{0,45}|[0-9a-fA-F]{32,36}") {
            prop_assert_eq!(normal(&value), odd(&value));
        }

        #[test]
        fn a_normal_spelling_is_its_own(value in "\\PC{0,40}|[0-9a-fA-F{}:.@+ -]{0,45}") {
            let once = normal(&value).into_owned();
            prop_assert_eq!(normal(&once), once.as_str());
        }
    }
}
