//! What the worker, the uploader and the host's threads share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::counters::Loss;
#[cfg(all(test, feature = "upload"))]
use super::load;
#[cfg(feature = "upload")]
use super::lots::Lot;
use super::notes::Notes;
use super::outbox::Place;
#[cfg(feature = "upload")]
use super::outbox::{Outbox, Trouble};
use super::queue::{Queue, lock};
#[cfg(feature = "upload")]
use super::upload::Upload;
use super::{Objection, Unfinished};
use crate::app::Clock;
#[cfg(feature = "upload")]
use crate::app::Timestamp;
use crate::privacy::{Engine, Plans};

/// What the threads share.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) queue: Arc<Queue>,
    pub(super) engine: Arc<Engine>,
    /// Checks a second time what is about to leave.
    #[cfg(feature = "upload")]
    pub(super) checked_by: Arc<Engine>,
    pub(super) plans: Arc<Plans>,
    pub(super) clock: Clock,
    pub(super) run: u64,
    pub(super) place: Mutex<Place>,
    /// The place that was given up for memory.
    pub(super) lost_place: Mutex<Option<Place>>,
    /// The worker's access to the place, for the uploader to share.
    #[cfg(feature = "upload")]
    pub(super) opened: Mutex<Option<Outbox>>,
    pub(super) control: Mutex<Control>,
    pub(super) changed: Condvar,
    pub(super) withdrawn: AtomicBool,
    pub(super) objection: Objection,
    /// Held while records are shown or stored, so that a withdrawal can wait for its end.
    pub(super) commit: Mutex<()>,
    pub(super) notes: Mutex<Notes>,
    #[cfg(feature = "upload")]
    pub(super) upload: Option<Upload>,
    /// What the uploader does next and panics over.
    #[cfg(all(test, feature = "upload"))]
    pub(super) breaks: Mutex<Option<load::Step>>,
}

/// What the worker is asked to do.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Flushes asked for, and the last one that is done.
    pub(super) asked: u64,
    pub(super) done: u64,
    pub(super) stop: bool,
    /// The last flush that was told that records are in hand which the store did not take, or were lost; all of them, when
    /// the worker ended so.
    pub(super) failed: u64,
    /// The worker has returned.
    pub(super) ended: bool,
}

impl Shared {
    pub(super) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::SeqCst)
    }

    /// Withdraws if somebody has said no since the start. Asked before anything is made, stored or sent.
    pub(super) fn heed(&self) {
        if self.is_withdrawn() {
            return;
        }
        if let Some(no) = (self.objection)() {
            lock(&self.notes).no(format!("somebody said no while the program ran: {no}"));
            self.withdraw();
        }
    }

    pub(super) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::SeqCst);
        self.queue.close(Loss::Withdrawn);
        if !self.queue.is_home() {
            return;
        }
        #[cfg(feature = "upload")]
        if let Some(upload) = &self.upload {
            upload.cancel();
        }
        // Whoever is in the middle of storing ends first; whoever comes later sees the withdrawal.
        drop(lock(&self.commit));
        self.stop();
    }

    /// Does something on disk that is not to happen after a withdrawal: who withdraws waits for its end.
    pub(super) fn unless_withdrawn<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        let _commit = lock(&self.commit);
        (!self.is_withdrawn()).then(work)
    }

    /// Something that `status()` should say. Each thing is said once.
    pub(super) fn note(&self, text: String) {
        lock(&self.notes).own(text);
    }

    /// The same, of what a destination said or failed at.
    #[cfg(feature = "upload")]
    pub(super) fn note_of(&self, destination: &str, text: String) {
        lock(&self.notes).of_server(destination, text);
    }

    pub(super) fn now_seconds(&self) -> i64 {
        self.clock.wall().nanos().div_euclid(1_000_000_000)
    }

    /// When the store notes that something became of records, in seconds since 1970: no finer than their own times, which
    /// would follow from it.
    #[cfg(feature = "upload")]
    pub(super) fn noted_at(&self) -> i64 {
        let now = self.clock.wall();
        let unit = self.engine.policy.record_times();
        let at = unit.map_or(now, |unit| unit.floor(now).unwrap_or(Timestamp::from_nanos(0)));
        at.nanos().div_euclid(1_000_000_000)
    }

    /// What was just stored need not be read back by the uploader, as long as it has room for it.
    #[cfg(feature = "upload")]
    pub(super) fn hand_over(&self, lot: Lot) {
        if let Some(upload) = &self.upload
            && let Err(lot) = upload.hand_over(lot)
        {
            lot.chunks.into_iter().for_each(|swept| self.queue.reuse(swept.chunk));
        }
    }

    /// There is more to send.
    #[cfg(feature = "upload")]
    pub(super) fn pending_upload(self: &Arc<Self>, records: u64) {
        if let Some(upload) = &self.upload {
            upload.more(self, records);
        }
    }

    pub(super) fn store(&self, until: Instant) -> Result<(), Unfinished> {
        if !self.queue.is_home() {
            return Err(Unfinished::Store);
        }
        let asked = {
            let mut control = lock(&self.control);
            control.asked += 1;
            control.asked
        };
        self.queue.wake();
        let done = self.wait(until, |control| control.done >= asked || control.ended);
        // Who wakes so late that a later flush has failed is told of that one: better than to forget its own.
        match done && lock(&self.control).failed < asked {
            true => Ok(()),
            false => Err(Unfinished::Store),
        }
    }

    pub(super) fn stop(&self) {
        if !self.queue.is_home() {
            return;
        }
        lock(&self.control).stop = true;
        self.queue.wake();
        #[cfg(feature = "upload")]
        if let Some(upload) = &self.upload {
            upload.stop();
        }
    }

    /// The worker panicked: what it had in hand is lost, and what waits for it.
    pub(super) fn give_up(&self) {
        self.queue.end(Loss::Panic);
        lock(&self.control).failed = u64::MAX;
        let counters = &self.queue.counters;
        self.queue.sweep(|chunk| counters.swept.add(u64::from(chunk.records())));
        counters.lose_swept(Loss::Panic, counters.snapshot().pending());
    }

    /// Access to the place where records wait now.
    #[cfg(feature = "upload")]
    pub(super) fn outbox(&self) -> Result<Outbox, Trouble> {
        let opened = lock(&self.opened).clone();
        let place = lock(&self.place).clone();
        match opened {
            Some(outbox) if outbox.is_of(&place) => Ok(outbox),
            _ => place.open(self.run),
        }
    }

    pub(super) fn ended(&self) {
        // Closed before anybody is told, who may want to move the file; an uploader in the middle of a request still has its own.
        #[cfg(feature = "upload")]
        drop(lock(&self.opened).take());
        lock(&self.control).ended = true;
        self.changed.notify_all();
    }

    /// Waits until something is so; `false` when the time came first.
    pub(super) fn wait(&self, until: Instant, is_so: impl Fn(&Control) -> bool) -> bool {
        if !self.queue.is_home() {
            return false;
        }
        let mut control = lock(&self.control);
        while !is_so(&control) {
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return false;
            };
            control = match self.changed.wait_timeout(control, rest) {
                Ok((control, _)) => control,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }
}
