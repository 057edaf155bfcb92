//! Promise: every column of every signal is in ClickHouse exactly as it was in the SDK's data, in each format and
//! compression.
//!
//! Rows are random, from seeds that never change. `FUZZ_ROUNDS=1000` goes on with so many that no run had before, where they are drawn
//! by the clock; a test that fails prints the `FUZZ_SEED` that repeats it.

#![cfg(all(feature = "clickhouse", feature = "real-components"))]

#[path = "support/chdb.rs"]
mod chdb;
#[path = "support/random.rs"]
mod random;
#[path = "support/rows.rs"]
mod rows;
#[path = "support/spans.rs"]
mod spans;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chdb::ClickHouse;
use opentelemetry::logs::AnyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Event, SpanKind, Status};
use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_sdk::trace::SpanExporter;
use random::{DOUBLES, LAST_SECOND, Random, lists, seeds, trees};
use rows::{LogRow, SpanRow};
use serde::Serialize;
use serde_json::{Value as Json, json};
use spans::{block_on, export_spans};
use tracing_privacy::clickhouse::{
    Batch, ClickHouseBuilder, ClickHouseExporter, Compression, CreateSchema, Encoder, Format, Layout, Schema, Table,
};

/// Rows by what tells one from another.
type Rows = BTreeMap<String, Json>;

/// What was encoded, and what should be read back.
type Measured = (Vec<Batch>, BTreeMap<Table, Rows>);

const WAYS: &[(Format, Compression)] = &[
    (Format::Native, Compression::None),
    (Format::Native, Compression::Gzip),
    (Format::Native, Compression::Lz4),
    #[cfg(feature = "zstd")]
    (Format::Native, Compression::Zstd),
    (Format::JsonEachRow, Compression::Gzip),
];

/// Each way with a seed of its own, and with those of all.
fn ways(first: u64) -> impl Iterator<Item = (u64, &'static (Format, Compression))> {
    let others = seeds().flat_map(|seed| WAYS.iter().map(move |way| (seed, way)));
    (first..).zip(WAYS).chain(others)
}

#[test]
fn random_spans() {
    let server = Server::start();
    for (seed, way) in ways(0) {
        let mut random = Random(seed);
        let resource = random.resource();
        let spans: Vec<_> = (0..100).map(|_| random.span()).collect();
        server.insert(&encoder(way).spans(&spans, &resource));
        server.expect(Table::Traces, "SpanId", &span_rows(&spans, &resource), &format!("seed {seed}, {way:?}"));
    }
}

#[test]
fn random_log_records() {
    let server = Server::start();
    for (seed, way) in ways(100) {
        let mut random = Random(seed);
        let resource = random.resource();
        let records: Vec<_> = (0..100).map(|row| random.log(row)).collect();
        let rows = records.iter().enumerate();
        let expected: Rows =
            rows.map(|(row, (log, scope))| (row.to_string(), log_row(log, scope, &resource))).collect();
        let records = records.iter().map(|(log, scope)| (log, scope));
        server.insert(&encoder(way).logs(records, &resource));
        server.expect(Table::Logs, "LogAttributes['row']", &expected, &format!("seed {seed}, {way:?}"));
    }
}

#[test]
fn random_metrics() {
    let server = Server::start();
    for (seed, way) in ways(200) {
        for temporality in [Temporality::Delta, Temporality::Cumulative, Temporality::LowMemory] {
            let mut random = Random(seed);
            let (batches, expected) = measure(&mut random, encoder(way), temporality);
            assert_eq!(batches.len(), 4, "{batches:?}");
            let infinite = json!(f64::INFINITY.to_bits().to_string());
            assert!(expected[&Table::Sum].values().any(|row| row["Value"] == infinite), "no sum overflowed");
            server.insert(&batches);
            for (table, expected) in expected {
                server.expect(
                    table,
                    "concat(MetricName, Attributes['row'])",
                    &expected,
                    &format!("seed {seed}, {way:?}, {temporality:?}"),
                );
            }
        }
    }
}

#[test]
fn strings_of_a_megabyte() {
    let server = Server::start();
    let mut random = Random(7);
    let long = "日\0'\"\\🚀x".repeat(90_000);
    assert!(long.len() > 1 << 20);
    let resource = Resource::builder_empty().with_attribute(KeyValue::new(long.clone(), long.clone())).build();
    let mut span = random.span();
    span.name = Cow::Owned(long.clone());
    span.status = Status::error(long.clone());
    span.attributes = vec![KeyValue::new(long.clone(), long.clone()), KeyValue::new("after", 1)];
    let spans = vec![random.span(), span, random.span()];
    let expected = span_rows(&spans, &resource);
    for way in WAYS {
        server.insert(&encoder(way).spans(&spans, &resource));
        server.expect(Table::Traces, "SpanId", &expected, &format!("{way:?}"));
    }
}

