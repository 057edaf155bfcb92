use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Instant;

use super::*;
use crate::app::Environment;
use crate::app::private_directory::DirectoryError;

/// A private directory that is removed at the end.
struct Scratch(PathBuf, PrivateDirectory);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tracing-privacy-key-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        let judged = judge(&path).unwrap().unwrap();
        Self(path, judged)
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn load(&self, today: &str) -> (RotatingKeys, Renewed) {
        load_keys(&self.1, date(today)).unwrap()
    }

    /// Loads and saves, as a program that starts.
    fn start(&self, today: &str) -> RotatingKeys {
        save_keys(&self.1, &self.load(today).0, date(today)).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.0.join(NAME)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn judge(path: &Path) -> Result<Option<PrivateDirectory>, DirectoryError> {
    PrivateDirectory::find(&Environment::empty(), path)
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn bytes(keys: &RotatingKeys) -> [[u8; 32]; 4] {
    Rotation::ALL.map(|rotation| *keys.key(rotation).bytes())
}

fn holds(file: &[u8], key: &[u8; 32]) -> bool {
    file.windows(32).any(|window| window == key)
}

const SUNDAY: &str = "2026-03-08";
const MONDAY: &str = "2026-03-09";

#[test]
fn loading_writes_nothing() {
    let scratch = Scratch::new("nothing");
    drop(scratch.load(SUNDAY));
    assert!(judge(&scratch.0.join("none")).unwrap().is_none());
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn written_keys_are_found_again_and_are_for_their_owner_alone() {
    let scratch = Scratch::new("again");
    let (first, renewed) = scratch.load(SUNDAY);
    assert_eq!(renewed, Renewed::Yes);
    assert_eq!(bytes(&save_keys(&scratch.1, &first, date(SUNDAY)).unwrap()), bytes(&first));
    let (again, renewed) = scratch.load(SUNDAY);
    assert_eq!((bytes(&again), renewed), (bytes(&first), Renewed::No));
    assert_eq!(again.key(Rotation::Never).created(), date(SUNDAY));
    assert_eq!(scratch.files(), [NAME]);
    let metadata = std::fs::metadata(scratch.path()).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o777, metadata.len()), (0o600, 148));
}

#[test]
fn monday_brings_new_keys_of_the_day_and_the_week_and_the_old_bytes_are_gone() {
    let scratch = Scratch::new("monday");
    let old = scratch.start(SUNDAY);
    // Whoever still holds the old file sees it overwritten.
    let mut held = std::fs::File::open(scratch.path()).unwrap();
    let (loaded, _) = scratch.load(MONDAY);
    assert_eq!(bytes(&scratch.load(SUNDAY).0), bytes(&old), "nothing is written by loading");
    let new = save_keys(&scratch.1, &loaded, date(MONDAY)).unwrap();
    assert_eq!(bytes(&scratch.load(MONDAY).0), bytes(&new));
    let same: Vec<bool> = bytes(&old).iter().zip(&bytes(&new)).map(|(old, new)| old == new).collect();
    assert_eq!(same, [false, false, true, true]);
    assert_eq!(scratch.files(), [NAME]);
    let file = std::fs::read(scratch.path()).unwrap();
    assert!(!holds(&file, &bytes(&old)[0]) && !holds(&file, &bytes(&old)[1]), "the old keys are gone");
    let mut left = Vec::new();
    std::io::Read::read_to_end(&mut held, &mut left).unwrap();
    assert_eq!(left, [0; 148]);
}

#[test]
fn what_is_not_surely_our_file_is_never_used_and_is_replaced() {
    let scratch = Scratch::new("unsure");
    let path = scratch.path();
    let good = encode(&scratch.start(SUNDAY)).to_vec();
    let other = scratch.0.join("other");
    std::fs::rename(&path, &other).unwrap();

    type Plant<'a> = Box<dyn Fn() + 'a>;
    let write = |bytes: Vec<u8>| {
        let path = &path;
        Box::new(move || {
            std::fs::write(path, &bytes).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        })
    };
    let mut version = good.clone();
    version[3] = 1;
    let mut zeros = good.clone();
    zeros[8..40].fill(0);
    let plants: Vec<(&str, Plant<'_>)> = vec![
        ("link", Box::new(|| symlink(&other, &path).unwrap())),
        ("dangling link", Box::new(|| symlink(scratch.0.join("none"), &path).unwrap())),
        ("loop", Box::new(|| symlink(&path, &path).unwrap())),
        ("empty", write(Vec::new())),
        ("short", write(good[..147].to_vec())),
        ("long", write([good.as_slice(), b"x"].concat())),
        ("endless", write(good.repeat(1000))),
        ("other version", write(version)),
        ("zeros", write(zeros)),
        (
            "open to the group",
            Box::new(|| {
                std::fs::copy(&other, &path).unwrap();
                std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
            }),
        ),
    ];
    for (name, plant) in plants {
        let _ = std::fs::remove_file(&path);
        plant();
        assert_eq!(scratch.load(SUNDAY).1, Renewed::Yes, "{name} was used");
        let keys = scratch.start(SUNDAY);
        assert_eq!(bytes(&scratch.load(SUNDAY).0), bytes(&keys), "{name} was not replaced");
        assert_eq!(std::fs::read(&other).unwrap(), good, "{name} was followed");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::copy(&other, &path).unwrap();
    // Only root can give a file away.
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
        assert_eq!(scratch.load(SUNDAY).1, Renewed::Yes, "another's file was used");
        scratch.start(SUNDAY);
        assert_ne!(std::fs::metadata(&path).unwrap().uid(), 12_345);
    }
}

#[test]
fn a_key_that_was_planted_with_its_directory_is_never_used() {
    let scratch = Scratch::new("planted");
    scratch.start(SUNDAY);
    // Only root can give a file away.
    if std::os::unix::fs::chown(scratch.path(), Some(12_345), None).is_ok() {
        std::os::unix::fs::chown(&scratch.0, Some(12_345), None).unwrap();
        assert!(judge(&scratch.0).unwrap_err().to_string().contains("run as that user"));
        let planted = std::fs::read(scratch.path()).unwrap();
        assert_eq!(scratch.load(SUNDAY).1, Renewed::Yes, "another's key was used");
        assert!(save_keys(&scratch.1, &scratch.load(SUNDAY).0, date(SUNDAY)).is_err());
        assert_eq!(std::fs::read(scratch.path()).unwrap(), planted);
    }
}

#[test]
fn no_key_goes_through_a_link_that_takes_the_directorys_place() {
    let scratch = Scratch::new("replaced");
    let keys = scratch.start(SUNDAY);
    let elsewhere = scratch.0.with_extension("elsewhere");
    std::fs::rename(&scratch.0, &elsewhere).unwrap();
    symlink(&elsewhere, &scratch.0).unwrap();
    assert!(judge(&scratch.0).unwrap_err().to_string().contains("is a link"));
    assert_eq!(scratch.load(SUNDAY).1, Renewed::Yes, "the link was followed");
    let before = std::fs::read(elsewhere.join(NAME)).unwrap();
    assert!(save_keys(&scratch.1, &keys, date(MONDAY)).is_err());
    assert_eq!(std::fs::read(elsewhere.join(NAME)).unwrap(), before);
    std::fs::remove_file(&scratch.0).unwrap();
    std::fs::remove_dir_all(&elsewhere).unwrap();
}

#[test]
fn a_link_where_the_key_is_written_first_is_not_followed() {
    let scratch = Scratch::new("unfinished-link");
    let other = scratch.0.join("other");
    for target in [&other, &scratch.0.join("none")] {
        std::fs::write(&other, "precious").unwrap();
        std::fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
        let _ = std::fs::remove_file(scratch.path());
        symlink(target, scratch.0.join("pseudonym.key.new")).unwrap();
        let keys = scratch.start(SUNDAY);
        assert_eq!(bytes(&scratch.load(SUNDAY).0), bytes(&keys));
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious", "the link was followed");
        assert!(!scratch.0.join("none").exists(), "the dangling link was followed");
    }
    // Planted at the last moment, after the way was cleared: what is there already is never opened.
    for target in [&other, &scratch.0.join("none")] {
        let unfinished = scratch.0.join("late");
        symlink(target, &unfinished).unwrap();
        let error = super::super::private_file::create(&unfinished).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
        std::fs::remove_file(&unfinished).unwrap();
    }
    std::fs::write(scratch.0.join("late"), "").unwrap();
    assert!(super::super::private_file::create(&scratch.0.join("late")).is_err(), "another's open file");
    assert_eq!(std::fs::metadata(&other).unwrap().len(), 8);
}

#[test]
fn days_that_no_clock_shows_are_survived() {
    let scratch = Scratch::new("days");
    let good = encode(&scratch.start(SUNDAY)).to_vec();
    for day in [i32::MIN, -1_000_000, 1_000_000, i32::MAX] {
        let mut file = good.clone();
        (0..4).for_each(|at| file[4 + at * KEY..][..4].copy_from_slice(&day.to_le_bytes()));
        std::fs::write(scratch.path(), &file).unwrap();
        let (keys, renewed) = scratch.load(SUNDAY);
        let same: Vec<bool> = bytes(&keys).iter().map(|key| holds(&good, key)).collect();
        assert_eq!((same, renewed), (vec![false, false, false, true], Renewed::Yes), "{day}");
    }
}

#[test]
fn a_directory_in_the_way_costs_the_keys_their_file_and_nothing_else() {
    let scratch = Scratch::new("in-the-way");
    std::fs::create_dir(scratch.path()).unwrap();
    let (keys, _) = scratch.load(SUNDAY);
    assert!(save_keys(&scratch.1, &keys, date(SUNDAY)).is_err());
    assert_eq!(scratch.files(), [NAME]);
    std::fs::remove_dir(scratch.path()).unwrap();
    std::fs::create_dir(scratch.0.join("pseudonym.key.new")).unwrap();
    assert!(save_keys(&scratch.1, &keys, date(SUNDAY)).is_err());
}

#[test]
fn a_pipe_in_the_way_is_not_waited_for() {
    let scratch = Scratch::new("pipe");
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(scratch.path()).status();
    if made.is_ok_and(|status| status.success()) {
        let directory = scratch.1.clone();
        let (done, loaded) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(load_keys(&directory, date(SUNDAY)).unwrap().1));
        assert_eq!(loaded.recv_timeout(std::time::Duration::from_secs(10)), Ok(Renewed::Yes));
    }
}

