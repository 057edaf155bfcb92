//! What a TOML file says about telemetry. It can only say no.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::word::{Word, shown};
use crate::app::{Environment, Reading, is_near};

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

/// Whose file it is, which tells what its other keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// The application's own, in which `[telemetry] enabled` counts. Its other keys are its own business, unless one says
    /// in other words what `enabled` is for.
    Section,
    /// One that is about telemetry alone, in which `enabled` counts at the top as well. A key that nobody knows may be a
    /// misspelt no.
    Whole,
}

/// What a file about telemetry may hold beside `enabled`: the settings of a policy and those of an inventory, since an
/// application may keep its own there. That these are all is checked by `off_is_decided_by_any_no`.
const KNOWN: [&str; 18] = [
    "enabled",
    "telemetry",
    "base",
    "message",
    "on_finding",
    "times",
    "kinds",
    "custom",
    "field",
    "version",
    "document",
    "changes",
    "events",
    "unnamed",
    "spans",
    "fields",
    "resource",
    "local",
];

/// Words for a switch that is on when it says yes, without the word telemetry and what joins words.
const FOR: [&str; 9] = ["enable", "enabled", "active", "activated", "allow", "allowed", "on", "optin", "consent"];
/// The same for one that is off when it says yes.
const AGAINST: [&str; 8] = ["disable", "disabled", "off", "optout", "no", "never", "deny", "donottrack"];

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
    let mut strangers = strangers(&table, |name, value| match keys {
        Keys::Whole => !KNOWN.contains(&name),
        Keys::Section => name != "telemetry" && is_about_telemetry(name) && may_say_no(name, value),
    });
    if keys == Keys::Whole {
        found.extend(find(&table, "enabled").map(|value| ("enabled", value)));
    }
    if let Some((section, start)) = find(&table, "telemetry") {
        match section {
            DeValue::Table(section) => {
                found.extend(find(section, "enabled").map(|value| ("telemetry.enabled", value)));
                strangers.extend(self::strangers(section, |name, value| {
                    name != "enabled" && (keys == Keys::Whole || may_say_no(name, value))
                }));
            }
            // `telemetry = false` is as clear as it is unforeseen.
            other => found.push(("telemetry", (other, start))),
        }
    }
    let mut said = match strangers.into_iter().min() {
        Some((start, name)) => Said::Unclear(format!("{}: {}", place(text, start), unknown(name))),
        None => Said::Nothing,
    };
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

/// The keys of a table of which this holds, and where they stand.
fn strangers<'a>(table: &'a DeTable<'_>, is_one: impl Fn(&str, &DeValue<'_>) -> bool) -> Vec<(usize, &'a str)> {
    let entries = table.iter().map(|(key, value)| (key.span().start, key.get_ref().as_ref(), value.get_ref()));
    entries.filter(|(_, name, value)| is_one(name, value)).map(|(start, name, _)| (start, name)).collect()
}

fn unknown(name: &str) -> String {
    let (folded, shown) = (folded(name), shown(name));
    match is_near("telemetry", &folded) {
        true => format!("unknown key `{shown}`, did you mean `telemetry`?"),
        false if switch(&folded).is_some() => format!("unknown key `{shown}`, did you mean `enabled`?"),
        false => format!("unknown key `{shown}`; what says no is `enabled = false`"),
    }
}

/// Whether a key of an application's own file is meant for telemetry as a whole.
fn is_about_telemetry(name: &str) -> bool {
    let folded = folded(name);
    folded.contains("telemetry") || is_near("telemetry", &folded) || folded == "donottrack"
}

/// Whether somebody may have meant a no by a key that is not the one that counts. What has no yes and no in it, and what
/// is said of something that only has to do with telemetry (`[telemetry.prometheus]`), is the application's own.
fn may_say_no(name: &str, value: &DeValue<'_>) -> bool {
    let folded = folded(name);
    let is_it = is_near("telemetry", &folded);
    match (switch(&folded), value) {
        (_, DeValue::Table(table)) => {
            is_it
                && table.iter().any(|(key, value)| {
                    let name: &str = key.get_ref().as_ref();
                    may_say_no(name, value.get_ref())
                })
        }
        (Some(Switch::For), _) => word(value) == Word::No,
        (Some(Switch::Against), _) => word(value) == Word::Yes,
        (None, _) => is_it && word(value) != Word::Yes,
    }
}

