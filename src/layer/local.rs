//! What each thread of the host has of its own: buffers, ids and its slots in the queues.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::span::Id;

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
    /// A layer, and the span that its registry said the thread is in; zero for none. No layer has the number zero.
    static PLACE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// The span that the thread is in, if that is known: `None` where this layer's registry has to be asked.
#[inline]
pub(super) fn place(layer: u64) -> Option<Option<Id>> {
    let (known, span) = PLACE.try_with(Cell::get).unwrap_or_default();
    (known == layer).then(|| NonZeroU64::new(span).map(Id::from_non_zero_u64))
}

/// Notes the answer of this layer's registry. It holds until the thread enters or leaves a span that the layer hears of.
#[inline]
pub(super) fn note_place(layer: u64, span: Option<&Id>) {
    let _ = PLACE.try_with(|place| place.set((layer, span.map_or(0, Id::into_u64))));
}

/// Forgets it.
#[inline]
pub(super) fn forget_place() {
    let _ = PLACE.try_with(|place| place.set((0, 0)));
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
