//! URLs without what somebody typed or was given.

use std::net::Ipv4Addr;

use super::path;

/// Query keys that stay.
const KEYS: usize = 16;

/// Scheme, host and route of a URL, and the keys of its query with `REDACTED` for each value; a URL may begin with its
/// path. What stands for somebody or something in the path becomes `{id}`.
pub(super) fn route(value: &str) -> Option<String> {
    let (mut url, rest) = match value.split_once("://") {
        Some((scheme, rest)) => {
            let scheme = scheme.to_ascii_lowercase();
            if !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss") {
                return None;
            }
            let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
            (format!("{scheme}://{}", host(&rest[..end])?), &rest[end..])
        }
        None if value.starts_with('/') && !value.starts_with("//") => (String::new(), value),
        None => return None,
    };
    let rest = rest.split('#').next()?;
    if rest.contains(|c: char| c.is_control() || matches!(c, ' ' | '\\' | '"' | '<' | '>')) {
        return None;
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut before = "";
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        url.push('/');
        url.push_str(if stays(segment, before) { segment } else { "{id}" });
        before = segment;
    }
    if url.is_empty() {
        url.push('/');
    }
    let keys = query.split(['&', ';']).filter_map(|pair| pair.split_once('=')).map(|(key, _)| key);
    for (number, key) in keys.filter(|key| is_key(key)).take(KEYS).enumerate() {
        url.push(if number == 0 { '?' } else { '&' });
        url.push_str(key);
        url.push_str("=REDACTED");
    }
    Some(url)
}

/// Host and port, without user and password. Addresses name a machine, and anything else is no host.
fn host(authority: &str) -> Option<String> {
    let address = authority.rsplit('@').next()?;
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (address, None),
    };
    let is_label = |label: &str| {
        let digits = label.bytes().filter(u8::is_ascii_digit).count();
        let groups = label.split('-').filter(|part| part.bytes().all(|b| b.is_ascii_digit())).count();
        // `ip-10-0-0-1`, `u48151623`
        digits < 5 && groups < 3
    };
    let is_name = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && host.split('.').all(is_label)
        && host.bytes().any(|b| b.is_ascii_alphabetic())
        && host.parse::<Ipv4Addr>().is_err();
    let is_port = port.is_none_or(|port| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()));
    if !is_name || !is_port {
        return None;
    }
    let host = host.to_ascii_lowercase();
    Some(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

/// Whether a segment of a path is the application's own word, and not somebody's name or number.
fn stays(segment: &str, before: &str) -> bool {
    let is_place = |inner: &str| {
        !inner.is_empty() && inner.len() <= 32 && inner.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    if segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| segment.strip_prefix(':'))
        .is_some_and(is_place)
    {
        return true;
    }
    let is_version = |text: &str| {
        text.strip_prefix('v')
            .is_some_and(|number| (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()))
    };
    if OWNERS.contains(&before.to_ascii_lowercase().as_str()) && !COMMANDS.contains(&segment) {
        return false;
    }
    let (word, is_file) = match segment.rsplit_once('.') {
        Some((stem, extension)) => (stem, path::is_known(extension)),
        None => (segment, true),
    };
    let letters = word.as_bytes();
    // `orderHistory` changes its case twice, a code of letters at every other one.
    let changes =
        letters.windows(2).filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase()).count();
    let is_word = (1..=24).contains(&letters.len())
        && letters.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'))
        && changes <= 4;
    is_version(segment) || is_word && is_file
}

/// What stands after one of these is somebody or something.
const OWNERS: &[&str] = &[
    "account",
    "accounts",
    "author",
    "authors",
    "by-email",
    "by-name",
    "client",
    "clients",
    "contact",
    "contacts",
    "customer",
    "customers",
    "device",
    "devices",
    "email",
    "employee",
    "employees",
    "family",
    "friend",
    "friends",
    "group",
    "groups",
    "home",
    "host",
    "hosts",
    "member",
    "members",
    "name",
    "org",
    "organization",
    "organizations",
    "orgs",
    "owner",
    "owners",
    "patient",
    "patients",
    "people",
    "person",
    "persons",
    "player",
    "players",
    "profile",
    "profiles",
    "project",
    "projects",
    "repo",
    "repos",
    "room",
    "rooms",
    "session",
    "sessions",
    "shop",
    "shops",
    "staff",
    "store",
    "stores",
    "student",
    "students",
    "team",
    "teams",
    "tenant",
    "tenants",
    "token",
    "tokens",
    "u",
    "user",
    "username",
    "users",
    "workspace",
    "workspaces",
    "~",
];

