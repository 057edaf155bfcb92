//! The thread that talks to the server: it sends inserts in order, and keeps those that the server does not take now.
//!
//! It has a runtime of its own, so that an exporter works in a process without tokio and on any thread of one that has it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::client::Client;
use super::encoder::{Encoder, Layout};
use super::errors::{Fate, Verdict};
use super::insert::Insert;
use super::probe::{self, Described};
use super::settings::CreateSchema;
use super::status::ClickHouseStatus;
use super::table::Table;
use crate::app::Clock;
use crate::export::breaker::Admission;
use crate::export::delivery::{Delivery, Step};
use crate::export::outcome::Outcome;

/// What the handles and the thread share.
pub(super) struct Shared {
    pub(super) client: Client,
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
    delivery: Delivery,
    backlog: VecDeque<Insert>,
    preparation: Preparation,
    described: BTreeMap<Table, Described>,
    /// Tables that are not there, and when they are asked for again.
    resting: BTreeMap<Table, u64>,
}

/// Whether the tables were made, if it is us who make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preparation {
    Due,
    Done,
}

/// What became of an insert.
enum Settled {
    /// It is done with.
    Yes,
    /// It waits.
    No(Insert),
    /// Its halves take its place.
    Halved([Insert; 2]),
}

/// How long a table that is not there is left alone.
const REST: Duration = Duration::from_secs(60);

/// Rounds of tries that a server may answer with an error before an insert is given up: something is wrong with it then.
const ROUNDS: u32 = 10;

/// An insert for which there is no memory is halved down to this many rows.
const WORTH_HALVING: u64 = 2_000;

