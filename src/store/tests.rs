//! What the outbox promises when nothing is broken; `fault_tests` breaks things.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::*;

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const DAY: i64 = 86_400;
pub(super) const RUN: u64 = 0xfeed_face_dead_beef;
pub(super) const OWNER: u64 = 0xabad_1dea;

pub(super) fn lease(now: i64) -> Lease {
    let routes = Routes { logs: 1, spans: 1, all: 1 };
    Lease { owner: OWNER, now, steady: now, length: Duration::from_secs(60), routes }
}

/// Where the tests' rows may go.
pub(super) fn hosts() -> Hosts {
    Hosts::of([("a.example".to_owned(), 1), ("b.example".to_owned(), 2)])
}

pub(super) fn open_at(dir: &Path, limits: Limits) -> Result<Store, StoreError> {
    Ok(Store::open(dir, limits)?.for_hosts(hosts()))
}

/// Rows of a batch that was claimed by these tests.
pub(super) fn held(batch: i64, seqs: &[i64]) -> HeldRows<'_> {
    HeldRows { batch, seqs, owner: OWNER }
}

/// A private directory, removed at the end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tracing-privacy-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        make_private(&path);
        Scratch(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self) -> PathBuf {
        path_in(&self.0)
    }

    pub(super) fn open(&self) -> Store {
        self.open_with(Limits::default())
    }

    pub(super) fn open_within(&self, bytes: u64, records: u64) -> Store {
        self.open_with(Limits { bytes, records, ..Limits::default() })
    }

    /// In a new file batches are counted from 1, for tests to name them by.
    fn open_with(&self, limits: Limits) -> Store {
        let is_new = file::is_absent(&self.0);
        let store = open_at(&self.0, limits).unwrap();
        if is_new {
            let connection = store.connection().unwrap();
            connection.execute("UPDATE sqlite_sequence SET seq=0 WHERE name='batches'", []).unwrap();
        }
        store
    }

    /// How often the bytes occur in any file of the directory.
    pub(super) fn occurrences(&self, canary: &str) -> usize {
        fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .map(|bytes| bytes.windows(canary.len()).filter(|window| *window == canary.as_bytes()).count())
            .sum()
    }

    /// Bytes of the file and its log.
    pub(super) fn disk(&self) -> u64 {
        ["telemetry.db", "telemetry.db-wal"]
            .iter()
            .map(|name| fs::metadata(self.0.join(name)).map_or(0, |found| found.len()))
            .sum()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}

pub(super) fn row(json: &str) -> Row<'_> {
    Row { run: RUN, signal: Signal::Log, unix_secs: NOW, json, fate: Fate::ToSend }
}

pub(super) fn append(store: &mut Store, texts: &[String]) -> Appended {
    let rows: Vec<_> = texts.iter().map(|text| row(text)).collect();
    counts(patiently(|| store.append(&rows, NOW)))
}

/// What became of rows, without their numbers.
pub(super) fn counts(appended: Appended) -> Appended {
    Appended { first: 0, batches: Vec::new(), rows_of: Vec::new(), ..appended }
}

/// As [`append`], where all rows must find room.
pub(super) fn keep(store: &mut Store, texts: &[String]) {
    let appended = append(store, texts);
    assert_eq!(appended, Appended { stored: u32::try_from(texts.len()).unwrap(), ..Appended::default() });
}

/// As [`keep`], each row in a batch of its own; in an empty store the batches' numbers are then those of the rows.
pub(super) fn keep_singly(store: &mut Store, texts: &[String]) {
    texts.iter().for_each(|text| keep(store, std::slice::from_ref(text)));
}

