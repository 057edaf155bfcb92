//! Promise: the tables are those of the OpenTelemetry collector's exporter, creating them again changes nothing, and every
//! view is filled.

#![cfg(all(feature = "clickhouse", feature = "real-components"))]

#[path = "support/chdb.rs"]
mod chdb;
#[path = "support/random.rs"]
mod random;
#[path = "support/spans.rs"]
mod spans;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use chdb::ClickHouse;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use random::Random;
use serde_json::json;
use tracing_privacy::clickhouse::{Batch, ClickHouseExporter, CreateSchema, Encoder, Format, Layout, Schema, Table};

const DAY: u64 = 86_400;

#[test]
fn the_columns_are_those_that_the_encoder_fills() {
    let server = ClickHouse::start();
    let schema = Schema::new().database("otel");
    create(&server, &schema);
    for table in Table::ALL {
        let described = columns(&server, &schema, table);
        for (name, kind) in Layout::columns(table) {
            let stored = described.get(name).unwrap_or_else(|| panic!("{table} has no {name}"));
            assert_eq!(*stored, *kind, "{table} {name}");
        }
        // The one column that the server fills.
        let own = usize::from(table == Table::Logs);
        let filled = Layout::columns(table).len();
        assert!(filled == described.len() - own || table == Table::Summary, "{table}: {described:?}");
    }
}

/// Names and types as in `exporter/clickhouseexporter/internal/sqltemplates` of the collector, version 0.140.
#[test]
fn the_columns_are_the_collectors() {
    let server = ClickHouse::start();
    let schema = Schema::new();
    create(&server, &schema);
    let map = "Map(LowCardinality(String), String)";
    let traces = [
        ("Timestamp", "DateTime64(9)"),
        ("TraceId", "String"),
        ("SpanId", "String"),
        ("ParentSpanId", "String"),
        ("TraceState", "String"),
        ("SpanName", "LowCardinality(String)"),
        ("SpanKind", "LowCardinality(String)"),
        ("ServiceName", "LowCardinality(String)"),
        ("ResourceAttributes", map),
        ("ScopeName", "String"),
        ("ScopeVersion", "String"),
        ("SpanAttributes", map),
        ("Duration", "UInt64"),
        ("StatusCode", "LowCardinality(String)"),
        ("StatusMessage", "String"),
        ("Events.Timestamp", "Array(DateTime64(9))"),
        ("Events.Name", "Array(LowCardinality(String))"),
        ("Events.Attributes", "Array(Map(LowCardinality(String), String))"),
        ("Links.TraceId", "Array(String)"),
        ("Links.SpanId", "Array(String)"),
        ("Links.TraceState", "Array(String)"),
        ("Links.Attributes", "Array(Map(LowCardinality(String), String))"),
    ];
    let logs = [
        ("Timestamp", "DateTime64(9)"),
        ("TimestampTime", "DateTime"),
        ("TraceId", "String"),
        ("SpanId", "String"),
        ("TraceFlags", "UInt8"),
        ("SeverityText", "LowCardinality(String)"),
        ("SeverityNumber", "UInt8"),
        ("ServiceName", "LowCardinality(String)"),
        ("Body", "String"),
        ("ResourceSchemaUrl", "LowCardinality(String)"),
        ("ResourceAttributes", map),
        ("ScopeSchemaUrl", "LowCardinality(String)"),
        ("ScopeName", "String"),
        ("ScopeVersion", "LowCardinality(String)"),
        ("ScopeAttributes", map),
        ("LogAttributes", map),
        ("EventName", "String"),
    ];
    let summary = [
        ("ResourceAttributes", map),
        ("ResourceSchemaUrl", "String"),
        ("ScopeName", "String"),
        ("ScopeVersion", "String"),
        ("ScopeAttributes", map),
        ("ScopeDroppedAttrCount", "UInt32"),
        ("ScopeSchemaUrl", "String"),
        ("ServiceName", "LowCardinality(String)"),
        ("MetricName", "String"),
        ("MetricDescription", "String"),
        ("MetricUnit", "String"),
        ("Attributes", map),
        ("StartTimeUnix", "DateTime64(9)"),
        ("TimeUnix", "DateTime64(9)"),
        ("Flags", "UInt32"),
        ("Count", "UInt64"),
        ("Sum", "Float64"),
        ("ValueAtQuantiles.Quantile", "Array(Float64)"),
        ("ValueAtQuantiles.Value", "Array(Float64)"),
    ];
    for (table, expected) in [(Table::Traces, &traces[..]), (Table::Logs, &logs), (Table::Summary, &summary)] {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(name, kind)| (name.to_string(), kind.to_string())).collect();
        assert_eq!(columns(&server, &schema, table), expected, "{table}");
    }
}

