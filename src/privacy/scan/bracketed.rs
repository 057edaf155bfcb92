//! Values in brackets beside keys that a rule knows: lists, a user and a password, passwords in ODBC's quotes.

use std::ops::Range;

use super::bytes::{DIGIT, SPACE, after, alnum, first, head, is, run};
use super::elements::{Elements, Form};
use super::judge::{bare_counts, quoted_counts};
use super::key::KEY;
use super::pairs::Style;
use super::take::{INDENT, below, push};
use super::value::{self, JUDGED, is_placeholder};
use super::words::is_status;
use super::{Finding, words};
use crate::privacy::keys::{KeyClass, KeyInText, NumericRule, TextRule};

/// `["a", "b"]`, `("a", 13)`, `{1, 2, 3}`: each string by itself, so that the brackets stay; numbers together. Says where to go on.
pub(super) fn list(text: &[u8], open: usize, rule: KeyInText, style: Style, found: &mut Vec<Finding>) -> usize {
    let mut elements = Elements::of(text, open);
    let mut numbers = Numbers::default();
    let mut words_go = None;
    let mut go_on = open + 1;
    while let Some(element) = elements.next() {
        if !(element.goes_on && element.form == Form::Number) {
            numbers.close(text, rule, style, found);
        }
        match element.form {
            Form::Number => numbers.push(text, element.span),
            Form::Quoted if quoted_counts(&text[element.span.clone()], rule, style) => {
                push(found, rule, style, false, element.span);
            }
            // There may be more in it than its key says.
            Form::Quoted if text[element.span.clone()].iter().any(|byte| matches!(byte, b':' | b'=')) => return go_on,
            Form::Quoted => {}
            Form::Word if words_go.get_or_insert_with(|| holds_words(text, open, rule)) == &true => {
                if is_element(text, &element.span)
                    && bare_counts(text, element.span.start, element.span.end, rule, Style::Equals)
                {
                    push(found, rule, style, false, element.span);
                }
            }
            Form::Word => return go_on,
        }
        go_on = elements.at;
    }
    numbers.close(text, rule, style, found);
    // What opened a set is passed with what closes it.
    let closes = after(text, open) == b'{' && after(text, elements.at) == b'}';
    elements.at + usize::from(closes)
}

/// `[hunter2, walnut, Sommer2024]`: whether the words of a list are secrets or ids rather than variants, types or names, which one that is
/// made up tells of all of them.
fn holds_words(text: &[u8], open: usize, rule: KeyInText) -> bool {
    let free = rule.class == KeyClass::Secret && matches!(rule.text, TextRule::Password | TextRule::Token);
    let mut words = Elements::of(text, open).filter(|element| element.form == Form::Word);
    (free || rule.class == KeyClass::Id)
        && words.any(|word| is_element(text, &word.span) && is_no_name(&text[word.span], rule.text))
}

/// Whether a comma or the end of the list follows a word, and not another word.
fn is_element(text: &[u8], word: &Range<usize>) -> bool {
    let next = run(head(text, word.end, INDENT), word.end, |byte| matches!(byte, b' ' | b'\n'));
    matches!(after(text, next), b',' | b']')
}

/// Whether a word is made up, and not called so and numbered: `token1`, `db-creds-v2`, `Float64`.
fn is_no_name(word: &[u8], text: TextRule) -> bool {
    let digits = words::digits(word);
    let number = word.iter().rev().take_while(|byte| is(**byte, DIGIT)).count();
    let cases = word.iter().any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase);
    let numbered = digits == number && number <= 2 || word.contains(&b'-') && !cases && digits < 4;
    let password = text == TextRule::Password;
    words::is_made_up(word)
        && (password || word.len() >= 10 && !numbered)
        && !words::is_numbered_name(word)
        && !words::is_sort(word)
        && !words::is_type(word)
}

/// More entries are not read.
const ENTRIES: usize = 32;

/// `{"db": "kT7pW2xq"}` under a plural: the strings of an object that nobody speaks, up to one that is none.
pub(super) fn object(text: &[u8], open: usize, rule: KeyInText, found: &mut Vec<Finding>) {
    let past_blanks = |at: usize| run(head(text, at, INDENT), at, |byte| is(byte, SPACE));
    let mut at = open + 1;
    for _ in 0..ENTRIES {
        let first = past_blanks(at);
        let Some(name) = value::quoted(head(text, first, 2 * KEY), first) else { return };
        let sign = past_blanks(name.next);
        let from = past_blanks(sign + 1);
        let Some(quoted) = value::quoted(head(text, from, JUDGED), from).filter(|_| after(text, sign) == b':') else {
            return;
        };
        let word = &text[quoted.start..quoted.end];
        // Elsewhere it may say where they are kept, or what colour they have.
        let long = word.len() >= 20 && words::digits(word) >= 3 && word.iter().all(|byte| alnum(*byte));
        let secret = rule.text == TextRule::Password && words::is_varied(word) || words::is_unordered(word) || long;
        if secret && quoted_counts(word, rule, Style::Json) {
            push(found, rule, Style::Json, false, quoted.start..quoted.end);
        }
        let comma = past_blanks(quoted.next);
        if after(text, comma) != b',' {
            return;
        }
        at = comma + 1;
    }
}

/// Numbers that stand together.
#[derive(Default)]
struct Numbers {
    span: Option<Range<usize>>,
    count: usize,
    /// How many of them are signs in ASCII.
    bytes: usize,
}

impl Numbers {
    fn push(&mut self, text: &[u8], number: Range<usize>) {
        self.count += 1;
        self.bytes += usize::from(is_byte(&text[number.clone()]));
        self.span = Some(self.span.as_ref().map_or(number.start, |span| span.start)..number.end);
    }

