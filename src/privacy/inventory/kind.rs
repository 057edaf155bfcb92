//! What a declared field may hold.

use std::fmt;
use std::sync::Arc;

use crate::app::Timestamp;

/// The type of a declared field. It is enforced: a value of another type is dropped, whatever logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// `boolean`: true or false.
    Boolean,
    /// `integer`: a whole number, logged as a number.
    Integer,
    /// `number`: a whole number or a fraction, logged as a number.
    Number,
    /// `enum`: one of the listed words.
    Enum(Arc<[Box<str>]>),
    /// `id`: stands for somebody or something; a keyed pseudonym takes its place, unless the file keeps it and says why.
    Id,
    /// `time`: a time of RFC 3339 or a UNIX time; rounded down to the day unless the action says otherwise.
    Time,
    /// `word`: up to 64 ASCII letters, digits and `_ . : + / -`, such as a version or an error's type; scanned.
    Word,
    /// `text`: any text; scanned.
    Text,
}

/// The longest word, in bytes.
const WORD: usize = 64;

impl FieldKind {
    /// The kind that a file names, given the listed values.
    pub(super) fn parse(name: &str, values: Option<Vec<String>>) -> Option<Self> {
        Some(match name {
            "boolean" => FieldKind::Boolean,
            "integer" => FieldKind::Integer,
            "number" => FieldKind::Number,
            "enum" => FieldKind::Enum(values.unwrap_or_default().into_iter().map(String::into_boxed_str).collect()),
            "id" => FieldKind::Id,
            "time" => FieldKind::Time,
            "word" => FieldKind::Word,
            "text" => FieldKind::Text,
            _ => return None,
        })
    }

    /// The names, as a file writes them.
    pub(super) const NAMES: [&str; 8] = ["boolean", "integer", "number", "enum", "id", "time", "word", "text"];

    /// The name, as a file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            FieldKind::Boolean => "boolean",
            FieldKind::Integer => "integer",
            FieldKind::Number => "number",
            FieldKind::Enum(_) => "enum",
            FieldKind::Id => "id",
            FieldKind::Time => "time",
            FieldKind::Word => "word",
            FieldKind::Text => "text",
        }
    }

    /// Whether a value, written as text, may be this.
    pub(in crate::privacy) fn admits(&self, text: &str) -> bool {
        match self {
            FieldKind::Boolean => matches!(text, "true" | "false"),
            FieldKind::Integer => text.parse::<i128>().is_ok(),
            FieldKind::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
            FieldKind::Enum(values) => values.iter().any(|value| **value == *text),
            FieldKind::Time => text.parse::<Timestamp>().is_ok() || text.parse::<i64>().is_ok(),
            FieldKind::Word => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:+/-".contains(&byte);
                (1..=WORD).contains(&text.len()) && text.bytes().all(is_plain)
            }
            FieldKind::Id | FieldKind::Text => true,
        }
    }

    /// Whether a value that is logged as a number or a truth value may be this.
    pub(in crate::privacy) fn admits_scalar(&self, scalar: ScalarType) -> bool {
        match self {
            FieldKind::Boolean => scalar == ScalarType::Bool,
            FieldKind::Integer | FieldKind::Enum(_) | FieldKind::Id | FieldKind::Time => scalar == ScalarType::Integer,
            FieldKind::Number => scalar != ScalarType::Bool,
            FieldKind::Word | FieldKind::Text => true,
        }
    }

    /// Whether any text is this.
    pub(in crate::privacy) fn is_any(&self) -> bool {
        matches!(self, FieldKind::Id | FieldKind::Text)
    }

    /// Whether only numbers or truth values are this, and text that looks like one is not.
    pub(in crate::privacy) fn is_scalar(&self) -> bool {
        matches!(self, FieldKind::Boolean | FieldKind::Integer | FieldKind::Number)
    }
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a value that is no text was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::privacy) enum ScalarType {
    Bool,
    Integer,
    Float,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_admits_what_it_names_and_nothing_else() {
        let plans = FieldKind::Enum(["free".into(), "pro".into()].into());
        for (kind, admitted, refused) in [
            (FieldKind::Boolean, vec!["true", "false"], vec!["", "True", "1", "yes", "true "]),
            (
                FieldKind::Integer,
                vec!["0", "-7", "18446744073709551615"],
                vec!["", "1.5", "1e3", "7 items", "0x7", "NaN"],
            ),
            (FieldKind::Number, vec!["0", "-1.5", "1e3"], vec!["", "NaN", "inf", "1,5", "7 items"]),
            (plans, vec!["free", "pro"], vec!["", "Free", "pro ", "free pro", "bob@example.com"]),
            (FieldKind::Time, vec!["2026-03-01T12:00:00Z", "1772366400"], vec!["", "noon", "2026-13-01T12:00:00Z"]),
            (
                FieldKind::Word,
                vec!["1.2.3", "linux-x86_64", "acme::Timeout", "a/b+c"],
                vec!["", "two words", "é", "a@b", "a\nb", &"x".repeat(65)],
            ),
            (FieldKind::Text, vec!["", "anything at all"], vec![]),
        ] {
            for text in admitted {
                assert!(kind.admits(text), "{kind} {text:?}");
            }
            for text in refused {
                assert!(!kind.admits(text), "{kind} {text:?}");
            }
        }
    }

    #[test]
    fn every_name_is_a_kind_and_every_kind_has_its_name() {
        for name in FieldKind::NAMES {
            assert_eq!(FieldKind::parse(name, None).expect(name).name(), name);
        }
        assert_eq!(FieldKind::parse("float", None), None);
    }
}
