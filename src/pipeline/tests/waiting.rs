//! What happens to records between the store and the server: places that change, rows that vanish, counts that stay true.

use super::*;
use crate::export::receiver::{Behaviour, Value};
use crate::pipeline::load::Step;

const FILES: [&str; 3] = ["telemetry.db-wal", "telemetry.db-shm", "telemetry.db"];

fn bodies(receiver: &Receiver) -> Vec<String> {
    receiver.logs().into_iter().filter_map(|log| log.body).collect()
}

pub(super) fn assert_adds_up(counts: &Counts) {
    let parts = counts.sent() + counts.stored() + counts.dropped() + counts.pending();
    assert_eq!(counts.produced(), parts, "{counts}");
}

impl Scratchpad {
    pub(super) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.0.join("telemetry.db")).unwrap()
    }
}

#[test]
fn records_in_memory_are_not_taken_for_those_of_another_process_on_disk() {
    use std::os::unix::fs::PermissionsExt;
    let (receiver, others) = (Receiver::start(), Receiver::start());
    let pad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    log(&pipeline, || tracing::info!("first"));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    // From here on the worker has no disk; the uploader is running.
    std::fs::remove_dir_all(&pad.0).unwrap();
    log(&pipeline, || tracing::info!("lost"));
    let _ = pipeline.store(LONG);
    assert!(matches!(pipeline.place(), Place::Memory(_)), "{:?}", pipeline.notes());
    // Another process makes the directory again.
    std::fs::create_dir(&pad.0).unwrap();
    std::fs::set_permissions(&pad.0, std::fs::Permissions::from_mode(0o700)).unwrap();
    let other = blind_run(&others, Schedule::Manual, pad.place(), 9);
    for _ in 0..4 {
        log(&other, || tracing::info!("of the other process"));
        assert_eq!(other.store(LONG), Ok(()));
    }
    for _ in 0..3 {
        log(&pipeline, || tracing::info!("in memory"));
        assert_eq!(pipeline.store(LONG), Ok(()));
    }
    assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
    assert_eq!(bodies(&receiver), ["first", "in memory", "in memory", "in memory"]);
    assert_adds_up(&pipeline.counts());
    assert_eq!((pipeline.counts().sent(), pipeline.counts().stored()), (4, 0));
    assert_eq!(other.flush(LONG), Ok(()));
    assert_eq!(bodies(&others).len(), 4);
}

#[test]
fn records_of_a_file_that_was_removed_are_not_sent() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    log(&pipeline, || tracing::info!("deleted by the user"));
    assert_eq!(pipeline.store(LONG), Ok(()));
    for name in FILES {
        let _ = std::fs::remove_file(pad.0.join(name));
    }
    log(&pipeline, || tracing::info!("after"));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert_eq!(bodies(&receiver), ["after"]);
}

/// A pipeline whose one record the server took while the store could not be told.
fn delivered_behind_a_locked_store(receiver: &Receiver, pad: &Scratchpad) -> Pipeline {
    let pipeline = blind(receiver, Schedule::Live, pad.place());
    // Claims at once, is answered late: in between the store is locked.
    receiver.then([Behaviour::Trickle]);
    log(&pipeline, || tracing::info!("counted"));
    let flushing = flushing(&pipeline);
    assert!(receiver.wait_for(1, LONG));
    let database = pad.database();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(flushing.join().unwrap(), Err(Unfinished::Upload), "{:?}", pipeline.notes());
    database.execute_batch("COMMIT").unwrap();
    pipeline
}

#[test]
fn what_was_delivered_and_cleared_before_that_could_be_noted_is_counted_once() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = delivered_behind_a_locked_store(&receiver, &pad);
    assert_eq!((pipeline.counts().sent(), pipeline.counts().stored()), (0, 1));
    assert_eq!(pipeline.clear().unwrap(), 1);
    let _ = pipeline.flush(LONG);
    assert_eq!((pipeline.counts().sent(), pipeline.counts().lost(Loss::Cleared)), (0, 1));
    assert_adds_up(&pipeline.counts());
}

