//! Where records wait: on disk, or in memory where there is no disk to be had.

use std::collections::VecDeque;
#[cfg(feature = "store")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
#[cfg(feature = "upload")]
use std::time::Duration;

use super::queue::lock;
use crate::app::random::start_of_numbers;
use crate::record::{Rows, Signal};
#[cfg(feature = "store")]
use crate::store::{self, Cleared, Fate, Limits, Store, StoreError};

/// Bytes of rows that memory holds in place of a store.
const MEMORY_BYTES: usize = 2 * 1024 * 1024;

/// The place itself, from which each thread opens its own [`Outbox`].
#[derive(Clone, Debug)]
pub(crate) enum Place {
    #[cfg(feature = "store")]
    Disk {
        directory: PathBuf,
        limits: Limits,
        fate: Fate,
    },
    Memory(Arc<Mutex<Memory>>),
}

/// One thread's access.
#[derive(Debug)]
pub(crate) enum Outbox {
    #[cfg(feature = "store")]
    Disk {
        store: Box<Store>,
        run: u64,
        fate: Fate,
    },
    Memory(Arc<Mutex<Memory>>),
}

/// What an append did to the records of this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) stored: u64,
    /// Unsent records that had to make room.
    pub(crate) evicted: u64,
    /// Unsent records that were too old.
    pub(crate) expired: u64,
    /// The number of the first row that was stored; the others follow it.
    pub(crate) first: i64,
    /// The batches that hold them, which are claimed and settled as wholes, each with its kind of records.
    pub(crate) batches: Vec<(i64, Signal)>,
    /// How many rows each of these has.
    pub(crate) rows_of: Vec<u64>,
}

/// What an erasure reached.
#[derive(Debug)]
pub(crate) struct Erased {
    pub(crate) rows: u64,
    /// How many of them were this run's and unsent.
    pub(crate) own: u64,
    /// Why their bytes may still be there.
    pub(crate) rest: Result<(), Trouble>,
}

/// A batch of rows that is ours to send for the length of a lease.
#[cfg(feature = "upload")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) batch: i64,
    /// Made by this run; others are sent, but not counted as this run's.
    pub(crate) own: bool,
    pub(crate) signal: Signal,
    /// The number of what it was sent in, if it was.
    pub(crate) load: Option<i64>,
    /// The receivers that have it already, a bit for each.
    pub(crate) done: u8,
    /// Numbers and texts of the rows.
    pub(crate) rows: Vec<(i64, String)>,
}

/// From when a claim holds, and for how long.
#[cfg(feature = "upload")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// Seconds since 1970.
    pub(crate) now: i64,
    #[cfg_attr(not(feature = "store"), expect(dead_code, reason = "memory knows no leases"))]
    pub(crate) length: Duration,
    pub(crate) routes: Routes,
}

/// The receivers that rows are for, a bit for each.
#[cfg(feature = "upload")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Routes {
    /// Those that can be asked now.
    pub(crate) open: u8,
    pub(crate) all: u8,
}

/// What becomes of claimed batches.
#[cfg(feature = "upload")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A server took them, at this time.
    Sent(i64),
    /// They will never be sent, as was decided at this time.
    Rejected(i64),
    /// They are given back.
    Released,
}

/// What becomes of single rows of a claimed batch.
#[cfg(feature = "upload")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// They stay to be seen and are never sent.
    Rejected,
    /// They are deleted.
    Erased,
    /// They are offered again, as a batch of their own.
    Released,
}

/// Why the outbox did not take or give rows; in words for `status()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    why: String,
    pub(crate) lasts: Lasts,
}

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// Another process is writing, the disk is full.
    ForAWhile,
    ForEver,
}

impl Trouble {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Trouble { why: why.into(), lasts: Lasts::ForEver }
    }
}

impl Place {
    pub(crate) fn memory() -> Self {
        let memory = Memory { next: start_of_numbers(), ..Memory::default() };
        Place::Memory(Arc::new(Mutex::new(memory)))
    }

