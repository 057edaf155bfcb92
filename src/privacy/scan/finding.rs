//! One finding, how overlapping ones become one, and the text without them.

use std::ops::Range;

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
    let mut done = 0;
    for finding in found.iter().take_while(|finding| finding.start < text.len()) {
        // Both ends are on char boundaries; should that ever fail, the text goes rather than stays.
        push(text.get(done..finding.start).unwrap_or_default());
        let quote = missing_quote(text.as_bytes(), finding.start);
        push(quote);
        push(placeholder(finding.kind));
        push(quote);
        done = finding.end;
    }
    push(text.get(done..).unwrap_or_default());
}

/// What has to stand around a placeholder in the place of a bare number, so that JSON stays JSON: `{"pin":1234}`.
fn missing_quote(text: &[u8], start: usize) -> &'static str {
    let before = text.get(..start).unwrap_or_default().trim_ascii_end();
    match before.strip_suffix(b":").map(<[u8]>::trim_ascii_end) {
        Some(key) if key.ends_with(b"\\\"") => "\\\"",
        Some(key) if key.ends_with(b"\"") => "\"",
        _ => "",
    }
}
