//! From clean records to the SDK's own types.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _};
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, logs, trace};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::intern::Names;
use crate::privacy::Resource;
use crate::record::{RecordRef, Severity, SpanKind, Status, ValueRef};

/// Makes the SDK's records of ours, and remembers what they have in common.
pub(super) struct SdkRecords {
    /// Makes empty log records; nothing is ever emitted through it.
    logger: SdkLogger,
    names: Names,
    last_scope: InstrumentationScope,
}

impl Default for SdkRecords {
    fn default() -> Self {
        Self {
            logger: SdkLoggerProvider::builder().with_resource(resource(&Resource::default())).build().logger(""),
            names: Names::default(),
            last_scope: InstrumentationScope::default(),
        }
    }
}

impl SdkRecords {
    /// A log record. Its target takes the place of the scope's name.
    pub(super) fn log_record(&mut self, record: &RecordRef<'_>) -> SdkLogRecord {
        let parts = record.parts();
        let mut log = self.logger.create_log_record();
        let at = time(record.unix_nanos());
        log.set_timestamp(at);
        // It must be there. Nobody observed the event at another time than its own.
        log.set_observed_timestamp(at);
        log.set_target(self.names.name(parts.target));
        let (number, text) = severity(parts.severity);
        log.set_severity_number(number);
        log.set_severity_text(text);
        if let (Some(trace), Some(span)) = (record.trace_id(), record.span_id()) {
            let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
            log.set_trace_context(trace, span, Some(TraceFlags::SAMPLED));
        }
        if let Some(body) = parts.body {
            log.set_body(AnyValue::String(body.to_owned().into()));
        }
        log.add_attributes(record.attributes().map(|(key, value)| (self.names.name(key), log_value(value))));
        match parts.name {
            "" => {}
            name => match self.names.name(name) {
                Cow::Borrowed(name) => log.set_event_name(name),
                // What OpenTelemetry called it before it had a field of its own.
                Cow::Owned(name) => log.add_attribute("event.name", name),
            },
        }
        log
    }

    /// A span.
    pub(super) fn span_data(&mut self, record: &RecordRef<'_>) -> SpanData {
        let parts = record.parts();
        let mut links = SpanLinks::default();
        if parts.has_links {
            links.links.extend(record.links().map(|(trace, span)| Link::new(sampled(trace, span), Vec::new(), 0)));
        }
        links.dropped_count = parts.dropped_links;
        let mut events = SpanEvents::default();
        if parts.has_events {
            events.events.extend(record.events().map(|event| self.span_event(&event)));
        }
        events.dropped_count = parts.dropped_events;
        let attributes = record.attributes();
        SpanData {
            span_context: sampled(record.trace_id().unwrap_or_default(), record.span_id().unwrap_or_default()),
            parent_span_id: record.parent_span_id().map_or(SpanId::INVALID, SpanId::from_bytes),
            parent_span_is_remote: false,
            span_kind: match parts.span_kind {
                SpanKind::Internal => trace::SpanKind::Internal,
                SpanKind::Server => trace::SpanKind::Server,
                SpanKind::Client => trace::SpanKind::Client,
                SpanKind::Producer => trace::SpanKind::Producer,
                SpanKind::Consumer => trace::SpanKind::Consumer,
            },
            // Names of spans can be made at run time, one for each: they are not kept.
            name: Cow::Owned(parts.name.to_owned()),
            start_time: time(record.unix_nanos()),
            end_time: time(record.end_unix_nanos()),
            attributes: attributes.map(|(key, value)| KeyValue::new(self.names.name(key), span_value(value))).collect(),
            dropped_attributes_count: parts.dropped,
            events,
            links,
            status: match parts.status {
                Status::Unset => trace::Status::Unset,
                Status::Ok => trace::Status::Ok,
                Status::Error => trace::Status::error(parts.status_message.unwrap_or_default().to_owned()),
            },
            // As the log appender has it: where a record comes from is its scope.
            instrumentation_scope: self.scope(parts.target),
        }
    }

