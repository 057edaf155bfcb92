//! Anybody's OpenTelemetry pipeline: exporters and processors that the application brings along.
//!
//! They are called on the uploader's thread, one after the other. What they do there is their own affair: they may block, fail
//! and panic. Nobody but the uploader ever waits for them.

mod call;
mod callee;

use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogExporter, LogProcessor, SdkLogRecord};
#[cfg(feature = "metrics")]
use opentelemetry_sdk::metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter, SpanProcessor};

#[cfg(feature = "metrics")]
use super::metrics;
use super::sdk::{self, SdkRecords};
use crate::record::{RecordRef, Signal};
use callee::{Callee, Exported, Processed};

/// How long an exporter may take for a batch if it lets itself be cut: as long as the SDK's own processors give it.
const LONGEST: Duration = Duration::from_secs(30);

/// What the application brought along, before and while it is used. Clones share it.
#[derive(Clone)]
pub(crate) struct SdkDestination {
    kind: Kind,
    label: String,
    /// Tells it from the other destinations of this run.
    bit: u8,
    /// Why it cannot be used.
    mistake: Option<&'static str>,
    slot: Arc<Mutex<Option<Box<dyn Callee>>>>,
}

/// What it is, which also says what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SpanExporter,
    LogExporter,
    #[cfg(feature = "metrics")]
    MetricExporter,
    SpanProcessor,
    LogProcessor,
}

/// How it comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order, within this time.
    ShutDown(Duration),
    /// Consent was withdrawn: it is dropped unasked, since a shutdown may send what was held back.
    Withdrawn,
}

/// Makes batches for it and hands them over.
pub(crate) struct SdkExporter {
    destination: SdkDestination,
    records: SdkRecords,
    /// What it was last told about who sends.
    told: Option<Resource>,
    notes: Vec<String>,
}

/// A batch in the SDK's types, made once: every try hands over the same.
pub(crate) struct Cargo {
    resource: Resource,
    load: Payload,
}

pub(super) enum Payload {
    Spans(Vec<SpanData>),
    Logs(Vec<(SdkLogRecord, InstrumentationScope)>),
    #[cfg(feature = "metrics")]
    Metrics(ResourceMetrics),
}

impl SdkDestination {
    /// The most that an application can have.
    pub(crate) const MOST: usize = 6;

    pub(crate) fn span_exporter<E: SpanExporter + 'static>(exporter: E, place: usize) -> Self {
        Self {
            mistake: keeps::<E>(),
            ..Self::new(Kind::SpanExporter, type_name::<E>(), place, Box::new(Exported(exporter)))
        }
    }

    pub(crate) fn log_exporter<E: LogExporter + 'static>(exporter: E, place: usize) -> Self {
        let callee = Box::new(callee::ExportedLogs(exporter));
        Self { mistake: keeps::<E>(), ..Self::new(Kind::LogExporter, type_name::<E>(), place, callee) }
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn metric_exporter<E: PushMetricExporter>(exporter: E, place: usize) -> Self {
        // A label would tell a receiver, but one that adds deltas up without reading it shows wrong numbers.
        let mistake = (exporter.temporality() == Temporality::Cumulative).then_some(
            "it asks for cumulative temporality, but there is no total to continue: make it with Temporality::Delta",
        );
        let callee = Box::new(callee::ExportedMetrics(exporter));
        Self { mistake: keeps::<E>().or(mistake), ..Self::new(Kind::MetricExporter, type_name::<E>(), place, callee) }
    }

    pub(crate) fn span_processor<P: SpanProcessor + 'static>(processor: P, place: usize) -> Self {
        Self::new(Kind::SpanProcessor, type_name::<P>(), place, Box::new(Processed(processor)))
    }

    pub(crate) fn log_processor<P: LogProcessor + 'static>(processor: P, place: usize) -> Self {
        Self::new(Kind::LogProcessor, type_name::<P>(), place, Box::new(callee::ProcessedLogs(processor)))
    }

    fn new(kind: Kind, type_name: &str, place: usize, callee: Box<dyn Callee>) -> Self {
        // The two lowest bits belong to a collector and to ClickHouse. What has none is refused at start.
        let bit = 4_u8.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or_default();
        let label = format!("{} {}", kind.words(), without_paths(type_name));
        Self { kind, label, bit, mistake: None, slot: Arc::new(Mutex::new(Some(callee))) }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Why it cannot be used, with the remedy.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        self.mistake
    }

    /// What it is, in words: `span exporter InMemorySpanExporter`.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn bit(&self) -> u8 {
        self.bit
    }

    pub(crate) fn longest(&self) -> Duration {
        LONGEST
    }

    /// Ends it, once: nothing reaches it afterwards.
    pub(crate) fn end(&self, end: End) {
        let callee = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(callee) = callee {
            call::end(callee, end);
        }
    }
}

