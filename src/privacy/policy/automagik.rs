//! The rule table that the automagik system publishes (rows 29 to 34 of this crate's requirements), to the letter.
//!
//! Row by row, the table says how a value is told and what becomes of it. Where it offers a choice, the one that says
//! less is taken: of an international phone number the country code, of any other a hash.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;

use super::decide::by_key;
use super::{Action, Verdict};
use crate::app::random;
use crate::privacy::generalize;
use crate::privacy::keys::{self, KeyClass};
use crate::privacy::pseudonym::{self, Pseudonym, Pseudonymizer};
use crate::privacy::resource::Source;
use crate::privacy::scan::{Finding, Kind, Scanner};

/// Row 34, for `explain`.
pub(super) const CONTENT: &str = "automagik table: any `message` or `content` field is removed";
const API_KEY: &str = "automagik table: a key that `(api[_-]?key|token|secret)` matches is removed";
const USER_ID: &str = "automagik table: REVERSIBLE plain SHA-256 of a user id";
const VALUES: &str = "automagik table by value: REVERSIBLE SHA-256 of an e-mail's domain and of a phone number, salted hash \
                      of an IP address";

/// What salts the hashes of IP addresses.
#[derive(Clone, Copy)]
pub(in crate::privacy) enum Salt<'a> {
    Key(&'a Pseudonymizer),
    /// Where there is no key: drawn once per process.
    OfProcess,
}

/// The table as expressions, compiled when a policy first asks.
struct Table {
    email: Regex,
    phone: Regex,
    api_key: Regex,
}

impl Table {
    /// `None` never is: a test compiles the expressions. Without a table everything is dropped.
    fn published() -> Option<&'static Table> {
        static TABLE: OnceLock<Option<Table>> = OnceLock::new();
        let compile = || {
            Some(Table {
                email: Regex::new(r".*@.*\..*").ok()?,
                phone: Regex::new(r"^\+?[\d\s\-\(\)]+$").ok()?,
                api_key: Regex::new(r"(api[_-]?key|token|secret)").ok()?,
            })
        };
        TABLE.get_or_init(compile).as_ref()
    }
}

/// Compiles the expressions now, where nobody waits.
pub(super) fn prepare() {
    Table::published();
}

/// What the table, and below it the crate's own key rules, say about a key.
pub(super) fn verdict(key: &str) -> Verdict {
    if Table::published().is_none_or(|table| table.api_key.is_match(key)) {
        return Verdict::drop(API_KEY);
    }
    if matches!(key, "message" | "content") {
        return Verdict::drop(CONTENT);
    }
    let known = by_key(key);
    match keys::classify(key).class {
        KeyClass::Id => Verdict { action: Action::ReversibleSha256, rule: Cow::Borrowed(USER_ID), ..known },
        KeyClass::Pii => {
            let rule = format!("{VALUES}; what it does not speak about is dropped ({})", known.rule);
            Verdict { action: Action::Automagik, rule: Cow::Owned(rule), ..known }
        }
        KeyClass::Safe | KeyClass::Free => Verdict { action: Action::Automagik, rule: Cow::Borrowed(VALUES), ..known },
        KeyClass::Secret | KeyClass::Content | KeyClass::Sql => known,
    }
}

