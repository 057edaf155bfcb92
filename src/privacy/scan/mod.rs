//! The text scanner: finds personal data and secrets in text and replaces them.
//!
//! Most text is clean, so the gate ([`looks_clean`]) settles it in one pass. What remains goes to detectors that are anchored
//! on a byte that is rare in clean text (`@`, `=`, a digit cluster, `eyJ`) and validate what they find there. All are linear:
//! windows are bounded, and nothing backtracks. There are no regular expressions and no allocation but the list of findings.

/// A list of words. As a macro, because there rustfmt leaves as many on a line as fit.
macro_rules! words {
    ($($word:literal)*) => { &[$($word.as_bytes()),*] };
}

mod bytes;
mod card;
mod codes;
mod dates;
mod email;
mod geo;
mod iban;
mod ipv4;
mod judge;
mod national;
mod net;
mod numbers;
mod pairs;
mod path;
mod phone;
mod profile;
mod take;
mod tokens;
mod url;
mod value;
mod vendors;
mod wallet;

#[cfg(test)]
mod tests;

use std::ops::Range;

use profile::Profile;

/// What a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// An IPv4 address, also inside a host name (`ip-10-0-0-1`).
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A payment card number with a valid check digit and issuer.
    Card,
    /// A JSON web token.
    Jwt,
    /// What follows `Bearer` or `Basic`.
    Bearer,
    /// A key with the prefix of the service that issued it.
    ApiKey,
    /// The user's name in the path of a home directory or share.
    HomePath,
    /// A hardware address.
    Mac,
    /// A bank account number with valid check digits.
    Iban,
    /// A US social security number.
    Ssn,
    /// Another number by which a state, a bank or a maker of devices knows one person.
    NationalId,
    /// A private key in PEM form.
    Pem,
    /// User and password inside a URL.
    UrlUserinfo,
    /// The value of a secret parameter of a URL.
    UrlSecret,
    /// An address of a crypto-currency wallet.
    Wallet,
    /// A position.
    Geo,
    /// A date of birth.
    BirthDate,
    /// A value whose key names a secret.
    KeyedSecret,
    /// A value whose key names the id of a person.
    KeyedId,
    /// A value whose key names personal data.
    KeyedPii,
    /// A value that looks random.
    HighEntropy,
}

impl Kind {
    /// What stands in place of the value. Never holds a quote or a backslash, so that JSON around it stays valid.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Kind::Email => "[EMAIL]",
            Kind::Phone => "[PHONE]",
            Kind::Ipv4 | Kind::Ipv6 => "[IP]",
            Kind::Card => "[CARD]",
            Kind::Jwt => "[JWT]",
            Kind::Bearer => "[TOKEN]",
            Kind::ApiKey => "[API_KEY]",
            Kind::HomePath => "[USER]",
            Kind::Mac => "[MAC]",
            Kind::Iban => "[IBAN]",
            Kind::Ssn => "[SSN]",
            Kind::NationalId => "[NATIONAL_ID]",
            Kind::Pem => "[KEY]",
            Kind::UrlUserinfo => "[USERINFO]",
            Kind::Wallet => "[WALLET]",
            Kind::Geo => "[GEO]",
            Kind::BirthDate => "[DATE]",
            Kind::UrlSecret | Kind::KeyedSecret | Kind::HighEntropy => "[SECRET]",
            Kind::KeyedId => "[ID]",
            Kind::KeyedPii => "[PII]",
        }
    }

    /// Which kind gives its name to findings that overlap and are equally long; the higher wins.
    const fn priority(self) -> u8 {
        match self {
            Kind::Pem | Kind::Jwt | Kind::ApiKey | Kind::Bearer | Kind::UrlUserinfo => 8,
            Kind::UrlSecret => 7,
            Kind::Card | Kind::Iban | Kind::Ssn | Kind::NationalId | Kind::Wallet => 6,
            Kind::Email => 5,
            Kind::Ipv4 | Kind::Ipv6 | Kind::Mac => 4,
            Kind::Phone | Kind::BirthDate | Kind::Geo => 3,
            Kind::KeyedSecret => 3,
            Kind::KeyedId | Kind::KeyedPii => 2,
            Kind::HomePath => 1,
            Kind::HighEntropy => 0,
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Only the words around it say so.
    Contextual,
    /// It has the looks of its kind.
    Likely,
    /// A check digit, a grammar or an issuer's own prefix says so.
    Validated,
}

/// A piece of text that is personal or secret. Holds where it is, never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    kind: Kind,
    severity: Severity,
    start: usize,
    end: usize,
}

