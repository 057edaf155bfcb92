//! Small files for their owner's eyes only, which processes that start at the same moment agree on.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::app::private_directory::PrivateDirectory;

/// Bytes that such a file may have.
const LONGEST: usize = 512;

/// A file in a private directory.
pub(super) struct PrivateFile<'a> {
    directory: &'a PrivateDirectory,
    name: &'static str,
}

/// What lies where the file should be.
#[derive(Debug)]
pub(super) enum Found {
    Bytes(Zeroizing<Vec<u8>>),
    /// A link, somebody else's file, one that others can read or that is too long. It is never used, and replaced by the
    /// next one that is written.
    Unusable,
    Missing,
}

impl<'a> PrivateFile<'a> {
    pub(super) fn new(directory: &'a PrivateDirectory, name: &'static str) -> Self {
        PrivateFile { directory, name }
    }

    /// Reads the file.
    pub(super) fn read(&self) -> Found {
        match self.open(&self.path(), Access::Read) {
            Ok(file) => read_all(file).map_or(Found::Unusable, Found::Bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Found::Missing,
            Err(_) => Found::Unusable,
        }
    }

    /// Puts other bytes in the file's place. `next` is given what is there, while no other process changes it, and
    /// says what shall be there; `None` leaves it.
    ///
    /// After a crash, the file is the old or the new one. The bytes of the old one, and of one that a crash left
    /// unfinished, are overwritten.
    pub(super) fn update(&self, next: impl FnOnce(Option<&[u8]>) -> Option<Zeroizing<Vec<u8>>>) -> Result<()> {
        self.directory.check()?;
        // Held until the end of this function. Without it (some network file systems, Windows) two processes that
        // start at the same moment may each keep a file of their own until they are started again.
        let directory = lock(self.directory);
        // Written in full before it gets its name, so that nobody ever reads half a file.
        let unfinished = self.directory.path().join(format!("{}.new", self.name));
        if let Ok(file) = self.open(&unfinished, Access::Write) {
            overwrite(file);
        }
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let there = match self.read() {
            Found::Bytes(bytes) => Some(bytes),
            Found::Unusable | Found::Missing => None,
        };
        let Some(bytes) = next(there.as_ref().map(|bytes| bytes.as_slice())) else { return Ok(()) };
        // Opened before it loses its name.
        let old = self.open(&self.path(), Access::Write).ok();
        let written = create(&unfinished).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        // Renaming replaces a link or another's file itself, not what it leads to.
        written.and_then(|()| std::fs::rename(&unfinished, self.path())).inspect_err(|_| {
            let _ = std::fs::remove_file(&unfinished);
        })?;
        if let Some(old) = old {
            // Before the old bytes go, the new name must last.
            let _ = directory.as_ref().map(File::sync_all);
            overwrite(old);
        }
        match self.read() {
            Found::Bytes(last) if last == bytes => Ok(()),
            _ => Err(Error::other("the file cannot be read back")),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(self.name)
    }

    /// Opens a file of ours, and nothing else.
    fn open(&self, path: &Path, access: Access) -> Result<File> {
        self.directory.check()?;
        let before = std::fs::symlink_metadata(path)?;
        // Judged by name first, since opening a pipe would wait; then again on what was opened, since a name can change.
        if !before.is_file() || !is_private(&before, self.directory) {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let mut options = OpenOptions::new();
        match access {
            Access::Read => options.read(true),
            Access::Write => options.write(true),
        };
        let file = no_follow(&mut options).open(path)?;
        let opened = file.metadata()?;
        match is_same(&before, &opened) && is_private(&opened, self.directory) {
            true => Ok(file),
            false => Err(ErrorKind::PermissionDenied.into()),
        }
    }
}

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

/// Zeros in place of every byte. What a file system copied elsewhere (journals, snapshots, worn cells of an SSD) is out
/// of reach.
fn overwrite(mut file: File) {
    let Ok(metadata) = file.metadata() else { return };
    let zeros = [0; LONGEST];
    let mut left = metadata.len();
    while left > 0 {
        let some = usize::try_from(left).unwrap_or(LONGEST).min(LONGEST);
        if file.write_all(&zeros[..some]).is_err() {
            return;
        }
        left -= some as u64;
    }
    let _ = file.sync_all();
}

/// A new file; what is there already is an error, and so is a link.
pub(super) fn create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    no_follow(&mut options).open(path)
}

#[cfg(unix)]
fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW)
}

#[cfg(not(unix))]
fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn read_all(file: File) -> Option<Zeroizing<Vec<u8>>> {
    // In place from the start, so that no copy of a secret is left where the bytes were before; one more than there may
    // be, to notice a longer file.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= LONGEST).then_some(bytes)
}

/// One process at a time, if that can be had within 200 ms: whoever holds the lock needs it for one small file.
#[cfg(unix)]
fn lock(directory: &PrivateDirectory) -> Option<File> {
    let opened = no_follow(OpenOptions::new().read(true)).open(directory.path()).ok()?;
    let directory = Some(opened).filter(|opened| opened.metadata().is_ok_and(|metadata| directory.is(&metadata)))?;
    for _ in 0..40 {
        match directory.try_lock() {
            Ok(()) => return Some(directory),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(5)),
            Err(std::fs::TryLockError::Error(_)) => return None,
        }
    }
    None
}

/// Other systems do not open directories, and a lock file would be one more file to account for.
#[cfg(not(unix))]
fn lock(_: &PrivateDirectory) -> Option<File> {
    None
}

/// It is ours, nobody else can read it, and it is no other file of ours under a second name.
#[cfg(unix)]
fn is_private(metadata: &Metadata, directory: &PrivateDirectory) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.mode() & 0o077 == 0 && metadata.nlink() == 1 && directory.owns(metadata)
}

#[cfg(not(unix))]
fn is_private(metadata: &Metadata, directory: &PrivateDirectory) -> bool {
    directory.owns(metadata)
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, other: &Metadata) -> bool {
    other.is_file()
}
