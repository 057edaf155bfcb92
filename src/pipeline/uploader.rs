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
use super::counters::Loss;
use super::load::{Load, Loaded};
use super::outbox::{Lease, Outbox, Routes, Trouble, Verdict};
use super::queue::lock;
use super::upload::Upload;
use crate::app::random::IdRng;
use crate::export::{Admission, Delivery, Exporter, Outcome, Parcel, Receiver, Step};
use crate::privacy::Readmitter;
use crate::record::CleanPlans;

/// How long is waited after trouble with the store.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a claim lasts beyond the longest request; shorter than somebody's patience after a crash.
const LEASE: Duration = Duration::from_secs(60);
/// A claim older than this is looked at again before a request: its rows may have been erased by another process.
const FRESH: Duration = Duration::from_secs(2);

/// Loads that wait for one destination and were refused by another; beyond it what was refused counts as sent.
const MOST_REFUSED: usize = 1024;

/// What the thread itself has.
pub(super) struct Uploader<'a> {
    pub(super) shared: &'a Shared,
    pub(super) upload: &'a Upload,
    runtime: Runtime,
    pub(super) routes: Vec<Route>,
    pub(super) outbox: Outbox,
    pub(super) rng: IdRng,
    /// What a server took and the store was not told yet.
    delivered: Vec<Delivered>,
    /// Of loads that wait for one destination: records that no other one took, by the load's number.
    refused: HashMap<i64, u64>,
    /// How often the records had been erased when the last ones were claimed.
    erasures: u64,
    /// The longest that a request can take.
    longest: Duration,
    /// What was left behind has failed again.
    pub(super) is_held_up: bool,
    /// After trouble with the store, nothing is tried before this.
    rest: Option<Instant>,
    pub(super) readmitter: Readmitter,
    pub(super) clean_plans: CleanPlans,
}

/// The way to one destination.
pub(super) struct Route {
    pub(super) exporter: Exporter,
    /// Tells it from the others in the store.
    pub(super) bit: u8,
    /// Its rows must go out again as they went out before.
    knows_tokens: bool,
    delivery: Delivery,
}

/// How a load fared on one route.
enum Fared {
    /// The destination has it, but for so many records.
    Delivered(u64),
    /// The destination will never take it.
    Refused,
    Later,
    /// The batches are not ours any more.
    Lost,
    /// Consent was withdrawn, or the thread is to end.
    Over,
}

/// Batches that a server took.
struct Delivered {
    batches: Vec<i64>,
    /// How many rows were made by this run.
    own: u64,
    /// How many the server did not take.
    rejected: u64,
}

/// What the thread was woken for.
struct Task {
    /// The last flush that was asked for.
    asked: u64,
    /// Rows that were known to wait.
    waiting: u64,
}

