//! Promise: each record reaches each destination that it was kept for exactly once, or is counted as lost, whatever servers
//! answer, and however many processes with whatever destinations share the store, come, go and end in the middle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};

use super::waiting::assert_adds_up;
use super::*;
use crate::export::SdkDestination;
use crate::export::receiver::{Behaviour, Request};

/// Each is another history. What the threads of one make of it is not the same each time.
const SEEDS: [u64; 6] = [1, 2, 3, 5, 8, 13];
const STEPS: usize = 30;

/// How a destination is, until it is told otherwise. The exporter knows only the first two.
const WELL: usize = 0;
const DOWN: usize = 1;
const REFUSES: usize = 2;
const TAKES_ALL_BUT_ONE: usize = 3;
const CLOSED: usize = 4;
const FAILS: usize = 5;
const SMALL: usize = 6;
const MODES: u64 = 7;

/// What a destination has.
#[derive(Debug, Clone, Default)]
struct Ledger {
    mode: Arc<AtomicUsize>,
    taken: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<BTreeSet<String>>>,
}

impl Ledger {
    fn is(&self, mode: usize) -> bool {
        self.mode.load(Ordering::SeqCst) == mode
    }
}

impl LogExporter for Ledger {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let body = |text: String| text.split('"').nth(1).unwrap_or(&text).to_owned();
        let bodies: Vec<String> = batch.iter().map(|(record, _)| body(format!("{:?}", record.body()))).collect();
        if !self.is(WELL) {
            std::panic::resume_unwind(Box::new("broken"));
        }
        if bodies.iter().any(|body| body.contains("bad for the exporter")) {
            return Err(OTelSdkError::InternalFailure("bad".to_owned()));
        }
        lock(&self.taken).extend(bodies);
        Ok(())
    }
}

fn bodies(request: &Request) -> Vec<String> {
    request.logs().into_iter().filter_map(|log| log.body).collect()
}

/// Where the records of a run go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Both,
    BothInAnotherOrder,
    Collector,
    Exporter,
}

impl To {
    fn has_collector(self) -> bool {
        self != To::Exporter
    }

    fn has_exporter(self) -> bool {
        self != To::Collector
    }
}

struct World {
    collector: Receiver,
    at_collector: Ledger,
    at_exporter: Ledger,
    pad: Scratchpad,
    clock: Clock,
    runs: u64,
    /// What was logged, and for whom.
    logged: Vec<(String, To)>,
}

impl World {
    fn new() -> Self {
        let (collector, at_collector) = (Receiver::start(), Ledger::default());
        let rule = |is_so: fn(&Ledger, &[String]) -> bool, behaviour: Behaviour| {
            let ledger = at_collector.clone();
            collector.whenever(move |request| is_so(&ledger, &bodies(request)), behaviour);
        };
        let is_bad = |body: &String| body.contains("bad for the collector");
        collector.whenever(move |request| bodies(request).iter().any(is_bad), Behaviour::RetryAfter(500, 11));
        rule(|ledger, _| ledger.is(DOWN), Behaviour::RetryAfter(503, 30));
        rule(|ledger, _| ledger.is(CLOSED), Behaviour::Status(403));
        rule(|ledger, _| ledger.is(FAILS), Behaviour::RetryAfter(500, 11));
        rule(|ledger, bodies| ledger.is(SMALL) && bodies.len() > 7, Behaviour::Status(413));
        rule(
            |ledger, bodies| {
                let refuses = ledger.is(REFUSES);
                if refuses {
                    lock(&ledger.refused).extend(bodies.iter().cloned());
                }
                refuses
            },
            Behaviour::Status(400),
        );
        rule(
            |ledger, bodies| {
                lock(&ledger.taken).extend(bodies.iter().cloned());
                ledger.is(TAKES_ALL_BUT_ONE)
            },
            Behaviour::PartialSuccess { rejected: 1, message: String::new() },
        );
        let (pad, clock) = (Scratchpad::new(), Clock::manual("2026-11-21T12:00:00Z"));
        World { collector, at_collector, at_exporter: Ledger::default(), pad, clock, runs: 100, logged: Vec::new() }
    }

    fn start(&mut self, to: To, schedule: Schedule) -> Run {
        self.runs += 1;
        let place = usize::from(to == To::BothInAnotherOrder);
        let exporter = crate::export::Receiver::Sdk(SdkDestination::log_exporter(self.at_exporter.clone(), place));
        let mut collector = collector(&self.collector);
        if let crate::export::Receiver::Otlp { settings, .. } = &mut collector {
            // No claim runs out while somebody is in the middle of a request: here the clock is faster than the requests.
            settings.http.total_timeout = Duration::from_secs(3_600);
        }
        let receivers = match to {
            To::Both => vec![collector, exporter],
            To::BothInAnotherOrder => vec![exporter, collector],
            To::Collector => vec![collector],
            To::Exporter => vec![exporter],
        };
        let parts = parts(Policy::standard(), receivers, schedule, self.pad.place());
        let pipeline = Pipeline::start(Parts { run: self.runs, clock: self.clock.clone(), ..parts }).unwrap();
        Run { pipeline, to }
    }

