//! Reading clean records: a view over a chunk's bytes, and the JSON text that it prints as.

#[cfg(any(feature = "store", feature = "upload"))]
#[cfg_attr(
    not(all(feature = "store", feature = "upload")),
    allow(dead_code, reason = "memory knows no leases, and without a destination nothing is claimed")
)]
pub(crate) mod claim;
#[cfg(any(feature = "store", feature = "upload"))]
#[cfg_attr(
    not(all(feature = "store", feature = "upload")),
    allow(dead_code, reason = "memory holds one run's rows alone, and without a destination nobody answers")
)]
mod hosts;
pub(crate) mod json;
#[cfg(feature = "upload")]
mod verify;
mod words;

use crate::app::{Date, Timestamp};
use crate::privacy::format::{self, Entries, Entry, HEADER, Header, Key, LENGTH, Shape};
use crate::privacy::{Chunk, Plan, Plans, Resource};

#[cfg(feature = "upload")]
pub(crate) use hosts::Addressee;
#[cfg(feature = "store")]
pub(crate) use hosts::{Answered, Hosts};
pub use json::Row;
pub(crate) use json::{RowRef, Rows};
#[cfg(feature = "upload")]
pub(crate) use verify::CleanPlans;
pub use words::{Severity, Signal, SpanKind, Status, ValueRef};

/// A record as it was kept: one log record or one span.
///
/// It borrows the bytes that the privacy filter wrote; there is no other way to make one.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    header: Header,
    entries: &'a [u8],
    plan: Option<&'a Plan>,
    plans: Option<&'a Plans>,
    resource: &'a Resource,
    /// Where the ticks of the header begin.
    zero: Timestamp,
}

impl<'a> RecordRef<'a> {
    /// Log or span.
    pub fn signal(&self) -> Signal {
        match self.header.shape {
            Shape::Event => Signal::Log,
            Shape::Span => Signal::Span,
        }
    }

