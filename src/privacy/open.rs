//! The record of a span that is still open: clean from its first byte, finished when the span closes.

use super::chunk::{Clean, Tally};
use super::format::{self, EVENT, Entries, Entry, Key, LINK, NESTED, STATUS};
use super::pen::{FIELD_CAP, RECORD_CAP};

/// Bytes that events in a group of open spans may still take together.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Room {
    pub(crate) const fn new(bytes: usize) -> Self {
        Room(bytes)
    }

    /// Takes `more` bytes for a span that was granted `held` before.
    ///
    /// No span may hold more than is left for all others: of many that all want more than there is, each gets as much, and
    /// there is room for one that comes late. (The dynamic threshold of Choudhury and Hahne, 1998, for buffers of switches.)
    fn grant(&mut self, held: usize, more: usize) -> bool {
        let fits = held + more <= self.0;
        if fits {
            self.0 -= more;
        }
        fits
    }
}

/// What became of an event that was to go into a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Yes,
    /// The span has as many events, or bytes, as one may have.
    SpanIsFull,
    /// Open spans hold as many bytes of events as they may together.
    NoRoom,
}

/// The status byte for an error; `record::Status` reads it.
const ERROR: u8 = 2;
/// Links that a span keeps.
const MAX_LINKS: usize = 32;
/// Events that a span keeps, as far as a record has room for them; OpenTelemetry's default.
const MAX_EVENTS: u32 = 128;
/// A buffer larger than this does not wait for the next span.
const SPARE: usize = 1024;

/// What was written of an open span. Its buffer serves span after span.
#[derive(Default)]
pub(crate) struct CleanSpan {
    /// Room for the length, the header with an end that is not known yet, entries.
    record: Vec<u8>,
    tally: Tally,
    condemned: bool,
    events: u32,
    /// Bytes that the buffer grew by for events.
    granted: usize,
}

/// Fields that a span got after its start.
pub(crate) struct Later<'a> {
    entries: &'a [u8],
    /// Fields whose value was dropped, as entries without one.
    dropped: Vec<Entry<'static>>,
    tally: Tally,
    condemned: bool,
}

impl CleanSpan {
    /// Begins with this record, which ends where the span's first fields do.
    #[inline]
    pub(super) fn begin(&mut self, record: &[u8], tally: Tally, condemned: bool) {
        self.record.clear();
        self.record.extend_from_slice(record);
        (self.tally, self.condemned, self.events) = (tally, condemned, 0);
    }

    /// Adds what was recorded later; of two values for a field the later one stays, and none if that was dropped.
    pub(crate) fn amend(&mut self, later: Later<'_>) {
        self.tally.add(later.tally);
        self.condemned |= later.condemned;
        for entry in Entries(later.entries).chain(later.dropped) {
            self.remove_what_is_replaced_by(&entry);
        }
        let mut rest = Entries(later.entries);
        loop {
            let from = rest.rest();
            let Some(next) = rest.next() else { break };
            let entry = &from[..from.len() - rest.rest().len()];
            let is_field = |entry: &Entry<'_>| entry.key != Key::None;
            let is_full = is_field(&next) && self.entries().filter(is_field).count() >= FIELD_CAP as usize;
            if is_full || self.record.len() + entry.len() > RECORD_CAP {
                self.tally.drop_one();
            } else {
                self.record.extend_from_slice(entry);
            }
        }
    }

    /// Counts fields that were recorded later and could not be written.
    pub(crate) fn lacks(&mut self, fields: usize) {
        for _ in 0..fields.min(FIELD_CAP as usize) {
            self.tally.drop_one();
        }
    }

    fn remove_what_is_replaced_by(&mut self, entry: &Entry<'_>) {
        let mut at = format::START;
        while let Some(size) =
            Entries(&self.record[at..]).next().map(|earlier| (earlier.size(), entry.replaces(&earlier)))
        {
            match size {
                (size, true) => drop(self.record.drain(at..at + size)),
                (size, false) => at += size,
            }
        }
    }

