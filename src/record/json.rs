//! A record as JSON text: what the store keeps, verbose mode prints and `show` shows. One walk for all of them.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{RecordRef, Signal, SpanKind, Status, ValueRef};
use crate::app::Timestamp;
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

    #[cfg(feature = "store")]
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
        let parts = self.parts();
        let mut map = serializer.serialize_map(None)?;
        match self.signal() {
            Signal::Log => {
                map.serialize_entry(KIND, LOG)?;
                map.serialize_entry(TIME, &Time(self.time()))?;
            }
            Signal::Span => {
                map.serialize_entry(KIND, SPAN)?;
                map.serialize_entry(START, &Time(self.time()))?;
                map.serialize_entry(END, &Time(self.end_time()))?;
            }
        }
        map.serialize_entry(LEVEL, parts.severity.as_str())?;
        if !parts.name.is_empty() {
            map.serialize_entry(NAME, parts.name)?;
        }
        map.serialize_entry(TARGET, parts.target)?;
        if let Some(body) = parts.body {
            map.serialize_entry(BODY, body)?;
        }
        if let Some(id) = self.trace_id() {
            map.serialize_entry(TRACE_ID, &Hex(id))?;
        }
        if let Some(id) = self.span_id() {
            map.serialize_entry(SPAN_ID, &Hex(id))?;
        }
        if let Some(id) = self.parent_span_id() {
            map.serialize_entry(PARENT_SPAN_ID, &Hex(id))?;
        }
        if parts.span_kind != SpanKind::Internal {
            map.serialize_entry(SPAN_KIND, parts.span_kind.as_str())?;
        }
        if parts.status != Status::Unset {
            map.serialize_entry(STATUS, parts.status.as_str())?;
        }
        if let Some(message) = parts.status_message {
            map.serialize_entry(STATUS_MESSAGE, message)?;
        }
        map.serialize_entry(ATTRIBUTES, &Attributes(self))?;
        if parts.has_links {
            map.serialize_entry(LINKS, &Links(self))?;
        }
        if parts.dropped_links > 0 {
            map.serialize_entry(DROPPED_LINKS, &parts.dropped_links)?;
        }
        if parts.dropped > 0 {
            map.serialize_entry(DROPPED_ATTRIBUTES, &parts.dropped)?;
        }
        if parts.has_events {
            map.serialize_entry(EVENTS, &Events(self))?;
        }
        if parts.dropped_events > 0 {
            map.serialize_entry(DROPPED_EVENTS, &parts.dropped_events)?;
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

/// A time as `Display` has it, put together digit by digit: each row has one or two.
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NANOS_PER_SECOND: i64 = 1_000_000_000;
        let of_day = self.0.nanos().rem_euclid(86_400 * NANOS_PER_SECOND);
        let (seconds, nanos) = (of_day / NANOS_PER_SECOND, of_day % NANOS_PER_SECOND);
        let (year, month, day) = self.0.date().civil();
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month.into());
        digits(&mut text[8..10], day.into());
        digits(&mut text[11..13], seconds / 3600);
        digits(&mut text[14..16], seconds / 60 % 60);
        digits(&mut text[17..19], seconds % 60);
        digits(&mut text[20..29], nanos);
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Writes the last digits of a number that is not negative, as many as there is room for.
fn digits(text: &mut [u8], mut number: i64) {
    for place in text.iter_mut().rev() {
        *place = b'0' + (number % 10).unsigned_abs() as u8;
        number /= 10;
    }
}

struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [[0; 2]; N];
        for (pair, byte) in text.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        serializer.serialize_str(std::str::from_utf8(text.as_flattened()).unwrap_or_default())
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
        map.serialize_entry(TRACE_ID, &Hex(self.0))?;
        map.serialize_entry(SPAN_ID, &Hex(self.1))?;
        map.end()
    }
}

struct Events<'a>(&'a RecordRef<'a>);

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for event in self.0.events() {
            seq.serialize_element(&Event(event))?;
        }
        seq.end()
    }
}

/// An event inside a span, which says the rest.
struct Event<'a>(RecordRef<'a>);

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.0.parts();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(TIME, &Time(self.0.time()))?;
        map.serialize_entry(LEVEL, parts.severity.as_str())?;
        if !parts.name.is_empty() {
            map.serialize_entry(NAME, parts.name)?;
        }
        map.serialize_entry(TARGET, parts.target)?;
        if let Some(body) = parts.body {
            map.serialize_entry(BODY, body)?;
        }
        map.serialize_entry(ATTRIBUTES, &Attributes(&self.0))?;
        if parts.dropped > 0 {
            map.serialize_entry(DROPPED_ATTRIBUTES, &parts.dropped)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_it_is_displayed() {
        for nanos in [0, 1, -1, 1_772_600_767_890_000_001, i64::MIN, i64::MAX, 951_782_399_999_999_999] {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!(serde_json::to_string(&Time(time)).unwrap(), format!("\"{time}\""));
        }
    }
}