#[test]
fn a_hundred_thousand_attributes_and_events_and_nothing_at_all() {
    let server = Server::start();
    let mut random = Random(11);
    let mut span = |change: &dyn Fn(&mut SpanData)| {
        let mut span = SpanData { start_time: SystemTime::UNIX_EPOCH, ..random.span() };
        span.attributes.clear();
        span.events.events.clear();
        span.links.links.clear();
        span.status = Status::Unset;
        span.name = "".into();
        span.instrumentation_scope = InstrumentationScope::default();
        change(&mut span);
        span
    };
    let nothing = |_: &mut SpanData| {};
    let attributes = |span: &mut SpanData| {
        span.attributes = (0..100_000).map(|n| KeyValue::new(format!("key.{n}"), n.to_string())).collect();
    };
    let empty = |span: &mut SpanData| span.attributes = vec![KeyValue::new("", ""); 70_000];
    let events = |span: &mut SpanData| {
        let event =
            |n: u64| Event::new("", SystemTime::UNIX_EPOCH + Duration::from_nanos(n), vec![KeyValue::new("", "")], 0);
        span.events.events = (0..100_000).map(event).collect();
    };
    let spans = vec![span(&nothing), span(&attributes), span(&nothing), span(&empty), span(&events), span(&nothing)];
    let resource = Resource::builder_empty().build();
    let expected = span_rows(&spans, &resource);
    for way in WAYS {
        server.insert(&encoder(way).spans(&spans, &resource));
        server.expect(Table::Traces, "SpanId", &expected, &format!("{way:?}"));
    }
}

/// More than one block of LZ4 holds, by far; more than the engine reads at once of JSON.
#[test]
fn twenty_thousand_rows_in_one_insert() {
    let server = Server::start();
    for seed in seeds() {
        let mut random = Random(seed);
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 20_000);
        let mut span = |number: u64| {
            let at = day + Duration::from_secs(number) + Duration::from_nanos(random.next() % 1_000_000_000);
            let mut span = random.span();
            // One in ten is as large as they come.
            if !number.is_multiple_of(10) {
                span.name = number.to_string().into();
                span.attributes.clear();
                span.events.events.clear();
                span.links.links.clear();
                span.status = Status::Unset;
                span.instrumentation_scope = InstrumentationScope::builder("scope").build();
            }
            SpanData { start_time: at, end_time: at + Duration::from_millis(number), ..span }
        };
        let spans: Vec<_> = (0..20_000).map(&mut span).collect();
        let resource = random.resource();
        let expected = span_rows(&spans, &resource);
        for way in [(Format::Native, Compression::Lz4), (Format::JsonEachRow, Compression::Gzip)] {
            let batches = encoder(&way).spans(&spans, &resource);
            assert_eq!(batches.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [20_000]);
            server.insert(&batches);
            server.expect(Table::Traces, "SpanId", &expected, &format!("seed {seed}, {way:?}"));
        }
    }
}

/// What an exporter cuts when a table has not all of the columns, and a server does not take so many rows at once.
#[test]
fn random_rows_are_cut_for_a_server_that_takes_less() {
    let server = Server::start();
    for (seed, way) in ways(300) {
        let mut random = Random(seed);
        let resource = random.resource();
        // Of one day, so that they are one insert.
        let at = |second: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 20_000 + second);
        let span = |second| SpanData { start_time: at(second), end_time: at(2 * second), ..random.span() };
        let spans: Vec<_> = (0..400).map(span).collect();
        let mut expected = span_rows(&spans, &resource);
        let mut columns = Layout::columns(Table::Traces);
        columns.retain(|(name, _)| ["Timestamp", "SpanId"].contains(name) || random.below(3) > 0);
        for row in expected.values_mut().filter_map(Json::as_object_mut) {
            row.retain(|name, _| columns.iter().any(|(column, _)| column == name));
        }
        let definitions: Vec<_> = columns.iter().map(|(name, kind)| format!("`{name}` {kind}")).collect();
        server.engine.query("DROP TABLE IF EXISTS otel.mine");
        server
            .engine
            .query(&format!("CREATE TABLE otel.mine ({}) ENGINE = MergeTree ORDER BY SpanId", definitions.join(", ")));
        let mut exporter = server
            .exporter(way)
            .create_schema(CreateSchema::Off)
            .table(Table::Traces, "mine")
            .backlog(64 << 20)
            .build()
            .expect("the settings are right");
        SpanExporter::set_resource(&mut exporter, &resource);
        let what = format!("seed {seed}, {way:?}, {} columns", columns.len());
        // The whole, its first half, and the first half of that.
        let message = "Too many partitions for single INSERT block (more than 100). (TOO_MANY_PARTS)";
        let refusal = json!({"mode": "exception", "match": "INSERT", "code": 252, "message": message, "count": 3});
        server.engine.fault(&refusal);
        export_spans(&exporter, spans).unwrap_or_else(|error| panic!("{what}: {error}"));
        let notes = exporter.status().notes().join("\n");
        assert_eq!(exporter.status().tries_failed(), 3, "{what}: {notes}");
        assert!(columns.len() == 22 || notes.contains("has no column"), "{what}: {notes}");
        server.expect_columns("mine", &columns, "SpanId", &expected, &what);
    }
}

