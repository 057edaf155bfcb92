//! Key rules inside text: `password=..`, `"password":".."`, `User { id: 42, name: ".." }`, `Authorization: Basic ..`.
//!
//! Each `=` and `:` is asked for the key on its left; only if a rule speaks about that key, its value is looked at. The
//! value alone is the finding, without its quotes, so that what is around it stays valid.

use super::bytes::{DIGIT, HIGH, LETTER, SPACE, after, alnum, before, head, is, run, run_back, starts_with};
use super::judge::{bare_counts, looks_random, names_public, quoted_counts};
use super::value::{self, Bare, is_placeholder, is_status};
use super::{Finding, Kind, Severity};
use crate::privacy::keys::{self, KeyClass, KeyInText, NumericRule, Parent, TextRule};

/// The longest key that is read.
const KEY: usize = 80;

/// The shortest value that may be taken for random.
const SHORTEST_RANDOM: usize = 24;

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
    /// `Key(value)`
    Newtype,
}

/// The structs and objects around the place that is read.
struct Scopes {
    /// Where each name starts and ends; empty for none.
    names: [(usize, usize); DEPTH],
    depth: usize,
    /// The name last left, for the next element of the same list.
    last: (usize, usize),
}

/// Deeper nesting is read without names.
const DEPTH: usize = 16;

impl Scopes {
    fn enter(&mut self, text: &[u8], brace: usize) {
        let end = run_back(text, brace, 4, |byte| is(byte, SPACE) || byte == b'[');
        let name = match before(text, end) {
            b',' if brace > 0 => self.last,
            b':' | b'=' if end > 0 => key_before(text, end - 1).map_or((0, 0), |key| (key.start, key.end)),
            _ => (run_back(text, end, KEY, |byte| alnum(byte) || byte == b'_'), end),
        };
        if self.depth < DEPTH {
            self.names[self.depth] = name;
        }
        self.depth += 1;
    }

    fn leave(&mut self) {
        if let Some(depth) = self.depth.checked_sub(1) {
            self.depth = depth;
            self.last = self.names.get(depth).copied().unwrap_or_default();
        }
    }

    fn name<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let (start, end) = self.depth.checked_sub(1).and_then(|top| self.names.get(top)).copied().unwrap_or_default();
        &text[start..end]
    }
}

pub(super) fn find(text: &[u8], found: &mut Vec<Finding>) {
    let mut scopes = Scopes { names: [(0, 0); DEPTH], depth: 0, last: (0, 0) };
    let mut at = 0;
    while let Some(sign) =
        text[at..].iter().position(|byte| matches!(byte, b':' | b'=' | b'{' | b'}' | b'(')).map(|offset| at + offset)
    {
        at = match text[sign] {
            b'{' => {
                scopes.enter(text, sign);
                sign + 1
            }
            b'}' => {
                scopes.leave();
                sign + 1
            }
            b'(' => newtype(text, sign, found),
            _ => pair(text, sign, &scopes, found),
        };
    }
}

/// `--password hunter2`
pub(super) fn find_options(text: &[u8], found: &mut Vec<Finding>) {
    let mut at = 0;
    while let Some(dashes) = super::bytes::find(text, at, b"--") {
        let name = dashes + 2;
        let end = run(text, name, |byte| alnum(byte) || matches!(byte, b'-' | b'_'));
        at = end;
        if end == name || after(text, end) != b' ' || !is(before(text, dashes), SPACE) || after(text, end + 1) == b'-' {
            continue;
        }
        if let Some(rule) = keys::in_text(b"", &text[name..end], Parent::Prose) {
            at = take(text, end + 1, rule, Style::Equals, false, found);
        }
    }
}

struct Key {
    start: usize,
    end: usize,
    quoted: bool,
}

