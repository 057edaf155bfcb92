//! Records that name the value beside it: `{"name":"API_SECRET","value":".."}`, `<add key="ApiKey" value=".."/>`,
//! `{"key":"enduser.id","value":{"stringValue":".."}}`.

use super::bytes::{SPACE, after, alnum, before, head, is, rfind, run, run_back, starts_with};
use super::judge::quoted_counts;
use super::key::KEY;
use super::pairs::{Style, is_redacted};
use super::take::{INDENT, inside, push, take};
use super::value::{self, Bare};
use super::{Finding, attributes};
use crate::privacy::keys::{self, KeyClass, Parent};

/// Whether a key's value may be the name of another value.
#[inline]
pub(super) fn is_name(key: &[u8]) -> bool {
    matches!(key, b"name" | b"key" | b"Name" | b"Key" | b"OutputKey" | b"ParameterKey")
}

/// Takes the value of the record whose name stands at `from`, behind the `name` at `key`; whether it is the name of one.
pub(super) fn take_value(text: &[u8], key: usize, from: usize, found: &mut Vec<Finding>) -> bool {
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
    let part = part(text, next).filter(|_| quoted.is_some() && ends_header(&text[..key], &text[key..at]));
    let value = part
        .or_else(|| value_behind(text, next))
        .or_else(|| field_between(text, next))
        .or_else(|| content_behind(text, key, next))
        .or_else(|| value_ahead(text, key));
    let Some(value) = value else { return false };
    let Some(rule) = attributes::rule(name).or_else(|| keys::in_text(b"", name, Parent::Prose)) else { return false };
    if let (Some(_), Some(quoted)) = (part, &quoted) {
        let end = part_end(text, value, quoted.next - 1 - quoted.end);
        // What was a value is replaced; what of a line goes on behind it is in another string.
        if !is_redacted(text, value) && quoted_counts(&text[value..end], rule, Style::Json) {
            push(found, rule, Style::Json, false, value..end);
        }
        return true;
    }
    let below = text[next.min(value)..value.max(next)].contains(&b'\n');
    let style = match quoted {
        Some(_) if below && !matches!(after(text, value), b'"' | b'\'') => Style::Entry,
        Some(_) => Style::Json,
        // `key=user value=3` may be about anything; lines of YAML are not.
        None if matches!(rule.class, KeyClass::Secret | KeyClass::Id) => Style::Entry,
        None if below => Style::Entry,
        None => return false,
    };
    take(text, value, rule, style, false, found);
    true
}

/// Where the value begins, if `value` and its sign are next.
fn value_behind(text: &[u8], from: usize) -> Option<usize> {
    let parts = |byte: u8| is(byte, SPACE) || matches!(byte, b',' | b')' | b';' | b'"' | b'\'' | b'\\');
    let word = run(head(text, from, 64), from, parts);
    if word == from {
        return None;
    }
    // CloudFormation's.
    let word = word
        + match after(text, word) {
            b'O' if text[word..].starts_with(b"OutputV") => 6,
            b'P' if text[word..].starts_with(b"ParameterV") => 9,
            _ => 0,
        };
    if !starts_with(text, word, b"value") {
        return None;
    }
    let sign = run(head(text, word, 16), word + 5, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b' '));
    if after(text, sign) == b'{' {
        return typed(text, sign);
    }
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

/// How far from its name a value may stand.
const APART: usize = 160;

/// Where the value begins behind one other field: `"name":"DB_PASSWORD","x":1,"value":"..`.
fn field_between(text: &[u8], from: usize) -> Option<usize> {
    let text_head = head(text, from, APART);
    if after(text, from) != b',' {
        return None;
    }
    let field = run(text_head, from + 1, |byte| byte == b' ');
    let key = value::quoted(text_head, field)?;
    let sign = run(text_head, key.next, |byte| byte == b' ');
    if after(text, sign) != b':' {
        return None;
    }
    let at = run(text_head, sign + 1, |byte| byte == b' ');
    let end = match value::quoted(text_head, at) {
        Some(quoted) => quoted.next,
        None => run(text_head, at, |byte| alnum(byte) || matches!(byte, b'.' | b'-')),
    };
    (end > at).then(|| value_behind(text, end)).flatten()
}

/// Where the value of the field before the name begins: `{"value":"..","name":"DB_PASSWORD"}`.
fn value_ahead(text: &[u8], key: usize) -> Option<usize> {
    let name = run_back(text, key, 4, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let end = run_back(text, name, 32, |byte| is(byte, SPACE) || byte == b',');
    let floor = end.saturating_sub(APART);
    if end == name {
        return None;
    }
    let word = floor + rfind(&text[floor..end], b"value")?;
    let sign = run(head(text, word, 8), word + 5, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b' '));
    if alnum(before(text, word)) || before(text, word) == b'_' || after(text, sign) != b':' {
        return None;
    }
    // `value_behind` wants something before the word.
    let at = value_behind(text, word.checked_sub(1)?)?;
    let value = match value::quoted(&text[..end], at) {
        Some(quoted) => quoted.next,
        None => value::bare(&text[..end], at, Bare::Loose, false),
    };
    (value == end && at < end).then_some(at)
}

/// Where the value of an HTML page's `<meta name=".." content="..">` begins.
fn content_behind(text: &[u8], key: usize, from: usize) -> Option<usize> {
    let label = b" content=\"";
    let sign = from + label.len() - 1;
    (text[..key].ends_with(b"<meta ") && starts_with(text, from, label)).then_some(sign)
}

/// Whether a name in `sign` belongs to a part of a form: `form-data; name="`.
fn ends_header(left: &[u8], sign: &[u8]) -> bool {
    sign.starts_with(b"name=") && left.trim_ascii_end().ends_with(b"form-data;")
}

/// Where the value of a part of a form begins: `name="password"`, an empty line, and the value. In what was escaped, a carriage return reads
/// as a line break.
fn part(text: &[u8], from: usize) -> Option<usize> {
    [&b"\r\n\r\n"[..], b"\n\n\n\n", b"\n\n"]
        .iter()
        .find(|lines| text[from..].starts_with(lines))
        .map(|lines| from + lines.len())
}

/// Where the line from `from` on ends, or the string of JSON that it stands in, if quotes inside that are escaped by so many backslashes.
fn part_end(text: &[u8], from: usize, slashes: usize) -> usize {
    let mut at = from;
    let mut seen = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\r' | b'\n' => break,
            b'"' if seen < slashes => break,
            b'\\' => seen += 1,
            _ => seen = 0,
        }
        at += 1;
    }
    at
}

/// Where the value inside `{"stringValue":".."}` or `{"S":".."}` begins, as OTLP, DynamoDB and MongoDB write the type around it.
pub(super) fn typed(text: &[u8], brace: usize) -> Option<usize> {
    const TYPES: &[&[u8]] = words!(
        "S" "N" "stringValue" "intValue" "doubleValue" "bytesValue" "string_value" "int_value" "oid"
        "numberLong"
    );
    if after(text, brace) != b'{' {
        return None;
    }
    let quote = |byte: u8| matches!(byte, b'"' | b'\\' | b' ');
    let start = run(head(text, brace, INDENT), brace + 1, |byte| quote(byte) || matches!(byte, b'$' | b'\n' | b'\r'));
    let end = run(head(text, start, 16), start, |byte| alnum(byte) || byte == b'_');
    let sign = run(head(text, end, 8), end, quote);
    let known = start > brace + 1 && TYPES.contains(&&text[start..end]) && after(text, sign) == b':';
    known.then(|| run(head(text, sign, 8), sign + 1, |byte| byte == b' '))
}
