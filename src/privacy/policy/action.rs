//! What can happen to a value, and how policies in text spell it.

use std::borrow::Cow;
use std::fmt;

use crate::app::Rotation;
use crate::privacy::generalize::{Bounds, Form};
use crate::privacy::keys;
use crate::privacy::pen::VALUE_CAP;
use crate::privacy::scan::OnFinding;

/// What happens to a value.
///
/// `Display` writes an action as policy files spell it: `keep`, `truncate(64)`, `round(day)`, `hash(daily)`,
/// `buckets(1, 10, 100)`, `generalize(ip_prefix)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The value stays; text is scanned, and a finding has the policy's [`OnFinding`] answer.
    Keep,
    /// The field disappears and is counted.
    Drop,
    /// A keyed pseudonym takes the value's place; the key gets the suffix `_hash` (`user.id` becomes `user.hash`).
    /// Pseudonyms change as often as [`Builder::rotation`](crate::Builder::rotation) says.
    Hash,
    /// As [`Action::Hash`], with pseudonyms that change as often as said here.
    HashFor(Rotation),
    /// REVERSIBLE: plain SHA-256 takes the value's place, as
    /// [`Pseudonym::reversible_sha256`](crate::privacy::Pseudonym::reversible_sha256) makes it; the key as with
    /// [`Action::Hash`]. Whoever guesses a value can
    /// check the guess, and ids are quickly guessed: for parity with systems that publish such hashes, and for nothing else.
    ReversibleSha256,
    /// The value stays; text is scanned, and findings are replaced whatever the policy says of them.
    Redact,
    /// Text is scanned and then cut to so many bytes, at a character boundary; 1,024 at most.
    Truncate(usize),
    /// A number becomes its range: `0`, `1-9`, `10-99`, `100-999` and so on by powers of ten.
    Bucket,
    /// A number becomes the range between two of these bounds that it lies in.
    Buckets(Bounds),
    /// A time (RFC 3339, or a UNIX time in s, ms, µs or ns) is rounded down.
    Round(TimeUnit),
    /// Something coarser of the same kind: an e-mail becomes a hashed domain, a phone number its country code, IPv4
    /// its /24, IPv6 its /48, a URL its scheme, host and route, a path its extension. Other text is dropped.
    Generalize,
    /// Something coarser of this form. What cannot be read as something that has it is dropped.
    GeneralizeTo(Form),
    /// An SQL text without its values: literals become `?` and comments go. What is not clearly SQL to its very end is
    /// dropped.
    Parameterize,
    /// REVERSIBLE: the values that the published table of [`Policy::automagik`](super::Policy::automagik) speaks about are
    /// replaced as it says. Other text is kept, and dropped where the key is one of personal data.
    Automagik,
}

/// What times are rounded to, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TimeUnit {
    /// The full hour.
    Hour,
    /// Midnight.
    Day,
    /// Midnight of the ISO week's Monday.
    Week,
}

/// Actions whose spelling is one word.
const WORDS: [(&str, Action); 9] = [
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("hash", Action::Hash),
    ("REVERSIBLE_sha256", Action::ReversibleSha256),
    ("redact", Action::Redact),
    ("bucket", Action::Bucket),
    ("generalize", Action::Generalize),
    ("parameterize", Action::Parameterize),
    ("REVERSIBLE_automagik", Action::Automagik),
];

const UNITS: [(&str, TimeUnit); 3] = [("hour", TimeUnit::Hour), ("day", TimeUnit::Day), ("week", TimeUnit::Week)];

const ROTATIONS: [(&str, Rotation); 4] = [
    ("daily", Rotation::Daily),
    ("weekly", Rotation::Weekly),
    ("monthly", Rotation::Monthly),
    ("never", Rotation::Never),
];

const ANSWERS: [(&str, OnFinding); 4] = [
    ("redact", OnFinding::Redact),
    ("drop_field", OnFinding::DropField),
    ("drop_record", OnFinding::DropRecord),
    ("drop_record_on_any", OnFinding::DropRecordOnAny),
];

impl Action {
    /// Reads what `Display` writes.
    pub(in crate::privacy) fn parse(text: &str) -> Option<Action> {
        if let Some(action) = find(&WORDS, text) {
            return Some(action);
        }
        let (name, argument) = text.strip_suffix(')')?.split_once('(')?;
        match name {
            "hash" => find(&ROTATIONS, argument).map(Action::HashFor),
            "buckets" => argument.parse().ok().map(Action::Buckets),
            "generalize" => argument.parse().ok().map(Action::GeneralizeTo),
            "truncate" => argument.parse().ok().map(Action::Truncate),
            "round" => find(&UNITS, argument).map(Action::Round),
            _ => None,
        }
    }