/// By its own types, which it holds against those of the server.
#[test]
fn the_official_crate_reads_the_same_rows() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = clickhouse::Client::default().with_url(server.engine.endpoint()).with_validation(true);
    for seed in seeds() {
        let mut random = Random(seed);
        let resource = random.resource();
        let mut exporter = server.exporter(&(Format::Native, Compression::Lz4)).build().unwrap();
        SpanExporter::set_resource(&mut exporter, &resource);

        let spans: Vec<_> = (0..100).map(|_| random.span()).collect();
        let expected = span_rows(&spans, &resource);
        export_spans(&exporter, spans).unwrap();
        let rows = client.query("SELECT ?fields FROM otel.otel_traces").fetch_all::<SpanRow>();
        let rows = runtime.block_on(rows).unwrap().into_iter();
        let rows: Rows = rows.map(|row| (row.span_id.clone(), as_read(Table::Traces, &row))).collect();
        assert_same(&rows, &expected, &format!("seed {seed}, spans"));

        let records: Vec<_> = (0..100).map(|row| random.log(row)).collect();
        let expected: Rows = records
            .iter()
            .enumerate()
            .map(|(row, (log, scope))| (row.to_string(), log_row(log, scope, &resource)))
            .collect();
        let batch: Vec<_> = records.iter().map(|(log, scope)| (log, scope)).collect();
        block_on(LogExporter::export(&exporter, LogBatch::new(&batch))).unwrap();
        let rows = client.query("SELECT ?fields FROM otel.otel_logs").fetch_all::<LogRow>();
        let row_of = |row: LogRow| {
            let (_, number) = row.log_attributes.iter().find(|(key, _)| key == "row").expect("each has its number");
            (number.clone(), as_read(Table::Logs, &row))
        };
        let rows: Rows = runtime.block_on(rows).unwrap().into_iter().map(row_of).collect();
        assert_same(&rows, &expected, &format!("seed {seed}, log records"));
        for table in [Table::Traces, Table::Logs] {
            server.engine.query(&format!("TRUNCATE TABLE otel.{table}"));
        }
    }
}

/// No partition, sorting key or TTL is defined for these times, so that the server would drop their rows and say nothing.
#[test]
fn times_beyond_the_tables_are_clamped_and_counted() {
    let server = Server::start();
    let at = |nanos: i128| {
        let size =
            Duration::new((nanos.unsigned_abs() / 1_000_000_000) as u64, (nanos.unsigned_abs() % 1_000_000_000) as u32);
        if nanos < 0 { SystemTime::UNIX_EPOCH - size } else { SystemTime::UNIX_EPOCH + size }
    };
    let last = i128::from(LAST_SECOND) * 1_000_000_000 + 999_999_999;
    let mut random = Random(8);
    let mut spans = Vec::new();
    let times = [
        (-1, 0),
        (i128::from(i64::MIN), 0),
        (i128::from(i64::MIN) * 1000, 0),
        (last + 1, last),
        (i128::from(i64::MAX), last),
        (i128::from(i64::MAX) * 1000, last),
        (0, 0),
        (last, last),
    ];
    for (time, _) in times {
        spans.push(SpanData { start_time: at(time), end_time: at(time), ..random.span() });
    }
    let batches = Encoder::default().spans(&spans, &Resource::builder_empty().build());
    assert_eq!(
        batches.iter().map(|batch| (batch.day, batch.rows, batch.clamped)).collect::<Vec<_>>(),
        [(0, 4, 3), (47_481, 4, 3)]
    );
    server.insert(&batches);
    for (span, (_, stored)) in spans.iter().zip(times) {
        let id = hex(span.span_context.span_id().to_bytes());
        let sql = format!(
            "SELECT toUnixTimestamp64Nano(Timestamp), _partition_id FROM otel.otel_traces WHERE SpanId = '{id}'"
        );
        let partition = if stored == 0 { "19700101" } else { "20991231" };
        assert_eq!(server.engine.query(&sql), format!("{stored}\t{partition}"));
    }
}

