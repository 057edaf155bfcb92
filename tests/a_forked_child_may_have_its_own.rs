//! Promise: a child that the host forks, and that starts telemetry of its own or says yes to it, has ids like nobody else's
//! and loses no span.

#![cfg(unix)]

#[path = "support/fork.rs"]
mod fork;
mod support;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fork::in_a_child;
use support::{LONG, TempDir, alone, records, settle, switchable};
use tracing::dispatcher::with_default;
use tracing_privacy::{Environment, Memory, Telemetry, app};

/// A child inherits the locks that other threads hold at that moment, those of `tracing` and of the other test among them.
fn alone_in_the_process() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Trace and span ids of telemetry that is started now, and has no home to keep records in.
fn ids() -> Vec<String> {
    let (memory, environment) = (Memory::new(), Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]));
    let telemetry =
        Telemetry::builder(app!("acme")).environment(environment).memory(&memory).start().expect("it is right");
    with_default(&alone(&telemetry), || (0..3).for_each(|_| drop(tracing::info_span!("job"))));
    settle(&telemetry);
    let ids =
        |record: &support::Record| [record.trace_id(), record.span_id()].map(|id| id.expect("it is a span").to_owned());
    records(&memory).iter().flat_map(ids).collect()
}

#[test]
fn ids_of_forked_processes_are_all_different() {
    let _one = alone_in_the_process();
    let shared = TempDir::new("fork-ids-shared");
    let mut all = ids();
    for worker in 0..3 {
        let told = shared.path().join(format!("{worker}"));
        let done = in_a_child(|| std::fs::write(&told, ids().join(" ")).expect("it is told"));
        assert!(done.is_ok(), "{done:?}");
        let told = std::fs::read_to_string(&told).expect("it was told");
        all.extend(told.split(' ').map(str::to_owned));
    }
    all.extend(ids());
    assert_eq!(all.len(), 5 * 6);
    let different: HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "{all:#?}");
}

/// SQLite has locks for the whole process, and a child that is forked while another thread is inside finds them closed for ever.
#[cfg(feature = "store")]
#[test]
fn a_child_of_a_process_that_uses_the_store_keeps_its_own_records_in_memory() {
    let _one = alone_in_the_process();
    let (parent, _memory, _directory) = support::on_with("fork-parent", |builder| builder);
    with_default(&alone(&parent), || tracing::info!("of the parent"));
    settle(&parent);
    assert_eq!(parent.records(10).expect("the store is there").len(), 1);
    let (memory, home) = (Memory::new(), TempDir::new("fork-child"));
    let done = in_a_child(|| {
        let telemetry = support::builder(&home, &memory).start().expect("the settings are right");
        with_default(&alone(&telemetry), || tracing::info!("of the child"));
        settle(&telemetry);
        let status = telemetry.status();
        let said = |note: &String| {
            note.starts_with("records are kept in memory only") && note.contains("after the fork alone")
        };
        assert!(status.notes().iter().any(said), "{status}");
        assert_eq!((memory.rows().len(), status.counts().stored()), (1, 1), "{status}");
        let kept = telemetry.records(10).expect("they are in memory");
        assert_eq!(kept.len(), 1, "{status}");
    });
    assert!(done.is_ok(), "{done:?}");
    let is_store = |(path, _): &(std::path::PathBuf, Vec<u8>)| path.to_string_lossy().contains("telemetry.db");
    assert!(!home.contents().iter().any(is_store), "{:?}", home.contents());
}

#[test]
fn a_child_that_says_yes_loses_no_span_of_threads_that_meet() {
    const THREADS: u64 = 8;
    const SPANS: u64 = 100;
    let _one = alone_in_the_process();
    // Installed before the fork, as a daemon does.
    let (mut telemetry, memory, _directory) = switchable("fork-grant");
    let subscriber = alone(&telemetry);
    let done = in_a_child(|| {
        telemetry.grant();
        assert!(telemetry.is_on(), "{}", telemetry.status());
        with_default(&subscriber, || {
            let root = tracing::info_span!("root");
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    let (root, subscriber) = (&root, &subscriber);
                    scope.spawn(move || {
                        with_default(subscriber, || {
                            for number in 0..SPANS {
                                drop(tracing::info_span!(parent: root, "job"));
                                // So that they meet at the span's lock.
                                (0..200).for_each(|_| {
                                    root.follows_from(root.id());
                                });
                                if number % 50 == 0 {
                                    std::thread::sleep(Duration::from_millis(1));
                                }
                            }
                        });
                    });
                }
            });
        });
        assert_eq!(telemetry.flush(LONG), Ok(()));
        let counts = *telemetry.status().counts();
        assert_eq!((counts.produced(), counts.dropped()), (THREADS * SPANS + 1, 0), "{counts}");
        let orphans = records(&memory).iter().filter(|record| record.parent_id().is_none()).count();
        assert_eq!(orphans, 1, "the root alone has no parent");
    });
    assert!(done.is_ok(), "{done:?}");
}
