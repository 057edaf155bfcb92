//! Secrets on command lines: `--password hunter2`, `-Password hunter2`, `/password:hunter2`, `mysql -phunter2`.

use super::anchors::Anchors;
use super::bytes::{DIGIT, LETTER, SPACE, STOP, after, alnum, before, head, is, run};
use super::classes::{Block, Class};
use super::key::{KEY, Key};
use super::pairs::Style;
use super::starts::Start;
use super::starts::behind;
use super::take::{INDENT, take};
use super::value::{self, Bare, is_placeholder};
use super::{Finding, Kind, Severity, commands, path, words};
use crate::privacy::keys::{self, KeyClass, KeyInText, NumericRule, Parent, TextRule};

/// Programs and their short options that take a password.
const SHORT: [(&[u8], &[u8]); 14] = [
    (b"mysql", b"p"),
    (b"mysqldump", b"p"),
    (b"mysqladmin", b"p"),
    (b"mariadb", b"p"),
    (b"mongo", b"p"),
    (b"mongosh", b"p"),
    (b"mongodump", b"p"),
    (b"sshpass", b"p"),
    (b"docker login", b"p"),
    (b"podman login", b"p"),
    (b"redis-cli", b"a"),
    (b"ldapsearch", b"w"),
    (b"ldapadd", b"w"),
    (b"sqlcmd", b"P"),
];

/// The dots and dashes of a block that follow no part of a name, of which there are few.
#[inline]
pub(super) fn dashes(blocks: &[Block], block: usize) -> u64 {
    let part = |block: &Block| block[Class::Token as usize] | block[Class::Mark as usize];
    blocks[block][Class::Mark as usize] & !behind(blocks, block, part)
}

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut marks = anchors.starts(Start::Option);
    while let Some(dash) = marks.next() {
        if text[dash] != b'-' {
            continue;
        }
        if !is(before(text, dash), SPACE) {
            if matches!(before(text, dash), b'"' | b'\'') && after(text, dash + 1) == b'-' {
                marks.pass(argument(text, dash, found));
            }
            continue;
        }
        marks.pass(if after(text, dash + 1) == b'-' {
            long(text, dash, found)
        } else {
            word(text, dash, found)
                .or_else(|| commands::option(text, dash, found))
                .unwrap_or_else(|| short(text, dash, found))
        });
    }
}

fn long(text: &[u8], dash: usize, found: &mut Vec<Finding>) -> usize {
    let name = dash + 2;
    let end = run(text, name, |byte| alnum(byte) || matches!(byte, b'-' | b'_' | b'.'));
    let option = after(text, end + 1) == b'-';
    if end == name || after(text, end) != b' ' || option && !is(after(text, end + 2), DIGIT) {
        return end;
    }
    match keys::in_text(b"", &text[name..end], Parent::Prose) {
        // `--lng -104.687906`
        Some(rule) if !option || rule.text == TextRule::Geo => take(text, end + 1, rule, Style::Equals, false, found),
        _ => end,
    }
}

/// `["./app", "--api-key", "oCMF1Z"]`: an option and its value, each with its quotes.
fn argument(text: &[u8], dash: usize, found: &mut Vec<Finding>) -> usize {
    let (name, quote) = (dash + 2, before(text, dash));
    let end = run(head(text, name, KEY), name, |byte| alnum(byte) || matches!(byte, b'-' | b'_'));
    if end == name || after(text, end) != quote || !is(before(text, dash - 1), SPACE | STOP) {
        return end;
    }
    let value = run(head(text, end, INDENT), end + 1, |byte| is(byte, SPACE) || byte == b',');
    if value == end + 1 || after(text, value) != quote || after(text, value + 1) == b'-' {
        return end;
    }
    match keys::in_text(b"", &text[name..end], Parent::Prose) {
        // `["--user", "setuptools"]`, and words about an option that is declared.
        Some(rule) if rule.text != TextRule::Weak && is_one_word(text, value) => {
            take(text, value, rule, Style::Json, false, found)
        }
        _ => end,
    }
}

