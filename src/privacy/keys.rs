//! Key names: what a field's name says about its value.
//!
//! A key is split into lower-case tokens at separators, camel-case humps and digit edges, and sequences of tokens are looked
//! up, longest first, in [`super::key_tables`]. Never by substring: `cc` is not in `Accept` and `auth` is not in `author`.
//! An exclusion (`token_count`) takes its words out of the game; a key that ends in a count, time, sort or switch
//! (`password_changed_at`) is safe as a whole. Nothing here allocates or panics, whatever the key.

use super::key_filter::Ends;
use super::key_tables::{
    self, FIRST_WORDS, Group, LAST_WORDS, LONGEST, MORE_SAFE_SUFFIXES, PLAIN_HEADERS, PREFIXES, SAFE_SUFFIXES,
    SAFE_WORDS, SEED, STRUCT_SUFFIXES,
};

/// What kind of value a key announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyClass {
    /// Names a person or what stands for one: to be replaced by a pseudonym, whatever its type.
    Id,
    /// A secret: to be removed.
    Secret,
    /// Personal data: to be removed.
    Pii,
    /// What people wrote or machines were told: to be removed.
    Content,
    /// An SQL text, whose literals are content.
    Sql,
    /// An explicit exclusion, such as `token_count` or `trace_id`.
    Safe,
    /// No rule speaks about this key.
    Free,
}

/// Whether a number or a bool may stay under a key whose text would be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumericRule {
    /// A number here is the thing itself (`pin`, `phone`, `lat`).
    Goes,
    /// A number here is a count or a size (`token`, `session`).
    Stays,
}

/// The verdict on one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyVerdict {
    pub(crate) class: KeyClass,
    /// The rule that decided, in words for `explain`; empty for [`KeyClass::Free`].
    pub(crate) rule: &'static str,
    pub(crate) numeric: NumericRule,
}

/// Where in a key a phrase counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Any,
    /// Only at its end, or before words that say nothing (`session_data`), since `host.arch` is not a host.
    End,
}

/// What a value must look like to be taken when its key stands in running text, where `token expired` is prose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextRule {
    /// The key counts as an attribute only.
    Never,
    /// Any word may be one.
    Password,
    /// A made-up string; plain words and numbers are not.
    Token,
    /// `name=value; name=value`.
    Cookie,
    /// Mostly digits.
    Digits,
    Phone,
    Date,
    Geo,
    /// One or several words, the first of them capitalised where it is prose.
    Name,
    /// Anything that is no plain word.
    Data,
    /// An address that has not the form of one; in prose only the form counts.
    Mail,
    /// What makers number things with, or what somebody called one; not the octets of a certificate's.
    Serial,
    /// The name of a document or picture, without a path.
    File,
    /// An everyday word, which counts only in `key=value`, JSON or `Debug` position.
    Weak,
    /// As `Weak`, and in prose a capitalised name.
    Person,
    Host,
    /// A network address; `peer=10.0.0.1:80`.
    Addr,
    Id,
}

/// The verdict on a key inside text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyInText {
    pub(crate) class: KeyClass,
    pub(crate) numeric: NumericRule,
    pub(crate) text: TextRule,
}

/// Whether the words before a key are the name of the struct that holds it or only the words before it in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    Struct,
    Prose,
}

/// Judges a whole attribute key, such as `user.id`, `x-api-key`, `userId` or `http.request.header.authorization`.
#[must_use]
pub(crate) fn classify(key: &str) -> KeyVerdict {
    let key = key.as_bytes();
    if let Some(verdict) = by_prefix(key) {
        return verdict;
    }
    judge(b"", key)
}

/// Judges a field inside a struct: the `id` in `User { id: 42 }` counts as `User.id`.
///
/// The struct's name alone condemns nothing: `Session { plan: .. }` stays.
#[cfg(test)]
pub(crate) fn classify_in(parent: &str, key: &str) -> KeyVerdict {
    judge(parent.as_bytes(), key.as_bytes())
}

