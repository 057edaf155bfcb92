//! Rows under a header: comma- and tab-separated values, and tables as `psql` prints them.
//!
//! The header is the first line of the text: names and nothing else, one of which a rule knows. The rows have as many cells as it.

use super::Finding;
use super::anchors::Anchors;
use super::bytes::{DIGIT, LETTER, after, alnum, is, run};
use super::classes::Class;
use super::judge::quoted_counts;
use super::pairs::Style;
use super::positional::rule;
use super::take::push;
use super::{profile, words};
use crate::privacy::keys::{KeyClass, KeyInText, NumericRule, TextRule};

/// The longest header.
const HEADER: usize = 1024;

/// More columns are not read.
const COLUMNS: usize = 32;

/// The longest name of a column.
const NAME: usize = 40;

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    // Nearly all texts begin otherwise: with a time, or with a word and a sign; and most have one line.
    let first = run(text, 0, |byte| matches!(byte, b' ' | b'"' | b'|'));
    let head = &text[..text.len().min(HEADER + 2)];
    if first > 4 || !is(after(text, first), LETTER) {
        return;
    }
    // In a short text that is no faster.
    let may_be_header = if head.len() <= 64 { head } else { &head[..head.len().min(foreign_start(anchors))] };
    if !has_line_break(may_be_header) {
        return;
    }
    let line = run(head, first, |byte| byte != b'\n');
    let end = line - usize::from(text[line - 1] == b'\r');
    if end <= HEADER && text[first..end].iter().all(|byte| is_in_header(*byte)) {
        table(text, end, line + 1, found);
    }
}

/// Where the first of the anchors is that no header has, as far as the first 64 bytes tell.
#[inline]
fn foreign_start(anchors: &Anchors<'_>) -> usize {
    let others = [Class::Pair, Class::Slash, Class::At, Class::Escape].map(|class| anchors.bits(class, 0));
    match others.iter().fold(0, |all, bits| all | bits) {
        0 => usize::MAX,
        others => others.trailing_zeros() as usize,
    }
}

/// Whether a text has more than one line. Sixteen bytes at a time, of which none need be told from the other.
#[inline]
fn has_line_break(text: &[u8]) -> bool {
    let breaks = |bytes: &[u8]| bytes.iter().fold(false, |any, byte| any | (*byte == b'\n'));
    let (chunks, _) = text.as_chunks::<16>();
    chunks.iter().any(|chunk| breaks(chunk)) || breaks(text.last_chunk::<16>().map_or(text, |last| last))
}

/// Whether a byte may stand in a header.
fn is_in_header(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'_' | b'.' | b'-' | b' ' | b'"' | b',' | b'\t' | b'|' | b';')
}

#[inline(never)]
fn table(text: &[u8], end: usize, rows: usize, found: &mut Vec<Finding>) {
    let header = &text[..end];
    let Some(sign) = [b'\t', b'|', b';', b','].into_iter().find(|sign| header.contains(sign)) else { return };
    let mut columns = [None; COLUMNS];
    let mut count = 0;
    for (start, end) in cells(text, 0, end, sign) {
        let name = &text[start..end];
        if count == COLUMNS || !is_name(name, sign) {
            return;
        }
        columns[count] = rule(name);
        count += 1;
    }
    let columns = &columns[..count];
    // What the gate lets pass is clean.
    if count < 2 || columns.iter().all(Option::is_none) || profile::is_clean(text) {
        return;
    }
    let mut row = rows;
    while row < text.len() {
        let end = run(text, row, |byte| !matches!(byte, b'\n' | b'\r'));
        let line = &text[row..end];
        let ruler = line.contains(&b'-') && line.iter().all(|byte| matches!(byte, b'-' | b'+' | b'|' | b':' | b' '));
        if !ruler {
            let there = cells(text, row, end, sign).count();
            if there > count {
                break;
            }
            // A shorter line is no row, and those below it may be.
            for ((start, end), rule) in cells(text, row, end, sign).zip(columns).filter(|_| there == count) {
                if let Some(rule) = rule.filter(|rule| cell_counts(&text[start..end], *rule, sign)) {
                    push(found, rule, Style::Json, false, start..end);
                }
            }
        }
        row = line_break(text, end).unwrap_or(text.len());
    }
}

/// Whether a cell of the first line may be the name of a column. Commas stand in sentences as well, and there a space follows.
fn is_name(name: &[u8], sign: u8) -> bool {
    let spaces = name.iter().filter(|byte| **byte == b' ').count();
    let most = if matches!(sign, b',' | b';') { 0 } else { 2 };
    matches!(name, [first, ..] if is(*first, LETTER)) && name.len() <= NAME && spaces <= most
}

/// Whether a cell under the name that a rule knows is a value: in tables of text about options there are words as well.
fn cell_counts(cell: &[u8], rule: KeyInText, sign: u8) -> bool {
    let secret = rule.class == KeyClass::Secret;
    if words::is_number(cell) && (rule.numeric == NumericRule::Stays || secret && rule.text == TextRule::Token) {
        return false;
    }
    if secret && matches!(rule.text, TextRule::Password | TextRule::Token) {
        let word = words::is_word(cell) && !words::is_no_word(cell);
        let spoken = words::is_type(cell) || words::is_sort(cell) || crate::privacy::keys::is_named(cell);
        if cell.len() < 5
            || cell.contains(&b' ')
            || spoken
            || word && (rule.text == TextRule::Token || sign == b'|' && cell.len() < 8)
        {
            return false;
        }
    }
    if rule.class == KeyClass::Id && !cell.iter().any(|byte| is(*byte, DIGIT)) {
        return false;
    }
    quoted_counts(cell, rule, Style::Json)
}

/// The cells of a line without the blanks, quotes and outer bars around them.
fn cells(text: &[u8], from: usize, to: usize, sign: u8) -> impl Iterator<Item = (usize, usize)> {
    let outer = sign == b'|' && text[from..to].trim_ascii().starts_with(b"|");
    let line = text[from..to].trim_ascii();
    let (mut at, to) = if outer {
        let start = run(text, from, |byte| byte == b' ') + 1;
        (start, to.min(start + line.len() - 1 - usize::from(line.len() > 1 && line.ends_with(b"|"))))
    } else {
        (from, to)
    };
    let mut done = false;
    std::iter::from_fn(move || {
        if done || at > to {
            return None;
        }
        let start = run(&text[..to], at, |byte| byte == b' ').min(to);
        let quoted = after(&text[..to], start) == b'"';
        let close = if quoted { closing_quote(&text[..to], start + 1) } else { start };
        let end = run(&text[..to], close, |byte| byte != sign);
        done = end >= to;
        at = end + 1;
        if quoted && close < to {
            return Some((start + 1, close));
        }
        let trimmed = text[start..end].trim_ascii_end().len();
        Some((start, start + trimmed))
    })
}

/// Where the cell is closed whose quotes have opened before `at`; inside, two are one.
fn closing_quote(text: &[u8], mut at: usize) -> usize {
    loop {
        at = run(text, at, |byte| byte != b'"');
        if after(text, at + 1) != b'"' || at == text.len() {
            return at;
        }
        at += 2;
    }
}

/// Where the next line begins.
fn line_break(text: &[u8], at: usize) -> Option<usize> {
    match (after(text, at), after(text, at + 1)) {
        (b'\n', _) => Some(at + 1),
        (b'\r', b'\n') => Some(at + 2),
        _ => None,
    }
}
