//! Promise: when `withdraw()` returns, not one more record is stored, whoever is logging meanwhile and whatever was
//! queued; and nothing starts a second time.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use support::{Host, alone, await_that, builder, our_threads, records, settle, span};
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing_privacy::consent::{Considered, Effect, Row, State};
use tracing_privacy::{Environment, Loss, Memory, Os, Telemetry, app};

const THREADS: usize = 8;
/// Longer than the worker lets records gather.
const LATER: Duration = Duration::from_millis(300);

/// Threads that log in a loop, with spans that are opened before and closed after the withdrawal.
struct Loggers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Loggers {
    fn start(host: Host, dispatch: &Dispatch) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..THREADS).map(|number| {
            let (dispatch, stop) = (dispatch.clone(), Arc::clone(&stop));
            std::thread::spawn(move || {
                host.run(move || {
                    with_default(&dispatch, || {
                        let _open = tracing::info_span!("opened before", number).entered();
                        while !stop.load(Ordering::Relaxed) {
                            tracing::info!(user_id = number, "again");
                            drop(tracing::info_span!("short").entered());
                            // The store holds 10,000 records, and a full one would hide that there are more.
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    });
                });
            })
        });
        Loggers { threads: threads.collect(), stop }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
    }
}

/// What is kept: rows on disk, what the memory was shown, and the counter.
fn kept(telemetry: &Telemetry, memory: &Memory) -> (usize, usize, u64) {
    // Who reads the store while it is being made is told to come again.
    let mut rows = telemetry.records(usize::MAX >> 1);
    await_that(support::LONG, || {
        rows = telemetry.records(usize::MAX >> 1);
        rows.is_ok()
    });
    let rows = rows.expect("the store is read").len();
    (rows, memory.rows().len(), telemetry.status().counts().stored())
}

fn rounds(host: Host, count: u64) {
    for round in 0..count {
        let (telemetry, memory, _directory) = support::on("withdrawal");
        let telemetry = Arc::new(telemetry);
        let loggers = Loggers::start(host, &alone(&telemetry));
        // Before, during and after the first sweeps.
        std::thread::sleep(Duration::from_millis(round * 13 % 200));
        let withdrawn = {
            let (telemetry, memory) = (Arc::clone(&telemetry), memory.clone());
            std::thread::spawn(move || {
                telemetry.withdraw();
                (kept(&telemetry, &memory), telemetry)
            })
        };
        let (at_once, others) = withdrawn.join().expect("nothing panics");
        drop(others);
        assert!(!telemetry.is_on() && telemetry.status().is_withdrawn());
        std::thread::sleep(LATER);
        let later = kept(&telemetry, &memory);
        loggers.stop();
        telemetry.flush(support::LONG).expect("there is nothing left to wait for");
        let last = kept(&telemetry, &memory);
        assert_eq!((at_once, at_once), (later, last), "{host:?}, round {round}");
        let counts = *telemetry.status().counts();
        assert!(counts.stored() < 10_000, "the test must log less: {counts}");
        assert_eq!((counts.stored() as usize, counts.pending()), (at_once.0, 0), "{counts}");
        assert_eq!(counts.produced(), counts.stored() + counts.lost(Loss::Withdrawn), "{counts}");
    }
}

#[test]
fn nothing_is_stored_after_it_without_a_runtime() {
    rounds(Host::Plain, 17);
}

#[test]
fn nothing_is_stored_after_it_on_current_thread_runtimes() {
    rounds(Host::CurrentThread, 17);
}

#[test]
fn nothing_is_stored_after_it_on_multi_thread_runtimes() {
    rounds(Host::MultiThread, 16);
}

#[test]
fn what_was_queued_is_gone_and_counted() {
    let was_queued = |_| {
        let (telemetry, memory, _directory) = support::on("queued");
        with_default(&alone(&telemetry), || {
            // The store is made before the queue is filled, so that what is gone was in the queue.
            tracing::info!("stored");
            settle(&telemetry);
            (0..10).for_each(|_| tracing::info!("queued"));
            telemetry.withdraw();
            let _span = tracing::info_span!("too late");
            tracing::info!("too late");
        });
        // What was queued is counted when the worker comes to it.
        await_that(support::LONG, || {
            let counts = *telemetry.status().counts();
            counts.stored() + counts.lost(Loss::Withdrawn) == 11
        });
        let counts = *telemetry.status().counts();
        let (rows, shown, stored) = kept(&telemetry, &memory);
        assert_eq!(
            (rows as u64, shown as u64, counts.lost(Loss::Withdrawn)),
            (stored, stored, 11 - stored),
            "{counts}"
        );
        assert_eq!((counts.produced(), counts.pending()), (11, 0), "{counts}");
        stored == 1
    };
    // Where this thread is held up, the worker stores the ten before they are withdrawn.
    assert!((0..20).any(was_queued), "what was queued is stored");
}