    /// A list of numbers under a secret word is its bytes.
    fn close(&mut self, text: &[u8], rule: KeyInText, style: Style, found: &mut Vec<Finding>) {
        let Numbers { span, count, bytes } = std::mem::take(self);
        let Some(span) = span else { return };
        let wanted = match rule.class {
            KeyClass::Secret => count >= 8 || count >= 3 && bytes == count,
            KeyClass::Id => true,
            _ => rule.numeric == NumericRule::Goes && words::digits(&text[span.clone()]) >= 4,
        };
        if wanted {
            push(found, rule, style, false, span);
        }
    }
}

/// `(Zyx9hunter, 13)`: a tuple that was printed without quotes. Says what of it goes.
pub(super) fn bare_tuple(text: &[u8], open: usize, rule: KeyInText) -> Option<Range<usize>> {
    let word = open + 1..run(head(text, open, KEY), open + 1, alnum);
    let close = run(head(text, open, KEY), word.end, |byte| !matches!(byte, b'(' | b')' | b'"' | b'\n'));
    let tuple = text[word.end..].starts_with(b", ") && after(text, close) == b')';
    let counts = matches!(rule.class, KeyClass::Secret | KeyClass::Id) && words::is_made_up(&text[word.clone()]);
    (tuple && counts).then_some(word)
}

/// Whether a number is that of a sign in ASCII.
fn is_byte(number: &[u8]) -> bool {
    let value = match number.strip_prefix(b"0x") {
        Some(hex) => std::str::from_utf8(hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()),
        None => std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()),
    };
    value.is_some_and(|value: u8| (b'!'..0x7f).contains(&value))
}

/// Behind the bracket that closes what opens at `at`, if it is near.
pub(super) fn bracket_end(text: &[u8], at: usize) -> usize {
    let near = head(text, at, 40);
    let end = first(&near[at..], b']').map_or(near.len(), |close| at + close);
    (end + 1).min(text.len())
}

/// `{p;w}}1}`: a password as ODBC quotes it, in which two brackets stand for one. Says where it closes. What has no sign inside is
/// rather a template.
pub(super) fn braced(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        end = run(head(text, at, KEY), end, |byte| !matches!(byte, b'}' | b'{' | b'"' | b'\n'));
        if after(text, end) != b'}' {
            return None;
        }
        if after(text, end + 1) != b'}' {
            break;
        }
        end += 2;
    }
    let value = &text[at + 1..end];
    let doubled = value.windows(2).position(|pair| pair == b"}}").is_some_and(|at| at + 2 < value.len());
    let signs = doubled || value.iter().any(|byte| matches!(byte, b';' | b'@' | b'#' | b'&' | b'*'));
    let ends = matches!(after(text, end + 1), 0 | b';' | b'"' | b'\'' | b' ' | b'\n' | b'\\');
    (signs && ends && !is_placeholder(value)).then_some(end)
}

/// `creds=(mnowak, hunter22)`, `auth=("mnowak", "hunter22")`: a user and the password. Says what goes, and where to go on.
pub(super) fn couple(text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let left = key_of(text, at)?;
    let first = below(text, at + 1);
    if matches!(after(text, first), b'"' | b'\'') && names_couple(left) {
        return quoted_couple(text, first);
    }
    if !(left.ends_with(b"creds") || left.ends_with(b"credentials")) {
        return None;
    }
    let end = run(head(text, at, KEY), at + 1, |byte| !matches!(byte, b')' | b'(' | b'\n' | b'"' | b'='));
    let comma = run(&text[..end], at, |byte| byte != b',');
    let (user, password) = (text[at + 1..comma].trim_ascii(), text.get(comma + 1..end)?.trim_ascii());
    let plain = |word: &[u8]| !word.is_empty() && !word.iter().any(|byte| is(*byte, SPACE) || *byte == b',');
    let both = after(text, end) == b')' && plain(user) && plain(password);
    (both && words::is_made_up(password) && !is_status(password)).then_some((at..end + 1, end + 1))
}

/// Whether the bracket at `open` is that of a user and the password, whether or not both are there.
pub(super) fn is_couple(text: &[u8], open: usize) -> bool {
    after(text, open) == b'(' && key_of(text, open).is_some_and(names_couple)
}

/// The text up to and with the key of the value at `at`.
fn key_of(text: &[u8], at: usize) -> Option<&[u8]> {
    let left = text[..at].trim_ascii_end();
    Some(left.strip_suffix(b"=").or_else(|| left.strip_suffix(b":"))?.trim_ascii_end())
}

fn names_couple(left: &[u8]) -> bool {
    [&b"creds"[..], b"credentials", b"auth"].iter().any(|key| left.ends_with(key))
}

/// The second of two strings that are all there is in a bracket.
fn quoted_couple(text: &[u8], first: usize) -> Option<(Range<usize>, usize)> {
    let user = value::quoted(head(text, first, 2 * KEY), first)?;
    if after(text, user.next) != b',' {
        return None;
    }
    let second = run(head(text, user.next, INDENT), user.next + 1, |byte| matches!(byte, b' ' | b'\n'));
    let password = value::quoted(head(text, second, 2 * KEY), second)?;
    let close = run(head(text, password.next, INDENT), password.next, |byte| matches!(byte, b' ' | b'\n' | b','));
    let (span, value) = (password.start..password.end, &text[password.start..password.end]);
    // Here it is a password whatever its length, and also where it is one of those that report elsewhere.
    let reports = is_status(value) && !words::is_everyday(value);
    let counts = !is_placeholder(value) && !reports && value.len() >= 2 && !value.contains(&b' ');
    (after(text, close) == b')' && counts).then_some((span, password.next))
}
