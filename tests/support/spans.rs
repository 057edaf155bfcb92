//! Spans and log records of the SDK's own types, each with ids of its own.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Now, in whole seconds.
pub fn now() -> SystemTime {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Root spans that start then, each in a trace of its own.
pub fn spans(at: SystemTime, count: usize) -> Vec<SpanData> {
    (0..count).map(|_| span(at)).collect()
}

fn span(at: SystemTime) -> SpanData {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let context = SpanContext::new(
        TraceId::from(u128::from(number) << 64 | u128::from(std::process::id())),
        SpanId::from(number),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    SpanData {
        span_context: context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "checkout".into(),
        start_time: at,
        end_time: at + Duration::from_millis(7),
        attributes: vec![KeyValue::new("plan", "pro"), KeyValue::new("items", 3)],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Ok,
        instrumentation_scope: InstrumentationScope::builder("shop").build(),
    }
}

/// Exports spans and waits for the result.
pub fn export_spans(exporter: &impl SpanExporter, spans: Vec<SpanData>) -> Result<(), String> {
    block_on(exporter.export(spans)).map_err(|error| error.to_string())
}

/// Exports so many log records of now and waits for the result.
pub fn export_logs(exporter: &impl LogExporter, count: usize) -> Result<(), String> {
    export_log_records(exporter, &vec![(now(), Severity::Info, "order placed"); count])
}

/// Exports log records with these times, severities and bodies, and waits for the result.
pub fn export_log_records(
    exporter: &impl LogExporter,
    records: &[(SystemTime, Severity, &'static str)],
) -> Result<(), String> {
    let logger = SdkLoggerProvider::builder().build().logger("shop");
    let scope = InstrumentationScope::builder("shop").build();
    let record = |(at, severity, body): &(SystemTime, Severity, &'static str)| {
        let mut record = logger.create_log_record();
        record.set_timestamp(*at);
        record.set_severity_number(*severity);
        record.set_severity_text(severity.name());
        record.set_body(AnyValue::from(*body));
        record.set_event_name("order");
        record.add_attribute("plan", "pro");
        record
    };
    let records: Vec<_> = records.iter().map(record).collect();
    let batch: Vec<_> = records.iter().map(|record| (record, &scope)).collect();
    block_on(exporter.export(LogBatch::new(&batch))).map_err(|error| error.to_string())
}

/// As the SDK's own threads do it: without a runtime.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut work = pin!(work);
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}
