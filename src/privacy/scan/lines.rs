//! Values as YAML has them: on the lines below their key, `password: |`, `api_keys:` and a list; and behind tags and anchors.

use super::Finding;
use super::bytes::{DIGIT, LETTER, SPACE, after, alnum, before, head, is, run, run_back};
use super::judge::{bare_counts, quoted_counts};
use super::key::{GAP, KEY};
use super::pairs::Style;
use super::take::push;
use super::value::{self, Bare};
use super::words;
use crate::privacy::keys::{KeyClass, KeyInText, TextRule};

/// The longest line of a block that may be a secret.
const LINE: usize = 512;

/// How far lines may be indented.
const INDENT: usize = 64;

/// Takes what stands below the key at `key` whose sign is followed by what is at `from`; says where to go on.
pub(super) fn take_below(
    text: &[u8],
    key: usize,
    from: usize,
    rule: KeyInText,
    found: &mut Vec<Finding>,
) -> Option<usize> {
    if !matches!(rule.class, KeyClass::Secret | KeyClass::Id)
        || !matches!(after(text, from), b'\n' | b'\r' | b'|' | b'>')
    {
        return None;
    }
    let depth = indent(text, key)?;
    let head = run(head(text, from, 4), from, |byte| matches!(byte, b'|' | b'>' | b'-' | b'+' | b'0'..=b'9'));
    let mut line = line_break(text, head)?;
    let block = head > from;
    let start = line;
    loop {
        let at = run(self::head(text, line, INDENT), line, |byte| byte == b' ');
        let next = if block {
            block_line(text, at, at - line > depth, rule, found)
        } else {
            let item = item(text, at, at - line >= depth, rule, found);
            if item.is_none() && line == start {
                return only_line(text, at, at - line > depth, depth, rule, found);
            }
            item
        };
        match next.and_then(|end| line_break(text, end)) {
            Some(below) => line = below,
            None => return next.or_else(|| (line > start).then_some(line)),
        }
    }
}

/// Where the value begins that a tag or an anchor may stand before at `at`: `!!str hunter2`, `&pw hunter2`. None if by its tag it is
/// kept elsewhere: `!vault |`, `!Ref DbPassword`.
pub(super) fn behind_tag(text: &[u8], at: usize) -> Option<usize> {
    const TYPES: &[&[u8]] = words!("!str" "!binary" "!int" "!float" "!python/str" "!python/unicode");
    const ELSEWHERE: &[&[u8]] = words!(
        "vault" "vault-encrypted" "secret" "env" "env_var" "ENV" "Ref" "Sub" "GetAtt" "ImportValue" "Join" "FindInMap" "Select"
        "If" "include" "reference" "file"
    );
    // What Rust has behind the sign.
    const TYPED: &[&[u8]] = words!("mut" "str" "dyn" "self" "impl" "crate");
    let part = |byte: u8| alnum(byte) || matches!(byte, b'_' | b'-' | b'/' | b'.' | b'!');
    let end = run(head(text, at, KEY), at + 1, part);
    let value = run(head(text, end, GAP), end, |byte| byte == b' ');
    let name = &text[at + 1..end];
    if value == end {
        return Some(at);
    }
    let leads = match text[at] {
        b'!' if ELSEWHERE.contains(&name) => return None,
        b'!' => TYPES.contains(&name),
        _ => !name.is_empty() && !TYPED.contains(&name) && is_scalar(text, value),
    };
    Some(if leads { value } else { at })
}

/// Whether the rest of the line is a string, or one word with a digit.
fn is_scalar(text: &[u8], at: usize) -> bool {
    let near = head(text, at, LINE);
    let (end, counts) = match value::quoted(near, at) {
        Some(quoted) => (quoted.next, true),
        None => {
            let end = run(near, at, |byte| !is(byte, SPACE));
            (end, words::digits(&text[at..end]) > 0 && words::has_letter(&text[at..end]))
        }
    };
    counts && matches!(after(text, end), 0 | b'\n' | b'\r')
}

