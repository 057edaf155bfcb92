//! What is being sent is in nobody else's hands, however long it takes and whatever the clock does.

use std::sync::Arc;

use super::two_destinations::{clickhouse, described, nothing, obliging};
use super::*;
use crate::export::BreakerState;
use crate::export::receiver::Behaviour;
use crate::pipeline::uploader::{Task, Uploader};
use crate::record::claim::{Lease, Routes};

fn bodies(receiver: &Receiver) -> Vec<String> {
    receiver.logs().into_iter().filter_map(|log| log.body).collect()
}

/// A pipeline with this many records in its store, which go to ClickHouse by inserts of a hundred each while this is tested, and
/// the clock that it goes by.
fn storing(records: usize, clickhouse: &Receiver, pad: &Scratchpad) -> (Pipeline, Clock) {
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let parts = parts(Policy::standard(), vec![patient(self::clickhouse(clickhouse))], Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    log(&pipeline, || (0..records).for_each(|n| tracing::info!("record {n}")));
    assert_eq!(pipeline.store(LONG), Ok(()));
    (pipeline, clock)
}

#[test]
fn a_load_of_many_inserts_stays_claimed_until_the_last_of_them_is_answered() {
    let (clickhouse, pad) = (Receiver::start(), Scratchpad::new());
    let (pipeline, clock) = storing(350, &clickhouse, &pad);
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
    let (pipeline, clock) = storing(350, &clickhouse, &pad);
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
    let (pipeline, clock) = storing(350, &clickhouse, &pad);
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
fn a_calendar_that_is_set_forward_does_not_end_the_claims_of_others() {
    let (collector, pad) = (Receiver::start(), Scratchpad::new());
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let parts = parts(Policy::standard(), vec![patient(super::collector(&collector))], Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    let (shared, upload) = (&pipeline.0.shared, pipeline.0.shared.upload.as_ref().unwrap());
    let store = |body: &str| {
        log(&pipeline, || tracing::info!("{body}"));
        assert_eq!(pipeline.store(LONG), Ok(()));
    };
    store("in the hands of another process");
    let mut other = pad.place().for_hosts([("127.0.0.1".to_owned(), 1)]).open(9).unwrap();
    let now = shared.now_seconds();
    let routes = Routes { logs: 1, spans: 1, all: 1 };
    let lease = Lease { owner: 9, now, steady: now, length: Duration::from_secs(65), routes };
    assert_eq!(other.claim(1000, u64::MAX, lease, i64::MAX).unwrap().len(), 1);
    // On this thread, and when it is told to.
    let mut uploader = Uploader::new(shared, upload).unwrap();
    let mut pass = || {
        let waiting = lock(&upload.state).waiting;
        let _ = uploader.pass(&Task { asked: 0, waiting });
    };
    clock.set("2026-11-24T12:00:00Z");
    store("first");
    pass();
    assert_eq!(bodies(&collector), ["first"]);
    // A claim that was made or renewed since counts as well.
    let now = shared.now_seconds();
    assert_eq!(other.renew(&claimed_batches(&pad), Lease { now, steady: now, ..lease }).unwrap().len(), 1);
    clock.advance(Duration::from_secs(60));
    store("second");
    pass();
    assert_eq!(bodies(&collector), ["first", "second"]);
    // Whoever is gone keeps nothing for ever.
    clock.advance(Duration::from_secs(20));
    pass();
    assert_eq!(bodies(&collector), ["first", "second", "in the hands of another process"]);
}

/// The batches that somebody has claimed.
fn claimed_batches(pad: &Scratchpad) -> Vec<i64> {
    let database = pad.database();
    let mut claimed = database.prepare("SELECT id FROM batches WHERE state='claimed'").unwrap();
    claimed.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_destination_is_asked_again_at_once_when_what_was_to_be_its_probe_is_in_other_hands() {
    let (clickhouse, pad) = (Receiver::start(), Scratchpad::new());
    let (pipeline, clock) = storing(1, &clickhouse, &pad);
    clickhouse.then(described());
    clickhouse.then([Behaviour::RetryAfter(503, 30)]);
    clickhouse.afterwards(nothing());
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    // So long after, its table is described anew, and while it is, somebody else takes the records.
    clock.advance(Duration::from_secs(3_601));
    let (database, passing) = (Mutex::new(pad.database()), clock.clone());
    clickhouse.forgive();
    clickhouse.whenever(
        move |_| {
            let steal = "UPDATE batches SET owner=9, claimed_until=claimed_until+3600 WHERE state='claimed'";
            lock(&database).execute(steal, []).unwrap();
            passing.advance(Duration::from_secs(3));
            false
        },
        Behaviour::Ok,
    );
    obliging(&clickhouse);
    let asked = clickhouse.requests().len();
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    assert_eq!(clickhouse.requests().len() - asked, 1, "one question, and no insert");
    assert_eq!(pipeline.destinations()[0].1, BreakerState::HalfOpen);
    clickhouse.forgive();
    obliging(&clickhouse);
    pad.database().execute("UPDATE batches SET state='kept', owner=NULL, claimed_until=NULL", []).unwrap();
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
}
