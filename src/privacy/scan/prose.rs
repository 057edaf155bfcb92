//! Whether what stands behind `key: ` in a sentence is a value: there it must look like one.

use super::bytes::{DIGIT, HIGH, LETTER, after, alnum, before, head, is, run, run_back};
use super::code::{is_call, is_code, is_expression, is_mixed, is_slashed};
use super::judge::{is_address, is_hook, is_local, is_numbered, is_serial, is_verb, street};
use super::key::KEY;
use super::words::is_status;
use super::{dates, value, words};
use crate::privacy::keys::{self, KeyInText, TextRule};

/// After `key: ` in a sentence a value must look like one.
pub(super) fn prose_counts(text: &[u8], start: usize, end: usize, rule: KeyInText) -> bool {
    let value = &text[start..end];
    // `oauth: grant_type=client_credentials`
    if value::is_key(text, start)
        && after(text, run(text, start, |byte| byte != b'=' && byte != b':')) == b'='
        && !is_padded(text, start, end)
    {
        return false;
    }
    let digits = words::digits(value);
    let word = words::is_word(value);
    let goes_on = goes_on(text, end);
    match rule.text {
        TextRule::Password if word => !goes_on && !is_verb(value) && !words::is_type(value) && value.len() >= 3,
        TextRule::Password => {
            (!is_code(value) || is_slashed(value))
                && !is_expression(value)
                && !is_call(text, start, end)
                && !words::is_type(value)
        }
        TextRule::Token | TextRule::Cookie => {
            words::is_made_up(value) && !words::is_camel(value) && (!is_code(value) || is_mixed(value))
                || is_slashed(value)
                || is_hook(value) && is_strict_hook(value)
                || is_strewn(value)
                || is_numbered_word(value)
        }
        TextRule::Digits => digits >= 3 && !is_code(value) && !is_address(value) || is_serial(value),
        TextRule::Phone => {
            digits >= 5
                || (digits >= 1 && value[0] == b'+')
                || value[0] == b'('
                || (digits >= 3 && words::digits(&text[start..text.len().min(start + 16)]) >= 7)
        }
        TextRule::Date => {
            digits >= 4
                || words::digits(&text[start..text.len().min(start + 16)]) >= 5
                || value[0].is_ascii_uppercase() && dates::whole(text, start, end) > end
        }
        TextRule::Geo => digits >= 3 && value.contains(&b'.') && !words::has_letter(value),
        TextRule::Serial => is_numbered(value),
        TextRule::Name => {
            let capital = text[start].is_ascii_uppercase() || is(text[start], HIGH);
            !is_code(value)
                && (capital
                    || !goes_on
                        && (digits > 0
                            || value.iter().any(|byte| matches!(byte, b'_' | b'.' | b'-'))
                            || value.len() <= 16))
        }
        TextRule::Data => {
            !is_code(value)
                && (digits >= 3
                    || digits > 0 && street(text, start, end)
                    || text[start].is_ascii_uppercase() && !goes_on
                    || is_proper(text, start, end))
        }
        // Also in a list: `a=1, religion: none, b=2`.
        TextRule::Weak => {
            street(text, start, end) || after(text, end) == b',' && listed(text, end + 1) && !is_code(value)
        }
        TextRule::Person => {
            street(text, start, end)
                || after(text, end) == b',' && listed(text, end + 1) && !is_code(value)
                || is_proper(text, start, end)
                || is_handle(text, start, end)
        }
        TextRule::Host if is_handle(text, start, end) => true,
        TextRule::Host => {
            (value.contains(&b'.')
                || value.contains(&b'-') && (digits > 0 || !value.iter().any(u8::is_ascii_lowercase)))
                && words::has_letter(value)
                && !is_code(value)
                && !is_address(value)
                && !is_local(value)
        }
        TextRule::Id => digits >= 1 && !is_code(value),
        TextRule::Never | TextRule::File | TextRule::Addr | TextRule::Mail => false,
    }
}

/// `incorrect for user`: a sentence goes on.
pub(super) fn goes_on(text: &[u8], end: usize) -> bool {
    after(text, end) == b' ' && is(after(text, end + 1), LETTER) && !value::is_key(text, end + 1)
}

