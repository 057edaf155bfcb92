//! Elements of XML that say more than their name before the value: `<password type="plain">x</password>`,
//! `<entry key="password">x</entry>`, `<password><![CDATA[x]]></password>`.

use super::bytes::{SPACE, after, alnum, before, head, is, run, run_back, starts_with};
use super::judge::quoted_counts;
use super::key::KEY;
use super::pairs::Style;
use super::take::{INDENT, push};
use super::value::JUDGED;
use super::{Finding, words};
use crate::privacy::keys::{self, Parent, TextRule};

/// How long the attributes of an element may be.
const ATTRIBUTES: usize = 256;

/// Takes the content of the element whose start tag with attributes is closed by the `>` at `sign`; says where to go on.
#[inline]
pub(super) fn attributed(text: &[u8], sign: usize, found: &mut Vec<Finding>) -> usize {
    // Most of these signs are arrows and comparisons.
    if !matches!(before(text, sign), b'"' | b'\'') || !may_hold(after(text, sign + 1)) {
        return sign + 1;
    }
    keyed(text, sign, found).unwrap_or(sign + 1)
}

/// Whether a value may begin so.
fn may_hold(first: u8) -> bool {
    !is(first, SPACE) && !matches!(first, b'/' | b'>' | b'"' | b'\'' | b',' | b')')
}

#[inline(never)]
fn keyed(text: &[u8], sign: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let open = run_back(text, sign, ATTRIBUTES, |byte| !matches!(byte, b'<' | b'>' | b'\n'));
    let tag_end = run(&text[..sign], open, is_name);
    if before(text, open) != b'<' || tag_end == open || tag_end - open > KEY || !is(text[tag_end], SPACE) {
        return None;
    }
    let tag = &text[open..tag_end];
    let (value, next) = content(text, sign + 1, tag)?;
    let content = &text[value.clone()];
    let (rule, named) = match keys::in_text(b"", tag, Parent::Prose) {
        Some(rule) => (rule, true),
        None => (keys::in_text(b"", key(&text[tag_end..sign])?, Parent::Prose)?, false),
    };
    // The strings of a user interface are keyed by what they speak about: `<string name="password">Password</string>`.
    // What Windows logs about is keyed by what it is.
    let named = named || tag == b"Data";
    let counts = quoted_counts(content, rule, Style::Json)
        && (named && rule.text != TextRule::Token
            || words::is_made_up(content) && !content.iter().any(|byte| is(*byte, SPACE)));
    if !counts {
        return None;
    }
    push(found, rule, Style::Json, false, value);
    Some(next)
}

/// What stands in an element of this name up to its end tag, also as CDATA, and where the end tag begins.
pub(super) fn content(text: &[u8], from: usize, tag: &[u8]) -> Option<(std::ops::Range<usize>, usize)> {
    const CDATA: &[u8] = b"<![CDATA[";
    let data = text[from..].starts_with(CDATA);
    let start = if data { from + CDATA.len() } else { from };
    let stop = if data { b']' } else { b'<' };
    let end = run(head(text, start, JUDGED), start, |byte| byte != stop);
    let close = if data { end + 3 } else { end };
    let closed = (!data || text[end..].starts_with(b"]]>"))
        && text.get(close..)?.strip_prefix(b"</").is_some_and(|name| starts_with(name, 0, tag));
    (closed && end > start).then_some((start..end, close))
}

/// `<key>password</key><string>x</string>`, `<name>password</name> <value>x</value>`: takes what stands in the element behind the one that
/// names it, whose start tag `tag` is closed by the `>` at `sign`; says where to go on.
#[inline(never)]
pub(super) fn beside(text: &[u8], sign: usize, tag: &[u8], found: &mut Vec<Finding>) -> Option<usize> {
    const HOLDERS: &[&[u8]] = words!("string" "value" "Value" "integer" "data");
    let (name, close) = content(text, sign + 1, tag)?;
    let name = &text[name];
    if name.len() > KEY || keys::rules_out(name) {
        return None;
    }
    let end = close + tag.len() + 3;
    let open = run(head(text, end, INDENT), end, |byte| is(byte, SPACE));
    let start = open + 1;
    let stop = run(head(text, start, 8), start, is_name);
    if before(text, end) != b'>' || after(text, open) != b'<' || after(text, stop) != b'>' {
        return None;
    }
    let holder = HOLDERS.iter().find(|holder| **holder == &text[start..stop])?;
    let (value, next) = content(text, stop + 1, holder)?;
    let rule = keys::in_text(b"", name, Parent::Prose)?;
    if !quoted_counts(&text[value.clone()], rule, Style::Json) {
        return None;
    }
    push(found, rule, Style::Json, false, value);
    Some(next)
}

/// The value of the attribute that names what the element holds.
fn key(attributes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    while at < attributes.len() {
        let name = run(attributes, at, |byte| !is_name(byte));
        let sign = run(attributes, name, is_name);
        let quote = after(attributes, sign + 1);
        if after(attributes, sign) != b'=' || !matches!(quote, b'"' | b'\'') {
            return None;
        }
        let start = sign + 2;
        let end = run(attributes, start, |byte| byte != quote);
        if matches!(&attributes[name..sign], b"name" | b"key" | b"Name" | b"Key") {
            return Some(&attributes[start..end]).filter(|key| !key.is_empty() && key.len() <= KEY);
        }
        at = end + 1;
    }
    None
}

fn is_name(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'_' | b'-' | b':' | b'.')
}