pub(super) fn texts(range: std::ops::Range<usize>, length: usize) -> Vec<String> {
    range.map(|n| format!(r#"{{"n":{n},"fill":"{}"}}"#, "x".repeat(length))).collect()
}

pub(super) fn claim(store: &mut Store, most: u32, now: i64) -> Vec<i64> {
    patiently(|| store.claim(most, u64::MAX, lease(now), i64::MAX)).iter().map(|claimed| claimed.batch).collect()
}

/// What the call gives once the store is not busy any more: on a loaded machine a turn can take longer than its patience.
pub(super) fn patiently<T>(mut call: impl FnMut() -> Result<T, StoreError>) -> T {
    (0..20)
        .find_map(|_| {
            call().map_or_else(|error| (error.reason() != Reason::Busy).then_some(Err(error)), |given| Some(Ok(given)))
        })
        .expect("the store was busy for forty seconds")
        .unwrap()
}

pub(super) fn exported(store: &Store) -> String {
    let mut out = Vec::new();
    store.export(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_was_appended_is_listed_newest_first_and_exported_as_it_was_written() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    let kept = [r#"{"message":"één"}"#, r#"{"b" : 2}"#, r#"{"name":"checkout"}"#];
    let rows = [
        row(kept[0]),
        Row { unix_secs: NOW + DAY, ..row(kept[1]) },
        Row { signal: Signal::Span, run: 1, ..row(kept[2]) },
    ];
    assert_eq!(counts(store.append(&rows, NOW).unwrap()), Appended { stored: 3, ..Appended::default() });

    let listed = store.list(2).unwrap();
    assert_eq!(listed.iter().map(|row| row.json.as_str()).collect::<Vec<_>>(), [kept[2], kept[1]]);
    assert_eq!((listed[0].signal, listed[0].run, listed[0].state), (Signal::Span, 1, State::Kept));
    assert_eq!((listed[1].signal, listed[1].run, listed[1].day), (Signal::Log, RUN, NOW / DAY + 1));
    assert_eq!(exported(&store), format!("{}\n{}\n{}\n", kept[0], kept[1], kept[2]));
    assert_eq!(exported(&scratch.open()), exported(&store), "another handle sees the same");
    assert!(!store.was_reset());
}

#[test]
fn any_sqlite_reads_the_rows_as_json_and_finds_the_seat_of_later_layouts() {
    let scratch = Scratch::new();
    keep(&mut scratch.open(), &texts(0..3, 10));
    let plain = Connection::open(scratch.file()).unwrap();
    let row: (String, String, String, i64, Option<i64>) = plain
        .query_row(
            "SELECT state, signal, date(day * 86400, 'unixepoch'), json ->> 'n', sent_at FROM records WHERE json_valid(json)
             ORDER BY seq DESC",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .unwrap();
    assert_eq!(row, ("kept".into(), "log".into(), "2027-01-15".into(), 2, None));
    let number = |pragma: &str| plain.query_row(pragma, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), 2);
    assert_eq!(number("PRAGMA application_id"), 0x7472_7076);
}

#[cfg(unix)]
#[test]
fn every_file_is_private_to_its_owner_even_one_that_was_not() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    let modes = || -> Vec<u32> {
        let entries = fs::read_dir(scratch.path()).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect()
    };
    assert_eq!(modes(), [0o600; 3], "the file, its log and its index");
    drop(store);
    fs::set_permissions(scratch.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    assert_eq!(modes(), [0o600; 3]);
}

#[test]
fn looking_for_an_outbox_creates_none() {
    let scratch = Scratch::new();
    assert!(Store::open_existing(scratch.path(), Limits::default()).unwrap().is_none());
    assert!(Store::open_existing(&scratch.path().join("missing"), Limits::default()).unwrap().is_none());
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    keep(&mut scratch.open(), &texts(0..3, 10));
    let found = Store::open_existing(scratch.path(), Limits::default()).unwrap().unwrap();
    assert_eq!(found.unsent_elsewhere().unwrap(), 3);
}

#[test]
fn a_claimed_row_is_offered_to_nobody_until_its_claim_ends() {
    let scratch = Scratch::new();
    let (mut one, mut other) = (scratch.open(), scratch.open());
    keep_singly(&mut one, &texts(0..10, 10));
    let first = claim(&mut one, 4, NOW);
    let second = claim(&mut other, 100, NOW);
    assert_eq!((first.as_slice(), second.as_slice()), ([1, 2, 3, 4].as_slice(), [5, 6, 7, 8, 9, 10].as_slice()));
    assert!(claim(&mut one, 100, NOW + 59).is_empty());
    assert_eq!(one.unsent().unwrap(), 10, "claimed is not sent");
    assert_eq!(other.settle(&second, OWNER, Verdict::Sent(NOW)).unwrap(), 6);
    assert_eq!(claim(&mut other, 100, NOW + 60), first, "the claim ended");
}

#[test]
fn a_clock_set_back_by_years_does_not_lock_claimed_rows_away() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep_singly(&mut store, &texts(0..3, 10));
    assert_eq!(claim(&mut store, 100, NOW + 3650 * DAY).len(), 0, "past their age by that clock");
    let forever = Limits { age: Duration::ZERO, ..Limits::default() };
    let mut ahead = open_at(scratch.path(), forever).unwrap();
    assert_eq!(claim(&mut ahead, 100, NOW + 3650 * DAY), [1, 2, 3]);
    assert_eq!(claim(&mut ahead, 100, NOW), [1, 2, 3]);
}

#[test]
fn released_rows_are_offered_again_and_settled_ones_never() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep_singly(&mut store, &texts(0..4, 10));
    let held = claim(&mut store, 100, NOW);
    assert_eq!(store.settle(&held[..1], OWNER, Verdict::Sent(NOW + 1)).unwrap(), 1);
    assert_eq!(store.settle(&held[1..2], OWNER, Verdict::Rejected(NOW + 2)).unwrap(), 1);
    assert_eq!(store.settle(&held, OWNER, Verdict::Released).unwrap(), 2, "settled rows do not come back");
    assert_eq!(claim(&mut store, 100, NOW), held[2..]);
    assert!(claim(&mut store, 100, NOW + 10 * DAY).len() == 2);
    assert_eq!(store.settle(&held[..2], OWNER, Verdict::Sent(NOW)).unwrap(), 0, "what is settled stays as it is");
    assert_eq!(store.settle(&[77, -1, i64::MAX], OWNER, Verdict::Sent(NOW)).unwrap(), 0);
    let counts = store.counts().unwrap();
    assert_eq!((counts.unsent, counts.sent, counts.rejected), (2, 1, 1));
    assert_eq!(counts.bytes, scratch.disk());
    let listed = store.list(100).unwrap();
    let states: Vec<_> = listed.iter().map(|row| (row.state, row.sent_at)).collect();
    assert_eq!(
        states,
        [
            (State::Claimed, None),
            (State::Claimed, None),
            (State::Rejected, Some(NOW + 2)),
            (State::Sent, Some(NOW + 1))
        ]
    );
}

#[test]
fn a_claim_stays_within_its_bytes_but_is_never_empty_while_a_row_waits() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    let mut rows = texts(0..1, 5000);
    rows.extend(texts(1..11, 100));
    keep_singly(&mut store, &rows);
    assert_eq!(
        store.claim(100, 200, lease(NOW), i64::MAX).unwrap().len(),
        1,
        "one that is larger than the bytes goes alone"
    );
    let length = rows[5].len() as u64;
    let taken = store.claim(100, 3 * length, lease(NOW), i64::MAX).unwrap();
    assert_eq!(taken.iter().map(|batch| batch.rows[0].1.as_str()).collect::<Vec<_>>(), rows[1..4]);
    assert!(!taken[0].own, "another run stored it");
    assert!(store.claim(0, 1_000_000, lease(NOW), i64::MAX).unwrap().is_empty());
}

#[test]
fn beyond_the_records_the_oldest_go_and_only_unsent_ones_count_as_lost() {
    let scratch = Scratch::new();
    let mut store = scratch.open_within(10_000_000, 10);
    keep_singly(&mut store, &texts(0..10, 10));
    let held = claim(&mut store, 3, NOW);
    assert_eq!(store.settle(&held, OWNER, Verdict::Sent(NOW)).unwrap(), 3);
    let other = [Row { run: 5, ..row("{}") }; 5];
    let appended = counts(store.append(&other, NOW).unwrap());
    assert_eq!(
        appended,
        Appended { stored: 5, evicted_unsent: 2, evicted_unsent_own: 0, ..Appended::default() },
        "three of the five dropped were sent, two were another run's"
    );
    let appended = append(&mut store, &texts(10..14, 10));
    assert_eq!((appended.evicted_unsent, appended.evicted_unsent_own), (4, 4));
    assert_eq!(store.unsent().unwrap(), 10);
    let appended = append(&mut store, &texts(20..45, 10));
    assert_eq!((appended.stored, appended.evicted_unsent, appended.evicted_unsent_own), (10, 10, 5));
    assert!(exported(&store).starts_with(r#"{"n":35,"#), "of an append beyond the limit the newest are kept");
}

#[test]
fn rows_that_an_upload_holds_are_spared() {
    let scratch = Scratch::new();
    let mut store = scratch.open_within(10_000_000, 10);
    keep_singly(&mut store, &texts(0..10, 10));
    let held = claim(&mut store, 4, NOW);
    let appended = append(&mut store, &texts(10..16, 10));
    assert_eq!((appended.stored, appended.evicted_unsent), (6, 6));
    assert_eq!(store.settle(&held, OWNER, Verdict::Sent(NOW)).unwrap(), 4, "none was lost");
    let held = claim(&mut store, 4, NOW);
    let mut later = open_at(scratch.path(), Limits { records: 2, ..Limits::default() }).unwrap();
    assert_eq!(later.append(&[row("{}")], NOW + 61).unwrap().evicted_unsent, 5, "a claim that ended spares nothing");
    assert_eq!(later.settle(&held, OWNER, Verdict::Sent(NOW)).unwrap(), 1, "what is left of them");
}

#[test]
fn the_disk_is_bounded_at_every_moment_whatever_the_rows_are_like() {
    for (bytes, batch) in [(300_000_u64, 3_usize), (1_000_000, 12), (3_000_000, 40)] {
        let scratch = Scratch::new();
        let mut store = scratch.open_within(bytes, u64::MAX);
        let (mut random, mut stored, mut lost, mut most) = (7_u64, 0_u64, 0_u64, 0);
        for round in 0..150 {
            let rows: Vec<_> = (0..batch)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let longest = if round % 3 == 0 { 16_000 } else { 700 };
                    texts(round..round + 1, (random >> 33) as usize % longest).remove(0)
                })
                .collect();
            let appended = append(&mut store, &rows);
            stored += u64::from(appended.stored);
            lost += u64::from(appended.evicted_unsent);
            most = most.max(scratch.disk());
            assert_eq!(store.unsent().unwrap(), stored - lost, "every row is there or counted");
        }
        assert!(lost > 0, "the limit was reached");
        assert!(most <= bytes * 12 / 10, "{most} bytes on disk for a limit of {bytes}");
        assert!(most >= bytes / 2, "{most} bytes on disk make little use of a limit of {bytes}");
    }
}

#[test]
fn a_row_larger_than_the_store_is_not_stored_and_costs_no_other() {
    let scratch = Scratch::new();
    let mut store = scratch.open_within(0, u64::MAX);
    keep(&mut store, &texts(0..3, 10));
    let appended = append(&mut store, &texts(0..1, 1_000_000));
    assert_eq!((appended.stored, appended.evicted_unsent, appended.evicted_unsent_own), (0, 0, 0));
    assert_eq!(store.unsent().unwrap(), 3, "the others stay");
}

#[test]
fn lowering_the_limit_shrinks_the_file() {
    let scratch = Scratch::new();
    keep(&mut scratch.open(), &texts(0..3000, 1000));
    assert!(scratch.disk() > 3_000_000);
    let mut store = scratch.open_within(500_000, u64::MAX);
    assert!(append(&mut store, &texts(0..1, 10)).evicted_unsent > 2000);
    assert!(scratch.disk() <= 600_000, "{}", scratch.disk());
}

#[test]
fn rows_past_their_age_are_not_offered_and_go_with_their_bytes() {
    let scratch = Scratch::new();
    let limits = Limits { age: Duration::from_secs(30 * 86_400), ..Limits::default() };
    let mut store = scratch.open_with(limits);
    let old = |days: i64, json| Row { unix_secs: NOW - days * DAY, ..row(json) };
    let rows = [
        old(31, r#"{"a":"canary-one"}"#),
        Row { run: 3, ..old(32, r#"{"a":"canary-one"}"#) },
        old(30, "{}"),
        old(-99_999_999, "{}"),
    ];
    for row in rows {
        assert_eq!(store.append(&[row], NOW - 40 * DAY).unwrap().stored, 1);
    }
    assert_eq!(claim(&mut store, 100, NOW), [3, 4], "what is too old is not sent");
    assert_eq!(store.settle(&[3, 4], OWNER, Verdict::Released).unwrap(), 2);
    let appended = store.append(&[row("{}")], NOW).unwrap();
    assert_eq!((appended.expired_unsent, appended.expired_unsent_own, appended.evicted_unsent), (2, 1, 0));
    assert_eq!(scratch.occurrences("canary-one"), 0);
    assert_eq!(store.expire(NOW + DAY).unwrap(), 1);
    assert_eq!(claim(&mut store, 1, NOW + 30 * DAY), [5]);
    assert_eq!(store.expire(NOW + 31 * DAY).unwrap(), 1, "its claim has ended");
    let mut forever = open_at(scratch.path(), Limits { age: Duration::ZERO, ..limits }).unwrap();
    assert_eq!(forever.expire(i64::MAX).unwrap(), 0);
    assert_eq!(forever.unsent().unwrap(), 1);
}

#[test]
fn what_was_kept_as_local_is_never_offered() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    let rows = [Row { fate: Fate::Local, ..row(r#"{"n":1}"#) }, row(r#"{"n":2}"#)];
    assert_eq!(store.append(&rows, NOW).unwrap().stored, 2);
    assert_eq!((store.unsent().unwrap(), store.list(9).unwrap().len()), (1, 2));
    let held = store.claim(9, u64::MAX, lease(NOW), i64::MAX).unwrap();
    assert_eq!(held.iter().flat_map(|batch| &batch.rows).collect::<Vec<_>>(), [&(2, r#"{"n":2}"#.to_owned())]);
}

#[test]
fn no_clock_makes_it_stumble() {
    for now in [i64::MIN, -1, 0, NOW, i64::MAX] {
        let scratch = Scratch::new();
        let mut store = scratch.open();
        assert_eq!(store.append(&[Row { unix_secs: now, ..row("{}") }], now).unwrap().stored, 1);
        let held = store.claim(10, 10, Lease { length: Duration::MAX, ..lease(now) }, i64::MAX).unwrap();
        assert_eq!(held.len(), 1, "at {now}");
        assert_eq!(store.settle(&[held[0].batch], OWNER, Verdict::Released).unwrap(), 1);
        assert_eq!(
            store.settle(&[held[0].batch], OWNER, Verdict::Sent(now)).unwrap(),
            0,
            "what is not held cannot have been sent"
        );
        assert_eq!(
            store.claim(10, 10, Lease { length: Duration::MAX, ..lease(now) }, i64::MAX).unwrap().len(),
            1,
            "at {now}"
        );
        assert_eq!(store.settle(&[held[0].batch], OWNER, Verdict::Sent(now)).unwrap(), 1);
        let _ = store.expire(now).unwrap();
    }
}

#[test]
fn after_clear_no_byte_is_left_in_any_file_and_no_number_is_given_twice() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    for n in 0..40 {
        let lengths = [10, 600, 3000, 9000];
        let rows: Vec<_> =
            (0..20).map(|i| format!(r#"{{"c":"CANARY{}"}}"#, "x".repeat(lengths[(n + i) % 4]))).collect();
        keep_singly(&mut store, &rows);
        let held = claim(&mut store, 10, NOW);
        match n % 3 {
            0 => store.settle(&held, OWNER, Verdict::Sent(NOW)),
            1 => store.settle(&held, OWNER, Verdict::Rejected(NOW)),
            _ => store.settle(&held, OWNER, Verdict::Released),
        }
        .unwrap();
    }
    assert!(scratch.occurrences("CANARY") > 500, "positive control");
    let before = store.append(&[row("{}")], NOW).unwrap().batches;
    assert!(matches!(store.clear(RUN).unwrap(), Cleared::Gone(erased) if erased.rows > 300 && erased.own > 100));
    assert_eq!(scratch.occurrences("CANARY"), 0);
    assert!(scratch.disk() < 100_000, "the space is given back");
    assert_eq!((store.counts().unwrap().unsent, store.counts().unwrap().sent), (0, 0));
    let after = store.append(&[row("{}")], NOW).unwrap().batches;
    assert_eq!(after[0].0, before[0].0 + 1, "an upload under way cannot mark new rows");
    assert!(!store.was_reset());
}

#[test]
fn a_reader_delays_an_erasure_and_it_says_so() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &[r#"{"c":"CANARY"}"#.to_owned()]);
    let reader = Connection::open(scratch.file()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records;").unwrap();
    assert_eq!(store.clear(RUN).unwrap(), Cleared::Pending(Erased { rows: 1, own: 1 }));
    assert_eq!(store.unsent().unwrap(), 0);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(store.clear(RUN).unwrap(), Cleared::Gone(Erased::default()));
    assert_eq!(scratch.occurrences("CANARY"), 0);
}

#[test]
fn an_export_is_one_line_a_row_and_ends_while_others_append() {
    struct Appending<'a>(&'a mut Store, Vec<u8>);
    impl std::io::Write for Appending<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            keep(self.0, &texts(0..300, 10));
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let scratch = Scratch::new();
    let (store, mut other) = (scratch.open(), scratch.open());
    keep(&mut other, &texts(0..600, 10));
    keep(&mut other, &["{\"edited\":\r\n1}".to_owned()]);
    let mut out = Appending(&mut other, Vec::new());
    assert_eq!(store.export(&mut out).unwrap(), 601);
    let text = String::from_utf8(out.1).unwrap();
    assert_eq!(text.lines().count(), 601);
    assert_eq!(text.lines().last(), Some("{\"edited\":  1}"));
    assert!(text.lines().zip(texts(0..600, 10)).all(|(line, kept)| line == kept));
}

#[test]
fn an_export_that_cannot_be_written_is_an_error_of_its_own() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    let error = store.export(&mut [0_u8; 4].as_mut_slice()).unwrap_err();
    assert_eq!((error.reason(), error.is_temporary()), (Reason::Output, false));
}

#[test]
fn debug_shows_neither_rows_nor_paths() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &[r#"{"c":"CANARY"}"#.to_owned()]);
    let shown =
        format!("{store:?} {:?} {:?}", store.list(1).unwrap(), store.claim(1, 9, lease(NOW), i64::MAX).unwrap());
    assert!(!shown.contains("CANARY") && !shown.contains("tracing-privacy-store"), "{shown}");
}

#[test]
fn a_claim_belongs_to_who_made_it() {
    let scratch = Scratch::new();
    let (mut one, mut other) = (scratch.open(), scratch.open());
    let theirs = |now| Lease { owner: 2, ..lease(now) };
    keep_singly(&mut one, &texts(0..2, 10));
    let [first, second] = [claim(&mut one, 1, NOW)[0], claim(&mut one, 1, NOW)[0]];
    one.settle(&[second], OWNER, Verdict::Released).unwrap();
    assert_eq!(other.settle(&[first, second], 2, Verdict::Sent(NOW)).unwrap(), 0);
    assert!(other.renew(&[first, second], theirs(NOW)).unwrap().is_empty());
    assert_eq!(one.renew(&[first, second], lease(NOW + 30)).unwrap(), [first]);
    let known = [(first, 1), (second, 1)];
    assert_eq!(other.claim_known(&known, theirs(NOW + 60)).unwrap(), [second], "the first was renewed");
    assert_eq!(other.claim(9, 9, theirs(NOW + 89), i64::MAX).unwrap().len(), 0);
    assert_eq!(other.claim(9, 9, theirs(NOW + 90), i64::MAX).unwrap()[0].batch, first, "its lease ran out");
    assert!(one.renew(&[first], lease(NOW + 90)).unwrap().is_empty(), "who finds that out does not send");
    assert_eq!(one.settle(&[first], OWNER, Verdict::Released).unwrap(), 0);
    assert_eq!(other.settle(&[first, second], 2, Verdict::Sent(NOW + 91)).unwrap(), 2);
}

#[test]
fn a_batch_that_is_not_what_the_caller_has_is_not_claimed_unread() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..3, 10));
    let batch = 1;
    assert!(store.claim_known(&[(batch, 4)], lease(NOW)).unwrap().is_empty(), "the limits took one");
    let by_hand = |sql: &str| Connection::open(scratch.file()).unwrap().execute(sql, []).unwrap();
    let text = store.list(9).unwrap()[0].json.clone();
    by_hand("UPDATE lines SET json='{}' WHERE seq=3");
    assert!(store.claim_known(&[(batch, 3)], lease(NOW)).unwrap().is_empty(), "edited");
    by_hand(&format!("UPDATE lines SET json='{text}' WHERE seq=3"));
    assert_eq!(store.claim_known(&[(batch, 3)], lease(NOW)).unwrap(), [batch]);
    store.settle(&[batch], OWNER, Verdict::Released).unwrap();
    by_hand("DELETE FROM lines WHERE seq=2");
    assert!(store.claim_known(&[(batch, 3)], lease(NOW)).unwrap().is_empty(), "deleted");
    assert_eq!(store.claim(9, 9, lease(NOW), i64::MAX).unwrap()[0].rows.len(), 2);
}

#[test]
fn of_batches_before_another_one_only_those_are_claimed() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep_singly(&mut store, &texts(0..3, 10));
    let batches =
        |claimed: Vec<crate::record::claim::Claimed>| claimed.iter().map(|claimed| claimed.batch).collect::<Vec<_>>();
    assert_eq!(batches(store.claim(9, u64::MAX, lease(NOW), 1).unwrap()), [0; 0]);
    assert_eq!(batches(store.claim(9, u64::MAX, lease(NOW), 3).unwrap()), [1, 2]);
    assert_eq!(batches(store.claim(9, u64::MAX, lease(NOW), 3).unwrap()), [0; 0]);
    assert_eq!(batches(store.claim(9, u64::MAX, lease(NOW), i64::MAX).unwrap()), [3]);
}

#[test]
fn what_was_sent_together_is_claimed_together_wherever_a_claim_is_to_end() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep_singly(&mut store, &texts(0..3, 10));
    // Of batches 1 and 3 a try is known to nobody but the server.
    assert_eq!(store.claim_known(&[(1, 1), (3, 1)], lease(NOW)).unwrap(), [1, 3]);
    store.note(&[1, 3], OWNER, 77, Answers::default()).unwrap();
    store.settle(&[1, 3], OWNER, Verdict::Released).unwrap();
    let claimed = store.claim(9, u64::MAX, lease(NOW), 2).unwrap();
    assert_eq!(
        claimed.iter().map(|claimed| (claimed.batch, claimed.load)).collect::<Vec<_>>(),
        [(1, Some(77)), (3, Some(77))]
    );
}

#[test]
fn a_claim_means_nothing_in_another_file() {
    let scratch = Scratch::new();
    let mut store = open_at(scratch.path(), Limits::default()).unwrap();
    let mut keep = || store.append(&[row("{}")], NOW).unwrap().batches[0].0;
    let batch = keep();
    fs::remove_file(scratch.file()).unwrap();
    let next = keep();
    assert_ne!(next, batch);
    assert!(store.claim_known(&[(batch, 1)], lease(NOW)).unwrap().is_empty());
    assert_eq!(store.claim_known(&[(next, 1)], lease(NOW)).unwrap(), [next]);
    assert_eq!(store.settle(&[batch], OWNER, Verdict::Sent(NOW)).unwrap(), 0);
}

#[test]
fn rows_appended_together_are_claimed_and_settled_together_and_their_text_is_written_once() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    let texts = texts(0..300, 100);
    let rows: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| Row { signal: if n % 4 == 0 { Signal::Span } else { Signal::Log }, ..row(text) })
        .collect();
    let appended = store.append(&rows, NOW).unwrap();
    assert_eq!((appended.first, appended.batches.len()), (1, 2), "one batch for each signal");
    let before = fs::metadata(scratch.path().join("telemetry.db-wal")).unwrap().len();
    let claimed = store.claim(1000, u64::MAX, lease(NOW), i64::MAX).unwrap();
    let spans: Vec<_> =
        claimed.iter().filter(|batch| batch.signal == Signal::Span).flat_map(|batch| &batch.rows).collect();
    assert_eq!((spans.len(), spans[1]), (75, &(5, texts[4].clone())));
    let batches: Vec<_> = appended.batches.iter().map(|(batch, _)| *batch).collect();
    assert_eq!(store.settle(&batches, OWNER, Verdict::Sent(NOW)).unwrap(), 300);
    let written = fs::metadata(scratch.path().join("telemetry.db-wal")).unwrap().len() - before;
    assert!(written < 8 * 4200, "{written} bytes to note what became of 300 rows");
    assert!(store.list(300).unwrap().iter().all(|row| row.state == State::Sent));
}

#[test]
fn single_rows_of_a_claimed_batch_can_be_refused_or_erased() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..5, 10));
    let batch = 1;
    assert_eq!(store.part(held(batch, &[1]), Part::Rejected, NOW).unwrap(), 0, "what is not held is left alone");
    assert_eq!(claim(&mut store, 9, NOW), [batch]);
    assert_eq!(store.part(held(batch, &[2, 77]), Part::Rejected, NOW).unwrap(), 1);
    assert_eq!(store.part(held(batch, &[3]), Part::Erased, NOW).unwrap(), 1);
    assert_eq!(store.part(held(batch, &[4]), Part::Released, NOW).unwrap(), 1);
    assert_eq!(store.settle(&[batch], OWNER, Verdict::Sent(NOW)).unwrap(), 2);
    let states: Vec<_> = store.list(9).unwrap().iter().map(|row| (row.seq, row.state)).collect();
    assert_eq!(states, [(5, State::Sent), (4, State::Kept), (2, State::Rejected), (1, State::Sent)]);
    let claimed = store.claim(9, 9, lease(NOW), i64::MAX).unwrap();
    assert_eq!(claimed[0].rows, [(4, texts(3..4, 10).remove(0))]);
}

