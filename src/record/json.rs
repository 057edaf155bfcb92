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
    #[cfg(test)]
    pub(crate) fn of(record: &RecordRef<'_>) -> Self {
        let mut rows = Rows::default();
        rows.push(record);
        rows.iter().next().map(Row::from).expect("one was pushed")
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

impl From<RowRef<'_>> for Row {
    fn from(row: RowRef<'_>) -> Self {
        Row { json: row.json.to_owned(), signal: row.signal, unix_seconds: row.unix_seconds }
    }
}

/// Records as lines of JSON, one behind the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    text: Vec<u8>,
    rows: Vec<Place>,
}

/// A line of [`Rows`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowRef<'a> {
    json: &'a str,
    signal: Signal,
    unix_seconds: i64,
}

impl<'a> RowRef<'a> {
    pub(crate) fn as_str(&self) -> &'a str {
        self.json
    }

    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn unix_seconds(&self) -> i64 {
        self.unix_seconds
    }
}

/// Where a line ends, and what stands in it.
#[derive(Debug, Clone, Copy)]
struct Place {
    end: usize,
    signal: Signal,
    unix_seconds: i64,
}

impl Rows {
    pub(crate) fn push(&mut self, record: &RecordRef<'_>) {
        // Writing to a Vec does not fail, and no key or value of a record is one that JSON has no form for.
        let _ = serde_json::to_writer(&mut self.text, record);
        let unix_seconds = record.time().nanos().div_euclid(1_000_000_000);
        self.rows.push(Place { end: self.text.len(), signal: record.signal(), unix_seconds });
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of all lines.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The lines, in the order they came.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = RowRef<'_>> + ExactSizeIterator {
        (0..self.rows.len()).map(|at| {
            let Place { end, signal, unix_seconds } = self.rows[at];
            let begin = if at == 0 { 0 } else { self.rows[at - 1].end };
            RowRef { json: std::str::from_utf8(&self.text[begin..end]).unwrap_or_default(), signal, unix_seconds }
        })
    }

    /// Keeps the first lines alone.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.rows.truncate(count);
        self.text.truncate(self.rows.last().map_or(0, |row| row.end));
    }

    /// Empties it; a buffer of a usual size stays.
    pub(crate) fn clear(&mut self) {
        const KEPT: usize = 1024 * 1024;
        self.truncate(0);
        if self.text.capacity() > KEPT {
            self.text = Vec::new();
        }
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
