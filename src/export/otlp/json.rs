//! OTLP's own JSON, which is not what protobuf makes of it in general: ids in hex, enums as numbers, names in lower camel case, 64-bit
//! integers as text, and nothing that has its default value
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

/// A message that is written as OTLP's JSON.
pub(super) struct Json<'a, T>(pub(super) &'a T);

/// Declares a message's fields once, each with its form.
macro_rules! message {
    ($($message:ident { $($name:literal = $form:ident($field:ident)),* $(,)? })*) => { $(
        impl Serialize for Json<'_, $message> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = Fields(serializer.serialize_map(None)?);
                $(fields.$form($name, &self.0.$field)?;)*
                fields.0.end()
            }
        }
    )* };
}

message! {
    ExportTraceServiceRequest { "resourceSpans" = list(resource_spans) }
    ExportLogsServiceRequest { "resourceLogs" = list(resource_logs) }
    ResourceSpans {
        "resource" = message(resource), "scopeSpans" = list(scope_spans), "schemaUrl" = text(schema_url),
    }
    ResourceLogs { "resource" = message(resource), "scopeLogs" = list(scope_logs), "schemaUrl" = text(schema_url) }
    Resource { "attributes" = list(attributes), "droppedAttributesCount" = number(dropped_attributes_count) }
    ScopeSpans { "scope" = message(scope), "spans" = list(spans), "schemaUrl" = text(schema_url) }
    ScopeLogs { "scope" = message(scope), "logRecords" = list(log_records), "schemaUrl" = text(schema_url) }
    InstrumentationScope {
        "name" = text(name),
        "version" = text(version),
        "attributes" = list(attributes),
        "droppedAttributesCount" = number(dropped_attributes_count),
    }
    Span {
        "traceId" = hex(trace_id),
        "spanId" = hex(span_id),
        "traceState" = text(trace_state),
        "parentSpanId" = hex(parent_span_id),
        "flags" = number(flags),
        "name" = text(name),
        "kind" = number(kind),
        "startTimeUnixNano" = long(start_time_unix_nano),
        "endTimeUnixNano" = long(end_time_unix_nano),
        "attributes" = list(attributes),
        "droppedAttributesCount" = number(dropped_attributes_count),
        "events" = list(events),
        "droppedEventsCount" = number(dropped_events_count),
        "links" = list(links),
        "droppedLinksCount" = number(dropped_links_count),
        "status" = message(status),
    }
    Event {
        "timeUnixNano" = long(time_unix_nano),
        "name" = text(name),
        "attributes" = list(attributes),
        "droppedAttributesCount" = number(dropped_attributes_count),
    }
    Link {
        "traceId" = hex(trace_id),
        "spanId" = hex(span_id),
        "traceState" = text(trace_state),
        "attributes" = list(attributes),
        "droppedAttributesCount" = number(dropped_attributes_count),
        "flags" = number(flags),
    }
    Status { "message" = text(message), "code" = number(code) }
    LogRecord {
        "timeUnixNano" = long(time_unix_nano),
        "observedTimeUnixNano" = long(observed_time_unix_nano),
        "severityNumber" = number(severity_number),
        "severityText" = text(severity_text),
        "body" = message(body),
        "attributes" = list(attributes),
        "droppedAttributesCount" = number(dropped_attributes_count),
        "flags" = number(flags),
        "traceId" = hex(trace_id),
        "spanId" = hex(span_id),
        "eventName" = text(event_name),
    }
    KeyValue { "key" = text(key), "value" = message(value) }
}

/// A value says which of its kinds it is, also where it is that kind's default.
impl Serialize for Json<'_, AnyValue> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.0.value {
            None => {}
            Some(Value::StringValue(text)) => map.serialize_entry("stringValue", text)?,
            Some(Value::BoolValue(value)) => map.serialize_entry("boolValue", value)?,
            Some(Value::IntValue(number)) => map.serialize_entry("intValue", &number.to_string())?,
            Some(Value::DoubleValue(number)) => map.serialize_entry("doubleValue", number)?,
            // A record holds nothing else.
            Some(_) => return Err(S::Error::custom("a value of a kind that no record has")),
        }
        map.end()
    }
}

/// The fields of a message, less those that say nothing.
struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    fn text(&mut self, name: &'static str, text: &str) -> Result<(), M::Error> {
        if text.is_empty() { Ok(()) } else { self.0.serialize_entry(name, text) }
    }

    fn number<N: Copy + Default + PartialEq + Serialize>(
        &mut self,
        name: &'static str,
        number: &N,
    ) -> Result<(), M::Error> {
        if *number == N::default() { Ok(()) } else { self.0.serialize_entry(name, number) }
    }

    fn long(&mut self, name: &'static str, number: &u64) -> Result<(), M::Error> {
        if *number == 0 { Ok(()) } else { self.0.serialize_entry(name, &number.to_string()) }
    }

    fn hex(&mut self, name: &'static str, bytes: &[u8]) -> Result<(), M::Error> {
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        let hex: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        self.text(name, &hex)
    }

    fn list<T>(&mut self, name: &'static str, list: &[T]) -> Result<(), M::Error>
    where
        for<'a> Json<'a, T>: Serialize,
    {
        struct List<'a, T>(&'a [T]);
        impl<T> Serialize for List<'_, T>
        where
            for<'a> Json<'a, T>: Serialize,
        {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.iter().map(Json))
            }
        }
        if list.is_empty() { Ok(()) } else { self.0.serialize_entry(name, &List(list)) }
    }

    fn message<T>(&mut self, name: &'static str, message: &Option<T>) -> Result<(), M::Error>
    where
        for<'a> Json<'a, T>: Serialize,
    {
        message.as_ref().map_or(Ok(()), |message| self.0.serialize_entry(name, &Json(message)))
    }
}
