//! Statements of databases in text: the literals under `db.statement` and `db.query.text`, and passwords that are set.

use super::anchors::Anchors;
use super::bytes::{DIGIT, LETTER, SPACE, after, alnum, before, find as find_bytes, is, run, run_back, starts_with};
use super::classes::Class;
use super::{Finding, Kind, Severity, value, words};

/// Whether a key is the attribute of a statement, whose literals nobody is to see (OpenTelemetry's `db.query.text`).
pub(super) fn is_key(key: &[u8]) -> bool {
    const KEYS: [&[u8]; 6] =
        [b"db.statement", b"db.query.text", b"db_statement", b"db_query_text", b"dbStatement", b"dbQueryText"];
    key.len() >= 11 && key.ends_with(b"t") && KEYS.iter().any(|known| key.ends_with(known))
}

/// The string literals and numbers of the statement at `from`; says where it ends.
pub(super) fn literals(text: &[u8], from: usize, found: &mut Vec<Finding>) -> usize {
    let (start, end) = match value::quoted(text, from).filter(|_| after(text, from) != b'\'') {
        Some(quoted) => (quoted.start, quoted.end),
        None => (from, bare_end(text, from)),
    };
    let statement = &text[..end];
    let mut at = start;
    loop {
        at = run(statement, at, |byte| byte != b'\'' && !is(byte, DIGIT));
        if at >= end {
            return end;
        }
        if is(statement[at], DIGIT) {
            let close = run(statement, at, |byte| alnum(byte) || matches!(byte, b'.' | b'_'));
            if is_literal(statement, at, close, start) {
                found.push(Finding::new(Kind::KeyedPii, Severity::Likely, at..close));
            }
            at = close;
            continue;
        }
        // Inside, two quotes are one.
        let quote = at;
        let mut close = quote + 1;
        loop {
            close = run(statement, close, |byte| byte != b'\'');
            if after(statement, close + 1) != b'\'' || close + 1 >= end {
                break;
            }
            close += 2;
        }
        if close.min(end) > quote + 1 && !value::is_placeholder(&statement[quote + 1..close.min(end)]) {
            found.push(Finding::new(Kind::KeyedPii, Severity::Likely, quote + 1..close.min(end)));
        }
        at = (close + 1).min(end);
    }
}

/// How far back a string is looked for that a statement without quotes of its own may stand in.
const STRING: usize = 256;

/// Where the statement at `from` ends that is not quoted: with its line, or with the string of JSON that it is a part of, which
/// goes on with a comma or a bracket. Where that cannot be told, with its line.
fn bare_end(text: &[u8], from: usize) -> usize {
    let line = run_back(text, from, STRING, |byte| byte != b'\n');
    let is_whole = line == 0 || before(text, line) == b'\n';
    // Backslashes before a quote: none in JSON, one in a string inside it, three in a string inside that.
    let depth = |quote: usize| quote - run_back(text, quote, 8, |byte| byte == b'\\');
    // A bit for each depth at which a string is open; one that closes closes what is open inside.
    let mut strings = 0u32;
    for quote in (line..from).filter(|at| text[*at] == b'"') {
        let string = 1 << depth(quote);
        strings = if strings & string != 0 { strings & (string - 1) } else { strings | string };
    }
    let open = strings.checked_ilog2().map(|depth| depth as usize);
    let end = run(text, from, |byte| byte != b'\n');
    let Some(open) = open.filter(|_| is_whole) else { return end };
    let mut at = from;
    loop {
        at = run(&text[..end], at, |byte| byte != b'"');
        let goes_on = matches!(after(text, at + 1), b',' | b'}' | b']' | b')' | b'"' | b'\\' | 0 | b'\n');
        if at == end || depth(at) <= open && goes_on {
            return at - if at < end { depth(at).min(at - from) } else { 0 };
        }
        at += 1;
    }
}

/// Whether a number is one that somebody wrote, and not a part of a name, a parameter, or how many rows are wanted.
fn is_literal(statement: &[u8], at: usize, end: usize, start: usize) -> bool {
    const SIZES: [&[u8]; 6] = [b"limit", b"offset", b"top", b"first", b"next", b"fetch"];
    let prior = before(statement, at);
    let named = alnum(prior) || matches!(prior, b'_' | b'$' | b':' | b'@' | b'?' | b'.' | b'"' | b'`' | b'#' | b'\\');
    let word_end = run_back(statement, at, 2, |byte| is(byte, SPACE));
    let word = run_back(&statement[..word_end], word_end, 8, |byte| is(byte, LETTER)).max(start);
    let size = word < word_end && SIZES.iter().any(|size| statement[word..word_end].eq_ignore_ascii_case(size));
    // A single digit is a switch or the `1` of a query that only asks whether somebody is there.
    end - at >= 2 && !named && !size && statement[at..end].iter().all(|byte| is(*byte, DIGIT) || *byte == b'.')
}

/// `PASSWORD 'hunter2'`, `IDENTIFIED BY 'hunter2'`
pub(super) fn find_passwords(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    const WORDS: [&[u8]; 6] = [b"password", b"identified by", b"passphrase", b"pwd", b"password is", b"passphrase is"];
    let text = anchors.text;
    let mut quotes = anchors.all(Class::Escape);
    while let Some(quote) = quotes.next() {
        if text[quote] != b'\'' {
            continue;
        }
        let open = run_back(text, quote, 8, |byte| byte == b'\\');
        let word = run_back(text, open, 4, |byte| is(byte, SPACE));
        if word == open
            || !WORDS
                .iter()
                .any(|known| word.checked_sub(known.len()).is_some_and(|start| starts_with(text, start, known)))
        {
            continue;
        }
        if let Some(value) = value::quoted(text, open)
            && !value::is_placeholder(&text[value.start..value.end])
            && (!words::is_status(&text[value.start..value.end]) || words::is_everyday(&text[value.start..value.end]))
            && !text[value.start..value.end].iter().any(|byte| is(*byte, SPACE))
            && value.end - value.start <= 128
            && find_bytes(&text[value.start..value.end], 0, b"::").is_none()
            && before(text, word) != b'.'
        {
            found.push(Finding::new(Kind::KeyedSecret, Severity::Likely, value.start..value.end));
            quotes.pass(value.next);
        }
    }
}
