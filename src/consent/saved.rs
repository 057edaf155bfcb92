//! The answer that the user gave earlier, as it lies on disk.

use std::path::PathBuf;

use serde_json::Value;

use super::word::{shown, shown_path};
use crate::app::{App, Environment, Reading, directories};

/// The user's saved answer.
///
/// It lies in `consent.json` in the application's data directory:
/// `{"answer": "yes", "collection": 1, "host": "telemetry.example.com", "at": "2026-03-01T12:00:00Z"}`.
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
    Yes { collection: u32, host: Option<String>, at: Option<String> },
    Unreadable(String),
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
        Self { path: None, answer: Answer::Yes { collection, host: host.map(str::to_owned), at: None } }
    }

    pub(super) fn source(&self) -> String {
        match &self.path {
            Some(path) => format!("saved answer {}", shown_path(path)),
            None => String::from("saved answer"),
        }
    }
}

fn parse(text: &str) -> Result<Answer, String> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| format!("it is not JSON at line {}, column {}", error.line(), error.column()))?;
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
            Ok(Answer::Yes { collection, host: text("host")?, at: text("at")?.map(|at| shown(&at)) })
        }
        _ => wrong("answer"),
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
            Answer::Yes { collection: 2, host: Some("a.example".into()), at: Some("2026-03-01T12:00:00Z".into()) }
        );
        assert_eq!(read(r#"{"answer":"yes"}"#), Answer::Yes { collection: 0, host: None, at: None });
        let nowhere = Environment::empty().home("/home/ann");
        assert_eq!(Saved::read(&nowhere, &crate::app!("acme")).answer, Answer::None);
        assert_eq!(Saved::read(&Environment::empty(), &crate::app!("acme")), Saved::none());
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
            r#"{"answer":"yes","#,
            &"[".repeat(10_000),
            "\0",
        ] {
            assert!(matches!(read(text), Answer::Unreadable(_)), "{text:?}");
        }
    }
}
