//! The spans that are open: what is kept of each until it closes.
//!
//! Not in the registry's extensions: a table of the layer's own costs a span a third of what they do, and an event inside it
//! finds its place in the trace without asking the registry.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use tracing::span::Id;

use crate::app::random::IdRng;
use crate::privacy::{CleanSpan, Room};

/// Spans nested deeper are not recorded.
const DEPTH: u8 = 128;
/// Bytes that events in the open spans of a layer may take together; only with [`Events::SpanEvents`](super::Events) and
/// `Both` are there any. As much as the queue holds.
const EVENTS: usize = 2 * 1024 * 1024;

/// Where a span is in its trace.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SpanContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    depth: u8,
}

impl SpanContext {
    /// A new trace.
    #[inline]
    pub(super) fn root(rng: &mut IdRng) -> Self {
        let trace_id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        SpanContext { trace_id, span_id: rng.next_u64(), depth: 1 }
    }

    /// A span in this one; none when spans are nested too deep.
    #[inline]
    pub(super) fn child(self, span_id: u64) -> Option<Self> {
        (self.depth < DEPTH).then_some(SpanContext { span_id, depth: self.depth + 1, ..self })
    }
}

/// An open span. Everything in it is clean.
#[derive(Debug, Default)]
pub(super) struct OpenSpan {
    pub(super) context: SpanContext,
    pub(super) record: CleanSpan,
}

/// The open spans of one layer, by the registry's ids.
///
/// The ids of spans that are open are unique within a registry, and a layer stands on one registry alone. A lock is held
/// for the time of a copy, and never while code of the application runs or another lock is held.
pub(super) struct OpenSpans {
    /// The process of the pipeline, where the locks mean something: a forked child may have inherited one that nobody will ever
    /// open. Before there is a pipeline nobody takes one.
    process: Arc<AtomicU32>,
    shards: Box<[Mutex<Shard>; SHARDS]>,
}

/// Threads seldom meet at one of so many locks.
const SHARDS: usize = 32;

/// A few seats whose buffers serve span after span, so that opening one costs no allocation; and a table for when they are
/// taken.
struct Shard {
    seats: [Seat; SEATS],
    more: Table,
    /// Open spans that are too deep to be recorded, each with the nearest around it that is.
    deep: HashMap<u64, Id, BuildHasherDefault<Spread>>,
    /// The shard's part of [`EVENTS`]: so no thread meets another one for the sake of counting.
    room: Room,
}

type Table = HashMap<u64, OpenSpan, BuildHasherDefault<Spread>>;

#[derive(Default)]
struct Seat {
    /// Zero, which is no span's id, while the seat is free.
    id: u64,
    span: OpenSpan,
}

const SEATS: usize = 4;
/// The table keeps room for so many spans, even if they are never open again all at once.
const ROOM: usize = 64;

impl OpenSpans {
    pub(super) fn new(process: Arc<AtomicU32>) -> Self {
        OpenSpans { process, shards: Box::default() }
    }

    /// Lets a span begin; `None` in a forked child that may not wait for its lock.
    #[inline]
    pub(super) fn open(&self, id: &Id, begin: impl FnOnce(&mut OpenSpan)) -> Option<()> {
        let mut shard = self.shard(id)?;
        let id = id.into_u64();
        match shard.seats.iter_mut().find(|seat| seat.id == 0) {
            Some(seat) => {
                seat.id = id;
                begin(&mut seat.span);
            }
            None => begin(shard.more.entry(id).or_default()),
        }
        Some(())
    }

    /// Notes that a span is not recorded, because it is too deep, and in which recorded one it lies.
    #[cold]
    pub(super) fn skip(&self, id: &Id, nearest: Id) {
        if let Some(mut shard) = self.shard(id) {
            shard.deep.insert(id.into_u64(), nearest);
        }
    }

    /// The recorded span in which a span lies that is too deep to be recorded itself.
    #[cold]
    pub(super) fn nearest(&self, id: &Id) -> Option<Id> {
        self.shard(id)?.deep.get(&id.into_u64()).cloned()
    }

