//! The layout of a clean record inside a [`Chunk`](super::Chunk), shared by the one writer and the reader in `record`.
//!
//! A record is a length (`u32`, of what follows it), a fixed header and entries. All integers are little endian. An
//! entry is a tag, a key where the tag has one, and a value. A key is the index of a field in the callsite's plan, or,
//! when [`INLINE_KEY`] is set, the text itself: records that come back from disk have no callsite.

/// Bytes of the length in front of every record.
pub(crate) const LENGTH: usize = 4;
/// Bytes of a tag and a length in front of a record inside another one.
pub(super) const NESTED: usize = 1 + 2;
/// Bytes of the fixed header: kind, plan, start, end, trace id, span id, parent span id.
pub(crate) const HEADER: usize = 1 + 4 + 8 + 8 + 16 + 8 + 8;
/// Where a record's entries start.
pub(super) const START: usize = LENGTH + HEADER;

/// Set in an attribute's tag when its key is text, not a field index.
pub(crate) const INLINE_KEY: u8 = 0x80;

/// The plan of a record that has no callsite in this process.
#[cfg(feature = "upload")]
pub(crate) const NO_PLAN: u32 = u32::MAX;

/// Declares the entry tags once, for the writer and the reader.
macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => { $($(#[$doc])* pub(crate) const $name: u8 = $value;)* };
}

tags! {
    /// Attribute: one byte, 0 or 1.
    BOOL = 1;
    /// Attribute: 8 bytes, signed.
    I64 = 2;
    /// Attribute: 8 bytes, unsigned.
    U64 = 3;
    /// Attribute: 8 bytes, IEEE 754.
    F64 = 4;
    /// Attribute: `u16` length and UTF-8.
    STR = 5;
    /// The event's message: `u16` length and UTF-8.
    BODY = 0x10;
    /// A name that replaces the callsite's: `u16` length and UTF-8.
    NAME = 0x11;
    /// A target that replaces the callsite's: `u16` length and UTF-8.
    TARGET = 0x12;
    /// A span that this one follows from: 16 bytes of trace id, 8 bytes of span id.
    LINK = 0x13;
    /// Span status: one byte, [`Status`](crate::record::Status).
    STATUS = 0x14;
    /// What the status says: `u16` length and UTF-8.
    STATUS_MESSAGE = 0x15;
    /// Span kind: one byte, [`SpanKind`](crate::record::SpanKind).
    SPAN_KIND = 0x16;
    /// Severity of a record without a callsite: one byte.
    SEVERITY = 0x17;
    /// What the filter did to the record: five `u32`, fields dropped, hashed and redacted, events and links left out.
    TALLY = 0x18;
    /// An event inside a span: `u16` length, then a record of its own without its length.
    EVENT = 0x19;
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An event: one point in time.
    Event = 1,
    /// A closed span: start and end.
    Span = 2,
}

/// Everything about a record that is not text: nothing in it can carry what a person typed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) shape: Shape,
    pub(crate) plan: u32,
    /// Ticks of the pipeline's clock; nanoseconds since the UNIX epoch once readmitted.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Zero when the record belongs to no trace.
    pub(crate) trace_id: u128,
    /// The span itself, or the span an event happened in; zero for none.
    pub(crate) span_id: u64,
    /// Zero for none.
    pub(crate) parent_id: u64,
}

/// Says in which span an event happened.
#[inline]
pub(super) fn set_place(record: &mut [u8], trace_id: u128, span_id: u64) {
    if let Some(place) = record.get_mut(LENGTH + 21..LENGTH + 45) {
        let (trace, span) = place.split_at_mut(16);
        trace.copy_from_slice(&trace_id.to_be_bytes());
        span.copy_from_slice(&span_id.to_be_bytes());
    }
}

/// Sets a record's end, which lies no earlier than its start.
#[inline]
pub(super) fn set_end(record: &mut [u8], end: u64) {
    if let Some(times) = record.get_mut(LENGTH + 5..LENGTH + 21) {
        let (start, slot) = times.split_at_mut(8);
        let start =
            u64::from_le_bytes([start[0], start[1], start[2], start[3], start[4], start[5], start[6], start[7]]);
        slot.copy_from_slice(&end.max(start).to_le_bytes());
    }
}

impl Header {
    /// The header, behind room for the record's length.
    #[inline]
    pub(super) fn encode(&self) -> [u8; START] {
        let mut record = [0; START];
        let bytes = &mut record[LENGTH..];
        bytes[0] = self.shape as u8;
        bytes[1..5].copy_from_slice(&self.plan.to_le_bytes());
        bytes[5..13].copy_from_slice(&self.start.to_le_bytes());
        bytes[13..21].copy_from_slice(&self.end.to_le_bytes());
        bytes[21..37].copy_from_slice(&self.trace_id.to_be_bytes());
        bytes[37..45].copy_from_slice(&self.span_id.to_be_bytes());
        bytes[45..53].copy_from_slice(&self.parent_id.to_be_bytes());
        record
    }

    pub(crate) fn decode(bytes: &[u8; HEADER]) -> Header {
        let u64_at = |at: usize| u64::from_le_bytes(array(bytes, at));
        Header {
            shape: if bytes[0] == Shape::Span as u8 { Shape::Span } else { Shape::Event },
            plan: u32::from_le_bytes(array(bytes, 1)),
            start: u64_at(5),
            end: u64_at(13),
            trace_id: u128::from_be_bytes(array(bytes, 21)),
            span_id: u64::from_be_bytes(array(bytes, 37)),
            parent_id: u64::from_be_bytes(array(bytes, 45)),
        }
    }
}

fn array<const N: usize>(bytes: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// The key of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// The entry's tag says all.
    None,
    /// A field of the plan.
    Index(u16),
    /// The text itself.
    Text(&'a [u8]),
}

/// One entry of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// Without [`INLINE_KEY`].
    pub(crate) tag: u8,
    pub(crate) key: Key<'a>,
    /// The value's bytes; for text, without its length.
    pub(crate) value: &'a [u8],
}

impl Entry<'_> {
    /// Bytes that the entry takes, with its tag and key.
    pub(super) fn size(&self) -> usize {
        let key = match self.key {
            Key::None => 0,
            Key::Index(_) => 2,
            Key::Text(text) => 1 + text.len(),
        };
        let length = if matches!(self.tag, STR | BODY | NAME | TARGET | STATUS_MESSAGE | EVENT) { 2 } else { 0 };
        1 + key + length + self.value.len()
    }

    /// Whether both say the same thing about a span, so that the later one replaces the earlier.
    pub(super) fn replaces(&self, earlier: &Entry<'_>) -> bool {
        match (self.key, earlier.key) {
            (Key::None, Key::None) => self.tag == earlier.tag && !matches!(self.tag, LINK | EVENT),
            (key, other) => key == other,
        }
    }
}

