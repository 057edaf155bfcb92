//! The spans that are open: what is kept of each until it closes.
//!
//! Not in the registry's extensions: a table of the layer's own costs a span a third of what they do, and an event inside it
//! finds its place in the trace without asking the registry.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use tracing::span::Id;

use crate::app::random::IdRng;
use crate::privacy::CleanSpan;

/// Spans nested deeper are not recorded.
const DEPTH: u8 = 128;

/// Where a span is in its trace.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SpanContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    depth: u8,
}

impl SpanContext {
    /// A new trace.
    pub(super) fn root(rng: &mut IdRng) -> Self {
        let trace_id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        SpanContext { trace_id, span_id: rng.next_u64(), depth: 1 }
    }

    /// A span in this one; none when spans are nested too deep.
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

/// Spans that are over, for the next ones: making one costs an allocation only when more are open than ever before.
#[derive(Default)]
pub(super) struct Spares(Vec<OpenSpan>);

impl Spares {
    #[inline]
    pub(super) fn take(&mut self) -> OpenSpan {
        self.0.pop().unwrap_or_default()
    }

    #[inline]
    pub(super) fn put(&mut self, span: OpenSpan) {
        if self.0.len() < SPARES && span.record.is_spare() {
            self.0.push(span);
        }
    }
}

/// As many as a thread opens inside each other.
const SPARES: usize = 16;

/// The open spans of one layer, by the registry's ids.
///
/// The ids of spans that are open are unique within a registry, and a layer stands on one registry alone. A lock is held
/// for the time of a copy, and never while code of the application runs.
pub(super) struct OpenSpans {
    /// Where the locks mean something: a forked child may have inherited one that nobody will ever open.
    process: u32,
    shards: [Mutex<Shard>; SHARDS],
}

type Shard = HashMap<u64, OpenSpan, BuildHasherDefault<Spread>>;

/// Threads seldom meet at one of so many locks.
const SHARDS: usize = 32;
/// A shard keeps room for so many spans, even if they are never open again all at once.
const ROOM: usize = 64;

impl OpenSpans {
    pub(super) fn new() -> Self {
        OpenSpans { process: std::process::id(), shards: Default::default() }
    }

    #[inline]
    pub(super) fn insert(&self, id: &Id, span: OpenSpan) {
        if let Some(mut shard) = self.shard(id) {
            shard.insert(id.into_u64(), span);
        }
    }

    /// The context of a span, if it is recorded.
    #[inline]
    pub(super) fn context(&self, id: &Id) -> Option<SpanContext> {
        self.shard(id)?.get(&id.into_u64()).map(|span| span.context)
    }

    /// Changes what is kept of a span, if it is recorded.
    pub(super) fn change(&self, id: &Id, change: impl FnOnce(&mut OpenSpan)) {
        if let Some(span) = self.shard(id).as_mut().and_then(|shard| shard.get_mut(&id.into_u64())) {
            change(span);
        }
    }

    /// Forgets a span.
    #[inline]
    pub(super) fn remove(&self, id: &Id) -> Option<OpenSpan> {
        let mut shard = self.shard(id)?;
        let span = shard.remove(&id.into_u64());
        if shard.is_empty() && shard.capacity() > 2 * ROOM {
            shard.shrink_to(ROOM);
        }
        span
    }

    #[inline]
    fn shard(&self, id: &Id) -> Option<MutexGuard<'_, Shard>> {
        let shard = &self.shards[(spread(id.into_u64()) >> (u64::BITS - SHARDS.ilog2())) as usize];
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
        (std::process::id() == self.process).then(|| shard.lock().unwrap_or_else(PoisonError::into_inner))
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
