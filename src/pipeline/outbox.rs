//! Where records wait: on disk, or in memory where there is no disk to be had.

use std::collections::VecDeque;
#[cfg(feature = "store")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
#[cfg(all(feature = "store", feature = "otlp"))]
use std::time::Duration;

use super::queue::lock;
use crate::record::Row;
#[cfg(feature = "store")]
use crate::store::{Cleared, Fate, Limits, Store, StoreError};

/// Bytes of rows that memory holds in place of a store.
const MEMORY_BYTES: usize = 2 * 1024 * 1024;
/// How long a claim lasts: longer than any request, shorter than somebody's patience after a crash.
#[cfg(all(feature = "store", feature = "otlp"))]
const LEASE: Duration = Duration::from_secs(60);

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) stored: u64,
    /// Unsent records that had to make room.
    pub(crate) evicted: u64,
    /// Unsent records that were too old.
    pub(crate) expired: u64,
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

/// A row that is ours to send for the length of a lease.
#[cfg(feature = "otlp")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) seq: i64,
    /// Made by this run; others are sent, but not counted as this run's.
    pub(crate) own: bool,
    pub(crate) json: String,
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
        Place::Memory(Arc::default())
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
                for row in &memory.rows {
                    writeln!(out, "{}", row.json).map_err(|error| Trouble::new(error.to_string()))?;
                }
                Ok(memory.rows.len() as u64)
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
                let own = store.unsent_of(run)?;
                Ok(match store.clear()? {
                    Cleared::Gone(rows) => Erased { rows, own, rest: Ok(()) },
                    Cleared::Pending(rows) => Erased {
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
                let erased = Erased { rows: memory.rows.len() as u64, own: memory.unsent(), rest: Ok(()) };
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
                let from = memory.rows.len().saturating_sub(count);
                Ok(memory.rows.iter().skip(from).map(|row| row.json.clone()).collect())
            }
        }
    }
}

impl Outbox {
    /// Puts rows in, all or none.
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no age"))]
    pub(crate) fn append(&mut self, rows: &[Row], now: i64) -> Result<Appended, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, fate } => {
                let rows: Vec<_> = rows.iter().map(|row| crate::store::Row::of(row, *run, *fate)).collect();
                let done = store.append(&rows, now)?;
                Ok(Appended {
                    stored: done.stored.into(),
                    evicted: done.evicted_unsent_own.into(),
                    expired: done.expired_unsent_own.into(),
                })
            }
            Outbox::Memory(memory) => Ok(lock(memory).append(rows)),
        }
    }

    /// Rows to send, oldest first.
    #[cfg(feature = "otlp")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn claim(&mut self, records: u32, bytes: u64, now: i64) -> Result<Vec<Claimed>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => {
                let rows = store.claim(records, bytes, now, LEASE)?;
                Ok(rows.into_iter().map(|row| Claimed { seq: row.seq, own: row.run == *run, json: row.json }).collect())
            }
            Outbox::Memory(memory) => Ok(lock(memory).claim(records, bytes)),
        }
    }

    /// Gives claimed rows back.
    #[cfg(feature = "otlp")]
    pub(crate) fn release(&mut self, rows: &[i64]) -> Result<(), Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => store.release(rows).map(drop).map_err(Trouble::from),
            Outbox::Memory(memory) => {
                lock(memory).settle(rows, State::Waiting);
                Ok(())
            }
        }
    }

    /// Notes that a server took the rows; tells of how many.
    #[cfg(feature = "otlp")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn mark_sent(&mut self, rows: &[i64], now: i64) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(store.mark_sent(rows, now)?.into()),
            Outbox::Memory(memory) => Ok(lock(memory).settle(rows, State::Done)),
        }
    }

    /// Notes that the rows will never be sent; tells of how many.
    #[cfg(feature = "otlp")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn mark_rejected(&mut self, rows: &[i64], now: i64) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(store.mark_rejected(rows, now)?.into()),
            Outbox::Memory(memory) => Ok(lock(memory).settle(rows, State::Done)),
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
    #[cfg(feature = "otlp")]
    pub(crate) fn unsent(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(store.unsent()?),
            Outbox::Memory(memory) => Ok(lock(memory).unsent()),
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// Rows in memory, bounded in bytes, the oldest dropped.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    rows: VecDeque<Held>,
    bytes: usize,
    next: i64,
}

#[derive(Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing is ever sent"))]
struct Held {
    seq: i64,
    state: State,
    json: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Claimed,
    Done,
}

impl Memory {
    fn append(&mut self, rows: &[Row]) -> Appended {
        let mut evicted = 0;
        for row in rows {
            let json = row.as_str().to_owned();
            self.bytes += json.len();
            self.rows.push_back(Held { seq: self.next, state: State::Waiting, json });
            self.next += 1;
            while self.bytes > MEMORY_BYTES && self.rows.len() > 1 {
                // What is being sent is not lost.
                let oldest = self.rows.iter().position(|row| row.state != State::Claimed).unwrap_or(0);
                let Some(oldest) = self.rows.remove(oldest) else { break };
                self.bytes -= oldest.json.len();
                evicted += u64::from(oldest.state != State::Done);
            }
        }
        Appended { stored: rows.len() as u64, evicted, expired: 0 }
    }

    fn unsent(&self) -> u64 {
        self.rows.iter().filter(|row| row.state != State::Done).count() as u64
    }

    #[cfg(feature = "otlp")]
    fn claim(&mut self, records: u32, bytes: u64) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        let mut size = 0;
        for row in self.rows.iter_mut().filter(|row| row.state == State::Waiting).take(records as usize) {
            size += row.json.len() as u64;
            if size > bytes && !claimed.is_empty() {
                break;
            }
            row.state = State::Claimed;
            claimed.push(Claimed { seq: row.seq, own: true, json: row.json.clone() });
        }
        claimed
    }

    #[cfg(feature = "otlp")]
    fn settle(&mut self, seqs: &[i64], state: State) -> u64 {
        let mut settled = 0;
        for row in self.rows.iter_mut().filter(|row| row.state == State::Claimed && seqs.contains(&row.seq)) {
            row.state = state;
            settled += 1;
        }
        settled
    }
}

#[cfg(feature = "store")]
impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble { why: error.to_string(), lasts: if error.is_temporary() { Lasts::ForAWhile } else { Lasts::ForEver } }
    }
}
