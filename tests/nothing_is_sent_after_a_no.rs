//! Promise: a no that is written to a file while the program runs is heard before the next request, also by a program that
//! logs nothing any more.
#![cfg(feature = "otlp")]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::path::Path;
use std::time::{Duration, Instant};

use receiver::{Behaviour, Receiver};
use tracing::dispatcher::{Dispatch, with_default};
use tracing_privacy::{Schedule, Telemetry, app};
use tracing_subscriber::prelude::*;

const LONG: Duration = Duration::from_secs(30);

/// Telemetry that sends here, and has stored one record.
fn with_a_record(receiver: &Receiver, home: &Path, schedule: Schedule) -> Telemetry {
    let telemetry = Telemetry::builder(app!("acme"))
        .environment(home::yes("ACME", home))
        .otlp(receiver.url())
        .schedule(schedule)
        .start()
        .expect("the settings are right");
    let log = Dispatch::new(tracing_subscriber::registry().with(telemetry.layer()));
    with_default(&log, || tracing::info!("before"));
    telemetry
}

fn say_no(home: &Path) {
    std::fs::write(home.join(".acme-no-telemetry"), "").expect("a file can be written");
}

#[test]
fn a_flush_sends_nothing_that_was_stored_before_a_no() {
    let (receiver, home) = (Receiver::start(), home::home("no-before-flush"));
    let telemetry = with_a_record(&receiver, &home, Schedule::Manual);
    let until = Instant::now() + LONG;
    while telemetry.status().counts().stored() == 0 {
        assert!(Instant::now() < until, "{}", telemetry.status());
        std::thread::sleep(Duration::from_millis(5));
    }
    say_no(&home);
    telemetry.flush(LONG).expect_err("nothing more is sent");
    let status = telemetry.status();
    assert!(status.is_withdrawn() && receiver.connections() == 0, "{status}");
    assert_eq!(telemetry.records(10).expect("the store is there").len(), 1, "what was stored before stays");
}

#[test]
fn what_a_server_did_not_take_is_not_tried_again_after_a_no() {
    let (receiver, home) = (Receiver::always(Behaviour::said(503, "")), home::home("no-before-retry"));
    let telemetry = with_a_record(&receiver, &home, Schedule::Live);
    assert!(receiver.wait_for(1, LONG), "the control: it is sent while nobody objects");
    say_no(&home);
    let asked = receiver.requests().len();
    let until = Instant::now() + LONG;
    while !telemetry.status().is_withdrawn() {
        assert!(Instant::now() < until, "nobody has heard it: {}", telemetry.status());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(receiver.requests().len(), asked);
}

/// Into ClickHouse a load goes by many requests: tables are made, and looked at, before the rows come.
#[cfg(feature = "clickhouse")]
#[test]
fn a_no_between_two_requests_of_one_load_is_heard() {
    let (receiver, home) = (Receiver::start(), home::home("no-between-requests"));
    let opt_out = home.join(".acme-no-telemetry");
    receiver.whenever(
        move |_| {
            std::fs::write(&opt_out, "").expect("a file can be written");
            false
        },
        Behaviour::Ok,
    );
    let telemetry = Telemetry::builder(app!("acme"))
        .environment(home::yes("ACME", &home))
        .clickhouse(receiver.url())
        .start()
        .expect("the settings are right");
    let log = Dispatch::new(tracing_subscriber::registry().with(telemetry.layer()));
    with_default(&log, || tracing::info!("before"));
    telemetry.flush(LONG).expect_err("nothing more is sent");
    assert!(telemetry.status().is_withdrawn(), "{}", telemetry.status());
    assert_eq!(receiver.requests().len(), 1, "the one that was under way: {:?}", receiver.requests());
}