    /// Opens the place for one thread; `run` tells this run's rows from others'.
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory holds one run's rows alone"))]
    pub(crate) fn open(&self, run: u64) -> Result<Outbox, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Place::Disk { directory, limits, fate } => {
                Ok(Outbox::Disk { store: Box::new(Store::open(directory, *limits)?), run, fate: *fate })
            }
            Place::Memory(memory) => Ok(Outbox::Memory(Arc::clone(memory))),
        }
    }

    /// Writes all rows, oldest first, one a line; tells how many.
    pub(crate) fn export(&self, out: &mut dyn std::io::Write) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Place::Disk { directory, limits, .. } => match Store::open_existing(directory, *limits)? {
                Some(store) => Ok(store.export(out)?),
                None => Ok(0),
            },
            Place::Memory(memory) => {
                let memory = lock(memory);
                for (_, json) in memory.rows() {
                    writeln!(out, "{json}").map_err(|error| Trouble::new(error.to_string()))?;
                }
                Ok(memory.rows().count() as u64)
            }
        }
    }

    /// Erases all rows.
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory holds one run's rows alone"))]
    pub(crate) fn clear(&self, run: u64) -> Result<Erased, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Place::Disk { directory, limits, .. } => {
                let opened = match Store::open_existing(directory, *limits) {
                    Err(error) if !error.is_temporary() => {
                        // A file that cannot be opened can still be erased.
                        crate::store::remove(directory)?;
                        return Ok(Erased { rows: 0, own: 0, rest: Ok(()) });
                    }
                    opened => opened?,
                };
                let Some(mut store) = opened else { return Ok(Erased { rows: 0, own: 0, rest: Ok(()) }) };
                Ok(match store.clear(run)? {
                    Cleared::Gone(store::Erased { rows, own }) => Erased { rows, own, rest: Ok(()) },
                    Cleared::Pending(store::Erased { rows, own }) => Erased {
                        rows,
                        own,
                        rest: Err(Trouble::new(
                            "the records are deleted, but another program is reading the store and keeps their bytes \
                             in its log: close it and clear again",
                        )),
                    },
                })
            }
            Place::Memory(memory) => {
                let mut memory = lock(memory);
                let erased = Erased { rows: memory.rows().count() as u64, own: memory.unsent(), rest: Ok(()) };
                *memory = Memory { next: memory.next, ..Memory::default() };
                Ok(erased)
            }
        }
    }

    /// The newest rows, oldest first.
    pub(crate) fn newest(&self, count: usize) -> Result<Vec<String>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Place::Disk { directory, limits, .. } => {
                let Some(store) = Store::open_existing(directory, *limits)? else { return Ok(Vec::new()) };
                let mut rows: Vec<String> = store.list(count)?.into_iter().map(|row| row.json).collect();
                rows.reverse();
                Ok(rows)
            }
            Place::Memory(memory) => {
                let memory = lock(memory);
                let from = memory.rows().count().saturating_sub(count);
                Ok(memory.rows().skip(from).map(|(_, json)| json.clone()).collect())
            }
        }
    }
}

