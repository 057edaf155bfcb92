//! A key's words: split at separators, camel-case humps and digit edges, and the phrase among them that decides.

use super::{GLUED, KeyClass, NumericRule, Parent, Place};
use crate::privacy::key_filter::{Ends, small_letters};
use crate::privacy::key_tables::{
    self, FIRST_WORDS, Group, LONGEST, MORE_SAFE_SUFFIXES, SAFE_SUFFIXES, SAFE_WORDS, STRUCT_SUFFIXES,
};

/// A phrase found in a key.
#[derive(Clone, Copy)]
pub(super) struct Match {
    pub(super) group: &'static Group,
    pub(super) rule: &'static str,
    /// Of its group; or that of another phrase that counts, under which a number goes.
    pub(super) numeric: NumericRule,
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
    /// Of a letter that words in Latin script may have, as in `größe`.
    Other,
    /// Of a sign, or of a script that has no blanks between words: `用户user_id` and `“user_id` are about a user's id.
    Wide,
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
                    // How signs of Latin-1 begin, and all from U+2000 on; U+1000 to U+1FFF holds letters of Vietnamese.
                    0xc2 | 0xe0 | 0xe2.. => Sign::Wide,
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
pub(super) struct Tokens {
    bytes: [u8; BYTES],
    /// Start and end of each token.
    spans: [(u8, u8); TOKENS],
    pub(super) len: usize,
    /// A phrase must reach beyond this many tokens.
    parent: usize,
}

impl Tokens {
    pub(super) fn of(parent: &[u8], key: &[u8], relation: Parent) -> Self {
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
        let mut at = 0;
        while let Some(&byte) = key.get(at) {
            let mut sign = Sign::of(byte);
            at += 1;
            if sign == Sign::Joint {
                (write, digits_only, last) = (self.close(start, write, digits_only), true, sign);
                start = write;
                continue;
            }
            if last == Sign::Wide && sign == Sign::Other {
                // What follows the first byte is of the same character.
                sign = Sign::Wide;
            }
            let hump = sign == Sign::Capital
                && match last {
                    Sign::Small | Sign::Other | Sign::Wide => true,
                    Sign::Capital => key.get(at).is_some_and(u8::is_ascii_lowercase),
                    Sign::Digit | Sign::Joint => false,
                };
            // Only behind such a character: what stands before one is ruled out before it is asked for.
            let leaves_wide = last == Sign::Wide && sign != Sign::Wide;
            let edge = leaves_wide || last != Sign::Joint && (last == Sign::Digit) != (sign == Sign::Digit);
            if hump || edge {
                (write, digits_only) = (self.close(start, write, digits_only), true);
                start = write;
            }
            digits_only &= sign == Sign::Digit;
            last = sign;
            // Most bytes go on with a word.
            if sign == Sign::Small
                && let Some(place) = self.bytes.get_mut(write..).and_then(<[u8]>::first_chunk_mut)
            {
                let (eight, count) = small_letters(key, at - 1);
                *place = eight;
                (write, at) = (write + count, at - 1 + count);
                continue;
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

    pub(super) fn token(&self, at: usize) -> &[u8] {
        let (start, end) = self.spans[at];
        &self.bytes[usize::from(start)..usize::from(end)]
    }

    pub(super) fn sequence(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[usize::from(self.spans[from].0)..usize::from(self.spans[to - 1].1)]
    }

    pub(super) fn all(&self) -> &[u8] {
        if self.len == 0 { &[] } else { self.sequence(0, self.len) }
    }

    fn is_neutral(&self, at: usize) -> bool {
        let token = self.token(at);
        key_tables::find(token, Ends::of(token).after(0)).is_some_and(|(group, _)| group.class == KeyClass::Free)
    }

    /// The phrase that decides over the first `len` tokens. Phrases may share words: in `db.user_id` the user is an id's.
    pub(super) fn best(&self, len: usize) -> Option<Match> {
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
        let mut hashes = [0; LONGEST];
        let mut hash = 0;
        let most = LONGEST.min(len - start);
        for (count, slot) in hashes.iter_mut().enumerate().take(most) {
            hash = Ends::of(self.token(start + count)).after(hash);
            *slot = hash;
        }
        for count in (1..=most).rev() {
            let end = start + count;
            let Some((group, rule)) = key_tables::find(self.sequence(start, end), hashes[count - 1]) else {
                continue;
            };
            if group.place == Place::Any || (end..len).all(|at| self.is_neutral(at)) {
                return Some(Match { group, rule, numeric: group.numeric, start, end });
            }
        }
        None
    }

    /// `pgpassword`, `myapptoken`: words that people glue to anything.
    fn glued(&self, len: usize) -> Option<Match> {
        let token = self.token(len - 1);
        let end = GLUED.iter().find(|end| token.len() > end.len() && token.ends_with(end))?;
        let (group, rule) = key_tables::find(end, Ends::of(end).after(0))?;
        Some(Match { group, rule, numeric: group.numeric, start: len - 1, end: len })
    }

    /// `session.hash` is what `session.id` becomes; `user_id_hash` is found by its words.
    pub(super) fn hashed(&self) -> Option<Match> {
        if self.len < 2 || self.token(self.len - 1) != b"hash" {
            return None;
        }
        let mut renamed = Tokens { bytes: self.bytes, ..*self };
        let start = usize::from(self.spans[self.len - 1].0);
        renamed.bytes[start..start + 2].copy_from_slice(b"id");
        renamed.spans[self.len - 1].1 = self.spans[self.len - 1].0 + 2;
        renamed.best(renamed.len).filter(|found| found.group.class == KeyClass::Id && found.end == self.len)
    }

    pub(super) fn ends_safely(&self, found: Option<Match>) -> bool {
        if self.len < 2 || found.is_some_and(|found| found.end == self.len && found.end - found.start > 1) {
            return false;
        }
        let last = self.token(self.len - 1);
        SAFE_WORDS.may_hold(Ends::of(last)) && (contains(&SAFE_SUFFIXES, last) || contains(&MORE_SAFE_SUFFIXES, last))
    }
}

/// An id at the end names the value whatever stands before it (`auth.user_id`); else the worse class decides. A number goes if it does
/// for either: `auth_token_pin`.
fn weightier(one: Match, other: Match, len: usize) -> Match {
    let weight = |found: &Match| match found.group.class {
        KeyClass::Id if found.end == len => 5,
        KeyClass::Secret => 4,
        KeyClass::Id => 3,
        KeyClass::Pii => 2,
        KeyClass::Content | KeyClass::Sql => 1,
        KeyClass::Safe | KeyClass::Free => 0,
    };
    let heavier = if weight(&other) > weight(&one) { other } else { one };
    let goes =
        heavier.group.class != KeyClass::Safe && [one, other].iter().any(|found| found.numeric == NumericRule::Goes);
    Match { numeric: if goes { NumericRule::Goes } else { heavier.numeric }, ..heavier }
}

fn contains(words: &[&str], token: &[u8]) -> bool {
    words.iter().any(|word| word.as_bytes() == token)
}
