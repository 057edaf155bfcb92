//! The example as its user runs it, against the real engine: what it prints is true, and the statements that it prints to be
//! pasted can be pasted.
#![cfg(all(unix, feature = "store", feature = "clickhouse", feature = "real-components"))]

#[path = "support/chdb.rs"]
mod chdb;
#[path = "support/example.rs"]
mod example;

use chdb::ClickHouse;
use example::{Example, PLANTED, contains};

fn clickhouse(url: &str) -> Example {
    Example::new("clickhouse")
        .var("CLICKHOUSE_TELEMETRY_ENABLED", "true")
        .var("CLICKHOUSE_URL", url)
        .var("CLICKHOUSE_USER", "shop")
        .var("CLICKHOUSE_PASSWORD", "hunter2")
        .var("CLICKHOUSE_DATABASE", "sh`op")
}

#[test]
fn its_counts_are_the_tables_and_its_statements_find_the_rows() {
    let server = ClickHouse::start_with(&["--user", "shop:hunter2"]);
    let said = clickhouse(server.endpoint()).run();
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    let (logs, spans) = (said.number("logs taken"), said.number("spans taken"));
    assert!(logs > 10 && spans == 8, "{}", said.stdout);
    assert_eq!(server.query("SELECT count() FROM `sh\\`op`.otel_logs"), logs.to_string());
    assert_eq!(server.query("SELECT count() FROM `sh\\`op`.otel_traces"), spans.to_string());
    assert!(said.stdout.contains("written_rows") && !said.stdout.contains("hunter2"), "{}", said.stdout);
    let statements: Vec<_> = said.stdout.lines().filter(|line| line.starts_with("SELECT ")).collect();
    assert_eq!(statements.len(), 3, "{}", said.stdout);
    for (statement, word) in statements.iter().zip(["checkout", "receipt goes to [EMAIL]", "charge"]) {
        let found = server.query(statement.trim_end_matches(';'));
        assert!(found.contains(word), "{statement}: {found}");
        for secret in PLANTED {
            assert!(!contains(found.as_bytes(), secret), "{secret:?} in {found}");
        }
    }
    let all = server.query("SELECT * FROM `sh\\`op`.otel_logs") + &server.query("SELECT * FROM `sh\\`op`.otel_traces");
    for secret in PLANTED {
        assert!(!contains(all.as_bytes(), secret), "{secret:?} reached ClickHouse");
    }
}

#[test]
fn without_a_server_it_says_so_and_the_next_run_sends_everything_once() {
    let server = ClickHouse::start_with(&["--user", "shop:hunter2"]);
    let example = clickhouse("http://127.0.0.1:9");
    let missed = example.clone().run();
    assert_eq!((missed.code, missed.number("logs taken")), (Some(1), 0), "{}", missed.stdout);
    let next = example.var("CLICKHOUSE_URL", server.endpoint()).run();
    assert_eq!(next.code, Some(0), "{}", next.stdout);
    assert_eq!(server.query("SELECT count() FROM `sh\\`op`.otel_traces"), "16");
    assert_eq!(server.query("SELECT uniqExact(SpanId) FROM `sh\\`op`.otel_traces"), "16");
}
