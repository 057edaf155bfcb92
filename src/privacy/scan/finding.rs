//! One finding, how overlapping ones become one, and the text without them.

use std::ops::Range;

use super::bytes::{run, run_back};
use super::kind::{Kind, KindSet, Severity};

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
    let mut quotes = Quotes::of(text.as_bytes());
    let mut done = 0;
    for finding in found.iter().take_while(|finding| finding.start < text.len()) {
        let (span, quote) = quotes.around(finding.span());
        // Both ends are on char boundaries; should that ever fail, the text goes rather than stays.
        push(text.get(done..span.start).unwrap_or_default());
        push(quote);
        push(placeholder(finding.kind));
        push(quote);
        done = span.end.max(done);
    }
    push(text.get(done..).unwrap_or_default());
}

/// The findings that a second look finds once those of the first are replaced, since a placeholder may end what went on
/// before, or begin what did not. In the coordinates of `text`.
pub(super) fn revealed<'a>(
    text: &[u8],
    found: &[Finding],
    placeholder: impl Fn(Kind) -> &'a str,
    scan: impl FnOnce(&[u8], &mut Vec<Finding>),
) -> Vec<Finding> {
    let mut clean = Vec::with_capacity(text.len() + 16);
    // Where each placeholder ends in the clean text.
    let mut ends = Vec::with_capacity(found.len());
    let mut quotes = Quotes::of(text);
    let mut spans = Vec::with_capacity(found.len());
    let mut done = 0;
    for finding in found {
        let (span, quote) = quotes.around(finding.span());
        clean.extend_from_slice(text.get(done..span.start).unwrap_or_default());
        let start = clean.len();
        for piece in [quote, placeholder(finding.kind), quote] {
            clean.extend_from_slice(piece.as_bytes());
        }
        ends.push((start, clean.len()));
        done = span.end.max(done);
        spans.push(span);
    }
    clean.extend_from_slice(text.get(done..).unwrap_or_default());
    let mut more = Vec::new();
    scan(&clean, &mut more);
    let original = |place: usize, of: fn(&Range<usize>) -> usize| {
        let behind = ends.partition_point(|(_, end)| *end <= place);
        match (ends.get(behind), behind.checked_sub(1)) {
            (Some((start, _)), _) if *start < place => of(&spans[behind]),
            (_, Some(last)) => place - ends[last].1 + spans[last].end,
            (_, None) => place,
        }
    };
    more.retain_mut(|finding| {
        finding.start = original(finding.start, |span| span.start);
        finding.end = original(finding.end, |span| span.end).min(text.len());
        finding.start < finding.end
    });
    more
}

/// What has to stand around a placeholder so that JSON stays JSON.
struct Quotes<'t> {
    text: &'t [u8],
    /// In a document of JSON: how far it was read, and whether a string is open there.
    document: Option<(usize, bool)>,
}

impl<'t> Quotes<'t> {
    fn of(text: &'t [u8]) -> Self {
        Quotes { text, document: is_document(text.trim_ascii()).then_some((0, false)) }
    }

    /// What to replace and the quote on both sides of it: none inside a string, and a whole number or word outside.
    fn around(&mut self, span: Range<usize>) -> (Range<usize>, &'static str) {
        let text = self.text;
        let Some((mut at, mut open)) = self.document else {
            let quote = missing_quote(text, span.start);
            return (span, quote);
        };
        while at < span.start {
            match text[at] {
                b'\\' if open => at += 1,
                b'"' => open = !open,
                _ => {}
            }
            at += 1;
        }
        self.document = Some((at, open));
        if open {
            let quote = missing_quote(text, span.start);
            return (whole_escapes(text, span), if quote == "\"" { "" } else { quote });
        }
        let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-');
        (run_back(text, span.start, 64, token)..run(text, span.end, token), "\"")
    }
}

/// The span without half of an escape at either end: `\n`, `\"`, `\u0040`.
fn whole_escapes(text: &[u8], span: Range<usize>) -> Range<usize> {
    // The backslash of the escape that a place is inside of.
    let escape_over = |place: usize| {
        (place.saturating_sub(5)..place).find(|at| {
            let odd = text[..*at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0;
            let len = if text.get(at + 1) == Some(&b'u') { 6 } else { 2 };
            text[*at] == b'\\' && odd && place < at + len
        })
    };
    let start = escape_over(span.start).unwrap_or(span.start);
    start..escape_over(span.end).filter(|end| *end > start).unwrap_or(span.end)
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