/// What the rows about values make of a field's text. `None` where they are silent and the key is one of personal data:
/// the field goes.
///
/// What comes from disk may have been through this before, and of that nothing is made once more.
pub(in crate::privacy) fn replace<'t>(
    field: &str,
    text: &'t str,
    salt: Salt<'_>,
    source: Source,
) -> Option<Cow<'t, str>> {
    let table = Table::published()?;
    let was_made = |text: &str| source == Source::Disk && is_made(text);
    if was_made(text) {
        return Some(Cow::Borrowed(text));
    }
    if table.phone.is_match(text) {
        return Some(Cow::Owned(phone(text)));
    }
    let mut findings = Vec::new();
    Scanner::standard().scan(text.as_bytes(), &mut findings);
    let mut hidden = if table.email.is_match(text) { mails(text, &findings, source) } else { Vec::new() };
    hidden.retain(|hidden| !was_made(&text[hidden.span.clone()]));
    let addresses = findings.iter().filter(|finding| matches!(finding.kind(), Kind::Ipv4 | Kind::Ipv6));
    for span in addresses.map(Finding::span) {
        if hidden.iter().all(|mail| mail.span.end <= span.start || span.end <= mail.span.start) {
            hidden.push(Hidden { span, domain: None });
        }
    }
    let is_personal = keys::classify(field).class == KeyClass::Pii;
    if hidden.is_empty() {
        let is_known = source == Source::Disk && is_all_made(text);
        return (!is_personal || is_known).then_some(Cow::Borrowed(text));
    }
    hidden.sort_unstable_by_key(|hidden| hidden.span.start);
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for Hidden { span, domain } in hidden {
        // Of `Alice Smith <alice@example.com>` under such a key the name goes as it would alone.
        match is_personal {
            true if out.is_empty() => {}
            true => out.push(' '),
            false => out.push_str(text.get(done..span.start).unwrap_or_default()),
        }
        match domain.map(|domain| text.get(domain).unwrap_or_default()) {
            Some(domain) => {
                out.push('@');
                match domain.parse::<IpAddr>() {
                    Ok(_) => address(field, domain, salt, &mut out),
                    Err(_) if domain.is_empty() => {}
                    Err(_) => out.push_str(Pseudonym::reversible_sha256(&domain.to_lowercase()).as_str()),
                }
            }
            None => address(field, text.get(span.clone()).unwrap_or_default(), salt, &mut out),
        }
        done = span.end;
    }
    if !is_personal {
        out.push_str(text.get(done..).unwrap_or_default());
    }
    Some(Cow::Owned(out))
}

/// A piece of text that goes: an e-mail's local part, `@` and domain, or an IP address.
struct Hidden {
    span: Range<usize>,
    domain: Option<Range<usize>>,
}

/// Row 30. The whole text is one number, or what the expression takes for one.
fn phone(text: &str) -> String {
    let number = text.split_whitespace().collect::<Vec<_>>().join(" ");
    generalize::country_code(&number).unwrap_or_else(|| Pseudonym::reversible_sha256(text).to_string())
}

/// Row 32.
fn address(field: &str, address: &str, salt: Salt<'_>, out: &mut String) {
    let hash = match salt {
        Salt::Key(pseudonyms) => Some(pseudonyms.pseudonym(field, address)),
        Salt::OfProcess => process_salt().map(|pseudonyms| pseudonyms.pseudonym(field, address)),
    };
    match hash {
        // Writing to a String does not fail.
        Some(hash) => drop(write!(out, "{hash}")),
        None => out.push_str(Kind::Ipv4.placeholder()),
    }
}

/// Row 29: all that its expression can take for e-mails, the scanner's and others (`@2x.png`, `a@b.c`). A local part may be
/// nearly anything (RFC 5322), so it is taken as far back as it can reach: rather a word too much than half a name.
fn mails(text: &str, findings: &[Finding], source: Source) -> Vec<Hidden> {
    let mut mails: Vec<Hidden> = Vec::new();
    let mut rest = text;
    // From the end on: in a quoted local part there may be more of the sign.
    while let Some(at) = rest.rfind('@') {
        let from = at + 1;
        let word =
            &rest[from..from + rest[from..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len() - from)];
        if source == Source::Disk && is_hash(word) {
            rest = &rest[..at];
            continue;
        }
        let (mut start, mut end) = (from, domain_end(rest, from));
        // The scanner knows where a domain ends in scripts that are written without blanks.
        let seen = |finding: &&Finding| finding.kind() == Kind::Email && (from..end).contains(&finding.span().end);
        end = findings.iter().find(seen).map_or(end, |finding| finding.span().end);
        // `alice@ example.com`
        let beyond = from + blanks(rest[from..].chars());
        if end == from && rest[beyond..domain_end(rest, beyond)].contains('.') {
            (start, end) = (beyond, domain_end(rest, beyond));
        }
        // Of an e-mail without a domain the sign alone was left.
        if source == Source::Disk && start == end && rest[..at].chars().next_back().is_none_or(is_end) {
            rest = &rest[..at];
            continue;
        }
        // `alice @example.com`
        let is_apart = rest[start..end].contains('.');
        let local = at - if is_apart { blanks(rest[..at].chars().rev()) } else { 0 };
        let first = local_start(&rest[..local]);
        mails.push(Hidden { span: first..end, domain: Some(start..end) });
        rest = &rest[..first];
    }
    mails
}

