//! The worker: sweeps the queue, shows records to the local exporters, stores them, counts them, sleeps.
//!
//! A process that logs nothing never wakes it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[cfg(feature = "upload")]
use super::beside::Beside;
use super::counters::Loss;
use super::outbox::{Lasts, Outbox, Place, Trouble};
use super::queue::lock;
use super::{LocalExporter, Shared};
use crate::app::Timestamp;
use crate::privacy::{Chunk, Resource};
use crate::record::{Batch, RecordRef, Rows};

/// How long the worker lets records gather: a record is in the store within 200 ms.
const GATHER: Duration = Duration::from_millis(150);
/// How long after a failure the store is tried again; twice as long after each further one, if nobody asks for it.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// How often a store that cannot be opened for a while is tried again.
const TRIES: usize = 3;
/// Rows, or bytes of rows, that wait for a store that fails for a while.
const PATIENCE: usize = 4096;
const PATIENCE_BYTES: usize = 2 * 1024 * 1024;
/// Rows, or bytes of rows, that go into the store in one transaction, and to the uploader in one piece.
const ROWS: usize = 1000;
const BYTES: usize = 384 * 1024;

pub(super) struct Worker {
    shared: Arc<Shared>,
    outbox: Option<Outbox>,
    exporters: Vec<LocalExporter>,
    prepare: Option<Prepare>,
    upkeep: Upkeep,
    /// What describes the application now. Shared with the chunks that were swept under it.
    resource: Arc<Resource>,
    /// What was swept and is not stored yet.
    rows: Rows,
    /// How often in a row the store did not take them.
    failures: u32,
    /// Records were lost here since a flush was last answered: the next answer says so, however empty its own sweep is.
    has_lost: bool,
    /// The chunks that these rows were made of.
    #[cfg(feature = "upload")]
    beside: Beside,
}

/// What is to be done on disk before the outbox is opened, off the host's threads; the error is fit to be shown.
pub(crate) type Prepare = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// What is to be done before the first records are looked at, and again before each sweep.
pub(crate) type Upkeep = Box<dyn FnMut() -> Kept + Send>;

