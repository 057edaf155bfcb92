//! Where records wait: on disk, or in memory where there is no disk to be had.

mod memory;
mod place;

use std::sync::{Arc, Mutex};

use self::memory::Memory;
pub(crate) use self::place::Place;
use super::queue::lock;
#[cfg(feature = "upload")]
use crate::record::claim::{Answers, Claimed, Lease, Part, Suspect, Verdict};
use crate::record::{Rows, Signal};
#[cfg(feature = "store")]
use crate::store::{self, Fate, Store, StoreError};

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

/// Asks the store as this run, or the memory in place of one.
#[cfg(feature = "upload")]
macro_rules! either {
    ($outbox:expr; $store:pat => $kept:expr; $memory:pat => $held:expr) => {
        match $outbox {
            #[cfg(feature = "store")]
            Outbox::Disk { store, run, .. } => {
                let mut store = lock(store);
                let $store = (&mut *store, *run);
                Ok($kept?)
            }
            Outbox::Memory(memory) => {
                let mut memory = lock(memory);
                let $memory = &mut *memory;
                Ok($held)
            }
        }
    };
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
        either!(self;
            (store, _) => store.claim(records, bytes, lease, before);
            memory => memory.claim(records, bytes, lease.routes, before))
    }

    /// What was sent together under this number.
    #[cfg(feature = "upload")]
    pub(crate) fn claim_load(&mut self, load: i64, lease: Lease) -> Result<Vec<Claimed>, Trouble> {
        either!(self; (store, _) => store.claim_load(load, lease); memory => memory.claim_load(load, lease.routes))
    }

    /// The loads that wait although a receiver was asked to take them. `all` are the receivers of this run.
    #[cfg(feature = "upload")]
    pub(crate) fn suspects(&self, all: u8) -> Result<Vec<Suspect>, Trouble> {
        either!(self; (store, _) => store.suspects(); memory => memory.suspects(all))
    }

    /// Remembers what is known of loads at which a receiver failed.
    #[cfg(feature = "upload")]
    pub(crate) fn suspect(&mut self, suspects: &[Suspect]) -> Result<(), Trouble> {
        either!(self; (store, _) => store.suspect(suspects); memory => memory.suspect(suspects))
    }

    /// Claims batches of which the caller has so many rows at hand; returns those that it got.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn claim_known(&mut self, batches: &[(i64, u64)], lease: Lease) -> Result<Vec<i64>, Trouble> {
        either!(self; (store, _) => store.claim_known(batches, lease); memory => memory.claim_known(batches))
    }

    /// Notes in what claimed batches are sent together, and what receivers answered.
    #[cfg(feature = "upload")]
    pub(crate) fn note(&mut self, batches: &[i64], load: i64, answers: Answers) -> Result<(), Trouble> {
        either!(self;
            (store, run) => store.note(batches, run, load, answers);
            memory => memory.note(batches, load, answers))
    }

    /// Makes a claim last anew; returns the batches that are still held.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory knows no leases"))]
    pub(crate) fn renew(&mut self, batches: &[i64], lease: Lease) -> Result<Vec<i64>, Trouble> {
        either!(self; (store, _) => store.renew(batches, lease); memory => memory.held(batches))
    }

    /// Ends the claim of batches; tells how many rows were still held.
    #[cfg(feature = "upload")]
    pub(crate) fn settle(&mut self, batches: &[i64], verdict: Verdict) -> Result<u64, Trouble> {
        either!(self;
            (store, run) => store.settle(batches, run, verdict).map(u64::from);
            memory => memory.settle(batches, verdict))
    }

    /// Takes single rows out of a claimed batch; tells how many.
    #[cfg(feature = "upload")]
    #[cfg_attr(not(feature = "store"), expect(unused_variables, reason = "memory notes no times"))]
    pub(crate) fn part(&mut self, batch: i64, seqs: &[i64], part: Part, now: i64) -> Result<u64, Trouble> {
        either!(self;
            (store, owner) => store.part(store::HeldRows { batch, seqs, owner }, part, now).map(u64::from);
            memory => memory.part(batch, seqs, part))
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
        either!(self; (store, _) => store.unsent(); memory => memory.unsent())
    }

    /// Rows that wait for others than those to whom this run sends.
    #[cfg(feature = "upload")]
    pub(crate) fn unsent_elsewhere(&self) -> Result<u64, Trouble> {
        either!(self; (store, _) => store.unsent_elsewhere(); _memory => 0)
    }

    /// Rows of this run that wait to be sent.
    #[cfg(feature = "upload")]
    pub(crate) fn unsent_own(&self) -> Result<u64, Trouble> {
        either!(self; (store, run) => store.unsent_of(run); memory => memory.unsent())
    }

    /// Rows that wait to be sent, whoever made them, but for what a receiver failed at.
    #[cfg(feature = "upload")]
    pub(crate) fn untried(&self) -> Result<u64, Trouble> {
        either!(self; (store, _) => store.untried(); memory => memory.untried())
    }

    /// Rows of this run that wait to be sent, but for what a receiver failed at.
    #[cfg(feature = "upload")]
    pub(crate) fn untried_own(&self) -> Result<u64, Trouble> {
        either!(self; (store, run) => store.untried_of(run); memory => memory.untried())
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
