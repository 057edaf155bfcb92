//! Text that writes signs as escapes: `%40`, `\u0040`, `\x22`, `\n`, `&quot;`, and the full-width `：` of Chinese and Japanese.
//!
//! The detectors read such text a second time as what it stands for, and what they find is mapped back. No finding begins
//! or ends inside an escape, so that what is around its placeholder can still be decoded.
//!
//! The colours of a terminal stand for nothing: text that has them is read without them, and never with them.
//!
//! The same serves where keys are read under other names.

use std::ops::Range;

use super::Finding;
use super::anchors::Anchors;
use super::bytes::{DIGIT, after, alnum, before, head, is, run, run_back};
use super::classes::Class;
use super::settings::Own;

/// A text with other bytes for its escapes, and where they were.
pub(super) struct Decoded {
    pub(super) text: Vec<u8>,
    escapes: Vec<Escape>,
}

struct Escape {
    /// Where it is in the decoded text, and how many bytes it is there: none for a colour, several for a name.
    at: usize,
    width: usize,
    /// Where it ends in the original.
    end: usize,
}

impl Decoded {
    /// The text as what it stands for; `None` if it stands for itself.
    pub(super) fn of(anchors: &Anchors<'_>) -> Option<Self> {
        Self::with(anchors, |text, at| escape(text, at).map(|(byte, end)| (Some(byte), end)))
    }

    /// The text without the colours of a terminal; `None` if it has none.
    pub(super) fn without_colours(anchors: &Anchors<'_>) -> Option<Self> {
        Self::with(anchors, |text, at| colour(text, at).map(|end| (None, end)))
    }

    /// The text with other names in these places, which are in order and apart.
    pub(super) fn renamed<'n>(text: &[u8], names: impl Iterator<Item = (Range<usize>, &'n [u8])>) -> Self {
        let mut renamed = Decoded { text: Vec::with_capacity(text.len() + 32), escapes: Vec::new() };
        let mut done = 0;
        for (place, name) in names {
            renamed.text.extend_from_slice(&text[done..place.start]);
            renamed.escapes.push(Escape { at: renamed.text.len(), width: name.len(), end: place.end });
            renamed.text.extend_from_slice(name);
            done = place.end;
        }
        renamed.text.extend_from_slice(&text[done..]);
        renamed
    }

    fn with(anchors: &Anchors<'_>, read: impl Fn(&[u8], usize) -> Option<(Option<u8>, usize)>) -> Option<Self> {
        let text = anchors.text;
        let mut decoded = Decoded { text: Vec::new(), escapes: Vec::new() };
        let mut done = 0;
        let mut signs = anchors.all(Class::Escape);
        while let Some(start) = signs.next() {
            let Some((byte, end)) = read(text, start) else {
                continue;
            };
            decoded.text.extend_from_slice(&text[done..start]);
            decoded.escapes.push(Escape { at: decoded.text.len(), width: usize::from(byte.is_some()), end });
            decoded.text.extend(byte);
            done = end;
            signs.pass(end);
        }
        if decoded.escapes.is_empty() {
            return None;
        }
        decoded.text.extend_from_slice(&text[done..]);
        Some(decoded)
    }

    /// Adds what `look` finds in what the text stands for, and what the application's rules say there.
    pub(super) fn read(
        &self,
        own: Option<&mut Own<'_>>,
        found: &mut Vec<Finding>,
        look: impl FnOnce(&Anchors<'_>, Option<&mut Own<'_>>, &mut Vec<Finding>),
    ) {
        let mut inside = Vec::new();
        let mut own_inside = own.as_deref().map(Own::of_inner);
        Anchors::with(&self.text, |anchors| look(anchors, own_inside.as_mut(), &mut inside));
        found.extend(inside.into_iter().map(|mut finding| {
            let span = self.original(finding.span());
            (finding.start, finding.end) = (span.start, span.end);
            finding
        }));
        if let (Some(own), Some(inner)) = (own, own_inside) {
            own.extend(inner, |span| self.original(span));
        }
    }

    /// Where a span is in the original, without the colours on either side of it.
    pub(super) fn original(&self, span: Range<usize>) -> Range<usize> {
        let start = self.escapes.partition_point(|escape| escape.at + escape.width <= span.start);
        let end = self.escapes.partition_point(|escape| escape.at < span.end);
        self.place(span.start, start)..self.place(span.end, end)
    }

    /// Where a place behind the first `passed` escapes is in the original. What is inside the next one is where that begins.
    fn place(&self, at: usize, passed: usize) -> usize {
        let at = self.escapes.get(passed).map_or(at, |next| at.min(next.at));
        match passed.checked_sub(1) {
            Some(last) => {
                let last = &self.escapes[last];
                last.end + (at - last.at - last.width)
            }
            None => at,
        }
    }
}

