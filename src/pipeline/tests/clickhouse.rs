//! ClickHouse by itself: each record is counted there once, and lost only if it is at fault, whatever the server says and when.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::two_destinations::{clickhouse, described, nothing, obliging, said};
use super::*;
use crate::export::clickhouse::{Layout, Table};
use crate::export::receiver::Request;

/// A server, and runs that send to it from one store. The clock moves only when told.
struct Alone {
    server: Receiver,
    pad: Scratchpad,
    clock: Clock,
}

impl Alone {
    fn new() -> Self {
        let (server, pad) = (Receiver::start(), Scratchpad::new());
        server.afterwards(nothing());
        Alone { server, pad, clock: Clock::manual("2026-11-21T12:00:00Z") }
    }

    fn run(&self, run: u64) -> Pipeline {
        self.run_unless(run, Arc::new(|| None))
    }

    fn run_unless(&self, run: u64, objection: Objection) -> Pipeline {
        let parts = parts(Policy::standard(), vec![clickhouse(&self.server)], Schedule::Manual, self.pad.place());
        Pipeline::start(Parts { run, clock: self.clock.clone(), objection, ..parts }).unwrap()
    }

    fn later(&self) {
        self.clock.advance(Duration::from_secs(3_600));
    }

    /// Token and rows of each insert that was sent, whatever the answer.
    fn inserts(&self) -> Vec<(String, Vec<String>)> {
        self.server.requests().iter().filter(|request| is_insert(request)).map(insert).collect()
    }

    /// How often a table that knows tokens has each record, if it took these inserts, in the order in which they were sent.
    fn counted(&self, is_taken: impl Fn(usize, &[String]) -> bool) -> BTreeMap<String, u32> {
        let (mut tokens, mut counted) = (Vec::new(), BTreeMap::new());
        for (number, (token, rows)) in self.inserts().into_iter().enumerate() {
            if is_taken(number, &rows) && !tokens.contains(&token) {
                tokens.push(token);
                rows.into_iter().for_each(|row| *counted.entry(row).or_default() += 1);
            }
        }
        counted
    }
}

fn is_insert(request: &Request) -> bool {
    request.path.contains("INSERT") && request.raw != b"\n"
}

/// About the table.
fn is_question(request: &Request) -> bool {
    request.raw.starts_with(b"DESCRIBE")
}

fn insert(request: &Request) -> (String, Vec<String>) {
    let token = request.path.split('&').find_map(|word| word.strip_prefix("insert_deduplication_token="));
    let rows = serde_json::Deserializer::from_slice(&request.raw).into_iter::<serde_json::Value>();
    let rows = rows.map(|row| row.unwrap()["Body"].as_str().unwrap().to_owned()).collect();
    (token.expect("each has one").to_owned(), rows)
}

fn has_many_rows(request: &Request) -> bool {
    is_insert(request) && insert(request).1.len() > 3
}

fn log_records(pipeline: &Pipeline, range: std::ops::Range<usize>) {
    log(pipeline, || range.for_each(|n| tracing::info!("record {n}")));
}

fn each_once(records: usize) -> BTreeMap<String, u32> {
    (0..records).map(|n| (format!("record {n}"), 1)).collect()
}

#[test]
fn what_is_too_large_is_halved_also_if_a_description_failed_before() {
    let alone = Alone::new();
    let questions = AtomicU32::new(0);
    let is_first = move |request: &Request| is_question(request) && questions.fetch_add(1, Ordering::SeqCst) == 0;
    alone.server.whenever(is_first, Behaviour::CloseBeforeAnswer);
    alone.server.then([nothing(), nothing(), nothing(), Behaviour::Status(413)]);
    let pipeline = alone.run(7);
    log_records(&pipeline, 0..10);
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert_eq!((pipeline.counts().sent(), alone.inserts().len()), (10, 3), "{:?}", pipeline.notes());
    assert_eq!(alone.counted(|number, _| number > 0), each_once(10));
}

#[test]
fn what_was_halved_stays_halved_also_when_the_server_takes_the_whole_later() {
    for is_another_run in [false, true] {
        let alone = Alone::new();
        alone.server.then(described());
        alone.server.then([Behaviour::Status(413), nothing(), Behaviour::RetryAfter(503, 1)]);
        let mut pipeline = alone.run(7);
        log_records(&pipeline, 0..10);
        assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
        if is_another_run {
            let _ = pipeline.shutdown(LONG);
            pipeline = alone.run(8);
        }
        alone.later();
        assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
        assert_eq!(alone.counted(|number, _| [1, 3].contains(&number)), each_once(10), "{:?}", alone.inserts());
    }
}

#[test]
fn what_may_have_arrived_as_a_whole_is_not_halved_and_not_lost_either() {
    let alone = Alone::new();
    alone.server.then(described());
    // The answers are lost; then somebody limits requests, and lifts that again.
    alone.server.then([Behaviour::CloseBeforeAnswer, Behaviour::CloseBeforeAnswer, Behaviour::CloseBeforeAnswer]);
    let pipeline = alone.run(7);
    log_records(&pipeline, 0..10);
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    alone.server.whenever(has_many_rows, Behaviour::Status(413));
    for _ in 0..3 {
        alone.later();
        assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload), "{:?}", pipeline.notes());
    }
    assert!(pipeline.notes().iter().any(|note| note.contains("allow requests of this size")), "{:?}", pipeline.notes());
    alone.server.forgive();
    obliging(&alone.server);
    alone.later();
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert!(alone.inserts().iter().all(|one| *one == alone.inserts()[0]), "{:?}", alone.inserts());
    assert_eq!(pipeline.counts().sent(), 10);
}

