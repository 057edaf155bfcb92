//! Key names: what a field's name says about its value.
//!
//! A key is split into lower-case [`tokens`], and sequences of these are looked up, longest first, in [`super::key_tables`].
//! Never by substring: `cc` is not in `Accept` and `auth` is not in `author`. An exclusion (`token_count`) takes its words out
//! of the game; a key that ends in a count, time, sort or switch (`password_changed_at`) is safe as a whole. Nothing here
//! allocates or panics, whatever the key.

mod tokens;

use std::ops::Range;

use tokens::Tokens;

use super::key_filter::Ends;
use super::key_tables::{self, LAST_WORDS, PLAIN_HEADERS, PREFIXES};

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
    Some(KeyInText { class: found.group.class, numeric: found.numeric, text: found.group.text })
}

/// The same for a key that is one word and stands by itself, as many do.
fn one_word(key: &[u8]) -> Option<KeyInText> {
    let known = |word: &[u8]| key_tables::find(word, Ends::of(word).after(0)).map(|(group, _)| group);
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
    key_tables::find(lower, Ends::of(lower).after(0)).is_some()
}

/// Whether a key in text can be ruled out because none of its words ends a phrase. Most can.
///
/// Reads the words as [`Tokens`] does, but for what is seldom: where capitals or other scripts make it hard to tell where
/// a word begins, the key is not ruled out.
#[inline]
pub(crate) fn rules_out(key: &[u8]) -> bool {
    rules_out_within(key, 0..key.len())
}

/// The same of the key that is at `key` in a text.
#[inline(always)]
pub(crate) fn rules_out_within(text: &[u8], key: Range<usize>) -> bool {
    let ends = Ends::within(text, key.clone());
    if ends.are_all_small() { !may_count(ends, &text[key]) } else { rules_out_words(text, key) }
}

#[inline(never)]
fn rules_out_words(text: &[u8], key: Range<usize>) -> bool {
    let bytes = &text[key.clone()];
    // A letter of another script is no end of a word that would be known.
    if matches!(bytes, [0x80..=0xff, second, ..] if !second.is_ascii_lowercase()) {
        return false;
    }
    match Ends::places_of_others(bytes) {
        Some(others) => rules_out_between(text, key, others),
        None => rules_out_between(text, key, (0..bytes.len()).filter(|at| !bytes[*at].is_ascii_lowercase())),
    }
}

/// The same, told where in the key there are no small letters.
#[inline(always)]
fn rules_out_between(text: &[u8], key: Range<usize>, others: impl Iterator<Item = usize>) -> bool {
    let (mut start, mut words) = (key.start, 0);
    for at in others.map(|at| key.start + at).chain([key.end]) {
        if start < at {
            if may_count(Ends::within(text, start..at), &text[start..at]) {
                return false;
            }
            words += 1;
        }
        start = at + 1;
        if at < key.end && (text[at].is_ascii_uppercase() || text[at] >= 0x80) {
            if !text[..key.end].get(at + 1).is_some_and(u8::is_ascii_lowercase) {
                return false;
            }
            start = at;
        }
    }
    // `12: ..` has no word of its own, and takes the one before it.
    words > 0
}

#[inline]
fn may_count(ends: Ends, word: &[u8]) -> bool {
    LAST_WORDS.may_hold(ends) || may_be_glued(word)
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
        Some(found) => KeyVerdict { class: found.group.class, rule: found.rule, numeric: found.numeric },
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

#[cfg(test)]
mod tests;
