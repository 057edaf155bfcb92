//! Keys and values with a sign between them that is doubled: `password==Xk9fLq2`, `password == Xk9fLq2`, LDIF's
//! `userPassword:: c2VjcmV0MTIz`.

use super::Finding;
use super::anchors::Anchors;
use super::bytes::{LETTER, after, alnum, before, head, is, run};
use super::key::{KEY, bare_key, key_before};
use super::pairs::Style;
use super::take::push;
use super::value::{self, Bare};
use super::words;
use crate::privacy::keys::{self, KeyClass, KeyInText, Parent, TextRule};

/// A secret that begins with the sign, or is compared with its key, as answers have it and code has not, in which names stand on both
/// sides. `sign` is the first `=`.
pub(super) fn compared(anchors: &Anchors<'_>, sign: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let text = anchors.text;
    let behind = sign + 2;
    if before(text, sign) == b' ' && after(text, behind) == b' ' {
        let key = bare_key(anchors, sign - 1)?;
        let start = behind + 1;
        let end = value::bare(head(text, start, KEY), start, Bare::Loose, false);
        let stands = matches!(before(text, key.start), b' ' | b'"' | b'\n' | 0) && words::is_varied(&text[start..end]);
        let rule = secret(&text[key.start..key.end]).filter(|rule| stands && rule.text == TextRule::Password)?;
        push(found, rule, Style::Prose, false, start..end);
        return Some(end);
    }
    if !alnum(before(text, sign)) || !alnum(after(text, behind)) {
        return None;
    }
    let end = value::bare(head(text, behind, KEY), behind, Bare::Loose, false);
    let value = &text[behind..end];
    let mixed = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    if !(mixed && words::is_made_up(value)) {
        return None;
    }
    let rule = secret(key_before(anchors, sign).map(|key| &text[key.start..key.end])?)?;
    push(found, rule, Style::Equals, false, behind - 1..end);
    Some(end)
}

/// A secret in base64, as LDIF has it behind two colons, alone on its line. `sign` is the first of them.
pub(super) fn encoded(anchors: &Anchors<'_>, sign: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let text = anchors.text;
    let start = sign + 3;
    if after(text, sign + 2) != b' ' || !is(before(text, sign), LETTER) {
        return None;
    }
    let key = bare_key(anchors, sign)?;
    let letters = run(text, start, |byte| alnum(byte) || matches!(byte, b'+' | b'/'));
    let end = run(head(text, letters, 2), letters, |byte| byte == b'=');
    let base64 = letters - start >= 4 && (end - start).is_multiple_of(4);
    let line = matches!(before(text, key.start), 0 | b'\n' | b'"' | b'\'' | b' ')
        && matches!(after(text, end), 0 | b'\n' | b'\r' | b'"' | b'\'' | b'\\');
    let rule = secret(&text[key.start..key.end]).filter(|_| base64 && line)?;
    push(found, rule, Style::Entry, false, start..end);
    Some(end)
}

fn secret(key: &[u8]) -> Option<KeyInText> {
    keys::in_text(b"", key, Parent::Prose).filter(|rule| rule.class == KeyClass::Secret)
}
