//! Values in brackets beside keys that a rule knows: lists, a user and a password, passwords in ODBC's quotes.

use std::ops::Range;

use super::bytes::{SPACE, after, first, head, is, run};
use super::judge::quoted_counts;
use super::key::KEY;
use super::pairs::Style;
use super::take::{INDENT, below, push};
use super::value::{self, Bare, is_placeholder};
use super::words::is_status;
use super::{Finding, words};
use crate::privacy::keys::{KeyClass, KeyInText, NumericRule};

/// `["a", "b"]`, `[1, 2, 3]`: each string by itself, so that the list stays one; numbers together.
pub(super) fn list(text: &[u8], from: usize, rule: KeyInText, style: Style, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    let mut numbers = None;
    let mut count = 0;
    let mut bytes = 0;
    loop {
        at = run(text, at, |byte| is(byte, SPACE) || byte == b',');
        if at >= text.len() || matches!(text[at], b']' | b'{' | b'[') {
            break;
        }
        if let Some(quoted) = value::quoted(text, at) {
            if quoted_counts(&text[quoted.start..quoted.end], rule, style) {
                push(found, rule, style, false, quoted.start..quoted.end);
            }
            at = quoted.next;
            continue;
        }
        if !words::begins_number(text[at]) {
            break;
        }
        let end = value::bare(text, at, Bare::Strict, false);
        if !words::is_number(&text[at..end]) {
            break;
        }
        count += 1;
        bytes += usize::from(is_byte(&text[at..end]));
        numbers = Some((numbers.map_or(at, |(start, _)| start), end));
        at = end;
    }
    // A list of numbers under a secret word is its bytes.
    if let Some((start, end)) = numbers {
        let wanted = match rule.class {
            KeyClass::Secret => count >= 8 || count >= 3 && bytes == count,
            KeyClass::Id => true,
            _ => rule.numeric == NumericRule::Goes && words::digits(&text[start..end]) >= 4,
        };
        if wanted {
            push(found, rule, style, false, start..end);
        }
    }
    at
}

/// Whether a number is that of a sign in ASCII.
fn is_byte(number: &[u8]) -> bool {
    let value = match number.strip_prefix(b"0x") {
        Some(hex) => std::str::from_utf8(hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()),
        None => std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()),
    };
    value.is_some_and(|value: u8| (b'!'..0x7f).contains(&value))
}

/// Behind the bracket that closes what opens at `at`, if it is near.
pub(super) fn bracket_end(text: &[u8], at: usize) -> usize {
    let near = head(text, at, 40);
    let end = first(&near[at..], b']').map_or(near.len(), |close| at + close);
    (end + 1).min(text.len())
}

/// `{p;w}}1}`: a password as ODBC quotes it, in which two brackets stand for one. Says where it closes. What has no sign inside is
/// rather a template.
pub(super) fn braced(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        end = run(head(text, at, KEY), end, |byte| !matches!(byte, b'}' | b'{' | b'"' | b'\n'));
        if after(text, end) != b'}' {
            return None;
        }
        if after(text, end + 1) != b'}' {
            break;
        }
        end += 2;
    }
    let value = &text[at + 1..end];
    let doubled = value.windows(2).position(|pair| pair == b"}}").is_some_and(|at| at + 2 < value.len());
    let signs = doubled || value.iter().any(|byte| matches!(byte, b';' | b'@' | b'#' | b'&' | b'*'));
    let ends = matches!(after(text, end + 1), 0 | b';' | b'"' | b'\'' | b' ' | b'\n' | b'\\');
    (signs && ends && !is_placeholder(value)).then_some(end)
}

/// `creds=(mnowak, hunter22)`, `auth=("mnowak", "hunter22")`: a user and the password. Says what goes, and where to go on.
pub(super) fn couple(text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let left = text[..at].trim_ascii_end();
    let left = left.strip_suffix(b"=").or_else(|| left.strip_suffix(b":"))?.trim_ascii_end();
    let first = below(text, at + 1);
    if matches!(after(text, first), b'"' | b'\'')
        && [&b"creds"[..], b"credentials", b"auth"].iter().any(|key| left.ends_with(key))
    {
        return quoted_couple(text, first);
    }
    if !(left.ends_with(b"creds") || left.ends_with(b"credentials")) {
        return None;
    }
    let end = run(head(text, at, KEY), at + 1, |byte| !matches!(byte, b')' | b'(' | b'\n' | b'"' | b'='));
    let comma = run(&text[..end], at, |byte| byte != b',');
    let (user, password) = (text[at + 1..comma].trim_ascii(), text.get(comma + 1..end)?.trim_ascii());
    let plain = |word: &[u8]| !word.is_empty() && !word.iter().any(|byte| is(*byte, SPACE) || *byte == b',');
    let both = after(text, end) == b')' && plain(user) && plain(password);
    (both && words::is_made_up(password) && !is_status(password)).then_some((at..end + 1, end + 1))
}

/// The second of two strings that are all there is in a bracket.
fn quoted_couple(text: &[u8], first: usize) -> Option<(Range<usize>, usize)> {
    let user = value::quoted(head(text, first, 2 * KEY), first)?;
    if after(text, user.next) != b',' {
        return None;
    }
    let second = run(head(text, user.next, INDENT), user.next + 1, |byte| matches!(byte, b' ' | b'\n'));
    let password = value::quoted(head(text, second, 2 * KEY), second)?;
    let close = run(head(text, password.next, INDENT), password.next, |byte| matches!(byte, b' ' | b'\n' | b','));
    let (span, value) = (password.start..password.end, &text[password.start..password.end]);
    // Here it is a password whatever its length, and also where it is one of those that report elsewhere.
    let reports = is_status(value) && !words::is_everyday(value);
    let counts = !is_placeholder(value) && !reports && value.len() >= 2 && !value.contains(&b' ');
    (after(text, close) == b')' && counts).then_some((span, password.next))
}
