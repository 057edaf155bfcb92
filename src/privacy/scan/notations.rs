//! Keys and values with other signs between them: `UserId(42)`, `api_key -> mCKoNJUI1z3M`, `<password>hunter2</password>`.

use super::anchors::Anchors;
use super::bytes::{DIGIT, after, alnum, before, head, is, run_back};
use super::judge::quoted_counts;
use super::key::{KEY, bare_key, is_compound};
use super::pairs::Style;
use super::take::{below, push, take};
use super::value::{self, Bare};
use super::{Finding, positional, words, xml};
use crate::privacy::keys::{self, KeyClass, Parent};

/// What an opening bracket may stand for.
pub(super) fn bracket(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> usize {
    if alnum(before(text, paren)) {
        return newtype(text, paren, found);
    }
    if matches!(after(text, paren + 1), b'"' | b'\\' | b'\n')
        && let Some(next) = positional::tuple(text, paren, found)
    {
        return next;
    }
    positional::insert(text, paren, found).unwrap_or(paren + 1)
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
    let end = value::bare(head(text, value, KEY), value, Bare::Strict, false);
    if !is_compound(name, false)
        || keys::rules_out(name)
        || !words::is_made_up(text.get(value..end).unwrap_or_default())
    {
        return go_on;
    }
    match keys::in_text(b"", name, Parent::Prose).filter(|rule| rule.class == KeyClass::Secret) {
        Some(rule) => take(text, value, rule, Style::Prose, false, found).max(go_on),
        None => go_on,
    }
}

/// `<password>hunter2</password>`
pub(super) fn element(text: &[u8], sign: usize, found: &mut Vec<Finding>) -> usize {
    let start = run_back(text, sign, KEY, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b':'));
    if start == sign || before(text, start) != b'<' {
        return xml::attributed(text, sign, found);
    }
    let Some((value, next)) = xml::content(text, sign + 1, &text[start..sign]) else {
        return sign + 1;
    };
    match keys::in_text(b"", &text[start..sign], Parent::Prose) {
        Some(rule) if quoted_counts(&text[value.clone()], rule, Style::Json) => {
            push(found, rule, Style::Json, false, value);
            next
        }
        _ => sign + 1,
    }
}
