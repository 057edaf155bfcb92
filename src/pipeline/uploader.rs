//! The uploader: takes rows out of the outbox, lets them through the filter again, seals and sends them.
//!
//! Its thread and its runtime exist only once there is something to send. A server that hangs holds this thread and
//! nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::Shared;
use super::counters::Loss;
use super::outbox::{Claimed, Outbox, Trouble};
use super::queue::lock;
use super::upload::{Destination, Schedule, Upload};
use crate::app::Timestamp;
use crate::app::random::IdRng;
use crate::export::{Admission, Breaker, OtlpExporter, Outcome, RetryPolicy, Sealed};
use crate::privacy::format::Shape;
use crate::privacy::{Chunk, Readmitted, Readmitter, Refused, Resource};
use crate::record::Batch;

/// Rows that make an upload go out at once.
const ENOUGH: u64 = 100;
/// How long rows wait for more of them.
const PAUSE: Duration = Duration::from_secs(5);
/// Rows and bytes of one claim.
const CLAIM: u32 = 256;
const CLAIM_BYTES: u64 = 512 * 1024;
/// The longest wait for another try with the rows in hand: their claim must not run out meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a server that refuses us is left alone.
const PAUSED: Duration = Duration::from_secs(60);

/// What the thread itself has.
pub(super) struct Uploader<'a> {
    shared: &'a Shared,
    upload: &'a Upload,
    runtime: Runtime,
    exporter: OtlpExporter,
    outbox: Outbox,
    breaker: Breaker,
    retry: RetryPolicy,
    rng: IdRng,
    /// Rows that a server took, while the store could not be told.
    delivered: Vec<i64>,
    /// After trouble with the store, nothing is tried before this.
    rest: Option<Instant>,
    readmitter: Readmitter,
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
            rest: None,
            readmitter: Readmitter::new(Arc::clone(&shared.engine)),
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
                match self.round() {
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
            let live = self.upload.destination.schedule == Schedule::Live;
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

    /// Sends one claim of rows.
    fn round(&mut self) -> Result<Round, Trouble> {
        if self.shared.is_withdrawn() {
            return Ok(Round::Over);
        }
        self.mark_delivered()?;
        let rows = self.outbox.claim(CLAIM, CLAIM_BYTES, self.shared.now_seconds())?;
        if rows.is_empty() {
            return Ok(Round::Empty);
        }
        let count = rows.len() as u64;
        let mut worst = Ok(Round::Settled(count));
        for group in self.readmit(rows)? {
            // After a failure the others are given back as well: their turn comes with the next claim.
            match worst {
                Ok(Round::Settled(_)) => match self.deliver(&group) {
                    Ok(Round::Settled(_)) => {}
                    other => worst = other,
                },
                _ => self.outbox.release(&group.seqs)?,
            }
        }
        worst
    }

    /// Marks what a server took and the store could not note at once. Until it is noted, nothing else is claimed.
    fn mark_delivered(&mut self) -> Result<(), Trouble> {
        if !self.delivered.is_empty() {
            self.outbox.mark_sent(&self.delivered, self.shared.now_seconds())?;
            self.delivered.clear();
        }
        Ok(())
    }

    /// Lets rows through the filter again, in groups of one resource. What does not pass is never sent.
    fn readmit(&mut self, rows: Vec<Claimed>) -> Result<Vec<Group>, Trouble> {
        let mut groups: Vec<Group> = Vec::new();
        let mut refused = Vec::new();
        for row in rows {
            match self.readmitter.readmit(&row.json) {
                Ok(Readmitted { clean, shape, resource }) => {
                    let group = match groups.iter().position(|group| group.is_for(&resource, shape)) {
                        Some(place) => &mut groups[place],
                        None => {
                            groups.push(Group::new(resource, shape));
                            groups.last_mut().expect("a group was pushed")
                        }
                    };
                    group.chunk.append(clean);
                    group.seqs.push(row.seq);
                    group.own += u64::from(row.own);
                }
                Err(Refused::Found | Refused::NotARecord) => refused.push(row),
            }
        }
        if !refused.is_empty() {
            let seqs: Vec<i64> = refused.iter().map(|row| row.seq).collect();
            let marked = self.outbox.mark_rejected(&seqs, self.shared.now_seconds())?;
            let own = refused.iter().filter(|row| row.own).count() as u64;
            self.shared.queue.counters.lose_stored(Loss::NotReadmitted, own.min(marked));
        }
        Ok(groups)
    }

    /// Sends a group until it is settled or this round's tries are used up.
    fn deliver(&mut self, group: &Group) -> Result<Round, Trouble> {
        let batch = Batch { chunk: &group.chunk, plans: None, resource: &group.resource, zero: EPOCH };
        let sealed = match self.exporter.seal(batch.records()) {
            Ok(sealed) => sealed,
            Err(error) => {
                self.shared.note(error.to_string());
                return self.reject(group);
            }
        };
        let mut round = Round::Settled(group.seqs.len() as u64);
        for sealed in &sealed {
            round = self.send(group, sealed)?;
        }
        Ok(round)
    }

    fn send(&mut self, group: &Group, sealed: &Sealed) -> Result<Round, Trouble> {
        let mut failed = 0;
        loop {
            if let Admission::Wait(_) = self.breaker.admit(self.shared.clock.now().0) {
                return self.later(group);
            }
            let Some(outcome) = self.try_once(sealed) else {
                self.outbox.release(&group.seqs)?;
                return Ok(Round::Over);
            };
            let counters = &self.shared.queue.counters;
            match outcome {
                Outcome::Delivered { rejected, message } => {
                    self.breaker.succeeded();
                    let marked = self.outbox.mark_sent(&group.seqs, self.shared.now_seconds());
                    // What was cleared meanwhile is counted as cleared.
                    let own = marked.as_ref().map_or(group.own, |marked| group.own.min(*marked));
                    // A server does not say which ones it left out; they count as this run's first.
                    let refused = rejected.min(own);
                    counters.sent.add(own - refused);
                    counters.lose_stored(Loss::Rejected, refused);
                    counters.answered(sealed.signal, u64::from(sealed.records), rejected);
                    if let Some(message) = message {
                        self.shared.note(format!("the server said: {message}"));
                    }
                    if let Err(trouble) = marked {
                        self.delivered.extend_from_slice(&group.seqs);
                        return Err(trouble);
                    }
                    return Ok(Round::Settled(group.seqs.len() as u64));
                }
                Outcome::Rejected { status, why } => {
                    self.breaker.succeeded();
                    counters.uploads_failed.add(1);
                    self.shared.note(format!("the server refused records for good ({status}): {why}"));
                    return self.reject(group);
                }
                Outcome::Paused { status, why } => {
                    counters.uploads_failed.add(1);
                    self.shared.note(format!("the server takes nothing from us as things are ({status}): {why}"));
                    self.breaker.trip(self.shared.clock.now().0, PAUSED);
                    return self.later(group);
                }
                Outcome::Retry { after, why } => {
                    counters.uploads_failed.add(1);
                    failed += 1;
                    self.shared.note(format!("sending failed and is tried again: {why}"));
                    self.breaker.failed(self.shared.clock.now().0);
                    match self.retry.delay(failed, after, self.rng.next_u64()) {
                        Some(delay) if delay > LONGEST_PAUSE => {
                            self.breaker.trip(self.shared.clock.now().0, delay);
                            return self.later(group);
                        }
                        Some(delay) if self.pause(delay) => {}
                        Some(_) => {
                            self.outbox.release(&group.seqs)?;
                            return Ok(Round::Over);
                        }
                        None => {
                            if let Some(after) = after {
                                self.breaker.trip(self.shared.clock.now().0, after);
                            }
                            return self.later(group);
                        }
                    }
                }
            }
        }
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

    fn later(&mut self, group: &Group) -> Result<Round, Trouble> {
        self.outbox.release(&group.seqs)?;
        Ok(Round::Later)
    }

    fn reject(&mut self, group: &Group) -> Result<Round, Trouble> {
        let marked = self.outbox.mark_rejected(&group.seqs, self.shared.now_seconds())?;
        self.shared.queue.counters.lose_stored(Loss::Rejected, group.own.min(marked));
        Ok(Round::Settled(group.seqs.len() as u64))
    }
}

/// Readmitted records carry their time as nanoseconds since 1970.
const EPOCH: Timestamp = Timestamp::from_nanos(0);

/// Readmitted rows of one resource and kind: one request.
struct Group {
    resource: Arc<Resource>,
    shape: Shape,
    chunk: Chunk,
    seqs: Vec<i64>,
    /// How many were made by this run.
    own: u64,
}

impl Group {
    fn new(resource: Arc<Resource>, shape: Shape) -> Self {
        Group { resource, shape, chunk: Chunk::default(), seqs: Vec::new(), own: 0 }
    }

    fn is_for(&self, resource: &Arc<Resource>, shape: Shape) -> bool {
        self.shape == shape && (Arc::ptr_eq(&self.resource, resource) || self.resource == *resource)
    }
}