/// The key whose separator is at `sign`.
fn key_before(text: &[u8], sign: usize) -> Option<Key> {
    let mut end = sign;
    if before(text, end) == b':' {
        end -= 1;
    }
    if before(text, end) == b' ' {
        end = end.saturating_sub(1);
    }
    let quote = before(text, end);
    if matches!(quote, b'"' | b'\'' | b'`') && end > 0 {
        let mut inner = end - 1;
        while before(text, inner) == b'\\' {
            inner -= 1;
        }
        let start = run_back(text, inner, KEY, |byte| byte != quote && byte != b'\n');
        return (before(text, start) == quote && start > 0 && start < inner).then_some(Key {
            start,
            end: inner,
            quoted: true,
        });
    }
    let start = run_back(text, end, KEY, |byte| {
        is(byte, LETTER | DIGIT | HIGH) || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
    });
    // `[IP]:80` is a placeholder and a port.
    (start < end && text[start] != b'[').then_some(Key { start, end, quoted: false })
}

/// Judges the pair at a `:` or `=`; says where to go on.
fn pair(text: &[u8], sign: usize, scopes: &Scopes, found: &mut Vec<Finding>) -> usize {
    let go_on = sign + 1;
    let next = after(text, go_on);
    let colon = text[sign] == b':';
    // Paths (`a::b`), URLs (`http://`), `:=`, comparisons.
    if colon && (next == b':' || next == b'=' || (next == b'/' && after(text, go_on + 1) == b'/'))
        || !colon && next == b'='
    {
        return if next == b':' || next == b'=' && !colon { go_on + 1 } else { go_on };
    }
    let prior = before(text, sign);
    if !is(prior, LETTER | DIGIT | HIGH) && !matches!(prior, b' ' | b'"' | b'\'' | b'`' | b']' | b'_' | b':') {
        return go_on;
    }
    let Some(key) = key_before(text, sign) else {
        return go_on;
    };
    let name = &text[key.start..key.end];
    // Clock times and positions in files have no letters left of the sign.
    if is(name[0], DIGIT) && is(name[name.len() - 1], DIGIT) {
        return go_on;
    }
    // Without a rule only a long value could be one.
    if keys::rules_out(name) && text.len() - sign < SHORTEST_RANDOM {
        return go_on;
    }
    let left = before(text, key.start);
    if !key.quoted
        && (text[..key.start].ends_with(b"::") || colon && matches!(left, b'/' | b'\\' | b'@') || is_file(name))
    {
        return go_on;
    }
    let style = match (colon, key.quoted) {
        (true, true) => Style::Json,
        (false, _) => Style::Equals,
        (true, false) if scopes.depth > 0 && opens_field(text, key.start) => Style::Field,
        (true, false) => Style::Prose,
    };
    let in_url = !colon && matches!(left, b'?' | b'&' | b'#');
    let scope = if key.quoted || matches!(style, Style::Field | Style::Equals) { scopes.name(text) } else { b"" };
    let rule = if scope.is_empty() {
        let parent = if key.quoted || in_url { b"" } else { words_before(text, key.start) };
        keys::in_text(parent, name, Parent::Prose)
    } else {
        keys::in_text(scope, name, Parent::Struct)
    };
    let arrow = usize::from(!colon && next == b'>');
    let value = skip_space(text, go_on + arrow);
    match rule {
        Some(rule) => take(text, value, rule, style, in_url, found),
        None => random(text, name, value, style, in_url, found).unwrap_or(go_on),
    }
}

/// Whether the key at `start` begins a field, rather than a word in the middle of a value.
fn opens_field(text: &[u8], start: usize) -> bool {
    let at = run_back(text, start, 64, |byte| is(byte, SPACE));
    matches!(before(text, at), b'{' | b',' | b'(') && at > 0
}

/// `src/auth.rs:42`
fn is_file(name: &[u8]) -> bool {
    const ENDS: [&[u8]; 14] = [
        b".rs", b".go", b".py", b".js", b".ts", b".c", b".cpp", b".java", b".toml", b".json", b".yaml", b".yml",
        b".txt", b".conf",
    ];
    name.contains(&b'.') && ENDS.iter().any(|end| name.ends_with(end))
}

/// Up to two words before a key, which may belong to it: `API key: ..`, `date of birth: ..`.
fn words_before(text: &[u8], key: usize) -> &[u8] {
    let mut start = key;
    for _ in 0..2 {
        if before(text, start) != b' ' || start == 0 {
            break;
        }
        let word = run_back(text, start - 1, 24, |byte| is(byte, LETTER) || byte == b'-' || byte == b'\'');
        if word == start - 1 || word + 24 == start - 1 {
            break;
        }
        start = word;
    }
    &text[start..key]
}

