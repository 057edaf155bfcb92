//! Promise: what our exporter writes is what others write who fill the collector's tables. rotel gets the same spans, log
//! records and metrics over OTLP and writes them into twin tables; the engine compares them, column by column.
//!
//! Where the two differ it is by design, and the difference is named here: ours is then what the OpenTelemetry collector's
//! own exporter writes.

#![cfg(all(feature = "otlp", feature = "clickhouse", feature = "real-components"))]

#[path = "support/chdb.rs"]
mod chdb;
#[path = "support/random.rs"]
mod random;
#[path = "support/rotel.rs"]
mod rotel;
#[path = "support/spans.rs"]
mod spans;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use chdb::ClickHouse;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::{InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message as _;
use random::Random;
use rotel::Rotel;
use spans::{block_on, now, spans};
use tracing_privacy::clickhouse::{ClickHouseExporter, Layout, Schema, Table};

/// More than anything here takes on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn spans_are_the_same_in_every_column() {
    let twins = Twins::start();
    let mut random = Random(1);
    for _ in 0..3 {
        let resource = resource(&mut random);
        let spans: Vec<_> = (0..100).map(|_| plain_span(&mut random)).collect();
        twins.spans(&spans, &resource);
    }
    assert_eq!(twins.rows(Table::Traces, 300), 300);
    for (column, _) in Layout::columns(Table::Traces) {
        let mut differing = twins.differing(Table::Traces, column, "SpanId");
        if column == "SpanKind" {
            // The collector has a consumer as we have it; that rotel has it as this is a slip.
            differing.retain(|(ours, theirs)| (&**ours, &**theirs) != ("Consumer", "client"));
        }
        assert_eq!(differing, NONE, "{column}");
    }
    // And what the views made of them.
    let per_minute = |database: &str| {
        twins.engine.query(&format!(
            "SELECT Minute, ServiceName, SpanName, if(SpanKind = 'client', 'Consumer', SpanKind) AS Kind, sum(Spans), \
             sum(Errors), max(MaxDuration) FROM {database}.otel_traces_per_minute GROUP BY ALL ORDER BY ALL"
        ))
    };
    assert_eq!(per_minute("ours"), per_minute("theirs"));
}

#[test]
fn log_records_are_the_same_in_every_column_but_one() {
    let twins = Twins::start();
    let mut random = Random(2);
    let resource = resource(&mut random);
    let records: Vec<_> = (0..300).map(|row| plain_log(&mut random, row)).collect();
    twins.logs(&records, &resource);
    assert_eq!(twins.rows(Table::Logs, 300), 300);
    for (column, _) in Layout::columns(Table::Logs) {
        let expected = match column {
            // It was added to the collector's tables later, and this rotel does not know it.
            "EventName" => records.iter().filter(|(record, _)| record.event_name().is_some()).count(),
            _ => 0,
        };
        let differing = twins.differing(Table::Logs, column, "LogAttributes['row']");
        assert_eq!(differing.len(), expected, "{column}: {differing:?}");
        assert!(differing.iter().all(|(ours, theirs)| ours == "order.placed" && theirs.is_empty()), "{differing:?}");
    }
}

#[test]
fn points_of_all_metrics_are_the_same_in_every_column() {
    let twins = Twins::start();
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        twins.measure(temporality);
    }
    for (table, points) in
        [(Table::Gauge, 6), (Table::Sum, 12), (Table::Histogram, 6), (Table::ExponentialHistogram, 6)]
    {
        assert_eq!(twins.rows(table, points), points, "{table}");
        for (column, _) in Layout::columns(table) {
            let key = "(MetricName, TimeUnix, Attributes)";
            assert_eq!(twins.differing(table, column, key), NONE, "{table} {column}");
        }
    }
}

