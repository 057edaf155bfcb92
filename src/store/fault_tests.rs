//! What the outbox does when the environment, another process or the disk breaks something.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use rusqlite::Connection;

use super::tests::*;
use super::*;

/// The error of opening the outbox in a directory.
fn refused(dir: &Path) -> StoreError {
    open_at(dir, Limits::default()).expect_err("it must be refused")
}

/// Runs one of the `child_…` tests below in a process of its own, through a shell line that may restrict it first.
fn child(test: &str, dir: &Path, shell: &str) -> Child {
    let module = module_path!();
    let module = module.split_once("::").map_or(module, |(_, rest)| rest);
    Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{test}"), "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Set for a child process: the directory it works in. Without it the `child_…` tests do nothing.
const CHILD: &str = "TRACING_PRIVACY_STORE_TEST_DIR";

fn child_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

/// Said by a child over its standard output, past the test harness.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "@{line}");
    let _ = out.flush();
}

/// What a child said, once it has ended.
fn said(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_once('@')).map(|(_, said)| said.to_owned()).collect()
}

#[test]
fn a_missing_directory_or_a_file_in_its_place_is_said_to_be_so() {
    let scratch = Scratch::new();
    let file = scratch.path().join("file");
    fs::write(&file, "x").unwrap();
    for dir in [scratch.path().join("missing"), file.clone(), file.join("below")] {
        let error = refused(&dir);
        assert_eq!((error.reason(), error.is_temporary()), (Reason::NoDirectory, false), "{error}");
    }
}

#[test]
fn a_directory_at_the_place_of_the_file_is_refused() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.file()).unwrap();
    assert_eq!(refused(scratch.path()).reason(), Reason::Untrusted);
    assert!(scratch.file().is_dir());
}

#[cfg(unix)]
#[test]
fn planted_links_and_pipes_are_refused_and_what_they_lead_to_is_untouched() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    let elsewhere = scratch.path().join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    for name in ["telemetry.db", "telemetry.db-wal", "telemetry.db-shm", "telemetry.db-journal"] {
        let planted = scratch.path().join(name);
        for target in [elsewhere.as_path(), Path::new("/nonexistent/x"), Path::new("dangling")] {
            symlink(target, &planted).unwrap();
            assert_eq!(refused(scratch.path()).reason(), Reason::Untrusted, "{name} to {target:?}");
            fs::remove_file(&planted).unwrap();
        }
        assert!(Command::new("mkfifo").arg(&planted).status().unwrap().success());
        assert_eq!(refused(scratch.path()).reason(), Reason::Untrusted, "{name} a pipe");
        fs::remove_file(&planted).unwrap();
    }
    assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
    assert!(!scratch.path().join("dangling").exists());
}

#[cfg(unix)]
#[test]
fn a_link_on_the_way_to_the_directory_is_followed_and_one_swapped_in_later_is_not() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    let (real, link) = (scratch.path().join("real"), scratch.path().join("link"));
    fs::create_dir(&real).unwrap();
    make_private(&real);
    symlink(&real, &link).unwrap();
    let mut store = open_at(&link, Limits::default()).unwrap();
    keep(&mut store, &texts(0..3, 10));
    assert_eq!(store.path(), fs::canonicalize(&real).unwrap().join("telemetry.db"));
    let elsewhere = scratch.path().join("elsewhere.db");
    fs::rename(real.join("telemetry.db"), &elsewhere).unwrap();
    symlink(&elsewhere, real.join("telemetry.db")).unwrap();
    let error = store.append(&[row("{}")], NOW).unwrap_err();
    assert_eq!(error.reason(), Reason::Untrusted);
    assert_eq!(store.list(1).unwrap_err().reason(), Reason::Io, "and it holds on to nothing");
}

