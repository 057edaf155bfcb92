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
    pub(super) rng: IdRng,
    pub(super) ports: Ports,
}

impl Local {
    #[cold]
    fn new() -> Box<Self> {
        Box::new(Local {
            scratch: Scratch::default(),
            closing: CleanSpan::default(),
            rng: IdRng::new(),
            ports: Ports::default(),
        })
    }
}

thread_local! {
    static LOCAL: Cell<Option<Box<Local>>> = const { Cell::new(None) };
}

/// Lends the thread's own to `write`.
///
/// It is taken out for that time: an event that is logged while a value is being formatted finds nothing and makes its
/// own, instead of meeting a borrow. `Err` when the thread is so far gone that it has no locals.
#[inline]
pub(super) fn with<R>(write: impl FnOnce(&mut Local) -> R) -> Result<R, Loss> {
    let taken = LOCAL.try_with(Cell::take).map_err(|_| Loss::ThreadExit)?;
    let mut local = taken.unwrap_or_else(Local::new);
    // A panic of ours must not become the application's.
    let result = catch_unwind(AssertUnwindSafe(|| write(&mut local))).map_err(|_| Loss::Panic);
    // What a nested event left there is dropped: it is the younger one.
    let _ = LOCAL.try_with(|cell| cell.set(Some(local)));
    result
}
