//! What a receiver got: requests, and the log records and spans inside them; and what it was told to answer.

use std::collections::{BTreeMap, VecDeque};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message;

/// What a receiver answers, one after the other.
#[derive(Debug)]
pub struct Script<A> {
    next: VecDeque<A>,
    afterwards: Option<A>,
}

impl<A: Clone> Script<A> {
    /// Adds answers for the next requests.
    pub fn then(&mut self, answers: impl IntoIterator<Item = A>) {
        self.next.extend(answers);
    }

    /// What to do once the others have run out.
    pub fn afterwards(&mut self, answer: A) {
        self.afterwards = Some(answer);
    }

    /// The answer to the next request, if anything was said about it.
    pub fn take(&mut self) -> Option<A> {
        self.next.pop_front().or_else(|| self.afterwards.clone())
    }
}

impl<A> Default for Script<A> {
    fn default() -> Self {
        Self { next: VecDeque::new(), afterwards: None }
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// As it was on the wire.
    pub raw: Vec<u8>,
    /// Decompressed.
    pub body: Vec<u8>,
    /// The number of the connection it came on, from 1.
    pub connection: usize,
}

/// A decoded log record.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    pub resource: BTreeMap<String, Value>,
    pub scope: String,
    pub name: String,
    pub severity: String,
    pub severity_number: i32,
    pub body: Option<String>,
    pub attributes: BTreeMap<String, Value>,
    pub unix_nanos: u64,
    pub trace_id: String,
    pub span_id: String,
    pub flags: u32,
}

/// A decoded span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub resource: BTreeMap<String, Value>,
    pub scope: String,
    pub name: String,
    pub kind: i32,
    pub attributes: BTreeMap<String, Value>,
    pub start_unix_nanos: u64,
    pub end_unix_nanos: u64,
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: String,
    pub links: Vec<(String, String)>,
    pub events: Vec<SpanEvent>,
    pub status: i32,
    pub status_message: String,
    pub dropped_attributes: u32,
    pub flags: u32,
}

/// A decoded event inside a span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    pub name: String,
    pub unix_nanos: u64,
    pub attributes: BTreeMap<String, Value>,
    pub dropped_attributes: u32,
}

/// A decoded attribute value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(String),
    Other(String),
}

impl Request {
    /// The first header of that name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The request as logs; empty if it was sent elsewhere.
    ///
    /// # Panics
    /// If it was sent to where logs go and is not what belongs there.
    pub fn logs(&self) -> Vec<Log> {
        if !self.path.ends_with("/v1/logs") && !self.path.ends_with(".logs.v1.LogsService/Export") {
            return Vec::new();
        }
        let request = ExportLogsServiceRequest::decode(self.body.as_slice()).expect("an OTLP logs request");
        let mut logs = Vec::new();
        for group in request.resource_logs {
            let resource = attributes(&group.resource.unwrap_or_default().attributes);
            for scoped in group.scope_logs {
                let scope = scoped.scope.unwrap_or_default().name;
                logs.extend(scoped.log_records.into_iter().map(|log| Log {
                    resource: resource.clone(),
                    scope: scope.clone(),
                    name: log.event_name,
                    severity: log.severity_text,
                    severity_number: log.severity_number,
                    body: log.body.and_then(|body| body.value).map(|value| Value::from(&value).to_string()),
                    attributes: attributes(&log.attributes),
                    unix_nanos: log.time_unix_nano,
                    trace_id: hex(&log.trace_id),
                    span_id: hex(&log.span_id),
                    flags: log.flags,
                }));
            }
        }
        logs
    }

    /// The request as spans; empty if it was sent elsewhere.
    ///
    /// # Panics
    /// If it was sent to where traces go and is not what belongs there.
    pub fn spans(&self) -> Vec<Span> {
        if !self.path.ends_with("/v1/traces") && !self.path.ends_with(".trace.v1.TraceService/Export") {
            return Vec::new();
        }
        let request = ExportTraceServiceRequest::decode(self.body.as_slice()).expect("an OTLP trace request");
        let mut spans = Vec::new();
        for group in request.resource_spans {
            let resource = attributes(&group.resource.unwrap_or_default().attributes);
            for scoped in group.scope_spans {
                let scope = scoped.scope.unwrap_or_default().name;
                spans.extend(scoped.spans.into_iter().map(|span| {
                    let status = span.status.unwrap_or_default();
                    Span {
                        resource: resource.clone(),
                        scope: scope.clone(),
                        name: span.name,
                        kind: span.kind,
                        attributes: attributes(&span.attributes),
                        start_unix_nanos: span.start_time_unix_nano,
                        end_unix_nanos: span.end_time_unix_nano,
                        trace_id: hex(&span.trace_id),
                        span_id: hex(&span.span_id),
                        parent_span_id: hex(&span.parent_span_id),
                        links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
                        events: span
                            .events
                            .into_iter()
                            .map(|event| SpanEvent {
                                name: event.name,
                                unix_nanos: event.time_unix_nano,
                                attributes: attributes(&event.attributes),
                                dropped_attributes: event.dropped_attributes_count,
                            })
                            .collect(),
                        status: status.code,
                        status_message: status.message,
                        dropped_attributes: span.dropped_attributes_count,
                        flags: span.flags,
                    }
                }));
            }
        }
        spans
    }

    /// Log records and spans inside.
    pub fn records(&self) -> usize {
        self.logs().len() + self.spans().len()
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Str(value) | Self::Other(value) => f.write_str(value),
        }
    }
}

impl From<&any_value::Value> for Value {
    fn from(value: &any_value::Value) -> Self {
        match value {
            any_value::Value::BoolValue(value) => Self::Bool(*value),
            any_value::Value::IntValue(value) => Self::Int(*value),
            any_value::Value::DoubleValue(value) => Self::Double(*value),
            any_value::Value::StringValue(value) => Self::Str(value.clone()),
            other => Self::Other(format!("{other:?}")),
        }
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for attribute in attributes {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        let value = value.map_or(Value::Other(String::new()), Value::from);
        let earlier = map.insert(attribute.key.clone(), value);
        assert!(earlier.is_none(), "the attribute {:?} is there twice", attribute.key);
    }
    map
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
