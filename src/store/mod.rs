//! The outbox: one SQLite file that stands in front of every upload.
//!
//! A record is kept here before anything is sent, and stays after it was sent, so that its owner can look at it, export it
//! and erase it. Each row is one self-contained line of JSON that any `sqlite3` command line can read.
//!
//! Rows are written once. Whether they were sent is noted per batch, in a table of its own; the view `records` shows both.
//!
//! There is no state in memory that the file does not hold: limits are enforced from the page count and from the row counts
//! of batches, so several handles, threads and processes of one application cannot make them drift, and a user who deletes
//! rows by hand makes the store hold less, never more. The threads of a pipeline share one handle: with two, each would
//! read again what the other has written, and wait for its turn by sleeping.

mod append;
mod claim;
mod error;
mod file;
mod outlook;
mod part;
mod read;
mod room;
mod schema;
mod suspects;
mod untouched;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

#[cfg(test)]
pub(crate) use self::append::Appended;
pub(crate) use self::append::{Fate, Row};
pub(crate) use self::error::{Reason, StoreError};
#[cfg(any(feature = "upload", test))]
pub(crate) use self::part::HeldRows;
pub(crate) use self::read::{Cleared, Erased};
#[cfg(test)]
pub(crate) use self::schema::State;

use self::file::Location;
use self::untouched::Untouched;
use crate::record::Hosts;
#[cfg(test)]
use crate::record::{
    Signal,
    claim::{Answers, Lease, Part, Routes, Verdict},
};

/// How long one call waits for another process's write to end before it answers [`Reason::Busy`].
const PATIENCE: Duration = Duration::from_secs(2);

/// Below this a SQLite file with one 16 KiB record and its log has no room to work in.
const LEAST_BYTES: u64 = 256 * 1024;

/// A longer log makes nothing faster.
const MOST_LOG_BYTES: u64 = 4 * 1024 * 1024;

/// How much the outbox may hold. The oldest rows go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes on disk: nine tenths for the database file, one tenth for its write-ahead log, which for a moment may be
    /// longer by one append, and while another program reads the store and does not end, twice as long as all of these bytes. Never
    /// taken as less than 256 KiB. Default: 10 MB.
    pub(crate) bytes: u64,
    /// Rows, sent ones included. Never taken as less than 1. Default: 10,000.
    pub(crate) records: u64,
    /// Age in whole days, rounded up, by the day of the record; zero keeps for ever. Default: 30 days.
    pub(crate) age: Duration,
}

impl Limits {
    fn file_bytes(&self) -> u64 {
        self.bytes.max(LEAST_BYTES) - self.log_bytes()
    }

    fn log_bytes(&self) -> u64 {
        (self.bytes.max(LEAST_BYTES) / 10).min(MOST_LOG_BYTES)
    }

    fn records(&self) -> u64 {
        self.records.max(1)
    }

    /// The first day that is still kept, as of `now`.
    fn first_day(&self, now: i64) -> i64 {
        if self.age.is_zero() {
            return i64::MIN;
        }
        let days = self.age.as_secs().div_ceil(86_400).max(1);
        schema::day_of(now).saturating_sub_unsigned(days)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 10_000_000, records: 10_000, age: Duration::from_secs(30 * 86_400) }
    }
}

/// A handle on the outbox of one application. One handle belongs to one thread at a time.
pub(crate) struct Store {
    /// Absent while a ruined or vanished file is replaced, and after that failed; the next write tries again.
    connection: Option<Connection>,
    location: Location,
    limits: Limits,
    log: Log,
    /// How SQLite reaches the disk; only a test chooses.
    vfs: Option<&'static str>,
    resets: u32,
    healed: Healed,
    process: u32,
    untouched: Untouched,
    hosts: Hosts,
}

/// What SQLite answered when it was asked for a write-ahead log: some file systems cannot have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    WriteAhead,
    Rollback,
}

/// A ruined file is replaced once per handle: on a dying disk a second attempt only wears it further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Healed {
    NotYet,
    Once,
}

impl Store {
    /// Opens the outbox in `dir`, which must exist and be private, and creates the file if there is none.
    ///
    /// A file that SQLite cannot read is erased and begun anew; [`Store::was_reset`] tells.
    ///
    /// # Errors
    /// A file that is not ours (symbolic link, other owner, another program's database) or that a newer release wrote is
    /// refused and left untouched. Otherwise the [`Reason`] says what the environment lacks.
    pub(crate) fn open(dir: &Path, limits: Limits) -> Result<Store, StoreError> {
        Store::open_with(dir, limits, None)
    }

