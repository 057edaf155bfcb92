//! Which keys a rule of the application is about.

use std::fmt;

use crate::privacy::keys;

/// Keys that a rule is about.
///
/// Where a method takes `impl Into<KeyPattern>`, a text will do:
///
/// | text | keys |
/// |---|---|
/// | `user.plan` | this one |
/// | `user.*` | all that begin so |
/// | `*_id`, `db.*.text` | a star stands for any text, also for none |
/// | `token:order ref` | all that hold these words one after the other, however they are written: `orderRef`, `last_order-ref` |
/// | `exact:2*3`, `prefix:a*` | the rest taken literally, stars included |
///
/// A rule is also about keys inside text, unless its pattern is about every key: in `key=value`, JSON and `Debug` output, forms, URLs,
/// options, XML and whatever else the built-in rules read, also where signs are escaped or coloured, or bytes are listed one by one;
/// there what it drops, hashes, cuts or makes coarser is replaced (by `[ID]`, or `[PII]`; text holds no pseudonyms), and what
/// it keeps is scanned as if it stood under no key. In text it is the value beside the key that is meant: of an object, its own keys decide.
///
/// Case counts, except in the words of `token:`. Number tokens are no words: `order2` has the word `order`.
///
/// An empty text and `token:` without a word, as in `token:7`, are slips and match no key. A rule for one is refused where
/// mistakes are told: by [`Builder::start`](crate::Builder::start) and [`Policy::from_toml`](super::Policy::from_toml).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Exact(Box<str>),
    Prefix(Box<str>),
    /// Words as [`keys::phrase`] writes them.
    Words(Box<str>),
    /// The pieces between the stars.
    Glob(Box<[Box<str>]>),
    /// A text that says nothing.
    Void(Box<str>),
}

impl KeyPattern {
    /// This key alone.
    pub fn exact(key: &str) -> Self {
        KeyPattern(Form::Exact(key.into()))
    }

    /// Keys that begin so.
    pub fn prefix(head: &str) -> Self {
        KeyPattern(Form::Prefix(head.into()))
    }

    /// Keys that hold these words one after the other, in any spelling.
    pub fn token(words: &str) -> Self {
        match keys::phrase(words) {
            phrase if phrase.is_empty() => KeyPattern(Form::Void(format!("token:{words}").into())),
            phrase => KeyPattern(Form::Words(phrase.into())),
        }
    }

    /// Keys that match a text in which `*` stands for any text.
    pub fn glob(text: &str) -> Self {
        match text.split('*').collect::<Vec<_>>()[..] {
            [key] => Self::exact(key),
            [head, ""] => Self::prefix(head),
            ref pieces => KeyPattern(Form::Glob(pieces.iter().map(|piece| Box::from(*piece)).collect())),
        }
    }

    /// Whether the pattern is about this key.
    pub fn matches(&self, key: &str) -> bool {
        match &self.0 {
            Form::Exact(exact) => key == &**exact,
            Form::Prefix(head) => key.starts_with(&**head),
            Form::Words(words) => keys::holds(key, words),
            Form::Glob(pieces) => glob(pieces, key),
            Form::Void(_) => false,
        }
    }

    /// What all of its keys are made of, beside other bytes; letters in any case.
    pub(in crate::privacy) fn bytes(&self) -> impl Iterator<Item = u8> {
        let pieces = match &self.0 {
            Form::Exact(text) | Form::Prefix(text) | Form::Words(text) => std::slice::from_ref(text),
            Form::Glob(pieces) => pieces,
            Form::Void(_) => &[],
        };
        // Between words stands what a key likes to have there.
        let joint = matches!(&self.0, Form::Words(_)).then_some(b' ');
        pieces.iter().flat_map(|piece| piece.bytes()).filter(move |byte| Some(*byte) != joint)
    }