#[test]
fn the_statements_run_twice_and_the_rows_stay() {
    let server = ClickHouse::start();
    let schema = Schema::new().database("otel");
    create(&server, &schema);
    let tables = "SELECT name, create_table_query FROM system.tables WHERE database = 'otel' ORDER BY name";
    let before = server.query(tables);
    insert(&server, &schema, &[span(1, now())]);
    create(&server, &schema);
    // As a script, too.
    server.run(&schema.to_sql());
    assert_eq!(server.query(tables), before);
    assert_eq!(before.lines().count(), Table::ALL.len() + 6);
    assert_eq!(server.query("SELECT count() FROM otel.otel_traces"), "1");
}

#[test]
fn names_of_others_are_names_and_nothing_else() {
    let server = ClickHouse::start();
    server.query("CREATE TABLE victim (x UInt8) ENGINE = MergeTree ORDER BY x");
    let evil = "a`.b'c\"d\\e; DROP TABLE default.victim; -- \u{fc}";
    let mut schema = Schema::new().database(evil).flat_view(Some("v`'\\")).sender("k'] \\ ` ü");
    for (number, table) in Table::ALL.into_iter().enumerate() {
        schema = schema.table(table, &format!("{number}`'\\ {evil}"));
    }
    create(&server, &schema);
    create(&server, &schema);
    schema.retention_statements().iter().for_each(|statement| drop(server.query(statement)));
    insert(&server, &schema, &[span(1, now())]);
    assert!(columns(&server, &schema, Table::Traces).contains_key("SpanName"));
    assert_eq!(server.query("SELECT count() FROM victim"), "0");
    let names = server.rows("SELECT database, name FROM system.tables WHERE database NOT IN ('system', 'default')");
    assert!(names.contains(&json!({"database": evil, "name": format!("0`'\\ {evil}")})), "{names:?}");
    assert!(names.contains(&json!({"database": evil, "name": "v`'\\"})), "{names:?}");
    assert_eq!(names.iter().filter(|name| name["database"] == evil).count(), Table::ALL.len() + 6);
}

