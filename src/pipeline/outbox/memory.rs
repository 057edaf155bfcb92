//! Records that wait in memory, where there is no disk to be had.

#[cfg(feature = "upload")]
use std::collections::BTreeMap;
use std::collections::VecDeque;

use super::{Appended, OfOthers};
#[cfg(feature = "upload")]
use crate::record::claim::{Answers, Claimed, Part, Routes, Suspect, Verdict};
use crate::record::{Rows, Signal};

/// Bytes of rows that memory holds in place of a store.
const MEMORY_BYTES: usize = 2 * 1024 * 1024;

/// Rows in memory, bounded in bytes, the oldest dropped.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    batches: VecDeque<Batch>,
    bytes: usize,
    next: i64,
    #[cfg(feature = "upload")]
    suspects: Vec<Suspect>,
}

/// Rows of one kind that were appended together.
#[derive(Debug)]
struct Batch {
    id: i64,
    signal: Signal,
    state: State,
    #[cfg_attr(not(feature = "upload"), expect(dead_code, reason = "nothing is sent"))]
    load: Option<i64>,
    #[cfg_attr(not(feature = "upload"), expect(dead_code, reason = "nothing is sent"))]
    done: u8,
    #[cfg_attr(not(feature = "upload"), expect(dead_code, reason = "nothing is sent"))]
    has_arrived: bool,
    #[cfg_attr(not(feature = "upload"), expect(dead_code, reason = "nothing is sent"))]
    asked: u8,
    rows: VecDeque<(i64, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Claimed,
    Done,
}

impl Batch {
    fn new(id: i64, signal: Signal, state: State, rows: VecDeque<(i64, String)>) -> Self {
        Batch { id, signal, state, load: None, done: 0, has_arrived: false, asked: 0, rows }
    }
}

#[cfg(feature = "upload")]
impl Batch {
    /// Whether somebody who can be asked now lacks it, or nobody does and that could not be noted.
    fn is_offered(&self, routes: Routes) -> bool {
        let (done, open) = (self.done, routes.open(self.signal));
        self.state == State::Waiting && (open & !done != 0 || done & routes.all == routes.all)
    }

    fn claim(&mut self) -> Claimed {
        self.state = State::Claimed;
        let Batch { id: batch, signal, load, done, has_arrived, asked, .. } = *self;
        let rows = self.rows.iter().cloned().collect();
        let (own, barred, is_owed, is_asked_elsewhere) = (true, 0, false, false);
        Claimed { batch, own, signal, load, done, has_arrived, barred, is_owed, asked, is_asked_elsewhere, rows }
    }
}

impl Memory {
    /// Holds nothing yet; its first row gets this number.
    pub(super) fn starting_at(next: i64) -> Self {
        Memory { next, ..Memory::default() }
    }

    /// Rows of each kind make a batch.
    pub(super) fn append(&mut self, rows: &Rows) -> Appended {
        let first = self.next;
        let mut fresh: Vec<Batch> = Vec::new();
        for row in rows.iter() {
            let place = fresh.iter().position(|batch| batch.signal == row.signal()).unwrap_or_else(|| {
                let id = first + fresh.len() as i64;
                fresh.push(Batch::new(id, row.signal(), State::Waiting, VecDeque::new()));
                fresh.len() - 1
            });
            fresh[place].rows.push_back((self.next, row.as_str().to_owned()));
            self.bytes += row.as_str().len();
            self.next += 1;
        }
        let batches = fresh.iter().map(|batch| (batch.id, batch.signal)).collect();
        let rows_of = fresh.iter().map(|batch| batch.rows.len() as u64).collect();
        self.batches.extend(fresh);
        Appended {
            stored: rows.len() as u64,
            evicted: self.make_room(),
            expired: 0,
            of_others: OfOthers::default(),
            first,
            batches,
            rows_of,
        }
    }

    /// Drops the oldest rows; what is being sent is spared as long as anything else is there. Tells how many were lost.
    fn make_room(&mut self) -> u64 {
        let mut evicted = 0;
        while self.bytes > MEMORY_BYTES {
            let free = self.batches.iter().position(|batch| batch.state != State::Claimed && !batch.rows.is_empty());
            let Some(batch) = self.batches.get_mut(free.unwrap_or(0)) else { break };
            match batch.rows.pop_front() {
                Some((_, json)) => {
                    self.bytes -= json.len();
                    evicted += u64::from(batch.state != State::Done);
                }
                None => drop(self.batches.pop_front()),
            }
        }
        self.batches.retain(|batch| !batch.rows.is_empty());
        evicted
    }

    /// All rows, oldest first.
    pub(super) fn rows(&self) -> impl Iterator<Item = &(i64, String)> {
        let mut rows: Vec<_> = self.batches.iter().flat_map(|batch| &batch.rows).collect();
        rows.sort_unstable_by_key(|(seq, _)| *seq);
        rows.into_iter()
    }

    /// Drops all rows; their numbers are not given again.
    pub(super) fn clear(&mut self) {
        *self = Memory::starting_at(self.next);
    }