impl Finding {
    fn new(kind: Kind, severity: Severity, span: Range<usize>) -> Self {
        Finding { kind, severity, start: span.start, end: span.end }
    }

    /// What was found.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How sure it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Where it is, in bytes. Both ends are on char boundaries.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Whether one pass over the bytes proves that [`scan`] would find nothing. `false` says nothing.
#[inline]
#[must_use]
pub(crate) fn looks_clean(text: &[u8]) -> bool {
    profile::is_clean(text)
}

/// Finds everything in `text`, which is UTF-8 but for a last char that may be cut.
///
/// `found` is cleared first; afterwards its findings are sorted and do not overlap.
pub(crate) fn scan(text: &[u8], found: &mut Vec<Finding>) {
    found.clear();
    let profile = Profile::of(text);
    if !profile.is_clean(text) {
        detect(text, &profile, found);
        settle(found);
    }
}

fn detect(text: &[u8], profile: &Profile, found: &mut Vec<Finding>) {
    if profile.may_hold_pairs() {
        pairs::find(text, found);
    }
    if profile.may_hold_command_line() {
        pairs::find_options(text, found);
    }
    if profile.may_hold_pem() {
        tokens::find_pem(text, found);
    }
    if profile.ats > 0 {
        email::find(text, found);
    }
    if profile.slashes > 0 {
        path::find(text, found);
        if profile.colons > 0 {
            url::find(text, found);
        }
    }
    net::find(text, profile, found);
    if profile.may_hold_numbers() && numbers::find(text, found) == numbers::Rest::Number {
        national::find(text, found);
    }
    if profile.may_hold_tokens(text) {
        tokens::find(text, found);
    }
}

/// Sorts, and joins what overlaps: a part of a secret left standing would be a leak.
fn settle(found: &mut Vec<Finding>) {
    if found.len() < 2 {
        return;
    }
    found.sort_unstable_by_key(|finding| (finding.start, finding.end));
    let mut kept = 0;
    for next in 1..found.len() {
        let other = found[next].clone();
        let last = &mut found[kept];
        if other.start >= last.end {
            kept += 1;
            found[kept] = other;
            continue;
        }
        let wins = (other.len(), other.kind.priority()) > (last.len(), last.kind.priority());
        last.end = last.end.max(other.end);
        if wins {
            last.kind = other.kind;
        }
        last.severity = last.severity.max(other.severity);
    }
    found.truncate(kept + 1);
}

/// Gives `text` piece by piece to `push`, each finding replaced by its placeholder. Findings that begin behind the text
/// are passed over.
pub(crate) fn redact(text: &str, found: &[Finding], mut push: impl FnMut(&str)) {
    let mut done = 0;
    for finding in found.iter().take_while(|finding| finding.start < text.len()) {
        // Both ends are on char boundaries; should that ever fail, the text goes rather than stays.
        push(text.get(done..finding.start).unwrap_or_default());
        let quote = missing_quote(text.as_bytes(), finding.start);
        push(quote);
        push(finding.kind.placeholder());
        push(quote);
        done = finding.end;
    }
    push(text.get(done..).unwrap_or_default());
}

/// What has to stand around a placeholder in the place of a bare number, so that JSON stays JSON: `{"pin":1234}`.
fn missing_quote(text: &[u8], start: usize) -> &'static str {
    let before = text.get(..start).unwrap_or_default().trim_ascii_end();
    match before.strip_suffix(b":").map(<[u8]>::trim_ascii_end) {
        Some(key) if key.ends_with(b"\\\"") => "\\\"",
        Some(key) if key.ends_with(b"\"") => "\"",
        _ => "",
    }
}
