//! Key rules inside text: `password=..`, `"password":".."`, `User { id: 42, name: ".." }`, `Authorization: Basic ..`.
//!
//! Each `=` and `:` is asked for the key on its left; only if a rule speaks about that key, its value is looked at. The
//! value alone is the finding, without its quotes, so that what is around it stays valid.

use super::anchors::{Anchors, Block, Class, ahead_of, behind};
use super::bytes::{DIGIT, HIGH, LETTER, SPACE, after, alnum, before, head, is, run, run_back};
use super::judge::{is_base64, looks_random, names_public, quoted_counts};
use super::take::{inside, push, take};
use super::value::{self, Bare, is_placeholder};
use super::{Finding, Kind, Severity, attributes, foreign, positional, records, statement};
use crate::privacy::keys::{self, KeyClass, KeyInText, NumericRule, Parent, TextRule};

/// The longest key that is read.
pub(super) const KEY: usize = 80;

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
    /// `api_key: value`, `(user.name: value)`, a line of YAML: the same where a sentence would not have it.
    Entry,
    /// `Key(value)`
    Newtype,
}

/// The structs and objects around the place that is read.
struct Scopes {
    /// Where each name starts and ends; empty for none.
    names: [(u32, u32); DEPTH],
    depth: usize,
    /// The name last left, for the next element of the same list.
    last: (u32, u32),
}

/// Deeper nesting is read without names.
const DEPTH: usize = 16;

