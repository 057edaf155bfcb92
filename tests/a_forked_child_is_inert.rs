//! Promise: a child that the host forks has no telemetry: it logs, flushes, withdraws and ends as if there were none,
//! waits for no lock that another thread of its parent held, and writes nothing. The parent does not notice.
//!
//! The subscriber is a global default, as in a real host: a scoped one has guards of its own.

#![cfg(unix)]

#[path = "support/fork.rs"]
mod fork;
mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use fork::in_a_child;
use support::{TempDir, on, records, settle};
use tracing_privacy::{Memory, Telemetry};
use tracing_subscriber::prelude::*;

static TELEMETRY: Mutex<Option<Telemetry>> = Mutex::new(None);

struct Installed {
    memory: Memory,
    directory: TempDir,
}

/// The one telemetry of this process; the lock also keeps the tests apart.
fn installed() -> (&'static Installed, MutexGuard<'static, Option<Telemetry>>) {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    let mut telemetry = TELEMETRY.lock().unwrap_or_else(PoisonError::into_inner);
    let installed = INSTALLED.get_or_init(|| {
        let (started, memory, directory) = on("fork");
        tracing_subscriber::registry().with(started.layer()).init();
        *telemetry = Some(started);
        Installed { memory, directory }
    });
    (installed, telemetry)
}

fn log_as_a_child() {
    for number in 0..1_000_u64 {
        let _span = tracing::info_span!("of the child", user_id = number).entered();
        tracing::info!(number, "of the child");
    }
}

/// Eight threads that log until they are told to stop; how many records they made.
struct Loggers(Arc<AtomicBool>, Arc<AtomicU64>, Vec<std::thread::JoinHandle<()>>);

impl Loggers {
    fn start() -> Self {
        let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..8).map(|_| {
            let (stop, made) = (Arc::clone(&stop), Arc::clone(&made));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    tracing::info!(
                        text = "some text that makes the record long enough to fill buffers soon",
                        "of the parent"
                    );
                    made.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_micros(300));
                }
            })
        });
        let threads = threads.collect();
        Loggers(stop, made, threads)
    }

    fn stop(self) -> u64 {
        let Loggers(stop, made, threads) = self;
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
        made.load(Ordering::Relaxed)
    }
}

/// Forks `rounds` times on a thread of its own while eight threads log; the parent's counts must be exact.
fn fork_while_others_log(rounds: u32, before: Before, work: fn(&mut Option<Telemetry>)) {
    let (installed, mut telemetry) = installed();
    let host = telemetry.as_ref().expect("it was started");
    settle(host);
    let produced = host.status().counts().produced();
    let loggers = Loggers::start();
    std::thread::sleep(Duration::from_millis(50));
    let copy: &mut Option<Telemetry> = &mut telemetry;
    let ended: Vec<_> = std::thread::scope(|scope| {
        let forking = scope.spawn(|| {
            let fork = |_| {
                if matches!(before, Before::Logs) {
                    tracing::info!("before the fork");
                }
                in_a_child(|| work(copy))
            };
            (0..rounds).map(fork).collect()
        });
        forking.join().expect("nothing panics")
    });
    let made = loggers.stop();
    let host = telemetry.as_ref().expect("only a child took it");
    settle(host);
    let hanging = ended.iter().filter(|ended| ended.is_err()).count();
    assert_eq!(hanging, 0, "of {rounds} children: {ended:?}");
    let by_parent = host.status().counts().produced() - produced;
    let own = if matches!(before, Before::Logs) { u64::from(rounds) } else { 0 };
    assert_eq!(by_parent, made + own, "{}", host.status());
    assert!(!records(&installed.memory).iter().any(|record| record.contains("of the child")));
    let rows = host.records(usize::MAX >> 1).expect("the store is read");
    assert!(!rows.iter().any(|row| row.contains("of the child")));
}

/// What the forking thread does before.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Logs,
}

#[test]
fn a_child_logs_drops_its_guard_and_ends() {
    fork_while_others_log(25, Before::Logs, |telemetry| {
        log_as_a_child();
        drop(telemetry.take());
    });
}

#[test]
fn so_does_one_that_is_forked_by_a_thread_that_never_logged() {
    fork_while_others_log(25, Before::Nothing, |telemetry| {
        log_as_a_child();
        drop(telemetry.take());
    });
}

#[test]
fn a_child_may_flush_withdraw_and_ask() {
    fork_while_others_log(25, Before::Logs, |telemetry| {
        let telemetry = telemetry.take().expect("the child has a copy");
        tracing::info!("of the child");
        assert!(telemetry.flush(Duration::from_secs(60)).is_err(), "a child must not wait for what cannot come");
        telemetry.withdraw();
        assert!(!telemetry.is_on());
        log_as_a_child();
        let _ = telemetry.shutdown(Duration::from_secs(60));
    });
}

#[test]
fn a_child_of_a_quiet_parent_changes_no_file() {
    let (installed, mut telemetry) = installed();
    tracing::info!("so that there are files");
    settle(telemetry.as_ref().expect("it was started"));
    let files = installed.directory.contents();
    let ended = in_a_child(|| {
        log_as_a_child();
        std::thread::sleep(Duration::from_millis(300));
        drop(telemetry.take());
    });
    assert!(ended.is_ok(), "{ended:?}");
    assert!(!files.is_empty() && installed.directory.contents() == files);
    let host = telemetry.as_ref().expect("only the child took it");
    tracing::info!("the parent goes on");
    settle(host);
    assert!(records(&installed.memory).iter().any(|record| record.body() == Some("the parent goes on")));
}
