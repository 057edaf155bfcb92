//! The key on disk: `pseudonym.key`, for its owner's eyes only.
//!
//! 40 bytes: `TPK` and the version, the day of creation as a little-endian `i32` of days since 1970, the key.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::key::InstallKey;
use crate::app::Date;

const NAME: &str = "pseudonym.key";
/// Written in full before it gets its name, so that nobody ever reads half a key.
const UNFINISHED: &str = "pseudonym.key.new";
const HEAD: [u8; 4] = *b"TPK\x01";
const LENGTH: usize = 40;

/// What lies where the key should be.
#[derive(Debug)]
pub(super) enum Found {
    Usable(InstallKey),
    /// A link, somebody else's file, one that others can read, or something that is no key. It is never used, and
    /// replaced by the next key that is written.
    Unusable,
    Missing,
}

/// Reads the key in this directory.
pub(super) fn read(directory: &Path) -> Found {
    let path = directory.join(NAME);
    let before = match std::fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Found::Missing,
        Err(_) => return Found::Unusable,
    };
    // Judged by name first, since opening a pipe would wait; then again on what was opened, since a name can change.
    if !before.is_file() || !is_private(&before, directory) {
        return Found::Unusable;
    }
    let Ok(file) = File::open(&path) else {
        return Found::Unusable;
    };
    if !file.metadata().is_ok_and(|opened| is_same(&before, &opened) && is_private(&opened, directory)) {
        return Found::Unusable;
    }
    // One byte more than a key has, to notice a longer file.
    let mut bytes = Zeroizing::new([0; LENGTH + 1]);
    match read_up_to(file, bytes.as_mut_slice()) {
        Ok(LENGTH) => decode(&bytes[..LENGTH]).map_or(Found::Unusable, Found::Usable),
        _ => Found::Unusable,
    }
}

/// Writes the key, unless one that `holds` is there by now. Gives the one that is there in the end.
pub(super) fn write(
    directory: &Path,
    key: InstallKey,
    holds: impl Fn(&InstallKey) -> bool,
) -> std::io::Result<InstallKey> {
    // Held until the end of this function. Without it (some network file systems, Windows) two processes that start at the same
    // moment may each keep a key of their own until they are started again.
    let _lock = lock(directory);
    let theirs = read(directory);
    if let Found::Usable(theirs) = theirs
        && holds(&theirs)
    {
        return Ok(theirs);
    }
    let (path, unfinished) = (directory.join(NAME), directory.join(UNFINISHED));
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = create(&unfinished).and_then(|mut file| {
        file.write_all(encode(&key).as_slice())?;
        file.sync_all()
    });
    // Renaming replaces a link or another's file itself, not what it leads to.
    written.and_then(|()| std::fs::rename(&unfinished, &path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&unfinished);
    })?;
    match read(directory) {
        Found::Usable(last) if holds(&last) => Ok(last),
        _ => Err(std::io::Error::other("the key file cannot be read back")),
    }
}

