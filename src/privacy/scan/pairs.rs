//! Key rules inside text: `password=..`, `"password":".."`, `User { id: 42, name: ".." }`, `Authorization: Basic ..`.
//!
//! Each `=` and `:` is asked for the key on its left; only if a rule speaks about that key, its value is looked at. The
//! value alone is the finding, without its quotes, so that what is around it stays valid.

use super::anchors::Anchors;
use super::beside::{counts, is_label, is_path, is_versioned};
use super::bracketed::object;
use super::bytes::{DIGIT, HIGH, LETTER, SPACE, STOP, after, before, head, is, run};
use super::classes::{Block, Class};
use super::key::{
    GAP, KEY, Key, bare_key, curl_user, declares, is_compound, is_file, is_led, is_line, is_session_cookie, is_verb,
    is_verdict, key_before, names_file, names_scope, opens_field, plain_key, quoted_key, words_before,
};
use super::notations::{arrow, bracket, element, indexed};
use super::random::{may_be_random, random};
use super::scopes::Scopes;
use super::starts::Start;
use super::starts::{ahead, behind};
use super::take::take;
use super::twins::{compared, encoded};
use super::value::{self, Bare, is_placeholder};
use super::{Finding, Kind, Severity, attributes, foreign, lines, options, positional, records, statement, words};
use crate::privacy::keys::{self, KeyClass, KeyInText, NumericRule, Parent, TextRule};

/// How a pair is written, which tells how much of it may be prose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `key=value`
    Equals,
    /// `"key": value`
    Json,
    /// `Struct { key: value }`
    Field,
    /// `key: value`
    Prose,
    /// `api_key: value`, `(user.name: value)`, a line of YAML: the same where a sentence would not have it.
    Entry,
    /// `Key(value)`
    Newtype,
}

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut scopes = Scopes::default();
    let mut signs = anchors.starts(Start::Sign);
    while let Some(sign) = signs.next() {
        let byte = text[sign];
        if byte == b':' || byte == b'=' {
            let go_on = pair(anchors, sign, &mut scopes, found);
            if go_on > sign + 1 {
                signs.pass(go_on);
            }
        } else if byte == b'{' {
            scopes.enter(anchors, sign);
        } else if byte == b'}' {
            scopes.leave();
        } else {
            signs.pass(match byte {
                b'(' => bracket(text, sign, found),
                _ if before(text, sign) == b'-' => arrow(anchors, sign, found),
                _ => element(text, sign, found),
            });
        }
    }
}

/// The signs and brackets of a block that may be a pair's.
#[inline]
pub(super) fn signs(blocks: &[Block], block: usize) -> u64 {
    blocks[block][Class::Pair as usize] & !idle_colons(blocks, block)
}

/// The colons that stand behind no key, as far as one block tells: those of `a::b`, and the second of `12:30:59`.
#[inline]
fn idle_colons(blocks: &[Block], block: usize) -> u64 {
    let colons = blocks[block][Class::Colon as usize];
    if colons == 0 {
        return 0;
    }
    let of = |class: Class, by| ahead(blocks, block, by, |block| block[class as usize]);
    let ahead = |by| of(Class::Colon, by);
    let alone = !ahead(1);
    let path = colons & !alone & !ahead(2) & !behind(blocks, block, |block| block[Class::Colon as usize]);
    // Both of them in this block. `userPassword:: c2VjcmV0` is a pair, and a name goes on behind those of a path.
    let mut path = path & (!0 >> 1);
    if path != 0 {
        path &= of(Class::Token, 2);
    }
    let digits = blocks[block][Class::Digit as usize];
    let clock = colons & alone & digits << 1 & digits << 2 & colons << 3;
    path | path << 1 | clock
}

/// The shortest key that is the name of a cookie or an attribute.
const LONG: usize = 11;