/// A text's words as rules of the application name them: lower-case tokens with one space between them.
pub(crate) fn phrase(text: &str) -> String {
    let tokens = Tokens::of(b"", text.as_bytes(), Parent::Prose);
    String::from_utf8_lossy(tokens.all()).into_owned()
}

/// Whether a key has the words of a [`phrase`] one after the other.
pub(crate) fn holds(key: &str, phrase: &str) -> bool {
    let tokens = Tokens::of(b"", key.as_bytes(), Parent::Prose);
    let words = phrase.bytes().filter(|byte| *byte == b' ').count() + 1;
    let last = (tokens.len + 1).checked_sub(words).filter(|_| !phrase.is_empty()).unwrap_or_default();
    (0..last).any(|first| tokens.sequence(first, first + words) == phrase.as_bytes())
}

/// Whether a key names a pseudonym (`user_id_hash`, `user.hash`), so that a value that is one may stay.
#[must_use]
pub(crate) fn is_pseudonym_key(key: &str) -> bool {
    let tokens = Tokens::of(b"", key.as_bytes(), Parent::Prose);
    let Some(last) = tokens.len.checked_sub(1).filter(|last| *last > 0 && tokens.token(*last) == b"hash") else {
        return false;
    };
    tokens
        .hashed()
        .or_else(|| tokens.best(last))
        .is_some_and(|found| matches!(found.group.class, KeyClass::Id | KeyClass::Pii))
}

/// Judges the key to the left of a `=` or `:` inside text. `None` if no rule applies to the value.
pub(crate) fn in_text(parent: &[u8], key: &[u8], relation: Parent) -> Option<KeyInText> {
    if parent.is_empty() && key.iter().all(u8::is_ascii_lowercase) {
        return one_word(key);
    }
    let tokens = Tokens::of(parent, key, relation);
    let found = tokens.hashed().or_else(|| tokens.best(tokens.len))?;
    let sensitive = matches!(found.group.class, KeyClass::Id | KeyClass::Secret | KeyClass::Pii);
    if !sensitive || found.group.text == TextRule::Never || tokens.ends_safely(Some(found)) {
        return None;
    }
    Some(KeyInText { class: found.group.class, numeric: found.group.numeric, text: found.group.text })
}

/// The same for a key that is one word and stands by itself, as many do.
fn one_word(key: &[u8]) -> Option<KeyInText> {
    let known = |word: &[u8]| key_tables::find(word, key_tables::hash(word, SEED)).map(|(group, _)| group);
    let glued = || GLUED.iter().find(|end| key.len() > end.len() && key.ends_with(end)).and_then(|end| known(end));
    let group = known(key).filter(|group| group.class != KeyClass::Free).or_else(glued)?;
    let sensitive = matches!(group.class, KeyClass::Id | KeyClass::Secret | KeyClass::Pii);
    (sensitive && group.text != TextRule::Never).then_some(KeyInText {
        class: group.class,
        numeric: group.numeric,
        text: group.text,
    })
}

/// The endings of words that people glue to anything: `pgpassword`, `myapptoken`.
const GLUED: [&[u8]; 6] = [b"password", b"passwd", b"passphrase", b"apikey", b"token", b"secret"];

/// Whether a key is one word made of two, as `accesstoken` is.
pub(crate) fn is_glued(key: &[u8]) -> bool {
    GLUED
        .iter()
        .any(|end| key.len() > end.len() && key.is_ascii() && key[key.len() - end.len()..].eq_ignore_ascii_case(end))
}

/// Whether a word is what a rule goes by (`secret`, `input`, `hash`), and so rather a name than a value.
pub(crate) fn is_named(word: &[u8]) -> bool {
    let mut lower = [0; 24];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    key_tables::find(lower, key_tables::hash(lower, SEED)).is_some()
}

/// Whether a key in text can be ruled out because none of its words ends a phrase. Most can.
///
/// Reads the words as [`Tokens`] does, but for what is seldom: where capitals or other scripts make it hard to tell where
/// a word begins, the key is not ruled out.
#[inline]
pub(crate) fn rules_out(key: &[u8]) -> bool {
    let ends = Ends::of(key);
    if !ends.are_all_small() {
        return rules_out_words(key);
    }
    !(LAST_WORDS.may_hold(ends) || may_be_glued(key))
}

