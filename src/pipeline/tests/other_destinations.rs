//! Two processes of one application with different destinations share a store: each record reaches all that it was kept for.

use opentelemetry_sdk::trace::InMemorySpanExporter;

use super::two_destinations::{clickhouse, described, nothing, obliging, said};
use super::waiting::assert_adds_up;
use super::*;
use crate::export::SdkDestination;
use crate::export::receiver::{Behaviour, Request};

fn run(run: u64, receivers: Vec<crate::export::Receiver>, pad: &Scratchpad) -> Pipeline {
    let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
    Pipeline::start(Parts { run, ..parts }).unwrap()
}

fn bodies(receiver: &Receiver) -> Vec<String> {
    receiver.logs().into_iter().filter_map(|log| log.body).collect()
}

/// What the store says became of each row.
fn rows(pad: &Scratchpad) -> String {
    pad.database().query_row("SELECT group_concat(state) FROM records", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_a_run_with_one_of_them_alone_was_answered_still_goes_to_the_other_one() {
    // The answers of the collector and of ClickHouse, and what becomes of the record.
    let refused = || said(400, "Code: 27. DB::Exception: Cannot parse input.");
    for (one, other, state, sent) in [
        (Behaviour::Ok, nothing(), "sent", 1),
        (Behaviour::Status(400), nothing(), "sent", 1),
        (Behaviour::Ok, refused(), "sent", 1),
        (Behaviour::Status(400), refused(), "rejected", 0),
    ] {
        let (collector, clickhouse, pad) = (Receiver::start(), Receiver::start(), Scratchpad::new());
        let to_both = run(7, vec![patient(super::collector(&collector)), patient(self::clickhouse(&clickhouse))], &pad);
        log(&to_both, || tracing::info!("for both"));
        assert_eq!(to_both.store(LONG), Ok(()));
        collector.afterwards(one);
        let to_one = run(8, vec![patient(super::collector(&collector))], &pad);
        for round in 0..3 {
            if round > 0 {
                log(&to_one, || tracing::info!("for one"));
            }
            // It has nothing more to do, and says so.
            assert_eq!(to_one.flush(LONG), Ok(()), "{:?}", to_one.notes());
            assert_eq!((bodies(&collector)[0].as_str(), rows(&pad).starts_with("kept")), ("for both", true));
        }
        assert_eq!(bodies(&collector), ["for both", "for one", "for one"]);
        assert_adds_up(&to_one.counts());
        clickhouse.then(described());
        clickhouse.afterwards(other);
        assert_eq!(to_both.flush(LONG), Ok(()), "{:?}", to_both.notes());
        assert!(!bodies(&collector)[1..].contains(&"for both".to_owned()), "it is not asked again");
        assert_eq!(
            clickhouse
                .requests()
                .iter()
                .filter(|request| request.path.contains("INSERT") && request.raw != b"\n")
                .count(),
            1
        );
        assert_eq!(rows(&pad).split(',').next(), Some(state));
        assert_eq!((to_both.counts().sent(), to_both.counts().lost(Loss::Rejected)), (sent, 1 - sent));
        assert_adds_up(&to_both.counts());
    }
}

#[test]
fn what_a_run_has_no_use_for_or_fails_at_still_goes_to_the_other_one() {
    let (collector, pad) = (Receiver::start(), Scratchpad::new());
    let spans = || crate::export::Receiver::Sdk(SdkDestination::span_exporter(InMemorySpanExporter::default(), 0));
    let to_both = run(7, vec![spans(), patient(super::collector(&collector))], &pad);
    log(&to_both, || tracing::info!("for both"));
    assert_eq!(to_both.store(LONG), Ok(()));
    let of_spans = run(8, vec![spans()], &pad);
    log(&of_spans, || tracing::info!("of spans"));
    assert_eq!((of_spans.flush(LONG), rows(&pad)), (Ok(()), "kept,rejected".to_owned()));
    assert_eq!(to_both.flush(LONG), Ok(()), "{:?}", to_both.notes());
    assert_eq!((bodies(&collector), rows(&pad)), (vec!["for both".to_owned()], "sent,rejected".to_owned()));
}

#[test]
fn a_load_at_which_the_other_one_failed_reaches_this_one_once_and_wakes_nobody_afterwards() {
    let (collector, clickhouse, pad) = (Receiver::start(), Receiver::start(), Scratchpad::new());
    clickhouse.then(described());
    clickhouse.afterwards(said(500, "Code: 1000. DB::Exception: POCO."));
    let to_both = run(7, vec![patient(super::collector(&collector)), patient(self::clickhouse(&clickhouse))], &pad);
    collector.then([Behaviour::Status(503), Behaviour::Status(503), Behaviour::Status(503)]);
    log(&to_both, || tracing::info!("for both"));
    assert_eq!(to_both.flush(LONG), Err(Unfinished::Upload));
    let to_one = run(8, vec![patient(super::collector(&collector))], &pad);
    let tried = collector.requests().len();
    log(&to_one, || tracing::info!("for one"));
    for _ in 0..2 {
        assert_eq!(to_one.flush(LONG), Ok(()), "{:?}", to_one.notes());
        let mut at_collector = bodies(&collector).split_off(tried);
        at_collector.sort();
        assert_eq!(at_collector, ["for both", "for one"]);
        let suspects = to_one.0.shared.outbox().unwrap().suspects(1).unwrap();
        assert!(suspects.is_empty(), "{suspects:?}");
    }
    assert_eq!(rows(&pad), "kept,sent");
}

/// Runs of one application that send to a collector, to ClickHouse, or to both. The clock moves only when told.
struct Mixed {
    collector: Receiver,
    clickhouse: Receiver,
    pad: Scratchpad,
    clock: Clock,
}

impl Mixed {
    fn new() -> Self {
        let (collector, clickhouse, pad) = (Receiver::start(), Receiver::start(), Scratchpad::new());
        clickhouse.afterwards(nothing());
        Mixed { collector, clickhouse, pad, clock: Clock::manual("2026-11-21T12:00:00Z") }
    }

    fn to_both(&self, run: u64) -> Pipeline {
        self.start(run, vec![patient(super::collector(&self.collector)), patient(self::clickhouse(&self.clickhouse))])
    }

    fn to_collector(&self, run: u64) -> Pipeline {
        self.start(run, vec![patient(super::collector(&self.collector))])
    }

    fn start(&self, run: u64, receivers: Vec<crate::export::Receiver>) -> Pipeline {
        let parts = parts(Policy::standard(), receivers, Schedule::Manual, self.pad.place());
        Pipeline::start(Parts { run, clock: self.clock.clone(), ..parts }).unwrap()
    }

    fn later(&self) {
        self.clock.advance(Duration::from_secs(3_600));
    }
}

fn log_ten(pipeline: &Pipeline) {
    log(pipeline, || (0..10).for_each(|n| tracing::info!("record {n}")));
}

fn has_many(request: &Request) -> bool {
    request.logs().len() > 3
}

fn is_insert(request: &Request) -> bool {
    request.path.contains("INSERT") && request.raw != b"\n"
}

fn rows_of(insert: &Request) -> usize {
    insert.raw.iter().filter(|byte| **byte == b'\n').count()
}

fn token_of(insert: &Request) -> Option<String> {
    insert.path.split('&').find_map(|word| word.strip_prefix("insert_deduplication_token=")).map(str::to_owned)
}

#[test]
fn what_another_run_may_have_got_to_its_destination_is_not_halved_without_it() {
    let mixed = Mixed::new();
    let before = mixed.to_both(7);
    mixed.clickhouse.then(described());
    // Each answer is lost.
    mixed.clickhouse.afterwards(Behaviour::CloseBeforeAnswer);
    mixed.collector.then([Behaviour::RetryAfter(503, 30)]);
    log_ten(&before);
    assert_eq!(before.flush(LONG), Err(Unfinished::Upload));
    let _ = before.shutdown(LONG);
    mixed.later();
    mixed.collector.whenever(has_many, Behaviour::Status(413));
    let to_one = mixed.to_collector(8);
    assert_eq!(to_one.flush(LONG), Err(Unfinished::Upload), "{:?}", to_one.notes());
    mixed.later();
    mixed.clickhouse.afterwards(nothing());
    let after = mixed.to_both(9);
    assert_eq!(after.flush(LONG), Ok(()), "{:?}", after.notes());
    let requests = mixed.clickhouse.requests();
    let tokens: std::collections::BTreeSet<_> = requests.iter().filter(|one| is_insert(one)).map(token_of).collect();
    assert_eq!(tokens.len(), 1, "ClickHouse may have had it all along: {tokens:?}");
    let taken =
        mixed.collector.requests().iter().filter(|one| !has_many(one)).map(|one| one.logs().len()).sum::<usize>();
    assert_eq!((taken, rows(&mixed.pad)), (10, ["sent"; 10].join(",")));
}

#[test]
fn whoever_was_to_be_asked_when_a_run_ended_and_was_not_has_none_of_it() {
    let mixed = Mixed::new();
    let before = mixed.to_both(7);
    // It is asked once, and not again before the run ends.
    mixed.collector.afterwards(Behaviour::RetryAfter(503, 9));
    log_ten(&before);
    assert_eq!(before.store(LONG), Ok(()));
    // A flush that has no time for its first step asks nobody.
    let is_asked = || {
        let _ = before.flush(Duration::from_millis(20));
        !mixed.collector.requests().is_empty()
    };
    assert!((0..6_000).any(|_| is_asked()), "{:?}", before.notes());
    before.stop_uploading();
    let _ = before.shutdown(LONG);
    assert!(mixed.clickhouse.requests().is_empty());
    mixed.later();
    mixed.collector.afterwards(Behaviour::Ok);
    mixed.clickhouse.whenever(|request| is_insert(request) && rows_of(request) > 3, Behaviour::Status(413));
    let after = mixed.to_both(8);
    assert_eq!(after.flush(LONG), Ok(()), "{:?}", after.notes());
    assert_eq!(rows(&mixed.pad), ["sent"; 10].join(","));
}

#[test]
fn what_other_runs_have_sent_elsewhere_is_halved_where_nobody_was_asked() {
    let mixed = Mixed::new();
    let to_both = mixed.to_both(7);
    log_ten(&to_both);
    assert_eq!(to_both.store(LONG), Ok(()));
    let to_one = mixed.to_collector(8);
    assert_eq!(to_one.flush(LONG), Ok(()), "{:?}", to_one.notes());
    mixed.clickhouse.whenever(|request| is_insert(request) && rows_of(request) > 3, Behaviour::Status(413));
    assert_eq!(to_both.flush(LONG), Ok(()), "{:?}", to_both.notes());
    assert_eq!(rows(&mixed.pad), ["sent"; 10].join(","));
}

#[test]
fn what_one_destination_is_left_alone_with_does_not_wait_for_that_elsewhere() {
    for is_another_run in [false, true] {
        let mixed = Mixed::new();
        let mut pipeline = mixed.to_both(7);
        mixed.clickhouse.forgive();
        obliging(&mixed.clickhouse);
        let is_poisoned = |request: &Request| String::from_utf8_lossy(&request.raw).contains("poison");
        mixed.clickhouse.whenever(is_poisoned, said(500, "Code: 1000. DB::Exception: POCO."));
        mixed.clickhouse.afterwards(nothing());
        mixed.collector.then([Behaviour::RetryAfter(503, 1_500)]);
        log(&pipeline, || tracing::info!("first"));
        let _ = pipeline.flush(LONG);
        log(&pipeline, || tracing::info!("poison"));
        let _ = pipeline.flush(LONG);
        // ClickHouse takes others after each failure, and is asked more and more rarely: at last after 640 seconds.
        for _ in 0..9 {
            log(&pipeline, || tracing::info!("other"));
            let _ = pipeline.flush(LONG);
            mixed.clock.advance(Duration::from_secs(161));
        }
        if is_another_run {
            let _ = pipeline.shutdown(LONG);
            pipeline = mixed.to_collector(8);
        }
        mixed.clock.advance(Duration::from_secs(60));
        let asked = mixed.clickhouse.requests().iter().filter(|request| is_poisoned(request)).count();
        assert_eq!(pipeline.flush(LONG).is_ok(), is_another_run, "{:?}", pipeline.notes());
        assert!(bodies(&mixed.collector).contains(&"poison".to_owned()), "{is_another_run}: {:?}", pipeline.notes());
        let asked_since = mixed.clickhouse.requests().iter().filter(|request| is_poisoned(request)).count() - asked;
        assert_eq!(asked_since, 0, "its time has not come");
    }
}
