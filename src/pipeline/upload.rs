//! The uploader as the other threads see it: what waits, what was asked for, and how to stop it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::lots::{Lot, Lots};
use super::queue::lock;
use super::uploader::Uploader;
use super::{Shared, Unfinished, worker};
use crate::export::{Breaker, End, Receiver};

/// Where rows are sent, and when.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    /// At least one, and at most one of each kind.
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) schedule: Schedule,
    pub(crate) tuning: Tuning,
}

/// How many records go out at once, and how long they wait for more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    pub(super) records: u32,
    pub(super) interval: Duration,
}

impl Default for Tuning {
    /// 100 records or 5 seconds.
    fn default() -> Self {
        Tuning { records: 100, interval: Duration::from_secs(5) }
    }
}

impl Tuning {
    /// What suits so many records a second, by the table of the automagik architecture document: each at once below 100,
    /// 100 in 5 seconds below 1,000, 500 in 2 seconds up to 5,000, and 1,000 in one second beyond. From 1,000 on the document
    /// advises ClickHouse, and compression, which is always on here for more than a kilobyte.
    pub fn for_rate(records_per_second: u32) -> Self {
        let (records, seconds) = match records_per_second {
            0..100 => (1, 5),
            100..1000 => (100, 5),
            1000..=5000 => (500, 2),
            _ => (1000, 1),
        };
        Tuning { records, interval: Duration::from_secs(seconds) }
    }

    /// Records that are sent at once. At least one.
    pub fn records(self) -> u32 {
        self.records
    }

    /// The longest that a record waits for more of them.
    pub fn interval(self) -> Duration {
        self.interval
    }
}

/// When stored records are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Schedule {
    /// While the process lives: when there are enough records, or the first of them has waited long enough, by [`Tuning`]. The default.
    #[default]
    Live,
    /// Only by [`Telemetry::flush`](crate::Telemetry::flush) and [`Telemetry::shutdown`](crate::Telemetry::shutdown).
    Manual,
}

/// The uploader as the other threads see it.
pub(super) struct Upload {
    pub(super) destination: Destination,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
    /// Held while a request is out, so that a withdrawal can wait until it is cut.
    pub(super) sending: Mutex<()>,
    pub(super) cancel: Notify,
    /// The breaker of each destination, after the last try.
    pub(super) breakers: Mutex<Vec<Breaker>>,
    /// What a destination said last.
    pub(super) answer: Mutex<Option<String>>,
    /// How often the records were erased.
    pub(super) erasures: Arc<AtomicU64>,
    pub(super) lots: Mutex<Lots>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    started: bool,
    /// How often in a row it could not begin, and before when it is not begun anew unless somebody asks for it.
    failures: u32,
    again: Option<Instant>,
    pub(super) stop: bool,
    ended: bool,
    /// Rows that wait, as far as is known.
    pub(super) waiting: u64,
    /// When the first of them came that no pass has seen.
    pub(super) since: Option<Instant>,
    /// Flushes asked for, and the last one that is done; whether everything was sent then.
    pub(super) asked: u64,
    pub(super) done: u64,
    pub(super) all_sent: bool,
    /// When the application wants the thread to be gone.
    until: Option<Instant>,
}

/// What an exporter of the application's own has for its end, where nobody said.
const LAST: Duration = Duration::from_secs(5);
/// And at least, however little is left of a deadline.
const LEAST: Duration = Duration::from_millis(50);

impl State {
    /// The thread could not begin. That is tried again with later records, more and more rarely, or with the next flush.
    fn could_not_begin(&mut self) {
        self.failures = self.failures.saturating_add(1);
        (self.started, self.again) = (false, Some(Instant::now() + worker::again(self.failures)));
        (self.done, self.all_sent) = (self.asked, false);
    }

    /// The thread has all that it needs.
    pub(super) fn has_begun(&mut self) {
        (self.failures, self.again) = (0, None);
    }

    #[cfg(test)]
    pub(super) fn is_started(&self) -> bool {
        self.started
    }
}

impl Upload {
    pub(super) fn new(destination: Destination) -> Self {
        Upload {
            breakers: Mutex::new(vec![Breaker::default(); destination.receivers.len()]),
            destination,
            state: Mutex::default(),
            changed: Condvar::new(),
            sending: Mutex::new(()),
            cancel: Notify::new(),
            answer: Mutex::default(),
            erasures: Arc::default(),
            lots: Mutex::default(),
        }
    }

    /// Whether what is stored is sent soon.
    pub(super) fn is_live(&self) -> bool {
        self.destination.schedule == Schedule::Live
    }

    /// Takes stored records that need not be read back; gives them back where there is no room for them.
    pub(super) fn hand_over(&self, lot: Lot) -> Result<(), Lot> {
        // Held so that an end of the thread comes before or after.
        let state = lock(&self.state);
        if state.stop || state.ended { Err(lot) } else { lock(&self.lots).put(lot) }
    }

    /// Lets go of all lots: their rows, if they are still there, are read from the store.
    pub(super) fn forget_lots(&self) {
        *lock(&self.lots) = Lots::default();
    }

