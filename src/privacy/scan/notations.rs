//! Keys and values with other signs between them: `UserId(42)`, `api_key -> mCKoNJUI1z3M`, `<password>hunter2</password>`.

use super::anchors::Anchors;
use super::bytes::{DIGIT, after, alnum, before, head, is, run, run_back};
use super::judge::{bare_counts, quoted_counts};
use super::key::{KEY, bare_key, is_compound};
use super::pairs::Style;
use super::take::{INDENT, below, push, take};
use super::value::{self, Bare, JUDGED};
use super::{Finding, logins, positional, records, words, xml};
use crate::privacy::keys::{self, KeyClass, KeyInText, Parent, TextRule};

/// What an opening bracket may stand for.
pub(super) fn bracket(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> usize {
    if matches!(after(text, paren + 1), b'u' | b's') {
        logins::opened(text, paren, found);
    }
    if alnum(before(text, paren)) {
        return newtype(text, paren, found);
    }
    if matches!(after(text, paren + 1), b'"' | b'\\' | b'\n')
        && let Some(next) = positional::tuple(text, paren, found)
    {
        return next;
    }
    let row = positional::insert(text, paren, found);
    row.or_else(|| positional::couple(text, paren, found)).unwrap_or(paren + 1)
}

/// `UserId(42)`, `Password("..")`: a type whose name is a key.
fn newtype(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> usize {
    let value = below(text, paren + 1);
    let next = after(text, value);
    if !(is(next, DIGIT) || matches!(next, b'"' | b'\\')) {
        return paren + 1;
    }
    let start = run_back(text, paren, KEY, alnum);
    if start == paren || !text[start].is_ascii_uppercase() {
        return paren + 1;
    }
    match keys::in_text(b"", &text[start..paren], Parent::Struct) {
        Some(rule) => take(text, value, rule, Style::Newtype, false, found),
        None => paren + 1,
    }
}

/// `api_key -> mCKoNJUI1z3M`: no pointer, which has no spaces, and no type.
pub(super) fn arrow(anchors: &Anchors<'_>, sign: usize, found: &mut Vec<Finding>) -> usize {
    let text = anchors.text;
    let (go_on, value) = (sign + 1, sign + 2);
    if !text[..sign].ends_with(b" -") || after(text, go_on) != b' ' {
        return go_on;
    }
    let name = bare_key(anchors, sign - 2).map_or(&b""[..], |key| &text[key.start..key.end]);
    if name.is_empty() || keys::rules_out(name) {
        return go_on;
    }
    let end = value::bare(head(text, value, KEY), value, Bare::Strict, false);
    let word = text.get(value..end).unwrap_or_default();
    let varied = words::is_varied(word);
    if !(varied || is_compound(name, false) && words::is_made_up(word)) {
        return go_on;
    }
    let known = |rule: &KeyInText| {
        rule.class == KeyClass::Secret
            && (is_compound(name, false) || varied && (rule.text == TextRule::Password || words::is_unordered(word)))
    };
    match keys::in_text(b"", name, Parent::Prose).filter(known) {
        Some(rule) => take(text, value, rule, Style::Prose, false, found).max(go_on),
        None => go_on,
    }
}

/// `[password] => hunter2` and `["password"]=> string(7) "hunter2"`, as PHP's `print_r` and `var_dump` have them.
#[inline(never)]
pub(super) fn indexed(text: &[u8], sign: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let close = run_back(text, sign, 1, |byte| byte == b' ') - 1;
    let open = run_back(text, close, KEY, |byte| !matches!(byte, b'[' | b']' | b'\n'));
    let index = &text[open..close];
    let quote = run(index, 0, |byte| byte == b'\\');
    let dumped = (after(index, quote) == b'"')
        .then(|| &index[quote + 1..run(index, quote + 1, |byte| !matches!(byte, b'"' | b'\\'))]);
    // `[password:protected]`
    let name = dumped.or_else(|| index.split(|byte| *byte == b':').next())?;
    // `passwd: [SECRET] => pool error`: what was a value is replaced.
    let replaced =
        || !is_indented(text, open - 1) && name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    if before(text, open) != b'[' || alnum(before(text, open - 1)) || keys::rules_out(name) || replaced() {
        return None;
    }
    let rule = keys::in_text(b"", name, Parent::Prose)?;
    let near = head(text, sign, INDENT);
    let mut value = run(near, sign + 2, |byte| byte == b' ');
    if dumped.is_some() {
        let escaped = if text[value..].starts_with(b"\\n") { 2 } else { 0 };
        value = run(near, value + escaped, |byte| matches!(byte, b' ' | b'\n' | b'\r'));
    }
    Some(if dumped.is_some() { dump(text, value, rule, found) } else { print(text, value, rule, found) })
}

/// Whether a line begins with blanks, and with what stands at `at` behind them.
fn is_indented(text: &[u8], at: usize) -> bool {
    let start = run_back(text, at, INDENT, |byte| byte == b' ');
    start < at && before(text, start) == b'\n'
}

/// `string(7) "hunter2"`, `int(42)`: says where to go on.
fn dump(text: &[u8], from: usize, rule: KeyInText, found: &mut Vec<Finding>) -> usize {
    let string = text[from..].starts_with(b"string(");
    let number = if string { from + 7 } else { from + 4 };
    let close = run(head(text, number, 20), number, |byte| is(byte, DIGIT));
    if !(string || text[from..].starts_with(b"int(")) || close == number || after(text, close) != b')' {
        return from;
    }
    if !string {
        if bare_counts(text, number, close, rule, Style::Equals) {
            push(found, rule, Style::Equals, false, number..close);
        }
        return close;
    }
    let Some(quoted) = value::quoted(text, close + 2) else { return close };
    // Quotes inside are as they are, but the length is told.
    let length = text[number..close]
        .iter()
        .fold(0usize, |length, byte| length.saturating_mul(10).saturating_add(usize::from(byte - b'0')));
    let told = quoted.start.saturating_add(length);
    let end = if after(text, told) == b'"' { told } else { quoted.end };
    if !quoted_counts(&text[quoted.start..end], rule, Style::Json) {
        return close;
    }
    push(found, rule, Style::Json, false, quoted.start..end);
    end
}

/// All the rest of the line, or what stands before the next index where lines were joined; says where to go on. Slices that are matched
/// in Rust have a comma behind, and what is an array or an object itself comes below.
fn print(text: &[u8], from: usize, rule: KeyInText, found: &mut Vec<Finding>) -> usize {
    let stop = |text: &[u8]| {
        let goes_on = |at: usize| match text[at] {
            b'\n' | b'\r' => false,
            b' ' => !matches!(after(text, at + 1), b'[' | b')'),
            // The string of JSON that it stands in may end.
            b'"' => alnum(after(text, at + 1)),
            b'\\' => !matches!(after(text, at + 1), b'n' | b'r' | b'"' | b'\\'),
            _ => true,
        };
        let end = (from..text.len()).find(|at| !goes_on(*at)).unwrap_or(text.len());
        run_back(text, end, end - from, |byte| byte == b' ')
    };
    let judged = head(text, from, JUDGED);
    let end = stop(judged);
    let value = &text[from..end];
    if matches!(value, b"" | b"Array" | [.., b',' | b';' | b'{' | b'(']) || value.ends_with(b" Object") {
        return from;
    }
    if !(quoted_counts(value, rule, Style::Json) && bare_counts(judged, from, end, rule, Style::Equals)) {
        return from;
    }
    let end = if end == judged.len() { stop(text) } else { end };
    push(found, rule, Style::Equals, false, from..end);
    end
}

/// `<password>hunter2</password>`
pub(super) fn element(text: &[u8], sign: usize, found: &mut Vec<Finding>) -> usize {
    let start = run_back(text, sign, KEY, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b':'));
    if start == sign || before(text, start) != b'<' {
        return xml::attributed(text, sign, found);
    }
    let tag = &text[start..sign];
    if records::is_name(tag)
        && let Some(next) = xml::beside(text, sign, tag, found)
    {
        return next;
    }
    let Some((value, next)) = xml::content(text, sign + 1, tag) else {
        return sign + 1;
    };
    match keys::in_text(b"", tag, Parent::Prose) {
        Some(rule) if quoted_counts(&text[value.clone()], rule, Style::Json) => {
            push(found, rule, Style::Json, false, value);
            next
        }
        _ => sign + 1,
    }
}