    fn log(&mut self, run: &Run, count: usize, what: &str) {
        let from = self.logged.len();
        self.logged.extend((from..from + count).map(|n| (format!("{what} {n}"), run.to)));
        log(&run.pipeline, || (from..from + count).for_each(|n| tracing::info!("{what} {n}")));
        assert_eq!(run.pipeline.store(LONG), Ok(()));
    }

    /// Rows that wait, or that are there at all.
    fn rows(&self, and: &str) -> usize {
        let count = format!("SELECT coalesce(sum(rows), 0) FROM batches WHERE {and}");
        let rows: i64 = self.pad.database().query_row(&count, [], |row| row.get(0)).unwrap();
        usize::try_from(rows).unwrap()
    }
}

/// What stands for a process.
struct Run {
    pipeline: Pipeline,
    to: To,
}

impl Run {
    fn end(self, deadline: Duration) {
        let _ = self.pipeline.shutdown(deadline);
        let shared = Arc::clone(&self.pipeline.0.shared);
        drop(self);
        // Its threads, which may be in the middle of something.
        while Arc::strong_count(&shared) > 1 {
            std::thread::yield_now();
        }
        if deadline > Duration::ZERO {
            assert_adds_up(&shared.queue.counters.snapshot());
        }
    }
}

/// Xorshift, which is the same everywhere.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % end
    }
}

#[test]
fn each_record_reaches_each_destination_that_it_was_kept_for_exactly_once_or_is_counted() {
    for seed in SEEDS {
        let mut draws = Draws(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut world = World::new();
        let mut trail = vec![format!("seed {seed}")];
        let mut alive = vec![world.start(To::Both, Schedule::Manual)];
        for _ in 0..STEPS {
            let which = draws.below(alive.len() as u64) as usize;
            match draws.below(15) {
                0..5 => {
                    let (what, count) = match draws.below(14) {
                        0 => ("bad for the collector", 1),
                        1 => ("bad for the exporter", 1),
                        _ => ("record", 1 + draws.below(60) as usize),
                    };
                    trail.push(format!("{which} logs {count} {what}"));
                    world.log(&alive[which], count, what);
                }
                5..9 => trail.push(format!("{which} flushes: {:?}", alive[which].pipeline.flush(LONG))),
                9..11 => {
                    let (mode, is_collector) = (draws.below(MODES) as usize, draws.below(3) > 0);
                    let ledger = if is_collector { &world.at_collector } else { &world.at_exporter };
                    ledger.mode.store(mode, Ordering::SeqCst);
                    trail.push(format!("mode {mode} of the collector: {is_collector}"));
                }
                11 => {
                    let time = [1, 20, 70][draws.below(3) as usize];
                    world.clock.advance(Duration::from_secs(time));
                    trail.push(format!("{time} s pass"));
                }
                12..14 if alive.len() < 4 => {
                    let to = [To::Both, To::BothInAnotherOrder, To::Collector, To::Exporter][draws.below(4) as usize];
                    // An exporter alone has a short claim.
                    let is_live = draws.below(2) == 0 && to != To::Exporter;
                    trail.push(format!("{to:?} start, live: {is_live}"));
                    alive.push(world.start(to, if is_live { Schedule::Live } else { Schedule::Manual }));
                }
                _ if alive.len() > 1 => {
                    let deadline = [LONG, Duration::ZERO][draws.below(2) as usize];
                    trail.push(format!("{which} ends within {deadline:?}"));
                    alive.remove(which).end(deadline);
                }
                _ => {}
            }
        }
        alive.into_iter().for_each(|run| run.end(LONG));
        // All is well from here on.
        world.at_collector.mode.store(WELL, Ordering::SeqCst);
        world.at_exporter.mode.store(WELL, Ordering::SeqCst);
        let last = world.start(To::Both, Schedule::Manual);
        let mut rounds = 0;
        while rounds == 0 || world.rows("state IN ('kept','claimed')") > 0 {
            world.clock.advance(Duration::from_secs(4_000));
            world.log(&last, 1, "other");
            let _ = last.pipeline.flush(LONG);
            rounds += 1;
            assert!(rounds < 60, "{} rows wait: {trail:#?} {:?}", world.rows("true"), last.pipeline.notes());
        }
        let notes = last.pipeline.notes();
        last.end(LONG);
        assert_eq!(world.rows("true"), world.logged.len(), "a record is nowhere: {trail:#?} {notes:?}");
        for (name, ledger, is_for) in [
            ("collector", &world.at_collector, To::has_collector as fn(To) -> bool),
            ("exporter", &world.at_exporter, To::has_exporter),
        ] {
            let mut times: BTreeMap<String, usize> = BTreeMap::new();
            lock(&ledger.taken).iter().for_each(|body| *times.entry(body.clone()).or_default() += 1);
            let refused = lock(&ledger.refused);
            for (body, to) in &world.logged {
                let is_counted = refused.contains(body) || body.contains(&format!("bad for the {name}"));
                let expected = usize::from(is_for(*to) && !is_counted);
                let found = times.get(body).copied().unwrap_or(0);
                assert_eq!(found, expected, "the {name}, {body}, kept for {to:?}: {trail:#?} {notes:?}");
            }
        }
    }
}
