//! The rule table that the automagik system publishes (rows 29 to 34 of this crate's requirements), to the letter.
//!
//! Row by row, the table says how a value is told and what becomes of it. Where it offers a choice, the one that says
//! less is taken: of an international phone number the country code, of any other a hash.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::OnceLock;

use regex::Regex;
use sha2::{Digest, Sha256};

use super::{Action, Verdict, by_key};
use crate::app::random;
use crate::privacy::generalize;
use crate::privacy::keys::{self, KeyClass};
use crate::privacy::pseudonym::Pseudonymizer;
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
pub(in crate::privacy) fn replace<'t>(field: &str, text: &'t str, salt: Salt<'_>) -> Option<Cow<'t, str>> {
    let table = Table::published()?;
    if table.phone.is_match(text) {
        return Some(Cow::Owned(phone(text)));
    }
    let has_mail = table.email.is_match(text);
    let mut findings = Vec::new();
    Scanner::standard().scan(text.as_bytes(), &mut findings);
    findings.retain(|finding| match finding.kind() {
        Kind::Email => has_mail,
        Kind::Ipv4 | Kind::Ipv6 => true,
        _ => false,
    });
    if !has_mail && findings.is_empty() {
        let is_personal = keys::classify(field).class == KeyClass::Pii;
        return (!is_personal).then_some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for finding in &findings {
        let span = finding.span();
        rest(text.get(done..span.start).unwrap_or_default(), has_mail, &mut out);
        found(finding, text.get(span.clone()).unwrap_or_default(), field, salt, &mut out);
        done = span.end;
    }
    rest(text.get(done..).unwrap_or_default(), has_mail, &mut out);
    Some(Cow::Owned(out))
}

/// Row 30. The whole text is one number, or what the expression takes for one.
fn phone(text: &str) -> String {
    generalize::country_code(text).unwrap_or_else(|| reversible_sha256(text))
}

/// Rows 29 and 32, where the scanner found an address.
fn found(finding: &Finding, address: &str, field: &str, salt: Salt<'_>, out: &mut String) {
    if finding.kind() == Kind::Email {
        mail(address, out);
        return;
    }
    let hash = match salt {
        Salt::Key(pseudonyms) => Some(pseudonyms.pseudonym(field, address)),
        Salt::OfProcess => process_salt().map(|pseudonyms| pseudonyms.pseudonym(field, address)),
    };
    match hash {
        // Writing to a String does not fail.
        Some(hash) => drop(write!(out, "{hash}")),
        None => out.push_str(finding.kind().placeholder()),
    }
}

/// Row 29, for what its expression takes for an e-mail and the scanner does not: `@2x.png`, `a@b.c`.
fn rest(text: &str, has_mail: bool, out: &mut String) {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | ',' | ';' | '=' | '\\');
    if !has_mail || !text.contains('@') {
        return out.push_str(text);
    }
    for piece in text.split_inclusive(is_end) {
        let end = piece.trim_end_matches(is_end).len();
        match piece[..end].contains('@') {
            true => mail(&piece[..end], out),
            false => out.push_str(&piece[..end]),
        }
        out.push_str(&piece[end..]);
    }
}

/// The local part goes, the domain is hashed.
fn mail(address: &str, out: &mut String) {
    let domain = address.rsplit('@').next().unwrap_or_default();
    let end = domain.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(domain.len());
    out.push('@');
    if end > 0 {
        out.push_str(&reversible_sha256(&domain[..end].to_lowercase()));
    }
}

/// Plain SHA-256 in hexadecimal: whoever guesses the text can check the guess.
pub(in crate::privacy) fn reversible_sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether a text has the form of a SHA-256.
pub(in crate::privacy) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
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
