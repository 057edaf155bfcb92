//! Secrets on command lines: `--password hunter2`, `mysql -phunter2`, `curl -u user:hunter2`.

use super::anchors::Anchors;
use super::bytes::{DIGIT, SPACE, STOP, after, alnum, before, head, is, run, run_back};
use super::classes::{Block, Class};
use super::key::KEY;
use super::pairs::Style;
use super::starts::Start;
use super::starts::behind;
use super::take::{INDENT, take};
use super::value::{self, Bare, is_placeholder};
use super::{Finding, Kind, Severity};
use crate::privacy::keys::{self, Parent, TextRule};

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

/// How far before an option its program is looked for.
const PROGRAM: usize = 96;

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
        marks.pass(if after(text, dash + 1) == b'-' { long(text, dash, found) } else { short(text, dash, found) });
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

fn short(text: &[u8], dash: usize, found: &mut Vec<Finding>) -> usize {
    let option = after(text, dash + 1);
    let glued = !is(after(text, dash + 2), SPACE);
    if !SHORT.iter().any(|(_, short)| short.contains(&option)) {
        return dash + 1;
    }
    // `mysql -p db` asks for the password; `-phunter2` is it.
    let line = run_back(text, dash, PROGRAM, |byte| !matches!(byte, b'|' | b';' | b'&' | b'\n'));
    let takes = |(program, short): &(&[u8], &[u8])| {
        short.contains(&option)
            && glued == (program.starts_with(b"m") && !program.starts_with(b"mongo"))
            && runs(&text[line..dash], program)
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

/// Whether the option behind this line is one of this program's: its name stands before.
fn runs(line: &[u8], program: &[u8]) -> bool {
    super::bytes::rfind(line, program).is_some_and(|start| {
        !alnum(before(line, start)) && before(line, start) != b'-' && after(line, start + program.len()) == b' '
    })
}
