//! Promise: exporters and processors of the OpenTelemetry SDK, the stock ones and an application's own, get what was kept and
//! nothing else, once, and whatever they do there costs nobody but themselves. No thread of this process runs tokio but the
//! uploader.
#![cfg(feature = "otlp")]

#[path = "support/exporters.rs"]
mod exporters;
mod support;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use exporters::{Keeper, attributes, resource, span_row, span_value, time};
use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{AnyValue, LogRecord as _, Severity};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::in_memory_exporter::LogDataWithResource;
use opentelemetry_sdk::logs::{BatchLogProcessor, InMemoryLogExporter, LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{BatchSpanProcessor, InMemorySpanExporter, SpanData, SpanExporter};
use serde_json::{Value, json};
use support::{LONG, TempDir, alone, builder, on_with, records, settle};
use tracing::dispatcher::with_default;
use tracing::field::Empty;
use tracing_privacy::{Builder, Environment, Events, Memory, Schedule, Telemetry, Unfinished, app};

/// Spans and events with everything that they can have.
fn work() {
    let cause = tracing::info_span!("cause", plan = "pro", user_id = 471_108_154_711_u64);
    let call = tracing::info_span!(
        "call",
        otel.kind = "client",
        otel.status_code = "ERROR",
        otel.status_description = "upstream is down",
        big = u64::MAX,
        negative = -5,
        ratio = 0.5,
        odd = f64::NAN,
        gift = true,
        late = Empty,
    );
    call.follows_from(&cause);
    cause.in_scope(|| {
        tracing::info!(items = 3, email = "ann.lee@example.com", "order placed");
        let _call = call.enter();
        tracing::error!(name: "declined", reason = "the card of ann.lee@example.com", "payment declined");
        tracing::info_span!("fine", otel.kind = "server", otel.status_code = "OK").in_scope(|| {});
    });
    tracing::warn!("outside of spans");
}

/// A record's JSON as it was kept, less what OpenTelemetry has no place for: a span's level, and numbers that are no `i64`.
fn kept(memory: &Memory) -> Vec<Value> {
    let mut kept: Vec<Value> = records(memory).iter().map(|record| record.json().clone()).collect();
    for record in &mut kept {
        for value in record["attributes"].as_object_mut().expect("attributes are a map").values_mut() {
            if value.as_u64().is_some_and(|number| i64::try_from(number).is_err()) {
                *value = json!(value.to_string());
            }
        }
        if record["kind"] == "span" {
            *record = without(record.take(), "level");
        }
    }
    sorted(kept)
}

fn without(mut row: Value, key: &str) -> Value {
    row.as_object_mut().expect("a record is a map").remove(key);
    row
}

fn sorted(mut records: Vec<Value>) -> Vec<Value> {
    records.sort_by_key(Value::to_string);
    records
}

fn log_value(value: &AnyValue) -> Value {
    match value {
        AnyValue::Boolean(value) => json!(value),
        AnyValue::Int(value) => json!(value),
        AnyValue::Double(value) => json!(value),
        AnyValue::String(value) => json!(value.as_str()),
        other => panic!("{other:?}"),
    }
}

/// A log record as its row would have it. How many attributes were dropped is nothing that the SDK's record can say.
fn log_row(log: &LogDataWithResource) -> Value {
    let LogDataWithResource { record, instrumentation, resource: of, .. } = log;
    let mut row = json!({
        "kind": "log",
        "time": time(record.timestamp().expect("it has a time")),
        "level": record.severity_text().expect("it has a level"),
        "target": record.target().expect("it has a target"),
        "attributes": attributes(record.attributes_iter().map(|(key, value)| (key, log_value(value)))),
        "resource": resource(of),
    });
    assert_eq!(row["target"], instrumentation.name());
    if let Some(name) = record.event_name() {
        row["name"] = json!(name);
    }
    if let Some(body) = record.body() {
        row["body"] = log_value(body);
    }
    if let Some(context) = record.trace_context() {
        row["trace_id"] = json!(context.trace_id.to_string());
        row["span_id"] = json!(context.span_id.to_string());
    }
    row
}

#[test]
fn stock_processors_and_exporters_get_what_the_memory_holds() {
    let (spans, logs, keeper) = (InMemorySpanExporter::default(), InMemoryLogExporter::default(), Keeper::default());
    let (batched_spans, batched_logs) = (InMemorySpanExporter::default(), InMemoryLogExporter::default());
    let (telemetry, memory, _directory) = on_with("pipeline-equal", |builder| {
        builder
            .span_exporter(keeper.clone())
            .span_exporter(spans.clone())
            .log_exporter(logs.clone())
            .span_processor(BatchSpanProcessor::builder(batched_spans.clone()).build())
            .log_processor(BatchLogProcessor::builder(batched_logs.clone()).build())
    });
    with_default(&alone(&telemetry), work);
    settle(&telemetry);
    let status = telemetry.status();
    let kept = kept(&memory);
    assert_eq!((kept.len(), status.counts().sent(), status.counts().dropped()), (6, 6, 0), "{status}");
    let (kept_spans, kept_logs): (Vec<_>, Vec<_>) = kept.into_iter().partition(|row| row["kind"] == "span");
    assert_eq!(sorted(keeper.rows.lock().unwrap().clone()), kept_spans);
    let exported = spans.get_finished_spans().unwrap();
    assert_eq!(batched_spans.get_finished_spans().unwrap(), exported);
    let of = Resource::builder_empty().build();
    assert_eq!(
        sorted(exported.iter().map(|span| without(span_row(span, &of), "resource")).collect()),
        sorted(kept_spans.into_iter().map(|row| without(row, "resource")).collect())
    );
    let kept_logs: Vec<_> = kept_logs.into_iter().map(|row| without(row, "dropped_attributes")).collect();
    for exporter in [&logs, &batched_logs] {
        assert_eq!(sorted(exporter.get_emitted_logs().unwrap().iter().map(log_row).collect()), kept_logs);
    }
    let labels: Vec<_> = status.destinations().iter().map(|(label, _)| label.as_str()).collect();
    let expected = [
        "span exporter Keeper",
        "span exporter InMemorySpanExporter",
        "log exporter InMemoryLogExporter",
        "span processor BatchSpanProcessor",
        "log processor BatchLogProcessor",
    ];
    assert_eq!(labels, expected);
    assert!(status.to_string().contains("sent to span exporter Keeper\n"), "{status}");
    for (text, is_there) in [("471108154711", false), ("ann.lee", false), ("user_id_hash", true), ("[EMAIL]", true)] {
        let seen = format!("{exported:?} {:?}", logs.get_emitted_logs().unwrap());
        assert_eq!(seen.contains(text), is_there, "{text}: {seen}");
    }
    telemetry.shutdown(LONG).unwrap();
    assert!(batched_spans.is_shutdown_called() && batched_logs.is_shutdown_called() && logs.is_shutdown_called());
    assert_eq!(keeper.ends.load(Ordering::SeqCst), 1);
}

#[test]
fn what_no_destination_has_a_use_for_stays_where_it_can_be_seen() {
    let keeper = Keeper::default();
    let (telemetry, memory, _directory) =
        on_with("pipeline-spans-only", |builder| builder.schedule(Schedule::Manual).span_exporter(keeper.clone()));
    with_default(&alone(&telemetry), work);
    settle(&telemetry);
    let counts = *telemetry.status().counts();
    assert_eq!((counts.sent(), counts.stored(), counts.dropped()), (3, 3, 0), "{counts}");
    assert_eq!((telemetry.records(10).unwrap().len(), memory.rows().len()), (6, 6));
    settle(&telemetry);
    assert_eq!(keeper.names().len(), 3);
}

/// An exporter that a run finds out of order, and a later one not.
#[derive(Clone, Debug)]
struct Mended {
    is_broken: bool,
    keeper: Keeper,
}

impl SpanExporter for Mended {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.is_broken { Err(OTelSdkError::AlreadyShutdown) } else { self.keeper.export(batch).await }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.keeper.set_resource(resource);
    }
}

