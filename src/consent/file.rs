//! What a TOML file says about telemetry. It can only say no.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::word::{Word, shown};
use crate::app::{Environment, Reading};

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Missing,
    /// It is there and does not say no.
    Nothing,
    /// The key that says no.
    No(String),
    /// Why nobody can tell; it may have been a no.
    Unclear(String),
}

/// Which keys of a file count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// `[telemetry] enabled`, in a file that is also about other things.
    Section,
    /// Also `enabled` itself, in a file that is about telemetry alone.
    Whole,
}

pub(super) fn look_into(environment: &Environment, path: &Path, keys: Keys) -> Said {
    match environment.read(path) {
        Reading::Missing => Said::Missing,
        Reading::Contents(text) => understand(&text, keys),
        Reading::Unreadable(reason) => Said::Unclear(reason),
    }
}

fn understand(text: &str, keys: Keys) -> Said {
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let place = place(text, error.span().map_or(0, |span| span.start));
            return Said::Unclear(format!("{place}: {}", shown(error.message())));
        }
    };
    let mut found = Vec::new();
    if keys == Keys::Whole {
        found.extend(find(&table, "enabled").map(|value| ("enabled", value)));
    }
    if let Some((section, start)) = find(&table, "telemetry") {
        match section {
            DeValue::Table(section) => {
                found.extend(find(section, "enabled").map(|value| ("telemetry.enabled", value)));
            }
            // `telemetry = false` is as clear as it is unforeseen.
            other => found.push(("telemetry", (other, start))),
        }
    }
    let mut said = Said::Nothing;
    for (key, (value, start)) in found {
        match word(value) {
            Word::No => return Said::No(key.to_owned()),
            Word::Yes => {}
            Word::Unset | Word::Other => {
                said = Said::Unclear(format!("{}: {key} is neither true nor false", place(text, start)));
            }
        }
    }
    said
}

/// A key's value, and where it stands.
fn find<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<(&'a DeValue<'i>, usize)> {
    let (_, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
    Some((value.get_ref(), value.span().start))
}

fn word(value: &DeValue<'_>) -> Word {
    match value {
        DeValue::Boolean(true) => Word::Yes,
        DeValue::Boolean(false) => Word::No,
        DeValue::String(text) => Word::of(text),
        DeValue::Integer(number) => Word::of(number.as_str()),
        _ => Word::Other,
    }
}

/// Where in the text, as editors count.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_no_is_heard() {
        for (text, section, whole) in [
            ("", Said::Nothing, Said::Nothing),
            ("enabled = true", Said::Nothing, Said::Nothing),
            ("[telemetry]\nenabled = true\nlevel = 'x'", Said::Nothing, Said::Nothing),
            ("enabled = false", Said::Nothing, Said::No("enabled".into())),
            ("[other]\nenabled = false", Said::Nothing, Said::Nothing),
        ] {
            assert_eq!((understand(text, Keys::Section), understand(text, Keys::Whole)), (section, whole), "{text}");
        }
        for text in [
            "[telemetry]\nenabled = false",
            "telemetry.enabled = false",
            "telemetry = { enabled = false }",
            "[telemetry]\n\"enabled\" = \"OFF\"",
            "[telemetry]\nenabled = 0",
            "enabled = true\n[telemetry]\nenabled = false",
            "enabled = 'perhaps'\n[telemetry]\nenabled = false",
        ] {
            for keys in [Keys::Section, Keys::Whole] {
                assert_eq!(understand(text, keys), Said::No("telemetry.enabled".into()), "{text}");
            }
        }
        assert_eq!(understand("telemetry = false", Keys::Section), Said::No("telemetry".into()));
    }

    #[test]
    fn what_is_unclear_is_named_with_its_place() {
        for (text, words) in [
            ("a = 1\n[telemetry\nenabled = false", "line 2, column "),
            ("enabled = false\nenabled = true", "line 2, column 1"),
            ("[telemetry]\nenabled = 'perhaps'", "line 2, column 11: telemetry.enabled is neither"),
            ("[telemetry]\nenabled = []", "line 2, column 11"),
            ("[telemetry]\nenabled = ''", "line 2, column 11"),
            ("telemetry = 7", "line 1, column 13: telemetry is neither"),
            ("\0", "line 1, column 2"),
            ("{\"telemetry\": {\"enabled\": false}}", "line 1, column "),
        ] {
            match understand(text, Keys::Section) {
                Said::Unclear(reason) => assert!(reason.contains(words), "{text:?}: {reason}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
        assert!(matches!(understand(&"[".repeat(60_000), Keys::Whole), Said::Unclear(_)));
        assert!(matches!(understand(&format!("a = {}", "[".repeat(60_000)), Keys::Whole), Said::Unclear(_)));
    }
}
