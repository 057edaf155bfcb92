//! From the host's threads to the store and on to the server, on at most two threads of our own.

#[cfg(feature = "upload")]
mod agenda;
#[cfg(feature = "upload")]
mod beside;
mod counters;
#[cfg(feature = "upload")]
mod halve;
#[cfg(feature = "upload")]
mod hold;
#[cfg(feature = "upload")]
mod load;
#[cfg(feature = "upload")]
mod lots;
mod mute;
mod notes;
mod outbox;
mod queue;
#[cfg(feature = "upload")]
mod refused;
#[cfg(feature = "upload")]
mod route;
#[cfg(feature = "upload")]
mod send;
mod shared;
mod sink;
#[cfg(feature = "upload")]
mod steady;
#[cfg(feature = "upload")]
mod stored;
#[cfg(feature = "upload")]
mod suspects;
#[cfg(feature = "upload")]
mod untold;
#[cfg(feature = "upload")]
mod upload;
#[cfg(feature = "upload")]
mod uploader;
mod worker;

#[cfg(all(test, feature = "upload", feature = "store"))]
mod tests;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

pub use counters::{Counts, Loss};
pub(crate) use mute::is_muted;
pub(crate) use outbox::{Place, Trouble};
pub(crate) use sink::{Ports, Sink};
pub(crate) use worker::{Kept, Prepare, Upkeep};

use crate::app::Clock;
use crate::export::LocalExporter;
#[cfg(feature = "upload")]
use crate::export::Receiver;
use crate::privacy::{Engine, Plans, Resource};
use queue::{Queue, lock};
use shared::Shared;
#[cfg(feature = "upload")]
pub(crate) use upload::Destination;
#[cfg(feature = "upload")]
use upload::Upload;
#[cfg(feature = "upload")]
pub use upload::{Schedule, Tuning};

/// Bytes of records that may wait for the worker, beside the chunk of 16 KiB that each thread fills.
pub(crate) const QUEUE: usize = 2 * 1024 * 1024;

/// A running pipeline. It ends when the last clone is gone, or when it is told to.
#[derive(Clone)]
pub(crate) struct Pipeline(Arc<Owner>);

/// What a pipeline is made of.
pub(crate) struct Parts {
    /// Names the threads.
    pub(crate) name: String,
    pub(crate) engine: Arc<Engine>,
    pub(crate) plans: Arc<Plans>,
    pub(crate) resource: Resource,
    pub(crate) clock: Clock,
    /// Random; tells this run's rows from others'.
    pub(crate) run: u64,
    pub(crate) place: Place,
    pub(crate) exporters: Vec<LocalExporter>,
    pub(crate) prepare: Prepare,
    pub(crate) upkeep: Upkeep,
    pub(crate) objection: Objection,
    #[cfg(feature = "upload")]
    pub(crate) destination: Option<Destination>,
}

/// Tells what no was said since the start, and where, if any was.
pub(crate) type Objection = Arc<dyn Fn() -> Option<String> + Send + Sync>;

struct Owner {
    shared: Arc<Shared>,
}

/// What a flush or shutdown left to be done. What is stored on disk is not lost: a later run sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfinished {
    /// Records were still on their way to the store, or it did not take them.
    Store,
    /// Records are stored, but not all of them could be sent in time, or the server was not there.
    Upload,
}

/// A no that was heard once stays one, whoever asks next: what was said is no less said for a file that came back.
fn lasting(objection: Objection) -> Objection {
    let heard = OnceLock::new();
    Arc::new(move || {
        if heard.get().is_none()
            && let Some(no) = objection()
        {
            // Another thread may have heard one at the same time.
            let _ = heard.set(no);
        }
        heard.get().cloned()
    })
}

