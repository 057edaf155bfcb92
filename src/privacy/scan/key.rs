//! The key left of a sign: where it begins, and what it and the words around it tell of how the pair is meant.

use super::anchors::Anchors;
use super::bytes::{DIGIT, HIGH, JOINT, LETTER, SPACE, WordSet, after, before, head, is, run, run_back, run_back_high};
use super::classes::Class;
use crate::privacy::keys::{self, KeyClass, Parent};

/// The longest key that is read.
pub(super) const KEY: usize = 80;

pub(super) struct Key {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
}

/// The key glued to the sign at `sign`, in quotes or not, if it is made of letters, digits, `_`, `-` and `.` alone, and is not long.
/// Nearly all are.
#[inline(always)]
pub(super) fn plain_key(anchors: &Anchors<'_>, sign: usize) -> Option<Key> {
    let text = anchors.text;
    let prior = before(text, sign);
    let quoted = prior == b'"';
    if !quoted && !is(prior, LETTER | DIGIT) {
        return None;
    }
    let end = sign - usize::from(quoted);
    let parts = anchors.bits_before(|block| block[Class::Token as usize] | block[Class::Mark as usize], end);
    let len = parts.leading_ones() as usize;
    let start = end - len;
    let beside = before(text, start);
    let plain = if quoted { beside == b'"' && len > 0 } else { !matches!(beside, b']' | 0x80..) };
    (plain && len < 64).then_some(Key { start, end, quoted })
}

/// The key whose separator is at `sign`.
pub(super) fn key_before(anchors: &Anchors<'_>, sign: usize) -> Option<Key> {
    let text = anchors.text;
    let mut end = sign;
    if before(text, end) == b':' {
        end -= 1;
    }
    end = gap_start(text, end);
    if matches!(before(text, end), b'"' | b'\'' | b'`') && end > 0 {
        return quoted_key(anchors, end - 1);
    }
    bare_key(anchors, end)
}

/// How far from its sign a key or value may stand, in columns that are aligned.
pub(super) const GAP: usize = 40;

/// Where the blanks in front of a sign begin: one in a sentence, several where signs stand in a column, and those that do not break
/// (U+00A0, U+202F), as French has them before a colon.
#[inline]
fn gap_start(text: &[u8], sign: usize) -> usize {
    match before(text, sign) {
        b' ' | b'\t' => {
            let start = run_back(text, sign, GAP, |byte| matches!(byte, b' ' | b'\t'));
            if before(text, start) == b'.' { leader_start(text, start) } else { start }
        }
        b'.' => leader_start(text, sign),
        0xa0 | 0xaf => {
            let left = &text[..sign];
            let blank = [&b"\xc2\xa0"[..], b"\xe2\x80\xaf"].iter().find_map(|blank| left.strip_suffix(*blank));
            blank.map_or(sign, |left| left.strip_suffix(b" ").unwrap_or(left).len())
        }
        _ => sign,
    }
}

/// Where the dots begin that lead from a key to its sign: `Secret token.......:`, `Host Name . . . . :`.
#[inline(never)]
fn leader_start(text: &[u8], sign: usize) -> usize {
    let start = run_back(text, sign, GAP, |byte| matches!(byte, b'.' | b' '));
    let dots = text[start..sign].iter().filter(|byte| **byte == b'.').count();
    if dots >= 3 { start } else { sign }
}

/// Whether dots lead from a key to its sign.
#[inline]
pub(super) fn is_led(text: &[u8], key: &Key) -> bool {
    matches!(after(text, key.end), b'.' | b' ') && matches!(after(text, key.end + 1), b'.')
}

/// The key without quotes that ends at `end`.
#[inline(always)]
pub(super) fn bare_key(anchors: &Anchors<'_>, end: usize) -> Option<Key> {
    let text = anchors.text;
    // Words of other scripts end in bytes of theirs.
    let mut start = if is(before(text, end), HIGH) { end } else { anchors.run_back(Class::Token, end) };
    // What else names are made of is rare in them.
    if matches!(before(text, start), b'.' | b']' | 0x80..) {
        start = odd_start(text, start, end);
    }
    let start = start.max(end.saturating_sub(KEY));
    // `[IP]:80` is a placeholder and a port.
    (start < end && text[start] != b'[').then_some(Key { start, end, quoted: false })
}