#[test]
fn what_was_delivered_is_counted_as_sent_once_that_can_be_noted() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = delivered_behind_a_locked_store(&receiver, &pad);
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert_eq!((receiver.requests().len(), pipeline.counts().sent()), (1, 1));
    assert_adds_up(&pipeline.counts());
}

#[test]
fn what_was_cleared_between_two_tries_is_not_sent_again() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    for place in [pad.place(), Place::memory()] {
        let before = receiver.requests().len();
        let pipeline = blind(&receiver, Schedule::Live, place);
        receiver.then([Behaviour::Status(503)]);
        log(&pipeline, || tracing::info!("regretted"));
        let flushing = flushing(&pipeline);
        assert!(receiver.wait_for(before + 1, LONG));
        assert_eq!(pipeline.clear().unwrap(), 1);
        assert_eq!(flushing.join().unwrap(), Ok(()), "nothing is left to be sent");
        assert_eq!((receiver.requests().len() - before, pipeline.counts().sent()), (1, 0));
        assert_eq!(pipeline.counts().lost(Loss::Cleared), 1);
        assert_adds_up(&pipeline.counts());
    }
}

#[test]
fn what_earlier_runs_lose_unsent_is_told_by_the_run_that_sees_it() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    let place = || Place::Disk {
        directory: pad.0.clone(),
        limits: Limits { records: 10, ..Limits::default() },
        hosts: Hosts::default(),
    };
    let run = |run: u64| {
        let pipeline = blind_run(&receiver, Schedule::Manual, place(), run);
        log(&pipeline, || (0..8).for_each(|n| tracing::info!("{n}")));
        assert_eq!(pipeline.store(LONG), Ok(()));
        pipeline.notes()
    };
    let gone = |why: &str| format!("records of other runs were deleted unsent: {why}");
    assert_eq!(run(7), [] as [String; 0]);
    assert_eq!(run(8), [gone("the store was full")]);
    let store = rusqlite::Connection::open(pad.0.join("telemetry.db")).unwrap();
    assert!(store.execute("UPDATE batches SET day = day - 40", []).unwrap() > 0);
    assert_eq!(run(9), [gone("they were older than 30 days")]);
    assert_eq!(run(9), [] as [String; 0], "its own are counted");
}

#[test]
fn rows_that_made_room_are_not_sent_from_memory() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let limits = Limits { records: 10, ..Limits::default() };
    let place = Place::Disk { directory: pad.0.clone(), limits, hosts: Hosts::default() };
    let pipeline = blind(&receiver, Schedule::Live, place);
    log(&pipeline, || (0..8).for_each(|n| tracing::info!("a {n}")));
    assert_eq!(pipeline.store(LONG), Ok(()));
    log(&pipeline, || (0..8).for_each(|n| tracing::info!("b {n}")));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    let mut sent = bodies(&receiver);
    sent.sort();
    assert_eq!(sent, ["a 6", "a 7", "b 0", "b 1", "b 2", "b 3", "b 4", "b 5", "b 6", "b 7"]);
    let counts = pipeline.counts();
    assert_eq!((counts.sent(), counts.logs_taken(), counts.lost(Loss::StoreFull)), (10, 10, 6));
    assert_adds_up(&counts);
}

#[test]
fn a_row_that_was_deleted_by_hand_is_not_sent() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    log(&pipeline, || {
        tracing::info!("embarrassing");
        tracing::info!("fine");
    });
    assert_eq!(pipeline.store(LONG), Ok(()));
    assert_eq!(pad.database().execute("DELETE FROM lines WHERE json LIKE '%embarrassing%'", []).unwrap(), 1);
    let _ = pipeline.flush(LONG);
    assert_eq!(bodies(&receiver), ["fine"]);
}