/// The server takes at most 100 partitions in one insert.
#[test]
fn a_hundred_and_one_days_are_a_hundred_and_one_inserts() {
    let server = Server::start();
    let mut random = Random(9);
    let day = |number: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * (20_000 + number % 101) + number);
    let spans: Vec<_> = (0..303).map(|number| SpanData { start_time: day(number), ..random.span() }).collect();
    let resource = random.resource();
    let batches = Encoder::default().spans(&spans, &resource);
    assert_eq!(
        batches.iter().map(|batch| (batch.day, batch.rows)).collect::<Vec<_>>(),
        (20_000..20_101).map(|day| (day, 3)).collect::<Vec<_>>()
    );
    server.insert(&batches);
    let expected = span_rows(&spans, &resource);
    assert_eq!(server.engine.query("SELECT uniqExact(_partition_id), count() FROM otel.otel_traces"), "101\t303");
    server.expect(Table::Traces, "SpanId", &expected, "101 days");

    // And what happens to who does not do this.
    let refusal = server.engine.try_query(
        "INSERT INTO otel.otel_traces (Timestamp, SpanId) SELECT toDateTime64('2026-01-01 00:00:00', 9, 'UTC') + toIntervalDay(number), 'x' FROM numbers(101)",
    );
    assert_eq!(refusal.unwrap_err().code, Some(252));
}

#[test]
fn what_a_layout_leaves_out_or_renames_is_so_in_the_insert() {
    let server = Server::start();
    server.engine.query(
        "CREATE TABLE otel.mine (Timestamp DateTime64(9), id String, SpanName String) ENGINE = MergeTree ORDER BY id",
    );
    let mut layout = Layout::default().rename("SpanId", "id");
    for (column, _) in Layout::columns(Table::Traces) {
        if !["Timestamp", "SpanId", "SpanName"].contains(&column) {
            layout = layout.without(column);
        }
    }
    let span = SpanData {
        start_time: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        name: "hello".into(),
        ..Random(10).span()
    };
    for format in [Format::Native, Format::JsonEachRow] {
        let mut encoder = Encoder::default().format(format);
        encoder.set_layout(Table::Traces, layout.clone());
        let [batch] = &*encoder.spans(std::slice::from_ref(&span), &Resource::builder_empty().build()) else {
            panic!()
        };
        let schema = Schema::new().database("otel").table(Table::Traces, "mine");
        server.engine.insert(&schema.insert(Table::Traces, format), None, &batch.body).unwrap();
    }
    let id = hex(span.span_context.span_id().to_bytes());
    let row = json!({"s": 1, "id": id, "SpanName": "hello"});
    let rows = server.engine.rows("SELECT toInt32(Timestamp) AS s, id, SpanName FROM otel.mine");
    assert_eq!(rows, [row.clone(), row]);
}

#[test]
fn nothing_to_encode_is_no_insert() {
    let resource = Resource::builder_empty().build();
    assert_eq!(Encoder::default().spans(&[], &resource), []);
    assert_eq!(Encoder::default().logs([], &resource), []);
    assert_eq!(Encoder::default().metrics(&ResourceMetrics::default()), []);
}

fn encoder(way: &(Format, Compression)) -> Encoder {
    Encoder::default().format(way.0).compression(way.1)
}

/// The engine with the collector's tables, none of which forgets.
struct Server {
    engine: ClickHouse,
    schema: Schema,
}

impl Server {
    fn start() -> Self {
        let engine = ClickHouse::start();
        let schema = Schema::new().database("otel").trace_days(0).log_days(0).metric_days(0).aggregate_days(0);
        schema.statements().iter().for_each(|statement| drop(engine.query(statement)));
        Server { engine, schema }
    }

    fn insert(&self, batches: &[Batch]) {
        for (place, batch) in batches.iter().enumerate() {
            // Without a token of its own an insert that equals an earlier one would be taken for a retry.
            let token = format!("{place} {:?}", std::time::Instant::now());
            let strict = [("async_insert", "0"), ("input_format_skip_unknown_fields", "0")];
            let settings = [&strict, &[("insert_deduplication_token", &*token)][..], batch.format.settings()].concat();
            let statement = self.schema.insert(batch.table, batch.format);
            let inserted =
                self.engine.insert_with(&statement, &settings, batch.compression.content_encoding(), &batch.body);
            inserted.unwrap_or_else(|refusal| panic!("{batch:?} {refusal:?}"));
        }
    }