    /// Whether it is about every key there is.
    pub(in crate::privacy) fn is_about_all(&self) -> bool {
        match &self.0 {
            Form::Exact(_) | Form::Words(_) | Form::Void(_) => false,
            Form::Prefix(head) => head.is_empty(),
            Form::Glob(pieces) => pieces.iter().all(|piece| piece.is_empty()),
        }
    }

    /// Whether no key can ever match.
    pub(super) fn is_void(&self) -> bool {
        matches!(&self.0, Form::Void(_))
    }

    /// Why no key can ever match, and what to write instead, if that is so.
    pub(super) fn mistake(&self) -> Option<String> {
        match &self.0 {
            Form::Void(text) if text.trim().is_empty() => {
                Some(String::from("the key is empty; name a key, such as `user.plan`, or write `*` for all of them"))
            }
            Form::Void(text) => Some(format!("`{text}` matches no key; after `token:` come words of letters")),
            _ => None,
        }
    }
}

impl From<&str> for KeyPattern {
    fn from(text: &str) -> Self {
        match text.split_once(':') {
            Some(("exact", key)) => Self::exact(key),
            Some(("prefix", head)) => Self::prefix(head),
            Some(("token", words)) => Self::token(words),
            _ if text.trim().is_empty() => KeyPattern(Form::Void(text.into())),
            _ => Self::glob(text),
        }
    }
}

impl From<&String> for KeyPattern {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for KeyPattern {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Writes the pattern as it can be read again.
impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |text: &str| !text.contains('*') && !text.contains(':');
        match &self.0 {
            // No text at all would be taken for a slip.
            Form::Exact(key) if is_plain(key) && !key.trim().is_empty() => f.write_str(key),
            Form::Exact(key) => write!(f, "exact:{key}"),
            Form::Prefix(head) if is_plain(head) => write!(f, "{head}*"),
            Form::Prefix(head) => write!(f, "prefix:{head}"),
            Form::Words(words) => write!(f, "token:{words}"),
            Form::Glob(pieces) => f.write_str(&pieces.join("*")),
            Form::Void(text) => f.write_str(text),
        }
    }
}

/// Whether a key begins with the first piece, ends with the last, and has the others between them in order.
fn glob(pieces: &[Box<str>], key: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return key == &**first };
    let Some(mut left) = key.strip_prefix(&**first) else { return false };
    for piece in middle {
        match left.find(&**piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(&**last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_what_its_grammar_says() {
        for (pattern, key, matches) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("user.*", "user.plan", true),
            ("user.*", "users.plan", false),
            ("*_id", "order_id", true),
            ("*_id", "order_ids", false),
            ("*coupon*", "my.coupon.code", true),
            ("*coupon*", "cupon", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("exact:2*3", "2*3", true),
            ("exact:2*3", "2x3", false),
            ("prefix:a*", "a*b", true),
            ("prefix:a*", "ab", false),
            ("token:order ref", "orderRef", true),
            ("token:order_ref", "x.ORDER-ref.y", true),
            ("token:orderRef", "last_order_ref2", true),
            ("token:order ref", "ref_order", false),
            ("token:order ref", "reorder_ref", false),
            ("token:cc", "Accept", false),
            ("token:cc", "bill.cc", true),
            ("", "", false),
            (" ", " ", false),
            ("exact:", "", true),
            ("token:", "", false),
            ("token:7", "7", false),
            ("code:file", "code:file", true),
        ] {
            assert_eq!(KeyPattern::from(pattern).matches(key), matches, "{pattern} {key}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for pattern in [
            KeyPattern::exact("user.id"),
            KeyPattern::exact("2*3"),
            KeyPattern::exact("token:x"),
            KeyPattern::exact("exact:x"),
            KeyPattern::exact(""),
            KeyPattern::prefix("user."),
            KeyPattern::prefix(""),
            KeyPattern::prefix("prefix:*"),
            KeyPattern::token("orderRef"),
            KeyPattern::glob("*_id"),
            KeyPattern::glob("a*b*"),
        ] {
            assert_eq!(KeyPattern::from(pattern.to_string()), pattern, "{pattern}");
        }
    }
}