fn encode(key: &InstallKey) -> Zeroizing<[u8; LENGTH]> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    bytes[..4].copy_from_slice(&HEAD);
    bytes[4..8].copy_from_slice(&key.created().days().to_le_bytes());
    bytes[8..].copy_from_slice(key.bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<InstallKey> {
    let (head, rest) = bytes.split_first_chunk()?;
    let (created, key) = rest.split_first_chunk()?;
    let key = Zeroizing::new(<[u8; 32]>::try_from(key).ok()?);
    // A file of zeros is what a crashed file system leaves, and is no secret.
    if *head != HEAD || *key == [0; 32] {
        return None;
    }
    Some(InstallKey::from_parts(*key, Date::from_days(i32::from_le_bytes(*created))))
}

fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read_up_to(mut file: File, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// One process at a time, if that can be had within 200 ms: whoever holds the lock needs it for one small file.
#[cfg(unix)]
fn lock(directory: &Path) -> Option<File> {
    let directory = File::open(directory).ok()?;
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
fn lock(_: &Path) -> Option<File> {
    None
}

/// Its owner is the directory's, and nobody else can read it.
#[cfg(unix)]
fn is_private(metadata: &std::fs::Metadata, directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.mode() & 0o077 == 0 && std::fs::symlink_metadata(directory).is_ok_and(|dir| dir.uid() == metadata.uid())
}

#[cfg(not(unix))]
fn is_private(_: &std::fs::Metadata, _: &Path) -> bool {
    true
}

#[cfg(unix)]
fn is_same(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    other.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::sync::Barrier;
    use std::time::Instant;

    use super::*;
    use crate::identity::Rotation;
    use crate::identity::key::Loaded;

    /// A private directory that is removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("tracing-privacy-key-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn files(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }

        fn load(&self, today: &str) -> Loaded {
            InstallKey::load(&self.0, today.parse().unwrap(), Rotation::Weekly).unwrap()
        }

        fn persisted(&self, today: &str) -> InstallKey {
            self.load(today).pending.unwrap().persist().unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const SUNDAY: &str = "2026-03-08";
    const MONDAY: &str = "2026-03-09";

    #[test]
    fn loading_writes_nothing_and_a_dropped_key_leaves_no_trace() {
        let scratch = Scratch::new("nothing");
        drop(scratch.load(SUNDAY));
        assert_eq!(scratch.files(), [""; 0]);
        assert!(
            InstallKey::load(&scratch.0.join("none"), Date::from_days(0), Rotation::Never).unwrap().pending.is_some()
        );
        assert_eq!(scratch.files(), [""; 0]);
    }

    #[test]
    fn a_written_key_is_found_again_and_is_for_its_owner_alone() {
        let scratch = Scratch::new("again");
        let first = scratch.load(SUNDAY);
        let written = first.pending.unwrap().persist().unwrap();
        assert_eq!(written.bytes(), first.key.bytes());
        let again = scratch.load(SUNDAY);
        assert!(again.pending.is_none() && again.key.bytes() == written.bytes());
        assert_eq!(again.key.created().to_string(), SUNDAY);
        assert_eq!(scratch.files(), [NAME]);
        let metadata = std::fs::metadata(scratch.0.join(NAME)).unwrap();
        assert_eq!((metadata.permissions().mode() & 0o777, metadata.len()), (0o600, 40));
    }

    #[test]
    fn monday_brings_a_new_key_in_place_of_the_old() {
        let scratch = Scratch::new("monday");
        let old = scratch.persisted(SUNDAY);
        let loaded = scratch.load(MONDAY);
        assert_ne!(loaded.key.bytes(), old.bytes());
        assert_eq!(scratch.load(SUNDAY).key.bytes(), old.bytes(), "nothing is written by loading");
        let new = loaded.pending.unwrap().persist().unwrap();
        assert_eq!(scratch.load(MONDAY).key.bytes(), new.bytes());
        assert_eq!(scratch.files(), [NAME]);
        let bytes = std::fs::read(scratch.0.join(NAME)).unwrap();
        assert!(!bytes.windows(32).any(|window| window == old.bytes()), "the old key is gone");
    }

    #[test]
    fn what_is_not_surely_our_key_is_never_used_and_is_replaced() {
        let scratch = Scratch::new("unsure");
        let path = scratch.0.join(NAME);
        let good = encode(&scratch.persisted(SUNDAY)).to_vec();
        let other = scratch.0.join("other");
        std::fs::rename(&path, &other).unwrap();

        type Plant<'a> = Box<dyn Fn() + 'a>;
        let write = |bytes: Vec<u8>| {
            let path = &path;
            Box::new(move || create(path).unwrap().write_all(&bytes).unwrap())
        };
        let mut version = good.clone();
        version[3] = 2;
        let mut zeros = good[..8].to_vec();
        zeros.extend([0; 32]);
        let plants: Vec<(&str, Plant<'_>)> = vec![
            ("link", Box::new(|| symlink(&other, &path).unwrap())),
            ("dangling link", Box::new(|| symlink(scratch.0.join("none"), &path).unwrap())),
            ("loop", Box::new(|| symlink(&path, &path).unwrap())),
            ("empty", write(Vec::new())),
            ("short", write(good[..39].to_vec())),
            ("long", write([good.as_slice(), b"x"].concat())),
            ("other version", write(version)),
            ("zeros", write(zeros)),
            (
                "open to the group",
                Box::new(|| {
                    std::fs::copy(&other, &path).unwrap();
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
                }),
            ),
        ];
        for (name, plant) in plants {
            let _ = std::fs::remove_file(&path);
            plant();
            let loaded = scratch.load(SUNDAY);
            assert!(loaded.pending.is_some(), "{name} was used");
            let key = loaded.pending.unwrap().persist().unwrap();
            assert_eq!(scratch.load(SUNDAY).key.bytes(), key.bytes(), "{name} was not replaced");
            assert_eq!(std::fs::read(&other).unwrap(), good, "{name} was followed");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::copy(&other, &path).unwrap();
        // Only root can give a file away.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            assert!(scratch.load(SUNDAY).pending.is_some(), "another's file was used");
        }
    }

    #[test]
    fn a_directory_in_the_way_costs_the_key_its_file_and_nothing_else() {
        let scratch = Scratch::new("in-the-way");
        std::fs::create_dir(scratch.0.join(NAME)).unwrap();
        let loaded = scratch.load(SUNDAY);
        assert!(loaded.pending.unwrap().persist().is_err());
        assert_eq!(scratch.files(), [NAME]);
        std::fs::remove_dir(scratch.0.join(NAME)).unwrap();
        std::fs::create_dir_all(scratch.0.join(UNFINISHED)).unwrap();
        assert!(scratch.load(SUNDAY).pending.unwrap().persist().is_err());
    }

    #[test]
    fn a_pipe_in_the_way_is_not_waited_for() {
        let scratch = Scratch::new("pipe");
        let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(scratch.0.join(NAME)).status();
        if made.is_ok_and(|status| status.success()) {
            let directory = scratch.0.clone();
            let (done, loaded) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let loaded = InstallKey::load(&directory, Date::from_days(0), Rotation::Never);
                done.send(loaded.unwrap().pending.is_some())
            });
            assert_eq!(loaded.recv_timeout(std::time::Duration::from_secs(10)), Ok(true));
        }
    }

    #[test]
    fn what_a_crash_left_behind_is_overwritten() {
        let scratch = Scratch::new("crash");
        std::fs::write(scratch.0.join(UNFINISHED), "half a k").unwrap();
        let key = scratch.persisted(SUNDAY);
        assert_eq!(scratch.load(SUNDAY).key.bytes(), key.bytes());
        assert_eq!(scratch.files(), [NAME]);
    }

    #[test]
    fn processes_that_start_together_end_with_one_key() {
        let scratch = Scratch::new("together");
        for today in [SUNDAY, MONDAY] {
            let barrier = Barrier::new(8);
            let keys: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            let loaded = scratch.load(today);
                            barrier.wait();
                            *loaded.pending.unwrap().persist().unwrap().bytes()
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| key == scratch.load(today).key.bytes()));
        }
    }

    #[test]
    fn loading_is_far_below_a_millisecond() {
        let scratch = Scratch::new("fast");
        scratch.persisted(SUNDAY);
        let fastest = (0..50).map(|_| {
            let start = Instant::now();
            drop(scratch.load(SUNDAY));
            start.elapsed()
        });
        assert!(fastest.min().unwrap().as_micros() < 500);
    }
}