/// Telemetry of an application of this name, since threads are told apart by it; installed, not started.
fn installed(name: &'static str) -> (Telemetry, Memory, support::TempDir) {
    let (memory, directory) = (Memory::new(), support::TempDir::new(name));
    let environment = Environment::fixed([("UNRELATED", "1")]).home(directory.path());
    let builder = Telemetry::builder(app!(name)).environment(environment).memory(&memory).switchable();
    (builder.start().expect("the settings are right"), memory, directory)
}

fn threads_of(name: &str) -> usize {
    our_threads().iter().filter(|thread| thread.ends_with(name)).count()
}

#[test]
fn a_yes_while_running_takes_effect_at_once_and_its_withdrawal_is_final() {
    let (mut telemetry, memory, directory) = installed("granted");
    let dispatch = alone(&telemetry);
    let open = with_default(&dispatch, || {
        tracing::info!("while off");
        tracing::info_span!("opened while off")
    });
    assert!(memory.rows().is_empty() && directory.contents().is_empty() && threads_of("granted") == 0);

    telemetry.grant();
    assert!(telemetry.is_on(), "{}", telemetry.status());
    with_default(&dispatch, || {
        open.in_scope(|| tracing::info!("while on"));
        let _span = tracing::info_span!("opened while on").entered();
        tracing::info!("inside");
    });
    drop(open);
    settle(&telemetry);
    let so_far = records(&memory);
    let bodies: Vec<_> = so_far.iter().filter_map(support::Record::body).collect();
    assert_eq!(bodies, ["while on", "inside"]);
    assert_eq!(support::event(&so_far, "while on").trace_id(), None, "a span from before the yes is not known");
    assert_eq!(span(&so_far, "opened while on").parent_id(), None);
    assert_eq!(so_far.len(), 3);
    if cfg!(target_os = "linux") {
        assert_eq!(threads_of("granted"), 1);
    }

    let before = telemetry.status().store().map(std::path::Path::to_owned);
    telemetry.grant();
    assert_eq!(telemetry.status().store().map(std::path::Path::to_owned), before);
    telemetry.withdraw();
    let ended = await_that(support::LONG, || threads_of("granted") == 0);
    assert!(ended.is_some(), "the worker ends: {:?}", our_threads());
    // Whoever started once more would begin by making its directory.
    std::fs::remove_dir_all(directory.path()).expect("nobody uses it any more");
    for _ in 0..3 {
        let decision = telemetry.grant();
        assert_eq!(decision.state(), State::Off, "{decision}");
        assert!(!telemetry.is_on(), "a withdrawal holds for the rest of the run");
        with_default(&dispatch, || {
            let _span = tracing::info_span!("after").entered();
            tracing::info!("after");
        });
    }
    std::thread::sleep(LATER);
    assert_eq!((records(&memory).len(), threads_of("granted")), (3, 0));
    assert!(!directory.path().exists(), "something started a second time: {:?}", directory.contents());
}

#[test]
fn without_being_switchable_a_yes_waits_for_the_next_start() {
    let (mut telemetry, memory, directory) = support::off("not-switchable");
    let dispatch = alone(&telemetry);
    for _ in 0..2 {
        let decision = telemetry.grant();
        assert_eq!(
            (decision.state(), decision.reason()),
            (
                State::Off,
                "off: the user said yes while the program ran, which counts from the next start; to turn it on save the \
                 yes and start the program again"
            )
        );
        assert_eq!(decision.decided_by().map(Considered::effect), Some(Effect::Void), "{decision}");
    }
    assert!(!telemetry.is_on());
    with_default(&dispatch, || tracing::info!("still off"));
    std::thread::sleep(LATER);
    assert!(memory.rows().is_empty() && directory.contents().is_empty());
}

