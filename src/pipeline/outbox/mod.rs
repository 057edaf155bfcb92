//! Where records wait: on disk, or in memory where there is no disk to be had.

mod memory;

#[cfg(feature = "store")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use self::memory::Memory;
use super::queue::lock;
use crate::app::random::start_of_numbers;
#[cfg(feature = "upload")]
use crate::record::Addressee;
#[cfg(feature = "store")]
use crate::record::Hosts;
#[cfg(feature = "upload")]
use crate::record::claim::{Answers, Claimed, Lease, Part, Suspect, Verdict};
use crate::record::{Rows, Signal};
#[cfg(feature = "store")]
use crate::store::{self, Cleared, Fate, Limits, Store, StoreError};

/// The place itself, from which an [`Outbox`] is opened.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    #[cfg(feature = "store")]
    Disk {
        directory: PathBuf,
        limits: Limits,
        /// Where what is kept there may go.
        hosts: Hosts,
    },
    Memory(Arc<Mutex<Memory>>),
}

/// Access to the place. Its clones share it, and take turns.
#[derive(Clone, Debug)]
pub(crate) enum Outbox {
    #[cfg(feature = "store")]
    Disk {
        store: Arc<Mutex<Store>>,
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
    /// The same of other runs, which nobody else counts.
    pub(crate) of_others: OfOthers,
    /// The number of the first row that was stored; the others follow it.
    pub(crate) first: i64,
    /// The batches that hold them, which are claimed and settled as wholes, each with its kind of records.
    pub(crate) batches: Vec<(i64, Signal)>,
    /// How many rows each of these has.
    pub(crate) rows_of: Vec<u64>,
}

/// Unsent records of other runs that are gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OfOthers {
    pub(crate) evicted: u64,
    pub(crate) expired: u64,
}