/// Judges the pair at a `:` or `=`; says where to go on.
#[inline]
fn pair(anchors: &Anchors<'_>, sign: usize, scopes: &mut Scopes, found: &mut Vec<Finding>) -> usize {
    let text = anchors.text;
    let go_on = sign + 1;
    let next = after(text, go_on);
    let colon = text[sign] == b':';
    let key = match plain_key(anchors, sign) {
        Some(key) if !(matches!(next, b':' | b'=') || colon && next == b'/') => key,
        _ => match odd_key(anchors, sign, found) {
            Ok(key) => key,
            Err(go_on) => return go_on,
        },
    };
    let name = &text[key.start..key.end];
    // Clock times and positions in files have no letters left of the sign.
    if is(name[0], DIGIT) && is(name[name.len() - 1], DIGIT) {
        return go_on;
    }
    // Most keys end no phrase; without a rule only a long value that is no prose could be one.
    let known = !keys::rules_out_within(text, key.start..key.end)
        && (name.is_ascii() || !foreign::rules_out(anchors, key.start..key.end));
    if known
        || colon && (is_verb(name) || curl_user(&text[..key.start]))
        || name.len() >= LONG
            && (!colon && is_session_cookie(name) || statement::is_key(name) || attributes::is_key(name))
        || may_be_random(anchors, skip_space(text, go_on + usize::from(!colon && next == b'>')))
    {
        return named(anchors, sign, key, known, scopes, found);
    }
    go_on
}

/// The key of a sign with something odd beside it; or where to go on if it has none, or was a pair of its own.
#[inline(never)]
fn odd_key(anchors: &Anchors<'_>, sign: usize, found: &mut Vec<Finding>) -> Result<Key, usize> {
    let text = anchors.text;
    let go_on = sign + 1;
    let next = after(text, go_on);
    let colon = text[sign] == b':';
    // Paths (`a::b`), URLs (`http://`), `:=`, comparisons.
    let path_or_url = colon && (next == b':' || (next == b'/' && after(text, go_on + 1) == b'/'));
    if path_or_url || next == b'=' {
        let end = match (colon, next) {
            (false, b'=') => compared(anchors, sign, found),
            (true, b':') => encoded(anchors, sign, found),
            _ => None,
        };
        if let Some(end) = end {
            return Err(end);
        }
        return Err(if next == b':' || next == b'=' && !colon { go_on + 1 } else { go_on });
    }
    let prior = before(text, sign);
    if prior == b')' && !colon {
        return Err(positional::constraint(text, sign, found).unwrap_or(go_on));
    }
    // `Secret token.......: x`
    let leader = || prior == b'.' && colon && matches!(before(text, sign - 1), b'.' | b' ');
    let ends_key = matches!(prior, b' ' | b'\t' | b'"' | b'\'' | b'`' | b']' | b'_' | b':');
    if !is(prior, LETTER | DIGIT | HIGH) && !ends_key && !leader() {
        return Err(go_on);
    }
    if next == b'>'
        && !colon
        && before(text, sign - usize::from(prior == b' ')) == b']'
        && let Some(end) = indexed(text, sign, found)
    {
        return Err(end);
    }
    let key = match prior {
        b'"' => quoted_key(anchors, sign - 1),
        // With these a space ends that breaks no line.
        0xa0 | 0xaf => key_before(anchors, sign),
        _ if is(prior, LETTER | DIGIT | HIGH) => bare_key(anchors, sign),
        _ => key_before(anchors, sign),
    };
    key.ok_or(go_on)
}

