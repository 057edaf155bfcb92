//! The hand-over from the host's threads to the worker: never waits, never grows beyond its bound, never loses silently.
//!
//! Each thread has a slot of its own, a chunk under a mutex that only the worker ever contends for, and only for the time
//! of a swap. When the swap happens at that very moment, the record goes to the shared queue instead.
//!
//! The bound is of what was handed over. The slots lie beside it: a chunk for each thread that has ever logged, as long as it
//! lives. A thread that ends hands over what it has, also beyond the bound; where this came to a quarter of it, no new thread gets a
//! slot until the worker has caught up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use super::counters::{Counters, Loss};
use crate::privacy::{Chunk, Clean};

/// Bytes of a chunk.
pub(super) const CHUNK: usize = 16 * 1024;
/// Chunk buffers that are kept for reuse.
const SPARES: usize = 8;

pub(super) struct Queue {
    /// Tells the queues of a process apart, also after one is gone.
    pub(super) id: u64,
    /// The process that started the pipeline; a forked child has no worker.
    process: u32,
    /// Zero as long as records are taken; then the place of the reason in [`Loss::ALL`], and one.
    pub(super) closed: AtomicU8,
    /// The last sweep has begun: what it does not find is lost.
    ended: AtomicBool,
    /// The worker has been called and has not swept yet.
    bell: AtomicBool,
    /// The queue fills faster than the worker's usual pause allows.
    hurry: AtomicBool,
    worker: OnceLock<Thread>,
    slots: Mutex<Vec<Arc<Slot>>>,
    full: Mutex<Full>,
    spares: Mutex<Vec<Chunk>>,
    limit: usize,
    pub(super) counters: Counters,
}

/// What a thread fills and the worker empties.
pub(super) type Slot = Mutex<Chunk>;

/// Chunks that wait for the worker.
struct Full {
    chunks: VecDeque<Chunk>,
    bytes: usize,
}

impl Queue {
    /// A queue that holds at most `limit` bytes of chunks beside the threads' own.
    pub(super) fn new(limit: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Queue {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            process: std::process::id(),
            closed: AtomicU8::new(0),
            ended: AtomicBool::new(false),
            bell: AtomicBool::new(false),
            hurry: AtomicBool::new(false),
            worker: OnceLock::new(),
            slots: Mutex::new(Vec::with_capacity(16)),
            full: Mutex::new(Full { chunks: VecDeque::new(), bytes: 0 }),
            spares: Mutex::new(Vec::with_capacity(SPARES)),
            limit,
            counters: Counters::default(),
        }
    }

    /// Says which thread sweeps.
    pub(super) fn attach(&self, worker: Thread) {
        // A second worker is never started.
        let _ = self.worker.set(worker);
    }

    /// Whether this process is the one that has the worker.
    pub(super) fn is_home(&self) -> bool {
        std::process::id() == self.process
    }

    /// Takes no record any more, for this reason, unless there was one before.
    pub(super) fn close(&self, why: Loss) {
        let _ = self.closed.compare_exchange(0, why as u8 + 1, Ordering::Release, Ordering::Relaxed);
    }

