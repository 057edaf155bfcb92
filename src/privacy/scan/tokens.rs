//! Secrets that are known by their own looks: vendor keys, JSON web tokens, `Bearer` and `Basic`, PEM, wallets.

use super::anchors::Anchors;
use super::bytes::{
    DIGIT, HEX, JOINT, LETTER, SPACE, after, alnum, before, find as find_bytes, is, run, run_back, starts_with,
};
use super::classes::{Block, Class};
use super::profile::{RUN, TOKEN};
use super::starts::{ahead, long_runs};
use super::value::is_placeholder;
use super::{Finding, Kind, Severity, crypt, net, printed, shapes, vendors, wallet};

/// The places of a block from which at least [`RUN`] bytes are of `[A-Za-z0-9_.-]`.
#[inline]
pub(super) fn runs(blocks: &[Block], block: usize) -> u64 {
    long_runs(blocks, block, |block| block[Class::Token as usize] | block[Class::Mark as usize])
}

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    // What other detectors found does not matter here.
    let known = found.len();
    let text = anchors.text;
    let mut runs = anchors.long_runs();
    loop {
        let floor = runs.from();
        let Some((start, end)) = runs.next() else { break };
        // Base64 has signs that end a run, and a key's prefix may stand before them.
        if matches!(before(text, start), b'+' | b'/')
            && has_capital(&text[start..start + RUN])
            && let Some((first, last, severity)) = prefixed(text, floor, start)
        {
            found.push(Finding::new(Kind::ApiKey, severity, first..last));
            runs.pass(last);
            continue;
        }
        // In a path there is seldom a capital.
        let parted = before(text, start) == b'$' || before(text, start) == b'/' && has_capital(&text[start..end]);
        if parted && let Some((first, last)) = crypt::hash(text, start) {
            found.push(Finding::new(Kind::KeyedSecret, Severity::Validated, first..last));
            runs.pass(last);
            continue;
        }
        runs.pass(end);
        if end - start == 12 && net::is_bare_mac(text, start, end) {
            found.push(Finding::new(Kind::Mac, Severity::Contextual, start..end));
            continue;
        }
        if is_uuid(&text[start..end]) && !is_scheme(&text[..start]) {
            continue;
        }
        if before(text, start) == b'~'
            && let Some((first, last)) = shapes::azure_secret(text, start)
        {
            found.push(Finding::new(Kind::ApiKey, Severity::Validated, first..last));
            runs.pass(last);
            continue;
        }
        if after(text, end) == b'/'
            && matches!(text[end - 1], b'm' | b'n')
            && let Some((first, last)) = shapes::hook(text, end)
        {
            found.push(Finding::new(Kind::ApiKey, Severity::Validated, first..last));
        }
        // The dots behind a token are in its run, and none of it.
        let end = scheme(text, start, found).unwrap_or(end);
        if end - start >= TOKEN && found[known..].last().is_none_or(|last| last.end <= start) {
            runs.pass(long(text, start, end, found));
        } else if matches!(after(text, end), b'+' | b'/')
            && has_capital(&text[start..end])
            && let Some((first, last, severity)) = prefixed(text, start, end)
        {
            found.push(Finding::new(Kind::ApiKey, severity, first..last));
            runs.pass(last);
        }
    }
}

/// Whether there is a capital, as there is in base64 and seldom in a path.
fn has_capital(run: &[u8]) -> bool {
    run.iter().any(u8::is_ascii_uppercase)
}

/// The key in base64 whose prefix stands between `floor` and its first long run, which starts at `run`.
fn prefixed(text: &[u8], floor: usize, run: usize) -> Option<(usize, usize, Severity)> {
    let base64 = |byte: u8| alnum(byte) || matches!(byte, b'+' | b'/' | b'_' | b'-');
    let start = run_back(text, run, (run - floor).min(64), base64);
    if !alnum(text[start]) || alnum(before(text, start)) {
        return None;
    }
    let (end, severity) = vendors::key_at(text, start).filter(|(end, _)| *end > run)?;
    Some((vendors::with_scheme(text, start), end, severity))
}

/// `Bearer `
fn is_scheme(left: &[u8]) -> bool {
    left.last() == Some(&b' ') && left.len() > 6 && starts_with(left, left.len() - 7, b"bearer ")
}

/// The one long run that logs are full of.
pub(super) fn is_uuid(run: &[u8]) -> bool {
    run.len() == 36
        && [8, 13, 18, 23].iter().all(|at| run[*at] == b'-')
        && run.iter().all(|byte| is(*byte, HEX) || *byte == b'-')
}

