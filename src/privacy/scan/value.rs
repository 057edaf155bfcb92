//! What a value beside a key is: where it ends, and whether it is one at all rather than a word of the sentence.

use super::bytes::{DIGIT, HIGH, LETTER, SPACE, WordSet, after, alnum, before, char_at, head, is, run};
use super::words::{digits, has_letter, is_made_up, is_no_word, is_oddly_cased, is_status};

/// Where digits go on that are written in groups, if all of them are a number that long: `36 729 710 482`.
pub(super) fn grouped(text: &[u8], start: usize, end: usize) -> usize {
    let mut at = end;
    let mut count = digits(&text[start..end]);
    while matches!(after(text, at), b' ' | b'-') && is(after(text, at + 1), DIGIT) {
        let group = run(head(text, at, 8), at + 1, |byte| is(byte, DIGIT));
        if group - at > 7 || alnum(after(text, group)) || matches!(after(text, group), b'=' | b':' | b'.') {
            break;
        }
        count += group - at - 1;
        at = group;
    }
    if (8..=20).contains(&count) && text[start..end].iter().all(|byte| is(*byte, DIGIT)) { at } else { end }
}

/// Where the words of a wallet's seed phrase (BIP 39) end: twelve to twenty-four of three to eight small letters, and then nothing.
pub(super) fn seed_phrase(text: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut words) = (from, 0);
    while words < 25 {
        let end = run(head(text, at, 9), at, |byte| byte.is_ascii_lowercase());
        if !(3..=8).contains(&(end - at)) {
            break;
        }
        words += 1;
        if after(text, end) != b' ' || !after(text, end + 1).is_ascii_lowercase() {
            let ends = matches!(after(text, end), 0 | b'"' | b'\'' | b'\n' | b'\\' | b',' | b'}' | b')');
            return (ends && matches!(words, 12 | 15 | 18 | 21 | 24)).then_some(end);
        }
        at = end + 1;
    }
    None
}

/// Where several plain words and a made-up one end that are all there is to the end of the line: `correct horse xJnCNR`.
pub(super) fn phrase(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for words in 1..=8 {
        let end = run(head(text, at, 32), at, alnum);
        let word = &text[at..end];
        if matches!(after(text, end), 0 | b'\n' | b'\r') {
            return (words > 1 && is_no_word(word)).then_some(end);
        }
        if after(text, end) != b' ' || word.len() < 3 || !word.iter().all(u8::is_ascii_lowercase) || is_status(word) {
            return None;
        }
        at = end + 1;
    }
    None
}

