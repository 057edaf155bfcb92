//! Records that name the value beside it: `{"name":"API_SECRET","value":".."}`, `<add key="ApiKey" value=".."/>`,
//! `{"key":"enduser.id","value":{"stringValue":".."}}`.

use super::bytes::{SPACE, after, alnum, head, is, run, starts_with};
use super::key::KEY;
use super::pairs::Style;
use super::take::{inside, take};
use super::{Finding, attributes, value};
use crate::privacy::keys::{self, KeyClass, Parent};

/// Whether a key's value may be the name of another value.
#[inline]
pub(super) fn is_name(key: &[u8]) -> bool {
    matches!(key, b"name" | b"key" | b"Name" | b"Key")
}

/// Takes the value of the record whose name stands at `from`; whether it is the name of one.
pub(super) fn take_value(text: &[u8], from: usize, found: &mut Vec<Finding>) -> bool {
    let at = inside(text, from);
    let quoted = value::quoted(head(text, at, 2 * KEY), at);
    let (start, end, next) = match &quoted {
        Some(quoted) => (quoted.start, quoted.end, quoted.next),
        None => {
            let end = run(head(text, at, KEY), at, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.'));
            (at, end, end)
        }
    };
    let name = &text[start..end];
    if name.is_empty() || name.len() > KEY || keys::rules_out(name) && !attributes::is_key(name) {
        return false;
    }
    let Some(value) = value_behind(text, next) else { return false };
    let Some(rule) = attributes::rule(name).or_else(|| keys::in_text(b"", name, Parent::Prose)) else { return false };
    let style = match quoted {
        Some(_) => Style::Json,
        // `key=user value=3` may be about anything.
        None if matches!(rule.class, KeyClass::Secret | KeyClass::Id) => Style::Entry,
        None => return false,
    };
    take(text, value, rule, style, false, found);
    true
}

/// Where the value begins, if `value` and its sign are next.
fn value_behind(text: &[u8], from: usize) -> Option<usize> {
    let parts = |byte: u8| is(byte, SPACE) || matches!(byte, b',' | b')' | b';' | b'"' | b'\'' | b'\\');
    let word = run(head(text, from, 64), from, parts);
    if word == from || !starts_with(text, word, b"value") {
        return None;
    }
    let sign = run(head(text, word, 16), word + 5, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b' '));
    if !matches!(after(text, sign), b':' | b'=') {
        return None;
    }
    let at = run(head(text, sign, 8), sign + 1, |byte| byte == b' ');
    let at = inside(text, at);
    // `AnyValue { value: Some(StringValue("..")) }`
    if text[at..].starts_with(b"AnyValue { value: ") {
        return Some(inside(text, at + 18));
    }
    Some(typed(text, at).unwrap_or(at))
}

/// Where the value inside `{"stringValue":".."}` or `{"S":".."}` begins, as OTLP and DynamoDB write the type around it.
pub(super) fn typed(text: &[u8], brace: usize) -> Option<usize> {
    const TYPES: &[&[u8]] = words!(
        "S" "N" "stringValue" "intValue" "doubleValue" "bytesValue" "string_value" "int_value"
    );
    if after(text, brace) != b'{' {
        return None;
    }
    let quote = |byte: u8| matches!(byte, b'"' | b'\\' | b' ');
    let start = run(head(text, brace, 8), brace + 1, quote);
    let end = run(head(text, start, 16), start, |byte| alnum(byte) || byte == b'_');
    let sign = run(head(text, end, 8), end, quote);
    let known = start > brace + 1 && TYPES.contains(&&text[start..end]) && after(text, sign) == b':';
    known.then(|| run(head(text, sign, 8), sign + 1, |byte| byte == b' '))
}