/// Where a local part begins that ends with the text.
fn local_start(text: &str) -> usize {
    // `"alice smith"@` and `alice(home)@`
    let opener = match text.chars().next_back() {
        Some('"') => opening_quote(&text[..text.len() - 1]),
        Some(')') => text.rfind('('),
        _ => None,
    };
    let mut start = opener.unwrap_or(text.len());
    for (place, c) in text[..start].char_indices().rev() {
        // `o'brien`, but `'bob'`
        let before = || text[..place].trim_end_matches('\'').chars().next_back();
        if is_end(c) && !(c == '\'' && before().is_some_and(|before| !is_end(before))) {
            break;
        }
        start = place;
    }
    start
}

/// The quote, with what escapes it, that opens what a quote after this text closes; quotes inside are escaped once more. None
/// around what holds no letter or digit: `","@` is between two texts.
fn opening_quote(text: &str) -> Option<usize> {
    let escapes = |text: &str| text.len() - text.trim_end_matches('\\').len();
    let depth = escapes(text);
    let mut before = text;
    while let Some(quote) = before.rfind('"') {
        before = &before[..quote];
        if escapes(before) <= depth {
            let open = quote - escapes(before);
            return text[quote..].contains(char::is_alphanumeric).then_some(open);
        }
    }
    None
}

/// Bytes of blanks that come first.
fn blanks(chars: impl Iterator<Item = char>) -> usize {
    chars.take_while(|c| matches!(c, ' ' | '\t')).count()
}

/// Where a domain ends that begins there; a dot at its end is one of the sentence.
fn domain_end(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(rest.len());
    from + rest[..end].trim_end_matches(['.', '-']).len()
}

/// What no local part has outside quotes.
fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | ',' | ';')
}

/// Whether a text is what the table makes of an e-mail, a phone number or an id.
fn is_made(text: &str) -> bool {
    pseudonym::is_reversible(text.strip_prefix('@').unwrap_or(text)) || generalize::is_country_code(text)
}

/// Whether a text holds nothing but what the table makes of e-mails and addresses. Of an e-mail without a domain that is the
/// sign alone.
fn is_all_made(text: &str) -> bool {
    let mut words = text.split(' ').map(|word| word.strip_prefix('@').unwrap_or(word));
    !text.is_empty() && words.all(|word| word.is_empty() || is_hash(word))
}

/// Whether a word is a hash.
fn is_hash(word: &str) -> bool {
    pseudonym::is_pseudonym(word) || pseudonym::is_reversible(word)
}

