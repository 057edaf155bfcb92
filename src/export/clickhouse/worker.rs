//! The thread that talks to the server: it sends inserts in order, and keeps those that the server does not take now.
//!
//! It has a runtime of its own, so that an exporter works in a process without tokio and on any thread of one that has it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::backlog::Backlog;
use super::encoder::Encoder;
use super::errors::Fate;
use super::insert::Insert;
use super::sender::{Attempt, Sender};
use super::status::ClickHouseStatus;
use super::table::Table;
use crate::app::Clock;
use crate::export::breaker::Admission;
use crate::export::delivery::{Delivery, ROUNDS, Step};
use crate::export::outcome::Outcome;

/// What the handles and the thread share.
pub(super) struct Shared {
    pub(super) encoder: RwLock<Encoder>,
    pub(super) status: Mutex<ClickHouseStatus>,
    pub(super) clock: Clock,
    pub(super) backlog: Mutex<Backlog>,
}

/// What the thread is asked for: a turn for everything that waits.
pub(super) struct Job {
    /// Rows that were lost before.
    pub(super) lost: u64,
    /// Called when everything that waits has had its turn.
    pub(super) done: Box<dyn FnOnce(Turn) + Send>,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Rows that were lost since it was asked for.
    pub(super) lost: u64,
    /// Rows that had their turn and wait on.
    pub(super) waiting: u64,
    pub(super) why: Option<String>,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    sender: Sender,
    delivery: Delivery,
    /// Inserts that the server took, by table.
    taken: BTreeMap<Table, u64>,
    /// Tables that are not there, and when they are asked for again.
    resting: BTreeMap<Table, u64>,
}

/// What became of an insert.
enum Settled {
    /// It is done with.
    Yes,
    /// It waits.
    No(Box<Insert>),
    /// Its halves take its place.
    Halved(Box<[Insert; 2]>),
}

/// How long a table that is not there is left alone.
const REST: Duration = Duration::from_secs(60);

impl Shared {
    pub(super) fn status(&self) -> MutexGuard<'_, ClickHouseStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Taken before the status, where both are.
    pub(super) fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes inserts in, for the thread to send. What there is no room for is dropped and counted here, however long the thread
    /// is busy.
    pub(super) fn keep(&self, inserts: Vec<Insert>) {
        let mut backlog = self.backlog();
        let dropped = backlog.push(inserts);
        let mut status = self.status();
        if dropped > 0 {
            status.overflowed += dropped;
            status.note("more rows wait than .backlog(bytes) allows: the oldest were dropped".to_owned());
        }
        status.waiting = backlog.rows();
    }

