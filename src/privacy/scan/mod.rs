//! The text scanner: finds personal data and secrets in text and replaces them.
//!
//! Most text is clean, so the gate ([`Scanner::looks_clean`]) settles it in one pass. What remains goes to detectors that are anchored
//! on a byte that is rare in clean text (`@`, `=`, a digit cluster, `eyJ`) and validate what they find there. All are linear:
//! windows are bounded, and nothing backtracks. Nothing but a kind that the application added uses
//! regular expressions, and nothing but the list of findings is allocated.

/// A list of words. As a macro, because there rustfmt leaves as many on a line as fit.
macro_rules! words {
    ($($word:literal)*) => { &[$($word.as_bytes()),*] };
}

mod bytes;
mod card;
mod checks;
mod codes;
mod custom;
mod dates;
mod email;
mod encoded;
mod finding;
mod geo;
mod iban;
mod ipv4;
mod judge;
mod keccak;
mod kind;
mod national;
mod net;
mod numbers;
mod pairs;
mod path;
mod phone;
mod printed;
mod profile;
mod scanner;
mod take;
mod tokens;
mod url;
mod value;
mod vendors;
mod wallet;

#[cfg(test)]
mod tests;

pub use custom::{Custom, CustomError};
pub use finding::Finding;
pub use kind::{CustomKind, Kind, Severity, UnknownKind};
pub use scanner::{OnFinding, Scanner};

use profile::Profile;

fn detect(text: &[u8], profile: &Profile, found: &mut Vec<Finding>) {
    read(text, profile, found);
    if let Some(decoded) = encoded::Decoded::of(text) {
        let mut inside = Vec::new();
        read(&decoded.text, &Profile::of(&decoded.text), &mut inside);
        found.extend(inside.into_iter().map(|finding| decoded.original(finding)));
    }
}

/// All detectors on a text as it stands.
fn read(text: &[u8], profile: &Profile, found: &mut Vec<Finding>) {
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
