//! Two processes of one application with different destinations share a store: each record reaches all that it was kept for.

use opentelemetry_sdk::trace::InMemorySpanExporter;

use super::two_destinations::{clickhouse, described, nothing, said};
use super::waiting::assert_adds_up;
use super::*;
use crate::export::SdkDestination;
use crate::export::receiver::Behaviour;

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
        let suspects = to_one.0.shared.outbox().unwrap().suspects().unwrap();
        assert!(suspects.is_empty(), "{suspects:?}");
    }
    assert_eq!(rows(&pad), "kept,sent");
}
