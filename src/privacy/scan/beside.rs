//! What stands beside a key that a rule knows and is no value of it: a version, a label, a count, a path.

use super::bytes::{DIGIT, LETTER, after, head, is, run};
use super::key::KEY;
use super::take::inside;
use super::value::{self, Bare};
use super::words;

/// Whether a version stands at `at`, in quotes or with a dot.
pub(super) fn is_versioned(text: &[u8], at: usize) -> bool {
    let text = head(text, at, KEY);
    match value::quoted(text, at) {
        Some(quoted) => words::is_version(&text[quoted.start..quoted.end]),
        None => {
            let version = &text[at..value::bare(text, at, Bare::Strict, false)];
            words::is_version(version) && version.contains(&b'.')
        }
    }
}

/// Whether what stands in quotes at `at` is the last word of its key and no more.
pub(super) fn is_label(text: &[u8], key: &[u8], at: usize) -> bool {
    let Some(quoted) = value::quoted(head(text, at, KEY), at) else { return false };
    let last = key.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    last.len() < key.len() && last.eq_ignore_ascii_case(&text[quoted.start..quoted.end])
}

/// Whether a number stands at `at`, or some that are too few for the bytes of a secret.
pub(super) fn counts(text: &[u8], at: usize) -> bool {
    if words::begins_number(after(text, at)) {
        let end = value::bare(head(text, at, KEY), at, Bare::Strict, false);
        return words::is_number(&text[at..end]);
    }
    is_short_list(text, at)
}

/// A list of numbers too few for the bytes of a secret.
fn is_short_list(text: &[u8], from: usize) -> bool {
    let from = inside(text, from);
    if after(text, from) != b'[' {
        return false;
    }
    let text = head(text, from, KEY);
    let end = run(text, from + 1, |byte| is(byte, DIGIT) || matches!(byte, b' ' | b','));
    (end == text.len() || text[end] == b']') && text[from..end].iter().filter(|byte| **byte == b',').count() < 7
}

/// Whether a path begins at `at`: `/srv`, `./a`, `~/a`, `D:\a`, `file:///a`.
pub(super) fn is_path(text: &[u8], at: usize) -> bool {
    match after(text, at) {
        b'/' | b'.' | b'~' => true,
        byte => {
            is(byte, LETTER) && after(text, at + 1) == b':' && matches!(after(text, at + 2), b'\\' | b'/' | b'\n')
                || text[at..].starts_with(b"file:/")
        }
    }
}
