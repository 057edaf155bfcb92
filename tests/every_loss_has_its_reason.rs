//! Promise 4: every record that is lost is counted under the reason why, also those that were stored before they were lost.
//! Here are the reasons that only time, or another hand on the file, brings about.

#![cfg(all(feature = "otlp", feature = "store"))]

#[path = "support/receiver.rs"]
mod receiver;
mod support;

use std::time::Duration;

use receiver::Receiver;
use support::{LONG, TempDir, alone, settle, stored};
use tracing::dispatcher::with_default;
use tracing_privacy::{Clock, Counts, Environment, Loss, Schedule, Telemetry, app};

/// Telemetry that sends when it is told to, in such a home, by such a clock.
fn start(directory: &TempDir, receiver: &Receiver, clock: &Clock) -> Telemetry {
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(directory.path());
    let builder = Telemetry::builder(app!("acme")).environment(environment.clock(clock.clone()));
    builder.otlp(receiver.url()).schedule(Schedule::Manual).start().expect("the settings are right")
}

fn log(telemetry: &Telemetry, records: usize) {
    with_default(&alone(telemetry), || (0..records).for_each(|number| tracing::info!(number, "order placed")));
}

/// Records lost for this reason, and for no other.
#[track_caller]
fn lost_only(telemetry: &Telemetry, reason: Loss, records: u64) -> Counts {
    let counts = *telemetry.status().counts();
    assert_eq!((counts.lost(reason), counts.dropped()), (records, records), "{}", telemetry.status());
    counts
}

/// The store's file, opened by somebody else.
fn other_hand(telemetry: &Telemetry) -> rusqlite::Connection {
    let path = telemetry.status().store().expect("it is on disk").to_owned();
    let other = rusqlite::Connection::open(path).expect("it is a database");
    other.busy_timeout(LONG).expect("it can wait");
    other
}

#[test]
fn what_is_too_old_to_be_kept_has_expired() {
    let (receiver, directory) = (Receiver::start(), TempDir::new("expired"));
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let telemetry = start(&directory, &receiver, &clock);
    log(&telemetry, 5);
    stored(&telemetry, 5);
    // 30 days are kept.
    clock.advance(Duration::from_secs(29 * 86_400));
    log(&telemetry, 2);
    stored(&telemetry, 7);
    lost_only(&telemetry, Loss::Expired, 0);
    clock.advance(Duration::from_secs(2 * 86_400));
    log(&telemetry, 1);
    settle(&telemetry);
    let counts = lost_only(&telemetry, Loss::Expired, 5);
    assert_eq!((counts.sent(), receiver.logs().len()), (3, 3), "{counts}");
}

#[test]
fn what_somebody_wrote_into_the_file_is_not_let_in_again() {
    let (receiver, directory) = (Receiver::start(), TempDir::new("not-readmitted"));
    let telemetry = start(&directory, &receiver, &Clock::manual("2026-11-21T12:00:00Z"));
    log(&telemetry, 5);
    stored(&telemetry, 5);
    let other = other_hand(&telemetry);
    // The last one is a record still: it goes through the filter, and out without what was written into it.
    for (seq, edited) in [
        (1, "json_remove(json, '$.kind')"),
        (2, r#"'{"kind":"log"}'"#),
        (3, "json_set(json, '$.attributes.number', 'jane@mail.example')"),
    ] {
        let change = format!("UPDATE lines SET json = {edited} WHERE seq = (SELECT min(seq) FROM lines) + ?1");
        assert_eq!(other.execute(&change, [seq]), Ok(1));
    }
    settle(&telemetry);
    let counts = lost_only(&telemetry, Loss::NotReadmitted, 2);
    assert_eq!((counts.sent(), receiver.logs().len()), (3, 3), "{counts}");
    let received = format!("{:?}", receiver.logs());
    assert!(received.contains("[EMAIL]") && !received.contains("jane"), "{received}");
}
