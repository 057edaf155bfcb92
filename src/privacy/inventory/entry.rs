//! What an inventory says about one event or span, and about one field.

use super::kind::FieldKind;
use crate::app::Date;
use crate::privacy::policy::Action;

/// What is said of records and of fields alike.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The line that declares it.
    pub(super) line: usize,
    pub(super) purpose: String,
    pub(super) retention: String,
    pub(super) owner: String,
    pub(super) review: Option<String>,
    /// The version of the inventory that it came with.
    pub(super) since: u32,
    /// The first day, in UTC, on which it is neither collected nor sent.
    pub(super) expires: Option<Date>,
}

/// A declared event or span.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) sort: Sort,
    /// For [`Sort::Unnamed`], the target.
    pub(super) name: String,
    pub(super) facts: Facts,
    /// In the order of the file.
    pub(super) fields: Vec<Field>,
    /// Keys that are logged for developers and kept out on purpose.
    pub(super) local: Vec<String>,
}

/// What a record is, and what its name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// `[events."order.placed"]`: an event, by the name that `info!(name: "order.placed", ..)` gives it.
    Event,
    /// `[unnamed."acme::shop"]`: the events of a target that have no name.
    Unnamed,
    /// `[spans.checkout]`: a span, by its name; with `#[instrument]`, that of the function.
    Span,
}

/// A declared field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) kind: FieldKind,
    pub(super) action: Action,
    /// Why it is kept although its key suggests that it should not be.
    pub(super) reason: Option<String>,
    pub(super) facts: Facts,
}

impl Field {
    /// Whether a pseudonym may take the place of a value, or of a part of it, as of a mail address's domain.
    pub(super) fn makes_pseudonyms(&self) -> bool {
        matches!(self.action, Action::Hash | Action::Generalize)
    }
}

impl Sort {
    /// The table of the file in which such records are declared.
    pub(super) fn table(self) -> &'static str {
        match self {
            Sort::Event => "events",
            Sort::Unnamed => "unnamed",
            Sort::Span => "spans",
        }
    }
}

impl Record {
    /// How messages name it.
    pub(super) fn title(&self) -> String {
        match self.sort {
            Sort::Event => format!("the event `{}`", self.name),
            Sort::Unnamed => format!("the events without a name in `{}`", self.name),
            Sort::Span => format!("the span `{}`", self.name),
        }
    }

    /// The header under which the file declares it, or would.
    pub(super) fn header(&self) -> String {
        header(self.sort, &self.name)
    }

    pub(super) fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}

/// The header of a record's table: `[events."order.placed"]`.
pub(super) fn header(sort: Sort, name: &str) -> String {
    format!("[{}.{}]", sort.table(), quoted(name))
}

/// A key as TOML wants it.
pub(super) fn quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_bare { key.to_owned() } else { format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")) }
}
