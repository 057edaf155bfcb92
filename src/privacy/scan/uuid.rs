//! UUIDs, for those who ask for them.

use super::bytes::{HEX, after, before, head, is};
use super::{Finding, Kind, Severity};

/// The digits of each group.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
const LENGTH: usize = 36;

pub(super) fn find(text: &[u8], found: &mut Vec<Finding>) {
    let mut at = 0;
    while at + LENGTH <= text.len() {
        // The first dash says where one may begin.
        let Some(dash) = head(text, at, LENGTH + GROUPS[0])[at + GROUPS[0]..].iter().position(|byte| *byte == b'-')
        else {
            at += LENGTH;
            continue;
        };
        let start = at + dash;
        if is_uuid(&text[start..]) && !goes_on_before(text, start) && !is(after(text, start + LENGTH), HEX) {
            found.push(Finding::new(Kind::Uuid, Severity::Likely, start..start + LENGTH));
            at = start + LENGTH;
        } else {
            at = start + 1;
        }
    }
}

/// Whether a digit before it is one of the same number, and not of an escape: `\n`, `%3D`, `\u0020`.
fn goes_on_before(text: &[u8], start: usize) -> bool {
    let left = &text[..start];
    let escape = |len: usize, sign: &[u8]| left.len() >= len && left[left.len() - len..].starts_with(sign);
    is(before(text, start), HEX) && !(escape(3, b"%") || escape(6, b"\\u") || escape(4, b"\\x") || escape(2, b"\\"))
}

fn is_uuid(text: &[u8]) -> bool {
    let mut from = 0;
    text.len() >= LENGTH
        && GROUPS.iter().all(|digits| {
            let group = from..from + digits;
            from = group.end + 1;
            text[group.clone()].iter().all(|byte| is(*byte, HEX)) && (group.end == LENGTH || text[group.end] == b'-')
        })
}