#[test]
fn a_flush_sends_this_runs_records_whoever_waits_before_them() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Manual, pad.place());
    assert_eq!(pipeline.store(LONG), Ok(()));
    let other = blind_run(&receiver, Schedule::Manual, pad.place(), 9);
    log(&other, || (0..1020).for_each(|n| tracing::info!("other {n}")));
    assert_eq!(other.store(LONG), Ok(()));
    log(&pipeline, || (0..10).for_each(|n| tracing::info!("mine {n}")));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert_eq!(bodies(&receiver).iter().filter(|body| body.starts_with("mine")).count(), 10);
    assert_eq!(pipeline.counts().sent(), 10);
}

#[test]
fn a_number_leaves_as_the_store_has_it_whichever_way_it_goes() {
    let sent = [Schedule::Live, Schedule::Manual].map(|schedule| {
        let receiver = Receiver::start();
        let pipeline = blind(&receiver, schedule, Place::memory());
        let numbers = [f64::NAN, f64::NEG_INFINITY, 0.1, -0.0, 1.0 / 3.0, 5e-324, 51.248_178_375_505_404, f64::MAX];
        log(&pipeline, || numbers.iter().for_each(|number| tracing::info!(ratio = number, "a number")));
        assert_eq!(pipeline.flush(LONG), Ok(()));
        let of = |log: &crate::export::receiver::Log| format!("{:?}", log.attributes.get("ratio"));
        (receiver.logs().iter().map(of).collect::<Vec<_>>(), receiver.logs()[0].attributes.get("ratio").cloned())
    });
    assert_eq!(sent[0], sent[1]);
    assert_eq!(sent[0].1, Some(Value::Str("NaN".to_owned())));
}

/// A chunk takes its memory however few records are in it: many threads with a record each are many chunks.
#[test]
fn chunks_are_kept_beside_their_rows_up_to_a_mebibyte() {
    for (threads, kept) in [(30, 30), (90, 0)] {
        let receiver = Receiver::start();
        let pad = Scratchpad::new();
        let pipeline = blind(&receiver, Schedule::Live, pad.place());
        assert_eq!(pipeline.store(LONG), Ok(()));
        // The worker waits for this before it sweeps, so that it sweeps all of them together.
        let commit = lock(&pipeline.0.shared.commit);
        // They live on: what a thread that ends leaves is handed over without the room it did not use.
        let logging = |n| {
            let thread = tracing_subscriber::registry().with(Writing(pipeline.clone(), Mutex::default()));
            let thread = tracing::Dispatch::new(thread);
            tracing::dispatcher::with_default(&thread, || tracing::info!("of thread {n}"));
            thread
        };
        let alive: Vec<_> = (0..threads).map(logging).collect();
        drop(commit);
        assert_eq!(pipeline.store(LONG), Ok(()));
        drop(alive);
        // Too few to be sent before five seconds have passed.
        assert_eq!(lock(&pipeline.0.shared.upload.as_ref().unwrap().lots).records(), kept, "{threads}");
        assert_eq!(pipeline.flush(LONG), Ok(()));
        assert_eq!((bodies(&receiver).len(), pipeline.counts().sent()), (threads, threads as u64));
        assert_adds_up(&pipeline.counts());
    }
}

#[test]
fn what_was_handed_over_is_not_read_back_although_more_is_stored_meanwhile() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    // Whoever reads a row back panics over it, and takes this away.
    *lock(&pipeline.0.shared.breaks) = Some(Step::Readmit);
    for _ in 0..30 {
        log(&pipeline, || (0..150).for_each(|n| tracing::info!("record {n}")));
        assert_eq!(pipeline.store(LONG), Ok(()));
    }
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert_eq!(pipeline.counts().sent(), 4500);
    assert_eq!(*lock(&pipeline.0.shared.breaks), Some(Step::Readmit));
}

#[test]
fn what_a_server_goes_on_failing_on_does_not_keep_back_what_is_new() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let parts = parts(Policy::standard(), vec![collector(&receiver)], Schedule::Live, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    receiver.afterwards(Behaviour::Status(503));
    log(&pipeline, || tracing::info!("poison"));
    for _ in 0..2 {
        // From the worker, and then from the store.
        clock.advance(Duration::from_secs(600));
        assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    }
    let tries = receiver.requests().len();
    log(&pipeline, || tracing::info!("new"));
    clock.advance(Duration::from_secs(600));
    let _ = pipeline.flush(LONG);
    let next = receiver.requests()[tries..].first().map(|request| request.logs()[0].body.clone());
    assert_eq!(next, Some(Some("new".to_owned())), "{}", pipeline.counts());
}

