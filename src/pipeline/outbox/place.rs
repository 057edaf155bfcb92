//! Where records wait, whether anything is open there or not: what the owner of the records may do with it.

#[cfg(feature = "store")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::memory::Memory;
use super::{Outbox, Trouble};
use crate::app::random::start_of_numbers;
use crate::pipeline::queue::lock;
#[cfg(feature = "upload")]
use crate::record::Addressee;
#[cfg(feature = "store")]
use crate::record::Hosts;
#[cfg(feature = "store")]
use crate::store::{self, Cleared, Fate, Limits, Store};

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

/// What an erasure reached.
#[derive(Debug)]
pub(crate) struct Erased {
    pub(crate) rows: u64,
    /// How many of them were this run's and unsent.
    pub(crate) own: u64,
    /// Why their bytes may still be there.
    pub(crate) rest: Result<(), Trouble>,
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
