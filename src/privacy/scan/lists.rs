//! Text that is printed as its bytes or chars one by one, as `Debug` does: `[97, 108, 105]`, `[0x61, 0x6c]`, `['a', 'l', 'i']`; or as
//! it stands in code: `[97u8, 108]`, `[b'a', b'l']`.

use std::ops::Range;

use super::Finding;
use super::bytes::{after, char_at, first, head, run};

/// Fewer elements hold nothing that could be found.
const FEWEST: usize = 8;

/// So many bytes in front of a text may be none: its length, its sort, or a header.
const LEAD: usize = 16;

/// After so many elements it is known whether a list may be text.
const ENOUGH: usize = LEAD + 16;

/// Whether a list may open.
#[inline]
pub(super) fn may_hold(text: &[u8]) -> bool {
    super::bytes::holds(text, b'[') && next_open(text, 0).is_some()
}

/// Gives `look` what the lists of a text spell; where it finds something, the list is found as a whole.
pub(super) fn find(text: &[u8], found: &mut Vec<Finding>, mut look: impl FnMut(&[u8], &mut Vec<Finding>)) {
    let mut spelled = Vec::new();
    let mut inside = Vec::new();
    let mut from = 0;
    while let Some(open) = next_open(text, from) {
        let Some(end) = spell(text, open, &mut spelled) else {
            from = open + 1;
            continue;
        };
        // What was read holds no other list.
        from = end;
        if spelled.len() < FEWEST || !may_be_text(&spelled) {
            continue;
        }
        let end = close(text, end);
        inside.clear();
        look(String::from_utf8_lossy(&spelled).as_bytes(), &mut inside);
        found.extend(inside.drain(..).map(|finding| Finding::new(finding.kind, finding.severity, open..end)));
    }
}

/// Whether a span is a list of numbers from its bracket to its bracket.
pub(super) fn is_list(text: &[u8], span: Range<usize>) -> bool {
    let Some([b'[', numbers @ .., b']']) = text.get(span) else { return false };
    numbers.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_whitespace() || matches!(byte, b',' | b'-'))
}

/// The next bracket with a number or a quote behind it.
#[inline(never)]
fn next_open(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += first(text.get(at..)?, b'[')?;
        let mut next = after(text, at + 1);
        if matches!(next, b',' | b'\\') || next.is_ascii_whitespace() {
            next = after(text, past_blanks(text, at + 1));
        }
        let is_number = match next {
            b'0'..=b'9' | b'\'' | b'-' => true,
            // Not `[CARD]`.
            b'a'..=b'f' | b'A'..=b'F' => is_hexadecimal(text, past_blanks(text, at + 1)),
            _ => false,
        };
        if is_number {
            return Some(at);
        }
        at += 1;
    }
}

/// Whether a word of hexadecimal digits stands at `at`, as long as a char's may be; or `b'`.
fn is_hexadecimal(text: &[u8], at: usize) -> bool {
    let end = run(head(text, at, 5), at, |byte| byte.is_ascii_hexdigit());
    end <= at + 4 && !after(text, end).is_ascii_alphanumeric()
}

/// Puts what the list that opens at `open` spells in place of `spelled`; says where its last element ends, if it has any.
fn spell(text: &[u8], open: usize, spelled: &mut Vec<u8>) -> Option<usize> {
    let end = spell_with(text, open, spelled, |text, at, spelled| number(text, at, 10, spelled));
    // Where the first stands that is no decimal.
    let stopped = past_blanks(text, end.unwrap_or(open + 1));
    if end.is_none() && (after(text, stopped) == b'\'' || text[stopped..].starts_with(b"b'")) {
        return spell_with(text, open, spelled, letter);
    }
    let word = &text[stopped..run(head(text, stopped, 5), stopped, |byte| byte.is_ascii_alphanumeric())];
    let hexadecimal = word.len() <= 4 && word.iter().any(u8::is_ascii_alphabetic) || word.starts_with(b"0x");
    if !hexadecimal {
        return end;
    }
    // Some of these read as decimals do, and stand before those that do not.
    spell_with(text, open, spelled, |text, at, spelled| number(text, at, 16, spelled)).max(end)
}

/// The same for elements of one form, of which `element` appends the one at a place and says where it ends.
fn spell_with(
    text: &[u8],
    open: usize,
    spelled: &mut Vec<u8>,
    element: impl Fn(&[u8], usize, &mut Vec<u8>) -> Option<usize>,
) -> Option<usize> {
    spelled.clear();
    let mut at = past_blanks(text, open + 1);
    let mut last = None;
    while let Some(end) = element(text, at, spelled) {
        last = Some(end);
        at = past_blanks(text, end);
        // Nothing is apart that nothing stands between.
        if at == end || spelled.len() == ENOUGH && !may_be_text(spelled) {
            break;
        }
    }
    #[cfg(test)]
    super::bytes::work::look(last.unwrap_or(at) - open);
    last
}

/// A byte in decimal, also with a sign as Java prints it, or in hexadecimal with or without a `0x`.
fn number(text: &[u8], from: usize, radix: i16, spelled: &mut Vec<u8>) -> Option<usize> {
    let minus = radix == 10 && after(text, from) == b'-';
    let prefixed = radix == 16 && matches!(text.get(from..from + 2), Some(b"0x" | b"0X"));
    let start = from + if prefixed { 2 } else { usize::from(minus) };
    let mut end = start;
    let mut value = 0;
    // No more than three digits make a byte.
    while end < start + 3
        && let Some(digit) = char::from(after(text, end)).to_digit(radix.unsigned_abs().into())
    {
        // Below 16.
        value = value * radix + digit as i16;
        end += 1;
    }
    let digits = end;
    end = past_type(text, end);
    let goes_on = after(text, end).is_ascii_alphanumeric() || matches!(after(text, end), b'.' | b'_' | b':');
    let value = if minus { -value } else { value };
    if digits == start || goes_on || !(-128..256).contains(&value) {
        return None;
    }
    // The byte that a negative one is the same bits of.
    spelled.push(value.rem_euclid(256) as u8);
    Some(end)
}