#[cfg(unix)]
#[test]
fn a_directory_in_which_others_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    for mode in [0o777, 0o720, 0o1777] {
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(refused(scratch.path()).reason(), Reason::Untrusted);
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_directory_or_file_that_cannot_be_written_is_said_to_be_so() {
    use std::os::unix::fs::PermissionsExt;
    /// Takes the right to write away, from root as well, and gives it back at the end.
    struct Frozen(std::path::PathBuf);
    impl Frozen {
        fn new(path: std::path::PathBuf, mode: u32) -> Self {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let _ = Command::new("chattr").arg("+i").arg(&path).stderr(Stdio::null()).status();
            Frozen(path)
        }
    }
    impl Drop for Frozen {
        fn drop(&mut self) {
            let _ = Command::new("chattr").arg("-i").arg(&self.0).stderr(Stdio::null()).status();
            let _ = fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700));
        }
    }
    let scratch = Scratch::new();
    {
        let _frozen = Frozen::new(scratch.path().to_path_buf(), 0o500);
        if File::create(scratch.path().join("probe")).is_ok() {
            eprintln!("not tested: this user may write anywhere and there is no chattr here");
            return;
        }
        let error = refused(scratch.path());
        assert_eq!((error.reason(), error.is_temporary()), (Reason::ReadOnly, false), "{error}");
    }
    keep(&mut scratch.open(), &texts(0..3, 10));
    let _frozen = Frozen::new(scratch.file(), 0o400);
    assert_eq!(refused(scratch.path()).reason(), Reason::ReadOnly);
}

#[test]
fn a_file_that_is_no_database_is_begun_anew_and_that_is_said() {
    let sqlite_header = b"SQLite format 3\0 and then nothing that follows from it";
    for garbage in [b"not a database at all\n".repeat(1000).as_slice(), sqlite_header, &[0; 5000]] {
        let scratch = Scratch::new();
        fs::write(scratch.file(), garbage).unwrap();
        fs::write(scratch.path().join("telemetry.db-wal"), garbage).unwrap();
        make_private(&scratch.file());
        let mut store = scratch.open();
        assert!(store.was_reset(), "{} bytes", garbage.len());
        keep(&mut store, &texts(0..3, 10));
        drop(store);
        let store = scratch.open();
        assert_eq!((store.unsent().unwrap(), store.was_reset()), (3, false));
    }
}

#[test]
fn a_file_too_short_to_hold_anything_is_a_new_store() {
    for content in ["", "x"] {
        let scratch = Scratch::new();
        fs::write(scratch.file(), content).unwrap();
        let mut store = scratch.open();
        keep(&mut store, &texts(0..3, 10));
        assert!(!store.was_reset());
    }
}

/// Everything a handle can be asked, in the order in which damage spreads. Returns whether rows can be stored at the end.
fn exercise(dir: &Path) -> Result<bool, StoreError> {
    let mut store = open_at(dir, Limits { records: 300, ..Limits::default() })?;
    let _ = (store.list(1000), store.unsent(), store.counts(), store.export(&mut std::io::sink()));
    if let Ok(held) = store.claim(150, u64::MAX, lease(NOW), i64::MAX) {
        let seqs: Vec<_> = held.iter().map(|batch| batch.batch).collect();
        let _ = (
            store.settle(&seqs[..seqs.len() / 2], OWNER, Verdict::Sent(NOW)),
            store.settle(&seqs, OWNER, Verdict::Released),
        );
    }
    let stored = texts(0..200, 100).iter().all(|text| store.append(&[row(text)], NOW).is_ok());
    let cleared = matches!(store.clear(RUN)?, Cleared::Gone(_));
    Ok(stored && cleared && store.append(&[row("{}")], NOW)?.stored == 1 && store.list(9)?.len() == 1)
}

#[test]
fn a_damaged_file_costs_rows_but_never_the_store() {
    let whole = Scratch::new();
    let mut store = whole.open();
    keep(&mut store, &texts(0..300, 200));
    keep(&mut store, &texts(300..310, 9000));
    drop(store);
    let bytes = fs::read(whole.file()).unwrap();
    let mut random = 42_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let mut refusals = 0;
    for round in 0..160 {
        let mut damaged = bytes.clone();
        match round % 4 {
            0 => damaged.truncate(next(bytes.len())),
            // Headers are where structure is; a flip in the text of a row is merely another text.
            1 => damaged[next(120)] ^= 1 << next(8),
            2 => (0..40).for_each(|_| damaged[next(bytes.len() / 4096) * 4096 + next(16)] ^= 1 << next(8)),
            _ => (0..200).for_each(|_| damaged[next(bytes.len())] ^= 1 << next(8)),
        }
        let scratch = Scratch::new();
        fs::write(scratch.file(), damaged).unwrap();
        match exercise(scratch.path()) {
            Ok(stored) => assert!(stored, "round {round}"),
            Err(error) => {
                // Damage that makes it look like a newer layout, somebody else's file or a format that this library
                // may only read is not ours to erase unasked.
                let known = [Reason::Newer, Reason::Foreign, Reason::ReadOnly];
                assert!(known.contains(&error.reason()), "round {round}: {error}");
                refusals += 1;
                assert!(remove(scratch.path()).unwrap());
                assert!(exercise(scratch.path()).unwrap());
            }
        }
    }
    assert!(refusals < 20, "{refusals} of 160");
}

