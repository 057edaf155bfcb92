//! Reads tables of a file: every key is known or an error, and every error has its place.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::error::{InventoryError, place};
use crate::app::{Date, is_near};

/// The file that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'t> {
    pub(super) file: &'t str,
    pub(super) text: &'t str,
}

/// A table of the file with what it is called in messages.
#[derive(Debug, Clone)]
pub(super) struct Section<'a, 't> {
    pub(super) source: Source<'t>,
    table: &'a DeTable<'t>,
    /// Where it begins.
    pub(super) at: usize,
    pub(super) title: String,
}

impl Source<'_> {
    pub(super) fn error(&self, at: usize, problem: impl Into<String>) -> InventoryError {
        InventoryError::at(self.file, self.text, at, problem)
    }

    pub(super) fn line(&self, at: usize) -> usize {
        place(self.text, at).0
    }
}

impl<'a, 't> Section<'a, 't> {
    pub(super) fn root(source: Source<'t>, table: &'a DeTable<'t>) -> Self {
        Section { source, table, at: 0, title: "the file".to_owned() }
    }

    fn of(
        source: Source<'t>,
        value: &'a Spanned<DeValue<'t>>,
        at: usize,
        title: String,
    ) -> Result<Self, InventoryError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Section { source, table, at, title }),
            other => {
                let problem = format!("{title} is {}, and a table is wanted", article(other.type_str()));
                Err(source.error(value.span().start, problem))
            }
        }
    }

    /// Refuses keys that mean nothing here.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), InventoryError> {
        let unknown = |(key, _): &(&Spanned<_>, _)| {
            let name: &str = AsRef::<str>::as_ref(Spanned::<toml::de::DeString<'t>>::get_ref(key));
            !known.contains(&name)
        };
        let mut strangers: Vec<_> = self.table.iter().filter(unknown).collect();
        strangers.sort_by_key(|(key, _)| key.span().start);
        let Some((key, _)) = strangers.first() else { return Ok(()) };
        let name: &str = key.get_ref();
        let near = known.iter().find(|known| is_near(known, name)).map(|near| format!(", did you mean `{near}`?"));
        let problem = format!(
            "unknown key `{}` in {}{}; it may have {}",
            shown(name),
            self.title,
            near.unwrap_or_default(),
            list(known)
        );
        Err(self.source.error(key.span().start, problem))
    }

    fn find(&self, name: &str) -> Option<(usize, &'a Spanned<DeValue<'t>>)> {
        let (key, value) = self.table.iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
        Some((key.span().start, value))
    }

    /// Where a key's value stands, else where the table does.
    pub(super) fn place_of(&self, name: &str) -> usize {
        self.find(name).map_or(self.at, |(_, value)| value.span().start)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A text that says something; its white space is made single blanks.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, InventoryError> {
        let Some((_, value)) = self.find(name) else { return Ok(None) };
        self.said(name, value).map(Some)
    }

    fn said(&self, name: &str, value: &Spanned<DeValue<'t>>) -> Result<String, InventoryError> {
        let at = value.span().start;
        let Some(text) = value.get_ref().as_str() else {
            let found = article(value.get_ref().type_str());
            let problem = format!("`{name}` in {} is {found}, and a text in quotes is wanted", self.title);
            return Err(self.source.error(at, problem));
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Err(self.source.error(at, format!("`{name}` in {} says nothing; fill it in", self.title)));
        }
        Ok(text)
    }

    /// A text that must be there; `remedy` is what to write.
    pub(super) fn required(&self, name: &str, remedy: &str) -> Result<String, InventoryError> {
        self.text(name)?.ok_or_else(|| self.missing(name, remedy))
    }

    /// An error about a value.
    pub(super) fn wrong(&self, name: &str, problem: impl Into<String>) -> InventoryError {
        self.source.error(self.place_of(name), problem)
    }

    pub(super) fn missing(&self, name: &str, remedy: &str) -> InventoryError {
        self.source.error(self.at, format!("{} has no `{name}`; write {remedy}", self.title))
    }

    /// A whole number from 1.
    pub(super) fn version(&self, name: &str) -> Result<Option<u32>, InventoryError> {
        let Some((_, value)) = self.find(name) else { return Ok(None) };
        let number = value.get_ref().as_integer().and_then(|number| {
            u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok().filter(|number| *number > 0)
        });
        let problem = || format!("`{name}` in {} is a whole number from 1, such as `{name} = 1`", self.title);
        number.map(Some).ok_or_else(|| self.source.error(value.span().start, problem()))
    }

    /// A day.
    pub(super) fn date(&self, name: &str) -> Result<Option<Date>, InventoryError> {
        let Some((_, value)) = self.find(name) else { return Ok(None) };
        let text = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => String::new(),
        };
        let problem = || format!("`{name}` in {} is a day, such as `{name} = 2026-03-01`", self.title);
        text.parse().map(Some).map_err(|_| self.source.error(value.span().start, problem()))
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, InventoryError> {
        let Some((_, value)) = self.find(name) else { return Ok(None) };
        let items = self.array(name, value, "a list of texts")?;
        items.iter().map(|item| self.said(name, item)).collect::<Result<_, _>>().map(Some)
    }

    fn array(
        &self,
        name: &str,
        value: &'a Spanned<DeValue<'t>>,
        wanted: &str,
    ) -> Result<&'a DeArray<'t>, InventoryError> {
        value.get_ref().as_array().ok_or_else(|| {
            let found = article(value.get_ref().type_str());
            let problem = format!("`{name}` in {} is {found}, and {wanted} is wanted", self.title);
            self.source.error(value.span().start, problem)
        })
    }

    /// The table under a key.
    pub(super) fn section(&self, name: &str) -> Result<Option<Section<'a, 't>>, InventoryError> {
        let Some((at, value)) = self.find(name) else { return Ok(None) };
        Section::of(self.source, value, at, format!("`[{name}]`")).map(Some)
    }

    /// The tables of `[[name]]`.
    pub(super) fn sections(&self, name: &str) -> Result<Vec<Section<'a, 't>>, InventoryError> {
        let Some((_, value)) = self.find(name) else { return Ok(Vec::new()) };
        let items = self.array(name, value, &format!("a list of tables, `[[{name}]]`,"))?;
        let of = |item: &'a Spanned<DeValue<'t>>| {
            Section::of(self.source, item, item.span().start, format!("an entry of `[[{name}]]`"))
        };
        items.iter().map(of).collect()
    }

    /// The tables under names that the application chose, in the order of the file.
    pub(super) fn named(
        &self,
        title: impl Fn(&str) -> String,
    ) -> Result<Vec<(String, Section<'a, 't>)>, InventoryError> {
        let mut found = Vec::new();
        for (key, value) in self.table {
            let (name, at): (&str, _) = (key.get_ref(), key.span().start);
            if name.trim() != name || name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
                let problem = format!(
                    "`{}` in {} is no name; write one of at most {LONGEST} bytes, as the code has it",
                    shown(name),
                    self.title
                );
                return Err(self.source.error(at, problem));
            }
            found.push((name.to_owned(), Section::of(self.source, value, at, title(name))?));
        }
        found.sort_by_key(|(_, section)| section.at);
        Ok(found)
    }
}

/// Bytes of a name.
const LONGEST: usize = 128;

/// Something from the file, fit for a line of a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(LONGEST).flat_map(char::escape_debug).collect()
}

/// `a`, `b` or `c`.
pub(super) fn list(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "no keys".to_owned(),
    }
}

fn article(kind: &str) -> String {
    match kind {
        "array" => "a list".to_owned(),
        "integer" => "an integer".to_owned(),
        kind => format!("a {kind}"),
    }
}
