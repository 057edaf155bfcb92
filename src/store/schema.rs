//! What the file contains, and the settings every connection needs.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{Limits, Log, PATIENCE, Reason, StoreError};
use crate::app::random::start_of_numbers;
use crate::record::Signal;

/// The layout this release reads and writes, kept in the file's `user_version`.
pub(super) const VERSION: i64 = 2;

/// Marks the file as ours in its header (`application_id`): the letters `trpv`.
pub(super) const APPLICATION: i64 = 0x7472_7076;

/// Rows are written once. What happens to them is noted beside them, once for all that were appended together and share
/// run, day and signal: a row that were marked would be written again, and its old bytes overwritten.
///
/// Batches that went out together keep the number of their `load` and go together again, so that a receiver that knows it
/// by its token finds the same rows in it. `done` says what receivers answered that are not asked any more, where there are several,
/// and which of those that know tokens may have rows of it, one a line and by their names: their order in the application's code is
/// another one in its next release.
///
/// `AUTOINCREMENT`, so that a batch's number is never given twice, not even after everything was erased: an upload that
/// was under way then cannot mark new rows as sent. Each file begins at a number of its own, so that the
/// same holds when the file itself is replaced. The indexes cover what every append and every claim asks.
///
/// `hosts` says where a batch may go: those that were agreed to when it was kept, one a line. `receivers` says by their names who is
/// to have it: it waits until each of them is in `done`, whichever run asks them.
///
/// `suspects` has what is remembered of loads at which a receiver failed.
const LAYOUT: &str = "
CREATE TABLE batches(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  day INTEGER NOT NULL,
  signal TEXT NOT NULL CHECK(signal IN ('log','span')),
  state TEXT NOT NULL CHECK(state IN ('kept','local','claimed','sent','rejected')),
  owner INTEGER,
  claimed_until INTEGER,
  sent_at INTEGER,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  load INTEGER,
  done TEXT NOT NULL DEFAULT '',
  hosts TEXT NOT NULL DEFAULT '',
  receivers TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX batches_by_day ON batches(day, rows);
CREATE INDEX batches_to_send ON batches(day, id, rows) WHERE state IN ('kept','claimed');
CREATE TABLE lines(
  seq INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL,
  json TEXT NOT NULL
) STRICT;
CREATE TABLE suspects(
  load INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  signal TEXT NOT NULL,
  rounds INTEGER NOT NULL,
  is_counted INTEGER NOT NULL,
  is_too_large INTEGER NOT NULL,
  failed_at INTEGER NOT NULL,
  rests_until INTEGER NOT NULL,
  PRIMARY KEY(load, receiver)
) STRICT, WITHOUT ROWID;
CREATE VIEW records AS
  SELECT seq, run, day, signal, state, claimed_until, sent_at, json FROM lines JOIN batches ON id = batch;
";

/// Every column and index that statements name.
const PARTS: [&str; 4] = [
    "SELECT id, run, owner, claimed_until, sent_at, first, last, rows, bytes, load, done, hosts, receivers FROM batches INDEXED BY batches_to_send
     WHERE state IN ('kept','claimed') AND signal = 'log'",
    "SELECT rows FROM batches INDEXED BY batches_by_day WHERE day < 0",
    "SELECT seq, run, day, signal, state, sent_at, json FROM records",
    "SELECT load, receiver, signal, rounds, is_counted, is_too_large, failed_at, rests_until FROM suspects",
];

/// A signal as the file has it.
pub(super) fn text_of(signal: Signal) -> &'static str {
    match signal {
        Signal::Log => "log",
        Signal::Span => "span",
    }
}

pub(super) fn signal_of(text: &str) -> Signal {
    if text == "span" { Signal::Span } else { Signal::Log }
}

/// What has happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Waiting.
    Kept,
    /// An upload has it.
    Claimed,
    /// A receiver confirmed it.
    Sent,
    /// A receiver refused it for good; it is never offered again.
    Rejected,
}

impl State {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "claimed" => State::Claimed,
            "sent" => State::Sent,
            "rejected" => State::Rejected,
            _ => State::Kept,
        }
    }
}

/// The day of a moment, counted from 1970-01-01. Exact times stay inside the record, where the policy made them as coarse
/// as it wants; beside it a day is all that retention needs. Clocks may be wrong by any amount, so it is clamped.
pub(super) fn day_of(unix_secs: i64) -> i64 {
    const LAST: i64 = 253_402_300_799; // 9999-12-31, the last day that `date()` in SQLite can show
    unix_secs.clamp(0, LAST) / 86_400
}