#[test]
fn a_batch_of_which_nothing_is_parted_leaves_no_other_one_behind() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep_singly(&mut store, &texts(0..2, 10));
    assert_eq!(claim(&mut store, 9, NOW), [1, 2]);
    for (part, parted) in [(Part::Rejected, 1), (Part::Released, 0), (Part::Divided(7), 0)] {
        assert_eq!(store.part(held(1, &[2, 77]), part, NOW).unwrap(), 0, "rows of others");
        assert_eq!(store.part(held(2, &[2, 77]), part, NOW).unwrap(), parted);
        assert_eq!(schema::number(store.connection().unwrap(), "SELECT count(*) FROM batches").unwrap(), 3, "{part:?}");
    }
}

#[test]
fn beside_what_uploads_hold_there_is_room_for_the_newest_rows_alone() {
    let scratch = Scratch::new();
    let mut store = scratch.open_within(1_000_000, 10);
    keep(&mut store, &texts(0..8, 10));
    assert_eq!(claim(&mut store, 9, NOW), [1]);
    let (texts, rows) = (texts(8..20, 10), |store: &Store| store.list(99).unwrap().len());
    let appended = append(&mut store, &texts[..8]);
    assert_eq!((appended.stored, appended.evicted_unsent, rows(&store)), (2, 0, 10));
    assert_eq!(store.list(1).unwrap()[0].json, texts[7]);
    // Of these some go: uploads hold the others.
    let appended = append(&mut store, &texts[8..9]);
    assert_eq!((appended.stored, appended.evicted_unsent, rows(&store)), (1, 1, 10));
    store.settle(&[1], OWNER, Verdict::Sent(NOW)).unwrap();
    let appended = append(&mut store, &texts[9..]);
    assert_eq!((appended.stored, appended.evicted_unsent, rows(&store)), (3, 0, 10));
}