/// Where a time and the signatures made with it end: `t=1746344191,v1=db06..`, `ts=1671552777;h1=eb4d..`.
pub(super) fn timed_signature(text: &[u8], from: usize) -> Option<usize> {
    let sign = from + if after(text, from + 1) == b's' { 2 } else { 1 };
    let time = run(head(text, sign, 16), sign + 1, |byte| is(byte, DIGIT));
    let mut at = time;
    while matches!(after(text, at), b',' | b';') {
        let name = run(head(text, at, 8), at + 1, alnum);
        let end = run(text, name + 1, |byte| alnum(byte) || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-'));
        if after(text, name) != b'=' || end - name <= 32 {
            break;
        }
        at = end;
    }
    (after(text, sign) == b'=' && time - sign >= 10 && at > time).then_some(at)
}

/// Whether a value stands for another that was taken out, or that a template will put in.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    static WORDS: WordSet = WordSet::of(words!(
        "null" "none" "nil" "undefined" "true" "false" "redacted" "hidden" "masked" "filtered" "removed" "n/a"
        "some" "secret(..)" "nan" "sensitive" "sensitive value" "redacted:redacted" "omitted" "sanitized"
    ));
    if is_wrapped(value) {
        return false;
    }
    let inner = match value {
        [b'<', inner @ .., b'>'] | [b'(', inner @ .., b')'] => inner,
        // `***REDACTED***`
        [b'*', b'*', inner @ .., b'*', b'*'] => {
            let start = inner.iter().take_while(|byte| matches!(byte, b'*' | b' ')).count();
            let end = inner[start..].iter().rev().take_while(|byte| matches!(byte, b'*' | b' ')).count();
            &inner[start..inner.len() - end]
        }
        [b'[', inner @ .., b']']
            if inner
                .iter()
                .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b' ' | b'*' | b'.' | b'-')) =>
        {
            return true;
        }
        _ => value,
    };
    // `[IP]:9000`
    if value.first() == Some(&b'[') && is_replaced(value) {
        return true;
    }
    match inner {
        [] => true,
        [b'{', ..] if inner.len() == value.len() && is_bracketed(value) => false,
        [b'$', b'{', ..] | [b'{', ..] | [b'%', b'(', ..] | [b'$', b'(', ..] => true,
        [b'$', rest @ ..] => {
            !rest.is_empty() && rest.iter().all(|byte| byte.is_ascii_uppercase() || is(*byte, DIGIT) || *byte == b'_')
        }
        [b'%', _] => true,
        _ if inner.len() != value.len() && value[0] == b'<' => true,
        _ if inner
            .iter()
            .all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-' | b'_' | b'?' | b'#' | 0x80..=0xff))
            && !letters_beyond_x(inner) =>
        {
            true
        }
        // `hunt****` was masked by somebody; what is left of it is not ours to judge.
        _ if inner.contains(&b'*') && inner.windows(4).any(|four| four == b"****") => true,
        // `YOUR_API_KEY`
        _ if inner.len() >= 8 && inner[..4].eq_ignore_ascii_case(b"your") && matches!(inner[4], b'_' | b'-') => {
            digits(inner) == 0
        }
        _ => WORDS.holds(inner),
    }
}

/// `{b9noS5}y98`, `[n2pe]iP3I`: brackets that a secret begins with, for no template or list goes on so.
pub(super) fn is_bracketed(value: &[u8]) -> bool {
    let Some(close) = first_bracket(value, 0) else { return false };
    let tail = run(value, close + 1, alnum);
    tail == value.len()
        && (digits(&value[close..]) > 0 || digits(&value[..close]) > 0 || is_oddly_cased(&value[1..close]))
        && has_letter(&value[close..])
}

/// `{abc123XY}`, `[fBDgfam37]`: a secret in brackets, whose letters and digits stand in less order than those of a name in a template.
fn is_wrapped(value: &[u8]) -> bool {
    matches!(value, [b'{', inner @ .., b'}'] | [b'[', inner @ .., b']'] if is_scrambled(inner))
}

/// Where the brackets around a scrambled value at `at` end, if nothing goes on behind them.
pub(super) fn wrapped(text: &[u8], at: usize) -> Option<usize> {
    let close = run(head(text, at, WRAPPED), at + 1, alnum);
    let end = close + 1;
    let ends = matches!(after(text, end), b',' | b';' | b'"' | b'\'' | b'`' | b'}' | b')' | b']' | b'\\');
    let whole = close < text.len() && is_wrapped(&text[at..end]) && (ends || is(after(text, end), SPACE));
    whole.then_some(end)
}

/// The longest value that is looked for in brackets.
const WRAPPED: usize = 80;

/// Letters of both cases and digits in no order, or letters in even less.
fn is_scrambled(value: &[u8]) -> bool {
    let class = |byte: u8| (is(byte, DIGIT), byte.is_ascii_uppercase());
    let changes = value.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
    // `123XY`, but not `2Name`.
    let odd = value
        .windows(3)
        .any(|three| is(three[0], DIGIT) && three[1].is_ascii_uppercase() && !three[2].is_ascii_lowercase());
    let cases = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    let mixed = if digits(value) > 0 {
        value.len() >= 8 && (odd || changes * 3 > value.len())
    } else {
        value.len() >= 10 && changes * 5 > value.len() * 2
    };
    cases && mixed && value.iter().all(|byte| alnum(*byte))
}

