//! Promise 4, with no room on the disk: nothing panics, no call holds the host up, what cannot be kept any longer is counted,
//! and as soon as there is room again everything goes on. The host is a process of its own, whose files the system cuts
//! off at a size.

#![cfg(all(unix, feature = "store"))]

#[path = "support/cpu.rs"]
mod cpu;
mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use support::{LONG, TempDir, alone, await_that};
use tracing::dispatcher::with_default;
use tracing_privacy::{Counts, Environment, Loss, Telemetry, Unfinished, app};

/// The name of the test that is a whole host when it runs as a process of its own.
const PROCESS: &str = "a_host_whose_disk_is_full";
/// Where its home is.
const HOME: &str = "FULL_DISK_HOME";

/// Not a test of its own: the process of the test below.
#[test]
fn a_host_whose_disk_is_full() {
    let Ok(home) = std::env::var(HOME) else { return };
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home);
    let telemetry = Telemetry::builder(app!("acme")).environment(environment).start().expect("right settings");
    let dispatch = alone(&telemetry);
    let text = "a sentence without anybody's data in it ".repeat(10);
    let mut logged = 0;
    let mut log = |records: u64| {
        with_default(&dispatch, || {
            for number in 0..records {
                let ((), took) = cpu::time(|| tracing::info!(number, text, "order placed"));
                assert!(took < cpu::MOST, "an event took {took:?} of the host's time");
            }
        });
        logged += records;
        logged
    };
    let flush = |deadline| {
        let (flushed, took) = cpu::time(|| telemetry.flush(deadline));
        assert!(took < cpu::MOST, "a flush took {took:?} of the host's time");
        flushed
    };
    let counts = || balanced(&telemetry);

    // Until nothing more goes in. What did is stored, and what did not waits.
    while flush(LONG).is_ok() {
        assert!(log(100) < 4_000, "the disk is full at some time: {}", telemetry.status());
    }
    let full = counts();
    assert!(full.stored() > 0 && full.pending() > 0 && full.dropped() == 0, "{full}");
    let notes = telemetry.status().notes().join("\n");
    assert!(notes.contains("could not be stored"), "{notes}");
    assert_eq!(flush(Duration::from_millis(1)), Err(Unfinished::Store));

    // Longer than records can wait, and in portions that the queue can hold.
    let most = full.produced() + 20_000;
    while counts().lost(Loss::StoreFailed) == 0 {
        assert!(log(500) < most, "{}", telemetry.status());
        let _ = flush(LONG);
    }
    let lost = counts();
    assert_eq!(lost.dropped(), lost.lost(Loss::StoreFailed), "{lost}");
    assert_eq!(lost.stored(), full.stored(), "{lost}");
    assert!(telemetry.status().store().is_some(), "it is no reason to give up the disk: {}", telemetry.status());

    // There is room again.
    make_room();
    let logged = log(100);
    assert!(await_that(LONG, || flush(LONG).is_ok()).is_some(), "{}", telemetry.status());
    let after = counts();
    assert_eq!((after.produced(), after.pending(), after.dropped()), (logged, 0, lost.dropped()), "{after}");
    assert_eq!(after.stored(), logged - lost.dropped(), "{after}");
    let ((), took) = cpu::time(|| drop(telemetry));
    assert!(took < cpu::MOST, "the drop took {took:?} of the host's time");
    std::process::exit(7);
}

#[test]
fn nothing_panics_all_that_is_lost_is_counted_and_it_goes_on_when_there_is_room() {
    let directory = TempDir::new("full-disk");
    let itself = std::env::current_exe().expect("it runs");
    let host = Command::new("sh")
        // A soft limit, in blocks of 512 bytes or 1 KiB, which the process lifts itself; and an error in place of a signal.
        .args(["-c", r#"trap '' XFSZ; ulimit -S -f 1000; exec "$0" "$@""#])
        .arg(itself)
        .args([PROCESS, "--exact", "--test-threads=1", "--nocapture"])
        .env(HOME, directory.path())
        .stdin(Stdio::null())
        .output()
        .expect("there is a shell");
    let said = [host.stdout, host.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_eq!(host.status.code(), Some(7), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[track_caller]
fn balanced(telemetry: &Telemetry) -> Counts {
    let counts = *telemetry.status().counts();
    assert_eq!(counts.produced(), counts.sent() + counts.stored() + counts.dropped() + counts.pending(), "{counts}");
    counts
}

#[expect(unsafe_code, reason = "the standard library knows no limits")]
fn make_room() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is this frame's own.
    let lifted = unsafe {
        libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) == 0
        }
    };
    assert!(lifted, "a soft limit can be lifted");
}