#[test]
fn a_missing_table_or_index_counts_as_damage() {
    for sql in [
        "DROP VIEW records",
        "DROP TABLE lines",
        "DROP INDEX batches_to_send",
        "DROP INDEX batches_by_day",
        "DROP VIEW records; ALTER TABLE batches DROP COLUMN owner",
    ] {
        let scratch = Scratch::new();
        keep(&mut scratch.open(), &texts(0..3, 10));
        Connection::open(scratch.file()).unwrap().execute_batch(sql).unwrap();
        let mut store = scratch.open();
        assert!(store.was_reset(), "{sql}");
        keep(&mut store, &texts(0..3, 10));
    }
}

#[test]
fn rows_that_are_no_text_any_more_do_not_block_the_others() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    Connection::open(scratch.file())
        .unwrap()
        .execute_batch("UPDATE lines SET json = CAST(x'7bff7d' AS TEXT) WHERE seq = 2")
        .unwrap();
    let claimed = store.claim(100, u64::MAX, lease(NOW), i64::MAX).unwrap();
    assert_eq!(claimed[0].rows.iter().map(|row| row.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(store.counts().unwrap().rejected, 1);
    assert_eq!(store.list(9).unwrap()[1].json, "{\u{fffd}}");
    let mut out = Vec::new();
    assert_eq!(store.export(&mut out).unwrap(), 3);
}

#[test]
fn another_layout_and_other_programs_files_are_refused_untouched() {
    let cases = [
        ("PRAGMA application_id=1953656950; PRAGMA user_version=3; CREATE TABLE records(x)", Reason::Newer),
        ("PRAGMA application_id=1953656950; PRAGMA user_version=1; CREATE TABLE records(x)", Reason::Older),
        ("PRAGMA application_id=1; CREATE TABLE records(x)", Reason::Foreign),
        ("CREATE TABLE notes(x); INSERT INTO notes VALUES('precious')", Reason::Foreign),
        ("PRAGMA user_version=1", Reason::Foreign),
    ];
    for (sql, reason) in cases {
        let scratch = Scratch::new();
        Connection::open(scratch.file()).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(scratch.file()).unwrap();
        let error = refused(scratch.path());
        assert_eq!((error.reason(), error.is_temporary()), (reason, false), "{error}");
        assert_eq!(fs::read(scratch.file()).unwrap(), before);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        fs::write(scratch.path().join("telemetry.db-wal"), "left behind").unwrap();
        assert!(remove(scratch.path()).unwrap());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
        assert!(!remove(scratch.path()).unwrap());
        keep(&mut scratch.open(), &texts(0..3, 10));
    }
}

#[test]
fn where_no_write_ahead_log_can_be_it_works_without_one() {
    let scratch = Scratch::new();
    let dotfile = Some("unix-dotfile");
    let open = || Store::open_with(scratch.path(), Limits::default(), dotfile).unwrap().for_hosts(hosts());
    let mut store = open();
    assert_eq!(store.log, Log::Rollback);
    keep(&mut store, &[r#"{"c":"CANARY"}"#.to_owned()]);
    let mut other = open();
    assert_eq!(claim(&mut other, 9, NOW).len(), 1);
    assert!(scratch.occurrences("CANARY") > 0, "positive control");
    assert_eq!(store.clear(RUN).unwrap(), Cleared::Gone(Erased { rows: 1, own: 1 }));
    assert_eq!(scratch.occurrences("CANARY"), 0);
}

#[test]
fn a_vanished_file_is_begun_anew_by_the_next_append() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    for name in ["telemetry.db", "telemetry.db-wal", "telemetry.db-shm"] {
        fs::remove_file(scratch.path().join(name)).unwrap();
    }
    keep(&mut store, &texts(3..5, 10));
    assert!(store.was_reset());
    assert_eq!(scratch.open().unsent().unwrap(), 2, "a new handle finds them");
    fs::remove_dir_all(scratch.path()).unwrap();
    assert_eq!(store.append(&[row("{}")], NOW).unwrap_err().reason(), Reason::NoDirectory);
    fs::create_dir(scratch.path()).unwrap();
    make_private(scratch.path());
    keep(&mut store, &texts(5..6, 10));
}

#[test]
fn a_handle_on_the_ruined_file_does_not_take_the_new_ones_log_with_it() {
    let scratch = Scratch::new();
    let (mut one, mut other) = (scratch.open(), scratch.open());
    keep(&mut one, &texts(0..500, 500));
    one.heal().unwrap();
    keep(&mut one, &texts(0..7, 10));
    assert!(scratch.path().join("telemetry.db-wal").exists());
    keep(&mut other, &texts(7..9, 10));
    assert!(other.was_reset(), "it noticed, closed the old file and opened the new one");
    assert!(scratch.path().join("telemetry.db-wal").exists());
    assert_eq!(scratch.open().unsent().unwrap(), 9);
    assert_eq!(one.unsent().unwrap(), 9);
}

#[test]
fn a_second_ruin_is_an_error_until_the_owner_clears() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    store.heal().unwrap();
    assert_eq!(store.heal().unwrap_err().reason(), Reason::Corrupt);
    keep(&mut store, &texts(0..3, 10));
    assert_eq!(store.clear(RUN).unwrap(), Cleared::Gone(Erased { rows: 3, own: 3 }));
}

#[test]
fn a_handle_is_dead_in_another_process_than_the_one_that_opened_it() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    store.process ^= 1;
    let errors =
        [store.append(&[row("{}")], NOW).unwrap_err(), store.list(1).unwrap_err(), store.clear(RUN).unwrap_err()];
    assert!(errors.iter().all(|error| error.reason() == Reason::Forked && !error.is_temporary()));
    drop(store);
    assert!(scratch.path().join("telemetry.db-wal").exists(), "its end leaves the parent's log alone");
    assert_eq!(scratch.open().unsent().unwrap(), 3);
}

