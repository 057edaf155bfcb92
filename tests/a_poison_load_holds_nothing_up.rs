//! Promise 4, for records that one server fails at for ever while it takes all others: they hold nothing back, the record at
//! fault is found and given up, and counted, and the others arrive once. But a server that fails at everything costs no
//! record, however long.

#![cfg(feature = "otlp")]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use receiver::{Behaviour, Receiver, Request};
use tracing_privacy::{Clock, Loss, Schedule, Telemetry};
use tracing_subscriber::prelude::*;

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(60 * 60);

const POISON: &str = "an order that no server can bear";

/// A program that runs again and again at the same place.
struct Program {
    home: PathBuf,
    clock: Clock,
    receiver: Receiver,
}

impl Program {
    fn new(name: &str) -> Self {
        let clock = Clock::manual("2026-11-21T12:00:00Z");
        Program { home: home::home(&format!("poison-{name}")), clock, receiver: Receiver::start() }
    }

    fn start(&self) -> Telemetry {
        Telemetry::builder(tracing_privacy::app!("poison"))
            .environment(home::yes("POISON", &self.home).clock(self.clock.clone()))
            .targets("a_poison_load_holds_nothing_up=info")
            .otlp(self.receiver.url())
            .schedule(Schedule::Manual)
            .start()
            .expect("the settings are right")
    }

    /// Log records in the requests that were not answered by this rule, and how often each.
    fn taken(&self, is_refused: fn(&Request) -> bool) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        let requests = self.receiver.requests();
        for log in requests.iter().filter(|request| !is_refused(request)).flat_map(Request::logs) {
            *taken.entry(log.body.unwrap_or_default()).or_default() += 1;
        }
        taken
    }
}

fn log(telemetry: &Telemetry, body: &str) {
    within(telemetry, || tracing::info!("{body}"));
}

fn within(telemetry: &Telemetry, work: impl FnOnce()) {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), work);
}

fn is_poison(request: &Request) -> bool {
    request.logs().iter().any(|log| log.body.as_deref() == Some(POISON))
}

fn is_of_logs(request: &Request) -> bool {
    request.path.ends_with("/v1/logs")
}

#[track_caller]
fn balanced(telemetry: &Telemetry) {
    let counts = *telemetry.status().counts();
    let parts = counts.sent() + counts.stored() + counts.dropped() + counts.pending();
    assert_eq!(counts.produced(), parts, "the counts do not add up: {counts}");
}

#[test]
fn the_one_record_at_fault_is_found_and_given_up_and_the_others_arrive_once() {
    for (name, behaviour) in [
        ("fails", Behaviour::Status(500)),
        ("closes", Behaviour::CloseBeforeAnswer),
        ("asks-for-time", Behaviour::RetryAfter(503, 30)),
        // A firewall before the server that takes offence at what is in it.
        ("forbids", Behaviour::Status(403)),
    ] {
        let program = Program::new(name);
        program.receiver.whenever(is_poison, behaviour);
        let telemetry = program.start();
        within(&telemetry, || {
            for number in 0..40 {
                if number == 17 {
                    tracing::info!("{POISON}");
                }
                tracing::info!("order {number}");
            }
        });
        let mut passes = 0;
        while telemetry.status().counts().lost(Loss::GivenUp) == 0 {
            let later = format!("later order {passes}");
            let _ = telemetry.flush(LONG);
            log(&telemetry, &later);
            let _ = telemetry.flush(LONG);
            // Once something speaks against it, what is new does not even wait for a moment; but a server that asks for time gets it.
            if passes < 2 || name == "asks-for-time" {
                program.clock.advance(HOUR);
                let _ = telemetry.flush(LONG);
            }
            assert_eq!(program.taken(is_poison).get(&later), Some(&1), "{name} {passes}: {}", telemetry.status());
            program.clock.advance(HOUR);
            balanced(&telemetry);
            passes += 1;
            assert!(passes < 40, "{name}: {}", telemetry.status());
        }
        assert!(passes > 10, "{name}: not before ten rounds speak against it, and it was found: {passes}");
        telemetry.flush(LONG).unwrap_or_else(|error| panic!("{name} {error}: {}", telemetry.status()));
        let taken = program.taken(is_poison);
        assert_eq!(taken.len(), 40 + passes, "{name}: {taken:?}");
        assert!(taken.values().all(|times| *times == 1), "{name}: {taken:?}");
        let status = telemetry.status();
        let counts = status.counts();
        assert_eq!((counts.lost(Loss::GivenUp), counts.dropped(), counts.stored()), (1, 1, 0), "{name}: {status}");
        balanced(&telemetry);
        let note = status.notes().iter().find(|note| note.contains("given up")).expect("it is told").clone();
        assert!(note.contains(&program.receiver.url()) && note.contains("log"), "{name}: {note}");
        // It can be looked at, and is not sent again.
        let kept = telemetry.records(100).unwrap();
        assert_eq!(kept.iter().filter(|record| record.as_str().contains(POISON)).count(), 1, "{name}");
        let requests = program.receiver.requests().len();
        program.clock.advance(HOUR);
        telemetry.flush(LONG).unwrap();
        assert_eq!(program.receiver.requests().len(), requests, "{name}");
    }
}