impl Shared {
    pub(super) fn status(&self) -> MutexGuard<'_, ClickHouseStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            delivery: Delivery::default(),
            backlog: VecDeque::new(),
            preparation: Preparation::Due,
            described: BTreeMap::new(),
            resting: BTreeMap::new(),
        }
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
                Settled::Halved([one, other]) => {
                    self.backlog.insert(at, other);
                    self.backlog.insert(at, one);
                }
                // If it is at fault itself, the others must not wait for it.
                Settled::No(insert) if insert.rounds > 0 => {
                    self.backlog.push_back(insert);
                    break;
                }
                Settled::No(insert) => {
                    self.backlog.insert(at, insert);
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
            let verdict = match self.ready(&mut insert).await {
                Ok(Ready::Yes) => self.shared.client.insert(&insert).await,
                Ok(Ready::Expired) => {
                    // The server was asked about the table, and answered.
                    self.delivery.step(&Outcome::Delivered { rejected: 0, message: None }, &mut failed, self.now());
                    self.expire(&insert);
                    return Settled::Yes;
                }
                Err(verdict) => verdict,
            };
            let mut answered = true;
            let mut no_memory = false;
            let outcome = match verdict {
                Verdict::Delivered { summary } => {
                    let mut status = self.shared.status();
                    status.sent += insert.rows;
                    status.answer = summary.or(status.answer.take());
                    Outcome::Delivered { rejected: 0, message: None }
                }
                Verdict::Columns { why: said } => {
                    self.described.remove(&insert.table);
                    if !insert.is_redescribed {
                        insert.is_redescribed = true;
                        self.failed(said.into_owned());
                        continue;
                    }
                    Outcome::Rejected { status: 400, why: said }
                }
                Verdict::NoTable { why: said } => {
                    // The server is there, and other tables may be.
                    self.delivery.step(&Outcome::Delivered { rejected: 0, message: None }, &mut failed, self.now());
                    self.described.remove(&insert.table);
                    self.preparation = Preparation::Due;
                    let rest = u64::try_from(REST.as_nanos()).unwrap_or(u64::MAX);
                    self.resting.insert(insert.table, self.now().saturating_add(rest));
                    *why = Some(self.failed(said.into_owned()));
                    return Settled::No(insert);
                }
                Verdict::TooLarge { why: said } => match insert.halves() {
                    Some(halves) => {
                        let said = Outcome::Rejected { status: 413, why: said };
                        self.delivery.step(&said, &mut failed, self.now());
                        self.shared.status().failed += 1;
                        return Settled::Halved(halves);
                    }
                    None => Outcome::Rejected { status: 413, why: said },
                },
                Verdict::Retry { after, fate, why } => {
                    answered = fate != Fate::NoAnswer;
                    no_memory = fate == Fate::NoMemory;
                    insert.is_certainly_absent &= no_memory;
                    Outcome::Retry { after, why }
                }
                Verdict::Overloaded { after, why } => {
                    insert.is_certainly_absent = false;
                    Outcome::Overloaded { after, why }
                }
                Verdict::Paused { status, why } => {
                    self.preparation = Preparation::Due;
                    self.described.clear();
                    Outcome::Paused { status, why }
                }
                Verdict::Refused { status, why } => Outcome::Rejected { status, why },
            };
            let step = self.delivery.step(&outcome, &mut failed, self.now());
            match &outcome {
                Outcome::Delivered { .. } => {}
                Outcome::Rejected { why: said, .. } => {
                    *why = Some(self.failed(format!("rows were refused for good: {said}")));
                    self.shared.status().refused += insert.rows;
                }
                Outcome::Retry { why: said, .. }
                | Outcome::Overloaded { why: said, .. }
                | Outcome::Paused { why: said, .. } => *why = Some(self.failed(said.clone().into_owned())),
            }
            match step {
                Step::Settled => return Settled::Yes,
                Step::Again(pause) => {
                    tokio::time::sleep(pause).await;
                    if let Admission::Wait(_) = self.delivery.admit(self.now()) {
                        return Settled::No(insert);
                    }
                }
                Step::Later => {
                    if no_memory
                        && insert.rows >= WORTH_HALVING
                        && let Some(halves) = insert.halves()
                    {
                        return Settled::Halved(halves);
                    }
                    if answered && matches!(outcome, Outcome::Retry { .. }) {
                        insert.rounds += 1;
                    }
                    if insert.rounds == ROUNDS {
                        *why = Some(
                            self.failed("rows were given up: the server failed at them again and again".to_owned()),
                        );
                        self.shared.status().refused += insert.rows;
                        return Settled::Yes;
                    }
                    return Settled::No(insert);
                }
            }
        }
    }

    /// Makes sure that the table can take the insert as it is.
    async fn ready(&mut self, insert: &mut Insert) -> Result<Ready, Verdict> {
        let shared = Arc::clone(&self.shared);
        let client = &shared.client;
        if self.preparation == Preparation::Due {
            probe::prepare(client).await?;
            self.preparation = Preparation::Done;
        }
        let table = insert.table;
        let described = match self.described.entry(table) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(unknown) => {
                let described = probe::describe(client, table).await?;
                if client.target().create_schema() == CreateSchema::Verify
                    && let Some(difference) = described.difference(&client.target().columns(table))
                {
                    let table = client.target().table(table);
                    let why = format!(
                        "the table {table} is not as .create_schema(CreateSchema::Verify) asks for ({difference}): alter \
                         it, or write what it has with .create_schema(CreateSchema::Off)"
                    );
                    return Err(Verdict::NoTable { why: why.into() });
                }
                shared.heed(table, &described);
                unknown.insert(described)
            }
        };
        if described.has_expired(insert.day, self.shared.clock.wall().date().days()) {
            return Ok(Ready::Expired);
        }
        let sent: Vec<_> = client.target().columns(table).into_iter().map(|(_, sent, _)| sent).collect();
        let missing = described.missing(&sent);
        if !missing.is_empty() {
            insert.leave_out(&missing);
        }
        Ok(Ready::Yes)
    }

    fn expire(&self, insert: &Insert) {
        let mut status = self.shared.status();
        status.expired += insert.rows;
        status.note(format!(
            "rows are older than the table {} keeps any (its TTL): they were not sent",
            self.shared.client.target().table(insert.table)
        ));
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

/// Whether a table can take an insert.
enum Ready {
    Yes,
    /// It would drop all of it.
    Expired,
}

impl Shared {
    /// From now on, what the table does not have is not encoded.
    fn heed(&self, table: Table, described: &Described) {
        let target = self.client.target();
        let columns = target.columns(table);
        let sent: Vec<_> = columns.iter().map(|(_, sent, _)| sent.clone()).collect();
        let missing = described.missing(&sent);
        let mut layout: Layout = target.layout(table);
        for (own, ..) in columns.iter().filter(|(_, sent, _)| missing.contains(sent)) {
            layout = layout.without(own);
        }
        self.encoder.write().unwrap_or_else(PoisonError::into_inner).set_layout(table, layout);
        if !missing.is_empty() {
            self.status().note(format!(
                "the table {} has no column {}: what belongs there is left out (ALTER TABLE .. ADD COLUMN adds it)",
                target.table(table),
                missing.join(", ")
            ));
        }
    }
}