/// What stands there all the same.
const COMMANDS: &[&str] = &[
    "active", "all", "bulk", "count", "create", "current", "export", "import", "list", "login", "logout", "me", "new",
    "refresh", "register", "search", "self", "settings", "signup", "status", "verify",
];

/// Whether a query's key is a word of the application. Many keys are somebody's word all the same: what has a digit in it
/// is not kept.
fn is_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    (1..=24).contains(&bytes.len())
        && bytes[0].is_ascii_alphabetic()
        && bytes.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_becomes_scheme_host_and_route() {
        for (value, kept) in [
            (
                "https://bob:pw@shop.example/v1/users/8812/cart?token=x&page=2#y",
                "https://shop.example/v1/users/{id}/cart?token=REDACTED&page=REDACTED",
            ),
            ("https://shop.example/users/alice/settings", "https://shop.example/users/{id}/settings"),
            ("https://shop.example/users/me/orders", "https://shop.example/users/me/orders"),
            ("HTTPS://Shop.Example", "https://shop.example"),
            ("http://localhost:8080/health", "http://localhost:8080/health"),
            ("https://a@b@shop.example/x", "https://shop.example/x"),
            ("wss://chat.example/rooms/family-smith", "wss://chat.example/rooms/{id}"),
            ("https://x.example/alice%40mail.example", "https://x.example/{id}"),
            ("https://x.example/alice.smith", "https://x.example/{id}"),
            ("https://x.example/static/app.js", "https://x.example/static/app.js"),
            ("https://x.example/d/aBcDeFgHiJkL", "https://x.example/d/{id}"),
            ("https://x.example/orders/67e55044-10b1-426f-9247-bb680e5fe0c8", "https://x.example/orders/{id}"),
            ("https://x.example?alice@mail.example", "https://x.example"),
            ("https://x.example/s?q=a;sort=b&42=1&alice%40x=1", "https://x.example/s?q=REDACTED&sort=REDACTED"),
            ("/v1/orders/42?full=1", "/v1/orders/{id}?full=REDACTED"),
            ("/v1/orders/{order_id}/items/:item", "/v1/orders/{order_id}/items/:item"),
            ("/", "/"),
        ] {
            assert_eq!(route(value).as_deref(), Some(kept), "{value}");
            assert_eq!(route(kept).as_deref(), Some(kept), "{kept} again");
        }
    }

    #[test]
    fn what_is_no_public_host_is_dropped() {
        for value in [
            "",
            "shop.example/x",
            "http://203.0.113.77:8080/x",
            "http://[2001:db8::1]/x",
            "http://ip-10-0-0-1.ec2.internal/x",
            "http://u48151623.example/",
            "https://a b@x.com ssn 123-45-6789",
            "https://shop card 4",
            "https:///x",
            "https://shop.example:99999999/",
            "https://мой.example/",
            "ftp://x.example/y",
            "postgres://alice:pw@db/x",
            "//x.example/y",
            r"https://x.example\@evil.example/",
            "/home dir/x",
        ] {
            assert_eq!(route(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_number_a_value_or_a_password_survives(
            number in "[0-9]{3,12}",
            value in "[a-zA-Z0-9%+@.-]{3,20}",
            password in "[a-z0-9]{6,12}",
            key in "[a-z]{1,10}",
        ) {
            let canary = format!("ZZ{value}");
            let url = format!("https://{password}QQ:{password}@shop.example/orders/{number}/items?{key}={canary}#{canary}");
            let kept = route(&url).unwrap();
            prop_assert_eq!(&kept, &format!("https://shop.example/orders/{{id}}/items?{key}=REDACTED"));
            prop_assert_eq!(route(&kept), Some(kept.clone()));
        }

        #[test]
        fn a_route_of_anything_is_a_route(value in "(https?://)?[a-z/.]{0,10}\\PC{0,40}") {
            if let Some(kept) = route(&value) {
                prop_assert_eq!(route(&kept), Some(kept.clone()));
            }
        }
    }
}
