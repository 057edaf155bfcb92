//! The answer that the user gave earlier, as it lies on disk.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use super::agreed::{Collected, Entry};
use super::settings::Settings;
use super::word::{shown, shown_path};
use crate::app::{App, Environment, Reading, directories};

/// The user's saved answer.
///
/// It lies in `consent.json` in the application's data directory:
/// `{"answer": "yes", "collection": 1, "host": "telemetry.example.com", "at": "2026-03-01T12:00:00Z"}`. Where the
/// application has an [`Inventory`](crate::privacy::Inventory), it also says which `entries` of it the user agreed to,
/// as [`Telemetry::agreement`](crate::Telemetry::agreement) writes it; a yes without them is one to all that came with its
/// version, however exact its times are, until whenever it is collected, and whoever can make its pseudonyms again.
/// A file that cannot be read or understood is taken as a no, since it may have been one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Saved {
    pub(super) path: Option<PathBuf>,
    pub(super) answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    None,
    No,
    Yes { collection: u32, entries: Option<Entries>, host: Option<String>, at: Option<String> },
    Unreadable(String),
}

/// What a yes was given for, entry by entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entries {
    /// The state of the inventory then.
    digest: String,
    ids: BTreeSet<String>,
}

impl Saved {
    /// Reads the saved answer, if there is one.
    pub fn read(environment: &Environment, app: &App) -> Self {
        let Some(directory) = directories::data(environment, app) else {
            return Self::none();
        };
        let path = directory.join("consent.json");
        let answer = match environment.read(&path) {
            Reading::Missing => Answer::None,
            Reading::Contents(text) => parse(&text).unwrap_or_else(Answer::Unreadable),
            Reading::Unreadable(reason) => Answer::Unreadable(reason),
        };
        Self { path: Some(path), answer }
    }

    /// No answer yet.
    pub fn none() -> Self {
        Self { path: None, answer: Answer::None }
    }

    /// A no.
    pub fn no() -> Self {
        Self { path: None, answer: Answer::No }
    }

    /// A yes to this version of the collection, and to sending it to this host.
    pub fn yes(collection: u32, host: Option<&str>) -> Self {
        let host = host.map(str::to_owned);
        Self { path: None, answer: Answer::Yes { collection, entries: None, host, at: None } }
    }

    /// A yes to what these settings collect, given at that time of RFC 3339, and to sending it to their host.
    pub fn yes_to(settings: &Settings, at: &str) -> Self {
        let entries = settings.collected.as_ref().map(|collected| Entries {
            digest: collected.digest.clone(),
            ids: collected.entries.iter().map(|entry| entry.id.clone()).collect(),
        });
        let (collection, host) = (settings.collection, settings.host.clone());
        Self { path: None, answer: Answer::Yes { collection, entries, host, at: Some(at.to_owned()) } }
    }

    /// The text of `consent.json`; none unless it is a yes or a no.
    pub fn to_json(&self) -> Option<String> {
        let value = match &self.answer {
            Answer::None | Answer::Unreadable(_) => return None,
            Answer::No => json!({"answer": "no"}),
            Answer::Yes { collection, entries: None, host, at } => {
                json!({"answer": "yes", "collection": collection, "host": host, "at": at})
            }
            Answer::Yes { collection, entries: Some(Entries { digest, ids }), host, at } => json!({
                "answer": "yes", "collection": collection, "digest": digest, "entries": ids, "host": host, "at": at,
            }),
        };
        Some(value.to_string())
    }

    /// What of this a yes covers: the entries it was given for, or, if it does not say, those of its version.
    pub(super) fn covered(&self, collected: &Collected) -> BTreeSet<String> {
        let Answer::Yes { collection, entries: agreed, .. } = &self.answer else { return BTreeSet::new() };
        let is_covered = |entry: &&Entry| match agreed {
            Some(agreed) => entry.wider.iter().chain([&entry.id]).any(|id| agreed.ids.contains(id)),
            None => entry.since <= *collection,
        };
        collected.entries.iter().filter(is_covered).map(|entry| entry.id.clone()).collect()
    }

    pub(super) fn source(&self) -> String {
        match &self.path {
            Some(path) => format!("saved answer {}", shown_path(path)),
            None => String::from("saved answer"),
        }
    }
}

