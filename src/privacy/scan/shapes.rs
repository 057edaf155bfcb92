//! Keys without a prefix of their own, known by how their parts are put together.

use super::bytes::{DIGIT, HEX, JOINT, LETTER, after, alnum, before, find, head, is, run, run_back};

/// The key that a run of `[A-Za-z0-9_.-]` is or is a part of, as where it starts and ends.
pub(super) fn key(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let whole = &text[start..end];
    let found = telegram(text, start, end)
        .or_else(|| is_hook(text, start, end).then_some((start, end)))
        .or_else(|| google_refresh(text, start, end))
        .or_else(|| behind_ids(text, start, end));
    if found.is_some() {
        return found;
    }
    let mut trimmed = end;
    while before(text, trimmed) == b'.' && trimmed > start {
        trimmed -= 1;
    }
    let whole = &whole[..trimmed - start];
    (is_mailchimp(whole) || is_dotted(whole) || is_signed(whole)).then_some((start, trimmed))
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

/// New Relic's `36 hex NRAL`, and the marks that Azure puts at fixed places of its keys: AI Search, DevOps, Functions.
fn is_signed(key: &[u8]) -> bool {
    let marked = |at: usize, mark: &[u8]| key.get(at..).is_some_and(|rest| rest.starts_with(mark));
    let digit = || key.iter().any(u8::is_ascii_digit);
    match key.len() {
        40 => marked(36, b"NRAL") && key[..36].iter().all(|byte| is(*byte, HEX)),
        52 => marked(42, b"AzSe") && digit(),
        54 => marked(44, b"AzFu") && digit(),
        84 => (marked(76, b"AZDO") || marked(52, b"JQQJ9")) && digit(),
        _ => false,
    }
}

/// `1/1105349499579483:32 hex` (Asana), `access_token$production$16$32 hex` (Braintree), of which the run holds the last part.
fn behind_ids(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    if !matches!(before(text, start), b':' | b'$') {
        return None;
    }
    let to = run(text, start, |byte| is(byte, HEX)).min(end);
    if to - start != 32 || is(after(text, to), LETTER | DIGIT) {
        return None;
    }
    let from = match before(text, start) {
        b':' => {
            let from = run_back(text, start - 1, 48, |byte| is(byte, DIGIT) || byte == b'/');
            let ids = &text[from..start - 1];
            let long = |id: &[u8]| (13..=19).contains(&id.len());
            let mut parts = ids.split(|byte| *byte == b'/');
            let version = matches!(parts.next(), Some(b"1" | b"2"));
            (version && parts.next().is_some_and(long) && parts.all(long)).then_some(from)?
        }
        b'$' => {
            let from = run_back(text, start, 64, |byte| alnum(byte) || matches!(byte, b'_' | b'$'));
            text[from..start].starts_with(b"access_token$").then_some(from)?
        }
        _ => return None,
    };
    (!alnum(before(text, from))).then_some((from, to))
}

/// `L571Q~` and 31 to 34 more: a client secret of Microsoft Entra, given the place behind one of its tildes.
pub(super) fn azure_secret(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let part = |byte: u8| word(byte) || matches!(byte, b'.' | b'~');
    let from = run_back(text, at, 48, part);
    let mut to = run(head(text, at, 48), at, part);
    while matches!(before(text, to), b'.' | b'-') && to > at {
        to -= 1;
    }
    // Something may be glued to it, so each place that may be its first is tried.
    let mark =
        (from..at).find(|mark| text[*mark..].starts_with(b"Q~") && *mark >= from + 4 && is(text[mark - 1], DIGIT))?;
    let first = mark - 4;
    let whole = !alnum(before(text, first)) && (31..=40).contains(&(to - mark - 2));
    let random =
        text[first..to].iter().any(u8::is_ascii_lowercase) && text[mark + 2..to].iter().any(u8::is_ascii_uppercase);
    (whole && random).then_some((first, to))
}

/// Hosts of hooks, whose addresses are secrets from here on.
const HOOKS: [(&[u8], &[u8]); 10] = [
    (b".webhook.office.com", b"/webhookb2/"),
    (b"outlook.office.com", b"/webhook/"),
    (b"outlook.office365.com", b"/webhook/"),
    (b"hooks.zapier.com", b"/hooks/catch/"),
    (b"hooks.airtable.com", b"/workflows/"),
    (b"open.feishu.cn", b"/open-apis/bot/v2/hook/"),
    (b"open.larksuite.com", b"/open-apis/bot/v2/hook/"),
    (b"events.pagerduty.com", b"/integration/"),
    (b"hook.eu1.make.com", b"/"),
    (b"hook.us1.make.com", b"/"),
];

/// The secret part of the address whose host ends at `end`.
pub(super) fn hook(text: &[u8], end: usize) -> Option<(usize, usize)> {
    let (_, path) = HOOKS.iter().find(|(host, path)| text[..end].ends_with(host) && text[end..].starts_with(path))?;
    let from = end + path.len();
    let to = run(head(text, from, 512), from, |byte| word(byte) || matches!(byte, b'/' | b'@' | b'.' | b'%' | b'~'));
    let to = if before(text, to) == b'.' { to - 1 } else { to };
    (to >= from + 12).then_some((from, to))
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