    /// Before the last sweep.
    pub(super) fn end(&self, why: Loss) {
        self.close(why);
        self.ended.store(true, Ordering::SeqCst);
    }

    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != 0
    }

    /// Why it is closed.
    #[cold]
    pub(super) fn why(&self) -> Loss {
        let place = usize::from(self.closed.load(Ordering::Acquire)).checked_sub(1);
        place.and_then(|place| Loss::ALL.get(place)).copied().unwrap_or(Loss::Exit)
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Calls the worker.
    #[cold]
    pub(super) fn ring(&self) {
        if !self.is_home() {
            return self.close(Loss::Forked);
        }
        if !self.bell.swap(true, Ordering::AcqRel)
            && let Some(worker) = self.worker.get()
        {
            worker.unpark();
        }
    }

    /// Wakes the worker, whether it was called already or not.
    pub(super) fn wake(&self) {
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    #[inline]
    pub(super) fn is_rung(&self) -> bool {
        self.bell.load(Ordering::Acquire)
    }

    pub(super) fn is_in_a_hurry(&self) -> bool {
        self.hurry.load(Ordering::Acquire)
    }

    /// A slot for a thread, unless threads that ended have filled the queue beyond its bound: one that others filled up to it keeps
    /// nobody out.
    pub(super) fn enlist(&self) -> Result<Arc<Slot>, Loss> {
        if !self.is_home() {
            self.close(Loss::Forked);
            return Err(Loss::Forked);
        }
        if lock(&self.full).bytes >= self.limit + self.limit / 4 {
            return Err(Loss::QueueFull);
        }
        let slot = Arc::new(Slot::new(self.spare()));
        let mut slots = lock(&self.slots);
        if self.has_ended() {
            return Err(self.why());
        }
        slots.push(Arc::clone(&slot));
        Ok(slot)
    }

    /// Takes what is left in the slot of a thread that ends.
    pub(super) fn retire(&self, slot: &Arc<Slot>) {
        if !self.is_home() {
            return;
        }
        // Under both locks: a sweep that finds the slot empty finds the chunk in the queue after it.
        let mut full = lock(&self.full);
        let mut chunk = std::mem::take(&mut *lock(slot));
        if chunk.is_empty() {
            drop(full);
            self.reuse(chunk);
        } else {
            chunk.shrink();
            full.add(chunk);
            self.hurry_up(full);
            if !self.is_rung() {
                self.ring();
            }
        }
        let mut slots = lock(&self.slots);
        if let Some(place) = slots.iter().position(|known| Arc::ptr_eq(known, slot)) {
            slots.swap_remove(place);
        }
    }

    /// Hands a full chunk over and puts an empty one in its place.
    #[cold]
    pub(super) fn exchange(&self, chunk: &mut Chunk, room: usize) -> Result<(), Loss> {
        if !self.is_home() {
            self.close(Loss::Forked);
            return Err(Loss::Forked);
        }
        // The last sweep leaves slots without a buffer, so that whoever comes after it comes here.
        if self.has_ended() {
            return Err(self.why());
        }
        if chunk.is_empty() {
            // A record larger than a chunk, or the first one: no buffer yet.
            *chunk = Chunk::with_capacity(CHUNK.max(room));
            return Ok(());
        }
        let size = chunk.capacity();
        self.queue(|| std::mem::take(chunk), size)?;
        *chunk = self.spare();
        if chunk.capacity() < room {
            *chunk = Chunk::with_capacity(room);
        }
        Ok(())
    }

    /// Hands over a record whose slot the worker is about to empty.
    #[cold]
    pub(super) fn push(&self, clean: Clean<'_>) -> Result<(), Loss> {
        if !self.is_home() {
            self.close(Loss::Forked);
            return Err(Loss::Forked);
        }
        let chunk = Chunk::of(clean);
        let size = chunk.capacity();
        self.queue(|| chunk, size)?;
        if !self.is_rung() {
            self.ring();
        }
        Ok(())
    }

    fn queue(&self, chunk: impl FnOnce() -> Chunk, size: usize) -> Result<(), Loss> {
        let mut full = lock(&self.full);
        if self.has_ended() {
            return Err(self.why());
        }
        if full.bytes + size > self.limit {
            return Err(Loss::QueueFull);
        }
        full.add(chunk());
        self.hurry_up(full);
        Ok(())
    }

    /// Wakes the worker early when the queue fills fast.
    fn hurry_up(&self, full: MutexGuard<'_, Full>) {
        let hurry = full.bytes > self.limit / 4;
        drop(full);
        if hurry && !self.hurry.swap(true, Ordering::AcqRel) {
            self.bell.store(true, Ordering::Release);
            if let Some(worker) = self.worker.get() {
                worker.unpark();
            }
        }
    }

    /// A buffer: a used one if there is one at hand, and never a wait for it.
    fn spare(&self) -> Chunk {
        let used = self.spares.try_lock().ok().and_then(|mut spares| spares.pop());
        used.unwrap_or_else(|| Chunk::with_capacity(CHUNK))
    }

    /// Gives a chunk's buffer back for reuse.
    pub(super) fn reuse(&self, mut chunk: Chunk) {
        if chunk.capacity() == CHUNK {
            chunk.clear();
            let mut spares = lock(&self.spares);
            if spares.len() < SPARES {
                spares.push(chunk);
            }
        }
    }

    /// As it looks to a thread that asked whether it is open just before it was closed.
    #[cfg(test)]
    pub(super) fn seem_open(&self) {
        self.closed.store(0, Ordering::Release);
    }

    /// Bytes of all chunks.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let slots: usize = lock(&self.slots).iter().map(|slot| lock(slot).capacity()).sum();
        lock(&self.full).bytes + slots
    }

    /// Takes everything that waits, in no order between threads. Only the worker sweeps.
    pub(super) fn sweep(&self, mut each: impl FnMut(Chunk)) {
        // Before the sweep: who writes after it rings again.
        self.bell.store(false, Ordering::SeqCst);
        self.hurry.store(false, Ordering::SeqCst);
        let is_last = self.has_ended();
        self.drain(&mut each);
        let count = lock(&self.slots).len();
        for place in (0..count).rev() {
            // A slot may go meanwhile, with its thread: then the last one, which was looked at, takes its place.
            let Some(slot) = lock(&self.slots).get(place).cloned() else { continue };
            // The buffer is made before the lock is taken, so that a writer meets a held lock as rarely as can be.
            let is_empty = slot.lock().map_or(true, |chunk| chunk.is_empty());
            if !is_empty || is_last {
                let mut fresh = if is_last { Chunk::default() } else { self.spare() };
                if let Ok(mut chunk) = slot.lock() {
                    std::mem::swap(&mut *chunk, &mut fresh);
                }
                // Not as it was before: somebody may have come between.
                if fresh.is_empty() {
                    self.reuse(fresh);
                } else {
                    each(fresh);
                }
            }
        }
        // What lay in a slot when the sweep began, and was handed over before the slot was looked at.
        self.drain(&mut each);
    }

    /// Takes the chunks that wait now and no more: who logs without a pause must not keep the worker from the rest.
    fn drain(&self, each: &mut impl FnMut(Chunk)) {
        let waiting = lock(&self.full).chunks.len();
        for _ in 0..waiting {
            let next = {
                let mut full = lock(&self.full);
                let next = full.chunks.pop_front();
                if let Some(chunk) = &next {
                    full.bytes -= chunk.capacity();
                }
                next
            };
            let Some(chunk) = next else { break };
            each(chunk);
        }
    }
}

impl Full {
    fn add(&mut self, chunk: Chunk) {
        self.bytes += chunk.capacity();
        self.chunks.push_back(chunk);
    }
}

/// Locks a mutex under which nothing panics, so that a poisoned one is as good as any.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