impl Scopes {
    fn enter(&mut self, anchors: &Anchors<'_>, brace: usize) {
        let text = anchors.text;
        let end = run_back(text, brace, 4, |byte| is(byte, SPACE) || byte == b'[');
        let name = match before(text, end) {
            b',' if brace > 0 => self.last,
            b':' | b'=' if end > 0 => {
                key_before(anchors, end - 1).map_or((0, 0), |key| Self::place(key.start, key.end))
            }
            _ => Self::place(run_back(text, end, KEY, |byte| alnum(byte) || byte == b'_'), end),
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
        &text[start as usize..end as usize]
    }

    /// Names beyond 4 GiB are not remembered.
    fn place(start: usize, end: usize) -> (u32, u32) {
        u32::try_from(start).ok().zip(u32::try_from(end).ok()).unwrap_or_default()
    }
}

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut scopes = Scopes { names: [(0, 0); DEPTH], depth: 0, last: (0, 0) };
    let mut signs = anchors.places(|blocks, block| blocks[block][Class::Pair as usize] & !idle_colons(blocks, block));
    while let Some(sign) = signs.next() {
        let byte = text[sign];
        if byte == b':' || byte == b'=' {
            signs.pass(pair(anchors, sign, &scopes, found));
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

/// The colons that stand behind no key, as far as one block tells: those of `a::b`, and the second of `12:30:59`.
#[inline]
fn idle_colons(blocks: &[Block], block: usize) -> u64 {
    let ahead = ahead_of(blocks, block, Class::Colon);
    let colons = ahead as u64;
    if colons == 0 {
        return 0;
    }
    let alone = !(ahead >> 1) as u64;
    let path = colons & !alone & !(ahead >> 2) as u64 & !behind(blocks, block, |block| block[Class::Colon as usize]);
    // Both of them in this block.
    let path = path & (!0 >> 1);
    let digits = blocks[block][Class::Digit as usize];
    let clock = colons & alone & digits << 1 & digits << 2 & colons << 3;
    path | path << 1 | clock
}

pub(super) struct Key {
    pub(super) start: usize,
    pub(super) end: usize,
    quoted: bool,
}

/// The key whose separator is at `sign`.
pub(super) fn key_before(anchors: &Anchors<'_>, sign: usize) -> Option<Key> {
    let text = anchors.text;
    let mut end = sign;
    if before(text, end) == b':' {
        end -= 1;
    }
    if before(text, end) == b' ' {
        end = end.saturating_sub(1);
    }
    if matches!(before(text, end), b'"' | b'\'' | b'`') && end > 0 {
        return quoted_key(anchors, end - 1);
    }
    bare_key(anchors, end)
}

/// The key without quotes that ends at `end`.
#[inline(always)]
fn bare_key(anchors: &Anchors<'_>, end: usize) -> Option<Key> {
    let text = anchors.text;
    let mut start = anchors.run_back(Class::Token, end);
    // What else names are made of is rare in them.
    if matches!(before(text, start), b'.' | b'[' | b']' | 0x80..) {
        start = odd_start(text, start, end);
    }
    let start = start.max(end.saturating_sub(KEY));
    // `[IP]:80` is a placeholder and a port.
    (start < end && text[start] != b'[').then_some(Key { start, end, quoted: false })
}

/// The key in front of the quote at `quote`.
#[inline]
fn quoted_key(anchors: &Anchors<'_>, quote: usize) -> Option<Key> {
    let text = anchors.text;
    let mut end = quote;
    while before(text, end) == b'\\' {
        end -= 1;
    }
    let mut start = anchors.run_back(Class::Token, end);
    if before(text, start) != text[quote] || end - start > KEY {
        start = run_back(text, end, KEY, |byte| byte != text[quote] && byte != b'\n');
    }
    (before(text, start) == text[quote] && start > 0 && start < end).then_some(Key { start, end, quoted: true })
}

/// Where a key begins that has more in it than letters, digits and joints, given where the last run of those does.
fn odd_start(text: &[u8], start: usize, end: usize) -> usize {
    let start = run_back(text, start, KEY, |byte| {
        is(byte, LETTER | DIGIT | HIGH) || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
    });
    let start = start.max(end.saturating_sub(KEY));
    // `[api_key=..`, `map[token:..`: a bracket that is not closed is none of the key's.
    match text[start..end].iter().rposition(|byte| matches!(byte, b'[' | b']')) {
        Some(bracket) if text[start + bracket] == b'[' => start + bracket + 1,
        _ => start,
    }
}

/// Judges the pair at a `:` or `=`; says where to go on.
fn pair(anchors: &Anchors<'_>, sign: usize, scopes: &Scopes, found: &mut Vec<Finding>) -> usize {
    let text = anchors.text;
    let go_on = sign + 1;
    let next = after(text, go_on);
    let colon = text[sign] == b':';
    // Paths (`a::b`), URLs (`http://`), `:=`, comparisons.
    let path_or_url = colon && (next == b':' || (next == b'/' && after(text, go_on + 1) == b'/'));
    if path_or_url || next == b'=' {
        if !colon && let Some(end) = signed(anchors, sign, found) {
            return end;
        }
        return if next == b':' || next == b'=' && !colon { go_on + 1 } else { go_on };
    }
    let prior = before(text, sign);
    if prior == b')' && !colon {
        return positional::constraint(text, sign, found).unwrap_or(go_on);
    }
    if !is(prior, LETTER | DIGIT | HIGH) && !matches!(prior, b' ' | b'"' | b'\'' | b'`' | b']' | b'_' | b':') {
        return go_on;
    }
    let key = if is(prior, LETTER | DIGIT) { bare_key(anchors, sign) } else { key_before(anchors, sign) };
    let Some(key) = key else {
        return go_on;
    };
    let name = &text[key.start..key.end];
    // Clock times and positions in files have no letters left of the sign.
    if is(name[0], DIGIT) && is(name[name.len() - 1], DIGIT) {
        return go_on;
    }
    // Most keys end no phrase; without a rule only a long value that is no prose could be one.
    let known = !keys::rules_out(name);
    if known
        || !colon && name.len() >= 20 && is_session_cookie(name)
        || colon && (is_verb(name) || curl_user(&text[..key.start]))
        || statement::is_key(name)
        || attributes::is_key(name)
    {
        return named(anchors, sign, key, known, scopes, found);
    }
    let value = skip_space(text, go_on + usize::from(!colon && next == b'>'));
    if !may_be_random(anchors, value) {
        return go_on;
    }
    named(anchors, sign, key, known, scopes, found)
}

/// Judges the pair of a key that a rule may speak about, or whose value may be random; says where to go on.
#[inline(never)]
fn named(
    anchors: &Anchors<'_>,
    sign: usize,
    key: Key,
    mut known: bool,
    scopes: &Scopes,
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
    let value = skip_space(text, go_on + arrow);
    // `password= next=1`
    if !colon && value > go_on + arrow && before(text, sign) != b' ' && value::is_key(text, value) {
        return go_on;
    }
    if statement::is_key(name) && (!key.quoted || matches!(after(text, value), b'"' | b'\\')) {
        return statement::literals(text, value, found);
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
        // Go prints `{Token:abc N:3}` and `map[token:abc n:3]`.
        (true, false) if known && value == go_on && (scopes.depth > 0 || in_map(text, key.start)) => Style::Equals,
        (true, false) if scopes.depth > 0 && opens_field(text, key.start) => Style::Field,
        (true, false) if known && (is_compound(name, value == go_on) || is_line(text, key.start, value)) => {
            Style::Entry
        }
        (true, false) => Style::Prose,
    };
    let in_url = !colon && matches!(left, b'?' | b'&' | b'#');
    // What was a value is replaced.
    if known && is_redacted(text, value) {
        return go_on;
    }
    if known && records::is_name(name) && records::take_value(text, value, found) {
        return go_on;
    }
    if let Some(rule) = attributes::rule(name) {
        return attributes::take(text, name, value, rule, style, found);
    }
    if known {
        let scope = if matches!(style, Style::Prose | Style::Entry) { b"" } else { scopes.name(text) };
        let rule = if scope.is_empty() {
            let parent = if key.quoted || in_url { b"" } else { words_before(text, key.start) };
            keys::in_text(parent, name, Parent::Prose)
        } else {
            keys::in_text(scope, name, Parent::Struct)
        };
        if let Some(rule) = rule.or_else(|| foreign::rule(text, key.end)) {
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
            // `passwords=30`, `tokens: [101, 102]`
            let plural = matches!(name, [.., b'd' | b't' | b'n' | b'y' | b'e', b's']) && rule.class == KeyClass::Secret;
            if plural && counts(text, value) {
                return go_on;
            }
            // A prompt, and what was typed on the line below.
            let below = colon && rule.text == TextRule::Password && is_typed_below(text, value);
            return take(text, value + usize::from(below), rule, style, in_url, found);
        }
    }
    if is_session_cookie(name) {
        let cookie = KeyInText { class: KeyClass::Secret, numeric: NumericRule::Goes, text: TextRule::Password };
        return take(text, value, cookie, style, in_url, found);
    }
    random(anchors, name, value, style, in_url, found).unwrap_or(go_on)
}

/// Whether what stands at `from` is long enough and all base64: most values end before that.
#[inline(always)]
fn may_be_random(anchors: &Anchors<'_>, from: usize) -> bool {
    let word = anchors.bits(Class::Token, from).trailing_ones() as usize;
    let next = after(anchors.text, from + word);
    let ends = word > 0 && word < SHORTEST_RANDOM && matches!(next, b' ' | b',' | b'}' | b')' | b'.' | b'\n' | 0);
    !ends && is_long(anchors, from)
}

fn is_long(anchors: &Anchors<'_>, from: usize) -> bool {
    let text = anchors.text;
    let from = inside(text, from);
    let from = run(head(text, from, 8), from, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let word = anchors.bits(Class::Token, from).trailing_ones() as usize;
    word >= SHORTEST_RANDOM
        || matches!(after(text, from + word), b'+' | b'/')
            && text
                .get(from..from + SHORTEST_RANDOM)
                .is_some_and(|value| value.iter().all(|byte| is_base64(*byte) && *byte != b'='))
}

/// `password==Xk9fLq2`: a secret that begins with the sign, and no comparison, which has names on both sides.
fn signed(anchors: &Anchors<'_>, sign: usize, found: &mut Vec<Finding>) -> Option<usize> {
    let text = anchors.text;
    let start = sign + 2;
    if !alnum(before(text, sign)) || !alnum(after(text, start)) {
        return None;
    }
    let end = value::bare(head(text, start, KEY), start, Bare::Loose, false);
    let value = &text[start..end];
    let mixed = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    if !(mixed && value::is_made_up(value)) {
        return None;
    }
    let key = key_before(anchors, sign).map(|key| &text[key.start..key.end])?;
    let rule = keys::in_text(b"", key, Parent::Prose).filter(|rule| rule.class == KeyClass::Secret)?;
    push(found, rule, Style::Equals, false, start - 1..end);
    Some(end)
}

/// Whether a key is none that a sentence would have: `api_key`, `user.name`, `clientSecret`; before a value that is glued to it also
/// `accesstoken`.
fn is_compound(name: &[u8], glued: bool) -> bool {
    name.iter().any(|byte| matches!(byte, b'_' | b'.' | b'-'))
        || name.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        || glued && keys::is_glued(name)
}

/// Whether key and value have a line of their own, with others before it.
fn is_line(text: &[u8], start: usize, value: usize) -> bool {
    // `curl -v` puts a sign before the headers of each side.
    let line = run_back(text, start, 24, |byte| matches!(byte, b' ' | b'>' | b'<'));
    let end = run(head(text, value, KEY), value, |byte| !is(byte, SPACE));
    before(text, line) == b'\n' && line > 0 && matches!(after(text, end), 0 | b'\n' | b'\r') && end > value
}

/// Whether a line break stands at `at`, and behind it a line that is one made-up word.
fn is_typed_below(text: &[u8], at: usize) -> bool {
    if after(text, at) != b'\n' {
        return false;
    }
    let end = run(head(text, at, KEY), at + 1, |byte| !is(byte, SPACE) && !matches!(byte, b':' | b'='));
    matches!(after(text, end), 0 | b'\n' | b'\r') && end < at + KEY && value::is_made_up(&text[at + 1..end])
}

/// Whether the word before a key declares it.
fn declares(text: &[u8], key: usize) -> bool {
    const WORDS: &[&[u8]] = words!("let" "mut" "const" "static" "type" "var" "val" "final" "auto");
    let end = key.saturating_sub(1);
    let start = run_back(text, end, 8, |byte| is(byte, LETTER));
    before(text, key) == b' ' && WORDS.contains(&&text[start..end])
}

/// Whether a version in quotes stands at `at`.
fn is_versioned(text: &[u8], at: usize) -> bool {
    value::quoted(head(text, at, KEY), at).is_some_and(|quoted| value::is_version(&text[quoted.start..quoted.end]))
}

/// Whether a number stands at `at`, or some that are too few for the bytes of a secret.
fn counts(text: &[u8], at: usize) -> bool {
    let number = value::bare(head(text, at, KEY), at, Bare::Strict, false);
    value::is_number(&text[at..number]) || is_short_list(text, at)
}

/// A list of numbers too few for the bytes of a secret.
fn is_short_list(text: &[u8], from: usize) -> bool {
    let from = inside(text, from);
    let end = run(head(text, from, KEY), from, |byte| byte != b']');
    after(text, from) == b'['
        && text[from + 1..end].iter().all(|byte| is(*byte, DIGIT) || matches!(byte, b' ' | b','))
        && text[from..end].iter().filter(|byte| **byte == b',').count() < 7
}

/// Whether one of our placeholders stands at `from`, alone in its quotes if it has any.
pub(super) fn is_redacted(text: &[u8], from: usize) -> bool {
    let quoted = after(text, from) == b'"';
    let open = from + usize::from(quoted);
    let word = open + 1;
    let close = run(head(text, word, 16), word, |byte| byte.is_ascii_uppercase() || byte == b'_');
    after(text, open) == b'[' && after(text, close) == b']' && (!quoted || after(text, close + 1) == b'"')
}

/// Whether the key at `start` is one of Go's `map[..]`.
fn in_map(text: &[u8], start: usize) -> bool {
    let floor = start.saturating_sub(128);
    let mut at = start;
    loop {
        at = run_back(text, at, at - floor, |byte| !matches!(byte, b'[' | b']'));
        if at == floor || text[at - 1] == b']' {
            return false;
        }
        if text[floor..at].ends_with(b"map[") {
            return true;
        }
        at -= 1;
    }
}

/// The verb of `the password is: x`.
#[inline]
fn is_verb(name: &[u8]) -> bool {
    matches!(name, b"is" | b"was")
}

/// `curl -u user:password`
#[inline]
fn curl_user(left: &[u8]) -> bool {
    matches!(left, [.., b'u' | b'r', b' ']) && ends_in_user_option(left)
}

fn ends_in_user_option(left: &[u8]) -> bool {
    left.ends_with(b" -u ") || left.ends_with(b" --user ") || left.ends_with(b" --proxy-user ")
}

/// Whether the key at `start` begins a field, rather than a word in the middle of a value.
fn opens_field(text: &[u8], start: usize) -> bool {
    let at = run_back(text, start, 64, |byte| is(byte, SPACE));
    matches!(before(text, at), b'{' | b',' | b'(') && at > 0
}

/// Whether a path begins at `at`: `/srv`, `./a`, `~/a`, `D:\a`, `file:///a`.
fn is_path(text: &[u8], at: usize) -> bool {
    match after(text, at) {
        b'/' | b'.' | b'~' => true,
        byte => {
            is(byte, LETTER) && after(text, at + 1) == b':' && matches!(after(text, at + 2), b'\\' | b'/' | b'\n')
                || text[at..].starts_with(b"file:/")
        }
    }
}

/// Whether a key says where something is kept.
fn names_file(name: &[u8]) -> bool {
    [&b"file"[..], b"path", b"dir"]
        .iter()
        .any(|end| name.len() > end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end))
}

/// `src/auth.rs:42`
fn is_file(name: &[u8]) -> bool {
    const ENDS: &[&[u8]] = words!(
        ".rs" ".go" ".py" ".js" ".ts" ".c" ".cpp" ".java" ".toml" ".json" ".yaml" ".yml" ".txt" ".conf"
    );
    name.contains(&b'.') && ENDS.iter().any(|end| name.ends_with(end))
}

/// `wordpress_logged_in_5c01..`, `SSESS5c01..`: sessions whose names end in a hash (WordPress, Drupal, classic ASP).
fn is_session_cookie(name: &[u8]) -> bool {
    const STARTS: [&[u8]; 5] = [b"wordpress_logged_in_", b"wordpress_sec_", b"SSESS", b"SESS", b"ASPSESSIONID"];
    name.len() >= 20 && STARTS.iter().any(|start| name.starts_with(start))
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

#[inline]
fn skip_space(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && at - from < 8 && matches!(text[at], b' ' | b'\t') {
        at += 1;
    }
    at
}

/// What an opening bracket may stand for.
fn bracket(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> usize {
    if alnum(before(text, paren)) {
        return newtype(text, paren, found);
    }
    if matches!(after(text, paren + 1), b'"' | b'\\')
        && let Some(next) = positional::tuple(text, paren, found)
    {
        return next;
    }
    positional::insert(text, paren, found).unwrap_or(paren + 1)
}

/// `UserId(42)`, `Password("..")`: a type whose name is a key.
fn newtype(text: &[u8], paren: usize, found: &mut Vec<Finding>) -> usize {
    let next = after(text, paren + 1);
    if !(is(next, DIGIT) || matches!(next, b'"' | b'\\')) {
        return paren + 1;
    }
    let start = run_back(text, paren, KEY, alnum);
    if start == paren || !text[start].is_ascii_uppercase() {
        return paren + 1;
    }
    match keys::in_text(b"", &text[start..paren], Parent::Struct) {
        Some(rule) => take(text, paren + 1, rule, Style::Newtype, false, found),
        None => paren + 1,
    }
}

/// `api_key -> mCKoNJUI1z3M`: no pointer, which has no spaces, and no type.
fn arrow(anchors: &Anchors<'_>, sign: usize, found: &mut Vec<Finding>) -> usize {
    let text = anchors.text;
    let (go_on, value) = (sign + 1, sign + 2);
    if !text[..sign].ends_with(b" -") || after(text, go_on) != b' ' {
        return go_on;
    }
    let name = bare_key(anchors, sign - 2).map_or(&b""[..], |key| &text[key.start..key.end]);
    let end = value::bare(head(text, value, KEY), value, Bare::Strict, false);
    if !is_compound(name, false)
        || keys::rules_out(name)
        || !value::is_made_up(text.get(value..end).unwrap_or_default())
    {
        return go_on;
    }
    match keys::in_text(b"", name, Parent::Prose).filter(|rule| rule.class == KeyClass::Secret) {
        Some(rule) => take(text, value, rule, Style::Prose, false, found).max(go_on),
        None => go_on,
    }
}

/// `<password>hunter2</password>`
fn element(text: &[u8], sign: usize, found: &mut Vec<Finding>) -> usize {
    let start = run_back(text, sign, KEY, |byte| alnum(byte) || matches!(byte, b'_' | b'-' | b':'));
    if start == sign || before(text, start) != b'<' {
        return sign + 1;
    }
    let end = run(head(text, sign, 4 * KEY), sign + 1, |byte| byte != b'<');
    if !text[end..].strip_prefix(b"</").is_some_and(|close| close.starts_with(&text[start..sign])) {
        return sign + 1;
    }
    match keys::in_text(b"", &text[start..sign], Parent::Prose) {
        Some(rule) if quoted_counts(&text[sign + 1..end], rule, Style::Json) => {
            push(found, rule, Style::Json, false, sign + 1..end);
            end
        }
        _ => sign + 1,
    }
}

/// A random value under a key that no rule knows.
fn random(
    anchors: &Anchors<'_>,
    key: &[u8],
    from: usize,
    style: Style,
    in_url: bool,
    found: &mut Vec<Finding>,
) -> Option<usize> {
    let text = anchors.text;
    if style == Style::Newtype || !may_be_random(anchors, from) {
        return None;
    }
    let from = inside(text, from);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_colons_stand_behind_no_key() {
        let mut number = 1_u64;
        let mut draw = |below: usize| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (number >> 33) as usize % below
        };
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