#[inline(never)]
fn rules_out_words(key: &[u8]) -> bool {
    let (mut start, mut words) = (0, 0);
    for at in 0..=key.len() {
        let byte = key.get(at).copied().unwrap_or(b'.');
        if byte.is_ascii_lowercase() {
            continue;
        }
        if start < at {
            if may_count(&key[start..at]) {
                return false;
            }
            words += 1;
        }
        start = at + 1;
        if byte.is_ascii_uppercase() || byte >= 0x80 {
            if !key.get(at + 1).is_some_and(u8::is_ascii_lowercase) {
                return false;
            }
            start = at;
        }
    }
    // `12: ..` has no word of its own, and takes the one before it.
    words > 0
}

fn may_count(word: &[u8]) -> bool {
    LAST_WORDS.may_hold(Ends::of(word)) || may_be_glued(word)
}

#[inline(never)]
fn ends_glued(word: &[u8]) -> bool {
    GLUED.iter().any(|end| word.ends_with(end))
}

#[inline]
fn may_be_glued(word: &[u8]) -> bool {
    // The last two letters of each, since hardly a word has them.
    matches!(word, [.., b'r', b'd'] | [.., b'w', b'd'] | [.., b's', b'e'] | [.., b'e', b'y' | b'n' | b't'])
        && ends_glued(word)
}

const FREE: KeyVerdict = KeyVerdict { class: KeyClass::Free, rule: "", numeric: NumericRule::Stays };
const SUFFIX: KeyVerdict =
    KeyVerdict { class: KeyClass::Safe, rule: "ends in a count, time, sort or switch", numeric: NumericRule::Stays };

fn judge(parent: &[u8], key: &[u8]) -> KeyVerdict {
    let tokens = Tokens::of(parent, key, Parent::Struct);
    let found = tokens.hashed().or_else(|| tokens.best(tokens.len));
    if tokens.ends_safely(found) {
        return SUFFIX;
    }
    match found {
        Some(found) => KeyVerdict { class: found.group.class, rule: found.rule, numeric: found.group.numeric },
        None => FREE,
    }
}

fn by_prefix(key: &[u8]) -> Option<KeyVerdict> {
    let (prefix, class, rule) = PREFIXES.iter().find(|(prefix, ..)| {
        key.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    })?;
    let name = &key[prefix.len()..];
    if prefix.contains(".header.") && PLAIN_HEADERS.iter().any(|plain| name.eq_ignore_ascii_case(plain.as_bytes())) {
        return Some(KeyVerdict {
            class: KeyClass::Safe,
            rule: "header without personal data",
            numeric: NumericRule::Stays,
        });
    }
    let own = judge(b"", name);
    Some(match own.class {
        // The name itself knows better: a pseudonym joins, and an explained secret is more useful than the prefix.
        KeyClass::Secret | KeyClass::Id => own,
        _ => KeyVerdict { class: *class, rule, numeric: NumericRule::Goes },
    })
}

/// A phrase found in a key.
#[derive(Clone, Copy)]
struct Match {
    group: &'static Group,
    rule: &'static str,
    start: usize,
    end: usize,
}

/// What a byte of a key is to its words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Between two words.
    Joint,
    Small,
    Capital,
    Digit,
    /// Of another script.
    Other,
}

impl Sign {
    #[inline]
    fn of(byte: u8) -> Self {
        const TABLE: [Sign; 256] = {
            let mut table = [Sign::Joint; 256];
            let mut byte = 0;
            while byte < 256 {
                table[byte] = match byte as u8 {
                    b'a'..=b'z' => Sign::Small,
                    b'A'..=b'Z' => Sign::Capital,
                    b'0'..=b'9' => Sign::Digit,
                    0x80.. => Sign::Other,
                    _ => Sign::Joint,
                };
                byte += 1;
            }
            table
        };
        static SIGNS: [Sign; 256] = TABLE;
        SIGNS[usize::from(byte)]
    }
}