impl SdkExporter {
    pub(crate) fn new(destination: SdkDestination) -> Self {
        Self { destination, records: SdkRecords::default(), told: None, notes: Vec::new() }
    }

    /// Whether it has a use for a record.
    pub(crate) fn takes(&self, record: &RecordRef<'_>) -> bool {
        match self.destination.kind {
            Kind::SpanExporter | Kind::SpanProcessor => record.signal() == Signal::Span,
            Kind::LogExporter | Kind::LogProcessor => record.signal() == Signal::Log,
            #[cfg(feature = "metrics")]
            Kind::MetricExporter => metrics::has_any(record),
        }
    }

    /// Makes a batch of records that share their signal and their resource.
    pub(crate) fn seal(&mut self, records: &[RecordRef<'_>]) -> Result<Cargo, String> {
        let Some(first) = records.first() else { return Err("there are no records".to_owned()) };
        let resource = sdk::resource(first.resource());
        let load = match self.destination.kind {
            Kind::SpanExporter | Kind::SpanProcessor => {
                Payload::Spans(records.iter().map(|record| self.records.span_data(record)).collect())
            }
            Kind::LogExporter | Kind::LogProcessor => {
                let log = |record| {
                    let scope = self.records.scope(RecordRef::parts(record).target);
                    (self.records.log_record(record), scope)
                };
                Payload::Logs(records.iter().map(log).collect())
            }
            #[cfg(feature = "metrics")]
            Kind::MetricExporter => Payload::Metrics(metrics::of(records, resource.clone(), &mut self.records)?),
        };
        Ok(Cargo { resource, load })
    }

    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

impl Kind {
    pub(crate) fn is_processor(self) -> bool {
        matches!(self, Kind::SpanProcessor | Kind::LogProcessor)
    }

    /// The setting that brings it along.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Kind::SpanExporter => ".span_exporter",
            Kind::LogExporter => ".log_exporter",
            #[cfg(feature = "metrics")]
            Kind::MetricExporter => ".metric_exporter",
            Kind::SpanProcessor => ".span_processor",
            Kind::LogProcessor => ".log_processor",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Kind::SpanExporter => "span exporter",
            Kind::LogExporter => "log exporter",
            #[cfg(feature = "metrics")]
            Kind::MetricExporter => "metric exporter",
            Kind::SpanProcessor => "span processor",
            Kind::LogProcessor => "log processor",
        }
    }
}

impl fmt::Debug for SdkDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SdkDestination({})", self.label)
    }
}

impl fmt::Debug for SdkExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SdkExporter({})", self.destination.label)
    }
}

impl fmt::Debug for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.load {
            Payload::Spans(spans) => write!(f, "Cargo({} spans)", spans.len()),
            Payload::Logs(logs) => write!(f, "Cargo({} log records)", logs.len()),
            #[cfg(feature = "metrics")]
            Payload::Metrics(_) => f.write_str("Cargo(metrics)"),
        }
    }
}

/// `a::b::Type<c::D>` as `Type<D>`.
fn without_paths(name: &str) -> String {
    let mut short = String::new();
    let mut word = 0;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ':' && chars.peek() == Some(&':') {
            chars.next();
            short.truncate(word);
            continue;
        }
        short.push(c);
        if !(c.is_alphanumeric() || c == '_') {
            word = short.len();
        }
    }
    short
}

/// Why an exporter of this type cannot be used here: our own for ClickHouse keeps what it could not send and sends it later,
/// and would get it once more from the store.
fn keeps<E: 'static>() -> Option<&'static str> {
    let own: &[TypeId] = &[
        #[cfg(feature = "clickhouse")]
        TypeId::of::<super::clickhouse::ClickHouseExporter>(),
    ];
    own.contains(&TypeId::of::<E>()).then_some(
        "a ClickHouseExporter would send twice what it could not send at once: give its settings to .clickhouse(..), with \
         .event_metrics() for metrics",
    )
}

#[cfg(test)]
mod tests;
