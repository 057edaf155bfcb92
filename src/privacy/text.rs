//! Somebody's `Debug` or `Display`, written within bounds, and what can be told of the text that it made.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::page::Page;
use super::pen::WINDOW;
use super::scan::{Finding, Scanner};

/// Whether a value was written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    No,
}

/// Takes what a value prints, up to the window; then it makes the value stop.
pub(super) struct Bounded<'a> {
    record: &'a mut Page,
    /// Where the window ends.
    end: usize,
    whole: Whole,
}

impl fmt::Write for Bounded<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.record.len() + text.len() <= self.end
            && let Some(next) = self.record.next(text.len())
        {
            next.copy_from_slice(text.as_bytes());
            return Ok(());
        }
        self.write_beyond(text)
    }
}

impl Bounded<'_> {
    /// Writes what the buffer has to grow for, or what does not fit the window.
    #[inline(never)]
    fn write_beyond(&mut self, text: &str) -> fmt::Result {
        let left = self.end - self.record.len();
        let fits = floor_boundary(text.as_bytes(), left);
        self.record.extend_from_slice(&text.as_bytes()[..fits]);
        if fits == text.len() {
            return Ok(());
        }
        // Nothing more is taken: what comes next may be shorter.
        self.end = self.record.len();
        self.whole = Whole::No;
        Err(fmt::Error)
    }
}

/// Runs somebody's `Debug` or `Display`; `None` when it failed or panicked.
#[inline]
pub(super) fn bounded(record: &mut Page, write: impl FnOnce(&mut Bounded<'_>) -> fmt::Result) -> Option<Whole> {
    let mut out = Bounded { end: record.len() + WINDOW, record, whole: Whole::Yes };
    let result = catch_unwind(AssertUnwindSafe(|| write(&mut out))).ok()?;
    match out.whole {
        Whole::Yes => result.ok().map(|()| Whole::Yes),
        Whole::No => Some(Whole::No),
    }
}

/// The longest head of at most `cap` bytes that ends between two characters.
#[inline]
pub(super) fn floor_boundary(text: &[u8], cap: usize) -> usize {
    if text.len() <= cap {
        return text.len();
    }
    let mut end = cap;
    while end > 0 && text[end] & 0b1100_0000 == 0b1000_0000 {
        end -= 1;
    }
    end
}

/// Looks that a text which was cut is given; nearly all need one.
const LOOKS: usize = 8;

/// How much of a text which was cut may stay: its head before the first finding, and so on until there is none. A cut can
/// make one thing of another: of 19 digits 16 that are a card's, of `password: incorrect for bob` a password.
#[inline(never)]
pub(super) fn settled(scanner: &Scanner, mut text: &[u8], findings: &mut Vec<Finding>) -> usize {
    for _ in 0..LOOKS {
        if scanner.looks_clean(text) {
            return text.len();
        }
        scanner.scan(text, findings);
        let Some(first) = findings.first() else { return text.len() };
        text = &text[..first.span().start];
    }
    0
}

/// The text cut to so many bytes, if it is longer.
pub(super) fn cut(scanner: &Scanner, text: String, cap: usize) -> String {
    if text.len() <= cap {
        return text;
    }
    let mut bytes = text.into_bytes();
    bytes.truncate(floor_boundary(&bytes, cap));
    bytes.truncate(settled(scanner, &bytes, &mut Vec::new()));
    // Cuts and findings end between characters.
    String::from_utf8(bytes).unwrap_or_default()
}

/// What a value says, without the dress that `Debug` gives it: `Some("7")` is `7`.
pub(super) fn bare(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("Some(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(text).trim();
    text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(text)
}

/// Whether `Debug` text shows a struct or a tuple struct somewhere outside quotes: a name that begins with a capital, then
/// a brace or a parenthesis. `Some(..)`, `Ok(..)` and `Err(..)` around plain values are none.
///
/// Where a quote is not closed nobody knows which are inside: then the whole text is outside.
pub(super) fn is_struct(text: &[u8]) -> bool {
    shows_struct(text, quoted).unwrap_or_else(|| shows_struct(text, |_| Some(1)).unwrap_or(true))
}

/// Bytes from an opening quote to the end of what it opens; `None` where it is not closed.
fn quoted(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    while *text.get(at)? != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

/// The same, where `quoted` tells how much a quote hides; `None` where it cannot.
fn shows_struct(text: &[u8], quoted: impl Fn(&[u8]) -> Option<usize>) -> Option<bool> {
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(b"'\"'") {
            at += 3;
            continue;
        }
        if text[at] == b'"' {
            at += quoted(&text[at..])?;
            continue;
        }
        let name = text[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || !b.is_ascii()).count();
        let word = &text[at..at + name];
        let opens = matches!(text[at + name..], [b' ', b'{', ..] | [b'(', ..] | [b'{', ..]);
        // `Über { .. }` and `_User { .. }` too.
        let first = std::str::from_utf8(word).ok().and_then(|word| word.trim_start_matches('_').chars().next());
        if opens && first.is_some_and(char::is_uppercase) && !matches!(word, b"Some" | b"Ok" | b"Err") {
            return Some(true);
        }
        at += name.max(1);
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(floor_boundary("aé".as_bytes(), 2), 1);
        assert_eq!(floor_boundary("aé".as_bytes(), 3), 3);
        assert_eq!(floor_boundary("日".as_bytes(), 1), 0);
    }

    #[test]
    fn a_value_is_hashed_without_the_dress_that_debug_gives_it() {
        for text in ["7", " 7 ", "\"7\"", "Some(7)", "Some(\"7\")"] {
            assert_eq!(bare(text), "7", "{text}");
        }
    }

    #[test]
    fn structs_are_told_from_words() {
        for text in [
            "User { id: 42 }",
            "User{..}",
            "Über { name: \"x\" }",
            "_User { id: 1 }",
            "Wrapper(\"x\")",
            "Some(User { id: 1 })",
            "std::Foo { }",
            "[User { id: 1 }, User { id: 2 }]",
            "(1, Id(7))",
            "{\"k\": User { id: 1 }}",
            "Err(Timeout(5))",
            // A quote that is a character, or that nothing closes, hides nothing.
            "('\"', User { name: \"Ann Lee\" })",
            "[('\"', 1), ('\"', Id(7))]",
            "5\" User { name: \"Ann Lee\" }",
            "\" User { id: 1 }",
            "(\"a\\\"\", '\"', Id(7))",
        ] {
            assert!(is_struct(text.as_bytes()), "{text}");
        }
        for text in [
            "\"plain text\"",
            "\"User { id: 1 } quoted \\\" Foo(1)\"",
            "Active",
            "order placed (twice)",
            "[1, 2]",
            "Some(7)",
            "Ok(\"x\")",
            "3.5",
            "",
            "\"cut \\",
            "('\"', \"User { id: 1 }\")",
            "[\"Foo(1)\", \"'\", \"Id(7)\"]",
        ] {
            assert!(!is_struct(text.as_bytes()), "{text}");
        }
    }
}