impl Pipeline {
    /// Starts the worker; the uploader is started when there is something to send.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub(crate) fn start(parts: Parts) -> std::io::Result<Self> {
        let checked_by = Arc::clone(&parts.engine);
        Self::start_checked_by(checked_by, parts)
    }

    /// As [`Pipeline::start`], with an engine of its own for the second check. It is another one than the filter's only
    /// in tests: what the one was blind to, the other one sees.
    fn start_checked_by(checked_by: Arc<Engine>, parts: Parts) -> std::io::Result<Self> {
        #[cfg(not(feature = "upload"))]
        let _ = checked_by;
        let Parts { name, engine, plans, resource, clock, run, place, exporters, prepare, upkeep, objection, .. } =
            parts;
        // What is kept while these receive may go to these.
        #[cfg(feature = "upload")]
        let place = match &parts.destination {
            Some(destination) => place.for_hosts(destination.receivers.iter().map(Receiver::addressee)),
            None => place,
        };
        let shared = Arc::new(Shared {
            name: name.clone(),
            queue: Arc::new(Queue::new(QUEUE)),
            engine,
            #[cfg(feature = "upload")]
            checked_by,
            plans,
            clock,
            run,
            place: Mutex::new(place),
            lost_place: Mutex::default(),
            #[cfg(feature = "upload")]
            opened: Mutex::default(),
            control: Mutex::default(),
            changed: Condvar::new(),
            withdrawn: AtomicBool::new(false),
            objection: lasting(objection),
            commit: Mutex::new(()),
            notes: Mutex::default(),
            #[cfg(feature = "upload")]
            upload: parts.destination.map(Upload::new),
            #[cfg(all(test, feature = "upload"))]
            breaks: Mutex::default(),
        });
        let worker = worker::Worker::new(Arc::clone(&shared), resource, exporters, prepare, upkeep);
        // Linux shows the first 15 bytes of a thread's name.
        let thread = std::thread::Builder::new().name(format!("telem-{name}")).spawn({
            let shared = Arc::clone(&shared);
            move || {
                if catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
                    shared.note("nothing more is collected: a panic of our own".to_owned());
                    let _ = catch_unwind(AssertUnwindSafe(|| shared.give_up()));
                    shared.ended();
                }
            }
        })?;
        shared.queue.attach(thread.thread().clone());
        Ok(Pipeline(Arc::new(Owner { shared })))
    }

    /// Where the layer puts its records.
    pub(crate) fn sink(&self) -> Sink {
        Sink(Arc::clone(&self.0.shared.queue))
    }

    /// Whether this process is the one that it runs in, and not a child that was forked since.
    pub(crate) fn is_home(&self) -> bool {
        self.0.shared.queue.is_home()
    }

    /// What a destination said last about what it took. A forked child, in which the lock may be held for ever, has none.
    #[cfg(feature = "upload")]
    pub(crate) fn last_answer(&self) -> Option<String> {
        let upload = self.0.shared.upload.as_ref().filter(|_| self.is_home())?;
        lock(&upload.answer).clone()
    }

    /// Where records are sent, and whether requests go there now. From a forked child nothing is.
    #[cfg(feature = "upload")]
    pub(crate) fn destinations(&self) -> Vec<(String, crate::export::BreakerState)> {
        let Some(upload) = self.0.shared.upload.as_ref().filter(|_| self.is_home()) else { return Vec::new() };
        let now = self.0.shared.clock.now().0;
        let breakers = lock(&upload.breakers);
        let states = breakers.iter().map(|breaker| breaker.state(now));
        upload.receivers().iter().map(|receiver| receiver.label()).zip(states).collect()
    }

    pub(crate) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.0.shared.engine)
    }

    pub(crate) fn plans(&self) -> Arc<Plans> {
        Arc::clone(&self.0.shared.plans)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.shared.clock.clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.shared.queue.counters.snapshot()
    }

    /// Where records wait. A forked child, in which the lock may be held for ever, has none.
    pub(crate) fn place(&self) -> Place {
        match self.is_home() {
            true => lock(&self.0.shared.place).clone(),
            false => Place::memory(),
        }
    }

    /// What went wrong so far, each thing once.
    pub(crate) fn notes(&self) -> Vec<String> {
        match self.is_home() {
            true => lock(&self.0.shared.notes).texts().cloned().collect(),
            false => vec!["this is a forked child: nothing is collected in it".to_owned()],
        }
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.0.shared.is_withdrawn()
    }

    /// Stores what was logged before the call. Nothing is sent.
    pub(crate) fn store(&self, deadline: Duration) -> Result<(), Unfinished> {
        self.0.shared.store(after(deadline))
    }

    /// Stores and sends what was logged before the call; `deadline` is for both together.
    pub(crate) fn flush(&self, deadline: Duration) -> Result<(), Unfinished> {
        let shared = &self.0.shared;
        let until = after(deadline);
        shared.store(until)?;
        #[cfg(feature = "upload")]
        if let Some(upload) = &shared.upload {
            return upload.flush(shared, until);
        }
        Ok(())
    }

    /// As [`Pipeline::flush`]; then the threads end.
    pub(crate) fn shutdown(&self, deadline: Duration) -> Result<(), Unfinished> {
        let until = after(deadline);
        // From here on nothing new comes in.
        self.0.shared.queue.close(Loss::Exit);
        let flushed = self.flush(deadline);
        #[cfg(feature = "upload")]
        if let Some(upload) = self.0.shared.upload.as_ref().filter(|_| self.is_home()) {
            upload.end(&self.0.shared, until);
        }
        self.0.shared.stop();
        self.0.shared.wait(until, |control| control.ended);
        flushed
    }

    /// The uploader ends after what it is doing; the worker goes on.
    pub(crate) fn stop_uploading(&self) {
        #[cfg(feature = "upload")]
        if let Some(upload) = self.0.shared.upload.as_ref().filter(|_| self.is_home()) {
            upload.stop();
        }
    }

    /// Erases all stored records; tells how many.
    pub(crate) fn clear(&self) -> Result<u64, Trouble> {
        let shared = &self.0.shared;
        if !shared.queue.is_home() {
            return Err(Trouble::new("this is a forked child: only its parent can clear"));
        }
        // Nothing is being stored meanwhile, so that the counts stay true.
        let _commit = lock(&shared.commit);
        let mut rows = 0;
        // What was stored before the disk failed is erased as well.
        for place in [Some(self.place()), lock(&shared.lost_place).clone()].into_iter().flatten() {
            let cleared = place.clear(shared.run);
            #[cfg(feature = "upload")]
            if let Some(upload) = &shared.upload {
                // Also after an error, which may have come when rows were erased already.
                upload.erased();
            }
            let cleared = cleared?;
            shared.queue.counters.lose_stored(Loss::Cleared, cleared.own);
            rows += cleared.rows;
            cleared.rest?;
        }
        Ok(rows)
    }

    /// When this returns, nothing more is stored or sent, and what was queued is gone.
    pub(crate) fn withdraw(&self) {
        self.0.shared.withdraw();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("name", &self.0.shared.name)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfinished::Store => {
                "not all records could be stored; allow a longer deadline, or see the status for what is wrong"
            }
            Unfinished::Upload => "not all records could be sent; what is stored is sent by the next run",
        })
    }
}

impl std::error::Error for Unfinished {}

/// The time so far from now; about as good as never for what a clock cannot hold.
fn after(deadline: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(deadline).or_else(|| now.checked_add(Duration::from_secs(365 * 86_400))).unwrap_or(now)
}
