//! One finding, how overlapping ones become one, and the text without them.

use std::ops::Range;

use super::bytes::{alnum, run, run_back};
use super::kind::{Kind, KindSet, Severity};
use super::statement;

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
    // In the order of the detectors where they found the same, however many there are.
    found.sort_by_key(|finding| (finding.start, finding.end));
    let mut kept = 0;
    for next in 1..found.len() {
        let other = found[next].clone();
        let last = &mut found[kept];
        if other.start >= last.end {
            kept += 1;
            found[kept] = other;
            continue;
        }
        let wins = (other.len(), other.kind.rank()) > (last.len(), last.kind.rank());
        last.end = last.end.max(other.end);
        if wins {
            last.kind = other.kind;
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

/// A text with each finding replaced by its placeholder, as bytes.
pub(super) struct Redacted {
    pub(super) text: Vec<u8>,
    /// What of it was there before.
    pub(super) rest: Rest,
}

pub(super) fn redacted<'a>(text: &[u8], found: &[Finding], placeholder: impl Fn(Kind) -> &'a str) -> Redacted {
    let mut clean = Redacted { text: Vec::with_capacity(text.len() + 16), rest: Rest::new() };
    let mut done = 0;
    replacements(text, found, |span, quote, kind| {
        let kept = text.get(done..span.start).unwrap_or_default();
        clean.text.extend_from_slice(kept);
        for piece in [quote, placeholder(kind), quote] {
            clean.text.extend_from_slice(piece.as_bytes());
        }
        clean.rest.push_before(kept, quote, text.get(span.end).copied());
        done = span.end;
    });
    let kept = text.get(done..).unwrap_or_default();
    clean.text.extend_from_slice(kept);
    clean.rest.push(kept);
    clean
}

/// What is left of a short text when each placeholder is `[A]` and no sign stands before it that would let nobody look at more than
/// the placeholder: neither `=` nor `:` behind a key, nor the bracket of a type. If the gate finds this clean, no detector
/// finds anything in the redacted text: all begin at bytes that are in here, but for that of pairs, which ends at the placeholder.
pub(super) struct Rest {
    bytes: [u8; REST],
    len: usize,
}

/// Longer texts are looked at as they are.
const REST: usize = 256;

impl Rest {
    fn new() -> Self {
        Rest { bytes: [0; REST], len: 0 }
    }

    /// `None` if the text was too long.
    pub(super) fn get(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len)
    }

    fn push(&mut self, piece: &[u8]) {
        let end = self.len.saturating_add(piece.len());
        match self.bytes.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(piece);
                self.len = end;
            }
            None => self.len = usize::MAX,
        }
    }

    /// What was kept before a placeholder, which has `quote` around it and `next` behind it.
    fn push_before(&mut self, kept: &[u8], quote: &str, next: Option<u8>) {
        self.push(without_sign(kept, quote, next).unwrap_or(kept));
        self.push(b"[A]");
    }
}

/// `kept` without the sign at its end behind which [`pairs`](super::pairs) looks at the placeholder and no further.
fn without_sign<'t>(kept: &'t [u8], quote: &str, next: Option<u8>) -> Option<&'t [u8]> {
    let bare = match kept {
        // Alone in its quotes.
        [head @ .., b'"'] if next == Some(b'"') && quote.is_empty() => head,
        [.., b'"'] => return None,
        [head @ .., b'('] if quote.is_empty() => return head.last().is_some_and(|last| alnum(*last)).then_some(head),
        _ => kept,
    };
    let bare = bare.strip_suffix(b" ").unwrap_or(bare);
    let (b'=' | b':', key) = bare.split_last()? else { return None };
    let key = key.strip_suffix(b" ").unwrap_or(key);
    let name = key.strip_suffix(b"\"").unwrap_or(key);
    let named = name.last().is_some_and(|last| alnum(*last) || *last == b'_');
    (named && !statement::is_key(name)).then_some(key)
}

/// What was replaced in a text, and where its placeholder is in the [`redacted`] one.
pub(super) struct Moved(Vec<(Range<usize>, Range<usize>)>);