    /// An event inside a span. It has no level, target or body of its own there: as tracing-opentelemetry has it, the first
    /// two are attributes, and the body is the name, unless the event has one.
    fn span_event(&mut self, event: &RecordRef<'_>) -> Event {
        let parts = event.parts();
        let mut attributes: Vec<_> =
            event.attributes().map(|(key, value)| KeyValue::new(self.names.name(key), span_value(value))).collect();
        attributes.push(KeyValue::new("level", severity(parts.severity).1));
        attributes.push(KeyValue::new("target", self.names.name(parts.target)));
        let name = match (parts.name, parts.body) {
            ("", body) => body.unwrap_or_default(),
            (name, None) => name,
            (name, Some(body)) => {
                attributes.push(KeyValue::new("message", body.to_owned()));
                name
            }
        };
        Event::new(name.to_owned(), time(event.unix_nanos()), attributes, parts.dropped)
    }

    /// An attribute of a metric.
    #[cfg(feature = "metrics")]
    pub(super) fn attribute(&mut self, key: &str, value: ValueRef<'_>) -> KeyValue {
        KeyValue::new(self.names.name(key), span_value(value))
    }

    /// The scope of a target. Consecutive records mostly share theirs.
    pub(super) fn scope(&mut self, target: &str) -> InstrumentationScope {
        if self.last_scope.name() != target {
            self.last_scope = InstrumentationScope::builder(self.names.name(target)).build();
        }
        self.last_scope.clone()
    }
}

impl fmt::Debug for SdkRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SdkRecords")
    }
}

/// Marked as sampled: what got this far is meant to be sent, and some processors drop what does not say so.
fn sampled(trace: [u8; 16], span: [u8; 8]) -> SpanContext {
    let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

/// A resource with these attributes and no others.
pub(super) fn resource(resource: &Resource) -> opentelemetry_sdk::Resource {
    // The default builder reads the host's environment.
    opentelemetry_sdk::Resource::builder_empty()
        .with_attributes(resource.iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())))
        .build()
}

fn time(unix_nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(unix_nanos)).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn severity(severity: Severity) -> (logs::Severity, &'static str) {
    let number = match severity {
        Severity::Trace => logs::Severity::Trace,
        Severity::Debug => logs::Severity::Debug,
        Severity::Info => logs::Severity::Info,
        Severity::Warn => logs::Severity::Warn,
        Severity::Error => logs::Severity::Error,
    };
    (number, severity.as_str())
}

fn log_value(value: ValueRef<'_>) -> AnyValue {
    match value {
        ValueRef::Bool(value) => AnyValue::Boolean(value),
        ValueRef::I64(value) => AnyValue::Int(value),
        ValueRef::U64(value) => match i64::try_from(value) {
            Ok(value) => AnyValue::Int(value),
            Err(_) => AnyValue::String(value.to_string().into()),
        },
        // As a row on disk has it: JSON has no number for it.
        ValueRef::F64(value) if !value.is_finite() => AnyValue::String(value.to_string().into()),
        ValueRef::F64(value) => AnyValue::Double(value),
        ValueRef::Str(value) => AnyValue::String(value.to_owned().into()),
    }
}

fn span_value(value: ValueRef<'_>) -> opentelemetry::Value {
    match value {
        ValueRef::Bool(value) => opentelemetry::Value::Bool(value),
        ValueRef::I64(value) => opentelemetry::Value::I64(value),
        ValueRef::U64(value) => match i64::try_from(value) {
            Ok(value) => opentelemetry::Value::I64(value),
            Err(_) => opentelemetry::Value::String(value.to_string().into()),
        },
        ValueRef::F64(value) if !value.is_finite() => opentelemetry::Value::String(value.to_string().into()),
        ValueRef::F64(value) => opentelemetry::Value::F64(value),
        ValueRef::Str(value) => opentelemetry::Value::String(value.to_owned().into()),
    }
}
