//! Values beside keys that a rule knows: where they start and end, and which of them go.

use std::ops::Range;

use super::bracketed::{bare_tuple, braced, bracket_end, couple, is_couple, list};
use super::bytes::{
    DIGIT, HIGH, LETTER, SPACE, STOP, WordSet, after, alnum, before, head, is, run, run_back, starts_with,
};
use super::elements::{is_group, wrapped};
use super::judge::{bare_counts, quoted_counts};
use super::key::KEY;
use super::pairs::{Style, is_redacted, placeholder_end};
use super::value::{self, Bare, is_placeholder};
use super::words::is_status;
use super::{Finding, Kind, Severity, dates, records, words};
use crate::privacy::keys::{KeyClass, KeyInText, TextRule};

/// Takes the value at `from` if it is one; says where to go on.
pub(super) fn take(
    text: &[u8],
    from: usize,
    rule: KeyInText,
    style: Style,
    in_url: bool,
    found: &mut Vec<Finding>,
) -> usize {
    let mut at = inside(text, from);
    if after(text, at).is_ascii_lowercase()
        && let Some(inner) = wrapped(text, at)
    {
        at = inside(text, below(text, inner));
    }
    match after(text, at) {
        b'[' | b'{'
            if value::first_bracket(text, at).is_some()
                && value::is_bracketed(&text[at..value::bare(head(text, at, KEY), at, Bare::Loose, in_url)]) => {}
        b'[' if style == Style::Equals
            && is_free(rule)
            && placeholder_end(text, at).is_some_and(|end| {
                is_keyed(&text[end..value::bare(head(text, at, KEY), at, Bare::Loose, in_url).max(end)])
            }) => {}
        b'[' | b'{' if is_free(rule) && value::wrapped(text, at).is_some() => {
            let Some(end) = value::wrapped(text, at) else { return at };
            // ODBC's quotes stay.
            let inside = usize::from(after(text, at) == b'{');
            push(found, rule, style, in_url, at + inside..end - inside);
            return end;
        }
        b'{' | b'(' if !is_couple(text, at) && is_group(text, at) => return list(text, at, rule, style, found),
        b'{' if rule.text == TextRule::Password && style == Style::Equals => {
            if let Some(end) = braced(text, at) {
                push(found, rule, style, in_url, at + 1..end);
                return end + 1;
            }
            return at.max(from);
        }
        b'(' => {
            if let Some((span, next)) = couple(text, at).filter(|_| rule.text == TextRule::Token) {
                push(found, rule, style, in_url, span);
                return next;
            }
            // What was in the bracket is replaced.
            if is_redacted(text, at + 1) {
                return at + 1;
            }
            if let Some(word) = bare_tuple(text, at, rule) {
                let end = word.end;
                push(found, rule, style, in_url, word);
                return end;
            }
        }
        b'[' if !is_placeholder(&text[at..bracket_end(text, at)]) => {
            return list(text, at, rule, style, found);
        }
        b'{' => {
            if let Some(inner) = records::typed(text, at)
                && !matches!(after(text, inside(text, inner)), b'{' | b'[')
            {
                take(text, inner, rule, style, in_url, found);
            }
            return at.max(from);
        }
        b'[' => return at.max(from),
        _ => {}
    }
    if let Some(quoted) = value::quoted(text, at) {
        let range = after_scheme(text, quoted.start, quoted.end, rule);
        if quoted_counts(&text[range.clone()], rule, style) {
            if range.start > quoted.start {
                found.push(Finding::new(Kind::Bearer, Severity::Likely, range));
            } else {
                push(found, rule, style, in_url, range);
            }
            return quoted.next;
        }
        return at + 1;
    }
    if matches!(after(text, at), b'\'' | b'`') {
        // Nothing closes it; what follows may be the value all the same.
        at += 1;
    }
    if at >= text.len() {
        return at;
    }
    if rule.text == TextRule::Password
        && after(text, at).is_ascii_lowercase()
        && let Some(end) = value::seed_phrase(text, at)
    {
        push(found, rule, style, in_url, at..end);
        return end;
    }
    if rule.text == TextRule::Cookie {
        let next = cookies(text, at, found);
        if next > at {
            return next;
        }
    }
    if rule.text == TextRule::Token
        && after(text, at) == b't'
        && let Some(end) = value::timed_signature(text, at)
    {
        push(found, rule, style, in_url, at..end);
        return end;
    }
    let loose = if rule.class == KeyClass::Secret { Bare::Loose } else { Bare::Strict };
    let start = after_scheme(text, at, text.len(), rule).start;
    let judged = head(text, start, value::JUDGED);
    let mut end = value::bare(judged, start, loose, in_url);
    if judged.len() < text.len() && run(judged, end, |byte| matches!(byte, b'.' | b',' | b':')) == judged.len() {
        // Longer than is read: judged by its head, taken whole.
        if start > at || bare_counts(judged, at, end, rule, style) {
            let whole = value::bare(text, start, loose, in_url);
            push(found, rule, style, in_url, start..whole);
            return whole;
        }
        return start;
    }
    if start > at {
        // After a scheme word: digests and signatures list parameters up to the end of the line.
        if starts_with(text, at, b"digest")
            || starts_with(text, at, b"aws4")
            || starts_with(text, at, b"oauth")
            || starts_with(text, at, b"hmac")
        {
            end = parameters_end(text, start);
        }
        // `Token token="abc"`, but not `"Basic YWJjZA=="`.
        if before(text, end) == b'=' && opens_parameter(text, end) {
            end = parameters_end(text, start);
        }
        let token = &text[start..end];
        if token.len() >= 4 && !is_status(token) && !is_placeholder(token) && token.iter().any(|byte| alnum(*byte)) {
            found.push(Finding::new(Kind::Bearer, Severity::Likely, start..end));
            return end;
        }
        return start;
    }
    if rule.class == KeyClass::Secret
        && matches!(rule.text, TextRule::Password | TextRule::Token)
        && (style == Style::Entry || style == Style::Prose && begins_line(text, from))
        && let Some(end) = value::phrase(text, at)
    {
        push(found, rule, style, in_url, at..end);
        return end;
    }
    // `User {` and `Vec<..>` are looked into, or are types.
    if after(text, run(text, end, |byte| byte == b' ')) == b'{' && style != Style::Prose || end == at {
        return at;
    }
    if bare_counts(text, at, end, rule, style) {
        if matches!(style, Style::Equals | Style::Prose | Style::Entry)
            && !in_url
            && matches!(rule.text, TextRule::Name | TextRule::Data | TextRule::Weak | TextRule::Person)
        {
            let numbers = rule.text != TextRule::Name;
            if text[at].is_ascii_uppercase() || is(text[at], HIGH) || (numbers && is(text[at], DIGIT)) {
                end = value::words(text, end, numbers);
            }
        }
        if rule.text == TextRule::Digits && !in_url {
            end = value::grouped(text, at, end);
        }
        if rule.text == TextRule::Date && !in_url {
            end = dates::whole(text, at, end);
        }
        // `030 901820`, but not `0301234567 422`.
        if rule.text == TextRule::Phone && !in_url && words::digits(&text[at..end]) < 8 {
            end = run(head(text, at, 24), at, |byte| {
                is(byte, DIGIT) || matches!(byte, b'+' | b' ' | b'-' | b'.' | b'(' | b')' | b'/')
            });
            while end > at && words::digits(&text[at..end]) > 15 {
                end = super::bytes::run_back(text, end, 24, |byte| byte != b' ').max(at + 1) - 1;
            }
            while end > at && !is(text[end - 1], DIGIT) {
                end -= 1;
            }
            end = end.max(value::bare(text, at, Bare::Strict, in_url));
        }
        push(found, rule, style, in_url, at..end);
        return end;
    }
    at
}