#[test]
fn what_certainly_did_not_arrive_is_halved_by_whichever_run_comes_next() {
    let alone = Alone::new();
    let no_memory = || said(500, "Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)");
    let with_many = |answer: Behaviour| {
        alone.server.forgive();
        obliging(&alone.server);
        alone.server.whenever(has_many_rows, answer);
    };
    alone.server.whenever(is_question, Behaviour::RetryAfter(503, 30));
    let before = alone.run(7);
    log_records(&before, 0..20);
    assert_eq!(before.flush(LONG), Err(Unfinished::Upload));
    let _ = before.shutdown(LONG);
    for (run, answer) in [(8, no_memory()), (9, Behaviour::Status(413))] {
        alone.later();
        with_many(answer);
        let pipeline = alone.run(run);
        let is_done = pipeline.flush(LONG);
        assert_eq!(is_done.is_ok(), run == 9, "{:?}", pipeline.notes());
        let _ = pipeline.shutdown(LONG);
    }
    assert_eq!(alone.counted(|_, rows| rows.len() <= 3), each_once(20), "{:?}", alone.inserts());
}

#[test]
fn a_setting_that_the_server_cannot_use_costs_no_record() {
    let alone = Alone::new();
    let wrong =
        "Code: 89, e.displayText() = DB::Exception: Unknown compression method: 'foo', e.what() = DB::Exception";
    alone.server.then(described());
    let pipeline = alone.run(7);
    alone.server.forgive();
    alone.server.whenever(|request| request.path.contains("INSERT"), said(500, wrong));
    obliging(&alone.server);
    for round in 1..3 {
        log_records(&pipeline, 0..10);
        assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
        assert_eq!(
            (pipeline.counts().stored(), pipeline.counts().dropped()),
            (10 * round, 0),
            "{:?}",
            pipeline.notes()
        );
        alone.later();
    }
    assert!(pipeline.notes().iter().any(|note| note.contains(".insert_setting(") && note.contains("Code: 89")));
    alone.server.forgive();
    obliging(&alone.server);
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert_eq!(pipeline.counts().sent(), 20);
}

#[test]
fn what_a_server_had_already_is_not_said_to_be_lost() {
    let alone = Alone::new();
    alone.server.then(described());
    alone.server.then([Behaviour::CloseBeforeAnswer, Behaviour::CloseBeforeAnswer, Behaviour::CloseBeforeAnswer]);
    let summary = ("X-ClickHouse-Summary", r#"{"written_rows":"0"}"#.to_owned());
    alone.server.afterwards(Behaviour::Custom { status: 200, headers: vec![summary], body: vec![] });
    let pipeline = alone.run(7);
    log_records(&pipeline, 0..10);
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    alone.later();
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    let is_told = |said: &str| pipeline.notes().iter().any(|note| note.contains(said));
    assert!(!is_told("says that it wrote"), "{:?}", pipeline.notes());
    // What was never sent before is.
    log_records(&pipeline, 0..4);
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert!(is_told("took 4 rows") && is_told("says that it wrote 0"), "{:?}", pipeline.notes());
}

#[test]
fn a_column_that_somebody_adds_is_written_from_the_next_hour_on() {
    let alone = Alone::new();
    let all = Layout::columns(Table::Logs);
    let [fewer, _] = Behaviour::described(all.into_iter().filter(|(name, _)| *name != "LogAttributes"));
    let is_added = Arc::new(AtomicBool::new(false));
    let lacks_it = {
        let is_added = Arc::clone(&is_added);
        move |request: &Request| is_question(request) && !is_added.load(Ordering::SeqCst)
    };
    alone.server.whenever(lacks_it, fewer);
    let pipeline = alone.run(7);
    for minutes in [0, 59, 1] {
        alone.clock.advance(Duration::from_secs(60 * minutes));
        log_records(&pipeline, 0..1);
        assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
        is_added.store(true, Ordering::SeqCst);
    }
    let has_it = |request: &Request| String::from_utf8_lossy(&request.raw).contains("LogAttributes");
    let requests = alone.server.requests();
    let inserts = requests.iter().filter(|request| is_insert(request));
    // The last one was made before its table was looked at.
    assert_eq!(inserts.map(has_it).collect::<Vec<_>>(), [false, false, false]);
    log_records(&pipeline, 0..1);
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert!(has_it(alone.server.requests().last().unwrap()));
}

#[test]
fn a_no_is_told_whatever_a_server_has_said_before() {
    let alone = Alone::new();
    let no = Arc::new(AtomicBool::new(false));
    let objection: Objection = {
        let no = Arc::clone(&no);
        Arc::new(move || no.load(Ordering::SeqCst).then(|| "/home/ann/.acme-no-telemetry exists".to_owned()))
    };
    alone.server.then(described());
    let pipeline = alone.run_unless(7, objection);
    for parts in 3_000..3_040 {
        let many =
            format!("Code: 252. DB::Exception: Too many parts ({parts} with average size of 1.00 KiB) in table.");
        alone.server.then([said(500, &many)]);
        log_records(&pipeline, 0..1);
        assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
        alone.clock.advance(Duration::from_secs(61));
    }
    no.store(true, Ordering::SeqCst);
    log_records(&pipeline, 0..1);
    let _ = pipeline.flush(LONG);
    let notes = pipeline.notes();
    let about = |said: &str| notes.iter().filter(|note| note.contains(said)).count();
    assert_eq!((pipeline.is_withdrawn(), about("said no"), about("Too many parts")), (true, 1, 1), "{notes:?}");
    assert_eq!(about("(3039 with"), 1, "the last word");
}