impl Outbox {
    /// Puts rows in, all or none.
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no age"))]
    pub(crate) fn append(&mut self, rows: &Rows, now: i64) -> Result<Appended, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, fate } => {
                let rows: Vec<_> = rows.iter().map(|row| store::Row::of(row, *run, *fate)).collect();
                let done = store.append(&rows, now)?;
                Ok(Appended {
                    stored: done.stored.into(),
                    evicted: done.evicted_unsent_own.into(),
                    expired: done.expired_unsent_own.into(),
                    first: done.first,
                    batches: done.batches,
                    rows_of: done.rows_of,
                })
            }
            Outbox::Memory(memory) => Ok(lock(memory).append(rows)),
        }
    }

    /// Batches to send, oldest first.
    #[cfg(feature = "upload")]
    pub(crate) fn claim(&mut self, records: u32, bytes: u64, lease: Lease) -> Result<Vec<Claimed>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => {
                let claimed = store.claim(records, bytes, lease.of(*run))?;
                let claimed = claimed.into_iter().map(|claimed| Claimed {
                    batch: claimed.batch,
                    own: claimed.run == *run,
                    signal: claimed.signal,
                    load: claimed.load,
                    done: claimed.done,
                    rows: claimed.rows,
                });
                Ok(claimed.collect())
            }
            Outbox::Memory(memory) => Ok(lock(memory).claim(records, bytes, lease.routes)),
        }
    }

    /// Claims batches of which the caller has so many rows at hand; returns those that it got.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn claim_known(&mut self, batches: &[(i64, u64)], lease: Lease) -> Result<Vec<i64>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(store.claim_known(batches, lease.of(*run))?),
            Outbox::Memory(memory) => Ok(lock(memory).claim_known(batches)),
        }
    }

    /// Notes in what claimed batches are sent together, and which receivers have them.
    #[cfg(feature = "upload")]
    pub(crate) fn note(&mut self, batches: &[i64], load: i64, done: u8) -> Result<(), Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(store.note(batches, *run, load, done)?),
            Outbox::Memory(memory) => {
                lock(memory).note(batches, load, done);
                Ok(())
            }
        }
    }

    /// Makes a claim last anew; returns the batches that are still held.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn renew(&mut self, batches: &[i64], lease: Lease) -> Result<Vec<i64>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(store.renew(batches, lease.of(*run))?),
            Outbox::Memory(memory) => Ok(lock(memory).held(batches)),
        }
    }

    /// Ends the claim of batches; tells how many rows were still held.
    #[cfg(feature = "upload")]
    pub(crate) fn settle(&mut self, batches: &[i64], verdict: Verdict) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => {
                let verdict = match verdict {
                    Verdict::Sent(at) => store::Verdict::Sent(at),
                    Verdict::Rejected(at) => store::Verdict::Rejected(at),
                    Verdict::Released => store::Verdict::Released,
                };
                Ok(store.settle(batches, *run, verdict)?.into())
            }
            Outbox::Memory(memory) => Ok(lock(memory).settle(batches, verdict)),
        }
    }

    /// Takes single rows out of a claimed batch; tells how many.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn part(&mut self, batch: i64, seqs: &[i64], part: Part, now: i64) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => {
                let part = match part {
                    Part::Rejected => store::Part::Rejected,
                    Part::Erased => store::Part::Erased,
                    Part::Released => store::Part::Released,
                };
                Ok(store.part(batch, seqs, *run, part, now)?.into())
            }
            Outbox::Memory(memory) => Ok(lock(memory).part(batch, seqs, part)),
        }
    }

    /// Drops rows that are past their age, as every append does.
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no age"))]
    pub(crate) fn expire(&mut self, now: i64) {
        #[cfg(feature = "store")]
        if let Outbox::Disk { store, .. } = self {
            // What stays because of an error goes with the next append.
            let _ = store.expire(now);
        }
    }

    /// What the owner of the records should know about how the place was found.
    pub(crate) fn finding(&self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } if store.was_reset() => Some("the store was ruined and has been begun anew"),
            _ => None,
        }
    }

    /// Rows that wait to be sent, whoever made them.
    #[cfg(feature = "upload")]
    pub(crate) fn unsent(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(store.unsent()?),
            Outbox::Memory(memory) => Ok(lock(memory).unsent()),
        }
    }

    /// Rows of this run that wait to be sent.
    #[cfg(feature = "upload")]
    pub(crate) fn unsent_own(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(store.unsent_of(*run)?),
            Outbox::Memory(memory) => Ok(lock(memory).unsent()),
        }
    }

    /// Whether this is an access to that place.
    #[cfg(feature = "upload")]
    pub(crate) fn is_of(&self, place: &Place) -> bool {
        match (self, place) {
            #[cfg(feature = "store")]
            (Outbox::Disk { .. }, Place::Disk { .. }) => true,
            (Outbox::Memory(ours), Place::Memory(theirs)) => Arc::ptr_eq(ours, theirs),
            #[cfg(feature = "store")]
            _ => false,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

#[cfg(all(feature = "store", feature = "upload"))]
impl Lease {
    fn of(self, owner: u64) -> store::Lease {
        let Routes { open, all } = self.routes;
        store::Lease { owner, now: self.now, length: self.length, routes: store::Routes { open, all } }
    }
}

/// Rows in memory, bounded in bytes, the oldest dropped.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    batches: VecDeque<Batch>,
    bytes: usize,
    next: i64,
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
        Batch { id, signal, state, load: None, done: 0, rows }
    }
}