    /// The span's name, or the name that an event was given with `name:`; else empty.
    pub fn name(&self) -> &'a str {
        self.parts().name
    }

    /// The module or target that the record comes from.
    pub fn target(&self) -> &'a str {
        self.parts().target
    }

    /// How severe it is.
    pub fn severity(&self) -> Severity {
        self.parts().severity
    }

    /// When it happened, or when the span began, in nanoseconds since 1970; after a sleep of the machine see
    /// [`Clock`](crate::Clock).
    pub fn unix_nanos(&self) -> u64 {
        u64::try_from(self.time().nanos()).unwrap_or(0)
    }

    /// When the span ended, in nanoseconds since 1970; for a log record, [`RecordRef::unix_nanos`].
    pub fn end_unix_nanos(&self) -> u64 {
        u64::try_from(self.end_time().nanos()).unwrap_or(0)
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.rounded(self.at(self.header.start))
    }

    pub(crate) fn end_time(&self) -> Timestamp {
        match self.header.shape {
            Shape::Event => self.time(),
            Shape::Span => self.rounded(self.at(self.header.end)),
        }
    }

    /// As exact as the policy lets it be. What comes back from disk was rounded there.
    fn rounded(&self, at: Timestamp) -> Timestamp {
        match self.plans.and_then(Plans::times) {
            None => at,
            Some(unit) => unit.floor(at).unwrap_or(Timestamp::from_nanos(0)),
        }
    }

    fn at(&self, ticks: u64) -> Timestamp {
        // Ticks are small; the nanoseconds of a readmitted record are an `i64` and its zero is zero.
        Timestamp::from_nanos(self.zero.nanos().saturating_add(ticks as i64))
    }

    /// The trace that it belongs to; none for an event outside spans.
    pub fn trace_id(&self) -> Option<[u8; 16]> {
        (self.header.trace_id != 0).then(|| self.header.trace_id.to_be_bytes())
    }

    /// The span itself, or the span that an event happened in.
    pub fn span_id(&self) -> Option<[u8; 8]> {
        (self.header.span_id != 0).then(|| self.header.span_id.to_be_bytes())
    }

    /// The span around this one.
    pub fn parent_span_id(&self) -> Option<[u8; 8]> {
        (self.header.parent_id != 0).then(|| self.header.parent_id.to_be_bytes())
    }

    /// The text of `info!("…")`.
    pub fn body(&self) -> Option<&'a str> {
        self.parts().body
    }

    /// Keys and values in the order they were recorded.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + use<'a> {
        let plan = self.plan;
        self.entries().filter_map(move |entry| {
            let key = match entry.key {
                Key::Index(index) => plan?.key(index)?,
                Key::Text(text) => std::str::from_utf8(text).ok()?,
                Key::None => return None,
            };
            Some((key, ValueRef::of(&entry)?))
        })
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<ValueRef<'a>> {
        self.attributes().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Trace and span ids of the spans that this one follows from.
    pub fn links(&self) -> impl Iterator<Item = ([u8; 16], [u8; 8])> + use<'a> {
        self.entries().filter(|entry| entry.tag == format::LINK).filter_map(|entry| {
            let (trace, span) = entry.value.split_first_chunk::<16>()?;
            Some((*trace, span.try_into().ok()?))
        })
    }

    /// The events that happened in the span, where [`Events`](crate::Events) puts them into spans; each as a log record.
    pub fn events(&self) -> impl Iterator<Item = RecordRef<'a>> + use<'a> {
        let span = *self;
        let events = self.entries().filter(|entry| entry.tag == format::EVENT);
        let events = events.filter_map(move |entry| {
            let mut event = RecordRef::decode(entry.value, span.plans, span.resource, span.zero)?;
            // It leaves with the span, and not before.
            event.header.end = span.header.end;
            Some(event)
        });
        events.filter(|event| !event.is_expired())
    }

    /// Events that the span had no room for: it takes 128, and its record 16 KiB.
    pub fn dropped_events(&self) -> u32 {
        self.parts().dropped_events
    }

    /// Links that the span had no room for: it takes 32.
    pub fn dropped_links(&self) -> u32 {
        self.parts().dropped_links
    }

    /// How the span ended.
    pub fn status(&self) -> Status {
        self.parts().status
    }

    /// What `otel.status_description` said of a failure; OpenTelemetry has no description for anything else.
    pub fn status_message(&self) -> Option<&'a str> {
        self.parts().status_message
    }

    /// What `otel.kind` said; [`SpanKind::Internal`] if nothing.
    pub fn span_kind(&self) -> SpanKind {
        self.parts().span_kind
    }

    /// Fields that the filter dropped, or that were over a limit.
    pub fn dropped_attributes(&self) -> u32 {
        self.parts().dropped
    }

    /// Values that were replaced by pseudonyms.
    pub fn hashed_attributes(&self) -> u32 {
        self.parts().hashed
    }

    /// Values in which something was replaced or made coarser.
    pub fn redacted_attributes(&self) -> u32 {
        self.parts().redacted
    }

    /// Who sent it.
    pub fn resource(&self) -> &'a Resource {
        self.resource
    }

    /// A record without its length.
    fn decode(
        record: &'a [u8],
        plans: Option<&'a Plans>,
        resource: &'a Resource,
        zero: Timestamp,
    ) -> Option<RecordRef<'a>> {
        let (header, entries) = record.split_first_chunk::<HEADER>()?;
        let header = Header::decode(header);
        let plan = plans.and_then(|plans| plans.get(header.plan));
        Some(RecordRef { header, entries, plan, plans, resource, zero })
    }

    /// Without what may not exist any more.
    fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let expiring = self.plan.filter(|plan| plan.expires_in_part()).map(|plan| (plan, self.day()));
        Entries(self.entries).filter(move |entry| !expiring.is_some_and(|(plan, day)| plan.hides(entry, day)))
    }

    /// Whether the record as a whole may not exist any more: its entry in the inventory expired after its callsite was
    /// first seen.
    pub(crate) fn is_expired(&self) -> bool {
        self.plan.is_some_and(|plan| plan.is_expired(self.day()))
    }

    /// The day on which it was finished; of an event in a span, that of the span.
    fn day(&self) -> Date {
        self.at(self.header.end.max(self.header.start)).date()
    }

    /// What the record says beside its attributes, found in one pass.
    pub(crate) fn parts(&self) -> Parts<'a> {
        let mut parts = Parts {
            name: self.plan.map(|plan| &*plan.name).unwrap_or(""),
            target: self.plan.map(|plan| &*plan.target).unwrap_or(""),
            severity: self.plan.map_or(Severity::Info, |plan| Severity::from(plan.level)),
            body: None,
            span_kind: SpanKind::Internal,
            status: Status::Unset,
            status_message: None,
            dropped: 0,
            hashed: 0,
            redacted: 0,
            dropped_events: 0,
            dropped_links: 0,
            has_links: false,
            has_events: false,
        };
        let mut said = None;
        for entry in self.entries() {
            let text = || std::str::from_utf8(entry.value).ok();
            match entry.tag {
                format::NAME => parts.name = text().unwrap_or(parts.name),
                format::TARGET => parts.target = text().unwrap_or(parts.target),
                format::BODY => parts.body = parts.body.or_else(text),
                format::STATUS_MESSAGE => parts.status_message = parts.status_message.or_else(text),
                format::STATUS => said = said.or(entry.value.first().copied()),
                format::SPAN_KIND => parts.span_kind = SpanKind::of(entry.value.first().copied()),
                format::SEVERITY if self.plan.is_none() => {
                    let number = entry.value.first().copied();
                    parts.severity = number.and_then(Severity::from_number).unwrap_or(parts.severity);
                }
                format::TALLY => {
                    let number = |place: usize| entry.value.chunks_exact(4).nth(place)?.try_into().ok();
                    let number = |place| number(place).map_or(0, u32::from_le_bytes);
                    (parts.dropped, parts.hashed, parts.redacted) = (number(0), number(1), number(2));
                    (parts.dropped_events, parts.dropped_links) = (number(3), number(4));
                }
                format::LINK => parts.has_links = true,
                format::EVENT => parts.has_events = true,
                _ => {}
            }
        }
        parts.status = match said {
            Some(1) => Status::Ok,
            Some(2) => Status::Error,
            // Only a failure is described.
            None if parts.status_message.is_some() => Status::Error,
            _ => Status::Unset,
        };
        parts.status_message = parts.status_message.filter(|_| parts.status == Status::Error);
        parts
    }
}