/// Judges the pair of a key that a rule may speak about, or whose value may be random; says where to go on.
#[inline(never)]
fn named(
    anchors: &Anchors<'_>,
    sign: usize,
    key: Key,
    mut known: bool,
    scopes: &mut Scopes,
    found: &mut Vec<Finding>,
) -> usize {
    let text = anchors.text;
    let go_on = sign + 1;
    let colon = text[sign] == b':';
    let mut name = &text[key.start..key.end];
    if colon && curl_user(&text[..key.start]) {
        let end = value::bare(text, go_on, Bare::Loose, false);
        if end > go_on && !is_placeholder(&text[key.start..end]) {
            found.push(Finding::new(Kind::KeyedSecret, Severity::Likely, key.start..end));
            return end;
        }
    }
    // `the password is: x`: the verb stands between the key and its value.
    if colon && is_verb(name) {
        name = words_before(text, key.start);
        known = !keys::rules_out(name);
    }
    // What was a key is replaced.
    if name.is_empty() || name[0] == b'[' && is_placeholder(name) {
        return go_on;
    }
    let arrow = usize::from(!colon && after(text, go_on) == b'>');
    let mut value = skip_space(text, go_on + arrow);
    if known && colon && matches!(after(text, value), b'!' | b'&') {
        let Some(behind) = lines::behind_tag(text, value) else { return go_on };
        value = behind;
    }
    // `password= next=1`
    if !colon && value > go_on + arrow && !matches!(before(text, sign), b' ' | b'\t') && value::is_key(text, value) {
        return go_on;
    }
    if statement::is_key(name) && (!key.quoted || matches!(after(text, value), b'"' | b'\\')) {
        return statement::literals(text, value, found);
    }
    let left = before(text, key.start);
    let below = colon && matches!(left, b'/' | b'\\' | b'@') && !options::is_slashed(text, &key, value);
    if !key.quoted && (is_in_path(text, key.start) || below || is_file(name)) {
        return go_on;
    }
    // What was a value is replaced.
    if known && is_redacted(text, value) {
        return go_on;
    }
    let in_url = !colon && matches!(left, b'?' | b'&' | b'#');
    let scope = scopes.name(text);
    let mut rule = None;
    if known && scope.is_empty() {
        rule = rule_of(text, &key, name, in_url);
        // Most words that end a phrase stand by themselves, where they mean nothing: `line=3`, `"status":`, `trace_id=..`.
        if rule.is_none() && !records::is_name(name) && attributes::rule(name).is_none() && !is_session_cookie(name) {
            return random(anchors, name, value, Style::Equals, in_url, found).unwrap_or(go_on);
        }
    }
    let style = match (colon, key.quoted) {
        (true, true) => Style::Json,
        (false, _) => Style::Equals,
        // Go prints `{Token:abc N:3}` and `map[token:abc n:3]`.
        (true, false) if known && value == go_on && (scopes.depth > 0 || scopes.maps.hold(text, key.start)) => {
            Style::Equals
        }
        (true, false) if scopes.depth > 0 && opens_field(text, key.start) => Style::Field,
        (true, false)
            if known
                && (is_compound(name, value == go_on) || is_line(text, key.start, value) || is_led(text, &key)) =>
        {
            Style::Entry
        }
        (true, false) => Style::Prose,
    };
    if known && colon && (value == go_on && names_scope(text, &key, value) || is_verdict(text, &key)) {
        return go_on;
    }
    if known && records::is_name(name) && records::take_value(text, key.start, value, found) {
        return go_on;
    }
    if let Some(rule) = attributes::rule(name) {
        return attributes::take(text, name, value, rule, style, found);
    }
    if known {
        if !scope.is_empty() {
            rule = match style {
                Style::Prose | Style::Entry => rule_of(text, &key, name, in_url),
                _ => keys::in_text(scope, name, Parent::Struct).or_else(|| foreign::rule(text, key.end)),
            };
        }
        if let Some(rule) = rule {
            // `let token = lexer.next()?;`: what is declared is code, unless it is in quotes.
            if !colon
                && !key.quoted
                && value > go_on
                && declares(text, key.start)
                && !matches!(after(text, value), b'"' | b'\'' | b'`' | b'r' | b'b')
            {
                return go_on;
            }
            // `DB_PASSWORD_FILE=/run/secrets/db`, `PWD=/tmp`
            if (names_file(name) || name.ends_with(b"PWD")) && is_path(text, value) {
                return go_on;
            }
            // `password-hash = "0.5"` is a package and its version.
            if name.ends_with(b"hash") && is_versioned(text, value) {
                return go_on;
            }
            // `"login.username": "Username"`: what a form calls it.
            if colon && rule.class == KeyClass::Pii && is_label(text, name, value) {
                return go_on;
            }
            // `passwords=30`, `tokens: [101, 102]`
            let plural = matches!(name, [.., b'd' | b't' | b'n' | b'y' | b'e', b's']) && rule.class == KeyClass::Secret;
            if plural && counts(text, value) {
                return go_on;
            }
            if plural && after(text, value) == b'{' {
                object(text, value, rule, found);
            }
            if colon && let Some(end) = lines::take_below(text, key.start, value, rule, found) {
                return end;
            }
            // A prompt, and what was typed on the line below.
            let below = colon && rule.text == TextRule::Password && is_typed_below(text, value);
            let known = found.len();
            let end = take(text, value + usize::from(below), rule, style, in_url, found);
            if found.len() > known {
                return end;
            }
            // `lon=aK3vX9qLmZ2rT7wPbY5nQ8sD`: not what the key says.
            return random(anchors, name, value, style, in_url, found).unwrap_or(end);
        }
    }
    if is_session_cookie(name) {
        let cookie = KeyInText { class: KeyClass::Secret, numeric: NumericRule::Goes, text: TextRule::Password };
        return take(text, value, cookie, style, in_url, found);
    }
    random(anchors, name, value, style, in_url, found).unwrap_or(go_on)
}