impl Memory {
    /// Rows of each kind make a batch.
    fn append(&mut self, rows: &Rows) -> Appended {
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
        Appended { stored: rows.len() as u64, evicted: self.make_room(), expired: 0, first, batches, rows_of }
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
    fn rows(&self) -> impl Iterator<Item = &(i64, String)> {
        let mut rows: Vec<_> = self.batches.iter().flat_map(|batch| &batch.rows).collect();
        rows.sort_unstable_by_key(|(seq, _)| *seq);
        rows.into_iter()
    }

    fn unsent(&self) -> u64 {
        self.batches.iter().filter(|batch| batch.state != State::Done).map(|batch| batch.rows.len() as u64).sum()
    }
}

#[cfg(feature = "upload")]
impl Memory {
    fn claim(&mut self, records: u32, bytes: u64, routes: Routes) -> Vec<Claimed> {
        let mut claimed: Vec<Claimed> = Vec::new();
        let (mut count, mut size) = (0, 0);
        let is_wanted = |batch: &&mut Batch| {
            let done = batch.done;
            batch.state == State::Waiting && (done & routes.open != routes.open || done & routes.all == routes.all)
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
            batch.state = State::Claimed;
            let rows = batch.rows.iter().cloned().collect();
            let Batch { id, signal, load, done, .. } = *batch;
            claimed.push(Claimed { batch: id, own: true, signal, load, done, rows });
        }
        claimed
    }

    fn note(&mut self, batches: &[i64], load: i64, done: u8) {
        let held = |batch: &&mut Batch| batch.state == State::Claimed && batches.contains(&batch.id);
        for batch in self.batches.iter_mut().filter(held) {
            batch.load = Some(load);
            batch.done |= done;
        }
    }

    fn claim_known(&mut self, batches: &[(i64, u64)]) -> Vec<i64> {
        let wanted = |batch: &&mut Batch| {
            batch.state == State::Waiting && batches.contains(&(batch.id, batch.rows.len() as u64))
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

    fn held(&self, batches: &[i64]) -> Vec<i64> {
        let held = self.batches.iter().filter(|batch| batch.state == State::Claimed && batches.contains(&batch.id));
        held.map(|batch| batch.id).collect()
    }

    fn settle(&mut self, batches: &[i64], verdict: Verdict) -> u64 {
        let mut settled = 0;
        for batch in
            self.batches.iter_mut().filter(|batch| batch.state == State::Claimed && batches.contains(&batch.id))
        {
            batch.state = if verdict == Verdict::Released { State::Waiting } else { State::Done };
            settled += batch.rows.len() as u64;
        }
        settled
    }

    fn part(&mut self, batch: i64, seqs: &[i64], part: Part) -> u64 {
        let held = self.batches.iter().position(|known| known.id == batch && known.state == State::Claimed);
        let Some(place) = held else { return 0 };
        let known = &mut self.batches[place];
        let (gone, rows): (VecDeque<_>, _) = known.rows.drain(..).partition(|(seq, _)| seqs.contains(seq));
        known.rows = rows;
        let (count, signal) = (gone.len() as u64, known.signal);
        let state = match part {
            Part::Erased => {
                self.bytes -= gone.iter().map(|(_, json)| json.len()).sum::<usize>();
                return count;
            }
            Part::Rejected => State::Done,
            Part::Released => State::Waiting,
        };
        self.batches.push_back(Batch::new(self.next, signal, state, gone));
        self.next += 1;
        count
    }
}

#[cfg(feature = "store")]
impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble { why: error.to_string(), lasts: if error.is_temporary() { Lasts::ForAWhile } else { Lasts::ForEver } }
    }
}
