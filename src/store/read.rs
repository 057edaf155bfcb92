//! What the owner of the data may do with it: look, export, erase.

use std::io::Write;

use rusqlite::{Connection, params};

use super::append::Patience;
use super::outlook::Outlook;
use super::schema::{self, State};
use super::{Healed, Log, Reason, Store, StoreError};
use crate::record::Signal;

/// Rows per read of an export. Each read ends before its rows are written out, so a slow reader of the export holds nothing
/// in the store.
const EXPORT_ROWS: u32 = 256;

const ALL: &str = "SELECT count(*) FROM lines";

const UNSENT_OF: &str =
    "SELECT coalesce(sum(rows), 0) FROM batches WHERE state IN ('kept','local','claimed') AND run = ?1";

/// Batches that wait, and those of them at which no receiver failed.
const ANY: &str = "true";
pub(super) const UNTRIED: &str = "(load IS NULL OR load NOT IN (SELECT load FROM suspects))";

/// How many rows there are, by what happened to them.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Waiting, or held by an upload.
    pub(crate) unsent: u64,
    /// Confirmed by a receiver.
    pub(crate) sent: u64,
    /// Refused for good.
    pub(crate) rejected: u64,
    /// Bytes on disk, the write-ahead log included.
    pub(crate) bytes: u64,
}

/// A row as its owner may see it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its number; higher is newer.
    pub(crate) seq: i64,
    /// The process run that stored it.
    pub(crate) run: u64,
    /// The day of the record, counted from 1970-01-01.
    pub(crate) day: i64,
    /// What kind of record it is.
    pub(crate) signal: Signal,
    /// What happened to it.
    pub(crate) state: State,
    /// When it was sent or refused, in seconds since 1970.
    pub(crate) sent_at: Option<i64>,
    /// The record. Bytes that are not text any more, on a damaged disk, are replaced.
    pub(crate) json: String,
}

impl std::fmt::Debug for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listed").field("seq", &self.seq).field("state", &self.state).finish_non_exhaustive()
    }
}

/// What an erasure reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Cleared {
    /// The rows are gone, and no byte of them is left in any file of the store.
    Gone(Erased),
    /// The rows are gone for every reader, but another program that is reading keeps their bytes in the log. They go
    /// when it ends; clear again to be sure.
    Pending(Erased),
}

/// How many rows were erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Erased {
    pub(crate) rows: u64,
    /// Of these, the unsent ones of the run that was named.
    pub(crate) own: u64,
}