#[test]
fn what_a_server_fails_at_for_ever_is_found_and_given_up_wherever_it_waits() {
    let pad = Scratchpad::new();
    for (schedule, place) in
        [(Schedule::Live, pad.place()), (Schedule::Live, Place::memory()), (Schedule::Manual, Place::memory())]
    {
        let receiver = Receiver::start();
        let is_poison = |request: &crate::export::receiver::Request| {
            request.logs().iter().any(|log| log.body.as_deref() == Some("poison"))
        };
        receiver.whenever(is_poison, Behaviour::Status(500));
        let clock = Clock::manual("2026-11-21T12:00:00Z");
        let parts = parts(Policy::standard(), vec![collector(&receiver)], schedule, place);
        let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
        log(&pipeline, || ["one", "poison", "two", "three"].iter().for_each(|body| tracing::info!("{body}")));
        let others = hourly(&pipeline, &clock, || pipeline.counts().lost(Loss::GivenUp) > 0);
        assert_eq!(pipeline.flush(LONG), Ok(()));
        let counts = pipeline.counts();
        assert_adds_up(&counts);
        assert_eq!((counts.sent(), counts.dropped(), counts.stored()), (3 + others, 1, 0), "{counts}");
        let requests = receiver.requests().into_iter().filter(|request| !is_poison(request));
        let mut taken: Vec<_> = requests.flat_map(|request| request.logs()).filter_map(|log| log.body).collect();
        taken.retain(|body| body != "other");
        taken.sort();
        assert_eq!(taken, ["one", "three", "two"]);
    }
}

#[test]
fn a_server_that_took_nothing_since_it_failed_at_a_suspect_is_not_asked_for_ever() {
    for status in [500, 403] {
        let (receiver, pad) = (Receiver::start(), Scratchpad::new());
        receiver.whenever(
            |request| request.logs().iter().any(|log| log.body.as_deref() == Some("poison")),
            Behaviour::Status(status),
        );
        let clock = Clock::manual("2026-11-21T12:00:00Z");
        let parts = parts(Policy::standard(), vec![collector(&receiver)], Schedule::Manual, pad.place());
        let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
        for body in ["poison", "other"] {
            log(&pipeline, || tracing::info!("{body}"));
            let _ = pipeline.flush(LONG);
            clock.advance(Duration::from_secs(60));
        }
        assert_eq!((pipeline.counts().sent(), pipeline.counts().stored()), (1, 1), "{status}");
        let asked = |passes: usize| {
            let before = receiver.requests().len();
            (0..passes).for_each(|_| assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload)));
            receiver.requests().len() - before
        };
        assert_eq!(asked(20), 5, "{status}: one try in a pass, until the breaker opens");
        for _ in 0..3 {
            clock.advance(Duration::from_secs(60));
            assert_eq!(asked(20), 1, "{status}: a probe");
        }
        // What is new goes first, and shows that the server is there.
        clock.advance(Duration::from_secs(60));
        log(&pipeline, || tracing::info!("new"));
        let _ = pipeline.flush(LONG);
        assert_eq!(pipeline.counts().sent(), 2, "{status}: {:?}", pipeline.notes());
    }
}

