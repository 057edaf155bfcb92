//! Forks, which the standard library cannot.

#![allow(dead_code, reason = "each test uses a part")]

use std::time::{Duration, Instant};

/// How long a child may take for all it does.
const CHILD: Duration = Duration::from_secs(10);

/// Runs `work` in a forked child; how long it took, if it ended by itself, and in time.
#[expect(unsafe_code, reason = "the standard library cannot fork")]
pub fn in_a_child(work: impl FnOnce()) -> Result<Duration, &'static str> {
    let start = Instant::now();
    // SAFETY: the child runs on one thread, takes no lock of the test harness, and ends by `_exit`, so that nothing of
    // the harness runs twice. That it may take a lock that another thread held is the very thing under test.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        // SAFETY: it ends the process at once.
        unsafe { libc::_exit(i32::from(done.is_err())) };
    }
    assert!(child > 0, "fork failed");
    let mut status = 0;
    loop {
        // SAFETY: `child` is a child of this process that nobody else waits for.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child {
            let ended_well = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
            return if ended_well { Ok(start.elapsed()) } else { Err("the child panicked or was killed") };
        }
        if start.elapsed() > CHILD {
            // SAFETY: as above; it is not reaped yet, so the number is still its own.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            return Err("the child hangs");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
