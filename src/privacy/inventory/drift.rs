//! Where code, inventory and document say different things.

use std::fmt;

/// What an application's code, its inventory and its published document do not agree about, one line each, with file, line
/// and remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    lines: Vec<String>,
}

impl Drift {
    /// `Err` if there is any.
    pub(super) fn of(lines: Vec<String>) -> Result<(), Self> {
        if lines.is_empty() { Ok(()) } else { Err(Drift { lines }) }
    }

    /// The disagreements, in the order of files and lines.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = if self.lines.len() == 1 { "place" } else { "places" };
        write!(f, "code, inventory and document drift apart in {} {places}:", self.lines.len())?;
        self.lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Drift {}

/// Compares a document with what it should be.
pub(super) fn of_document(wanted: &str, file: &str, found: &str, inventory: &str) -> Result<(), Drift> {
    if wanted.lines().eq(found.lines()) {
        return Ok(());
    }
    let same = wanted.lines().zip(found.lines()).take_while(|(wanted, found)| wanted == found).count();
    let (wanted, found) = (wanted.lines().nth(same), found.lines().nth(same));
    let quoted = |line: Option<&str>| line.map_or("nothing more".to_owned(), |line| format!("{line:?}"));
    Drift::of(vec![format!(
        "{file}:{}: the document is not what {inventory} says: it has {}, and should have {}; write `to_markdown(..)` \
         there again",
        same + 1,
        quoted(found),
        quoted(wanted)
    )])
}
