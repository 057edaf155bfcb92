//! Threads of our own, on which nothing is recorded: what the exporters' stack logs there must not feed them.

use std::cell::Cell;

thread_local! {
    static MUTED: Cell<bool> = const { Cell::new(false) };
}

/// From now on, nothing is recorded on this thread.
pub(crate) fn this_thread() {
    // A thread that starts has its locals.
    let _ = MUTED.try_with(|muted| muted.set(true));
}

/// Whether nothing is recorded on this thread.
#[inline]
pub(crate) fn is_muted() -> bool {
    MUTED.try_with(Cell::get).unwrap_or(true)
}