    /// Notes that the span follows from another one. Links beyond 32 are counted as left out.
    pub(crate) fn follows(&mut self, trace_id: u128, span_id: u64) {
        if self.entries().filter(|entry| entry.tag == LINK).count() >= MAX_LINKS {
            self.tally.links = self.tally.links.saturating_add(1);
            return;
        }
        self.record.push(LINK);
        self.record.extend_from_slice(&trace_id.to_be_bytes());
        self.record.extend_from_slice(&span_id.to_be_bytes());
    }

    /// Adds an event that happened in the span. Events beyond 128, beyond what a record holds, or beyond `room`, are counted
    /// as left out.
    #[inline]
    pub(crate) fn event(&mut self, event: Clean<'_>, room: &mut Room) -> Held {
        let event = event.nested();
        let size = event.len();
        let held = if self.events == MAX_EVENTS || self.record.len() + size > RECORD_CAP {
            Held::SpanIsFull
        } else if size <= self.record.capacity() - self.record.len() || self.grow(size, room) {
            Held::Yes
        } else {
            Held::NoRoom
        };
        if held == Held::Yes {
            self.events += 1;
            let entry = self.record.len();
            self.record.extend_from_slice(event);
            // The cast keeps the value: a record is shorter than 65,536.
            let [few, many] = ((size - NESTED) as u16).to_le_bytes();
            self.record[entry..entry + NESTED].copy_from_slice(&[EVENT, few, many]);
        } else {
            self.tally.events = self.tally.events.saturating_add(1);
        }
        held
    }

    /// Makes room for `size` more bytes, and for what may follow, if there is some.
    #[inline(never)]
    fn grow(&mut self, size: usize, room: &mut Room) -> bool {
        let (len, spare) = (self.record.len(), self.record.capacity() - self.record.len());
        let wanted = [size.max(len / 2).min(RECORD_CAP - len), size];
        let Some(more) = wanted.into_iter().find(|more| room.grant(self.granted, more.saturating_sub(spare))) else {
            return false;
        };
        self.granted += more.saturating_sub(spare);
        self.record.reserve_exact(more);
        true
    }

    /// Gives back what its events took. It gets no more of them.
    #[inline]
    pub(crate) fn leave(&mut self, room: &mut Room) {
        room.0 += std::mem::take(&mut self.granted);
    }

    /// Events in it.
    #[inline]
    pub(crate) fn events(&self) -> u32 {
        self.events
    }

    /// Sets the status to error, unless there is one: the application itself may have said that all was well.
    pub(crate) fn failed(&mut self) {
        if !self.entries().any(|entry| entry.tag == STATUS) {
            self.record.extend_from_slice(&[STATUS, ERROR]);
        }
    }

    /// The finished record; `None` when a finding condemned it.
    #[inline]
    pub(crate) fn close(&mut self, end: u64) -> Option<Clean<'_>> {
        format::set_end(&mut self.record, end);
        if let Some(entry) = self.tally.encode() {
            self.record.extend_from_slice(&entry);
        }
        (!self.condemned).then(|| Clean::seal(&mut self.record))
    }

    /// Gives up a buffer that is larger than most spans need.
    #[inline]
    pub(crate) fn let_go(&mut self) {
        if self.record.capacity() > SPARE {
            self.record = Vec::new();
        }
    }

    fn entries(&self) -> Entries<'_> {
        Entries(&self.record[format::START..])
    }
}

impl<'a> Later<'a> {
    pub(super) fn new(entries: &'a [u8], dropped: Vec<Entry<'static>>, tally: Tally, condemned: bool) -> Self {
        Later { entries, dropped, tally, condemned }
    }
}

impl std::fmt::Debug for CleanSpan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CleanSpan({} bytes)", self.record.len())
    }
}

impl std::fmt::Debug for Later<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Later({} bytes)", self.entries.len())
    }
}
