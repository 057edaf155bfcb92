//! Text that writes signs as escapes: `%40`, `\u0040`, `\n`, and the full-width `：` of Chinese and Japanese.
//!
//! The detectors read such text a second time as what it stands for, and what they find is mapped back. No finding begins
//! or ends inside an escape, so that what is around its placeholder can still be decoded.

use super::Finding;
use super::anchors::{Anchors, Class};

/// A text without its escapes, and where they were.
pub(super) struct Decoded {
    pub(super) text: Vec<u8>,
    /// Where each escape is in the decoded text, and where it ends in the original.
    escapes: Vec<(usize, usize)>,
}

impl Decoded {
    /// The text as what it stands for; `None` if it stands for itself.
    pub(super) fn of(anchors: &Anchors<'_>) -> Option<Self> {
        let text = anchors.text;
        let mut decoded = Decoded { text: Vec::new(), escapes: Vec::new() };
        let mut done = 0;
        let mut at = 0;
        while let Some(start) = anchors.next(Class::Escape, at) {
            let Some((byte, end)) = escape(text, start) else {
                at = start + 1;
                continue;
            };
            decoded.text.extend_from_slice(&text[done..start]);
            decoded.escapes.push((decoded.text.len(), end));
            decoded.text.push(byte);
            (done, at) = (end, end);
        }
        if decoded.escapes.is_empty() {
            return None;
        }
        decoded.text.extend_from_slice(&text[done..]);
        Some(decoded)
    }

    /// The finding where it is in the original.
    pub(super) fn original(&self, mut finding: Finding) -> Finding {
        (finding.start, finding.end) = (self.place(finding.start), self.place(finding.end));
        finding
    }

    fn place(&self, at: usize) -> usize {
        match self.escapes.partition_point(|(escape, _)| *escape < at).checked_sub(1) {
            Some(last) => self.escapes[last].1 + (at - self.escapes[last].0 - 1),
            None => at,
        }
    }
}

/// The byte that the escape at `at` stands for, and where it ends.
fn escape(text: &[u8], at: usize) -> Option<(u8, usize)> {
    match text[at] {
        b'%' => {
            // `%2540` was encoded twice.
            let mut from = at + 1;
            while text[from..].starts_with(b"25")
                && text.get(from + 2..from + 4).is_some_and(|next| hex(next).is_some())
            {
                from += 2;
            }
            let byte = hex(text.get(from..from + 2)?)?;
            (byte >= b' ' && byte != 0x7f).then_some((byte, from + 2))
        }
        b'\\' => {
            let from = at + text[at..].iter().take(8).take_while(|byte| **byte == b'\\').count();
            match text.get(from)? {
                b'n' | b'r' | b't' => Some((b'\n', from + 1)),
                b'u' if text[from + 1..].starts_with(b"00") => {
                    let byte = hex(text.get(from + 3..from + 5)?)?;
                    // A quote or backslash made of an escape is none to those who parse what is around it.
                    (b' '..0x7f).contains(&byte).then_some((byte, from + 5))
                }
                _ => None,
            }
        }
        // U+FF01 to U+FF5E are `!` to `~`.
        0xef => match *text.get(at + 1..at + 3)? {
            [0xbc, low @ 0x81..=0xbf] => Some((low - 0x60, at + 3)),
            [0xbd, low @ 0x80..=0x9e] => Some((low - 0x20, at + 3)),
            _ => None,
        },
        _ => None,
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match digits {
        // Below 256.
        [high, low] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Severity};
    use super::*;

    #[test]
    fn escapes_are_read_and_places_map_back() {
        for (text, reads) in [
            ("a%40b", "a@b"),
            ("a%2540b %25zz 100%", "a@b %zz 100%"),
            (r"\u003cbob\u0040x\n", "<bob@x\n"),
            (r"\\\\u0040 \\n", "@ \n"),
            ("电话：１２～", "电话:12~"),
        ] {
            let decoded = Anchors::with(text.as_bytes(), Decoded::of).expect("there are escapes");
            assert_eq!(String::from_utf8_lossy(&decoded.text), reads);
            let ends: Vec<_> = (0..=decoded.text.len()).map(|at| decoded.place(at)).collect();
            assert!(
                ends.is_sorted() && ends.first() == Some(&0) && ends.last() == Some(&text.len()),
                "{text}: {ends:?}"
            );
        }
        assert!(Anchors::with(r"100% of C:\Users\bob %0a %zz".as_bytes(), Decoded::of).is_none());
        let decoded = Anchors::with(b"x%3Da%40b.de%26", Decoded::of).expect("there are escapes");
        let found = decoded.original(Finding::new(Kind::Email, Severity::Likely, 2..8));
        assert_eq!(found.span(), 4..12);
    }
}
