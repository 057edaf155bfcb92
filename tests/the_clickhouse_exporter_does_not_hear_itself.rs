//! What the exporter's own threads do while it sends is not exported, or each export would make the next: under the SDK's own
//! providers, with everything that is traced or logged in the process. A process of its own, since its threads log to the
//! global default.
#![cfg(all(feature = "clickhouse", feature = "otlp"))]

#[path = "support/receiver.rs"]
mod receiver;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::{self, SdkLoggerProvider};
use opentelemetry_sdk::trace::{self, SdkTracerProvider};
use receiver::{Behaviour, Receiver};
use tracing_privacy::clickhouse::{ClickHouseExporter, Compression, CreateSchema, Format, Layout, Table};
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// Counts what the exporter's thread says, to show that there was something to hear.
struct Overhears(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Overhears {
    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        if std::thread::current().name() == Some("telem-clickhouse") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn what_its_own_threads_do_is_not_exported() {
    let receiver = Receiver::start();
    // By name, so that a look-up is overheard as well.
    let exporter = ClickHouseExporter::builder(receiver.url().replace("127.0.0.1", "localhost"))
        .create_schema(CreateSchema::Off)
        .format(Format::JsonEachRow)
        .compression(Compression::None)
        .build()
        .unwrap();
    receiver.afterwards(Behaviour::said(200, ""));

    // No batch goes out by itself, between what is scripted here.
    let hour = Duration::from_secs(3600);
    let config = trace::BatchConfigBuilder::default().with_scheduled_delay(hour).build();
    let spans = trace::BatchSpanProcessor::builder(exporter.clone()).with_batch_config(config).build();
    let spans = SdkTracerProvider::builder().with_span_processor(spans).build();
    let config = logs::BatchConfigBuilder::default().with_scheduled_delay(hour).build();
    let logs = logs::BatchLogProcessor::builder(exporter.clone()).with_batch_config(config).build();
    let logs = SdkLoggerProvider::builder().with_log_processor(logs).build();
    let overheard = Arc::new(AtomicUsize::new(0));
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(spans.tracer("shop")))
        .with(OpenTelemetryTracingBridge::new(&logs))
        .with(Overhears(Arc::clone(&overheard)));
    tracing::subscriber::set_global_default(subscriber).expect("it is the first one");
    tracing_log::LogTracer::init().expect("no other logger is there");

    for round in 0..3 {
        tracing::info_span!("order").in_scope(|| tracing::info!("placed"));
        // Each table is asked about once.
        let described =
            |table| (round == 0).then(|| Behaviour::described(Layout::columns(table))).into_iter().flatten();
        receiver.then(described(Table::Traces));
        spans.force_flush().unwrap();
        receiver.then(described(Table::Logs));
        logs.force_flush().unwrap();
    }
    // What was heard of the last round would be here.
    spans.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
    logs.shutdown_with_timeout(Duration::from_secs(30)).unwrap();

    assert!(overheard.load(Ordering::Relaxed) > 0, "the control: the thread says something while it sends");
    let requests = receiver.requests();
    let inserts = requests.iter().filter(|request| request.path.contains("INSERT"));
    let rows: Vec<serde_json::Value> = inserts
        .flat_map(|request| serde_json::Deserializer::from_slice(&request.raw).into_iter())
        .map(|row| row.expect("rows are JSON"))
        .collect();
    let named = |column: &str, name: &str| rows.iter().filter(|row| row[column] == name).count();
    assert_eq!((rows.len(), named("SpanName", "order"), named("Body", "placed")), (6, 3, 3), "{rows:#?}");
    assert_eq!((exporter.status().rows_sent(), exporter.status().tries_failed()), (6, 0), "{}", exporter.status());
}