    /// As [`Store::open`], but creates nothing: `None` when there is no outbox yet.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub(crate) fn open_existing(dir: &Path, limits: Limits) -> Result<Option<Store>, StoreError> {
        if file::is_absent(dir) { Ok(None) } else { Store::open(dir, limits).map(Some) }
    }

    fn open_with(dir: &Path, limits: Limits, vfs: Option<&'static str>) -> Result<Store, StoreError> {
        let location = Location::of(dir)?;
        let mut store = Store {
            connection: None,
            location,
            limits,
            log: Log::Rollback,
            vfs,
            resets: 0,
            healed: Healed::NotYet,
            process: std::process::id(),
            untouched: Untouched::default(),
            hosts: Hosts::default(),
        };
        match store.connect() {
            Err(error) if error.reason() == Reason::Corrupt => store.heal()?,
            answer => answer?,
        }
        Ok(store)
    }

    /// This handle, which keeps rows for these hosts and hands out what was kept for one of them. Default: rows are for no host, and
    /// none are handed out.
    pub(crate) fn for_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Whether this handle had to begin a new file in place of one that was ruined or had vanished.
    pub(crate) fn was_reset(&self) -> bool {
        self.resets > 0
    }

    /// Where the outbox is.
    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        self.location.path()
    }

    fn connect(&mut self) -> Result<(), StoreError> {
        // Held from before the file is made until SQLite has it: POSIX drops every lock a process has on a file when it
        // closes any descriptor of that file, so ours must be closed before another handle can have taken one.
        let _turn = file::turn()?;
        self.location.settle()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = match self.vfs {
            None => Connection::open_with_flags(self.location.path(), flags)?,
            Some(vfs) => Connection::open_with_flags_and_vfs(self.location.path(), flags, vfs)?,
        };
        connection.busy_timeout(PATIENCE)?;
        self.log = schema::prepare(&connection, &self.limits)?;
        self.connection = Some(connection);
        self.untouched = Untouched::default();
        Ok(())
    }

    /// Replaces a ruined file by an empty one.
    fn heal(&mut self) -> Result<(), StoreError> {
        if self.healed == Healed::Once {
            return Err(StoreError::new(Reason::Corrupt, "it was already replaced once"));
        }
        self.healed = Healed::Once;
        self.connection = None;
        {
            let _turn = file::turn()?;
            self.location.erase_if_same()?;
        }
        self.connect()?;
        self.resets += 1;
        Ok(())
    }

    /// The connection, unless this is a forked child: SQLite must not be used across a fork.
    fn connection(&self) -> Result<&Connection, StoreError> {
        if self.process != std::process::id() {
            return Err(StoreError::new(Reason::Forked, "opened by the parent process"));
        }
        self.connection.as_ref().ok_or_else(|| StoreError::new(Reason::Io, "its file is gone"))
    }

    /// Begins a write. The lock is taken at once, so that no statement inside can find the store busy.
    fn write(&self) -> Result<Transaction<'_>, StoreError> {
        let connection = self.connection()?;
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        self.untouched.look(&transaction)?;
        Ok(transaction)
    }

    /// Runs a write; when the file proves ruined or has vanished, begins a new one and runs it again.
    fn mending<T>(&mut self, mut write: impl FnMut(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.process == std::process::id() && (self.connection.is_none() || !self.location.is_current()) {
            // Somebody removed or replaced the file: what we went on writing to would be a file without a name.
            self.connection = None;
            self.connect()?;
            self.resets += 1;
        }
        match write(self) {
            Err(error) if error.reason() == Reason::Corrupt => {
                self.heal()?;
                write(self)
            }
            answer => answer,
        }
    }
}

impl fmt::Debug for Store {
    // The path names the user's home, so it stays out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("limits", &self.limits)
            .field("log", &self.log)
            .field("resets", &self.resets)
            .finish_non_exhaustive()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // A forked child must not close what the parent uses: closing may fold the log into the file and delete it.
        if self.process != std::process::id() {
            std::mem::forget(self.connection.take());
        }
    }
}

/// Erases the outbox in `dir` whatever state it is in, without opening it: for a file that [`Store::open`] refuses.
/// Returns whether there was one.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn remove(dir: &Path) -> Result<bool, StoreError> {
    let _turn = file::turn()?;
    Location::of(dir)?.erase()
}

/// The path of the outbox in `dir`.
pub(crate) fn path_in(dir: &Path) -> PathBuf {
    dir.join(file::NAME)
}
