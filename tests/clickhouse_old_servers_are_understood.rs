//! A server of 2018, the oldest that is still shipped: its words for what is wrong are understood, a table that somebody made
//! there with the columns that it can have is filled, and neither its impatience with idle connections nor its death costs a row.
#![cfg(all(target_os = "linux", feature = "clickhouse", feature = "real-components"))]

#[path = "support/old_clickhouse.rs"]
mod old_clickhouse;
#[path = "support/spans.rs"]
mod spans;

use std::time::{Duration, Instant};

use old_clickhouse::OldClickHouse;
use opentelemetry_sdk::Resource;
use spans::{export_spans as export, now, spans};
use tracing_privacy::clickhouse::{
    ClickHouseBuilder, ClickHouseExporter, Compression, CreateSchema, Encoder, Format, Layout, Table,
};
use tracing_privacy::{BreakerState, Clock};

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(60);

/// An operator's own table: this server has no maps and no nanoseconds.
const TABLE: &str = "CREATE TABLE otel_traces (TraceId String, SpanId String, SpanName String, StatusCode String, \
                     Duration UInt64, Day Date DEFAULT today()) ENGINE = MergeTree PARTITION BY Day ORDER BY SpanName";

fn exporter(server: &OldClickHouse) -> ClickHouseBuilder {
    ClickHouseExporter::builder(server.endpoint())
        .create_schema(CreateSchema::Off)
        .no_insert_settings()
        .compression(Compression::Gzip)
        .timeout(LONG)
}

/// A clock that stands still.
fn still_clock() -> Clock {
    Clock::manual("2020-01-01T00:00:00Z")
}

#[test]
fn what_the_table_has_is_filled_in_each_format_and_over_connections_that_do_not_last() {
    let server = OldClickHouse::start("filled");
    server.query(TABLE);
    for (format, rows) in [(Format::Native, 100), (Format::JsonEachRow, 200)] {
        let exporter = exporter(&server).format(format).build().unwrap();
        export(&exporter, spans(now(), 60)).unwrap();
        // It closes what is idle for a second. What is sent next finds that out before it matters.
        let end = Instant::now() + LONG;
        while server.connections() > 0 {
            assert!(Instant::now() < end, "it keeps connections open");
            std::thread::sleep(Duration::from_millis(10));
        }
        export(&exporter, spans(now(), 40)).unwrap();
        let status = exporter.status();
        assert_eq!((status.rows_sent(), status.tries_failed()), (100, 0), "{status:?}");
        assert!(status.notes().iter().any(|note| note.contains("no column Timestamp")), "{status:?}");
        let counts = "SELECT count(), uniqExact(SpanId), uniqExact(TraceId), sum(Duration = 7000000), countIf(StatusCode = 'Ok' AND SpanName = 'checkout') FROM otel_traces";
        assert_eq!(server.query(counts), [rows; 5].map(|rows| rows.to_string()).join("\t"));
    }
}

#[test]
fn each_of_its_refusals_ends_in_the_stated_way() {
    let server = OldClickHouse::start("refusals");
    server.query(TABLE);
    type Change = fn(ClickHouseBuilder) -> ClickHouseBuilder;
    let wrong: [(Change, &str); 5] = [
        (|b| b.user("otel", "hunter2"), "Code: 193"),
        (|b| b.basic("nobody", "hunter2"), "Code: 192"),
        (|b| b.user("reader", ""), "Code: 164"),
        // As sent to servers of today.
        (|b| b.insert_setting("async_insert", "0"), "Unknown setting async_insert"),
        // It knows the setting, and not the value.
        (|b| b.insert_setting("network_compression_method", "foo"), "Code: 89"),
    ];
    for (change, said) in wrong {
        let exporter = change(exporter(&server)).clock(&still_clock()).build().unwrap();
        let error = export(&exporter, spans(now(), 3)).unwrap_err();
        let status = exporter.status();
        assert!(error.contains("3 rows wait") && error.contains(said), "{error}");
        assert_eq!((status.rows_waiting(), status.breaker()), (3, BreakerState::Open), "{error}");
        assert!(!format!("{error} {status:?} {exporter:?}").contains("hunter2"), "{error}");
    }
    let right = exporter(&server).user("otel", "right").build().unwrap();
    export(&right, spans(now(), 3)).unwrap();
    assert_eq!(server.query("SELECT count() FROM otel_traces"), "3");

    // A table that is not there holds back its own rows alone, until it is.
    let clock = still_clock();
    let elsewhere = exporter(&server).table(Table::Traces, "elsewhere").clock(&clock).build().unwrap();
    let error = export(&elsewhere, spans(now(), 5)).unwrap_err();
    assert!(error.contains("5 rows wait") && error.contains("Code: 60"), "{error}");
    assert_eq!(elsewhere.status().breaker(), BreakerState::Closed);
    server.query(&TABLE.replace("otel_traces", "elsewhere"));
    clock.advance(Duration::from_secs(60));
    elsewhere.flush(LONG).unwrap();
    assert_eq!(server.query("SELECT count() FROM elsewhere"), "5");
}