    /// The context of a span, if it is recorded.
    #[inline]
    pub(super) fn context(&self, id: &Id) -> Option<SpanContext> {
        self.shard(id)?.find(id.into_u64()).map(|span| span.context)
    }

    /// Changes what is kept of a span, if it is recorded, and still is.
    pub(super) fn change(&self, id: &Id, change: impl FnOnce(&mut OpenSpan)) {
        self.within(id, |span, _| change(span));
    }

    /// Looks at what is kept of a span, and at the room that there is for its events; `None` if it is not recorded, or not any
    /// more.
    #[inline]
    pub(super) fn within<R>(&self, id: &Id, look: impl FnOnce(&mut OpenSpan, &mut Room) -> R) -> Option<R> {
        let mut shard = self.shard(id)?;
        let Shard { seats, more, room, .. } = &mut *shard;
        find(seats, more, id.into_u64()).map(|span| look(span, room))
    }

    /// Takes out what was kept of a span that closes, in exchange for a buffer; `false` if it is not recorded.
    #[inline(always)]
    pub(super) fn take(&self, id: &Id, record: &mut CleanSpan) -> bool {
        let Some(mut shard) = self.shard(id) else { return false };
        let id = id.into_u64();
        if let Some(seat) = shard.seats.iter_mut().find(|seat| seat.id == id) {
            seat.id = 0;
            std::mem::swap(&mut seat.span.record, record);
        } else if let Some(span) = shard.more.remove(&id) {
            *record = span.record;
            shard.shrink();
        } else {
            shard.forget_deep(id);
            return false;
        }
        record.leave(&mut shard.room);
        true
    }

    /// Forgets a span that closes; how many events it held, or `None` if it is not recorded.
    #[cold]
    pub(super) fn forget(&self, id: &Id) -> Option<u32> {
        let mut record = CleanSpan::default();
        self.take(id, &mut record).then(|| record.events())
    }

    /// Events that spans hold which are open now.
    pub(super) fn events(&self) -> u64 {
        self.all().map(|shard| shard.events()).sum()
    }

    /// Forgets all spans, and gives their memory back; how many events they held.
    pub(super) fn clear(&self) -> u64 {
        self.all().map(|mut shard| std::mem::take(&mut *shard).events()).sum()
    }

    fn all(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().filter_map(|shard| self.lock(shard))
    }

    #[inline]
    fn shard(&self, id: &Id) -> Option<MutexGuard<'_, Shard>> {
        self.lock(&self.shards[(spread(id.into_u64()) >> (u64::BITS - SHARDS.ilog2())) as usize])
    }

    #[inline]
    fn lock<'a>(&self, shard: &'a Mutex<Shard>) -> Option<MutexGuard<'a, Shard>> {
        match shard.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::WouldBlock) => self.wait(shard),
            // Nothing panics under the lock, so a poisoned one still guards a whole table.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        }
    }

    /// Waits for another thread's copy of a span; `None` in a forked child, where that thread does not exist.
    #[cold]
    fn wait<'a>(&self, shard: &'a Mutex<Shard>) -> Option<MutexGuard<'a, Shard>> {
        (std::process::id() == self.process.load(Ordering::Relaxed))
            .then(|| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shard {
    #[inline]
    fn find(&mut self, id: u64) -> Option<&mut OpenSpan> {
        find(&mut self.seats, &mut self.more, id)
    }

    fn spans(&self) -> impl Iterator<Item = &OpenSpan> {
        self.seats.iter().filter(|seat| seat.id != 0).map(|seat| &seat.span).chain(self.more.values())
    }

    /// Events that its spans hold.
    fn events(&self) -> u64 {
        self.spans().map(|span| u64::from(span.record.events())).sum()
    }

    /// Forgets a span that is too deep; and gives memory back once there are none.
    #[cold]
    fn forget_deep(&mut self, id: u64) {
        self.deep.remove(&id);
        if self.deep.is_empty() && self.deep.capacity() > 2 * ROOM {
            self.deep = HashMap::default();
        }
    }

    /// Gives memory back once the table is nearly empty, so seldom that each span pays little for it.
    fn shrink(&mut self) {
        let (len, capacity) = (self.more.len(), self.more.capacity());
        if capacity > 2 * ROOM && len < capacity / 4 {
            self.more.shrink_to(ROOM.max(2 * len));
        }
    }
}

impl Default for Shard {
    fn default() -> Self {
        Shard {
            seats: Default::default(),
            more: HashMap::default(),
            deep: HashMap::default(),
            room: Room::new(EVENTS / SHARDS),
        }
    }
}

#[inline]
fn find<'a>(seats: &'a mut [Seat], more: &'a mut Table, id: u64) -> Option<&'a mut OpenSpan> {
    match seats.iter_mut().find(|seat| seat.id == id) {
        Some(seat) => Some(&mut seat.span),
        None if more.is_empty() => None,
        None => more.get_mut(&id),
    }
}

impl std::fmt::Debug for OpenSpans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenSpans")
    }
}

