//! Which batches are as this handle has put them in, without a look at their rows.

use std::cell::Cell;

use rusqlite::Transaction;

use super::StoreError;

/// The batches that nobody but this handle can have changed.
#[derive(Debug)]
pub(super) struct Untouched {
    /// SQLite's number for what others have changed in the file; another one after each of their changes.
    version: Cell<Option<i64>>,
    /// The first batch that was put in since.
    from: Cell<i64>,
}

/// No batch has a number as high.
const NONE: i64 = i64::MAX;

impl Default for Untouched {
    fn default() -> Self {
        Untouched { version: Cell::new(None), from: Cell::new(NONE) }
    }
}

impl Untouched {
    /// Looks whether somebody else has changed something. Within a write, so that it holds until its end.
    pub(super) fn look(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let version = transaction.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if self.version.replace(Some(version)) != Some(version) {
            self.from.set(NONE);
        }
        Ok(())
    }

    /// Batches from this one on are new.
    pub(super) fn put_in(&self, first: i64) {
        self.from.set(self.from.get().min(first));
    }

    pub(super) fn has(&self, batch: i64) -> bool {
        batch >= self.from.get()
    }
}
