//! The uploader: takes what was stored, checks it a second time, seals and sends it.
//!
//! What the worker has just stored comes in the clean bytes that it was made of. Everything else, of an earlier run, or left
//! behind by a failure or a burst, is read from the outbox and let through the filter again.
//!
//! Its thread and its runtime exist only once there is something to send. A server that hangs holds this thread and
//! nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::Shared;
use super::load::Loaded;
use super::outbox::{Outbox, Trouble};
use super::queue::lock;
use super::route::Route;
use super::send::Delivered;
use super::suspects::Suspects;
use super::upload::Upload;
use crate::app::random::IdRng;
use crate::export::Receiver;
use crate::privacy::Readmitter;
use crate::record::claim::{Lease, Routes, Verdict};
use crate::record::{CleanPlans, Signal};

/// How long is waited after trouble with the store.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a claim lasts beyond the longest request; shorter than somebody's patience after a crash.
const LEASE: Duration = Duration::from_secs(60);

/// What the thread itself has.
pub(super) struct Uploader<'a> {
    pub(super) shared: &'a Shared,
    pub(super) upload: &'a Upload,
    pub(super) runtime: Runtime,
    pub(super) routes: Vec<Route>,
    pub(super) outbox: Outbox,
    pub(super) rng: IdRng,
    /// What a server took and the store was not told yet.
    pub(super) delivered: Vec<Delivered>,
    /// Of loads that wait for one destination: records that no other one took, by the load's number.
    pub(super) refused: HashMap<i64, u64>,
    pub(super) suspects: Suspects,
    /// How often the records had been erased when the last ones were claimed.
    pub(super) erasures: u64,
    /// The longest that a request can take.
    longest: Duration,
    /// After trouble with the store, nothing is tried before this.
    rest: Option<Instant>,
    pub(super) readmitter: Readmitter,
    pub(super) clean_plans: CleanPlans,
}

/// What the thread was woken for.
struct Task {
    /// The last flush that was asked for.
    asked: u64,
    /// Rows that were known to wait.
    waiting: u64,
}

/// What a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Any,
    /// What a destination failed at: the others had their turn, and what comes meanwhile has the next pass.
    Suspects,
}

/// How a claim of rows fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// There was nothing left to send.
    Empty,
    /// So many rows are settled, one way or the other. The others had their turn.
    Settled(u64),
    /// No destination can be asked now.
    Later,
    /// Consent was withdrawn, or the thread is to end.
    Over,
}

impl<'a> Uploader<'a> {
    pub(super) fn run(shared: &'a Shared) -> Result<(), String> {
        super::mute::this_thread();
        // What else speaks OpenTelemetry in this process must not trace our requests.
        let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
        let Some(upload) = &shared.upload else { return Ok(()) };
        // Names are resolved on a thread of the runtime's own: one, and as mute as this one.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .thread_name("telem-dns")
            .on_thread_start(super::mute::this_thread)
            .build()
            .map_err(|error| format!("the runtime could not be made ({error})"))?;
        let receivers = upload.receivers();
        let longest = receivers.iter().map(Receiver::longest).max().unwrap_or_default();
        let routes = receivers.iter().map(Route::new).collect::<Result<_, _>>()?;
        let outbox = shared.outbox().map_err(|trouble| trouble.to_string())?;
        let mut uploader = Uploader {
            shared,
            upload,
            runtime,
            routes,
            outbox,
            rng: IdRng::new(),
            delivered: Vec::new(),
            refused: HashMap::new(),
            suspects: Suspects::default(),
            erasures: 0,
            longest,
            rest: None,
            readmitter: Readmitter::new(Arc::clone(&shared.engine)),
            clean_plans: CleanPlans::default(),
        };
        uploader.serve();
        // What cannot be noted now goes out again with the next run.
        let _ = uploader.mark_delivered();
        // What belongs to the application may want to run here to its end.
        upload.end_receivers(shared);
        // A name that is being looked up must not hold the thread.
        uploader.runtime.shutdown_background();
        Ok(())
    }

