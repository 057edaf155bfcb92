//! What each thread of the host has of its own: buffers, ids and its slots in the queues.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::app::random::IdRng;
use crate::pipeline::{Loss, Ports};
use crate::privacy::{CleanSpan, Scratch};

pub(super) struct Local {
    pub(super) scratch: Scratch,
    /// A span that closes.
    pub(super) closing: CleanSpan,
    rng: IdRng,
    /// The youngest pipeline that the ids were for.
    rng_for: u64,
    pub(super) ports: Ports,
    /// For what is logged while a value is being formatted; and how many are kept so, one inside the other.
    nested: Option<Box<Local>>,
    depth: u8,
}

/// Values that log values that log: so deep, what they need is kept for the next time.
const KEPT: u8 = 4;

impl Local {
    #[cold]
    fn new() -> Box<Self> {
        Box::new(Local {
            scratch: Scratch::default(),
            closing: CleanSpan::default(),
            rng: IdRng::unseeded(),
            rng_for: 0,
            ports: Ports::default(),
            nested: None,
            depth: 0,
        })
    }

    /// Makes ids for spans of this pipeline.
    ///
    /// A fork copies the generator, and each child would go on as the others do. But a pipeline runs in one process only: for one
    /// that is younger than all before it there are new seeds.
    #[inline]
    pub(super) fn rng(&mut self, pipeline: u64) -> &mut IdRng {
        if self.rng_for < pipeline {
            (self.rng, self.rng_for) = (IdRng::unseeded(), pipeline);
        }
        &mut self.rng
    }

    /// Keeps what a nested event used.
    #[cold]
    fn keep(&mut self, mut nested: Box<Local>) {
        if nested.depth == KEPT {
            (nested.nested, nested.depth) = (None, 0);
        }
        self.depth = nested.depth + 1;
        self.nested = Some(nested);
    }
}

thread_local! {
    static LOCAL: Cell<Option<Box<Local>>> = const { Cell::new(None) };
}

/// Lends the thread's own to `write`.
///
/// It is taken out for that time: an event that is logged while a value is being formatted finds what the one before it
/// used, or nothing and makes its own, instead of meeting a borrow. `Err` when the thread is so far gone that it has no locals.
#[inline]
pub(super) fn with<R>(write: impl FnOnce(&mut Local) -> R) -> Result<R, Loss> {
    let lend = |cell: &Cell<Option<Box<Local>>>| {
        let mut local = cell.take().unwrap_or_else(Local::new);
        if local.nested.is_some() {
            cell.set(local.nested.take());
        }
        // A panic of ours must not become the application's.
        let result = catch_unwind(AssertUnwindSafe(|| write(&mut local))).map_err(|_| Loss::Panic);
        if let Some(nested) = cell.take() {
            local.keep(nested);
        }
        cell.set(Some(local));
        result
    };
    LOCAL.try_with(lend).unwrap_or(Err(Loss::ThreadExit))
}