    /// An exporter into these tables. Its requests may take long, since the engine shares two cores with the tests.
    fn exporter(&self, way: &(Format, Compression)) -> ClickHouseBuilder {
        ClickHouseExporter::builder(self.engine.endpoint())
            .schema(self.schema.clone())
            .format(way.0)
            .compression(way.1)
            .timeout(Duration::from_secs(60))
    }

    /// The table holds these rows and no others. It is empty afterwards.
    fn expect(&self, table: Table, key: &str, expected: &Rows, what: &str) {
        self.expect_columns(table.default_name(), &Layout::columns(table), key, expected, what);
    }

    fn expect_columns(
        &self,
        name: &str,
        columns: &[(&'static str, Cow<'static, str>)],
        key: &str,
        expected: &Rows,
        what: &str,
    ) {
        let columns: Vec<_> = columns.iter().map(|(name, kind)| format!("{} AS `{name}`", exact(name, kind))).collect();
        let sql =
            format!("SELECT `the key`, {} FROM (SELECT *, {key} AS `the key` FROM otel.{name})", columns.join(", "));
        let rows = self.engine.rows(&sql);
        assert_eq!(rows.len(), expected.len(), "{name}, {what}");
        let keyed = |mut row: Json| {
            let key = row.as_object_mut().and_then(|row| row.remove("the key")).expect("it was asked for");
            (key.as_str().expect("keys are text").to_owned(), row)
        };
        assert_same(&rows.into_iter().map(keyed).collect(), expected, &format!("{name}, {what}"));
        self.engine.query(&format!("TRUNCATE TABLE otel.{name}"));
    }
}

#[track_caller]
fn assert_same(rows: &Rows, expected: &Rows, what: &str) {
    assert!(rows.keys().eq(expected.keys()), "{what}: other rows");
    for (key, row) in rows {
        let expected = &expected[key];
        if row != expected {
            let differ = |name: &&String| row.get(*name) != expected.get(*name);
            let both = row.as_object().into_iter().chain(expected.as_object()).flat_map(serde_json::Map::keys);
            let names: std::collections::BTreeSet<_> = both.filter(differ).collect();
            for name in &names {
                let shown = |row: &Json| row.get(*name).map_or("nothing".to_owned(), Json::to_string);
                eprintln!("{name}: {:.500} instead of {:.500}", shown(row), shown(expected));
            }
            panic!("{what}: {key} differs in {names:?}");
        }
    }
}

/// A row of the official crate's in the form of [`exact`]: numbers of 64 bits as text.
fn as_read(table: Table, row: &impl Serialize) -> Json {
    let mut row = serde_json::to_value(row).expect("rows are JSON");
    for (name, kind) in Layout::columns(table) {
        let as_text = |value: &mut Json| *value = json!(value.to_string());
        match &*kind {
            "DateTime64(9)" | "UInt64" => as_text(&mut row[name]),
            "Array(DateTime64(9))" => row[name].as_array_mut().expect("it is a list").iter_mut().for_each(as_text),
            _ => {}
        }
    }
    row
}

/// A column in a form that JSON cannot make inexact.
fn exact(name: &str, kind: &str) -> String {
    let one = |value: &str, kind: &str| match kind {
        "DateTime64(9)" => format!("toString(toUnixTimestamp64Nano({value}))"),
        "Float64" => format!("toString(reinterpretAsUInt64({value}))"),
        "Map(LowCardinality(String), String)" => format!("CAST({value}, 'Array(Tuple(String, String))')"),
        _ => value.to_owned(),
    };
    match kind.strip_prefix("Array(").and_then(|kind| kind.strip_suffix(')')) {
        Some(kind) => format!("arrayMap(x -> {}, `{name}`)", one("x", kind)),
        None => one(&format!("`{name}`"), kind),
    }
}

/// Spans by their ids.
fn span_rows(spans: &[SpanData], resource: &Resource) -> Rows {
    spans.iter().map(|span| (hex(span.span_context.span_id().to_bytes()), span_row(span, resource))).collect()
}