    pub(super) fn unsent(&self) -> u64 {
        self.batches.iter().filter(|batch| batch.state != State::Done).map(|batch| batch.rows.len() as u64).sum()
    }
}

#[cfg(feature = "upload")]
impl Memory {
    pub(super) fn claim(&mut self, records: u32, bytes: u64, routes: Routes, before: i64) -> Vec<Claimed> {
        let mut claimed: Vec<Claimed> = Vec::new();
        let (mut count, mut size) = (0, 0);
        let suspects = &self.suspects;
        let is_wanted = |batch: &&mut Batch| match batch.load {
            _ if !batch.is_offered(routes) => false,
            Some(load) => suspects.iter().all(|suspect| suspect.load != load),
            None => batch.id < before,
        };
        for batch in self.batches.iter_mut().filter(is_wanted) {
            // What was sent together goes together again.
            let belongs = batch.load.is_some() && claimed.iter().any(|known| known.load == batch.load);
            if !belongs {
                count += batch.rows.len();
                size += batch.rows.iter().map(|(_, json)| json.len() as u64).sum::<u64>();
                if (count > records as usize || size > bytes) && !claimed.is_empty() {
                    continue;
                }
            }
            claimed.push(batch.claim());
        }
        claimed
    }

    pub(super) fn claim_load(&mut self, load: i64, routes: Routes) -> Vec<Claimed> {
        let wanted = self.batches.iter_mut().filter(|batch| batch.load == Some(load) && batch.is_offered(routes));
        wanted.map(Batch::claim).collect()
    }

    pub(super) fn untried(&self) -> u64 {
        let is_suspect = |batch: &Batch| self.suspects.iter().any(|suspect| Some(suspect.load) == batch.load);
        let waiting = self.batches.iter().filter(|batch| batch.state != State::Done && !is_suspect(batch));
        waiting.map(|batch| batch.rows.len() as u64).sum()
    }

    pub(super) fn suspects(&self, all: u8) -> Vec<Suspect> {
        let mut lacking: BTreeMap<i64, u8> = BTreeMap::new();
        for batch in self.batches.iter().filter(|batch| batch.state != State::Done) {
            batch.load.into_iter().for_each(|load| *lacking.entry(load).or_default() |= all & !batch.done);
        }
        lacking.into_iter().flat_map(|(load, lacking)| Suspect::of_load(&self.suspects, load, lacking)).collect()
    }

    pub(super) fn suspect(&mut self, suspects: &[Suspect]) {
        let waiting: Vec<i64> = self.waiting().collect();
        let is_of = |one: &Suspect, other: &Suspect| (one.load, one.receiver) == (other.load, other.receiver);
        self.suspects.retain(|known| waiting.contains(&known.load) && !suspects.iter().any(|new| is_of(known, new)));
        // What stands for those that did not fail is seen anew each time.
        self.suspects.extend(suspects.iter().filter(|suspect| suspect.receiver.is_power_of_two()).cloned());
    }

    /// The numbers of loads that are not settled.
    fn waiting(&self) -> impl Iterator<Item = i64> {
        self.batches.iter().filter(|batch| batch.state != State::Done).filter_map(|batch| batch.load)
    }

    pub(super) fn note(&mut self, batches: &[i64], load: i64, answers: Answers) {
        let held = |batch: &&mut Batch| batch.state == State::Claimed && batches.contains(&batch.id);
        for batch in self.batches.iter_mut().filter(held) {
            batch.load = Some(load);
            batch.done |= answers.took | answers.refused | answers.unwanted;
            batch.has_arrived |= answers.took != 0;
            batch.asked = batch.asked & !answers.absent | answers.asked;
        }
    }

    pub(super) fn claim_known(&mut self, batches: &[(i64, u64)]) -> Vec<i64> {
        let wanted = |batch: &&mut Batch| {
            batch.state == State::Waiting
                && batch.load.is_none()
                && batches.contains(&(batch.id, batch.rows.len() as u64))
        };
        self.batches
            .iter_mut()
            .filter(wanted)
            .map(|batch| {
                batch.state = State::Claimed;
                batch.id
            })
            .collect()
    }

    pub(super) fn held(&self, batches: &[i64]) -> Vec<i64> {
        let held = self.batches.iter().filter(|batch| batch.state == State::Claimed && batches.contains(&batch.id));
        held.map(|batch| batch.id).collect()
    }

    pub(super) fn settle(&mut self, batches: &[i64], verdict: Verdict) -> u64 {
        let mut settled = 0;
        for batch in
            self.batches.iter_mut().filter(|batch| batch.state == State::Claimed && batches.contains(&batch.id))
        {
            batch.state = if verdict == Verdict::Released { State::Waiting } else { State::Done };
            settled += batch.rows.len() as u64;
        }
        settled
    }

    pub(super) fn part(&mut self, batch: i64, seqs: &[i64], part: Part) -> u64 {
        let held = self.batches.iter().position(|known| known.id == batch && known.state == State::Claimed);
        let Some(place) = held else { return 0 };
        let known = &mut self.batches[place];
        let (gone, rows): (VecDeque<_>, _) = known.rows.drain(..).partition(|(seq, _)| seqs.contains(seq));
        known.rows = rows;
        let (count, signal) = (gone.len() as u64, known.signal);
        if count == 0 {
            return 0;
        }
        let (state, load, done, has_arrived, asked) = match part {
            Part::Erased => {
                self.bytes -= gone.iter().map(|(_, json)| json.len()).sum::<usize>();
                return count;
            }
            Part::Rejected => (State::Done, None, 0, false, 0),
            Part::Released => (State::Waiting, None, 0, false, 0),
            Part::Divided(load) => (State::Waiting, Some(load), known.done, known.has_arrived, known.asked),
        };
        self.batches.push_back(Batch { load, done, has_arrived, asked, ..Batch::new(self.next, signal, state, gone) });
        self.next += 1;
        count
    }
}