#[test]
fn what_speaks_against_it_is_remembered_by_the_next_run() {
    let program = Program::new("runs");
    program.receiver.whenever(is_poison, Behaviour::Status(500));
    let first = program.start();
    log(&first, POISON);
    first.flush(LONG).unwrap_err();
    drop(first);
    let mut tries = program.receiver.requests().len();
    let mut runs = 0;
    loop {
        program.clock.advance(HOUR);
        let telemetry = program.start();
        let new = format!("order {runs}");
        log(&telemetry, &new);
        let _ = telemetry.flush(LONG);
        let requests = program.receiver.requests();
        assert_eq!(requests[tries].logs()[0].body.as_deref(), Some(new.as_str()), "what is new comes first");
        (runs, tries) = (runs + 1, requests.len());
        if telemetry.status().notes().iter().any(|note| note.contains("given up")) {
            let counts = *telemetry.status().counts();
            assert_eq!((counts.sent(), counts.dropped()), (1, 0), "another run lost it: {counts}");
            break;
        }
        assert!(runs < 20, "{}", telemetry.status());
    }
    assert_eq!(runs, 10, "each of them counts");
}

#[test]
fn a_server_that_fails_at_everything_costs_no_record_however_long() {
    let program = Program::new("down");
    program.receiver.afterwards(Behaviour::Status(500));
    let mut telemetry = program.start();
    let mut logged = 0;
    for round in 0..48 {
        // Few, so that each of them fails more often than a load may.
        if round % 16 == 0 {
            telemetry = program.start();
            for _ in 0..3 {
                log(&telemetry, &format!("order {logged}"));
                logged += 1;
            }
        }
        telemetry.flush(LONG).unwrap_err();
        program.clock.advance(HOUR / 2);
    }
    assert_eq!(telemetry.status().counts().dropped(), 0, "{}", telemetry.status());
    assert_eq!(telemetry.records(1000).unwrap().len(), logged);
    // And when it is back all of it arrives at once.
    program.receiver.afterwards(Behaviour::Ok);
    let tries = program.receiver.requests().len();
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    let arrived: Vec<_> = program.receiver.requests()[tries..].iter().flat_map(Request::logs).collect();
    assert_eq!(arrived.len(), logged);
}

#[test]
fn what_it_takes_of_another_kind_says_nothing() {
    let program = Program::new("kinds");
    program.receiver.whenever(is_of_logs, Behaviour::Status(500));
    let telemetry = program.start();
    // More often than a load may fail.
    for _ in 0..12 {
        within(&telemetry, || {
            let _order = tracing::info_span!("order").entered();
            tracing::info!("placed");
        });
        telemetry.flush(LONG).unwrap_err();
        program.clock.advance(HOUR);
        telemetry.flush(LONG).unwrap_err();
    }
    let status = telemetry.status();
    assert_eq!((status.counts().sent(), status.counts().dropped()), (12, 0), "{status}");
    assert!(!status.notes().iter().any(|note| note.contains("given up")), "{status}");
    program.receiver.forgive();
    program.clock.advance(HOUR);
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    balanced(&telemetry);
}
