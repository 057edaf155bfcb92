//! Rows of the collector's tables as the official `clickhouse` crate has them.

#![allow(dead_code, unreachable_pub, reason = "each binary uses a part of it")]

use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// A map as it is stored: in order, with every key as often as it was sent.
pub type Attributes = Vec<(String, String)>;

/// A row of `otel_traces`. Times and durations are nanoseconds.
#[derive(Debug, Row, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SpanRow {
    pub timestamp: i64,
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: String,
    pub trace_state: String,
    pub span_name: String,
    pub span_kind: String,
    pub service_name: String,
    pub resource_attributes: Attributes,
    pub scope_name: String,
    pub scope_version: String,
    pub span_attributes: Attributes,
    pub duration: u64,
    pub status_code: String,
    pub status_message: String,
    #[serde(rename = "Events.Timestamp")]
    pub event_timestamp: Vec<i64>,
    #[serde(rename = "Events.Name")]
    pub event_name: Vec<String>,
    #[serde(rename = "Events.Attributes")]
    pub event_attributes: Vec<Attributes>,
    #[serde(rename = "Links.TraceId")]
    pub link_trace_id: Vec<String>,
    #[serde(rename = "Links.SpanId")]
    pub link_span_id: Vec<String>,
    #[serde(rename = "Links.TraceState")]
    pub link_trace_state: Vec<String>,
    #[serde(rename = "Links.Attributes")]
    pub link_attributes: Vec<Attributes>,
}

/// A row of `otel_logs`. Its time is in nanoseconds.
#[derive(Debug, Row, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogRow {
    pub timestamp: i64,
    pub trace_id: String,
    pub span_id: String,
    pub trace_flags: u8,
    pub severity_text: String,
    pub severity_number: u8,
    pub service_name: String,
    pub body: String,
    pub resource_schema_url: String,
    pub resource_attributes: Attributes,
    pub scope_schema_url: String,
    pub scope_name: String,
    pub scope_version: String,
    pub scope_attributes: Attributes,
    pub log_attributes: Attributes,
    pub event_name: String,
}