#[test]
fn values_of_other_types_are_written_as_the_collector_writes_them() {
    let twins = Twins::start();
    let bytes = || AnyValue::Bytes(Box::new(vec![0xfb, 0xff]));
    let list = || AnyValue::ListAny(Box::new(vec![AnyValue::Int(1), "x".into()]));
    let map = || AnyValue::Map(Box::new(HashMap::from([(Key::new("a"), AnyValue::Boolean(true))])));
    // What the attribute is, what we write, and what rotel writes: numbers as Rust shows them, lists and maps as the JSON of
    // the protocol's own messages, and bytes in hex.
    let values: [(AnyValue, &str, &str); 8] = [
        (AnyValue::Double(1.0), "1", "1.0"),
        (AnyValue::Double(1e21), "1e+21", "1e21"),
        (AnyValue::Double(f64::INFINITY), "+Inf", "null"),
        (AnyValue::Double(f64::NAN), "NaN", "null"),
        (AnyValue::Double(0.1), "0.1", "0.1"),
        (list(), r#"[1,"x"]"#, r#"{"values":[{"intValue":"1"},{"stringValue":"x"}]}"#),
        (map(), r#"{"a":true}"#, r#"{"values":[{"key":"a","value":{"boolValue":true}}]}"#),
        (bytes(), "+/8=", "fbff"),
    ];
    let scope = InstrumentationScope::builder("shop").build();
    let records: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(row, (value, ..))| {
            let mut record = log_record();
            record.set_timestamp(now());
            record.set_body(value.clone());
            record.add_attribute("row", row as i64);
            record.add_attribute("value", value.clone());
            (record, scope.clone())
        })
        .collect();
    twins.logs(&records, &Resource::builder_empty().build());
    assert_eq!(twins.rows(Table::Logs, 8), 8);
    let written = |database: &str, column: &str| -> Vec<String> {
        let sql = format!("SELECT {column} AS value FROM {database}.otel_logs ORDER BY LogAttributes['row']");
        twins.engine.rows(&sql).iter().map(|row| row["value"].as_str().unwrap().to_owned()).collect()
    };
    for column in ["Body", "LogAttributes['value']"] {
        assert_eq!(written("ours", column), values.each_ref().map(|(_, ours, _)| *ours), "{column}");
        assert_eq!(written("theirs", column), values.each_ref().map(|(.., theirs)| *theirs), "{column}");
    }

    // Spans know no maps; their lists are of one type.
    let mut span = spans(now(), 1).remove(0);
    span.attributes = vec![
        KeyValue::new("texts", Value::Array(vec![StringValue::from("a"), "b".into()].into())),
        KeyValue::new("numbers", Value::Array(vec![1.0, 0.5].into())),
    ];
    // A clock that went back makes no duration, and not one of 584 years.
    span.end_time = span.start_time - Duration::from_nanos(1);
    twins.spans(std::slice::from_ref(&span), &Resource::builder_empty().build());
    assert_eq!(twins.rows(Table::Traces, 1), 1);
    let of = |database: &str| {
        twins
            .engine
            .query(&format!("SELECT Duration, mapValues(SpanAttributes) FROM {database}.otel_traces FORMAT TSVRaw"))
    };
    assert_eq!(of("ours"), r#"0	['["a","b"]','[1,0.5]']"#);
    let texts = r#"{"values":[{"stringValue":"a"},{"stringValue":"b"}]}"#;
    let numbers = r#"{"values":[{"doubleValue":1.0},{"doubleValue":0.5}]}"#;
    assert_eq!(of("theirs"), format!("{}\t['{texts}','{numbers}']", u64::MAX));
}

#[test]
fn a_log_record_without_a_time_has_that_of_its_observation() {
    let twins = Twins::start();
    let mut record = log_record();
    record.set_observed_timestamp(now());
    record.add_attribute("row", 0);
    let scope = InstrumentationScope::builder("shop").build();
    twins.logs(&[(record, scope)], &Resource::builder_empty().build());
    assert_eq!(twins.rows(Table::Logs, 1), 1);
    // As the collector has it; rotel has 1970, which a table with a TTL drops at once.
    let seconds = now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let time =
        |database: &str| twins.engine.query(&format!("SELECT toUnixTimestamp(Timestamp) FROM {database}.otel_logs"));
    assert!(time("ours").parse::<u64>().unwrap().abs_diff(seconds) < 600);
    assert_eq!(time("theirs"), "0");
}

const NONE: Vec<(String, String)> = Vec::new();

/// The same tables twice: ours, which our exporter fills, and theirs, which rotel does.
struct Twins {
    rotel: Rotel,
    engine: ClickHouse,
    exporter: ClickHouseExporter,
}

impl Twins {
    fn start() -> Self {
        let engine = ClickHouse::start();
        // Random times are of all years.
        let schema = Schema::new().trace_days(0).log_days(0).metric_days(0).aggregate_days(0);
        for database in ["ours", "theirs"] {
            engine.run(&schema.clone().database(database).to_sql());
        }
        let rotel = Rotel::start_with(&[
            "--exporter",
            "clickhouse",
            "--clickhouse-exporter-endpoint",
            engine.endpoint(),
            "--clickhouse-exporter-database",
            "theirs",
            "--clickhouse-exporter-async-insert",
            "false",
        ]);
        let exporter = ClickHouseExporter::builder(engine.endpoint()).database("ours").timeout(LONG).build().unwrap();
        Twins { rotel, engine, exporter }
    }

    fn spans(&self, spans: &[SpanData], resource: &Resource) {
        let mut exporter = self.exporter.clone();
        SpanExporter::set_resource(&mut exporter, resource);
        spans::export_spans(&exporter, spans.to_vec()).unwrap();
        let resource = ResourceAttributesWithSchema::from(resource);
        let resource_spans = group_spans_by_resource_and_scope(spans.to_vec(), &resource);
        self.rotel.send("/v1/traces", &ExportTraceServiceRequest { resource_spans }.encode_to_vec());
    }

    fn logs(&self, records: &[(SdkLogRecord, InstrumentationScope)], resource: &Resource) {
        let records: Vec<_> = records.iter().map(|(record, scope)| (record, scope)).collect();
        let batch = || LogBatch::new(&records);
        let mut exporter = self.exporter.clone();
        LogExporter::set_resource(&mut exporter, resource);
        block_on(LogExporter::export(&exporter, batch())).unwrap();
        let resource = ResourceAttributesWithSchema::from(resource);
        let resource_logs = group_logs_by_resource_and_scope(&batch(), &resource);
        self.rotel.send("/v1/logs", &ExportLogsServiceRequest { resource_logs }.encode_to_vec());
    }

    /// Measures with instruments of all kinds, three series each.
    fn measure(&self, temporality: Temporality) {
        let both = Both { exporter: self.exporter.clone(), temporality, messages: Mutex::default() };
        let both = Arc::new(both);
        let reader = PeriodicReader::builder(Shared(Arc::clone(&both))).with_interval(LONG * 60);
        let exponential = |instrument: &Instrument| {
            let aggregation =
                Aggregation::Base2ExponentialHistogram { max_size: 20, max_scale: 10, record_min_max: true };
            let is_one = instrument.name() == "exponential";
            is_one.then(|| Stream::builder().with_aggregation(aggregation).build().unwrap())
        };
        let resource = Resource::builder_empty().with_service_name("shop");
        let provider = SdkMeterProvider::builder()
            .with_resource(resource.with_schema_url([KeyValue::new("a", 1)], "https://example.com/resource").build())
            .with_reader(reader.build())
            .with_view(exponential)
            .build();
        let scope = InstrumentationScope::builder("meter").with_version("1.2").with_schema_url("https://example.com");
        let meter = provider.meter_with_scope(scope.with_attributes([KeyValue::new("b", "c")]).build());
        for series in 0..3 {
            let labels = [KeyValue::new("series", series), KeyValue::new("route", "/cart")];
            meter.f64_gauge("gauge").with_unit("ms").build().record(0.5, &labels);
            meter.u64_counter("orders").with_description("placed").build().add(7, &labels);
            meter.f64_up_down_counter("queue").build().add(-2.5, &labels);
            for value in [0.25, 3.0, 1e9] {
                meter.f64_histogram("latency").with_unit("s").build().record(value, &labels);
                meter.f64_histogram("exponential").build().record(-value, &labels);
                meter.f64_histogram("exponential").build().record(value * 2.0, &labels);
            }
        }
        provider.shutdown().unwrap();
        for message in both.messages.lock().unwrap().drain(..) {
            self.rotel.send("/v1/metrics", &message);
        }
    }

    /// Waits until both tables have so many rows, and returns how many the twin has then.
    fn rows(&self, table: Table, expected: u64) -> u64 {
        let count = |database: &str| -> u64 {
            self.engine.query(&format!("SELECT count() FROM {database}.{table}")).parse().unwrap()
        };
        assert_eq!(count("ours"), expected, "{table}");
        let end = Instant::now() + LONG;
        loop {
            let rows = count("theirs");
            if rows >= expected || Instant::now() > end {
                assert_eq!(rows, expected, "{table}: {}", self.rotel.log());
                return rows;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a column has here and there in the rows in which it differs, after it was seen that each row has its twin.
    fn differing(&self, table: Table, column: &str, key: &str) -> Vec<(String, String)> {
        let value = match column {
            // A resource has no order. We write the one of its keys, rotel the one that it got.
            "ResourceAttributes" => "mapSort(ResourceAttributes)".to_owned(),
            column => format!("`{column}`"),
        };
        let rows = |database: &str| {
            format!("(SELECT toString({key}) AS key, toString({value}) AS value FROM {database}.{table})")
        };
        let join = format!("FROM {} AS a FULL JOIN {} AS b ON a.key = b.key", rows("ours"), rows("theirs"));
        let unpaired = format!("SELECT countIf(a.key = '' OR b.key = ''), uniqExact(a.key) = count() {join}");
        assert_eq!(self.engine.query(&unpaired), "0\t1", "{table}");
        let differing = self.engine.rows(&format!("SELECT a.value AS a, b.value AS b {join} WHERE a.value != b.value"));
        let text = |value: &serde_json::Value| value.as_str().expect("it is text").to_owned();
        differing.iter().map(|row| (text(&row["a"]), text(&row["b"]))).collect()
    }
}

/// Exports metrics, and keeps them as OTLP has them.
struct Both {
    exporter: ClickHouseExporter,
    temporality: Temporality,
    messages: Mutex<Vec<Vec<u8>>>,
}

struct Shared(Arc<Both>);

impl PushMetricExporter for Shared {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let message = ExportMetricsServiceRequest::from(metrics).encode_to_vec();
        PushMetricExporter::export(&self.0.exporter, metrics).await?;
        self.0.messages.lock().unwrap().push(message);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.0.temporality
    }
}

fn resource(random: &mut Random) -> Resource {
    let random = random.resource();
    let mut attributes: Vec<_> = random.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    make_plain(&mut attributes);
    let builder = Resource::builder_empty().with_service_name("shop");
    builder.with_schema_url(attributes, "https://opentelemetry.io/schemas/1.30.0").build()
}

/// A random span, but for what is named as a difference elsewhere.
fn plain_span(random: &mut Random) -> SpanData {
    let mut span = random.span();
    span.end_time = span.end_time.max(span.start_time);
    make_plain(&mut span.attributes);
    for event in &mut span.events.events {
        make_plain(&mut event.attributes);
        // OTLP has no time before that.
        event.timestamp = event.timestamp.max(SystemTime::UNIX_EPOCH);
    }
    span.links.links.iter_mut().for_each(|link| make_plain(&mut link.attributes));
    span.instrumentation_scope = plain_scope(&span.instrumentation_scope);
    span
}

fn plain_log(random: &mut Random, row: usize) -> (SdkLogRecord, InstrumentationScope) {
    let (random, scope) = random.log(row);
    let plain = |value: &AnyValue| match value {
        AnyValue::String(_) | AnyValue::Int(_) | AnyValue::Boolean(_) => value.clone(),
        _ => AnyValue::Double(0.1),
    };
    let mut record = log_record();
    record.set_timestamp(random.timestamp().unwrap_or_else(now));
    if let Some(target) = random.target() {
        record.set_target(target.clone());
    }
    if let Some(context) = random.trace_context() {
        record.set_trace_context(context.trace_id, context.span_id, context.trace_flags);
    }
    if let (Some(number), Some(text)) = (random.severity_number(), random.severity_text()) {
        record.set_severity_number(number);
        record.set_severity_text(text);
    }
    if let Some(body) = random.body() {
        record.set_body(plain(body));
    }
    if let Some(name) = random.event_name() {
        record.set_event_name(name);
    }
    random.attributes_iter().for_each(|(key, value)| record.add_attribute(key.clone(), plain(value)));
    (record, plain_scope(&scope))
}

fn plain_scope(scope: &InstrumentationScope) -> InstrumentationScope {
    let mut attributes: Vec<_> = scope.attributes().cloned().collect();
    make_plain(&mut attributes);
    InstrumentationScope::builder(scope.name().to_owned())
        .with_version(scope.version().unwrap_or_default().to_owned())
        .with_schema_url(scope.schema_url().unwrap_or_default().to_owned())
        .with_attributes(attributes)
        .build()
}

/// Replaces values whose text is a matter of taste.
fn make_plain(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if matches!(attribute.value, Value::F64(_) | Value::Array(_)) {
            attribute.value = 0.1.into();
        }
    }
}

fn log_record() -> SdkLogRecord {
    let mut record = SdkLoggerProvider::builder().build().logger("").create_log_record();
    record.set_observed_timestamp(now());
    record
}
