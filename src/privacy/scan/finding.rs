//! One finding, how overlapping ones become one, and the text without them.

use std::ops::Range;

use super::bytes::{run, run_back};
use super::kind::{Kind, KindSet, Severity};
use super::lists::is_list;

/// A piece of text that is personal or secret. Holds where it is, never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    pub(super) start: usize,
    pub(super) end: usize,
    /// All kinds of which a part of it is.
    pub(super) kinds: KindSet,
}

impl Finding {
    pub(super) fn new(kind: Kind, severity: Severity, span: Range<usize>) -> Self {
        Finding { kind, severity, start: span.start, end: span.end, kinds: KindSet::of(kind) }
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

/// Sorts, and joins what overlaps: a part of a secret left standing would be a leak. The longest gives the kind, then the
/// one of the higher rank; the surest gives the severity.
pub(super) fn settle(found: &mut Vec<Finding>) {
    if found.len() < 2 {
        return;
    }
    found.sort_unstable_by_key(|finding| (finding.start, finding.end));
    let mut kept = 0;
    // The length of the one that gave the kind, not of all that was joined.
    let mut longest = found[0].len();
    for next in 1..found.len() {
        let other = found[next].clone();
        let last = &mut found[kept];
        if other.start >= last.end {
            kept += 1;
            longest = other.len();
            found[kept] = other;
            continue;
        }
        last.end = last.end.max(other.end);
        if (other.len(), other.kind.rank()) > (longest, last.kind.rank()) {
            (longest, last.kind) = (other.len(), other.kind);
        }
        last.severity = last.severity.max(other.severity);
        last.kinds = last.kinds.and(other.kinds);
    }
    found.truncate(kept + 1);
}

/// Gives `text` piece by piece to `push`, each finding replaced by its placeholder. Findings that begin behind the text
/// are passed over.
pub(super) fn redact<'a>(
    text: &'a str,
    found: &[Finding],
    placeholder: impl Fn(Kind) -> &'a str,
    mut push: impl FnMut(&str),
) {
    let mut done = 0;
    replacements(text.as_bytes(), found, |span, quote, kind| {
        // Both ends are on char boundaries; should that ever fail, the text goes rather than stays.
        push(text.get(done..span.start).unwrap_or_default());
        push(quote);
        push(placeholder(kind));
        push(quote);
        done = span.end;
    });
    push(text.get(done..).unwrap_or_default());
}

/// `text` with each finding replaced by its placeholder, as bytes.
pub(super) fn redacted<'a>(text: &[u8], found: &[Finding], placeholder: impl Fn(Kind) -> &'a str) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len() + 16);
    let mut done = 0;
    replacements(text, found, |span, quote, kind| {
        clean.extend_from_slice(text.get(done..span.start).unwrap_or_default());
        let placeholder = placeholder(kind).as_bytes();
        if quote.is_empty() {
            clean.extend_from_slice(placeholder);
        } else {
            [quote.as_bytes(), placeholder, quote.as_bytes()].iter().for_each(|piece| clean.extend_from_slice(piece));
        }
        done = span.end;
    });
    clean.extend_from_slice(text.get(done..).unwrap_or_default());
    clean
}

/// Where `more` that was found in the [`redacted`] text is in `text`. What was found in nothing but placeholders is left out.
pub(super) fn place_back<'a>(
    text: &[u8],
    found: &[Finding],
    placeholder: impl Fn(Kind) -> &'a str,
    more: &mut Vec<Finding>,
) {
    // What was replaced, and where the placeholder is.
    let mut moved: Vec<(Range<usize>, Range<usize>)> = Vec::with_capacity(found.len());
    replacements(text, found, |span, quote, kind| {
        let start = moved.last().map_or(span.start, |(last, placed)| placed.end + (span.start - last.end));
        let end = start + 2 * quote.len() + placeholder(kind).len();
        moved.push((span, start..end));
    });
    let original = |place: usize, of: fn(&Range<usize>) -> usize| {
        let next = moved.partition_point(|(_, placeholder)| placeholder.end <= place);
        match (moved.get(next), next.checked_sub(1).and_then(|last| moved.get(last))) {
            (Some((span, placeholder)), _) if placeholder.start < place => of(span),
            (_, Some((span, placeholder))) => place - placeholder.end + span.end,
            (_, None) => place,
        }
    };
    more.retain_mut(|finding| {
        finding.start = original(finding.start, |span| span.start);
        finding.end = original(finding.end, |span| span.end).min(text.len());
        finding.start < finding.end
    });
}