#[test]
fn a_flush_ends_although_more_is_logged_than_sent_and_one_waits_that_the_server_fails_at() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    receiver.whenever(
        |request| request.logs().iter().any(|log| log.body.as_deref() == Some("poison")),
        Behaviour::Status(500),
    );
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    log(&pipeline, || tracing::info!("poison"));
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Upload));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let logging = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                log(&pipeline, || (0..100).for_each(|n| tracing::info!("more {n}")));
                let _ = pipeline.store(LONG);
            }
        });
        while pipeline.counts().produced() < 1_000 {
            std::thread::yield_now();
        }
        let flushed = pipeline.flush(LONG);
        let is_done = {
            let state = lock(&pipeline.0.shared.upload.as_ref().unwrap().state);
            state.done >= state.asked
        };
        is_over.store(true, Ordering::SeqCst);
        logging.join().unwrap();
        assert_eq!(flushed, Err(Unfinished::Upload), "the one waits");
        assert!(is_done, "it ended by itself, and not by its deadline");
    });
}

#[test]
fn nothing_is_kept_for_an_uploader_that_was_stopped() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    log(&pipeline, || tracing::info!("one"));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    pipeline.stop_uploading();
    log(&pipeline, || (0..300).for_each(|n| tracing::info!("for nobody {n}")));
    assert_eq!(pipeline.store(LONG), Ok(()));
    assert_eq!(lock(&pipeline.0.shared.upload.as_ref().unwrap().lots).records(), 0);
}

#[test]
fn a_defect_leaves_no_byte_in_the_files_of_the_store() {
    let receiver = Receiver::start();
    let pad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Live, pad.place());
    log(&pipeline, || tracing::info!("by {CANARY}"));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert_eq!(pipeline.counts().lost(Loss::Defect), 1);
    for name in FILES {
        let bytes = std::fs::read(pad.0.join(name)).unwrap_or_default();
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{name}");
    }
}

#[test]
fn records_wait_for_as_many_as_were_asked_for_and_no_longer() {
    const NEVER: Duration = Duration::from_secs(86_400);
    let start = |records, interval| {
        let (receiver, pad) = (Receiver::start(), Scratchpad::new());
        let mut parts = parts(Policy::standard(), vec![collector(&receiver)], Schedule::Live, pad.place());
        parts.destination.as_mut().unwrap().tuning = Tuning { records, interval };
        (Pipeline::start(parts).unwrap(), receiver, pad)
    };
    let stored = |pipeline: &Pipeline, records: usize| {
        log(pipeline, || (0..records).for_each(|number| tracing::info!(number, "waits")));
        assert_eq!(pipeline.store(LONG), Ok(()));
    };
    // Three times four are twelve, which go out as one.
    let (pipeline, receiver, _pad) = start(12, NEVER);
    (0..3).for_each(|_| stored(&pipeline, 4));
    assert!(receiver.wait_for_records(12, LONG));
    assert_eq!(receiver.requests().len(), 1);
    // Who waits no time is there before who waits for ever, and began earlier.
    let (patient, waits, _pad) = start(12, NEVER);
    let (hasty, comes, _other_pad) = start(12, Duration::ZERO);
    stored(&patient, 1);
    stored(&hasty, 1);
    assert!(comes.wait_for_records(1, LONG));
    assert_eq!(waits.requests().len(), 0);
    assert_eq!(patient.flush(LONG), Ok(()));
    assert_eq!(waits.logs().len(), 1);
}

#[test]
fn a_client_is_made_before_a_withdrawal_would_have_to_wait_for_it() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    let pipeline = blind(&receiver, Schedule::Manual, pad.place());
    let shared = Arc::clone(&pipeline.0.shared);
    log(&pipeline, || tracing::info!("one"));
    assert_eq!(pipeline.store(LONG), Ok(()));
    // Nothing can be sent as long as this is held, and what a withdrawal waits for is this.
    let sending = lock(&shared.upload.as_ref().unwrap().sending);
    *lock(&shared.breaks) = Some(Step::Prepare);
    let flushing = flushing(&pipeline);
    let end = Instant::now() + LONG;
    while lock(&shared.breaks).is_some() && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(*lock(&shared.breaks), None, "it was not made");
    drop(sending);
    // That it panicked cost one try.
    assert_eq!((flushing.join().unwrap(), pipeline.counts().sent()), (Ok(()), 1), "{:?}", pipeline.notes());
    assert_eq!(pipeline.counts().uploads_failed(), 1);
}