    /// The records were erased: what the thread holds of them is not to be sent.
    pub(super) fn erased(&self) {
        self.erasures.fetch_add(1, Ordering::SeqCst);
        self.forget_lots();
    }

    pub(super) fn erasures(&self) -> u64 {
        self.erasures.load(Ordering::SeqCst)
    }

    pub(super) fn receivers(&self) -> &[Receiver] {
        &self.destination.receivers
    }

    /// There are more rows to send.
    pub(super) fn more(&self, shared: &Arc<Shared>, records: u64) {
        if records == 0 {
            return;
        }
        let mut state = lock(&self.state);
        state.waiting += records;
        state.since.get_or_insert_with(Instant::now);
        if self.is_live() {
            if state.again.is_none_or(|again| Instant::now() >= again) {
                self.start(shared, &mut state);
            }
            self.changed.notify_all();
        }
    }

    /// Starts the thread if there is none yet.
    fn start(&self, shared: &Arc<Shared>, state: &mut State) {
        if state.started {
            return;
        }
        if state.stop {
            // Nobody is there to do what is asked for, and nobody will be.
            state.ended = true;
            self.forget_lots();
            return;
        }
        state.started = true;
        if let Err(error) = self.spawn(shared, |shared| Uploader::run(shared)) {
            shared.note(format!("nothing is sent: the operating system gives no thread ({error})"));
            state.could_not_begin();
            self.forget_lots();
        }
    }

    /// Starts the thread for `work`.
    fn spawn(&self, shared: &Arc<Shared>, work: fn(&Shared) -> Result<(), String>) -> std::io::Result<()> {
        let shared = Arc::clone(shared);
        let name = format!("telem-up-{}", shared.name);
        std::thread::Builder::new().name(name).spawn({
            move || {
                let done = catch_unwind(AssertUnwindSafe(|| work(&shared)));
                let Some(upload) = &shared.upload else { return };
                let mut state = lock(&upload.state);
                upload.forget_lots();
                match done {
                    Ok(Ok(())) => state.ended = true,
                    Ok(Err(why)) => {
                        shared.note(format!("nothing is sent: {why}"));
                        state.could_not_begin();
                    }
                    Err(_) => {
                        shared.note("nothing is sent: a panic of our own".to_owned());
                        state.ended = true;
                    }
                }
                drop(state);
                upload.changed.notify_all();
            }
        })?;
        Ok(())
    }

    /// Sends what is stored.
    pub(super) fn flush(&self, shared: &Arc<Shared>, until: Instant) -> Result<(), Unfinished> {
        let mut state = lock(&self.state);
        if state.waiting == 0 && state.asked == state.done {
            return Ok(());
        }
        state.asked += 1;
        let asked = state.asked;
        self.start(shared, &mut state);
        self.changed.notify_all();
        while state.done < asked && !state.ended {
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return Err(Unfinished::Upload);
            };
            state = match self.changed.wait_timeout(state, rest) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        match state.done >= asked && state.all_sent {
            true => Ok(()),
            false => Err(Unfinished::Upload),
        }
    }

    /// The thread ends after what it is doing.
    pub(super) fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }

    /// The thread ends after what it is doing, and what the application brought along is shut down on it, as far as `until`
    /// allows.
    pub(super) fn end(&self, shared: &Arc<Shared>, until: Instant) {
        let mut state = lock(&self.state);
        state.stop = true;
        state.until = Some(until);
        self.changed.notify_all();
        if self.receivers().iter().all(|receiver| receiver.sdk().is_none()) {
            return;
        }
        if !state.started && !state.ended {
            // It has nothing to do but that, which may block as well.
            state.started = true;
            let ends = self.spawn(shared, |shared| {
                super::mute::this_thread();
                if let Some(upload) = &shared.upload {
                    upload.end_receivers(shared);
                }
                Ok(())
            });
            if let Err(error) = ends {
                shared.note(format!("what was sent to is not ended: the operating system gives no thread ({error})"));
                state.ended = true;
            }
        }
        while !state.ended {
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return;
            };
            state = match self.changed.wait_timeout(state, rest) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Ends what the application brought along, on the thread that used it.
    pub(super) fn end_receivers(&self, shared: &Shared) {
        let until = lock(&self.state).until;
        for receiver in self.receivers() {
            let rest = until.map_or(LAST, |until| until.saturating_duration_since(Instant::now()).max(LEAST));
            receiver.end(if shared.is_withdrawn() { End::Withdrawn } else { End::ShutDown(rest) });
        }
    }

    /// Cuts a request that is out and returns when none is.
    pub(super) fn cancel(&self) {
        self.stop();
        self.cancel.notify_one();
        drop(lock(&self.sending));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rate_has_its_line_in_the_table() {
        for (rate, records, seconds) in
            [(0, 1, 5), (99, 1, 5), (100, 100, 5), (999, 100, 5), (1000, 500, 2), (5000, 500, 2), (5001, 1000, 1)]
        {
            let tuning = Tuning::for_rate(rate);
            assert_eq!((tuning.records(), tuning.interval()), (records, Duration::from_secs(seconds)), "{rate}");
        }
        assert_eq!(Tuning::default(), Tuning::for_rate(100));
    }
}
