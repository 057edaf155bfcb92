//! The text scanner: finds personal data and secrets in text and replaces them.
//!
//! Most text is clean, so the gate ([`Scanner::looks_clean`]) settles it in one pass. What remains goes to detectors that are anchored
//! on a byte that is rare in clean text (`@`, `=`, a digit cluster, `eyJ`) and validate what they find there. All are linear:
//! windows are bounded, and nothing backtracks. Nothing but a kind that the application added uses
//! regular expressions. Allocated are the list of findings and the text without them; the text that escapes stand for, where there
//! are any; and the anchors of a text of more than 4 KiB.

/// A list of words. As a macro, because there rustfmt leaves as many on a line as fit.
macro_rules! words {
    ($($word:literal)*) => { &[$($word.as_bytes()),*] };
}

mod accounts;
mod anchors;
mod attributes;
mod beside;
mod bracketed;
mod bytes;
mod card;
mod checks;
mod classes;
mod code;
mod codes;
mod commands;
mod crypt;
mod custom;
mod dates;
mod elements;
mod email;
mod encoded;
mod finding;
mod foreign;
mod forms;
mod geo;
mod iban;
mod ipv4;
mod judge;
mod keccak;
mod key;
mod kind;
mod lines;
mod lists;
mod logins;
mod national;
mod nearby;
mod net;
mod notations;
mod numbers;
mod options;
mod pairs;
mod path;
mod phone;
mod places;
mod positional;
mod printed;
mod profile;
mod prose;
mod random;
mod records;
mod renamed;
mod ruled;
mod scanner;
mod scopes;
mod settings;
mod shapes;
mod spools;
mod starts;
mod statement;
mod table;
mod take;
mod tokens;
mod twins;
mod url;
mod uuid;
mod value;
mod vendors;
mod wallet;
mod words;
mod xml;

#[cfg(test)]
mod tests;

pub(crate) use custom::CustomSource;
pub use custom::{Custom, CustomError};
pub use finding::Finding;
pub use kind::{CustomKind, Kind, Severity, UnknownKind};
pub(crate) use ruled::{InText, KeyRules};
pub use scanner::{OnFinding, Scanner};

use anchors::Anchors;
use classes::Class;
use settings::Own;
use starts::Start;

/// Where a text is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It is one itself.
    Value,
    /// A list of bytes spells it. Lists that it holds are not read in their turn.
    List,
}

/// Finds what there is in a text, however it is read; `own` is what the application looks for as well.
///
/// A text with the colours of a terminal is read without them, and any text also as what its escapes stand for.
fn detect(text: &[u8], source: Source, mut own: Option<&mut Own<'_>>, found: &mut Vec<Finding>) {
    let plain = Anchors::with(text, |anchors| {
        let plain = if anchors.any(Class::Escape) { encoded::Decoded::without_colours(anchors) } else { None };
        if plain.is_none() {
            detect_plain(anchors, source, own.as_deref_mut(), found);
        }
        plain
    });
    if let Some(plain) = plain {
        plain.read(own, found, |anchors, own, inside| detect_plain(anchors, source, own, inside));
    }
}

/// The same in a text without colours.
fn detect_plain(anchors: &Anchors<'_>, source: Source, mut own: Option<&mut Own<'_>>, found: &mut Vec<Finding>) {
    read(anchors, source, own.as_deref_mut(), found);
    if anchors.any(Class::Escape)
        && let Some(decoded) = encoded::Decoded::of(anchors)
    {
        decoded.read(own, found, |anchors, own, inside| read(anchors, source, own, inside));
    }
}

/// All that is looked for in one reading of a text: what is built in, what the application asked for, and both of them in what its
/// lists of bytes spell.
fn read(anchors: &Anchors<'_>, source: Source, mut own: Option<&mut Own<'_>>, found: &mut Vec<Finding>) {
    read_built_in(anchors, found);
    if let Some(own) = own.as_deref_mut() {
        own.read(anchors, found);
    }
    if source == Source::Value && lists::may_hold(anchors.text) {
        lists::find(anchors.text, found, |spelled, inside| match own.as_deref() {
            Some(own) => own.detect_spelled(spelled, inside),
            None => detect(spelled, Source::List, None, inside),
        });
    }
}

fn read_built_in(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let known = found.len();
    if anchors.begins(Start::Sign) {
        pairs::find(anchors, found);
    }
    table::find(anchors, found);
    if anchors.begins(Start::Option) {
        options::find(anchors, found);
    }
    if anchors.may_hold_dashes() && anchors.may_hold_pem() {
        tokens::find_pem(anchors, found);
    }
    if anchors.any(Class::Escape) {
        statement::find_passwords(anchors, found);
    }
    if anchors.any(Class::Escape) || anchors.any(Class::At) || bytes::holds(anchors.text, b'"') {
        accounts::find(anchors, found);
        positional::find(anchors.text, found);
    }
    if anchors.any(Class::At) {
        email::find(anchors, found);
    }
    if anchors.any(Class::Slash) {
        path::find(anchors, found);
    }
    if anchors.any(Class::At) && anchors.any(Class::Colon) {
        url::find(anchors, found);
    }
    if anchors.any(Class::At) && anchors.any(Class::Slash) {
        commands::find_connects(anchors, found);
    }
    net::find(anchors, found);
    if anchors.may_hold_numbers() {
        numbers::find(anchors, found);
    }
    if anchors.any(Class::At) {
        email::find_logins(anchors.text, found);
    }
    if found.len() > known {
        logins::find(anchors.text, known, found);
    }
    if anchors.may_hold_tokens() {
        tokens::find(anchors, found);
    }
}
