//! The threads' end of the queue: each has a slot of its own in it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, TryLockError, Weak};

use super::counters::Loss;
use super::queue::{Queue, Slot};
use crate::privacy::Clean;

/// Where records go in: the layer's end of the pipeline.
#[derive(Clone)]
pub(crate) struct Sink(pub(super) Arc<Queue>);

/// A thread's slots: one for each pipeline that it ever wrote to.
#[derive(Default)]
pub(crate) struct Ports(Vec<(u64, Port)>);

/// A thread's end of one queue. When it goes, the queue takes what is left in the slot.
struct Port {
    slot: Arc<Slot>,
    queue: Weak<Queue>,
}

impl Sink {
    /// Takes a record, and returns at once.
    ///
    /// # Errors
    /// It cannot be taken, and is to be counted: also one that came just when the queue was closed.
    #[inline(always)]
    pub(crate) fn put(&self, ports: &mut Ports, clean: Clean<'_>) -> Result<(), Loss> {
        let queue = &*self.0;
        if queue.is_closed() {
            return Err(queue.why());
        }
        let first = match ports.slot(&self.0)?.try_lock() {
            Ok(mut chunk) => {
                if !chunk.has_room(clean) {
                    queue.exchange(&mut chunk, clean.len())?;
                }
                let first = chunk.is_empty();
                chunk.append(clean);
                first
            }
            Err(TryLockError::WouldBlock) => return queue.push(clean),
            // Nothing panics while it holds a slot; if something did, the slot is done for.
            Err(TryLockError::Poisoned(_)) => return Err(Loss::Panic),
        };
        if first && !queue.is_rung() {
            queue.ring();
        }
        Ok(())
    }

    /// Whether the pipeline still takes records.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed) == 0
    }

    /// Counts records that could not be taken, for example because the thread is already half gone.
    pub(crate) fn lose(&self, loss: Loss, records: u64) {
        self.0.counters.lose(loss, records);
    }

    /// Tells the pipelines of a process and of its forked children apart: each is greater than those before it.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// Whether this process is the one that the pipeline runs in.
    pub(crate) fn is_home(&self) -> bool {
        self.0.is_home()
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sink({})", self.0.id)
    }
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ports({})", self.0.len())
    }
}

impl Ports {
    /// The thread's slot in this queue.
    #[inline]
    fn slot(&mut self, queue: &Arc<Queue>) -> Result<&Slot, Loss> {
        // Nearly every thread has just one.
        if self.0.first().is_some_and(|(id, _)| *id == queue.id) {
            return Ok(&self.0[0].1.slot);
        }
        let place = self.search(queue)?;
        Ok(&self.0[place].1.slot)
    }

    #[cold]
    fn search(&mut self, queue: &Arc<Queue>) -> Result<usize, Loss> {
        match self.0.iter().position(|(id, _)| *id == queue.id) {
            Some(known) => Ok(known),
            None => self.enlist(queue),
        }
    }

    fn enlist(&mut self, queue: &Arc<Queue>) -> Result<usize, Loss> {
        // Pipelines that are gone.
        self.0.retain(|(_, port)| port.queue.strong_count() > 0);
        let slot = queue.enlist()?;
        self.0.push((queue.id, Port { slot, queue: Arc::downgrade(queue) }));
        Ok(self.0.len() - 1)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.upgrade() {
            queue.retire(&self.slot);
        }
    }
}