/// Where the brackets that a value at `at` begins with close, if it goes on right behind them.
pub(super) fn first_bracket(text: &[u8], at: usize) -> Option<usize> {
    let close = run(head(text, at, 32), at + 1, alnum);
    let pair = matches!((after(text, at), after(text, close)), (b'{', b'}') | (b'[', b']'));
    let goes_on = is(after(text, close + 1), LETTER | DIGIT);
    // Go's `[]uint8`, and not `[]hunter2`.
    let names_type = || {
        let word = close + 1..run(head(text, close, 64), close + 1, alnum);
        after(text, at) == b'{' || super::words::is_type(&text[word])
    };
    (pair && goes_on && !(close == at + 1 && names_type())).then_some(close)
}

/// A placeholder of ours and at most a few digits and signs.
fn is_replaced(value: &[u8]) -> bool {
    let end = run(value, 1, |byte| byte.is_ascii_uppercase() || byte == b'_');
    end > 2 && after(value, end) == b']' && digits(&value[end..]) <= 6 && !has_letter(&value[end..])
}

/// Bullets (`•••`) mask, letters of other scripts do not.
fn letters_beyond_x(value: &[u8]) -> bool {
    std::str::from_utf8(value)
        .is_ok_and(|value| value.chars().any(|letter| letter.is_alphanumeric() && !matches!(letter, 'x' | 'X')))
}

/// A quoted string: the inside, and where to go on behind the closing quote.
pub(super) struct Quoted {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) next: usize,
}

/// How far a closing quote is looked for; beyond, all the rest is the value.
const QUOTED: usize = 4096;

/// The string that opens at `at`, also with a quote escaped by one or more backslashes, as in JSON inside JSON.
pub(super) fn quoted(text: &[u8], at: usize) -> Option<Quoted> {
    let open = run(text, at, |byte| byte == b'\\');
    let slashes = open - at;
    let quote = after(text, open);
    if !matches!(quote, b'"' | b'\'' | b'`') || open >= text.len() || slashes > 7 {
        return None;
    }
    let start = open + 1;
    let ceiling = text.len().min(start + QUOTED);
    let mut seen = 0;
    for (offset, &byte) in text[start..ceiling].iter().enumerate() {
        let end = start + offset;
        if byte == b'\\' {
            seen += 1;
            continue;
        }
        let closes = if slashes == 0 { seen % 2 == 0 } else { seen <= slashes };
        if byte == quote && closes {
            let inside = if slashes == 0 { end } else { end - seen };
            return Some(Quoted { start, end: inside, next: end + 1 });
        }
        // The end of a string of JSON that the apostrophe stands in.
        if byte == b'"' && slashes == 0 && seen % 2 == 0 && matches!(after(text, end + 1), b',' | b'}' | b']') {
            return None;
        }
        seen = 0;
    }
    // An apostrophe that nothing closes is one.
    (quote == b'"').then_some(Quoted { start, end: text.len(), next: text.len() })
}

/// What may stand inside a bare value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    /// Passwords: nearly everything up to a space.
    Loose,
    /// The rest: up to the first separator.
    Strict,
}

/// How much of a bare value is read to judge it, so that text full of keys without values stays cheap.
pub(super) const JUDGED: usize = 512;

/// Where the bare value that starts at `from` ends.
pub(super) fn bare(text: &[u8], from: usize, bare: Bare, in_url: bool) -> usize {
    let mut at = from;
    let mut depth = 0usize;
    while at < text.len() {
        let byte = text[at];
        if is(byte, LETTER | DIGIT) {
            at += 1;
            continue;
        }
        let next = after(text, at + 1);
        let stops = match byte {
            _ if is(byte, SPACE) => true,
            // In the middle of a password, and no quote around more than it.
            b'"' | b'\'' | b'`' => bare != Bare::Loose || at == from || !alnum(next) || text[from..at].contains(&b'('),
            b'<' => bare != Bare::Loose || !alnum(next) || is_tag(text, at),
            b'>' => {
                bare != Bare::Loose || !alnum(next) || at == from || text[at.saturating_sub(64)..at].contains(&b'<')
            }
            b';' => true,
            b'&' => in_url || is_key(text, at + 1),
            b'#' => in_url,
            0x80.. => at > from && text[at - 1] < 0x80 && ends_value(text, at),
            b'\\' => {
                matches!(next, b'n' | b'r' | b't' | b'"' | b'\\')
                    || is_ampersand(text, at) && (in_url || is_key(text, at + 6))
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                bare == Bare::Strict && byte != b'('
            }
            b')' | b']' | b'}' if depth > 0 => {
                depth -= 1;
                false
            }
            b')' | b']' | b'}' | b'|' | b',' => {
                bare == Bare::Strict || !alnum(next) && next != byte || byte == b',' && is_key(text, at + 1) || in_url
            }
            _ => false,
        };
        if stops {
            break;
        }
        at += 1;
    }
    // The end of the sentence is not the value's.
    while at > from && matches!(text[at - 1], b'.' | b',' | b':') {
        at -= 1;
    }
    at
}