#[test]
fn rows_deleted_by_hand_make_it_hold_less_and_never_more() {
    let scratch = Scratch::new();
    let mut store = scratch.open_within(300_000, u64::MAX);
    keep(&mut store, &texts(0..60, 1000));
    let plain = Connection::open(scratch.file()).unwrap();
    plain.execute_batch("DELETE FROM batches").unwrap();
    for n in 0..30 {
        assert_eq!(append(&mut store, &texts(n..n + 1, 9000)).stored, 1);
    }
    assert!(scratch.disk() <= 360_000);
    plain.execute_batch("DELETE FROM lines").unwrap();
    assert_eq!(append(&mut store, &texts(0..1, 9000)).stored, 1);
}

#[test]
fn rows_go_to_the_hosts_that_they_were_kept_for_and_to_no_others() {
    let scratch = Scratch::new();
    let to = |list: &[(&str, u8)]| {
        let hosts = Hosts::of(list.iter().map(|(host, bit)| ((*host).to_owned(), *bit)));
        Store::open(scratch.path(), Limits::default()).unwrap().for_hosts(hosts)
    };
    let keep = |store: &mut Store, text: &str| drop(store.append(&[row(text)], NOW).unwrap());
    let all = Routes { logs: 3, spans: 3, all: 3 };
    let claimed = |store: &mut Store, routes: Routes| {
        let lease = Lease { routes, ..lease(NOW) };
        let claims = store.claim(10, u64::MAX, lease, i64::MAX).unwrap();
        let rows: Vec<_> = claims.iter().map(|claim| (claim.rows[0].1.clone(), claim.done, claim.barred)).collect();
        let batches: Vec<_> = claims.iter().map(|claim| claim.batch).collect();
        store.settle(&batches, OWNER, Verdict::Released).unwrap();
        rows
    };
    let (mut here, mut there) = (to(&[("a.example", 1)]), to(&[("b.example", 1)]));
    keep(&mut here, "{\"to\":\"a\"}");
    assert_eq!((here.unsent().unwrap(), here.unsent_elsewhere().unwrap()), (1, 0));
    assert_eq!((there.unsent().unwrap(), there.unsent_elsewhere().unwrap()), (0, 1));
    let one = Routes { logs: 1, spans: 1, all: 1 };
    assert_eq!(claimed(&mut there, one), []);
    assert_eq!(claimed(&mut to(&[]), one), [], "nobody was named");
    assert_eq!(claimed(&mut here, one), [("{\"to\":\"a\"}".to_owned(), 0, 0)]);
    // Who came later has no part in what was kept before, and all of what is kept now.
    let mut both = to(&[("a.example", 1), ("b.example", 2)]);
    keep(&mut both, "{\"to\":\"both\"}");
    assert_eq!(claimed(&mut both, all), [("{\"to\":\"a\"}".to_owned(), 0, 2)]);
    assert_eq!(claimed(&mut there, one), [("{\"to\":\"both\"}".to_owned(), 0, 0)]);
}