/// How a claim of rows fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There was nothing left to send.
    Empty,
    /// So many rows are settled, one way or the other.
    Settled(u64),
    /// The rows were given back: not now.
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
            erasures: 0,
            longest,
            is_held_up: false,
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
            let mut left = waiting;
            // A pass ends with the rows that were there when it began: others may log faster than this sends.
            let all_sent = loop {
                match self.round() {
                    Ok(Round::Settled(rows)) => {
                        left = left.saturating_sub(rows);
                        if left == 0 {
                            left = self.left_behind(waiting);
                        }
                        if left == 0 || self.is_to_end(asked) {
                            break left == 0 && self.nothing_is_left_behind();
                        }
                    }
                    Ok(Round::Empty) => {
                        let all_sent =
                            self.outbox.unsent().is_ok_and(|unsent| unsent == 0) && self.left_behind(waiting) == 0;
                        if !all_sent {
                            // Somebody else holds them, perhaps a run that crashed: until its lease is over.
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
        self.routes.iter().map(|route| route.delivery.remaining(now)).min().flatten()
    }

    fn is_troubled(&self) -> bool {
        self.routes.iter().any(|route| route.delivery.is_troubled())
    }

    /// Rows of this run that were there when a pass began and still wait: older rows of others may have gone out instead.
    /// `waiting` is how many were known then.
    fn left_behind(&self, waiting: u64) -> u64 {
        // Nothing is stored between the two.
        let _commit = lock(&self.shared.commit);
        let unsent = self.outbox.unsent_own().unwrap_or(u64::MAX);
        unsent.saturating_sub(lock(&self.upload.state).waiting.saturating_sub(waiting))
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
    fn round(&mut self) -> Result<Round, Trouble> {
        if self.shared.is_withdrawn() {
            return Ok(Round::Over);
        }
        self.follow();
        self.mark_delivered()?;
        if self.remaining(self.shared.clock.now().0).is_some() {
            return Ok(Round::Later);
        }
        self.erasures = self.upload.erasures();
        let Some(Loaded { loads, rows }) = self.load()? else { return Ok(Round::Empty) };
        let mut worst = Ok(Round::Settled(rows.saturating_sub(loads.iter().map(|load| load.rows).sum())));
        for load in loads {
            match worst {
                Ok(Round::Settled(done)) => match self.send(load) {
                    Ok(Round::Settled(rows)) => worst = Ok(Round::Settled(done + rows)),
                    other => worst = other,
                },
                // After a failure the others are given back as well: their turn comes with the next claim.
                Ok(_) => drop(self.outbox.settle(&load.batches, Verdict::Released)?),
                // What cannot be given back now is free when its lease is over.
                Err(_) => drop(self.outbox.settle(&load.batches, Verdict::Released)),
            }
        }
        self.is_held_up &= !matches!(worst, Ok(Round::Settled(_)));
        worst
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

    /// Notes in the store what a server took, and counts it as sent once that is noted: until then it can still be cleared,
    /// and nothing else is claimed.
    fn mark_delivered(&mut self) -> Result<(), Trouble> {
        while let Some(Delivered { batches, own, rejected }) = self.delivered.last() {
            let marked = self.outbox.settle(batches, Verdict::Sent(self.shared.now_seconds()))?;
            // What was cleared meanwhile is counted as cleared.
            let own = marked.min(*own);
            // A server does not say which ones it left out; they count as this run's first.
            let refused = own.min(*rejected);
            let counters = &self.shared.queue.counters;
            counters.sent.add(own - refused);
            counters.lose_stored(Loss::Rejected, refused);
            self.delivered.pop();
        }
        Ok(())
    }

    /// Sends a load to each destination that does not have it, until it is settled or this round's tries are used up.
    fn send(&mut self, mut load: Load) -> Result<Round, Trouble> {
        let is_noted = self.routes.len() > 1 || self.routes.iter().any(|route| route.knows_tokens);
        if is_noted && !load.parcels.is_empty() {
            // Before the first try: whoever takes over after a crash sends the same rows under the same number.
            self.outbox.note(&load.batches, load.number, load.unwanted)?;
        }
        // Records that no destination takes; what one of them has is sent.
        let mut refused = load.has_arrived.then(|| self.refused.remove(&load.number).unwrap_or(0));
        let mut has_arrived = refused.is_some_and(|refused| refused < load.rows);
        let (mut is_left, mut progress) = (false, false);
        for (place, mut parcel) in std::mem::take(&mut load.parcels) {
            let fared = self.deliver(place, &mut parcel, &mut load)?;
            for note in self.routes[place].exporter.take_notes() {
                self.shared.note(note);
            }
            let rejected = match fared {
                Fared::Delivered(rejected) => {
                    has_arrived = true;
                    if let Some(answer) = self.routes[place].exporter.take_answer() {
                        *lock(&self.upload.answer) = Some(answer);
                    }
                    self.shared.queue.counters.answered(load.signal, load.rows, rejected);
                    rejected.min(load.rows)
                }
                Fared::Refused => load.rows,
                Fared::Later => {
                    is_left = true;
                    continue;
                }
                Fared::Lost => return Ok(Round::Settled(0)),
                Fared::Over => {
                    self.outbox.settle(&load.batches, Verdict::Released)?;
                    return Ok(Round::Over);
                }
            };
            refused = Some(refused.map_or(rejected, |refused| refused.min(rejected)));
            progress = true;
            if self.routes.len() > 1 {
                self.outbox.note(&load.batches, load.number, self.routes[place].bit)?;
            }
        }
        if is_left {
            if let Some(refused) = refused.filter(|refused| *refused > 0) {
                if self.refused.len() == MOST_REFUSED {
                    self.refused.clear();
                }
                self.refused.insert(load.number, refused);
            }
            self.outbox.settle(&load.batches, Verdict::Released)?;
            return Ok(if progress { Round::Settled(load.rows) } else { Round::Later });
        }
        let now = self.shared.now_seconds();
        if has_arrived {
            self.delivered.push(Delivered { batches: load.batches, own: load.own, rejected: refused.unwrap_or(0) });
            self.mark_delivered()?;
        } else {
            let marked = self.outbox.settle(&load.batches, Verdict::Rejected(now))?;
            self.shared.queue.counters.lose_stored(Loss::Rejected, load.own.min(marked));
        }
        Ok(Round::Settled(load.rows))
    }

    /// Sends a load to one destination, until that has it or this round's tries are used up.
    fn deliver(&mut self, place: usize, parcel: &mut Parcel, load: &mut Load) -> Result<Fared, Trouble> {
        let mut failed = 0;
        loop {
            if let Admission::Wait(_) = self.routes[place].delivery.admit(self.shared.clock.now().0) {
                return Ok(Fared::Later);
            }
            if !self.is_held(load, failed)? {
                return Ok(Fared::Lost);
            }
            let Some(outcome) = self.try_once(place, parcel) else { return Ok(Fared::Over) };
            let delivery = &mut self.routes[place].delivery;
            let step = delivery.step(&outcome, &mut failed, self.shared.clock.now().0);
            if let Some(breaker) = lock(&self.upload.breakers).get_mut(place) {
                *breaker = delivery.breaker();
            }
            if !matches!(outcome, Outcome::Delivered { .. }) {
                self.shared.queue.counters.uploads_failed.add(1);
            }
            match outcome {
                Outcome::Delivered { rejected, message } => {
                    if let Some(message) = message {
                        self.shared.note(format!("the server said: {message}"));
                    }
                    return Ok(Fared::Delivered(rejected));
                }
                Outcome::Rejected { status, why } => {
                    self.shared.note(format!("the server refused records for good ({status}): {why}"));
                    return Ok(Fared::Refused);
                }
                Outcome::Paused { status, why } => {
                    self.shared.note(format!("the server takes nothing from us as things are ({status}): {why}"));
                }
                Outcome::Retry { why, .. } | Outcome::Overloaded { why, .. } => {
                    self.shared.note(format!("sending failed and is tried again: {why}"));
                }
            }
            match step {
                Step::Again(delay) if self.pause(delay) => {}
                Step::Again(_) => return Ok(Fared::Over),
                Step::Settled | Step::Later => return Ok(Fared::Later),
            }
        }
    }

    /// Whether a load is still ours for the length of one more request: its rows can have been erased meanwhile, or the
    /// claim can have run out and another process can have taken them. The store is asked unless it has just been.
    fn is_held(&mut self, load: &mut Load, failed: u32) -> Result<bool, Trouble> {
        let lease = self.lease();
        let erasures = self.upload.erasures();
        let is_fresh = (load.claimed_at..load.claimed_at.saturating_add_unsigned(FRESH.as_secs())).contains(&lease.now);
        if failed == 0 && is_fresh && erasures == self.erasures {
            return Ok(true);
        }
        load.claimed_at = lease.now;
        let held = self.outbox.renew(&load.batches, lease)?;
        if held.len() == load.batches.len() {
            return Ok(true);
        }
        // The rest goes out with the next claim.
        self.outbox.settle(&held, Verdict::Released)?;
        Ok(false)
    }

    pub(super) fn lease(&self) -> Lease {
        let now = self.shared.clock.now().0;
        let bits = |is_wanted: &dyn Fn(&Route) -> bool| {
            self.routes.iter().filter(|route| is_wanted(route)).fold(0, |bits, route| bits | route.bit)
        };
        let open = bits(&|route| route.delivery.remaining(now).is_none());
        let routes = Routes { open, all: bits(&|_| true) };
        Lease { now: self.shared.now_seconds(), length: self.longest + LEASE, routes }
    }

    /// One request; `None` when it was cut by a withdrawal.
    fn try_once(&mut self, place: usize, parcel: &mut Parcel) -> Option<Outcome> {
        let exporter = &mut self.routes[place].exporter;
        // A withdrawal waits until a request is cut, and does not wait for what cannot be.
        let _sending = exporter.can_be_cut().then(|| lock(&self.upload.sending));
        if self.shared.is_withdrawn() {
            return None;
        }
        exporter.send(parcel, &self.shared.clock, &self.runtime, self.upload.cancel.notified())
    }

    /// Waits between two tries; `false` when the thread is to end.
    fn pause(&self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        let mut state = lock(&self.upload.state);
        loop {
            if state.stop || self.shared.is_withdrawn() {
                return false;
            }
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return true;
            };
            state = match self.upload.changed.wait_timeout(state, rest) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

impl Route {
    fn new(receiver: &Receiver) -> Result<Self, String> {
        Ok(Route {
            exporter: receiver.exporter()?,
            bit: receiver.bit(),
            knows_tokens: receiver.knows_tokens(),
            delivery: Delivery::default(),
        })
    }
}
