//! A server that does not answer is soon left alone: while the breaker is open no connection is made, and when its time has
//! come exactly one. Proven by a listener that counts, with a clock that moves only when told, for OTLP and for ClickHouse:
//! they share one policy.
#![cfg(all(feature = "otlp", feature = "clickhouse"))]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "support/spans.rs"]
mod spans;

use std::time::Duration;

use receiver::{Behaviour, Receiver};
use tracing_privacy::clickhouse::{ClickHouseExporter, CreateSchema, Layout, Table};
use tracing_privacy::{BreakerState, Clock, Schedule, Telemetry};
use tracing_subscriber::prelude::*;

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(60);

/// Failures in a row that open it.
const FAILURES: usize = 5;

/// How long it stays open.
const REST: Duration = Duration::from_secs(60);

/// Each request costs a connection, so that the listener's count is one of tries.
fn dead() -> Receiver {
    Receiver::always(Behaviour::CloseBeforeAnswer)
}

/// Opens the breaker with `send`, and looks at what it does. `send` tries to deliver, and says whether that worked.
fn goes_through_its_states(
    receiver: &Receiver,
    clock: &Clock,
    heal: impl FnOnce(),
    send: impl Fn() -> bool,
    state: impl Fn() -> BreakerState,
) {
    let mut sends = 0;
    while receiver.connections() < FAILURES {
        assert!(!send(), "nobody answered");
        sends += 1;
        assert!(sends <= FAILURES, "only {} connections", receiver.connections());
    }
    // Open.
    for _ in 0..10 {
        assert!(!send());
    }
    clock.advance(REST - Duration::from_nanos(1));
    assert!(!send());
    assert_eq!(state(), BreakerState::Open);
    assert_eq!(receiver.connections(), FAILURES, "while it is open nobody is asked");
    // Half-open: a probe that fails opens it again.
    clock.advance(Duration::from_nanos(1));
    assert!(matches!(state(), BreakerState::HalfOpen | BreakerState::Open));
    for _ in 0..10 {
        assert!(!send());
    }
    assert_eq!(receiver.connections(), FAILURES + 1, "half-open, one probe goes");
    // And one that succeeds closes it.
    heal();
    clock.advance(REST);
    assert!(send(), "the server is back");
    assert_eq!(state(), BreakerState::Closed);
    assert_eq!(receiver.connections(), FAILURES + 2, "one connection was enough for the probe and what followed");
}

#[test]
fn for_otlp() {
    let receiver = dead();
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let telemetry = Telemetry::builder(tracing_privacy::app!("breaker"))
        .environment(home::yes("BREAKER", &home::home("breaker")).clock(clock.clone()))
        .targets("an_open_breaker_makes_no_connection=info")
        .otlp(receiver.url())
        .schedule(Schedule::Manual)
        .start()
        .expect("the settings are right");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
        goes_through_its_states(
            &receiver,
            &clock,
            || receiver.afterwards(Behaviour::Ok),
            || {
                tracing::info!("order placed");
                telemetry.flush(LONG).is_ok()
            },
            || telemetry.status().destinations()[0].1,
        );
    });
    let counts = *telemetry.status().counts();
    assert_eq!(counts.sent(), counts.produced(), "{counts}");
}

#[test]
fn for_clickhouse() {
    let receiver = dead();
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let exporter =
        ClickHouseExporter::builder(receiver.url()).create_schema(CreateSchema::Off).clock(&clock).build().unwrap();
    let heal = || {
        // The probe describes the table; the inserts that follow it are answered with nothing.
        let columns: String =
            Layout::columns(Table::Traces).iter().map(|(name, kind)| format!("{name}\t{kind}\t\n")).collect();
        let said = |body: &str| Behaviour::Custom { status: 200, headers: vec![], body: body.as_bytes().to_vec() };
        receiver.then([said(&columns), said("\n")]);
        receiver.afterwards(said(""));
    };
    goes_through_its_states(
        &receiver,
        &clock,
        heal,
        || spans::export_spans(&exporter, spans::spans(spans::now(), 1)).is_ok(),
        || exporter.status().breaker(),
    );
    let status = exporter.status();
    assert_eq!((status.breaker(), status.rows_waiting()), (BreakerState::Closed, 0), "{status}");
    assert_eq!(status.rows_refused() + status.rows_dropped(), 0, "{status}");
}