fn span_row(span: &SpanData, resource: &Resource) -> Json {
    let context = &span.span_context;
    let (events, links) = (&span.events.events, &span.links.links);
    let (code, message) = match &span.status {
        Status::Unset => ("Unset", ""),
        Status::Ok => ("Ok", ""),
        Status::Error { description } => ("Error", &**description),
    };
    json!({
        "Timestamp": nanos(span.start_time).to_string(),
        "TraceId": hex(context.trace_id().to_bytes()),
        "SpanId": hex(context.span_id().to_bytes()),
        "ParentSpanId": hex(span.parent_span_id.to_bytes()),
        "TraceState": context.trace_state().header(),
        "SpanName": span.name,
        "SpanKind": match span.span_kind {
            SpanKind::Internal => "Internal",
            SpanKind::Server => "Server",
            SpanKind::Client => "Client",
            SpanKind::Producer => "Producer",
            SpanKind::Consumer => "Consumer",
        },
        "ServiceName": service(resource),
        "ResourceAttributes": resource_attributes(resource),
        "ScopeName": span.instrumentation_scope.name(),
        "ScopeVersion": span.instrumentation_scope.version().unwrap_or_default(),
        "SpanAttributes": attributes(&span.attributes),
        "Duration": (nanos(span.end_time) - nanos(span.start_time)).max(0).to_string(),
        "StatusCode": code,
        "StatusMessage": message,
        "Events.Timestamp": events.iter().map(|event| nanos(event.timestamp).to_string()).collect::<Vec<_>>(),
        "Events.Name": events.iter().map(|event| &*event.name).collect::<Vec<_>>(),
        "Events.Attributes": events.iter().map(|event| attributes(&event.attributes)).collect::<Vec<_>>(),
        "Links.TraceId": links.iter().map(|link| hex(link.span_context.trace_id().to_bytes())).collect::<Vec<_>>(),
        "Links.SpanId": links.iter().map(|link| hex(link.span_context.span_id().to_bytes())).collect::<Vec<_>>(),
        "Links.TraceState": links.iter().map(|link| link.span_context.trace_state().header()).collect::<Vec<_>>(),
        "Links.Attributes": links.iter().map(|link| attributes(&link.attributes)).collect::<Vec<_>>(),
    })
}

fn log_row(log: &SdkLogRecord, scope: &InstrumentationScope, resource: &Resource) -> Json {
    let context = log.trace_context();
    json!({
        "Timestamp": nanos(log.timestamp().or(log.observed_timestamp()).unwrap()).to_string(),
        "TraceId": context.map(|context| hex(context.trace_id.to_bytes())).unwrap_or_default(),
        "SpanId": context.map(|context| hex(context.span_id.to_bytes())).unwrap_or_default(),
        "TraceFlags": context.and_then(|context| context.trace_flags).map_or(0, |flags| flags.to_u8()),
        "SeverityText": log.severity_text().unwrap_or_default(),
        "SeverityNumber": log.severity_number().map_or(0, |number| number as i32),
        "ServiceName": service(resource),
        "Body": log.body().map(any_text).unwrap_or_default(),
        "ResourceSchemaUrl": resource.schema_url().unwrap_or_default(),
        "ResourceAttributes": resource_attributes(resource),
        "ScopeSchemaUrl": scope.schema_url().unwrap_or_default(),
        "ScopeName": log.target().map_or(scope.name(), |target| target),
        "ScopeVersion": scope.version().unwrap_or_default(),
        "ScopeAttributes": attributes(scope.attributes()),
        "LogAttributes": log.attributes_iter().map(|(key, value)| json!([key.as_str(), any_text(value)])).collect::<Vec<_>>(),
        "EventName": log.event_name().unwrap_or_default(),
    })
}

