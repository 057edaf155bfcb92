//! Promise: whatever ends first, the layer, the guard or the program, the host ends as it would without us, and what was
//! logged before a guard was dropped is on disk.

mod support;

#[cfg(feature = "store")]
use std::path::Path;
#[cfg(feature = "store")]
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Host, LONG, TempDir, alone, await_that, on, records, settle};
use tracing::dispatcher::with_default;
use tracing_privacy::{Environment, Telemetry, app};
use tracing_subscriber::prelude::*;

#[cfg(feature = "store")]
/// The name of the test that is a whole host when it runs as a process of its own.
const PROCESS: &str = "a_host_of_its_own";
/// What the process does, and where its home is.
const ROLE: &str = "EARLY_END_ROLE";
const HOME: &str = "EARLY_END_HOME";
#[cfg(feature = "store")]
/// More than a process takes to start and end on a busy machine.
const PROMPT: Duration = Duration::from_secs(20);

/// A drop stores what it can within 50 ms on the wall. A machine that has other things to do may need longer, but not again
/// and again.
const ATTEMPTS: usize = 20;

#[test]
fn a_layer_that_is_dropped_first_leaves_its_records() {
    for host in Host::ALL {
        let (telemetry, memory, _directory) = on("layer-first");
        let dispatch = alone(&telemetry);
        host.run(move || {
            with_default(&dispatch, || {
                let _span = tracing::info_span!("around").entered();
                tracing::info!("inside");
            });
            drop(dispatch);
            tracing::info!("into nothing");
        });
        settle(&telemetry);
        assert_eq!((records(&memory).len(), telemetry.status().counts().stored()), (2, 2), "{host:?}");
    }
}

#[test]
fn a_guard_that_is_dropped_first_leaves_the_layer_collecting() {
    for host in Host::ALL {
        assert!((0..ATTEMPTS).any(|_| is_stored_by_a_drop(host)), "{host:?}: a drop leaves what was logged before it");
    }
}

/// Whether the drop of a guard has stored what was logged just before; all else that it must and must not do is checked.
fn is_stored_by_a_drop(host: Host) -> bool {
    let (telemetry, memory, directory) = on("guard-first");
    let dispatch = alone(&telemetry);
    #[cfg(feature = "store")]
    let store = telemetry.status().store().map(Path::to_owned);
    with_default(&dispatch, || tracing::info!("before"));
    // The first record of all waits for the store to be made, which a drop does not do.
    settle(&telemetry);
    with_default(&dispatch, || tracing::info!("just before"));
    let start = Instant::now();
    host.run(move || drop(telemetry));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(3), "{host:?}: dropping the guard took {took:?}");
    #[cfg(feature = "store")]
    let is_stored = stored(store.as_deref().expect("there is a store")) == 2;
    #[cfg(not(feature = "store"))]
    let is_stored = memory.rows().len() == 2;
    with_default(&dispatch, || {
        let _span = tracing::info_span!("around").entered();
        tracing::info!("after");
    });
    let kept = await_that(LONG, || memory.rows().len() == 4);
    assert!(kept.is_some(), "{host:?}: {:?}", memory.rows());
    drop((dispatch, directory));
    is_stored
}