/// Whether a rule lets a secret be nearly any text.
fn is_free(rule: KeyInText) -> bool {
    rule.class == KeyClass::Secret && matches!(rule.text, TextRule::Password | TextRule::Token)
}

/// `-hunter2`: what goes on behind `[A]`, which then begins a password.
fn is_keyed(tail: &[u8]) -> bool {
    let sign = run(tail, 0, |byte| matches!(byte, b'-' | b'!' | b'_' | b'$' | b'*' | b'+' | b'~' | b'^' | b'@' | b'%'));
    let word = run(tail, sign, alnum);
    sign == 1 && words::is_made_up(&tail[sign..word]) && words::has_letter(&tail[sign..word])
}

/// Whether the key of the value at `from` begins a line that is not the first, as in headers and YAML.
fn begins_line(text: &[u8], from: usize) -> bool {
    let line = run_back(text, from, KEY, |byte| byte != b'\n');
    let key = run(head(text, from, 0), line, |byte| matches!(byte, b' ' | b'>' | b'<'));
    let end = run(head(text, from, 0), key, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.'));
    line > 0 && before(text, line) == b'\n' && end > key && after(text, end) == b':' && end < from
}

/// Where the value at `from` begins: `Some("x")`, `UserId(42)`, `&"x"`, `b"x"`, `b'xyz'` are what is inside.
#[inline]
pub(super) fn inside(text: &[u8], from: usize) -> usize {
    match after(text, from) {
        b'A'..=b'Z' | b'&' | b'b' | b'r' | b'u' => unwrapped(text, from),
        _ => from,
    }
}

fn unwrapped(text: &[u8], from: usize) -> usize {
    let mut at = from;
    for _ in 0..4 {
        match (after(text, at), after(text, at + 1)) {
            (b'&' | b'b' | b'r' | b'u', b'"') => at += 1,
            // No `repr` begins with an `r`; in code regular expressions do.
            (b'b' | b'u', b'\'') if is_string(text, at + 1) => at += 1,
            _ => {}
        }
        if !after(text, at).is_ascii_uppercase() {
            break;
        }
        let name = run(head(text, at, KEY), at, |byte| alnum(byte) || matches!(byte, b'_' | b':' | b'<' | b'>'));
        if after(text, name) != b'(' {
            break;
        }
        at = below(text, name + 1);
    }
    at
}

/// Whether what opens at `quote` is a string of Python, `b'hunter2'`, and no byte of Rust, `b'x'`.
fn is_string(text: &[u8], quote: usize) -> bool {
    value::quoted(head(text, quote, 4 * KEY), quote).is_some_and(|quoted| quoted.end - quoted.start >= 3)
}

/// How far the lines of pretty `Debug` are indented at most.
pub(super) const INDENT: usize = 96;

/// Where the value of a bracket that pretty `Debug` (`{:#?}`) opened stands on the next line, or `from` if none does: a string, another
/// bracket, a variant, or what has a digit, and a comma behind it. The rest is code.
pub(super) fn below(text: &[u8], from: usize) -> usize {
    if after(text, from) != b'\n' {
        return from;
    }
    let at = run(head(text, from, INDENT), from + 1, |byte| byte == b' ');
    let end = run(head(text, at, KEY), at, |byte| alnum(byte) || matches!(byte, b'-' | b'.' | b':' | b'_'));
    let word = &text[at..end];
    let stands = match after(text, at) {
        b'"' | b'\\' => {
            let near = head(text, at, value::JUDGED);
            value::quoted(near, at).is_some_and(|string| string.next >= near.len() || after(text, string.next) == b',')
        }
        b'A'..=b'Z' if after(text, end) == b'(' => true,
        byte => (words::digits(word) > 0 || byte.is_ascii_uppercase()) && text[end..].starts_with(b",\n"),
    };
    if at > from + 1 && stands { at } else { from }
}

/// Whether the quote at `at` begins a parameter's value rather than closing the string around the token: nothing that goes on
/// behind a string is what a value begins with.
fn opens_parameter(text: &[u8], at: usize) -> bool {
    let quote = run(head(text, at, 8), at, |byte| byte == b'\\');
    let next = after(text, quote + 1);
    let goes_on = is(next, SPACE) || matches!(next, b',' | b';' | b':' | b')' | b']' | b'}' | b'"' | b'\'' | b'\\');
    after(text, quote) == b'"' && !goes_on
}

/// Where `username="x", response=".."` ends. A quote that opens no value closes the string around all of it.
fn parameters_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = run(text, at, |byte| !matches!(byte, b'"' | b'\n' | b'\r' | b'\'' | b'}' | b'\\'));
        let quote = run(text, at, |byte| byte == b'\\');
        if after(text, quote) != b'"' || before(text, at) != b'=' {
            return at;
        }
        let close = run(text, quote + 1, |byte| byte != b'"');
        at = (close + 1).min(text.len());
    }
}