/// The key in front of the quote at `quote`.
#[inline]
pub(super) fn quoted_key(anchors: &Anchors<'_>, quote: usize) -> Option<Key> {
    let text = anchors.text;
    let mut end = quote;
    while before(text, end) == b'\\' {
        end -= 1;
    }
    let mut start = anchors.run_back(Class::Token, end);
    if before(text, start) != text[quote] || end - start > KEY {
        start = run_back(text, end, KEY, |byte| byte != text[quote] && byte != b'\n');
    }
    (before(text, start) == text[quote] && start > 0 && start < end).then_some(Key { start, end, quoted: true })
}

/// Where a key begins that has more in it than letters, digits and joints, given where the last run of those does.
fn odd_start(text: &[u8], start: usize, end: usize) -> usize {
    let plain = run_back_high(text, start, KEY, |byte| is(byte, LETTER | DIGIT | HIGH | JOINT) || byte == b'.');
    // `[api_key=..`, `map[token:..`: a bracket that is not closed is none of the key's.
    if before(text, plain) != b']' {
        return plain.max(end.saturating_sub(KEY));
    }
    let start = run_back(text, start, KEY, |byte| {
        is(byte, LETTER | DIGIT | HIGH) || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
    });
    let start = start.max(end.saturating_sub(KEY));
    match text[start..end].iter().rposition(|byte| matches!(byte, b'[' | b']')) {
        Some(bracket) if text[start + bracket] == b'[' => start + bracket + 1,
        _ => start,
    }
}

/// Whether a key is none that a sentence would have: `api_key`, `user.name`, `clientSecret`; before a value that is glued to it also
/// `accesstoken`.
pub(super) fn is_compound(name: &[u8], glued: bool) -> bool {
    name.iter().any(|byte| matches!(byte, b'_' | b'.' | b'-'))
        || name.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        || glued && keys::is_glued(name)
}

/// The verb of `the password is: x`.
#[inline]
pub(super) fn is_verb(name: &[u8]) -> bool {
    matches!(name, b"is" | b"was")
}

/// `curl -u user:password`
#[inline]
pub(super) fn curl_user(left: &[u8]) -> bool {
    matches!(left, [.., b'u' | b'r', b' ']) && ends_in_user_option(left)
}

fn ends_in_user_option(left: &[u8]) -> bool {
    left.ends_with(b" -u ") || left.ends_with(b" --user ") || left.ends_with(b" --proxy-user ")
}

/// Whether a key says where something is kept.
pub(super) fn names_file(name: &[u8]) -> bool {
    [&b"file"[..], b"path", b"dir"]
        .iter()
        .any(|end| name.len() > end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end))
}

/// `src/auth.rs:42`
pub(super) fn is_file(name: &[u8]) -> bool {
    const ENDS: &[&[u8]] = words!(
        ".rs" ".go" ".py" ".js" ".ts" ".c" ".cpp" ".java" ".toml" ".json" ".yaml" ".yml" ".txt" ".conf"
    );
    name.contains(&b'.') && ENDS.iter().any(|end| name.ends_with(end))
}

/// `wordpress_logged_in_5c01..`, `SSESS5c01..`: sessions whose names end in a hash (WordPress, Drupal, classic ASP).
pub(super) fn is_session_cookie(name: &[u8]) -> bool {
    const STARTS: [&[u8]; 5] = [b"wordpress_logged_in_", b"wordpress_sec_", b"SSESS", b"SESS", b"ASPSESSIONID"];
    name.len() >= 20 && STARTS.iter().any(|start| name.starts_with(start))
}

/// Up to two words before a key, which may belong to it: `API key: ..`, `date of birth: ..`.
pub(super) fn words_before(text: &[u8], key: usize) -> &[u8] {
    let mut start = key;
    for _ in 0..2 {
        if before(text, start) != b' ' || start == 0 {
            break;
        }
        let word = run_back(text, start - 1, 24, |byte| is(byte, LETTER) || byte == b'-' || byte == b'\'');
        if word == start - 1 || word + 24 == start - 1 {
            break;
        }
        start = word;
    }
    &text[start..key]
}

/// Whether key and value have a line of their own, with others before it.
pub(super) fn is_line(text: &[u8], start: usize, value: usize) -> bool {
    // `curl -v` puts a sign before the headers of each side.
    let line = run_back(text, start, 24, |byte| matches!(byte, b' ' | b'>' | b'<'));
    let alone = || {
        let end = run(head(text, value, KEY), value, |byte| !is(byte, SPACE));
        matches!(after(text, end), 0 | b'\n' | b'\r') && end > value
    };
    before(text, line) == b'\n' && line > 0 && alone()
}

