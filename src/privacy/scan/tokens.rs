//! Secrets that are known by their own looks: vendor keys, JSON web tokens, `Bearer` and `Basic`, PEM, wallets.

use super::bytes::{DIGIT, JOINT, LETTER, SPACE, after, alnum, before, find as find_bytes, is, run, run_back};
use super::profile::TOKEN;
use super::value::is_placeholder;
use super::{Finding, Kind, Severity, vendors, wallet};

pub(super) fn find(text: &[u8], found: &mut Vec<Finding>) {
    let piece = |byte: u8| is(byte, LETTER | DIGIT | JOINT) || byte == b'.';
    let mut at = 0;
    while at < text.len() {
        if !piece(text[at]) {
            at += 1;
            continue;
        }
        let end = run(text, at, piece);
        if end - at >= TOKEN {
            at = long(text, at, end, found).max(end);
        } else {
            let len = end - at;
            if (len == 6 || len == 5) && after(text, end) == b' ' {
                at = scheme(text, at, end, found);
            } else if len == 2 && text[at..end] == *b"SK" {
                at = end;
            } else {
                at = slashed(text, at, end, found).unwrap_or(end);
            }
        }
    }
}

/// Looks into a run of at least [`TOKEN`] bytes; says where it went on to.
fn long(text: &[u8], start: usize, end: usize, found: &mut Vec<Finding>) -> usize {
    let mut at = start;
    while at < end {
        // A key starts where a word does.
        if alnum(text[at]) && !alnum(before(text, at)) {
            if let Some((kind, to)) = token_at(text, at, start, end) {
                let severity = if kind == Kind::Wallet { Severity::Likely } else { Severity::Validated };
                found.push(Finding::new(kind, severity, at..to));
                at = to;
                continue;
            }
        }
        at += 1;
    }
    at
}

fn token_at(text: &[u8], at: usize, start: usize, end: usize) -> Option<(Kind, usize)> {
    if text[at..].starts_with(b"eyJ") {
        if let Some(to) = jwt(text, at) {
            return Some((Kind::Jwt, to));
        }
    }
    if let Some(to) = vendors::key_at(text, at) {
        return Some((Kind::ApiKey, to));
    }
    if at == start && before(text, at) == b':' && telegram(text, at, end) {
        return Some((Kind::ApiKey, run(text, at, |byte| is(byte, LETTER | DIGIT | JOINT))));
    }
    wallet::address(text, at).map(|to| (Kind::Wallet, to))
}

/// Prefixes that go on behind a slash, such as `discord.com/api/webhooks/`, may start in a short run.
fn slashed(text: &[u8], at: usize, end: usize, found: &mut Vec<Finding>) -> Option<usize> {
    if after(text, end) != b'/' || !matches!(text[at], b'd' | b'h') || alnum(before(text, at)) {
        return None;
    }
    let to = vendors::key_at(text, at)?;
    found.push(Finding::new(Kind::ApiKey, Severity::Validated, at..to));
    Some(to)
}

/// `123456789:AAF..`, where the part behind the colon is `at..end`.
fn telegram(text: &[u8], at: usize, end: usize) -> bool {
    let id = run_back(text, at - 1, 12, |byte| is(byte, DIGIT));
    let token = run(text, at, |byte| is(byte, LETTER | DIGIT | JOINT)).min(end) - at;
    (8..=11).contains(&(at - 1 - id))
        && (34..=36).contains(&token)
        && (!alnum(before(text, id)) || text[..id].ends_with(b"bot"))
}

/// Three parts in base64url, of which the first is a JSON object that names an algorithm.
fn jwt(text: &[u8], at: usize) -> Option<usize> {
    let part = |byte: u8| is(byte, LETTER | DIGIT | JOINT);
    let header = run(text, at, part);
    if after(text, header) != b'.' {
        return None;
    }
    let mut end = run(text, header + 1, part);
    if end - header < 5 {
        return None;
    }
    // Signature (which may be empty or cut off), and the two parts more of an encrypted token.
    for _ in 0..3 {
        if after(text, end) == b'.' && (part(after(text, end + 1)) || after(text, end + 1) == b'.') {
            end = run(text, end + 1, part);
        }
    }
    if after(text, end) == b'=' {
        end = run(text, end, |byte| byte == b'=');
    }
    let mut json = [0u8; 192];
    let len = decode(&text[at..header], &mut json);
    let json = &json[..len];
    [&b"\"alg\""[..], b"\"typ\"", b"\"enc\"", b"\"kid\""]
        .iter()
        .any(|name| find_bytes(json, 0, name).is_some())
        .then_some(end)
}

/// Decodes base64 of either alphabet into `out` and says how many bytes it wrote; stops at the first byte that is neither.
fn decode(text: &[u8], out: &mut [u8]) -> usize {
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
            len += 1;
        }
    }
    len
}

/// `Bearer` and `Basic`, and what follows them. Says where to go on.
fn scheme(text: &[u8], at: usize, end: usize, found: &mut Vec<Finding>) -> usize {
    let basic = text[at..end].eq_ignore_ascii_case(b"basic");
    if !basic && !text[at..end].eq_ignore_ascii_case(b"bearer") {
        return end;
    }
    let start = run(text, end, |byte| byte == b' ');
    let to = run(text, start, |byte| alnum(byte) || matches!(byte, b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'-'));
    let mut stop = to;
    while stop > start && text[stop - 1] == b'.' {
        stop -= 1;
    }
    let token = &text[start..stop];
    let real = if basic { is_basic(token) } else { is_bearer(token) };
    if real && !is_placeholder(token) {
        found.push(Finding::new(Kind::Bearer, if basic { Severity::Validated } else { Severity::Likely }, start..stop));
        return stop;
    }
    end
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
pub(super) fn find_pem(text: &[u8], found: &mut Vec<Finding>) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut from = 0;
    while let Some(start) = find_bytes(text, from, BEGIN) {
        from = start + BEGIN.len();
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
        from = end;
        found.push(Finding::new(Kind::Pem, Severity::Validated, start..end));
    }
}