#[test]
fn a_crash_leaves_the_old_keys_or_the_new_and_what_it_left_unfinished_is_overwritten() {
    let scratch = Scratch::new("crash");
    let old = scratch.start(SUNDAY);
    let (new, _) = scratch.load(MONDAY);
    let unfinished = scratch.0.join("pseudonym.key.new");
    for length in [0, 9, 147, 148] {
        // As far as the crash let it come.
        std::fs::write(&unfinished, &encode(&new)[..length]).unwrap();
        std::fs::set_permissions(&unfinished, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(bytes(&scratch.load(SUNDAY).0), bytes(&old));
        let mut held = std::fs::File::open(&unfinished).unwrap();
        // Also where nothing has to be written.
        assert_eq!(bytes(&scratch.start(SUNDAY)), bytes(&old));
        assert_eq!(scratch.files(), [NAME]);
        let mut left = Vec::new();
        std::io::Read::read_to_end(&mut held, &mut left).unwrap();
        assert_eq!(left, vec![0; length]);
    }
    let new = scratch.start(MONDAY);
    assert_eq!(bytes(&scratch.load(MONDAY).0), bytes(&new));
}

#[test]
fn processes_that_start_or_turn_together_end_with_the_same_keys() {
    let scratch = Scratch::new("together");
    for today in [SUNDAY, MONDAY] {
        let barrier = Barrier::new(8);
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let (keys, _) = scratch.load(today);
                        barrier.wait();
                        bytes(&save_keys(&scratch.1, &keys, date(today)).unwrap())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|keys| *keys == bytes(&scratch.load(today).0)));
    }
}

#[test]
fn loading_is_far_below_a_millisecond() {
    let scratch = Scratch::new("fast");
    scratch.start(SUNDAY);
    let fastest = (0..50).map(|_| {
        let start = Instant::now();
        drop(scratch.load(SUNDAY));
        start.elapsed()
    });
    assert!(fastest.min().unwrap().as_micros() < 500);
}