impl Moved {
    pub(super) fn of<'a>(text: &[u8], found: &[Finding], placeholder: impl Fn(Kind) -> &'a str) -> Self {
        let mut moved: Vec<(Range<usize>, Range<usize>)> = Vec::with_capacity(found.len());
        replacements(text, found, |span, quote, kind| {
            let start = moved.last().map_or(span.start, |(last, placed)| placed.end + (span.start - last.end));
            let end = start + 2 * quote.len() + placeholder(kind).len();
            moved.push((span, start..end));
        });
        Moved(moved)
    }

    /// Places what was found in the redacted text where it is in `text`. What was found in nothing but placeholders is left
    /// out.
    pub(super) fn place_back(&self, text: &[u8], more: &mut Vec<Finding>) {
        let original = |place: usize, of: fn(&Range<usize>) -> usize| {
            let next = self.0.partition_point(|(_, placeholder)| placeholder.end <= place);
            match (self.0.get(next), next.checked_sub(1).and_then(|last| self.0.get(last))) {
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

    /// The lines of the redacted text `clean` in which something may be found that was not before, if those are few: around
    /// what was replaced last, which is `fresh`, or all. `None` where what was replaced may have held other lines together,
    /// as quotes, braces and keys of many lines do.
    pub(super) fn neighbourhoods(
        &self,
        text: &[u8],
        clean: &[u8],
        fresh: Option<&[Finding]>,
    ) -> Option<Vec<Range<usize>>> {
        let is_fresh = |span: &Range<usize>| {
            fresh.is_none_or(|fresh| {
                let next = fresh.partition_point(|finding| finding.end <= span.start);
                fresh.get(next).is_some_and(|finding| finding.start < span.end)
            })
        };
        let holds = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'{' | b'}' | b'\n');
        let fresh = || self.0.iter().filter(|(span, _)| is_fresh(span));
        if fresh().any(|(span, _)| text[span.clone()].iter().any(holds)) {
            return None;
        }
        neighbourhoods(clean, fresh().map(|(_, placed)| placed.clone()))
    }
}

/// Further than this from a place, and in another line, nothing is read in another way for what is there: the longest windows
/// are those of `user:password@`, of the program before an option and of the words around a number.
const REACH: usize = 640;

/// Texts up to this length are one neighbourhood.
pub(super) const SHORT: usize = 4 * REACH;

/// The lines around places that are in order, if they are less than half of the text.
fn neighbourhoods(text: &[u8], places: impl Iterator<Item = Range<usize>>) -> Option<Vec<Range<usize>>> {
    if text.len() <= SHORT {
        return None;
    }
    let mut near: Vec<Range<usize>> = Vec::new();
    let mut all = 0;
    for place in places {
        let floor = near.last().map_or(0, |last| last.end);
        let to = (place.end + REACH).min(text.len());
        if to <= floor {
            continue;
        }
        let from = place.start.saturating_sub(REACH).max(floor);
        let start = text[floor..from].iter().rposition(|byte| *byte == b'\n').map_or(floor, |at| floor + at + 1);
        let end = run(text, to, |byte| byte != b'\n');
        all += end - start;
        if 2 * all > text.len() {
            return None;
        }
        match near.last_mut() {
            Some(last) if start <= last.end => last.end = end,
            _ => near.push(start..end),
        }
    }
    Some(near)
}

/// Gives `replace` what of `text` goes, in order and apart, with the quote that its placeholder needs on both sides.
///
/// In a document of JSON only the inside of strings goes, and numbers and words as a whole, never a quote or a bracket.
fn replacements(text: &[u8], found: &[Finding], mut replace: impl FnMut(Range<usize>, &'static str, Kind)) {
    let found = found.iter().take_while(|finding| finding.start < text.len());
    if !is_document(text.trim_ascii()) {
        return found.for_each(|finding| replace(finding.span(), missing_quote(text, finding.start), finding.kind));
    }
    let (mut at, mut open, mut done) = (0, false, 0);
    for finding in found {
        let end = finding.end.min(text.len());
        while at < end {
            let inside = at >= finding.start;
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

/// Inside a string, or where nothing is known of what is around: the quotes for a bare number behind a quoted key, as in
/// `{"pin":1234}` and `"{\"pin\":1234}"`.
fn missing_quote(text: &[u8], start: usize) -> &'static str {
    let before = text.get(..start).unwrap_or_default().trim_ascii_end();
    match before.strip_suffix(b":").map(<[u8]>::trim_ascii_end) {
        Some(key) if key.ends_with(b"\\\"") => "\\\"",
        Some(key) if key.ends_with(b"\"") => "\"",
        _ => "",
    }
}
