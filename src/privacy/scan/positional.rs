//! Keys and values that stand in lists rather than side by side: `("email", "..")`, `Key (email)=(..)`,
//! `INSERT INTO t (email) VALUES ('..')`.

use super::Finding;
use super::bytes::{DIGIT, SPACE, after, alnum, before, first, head, is, run, run_back, starts_with};
use super::judge::quoted_counts;
use super::key::KEY;
use super::pairs::Style;
use super::take::{below, push, take};
use super::{national, value, words};
use crate::privacy::keys::{self, KeyClass, KeyInText, NumericRule, Parent, TextRule};

/// `("phone", "..")`: a quoted key alone in front of a value. Says where to go on.
pub(super) fn tuple(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let first = below(text, paren + 1);
    let key = value::quoted(head(text, first, 2 * KEY), first)?;
    let comma = run(text, key.next, |byte| byte == b' ');
    if after(text, comma) != b',' || key.end - key.start > KEY {
        return None;
    }
    let from = if first > paren + 1 { below(text, comma + 1) } else { run(text, comma + 1, |byte| byte == b' ') };
    let rule = rule(&text[key.start..key.end])?;
    Some(take(text, from, rule, Style::Json, false, found).max(paren + 1))
}

/// Brackets with strings inside.
pub(super) fn find(text: &[u8], found: &mut Vec<Finding>) {
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| first(rest, b'[')).map(|open| at + open) {
        at = couple(text, open, found).unwrap_or(open + 1);
    }
}

/// `["password", "hunter2"]`, `('password', 'hunter2')`: two strings and no more, of which one is the key of a secret and the other
/// no word. Says where to go on.
pub(super) fn couple(text: &[u8], open: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let past_blanks = |at: usize| run(head(text, at, 64), at, |byte| is(byte, SPACE));
    let first = past_blanks(open + 1);
    if !matches!(after(text, first), b'"' | b'\'' | b'\\') {
        return None;
    }
    let key = value::quoted(head(text, first, 2 * KEY), first)?;
    let comma = past_blanks(key.next);
    let name = &text[key.start..key.end];
    let is_name = name.iter().all(|byte| alnum(*byte) || matches!(byte, b'_' | b'-' | b'.'));
    if after(text, comma) != b',' || name.len() > KEY || !is_name || keys::rules_out(name) {
        return None;
    }
    let from = past_blanks(comma + 1);
    let secret = value::quoted(head(text, from, value::JUDGED), from)?;
    let close = past_blanks(secret.next);
    if !matches!((text[open], after(text, close)), (b'[', b']') | (b'(', b')')) {
        return None;
    }
    let rule = keys::in_text(b"", name, Parent::Prose).filter(|rule| rule.class == KeyClass::Secret)?;
    let word = &text[secret.start..secret.end];
    let made_up = words::is_made_up(word) || rule.text == TextRule::Password && words::digits(word) > 0;
    // What has a word for its scheme is found by that.
    let whole = !word.iter().any(|byte| is(*byte, SPACE)) && (rule.text == TextRule::Password || word.len() >= 8);
    let counts = whole && made_up && !is_kind(word) && quoted_counts(word, rule, Style::Json);
    counts.then(|| {
        push(found, rule, Style::Json, false, secret.start..secret.end);
        close
    })
}

/// `sha256`, `oauth2`, `v1`, `password1`: what names a sort of secret, or the field for it, and a number.
fn is_kind(word: &[u8]) -> bool {
    let end = run_back(word, word.len(), 4, |byte| is(byte, DIGIT));
    let word = word[..end].strip_suffix(b"_").unwrap_or(&word[..end]);
    word.len() < 3
        || keys::is_named(word)
        || words::is_status(word)
        || words::is_sort(word)
        || [&b"sha"[..], b"md", b"pbkdf2_sha", b"argon", b"aes", b"hs", b"rs", b"es", b"base"]
            .iter()
            .any(|sort| word.eq_ignore_ascii_case(sort))
}

