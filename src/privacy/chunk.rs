//! Clean bytes: the only form in which a record leaves the privacy room.
//!
//! Nothing outside this folder can make a [`Clean`], and a [`Chunk`] takes nothing else. So
//! whatever sits in the queue, the store or an exporter went through the [`PrivacyVisitor`](super::PrivacyVisitor).

use super::format::{LENGTH, NESTED, TALLY};

/// One finished record, borrowed from the buffer it was written in.
#[derive(Clone, Copy)]
pub(crate) struct Clean<'a>(&'a [u8]);

impl<'a> Clean<'a> {
    /// Ends a record, which starts with room for its length.
    #[inline(always)]
    pub(super) fn seal(record: &'a mut [u8]) -> Clean<'a> {
        let length = (record.len() - LENGTH) as u32;
        record[..LENGTH].copy_from_slice(&length.to_le_bytes());
        Clean(record)
    }

    /// The record as it stands inside another one: behind room for the entry's tag and length, of which its own length
    /// takes more.
    #[inline]
    pub(super) fn nested(&self) -> &'a [u8] {
        self.0.get(LENGTH - NESTED..).unwrap_or_default()
    }

    /// Bytes that the record takes in a chunk.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Debug for Clean<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clean({} bytes)", self.0.len())
    }
}

/// Clean records, one after the other.
#[derive(Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    records: u32,
}

impl Chunk {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Chunk { bytes: Vec::with_capacity(bytes), records: 0 }
    }

    /// A chunk of just this record.
    pub(crate) fn of(clean: Clean<'_>) -> Self {
        let mut chunk = Chunk::with_capacity(clean.len());
        chunk.append(clean);
        chunk
    }

    /// Whether the record can be appended without growing the buffer.
    #[inline]
    pub(crate) fn has_room(&self, clean: Clean<'_>) -> bool {
        self.bytes.capacity() - self.bytes.len() >= clean.len()
    }

    #[inline]
    pub(crate) fn append(&mut self, clean: Clean<'_>) {
        self.bytes.extend_from_slice(clean.0);
        self.records += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Records in the chunk.
    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives up the room that is left.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Empties the chunk; its buffer stays.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
    }

    /// The encoded records, for the reader.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk").field("records", &self.records).field("bytes", &self.bytes.len()).finish()
    }
}

/// What the filter did to one record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) dropped: u32,
    pub(super) hashed: u32,
    pub(super) redacted: u32,
    /// Events that a span had no room for.
    pub(super) events: u32,
    /// Links that it had no room for.
    pub(super) links: u32,
}

impl Tally {
    /// Counts a field that was left out.
    pub(super) fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    pub(super) fn add(&mut self, other: Tally) {
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.hashed = self.hashed.saturating_add(other.hashed);
        self.redacted = self.redacted.saturating_add(other.redacted);
        self.events = self.events.saturating_add(other.events);
        self.links = self.links.saturating_add(other.links);
    }

    /// The entry, unless there is nothing to say.
    #[inline]
    pub(super) fn encode(self) -> Option<[u8; 21]> {
        if self == Tally::default() {
            return None;
        }
        let mut entry = [TALLY; 21];
        entry[1..5].copy_from_slice(&self.dropped.to_le_bytes());
        entry[5..9].copy_from_slice(&self.hashed.to_le_bytes());
        entry[9..13].copy_from_slice(&self.redacted.to_le_bytes());
        entry[13..17].copy_from_slice(&self.events.to_le_bytes());
        entry[17..21].copy_from_slice(&self.links.to_le_bytes());
        Some(entry)
    }
}