/// The rule for a key that has no struct around it, by itself and by the words before it.
fn rule_of(text: &[u8], key: &Key, name: &[u8], in_url: bool) -> Option<KeyInText> {
    let parent = if key.quoted || in_url { b"" } else { words_before(text, key.start) };
    keys::in_text(parent, name, Parent::Prose).or_else(|| foreign::rule(text, key.end))
}

/// Whether a line break stands at `at`, and behind it a line that is one made-up word.
fn is_typed_below(text: &[u8], at: usize) -> bool {
    if after(text, at) != b'\n' {
        return false;
    }
    let end = run(head(text, at, KEY), at + 1, |byte| !is(byte, SPACE) && !matches!(byte, b':' | b'='));
    matches!(after(text, end), 0 | b'\n' | b'\r') && end < at + KEY && words::is_made_up(&text[at + 1..end])
}

/// Whether a name is the last of a path: `env::TOKEN`; and not what a build machine is told: `::error ::TOKEN=..`.
fn is_in_path(text: &[u8], name: usize) -> bool {
    text[..name].strip_suffix(b"::").is_some_and(|left| left.last().is_some_and(|byte| !is(*byte, SPACE)))
}

/// Whether one of our placeholders stands at `from`, alone in its quotes if it has any, and else with nothing of a value behind it.
pub(super) fn is_redacted(text: &[u8], from: usize) -> bool {
    let quoted = after(text, from) == b'"';
    let Some(end) = placeholder_end(text, from + usize::from(quoted)) else { return false };
    let (next, beyond) = (after(text, end), after(text, end + 1));
    match next {
        _ if quoted => next == b'"',
        b'(' | b'{' | b'<' => false,
        b'.' | b':' => !is(beyond, LETTER | HIGH),
        b'\\' | b'&' | b'#' | b'/' => true,
        0x80.. => value::ends_value(text, end),
        _ => is(next, SPACE | STOP),
    }
}

/// Behind the placeholder at `open`, if one of ours stands there.
pub(super) fn placeholder_end(text: &[u8], open: usize) -> Option<usize> {
    let word = open + 1;
    let close = run(head(text, word, 16), word, |byte| byte.is_ascii_uppercase() || byte == b'_');
    (after(text, open) == b'[' && after(text, close) == b']' && close > word).then_some(close + 1)
}

#[inline]
fn skip_space(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && at - from < GAP && matches!(text[at], b' ' | b'\t') {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::bytes::run_back;
    use super::super::tests::draws;
    use super::*;

    #[test]
    fn idle_colons_stand_behind_no_key() {
        let mut draw = draws();
        let mut count = 0;
        for _ in 0..20_000 {
            let text: Vec<u8> = (0..draw(200)).map(|_| b"12::::a= "[draw(9)]).collect();
            Anchors::with(&text, |anchors| {
                let mut colons = anchors.places(idle_colons);
                while let Some(at) = colons.next() {
                    let start = run_back(&text, at, 200, |byte| byte == b':');
                    let end = run(&text, at, |byte| byte == b':');
                    let key = bare_key(anchors, at).map(|key| &text[key.start..key.end]);
                    let clock = key.is_some_and(|key| key.len() == 2 && key.iter().all(u8::is_ascii_digit));
                    assert!(end - start == 2 || end - start == 1 && clock, "{} {at}", String::from_utf8_lossy(&text));
                    count += 1;
                }
            });
        }
        assert!(count > 1000, "{count}");
    }
}