    /// Drops all that waits; returns how many rows that were.
    pub(super) fn forget(&self) -> u64 {
        let rows = self.backlog().clear();
        self.status().waiting = 0;
        rows
    }
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, sender: Sender) -> Self {
        Self { shared, sender, delivery: Delivery::default(), taken: BTreeMap::new(), resting: BTreeMap::new() }
    }

    /// Serves until nobody can ask for anything any more.
    pub(super) async fn serve(mut self, mut jobs: UnboundedReceiver<Job>) {
        loop {
            let job = match self.until_next() {
                None => jobs.recv().await,
                Some(pause) => match tokio::time::timeout(pause, jobs.recv()).await {
                    Ok(job) => job,
                    Err(_) => {
                        self.turn().await;
                        continue;
                    }
                },
            };
            let Some(Job { lost, done }) = job else { break };
            let (waiting, why) = self.turn().await;
            let lost = self.shared.status().lost() - lost;
            done(Turn { lost, waiting, why });
        }
        self.turn().await;
        let waiting = self.shared.forget();
        self.shared.status().overflowed += waiting;
    }

    /// How long to wait for a job before what waits has another turn.
    fn until_next(&self) -> Option<Duration> {
        // A pause that rests on a clock which stands still must not become a busy loop.
        const SHORTEST: Duration = Duration::from_millis(100);
        let first = self.shared.backlog().tables().map(|table| self.resting.get(&table).copied().unwrap_or(0)).min();
        let first = first?;
        let now = self.now();
        let rest = self.delivery.remaining(now).unwrap_or_else(|| {
            match first {
                // Its tries of this round are used up.
                0 => Duration::from_secs(5),
                until => Duration::from_nanos(until.saturating_sub(now)),
            }
        });
        Some(rest.max(SHORTEST))
    }

    /// Lets each insert that is there now have its turn, as far as the breaker lets them. Returns how many rows of these wait on, and
    /// what stood in the way.
    async fn turn(&mut self) -> (u64, Option<String>) {
        let (mut behind, mut why) = (0, None);
        let (mut from, end) = (0, self.shared.backlog().next());
        while let Some((place, insert)) = self.next(from..end) {
            let settled = self.deliver(insert, &mut why).await;
            let mut backlog = self.shared.backlog();
            backlog.settled();
            from = place;
            match settled {
                Settled::Yes => {}
                Settled::Halved(halves) => backlog.put_back(place, *halves),
                // If it is at fault itself, the others must not wait for it, nor for each probe to be spent on it.
                Settled::No(insert) if insert.is_suspect() => {
                    behind += insert.rows;
                    backlog.push_one(*insert);
                }
                Settled::No(insert) => {
                    backlog.put_back(place, [*insert]);
                    from += 1;
                }
            }
            drop(backlog);
            self.tell();
        }
        self.tell();
        (self.shared.backlog().rows_before(end) + behind, why)
    }

    /// The next insert of these places whose table does not rest, if the breaker lets it through.
    fn next(&mut self, places: std::ops::Range<u64>) -> Option<(u64, Insert)> {
        let now = self.now();
        let mut backlog = self.shared.backlog();
        let is_due = |insert: &Insert| self.resting.get(&insert.table).is_none_or(|until| now >= *until);
        if !backlog.has(places.clone(), is_due) {
            return None;
        }
        match self.delivery.admit(now) {
            Admission::Wait(_) => None,
            Admission::Send | Admission::Probe => backlog.take(places, is_due),
        }
    }

    fn tell(&self) {
        let waiting = self.shared.backlog().rows();
        let mut status = self.shared.status();
        status.waiting = waiting;
        status.breaker = self.delivery.state(self.now());
    }

    /// Sends an insert until it is settled or this round's tries are used up. The breaker has let it through.
    async fn deliver(&mut self, mut insert: Insert, why: &mut Option<String>) -> Settled {
        let mut failed = 0;
        loop {
            let attempt = self.sender.attempt(&mut insert, &self.shared.clock).await;
            self.heed();
            // These were answered: the server is there.
            let fine = Outcome::Delivered { rejected: 0, message: None };
            let outcome = match attempt {
                Attempt::Outcome(outcome) => outcome,
                Attempt::Expired => {
                    self.delivery.step(&fine, &mut failed, self.now());
                    self.shared.status().expired += insert.rows;
                    return Settled::Yes;
                }
                Attempt::NoTable(said) => {
                    self.delivery.step(&fine, &mut failed, self.now());
                    let rest = u64::try_from(REST.as_nanos()).unwrap_or(u64::MAX);
                    self.resting.insert(insert.table, self.now().saturating_add(rest));
                    *why = Some(self.failed(said.into_owned()));
                    return Settled::No(Box::new(insert));
                }
                Attempt::TooLarge(said) => match insert.halves() {
                    Some(halves) => {
                        self.delivery.step(&fine, &mut failed, self.now());
                        self.failed(format!("an insert was halved: {said}"));
                        return Settled::Halved(Box::new(halves));
                    }
                    None => Outcome::Rejected { status: 413, why: said },
                },
            };
            let step = self.delivery.step(&outcome, &mut failed, self.now());
            match &outcome {
                Outcome::Delivered { message, .. } => {
                    *self.taken.entry(insert.table).or_default() += 1;
                    let mut status = self.shared.status();
                    status.sent += insert.rows;
                    status.answer = message.clone().or(status.answer.take());
                }
                Outcome::Rejected { why: said, .. } | Outcome::TooLarge { why: said, .. } => {
                    *why = Some(self.failed(format!("rows were refused for good: {said}")));
                    self.shared.status().refused += insert.rows;
                }
                Outcome::Retry { why: said, .. }
                | Outcome::Overloaded { why: said, .. }
                | Outcome::Paused { why: said, .. }
                | Outcome::NoTable { why: said } => *why = Some(self.failed(said.clone().into_owned())),
            }
            match step {
                Step::Settled => return Settled::Yes,
                Step::Again(pause) => {
                    tokio::time::sleep(pause).await;
                    if let Admission::Wait(_) = self.delivery.admit(self.now()) {
                        return self.round_ended(insert, &outcome, why);
                    }
                }
                Step::Later => return self.round_ended(insert, &outcome, why),
            }
        }
    }

    /// What becomes of an insert whose tries of this round are used up. What the server answers with an error again and again, and
    /// takes others meanwhile, is wrong itself; of what it asked to rest for, that is not known.
    fn round_ended(&self, mut insert: Insert, last: &Outcome, why: &mut Option<String>) -> Settled {
        if let Some(halves) = insert.halves_for_memory() {
            return Settled::Halved(Box::new(halves));
        }
        let asked_for_rest = matches!(last, Outcome::Retry { after: Some(_), .. });
        if !asked_for_rest && matches!(insert.fate, Some(Fate::NoMemory | Fate::Unknown)) {
            insert.failed(self.taken.get(&insert.table).copied().unwrap_or(0));
        }
        if insert.rounds < ROUNDS {
            return Settled::No(Box::new(insert));
        }
        let said = format!(
            "rows were given up: the server failed at them in {ROUNDS} rounds of tries, and took others of the table after each"
        );
        *why = Some(self.failed(said));
        self.shared.status().refused += insert.rows;
        Settled::Yes
    }

    /// Passes on what the sender has learned.
    fn heed(&mut self) {
        for (table, layout) in self.sender.take_layouts() {
            self.shared.encoder.write().unwrap_or_else(PoisonError::into_inner).set_layout(table, layout);
        }
        let mut status = self.shared.status();
        status.failed += self.sender.take_failed();
        for note in self.sender.take_notes() {
            status.note(note);
        }
    }

    /// Counts a failed try, and returns what is said about it.
    fn failed(&self, why: String) -> String {
        let mut status = self.shared.status();
        status.failed += 1;
        status.note(why.clone());
        why
    }

    fn now(&self) -> u64 {
        self.shared.clock.now().0
    }
}