#[test]
fn a_body_that_is_cut_leaves_nothing_behind() {
    let server = OldClickHouse::start("cut");
    server.query(TABLE);
    let mut encoder = Encoder::default();
    let has = ["TraceId", "SpanId", "Duration"];
    let columns = Layout::columns(Table::Traces).into_iter().map(|(name, _)| name).filter(|name| !has.contains(name));
    encoder.set_layout(Table::Traces, columns.fold(Layout::default(), Layout::without));
    let batch = encoder.spans(&spans(now(), 100), &Resource::builder_empty().build()).remove(0);
    let insert = |sent: usize| {
        server.exchange("/?query=INSERT+INTO+otel_traces+FORMAT+Native", batch.body.len(), &batch.body[..sent])
    };
    for sent in (0..batch.body.len()).step_by(batch.body.len() / 20) {
        // It may not even answer.
        let _ = insert(sent);
        assert_eq!(server.query("SELECT count() FROM otel_traces"), "0", "{sent} bytes");
    }
    assert!(insert(batch.body.len()).unwrap().contains(" 200 "));
    assert_eq!(server.query("SELECT count() FROM otel_traces"), "100");
}

#[test]
fn a_server_that_is_killed_loses_no_row() {
    let mut server = OldClickHouse::start("killed");
    server.query(TABLE);
    let clock = still_clock();
    let exporter = exporter(&server).clock(&clock).build().unwrap();
    export(&exporter, spans(now(), 1)).unwrap();
    let counts = "SELECT count(), uniqExact(SpanId) FROM otel_traces";
    let flush = || {
        let end = Instant::now() + LONG;
        while let Err(error) = exporter.flush(LONG) {
            assert!(Instant::now() < end, "{error}");
            clock.advance(Duration::from_secs(60));
        }
    };
    // It has the request, and has done nothing with it.
    server.freeze();
    let exporting = std::thread::spawn({
        let exporter = exporter.clone();
        move || export(&exporter, spans(now(), 1000))
    });
    let end = Instant::now() + LONG;
    while server.connections() == 0 {
        assert!(Instant::now() < end, "nothing was sent");
        std::thread::yield_now();
    }
    server.kill();
    server.restart();
    let _ = exporting.join().unwrap();
    flush();
    assert_eq!(server.query(counts), "1001\t1001");

    // It has written the table and is about to fill a view. It knows no tokens: here a row is there at least once.
    server.query("CREATE TABLE slow (Rest UInt8) ENGINE = Null");
    server.query("CREATE MATERIALIZED VIEW slow_mv TO slow AS SELECT max(sleep(2)) AS Rest FROM otel_traces");
    let exporting = std::thread::spawn({
        let exporter = exporter.clone();
        move || export(&exporter, spans(now(), 500))
    });
    while server.query(counts) == "1001\t1001" {
        assert!(!exporting.is_finished(), "it was to be killed in the middle");
    }
    server.kill();
    server.restart();
    server.query("DROP TABLE slow_mv");
    let _ = exporting.join().unwrap();
    flush();
    assert_eq!(server.query(counts), "2001\t1501");
    assert_eq!(exporter.status().rows_sent(), 1501, "{}", exporter.status());
}