/// Whether the key at `start` begins a field, rather than a word in the middle of a value.
pub(super) fn opens_field(text: &[u8], start: usize) -> bool {
    let at = run_back(text, start, 64, |byte| is(byte, SPACE));
    matches!(before(text, at), b'{' | b',' | b'(') && at > 0
}

/// Go's `map[token:abc n:3]`: where the last one opened and the last bracket closed, of those read so far.
#[derive(Default)]
pub(super) struct Maps {
    read: usize,
    opened: usize,
    closed: usize,
}

/// How far before a key its map may open.
const MAP: usize = 128;

impl Maps {
    /// Whether the key at `start` is one of a map's. Keys are asked for from left to right, so that nothing is read twice.
    pub(super) fn hold(&mut self, text: &[u8], start: usize) -> bool {
        let floor = start.saturating_sub(MAP);
        let from = self.read.max(floor).min(start);
        for (at, byte) in (from..).zip(&text[from..start]) {
            match byte {
                b']' => self.closed = at + 1,
                b'[' if text[..at].ends_with(b"map") => self.opened = at + 1,
                _ => {}
            }
        }
        self.read = self.read.max(start);
        self.opened > self.closed && self.opened >= floor + 4
    }
}

/// Whether a key and the word glued behind it are what somebody may do: `"user:read"`, `account:write orders:write`.
pub(super) fn names_scope(text: &[u8], key: &Key, value: usize) -> bool {
    static DEEDS: WordSet = WordSet::of(words!(
        "read" "write" "admin" "create" "update" "delete" "edit" "view" "list" "manage" "execute" "email" "follow" "*"
    ));
    let end = run(head(text, value, 8), value, |byte| byte.is_ascii_lowercase() || byte == b'*');
    let (left, next) = (before(text, key.start), after(text, end));
    let quoted = matches!(left, b'"' | b'\'') && (next == left || next == b'\\');
    let listed = matches!(left, b' ' | b'=' | b',' | b'"' | b'\'' | b'[' | b'(')
        && (is(next, SPACE) || matches!(next, b',' | b'"' | b'\'' | b']' | b')'));
    !key.quoted && (quoted || listed && !names_secret(&text[key.start..key.end])) && DEEDS.holds(&text[value..end])
}

/// Whether a key speaks of what any word may be.
fn names_secret(key: &[u8]) -> bool {
    keys::in_text(b"", key, Parent::Prose).is_some_and(|rule| rule.class == KeyClass::Secret)
}

/// `--- PASS: TestTokenRefresh/expired`, as Go reports on its tests.
#[inline]
pub(super) fn is_verdict(text: &[u8], key: &Key) -> bool {
    &text[key.start..key.end] == b"PASS" && text[..key.start].ends_with(b"--- ")
}

/// Whether the word before a key declares it.
pub(super) fn declares(text: &[u8], key: usize) -> bool {
    const WORDS: &[&[u8]] = words!("let" "mut" "const" "static" "type" "var" "val" "final" "auto");
    let end = key.saturating_sub(1);
    let start = run_back(text, end, 8, |byte| is(byte, LETTER));
    before(text, key) == b' ' && WORDS.contains(&&text[start..end])
}

#[cfg(test)]
mod tests {
    use super::super::tests::draws;
    use super::*;

    /// The same, walked back from the key.
    fn is_in_map(text: &[u8], start: usize) -> bool {
        let window = &text[start.saturating_sub(MAP)..start];
        let opened = (4..=window.len()).rev().find(|end| window[..*end].ends_with(b"map["));
        opened.is_some_and(|opened| !window[opened..].contains(&b']'))
    }

    #[test]
    fn a_map_that_is_read_on_holds_what_one_that_is_walked_back_holds() {
        let mut draw = draws();
        let mut count = 0;
        for _ in 0..5_000 {
            let text = (0..draw(120)).map(|_| ["map[", "[", "]", "a:", "ma", " "][draw(6)]).collect::<String>();
            let mut maps = Maps::default();
            let mut start = 0;
            while start <= text.len() {
                let held = maps.hold(text.as_bytes(), start);
                assert_eq!(held, is_in_map(text.as_bytes(), start), "{start} of {text}");
                count += u32::from(held);
                start += draw(40);
            }
        }
        assert!(count > 1_000, "{count}");
    }
}