#[test]
fn a_writer_that_does_not_end_is_waited_for_but_not_for_ever() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    let blocker = Connection::open(scratch.file()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let error = store.append(&[row("{}")], NOW).unwrap_err();
    assert_eq!((error.reason(), error.is_temporary()), (Reason::Busy, true), "{error}");
    assert!((PATIENCE..PATIENCE * 20).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(store.list(9).unwrap().len(), 3, "a reader need not wait");
    blocker.execute_batch("COMMIT").unwrap();
    keep(&mut store, &texts(3..4, 10));
}

#[test]
fn a_reader_that_does_not_end_costs_no_rows_for_long_and_the_log_has_an_end_all_the_same() {
    let scratch = Scratch::new();
    let mut store = scratch.open_within(1_000_000, u64::MAX);
    keep(&mut store, &texts(0..300, 500));
    let reader = Connection::open(scratch.file()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records;").unwrap();
    let log = || fs::metadata(scratch.path().join("telemetry.db-wal")).unwrap().len();
    let mut refused = |texts: &[String]| {
        let rows: Vec<_> = texts.iter().map(|text| row(text)).collect();
        store.append(&rows, NOW).err().map(|error| (error.reason(), error.is_temporary()))
    };
    let refusal = std::iter::repeat_with(|| refused(&texts(0..1, 500))).flatten().next();
    assert_eq!(refusal, Some((Reason::Busy, true)));
    assert!((900_000..1_100_000).contains(&log()), "{}", log());
    // What waits meanwhile goes in together.
    let (many, mut rows) = (texts(0..250, 500), 0);
    let refusal = loop {
        match refused(&many) {
            None => rows += 250,
            refusal => break refusal,
        }
    };
    assert!(rows >= 1000, "{rows}");
    assert_eq!(refusal, Some((Reason::Busy, true)));
    assert!(log() <= 2_100_000 && scratch.disk() <= 3_100_000, "{}", scratch.disk());
    reader.execute_batch("COMMIT").unwrap();
    keep(&mut scratch.open(), &texts(0..1, 10));
    assert_eq!(refused(&texts(0..1, 10)), None);
    assert!(log() <= 200_000, "{}", log());
}

#[test]
fn threads_with_handles_of_their_own_send_every_row_exactly_once() {
    let scratch = Scratch::new();
    let (writers, batches, each) = (3_u64, 60, 20_u64);
    let total = writers * batches * each;
    let sent = Mutex::new(Vec::new());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                let mut store = scratch.open();
                for _ in 0..batches {
                    keep(&mut store, &texts(0..usize::try_from(each).unwrap(), 200));
                }
            });
        }
        for uploader in 0..2_usize {
            let (scratch, sent) = (&scratch, &sent);
            scope.spawn(move || {
                let mut store = scratch.open();
                let owner = uploader as u64;
                for turn in 0_usize.. {
                    assert!(begun.elapsed() < Duration::from_secs(60), "the writers got no turn");
                    let held = patiently(|| store.claim(37, u64::MAX, Lease { owner, ..lease(NOW) }, i64::MAX));
                    let batches: Vec<_> = held.iter().map(|batch| batch.batch).collect();
                    let rows: Vec<_> = held.into_iter().flat_map(|batch| batch.rows).map(|(seq, _)| seq).collect();
                    if turn % 5 == uploader {
                        patiently(|| store.settle(&batches, owner, Verdict::Released));
                    } else if !rows.is_empty() {
                        assert_eq!(
                            patiently(|| store.settle(&batches, owner, Verdict::Sent(NOW))) as usize,
                            rows.len()
                        );
                        sent.lock().unwrap().extend(rows);
                    }
                    if sent.lock().unwrap().len() as u64 >= total {
                        break;
                    }
                }
            });
        }
    });
    let mut sent = sent.into_inner().unwrap();
    sent.sort_unstable();
    assert!(sent.iter().copied().eq(1..=total.cast_signed()), "no row twice, none missing");
    assert_eq!(scratch.open().counts().unwrap().sent, total);
}