/// The byte that the escape at `at` stands for, and where it ends. All signs below the space are a line break.
fn escape(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let sign = |byte: u8| if byte < b' ' { b'\n' } else { byte };
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
            (byte != 0x7f).then_some((sign(byte), from + 2))
        }
        b'\\' => {
            let from = past_backslashes(text, at);
            match text.get(from)? {
                b'n' | b'r' | b't' => Some((b'\n', from + 1)),
                b'u' if text[from + 1..].starts_with(b"00") => {
                    let byte = hex(text.get(from + 3..from + 5)?)?;
                    // A quote or backslash made of an escape is none to those who parse what is around it.
                    (byte < 0x7f).then_some((sign(byte), from + 5))
                }
                b'x' => {
                    let byte = hex(text.get(from + 1..from + 3)?)?;
                    (byte < 0x7f && !(alnum(byte) && is_directory(text, at))).then_some((sign(byte), from + 3))
                }
                _ => None,
            }
        }
        b'&' => {
            if after(text, at + 1) == b'#' {
                return numbered(text, at + 2).map(|(byte, end)| (sign(byte), end));
            }
            let (name, byte) = ENTITIES.iter().find(|(name, _)| text[at + 1..].starts_with(name))?;
            Some((*byte, at + 1 + name.len()))
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

/// The byte of ASCII that the digits of an HTML entity at `from` are the number of, and where it ends: `#64;`, `#x40;`.
fn numbered(text: &[u8], from: usize) -> Option<(u8, usize)> {
    let hexadecimal = matches!(after(text, from), b'x' | b'X');
    let (start, radix) = if hexadecimal { (from + 1, 16) } else { (from, 10) };
    let end = run(head(text, start, 7), start, |byte| byte.is_ascii_hexdigit());
    let digits = std::str::from_utf8(text.get(start..end)?).ok()?;
    let byte = u8::from_str_radix(digits, radix).ok()?;
    (after(text, end) == b';' && byte < 0x7f).then_some((byte, end + 1))
}

/// Signs as HTML names them, by what follows the `&`.
const ENTITIES: [(&[u8], u8); 11] = [
    (b"quot;", b'"'),
    (b"apos;", b'\''),
    (b"lt;", b'<'),
    (b"gt;", b'>'),
    (b"amp;", b'&'),
    (b"nbsp;", b' '),
    (b"commat;", b'@'),
    (b"period;", b'.'),
    (b"colon;", b':'),
    (b"equals;", b'='),
    (b"lowbar;", b'_'),
];

/// Where the sequence that colours a terminal (ECMA-48's CSI) ends, of which the first byte is at `at`. The escape itself may be
/// written as JSON, Rust, shells and syslog daemons write it.
fn colour(text: &[u8], at: usize) -> Option<usize> {
    const WRITTEN: [&[u8]; 7] = [b"u001b", b"u001B", b"u{1b}", b"x1b", b"x1B", b"033", b"e"];
    let open = match text[at] {
        0x1b => at + 1,
        b'#' if text[at..].starts_with(b"#033") => at + 4,
        b'\\' => {
            let from = past_backslashes(text, at);
            from + WRITTEN.iter().find(|written| text[from..].starts_with(written))?.len()
        }
        _ => return None,
    };
    if after(text, open) != b'[' {
        return None;
    }
    let end = run(head(text, open, 32), open + 1, |byte| is(byte, DIGIT) || matches!(byte, b';' | b':' | b'?'));
    // Colours, and moves of the cursor and erasures as progress bars make them.
    matches!(after(text, end), b'm' | b'A'..=b'D' | b'G' | b'H' | b'J' | b'K' | b'h' | b'l').then_some(end + 1)
}

/// Whether a name stands between the backslash at `at` and another: behind `C:\Users\Public`, what reads as the escape of a
/// letter is a directory.
fn is_directory(text: &[u8], at: usize) -> bool {
    let name = run_back(text, at, 64, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.' | b' '));
    let escaped = at == name + 3 && text[name] == b'x';
    let path = run_back(text, name, 128, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.' | b' ' | b'\\'));
    // Of a drive or of another machine; elsewhere a backslash begins escapes alone.
    let is_path = before(text, path) == b':' || text[path..].starts_with(b"\\\\");
    alnum(before(text, at)) && before(text, name) == b'\\' && !escaped && is_path
}

fn past_backslashes(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take(8).take_while(|byte| **byte == b'\\').count()
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
    use super::*;

    #[test]
    fn escapes_are_read_and_places_map_back() {
        for (text, reads) in [
            ("a%40b", "a@b"),
            ("a%2540b %25zz 100%", "a@b %zz 100%"),
            ("a%0D%0Ab%09c", "a\n\nb\nc"),
            (r"\x22a\x22:\\x0ab\xc3", "\"a\":\nb\\xc3"),
            ("&quot;a&quot;=&#39;b&amp;c", "\"a\"='b&c"),
            (r"\u003cbob\u0040x\n", "<bob@x\n"),
            (r"\\\\u0040 \\n", "@ \n"),
            ("电话：１２～", "电话:12~"),
        ] {
            let decoded = Anchors::with(text.as_bytes(), Decoded::of).expect("there are escapes");
            assert_eq!(String::from_utf8_lossy(&decoded.text), reads);
            let place = |at| decoded.original(at..at);
            let ends: Vec<_> = (0..=decoded.text.len()).map(|at| place(at).end).collect();
            assert!(
                ends.is_sorted() && ends.first() == Some(&0) && ends.last() == Some(&text.len()),
                "{text}: {ends:?}"
            );
        }
        assert!(Anchors::with(r"100% of C:\Users\bob %7f %zz \xzz &c;".as_bytes(), Decoded::of).is_none());
        let decoded = Anchors::with(b"x%3Da%40b.de%26", Decoded::of).expect("there are escapes");
        assert_eq!(decoded.original(2..8), 4..12);
    }

    #[test]
    fn colours_are_no_part_of_a_text_however_they_are_written() {
        for (text, reads) in [
            ("a\x1b[0m\x1b[38;5;208mb\x1b[Kc", "abc"),
            (r"\u001b[3ma\\u001B[0m\x1b[1mb\u{1b}[2mc\033[md\e[0me", "abcde"),
            ("#033[32ma#033[0m", "a"),
        ] {
            let plain = Anchors::with(text.as_bytes(), Decoded::without_colours).expect("there are colours");
            assert_eq!(String::from_utf8_lossy(&plain.text), reads);
        }
        assert!(Anchors::with(b"\x1bghp_a \x1b[g #033 \\u001b[1;", Decoded::without_colours).is_none());
        let plain = Anchors::with(b"a\x1b[1mbc\x1b[0md", Decoded::without_colours).expect("there are colours");
        let place = |from, to| plain.original(from..to);
        assert_eq!(place(1, 3), 5..7);
        assert_eq!(place(0, 2), 0..6);
        assert_eq!(place(0, 1), 0..1);
        assert_eq!(place(3, 4), 11..12);
    }
}