/// What a key switches by its yes.
enum Switch {
    For,
    Against,
}

fn switch(folded: &str) -> Option<Switch> {
    let word = folded.replace("telemetry", "");
    if FOR.contains(&word.as_str()) || is_near("enabled", &word) {
        return Some(Switch::For);
    }
    (AGAINST.contains(&word.as_str()) || is_near("disabled", &word)).then_some(Switch::Against)
}

/// A key without what spellings of the same words differ in.
fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
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
            ("[telemetry]\nenabled = true", Said::Nothing, Said::Nothing),
            ("enabled = false", Said::Nothing, Said::No("enabled".into())),
            ("[opentelemetry]\nenabled = false", Said::Nothing, Said::Unclear(String::new())),
            ("[telemetry.prometheus]\nenabled = false", Said::Nothing, Said::Unclear(String::new())),
            ("[telemetry]\nallow = ['crash']\non = 'error'", Said::Nothing, Said::Unclear(String::new())),
            ("[events.x]\nfields.enabled = { kind = 'boolean' }\n[kinds]\nemail = 'off'", Said::Nothing, Said::Nothing),
        ] {
            let understood = |keys| match understand(text, keys) {
                Said::Unclear(_) => Said::Unclear(String::new()),
                said => said,
            };
            assert_eq!((understood(Keys::Section), understood(Keys::Whole)), (section, whole), "{text}");
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

    fn unclear(text: &str, keys: Keys) -> String {
        match understand(text, keys) {
            Said::Unclear(reason) => reason,
            other => panic!("{text:?} in {keys:?}: {other:?}"),
        }
    }

    #[test]
    fn a_no_in_other_words_is_not_taken_for_silence() {
        for text in [
            "[telemetry]\nenable = false",
            "[telemetry]\nEnabled = false",
            "[telemetry]\nenalbed = 'no'",
            "[telemetry]\ndisabled = true",
            "[telemetry]\nenabled = true\nopt-out = true",
            "[telemetry]\noff = 1",
            "[telemetry]\nno_telemetry = true",
            "#\ntelemetry_enabled = false",
            "#\nTelemetry-Enabled = false",
            "#\ndisable_telemetry = true",
            "#\nno_telemetry = true",
            "#\nDO_NOT_TRACK = 1",
        ] {
            for keys in [Keys::Section, Keys::Whole] {
                let reason = unclear(text, keys);
                assert!(reason.starts_with("line ") && reason.contains("did you mean `enabled`?"), "{reason}");
            }
        }
        for text in ["[Telemetry]\nenabled = false", "[telemetri]\ndisabled = true", "Telemetry = false"] {
            for keys in [Keys::Section, Keys::Whole] {
                let reason = unclear(text, keys);
                assert!(reason.starts_with("line 1, ") && reason.contains("did you mean `telemetry`?"), "{reason}");
            }
        }
        // A file that is about nothing else says nothing in vain.
        for text in ["enable = false", "Enabled = false", "disabled = true", "enabeld = false", "enable = true"] {
            assert!(unclear(text, Keys::Whole).contains("did you mean `enabled`?"), "{text}");
            assert_eq!(understand(text, Keys::Section), Said::Nothing, "{text}");
        }
        for text in ["collect = false", "[acme]\nenabled = false", "[telemetry]\nlevel = 'none'", "'\\u001b' = 0"] {
            let reason = unclear(text, Keys::Whole);
            assert!(reason.contains("what says no is `enabled = false`") && !reason.contains('\u{1b}'), "{reason}");
        }
        assert_eq!(understand("enable = false\nenabled = false", Keys::Whole), Said::No("enabled".into()));
    }

    #[test]
    fn an_application_may_have_keys_of_its_own_in_its_own_file() {
        for text in [
            "[telemetry]\nenabled = true\nlevel = 'x'\nendpoint = 'https://a.example'\nverbose = false",
            "[telemetry]\nenable = true\ndisabled = false",
            "telemetry_endpoint = 'https://a.example'\ntelemetry-level = 0",
            "[other]\nenabled = false\ndisabled = true",
            "[Telemetry]\nendpoint = 'x'\nenabled = true",
            "on = false\nactive = false",
            "[telemetry.consent]\nversion = 1",
        ] {
            assert_eq!(understand(text, Keys::Section), Said::Nothing, "{text}");
        }
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
