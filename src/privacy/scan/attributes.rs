//! Attributes of the semantic conventions in text whose names end freely (`db.query.parameter.<key>`), or whose values are several
//! words that any of could be private (`process.command_args`).

use super::bytes::{SPACE, after, before, head, is, run, run_back};
use super::pairs::Style;
use super::take::{inside, push};
use super::value::{self, JUDGED, is_placeholder};
use super::{Finding, take as taking};
use crate::privacy::keys::{KeyClass, KeyInText, NumericRule, TextRule};

/// What the names of such attributes begin with.
const PARAMETERS: [&[u8]; 3] = [b"db.query.parameter.", b"url.path.parameter.", b"sentry.message.parameter."];

/// Attributes of which all goes.
const WHOLE: [&[u8]; 2] = [b"db.redis.parameters", b"process.command_args"];

/// Whether a key is one of them; hardly any is as long.
#[inline]
pub(super) fn is_key(key: &[u8]) -> bool {
    key.len() >= 19 && is_known(key)
}

#[inline(never)]
fn is_known(key: &[u8]) -> bool {
    WHOLE.contains(&key) || PARAMETERS.iter().any(|start| key.len() > start.len() && key.starts_with(start))
}

pub(super) fn rule(key: &[u8]) -> Option<KeyInText> {
    is_key(key).then_some(KeyInText { class: KeyClass::Pii, numeric: NumericRule::Goes, text: TextRule::Data })
}

/// Takes the value at `from`; says where to go on.
pub(super) fn take(
    text: &[u8],
    key: &[u8],
    from: usize,
    rule: KeyInText,
    style: Style,
    found: &mut Vec<Finding>,
) -> usize {
    let at = inside(text, from);
    let parted = matches!(after(text, at), b'[' | b'{' | b'"' | b'\'' | b'`' | b'\\');
    if parted || !WHOLE.contains(&key) {
        let style = if style == Style::Prose { Style::Entry } else { style };
        return taking::take(text, from, rule, style, false, found);
    }
    let end = words_end(text, at, at > from && before(text, at) == b'(');
    if end == at || is_placeholder(&text[at..end]) {
        return at;
    }
    push(found, rule, style, false, at..end);
    end
}

/// Where words without quotes end: at the bracket around them, the next key or the end of the line.
fn words_end(text: &[u8], from: usize, in_bracket: bool) -> usize {
    let text = head(text, from, JUDGED);
    let mut at = from;
    loop {
        at = run(text, at, |byte| !matches!(byte, b' ' | b',' | b')' | b'"' | b'}' | b'\n' | b'\r'));
        match after(text, at) {
            b' ' | b',' if !value::is_key(text, run(text, at, |byte| matches!(byte, b' ' | b','))) => at += 1,
            b')' if !in_bracket => at += 1,
            _ => break,
        }
        if at >= text.len() {
            break;
        }
    }
    run_back(text, at, at - from, |byte| is(byte, SPACE) || byte == b',')
}