fn is_one_word(text: &[u8], from: usize) -> bool {
    value::quoted(head(text, from, 4 * KEY), from).is_some_and(|quoted| !text[quoted.start..quoted.end].contains(&b' '))
}

/// `-Password hunter2`, as PowerShell has it, and Java's tools `-storepass hunter2`; a word behind it may be anything.
fn word(text: &[u8], dash: usize, found: &mut Vec<Finding>) -> Option<usize> {
    const STORES: [&[u8]; 4] = [b"storepass", b"keypass", b"srcstorepass", b"deststorepass"];
    let name = dash + 1;
    let end = run(head(text, name, KEY), name, |byte| is(byte, LETTER));
    let key = &text[name..end];
    let start = end + 1;
    if end - name < 4 || after(text, end) != b' ' {
        return None;
    }
    let rule = if STORES.contains(&key) {
        KeyInText { class: KeyClass::Secret, numeric: NumericRule::Goes, text: TextRule::Password }
    } else if keys::rules_out(key) {
        return None;
    } else {
        keys::in_text(b"", key, Parent::Prose).filter(|rule| rule.class == KeyClass::Secret)?
    };
    let value = match value::quoted(head(text, start, 4 * KEY), start) {
        Some(quoted) => quoted.start..quoted.end,
        None => start..value::bare(head(text, start, 4 * KEY), start, Bare::Loose, false),
    };
    let value = &text[value];
    let counts = match rule.text {
        TextRule::Password => {
            words::is_varied(value) || value.len() >= 6 && words::digits(value) > 0 && !value.contains(&b'.')
        }
        _ => key[0].is_ascii_uppercase() && words::is_made_up(value),
    };
    let refers = matches!(after(text, start), b'-' | b'$' | b'(' | b'@' | b'/') || value.contains(&b'/');
    let known = found.len();
    let next = (counts && !refers).then(|| take(text, start, rule, Style::Equals, false, found))?;
    (found.len() > known).then_some(next)
}

/// Whether the key, which a slash stands before, is an option of Windows with a secret glued to it: `/password:hunter2`.
pub(super) fn is_slashed(text: &[u8], key: &Key, value: usize) -> bool {
    let name = &text[key.start..key.end];
    let slash = key.start - 1;
    if text[slash] != b'/'
        || value != key.end + 1
        || !matches!(before(text, slash), b' ' | b'"')
        || path::is_route(text, slash)
        || !name.iter().all(|byte| is(*byte, LETTER))
    {
        return false;
    }
    let word = &text[value..value::bare(head(text, value, KEY), value, Bare::Loose, false)];
    // `/password:reset1` may be a route.
    let made_up = words::is_varied(word) || words::is_made_up(word) && words::digits(word) > 1;
    made_up
        && !word.contains(&b'/')
        && keys::in_text(b"", name, Parent::Prose).is_some_and(|rule| rule.class == KeyClass::Secret)
}

fn short(text: &[u8], dash: usize, found: &mut Vec<Finding>) -> usize {
    let option = after(text, dash + 1);
    let glued = !is(after(text, dash + 2), SPACE);
    if !SHORT.iter().any(|(_, short)| short.contains(&option)) {
        return dash + 1;
    }
    // `mysql -p db` asks for the password; `-phunter2` is it.
    let line = commands::line(text, dash);
    let takes = |(program, short): &(&[u8], &[u8])| {
        short.contains(&option)
            && glued == (program.starts_with(b"m") && !program.starts_with(b"mongo"))
            && commands::runs(line, program)
    };
    if !SHORT.iter().any(takes) {
        return dash + 1;
    }
    let start = dash + if glued { 2 } else { 3 };
    let (start, end) = match value::quoted(head(text, start, 4 * KEY), start) {
        Some(quoted) => (quoted.start, quoted.end),
        None => (start, value::bare(text, start, Bare::Loose, false)),
    };
    if end < start + 2 || is_placeholder(&text[start..end]) || text[start] == b'-' {
        return dash + 2;
    }
    found.push(Finding::new(Kind::KeyedSecret, Severity::Likely, start..end));
    end
}
