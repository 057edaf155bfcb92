//! Values made coarser: hashes, ranges, rounded times, the harmless part of an address, a path, an error.
//!
//! What cannot be understood has no coarser form, and its field is dropped.

mod address;
mod bounds;
mod failure;
mod form;
mod frames;
mod path;
mod time;
mod url;

use std::borrow::Cow;

pub(super) use address::{country_code, is_country_code};
pub use bounds::{Bounds, UnusableBounds};
pub use form::{Form, UnknownForm};

use super::policy::{self, Action, Salt};
use super::pseudonym::{self, Pseudonym, Pseudonymizer};
use super::resource::Source;
use super::scan::{Kind, Scanner};
use super::sql;

/// Whether something may still be found in what was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It is one of a known set of words and numbers: a hash, a range, a network.
    Known,
    /// Parts of the value are in it: a path, a route.
    Text,
}

/// Writes what an action makes of a value; `None` where it makes nothing of it, and the field goes.
///
/// What comes from disk was made coarser before: it is taken as it is where it has the form of that, and only there.
pub(super) fn apply(
    action: Action,
    field: &str,
    value: &str,
    source: Source,
    pseudonyms: &Pseudonymizer,
    mut write: impl FnMut(&str),
) -> Option<Rest> {
    if value.is_empty() {
        return None;
    }
    let hash = match action {
        _ if source == Source::Disk && is_hash_of(action, value) => {
            write(value);
            return Some(Rest::Known);
        }
        Action::Hash => pseudonyms.pseudonym(field, value),
        Action::HashFor(rotation) => pseudonyms.pseudonym_for(rotation, field, value),
        Action::ReversibleSha256 => Pseudonym::reversible_sha256(value),
        _ => {
            let (coarse, rest) = coarse(action, field, value, source, pseudonyms)?;
            write(&coarse);
            return Some(rest);
        }
    };
    write(hash.as_str());
    Some(Rest::Known)
}

/// Whether a text is what the action makes of some value, and one of a known set of words and numbers: there is nothing to
/// be found in it, whatever a scanner takes it for.
#[cfg(feature = "upload")]
pub(super) fn is_made_by(action: Action, text: &str, pseudonyms: &Pseudonymizer) -> bool {
    let mut again = String::new();
    let rest = apply(action, "", text, Source::Disk, pseudonyms, |made| again.push_str(made));
    rest == Some(Rest::Known) && again == text
}

/// Whether a text has the form of what an action that hashes makes.
fn is_hash_of(action: Action, text: &str) -> bool {
    match action {
        Action::Hash | Action::HashFor(_) => pseudonym::is_pseudonym(text),
        Action::ReversibleSha256 => pseudonym::is_reversible(text),
        _ => false,
    }
}

fn coarse<'v>(
    action: Action,
    field: &str,
    value: &'v str,
    source: Source,
    pseudonyms: &Pseudonymizer,
) -> Option<(Cow<'v, str>, Rest)> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if source == Source::Disk && is_coarse(action, value) {
        return Some((Cow::Borrowed(value), Rest::Known));
    }
    let form = match action {
        Action::Generalize => form_of(value)?,
        Action::GeneralizeTo(form) => form,
        Action::Parameterize => return Some((Cow::Owned(sql::parameterize(value)?), Rest::Text)),
        Action::Automagik => return Some((policy::replace(field, value, Salt::Key(pseudonyms), source)?, Rest::Text)),
        _ => {
            let range = match action {
                Action::Bucket => bounds::by_powers_of_ten(value),
                Action::Buckets(bounds) => bounds.range(value),
                Action::Round(unit) => time::round(value, unit),
                _ => None,
            };
            return Some((Cow::Owned(range?), Rest::Known));
        }
    };
    let rest = if matches!(form, Form::WithoutHome | Form::Route) { Rest::Text } else { Rest::Known };
    Some((Cow::Owned(form.of(field, value, pseudonyms)?), rest))
}

/// Whether a text is what the action makes. Times, paths, URLs and errors need no look: they are made into the same
/// once more.
fn is_coarse(action: Action, text: &str) -> bool {
    match action {
        Action::Bucket => bounds::is_power_of_ten_range(text),
        Action::Buckets(bounds) => bounds.is_range(text),
        Action::Generalize => {
            [Form::EmailDomain, Form::CountryCode, Form::IpPrefix, Form::Extension].iter().any(|form| form.is_of(text))
        }
        Action::GeneralizeTo(form) => form.is_of(text),
        _ => false,
    }
}

/// The form for whatever the scanner sees in a text as a whole.
fn form_of(value: &str) -> Option<Form> {
    if value.contains("://") {
        return Some(Form::Route);
    }
    let mut findings = Vec::new();
    Scanner::standard().scan(value.as_bytes(), &mut findings);
    match findings.first().map(|finding| (finding.kind(), finding.span())) {
        Some((Kind::Email, span)) if span == (0..value.len()) => Some(Form::EmailDomain),
        Some((Kind::Phone, span)) if span == (0..value.len()) => Some(Form::CountryCode),
        Some((Kind::Ipv4 | Kind::Ipv6, span)) if span == (0..value.len()) => Some(Form::IpPrefix),
        _ => value.contains(['/', '\\']).then_some(Form::Extension),
    }
}

#[cfg(test)]
mod tests;