/// Past the type of a number in code: `97u8`, `97_i32`.
fn past_type(text: &[u8], at: usize) -> usize {
    const TYPES: [&[u8]; 6] = [b"u8", b"i8", b"u32", b"i32", b"u64", b"usize"];
    let start = at + usize::from(after(text, at) == b'_');
    let name = TYPES.iter().find(|name| text.get(start..).is_some_and(|rest| rest.starts_with(name)));
    name.map_or(at, |name| start + name.len())
}

/// A char in quotes, or a byte, as Rust has them.
fn letter(text: &[u8], from: usize, spelled: &mut Vec<u8>) -> Option<usize> {
    let from = from + usize::from(after(text, from) == b'b');
    if after(text, from) != b'\'' {
        return None;
    }
    let (letter, end) = match (after(text, from + 1), after(text, from + 2)) {
        (b'\\', b'u') => {
            let digits = text.get(from + 3..)?.strip_prefix(b"{")?;
            let len = digits.iter().take(7).position(|byte| *byte == b'}')?;
            let code = u32::from_str_radix(std::str::from_utf8(&digits[..len]).ok()?, 16).ok()?;
            (char::from_u32(code)?, from + 5 + len)
        }
        (b'\\', escaped) => {
            let letter = match escaped {
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'0' => '\0',
                b'\\' | b'\'' | b'"' => char::from(escaped),
                _ => return None,
            };
            (letter, from + 3)
        }
        _ => {
            let letter = char_at(text, from + 1)?;
            (letter, from + 1 + letter.len_utf8())
        }
    };
    if after(text, end) != b'\'' {
        return None;
    }
    spelled.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    Some(end + 1)
}

/// Whether no more than two thirds of it are control characters, but for those that lead: counts, ports and sizes are mostly below 32.
/// Some are in front of each text where several are sent in one frame.
fn may_be_text(spelled: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let lead = spelled.iter().take(LEAD).take_while(|byte| is_control(byte)).count();
    let rest = &spelled[lead..];
    !rest.is_empty() && rest.iter().filter(|byte| is_control(byte)).count() * 3 <= rest.len() * 2
}

/// Past what stands between elements: a comma, blanks, and breaks of lines, also where they are escaped.
fn past_blanks(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = run(text, at, |byte| byte == b',' || byte.is_ascii_whitespace());
        let past = run(text, at, |byte| byte == b'\\');
        if past == at || !matches!(after(text, past), b'n' | b'r' | b't') {
            return at;
        }
        at = past + 1;
    }
}

/// Past the bracket that closes a list whose last element ends at `end`.
fn close(text: &[u8], end: usize) -> usize {
    let past = past_blanks(text, end);
    if after(text, past) == b']' { past + 1 } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> (String, usize) {
        let mut spelled = Vec::new();
        let end = next_open(text.as_bytes(), 0).and_then(|open| spell(text.as_bytes(), open, &mut spelled));
        (String::from_utf8_lossy(&spelled).into_owned(), end.unwrap_or(0))
    }

    #[test]
    fn what_a_text_is_framed_by_is_no_text() {
        let framed = |lead: &[u8], text: &str| [lead, text.as_bytes()].concat();
        for spelled in [
            framed(&8_u64.to_le_bytes(), "a@b.info"),
            framed(&[1, 8, 0, 0, 0, 0, 0, 0, 0], "a@b.info"),
            framed(&[0; LEAD], "a@b.info"),
            [framed(&2_u64.to_le_bytes(), "id"), framed(&6_u64.to_le_bytes(), "a@b.de")].concat(),
        ] {
            assert!(may_be_text(&spelled) && may_be_text(&spelled[..spelled.len().min(ENOUGH)]), "{spelled:?}");
        }
        let counts: Vec<u8> = (1..=40).map(|count| count % 20).collect();
        assert!(!may_be_text(&counts[..ENOUGH]) && !may_be_text(&[0; LEAD + 2]));
    }

    #[test]
    fn lists_spell_what_they_were_printed_from() {
        for (text, reads, rest) in [
            ("[97, 98,99 100]", "abcd", "]"),
            ("x [ 97,\n  98,\\n\\\\n 99,\n]", "abc", ",\n]"),
            ("[-61, -85]", "ë", "]"),
            ("[0x61, 0x6C]", "al", "]"),
            ("[61, 6c, 69]", "ali", "]"),
            (r"['a', '\'', '\\', 'ë', '\u{eb}', '\n']", "a'\\ëë\n", "]"),
            ("[97u8, 98_u8, 99i32, 100]", "abcd", "]"),
            ("[0x61u8, 0x6cu8]", "al", "]"),
            ("[97u, 98]", "", "[97u, 98]"),
            ("[b'a', b'\\n']", "a\n", "]"),
            ("[97, 256, 98]", "a", ", 256, 98]"),
            ("[97, [98]]", "a", ", [98]]"),
            ("[97, 1.5]", "a", ", 1.5]"),
            ("[12:00]", "", "[12:00]"),
            ("[97m", "", "[97m"),
        ] {
            let (is, end) = spelled(text);
            assert_eq!((is.as_str(), &text[end..]), (reads, rest), "{text}");
        }
    }
}