/// The value without the word that says how to authenticate.
fn after_scheme(text: &[u8], start: usize, end: usize, rule: KeyInText) -> Range<usize> {
    static SCHEMES: WordSet = WordSet::of(words!(
        "bearer" "basic" "digest" "token" "apikey" "api-key" "negotiate" "ntlm" "hmac" "aws4-hmac-sha256" "oauth"
        "hawk" "key" "jwt"
    ));
    if rule.class != KeyClass::Secret || rule.text != TextRule::Token {
        return start..end;
    }
    let word = run(&text[..end], start, |byte| alnum(byte) || byte == b'-');
    if after(&text[..end], word) == b' ' && word < end && SCHEMES.holds(&text[start..word]) {
        let value = run(&text[..end], word, |byte| byte == b' ');
        // `auth: token expired`
        let first = run(&text[..end], value, |byte| is(byte, LETTER));
        if value < end
            && !(is_status(&text[value..first]) && is(after(&text[..end], first), SPACE))
            && !names_algorithm(&text[value..end])
        {
            return value..end;
        }
    }
    start..end
}

/// `JWT RS256`: how a token is signed, and nothing more.
fn names_algorithm(value: &[u8]) -> bool {
    static ALGORITHMS: WordSet = WordSet::of(words!(
        "rs256" "rs384" "rs512" "hs256" "hs384" "hs512" "es256" "es384" "es512" "es256k" "ps256" "ps384" "ps512" "eddsa"
    ));
    let end = run(value, 0, alnum);
    ALGORITHMS.holds(&value[..end]) && (end == value.len() || is(value[end], SPACE | STOP))
}