/// The entries of a record, in order.
#[derive(Debug, Clone)]
pub(crate) struct Entries<'a>(pub(crate) &'a [u8]);

impl<'a> Entries<'a> {
    /// What is left to read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn take_u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let raw = self.take(1)?[0];
        let tag = raw & !INLINE_KEY;
        let key = match tag {
            BOOL..=STR if raw & INLINE_KEY != 0 => {
                let length = self.take(1)?[0];
                Key::Text(self.take(usize::from(length))?)
            }
            BOOL..=STR => Key::Index(self.take_u16()?),
            _ => Key::None,
        };
        let value = match tag {
            BOOL | STATUS | SPAN_KIND | SEVERITY => self.take(1)?,
            I64 | U64 | F64 => self.take(8)?,
            LINK => self.take(24)?,
            TALLY => self.take(20)?,
            STR | BODY | NAME | TARGET | STATUS_MESSAGE | EVENT => {
                let length = self.take_u16()?;
                self.take(usize::from(length))?
            }
            _ => return None,
        };
        Some(Entry { tag, key, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_round_trip() {
        let header = Header {
            shape: Shape::Span,
            plan: 7,
            start: 1,
            end: u64::MAX,
            trace_id: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
            span_id: 0x8899_aabb_ccdd_eeff,
            parent_id: 3,
        };
        let record = header.encode();
        let bytes = record[LENGTH..].try_into().expect("what follows the length is the header");
        assert_eq!(format!("{:?}", Header::decode(bytes)), format!("{header:?}"));
    }
}
