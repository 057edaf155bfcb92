//! A record as JSON text: what the store keeps, verbose mode prints and `show` shows. One walk for all of them.

use std::fmt::Write as _;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{RecordRef, Signal, SpanKind, Status, ValueRef};
use crate::privacy::row::*;

/// A record as one line of JSON. Only a record that the privacy filter wrote can become one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Row {
    json: String,
    signal: Signal,
    unix_seconds: i64,
}

impl Row {
    /// The record as a row.
    pub(crate) fn of(record: &RecordRef<'_>) -> Self {
        let mut json = Vec::with_capacity(512);
        // Writing to a Vec does not fail, and no key or value of a record is one that JSON has no form for.
        let written = serde_json::to_writer(&mut json, record)
            .map_or_else(|_| String::new(), |()| String::from_utf8(json).unwrap_or_default());
        Row { json: written, signal: record.signal(), unix_seconds: record.time().nanos().div_euclid(1_000_000_000) }
    }

    /// The line, without a line feed.
    pub fn as_str(&self) -> &str {
        &self.json
    }

    /// Log or span.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// When it happened or began, in seconds since 1970.
    pub fn unix_seconds(&self) -> i64 {
        self.unix_seconds
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.json)
    }
}

impl Serialize for RecordRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.signal() {
            Signal::Log => {
                map.serialize_entry(KIND, LOG)?;
                map.serialize_entry(TIME, &Shown(self.time()))?;
            }
            Signal::Span => {
                map.serialize_entry(KIND, SPAN)?;
                map.serialize_entry(START, &Shown(self.time()))?;
                map.serialize_entry(END, &Shown(self.end_time()))?;
            }
        }
        map.serialize_entry(LEVEL, self.severity().as_str())?;
        if !self.name().is_empty() {
            map.serialize_entry(NAME, self.name())?;
        }
        map.serialize_entry(TARGET, self.target())?;
        if let Some(body) = self.body() {
            map.serialize_entry(BODY, body)?;
        }
        if let Some(id) = self.trace_id() {
            map.serialize_entry(TRACE_ID, &Hex(&id))?;
        }
        if let Some(id) = self.span_id() {
            map.serialize_entry(SPAN_ID, &Hex(&id))?;
        }
        if let Some(id) = self.parent_span_id() {
            map.serialize_entry(PARENT_SPAN_ID, &Hex(&id))?;
        }
        if self.span_kind() != SpanKind::Internal {
            map.serialize_entry(SPAN_KIND, self.span_kind().as_str())?;
        }
        if self.status() != Status::Unset {
            map.serialize_entry(STATUS, self.status().as_str())?;
        }
        if let Some(message) = self.status_message() {
            map.serialize_entry(STATUS_MESSAGE, message)?;
        }
        map.serialize_entry(ATTRIBUTES, &Attributes(self))?;
        if self.links().next().is_some() {
            map.serialize_entry(LINKS, &Links(self))?;
        }
        if self.dropped_attributes() > 0 {
            map.serialize_entry(DROPPED_ATTRIBUTES, &self.dropped_attributes())?;
        }
        map.serialize_entry(RESOURCE, self.resource())?;
        map.end()
    }
}

impl SpanKind {
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub fn as_str(self) -> &'static str {
        match self {
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }
}

impl Status {
    /// `unset`, `ok` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unset => "unset",
            Status::Ok => "ok",
            Status::Error => "error",
        }
    }
}

struct Shown<T>(T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hex<'a>(&'a [u8]);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(self.0.len() * 2);
        for byte in self.0 {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        serializer.serialize_str(&text)
    }
}

struct Attributes<'a>(&'a RecordRef<'a>);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.attributes().map(|(key, value)| (key, Attribute(value))))
    }
}

struct Attribute<'a>(ValueRef<'a>);

impl Serialize for Attribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            // JSON has no number for these.
            ValueRef::F64(value) if !value.is_finite() => serializer.collect_str(&value),
            ValueRef::F64(value) => serializer.serialize_f64(value),
            ValueRef::Bool(value) => serializer.serialize_bool(value),
            ValueRef::I64(value) => serializer.serialize_i64(value),
            ValueRef::U64(value) => serializer.serialize_u64(value),
            ValueRef::Str(value) => serializer.serialize_str(value),
        }
    }
}

struct Links<'a>(&'a RecordRef<'a>);

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for (trace, span) in self.0.links() {
            seq.serialize_element(&Link(trace, span))?;
        }
        seq.end()
    }
}

struct Link([u8; 16], [u8; 8]);

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(TRACE_ID, &Hex(&self.0))?;
        map.serialize_entry(SPAN_ID, &Hex(&self.1))?;
        map.end()
    }
}
