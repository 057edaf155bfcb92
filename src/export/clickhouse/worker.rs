//! The thread that talks to the server: it sends inserts in order, and keeps those that the server does not take now.
//!
//! It has a runtime of its own, so that an exporter works in a process without tokio and on any thread of one that has it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

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
    /// Bytes of inserts that may wait.
    pub(super) backlog: usize,
}

/// What the thread is asked for.
pub(super) struct Job {
    pub(super) inserts: Vec<Insert>,
    /// Called when everything that waits has had its turn.
    pub(super) done: Box<dyn FnOnce(Turn) + Send>,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Rows that were lost in it.
    pub(super) lost: u64,
    /// Rows that wait.
    pub(super) waiting: u64,
    pub(super) why: Option<String>,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    sender: Sender,
    delivery: Delivery,
    backlog: VecDeque<Insert>,
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
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, sender: Sender) -> Self {
        Self { shared, sender, delivery: Delivery::default(), backlog: VecDeque::new(), resting: BTreeMap::new() }
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
            let Some(Job { inserts, done }) = job else { break };
            let lost = self.shared.status().lost();
            self.keep(inserts);
            let why = self.turn().await;
            let status = self.shared.status();
            let turn = Turn { lost: status.lost() - lost, waiting: status.waiting, why };
            drop(status);
            done(turn);
        }
        self.turn().await;
        let waiting: u64 = self.backlog.iter().map(|insert| insert.rows).sum();
        let mut status = self.shared.status();
        status.overflowed += waiting;
        status.waiting = 0;
    }

    /// How long to wait for a job before what waits has another turn.
    fn until_next(&self) -> Option<Duration> {
        // A pause that rests on a clock which stands still must not become a busy loop.
        const SHORTEST: Duration = Duration::from_millis(100);
        if self.backlog.is_empty() {
            return None;
        }
        let now = self.now();
        let rest = self.delivery.remaining(now).unwrap_or_else(|| {
            let first = self.backlog.iter().map(|insert| self.resting.get(&insert.table).copied().unwrap_or(0)).min();
            match first.unwrap_or(0) {
                // Its tries of this round are used up.
                0 => Duration::from_secs(5),
                until => Duration::from_nanos(until.saturating_sub(now)),
            }
        });
        Some(rest.max(SHORTEST))
    }

    /// Takes inserts in; the oldest that wait make room.
    fn keep(&mut self, inserts: Vec<Insert>) {
        self.backlog.extend(inserts);
        let mut bytes: usize = self.backlog.iter().map(Insert::bytes).sum();
        let mut status = self.shared.status();
        // One insert is always tried.
        while bytes > self.shared.backlog && self.backlog.len() > 1 {
            let Some(oldest) = self.backlog.pop_front() else { break };
            bytes -= oldest.bytes();
            status.overflowed += oldest.rows;
            status.note("more rows wait than .backlog(bytes) allows: the oldest were dropped".to_owned());
        }
        status.waiting = self.backlog.iter().map(|insert| insert.rows).sum();
    }

    /// Lets each insert have its turn, as far as the breaker lets them; says what stood in the way.
    async fn turn(&mut self) -> Option<String> {
        let mut why = None;
        let mut at = 0;
        while let Some(insert) = self.backlog.get(at) {
            let now = self.now();
            if self.resting.get(&insert.table).is_some_and(|until| now < *until) {
                at += 1;
                continue;
            }
            if let Admission::Wait(_) = self.delivery.admit(now) {
                break;
            }
            let Some(insert) = self.backlog.remove(at) else { break };
            match self.deliver(insert, &mut why).await {
                Settled::Yes => {}
                Settled::Halved(halves) => {
                    let [one, other] = *halves;
                    self.backlog.insert(at, other);
                    self.backlog.insert(at, one);
                }
                // If it is at fault itself, the others must not wait for it.
                Settled::No(insert) if insert.rounds > 0 => {
                    self.backlog.push_back(*insert);
                    break;
                }
                Settled::No(insert) => {
                    self.backlog.insert(at, *insert);
                    at += 1;
                }
            }
            self.tell();
        }
        self.tell();
        why
    }

    fn tell(&self) {
        let mut status = self.shared.status();
        status.waiting = self.backlog.iter().map(|insert| insert.rows).sum();
        status.breaker = self.delivery.state(self.now());
    }

    /// Sends an insert until it is settled or this round's tries are used up. The breaker has let it through.
    async fn deliver(&mut self, mut insert: Insert, why: &mut Option<String>) -> Settled {
        let mut failed = 0;
        loop {
            let today = self.shared.clock.wall().date().days();
            let attempt = self.sender.attempt(&mut insert, today).await;
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
                Attempt::Halved(halves, said) => {
                    self.delivery.step(&fine, &mut failed, self.now());
                    self.failed(format!("an insert was halved: {said}"));
                    return Settled::Halved(halves);
                }
            };
            let step = self.delivery.step(&outcome, &mut failed, self.now());
            match &outcome {
                Outcome::Delivered { message, .. } => {
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
                        return Settled::No(Box::new(insert));
                    }
                }
                Step::Later => {
                    if let Some(halves) = insert.halves_for_memory() {
                        return Settled::Halved(Box::new(halves));
                    }
                    // What it answers with an error again and again is wrong itself.
                    if insert.fate.is_some_and(|fate| fate != Fate::NoAnswer) {
                        insert.rounds += 1;
                    }
                    if insert.rounds == ROUNDS {
                        let said = "rows were given up: the server failed at them again and again".to_owned();
                        *why = Some(self.failed(said));
                        self.shared.status().refused += insert.rows;
                        return Settled::Yes;
                    }
                    return Settled::No(Box::new(insert));
                }
            }
        }
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