impl Store {
    /// How many rows wait to be sent where this handle sends.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn unsent(&self) -> Result<u64, StoreError> {
        self.unsent_where(ANY, Outlook::is_here)
    }

    /// The same but for what a receiver failed at.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn untried(&self) -> Result<u64, StoreError> {
        self.unsent_where(UNTRIED, Outlook::is_here)
    }

    /// How many rows wait for others than those to which this handle sends: a yes to other hosts is none to these.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn unsent_elsewhere(&self) -> Result<u64, StoreError> {
        self.unsent_where(ANY, |outlook| !outlook.is_here())
    }

    fn unsent_where(&self, and: &str, counts: impl Fn(Outlook) -> bool) -> Result<u64, StoreError> {
        let mut select = self.connection()?.prepare(&format!(
            "SELECT sum(rows), hosts, receivers, done FROM batches INDEXED BY batches_to_send
             WHERE state IN ('kept','claimed') AND {and} GROUP BY hosts, receivers, done"
        ))?;
        let mut found = select.query([])?;
        let mut unsent = 0;
        while let Some(row) = found.next()? {
            if counts(Outlook::of(row, 1, &self.hosts)?) {
                unsent += u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
            }
        }
        Ok(unsent)
    }

    /// How many rows of a run wait to be sent.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn unsent_of(&self, run: u64) -> Result<u64, StoreError> {
        self.waiting_of(run, ANY)
    }

    /// The same but for what a receiver failed at.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn untried_of(&self, run: u64) -> Result<u64, StoreError> {
        self.waiting_of(run, UNTRIED)
    }

    fn waiting_of(&self, run: u64, and: &str) -> Result<u64, StoreError> {
        let waiting = format!(
            "SELECT coalesce(sum(rows), 0) FROM batches INDEXED BY batches_to_send
             WHERE state IN ('kept','claimed') AND run = ?1 AND {and}"
        );
        let rows = self.connection()?.query_row(&waiting, [run.cast_signed()], |row| row.get::<_, i64>(0))?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    /// How many rows there are, by state, and the bytes they take.
    #[cfg(test)]
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn counts(&self) -> Result<Counts, StoreError> {
        let mut counts = Counts { bytes: self.location.bytes(), ..Counts::default() };
        let mut select = self.connection()?.prepare("SELECT state, count(*) FROM records GROUP BY state")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let count = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            match State::of(row.get_ref(0)?.as_str().unwrap_or("")) {
                State::Kept | State::Claimed => counts.unsent += count,
                State::Sent => counts.sent += count,
                State::Rejected => counts.rejected += count,
            }
        }
        Ok(counts)
    }

    /// The newest rows, newest first.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn list(&self, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let mut select = self
            .connection()?
            .prepare("SELECT seq, run, day, signal, state, sent_at, json FROM records ORDER BY seq DESC LIMIT ?1")?;
        let mut rows = select.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next()? {
            listed.push(Listed {
                seq: row.get(0)?,
                run: row.get::<_, i64>(1)?.cast_unsigned(),
                day: row.get(2)?,
                signal: schema::signal_of(row.get_ref(3)?.as_str().unwrap_or("")),
                state: State::of(row.get_ref(4)?.as_str().unwrap_or("")),
                sent_at: row.get(5)?,
                json: String::from_utf8_lossy(row.get_ref(6)?.as_bytes().unwrap_or(b"")).into_owned(),
            });
        }
        Ok(listed)
    }

    /// Writes the rows there are now as JSON lines, oldest first, each exactly as it was stored. Returns how many.
    ///
    /// # Errors
    /// [`Reason::Output`] when `out` refuses, else as [`Store::append`].
    pub(crate) fn export(&self, out: &mut dyn Write) -> Result<u64, StoreError> {
        let connection = self.connection()?;
        // Rows appended meanwhile are not part of it, or a busy application would never let it end.
        let last: i64 = connection.query_row("SELECT coalesce(max(seq), 0) FROM lines", [], |row| row.get(0))?;
        let mut select =
            connection.prepare("SELECT seq, json FROM lines WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3")?;
        let (mut after, mut count) = (i64::MIN, 0);
        let mut lines = Vec::new();
        loop {
            lines.clear();
            let mut rows = select.query(params![after, last, EXPORT_ROWS])?;
            let mut read = 0;
            while let Some(row) = rows.next()? {
                after = row.get(0)?;
                push_line(&mut lines, row.get_ref(1)?.as_bytes().unwrap_or(b""));
                read += 1;
            }
            drop(rows);
            if read == 0 {
                break;
            }
            out.write_all(&lines).map_err(refused)?;
            count += read;
        }
        out.flush().map_err(refused)?;
        Ok(count)
    }

    /// Erases every row, sent or not, from the file and from its log. `run` is the run whose unsent rows are counted.
    ///
    /// Where rows cannot be erased one by one, because the file is damaged or the disk too full to write that down, the
    /// file is erased as a whole and begun anew.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn clear(&mut self, run: u64) -> Result<Cleared, StoreError> {
        let before = self.connection().and_then(|connection| erased(connection, run)).unwrap_or_default();
        match self.mending(|store| store.try_clear(run)) {
            Err(error) if matches!(error.reason(), Reason::Corrupt | Reason::Full | Reason::Io) => {
                // That must not depend on how often the file was replaced before.
                self.healed = Healed::NotYet;
                self.heal()?;
                Ok(Cleared::Gone(before))
            }
            answer => answer,
        }
    }

    fn try_clear(&self, run: u64) -> Result<Cleared, StoreError> {
        let transaction = self.write()?;
        let erased = erased(&transaction, run)?;
        transaction.execute_batch("DELETE FROM lines; DELETE FROM batches; DELETE FROM suspects;")?;
        transaction.commit()?;
        // Gives the space back; what matters, that the rows are overwritten, `secure_delete` has done.
        let _ = self.connection()?.execute_batch("VACUUM");
        if self.log == Log::Rollback {
            return Ok(Cleared::Gone(erased));
        }
        Ok(if self.fold_log(Patience::Usual)? { Cleared::Gone(erased) } else { Cleared::Pending(erased) })
    }
}

/// What an erasure will reach.
fn erased(connection: &Connection, run: u64) -> Result<Erased, StoreError> {
    let own: i64 = connection.query_row(UNSENT_OF, [run.cast_signed()], |row| row.get(0))?;
    Ok(Erased { rows: schema::number(connection, ALL)?, own: u64::try_from(own).unwrap_or(0) })
}

/// A raw line break can only stand between the tokens of JSON, and a line is one record.
fn push_line(lines: &mut Vec<u8>, json: &[u8]) {
    lines.extend(json.iter().map(|&byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
    lines.push(b'\n');
}

fn refused(error: std::io::Error) -> StoreError {
    StoreError::new(Reason::Output, error.kind().to_string())
}
