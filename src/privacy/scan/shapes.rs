//! Keys without a prefix of their own, known by how their parts are put together.

use super::bytes::{DIGIT, HEX, JOINT, LETTER, alnum, before, find, is, run, run_back};

/// The key that a run of `[A-Za-z0-9_.-]` is or is a part of, as where it starts and ends.
pub(super) fn key(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let whole = &text[start..end];
    let found = telegram(text, start, end)
        .or_else(|| is_hook(text, start, end).then_some((start, end)))
        .or_else(|| google_refresh(text, start, end));
    if found.is_some() {
        return found;
    }
    let mut trimmed = end;
    while before(text, trimmed) == b'.' && trimmed > start {
        trimmed -= 1;
    }
    let whole = &whole[..trimmed - start];
    (is_mailchimp(whole) || is_dotted(whole)).then_some((start, trimmed))
}

fn word(byte: u8) -> bool {
    is(byte, LETTER | DIGIT | JOINT)
}

/// `hex-us21`
fn is_mailchimp(key: &[u8]) -> bool {
    let centre = key.get(32..).and_then(|rest| rest.strip_prefix(b"-us")).unwrap_or_default();
    matches!(centre.len(), 1..=2)
        && centre.iter().all(u8::is_ascii_digit)
        && key[..32].iter().all(|byte| is(*byte, HEX))
}

/// Parts between dots: Terraform's `14.atlasv1.60`, Airtable's `pat14.64`, Discord's `id.6.27`.
fn is_dotted(key: &[u8]) -> bool {
    let mut parts = key.split(|byte| *byte == b'.');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    match third {
        None => {
            first.len() == 17
                && first.starts_with(b"pat")
                && second.len() == 64
                && second.iter().all(u8::is_ascii_hexdigit)
        }
        Some(third) if parts.next().is_none() => {
            second == b"atlasv1" && first.len() == 14 && third.len() >= 50
                || (5..=8).contains(&second.len())
                    && (25..=60).contains(&third.len())
                    && (23..=28).contains(&first.len())
                    && is_number_in_base64(first)
        }
        Some(_) => false,
    }
}

/// Discord's tokens begin with their owner's number.
fn is_number_in_base64(text: &[u8]) -> bool {
    let mut decoded = [0; 32];
    let len = super::tokens::decode(text, &mut decoded);
    len >= 17 && decoded[..len].iter().all(u8::is_ascii_digit)
}

/// `123456789:AAF..`, also behind `bot`; the run holds the part behind the colon.
fn telegram(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    if before(text, start) != b':' {
        return None;
    }
    let id = run_back(text, start - 1, 12, |byte| is(byte, DIGIT));
    let to = run(text, start, word).min(end);
    let right = (8..=11).contains(&(start - 1 - id)) && (34..=36).contains(&(to - start));
    (right && (!alnum(before(text, id)) || text[..id].ends_with(b"bot"))).then_some((id, to))
}

/// The last part of `discord.com/api/webhooks/123/TOKEN` or `hooks.slack.com/services/T1/B1/TOKEN`.
fn is_hook(text: &[u8], start: usize, end: usize) -> bool {
    let left = &text[start.saturating_sub(64)..start];
    end - start >= 20
        && before(text, start) == b'/'
        && (find(left, 0, b"/api/webhooks/").is_some() || find(left, 0, b"hooks.slack.com/").is_some())
}

/// `1//0g..`
fn google_refresh(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let long = end - start >= 40 && text[start] == b'0' && text[..start].ends_with(b"1//");
    (long && !alnum(before(text, start - 3))).then(|| (start - 3, run(text, start, word).min(end)))
}