#[test]
fn an_exporter_finds_its_way_whatever_things_are_called() {
    let server = ClickHouse::start();
    let evil = "a`.b'c\"\\; DROP -- \u{fc}日&query=%20#?{x:String}";
    for format in [Format::Native, Format::JsonEachRow] {
        let names = |builder: tracing_privacy::clickhouse::ClickHouseBuilder| {
            builder.database(evil).table(Table::Traces, format!("t {evil}")).table(Table::Logs, format!("l {evil}"))
        };
        let builder =
            || names(ClickHouseExporter::builder(server.endpoint()).timeout(Duration::from_secs(60)).format(format));
        let exporter = builder().build().unwrap();
        spans::export_spans(&exporter, spans::spans(spans::now(), 3)).unwrap();
        spans::export_logs(&exporter, 2).unwrap();
        // What was asked about the table is about this table: its TTL is known.
        let old = spans::spans(spans::now() - Duration::from_secs(40 * DAY), 4);
        spans::export_spans(&exporter, old).unwrap_err();
        let status = exporter.status();
        let notes: Vec<_> = status.notes().iter().filter(|note| !note.contains("TTL")).collect();
        assert_eq!((status.rows_sent(), status.rows_expired(), status.tries_failed()), (5, 4, 0), "{status}");
        assert!(notes.is_empty(), "{notes:?}");
        // And a column of the operator's.
        let quoted = format!("`{}`", evil.replace('\\', "\\\\").replace('`', "\\`"));
        server.query(&format!("CREATE TABLE IF NOT EXISTS {quoted}.mine (id String, {quoted} String) ENGINE = Memory"));
        let mine = builder().create_schema(CreateSchema::Off).table(Table::Traces, "mine");
        let mine = mine.rename_column(Table::Traces, "SpanId", "id").rename_column(Table::Traces, "SpanName", evil);
        spans::export_spans(&mine.build().unwrap(), spans::spans(spans::now(), 1)).unwrap();
        assert_eq!(server.query(&format!("SELECT DISTINCT {quoted} FROM {quoted}.mine")), "checkout");
    }
    let rows = server.rows("SELECT name, total_rows FROM system.tables WHERE match(name, '^(t|l) ') ORDER BY name");
    let row = |kind: &str, rows: &str| json!({"name": format!("{kind} {evil}"), "total_rows": rows});
    let of_views = |row: &serde_json::Value| row["name"].as_str().unwrap().ends_with("{x:String}");
    let rows: Vec<_> = rows.into_iter().filter(of_views).collect();
    assert_eq!(rows, [row("l", "4"), row("t", "6")]);
}

#[test]
fn all_views_are_filled() {
    let server = ClickHouse::start();
    let schema = Schema::new().database("otel").threshold(3);
    create(&server, &schema);
    // Half past noon on this day, so that none of the minutes is of another.
    let noon = SystemTime::UNIX_EPOCH
        + Duration::from_secs(now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / DAY * DAY + DAY / 2);
    let resource = |session: &str| {
        Resource::builder_empty()
            .with_service_name("shop")
            .with_attributes([
                KeyValue::new("session.id", session.to_owned()),
                KeyValue::new("service.version", "1.2.3"),
            ])
            .build()
    };
    // Three senders check out, two of them fail; only two pay.
    for (number, session) in (0..).zip(["a", "b", "c"]) {
        let mut spans = Vec::new();
        for at in 0..10_u64 {
            let start_time = noon + Duration::from_secs(30 * at);
            let status = if number > 0 && at == 0 { Status::error("no") } else { Status::Unset };
            spans.push(SpanData { name: "checkout".into(), status, ..span(number * 100 + at + 1, start_time) });
        }
        if number < 2 {
            spans.push(SpanData { name: "pay".into(), ..span(number * 100 + 50, noon) });
        }
        for batch in Encoder::default().spans(&spans, &resource(session)) {
            insert_once(&server, &schema, &batch, session);
        }
    }

    let minutes = server.rows(
        "SELECT toUnixTimestamp(Minute) AS minute, sum(Spans) AS spans, sum(Errors) AS errors, max(MaxDuration) AS longest, \
         uniqCombinedMerge(12)(Senders) AS senders FROM otel.otel_traces_per_minute WHERE SpanName = 'checkout' GROUP BY minute ORDER BY minute",
    );
    let start = noon.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let expected: Vec<_> = (0..5).map(|minute| json!({"minute": start + 60 * minute, "spans": "6", "errors": if minute == 0 { "2" } else { "0" }, "longest": "1000000", "senders": "3"})).collect();
    assert_eq!(minutes, expected);

    // What two senders did is not published.
    let days = server.rows("SELECT Day, ServiceName, SpanName, SpanKind, Spans, Errors, Duration[1] AS median, Senders FROM otel.otel_traces_per_day");
    let today = server.query(&format!("SELECT toDate({start}, 'UTC')"));
    assert_eq!(
        days,
        [
            json!({"Day": today, "ServiceName": "shop", "SpanName": "checkout", "SpanKind": "Internal", "Spans": "30", "Errors": "2", "median": 1_000_000, "Senders": "3"})
        ]
    );
    let columns = server.query("SELECT arraySort(groupArray(name)) FROM system.columns WHERE database = 'otel' AND table LIKE '%per_minute' OR table LIKE '%per_day'");
    assert!(!columns.contains("Attributes") && !columns.contains("Id"), "{columns}");

    let trace = "00000000000000000000000000000001";
    let times = format!(
        "SELECT toUnixTimestamp(min(Start)), toUnixTimestamp(max(End)) FROM otel.otel_traces_trace_id_ts WHERE TraceId = '{trace}'"
    );
    assert_eq!(server.query(&times), format!("{start}\t{start}"));
    assert_eq!(server.query("SELECT uniqExact(TraceId) FROM otel.otel_traces_trace_id_ts"), "32");

    let flat = server.rows(&format!("SELECT trace_id, span_name, service_name, service_version, duration_ms, status_code FROM otel.traces WHERE trace_id = '{trace}'"));
    assert_eq!(
        flat,
        [
            json!({"trace_id": trace, "span_name": "checkout", "service_name": "shop", "service_version": "1.2.3", "duration_ms": 1, "status_code": "Unset"})
        ]
    );
}

