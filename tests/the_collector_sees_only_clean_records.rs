//! Promise: what a real collector gets is what was kept, all of it, once, and clean.

#![cfg(all(unix, feature = "otlp", feature = "real-components"))]

#[path = "support/example.rs"]
mod example;
#[path = "support/rotel.rs"]
mod rotel;

use example::{CUSTOMERS, Example, PLANTED, contains};
use rotel::{Rotel, Taken};

const ENABLED: &str = "OTLP_TELEMETRY_ENABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

#[test]
fn the_printed_count_is_the_count_in_the_collectors_log_and_no_canary_is_in_it() {
    let rotel = Rotel::start();
    let otlp = Example::new("otlp").var(ENABLED, "true").var(ENDPOINT, &rotel.endpoint());
    counted_and_clean(&rotel, &otlp);
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn it_is_the_same_over_grpc() {
    let rotel = Rotel::start();
    let otlp = Example::new("otlp").var(ENABLED, "true").var(ENDPOINT, &rotel.grpc_endpoint());
    counted_and_clean(&rotel, &otlp.var("OTLP_TELEMETRY_PROTOCOL", "grpc"));
}

fn counted_and_clean(rotel: &Rotel, otlp: &Example) {
    let said = otlp.run();
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    let (logs, spans) = (said.number("logs taken"), said.number("spans taken"));
    assert!(logs > 10 && spans == 8, "{}", said.stdout);
    assert_eq!((said.number("refused"), said.number("failed tries")), (0, 0), "{}", said.stdout);
    let all = logs + spans;
    let books = format!("records: {all} produced = {all} sent + 0 stored + 0 dropped + 0 pending");
    assert!(said.stdout.contains(&books), "{}", said.stdout);

    let log = rotel.await_taken(Taken { logs: logs as usize, spans: spans as usize });
    for secret in PLANTED {
        assert!(!contains(log.as_bytes(), secret), "{secret:?} reached the collector:\n{log}");
    }
    for id in CUSTOMERS {
        assert!(!log.contains(&format!("user_id: Int({id})")) && !log.contains(&format!("Str({id})")), "{log}");
    }
}

#[test]
fn the_collector_reads_attributes_bodies_and_trace_context() {
    let rotel = Rotel::start();
    let otlp = Example::new("otlp").var(ENABLED, "true").var(ENDPOINT, &rotel.endpoint());
    let said = otlp.run();
    let taken = Taken { logs: said.number("logs taken") as usize, spans: said.number("spans taken") as usize };
    let log = rotel.await_taken(taken);
    for part in [
        "service.name: Str(otlp)",
        "plan: Str(pro)",
        "items: Int(3)",
        "uptime_ms: Double(12.5)",
        "cached: Bool(true)",
        "SeverityText: WARN",
        "Body: Str(order placed, receipt goes to [EMAIL])",
        "Body: Str(card [CARD] accepted)",
        "error: Str(the order could not be paid: gateway declined card [CARD] used from [IP])",
        "user_id_hash: Str(",
    ] {
        assert!(log.contains(part), "{part:?} in\n{log}");
    }
    // Each order is a trace of its own: a checkout, the charge inside it, and what was logged in both.
    let ids = |of: &str| -> Vec<&str> {
        let ids = log.lines().filter_map(|line| line.trim_start().strip_prefix(of)?.trim_start().strip_prefix(':'));
        ids.map(str::trim).filter(|id| !id.is_empty()).collect()
    };
    let traces: std::collections::BTreeSet<_> = ids("Trace ID").into_iter().collect();
    assert_eq!(traces.len(), CUSTOMERS.len(), "{traces:?} in\n{log}");
    assert!(traces.iter().all(|id| id.len() == 32 && ids("Trace ID").iter().filter(|other| *other == id).count() >= 4));
}

#[test]
fn what_a_collector_missed_it_gets_from_the_next_run_and_nothing_twice() {
    let rotel = Rotel::start();
    let example = Example::new("otlp").var(ENABLED, "true");
    let missed = example.clone().var(ENDPOINT, "http://127.0.0.1:9").run();
    assert_eq!((missed.code, missed.number("logs taken")), (Some(1), 0), "{}", missed.stdout);
    assert!(missed.number("failed tries") > 0, "{}", missed.stdout);
    let next = example.var(ENDPOINT, &rotel.endpoint()).run();
    let (logs, spans) = (next.number("logs taken"), next.number("spans taken"));
    rotel.await_taken(Taken { logs: logs as usize, spans: spans as usize });
    let of_one_run = logs / 2 + spans / 2;
    assert!(next.stdout.contains(&format!("records: {of_one_run} produced = {of_one_run} sent")), "{}", next.stdout);
    assert!(missed.stdout.contains(&format!("records: {of_one_run} produced = 0 sent")), "{}", missed.stdout);
}

#[test]
fn while_off_the_collector_hears_nothing() {
    let rotel = Rotel::start();
    for (name, value) in [("UNRELATED", "1"), ("DO_NOT_TRACK", "1"), ("CI", "true")] {
        let otlp = Example::new("otlp").var(ENDPOINT, &rotel.endpoint()).var(name, value);
        let said = if name == "UNRELATED" { otlp } else { otlp.var(ENABLED, "true") }.run();
        assert!(said.stdout.contains("telemetry is    off"), "{}", said.stdout);
    }
    // A run with a yes comes last: when its records are there, any earlier ones would be too.
    let said = Example::new("otlp").var(ENABLED, "true").var(ENDPOINT, &rotel.endpoint()).run();
    let taken = Taken { logs: said.number("logs taken") as usize, spans: said.number("spans taken") as usize };
    rotel.await_taken(taken);
}
