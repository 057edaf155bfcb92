//! A global allocator that counts how often each thread asks for memory.

#![allow(dead_code, unreachable_pub)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// To be the program's `#[global_allocator]`.
pub struct Counting;

/// While nobody counts, asking costs a load and a branch, so that times and instruction counts stay what they are.
static COUNTS: AtomicBool = AtomicBool::new(false);

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread asked for memory, or for more of it, while `work` ran.
pub fn counted(work: impl FnOnce()) -> u64 {
    COUNTS.store(true, Ordering::Relaxed);
    let before = ASKED.get();
    work();
    let asked = ASKED.get() - before;
    COUNTS.store(false, Ordering::Relaxed);
    asked
}

fn count() {
    if COUNTS.load(Ordering::Relaxed) {
        // A thread that has no locals any more is not the one that counts.
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
    }
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
