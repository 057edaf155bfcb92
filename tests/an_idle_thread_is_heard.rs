//! Promise: what a thread logs is in the store within 200 ms, also when that thread never logs again and whatever other
//! threads do; and a flush is exact.
//!
//! Each latency has a wider bound than the promise, since test machines are shared and load can only add; the least of them
//! must keep it. What was measured is printed (`--nocapture`).

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use support::{Host, LONG, alone, await_that, on, records, settle};
use tracing::dispatcher::with_default;
use tracing_privacy::{Loss, Memory};

/// How long a record takes where nothing else is done.
const PROMISE: Duration = Duration::from_millis(200);
/// How often a record is given the chance to be as quick.
const ROUNDS: u64 = 100;
/// How long what is done again and again is done at most.
const A_WHILE: Duration = Duration::from_secs(5);

fn holds(memory: &Memory, text: &str) -> bool {
    memory.rows().iter().any(|row| row.as_str().contains(text))
}

#[test]
fn an_event_of_a_thread_that_then_blocks_is_stored() {
    for host in Host::ALL {
        let (telemetry, memory, _directory) = on("idle");
        let dispatch = alone(&telemetry);
        // The first record also waits for the store to be made.
        let mut least = LONG;
        let mut round = 0;
        while round < 4 || least >= PROMISE {
            assert!(round < ROUNDS, "{host:?}: {least:?}");
            let (release, blocked) = mpsc::channel::<()>();
            let (told, logged) = mpsc::channel();
            let dispatch = dispatch.clone();
            let thread = std::thread::spawn(move || {
                host.run(move || {
                    with_default(&dispatch, || tracing::info!(round, "before a long sleep"));
                    told.send(()).expect("the test is there");
                    // It blocks until the test lets it go.
                    let _ = blocked.recv();
                });
            });
            logged.recv().expect("the thread logs");
            let took = await_that(LONG, || telemetry.status().counts().stored() == round + 1);
            println!("{host:?}, round {round}: stored after {took:?}");
            least = least.min(took.expect("it is stored, although nobody logs anything more"));
            round += 1;
            assert_eq!(telemetry.records(usize::MAX >> 1).expect("the store is read").len(), memory.rows().len());
            drop(release);
            thread.join().expect("nothing panics");
        }
        settle(&telemetry);
        assert_eq!(records(&memory).len() as u64, round);
    }
}

#[test]
fn a_span_that_an_idle_thread_closed_last_is_stored() {
    let (telemetry, memory, _directory) = on("idle-span");
    let dispatch = alone(&telemetry);
    let is_in_time = |round| {
        let (release, blocked) = mpsc::channel::<()>();
        let dispatch = dispatch.clone();
        let thread = std::thread::spawn(move || {
            with_default(&dispatch, || drop(tracing::info_span!("last", round)));
            let _ = blocked.recv();
        });
        let took = await_that(LONG, || holds(&memory, &format!("\"round\":{round}}}")));
        println!("a span, round {round}: stored after {took:?}");
        drop(release);
        thread.join().expect("nothing panics");
        took.expect("it is stored, although nobody logs anything more") < PROMISE
    };
    assert!((0..ROUNDS).any(is_in_time), "not once");
    settle(&telemetry);
}