/// Hashes ids of a registry: small numbers, with the thread's number in the upper bits.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    #[inline]
    fn write_u64(&mut self, id: u64) {
        // The table takes its buckets from the low bits and its tags from the high ones; the product mixes upwards.
        self.0 = spread(id).rotate_left(32);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[inline]
fn spread(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> OpenSpans {
        OpenSpans::new(Arc::new(AtomicU32::new(std::process::id())))
    }

    #[test]
    fn as_many_spans_as_are_open_have_their_own_place() {
        let spans = here();
        let ids = || (1..=5_000).map(Id::from_u64);
        for id in ids() {
            spans.open(&id, |span| span.context.span_id = id.into_u64());
        }
        for id in ids() {
            assert_eq!(spans.context(&id).map(|context| context.span_id), Some(id.into_u64()));
        }
        let mut record = CleanSpan::default();
        for id in ids().filter(|id| id.into_u64() % 3 != 0) {
            assert!(spans.take(&id, &mut record));
        }
        for id in ids() {
            assert_eq!(spans.context(&id).is_some(), id.into_u64() % 3 == 0, "{id:?}");
            assert_eq!(spans.take(&id, &mut record), id.into_u64() % 3 == 0, "{id:?}");
        }
        for shard in spans.shards.iter() {
            let shard = shard.lock().unwrap();
            assert!(shard.more.is_empty() && shard.more.capacity() <= 2 * ROOM, "{}", shard.more.capacity());
            assert!(shard.seats.iter().all(|seat| seat.id == 0));
        }
    }

    #[test]
    fn after_a_burst_the_table_is_small_again_although_some_spans_stay_open() {
        let spans = here();
        let (all, stay) = (50_000, 1_000);
        for id in (1..=all).map(Id::from_u64) {
            spans.open(&id, |span| span.context.span_id = id.into_u64());
        }
        for id in (1 + stay..=all).map(Id::from_u64) {
            assert!(spans.take(&id, &mut CleanSpan::default()));
        }
        for shard in spans.shards.iter() {
            let (len, capacity) = shard.lock().map(|shard| (shard.more.len(), shard.more.capacity())).unwrap();
            assert!(len > 0 && capacity <= (2 * ROOM).max(4 * len), "{capacity} for {len}");
        }
        for id in (1..=stay).map(Id::from_u64) {
            assert_eq!(spans.context(&id).map(|context| context.span_id), Some(id.into_u64()));
        }
    }

    #[test]
    fn a_child_process_does_not_wait_for_a_thread_that_it_does_not_have() {
        let spans = OpenSpans::new(Arc::new(AtomicU32::new(std::process::id() + 1)));
        let id = Id::from_u64(7);
        let held = spans.shard(&id).expect("nobody holds the lock");
        assert!(spans.context(&id).is_none() && !spans.take(&id, &mut CleanSpan::default()));
        assert!(spans.open(&id, |_| ()).is_none(), "what is lost so is to be counted");
        drop(held);
        assert!(spans.open(&id, |_| ()).is_some());
        assert!(spans.context(&id).is_some());
    }
}