/// Looks into a run of at least [`TOKEN`] bytes; says where it went on to.
fn long(text: &[u8], start: usize, end: usize, found: &mut Vec<Finding>) -> usize {
    let mut at = start;
    if let Some((from, to)) = shapes::key(text, start, end) {
        found.push(Finding::new(Kind::ApiKey, Severity::Validated, from..to));
        at = to;
    }
    // Behind the last of them there is no key, and before this place no JSON web token. Without one there is nothing.
    let Some(last) = text[at..end].iter().rposition(|byte| is(*byte, DIGIT) || byte.is_ascii_uppercase()) else {
        return at;
    };
    let last = at + last;
    let mut barren = at;
    while at < end {
        if !alnum(text[at]) {
            at += 1;
            continue;
        }
        // A key starts where a word does.
        if !alnum(before(text, at))
            && let Some((kind, severity, to)) = token_at(text, at, last, &mut barren)
        {
            let first = if kind == Kind::ApiKey { vendors::with_scheme(text, at) } else { at };
            found.push(Finding::new(kind, severity, first..to));
            at = to.max(at + 1);
            continue;
        }
        at = run(&text[..end], at, alnum);
    }
    at
}

fn token_at(text: &[u8], at: usize, last: usize, barren: &mut usize) -> Option<(Kind, Severity, usize)> {
    if at >= *barren && is_token_header(text, at) {
        match jwt(text, at) {
            Ok(to) => return Some((Kind::Jwt, Severity::Validated, to)),
            Err(to) => *barren = to,
        }
    }
    if at <= last
        && let Some((to, severity)) = vendors::key_at(text, at)
    {
        return Some((Kind::ApiKey, severity, to));
    }
    if let Some(to) = printed::token(text, at) {
        return Some((Kind::NationalId, Severity::Validated, to));
    }
    wallet::find(text, at)
}

/// Whether base64 of a JSON object that names an algorithm begins here.
fn is_token_header(text: &[u8], at: usize) -> bool {
    // A brace and what may follow it: `{"`, `{ "` or a line break.
    if text[at] != b'e' || !matches!(after(text, at + 1), b'w'..=b'z') {
        return false;
    }
    let mut json = [0u8; 192];
    let len = decode(&text[at..], &mut json);
    let json = &json[..len];
    json.starts_with(b"{")
        && [&b"\"alg\""[..], b"\"typ\"", b"\"enc\"", b"\"kid\""].iter().any(|name| find_bytes(json, 0, name).is_some())
}

/// Where the three or five parts in base64url end, of which the first begins at `at`; or up to where there are none.
fn jwt(text: &[u8], at: usize) -> Result<usize, usize> {
    let part = |byte: u8| is(byte, LETTER | DIGIT | JOINT);
    let header = run(text, at, part);
    if after(text, header) != b'.' {
        return Err(header);
    }
    let mut end = run(text, header + 1, part);
    if end - header < 5 {
        return Err(header);
    }
    // Signature (which may be empty or cut off), and the two parts more of an encrypted token.
    for _ in 0..3 {
        if after(text, end) == b'.' && (part(after(text, end + 1)) || after(text, end + 1) == b'.') {
            end = run(text, end + 1, part);
        }
    }
    Ok(run(text, end, |byte| byte == b'='))
}

/// Decodes base64 of either alphabet into `out` and says how many bytes it wrote; stops where it is neither, or no text.
pub(super) fn decode(text: &[u8], out: &mut [u8]) -> usize {
    let (mut bits, mut count, mut len) = (0u32, 0, 0);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            let Some(slot) = out.get_mut(len) else { break };
            *slot = (bits >> count) as u8;
            if *slot == 0x7f || *slot < b' ' && !matches!(*slot, b'\n' | b'\r' | b'\t') {
                break;
            }
            len += 1;
        }
    }
    len
}

/// How far before the first run of a token behind `Bearer` it may begin: base64 has signs that end a run.
const SCHEMED: usize = 40;

/// How far from its scheme a token may stand: in a column, or on the next line of a header.
const GAP: usize = 8;

/// Whether a token may stand so far from its scheme, and is no cell of a table and no key below: on another line it is indented, and
/// all that it is made of is random.
fn stands_off(gap: &[u8], token: &[u8], next: u8) -> bool {
    let folded = gap.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    let indented = gap.last().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    let lines = gap.iter().filter(|byte| **byte == b'\n').count();
    let random = token.len() >= 16
        && token.iter().any(u8::is_ascii_digit)
        && token.iter().any(u8::is_ascii_alphabetic)
        && (token.iter().any(u8::is_ascii_uppercase) || !token.contains(&b'-'));
    !gap.contains(&b'+') && random && !matches!(next, b':' | b'(') && (!folded || indented && lines == 1)
}

