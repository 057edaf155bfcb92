//! What was just stored, in the clean bytes that it was made of: the uploader need not read it back.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::app::Timestamp;
use crate::privacy::{Chunk, Resource};
use crate::record::Signal;

/// Bytes of chunks that wait for the uploader beside their rows in the store. What is beyond is read from there.
pub(super) const LOTS: usize = 1024 * 1024;

/// Lots that wait, oldest first.
#[derive(Default)]
pub(super) struct Lots {
    queue: VecDeque<Lot>,
    bytes: usize,
}

/// Rows that were just stored, and the clean bytes they were made of.
pub(super) struct Lot {
    /// The number of the first row; the others follow it in the order of the records.
    pub(super) first: i64,
    /// The batches that hold the rows, each of one kind of records.
    pub(super) batches: Vec<(i64, Signal)>,
    /// How many rows each of these has.
    pub(super) rows_of: Vec<u64>,
    pub(super) chunks: Vec<Swept>,
    /// What described the application when they were swept: it changes while the program runs.
    pub(super) resource: Arc<Resource>,
}

/// A chunk, and where the ticks of its records begin.
pub(super) struct Swept {
    pub(super) chunk: Chunk,
    pub(super) zero: Timestamp,
}

impl Lots {
    /// Takes a lot, or gives it back where there is no room for it.
    pub(super) fn put(&mut self, lot: Lot) -> Result<(), Lot> {
        if self.bytes + lot.bytes() > LOTS {
            return Err(lot);
        }
        self.bytes += lot.bytes();
        self.queue.push_back(lot);
        Ok(())
    }

    /// The oldest lots, with so many records in all, but at least one if there is any.
    pub(super) fn take(&mut self, records: u64) -> Vec<Lot> {
        let (mut taken, mut count) = (Vec::new(), 0);
        while let Some(next) = self.queue.front() {
            count += next.records();
            if count > records && !taken.is_empty() {
                break;
            }
            self.bytes -= next.bytes();
            taken.extend(self.queue.pop_front());
        }
        taken
    }

    /// The oldest batch whose rows wait here.
    pub(super) fn first(&self) -> Option<i64> {
        self.queue.front().and_then(|lot| lot.batches.first()).map(|(batch, _)| *batch)
    }

    /// Records that wait here.
    #[cfg(test)]
    pub(super) fn records(&self) -> u64 {
        self.queue.iter().map(Lot::records).sum()
    }
}

impl Lot {
    pub(super) fn records(&self) -> u64 {
        self.chunks.iter().map(|swept| u64::from(swept.chunk.records())).sum()
    }

    fn bytes(&self) -> usize {
        self.chunks.iter().map(|swept| swept.chunk.capacity()).sum()
    }
}
