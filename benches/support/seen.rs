//! What a record says, in one form for both sides.

use std::collections::BTreeMap;

use opentelemetry::logs::AnyValue;
use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, SpanId, TraceId};
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;

/// A record as a receiver would see it. An event's name is left out: it is its place in the source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// A span's name; none for a log record.
    span: Option<String>,
    target: String,
    level: String,
    body: Option<String>,
    attributes: BTreeMap<String, Value>,
    trace_id: String,
    span_id: String,
    parent_id: String,
    /// Events inside a span: their names and attributes.
    events: Vec<(String, BTreeMap<String, Value>)>,
    /// Whether it carries the time at which it happened, or those at which it began and ended.
    timed: bool,
}

impl Seen {
    /// A row of ours.
    pub(crate) fn of_row(json: &str) -> Self {
        let row: Value = serde_json::from_str(json).expect("a row is JSON");
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let is_span = row["kind"] == "span";
        let attributes = row["attributes"].as_object().expect("a row has attributes");
        Seen {
            span: is_span.then(|| text("name")),
            target: text("target"),
            level: text("level"),
            body: row["body"].as_str().map(str::to_owned),
            attributes: attributes.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            trace_id: text("trace_id"),
            span_id: text("span_id"),
            parent_id: text("parent_span_id"),
            events: row["events"].as_array().into_iter().flatten().map(event_of_row).collect(),
            timed: if is_span {
                text("start") <= text("end") && !text("start").is_empty()
            } else {
                !text("time").is_empty()
            },
        }
    }

    /// A log record of the appender.
    pub(crate) fn of_log(log: &SdkLogRecord) -> Self {
        let context = log.trace_context();
        Seen {
            span: None,
            target: log.target().map(|target| target.to_string()).unwrap_or_default(),
            level: log.severity_text().unwrap_or_default().to_owned(),
            body: log.body().map(|body| any(body).as_str().unwrap_or_default().to_owned()),
            attributes: log.attributes_iter().map(|(key, value)| (key.to_string(), any(value))).collect(),
            trace_id: context.map(|context| context.trace_id.to_string()).unwrap_or_default(),
            span_id: context.map(|context| context.span_id.to_string()).unwrap_or_default(),
            parent_id: String::new(),
            events: Vec::new(),
            timed: log.observed_timestamp().or(log.timestamp()).is_some(),
        }
    }

    /// A span of tracing-opentelemetry, which carries target and level as attributes.
    pub(crate) fn of_span(span: &SpanData) -> Self {
        let mut attributes = values(&span.attributes);
        let mut take =
            |key| attributes.remove(key).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        let (target, level) = (take("target"), take("level"));
        assert!(span.status == Status::Unset);
        let id = |id: SpanId| if id == SpanId::INVALID { String::new() } else { id.to_string() };
        assert!(span.span_context.trace_id() != TraceId::INVALID);
        Seen {
            span: Some(span.name.to_string()),
            target,
            level,
            body: None,
            attributes,
            trace_id: span.span_context.trace_id().to_string(),
            span_id: id(span.span_context.span_id()),
            parent_id: id(span.parent_span_id),
            events: span.events.iter().map(|event| (event.name.to_string(), values(&event.attributes))).collect(),
            timed: span.start_time <= span.end_time,
        }
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }
}

/// An event inside a span of ours, in the words of tracing-opentelemetry, where level and target are attributes. It makes
/// a text of an unsigned number.
fn event_of_row(event: &Value) -> (String, BTreeMap<String, Value>) {
    let mut attributes: BTreeMap<_, _> = event["attributes"]
        .as_object()
        .expect("an event has attributes")
        .iter()
        .map(|(key, value)| (key.clone(), if value.is_u64() { value.to_string().into() } else { value.clone() }))
        .collect();
    for key in ["level", "target"] {
        attributes.insert(key.to_owned(), event[key].clone());
    }
    (event["body"].as_str().unwrap_or_default().to_owned(), attributes)
}

fn values(attributes: &[KeyValue]) -> BTreeMap<String, Value> {
    attributes.iter().map(|attribute| (attribute.key.to_string(), value(&attribute.value))).collect()
}

/// Replaces ids, which are random, by their order of appearance, and sorts.
pub(crate) fn normalised(mut records: Vec<Seen>) -> Vec<Seen> {
    // Spans end after their events on one side and come from another queue on the other.
    records.sort_by_key(|record| (record.span.is_some(), record.attributes.get("items").and_then(Value::as_u64)));
    let mut known: Vec<String> = Vec::new();
    for record in &mut records {
        for id in [&mut record.trace_id, &mut record.span_id, &mut record.parent_id] {
            if !id.is_empty() {
                let place = known.iter().position(|other| other == id).unwrap_or_else(|| {
                    known.push(id.clone());
                    known.len() - 1
                });
                *id = format!("id {place}");
            }
        }
    }
    records
}

fn any(value: &AnyValue) -> Value {
    match value {
        AnyValue::Int(number) => (*number).into(),
        AnyValue::Double(number) => (*number).into(),
        AnyValue::Boolean(truth) => (*truth).into(),
        AnyValue::String(text) => text.as_str().into(),
        other => panic!("no workload has {other:?}"),
    }
}

fn value(value: &opentelemetry::Value) -> Value {
    match value {
        opentelemetry::Value::I64(number) => (*number).into(),
        opentelemetry::Value::F64(number) => (*number).into(),
        opentelemetry::Value::Bool(truth) => (*truth).into(),
        opentelemetry::Value::String(text) => text.as_str().into(),
        other => panic!("no workload has {other:?}"),
    }
}