#[test]
fn a_later_run_gives_what_an_earlier_one_could_not_and_to_the_same_exporter_alone() {
    let (directory, memory) = (TempDir::new("pipeline-later"), Memory::new());
    let run = |memory: &Memory| builder(&directory, memory).schedule(Schedule::Manual);
    let broken = Mended { is_broken: true, keeper: Keeper::default() };
    let first = run(&memory).span_exporter(broken.clone()).start().unwrap();
    with_default(&alone(&first), work);
    assert_eq!(first.shutdown(LONG), Err(Unfinished::Upload));
    // A later run has nothing to send until something wakes it.
    let one_more = |telemetry: &Telemetry| {
        with_default(&alone(telemetry), || drop(tracing::info_span!("of a later run")));
        settle(telemetry);
    };
    let other = Keeper::default();
    one_more(&run(&Memory::new()).span_exporter(other.clone()).start().unwrap());
    assert_eq!(other.names(), ["of a later run"], "nobody said that it may have the rest");
    let mended = Mended { is_broken: false, ..broken };
    one_more(&run(&Memory::new()).span_exporter(mended.clone()).start().unwrap());
    let earlier: Vec<_> = kept(&memory).into_iter().filter(|row| row["kind"] == "span").collect();
    let got = mended.keeper.rows.lock().unwrap().clone();
    assert_eq!(sorted(got.into_iter().filter(|row| row["name"] != "of a later run").collect()), earlier);
}