const BYTES: usize = 192;
const TOKENS: usize = 16;
/// Of a longer key the end is read: names go from the general to the particular.
const KEY_BYTES: usize = 128;
/// Of the words before a key.
const PARENT_BYTES: usize = 48;

/// A key's tokens, lower-case, with one space between them, so that every sequence of tokens is a slice.
struct Tokens {
    bytes: [u8; BYTES],
    /// Start and end of each token.
    spans: [(u8, u8); TOKENS],
    len: usize,
    /// A phrase must reach beyond this many tokens.
    parent: usize,
}

impl Tokens {
    fn of(parent: &[u8], key: &[u8], relation: Parent) -> Self {
        let mut tokens = Tokens { bytes: [0; BYTES], spans: [(0, 0); TOKENS], len: 0, parent: 0 };
        let key = key.strip_prefix(b"r#").unwrap_or(key);
        if !parent.is_empty() {
            tokens.push(&parent[parent.len().saturating_sub(PARENT_BYTES)..]);
            if relation == Parent::Struct {
                while tokens.len > 1 && contains(&STRUCT_SUFFIXES, tokens.token(tokens.len - 1)) {
                    tokens.len -= 1;
                }
            }
            tokens.parent = tokens.len;
        }
        tokens.push(&key[key.len().saturating_sub(KEY_BYTES)..]);
        if tokens.parent > 0 && (tokens.parent..tokens.len).all(|at| tokens.is_neutral(at)) {
            // `ApiKey { value: .. }`: the struct's name is the key.
            tokens.parent -= 1;
        }
        tokens
    }

    fn push(&mut self, key: &[u8]) {
        let mut write = if self.len == 0 { 0 } else { usize::from(self.spans[self.len - 1].1) + 1 };
        let mut start = write;
        let mut digits_only = true;
        let mut last = Sign::Joint;
        for (at, &byte) in key.iter().enumerate() {
            let sign = Sign::of(byte);
            // Most bytes go on with a word.
            if !(sign == Sign::Small && last == Sign::Small) {
                if sign == Sign::Joint {
                    (write, digits_only, last) = (self.close(start, write, digits_only), true, sign);
                    start = write;
                    continue;
                }
                let hump = sign == Sign::Capital
                    && match last {
                        Sign::Small | Sign::Other => true,
                        Sign::Capital => key.get(at + 1).is_some_and(u8::is_ascii_lowercase),
                        Sign::Digit | Sign::Joint => false,
                    };
                let edge = last != Sign::Joint && (last == Sign::Digit) != (sign == Sign::Digit);
                if hump || edge {
                    (write, digits_only) = (self.close(start, write, digits_only), true);
                    start = write;
                }
                digits_only &= sign == Sign::Digit;
                last = sign;
            }
            // Cannot overflow for the lengths cut above, since each byte adds at most one space; if it could, the rest is left.
            if write + 1 >= BYTES {
                break;
            }
            self.bytes[write] = byte.to_ascii_lowercase();
            write += 1;
        }
        self.close(start, write, digits_only);
    }

    /// Ends the token `start..write` and says where the next one starts. Numbers are no tokens: `address1` is an address.
    fn close(&mut self, start: usize, write: usize, digits_only: bool) -> usize {
        if start == write || digits_only {
            return start;
        }
        if self.len == TOKENS {
            self.spans.copy_within(1.., 0);
            self.len -= 1;
            self.parent = self.parent.saturating_sub(1);
        }
        // Both fit: BYTES is below 256.
        self.spans[self.len] = (start as u8, write as u8);
        self.len += 1;
        if write < BYTES {
            self.bytes[write] = b' ';
        }
        write + 1
    }

    fn token(&self, at: usize) -> &[u8] {
        let (start, end) = self.spans[at];
        &self.bytes[usize::from(start)..usize::from(end)]
    }

    fn sequence(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[usize::from(self.spans[from].0)..usize::from(self.spans[to - 1].1)]
    }

    fn all(&self) -> &[u8] {
        if self.len == 0 { &[] } else { self.sequence(0, self.len) }
    }

