//! The SDK's traits behind one that can be an object: theirs return futures without a name.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::Severity;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, LogProcessor, SdkLogRecord};
#[cfg(feature = "metrics")]
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanExporter, SpanProcessor};

use super::Payload;

/// Somebody's exporter or processor. Each call may block and may panic.
pub(super) trait Callee: Send {
    fn set_resource(&mut self, resource: &Resource);

    /// Hands a batch over.
    fn deliver<'a>(&'a self, load: &'a Payload) -> Pin<Box<dyn Future<Output = Delivered> + Send + 'a>>;

    fn shutdown(&self, timeout: Duration) -> OTelSdkResult;
}

/// How a batch was taken.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) result: OTelSdkResult,
    /// Records at which a processor panicked.
    pub(super) lost: u64,
}

pub(super) struct Exported<E>(pub(super) E);

pub(super) struct ExportedLogs<E>(pub(super) E);

#[cfg(feature = "metrics")]
pub(super) struct ExportedMetrics<E>(pub(super) E);

pub(super) struct Processed<P>(pub(super) P);

pub(super) struct ProcessedLogs<P>(pub(super) P);

impl Delivered {
    const NOTHING: Self = Delivered { result: Ok(()), lost: 0 };
}

impl From<OTelSdkResult> for Delivered {
    fn from(result: OTelSdkResult) -> Self {
        Delivered { result, lost: 0 }
    }
}

impl<E: SpanExporter> Callee for Exported<E> {
    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn deliver<'a>(&'a self, load: &'a Payload) -> Pin<Box<dyn Future<Output = Delivered> + Send + 'a>> {
        Box::pin(async move {
            match load {
                Payload::Spans(spans) => self.0.export(spans.clone()).await.into(),
                _ => Delivered::NOTHING,
            }
        })
    }

    fn shutdown(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

impl<E: LogExporter> Callee for ExportedLogs<E> {
    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn deliver<'a>(&'a self, load: &'a Payload) -> Pin<Box<dyn Future<Output = Delivered> + Send + 'a>> {
        Box::pin(async move {
            let Payload::Logs(logs) = load else { return Delivered::NOTHING };
            let is_wanted = |(record, _): &&(SdkLogRecord, _)| {
                is_enabled(record, |level, target, name| self.0.event_enabled(level, target, name))
            };
            let batch: Vec<(&SdkLogRecord, &InstrumentationScope)> =
                logs.iter().filter(is_wanted).map(|(record, scope)| (record, scope)).collect();
            if batch.is_empty() {
                return Delivered::NOTHING;
            }
            self.0.export(LogBatch::new(&batch)).await.into()
        })
    }

    fn shutdown(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

#[cfg(feature = "metrics")]
impl<E: PushMetricExporter> Callee for ExportedMetrics<E> {
    /// Metrics carry theirs.
    fn set_resource(&mut self, _: &Resource) {}

    fn deliver<'a>(&'a self, load: &'a Payload) -> Pin<Box<dyn Future<Output = Delivered> + Send + 'a>> {
        Box::pin(async move {
            match load {
                Payload::Metrics(metrics) => self.0.export(metrics).await.into(),
                _ => Delivered::NOTHING,
            }
        })
    }

    fn shutdown(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

impl<P: SpanProcessor> Callee for Processed<P> {
    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn deliver<'a>(&'a self, load: &'a Payload) -> Pin<Box<dyn Future<Output = Delivered> + Send + 'a>> {
        Box::pin(async move {
            let Payload::Spans(spans) = load else { return Delivered::NOTHING };
            let lost = spans.iter().filter(|span| panics(|| self.0.on_end((*span).clone()))).count();
            Delivered { result: flushed(|| self.0.force_flush()), lost: lost as u64 }
        })
    }

    fn shutdown(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

impl<P: LogProcessor> Callee for ProcessedLogs<P> {
    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn deliver<'a>(&'a self, load: &'a Payload) -> Pin<Box<dyn Future<Output = Delivered> + Send + 'a>> {
        Box::pin(async move {
            let Payload::Logs(logs) = load else { return Delivered::NOTHING };
            let emit = |record: &SdkLogRecord, scope| {
                if is_enabled(record, |level, target, name| self.0.event_enabled(level, target, name)) {
                    self.0.emit(&mut record.clone(), scope);
                }
            };
            let lost = logs.iter().filter(|(record, scope)| panics(|| emit(record, scope))).count();
            Delivered { result: flushed(|| self.0.force_flush()), lost: lost as u64 }
        })
    }

    fn shutdown(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

/// What the SDK's own logger asks before it makes a record.
fn is_enabled(record: &SdkLogRecord, asked: impl FnOnce(Severity, &str, Option<&str>) -> bool) -> bool {
    let level = record.severity_number().unwrap_or(Severity::Info);
    asked(level, record.target().map_or("", |target| target.as_ref()), record.event_name())
}

/// What a processor was given before is not taken back by a panic: the others follow.
fn panics(call: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

fn flushed(flush: impl FnOnce() -> OTelSdkResult) -> OTelSdkResult {
    catch_unwind(AssertUnwindSafe(flush))
        .unwrap_or_else(|_| Err(OTelSdkError::InternalFailure("its force_flush panicked".to_owned())))
}