    fn serve(&mut self) {
        while let Some(Task { asked, waiting }) = self.wait() {
            self.rest = None;
            self.suspects.begin(self.outbox.suspects().unwrap_or_default());
            let (mut left, mut whose) = (waiting, Whose::Any);
            // A pass ends with the rows that were there when it began: others may log faster than this sends.
            let all_sent = loop {
                match self.round(whose) {
                    Ok(Round::Settled(rows)) => {
                        left = left.saturating_sub(rows);
                        if left == 0 {
                            left = self.untried(waiting);
                        }
                        if left == 0 {
                            whose = Whose::Suspects;
                        }
                        let is_done = left == 0 && !self.suspects.is_any_due(self.shared.now_seconds());
                        if is_done || self.is_to_end(asked) {
                            break self.left_behind(waiting) == 0 && self.nothing_is_left_behind();
                        }
                    }
                    Ok(Round::Empty) => {
                        let is_any_left = || self.outbox.unsent().map_or(true, |unsent| unsent > 0);
                        let others_may_wait = whose == Whose::Suspects && self.routes.len() == 1;
                        let all_sent = self.left_behind(waiting) == 0 && (others_may_wait || !is_any_left());
                        if !all_sent {
                            // They had their turn, or somebody else holds them, perhaps a run that crashed: until its lease is over.
                            self.rest = Some(Instant::now() + PAUSE);
                        }
                        break all_sent;
                    }
                    Ok(Round::Later | Round::Over) => break false,
                    Err(trouble) => {
                        self.shared.note(format!("stored records could not be read: {trouble}"));
                        self.rest = Some(Instant::now() + PAUSE);
                        break false;
                    }
                }
            };
            let has_lost_rows = self.has_lost_rows();
            let mut state = lock(&self.upload.state);
            if all_sent {
                // What came while this ran may have been missed by its last look: it is looked for again.
                state.waiting = state.waiting.saturating_sub(waiting);
            }
            state.since = (state.waiting > 0).then(Instant::now);
            state.done = state.done.max(asked);
            state.all_sent = all_sent && !has_lost_rows;
            drop(state);
            self.upload.changed.notify_all();
        }
    }

    /// Whether no destination still lacks what others have.
    fn nothing_is_left_behind(&self) -> bool {
        self.routes.len() == 1 || self.outbox.unsent().is_ok_and(|unsent| unsent == 0)
    }

    /// How long all destinations are left alone; `None` when one can be asked.
    fn remaining(&self, now: u64) -> Option<Duration> {
        let each =
            self.routes.iter().flat_map(|route| [Signal::Log, Signal::Span].map(|kind| route.remaining(kind, now)));
        each.min().flatten()
    }

    fn is_troubled(&self) -> bool {
        self.routes.iter().any(|route| route.delivery.is_troubled())
    }

    /// Rows of this run that were there when a pass began and still wait. `waiting` is how many were known then.
    fn left_behind(&self, waiting: u64) -> u64 {
        let unsent = self.outbox.unsent_own().unwrap_or(u64::MAX);
        let failed = unsent.saturating_sub(self.outbox.untried_own().unwrap_or(0));
        failed.saturating_add(self.untried(waiting))
    }

    /// The same but for what a destination failed at: older rows of others may have gone out instead.
    fn untried(&self, waiting: u64) -> u64 {
        // Nothing is stored between the two.
        let _commit = lock(&self.shared.commit);
        let untried = self.outbox.untried_own().unwrap_or(u64::MAX);
        untried.saturating_sub(lock(&self.upload.state).waiting.saturating_sub(waiting))
    }

    /// Whether rows were left in a place that was lost: they are not sent from here.
    fn has_lost_rows(&self) -> bool {
        let stored = self.shared.queue.counters.snapshot().stored();
        lock(&self.shared.lost_place).is_some() && self.outbox.unsent_own().is_ok_and(|unsent| unsent < stored)
    }