    fn is_neutral(&self, at: usize) -> bool {
        let token = self.token(at);
        key_tables::find(token, key_tables::hash(token, SEED)).is_some_and(|(group, _)| group.class == KeyClass::Free)
    }

    /// The phrase that decides over the first `len` tokens. Phrases may share words: in `db.user_id` the user is an id's.
    fn best(&self, len: usize) -> Option<Match> {
        let mut best: Option<Match> = None;
        let (mut start, mut reached) = (0, 0);
        while start < len {
            let begins = FIRST_WORDS.may_hold(Ends::of(self.token(start)));
            let found = if begins { self.longest_at(start, len) } else { None }.filter(|found| found.end > reached);
            start += 1;
            let Some(found) = found else { continue };
            reached = found.end;
            if found.group.class == KeyClass::Safe {
                // Its words are out of the game.
                start = found.end;
            }
            if found.end > self.parent && found.group.class != KeyClass::Free {
                best = Some(best.map_or(found, |best| weightier(best, found, len)));
            }
        }
        if best.is_none() && len > self.parent {
            return self.glued(len);
        }
        best
    }

    fn longest_at(&self, start: usize, len: usize) -> Option<Match> {
        let mut hashes = [0u32; LONGEST];
        let mut hash = SEED;
        let most = LONGEST.min(len - start);
        for (count, slot) in hashes.iter_mut().enumerate().take(most) {
            if count > 0 {
                hash = key_tables::hash(b" ", hash);
            }
            hash = key_tables::hash(self.token(start + count), hash);
            *slot = hash;
        }
        for count in (1..=most).rev() {
            let end = start + count;
            let Some((group, rule)) = key_tables::find(self.sequence(start, end), hashes[count - 1]) else {
                continue;
            };
            if group.place == Place::Any || (end..len).all(|at| self.is_neutral(at)) {
                return Some(Match { group, rule, start, end });
            }
        }
        None
    }

    /// `pgpassword`, `myapptoken`: words that people glue to anything.
    fn glued(&self, len: usize) -> Option<Match> {
        let token = self.token(len - 1);
        let end = GLUED.iter().find(|end| token.len() > end.len() && token.ends_with(end))?;
        let (group, rule) = key_tables::find(end, key_tables::hash(end, SEED))?;
        Some(Match { group, rule, start: len - 1, end: len })
    }

    /// `session.hash` is what `session.id` becomes; `user_id_hash` is found by its words.
    fn hashed(&self) -> Option<Match> {
        if self.len < 2 || self.token(self.len - 1) != b"hash" {
            return None;
        }
        let mut renamed = Tokens { bytes: self.bytes, ..*self };
        let start = usize::from(self.spans[self.len - 1].0);
        renamed.bytes[start..start + 2].copy_from_slice(b"id");
        renamed.spans[self.len - 1].1 = self.spans[self.len - 1].0 + 2;
        renamed.best(renamed.len).filter(|found| found.group.class == KeyClass::Id && found.end == self.len)
    }

    fn ends_safely(&self, found: Option<Match>) -> bool {
        if self.len < 2 || found.is_some_and(|found| found.end == self.len && found.end - found.start > 1) {
            return false;
        }
        let last = self.token(self.len - 1);
        SAFE_WORDS.may_hold(Ends::of(last)) && (contains(&SAFE_SUFFIXES, last) || contains(&MORE_SAFE_SUFFIXES, last))
    }
}

/// An id at the end names the value whatever stands before it (`auth.user_id`); else the worse class decides.
fn weightier(one: Match, other: Match, len: usize) -> Match {
    let weight = |found: &Match| match found.group.class {
        KeyClass::Id if found.end == len => 5,
        KeyClass::Secret => 4,
        KeyClass::Id => 3,
        KeyClass::Pii => 2,
        KeyClass::Content | KeyClass::Sql => 1,
        KeyClass::Safe | KeyClass::Free => 0,
    };
    if weight(&other) > weight(&one) { other } else { one }
}

fn contains(words: &[&str], token: &[u8]) -> bool {
    words.iter().any(|word| word.as_bytes() == token)
}

#[cfg(test)]
mod tests;