#[test]
fn an_answer_is_noted_once_however_often_it_is_given() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    keep(&mut store, &texts(0..1, 10));
    assert_eq!(claim(&mut store, 9, NOW), [1]);
    let answers = Answers { took: 1, ..Answers::default() };
    (0..3).for_each(|_| store.note(&[1], OWNER, 77, answers).unwrap());
    let noted = store.connection().unwrap().query_row("SELECT done FROM batches", [], |row| row.get::<_, String>(0));
    assert_eq!(noted.unwrap(), "took a.example\n");
}

#[test]
fn a_batch_waits_until_each_receiver_that_it_was_kept_for_has_answered() {
    let scratch = Scratch::new();
    let to = |list: &[(&str, u8)]| {
        let hosts = Hosts::of(list.iter().map(|(host, bit)| ((*host).to_owned(), *bit)));
        Store::open(scratch.path(), Limits::default()).unwrap().for_hosts(hosts)
    };
    let (mut here, mut there) = (to(&[("a.example", 1)]), to(&[("b.example", 1)]));
    for (verdict, answers) in [
        (Verdict::Sent(NOW), Answers { took: 1, ..Answers::default() }),
        (Verdict::Rejected(NOW), Answers { refused: 1, ..Answers::default() }),
    ] {
        let kept = to(&[("a.example", 1), ("b.example", 2)]).append(&[row("{}")], NOW).unwrap();
        let batches = [kept.batches[0].0];
        for (store, state, waits) in [(&mut here, "kept", (0, 1)), (&mut there, "sent", (0, 0))] {
            let claimed = store.claim(10, u64::MAX, lease(NOW), i64::MAX).unwrap();
            assert_eq!(claimed.iter().map(|batch| batch.is_owed).collect::<Vec<_>>(), [state == "kept"]);
            let (verdict, answers) =
                if state == "kept" { (verdict, answers) } else { (Verdict::Sent(NOW), Answers::default()) };
            store.note(&batches, OWNER, 77, answers).unwrap();
            assert_eq!(store.settle(&batches, OWNER, verdict).unwrap(), 1);
            let found: (String, Option<i64>) = store
                .connection()
                .unwrap()
                .query_row("SELECT state, sent_at FROM batches WHERE id=?1", batches, |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .unwrap();
            assert_eq!(found, (state.to_owned(), (state == "sent").then_some(NOW)));
            assert_eq!((store.unsent().unwrap(), store.unsent_elsewhere().unwrap()), waits);
            assert!(store.claim(10, u64::MAX, lease(NOW), i64::MAX).unwrap().is_empty(), "it has nothing more to do");
        }
    }
}
