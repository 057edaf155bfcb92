//! Promise: the host never suffers. An event costs the thread that logs it no allocation and a span at most one, with
//! the store, an OTLP endpoint and the filter in place.

#![cfg(all(feature = "store", feature = "otlp"))]

#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/home.rs"]
mod home;
#[path = "../benches/support/sink.rs"]
#[allow(dead_code)]
mod sink;

use std::fmt;
use std::time::Duration;

use allocations::{Counting, counted};
use sink::{Keep, Sink};
use tracing::{info, info_span};
use tracing_privacy::{Telemetry, app};
use tracing_subscriber::prelude::*;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Records of one look: few enough for the buffers that the queue keeps for reuse, so that what is counted is the record
/// and not a buffer for a hundred of them.
const TIMES: u64 = 200;

struct Price(u64);

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} EUR", self.0 / 100, self.0 % 100)
    }
}

fn message() {
    info!("order placed by a known customer");
}

fn interpolated_message() {
    info!("order {} placed after {:?}", 7, Duration::from_millis(12));
}

fn fields() {
    let price = Price(4_990);
    info!(items = 3_u64, express = true, weight = 12.75, shipping = "standard parcel, v.2", %price, "order placed");
}

fn personal() {
    let text = "written to maria.lopez@example.com from 10.1.2.3";
    info!(items = 3_u64, email = "maria.lopez@example.com", user_id = 4_711, password = "hunter2", text, "signed in");
}

fn span() {
    info_span!("checkout", items = 3_u64, express = true, weight = 12.75, shipping = "standard parcel, v.2")
        .in_scope(|| ());
}

fn span_with_events() {
    info_span!("checkout", items = 3_u64, express = true, weight = 12.75, shipping = "standard parcel, v.2").in_scope(
        || {
            message();
            fields();
            personal();
        },
    );
}

#[test]
fn an_event_costs_no_allocation_and_a_span_at_most_one() {
    let sink = Sink::start(Keep::No);
    let home = home::home("an_event_costs_no_allocation");
    let telemetry = Telemetry::builder(app!("counted"))
        .environment(home::yes("COUNTED", &home))
        .otlp(sink.address())
        .start()
        .expect("the settings are right");
    tracing::dispatcher::set_global_default(tracing_subscriber::registry().with(telemetry.layer()).into())
        .expect("it is the only one");

    // What is logged, by what, how many records that makes, and how many allocations it may cost.
    type Case = (&'static str, fn(), u64, u64);
    let cases: [Case; 6] = [
        ("a message", message, 1, 0),
        ("a message with values in it", interpolated_message, 1, 0),
        ("five fields", fields, 1, 0),
        ("personal data", personal, 1, 0),
        ("a span", span, 1, 1),
        ("a span with three events", span_with_events, 4, 1),
    ];
    let mut records = 0;
    let mut flush = |more: u64| {
        records += more;
        telemetry.flush(Duration::from_secs(60)).expect("the sink takes everything");
        let status = telemetry.status();
        assert_eq!((status.counts().sent(), status.counts().dropped()), (records, 0), "{status}");
    };
    // Buffers, slots and plans are made by the first records of a thread.
    for (_, work, records, _) in cases {
        (0..TIMES).for_each(|_| work());
        flush(TIMES * records);
    }
    for (name, work, records, allowed) in cases {
        let mut look = || {
            let asked = counted(|| (0..TIMES).for_each(|_| work()));
            flush(TIMES * records);
            asked
        };
        // Should the worker be swapping buffers at the very moment, a record takes one of its own: not again and again, also on a
        // machine that lets it wait just then.
        let looks: Vec<_> = (0..20).map(|_| look()).take_while(|asked| *asked > allowed * TIMES).collect();
        assert!(looks.len() < 20, "{name}: {looks:?} allocations for {TIMES} times, {allowed} allowed each");
    }
}