fn parse(text: &str) -> Result<Answer, String> {
    let Entire(value) = serde_json::from_str(text)
        .map_err(|error| format!("it is no answer in JSON at line {}, column {}", error.line(), error.column()))?;
    let wrong = |field: &str| Err(format!("its \"{field}\" cannot be understood"));
    match value.get("answer").and_then(Value::as_str) {
        Some("no") => Ok(Answer::No),
        Some("yes") => {
            let collection = match value.get("collection") {
                None => 0,
                Some(number) => match number.as_u64().and_then(|number| u32::try_from(number).ok()) {
                    Some(number) => number,
                    None => return wrong("collection"),
                },
            };
            let text = |field: &str| match value.get(field) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.clone())),
                Some(_) => Err(format!("its \"{field}\" cannot be understood")),
            };
            let ids = match value.get("entries") {
                None => None,
                Some(list) => {
                    match list.as_array().map(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>()) {
                        Some(Some(ids)) => Some(ids.into_iter().map(str::to_owned).collect()),
                        _ => return wrong("entries"),
                    }
                }
            };
            let digest = text("digest")?.unwrap_or_default();
            let entries = ids.map(|ids| Entries { digest, ids });
            Ok(Answer::Yes { collection, entries, host: text("host")?, at: text("at")?.map(|at| shown(&at)) })
        }
        _ => wrong("answer"),
    }
}

/// A JSON object in which no key stands twice: who writes a no behind or before a yes is not to be overheard.
struct Entire(Map<String, Value>);

impl<'de> Deserialize<'de> for Entire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Entire;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an answer")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Entire, A::Error> {
                let mut entire = Map::new();
                while let Some((key, value)) = pairs.next_entry::<String, Value>()? {
                    if entire.insert(key, value).is_some() {
                        return Err(A::Error::custom("a key stands twice"));
                    }
                }
                Ok(Entire(entire))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Answer {
        let app = crate::app!("acme");
        let environment = Environment::empty().home("/home/ann").os(crate::app::Os::Linux);
        Saved::read(&environment.file("/home/ann/.local/share/acme/telemetry/consent.json", text), &app).answer
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(read(r#"{"answer":"no"}"#), Answer::No);
        assert_eq!(read(r#"{"answer":"no","collection":"?","host":7}"#), Answer::No);
        assert_eq!(
            read(r#"{"answer":"yes","collection":2,"host":"a.example","at":"2026-03-01T12:00:00Z","more":[]}"#),
            Answer::Yes {
                collection: 2,
                entries: None,
                host: Some("a.example".into()),
                at: Some("2026-03-01T12:00:00Z".into())
            }
        );
        assert_eq!(read(r#"{"answer":"yes"}"#), Answer::Yes { collection: 0, entries: None, host: None, at: None });
        let nowhere = Environment::empty().home("/home/ann");
        assert_eq!(Saved::read(&nowhere, &crate::app!("acme")).answer, Answer::None);
        assert_eq!(Saved::read(&Environment::empty(), &crate::app!("acme")), Saved::none());
    }

    #[test]
    fn an_answer_reads_back_as_it_was_written() {
        let entry = |id: &str| Entry { id: id.to_owned(), since: 1, wider: Vec::new() };
        let collected = Collected { digest: "d1".to_owned(), entries: vec![entry("a"), entry("b")] };
        let plain = Settings::new(crate::app!("acme")).host("a.example");
        let declared = Settings::new(crate::app!("acme")).collected(3, collected);
        let at = "2026-03-01T12:00:00Z";
        for saved in [Saved::no(), Saved::yes(2, None), Saved::yes_to(&plain, at), Saved::yes_to(&declared, at)] {
            assert_eq!(read(&saved.to_json().expect("it is an answer")), saved.answer);
        }
        assert_eq!(Saved::none().to_json(), None);
    }

    #[test]
    fn what_cannot_be_understood_is_no_answer_to_build_on() {
        for text in [
            "",
            "yes",
            "{}",
            "[]",
            "null",
            "\"yes\"",
            r#"{"answer":"YES"}"#,
            r#"{"answer":true}"#,
            r#"{"answer":"yes","collection":-1}"#,
            r#"{"answer":"yes","collection":99999999999}"#,
            r#"{"answer":"yes","collection":"1"}"#,
            r#"{"answer":"yes","host":1}"#,
            r#"{"answer":"yes","entries":"all"}"#,
            r#"{"answer":"yes","entries":[1]}"#,
            r#"{"answer":"yes","entries":null}"#,
            r#"{"answer":"yes","digest":7}"#,
            r#"{"answer":"no","answer":"yes"}"#,
            r#"{"answer":"yes","collection":1,"collection":2}"#,
            r#"{"answer":"yes","#,
            &"[".repeat(10_000),
            "\0",
        ] {
            assert!(matches!(read(text), Answer::Unreadable(_)), "{text:?}");
        }
    }
}
