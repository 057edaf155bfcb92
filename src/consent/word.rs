//! Reading yes and no as people write them, and showing values that anybody may have written.

use std::path::Path;

use crate::app::Var;

/// The longest part of a value that is shown, in characters.
const LONGEST_SHOWN: usize = 80;

/// The longest path that is shown, in characters.
const LONGEST_PATH: usize = 300;

/// What a setting says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Not set, or empty.
    Unset,
    Yes,
    No,
    /// Set to something else.
    Other,
}

impl Word {
    /// `1 true yes on` and `0 false no off`, trimmed, in any case.
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        let is = |words: [&str; 4]| words.into_iter().any(|word| text.eq_ignore_ascii_case(word));
        if text.is_empty() {
            Self::Unset
        } else if is(["1", "true", "yes", "on"]) {
            Self::Yes
        } else if is(["0", "false", "no", "off"]) {
            Self::No
        } else {
            Self::Other
        }
    }

    pub(super) fn of_var(var: &Var) -> Self {
        match var {
            Var::Unset => Self::Unset,
            Var::Text(text) => Self::of(text),
            Var::NotUnicode => Self::Other,
        }
    }
}

/// A value fit for a terminal: on one line, without control characters, not long.
pub(super) fn shown(text: &str) -> String {
    escaped(text, LONGEST_SHOWN)
}

/// A path fit for a terminal.
pub(super) fn shown_path(path: &Path) -> String {
    escaped(&path.to_string_lossy(), LONGEST_PATH)
}

fn escaped(text: &str, longest: usize) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        // Escapes are longer than what they stand for.
        if index == longest || out.len() > 4 * longest {
            out.push('…');
            break;
        }
        match c {
            '"' | '\'' | '\\' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    out
}

/// A variable's value, fit for a terminal.
pub(super) fn shown_var(var: &Var) -> String {
    match var {
        Var::Unset => String::from("not set"),
        Var::Text(text) if text.is_empty() => String::from("empty"),
        Var::Text(text) => shown(text),
        Var::NotUnicode => String::from("not Unicode text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_trimmed_and_in_any_case() {
        let cases: [(Word, &[&str]); 4] = [
            (Word::Yes, &["1", "true", "yes", "on", " TRUE ", "tRuE", "\u{a0}On\t"]),
            (Word::No, &["0", "false", "no", "off", "\nFALSE", "nO", "Off "]),
            (Word::Unset, &["", " ", "\t", "\r\n", "\u{2003}", "\u{3000}"]),
            // Full-width digits, a Cyrillic letter, a space of no width: they look like words and are none.
            (Word::Other, &["2", "２", "１", "tru\u{435}", "y", "true\0", "\u{200b}true"]),
        ];
        for (word, texts) in cases {
            for text in texts {
                assert_eq!(Word::of(text), word, "{text:?}");
            }
        }
        assert_eq!(Word::of_var(&Var::NotUnicode), Word::Other);
        assert_eq!(Word::of_var(&Var::Unset), Word::Unset);
    }

    #[test]
    fn hostile_values_are_shown_harmlessly() {
        let hostile = format!("\x1b[2J\u{202e}\n{}", "x".repeat(1 << 20));
        let shown = shown(&hostile);
        assert!(shown.len() < 120 && shown.ends_with('…'), "{shown}");
        assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
        assert_eq!(super::shown("it's \"C:\\x\""), "it's \"C:\\x\"");
        assert!(super::shown(&"\u{10ffff}".repeat(1 << 18)).len() < 400);
    }
}