/// Checks that the file is ours, makes the layout in an empty one, and sets the connection up.
pub(super) fn prepare(connection: &Connection, limits: &Limits) -> Result<Log, StoreError> {
    connection.execute_batch(
        // Rows that are deleted are overwritten (the bundled library does not do so by itself), nothing spills into a
        // temporary directory, and nothing that a planted schema contains can call a function with effects.
        "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;
         PRAGMA mmap_size=0; PRAGMA cache_size=-512; PRAGMA cache_spill=OFF;",
    )?;
    // Read before anything is changed: what is not ours is refused untouched.
    let found = Found::in_file(connection)?;
    found.refuse_others()?;
    if connection.is_readonly("main")? {
        return Err(StoreError::new(Reason::ReadOnly, "the file is write-protected"));
    }
    let log = write_ahead(connection)?;
    connection.execute_batch(match log {
        // Commits survive a crash of the process; a power cut may undo the newest ones, never damage the file.
        Log::WriteAhead => "PRAGMA synchronous=NORMAL",
        Log::Rollback => "PRAGMA synchronous=FULL",
    })?;
    if found == Found::Empty {
        create(connection)?;
    }
    let page = page_bytes(connection)?;
    set(connection, "journal_size_limit", limits.log_bytes())?;
    set(connection, "wal_autocheckpoint", (limits.log_bytes() / page).max(1))?;
    set(connection, "max_page_count", limits.file_bytes() / page)?;
    for part in PARTS {
        connection.prepare(part).map_err(|_| StoreError::new(Reason::Corrupt, "a table, view or index is missing"))?;
    }
    Ok(log)
}

/// Asks for a write-ahead log, and believes only the answer: some file systems cannot have one. While another process is
/// doing the same SQLite answers at once instead of waiting.
fn write_ahead(connection: &Connection) -> Result<Log, StoreError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(Log::WriteAhead),
            Ok(_) => return Ok(Log::Rollback),
            Err(error) => {
                let error = StoreError::from(error);
                if error.reason() != Reason::Busy || Instant::now() >= end {
                    return Err(error);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

pub(super) fn page_bytes(connection: &Connection) -> Result<u64, StoreError> {
    Ok(number(connection, "PRAGMA page_size")?.max(512))
}

/// Reads a pragma or count that is never negative.
pub(super) fn number(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let value: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(value).unwrap_or(0))
}

fn set(connection: &Connection, pragma: &str, value: u64) -> Result<(), StoreError> {
    connection.query_row(&format!("PRAGMA {pragma}={}", value.min(i32::MAX as u64)), [], |_| Ok(()))?;
    Ok(())
}

fn create(connection: &Connection) -> Result<(), StoreError> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let found = Found::in_file(&transaction)?;
    found.refuse_others()?;
    if found == Found::Empty {
        transaction.execute_batch(LAYOUT)?;
        transaction.execute("INSERT INTO sqlite_sequence(name, seq) VALUES('batches', ?1)", [start_of_numbers()])?;
        transaction.execute_batch(&format!("PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION};"))?;
    }
    transaction.commit()?;
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Empty,
    Ours,
    Older(i64),
    Newer(i64),
    Foreign,
}

impl Found {
    fn in_file(connection: &Connection) -> Result<Self, StoreError> {
        // One statement, so one moment: another process may be making the layout just now.
        let (objects, application, version): (i64, i64, i64) = connection.query_row(
            "SELECT (SELECT count(*) FROM sqlite_schema), application_id, user_version
             FROM pragma_application_id, pragma_user_version",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        Ok(match (application, version) {
            (0, 0) if objects == 0 => Found::Empty,
            (APPLICATION, VERSION) => Found::Ours,
            (APPLICATION, version) if version > VERSION => Found::Newer(version),
            (APPLICATION, version) => Found::Older(version),
            _ => Found::Foreign,
        })
    }

    fn refuse_others(self) -> Result<(), StoreError> {
        match self {
            Found::Empty | Found::Ours => Ok(()),
            Found::Older(version) => Err(StoreError::new(Reason::Older, known(version))),
            Found::Newer(version) => Err(StoreError::new(Reason::Newer, known(version))),
            Found::Foreign => Err(StoreError::new(Reason::Foreign, "its header does not carry our mark")),
        }
    }
}

fn known(version: i64) -> String {
    format!("layout {version}, known is {VERSION}")
}
