//! The file itself: made private before SQLite sees it, trusted only if it cannot have been planted, erased as a whole.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Reason, StoreError};

/// The file's name in the data directory.
pub(super) const NAME: &str = "telemetry.db";

/// What SQLite puts beside it.
const COMPANIONS: [&str; 3] = ["telemetry.db-wal", "telemetry.db-shm", "telemetry.db-journal"];

/// One opening or erasing at a time in this process. It guards no data, so a poisoned one is as good.
///
/// # Errors
/// This process was forked from one in which somebody had a turn. Threads of that one may have been inside SQLite, whose locks
/// for the whole process are then closed for ever in this one, and so may this lock.
pub(super) fn turn() -> Result<MutexGuard<'static, ()>, StoreError> {
    static TURN: Mutex<()> = Mutex::new(());
    /// The process that had the first turn; no process has the number 0.
    static FIRST: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id();
    match FIRST.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != process => Err(StoreError::new(Reason::Forked, "it was in use at the fork")),
        _ => Ok(TURN.lock().unwrap_or_else(PoisonError::into_inner)),
    }
}

pub(super) fn is_absent(dir: &Path) -> bool {
    matches!(fs::symlink_metadata(dir.join(NAME)), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Where an outbox is, and which file it was when it was opened.
#[derive(Debug)]
pub(super) struct Location {
    dir: PathBuf,
    path: PathBuf,
    identity: Option<Identity>,
}

impl Location {
    /// Follows links in the way to the directory (a home may be one), so that SQLite can refuse any in the path.
    pub(super) fn of(dir: &Path) -> Result<Self, StoreError> {
        let metadata = fs::metadata(dir)?;
        if !metadata.is_dir() {
            return Err(StoreError::new(Reason::NoDirectory, "not a directory"));
        }
        if open_to_others(&metadata) {
            return Err(StoreError::new(Reason::Untrusted, "others may write in the directory"));
        }
        let dir = if cfg!(unix) { fs::canonicalize(dir)? } else { dir.to_path_buf() };
        let path = dir.join(NAME);
        Ok(Location { dir, path, identity: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file, empty and private, or makes sure that the one there can be trusted; remembers which it is.
    ///
    /// An existing file is never opened here: closing it would drop the locks of every SQLite handle in this process.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        let dir = fs::metadata(&self.dir)?;
        match create(&self.path, &dir) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        let found = fs::symlink_metadata(&self.path)?;
        trust(&found, &dir)?;
        tighten(&self.path, &found)?;
        for name in COMPANIONS {
            let path = self.dir.join(name);
            match fs::symlink_metadata(&path) {
                Ok(companion) => {
                    trust(&companion, &dir)?;
                    tighten(&path, &companion)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.identity = identity(&found);
        Ok(())
    }

    /// Whether the path still leads to the file that was opened.
    pub(super) fn is_current(&self) -> bool {
        match (self.identity, fs::symlink_metadata(&self.path)) {
            (None, found) => found.is_ok(),
            (known, Ok(found)) => identity(&found) == known,
            (_, Err(_)) => false,
        }
    }

    /// Erases the file unless another process has already put a new one in its place.
    pub(super) fn erase_if_same(&self) -> Result<(), StoreError> {
        if self.is_current() {
            self.erase()?;
        }
        Ok(())
    }

    /// Erases the file and its companions; returns whether there was a file. The file goes last: if we are stopped
    /// half-way, the next opening still finds it and goes on.
    pub(super) fn erase(&self) -> Result<bool, StoreError> {
        for name in COMPANIONS {
            remove(&self.dir.join(name))?;
        }
        remove(&self.path)
    }

    /// Bytes of the file and of its log.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        length(&self.path) + self.log_bytes()
    }

    /// Bytes of the write-ahead log.
    pub(super) fn log_bytes(&self) -> u64 {
        length(&self.dir.join(COMPANIONS[0]))
    }
}

fn length(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |found| found.len())
}

fn remove(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Creates and never opens: `create_new` also refuses a dangling link.
fn create(path: &Path, dir: &Metadata) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Under sudo the directory is the user's: a file of root's would lock its owner out.
        if file.metadata()?.uid() != dir.uid() && fchown(&file, Some(dir.uid()), Some(dir.gid())).is_err() {
            drop(file);
            fs::remove_file(path)?;
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    #[cfg(not(unix))]
    let _ = (file, dir);
    Ok(())
}

fn trust(found: &Metadata, dir: &Metadata) -> Result<(), StoreError> {
    if !found.is_file() {
        return Err(StoreError::new(Reason::Untrusted, "a link, a directory or a device instead of a file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if found.uid() != dir.uid() {
            return Err(StoreError::new(Reason::Untrusted, "it belongs to another user than its directory"));
        }
    }
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

#[cfg(unix)]
fn open_to_others(dir: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    dir.permissions().mode() & 0o022 != 0
}

#[cfg(not(unix))]
fn open_to_others(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn tighten(path: &Path, found: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn tighten(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

#[cfg(unix)]
fn identity(found: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some(Identity(found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}