/// What a record says beside its attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) name: &'a str,
    pub(crate) target: &'a str,
    pub(crate) severity: Severity,
    pub(crate) body: Option<&'a str>,
    pub(crate) span_kind: SpanKind,
    pub(crate) status: Status,
    pub(crate) status_message: Option<&'a str>,
    /// See [`RecordRef::dropped_attributes`] and its neighbours.
    pub(crate) dropped: u32,
    pub(crate) hashed: u32,
    pub(crate) redacted: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
    pub(crate) has_links: bool,
    pub(crate) has_events: bool,
}

/// Records with all that is needed to read them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(crate) chunk: &'a Chunk,
    /// `None` for rows that came back from disk.
    pub(crate) plans: Option<&'a Plans>,
    pub(crate) resource: &'a Resource,
    /// Where the ticks of the records begin; zero for rows that came back from disk.
    pub(crate) zero: Timestamp,
}

impl<'a> Batch<'a> {
    /// The records, in the order they were written.
    pub(crate) fn records(&self) -> impl Iterator<Item = RecordRef<'a>> + use<'a> {
        let Batch { chunk, plans, resource, zero } = *self;
        let mut rest = chunk.bytes();
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<LENGTH>()?;
            let (record, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            RecordRef::decode(record, plans, resource, zero)
        })
    }
}