    /// Every spelling, for error messages.
    pub(super) fn spellings() -> String {
        let words = WORDS.iter().map(|(word, _)| format!("`{word}`"));
        let forms = ["`truncate(64)`", "`buckets(1, 10, 100)`"].map(str::to_owned).into_iter();
        let forms = forms
            .chain(UNITS.iter().map(|(word, _)| format!("`round({word})`")))
            .chain(ROTATIONS.iter().map(|(word, _)| format!("`hash({word})`")))
            .chain(Form::ALL.iter().map(|form| format!("`generalize({form})`")));
        words.chain(forms).collect::<Vec<_>>().join(", ")
    }

    /// Whether a hash takes the value's place.
    #[inline]
    pub(in crate::privacy) fn is_hash(self) -> bool {
        matches!(self, Action::Hash | Action::HashFor(_) | Action::ReversibleSha256)
    }

    /// Whether text stays, but for what the scanner finds in it.
    #[inline]
    pub(in crate::privacy) fn keeps_text(self) -> bool {
        matches!(self, Action::Keep | Action::Redact | Action::Truncate(_))
    }

    /// Whether a rule with this action needs a reason: the value leaves, or can be found out from what leaves.
    pub(super) fn needs_reason(self) -> bool {
        self.keeps_text() || matches!(self, Action::ReversibleSha256 | Action::Automagik)
    }

    /// Bytes of a text that stay.
    #[inline]
    pub(in crate::privacy) fn cap(self) -> usize {
        match self {
            Action::Truncate(bytes) => bytes.min(VALUE_CAP),
            _ => VALUE_CAP,
        }
    }

    /// The key under which a value leaves.
    pub(in crate::privacy) fn rename(self, key: &str) -> Cow<'_, str> {
        if !self.is_hash() || keys::is_pseudonym_key(key) {
            return Cow::Borrowed(key);
        }
        match key.strip_suffix(".id") {
            Some(owner) => Cow::Owned(format!("{owner}.hash")),
            None => Cow::Owned(format!("{key}_hash")),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Truncate(bytes) => write!(f, "truncate({bytes})"),
            Action::HashFor(rotation) => write!(f, "hash({})", word(&ROTATIONS, rotation)),
            Action::Buckets(bounds) => write!(f, "buckets({bounds})"),
            Action::GeneralizeTo(form) => write!(f, "generalize({form})"),
            Action::Round(unit) => write!(f, "round({unit})"),
            action => f.write_str(word(&WORDS, action)),
        }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word(&UNITS, self))
    }
}

impl TimeUnit {
    /// Reads what `Display` writes.
    pub(in crate::privacy) fn parse(text: &str) -> Option<TimeUnit> {
        find(&UNITS, text)
    }

    /// The words there are, for errors.
    pub(in crate::privacy) fn spellings() -> String {
        UNITS.map(|(word, _)| format!("`{word}`")).join(", ")
    }
}

impl OnFinding {
    /// Reads what `Display` writes.
    pub(super) fn parse(text: &str) -> Option<OnFinding> {
        find(&ANSWERS, text)
    }

    /// Every spelling, for error messages.
    pub(super) fn spellings() -> String {
        ANSWERS.map(|(word, _)| format!("`{word}`")).join(", ")
    }
}

impl fmt::Display for OnFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word(&ANSWERS, self))
    }
}

fn find<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let more = [Action::Truncate(0), Action::Truncate(64)].into_iter();
        let bounds = [&[0][..], &[-5, 10, i64::MAX], &[1, 2, 3]].map(|bounds| Bounds::new(bounds).unwrap());
        let more = more
            .chain(UNITS.map(|(_, unit)| Action::Round(unit)))
            .chain(ROTATIONS.map(|(_, rotation)| Action::HashFor(rotation)))
            .chain(Form::ALL.map(Action::GeneralizeTo))
            .chain(bounds.map(Action::Buckets));
        for action in WORDS.map(|(_, action)| action).into_iter().chain(more) {
            assert!(!action.to_string().is_empty(), "{action:?} has no spelling");
            assert_eq!(Action::parse(&action.to_string()), Some(action));
        }
        for (_, answer) in ANSWERS {
            assert_eq!(OnFinding::parse(&answer.to_string()), Some(answer));
        }
        for wrong in [
            "",
            "Keep",
            "destroy",
            "truncate",
            "truncate()",
            "truncate(-1)",
            "round(year)",
            "round(day",
            "()",
            "hash()",
            "hash(hourly)",
            "buckets()",
            "buckets(2, 1)",
            "buckets(1,,2)",
            "generalize(ip)",
            "generalize()",
        ] {
            assert_eq!(Action::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_can_be_guessed_says_so() {
        for action in [Action::ReversibleSha256, Action::Automagik] {
            assert!(action.to_string().starts_with("REVERSIBLE"), "{action}");
        }
    }
}