/// Instruments of all kinds and numbers, and what they measured at random.
fn measure(random: &mut Random, encoder: Encoder, temporality: Temporality) -> Measured {
    let taken = Arc::new(Mutex::new((Vec::new(), BTreeMap::new())));
    let reader = PeriodicReader::builder(Capture { encoder, temporality, taken: Arc::clone(&taken) })
        .with_interval(Duration::from_secs(3600));
    let exponential = |instrument: &Instrument| {
        let aggregation = Aggregation::Base2ExponentialHistogram {
            max_size: 20,
            max_scale: 10,
            record_min_max: instrument.name() != "exponential.i",
        };
        instrument
            .name()
            .starts_with("exponential")
            .then(|| Stream::builder().with_aggregation(aggregation).build().unwrap())
    };
    let provider = SdkMeterProvider::builder()
        .with_resource(random.resource())
        .with_reader(reader.build())
        .with_view(exponential)
        .build();
    let scope =
        InstrumentationScope::builder(random.text()).with_version(random.text()).with_attributes(random.attributes(3));
    let meter = provider.meter_with_scope(scope.with_schema_url("https://example.com").build());
    let (gauge, gauge_i) = (meter.f64_gauge("gauge.f").with_unit("ms").build(), meter.i64_gauge("gauge.i").build());
    let gauge_u = meter.u64_gauge("gauge.u").with_description(random.text()).build();
    let (sum, sum_u) = (meter.f64_counter("sum.f").build(), meter.u64_counter("sum.u").build());
    let (up_down, up_down_i) =
        (meter.f64_up_down_counter("sum.ud").build(), meter.i64_up_down_counter("sum.i").build());
    let (histogram, histogram_u) =
        (meter.f64_histogram("histogram.f").build(), meter.u64_histogram("histogram.u").build());
    let bounds =
        meter.f64_histogram("histogram.bounds").with_boundaries(vec![-1e308, -0.5, 0.0, 1e-300, 1e308]).build();
    let no_bounds = meter.f64_histogram("histogram.none").with_boundaries(Vec::new()).build();
    let (exponential, exponential_u) =
        (meter.f64_histogram("exponential.f").build(), meter.u64_histogram("exponential.i").build());
    for row in 0..20 {
        let mut attributes = random.attributes(4);
        // To the SDK an attribute that is not a number equals none, itself included: each measurement is a series.
        let is_nan = |value: &Value| matches!(value, Value::F64(number) if number.is_nan());
        attributes.retain(|attribute| !attribute.key.as_str().is_empty() && !is_nan(&attribute.value));
        attributes.push(KeyValue::new("row", row));
        if row == 0 {
            // The SDK takes only numbers, but their sums overflow.
            (0..2).for_each(|_| sum.add(f64::MAX, &attributes));
            (0..2).for_each(|_| up_down.add(-f64::MAX, &attributes));
        }
        for _ in 0..=random.below(5) {
            let any = random.next() as f64;
            let float = random.one_of(&[0.0, -0.0, 0.1, 1e-300, 1e17, f64::MAX, f64::MIN_POSITIVE, any]);
            let signed = if random.below(2) == 0 { float } else { -float };
            let (unsigned, integer) = (random.next() >> random.below(60), random.next() as i64 >> random.below(60));
            gauge.record(signed, &attributes);
            gauge_i.record(integer, &attributes);
            gauge_u.record(unsigned, &attributes);
            sum.add(float, &attributes);
            sum_u.add(unsigned >> 3, &attributes);
            up_down.add(signed, &attributes);
            up_down_i.add(integer >> 3, &attributes);
            histogram.record(float, &attributes);
            histogram_u.record(unsigned >> 3, &attributes);
            bounds.record(signed, &attributes);
            no_bounds.record(signed, &attributes);
            exponential.record(signed, &attributes);
            exponential_u.record(unsigned >> 3, &attributes);
        }
    }
    provider.force_flush().unwrap();
    let taken = std::mem::take(&mut *taken.lock().unwrap());
    let rows: usize = taken.1.values().map(BTreeMap::len).sum();
    assert_eq!(rows, 13 * 20);
    taken
}

/// Encodes what it is given, and writes down what should be read back.
struct Capture {
    encoder: Encoder,
    temporality: Temporality,
    taken: Arc<Mutex<Measured>>,
}