#[test]
fn processes_that_open_it_for_the_first_time_together_all_succeed() {
    for _ in 0..3 {
        let scratch = Scratch::new();
        let children: Vec<_> = (0..8).map(|_| child("child_appends_once", scratch.path(), "umask 0;")).collect();
        for child in children {
            assert_eq!(said(child), ["stored 5, reset false"]);
        }
        let store = scratch.open();
        assert_eq!(store.unsent().unwrap(), 40);
        #[cfg(unix)]
        for entry in fs::read_dir(scratch.path()).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{entry:?} under umask 0");
        }
    }
}

#[test]
fn child_appends_once() {
    let Some(dir) = child_dir() else { return };
    let mut store = open_at(&dir, Limits::default()).unwrap();
    let stored = append(&mut store, &texts(0..5, 100)).stored;
    say(&format!("stored {stored}, reset {}", store.was_reset()));
}

#[cfg(target_os = "linux")]
#[test]
fn opening_a_second_handle_costs_the_first_none_of_its_locks() {
    use std::os::unix::fs::MetadataExt;
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    // The shared lock that every user of the file holds: 510 bytes from here.
    let lock = format!(":{} 1073741826 ", fs::metadata(scratch.file()).unwrap().ino());
    let held = || fs::read_to_string("/proc/locks").unwrap().contains(&lock);
    if !held() {
        eprintln!("not tested: the locks of this process cannot be seen here");
        return;
    }
    drop(scratch.open());
    assert!(held());
    drop(store);
    assert!(!held());
}

#[test]
fn rows_that_were_acknowledged_survive_kill_9_in_the_middle_of_appends() {
    let scratch = Scratch::new();
    let mut acknowledged = Vec::new();
    for round in 0..15 {
        let mut children: Vec<_> = (0..2).map(|_| child("child_appends_for_ever", scratch.path(), "")).collect();
        let mut readers: Vec<_> =
            children.iter_mut().map(|child| BufReader::new(child.stdout.take().unwrap()).lines()).collect();
        let mut hear = |line: Option<std::io::Result<String>>| {
            let line = line?.ok()?;
            acknowledged.extend(line.split_once('@').map(|(_, said)| said.to_owned()));
            Some(())
        };
        for reader in &mut readers {
            for _ in 0..20 + round * 3 {
                hear(reader.next()).expect("the child goes on until it is killed");
            }
        }
        for child in &mut children {
            child.kill().unwrap();
        }
        for mut reader in readers {
            while hear(reader.next()).is_some() {}
        }
        for mut child in children {
            child.wait().unwrap();
        }
        let store = open_at(scratch.path(), Limits { records: u64::MAX, ..Limits::default() }).unwrap();
        assert!(!store.was_reset());
        let there: std::collections::HashSet<_> = exported(&store).lines().map(str::to_owned).collect();
        let lines = acknowledged.iter().filter(|said| said.starts_with('{'));
        assert_eq!(lines.filter(|line| !there.contains(*line)).count(), 0, "round {round}");
    }
    assert!(acknowledged.len() > 1000, "{}", acknowledged.len());
    let plain = Connection::open(scratch.file()).unwrap();
    let answer: String = plain.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok");
}

