//! Exporters that never leave the process: for tests, and for whoever wants to watch.

use std::collections::VecDeque;
use std::fmt;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::text::is_harmless;
use crate::record::{RecordRef, Row, RowRef};

/// Shown each record as it is stored.
#[derive(Debug)]
pub(crate) enum LocalExporter {
    Memory(Memory),
    Stderr,
}

impl LocalExporter {
    /// Keeps the record, if this exporter keeps records.
    pub(crate) fn keep(&self, row: RowRef<'_>) {
        if let LocalExporter::Memory(memory) = self {
            memory.push(row.into());
        }
    }

    /// Prints the record, if this exporter prints. May wait for the terminal.
    pub(crate) fn print(&self, record: &RecordRef<'_>) {
        if let LocalExporter::Stderr = self {
            print(record);
        }
    }
}

/// Keeps the records of a run in memory, for an application's own tests. Clones share what they hold.
///
/// Holds the newest 10,000 records.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<VecDeque<Row>>>);

/// Records that a [`Memory`] holds.
const CAP: usize = 10_000;

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The records so far, oldest first.
    pub fn rows(&self) -> Vec<Row> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, row: Row) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() == CAP {
            rows.pop_front();
        }
        rows.push_back(row);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} records)", self.0.lock().unwrap_or_else(PoisonError::into_inner).len())
    }
}

/// Prints a record to stderr: `[Telemetry] Sending event: NAME` and the record as indented JSON. A closed stderr costs nobody anything.
fn print(record: &RecordRef<'_>) {
    let name = match (record.name(), record.body()) {
        ("", Some(body)) => body,
        ("", None) => record.target(),
        (name, _) => name,
    };
    let Ok(json) = serde_json::to_string_pretty(record) else { return };
    let text = format!("[Telemetry] Sending event: {}\n{}\n", shown(name), shown(&json));
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The text without characters that do more than show themselves; line feeds stay, since JSON escapes those of values.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || is_harmless(c) { c } else { '\u{fffd}' }).collect()
}
