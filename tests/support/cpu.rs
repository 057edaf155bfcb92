//! What the calling thread itself spends, whatever else the machine has to do.

#![allow(dead_code, reason = "each test uses a part")]

use std::time::Duration;

/// What our own work may cost a thread of the host at most.
pub const MOST: Duration = Duration::from_millis(50);

/// Processor time that `work` takes on this thread.
pub fn time<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let before = used();
    let result = work();
    (result, used() - before)
}

/// Processor time that this thread has taken so far.
#[expect(unsafe_code, reason = "the standard library knows no such clock")]
fn used() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is this frame's own, and written before it is read.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0, "every Unix has this clock");
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).expect("less than a second"))
}