#[test]
fn child_appends_for_ever() {
    let Some(dir) = child_dir() else { return };
    let limits = Limits { bytes: 1_000_000_000, records: u64::MAX, ..Limits::default() };
    let mut store = open_at(&dir, limits).unwrap();
    for n in 0_u64.. {
        let rows: Vec<_> = (0..3).map(|i| format!(r#"{{"process":{},"n":{n},"i":{i}}}"#, std::process::id())).collect();
        keep(&mut store, &rows);
        rows.iter().for_each(|row| say(row));
    }
}

#[cfg(unix)]
#[test]
fn a_write_that_the_system_cuts_off_is_an_error_that_passes() {
    let scratch = Scratch::new();
    // The file size limit counts blocks of 512 bytes or 1 KiB, depending on the shell.
    let heard = said(child("child_runs_out_of_room", scratch.path(), "trap '' XFSZ; ulimit -f 400;"));
    assert_eq!(heard, ["Io true"]);
    let mut store = scratch.open();
    assert!(store.unsent().unwrap() >= 50);
    keep(&mut store, &texts(0..300, 3000));
    assert!(!store.was_reset());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_passes_and_costs_no_stored_row() {
    struct Mounted<'a>(&'a Path);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let scratch = Scratch::new();
    let dir = scratch.path().join("small");
    fs::create_dir(&dir).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=700k,mode=0700", "tmpfs"];
    let mounted = Command::new("mount").args(mount).arg(&dir).stderr(Stdio::null()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("not tested: nothing can be mounted here");
        return;
    }
    let _mounted = Mounted(&dir);
    let ballast = |bytes| fs::write(dir.join("ballast"), vec![1; bytes]);
    ballast(200_000).unwrap();
    assert_eq!(said(child("child_runs_out_of_room", &dir, "")), ["Full true"]);
    let mut store = open_at(&dir, Limits::default()).unwrap();
    let unsent = store.unsent().unwrap();
    assert!(unsent >= 50, "{unsent}");
    assert_eq!(store.append(&[row(&texts(0..1, 9000)[0])], NOW).unwrap_err().reason(), Reason::Full);
    fs::remove_file(dir.join("ballast")).unwrap();
    keep(&mut store, &texts(0..1, 9000));
    assert_eq!(store.unsent().unwrap(), unsent + 1);
    assert!(!store.was_reset());

    ballast(1 << 20).unwrap_err();
    let cleared = store.clear(RUN);
    assert!(matches!(cleared, Ok(Cleared::Gone(_))), "a full disk must not keep anybody from erasing: {cleared:?}");
    assert_eq!(store.unsent().unwrap(), 0);
    drop(store);
    // And a disk without a single free block.
    for erase in [false, true] {
        if erase {
            assert!(remove(&dir).unwrap());
        }
        ballast(1 << 20).unwrap_err();
        let error = refused(&dir);
        assert_eq!((error.reason(), error.is_temporary()), (Reason::Full, true), "{error}");
    }
}

#[test]
fn child_runs_out_of_room() {
    let Some(dir) = child_dir() else { return };
    let mut store = open_at(&dir, Limits::default()).unwrap();
    keep(&mut store, &texts(0..50, 500));
    let mut before = 50;
    let error = (0..300).find_map(|n| match store.append(&[row(&texts(n..n + 1, 3000)[0])], NOW) {
        Ok(appended) => {
            before += u64::from(appended.stored);
            None
        }
        Err(error) => Some(error),
    });
    let error = error.expect("room ends");
    assert_eq!(store.unsent().unwrap(), before, "nothing that was acknowledged is lost, nothing else is there");
    say(&format!("{:?} {}", error.reason(), error.is_temporary()));
}

#[test]
fn an_error_says_what_is_wrong_and_what_to_do() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.file()).unwrap();
    let text = refused(scratch.path()).to_string();
    assert!(text.contains("not private") && text.contains("remove it"), "{text}");
    let path = scratch.path().to_string_lossy().into_owned();
    assert!(!text.contains(&path), "the path is the caller's to show");
}