/// `Key (email)=(..)`, as PostgreSQL names what was there already. `sign` is the `=`.
pub(super) fn constraint(text: &[u8], sign: usize, found: &mut Vec<Finding>) -> Option<usize> {
    if before(text, sign) != b')' || after(text, sign + 1) != b'(' {
        return None;
    }
    let names = run_back(text, sign - 1, 2 * KEY, |byte| byte != b'(' && byte != b'\n');
    if before(text, names) != b'(' {
        return None;
    }
    let end = run(head(text, sign, value::JUDGED), sign + 2, |byte| byte != b'\n' && byte != b'"');
    // Values may hold brackets; the last one before the end of the sentence closes.
    let close =
        text[..end].windows(2).skip(sign + 2).position(|pair| matches!(pair, [b')', b' ' | b'.' | b'=' | b',']));
    let close = close.map_or(end - usize::from(before(text, end) == b')'), |at| sign + 2 + at);
    let close = run_back(text, close, 8, |byte| byte == b'\\');
    let values = sign + 2..close.max(sign + 2);
    let rule = text[names..sign - 1].split(|byte| *byte == b',').find_map(|name| rule(bare_name(name)))?;
    if values.is_empty() || !quoted_counts(&text[values.clone()], rule, Style::Equals) {
        return None;
    }
    push(found, rule, Style::Equals, false, values);
    Some(close)
}

/// The columns of a statement are read back so far.
const COLUMNS: usize = 1024;

/// `(email, n) VALUES ('..', 1), ('..', 2)`, where `paren` opens the first row of values.
pub(super) fn insert(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let blank = |byte: u8| is(byte, SPACE);
    let word = run_back(text, paren, 8, blank);
    let start = word.checked_sub(6).filter(|start| starts_with(text, *start, b"values"))?;
    let close = run_back(text, start, 8, blank);
    if before(text, close) != b')' {
        return None;
    }
    let open = run_back(text, close - 1, COLUMNS, |byte| byte != b'(');
    let columns = (before(text, open) == b'(').then(|| &text[open..close - 1])?;
    let mut at = paren;
    while after(text, at) == b'(' {
        at = row(text, at + 1, columns, found);
        let next = run(text, at, |byte| blank(byte) || matches!(byte, b')' | b','));
        if next == at {
            break;
        }
        at = next;
    }
    Some(at)
}

/// One row of values; says where it ends.
fn row(text: &[u8], from: usize, columns: &[u8], found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    for column in columns.split(|byte| *byte == b',') {
        at = run(text, at, |byte| is(byte, SPACE));
        let end = match value::quoted(text, at) {
            Some(quoted) => quoted.next,
            None => run(text, at, |byte| !matches!(byte, b',' | b')' | b'(' | b'"')),
        };
        let number = is(after(text, at), DIGIT);
        if let Some(rule) = rule(bare_name(column)) {
            take(text, at, rule, if number { Style::Equals } else { Style::Json }, false, found);
        }
        at = run(text, end, |byte| is(byte, SPACE));
        if after(text, at) != b',' {
            break;
        }
        at += 1;
    }
    at
}

/// The rule for a name by itself.
pub(super) fn rule(key: &[u8]) -> Option<KeyInText> {
    let number = KeyInText { class: KeyClass::Pii, numeric: NumericRule::Goes, text: TextRule::Digits };
    keys::in_text(b"", key, Parent::Prose).or_else(|| national::names(key).then_some(number))
}

/// A column's name without the quotes of its dialect.
fn bare_name(name: &[u8]) -> &[u8] {
    let quote = |byte: &u8| matches!(byte, b'"' | b'`' | b'\\' | b'[' | b']') || is(*byte, SPACE);
    let start = name.iter().take_while(|byte| quote(byte)).count();
    let end = name.len() - name[start..].iter().rev().take_while(|byte| quote(byte)).count();
    &name[start..end]
}
