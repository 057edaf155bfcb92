//! A server for which a request is too large gets smaller ones at once.

use std::collections::BTreeMap;

use super::waiting::assert_adds_up;
use super::*;
use crate::export::receiver::{Behaviour, Request};

/// Takes three records at a time, and never a huge one.
fn small() -> Receiver {
    let receiver = Receiver::start();
    receiver.whenever(is_too_large, Behaviour::Status(413));
    receiver
}

fn bodies(request: &Request) -> Vec<String> {
    request.logs().into_iter().filter_map(|log| log.body).collect()
}

fn is_too_large(request: &Request) -> bool {
    let bodies = bodies(request);
    bodies.len() > 3 || bodies.iter().any(|body| body == "huge")
}

/// How often the receiver took each record.
fn taken(receiver: &Receiver) -> BTreeMap<String, u32> {
    let mut taken = BTreeMap::new();
    let requests = receiver.requests();
    let bodies = requests.iter().filter(|request| !is_too_large(request)).flat_map(bodies);
    bodies.for_each(|body| *taken.entry(body).or_default() += 1);
    taken
}

fn expected(records: usize) -> BTreeMap<String, u32> {
    (0..records).map(|n| (format!("record {n}"), 1)).collect()
}

fn log_beside_a_huge_one(pipeline: &Pipeline, records: usize) {
    log(pipeline, || {
        (0..records).for_each(|n| {
            tracing::info!("record {n}");
            if n == 8 {
                tracing::info!("huge");
            }
        });
    });
}

#[test]
fn it_is_halved_at_once_until_it_is_taken_and_what_is_too_large_alone_is_refused() {
    let pad = Scratchpad::new();
    for (schedule, place) in
        [(Schedule::Manual, pad.place()), (Schedule::Live, pad.place()), (Schedule::Manual, Place::memory())]
    {
        let receiver = small();
        let pipeline = blind(&receiver, schedule, place);
        log_beside_a_huge_one(&pipeline, 20);
        assert_eq!(pipeline.flush(LONG), Ok(()), "{schedule:?}: {:?}", pipeline.notes());
        assert_eq!(taken(&receiver), expected(20), "{schedule:?}");
        let counts = pipeline.counts();
        assert_adds_up(&counts);
        let found = (counts.sent(), counts.lost(Loss::Rejected), counts.dropped(), counts.stored());
        assert_eq!(found, (20, 1, 1, 0), "{counts} {:?}", pipeline.notes());
        assert!(pipeline.notes().iter().any(|note| note.contains("too large")), "{:?}", pipeline.notes());
        pipeline.clear().unwrap();
        let _ = pipeline.shutdown(LONG);
    }
}

#[test]
fn nobody_can_claim_a_half_before_all_of_it_is_there() {
    let (receiver, pad) = (small(), Scratchpad::new());
    let pipeline = blind(&receiver, Schedule::Manual, pad.place());
    for batch in 0..3 {
        log(&pipeline, || (0..4).for_each(|n| tracing::info!("record {}", 4 * batch + n)));
        assert_eq!(pipeline.store(LONG), Ok(()));
    }
    // Another process would take what is there, and the rest would go out under the same number later.
    let tripwire = "CREATE TRIGGER tripwire BEFORE UPDATE OF load ON batches
                    WHEN EXISTS(SELECT 1 FROM batches WHERE load = NEW.load AND state = 'kept')
                    BEGIN SELECT RAISE(ABORT, 'a part of it could be claimed'); END";
    pad.database().execute_batch(tripwire).unwrap();
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert_eq!(taken(&receiver), expected(12));
    assert_adds_up(&pipeline.counts());
    assert_eq!(pipeline.counts().sent(), 12);
}

#[cfg(feature = "clickhouse")]
#[test]
fn a_pass_that_has_nobody_to_ask_for_it_reads_nothing_and_says_so() {
    use super::two_destinations::{self, described};
    use crate::pipeline::agenda::Left;
    use crate::pipeline::uploader::{Task, Uploader};

    let (collector, clickhouse, pad) = (small(), Receiver::start(), Scratchpad::new());
    clickhouse.then(described());
    clickhouse.afterwards(Behaviour::RetryAfter(503, 30));
    let receivers = vec![patient(super::collector(&collector)), patient(two_destinations::clickhouse(&clickhouse))];
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    log_beside_a_huge_one(&pipeline, 20);
    assert_eq!(pipeline.store(LONG), Ok(()));
    let upload = pipeline.0.shared.upload.as_ref().unwrap();
    // On this thread, and when it is told to.
    let mut uploader = Uploader::new(&pipeline.0.shared, upload).unwrap();
    let mut pass = || {
        let waiting = lock(&upload.state).waiting;
        uploader.pass(&Task { asked: 0, waiting })
    };
    assert_eq!(pass(), Some(Left::Tried));
    let asked = (collector.requests().len(), clickhouse.requests().len());
    // Or it would be read, and let through the filter, each time, as long as ClickHouse wants to be left alone.
    assert_eq!((pass(), pass()), (Some(Left::Held), Some(Left::Held)));
    assert_eq!((collector.requests().len(), clickhouse.requests().len()), asked);
    clock.advance(Duration::from_secs(31));
    assert_eq!(pass(), Some(Left::Tried), "ClickHouse can be asked");
    assert!(clickhouse.requests().len() > asked.1);
}

#[cfg(feature = "clickhouse")]
#[test]
fn while_it_may_not_be_halved_nobody_is_asked_to_take_it_whole_and_nothing_is_given_up() {
    use super::two_destinations::{self, described, nothing};

    let (collector, clickhouse, pad) = (small(), Receiver::start(), Scratchpad::new());
    clickhouse.then(described());
    clickhouse.afterwards(Behaviour::RetryAfter(503, 30));
    let receivers = vec![patient(super::collector(&collector)), patient(two_destinations::clickhouse(&clickhouse))];
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    log_beside_a_huge_one(&pipeline, 20);
    // ClickHouse may have rows of the load under its token, so that it stays whole until that has it.
    let others = hourly(&pipeline, &clock, || clickhouse.requests().len() > 20);
    assert_eq!(collector.requests().iter().filter(|request| is_too_large(request)).count(), 1);
    assert_eq!(pipeline.counts().dropped(), 0, "{:?}", pipeline.notes());
    clickhouse.afterwards(nothing());
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    let mut at_collector = taken(&collector);
    assert_eq!(at_collector.remove("other"), Some(u32::try_from(others).unwrap()));
    assert_eq!(at_collector, expected(20));
    let counts = pipeline.counts();
    assert_adds_up(&counts);
    // ClickHouse has the huge one.
    assert_eq!((counts.sent(), counts.dropped()), (21 + others, 0), "{counts} {:?}", pipeline.notes());
}
