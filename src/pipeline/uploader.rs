//! The uploader: takes what was stored, checks it a second time, seals and sends it.
//!
//! What the worker has just stored comes in the clean bytes that it was made of. Everything else, of an earlier run, or left
//! behind by a failure or a burst, is read from the outbox and let through the filter again.
//!
//! Its thread and its runtime exist only once there is something to send. A server that hangs holds this thread and
//! nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::Shared;
use super::counters::Loss;
use super::load::{Load, Loaded};
use super::outbox::{Lease, Outbox, Trouble, Verdict};
use super::queue::lock;
use super::upload::{Destination, Upload};
use crate::app::random::IdRng;
use crate::export::{Admission, Breaker, OtlpExporter, Outcome, RetryPolicy, Sealed};
use crate::privacy::Readmitter;
use crate::record::CleanPlans;

/// Rows that make an upload go out at once.
const ENOUGH: u64 = 100;
/// How long rows wait for more of them.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a claim lasts beyond the longest request; shorter than somebody's patience after a crash.
const LEASE: Duration = Duration::from_secs(60);
/// Before a request, this much of the claim must be left beyond the longest request.
const MARGIN: Duration = Duration::from_secs(10);
/// The longest wait for another try with the rows in hand: their claim must not run out meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a server that refuses us is left alone.
const PAUSED: Duration = Duration::from_secs(60);