    /// Whether the thread was told to end, and no flush is left to be done before.
    fn is_to_end(&self, asked: u64) -> bool {
        let state = lock(&self.upload.state);
        state.stop && asked <= state.done
    }

    /// Waits until something is to be sent; `None` when the thread is to end.
    fn wait(&self) -> Option<Task> {
        let mut state = lock(&self.upload.state);
        loop {
            if state.asked > state.done && !self.shared.is_withdrawn() {
                return Some(Task { asked: state.asked, waiting: state.waiting });
            }
            if state.stop || self.shared.is_withdrawn() {
                return None;
            }
            let (live, tuning) = (self.upload.is_live(), self.upload.destination.tuning);
            let now = self.shared.clock.now().0;
            let due = state.since.filter(|_| live && state.waiting > 0).map(|since| match self.remaining(now) {
                Some(rest) => Instant::now() + rest,
                None if state.waiting >= u64::from(tuning.records()) && !self.is_troubled() => since,
                None => since + tuning.interval(),
            });
            let due = due.map(|due| self.rest.map_or(due, |rest| rest.max(due)));
            state = match due {
                None => self.upload.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
                Some(due) => match due.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
                    None => return Some(Task { asked: state.asked, waiting: state.waiting }),
                    Some(rest) => match self.upload.changed.wait_timeout(state, rest) {
                        Ok((state, _)) => state,
                        Err(poisoned) => poisoned.into_inner().0,
                    },
                },
            };
        }
    }

    /// Sends one claim of rows.
    fn round(&mut self, whose: Whose) -> Result<Round, Trouble> {
        if self.shared.is_withdrawn() {
            return Ok(Round::Over);
        }
        self.follow();
        self.mark_delivered()?;
        if self.remaining(self.shared.clock.now().0).is_some() {
            return Ok(Round::Later);
        }
        self.erasures = self.upload.erasures();
        let Some(Loaded { loads, rows }) = self.load(whose)? else { return Ok(Round::Empty) };
        let mut settled = rows.saturating_sub(loads.iter().map(|load| load.rows).sum());
        let mut end = None;
        for load in loads {
            let is_closed = || self.lease().routes.open(load.signal) == 0;
            match end {
                None if is_closed() => drop(self.outbox.settle(&load.batches, Verdict::Released)?),
                None => match self.send(load) {
                    Ok(Round::Settled(rows)) => settled += rows,
                    other => end = Some(other),
                },
                Some(Ok(_)) => drop(self.outbox.settle(&load.batches, Verdict::Released)?),
                // What cannot be given back now is free when its lease is over.
                Some(Err(_)) => drop(self.outbox.settle(&load.batches, Verdict::Released)),
            }
        }
        end.unwrap_or(Ok(Round::Settled(settled)))
    }

    /// Goes where the worker went: after a failure for good, that is memory.
    fn follow(&mut self) {
        let place = lock(&self.shared.place).clone();
        if !self.outbox.is_of(&place)
            && let Ok(outbox) = self.shared.outbox()
        {
            let _ = self.mark_delivered();
            // What the lost place was not told stays there as it is.
            self.delivered.clear();
            self.outbox = outbox;
        }
    }

    pub(super) fn lease(&self) -> Lease {
        let now = self.shared.clock.now().0;
        let bits = |is_wanted: &dyn Fn(&Route) -> bool| {
            self.routes.iter().filter(|route| is_wanted(route)).fold(0, |bits, route| bits | route.bit)
        };
        let open = |signal| bits(&|route| route.remaining(signal, now).is_none());
        let routes = Routes { logs: open(Signal::Log), spans: open(Signal::Span), all: bits(&|_| true) };
        Lease { owner: self.shared.run, now: self.shared.now_seconds(), length: self.longest + LEASE, routes }
    }
}
