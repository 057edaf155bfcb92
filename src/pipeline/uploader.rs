//! The uploader: takes what was stored, checks it a second time, seals and sends it.
//!
//! What the worker has just stored comes in the clean bytes that it was made of. Everything else, of an earlier run, or left
//! behind by a failure or a burst, is read from the outbox and let through the filter again.
//!
//! Its thread and its runtime exist only once there is something to send. A server that hangs holds this thread and
//! nothing else.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::Shared;
use super::agenda::{Agenda, Left};
use super::hold::InHand;
use super::load::Loaded;
use super::outbox::{Outbox, Trouble};
use super::queue::lock;
use super::refused::Refused;
use super::route::Route;
use super::steady::Steady;
use super::suspects::Suspects;
use super::untold::Untold;
use super::upload::Upload;
use crate::app::random::IdRng;
use crate::export::Receiver;
use crate::privacy::Readmitter;
use crate::record::claim::{Lease, Routes, Verdict};
use crate::record::{CleanPlans, Signal};

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
    /// What became of loads, oldest first.
    pub(super) untold: VecDeque<Untold>,
    pub(super) refused: Refused,
    pub(super) suspects: Suspects,
    agenda: Agenda,
    /// How often the records had been erased when the last ones were claimed.
    pub(super) erasures: u64,
    /// What is being sent.
    pub(super) in_hand: InHand,
    steady: Cell<Steady>,
    /// The longest that a request can take.
    pub(super) longest: Duration,
    pub(super) readmitter: Readmitter,
    pub(super) clean_plans: CleanPlans,
}

/// What the thread was woken for.
pub(super) struct Task {
    /// The last flush that was asked for.
    pub(super) asked: u64,
    /// Rows that were known to wait.
    pub(super) waiting: u64,
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
        let mut uploader = Uploader::new(shared, upload)?;
        lock(&upload.state).has_begun();
        uploader.serve();
        // What cannot be noted now goes out again with the next run.
        let _ = uploader.tell();
        // What belongs to the application may want to run here to its end.
        upload.end_receivers(shared);
        // A name that is being looked up must not hold the thread.
        uploader.runtime.shutdown_background();
        Ok(())
    }

    pub(super) fn new(shared: &'a Shared, upload: &'a Upload) -> Result<Self, String> {
        // Names are resolved, and files looked at before a request, on a thread of the runtime's own: one, and as mute as this one.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            // It would wake once more, long after, to end.
            .thread_keep_alive(Duration::ZERO)
            .thread_name("telem-look")
            .on_thread_start(super::mute::this_thread)
            .build()
            .map_err(|error| format!("the runtime could not be made ({error})"))?;
        let receivers = upload.receivers();
        let longest = receivers.iter().map(Receiver::longest).max().unwrap_or_default();
        let in_hand = InHand::default();
        let routes =
            receivers.iter().map(|receiver| Route::new(receiver, in_hand.permit(shared))).collect::<Result<_, _>>()?;
        let outbox = shared.outbox().map_err(|trouble| trouble.to_string())?;
        Ok(Uploader {
            shared,
            upload,
            runtime,
            routes,
            outbox,
            rng: IdRng::new(),
            untold: VecDeque::new(),
            refused: Refused::default(),
            suspects: Suspects::default(),
            agenda: Agenda::default(),
            erasures: 0,
            in_hand,
            steady: Cell::new(Steady::new(seconds(shared.clock.now().0), shared.now_seconds())),
            longest,
            readmitter: Readmitter::new(Arc::clone(&shared.engine)),
            clean_plans: CleanPlans::default(),
        })
    }

    fn serve(&mut self) {
        while let Some(task) = self.wait() {
            let left = self.pass(&task);
            let has_lost_rows = self.has_lost_rows();
            self.look_ahead(&task, left);
            let mut state = lock(&self.upload.state);
            state.done = state.done.max(task.asked);
            state.all_sent = left.is_none() && !has_lost_rows;
            drop(state);
            self.upload.changed.notify_all();
        }
    }

    /// Sends the rows that are there now: others may log faster than this sends. Says why some are left.
    pub(super) fn pass(&mut self, &Task { asked, waiting }: &Task) -> Option<Left> {
        self.suspects.begin(self.outbox.suspects(self.lease().routes.all).unwrap_or_default());
        let (mut left, mut whose, mut has_tried) = (waiting, Whose::Any, false);
        loop {
            match self.round(whose) {
                Ok(Round::Settled(rows)) => {
                    has_tried = true;
                    left = left.saturating_sub(rows);
                    if left == 0 {
                        left = self.untried(waiting);
                    }
                    if left == 0 {
                        whose = Whose::Suspects;
                    }
                    let is_done = left == 0 && !self.suspects.is_any_due(self.shared.now_seconds());
                    if is_done || self.is_to_end(asked) {
                        let all_sent = self.left_behind(waiting) == 0 && self.nothing_is_left_behind();
                        return (!all_sent).then(|| self.why_left(Left::Tried));
                    }
                }
                Ok(Round::Empty) => {
                    let is_any_left = || self.outbox.unsent().map_or(true, |unsent| unsent > 0);
                    let others_may_wait = whose == Whose::Suspects && self.routes.len() == 1;
                    let all_sent = self.left_behind(waiting) == 0 && (others_may_wait || !is_any_left());
                    // They had their turn, or somebody else holds them, perhaps a run that crashed: until its lease is over.
                    return (!all_sent).then(|| self.why_left(if has_tried { Left::Tried } else { Left::Held }));
                }
                Ok(Round::Later | Round::Over) => return Some(Left::Tried),
                Err(trouble) => {
                    self.shared.note(format!("stored records could not be read: {trouble}"));
                    return Some(Left::Stuck);
                }
            }
        }
    }

    /// Why rows are left, if it is not this.
    fn why_left(&self, otherwise: Left) -> Left {
        let rest = self.suspects.due_in(self.shared.now_seconds());
        match (rest, self.outbox.untried()) {
            (Some(rest), Ok(0)) if !rest.is_zero() => Left::Resting(rest),
            _ => otherwise,
        }
    }

    /// Says when there is something to do again.
    pub(super) fn look_ahead(&mut self, &Task { waiting, .. }: &Task, why: Option<Left>) {
        // Nothing is stored between the two.
        let _commit = lock(&self.shared.commit);
        let unsent = self.outbox.unsent().unwrap_or(u64::MAX);
        let mut state = lock(&self.upload.state);
        // What came while this ran may have been missed by its last look: it is looked for again.
        let came = state.waiting.saturating_sub(waiting);
        let left = if why.is_some() { waiting.min(unsent.saturating_sub(came)) } else { 0 };
        (state.waiting, state.since) = (left + came, (came > 0).then(Instant::now));
        match why {
            Some(why) => self.agenda.leave(left, why, self.upload.destination.tuning, Instant::now()),
            None => self.agenda.clear(),
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
            let (tuning, held_back) = (self.upload.destination.tuning, self.remaining(self.shared.clock.now().0));
            let due = self.agenda.due(&state, tuning, held_back, self.is_troubled()).filter(|_| self.upload.is_live());
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
        self.tell()?;
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
            let _ = self.tell();
            // What the lost place was not told stays there as it is.
            self.untold.clear();
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
        let (now, length, mut steady) = (self.shared.now_seconds(), self.longest + LEASE, self.steady.get());
        let judged_by = steady.at(seconds(self.shared.clock.now().0), now, length);
        self.steady.set(steady);
        Lease { owner: self.shared.run, now, steady: judged_by, length, routes }
    }
}

fn seconds(nanos: u64) -> i64 {
    i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX)
}