/// `None` where the operating system gives no randomness.
fn process_salt() -> Option<&'static Pseudonymizer> {
    static SALT: OnceLock<Option<Pseudonymizer>> = OnceLock::new();
    let draw = || {
        let mut key = [0; 32];
        random::fill(&mut key).ok().map(|()| Pseudonymizer::with_key(&key))
    };
    SALT.get_or_init(draw).as_ref()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Policy;
    use super::*;

    const OF_EXAMPLE_COM: &str = "@a379a6f6eeafb9a55e378c118034e2751e682fab9f2d30ab13d2125586ce1947";

    fn made(text: &str, source: Source) -> Option<String> {
        let key = Pseudonymizer::with_key(&[7; 32]);
        replace("note", text, Salt::Key(&key), source).map(Cow::into_owned)
    }

    #[test]
    fn the_whole_local_part_goes_whatever_it_is_made_of() {
        let hashed = OF_EXAMPLE_COM;
        for (text, rest) in [
            ("bob@example.com", "_"),
            ("bob@EXAMPLE.com.", "_."),
            ("bounce+alice=corp.com@example.com", "_"),
            ("to=bob@example.com now", "_ now"),
            ("\"alice smith\"@example.com", "_"),
            ("from \"alice \\\"al\\\" smith\"@example.com on", "from _ on"),
            ("{\"to\":\"\\\"alice smith\\\"@example.com\"}", "{\"to\":\"_\"}"),
            ("{\"to\":\"bob@example.com\",\"n\":1}", "{\"to\":\"_\",\"n\":1}"),
            ("[\"a\",\"@example.com\"]", "[\"a\",\"_\"]"),
            ("alice(at home)@example.com", "_"),
            ("o'brien@example.com", "_"),
            ("'bob'@example.com or 'bob@example.com'", "'_ or '_'"),
            ("Alice Smith <alice@example.com>, Bob <bob@example.com>", "Alice Smith <_>, Bob <_>"),
            ("mailto:bob@example.com?subject=x", "_?subject=x"),
            ("alice @ example.com", "_"),
            ("alice @example.com", "_"),
            ("alice@ example.com", "_"),
            ("a@b@example.com", "_"),
            ("/c=us/s=smith/@example.com", "_"),
            ("x;bob@example.com,bob@example.com", "x;_,_"),
        ] {
            assert_eq!(made(text, Source::Application), Some(rest.replace('_', hashed)), "{text}");
        }
        // A machine is no domain, and an address no plain hash.
        let at_address = made("bob@203.0.113.7 sent it.", Source::Application).unwrap();
        let hash = Pseudonymizer::with_key(&[7; 32]).pseudonym("note", "203.0.113.7");
        assert_eq!(at_address, format!("@{hash} sent it."));
    }

    #[test]
    fn under_a_personal_key_nothing_stays_beside_what_was_made() {
        let key = Pseudonymizer::with_key(&[7; 32]);
        let of = |field: &str, text: &str, source| replace(field, text, Salt::Key(&key), source).map(Cow::into_owned);
        let address = key.pseudonym("address", "203.0.113.7").to_string();
        for (field, text, kept) in [
            ("full_name", "Alice Smith <alice@example.com>", OF_EXAMPLE_COM.to_owned()),
            ("address", "12 Elm Street, 203.0.113.7", address),
            ("email", "Al <al@example.com>, Bo <bo@example.com>", format!("{OF_EXAMPLE_COM} {OF_EXAMPLE_COM}")),
        ] {
            assert_eq!(of(field, text, Source::Application).as_ref(), Some(&kept), "{text}");
            assert_eq!(of(field, &kept, Source::Disk).as_ref(), Some(&kept), "{text} again");
        }
        // As this crate stored it before.
        assert_eq!(of("full_name", &format!("Alice Smith <{OF_EXAMPLE_COM}>"), Source::Disk), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_of_a_local_part_survives(
            pieces in prop::collection::vec("[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{0,4}", 1..4),
            quoted in prop::option::of("[a-z ,;:<>@]{0,6}"),
            before in prop::sample::select(vec!["", "mail ", "<", "{\"a\":\"", "x, ", "\n", "(", "日本 "]),
            after in prop::sample::select(vec!["", " now", ">", "\"}", ", x", ".", ")", " and @bob"]),
        ) {
            let mut local: String = pieces.iter().map(|piece| format!("zqx{piece}")).collect();
            local.push_str("zqx");
            if let Some(quoted) = quoted {
                local = format!("\"{local}{quoted}zqx\"");
            }
            let text = format!("{before}{local}@example.com{after}");
            let kept = made(&text, Source::Application).unwrap();
            prop_assert!(!kept.contains("zqx") && kept.contains(OF_EXAMPLE_COM), "{} became {}", text, kept);
        }

        #[test]
        fn what_was_made_stays_as_it_is(text in "(\\PC|[@. \"'()a-z0-9]){0,40}|[0-9+() -]{1,16}|[a-z@.]{0,20} 203\\.0\\.113\\.[1-9]@?") {
            let scanned = |text: String| Policy::standard().redacted(text.into()).map(Cow::into_owned);
            for field in ["note", "email"] {
                let key = Pseudonymizer::with_key(&[7; 32]);
                let once = replace(field, &text, Salt::Key(&key), Source::Application);
                if let Some(once) = once.and_then(|made| scanned(made.into_owned())) {
                    let again = replace(field, &once, Salt::Key(&key), Source::Disk);
                    let again = again.and_then(|made| scanned(made.into_owned()));
                    prop_assert_eq!(again, Some(once), "{} of {:?}", field, text);
                }
            }
        }
    }
}
