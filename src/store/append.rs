//! Taking rows in.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::room::{Losses, expire, make_room};
use super::schema::{self, day_of};
use super::{Limits, Log, PATIENCE, Reason, Store, StoreError};
use crate::record::{RowRef, Signal};

/// What SQLite needs for a row beside its text, and the row's part of its batch.
pub(super) const ROW_OVERHEAD: u64 = 64;

/// Rows and bytes of text of a batch: what an upload takes at once, or not at all.
const BATCH_ROWS: i64 = 2048;
const BATCH_BYTES: i64 = 1024 * 1024;

/// Rows of so many bytes are many.
const MANY_BYTES: u64 = 256 * 1024;

/// One record to be stored: clean JSON text. It is made of a [`RowRef`] alone, and that of
/// what the privacy filter wrote.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// The random id of this process run, by which its own rows and losses can be told from those of others.
    pub(super) run: u64,
    /// What kind of record it is.
    pub(super) signal: Signal,
    /// The time of the record; only its day is kept beside the text.
    pub(super) unix_secs: i64,
    /// The record, one JSON object.
    pub(super) json: &'a str,
    pub(super) fate: Fate,
}

/// What may become of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits to be sent.
    ToSend,
    /// It stays on this machine for good: a later run that may send leaves it alone.
    Local,
}

impl<'a> Row<'a> {
    /// The row that keeps a record of this run.
    pub(crate) fn of(record: RowRef<'a>, run: u64, fate: Fate) -> Self {
        Row { run, signal: record.signal(), unix_secs: record.unix_seconds(), json: record.as_str(), fate }
    }
}

/// What an append did. A loss is counted only for rows that were not sent yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub(crate) struct Appended {
    /// The number of the first row; the others follow it.
    pub(crate) first: i64,
    /// The batches that hold them, each with its kind of records.
    pub(crate) batches: Vec<(i64, Signal)>,
    /// How many rows each of these has.
    pub(crate) rows_of: Vec<u64>,
    /// Rows that are now on disk: all of them, unless the limits are smaller than the append and what uploads hold. Then the
    /// newest that fit are kept, and the rest, never stored, is in none of these numbers.
    pub(crate) stored: u32,
    /// Unsent rows, stored before, that were dropped to stay within bytes or records.
    pub(crate) evicted_unsent: u32,
    /// How many of them carry the run of the rows appended.
    pub(crate) evicted_unsent_own: u32,
    /// Unsent rows dropped for their age.
    pub(crate) expired_unsent: u32,
    /// How many of them carry the run of the rows appended.
    pub(crate) expired_unsent_own: u32,
}

impl Store {
    /// Stores rows in one transaction: all of them or, on an error, none. The oldest rows make room when a limit is reached;
    /// rows that an upload holds are spared.
    ///
    /// When it returns, the rows survive a crash of this process.
    ///
    /// # Errors
    /// [`StoreError::is_temporary`] tells whether to try again. Nothing is lost by an error but what the caller lets go.
    pub(crate) fn append(&mut self, rows: &[Row<'_>], now: i64) -> Result<Appended, StoreError> {
        if rows.is_empty() {
            return Ok(Appended::default());
        }
        self.mending(|store| store.try_append(rows, now, 1))
    }

    /// Drops rows past their age; [`Store::append`] does the same. For a process that only looks or uploads.
    /// Returns how many unsent ones there were.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn expire(&mut self, now: i64) -> Result<u32, StoreError> {
        self.mending(|store| {
            let transaction = store.write()?;
            let losses = expire(&transaction, &store.limits, now, None)?;
            transaction.commit()?;
            store.settle_log(losses);
            Ok(losses.unsent)
        })
    }