fn skip_space(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && at - from < 8 && matches!(text[at], b' ' | b'\t') {
        at += 1;
    }
    at
}

/// `UserId(42)`, `Password("..")`: a type whose name is a key.
fn newtype(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> usize {
    let next = after(text, paren + 1);
    let start = run_back(text, paren, KEY, alnum);
    if start == paren || !text[start].is_ascii_uppercase() || !(is(next, DIGIT) || matches!(next, b'"' | b'\\')) {
        return paren + 1;
    }
    match keys::in_text(b"", &text[start..paren], Parent::Struct) {
        Some(rule) => take(text, paren + 1, rule, Style::Newtype, false, found),
        None => paren + 1,
    }
}

/// Takes the value at `from` if it is one; says where to go on.
fn take(text: &[u8], from: usize, rule: KeyInText, style: Style, in_url: bool, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    // `Some("x")`, `UserId(42)`, `&"x"`, `b"x"`: the inside is the value.
    for _ in 0..4 {
        if matches!(after(text, at), b'&' | b'b' | b'r') && matches!(after(text, at + 1), b'"') {
            at += 1;
        }
        let name = run(head(text, at, KEY), at, |byte| alnum(byte) || matches!(byte, b'_' | b':'));
        let wraps = name > at && after(text, name) == b'(' && text[at].is_ascii_uppercase();
        if !wraps {
            break;
        }
        at = name + 1;
    }
    match after(text, at) {
        b'[' if !is_placeholder(&text[at..bracket_end(text, at)]) => {
            return list(text, at + 1, rule, style, found);
        }
        b'{' | b'[' => return at.max(from),
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
    if at >= text.len() {
        return at;
    }
    if rule.text == TextRule::Cookie {
        return cookies(text, at, found);
    }
    let loose = if rule.class == KeyClass::Secret { Bare::Loose } else { Bare::Strict };
    let start = after_scheme(text, at, text.len(), rule).start;
    let judged = head(text, start, value::JUDGED);
    let mut end = value::bare(judged, start, loose, in_url);
    if judged.len() < text.len() && run(judged, end, |byte| matches!(byte, b'.' | b',' | b':')) == judged.len() {
        // Longer than is read: judged by its head, taken whole.
        let whole = value::bare(text, start, loose, in_url);
        if start > at || bare_counts(judged, at, end, rule, style) {
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
            end = run(text, start, |byte| !matches!(byte, b'"' | b'\n' | b'\r' | b'}'));
        }
        let token = &text[start..end];
        if token.len() >= 4 && !is_status(token) && !is_placeholder(token) && token.iter().any(|byte| alnum(*byte)) {
            found.push(Finding::new(Kind::Bearer, Severity::Likely, start..end));
            return end;
        }
        return start;
    }
    // `User {` and `Vec<..>` are looked into, or are types.
    if after(text, run(text, end, |byte| byte == b' ')) == b'{' && style != Style::Prose || end == at {
        return at;
    }
    if bare_counts(text, at, end, rule, style) {
        if matches!(style, Style::Equals | Style::Prose)
            && !in_url
            && matches!(rule.text, TextRule::Name | TextRule::Data | TextRule::Weak)
        {
            let numbers = rule.text != TextRule::Name;
            if text[at].is_ascii_uppercase() || is(text[at], HIGH) || (numbers && is(text[at], DIGIT)) {
                end = value::words(text, end, numbers);
            }
        }
        if rule.text == TextRule::Phone && !in_url {
            end = run(text, end, |byte| is(byte, DIGIT) || matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/'));
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

fn push(found: &mut Vec<Finding>, rule: KeyInText, style: Style, in_url: bool, span: std::ops::Range<usize>) {
    let kind = match rule.class {
        KeyClass::Secret if in_url => Kind::UrlSecret,
        KeyClass::Secret => Kind::KeyedSecret,
        KeyClass::Id => Kind::KeyedId,
        _ => Kind::KeyedPii,
    };
    let severity = if style == Style::Prose { Severity::Contextual } else { Severity::Likely };
    found.push(Finding::new(kind, severity, span));
}

/// The value without the word that says how to authenticate.
fn after_scheme(text: &[u8], start: usize, end: usize, rule: KeyInText) -> std::ops::Range<usize> {
    const SCHEMES: [&[u8]; 14] = [
        b"bearer",
        b"basic",
        b"digest",
        b"token",
        b"apikey",
        b"api-key",
        b"negotiate",
        b"ntlm",
        b"hmac",
        b"aws4-hmac-sha256",
        b"oauth",
        b"hawk",
        b"key",
        b"jwt",
    ];
    if rule.class != KeyClass::Secret || rule.text != TextRule::Token {
        return start..end;
    }
    let word = run(&text[..end], start, |byte| alnum(byte) || byte == b'-');
    if after(&text[..end], word) == b' '
        && word < end
        && SCHEMES.iter().any(|scheme| text[start..word].eq_ignore_ascii_case(scheme))
    {
        let value = run(&text[..end], word, |byte| byte == b' ');
        // `auth: token expired`
        let first = run(&text[..end], value, |byte| is(byte, LETTER));
        if value < end && !(is_status(&text[value..first]) && is(after(&text[..end], first), SPACE)) {
            return value..end;
        }
    }
    start..end
}

fn bracket_end(text: &[u8], at: usize) -> usize {
    let end = run(&text[..text.len().min(at + 40)], at, |byte| byte != b']');
    (end + 1).min(text.len())
}

/// `["a", "b"]`, `[1, 2, 3]`: each string by itself, so that the list stays one; numbers together.
fn list(text: &[u8], from: usize, rule: KeyInText, style: Style, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    let mut numbers = None;
    let mut count = 0;
    loop {
        at = run(text, at, |byte| is(byte, SPACE) || byte == b',');
        if at >= text.len() || matches!(text[at], b']' | b'{' | b'[') {
            break;
        }
        if let Some(quoted) = value::quoted(text, at) {
            if quoted_counts(&text[quoted.start..quoted.end], rule, style) {
                push(found, rule, style, false, quoted.start..quoted.end);
            }
            at = quoted.next;
            continue;
        }
        let end = value::bare(text, at, Bare::Strict, false);
        if end == at || !value::is_number(&text[at..end]) {
            break;
        }
        count += 1;
        numbers = Some((numbers.map_or(at, |(start, _)| start), end));
        at = end;
    }
    // A list of numbers under a secret word is its bytes.
    if let Some((start, end)) = numbers {
        let wanted = match rule.class {
            KeyClass::Secret => count >= 8,
            KeyClass::Id => true,
            _ => rule.numeric == NumericRule::Goes && value::digits(&text[start..end]) >= 4,
        };
        if wanted {
            push(found, rule, style, false, start..end);
        }
    }
    at
}

/// `a=b; c=d`: every value.
fn cookies(text: &[u8], from: usize, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    loop {
        let name = run(text, at, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'[' | b']'));
        if name == at || after(text, name) != b'=' {
            break;
        }
        let end =
            run(text, name + 1, |byte| !is(byte, SPACE) && !matches!(byte, b';' | b'"' | b',' | b'\\' | b'}' | b')'));
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

/// A random value under a key that no rule knows.
fn random(text: &[u8], key: &[u8], from: usize, style: Style, in_url: bool, found: &mut Vec<Finding>) -> Option<usize> {
    if matches!(style, Style::Prose | Style::Field | Style::Newtype) || from + SHORTEST_RANDOM > text.len() {
        return None;
    }
    let (start, end, next) = match value::quoted(text, from) {
        Some(quoted) => (quoted.start, quoted.end, quoted.next),
        None => {
            let end = value::bare(head(text, from, value::JUDGED), from, Bare::Strict, in_url);
            (from, end, end)
        }
    };
    let value = &text[start..end];
    if value.len() < SHORTEST_RANDOM || value.len() > 512 || !looks_random(value) || names_public(key) {
        return None;
    }
    found.push(Finding::new(Kind::HighEntropy, Severity::Contextual, start..end));
    Some(next)
}
