//! Taking rows in, and making room for them.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::claim::live_until;
use super::schema::{self, Signal, day_of};
use super::{Limits, Log, PATIENCE, Reason, Store, StoreError};

/// What SQLite needs for a row beside its text: cell and index entry.
const ROW_OVERHEAD: u64 = 64;

/// One record to be stored: clean JSON text. It is made of a [`record::Row`](crate::record::Row) alone, and that of what
/// the privacy filter wrote.
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
    pub(crate) fn of(record: &'a crate::record::Row, run: u64, fate: Fate) -> Self {
        let signal = match record.signal() {
            crate::record::Signal::Log => Signal::Log,
            crate::record::Signal::Span => Signal::Span,
        };
        Row { run, signal, unix_secs: record.unix_seconds(), json: record.as_str(), fate }
    }
}

/// What an append did. A loss is counted only for rows that were not sent yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub(crate) struct Appended {
    /// Rows that are now on disk: all of them, unless the limits are smaller than the append. Then the newest that fit are
    /// kept, and the rest, never stored, is in none of these numbers.
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
        make_room(&transaction, &self.limits, fitting, now, own, spare, &mut evicted)?;
        let mut stored = 0;
        {
            let mut insert =
                transaction.prepare("INSERT INTO records(run, day, signal, state, json) VALUES(?1, ?2, ?3, ?5, ?4)")?;
            for row in fitting {
                let state = match row.fate {
                    Fate::ToSend => "kept",
                    Fate::Local => "local",
                };
                insert.execute(params![
                    row.run.cast_signed(),
                    day_of(row.unix_secs),
                    row.signal.as_str(),
                    row.json,
                    state
                ])?;
                stored += 1;
            }
        }
        transaction.commit()?;
        self.settle_log(expired);
        self.shrink();
        Ok(Appended {
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
    /// Many writers at once, or a reader that does not end, prevent that: then waits for them, and rather refuses than
    /// lets it grow.
    fn keep_log_short(&self, rows: &[Row<'_>]) -> Result<(), StoreError> {
        let usual = self.limits.log_bytes();
        let incoming = disk_bytes_of(rows);
        let there = || match self.log {
            Log::WriteAhead => self.location.log_bytes(),
            Log::Rollback => 0,
        };
        let too_long = |length: u64| length > usual && length + incoming > usual * 3;
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

#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    rows: u64,
    unsent: u32,
    unsent_own: u32,
}

impl Losses {
    fn add(&mut self, state: &str, run: i64, own: Option<u64>) {
        self.rows += 1;
        if matches!(state, "kept" | "local" | "claimed") {
            self.unsent += 1;
            self.unsent_own += u32::from(own == Some(run.cast_unsigned()));
        }
    }
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

fn disk_bytes_of(rows: &[Row<'_>]) -> u64 {
    rows.iter().map(|row| disk_bytes(row.json.len() as u64)).sum()
}

fn expire(connection: &Connection, limits: &Limits, now: i64, own: Option<u64>) -> Result<Losses, StoreError> {
    let mut losses = Losses::default();
    if limits.age.is_zero() {
        return Ok(losses);
    }
    let mut delete = connection.prepare(
        "DELETE FROM records INDEXED BY records_by_state
         WHERE state IN ('kept','local','claimed','sent','rejected') AND day < ?1
           AND NOT (state = 'claimed' AND claimed_until > ?2 AND claimed_until <= ?3)
         RETURNING state, run",
    )?;
    let mut gone = delete.query(params![limits.first_day(now), now, live_until(now)])?;
    while let Some(row) = gone.next()? {
        losses.add(row.get_ref(0)?.as_str().unwrap_or(""), row.get(1)?, own);
    }
    Ok(losses)
}

fn make_room(
    connection: &Connection,
    limits: &Limits,
    rows: &[Row<'_>],
    now: i64,
    own: Option<u64>,
    spare: u64,
    lost: &mut Losses,
) -> Result<(), StoreError> {
    let held = schema::number(connection, "SELECT count(*) FROM records")?;
    let excess = (held + rows.len() as u64).saturating_sub(limits.records());
    if excess > 0 {
        evict(connection, excess, now, own, lost)?;
    }
    let page = schema::page_bytes(connection)?;
    let incoming = disk_bytes_of(rows);
    // Deleting fills no page: what one deletion frees is known only afterwards, so look again.
    loop {
        let free = schema::number(connection, "PRAGMA freelist_count")?;
        let used = schema::number(connection, "PRAGMA page_count")?.saturating_sub(free);
        let wanted = used * page + incoming * spare + 4 * page;
        let missing = wanted.saturating_sub(limits.file_bytes());
        if missing == 0 {
            return Ok(());
        }
        let count = oldest_filling(connection, missing, now)?;
        if count == 0 || evict(connection, count, now, own, lost)? == 0 {
            return Ok(());
        }
    }
}

/// How many of the oldest rows fill so many bytes.
fn oldest_filling(connection: &Connection, bytes: u64, now: i64) -> Result<u64, StoreError> {
    let mut select = connection.prepare(
        "SELECT octet_length(json) FROM records
         WHERE NOT (state = 'claimed' AND claimed_until > ?1 AND claimed_until <= ?2) ORDER BY seq",
    )?;
    let mut rows = select.query(params![now, live_until(now)])?;
    let (mut count, mut sum) = (0, 0);
    while sum < bytes {
        let Some(row) = rows.next()? else { break };
        sum += u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0) + ROW_OVERHEAD;
        count += 1;
    }
    Ok(count)
}

/// Deletes the oldest rows that no upload holds; returns how many there were.
fn evict(
    connection: &Connection,
    count: u64,
    now: i64,
    own: Option<u64>,
    lost: &mut Losses,
) -> Result<u64, StoreError> {
    let before = lost.rows;
    let mut delete = connection.prepare(
        "DELETE FROM records WHERE seq IN (
           SELECT seq FROM records
           WHERE NOT (state = 'claimed' AND claimed_until > ?1 AND claimed_until <= ?2) ORDER BY seq LIMIT ?3)
         RETURNING state, run",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut gone = delete.query(params![now, live_until(now), count])?;
    while let Some(row) = gone.next()? {
        lost.add(row.get_ref(0)?.as_str().unwrap_or(""), row.get(1)?, own);
    }
    Ok(lost.rows - before)
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
