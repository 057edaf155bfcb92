//! A server that does not answer is soon left alone: while the breaker is open no connection is made, and when its time has
//! come exactly one. Proven by a listener that counts, with a clock that moves only when told, for OTLP and for ClickHouse,
//! also as an exporter of any pipeline: they share one policy.
#![cfg(all(feature = "otlp", feature = "clickhouse"))]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "support/spans.rs"]
mod spans;

use std::rc::Rc;
use std::time::Duration;

use receiver::{Behaviour, Receiver};
use tracing_privacy::clickhouse::{ClickHouseBuilder, ClickHouseExporter, CreateSchema, Layout, Table};
use tracing_privacy::{BreakerState, Builder, Clock, Schedule, Telemetry};
use tracing_subscriber::prelude::*;

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(60);

/// Failures in a row that open it.
const FAILURES: usize = 5;

/// How long it stays open.
const REST: Duration = Duration::from_secs(60);

/// The way that is not to ClickHouse.
const OTLP: &str = "otlp";

/// A way to a server, with all that is needed to see what it does.
struct Way {
    name: &'static str,
    receiver: Receiver,
    clock: Clock,
    /// Tries to deliver, and says whether that worked.
    send: Box<dyn Fn() -> bool>,
    state: Box<dyn Fn() -> BreakerState>,
}

impl Way {
    /// All of them, for the test of this name.
    fn all(test: &str) -> [Way; 3] {
        [
            Way::of_telemetry(test, OTLP, |builder, url| builder.otlp(url)),
            Way::of_telemetry(test, "clickhouse", |builder, url| builder.clickhouse(clickhouse(url))),
            Way::of_exporter(),
        ]
    }

    fn of_telemetry(test: &str, name: &'static str, to: impl FnOnce(Builder, String) -> Builder) -> Way {
        let (receiver, clock) = (Receiver::start(), Clock::manual("2026-11-21T12:00:00Z"));
        let builder = Telemetry::builder(tracing_privacy::app!("breaker"))
            .environment(home::yes("BREAKER", &home::home(&format!("breaker-{test}-{name}"))).clock(clock.clone()))
            .targets("an_open_breaker_makes_no_connection=info")
            .schedule(Schedule::Manual);
        let telemetry = Rc::new(to(builder, receiver.url()).start().expect("the settings are right"));
        let send = {
            let telemetry = Rc::clone(&telemetry);
            move || {
                let subscriber = tracing_subscriber::registry().with(telemetry.layer());
                tracing::subscriber::with_default(subscriber, || tracing::info!("order placed"));
                let flushed = telemetry.flush(LONG).is_ok();
                let counts = *telemetry.status().counts();
                assert_eq!(counts.produced(), if flushed { counts.sent() } else { counts.sent() + counts.stored() });
                flushed
            }
        };
        let state = move || telemetry.status().destinations()[0].1;
        Way { name, receiver, clock, send: Box::new(send), state: Box::new(state) }
    }

    fn of_exporter() -> Way {
        let (receiver, clock) = (Receiver::start(), Clock::manual("2026-11-21T12:00:00Z"));
        let exporter = clickhouse(receiver.url()).clock(&clock).build().unwrap();
        let send = {
            let exporter = exporter.clone();
            move || {
                let sent = spans::export_spans(&exporter, spans::spans(spans::now(), 1)).is_ok();
                let status = exporter.status();
                assert_eq!((status.rows_refused() + status.rows_dropped(), status.rows_waiting() == 0), (0, sent));
                sent
            }
        };
        let state = move || exporter.status().breaker();
        Way { name: "the exporter", receiver, clock, send: Box::new(send), state: Box::new(state) }
    }

    /// The server takes everything from now on.
    fn heal(&self) {
        if self.name != OTLP {
            // The probe describes the table; the inserts that follow it are answered with nothing.
            self.receiver
                .then(Behaviour::described([Table::Traces, Table::Logs].into_iter().flat_map(Layout::columns)));
        }
        self.receiver.afterwards(if self.name == OTLP { Behaviour::Ok } else { Behaviour::said(200, "") });
    }
}