/// A materialized view's table counts a batch twice when it is sent twice, unless it remembers what it has as well.
#[test]
fn a_batch_that_is_sent_again_is_counted_once_in_every_table() {
    let server = ClickHouse::start();
    let schema = Schema::new().database("otel");
    create(&server, &schema);
    let batches = Encoder::default().spans(&[span(1, now()), span(2, now())], &Resource::builder_empty().build());
    let count = || {
        let counts = "SELECT (SELECT count() FROM otel.otel_traces), (SELECT sum(Spans) FROM otel.otel_traces_per_minute), (SELECT count() FROM otel.otel_traces_trace_id_ts)";
        server.query(counts)
    };
    for _ in 0..3 {
        batches.iter().for_each(|batch| insert_once(&server, &schema, batch, "token"));
        assert_eq!(count(), "2\t2\t2");
    }
    let windows = "SELECT count(), countIf(create_table_query LIKE '%non_replicated_deduplication_window = 10000%') FROM system.tables WHERE database = 'otel' AND engine LIKE '%MergeTree'";
    assert_eq!(server.query(windows), "9\t9");
    for batch in &batches {
        insert_once(&server, &schema, batch, "another token");
    }
    assert_eq!(count(), "4\t4\t4");
}

#[test]
fn retention_is_set_and_can_be_changed() {
    let server = ClickHouse::start();
    let ttls = || {
        let found = server.rows("SELECT name, extract(create_table_query, 'TTL (.*) SETTINGS') AS ttl FROM system.tables WHERE database = 'otel' AND engine LIKE '%MergeTree' ORDER BY name");
        found
            .into_iter()
            .map(|row| (row["name"].as_str().unwrap().to_owned(), row["ttl"].as_str().unwrap().to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let expected = |traces: &str, logs: &str, metrics: &str, aggregates: &str| {
        let ttl = |time: &str, days: &str| {
            if days.is_empty() { String::new() } else { format!("{time} + toIntervalDay({days})") }
        };
        let mut ttls = BTreeMap::from([
            ("otel_traces".to_owned(), ttl("toDateTime(Timestamp)", traces)),
            ("otel_traces_trace_id_ts".to_owned(), ttl("Start", traces)),
            ("otel_traces_per_minute".to_owned(), ttl("Minute", aggregates)),
            ("otel_logs".to_owned(), ttl("TimestampTime", logs)),
        ]);
        for table in [Table::Gauge, Table::Sum, Table::Histogram, Table::ExponentialHistogram, Table::Summary] {
            ttls.insert(table.default_name().to_owned(), ttl("toDateTime(TimeUnix)", metrics));
        }
        ttls
    };
    let schema = Schema::new().database("otel");
    create(&server, &schema);
    assert_eq!(ttls(), expected("30", "30", "90", "365"));
    let change =
        |schema: &Schema| schema.retention_statements().iter().for_each(|statement| drop(server.query(statement)));
    change(&schema.clone().trace_days(7).log_days(14).metric_days(1).aggregate_days(10_000));
    assert_eq!(ttls(), expected("7", "14", "1", "10000"));
    change(&schema.clone().trace_days(0).log_days(0).metric_days(0).aggregate_days(0));
    assert_eq!(ttls(), expected("", "", "", ""));

    // An exporter does it when it is asked to, and not else.
    let other = schema.trace_days(3).log_days(0);
    for (create, expected) in [
        (CreateSchema::IfMissing, expected("", "", "", "")),
        (CreateSchema::UpdateRetention, expected("3", "", "90", "365")),
        // Twice changes nothing.
        (CreateSchema::UpdateRetention, expected("3", "", "90", "365")),
    ] {
        let builder = ClickHouseExporter::builder(server.endpoint()).schema(other.clone()).create_schema(create);
        let exporter = builder.timeout(Duration::from_secs(60)).build().unwrap();
        spans::export_spans(&exporter, vec![span(1, now())]).unwrap();
        assert_eq!(ttls(), expected, "{create:?}");
    }
    let mutations = server
        .query("SELECT table, count() FROM system.mutations WHERE command LIKE '%TTL%' GROUP BY table ORDER BY table");
    let once = mutations.lines().find(|line| line.starts_with("otel_traces\t"));
    assert_eq!(once, Some("otel_traces\t2"), "{mutations}");
}

/// The engine here has no cluster; it reads the statements all the same.
#[test]
fn on_a_cluster_every_table_is_replicated_and_remembers_for_a_week() {
    let server = ClickHouse::start();
    let schema = Schema::new().database("otel").cluster("{cluster}`'");
    for statement in schema.statements().into_iter().chain(schema.retention_statements()) {
        let literal = statement.replace('\\', "\\\\").replace('\'', "\\'");
        let formatted = server.query(&format!("SELECT formatQuery('{literal}')"));
        assert!(formatted.contains("ON CLUSTER `{cluster}\\\\`\\'`"), "{formatted}");
        if formatted.contains("CREATE TABLE") {
            assert!(formatted.contains("ENGINE = Replicated"), "{formatted}");
            assert!(formatted.contains("replicated_deduplication_window_seconds = 604800"), "{formatted}");
        }
    }
}

fn create(server: &ClickHouse, schema: &Schema) {
    schema.statements().iter().for_each(|statement| drop(server.query(statement)));
}

fn columns(server: &ClickHouse, schema: &Schema, table: Table) -> BTreeMap<String, String> {
    let text = server.query(&schema.describe(table));
    let column = |line: &str| {
        line.split_once('\t').map(|(name, rest)| (name.to_owned(), rest.split('\t').next().unwrap().to_owned()))
    };
    text.lines().map(|line| column(line).expect("a column has a name and a type")).collect()
}

fn insert(server: &ClickHouse, schema: &Schema, spans: &[SpanData]) {
    for batch in Encoder::default().spans(spans, &Resource::builder_empty().build()) {
        insert_once(server, schema, &batch, "once");
    }
}

fn insert_once(server: &ClickHouse, schema: &Schema, batch: &Batch, token: &str) {
    let settings =
        [("async_insert", "0"), ("input_format_skip_unknown_fields", "0"), ("insert_deduplication_token", token)];
    assert_eq!(batch.format, Format::Native);
    server.insert_with(&schema.insert(batch.table, batch.format), &settings, None, &batch.body).unwrap();
}

/// A span of a millisecond, alone in the trace of this number.
fn span(number: u64, start_time: SystemTime) -> SpanData {
    let random = Random(number).span();
    let context = &random.span_context;
    let (trace, span) =
        (TraceId::from_bytes(u128::from(number).to_be_bytes()), SpanId::from_bytes(number.to_be_bytes()));
    SpanData {
        span_context: SpanContext::new(trace, span, context.trace_flags(), false, context.trace_state().clone()),
        name: Cow::Borrowed("span"),
        span_kind: opentelemetry::trace::SpanKind::Internal,
        status: Status::Unset,
        end_time: start_time + Duration::from_millis(1),
        start_time,
        ..random
    }
}

fn now() -> SystemTime {
    SystemTime::now()
}