#[test]
fn events_in_spans_are_what_the_memory_holds() {
    let spans = InMemorySpanExporter::default();
    let (telemetry, memory, _directory) =
        on_with("pipeline-events", |builder| builder.events(Events::SpanEvents).span_exporter(spans.clone()));
    with_default(&alone(&telemetry), work);
    settle(&telemetry);
    let exported = spans.get_finished_spans().unwrap();
    let mut count = 0;
    for row in records(&memory).iter().filter(|record| record.is_span()) {
        let is_it = |span: &&SpanData| row.text("span_id") == Some(&span.span_context.span_id().to_string());
        let span = exported.iter().find(is_it).expect("it was exported");
        let kept = row.json()["events"].as_array().cloned().unwrap_or_default();
        assert_eq!(kept.len(), span.events.len());
        for (kept, event) in kept.iter().zip(span.events.iter()) {
            let mut expected = kept["attributes"].clone();
            (expected["level"], expected["target"]) = (kept["level"].clone(), kept["target"].clone());
            let name = match &kept["name"] {
                Value::Null => &kept["body"],
                name => {
                    expected["message"] = kept["body"].clone();
                    name
                }
            };
            assert_eq!((json!(event.name), json!(time(event.timestamp))), (name.clone(), kept["time"].clone()));
            assert_eq!(attributes(event.attributes.iter().map(|one| (&one.key, span_value(&one.value)))), expected);
            count += 1;
        }
    }
    assert_eq!(count, 2);
}

/// A log processor that wants errors alone, and changes what it gets.
#[derive(Debug)]
struct Picky(Arc<Mutex<Vec<String>>>);

impl LogProcessor for Picky {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        self.0.lock().unwrap().push(format!("{:?}", record.body()));
        record.set_body("changed".into());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn event_enabled(&self, level: Severity, target: &str, _: Option<&str>) -> bool {
        level >= Severity::Error && target == module_path!()
    }
}

#[test]
fn a_processor_gets_what_it_asks_for_and_changes_it_for_nobody_else() {
    let (seen, logs) = (Arc::<Mutex<Vec<String>>>::default(), InMemoryLogExporter::default());
    let (telemetry, _memory, _directory) =
        on_with("pipeline-picky", |builder| builder.log_processor(Picky(Arc::clone(&seen))).log_exporter(logs.clone()));
    with_default(&alone(&telemetry), work);
    settle(&telemetry);
    let seen = seen.lock().unwrap();
    assert!(seen.len() == 1 && seen[0].contains("payment declined"), "{seen:?}");
    let bodies = format!("{:?}", logs.get_emitted_logs().unwrap());
    assert!(bodies.contains("payment declined") && bodies.contains("order placed") && !bodies.contains("changed"));
}

