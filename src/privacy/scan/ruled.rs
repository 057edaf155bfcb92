//! The application's own rules for keys, inside text: what it drops or hashes as a field goes from `key=value`, JSON and
//! `Debug` output too, and what it keeps as a field is there read as it would be under no key at all.
//!
//! Runs only where a policy has such rules, and only on text that the gate does not let pass.

use std::ops::Range;

use super::anchors::{Anchors, Class};
use super::bytes::{DIGIT, SPACE, after, before, head, is, run};
use super::take::inside;
use super::value::{self, Bare, is_placeholder};
use super::words::is_status;
use super::{Finding, Kind, Severity, key, pairs};
use crate::privacy::policy::KeyPattern;

/// What a rule for a field says about its value in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InText {
    /// It stays, and is scanned by itself.
    Stays,
    /// It is somebody's id.
    Id,
    /// It goes for another reason.
    Goes,
}

/// Rules for keys. Of those that are about a key, the last one decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyRules(Vec<(KeyPattern, InText)>);

/// The longest value that may stay: a longer one is read with its key.
const LONGEST: usize = value::JUDGED;

/// As far as a value without quotes is followed, so that many keys in a row cost no more than their bytes.
const MOST: usize = 4 * LONGEST;

impl KeyRules {
    /// Rules that are about every key are about fields alone: not everything in front of a colon is a key.
    pub(crate) fn push(&mut self, pattern: &KeyPattern, fate: InText) {
        if !pattern.is_about_all() {
            self.0.push((pattern.clone(), fate));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what goes, and takes away what was found in values that stay for their key alone. What goes by a rule goes from
    /// within what stays by another one, too.
    pub(super) fn apply(&self, text: &[u8], found: &mut Vec<Finding>) {
        let mut stays: Vec<Range<usize>> = Vec::new();
        let mut goes = Vec::new();
        Anchors::with(text, |anchors| {
            let mut signs = anchors.all(Class::Pair);
            while let Some(sign) = signs.next() {
                let Some((fate, from)) = self.of_pair(anchors, sign) else { continue };
                match fate {
                    InText::Stays => stays.extend(single(text, from).filter(|value| value.len() <= LONGEST)),
                    InText::Id => signs.pass(take(text, from, Kind::KeyedId, &mut goes)),
                    InText::Goes => signs.pass(take(text, from, Kind::KeyedPii, &mut goes)),
                }
            }
        });
        // Each is read once more; where values lie in each other so deep that this would cost much, their keys count.
        let mut budget = 2 * text.len();
        for value in stays {
            let Some(left) = budget.checked_sub(value.len() + found.len() + 1) else { break };
            budget = left;
            let is_inside = |finding: &Finding| value.start <= finding.start && finding.end <= value.end;
            if found.iter().any(is_inside) {
                found.retain(|finding| !is_inside(finding) || !is_by_key(finding.kind));
                let mut alone = Vec::new();
                super::detect(&text[value.clone()], &mut alone);
                found.extend(alone.into_iter().map(|mut finding| {
                    finding.start += value.start;
                    finding.end += value.start;
                    finding
                }));
            }
        }
        found.append(&mut goes);
    }

    /// What the rules say about the pair at `sign`, and where its value begins.
    fn of_pair(&self, anchors: &Anchors<'_>, sign: usize) -> Option<(InText, usize)> {
        let text = anchors.text;
        let colon = match text[sign] {
            b':' => true,
            b'=' => false,
            _ => return None,
        };
        // Paths (`a::b`), URLs (`http://`), comparisons.
        let next = after(text, sign + 1);
        if matches!(next, b'=' | b':') || before(text, sign) == b':' || colon && next == b'/' {
            return None;
        }
        let key = key::key_before(anchors, sign)?;
        let name = std::str::from_utf8(&text[key.start..key.end]).ok()?;
        // Clock times and positions in files.
        if name.bytes().all(|byte| is(byte, DIGIT)) {
            return None;
        }
        let (_, fate) = self.0.iter().rev().find(|(pattern, _)| pattern.matches(name))?;
        let value = sign + 1 + usize::from(!colon && next == b'>');
        Some((*fate, run(head(text, value, 8), value, |byte| matches!(byte, b' ' | b'\t'))))
    }
}

/// Whether findings of this kind are so for a key.
fn is_by_key(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::KeyedId | Kind::KeyedPii | Kind::KeyedSecret | Kind::UrlSecret | Kind::HighEntropy | Kind::BirthDate
    )
}

/// Takes the value at `from`, or each of a list; says where to go on.
fn take(text: &[u8], from: usize, kind: Kind, found: &mut Vec<Finding>) -> usize {
    // What was a value is replaced.
    if pairs::is_redacted(text, inside(text, from)) {
        return from;
    }
    let is_list = after(text, from) == b'[';
    let mut at = from + usize::from(is_list);
    loop {
        let Some(value) = single(text, at).filter(|value| !value.is_empty()) else { return at.max(from) };
        let raw = &text[value.clone()];
        // `null`, `missing` and the like say nothing.
        if !is_placeholder(raw) && !is_status(raw) {
            found.push(Finding::new(kind, Severity::Likely, value.clone()));
        }
        at = value.end;
        if !is_list {
            return at;
        }
        at = run(text, at, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b',') || is(byte, SPACE));
        if matches!(after(text, at), b']' | b'{' | b'[' | b'}' | 0) {
            return at;
        }
    }
}

/// The one value at `from`, without its quotes; none where a list or an object begins.
fn single(text: &[u8], from: usize) -> Option<Range<usize>> {
    let at = inside(text, from);
    if let Some(quoted) = value::quoted(text, at) {
        return Some(quoted.start..quoted.end);
    }
    let end = value::bare(head(text, at, MOST), at, Bare::Strict, false);
    (!matches!(after(text, at), b'{' | b'[')).then_some(at..end)
}