    /// `spare` says how many times the room that was estimated is made before the rows are put in; more, should that prove
    /// too little.
    fn try_append(&mut self, rows: &[Row<'_>], now: i64, mut spare: u64) -> Result<Appended, StoreError> {
        self.keep_log_short(rows)?;
        loop {
            match self.append_once(rows, now, spare) {
                Err(error) if error.reason() == Reason::Full && spare < 16 && self.near_cap(rows)? => {
                    spare = (spare * 4).max(1);
                }
                answer => return answer,
            }
        }
    }

    fn append_once(&self, rows: &[Row<'_>], now: i64, spare: u64) -> Result<Appended, StoreError> {
        let own = rows.first().map(|row| row.run);
        let transaction = self.write()?;
        let expired = expire(&transaction, &self.limits, now, own)?;
        let fitting = fitting(rows, &self.limits);
        let mut evicted = Losses::default();
        let room = make_room(&transaction, &self.limits, fitting, now, own, spare, &mut evicted)?;
        let fitting = &fitting[fitting.len() - room..];
        let first =
            1 + transaction.query_row("SELECT coalesce(max(seq), 0) FROM lines", [], |row| row.get::<_, i64>(0))?;
        let (batches, of_row) = batches_of(fitting, first);
        let mut ids = Vec::with_capacity(batches.len());
        {
            let mut insert = transaction.prepare(
                "INSERT INTO batches(run, day, signal, state, first, last, rows, bytes, hosts, receivers)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            let (hosts, receivers) = (self.hosts.noted(), self.hosts.names());
            for batch in &batches {
                let Batch { run, day, signal, fate, first, last, rows, bytes } = batch;
                let (state, hosts, receivers) = match fate {
                    Fate::ToSend => ("kept", hosts.as_str(), receivers.as_str()),
                    Fate::Local => ("local", "", ""),
                };
                insert.execute(params![
                    run.cast_signed(),
                    day,
                    schema::text_of(*signal),
                    state,
                    first,
                    last,
                    rows,
                    bytes,
                    hosts,
                    receivers
                ])?;
                ids.push((transaction.last_insert_rowid(), *signal));
            }
            let mut insert = transaction.prepare("INSERT INTO lines(batch, json) VALUES(?1, ?2)")?;
            for (row, batch) in fitting.iter().zip(of_row) {
                insert.execute(params![ids[batch].0, row.json])?;
            }
        }
        let stored = u32::try_from(fitting.len()).unwrap_or(u32::MAX);
        if stored > 0 && transaction.last_insert_rowid() != first + i64::from(stored) - 1 {
            // SQLite gives numbers in order until somebody has used up the last of them.
            return Err(StoreError::new(Reason::Corrupt, "rows do not get numbers that follow each other"));
        }
        transaction.commit()?;
        if let Some((batch, _)) = ids.first() {
            self.untouched.put_in(*batch);
        }
        self.settle_log(expired);
        self.shrink();
        Ok(Appended {
            first,
            batches: ids,
            rows_of: batches.iter().map(|batch| batch.rows.cast_unsigned()).collect(),
            stored,
            evicted_unsent: evicted.unsent,
            evicted_unsent_own: evicted.unsent_own,
            expired_unsent: expired.unsent,
            expired_unsent_own: expired.unsent_own,
        })
    }

    /// Whether these rows come near the size we allow the file, so that a lack of room need not be the disk's.
    fn near_cap(&self, rows: &[Row<'_>]) -> Result<bool, StoreError> {
        let connection = self.connection()?;
        let page = schema::page_bytes(connection)?;
        let free = schema::number(connection, "PRAGMA freelist_count")?;
        let used = schema::number(connection, "PRAGMA page_count")?.saturating_sub(free);
        Ok((used + 16) * page + 2 * disk_bytes_of(rows) >= self.limits.file_bytes())
    }

    /// Folds the log in time, so that it is never much longer than the larger of twice its usual length and one append.
    /// Many writers at once, or a reader that does not end, prevent that, and for those it may grow: until it is as long as
    /// all that the store may hold, and by appends of many rows, which take little more of it than their own length, until it
    /// is twice as long. Then waits for them, and rather refuses.
    fn keep_log_short(&self, rows: &[Row<'_>]) -> Result<(), StoreError> {
        let usual = self.limits.log_bytes();
        let incoming = disk_bytes_of(rows);
        let there = || match self.log {
            Log::WriteAhead => self.location.log_bytes(),
            Log::Rollback => 0,
        };
        let many = self.limits.bytes.min(MANY_BYTES * 8) / 8;
        let most = self.limits.bytes.max(usual * 3) * if incoming < many { 1 } else { 2 };
        let too_long = |length: u64| length > usual && length + incoming > most;
        let length = there();
        if length == 0 || length + incoming <= usual * 2 {
            return Ok(());
        }
        let folded = self.fold_log(Patience::None)? || !too_long(there()) || self.fold_log(Patience::Usual)?;
        if !folded && too_long(there()) {
            return Err(StoreError::new(Reason::Busy, "another program reads it and does not end"));
        }
        Ok(())
    }

    /// Expired rows leave the log too, as far as nobody is reading it.
    fn settle_log(&self, losses: Losses) {
        if losses.rows > 0 {
            // A failure leaves overwritten rows in the log until the next fold; nothing else depends on it.
            let _ = self.fold_log(Patience::None);
        }
    }

    /// Gives space back after the limit was lowered: deleting rows alone leaves the file as long as it was.
    fn shrink(&self) {
        let over = |connection: &Connection| -> Result<bool, StoreError> {
            let pages = schema::number(connection, "PRAGMA page_count")?;
            Ok(pages * schema::page_bytes(connection)? > self.limits.file_bytes())
        };
        if let Ok(connection) = self.connection()
            && over(connection).unwrap_or(false)
        {
            // Best effort, and tried again by the next append: the rows are stored whatever comes of it.
            let _ = connection.execute_batch("VACUUM");
            let _ = self.fold_log(Patience::None);
        }
    }

    /// Moves the log into the file and empties it. `false` when a reader or writer is in the way.
    pub(super) fn fold_log(&self, patience: Patience) -> Result<bool, StoreError> {
        let connection = self.connection()?;
        let end = Instant::now() + patience.wait();
        let folded = loop {
            let left = end.saturating_duration_since(Instant::now());
            connection.busy_timeout(left)?;
            let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
            match busy.map_err(StoreError::from) {
                Ok(0) => break Ok(true),
                // SQLite waits for readers and writers, but not for another handle that is folding as well.
                Ok(_) if left.is_zero() => break Ok(false),
                Err(error) if error.reason() != Reason::Busy => break Err(error),
                Err(_) if left.is_zero() => break Ok(false),
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        connection.busy_timeout(PATIENCE)?;
        folded
    }
}

/// Whether to wait for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    None,
    Usual,
}

impl Patience {
    fn wait(self) -> Duration {
        match self {
            Patience::None => Duration::ZERO,
            Patience::Usual => PATIENCE,
        }
    }
}

/// Rows of one append that share what is kept of them beside their text.
struct Batch {
    run: u64,
    day: i64,
    signal: Signal,
    fate: Fate,
    first: i64,
    last: i64,
    rows: i64,
    bytes: i64,
}

/// The batches of rows that get numbers from `first` on, and which of them each row belongs to.
fn batches_of(rows: &[Row<'_>], first: i64) -> (Vec<Batch>, Vec<usize>) {
    let mut batches: Vec<Batch> = Vec::new();
    let of_row = (first..).zip(rows).map(|(seq, row)| {
        let (day, bytes) = (day_of(row.unix_secs), row.json.len() as i64);
        let is_open = |batch: &Batch| {
            (batch.run, batch.day, batch.signal, batch.fate) == (row.run, day, row.signal, row.fate)
                && batch.rows < BATCH_ROWS
                && batch.bytes + bytes <= BATCH_BYTES
        };
        let place = batches.iter().rposition(is_open).unwrap_or_else(|| {
            let Row { run, signal, fate, .. } = *row;
            batches.push(Batch { run, day, signal, fate, first: seq, last: seq, rows: 0, bytes: 0 });
            batches.len() - 1
        });
        let batch = &mut batches[place];
        (batch.last, batch.rows, batch.bytes) = (seq, batch.rows + 1, batch.bytes + bytes);
        place
    });
    let of_row = of_row.collect();
    (batches, of_row)
}

/// The rows that can be stored at all: of more than the limits allow, the newest.
fn fitting<'r, 'a>(rows: &'r [Row<'a>], limits: &Limits) -> &'r [Row<'a>] {
    // Half of the file at most, so that rows which an upload holds do not leave new ones without a place.
    let budget = limits.file_bytes() / 2;
    let most = usize::try_from(limits.records()).unwrap_or(usize::MAX);
    let mut bytes = 0;
    let count = rows
        .iter()
        .rev()
        .take(most)
        .take_while(|row| {
            bytes += disk_bytes(row.json.len() as u64);
            bytes <= budget
        })
        .count();
    &rows[rows.len() - count..]
}

/// Bytes that a row takes of the pages of 4 KiB which SQLite makes: as many rows as fit whole share one, and a longer one
/// has pages of its own.
fn disk_bytes(json: u64) -> u64 {
    const PAGE: u64 = 4096;
    let row = json + ROW_OVERHEAD;
    match (PAGE - 16) / row {
        0 => (row.div_ceil(PAGE - 4) + 1) * PAGE,
        sharing => PAGE.div_ceil(sharing),
    }
}

pub(super) fn disk_bytes_of(rows: &[Row<'_>]) -> u64 {
    rows.iter().map(|row| disk_bytes(row.json.len() as u64)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, Scratch, row, texts};
    use super::*;

    #[test]
    fn sqlite_itself_holds_the_bounds_and_an_estimate_that_was_too_low_is_raised() {
        let scratch = Scratch::new();
        let mut store = scratch.open_within(1_000_000, u64::MAX);
        let pragma = |name: &str| schema::number(store.connection().unwrap(), &format!("PRAGMA {name}")).unwrap();
        assert_eq!((pragma("max_page_count"), pragma("wal_autocheckpoint")), (900_000 / 4096, 100_000 / 4096));
        assert_eq!((pragma("journal_size_limit"), pragma("secure_delete")), (100_000, 1));

        let texts = texts(0..50, 4000);
        let rows: Vec<_> = texts.iter().map(|text| row(text)).collect();
        let full = loop {
            match store.append_once(&rows, NOW, 0) {
                Ok(appended) => assert_eq!(appended.stored, 50),
                Err(error) => break error,
            }
        };
        assert_eq!(full.reason(), Reason::Full);
        assert!(store.near_cap(&rows).unwrap());
        let before = store.unsent().unwrap();
        assert!(before >= 100, "nothing was dropped for an append that failed");
        let appended = store.try_append(&rows, NOW, 0).unwrap();
        assert_eq!((appended.stored, store.unsent().unwrap()), (50, before + 50 - u64::from(appended.evicted_unsent)));
    }
}
