//! Exporters as an application may bring along, and what they get, as rows would have it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value, json};

/// RFC 3339, by Howard Hinnant's algorithm for days (<https://howardhinnant.github.io/date_algorithms.html>).
pub fn time(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let (days, of_day) = ((since.as_secs() / 86_400) as i64, since.as_secs() % 86_400);
    let shifted = days + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + shifted.div_euclid(146_097) * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:09}Z", since.subsec_nanos())
}

pub fn resource(resource: &Resource) -> Value {
    resource
        .iter()
        .map(|(key, value)| (key.to_string(), json!(value.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub fn attributes<'a>(attributes: impl Iterator<Item = (&'a Key, Value)>) -> Value {
    attributes.map(|(key, value)| (key.to_string(), value)).collect::<serde_json::Map<_, _>>().into()
}

pub fn span_value(value: &opentelemetry::Value) -> Value {
    match value {
        opentelemetry::Value::Bool(value) => json!(value),
        opentelemetry::Value::I64(value) => json!(value),
        opentelemetry::Value::F64(value) => json!(value),
        other => json!(other.as_str()),
    }
}

/// A span as its row would have it.
pub fn span_row(span: &SpanData, of: &Resource) -> Value {
    assert!(span.span_context.is_sampled() && !span.span_context.is_remote() && !span.parent_span_is_remote);
    let mut row = json!({
        "kind": "span",
        "start": time(span.start_time),
        "end": time(span.end_time),
        "name": span.name,
        "target": span.instrumentation_scope.name(),
        "trace_id": span.span_context.trace_id().to_string(),
        "span_id": span.span_context.span_id().to_string(),
        "attributes": attributes(span.attributes.iter().map(|KeyValue { key, value, .. }| (key, span_value(value)))),
        "resource": resource(of),
    });
    if span.parent_span_id != SpanId::INVALID {
        row["parent_span_id"] = json!(span.parent_span_id.to_string());
    }
    if span.span_kind != SpanKind::Internal {
        row["span_kind"] = json!(format!("{:?}", span.span_kind).to_lowercase());
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => row["status"] = json!("ok"),
        Status::Error { description } => {
            row["status"] = json!("error");
            if !description.is_empty() {
                row["status_message"] = json!(description);
            }
        }
    }
    if !span.links.is_empty() {
        let link = |link: &opentelemetry::trace::Link| {
            json!({
                "trace_id": link.span_context.trace_id().to_string(),
                "span_id": link.span_context.span_id().to_string(),
            })
        };
        row["links"] = span.links.iter().map(link).collect();
    }
    if span.dropped_attributes_count > 0 {
        row["dropped_attributes"] = json!(span.dropped_attributes_count);
    }
    row
}

/// A span exporter that keeps what it gets with the resource it was told last.
#[derive(Debug, Clone, Default)]
pub struct Keeper {
    pub resource: Option<Resource>,
    pub rows: Arc<Mutex<Vec<Value>>>,
    pub ends: Arc<AtomicUsize>,
}

impl Keeper {
    pub fn names(&self) -> Vec<String> {
        let rows = self.rows.lock().expect("nobody panics with it");
        rows.iter().map(|row| row["name"].as_str().expect("a span has a name").to_owned()).collect()
    }
}

impl SpanExporter for Keeper {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let of = self.resource.as_ref().expect("the resource comes first");
        self.rows.lock().expect("nobody panics with it").extend(batch.iter().map(|span| span_row(span, of)));
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.ends.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = Some(resource.clone());
    }
}

/// A span exporter that does this with each batch; the first number counts its calls.
#[derive(Clone)]
pub struct Custom<F> {
    pub calls: Arc<AtomicUsize>,
    does: F,
}

impl<F: Fn(usize, Vec<SpanData>) -> OTelSdkResult + Send + Sync> Custom<F> {
    pub fn new(does: F) -> Self {
        Custom { calls: Arc::default(), does }
    }
}

impl<F> fmt::Debug for Custom<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

impl<F: Fn(usize, Vec<SpanData>) -> OTelSdkResult + Send + Sync> SpanExporter for Custom<F> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        (self.does)(self.calls.fetch_add(1, Ordering::SeqCst), batch)
    }
}