/// What the thread itself has.
pub(super) struct Uploader<'a> {
    pub(super) shared: &'a Shared,
    pub(super) upload: &'a Upload,
    runtime: Runtime,
    pub(super) exporter: OtlpExporter,
    pub(super) outbox: Outbox,
    breaker: Breaker,
    retry: RetryPolicy,
    rng: IdRng,
    /// Batches that a server took, while the store could not be told.
    delivered: Vec<i64>,
    /// The longest that a request can take.
    longest: Duration,
    /// The last rows came from the worker, not from the store.
    pub(super) was_fresh: bool,
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
        let Destination { endpoint, settings, .. } = upload.destination.clone();
        let longest = settings.total_timeout;
        let exporter = OtlpExporter::new(endpoint, settings).map_err(|error| error.to_string())?;
        let place = lock(&shared.place).clone();
        let outbox = place.open(shared.run).map_err(|trouble| trouble.to_string())?;
        let mut uploader = Uploader {
            shared,
            upload,
            runtime,
            exporter,
            outbox,
            breaker: Breaker::default(),
            retry: RetryPolicy::default(),
            rng: IdRng::new(),
            delivered: Vec::new(),
            longest,
            was_fresh: false,
            rest: None,
            readmitter: Readmitter::new(Arc::clone(&shared.engine)),
            clean_plans: CleanPlans::default(),
        };
        uploader.serve();
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
                match self.round(left) {
                    Ok(Round::Settled(rows)) => {
                        left = left.saturating_sub(rows);
                        if left == 0 || self.is_to_end(asked) {
                            break left == 0;
                        }
                    }
                    Ok(Round::Empty) => {
                        let all_sent = self.outbox.unsent().is_ok_and(|unsent| unsent == 0);
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
            let mut state = lock(&self.upload.state);
            if all_sent {
                // What came while this ran may have been missed by its last look: it is looked for again.
                state.waiting = state.waiting.saturating_sub(waiting);
            }
            state.since = (state.waiting > 0).then(Instant::now);
            state.done = state.done.max(asked);
            state.all_sent = all_sent;
            drop(state);
            self.upload.changed.notify_all();
        }
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
            let live = self.upload.is_live();
            let now = self.shared.clock.now().0;
            let due =
                state.since.filter(|_| live && state.waiting > 0).map(|since| match self.breaker.remaining(now) {
                    Some(rest) => Instant::now() + rest,
                    None if state.waiting >= ENOUGH && !self.breaker.is_troubled() => since,
                    None => since + PAUSE,
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

    /// Sends one claim of rows; `left` is how many are known to wait.
    fn round(&mut self, left: u64) -> Result<Round, Trouble> {
        if self.shared.is_withdrawn() {
            return Ok(Round::Over);
        }
        self.mark_delivered()?;
        let Some(Loaded { loads, rows }) = self.load(left)? else { return Ok(Round::Empty) };
        let mut worst = Ok(Round::Settled(rows));
        for load in loads {
            match worst {
                Ok(Round::Settled(_)) => match self.send(&load) {
                    Ok(Round::Settled(_)) => {}
                    other => worst = other,
                },
                // After a failure the others are given back as well: their turn comes with the next claim.
                Ok(_) => drop(self.outbox.settle(&load.batches, Verdict::Released)?),
                // What cannot be given back now is free when its lease is over.
                Err(_) => drop(self.outbox.settle(&load.batches, Verdict::Released)),
            }
        }
        worst
    }

    /// Marks what a server took and the store could not note at once. Until it is noted, nothing else is claimed.
    fn mark_delivered(&mut self) -> Result<(), Trouble> {
        if !self.delivered.is_empty() {
            self.outbox.settle(&self.delivered, Verdict::Sent(self.shared.now_seconds()))?;
            self.delivered.clear();
        }
        Ok(())
    }

    /// Sends a load until it is settled or this round's tries are used up.
    fn send(&mut self, load: &Load) -> Result<Round, Trouble> {
        let mut failed = 0;
        let mut claimed_at = load.claimed_at;
        loop {
            if let Admission::Wait(_) = self.breaker.admit(self.shared.clock.now().0) {
                return self.later(load);
            }
            if !self.is_held(load, &mut claimed_at)? {
                return Ok(Round::Settled(load.rows));
            }
            let Some(outcome) = self.try_once(&load.sealed) else {
                self.outbox.settle(&load.batches, Verdict::Released)?;
                return Ok(Round::Over);
            };
            let counters = &self.shared.queue.counters;
            match outcome {
                Outcome::Delivered { rejected, message } => {
                    self.breaker.succeeded();
                    let marked = self.outbox.settle(&load.batches, Verdict::Sent(self.shared.now_seconds()));
                    // What was cleared meanwhile is counted as cleared.
                    let own = marked.as_ref().map_or(load.own, |marked| load.own.min(*marked));
                    // A server does not say which ones it left out; they count as this run's first.
                    let refused = rejected.min(own);
                    counters.sent.add(own - refused);
                    counters.lose_stored(Loss::Rejected, refused);
                    counters.answered(load.sealed.signal, u64::from(load.sealed.records), rejected);
                    if let Some(message) = message {
                        self.shared.note(format!("the server said: {message}"));
                    }
                    if let Err(trouble) = marked {
                        self.delivered.extend_from_slice(&load.batches);
                        return Err(trouble);
                    }
                    return Ok(Round::Settled(load.rows));
                }
                Outcome::Rejected { status, why } => {
                    self.breaker.succeeded();
                    counters.uploads_failed.add(1);
                    self.shared.note(format!("the server refused records for good ({status}): {why}"));
                    let marked = self.outbox.settle(&load.batches, Verdict::Rejected(self.shared.now_seconds()))?;
                    self.shared.queue.counters.lose_stored(Loss::Rejected, load.own.min(marked));
                    return Ok(Round::Settled(load.rows));
                }
                Outcome::Paused { status, why } => {
                    counters.uploads_failed.add(1);
                    self.shared.note(format!("the server takes nothing from us as things are ({status}): {why}"));
                    self.breaker.trip(self.shared.clock.now().0, PAUSED);
                    return self.later(load);
                }
                Outcome::Retry { after, why } | Outcome::Overloaded { after, why } => {
                    counters.uploads_failed.add(1);
                    failed += 1;
                    self.shared.note(format!("sending failed and is tried again: {why}"));
                    self.breaker.failed(self.shared.clock.now().0);
                    match self.retry.delay(failed, after, self.rng.next_u64()) {
                        Some(delay) if delay > LONGEST_PAUSE => {
                            self.breaker.trip(self.shared.clock.now().0, delay);
                            return self.later(load);
                        }
                        Some(delay) if self.pause(delay) => {}
                        Some(_) => {
                            self.outbox.settle(&load.batches, Verdict::Released)?;
                            return Ok(Round::Over);
                        }
                        None => {
                            if let Some(after) = after {
                                self.breaker.trip(self.shared.clock.now().0, after);
                            }
                            return self.later(load);
                        }
                    }
                }
            }
        }
    }

    /// Whether a load is still ours for the length of one more request: after a long wait a claim can have run out, and
    /// another process can have taken the rows.
    fn is_held(&mut self, load: &Load, claimed_at: &mut i64) -> Result<bool, Trouble> {
        let lease = self.lease();
        let old_enough = claimed_at.saturating_add_unsigned((LEASE - MARGIN).as_secs());
        if (*claimed_at..old_enough).contains(&lease.now) {
            return Ok(true);
        }
        *claimed_at = lease.now;
        let held = self.outbox.renew(&load.batches, lease)?;
        if held.len() == load.batches.len() {
            return Ok(true);
        }
        // The rest goes out with the next claim.
        self.outbox.settle(&held, Verdict::Released)?;
        Ok(false)
    }

    pub(super) fn lease(&self) -> Lease {
        Lease { now: self.shared.now_seconds(), length: self.longest + LEASE }
    }

    /// One request; `None` when it was cut by a withdrawal.
    fn try_once(&self, sealed: &Sealed) -> Option<Outcome> {
        let _sending = lock(&self.upload.sending);
        if self.shared.is_withdrawn() {
            return None;
        }
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.upload.cancel.notified() => None,
                outcome = self.exporter.send(sealed) => Some(outcome),
            }
        })
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

    fn later(&mut self, load: &Load) -> Result<Round, Trouble> {
        self.outbox.settle(&load.batches, Verdict::Released)?;
        Ok(Round::Later)
    }
}
