//! The chunks of rows that go into the store, kept for the uploader so that it need not read the rows back.

use std::sync::Arc;

use super::Shared;
use super::lots::{LOTS, Lot, Swept};
use super::outbox::Appended;
use super::upload::Upload;
use crate::app::Timestamp;
use crate::privacy::{Chunk, Resource};

/// The chunks of the rows that the worker has in hand.
#[derive(Default)]
pub(super) struct Beside {
    chunks: Vec<Swept>,
    /// What they take in memory.
    bytes: usize,
    /// Of some rows the chunk was not kept: then the uploader reads all of them from the store.
    is_partial: bool,
}

impl Beside {
    /// Keeps a chunk whose rows are about to be stored, if it is to be sent soon; gives it back otherwise.
    pub(super) fn keep(&mut self, chunk: Chunk, zero: Timestamp, shared: &Shared) -> Option<Chunk> {
        if self.is_partial || !shared.upload.as_ref().is_some_and(Upload::is_live) {
            return Some(chunk);
        }
        self.bytes += chunk.capacity();
        self.chunks.push(Swept { chunk, zero });
        if self.bytes > LOTS {
            // So much is never handed over.
            self.forget(shared);
        }
        None
    }

    /// Lets go of the chunks: the uploader will read these rows from the store.
    pub(super) fn forget(&mut self, shared: &Shared) {
        (self.is_partial, self.bytes) = (true, 0);
        self.chunks.drain(..).for_each(|swept| shared.queue.reuse(swept.chunk));
    }

    /// What is handed over of rows that were stored, if these are all of them.
    pub(super) fn lot(self, stored: Appended, resource: Arc<Resource>) -> Option<Lot> {
        let Appended { first, batches, rows_of, stored, .. } = stored;
        let lot = Lot { first, batches, rows_of, chunks: self.chunks, resource };
        (!self.is_partial && lot.records() == stored).then_some(lot)
    }
}