/// The `&` as encoders of JSON write it for a browser.
fn is_ampersand(text: &[u8], at: usize) -> bool {
    text[at..].starts_with(b"\\u0026")
}

/// `<br>`, `<value`
fn is_tag(text: &[u8], at: usize) -> bool {
    let name = run(head(text, at, 24), at + 1, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b' ' | b'.' | b':'));
    matches!(after(text, name), b'>' | b'/' | b'=') || !is_made_up(&text[at + 1..name])
}

/// Whether the char at `at` ends a value in ASCII: punctuation, and the scripts in which words follow without a space.
pub(super) fn ends_value(text: &[u8], at: usize) -> bool {
    char_at(text, at).is_some_and(|letter| !letter.is_alphanumeric() || super::email::unspaced(letter))
}

/// Whether `name=` or `name:` stands at `from`.
pub(super) fn is_key(text: &[u8], from: usize) -> bool {
    let end = run(head(text, from, 49), from, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.'));
    end > from && end - from <= 48 && matches!(after(text, end), b'=' | b':')
}

/// Where the capitalised words and numbers that go on with a name or address end: `Alice` in `Alice van Smith` does not end it.
pub(super) fn words(text: &[u8], mut end: usize, numbers: bool) -> usize {
    const SMALL: &[&[u8]] = words!(
        "van" "von" "de" "der" "den" "la" "le" "di" "da" "del" "bin" "al"
    );
    for _ in 0..6 {
        if after(text, end) != b' ' {
            break;
        }
        let start = end + 1;
        let word = run(text, start, |byte| alnum(byte) || is(byte, HIGH) || matches!(byte, b'-' | b'.' | b'\''));
        let first = after(text, start);
        let small = SMALL.contains(&&text[start..word]) && after(text, word) == b' ';
        let capital = first.is_ascii_uppercase() || is(first, HIGH);
        let shout = word - start > 2 && text[start..word].iter().all(|byte| byte.is_ascii_uppercase());
        if word == start
            || matches!(after(text, word), b'=' | b':')
            || !(small || (capital && !shout) || (numbers && is(first, DIGIT)))
            || is_status(&text[start..word])
        {
            break;
        }
        end = word;
    }
    while before(text, end) == b'.' {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_phrase_has_as_many_words_as_a_wallet_gives_and_nothing_behind_them() {
        let phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow";
        assert_eq!(seed_phrase(phrase.as_bytes(), 0), Some(phrase.len()));
        assert_eq!(seed_phrase(format!("{phrase}\", b").as_bytes(), 0), Some(phrase.len()));
        for other in [&phrase[6..], &format!("{phrase} wave"), &format!("{phrase} of"), &format!("{phrase}. Next")] {
            assert_eq!(seed_phrase(other.as_bytes(), 0), None, "{other}");
        }
    }

    #[test]
    fn groups_of_digits_are_one_number_if_together_they_are_long_enough() {
        let whole = |text: &[u8], first| grouped(text, 0, first);
        assert_eq!(whole(b"36 729 710 482 x", 2), 14);
        assert_eq!(whole(b"36 729 x", 2), 2);
        assert_eq!(whole(b"12 34567890123456789012345", 2), 2);
        assert_eq!(whole(b"1234 5678 n=1", 4), 9);
    }
}
