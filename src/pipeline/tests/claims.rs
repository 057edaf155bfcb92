//! What is being sent is in nobody else's hands, however long it takes and whatever the clock does.

use std::sync::Arc;

use super::two_destinations::{clickhouse, described, nothing};
use super::*;
use crate::export::BreakerState;
use crate::export::receiver::Behaviour;
use crate::record::claim::{Lease, Routes};

fn bodies(receiver: &Receiver) -> Vec<String> {
    receiver.logs().into_iter().filter_map(|log| log.body).collect()
}

#[test]
fn a_load_of_many_inserts_stays_claimed_until_the_last_of_them_is_answered() {
    let (clickhouse, pad, clock) = (Receiver::start(), Scratchpad::new(), Clock::manual("2026-11-21T12:00:00Z"));
    let parts = parts(Policy::standard(), vec![self::clickhouse(&clickhouse)], Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    // An insert takes a hundred rows at most while this is tested.
    log(&pipeline, || (0..350).for_each(|n| tracing::info!("record {n}")));
    assert_eq!(pipeline.store(LONG), Ok(()));
    let receivers = [("127.0.0.1".to_owned(), 2)];
    let other = Mutex::new(pad.place().for_hosts(receivers).open(9).unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let (shared, all) = (Arc::clone(&pipeline.0.shared), Arc::clone(&taken));
    // Each answer is slow, and somebody else is waiting.
    clickhouse.whenever(
        move |_| {
            clock.advance(Duration::from_secs(40));
            let routes = Routes { logs: 2, spans: 2, all: 2 };
            let now = shared.now_seconds();
            let lease = Lease { owner: 9, now, steady: now, length: LONG, routes };
            lock(&all).extend(lock(&other).claim(1000, u64::MAX, lease, i64::MAX).unwrap());
            false
        },
        Behaviour::Ok,
    );
    clickhouse.then(described());
    clickhouse.afterwards(nothing());
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert!(lock(&taken).is_empty(), "{:?}", lock(&taken));
    assert_eq!((clickhouse.requests().len(), pipeline.counts().sent()), (6, 350));
}

#[test]
fn a_load_that_somebody_else_has_taken_between_two_inserts_goes_no_further() {
    let (clickhouse, pad) = (Receiver::start(), Scratchpad::new());
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let parts = parts(Policy::standard(), vec![self::clickhouse(&clickhouse)], Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    log(&pipeline, || (0..350).for_each(|n| tracing::info!("record {n}")));
    assert_eq!(pipeline.store(LONG), Ok(()));
    let database = Mutex::new(pad.database());
    clickhouse.whenever(
        move |request| {
            if request.path.contains("INSERT") {
                lock(&database).execute("UPDATE batches SET owner=9", []).unwrap();
                clock.advance(Duration::from_secs(10));
            }
            false
        },
        Behaviour::Ok,
    );
    clickhouse.then(described());
    clickhouse.afterwards(nothing());
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    assert_eq!(clickhouse.requests().len(), 3, "two questions and an insert");
    assert_eq!((pipeline.counts().sent(), pipeline.counts().uploads_failed()), (0, 0));
    assert_eq!(pipeline.destinations()[0].1, BreakerState::Closed);
}

#[test]
fn while_the_store_cannot_say_whose_a_load_is_no_more_of_it_goes_out() {
    let (clickhouse, pad) = (Receiver::start(), Scratchpad::new());
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let parts = parts(Policy::standard(), vec![self::clickhouse(&clickhouse)], Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    log(&pipeline, || (0..350).for_each(|n| tracing::info!("record {n}")));
    assert_eq!(pipeline.store(LONG), Ok(()));
    let database = Arc::new(Mutex::new(pad.database()));
    let (locked, passing) = (Arc::clone(&database), clock.clone());
    clickhouse.whenever(
        move |request| {
            if request.path.contains("INSERT") {
                lock(&locked).execute_batch("BEGIN IMMEDIATE").unwrap();
                passing.advance(Duration::from_secs(61));
            }
            false
        },
        Behaviour::Ok,
    );
    clickhouse.then(described());
    clickhouse.afterwards(nothing());
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    assert_eq!((clickhouse.requests().len(), pipeline.counts().uploads_failed()), (3, 0));
    assert!(pipeline.notes().iter().all(|note| !note.contains("tried again: ")), "{:?}", pipeline.notes());
    lock(&database).execute_batch("COMMIT").unwrap();
    clickhouse.forgive();
    clock.advance(Duration::from_secs(120));
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert_eq!((clickhouse.requests().len(), pipeline.counts().sent()), (7, 350));
}

#[test]
fn a_calendar_that_is_set_forward_while_a_request_is_out_makes_nobody_send_the_same() {
    let (collector, pad) = (Receiver::start(), Scratchpad::new());
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let run = |run: u64| {
        let parts = parts(Policy::standard(), vec![super::collector(&collector)], Schedule::Manual, pad.place());
        Pipeline::start(Parts { run, clock: clock.clone(), ..parts }).unwrap()
    };
    let (one, other) = (run(7), run(8));
    log(&other, || tracing::info!("before"));
    assert_eq!(other.flush(LONG), Ok(()));
    collector.then([Behaviour::Trickle]);
    log(&one, || tracing::info!("slow"));
    let flushing = flushing(&one);
    assert!(collector.wait_for(2, LONG));
    clock.set("2026-11-24T12:00:00Z");
    log(&other, || tracing::info!("meanwhile"));
    assert_eq!(other.flush(LONG), Ok(()), "{:?}", other.notes());
    assert_eq!(flushing.join().unwrap(), Ok(()), "{:?}", one.notes());
    assert_eq!(bodies(&collector), ["before", "slow", "meanwhile"]);
    // What somebody left behind who is gone is not left alone for ever.
    let abandon = "UPDATE batches SET state='claimed', owner=9, claimed_until=1 WHERE id=(SELECT min(id) FROM batches)";
    pad.database().execute(abandon, []).unwrap();
    log(&other, || tracing::info!("afterwards"));
    clock.advance(Duration::from_secs(120));
    assert_eq!(other.flush(LONG), Ok(()), "{:?}", other.notes());
    assert_eq!(bodies(&collector)[3..], ["before", "afterwards"]);
}

#[test]
fn a_destination_is_asked_again_at_once_when_what_was_to_be_its_probe_is_in_other_hands() {
    let (collector, clickhouse, pad) = (Receiver::start(), Receiver::start(), Scratchpad::new());
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let receivers = vec![super::collector(&collector), self::clickhouse(&clickhouse)];
    let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    clickhouse.then([Behaviour::RetryAfter(503, 30)]);
    clickhouse.then(described());
    clickhouse.afterwards(nothing());
    log(&pipeline, || tracing::info!("first"));
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    clock.advance(Duration::from_secs(31));
    // While the first destination has it, somebody else takes it.
    let (database, passing) = (Mutex::new(pad.database()), clock.clone());
    collector.whenever(
        move |_| {
            lock(&database).execute("UPDATE batches SET owner=9, claimed_until=9999999999", []).unwrap();
            passing.advance(Duration::from_secs(3));
            false
        },
        Behaviour::Ok,
    );
    log(&pipeline, || tracing::info!("second"));
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    collector.forgive();
    pad.database().execute("UPDATE batches SET state='kept', owner=NULL, claimed_until=NULL", []).unwrap();
    log(&pipeline, || tracing::info!("third"));
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert!(clickhouse.requests().len() > 3);
}