/// How far the line is indented that begins with the key at `key`; a list's key may have a dash before it.
fn indent(text: &[u8], key: usize) -> Option<usize> {
    let start = run_back(text, key, INDENT, |byte| matches!(byte, b' ' | b'-' | b'"' | b'\''));
    (start == 0 || before(text, start) == b'\n').then_some(key - start)
}

/// Where the next line begins.
fn line_break(text: &[u8], at: usize) -> Option<usize> {
    match (after(text, at), after(text, at + 1)) {
        (b'\n', _) => Some(at + 1),
        (b'\r', b'\n') => Some(at + 2),
        _ => None,
    }
}

/// A line of a block that is one word; says where it ends.
fn block_line(text: &[u8], at: usize, inside: bool, rule: KeyInText, found: &mut Vec<Finding>) -> Option<usize> {
    let end = run(head(text, at, LINE), at, |byte| !is(byte, SPACE));
    let counts = inside
        && end > at
        && matches!(after(text, end), 0 | b'\n' | b'\r')
        && quoted_counts(&text[at..end], rule, Style::Json)
        && bare_counts(text, at, end, rule, Style::Equals);
    counts.then(|| {
        push(found, rule, Style::Entry, false, at..end);
        end
    })
}

/// A word that nobody speaks, alone on the one line that is indented below its key; says where it ends.
fn only_line(
    text: &[u8],
    at: usize,
    inside: bool,
    depth: usize,
    rule: KeyInText,
    found: &mut Vec<Finding>,
) -> Option<usize> {
    let end = run(head(text, at, LINE), at, |byte| !is(byte, SPACE));
    let word = &text[at..end];
    let last = match line_break(text, end) {
        Some(next) => {
            let below = run(head(text, next, INDENT), next, |byte| byte == b' ');
            below - next <= depth || matches!(after(text, below), 0 | b'\n' | b'\r')
        }
        None => end == text.len(),
    };
    let made_up = words::is_made_up(word) || rule.text == TextRule::Password && words::digits(word) > 0;
    let counts = inside
        && last
        && rule.class == KeyClass::Secret
        && matches!(rule.text, TextRule::Password | TextRule::Token)
        && made_up
        && !words::is_numbered_name(word)
        && !value::is_key(text, at)
        && is(word[0], LETTER | DIGIT)
        && quoted_counts(word, rule, Style::Json)
        && bare_counts(text, at, end, rule, Style::Entry);
    counts.then(|| {
        push(found, rule, Style::Entry, false, at..end);
        end
    })
}

/// An item of a list that is a string, or a word which nobody speaks; says where its line ends.
fn item(text: &[u8], at: usize, inside: bool, rule: KeyInText, found: &mut Vec<Finding>) -> Option<usize> {
    if !inside || after(text, at) != b'-' || after(text, at + 1) != b' ' {
        return None;
    }
    let start = run(head(text, at, INDENT), at + 1, |byte| byte == b' ');
    let (span, next, counts) = match value::quoted(head(text, start, 2 * KEY), start) {
        Some(quoted) => {
            let counts = quoted_counts(&text[quoted.start..quoted.end], rule, Style::Json);
            (quoted.start..quoted.end, quoted.next, counts)
        }
        None => {
            let end = value::bare(head(text, start, LINE), start, Bare::Loose, false);
            let word = &text[start..end];
            let known = rule.class == KeyClass::Id
                || words::is_made_up(word) && !(rule.text == TextRule::Token && words::is_numbered_name(word))
                || rule.text == TextRule::Password && words::digits(word) > 0;
            let version = words::is_version(word.strip_prefix(b"v").unwrap_or(word)) && word.contains(&b'.');
            let key = version || after(text, end) == b':' || value::is_key(text, start);
            (start..end, end, known && !key && end > start && bare_counts(text, start, end, rule, Style::Entry))
        }
    };
    (counts && matches!(after(text, next), 0 | b'\n' | b'\r')).then(|| {
        push(found, rule, Style::Entry, false, span);
        next
    })
}
