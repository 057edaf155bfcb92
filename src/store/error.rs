use std::ffi::c_int;
use std::fmt;
use std::io;

use rusqlite::{ErrorCode, ffi};

/// Why the outbox could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreError {
    reason: Reason,
    detail: String,
}

/// The kinds of failure, by what can be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Another process, or a reader that does not end, is in the way.
    Busy,
    /// No room on the disk, in the quota, or within the limits while everything is being sent.
    Full,
    /// The device failed to read or write.
    Io,
    /// The directory is missing or is not a directory.
    NoDirectory,
    /// The directory or the file cannot be written.
    ReadOnly,
    /// Not a regular file, or not owned by the owner of its directory, or open to others: it may have been planted.
    Untrusted,
    /// A SQLite database, but not this crate's.
    Foreign,
    /// Written in a layout that this release knows no more. Left as it is.
    Older,
    /// Written by a newer release. Left as it is.
    Newer,
    /// Not readable as a database.
    Corrupt,
    /// A process in which it was used was forked.
    Forked,
    /// The place that an export goes to refused it.
    Output,
    /// SQLite refused for a reason that is none of the above.
    Other,
}

impl StoreError {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        StoreError { reason, detail: detail.into() }
    }

    /// What kind of failure it is.
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether the same call may succeed later without anybody changing anything here.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self.reason, Reason::Busy | Reason::Full | Reason::Io)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, remedy) = match self.reason {
            Reason::Busy => ("the telemetry store is in use", "it is tried again later"),
            Reason::Full => ("there is no room for the telemetry store", "free some disk space"),
            Reason::Io => ("the telemetry store could not be read or written", "check the disk"),
            Reason::NoDirectory => ("the directory of the telemetry store is missing", "create it, or set another one"),
            Reason::ReadOnly => {
                ("the telemetry store cannot be written", "make its directory writable, or clear the store")
            }
            Reason::Untrusted => (
                "the file or directory of the telemetry store is not private to its owner",
                "look at it, then remove it",
            ),
            Reason::Foreign => ("the telemetry store is another program's database", "move that file away"),
            Reason::Older => (
                "the telemetry store was written by an older release, in a layout that is not read any more",
                "export it with that release, then clear the store",
            ),
            Reason::Newer => {
                ("the telemetry store was written by a newer release", "update this application, or clear the store")
            }
            Reason::Corrupt => ("the telemetry store is damaged", "clear it"),
            Reason::Forked => (
                "the telemetry store belongs to the parent process",
                "start telemetry after the fork alone, or use `exec`",
            ),
            Reason::Output => ("the export could not be written", "check where it goes"),
            Reason::Other => ("the telemetry store refused", "please report this"),
        };
        write!(f, "{what} ({}): {remedy}", self.detail)
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let reason = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Reason::Busy
            }
            Some(ErrorCode::DiskFull) => Reason::Full,
            // The index of the log could not be given its first blocks.
            Some(ErrorCode::SystemIoFailure) if extended(&error) == ffi::SQLITE_IOERR_SHMSIZE => Reason::Full,
            Some(ErrorCode::CannotOpen) if extended(&error) == ffi::SQLITE_CANTOPEN_SYMLINK => Reason::Untrusted,
            // Not for want of a right to, which is checked before: out of file descriptors, for one.
            Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::CannotOpen) => Reason::Io,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Reason::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Reason::Corrupt,
            _ => Reason::Other,
        };
        // SQLite's messages name tables and columns, never values; the statement's text is left out all the same.
        let detail = match error.sqlite_error() {
            Some(code) => format!("SQLite: {code}"),
            None => "SQLite gave an unexpected answer".to_owned(),
        };
        StoreError { reason, detail }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Reason::NoDirectory,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Reason::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::Full,
            _ => Reason::Io,
        };
        StoreError { reason, detail: error.kind().to_string() }
    }
}

fn extended(error: &rusqlite::Error) -> c_int {
    error.sqlite_error().map_or(0, |code| code.extended_code)
}
