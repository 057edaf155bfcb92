//! Keys of the application in all the notations that the built-in rules know: `<order_ref>A-7</order_ref>`, `--order-ref A-7`,
//! `{"name":"order_ref","value":"A-7"}`, `INSERT INTO t (order_ref) VALUES ('A-7')`.
//!
//! What no sign between key and value tells is read as though the key were called `password`: under that name nearly every value
//! is one. So each notation that the built-in rules learn holds for the application's rules as well.

use std::ops::Range;

use super::anchors::Anchors;
use super::bytes::{DIGIT, HIGH, JOINT, LETTER, SPACE, after, before, is, run};
use super::encoded::Decoded;
use super::key::{KEY, is_compound};
use super::ruled::{InText, KeyRules, Said};
use super::{Finding, Kind, Severity, read_built_in};

/// A key of the application, and what its rule says.
struct Key {
    span: Range<usize>,
    kind: Kind,
}

impl KeyRules {
    /// Adds the values of keys beside which nothing was said so far. `found` is what the built-in rules find in the same text.
    pub(super) fn read_renamed(&self, anchors: &Anchors<'_>, found: &[Finding], said: &mut Said) {
        let text = anchors.text;
        let keys = self.unread_keys(text, said);
        if keys.is_empty() {
            return;
        }
        let name = |key: &Key| -> (Range<usize>, &'static [u8]) {
            let compound = is_compound(&text[key.span.clone()], false);
            (key.span.clone(), if compound { b"user_password" } else { b"password" })
        };
        let renamed = Decoded::renamed(text, keys.iter().map(name));
        let mut inside = Vec::new();
        Anchors::with(&renamed.text, |anchors| read_built_in(anchors, &mut inside));
        inside.retain(is_secret);
        // What has a name of its own is known.
        let mut known: Vec<_> = found.iter().filter(|finding| is_secret(finding)).map(Finding::span).collect();
        known.sort_unstable_by_key(|span| (span.start, span.end));
        for finding in inside {
            let span = renamed.original(finding.span());
            if known.binary_search_by_key(&(span.start, span.end), |known| (known.start, known.end)).is_err() {
                let behind = keys.partition_point(|key| key.span.end <= span.start);
                let key = behind.checked_sub(1).and_then(|last| keys.get(last)).unwrap_or(&keys[0]);
                said.goes.push(Finding::new(key.kind, Severity::Likely, span));
            }
        }
    }

    /// The keys that go by a rule and beside which no value was read, where they are more than a word of a sentence.
    fn unread_keys(&self, text: &[u8], said: &mut Said) -> Vec<Key> {
        said.read.sort_unstable();
        let mut keys = Vec::new();
        let mut at = 0;
        while at < text.len() {
            at = run(text, at, |byte| !is_part(byte));
            let end = run(text, at, is_part);
            if !self.may_match(&text[at..end]) {
                at = end;
                continue;
            }
            let span = trimmed(text, at..end);
            let in_sentence = is(before(text, at), SPACE) && after(text, end) == b' ' && text[at] != b'-';
            let in_sentence = in_sentence && !LINKS.iter().any(|link| text[end..].starts_with(link));
            at = end;
            if in_sentence || span.is_empty() || span.len() > KEY || said.read.binary_search(&span.end).is_ok() {
                continue;
            }
            let kind = match self.of_key(&text[span.clone()]) {
                Some(InText::Id) => Kind::KeyedId,
                Some(InText::Goes) => Kind::KeyedPii,
                Some(InText::Stays) | None => continue,
            };
            keys.push(Key { span, kind });
        }
        keys
    }
}

/// What may lead from a key to its value, though it looks like a part of a sentence.
const LINKS: [&[u8]; 3] = [b" is", b" was", b" ->"];

fn is_secret(finding: &Finding) -> bool {
    matches!(finding.kind, Kind::KeyedSecret | Kind::UrlSecret)
}

/// What keys are made of.
fn is_part(byte: u8) -> bool {
    is(byte, LETTER | DIGIT | HIGH | JOINT) || byte == b'.'
}

/// The key without the dashes of an option and the end of a sentence.
fn trimmed(text: &[u8], key: Range<usize>) -> Range<usize> {
    let start = run(&text[..key.end], key.start, |byte| byte == b'-');
    let end = text[start..key.end].iter().rposition(|byte| *byte != b'.').map_or(start, |last| start + last + 1);
    start..end
}