impl OfOthers {
    /// What a status says of them.
    pub(crate) fn notes(self) -> impl Iterator<Item = String> {
        let gone =
            |count: u64, why: &str| (count > 0).then(|| format!("records of other runs were deleted unsent: {why}"));
        let full = gone(self.evicted, "the store was full");
        full.into_iter().chain(gone(self.expired, "they were older than 30 days"))
    }
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
        let memory = Memory::starting_at(start_of_numbers());
        Place::Memory(Arc::new(Mutex::new(memory)))
    }

    /// This place, where what is kept may go to these receivers.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory holds one run's rows alone"))]
    pub(crate) fn for_hosts(self, receivers: impl IntoIterator<Item = impl Into<Addressee>>) -> Self {
        match self {
            #[cfg(feature = "store")]
            Place::Disk { directory, limits, .. } => Place::Disk { directory, limits, hosts: Hosts::of(receivers) },
            Place::Memory(memory) => Place::Memory(memory),
        }
    }

    /// Opens the place; `run` tells this run's rows from others'.
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory holds one run's rows alone"))]
    pub(crate) fn open(&self, run: u64) -> Result<Outbox, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Place::Disk { directory, limits, hosts } => {
                // What is not sent by the run that keeps it is not sent later either: nobody agreed to that.
                let fate = if hosts.is_none() { Fate::Local } else { Fate::ToSend };
                let store = Store::open(directory, *limits)?.for_hosts(hosts.clone());
                Ok(Outbox::Disk { store: Arc::new(Mutex::new(store)), run, fate })
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
                memory.clear();
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
                let done = lock(store).append(&rows, now)?;
                Ok(Appended {
                    stored: done.stored.into(),
                    evicted: done.evicted_unsent_own.into(),
                    expired: done.expired_unsent_own.into(),
                    of_others: OfOthers {
                        evicted: u64::from(done.evicted_unsent - done.evicted_unsent_own),
                        expired: u64::from(done.expired_unsent - done.expired_unsent_own),
                    },
                    first: done.first,
                    batches: done.batches,
                    rows_of: done.rows_of,
                })
            }
            Outbox::Memory(memory) => Ok(lock(memory).append(rows)),
        }
    }

    /// Batches to send, oldest first, of those before `before` and of those that were sent together once, which go together
    /// again; none at which a receiver failed.
    #[cfg(feature = "upload")]
    pub(crate) fn claim(
        &mut self,
        records: u32,
        bytes: u64,
        lease: Lease,
        before: i64,
    ) -> Result<Vec<Claimed>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).claim(records, bytes, lease, before)?),
            Outbox::Memory(memory) => Ok(lock(memory).claim(records, bytes, lease.routes, before)),
        }
    }

    /// What was sent together under this number.
    #[cfg(feature = "upload")]
    pub(crate) fn claim_load(&mut self, load: i64, lease: Lease) -> Result<Vec<Claimed>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).claim_load(load, lease)?),
            Outbox::Memory(memory) => Ok(lock(memory).claim_load(load, lease.routes)),
        }
    }

    /// The loads that wait although a receiver was asked to take them.
    #[cfg(feature = "upload")]
    pub(crate) fn suspects(&self) -> Result<Vec<Suspect>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).suspects()?),
            Outbox::Memory(memory) => Ok(lock(memory).suspects()),
        }
    }

    /// Remembers what is known of loads at which a receiver failed.
    #[cfg(feature = "upload")]
    pub(crate) fn suspect(&mut self, suspects: &[Suspect]) -> Result<(), Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).suspect(suspects)?),
            Outbox::Memory(memory) => {
                lock(memory).suspect(suspects);
                Ok(())
            }
        }
    }

    /// Claims batches of which the caller has so many rows at hand; returns those that it got.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn claim_known(&mut self, batches: &[(i64, u64)], lease: Lease) -> Result<Vec<i64>, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).claim_known(batches, lease)?),
            Outbox::Memory(memory) => Ok(lock(memory).claim_known(batches)),
        }
    }

    /// Notes in what claimed batches are sent together, and what receivers answered.
    #[cfg(feature = "upload")]
    pub(crate) fn note(&mut self, batches: &[i64], load: i64, answers: Answers) -> Result<(), Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(lock(store).note(batches, *run, load, answers)?),
            Outbox::Memory(memory) => {
                lock(memory).note(batches, load, answers);
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
            Outbox::Disk { store, .. } => Ok(lock(store).renew(batches, lease)?),
            Outbox::Memory(memory) => Ok(lock(memory).held(batches)),
        }
    }

    /// Ends the claim of batches; tells how many rows were still held.
    #[cfg(feature = "upload")]
    pub(crate) fn settle(&mut self, batches: &[i64], verdict: Verdict) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(lock(store).settle(batches, *run, verdict)?.into()),
            Outbox::Memory(memory) => Ok(lock(memory).settle(batches, verdict)),
        }
    }

    /// Takes single rows out of a claimed batch; tells how many.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn part(&mut self, batch: i64, seqs: &[i64], part: Part, now: i64) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(lock(store).part(batch, seqs, *run, part, now)?.into()),
            Outbox::Memory(memory) => Ok(lock(memory).part(batch, seqs, part)),
        }
    }

    /// Drops rows that are past their age, as every append does. Before the first append all of them are other runs'.
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no age"))]
    pub(crate) fn expire(&mut self, now: i64) -> OfOthers {
        #[cfg(feature = "store")]
        if let Outbox::Disk { store, .. } = self {
            // What stays because of an error goes with the next append.
            return OfOthers { evicted: 0, expired: lock(store).expire(now).unwrap_or(0).into() };
        }
        OfOthers::default()
    }

    /// What the owner of the records should know about how the place was found.
    pub(crate) fn finding(&self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } if lock(store).was_reset() => {
                Some("the store was ruined and has been begun anew")
            }
            _ => None,
        }
    }

    /// Rows that wait to be sent, whoever made them.
    #[cfg(feature = "upload")]
    pub(crate) fn unsent(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).unsent()?),
            Outbox::Memory(memory) => Ok(lock(memory).unsent()),
        }
    }

    /// Rows that wait for hosts to which this run does not send.
    #[cfg(feature = "upload")]
    pub(crate) fn unsent_elsewhere(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).unsent_elsewhere()?),
            Outbox::Memory(_) => Ok(0),
        }
    }

    /// Rows of this run that wait to be sent.
    #[cfg(feature = "upload")]
    pub(crate) fn unsent_own(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(lock(store).unsent_of(*run)?),
            Outbox::Memory(memory) => Ok(lock(memory).unsent()),
        }
    }

    /// Rows that wait to be sent, whoever made them, but for what a receiver failed at.
    #[cfg(feature = "upload")]
    pub(crate) fn untried(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, .. } => Ok(lock(store).untried()?),
            Outbox::Memory(memory) => Ok(lock(memory).untried()),
        }
    }

    /// Rows of this run that wait to be sent, but for what a receiver failed at.
    #[cfg(feature = "upload")]
    pub(crate) fn untried_own(&self) -> Result<u64, Trouble> {
        match self {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => Ok(lock(store).untried_of(*run)?),
            Outbox::Memory(memory) => Ok(lock(memory).untried()),
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

#[cfg(feature = "store")]
impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble { why: error.to_string(), lasts: if error.is_temporary() { Lasts::ForAWhile } else { Lasts::ForEver } }
    }
}