/// What upkeep came to.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// What describes the application from now on, if that changed.
    pub(crate) resource: Option<Resource>,
    /// What went wrong.
    pub(crate) note: Option<String>,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        resource: Resource,
        exporters: Vec<LocalExporter>,
        prepare: Prepare,
        upkeep: Upkeep,
    ) -> Self {
        Worker {
            shared,
            outbox: None,
            exporters,
            prepare: Some(prepare),
            upkeep,
            resource: Arc::new(resource),
            rows: Rows::default(),
            failures: 0,
            has_lost: false,
            #[cfg(feature = "upload")]
            beside: Beside::default(),
        }
    }

    pub(super) fn run(mut self) {
        super::mute::this_thread();
        self.open();
        loop {
            self.sleep();
            // Asked before the sweep, so that the last one takes all that was there before the end was called.
            let (asked, is_last) = {
                let control = lock(&self.shared.control);
                (control.asked, control.stop || self.shared.is_withdrawn())
            };
            if is_last {
                self.shared.queue.end(Loss::Exit);
            }
            self.keep_up();
            self.sweep();
            self.answer(asked);
            if is_last {
                break;
            }
        }
        // The store failed to the end.
        if self.has_lost || !self.rows.is_empty() {
            lock(&self.shared.control).failed = u64::MAX;
        }
        self.shared.queue.counters.lose_swept(Loss::Exit, self.rows.len() as u64);
        self.outbox = None;
        self.shared.ended();
    }

    /// Answers the flushes up to this one.
    fn answer(&mut self, asked: u64) {
        let mut control = lock(&self.shared.control);
        if asked > control.done {
            control.done = asked;
            if std::mem::take(&mut self.has_lost) || !self.rows.is_empty() {
                control.failed = asked;
            }
        }
        drop(control);
        self.shared.changed.notify_all();
    }

    /// Heeds a no that was said since the start before anything more is stored, and replaces what has had its time.
    fn keep_up(&mut self) {
        self.shared.heed();
        let shared = Arc::clone(&self.shared);
        shared.unless_withdrawn(|| self.replace());
    }

    /// Replaces what has had its time. A withdrawal waits for its end.
    fn replace(&mut self) {
        let Kept { resource, note } = (self.upkeep)();
        note.into_iter().for_each(|note| self.shared.note(note));
        if let Some(resource) = resource {
            self.resource = Arc::new(resource);
        }
    }

    /// Opens the store, creates it if there is none, and looks for what an earlier run left unsent.
    fn open(&mut self) {
        let shared = Arc::clone(&self.shared);
        let place = lock(&shared.place).clone();
        shared.heed();
        // Who withdraws before anything was made finds nothing made, also later.
        let first = shared.unless_withdrawn(|| {
            let prepared = self.prepare.take().map_or(Ok(()), |prepare| prepare()).map_err(Trouble::new);
            self.replace();
            prepared.and_then(|()| place.open(shared.run))
        });
        let Some(mut opened) = first else { return };
        for _ in 0..TRIES {
            match &opened {
                Err(trouble) if trouble.lasts == Lasts::ForAWhile && !lock(&self.shared.control).stop => {
                    pause(&shared, AGAIN);
                    let Some(again) = shared.unless_withdrawn(|| place.open(shared.run)) else { return };
                    opened = again;
                }
                _ => break,
            }
        }
        self.outbox = match opened {
            Ok(outbox) => Some(outbox),
            Err(trouble) => {
                self.shared.note(format!("records are kept in memory only: {trouble}"));
                self.memory()
            }
        };
        #[cfg(feature = "upload")]
        {
            *lock(&shared.opened) = self.outbox.clone();
        }
        if let Some(outbox) = &mut self.outbox {
            outbox.expire(self.shared.now_seconds()).notes().for_each(|note| self.shared.note(note));
        }
        if let Some(finding) = self.outbox.as_ref().and_then(Outbox::finding) {
            self.shared.note(finding.to_owned());
        }
        #[cfg(feature = "upload")]
        if self.shared.upload.is_some()
            && let Some(outbox) = &self.outbox
        {
            outbox.unsent().into_iter().for_each(|waiting| self.shared.pending_upload(waiting));
            if let Ok(elsewhere @ 1..) = outbox.unsent_elsewhere() {
                self.shared.note(format!(
                    "{elsewhere} records of earlier runs wait for others, and are not sent by this one: they were kept for other hosts \
                     than those of this run"
                ));
            }
        }
    }

    /// Goes on without a disk.
    fn memory(&self) -> Option<Outbox> {
        let memory = Place::memory();
        let lost = std::mem::replace(&mut *lock(&self.shared.place), memory.clone());
        *lock(&self.shared.lost_place) = Some(lost);
        #[cfg(feature = "upload")]
        {
            lock(&self.shared.opened).take();
            if let Some(upload) = &self.shared.upload {
                // Their rows are in the place that was lost.
                upload.forget_lots();
            }
        }
        memory.open(self.shared.run).ok()
    }

    /// Waits to be called, and then for more to gather.
    fn sleep(&self) {
        let queue = &self.shared.queue;
        let must_go = || {
            let control = lock(&self.shared.control);
            control.asked > control.done || control.stop || self.shared.is_withdrawn()
        };
        while !queue.is_rung() && !must_go() {
            if self.rows.is_empty() {
                std::thread::park();
            } else {
                // The store did not take them: it is tried again.
                std::thread::park_timeout(again(self.failures));
                break;
            }
        }
        let until = Instant::now() + GATHER;
        while !must_go() && !queue.is_in_a_hurry() {
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else { break };
            std::thread::park_timeout(rest);
        }
    }

    /// Takes what was logged and stores it. What the store did not take is in hand, or lost.
    fn sweep(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut failing = false;
        shared.queue.sweep(|chunk| {
            let records = u64::from(chunk.records());
            shared.queue.counters.swept.add(records);
            let before = self.rows.len();
            let zero = shared.clock.wall_offset();
            let done = catch_unwind(AssertUnwindSafe(|| self.take(&chunk, zero)));
            if done.is_err() {
                self.rows.truncate(before);
                self.lose(Loss::Panic, records);
                return shared.queue.reuse(chunk);
            }
            #[cfg(feature = "upload")]
            let chunk = self.beside.keep(chunk, zero, &shared);
            #[cfg(not(feature = "upload"))]
            let chunk = Some(chunk);
            chunk.into_iter().for_each(|chunk| shared.queue.reuse(chunk));
            let is_full = self.rows.len() >= ROWS || self.rows.bytes() >= BYTES;
            // After a failure the rest of the sweep is gathered, as far as it may wait: each try can take seconds.
            if is_full && (!failing || has_waited_enough(&self.rows)) {
                failing = !self.store();
            }
        });
        if !failing {
            self.store();
        }
    }

    /// Counts records that were taken and will never be stored: the next flush is told.
    fn lose(&mut self, loss: Loss, records: u64) {
        self.shared.queue.counters.lose_swept(loss, records);
        self.has_lost |= records > 0;
    }

    /// Turns a chunk into rows, which are stored together or not at all.
    fn take(&mut self, chunk: &Chunk, zero: Timestamp) {
        let shared = &*self.shared;
        let batch = Batch { chunk, plans: Some(&shared.plans), resource: &self.resource, zero };
        let before = self.rows.len();
        let (mut dropped, mut hashed, mut redacted) = (0, 0, 0);
        // What may not exist any more since midnight, although its callsite was planned before. A chunk that holds some is not
        // handed over: the uploader reads its rows from the store.
        for record in current(&batch) {
            let parts = record.parts();
            dropped += u64::from(parts.dropped);
            hashed += u64::from(parts.hashed);
            redacted += u64::from(parts.redacted);
            self.rows.push(&record);
        }
        if !self.exporters.is_empty() {
            self.show(&batch, before);
        }
        let counters = &shared.queue.counters;
        let expired = u64::from(chunk.records()).saturating_sub((self.rows.len() - before) as u64);
        counters.lose_swept(Loss::Undeclared, expired);
        counters.fields_dropped.add(dropped);
        counters.fields_hashed.add(hashed);
        counters.fields_redacted.add(redacted);
    }

    /// Shows records to the local exporters; `before` is where their rows begin.
    fn show(&self, batch: &Batch<'_>, before: usize) {
        let shared = &*self.shared;
        // Held so that a withdrawal waits for what is being kept in memory.
        let commit = lock(&shared.commit);
        for row in self.rows.iter().skip(before) {
            if !shared.is_withdrawn() {
                self.exporters.iter().for_each(|exporter| exporter.keep(row));
            }
        }
        drop(commit);
        // Not under the lock: whoever holds the terminal may be the one who withdraws.
        for record in current(batch) {
            if !shared.is_withdrawn() {
                self.exporters.iter().for_each(|exporter| exporter.print(&record));
            }
        }
    }

    /// Stores what is in hand; `false` when the store failed.
    fn store(&mut self) -> bool {
        if self.rows.is_empty() {
            return true;
        }
        let mut failed = false;
        let shared = Arc::clone(&self.shared);
        let counters = &shared.queue.counters;
        let count = self.rows.len() as u64;
        let mut lost_store = false;
        // A full queue goes in by several transactions, each of which can wait for the store.
        shared.heed();
        let commit = lock(&shared.commit);
        if shared.withdrawn.load(Ordering::SeqCst) {
            counters.lose_swept(Loss::Withdrawn, count);
        } else {
            let now = shared.now_seconds();
            let appended = self.outbox.as_mut().map(|outbox| outbox.append(&self.rows, now));
            match appended {
                Some(Ok(done)) => {
                    counters.stored.add(done.stored);
                    self.lose(Loss::StoreFull, count.saturating_sub(done.stored));
                    counters.lose_stored(Loss::StoreFull, done.evicted);
                    counters.lose_stored(Loss::Expired, done.expired);
                    done.of_others.notes().for_each(|note| shared.note(note));
                    #[cfg(feature = "upload")]
                    {
                        let stored = done.stored;
                        // One sweep's, all under one resource: after a failure chunks are forgotten.
                        let lot = std::mem::take(&mut self.beside).lot(done, Arc::clone(&self.resource));
                        // Of an append beyond the store's limits only the newest rows are there.
                        lot.filter(|_| stored == count).into_iter().for_each(|lot| shared.hand_over(lot));
                        shared.pending_upload(stored);
                    }
                }
                Some(Err(trouble)) => {
                    failed = true;
                    shared.note(format!("records could not be stored: {trouble}"));
                    #[cfg(feature = "upload")]
                    self.beside.forget(&shared);
                    match trouble.lasts {
                        // They wait here, and go in with the next ones.
                        Lasts::ForAWhile if !has_waited_enough(&self.rows) => {
                            self.failures = self.failures.saturating_add(1);
                            return false;
                        }
                        Lasts::ForAWhile => self.lose(Loss::StoreFailed, count),
                        Lasts::ForEver => {
                            self.lose(Loss::StoreFailed, count);
                            lost_store = true;
                        }
                    }
                }
                None => {
                    failed = true;
                    self.lose(Loss::StoreFailed, count);
                }
            }
        }
        drop(commit);
        #[cfg(feature = "upload")]
        {
            self.beside = Beside::default();
        }
        if lost_store {
            self.outbox = self.memory();
        }
        self.rows.clear();
        self.failures = 0;
        !failed
    }
}

/// Waits for so long, on the worker, whoever calls it meanwhile; but not longer than anything is still to be done.
pub(super) fn pause(shared: &Shared, time: Duration) {
    let until = Instant::now() + time;
    while !shared.is_withdrawn() && !lock(&shared.control).stop {
        let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else { break };
        std::thread::park_timeout(rest);
    }
}

/// How long after so many failures in a row the store is tried again.
pub(super) fn again(failures: u32) -> Duration {
    (AGAIN * 2_u32.pow(failures.saturating_sub(1).min(6))).min(LONGEST)
}

/// Whether there are as many rows as may wait for a store that fails for a while.
fn has_waited_enough(rows: &Rows) -> bool {
    rows.len() >= PATIENCE || rows.bytes() >= PATIENCE_BYTES
}

/// The records that may exist today.
fn current<'a>(batch: &Batch<'a>) -> impl Iterator<Item = RecordRef<'a>> + use<'a> {
    batch.records().filter(|record| !record.is_expired())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_goes_on_failing_is_tried_more_and_more_rarely() {
        let seconds = [1, 2, 5, 6, 7, 8, u32::MAX].map(|failures| again(failures).as_secs());
        assert_eq!(seconds, [1, 2, 16, 32, 60, 60, 60]);
    }
}