/// What stands behind `Bearer` or `Basic`, given a place inside its first run. Says where it ends.
fn scheme(text: &[u8], at: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let token = |byte: u8| alnum(byte) || matches!(byte, b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'-');
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    // Nearly always the run is the token, and another word stands before.
    if blank(before(text, at)) && !matches!(before(text, run_back(text, at, GAP, blank)), b'c' | b'r' | b'C' | b'R') {
        return None;
    }
    let mut start = run_back(text, at, SCHEMED, token);
    // In a query a plus is the blank.
    if let Some(plus) = text[start..at].iter().position(|byte| *byte == b'+')
        && matches!(text[start..start + plus].to_ascii_lowercase().as_slice(), b"bearer" | b"basic")
    {
        start += plus + 1;
    }
    let gap = run_back(text, start, GAP, |byte| blank(byte) || byte == b'+');
    let word = &text[..gap];
    if gap == start {
        return None;
    }
    let basic = word.len() >= 5 && starts_with(word, word.len() - 5, b"basic");
    let bearer = word.len() >= 6 && starts_with(word, word.len() - 6, b"bearer");
    if !(basic || bearer) {
        return None;
    }
    let mut end = run(text, at, token);
    while before(text, end) == b'.' {
        end -= 1;
    }
    if end <= at {
        // The run is the dots behind it.
        return None;
    }
    let value = text.get(start..end)?;
    if !matches!(text[gap..start], [b' ' | b'+']) && !stands_off(&text[gap..start], value, after(text, end)) {
        return None;
    }
    if !(if basic { is_basic(value) } else { is_bearer(value) }) || is_placeholder(value) {
        return None;
    }
    found.push(Finding::new(Kind::Bearer, if basic { Severity::Validated } else { Severity::Likely }, start..end));
    Some(end)
}

/// Base64 of `user:password`.
pub(super) fn is_basic(token: &[u8]) -> bool {
    let mut decoded = [0u8; 96];
    let len = decode(token, &mut decoded);
    let decoded = &decoded[..len];
    token.len() >= 8 && decoded.contains(&b':') && decoded.iter().all(|byte| *byte >= b' ' && *byte != 0x7f)
}

/// A made-up word: with a digit, or long and in both cases.
pub(super) fn is_bearer(token: &[u8]) -> bool {
    let digit = token.iter().any(u8::is_ascii_digit);
    let mixed = token.iter().any(u8::is_ascii_uppercase) && token.iter().any(u8::is_ascii_lowercase);
    // `Bearer error=..` and `Bearer realm=..` are a server's answer.
    let parameter =
        token.iter().position(|byte| *byte == b'=').is_some_and(|at| token[at..].iter().any(|byte| *byte != b'='));
    !parameter && (digit && token.len() >= 6 || mixed && token.len() >= 16 || token.len() >= 24)
}

/// Private keys, from their first line to their last, or as far as they go.
pub(super) fn find_pem(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let text = anchors.text;
    let mark = |block: &Block| block[Class::Mark as usize];
    let mut dashes = anchors
        .places(move |blocks, block| (1..5).fold(mark(&blocks[block]), |all, by| all & ahead(blocks, block, by, mark)));
    while let Some(start) = dashes.next() {
        if !text[start..].starts_with(BEGIN) {
            continue;
        }
        let from = start + BEGIN.len();
        dashes.pass(from);
        let label = run(text, from, |byte| byte.is_ascii_uppercase() || is(byte, DIGIT) || byte == b' ');
        if find_bytes(&text[from..label], 0, b"PRIVATE KEY").is_none() {
            continue;
        }
        let body = run(text, label, |byte| {
            alnum(byte)
                || is(byte, SPACE)
                || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'\\' | b':' | b',' | b'.' | b'*' | b'_')
        });
        let end = match find_bytes(&text[..body], label, b"-----END ") {
            Some(last) => {
                let label = run(text, last + 9, |byte| byte.is_ascii_uppercase() || is(byte, DIGIT) || byte == b' ');
                run(text, label, |byte| byte == b'-')
            }
            None => body,
        };
        let mut end = end;
        while end > label && matches!(text[end - 1], b'\\' | b' ' | b'\n') {
            end -= 1;
        }
        dashes.pass(end);
        found.push(Finding::new(Kind::Pem, Severity::Validated, start..end));
    }
}