fn clickhouse(url: String) -> ClickHouseBuilder {
    ClickHouseExporter::builder(url).create_schema(CreateSchema::Off)
}

#[test]
fn after_five_failures_in_a_row() {
    for way in Way::all("failures") {
        let Way { name, receiver, clock, send, state } = &way;
        // Each request costs a connection, so that the listener's count is one of tries.
        receiver.afterwards(Behaviour::CloseBeforeAnswer);
        let mut sends = 0;
        while receiver.connections() < FAILURES {
            assert!(!send(), "{name}: nobody answered");
            sends += 1;
            assert!(sends <= FAILURES, "{name}: only {} connections", receiver.connections());
        }
        // Open.
        for _ in 0..10 {
            assert!(!send(), "{name}");
        }
        clock.advance(REST - Duration::from_nanos(1));
        assert!(!send(), "{name}");
        assert_eq!(state(), BreakerState::Open, "{name}");
        assert_eq!(receiver.connections(), FAILURES, "{name}: while it is open nobody is asked");
        // Half-open: a probe that fails opens it again.
        clock.advance(Duration::from_nanos(1));
        assert!(matches!(state(), BreakerState::HalfOpen | BreakerState::Open), "{name}");
        for _ in 0..10 {
            assert!(!send(), "{name}");
        }
        assert_eq!(receiver.connections(), FAILURES + 1, "{name}: half-open, one probe goes");
        // And one that succeeds closes it.
        way.heal();
        clock.advance(REST);
        assert!(send(), "{name}: the server is back");
        assert_eq!(state(), BreakerState::Closed, "{name}");
        assert_eq!(receiver.connections(), FAILURES + 2, "{name}: one was enough for the probe and what followed");
    }
}

#[test]
fn at_once_when_the_server_says_that_nothing_is_welcome() {
    let parts = "Code: 252. DB::Exception: Too many parts (3000). Merges are processing slower. (TOO_MANY_PARTS)";
    let password = "Code: 516. DB::Exception: otel: Authentication failed. (AUTHENTICATION_FAILED)";
    let answers: [(Behaviour, u64, bool); 5] = [
        (Behaviour::RetryAfter(503, 30), 30, true),
        (Behaviour::RetryAfter(429, 90), 90, true),
        (Behaviour::Status(403), 60, true),
        (Behaviour::said(500, parts), 60, false),
        (Behaviour::said(403, password), 60, false),
    ];
    for (answer, rest, is_for_all) in answers {
        for way in Way::all("at-once") {
            let Way { name, receiver, clock, send, state } = &way;
            if !is_for_all && *name == OTLP {
                continue;
            }
            let rest = Duration::from_secs(rest);
            receiver.afterwards(answer.clone());
            assert!(!send(), "{name} {answer:?}");
            // It may be told to wait a little longer, so that not all come back at once.
            let longest = rest + Duration::from_secs(2);
            let (requests, connections) = (receiver.requests().len(), receiver.connections());
            assert_eq!((requests, state()), (1, BreakerState::Open), "{name} {answer:?}");
            clock.advance(rest - Duration::from_nanos(1));
            for _ in 0..10 {
                assert!(!send(), "{name} {answer:?}");
            }
            assert_eq!((receiver.requests().len(), receiver.connections()), (1, connections), "{name} {answer:?}");
            clock.advance(longest - rest + Duration::from_nanos(1));
            for _ in 0..10 {
                assert!(!send(), "{name} {answer:?}");
            }
            assert_eq!((receiver.requests().len(), state()), (2, BreakerState::Open), "{name} {answer:?}");
            way.heal();
            // After a probe that failed it is a minute at least.
            clock.advance(longest.max(REST));
            assert!(send(), "{name} {answer:?}");
            assert_eq!(state(), BreakerState::Closed, "{name} {answer:?}");
        }
    }
}