#[test]
fn a_shutdown_stores_everything_and_takes_no_more() {
    let (telemetry, memory, _directory) = on("shutdown");
    let dispatch = alone(&telemetry);
    with_default(&dispatch, || {
        (0..100).for_each(|_| tracing::info!("before"));
        let _open = tracing::info_span!("open").entered();
        assert_eq!(telemetry.shutdown(LONG), Ok(()));
        (0..100).for_each(|_| tracing::info!("after"));
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(records(&memory).len(), 100);
    assert!(records(&memory).iter().all(|record| record.body() == Some("before")));
}

#[test]
fn dropping_everything_ends_the_threads() {
    let (memory, directory) = (tracing_privacy::Memory::new(), TempDir::new("all-gone"));
    let environment = Environment::fixed([("ALLGONE_TELEMETRY_ENABLED", "true")]).home(directory.path());
    let telemetry =
        Telemetry::builder(app!("allgone")).environment(environment).memory(&memory).start().expect("right settings");
    let threads = || support::our_threads().iter().filter(|name| name.ends_with("allgone")).count();
    let dispatch = alone(&telemetry);
    if cfg!(target_os = "linux") {
        assert!(await_that(LONG, || threads() == 1).is_some());
    }
    with_default(&dispatch, || tracing::info!("at last"));
    drop(telemetry);
    drop(dispatch);
    assert!(await_that(LONG, || threads() == 0).is_some(), "{:?}", support::our_threads());
    assert_eq!(records(&memory).len(), 1);
}

/// Not a test of its own: the body of the processes below.
#[test]
fn a_host_of_its_own() {
    let (Ok(role), Ok(home)) = (std::env::var(ROLE), std::env::var(HOME)) else { return };
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(home);
    let telemetry = Telemetry::builder(app!("acme")).environment(environment).start().expect("right settings");
    tracing_subscriber::registry().with(telemetry.layer()).init();
    // The store is made before, so that the budget of a drop is not spent on that.
    tracing::info!("first");
    settle(&telemetry);
    let span = tracing::info_span!("never closed").entered();
    (0..50).for_each(|_| tracing::info!("logged"));
    match role.as_str() {
        "return" => {}
        "drop" => drop(telemetry),
        "exit" => std::process::exit(7),
        "exit with all forgotten" => {
            std::mem::forget((telemetry, span));
            std::process::exit(7)
        }
        "abort" => std::process::abort(),
        "busy" => {
            for _ in 0..4 {
                std::thread::spawn(|| {
                    loop {
                        tracing::info!("without an end");
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(20));
            std::process::exit(7)
        }
        "panic" => panic!("the host's own"),
        role => unreachable!("{role}"),
    }
}

/// Runs the host in this role; its exit code and the records that are on disk.
#[cfg(feature = "store")]
fn host(role: &str) -> (Option<i32>, Vec<String>) {
    let directory = TempDir::new("process");
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe().expect("it runs"))
        .args([PROCESS, "--exact", "--test-threads=1"])
        .env(ROLE, role)
        .env(HOME, directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs again");
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if start.elapsed() > PROMPT {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{role}: the host does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(directory.path());
    let telemetry = Telemetry::builder(app!("acme")).environment(environment).start().expect("right settings");
    settle(&telemetry);
    let rows = telemetry.records(1_000_000).expect("the store is read");
    (status.code(), rows)
}

#[test]
#[cfg(feature = "store")]
fn a_program_that_drops_its_guard_has_everything_on_disk() {
    for role in ["return", "drop"] {
        let has_everything = |_| {
            let (code, rows) = host(role);
            assert_eq!(code, Some(0), "{role}");
            rows.iter().filter(|row| row.contains("\"logged\"")).count() == 50
        };
        assert!((0..ATTEMPTS).any(has_everything), "{role}");
    }
}

#[test]
#[cfg(feature = "store")]
fn a_program_that_ends_without_a_word_ends_as_it_would_have() {
    for (role, code) in [
        ("exit", Some(7)),
        ("exit with all forgotten", Some(7)),
        ("busy", Some(7)),
        ("panic", Some(101)),
        ("abort", None),
    ] {
        let (ended, rows) = host(role);
        assert_eq!(ended, code, "{role}");
        assert!(rows.iter().any(|row| row.contains("\"first\"")), "{role}: what was stored stays: {rows:?}");
        assert!(rows.iter().all(|row| row.starts_with('{') && row.ends_with('}')), "{role}");
    }
}

/// Records that are on disk at this moment.
#[cfg(feature = "store")]
fn stored(path: &Path) -> i64 {
    let store = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
    let store = store.expect("the store is there");
    store.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).expect("it can be read")
}