/// Whether a sign in the value is base64's or the secret's own, and no word stands left of it: `grant_type=code`.
pub(super) fn is_padded(text: &[u8], start: usize, end: usize) -> bool {
    let sign = run(&text[..end], start, |byte| !matches!(byte, b'=' | b':'));
    let rest = run(&text[..end], sign, |byte| byte == b'=');
    let (left, right) = (&text[start..sign], &text[rest..end]);
    let right = &right[..right.len() - right.iter().rev().take_while(|byte| **byte == b'=').count()];
    sign < end
        && (rest == end
            || rest > sign + 1
            || left.iter().any(|byte| is(*byte, DIGIT))
            || words::is_unordered(left)
            || words::is_unordered(right))
}

/// `Marchetti`, `Fatima Ibrahimović`, `Hauptstraße 95`: a capitalised word that is no type, and behind which no sentence goes on.
fn is_proper(text: &[u8], start: usize, end: usize) -> bool {
    const PREFIXES: &[&[u8]] = words!("Mc" "Mac" "De" "Di" "Du" "La" "Le" "Van" "Von" "Fitz");
    let value = &text[start..end];
    let body = PREFIXES.iter().find_map(|prefix| value.strip_prefix(*prefix)).unwrap_or(value);
    let hump = body.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let shout = value.iter().all(u8::is_ascii_uppercase);
    let whole = value::words(text, end, true);
    value[0].is_ascii_uppercase()
        && value.len() >= 3
        && value.iter().all(|byte| is(*byte, LETTER | HIGH) || matches!(byte, b'-' | b'\''))
        && !(hump || shout || is_verb(value) || words::is_type(value) || keys::is_named(value))
        && (!goes_on(text, whole) || after(text, end + 1).is_ascii_uppercase() && whole > end)
        // `LOGIN: Client "10.0.0.1"`
        && !(after(text, whole) == b' ' && matches!(after(text, whole + 1), b'"' | b'\\'))
}

/// `ingrid_fitzgerald`, `rosalinds-mbp`, `rokonkwo77`, where it and its key are a whole line: words joined or a word with a number, none of
/// which reports on anything.
fn is_handle(text: &[u8], start: usize, end: usize) -> bool {
    let value = &text[start..end];
    let mut words = value.split(|byte| matches!(byte, b'_' | b'-' | b'.'));
    let plain = |word: &[u8]| {
        let letters = &word[..word.iter().take_while(|byte| is(**byte, LETTER)).count()];
        word.iter().all(|byte| is(*byte, LETTER | DIGIT))
            && !(is_status(letters) || is_verb(letters) || words::is_type(letters) || words::is_sort(letters))
            && !keys::is_named(letters)
    };
    let joined = words.clone().count() > 1 && words.clone().all(|word| word.len() >= 2);
    let line = run_back(text, start, KEY, |byte| byte != b'\n');
    let key = run_back(text, start, 4, |byte| matches!(byte, b' ' | b':'));
    matches!(after(text, end), 0 | b'\n' | b'\r')
        && (joined || words::digits(value) >= 2)
        && value.len() >= 6
        && value[0].is_ascii_lowercase()
        && words.all(plain)
        && (line == 0 || before(text, line) == b'\n')
        && text[line..key].iter().all(|byte| is(*byte, LETTER) || matches!(byte, b'>' | b' ' | b'<'))
        && !text[line..key].trim_ascii().contains(&b' ')
}

/// Whether the end of a hook's address is in such disorder that no page is named so.
fn is_strict_hook(value: &[u8]) -> bool {
    let last = value.rsplit(|byte| matches!(byte, b'/' | b'=')).next().unwrap_or_default();
    last.len() >= 16 && words::digits(last) > 0 && words::is_unordered(last)
}

/// `nUCWW"AMxP`: letters in no order around a sign that no word has inside.
fn is_strewn(value: &[u8]) -> bool {
    let mut parts =
        value.split(|byte| matches!(byte, b'"' | b'!' | b'$' | b'^' | b'*' | b'%' | b'~' | b'#' | b'?' | b'+'));
    value.len() >= 8
        && parts.clone().count() > 1
        && parts.clone().all(|part| part.iter().all(|byte| alnum(*byte)))
        && parts.any(words::is_unordered)
}

/// `Пароль4366`: a word of another script, and a number behind it.
fn is_numbered_word(value: &[u8]) -> bool {
    let word = value.iter().take_while(|byte| is(**byte, HIGH)).count();
    word >= 6 && value.len() - word >= 3 && value[word..].iter().all(|byte| is(*byte, DIGIT))
}

/// Whether ` key=` follows.
fn listed(text: &[u8], from: usize) -> bool {
    let key = run(head(text, from, 4), from, |byte| byte == b' ');
    value::is_key(text, key) && after(text, run(text, key, |byte| byte != b'=' && byte != b':')) == b'='
}
