//! What there is to agree to, and what was agreed to.

use std::collections::BTreeSet;

/// What a program collects, entry by entry, where it has an inventory that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collected {
    /// Tells one state of the inventory from another.
    pub(crate) digest: String,
    pub(crate) entries: Vec<Entry>,
}

/// A part of what is collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it is, how it is collected and what for: with any of these changed it is another entry.
    pub(crate) id: String,
    /// The version of the collection that it came with.
    pub(crate) since: u32,
    /// Ids of what collects more, so that a yes to that is one to this.
    pub(crate) wider: Vec<String>,
}

/// What a yes is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Agreed {
    /// Whatever the program collects, as it runs now.
    Everything,
    /// These entries of what it declares.
    Entries(BTreeSet<String>),
}

impl Agreed {
    /// Whether an entry may be collected.
    pub(crate) fn covers(&self, id: &str) -> bool {
        match self {
            Agreed::Everything => true,
            Agreed::Entries(entries) => entries.contains(id),
        }
    }
}