#[test]
fn a_withdrawal_before_anything_ran_holds_for_the_rest_of_the_run() {
    let (mut telemetry, memory, directory) = installed("early");
    let dispatch = alone(&telemetry);
    telemetry.withdraw();
    assert!(telemetry.status().is_withdrawn(), "{}", telemetry.status());
    for _ in 0..2 {
        let decision = telemetry.grant();
        assert_eq!(decision.state(), State::Off);
        assert!(decision.reason().contains("the no holds until it ends; to turn it on save the yes"), "{decision}");
    }
    assert!(!telemetry.is_on() && threads_of("early") == 0);
    with_default(&dispatch, || tracing::info!("after"));
    std::thread::sleep(LATER);
    assert!(memory.rows().is_empty() && directory.contents().is_empty());
}

#[test]
fn a_veto_that_came_up_since_ends_what_a_yes_asks_for() {
    let (mut telemetry, _memory, directory) = installed("vetoed-since");
    telemetry.grant();
    assert!(telemetry.is_on(), "{}", telemetry.status());
    std::fs::write(directory.path().join(".vetoed-since-no-telemetry"), "").expect("a file can be written");
    let decision = telemetry.grant();
    assert_eq!(decision.decided_by().map(Considered::row), Some(Row::OptOutFile), "{decision}");
    assert!(!telemetry.is_on() && telemetry.status().is_withdrawn());
}

#[test]
fn a_no_that_is_written_while_the_program_runs_is_heard() {
    let (opt_out, config) = (".acme-no-telemetry", ".config/acme/telemetry.toml");
    let saved = ".local/share/acme/telemetry/consent.json";
    for (file, text, words) in [
        (opt_out, "", ".acme-no-telemetry exists"),
        (config, "enabled = false", "telemetry.toml says enabled = false"),
        (saved, r#"{"answer":"no"}"#, "consent.json is no"),
    ] {
        let (memory, directory) = (Memory::new(), support::TempDir::new("said-no-since"));
        let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(directory.path()).os(Os::Linux);
        let telemetry = builder(&directory, &memory).environment(environment).start().expect("the settings are right");
        let dispatch = alone(&telemetry);
        with_default(&dispatch, || tracing::info!("before"));
        settle(&telemetry);
        let path = directory.path().join(file);
        std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("a directory can be made");
        std::fs::write(path, text).expect("a file can be written");
        let heard = await_that(support::LONG, || {
            with_default(&dispatch, || tracing::info!("meanwhile"));
            !telemetry.is_on()
        });
        let status = telemetry.status();
        assert!(heard.is_some() && status.is_withdrawn(), "{file}: {status}");
        let note = status.notes().iter().find(|note| note.starts_with("somebody said no while the program ran: "));
        assert!(note.is_some_and(|note| note.ends_with(words)), "{status}");
        telemetry.flush(support::LONG).expect("there is nothing left to wait for");
        let at_once = kept(&telemetry, &memory);
        assert!(at_once.0 > 0, "what was stored before stays");
        with_default(&dispatch, || tracing::info!("after"));
        std::thread::sleep(LATER);
        assert_eq!(kept(&telemetry, &memory), at_once, "{file}");
    }
}

#[test]
fn the_first_record_after_a_no_is_not_kept_however_soon_it_comes() {
    let (memory, directory) = (Memory::new(), support::TempDir::new("soon-after-no"));
    let telemetry = builder(&directory, &memory).start().expect("the settings are right");
    let dispatch = alone(&telemetry);
    with_default(&dispatch, || tracing::info!("before"));
    settle(&telemetry);
    std::fs::write(directory.path().join(".acme-no-telemetry"), "").expect("a file can be written");
    with_default(&dispatch, || tracing::info!("after"));
    assert!(await_that(support::LONG, || telemetry.status().is_withdrawn()).is_some(), "{}", telemetry.status());
    assert_eq!(kept(&telemetry, &memory), (1, 1, 1));
}

#[test]
fn a_veto_wins_over_a_yes_while_running() {
    let (memory, directory) = (Memory::new(), support::TempDir::new("vetoed"));
    let environment = Environment::fixed([("DO_NOT_TRACK", "1")]).home(directory.path());
    let mut telemetry =
        builder(&directory, &memory).environment(environment).switchable().start().expect("the settings are right");
    let dispatch = alone(&telemetry);
    telemetry.grant();
    assert!(!telemetry.is_on());
    with_default(&dispatch, || tracing::info!("still off"));
    std::thread::sleep(LATER);
    assert!(memory.rows().is_empty() && directory.contents().is_empty());
}