#[test]
fn a_user_who_says_where_the_data_goes_is_obeyed() {
    let start = |variables: &[(&'static str, &'static str)], settings: fn(Builder) -> Builder| {
        let directory = TempDir::new("pipeline-user");
        let all = [("ACME_TELEMETRY_ENABLED", "true")].iter().chain(variables).copied().collect::<Vec<_>>();
        let builder = Telemetry::builder(app!("acme")).environment(Environment::fixed(all).home(directory.path()));
        let telemetry = settings(builder.span_exporter(Keeper::default())).start().unwrap();
        let status = telemetry.status();
        let destinations: Vec<_> = status.destinations().iter().map(|(label, _)| label.clone()).collect();
        (destinations, status.notes().join("; "))
    };
    let ours = "span exporter Keeper".to_owned();
    assert_eq!(start(&[], |builder| builder), (vec![ours.clone()], String::new()));
    for variable in ["BACKEND", "ENDPOINT", "CLICKHOUSE_ENDPOINT"] {
        if variable == "CLICKHOUSE_ENDPOINT" && !cfg!(feature = "clickhouse") {
            continue;
        }
        let name: &'static str = format!("ACME_TELEMETRY_{variable}").leak();
        let value = if variable == "BACKEND" { "otlp" } else { "http://127.0.0.1:9" };
        let (destinations, notes) = start(&[(name, value)], |builder| builder.otlp("http://127.0.0.1:9"));
        assert!(!destinations.contains(&ours) && !destinations.is_empty(), "{destinations:?}");
        assert!(notes.contains(&format!("nothing is given to the span exporter Keeper: {name}")), "{notes}");
        let (destinations, _) = start(&[(name, value)], Builder::pin_endpoint);
        assert_eq!(destinations, std::slice::from_ref(&ours));
    }
    // On a developer's machine data stays on the machine, and where an exporter sends it nobody knows.
    let (destinations, notes) = start(&[("ENVIRONMENT", "dev")], Builder::allow_local_in_development);
    assert!(destinations.is_empty() && notes.contains("data stays on the machine"), "{destinations:?} {notes}");
}

#[test]
fn a_saved_yes_is_for_the_exporters_that_were_there() {
    let directory = TempDir::new("pipeline-consent");
    let on = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(directory.path());
    let agreed = Telemetry::builder(app!("acme")).environment(on).span_exporter(Keeper::default()).start().unwrap();
    let saved = agreed.agreement().to_json().expect("it is a yes");
    assert!(saved.contains("span exporter Keeper"), "{saved}");
}

/// What it could not send it keeps, and it would get that from the store once more.
#[cfg(feature = "clickhouse")]
#[test]
fn our_own_exporter_for_clickhouse_is_refused_at_start_in_favour_of_its_settings() {
    use tracing_privacy::clickhouse::ClickHouseExporter;

    let (directory, memory) = (TempDir::new("pipeline-own"), Memory::new());
    let own = || ClickHouseExporter::builder("http://localhost:9").build().expect("right settings");
    let new = || builder(&directory, &memory);
    let mut all = vec![new().span_exporter(own()), new().log_exporter(own())];
    #[cfg(feature = "metrics")]
    {
        use opentelemetry_sdk::metrics::Temporality;
        let delta = ClickHouseExporter::builder("http://localhost:9").temporality(Temporality::Delta).build();
        all.extend([new().metric_exporter(own()), new().metric_exporter(delta.expect("right settings"))]);
    }
    for builder in all {
        let error = builder.start().expect_err("it would send twice").to_string();
        assert!(error.contains("_exporter") && error.contains(".clickhouse(..)"), "{error}");
    }
}

#[test]
fn a_seventh_is_refused_at_start() {
    let directory = TempDir::new("pipeline-seven");
    let seven = (0..7).fold(builder(&directory, &Memory::new()), |builder, _| builder.span_exporter(Keeper::default()));
    let error = seven.start().expect_err("there is no bit for it in the store");
    assert_eq!(error.setting(), ".span_exporter");
}
