//! UUIDs, for those who ask for them.

use super::bytes::{HEX, after, alnum, before, head, is};
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
        if is_uuid(&text[start..]) && !alnum(before(text, start)) && !alnum(after(text, start + LENGTH)) {
            found.push(Finding::new(Kind::Uuid, Severity::Likely, start..start + LENGTH));
            at = start + LENGTH;
        } else {
            at = start + 1;
        }
    }
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
