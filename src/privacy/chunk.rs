//! Clean bytes: the only form in which a record leaves the privacy room.
//!
//! Nothing outside this folder can make a [`Clean`] or a [`CleanFields`], and a [`Chunk`] takes nothing else. So
//! whatever sits in the queue, the store or an exporter went through the [`PrivacyVisitor`](super::PrivacyVisitor).

use super::format::{Entries, Entry, Header, Key, LENGTH, LINK, STATUS, Shape, TALLY};
use super::pen::{FIELD_CAP, RECORD_CAP, Scratch};

/// The status byte for an error; `record::Status` reads it.
const ERROR: u8 = 2;

/// One finished record, borrowed from the scratch it was written in.
#[derive(Clone, Copy)]
pub(crate) struct Clean<'a>(&'a [u8]);

impl<'a> Clean<'a> {
    /// Ends the record in `scratch`, which starts with room for its length.
    #[inline]
    pub(super) fn seal(scratch: &'a mut Vec<u8>, tally: Tally) -> Clean<'a> {
        if let Some(entry) = tally.encode() {
            scratch.extend_from_slice(&entry);
        }
        let length = (scratch.len() - LENGTH) as u32;
        scratch[..LENGTH].copy_from_slice(&length.to_le_bytes());
        Clean(scratch)
    }

    /// Bytes that the record takes in a chunk.
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
        self.records == 0
    }

    /// Records in the chunk.
    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
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

/// Clean entries of a span that is still open, kept inside the span's own state.
#[derive(Clone)]
pub(crate) struct CleanFields {
    storage: Storage,
    tally: Tally,
    condemned: bool,
}

/// Small entries live inline: a span costs one allocation, that of its state.
#[derive(Clone)]
enum Storage {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Vec<u8>),
}

/// What a span of a handful of short fields needs.
const INLINE: usize = 136;

/// Links that a span keeps.
const MAX_LINKS: usize = 32;

impl CleanFields {
    #[inline]
    pub(super) fn new(entries: &[u8], tally: Tally, condemned: bool) -> Self {
        CleanFields { storage: Storage::new(entries), tally, condemned }
    }

    /// Adds what was recorded later; of two values for a field the later one stays.
    pub(crate) fn amend(&mut self, later: CleanFields) {
        self.tally.add(later.tally);
        self.condemned |= later.condemned;
        for entry in Entries(later.entries()) {
            self.replace(&entry);
        }
        let mut rest = Entries(later.entries());
        let mut merged = self.entries().to_vec();
        loop {
            let from = rest.rest();
            let Some(next) = rest.next() else { break };
            let entry = &from[..from.len() - rest.rest().len()];
            let is_field = |entry: &Entry<'_>| entry.key != Key::None;
            let is_full = is_field(&next) && Entries(&merged).filter(is_field).count() >= FIELD_CAP as usize;
            if is_full || merged.len() + entry.len() > RECORD_CAP {
                self.tally.dropped = self.tally.dropped.saturating_add(1);
            } else {
                merged.extend_from_slice(entry);
            }
        }
        self.storage = Storage::new(&merged);
    }

    /// Removes the entry that this one replaces.
    fn replace(&mut self, entry: &Entry<'_>) {
        let entries = self.entries();
        if !Entries(entries).any(|earlier| entry.replaces(&earlier)) {
            return;
        }
        let mut kept = Vec::with_capacity(entries.len());
        let mut rest = Entries(entries);
        loop {
            let from = rest.rest();
            let Some(earlier) = rest.next() else { break };
            if !entry.replaces(&earlier) {
                kept.extend_from_slice(&from[..from.len() - rest.rest().len()]);
            }
        }
        self.storage = Storage::new(&kept);
    }

    /// Notes that the span follows from another one. Links beyond 32 are counted as dropped.
    pub(crate) fn follows(&mut self, trace_id: u128, span_id: u64) {
        if Entries(self.entries()).filter(|entry| entry.tag == LINK).count() >= MAX_LINKS {
            self.tally.dropped = self.tally.dropped.saturating_add(1);
            return;
        }
        let mut entries = self.entries().to_vec();
        entries.push(LINK);
        entries.extend_from_slice(&trace_id.to_be_bytes());
        entries.extend_from_slice(&span_id.to_be_bytes());
        self.storage = Storage::new(&entries);
    }

    /// Sets the status to error, unless the application itself said that all was well.
    pub(crate) fn failed(&mut self) {
        let status = Entries(self.entries()).find(|entry| entry.tag == STATUS).map(|entry| entry.value[0]);
        if status.is_none() {
            match &mut self.storage {
                Storage::Inline { len, bytes } if usize::from(*len) + 2 <= INLINE => {
                    bytes[usize::from(*len)..][..2].copy_from_slice(&[STATUS, ERROR]);
                    *len += 2;
                }
                _ => {
                    let mut entries = self.entries().to_vec();
                    entries.extend_from_slice(&[STATUS, ERROR]);
                    self.storage = Storage::new(&entries);
                }
            }
        }
    }

    fn entries(&self) -> &[u8] {
        match &self.storage {
            Storage::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Storage::Heap(bytes) => bytes,
        }
    }

    /// Puts the closed span together in `scratch`; `None` when a finding condemned the record.
    pub(crate) fn close<'a>(&self, header: &Header, scratch: &'a mut Scratch) -> Option<Clean<'a>> {
        debug_assert_eq!(header.shape, Shape::Span, "an event is composed where it is written");
        if self.condemned {
            return None;
        }
        let out = &mut scratch.record;
        out.clear();
        out.extend_from_slice(&[0; LENGTH]);
        out.extend_from_slice(&header.encode());
        out.extend_from_slice(self.entries());
        Some(Clean::seal(out, self.tally))
    }
}

impl std::fmt::Debug for CleanFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CleanFields({} bytes)", self.entries().len())
    }
}

impl Storage {
    #[inline]
    fn new(entries: &[u8]) -> Self {
        if entries.len() > INLINE {
            return Storage::Heap(entries.to_vec());
        }
        let mut bytes = [0; INLINE];
        bytes[..entries.len()].copy_from_slice(entries);
        // The cast keeps the value: INLINE is below 256.
        Storage::Inline { len: entries.len() as u8, bytes }
    }
}

/// What the filter did to one record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) dropped: u32,
    pub(super) hashed: u32,
    pub(super) redacted: u32,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.hashed = self.hashed.saturating_add(other.hashed);
        self.redacted = self.redacted.saturating_add(other.redacted);
    }

    /// The entry, unless there is nothing to say.
    #[inline]
    pub(super) fn encode(self) -> Option<[u8; 13]> {
        if self.dropped | self.hashed | self.redacted == 0 {
            return None;
        }
        let mut entry = [TALLY; 13];
        entry[1..5].copy_from_slice(&self.dropped.to_le_bytes());
        entry[5..9].copy_from_slice(&self.hashed.to_le_bytes());
        entry[9..13].copy_from_slice(&self.redacted.to_le_bytes());
        Some(entry)
    }
}
