//! Names of accounts as `sshd` and PAM log them: `Accepted publickey for mlopez from 10.0.0.4`, `session opened for user mlopez by (uid=0)`.

use super::accounts::{NAME, is_part, push};
use super::bytes::{after, before, head, run, run_back};
use super::{Finding, Kind};

/// What `sshd` says before the name of who comes from an address.
const LEADS: [&[u8]; 8] = [
    b"nvalid user ",
    b"authenticating user ",
    b"Disconnected from user ",
    b"Accepted publickey for ",
    b"Accepted password for ",
    b"Accepted keyboard-interactive/pam for ",
    b"Failed password for ",
    b"Failed publickey for ",
];

/// Who comes from one of the addresses that were found, of which the first `known` are of another text.
pub(super) fn find(text: &[u8], known: usize, found: &mut Vec<Finding>) {
    for address in known..found.len() {
        let Finding { kind: Kind::Ipv4 | Kind::Ipv6, start, .. } = found[address] else { continue };
        let left = &text[..start];
        let Some(left) = left.strip_suffix(b" from ").or_else(|| left.strip_suffix(b" ")) else { continue };
        let name = run_back(left, left.len(), NAME, is_part);
        if LEADS.iter().any(|lead| left[..name].ends_with(lead)) {
            push(text, name, left.len(), found);
        }
    }
}

/// Whose session the bracket at `paren` speaks of: `session opened for user mlopez(uid=1000) by (uid=0)`,
/// `pam_unix(sshd:session): session closed for user mlopez`.
#[inline(never)]
pub(super) fn opened(text: &[u8], paren: usize, found: &mut Vec<Finding>) {
    const FORMS: [&[u8]; 2] = [b"): session opened for user ", b"): session closed for user "];
    if text[paren..].starts_with(b"(uid=") {
        let left = text[..paren].strip_suffix(b" by ").unwrap_or(&text[..paren]);
        let name = run_back(left, left.len(), NAME, is_part);
        if left[..name].ends_with(b"session opened for user ") {
            push(text, name, left.len(), found);
        }
    }
    if text[..paren].ends_with(b"pam_unix") {
        let close = run(head(text, paren, NAME), paren + 1, |byte| is_part(byte) || byte == b':');
        let Some(form) = FORMS.iter().find(|form| text[close..].starts_with(form)) else { return };
        let start = close + form.len();
        let end = run(head(text, start, NAME), start, is_part);
        // The end of the sentence is not the name's.
        let end = end - usize::from(before(text, end) == b'.' && after(text, end) != b'(');
        push(text, start, end.max(start), found);
    }
}