/// `a=b; c=d`: every value.
fn cookies(text: &[u8], from: usize, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    loop {
        let name = run(text, at, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'[' | b']'));
        if name == at || after(text, name) != b'=' {
            break;
        }
        let end = run(text, name + 1, |byte| {
            !is(byte, SPACE | HIGH) && !matches!(byte, b';' | b'"' | b',' | b'\\' | b'}' | b')')
        });
        let attribute = [&b"path"[..], b"domain", b"max-age", b"expires", b"samesite", b"priority"]
            .iter()
            .any(|known| text[at..name].eq_ignore_ascii_case(known));
        if end > name + 1 && !attribute && !is_placeholder(&text[name + 1..end]) {
            found.push(Finding::new(Kind::KeyedSecret, Severity::Likely, name + 1..end));
        }
        at = end;
        if after(text, at) != b';' {
            break;
        }
        at = run(text, at + 1, |byte| byte == b' ');
    }
    at.max(from)
}

pub(super) fn push(found: &mut Vec<Finding>, rule: KeyInText, style: Style, in_url: bool, span: Range<usize>) {
    let kind = match rule.class {
        KeyClass::Secret if in_url => Kind::UrlSecret,
        KeyClass::Secret => Kind::KeyedSecret,
        KeyClass::Id => Kind::KeyedId,
        _ => Kind::KeyedPii,
    };
    let severity = if style == Style::Prose { Severity::Contextual } else { Severity::Likely };
    found.push(Finding::new(kind, severity, span));
}