/// One thread logs faster than anything can store; another one says a single thing.
#[test]
fn a_quiet_thread_is_heard_beside_a_noisy_one() {
    let (telemetry, memory, _directory) = on("noise");
    let (dispatch, stop) = (alone(&telemetry), Arc::new(AtomicBool::new(false)));
    let noisy = {
        let (dispatch, stop) = (dispatch.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            with_default(&dispatch, || {
                while !stop.load(Ordering::Relaxed) {
                    tracing::info!(plan = "pro", tries = 3_u64, "noise");
                }
            });
        })
    };
    // The queue is full by now, for good.
    let overrun = await_that(A_WHILE, || telemetry.status().counts().lost(Loss::QueueFull) > 0);
    let (release, blocked) = mpsc::channel::<()>();
    let quiet = std::thread::spawn(move || {
        with_default(&dispatch, || tracing::info!("a word from the quiet one"));
        let _ = blocked.recv();
    });
    let took = await_that(LONG, || holds(&memory, "a word from the quiet one"));
    let flushed = telemetry.flush(LONG);
    stop.store(true, Ordering::Relaxed);
    drop(release);
    noisy.join().expect("nothing panics");
    quiet.join().expect("nothing panics");
    println!("beside noise that overran the queue after {overrun:?}: stored after {took:?}");
    // A full queue is worked off first: that takes its time, but it ends.
    assert!(took.is_some(), "the noise kept the quiet thread's record out: {}", telemetry.status().counts());
    assert_eq!(flushed, Ok(()), "a flush ends, whatever comes in meanwhile");
    settle(&telemetry);
}

#[test]
fn a_flush_holds_all_that_its_caller_logged_before() {
    for host in Host::ALL {
        let (telemetry, memory, _directory) = on("flush");
        let (dispatch, stop) = (alone(&telemetry), Arc::new(AtomicBool::new(false)));
        let telemetry = Arc::new(telemetry);
        // Another thread wakes the worker all the time, so that a flush meets sweeps that are half done.
        let busy = {
            let (dispatch, stop, telemetry) = (dispatch.clone(), Arc::clone(&stop), Arc::clone(&telemetry));
            std::thread::spawn(move || {
                with_default(&dispatch, || {
                    while !stop.load(Ordering::Relaxed) {
                        tracing::info!("busy");
                        let _ = telemetry.flush(LONG);
                    }
                });
            })
        };
        let missing = {
            let (telemetry, dispatch, memory) = (Arc::clone(&telemetry), dispatch.clone(), memory.clone());
            let start = Instant::now();
            host.run(move || {
                with_default(&dispatch, || {
                    (0..100_u64)
                        .take_while(|_| start.elapsed() < A_WHILE)
                        .filter(|round| {
                            tracing::info!("mark {round} of the round.");
                            telemetry.flush(LONG).expect("there is time enough");
                            !holds(&memory, &format!("mark {round} of the round."))
                        })
                        .count()
                })
            })
        };
        stop.store(true, Ordering::Relaxed);
        busy.join().expect("nothing panics");
        assert_eq!(missing, 0, "{host:?}: records that were not stored when their flush was done");
        settle(&telemetry);
    }
}

/// A thread that goes on logging while somebody flushes may swap its buffer in the middle of the sweep.
#[test]
fn a_flush_holds_what_a_thread_that_goes_on_logging_had_logged_before() {
    let (telemetry, memory, _directory) = on("flush-others");
    let (dispatch, stop, logged) = (alone(&telemetry), Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let others: Vec<_> = (0..2)
        .map(|_| {
            let (dispatch, stop, logged) = (dispatch.clone(), Arc::clone(&stop), Arc::clone(&logged));
            std::thread::spawn(move || {
                let long = "a long text that fills the thread's buffer soon ".repeat(15);
                with_default(&dispatch, || {
                    while !stop.load(Ordering::Relaxed) {
                        tracing::info!(long, "on and on");
                        logged.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_micros(20));
                    }
                });
            })
        })
        .collect();
    let start = Instant::now();
    let mut rounds = 0;
    // No more than a memory holds.
    while start.elapsed() < Duration::from_secs(2) && memory.rows().len() < 8_000 {
        let before = logged.load(Ordering::SeqCst);
        telemetry.flush(LONG).expect("there is time enough");
        let counts = *telemetry.status().counts();
        let known = counts.stored() + counts.dropped();
        assert!(known >= before, "round {rounds}: {before} were logged before the flush, {known} are accounted for");
        rounds += 1;
    }
    stop.store(true, Ordering::Relaxed);
    others.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
    settle(&telemetry);
    assert_eq!(telemetry.status().counts().produced(), logged.load(Ordering::SeqCst));
    println!("{rounds} flushes");
}