/// Gives `replace` what of `text` goes, in order and apart, with the quote that its placeholder needs on both sides.
///
/// In a document of JSON only the inside of strings goes, and numbers, words and lists of bytes as a whole, never a quote or another
/// bracket.
fn replacements(text: &[u8], found: &[Finding], mut replace: impl FnMut(Range<usize>, &'static str, Kind)) {
    let found = found.iter().take_while(|finding| finding.start < text.len());
    let opens = matches!(text.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['));
    if !(opens && is_document(text.trim_ascii()) && is_json_outside_strings(text)) {
        return found.for_each(|finding| replace(finding.span(), missing_quote(text, finding.start), finding.kind));
    }
    let (mut at, mut open, mut done) = (0, false, 0);
    for finding in found {
        let end = finding.end.min(text.len());
        while at < end {
            // An escape that the finding begins inside of goes whole: of `\Users\bob` in quotes the `b` would stay.
            let inside = at >= finding.start || open && text[at] == b'\\' && at + 1 == finding.start;
            match text[at] {
                b'"' => (at, open) = (at + 1, !open),
                _ if open && inside => {
                    let last = end.min(string_end(text, at));
                    let span = whole_escapes(text, at..last);
                    let quote = missing_quote(text, span.start);
                    // Past the escape that the finding ends inside of.
                    at = if span.end < last { span.end + escape_len(text, span.end) } else { last };
                    if span.start >= done && !span.is_empty() {
                        done = span.end;
                        replace(span, if quote == "\"" { "" } else { quote }, finding.kind);
                    }
                }
                b'[' if at >= finding.start && is_list(text, at..end) => {
                    replace(at..end, "\"", finding.kind);
                    (at, done) = (end, end);
                }
                byte if inside && is_scalar(byte) => {
                    let span = run_back(text, at, 64, is_scalar).max(done)..run(text, at, is_scalar);
                    (at, done) = (span.end, span.end);
                    replace(span, "\"", finding.kind);
                }
                b'\\' if open => at += 2,
                _ => at += 1,
            }
        }
    }
}

/// What numbers and words of JSON are made of.
fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
}

/// Where the string that is open at `from`, which is not inside an escape, is closed.
fn string_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

/// The span without half of an escape at either end: `\n`, `\"`, `\u0040`.
fn whole_escapes(text: &[u8], span: Range<usize>) -> Range<usize> {
    // The backslash of the escape that a place is inside of.
    let escape_over = |place: usize| {
        (place.saturating_sub(5)..place).find(|at| {
            let odd = text[..*at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0;
            text[*at] == b'\\' && odd && place < at + escape_len(text, *at)
        })
    };
    let start = escape_over(span.start).unwrap_or(span.start);
    start..escape_over(span.end).filter(|end| *end >= start).unwrap_or(span.end)
}

fn escape_len(text: &[u8], at: usize) -> usize {
    if text.get(at + 1) == Some(&b'u') { 6 } else { 2 }
}

/// Whether a text is a JSON object or array, as far as its ends tell: `[2026-01-01 12:00] ..` is none.
fn is_document(text: &[u8]) -> bool {
    let first = |from: usize| {
        let at = run(text, from, |byte| byte.is_ascii_whitespace());
        (at, text.get(at).copied().unwrap_or(0))
    };
    match (text.first(), text.last()) {
        (Some(b'{'), Some(b'}')) => matches!(first(1).1, b'"' | b'}'),
        (Some(b'['), Some(b']')) => match first(1) {
            (_, b'{' | b'[' | b'"') => true,
            (at, _) => {
                let value = run(text, at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-'));
                let (end, next) = first(value);
                value > at && (next == b',' || next == b']' && end + 1 == text.len())
            }
        },
        _ => false,
    }
}

/// Whether nothing stands between the strings that JSON does not have there: `{"a":1} row {'b': 'c'}` is no document.
fn is_json_outside_strings(text: &[u8]) -> bool {
    let is_json = |byte: u8| is_scalar(byte) || byte.is_ascii_whitespace() || b"{}[],:".contains(&byte);
    let mut at = 0;
    while at < text.len() {
        at = match text[at] {
            b'"' => string_end(text, at + 1) + 1,
            byte if is_json(byte) => at + 1,
            _ => return false,
        };
    }
    true
}

/// Inside a string, or where nothing is known of what is around: the quotes for a bare number behind a quoted key, as in
/// `{"pin":1234}` and `"{\"pin\":1234}"`.
fn missing_quote(text: &[u8], start: usize) -> &'static str {
    let before = text.get(..start).unwrap_or_default();
    if !matches!(before, [.., b':'] | [.., b' ' | b'\t' | b'\n' | b'\r' | 0x0c]) {
        return "";
    }
    let before = before.trim_ascii_end();
    match before.strip_suffix(b":").map(<[u8]>::trim_ascii_end) {
        Some(key) if key.ends_with(b"\\\"") => "\\\"",
        Some(key) if key.ends_with(b"\"") => "\"",
        _ => "",
    }
}