impl PushMetricExporter for Capture {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut expected = BTreeMap::new();
        for scope in metrics.scope_metrics() {
            for metric in scope.metrics() {
                match metric.data() {
                    AggregatedMetrics::F64(data) => points(metrics, scope.scope(), metric, data, &mut expected),
                    AggregatedMetrics::U64(data) => points(metrics, scope.scope(), metric, data, &mut expected),
                    AggregatedMetrics::I64(data) => points(metrics, scope.scope(), metric, data, &mut expected),
                }
            }
        }
        // Once more at the end, when nothing is new.
        let mut taken = self.taken.lock().unwrap();
        if taken.0.is_empty() {
            *taken = (self.encoder.metrics(metrics), expected);
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

trait AsF64: Copy {
    fn f64(self) -> f64;
}

impl AsF64 for f64 {
    fn f64(self) -> f64 {
        self
    }
}

impl AsF64 for u64 {
    fn f64(self) -> f64 {
        self as f64
    }
}

impl AsF64 for i64 {
    fn f64(self) -> f64 {
        self as f64
    }
}

fn points<T: AsF64>(
    metrics: &ResourceMetrics,
    scope: &InstrumentationScope,
    metric: &Metric,
    data: &MetricData<T>,
    expected: &mut BTreeMap<Table, Rows>,
) {
    let bits = |value: f64| value.to_bits().to_string();
    let temporality = |temporality| match temporality {
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
        other => panic!("{other:?}"),
    };
    let mut add = |table, labels: Vec<&KeyValue>, start: Option<SystemTime>, time, own: Json| {
        let row =
            labels.iter().find(|label| label.key.as_str() == "row").expect("each has one").value.as_str().into_owned();
        let mut point = json!({
            "ResourceAttributes": resource_attributes(metrics.resource()),
            "ResourceSchemaUrl": metrics.resource().schema_url().unwrap_or_default(),
            "ScopeName": scope.name(),
            "ScopeVersion": scope.version().unwrap_or_default(),
            "ScopeAttributes": attributes(scope.attributes()),
            "ScopeDroppedAttrCount": 0,
            "ScopeSchemaUrl": scope.schema_url().unwrap_or_default(),
            "ServiceName": service(metrics.resource()),
            "MetricName": metric.name(),
            "MetricDescription": metric.description(),
            "MetricUnit": metric.unit(),
            "Attributes": attributes(labels),
            "StartTimeUnix": start.map_or(0, nanos).to_string(),
            "TimeUnix": nanos(time).to_string(),
            "Flags": 0,
            // The SDK takes no exemplars yet.
            "Exemplars.FilteredAttributes": [], "Exemplars.TimeUnix": [], "Exemplars.Value": [],
            "Exemplars.SpanId": [], "Exemplars.TraceId": [],
        });
        point.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        expected.entry(table).or_default().insert(format!("{}{row}", metric.name()), point);
    };
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                let own = json!({"Value": bits(point.value().f64())});
                add(Table::Gauge, point.attributes().collect(), gauge.start_time(), gauge.time(), own);
            }
        }
        MetricData::Sum(sum) => {
            for point in sum.data_points() {
                let own = json!({
                    "Value": bits(point.value().f64()),
                    "AggregationTemporality": temporality(sum.temporality()),
                    "IsMonotonic": sum.is_monotonic(),
                });
                add(Table::Sum, point.attributes().collect(), Some(sum.start_time()), sum.time(), own);
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                let own = json!({
                    "Count": point.count().to_string(),
                    "Sum": bits(point.sum().f64()),
                    "BucketCounts": point.bucket_counts().map(|count| count.to_string()).collect::<Vec<_>>(),
                    "ExplicitBounds": point.bounds().map(bits).collect::<Vec<_>>(),
                    "Min": bits(point.min().map_or(0.0, AsF64::f64)),
                    "Max": bits(point.max().map_or(0.0, AsF64::f64)),
                    "AggregationTemporality": temporality(histogram.temporality()),
                });
                add(
                    Table::Histogram,
                    point.attributes().collect(),
                    Some(histogram.start_time()),
                    histogram.time(),
                    own,
                );
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                let own = json!({
                    "Count": point.count().to_string(),
                    "Sum": bits(point.sum().f64()),
                    "Scale": point.scale(),
                    "ZeroCount": point.zero_count().to_string(),
                    "PositiveOffset": point.positive_bucket().offset(),
                    "PositiveBucketCounts": point.positive_bucket().counts().map(|count| count.to_string()).collect::<Vec<_>>(),
                    "NegativeOffset": point.negative_bucket().offset(),
                    "NegativeBucketCounts": point.negative_bucket().counts().map(|count| count.to_string()).collect::<Vec<_>>(),
                    "Min": bits(point.min().map_or(0.0, AsF64::f64)),
                    "Max": bits(point.max().map_or(0.0, AsF64::f64)),
                    "AggregationTemporality": temporality(histogram.temporality()),
                });
                add(
                    Table::ExponentialHistogram,
                    point.attributes().collect(),
                    Some(histogram.start_time()),
                    histogram.time(),
                    own,
                );
            }
        }
    }
}

fn service(resource: &Resource) -> String {
    resource.get_ref(&Key::from_static_str("service.name")).map(text).unwrap_or_default()
}

/// In the order of their keys: a resource has none of its own.
fn resource_attributes(resource: &Resource) -> Json {
    let mut attributes: Vec<_> = resource.iter().collect();
    attributes.sort_by_key(|(key, _)| *key);
    attributes.into_iter().map(|(key, value)| json!([key.as_str(), text(value)])).collect()
}

fn attributes<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> Json {
    attributes.into_iter().map(|attribute| json!([attribute.key.as_str(), text(&attribute.value)])).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::F64(value) => double(*value).to_owned(),
        Value::Array(_) => {
            lists().into_iter().find(|(list, _)| format!("{list:?}") == format!("{value:?}")).unwrap().1.to_owned()
        }
        other => other.as_str().into_owned(),
    }
}

fn any_text(value: &AnyValue) -> String {
    match value {
        AnyValue::String(value) => value.as_str().to_owned(),
        AnyValue::Int(value) => value.to_string(),
        AnyValue::Boolean(value) => value.to_string(),
        AnyValue::Double(value) => double(*value).to_owned(),
        other => trees().into_iter().find(|(tree, _)| tree == other).unwrap().1.to_owned(),
    }
}

fn double(value: f64) -> &'static str {
    DOUBLES.iter().find(|(known, _)| known.to_bits() == value.to_bits()).unwrap().1
}

fn nanos(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

/// Lower-case, and empty for the id that is none.
fn hex<const N: usize>(id: [u8; N]) -> String {
    if id == [0; N] { String::new() } else { id.iter().map(|byte| format!("{byte:02x}")).collect() }
}
